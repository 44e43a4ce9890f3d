//! SQLite: the only layer with SQL. One writer thread that groups commits, a pool of readers.
//!
//! The rest of the program says `store.read(|read| ..)` and `store.write(|tx| ..).await`. A write that
//! has returned is on disk. Closures of several callers share one commit, each in a savepoint of its
//! own, so that one that fails takes nothing of the others with it.

mod about;
mod answer;
mod audit;
mod chain;
mod join;
mod open;
mod pending;
mod process;
mod query;
mod resource;
mod rows;
mod setting;
mod task;
mod token;
mod writer;

#[cfg(test)]
mod tests;

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rusqlite::Connection;

use crate::clock::{Clock, Entropy};
use crate::error::{Error, Result};
use crate::events::{Change, Feed};
use crate::model::resource::Resource;
use writer::Fate;

pub use about::Migration;
pub use answer::{AnswerKey, KeptAnswer};
pub use audit::{AuditFilter, AuditRow, NewAudit};
pub use chain::{ChainLink, ChainReport, verify_audit};
pub use open::{backup, check_integrity, final_schema};
pub use pending::Announcement;
pub use process::{ExitReason, NewProcess, ProcessEnd, ProcessFilter, ProcessRow};
pub use query::{After, Condition, Op, Order, Query};
pub use task::TaskRun;
pub use token::TokenRow;

/// Handle to the database; cheap to clone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    readers: Mutex<Vec<Connection>>,
    writer: writer::Writer,
    feed: Feed,
}

/// Consistent reads on one connection.
pub struct Read<'a> {
    connection: &'a Connection,
    /// The writer's own.
    rows: Option<&'a rows::Rows>,
}

/// A write transaction: reads see its own writes.
pub struct Tx<'a> {
    read: Read<'a>,
    /// Now, in Unix milliseconds; the same for the whole transaction.
    pub now: i64,
    /// Source of uuids and secrets.
    pub entropy: &'a Entropy,
    /// Who asked for what is written, for people; nobody when the server does it by itself.
    pub by: Option<String>,
    changes: Vec<Change>,
    spawned: bool,
    asked: bool,
    ended: Vec<ProcessEnd>,
    /// What happens, written down for a rehearsal.
    trace: Option<Trace>,
    observer: Option<&'a dyn Observer>,
    follower: Option<&'a dyn Follower>,
    /// Changes that the follower cares for.
    heard: Vec<Heard>,
}

/// A row as it was (`None` for a new one) and as it is (`None` for a deleted one).
pub type Heard = (Option<Resource>, Option<Resource>);

/// What a rehearsal would have changed, in order.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// Rows before (`None` for new ones) and after (`None` for deleted ones).
    pub rows: Vec<(Option<Resource>, Option<Resource>)>,
    /// Processes begun.
    pub processes: Vec<NewProcess>,
}

/// Hears of every row as it changes, inside the transaction: for caches derived from rows.
pub trait Observer: Send + Sync {
    /// A row was made (`before` is `None`), changed, or deleted (`after` is `None`).
    fn changed(&self, before: Option<&Resource>, after: Option<&Resource>);

    /// Changes heard of were taken back: whatever was derived from them is wrong.
    fn rolled_back(&self);

    /// A process has ended, and that is on disk.
    fn process_ended(&self, end: ProcessEnd);
}

/// Adds to a transaction what follows from its changes, as its last part: it is committed with them or not
/// at all. What is only tried out is not followed, and neither is what the follower does itself.
pub trait Follower: Send + Sync {
    /// Whether anything may follow from a change.
    fn cares(&self, before: Option<&Resource>, after: Option<&Resource>) -> bool;

    /// Adds it, for the changes that it cares for, in their order.
    ///
    /// # Errors
    /// Those of the database: nothing of the transaction is kept then.
    fn follow(&self, tx: &mut Tx<'_>, heard: Vec<Heard>) -> Result<()>;
}

impl<'a> Deref for Tx<'a> {
    type Target = Read<'a>;

    fn deref(&self) -> &Self::Target {
        &self.read
    }
}

/// Connections kept for readers; more are opened when needed and closed afterwards.
const IDLE_READERS: usize = 4;

impl Store {
    /// Opens (or makes) the database file and brings it to the newest schema.
    ///
    /// # Errors
    /// When the file cannot be used, or was written by a newer version.
    pub fn open(path: &Path, clock: Clock, entropy: Entropy) -> Result<Self> {
        Self::with_connection(open::migrated(path)?, path, clock, entropy, true)
    }

    /// The same for simulations: a write is done at once by whoever asks for it, in the order in which they
    /// ask, and the disk is not waited for.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_simulated(path: &Path, clock: Clock, entropy: Entropy) -> Result<Self> {
        let connection = open::migrated(path)?;
        connection.pragma_update(None, "synchronous", "OFF")?;
        Self::with_connection(connection, path, clock, entropy, false)
    }

