//! What runs in the container: environment, labels, logging, stopping and pulling.

use serde_json::{Map, Value as Json, json};

use super::super::dotenv::{self, Style};
use super::super::node::{Value, View};
use super::super::problem::Spot;
use super::super::source::{LoadError, join};
use super::{Draft, Reader};

/// `environment`: a name without value takes the caller's variable, if it is set.
pub(super) fn environment(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    for pair in reader.context.pairs(view) {
        set_variable(reader, pair.name, pair.value, draft);
    }
}

fn set_variable(reader: &Reader<'_, '_>, name: String, value: Option<String>, draft: &mut Draft) {
    match value.or_else(|| reader.context.variable(reader.scope, &name)) {
        Some(value) => {
            draft.environment.insert(name, value);
        }
        // Asking for an unset variable takes back what a file said.
        None => {
            draft.environment.remove(&name);
        }
    }
}

/// `env_file`: paths, or mappings with `path`, `required` and `format`.
pub(super) fn env_files(reader: &Reader<'_, '_>, service: &View<'_>, draft: &mut Draft) {
    let Some(view) = service.get("env_file") else { return };
    let items = match &view.node.value {
        Value::List(_) => view.items(),
        Value::Null | Value::Scalar(_) | Value::Map(_) => vec![view],
    };
    for item in items {
        env_file(reader, &item, draft);
    }
}

fn env_file(reader: &Reader<'_, '_>, item: &View<'_>, draft: &mut Draft) {
    let context = reader.context;
    let mut required = true;
    let mut style = Style::Expanded;
    let path = match &item.node.value {
        Value::Map(_) => {
            let mut path = None;
            for (key, view) in context.known(item, &["format", "path", "required"]) {
                match key {
                    "path" => path = context.word(&view),
                    "required" => required = context.flag(&view).unwrap_or(true),
                    _ if context.word(&view).as_deref() == Some("raw") => style = Style::Raw,
                    _ => context.error(&view, "the only format is `raw`"),
                }
            }
            if path.is_none() {
                context.error(item, "lacks `path`, the file to read");
            }
            path
        }
        Value::Null | Value::Scalar(_) | Value::List(_) => context.word(item),
    };
    let Some(path) = path else { return };
    let spot = Spot::from(item);
    let bytes = match context.load(&join(&item.node.at.source.base, &path)) {
        Ok(bytes) => bytes,
        Err(LoadError::NotFound(_)) if !required => return,
        Err(error) => {
            context.error(item, error.to_string());
            return;
        }
    };
    for (name, value) in dotenv::read(context, reader.scope, &bytes, &spot, style) {
        set_variable(reader, name, value, draft);
    }
}

/// `labels`: a label without value is an empty one.
pub(super) fn labels(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    for pair in reader.context.pairs(view) {
        draft.labels.insert(pair.name, pair.value.unwrap_or_default());
    }
}

/// `label_file`: files of labels; `labels` count more.
pub(super) fn label_file(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    let context = reader.context;
    for (path, item) in context.text_views(view) {
        let spot = Spot::from(&item);
        let Some(bytes) = context.read(&join(&item.node.at.source.base, &path), &spot) else {
            continue;
        };
        for (name, value) in dotenv::read(context, reader.scope, &bytes, &spot, Style::Expanded) {
            draft.labels.entry(name).or_insert(value.unwrap_or_default());
        }
    }
}

/// `logging`: driver and options.
pub(super) fn logging(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    for (key, value) in reader.context.known(view, &["driver", "options"]) {
        match key {
            "driver" => log_driver(reader, &value, draft),
            _ => log_opt(reader, &value, draft),
        }
    }
}

/// The `logConfig` of a draft, made if need be.
fn log_config(draft: &mut Draft, field: &str, value: Json) {
    let config = draft.launch.entry("logConfig").or_insert_with(|| json!({}));
    if let Json::Object(config) = config {
        config.insert(field.to_owned(), value);
    }
}

/// `log_driver` of version 1.
pub(super) fn log_driver(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    if let Some(driver) = reader.context.word_if_any(view) {
        log_config(draft, "driver", Json::from(driver));
    }
}

/// `log_opt` of version 1.
pub(super) fn log_opt(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    let pairs = reader.context.pairs(view).into_iter();
    let options = pairs.map(|pair| (pair.name, Json::from(pair.value.unwrap_or_default())));
    log_config(draft, "config", Json::Object(options.collect::<Map<_, _>>()));
}

/// `stop_grace_period`: seconds before a stopping container is killed.
pub(super) fn stop_grace_period(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    if let Some(seconds) = reader.context.duration_s(view) {
        draft.set("stopTimeout", seconds);
    }
}

/// `pull_policy`: Rancher knows "when it is missing", and a label for "always".
pub(super) fn pull_policy(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    const LABEL: &str = "io.rancher.container.pull_image";
    let context = reader.context;
    match context.word(view).as_deref() {
        Some("always") => {
            draft.labels.entry(LABEL.to_owned()).or_insert_with(|| "always".to_owned());
        }
        Some("missing" | "if_not_present" | "build") | None => {}
        Some("never") => context.warning(view, "a missing image is pulled all the same"),
        Some("daily" | "weekly") => context.warning(view, "an image is pulled only when missing"),
        Some(other) if other.starts_with("every_") => {
            context.warning(view, "an image is pulled only when missing");
        }
        Some(other) => {
            context.error(view, format!("`{other}` is none of always, missing, never and build"));
        }
    }
}
