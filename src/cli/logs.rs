//! `logs`: what containers print, several at once, each line with the name of its container.

mod stream;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use clap::Args;
use serde_json::json;
use tokio::sync::mpsc;

use super::Result;
use super::args::Connection;
use super::client::Client;
use super::failure::{Exit, Failure};
use super::inventory::{Inventory, Target};
use super::output::{Format, Output, Style};
use super::project;
use super::settings::Settings;
use super::view::Container;
use crate::clock::Clock;
use stream::{Follow, Line, Pipe, Wish};

/// Arguments of `logs`.
#[derive(Clone, Debug, Default, Args)]
pub struct LogsArgs {
    /// Stacks, STACK/SERVICE, services or containers; the stack of this folder if absent
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Go on with what is printed from now on, also by containers that are new
    #[arg(long, short = 'f')]
    pub follow: bool,
    /// Lines to begin with, of each container
    #[arg(long, short = 'n', value_name = "N", default_value_t = 100)]
    pub tail: u32,
    /// Show when each line was printed
    #[arg(long, short = 't')]
    pub timestamps: bool,
    #[command(flatten)]
    connection: Connection,
}

/// While following, the server is asked this often for new containers, in milliseconds.
const LOOK_MS: u64 = 2_000;
/// Lines at most that a container printed between its return and our next look.
const RESUMED: u32 = 1_000;
/// Lines between the readers and the terminal.
const BACKLOG: usize = 1024;

/// Runs the verb.
///
/// # Errors
/// When a name is unknown or the server cannot be reached.
pub async fn run(settings: &Settings, out: &Output, args: &LogsArgs) -> Result<Exit> {
    let client = Client::connect(settings, &args.connection).await?;
    let names = match args.names.is_empty() {
        true => vec![project::stack_name(settings, None)?],
        false => args.names.clone(),
    };
    match args.follow {
        true => follow(settings, &client, out, args, &names).await,
        false => once(settings, &client, out, args, &names).await,
    }
}

/// What there is, of all containers in the order of time.
async fn once(
    settings: &Settings,
    client: &Client,
    out: &Output,
    args: &LogsArgs,
    names: &[String],
) -> Result<Exit> {
    let inventory = Inventory::with_containers(client).await?.at_home(settings);
    let containers = chosen(&inventory, names)?;
    let mut printer = Printer::new(out, args.timestamps);
    printer.make_room(&containers);
    let (to, mut from) = mpsc::channel(BACKLOG);
    for container in &containers {
        let wish = Wish { lines: args.tail, follow: Follow::No, since_s: None };
        tokio::spawn(stream::read(client.clone(), container.clone(), wish, to.clone()));
    }
    drop(to);
    let mut lines: Vec<(String, Line)> = Vec::new();
    let mut exit = Exit::Ok;
    while let Some(pipe) = from.recv().await {
        match pipe {
            Pipe::Line(name, line) => lines.push((name, line)),
            Pipe::End(name, Some(why)) => {
                out.warning(format!("{name}: {why}"));
                exit = Exit::Failed;
            }
            Pipe::End(_, None) => {}
        }
    }
    // Times are written alike, so their text sorts; lines of one container keep their order.
    lines.sort_by(|a, b| a.1.time.cmp(&b.1.time));
    for (name, line) in &lines {
        printer.print(name, line);
    }
    if containers.is_empty() {
        out.note("there are no containers");
    }
    Ok(exit)
}

