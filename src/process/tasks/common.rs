//! The jobs of the server itself: old rows deleted, some at a time, and the database kept in order.

use std::sync::Arc;

use serde_json::Map;

use super::{Every, Found, Task};
use crate::error::Result;
use crate::model::lifecycle;
use crate::process::site::Site;
use crate::store::{Condition, Op, Order, Query, Tx};

/// Rows deleted in one transaction.
const BATCH: u32 = 500;
/// Transactions of one kind in one run: others want to write, too.
const BATCHES: usize = 100;
const DAY_S: u64 = 86_400;

/// Seconds that soft-removed resources can still be seen.
const REMOVED: &str = "main_tables.purge.after.seconds";
/// Seconds that ended processes are kept.
const PROCESSES: &str = "process_instance.purge.after.seconds";
/// Seconds that lines of the service log are kept.
const SERVICE_LOG: &str = "service_log.purge.after.seconds";
/// Seconds that entries of the audit log are kept.
const AUDIT: &str = "audit_log.purge.after.seconds";
/// Seconds that reports of agents are kept.
const REPORTS: &str = "events.purge.after.seconds";
const REPORTS_S: i64 = 43_200;
/// Seconds that runs of jobs are kept.
const RUNS: &str = "task.purge.after.seconds";

/// The jobs.
pub fn tasks() -> Vec<Task> {
    let round = Every::Setting("task.purge.resources.schedule");
    let daily = Every::Setting("task.cleanup.task.instances.schedule");
    vec![
        Task::new(1, "purge.resources", round, removed),
        Task::new(2, "cleanup.processes", round, processes),
        Task::new(3, "cleanup.service.log", round, lines),
        Task::new(4, "cleanup.audit.log", round, audit),
        Task::new(5, "cleanup.task.instances", daily, runs),
        Task::new(6, "database.optimize", Every::Seconds(DAY_S), optimize),
        Task::new(7, "process.replay", Every::Asked, replay),
        Task::new(8, "cleanup.kept.answers", round, answers),
        Task::new(9, "cleanup.events", round, reports),
    ]
}

/// The instant before which things are old, as a setting says.
fn limit(site: &Site, setting: &str) -> Result<i64> {
    let kept_ms = site.store.read(|read| read.setting_int(setting))?.max(0).saturating_mul(1000);
    Ok(site.clock.now_ms().saturating_sub(kept_ms))
}

/// Deletes batch after batch until nothing is left, or others have waited for long enough.
async fn drain(
    site: &Site,
    batch: impl Fn(&mut Tx<'_>) -> Result<usize> + Copy + Send + 'static,
) -> Result<Found> {
    let mut found = Found::Nothing;
    for _ in 0..BATCHES {
        if site.store.write(batch).await? == 0 {
            break;
        }
        found = Found::Work;
    }
    Ok(found)
}

async fn removed(site: Arc<Site>) -> Result<Found> {
    let purged = purge_accounts(&site).await?;
    let before = limit(&site, REMOVED)?;
    let now = site.clock.now_ms();
    if site.store.read(|read| read.removed_before(before, now, 1))?.is_empty() {
        return Ok(purged);
    }
    let batch = move |tx: &mut Tx<'_>| {
        let ids = tx.removed_before(before, now, BATCH)?;
        ids.iter().try_for_each(|id| tx.delete(*id))?;
        Ok(ids.len())
    };
    drain(&site, batch).await
}

/// Accounts and environments that are gone with all that was theirs are purged.
async fn purge_accounts(site: &Site) -> Result<Found> {
    let gone = Query {
        ty: "account",
        with_removed: true,
        conditions: vec![Condition {
            field: "state".to_owned(),
            op: Op::Eq,
            value: lifecycle::REMOVED.into(),
        }],
        limit: BATCH as usize,
        ..Default::default()
    };
    let gone = site.store.read(|read| read.list(&gone))?;
    if gone.is_empty() {
        return Ok(Found::Nothing);
    }
    let purge = move |tx: &mut Tx<'_>| {
        gone.iter().try_for_each(|account| {
            crate::process::start(tx, account.id, "purge", Map::new()).map(|_| ())
        })
    };
    site.store.write(purge).await?;
    Ok(Found::Work)
}

