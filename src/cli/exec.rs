//! `exec`: a command in a container, with this terminal or with pipes, and its exit code.

mod session;

use std::io::{self, IsTerminal as _};

use clap::Args;
use serde_json::json;

use super::Result;
use super::args::Connection;
use super::client::Client;
use super::failure::{Exit, Failure};
use super::inventory::{Inventory, Target};
use super::output::Output;
use super::settings::Settings;
use super::terminal::Raw;
use super::view::{Container, Service};
use session::Shape;

/// Arguments of `exec`.
///
/// `ranchette exec web` on a terminal opens a shell. The exit code is that of the command, or 125 if it
/// could not be run.
#[derive(Clone, Debug, Default, Args)]
pub struct ExecArgs {
    /// Hand standard input to the command
    #[arg(long, short = 'i')]
    interactive: bool,
    /// Give the command a terminal
    #[arg(long, short = 't')]
    tty: bool,
    /// Which container of the service, by its number; the first that runs if absent
    #[arg(long, value_name = "N")]
    index: Option<u32>,
    #[command(flatten)]
    connection: Connection,
    /// Container, service or STACK/SERVICE
    #[arg(value_name = "NAME")]
    name: String,
    /// The command and its arguments; `sh` on a terminal if absent
    #[arg(value_name = "COMMAND", trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

/// Runs the verb.
///
/// # Errors
/// When the command cannot be run; the exit code is 125 then, as no command's own is likely to be.
pub async fn run(settings: &Settings, out: &Output, args: &ExecArgs) -> Result<Exit> {
    let ended = attempt(settings, out, args).await;
    ended.map_err(|failure| Failure { exit: Exit::NotRun, ..failure })
}

async fn attempt(settings: &Settings, out: &Output, args: &ExecArgs) -> Result<Exit> {
    let on_terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
    let (command, shape) = wanted(args, on_terminal)?;
    let client = Client::connect(settings, &args.connection).await?;
    let inventory = Inventory::with_containers(&client).await?.at_home(settings);
    let container = container(&inventory, &args.name, args.index)?;
    let path = client.scoped(&format!("containers/{}", container.id));
    let input = json!({
        "command": command,
        "attachStdin": shape.input,
        "attachStdout": true,
        "tty": shape.tty,
    });
    let access = client.act(&path, "execute", &input).await?;
    let socket = client.open_with(&access, "&output=apart").await?;
    let raw = shape.tty.then(Raw::begin).transpose()?;
    let ended = session::run(socket, out, shape).await;
    drop(raw);
    ended
}

/// The command, and how it is attached.
fn wanted(args: &ExecArgs, on_terminal: bool) -> Result<(Vec<String>, Shape)> {
    if args.tty && !on_terminal {
        return Err(Failure::usage("a command can be given a terminal only from one")
            .hint("leave out -t; -i hands standard input on"));
    }
    let shape = Shape { input: args.interactive, tty: args.tty };
    match (args.command.as_slice(), on_terminal) {
        ([], true) => Ok((vec!["sh".to_owned()], Shape { input: true, tty: true })),
        ([], false) => {
            Err(Failure::usage("there is no command").hint("say it at the end: -- COMMAND"))
        }
        (command, _) => Ok((command.to_vec(), shape)),
    }
}

/// The container that is meant.
fn container<'a>(
    inventory: &'a Inventory,
    name: &str,
    index: Option<u32>,
) -> Result<&'a Container> {
    match inventory.find(name)? {
        Target::Container(one) => Ok(one),
        Target::Service(service) => one_of(inventory, service, index),
        Target::Stack(stack) => {
            let services: Vec<&Service> = inventory.services_of(stack).collect();
            match services.as_slice() {
                [only] => one_of(inventory, only, index),
                several => {
                    let names: Vec<String> =
                        several.iter().map(|one| inventory.full_name(one)).collect();
                    Err(Failure::usage(format!("`{name}` is a stack, not a container"))
                        .hint(format!("say one of `{}`", names.join("`, `"))))
                }
            }
        }
    }
}

fn one_of<'a>(
    inventory: &'a Inventory,
    service: &'a Service,
    index: Option<u32>,
) -> Result<&'a Container> {
    let name = inventory.full_name(service);
    let containers = inventory.containers_of(service);
    let end = index.map(|index| format!("-{index}"));
    let fits = |one: &&&Container| match &end {
        Some(end) => one.name.ends_with(end.as_str()),
        None => one.state == "running",
    };
    if let Some(one) = containers.iter().find(fits) {
        return Ok(one);
    }
    let names: Vec<&str> = containers.iter().map(|one| one.name.as_str()).collect();
    let failure = match index {
        Some(index) => Failure::usage(format!("service `{name}` has no container {index}")),
        None => Failure::new(format!("no container of service `{name}` runs")),
    };
    Err(match (names.as_slice(), index) {
        ([], _) => failure,
        (names, Some(_)) => failure.hint(format!("it has `{}`", names.join("`, `"))),
        (_, None) => failure.hint(format!("`ranchette ps -c {name}` shows why")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn a_shell_on_a_terminal_and_a_command_elsewhere() {
        let check = |line: &str, on_terminal, expect: std::result::Result<&str, &str>| {
            let mut args = ExecArgs::default();
            for word in line.split_whitespace() {
                match word {
                    "-i" => args.interactive = true,
                    "-t" => args.tty = true,
                    word => args.command.push(word.to_owned()),
                }
            }
            let found = wanted(&args, on_terminal).map(|(command, shape)| {
                format!("{} input={} tty={}", command.join(" "), shape.input, shape.tty)
            });
            let found = found.map_err(|failure| failure.message);
            assert_eq!(found.as_deref().map_err(String::as_str), expect, "of {line}");
        };
        check("", true, Ok("sh input=true tty=true"));
        check("", false, Err("there is no command"));
        check("ls", true, Ok("ls input=false tty=false"));
        check("-i cat", false, Ok("cat input=true tty=false"));
        check("-i -t sh", true, Ok("sh input=true tty=true"));
        check("-t sh", false, Err("a command can be given a terminal only from one"));
    }

    #[test]
    fn the_container_is_found_by_service_and_number() {
        let one = |id: &str, name: &str, state: &str| json!({"id": id, "name": name, "state": state, "serviceId": "1s1", "stackId": "1st1"});
        let containers = [
            one("1i1", "shop-web-1", "stopped"),
            one("1i2", "shop-web-2", "running"),
            one("1i3", "shop-web-12", "running"),
        ];
        let service = |id: &str, name: &str| json!({"id": id, "name": name, "stackId": "1st1"});
        let services = [service("1s1", "web"), service("1s2", "db")];
        let stacks: [Value; 1] = [json!({"id": "1st1", "name": "shop"})];
        let inventory = Inventory::of(&stacks, &services, &containers);
        let check = |name: &str, index, expect: std::result::Result<&str, &str>| {
            let found = container(&inventory, name, index);
            let found = found.map(|one| one.name.as_str()).map_err(|failure| failure.message);
            assert_eq!(
                found.as_ref().map(|name| &**name).map_err(|e| e.as_str()),
                expect,
                "{name}"
            );
        };
        check("web", None, Ok("shop-web-2"));
        check("shop/web", Some(1), Ok("shop-web-1"));
        check("web", Some(3), Err("service `shop/web` has no container 3"));
        check("db", None, Err("no container of service `shop/db` runs"));
        check("shop", None, Err("`shop` is a stack, not a container"));
        check("shop-web-12", None, Ok("shop-web-12"));
    }
}
