//! `bind`, `unbind` and `apply`: stacks that are what the files in a directory of the server say.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::Result;
use super::args::{Connection, Patience};
use super::client::Client;
use super::failure::{Exit, Failure};
use super::follow::{self, Aim, Wanted};
use super::inventory::Inventory;
use super::output::Output;
use super::settings::Settings;
use super::up::plan::{Answer, Change};
use super::view::Stack;
use crate::compose;

/// Arguments of `bind`.
#[derive(Clone, Debug, Default, Args)]
pub struct BindArgs {
    /// Directory on the server's machine, below one that its configuration allows
    #[arg(value_name = "DIR", default_value = ".")]
    directory: PathBuf,
    /// The stack; else the one with the directory's name
    #[arg(value_name = "STACK")]
    stack: Option<String>,
    /// Compose file in the directory, in place of those with the usual names; several are laid over each other
    #[arg(long = "file", short = 'f', value_name = "FILE")]
    files: Vec<String>,
    /// Also the services of this profile; `*` for all profiles
    #[arg(long = "profile", value_name = "PROFILE")]
    profiles: Vec<String>,
    /// Apply changes of the files without asking; what would remove a service still waits for you
    #[arg(long)]
    auto_apply: bool,
    #[command(flatten)]
    connection: Connection,
}

/// Arguments of `unbind`.
#[derive(Clone, Debug, Default, Args)]
pub struct UnbindArgs {
    /// The stack
    #[arg(value_name = "STACK")]
    stack: String,
    #[command(flatten)]
    connection: Connection,
}

/// Arguments of `apply`.
#[derive(Clone, Debug, Default, Args)]
pub struct ApplyArgs {
    /// A stack that is bound to a directory
    #[arg(value_name = "STACK")]
    stack: String,
    /// Remove services of the stack that the files do not name
    #[arg(long)]
    remove_orphans: bool,
    #[command(flatten)]
    patience: Patience,
    #[command(flatten)]
    connection: Connection,
}

/// Runs `bind`: nothing that runs is changed, and what applying the files would do is shown.
///
/// # Errors
/// When there is no such stack, or the server may not use the directory.
pub async fn bind(settings: &Settings, out: &Output, args: &BindArgs) -> Result<Exit> {
    let directory = super::project::absolute(settings, &args.directory);
    let client = Client::connect(settings, &args.connection).await?;
    let inventory = Inventory::read(&client).await?;
    let name = match &args.stack {
        Some(name) => name.clone(),
        None => {
            let last = directory.file_name().unwrap_or_default().to_string_lossy();
            compose::stack_name(&last)
        }
    };
    let stack = inventory.find_stack(&name).map_err(|failure| Failure {
        hint: Some(
            "`ranchette up --bind` in the directory makes a stack that is bound to it".into(),
        ),
        ..failure
    })?;
    let body = json!({
        "directory": directory.display().to_string(),
        "files": args.files,
        "profiles": args.profiles,
        "autoApply": args.auto_apply,
    });
    let path = client.scoped(&format!("stacks/{}", stack.id));
    let bound = client.act(&path, "bind", &body).await.map_err(|failure| match failure.hint {
        Some(_) => failure,
        None => failure.hint(
            "administrators bind to directories below those of the option `stacks.directories`",
        ),
    })?;
    let directory = bound["directory"].as_str().unwrap_or_default().to_owned();
    out.say(
        format!("stack {name} is bound to {directory}"),
        &json!({ "type": "stack", "stack": name, "directory": directory, "result": "bound" }),
    );
    let answer = plan(&client, &name, &directory).await?;
    show(out, &name, &answer);
    Ok(Exit::Ok)
}

/// Runs `unbind`: the services and the files stay as they are.
///
/// # Errors
/// When there is no such stack, or it is not bound.
pub async fn unbind(settings: &Settings, out: &Output, args: &UnbindArgs) -> Result<Exit> {
    let client = Client::connect(settings, &args.connection).await?;
    let inventory = Inventory::read(&client).await?;
    let stack = inventory.find_stack(&args.stack)?;
    let directory = directory(stack)?;
    client.act(&client.scoped(&format!("stacks/{}", stack.id)), "unbind", &json!({})).await?;
    out.say(
        format!("stack {} is no longer bound to {directory}; its files stay there", stack.name),
        &json!({ "type": "stack", "stack": stack.name, "directory": directory, "result": "unbound" }),
    );
    Ok(Exit::Ok)
}

