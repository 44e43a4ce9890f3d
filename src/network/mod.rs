//! What containers ask about each other: names over DNS, facts over the metadata service.
//!
//! [`world`] is one environment as plain data, read from the store by [`load`]; [`names`] and [`tree`]
//! answer out of it and are pure. [`board`] keeps the present world of each environment; [`dns`] and
//! [`metadata`] serve it; [`ears`] listens where the containers of each environment's network reach us,
//! and [`redirect`] sends them there. [`policy`] says who may speak to whom. Absent: calls to the engine,
//! and decisions about containers.

pub mod world;

pub mod lb_config;
pub mod load;

pub mod names;

pub mod path;
pub mod tree;

pub mod board;

pub mod dns;
pub mod metadata;

pub mod ears;
pub mod redirect;

pub mod policy;
