//! Who refers to whom, for many rows in one query: what a page of resources needs of others.

use rusqlite::params;

use super::Read;
use super::resource::{COLUMNS, from_row};
use crate::error::Result;
use crate::model::resource::Resource;

/// Ids as the JSON list that a statement unfolds, so that one prepared statement serves any number.
fn list(ids: &[i64]) -> String {
    let digits: Vec<String> = ids.iter().map(i64::to_string).collect();
    format!("[{}]", digits.join(","))
}

impl Read<'_> {
    /// Live rows of base type `ty` whose indexed `field` is one of `targets`, by id.
    ///
    /// # Errors
    /// When the database fails.
    pub fn referring(&self, ty: &str, field: &str, targets: &[i64]) -> Result<Vec<Resource>> {
        let mut statement = self.table(Some(ty))?.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM resource
             WHERE id IN (SELECT id FROM reference
                          WHERE field = ?1 || '.' || ?2
                            AND target IN (SELECT value FROM json_each(?3)))
               AND +type = ?1 AND removed IS NULL ORDER BY id"
        ))?;
        let rows = statement.query_map(params![ty, field, list(targets)], from_row)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The same as pairs (target, id of the row), without reading the rows' JSON.
    ///
    /// # Errors
    /// When the database fails.
    pub fn referring_ids(&self, ty: &str, field: &str, targets: &[i64]) -> Result<Vec<(i64, i64)>> {
        let mut statement = self.table(Some(ty))?.prepare_cached(
            "SELECT reference.target, reference.id
             FROM reference CROSS JOIN resource ON resource.id = reference.id
             WHERE field = ?1 || '.' || ?2 AND target IN (SELECT value FROM json_each(?3))
               AND type = ?1 AND removed IS NULL
             ORDER BY reference.id",
        )?;
        let rows = statement
            .query_map(params![ty, field, list(targets)], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Names of rows, live or not: (id, name).
    ///
    /// # Errors
    /// When the database fails.
    pub fn names(&self, ids: &[i64]) -> Result<Vec<(i64, Option<String>)>> {
        let mut statement = self.table(None)?.prepare_cached(
            "SELECT id, name FROM resource WHERE id IN (SELECT value FROM json_each(?1))",
        )?;
        let rows = statement.query_map([list(ids)], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}
