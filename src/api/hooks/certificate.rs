//! Certificates: checked with their key and chain, read for what they say, and kept while in use.

use serde_json::{Map, Value};

use super::{Creation, Ctx, Hook};
use crate::certificate::{self, Facts};
use crate::error::{Error, Result};
use crate::model::resource::Resource;
use crate::process::{balancer, certificates, issuance, secrets};

/// `certificate`.
pub const HOOK: Hook =
    Hook { create: Some(create), update: Some(update), act: Some(act), ..Hook::of("certificate") };

/// The three texts that belong together.
const TEXTS: [&str; 3] = ["cert", "certChain", "key"];

fn create(ctx: &mut Ctx<'_, '_>, creation: &mut Creation) -> Result<()> {
    let row = &mut creation.row;
    let name = row.name.clone().unwrap_or_default();
    let key = row.data.shift_remove("key");
    let key = key.as_ref().and_then(Value::as_str).unwrap_or_default();
    let text = |field: &str| row.data.get(field).and_then(Value::as_str).unwrap_or_default();
    let facts = checked(&name, text("cert"), key, text("certChain"), ctx.tx.now)?;
    row.data.extend(certificates::fields(&facts));
    let sealed = secrets::seal(ctx.vault, "certificate", &row.uuid, key.as_bytes())?;
    row.data.insert(secrets::KEY.to_owned(), sealed.into());
    Ok(())
}

fn update(ctx: &mut Ctx<'_, '_>, row: &Resource, changes: &mut Map<String, Value>) -> Result<()> {
    if !TEXTS.iter().any(|field| changes.contains_key(*field)) {
        return Ok(());
    }
    if let Some(name) = row.str(issuance::NAME) {
        return Err(Error::conflict(format!(
            "certificate `{}` comes from an ACME server; take `{name}` out of the label `{}` of its \
             balancers and store one under another name",
            row.display_name(),
            issuance::LABEL
        )));
    }
    let given = changes.shift_remove("key");
    let given = given.as_ref().and_then(Value::as_str);
    let key = match given {
        Some(key) => key.to_owned(),
        None => {
            let key = secrets::unseal(ctx.vault, row, secrets::KEY)?;
            String::from_utf8_lossy(&key).into_owned()
        }
    };
    let text = |field: &str| match changes.get(field) {
        Some(value) => value.as_str().unwrap_or_default(),
        None => row.str(field).unwrap_or_default(),
    };
    let facts = checked(&row.display_name(), text("cert"), &key, text("certChain"), ctx.tx.now)?;
    changes.extend(certificates::fields(&facts));
    if given.is_some() {
        let sealed = secrets::seal(ctx.vault, "certificate", &row.uuid, key.as_bytes())?;
        changes.insert(secrets::KEY.to_owned(), sealed.into());
    }
    Ok(())
}

fn checked(name: &str, cert: &str, key: &str, chain: &str, now: i64) -> Result<Facts> {
    let facts = certificate::check(cert, key, chain).map_err(|fault| {
        Error::field("InvalidFormat", fault.field)
            .message(format!("field {fault}, in certificate `{name}`"))
    })?;
    if facts.not_after_s.saturating_mul(1000) <= now {
        return Err(Error::field("InvalidOption", "cert").message(format!(
            "certificate `{name}` has expired: it was valid until {}",
            certificates::date(facts.not_after_s)
        )));
    }
    Ok(facts)
}

/// One that a balancer serves stays.
fn act(ctx: &mut Ctx<'_, '_>, row: &Resource, action: &str) -> Result<()> {
    if action != "remove" {
        return Ok(());
    }
    let users = balancer::with_certificate(ctx.tx, row)?;
    // One that could not be had so far may go; it is asked for again as long as a balancer wants it.
    if row.str("cert").is_none() || users.is_empty() {
        return Ok(());
    }
    let error = Error::code("InvalidAction").message(format!(
        "certificate `{}` is used by load balancer {}",
        row.display_name(),
        users
            .iter()
            .map(|service| format!("`{}`", service.display_name()))
            .collect::<Vec<_>>()
            .join(", ")
    ));
    Err(Error { status: 405, ..error })
}
