//! Carries out processes: claim, run a step, commit its result and the cursor, back off, give up.
//!
//! The loop takes no input. It is poked after commits that make or wake processes, reads the table, and
//! starts what may run: one process at a time per resource, so that a transition that takes another's
//! place waits until the step under way has come back.

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::definitions::{beginning, definition};
use super::handlers::{self, After, Asked};
use super::site::Site;
use super::step::{Commit, Definition, Failure, Next, Outcome, Retry, Work, back_off_ms};
use super::{followed, lifecycle_of, may_begin};
use crate::error::{Error, Result};
use crate::model::lifecycle::is_gone;
use crate::model::resource::Resource;
use crate::store::{ExitReason, NewProcess, ProcessRow, Tx};

/// How often to look whether the engine of a waiting process is back, in milliseconds.
const WHEN_BACK_MS: i64 = 2000;
/// How long a process rests whose result could not be recorded, in milliseconds: the disk may be full.
const UNRECORDED_MS: u64 = 2000;
/// Entries kept in a process's log.
const LOG_ENTRIES: usize = 20;

/// Runs processes until it is told to stop.
pub struct Runner {
    site: Arc<Site>,
    poke: Arc<Notify>,
    stop: CancellationToken,
    /// Handlers elsewhere may keep so many workers waiting.
    calls: Semaphore,
    /// Called before each step is committed; the crash test stops there.
    breakpoint: Option<Breakpoint>,
}

/// Where a test can stop the runner as if the power had failed: called with process and step name
/// after the step has acted and before it is committed; `true` drops the result.
pub type Breakpoint = Arc<dyn Fn(&str, &str) -> bool + Send + Sync>;

/// Processes claimed by the loop.
#[derive(Default)]
struct Claims {
    /// Those to be run next: process and resource.
    queue: VecDeque<(i64, i64)>,
}

impl Runner {
    /// A runner for a site; it does nothing until [`Runner::run`].
    pub fn new(site: Arc<Site>, stop: CancellationToken) -> Self {
        let poke = site.store.process_poke();
        let calls = Semaphore::new((site.limits.workers / 2).max(1));
        Self { site, poke, stop, calls, breakpoint: None }
    }

    /// Calls `breakpoint` around every step.
    pub fn with_breakpoint(mut self, breakpoint: Breakpoint) -> Self {
        self.breakpoint = Some(breakpoint);
        self
    }

    /// Runs processes until the token is cancelled; steps under way are waited for.
    pub async fn run(self) {
        let (done_tx, mut done_rx) = mpsc::unbounded_channel();
        let this = Arc::new(self);
        let mut claims = Claims::default();
        loop {
            let wake_at = this.refill(&mut claims);
            this.launch(&mut claims, &done_tx);
            tokio::select! {
                biased;
                () = this.stop.cancelled() => break,
                Some(resource_id) = done_rx.recv() => {
                    this.site.workers.end(resource_id);
                    while let Ok(resource_id) = done_rx.try_recv() {
                        this.site.workers.end(resource_id);
                    }
                }
                () = this.poke.notified() => {}
                () = this.sleep(wake_at) => {}
            }
        }
        drop(done_tx);
        while done_rx.recv().await.is_some() {}
    }

    async fn sleep(&self, until: Option<i64>) {
        match until {
            Some(until) => self.site.clock.sleep_until(until).await,
            None => std::future::pending().await,
        }
    }

    /// Fills the queue from the table when it runs low; returns when the next process becomes due.
    fn refill(&self, claims: &mut Claims) -> Option<i64> {
        let now = self.site.clock.now_ms();
        let workers = self.site.limits.workers;
        if claims.queue.len() < workers {
            let limit = u32::try_from(self.site.workers.count() + 2 * workers).unwrap_or(u32::MAX);
            match self.site.store.read(|read| read.ready_processes(now, limit)) {
                Ok(ready) => {
                    claims.queue = ready
                        .into_iter()
                        .filter(|(_, resource_id)| !self.site.workers.is_busy(*resource_id))
                        .collect();
                }
                Err(error) => tracing::error!(%error, "cannot read the process table"),
            }
        }
        self.site.store.read(|read| read.next_process_at(now)).unwrap_or(None)
    }

