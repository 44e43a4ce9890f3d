//! Health of services, stacks and environments (services.md, section 10).

use super::facts::{Config, Health, HostState, Member, MemberState, Scale};
use super::shape::{is_done, is_ready};
use super::{configs, facts};

/// Field `healthState` of a service, stack or environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HealthState {
    /// Everything ran to completion, as it should.
    StartedOnce,
    /// Everything is there and healthy.
    Healthy,
    /// Something has not passed its first check.
    Initializing,
    /// Some of it works.
    Degraded,
    /// None of it works.
    Unhealthy,
}

impl HealthState {
    /// The word in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::StartedOnce => "started-once",
            Self::Healthy => "healthy",
            Self::Initializing => "initializing",
            Self::Degraded => "degraded",
            Self::Unhealthy => "unhealthy",
        }
    }

    /// Reads the word; `None` if there is no such state.
    pub fn parse(state: &str) -> Option<HealthState> {
        Some(match state {
            "started-once" => Self::StartedOnce,
            "healthy" => Self::Healthy,
            "initializing" => Self::Initializing,
            "degraded" => Self::Degraded,
            "unhealthy" => Self::Unhealthy,
            _ => return None,
        })
    }
}

/// How many healthy containers a service needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// So many. With a scale policy its minimum counts.
    Containers(u32),
    /// As many as there are on active hosts, and at least one.
    AllThereAre,
}

impl Expected {
    /// What a scale asks for: every unit has a container for each launch configuration.
    pub fn of(scale: &Scale, configs: &[Config]) -> Expected {
        match scale {
            Scale::Fixed(units) => {
                let each = u32::try_from(configs.len()).unwrap_or(u32::MAX);
                Expected::Containers(units.saturating_mul(each))
            }
            Scale::Global(_) => Expected::AllThereAre,
        }
    }
}

/// Health of a service from its containers. Kinds without containers are always healthy.
pub fn service(expected: Expected, configs: &[Config], members: &[Member]) -> HealthState {
    let mut there_are = 0;
    let mut done: u32 = 0;
    let mut healthy: u32 = 0;
    let mut initializing: u32 = 0;
    for member in members.iter().filter(|member| counts(member)) {
        there_are += u32::from(member.host == HostState::Active);
        let config = configs::position(configs, member.config.as_deref());
        let Some(config) = config.and_then(|at| configs.get(at)) else { continue };
        done += u32::from(is_done(member, config));
        healthy += u32::from(is_ready(member, config));
        initializing += u32::from(is_initializing(member));
    }
    let (needed, at_least) = match expected {
        Expected::Containers(count) => (count, 0),
        Expected::AllThereAre => (there_are, 1),
    };
    if done >= needed.max(1) {
        HealthState::StartedOnce
    } else if healthy >= needed.max(at_least) {
        HealthState::Healthy
    } else if initializing > 0 {
        HealthState::Initializing
    } else if healthy > 0 {
        HealthState::Degraded
    } else {
        HealthState::Unhealthy
    }
}

/// Health of a stack from the (state, health) of its services, or of an environment from its
/// stacks'. What is being removed does not count.
pub fn combined<'a>(parts: impl IntoIterator<Item = (&'a str, HealthState)>) -> HealthState {
    let mut count = 0;
    let mut started_once = 0;
    let mut good = 0;
    let mut initializing = 0;
    let mut healthy = 0;
    for (state, health) in parts {
        if matches!(state, "removing" | "removed" | "purging" | "purged") {
            continue;
        }
        count += 1;
        let is_active = facts::is_active(state);
        match health {
            HealthState::StartedOnce => {
                started_once += 1;
                good += u32::from(is_active);
            }
            HealthState::Healthy => {
                healthy += 1;
                good += u32::from(is_active);
            }
            HealthState::Initializing => initializing += 1,
            HealthState::Degraded | HealthState::Unhealthy => {}
        }
    }
    if count == 0 {
        HealthState::Healthy
    } else if started_once == count {
        HealthState::StartedOnce
    } else if good == count {
        HealthState::Healthy
    } else if initializing > 0 {
        HealthState::Initializing
    } else if healthy > 0 {
        HealthState::Degraded
    } else {
        HealthState::Unhealthy
    }
}

fn counts(member: &Member) -> bool {
    let is_there = match member.state {
        MemberState::Creating
        | MemberState::Starting
        | MemberState::Running
        | MemberState::Stopping
        | MemberState::Stopped
        | MemberState::Restarting => true,
        MemberState::Erroring
        | MemberState::Error
        | MemberState::Removing
        | MemberState::Removed => false,
    };
    is_there && !member.retired
}

fn is_initializing(member: &Member) -> bool {
    member.state == MemberState::Running
        && matches!(member.health, Some(Health::Initializing | Health::Reinitializing))
}
