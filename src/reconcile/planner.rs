//! The planner: from facts to a plan.

use std::collections::BTreeMap;

use super::facts::{Desired, Member, MemberState, Mode, Scale};
use super::plan::{Action, Plan, Reason, Verdict};
use super::unit_ids::UnitIds;

/// Plans what to do next so that `observed` becomes `desired`.
///
/// `now` is in milliseconds since 1970. Linear in the number of members and wanted units.
pub fn plan(desired: &Desired<'_>, observed: &[Member], _now: i64) -> Plan {
    let ids = UnitIds::new(desired.service_uuid);
    let mut units: BTreeMap<u32, Vec<&Member>> = BTreeMap::new();
    for member in observed.iter().filter(|member| member.state != MemberState::Removed) {
        units.entry(member.index).or_default().push(member);
    }
    let wanted = match (&desired.scale, desired.mode) {
        (_, Mode::Removed) => 0,
        (Scale::Fixed(count), _) => *count,
        (Scale::Global(hosts), _) => u32::try_from(hosts.len()).unwrap_or(u32::MAX),
    };
    let mut actions = Vec::new();
    for member in units.values().skip(wanted as usize).flatten() {
        if member.state != MemberState::Removing {
            actions.push(Action::Remove { id: member.id, reason: Reason::TooMany });
        }
    }
    let missing = (wanted as usize).saturating_sub(units.len());
    for index in (1..).filter(|index| !units.contains_key(index)).take(missing) {
        actions.push(Action::CreateUnit {
            index,
            unit: ids.by_index(index),
            host: None,
            members: (0..desired.configs.len()).collect(),
            reason: Reason::TooFew,
        });
    }
    let verdict = if actions.is_empty() {
        Verdict::Settled
    } else {
        Verdict::Working { message: format!("{} steps to take", actions.len()) }
    };
    Plan { actions, verdict, log: Vec::new() }
}
