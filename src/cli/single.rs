//! `run` and `rm`: single containers, outside of any stack.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Map, Value, json};

use super::Result;
use super::args::{Connection, Patience};
use super::client::Client;
use super::failure::{Exit, Failure};
use super::inventory::{Inventory, Target};
use super::output::{Answer, Output};
use super::settings::Settings;
use super::view::{Container, Moving};
use crate::clock::Clock;
use crate::model::names::label;

/// Arguments of `run`.
///
/// A container that is to be kept running, scaled and upgraded wants a service: see `ranchette up`.
#[derive(Clone, Debug, Default, Args)]
pub struct RunArgs {
    /// Its name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Publish a port: HOST:CONTAINER, or CONTAINER alone; may end with /udp
    #[arg(long, short = 'p', value_name = "PORT")]
    publish: Vec<String>,
    /// Environment variable: NAME=VALUE, or NAME for the value that it has here
    #[arg(long, value_name = "NAME=VALUE")]
    env: Vec<String>,
    /// File with a variable a line
    #[arg(long, value_name = "FILE")]
    env_file: Vec<PathBuf>,
    /// Volume or folder of the host: SOURCE:PATH, may end with :ro
    #[arg(long, short = 'v', value_name = "SOURCE:PATH")]
    volume: Vec<String>,
    /// Label
    #[arg(long, short = 'l', value_name = "NAME=VALUE")]
    label: Vec<String>,
    /// Host to run on, by name or id
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// Network: managed, host, bridge or none
    #[arg(long, visible_alias = "net", value_name = "NETWORK")]
    network: Option<String>,
    /// When it is started again: no, always, unless-stopped, on-failure or on-failure:N
    #[arg(long, value_name = "POLICY", value_parser = policy)]
    restart: Option<Policy>,
    /// In place of the image's entry point
    #[arg(long, value_name = "COMMAND")]
    entrypoint: Option<String>,
    /// User in the container
    #[arg(long, short = 'u', value_name = "USER")]
    user: Option<String>,
    /// Folder to begin in
    #[arg(long, short = 'w', value_name = "DIR")]
    workdir: Option<String>,
    /// What the container calls itself
    #[arg(long, value_name = "NAME")]
    hostname: Option<String>,
    /// Name and address for its /etc/hosts
    #[arg(long, value_name = "NAME:ADDRESS")]
    add_host: Vec<String>,
    /// Name server
    #[arg(long, value_name = "ADDRESS")]
    dns: Vec<String>,
    /// Most memory: bytes, or with k, m or g behind
    #[arg(long, short = 'm', value_name = "SIZE", value_parser = size)]
    memory: Option<u64>,
    /// Capability to add
    #[arg(long, value_name = "CAPABILITY")]
    cap_add: Vec<String>,
    /// Capability to take away
    #[arg(long, value_name = "CAPABILITY")]
    cap_drop: Vec<String>,
    /// Device of the host: PATH or PATH:PATH:RIGHTS
    #[arg(long, value_name = "DEVICE")]
    device: Vec<String>,
    /// Give it all rights on its host
    #[arg(long)]
    privileged: bool,
    /// Let it write nowhere but in volumes
    #[arg(long)]
    read_only: bool,
    /// Keep its standard input open
    #[arg(long, short = 'i')]
    interactive: bool,
    /// Give it a terminal
    #[arg(long, short = 't')]
    tty: bool,
    /// Pull the image, also if the host has it
    #[arg(long)]
    pull: bool,
    #[command(flatten)]
    patience: Patience,
    #[command(flatten)]
    connection: Connection,
    /// The image
    #[arg(value_name = "IMAGE")]
    image: String,
    /// A command in place of the image's
    #[arg(value_name = "COMMAND", trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

/// Arguments of `rm`.
#[derive(Clone, Debug, Default, Args)]
pub struct RmArgs {
    /// Containers, by name or id
    #[arg(required = true, value_name = "CONTAINER")]
    names: Vec<String>,
    /// Also containers of services, which get new ones
    #[arg(long, short = 'f')]
    force: bool,
    /// Do not ask
    #[arg(long, short = 'y')]
    yes: bool,
    #[command(flatten)]
    patience: Patience,
    #[command(flatten)]
    connection: Connection,
}

/// When a container is started again.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Policy {
    name: String,
    most: Option<u32>,
}

fn policy(text: &str) -> std::result::Result<Policy, String> {
    let (name, most) = text.split_once(':').map_or((text, None), |(a, b)| (a, Some(b)));
    let known = ["no", "always", "unless-stopped", "on-failure"];
    if !known.contains(&name) || (most.is_some() && name != "on-failure") {
        return Err(format!("it is one of {}, or on-failure:N", known.join(", ")));
    }
    let most = most.map(str::parse).transpose();
    let most = most.map_err(|_| "on-failure: is followed by a number".to_owned())?;
    Ok(Policy { name: name.to_owned(), most })
}

