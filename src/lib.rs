//! Ranchette: Rancher 1.6 ("Cattle") made small. See ARCHITECTURE.md for the layers and invariants.

pub mod model;

pub mod balancer;
pub mod certificate;
pub mod compose;
pub mod reconcile;
pub mod scheduler;

pub mod clock;
pub mod error;
pub mod events;
pub mod metrics;
pub mod nearest;
pub mod store;

pub mod acme;
pub mod archive;
pub mod catalog;
pub mod engine;
pub mod folder;
pub mod outbound;
pub mod vault;

pub mod process;

pub mod controller;

pub mod network;

pub mod api;
pub mod auth;

pub mod cli;
pub mod config;
pub mod server;
