//! The job that removes archives which are of no use any more.

use std::sync::Arc;

use serde_json::Map;

use crate::archive;
use crate::error::{Error, Result};
use crate::model::lifecycle::REMOVED;
use crate::process::site::Site;
use crate::process::tasks::{Every, Found, Task};
use crate::process::volume::UNDO_UNTIL;
use crate::store::{Condition, Op, Query};

/// Volumes looked at in one run.
const BATCH: usize = 500;
/// Seconds between two runs.
const EVERY_S: u64 = 60;

/// The jobs.
pub fn tasks() -> Vec<Task> {
    vec![Task::new(10, "purge.volume.archives", Every::Seconds(EVERY_S), run)]
}

async fn run(site: Arc<Site>) -> Result<Found> {
    let expired = expire(&site).await?;
    let orphans = orphans(&site).await?;
    Ok(if expired || orphans { Found::Work } else { Found::Nothing })
}

/// Removed volumes that cannot be brought back any more are purged, archive and all.
async fn expire(site: &Site) -> Result<bool> {
    let condition = |field: &str, op, value| Condition { field: field.to_owned(), op, value };
    let query = Query {
        ty: "volume",
        with_removed: true,
        conditions: vec![
            condition("state", Op::Eq, REMOVED.into()),
            condition(UNDO_UNTIL, Op::Lt, site.clock.now_ms().into()),
        ],
        limit: BATCH,
        ..Default::default()
    };
    let volumes = site.store.read(|read| read.list(&query))?;
    let over: Vec<i64> = volumes.iter().map(|volume| volume.id).collect();
    if over.is_empty() {
        return Ok(false);
    }
    let purge = move |tx: &mut crate::store::Tx<'_>| {
        over.iter().try_for_each(|id| crate::process::start(tx, *id, "purge", Map::new()).map(drop))
    };
    site.store.write(purge).await?;
    Ok(true)
}

/// Archives of rows that have been deleted.
async fn orphans(site: &Site) -> Result<bool> {
    let folder = site.archives.snapshots();
    let names = archive::names(folder).await.map_err(Error::internal)?;
    let mut found = false;
    for name in names {
        let uuid = name.split('.').next().unwrap_or_default();
        if site.store.read(|read| read.by_uuid(uuid))?.is_none() {
            archive::remove(&folder.join(&name)).await.map_err(Error::internal)?;
            found = true;
        }
    }
    Ok(found)
}
