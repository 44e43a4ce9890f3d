//! Backups: copies of snapshots in a backup target, proved by what comes out of them.

use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::door::{self, Door, Way};
use super::{ARCHIVE, any_host, archive_of, host_of, named, own_archive};
use crate::archive::{self, Archive, Bucket, Fetched, Place, Shelf, Unfit};
use crate::clock::Clock;
use crate::engine::{RemoveVolumes, VolumeSpec};
use crate::model::resource::Resource;
use crate::outbound::Rules;
use crate::process::site::{HostEngine, Site};
use crate::process::step::{Failure, Next, Outcome, Retry, StepFuture, Work};
use crate::process::storage::hopeless;
use crate::process::{helper, secrets};
use crate::store::{ProcessRow, Tx};

/// Field of a backup target: the bucket that it is.
pub const S3: &str = "s3Config";

/// What is wrong with a bucket that is to be a backup target.
///
/// # Errors
/// When something is.
pub fn check_bucket(config: &Map<String, Value>, rules: &Rules) -> Result<(), Unfit> {
    Bucket::new(Place::of_json(config), "", Clock::System, rules).map(drop)
}

/// Where the archives of a backup's target are.
fn shelf(site: &Site, backup: &Resource) -> Result<Shelf, Failure> {
    let id = backup.int("backupTargetId").unwrap_or(0);
    let (target, rules) = site.store.read(|read| {
        Ok((read.require("backupTarget", id)?, crate::process::outbound::rules(read)?))
    })?;
    let Some(config) = target.map(S3) else {
        let folder = site.archives.target(target.name.as_deref().unwrap_or_default());
        return Ok(Shelf::Folder(folder));
    };
    let secret = secrets::unseal(&site.vault, &target, secrets::KEY)?;
    let secret = String::from_utf8(secret).map_err(|error| hopeless(error.to_string()))?;
    let bucket = Bucket::new(Place::of_json(config), &secret, site.clock.clone(), &rules);
    Ok(Shelf::Bucket(Box::new(bucket.map_err(|unfit| hopeless(unfit.why))?)))
}

/// The archive of a backup in its target.
fn archive_name(backup: &Resource) -> String {
    format!("{}.tar.gz", backup.uuid)
}

/// Beside an archive: what a person or another server needs to know of it.
fn note_name(backup: &Resource) -> String {
    format!("{}.json", backup.uuid)
}

/// A backup's archive as a checked file of this machine, for the resource at work.
pub async fn fetch(work: &Work, backup: &Resource, kept: &Archive) -> Result<Fetched, Failure> {
    let shelf = shelf(&work.site, backup)?;
    let spool = format!("{}.fetched.tar.gz", work.resource.uuid);
    let spool = work.site.archives.snapshots().join(spool);
    shelf.fetch(&archive_name(backup), spool, kept).await.map_err(door::broken)
}

/// The step that copies the snapshot's archive and says beside it what it is.
pub fn write(work: Work) -> StepFuture {
    Box::pin(async move {
        let snapshot = named(&work, "snapshot", "snapshotId")?;
        let volume = named(&work, "volume", "volumeId")?;
        let kept = archive_of(&snapshot)?;
        let shelf = shelf(&work.site, &work.resource)?;
        let (name, from) = (archive_name(&work.resource), own_archive(&work.site, &snapshot));
        shelf.keep(&from, &name, &kept.sha256).await.map_err(door::broken)?;
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
        let note = note_name(&work.resource);
        shelf.note(&note, text.into_bytes()).await.map_err(door::broken)?;
        let uri = shelf.uri(&name);
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
    let fetched = fetch(work, &work.resource, &archive_of(&work.resource)?).await?;
    archive::fits(fetched.path()).await.map_err(door::broken)?;
    let token = &work.resource.uuid;
    let (name, scratch) = (helper::name(token), door::scratch(token));
    // What a run that was cut off has left would be found in it.
    host.engine.remove(&name, RemoveVolumes::None).await?;
    host.engine.volume_remove(&scratch.name).await?;
    let found = through(host, &scratch, token, fetched.path().to_owned()).await;
    host.engine.remove(&name, RemoveVolumes::None).await?;
    host.engine.volume_remove(&scratch.name).await?;
    found
}

async fn through(
    host: &HostEngine,
    scratch: &VolumeSpec,
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
        let backup = &work.resource;
        if backup.int("backupTargetId").is_some() {
            let shelf = shelf(&work.site, backup)?;
            for name in [note_name(backup), archive_name(backup)] {
                match shelf.remove(&name).await {
                    // One that never came to be has left nothing that has to go.
                    Err(_) if backup.str("uri").is_none() => {}
                    done => done.map_err(door::broken)?,
                }
            }
        }
        Outcome::commit(|_, _| Ok(Next::Finish))
    })
}

/// What a server refuses to remove stays there, and it is said.
pub fn leave(_: &mut Tx<'_>, _: &Resource, _: &ProcessRow, _: &str) -> crate::error::Result<Next> {
    Ok(Next::Finish)
}
