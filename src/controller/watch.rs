//! Keeps rows true to what an engine really runs.
//!
//! Events are only pokes: a container that an event names is looked at and compared with its row. A
//! full comparison on every (re)connection and at intervals catches what events missed. Rows change by
//! processes alone; nothing here tells the engine to do anything.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::StreamExt;
use serde_json::{Map, json};
use tokio_util::sync::CancellationToken;

use super::beside::{self, Listed};
use super::hosts::{self, Standing};
use crate::engine::{ContainerState, EngineEvent, EventKind, Health, Observed};
use crate::error::Result;
use crate::events::Changes;
use crate::model::resource::Resource;
use crate::process::native::{self, NATIVE};
use crate::process::site::{HostEngine, Site};
use crate::process::tasks::{Every, Found, Task};
use crate::process::{self};

/// Pause before looking for an engine that is away, in milliseconds.
const AWAY_MS: u64 = 2000;

/// The jobs of this file.
pub fn tasks() -> Vec<Task> {
    vec![Task::new(20, "host.compare", Every::Asked, compare_hosts)]
}

/// Compares the rows of every host with what its engine has.
async fn compare_hosts(site: Arc<Site>) -> Result<Found> {
    let mut found = Found::Nothing;
    for (host_id, host) in site.engines.all() {
        let watcher = Watcher { site: Arc::clone(&site), host, host_id, compare_ms: 0 };
        match watcher.compare_all().await {
            Ok(0) => {}
            Ok(_) => found = Found::Work,
            // It is compared as soon as it is back.
            Err(error) => tracing::info!(%error, host = host_id, "a host was not compared"),
        }
    }
    Ok(found)
}

/// Watches one host's engine until the host is removed or the token is cancelled.
pub async fn watch(site: Arc<Site>, host_id: i64, compare_ms: u64, stop: CancellationToken) {
    let Some(host) = site.engines.get(host_id) else { return };
    let watcher = Watcher { site, host, host_id, compare_ms };
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        () = watcher.run() => {
            if watcher.is_current() {
                watcher.site.engines.remove(host_id);
            }
        }
    }
}

struct Watcher {
    site: Arc<Site>,
    host: HostEngine,
    host_id: i64,
    compare_ms: u64,
}

/// What a comparison finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Row and engine agree, or a process is at work on the row.
    Nothing,
    /// It ran and does not any more.
    Died {
        /// Exit code, if the engine knows it.
        exit_code: Option<i64>,
    },
    /// The engine does not have it any more.
    Vanished,
    /// Somebody started it.
    Revived,
}

/// Compares a row's state with what the engine has (containers.md, section 7). Pure.
pub fn compare(state: &str, observed: Option<&Observed>) -> Finding {
    let known_running = match state {
        "running" | "updating-running" => true,
        "stopped" | "updating-stopped" => false,
        _ => return Finding::Nothing,
    };
    let Some(observed) = observed else { return Finding::Vanished };
    match (known_running, observed.state) {
        // Docker is about to start it again by its own policy.
        (true, ContainerState::Restarting) => Finding::Nothing,
        (true, _) if !observed.is_running() => Finding::Died { exit_code: observed.exit_code },
        (false, _) if observed.is_running() => Finding::Revived,
        _ => Finding::Nothing,
    }
}

/// Whether a row's health is Docker's to tell, and is another than Docker tells.
fn follows(row: &Resource, health: Health) -> bool {
    let own = row.data.get("healthCheck").is_some_and(|check| !check.is_null());
    let checked = health != Health::None && !own && row.state == "running";
    checked && row.str("healthState") != Some(health_word(row, health))
}

/// `healthState` for what Docker says.
fn health_word(row: &Resource, health: Health) -> &'static str {
    match health {
        Health::Healthy => "healthy",
        Health::Unhealthy => "unhealthy",
        Health::Starting | Health::None if row.str("healthState") == Some("reinitializing") => {
            "reinitializing"
        }
        Health::Starting | Health::None => "initializing",
    }
}

impl Watcher {
    async fn run(&self) {
        while self.is_current() {
            let (standing, here) = match self.host.engine.info().await {
                Ok(info) => (hosts::connected(&self.site, self.host_id, &info).await, true),
                Err(error) => {
                    (hosts::away(&self.site, self.host_id, error.to_string()).await, false)
                }
            };
            match standing {
                Ok(Standing::Gone) => return,
                Ok(Standing::Kept) => {}
                Err(error) => tracing::error!(%error, "cannot record how a host is"),
            }
            if here && self.follow().await == Standing::Gone {
                return;
            }
            self.site.clock.sleep_ms(AWAY_MS).await;
        }
    }

