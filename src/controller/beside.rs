//! Containers that somebody runs beside ours on an engine that this server drives: they get rows, and the
//! rows follow the engine. The engine is only looked at.

use std::collections::{HashMap, HashSet};

use crate::engine::{ContainerState, Observed};
use crate::error::{Error, Result};
use crate::model::resource::Resource;
use crate::process::native::{self, Found, NATIVE};
use crate::process::site::{HostEngine, Site};
use crate::store::Tx;

use super::watch::Finding;

/// The containers of an engine, to be found by what rows know of them.
pub struct Listed<'a> {
    by_uuid: HashMap<&'a str, &'a Observed>,
    by_id: HashMap<&'a str, &'a Observed>,
}

impl<'a> Listed<'a> {
    /// Those that an engine listed.
    pub fn of(observed: &'a [Observed]) -> Self {
        let labelled = |one: &'a Observed| Some((one.uuid.as_deref()?, one));
        Self {
            by_uuid: observed.iter().filter_map(labelled).collect(),
            by_id: observed.iter().map(|one| (one.id.as_str(), one)).collect(),
        }
    }

    /// The container of a row: by the uuid that it carries, else by its id. One that carries the uuid of
    /// another row is not this row's.
    pub fn find(&self, row: &Resource) -> Option<&'a Observed> {
        let own = self.by_uuid.get(row.uuid.as_str()).copied();
        own.or_else(|| {
            let by_id = self.by_id.get(row.str("externalId")?).copied();
            by_id.filter(|found| found.uuid.is_none())
        })
    }
}

/// Whether a container is to be shown that no row stands for.
fn is_to_be_shown(found: &Observed) -> bool {
    let exists = matches!(
        found.state,
        ContainerState::Running
            | ContainerState::Paused
            | ContainerState::Restarting
            | ContainerState::Exited
    );
    exists && !native::is_ours(found.labels.keys())
}

/// Containers in a list that no live row of the host stands for.
pub fn strangers<'a>(observed: &'a [Observed], known: &HashSet<String>) -> Vec<&'a Observed> {
    let stranger = |found: &&Observed| is_to_be_shown(found) && !known.contains(&found.id);
    observed.iter().filter(stranger).collect()
}

/// Looks at a container and makes its row, if there is to be one; whether it was made.
///
/// # Errors
/// When the engine or the database fails.
pub async fn meet(site: &Site, host: &HostEngine, host_id: i64, id: &str) -> Result<bool> {
    let is_new = |environment| {
        site.store.read(|read| {
            Ok(native::are_shown(read)? && native::known(read, environment, id)?.is_none())
        })
    };
    let Some(row) = site.store.read(|read| read.get(host_id))? else { return Ok(false) };
    if !takes_in(&row) || !is_new(row.account_id)? {
        return Ok(false);
    }
    let seen = host.engine.inspect(id).await;
    let seen = seen.map_err(|error| Error::status(503).message(error.to_string()))?;
    let Some(seen) = seen.filter(is_to_be_shown) else { return Ok(false) };
    site.store.write(move |tx| make(tx, host_id, &seen)).await
}

/// Whether a host still has rows made for it.
fn takes_in(host: &Resource) -> bool {
    let goes = matches!(host.state.as_str(), "removing" | "removed" | "purging" | "purged");
    host.removed.is_none() && !goes && host.account_id.is_some()
}

fn make(tx: &mut Tx<'_>, host_id: i64, seen: &Observed) -> Result<bool> {
    let host = tx.get(host_id)?.filter(takes_in);
    let Some(host) = host.filter(|_| seen.raw.is_object()) else { return Ok(false) };
    if !native::are_shown(tx)? || native::known(tx, host.account_id, &seen.id)?.is_some() {
        return Ok(false);
    }
    let empty = serde_json::Map::new();
    let found = Found {
        id: &seen.id,
        image: &seen.image,
        image_id: &seen.image_id,
        running: seen.is_running(),
        exit_code: seen.exit_code,
        started_ms: seen.started_ms,
        inspected: seen.raw.as_object().unwrap_or(&empty),
    };
    native::make(tx, &host, &found)?;
    Ok(true)
}

/// A row follows its container, unless something has begun meanwhile that knows better.
///
/// # Errors
/// When the database fails.
pub async fn follow(site: &Site, row: &Resource, finding: Finding) -> Result<()> {
    let (id, state) = (row.id, row.state.clone());
    site.store
        .write(move |tx| {
            let row = tx.get(id)?.filter(|row| row.state == state && row.flag(NATIVE));
            let Some(row) = row else { return Ok(()) };
            if tx.open_process(id)?.is_some() {
                return Ok(());
            }
            match finding {
                Finding::Nothing => Ok(()),
                Finding::Died { exit_code } => {
                    tx.update(id, |row| {
                        row.set("exitCode", exit_code);
                        Ok(())
                    })?;
                    native::change(tx, &row, "die")
                }
                Finding::Revived => native::change(tx, &row, "start"),
                Finding::Vanished => native::gone(tx, &row),
            }
        })
        .await
}

/// Takes the rows of a host's containers away that somebody else runs: they are not to be shown any more.
///
/// # Errors
/// When the database fails.
pub async fn hide(site: &Site, host_id: i64) -> Result<()> {
    site.store
        .write(move |tx| {
            if native::are_shown(tx)? {
                return Ok(());
            }
            let rows = tx.referrers("instance", "hostId", host_id)?;
            rows.iter().filter(|row| row.flag(NATIVE)).try_for_each(|row| native::let_go(tx, row))
        })
        .await
}
