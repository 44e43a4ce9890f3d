//! Asks containers with a health check whether they are well, and records what becomes of their health.
//!
//! A loop without input (I6): it keeps a list of the running containers that are to be asked, from the
//! store, and asks each at its interval. What it has counted lives here only; after a restart it counts
//! anew.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::apply::remember_failure;
use crate::engine::probe::{Probe, RequestLine};
use crate::error::Result;
use crate::model::resource::Resource;
use crate::process;
use crate::process::site::Site;
use crate::reconcile::Health;
use crate::reconcile::checks::{self, Check, Said, Tally};
use crate::store::Read;

/// Answers waiting to be counted.
const ANSWERS: usize = 1024;

/// A container that is asked.
struct Patient {
    probe: Probe,
    check: Check,
    host_id: i64,
    external_id: String,
    health: Health,
    tally: Tally,
    started_ms: i64,
    /// Counts its starts: an answer of before does not count.
    starts: i64,
    /// When it is asked next, in Unix milliseconds; other entries for it in the queue are old.
    due_ms: i64,
    /// Whether a question is under way.
    asked: bool,
}

/// An answer to one question.
struct Answer {
    id: i64,
    starts: i64,
    said: Said,
}

/// The loop.
pub struct Checks {
    site: Arc<Site>,
    patients: HashMap<i64, Patient>,
    due: BinaryHeap<Reverse<(i64, i64)>>,
    answers: (mpsc::Sender<Answer>, mpsc::Receiver<Answer>),
}

impl Checks {
    /// A loop for a site.
    pub fn new(site: Arc<Site>) -> Self {
        let answers = mpsc::channel(ANSWERS);
        Self { site, patients: HashMap::new(), due: BinaryHeap::new(), answers }
    }

    /// Runs until the token is cancelled.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut changes = self.site.store.feed().listen();
        self.report(|own| own.look_at_all());
        loop {
            self.ask();
            let next = self.due.peek().map(|Reverse((due, _))| *due);
            let clock = self.site.clock.clone();
            let later = async {
                match next {
                    Some(due) => clock.sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                heard = changes.recv() => match heard {
                    Ok(heard) => {
                        let ids: Vec<i64> = heard
                            .iter()
                            .filter(|change| change.ty == "instance")
                            .map(|change| change.id)
                            .collect();
                        self.report(|own| own.look_at(&ids));
                    }
                    Err(RecvError::Lagged(_)) => self.report(|own| own.look_at_all()),
                    Err(RecvError::Closed) => return,
                },
                Some(answer) = self.answers.1.recv() => {
                    if let Err(error) = self.hear(answer).await {
                        tracing::warn!(%error, "cannot record a container's health");
                    }
                }
                () = later => {}
            }
        }
    }

    fn report(&mut self, look: impl FnOnce(&mut Self) -> Result<()>) {
        if let Err(error) = look(self) {
            tracing::warn!(%error, "cannot look which containers are checked");
        }
    }

    fn look_at_all(&mut self) -> Result<()> {
        let mut ids = Vec::new();
        self.site.store.read(|read| {
            read.for_each("instance", |row| {
                if is_checked(&row) {
                    ids.push(row.id);
                }
                Ok(())
            })
        })?;
        self.patients.retain(|id, _| ids.contains(id));
        self.look_at(&ids)
    }

    /// Reads containers afresh: those that are to be asked come on the list, others leave it.
    fn look_at(&mut self, ids: &[i64]) -> Result<()> {
        let store = self.site.store.clone();
        store.read(|read| {
            for id in ids {
                let row = read.get(*id)?.filter(is_checked);
                match row.map(|row| patient(read, &row)).transpose()?.flatten() {
                    Some(patient) => self.admit(*id, patient),
                    None => drop(self.patients.remove(id)),
                }
            }
            Ok(())
        })
    }

    fn admit(&mut self, id: i64, fresh: Patient) {
        if let Some(known) = self.patients.get_mut(&id).filter(|known| known.starts == fresh.starts)
        {
            // The health may have been set by somebody else who checks.
            let tally = if known.health == fresh.health { known.tally } else { Tally::default() };
            let asked = known.asked && known.probe == fresh.probe;
            *known = Patient { tally, asked, due_ms: known.due_ms, ..fresh };
            return;
        }
        let due_ms = self.site.clock.now_ms();
        self.due.push(Reverse((due_ms, id)));
        self.patients.insert(id, Patient { due_ms, ..fresh });
    }

    /// Asks all whose time has come.
    fn ask(&mut self) {
        let now = self.site.clock.now_ms();
        while let Some(Reverse((due, id))) = self.due.peek().copied().filter(|next| next.0.0 <= now)
        {
            self.due.pop();
            let Some(patient) = self.patients.get_mut(&id).filter(|own| own.due_ms == due) else {
                continue;
            };
            let interval = i64::try_from(patient.check.interval_ms.max(1)).unwrap_or(i64::MAX);
            patient.due_ms = due.max(now.saturating_sub(interval)).saturating_add(interval);
            self.due.push(Reverse((patient.due_ms, id)));
            let Some(host) = self.site.engines.get(patient.host_id).filter(|_| !patient.asked)
            else {
                continue;
            };
            patient.asked = true;
            let (probe, external_id) = (patient.probe.clone(), patient.external_id.clone());
            let (answers, starts) = (self.answers.0.clone(), patient.starts);
            tokio::spawn(async move {
                let said = match host.engine.probe(&external_id, &probe).await {
                    Ok(()) => Said::Up,
                    Err(reason) => {
                        tracing::debug!(reason, "a health check failed");
                        Said::Down
                    }
                };
                // Nobody listens any more when the server stops.
                let _ = answers.send(Answer { id, starts, said }).await;
            });
        }
    }