    /// Whether nobody has put another engine in the place of the one that is watched.
    fn is_current(&self) -> bool {
        self.site.engines.is_of(self.host_id, &self.host.engine)
    }

    fn standing(&self) -> Standing {
        if !self.is_current() {
            return Standing::Gone;
        }
        let host = self.site.store.read(|read| read.get(self.host_id));
        match host {
            Ok(None) => Standing::Gone,
            Ok(Some(host)) if host.removed.is_some() => Standing::Gone,
            Ok(Some(_)) | Err(_) => Standing::Kept,
        }
    }

    /// Follows events until the engine goes away or the host is removed.
    async fn follow(&self) -> Standing {
        let mut changes = self.site.store.feed().listen();
        let mut events = self.host.engine.events(None);
        let mut suspects = HashSet::new();
        self.report(self.compare_all().await);
        let mut next = self.site.clock.now_ms().saturating_add_unsigned(self.compare_ms);
        loop {
            tokio::select! {
                biased;
                event = events.next() => match event {
                    Some(Ok(event)) => {
                        if suspects.is_empty() {
                            // Commits are heard from here on; those before are in the row.
                            changes = self.site.store.feed().listen();
                        }
                        self.report(self.hear(event, &mut suspects).await);
                    }
                    Some(Err(_)) | None => return self.standing(),
                },
                // With many hosts, each commit would wake them all for nothing.
                heard = changes.recv(), if !suspects.is_empty() => match heard {
                    Ok(heard) => self.report(self.again(&heard, &mut suspects).await),
                    Err(_) => self.report(self.compare_all().await),
                },
                () = self.site.clock.sleep_until(next) => {
                    if self.standing() == Standing::Gone {
                        return Standing::Gone;
                    }
                    self.report(self.compare_all().await);
                    next = self.site.clock.now_ms().saturating_add_unsigned(self.compare_ms);
                }
            }
        }
    }

    fn report<T>(&self, outcome: Result<T>) {
        if let Err(error) = outcome {
            tracing::warn!(%error, host = self.host_id, "cannot compare with the engine");
        }
    }

    async fn hear(&self, event: EngineEvent, suspects: &mut HashSet<i64>) -> Result<()> {
        if let EventKind::Health(health) = event.kind {
            return match self.row_of(&event)? {
                Some(row) => self.record_health(&row, health).await,
                None => Ok(()),
            };
        }
        let tells = matches!(
            event.kind,
            EventKind::Start | EventKind::Die { .. } | EventKind::Oom | EventKind::Destroy
        );
        if !tells {
            return Ok(());
        }
        let started = event.kind == EventKind::Start;
        match self.row_of(&event)? {
            // As it should be: most starts are our own. Should it die, another event tells.
            Some(row) if started && matches!(row.state.as_str(), "starting" | "running") => Ok(()),
            Some(row) => self.check(row, suspects).await,
            None if started && event.uuid.is_none() => {
                beside::meet(&self.site, &self.host, self.host_id, &event.container).await.map(drop)
            }
            None => Ok(()),
        }
    }

    /// The row of the container that an event is about. Two hosts may be one engine; each sees to its own.
    fn row_of(&self, event: &EngineEvent) -> Result<Option<Resource>> {
        let row = self.site.store.read(|read| match &event.uuid {
            Some(uuid) => read.by_uuid(uuid),
            None => {
                let rows = read.referrers_by_text("instance", "externalId", &event.container)?;
                Ok(rows.into_iter().find(|row| row.int("hostId") == Some(self.host_id)))
            }
        })?;
        Ok(row.filter(|row| row.int("hostId") == Some(self.host_id)))
    }

    /// Looks again at containers that were busy when an event named them.
    async fn again(&self, changes: &Changes, suspects: &mut HashSet<i64>) -> Result<()> {
        if suspects.is_empty() {
            return Ok(());
        }
        let named: Vec<_> = changes.iter().filter(|change| suspects.contains(&change.id)).collect();
        for change in named {
            if let Some(row) = self.site.store.read(|read| read.get(change.id))? {
                self.check(row, suspects).await?;
            }
        }
        Ok(())
    }

    async fn check(&self, row: Resource, suspects: &mut HashSet<i64>) -> Result<()> {
        if row.removed.is_some() {
            suspects.remove(&row.id);
            return Ok(());
        }
        if self.site.store.read(|read| Ok(read.open_process(row.id)?.is_some()))? {
            suspects.insert(row.id);
            return Ok(());
        }
        suspects.remove(&row.id);
        let Some(external) = row.str("externalId") else { return Ok(()) };
        let observed = self
            .host
            .engine
            .inspect(external)
            .await
            .map_err(|error| crate::error::Error::status(503).message(error.to_string()))?;
        self.act(&row, compare(&row.state, observed.as_ref())).await
    }

