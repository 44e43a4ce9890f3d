//! `healthcheck` of compose (a command in the container) and `health_check` of Rancher (a port).

use serde_json::{Map, Value as Json};

use super::super::node::{Value, View};
use super::super::project::Kind;
use super::super::read::list;
use super::{Draft, Reader};

/// `healthcheck`: Docker runs a command in the container.
pub(super) fn healthcheck(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    const KEYS: &[&str] =
        &["disable", "interval", "retries", "start_interval", "start_period", "test", "timeout"];
    let context = reader.context;
    let mut disabled = false;
    for (key, value) in context.known(view, KEYS) {
        let seconds = |field: &str, draft: &mut Draft| {
            if let Some(seconds) = context.duration_s(&value) {
                draft.set(field, seconds);
            }
        };
        match key {
            "disable" => disabled = context.flag(&value) == Some(true),
            "test" => {
                if let Some(test) = test(reader, &value) {
                    draft.set("healthCmd", test);
                }
            }
            "interval" => seconds("healthInterval", draft),
            "timeout" => seconds("healthTimeout", draft),
            "retries" => {
                if let Some(retries) = context.integer(&value, 0, i64::from(u32::MAX)) {
                    draft.set("healthRetries", retries);
                }
            }
            _ => {
                let checked = context.duration_ms(&value).is_some();
                if checked {
                    let message = "has no effect: failures while starting count like later ones";
                    context.warning(&value, message);
                }
            }
        }
    }
    if disabled {
        draft.set("healthCmd", vec!["NONE".to_owned()]);
    }
}

/// A text is for the shell; a list says how it is run in its first item.
fn test(reader: &Reader<'_, '_>, view: &View<'_>) -> Option<Vec<String>> {
    let context = reader.context;
    let Value::List(_) = view.node.value else {
        let text = context.word(view)?;
        return Some(vec!["CMD-SHELL".to_owned(), text]);
    };
    let words = context.texts(view);
    match words.first().map(String::as_str) {
        Some("NONE") => Some(vec!["NONE".to_owned()]),
        Some("CMD" | "CMD-SHELL") if words.len() > 1 => Some(words),
        Some("CMD" | "CMD-SHELL") => {
            context.error(view, "lacks the command after its first item");
            None
        }
        Some(_) | None => {
            context.error(view, "a list must begin with `CMD`, `CMD-SHELL` or `NONE`");
            None
        }
    }
}

/// Keys of `health_check` that are whole numbers, with their API names and bounds.
const NUMBERS: &[(&str, &str, i64, i64)] = &[
    ("healthy_threshold", "healthyThreshold", 1, i32::MAX as i64),
    ("initializing_timeout", "initializingTimeout", 1, i32::MAX as i64),
    ("interval", "interval", 1, i32::MAX as i64),
    ("port", "port", 1, 65535),
    ("reinitializing_timeout", "reinitializingTimeout", 1, i32::MAX as i64),
    ("response_timeout", "responseTimeout", 1, i32::MAX as i64),
    ("unhealthy_threshold", "unhealthyThreshold", 1, i32::MAX as i64),
];

const STRATEGIES: &[&str] = &["none", "recreate", "recreateOnQuorum"];

/// `health_check`: the server connects to a port of the container. Times are milliseconds.
pub(super) fn health_check(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    const OTHERS: &[&str] =
        &["name", "recreate_on_quorum_strategy_config", "request_line", "strategy"];
    let context = reader.context;
    let keys: Vec<&str> =
        NUMBERS.iter().map(|(key, ..)| *key).chain(OTHERS.iter().copied()).collect();
    let mut check = Map::new();
    for (key, value) in context.known(view, &keys) {
        if let Some((_, field, min, max)) = NUMBERS.iter().find(|(name, ..)| *name == key) {
            if let Some(number) = context.integer(&value, *min, *max) {
                check.insert((*field).to_owned(), Json::from(number));
            }
            continue;
        }
        let (field, json) = match key {
            "name" => ("name", context.text(&value).map(Json::from)),
            "request_line" => ("requestLine", context.text(&value).map(Json::from)),
            "strategy" => ("strategy", strategy(reader, &value).map(Json::from)),
            _ => {
                let quorum = context.known(&value, &["quorum"]).into_iter().next();
                let quorum =
                    quorum.and_then(|(_, view)| context.integer(&view, 1, i64::from(i32::MAX)));
                ("recreateOnQuorumStrategyConfig", quorum.map(|q| serde_json::json!({"quorum": q})))
            }
        };
        if let Some(json) = json {
            check.insert(field.to_owned(), json);
        }
    }
    // An empty mapping takes a check away in an upgrade.
    if check.is_empty() {
        return;
    }
    if !check.contains_key("port") {
        context.error(view, "lacks `port`, the port to check");
        return;
    }
    match draft.kind {
        Kind::ExternalService => {
            draft.fields.insert("healthCheck".to_owned(), Json::Object(check));
        }
        Kind::Service | Kind::LoadBalancerService | Kind::DnsService => {
            draft.set("healthCheck", check);
        }
    }
}

fn strategy(reader: &Reader<'_, '_>, view: &View<'_>) -> Option<String> {
    let text = reader.context.word(view)?;
    if STRATEGIES.contains(&text.as_str()) {
        return Some(text);
    }
    reader.context.error(view, format!("must be one of {}, not `{text}`", list(STRATEGIES)));
    None
}
