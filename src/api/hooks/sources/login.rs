//! Sessions, and the providers that check logins. Local logins are checked here; the other providers can
//! be read, and are disabled.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde_json::{Map, Value};

use super::row;
use crate::api::hooks::{Asked, AuthWrite, Source, Write};
use crate::auth::control::{self, LocalConfig};
use crate::auth::tokens::PROVIDER;
use crate::error::{Error, Result};
use crate::model::registry::{self, Entry};
use crate::model::resource::{NewResource, Resource};
use crate::model::settings;
use crate::store::{Read, TokenRow};

/// `localAuthConfigs`.
pub const LOCAL: Source =
    Source { name: "localAuthConfigs", list: list_local, get: get_local, write: None };
/// `authTokens`.
pub const TOKENS: Source =
    Source { name: "authTokens", list: list_tokens, get: get_token, write: None };
/// Providers that this program cannot use.
pub const AZURE: Source = other("azureadConfigs");
/// GitHub.
pub const GITHUB: Source = other("githubconfigs");
/// Active Directory.
pub const LDAP: Source = other("ldapconfigs");
/// OpenLDAP.
pub const OPENLDAP: Source = other("openldapConfigs");

const fn other(name: &'static str) -> Source {
    Source { name, list: list_other, get: get_other, write: None }
}

/// (type, code): what is said when somebody wants to use it.
const UNUSABLE: &[(&str, &str)] = &[
    ("azureadconfig", "AzureNotConfigured"),
    ("githubconfig", "NotConfigured"),
    ("ldapconfig", "LdapDown"),
    ("openldapconfig", "OpenLDAPConfig"),
];

/// The one resource of a provider's type, which is called like the type.
fn config(entry: &Entry) -> NewResource {
    let ty = entry.ty.name;
    let mut new = NewResource::new(ty, String::new()).with("id", ty).with("enabled", false);
    for field in entry.ty.all_fields() {
        if let Some(value) = field.default.value() {
            new.data.insert(field.name.to_owned(), value);
        }
    }
    new.name = Some(ty.to_owned());
    new
}

fn local(read: &Read<'_>) -> Result<Resource> {
    let entry = registry::lookup(PROVIDER).ok_or_else(Error::not_found)?;
    let on = read.setting_flag(settings::SECURITY)?;
    let mut row = row(config(entry)
        .with("accessMode", control::mode_of(read)?)
        .with("enabled", on)
        .with("username", ""));
    // Neither the login nor the name is told.
    row.name = Some(String::new());
    Ok(row)
}

fn list_local(asked: &Asked<'_>) -> Result<Vec<Resource>> {
    Ok(vec![local(asked.read)?])
}

fn get_local(asked: &Asked<'_>, id: &str) -> Result<Option<Resource>> {
    if id.eq_ignore_ascii_case(PROVIDER) { local(asked.read).map(Some) } else { Ok(None) }
}

/// `POST /localAuthConfig`.
pub fn write_local(call: AuthWrite<'_>) -> BoxFuture<'_, Result<Resource>> {
    async move {
        let Write::Create(fields) = &call.write else { return Err(Error::status(405)) };
        let text = |field: &str| fields.get(field).and_then(Value::as_str).unwrap_or("");
        let wanted = LocalConfig {
            username: text("username"),
            password: text("password"),
            name: text("name"),
            access_mode: text("accessMode"),
            enabled: fields.get("enabled").and_then(Value::as_bool),
        };
        call.auth.configure_local(wanted, call.client_ip).await?;
        call.store.read(local)
    }
    .boxed()
}

fn list_other(asked: &Asked<'_>) -> Result<Vec<Resource>> {
    Ok(vec![row(config(asked.entry))])
}

fn get_other(asked: &Asked<'_>, id: &str) -> Result<Option<Resource>> {
    let own = id.eq_ignore_ascii_case(asked.entry.ty.name);
    Ok(own.then(|| row(config(asked.entry))))
}

/// `POST` and `PUT` of a provider that this program cannot use: it stays disabled.
pub fn write_other(call: AuthWrite<'_>) -> BoxFuture<'_, Result<Resource>> {
    async move {
        let ty = call.entry.ty.name;
        let none = Map::new();
        let fields = match &call.write {
            Write::Create(fields) | Write::Update(_, fields) => fields,
            Write::Delete(_) => &none,
        };
        if fields.get("enabled").and_then(Value::as_bool) != Some(true) {
            return Ok(row(config(call.entry)));
        }
        let code = UNUSABLE.iter().find(|row| row.0 == ty).map_or("NotConfigured", |row| row.1);
        Err(Error::code(code)
            .message(format!("{ty} cannot be enabled: logins are checked by {PROVIDER} alone")))
    }
    .boxed()
}

fn list_tokens(asked: &Asked<'_>) -> Result<Vec<Resource>> {
    let mut rows = Vec::new();
    for account in asked.read.token_accounts()? {
        rows.extend(asked.read.tokens_of(account)?.into_iter().map(token));
    }
    let mut picker = super::Picker::new(asked.listing);
    let _ = rows.into_iter().all(|row| picker.offer(row));
    Ok(picker.page())
}

fn get_token(asked: &Asked<'_>, id: &str) -> Result<Option<Resource>> {
    for account in asked.read.token_accounts()? {
        let mut own = asked.read.tokens_of(account)?.into_iter();
        if let Some(found) = own.find(|found| short(&found.key_hash) == id) {
            return Ok(Some(token(found)));
        }
    }
    Ok(None)
}

/// Letters of a session's hash that tell it from others and open nothing.
const ID_LETTERS: usize = 16;

fn short(hash: &str) -> &str {
    hash.get(..ID_LETTERS).unwrap_or(hash)
}

/// A session without its key, which only the client has.
fn token(found: TokenRow) -> Resource {
    let provider = found.data.get("provider").cloned().unwrap_or_else(|| PROVIDER.into());
    let mut new = NewResource::new("authToken", String::new())
        .with("id", short(&found.key_hash))
        .with("authenticatedAsAccountId", found.account_id)
        .with("expires", found.expires)
        .with("provider", provider);
    new.account_id = Some(found.account_id);
    Resource { created: found.created, ..row(new) }
}
