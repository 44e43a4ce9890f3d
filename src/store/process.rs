//! Rows of the process table: durable transitions with a cursor.

use rusqlite::{OptionalExtension, Row, params};
use serde_json::{Map, Value};

use super::{Read, Tx};
use crate::error::{Error, Result};

/// Why a process ended; the words are Rancher's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitReason {
    /// Every step succeeded.
    Done,
    /// Succeeded, and the next transition of the same resource follows.
    Chain,
    /// Another transition took its place.
    StateChanged,
    /// Gave up after too many tries.
    Unknown,
    /// Refused for good.
    Canceled,
}

impl ExitReason {
    /// The word in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "DONE",
            Self::Chain => "CHAIN",
            Self::StateChanged => "STATE_CHANGED",
            Self::Unknown => "UNKNOWN_EXCEPTION",
            Self::Canceled => "CANCELED",
        }
    }
}

/// A process to be made.
#[derive(Clone, Debug)]
pub struct NewProcess {
    /// `<lifecycle>.<transition>`.
    pub name: String,
    /// The resource it moves.
    pub resource_id: i64,
    /// The resource's owner.
    pub account_id: Option<i64>,
    /// What the caller asked for.
    pub data: Map<String, Value>,
}

/// A stored process.
#[derive(Clone, Debug, PartialEq)]
pub struct ProcessRow {
    /// Numeric id.
    pub id: i64,
    /// `<lifecycle>.<transition>`.
    pub name: String,
    /// The resource it moves.
    pub resource_id: i64,
    /// The resource's owner.
    pub account_id: Option<i64>,
    /// What the caller asked for, and what steps remember.
    pub data: Map<String, Value>,
    /// Index of the step to run next.
    pub step: usize,
    /// How often that step has failed in a row.
    pub tries: u32,
    /// Unix milliseconds before which it does not run.
    pub run_after: i64,
    /// Unix milliseconds.
    pub created: i64,
    /// Unix milliseconds of its first step.
    pub started: Option<i64>,
    /// Unix milliseconds of its end.
    pub ended: Option<i64>,
    /// Why it ended.
    pub exit_reason: Option<String>,
    /// Why it waits or what went wrong, for a person.
    pub message: Option<String>,
    /// JSON list of what happened: `{at, step, message}`.
    pub log: String,
}

/// A process that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessEnd {
    /// `<lifecycle>.<transition>`.
    pub name: String,
    /// Why it ended.
    pub exit: String,
    /// Milliseconds since it was made.
    pub lasted_ms: i64,
}

/// Which processes to list.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessFilter {
    /// Of this resource only.
    pub resource_id: Option<i64>,
    /// Of this account only.
    pub account_id: Option<i64>,
    /// Unended only.
    pub open: bool,
    /// Ids above this.
    pub after: i64,
    /// At most this many.
    pub limit: u32,
}

const COLUMNS: &str = "id, name, resource_id, account_id, data, step, tries, run_after, created, \
                       started, ended, exit_reason, message, log";
/// `run_after` of a process that waits to be woken.
const ASLEEP: i64 = i64::MAX;

fn from_row(row: &Row<'_>) -> rusqlite::Result<ProcessRow> {
    let data: String = row.get(4)?;
    Ok(ProcessRow {
        id: row.get(0)?,
        name: row.get(1)?,
        resource_id: row.get(2)?,
        account_id: row.get(3)?,
        data: serde_json::from_str(&data).unwrap_or_default(),
        step: row.get::<_, i64>(5)?.try_into().unwrap_or(0),
        tries: row.get(6)?,
        run_after: row.get(7)?,
        created: row.get(8)?,
        started: row.get(9)?,
        ended: row.get(10)?,
        exit_reason: row.get(11)?,
        message: row.get(12)?,
        log: row.get(13)?,
    })
}

impl Read<'_> {
    /// The process with this id.
    ///
    /// # Errors
    /// When the database fails.
    pub fn process(&self, id: i64) -> Result<Option<ProcessRow>> {
        let mut statement = self
            .connection
            .prepare_cached(&format!("SELECT {COLUMNS} FROM process WHERE id = ?1"))?;
        Ok(statement.query_row([id], from_row).optional()?)
    }

    /// The unended process of a resource, if any.
    ///
    /// # Errors
    /// When the database fails.
    pub fn open_process(&self, resource_id: i64) -> Result<Option<ProcessRow>> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM process WHERE resource_id = ?1 AND ended IS NULL"
        ))?;
        Ok(statement.query_row([resource_id], from_row).optional()?)
    }

    /// Unended processes that may run now, those that have waited longest first: (id, resource id).
    ///
    /// # Errors
    /// When the database fails.
    pub fn ready_processes(&self, now: i64, limit: u32) -> Result<Vec<(i64, i64)>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, resource_id FROM process
             WHERE ended IS NULL AND run_after <= ?1 ORDER BY run_after, id LIMIT ?2",
        )?;
        let rows =
            statement.query_map(params![now, limit], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Resources whose unended process of this name waits to be woken, or for its time; of one account, or
    /// of all.
    ///
    /// # Errors
    /// When the database fails.
    pub fn waiting_in(&self, name: &str, account_id: Option<i64>, now: i64) -> Result<Vec<i64>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT resource_id FROM process
             WHERE ended IS NULL AND run_after > ?1 AND name = ?2
               AND (?3 IS NULL OR account_id = ?3) ORDER BY resource_id",
        )?;
        let rows = statement.query_map(params![now, name, account_id], |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Whether a process ended before an instant.
    ///
    /// # Errors
    /// When the database fails.
    pub fn has_process_ended_before(&self, instant: i64) -> Result<bool> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM process WHERE ended < ?1)")?;
        Ok(statement.query_row([instant], |row| row.get(0))?)
    }

    /// When the next process that waits for its time may run.
    ///
    /// # Errors
    /// When the database fails.
    pub fn next_process_at(&self, now: i64) -> Result<Option<i64>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT MIN(run_after) FROM process
             WHERE ended IS NULL AND run_after > ?1 AND run_after < ?2",
        )?;
        Ok(statement.query_row([now, ASLEEP], |row| row.get(0))?)
    }

    /// Processes by id.
    ///
    /// # Errors
    /// When the database fails.
    pub fn processes(&self, filter: ProcessFilter) -> Result<Vec<ProcessRow>> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM process
             WHERE id > ?1 AND (?2 IS NULL OR resource_id = ?2) AND (?3 IS NULL OR account_id = ?3)
               AND (NOT ?4 OR ended IS NULL) ORDER BY id LIMIT ?5"
        ))?;
        let rows = statement.query_map(
            params![filter.after, filter.resource_id, filter.account_id, filter.open, filter.limit],
            from_row,
        )?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Number of unended processes by name.
    ///
    /// # Errors
    /// When the database fails.
    pub fn count_open_processes(&self) -> Result<Vec<(String, i64)>> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT name, COUNT(*) FROM process WHERE ended IS NULL GROUP BY 1")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

