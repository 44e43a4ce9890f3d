//! `undo`: takes back the last change of a stack or service, or the removal of a volume; says first how.

mod history;

use clap::Args;
use serde_json::{Value, json};

use super::Result;
use super::args::{Connection, Patience};
use super::client::Client;
use super::failure::{Exit, Failure};
use super::follow::Aim;
use super::inventory::{Inventory, Target};
use super::output::{Answer, Output};
use super::settings::Settings;
use super::view::{Service, Stack};
use super::{history as versions, scale, upgrade};
use crate::clock::Clock;
use history::{Past, Step};

/// Arguments of `undo`.
///
/// Upgrades and changed files go back to the version before, scales to the former one, services that were
/// started or stopped are as before, and a removed volume has back what was in it while its time to undo
/// lasts. What `undo` does is a change itself: the next one takes it back.
#[derive(Clone, Debug, Default, Args)]
pub struct UndoArgs {
    /// Stack, STACK/SERVICE, service, or a volume that was removed
    #[arg(value_name = "NAME")]
    name: String,
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long, short = 'y')]
    yes: bool,
    #[command(flatten)]
    patience: Patience,
    #[command(flatten)]
    connection: Connection,
}

/// Entries of the audit log that are looked at.
const ENTRIES: &str = "200";
/// An entry may be completed a moment after the answer; so long and so often it is asked for again.
const SETTLE_MS: u64 = 100;
const SETTLES: usize = 50;

/// A step back, of a service or of something else.
#[derive(Debug)]
enum Way<'a> {
    Service(&'a Service, Step),
    Stack(&'a Stack),
    Volume(String),
}

/// What is to be done, with a sentence for each step.
type Plan<'a> = Vec<(Way<'a>, String)>;

/// Runs the verb.
///
/// # Errors
/// When the name is unknown, there is nothing to take back, or it cannot be.
pub async fn run(settings: &Settings, out: &Output, args: &UndoArgs) -> Result<Exit> {
    let client = Client::connect(settings, &args.connection).await?;
    let inventory = Inventory::read(&client).await?.at_home(settings);
    let plan = match inventory.find(&args.name) {
        Ok(Target::Stack(stack)) => of_stack(&client, out, &inventory, stack).await?,
        Ok(Target::Service(service)) => of_service(&client, &inventory, service).await?,
        Ok(Target::Container(one)) => {
            return Err(Failure::usage(format!(
                "`{}` is a container; it has no history",
                one.name
            )));
        }
        Err(failure) => of_volume(&client, &args.name).await?.ok_or(failure)?,
    };
    if plan.is_empty() {
        return Err(Failure::new(format!("there is no change of `{}` to take back", args.name))
            .hint("`ranchette history` shows the versions of a service"));
    }
    for (way, text) in &plan {
        let name = way.name(&inventory);
        out.say(format!("{name}: {text}"), &json!({ "type": "step", "of": name, "step": text }));
    }
    if args.dry_run {
        return Ok(Exit::Ok);
    }
    if !args.yes && out.ask("Do it?", "--yes to do it without being asked")? == Answer::No {
        out.note("nothing was changed");
        return Ok(Exit::Failed);
    }
    for (way, _) in &plan {
        go(&client, out, &inventory, way, &args.patience).await?;
    }
    out.record(&json!({ "type": "undo", "name": args.name, "steps": plan.len() }));
    Ok(Exit::Ok)
}

impl Way<'_> {
    fn name(&self, inventory: &Inventory) -> String {
        match self {
            Way::Service(service, _) => inventory.full_name(service),
            Way::Stack(stack) => stack.name.clone(),
            Way::Volume(id) => format!("volume {id}"),
        }
    }
}

/// What takes back the last change of one service.
async fn of_service<'a>(
    client: &Client,
    inventory: &Inventory,
    service: &'a Service,
) -> Result<Plan<'a>> {
    let past = past(client, inventory, service).await?;
    if history::is_mid_upgrade(&past.row) {
        return Ok(vec![rolled_back(service)]);
    }
    let plans = plans(client, &service.stack_id).await?;
    let deeds = history::deeds(&past, &plans);
    let Some(last) = deeds.last() else { return Ok(Vec::new()) };
    if last.what == history::What::Made {
        return Err(Failure::usage(format!(
            "nothing happened to `{}` since it was made",
            past.name
        ))
        .hint(format!("`ranchette down {}` removes its stack", stack_of(&past.name))));
    }
    let steps = history::steps(&past, &deeds, last.at);
    let steps = steps.map_err(|why| Failure::new(format!("{}: {why}", past.name)))?;
    Ok(steps.into_iter().map(|(step, text)| (Way::Service(service, step), text)).collect())
}

fn stack_of(name: &str) -> &str {
    name.split_once('/').map_or(name, |(stack, _)| stack)
}

fn rolled_back(service: &Service) -> (Way<'_>, String) {
    let text = "roll the upgrade back: its containers from before start again".to_owned();
    (Way::Service(service, Step::Rollback), text)
}

