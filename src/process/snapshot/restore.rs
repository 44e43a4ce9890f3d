//! Volumes put back: from a snapshot, from a backup, and after they were removed.

use std::path::PathBuf;

use serde_json::Value;

use super::door::{self, Door, Way};
use super::{ARCHIVE, HELPER_IMAGE, archive_of, backup, host_of, own_archive, spec_of};
use crate::archive::{self, Archive, Fetched};
use crate::model::resource::Resource;
use crate::process::step::{Failure, Next, Outcome, StepFuture, Work};
use crate::process::storage::hopeless;

/// The step of `reverttosnapshot`.
pub fn put_back_snapshot(work: Work) -> StepFuture {
    Box::pin(async move {
        let snapshot = given(&work, "snapshot", "snapshotId")?;
        let path = own_archive(&work.site, &snapshot);
        put_back(&work, From::Here(path), &archive_of(&snapshot)?).await?;
        Outcome::commit(|_, _| Ok(Next::Finish))
    })
}

/// The step of `restorefrombackup`.
pub fn put_back_backup(work: Work) -> StepFuture {
    Box::pin(async move {
        let backup = given(&work, "backup", "backupId")?;
        put_back(&work, From::Target(&backup), &archive_of(&backup)?).await?;
        Outcome::commit(|_, _| Ok(Next::Finish))
    })
}

/// The row that the caller named.
fn given(work: &Work, ty: &'static str, field: &str) -> Result<Resource, Failure> {
    let id = work.input(field).and_then(Value::as_i64).unwrap_or(0);
    let found = work.site.store.read(|read| read.get(id))?;
    found
        .filter(|row| row.ty == ty)
        .ok_or_else(|| hopeless(format!("there is no {ty} to put the volume back from")))
}

/// Where an archive is.
enum From<'a> {
    /// A file of this machine.
    Here(PathBuf),
    /// The target of this backup.
    Target(&'a Resource),
}

impl From<'_> {
    /// The archive as a file that has been checked.
    async fn fetch(self, work: &Work, kept: &Archive) -> Result<Fetched, Failure> {
        match self {
            From::Here(path) => {
                archive::verify(&path, &kept.sha256).await.map_err(door::broken)?;
                Ok(Fetched::own(path))
            }
            From::Target(backup) => backup::fetch(work, backup, kept).await,
        }
    }
}

/// Makes a volume hold what an archive holds, and no more. The archive is checked before anything is lost.
async fn put_back(work: &Work, from: From<'_>, kept: &Archive) -> Result<(), Failure> {
    let volume = &work.resource;
    let using = work.site.store.read(|read| super::users(read, volume.id))?;
    if let Some(user) = using.iter().find(|row| super::is_at_work(row)) {
        return Err(Failure {
            message: format!("container `{}` uses the volume; stop it first", user.display_name()),
            retry: crate::process::step::Retry::Later,
        });
    }
    let host = host_of(&work.site, volume)?;
    let archive = from.fetch(work, kept).await?;
    archive::fits(archive.path()).await.map_err(door::broken)?;
    let spec = spec_of(volume)?;
    let image = work.site.store.read(|read| read.setting(HELPER_IMAGE))?.unwrap_or_default();
    let engine = &host.engine;
    door::empty(engine, &work.site.clock, &spec, &volume.uuid, &image).await?;
    let door = Door::open(engine, &spec, &volume.uuid, Way::In).await?;
    let put = filled(&door, archive.path().to_owned(), kept).await;
    door.close().await?;
    put
}

async fn filled(door: &Door, path: PathBuf, kept: &Archive) -> Result<(), Failure> {
    door.put(archive::read(path)).await?;
    let found = door.contents().await?;
    if found == kept.contents {
        return Ok(());
    }
    Err(Failure {
        message: format!(
            "what is in the volume ({found}) is not what is in the archive ({})",
            kept.contents
        ),
        retry: crate::process::step::Retry::Later,
    })
}

/// Keeps what is in a volume that is about to be removed.
pub async fn keep(work: &Work) -> Result<Archive, Failure> {
    let host = host_of(&work.site, &work.resource)?;
    super::read(work, &host, &work.resource).await
}

/// The step of `restore`: a removed volume is made again with what was in it.
pub fn bring_back(work: Work) -> StepFuture {
    Box::pin(async move {
        if let Some(kept) = work.resource.map(ARCHIVE).and_then(Archive::of_json) {
            let path = own_archive(&work.site, &work.resource);
            put_back(&work, From::Here(path), &kept).await?;
        }
        Outcome::commit(|tx, work| {
            tx.update(work.resource.id, |row| {
                row.removed = None;
                for field in [ARCHIVE, "removalNote", "undoUntil"] {
                    row.set(field, Value::Null);
                }
                Ok(())
            })?;
            Ok(Next::Finish)
        })
    })
}
