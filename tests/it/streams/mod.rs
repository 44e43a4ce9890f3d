//! Logs, commands, statistics and proxied ports, against the simulated fleet.

mod builds;
mod commands;
mod docker;
mod logs;
pub mod place;
mod proxy;
mod statistics;
mod tickets;
