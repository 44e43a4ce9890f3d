//! What can be wrong with a configuration, each with the place a person has to change.

use std::fmt;
use std::path::PathBuf;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A line of the TOML file, counted from 1.
    File {
        /// The file as it was named.
        path: PathBuf,
        /// Line of the key or value.
        line: usize,
    },
    /// An environment variable.
    Variable {
        /// Its whole name, such as `RANCHETTE_SERVER_LISTEN`.
        name: String,
    },
    /// A command line flag.
    Flag {
        /// With its dashes, such as `--listen`.
        name: String,
    },
    /// No single place: two options that do not go together.
    Together,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::File { path, line } => write!(f, "{}:{line}", path.display()),
            Place::Variable { name } => write!(f, "environment variable {name}"),
            Place::Flag { name } => write!(f, "flag {name}"),
            Place::Together => f.write_str("configuration"),
        }
    }
}

/// One thing to correct.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The file is named and cannot be read.
    #[error("{}: cannot read the configuration file: {why}", .path.display())]
    Unreadable {
        /// The file as it was named.
        path: PathBuf,
        /// What the operating system said.
        why: String,
    },
    /// The file is not TOML.
    #[error("{place}: {why}")]
    Syntax {
        /// Where reading stopped.
        place: Place,
        /// What the TOML reader said, on one line.
        why: String,
    },
    /// No option has this name.
    #[error("{place}: unknown key `{key}`{}", hint(.nearest))]
    UnknownKey {
        /// Where it is written.
        place: Place,
        /// The key with its section, or the variable's name.
        key: String,
        /// The nearest name that exists.
        nearest: Option<String>,
    },
    /// An option has a value it does not allow.
    #[error("{place}: `{key}` is {value}; allowed is {allowed}")]
    BadValue {
        /// Where it is written.
        place: Place,
        /// The key with its section.
        key: String,
        /// The value as it was written.
        value: String,
        /// What would have been right, as words.
        allowed: String,
    },
}

impl Problem {
    /// The line of the file it is on, if it is on one.
    pub fn line(&self) -> Option<usize> {
        match self {
            Problem::Syntax { place: Place::File { line, .. }, .. }
            | Problem::UnknownKey { place: Place::File { line, .. }, .. }
            | Problem::BadValue { place: Place::File { line, .. }, .. } => Some(*line),
            Problem::Unreadable { .. }
            | Problem::Syntax { .. }
            | Problem::UnknownKey { .. }
            | Problem::BadValue { .. } => None,
        }
    }
}

fn hint(nearest: &Option<String>) -> String {
    nearest.as_ref().map(|n| format!("; did you mean `{n}`?")).unwrap_or_default()
}

/// Everything that is wrong, one problem a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
