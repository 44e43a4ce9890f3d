//! Processes of machine drivers: an active one brings its schemas, an inactive one takes them along.

use serde_json::{Map, json};

use super::super::step::{Definition, Next, Outcome, Step, StepFuture, Work};
use super::object;
use crate::error::Result;
use crate::model::driver::{self, Brought, DRIVERS};
use crate::model::resource::NewResource;
use crate::store::{Query, Tx};

/// Drivers looked at.
const MOST: usize = 1000;

/// Processes of `machineDriver`.
pub const PROCESSES: &[Definition] = &[
    Definition {
        name: "machinedriver.activate",
        steps: &[Step { name: "schemas", run: activate }],
        tries: None,
        give_up: None,
    },
    Definition {
        name: "machinedriver.create",
        steps: &[Step { name: "chain", run: create }],
        tries: None,
        give_up: None,
    },
    Definition {
        name: "machinedriver.deactivate",
        steps: &[Step { name: "schemas", run: deactivate }],
        tries: None,
        give_up: None,
    },
    Definition {
        name: "machinedriver.error",
        steps: &[Step { name: "schemas", run: settle }],
        tries: None,
        give_up: None,
    },
    Definition {
        name: "machinedriver.reactivate",
        steps: &[Step { name: "schemas", run: activate }],
        tries: None,
        give_up: None,
    },
    Definition {
        name: "machinedriver.remove",
        steps: &[Step { name: "schemas", run: settle }],
        tries: None,
        give_up: None,
    },
];

/// Makes the drivers that this server has, once: one that somebody removed stays away.
///
/// # Errors
/// When the database fails.
pub fn seed(tx: &mut Tx<'_>) -> Result<()> {
    for driver in DRIVERS {
        let made = format!("machine driver {}", driver.name);
        if tx.fact(&made)?.is_some() {
            continue;
        }
        let row = NewResource::new("machineDriver", tx.entropy.uuid())
            .name(driver.name)
            .with("activateOnCreate", true)
            .with("builtin", true)
            .with("defaultActive", true)
            .with("url", "local://");
        let row = super::super::create(tx, row, Map::new())?;
        tx.set_fact(&made, &row.id.to_string())?;
    }
    Ok(())
}

fn create(_: Work) -> StepFuture {
    Box::pin(async {
        Outcome::commit(|_, work| {
            Ok(match work.resource.flag("activateOnCreate") {
                true => Next::Chain("activate", Map::new()),
                false => Next::Finish,
            })
        })
    })
}

/// A driver that this server does not have ends in error: nothing here runs programs from elsewhere.
fn activate(_: Work) -> StepFuture {
    Box::pin(async {
        Outcome::commit(|tx, work| {
            let name = work.resource.name.clone().unwrap_or_default();
            if driver::driver(&name).is_none() {
                let known: Vec<&str> = DRIVERS.iter().map(|driver| driver.name).collect();
                let failure = format!(
                    "this server has no driver `{name}` and runs no driver programs; it has: {}",
                    known.join(", ")
                );
                return Ok(Next::Chain("error", object(json!({ "failure": failure }))));
            }
            bring(tx, work.resource.id, Some(name))?;
            Ok(Next::Finish)
        })
    })
}

fn deactivate(_: Work) -> StepFuture {
    Box::pin(async {
        Outcome::commit(|tx, work| {
            bring(tx, work.resource.id, None)?;
            let remove = work.input_flag("remove");
            Ok(if remove { Next::Chain("remove", Map::new()) } else { Next::Finish })
        })
    })
}

fn settle(_: Work) -> StepFuture {
    Box::pin(async {
        Outcome::commit(|tx, work| {
            bring(tx, work.resource.id, None)?;
            Ok(Next::Finish)
        })
    })
}

/// Makes the schemas what the active drivers bring; `own` is the name of driver `id` if it is becoming
/// active.
fn bring(tx: &mut Tx<'_>, id: i64, own: Option<String>) -> Result<()> {
    let query = Query { ty: "machineDriver", limit: MOST, ..Query::default() };
    let rows = tx.list(&query)?;
    let others = rows
        .iter()
        .filter(|row| row.id != id && matches!(row.state.as_str(), "active" | "updating-active"));
    let mut active: Vec<&str> = others.filter_map(|row| row.name.as_deref()).collect();
    active.extend(own.as_deref());
    active.sort_unstable();
    active.dedup();
    set_schemas(tx, &driver::schemas(&active))
}

/// Rows that drivers made and that are not wanted any more go; those that are missing are made.
fn set_schemas(tx: &mut Tx<'_>, wanted: &[Brought]) -> Result<()> {
    let query = Query { ty: "dynamicSchema", limit: MOST, ..Query::default() };
    let mut missing: Vec<_> = wanted.iter().collect();
    for row in tx.list(&query)?.into_iter().filter(|row| row.flag("ofDrivers")) {
        let definition = row.str("definition").unwrap_or_default();
        let same = |schema: &&Brought| {
            let wanted = schema.definition.to_string();
            row.name.as_deref() == Some(&schema.name)
                && row.strings("roles") == schema.roles
                && definition == wanted
        };
        match missing.iter().position(same) {
            Some(kept) => drop(missing.remove(kept)),
            None => super::super::carry(tx, row.id, "remove")?,
        }
    }
    for brought in missing {
        let schema = NewResource::new("dynamicSchema", tx.entropy.uuid())
            .name(brought.name.as_str())
            .state("active")
            .with("parent", brought.parent)
            .with("definition", brought.definition.to_string())
            .with("roles", json!(brought.roles))
            .with("ofDrivers", true);
        tx.insert(schema)?;
    }
    Ok(())
}
