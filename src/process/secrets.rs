//! Secrets of rows: sealed where they lie, opened only for the container that is given them.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::machine::login;
use super::site::Site;
use super::tasks::{Every, Found, Task};
use super::{issuance, registries, webhooks};
use crate::engine::SecretFile;
use crate::error::{Error, Result};
use crate::model::resource::Resource;
use crate::store::{Query, Read, Store};
use crate::vault::Vault;

/// Where an API secret's value is kept.
pub const VALUE: &str = "sealedValue";
/// Where the key of a certificate or of a bucket is kept.
pub const KEY: &str = "sealedKey";
/// Every field that holds an envelope, by type: alone, or with what it belongs to.
const SEALED: &[(&str, &str)] = &[
    ("account", issuance::ACCOUNT),
    ("backupTarget", KEY),
    ("certificate", KEY),
    ("credential", registries::SECRET),
    ("host", login::SECRETS),
    ("hostTemplate", login::TEMPLATE),
    ("physicalHost", login::SECRETS),
    ("secret", VALUE),
    ("webhook", webhooks::SECRET),
    ("webhook", webhooks::TOKEN),
];

/// Where secrets appear in a container.
const PLACE: &str = "/run/secrets";
/// Permissions of a secret that says nothing of them.
const MODE: u32 = 0o444;
/// Rows sealed anew in one transaction.
const BATCH: usize = 200;
/// The job's number.
const RESEAL_ID: i64 = 40;
/// The job that seals anew what an old key has sealed.
pub const RESEAL: &str = "secrets.reseal";
const HOUR_S: u64 = 3600;

/// What a secret belongs to: an envelope opens in its own row only.
fn place(ty: &str, uuid: &str) -> String {
    format!("{ty} {uuid}")
}

/// Seals a secret of the row with this uuid.
///
/// # Errors
/// When the vault cannot be used.
pub fn seal(vault: &Vault, ty: &str, uuid: &str, secret: &[u8]) -> Result<String> {
    vault.seal(&place(ty, uuid), secret)
}

/// Opens the secret in a field of a row.
///
/// # Errors
/// When there is none, or the vault cannot open it.
pub fn unseal(vault: &Vault, row: &Resource, field: &str) -> Result<Vec<u8>> {
    let envelope = row.str(field).ok_or_else(|| {
        Error::conflict(format!("{} `{}` holds no secret", row.ty, row.display_name()))
    })?;
    vault.unseal(&place(row.ty, &row.uuid), envelope)
}

/// One entry of a container's field `secrets`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The secret.
    pub secret: i64,
    /// Name of the file; the secret's own if absent.
    pub name: Option<String>,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Permissions.
    pub mode: u32,
}

/// Reads one entry of a container's field `secrets`.
///
/// # Errors
/// 422 that names the field and what is wrong with it.
pub fn reference(entry: &Map<String, Value>) -> Result<Reference> {
    let secret = entry.get("secretId").and_then(Value::as_i64).ok_or_else(|| {
        Error::field("MissingRequired", "secretId").message("a secret reference names its secret")
    })?;
    let text = |field: &str| match entry.get(field) {
        Some(Value::String(text)) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    };
    let number = |field: &str, radix: u32, default: u32, most: u32, what: &str| match text(field) {
        None => Ok(default),
        Some(text) => {
            let read = u32::from_str_radix(text.trim_start_matches("0o"), radix).ok();
            read.filter(|number| *number <= most).ok_or_else(|| {
                Error::field("InvalidFormat", field)
                    .message(format!("`{text}` is not {what} for the file of a secret"))
            })
        }
    };
    let name = text("name");
    if let Some(name) = &name {
        path(name)?;
    }
    Ok(Reference {
        secret,
        name,
        uid: number("uid", 10, 0, u32::MAX - 1, "the number of a user")?,
        gid: number("gid", 10, 0, u32::MAX - 1, "the number of a group")?,
        mode: number("mode", 8, MODE, 0o777, "an octal mode such as 0440")?,
    })
}

