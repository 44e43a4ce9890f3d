//! The local operator: whoever can read the data directory may use the command line without logging in.
//!
//! At each start the server makes a new API key of the first administrator and writes it where only the
//! directory's owner can read it.

use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde_json::json;

use super::keys::{self, KeyPair};
use super::secret::{self, Passwords};
use super::setup::SHORTEST_PASSWORD;
use super::{Auth, Caller, access};
use crate::error::{Error, Result};
use crate::model::id;
use crate::store::{Query, Read, Store, Tx};

/// Name of the file in the data directory.
pub const FILE: &str = "local-access.json";
/// Name of the key, as administrators see it in the list of keys.
const KEY_NAME: &str = "local command line";
/// What marks the key in its row; no request can set it.
const MARK: &str = "localOperator";

impl Auth {
    /// Makes the local operator's key anew and writes it with the server's own URL; the key of the start
    /// before is worth nothing from then on.
    ///
    /// # Errors
    /// When the database fails or the file cannot be written.
    pub async fn write_local_access(&self, url: &str) -> Result<()> {
        let (pair, project) = self.store.write(rotate).await?;
        let text = json!({
            "url": url,
            "accessKey": pair.access_key,
            "secretKey": pair.secret_key,
            "projectId": project.map(|project| id::format("a", project)),
        });
        write_private(&self.options.data_dir.join(FILE), format!("{text:#}\n").as_bytes())
    }
}

/// Gives the one local key new values; returns them with the first environment it can act in.
fn rotate(tx: &mut Tx<'_>) -> Result<(KeyPair, Option<i64>)> {
    let Some(admin) = access::first_admin(tx)? else {
        return Err(Error::internal("there is no administrator's account"));
    };
    let existing = tx.list(&Query {
        ty: "credential",
        kinds: vec![keys::API_KEY],
        account_id: Some(admin.id),
        limit: 10_000,
        ..Query::default()
    })?;
    let mut local = existing.iter().filter(|key| key.name.as_deref() == Some(KEY_NAME));
    let pair = match local.next() {
        Some(key) => {
            let pair = KeyPair::generate(tx.entropy);
            tx.update(key.id, |row| {
                "active".clone_into(&mut row.state);
                row.set("publicValue", pair.access_key.as_str());
                row.set(keys::SECRET_HASH, secret::key_hash(&pair.secret_key));
                row.set(MARK, true);
                Ok(())
            })?;
            pair
        }
        None => {
            let pair = keys::insert_api_key(tx, admin.id, KEY_NAME)?;
            mark(tx, &pair)?;
            pair
        }
    };
    Ok((pair, access::projects_of(tx, admin.id)?.first().copied()))
}

fn mark(tx: &mut Tx<'_>, pair: &KeyPair) -> Result<()> {
    for key in tx.referrers_by_text("credential", "publicValue", &pair.access_key)? {
        tx.update(key.id, |row| {
            row.set(MARK, true);
            Ok(())
        })?;
    }
    Ok(())
}

/// Whether a caller proved itself with the local operator's key: whoever can read that could change the
/// database itself.
pub(super) fn is_operator(read: &Read<'_>, caller: &Caller) -> Result<bool> {
    let proof = caller.session.as_deref().unwrap_or_default();
    let Some(id) = super::authenticate::proving_credential(proof) else { return Ok(false) };
    Ok(read.get(id)?.is_some_and(|key| key.ty == "credential" && key.flag(MARK)))
}

/// Writes a file that only its owner can read, whole or not at all.
///
/// # Errors
/// When it cannot be written.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    let failed = |error: std::io::Error| {
        Error::internal(format!("cannot write {}: {error}", path.display()))
    };
    let part = path.with_extension("part");
    delete(&part)?;
    // A new file: an old one's looser mode must not be inherited.
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(&part).map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    fs::rename(&part, path).map_err(failed)
}

/// Deletes a file if it is there.
pub(super) fn delete(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(Error::internal(format!("cannot delete {}: {error}", path.display())))
        }
        _ => Ok(()),
    }
}

