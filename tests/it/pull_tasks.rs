//! Pulls of an image on every host: which hosts, what they show, and what becomes of failures.

use ranchette::engine::sim::{Effect, Fault, Op};
use ranchette::engine::{Away, Engine, EngineError};
use ranchette::model::resource::Resource;
use serde_json::{Value, json};

use crate::registries::{begin, login, registry, row};
use crate::world::World;

const IMAGE: &str = "reg.test:5000/app:1";

async fn pull(world: &World, fields: Value) -> Resource {
    let mut task = row(world, "genericObject", "pullTask").with("mode", "all");
    if let Value::Object(fields) = fields {
        task.data.extend(fields);
    }
    begin(world, task).await
}

/// Waits until a task is over; what its hosts show.
async fn over(world: &World, task: i64) -> Value {
    let row = world.state(task, "active").await;
    assert_eq!(row.str("transitioningMessage"), None, "{:?}", row.data);
    row.data.get("status").cloned().unwrap_or_default()
}

async fn label(world: &World, host: &'static str, labels: Value) {
    let store = world.store();
    let label = store.write(move |tx| {
        let hosts =
            tx.list(&ranchette::store::Query { ty: "host", limit: 10, ..Default::default() })?;
        let found = hosts.iter().find(|row| row.str("hostname") == Some(host)).expect("the host");
        tx.update(found.id, |row| {
            row.set("labels", labels);
            Ok(())
        })
    });
    label.await.expect("labelled");
}

async fn has(world: &World, host: usize, image: &str) -> bool {
    world.host(host).image_id(image).await.expect("an answer").is_some()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_host_pulls_with_the_login_of_the_registry() {
    let mut world = World::sim(3).await;
    world.fleet.registry().require_login("reg.test:5000/", "bob", "hush");
    let place = registry(&world).await;
    let known = begin(&world, login(&world, place.id, "bob", "hush")).await;
    world.state(known.id, "active").await;
    let task = pull(&world, json!({ "image": "docker:reg.test:5000/app:1" })).await;
    let done = json!({ "host1": "Done", "host2": "Done", "host3": "Done" });
    assert_eq!(over(&world, task.id).await, done);
    for host in 1..=3 {
        assert!(has(&world, host, IMAGE).await, "host{host}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_fails_says_why_and_keeps_no_other() {
    let mut world = World::sim(3).await;
    world.fleet.registry().mark_missing("gone:1");
    let detail = "the disk of the registry is on fire".to_owned();
    let failed = EngineError::PullFailed { image: "nginx".to_owned(), detail };
    world
        .fleet
        .faults()
        .add(Fault::on(Op::Pull, Effect::Fail(failed)).host("host2").about("nginx"));
    let gone =
        EngineError::Unavailable { endpoint: "sim://host3".to_owned(), reason: Away::Refused };
    world.fleet.faults().add(Fault::on(Op::Pull, Effect::Fail(gone)).host("host3"));
    let task = pull(&world, json!({ "image": "nginx" })).await;
    let expect = json!({
        "host1": "Done",
        "host2": "pulling `nginx` failed: the disk of the registry is on fire",
        "host3": "docker at sim://host3 refuses connections; start Docker with `systemctl start docker`",
    });
    assert_eq!(over(&world, task.id).await, expect);
    world.fleet.faults().clear();

    let task = pull(&world, json!({ "image": "gone:1" })).await;
    let words = "image `gone:1` not found: manifest for gone:1 not found: manifest unknown";
    let status = over(&world, task.id).await;
    assert_eq!(status["host1"], words, "{status}");
    let task = pull(&world, json!({ "image": "reg.test:5000/../secret" })).await;
    over(&world, task.id).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn labels_and_the_mode_choose_the_hosts() {
    let mut world = World::sim(3).await;
    label(&world, "host1", json!({ "disk": "ssd" })).await;
    label(&world, "host2", json!({ "disk": "hdd" })).await;
    let affinity = |value: &str| json!({ "io.rancher.scheduler.affinity:host_label": value });
    let task = pull(&world, json!({ "image": IMAGE, "labels": affinity("disk=ssd") })).await;
    assert_eq!(over(&world, task.id).await, json!({ "host1": "Done" }));
    let not = json!({ "io.rancher.scheduler.affinity:host_label_ne": "disk=ssd" });
    let task = pull(&world, json!({ "image": "other", "labels": not })).await;
    assert_eq!(over(&world, task.id).await, json!({ "host2": "Done", "host3": "Done" }));
    assert!(!has(&world, 2, IMAGE).await);

    let task = pull(&world, json!({ "image": IMAGE, "mode": "cached" })).await;
    assert_eq!(over(&world, task.id).await, json!({ "host1": "Done" }));
    let task = pull(&world, json!({ "image": IMAGE, "labels": affinity("disk=tape") })).await;
    assert_eq!(over(&world, task.id).await, json!({}));
    world.stop().await;
}

/// A pull that takes long is seen on its way, and ends when its task is removed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn progress_is_seen_and_a_removed_task_ends() {
    let mut world = World::sim(2).await;
    let hour = Effect::Slow { ms: 3_600_000 };
    world.fleet.faults().add(Fault::on(Op::Pull, hour).host("host2"));
    let task = pull(&world, json!({ "image": "nginx" })).await;
    let on_its_way = world.until("one host is done and the other is not", |read| {
        let row = read.require("genericObject", task.id)?;
        let status = json!({ "host1": "Done", "host2": "Pulling" });
        Ok((row.data.get("status") == Some(&status)).then_some(row))
    });
    let row = on_its_way.await;
    assert_eq!(row.state, "activating");
    assert_eq!(row.str("transitioningMessage"), Some("pulling nginx: 1 of 2 hosts have it"));
    world.act(task.id, "remove", json!({})).await;
    let row = world.state(task.id, "removed").await;
    assert!(!has(&world, 2, "nginx").await, "{:?}", row.data);
    world.stop().await;
}