async fn processes(site: Arc<Site>) -> Result<Found> {
    let before = limit(&site, PROCESSES)?;
    if !site.store.read(|read| read.has_process_ended_before(before))? {
        return Ok(Found::Nothing);
    }
    drain(&site, move |tx| tx.process_purge(before, BATCH)).await
}

async fn lines(site: Arc<Site>) -> Result<Found> {
    let before = limit(&site, SERVICE_LOG)?;
    forget(&site, "serviceLog", None, before).await
}

/// What was reported and followed.
async fn reports(site: Arc<Site>) -> Result<Found> {
    let kept_s = site.store.read(|read| crate::process::agent::number(read, REPORTS, REPORTS_S))?;
    let kept_ms = kept_s.max(0).saturating_mul(1000);
    let before = site.clock.now_ms().saturating_sub(kept_ms);
    let mut found = Found::Nothing;
    for ty in ["containerEvent", "externalEvent", "serviceEvent"] {
        if matches!(forget(&site, ty, Some("creating"), before).await?, Found::Work) {
            found = Found::Work;
        }
    }
    Ok(found)
}

/// Deletes the rows of a type that were made before an instant, unless they are in a state.
async fn forget(
    site: &Site,
    ty: &'static str,
    unless: Option<&'static str>,
    before: i64,
) -> Result<Found> {
    let condition = |field: &str, op, value: serde_json::Value| Condition {
        field: field.to_owned(),
        op,
        value,
    };
    let old = move |limit: usize| Query {
        ty,
        with_removed: true,
        conditions: std::iter::once(condition("created", Op::Lt, before.into()))
            .chain(unless.map(|state| condition("state", Op::Ne, state.into())))
            .collect(),
        order: Order::Ascending,
        limit,
        ..Default::default()
    };
    if site.store.read(|read| read.list(&old(1)))?.is_empty() {
        return Ok(Found::Nothing);
    }
    let batch = move |tx: &mut Tx<'_>| {
        let rows = tx.list(&old(BATCH as usize))?;
        rows.iter().try_for_each(|row| tx.delete(row.id))?;
        Ok(rows.len())
    };
    drain(site, batch).await
}

/// Requests take minutes at most; an entry of one that began longer ago waits for an answer in vain.
const ANSWERED_WITHIN_MS: i64 = 60 * 60 * 1000;

async fn audit(site: Arc<Site>) -> Result<Found> {
    let begun = site.clock.now_ms().saturating_sub(ANSWERED_WITHIN_MS);
    if site.store.read(|read| read.has_audit_pending_before(begun))? {
        drain(&site, move |tx| tx.audit_recover(begun, BATCH)).await?;
    }
    let before = limit(&site, AUDIT)?;
    if !site.store.read(|read| read.has_audit_before(before))? {
        return Ok(Found::Nothing);
    }
    drain(&site, move |tx| tx.audit_purge(before, BATCH)).await
}

/// Answers to creates with an `Idempotency-Key`; each says itself when its time is over.
async fn answers(site: Arc<Site>) -> Result<Found> {
    let now = site.clock.now_ms();
    if !site.store.read(|read| read.has_answer_over(now))? {
        return Ok(Found::Nothing);
    }
    drain(&site, move |tx| tx.answers_purge(now, BATCH)).await
}

async fn runs(site: Arc<Site>) -> Result<Found> {
    let before = limit(&site, RUNS)?;
    if !site.store.read(|read| read.has_task_run_before(before))? {
        return Ok(Found::Nothing);
    }
    drain(&site, move |tx| tx.task_purge(before, BATCH)).await
}

/// Lets SQLite bring its statistics up to date where tables have changed much.
async fn optimize(site: Arc<Site>) -> Result<Found> {
    site.store.write(|tx| tx.optimize()).await?;
    Ok(Found::Nothing)
}

/// Lets every process that waits for its time run now.
async fn replay(site: Arc<Site>) -> Result<Found> {
    let woken = site.store.write(|tx| tx.process_wake_all()).await?;
    Ok(if woken > 0 { Found::Work } else { Found::Nothing })
}
