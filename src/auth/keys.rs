//! API keys and passwords: making them, changing them, and what of them is stored.
//!
//! A credential's secret is never a field of its row: what is stored is its hash, under a name that no
//! schema has, so that no rendering can show it. The secret itself leaves once, in the answer to the create.

use crate::error::{Error, Result};
use crate::model::resource::{NewResource, Resource};
use crate::store::{Read, Tx};

use super::access::is_usable;
use super::secret;

pub use crate::process::keys::{ACCESS_KEY, AGENT_KEY, KeyPair, SECRET_HASH};

/// Kind of credentials that belong to programs.
pub const API_KEY: &str = "apiKey";
/// Kinds of credentials that programs prove themselves with.
pub(super) const PROGRAM_KEYS: &[&str] = &[API_KEY, AGENT_KEY];
/// Kind of credentials that belong to people.
pub const PASSWORD: &str = "password";

/// Whether a name could be a generated access key, which nobody has for a login by accident.
pub fn looks_like_access_key(name: &str) -> bool {
    let digit = |byte: u8| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte);
    name.len() == ACCESS_KEY && name.bytes().all(digit)
}

/// Prepares the row of an API key that is about to be created: takes the values the caller gave in
/// `publicValue` and `secretValue`, or makes them, and puts the hash in the secret's place.
///
/// Works for keys of accounts and of environments alike: the owner is whatever `accountId` says.
///
/// # Errors
/// 422 `NotUnique publicValue` when another live credential has it.
pub fn prepare_api_key(tx: &Tx<'_>, new: &mut NewResource) -> Result<KeyPair> {
    let generated = KeyPair::generate(tx.entropy);
    let pair = KeyPair {
        access_key: take_text(new, "publicValue").unwrap_or(generated.access_key),
        secret_key: take_text(new, "secretValue").unwrap_or(generated.secret_key),
    };
    if is_taken(tx, &pair.access_key)? {
        return Err(Error::field("NotUnique", "publicValue")
            .message(format!("the access key `{}` is in use", pair.access_key)));
    }
    new.kind = API_KEY.to_owned();
    new.data.insert("publicValue".to_owned(), pair.access_key.clone().into());
    new.data.insert(SECRET_HASH.to_owned(), secret::key_hash(&pair.secret_key).into());
    Ok(pair)
}

/// Prepares the row of a password that is about to be created; `phc` is [`secret::Turn::hash`] of its
/// `secretValue`, made before the transaction because it takes long.
///
/// # Errors
/// 400 `UserCredentialCreation` without a login; 422 when the login holds what cannot be typed in a
/// `login:password` code, and 409 `UsernameIsTaken` when another live credential has it.
pub fn prepare_password(tx: &Tx<'_>, new: &mut NewResource, phc: String) -> Result<()> {
    new.data.shift_remove("secretValue");
    let login = take_text(new, "publicValue").unwrap_or_default();
    check_login(&login)?;
    if is_taken(tx, &login)? {
        return Err(Error::code("UsernameIsTaken").message(format!("the login `{login}` is taken")));
    }
    new.kind = PASSWORD.to_owned();
    new.data.insert("publicValue".to_owned(), login.into());
    new.data.insert(SECRET_HASH.to_owned(), phc.into());
    Ok(())
}

fn take_text(new: &mut NewResource, field: &str) -> Option<String> {
    let value = new.data.shift_remove(field)?;
    value.as_str().map(str::to_owned).filter(|text| !text.trim().is_empty())
}

/// Whether a text can be a login.
///
/// # Errors
/// 400 `UserCredentialCreation` for a blank one; 422 `InvalidCharacters` for `:` and control characters;
/// 422 `MaxLengthExceeded` above 255.
pub fn check_login(login: &str) -> Result<()> {
    if login.trim().is_empty() {
        let message = "a login needs a name and a password";
        return Err(Error::code("UserCredentialCreation").message(message));
    }
    if login.contains(':') || login.chars().any(char::is_control) {
        return Err(Error::field("InvalidCharacters", "publicValue")
            .message(format!("the login `{login}` holds a colon or a control character")));
    }
    if login.len() > 255 {
        return Err(Error::field("MaxLengthExceeded", "publicValue")
            .message(format!("the login is {} bytes long, more than 255", login.len())));
    }
    Ok(())
}

/// A public value may be used again only once the credential that had it is removed.
fn is_taken(read: &Read<'_>, public: &str) -> Result<bool> {
    Ok(!read.referrers_by_text("credential", "publicValue", public)?.is_empty())
}

/// The live credentials with this public value whose owner and state let them be used, with the owner.
///
/// # Errors
/// When the database fails.
pub(super) fn usable(
    read: &Read<'_>,
    kinds: &[&str],
    public: &str,
) -> Result<Option<(Resource, Resource)>> {
    for credential in read.referrers_by_text("credential", "publicValue", public)? {
        if !kinds.contains(&credential.kind.as_str()) || !is_usable(&credential) {
            continue;
        }
        let Some(owner) = credential.account_id else { continue };
        if let Some(account) = read.get(owner)?.filter(is_usable)
            && account.ty == "account"
        {
            return Ok(Some((credential, account)));
        }
    }
    Ok(None)
}

/// The hash a credential keeps of its secret.
pub(super) fn secret_hash(credential: &Resource) -> Option<&str> {
    credential.str(SECRET_HASH)
}

/// The login of an account: the name of its first password that can be used.
///
/// # Errors
/// When the database fails.
pub fn login_of(read: &Read<'_>, account_id: i64) -> Result<Option<String>> {
    let passwords = passwords_of(read, account_id)?;
    let usable = passwords.iter().find(|password| is_usable(password));
    Ok(usable.and_then(|password| password.str("publicValue")).map(str::to_owned))
}

