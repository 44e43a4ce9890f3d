//! Rows of the audit table: who changed what, who logged in and who was refused.

use rusqlite::types::Value as Sql;
use rusqlite::{OptionalExtension, Row, params, params_from_iter};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Order, Read, Tx, chain};
use crate::error::{Error, Result};

/// An entry before it has an id. Secrets are masked before it comes here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewAudit {
    /// Account or environment acted in.
    pub account_id: Option<i64>,
    /// The account that proved itself.
    pub authenticated_as: Option<i64>,
    /// `api.<type>.<create|update|delete|action>`.
    pub event: String,
    /// API type of the resource.
    pub resource_type: Option<String>,
    /// Numeric id of the resource.
    pub resource_id: Option<i64>,
    /// The other fields of `auditLog` by their API names (`authType`, `clientIp`, `requestObject`, ...).
    pub data: Map<String, Value>,
}

/// A stored entry.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditRow {
    /// Numeric id.
    pub id: i64,
    /// Unix milliseconds.
    pub created: i64,
    /// What it says.
    pub entry: NewAudit,
}

/// Which entries to list; what is `None` does not restrict.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Acted in this account or environment.
    pub account_id: Option<i64>,
    /// Proved to be this account.
    pub authenticated_as: Option<i64>,
    /// This event.
    pub event: Option<String>,
    /// About this API type.
    pub resource_type: Option<String>,
    /// About this resource.
    pub resource_id: Option<i64>,
    /// Unix milliseconds: not before.
    pub since: Option<i64>,
    /// Unix milliseconds: before.
    pub until: Option<i64>,
    /// Ids above this (below it, when the newest come first): the last id of the page before.
    pub after: Option<i64>,
    /// By id.
    pub order: Order,
    /// At most this many.
    pub limit: u32,
}

const COLUMNS: &str =
    "id, created, account_id, authenticated_as, event, resource_type, resource_id, data";

fn from_row(row: &Row<'_>) -> rusqlite::Result<AuditRow> {
    let data: String = row.get(7)?;
    let entry = NewAudit {
        account_id: row.get(2)?,
        authenticated_as: row.get(3)?,
        event: row.get(4)?,
        resource_type: row.get(5)?,
        resource_id: row.get(6)?,
        data: serde_json::from_str(&data).unwrap_or_default(),
    };
    Ok(AuditRow { id: row.get(0)?, created: row.get(1)?, entry })
}

/// The WHERE clause of a filter and its values: only what restricts, so that an index can be used.
fn clauses(filter: &AuditFilter) -> (String, Vec<Sql>) {
    let beyond = match filter.order {
        Order::Ascending => "id >",
        Order::Descending => "id <",
    };
    let text = |value: &Option<String>| value.clone().map(Sql::Text);
    let int = |value: Option<i64>| value.map(Sql::Integer);
    let parts = [
        ("account_id =", int(filter.account_id)),
        ("authenticated_as =", int(filter.authenticated_as)),
        ("event =", text(&filter.event)),
        ("resource_type =", text(&filter.resource_type)),
        ("resource_id =", int(filter.resource_id)),
        ("created >=", int(filter.since)),
        ("created <", int(filter.until)),
        (beyond, int(filter.after)),
    ];
    let mut clause = "TRUE".to_owned();
    let mut values = Vec::new();
    for (place, value) in parts {
        if let Some(value) = value {
            values.push(value);
            clause.push_str(&format!(" AND {place} ?{}", values.len()));
        }
    }
    (clause, values)
}

impl Read<'_> {
    /// The entry with this id.
    ///
    /// # Errors
    /// When the database fails.
    pub fn audit_entry(&self, id: i64) -> Result<Option<AuditRow>> {
        let mut statement = self
            .connection
            .prepare_cached(&format!("SELECT {COLUMNS} FROM audit WHERE id = ?1"))?;
        Ok(statement.query_row([id], from_row).optional()?)
    }

    /// The entries a filter asks for.
    ///
    /// # Errors
    /// When the database fails.
    pub fn audit(&self, filter: &AuditFilter) -> Result<Vec<AuditRow>> {
        let (clause, mut values) = clauses(filter);
        let direction = match filter.order {
            Order::Ascending => "ASC",
            Order::Descending => "DESC",
        };
        values.push(Sql::Integer(i64::from(filter.limit)));
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM audit WHERE {clause} ORDER BY id {direction} LIMIT ?{}",
            values.len()
        ))?;
        let rows = statement.query_map(params_from_iter(values), from_row)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

impl Read<'_> {
    /// Whether the oldest entry is from before an instant.
    ///
    /// # Errors
    /// When the database fails.
    pub fn has_audit_before(&self, instant: i64) -> Result<bool> {
        let mut statement =
            self.connection.prepare_cached("SELECT created FROM audit ORDER BY id LIMIT 1")?;
        let oldest: Option<i64> = statement.query_row([], |row| row.get(0)).optional()?;
        Ok(oldest.is_some_and(|created| created < instant))
    }
}

