//! Runs of periodic jobs: what was asked for, and what came of it.

use rusqlite::{Row, params};

use super::{Read, Tx};
use crate::error::Result;

/// A run of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskRun {
    /// Numeric id.
    pub id: i64,
    /// The job.
    pub task_id: i64,
    /// Unix milliseconds at which somebody asked for it.
    pub asked: Option<i64>,
    /// Unix milliseconds at which it began.
    pub started: Option<i64>,
    /// Unix milliseconds at which it ended.
    pub ended: Option<i64>,
    /// What went wrong, for a person.
    pub exception: Option<String>,
}

const COLUMNS: &str = "id, task_id, asked, started, ended, exception";
/// Characters kept of what went wrong.
const EXCEPTION: usize = 255;

fn from_row(row: &Row<'_>) -> rusqlite::Result<TaskRun> {
    Ok(TaskRun {
        id: row.get(0)?,
        task_id: row.get(1)?,
        asked: row.get(2)?,
        started: row.get(3)?,
        ended: row.get(4)?,
        exception: row.get(5)?,
    })
}

impl Read<'_> {
    /// Runs by id: those above `after`, of one job or of all.
    ///
    /// # Errors
    /// When the database fails.
    pub fn task_runs(&self, task_id: Option<i64>, after: i64, limit: u32) -> Result<Vec<TaskRun>> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM task_run
             WHERE id > ?1 AND (?2 IS NULL OR task_id = ?2) ORDER BY id LIMIT ?3"
        ))?;
        let rows = statement.query_map(params![after, task_id, limit], from_row)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Runs that have not ended, the oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn task_runs_open(&self) -> Result<Vec<TaskRun>> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM task_run WHERE ended IS NULL ORDER BY id"
        ))?;
        let rows = statement.query_map([], from_row)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Whether a run ended before an instant.
    ///
    /// # Errors
    /// When the database fails.
    pub fn has_task_run_before(&self, instant: i64) -> Result<bool> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM task_run WHERE ended < ?1)")?;
        Ok(statement.query_row([instant], |row| row.get(0))?)
    }
}

impl Tx<'_> {
    /// Asks for a run of a job; one that was asked for and has not begun serves everybody.
    ///
    /// # Errors
    /// When the database fails.
    pub fn task_ask(&mut self, task_id: i64) -> Result<i64> {
        let open = self.task_runs_open()?;
        let waiting = open.iter().find(|run| run.task_id == task_id && run.started.is_none());
        if let Some(run) = waiting {
            return Ok(run.id);
        }
        let connection = self.read.connection;
        connection
            .prepare_cached("INSERT INTO task_run (task_id, asked) VALUES (?1, ?2)")?
            .execute(params![task_id, self.now])?;
        self.asked = true;
        Ok(connection.last_insert_rowid())
    }

    /// Records that a run that was asked for has begun.
    ///
    /// # Errors
    /// When the database fails.
    pub fn task_begin(&mut self, id: i64) -> Result<()> {
        self.read
            .connection
            .prepare_cached("UPDATE task_run SET started = ?2 WHERE id = ?1 AND ended IS NULL")?
            .execute(params![id, self.now])?;
        Ok(())
    }

    /// Records the end of a run; without an id, of one that nobody asked for.
    ///
    /// # Errors
    /// When the database fails.
    pub fn task_end(
        &mut self,
        id: Option<i64>,
        task_id: i64,
        started: i64,
        exception: Option<&str>,
    ) -> Result<()> {
        let exception: Option<String> =
            exception.map(|text| text.chars().take(EXCEPTION).collect());
        self.read
            .connection
            .prepare_cached(
                "INSERT INTO task_run (id, task_id, started, ended, exception)
                 VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (id) DO UPDATE SET started = excluded.started,
                     ended = excluded.ended, exception = excluded.exception",
            )?
            .execute(params![id, task_id, started, self.now, exception])?;
        Ok(())
    }

    /// Lets SQLite bring its statistics up to date where tables have changed much.
    ///
    /// # Errors
    /// When the database fails.
    pub fn optimize(&mut self) -> Result<()> {
        Ok(self.read.connection.execute_batch("PRAGMA optimize")?)
    }

    /// Deletes runs that ended before an instant, some at a time; returns how many.
    ///
    /// # Errors
    /// When the database fails.
    pub fn task_purge(&mut self, instant: i64, limit: u32) -> Result<usize> {
        Ok(self
            .read
            .connection
            .prepare_cached(
                "DELETE FROM task_run WHERE id IN
                     (SELECT id FROM task_run WHERE ended < ?1 ORDER BY id LIMIT ?2)",
            )?
            .execute(params![instant, limit])?)
    }
}
