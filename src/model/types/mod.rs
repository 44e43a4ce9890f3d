//! Every resource type, as data: one file a family, one `const` a type.

mod prelude;

pub mod access;
pub mod account;
pub mod agent;
pub mod backup;
pub mod balancer;
pub mod credential;
pub mod directory;
pub mod event;
pub mod handler;
pub mod health;
pub mod host;
pub mod image;
pub mod instance;
pub mod launch;
pub mod legacy;
pub mod login;
pub mod machine;
pub mod meta;
pub mod network;
pub mod plan;
pub mod process;
pub mod secret;
pub mod service;
pub mod service_kind;
pub mod service_link;
pub mod stack;
pub mod storage;
pub mod system;
pub mod upgrade;
pub mod values;
pub mod version;
pub mod webhook;

use super::schema::Type;

/// The families.
pub const ALL: &[&[&Type]] = &[
    access::TYPES,
    account::TYPES,
    agent::TYPES,
    backup::TYPES,
    balancer::TYPES,
    credential::TYPES,
    directory::TYPES,
    event::TYPES,
    handler::TYPES,
    health::TYPES,
    host::TYPES,
    image::TYPES,
    instance::TYPES,
    launch::TYPES,
    legacy::TYPES,
    login::TYPES,
    machine::TYPES,
    meta::TYPES,
    network::TYPES,
    plan::TYPES,
    process::TYPES,
    secret::TYPES,
    service::TYPES,
    service_kind::TYPES,
    service_link::TYPES,
    stack::TYPES,
    storage::TYPES,
    system::TYPES,
    upgrade::TYPES,
    values::TYPES,
    version::TYPES,
    webhook::TYPES,
];
