//! Registries of images: one of each address in an environment.

use super::{Creation, Ctx, Hook};
use crate::error::{Error, Result};
use crate::store::Query;

/// `registry`.
pub const HOOK: Hook = Hook { create: Some(create), ..Hook::of("registry") };

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
