//! `deploy`, `scale` and `restart`: how many containers, where, and what happens when they end.

use serde_json::{Value as Json, json};

use super::super::node::View;
use super::super::problem::Spot;
use super::limits;
use super::{Draft, GLOBAL, Reader};

/// Containers of one service.
const MAX_SCALE: i64 = 10_000;

/// Prefix of the labels that choose hosts by their labels.
const HOST_LABEL: &str = "io.rancher.scheduler.affinity:host_label";

/// `scale`.
pub(super) fn scale(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    let Some(scale) = reader.context.integer(view, 0, MAX_SCALE) else { return };
    let scale = u32::try_from(scale).unwrap_or(0);
    match &draft.scale {
        Some((known, _)) if *known != scale => {
            let message = format!("`scale` and `deploy.replicas` differ: {known} and {scale}");
            reader.context.error(view, message);
        }
        _ => draft.scale = Some((scale, view.into())),
    }
}

/// `restart`: Docker's policy. Jobs that end by themselves must not be started for ever.
pub(super) fn restart(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    let context = reader.context;
    let Some(text) = context.word(view) else { return };
    let (name, tries) = match text.split_once(':') {
        Some((name, tries)) => (name, Some(tries)),
        None => (text.as_str(), None),
    };
    let policy = match (name, tries) {
        ("no", None) => json!({"name": "no"}),
        ("always" | "unless-stopped", None) => json!({"name": name}),
        ("on-failure", None) => json!({"name": name}),
        ("on-failure", Some(tries)) => match tries.parse::<u32>() {
            Ok(tries) => json!({"name": name, "maximumRetryCount": tries}),
            Err(_) => {
                context.error(view, format!("`{tries}` is not a number of tries"));
                return;
            }
        },
        ("false", None) => {
            context.error(view, "must be the text \"no\" in quotes, not false");
            return;
        }
        _ => {
            let message =
                format!("must be \"no\", always, unless-stopped or on-failure, not `{text}`");
            context.error(view, message);
            return;
        }
    };
    draft.start_once |= matches!(name, "no" | "on-failure");
    draft.set("restartPolicy", policy);
}

/// `deploy`.
pub(super) fn deploy(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    const KEYS: &[&str] = &[
        "endpoint_mode",
        "labels",
        "mode",
        "placement",
        "replicas",
        "resources",
        "restart_policy",
        "rollback_config",
        "update_config",
    ];
    let context = reader.context;
    for (key, value) in context.known(view, KEYS) {
        match key {
            "replicas" => scale(reader, &value, draft),
            "mode" => mode(reader, &value, draft),
            "resources" => resources(reader, &value, draft),
            "restart_policy" => restart_policy(reader, &value, draft),
            "placement" => placement(reader, &value, draft),
            "update_config" => update_config(reader, &value, draft),
            "labels" => {
                let message = "labels of the service are not kept; write them under `labels`";
                context.warning(&value, message);
            }
            _ => context.warning(&value, "has no effect"),
        }
    }
}

fn mode(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    let mode = reader.context.word(view).unwrap_or_default();
    match mode.as_str() {
        "replicated" => {}
        "global" => draft.global = true,
        "replicated-job" => draft.start_once = true,
        "global-job" => {
            draft.global = true;
            draft.start_once = true;
        }
        _ => {
            let message = format!("must be replicated or global, not `{mode}`");
            reader.context.error(view, message);
        }
    }
    if draft.global {
        draft.labels.entry(GLOBAL.to_owned()).or_insert_with(|| "true".to_owned());
    }
}

fn resources(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    let context = reader.context;
    for (section, values) in context.known(view, &["limits", "reservations"]) {
        let keys = ["cpus", "devices", "generic_resources", "memory", "pids"];
        for (key, value) in context.known(&values, &keys) {
            match (section, key) {
                ("limits", "cpus") => limits::cpus(reader, &value, draft),
                ("limits", "memory") => set(draft, "memory", context.bytes(&value)),
                ("limits", "pids") => {
                    set(draft, "pidsLimit", context.integer(&value, -1, i64::MAX))
                }
                ("reservations", "memory") => {
                    set(draft, "memoryReservation", context.bytes(&value));
                }
                ("reservations", "cpus") => {
                    let milli = context.decimal(&value).map(|cpus| (cpus * 1000.0).round() as i64);
                    set(draft, "milliCpuReservation", milli);
                }
                ("reservations", "devices") => {
                    context.warning(&value, "devices cannot be reserved; use `devices`");
                }
                _ => context.warning(&value, "has no effect"),
            }
        }
    }
}

