//! `logs`: what containers print, several at once in the order of time, each line with the name of its
//! container.

mod merge;
mod printer;
mod stream;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use clap::Args;
use tokio::sync::mpsc;

use super::Result;
use super::args::Connection;
use super::client::Client;
use super::failure::{Exit, Failure};
use super::inventory::{Inventory, Target};
use super::output::Output;
use super::project;
use super::settings::Settings;
use super::view::Container;
use crate::clock::Clock;
use merge::Feed;
use printer::Printer;
use stream::{Follow, Line, Pipe, Wish};

/// Arguments of `logs`.
#[derive(Clone, Debug, Default, Args)]
pub struct LogsArgs {
    /// Stacks, STACK/SERVICE, services or containers; the stack of this folder if absent
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Go on with what is printed from now on, also by containers that are new
    ///
    /// What there is comes first, in the order of time; later lines as they come.
    #[arg(long, short = 'f')]
    pub follow: bool,
    /// Lines to begin with, of each container
    #[arg(long, short = 'n', value_name = "N", default_value_t = 100)]
    pub tail: u32,
    /// Only what was printed since then: 10m, 2h30m, or a time such as 2025-01-31T12:00:00Z
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Show when each line was printed
    #[arg(long, short = 't')]
    pub timestamps: bool,
    #[command(flatten)]
    connection: Connection,
}

/// While following, the server is asked this often for new containers, in milliseconds.
const LOOK_MS: u64 = 2_000;
/// Lines at most that a container printed between its return and our next look.
const RESUMED: u32 = 10_000;
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
    if containers.is_empty() {
        out.note("there are no containers");
    }
    let wish = Wish { lines: args.tail, follow: Follow::No, since: args.since.clone() };
    let past = merge::print(feeds(client, &containers, &wish), &mut printer).await;
    for (name, why) in past.iter().filter_map(|(name, end)| Some((name, end.why.as_ref()?))) {
        out.warning(format!("{name}: {why}"));
    }
    match past.values().any(|end| end.why.is_some()) {
        true => Ok(Exit::Failed),
        false => Ok(Exit::Ok),
    }
}

/// Reads several logs, each with a queue of its own: none runs ahead of the others by more than that.
fn feeds(client: &Client, containers: &[Container], wish: &Wish) -> Vec<Feed> {
    let feed = |one: &Container| {
        let (to, from) = mpsc::channel(BACKLOG);
        tokio::spawn(stream::read(client.clone(), one.clone(), wish.clone(), to));
        Feed::new(&one.name, from)
    };
    containers.iter().map(feed).collect()
}

/// What there is and what comes, until Ctrl-C.
async fn follow(
    settings: &Settings,
    client: &Client,
    out: &Output,
    args: &LogsArgs,
    names: &[String],
) -> Result<Exit> {
    let mut printer = Printer::new(out, args.timestamps);
    let mut open: HashSet<String> = HashSet::new();
    let (to, mut from) = mpsc::channel(BACKLOG);
    let inventory = Inventory::with_containers(client).await?.at_home(settings);
    let mut containers = chosen(&inventory, names)?;
    if containers.is_empty() {
        out.note("there are no containers yet; waiting for them");
    }
    printer.make_room(&containers);
    let with_past: Vec<Container> = containers
        .iter()
        .filter(|one| is_readable(one) || one.state == "stopped")
        .cloned()
        .collect();
    let wish = Wish { lines: args.tail, follow: Follow::No, since: args.since.clone() };
    let past = merge::print(feeds(client, &with_past, &wish), &mut printer).await;
    let mut seen: HashMap<String, Seen> =
        past.into_iter().filter_map(|(name, end)| Some((name, Seen::after(end.last?)))).collect();
    loop {
        printer.make_room(&containers);
        for one in containers {
            if !is_readable(&one) || !open.insert(one.name.clone()) {
                continue;
            }
            let (lines, since) = match seen.get(&one.name) {
                None => (args.tail, args.since.clone()),
                Some(seen) => (RESUMED, Some(seen.ended_s.to_string())),
            };
            let wish = Wish { lines, follow: Follow::Yes, since };
            tokio::spawn(stream::read(client.clone(), one, wish, to.clone()));
        }
        listen(out, &mut printer, &mut from, &mut open, &mut seen).await;
        let inventory = Inventory::with_containers(client).await?.at_home(settings);
        // What was there at first may be gone now and come again.
        containers = chosen(&inventory, names).unwrap_or_default();
    }
}

/// Prints what comes until it is time to look for new containers.
async fn listen(
    out: &Output,
    printer: &mut Printer<'_>,
    from: &mut mpsc::Receiver<Pipe>,
    open: &mut HashSet<String>,
    seen: &mut HashMap<String, Seen>,
) {
    let clock = Clock::System;
    let mut pause = std::pin::pin!(clock.sleep_ms(LOOK_MS));
    loop {
        if from.is_empty() {
            printer.flush();
        }
        tokio::select! {
            () = &mut pause => return printer.flush(),
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
                None => return printer.flush(),
            },
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
    /// All up to a line of this time was shown.
    fn after(time: String) -> Self {
        let at = time.parse::<jiff::Timestamp>().map(jiff::Timestamp::as_second);
        Seen { ended_s: at.unwrap_or_default(), last: Some(time) }
    }

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
