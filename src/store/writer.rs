//! The one thread that writes. It takes whatever closures wait, runs each in a savepoint, commits them
//! together and then tells their callers, so that one fsync serves many. In a simulation each caller writes
//! by itself instead, so that what comes first does not depend on the machine.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::{Notify, oneshot};

use super::rows::Rows;
use super::{Follower, Observer, ProcessEnd, Read, Tx};
use crate::clock::{Clock, Entropy};
use crate::error::{Error, Result};
use crate::events::{Change, Feed};

/// Closures that share one commit at most: few enough that while one group is written the callers of the one
/// before are at work again.
const GROUP: usize = 128;

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

/// What becomes of a write that succeeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is committed.
    Kept,
    /// It was only tried out.
    TakenBack,
}

/// Who writes.
enum Desk {
    /// A thread of its own, until the writer is dropped.
    Thread(Option<(mpsc::Sender<Job>, JoinHandle<()>)>),
    /// The caller, one at a time.
    Caller(Box<Mutex<Context>>),
}

pub(super) struct Writer {
    desk: Desk,
    pokes: Pokes,
    commits: Arc<AtomicU64>,
    observer: Arc<OnceLock<Arc<dyn Observer>>>,
    follower: Arc<OnceLock<Arc<dyn Follower>>>,
}

impl Writer {
    /// A writer; with `is_threaded` one that has a thread of its own.
    pub(super) fn start(
        connection: Connection,
        clock: Clock,
        entropy: Entropy,
        feed: Feed,
        is_threaded: bool,
    ) -> Result<Self> {
        let pokes = Pokes::default();
        let commits = Arc::new(AtomicU64::new(0));
        let observer = Arc::new(OnceLock::new());
        let follower = Arc::new(OnceLock::new());
        let context = Context {
            connection,
            clock,
            entropy,
            feed,
            pokes: pokes.clone(),
            commits: commits.clone(),
            observer: observer.clone(),
            follower: follower.clone(),
            rows: Rows::default(),
        };
        let desk = if is_threaded {
            let (jobs, queue) = mpsc::channel();
            let thread = std::thread::Builder::new()
                .name("store-writer".to_owned())
                .spawn(move || context.serve(&queue))
                .map_err(|error| Error::internal(format!("cannot start the writer: {error}")))?;
            Desk::Thread(Some((jobs, thread)))
        } else {
            Desk::Caller(Box::new(Mutex::new(context)))
        };
        Ok(Self { desk, pokes, commits, observer, follower })
    }

    pub(super) fn submit<T: Send + 'static>(
        &self,
        f: impl FnOnce(&mut Tx<'_>) -> Result<T> + Send + 'static,
        fate: Fate,
        reply: oneshot::Sender<Result<T>>,
    ) {
        let job: Job = Box::new(move |tx| {
            let result = catch_unwind(AssertUnwindSafe(|| {
                let value = f(tx)?;
                tx.follow()?;
                tx.read.settle(None)?;
                Ok(value)
            }))
            .unwrap_or_else(|_| Err(Error::internal("a write panicked")));
            let keep = result.is_ok() && fate == Fate::Kept;
            let ack: Ack = Box::new(move |failed| {
                // What went wrong in the closure itself says more than what became of the commit. A
                // caller that went away does not want the answer.
                let _ = reply.send(result.and_then(|value| failed.map_or(Ok(value), Err)));
            });
            (keep, ack)
        });
        match &self.desk {
            Desk::Thread(Some((jobs, _))) => {
                // The thread ends only when the writer is dropped; a lost reply tells the caller.
                let _ = jobs.send(job);
            }
            Desk::Thread(None) => {}
            Desk::Caller(context) => {
                context.lock().unwrap_or_else(PoisonError::into_inner).together(job, || None);
            }
        }
    }

    pub(super) fn observe(&self, observer: Arc<dyn Observer>) {
        // Only one is wired, by the composition root.
        let _ = self.observer.set(observer);
    }

    pub(super) fn follow(&self, follower: Arc<dyn Follower>) {
        // Only one is wired, by the composition root.
        let _ = self.follower.set(follower);
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
        if let Desk::Thread(thread) = &mut self.desk
            && let Some((jobs, thread)) = thread.take()
        {
            drop(jobs);
            let _ = thread.join();
        }
    }
}

