//! The schemas each role is served, as files: one line a type, so that a change is a readable diff.

use std::path::Path;

use serde_json::Value;

use super::collection;
use crate::api::dialect::Version;
use crate::api::views::views;
use crate::auth::Role;

/// What every schema of a file has in common is left out of its line.
fn line(mut schema: Value) -> String {
    if let Some(schema) = schema.as_object_mut() {
        for key in ["actions", "baseType", "collectionActions", "collectionFields", "links", "type"]
        {
            schema.shift_remove(key);
        }
        if let Some(fields) = schema.get_mut("resourceFields").and_then(Value::as_object_mut) {
            fields.sort_keys();
            for field in fields.values_mut().filter_map(Value::as_object_mut) {
                field.shift_remove("description");
                field.retain(|key, value| {
                    !matches!(key.as_str(), "create" | "update" | "readOnCreateOnly")
                        || *value == Value::Bool(true)
                });
            }
        }
    }
    schema.to_string()
}

fn file(version: Version, role: Role) -> String {
    let collection = collection(views(version, role), &[], "http://ranch");
    let schemas = collection.get("data").and_then(Value::as_array).cloned().unwrap_or_default();
    let lines: Vec<String> = schemas.into_iter().map(line).collect();
    format!("[\n{}\n]\n", lines.join(",\n"))
}

#[test]
fn the_schemas_of_every_role_are_what_the_files_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    for version in Version::ALL {
        for role in Role::ALL {
            let name = format!("schemas.{}.{}.json", version.path(), role.as_str());
            let path = folder.join(&name);
            if std::env::var_os("UPDATE_EXPECT").is_some() {
                std::fs::write(&path, file(version, role)).unwrap();
            }
            let expect = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(
                file(version, role) == expect,
                "{name} differs from what is served; if that is meant, run `make golden`"
            );
        }
    }
}
