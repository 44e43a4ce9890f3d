//! The port to containers: the `Engine` trait and its back ends.
