//! What a fleet was asked to do, line by line: tests compare it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// The record of a fleet. Reading operations are not recorded.
#[derive(Debug)]
pub struct Transcript {
    on: AtomicBool,
    lines: Mutex<Vec<String>>,
}

impl Transcript {
    pub(super) fn new() -> Transcript {
        Transcript { on: AtomicBool::new(true), lines: Mutex::new(Vec::new()) }
    }

    /// Stops recording: a bench or a demo that runs for days has no use for it.
    pub fn stop(&self) {
        self.on.store(false, Ordering::Relaxed);
    }

    /// All lines so far, and forgets them.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.lines.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// All lines so far.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Adds a line; it is not even formatted if nobody records.
    pub(super) fn note(&self, line: std::fmt::Arguments<'_>) {
        if self.on.load(Ordering::Relaxed) {
            self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(line.to_string());
        }
    }
}
