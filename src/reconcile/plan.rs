//! What the planner answers: actions, a verdict, and what to write into the service log.
//!
//! The executor keeps three promises. Each action changes its container's state in the transaction
//! that takes the plan, so that the next plan does not ask again. A container made for a unit and
//! configuration that had one before takes over its `failures` and `died_at` (found by the unit's
//! uuid), so that back-off outlives replacement. A plan is made anew after every change of a member
//! and at [`Verdict::Waiting`]'s time.

use std::fmt;

use super::service_log::LogLine;

/// What to do next for one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// In the order to be taken. Empty if there is nothing to do but wait.
    pub actions: Vec<Action>,
    /// How far the service is from what is wanted.
    pub verdict: Verdict,
    /// Lines for the service log; empty when there are no actions.
    pub log: Vec<LogLine>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Make all containers of a new unit and start them.
    CreateUnit {
        /// Its index, which no other unit of the service has.
        index: u32,
        /// Its uuid.
        unit: String,
        /// The host it must run on (global services).
        host: Option<i64>,
        /// Positions in [`super::Desired::configs`], in the order to create them.
        members: Vec<usize>,
        /// Why.
        reason: Reason,
    },
    /// Make one container of an existing unit and start it.
    AddMember {
        /// Index of the unit.
        index: u32,
        /// Uuid of the unit.
        unit: String,
        /// Position in [`super::Desired::configs`].
        config: usize,
        /// The host it must run on (global services).
        host: Option<i64>,
        /// Why.
        reason: Reason,
    },
    /// Start a stopped container.
    Start {
        /// Which.
        id: i64,
        /// Why.
        reason: Reason,
    },
    /// Stop a container and keep it.
    Stop {
        /// Which.
        id: i64,
        /// Why.
        reason: Reason,
    },
    /// Stop a container, keep it, and mark it as put aside by an upgrade.
    Retire {
        /// Which.
        id: i64,
        /// Why.
        reason: Reason,
    },
    /// Remove a container in whatever state it is, stopping it first if it runs.
    Remove {
        /// Which.
        id: i64,
        /// Why.
        reason: Reason,
    },
}

/// Why an action is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Fewer units than wanted.
    TooFew,
    /// More units than wanted.
    TooMany,
    /// A unit lacks a container.
    Incomplete,
    /// Another container of the unit already does this one's work.
    Duplicate,
    /// Its first start failed, or another's of its unit.
    Bad,
    /// Another container has the port that it needs, or that another of its unit needs.
    Displaced,
    /// Its health check fails, or another's of its unit.
    Unhealthy,
    /// Its host was removed.
    HostGone,
    /// It was being changed while its host could not be reached.
    HostUnreachable,
    /// A global service no longer wants this host.
    HostNotWanted,
    /// The container whose volumes or network it uses is gone.
    ProviderGone,
    /// The container whose network it uses stopped or restarted.
    NetworkRestarted,
    /// Made from an older version of its configuration, or uses one that was.
    Outdated,
    /// Stopped, and ought to run.
    NotRunning,
    /// A restart was asked for.
    Restart,
    /// The service is being deactivated.
    ServiceStopped,
    /// The service is being removed.
    ServiceRemoved,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooFew => "fewer than wanted",
            Self::TooMany => "more than wanted",
            Self::Incomplete => "the unit lacks it",
            Self::Duplicate => "there is another one",
            Self::Bad => "failed to start",
            Self::Displaced => "its port is taken",
            Self::Unhealthy => "unhealthy",
            Self::HostGone => "its host is gone",
            Self::HostUnreachable => "its host is unreachable",
            Self::HostNotWanted => "not wanted on its host",
            Self::ProviderGone => "the container it depends on is gone",
            Self::NetworkRestarted => "the container whose network it uses restarted",
            Self::Outdated => "outdated",
            Self::NotRunning => "not running",
            Self::Restart => "restart requested",
            Self::ServiceStopped => "service deactivated",
            Self::ServiceRemoved => "service removed",
        })
    }
}

/// How far a service is from what is wanted. A plan may have actions with any verdict but `Settled`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Everything is as wanted; an empty plan.
    Settled,
    /// Under way; the next change of a container asks for a new plan.
    Working {
        /// What is going on, for a person.
        message: String,
    },
    /// Something has to wait for a time, whether or not other things are under way.
    Waiting {
        /// When to plan again at the latest, milliseconds since 1970.
        until: i64,
        /// What it waits for, for a person.
        message: String,
        /// Whether that is a failure.
        why: Wait,
    },
    /// Nothing can be done until a person changes the service.
    Failing {
        /// What is wrong, for a person.
        message: String,
    },
    /// The upgrade is to be taken back: its new version did not become healthy in time.
    Unfit {
        /// Which container, and what is wrong with it, for a person.
        message: String,
    },
}

/// What a plan waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// The next try after a failure.
    BackOff,
    /// The pause between two batches.
    Interval,
}
