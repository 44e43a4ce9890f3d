//! Who is calling and what they may do: callers, sessions, keys and the policy table.

pub mod caller;

pub mod policy;

pub mod request;

pub use caller::{AuthType, Caller, Role};
pub use request::{Authenticator, RequestFacts};
