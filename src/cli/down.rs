//! `down`: removes a stack, after saying what will be lost.

use clap::Args;
use serde_json::{Value, json};

use super::Result;
use super::args::{Connection, Patience};
use super::client::Client;
use super::failure::{Exit, Failure};
use super::follow::{self, Aim, Wanted};
use super::inventory::Inventory;
use super::output::{Answer, Output};
use super::project;
use super::settings::Settings;
use super::view::Stack;
use crate::clock::Clock;

/// Arguments of `down`.
#[derive(Clone, Debug, Default, Args)]
pub struct DownArgs {
    /// Stack; the one of this folder's compose file if absent
    #[arg(value_name = "STACK")]
    pub stack: Option<String>,
    /// Stack, as `up` names it
    #[arg(long = "project-name", short = 'p', value_name = "NAME", conflicts_with = "stack")]
    pub name: Option<String>,
    /// Also remove the stack's volumes with all that is stored in them
    #[arg(long, short = 'v')]
    pub volumes: bool,
    /// Do not ask
    #[arg(long, short = 'y')]
    pub yes: bool,
    #[command(flatten)]
    patience: Patience,
    #[command(flatten)]
    connection: Connection,
}

/// A pause between two questions, in milliseconds.
const PAUSE_MS: u64 = 50;

/// Runs the verb.
///
/// # Errors
/// When there is no such stack, nobody says yes, or it cannot be removed.
pub async fn run(settings: &Settings, out: &Output, args: &DownArgs) -> Result<Exit> {
    let said = args.stack.as_deref().or(args.name.as_deref());
    let name = project::stack_name(settings, said)?;
    let client = Client::connect(settings, &args.connection).await?;
    let inventory = Inventory::read(&client).await?;
    let stack = inventory.find_stack(&name)?;
    let filter = [("stackId", stack.id.as_str())];
    let volumes = client.list(&client.scoped("volumes"), &filter).await?;
    let volumes = volume_names(&volumes);
    let loss = loss(&inventory, stack, &volumes, args.volumes);
    if !args.yes {
        out.note(&loss);
        if out.ask("Remove it?", "--yes to remove it without being asked")? == Answer::No {
            out.note("nothing was changed");
            return Ok(Exit::Failed);
        }
    }
    let path = client.scoped(&format!("stacks/{}", stack.id));
    client.act(&path, "remove", &json!({ "volumes": args.volumes })).await?;
    out.record(&json!({ "type": "removing", "stack": name, "volumes": args.volumes }));
    if !args.patience.detach {
        wait(&client, out, &inventory, stack, &args.patience).await?;
    }
    let kept = !volumes.is_empty() && !args.volumes;
    let rest = if kept { format!("; volumes kept: {}", volumes.join(", ")) } else { String::new() };
    let word = if args.patience.detach { "is being removed" } else { "is removed" };
    out.say(
        format!("stack {name} {word}{rest}"),
        &json!({
            "type": "stack", "stack": name,
            "result": if args.patience.detach { "removing" } else { "removed" },
            "volumesKept": if kept { volumes } else { Vec::new() },
        }),
    );
    Ok(Exit::Ok)
}

async fn wait(
    client: &Client,
    out: &Output,
    inventory: &Inventory,
    stack: &Stack,
    patience: &Patience,
) -> Result<()> {
    let wanted: Vec<Wanted> = inventory
        .services_of(stack)
        .map(|service| Wanted {
            shown: service.name.clone(),
            stack: stack.name.clone(),
            name: service.name.clone(),
            aim: Aim::Gone,
        })
        .collect();
    let ending = follow::follow(client, out, &stack.id, &wanted, patience).await?;
    if let Some(failure) = ending.failure(&format!("stack {} is not removed yet", stack.name)) {
        return Err(failure);
    }
    stack_gone(client, stack, patience).await
}

/// The services are gone; the stack follows, and its volumes before it.
async fn stack_gone(client: &Client, stack: &Stack, patience: &Patience) -> Result<()> {
    let clock = Clock::System;
    let began = clock.now_ms();
    let path = client.scoped(&format!("stacks/{}", stack.id));
    loop {
        let found = client.find(&path).await?.map(|value| Stack::read(&value));
        let Some(stack) = found.filter(|one| !is_gone(&one.state)) else { return Ok(()) };
        let late = |limit: u32| clock.now_ms() - began >= i64::from(limit) * 1000;
        if patience.timeout.is_some_and(late) {
            let (name, state, message) = (stack.name, stack.state, stack.message);
            return Err(Failure::new(format!("stack {name} is still {state}: {message}")));
        }
        clock.sleep_ms(PAUSE_MS).await;
    }
}

fn is_gone(state: &str) -> bool {
    matches!(state, "removed" | "purging" | "purged")
}

fn volume_names(volumes: &[Value]) -> Vec<String> {
    let gone = |volume: &&Value| volume["state"].as_str().is_some_and(is_gone);
    let name = |volume: &Value| volume["name"].as_str().unwrap_or_default().to_owned();
    let mut names: Vec<String> = volumes.iter().filter(|one| !gone(one)).map(name).collect();
    names.retain(|name| !name.is_empty());
    names.sort();
    names
}

/// What removing a stack takes away.
fn loss(inventory: &Inventory, stack: &Stack, volumes: &[String], with_volumes: bool) -> String {
    let services: Vec<&str> = inventory.services_of(stack).map(|one| one.name.as_str()).collect();
    let containers: u64 = inventory.services_of(stack).map(|one| one.current).sum();
    let count =
        |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    let mut text = format!(
        "Removing stack {} loses {} ({}) and {} with what is stored in them.",
        stack.name,
        count(services.len(), "service"),
        services.join(", "),
        count(usize::try_from(containers).unwrap_or_default(), "container"),
    );
    if services.is_empty() {
        text = format!("Stack {} has no services.", stack.name);
    }
    match (volumes, with_volumes) {
        ([], _) => {}
        (volumes, true) => {
            let count = count(volumes.len(), "volume");
            text.push_str(&format!(" ALL DATA in {count} is lost, too: {}.", volumes.join(", ")));
        }
        (volumes, false) => {
            text.push_str(&format!(" Volumes are kept: {}.", volumes.join(", ")));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    #[test]
    fn the_loss_is_said_beforehand() {
        let check = |services: &[Value], volumes: &[Value], with, expect: Expect| {
            let stacks = [json!({"id": "1st1", "name": "blog"})];
            let inventory = Inventory::of(&stacks, services, &[]);
            let stack = inventory.find_stack("blog").unwrap();
            expect.assert_eq(&loss(&inventory, stack, &volume_names(volumes), with));
        };
        let services = [
            json!({"id": "1s1", "name": "web", "stackId": "1st1", "currentScale": 3}),
            json!({"id": "1s2", "name": "db", "stackId": "1st1", "currentScale": 1}),
            json!({"id": "1s3", "name": "other", "stackId": "1st2", "currentScale": 9}),
        ];
        let volumes = [
            json!({"name": "blog_data", "state": "active"}),
            json!({"name": "old", "state": "removed"}),
        ];
        check(
            &services,
            &volumes,
            false,
            expect![[
                "Removing stack blog loses 2 services (db, web) and 4 containers with what is stored in them. Volumes are kept: blog_data."
            ]],
        );
        check(
            &services[..1],
            &volumes,
            true,
            expect![[
                "Removing stack blog loses 1 service (web) and 3 containers with what is stored in them. ALL DATA in 1 volume is lost, too: blog_data."
            ]],
        );
        check(&[], &[], true, expect!["Stack blog has no services."]);
    }
}
