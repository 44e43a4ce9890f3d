//! Logs, commands and statistics over websockets, against the simulated fleet.

mod builds;
mod commands;
mod docker;
mod logs;
pub mod place;
mod statistics;
mod tickets;
