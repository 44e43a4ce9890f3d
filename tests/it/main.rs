//! The integration tests: one binary, one module for each subject.

#![allow(
    clippy::disallowed_methods,
    reason = "tests against a real Docker Engine wait for it, with real deadlines"
)]

mod acme;
mod activation;
mod agents;
mod api;
mod authz;
mod balancer;
mod balancer_kept;
mod balancer_near;
mod balancer_wire;
mod bound;
mod bound_docker;
mod build_contexts;
mod catalog;
mod cattle_client;
mod chaos;
mod cli;
mod clients;
mod container_keys;
mod container_links;
mod corpus;
mod crash;
mod described;
mod docker_away;
mod docker_causes;
mod docker_faults;
mod docker_names;
mod docker_policy;
mod docker_stack;
mod docker_support;
mod docker_upgrade;
mod docker_versions;
mod engine_contract;
mod handlers;
mod health;
mod images;
mod imports;
mod keep;
mod kinds;
mod launch_config;
mod lone;
mod machine_hosts;
mod machine_policy;
mod machine_support;
mod machines;
mod natives;
mod paths;
mod policies;
mod projects;
mod pull_tasks;
mod ranch;
mod receivers;
mod registries;
mod reserve;
mod round_trip;
mod scheduled;
mod secrets;
mod services;
mod sidekicks;
mod sim;
mod storage;
mod streams;
mod tidy;
mod tls;
mod transitions;
mod upgrades;
mod webhooks;
mod world;
