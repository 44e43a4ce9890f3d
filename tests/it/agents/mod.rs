//! Agents: how hosts register, live and go, over the API of a running server.

mod events;
mod fleet;
mod place;
mod registration;
mod scale;
