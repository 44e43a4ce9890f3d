//! Who is calling and what they may do: callers, sessions, keys and the policy table.

pub mod caller;

pub mod policy;

pub mod request;

pub mod csrf;
pub mod secret;
pub mod throttle;

pub use caller::{AuthType, Caller, Role};
pub use request::{Authenticator, RequestFacts};
