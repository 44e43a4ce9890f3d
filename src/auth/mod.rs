//! Who is calling and what they may do: callers, sessions, keys and the policy table.

pub mod caller;

pub mod policy;

pub use caller::{AuthType, Caller, Role};
