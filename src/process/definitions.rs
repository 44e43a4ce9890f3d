//! Every process that does something: one row each, by name. A declared transition without a row here
//! has nothing to do and succeeds at once.

use super::step::Definition;
use super::{host, instance, network, project, service, simple, volume};

/// Families of processes.
const FAMILIES: &[&[Definition]] = &[
    project::PROCESSES,
    host::PROCESSES,
    instance::PROCESSES,
    network::PROCESSES,
    service::SERVICE_PROCESSES,
    service::STACK_PROCESSES,
    simple::PROCESSES,
    volume::PROCESSES,
];

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
