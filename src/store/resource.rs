//! Rows of the resource table, and the index of where their fields point.

use std::sync::Arc;

use rusqlite::types::Value as Sql;
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params};
use serde_json::{Map, Value};

use super::{Read, Trace, Tx};
use crate::error::{Error, Result};
use crate::events::Change;
use crate::model::registry;
use crate::model::resource::{NewResource, Resource};

/// Columns in the order [`from_row`] reads them.
pub(super) const COLUMNS: &str =
    "id, type, kind, account_id, name, uuid, state, created, removed, revision, data";

pub(super) fn from_row(row: &Row<'_>) -> rusqlite::Result<Resource> {
    let data: &str = row.get_ref(10)?.as_str()?;
    let data: Map<String, Value> = serde_json::from_str(data).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(10, rusqlite::types::Type::Text, Box::new(error))
    })?;
    Ok(Resource {
        id: row.get(0)?,
        ty: static_name(row.get_ref(1)?.as_str()?),
        kind: row.get(2)?,
        account_id: row.get(3)?,
        name: row.get(4)?,
        uuid: row.get(5)?,
        state: row.get(6)?,
        created: row.get(7)?,
        removed: row.get(8)?,
        revision: row.get(9)?,
        data: data.into(),
    })
}

/// The registry's own copy of a base type's name. A type that this version no longer has keeps its rows
/// but is nameless to it.
fn static_name(name: &str) -> &'static str {
    registry::lookup(name).map_or("", |entry| entry.ty.name)
}

