//! Pull tasks: one image on every host of an environment that the labels of the task allow.
//!
//! Each host pulls by itself, and what keeps one keeps no other: the task shows for each of them how far it
//! is, that it is done, or why it is not. After a power failure the hosts that were done are left alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use futures_util::StreamExt as _;
use serde_json::{Map, Value};

use super::facts;
use super::pulls::pull;
use super::registries::login_for;
use super::site::HostEngine;
use super::step::{Definition, Failure, Next, Outcome, Step, StepFuture, Work};
use crate::engine::{PullProgress, RegistryAuth};
use crate::error::Result;
use crate::model::launch::bare;
use crate::scheduler::global_hosts;
use crate::store::Read;

/// The kind of `genericObject` that is a task; the others have nothing to do.
const KIND: &str = "pullTask";
/// Where a task shows its hosts.
const STATUS: &str = "status";
/// The mode that leaves out hosts without the image.
const CACHED: &str = "cached";
/// What a host shows that has the image.
const DONE: &str = "Done";
/// What a host shows at first, and before its progress.
const PULLING: &str = "Pulling";
/// Longest gap between two reports of progress, in milliseconds.
const PROGRESS_MS: u64 = 1000;
/// Hosts that pull at once.
const AT_ONCE: usize = 32;

/// Processes of `genericObject`.
pub const PROCESSES: &[Definition] = &[Definition {
    name: "genericobject.create",
    steps: &[Step { name: "pull", run }],
    tries: None,
    give_up: None,
}];

fn run(work: Work) -> StepFuture {
    Box::pin(async move {
        if work.resource.kind != KIND {
            return Ok(Outcome::Pass);
        }
        work.site.ledger.ensure(&work.site.store).await?;
        let order = Order::read(&work)?;
        let board = Board::default();
        if !pull_everywhere(&work, &order, &board).await {
            // The task was removed meanwhile; there is nobody to tell.
            return Ok(Outcome::Pass);
        }
        let status = board.all();
        Outcome::commit(move |tx, work| {
            tx.update(work.resource.id, |row| {
                row.set(STATUS, status);
                Ok(())
            })?;
            Ok(Next::Finish)
        })
    })
}

/// What a task is to do.
struct Order {
    image: String,
    login: Option<RegistryAuth>,
    /// Whether hosts without the image are left out.
    cached: bool,
    hosts: Vec<Target>,
}

/// A host by the name that the task shows, and its engine if this server drives it.
struct Target {
    name: String,
    engine: Option<HostEngine>,
    done: bool,
}

impl Order {
    fn read(work: &Work) -> Result<Self, Failure> {
        let (site, row) = (&work.site, &work.resource);
        let image = bare(row.str("image").unwrap_or_default().trim()).to_owned();
        let Some(environment) = row.account_id else {
            return Ok(Self { image, login: None, cached: false, hosts: Vec::new() });
        };
        let labels = facts::labels(row);
        let ids = site.ledger.look(|books| global_hosts(&books.fleet, environment, &labels))?;
        let (login, rows) = site.store.read(|read| {
            let login = login_for(read, &site.vault, row.account_id, &image, None)?;
            let rows: Result<Vec<_>> = ids.iter().map(|id| read.get(*id)).collect();
            Ok((login, rows?))
        })?;
        let mut names = BTreeSet::new();
        let mut hosts = Vec::new();
        let active = rows.into_iter().flatten().filter(|host| host.state == "active");
        for host in active {
            let mut name = host.name.as_deref().or(host.str("hostname")).unwrap_or("").to_owned();
            if !names.insert(name.clone()) {
                name = format!("{name} ({})", host.id);
            }
            let shown = row.map(STATUS).and_then(|status| status.get(&name)?.as_str());
            let (done, engine) = (shown == Some(DONE), site.engines.get(host.id));
            hosts.push(Target { name, engine, done });
        }
        let cached = row.str("mode") == Some(CACHED);
        Ok(Self { image, login, cached, hosts })
    }
}

