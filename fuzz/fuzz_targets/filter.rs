//! Queries of lists: two bytes choose the type, the rest is the query, which a database answers.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use ranchette::clock::{Clock, Entropy};
use ranchette::store::Store;

fn store() -> &'static Store {
    static STORE: OnceLock<(Store, tempfile::TempDir)> = OnceLock::new();
    let open = || {
        let folder = tempfile::tempdir().expect("temporary folder");
        let store = Store::open(&folder.path().join("db"), Clock::System, Entropy::seeded(1));
        (store.expect("a store"), folder)
    };
    &STORE.get_or_init(open).0
}

fuzz_target!(|data: &[u8]| {
    let [low, high, query @ ..] = data else { return };
    let Ok(text) = std::str::from_utf8(query) else { return };
    let query = ranchette::api::probe::list(u16::from_le_bytes([*low, *high]), text);
    let answered = store().read(|read| Ok((read.list(&query)?, read.count(&query)?)));
    assert!(answered.is_ok(), "{answered:?}");
});
