//! How a container ended by itself, in words: its exit code, what that means, and what it wrote last.

use futures_util::StreamExt;

use super::{Engine, LogOptions};

/// Lines that are kept of what a container wrote.
const LINES: usize = 3;
/// Characters that are kept of each.
const LENGTH: usize = 200;
/// Bytes of a log that are read at most: a line can be of any length.
const MOST: usize = 64 * 1024;

/// How a container ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ending {
    /// Its exit code, if the engine knows it.
    pub exit_code: Option<i64>,
    /// The kernel ended it for want of memory.
    pub out_of_memory: bool,
    /// The last lines that it wrote.
    pub lines: Vec<String>,
}

impl Ending {
    /// Looks at a container that has ended with this exit code. What the engine does not tell is left out: it is
    /// not worth waiting for.
    pub async fn look(engine: &dyn Engine, container: &str, exit_code: Option<i64>) -> Self {
        let plain = Self { exit_code, ..Self::default() };
        if exit_code == Some(0) {
            return plain;
        }
        // Somebody may have started it again meanwhile.
        let found = engine.inspect(container).await.ok().flatten();
        let Some(found) = found.filter(|found| !found.is_running()) else { return plain };
        let since_s = found.started_ms.map(|at| at.div_euclid(1000));
        let lines = last_lines(engine, container, since_s).await;
        Self { out_of_memory: found.out_of_memory, lines, ..plain }
    }

    /// What went wrong; nothing if it ended well, or if nobody knows how.
    pub fn trouble(&self) -> Option<String> {
        let code = self.exit_code.filter(|code| *code != 0)?;
        let cause = match self.lines.iter().find_map(|line| never_began(line)) {
            Some(cause) if !self.out_of_memory => cause.to_owned(),
            Some(_) | None => cause(code, self.out_of_memory),
        };
        let ended = format!("ended by itself with exit code {code}: {cause}");
        Some(match self.lines.as_slice() {
            [] => ended,
            lines => format!("{ended}; it wrote last: {}", lines.join(" | ")),
        })
    }
}

/// What an exit code means.
pub fn cause(code: i64, out_of_memory: bool) -> String {
    match code {
        _ if out_of_memory => "it ran out of memory".to_owned(),
        0 => "it says that it was done".to_owned(),
        125 => "the engine could not run it".to_owned(),
        126 => "its command cannot be executed".to_owned(),
        127 => "its command was not found".to_owned(),
        134 => "it aborted".to_owned(),
        137 => "it was killed, often for want of memory".to_owned(),
        139 => "it touched memory that is not its own".to_owned(),
        143 => "it was told to end".to_owned(),
        129..=159 => format!("it was ended by signal {}", code - 128),
        _ => "its program reports a failure".to_owned(),
    }
}

/// Docker may find out only after the start that a program cannot be run: then its runtime writes the reason where
/// the program would have written.
fn never_began(line: &str) -> Option<&'static str> {
    let by_runtime = line.starts_with("exec ") || line.contains("exec user process caused");
    let reasons = [
        (
            "exec format error",
            "its program is built for another processor architecture, or is a script that does not say what runs it",
        ),
        ("no such file or directory", "its command, or what runs it, was not found in its image"),
        ("permission denied", "permission denied: its command may not be executed"),
    ];
    let reason = reasons.iter().find(|(words, _)| line.ends_with(words));
    reason.filter(|_| by_runtime).map(|(_, cause)| *cause)
}

async fn last_lines(engine: &dyn Engine, container: &str, since_s: Option<i64>) -> Vec<String> {
    let tail = Some(LINES.try_into().unwrap_or(u64::MAX));
    let options = LogOptions { tail, since_s, ..LogOptions::default() };
    let mut chunks = engine.logs(container, &options);
    let mut said = Vec::new();
    while let Some(Ok(chunk)) = chunks.next().await {
        said.extend_from_slice(&chunk.bytes);
        if said.len() >= MOST {
            break;
        }
    }
    told(&String::from_utf8_lossy(&said))
}

/// The last lines of a text, without what steers terminals.
fn told(said: &str) -> Vec<String> {
    let mut lines: Vec<String> = said.lines().map(plain).filter(|line| !line.is_empty()).collect();
    lines.split_off(lines.len().saturating_sub(LINES))
}

fn plain(line: &str) -> String {
    let mut text = String::new();
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter == '\u{1b}' && letters.next_if_eq(&'[').is_some() {
            // A sequence ends with its first letter.
            let _ = letters.by_ref().find(|letter| ('@'..='~').contains(letter));
        } else if letter == '\t' {
            text.push(' ');
        } else if !letter.is_control() {
            text.push(letter);
        }
    }
    let text = text.trim();
    match text.char_indices().nth(LENGTH) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(exit_code: Option<i64>, out_of_memory: bool, said: &str, expect: Option<&str>) {
        let ending = Ending { exit_code, out_of_memory, lines: told(said) };
        assert_eq!(ending.trouble().as_deref(), expect);
    }

    #[test]
    fn endings_in_words() {
        check(None, false, "", None);
        check(Some(0), false, "all done\n", None);
        check(
            Some(3),
            false,
            "",
            Some("ended by itself with exit code 3: its program reports a failure"),
        );
        check(
            Some(3),
            false,
            "one\ntwo\n\n\u{1b}[31mthree\u{1b}[0m\r\n\tfour\n",
            Some(
                "ended by itself with exit code 3: its program reports a failure; it wrote last: two | three | four",
            ),
        );
        check(
            Some(137),
            true,
            "",
            Some("ended by itself with exit code 137: it ran out of memory"),
        );
        check(
            Some(137),
            false,
            "",
            Some("ended by itself with exit code 137: it was killed, often for want of memory"),
        );
    }

    #[test]
    fn what_never_began() {
        for (line, expect) in [
            ("exec /app: exec format error", "another processor architecture"),
            (
                "standard_init_linux.go:228: exec user process caused: no such file or directory",
                "not found in its image",
            ),
            ("exec /app: permission denied", "may not be executed"),
            ("cannot open /data: permission denied", "its program reports a failure"),
        ] {
            let ending = Ending { exit_code: Some(1), lines: told(line), ..Ending::default() };
            let words = ending.trouble().expect("trouble");
            assert!(words.contains(expect) && words.ends_with(line), "{words}");
        }
    }

    #[test]
    fn lines_of_any_length_are_cut() {
        let lines = told(&"x".repeat(1000));
        assert_eq!(lines, [format!("{}...", "x".repeat(LENGTH))]);
    }
}
