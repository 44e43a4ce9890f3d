//! What a compose file says of a service and what its container is, compared. Pure.
//!
//! Where the two differ, the file was changed since the container was made, or it depends on variables of
//! whoever made it: then what runs counts.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::model::launch::bare;
use crate::model::port::PortSpec;

/// Fields that are the same or not.
const PLAIN: &[&str] = &[
    "capAdd",
    "capDrop",
    "devices",
    "domainName",
    "hostname",
    "memory",
    "networkMode",
    "privileged",
    "readOnly",
    "user",
    "workingDir",
];

/// Names of the fields in which a container (`runs`, without what its image says) differs from what a file
/// says of it. `given` are paths in the container where the file's secrets and configs are.
pub fn differences(
    file: &Map<String, Value>,
    runs: &Map<String, Value>,
    given: &BTreeSet<String>,
) -> Vec<&'static str> {
    let mut differ = Vec::new();
    let mut check = |field, same: bool| {
        if !same {
            differ.push(field);
        }
    };
    check("imageUuid", image(file) == image(runs));
    check("command", words(file, "command") == words(runs, "command"));
    check("entryPoint", words(file, "entryPoint") == words(runs, "entryPoint"));
    check(
        "environment",
        file_has(file, runs, "environment") && file_has(runs, file, "environment"),
    );
    check("labels", file_has(&without_ranchers(file), runs, "labels"));
    check("ports", ports(file) == ports(runs));
    check("dataVolumes", volumes(file, given) == volumes(runs, given));
    check("healthCmd", words(file, "healthCmd") == words(runs, "healthCmd"));
    for field in PLAIN {
        check(field, plain(file, field) == plain(runs, field));
    }
    differ
}

/// What was not said is nothing, however that is written.
fn plain<'a>(of: &'a Map<String, Value>, field: &str) -> Option<&'a Value> {
    of.get(field).filter(|value| match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty() && (field != "networkMode" || text != "managed"),
        Value::Array(items) => !items.is_empty(),
        Value::Bool(true) | Value::Number(_) | Value::Object(_) => true,
    })
}

/// An image without a tag is the latest.
fn image(of: &Map<String, Value>) -> String {
    let image = bare(of.get("imageUuid").and_then(Value::as_str).unwrap_or_default());
    let last = image.rsplit('/').next().unwrap_or_default();
    if last.contains([':', '@']) { image.to_owned() } else { format!("{image}:latest") }
}

fn words<'a>(of: &'a Map<String, Value>, field: &str) -> Vec<&'a str> {
    let words = of.get(field).and_then(Value::as_array).into_iter().flatten();
    words.filter_map(Value::as_str).collect()
}

/// Whether everything in a map of `part` is in that of `whole`.
fn file_has(part: &Map<String, Value>, whole: &Map<String, Value>, field: &str) -> bool {
    let map = |of: &Map<String, Value>| of.get(field).and_then(Value::as_object).cloned();
    let (part, whole) = (map(part).unwrap_or_default(), map(whole).unwrap_or_default());
    part.iter().all(|(key, value)| whole.get(key) == Some(value))
}

/// Labels that only mean something here are not on containers that Docker Compose made.
fn without_ranchers(file: &Map<String, Value>) -> Map<String, Value> {
    let mut file = file.clone();
    if let Some(Value::Object(labels)) = file.get_mut("labels") {
        labels.retain(|label, _| {
            !label.starts_with("io.rancher.") && !label.starts_with("io.ranchette.")
        });
    }
    file
}

fn ports(of: &Map<String, Value>) -> BTreeSet<String> {
    let lines = words(of, "ports").into_iter();
    lines
        .map(|line| {
            line.parse::<PortSpec>().map_or_else(|_| line.to_owned(), |port| port.to_string())
        })
        .collect()
}

/// Each as `source:path:mode`; what a file gives as a secret or config is not one.
fn volumes(of: &Map<String, Value>, given: &BTreeSet<String>) -> BTreeSet<String> {
    let lines = words(of, "dataVolumes").into_iter().filter_map(|line| {
        let parts: Vec<&str> = line.split(':').collect();
        let (source, path, mode) = match parts.as_slice() {
            [path] => ("", *path, ""),
            [source, path] => (*source, *path, ""),
            [source, path, mode] => (*source, *path, *mode),
            _ => return Some(line.to_owned()),
        };
        let mode: Vec<&str> = mode.split(',').filter(|word| matches!(*word, "ro")).collect();
        let is_given = given.contains(path);
        (!is_given).then(|| format!("{source}:{}:{}", path.trim_end_matches('/'), mode.join(",")))
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(file: Value, runs: Value, expected: &[&str]) {
        let object = crate::process::object;
        let given = BTreeSet::from(["/run/secrets/key".to_owned()]);
        assert_eq!(
            differences(&object(file.clone()), &object(runs.clone()), &given),
            expected,
            "{file} {runs}"
        );
    }

    #[test]
    fn the_same_in_other_words_is_the_same() {
        check(
            json!({
                "imageUuid": "docker:nginx", "command": ["a", "b"], "environment": { "A": "1" },
                "ports": ["8080:80"], "dataVolumes": ["p_data:/data/", "/x:/y:ro,z", "/anonymous"],
                "labels": { "tier": "web", "io.rancher.container.pull_image": "always" },
                "capAdd": [], "networkMode": "managed",
            }),
            json!({
                "imageUuid": "docker:nginx:latest", "command": ["a", "b"], "environment": { "A": "1" },
                "ports": ["8080:80/tcp"], "dataVolumes": ["/anonymous", "/x:/y:ro", "p_data:/data", "/s:/run/secrets/key:ro"],
                "labels": { "tier": "web", "more": "1" },
            }),
            &[],
        );
    }

    #[test]
    fn each_difference_has_its_name() {
        let image = json!({ "imageUuid": "docker:nginx:1" });
        let with = |field: &str, value: Value| {
            let mut file = image.clone();
            file[field] = value;
            file
        };
        check(json!({ "imageUuid": "docker:nginx:2" }), image.clone(), &["imageUuid"]);
        for (field, value) in [
            ("command", json!(["x"])),
            ("entryPoint", json!(["x"])),
            ("environment", json!({ "A": "2" })),
            ("ports", json!(["81:80"])),
            ("dataVolumes", json!(["other:/data"])),
            ("healthCmd", json!(["CMD", "x"])),
            ("user", json!("1000")),
            ("networkMode", json!("host")),
        ] {
            check(with(field, value.clone()), image.clone(), &[field]);
            check(image.clone(), with(field, value), &[field]);
        }
        check(with("labels", json!({ "a": "b" })), image.clone(), &["labels"]);
    }
}
