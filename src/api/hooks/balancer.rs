//! Balancers: what their containers have without being told.

use serde_json::{Map, Value, json};

use super::{Creation, Ctx, Hook};
use crate::error::Result;

/// Hook of `loadBalancerService`.
pub const HOOK: Hook = Hook { create: Some(create), ..Hook::of("loadBalancerService") };

fn create(_: &mut Ctx<'_, '_>, creation: &mut Creation) -> Result<()> {
    if let Some(Value::Object(launch)) = creation.row.data.get_mut("launchConfig") {
        check(launch);
    }
    Ok(())
}

/// The check that Rancher gives balancers which bring none: HAProxy answers on port 42.
fn check(launch: &mut Map<String, Value>) {
    if launch.get("healthCheck").is_some_and(|check| !check.is_null()) {
        return;
    }
    let check = json!({
        "port": 42, "interval": 2000, "responseTimeout": 2000,
        "healthyThreshold": 2, "unhealthyThreshold": 3,
        "initializingTimeout": 60_000, "reinitializingTimeout": 60_000,
    });
    launch.insert("healthCheck".to_owned(), check);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_missing_check_is_added() {
        let mut launch = Map::new();
        check(&mut launch);
        assert_eq!(launch["healthCheck"]["port"], 42);
        let own = json!({ "port": 80 });
        launch.insert("healthCheck".to_owned(), own.clone());
        check(&mut launch);
        assert_eq!(launch["healthCheck"], own);
    }
}