    fn launch(self: &Arc<Self>, claims: &mut Claims, done: &mpsc::UnboundedSender<i64>) {
        while self.site.workers.count() < self.site.limits.workers {
            let Some((id, resource_id)) = claims.queue.pop_front() else { break };
            if self.site.workers.is_busy(resource_id) {
                continue;
            }
            self.site.workers.begin(resource_id, id);
            let this = Arc::clone(self);
            let done = done.clone();
            tokio::spawn(async move {
                if let Err(error) = this.carry_out(id).await {
                    tracing::error!(%error, resource_id, "a process could not be recorded");
                    tokio::select! {
                        biased;
                        () = this.stop.cancelled() => {}
                        () = this.site.clock.sleep_ms(UNRECORDED_MS) => {}
                    }
                }
                // The loop is gone only when the server stops.
                let _ = done.send(resource_id);
            });
        }
        self.site.workers.queue(claims.queue.len());
    }

    /// Runs a process, and those it chains to, until it ends, waits or fails.
    async fn carry_out(&self, id: i64) -> Result<()> {
        let found = self.site.store.read(|read| {
            let Some(row) = read.process(id)?.filter(|row| row.ended.is_none()) else {
                return Ok(None);
            };
            let resource = read.get(row.resource_id)?;
            Ok(Some((row, resource)))
        })?;
        // Another transition may have taken its place since the table was read.
        let Some((row, resource)) = found else { return Ok(()) };
        let Some(resource) = resource else {
            return self.abandon(row, "the resource is gone").await;
        };
        let mut work = Work {
            process: Arc::new(row),
            resource: Arc::new(resource),
            site: Arc::clone(&self.site),
        };
        while !self.stop.is_cancelled() {
            let Some(next) = self.advance(work).await? else { return Ok(()) };
            work = next;
        }
        Ok(())
    }

    /// One step; `None` when the process is not to go on now.
    async fn advance(&self, work: Work) -> Result<Option<Work>> {
        let next = self.site.store.read(|read| handlers::next(read, &work.process))?;
        if let Some(asked) = next {
            return self.hand_over(work, asked).await;
        }
        let definition = definition(&work.process.name);
        let mut position = work.process.step;
        loop {
            let Some(step) = definition.steps.get(position) else {
                return self.commit(work, position, Box::new(|_, _| Ok(Next::Finish))).await;
            };
            let outcome = (step.run)(work.clone()).await;
            if self.breakpoint.as_ref().is_some_and(|stop| stop(&work.process.name, step.name)) {
                self.stop.cancel();
                return Ok(None);
            }
            match outcome {
                Ok(Outcome::Pass) => position += 1,
                Ok(Outcome::Commit(commit)) => return self.commit(work, position, commit).await,
                Err(failure) => return self.fail(work, position, failure).await,
            }
        }
    }

    /// Asks a program elsewhere before the process's own steps, and records what it says.
    async fn hand_over(&self, work: Work, asked: Asked) -> Result<Option<Work>> {
        let said = match self.calls.try_acquire() {
            Ok(_permit) => tokio::select! {
                () = self.stop.cancelled() => return Ok(None),
                said = handlers::ask(&work, &asked) => said?,
            },
            Err(_) => handlers::Said::Nothing("waits until fewer handlers are asked".to_owned()),
        };
        if self.breakpoint.as_ref().is_some_and(|stop| stop(&work.process.name, "handler")) {
            self.stop.cancel();
            return Ok(None);
        }
        let site = Arc::clone(&self.site);
        self.site
            .store
            .write(move |tx| {
                let Some(mut row) = still_open(tx, &work.process)? else { return Ok(None) };
                let Some(resource) = tx.get(row.resource_id)? else {
                    return Err(Error::not_found());
                };
                let going = match handlers::record(tx, &resource, &mut row, &asked, said)? {
                    After::On => {
                        row.message = None;
                        tx.process_save(&row)?;
                        let resource = tx.get(row.resource_id)?.unwrap_or(resource);
                        (Some(row), resource)
                    }
                    After::Next(next) => settle(tx, row, next)?,
                    After::Failed(failure) => {
                        let Some(going) = fail_in(tx, row, &failure)? else { return Ok(None) };
                        going
                    }
                };
                Ok(taken_on(going, site))
            })
            .await
    }