impl Tx<'_> {
    /// Records an entry at the end of the chain; returns its id.
    ///
    /// # Errors
    /// When the database fails.
    pub fn audit_insert(&mut self, entry: &NewAudit) -> Result<i64> {
        let data = serde_json::to_string(&entry.data).map_err(Error::internal)?;
        let connection = self.read.connection;
        let before = chain::head(connection)?;
        let id = before.id + 1;
        let stored = chain::Stored {
            id,
            created: self.now,
            account_id: entry.account_id,
            authenticated_as: entry.authenticated_as,
            event: &entry.event,
            resource_type: entry.resource_type.as_deref(),
            resource_id: entry.resource_id,
            data: &data,
        };
        let hash = chain::hash(&before.hash, &stored);
        connection
            .prepare_cached(
                "INSERT INTO audit (id, created, account_id, authenticated_as, event,
                     resource_type, resource_id, data, hash)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute(params![
                id,
                self.now,
                entry.account_id,
                entry.authenticated_as,
                entry.event,
                entry.resource_type,
                entry.resource_id,
                data,
                hash
            ])?;
        Ok(id)
    }

    /// Deletes entries made before an instant from the front, some at a time; returns how many. What is
    /// left remembers where it follows, so that the chain can still be checked.
    ///
    /// # Errors
    /// When the database fails.
    pub fn audit_purge(&mut self, instant: i64, limit: u32) -> Result<usize> {
        let connection = self.read.connection;
        let mut statement = connection
            .prepare_cached("SELECT id, created, hash FROM audit ORDER BY id LIMIT ?1")?;
        let mut rows = statement.query([limit])?;
        let mut last: Option<(i64, Option<String>)> = None;
        while let Some(row) = rows.next()? {
            if row.get::<_, i64>(1)? >= instant {
                break;
            }
            last = Some((row.get(0)?, row.get(2)?));
        }
        drop(rows);
        let Some((id, hash)) = last else { return Ok(0) };
        if let Some(hash) = hash {
            connection
                .prepare_cached("UPDATE audit_start SET id = ?1, hash = ?2")?
                .execute(params![id, hash])?;
        }
        Ok(connection.prepare_cached("DELETE FROM audit WHERE id <= ?1")?.execute([id])?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, Entropy};
    use crate::store::Store;

    #[tokio::test]
    async fn entries_are_found_by_who_what_and_when_a_page_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let (clock, hands) = Clock::manual(1000);
        let store = Store::open(&folder.path().join("db"), clock, Entropy::seeded(1)).unwrap();
        for (account, event, resource) in
            [(5, "api.stack.create", 1), (5, "api.stack.delete", 1), (8, "api.stack.create", 2)]
        {
            let entry = NewAudit {
                account_id: Some(account),
                authenticated_as: Some(1),
                event: event.to_owned(),
                resource_type: Some("stack".to_owned()),
                resource_id: Some(resource),
                data: Map::from_iter([("responseCode".to_owned(), Value::from(201))]),
            };
            store.write(move |tx| tx.audit_insert(&entry)).await.unwrap();
            hands.advance(1000);
        }
        let check = |filter: AuditFilter, expect: &[i64]| {
            let filter =
                AuditFilter { limit: if filter.limit == 0 { 9 } else { filter.limit }, ..filter };
            let rows = store.read(|read| read.audit(&filter)).unwrap();
            let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
            assert_eq!(ids, expect, "{filter:?}");
        };
        let any = AuditFilter::default;
        check(any(), &[1, 2, 3]);
        check(AuditFilter { account_id: Some(5), ..any() }, &[1, 2]);
        check(AuditFilter { event: Some("api.stack.create".to_owned()), ..any() }, &[1, 3]);
        check(AuditFilter { resource_id: Some(2), authenticated_as: Some(1), ..any() }, &[3]);
        check(AuditFilter { resource_type: Some("host".to_owned()), ..any() }, &[]);
        check(AuditFilter { since: Some(2000), until: Some(3000), ..any() }, &[2]);
        check(AuditFilter { limit: 2, ..any() }, &[1, 2]);
        check(AuditFilter { limit: 2, after: Some(2), ..any() }, &[3]);
        let newest = AuditFilter { order: Order::Descending, limit: 2, ..any() };
        check(newest.clone(), &[3, 2]);
        check(AuditFilter { after: Some(2), ..newest }, &[1]);
        let row = store.read(|read| read.audit_entry(2)).unwrap().unwrap();
        assert_eq!((row.created, &row.entry.data["responseCode"]), (2000, &Value::from(201)));
        assert_eq!(store.write(|tx| tx.audit_purge(3000, 1)).await, Ok(1));
        assert_eq!(store.write(|tx| tx.audit_purge(3000, 9)).await, Ok(1));
        check(any(), &[3]);
    }
}
