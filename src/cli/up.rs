//! `up`: brings a compose project up. One request tells the server everything and brings back what
//! changes; when that is nothing and all services run, the verb is done after two.

pub mod plan;

use clap::Args;
use serde_json::{Value, json};

use super::Result;
use super::args::{Connection, Files, Patience};
use super::client::Client;
use super::failure::{Exit, Failure};
use super::follow::{self, Aim, Ending, Wanted};
use super::output::Output;
use super::project::{self, Loaded};
use super::settings::Settings;
use super::{build, view};
use crate::clock::Clock;
use plan::{Answer, Change};

/// Arguments of `up`.
#[derive(Clone, Debug, Default, Args)]
pub struct UpArgs {
    /// Let the server read the files of this folder, here and from now on: the stack is bound to it
    ///
    /// The server has to run on this machine, and its configuration has to allow the folder.
    #[arg(long, conflicts_with = "env_files")]
    pub bind: bool,
    /// Build images first, from the files' `build` sections
    #[arg(long)]
    pub build: bool,
    /// Only show what would be created, changed and removed
    #[arg(long)]
    pub dry_run: bool,
    /// Remove services of the stack that the files do not name
    #[arg(long)]
    pub remove_orphans: bool,
    /// Wait until health checks pass, too
    #[arg(long, conflicts_with = "detach")]
    pub wait: bool,
    #[command(flatten)]
    patience: Patience,
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    connection: Connection,
}

/// Arguments of `plan`.
#[derive(Clone, Debug, Default, Args)]
pub struct PlanArgs {
    /// A stack that is bound to a directory; else the project of this folder
    #[arg(value_name = "STACK", conflicts_with_all = ["files", "name", "profiles", "env_files"])]
    pub stack: Option<String>,
    /// As `up --remove-orphans` would do
    #[arg(long)]
    pub remove_orphans: bool,
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    connection: Connection,
}

/// Runs `plan`: what `up --dry-run` shows, and whether it is anything as the exit code.
///
/// # Errors
/// When the files cannot be deployed, or the server refuses.
pub async fn plan(settings: &Settings, out: &Output, args: &PlanArgs) -> Result<Exit> {
    if let Some(stack) = &args.stack {
        let client = Client::connect(settings, &args.connection).await?;
        return super::bind::plan_of(&client, out, stack).await;
    }
    let args = UpArgs {
        dry_run: true,
        remove_orphans: args.remove_orphans,
        files: args.files.clone(),
        connection: args.connection.clone(),
        ..UpArgs::default()
    };
    let loaded = project::load(settings, &args.files)?;
    loaded.report(out)?;
    let client = Client::connect(settings, &args.connection).await?;
    let answer = send(&client, out, &loaded, &args).await?;
    show(out, &loaded, &answer, &args);
    let (result, exit) = match answer.is_settled() {
        true => ("up-to-date", Exit::Ok),
        false => ("planned", Exit::Changes),
    };
    out.record(&stack_record(&loaded, &answer, result));
    Ok(exit)
}

/// Runs the verb.
///
/// # Errors
/// When the files cannot be deployed, the server refuses, or services do not run in the end.
pub async fn run(settings: &Settings, out: &Output, args: &UpArgs) -> Result<Exit> {
    let clock = Clock::System;
    let began = clock.now_ms();
    let loaded = project::load(settings, &args.files)?;
    loaded.report(out)?;
    let client = Client::connect(settings, &args.connection).await?;
    if args.build && !args.dry_run {
        build::run(&client, out, &loaded).await?;
    }
    let answer = send(&client, out, &loaded, args).await?;
    show(out, &loaded, &answer, args);
    if args.dry_run || args.patience.detach {
        let result = match (args.dry_run, answer.is_settled()) {
            (_, true) => "up-to-date",
            (true, false) => "planned",
            (false, false) => "applied",
        };
        out.record(&stack_record(&loaded, &answer, result));
        return Ok(Exit::Ok);
    }
    // Nothing to change is not the same as running: one look tells, and is all there is to do then.
    let stack = answer.stack_id.as_deref().unwrap_or_default();
    let wanted = wanted(&loaded, &answer.changes, args.wait);
    let ending = follow::follow(&client, out, stack, &wanted, &args.patience).await?;
    let failure = ending.failure(&format!("stack {} does not run as it should", loaded.name));
    if let Some(failure) = failure {
        out.record(&stack_record(&loaded, &answer, "failed"));
        return Err(with_build_hint(failure, &loaded, args));
    }
    let result = if answer.is_settled() { "up-to-date" } else { "running" };
    out.record(&stack_record(&loaded, &answer, result));
    if !answer.is_settled() || ending.waited {
        out.line(summary(&loaded.name, &ending, clock.now_ms() - began));
    }
    Ok(Exit::Ok)
}

