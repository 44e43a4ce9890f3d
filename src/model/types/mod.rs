//! Every resource type, as data: one file a family, one `const` a type.

mod prelude;

pub mod account;
pub mod credential;
pub mod host;
pub mod instance;
pub mod launch;
pub mod network;
pub mod service;
pub mod stack;
pub mod storage;
pub mod system;
pub mod values;

use super::schema::Type;

/// The families.
pub const ALL: &[&[&Type]] = &[
    account::TYPES,
    credential::TYPES,
    host::TYPES,
    instance::TYPES,
    launch::TYPES,
    service::TYPES,
    stack::TYPES,
    network::TYPES,
    storage::TYPES,
    system::TYPES,
    values::TYPES,
];