fn set(draft: &mut Draft, field: &str, value: Option<i64>) {
    if let Some(value) = value {
        draft.set(field, value);
    }
}

fn restart_policy(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    let context = reader.context;
    let mut name = "always";
    let mut tries = None;
    for (key, value) in context.known(view, &["condition", "delay", "max_attempts", "window"]) {
        match (key, value.node.as_text()) {
            ("condition", Some("any")) => {}
            ("condition", Some("none")) => name = "no",
            ("condition", Some("on-failure")) => name = "on-failure",
            ("condition", _) => context.error(&value, "must be none, on-failure or any"),
            ("max_attempts", _) => tries = context.integer(&value, 0, i64::from(u32::MAX)),
            _ => context.warning(&value, "has no effect"),
        }
    }
    let mut policy = json!({"name": name});
    if let (Json::Object(policy), Some(tries), "on-failure") = (&mut policy, tries, name) {
        policy.insert("maximumRetryCount".to_owned(), Json::from(tries));
    }
    draft.deployed = Some(Policy { spot: view.into(), policy, once: name != "always" });
}

/// What `restart_policy` says.
pub(in super::super) struct Policy {
    spot: Spot,
    policy: Json,
    /// Whether what ended is not started again.
    once: bool,
}

/// `restart` counts more than `deploy.restart_policy`, as with Docker Compose.
pub(super) fn finish(reader: &Reader<'_, '_>, draft: &mut Draft) {
    let Some(Policy { spot, policy, once }) = draft.deployed.take() else { return };
    if draft.launch.contains_key("restartPolicy") {
        reader.context.problems.warning(&spot, "has no effect: `restart` says what is to happen");
        return;
    }
    draft.start_once |= once;
    draft.set("restartPolicy", policy);
}

/// `placement.constraints` on labels of nodes become Rancher's host affinity.
fn placement(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    let context = reader.context;
    for (key, value) in
        context.known(view, &["constraints", "max_replicas_per_node", "preferences"])
    {
        if key != "constraints" {
            context.warning(&value, "has no effect");
            continue;
        }
        for (text, item) in context.text_views(&value) {
            let parsed = match (text.split_once("!="), text.split_once("==")) {
                (Some((left, right)), _) => Some((left, "_ne", right)),
                (None, Some((left, right))) => Some((left, "", right)),
                (None, None) => None,
            };
            let label = |left: &str| left.trim().strip_prefix("node.labels.").map(str::to_owned);
            match parsed
                .and_then(|(left, suffix, right)| Some((label(left)?, suffix, right.trim())))
            {
                Some((label, suffix, right)) => {
                    let wanted = format!("{label}={right}");
                    let labels = draft.labels.entry(format!("{HOST_LABEL}{suffix}")).or_default();
                    *labels = if labels.is_empty() { wanted } else { format!("{labels},{wanted}") };
                }
                None => {
                    let message = format!("`{text}` has no effect; `node.labels.x == y` would");
                    context.warning(&item, message);
                }
            }
        }
    }
}

/// `update_config` becomes the settings of an in-service upgrade.
fn update_config(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    const KEYS: &[&str] =
        &["delay", "failure_action", "max_failure_ratio", "monitor", "order", "parallelism"];
    let context = reader.context;
    for (key, value) in context.known(view, KEYS) {
        let setting = match (key, value.node.as_text()) {
            ("parallelism", _) => {
                // 0 is "all at once" for Swarm.
                let batch = context.integer(&value, 0, MAX_SCALE);
                ("batchSize", batch.map(|n| Json::from(if n == 0 { MAX_SCALE } else { n })))
            }
            ("delay", _) => ("intervalMillis", context.duration_ms(&value).map(Json::from)),
            ("order", Some("start-first")) => ("startFirst", Some(Json::from(true))),
            ("order", Some("stop-first")) => ("startFirst", Some(Json::from(false))),
            ("order", _) => {
                context.error(&value, "must be start-first or stop-first");
                continue;
            }
            _ => {
                context.warning(&value, "has no effect");
                continue;
            }
        };
        if let (field, Some(json)) = setting {
            draft.upgrade.insert(field.to_owned(), json);
        }
    }
}
