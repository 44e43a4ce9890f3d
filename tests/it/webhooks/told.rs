//! Deliveries in time that stands still: signed, repeated, given up, and made after a restart.

use std::sync::Arc;

use ranchette::clock::{Clock, ManualClock};
use ranchette::model::resource::{NewResource, Resource};
use ranchette::outbound::message::is_signed;
use ranchette::process::{secrets, webhooks};
use ranchette::store::Query;
use serde_json::{Value, json};

use super::receiver::{Receiver, Says};
use crate::world::World;

const NOW_MS: i64 = 1_700_000_000_000;
const SECRET: &[u8] = b"hush";

/// A server without hosts whose clock stands still, and that may call this machine.
async fn world() -> (World, Arc<ManualClock>) {
    let (clock, time) = Clock::manual(NOW_MS);
    let mut world = World::unstarted(0, clock);
    world.start().await;
    allow(&world, "127.0.0.1").await;
    (world, time)
}

pub(super) async fn allow(world: &World, addresses: &'static str) {
    let store = world.store();
    let set = store.write(|tx| tx.set_setting("outbound.allow", Some(addresses)));
    set.await.expect("allowed");
}

/// A webhook with a secret and a token.
pub(super) async fn webhook(world: &World, name: &str, url: &str, more: Value) -> i64 {
    let (vault, project, name, url) =
        (world.vault(), world.project, name.to_owned(), url.to_owned());
    let store = world.store();
    let made = store.write(move |tx| {
        let uuid = tx.entropy.uuid();
        let seal = |secret: &[u8]| secrets::seal(&vault, "webhook", &uuid, secret);
        let mut new = NewResource::new("webhook", uuid.clone())
            .name(name)
            .account(project)
            .state("active")
            .with("url", url)
            .with("format", "json")
            .with(webhooks::SECRET, seal(SECRET)?)
            .with(webhooks::TOKEN, seal(b"tk_me")?);
        new.data.extend(ranchette::process::object(more));
        tx.insert(new)
    });
    made.await.expect("a webhook").id
}

fn deliveries(world: &World, sink: i64) -> Vec<Resource> {
    let read = world.store().read(|read| read.referrers("webhookDelivery", "webhookId", sink));
    read.expect("deliveries")
}

/// Waits until the only delivery of a webhook has had so many attempts, and is in this state.
async fn tried(world: &World, sink: i64, attempts: usize, status: &str) -> Resource {
    let what = format!("{attempts} attempts, {status}");
    world
        .until(&what, |read| {
            let rows = read.referrers("webhookDelivery", "webhookId", sink)?;
            let [row] = rows.as_slice() else { return Ok(None) };
            let there = row.list("attempts").len() == attempts && row.str("status") == Some(status);
            Ok(there.then(|| row.clone()))
        })
        .await
}