/// Where a file of this name appears.
fn path(name: &str) -> Result<String> {
    let path = match name.starts_with('/') {
        true => name.to_owned(),
        false => format!("{PLACE}/{name}"),
    };
    let wrong =
        path.contains('\0') || path.split('/').skip(1).any(|part| matches!(part, "" | "." | ".."));
    if wrong {
        return Err(Error::field("InvalidFormat", "name")
            .message(format!("`{name}` is not the name of a file for a secret")));
    }
    Ok(path)
}

/// Whether secrets that somebody has removed may still be given to a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removed {
    /// The container had them before: removing a secret does not touch it.
    Kept,
    /// It is a new container.
    Refused,
}

/// The secrets of a container, opened.
///
/// # Errors
/// When one is not there, belongs to another environment or cannot be opened.
pub fn files(
    read: &Read<'_>,
    vault: &Vault,
    container: &Resource,
    removed: Removed,
) -> Result<Vec<SecretFile>> {
    let mut files = Vec::new();
    for entry in container.list("secrets").iter().filter_map(Value::as_object) {
        let reference = reference(entry)?;
        let secret = read.get(reference.secret)?;
        let secret = secret.filter(|secret| {
            secret.ty == "secret"
                && secret.account_id == container.account_id
                && (removed == Removed::Kept || secret.removed.is_none())
        });
        let secret = secret.ok_or_else(|| {
            Error::conflict(format!(
                "a secret of container `{}` is not there any more: {}",
                container.display_name(),
                reference.name.as_deref().unwrap_or("it has no name")
            ))
        })?;
        let name = reference.name.or_else(|| secret.name.clone()).unwrap_or_default();
        files.push(SecretFile {
            path: path(&name)?,
            uid: reference.uid,
            gid: reference.gid,
            mode: reference.mode,
            content: unseal(vault, &secret, VALUE)?,
        });
    }
    Ok(files)
}

/// The job: what an old key has sealed is sealed with the newest.
pub fn tasks() -> Vec<Task> {
    vec![Task::new(RESEAL_ID, RESEAL, Every::Seconds(HOUR_S), |site: Arc<Site>| async move {
        let plain = registries::seal_plain(&site.store, &site.vault).await?;
        let sealed = plain + reseal(&site.store, &site.vault).await?;
        Ok(if sealed == 0 { Found::Nothing } else { Found::Work })
    })]
}

/// Seals anew what an old key has sealed; how many. May be cut off anywhere and done again: what was
/// not reached still opens with its old key.
///
/// # Errors
/// When the database fails, or the vault cannot open what it has sealed.
pub async fn reseal(store: &Store, vault: &Arc<Vault>) -> Result<usize> {
    let mut count = 0;
    for (ty, field) in SEALED.iter().copied() {
        let query = Query { ty, with_removed: true, limit: usize::MAX >> 1, ..Query::default() };
        let mut old = Vec::new();
        for row in store.read(|read| read.list(&query))? {
            if let Some((_, envelope)) = envelope(&row, field)
                && vault.is_old(envelope)?
            {
                old.push(row.id);
            }
        }
        for batch in old.chunks(BATCH) {
            let (batch, vault) = (batch.to_vec(), Arc::clone(vault));
            count += batch.len();
            let again = move |tx: &mut crate::store::Tx<'_>| {
                for id in batch {
                    let Some(row) = tx.get(id)? else { continue };
                    let Some((place, envelope)) = envelope(&row, field) else { continue };
                    let fresh = vault.seal(&place, &vault.unseal(&place, envelope)?)?;
                    let kept = match row.data.get(field) {
                        Some(Value::Object(_)) => login::envelope(place, fresh),
                        _ => fresh.into(),
                    };
                    tx.update(id, |row| {
                        row.set(field, kept);
                        Ok(())
                    })?;
                }
                Ok(())
            };
            store.write(again).await?;
        }
    }
    Ok(count)
}

