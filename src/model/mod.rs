//! Pure data: resource types, their fields, lifecycles and values. No async, clock, randomness, SQL or HTTP.
//!
//! A resource type is one `const` value ([`schema::Type`]) in `types/`; the [`registry`] is the only
//! way the rest of the program learns which types exist.

pub mod schema;

pub mod audience;

pub mod lifecycle;

pub mod resource;

pub mod driver;
pub mod id;
pub mod kind;
pub mod launch;

pub mod names;

pub mod registry;

pub mod settings;

pub mod types;

pub mod policy;
pub mod port;
pub mod selector;
pub mod storage;
