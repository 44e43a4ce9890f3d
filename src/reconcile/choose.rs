//! Which units stay, which go, and which are missing.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use super::draft::Draft;
use super::facts::{HostState, Pace};
use super::plan::Reason;
use super::unit::{OnUnhealthy, Unit};
use super::unit_ids::UnitIds;

/// The most units one plan creates; the next plan goes on from there. Bounds a plan's memory when
/// somebody asks for a scale of a billion.
const MOST_NEW_UNITS: usize = 10_000;

/// What was chosen.
pub(super) struct Choice<'a> {
    /// Units that stay, lowest index first.
    pub keep: Vec<Unit<'a>>,
    /// Units to be made.
    pub create: Vec<NewUnit>,
    /// How many units are missing, those included that have to wait for room.
    pub missing: usize,
    /// Units of a global service on deactivated hosts: they are left alone, but for a replacement that has
    /// begun there.
    pub resting: Vec<Unit<'a>>,
}

/// A unit to be made.
pub(super) struct NewUnit {
    pub index: u32,
    pub host: Option<i64>,
}

impl NewUnit {
    pub fn id(&self, ids: UnitIds) -> String {
        self.host.map_or_else(|| ids.by_index(self.index), |host| ids.by_host(host))
    }
}

/// For a service with a fixed scale of `wanted` units.
pub(super) fn fixed<'a>(draft: &mut Draft<'_>, units: Vec<Unit<'a>>, wanted: u32) -> Choice<'a> {
    let unhealthy = OnUnhealthy::of(draft.desired, &units);
    let up: HashSet<u32> =
        units.iter().filter(|unit| unit.is_up()).map(|unit| unit.index).collect();
    let mut leaving = HashSet::new();
    let mut keep: Vec<Unit<'a>> = Vec::with_capacity(units.len());
    for unit in units {
        if unit.is_ghost() {
            if wait_for(draft, &unit) {
                leaving.insert(unit.index);
            }
        } else if let Some(reason) = unit.trouble(unhealthy) {
            draft.remove_unit(&unit, reason);
            leaving.insert(unit.index);
        } else if keep.last().is_some_and(|last| last.index == unit.index) {
            draft.remove_unit(&unit, Reason::Duplicate);
        } else {
            keep.push(unit);
        }
    }
    let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
    let keep = remove_surplus(draft, keep, wanted);
    let missing = wanted - keep.len();
    let taken: HashSet<u32> = keep.iter().map(|unit| unit.index).collect();
    // An upgrade that is taken back has units of before and of after.
    draft.crowded =
        draft.desired.rollout.pace == Pace::AtOnce && up.difference(&taken).next().is_some();
    // An index that is on its way out is waited for, not jumped over: units keep their indexes.
    let vacant: Vec<u32> = (1..=u32::MAX)
        .filter(|index| !taken.contains(index))
        .take(missing.min(MOST_NEW_UNITS))
        .collect();
    // While it upgrades, a unit that was put aside for good still has its place as long as it runs.
    let lingering = match draft.desired.rollout.until_healthy() {
        true => up.difference(&taken).filter(|index| vacant.binary_search(index).is_err()).count(),
        false => 0,
    };
    let room = vacant.len().saturating_sub(lingering);
    let create = vacant
        .into_iter()
        .take(room)
        .filter(|index| !leaving.contains(index))
        .map(|index| NewUnit { index, host: None })
        .collect();
    Choice { keep, create, missing, resting: Vec::new() }
}

/// Removes what exceeds `wanted`: failed and unhealthy units first, then the highest index.
fn remove_surplus<'a>(
    draft: &mut Draft<'_>,
    mut keep: Vec<Unit<'a>>,
    wanted: usize,
) -> Vec<Unit<'a>> {
    let surplus = keep.len().saturating_sub(wanted);
    if surplus == 0 {
        return keep;
    }
    keep.sort_by_key(|unit| (Reverse(unit.is_bad() || unit.is_unhealthy()), Reverse(unit.index)));
    for unit in keep.drain(..surplus) {
        draft.remove_unit(&unit, Reason::TooMany);
    }
    keep.sort_by_key(|unit| unit.index);
    keep
}

