//! A stack's rows as compose files: what they say by id, files say by name.

use serde_json::Value;

use super::links;
use crate::compose::export::{
    Documents, ExportInput, Exported, ExportedService, documents, export,
};
use crate::error::Result;
use crate::model::resource::Resource;
use crate::store::Read;

/// Where a service names other rows; `*` is every item of a list.
const NAMED: &[(&[&str], Named)] = &[
    (&["lbConfig", "portRules", "*", "serviceId"], Named::Service),
    (&["lbConfig", "certificateIds", "*"], Named::Certificate),
    (&["lbConfig", "defaultCertificateId"], Named::Certificate),
    (&["launchConfig", "secrets", "*", "secretId"], Named::Secret),
    (&["secondaryLaunchConfigs", "*", "secrets", "*", "secretId"], Named::Secret),
];

#[derive(Clone, Copy)]
enum Named {
    Service,
    Certificate,
    Secret,
}

/// The services of a stack, or those wanted, as compose files.
///
/// # Errors
/// When the database fails.
pub fn composed(read: &Read<'_>, row: &Resource, wanted: &[i64]) -> Result<Exported> {
    Ok(export(&input(read, row, |service| wanted.is_empty() || wanted.contains(&service.id))?))
}

/// The services of a stack that are to stay, as what compose files say.
///
/// # Errors
/// When the database fails.
pub fn documented(read: &Read<'_>, row: &Resource) -> Result<Documents> {
    Ok(documents(&input(read, row, |service| service.state != "removing")?))
}

fn input(
    read: &Read<'_>,
    row: &Resource,
    is_wanted: impl Fn(&Resource) -> bool,
) -> Result<ExportInput> {
    let mut input = ExportInput::default();
    for service in read.referrers("service", "stackId", row.id)? {
        if is_wanted(&service) {
            let links = links::exported(read, &service)?;
            let mut fields = as_json(service.clone());
            for (path, named) in NAMED {
                for id in numbers(&mut fields, path) {
                    name(read, &mut input, &service, *named, id)?;
                }
            }
            input.services.push(ExportedService { service: fields, links });
        }
    }
    let templates = read.referrers("volumeTemplate", "stackId", row.id)?;
    input.volume_templates = templates.into_iter().map(as_json).collect();
    own_volumes(read, row, &mut input)?;
    Ok(input)
}

/// Volumes that compose files declared have the stack's name before theirs; in files they have not.
fn own_volumes(read: &Read<'_>, stack: &Resource, input: &mut ExportInput) -> Result<()> {
    let prefix = format!("{}_", stack.display_name());
    for volume in read.referrers("volume", "stackId", stack.id)? {
        let Some(name) = volume.name.clone() else { continue };
        let Some(key) = name.strip_prefix(&prefix).filter(|key| !key.is_empty()) else { continue };
        let key = key.to_owned();
        let known = |template: &&Value| template.get("name").and_then(Value::as_str) == Some(&key);
        if input.volume_templates.iter().any(|template| known(&template)) {
            continue;
        }
        let mut template = as_json(volume);
        if let Value::Object(fields) = &mut template {
            fields.insert("name".to_owned(), key.as_str().into());
        }
        input.volume_templates.push(template);
        input.volume_keys.insert(name, key);
    }
    Ok(())
}

/// A row with its name and kind among its other fields.
fn as_json(row: Resource) -> Value {
    let mut fields = row.data;
    fields.insert("name".to_owned(), row.name.into());
    fields.insert("type".to_owned(), row.kind.as_str().into());
    fields.insert("kind".to_owned(), row.kind.into());
    Value::Object(fields.into())
}

/// Makes texts of the ids at a path, and returns them.
fn numbers(value: &mut Value, path: &[&str]) -> Vec<i64> {
    match path {
        [] => match value.as_i64() {
            Some(id) => {
                *value = id.to_string().into();
                vec![id]
            }
            None => Vec::new(),
        },
        ["*", rest @ ..] => {
            let items = value.as_array_mut().into_iter().flatten();
            items.flat_map(|item| numbers(item, rest)).collect()
        }
        [key, rest @ ..] => {
            value.get_mut(*key).map(|value| numbers(value, rest)).unwrap_or_default()
        }
    }
}

/// Writes down what a row is called in the files. One that is gone keeps its id.
fn name(
    read: &Read<'_>,
    input: &mut ExportInput,
    from: &Resource,
    named: Named,
    id: i64,
) -> Result<()> {
    let (names, name) = match named {
        Named::Service => (&mut input.service_names, links::path(read, from, id)?),
        Named::Certificate => {
            (&mut input.certificate_names, read.get(id)?.and_then(|row| row.name))
        }
        Named::Secret => (&mut input.secret_names, read.get(id)?.and_then(|row| row.name)),
    };
    if let Some(name) = name {
        names.insert(id.to_string(), name);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn ids_at_a_path_become_texts() {
        let check = |path: &[&str], expect: &[i64], after: Value| {
            let mut service = json!({
                "lbConfig": { "portRules": [{ "serviceId": 7 }, { "selector": "a=b" }] },
                "secondaryLaunchConfigs": [{ "secrets": [{ "secretId": 9 }] }, {}],
            });
            assert_eq!(numbers(&mut service, path), expect);
            let pointer = "/lbConfig/portRules/0/serviceId";
            let found = [pointer, "/secondaryLaunchConfigs/0/secrets/0/secretId"]
                .map(|pointer| service.pointer(pointer).cloned());
            assert_eq!(json!(found), after);
        };
        check(NAMED[0].0, &[7], json!(["7", 9]));
        check(NAMED[4].0, &[9], json!([7, "9"]));
        check(NAMED[2].0, &[], json!([7, 9]));
    }
}
