//! Composition root: wires store, engines, runner, controller and API together.
//!
//! The only place that knows everything. [`core`] is the server without its ears: what tests, the
//! benches and the demo run too.

pub mod core;

pub mod data_dir;
