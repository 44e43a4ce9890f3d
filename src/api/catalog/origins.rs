//! Which catalogs a caller sees: those of the configuration, of the setting `catalog.url`, and of the
//! environment acted in, which are rows; and adding and removing the latter.

use serde_json::{Map, Value, json};

use crate::auth::{Caller, Role};
use crate::catalog::origin::{self, Voice};
use crate::catalog::{Catalogs, Origin, Scope};
use crate::error::{Error, Result};
use crate::model::resource::{NewResource, Resource};
use crate::process;
use crate::store::{Query, Read, Tx};

/// Kind of the rows that are catalogs of an environment.
const KIND: &str = "catalog";
/// Type of those rows.
pub const TYPE: &str = "genericObject";
/// Catalogs that an environment may have.
const MOST: usize = 50;

/// The catalogs of an environment, or of nobody in particular, each name once: the environment's own hide
/// those for everyone.
pub fn seen(read: &Read<'_>, catalogs: &Catalogs, environment: Option<i64>) -> Result<Vec<Origin>> {
    let own = match environment {
        Some(account) => {
            rows(read, account)?.iter().filter_map(|row| of_row(row, account)).collect()
        }
        None => Vec::new(),
    };
    let setting = read.setting("catalog.url")?.unwrap_or_default();
    let stored = origin::parse_setting(&setting).unwrap_or_else(|why| {
        tracing::warn!(why, "the setting `catalog.url` cannot be read");
        Vec::new()
    });
    let mut found: Vec<Origin> = Vec::new();
    for origin in own.into_iter().chain(stored).chain(catalogs.own()) {
        if !found.iter().any(|other| other.name == origin.name) {
            found.push(origin);
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

fn rows(read: &Read<'_>, account: i64) -> Result<Vec<Resource>> {
    let query = Query {
        ty: TYPE,
        kinds: vec![KIND],
        account_id: Some(account),
        limit: MOST,
        ..Query::default()
    };
    let rows = read.list(&query)?;
    Ok(rows.into_iter().filter(|row| row.state != "removing").collect())
}

/// A row as a catalog. Anybody in an environment can make such a row, so that it is checked again here.
fn of_row(row: &Resource, account: i64) -> Option<Origin> {
    let name = row.name.clone().filter(|name| origin::name_complaint(name).is_none())?;
    let data = row.map("resourceData")?;
    let get = |key: &str| data.get(key).and_then(Value::as_str).unwrap_or_default();
    let place = origin::place(get("url"), get("branch"), Voice::Anyone).ok()?;
    Some(Origin { scope: Scope::Environment(account), name, place })
}

/// Whether a caller may say which catalogs an environment has.
pub fn may_change(caller: &Caller) -> bool {
    match caller.role {
        Role::Superadmin | Role::Admin | Role::Service | Role::Owner | Role::Project => true,
        Role::ReadAdmin
        | Role::User
        | Role::Member
        | Role::Restricted
        | Role::ReadOnly
        | Role::Environment
        | Role::ProjectAdmin
        | Role::Agent
        | Role::AgentRegister
        | Role::Register
        | Role::Token => false,
    }
}

/// The catalog that a body describes.
///
/// # Errors
/// 400 without a name or an address, as the catalog service answers; 422 for what they cannot be.
pub fn of_body(body: &Map<String, Value>, account: i64) -> Result<Origin> {
    let get = |field: &'static str| match body.get(field) {
        None | Some(Value::Null) => Ok(""),
        Some(Value::String(text)) => Ok(text.trim()),
        Some(_) => Err(Error::field("InvalidFormat", field)
            .message(format!("`{field}` of a catalog must be text"))),
    };
    let missing = |field: &str| {
        let mut error = Error::status(400).message(format!("a catalog needs a `{field}`"));
        error.field = Some(field.to_owned());
        error
    };
    let (name, url) = (get("name")?, get("url")?);
    if name.is_empty() {
        return Err(missing("name"));
    }
    if url.is_empty() {
        return Err(missing("url"));
    }
    if let Some(complaint) = origin::name_complaint(name) {
        return Err(Error::field("InvalidCharacters", "name").message(complaint));
    }
    if !matches!(get("kind")?, "" | "native") {
        return Err(Error::field("InvalidOption", "kind")
            .message("catalogs of this kind are not read: only `native`"));
    }
    let place = origin::place(url, get("branch")?, Voice::Anyone)
        .map_err(|why| Error::field("InvalidFormat", "url").message(why))?;
    Ok(Origin { scope: Scope::Environment(account), name: name.to_owned(), place })
}

fn data(origin: &Origin) -> Value {
    json!({ "url": origin.place.to_string(), "branch": origin.place.branch() })
}

/// Adds a catalog to an environment, and gives its row.
///
/// # Errors
/// 422 `NotUnique` for a name that is taken there, `MaxLimitExceeded` when there are too many.
pub fn add(tx: &mut Tx<'_>, uuid: String, account: i64, origin: &Origin) -> Result<i64> {
    let rows = rows(tx, account)?;
    if rows.iter().any(|row| row.name.as_deref() == Some(&origin.name)) {
        return Err(Error::field("NotUnique", "name")
            .message(format!("there is already a catalog called `{}`", origin.name)));
    }
    if rows.len() >= MOST {
        return Err(Error::code("MaxLimitExceeded")
            .message(format!("an environment has at most {MOST} catalogs")));
    }
    let new = NewResource::new(TYPE, uuid)
        .kind(KIND)
        .name(&origin.name)
        .account(account)
        .with("key", origin.name.as_str())
        .with("resourceData", data(origin));
    process::create(tx, new, Map::new()).map(|row| row.id)
}

/// Changes where a catalog of an environment is, and gives its row and what it was before.
///
/// # Errors
/// 404 for one that the environment does not have.
pub fn change(tx: &mut Tx<'_>, account: i64, origin: &Origin) -> Result<(i64, Option<Origin>)> {
    let row = row_of(tx, account, &origin.name)?;
    let before = of_row(&row, account);
    let data = data(origin);
    tx.update(row.id, |row| {
        row.set("resourceData", data);
        Ok(())
    })?;
    Ok((row.id, before))
}

/// Removes a catalog from an environment, and gives its row and what it was.
///
/// # Errors
/// 404 for one that the environment does not have.
pub fn remove(tx: &mut Tx<'_>, account: i64, name: &str) -> Result<(i64, Option<Origin>)> {
    let row = row_of(tx, account, name)?;
    process::start(tx, row.id, "remove", Map::new())?;
    Ok((row.id, of_row(&row, account)))
}

fn row_of(read: &Read<'_>, account: i64, name: &str) -> Result<Resource> {
    let found = rows(read, account)?.into_iter().find(|row| row.name.as_deref() == Some(name));
    found.ok_or_else(|| {
        Error::not_found().message(format!(
            "the environment has no catalog `{name}` of its own; those for everyone are in the \
             setting `catalog.url` and in the configuration"
        ))
    })
}