fn size(text: &str) -> std::result::Result<u64, String> {
    let lower = text.to_ascii_lowercase();
    let bare = lower.trim_end_matches('b');
    let (number, unit) = match bare.strip_suffix(['k', 'm', 'g']) {
        Some(number) => (number, bare.as_bytes().last().copied()),
        None => (bare, None),
    };
    let times = match unit {
        Some(b'k') => 1_u64 << 10,
        Some(b'm') => 1 << 20,
        Some(b'g') => 1 << 30,
        _ => 1,
    };
    let number: Option<u64> = number.parse().ok();
    number
        .and_then(|number| number.checked_mul(times))
        .ok_or_else(|| format!("`{text}` is no size, such as 512m or 2g"))
}

/// A pause between two questions, in milliseconds.
const PAUSE_MS: u64 = 100;
/// A failure that lasts so long is not waited for.
const HOPELESS_MS: i64 = 5_000;

/// Runs `run`.
///
/// # Errors
/// When the server refuses, or the container does not run.
pub async fn run(settings: &Settings, out: &Output, args: &RunArgs) -> Result<Exit> {
    let client = Client::connect(settings, &args.connection).await?;
    let mut body = body(settings, args)?;
    if let Some(host) = &args.host {
        body.insert("requestedHostId".to_owned(), host_id(&client, host).await?.into());
    }
    let made = client.post(&client.scoped("containers"), &Value::Object(body)).await?;
    let mut one = Container::read(&made);
    if !args.patience.detach {
        one = until_it_runs(&client, &one, args.patience.timeout).await?;
    }
    out.record(&one.json("", ""));
    let shown = if one.name.is_empty() { &one.id } else { &one.name };
    let ports = if one.ports.is_empty() { String::new() } else { one.ports.join(", ") };
    let facts: Vec<&str> = [one.address.as_str(), ports.as_str()]
        .into_iter()
        .filter(|fact| !fact.is_empty())
        .collect();
    let at = if facts.is_empty() { String::new() } else { format!(": {}", facts.join(", ")) };
    out.line(match one.state.as_str() {
        "running" => format!("container {shown} runs{at}"),
        state => format!("container {shown} is {state}"),
    });
    Ok(Exit::Ok)
}

/// What the server is told.
fn body(settings: &Settings, args: &RunArgs) -> Result<Map<String, Value>> {
    let mut body = Map::new();
    let mut set = |field: &str, value: Value| {
        let empty = match &value {
            Value::Array(items) => items.is_empty(),
            Value::Object(map) => map.is_empty(),
            Value::Null | Value::Bool(false) => true,
            Value::Bool(true) | Value::Number(_) | Value::String(_) => false,
        };
        if !empty {
            body.insert(field.to_owned(), value);
        }
    };
    let image = match args.image.split_once(':') {
        Some(("docker" | "sim", _)) => args.image.clone(),
        _ => format!("docker:{}", args.image),
    };
    let mut labels = pairs("label", &args.label)?;
    if args.pull {
        labels.insert(label::PULL_IMAGE.to_owned(), "always".into());
    }
    set("imageUuid", image.into());
    set("name", args.name.clone().into());
    set("command", args.command.clone().into());
    set("entryPoint", args.entrypoint.iter().cloned().collect());
    set("environment", variables(settings, args)?.into());
    set("ports", args.publish.clone().into());
    set("dataVolumes", args.volume.clone().into());
    set("labels", labels.into());
    set("networkMode", args.network.clone().into());
    set("user", args.user.clone().into());
    set("workingDir", args.workdir.clone().into());
    set("hostname", args.hostname.clone().into());
    set("extraHosts", args.add_host.clone().into());
    set("dns", args.dns.clone().into());
    set("memory", args.memory.into());
    set("capAdd", args.cap_add.clone().into());
    set("capDrop", args.cap_drop.clone().into());
    set("devices", args.device.clone().into());
    set("privileged", args.privileged.into());
    set("readOnly", args.read_only.into());
    set("stdinOpen", args.interactive.into());
    set("tty", args.tty.into());
    let policy = args.restart.as_ref().map(|policy| match policy.most {
        Some(most) => json!({ "name": policy.name, "maximumRetryCount": most }),
        None => json!({ "name": policy.name }),
    });
    set("restartPolicy", policy.unwrap_or_default());
    Ok(body)
}

