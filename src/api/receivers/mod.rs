//! `/v1-webhooks`: what the webhook service of Rancher's did. A receiver is a URL that anybody who has it may
//! call, and that does one thing in one environment, within bounds.
//!
//! The key in the URL is shown once, when the receiver is made; what is kept is its hash. A receiver is a row
//! of `genericObject`, as in Rancher; what it does is kept in a field that the API neither shows nor takes,
//! so that nobody makes or changes one but here.

mod config;
mod run;

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Map, Value, json};

use super::ApiState;
use super::audit::Note;
use super::beside;
use super::body;
use super::call::{Call, Method};
use super::dialect::Version;
use super::hooks;
use super::respond::{self, Reply};
use crate::auth::policy::{self, Verb};
use crate::auth::{Caller, secret};
use crate::error::{Error, Result};
use crate::model::resource::{NewResource, Resource};
use crate::model::{id, registry};
use crate::process;
use crate::store::{Query, Read};
use config::{Config, DRIVERS, Direction, bad};

/// The type that receivers are rows of.
const TYPE: &str = "genericObject";
/// Their kind.
const KIND: &str = "webhookReceiver";
/// The field with what a receiver does; not shown.
const DOES: &str = "receiver";
/// Receivers of one environment at most.
const MOST: usize = 1_000;

/// One call at a time: a scale is read, changed and written.
#[derive(Default)]
pub struct Turns(tokio::sync::Mutex<()>);

/// Path parameters of the receivers' routes.
#[derive(serde::Deserialize)]
pub struct ReceiverPath {
    #[serde(default)]
    tail: String,
}

/// Serves every URL below `/v1-webhooks`.
pub async fn serve(
    request: HttpRequest,
    payload: web::Payload,
    path: web::Path<ReceiverPath>,
    state: web::Data<ApiState>,
) -> HttpResponse {
    let mut call = Call::new(&state, &request, Version::V2Beta, &path.tail);
    call.base = format!("{}/v1-webhooks", call.origin.to_ascii_lowercase());
    let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    if let (Some(Method::Post), ["endpoint"]) = (call.method, segments.as_slice()) {
        let reply = match body::read(payload, state.config.body_limit).await {
            Ok(bytes) => run::run(&state, &call, &bytes).await,
            Err(error) => Err(error),
        };
        let reply = reply.unwrap_or_else(|error| respond::failure(&state.entropy, &error));
        return respond::finish(&state, &call, None, reply);
    }
    let mut note = Note::of(TYPE);
    // The key of a receiver is in its address.
    note.hide(&["url"]);
    beside::serve(&state, &mut call, payload, note, async |call, caller, bytes, note| {
        answer(&state, call, caller, bytes, note).await
    })
    .await
}

async fn answer(
    state: &web::Data<ApiState>,
    call: &Call,
    caller: &Caller,
    bytes: &[u8],
    note: &mut Note,
) -> Result<Reply> {
    let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    let verb = match (call.method()?, segments.as_slice()) {
        (Method::Get, [] | ["schemas"]) => {
            return Ok(collection(call, "schema", "schemas", vec![schema(&call.base)]));
        }
        (Method::Get, ["schemas", "receiver" | "receivers" | "schema" | "schemas"]) => {
            return Ok(reply(200, &schema(&call.base)));
        }
        (Method::Get, ["receivers"]) => Verb::List,
        (Method::Get, ["receivers", _]) => Verb::Get,
        (Method::Post, ["receivers"]) => Verb::Create,
        (Method::Delete, ["receivers", _]) => Verb::Delete,
        (_, ["receivers" | "schemas" | "endpoint", ..] | []) => {
            return Err(respond::not_allowed("a receiver"));
        }
        _ => {
            let path = &call.facts.path;
            return Err(Error::not_found().message(format!("nothing is at {path}")));
        }
    };
    let entry = registry::lookup(TYPE).ok_or_else(Error::not_found)?;
    if !policy::may(caller.role, entry, verb) {
        return Err(respond::not_allowed("a receiver"));
    }
    if !caller.in_project() {
        return Err(bad(
            "receivers are those of an environment: name it in `projectId`, or in the header \
             `X-API-Project-Id`",
        ));
    }
    match (verb, segments.as_slice()) {
        (Verb::Create, _) => create(state, call, caller, bytes, note).await,
        (Verb::Delete, [_, id]) => {
            let row = state.store.read(|read| find(read, caller, id))?;
            note.resource_id = Some(row.id);
            let removed =
                state.store.write(move |tx| process::start(tx, row.id, "remove", Map::new()));
            Ok(reply(200, &shown(call, &removed.await?, None)))
        }
        (Verb::Get, [_, id]) => {
            Ok(reply(200, &shown(call, &state.store.read(|read| find(read, caller, id))?, None)))
        }
        _ => {
            let rows = state.store.read(|read| all(read, caller.account_id))?;
            let data = rows.iter().map(|row| shown(call, row, None)).collect();
            Ok(collection(call, "receiver", "receivers", data))
        }
    }
}

