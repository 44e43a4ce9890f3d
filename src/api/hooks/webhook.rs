//! Webhooks: addresses that may be called, with secrets that are sealed and never shown.

use serde_json::{Map, Value};

use super::{Answer, Creation, Ctx, Hook};
use crate::error::{Error, Result};
use crate::model::resource::Resource;
use crate::model::selector::Selector;
use crate::process::{secrets, webhooks};

/// `webhook`.
pub const HOOK: Hook =
    Hook { create: Some(create), update: Some(update), ..Hook::of(webhooks::SINK) };

/// What is given as a secret, where it is kept, and what says that it is there.
const SECRETS: &[(&str, &str, &str)] =
    &[("secret", webhooks::SECRET, "hasSecret"), ("token", webhooks::TOKEN, "hasToken")];

fn create(ctx: &mut Ctx<'_, '_>, creation: &mut Creation) -> Result<()> {
    let uuid = creation.row.uuid.clone();
    settle(ctx, &uuid, &mut creation.row.data)
}

fn update(ctx: &mut Ctx<'_, '_>, row: &Resource, changes: &mut Map<String, Value>) -> Result<()> {
    // Whoever may change the address is not shown the token: it does not go anywhere else.
    if changes.contains_key("url") && row.str(webhooks::TOKEN).is_some() {
        changes.entry("token").or_insert_with(|| "".into());
    }
    settle(ctx, &row.uuid, changes)
}

/// Checks what is given, and seals what is secret of it.
fn settle(ctx: &Ctx<'_, '_>, uuid: &str, fields: &mut Map<String, Value>) -> Result<()> {
    if let Some(url) = fields.get("url").and_then(Value::as_str) {
        webhooks::check_url(ctx.tx, url)?;
    }
    if let Some(selector) = fields.get("selector").and_then(Value::as_str) {
        selector
            .parse::<Selector>()
            .map_err(|error| Error::field(error.code(), "selector").message(error.to_string()))?;
    }
    for (given, kept, shown) in SECRETS {
        let Some(secret) = fields.shift_remove(*given) else { continue };
        // An empty one takes away what was there.
        let secret = secret.as_str().unwrap_or_default();
        if *given == "token" && !secret.chars().all(|letter| letter.is_ascii_graphic()) {
            return Err(Error::field("InvalidCharacters", *given)
                .message("a token has no spaces, and letters of ASCII only"));
        }
        let sealed = match secret {
            "" => Value::Null,
            secret => secrets::seal(ctx.vault, webhooks::SINK, uuid, secret.as_bytes())?.into(),
        };
        fields.insert((*shown).to_owned(), (!sealed.is_null()).into());
        fields.insert((*kept).to_owned(), sealed);
    }
    Ok(())
}

/// `webhook.test`.
pub fn test(ctx: &mut Ctx<'_, '_>, row: &Resource, _: Map<String, Value>) -> Result<Answer> {
    Ok(Answer::Row(webhooks::test(ctx.tx, row.id)?))
}

/// `webhookDelivery.replay`.
pub fn replay(ctx: &mut Ctx<'_, '_>, row: &Resource, _: Map<String, Value>) -> Result<Answer> {
    Ok(Answer::Row(webhooks::replay(ctx.tx, row)?))
}