/// The only delivery of a webhook, once each of its attempts has come to its time and nobody has taken it.
async fn given_up(world: &World, time: &ManualClock, sink: i64) -> Resource {
    for attempt in 1..8 {
        let row = tried(world, sink, attempt, "waiting").await;
        let next = row.int("nextAttempt").expect("a time");
        time.advance((next - time.now_ms()).unsigned_abs());
    }
    tried(world, sink, 8, "failed").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_is_told_again_until_it_hears_and_every_time_it_is_signed_anew() {
    let (mut world, time) = world().await;
    let receiver = Receiver::new([Says::Status(500), Says::Status(503)]).await;
    let sink = webhook(&world, "bell", &receiver.url(), json!({})).await;
    let stack = world.stack("shop").await;
    let first = tried(&world, sink, 1, "waiting").await;
    assert_eq!(first.int("nextAttempt"), Some(NOW_MS + 10_000));
    assert_eq!(first.list("attempts")[0]["error"], "it answered 500");
    time.advance(9_999);
    assert_eq!(receiver.calls().len(), 1, "it is not the time yet");
    time.advance(1);
    tried(&world, sink, 2, "waiting").await;
    time.advance(60_000);
    let last = tried(&world, sink, 3, "delivered").await;
    assert_eq!(last.data.get("nextAttempt"), None);

    let calls = receiver.until(3).await;
    assert_eq!(calls.len(), 3);
    let mut stamps = Vec::new();
    for (call, at_s) in calls.iter().zip([0, 10, 70]) {
        let now_s = NOW_MS / 1000 + at_s;
        let signature = call.header("x-ranchette-signature");
        assert!(signature.starts_with(&format!("t={now_s},v1=")), "{signature}");
        assert!(is_signed(SECRET, signature, call.body.as_bytes(), now_s, 300), "{signature}");
        assert!(!is_signed(b"other", signature, call.body.as_bytes(), now_s, 300));
        assert_eq!(call.header("x-ranchette-delivery"), last.uuid, "the same for every attempt");
        assert_eq!(call.header("authorization"), "Bearer tk_me");
        assert_eq!(call.line, "POST /hook HTTP/1.1");
        stamps.push(signature.to_owned());
    }
    stamps.dedup();
    assert_eq!(stamps.len(), 3);
    let body = calls[0].json();
    assert_eq!(
        body,
        json!({
            "id": last.str("eventId"),
            "event": "stack.active",
            "time": NOW_MS,
            "projectId": format!("1a{}", world.project),
            "resourceType": "stack",
            "resourceId": format!("1st{}", stack.id),
            "resourceName": "shop",
            "message": "stack `shop` is active",
            "untold": 0,
        })
    );
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_takes_for_a_day_is_given_up_and_can_be_told_once_more() {
    let (mut world, time) = world().await;
    let receiver = Receiver::new(vec![Says::Status(503); 8]).await;
    let sink = webhook(&world, "bell", &receiver.url(), json!({})).await;
    world.stack("shop").await;
    let row = given_up(&world, &time, sink).await;
    let lasted_h = (time.now_ms() - NOW_MS) / 3_600_000;
    assert_eq!((lasted_h, row.int("endedAt")), (23, Some(time.now_ms())));
    // Not so long that it would be forgotten.
    time.advance(5 * 86_400_000);

    let (store, id) = (world.store(), row.id);
    let again = store.write(move |tx| {
        let row = tx.require("webhookDelivery", id)?;
        webhooks::replay(tx, &row)
    });
    let again = again.await.expect("told once more");
    let calls = receiver.until(9).await;
    let (first, last) = (calls[0].json(), calls[8].json());
    assert_eq!(first, last, "it is the same event");
    assert_eq!(calls[8].header("x-ranchette-delivery"), again.uuid);
    assert_ne!(again.uuid, row.uuid);
    assert_eq!(again.int("replayOf"), Some(row.id));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_has_too_much_to_do_is_left_alone_as_it_asks() {
    let (mut world, time) = world().await;
    // 120 seconds after `NOW_MS`, and the same again by a date; then for much longer than anybody waits.
    let date = "Tue, 14 Nov 2023 22:17:20 GMT".to_owned();
    let says = [
        Says::Busy(429, "120".to_owned()),
        Says::Busy(503, date),
        Says::Busy(503, "1000000".to_owned()),
        Says::Busy(500, "1000000".to_owned()),
    ];
    let receiver = Receiver::new(says).await;
    let sink = webhook(&world, "bell", &receiver.url(), json!({})).await;
    world.stack("shop").await;
    let mut due = NOW_MS;
    for (attempt, wait_s, said) in [
        (1, 120, "it answered 429 and is left alone for 120 seconds as it asks"),
        (2, 120, "it answered 503 and is left alone for 120 seconds as it asks"),
        (3, 3_600, "it answered 503 and is left alone for 3600 seconds as it asks"),
        (4, 1_800, "it answered 500"),
    ] {
        let row = tried(&world, sink, attempt, "waiting").await;
        due += wait_s * 1_000;
        assert_eq!(row.list("attempts")[attempt - 1]["error"], said);
        assert_eq!(row.int("nextAttempt"), Some(due), "{said}");
        time.advance((due - 1 - time.now_ms()).unsigned_abs());
        assert_eq!(receiver.calls().len(), attempt, "it is not the time yet");
        time.advance(1);
    }
    tried(&world, sink, 5, "delivered").await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_asks_for_pauses_is_given_up_after_a_day_all_the_same() {
    let (mut world, time) = world().await;
    let receiver = Receiver::new(vec![Says::Busy(503, "86400".to_owned()); 9]).await;
    let sink = webhook(&world, "bell", &receiver.url(), json!({})).await;
    world.stack("shop").await;
    let row = given_up(&world, &time, sink).await;
    assert_eq!(row.int("endedAt"), Some(NOW_MS + 86_400_000));
    assert_eq!(receiver.calls().len(), 8);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_wants_to_hear_no_more_is_not_told_again() {
    let (mut world, _) = world().await;
    let receiver = Receiver::new([Says::Status(410)]).await;
    let sink = webhook(&world, "bell", &receiver.url(), json!({})).await;
    world.stack("shop").await;
    let row = tried(&world, sink, 1, "failed").await;
    assert_eq!(row.list("attempts")[0]["error"], "it answered 410: it wants to hear no more");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_loses_nothing_and_tells_nothing_twice_without_saying_so() {
    let (mut world, time) = world().await;
    let receiver = Receiver::new([Says::Silence, Says::Status(500)]).await;
    let sink = webhook(&world, "bell", &receiver.url(), json!({})).await;
    world.stack("shop").await;
    // The server ends while somebody thinks about an answer.
    receiver.until(1).await;
    world.stop().await;
    world.start().await;
    receiver.until(2).await;
    tried(&world, sink, 1, "waiting").await;
    // And once more while it is still to be told again.
    world.stop().await;
    world.start().await;
    time.advance(10_000);
    let row = tried(&world, sink, 2, "delivered").await;
    let calls = receiver.calls();
    assert_eq!(calls.len(), 3);
    let ids: Vec<&str> = calls.iter().map(|call| call.header("x-ranchette-delivery")).collect();
    assert_eq!(ids, [row.uuid.as_str(); 3], "whoever has heard it knows it again");
    assert_eq!(deliveries(&world, sink).len(), 1, "what was so before is no event");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_is_dead_holds_nothing_up() {
    let (mut world, time) = world().await;
    let dead = Receiver::new(vec![Says::Silence; 10]).await;
    let alive = Receiver::new([]).await;
    let dead_sink = webhook(&world, "dead", &dead.url(), json!({})).await;
    let alive_sink = webhook(&world, "alive", &alive.url(), json!({})).await;
    let first = world.stack("first").await;
    dead.until(1).await;
    let second = world.stack("second").await;
    alive.until(2).await;
    for stack in [first, second] {
        world.state(stack.id, "active").await;
    }
    assert_eq!(dead.calls().len(), 1, "one at a time");
    // It has so long, and then the other event has its turn.
    time.advance(10_000);
    let error = world
        .until("the first attempt is over", |read| {
            let rows = read.referrers("webhookDelivery", "webhookId", dead_sink)?;
            let tried = rows.iter().flat_map(|row| row.list("attempts")).next();
            Ok(tried.map(|attempt| attempt["error"].clone()))
        })
        .await;
    assert_eq!(error, format!("no answer from http://{} in 10000 ms", dead.at));
    dead.until(2).await;
    let done = deliveries(&world, alive_sink);
    assert_eq!(done.len(), 2);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_must_not_be_called_is_not_called_on_behalf_of_a_webhook() {
    let (mut world, _) = world().await;
    allow(&world, "").await;
    let receiver = Receiver::new([]).await;
    let named = format!("http://localhost:{}/hook", receiver.at.port());
    let by_name = webhook(&world, "name", &named, json!({})).await;
    world.stack("first").await;
    let row = tried(&world, by_name, 1, "waiting").await;
    let error = row.list("attempts")[0]["error"].as_str().expect("why").to_owned();
    assert!(error.contains("is a loopback address and is not called"), "{error}");
    assert!(!error.contains("hook"), "the path may be a secret: {error}");

    // Only this address may be called, and it sends elsewhere.
    allow(&world, "127.0.0.1").await;
    let elsewhere = "http://169.254.169.254/latest/meta-data/";
    let other = format!("http://127.0.0.2:{}/hook", receiver.at.port());
    for (status, to, expect) in [
        (307, elsewhere, "the address of a metadata service"),
        (308, other.as_str(), "a loopback address"),
        (302, elsewhere, "it answered 302 and sends elsewhere"),
    ] {
        let sends = Receiver::new([Says::To(status, to.to_owned())]).await;
        let sink = webhook(&world, "sends", &sends.url(), json!({})).await;
        world.store().write(move |tx| webhooks::test(tx, sink)).await.expect("tested");
        let row = tried(&world, sink, 1, "waiting").await;
        let error = row.list("attempts")[0]["error"].as_str().expect("why").to_owned();
        assert!(error.contains(expect), "{status} {to}: {error}");
        // What comes next is not of this case.
        world.store().write(move |tx| tx.delete(sink)).await.expect("forgotten");
    }
    assert_eq!(receiver.calls().len(), 0, "nobody was called");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_of_ntfy_gets_a_line_with_a_title() {
    let (mut world, _) = world().await;
    let receiver = Receiver::new([]).await;
    let more = json!({ "format": "ntfy", "events": ["stack.removed"] });
    webhook(&world, "phone", &receiver.url(), more).await;
    let stack = world.stack("shop").await;
    world.state(stack.id, "active").await;
    world.act(stack.id, "remove", json!({})).await;
    let calls = receiver.until(1).await;
    let [call] = calls.as_slice() else { panic!("{calls:#?}") };
    assert_eq!(call.body, "stack `shop` is removed");
    for (name, value) in [
        ("title", "stack.removed: shop"),
        ("priority", "2"),
        ("tags", "information_source"),
        ("authorization", "Bearer tk_me"),
        ("x-ranchette-event", "stack.removed"),
    ] {
        assert_eq!(call.header(name), value, "{name}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_deliveries_and_those_of_a_removed_webhook_are_forgotten() {
    let (mut world, time) = world().await;
    let receiver = Receiver::new([]).await;
    let sink = webhook(&world, "bell", &receiver.url(), json!({})).await;
    world.stack("old").await;
    tried(&world, sink, 1, "delivered").await;
    // Longer than the setting says, and so the job has its turn.
    time.advance(8 * 86_400_000);
    world
        .until("the old one is forgotten", |read| {
            let rows = read.referrers("webhookDelivery", "webhookId", sink)?;
            Ok(rows.is_empty().then_some(()))
        })
        .await;
    world.stack("new").await;
    tried(&world, sink, 1, "delivered").await;
    world.act(sink, "remove", json!({})).await;
    world.state(sink, "removed").await;
    let query = Query { ty: "webhookDelivery", limit: 10, ..Query::default() };
    assert_eq!(world.store().read(|read| read.list(&query)).expect("a list"), []);
    world.stop().await;
}
