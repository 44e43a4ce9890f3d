//! Upgrades of services: what begins, finishes and takes back one.
//!
//! An upgrade changes the service's launch configurations at once and keeps those before in its field
//! `upgrade`; replacing the containers is the controller's, which goes by the service's state and that
//! field, so that an upgrade goes on after the server was killed. An upgrade to another service moves
//! the scale from one to the other instead.

pub mod in_service;

pub mod scheduled;

pub mod stack;

mod to_service;

use serde_json::{Map, Value, json};

use super::service::settled;
use super::step::{Definition, Next, Outcome, Step, StepFuture, Work};
use super::versions;
use crate::error::Result;
use crate::model::resource::Resource;
use crate::store::Tx;
use in_service::Configs;

/// Field of a service: how its present or last upgrade is done, with what was before.
pub const UPGRADE: &str = "upgrade";
/// Strategy of an upgrade of a service's own containers.
pub const IN_SERVICE: &str = "inServiceStrategy";
/// Strategy of an upgrade to another service.
pub const TO_SERVICE: &str = "toServiceStrategy";
/// In what an upgrade is told: other fields of the service that change with it.
pub const WITH_IT: &str = "withIt";
/// Field of a service: what the fields that an upgrade changed with it were before.
const BEFORE: &str = "beforeUpgrade";
/// Field of a service: how often its containers failed that are gone.
const FAILING: &str = "failing";
/// Field of a service: why its last upgrade took itself back.
pub const TAKEN_BACK: &str = "upgradeTakenBack";

/// Field of a service: its upgrade is finished when it is done, without anybody asking for it.
pub const FINISHES: &str = "upgradeFinishes";

/// Processes of upgrades.
pub const PROCESSES: &[Definition] = &[
    definition("service.continueupgrade"),
    definition("service.finishupgrade"),
    definition("service.rollback"),
    Definition {
        steps: &[Step { name: "converge", run: to_the_end }],
        ..definition("service.upgrade")
    },
];

const fn definition(name: &'static str) -> Definition {
    Definition { name, steps: &[Step { name: "converge", run }], tries: None, give_up: None }
}

/// Waits for the containers, or moves the scale one step further.
fn run(_: Work) -> StepFuture {
    Box::pin(async {
        Outcome::commit(|tx, work| match to_service::transfer(tx, work)? {
            Some(transfer) => transfer.step(tx, work),
            None => settled(tx, work),
        })
    })
}

/// The same, and what finishes by itself is finished.
fn to_the_end(_: Work) -> StepFuture {
    Box::pin(async {
        Outcome::commit(|tx, work| {
            let next = match to_service::transfer(tx, work)? {
                Some(transfer) => transfer.step(tx, work)?,
                None => settled(tx, work)?,
            };
            let id = work.resource.id;
            let finishes = tx.get(id)?.is_some_and(|service| service.flag(FINISHES));
            if !finishes || !matches!(next, Next::Step | Next::Finish) {
                return Ok(next);
            }
            tx.update(id, |service| {
                service.data.shift_remove(FINISHES);
                Ok(())
            })?;
            Ok(Next::Chain("finishupgrade", Map::new()))
        })
    })
}

/// A strategy of an upgrade, or of the service's last one.
pub fn strategy<'a>(upgrade: &'a Map<String, Value>, name: &str) -> Option<&'a Map<String, Value>> {
    upgrade.get(name).and_then(Value::as_object)
}

