//! Links of services: `addservicelink`, `removeservicelink`, `setservicelinks` and `linkedServices`.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::{Answer, Ctx};
use crate::compose::Link;
use crate::error::{Error, Result};
use crate::model::resource::Resource;
use crate::process::links::{self, SELECTED, Target, Wanted};
use crate::store::Read;

/// Longest name with dots, and longest part of one.
const MAX_NAME: usize = 253;
const MAX_PART: usize = 63;

fn text<'a>(link: &'a Map<String, Value>, field: &str) -> Option<&'a str> {
    link.get(field).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// `addservicelink`: one more link.
///
/// # Errors
/// 422 for a link that cannot be, or that there is already.
pub fn add(ctx: &mut Ctx<'_, '_>, row: &Resource, input: Map<String, Value>) -> Result<Answer> {
    let wanted = read(ctx, input.get("serviceLink"))?;
    let known = ctx.tx.referrers("serviceConsumeMap", "serviceId", row.id)?;
    if known.iter().any(|link| wanted.is(link)) {
        return Err(twice(row, &wanted));
    }
    links::add(ctx.tx, row, &wanted, false)?;
    Ok(Answer::Row(row.clone()))
}

/// `removeservicelink`: the link of this service and name, or all of this service when no name is given.
///
/// # Errors
/// 422 when it does not say which.
pub fn remove(ctx: &mut Ctx<'_, '_>, row: &Resource, input: Map<String, Value>) -> Result<Answer> {
    let link = input.get("serviceLink").and_then(Value::as_object).cloned().unwrap_or_default();
    let id = link.get("serviceId").and_then(Value::as_i64);
    let path = text(&link, "service");
    if id.is_none() && path.is_none() {
        return Err(no_target());
    }
    for known in ctx.tx.referrers("serviceConsumeMap", "serviceId", row.id)? {
        let same = match id {
            Some(id) => known.int("consumedServiceId") == Some(id),
            None => known.str("consumedService") == path,
        };
        let named = text(&link, "name").is_none_or(|name| known.name.as_deref() == Some(name));
        if same && named {
            crate::process::retire(ctx.tx, known.id)?;
        }
    }
    Ok(Answer::Row(row.clone()))
}

/// `setservicelinks`: these links and no others.
///
/// # Errors
/// 422 for links that cannot be, or the same one twice.
pub fn set(ctx: &mut Ctx<'_, '_>, row: &Resource, input: Map<String, Value>) -> Result<Answer> {
    let given = input.get("serviceLinks").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut wanted = Vec::new();
    for link in &given {
        let link = read(ctx, Some(link))?;
        if wanted.contains(&link) {
            return Err(twice(row, &link));
        }
        wanted.push(link);
    }
    links::set(ctx.tx, row, &wanted)?;
    Ok(Answer::Row(row.clone()))
}

fn no_target() -> Error {
    Error::field("MissingRequired", "serviceId")
        .message("a link needs the other service's id in serviceId")
}

fn twice(row: &Resource, link: &Wanted) -> Error {
    let target = match &link.target {
        Target::Known(id) => crate::model::id::format("s", *id),
        Target::Elsewhere(path) => path.clone(),
    };
    let name = link.name.as_deref().map(|name| format!(" as `{name}`")).unwrap_or_default();
    Error::field("NotUnique", "serviceId")
        .message(format!("service `{}` is linked to {target}{name} already", row.display_name()))
}

/// A link, checked.
fn read(ctx: &Ctx<'_, '_>, link: Option<&Value>) -> Result<Wanted> {
    let link = link.and_then(Value::as_object).cloned().unwrap_or_default();
    let name = text(&link, "name").map(str::to_owned);
    if let Some(name) = &name {
        check_name(name)?;
    }
    let target = match (link.get("serviceId").and_then(Value::as_i64), text(&link, "service")) {
        (Some(id), _) => {
            let other = ctx.tx.require("service", id)?;
            if other.removed.is_some() || other.state == "removing" {
                return Err(Error::field("InvalidReference", "serviceId").message(format!(
                    "service `{}` is {}; nothing can be linked to it",
                    other.display_name(),
                    other.state
                )));
            }
            Target::Known(id)
        }
        (None, Some(path)) => {
            if name.is_none() {
                return Err(Error::field("MissingRequired", "name")
                    .message(format!("a link to `{path}`, which is elsewhere, needs a name")));
            }
            Target::Elsewhere(path.to_owned())
        }
        (None, None) => return Err(no_target()),
    };
    Ok(Wanted { target, name })
}

