//! `wait`: until services or containers are as wanted.

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::Result;
use super::args::{Connection, Patience};
use super::client::Client;
use super::failure::{Exit, Failure};
use super::follow::{self, Aim, Wanted};
use super::inventory::{Inventory, Target};
use super::output::Output;
use super::settings::Settings;
use super::view::{Container, Service, Stack};
use crate::clock::Clock;

/// Arguments of `wait`.
///
/// The exit code is 0 when all are as wanted, 1 when one fails, and 5 when time is up.
#[derive(Clone, Debug, Default, Args)]
pub struct WaitArgs {
    /// Stacks, STACK/SERVICE, services or containers
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
    /// What they are to become
    #[arg(long = "for", value_enum, value_name = "STATE", default_value_t)]
    state: State,
    /// Seconds to wait at most; without it as long as something happens
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<u32>,
    #[command(flatten)]
    connection: Connection,
}

/// What is waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum State {
    /// They run
    #[default]
    Active,
    /// They run, and their health checks pass
    Healthy,
    /// They are stopped
    Stopped,
    /// They are gone
    Removed,
}

impl State {
    fn aim(self) -> Aim {
        match self {
            State::Active => Aim::Running,
            State::Healthy => Aim::Healthy,
            State::Stopped => Aim::Stopped,
            State::Removed => Aim::Gone,
        }
    }

    /// Whether a container is so.
    fn is(self, container: Option<&Container>) -> bool {
        let Some(one) = container else { return self == State::Removed };
        let healthy = matches!(one.health.as_str(), "" | "healthy" | "started-once");
        match self {
            State::Active => one.state == "running",
            State::Healthy => one.state == "running" && healthy,
            State::Stopped => one.state == "stopped",
            State::Removed => is_gone(&one.state),
        }
    }
}

fn is_gone(state: &str) -> bool {
    matches!(state, "removed" | "purging" | "purged")
}

/// How often a container or stack is looked at.
const ASK_MS: u64 = 200;

/// Runs the verb.
///
/// # Errors
/// When a name is unknown, something fails, or time is up.
pub async fn run(settings: &Settings, out: &Output, args: &WaitArgs) -> Result<Exit> {
    let client = Client::connect(settings, &args.connection).await?;
    let inventory = Inventory::with_containers(&client).await?.at_home(settings);
    let began = Clock::System.now_ms();
    for name in &args.names {
        match inventory.find(name) {
            Ok(Target::Service(service)) => {
                services(&client, out, args, &inventory, &[service], began).await?;
            }
            Ok(Target::Stack(stack)) => {
                let all: Vec<&Service> = inventory.services_of(stack).collect();
                services(&client, out, args, &inventory, &all, began).await?;
                if args.state == State::Removed {
                    gone(&client, args, stack, began).await?;
                }
            }
            Ok(Target::Container(one)) => container(&client, args, one, began).await?,
            // What is not there any more has been removed.
            Err(failure) if args.state != State::Removed => return Err(failure),
            Err(_) => {}
        }
        let state = format!("{:?}", args.state).to_ascii_lowercase();
        out.record(&json!({ "type": "wait", "name": name, "state": state }));
    }
    Ok(Exit::Ok)
}

/// Seconds that are left, if there is a limit. A part of one counts as a whole: what ends because of it is late.
fn left(args: &WaitArgs, began_ms: i64) -> Option<u32> {
    let limit = i64::from(args.timeout?) * 1000;
    let left = limit - (Clock::System.now_ms() - began_ms);
    Some(u32::try_from((left.max(0) + 999) / 1000).unwrap_or_default())
}

fn is_late(args: &WaitArgs, began_ms: i64) -> bool {
    let limit = args.timeout.map(|seconds| i64::from(seconds) * 1000);
    limit.is_some_and(|limit| Clock::System.now_ms() - began_ms >= limit)
}

fn late(what: String) -> Failure {
    Failure { exit: Exit::Late, ..Failure::new(what) }
}

async fn services(
    client: &Client,
    out: &Output,
    args: &WaitArgs,
    inventory: &Inventory,
    services: &[&Service],
    began_ms: i64,
) -> Result<()> {
    let wanted: Vec<Wanted> = services
        .iter()
        .map(|service| Wanted {
            shown: inventory.full_name(service),
            stack: inventory.stack_name(&service.stack_id),
            name: service.name.clone(),
            aim: args.state.aim(),
        })
        .collect();
    let Some(first) = services.first() else { return Ok(()) };
    let patience = Patience { detach: false, timeout: left(args, began_ms) };
    let ending = follow::follow(client, out, &first.stack_id, &wanted, &patience).await?;
    match ending.failure("not everything is as wanted") {
        Some(failure) if is_late(args, began_ms) => Err(Failure { exit: Exit::Late, ..failure }),
        Some(failure) => Err(failure),
        None => Ok(()),
    }
}

async fn container(client: &Client, args: &WaitArgs, one: &Container, began: i64) -> Result<()> {
    let path = client.scoped(&format!("containers/{}", one.id));
    loop {
        let row = client.find(&path).await?;
        let now = row.as_ref().map(Container::read);
        if args.state.is(now.as_ref()) {
            return Ok(());
        }
        let state = now.as_ref().map_or("gone", |now| now.state.as_str());
        if now.is_none() || is_gone(state) {
            return Err(Failure::new(format!("container `{}` is {state}", one.name)));
        }
        if is_late(args, began) {
            return Err(late(format!("container `{}` is still {state}", one.name)));
        }
        Clock::System.sleep_ms(ASK_MS).await;
    }
}

/// Waits until a stack itself is gone, which is after its services are.
async fn gone(client: &Client, args: &WaitArgs, stack: &Stack, began: i64) -> Result<()> {
    let path = client.scoped(&format!("stacks/{}", stack.id));
    loop {
        let row: Option<Value> = client.find(&path).await?;
        let state = row.as_ref().and_then(|row| row["state"].as_str()).unwrap_or("removed");
        if is_gone(state) {
            return Ok(());
        }
        if is_late(args, began) {
            return Err(late(format!("stack `{}` is still {state}", stack.name)));
        }
        Clock::System.sleep_ms(ASK_MS).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_are_as_wanted_or_not() {
        let check = |state: State, found: Option<(&str, &str)>, expect: bool| {
            let found = found.map(|(state, health)| {
                Container::read(&json!({ "state": state, "healthState": health }))
            });
            assert_eq!(state.is(found.as_ref()), expect, "{state:?} of {found:?}");
        };
        check(State::Active, Some(("running", "unhealthy")), true);
        check(State::Active, Some(("starting", "")), false);
        check(State::Healthy, Some(("running", "initializing")), false);
        check(State::Healthy, Some(("running", "healthy")), true);
        check(State::Stopped, Some(("stopped", "")), true);
        check(State::Removed, Some(("stopped", "")), false);
        check(State::Removed, Some(("purged", "")), true);
        check(State::Removed, None, true);
        check(State::Active, None, false);
    }
}
