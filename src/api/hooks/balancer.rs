//! Balancers: what their containers have without being told.

use serde_json::Value;

use super::{Creation, Ctx, Hook};
use crate::error::Result;
use crate::process::balancer;

/// Hook of `loadBalancerService`.
pub const HOOK: Hook = Hook { create: Some(create), ..Hook::of("loadBalancerService") };

fn create(_: &mut Ctx<'_, '_>, creation: &mut Creation) -> Result<()> {
    if let Some(Value::Object(launch)) = creation.row.data.get_mut("launchConfig") {
        balancer::default_check(launch);
    }
    Ok(())
}
