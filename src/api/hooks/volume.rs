//! Volumes: each has a driver.

use super::{Creation, Ctx, Hook};
use crate::error::{Error, Result};

/// `volume`.
pub const HOOK: Hook = Hook { create: Some(create), ..Hook::of("volume") };

fn create(_: &mut Ctx<'_, '_>, creation: &mut Creation) -> Result<()> {
    let row = &mut creation.row;
    let name = row.name.clone().unwrap_or_default();
    let driver = row.data.get("driver").and_then(|driver| driver.as_str()).unwrap_or("").trim();
    if driver.is_empty() {
        return Err(Error::field("MissingRequired", "driver")
            .message(format!("volume `{name}` needs a driver, such as local")));
    }
    if row.data.contains_key("sizeMb") {
        return Err(Error::field("InvalidOption", "sizeMb")
            .message(format!("the driver `{driver}` of volume `{name}` cannot limit its size")));
    }
    let uri = format!("{driver}:///{name}");
    row.data.entry("uri").or_insert_with(|| uri.into());
    Ok(())
}