    fn with_connection(
        connection: Connection,
        path: &Path,
        clock: Clock,
        entropy: Entropy,
        is_threaded: bool,
    ) -> Result<Self> {
        let feed = Feed::default();
        let writer = writer::Writer::start(connection, clock, entropy, feed.clone(), is_threaded)?;
        let inner = Inner { path: path.to_owned(), readers: Mutex::new(Vec::new()), writer, feed };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Runs `f` on a consistent snapshot. Blocks; reads are short and bounded.
    ///
    /// # Errors
    /// Those of `f`, or of the database.
    pub fn read<T>(&self, f: impl FnOnce(&Read<'_>) -> Result<T>) -> Result<T> {
        let connection = match self.idle_reader() {
            Some(connection) => connection,
            None => open::reader(&self.inner.path)?,
        };
        let result = snapshot(&connection, f);
        if let Ok(mut readers) = self.inner.readers.lock()
            && readers.len() < IDLE_READERS
            && connection.is_autocommit()
        {
            readers.push(connection);
        }
        result
    }

    fn idle_reader(&self) -> Option<Connection> {
        self.inner.readers.lock().ok()?.pop()
    }

    /// Runs `f` in a write transaction and waits until its commit is on disk.
    ///
    /// # Errors
    /// Those of `f` (then nothing of it is kept), or of the database.
    pub async fn write<T: Send + 'static>(
        &self,
        f: impl FnOnce(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let announced = pending::announced();
        let taken = announced.clone();
        let f = move |tx: &mut Tx<'_>| {
            let value = f(tx)?;
            if let Some(announced) = &taken {
                tx.audit_announce(announced)?;
            }
            Ok(value)
        };
        self.inner.writer.submit(f, Fate::Kept, sender);
        let result =
            receiver.await.unwrap_or_else(|_| Err(Error::internal("the writer has stopped")));
        if let (Ok(_), Some(announced)) = (&result, announced) {
            announced.set_stored();
        }
        result
    }

    /// Runs `f` as a write whose changes are all taken back, whatever it answers. What it does is written
    /// down for it: [`Tx::trace`].
    ///
    /// # Errors
    /// As [`Store::write`].
    pub async fn rehearse<T: Send + 'static>(
        &self,
        f: impl FnOnce(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let traced = move |tx: &mut Tx<'_>| {
            tx.trace = Some(Trace::default());
            f(tx)
        };
        self.inner.writer.submit(traced, Fate::TakenBack, sender);
        receiver.await.unwrap_or_else(|_| Err(Error::internal("the writer has stopped")))
    }

    /// The same for callers without an async runtime, such as start-up.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn write_blocking<T: Send + 'static>(
        &self,
        f: impl FnOnce(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        self.inner.writer.submit(f, Fate::Kept, sender);
        receiver.blocking_recv().unwrap_or_else(|_| Err(Error::internal("the writer has stopped")))
    }

    /// Sets who hears of every row as it changes; the first call counts.
    pub fn observe(&self, observer: Arc<dyn Observer>) {
        self.inner.writer.observe(observer);
    }

    /// Sets who adds to transactions what follows from their changes; the first call counts.
    pub fn follow(&self, follower: Arc<dyn Follower>) {
        self.inner.writer.follow(follower);
    }

    /// The change feed of this database.
    pub fn feed(&self) -> &Feed {
        &self.inner.feed
    }

    /// Notified after each commit that made or woke a process.
    pub fn process_poke(&self) -> Arc<tokio::sync::Notify> {
        self.inner.writer.process_poke()
    }

    /// Notified after each commit that asked for a periodic job to be run.
    pub fn task_poke(&self) -> Arc<tokio::sync::Notify> {
        self.inner.writer.task_poke()
    }

    /// The database file.
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// How many commits there have been since the start.
    pub fn commits(&self) -> u64 {
        self.inner.writer.commits()
    }
}

/// Reads the database at `path` without a store: whoever has it open goes on, and nothing is changed.
///
/// # Errors
/// When the file cannot be read, or `f` fails.
pub fn peek<T>(path: &Path, f: impl FnOnce(&Read<'_>) -> Result<T>) -> Result<T> {
    snapshot(&open::reader(path)?, f)
}

fn snapshot<T>(connection: &Connection, f: impl FnOnce(&Read<'_>) -> Result<T>) -> Result<T> {
    connection.prepare_cached("BEGIN")?.execute([])?;
    let result = f(&Read { connection, rows: None });
    connection.prepare_cached("COMMIT")?.execute([])?;
    result
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => Error::status(507)
                .message("the disk that holds the database is full; free some space and try again"),
            _ => Error::internal(format!("database: {error}")),
        }
    }
}
