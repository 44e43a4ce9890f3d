//! Every way to tamper with the log, and that honest use never looks like it.

use rusqlite::Connection;
use serde_json::{Map, Value};
use tempfile::TempDir;

use super::*;
use crate::clock::{Clock, Entropy, ManualClock};
use crate::store::{NewAudit, Store};

fn entry(event: &str) -> NewAudit {
    NewAudit {
        account_id: Some(5),
        authenticated_as: None,
        event: event.to_owned(),
        resource_type: None,
        resource_id: Some(9),
        data: Map::from_iter([("responseCode".to_owned(), Value::from(201))]),
    }
}

struct World {
    folder: TempDir,
    store: Option<Store>,
    hands: std::sync::Arc<ManualClock>,
    clock: Clock,
}

impl World {
    fn new() -> Self {
        let (clock, hands) = Clock::manual(1000);
        let mut world = Self { folder: tempfile::tempdir().unwrap(), store: None, hands, clock };
        world.open();
        world
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("db")
    }

    fn open(&mut self) {
        let store = Store::open(&self.path(), self.clock.clone(), Entropy::seeded(1)).unwrap();
        self.store = Some(store);
    }

    /// So many entries, a second apart.
    async fn write(&self, count: usize) {
        for _ in 0..count {
            let entry = entry("api.stack.create");
            let store = self.store.as_ref().unwrap();
            store.write(move |tx| tx.audit_insert(&entry)).await.unwrap();
            self.hands.advance(1000);
        }
    }

    async fn purge(&self, before: i64, limit: u32) -> usize {
        let store = self.store.as_ref().unwrap();
        store.write(move |tx| tx.audit_purge(before, limit)).await.unwrap()
    }

    fn tamper(&self, sql: &str) {
        Connection::open(self.path()).unwrap().execute_batch(sql).unwrap();
    }

    fn report(&self, known: Option<&str>) -> ChainReport {
        verify_audit(&self.path(), known).unwrap()
    }
}

#[tokio::test]
async fn whatever_is_changed_afterwards_breaks_the_chain() {
    let check = async |sql: &str, broken: &str| {
        let world = World::new();
        world.write(5).await;
        assert_eq!(world.report(None).broken, None);
        world.tamper(sql);
        assert_eq!(world.report(None).broken.as_deref(), Some(broken), "{sql}");
    };
    let changed = "entry 3 is not what was written, or not where it was";
    for set in [
        "created = created + 1",
        "account_id = 6",
        "account_id = NULL",
        "authenticated_as = 1",
        "event = 'api.stack.delete'",
        "resource_type = ''",
        "resource_id = 8",
        "data = '{\"responseCode\":403}'",
        "data = '{\"responseCode\": 201}'",
        "hash = NULL",
        "hash = (SELECT hash FROM audit WHERE id = 2)",
    ] {
        check(&format!("UPDATE audit SET {set} WHERE id = 3"), changed).await;
    }
    check("DELETE FROM audit WHERE id = 3", "what was between the entries 2 and 4 is gone").await;
    check("DELETE FROM audit WHERE id <= 2", "what was between the entries 0 and 3 is gone").await;
    check("DELETE FROM audit WHERE id >= 4", "the entries after 3 are gone").await;
    check("DELETE FROM audit", "the entries after 0 are gone").await;
    check("UPDATE audit_start SET id = 2", "entry 1 stands before the start of the chain").await;
    check("DELETE FROM audit WHERE id <= 2; UPDATE audit_start SET id = 2", changed).await;
    check(
        "INSERT INTO audit (created, event, data, hash)
         SELECT created, event, data, hash FROM audit WHERE id = 5",
        "entry 6 is not what was written, or not where it was",
    )
    .await;
    let swap = "CREATE TABLE t AS SELECT * FROM audit WHERE id IN (2, 3);
         UPDATE audit SET event = 'x' WHERE id = 2;";
    check(swap, "entry 2 is not what was written, or not where it was").await;
}

#[tokio::test]
async fn a_chain_made_anew_is_shown_by_a_head_noted_down() {
    let world = World::new();
    world.write(3).await;
    let noted = world.report(None).head.hash;
    world.write(2).await;
    assert_eq!(world.report(Some(&noted)).broken, None);
    let other = World::new();
    other.hands.advance(1);
    other.write(5).await;
    let missing = Some("the entry that was noted down is not in the chain".to_owned());
    assert_eq!(other.report(Some(&noted)).broken, missing);
    assert_eq!(other.report(None).broken, None, "which is why it is to be noted down");
}

#[tokio::test]
async fn a_pruned_log_stays_verifiable_and_goes_on() {
    let mut world = World::new();
    assert_eq!(world.report(None).entries, 0, "an empty log is fine");
    world.write(6).await;
    assert_eq!(world.purge(4000, 2).await, 2);
    assert_eq!(world.purge(4000, 9).await, 1);
    let report = world.report(None);
    assert_eq!((report.entries, report.head.id, report.broken), (3, 6, None));
    world.write(1).await;
    assert_eq!(world.report(None).entries, 4);
    let head = world.report(None).head;
    assert_eq!(world.purge(i64::MAX, 100).await, 4);
    let report = world.report(Some(&head.hash));
    assert_eq!((report.entries, &report.head, report.broken), (0, &head, None));
    world.store = None;
    world.open();
    world.write(1).await;
    let report = world.report(None);
    assert_eq!((report.entries, report.head.id, report.broken), (1, 8, None));
    world.tamper("DELETE FROM audit");
    assert_eq!(world.report(None).broken.as_deref(), Some("the entries after 7 are gone"));
}

#[tokio::test]
async fn what_goes_on_after_tampering_does_not_hide_it() {
    let world = World::new();
    world.write(3).await;
    world.tamper("DELETE FROM audit WHERE id = 3");
    world.write(3).await;
    let gone = "what was between the entries 2 and 4 is gone";
    assert_eq!(world.report(None).broken.as_deref(), Some(gone));
    let world = World::new();
    world.write(3).await;
    world.tamper("UPDATE audit SET hash = NULL WHERE id = 3");
    world.write(1).await;
    let changed = "entry 3 is not what was written, or not where it was";
    assert_eq!(world.report(None).broken.as_deref(), Some(changed));
}

#[tokio::test]
async fn a_clock_that_went_back_leaves_no_hole() {
    let mut world = World::new();
    world.hands.advance(50_000);
    world.write(1).await;
    world.store = None;
    (world.clock, world.hands) = Clock::manual(2000);
    world.open();
    world.write(2).await;
    assert_eq!(world.purge(10_000, 9).await, 0, "what came before them has to go first");
    assert_eq!(world.purge(60_000, 9).await, 3);
    assert_eq!(world.report(None).broken, None);
}

#[tokio::test]
async fn entries_from_before_the_chain_are_counted_apart() {
    let mut world = World::new();
    world.store = None;
    world.tamper(
        "INSERT INTO audit (created, event, data) VALUES (1, 'api.stack.create', '{}');
         UPDATE audit_start SET id = 1",
    );
    world.open();
    world.write(2).await;
    let report = world.report(None);
    assert_eq!((report.older, report.entries, report.broken), (1, 2, None));
    assert_eq!(world.purge(10, 9).await, 1);
    let report = world.report(None);
    assert_eq!((report.older, report.entries, report.broken), (0, 2, None));
}
