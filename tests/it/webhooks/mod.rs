//! Webhooks that tell of events: what is sent, when again, and to whom it is not.

mod api;
mod died;
pub mod receiver;
mod told;
