//! Every process that does something: one row each, by name. A declared transition without a row here
//! has nothing to do and succeeds at once.

use crate::error::Result;
use crate::model::resource::Resource;
use crate::store::Tx;

use super::step::{Begin, Definition};
use super::{
    agent, handlers, host, instance, issuance, machine, network, order, project, pull_tasks,
    registries, reports, service, service_log, simple, snapshot, upgrade, volume, webhooks,
};

/// Families of processes.
const FAMILIES: &[&[Definition]] = &[
    project::PROCESSES,
    agent::PROCESSES,
    handlers::PROCESSES,
    host::PROCESSES,
    instance::PROCESSES,
    issuance::PROCESSES,
    machine::PROCESSES,
    machine::driver::PROCESSES,
    network::PROCESSES,
    pull_tasks::PROCESSES,
    registries::PROCESSES,
    reports::PROCESSES,
    service::SERVICE_PROCESSES,
    service::STACK_PROCESSES,
    simple::PROCESSES,
    snapshot::PROCESSES,
    upgrade::PROCESSES,
    upgrade::scheduled::PROCESSES,
    upgrade::stack::PROCESSES,
    volume::PROCESSES,
    webhooks::PROCESSES,
];

/// What happens in the very transaction that starts a process, by its name.
const BEGINNINGS: &[(&str, Begin)] = &[
    ("service.activate", order::begin),
    ("service.cancelupgrade", service_log::begin),
    ("service.continueupgrade", service_log::begin),
    ("service.deactivate", service_log::begin),
    ("service.finishupgrade", service_log::begin),
    ("service.remove", service_log::begin),
    ("service.restart", service::begin_restart),
    ("service.rollback", upgrade::roll_back),
    ("service.update", service::begin_update),
    ("service.upgrade", upgrade::begin),
    ("stack.upgrade", upgrade::stack::begin),
];

/// What happens as the process of this name starts.
pub fn beginning(name: &str) -> Option<Begin> {
    BEGINNINGS.iter().find(|row| row.0 == name).map(|row| row.1)
}

/// Types whose state other rows show, and what to do when it changes.
pub const FOLLOWED: &[(&str, Follow)] = &[("agent", agent::mirror), ("service", service::followed)];

/// Changes the rows that show a row's state, which it is given as it is now.
pub type Follow = fn(&mut Tx<'_>, &Resource) -> Result<()>;

const NOTHING: Definition = Definition { name: "", steps: &[], tries: None, give_up: None };

/// The process of this name.
pub fn definition(name: &str) -> &'static Definition {
    FAMILIES
        .iter()
        .flat_map(|family| family.iter())
        .find(|definition| definition.name == name)
        .unwrap_or(&NOTHING)
}

/// Names of the processes that have something to do.
pub fn with_steps() -> impl Iterator<Item = &'static str> {
    FAMILIES
        .iter()
        .flat_map(|family| family.iter())
        .filter(|definition| !definition.steps.is_empty())
        .map(|definition| definition.name)
}
