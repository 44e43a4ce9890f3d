//! Which deliveries events become, on a store whose clock stands still.

use std::sync::Arc;

use expect_test::{Expect, expect};
use serde_json::json;

use super::*;
use crate::clock::{Clock, Entropy, ManualClock};
use crate::store::Store;

/// A store with an environment's webhook.
struct Place {
    store: Store,
    time: Arc<ManualClock>,
    _folder: tempfile::TempDir,
}

impl Place {
    async fn new(sink: Value) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (clock, time) = Clock::manual(1_000_000);
        let store = Store::open(&folder.path().join("db"), clock, Entropy::seeded(1));
        let store = store.expect("a store");
        store.follow(Arc::new(Outbox));
        let place = Self { store, time, _folder: folder };
        place.sink(sink).await;
        place
    }

    async fn sink(&self, fields: Value) -> i64 {
        let made = self.store.write(move |tx| {
            let mut new = NewResource::new(SINK, tx.entropy.uuid()).state("active").account(5);
            new.data = crate::process::object(fields);
            tx.insert(new)
        });
        made.await.expect("a webhook").id
    }

    /// A row in a state.
    async fn row(&self, ty: &'static str, state: &'static str, fields: Value) -> i64 {
        let made = self.store.write(move |tx| {
            let new = NewResource::new(ty, tx.entropy.uuid()).state(state).account(5).name("web");
            let new = NewResource { data: crate::process::object(fields), ..new };
            tx.insert(new)
        });
        made.await.expect("a row").id
    }

    async fn set(&self, id: i64, fields: Value) {
        let set = self.store.write(move |tx| {
            tx.update(id, |row| {
                row.data.extend(crate::process::object(fields));
                Ok(())
            })
        });
        set.await.expect("set");
    }

    async fn die(&self, container: i64, times: i64) {
        for _ in 0..times {
            self.time.advance(1000);
            self.set(container, json!({ "diedAt": self.time.now_ms(), "exitCode": 1 })).await;
        }
    }

    /// The deliveries, oldest first: event, status, seconds until the next attempt, how many were not told.
    fn deliveries(&self) -> Vec<Resource> {
        let query = Query { ty: DELIVERY, limit: 10_000, ..Query::default() };
        self.store.read(|read| read.list(&query)).expect("deliveries")
    }

    fn check(&self, expect: Expect) {
        let now = self.time.now_ms();
        let line = |row: &Resource| {
            let text = |field: &str| row.str(field).unwrap_or("-").to_owned();
            let next = row.int("nextAttempt").map(|at| (at - now) / 1000);
            format!(
                "{} of {} {} {} in {next:?}, {} untold\n",
                text("event"),
                text("resourceType"),
                text("resourceName"),
                text(STATUS),
                row.int("suppressed").unwrap_or(-1)
            )
        };
        expect.assert_eq(&self.deliveries().iter().map(line).collect::<String>());
    }

    /// What a courier does that everybody answers.
    async fn deliver_all(&self) {
        let done = self.store.write(|tx| {
            for row in tx.list(&Query { ty: DELIVERY, limit: 10_000, ..Query::default() })? {
                if row.int("nextAttempt").is_some_and(|at| at <= tx.now) {
                    tx.update(row.id, |row| {
                        row.set(STATUS, "delivered");
                        row.set("nextAttempt", Value::Null);
                        row.set("attempts", json!([{ "statusCode": 200 }]));
                        row.data.shift_remove(HELD);
                        Ok(())
                    })?;
                }
            }
            Ok(())
        });
        done.await.expect("delivered");
    }
}

