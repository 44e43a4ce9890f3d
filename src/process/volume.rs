//! Processes of volumes: a removed one is removed from its host's engine, data and all.

use super::snapshot;
use super::step::{Definition, Failure, Next, Outcome, Retry, Step, StepFuture, Work};
use crate::engine::EngineError;
use crate::error::Result;
use crate::model::resource::Resource;
use crate::model::storage::built_in;
use crate::store::{ProcessRow, Tx};

/// Setting: the seconds in which the removal of a volume can be undone; 0 means that it cannot.
pub const UNDO: &str = "volume.undo.seconds";
/// Field of a removed volume: the instant until which it can be brought back.
pub const UNDO_UNTIL: &str = "undoUntil";

/// Tries after which removing a volume is given up: something else uses it.
const TRIES: u32 = 5;

/// Processes of `volume`.
pub const PROCESSES: &[Definition] = &[
    Definition {
        name: "volume.create",
        steps: &[Step { name: "announce", run: announce }],
        tries: None,
        give_up: None,
    },
    Definition {
        name: "volume.deactivate",
        steps: &[Step { name: "chain", run: deactivated }],
        tries: None,
        give_up: None,
    },
    Definition {
        name: "volume.update",
        steps: &[Step { name: "place", run: place }],
        tries: Some(TRIES),
        give_up: None,
    },
    Definition {
        name: "volume.restore",
        steps: &[Step { name: "put", run: snapshot::bring_back }],
        tries: Some(TRIES),
        give_up: Some(stay_removed),
    },
    Definition {
        name: "volume.restorefrombackup",
        steps: &[Step { name: "put", run: snapshot::put_back_backup }],
        tries: Some(TRIES),
        give_up: Some(go_on),
    },
    Definition {
        name: "volume.reverttosnapshot",
        steps: &[Step { name: "put", run: snapshot::put_back_snapshot }],
        tries: Some(TRIES),
        give_up: Some(go_on),
    },
    Definition {
        name: "volume.purge",
        steps: &[Step { name: "forget", run: forget }],
        tries: None,
        give_up: None,
    },
    Definition {
        name: "volume.remove",
        steps: &[Step { name: "keep", run: keep }, Step { name: "destroy", run: destroy }],
        tries: Some(TRIES),
        give_up: None,
    },
];

/// Containers may have waited for it.
fn announce(_: Work) -> StepFuture {
    Box::pin(async {
        Outcome::commit(|tx, work| {
            super::instance::prepare::wake_waiting(tx, work.resource.account_id)?;
            Ok(Next::Finish)
        })
    })
}

fn deactivated(_: Work) -> StepFuture {
    Box::pin(async {
        Outcome::commit(|_, work| {
            let remove = work.input_flag("remove");
            Ok(if remove { Next::Chain("remove", serde_json::Map::new()) } else { Next::Finish })
        })
    })
}

/// A volume that is told its host is made there.
fn place(work: Work) -> StepFuture {
    Box::pin(async move {
        let fresh = work.resource.state == "updating-inactive" && !is_foreign(&work);
        match super::instance::engine_unless_gone(&work)?.filter(|_| fresh) {
            Some(host) => {
                let spec = super::storage::engine_volume(&work.resource)?;
                host.engine.volume_ensure(&spec).await?;
                Outcome::commit(|_, _| Ok(Next::Chain("deactivate", serde_json::Map::new())))
            }
            None => Outcome::commit(|_, _| Ok(Next::Finish)),
        }
    })
}

/// Whether a volume is not ours to make or to remove.
fn is_foreign(work: &Work) -> bool {
    work.resource.flag("isNative") || work.resource.flag("isHostPath")
}

/// What could not be put back says so, and is as it was.
fn go_on(_: &mut Tx<'_>, _: &Resource, _: &ProcessRow, _: &str) -> Result<Next> {
    Ok(Next::Finish)
}

/// A volume that could not be brought back stays removed.
fn stay_removed(_: &mut Tx<'_>, _: &Resource, _: &ProcessRow, why: &str) -> Result<Next> {
    let failure = super::object(serde_json::json!({ "failure": why }));
    Ok(Next::Chain("remove", failure))
}

/// What is in a volume is kept for as long as its removal can be undone; either way it is said what is lost.
fn keep(work: Work) -> StepFuture {
    Box::pin(async move {
        let undo_s = work.site.store.read(|read| read.setting_int(UNDO))?.max(0);
        let volume = &work.resource;
        // A directory of a server or of the hosts stays when a volume that stands for it goes.
        let stays = built_in(volume.str("driver").unwrap_or_default()).is_some_and(|d| d.is_shared);
        let used =
            volume.int("hostId").is_some() || volume.int(super::storage::LAST_HOST).is_some();
        let there = used && !stays;
        let can = work.site.store.read(|read| snapshot::can_be_kept(read, volume))?;
        // One that is being removed again after it could not be brought back still has its archive.
        let known = volume.map(snapshot::ARCHIVE).is_some();
        let gone =
            super::instance::engine_unless_gone(&work)?.is_none() && volume.int("hostId").is_some();
        if known || !there || !can || undo_s == 0 || gone {
            return Outcome::commit(move |tx, work| {
                let note = lost(tx, work.resource.id, known || !there)?;
                note_removal(tx, work, note, None)
            });
        }
        let kept = snapshot::keep(&work).await?;
        Outcome::commit(move |tx, work| {
            let until = tx.now.saturating_add(undo_s.saturating_mul(1000));
            let note = format!(
                "{}; the action `restore` brings back what was in it within {undo_s} seconds",
                kept.contents
            );
            note_removal(tx, work, Some(note), Some((kept.to_json(), until)))
        })
    })
}

/// What is lost with a volume whose removal cannot be undone; `None` when there is nothing new to say.
fn lost(tx: &Tx<'_>, volume: i64, nothing: bool) -> Result<Option<String>> {
    if nothing {
        return Ok(None);
    }
    let backups = tx.referrers("backup", "volumeId", volume)?;
    let last = backups.into_iter().rfind(|backup| backup.state == "created");
    Ok(Some(match last {
        Some(backup) => {
            format!("everything in it since backup `{}` was made", backup.display_name())
        }
        None => "everything in it: there is no backup of it".to_owned(),
    }))
}

fn note_removal(
    tx: &mut Tx<'_>,
    work: &Work,
    note: Option<String>,
    kept: Option<(serde_json::Value, i64)>,
) -> Result<Next> {
    tx.update(work.resource.id, |volume| {
        if let Some(note) = note {
            volume.set("removalNote", note);
        }
        if let Some((archive, until)) = kept {
            volume.set(snapshot::ARCHIVE, archive);
            volume.set(UNDO_UNTIL, until);
        }
        Ok(())
    })?;
    Ok(Next::Step)
}

/// The archive of a removed volume goes with the last trace of it.
fn forget(work: Work) -> StepFuture {
    Box::pin(async move {
        snapshot::forget(&work).await?;
        Outcome::commit(|_, _| Ok(Next::Finish))
    })
}

fn destroy(work: Work) -> StepFuture {
    Box::pin(async move {
        let name = work.resource.name.as_deref().filter(|_| !is_foreign(&work));
        for host in super::storage::engines_of(&work.site, &work.resource)? {
            let Some(name) = name else { break };
            match host.engine.volume_remove(name).await {
                Err(error @ EngineError::InUse { .. }) => {
                    return Err(Failure { message: error.to_string(), retry: Retry::Later });
                }
                outcome => outcome?,
            }
        }
        Outcome::commit(|tx, work| {
            snapshot::bury(tx, work.resource.id)?;
            Ok(Next::Finish)
        })
    })
}
