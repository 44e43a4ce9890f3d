//! What differs between two configurations of a service, in one sentence. Pure.
//!
//! Values are not part of it: a variable of a container or an argument of its command may be a password.

use serde_json::{Map, Value};

use crate::model::launch::bare;
use crate::model::names::label;
use crate::model::registry;
use crate::process::upgrade::in_service::Configs;

/// Most things that are named; the rest are counted.
const MOST: usize = 8;

/// Fields that are maps of names to values, and what one of the names is called.
const MAPS: &[(&str, &str)] = &[
    ("dataVolumeMounts", "mount"),
    ("environment", "variable"),
    ("labels", "label"),
    ("sysctls", "sysctl"),
];

/// Fields that say nothing about a container.
const IGNORED: &[&str] = &["imageUuid", "kind", "name", "type", "version"];

/// Labels that change with every deployment.
const MARKS: &[&str] = &["io.rancher.service.hash", label::PULL_IMAGE];

/// What differs, in one sentence.
pub fn sentence(before: &Configs, after: &Configs) -> String {
    let mut found = Vec::new();
    if let (Some(old), Some(new)) = (&before.primary, &after.primary) {
        found.extend(between(old, new));
    }
    for new in &after.sidekicks {
        let name = text(new, "name");
        match before.sidekicks.iter().find(|old| is_named(old, name)) {
            Some(old) => {
                let differing = between(old, new).into_iter();
                found.extend(differing.map(|what| format!("sidekick {name}: {what}")));
            }
            None => found.push(format!("sidekick {name} added with image {}", image_of(new))),
        }
    }
    let is_left = |old: &&Map<String, Value>| {
        !after.sidekicks.iter().any(|new| is_named(new, text(old, "name")))
    };
    let left = before.sidekicks.iter().filter(is_left);
    found.extend(left.map(|old| format!("sidekick {} removed", text(old, "name"))));
    if found.is_empty() {
        return "the same configuration again".to_owned();
    }
    let more = found.len().saturating_sub(MOST);
    found.truncate(MOST);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    found.join(", ") + &more
}

/// The images of a configuration that nothing was before.
pub fn first(configs: &Configs) -> String {
    let primary = configs.primary.iter().map(|config| format!("image {}", image_of(config)));
    let sidekicks = configs
        .sidekicks
        .iter()
        .map(|config| format!("sidekick {} with image {}", text(config, "name"), image_of(config)));
    primary.chain(sidekicks).collect::<Vec<_>>().join(", ")
}

fn between(old: &Map<String, Value>, new: &Map<String, Value>) -> Vec<String> {
    let mut found = Vec::new();
    if image_of(old) != image_of(new) {
        found.push(format!("image {} instead of {}", image_of(new), image_of(old)));
    }
    found.extend(besides(old, new));
    found
}

/// What differs besides the image.
fn besides(old: &Map<String, Value>, new: &Map<String, Value>) -> Vec<String> {
    let mut found = Vec::new();
    for field in union(old, new).filter(|field| !IGNORED.contains(field)) {
        let (before, after) = (old.get(field), new.get(field));
        if is_same(field, before, after) {
            continue;
        }
        match MAPS.iter().find(|map| map.0 == field) {
            Some((_, word)) => {
                let members = |value: Option<&Value>| {
                    value.and_then(Value::as_object).cloned().unwrap_or_default()
                };
                found.extend(of_maps(word, &members(before), &members(after)));
            }
            None => found.push(format!("{field} {}", verb(before, after))),
        }
    }
    found
}

fn of_maps(word: &str, old: &Map<String, Value>, new: &Map<String, Value>) -> Vec<String> {
    let is_mark = |name: &str| word == "label" && MARKS.contains(&name);
    union(old, new)
        .filter(|name| !is_mark(name) && old.get(*name) != new.get(*name))
        .map(|name| format!("{word} {name} {}", verb(old.get(name), new.get(name))))
        .collect()
}

/// The names of both, each once, in alphabetical order.
fn union<'a>(
    old: &'a Map<String, Value>,
    new: &'a Map<String, Value>,
) -> impl Iterator<Item = &'a str> {
    let mut names: Vec<&str> = old.keys().chain(new.keys()).map(String::as_str).collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter()
}

fn verb(before: Option<&Value>, after: Option<&Value>) -> &'static str {
    match (is_set(before), is_set(after)) {
        (false, _) => "added",
        (true, false) => "removed",
        (true, true) => "changed",
    }
}

/// Nothing, `null`, `false` and what is empty all say the same.
fn is_set(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(Value::Array(items)) => !items.is_empty(),
        Some(Value::Object(members)) => !members.is_empty(),
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Bool(true) | Value::Number(_)) => true,
    }
}

fn is_same(field: &str, before: Option<&Value>, after: Option<&Value>) -> bool {
    let is_nothing = |value| !is_set(value) || is_default(field, value);
    before == after || (is_nothing(before) && is_nothing(after))
}

/// Whether a field has the value that it has by itself. The API shows it, so whoever reads a configuration,
/// changes something and gives it back names it.
fn is_default(field: &str, value: Option<&Value>) -> bool {
    let known = registry::lookup("launchConfig").and_then(|ty| ty.field(field));
    known.and_then(|known| known.default.value()).as_ref() == value
}