/// What takes back the last change of a stack: that of all services that changed at the time.
async fn of_stack<'a>(
    client: &Client,
    out: &Output,
    inventory: &'a Inventory,
    stack: &'a Stack,
) -> Result<Plan<'a>> {
    let row = client.get(&client.scoped(&format!("stacks/{}", stack.id))).await?;
    if history::is_mid_upgrade(&row) {
        let text = "roll the upgrade of its services back".to_owned();
        return Ok(vec![(Way::Stack(stack), text)]);
    }
    let mut pasts = Vec::new();
    for service in inventory.services_of(stack) {
        pasts.push((service, past(client, inventory, service).await?));
    }
    let upgraded: Plan<'a> = pasts
        .iter()
        .filter(|(_, past)| history::is_mid_upgrade(&past.row))
        .map(|(service, _)| rolled_back(service))
        .collect();
    if !upgraded.is_empty() {
        return Ok(upgraded);
    }
    let plans = plans(client, &stack.id).await?;
    let all: Vec<_> = pasts.iter().map(|(_, past)| history::deeds(past, &plans)).collect();
    let Some(last) = all.iter().flatten().map(|deed| deed.at).max() else { return Ok(Vec::new()) };
    let is_new = |deeds: &Vec<history::Deed>| {
        deeds.iter().all(|deed| deed.at != last || deed.what == history::What::Made)
            && deeds.iter().any(|deed| deed.at == last)
    };
    if all.iter().all(is_new) {
        return Err(Failure::usage(format!(
            "nothing happened to `{}` since it was made",
            stack.name
        ))
        .hint(format!("`ranchette down {}` removes it", stack.name)));
    }
    for name in history::removed_at(&plans, last) {
        out.warning(format!(
            "service {}/{name}, which the change removed, does not come back; `ranchette up` with the \
             files of before makes it anew",
            stack.name
        ));
    }
    let mut plan = Vec::new();
    for ((service, past), deeds) in pasts.iter().zip(&all) {
        let steps = history::steps(past, deeds, last);
        let steps = steps.map_err(|why| Failure::new(format!("{}: {why}", past.name)))?;
        plan.extend(steps.into_iter().map(|(step, text)| (Way::Service(service, step), text)));
    }
    Ok(plan)
}

/// A removed volume that can be brought back.
async fn of_volume<'a>(client: &Client, name: &str) -> Result<Option<Plan<'a>>> {
    let filters = [("_removed", "true"), ("state", "removed")];
    let mut rows = client.list(&client.scoped("volumes"), &filters).await?;
    rows.retain(|row| {
        (row["name"] == name || row["id"] == name) && row["actions"].get("restore").is_some()
    });
    // Of several with one name the one that was removed last is meant.
    let Some(row) = rows.iter().max_by_key(|row| row["removedTS"].as_i64()) else {
        return Ok(None);
    };
    let until = row["undoUntil"].as_str().unwrap_or_default();
    let text = format!("bring back volume {name} with what was in it (possible until {until})");
    let id = row["id"].as_str().unwrap_or_default().to_owned();
    Ok(Some(vec![(Way::Volume(id), text)]))
}

async fn past(client: &Client, inventory: &Inventory, service: &Service) -> Result<Past> {
    let row = client.get(&client.scoped(&format!("services/{}", service.id))).await?;
    Ok(Past {
        name: inventory.full_name(service),
        bare: service.name.clone(),
        row,
        versions: versions::versions(client, service).await?,
        entries: entries(client, &format!("resourceId={}", service.id)).await?,
    })
}

async fn plans(client: &Client, stack: &str) -> Result<Vec<Value>> {
    let mut plans = entries(client, "resourceType=stackPlan").await?;
    plans.retain(|entry| history::is_plan_of(entry, stack));
    Ok(plans)
}

/// The newest entries of the audit log, once their answers are written down.
async fn entries(client: &Client, filter: &str) -> Result<Vec<Value>> {
    let path = client.scoped(&format!("auditlogs?{filter}&sort=id&order=desc&limit={ENTRIES}"));
    let mut left = SETTLES;
    loop {
        let found = client.get(&path).await?;
        let found = found["data"].as_array().cloned().unwrap_or_default();
        if left == 0 || found.iter().all(|entry| entry["responseCode"].is_i64()) {
            return Ok(found);
        }
        left -= 1;
        Clock::System.sleep_ms(SETTLE_MS).await;
    }
}

/// Takes one step.
async fn go(
    client: &Client,
    out: &Output,
    inventory: &Inventory,
    way: &Way<'_>,
    patience: &Patience,
) -> Result<()> {
    let (service, step) = match way {
        Way::Service(service, step) => (*service, step),
        Way::Stack(stack) => {
            let path = client.scoped(&format!("stacks/{}", stack.id));
            client.act(&path, "rollback", &json!({})).await?;
            return wait_for(client, out, inventory, inventory.services_of(stack), patience).await;
        }
        Way::Volume(id) => {
            client.act(&client.scoped(&format!("volumes/{id}")), "restore", &json!({})).await?;
            return Ok(());
        }
    };
    let path = client.scoped(&format!("services/{}", service.id));
    let aim = match step {
        Step::Rollback => {
            client.act(&path, "rollback", &json!({})).await?;
            Aim::Running
        }
        Step::To { version } => {
            return upgrade::back_to(client, out, inventory, service, version, patience).await;
        }
        Step::Scale(scale) => {
            client.put(&path, &json!({ "scale": scale })).await?;
            Aim::Running
        }
        Step::Start => {
            client.act(&path, "activate", &json!({})).await?;
            Aim::Running
        }
        Step::Stop => {
            client.act(&path, "deactivate", &json!({})).await?;
            Aim::Stopped
        }
        Step::Remove => {
            client.act(&path, "remove", &json!({})).await?;
            Aim::Gone
        }
    };
    if patience.detach {
        return Ok(());
    }
    scale::wait(client, out, inventory, std::iter::once((service, aim)), patience).await.map(drop)
}

async fn wait_for<'a>(
    client: &Client,
    out: &Output,
    inventory: &Inventory,
    services: impl Iterator<Item = &'a Service>,
    patience: &Patience,
) -> Result<()> {
    if patience.detach {
        return Ok(());
    }
    let services = services.map(|service| (service, Aim::Running));
    scale::wait(client, out, inventory, services, patience).await.map(drop)
}
