//! How a verb fails: an exit code, one sentence, and what to do next.

use std::fmt;
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::error::Error;

/// Exit codes of the program. They are part of its interface: scripts depend on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Everything was done.
    Ok,
    /// Something could not be done.
    Failed,
    /// The command line, the configuration or a compose file is wrong; nothing was changed.
    Usage,
    /// No server answers.
    Unreachable,
    /// The server or the operating system does not allow it.
    NotAllowed,
    /// Time is up.
    Late,
    /// Something would change.
    Changes,
    /// `exec` could not run its command.
    NotRun,
    /// What the command of `exec` ended with.
    Passed(u8),
}

impl Exit {
    /// What each number says, as `--help` and `docs/cli.md` have it.
    pub const MEANINGS: &[(Exit, &str)] = &[
        (Exit::Ok, "everything was done"),
        (Exit::Failed, "something could not be done"),
        (
            Exit::Usage,
            "the command line, the configuration or a compose file is wrong; nothing was changed",
        ),
        (Exit::Unreachable, "no server answers, or its certificate is not trusted"),
        (Exit::NotAllowed, "not allowed"),
        (Exit::Late, "`wait`: time is up"),
        (Exit::Changes, "`plan`: there is something to do; `diff`: something differs"),
        (
            Exit::NotRun,
            "`exec` could not run its command; any other code of `exec` is the command's own",
        ),
    ];

    /// The number the program ends with.
    pub fn code(self) -> u8 {
        match self {
            Exit::Ok => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Unreachable => 3,
            Exit::NotAllowed => 4,
            Exit::Late => 5,
            Exit::Changes => 6,
            Exit::NotRun => 125,
            Exit::Passed(code) => code,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

/// Why a verb did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What the program ends with.
    pub exit: Exit,
    /// What happened: starts lower-case, ends without a stop.
    pub message: String,
    /// What the person can do about it.
    pub hint: Option<String>,
}

impl Failure {
    /// Something could not be done.
    pub fn new(message: impl Into<String>) -> Self {
        Failure { exit: Exit::Failed, message: message.into(), hint: None }
    }

    /// What was written makes no sense.
    pub fn usage(message: impl Into<String>) -> Self {
        Failure { exit: Exit::Usage, ..Failure::new(message) }
    }

    /// No server answers.
    pub fn unreachable(message: impl Into<String>) -> Self {
        Failure { exit: Exit::Unreachable, ..Failure::new(message) }
    }

    /// Not allowed.
    pub fn not_allowed(message: impl Into<String>) -> Self {
        Failure { exit: Exit::NotAllowed, ..Failure::new(message) }
    }

    /// Adds the next step.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// A file that the operating system would not give.
    pub fn file(what: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        let failure = Failure::new(format!("cannot {what} {}: {error}", path.display()));
        failure.of_io(error)
    }

    /// Marks the failure as one of rights, if that is what the operating system said.
    pub fn of_io(self, error: &std::io::Error) -> Self {
        let exit = match error.kind() == std::io::ErrorKind::PermissionDenied {
            true => Exit::NotAllowed,
            false => self.exit,
        };
        Failure { exit, ..self }
    }

    /// As `--json` shows it.
    pub fn json(&self) -> Value {
        json!({
            "type": "error",
            "exitCode": self.exit.code(),
            "message": self.message,
            "hint": self.hint,
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let exit = match error.status {
            401 | 403 => Exit::NotAllowed,
            400 | 422 => Exit::Usage,
            _ => Exit::Failed,
        };
        Failure { exit, message: error.to_string(), hint: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything that a program can be told; a new one does not compile until it is here.
    fn all() -> Vec<Exit> {
        let of = |exit: Exit| match exit {
            Exit::Ok
            | Exit::Failed
            | Exit::Usage
            | Exit::Unreachable
            | Exit::NotAllowed
            | Exit::Late
            | Exit::Changes
            | Exit::NotRun => Some(exit),
            // Any number; it is the command's.
            Exit::Passed(_) => None,
        };
        let some = [
            Exit::Ok,
            Exit::Failed,
            Exit::Usage,
            Exit::Unreachable,
            Exit::NotAllowed,
            Exit::Late,
            Exit::Changes,
            Exit::NotRun,
            Exit::Passed(7),
        ];
        some.into_iter().filter_map(of).collect()
    }

    #[test]
    fn the_table_of_exit_codes_is_what_the_program_does() {
        let named: Vec<Exit> = Exit::MEANINGS.iter().map(|row| row.0).collect();
        assert_eq!(named, all(), "each code has one meaning");
        let docs = include_str!("../../docs/cli.md");
        let section = docs.split("\n## Exit codes\n").nth(1).expect("a section of exit codes");
        let row = |line: &str| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let code = cells.get(1)?.parse::<u8>().ok()?;
            Some((code, cells.get(2).map(|text| (*text).to_owned())?))
        };
        let table = section.split("\n## ").next().unwrap_or_default();
        let written: Vec<(u8, String)> = table.lines().filter_map(row).collect();
        let known = Exit::MEANINGS.iter();
        let known: Vec<(u8, String)> =
            known.map(|(exit, meaning)| (exit.code(), (*meaning).to_owned())).collect();
        assert_eq!(written, known, "docs/cli.md and the program");
    }
}
