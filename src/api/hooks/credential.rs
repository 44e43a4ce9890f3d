//! API keys and passwords: the secret is made or hashed, shown once, and only its hash is kept.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::{Answer, AuthCall, Creation, Ctx, Hook};
use crate::auth::keys;
use crate::error::{Error, Result};
use crate::model::resource::Resource;

/// `apiKey`.
pub const API_KEY: Hook = Hook { create: Some(create_api_key), ..Hook::of("apiKey") };

/// `credential`.
pub const CREDENTIAL: Hook = Hook { act: Some(act), ..Hook::of("credential") };

/// `password`.
pub const PASSWORD: Hook =
    Hook { create: Some(create_password), hashes: Some("secretValue"), ..Hook::of("password") };

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
