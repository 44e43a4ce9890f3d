//! Housekeeping: rows that nobody needs any more are deleted, some at a time. How long things are kept,
//! settings say.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::error::Result;
use crate::process::site::Site;
use crate::store::{Condition, Op, Order, Query, Read};

/// How often to look, in milliseconds.
const ROUND_MS: u64 = 60_000;
/// Rows deleted in one transaction.
const BATCH: u32 = 500;
/// Transactions of one kind in one round: others want to write, too.
const BATCHES: usize = 100;

/// Seconds that soft-removed resources can still be seen.
const REMOVED: &str = "main_tables.purge.after.seconds";
/// Seconds that ended processes are kept.
const PROCESSES: &str = "process_instance.purge.after.seconds";
/// Seconds that lines of the service log are kept.
const SERVICE_LOG: &str = "service_log.purge.after.seconds";
/// Seconds that entries of the audit log are kept.
const AUDIT: &str = "audit_log.purge.after.seconds";

/// Cleans up until the token is cancelled.
pub async fn run(site: Arc<Site>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = site.clock.sleep_ms(ROUND_MS) => {}
        }
        if let Err(error) = round(&site).await {
            tracing::warn!(%error, "cannot clean up");
        }
    }
}

/// One round; writes nothing when there is nothing to delete.
///
/// # Errors
/// When the database fails.
pub async fn round(site: &Arc<Site>) -> Result<()> {
    for _ in 0..BATCHES {
        let (ended, due) = site.store.read(|read| {
            let ended = limit(site, read, PROCESSES)?;
            Ok((ended, read.has_process_ended_before(ended)?))
        })?;
        if !due {
            break;
        }
        site.store.write(move |tx| tx.process_purge(ended, BATCH)).await?;
    }
    for _ in 0..BATCHES {
        let (made, due) = site.store.read(|read| {
            let made = limit(site, read, AUDIT)?;
            Ok((made, read.has_audit_before(made)?))
        })?;
        if !due {
            break;
        }
        site.store.write(move |tx| tx.audit_purge(made, BATCH)).await?;
    }
    delete_all(site, |read| read.removed_before(limit(site, read, REMOVED)?, BATCH)).await?;
    delete_all(site, |read| older(read, "serviceLog", limit(site, read, SERVICE_LOG)?)).await
}

/// The instant before which things are old, as a setting says.
fn limit(site: &Site, read: &Read<'_>, setting: &str) -> Result<i64> {
    let kept_ms = read.setting_int(setting)?.max(0).saturating_mul(1000);
    Ok(site.clock.now_ms().saturating_sub(kept_ms))
}

/// Rows of a type made before an instant.
fn older(read: &Read<'_>, ty: &'static str, instant: i64) -> Result<Vec<i64>> {
    let made = Condition { field: "created".to_owned(), op: Op::Lt, value: instant.into() };
    let rows = read.list(&Query {
        ty,
        conditions: vec![made],
        order: Order::Ascending,
        limit: BATCH as usize,
        ..Default::default()
    })?;
    Ok(rows.iter().map(|row| row.id).collect())
}

/// Deletes what `find` finds, until that is nothing.
async fn delete_all(site: &Site, find: impl Fn(&Read<'_>) -> Result<Vec<i64>>) -> Result<()> {
    for _ in 0..BATCHES {
        let ids = site.store.read(&find)?;
        if ids.is_empty() {
            return Ok(());
        }
        site.store
            .write(move |tx| {
                for id in ids {
                    tx.delete(id)?;
                }
                Ok(())
            })
            .await?;
    }
    Ok(())
}
