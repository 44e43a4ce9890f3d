//! Periodic jobs: what is done every so often, and can be asked for at any time.
//!
//! A job is a value in [`Tasks`]; whoever wires the server adds those of each layer before it starts.
//! The loop that runs them is in [`runner`].

mod common;
mod runner;

use std::sync::{Arc, PoisonError, RwLock};

use futures_util::future::BoxFuture;

use super::site::Site;
use crate::error::Result;

pub use common::tasks;
pub use runner::{Runner, carry_out};

/// What a run of a job came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// There was nothing to do. Unless somebody asked for the run, it is not recorded.
    Nothing,
    /// Something was done.
    Work,
}

/// How often a job is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Every {
    /// Only when somebody asks.
    Asked,
    /// Every so many seconds.
    Seconds(u64),
    /// Every so many seconds as this setting says; never while it says nothing or less than one.
    Setting(&'static str),
}

/// What a job does.
pub type Run = Arc<dyn Fn(Arc<Site>) -> BoxFuture<'static, Result<Found>> + Send + Sync>;

/// A job.
#[derive(Clone)]
pub struct Task {
    /// Its number in the API; given once and never to another.
    pub id: i64,
    /// Its name in the API.
    pub name: &'static str,
    /// When it is run without being asked for.
    pub every: Every,
    /// What it does. It may be cut off and run again.
    pub run: Run,
}

impl Task {
    /// A job.
    pub fn new<F>(
        id: i64,
        name: &'static str,
        every: Every,
        run: impl Fn(Arc<Site>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Found>> + Send + 'static,
    {
        Self { id, name, every, run: Arc::new(move |site| Box::pin(run(site))) }
    }
}

/// Every job of the server, by id.
#[derive(Default)]
pub struct Tasks {
    tasks: RwLock<Vec<Task>>,
}

impl Tasks {
    /// Adds jobs. One whose id is taken takes the other's place.
    pub fn add(&self, more: impl IntoIterator<Item = Task>) {
        let mut tasks = self.tasks.write().unwrap_or_else(PoisonError::into_inner);
        for task in more {
            tasks.retain(|known| known.id != task.id);
            tasks.push(task);
        }
        tasks.sort_by_key(|task| task.id);
    }

    /// All jobs.
    pub fn all(&self) -> Vec<Task> {
        self.tasks.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The job with this id.
    pub fn get(&self, id: i64) -> Option<Task> {
        self.all().into_iter().find(|task| task.id == id)
    }
}