fn full() -> Error {
    Error::status(507).message("the database could not be written: its disk is full or fails")
}

/// What a group of closures did.
#[derive(Default)]
struct Outcome {
    changes: Vec<Change>,
    woken: Woken,
    ended: Vec<ProcessEnd>,
}

struct Context {
    connection: Connection,
    clock: Clock,
    entropy: Entropy,
    feed: Feed,
    pokes: Pokes,
    commits: Arc<AtomicU64>,
    observer: Arc<OnceLock<Arc<dyn Observer>>>,
    follower: Arc<OnceLock<Arc<dyn Follower>>>,
    rows: Rows,
}

impl Context {
    fn serve(&self, queue: &mpsc::Receiver<Job>) {
        while let Ok(first) = queue.recv() {
            self.together(first, || queue.try_recv().ok());
        }
    }

    /// Commits a closure with those that wait behind it, and tells their callers.
    fn together(&self, first: Job, more: impl FnMut() -> Option<Job>) {
        let mut acks = Vec::new();
        let failed = match self.group(first, more, &mut acks) {
            Ok(outcome) => {
                self.announce(outcome);
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

    /// Tells everybody what is on disk now.
    fn announce(&self, outcome: Outcome) {
        self.commits.fetch_add(1, Ordering::Relaxed);
        // Before anybody is told: who hears of the change finds it counted.
        if let Some(observer) = self.observer.get() {
            outcome.ended.into_iter().for_each(|end| observer.process_ended(end));
        }
        self.feed.publish(outcome.changes);
        if outcome.woken.processes {
            self.pokes.processes.notify_one();
        }
        if outcome.woken.tasks {
            self.pokes.tasks.notify_one();
        }
    }

    fn group(
        &self,
        first: Job,
        mut more: impl FnMut() -> Option<Job>,
        acks: &mut Vec<Ack>,
    ) -> Result<Outcome> {
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let mut outcome = Outcome::default();
        let mut next = Some(first);
        while let Some(job) = next {
            self.one(job, &mut outcome, acks)?;
            next = if acks.len() < GROUP { more() } else { None };
        }
        self.connection.prepare_cached("COMMIT")?.execute([])?;
        let changes = &mut outcome.changes;
        changes.sort_by_key(|change| (change.id, !change.created));
        changes.dedup_by_key(|change| change.id);
        Ok(outcome)
    }

    fn rolled_back(&self) {
        self.rows.clear();
        if let Some(observer) = self.observer.get() {
            observer.rolled_back();
        }
    }

    fn one(&self, job: Job, outcome: &mut Outcome, acks: &mut Vec<Ack>) -> Result<()> {
        let mut tx = Tx {
            read: Read { connection: &self.connection, rows: Some(&self.rows) },
            now: self.clock.now_ms(),
            entropy: &self.entropy,
            by: None,
            changes: Vec::new(),
            spawned: false,
            asked: false,
            ended: Vec::new(),
            trace: None,
            observer: self.observer.get().map(|observer| &**observer),
            follower: self.follower.get().map(|follower| &**follower),
            heard: Vec::new(),
        };
        self.connection.prepare_cached("SAVEPOINT job")?.execute([])?;
        let (keep, ack) = job(&mut tx);
        acks.push(ack);
        if keep {
            self.connection.prepare_cached("RELEASE job")?.execute([])?;
            outcome.changes.append(&mut tx.changes);
            outcome.ended.append(&mut tx.ended);
            outcome.woken.processes |= tx.spawned;
            outcome.woken.tasks |= tx.asked;
            return Ok(());
        }
        if !tx.changes.is_empty() {
            self.rolled_back();
        }
        if self.connection.is_autocommit() {
            // A full disk or a failing one: SQLite has taken back the whole transaction by itself.
            return Err(full());
        }
        self.connection.prepare_cached("ROLLBACK TO job")?.execute([])?;
        self.connection.prepare_cached("RELEASE job")?.execute([])?;
        Ok(())
    }
}
