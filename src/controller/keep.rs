//! Housekeeping: rows that nobody needs any more are deleted, some at a time.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::error::Result;
use crate::process::site::Site;
use crate::store::{Condition, Op, Order, Query};

/// How often to look, in milliseconds.
const ROUND_MS: u64 = 60_000;
/// Rows deleted in one transaction.
const BATCH: u32 = 500;

/// How long things are kept, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Keep {
    /// Soft-removed resources.
    pub removed_s: i64,
    /// Ended processes.
    pub process_s: i64,
    /// Lines of the service log.
    pub service_log_s: i64,
    /// Lines of the audit log.
    pub audit_s: i64,
}

/// Cleans up until the token is cancelled.
pub async fn run(site: Arc<Site>, keep: Keep, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = site.clock.sleep_ms(ROUND_MS) => {}
        }
        if let Err(error) = round(&site, keep).await {
            tracing::warn!(%error, "cannot clean up");
        }
    }
}

/// One round; writes nothing when there is nothing to delete.
///
/// # Errors
/// When the database fails.
pub async fn round(site: &Arc<Site>, keep: Keep) -> Result<()> {
    let now = site.clock.now_ms();
    let ended = now - keep.process_s * 1000;
    if site.store.read(|read| read.has_process_ended_before(ended))? {
        site.store.write(move |tx| tx.process_purge(ended, BATCH)).await?;
    }
    let audited = now - keep.audit_s * 1000;
    if site.store.read(|read| read.has_audit_before(audited))? {
        site.store.write(move |tx| tx.audit_purge(audited, BATCH)).await?;
    }
    let removed = now - keep.removed_s * 1000;
    let ids = site.store.read(|read| read.removed_before(removed, BATCH))?;
    delete(site, ids).await?;
    let lines = Query {
        ty: "serviceLog",
        conditions: vec![Condition {
            field: "created".to_owned(),
            op: Op::Lt,
            value: (now - keep.service_log_s * 1000).into(),
        }],
        order: Order::Ascending,
        limit: BATCH as usize,
        ..Default::default()
    };
    let ids = site.store.read(|read| Ok(read.list(&lines)?.iter().map(|row| row.id).collect()))?;
    delete(site, ids).await
}

async fn delete(site: &Arc<Site>, ids: Vec<i64>) -> Result<()> {
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
        .await
}
