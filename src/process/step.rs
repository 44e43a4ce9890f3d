//! What a process is made of: steps that act, and commits that record what came of it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::site::Site;
use crate::engine::EngineError;
use crate::error::{Error, Result};
use crate::model::resource::Resource;
use crate::store::{ProcessRow, Tx};

/// A process by name, with its steps in order.
#[derive(Clone, Copy)]
pub struct Definition {
    /// `<lifecycle>.<transition>`.
    pub name: &'static str,
    /// Steps; each may run twice.
    pub steps: &'static [Step],
    /// Failed tries after which it gives up; `None` means never.
    pub tries: Option<u32>,
    /// What to do on giving up; without it the process ends and the resource stays where it is.
    pub give_up: Option<GiveUp>,
}

/// One step.
#[derive(Clone, Copy)]
pub struct Step {
    /// Name in logs.
    pub name: &'static str,
    /// The work.
    pub run: StepFn,
}

/// The work of a step. What it does outside the database must be harmless when done twice.
pub type StepFn = fn(Work) -> StepFuture;
/// A step under way.
pub type StepFuture = Pin<Box<dyn Future<Output = Result<Outcome, Failure>> + Send>>;
/// What happens in the very transaction that starts a transition; it may add to what the process is told.
pub type Begin = fn(&mut Tx<'_>, &Resource, &str, &mut Map<String, Value>) -> Result<()>;
/// Decides, in the transaction that ends a failed process, how the resource goes on.
pub type GiveUp = fn(&mut Tx<'_>, &Resource, &ProcessRow, &str) -> Result<Next>;
/// Records a step's result in the transaction that moves the cursor.
pub type Commit = Box<dyn FnOnce(&mut Tx<'_>, &Work) -> Result<Next> + Send>;

/// What a step works on.
#[derive(Clone)]
pub struct Work {
    /// The process as of this step.
    pub process: Arc<ProcessRow>,
    /// The resource as of this step.
    pub resource: Arc<Resource>,
    /// Everything outside.
    pub site: Arc<Site>,
}

/// What came of a step.
pub enum Outcome {
    /// Nothing to record: on to the next step.
    Pass,
    /// Record this, then go on as it says.
    Commit(Commit),
}

/// How a process goes on.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// To the next step, or to the end after the last.
    Step,
    /// The transition has succeeded, whatever steps are left.
    Finish,
    /// The same, with something that a person ought to know.
    Remark(String),
    /// The transition has succeeded and this one of the same resource follows.
    Chain(&'static str, Map<String, Value>),
    /// The same step again, when woken or at `until` (Unix milliseconds).
    Wait {
        /// Latest time to look again.
        until: Option<i64>,
        /// Why it waits, for a person.
        message: String,
    },
}

/// Why a step failed.
#[derive(Clone, Debug)]
pub struct Failure {
    /// For a person.
    pub message: String,
    /// Whether trying again may help.
    pub retry: Retry,
}

/// Whether trying again may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// After a back-off.
    Later,
    /// As soon as the engine is back; does not count as a try.
    WhenBack,
    /// No.
    Never,
}

impl Work {
    /// Shows on the resource how far a step is that is still at work.
    pub async fn show(&self, text: String) {
        let id = self.resource.id;
        let shown = self.site.store.write(move |tx| {
            tx.update(id, |row| {
                row.set_progress(&text);
                Ok(())
            })
        });
        if let Err(error) = shown.await {
            tracing::warn!(%error, process = self.process.name, "cannot show its progress");
        }
    }
}

impl Outcome {
    /// Records with this closure.
    pub fn commit(
        f: impl FnOnce(&mut Tx<'_>, &Work) -> Result<Next> + Send + 'static,
    ) -> Result<Self, Failure> {
        Ok(Self::Commit(Box::new(f)))
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        let retry = if matches!(error, EngineError::Unavailable { .. }) {
            Retry::WhenBack
        } else if error.retryable() {
            Retry::Later
        } else {
            Retry::Never
        };
        Self { message: error.to_string(), retry }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let retry = if error.status >= 500 { Retry::Later } else { Retry::Never };
        Self { message: error.to_string(), retry }
    }
}

impl Work {
    /// A field of what the caller asked for.
    pub fn input(&self, field: &str) -> Option<&Value> {
        self.process.data.get(field)
    }

    /// A flag of what the caller asked for; absent is `false`.
    pub fn input_flag(&self, field: &str) -> bool {
        self.input(field).and_then(Value::as_bool).unwrap_or(false)
    }
}

/// The wait before the next try, in milliseconds: 2000 + 100 * 2^(n-1), at most 120,000 (Rancher's).
pub fn back_off_ms(tries: u32) -> i64 {
    let doubled = 100_i64.checked_shl(tries.saturating_sub(1).min(20)).unwrap_or(i64::MAX);
    doubled.saturating_add(2000).min(120_000)
}
