//! What is listed, once or for as long as somebody watches: drawn anew on a terminal when something has
//! changed, and for programs one object for each thing that did.

use std::collections::HashMap;

use clap::Args;
use futures_util::StreamExt as _;
use serde_json::Value;
use tokio_tungstenite::tungstenite::Message;

use super::Result;
use super::client::{Client, Socket};
use super::failure::{Exit, Failure};
use super::output::{End, Format, Output, Row};
use crate::clock::Clock;

/// Whether a list is watched.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct Watched {
    /// Show it again whenever something has changed, until Ctrl-C; with --json what changed
    #[arg(long, short = 'w')]
    pub watch: bool,
}

/// How long changes are gathered before they are shown, so that a busy stack does not flicker.
const GATHER_MS: u64 = 100;

/// A list, for people and for programs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listing {
    /// One object for each thing.
    pub records: Vec<Value>,
    /// Titles of the table.
    pub head: &'static [&'static str],
    /// The table.
    pub rows: Vec<Row>,
    /// What is said when there is nothing.
    pub nothing: String,
}

impl Listing {
    /// Shows it once.
    pub fn show(&self, out: &Output) {
        self.records.iter().for_each(|record| out.record(record));
        self.table(out);
    }

    fn table(&self, out: &Output) {
        match self.rows.is_empty() {
            true => out.note(&self.nothing),
            false => out.table(self.head, &self.rows),
        }
    }

    /// Draws it in the place of the one before.
    fn draw(&self, out: &Output) {
        match (self.rows.is_empty(), out.out) {
            (_, End::Elsewhere) => self.table(out),
            (true, _) => out.screen(&[""], &[vec![(self.nothing.clone(), None)]]),
            (false, _) => out.screen(self.head, &self.rows),
        }
    }
}

/// Shows a list once, or again and again.
///
/// # Errors
/// When it cannot be read, or the server goes away.
pub async fn show(
    client: &Client,
    out: &Output,
    watched: Watched,
    read: impl AsyncFn() -> Result<Listing>,
) -> Result<Exit> {
    if !watched.watch {
        read().await?.show(out);
        return Ok(Exit::Ok);
    }
    // What changes from here on is told, so nothing can be missed between reading and listening.
    let path = format!("/v2-beta/{}", client.scoped("subscribe?eventNames=resource.change"));
    let mut socket = client.socket(&path).await?;
    let mut shown: Option<Listing> = None;
    loop {
        let now = read().await?;
        if shown.as_ref() != Some(&now) {
            match out.format {
                Format::Text => now.draw(out),
                Format::Json => {
                    let before = shown.as_ref().map(|one| one.records.as_slice());
                    changes(before.unwrap_or_default(), &now.records)
                        .iter()
                        .for_each(|record| out.record(record));
                }
            }
            shown = Some(now);
        }
        changed(&mut socket).await?;
    }
}

/// Waits until something has changed, and a moment more.
async fn changed(socket: &mut Socket) -> Result<()> {
    loop {
        if next(socket).await? {
            break;
        }
    }
    let moment = Clock::System.sleep_ms(GATHER_MS);
    tokio::pin!(moment);
    loop {
        tokio::select! {
            () = &mut moment => return Ok(()),
            more = next(socket) => { more?; }
        }
    }
}

/// The next message: whether it is about a change.
async fn next(socket: &mut Socket) -> Result<bool> {
    match socket.next().await {
        Some(Ok(Message::Text(text))) => Ok(text.contains("resource.change")),
        Some(Ok(Message::Close(_)) | Err(_)) | None => {
            Err(Failure::unreachable("the server ended the connection")
                .hint("it may be restarting; say this again"))
        }
        Some(Ok(Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {
            Ok(false)
        }
    }
}

/// What is new or other than before, and what is gone, with `removed`.
fn changes(before: &[Value], after: &[Value]) -> Vec<Value> {
    let key = |record: &Value| format!("{}/{}", record["type"], record["id"]);
    let known: HashMap<String, &Value> = before.iter().map(|one| (key(one), one)).collect();
    let there: HashMap<String, ()> = after.iter().map(|one| (key(one), ())).collect();
    let other = after.iter().filter(|one| known.get(&key(one)) != Some(one)).cloned();
    let gone = before.iter().filter(|one| !there.contains_key(&key(one))).map(|one| {
        let mut one = one.clone();
        one["removed"] = true.into();
        one
    });
    other.chain(gone).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn programs_are_told_what_changed() {
        let one = |id: &str, state: &str| json!({"type": "service", "id": id, "state": state});
        let before = [one("1s1", "active"), one("1s2", "active")];
        assert_eq!(changes(&[], &before), before);
        assert_eq!(changes(&before, &before), Vec::<Value>::new());
        let mut gone = one("1s2", "active");
        gone["removed"] = json!(true);
        let after = [one("1s1", "updating"), one("1s3", "active")];
        assert_eq!(changes(&before, &after), [after[0].clone(), after[1].clone(), gone]);
    }
}