/// What the hosts show, by name.
#[derive(Default)]
struct Board {
    lines: Mutex<BTreeMap<String, String>>,
}

impl Board {
    fn set(&self, host: &str, text: String) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.insert(host.to_owned(), text);
    }

    fn all(&self) -> Map<String, Value> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().map(|(host, text)| (host.clone(), text.clone().into())).collect()
    }
}

/// Pulls on all hosts, showing how far they are; `false` if the task has gone meanwhile.
async fn pull_everywhere(work: &Work, order: &Order, board: &Board) -> bool {
    for host in order.hosts.iter().filter(|host| host.done || !order.cached) {
        board.set(&host.name, if host.done { DONE } else { PULLING }.to_owned());
    }
    let hosts = order.hosts.iter().filter(|host| !host.done);
    let pulls: Vec<_> = hosts.map(|host| pull_on(order, host, board)).collect();
    let pulls = futures_util::stream::iter(pulls).buffer_unordered(AT_ONCE);
    let mut pulls = std::pin::pin!(pulls.collect::<Vec<()>>());
    let mut shown = Map::new();
    loop {
        let now = board.all();
        let going = match now == shown {
            true => work.site.store.read(|read| goes_on(read, work.process.id)),
            false => show(work, &order.image, now.clone()).await,
        };
        match going {
            Ok(true) => shown = now,
            Ok(false) => return false,
            Err(error) => tracing::warn!(%error, "cannot show how far the pull of an image is"),
        }
        tokio::select! {
            biased;
            _ = &mut pulls => return true,
            () = work.site.clock.sleep_ms(PROGRESS_MS) => {}
        }
    }
}

async fn pull_on(order: &Order, host: &Target, board: &Board) {
    let name = &host.name;
    let Some(host) = &host.engine else {
        return board.set(name, "this server has no connection to the host".to_owned());
    };
    if order.cached {
        match host.engine.image_id(&order.image).await {
            Ok(Some(_)) => board.set(name, PULLING.to_owned()),
            Ok(None) => return,
            Err(error) => return board.set(name, error.to_string()),
        }
    }
    let report = |step: PullProgress| board.set(name, progress(&step));
    let pulled = pull(host.engine.as_ref(), &order.image, order.login.as_ref(), &report).await;
    board.set(name, pulled.map_or_else(|error| error.to_string(), |()| DONE.to_owned()));
}

/// `Pulling: 1 of 3 layers`
fn progress(step: &PullProgress) -> String {
    let text = step.to_string();
    let rest = text.split_once(&step.image).map_or("", |(_, rest)| rest);
    format!("{PULLING}{rest}")
}

/// Shows how far the hosts are; `false` if the process is not to go on.
async fn show(work: &Work, image: &str, status: Map<String, Value>) -> Result<bool> {
    let (process, id) = (work.process.id, work.resource.id);
    let done = status.values().filter(|text| text.as_str() == Some(DONE)).count();
    let message = format!("pulling {image}: {done} of {} hosts have it", status.len());
    let shown = work.site.store.write(move |tx| {
        let going = goes_on(tx, process)?;
        if going {
            tx.update(id, |row| {
                row.set(STATUS, status);
                row.set_progress(&message);
                Ok(())
            })?;
        }
        Ok(going)
    });
    shown.await
}

/// Whether no other transition has taken the process's place.
fn goes_on(read: &Read<'_>, process: i64) -> Result<bool> {
    Ok(read.process(process)?.is_some_and(|row| row.ended.is_none()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_begins_as_old_clients_expect() {
        let step = PullProgress {
            image: "nginx".to_owned(),
            layers_done: 1,
            layers: 3,
            bytes_done: 500_000,
            bytes: 2_000_000,
        };
        assert_eq!(progress(&step), "Pulling: 1 of 3 layers, 0.5 of 2.0 MB");
        let begun = PullProgress { image: "nginx".to_owned(), ..PullProgress::default() };
        assert_eq!(progress(&begun), "Pulling");
    }
}