    /// Compares every container of the host; returns how many differ.
    async fn compare_all(&self) -> Result<usize> {
        let observed = self
            .host
            .engine
            .list()
            .await
            .map_err(|error| crate::error::Error::status(503).message(error.to_string()))?;
        let listed = Listed::of(&observed);
        let (mut found, mut changed, mut known) = (Vec::new(), Vec::new(), HashSet::new());
        let shown = self.site.store.read(|read| {
            read.for_each_referrer("instance", "hostId", self.host_id, |row| {
                // One that was never started is not known to the engine, and need not be.
                let Some(external) = row.str("externalId") else { return Ok(()) };
                known.insert(external.to_owned());
                let observed = listed.find(&row);
                if let Some(observed) = observed.filter(|own| follows(&row, own.health)) {
                    changed.push((row.clone(), observed.health));
                }
                let finding = compare(&row.state, observed);
                if finding != Finding::Nothing {
                    found.push((row, finding));
                }
                Ok(())
            })?;
            native::are_shown(read)
        })?;
        let mut differing = found.len();
        for (row, health) in changed {
            self.record_health(&row, health).await?;
        }
        for (row, finding) in found {
            if row.flag(NATIVE) {
                // The list may be older than the row.
                self.check(row, &mut HashSet::new()).await?;
            } else {
                self.act(&row, finding).await?;
            }
        }
        if !shown {
            beside::hide(&self.site, self.host_id).await?;
            return Ok(differing);
        }
        for stranger in beside::strangers(&observed, &known) {
            let made = beside::meet(&self.site, &self.host, self.host_id, &stranger.id).await?;
            differing += usize::from(made);
        }
        Ok(differing)
    }

    /// Docker's own check counts for containers without one of Rancher's.
    async fn record_health(&self, row: &Resource, health: Health) -> Result<()> {
        if !follows(row, health) {
            return Ok(());
        }
        let id = row.id;
        self.site
            .store
            .write(move |tx| {
                let Some(row) = tx.get(id)?.filter(|row| follows(row, health)) else {
                    return Ok(());
                };
                let now = tx.now;
                tx.update(row.id, |row| {
                    row.set("healthState", health_word(row, health));
                    row.set("healthUpdated", now);
                    Ok(())
                })?;
                Ok(())
            })
            .await
    }

    /// Starts the process by which the row follows the engine.
    async fn act(&self, row: &Resource, finding: Finding) -> Result<()> {
        if row.flag(NATIVE) {
            return beside::follow(&self.site, row, finding).await;
        }
        let (transition, data) = match finding {
            Finding::Nothing => return Ok(()),
            Finding::Died { exit_code } => {
                ("stop", process::object(json!({ "observed": true, "exitCode": exit_code })))
            }
            Finding::Vanished if row.state == "running" => {
                ("stop", process::object(json!({ "observed": true, "remove": true })))
            }
            Finding::Vanished => ("remove", Map::new()),
            Finding::Revived => ("start", Map::new()),
        };
        let (id, state) = (row.id, row.state.clone());
        tracing::info!(
            container = row.display_name(),
            ?finding,
            "the engine differs from the record"
        );
        self.site
            .store
            .write(move |tx| {
                // Whatever has begun meanwhile knows better.
                let unchanged = tx.get(id)?.is_some_and(|row| row.state == state);
                if unchanged && tx.open_process(id)?.is_none() {
                    process::start(tx, id, transition, data)?;
                }
                Ok(())
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_follow_the_engine() {
        let container = |state| Observed { state, exit_code: Some(3), ..Default::default() };
        for (known, observed, finding) in [
            ("running", Some(ContainerState::Running), Finding::Nothing),
            ("running", Some(ContainerState::Paused), Finding::Nothing),
            ("running", Some(ContainerState::Restarting), Finding::Nothing),
            ("running", Some(ContainerState::Exited), Finding::Died { exit_code: Some(3) }),
            ("running", None, Finding::Vanished),
            ("stopped", None, Finding::Vanished),
            ("stopped", Some(ContainerState::Exited), Finding::Nothing),
            ("stopped", Some(ContainerState::Running), Finding::Revived),
            ("starting", None, Finding::Nothing),
            ("removed", Some(ContainerState::Running), Finding::Nothing),
        ] {
            let observed = observed.map(container);
            assert_eq!(compare(known, observed.as_ref()), finding, "{known} {observed:?}");
        }
    }
}
