//! Bodies of creates and changes: two bytes choose the type and the content type, the rest is the body.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let [low, high, body @ ..] = data {
        ranchette::api::probe::body(u16::from_le_bytes([*low, *high]), body);
    }
});