impl Read<'_> {
    /// The connection, for a statement that looks at the resource table: rows of this base type (or of
    /// any) that have been changed are written first.
    pub(super) fn table(&self, ty: Option<&str>) -> Result<&Connection> {
        self.settle(ty)?;
        Ok(self.connection)
    }

    /// Writes the changed rows, unless none is of this base type. A row that several parts of a
    /// transaction change is written once.
    pub(super) fn settle(&self, ty: Option<&str>) -> Result<()> {
        let Some(rows) = self.rows else { return Ok(()) };
        for (before, after) in rows.take_changed(ty) {
            save(self.connection, &before, &after)?;
        }
        Ok(())
    }

    /// The row with this id, removed or not.
    ///
    /// # Errors
    /// When the database fails.
    pub fn get(&self, id: i64) -> Result<Option<Resource>> {
        Ok(self.shared(id)?.map(Arc::unwrap_or_clone))
    }

    fn shared(&self, id: i64) -> Result<Option<Arc<Resource>>> {
        if let Some(row) = self.rows.and_then(|rows| rows.get(id)) {
            return Ok(Some(row));
        }
        let row = self.load(id)?.map(Arc::new);
        if let (Some(rows), Some(row)) = (self.rows, &row) {
            rows.put(Arc::clone(row));
        }
        Ok(row)
    }

    fn load(&self, id: i64) -> Result<Option<Resource>> {
        let mut statement = self
            .connection
            .prepare_cached(&format!("SELECT {COLUMNS} FROM resource WHERE id = ?1"))?;
        Ok(statement.query_row([id], from_row).optional()?)
    }

    /// The row with this id and base type.
    ///
    /// # Errors
    /// 404 when there is none.
    pub fn require(&self, ty: &str, id: i64) -> Result<Resource> {
        match self.get(id)? {
            Some(resource) if resource.ty == ty => Ok(resource),
            _ => Err(Error::not_found().message(format!("no {ty} has the id {id}"))),
        }
    }

    /// The row with this uuid.
    ///
    /// # Errors
    /// When the database fails.
    pub fn by_uuid(&self, uuid: &str) -> Result<Option<Resource>> {
        let mut statement = self
            .table(None)?
            .prepare_cached(&format!("SELECT {COLUMNS} FROM resource WHERE uuid = ?1"))?;
        Ok(statement.query_row([uuid], from_row).optional()?)
    }

    /// Live rows of base type `ty` with this name (in any letter case) in an environment.
    ///
    /// # Errors
    /// When the database fails.
    pub fn by_name(&self, ty: &str, account_id: Option<i64>, name: &str) -> Result<Vec<Resource>> {
        self.rows(
            ty,
            "SELECT {COLUMNS} FROM resource
             WHERE type = ?1 AND name = ?2 COLLATE NOCASE AND removed IS NULL
               AND (?3 IS NULL OR account_id = ?3) ORDER BY id",
            params![ty, name, account_id],
        )
    }

    /// Live rows of base type `ty` whose indexed `field` is `target`, by id.
    ///
    /// The `+` keeps SQLite from going through every live row of the type: the few that refer are found
    /// by their ids.
    ///
    /// # Errors
    /// When the database fails.
    pub fn referrers(&self, ty: &str, field: &str, target: i64) -> Result<Vec<Resource>> {
        self.pointing(ty, field, &target)
    }

    /// The same for a field that holds text.
    ///
    /// # Errors
    /// When the database fails.
    pub fn referrers_by_text(&self, ty: &str, field: &str, target: &str) -> Result<Vec<Resource>> {
        self.pointing(ty, field, &target)
    }

    fn pointing(&self, ty: &str, field: &str, target: &dyn ToSql) -> Result<Vec<Resource>> {
        if self.rows.is_none() {
            return self.rows(
                ty,
                "SELECT {COLUMNS} FROM resource
                 WHERE id IN
                     (SELECT id FROM reference WHERE field = ?1 || '.' || ?2 AND target = ?3)
                   AND +type = ?1 AND removed IS NULL ORDER BY id",
                params![ty, field, target],
            );
        }
        // The writer has most of them at hand.
        let mut statement = self.table(Some(ty))?.prepare_cached(
            "SELECT id FROM reference WHERE field = ?1 || '.' || ?2 AND target = ?3 ORDER BY id",
        )?;
        let ids = statement.query_map(params![ty, field, target], |row| row.get(0))?;
        let mut found = Vec::new();
        for id in ids {
            found.extend(self.shared(id?)?.filter(|row| row.removed.is_none()));
        }
        Ok(found.into_iter().map(Arc::unwrap_or_clone).collect())
    }

    /// Calls `each` with every live row of base type `ty`, one at a time, by id.
    ///
    /// # Errors
    /// Those of `each`, or of the database.
    pub fn for_each(&self, ty: &str, mut each: impl FnMut(Resource) -> Result<()>) -> Result<()> {
        let mut statement = self.table(Some(ty))?.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM resource WHERE type = ?1 AND removed IS NULL ORDER BY id"
        ))?;
        let mut rows = statement.query([ty])?;
        while let Some(row) = rows.next()? {
            each(from_row(row)?)?;
        }
        Ok(())
    }

    /// Calls `each` with every live row of base type `ty` whose indexed `field` is `target`, by id.
    ///
    /// # Errors
    /// Those of `each`, or of the database.
    pub fn for_each_referrer(
        &self,
        ty: &str,
        field: &str,
        target: i64,
        mut each: impl FnMut(Resource) -> Result<()>,
    ) -> Result<()> {
        let mut statement = self.table(Some(ty))?.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM resource
             WHERE id IN (SELECT id FROM reference WHERE field = ?1 || '.' || ?2 AND target = ?3)
               AND +type = ?1 AND removed IS NULL ORDER BY id"
        ))?;
        let mut rows = statement.query(params![ty, field, target])?;
        while let Some(row) = rows.next()? {
            each(from_row(row)?)?;
        }
        Ok(())
    }

    /// Number of live rows by base type and state.
    ///
    /// # Errors
    /// When the database fails.
    pub fn count_by_state(&self) -> Result<Vec<(String, String, i64)>> {
        let mut statement = self.table(None)?.prepare_cached(
            "SELECT type, state, COUNT(*) FROM resource WHERE removed IS NULL GROUP BY 1, 2",
        )?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Ids of rows soft-removed before an instant, oldest first, without those whose removal can be undone `now`.
    ///
    /// # Errors
    /// When the database fails.
    pub fn removed_before(&self, instant: i64, now: i64, limit: u32) -> Result<Vec<i64>> {
        let mut statement = self.table(None)?.prepare_cached(
            "SELECT id FROM resource WHERE removed < ?1
             AND coalesce(json_extract(data, '$.undoUntil'), 0) < ?2 ORDER BY removed LIMIT ?3",
        )?;
        let rows = statement.query_map(params![instant, now, limit], |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// A fact about the installation.
    ///
    /// # Errors
    /// When the database fails.
    pub fn fact(&self, name: &str) -> Result<Option<String>> {
        let mut statement =
            self.connection.prepare_cached("SELECT value FROM fact WHERE name = ?1")?;
        Ok(statement.query_row([name], |row| row.get(0)).optional()?)
    }

    fn rows(&self, ty: &str, sql: &str, values: impl rusqlite::Params) -> Result<Vec<Resource>> {
        let sql = sql.replace("{COLUMNS}", COLUMNS);
        let mut statement = self.table(Some(ty))?.prepare_cached(&sql)?;
        let rows = statement.query_map(values, from_row)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

impl Tx<'_> {
    /// Makes a row and returns it with its id.
    ///
    /// # Errors
    /// When the database fails.
    pub fn insert(&mut self, new: NewResource) -> Result<Resource> {
        let mut resource = Resource { created: self.now, revision: 1, ..new.into() };
        let data = text(&resource.data)?;
        let connection = self.read.connection;
        connection
            .prepare_cached(
                "INSERT INTO resource
                     (type, kind, account_id, name, uuid, state, created, revision, data)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1, ?8)",
            )?
            .execute(params![
                resource.ty,
                resource.kind,
                resource.account_id,
                resource.name,
                resource.uuid,
                resource.state,
                resource.created,
                data
            ])?;
        resource.id = connection.last_insert_rowid();
        for (field, target) in references(&resource) {
            reference_add(connection, &resource, field, &target)?;
        }
        self.changed(None, Some(&resource));
        self.keep(&resource);
        Ok(resource)
    }

    /// Changes a row as `change` says and returns it; does nothing if `change` leaves it as it was.
    ///
    /// # Errors
    /// 404 when there is no such row, those of `change`, or the database's.
    pub fn update(
        &mut self,
        id: i64,
        change: impl FnOnce(&mut Resource) -> Result<()>,
    ) -> Result<Resource> {
        let Some(before) = self.shared(id)? else {
            return Err(Error::not_found().message(format!("no resource has the id {id}")));
        };
        let mut after = Resource::clone(&before);
        change(&mut after)?;
        if after == *before {
            return Ok(after);
        }
        after.revision += 1;
        self.changed(Some(&before), Some(&after));
        let now = Arc::new(after.clone());
        match self.read.rows {
            Some(rows) => rows.change(before, now),
            None => save(self.read.connection, &before, &now)?,
        }
        Ok(after)
    }

    fn keep(&self, row: &Resource) {
        if let Some(rows) = self.read.rows {
            rows.put(Arc::new(row.clone()));
        }
    }

    /// Deletes a row for good, with its place in the index.
    ///
    /// # Errors
    /// When the database fails.
    pub fn delete(&mut self, id: i64) -> Result<()> {
        let Some(resource) = self.get(id)? else { return Ok(()) };
        self.read.settle(Some(resource.ty))?;
        for (field, target) in references(&resource) {
            reference_drop(self.read.connection, &resource, field, &target)?;
        }
        self.read.connection.prepare_cached("DELETE FROM resource WHERE id = ?1")?.execute([id])?;
        if let Some(rows) = self.read.rows {
            rows.drop_row(id);
        }
        self.changed(Some(&resource), None);
        Ok(())
    }

    /// What a rehearsal has done so far; nothing in a write that is meant.
    pub fn trace(&self) -> Trace {
        self.trace.clone().unwrap_or_default()
    }

    /// Tells listeners that a resource is to be looked at again, without changing it.
    pub fn touch(&mut self, resource: &Resource) {
        self.note(resource, false);
    }

    /// Records a fact about the installation.
    ///
    /// # Errors
    /// When the database fails.
    pub fn set_fact(&mut self, name: &str, value: &str) -> Result<()> {
        self.read
            .connection
            .prepare_cached(
                "INSERT INTO fact (name, value) VALUES (?1, ?2)
                 ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            )?
            .execute([name, value])?;
        Ok(())
    }

    /// Lets the follower add what follows from the changes.
    pub(super) fn follow(&mut self) -> Result<()> {
        let Some(follower) = self.follower.take() else { return Ok(()) };
        match std::mem::take(&mut self.heard) {
            heard if heard.is_empty() => Ok(()),
            heard => follower.follow(self, heard),
        }
    }

    fn changed(&mut self, before: Option<&Resource>, after: Option<&Resource>) {
        if let Some(observer) = self.observer {
            observer.changed(before, after);
        }
        if let Some(trace) = &mut self.trace {
            trace.rows.push((before.cloned(), after.cloned()));
        } else if let Some(follower) = self.follower
            && follower.cares(before, after)
        {
            self.heard.push((before.cloned(), after.cloned()));
        }
        if let Some(resource) = after.or(before) {
            self.note(resource, before.is_none());
        }
    }

    fn note(&mut self, resource: &Resource, created: bool) {
        self.changes.push(Change {
            id: resource.id,
            ty: resource.ty,
            account_id: resource.account_id,
            service_id: resource.int("serviceId"),
            created,
        });
    }
}

/// Writes what has changed in a row, and where its fields point now.
fn save(connection: &Connection, before: &Resource, after: &Resource) -> Result<()> {
    let data = text(&after.data)?;
    connection
        .prepare_cached(
            "UPDATE resource SET kind = ?2, account_id = ?3, name = ?4, state = ?5,
                 removed = ?6, revision = ?7, data = ?8 WHERE id = ?1",
        )?
        .execute(params![
            after.id,
            after.kind,
            after.account_id,
            after.name,
            after.state,
            after.removed,
            after.revision,
            data
        ])?;
    let old = references(before);
    let new = references(after);
    for (field, target) in old.iter().filter(|place| !new.contains(place)) {
        reference_drop(connection, before, field, target)?;
    }
    for (field, target) in new.iter().filter(|place| !old.contains(place)) {
        reference_add(connection, after, field, target)?;
    }
    Ok(())
}

fn reference_add(connection: &Connection, row: &Resource, field: &str, target: &Sql) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT OR IGNORE INTO reference (field, target, id) VALUES (?1 || '.' || ?2, ?3, ?4)",
        )?
        .execute(params![row.ty, field, target, row.id])?;
    Ok(())
}

fn reference_drop(
    connection: &Connection,
    row: &Resource,
    field: &str,
    target: &Sql,
) -> Result<()> {
    connection
        .prepare_cached(
            "DELETE FROM reference WHERE field = ?1 || '.' || ?2 AND target = ?3 AND id = ?4",
        )?
        .execute(params![row.ty, field, target, row.id])?;
    Ok(())
}

fn text(data: &Map<String, Value>) -> Result<String> {
    serde_json::to_string(data).map_err(Error::internal)
}

/// Where a row's indexed fields point.
fn references(resource: &Resource) -> Vec<(&'static str, Sql)> {
    let Some(entry) = registry::lookup(resource.ty) else { return Vec::new() };
    let mut found = Vec::new();
    for field in &entry.indexed {
        match resource.data.get(*field) {
            Some(Value::Number(number)) => {
                found.extend(number.as_i64().map(|id| (*field, Sql::Integer(id))));
            }
            Some(Value::String(text)) => found.push((*field, Sql::Text(text.clone()))),
            None | Some(Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) => {}
        }
    }
    found
}