fn pairs(what: &str, written: &[String]) -> Result<Map<String, Value>> {
    let pair = |text: &String| match text.split_once('=') {
        Some(("", _)) => Err(Failure::usage(format!("{what} `{text}` has no name"))),
        Some((name, value)) => Ok((name.to_owned(), value.into())),
        None => Ok((text.clone(), "".into())),
    };
    written.iter().map(pair).collect()
}

/// Variables out of files and flags; a flag counts more.
fn variables(settings: &Settings, args: &RunArgs) -> Result<Map<String, Value>> {
    let mut found = Map::new();
    let mut written = Vec::new();
    for file in &args.env_file {
        let path = settings.absolute(file);
        let text = std::fs::read_to_string(&path);
        let text = text.map_err(|error| Failure::file("read", &path, &error))?;
        let lines = text.lines().map(str::trim);
        let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        written.extend(lines.map(str::to_owned));
    }
    written.extend(args.env.iter().cloned());
    for text in &written {
        match text.split_once('=') {
            Some(("", _)) => {
                return Err(Failure::usage(format!("variable `{text}` has no name")));
            }
            Some((name, value)) => {
                found.insert(name.to_owned(), value.into());
            }
            // One that is not set here is not set there.
            None => {
                if let Some(value) = settings.around.var(text) {
                    found.insert(text.clone(), value.into());
                }
            }
        }
    }
    Ok(found)
}

async fn host_id(client: &Client, wanted: &str) -> Result<String> {
    let hosts = client.list(&client.scoped("hosts"), &[]).await?;
    let is = |host: &&Value| ["id", "name", "hostname"].iter().any(|key| host[*key] == wanted);
    let found = hosts.iter().find(is).and_then(|host| host["id"].as_str());
    found.map(str::to_owned).ok_or_else(|| {
        Failure::usage(format!("there is no host `{wanted}`"))
            .hint("`ranchette hosts` shows those there are")
    })
}

/// Waits until a container runs, or has run to its end.
async fn until_it_runs(client: &Client, one: &Container, limit: Option<u32>) -> Result<Container> {
    let clock = Clock::System;
    let began = clock.now_ms();
    let path = client.scoped(&format!("containers/{}", one.id));
    let mut failing_since = None;
    loop {
        let row = client.find(&path).await?;
        // One that was made and has not been started is stopped, too.
        let has_run = row.as_ref().is_some_and(|row| row["firstRunning"].is_string());
        let now = row.as_ref().map(Container::read);
        let Some(now) = now.filter(|now| !is_gone(&now.state)) else {
            return Err(Failure::new(format!("container `{}` was removed", one.name)));
        };
        if now.state == "running" || (now.state == "stopped" && has_run) {
            return Ok(now);
        }
        let at = clock.now_ms();
        let fails = now.moving == Moving::Failing || now.state == "error";
        failing_since = fails.then(|| failing_since.unwrap_or(at));
        let late = limit.is_some_and(|limit| at - began >= i64::from(limit) * 1000);
        let hopeless = failing_since.is_some_and(|since| at - since >= HOPELESS_MS);
        if late || hopeless {
            let (name, state, message) = (&now.name, &now.state, &now.message);
            return Err(Failure::new(format!("container `{name}` is still {state}: {message}"))
                .hint("`ranchette rm` removes it; `ranchette logs` shows what it printed"));
        }
        clock.sleep_ms(PAUSE_MS).await;
    }
}

fn is_gone(state: &str) -> bool {
    matches!(state, "removing" | "removed" | "purging" | "purged")
}

/// Runs `rm`.
///
/// # Errors
/// When a name is unknown, nobody says yes, or the server refuses.
pub async fn rm(settings: &Settings, out: &Output, args: &RmArgs) -> Result<Exit> {
    let client = Client::connect(settings, &args.connection).await?;
    let inventory = Inventory::with_containers(&client).await?.at_home(settings);
    // All names first, so that a typing error changes nothing.
    let mut chosen: Vec<&Container> = Vec::new();
    for name in &args.names {
        let one = container(&inventory, name, args.force)?;
        if !chosen.iter().any(|known| known.id == one.id) {
            chosen.push(one);
        }
    }
    if !args.yes {
        let names: Vec<&str> = chosen.iter().map(|one| one.name.as_str()).collect();
        let question = format!("Remove {}, with what is stored in it?", names.join(", "));
        if out.ask(&question, "--yes to remove it without being asked")? == Answer::No {
            out.note("nothing was removed");
            return Ok(Exit::Failed);
        }
    }
    for one in &chosen {
        client.delete(&client.scoped(&format!("containers/{}", one.id))).await?;
    }
    for one in &chosen {
        if !args.patience.detach {
            until_it_is_gone(&client, one, args.patience.timeout).await?;
        }
        let word = if args.patience.detach { "is being removed" } else { "is removed" };
        let record = json!({ "type": "container", "id": one.id, "container": one.name,
            "removed": !args.patience.detach });
        out.say(format!("container {} {word}", one.name), &record);
    }
    Ok(Exit::Ok)
}

