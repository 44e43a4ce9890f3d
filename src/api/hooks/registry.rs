//! Registries of images: one of each address in an environment, with logins that are sealed and never shown.

use serde_json::{Map, Value};

use super::{Creation, Ctx, Hook};
use crate::error::{Error, Result};
use crate::model::resource::Resource;
use crate::process::registries::{GIVEN, SECRET};
use crate::process::{images, secrets};
use crate::store::Query;

/// `registry`.
pub const HOOK: Hook = Hook { create: Some(create), ..Hook::of("registry") };

/// `registryCredential`.
pub const CREDENTIAL: Hook = Hook {
    create: Some(create_credential),
    update: Some(update_credential),
    ..Hook::of("registryCredential")
};

/// `pullTask`.
pub const PULL_TASK: Hook = Hook { create: Some(create_pull_task), ..Hook::of("pullTask") };

/// Registries looked at at most.
const MOST: usize = 10_000;

fn create(ctx: &mut Ctx<'_, '_>, creation: &mut Creation) -> Result<()> {
    let address = creation.row.data.get("serverAddress").and_then(|text| text.as_str());
    let Some(address) = address else { return Ok(()) };
    let query = Query {
        ty: "storagePool",
        kinds: vec!["registry"],
        account_id: creation.row.account_id,
        limit: MOST,
        ..Query::default()
    };
    let known = ctx.tx.list(&query)?;
    let same = known
        .iter()
        .filter_map(|registry| registry.str("serverAddress"))
        .any(|known| known.eq_ignore_ascii_case(address));
    if same {
        return Err(Error::code("ServerAddressUsed")
            .message(format!("there is already a registry with the address `{address}`")));
    }
    Ok(())
}

fn create_credential(ctx: &mut Ctx<'_, '_>, creation: &mut Creation) -> Result<()> {
    let row = &mut creation.row;
    if let Some(sealed) = sealed(ctx, &row.uuid, row.data.shift_remove(GIVEN))? {
        row.data.insert(SECRET.to_owned(), sealed);
    }
    Ok(())
}

pub(super) fn update_credential(
    ctx: &mut Ctx<'_, '_>,
    row: &Resource,
    changes: &mut Map<String, Value>,
) -> Result<()> {
    if let Some(given) = changes.get_mut(GIVEN) {
        let sealed = sealed(ctx, &row.uuid, Some(given.take()))?;
        // What is kept under the name of the field is nothing: it may have been the password once.
        changes.insert(SECRET.to_owned(), sealed.unwrap_or_default());
    }
    Ok(())
}

/// A password as it is kept; none for an absent one.
pub(super) fn sealed(ctx: &Ctx<'_, '_>, uuid: &str, given: Option<Value>) -> Result<Option<Value>> {
    let Some(Value::String(password)) = given else { return Ok(None) };
    let sealed = secrets::seal(ctx.vault, "credential", uuid, password.as_bytes())?;
    Ok(Some(sealed.into()))
}

fn create_pull_task(ctx: &mut Ctx<'_, '_>, creation: &mut Creation) -> Result<()> {
    let data = &mut creation.row.data;
    images::settle(ctx.tx, data, "image")?;
    images::check_registry(ctx.tx, data, "image")
}