/// Begins an upgrade: the service has its new configurations from now on.
///
/// # Errors
/// When the database fails.
pub fn begin(
    tx: &mut Tx<'_>,
    service: &Resource,
    transition: &str,
    data: &mut Map<String, Value>,
) -> Result<()> {
    super::service_log::begin(tx, service, transition, data)?;
    let with_it = match data.shift_remove(WITH_IT) {
        Some(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    if let Some(wanted) = strategy(data, TO_SERVICE) {
        let wanted = wanted.clone();
        return to_service::begin(tx, service, wanted);
    }
    let Some(wanted) = strategy(data, IN_SERVICE).cloned() else { return Ok(()) };
    let back_to = data.shift_remove(versions::back::BACK_TO).and_then(|number| number.as_i64());
    versions::ensure(tx, service)?;
    let version = tx.entropy.uuid();
    let before = Configs::of(service);
    let own = service.name.as_deref().unwrap_or_default();
    let mut after = before.upgraded(own, &wanted, &version);
    after.carry_ports(&before);
    let changed = tx.update(service.id, |service| {
        let mut kept = wanted;
        kept.insert("launchConfig".to_owned(), json!(after.primary));
        kept.insert("secondaryLaunchConfigs".to_owned(), json!(after.sidekicks));
        kept.insert("previousLaunchConfig".to_owned(), json!(before.primary));
        kept.insert("previousSecondaryLaunchConfigs".to_owned(), json!(before.sidekicks));
        kept.retain(|_, value| !value.is_null());
        let mut earlier = Map::new();
        for (field, value) in with_it {
            earlier.insert(field.clone(), service.data.get(&field).cloned().unwrap_or_default());
            service.set(&field, value);
        }
        service.set(UPGRADE, json!({ IN_SERVICE: kept }));
        service.set(BEFORE, earlier);
        service.data.shift_remove(TAKEN_BACK);
        service.data.shift_remove(FINISHES);
        // What failed in the version before says nothing of this one.
        service.data.shift_remove(FAILING);
        after.put(service);
        Ok(())
    })?;
    // What there are no ports for is left to the engine.
    super::reserve::reserve(tx, &changed)?;
    match back_to {
        Some(number) => {
            let what = format!("back to version {number}: ");
            versions::record(tx, &changed, "rollback", &what)?;
        }
        None => versions::record(tx, &changed, "upgrade", "")?,
    }
    super::selectors::service_changed(tx, &changed)
}

/// Takes an upgrade back: the configurations before are the service's again, and so are the containers
/// that were put aside.
///
/// # Errors
/// When the database fails.
pub fn roll_back(
    tx: &mut Tx<'_>,
    service: &Resource,
    transition: &str,
    data: &mut Map<String, Value>,
) -> Result<()> {
    super::service_log::begin(tx, service, transition, data)?;
    let Some(upgrade) = service.map(UPGRADE) else { return Ok(()) };
    let Some(kept) = strategy(upgrade, IN_SERVICE) else { return Ok(()) };
    let before = Configs::before(kept);
    let service = tx.update(service.id, |service| {
        before.clone().put(service);
        service.data.shift_remove(FAILING);
        service.data.shift_remove(FINISHES);
        if let Some(Value::Object(earlier)) = service.data.shift_remove(BEFORE) {
            for (field, value) in earlier {
                service.set(&field, value);
            }
        }
        Ok(())
    })?;
    versions::record(tx, &service, "rollback", "back to before the upgrade: ")?;
    revive(tx, &service, &before)
}

/// Containers of the configurations before are counted again; the controller starts them.
fn revive(tx: &mut Tx<'_>, service: &Resource, before: &Configs) -> Result<()> {
    for container in tx.referrers("instance", "serviceId", service.id)? {
        let version = container.str("version").unwrap_or("0");
        if container.flag("retired") && before.version(container.sidekick_name()) == Some(version) {
            set_aside(tx, container.id, false)?;
        }
    }
    Ok(())
}

/// Puts a container of a service aside, or takes it back: whether it counts, and what its membership
/// says of it.
///
/// # Errors
/// When the database fails.
pub fn set_aside(tx: &mut Tx<'_>, container: i64, aside: bool) -> Result<()> {
    tx.update(container, |row| {
        row.set("retired", if aside { Value::Bool(true) } else { Value::Null });
        Ok(())
    })?;
    for map in tx.referrers("serviceExposeMap", "instanceId", container)? {
        tx.update(map.id, |map| {
            map.set("managed", !aside);
            map.set("upgrade", aside);
            Ok(())
        })?;
    }
    Ok(())
}
