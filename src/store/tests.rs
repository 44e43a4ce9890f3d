//! A full disk: what was acknowledged stays, what was not leaves nothing behind, and the store goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;

use super::{Observer, ProcessEnd, Store};
use crate::clock::{Clock, Entropy};
use crate::model::resource::{NewResource, Resource};

impl Store {
    /// Keeps the database from growing, as a full disk does; or lets it grow again.
    pub(crate) async fn fill_disk(&self, full: bool) {
        let filled = self.write(move |tx| {
            let connection = tx.read.connection;
            let pages: i64 = connection.query_row("PRAGMA page_count", [], |row| row.get(0))?;
            let limit = if full { pages } else { i64::from(u32::MAX - 1) };
            let sql = format!("PRAGMA max_page_count = {limit}");
            connection.query_row(&sql, [], |row| row.get::<_, i64>(0))?;
            Ok(())
        });
        filled.await.expect("a pragma");
    }
}

#[derive(Default)]
struct Ears {
    rollbacks: AtomicUsize,
}

impl Observer for Ears {
    fn changed(&self, _: Option<&Resource>, _: Option<&Resource>) {}

    fn rolled_back(&self) {
        self.rollbacks.fetch_add(1, Ordering::SeqCst);
    }

    fn process_ended(&self, _: ProcessEnd) {}
}

fn row(name: &str, bytes: usize) -> NewResource {
    NewResource::new("stack", Entropy::System.uuid()).name(name).with("x", "x".repeat(bytes))
}

fn names(store: &Store) -> Vec<String> {
    let mut names = Vec::new();
    let read = store.read(|read| {
        read.for_each("stack", |row| {
            names.push(row.name.unwrap_or_default());
            Ok(())
        })
    });
    read.expect("readable");
    names
}

#[tokio::test]
async fn a_full_disk_is_said_and_nothing_half_done_stays() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("db");
    let store = Store::open(&path, Clock::System, Entropy::System).expect("a store");
    let ears = Arc::new(Ears::default());
    store.observe(Arc::clone(&ears) as Arc<dyn Observer>);
    let kept = store.write(|tx| Ok(tx.insert(row("kept", 10))?.id)).await.expect("room");

    store.fill_disk(true).await;
    let tries = (0..8).map(|number| {
        store.write(move |tx| {
            tx.update(kept, |row| {
                row.set("touched", number);
                Ok(())
            })?;
            tx.insert(row(&format!("lost{number}"), 50_000))
        })
    });
    for outcome in join_all(tries).await {
        let error = outcome.expect_err("no room");
        assert_eq!(error.status, 507, "{error}");
        assert!(error.to_string().contains("disk"), "{error}");
    }
    assert!(ears.rollbacks.load(Ordering::SeqCst) > 0, "caches are told");
    assert_eq!(names(&store), ["kept"]);
    let untouched = store.write(move |tx| Ok(tx.require("stack", kept)?.revision)).await;
    assert_eq!(untouched, Ok(1), "the writer's own rows are as in the table");

    store.fill_disk(false).await;
    store.write(|tx| tx.insert(row("later", 50_000))).await.expect("room again");
    drop(store);
    super::check_integrity(&path).expect("sound");
    let store = Store::open(&path, Clock::System, Entropy::System).expect("a store");
    assert_eq!(names(&store), ["kept", "later"]);
}
