//! Which hosts a global service runs on.

use super::affinity;
use super::facts::{EnvironmentId, HostId, Labels};
use super::filters::{host_label, require_any};
use super::fleet::Fleet;

/// The hosts, by id, that a global service with these (merged) labels must have a unit on: all that
/// are active or on their way to it and match every host label rule. As in Rancher a soft rule
/// counts as a hard one here, and `require_any` of a host applies.
pub fn global_hosts(fleet: &Fleet, environment: EnvironmentId, labels: &Labels) -> Vec<HostId> {
    let Some(index) = fleet.environments.get(&environment) else { return Vec::new() };
    let rules = affinity::host_rules(labels);
    index
        .hosts
        .iter()
        .filter_map(|(id, slot)| Some((id, fleet.host(*slot)?)))
        .filter(|(_, host)| host.standing.takes_global())
        .filter(|(_, host)| rules.iter().all(|rule| host_label::holds(index, rule, host)))
        .filter(|(_, host)| require_any::admits(host, labels))
        .map(|(id, _)| *id)
        .collect()
}