    async fn hear(&mut self, answer: Answer) -> Result<()> {
        let now = self.site.clock.now_ms();
        let Some(patient) = self.patients.get_mut(&answer.id) else { return Ok(()) };
        if patient.starts != answer.starts {
            return Ok(());
        }
        patient.asked = false;
        let next = patient.tally.hear(patient.health, answer.said, &patient.check);
        let overdue = next.is_none()
            && checks::is_overdue(patient.health, patient.started_ms, now, &patient.check);
        let (id, starts, before) = (answer.id, answer.starts, patient.health);
        if let Some(next) = next {
            // The health itself comes back from the row: who writes it may have known better.
            patient.tally = Tally::default();
            return self.record(id, starts, before, next).await;
        }
        if overdue {
            self.patients.remove(&id);
            return self.give_up(id, starts).await;
        }
        Ok(())
    }

    async fn record(&self, id: i64, starts: i64, before: Health, next: Health) -> Result<()> {
        self.site
            .store
            .write(move |tx| {
                let Some(row) = tx.get(id)?.filter(|row| is_same(row, starts)) else {
                    return Ok(());
                };
                if row.str("healthState").and_then(Health::parse) != Some(before) {
                    return Ok(());
                }
                let now = tx.now;
                tx.update(id, |row| {
                    row.set("healthState", next.as_str());
                    row.set("healthUpdated", now);
                    Ok(())
                })?;
                Ok(())
            })
            .await
    }

    /// A container that has not become healthy in time goes; its service makes another.
    async fn give_up(&self, id: i64, starts: i64) -> Result<()> {
        self.site
            .store
            .write(move |tx| {
                let Some(row) = tx.get(id)?.filter(|row| is_same(row, starts)) else {
                    return Ok(());
                };
                let Some(service) = row.int("serviceId") else { return Ok(()) };
                tracing::info!(container = row.display_name(), "did not become healthy in time");
                remember_failure(tx, service, &row)?;
                process::project::remove(tx, &row)
            })
            .await
    }
}

fn is_checked(row: &Resource) -> bool {
    row.state == "running" && row.removed.is_none() && row.map("healthCheck").is_some()
}

/// Whether a row is still the start that was asked.
fn is_same(row: &Resource, starts: i64) -> bool {
    is_checked(row) && row.int("startCount").unwrap_or(0) == starts
}

/// How a container is asked; `None` if it has no address or no port to ask.
fn patient(read: &Read<'_>, row: &Resource) -> Result<Option<Patient>> {
    let owner = row.int("networkContainerId").map(|id| read.get(id)).transpose()?.flatten();
    let address = owner.as_ref().unwrap_or(row).str("primaryIpAddress");
    let address: Option<IpAddr> = address.and_then(|text| text.parse().ok());
    let port = field(row, "port").and_then(|port| u16::try_from(port).ok());
    let (Some(address), Some(port), Some(host_id), Some(external_id)) =
        (address, port, row.int("hostId"), row.str("externalId"))
    else {
        return Ok(None);
    };
    let check = check(row);
    let request = row.map("healthCheck").and_then(|check| check.get("requestLine")?.as_str());
    Ok(Some(Patient {
        probe: Probe {
            address: SocketAddr::from((address, port)),
            request: request.and_then(RequestLine::parse),
            timeout_ms: check.timeout_ms,
        },
        check,
        host_id,
        external_id: external_id.to_owned(),
        health: row.str("healthState").and_then(Health::parse).unwrap_or(Health::Initializing),
        tally: Tally::default(),
        started_ms: row.int("startedAt").unwrap_or(row.created),
        starts: row.int("startCount").unwrap_or(0),
        due_ms: 0,
        asked: false,
    }))
}

/// A positive number of a health check.
fn field(row: &Resource, name: &str) -> Option<u64> {
    let value = row.map("healthCheck")?.get(name).and_then(Value::as_u64);
    value.filter(|value| *value > 0)
}

fn check(row: &Resource) -> Check {
    let or = Check::default();
    let count = |name: &str, or: u32| {
        field(row, name).map_or(or, |value| u32::try_from(value).unwrap_or(u32::MAX))
    };
    let strategy = row.map("healthCheck").and_then(|check| check.get("strategy")?.as_str());
    Check {
        interval_ms: field(row, "interval").unwrap_or(or.interval_ms),
        timeout_ms: field(row, "responseTimeout").unwrap_or(or.timeout_ms),
        healthy: count("healthyThreshold", or.healthy),
        unhealthy: count("unhealthyThreshold", or.unhealthy),
        initializing_ms: field(row, "initializingTimeout"),
        reinitializing_ms: field(row, "reinitializingTimeout"),
        replaces: strategy != Some("none"),
    }
}