/// Whether two configurations make the same containers, given that their images are the same.
pub fn is_equal(old: &Map<String, Value>, new: &Map<String, Value>) -> bool {
    besides(old, new).is_empty()
}

/// Names are compared without regard to letter case.
fn is_named(config: &Map<String, Value>, name: &str) -> bool {
    text(config, "name").eq_ignore_ascii_case(name)
}

fn text<'a>(config: &'a Map<String, Value>, field: &str) -> &'a str {
    config.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// The image, with no more of a digest or an id than people read.
fn image_of(config: &Map<String, Value>) -> String {
    let image = bare(text(config, "imageUuid"));
    match image.split_once("sha256:") {
        Some((name, hex)) => format!("{name}{}", hex.get(..12).unwrap_or(hex)),
        None => image.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::json;

    use super::*;

    fn configs(value: Value) -> Configs {
        let Value::Object(fields) = value else { panic!("an object") };
        Configs::given(&fields)
    }

    fn check(before: Value, after: Value, expected: Expect) {
        expected.assert_eq(&sentence(&configs(before), &configs(after)));
    }

    fn primary(config: Value) -> Value {
        json!({ "launchConfig": config })
    }

    #[test]
    fn images_variables_labels_and_fields() {
        check(
            primary(json!({ "imageUuid": "docker:nginx:1", "version": "0", "ports": ["80:80"],
                "environment": { "LEVEL": "info", "PASSWORD": "old", "GONE": "1" },
                "labels": { "tier": "web", "io.rancher.service.hash": "a" }, "command": null })),
            primary(json!({ "imageUuid": "docker:nginx:2", "version": "7", "ports": ["81:80"],
                "environment": { "LEVEL": "info", "PASSWORD": "new", "NEW": "1" },
                "labels": { "tier": "edge", "io.rancher.service.hash": "b" }, "command": [] })),
            expect![
                "image nginx:2 instead of nginx:1, variable GONE removed, variable NEW added, \
                 variable PASSWORD changed, label tier changed, ports changed"
            ],
        );
    }

    #[test]
    fn what_is_pulled_again_is_the_same() {
        check(
            primary(json!({ "imageUuid": "docker:nginx" })),
            primary(json!({ "imageUuid": "docker:nginx", "privileged": false,
                "labels": { "io.rancher.container.pull_image": "always" } })),
            expect!["the same configuration again"],
        );
    }

    #[test]
    fn what_goes_without_saying_is_no_difference() {
        let said = json!({ "imageUuid": "docker:nginx:2", "startOnCreate": true, "vcpu": 1,
            "instanceTriggeredStop": "stop", "drainTimeoutMs": 0 });
        let silent = json!({ "imageUuid": "docker:nginx:1" });
        check(
            primary(silent.clone()),
            primary(said.clone()),
            expect!["image nginx:2 instead of nginx:1"],
        );
        check(primary(said), primary(silent), expect!["image nginx:1 instead of nginx:2"]);
        check(
            primary(json!({ "imageUuid": "docker:nginx", "vcpu": 1 })),
            primary(json!({ "imageUuid": "docker:nginx", "vcpu": 2 })),
            expect!["vcpu changed"],
        );
    }

    #[test]
    fn sidekicks_come_change_and_go() {
        check(
            json!({ "launchConfig": { "imageUuid": "docker:web" }, "secondaryLaunchConfigs": [
                { "name": "Logs", "imageUuid": "docker:logs:1" },
                { "name": "old", "imageUuid": "docker:old" },
            ] }),
            json!({ "launchConfig": { "imageUuid": "docker:web" }, "secondaryLaunchConfigs": [
                { "name": "logs", "imageUuid": "docker:logs:2", "user": "app" },
                { "name": "new", "imageUuid": "sim:new" },
            ] }),
            expect![
                "sidekick logs: image logs:2 instead of logs:1, sidekick logs: user added, \
                 sidekick new added with image new, sidekick old removed"
            ],
        );
    }

    #[test]
    fn digests_are_shortened() {
        let hex = "0123456789abcdef".repeat(4);
        check(
            primary(json!({ "imageUuid": format!("docker:sha256:{hex}") })),
            primary(json!({ "imageUuid": format!("docker:hub:5000/web@sha256:{hex}") })),
            expect!["image hub:5000/web@0123456789ab instead of 0123456789ab"],
        );
    }

    #[test]
    fn much_is_counted() {
        let many = |value: i64| {
            let names = (0..12).map(|number| (format!("V{number:02}"), json!(value)));
            primary(json!({ "environment": names.collect::<Map<_, _>>() }))
        };
        check(
            many(1),
            many(2),
            expect![
                "variable V00 changed, variable V01 changed, variable V02 changed, variable V03 \
                 changed, variable V04 changed, variable V05 changed, variable V06 changed, \
                 variable V07 changed and 4 more"
            ],
        );
    }

    #[test]
    fn the_first_one_names_its_images() {
        let made = configs(json!({ "launchConfig": { "imageUuid": "docker:web:1" },
            "secondaryLaunchConfigs": [{ "name": "logs", "imageUuid": "docker:logs" }] }));
        expect!["image web:1, sidekick logs with image logs"].assert_eq(&first(&made));
    }
}
