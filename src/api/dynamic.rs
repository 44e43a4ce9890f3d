//! Schemas that rows bring while the server runs: machine drivers add the type of their configuration,
//! and the fields and methods by which hosts and machines are made with it.

use serde_json::{Map, Value, json};

use super::hooks;
use super::serve::Session;
use super::views::View;
use crate::auth::policy::Verb;
use crate::auth::{Caller, Role};
use crate::error::{Error, Result};
use crate::model::driver::driver_of;
use crate::model::id;
use crate::model::registry::Entry;
use crate::model::resource::Resource;
use crate::store::{Query, Read};

/// Rows looked at.
const MOST: usize = 1000;

/// One dynamic schema that a caller is served.
#[derive(Clone, Debug, PartialEq)]
pub struct Dynamic {
    /// The type's name.
    pub name: String,
    /// The schema whose copy it changes.
    pub parent: Option<String>,
    /// Its fields by name.
    pub fields: Map<String, Value>,
    /// Its definition.
    pub definition: Map<String, Value>,
}

/// A driver's configuration, taken apart.
pub struct Config {
    /// What may be seen.
    pub shown: Map<String, Value>,
    /// Fields of kind `password`.
    pub secret: Map<String, Value>,
}

/// Reads a definition.
///
/// # Errors
/// What is wrong with it, after the field's name.
pub fn parse(definition: &str) -> Result<Map<String, Value>, String> {
    match serde_json::from_str(definition) {
        Ok(Value::Object(definition)) => match definition.get("resourceFields") {
            None | Some(Value::Object(_)) => Ok(definition),
            Some(_) => Err("has `resourceFields` that are not an object".to_owned()),
        },
        Ok(_) => Err("is not a JSON object".to_owned()),
        Err(error) => Err(format!("is not JSON: {error}")),
    }
}

/// The dynamic schemas that a caller is served; of one name the latest counts.
///
/// # Errors
/// When the database fails.
pub fn all(read: &Read<'_>, caller: &Caller) -> Result<Vec<Dynamic>> {
    let query = Query { ty: "dynamicSchema", limit: MOST, ..Query::default() };
    let mut found: Vec<Dynamic> = Vec::new();
    for row in read.list(&query)? {
        let role = caller.role.as_str();
        let of_role = caller.role == Role::Superadmin || row.strings("roles").contains(&role);
        let of_account = row.account_id.is_none_or(|owner| owner == caller.account_id);
        let definition = row.str("definition").map(parse);
        let (true, Some(Ok(definition)), Some(name)) =
            (of_role && of_account && row.state == "active", definition, row.name.clone())
        else {
            continue;
        };
        let fields = definition.get("resourceFields").and_then(Value::as_object).cloned();
        found.retain(|other| other.name != name);
        found.push(Dynamic {
            name,
            parent: row.str("parent").map(str::to_owned),
            fields: fields.unwrap_or_default(),
            definition,
        });
    }
    Ok(found)
}

/// As in Rancher, only these types' schemas are looked for among the dynamic ones.
fn may_be_dynamic(entry: &Entry) -> bool {
    let name = entry.ty.name.to_ascii_lowercase();
    ["host", "machine", "config"].iter().any(|word| name.contains(word))
}

/// The schema as JSON: a copy of its parent's with what the definition says.
pub fn schema(dynamic: &Dynamic, parent: Option<Value>, base: &str) -> Value {
    let mut schema = parent.unwrap_or_else(|| {
        json!({
            "type": "schema", "baseType": "schema", "links": {}, "resourceActions": {},
            "collectionActions": {}, "collectionFields": {}, "collectionFilters": {},
            "includeableLinks": [], "actions": {}, "resourceFields": {},
        })
    });
    let name = &dynamic.name;
    if schema["id"] != name.as_str() {
        schema["id"] = name.as_str().into();
        schema["pluralName"] = format!("{name}s").into();
        let lower = name.to_ascii_lowercase();
        schema["links"] = json!({ "self": format!("{base}/schemas/{lower}") });
    }
    for key in ["collectionMethods", "resourceMethods"] {
        schema[key] = dynamic.definition.get(key).cloned().unwrap_or_else(|| json!([]));
    }
    for (name, about) in &dynamic.fields {
        let mut field = json!({
            "type": "string", "description": null, "create": false, "update": false,
            "readOnCreateOnly": false,
        });
        if let (Some(field), Some(about)) = (field.as_object_mut(), about.as_object()) {
            field.extend(about.clone());
        }
        schema["resourceFields"][name] = field;
    }
    schema
}

