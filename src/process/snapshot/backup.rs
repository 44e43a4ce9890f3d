//! Backups: copies of snapshots in a backup target, proved by what comes out of them.

use std::path::PathBuf;

use serde_json::json;

use super::door::{self, Door, Way};
use super::{ARCHIVE, any_host, archive_of, host_of, named, own_archive};
use crate::archive;
use crate::model::resource::Resource;
use crate::process::site::{HostEngine, Site};
use crate::process::step::{Failure, Next, Outcome, Retry, StepFuture, Work};
use crate::process::storage::hopeless;

/// The archive of a backup in its target.
pub fn place(site: &Site, backup: &Resource) -> Result<PathBuf, Failure> {
    let id = backup.int("backupTargetId").unwrap_or(0);
    let target = site.store.read(|read| read.require("backupTarget", id))?;
    let folder = site.archives.target(target.name.as_deref().unwrap_or_default());
    Ok(folder.join(format!("{}.tar.gz", backup.uuid)))
}

/// Beside an archive: what a person or another server needs to know of it.
fn manifest(place: &std::path::Path) -> PathBuf {
    place.with_extension("").with_extension("json")
}

/// The step that copies the snapshot's archive and says beside it what it is.
pub fn write(work: Work) -> StepFuture {
    Box::pin(async move {
        let snapshot = named(&work, "snapshot", "snapshotId")?;
        let volume = named(&work, "volume", "volumeId")?;
        let kept = archive_of(&snapshot)?;
        let place = place(&work.site, &work.resource)?;
        let from = own_archive(&work.site, &snapshot);
        archive::copy(&from, &place, &kept.sha256).await.map_err(door::broken)?;
        let facts = json!({
            "version": 1,
            "volume": volume.name,
            "driver": volume.str("driver"),
            "driverOpts": volume.map("driverOpts"),
            "snapshot": snapshot.name,
            "snapshotCreated": snapshot.created,
            "archive": kept.to_json(),
        });
        let text = format!("{facts:#}\n");
        archive::note(&manifest(&place), text.into_bytes()).await.map_err(door::broken)?;
        let uri = format!("file://{}", place.display());
        Outcome::commit(move |tx, work| {
            tx.update(work.resource.id, |row| {
                row.set(ARCHIVE, kept.to_json());
                row.set("uri", uri);
                Ok(())
            })?;
            Ok(Next::Step)
        })
    })
}

/// The step that puts the backup into a scratch volume and compares what is in there with what was kept.
pub fn prove(work: Work) -> StepFuture {
    Box::pin(async move {
        let volume = named(&work, "volume", "volumeId")?;
        let host = match host_of(&work.site, &volume) {
            Ok(host) => host,
            Err(_) => any_host(&work.site, volume.account_id)?.ok_or_else(|| Failure {
                message: "no host can be reached on which the backup could be tried".to_owned(),
                retry: Retry::WhenBack,
            })?,
        };
        let found = tried(&work, &host).await?;
        let kept = archive_of(&work.resource)?;
        if found != kept.contents {
            return Err(hopeless(format!(
                "the backup is not what was in volume `{}`: {found} came out of it, {} were kept",
                volume.display_name(),
                kept.contents
            )));
        }
        Outcome::commit(|tx, work| {
            let now = tx.now;
            tx.update(work.resource.id, |row| {
                row.set("provedAt", now);
                Ok(())
            })?;
            Ok(Next::Finish)
        })
    })
}

/// What comes out of the backup.
async fn tried(work: &Work, host: &HostEngine) -> Result<archive::Contents, Failure> {
    let place = place(&work.site, &work.resource)?;
    let token = &work.resource.uuid;
    let scratch = door::scratch(token);
    // What a run that was cut off has left would be found in it.
    host.engine.remove(&format!("ranchette-{token}"), crate::engine::RemoveVolumes::None).await?;
    host.engine.volume_remove(&scratch.name).await?;
    let found = through(host, &scratch, token, place).await;
    host.engine.remove(&format!("ranchette-{token}"), crate::engine::RemoveVolumes::None).await?;
    host.engine.volume_remove(&scratch.name).await?;
    found
}

async fn through(
    host: &HostEngine,
    scratch: &crate::engine::VolumeSpec,
    token: &str,
    place: PathBuf,
) -> Result<archive::Contents, Failure> {
    let door = Door::open(&host.engine, scratch, token, Way::In).await?;
    door.put(archive::read(place)).await?;
    door.contents().await
}

/// The step that removes the files of a backup.
pub fn delete(work: Work) -> StepFuture {
    Box::pin(async move {
        if work.resource.int("backupTargetId").is_some() {
            let place = place(&work.site, &work.resource)?;
            archive::remove(&manifest(&place)).await.map_err(door::broken)?;
            archive::remove(&place).await.map_err(door::broken)?;
        }
        Outcome::commit(|_, _| Ok(Next::Finish))
    })
}