    /// Records a step's result and moves the cursor, in one transaction.
    async fn commit(&self, work: Work, position: usize, commit: Commit) -> Result<Option<Work>> {
        let site = Arc::clone(&self.site);
        let (again, retry) = (work.clone(), work.clone());
        let result = self
            .site
            .store
            .write(move |tx| {
                let Some(mut row) = still_open(tx, &work.process)? else { return Ok(None) };
                row.step = position;
                // Something said to the process while the step was at work must not be slept through.
                let told = row.data != work.process.data;
                let mut next = commit(tx, &work)?;
                if let Next::Wait { until, .. } = &mut next
                    && told
                {
                    *until = Some(tx.now);
                }
                Ok(taken_on(settle(tx, row, next)?, site))
            })
            .await;
        match result {
            Ok(next) => Ok(next),
            Err(error) => self.fail(again, retry.process.step.max(position), error.into()).await,
        }
    }

    async fn fail(&self, work: Work, position: usize, failure: Failure) -> Result<Option<Work>> {
        let site = Arc::clone(&self.site);
        self.site
            .store
            .write(move |tx| {
                let Some(mut row) = still_open(tx, &work.process)? else { return Ok(None) };
                row.step = position;
                Ok(fail_in(tx, row, &failure)?.and_then(|going| taken_on(going, site)))
            })
            .await
    }

    async fn abandon(&self, mut row: ProcessRow, why: &'static str) -> Result<()> {
        self.site
            .store
            .write(move |tx| {
                end(&mut row, tx.now, ExitReason::Canceled);
                row.message = Some(why.to_owned());
                tx.process_save(&row)
            })
            .await
    }
}

/// The row as it is now, unless another transition has taken the process's place.
fn still_open(tx: &Tx<'_>, before: &ProcessRow) -> Result<Option<ProcessRow>> {
    Ok(tx.process(before.id)?.filter(|row| row.ended.is_none()))
}

/// The work that goes on at once, if any does.
fn taken_on(going: (Option<ProcessRow>, Resource), site: Arc<Site>) -> Option<Work> {
    let (process, resource) = going;
    Some(Work { process: Arc::new(process?), resource: Arc::new(resource), site })
}

/// Records a failure; `None` if the process is to be tried again.
fn fail_in(
    tx: &mut Tx<'_>,
    mut row: ProcessRow,
    failure: &Failure,
) -> Result<Option<(Option<ProcessRow>, Resource)>> {
    match record_failure(tx, definition(&row.name), &mut row, failure)? {
        Some(next) => {
            if next == Next::Finish {
                // It goes on from where it was, and people see why nothing came of it.
                row.data.insert("failure".to_owned(), failure.message.clone().into());
            }
            settle(tx, row, next).map(Some)
        }
        None => {
            tx.process_save(&row)?;
            Ok(None)
        }
    }
}

/// Counts a failure. Returns how to go on if the process gives up; else it is to be tried again.
fn record_failure(
    tx: &mut Tx<'_>,
    definition: &Definition,
    row: &mut ProcessRow,
    failure: &Failure,
) -> Result<Option<Next>> {
    let wait = match failure.retry {
        Retry::WhenBack => WHEN_BACK_MS,
        Retry::Later | Retry::Never => {
            row.tries += 1;
            back_off_ms(row.tries)
        }
    };
    row.started.get_or_insert(tx.now);
    row.run_after = tx.now + wait;
    row.message = Some(failure.message.clone());
    let step = definition.steps.get(row.step).map_or("finish", |step| step.name);
    note(row, tx.now, step, &failure.message);
    let resource = tx.update(row.resource_id, |resource| {
        resource.set_error(&failure.message);
        Ok(())
    })?;
    tracing::warn!(
        process = row.name,
        resource = resource.display_name(),
        tries = row.tries,
        message = failure.message,
        "a step failed"
    );
    let exhausted = definition.tries.is_some_and(|tries| row.tries >= tries);
    let hopeless = failure.retry == Retry::Never && definition.give_up.is_some();
    match definition.give_up {
        Some(give_up) if exhausted || hopeless => {
            give_up(tx, &resource, row, &failure.message).map(Some)
        }
        _ => Ok(None),
    }
}

