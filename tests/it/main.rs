//! The integration tests: one binary, one module for each subject.

mod docker_support;
mod engine_contract;
mod tidy;
