//! Placement tests: text fixtures run by [`world::check`], and random fleets compared with a
//! reference that looks at every host.

mod affinity;
mod hosts;
mod ports;
mod property;
mod reference;
mod volumes;
mod world;
