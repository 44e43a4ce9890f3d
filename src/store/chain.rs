//! The chain of the audit log: each entry carries a hash of itself and of the entry before it, so that
//! nobody can change, add or take away an entry afterwards without breaking it.
//!
//! Old entries go from the front; the hash of the last one that went stays behind as the start of what is
//! left. Whoever may write to the database file could make the whole chain anew: the head, noted down
//! elsewhere and given to [`verify_audit`] later, shows that as well.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Row};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::open;
use crate::error::{Error, Result};

/// A place in the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainLink {
    /// Id of the entry.
    pub id: i64,
    /// Its hash.
    pub hash: String,
}

/// What [`verify_audit`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainReport {
    /// Entries whose hashes are right.
    pub entries: u64,
    /// Entries from before there was a chain, about which nothing can be said.
    pub older: u64,
    /// The newest entry: worth noting down.
    pub head: ChainLink,
    /// What is wrong, if anything is: the first break.
    pub broken: Option<String>,
}

/// An entry as it is stored; only the text of `data` is hashed, not what it means.
pub(super) struct Stored<'a> {
    pub id: i64,
    pub created: i64,
    pub account_id: Option<i64>,
    pub authenticated_as: Option<i64>,
    pub event: &'a str,
    pub resource_type: Option<&'a str>,
    pub resource_id: Option<i64>,
    pub data: &'a str,
}

/// The hash of an entry that follows one with the hash `before`.
pub(super) fn hash(before: &str, entry: &Stored<'_>) -> String {
    // A JSON array: no two entries are written the same way.
    let text = json!([
        before,
        entry.id,
        entry.created,
        entry.account_id,
        entry.authenticated_as,
        entry.event,
        entry.resource_type,
        entry.resource_id,
        entry.data,
    ])
    .to_string();
    hex::encode(Sha256::digest(text.as_bytes()))
}

fn link(row: &Row<'_>) -> rusqlite::Result<ChainLink> {
    Ok(ChainLink { id: row.get(0)?, hash: row.get(1)? })
}

/// The newest entry that is not in the chain any more.
pub(super) fn start(connection: &Connection) -> Result<ChainLink> {
    let mut statement = connection.prepare_cached("SELECT id, hash FROM audit_start")?;
    Ok(statement.query_row([], link)?)
}

/// The last id that was given, and the hash that the next entry follows.
pub(super) fn head(connection: &Connection) -> Result<ChainLink> {
    let mut statement =
        connection.prepare_cached("SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1")?;
    let last = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let last: Option<(i64, Option<String>)> = statement.query_row([], last).optional()?;
    let start = start(connection)?;
    let (id, hash) = match last {
        Some((id, Some(hash))) => (id, hash),
        // Without a hash it is from before the chain, or was tampered with, which stays to be seen.
        Some((id, None)) => (id, start.hash),
        None => (start.id, start.hash),
    };
    // Ids are not given again, so that entries taken away from the end leave a gap.
    Ok(ChainLink { id: given(connection)?.max(id), hash })
}

/// The highest id that SQLite has ever given.
fn given(connection: &Connection) -> Result<i64> {
    let mut statement =
        connection.prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = 'audit'")?;
    Ok(statement.query_row([], |row| row.get(0)).optional()?.unwrap_or(0))
}

/// Checks the audit log of the database at `path`, also while a server uses it. With `known`, the head's
/// hash of an earlier time, that this entry is still there (or is the last one that was purged).
///
/// # Errors
/// When the database cannot be read. A broken chain is no error: the report says it.
pub fn verify_audit(path: &Path, known: Option<&str>) -> Result<ChainReport> {
    let connection = open::reader(path)
        .map_err(|error| Error::internal(format!("cannot read {}: {error}", path.display())))?;
    open::refuse_newer(&connection)?;
    let chained: i64 = connection.query_row(
        "SELECT COUNT(*) FROM sqlite_schema WHERE name = 'audit_start'",
        [],
        |row| row.get(0),
    )?;
    if chained == 0 {
        return Err(Error::internal(
            "the database has no chained audit log yet: start this version of the server once",
        ));
    }
    // One snapshot: entries that come meanwhile are not half seen.
    let transaction = connection.unchecked_transaction()?;
    let mut walk = Walk::new(start(&transaction)?, known);
    walk.all(&transaction)?;
    walk.end(&transaction)
}

/// A walk along the chain.
struct Walk<'a> {
    known: Option<&'a str>,
    seen_known: bool,
    start: i64,
    report: ChainReport,
}

impl<'a> Walk<'a> {
    fn new(start: ChainLink, known: Option<&'a str>) -> Self {
        let seen_known = known == Some(start.hash.as_str());
        let (id, head) = (start.id, start);
        let report = ChainReport { entries: 0, older: 0, head, broken: None };
        Self { known, seen_known, start: id, report }
    }

    fn all(&mut self, connection: &Connection) -> Result<()> {
        let mut statement = connection.prepare(
            "SELECT id, created, account_id, authenticated_as, event, resource_type, resource_id,
                 data, hash FROM audit ORDER BY id",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let hash: Option<String> = row.get(8)?;
            let (event, data): (String, String) = (row.get(4)?, row.get(7)?);
            let resource_type: Option<String> = row.get(5)?;
            let entry = Stored {
                id: row.get(0)?,
                created: row.get(1)?,
                account_id: row.get(2)?,
                authenticated_as: row.get(3)?,
                event: &event,
                resource_type: resource_type.as_deref(),
                resource_id: row.get(6)?,
                data: &data,
            };
            if let Some(broken) = self.step(&entry, hash) {
                self.report.broken = Some(broken);
                return Ok(());
            }
        }
        Ok(())
    }

    /// The next entry; with what is wrong.
    fn step(&mut self, entry: &Stored<'_>, stored: Option<String>) -> Option<String> {
        let id = entry.id;
        if id <= self.start {
            self.report.older += 1;
            return stored
                .is_some()
                .then(|| format!("entry {id} stands before the start of the chain"));
        }
        let before = self.report.head.id;
        if id != before + 1 {
            return Some(format!("what was between the entries {before} and {id} is gone"));
        }
        let right = hash(&self.report.head.hash, entry);
        if stored.as_deref() != Some(right.as_str()) {
            return Some(format!("entry {id} is not what was written, or not where it was"));
        }
        self.seen_known |= self.known == Some(right.as_str());
        self.report.entries += 1;
        self.report.head = ChainLink { id, hash: right };
        None
    }

    fn end(mut self, connection: &Connection) -> Result<ChainReport> {
        let last = self.report.head.id;
        if self.report.broken.is_none() {
            if given(connection)? > last {
                self.report.broken = Some(format!("the entries after {last} are gone"));
            } else if self.known.is_some() && !self.seen_known {
                self.report.broken =
                    Some("the entry that was noted down is not in the chain".to_owned());
            }
        }
        Ok(self.report)
    }
}

#[cfg(test)]
mod tests;
