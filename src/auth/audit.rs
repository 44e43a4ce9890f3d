//! What the audit log says of a call: event names, and bodies without their secrets. Pure.

use std::net::IpAddr;

use serde_json::{Map, Value};

use super::caller::{AuthType, Caller};
use super::{identities, secret};
use crate::model::id;
use crate::store::NewAudit;

/// What a call did, as the event name ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// `POST` to a collection.
    Create,
    /// `PUT`.
    Update,
    /// `DELETE`.
    Delete,
    /// `POST` with `?action=`.
    Action,
}

impl Deed {
    /// The word in event names.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Action => "action",
        }
    }
}

/// A finished call, as the API knows it.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    /// Who called, unless nobody was authenticated.
    pub caller: Option<&'a Caller>,
    /// Where from.
    pub client_ip: Option<IpAddr>,
    /// API type in `/v2-beta` terms.
    pub ty: &'a str,
    /// What it did.
    pub deed: Deed,
    /// Numeric id of the resource, when known.
    pub resource_id: Option<i64>,
    /// Body as sent.
    pub request: &'a Value,
    /// Body as answered.
    pub response: &'a Value,
    /// HTTP status.
    pub status: u16,
    /// Milliseconds.
    pub runtime_ms: i64,
    /// A word more: the action's name, the login, the reason of a refusal.
    pub description: Option<String>,
}

/// API types whose calls are not recorded; sessions write their own entries.
const UNRECORDED: &[&str] = &[
    "configContent",
    "containerEvent",
    "dynamicSchema",
    "externalHandler",
    "externalService",
    "hostApiProxyToken",
    "publish",
    "scripts",
    "serviceEvent",
    "subscribe",
    "token",
    "userPreference",
];

/// API types that event names call otherwise.
const EVENT_NAMES: &[(&str, &str)] = &[("environment", "stack"), ("project", "environment")];

/// The event of a deed on an API type.
pub fn event(ty: &str, deed: Deed) -> String {
    let name = EVENT_NAMES.iter().find(|row| row.0 == ty).map_or(ty, |row| row.1);
    format!("api.{name}.{}", deed.as_str())
}

/// The entry for a call, or `None` for one that is not recorded.
pub fn entry(call: &Call<'_>) -> Option<NewAudit> {
    let is_event = call.ty.starts_with("external") && call.ty.ends_with("Event");
    if is_event || UNRECORDED.contains(&call.ty) {
        return None;
    }
    Some(any_entry(call))
}

/// The entry for a call of any type.
pub(super) fn any_entry(call: &Call<'_>) -> NewAudit {
    let body = |value: &Value| match value {
        Value::Null => Value::from("{}"),
        Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)
        | Value::Object(_) => Value::from(masked(call.ty, value).to_string()),
    };
    let auth_type = call.caller.map_or(AuthType::TokenAccount, |caller| caller.auth_type);
    let mut data = Map::new();
    data.insert("authType".to_owned(), Value::from(auth_type.as_str()));
    data.insert("requestObject".to_owned(), body(call.request));
    data.insert("responseObject".to_owned(), body(call.response));
    data.insert("responseCode".to_owned(), Value::from(call.status));
    data.insert("runtime".to_owned(), Value::from(call.runtime_ms));
    if let Some(address) = call.client_ip {
        data.insert("clientIp".to_owned(), Value::from(address.to_canonical().to_string()));
    }
    if let Some(identity) = call.caller.and_then(identity) {
        data.insert("authenticatedAsIdentityId".to_owned(), Value::from(identity));
    }
    if let Some(text) = &call.description {
        data.insert("description".to_owned(), Value::from(text.as_str()));
    }
    NewAudit {
        account_id: call.caller.map(|caller| caller.account_id),
        authenticated_as: call.caller.map(|caller| caller.user_id),
        event: event(call.ty, call.deed),
        resource_type: Some(call.ty.to_owned()),
        resource_id: call.resource_id,
        data,
    }
}

