//! Snapshots and backups of volumes, and volumes that are put back.
//!
//! A snapshot is an archive in the server's own folder. A backup is a copy of one in a backup target, and has
//! been proved: what comes out of it, put into a scratch volume, is what was in the volume.

mod backup;
mod door;
mod quiet;
mod restore;
mod tidy;

use std::path::PathBuf;

use serde_json::Map;

use super::site::{HostEngine, Site};
use super::step::{Definition, Failure, Next, Outcome, Retry, Step, StepFuture, Work};
use super::{host, object, storage};
use crate::archive::{self, Archive};
use crate::engine::VolumeSpec;
use crate::error::Result;
use crate::model::resource::Resource;
use crate::model::storage::{SNAPSHOT, built_in, is_local};
use crate::store::{ProcessRow, Read, Tx};
use door::{Door, Way};
use quiet::Quiet;

pub use backup::{S3, check_bucket};
pub use quiet::{in_use, is_at_work, users};
pub use tidy::tasks;

pub use restore::{bring_back, keep, put_back_backup, put_back_snapshot};

/// Field of snapshots, backups and removed volumes: what is known of their archive.
pub const ARCHIVE: &str = "archive";
/// Tries after which keeping or putting back is given up.
pub const TRIES: u32 = 5;
/// Setting that names the image that empties volumes.
pub const HELPER_IMAGE: &str = "volume.helper.image";

/// Processes of `snapshot` and `backup`.
pub const PROCESSES: &[Definition] = &[
    Definition {
        name: "snapshot.create",
        steps: &[
            Step { name: "quiet", run: hush },
            Step { name: "read", run: take },
            Step { name: "resume", run: resume },
        ],
        tries: Some(TRIES),
        give_up: Some(give_up),
    },
    Definition {
        name: "snapshot.remove",
        steps: &[Step { name: "delete", run: delete }],
        tries: None,
        give_up: None,
    },
    Definition {
        name: "backup.create",
        steps: &[
            Step { name: "write", run: backup::write },
            Step { name: "prove", run: backup::prove },
        ],
        tries: Some(TRIES),
        give_up: Some(give_up),
    },
    Definition {
        name: "backup.remove",
        steps: &[Step { name: "delete", run: backup::delete }],
        tries: None,
        give_up: Some(backup::leave),
    },
];

/// Whether what is in a volume can be kept and put back.
///
/// # Errors
/// When the database fails.
pub fn can_be_kept(read: &Read<'_>, volume: &Resource) -> Result<bool> {
    let name = volume.str("driver").unwrap_or_default();
    if volume.flag("isHostPath") || volume.flag("isNative") {
        return Ok(false);
    }
    if built_in(name).is_some() {
        return Ok(true);
    }
    let driver = storage::driver(read, volume.account_id, name)?;
    Ok(driver.is_some_and(|driver| driver.strings("volumeCapabilities").contains(&SNAPSHOT)))
}

/// The archive of a snapshot, or of a removed volume.
fn own_archive(site: &Site, row: &Resource) -> PathBuf {
    site.archives.snapshots().join(format!("{}.tar.gz", row.uuid))
}

fn archive_of(row: &Resource) -> Result<Archive, Failure> {
    row.map(ARCHIVE).and_then(Archive::of_json).ok_or_else(|| {
        let what = format!("{} `{}` has no archive", row.ty, row.display_name());
        storage::hopeless(what)
    })
}

/// The row that a field of the resource names.
fn named(work: &Work, ty: &str, field: &str) -> Result<Resource, Failure> {
    let id = work.resource.int(field).unwrap_or(0);
    Ok(work.site.store.read(|read| read.require(ty, id))?)
}