/// Whether a row is a receiver, and not one that somebody wrote a likeness of. One is there from when it was made
/// and gone from when it is to go, however long its processes take.
fn is_receiver(row: &Resource) -> bool {
    let stays = row.removed.is_none() && row.state != "removing";
    row.kind == KIND && stays && row.map(DOES).is_some()
}

fn all(read: &Read<'_>, project: i64) -> Result<Vec<Resource>> {
    let query = Query {
        ty: TYPE,
        kinds: vec![KIND],
        account_id: Some(project),
        limit: MOST,
        ..Query::default()
    };
    Ok(read.list(&query)?.into_iter().filter(is_receiver).collect())
}

fn find(read: &Read<'_>, caller: &Caller, text: &str) -> Result<Resource> {
    let row = id::parse(text).map(|id| read.get(id)).transpose()?.flatten();
    let row = row.filter(|row| row.ty == TYPE && row.account_id == Some(caller.account_id));
    row.filter(is_receiver)
        .ok_or_else(|| Error::not_found().message(format!("there is no receiver `{text}`")))
}

async fn create(
    state: &web::Data<ApiState>,
    call: &Call,
    caller: &Caller,
    bytes: &[u8],
    note: &mut Note,
) -> Result<Reply> {
    let given: Map<String, Value> = serde_json::from_slice(bytes)
        .map_err(|error| bad(format!("the body is no JSON object: {error}")))?;
    let text = |field: &str| given.get(field).and_then(Value::as_str).unwrap_or("").trim();
    let (name, driver) = (text("name").to_owned(), text("driver").to_owned());
    if name.is_empty() || name.len() > 255 {
        return Err(bad("`name` has to have from 1 to 255 characters"));
    }
    let nothing = Map::new();
    let field = DRIVERS.iter().find(|known| known.0 == driver).map(|known| known.1);
    let own = field.and_then(|field| given.get(field)).and_then(Value::as_object);
    let own = own.unwrap_or(&nothing).clone();
    let does = config::read(&driver, &own)?;
    let mut random = [0u8; 32];
    state.entropy.fill(&mut random);
    let key = hex::encode(random);
    let (hash, caller, store) = (secret::sha256_hex(&key), caller.clone(), state.store.clone());
    let row = store
        .write(move |tx| {
            may_do(tx, &caller, &does)?;
            let others = all(tx, caller.account_id)?;
            if others.iter().any(|other| other.name.as_deref() == Some(name.as_str())) {
                return Err(bad(format!("there is a receiver `{name}` already")));
            }
            if others.len() >= MOST {
                return Err(bad(format!("an environment has {MOST} receivers at most")));
            }
            let kept = json!({ "driver": driver, "config": own });
            let new = NewResource::new(TYPE, tx.entropy.uuid())
                .kind(KIND)
                .account(caller.account_id)
                .name(name)
                .with("key", hash)
                .with("resourceData", kept.clone())
                .with(DOES, kept);
            process::create(tx, new, Map::new())
        })
        .await?;
    note.resource_id = Some(row.id);
    Ok(reply(200, &shown(call, &row, Some(&key))))
}

