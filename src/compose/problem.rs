//! What is wrong with a compose file, said so that a person finds the place: file, line, dotted key.

use std::cell::RefCell;
use std::fmt;

use serde::Serialize;

use super::node::{Loc, View};

/// Problems kept for one project; a file with more is beyond reading anyway.
const MAX_PROBLEMS: usize = 200;

/// Characters of a dotted path that are shown.
const MAX_PATH: usize = 120;

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The project must not be deployed.
    Error,
    /// The project can be deployed; something in the file has no or another effect.
    Warning,
}

/// One finding in a compose file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    pub severity: Severity,
    /// The file as the caller named it, relative to the project directory.
    pub file: String,
    /// Line in `file`, counted from 1; 0 when the finding is about the whole file.
    pub line: usize,
    /// Dotted key, for example `services.web.ports[0]`; empty for the whole file.
    pub path: String,
    /// What is wrong, in one sentence without a stop.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(out, "{}:{}: {severity}: ", self.file, self.line)?;
        if !self.path.is_empty() {
            write!(out, "{}: ", self.path)?;
        }
        write!(out, "{}", self.message)
    }
}

/// A place in a file, kept for findings that are only made later (undefined references, cycles).
#[derive(Clone, Debug)]
pub(super) struct Spot {
    pub at: Loc,
    pub path: String,
}

impl From<&View<'_>> for Spot {
    fn from(view: &View<'_>) -> Self {
        Spot { at: view.at.clone(), path: view.path.clone() }
    }
}

/// A path of a length that a line can show.
fn shortened(path: &str) -> String {
    match path.char_indices().nth(MAX_PATH) {
        Some((end, _)) => format!("{}...", path.get(..end).unwrap_or_default()),
        None => path.to_owned(),
    }
}

/// Collects findings while a project is read; shared by every reader.
#[derive(Default)]
pub(super) struct Problems {
    list: RefCell<Vec<Problem>>,
}

impl Problems {
    /// Adds a finding at a place.
    pub fn add(&self, severity: Severity, at: &Loc, path: &str, message: impl Into<String>) {
        let mut list = self.list.borrow_mut();
        if list.len() > MAX_PROBLEMS {
            return;
        }
        let message = match list.len() {
            MAX_PROBLEMS => "too many problems; the rest is not shown".to_owned(),
            _ => message.into(),
        };
        let problem = Problem {
            severity,
            file: at.source.name.clone(),
            line: at.line,
            path: shortened(path),
            message,
        };
        if !list.contains(&problem) {
            list.push(problem);
        }
    }

    /// Adds an error at a remembered place.
    pub fn error(&self, spot: &Spot, message: impl Into<String>) {
        self.add(Severity::Error, &spot.at, &spot.path, message);
    }

    /// Adds a warning at a remembered place.
    pub fn warning(&self, spot: &Spot, message: impl Into<String>) {
        self.add(Severity::Warning, &spot.at, &spot.path, message);
    }

    /// Whether there is an error so far.
    pub fn has_errors(&self) -> bool {
        self.list.borrow().iter().any(|problem| problem.severity == Severity::Error)
    }

    /// Whether there is a finding at exactly this key.
    pub fn mentions(&self, path: &str) -> bool {
        self.list.borrow().iter().any(|problem| problem.path == path)
    }

    /// All findings, in the order of files and lines.
    pub fn into_sorted(self) -> Vec<Problem> {
        let mut list = self.list.into_inner();
        list.sort_by(|a, b| (&a.file, a.line, a.severity).cmp(&(&b.file, b.line, b.severity)));
        list
    }
}
