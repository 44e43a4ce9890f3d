//! What a client sends over a websocket, byte by byte, and what its frames mean to a terminal.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    ranchette::api::probe::websocket(data);
    if let Ok(text) = std::str::from_utf8(data) {
        ranchette::api::probe::frame(text);
    }
});
