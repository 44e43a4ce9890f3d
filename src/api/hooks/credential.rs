//! API keys and passwords: the secret is made or hashed, shown once, and only its hash is kept.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::registry::{sealed, update_credential};
use super::{Access, Answer, Attachment, AuthCall, Creation, Ctx, Hook};
use crate::auth::keys;
use crate::engine::docker::ssh::key_pair;
use crate::error::{Error, Result};
use crate::model::id;
use crate::model::resource::Resource;
use crate::process::registries::{GIVEN, SECRET};
use crate::process::secrets;

/// `apiKey`.
pub const API_KEY: Hook = Hook { create: Some(create_api_key), ..Hook::of("apiKey") };

/// `credential`.
pub const CREDENTIAL: Hook = Hook { act: Some(act), ..Hook::of("credential") };

/// `password`.
pub const PASSWORD: Hook =
    Hook { create: Some(create_password), hashes: Some("secretValue"), ..Hook::of("password") };

/// `sshKey`: the private key is sealed, and shown by the link `pem` alone.
pub const SSH_KEY: Hook =
    Hook { create: Some(create_ssh_key), update: Some(update_credential), ..Hook::of("sshKey") };

/// A key that somebody brings, or a new pair.
fn create_ssh_key(ctx: &mut Ctx<'_, '_>, creation: &mut Creation) -> Result<()> {
    let row = &mut creation.row;
    let mut private = row.data.shift_remove(GIVEN).filter(|given| !given.is_null());
    if private.is_none() && row.data.get("publicValue").is_none_or(serde_json::Value::is_null) {
        let mut seed = [0; 32];
        ctx.site.entropy.fill(&mut seed);
        let (public, made) = key_pair(&seed).map_err(Error::internal)?;
        row.data.insert("publicValue".to_owned(), public.into());
        private = Some(made.into());
    }
    if let Some(sealed) = sealed(ctx, &row.uuid, private)? {
        row.data.insert(SECRET.to_owned(), sealed);
    }
    Ok(())
}

/// Link `pem`: the private key as a file, named as in Rancher.
pub fn pem(access: &Access<'_>) -> Result<Answer> {
    let key = secrets::unseal(&access.state.site.vault, access.row, SECRET)?;
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let name: String = access.row.name.as_deref().unwrap_or("").trim().chars().map(plain).collect();
    let name = match name.as_str() {
        "" => format!("id_rsa_{}.pem", id::format("c", access.row.id)),
        name => format!("{name}.pem"),
    };
    Ok(Answer::File(Attachment::Bytes(name.into(), "application/octet-stream", key)))
}

fn create_api_key(ctx: &mut Ctx<'_, '_>, creation: &mut Creation) -> Result<()> {
    let pair = keys::prepare_api_key(ctx.tx, &mut creation.row)?;
    creation.reveal.insert("secretValue".to_owned(), pair.secret_key.into());
    Ok(())
}

fn create_password(ctx: &mut Ctx<'_, '_>, creation: &mut Creation) -> Result<()> {
    let Some(hash) = creation.hash.take() else {
        return Err(
            Error::code("UserCredentialCreation").message("a login needs a name and a password")
        );
    };
    keys::prepare_password(ctx.tx, &mut creation.row, hash)
}

/// A password belongs to the person, also while it acts in an environment.
fn act(ctx: &mut Ctx<'_, '_>, row: &Resource, action: &str) -> Result<()> {
    let own = row.account_id == Some(ctx.caller.account_id)
        || row.account_id == Some(ctx.caller.user_id)
        || ctx.caller.all_accounts;
    if own {
        return Ok(());
    }
    Err(Error::forbidden(format!("you may not {action} this credential: it is not yours")))
}

/// `changesecret`: `{oldSecret, newSecret}`.
pub fn change_secret(call: AuthCall<'_>) -> BoxFuture<'_, Result<Answer>> {
    async move {
        let text = |field: &str| call.input.get(field).and_then(|value| value.as_str());
        let (old, new) = (text("oldSecret").unwrap_or(""), text("newSecret").unwrap_or(""));
        call.auth.change_secret(call.caller, call.row.id, old, new, call.client_ip).await?;
        Ok(Answer::Object("changeSecretInput", serde_json::Map::new()))
    }
    .boxed()
}
