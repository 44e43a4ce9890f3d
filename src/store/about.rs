//! What the database says of itself: its migrations, its size, its facts.

use super::Read;
use crate::error::Result;

/// A migration that ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migration {
    /// Number.
    pub version: i64,
    /// Name.
    pub name: String,
    /// When it ran, as an RFC 3339 instant.
    pub applied: String,
    /// Checksum of its SQL.
    pub checksum: String,
}

impl Read<'_> {
    /// The migrations that ran, in order.
    ///
    /// # Errors
    /// When the database fails.
    pub fn migrations(&self) -> Result<Vec<Migration>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT version, name, applied_on, checksum FROM refinery_schema_history
             ORDER BY version",
        )?;
        let rows = statement.query_map([], |row| {
            Ok(Migration {
                version: row.get(0)?,
                name: row.get(1)?,
                applied: row.get(2)?,
                checksum: row.get(3)?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Bytes of the database, what is free inside it included.
    ///
    /// # Errors
    /// When the database fails.
    pub fn database_bytes(&self) -> Result<i64> {
        let pragma = |name: &str| -> Result<i64> {
            Ok(self.connection.pragma_query_value(None, name, |row| row.get(0))?)
        };
        Ok(pragma("page_count")?.saturating_mul(pragma("page_size")?))
    }

    /// Facts about the installation that are not settings: (name, value), by name.
    ///
    /// # Errors
    /// When the database fails.
    pub fn facts(&self) -> Result<Vec<(String, String)>> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT name, value FROM fact WHERE name NOT LIKE 'setting-%'")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Processes that have not ended, by name: (name, may run now, wait for their time or to be woken).
    ///
    /// # Errors
    /// When the database fails.
    pub fn open_process_summary(&self, now: i64) -> Result<Vec<(String, i64, i64)>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT name, SUM(run_after <= ?1), SUM(run_after > ?1) FROM process
             WHERE ended IS NULL GROUP BY name ORDER BY name",
        )?;
        let rows = statement.query_map([now], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}
