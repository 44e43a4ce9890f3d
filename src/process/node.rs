//! This server and its workers, as far as administrators are shown them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The server.
#[derive(Clone, Debug)]
pub struct Node {
    /// Name of the machine.
    pub hostname: String,
    /// Process id.
    pub process: u32,
    /// Unix milliseconds at which it opened the database.
    pub started: i64,
}

/// What the workers that run processes are at.
#[derive(Default)]
pub struct Workers {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Resource to the process that runs on it.
    busy: HashMap<i64, i64>,
    queued: usize,
    completed: u64,
}

/// A look at the workers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Processes under way, by id.
    pub busy: Vec<i64>,
    /// Processes read from the table that wait for a worker.
    pub queued: usize,
    /// Claims that have come back since the start.
    pub completed: u64,
}

impl Workers {
    fn with<T>(&self, f: impl FnOnce(&mut Inner) -> T) -> T {
        f(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many are at work.
    pub fn count(&self) -> usize {
        self.with(|inner| inner.busy.len())
    }

    /// Whether a process of this resource is under way.
    pub fn is_busy(&self, resource_id: i64) -> bool {
        self.with(|inner| inner.busy.contains_key(&resource_id))
    }

    /// A worker takes a process on.
    pub fn begin(&self, resource_id: i64, process_id: i64) {
        self.with(|inner| inner.busy.insert(resource_id, process_id));
    }

    /// A worker is free again.
    pub fn end(&self, resource_id: i64) {
        self.with(|inner| {
            if inner.busy.remove(&resource_id).is_some() {
                inner.completed += 1;
            }
        });
    }

    /// How many processes wait for a worker.
    pub fn queue(&self, queued: usize) {
        self.with(|inner| inner.queued = queued);
    }

    /// What they are at.
    pub fn look(&self) -> Work {
        self.with(|inner| {
            let mut busy: Vec<i64> = inner.busy.values().copied().collect();
            busy.sort_unstable();
            Work { busy, queued: inner.queued, completed: inner.completed }
        })
    }
}