/// The envelope in a field, and what it belongs to.
fn envelope<'a>(row: &'a Resource, field: &str) -> Option<(String, &'a str)> {
    if let Some(envelope) = row.str(field) {
        return Some((place(row.ty, &row.uuid), envelope));
    }
    let (place, envelope) = login::parts(row.data.get(field)?)?;
    Some((place.to_owned(), envelope))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, Entropy};
    use crate::model::resource::NewResource;
    use expect_test::{Expect, expect};
    use serde_json::json;

    fn check(entry: Value, expect: Expect) {
        let Value::Object(entry) = entry else { panic!("an object") };
        let text = match reference(&entry) {
            Ok(reference) => format!("{reference:?}"),
            Err(error) => {
                let field = error.field.clone().unwrap_or_default();
                format!("{} {field}: {error}", error.code)
            }
        };
        expect.assert_eq(&text);
    }

    #[test]
    fn references_say_owner_and_permissions_as_text() {
        check(
            json!({ "secretId": 7 }),
            expect!["Reference { secret: 7, name: None, uid: 0, gid: 0, mode: 292 }"],
        );
        check(
            json!({ "secretId": 7, "name": "db/key", "uid": "1000", "gid": "50", "mode": "0440" }),
            expect![[
                r#"Reference { secret: 7, name: Some("db/key"), uid: 1000, gid: 50, mode: 288 }"#
            ]],
        );
        check(
            json!({ "secretId": 7, "mode": "999" }),
            expect![
                "InvalidFormat mode: `999` is not an octal mode such as 0440 for the file of a secret"
            ],
        );
        check(
            json!({ "secretId": 7, "uid": "root" }),
            expect![
                "InvalidFormat uid: `root` is not the number of a user for the file of a secret"
            ],
        );
        check(
            json!({ "secretId": 7, "name": "../etc/passwd" }),
            expect!["InvalidFormat name: `../etc/passwd` is not the name of a file for a secret"],
        );
        check(
            json!({ "name": "key" }),
            expect!["MissingRequired secretId: a secret reference names its secret"],
        );
    }

    #[tokio::test]
    async fn whatever_is_sealed_opens_when_old_keys_are_forgotten() {
        let folder = tempfile::tempdir().expect("folder");
        let (clock, entropy) = (Clock::System, Entropy::System);
        let store = Store::open(&folder.path().join("db"), clock, entropy.clone()).expect("store");
        let path = folder.path().join("key");
        let vault = Arc::new(Vault::at(path, entropy.clone()));
        let mut rows = Vec::new();
        for (ty, field) in SEALED.iter().copied() {
            let uuid = entropy.uuid();
            let kept = match field {
                KEY | VALUE | registries::SECRET | webhooks::TOKEN => {
                    seal(&vault, ty, &uuid, b"moo").expect("sealed").into()
                }
                _ => {
                    let login = super::super::object(json!({ "sshPassword": "moo" }));
                    login::seal(&vault, &entropy, &login).expect("sealed")
                }
            };
            let new = NewResource::new(ty, uuid).state("active").with(field, kept);
            rows.push((field, store.write(move |tx| tx.insert(new)).await.expect("row").id));
        }
        vault.add_key().expect("a key");
        assert_eq!(reseal(&store, &vault).await.expect("sealed anew"), rows.len());
        assert_eq!(reseal(&store, &vault).await.expect("nothing is old"), 0);
        assert_eq!(vault.forget_old_keys().expect("forgotten"), 1);
        for (field, id) in rows {
            let row = store.read(|read| read.get(id)).expect("read").expect("row");
            let secret = match field {
                KEY | VALUE | registries::SECRET | webhooks::TOKEN => {
                    unseal(&vault, &row, field).expect("opens")
                }
                _ => {
                    let login = login::unseal(&vault, &row.data[field]).expect("opens");
                    login["sshPassword"].as_str().expect("text").as_bytes().to_vec()
                }
            };
            assert_eq!(secret, b"moo", "{} {field}", row.ty);
        }
    }
}