/// Whether a caller may do by itself what a receiver of its would do.
fn may_do(read: &Read<'_>, caller: &Caller, does: &Config) -> Result<()> {
    let updates = registry::lookup("service")
        .is_some_and(|entry| policy::may(caller.role, entry, Verb::Update));
    match does {
        Config::ScaleHost { steps, .. } => {
            if !hooks::may_modify(read, caller)? {
                return Err(Error::status(403).message("you have no say over hosts"));
            }
            if steps.direction == Direction::Up {
                return Err(bad(
                    "no host can be cloned: hosts are machines of yours here; only `down` is done",
                ));
            }
            Ok(())
        }
        _ if !updates => Err(Error::status(403).message("you may not change services")),
        Config::ScaleService { service, .. } => {
            let row = run::scalable(read, caller.account_id, service)?;
            if row.flag("system") && !hooks::may_modify(read, caller)? {
                return Err(Error::status(403).message("you have no say over system services"));
            }
            Ok(())
        }
        Config::ForwardPost { service, .. } => {
            run::named(read, caller.account_id, service).map(drop)
        }
        Config::ServiceUpgrade { .. } => Ok(()),
    }
}

/// A receiver as clients know it; its key is known only when it is made.
fn shown(call: &Call, row: &Resource, key: Option<&str>) -> Value {
    let prefix = |ty: &str| registry::lookup(ty).map_or("", |entry| entry.prefix.as_str());
    let own = id::format(prefix(TYPE), row.id);
    let project = id::format(prefix("account"), row.account_id.unwrap_or(0));
    let does = row.map(DOES).cloned().unwrap_or_default();
    let driver = does.get("driver").and_then(Value::as_str).unwrap_or_default();
    let key = key.map(|key| format!("key={key}&")).unwrap_or_default();
    let mut body = json!({
        "id": own,
        "type": "receiver",
        "links": { "self": format!("{}/receivers/{own}", call.base) },
        "actions": {},
        "name": row.name,
        "state": row.state,
        "driver": driver,
        "url": format!("{}/endpoint?{key}projectId={project}", call.base),
    });
    if let (Some(fields), Some(known)) =
        (body.as_object_mut(), DRIVERS.iter().find(|known| known.0 == driver))
    {
        fields.insert(known.1.to_owned(), does.get("config").cloned().unwrap_or_default());
    }
    body
}

fn reply(status: u16, value: &Value) -> Reply {
    Reply::json(status, value.to_string().into_bytes())
}

fn collection(call: &Call, ty: &str, plural: &str, data: Vec<Value>) -> Reply {
    reply(
        200,
        &json!({
            "type": "collection",
            "resourceType": ty,
            "links": { "self": format!("{}/{plural}", call.base) },
            "actions": {},
            "data": data,
        }),
    )
}

fn schema(base: &str) -> Value {
    let mut fields = json!({
        "id": { "type": "string", "create": false, "update": false },
        "name": { "type": "string", "create": true, "update": false, "required": true },
        "driver": {
            "type": "enum", "create": true, "update": false, "required": true,
            "options": DRIVERS.iter().map(|known| known.0).collect::<Vec<_>>(),
        },
        "state": { "type": "string", "create": false, "update": false },
        "url": { "type": "string", "create": false, "update": false },
    });
    if let Some(fields) = fields.as_object_mut() {
        for (_, field) in DRIVERS {
            let own = json!({ "type": "json", "create": true, "update": false, "nullable": true });
            fields.insert((*field).to_owned(), own);
        }
    }
    json!({
        "id": "receiver",
        "type": "schema",
        "links": {
            "self": format!("{base}/schemas/receiver"),
            "collection": format!("{base}/receivers"),
        },
        "actions": {},
        "pluralName": "receivers",
        "resourceMethods": ["GET", "DELETE"],
        "resourceFields": fields,
        "resourceActions": {},
        "collectionMethods": ["GET", "POST"],
        "collectionActions": {},
        "collectionFilters": {},
    })
}
