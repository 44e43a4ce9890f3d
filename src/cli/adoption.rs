//! `adopt`: takes compose projects over that run already, without restarting a container, and gives them
//! back.

use clap::Args;
use serde_json::{Value, json};

use super::Result;
use super::args::{Connection, Patience};
use super::client::Client;
use super::failure::{Exit, Failure};
use super::output::{Answer, Output};
use super::settings::Settings;
use crate::clock::Clock;

/// Arguments of `adopt`.
///
/// Without a name it shows which compose projects run beside the stacks, and what would become of them.
#[derive(Clone, Debug, Default, Args)]
pub struct AdoptArgs {
    /// Projects to take over; with --undo, stacks to give back
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Every project that can be taken over
    #[arg(long, conflicts_with_all = ["names", "undo"])]
    pub all: bool,
    /// Give back: the stack goes, its containers run on as they are
    #[arg(long)]
    pub undo: bool,
    /// Do not ask
    #[arg(long, short = 'y')]
    pub yes: bool,
    #[command(flatten)]
    patience: Patience,
    #[command(flatten)]
    connection: Connection,
}

/// A pause between two questions, in milliseconds.
const PAUSE_MS: u64 = 100;

/// Runs the verb.
///
/// # Errors
/// When the server refuses, a name is unknown, or nobody says yes.
pub async fn run(settings: &Settings, out: &Output, args: &AdoptArgs) -> Result<Exit> {
    if args.undo && args.names.is_empty() {
        return Err(Failure::usage("--undo needs the name of a stack")
            .hint("`ranchette adopt` shows which stacks were taken over"));
    }
    let client = Client::connect(settings, &args.connection).await?;
    let plan = ask(&client, &args.names, true, args.undo).await?;
    for project in &plan {
        show(out, project);
    }
    if args.names.is_empty() && !args.all {
        if plan.is_empty() {
            out.line("no compose project runs beside the stacks");
        }
        return Ok(Exit::Ok);
    }
    let wanted = if args.undo { "adopted" } else { "adoptable" };
    let (ready, refused): (Vec<&Value>, Vec<&Value>) = plan
        .iter()
        .filter(|one| one["state"] != "adopted" || args.undo)
        .partition(|one| one["state"] == wanted && list(one, "refusals").next().is_none());
    if ready.is_empty() && refused.is_empty() {
        out.line("there is nothing to take over");
        return Ok(Exit::Ok);
    }
    if !ready.is_empty() && !args.yes {
        let (question, hint) = match args.undo {
            true => ("Give it back?", "--yes to give it back without being asked"),
            false => ("Take it over?", "--yes to take it over without being asked"),
        };
        if out.ask(question, hint)? == Answer::No {
            out.note("nothing was changed");
            return Ok(Exit::Failed);
        }
    }
    let mut done = Vec::new();
    for one in ready {
        done.extend(ask(&client, &[name(one).to_owned()], false, args.undo).await?);
    }
    if !args.patience.detach {
        wait(&client, &done, &args.patience).await?;
    }
    for one in &done {
        tell(out, one);
    }
    match refused.first() {
        None => Ok(Exit::Ok),
        Some(first) => {
            let why: Vec<&str> = list(first, "refusals").collect();
            let verb = if args.undo { "given back" } else { "taken over" };
            Err(Failure::new(format!("{} is not {verb}: {}", name(first), why.join("; "))))
        }
    }
}

/// Asks the server; the projects of its answer.
async fn ask(client: &Client, names: &[String], dry_run: bool, undo: bool) -> Result<Vec<Value>> {
    let body = json!({ "names": names, "dryRun": dry_run, "undo": undo });
    let answer = client.post(&client.scoped("adoptions"), &body).await?;
    Ok(answer["projects"].as_array().cloned().unwrap_or_default())
}

fn name(project: &Value) -> &str {
    project["name"].as_str().unwrap_or_default()
}

fn list<'a>(value: &'a Value, field: &str) -> impl Iterator<Item = &'a str> {
    value[field].as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// Shows what would become of a project, or what became of it.
fn show(out: &Output, project: &Value) {
    out.record(&record(project, "plan"));
    for line in lines(project) {
        out.line(line);
    }
}

fn record(project: &Value, result: &str) -> Value {
    let mut record = project.clone();
    record["type"] = "adoption".into();
    record["result"] = result.into();
    record
}