/// Moves the cursor as `next` says. Returns the process to run now, if any, and the resource.
fn settle(
    tx: &mut Tx<'_>,
    mut row: ProcessRow,
    next: Next,
) -> Result<(Option<ProcessRow>, Resource)> {
    row.started.get_or_insert(tx.now);
    row.tries = 0;
    let definition = definition(&row.name);
    let Some(resource) = tx.get(row.resource_id)? else { return Err(Error::not_found()) };
    match next {
        Next::Step if row.step + 1 < definition.steps.len() => {
            row.step += 1;
            row.message = None;
            tx.process_save(&row)?;
            Ok((Some(row), resource))
        }
        Next::Step | Next::Finish => finish(tx, row, resource),
        Next::Remark(words) => {
            row.data.insert("failure".to_owned(), words.into());
            finish(tx, row, resource)
        }
        Next::Chain(transition, data) => chain(tx, row, resource, transition, data),
        Next::Wait { until, message } => {
            row.run_after = until.unwrap_or(i64::MAX);
            row.message = Some(message.clone());
            tx.process_save(&row)?;
            let resource = tx.update(resource.id, |resource| {
                resource.set_progress(&message);
                Ok(())
            })?;
            Ok((None, resource))
        }
    }
}

/// Ends a process that succeeded and sets the state its transition leads to.
fn finish(
    tx: &mut Tx<'_>,
    mut row: ProcessRow,
    resource: Resource,
) -> Result<(Option<ProcessRow>, Resource)> {
    let done = target(&row, &resource)?;
    end(&mut row, tx.now, ExitReason::Done);
    row.message = None;
    tx.process_save(&row)?;
    let now = tx.now;
    let resource = tx.update(resource.id, |resource| {
        done.clone_into(&mut resource.state);
        if is_gone(done) {
            resource.removed.get_or_insert(now);
        }
        match row.data.get("failure").and_then(Value::as_str) {
            Some(failure) => resource.set_error(failure),
            None => resource.clear_message(),
        }
        Ok(())
    })?;
    followed(tx, &resource)?;
    Ok((None, resource))
}

/// Ends a process and starts the next transition of the same resource.
fn chain(
    tx: &mut Tx<'_>,
    mut row: ProcessRow,
    resource: Resource,
    transition: &'static str,
    data: Map<String, Value>,
) -> Result<(Option<ProcessRow>, Resource)> {
    let done = target(&row, &resource)?;
    end(&mut row, tx.now, ExitReason::Chain);
    row.message = None;
    tx.process_save(&row)?;
    let lifecycle = lifecycle_of(&resource)?;
    let resource = tx.update(resource.id, |resource| {
        if !may_begin(resource, transition) {
            done.clone_into(&mut resource.state);
        }
        let next = lifecycle.transition(transition).and_then(|next| next.via(&resource.state));
        let Some(via) = next else {
            return Err(Error::internal(format!(
                "{} cannot chain to {transition} from {}",
                row.name, resource.state
            )));
        };
        via.clone_into(&mut resource.state);
        Ok(())
    })?;
    followed(tx, &resource)?;
    let name = format!("{}.{transition}", lifecycle.name);
    let mut data = data;
    let resource = match beginning(&name) {
        Some(begin) => {
            begin(tx, &resource, transition, &mut data)?;
            tx.require(resource.ty, resource.id)?
        }
        None => resource,
    };
    let new = NewProcess { name, resource_id: resource.id, account_id: resource.account_id, data };
    let process = tx.process_insert(new)?;
    Ok((Some(process), resource))
}

/// The state that a process's transition leads to from the resource's transitioning state.
fn target(row: &ProcessRow, resource: &Resource) -> Result<&'static str> {
    let name = row.name.rsplit('.').next().unwrap_or_default();
    lifecycle_of(resource)?
        .transition(name)
        .and_then(|transition| transition.done(&resource.state))
        .ok_or_else(|| {
            Error::internal(format!("{} ended while the state is {}", row.name, resource.state))
        })
}

fn end(row: &mut ProcessRow, now: i64, reason: ExitReason) {
    row.ended = Some(now);
    row.exit_reason = Some(reason.as_str().to_owned());
}

/// Adds a line to a process's log, dropping the oldest beyond the limit.
fn note(row: &mut ProcessRow, at: i64, step: &str, message: &str) {
    let mut log: Vec<Value> = serde_json::from_str(&row.log).unwrap_or_default();
    log.push(json!({ "at": at, "step": step, "message": message }));
    let surplus = log.len().saturating_sub(LOG_ENTRIES);
    log.drain(..surplus);
    row.log = Value::Array(log).to_string();
}
