//! Desired against observed: pure functions from facts about one service to a plan.
//!
//! [`plan()`] is the heart: the controller gathers [`Desired`] and the [`Member`]s there are, asks for
//! a [`Plan`], carries it out, and asks again whenever something has changed. Nothing here waits,
//! asks the time, or remembers anything: back-off, batches and restarts are read off the members.
//!
//! A plan is made in this order: members are grouped into units (`unit`), units are chosen to stay
//! or go (`choose`), the staying ones sorted by launch configuration (`shape`), it is decided whose
//! turn it is to be replaced or restarted (`batches`), and each gets its steps (`member_steps`).
//!
//! Invariant: no async, clock, randomness, SQL, HTTP, Docker or file system in this folder.

mod facts;
mod plan;
mod planner;

mod batches;
mod choose;
mod configs;
mod draft;
mod gate;
mod member_steps;
mod shape;
mod unit;
mod unit_ids;

pub mod backoff;
pub mod checks;
pub mod health;
pub mod labels;
pub mod names;
pub mod service_log;

pub use facts::{
    Config, Desired, Gate, Health, HostState, Member, MemberState, Mode, Old, Order, Pace, Rollout,
    Scale, Strategy, is_active,
};
pub use plan::{Action, Plan, Reason, Verdict, Wait};
pub use planner::plan;
pub use unit_ids::UnitIds;

#[cfg(test)]
mod tests;
