//! What is mounted where: the rows that say so, made once a container has a host.

use std::collections::BTreeMap;

use super::super::native::NATIVE;
use super::super::storage;
use crate::error::Result;
use crate::model::resource::{NewResource, Resource};
use crate::model::storage::{LOCAL, is_local};
use crate::store::Tx;

/// Field of a volume: it is a path of its host.
const HOST_PATH: &str = "isHostPath";
/// Field of a volume: somebody else made it, and it is nobody's here to remove.
pub const NATIVE_VOLUME: &str = "isNative";

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
pub fn mount(tx: &mut Tx<'_>, row: &Resource) -> Result<()> {
    let existing = tx.referrers("mount", "instanceId", row.id)?;
    let known = |path: &str| existing.iter().any(|mount| mount.str("path") == Some(path));
    let entries = row.strings("dataVolumes").into_iter().filter_map(VolumeSpec::parse);
    let entries: Vec<VolumeSpec<'_>> = entries.collect();
    for (path, id) in row.map("dataVolumeMounts").into_iter().flatten() {
        let Some(volume_id) = id.as_i64() else { continue };
        if !known(path) {
            let entry = entries.iter().find(|spec| spec.target == path);
            let permissions = entry.map_or("rw", VolumeSpec::permissions);
            note(tx, row, volume_id, path, permissions)?;
            claim(tx, row, volume_id)?;
        }
    }
    let Some(host) = row.int("hostId") else { return Ok(()) };
    for spec in entries.iter().filter(|spec| !known(spec.target)) {
        if let Some(source) = spec.source.filter(|source| source.starts_with('/')) {
            let volume_id = host_path(tx, row, host, source)?;
            note(tx, row, volume_id, spec.target, spec.permissions())?;
        }
    }
    Ok(())
}

/// Makes the mount rows of a container that somebody else made, and the rows of the volumes: those that are not
/// known are somebody else's, too. `drivers` are those of volumes that have another one than Docker's own.
///
/// # Errors
/// When the database fails.
pub fn show(tx: &mut Tx<'_>, row: &Resource, drivers: &BTreeMap<String, String>) -> Result<()> {
    let Some(host) = row.int("hostId") else { return Ok(()) };
    for spec in row.strings("dataVolumes").into_iter().filter_map(VolumeSpec::parse) {
        let Some(source) = spec.source else { continue };
        let volume_id = match spec.volume_name() {
            None => host_path(tx, row, host, source)?,
            Some(name) => {
                let driver = drivers.get(name).map_or(LOCAL, String::as_str);
                let volume_id = foreign(tx, row, host, name, driver)?;
                claim(tx, row, volume_id)?;
                volume_id
            }
        };
        note(tx, row, volume_id, spec.target, spec.permissions())?;
    }
    Ok(())
}

/// The row of a volume that a host's engine has, which may be one of ours.
fn foreign(tx: &mut Tx<'_>, row: &Resource, host: i64, name: &str, driver: &str) -> Result<i64> {
    let named = tx.by_name("volume", row.account_id, name)?;
    let same = |volume: &Resource| {
        let is_here = !is_local(volume.str("driver").unwrap_or_default())
            || volume.int("hostId") == Some(host);
        volume.name.as_deref() == Some(name) && !volume.flag(HOST_PATH) && is_here
    };
    if let Some(volume) = named.into_iter().find(same) {
        return Ok(volume.id);
    }
    let mut new = NewResource::new("volume", tx.entropy.uuid())
        .name(name)
        .state("inactive")
        .with("driver", driver)
        .with("uri", format!("{driver}:///{name}"))
        .with("externalId", name)
        .with("hostId", Some(host).filter(|_| is_local(driver)))
        .with(NATIVE_VOLUME, true);
    new.account_id = row.account_id;
    Ok(tx.insert(new)?.id)
}

fn note(tx: &mut Tx<'_>, row: &Resource, volume: i64, path: &str, permissions: &str) -> Result<()> {
    let mut new = NewResource::new("mount", tx.entropy.uuid())
        .state("active")
        .with("instanceId", row.id)
        .with("volumeId", volume)
        .with("path", path)
        .with("permissions", permissions);
    new.account_id = row.account_id;
    tx.insert(new).map(drop)
}

/// The row for a path of a host. It says what is mounted, and goes with its last mount: the path is not ours.
fn host_path(tx: &mut Tx<'_>, row: &Resource, host: i64, path: &str) -> Result<i64> {
    let named = tx.by_name("volume", row.account_id, path)?;
    let same = |volume: &Resource| {
        volume.flag(HOST_PATH)
            && volume.int("hostId") == Some(host)
            && volume.name.as_deref() == Some(path)
    };
    if let Some(volume) = named.into_iter().find(same) {
        return Ok(volume.id);
    }
    let mut new = NewResource::new("volume", tx.entropy.uuid())
        .name(path)
        .state("active")
        .with("driver", LOCAL)
        .with("uri", format!("file://{path}"))
        .with("hostId", host)
        .with(HOST_PATH, true);
    new.account_id = row.account_id;
    Ok(tx.insert(new)?.id)
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
        if !tx.referrers("mount", "volumeId", volume_id)?.is_empty() {
            continue;
        }
        super::super::carry(tx, volume_id, "deactivate")?;
        // What others made goes from view with what others run; the volume itself stays.
        let goes = |volume: Resource| {
            volume.flag(HOST_PATH) || row.flag(NATIVE) && volume.flag(NATIVE_VOLUME)
        };
        if tx.get(volume_id)?.is_some_and(goes) {
            super::super::carry(tx, volume_id, "remove")?;
        }
    }
    Ok(())
}
