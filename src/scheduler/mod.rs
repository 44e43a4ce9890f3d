//! Placement: filters that explain themselves, then scores. Pure.
//!
//! [`Fleet`] is an index of facts about the hosts of all environments, kept up to date as instances
//! come and go; it is a cache of the database and is loaded from it at start. [`Fleet::place`]
//! chooses a host for the members of one deployment unit: the [`filters::FILTERS`] turn the request
//! into constraints, and the emptiest host (fewest instances, then most free memory, then lowest
//! id) that meets all of them wins. Nothing is recorded until the caller says so with
//! [`Fleet::instance_place`]; a caller that places and records under one lock is free of races.
//!
//! Invariants: no clock, randomness, SQL, HTTP or Docker here; equal facts and an equal request
//! give an equal answer, whatever order the facts arrived in; no step looks at every host unless
//! it has to say why none fits.

pub mod facts;
pub mod request;

pub mod fleet;
pub mod place;
pub mod refusal;

pub mod affinity;
pub mod filters;
pub mod global;

mod counts;
mod environment;
mod host;
mod interner;

pub use affinity::merge_labels;
pub use facts::{
    AccessMode, EnvironmentId, Health, HostFacts, HostId, HostStanding, Images, InstanceFacts,
    InstanceId, InstanceStanding, Labels, PoolId, PoolMapping, PortBinding, VolumeFacts, VolumeId,
};
pub use fleet::{Fleet, UnknownHost};
pub use global::global_hosts;
pub use place::{Placement, PortAssignment};
pub use refusal::{ALLOCATION_FAILED, Refusal};
pub use request::{Dependency, Member, Request, VolumeNeed};

#[cfg(test)]
mod tests;