/// For a global service that runs on `hosts`.
pub(super) fn global<'a>(
    draft: &mut Draft<'_>,
    units: Vec<Unit<'a>>,
    hosts: &[i64],
    ids: UnitIds,
) -> Choice<'a> {
    let unhealthy = OnUnhealthy::of(draft.desired, &units);
    let homes = Homes::new(hosts, &units, ids);
    let taken: HashSet<u32> = units.iter().map(|unit| unit.index).collect();
    let mut leaving = HashSet::new();
    let mut keep: HashMap<i64, Unit<'a>> = HashMap::with_capacity(hosts.len());
    let mut resting = Vec::new();
    for unit in units {
        // A host that is silent is none of `hosts`, and counts all the same: a moment without an answer takes
        // nothing away, and an upgrade does not go on as if there were no unit.
        let is_silent = unit.host_state() == HostState::Silent;
        let home = homes.of(&unit);
        let Some(home) = home.filter(|home| is_silent || homes.wanted.contains(home)) else {
            match unit.host_state() {
                HostState::Active => draft.remove_unit(&unit, Reason::HostNotWanted),
                HostState::Gone => draft.remove_unit(&unit, Reason::HostGone),
                HostState::Inactive => resting.push(unit),
                // The host may come back.
                HostState::Silent | HostState::Unreachable => {}
            }
            continue;
        };
        if unit.is_ghost() {
            if wait_for(draft, &unit) {
                leaving.insert(home);
            }
        } else if let Some(reason) = unit.trouble(unhealthy) {
            draft.remove_unit(&unit, reason);
            leaving.insert(home);
        } else {
            settle_duplicate(draft, &mut keep, home, unit);
        }
    }
    let mut keep: Vec<(i64, Unit<'a>)> = keep.into_iter().collect();
    keep.sort_by_key(|(home, unit)| (unit.index, *home));
    let mut last_index = None;
    keep.retain(|(home, unit)| {
        let is_first = last_index.replace(unit.index) != Some(unit.index);
        if !is_first {
            draft.remove_unit(unit, Reason::Duplicate);
            leaving.insert(*home);
        }
        is_first
    });
    let mut settled: HashSet<i64> = keep.iter().map(|(home, _)| *home).collect();
    let vacant: Vec<i64> = hosts.iter().copied().filter(|host| settled.insert(*host)).collect();
    let missing = vacant.len();
    let free = (1..=u32::MAX).filter(|index| !taken.contains(index));
    let create = vacant
        .into_iter()
        .filter(|host| !leaving.contains(host))
        .take(MOST_NEW_UNITS)
        .zip(free)
        .map(|(host, index)| NewUnit { index, host: Some(host) })
        .collect();
    let keep = keep.into_iter().map(|(_, unit)| unit).collect();
    Choice { keep, create, missing, resting }
}

/// Keeps the better of two units on one host: one without failures, then the one with the lower
/// index.
fn settle_duplicate<'a>(
    draft: &mut Draft<'_>,
    keep: &mut HashMap<i64, Unit<'a>>,
    home: i64,
    unit: Unit<'a>,
) {
    let rank = |unit: &Unit<'_>| (unit.is_bad() || unit.is_unhealthy(), unit.index);
    let Some(other) = keep.remove(&home) else {
        keep.insert(home, unit);
        return;
    };
    let (better, worse) = if rank(&unit) < rank(&other) { (unit, other) } else { (other, unit) };
    draft.remove_unit(&worse, Reason::Duplicate);
    keep.insert(home, better);
}

/// Notes the containers of a unit of which nothing counts any more; whether there are any.
fn wait_for(draft: &mut Draft<'_>, unit: &Unit<'_>) -> bool {
    draft.await_leaving(unit);
    !unit.leaving.is_empty()
}

/// Which host a global service's unit belongs to.
struct Homes {
    wanted: HashSet<i64>,
    /// For units that have not been told their host yet.
    by_id: HashMap<String, i64>,
}

impl Homes {
    fn new(hosts: &[i64], units: &[Unit<'_>], ids: UnitIds) -> Homes {
        let by_id = if units.iter().all(|unit| unit.host().is_some()) {
            HashMap::new()
        } else {
            hosts.iter().map(|host| (ids.by_host(*host), *host)).collect()
        };
        Homes { wanted: hosts.iter().copied().collect(), by_id }
    }

    fn of(&self, unit: &Unit<'_>) -> Option<i64> {
        unit.host().or_else(|| self.by_id.get(unit.id).copied())
    }
}
