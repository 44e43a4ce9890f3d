//! What strangers write, taken apart as requests take it: entry points of the fuzz targets and of the
//! property tests. Nothing here is part of the program.

use actix_web::FromRequest as _;
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::test::TestRequest;
use actix_web::web::{self, Bytes};
use futures_util::{FutureExt as _, StreamExt as _, stream};

use super::body::{self, Body};
use super::dialect::Version;
use super::input::Checker;
use super::params::Params;
use super::query::Listing;
use super::streams::frames;
use super::views::{View, views};
use crate::auth::Role;
use crate::store::Query;

/// Frames of one websocket looked at at most.
const FRAMES: usize = 1000;
/// The content types by which a body is understood.
const CONTENT_TYPES: &[&str] = &[
    "application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "multipart/form-data",
];

/// One of the types that there are, in one of the dialects.
fn view(pick: u16) -> &'static View {
    let version = if pick.is_multiple_of(2) { Version::V2Beta } else { Version::V1 };
    let all = views(version, Role::Superadmin).all();
    let at = usize::from(pick / 2) % all.len();
    &all[at]
}

/// The query that a list of the picked type comes to.
pub fn list(pick: u16, query: &str) -> Query {
    let view = view(pick);
    let params = Params::parse(query);
    // What is written into the answer's links reads the same again.
    assert_eq!(Params::parse(&params.query(&[], &[])).pairs(), params.pairs());
    let listing = Listing::parse(view, &params);
    Query {
        ty: view.entry.base,
        kinds: Vec::new(),
        account_id: Some(5),
        with_removed: listing.with_removed,
        sort: listing.sort.map(|sort| sort.1.to_owned()),
        order: listing.order,
        after: listing.after.clone(),
        offset: listing.skip(),
        limit: listing.limit.saturating_add(1),
        conditions: listing.conditions,
    }
}

/// A body of a create and of a change of the picked type. What is accepted is accepted again as it came
/// out of the check, and comes out the same.
pub fn body(pick: u16, bytes: &[u8]) {
    let view = view(pick);
    let kind = CONTENT_TYPES[usize::from(pick) % CONTENT_TYPES.len()];
    let mut params = Params::default();
    let objects = match body::parse(bytes, kind, &mut params) {
        Ok(Body::Object(object)) => vec![object],
        Ok(Body::List(objects)) => objects,
        Err(error) => {
            assert!((400..500).contains(&error.status), "{error:?}");
            return;
        }
    };
    let sees = |_: &crate::model::registry::Entry, id: i64| Ok(id.rem_euclid(2) == 0);
    let checker = Checker {
        dialect: Version::V2Beta.dialect(),
        role: Role::Superadmin,
        plain_ids: true,
        sees: &sees,
        now: 1_000,
        besides: &[],
    };
    for mut object in objects {
        params.merge_into(&mut object);
        for check in [Checker::create, Checker::update] {
            match check(&checker, view.entry, object.clone()) {
                Ok(checked) => {
                    let again = check(&checker, view.entry, checked.clone());
                    assert_eq!(again, Ok(checked), "{}", view.name);
                }
                Err(error) => {
                    assert_eq!(error.status, 422, "{error:?}");
                    assert!(error.field.is_some() && error.message.is_some(), "{error:?}");
                }
            }
        }
    }
}