/// Gives a login another password and ends its sessions, for an operator who is locked out. The server may
/// be running on the same store, in this process only.
///
/// # Errors
/// 404 when there is no such login, 422 for a password that is too short or too long.
pub async fn reset_password(
    store: &Store,
    passwords: &Passwords,
    login: &str,
    new: &str,
) -> Result<()> {
    secret::check_password(new)?;
    if new.chars().count() < SHORTEST_PASSWORD {
        return Err(Error::field("MinLengthExceeded", "password")
            .message(format!("the password needs at least {SHORTEST_PASSWORD} characters")));
    }
    let phc = passwords.turn().await?.hash(new).await?;
    let login = login.to_owned();
    store
        .write(move |tx| {
            let found = tx.referrers_by_text("credential", "publicValue", &login)?;
            let Some(credential) = found.iter().find(|row| row.kind == keys::PASSWORD) else {
                return Err(Error::not_found().message(format!("nobody logs in as `{login}`")));
            };
            keys::replace_secret(tx, credential.id, &phc)?;
            tx.update(credential.id, |row| {
                "active".clone_into(&mut row.state);
                Ok(())
            })?;
            Ok(())
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::caller::Role;
    use crate::auth::request::Authenticator;
    use crate::auth::secret::Cost;
    use crate::auth::setup::Claim;
    use crate::auth::testing::{World, basic, bearer};
    use std::os::unix::fs::PermissionsExt;

    fn read(path: &Path) -> serde_json::Value {
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
    }

    #[tokio::test]
    async fn each_start_makes_a_new_key_of_the_same_credential() {
        let world = World::seeded().await;
        let auth = world.auth();
        let path = world.folder.path().join(FILE);
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        auth.write_local_access("http://127.0.0.1:8080").await.unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let first = read(&path);
        assert_eq!(first["projectId"], "1a5");
        assert_eq!(first["url"], "http://127.0.0.1:8080");
        let request = |access: &serde_json::Value| {
            let text = |key: &str| access[key].as_str().unwrap().to_owned();
            basic(&text("accessKey"), &text("secretKey"))
        };
        let caller = auth.authenticate(&request(&first)).await.unwrap();
        assert_eq!((caller.user_id, caller.role), (1, Role::Admin));

        auth.write_local_access("http://127.0.0.1:8080").await.unwrap();
        let second = read(&path);
        assert_eq!(auth.authenticate(&request(&first)).await.unwrap_err().status, 401);
        auth.authenticate(&request(&second)).await.unwrap();
        let keys = world
            .store
            .read(|read| read.count(&Query { ty: "credential", limit: 9, ..Query::default() }));
        assert_eq!(keys, Ok(1));
    }

    #[tokio::test]
    async fn the_operator_needs_no_old_password_while_the_server_runs() {
        let world = World::seeded().await;
        let auth = world.auth();
        let code = auth.prepare_setup().unwrap().unwrap();
        let claim =
            Claim { code: &code, username: "root", password: "correct horse", name: "Root" };
        let session = auth.claim(claim, None).await.unwrap();
        let path = world.folder.path().join(FILE);
        auth.write_local_access("http://127.0.0.1:8080").await.unwrap();
        let access = read(&path);
        let text = |key: &str| access[key].as_str().unwrap().to_owned();
        let operator =
            auth.authenticate(&basic(&text("accessKey"), &text("secretKey"))).await.unwrap();
        let pair = world.store.write(|tx| keys::insert_api_key(tx, 1, KEY_NAME)).await.unwrap();
        let other = auth.authenticate(&basic(&pair.access_key, &pair.secret_key)).await.unwrap();
        let logged_in = auth.authenticate(&bearer(&session.key)).await.unwrap();
        let found = world
            .store
            .read(|read| read.referrers_by_text("credential", "publicValue", "root"))
            .unwrap();
        let id = found.iter().find(|row| row.kind == keys::PASSWORD).unwrap().id;
        for caller in [&other, &logged_in] {
            let refused = auth.change_secret(caller, id, "", "another horse", None).await;
            assert_eq!(refused.unwrap_err().code, "InvalidOldPassword", "only by the file's key");
        }
        auth.change_secret(&operator, id, "", "another horse", None).await.unwrap();
        assert_eq!(auth.authenticate(&bearer(&session.key)).await.unwrap_err().status, 401);
        auth.login("root:another horse", None).await.unwrap();
    }

    #[tokio::test]
    async fn the_operator_can_set_any_password() {
        let world = World::seeded().await;
        let auth = world.auth();
        world.user(&auth, "admin", "ann").await;
        let session = auth.login("ann:ann-secret", None).await.unwrap();
        let cost = Cost { memory_kib: 8, iterations: 1, parallelism: 1 };
        let passwords = Passwords::new(cost, world.entropy.clone()).unwrap();
        let reset = async |login, new| reset_password(&world.store, &passwords, login, new).await;
        assert_eq!(
            reset("bob", "long enough").await.unwrap_err().to_string(),
            "nobody logs in as `bob`"
        );
        assert_eq!(reset("ann", "short").await.unwrap_err().status, 422);
        reset("ann", "long enough").await.unwrap();
        assert_eq!(auth.login("ann:ann-secret", None).await.unwrap_err().status, 401);
        assert_eq!(auth.authenticate(&bearer(&session.key)).await.unwrap_err().status, 401);
        auth.login("ann:long enough", None).await.unwrap();
    }
}