#[tokio::test]
async fn a_container_that_dies_over_and_over_is_told_of_now_and_then() {
    let place = Place::new(json!({ "events": ["container.died"] })).await;
    let web = place.row("instance", "running", json!({})).await;
    place.die(web, 40).await;
    place.check(expect![[r#"
        container.died of instance web waiting in Some(-39), 0 untold
        container.died of instance web waiting in Some(-38), 0 untold
        container.died of instance web waiting in Some(-37), 0 untold
        container.died of instance web waiting in Some(-36), 0 untold
        container.died of instance web waiting in Some(-35), 0 untold
        container.died of instance web waiting in Some(561), 34 untold
    "#]]);
    let held = place.deliveries().pop().expect("held");
    assert_eq!(held.int("happenedAt"), Some(place.time.now_ms()), "it tells of the newest");
    place.deliver_all().await;
    place.time.advance(561_000);
    place.deliver_all().await;
    // The time is over: it is told of at once, again.
    place.die(web, 1).await;
    let statuses: Vec<_> = place.deliveries().iter().map(|row| row.flag(HELD)).collect();
    assert_eq!(statuses, [false; 7]);
    // Another container's deaths are its own.
    let other = place.row("instance", "running", json!({})).await;
    place.die(other, 1).await;
    assert_eq!(place.deliveries().len(), 8);
}

#[tokio::test]
async fn a_service_that_is_sick_for_a_moment_is_no_news_and_one_that_stays_so_is() {
    let place = Place::new(json!({})).await;
    let stack = place.row("stack", "active", json!({})).await;
    let fields = json!({ "stackId": stack, "healthState": "healthy" });
    let web = place.row("service", "active", fields).await;
    for _ in 0..20 {
        place.set(web, json!({ "healthState": "unhealthy" })).await;
        place.set(web, json!({ "healthState": "initializing" })).await;
        place.set(web, json!({ "healthState": "healthy" })).await;
    }
    assert_eq!(place.deliveries(), []);
    place.set(web, json!({ "healthState": "unhealthy" })).await;
    place.check(expect![[r#"
        service.unhealthy of service web/web waiting in Some(15), 0 untold
    "#]]);
    place.time.advance(15_000);
    // It may be on its way by now.
    place.set(web, json!({ "healthState": "healthy" })).await;
    place.check(expect![[r#"
        service.unhealthy of service web/web waiting in Some(0), 0 untold
        service.healthy of service web/web waiting in Some(0), 0 untold
    "#]]);
    let marks = place.store.read(|read| read.require("service", web)).expect("the service");
    assert_eq!(marks.data.get(MARKS), None, "nothing is left of it");
}

#[tokio::test]
async fn how_things_stand_in_the_end_is_told() {
    let place = Place::new(json!({ "events": ["host.disconnected", "host.reconnected"] })).await;
    let host = place.row("host", "active", json!({ "agentState": "active" })).await;
    let mut told = None;
    for round in 0..9 {
        let state = if round % 2 == 0 { "disconnected" } else { "active" };
        place.time.advance(1000);
        place.set(host, json!({ "agentState": state })).await;
        place.deliver_all().await;
        let last =
            place.deliveries().into_iter().rev().find(|row| row.str(STATUS) == Some("delivered"));
        told = last.and_then(|row| row.str("event").map(str::to_owned)).or(told);
    }
    assert_eq!(told.as_deref(), Some("host.disconnected"));
    // It went and came back twice since: what is told and what is are the same.
    assert_eq!(place.deliveries().len(), 5);
    place.set(host, json!({ "agentState": "active" })).await;
    place.check(expect![[r#"
        host.disconnected of host web delivered in None, 0 untold
        host.reconnected of host web delivered in None, 0 untold
        host.disconnected of host web delivered in None, 0 untold
        host.reconnected of host web delivered in None, 0 untold
        host.disconnected of host web delivered in None, 0 untold
        host.reconnected of host web waiting in Some(592), 0 untold
    "#]]);
}

#[tokio::test]
async fn who_is_told_of_what() {
    let place = Place::new(json!({ "events": ["stack.active"] })).await;
    let shop = place.row("stack", "active", json!({})).await;
    let inner = place.sink(json!({ "stackId": shop })).await;
    let selected = place.sink(json!({ "selector": "tier=front" })).await;
    let front =
        json!({ "launchConfig": { "labels": { "tier": "front" } }, "healthState": "healthy" });
    let front = place.row("service", "active", front).await;
    let inside = json!({ "stackId": shop, "labels": { "tier": "back" } });
    let inside = place.row("instance", "running", inside).await;
    place.set(front, json!({ "healthState": "degraded" })).await;
    place.set(inside, json!({ "diedAt": 1, "exitCode": 1 })).await;
    let to: Vec<(Option<i64>, String)> = place
        .deliveries()
        .iter()
        .map(|row| (row.int("webhookId"), row.str("event").unwrap_or_default().to_owned()))
        .collect();
    assert_eq!(
        to,
        [
            (Some(selected), "service.unhealthy".to_owned()),
            (Some(inner), "container.died".to_owned())
        ]
    );
    // Another environment's are not told.
    let foreign = place.store.write(move |tx| {
        let new = NewResource::new("instance", tx.entropy.uuid()).state("running").account(6);
        let row = tx.insert(new)?;
        tx.update(row.id, |row| {
            row.set("diedAt", 1);
            Ok(())
        })
    });
    foreign.await.expect("a row");
    assert_eq!(place.deliveries().len(), 2);
}

#[tokio::test]
async fn what_is_taken_back_or_only_tried_out_is_told_to_nobody() {
    let place = Place::new(json!({})).await;
    let web = place.row("instance", "running", json!({})).await;
    let die = move |tx: &mut Tx<'_>| {
        tx.update(web, |row| {
            row.set("diedAt", 1);
            Ok(())
        })
    };
    place.store.rehearse(die).await.expect("tried out");
    let failed = place.store.write(move |tx| {
        die(tx)?;
        Err::<(), _>(crate::error::Error::not_found())
    });
    failed.await.expect_err("taken back");
    assert_eq!(place.deliveries(), []);
    place.store.write(die).await.expect("meant");
    assert_eq!(place.deliveries().len(), 1);
}

#[tokio::test]
async fn where_nobody_listens_rows_stay_as_they_are() {
    let place = Place::new(json!({})).await;
    let sink =
        place.store.read(|read| read.list(&Query { ty: SINK, limit: 1, ..Query::default() }));
    let sink = sink.expect("a list").remove(0).id;
    let off = place.store.write(move |tx| {
        tx.update(sink, |row| {
            row.state = "inactive".to_owned();
            Ok(())
        })
    });
    off.await.expect("off");
    let web = place.row("service", "active", json!({ "healthState": "healthy" })).await;
    place.set(web, json!({ "healthState": "unhealthy" })).await;
    let row = place.store.read(|read| read.require("service", web)).expect("the service");
    assert_eq!((row.revision, place.deliveries().len()), (2, 0));
}

#[tokio::test]
async fn so_many_wait_at_most() {
    let place = Place::new(json!({})).await;
    let sink =
        place.store.read(|read| read.list(&Query { ty: SINK, limit: 1, ..Query::default() }));
    let sink = sink.expect("a list").remove(0);
    let many = place.store.write(move |tx| {
        for _ in 0..MOST_WAITING + 2 {
            let new = super::super::delivery(tx, &sink, "test");
            add(tx, sink.id, new)?;
        }
        Ok(())
    });
    many.await.expect("many");
    let all = place.deliveries();
    let given_up: Vec<_> = all.iter().filter(|row| row.str(STATUS) == Some("failed")).collect();
    assert_eq!((all.len(), given_up.len()), (1002, 2));
    assert_eq!(given_up.iter().map(|row| row.id).collect::<Vec<_>>(), [all[0].id, all[1].id]);
    let why = given_up[0].list("attempts")[0]["error"].as_str().expect("why").to_owned();
    assert_eq!(why, "more than 1000 deliveries waited for this webhook");
}