/// The container that is meant; what a service keeps running would be back at once.
fn container<'a>(inventory: &'a Inventory, name: &str, force: bool) -> Result<&'a Container> {
    let one = match inventory.find(name)? {
        Target::Container(one) => one,
        Target::Service(service) => {
            let name = inventory.full_name(service);
            return Err(Failure::usage(format!("`{name}` is a service, not a container"))
                .hint(format!("`ranchette scale {name}=0` takes its containers away")));
        }
        Target::Stack(stack) => {
            let name = &stack.name;
            return Err(Failure::usage(format!("`{name}` is a stack, not a container"))
                .hint(format!("`ranchette down {name}` removes it")));
        }
    };
    match inventory.service_of(one) {
        Some(service) if !force => {
            let service = inventory.full_name(service);
            Err(Failure::usage(format!("container `{}` belongs to service `{service}`", one.name))
                .hint("say --force to have the service make a new one in its place"))
        }
        Some(_) | None => Ok(one),
    }
}

async fn until_it_is_gone(client: &Client, one: &Container, limit: Option<u32>) -> Result<()> {
    let clock = Clock::System;
    let began = clock.now_ms();
    let path = client.scoped(&format!("containers/{}", one.id));
    loop {
        let now = client.find(&path).await?.map(|row| Container::read(&row));
        let Some(now) = now.filter(|now| now.state == "removing" || !is_gone(&now.state)) else {
            return Ok(());
        };
        if limit.is_some_and(|limit| clock.now_ms() - began >= i64::from(limit) * 1000) {
            let (name, state, message) = (&now.name, &now.state, &now.message);
            return Err(Failure::new(format!("container `{name}` is still {state}: {message}")));
        }
        clock.sleep_ms(PAUSE_MS).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_become_fields() {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        let args = RunArgs {
            name: Some("web".to_owned()),
            image: "nginx:1".to_owned(),
            publish: texts(&["8080:80"]),
            env: texts(&["A=1=2", "NOWHERE"]),
            label: texts(&["tier=web", "bare"]),
            restart: policy("on-failure:3").ok(),
            memory: size("512m").ok(),
            command: texts(&["sh", "-c", "x"]),
            pull: true,
            ..RunArgs::default()
        };
        let found = body(&Settings::default(), &args).unwrap();
        let expect = json!({
            "imageUuid": "docker:nginx:1", "name": "web", "command": ["sh", "-c", "x"],
            "environment": {"A": "1=2"}, "ports": ["8080:80"], "memory": 536_870_912,
            "labels": {"tier": "web", "bare": "", "io.rancher.container.pull_image": "always"},
            "restartPolicy": {"name": "on-failure", "maximumRetryCount": 3},
        });
        assert_eq!(Value::Object(found), expect);
    }

    #[test]
    fn policies_and_sizes_are_read() {
        let check = |text: &str, expect: bool| assert_eq!(policy(text).is_ok(), expect, "{text}");
        check("always", true);
        check("on-failure:3", true);
        check("always:3", false);
        check("on-failure:x", false);
        check("sometimes", false);
        let check = |text: &str, expect: Option<u64>| assert_eq!(size(text).ok(), expect, "{text}");
        check("100", Some(100));
        check("2kb", Some(2048));
        check("1G", Some(1 << 30));
        check("much", None);
        check("99999999999999999999g", None);
    }

    #[test]
    fn what_a_service_keeps_is_not_removed_by_chance() {
        let stacks = [json!({"id": "1st1", "name": "shop"})];
        let services = [json!({"id": "1s1", "name": "web", "stackId": "1st1"})];
        let containers = [
            json!({"id": "1i1", "name": "shop-web-1", "serviceId": "1s1"}),
            json!({"id": "1i2", "name": "lone"}),
        ];
        let inventory = Inventory::of(&stacks, &services, &containers);
        let check = |name: &str, force: bool, expect: std::result::Result<&str, &str>| {
            let found = container(&inventory, name, force);
            let found = found.map(|one| one.id.clone()).map_err(|failure| failure.to_string());
            assert_eq!(found.as_deref().map_err(String::as_str), expect, "{name}");
        };
        check("lone", false, Ok("1i2"));
        check("shop-web-1", true, Ok("1i1"));
        check("shop-web-1", false, Err("container `shop-web-1` belongs to service `shop/web`"));
        check("web", false, Err("`shop/web` is a service, not a container"));
        check("shop", true, Err("`shop` is a stack, not a container"));
    }
}
