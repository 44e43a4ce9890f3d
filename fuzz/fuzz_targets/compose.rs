//! Compose files: read, interpolated, merged, and planned.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| ranchette::compose::probe::project(data));