/// The live passwords of an account.
///
/// # Errors
/// When the database fails.
pub fn passwords_of(read: &Read<'_>, account_id: i64) -> Result<Vec<Resource>> {
    read.list(&crate::store::Query {
        ty: "credential",
        kinds: vec![PASSWORD],
        account_id: Some(account_id),
        limit: 1000,
        ..crate::store::Query::default()
    })
}

/// Makes an active API key at once, without a process: for the program's own.
///
/// # Errors
/// When the database fails.
pub(super) fn insert_api_key(tx: &mut Tx<'_>, account_id: i64, name: &str) -> Result<KeyPair> {
    let mut new = NewResource::new("credential", tx.entropy.uuid())
        .account(account_id)
        .name(name)
        .state("active");
    let pair = prepare_api_key(tx, &mut new)?;
    tx.insert(new)?;
    Ok(pair)
}

/// Makes an active password at once, without a process: for the set-up.
///
/// # Errors
/// As [`prepare_password`].
pub(super) fn insert_password(
    tx: &mut Tx<'_>,
    account_id: i64,
    login: &str,
    phc: String,
) -> Result<Resource> {
    let mut new = NewResource::new("credential", tx.entropy.uuid())
        .account(account_id)
        .state("active")
        .with("publicValue", login);
    prepare_password(tx, &mut new, phc)?;
    tx.insert(new)
}

/// Gives a password another secret and ends every session of its account; returns the hashes of theirs.
///
/// # Errors
/// 404 when it is gone.
pub(super) fn replace_secret(tx: &mut Tx<'_>, id: i64, phc: &str) -> Result<Vec<String>> {
    let credential = tx.update(id, |row| {
        row.set(SECRET_HASH, phc);
        Ok(())
    })?;
    match credential.account_id {
        Some(account_id) => tx.token_delete_of(account_id),
        None => Ok(Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::request::Authenticator;
    use crate::auth::testing::{World, basic};
    use crate::clock::Entropy;

    /// Makes an API key of account 1 the way the API does; (access key, secret key) or the error.
    async fn create(world: &World, given: &[(&'static str, &'static str)]) -> Result<KeyPair> {
        let given = given.to_vec();
        world
            .store
            .write(move |tx| {
                let mut new = NewResource::new("credential", tx.entropy.uuid()).account(1);
                for (field, value) in given {
                    new = new.with(field, value);
                }
                let pair = prepare_api_key(tx, &mut new)?;
                tx.insert(new.state("active"))?;
                Ok(pair)
            })
            .await
    }

    #[tokio::test]
    async fn keys_have_rancher_s_shape_and_their_secret_is_not_stored() {
        let world = World::seeded().await;
        let auth = world.auth();
        let pair = create(&world, &[]).await.unwrap();
        assert!(looks_like_access_key(&pair.access_key), "{}", pair.access_key);
        assert!(
            pair.secret_key.len() == 40
                && pair.secret_key.chars().all(|letter| letter.is_ascii_alphanumeric())
        );
        assert!(!format!("{pair:?}").contains(&pair.secret_key));
        auth.authenticate(&basic(&pair.access_key, &pair.secret_key)).await.unwrap();
        let row = world.store.read(|read| usable(read, &[API_KEY], &pair.access_key)).unwrap();
        let row = row.unwrap().0;
        assert!(!format!("{row:?}").contains(&pair.secret_key));
        assert_eq!((row.kind.as_str(), row.str("secretValue")), (API_KEY, None));

        let given = [("publicValue", "mine"), ("secretValue", "my secret")];
        assert_eq!(create(&world, &given).await.unwrap().secret_key, "my secret");
        auth.authenticate(&basic("mine", "my secret")).await.unwrap();
    }

    #[tokio::test]
    async fn a_public_value_is_free_again_only_when_its_credential_is_removed() {
        let world = World::seeded().await;
        let code = |found: Result<()>| found.err().map(|error| error.code);
        create(&world, &[("publicValue", "mine")]).await.unwrap();
        let id = world.store.read(|read| usable(read, &[API_KEY], "mine")).unwrap().unwrap().0.id;
        for (state, expect) in [("active", false), ("inactive", false), ("removed", true)] {
            world.set_state(id, state).await;
            let found = create(&world, &[("publicValue", "mine")]).await.map(|_| ());
            assert_eq!(code(found), if expect { None } else { Some("NotUnique") }, "{state}");
        }
        // Logins and keys share the names.
        let phc = "$argon2id$".to_owned();
        let login = world.store.write(move |tx| insert_password(tx, 1, "mine", phc)).await;
        assert_eq!(code(login.map(|_| ())), Some("UsernameIsTaken"));
    }

    #[test]
    fn logins_can_be_typed_and_told_from_keys() {
        for (login, expect) in [
            ("bob", Ok(())),
            ("bob@example.org", Ok(())),
            ("", Err(400)),
            (" \t", Err(400)),
            ("a:b", Err(422)),
            ("a\nb", Err(422)),
            (&"x".repeat(256), Err(422)),
        ] {
            assert_eq!(check_login(login).map_err(|error| error.status), expect, "{login:?}");
        }
        assert!(looks_like_access_key(&KeyPair::generate(&Entropy::seeded(3)).access_key));
        for other in ["bob", "0123456789abcdef0123", "0123456789ABCDEF01234"] {
            assert!(!looks_like_access_key(other), "{other}");
        }
    }
}
