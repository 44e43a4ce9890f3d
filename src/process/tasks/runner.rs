//! The loop that runs periodic jobs: when they are due, and when somebody has asked.
//!
//! It takes no input: it is poked after a commit that asked for a run, and reads from the table which.
//! Jobs run beside each other, each once at a time, so that one that waits for an engine holds up none.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Every, Found, Task};
use crate::error::Result;
use crate::process::site::Site;
use crate::store::TaskRun;

/// Seconds between two runs while the setting that says it cannot be read.
const DEFAULT_S: i64 = 60;

/// The loop.
pub struct Runner {
    site: Arc<Site>,
    stop: CancellationToken,
    /// When each job is due, in Unix milliseconds.
    due: HashMap<i64, i64>,
    /// Jobs under way: the job's id.
    under_way: JoinSet<i64>,
    busy: Vec<i64>,
}

impl Runner {
    /// A loop over a site's jobs; it does nothing until [`Runner::run`].
    pub fn new(site: Arc<Site>, stop: CancellationToken) -> Self {
        Self { site, stop, due: HashMap::new(), under_way: JoinSet::new(), busy: Vec::new() }
    }

    /// Runs jobs until the token is cancelled; those under way are cut off.
    pub async fn run(mut self) {
        let poke = self.site.store.task_poke();
        // What was cut off when the server ended runs again.
        loop {
            let next = self.launch();
            tokio::select! {
                biased;
                () = self.stop.cancelled() => break,
                () = poke.notified() => {}
                Some(done) = self.under_way.join_next() => match done {
                    Ok(id) => self.busy.retain(|busy| *busy != id),
                    Err(error) => {
                        tracing::error!(%error, "a periodic job panicked");
                        // Which one is not known: those that still run are found busy by nobody else.
                        self.busy.clear();
                    }
                },
                () = sleep(&self.site, next) => {}
            }
        }
        self.under_way.shutdown().await;
    }

    /// Starts what is due or asked for; returns when the next job is due.
    fn launch(&mut self) -> Option<i64> {
        let now = self.site.clock.now_ms();
        let asked = self.site.store.read(|read| read.task_runs_open()).unwrap_or_else(|error| {
            tracing::error!(%error, "cannot read which jobs are asked for");
            Vec::new()
        });
        for run in asked {
            match self.site.tasks.get(run.task_id) {
                Some(task) => self.start(task, Some(run)),
                None => tracing::warn!(task = run.task_id, "a job was asked for that is no more"),
            }
        }
        for task in self.site.tasks.all() {
            let Some(every_ms) = self.interval(&task) else {
                self.due.remove(&task.id);
                continue;
            };
            let due = *self.due.entry(task.id).or_insert_with(|| now.saturating_add(every_ms));
            // One that is under way is looked at again when it has ended.
            if due <= now && !self.busy.contains(&task.id) {
                self.due.insert(task.id, now.saturating_add(every_ms));
                self.start(task, None);
            }
        }
        let free = self.due.iter().filter(|(id, _)| !self.busy.contains(id));
        free.map(|(_, due)| *due).min()
    }

    /// Milliseconds between two runs of a job.
    fn interval(&self, task: &Task) -> Option<i64> {
        let seconds = match task.every {
            Every::Asked => return None,
            Every::Seconds(seconds) => i64::try_from(seconds).unwrap_or(i64::MAX),
            Every::Setting(name) => {
                self.site.store.read(|read| read.setting_int(name)).unwrap_or_else(|error| {
                    tracing::error!(%error, name, "cannot read how often a job is due");
                    DEFAULT_S
                })
            }
        };
        (seconds > 0).then(|| seconds.saturating_mul(1000))
    }

    /// Starts a job, unless it is under way.
    fn start(&mut self, task: Task, asked: Option<TaskRun>) {
        if self.busy.contains(&task.id) {
            return;
        }
        self.busy.push(task.id);
        let site = Arc::clone(&self.site);
        self.under_way.spawn(async move {
            let id = task.id;
            if let Err(error) = carry_out(&site, &task, asked).await {
                tracing::error!(%error, task = task.name, "a job could not be recorded");
            }
            id
        });
    }
}

async fn sleep(site: &Site, until: Option<i64>) {
    match until {
        Some(until) => site.clock.sleep_until(until).await,
        None => std::future::pending().await,
    }
}

/// Runs a job and records what came of it.
///
/// # Errors
/// When the database fails.
pub async fn carry_out(site: &Arc<Site>, task: &Task, asked: Option<TaskRun>) -> Result<()> {
    let id = asked.map(|run| run.id);
    if let Some(id) = id {
        site.store.write(move |tx| tx.task_begin(id)).await?;
    }
    let started = site.clock.now_ms();
    let outcome = (task.run)(Arc::clone(site)).await;
    if let Err(error) = &outcome {
        tracing::warn!(%error, task = task.name, "a periodic job failed");
    }
    if id.is_none() && outcome == Ok(Found::Nothing) {
        return Ok(());
    }
    let exception = outcome.err().map(|error| error.to_string());
    let task_id = task.id;
    site.store.write(move |tx| tx.task_end(id, task_id, started, exception.as_deref())).await
}
