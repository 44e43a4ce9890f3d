//! Webhooks that tell of events: what is sent, when again, and to whom it is not.

mod api;
mod died;
mod happened;
pub mod receiver;
mod told;