/// Runs `apply`: the stack becomes what its files say.
///
/// # Errors
/// When the files cannot be deployed, or services do not run in the end.
pub async fn apply(settings: &Settings, out: &Output, args: &ApplyArgs) -> Result<Exit> {
    let client = Client::connect(settings, &args.connection).await?;
    let inventory = Inventory::read(&client).await?;
    let stack = inventory.find_stack(&args.stack)?;
    let directory = directory(stack)?;
    let body = json!({
        "name": stack.name, "directory": directory, "removeOrphans": args.remove_orphans,
    });
    let answer = ask(&client, &body).await?;
    show(out, &stack.name, &answer);
    let result = if answer.is_settled() { "up-to-date" } else { "applied" };
    if !args.patience.detach {
        let wanted: Vec<Wanted> =
            answer.changes.iter().filter_map(|one| wanted(stack, one)).collect();
        let ending = follow::follow(&client, out, &stack.id, &wanted, &args.patience).await?;
        let what = format!("stack {} does not run as it should", stack.name);
        if let Some(failure) = ending.failure(&what) {
            return Err(failure);
        }
    }
    out.record(&json!({ "type": "stack", "stack": stack.name, "id": stack.id, "result": result }));
    Ok(Exit::Ok)
}

/// Runs `plan` for a stack that is bound.
///
/// # Errors
/// When the stack is not bound, or its files cannot be deployed.
pub async fn plan_of(client: &Client, out: &Output, name: &str) -> Result<Exit> {
    let inventory = Inventory::read(client).await?;
    let stack = inventory.find_stack(name)?;
    let answer = plan(client, name, directory(stack)?).await?;
    show(out, name, &answer);
    let (result, exit) = match answer.is_settled() {
        true => ("up-to-date", Exit::Ok),
        false => ("planned", Exit::Changes),
    };
    out.record(&json!({ "type": "stack", "stack": name, "id": stack.id, "result": result }));
    Ok(exit)
}

fn directory(stack: &Stack) -> Result<&str> {
    stack.directory.as_deref().ok_or_else(|| {
        Failure::usage(format!("stack `{}` is bound to no directory", stack.name))
            .hint(format!("`ranchette bind DIR {}` binds it to one", stack.name))
    })
}

async fn plan(client: &Client, name: &str, directory: &str) -> Result<Answer> {
    let body =
        json!({ "name": name, "directory": directory, "dryRun": true, "removeOrphans": true });
    ask(client, &body).await
}

async fn ask(client: &Client, body: &Value) -> Result<Answer> {
    let (status, body) = client.try_post(&client.scoped("stackplans"), body).await?;
    let answer = Answer::read(&body);
    match status.is_success() {
        true => Ok(answer),
        false => Err(client.refusal(status, &body)),
    }
}

fn show(out: &Output, name: &str, answer: &Answer) {
    for problem in &answer.problems {
        out.problem(problem, &problem.file);
    }
    for change in &answer.changes {
        out.record(&change.json());
    }
    if answer.is_settled() {
        out.line(format!("stack {name} is what its files say"));
        return;
    }
    out.line(format!("what the files say of stack {name}:"));
    for change in &answer.changes {
        out.line(format!("  {}", change.text(out)));
    }
}

/// What a service of the plan is to become.
fn wanted(stack: &Stack, change: &Change) -> Option<Wanted> {
    let aim = match change.action.as_str() {
        "remove" => Aim::Gone,
        "create" | "change" | "scale" | "start" => Aim::Running,
        _ => return None,
    };
    let (name, stack) = (change.service.clone(), stack.name.clone());
    Some(Wanted { shown: name.clone(), stack, name, aim })
}
