//! What a simulated container runs: a handful of shell commands, or a server that never ends. Pure.
//!
//! `sh -c` with `echo`, `sleep`, `cat`, `env`, `true`, `false` and `exit` does what a shell would, and
//! `haproxy -c` reads its file; every other command is a server. A command whose path begins with `/nonexistent` is not there.

use crate::engine::spec::ProcessSpec;

/// A parsed command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Program {
    /// Runs until it is stopped and writes a line now and then.
    Server,
    /// Does these steps, then ends.
    Script(Vec<Step>),
    /// There is no such command.
    NotFound(String),
}

/// One statement of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Writes a line.
    Echo { text: String, to_stderr: bool },
    /// Waits.
    Sleep { ms: u64 },
    /// Writes a file; fails if there is none.
    Cat { path: String },
    /// Copies its input.
    Copy,
    /// Removes everything below a folder.
    Clear { path: String },
    /// Reads a configuration as HAProxy does; a line that begins with `no-such` is wrong.
    Haproxy { path: String },
    /// Writes its environment.
    Env,
    /// Sets the status a script ends with.
    Status { code: i64 },
    /// Ends.
    Exit { code: Option<i64> },
    /// Waits forever.
    Forever,
}

impl Program {
    pub(super) fn of(process: &ProcessSpec) -> Program {
        let words: Vec<&str> =
            process.entry_point.iter().chain(&process.command).map(String::as_str).collect();
        Program::parse(&words)
    }

    pub(super) fn parse(words: &[&str]) -> Program {
        match words {
            [] => Program::Server,
            [command, ..] if command.starts_with("/nonexistent") => {
                Program::NotFound((*command).to_owned())
            }
            ["sh" | "/bin/sh", "-c", script, ..] => Program::script(script),
            [command, rest @ ..] => {
                let command = command.rsplit('/').next().unwrap_or(command);
                Step::parse(command, rest)
                    .map_or(Program::Server, |step| Program::Script(vec![step]))
            }
        }
    }

    /// A script with anything beyond the known commands is taken for a server's start-up script.
    pub(super) fn script(script: &str) -> Program {
        let statements = script.split([';', '\n']).flat_map(|part| part.split("&&"));
        let words = statements.map(|statement| statement.split_whitespace().collect::<Vec<_>>());
        let steps = words.filter(|words| !words.is_empty()).map(|words| match words.as_slice() {
            ["exec", command, rest @ ..] | [command, rest @ ..] => Step::parse(command, rest),
            [] => None,
        });
        steps.collect::<Option<Vec<_>>>().map_or(Program::Server, Program::Script)
    }
}

impl Step {
    fn parse(command: &str, rest: &[&str]) -> Option<Step> {
        let number = |text: &&str| text.parse::<i64>().ok();
        Some(match (command, rest) {
            ("echo", [text @ .., ">&2" | "1>&2"]) => {
                Step::Echo { text: unquoted(text), to_stderr: true }
            }
            ("echo", text) => Step::Echo { text: unquoted(text), to_stderr: false },
            ("sleep", [time, ..]) => match time.parse::<f64>() {
                Ok(seconds) if seconds.is_finite() => Step::Sleep { ms: (seconds * 1000.0) as u64 },
                Ok(_) | Err(_) => Step::Forever,
            },
            ("cat", []) => Step::Copy,
            ("cat", [path, ..]) => Step::Cat { path: (*path).to_owned() },
            ("find", [path, .., "-exec", "rm", "-rf", "{}", "+"]) => {
                Step::Clear { path: (*path).to_owned() }
            }
            ("haproxy", ["-c", "-f", path]) => Step::Haproxy { path: (*path).to_owned() },
            ("env" | "printenv", []) => Step::Env,
            ("true" | ":" | "trap", _) => Step::Status { code: 0 },
            ("false", _) => Step::Status { code: 1 },
            ("exit", rest) => Step::Exit { code: rest.first().and_then(number) },
            _ => return None,
        })
    }
}

fn unquoted(words: &[&str]) -> String {
    words.join(" ").replace(['"', '\''], "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(words: &[&str], expect: Expect) {
        expect.assert_eq(&format!("{:?}", Program::parse(words)));
    }

    #[test]
    fn command_lines() {
        check(&["nginx", "-g", "daemon off;"], expect!["Server"]);
        check(&["/nonexistent/x"], expect![[r#"NotFound("/nonexistent/x")"#]]);
        check(&["/bin/sleep", "1.5"], expect!["Script([Sleep { ms: 1500 }])"]);
        check(&["sleep", "infinity"], expect!["Script([Forever])"]);
        check(
            &["sh", "-c", "echo out; echo 'to err' >&2; sleep 2 && exit 3"],
            expect![[
                r#"Script([Echo { text: "out", to_stderr: false }, Echo { text: "to err", to_stderr: true }, Sleep { ms: 2000 }, Exit { code: Some(3) }])"#
            ]],
        );
        check(
            &["find", "/data", "-mindepth", "1", "-exec", "rm", "-rf", "{}", "+"],
            expect![[r#"Script([Clear { path: "/data" }])"#]],
        );
        check(&["sh", "-c", "while true; do sleep 1; done"], expect!["Server"]);
    }
}