/// The engine through which a volume can be reached. A volume of Docker's own driver that no container has
/// used yet is nowhere.
fn host_of(site: &Site, volume: &Resource) -> Result<HostEngine, Failure> {
    let away = || Failure {
        message: format!("no host that has volume `{}` can be reached", volume.display_name()),
        retry: Retry::WhenBack,
    };
    if let Some(host) = volume.int("hostId") {
        return site.engines.get(host).ok_or_else(away);
    }
    if is_local(volume.str("driver").unwrap_or_default()) {
        return Err(storage::hopeless(format!(
            "volume `{}` is on no host yet: no container has used it",
            volume.display_name()
        )));
    }
    let last = volume.int(storage::LAST_HOST).and_then(|host| site.engines.get(host));
    match last {
        Some(host) => Ok(host),
        None => any_host(site, volume.account_id)?.ok_or_else(away),
    }
}

/// An engine of an active host of an environment.
fn any_host(site: &Site, environment: Option<i64>) -> Result<Option<HostEngine>, Failure> {
    let hosts = site.store.read(|read| host::active(read, environment))?;
    Ok(hosts.iter().find_map(|host| site.engines.get(host.id)))
}

fn spec_of(volume: &Resource) -> Result<VolumeSpec, Failure> {
    Ok(storage::engine_volume(volume)?)
}

fn hush(work: Work) -> StepFuture {
    Box::pin(async move {
        let word = work.input("quiesce").and_then(serde_json::Value::as_str);
        if Quiet::of(word) != Quiet::Stopped {
            return Ok(Outcome::Pass);
        }
        Outcome::commit(|tx, work| {
            let volume = work.resource.int("volumeId").unwrap_or(0);
            quiet::stop(tx, work, volume)
        })
    })
}

/// Reads a volume into an archive; one that an earlier run has written is replaced.
fn take(work: Work) -> StepFuture {
    Box::pin(async move {
        let volume = named(&work, "volume", "volumeId")?;
        let host = host_of(&work.site, &volume)?;
        let word = work.input("quiesce").and_then(serde_json::Value::as_str);
        let still = match Quiet::of(word) {
            Quiet::Paused => work.site.store.read(|read| users(read, volume.id))?,
            Quiet::Not | Quiet::Stopped => Vec::new(),
        };
        let kept = quiet::frozen(&work.site, &still, read(&work, &host, &volume)).await?;
        Outcome::commit(move |tx, work| {
            tx.update(work.resource.id, |row| {
                row.set(ARCHIVE, kept.to_json());
                Ok(())
            })?;
            Ok(Next::Step)
        })
    })
}

/// Writes the archive of the resource at work out of a volume.
async fn read(work: &Work, host: &HostEngine, volume: &Resource) -> Result<Archive, Failure> {
    let spec = spec_of(volume)?;
    let door = Door::open(&host.engine, &spec, &work.resource.uuid, Way::Out).await?;
    let path = own_archive(&work.site, &work.resource);
    let kept = archive::write(&path, door.tar()).await.map_err(door::broken);
    door.close().await?;
    kept
}

fn resume(_: Work) -> StepFuture {
    Box::pin(async {
        Outcome::commit(|tx, work| {
            quiet::resume(tx, work.resource.id)?;
            Ok(Next::Finish)
        })
    })
}

/// What could not be kept is removed, and says why; what was stopped for it runs again.
fn give_up(tx: &mut Tx<'_>, resource: &Resource, _: &ProcessRow, why: &str) -> Result<Next> {
    quiet::resume(tx, resource.id)?;
    Ok(Next::Chain("remove", object(serde_json::json!({ "failure": why }))))
}

fn delete(work: Work) -> StepFuture {
    Box::pin(async move {
        archive::remove(&own_archive(&work.site, &work.resource)).await.map_err(door::broken)?;
        Outcome::commit(|_, _| Ok(Next::Finish))
    })
}

/// Removes the archive of a volume that was removed.
pub async fn forget(work: &Work) -> Result<(), Failure> {
    archive::remove(&own_archive(&work.site, &work.resource)).await.map_err(door::broken)
}

/// A removed volume takes its snapshots along.
///
/// # Errors
/// When the database fails.
pub fn bury(tx: &mut Tx<'_>, volume: i64) -> Result<()> {
    for snapshot in tx.referrers("snapshot", "volumeId", volume)? {
        if super::may_begin(&snapshot, "remove") {
            super::start(tx, snapshot.id, "remove", Map::new())?;
        }
    }
    Ok(())
}
