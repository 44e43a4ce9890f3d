//! The HTTP API over a real socket, on a seeded database whose processes stand still.

mod access;
mod audit;
mod computed;
mod conditions;
mod dialects;
mod directories;
mod dry_run;
mod faults;
mod lists;
mod logins;
mod pages;
mod projects;
mod resources;
mod sealed;
mod settings;
pub mod site;
mod upgrades;
mod versions;
pub mod websocket;
mod wire;
