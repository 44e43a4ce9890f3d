//! A stack's named volumes: which name the engine knows them by.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::compose::Project;
use crate::error::Result;
use crate::model::resource::{NewResource, Resource};
use crate::store::Tx;

/// Names of declared volumes in the engine, by their name in the file: `<stack>_<key>`, so that two
/// stacks can each have a `data`; a volume with a name of its own, or an external one, keeps it.
pub fn names(stack: &str, project: &Project) -> HashMap<String, String> {
    project
        .volumes
        .iter()
        .map(|volume| {
            let own = volume.external || volume.name != volume.key;
            let name = if own { volume.name.clone() } else { format!("{stack}_{}", volume.key) };
            (volume.name.clone(), name)
        })
        .collect()
}

/// Puts the engine's names into a launch configuration's `dataVolumes`.
pub fn rename(launch: &mut Map<String, Value>, names: &HashMap<String, String>) {
    let Some(Value::Array(volumes)) = launch.get_mut("dataVolumes") else { return };
    for volume in volumes {
        let renamed = volume.as_str().and_then(|text| {
            let (source, rest) = text.split_once(':')?;
            Some(format!("{}:{rest}", names.get(source)?))
        });
        if let Some(renamed) = renamed {
            *volume = renamed.into();
        }
    }
}

/// Makes rows for the declared volumes that have none, with their driver and options.
pub fn declare(
    tx: &mut Tx<'_>,
    stack: &Resource,
    project: &Project,
    names: &HashMap<String, String>,
) -> Result<()> {
    for volume in project.volumes.iter().filter(|volume| !volume.external) {
        let Some(name) = names.get(&volume.name) else { continue };
        if !tx.by_name("volume", stack.account_id, name)?.is_empty() {
            continue;
        }
        let driver = volume.driver.as_deref().unwrap_or("local");
        let options: Map<String, Value> = volume
            .driver_opts
            .iter()
            .map(|(key, value)| (key.clone(), value.as_str().into()))
            .collect();
        let uuid = tx.entropy.uuid();
        let mut row = NewResource::new("volume", uuid)
            .name(name.as_str())
            .state("inactive")
            .with("driver", driver)
            .with("driverOpts", options)
            .with("uri", format!("{driver}:///{name}"))
            .with("externalId", name.as_str())
            .with("stackId", stack.id);
        row.account_id = stack.account_id;
        tx.insert(row)?;
    }
    Ok(())
}
