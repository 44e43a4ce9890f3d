//! A container's volumes: rows for what its `dataVolumes` name, and what is mounted where.

use serde_json::{Map, Value, json};

use super::super::site::Site;
use crate::error::{Error, Result};
use crate::model::resource::{NewResource, Resource};
use crate::store::Tx;

/// One entry of `dataVolumes`: `[source:]target[:mode]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VolumeSpec<'a> {
    /// A volume's name or a path on the host; `None` for an anonymous volume.
    pub source: Option<&'a str>,
    /// Path in the container.
    pub target: &'a str,
    /// `rw`, `ro` and further options of Docker.
    pub mode: &'a str,
}

impl<'a> VolumeSpec<'a> {
    /// Reads an entry.
    pub fn parse(text: &'a str) -> Option<Self> {
        let parts: Vec<&str> = text.split(':').collect();
        match parts.as_slice() {
            [target] => Some(Self { source: None, target, mode: "rw" }),
            [target, mode] if target.starts_with('/') && !mode.contains('/') => {
                Some(Self { source: None, target, mode })
            }
            [source, target] => Some(Self { source: Some(source), target, mode: "rw" }),
            [source, target, mode] => Some(Self { source: Some(source), target, mode }),
            _ => None,
        }
        .filter(|spec| spec.target.starts_with('/'))
    }

    /// The name of the volume, when it is a named one.
    pub fn volume_name(&self) -> Option<&'a str> {
        self.source.filter(|source| !source.starts_with('/'))
    }

    fn permissions(&self) -> &'static str {
        if self.mode.split(',').any(|option| option == "ro") { "ro" } else { "rw" }
    }
}

/// Finds or makes the volume of each named entry and remembers it in `dataVolumeMounts`, so that the
/// scheduler can keep a container beside its data.
pub fn attach_volumes(tx: &mut Tx<'_>, site: &Site, row: &Resource) -> Result<Resource> {
    let known = row.map("dataVolumeMounts").cloned().unwrap_or_default();
    let mut found = Map::new();
    for entry in row.strings("dataVolumes") {
        let Some(spec) = VolumeSpec::parse(entry) else {
            return Err(Error::field("InvalidFormat", "dataVolumes")
                .message(format!("volume `{entry}` is not of the form [source:]/path[:mode]")));
        };
        if known.contains_key(spec.target) {
            continue;
        }
        if let Some(name) = spec.volume_name() {
            found.insert(spec.target.to_owned(), named_volume(tx, site, row, name)?.into());
        }
    }
    if found.is_empty() {
        return Ok(row.clone());
    }
    tx.update(row.id, |row| {
        let mut mounts = known;
        mounts.append(&mut found);
        row.set("dataVolumeMounts", mounts);
        Ok(())
    })
}

fn named_volume(tx: &mut Tx<'_>, site: &Site, row: &Resource, name: &str) -> Result<i64> {
    let mut named = tx.by_name("volume", row.account_id, name)?;
    named.retain(|volume| volume.name.as_deref() == Some(name));
    match named.as_slice() {
        [volume] => Ok(volume.id),
        [] => Ok(tx.insert(volume(site, row, name))?.id),
        _ => Err(Error::conflict(format!("more than one volume is named `{name}`"))),
    }
}

fn volume(site: &Site, row: &Resource, name: &str) -> NewResource {
    let driver = row.str("volumeDriver").filter(|driver| !driver.is_empty()).unwrap_or("local");
    let mut volume = NewResource::new("volume", site.entropy.uuid())
        .name(name)
        .state("inactive")
        .with("driver", driver)
        .with("uri", format!("{driver}:///{name}"))
        .with("externalId", name);
    if let Some(stack) = row.int("stackId") {
        volume = volume.with("stackId", stack);
    }
    volume.account_id = row.account_id;
    volume
}

/// Makes the mount rows of a placed container, once; local volumes now belong to its host.
pub fn mount(tx: &mut Tx<'_>, site: &Site, row: &Resource) -> Result<()> {
    let Some(mounts) = row.map("dataVolumeMounts") else { return Ok(()) };
    let existing = tx.referrers("mount", "instanceId", row.id)?;
    let modes: Map<String, Value> = row
        .strings("dataVolumes")
        .into_iter()
        .filter_map(VolumeSpec::parse)
        .map(|spec| (spec.target.to_owned(), json!(spec.permissions())))
        .collect();
    for (path, id) in mounts {
        let Some(volume_id) = id.as_i64() else { continue };
        if existing.iter().any(|mount| mount.str("path") == Some(path)) {
            continue;
        }
        let mut new = NewResource::new("mount", site.entropy.uuid())
            .state("active")
            .with("instanceId", row.id)
            .with("volumeId", volume_id)
            .with("path", path.as_str())
            .with("permissions", modes.get(path).cloned().unwrap_or_else(|| json!("rw")));
        new.account_id = row.account_id;
        tx.insert(new)?;
        claim(tx, row, volume_id)?;
    }
    Ok(())
}

/// A volume in use is active, and a local one is on the host of its first user.
fn claim(tx: &mut Tx<'_>, row: &Resource, volume_id: i64) -> Result<()> {
    super::super::carry(tx, volume_id, "activate")?;
    let host = row.int("hostId");
    tx.update(volume_id, |volume| {
        let local = volume.str("driver").is_none_or(|driver| driver == "local");
        if let Some(host) = host
            && local
            && volume.int("hostId").is_none()
        {
            volume.set("hostId", host);
        }
        Ok(())
    })?;
    Ok(())
}

/// Ends the mounts of a container that is gone; volumes nobody uses any more are detached.
pub fn unmount(tx: &mut Tx<'_>, row: &Resource) -> Result<()> {
    for mount in tx.referrers("mount", "instanceId", row.id)? {
        super::super::retire(tx, mount.id)?;
        let Some(volume_id) = mount.int("volumeId") else { continue };
        if tx.referrers("mount", "volumeId", volume_id)?.is_empty() {
            super::super::carry(tx, volume_id, "deactivate")?;
        }
    }
    Ok(())
}
