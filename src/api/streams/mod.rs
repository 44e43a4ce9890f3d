//! Logs, commands and statistics over websockets, and the way to a container's own pages.
//!
//! An action or link of the API gives out a ticket: a URL and a random token, good once and for 300
//! seconds, bound to one container (or host, service or environment) and one purpose. The client dials
//! the URL with the token, and what the engine says goes into the socket as it comes. A ticket for a port
//! of a container is good for many requests and for 16 hours: a page asks for more than one thing.
//!
//! A reader that stops reading stops us: nothing is pulled from an engine before the socket has room, so
//! that one stream never holds more than about a megabyte. A stream ends when its client goes away, and
//! within a second when the caller's session ends; the engine's stream is dropped with it.

pub mod tickets;

pub mod frames;

mod line;

pub mod room;

mod exec;
mod logs;
mod stats;

pub mod live;

mod open;

mod proxy;

#[cfg(test)]
pub mod testing;

use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value};

use super::ApiState;
use crate::auth::{Caller, secret};
use crate::clock::{Clock, Entropy};
use tickets::{Grant, Purpose, Tickets};

pub use logs::options as log_options;
pub use open::open;
pub use proxy::{OnlyHead, post, proxy, whereabouts};
pub use stats::containers_of;

/// Tickets given out and samples taken.
#[derive(Default)]
pub struct Streams {
    tickets: Mutex<Tickets>,
    /// The latest sample of each host.
    pub samples: live::Samples,
}

impl Streams {
    /// A token for a purpose.
    pub fn issue(
        &self,
        clock: &Clock,
        entropy: &Entropy,
        caller: &Caller,
        purpose: Purpose,
    ) -> String {
        let mut bytes = [0u8; 32];
        entropy.fill(&mut bytes);
        let token = hex::encode(bytes);
        let grant = Grant { caller: caller.clone(), purpose };
        let mut tickets = self.tickets.lock().unwrap_or_else(PoisonError::into_inner);
        tickets.insert(secret::sha256_hex(&token), grant, clock.now_ms());
        token
    }

    /// What a token was given out for; it is spent, whatever comes of it, unless it is for many requests.
    pub fn redeem(&self, clock: &Clock, token: &str) -> Option<Grant> {
        let mut tickets = self.tickets.lock().unwrap_or_else(PoisonError::into_inner);
        tickets.take(&secret::sha256_hex(token), clock.now_ms())
    }
}

/// The fields of `hostAccess` and `statsAccess`: where to dial, and the token.
///
/// `origin` is scheme and host as the client used them.
pub fn access(
    state: &ApiState,
    caller: &Caller,
    origin: &str,
    purpose: Purpose,
) -> Map<String, Value> {
    let is_socket = !matches!(purpose, Purpose::Proxy { .. });
    let origin = if is_socket { websocket_origin(origin) } else { origin.to_owned() };
    let url = format!("{origin}{}", purpose.path());
    let token = state.streams.issue(&state.clock, &state.entropy, caller, purpose);
    let mut fields = Map::new();
    fields.insert("token".to_owned(), token.into());
    fields.insert("url".to_owned(), url.into());
    fields
}

/// `http` is `ws` and `https` is `wss`.
fn websocket_origin(origin: &str) -> String {
    match origin.strip_prefix("http") {
        Some(rest) => format!("ws{rest}"),
        None => origin.to_owned(),
    }
}
