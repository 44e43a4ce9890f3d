//! Members grouped into deployment units, and what can be said of a unit as a whole.

use std::collections::HashMap;

use super::batches;
use super::configs;
use super::facts::{Config, Desired, Health, HostState, Member, MemberState, Strategy};
use super::plan::Reason;
use super::shape::is_ready;

/// The containers of one deployment unit that still matter.
#[derive(Clone, Debug)]
pub(super) struct Unit<'a> {
    pub index: u32,
    pub id: &'a str,
    /// Containers that count.
    pub live: Vec<&'a Member>,
    /// Containers on their way out; what replaces them has to wait for that.
    pub leaving: Vec<&'a Member>,
    /// A container was on its way out when its host was lost; it is not waited for.
    pub lost: bool,
}

/// How a member counts.
enum Presence {
    Absent,
    Lost,
    Leaving,
    Live,
}

impl<'a> Unit<'a> {
    /// Groups members by unit, lowest index first.
    ///
    /// Members that name the same unit with another index are kept apart: indexes are visible in
    /// names, so the planner has to see the clash.
    pub fn group(observed: &'a [Member]) -> Vec<Unit<'a>> {
        let mut places: HashMap<(&str, u32), usize> = HashMap::with_capacity(observed.len());
        let mut units: Vec<Unit<'a>> = Vec::new();
        for member in observed {
            let presence = presence(member);
            if matches!(presence, Presence::Absent) {
                continue;
            }
            let place = *places.entry((member.unit.as_str(), member.index)).or_insert(units.len());
            if place == units.len() {
                units.push(Unit::empty(member));
            }
            let Some(unit) = units.get_mut(place) else { continue };
            match presence {
                Presence::Live => unit.live.push(member),
                Presence::Leaving => unit.leaving.push(member),
                Presence::Lost | Presence::Absent => unit.lost = true,
            }
        }
        units.sort_by_key(|unit| (unit.index, unit.first_id()));
        units
    }

    fn empty(member: &'a Member) -> Unit<'a> {
        Unit {
            index: member.index,
            id: member.unit.as_str(),
            live: Vec::new(),
            leaving: Vec::new(),
            lost: false,
        }
    }

    /// Nothing of it counts any more.
    pub fn is_ghost(&self) -> bool {
        self.live.is_empty()
    }

    /// A container of it runs, or may.
    pub fn is_up(&self) -> bool {
        self.members().any(batches::is_up)
    }

    /// The host its containers are on or were requested for.
    pub fn host(&self) -> Option<i64> {
        self.members().find_map(|member| member.host_id)
    }

    /// What is known of that host.
    pub fn host_state(&self) -> HostState {
        self.members()
            .find(|member| member.host_id.is_some())
            .map_or(HostState::Active, |member| member.host)
    }

    /// Why the whole unit has to go, if it has to.
    pub fn trouble(&self, unhealthy: OnUnhealthy) -> Option<Reason> {
        if self.live.iter().any(|member| member.host == HostState::Gone) {
            return Some(Reason::HostGone);
        }
        let is_cut_off = |member: &&&Member| member.host == HostState::Unreachable;
        if self.live.iter().filter(is_cut_off).any(|member| self.lost || is_changing(member)) {
            return Some(Reason::HostUnreachable);
        }
        match unhealthy {
            OnUnhealthy::Replace => self.is_unhealthy().then_some(Reason::Unhealthy),
            OnUnhealthy::Keep => None,
        }
    }

    /// A container's health check fails.
    pub fn is_unhealthy(&self) -> bool {
        self.live.iter().any(|member| {
            member.state == MemberState::Running && member.health == Some(Health::Unhealthy)
        })
    }

    /// A container's first start failed.
    pub fn is_bad(&self) -> bool {
        self.live
            .iter()
            .any(|member| matches!(member.state, MemberState::Error | MemberState::Erroring))
    }

    /// Every container runs and is healthy, or is done.
    fn is_healthy(&self, configs: &[Config]) -> bool {
        !self.live.is_empty()
            && self.live.iter().all(|member| {
                configs::position(configs, member.config.as_deref())
                    .and_then(|at| configs.get(at))
                    .is_some_and(|config| is_ready(member, config))
            })
    }

    fn members(&self) -> impl Iterator<Item = &'a Member> {
        self.live.iter().chain(&self.leaving).copied()
    }

    fn first_id(&self) -> i64 {
        self.members().map(|member| member.id).min().unwrap_or(i64::MAX)
    }
}

/// What the service's strategy comes to now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnUnhealthy {
    Replace,
    Keep,
}

impl OnUnhealthy {
    /// Applies the strategy to the units there are.
    pub fn of(desired: &Desired<'_>, units: &[Unit<'_>]) -> OnUnhealthy {
        let replace = match desired.strategy {
            Strategy::None => false,
            Strategy::Recreate => true,
            Strategy::RecreateOnQuorum(quorum) => {
                let healthy = units.iter().filter(|unit| unit.is_healthy(&desired.configs)).count();
                healthy >= usize::try_from(quorum).unwrap_or(usize::MAX)
            }
        };
        if replace { OnUnhealthy::Replace } else { OnUnhealthy::Keep }
    }
}

fn presence(member: &Member) -> Presence {
    let lost = matches!(member.host, HostState::Unreachable | HostState::Gone);
    match member.state {
        MemberState::Removed => Presence::Absent,
        _ if lost && member.retired => Presence::Absent,
        MemberState::Removing | MemberState::Stopping if lost => Presence::Lost,
        MemberState::Removing => Presence::Leaving,
        MemberState::Stopped | MemberState::Error if member.retired => Presence::Absent,
        MemberState::Creating
        | MemberState::Starting
        | MemberState::Running
        | MemberState::Stopping
        | MemberState::Stopped
        | MemberState::Restarting
        | MemberState::Erroring
        | MemberState::Error => {
            if member.retired {
                Presence::Leaving
            } else {
                Presence::Live
            }
        }
    }
}

fn is_changing(member: &Member) -> bool {
    matches!(
        member.state,
        MemberState::Creating
            | MemberState::Starting
            | MemberState::Restarting
            | MemberState::Erroring
    )
}