/// A name as DNS has it; its letters follow from the schema.
///
/// # Errors
/// 422 for one that is not.
pub fn check_name(name: &str) -> Result<()> {
    let fault = |code: &'static str, what: &str| {
        Err(Error::field(code, "name").message(format!("the link's name `{name}` {what}")))
    };
    if name.starts_with('.') || name.ends_with('.') || name.contains("..") {
        return fault("InvalidCharacters", "begins or ends with a dot, or has two in a row");
    }
    if name.contains('.') && name.len() > MAX_NAME {
        return fault("MaxLengthExceeded", "is longer than 253 characters");
    }
    for part in name.split('.') {
        if part.is_empty() {
            return fault("MinLengthExceeded", "has an empty part");
        }
        if part.len() > MAX_PART {
            return fault("MaxLengthExceeded", "has a part longer than 63 characters");
        }
        if part.starts_with('-') || part.ends_with('-') || part.contains("--") {
            let what = "has a part that begins or ends with a dash, or has two in a row";
            return fault("InvalidCharacters", what);
        }
    }
    Ok(())
}

/// `service.linkedServices`: ids by the name of the link, or of the other service.
pub fn linked(read: &Read<'_>, rows: &mut [Resource]) -> Result<()> {
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let found = read.referring("serviceConsumeMap", "serviceId", &ids)?;
    let others: Vec<i64> = found.iter().filter_map(|link| link.int("consumedServiceId")).collect();
    let names: HashMap<i64, Option<String>> = read.names(&others)?.into_iter().collect();
    let mut maps: HashMap<i64, Map<String, Value>> = HashMap::new();
    for link in &found {
        let (Some(service), Some(other)) = (link.int("serviceId"), link.int("consumedServiceId"))
        else {
            continue;
        };
        let own = || names.get(&other).cloned().flatten();
        let Some(name) = link.name.clone().or_else(own) else { continue };
        maps.entry(service).or_default().insert(name, other.into());
    }
    for row in rows {
        match maps.remove(&row.id) {
            Some(map) => row.data.insert("linkedServices".to_owned(), Value::Object(map)),
            None => row.data.shift_remove("linkedServices"),
        };
    }
    Ok(())
}

/// Links of a service as a compose file has them; those that its selector made are left out.
///
/// # Errors
/// When the database fails.
pub fn exported(read: &Read<'_>, service: &Resource) -> Result<Vec<Link>> {
    let mut found = Vec::new();
    for link in read.referrers("serviceConsumeMap", "serviceId", service.id)? {
        if link.flag(SELECTED) {
            continue;
        }
        let target = match link.int("consumedServiceId") {
            None => link.str("consumedService").map(str::to_owned),
            Some(id) => path(read, service, id)?,
        };
        let Some(target) = target else { continue };
        let own = || target.rsplit('/').next().unwrap_or_default().to_owned();
        let alias = link.name.clone().unwrap_or_else(own);
        found.push(Link { target, alias });
    }
    Ok(found)
}

/// `service`, or `stack/service` for one of another stack.
///
/// # Errors
/// When the database fails.
pub fn path(read: &Read<'_>, from: &Resource, id: i64) -> Result<Option<String>> {
    let Some(other) = read.get(id)? else { return Ok(None) };
    let name = other.display_name();
    if other.int("stackId") == from.int("stackId") {
        return Ok(Some(name));
    }
    let stack = other.int("stackId").map(|id| read.get(id)).transpose()?.flatten();
    Ok(stack.map(|stack| format!("{}/{name}", stack.display_name())))
}

#[cfg(test)]
mod tests {
    use super::check_name;

    #[test]
    fn names_of_links() {
        let long = "x".repeat(64);
        for (name, code) in [
            ("db", None),
            ("db.example.org", None),
            ("a_b", None),
            ("a..b", Some("InvalidCharacters")),
            (".a", Some("InvalidCharacters")),
            ("a.", Some("InvalidCharacters")),
            ("a.-b", Some("InvalidCharacters")),
            ("a--b", Some("InvalidCharacters")),
            (long.as_str(), Some("MaxLengthExceeded")),
        ] {
            assert_eq!(check_name(name).err().map(|error| error.code), code, "{name}");
        }
        let dotted = ["abcdefghi"; 26].join(".");
        assert_eq!(check_name(&dotted).err().map(|error| error.code), Some("MaxLengthExceeded"));
    }
}
