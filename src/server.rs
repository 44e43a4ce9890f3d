//! Composition root: wires store, engines, runner, controller and API together.
