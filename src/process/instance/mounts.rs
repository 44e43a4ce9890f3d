//! What is mounted where: the rows that say so, made once a container has a host.

use serde_json::{Map, Value, json};

use super::super::site::Site;
use super::super::storage;
use crate::error::Result;
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

/// A volume in use is active and remembers its host; one that only that host has stays there.
fn claim(tx: &mut Tx<'_>, row: &Resource, volume_id: i64) -> Result<()> {
    super::super::carry(tx, volume_id, "activate")?;
    if let Some(host) = row.int("hostId") {
        storage::claim(tx, volume_id, host)?;
    }
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
