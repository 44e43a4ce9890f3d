//! The placement rules, one file each. A filter reads the request and adds constraints; a
//! constraint judges one host and can say what is wrong with it.
//!
//! A new rule is a new file here, one line in [`FILTERS`] and two fixtures.

use super::environment::Environment;
use super::facts::HostId;
use super::host::Host;
use super::place::{Candidates, View};
use super::refusal::{Number, Refusal, ids};

mod collocation;
mod container;
pub(super) mod host_label;
mod images;
mod marks;
pub(super) mod ports;
pub(super) mod require_any;
mod resources;
mod valid_hosts;
mod volume_access;
mod volume_pool;

/// A placement rule.
pub struct Filter {
    /// Its name, as in the list.
    pub name: &'static str,
    /// Whether it also applies when the user asks for a host.
    pub scope: Scope,
    /// Adds what the request demands; nothing when the rule does not concern it.
    pub constraints: Build,
}

/// Turns a request into constraints, or refuses it whatever the hosts are.
pub type Build = for<'a> fn(&View<'a>, &mut Vec<Box<dyn Constraint + 'a>>) -> Result<(), Refusal>;

/// When a filter applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Always, even when the user asks for a host.
    Critical,
    /// When the scheduler is free to choose.
    FreeChoice,
}

/// Every rule, by name.
pub static FILTERS: &[Filter] = &[
    Filter { name: "collocation", scope: Scope::FreeChoice, constraints: collocation::constraints },
    Filter { name: "container", scope: Scope::FreeChoice, constraints: container::constraints },
    Filter { name: "host_label", scope: Scope::FreeChoice, constraints: host_label::constraints },
    Filter { name: "image", scope: Scope::FreeChoice, constraints: images::real },
    Filter { name: "image_simulated", scope: Scope::Critical, constraints: images::simulated },
    Filter { name: "ports", scope: Scope::FreeChoice, constraints: ports::constraints },
    Filter { name: "require_any", scope: Scope::FreeChoice, constraints: require_any::constraints },
    Filter { name: "resources", scope: Scope::FreeChoice, constraints: resources::constraints },
    Filter { name: "valid_hosts", scope: Scope::Critical, constraints: valid_hosts::constraints },
    Filter {
        name: "volume_access",
        scope: Scope::Critical,
        constraints: volume_access::constraints,
    },
    Filter { name: "volume_pool", scope: Scope::Critical, constraints: volume_pool::constraints },
];

/// One demand on a host.
pub trait Constraint {
    /// Whether it may be dropped when nothing fits.
    fn is_soft(&self) -> bool {
        false
    }

    /// Whether it names hosts, so that what others lack says little.
    fn is_pin(&self) -> bool {
        false
    }

    /// Whether the host meets it.
    fn fits(&self, host: &Host) -> bool;

    /// The demand in Rancher's words, for the contract part of a refusal.
    fn demand(&self) -> String;

    /// What a host that does not fit lacks, with the host as the subject of the sentence.
    fn shortfall(&self, host: &Host, number: Number) -> String;

    /// What would make the host fit, when a person can do something about it.
    fn remedy(&self, _host: &Host) -> Option<String> {
        None
    }

    /// The hosts that can fit, when an index knows them.
    fn candidates(&self) -> Candidates<'_> {
        Candidates::Any
    }

    /// Whether an index tells that no eligible host can meet it. May miss some such cases.
    fn is_hopeless(&self, _environment: &Environment) -> bool {
        self.candidates().is_empty()
    }

    /// The amounts asked for, if this is about amounts; they are worded apart from other demands.
    fn amounts(&self) -> Option<String> {
        None
    }
}

/// The shortfall of a label rule that was written without `=value`, which no label equals.
fn without_value(key: &str) -> String {
    format!("cannot match the rule `{key}`, which has no `=value`")
}

/// Rancher's words for "one of these hosts".
pub(super) fn valid_hosts(hosts: &[HostId]) -> String {
    format!("valid host(s) [{}]", ids(hosts))
}
