//! Reading what somebody types: passwords unseen, and twice when they are new; from anything that is
//! no terminal, one line.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _};

use rustix::termios::{self, LocalModes, OptionalActions, Termios};

use super::Result;
use super::failure::Failure;
use super::output::Output;
use crate::auth::secret::LONGEST_PASSWORD;

/// Asks for a new password.
///
/// # Errors
/// When none can be read, or the two are not the same.
pub async fn new_password(out: &Output, login: &str) -> Result<String> {
    if !io::stdin().is_terminal() {
        return read_line().await;
    }
    let _unseen = Unseen::begin()?;
    out.prompt(&format!("New password for {login}: "));
    let first = interruptible(out).await?;
    out.prompt("The same again: ");
    let second = interruptible(out).await?;
    match first == second {
        true => Ok(first),
        false => Err(Failure::usage("the two passwords differ; nothing was changed")),
    }
}

/// Asks for a password or a key that exists.
///
/// # Errors
/// When none can be read.
pub async fn hidden(out: &Output, question: &str) -> Result<String> {
    if !io::stdin().is_terminal() {
        return read_line().await;
    }
    let _unseen = Unseen::begin()?;
    out.prompt(question);
    interruptible(out).await
}

/// Asks for something that may be seen; only on a terminal.
///
/// # Errors
/// When there is no terminal; `instead` is the flag that answers beforehand.
pub async fn seen(out: &Output, question: &str, instead: &str) -> Result<String> {
    if !io::stdin().is_terminal() {
        return Err(Failure::usage("there is no terminal to ask on").hint(format!("say {instead}")));
    }
    out.prompt(question);
    tokio::select! {
        line = read_line() => line,
        _ = tokio::signal::ctrl_c() => Err(Failure::new("interrupted; nothing was changed")),
    }
}

/// Ctrl-C must give the terminal its echo back before the program ends.
async fn interruptible(out: &Output) -> Result<String> {
    let line = tokio::select! {
        line = read_line() => line,
        _ = tokio::signal::ctrl_c() => Err(Failure::new("interrupted; nothing was changed")),
    };
    // The key that ended the line was not shown.
    out.prompt("\n");
    line
}

/// One line of standard input, off the thread that listens for Ctrl-C.
async fn read_line() -> Result<String> {
    let read = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        let most = LONGEST_PASSWORD as u64 + 2;
        io::stdin().lock().take(most).read_line(&mut line).map(|_| line)
    });
    let line = match read.await {
        Ok(line) => line,
        Err(error) => Err(io::Error::other(error)),
    };
    let line = line.map_err(|error| Failure::new(format!("cannot read a password: {error}")))?;
    Ok(line.trim_end_matches(['\n', '\r']).to_owned())
}

/// The terminal hands on each key as it is pressed while this value lives.
pub struct Raw {
    before: Termios,
}

impl Raw {
    /// Takes the terminal at standard input.
    ///
    /// # Errors
    /// When there is none.
    pub fn begin() -> Result<Self> {
        let failed = |error: rustix::io::Errno| {
            Failure::new(format!("cannot take over this terminal: {error}"))
        };
        let before = termios::tcgetattr(io::stdin()).map_err(failed)?;
        let mut raw = before.clone();
        raw.make_raw();
        termios::tcsetattr(io::stdin(), OptionalActions::Drain, &raw).map_err(failed)?;
        Ok(Raw { before })
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // Nothing better can be done about a terminal that has gone away.
        let _ = termios::tcsetattr(io::stdin(), OptionalActions::Drain, &self.before);
    }
}

/// Columns and rows of the terminal at standard output, if there is one.
pub fn size() -> Option<(u16, u16)> {
    let size = termios::tcgetwinsize(io::stdout()).ok()?;
    (size.ws_col > 0 && size.ws_row > 0).then_some((size.ws_col, size.ws_row))
}

/// The terminal shows nothing of what is typed while this value lives.
struct Unseen {
    before: Termios,
}

impl Unseen {
    fn begin() -> Result<Self> {
        let failed = |error: rustix::io::Errno| {
            Failure::new(format!("cannot hide the password on this terminal: {error}"))
        };
        let before = termios::tcgetattr(io::stdin()).map_err(failed)?;
        let mut unseen = before.clone();
        unseen.local_modes.remove(LocalModes::ECHO);
        termios::tcsetattr(io::stdin(), OptionalActions::Flush, &unseen).map_err(failed)?;
        Ok(Unseen { before })
    }
}

impl Drop for Unseen {
    fn drop(&mut self) {
        // Nothing better can be done about a terminal that has gone away.
        let _ = termios::tcsetattr(io::stdin(), OptionalActions::Flush, &self.before);
    }
}
