//! Who refers to whom, for many rows in one query: what a page of resources needs of others.

use rusqlite::types::Value as Sql;

use super::Read;
use super::resource::{COLUMNS, from_row};
use crate::error::Result;
use crate::model::resource::Resource;

/// Targets asked for in one statement.
const CHUNK: usize = 500;

/// `?3, ?4, ..` for so many values.
fn places(count: usize) -> String {
    let places: Vec<String> = (3..count + 3).map(|number| format!("?{number}")).collect();
    places.join(", ")
}

fn values(ty: &str, field: &str, targets: &[i64]) -> Vec<Sql> {
    let fixed = [Sql::Text(ty.to_owned()), Sql::Text(field.to_owned())];
    fixed.into_iter().chain(targets.iter().map(|target| Sql::Integer(*target))).collect()
}

impl Read<'_> {
    /// Live rows of base type `ty` whose indexed `field` is one of `targets`, by id.
    ///
    /// # Errors
    /// When the database fails.
    pub fn referring(&self, ty: &str, field: &str, targets: &[i64]) -> Result<Vec<Resource>> {
        let mut found = Vec::new();
        for chunk in targets.chunks(CHUNK) {
            let mut statement = self.connection.prepare(&format!(
                "SELECT {COLUMNS} FROM resource
                 WHERE id IN (SELECT id FROM reference WHERE field = ?2 AND target IN ({}))
                   AND type = ?1 AND removed IS NULL ORDER BY id",
                places(chunk.len())
            ))?;
            let values = rusqlite::params_from_iter(values(ty, field, chunk));
            for row in statement.query_map(values, from_row)? {
                found.push(row?);
            }
        }
        Ok(found)
    }

    /// The same as pairs (target, id of the row), without reading the rows' JSON.
    ///
    /// # Errors
    /// When the database fails.
    pub fn referring_ids(&self, ty: &str, field: &str, targets: &[i64]) -> Result<Vec<(i64, i64)>> {
        let mut found = Vec::new();
        for chunk in targets.chunks(CHUNK) {
            let mut statement = self.connection.prepare(&format!(
                "SELECT reference.target, reference.id
                 FROM reference JOIN resource ON resource.id = reference.id
                 WHERE field = ?2 AND target IN ({}) AND type = ?1 AND removed IS NULL
                 ORDER BY reference.id",
                places(chunk.len())
            ))?;
            let values = rusqlite::params_from_iter(values(ty, field, chunk));
            for row in statement.query_map(values, |row| Ok((row.get(0)?, row.get(1)?)))? {
                found.push(row?);
            }
        }
        Ok(found)
    }

    /// Names of rows, live or not: (id, name).
    ///
    /// # Errors
    /// When the database fails.
    pub fn names(&self, ids: &[i64]) -> Result<Vec<(i64, Option<String>)>> {
        let mut found = Vec::new();
        for chunk in ids.chunks(CHUNK) {
            let places: Vec<&str> = chunk.iter().map(|_| "?").collect();
            let mut statement = self.connection.prepare(&format!(
                "SELECT id, name FROM resource WHERE id IN ({})",
                places.join(", ")
            ))?;
            let rows = statement.query_map(rusqlite::params_from_iter(chunk), |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
            for row in rows {
                found.push(row?);
            }
        }
        Ok(found)
    }
}
