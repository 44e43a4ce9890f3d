//! Rows the writer has read or written lately, parsed: most transactions look at the row that the one
//! before has changed. Only the writer has them, and nobody else writes, so they cannot grow stale; what
//! is taken back empties them.

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
            rows.clear();
        }
        rows.insert(row.id, row);
    }

    /// Forgets a row that is gone.
    pub(super) fn drop_row(&self, id: i64) {
        self.rows.borrow_mut().remove(&id);
    }

    /// Forgets everything: changes were taken back, or the server has fallen silent.
    pub(super) fn clear(&self) {
        self.rows.take();
    }
}