/// The identity that a person's account proves, as clients see its id.
fn identity(caller: &Caller) -> Option<String> {
    let account = id::format("a", caller.user_id);
    identities::PEOPLE
        .contains(&caller.user_kind.as_str())
        .then(|| format!("1i!{}:{account}", identities::LOCAL))
}

/// Keys that never reach the log, whatever the type, nor what is below them.
const SECRET_KEYS: &[&str] = &[
    "accessToken",
    "adminAccountPassword",
    "clientSecret",
    "jwt",
    "newSecret",
    "oldSecret",
    "password",
    "secret",
    "secretKey",
    "secretValue",
    "secretValues",
    "serviceAccountPassword",
    "setupCode",
    "token",
];

/// (type, key): values that are secret in that type only.
const SECRET_FIELDS: &[(&str, &str)] = &[
    ("certificate", "key"),
    // What stacks were called.
    ("environment", "content"),
    ("secret", "value"),
    // What is saved in a stack's directory.
    ("stack", "content"),
    ("stackPlan", "after"),
    ("stackPlan", "before"),
    ("token", "code"),
];

/// (type, key): texts that people write, with passwords in them. No type is every type.
const TEXTS: &[(Option<&str>, &str)] = &[
    (None, "dockerCompose"),
    (None, "dockerComposeConfig"),
    (None, "rancherCompose"),
    (None, "rancherComposeConfig"),
    (Some("environment"), "text"),
    (Some("stack"), "text"),
    (Some("stackFile"), "text"),
    (Some("stackPlan"), "text"),
];

/// Keys whose values hold passwords under names: variables, answers to questions, and files, which may be where
/// compose files take their secrets from.
const NAMED: &[&str] = &["answers", "environment", "files", "previousEnvironment", "templates"];

/// How keys end that hold configurations: those of machine drivers and login providers have keys under
/// names of their own, and a launch configuration has environment variables.
const CONFIGURATIONS: &[&str] = &["Config", "Configs"];

/// A body without its secrets, at any depth. Keys compare in any letter case. What a text or a map was is still
/// to be told from another: the one has its length and digest, the other its names.
pub fn masked(ty: &str, value: &Value) -> Value {
    masked_in([ty, ty], value)
}

/// The same in what is of one type, as the call says, and of another, as it says itself: that may be anything,
/// and so the secrets of both are left out.
fn masked_in(types: [&str; 2], value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            // A list's entries and nested objects say their own type.
            let own = map.get("type").and_then(Value::as_str).unwrap_or(types[1]);
            let types = [types[0], own];
            let kept = map.iter().filter(|(key, _)| !is_secret(types, key));
            let kept = kept.map(|(key, value)| {
                let shown = if value.is_null() {
                    Value::Null
                } else if is_text(types, key) {
                    summary(value)
                } else if is_any(NAMED, key) {
                    names(value)
                } else {
                    masked_in(types, value)
                };
                (key.clone(), shown)
            });
            Value::Object(kept.collect())
        }
        Value::Array(list) => list.iter().map(|value| masked_in(types, value)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

fn is_any(keys: &[&str], key: &str) -> bool {
    keys.iter().any(|known| known.eq_ignore_ascii_case(key))
}

fn is_secret(types: [&str; 2], key: &str) -> bool {
    // What the code of an error is, is no secret of a login.
    let is_code = key == "code" && types[1] == "error";
    let of_type =
        |(of, field): &(&str, &str)| types.contains(of) && field.eq_ignore_ascii_case(key);
    !is_text(types, key) && CONFIGURATIONS.iter().any(|end| key.ends_with(end))
        || is_any(SECRET_KEYS, key)
        || (!is_code && SECRET_FIELDS.iter().any(of_type))
}

fn is_text(types: [&str; 2], key: &str) -> bool {
    let fits = |(of, field): &(Option<&str>, &str)| {
        of.is_none_or(|of| types.contains(&of)) && field.eq_ignore_ascii_case(key)
    };
    TEXTS.iter().any(fits)
}

/// What a text was, without it.
fn summary(value: &Value) -> Value {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            value.to_string()
        }
    };
    format!("{} bytes, sha256 {}", text.len(), secret::sha256_hex(&text)).into()
}