impl Tx<'_> {
    /// Makes a process that may run at once.
    ///
    /// # Errors
    /// When the database fails.
    pub fn process_insert(&mut self, new: NewProcess) -> Result<ProcessRow> {
        let data = serde_json::to_string(&new.data).map_err(Error::internal)?;
        let connection = self.read.connection;
        connection
            .prepare_cached(
                "INSERT INTO process (name, resource_id, account_id, data, run_after, created)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?5)",
            )?
            .execute(params![new.name, new.resource_id, new.account_id, data, self.now])?;
        self.spawned = true;
        if let Some(trace) = &mut self.trace {
            trace.processes.push(new.clone());
        }
        Ok(ProcessRow {
            id: connection.last_insert_rowid(),
            name: new.name,
            resource_id: new.resource_id,
            account_id: new.account_id,
            data: new.data,
            step: 0,
            tries: 0,
            run_after: self.now,
            created: self.now,
            started: None,
            ended: None,
            exit_reason: None,
            message: None,
            log: "[]".to_owned(),
        })
    }

    /// Writes back everything a run can change in a process.
    ///
    /// # Errors
    /// When the database fails.
    pub fn process_save(&mut self, row: &ProcessRow) -> Result<()> {
        let data = serde_json::to_string(&row.data).map_err(Error::internal)?;
        self.read
            .connection
            .prepare_cached(
                "UPDATE process SET name = ?2, data = ?3, step = ?4, tries = ?5, run_after = ?6,
                     started = ?7, ended = ?8, exit_reason = ?9, message = ?10, log = ?11
                 WHERE id = ?1",
            )?
            .execute(params![
                row.id,
                row.name,
                data,
                i64::try_from(row.step).unwrap_or(i64::MAX),
                row.tries,
                row.run_after,
                row.started,
                row.ended,
                row.exit_reason,
                row.message,
                row.log
            ])?;
        if let (Some(ended), Some(exit)) = (row.ended, &row.exit_reason) {
            let (name, exit) = (row.name.clone(), exit.clone());
            self.ended.push(ProcessEnd { name, exit, lasted_ms: ended - row.created });
        }
        Ok(())
    }

    /// Ends whatever process of a resource has not ended, because another takes its place.
    ///
    /// # Errors
    /// When the database fails.
    pub fn process_supersede(&mut self, resource_id: i64) -> Result<()> {
        let mut statement = self.read.connection.prepare_cached(
            "UPDATE process SET ended = ?2, exit_reason = ?3
             WHERE resource_id = ?1 AND ended IS NULL RETURNING name, created",
        )?;
        let exit = ExitReason::StateChanged.as_str();
        let mut rows = statement.query(params![resource_id, self.now, exit])?;
        while let Some(row) = rows.next()? {
            let lasted_ms = self.now - row.get::<_, i64>(1)?;
            self.ended.push(ProcessEnd { name: row.get(0)?, exit: exit.to_owned(), lasted_ms });
        }
        Ok(())
    }

    /// Lets the waiting process of a resource run now.
    ///
    /// # Errors
    /// When the database fails.
    pub fn process_wake(&mut self, resource_id: i64) -> Result<()> {
        let woken = self
            .read
            .connection
            .prepare_cached(
                "UPDATE process SET run_after = ?2
                 WHERE resource_id = ?1 AND ended IS NULL AND run_after > ?2",
            )?
            .execute(params![resource_id, self.now])?;
        self.spawned |= woken > 0;
        Ok(())
    }

    /// Lets every process that waits run now; returns how many.
    ///
    /// # Errors
    /// When the database fails.
    pub fn process_wake_all(&mut self) -> Result<usize> {
        let woken = self
            .read
            .connection
            .prepare_cached(
                "UPDATE process SET run_after = ?1 WHERE ended IS NULL AND run_after > ?1",
            )?
            .execute([self.now])?;
        self.spawned |= woken > 0;
        Ok(woken)
    }

    /// Deletes processes that ended before an instant, some at a time; returns how many.
    ///
    /// # Errors
    /// When the database fails.
    pub fn process_purge(&mut self, instant: i64, limit: u32) -> Result<usize> {
        Ok(self
            .read
            .connection
            .prepare_cached(
                "DELETE FROM process WHERE id IN
                     (SELECT id FROM process WHERE ended < ?1 ORDER BY ended LIMIT ?2)",
            )?
            .execute(params![instant, limit])?)
    }
}
