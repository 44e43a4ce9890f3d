//! The one thread that writes. It takes whatever closures wait, runs each in a savepoint, commits them
//! together and then tells their callers, so that one fsync serves many.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::{Notify, oneshot};

use super::rows::Rows;
use super::{Observer, Read, Tx};
use crate::clock::{Clock, Entropy};
use crate::error::{Error, Result};
use crate::events::{Change, Feed};

/// Closures that share one commit at most.
const GROUP: usize = 512;

/// Runs in the transaction; returns the acknowledgement to send once the commit's fate is known.
type Job = Box<dyn FnOnce(&mut Tx<'_>) -> (bool, Ack) + Send>;
type Ack = Box<dyn FnOnce(Option<Error>) + Send>;

/// Who is woken after a commit.
#[derive(Clone, Default)]
struct Pokes {
    processes: Arc<Notify>,
    tasks: Arc<Notify>,
}

/// Whom a commit wakes.
#[derive(Clone, Copy, Default)]
struct Woken {
    processes: bool,
    tasks: bool,
}

pub(super) struct Writer {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    pokes: Pokes,
    commits: Arc<AtomicU64>,
    observer: Arc<OnceLock<Arc<dyn Observer>>>,
}

impl Writer {
    pub(super) fn start(
        connection: Connection,
        clock: Clock,
        entropy: Entropy,
        feed: Feed,
    ) -> Result<Self> {
        let (jobs, queue) = mpsc::channel();
        let pokes = Pokes::default();
        let commits = Arc::new(AtomicU64::new(0));
        let observer = Arc::new(OnceLock::new());
        let context = Context {
            connection,
            clock,
            entropy,
            feed,
            pokes: pokes.clone(),
            commits: commits.clone(),
            observer: observer.clone(),
            rows: Rows::default(),
        };
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || context.serve(&queue))
            .map_err(|error| Error::internal(format!("cannot start the writer: {error}")))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread), pokes, commits, observer })
    }

    pub(super) fn submit<T: Send + 'static>(
        &self,
        f: impl FnOnce(&mut Tx<'_>) -> Result<T> + Send + 'static,
        reply: oneshot::Sender<Result<T>>,
    ) {
        let job: Job = Box::new(move |tx| {
            let result = catch_unwind(AssertUnwindSafe(|| f(tx)))
                .unwrap_or_else(|_| Err(Error::internal("a write panicked")));
            let keep = result.is_ok();
            let ack: Ack = Box::new(move |failed| {
                // A caller that went away does not want the answer.
                let _ = reply.send(failed.map_or(result, Err));
            });
            (keep, ack)
        });
        if let Some(jobs) = &self.jobs {
            // The thread ends only when the writer is dropped; a lost reply tells the caller.
            let _ = jobs.send(job);
        }
    }

    pub(super) fn observe(&self, observer: Arc<dyn Observer>) {
        // Only one is wired, by the composition root.
        let _ = self.observer.set(observer);
    }

    pub(super) fn process_poke(&self) -> Arc<Notify> {
        self.pokes.processes.clone()
    }

    pub(super) fn task_poke(&self) -> Arc<Notify> {
        self.pokes.tasks.clone()
    }

    pub(super) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Context {
    connection: Connection,
    clock: Clock,
    entropy: Entropy,
    feed: Feed,
    pokes: Pokes,
    commits: Arc<AtomicU64>,
    observer: Arc<OnceLock<Arc<dyn Observer>>>,
    rows: Rows,
}

impl Context {
    fn serve(&self, queue: &mpsc::Receiver<Job>) {
        while let Ok(first) = queue.recv() {
            let mut acks = Vec::new();
            let outcome = self.group(first, queue, &mut acks);
            let failed = match outcome {
                Ok((changes, woken)) => {
                    self.commits.fetch_add(1, Ordering::Relaxed);
                    self.feed.publish(changes);
                    if woken.processes {
                        self.pokes.processes.notify_one();
                    }
                    if woken.tasks {
                        self.pokes.tasks.notify_one();
                    }
                    None
                }
                Err(error) => {
                    tracing::error!(%error, "a commit failed");
                    let _ = self.connection.execute_batch("ROLLBACK");
                    self.rolled_back();
                    Some(error)
                }
            };
            for ack in acks {
                ack(failed.clone());
            }
        }
    }

    fn group(
        &self,
        first: Job,
        queue: &mpsc::Receiver<Job>,
        acks: &mut Vec<Ack>,
    ) -> Result<(Vec<Change>, Woken)> {
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let mut changes = Vec::new();
        let mut woken = Woken::default();
        let mut next = Some(first);
        while let Some(job) = next {
            self.one(job, &mut changes, &mut woken, acks)?;
            next = if acks.len() < GROUP { queue.try_recv().ok() } else { None };
        }
        self.connection.prepare_cached("COMMIT")?.execute([])?;
        changes.sort_by_key(|change: &Change| (change.id, !change.created));
        changes.dedup_by_key(|change| change.id);
        Ok((changes, woken))
    }

    fn rolled_back(&self) {
        self.rows.clear();
        if let Some(observer) = self.observer.get() {
            observer.rolled_back();
        }
    }

    fn one(
        &self,
        job: Job,
        changes: &mut Vec<Change>,
        woken: &mut Woken,
        acks: &mut Vec<Ack>,
    ) -> Result<()> {
        let mut tx = Tx {
            read: Read { connection: &self.connection, rows: Some(&self.rows) },
            now: self.clock.now_ms(),
            entropy: &self.entropy,
            changes: Vec::new(),
            spawned: false,
            asked: false,
            observer: self.observer.get().map(|observer| &**observer),
        };
        self.connection.prepare_cached("SAVEPOINT job")?.execute([])?;
        let (keep, ack) = job(&mut tx);
        acks.push(ack);
        if keep {
            self.connection.prepare_cached("RELEASE job")?.execute([])?;
            changes.append(&mut tx.changes);
            woken.processes |= tx.spawned;
            woken.tasks |= tx.asked;
            return Ok(());
        }
        if !tx.changes.is_empty() {
            self.rolled_back();
        }
        self.connection.prepare_cached("ROLLBACK TO job")?.execute([])?;
        self.connection.prepare_cached("RELEASE job")?.execute([])?;
        Ok(())
    }
}
