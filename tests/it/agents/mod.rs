//! Agents: how hosts register, live and go, over the API of a running server.

mod events;
mod fleet;
pub mod place;
mod registration;
mod reports;
mod scale;