/// The dynamic schema of a type that the caller is served.
fn own(read: &Read<'_>, caller: &Caller, entry: &Entry) -> Result<Option<Dynamic>> {
    if !may_be_dynamic(entry) {
        return Ok(None);
    }
    Ok(all(read, caller)?.into_iter().find(|dynamic| dynamic.name == entry.ty.name))
}

/// Whether a dynamic schema lets the caller do this with resources of a type.
///
/// # Errors
/// When the database fails.
pub fn may(session: &Session<'_>, view: &View, verb: Verb) -> Result<bool> {
    let own = session.state.store.read(|read| own(read, session.caller, view.entry))?;
    let (methods, method) = match verb {
        Verb::List => ("collectionMethods", "GET"),
        Verb::Create => ("collectionMethods", "POST"),
        Verb::Get => ("resourceMethods", "GET"),
        Verb::Update => ("resourceMethods", "PUT"),
        Verb::Delete => ("resourceMethods", "DELETE"),
    };
    let methods = own.as_ref().and_then(|own| own.definition.get(methods));
    Ok(methods.and_then(Value::as_array).is_some_and(|methods| methods.contains(&json!(method))))
}

/// Fields of a type that a dynamic schema lets the caller change. What a driver made a machine with is not
/// among them: its machine stays the one it is.
///
/// # Errors
/// When the database fails.
pub fn changeable(read: &Read<'_>, caller: &Caller, entry: &Entry) -> Result<Vec<String>> {
    let fields = own(read, caller, entry)?.map(|own| own.fields).unwrap_or_default();
    let change = fields.into_iter().filter(|(_, about)| flag(about, "update"));
    Ok(change.map(|(name, _)| name).filter(|name| driver_of(name).is_none()).collect())
}

/// What a create gives of the fields that only a dynamic schema of the type knows.
///
/// # Errors
/// 422 for a value that is not of the field's type.
pub fn extra(
    session: &Session<'_>,
    read: &Read<'_>,
    entry: &Entry,
    object: &Map<String, Value>,
) -> Result<Map<String, Value>> {
    let mut extra = Map::new();
    let Some(own) = own(read, session.caller, entry)? else { return Ok(extra) };
    for (name, about) in own.fields.iter().filter(|(_, about)| is_given(about)) {
        let known = entry.field(name).is_some_and(|field| {
            crate::auth::policy::may_create(session.caller.role, entry, field)
        });
        let Some(value) = object.get(name).filter(|value| !known && !value.is_null()) else {
            continue;
        };
        let kind = about.get("type").and_then(Value::as_str).unwrap_or_default();
        let target = kind.strip_prefix("reference[").and_then(|kind| kind.strip_suffix(']'));
        let value = match target {
            Some(target) => reference(session, read, name, target, value)?,
            None if driver_of(name).is_some() => value.clone(),
            None => convert(name, about, value.clone())?,
        };
        extra.insert(name.clone(), value);
    }
    Ok(extra)
}

/// The number of a row that the caller sees.
fn reference(
    session: &Session<'_>,
    read: &Read<'_>,
    field: &str,
    target: &str,
    value: &Value,
) -> Result<Value> {
    let id = value.as_str().and_then(id::parse).map(|id| read.get(id)).transpose()?.flatten();
    let is_one = |row: &Resource| row.ty == target && row.removed.is_none();
    match id.filter(is_one) {
        Some(row) if hooks::is_visible(read, session.caller, &row)? => Ok(row.id.into()),
        _ => {
            let what = format!("refers to the {target} {value}, which does not exist");
            Err(fault("InvalidReference", field, &what))
        }
    }
}