/// What values were given for, without them: the names of a map, of `NAME=value`, and of what has a name.
fn names(value: &Value) -> Value {
    match value {
        Value::Object(map) => map.keys().map(|key| Value::from(key.as_str())).collect(),
        Value::Array(list) => list.iter().map(name).collect(),
        Value::String(_) => summary(value),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

fn name(value: &Value) -> Value {
    match value {
        Value::String(text) => text.split(['=', ':']).next().unwrap_or_default().into(),
        Value::Object(map) => map.get("name").cloned().unwrap_or_default(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => Value::Null,
    }
}

/// Refusals recorded per [`WINDOW_MS`]: whoever knocks without a key must not fill the disk.
const PER_WINDOW: u32 = 60;
/// One minute.
const WINDOW_MS: i64 = 60_000;

/// Decides which refused calls are recorded.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    since_ms: i64,
    recorded: u32,
    skipped: u64,
}

impl Refusals {
    /// Whether to record one more; if so, how many were skipped since the last that was.
    pub(super) fn admit(&mut self, now_ms: i64) -> Option<u64> {
        let age = now_ms.saturating_sub(self.since_ms);
        if !(0..WINDOW_MS).contains(&age) {
            self.since_ms = now_ms;
            self.recorded = 0;
        }
        if self.recorded >= PER_WINDOW {
            self.skipped += 1;
            return None;
        }
        self.recorded += 1;
        Some(std::mem::take(&mut self.skipped))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;
    use serde_json::json;

    #[test]
    fn events_use_the_newer_names() {
        for (ty, deed, name) in [
            ("service", Deed::Create, "api.service.create"),
            ("project", Deed::Delete, "api.environment.delete"),
            ("environment", Deed::Action, "api.stack.action"),
            ("stack", Deed::Update, "api.stack.update"),
        ] {
            assert_eq!(event(ty, deed), name);
        }
    }

    #[test]
    fn secrets_are_left_out_at_any_depth() {
        let check = |ty, body: Value, expect: Value| {
            assert_eq!(masked(ty, &body), expect, "{ty}");
        };
        check(
            "password",
            json!({ "publicValue": "bob", "secretValue": "x", "name": null }),
            json!({ "publicValue": "bob", "name": null }),
        );
        check("password", json!({ "oldSecret": "x", "NEWSECRET": { "deep": "x" } }), json!({}));
        check(
            "machine",
            json!({ "amazonec2Config": { "secretKey": "x" }, "hostname": "h" }),
            json!({ "hostname": "h" }),
        );
        check(
            "service",
            json!({ "launchConfig": { "environment": { "KEY": "x" } }, "secondaryLaunchConfigs": [] }),
            json!({}),
        );
        check(
            "collection",
            json!({ "data": [{ "type": "secret", "value": "x" }, { "type": "setting", "value": "y" }] }),
            json!({ "data": [{ "type": "secret" }, { "type": "setting", "value": "y" }] }),
        );
        check(
            "stackPlan",
            json!({ "name": "web", "files": { "key.txt": "eA" }, "environment": { "KEY": "x" } }),
            json!({ "name": "web", "files": ["key.txt"], "environment": ["KEY"] }),
        );
        check(
            "token",
            json!({ "code": "bob:x", "jwt": "x", "userIdentity": { "login": "bob" } }),
            json!({ "userIdentity": { "login": "bob" } }),
        );
        check(
            "token",
            json!({ "type": "error", "code": "Unauthorized" }),
            json!({ "type": "error", "code": "Unauthorized" }),
        );
    }

    /// Of everything in which people write passwords there is what tells it from another, and no word of it.
    #[test]
    fn what_people_write_is_summed_up() {
        const TEXT: &str =
            "5 bytes, sha256 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
        let check = |ty, body: Value, expect: Value| {
            assert_eq!(masked(ty, &body), expect, "{ty}");
        };
        for ty in ["stack", "stackPlan", "stackUpgrade", "projectTemplate", "anything"] {
            check(
                ty,
                json!({ "dockerCompose": "hello", "RANCHERCOMPOSE": "hello", "name": "web" }),
                json!({ "dockerCompose": TEXT, "RANCHERCOMPOSE": TEXT, "name": "web" }),
            );
            check(
                ty,
                json!({
                    "stacks": [{ "answers": { "PW": "x" }, "templates": { "a.yml": "x" } }],
                    "environment": ["PW=x", { "name": "PW", "value": "x" }],
                    "previousEnvironment": { "PW": "x" },
                    "files": null,
                }),
                json!({
                    "stacks": [{ "answers": ["PW"], "templates": ["a.yml"] }],
                    "environment": ["PW", "PW"],
                    "previousEnvironment": ["PW"],
                    "files": null,
                }),
            );
        }
        check(
            "composeConfig",
            json!({ "dockerComposeConfig": "hello", "rancherComposeConfig": "hello" }),
            json!({ "dockerComposeConfig": TEXT, "rancherComposeConfig": TEXT }),
        );
        check(
            "stackPlan",
            json!({ "composeFiles": [{ "name": "compose.yaml", "text": "hello" }, "b.yaml"] }),
            json!({ "composeFiles": [{ "name": "compose.yaml", "text": TEXT }, "b.yaml"] }),
        );
        check(
            "stackPlan",
            json!({ "dockerCompose": 5 }),
            json!({ "dockerCompose": summary(&json!(5)) }),
        );
        // A body that gives itself another type is told no more of.
        check(
            "stackPlan",
            json!({ "type": "error", "before": "x", "composeFiles": [{ "type": "x", "text": "hello" }] }),
            json!({ "type": "error", "composeFiles": [{ "type": "x", "text": TEXT }] }),
        );
        check("secret", json!({ "type": "setting", "value": "x" }), json!({ "type": "setting" }));
        check(
            "stack",
            json!({ "files": ["compose.yaml"], "stackFile": { "name": ".env", "text": "hello" } }),
            json!({ "files": ["compose.yaml"], "stackFile": { "name": ".env", "text": TEXT } }),
        );
    }

    #[test]
    fn a_flood_of_refusals_is_counted_instead_of_recorded() {
        let mut refusals = Refusals::default();
        let recorded = (0..100).filter(|_| refusals.admit(1000).is_some()).count();
        assert_eq!(recorded, 60);
        assert_eq!(refusals.admit(1000 + WINDOW_MS), Some(40));
        assert_eq!(refusals.admit(1000 + WINDOW_MS), Some(0));
    }

    #[test]
    fn an_entry_says_who_what_and_where_from() {
        let caller = Caller {
            account_id: 5,
            user_id: 1,
            user_kind: "admin".to_owned(),
            user_name: None,
            role: super::super::Role::Owner,
            auth_type: AuthType::Basic,
            all_accounts: true,
            session: None,
        };
        let call = Call {
            caller: Some(&caller),
            client_ip: "::ffff:10.0.0.7".parse().ok(),
            ty: "stack",
            deed: Deed::Create,
            resource_id: Some(9),
            request: &json!({ "name": "web", "password": "x" }),
            response: &Value::Null,
            status: 201,
            runtime_ms: 3,
            description: None,
        };
        let entry = entry(&call).unwrap();
        let who = (entry.account_id, entry.authenticated_as, entry.resource_id);
        assert_eq!(who, (Some(5), Some(1), Some(9)));
        assert_eq!(entry.event, "api.stack.create");
        expect![[r#"{"authType":"BasicAuth","requestObject":"{\"name\":\"web\"}","responseObject":"{}","responseCode":201,"runtime":3,"clientIp":"10.0.0.7","authenticatedAsIdentityId":"1i!rancher_id:1a1"}"#]].assert_eq(&Value::Object(entry.data).to_string());
        for ty in ["token", "publish", "externalHostEvent", "userPreference"] {
            assert_eq!(super::entry(&Call { ty, ..call.clone() }), None, "{ty}");
        }
    }
}