async fn send(client: &Client, out: &Output, loaded: &Loaded, args: &UpArgs) -> Result<Answer> {
    let request = if args.bind { plan::bound_request } else { plan::request };
    let body = request(loaded, args.dry_run, args.remove_orphans);
    ask(client, out, loaded, &body).await.map(|(answer, _)| answer)
}

/// Sends the project; prints what only the server finds wrong with it. Also the answer as it came.
///
/// # Errors
/// When the server does not take the project.
pub async fn ask(
    client: &Client,
    out: &Output,
    loaded: &Loaded,
    body: &Value,
) -> Result<(Answer, Value)> {
    let (status, body) = client.try_post(&client.scoped("stackplans"), body).await?;
    let answer = Answer::read(&body);
    let known = &loaded.project.problems;
    for problem in answer.problems.iter().filter(|one| !plan::is_known(one, known)) {
        out.problem(problem, &loaded.located.shown(&problem.file));
    }
    if answer.has_errors() {
        return Err(Failure::usage("the server does not take the project; nothing was changed"));
    }
    match status.is_success() {
        true => Ok((answer, body)),
        false => Err(client.refusal(status, &body)),
    }
}

/// Shows the plan.
fn show(out: &Output, loaded: &Loaded, answer: &Answer, args: &UpArgs) {
    let name = &loaded.name;
    if args.dry_run && args.build {
        for build in build::builds(loaded) {
            let record = json!({ "type": "image", "tag": build.tag, "state": "planned" });
            out.say(format!("build   {}", build.tag), &record);
        }
    }
    for change in &answer.changes {
        out.record(&change.json());
    }
    if answer.is_settled() {
        let count = answer.changes.len();
        let word = if count == 1 { "service" } else { "services" };
        out.line(format!("stack {name} is up to date: {count} {word}"));
        for change in answer.changes.iter().filter(|change| change.is_orphan()) {
            out.line(change.text(out));
        }
        return;
    }
    out.line(match (args.dry_run, &answer.stack_id) {
        (true, None) => format!("stack {name} would be created:"),
        (true, Some(_)) => format!("stack {name} would be changed:"),
        (false, _) => format!("stack {name}:"),
    });
    for change in &answer.changes {
        out.line(format!("  {}", change.text(out)));
    }
}

/// What every service of the plan is to become.
fn wanted(loaded: &Loaded, changes: &[Change], healthy: bool) -> Vec<Wanted> {
    let mut wanted: Vec<Wanted> = Vec::new();
    for change in changes {
        let service = loaded.project.service(&change.service);
        let aim = match (change.action.as_str(), service) {
            ("remove", _) => Aim::Gone,
            // Orphans, and services that the files do not start, stay as they are.
            (_, None) => continue,
            ("create" | "scale" | "unchanged", Some(service))
                if service.start_on_create == Some(false) =>
            {
                continue;
            }
            (_, Some(_)) if healthy => Aim::Healthy,
            (_, Some(_)) => Aim::Running,
        };
        let name = &change.service;
        if !wanted.iter().any(|known| known.name == *name) {
            let (shown, stack) = (name.clone(), loaded.name.clone());
            wanted.push(Wanted { shown, stack, name: name.clone(), aim });
        }
    }
    wanted
}

fn stack_record(loaded: &Loaded, answer: &Answer, result: &str) -> Value {
    let (name, id) = (&loaded.name, &answer.stack_id);
    json!({ "type": "stack", "stack": name, "id": id, "result": result })
}

/// Images that are built here cannot be pulled from anywhere.
fn with_build_hint(failure: Failure, loaded: &Loaded, args: &UpArgs) -> Failure {
    let tags: Vec<&str> = build::builds(loaded).iter().map(|build| build.tag.as_str()).collect();
    let is_about = |tag: &&str| failure.message.contains(tag);
    match tags.into_iter().find(is_about) {
        Some(tag) if !args.build => {
            let hint = format!("`{tag}` is built from the files here: say `ranchette up --build`");
            failure.hint(hint)
        }
        _ => failure,
    }
}

/// The last line: `stack hello runs: 3 services, 5 containers, at 127.0.0.1:8088, after 1.2 s`.
fn summary(name: &str, ending: &Ending, took_ms: i64) -> String {
    let services: Vec<&view::Service> =
        ending.services.iter().filter(|service| service.state != "removed").collect();
    let containers: u64 = services.iter().map(|service| service.current).sum();
    let ports: Vec<&str> =
        services.iter().flat_map(|service| &service.ports).map(String::as_str).collect();
    let plural =
        |count: u64, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    let at = if ports.is_empty() { String::new() } else { format!(", at {}", ports.join(", ")) };
    format!(
        "stack {name} runs: {}, {}{at}, after {}.{} s",
        plural(services.len() as u64, "service"),
        plural(containers, "container"),
        took_ms / 1000,
        took_ms % 1000 / 100
    )
}

#[cfg(test)]
mod tests;
