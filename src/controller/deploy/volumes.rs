//! A stack's named volumes: which name the engine knows them by.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::compose::{Project, VolumeDecl};
use crate::error::Result;
use crate::model::resource::{NewResource, Resource};
use crate::store::Tx;

/// Names of declared volumes in the engine, by their name in the file: `<stack>_<key>`, so that two
/// stacks can each have a `data`; a volume with a name of its own, or an external one, keeps it. One of which
/// each unit of containers has its own is a template, which is known by its name.
pub fn names(stack: &str, project: &Project) -> HashMap<String, String> {
    project
        .volumes
        .iter()
        .map(|volume| {
            let own = volume.external || volume.per_container || volume.name != volume.key;
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
        if volume.per_container {
            template(tx, stack, volume)?;
            continue;
        }
        let known = tx.by_name("volume", stack.account_id, name)?;
        if !known.is_empty() {
            known.iter().try_for_each(|volume| inherit(tx, stack, volume))?;
            continue;
        }
        let driver = volume.driver.as_deref().unwrap_or("local");
        let options = options(volume);
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

/// A volume that outlived its stack, or came back after it, belongs to the next that declares it, and so goes
/// with it when that is asked for.
fn inherit(tx: &mut Tx<'_>, stack: &Resource, volume: &Resource) -> Result<()> {
    let Some(owner) = volume.int("stackId").filter(|owner| *owner != stack.id) else {
        return Ok(());
    };
    if tx.get(owner)?.is_some_and(|owner| owner.removed.is_none()) {
        return Ok(());
    }
    tx.update(volume.id, |volume| {
        volume.set("stackId", stack.id);
        Ok(())
    })?;
    Ok(())
}

fn options(volume: &VolumeDecl) -> Map<String, Value> {
    let options = volume.driver_opts.iter();
    options.map(|(key, value)| (key.clone(), value.as_str().into())).collect()
}

/// A template for a volume of which each unit of containers has its own.
fn template(tx: &mut Tx<'_>, stack: &Resource, volume: &VolumeDecl) -> Result<()> {
    let known = tx.referrers("volumeTemplate", "stackId", stack.id)?;
    if known.iter().any(|template| template.name.as_ref() == Some(&volume.name)) {
        return Ok(());
    }
    let mut row = NewResource::new("volumeTemplate", tx.entropy.uuid())
        .name(volume.name.as_str())
        .state("active")
        .with("stackId", stack.id)
        .with("driver", volume.driver.as_deref())
        .with("driverOpts", options(volume))
        .with("external", false)
        .with("perContainer", true);
    row.account_id = stack.account_id;
    tx.insert(row)?;
    Ok(())
}