/// What there is and what comes, until Ctrl-C.
async fn follow(
    settings: &Settings,
    client: &Client,
    out: &Output,
    args: &LogsArgs,
    names: &[String],
) -> Result<Exit> {
    let clock = Clock::System;
    let mut printer = Printer::new(out, args.timestamps);
    let mut open: HashSet<String> = HashSet::new();
    let mut seen: HashMap<String, Seen> = HashMap::new();
    let (to, mut from) = mpsc::channel(BACKLOG);
    let mut first = true;
    loop {
        let inventory = Inventory::with_containers(client).await?.at_home(settings);
        let containers = match chosen(&inventory, names) {
            // What was there at first may be gone now and come again.
            Err(_) if !first => Vec::new(),
            chosen => chosen?,
        };
        if first && containers.is_empty() {
            out.note("there are no containers yet; waiting for them");
        }
        first = false;
        printer.make_room(&containers);
        for one in containers {
            if !is_readable(&one) || !open.insert(one.name.clone()) {
                continue;
            }
            let wish = match seen.get(&one.name) {
                None => Wish { lines: args.tail, follow: Follow::Yes, since_s: None },
                Some(seen) => {
                    Wish { lines: RESUMED, follow: Follow::Yes, since_s: Some(seen.ended_s) }
                }
            };
            tokio::spawn(stream::read(client.clone(), one, wish, to.clone()));
        }
        let mut pause = std::pin::pin!(clock.sleep_ms(LOOK_MS));
        loop {
            tokio::select! {
                () = &mut pause => break,
                pipe = from.recv() => match pipe {
                    Some(Pipe::Line(name, line)) => {
                        if seen.entry(name.clone()).or_default().is_new(&line) {
                            printer.print(&name, &line);
                        }
                    }
                    Some(Pipe::End(name, why)) => {
                        open.remove(&name);
                        seen.entry(name.clone()).or_default().ended_s = clock.now_ms() / 1000;
                        if let Some(why) = why {
                            out.warning(format!("{name}: {why}"));
                        }
                    }
                    None => break,
                },
            }
        }
    }
}

/// What is known of a container whose log has ended: it may come back, and then goes on from there.
#[derive(Debug, Default)]
struct Seen {
    ended_s: i64,
    last: Option<String>,
}

impl Seen {
    /// Whether a line is later than those before. The server counts in seconds where to begin, so
    /// that some lines come twice; Docker writes all times alike, so that their text sorts.
    fn is_new(&mut self, line: &Line) -> bool {
        if self.ended_s > 0 && line.time.is_some() && line.time <= self.last {
            return false;
        }
        self.last.clone_from(&line.time);
        true
    }
}

/// Containers whose log can be followed now.
fn is_readable(one: &Container) -> bool {
    matches!(one.state.as_str(), "running" | "stopping")
}

/// The containers that names mean, each once.
fn chosen(inventory: &Inventory, names: &[String]) -> Result<Vec<Container>> {
    let mut chosen: Vec<Container> = Vec::new();
    for name in names {
        let found: Vec<&Container> = match inventory.find(name)? {
            Target::Container(one) => vec![one],
            Target::Service(service) => inventory.containers_of(service),
            Target::Stack(stack) => inventory
                .services_of(stack)
                .flat_map(|service| inventory.containers_of(service))
                .collect(),
        };
        for one in found {
            if !chosen.iter().any(|known| known.id == one.id) {
                chosen.push(one.clone());
            }
        }
    }
    if chosen.len() > MOST {
        return Err(Failure::usage(format!("these are {} containers", chosen.len()))
            .hint(format!("name a service; the logs of {MOST} can be read at once")));
    }
    Ok(chosen)
}

/// Logs read at once: each is a connection.
const MOST: usize = 200;

/// Prints lines with the names of their containers in one column.
struct Printer<'a> {
    out: &'a Output,
    timestamps: bool,
    width: usize,
    names: Vec<String>,
}

impl<'a> Printer<'a> {
    fn new(out: &'a Output, timestamps: bool) -> Self {
        Printer { out, timestamps, width: 0, names: Vec::new() }
    }

    fn make_room(&mut self, containers: &[Container]) {
        for one in containers {
            self.width = self.width.max(one.name.chars().count());
            if !self.names.contains(&one.name) {
                self.names.push(one.name.clone());
            }
        }
    }

    fn print(&self, name: &str, line: &Line) {
        if self.out.format == Format::Json {
            self.out.record(&json!({
                "type": "log", "container": name, "stream": line.stream.name(),
                "time": line.time, "line": line.text,
            }));
            return;
        }
        let at = self.names.iter().position(|known| known == name).unwrap_or_default();
        let prefix = format!("{name:width$} |", width = self.width);
        let prefix = self.out.paint(Style::Series(at), &prefix);
        match line.time.as_deref().filter(|_| self.timestamps) {
            Some(time) => {
                let time = self.out.paint(Style::Dim, time);
                self.out.line(format!("{prefix} {time} {}", line.text));
            }
            None => self.out.line(format!("{prefix} {}", line.text)),
        }
    }
}