/// Checks the configuration of a driver against its schema, and takes its secrets apart.
///
/// # Errors
/// 422 with the field that is wrong.
pub fn check_config(read: &Read<'_>, caller: &Caller, field: &str, given: Value) -> Result<Config> {
    let found = all(read, caller)?;
    let Some(own) = found.iter().find(|dynamic| dynamic.name == field) else {
        let message = format!("there is no active machine driver with a {field}");
        return Err(Error::field("InvalidOption", field).message(message));
    };
    let Value::Object(given) = given else {
        return Err(fault("InvalidFormat", field, "must be a JSON object"));
    };
    let mut config = Config { shown: Map::new(), secret: Map::new() };
    for (name, about) in own.fields.iter().filter(|(_, about)| is_given(about)) {
        let value = given.get(name).filter(|value| !value.is_null()).cloned();
        let Some(value) = value.or_else(|| about.get("default").cloned()) else {
            if flag(about, "required") {
                return Err(fault("MissingRequired", name, "is required"));
            }
            continue;
        };
        let value = convert(name, about, value)?;
        limits(name, about, &value)?;
        let secret = about.get("type").and_then(Value::as_str) == Some("password");
        let part = if secret { &mut config.secret } else { &mut config.shown };
        part.insert(name.clone(), value);
    }
    Ok(config)
}

fn flag(about: &Value, name: &str) -> bool {
    about.get(name).and_then(Value::as_bool).unwrap_or(false)
}

fn is_given(about: &Value) -> bool {
    flag(about, "create")
}

fn fault(code: &'static str, field: &str, what: &str) -> Error {
    Error::field(code, field).message(format!("field `{field}` {what}"))
}

/// Conversion is lax, as in the schemas that do not change.
fn convert(name: &str, about: &Value, value: Value) -> Result<Value> {
    let wrong = |what: &str| fault("InvalidFormat", name, what);
    let kind = about.get("type").and_then(Value::as_str).unwrap_or("string");
    match (kind, value) {
        ("int", Value::String(text)) => {
            let number: i64 = text.trim().parse().map_err(|_| wrong("must be a number"))?;
            Ok(number.into())
        }
        ("int", value) if value.is_i64() => Ok(value),
        ("int", _) => Err(wrong("must be a number")),
        ("boolean", Value::Bool(value)) => Ok(value.into()),
        ("boolean", Value::String(text)) => Ok((text == "true").into()),
        ("boolean", _) => Err(wrong("must be true or false")),
        ("string" | "password" | "enum", Value::Number(number)) => Ok(number.to_string().into()),
        ("string" | "password" | "enum", value) if value.is_string() => Ok(value),
        ("string" | "password" | "enum", _) => Err(wrong("must be a text")),
        ("array[string]", Value::Array(items)) if items.iter().all(Value::is_string) => {
            Ok(items.into())
        }
        ("array[string]", _) => Err(wrong("must be a list of texts")),
        ("map[string]", Value::Object(map)) if map.values().all(Value::is_string) => Ok(map.into()),
        ("map[string]", _) => Err(wrong("must be an object of texts")),
        (_, value) => Ok(value),
    }
}

fn limits(name: &str, about: &Value, value: &Value) -> Result<()> {
    let limit = |key: &str| about.get(key).and_then(Value::as_i64);
    let length = value.as_str().and_then(|text| i64::try_from(text.chars().count()).ok());
    let checks = [
        ("MinLimitExceeded", limit("min"), value.as_i64(), -1),
        ("MaxLimitExceeded", limit("max"), value.as_i64(), 1),
        ("MinLengthExceeded", limit("minLength"), length, -1),
        ("MaxLengthExceeded", limit("maxLength"), length, 1),
    ];
    for (code, limit, found, sign) in checks {
        if let (Some(limit), Some(found)) = (limit, found)
            && (found - limit) * sign > 0
        {
            let what = if sign > 0 { "most" } else { "least" };
            let of = if code.contains("Length") { "characters long" } else { "" };
            let text = format!("must be at {what} {limit} {of}");
            return Err(fault(code, name, text.trim_end()));
        }
    }
    let options = about.get("options").and_then(Value::as_array);
    if options.is_some_and(|options| !options.contains(value)) {
        return Err(fault("InvalidOption", name, "has a value that is not one of its options"));
    }
    Ok(())
}
