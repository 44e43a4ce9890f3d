//! The fingerprint by which a change of a service is seen.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::declared::Declared;
use super::project::{FileContent, FileKind, MountedFile, Service};

/// SHA-256 in hex over everything that makes a running container differ: launch configs, service
/// fields, links, builds and the content of mounted files. Scale and order of starting are not part.
pub(super) fn service(service: &Service, declared: &Declared) -> String {
    let files: Vec<Value> = service.files.iter().map(|file| mounted(file, declared)).collect();
    let subject = json!({
        "kind": service.kind,
        "launchConfig": service.launch_config,
        "secondaryLaunchConfigs": service.secondary_launch_configs,
        "fields": service.fields,
        "links": service.links,
        "build": service.build,
        "sidekickBuilds": service.sidekick_builds,
        "files": files,
    });
    canonical_sha256(&subject)
}

fn mounted(file: &MountedFile, declared: &Declared) -> Value {
    let list = match file.kind {
        FileKind::Secret => &declared.secrets,
        FileKind::Config => &declared.configs,
    };
    let declaration = list.iter().find(|known| known.key == file.source);
    let content = match declaration.map(|known| (&known.content, &known.name)) {
        Some((FileContent::Bytes(bytes), _)) => {
            json!({ "sha256": hex::encode(Sha256::digest(bytes)) })
        }
        Some((FileContent::External, name)) => json!({ "external": name }),
        None => Value::Null,
    };
    json!({ "file": file, "content": content })
}

/// SHA-256 in hex of a JSON value that does not depend on the order of its keys.
pub fn canonical_sha256(value: &Value) -> String {
    hex::encode(Sha256::digest(sorted(value).to_string()))
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let mut entries: Vec<(&String, &Value)> = object.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            let entries = entries.into_iter().map(|(key, value)| (key.clone(), sorted(value)));
            Value::Object(entries.collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}