fn lines(project: &Value) -> Vec<String> {
    let text = |field: &str| project[field].as_str().unwrap_or_default();
    let files: Vec<&str> = list(project, "files").collect();
    let from = if files.is_empty() { String::new() } else { format!(" from {}", files.join(", ")) };
    let head = match text("state") {
        "adopted" => format!("{}: taken over", name(project)),
        "refused" => format!("{} on {}{from} cannot be taken over:", name(project), text("host")),
        _ => format!("{} on {}{from}:", name(project), text("host")),
    };
    let mut lines = vec![head];
    let directory = project["directory"].as_str();
    lines.extend(directory.map(|directory| match text("state") {
        "adopted" => format!("  bound to {directory}"),
        _ => format!("  will be bound to {directory}: from then on its files say what it is"),
    }));
    for service in project["services"].as_array().into_iter().flatten() {
        let containers: Vec<&str> = list(service, "containers").collect();
        let from = match service["from"].as_str() {
            Some("files") => "; as its file says",
            Some(_) => "; as its containers are",
            None => "",
        };
        let what =
            if containers.is_empty() { "no containers".to_owned() } else { containers.join(", ") };
        lines.push(format!("  {}: {what}{from}", service["name"].as_str().unwrap_or_default()));
        lines.extend(list(service, "notes").map(|note| format!("    {note}")));
    }
    lines.extend(list(project, "notes").map(|note| format!("  note: {note}")));
    let word = if text("state") == "adopted" { "cannot be given back" } else { "refused" };
    lines.extend(list(project, "refusals").map(|why| format!("  {word}: {why}")));
    lines
}

/// Says what became of a project.
fn tell(out: &Output, project: &Value) {
    let bound = project["directory"].as_str().map(|directory| format!(" and bound to {directory}"));
    let (word, result) = match project["state"].as_str() {
        Some("released") => ("is given back; its containers run on".to_owned(), "released"),
        _ => {
            let bound = bound.unwrap_or_default();
            (format!("is taken over{bound}; no container was restarted"), "adopted")
        }
    };
    out.say(format!("{} {word}", name(project)), &record(project, result));
}

/// Waits until the containers of the stacks are on their network, and their services active.
async fn wait(client: &Client, done: &[Value], patience: &Patience) -> Result<()> {
    let clock = Clock::System;
    let began = clock.now_ms();
    for stack in done.iter().filter(|one| one["state"] == "adopted") {
        let id = stack["stackId"].as_str().unwrap_or_default();
        loop {
            let moving = moving(client, id).await?;
            let Some(what) = moving else { break };
            let late = |limit: u32| clock.now_ms() - began >= i64::from(limit) * 1000;
            if patience.timeout.is_some_and(late) {
                return Err(Failure::new(format!("{} is not settled yet: {what}", name(stack))));
            }
            clock.sleep_ms(PAUSE_MS).await;
        }
    }
    Ok(())
}

/// The first part of a stack that is not at rest, with its state.
async fn moving(client: &Client, stack: &str) -> Result<Option<String>> {
    for path in ["services", "containers"] {
        let found = client.list(&client.scoped(path), &[("stackId", stack)]).await?;
        let rests = |one: &&Value| {
            matches!(one["state"].as_str(), Some("active" | "inactive" | "running" | "stopped"))
        };
        if let Some(one) = found.iter().find(|one| !rests(one)) {
            let text = |field: &str| one[field].as_str().unwrap_or_default();
            let why = Some(text("transitioningMessage")).filter(|why| !why.is_empty());
            let why = why.map(|why| format!(" ({why})")).unwrap_or_default();
            return Ok(Some(format!("{} is {}{why}", text("name"), text("state"))));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(project: Value, expect: Expect) {
        expect.assert_eq(&lines(&project).join("\n"));
    }

    #[test]
    fn plans_are_for_people() {
        check(
            json!({
                "name": "blog", "state": "adoptable", "host": "ranch", "files": ["/srv/blog/compose.yaml"],
                "directory": "/srv/blog",
                "services": [
                    { "name": "web", "from": "files", "containers": ["blog-web-1", "blog-web-2"], "notes": [] },
                    { "name": "db", "from": "containers", "containers": ["blog-db-1"],
                      "notes": ["runs with another command than its file says"] },
                    { "name": "job", "from": "files", "containers": [], "notes": ["is not started"] },
                ],
                "notes": ["container `blog-web-3` does not run and is left out"], "refusals": [],
            }),
            expect![[r"
                blog on ranch from /srv/blog/compose.yaml:
                  will be bound to /srv/blog: from then on its files say what it is
                  web: blog-web-1, blog-web-2; as its file says
                  db: blog-db-1; as its containers are
                    runs with another command than its file says
                  job: no containers; as its file says
                    is not started
                  note: container `blog-web-3` does not run and is left out"]],
        );
        check(
            json!({ "name": "shop", "state": "refused", "host": "ranch", "files": [],
                "services": [], "notes": [], "refusals": ["there is already a stack called `shop`"] }),
            expect![[r"
                shop on ranch cannot be taken over:
                  refused: there is already a stack called `shop`"]],
        );
        check(
            json!({ "name": "wiki", "state": "adopted", "directory": "/srv/wiki", "services": [{ "name": "web", "containers": ["wiki-web-1"] }],
                "refusals": ["service `web` is upgrading"] }),
            expect![[r"
                wiki: taken over
                  bound to /srv/wiki
                  web: wiki-web-1
                  cannot be given back: service `web` is upgrading"]],
        );
    }
}
