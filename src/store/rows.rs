//! Rows the writer has read or written lately, parsed: most transactions look at the row that the one
//! before has changed. Only the writer has them, and nobody else writes, so they cannot grow stale; what
//! is taken back empties them.
//!
//! Rows that a transaction has changed wait here until it ends or looks at the table, so that a row changed
//! three times is written once.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use crate::model::resource::Resource;

/// Rows kept; a container's takes about 3 KB.
const KEPT: usize = 1024;

/// The rows by id.
#[derive(Debug, Default)]
pub(super) struct Rows {
    rows: RefCell<HashMap<i64, Arc<Resource>>>,
    /// Rows that are not written yet, as they are in the table, in the order of their first change.
    changed: RefCell<Vec<Arc<Resource>>>,
}

impl Rows {
    /// The row, if it is known.
    pub(super) fn get(&self, id: i64) -> Option<Arc<Resource>> {
        self.rows.borrow().get(&id).cloned()
    }

    /// Keeps a row as it is now.
    pub(super) fn put(&self, row: Arc<Resource>) {
        let mut rows = self.rows.borrow_mut();
        if rows.len() >= KEPT && !rows.contains_key(&row.id) {
            // What is in use comes back soon; keeping order would cost more than it saves.
            let changed = self.changed.borrow();
            rows.retain(|id, _| changed.iter().any(|row| row.id == *id));
        }
        rows.insert(row.id, row);
    }

    /// Keeps a row that has been changed and is not written yet.
    pub(super) fn change(&self, before: Arc<Resource>, after: Arc<Resource>) {
        let mut changed = self.changed.borrow_mut();
        if !changed.iter().any(|row| row.id == before.id) {
            changed.push(before);
        }
        drop(changed);
        self.put(after);
    }

    /// What is to be written, as it is in the table and as it is now: everything, if a row of this base
    /// type is among it, else nothing.
    pub(super) fn take_changed(&self, ty: Option<&str>) -> Vec<(Arc<Resource>, Arc<Resource>)> {
        let wanted = |row: &Arc<Resource>| ty.is_none_or(|ty| row.ty == ty);
        if !self.changed.borrow().iter().any(wanted) {
            return Vec::new();
        }
        let rows = self.rows.borrow();
        let changed = self.changed.take().into_iter();
        changed
            .filter_map(|before| rows.get(&before.id).cloned().map(|now| (before, now)))
            .collect()
    }

    /// Forgets a row that is gone.
    pub(super) fn drop_row(&self, id: i64) {
        self.rows.borrow_mut().remove(&id);
    }

    /// Forgets everything: changes were taken back, or the server has fallen silent.
    pub(super) fn clear(&self) {
        self.rows.take();
        self.changed.take();
    }
}
