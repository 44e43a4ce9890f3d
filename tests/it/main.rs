//! The integration tests: one binary, one module for each subject.

mod crash;
mod docker_support;
mod engine_contract;
mod services;
mod tidy;
mod world;
