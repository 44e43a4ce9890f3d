//! Network policy: who may open a connection to whom, as rules of the packet filter.
//!
//! [`plan`] makes of an environment the rules for its network, [`script`] writes them down for the packet
//! filter; both are pure. A [`wall`] puts them into the kernel of a host, the [`guard`] sees to it that what is
//! there fits what is wanted, and each host has its own turns. Absent: everything about names and addresses, which others decide.

pub mod plan;
pub mod script;

pub mod wall;

pub mod guard;

mod turn;
