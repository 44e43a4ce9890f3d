//! The job that forgets deliveries: those that are old, and those that are too many.

use std::sync::Arc;

use super::{DELIVERY, SINK, STATUS, WAITING};
use crate::error::Result;
use crate::process::site::Site;
use crate::process::tasks::{Every, Found, Task};
use crate::store::{Condition, Op, Order, Query, Read, Tx};

/// The job's number.
const ID: i64 = 60;
/// Seconds that deliveries are kept.
const KEPT: &str = "webhook.delivery.purge.after.seconds";
/// Deliveries of one webhook that are kept, beside those that wait.
const MOST: usize = 500;
/// Rows deleted in one transaction.
const BATCH: usize = 500;
/// Transactions in one run.
const BATCHES: usize = 100;

/// The job.
pub fn tasks() -> Vec<Task> {
    let round = Every::Setting("task.purge.resources.schedule");
    vec![Task::new(ID, "cleanup.webhook.deliveries", round, run)]
}

async fn run(site: Arc<Site>) -> Result<Found> {
    let kept_ms = site.store.read(|read| read.setting_int(KEPT))?.max(0).saturating_mul(1000);
    let before = site.clock.now_ms().saturating_sub(kept_ms);
    let mut found = Found::Nothing;
    for _ in 0..BATCHES {
        let over = site.store.read(|read| over(read, before))?;
        if over.is_empty() {
            break;
        }
        found = Found::Work;
        let delete = move |tx: &mut Tx<'_>| over.into_iter().try_for_each(|id| tx.delete(id));
        site.store.write(delete).await?;
    }
    Ok(found)
}

/// Some deliveries that are not kept any longer.
fn over(read: &Read<'_>, before: i64) -> Result<Vec<i64>> {
    let condition = |field: &str, op, value: serde_json::Value| Condition {
        field: field.to_owned(),
        op,
        value,
    };
    let old = Query {
        ty: DELIVERY,
        conditions: vec![condition("created", Op::Lt, before.into())],
        limit: BATCH,
        ..Query::default()
    };
    let mut over: Vec<i64> = read.list(&old)?.iter().map(|row| row.id).collect();
    let mut sinks = Vec::new();
    read.for_each(SINK, |sink| {
        sinks.push(sink.id);
        Ok(())
    })?;
    for sink in sinks {
        if over.len() >= BATCH {
            break;
        }
        let many = Query {
            ty: DELIVERY,
            conditions: vec![
                condition("webhookId", Op::Eq, sink.into()),
                condition(STATUS, Op::Ne, WAITING.into()),
            ],
            order: Order::Descending,
            offset: MOST,
            limit: BATCH - over.len(),
            ..Query::default()
        };
        over.extend(read.list(&many)?.iter().map(|row| row.id));
    }
    over.sort_unstable();
    over.dedup();
    Ok(over)
}