/// Bytes that a client sends after the handshake of a websocket; returns how many frames were understood.
pub fn websocket(bytes: &[u8]) -> usize {
    let headers = [
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let request = headers.into_iter().fold(TestRequest::default(), TestRequest::insert_header);
    let request = request.to_http_request();
    // In pieces, as the network brings them.
    let pieces: Vec<Result<Bytes, PayloadError>> =
        bytes.chunks(97).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    let mut payload = Payload::from(stream::iter(pieces).boxed_local());
    let Some(Ok(payload)) = web::Payload::from_request(&request, &mut payload).now_or_never()
    else {
        return 0;
    };
    let Ok((_, _, mut messages)) = actix_ws::handle(&request, payload) else { return 0 };
    let mut understood = 0;
    for _ in 0..FRAMES {
        let Some(Some(Ok(message))) = messages.next().now_or_never() else { break };
        understood += 1;
        if let actix_ws::Message::Text(text) = message {
            frame(&text);
        }
    }
    understood
}

/// One text frame of a terminal.
pub fn frame(text: &str) {
    if let Some(frames::Input::Resize(size)) = frames::input(text) {
        assert!(size.cols > 0 && size.rows > 0);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::clock::{Clock, Entropy};
    use crate::model::resource::NewResource;
    use crate::store::Store;

    /// The same inputs at each run: what is found is found again.
    fn config(cases: u32) -> ProptestConfig {
        let rng_seed = proptest::test_runner::RngSeed::Fixed(16);
        ProptestConfig { cases, failure_persistence: None, rng_seed, ..ProptestConfig::default() }
    }

    /// A store with a few rows that lists find.
    fn store(folder: &tempfile::TempDir) -> Store {
        let store =
            Store::open(&folder.path().join("db"), Clock::manual(1000).0, Entropy::seeded(1))
                .unwrap();
        let made = store.write_blocking(|tx| {
            for (ty, name) in [("stack", "web"), ("service", "db"), ("instance", "é'\"%_")] {
                let uuid = tx.entropy.uuid();
                tx.insert(NewResource::new(ty, uuid).name(name).account(5).state("active"))?;
            }
            Ok(())
        });
        made.unwrap();
        store
    }

    /// A parameter of a list: names and values that mean something, and others.
    fn parameter() -> impl Strategy<Value = String> {
        let name = prop_oneof![
            Just("name".to_owned()),
            Just("state".to_owned()),
            Just("id".to_owned()),
            Just("created".to_owned()),
            Just("marker".to_owned()),
            Just("sort".to_owned()),
            Just("limit".to_owned()),
            Just("accountId".to_owned()),
            "[a-zA-Z%_]{0,12}",
        ];
        let modifier =
            prop_oneof![Just(""), Just("_ne"), Just("_like"), Just("_gt"), Just("_null")];
        let value = prop_oneof![
            "m[0-9]{0,20}",
            "-?[0-9]{1,20}",
            "1[a-z]{1,3}[0-9]{1,20}",
            "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{0,8}Z?",
            Just("name".to_owned()),
            any::<String>(),
        ];
        (name, modifier, value)
            .prop_map(|(name, modifier, value)| format!("{name}{modifier}={value}"))
    }

    /// JSON of some depth, with names of fields among its keys.
    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<f64>().prop_map(Into::into),
            "1[a-z]{1,2}[0-9]{1,3}".prop_map(Into::into),
            any::<String>().prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 48, 6, |inner| {
            let key = prop_oneof![
                prop::sample::select(vec![
                    "name",
                    "launchConfig",
                    "stackId",
                    "labels",
                    "ports",
                    "scale",
                    "lbConfig",
                    "portRules",
                    "environment",
                    "healthCheck",
                    "members",
                    "accountId",
                    "uuid",
                ])
                .prop_map(str::to_owned),
                "[a-z]{0,6}",
            ];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
                prop::collection::vec((key, inner), 0..6)
                    .prop_map(|pairs| serde_json::Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    #[test]
    fn lists_of_anything_are_asked_of_the_database() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder);
        let parameters = prop::collection::vec(parameter(), 0..5);
        proptest!(config(400), |(pick in any::<u16>(), parameters in parameters)| {
            let query = list(pick, &parameters.join("&"));
            let found = store.read(|read| Ok((read.list(&query)?, read.count(&query)?)));
            prop_assert!(found.is_ok(), "{:?}", found);
        });
    }

    #[test]
    fn bodies_are_checked_or_refused_and_what_is_checked_stays_as_it_is() {
        proptest!(config(400), |(pick in any::<u16>(), json in json())| {
            body(pick, json.to_string().as_bytes());
        });
        proptest!(config(200), |(pick in any::<u16>(), bytes in any::<Vec<u8>>())| {
            body(pick, &bytes);
        });
    }

    #[test]
    fn websockets_take_any_bytes() {
        assert_eq!(websocket(b"\x81\x85\0\0\0\0aGk=\n\x89\x80\0\0\0\0"), 2);
        assert_eq!(websocket(b"\x81\x8e\0\0\0\0:resizeTTY:1,2"), 1);
        let payload = prop_oneof![".{0,40}", ":resizeTTY:[0-9, ]{0,9}", "[A-Za-z0-9+/=]{0,40}"];
        let frame = (any::<u8>(), payload, any::<bool>());
        proptest!(config(300), |(frames in prop::collection::vec(frame, 0..5), tail in any::<Vec<u8>>())| {
            let mut bytes = Vec::new();
            for (first, text, whole) in frames {
                bytes.push(if whole { 0x81 } else { first });
                bytes.push(0x80 | u8::try_from(text.len().min(125)).unwrap());
                bytes.extend([0; 4]);
                bytes.extend(&text.as_bytes()[..text.len().min(125)]);
                frame_of(&text);
            }
            bytes.extend(tail);
            websocket(&bytes);
        });
    }

    fn frame_of(text: &str) {
        super::frame(text);
    }
}
