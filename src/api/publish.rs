//! `publish`: events that other programs send, replies above all.

use serde_json::Value;

use super::body::Body;
use super::respond::{Reply, not_allowed};
use super::serve::Session;
use super::views::View;
use super::{ApiState, json};
use crate::auth::policy::{self, Verb};
use crate::auth::{Caller, Role, registration};
use crate::error::{Error, Result};
use crate::events::bus::{Event, REPLY};

/// Whether a caller publishes and hears events as they are, of every account.
pub fn is_raw(caller: &Caller) -> bool {
    matches!(caller.role, Role::Superadmin | Role::Service)
}

/// `POST /publish`.
///
/// # Errors
/// 403 for an event that the caller may not publish.
pub async fn publish(session: &Session<'_>, view: &View, body: Body) -> Result<Reply> {
    if !policy::may(session.caller.role, view.entry, Verb::Create) {
        return Err(not_allowed(view.plural));
    }
    let Body::Object(fields) = body else {
        return Err(Error::code("InvalidBodyContent").message("an event is one object"));
    };
    let state = session.state;
    let now = state.clock.now_ms();
    let mut event = Event::of(fields, state.entropy.uuid(), now);
    if event.name.trim().is_empty() {
        return Err(Error::field("MissingRequired", "name").message("an event needs a name"));
    }
    let shown = event.message(&event.name);
    event.name = allowed_name(state, session.caller, &event.name)?;
    state.site.bus.publish(event);
    Ok(Reply::json(201, answer(view, &shown)))
}

/// The name under which an event goes on. Who is not trusted with all events may answer, and may tell the
/// programs of its own environment about services.
fn allowed_name(state: &ApiState, caller: &Caller, name: &str) -> Result<String> {
    if is_raw(caller) || name.starts_with(REPLY) {
        return Ok(name.to_owned());
    }
    if caller.role == Role::Agent && is_service_event(name) {
        let account = state.store.read(|read| read.get(caller.account_id))?;
        let environment = account.and_then(|account| account.int(registration::AGENT_ENVIRONMENT));
        if let Some(environment) = environment {
            return Ok(format!("{name};account={environment}"));
        }
    }
    Err(Error::forbidden(format!("you may publish replies only, not `{name}`")))
}

/// `service.` and words of small letters with dots between them.
fn is_service_event(name: &str) -> bool {
    let rest = name.strip_prefix("service.").unwrap_or("");
    !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'.')
}

fn answer(view: &View, shown: &Value) -> Vec<u8> {
    let mut out = b"{\"type\":".to_vec();
    json::text(&mut out, view.name);
    out.extend_from_slice(b",\"baseType\":");
    json::text(&mut out, view.base_type);
    out.extend_from_slice(b",\"links\":{},\"actions\":{}");
    for (name, value) in shown.as_object().into_iter().flatten() {
        out.push(b',');
        json::text(&mut out, name);
        out.push(b':');
        json::value(&mut out, value);
    }
    out.push(b'}');
    out
}

#[cfg(test)]
mod tests {
    use super::is_service_event;

    #[test]
    fn events_about_services() {
        for (name, is) in [
            ("service.kubernetes.change", true),
            ("service.", false),
            ("service.A", false),
            ("service", false),
            ("ping", false),
            ("service.a;account=1", false),
        ] {
            assert_eq!(is_service_event(name), is, "{name}");
        }
    }
}
