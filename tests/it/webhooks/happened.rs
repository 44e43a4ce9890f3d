//! What really happens is told: upgrades, failures, a sick service, a host that is lost, on the simulated fleet.

use ranchette::engine::error::Transient;
use ranchette::engine::sim::{Effect, Fault, Op};
use ranchette::engine::{Away, EngineError};
use ranchette::model::resource::{NewResource, Resource};
use ranchette::process;
use ranchette::store::Query;
use serde_json::{Map, Value, json};

use super::told::webhook;
use crate::world::World;

/// A world whose webhook is told of what begins like this, and cannot be reached.
async fn world(hosts: usize, start: &str) -> World {
    let world = World::sim(hosts).await;
    let events = ranchette::model::types::webhook::EVENTS;
    let events: Vec<&str> = events.iter().copied().filter(|own| own.starts_with(start)).collect();
    assert!(!events.is_empty(), "{start}");
    webhook(&world, "bell", "http://127.0.0.1:9/", json!({ "events": events })).await;
    world
}

/// Waits until this many events were told of; each with its words, in order.
async fn told(world: &World, count: usize) -> Vec<String> {
    let line = |row: &Resource| {
        let text = |field: &str| row.str(field).unwrap_or_default().to_owned();
        format!("{}: {}", text("event"), text("message"))
    };
    let query = Query { ty: "webhookDelivery", limit: 100, ..Query::default() };
    world
        .until(&format!("{count} events are told"), |read| {
            let rows = read.list(&query)?;
            Ok((rows.len() >= count).then(|| rows.iter().map(line).collect()))
        })
        .await
}

fn to(image: &str) -> Value {
    let launch = json!({ "imageUuid": image });
    json!({ "inServiceStrategy": { "launchConfig": launch, "intervalMillis": 1 } })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn upgrades_are_told_as_they_go() {
    let mut world = world(1, "upgrade.").await;
    let stack = world.stack("blog").await;
    let web = world.service(&stack, "web", 2, json!({ "imageUuid": "docker:nginx:1" })).await;
    world.state(web.id, "active").await;
    world.act(web.id, "upgrade", to("docker:nginx:2")).await;
    world.state(web.id, "upgraded").await;
    world.act(web.id, "finishupgrade", json!({})).await;
    world.state(web.id, "active").await;
    world.act(web.id, "upgrade", to("docker:nginx:3")).await;
    world.state(web.id, "upgraded").await;
    world.act(web.id, "rollback", json!({})).await;
    world.state(web.id, "active").await;
    assert_eq!(
        told(&world, 5).await,
        [
            "upgrade.started: service `blog/web` is being upgraded",
            "upgrade.finished: service `blog/web` is upgraded: all of its new containers run",
            "upgrade.started: service `blog/web` is being upgraded",
            "upgrade.finished: service `blog/web` is upgraded: all of its new containers run",
            "upgrade.rolledback: service `blog/web` is rolled back to what it was before its upgrade",
        ]
    );
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_that_cannot_be_made_says_why() {
    let mut world = world(0, "backup.").await;
    let new = NewResource::new("backup", "backupOfNothing".to_owned());
    let new = new.name("nightly").account(world.project);
    let made = world.store().write(|tx| process::create(tx, new, Map::new())).await;
    made.expect("a backup");
    assert_eq!(
        told(&world, 1).await,
        ["backup.failed: backup `nightly` could not be made: no snapshot has the id 0"]
    );
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stack_that_cannot_be_made_says_why() {
    let mut world = world(0, "stack.").await;
    let new = NewResource::new("stack", "stackOfNothing".to_owned());
    let new = new.name("shop").account(world.project);
    let new = new.with("dockerCompose", "services: [");
    let made = world.store().write(|tx| process::create(tx, new, Map::new())).await;
    let stack = made.expect("a stack");
    let lines = told(&world, 1).await;
    assert!(lines[0].starts_with("stack.failed: stack `shop` could not be made: "), "{lines:?}");
    world.state(stack.id, "error").await;
    world.act(stack.id, "remove", json!({})).await;
    assert_eq!(told(&world, 2).await[1], "stack.removed: stack `shop` is removed");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_whose_containers_are_sick_is_told_of() {
    let mut world = world(1, "service.").await;
    let stack = world.stack("blog").await;
    let launch = json!({
        "imageUuid": "docker:nginx",
        "healthCheck": {
            "port": 80, "interval": 5, "responseTimeout": 1000, "healthyThreshold": 2,
            "unhealthyThreshold": 3, "strategy": "none",
        },
    });
    let web = world.service(&stack, "web", 1, launch).await;
    let health = async |word: &'static str| {
        world
            .until(&format!("the service is {word}"), |read| {
                let row = read.get(web.id)?;
                let fits = |row: &Resource| row.str("healthState") == Some(word);
                Ok(row.filter(|row| row.state == "active" && fits(row)))
            })
            .await
    };
    health("healthy").await;
    let reason = EngineError::Other {
        what: "probe".to_owned(),
        detail: "refused".to_owned(),
        transient: Transient::Yes,
    };
    world.fleet.faults().add(Fault::on(Op::Probe, Effect::Fail(reason)).about("web"));
    let sick = "service.unhealthy: service `blog/web` is unhealthy: none of its containers works";
    assert_eq!(told(&world, 1).await, [sick]);
    world.fleet.faults().clear();
    health("healthy").await;
    // Either it was no news after all, or both are told.
    let lines = told(&world, 0).await;
    let both = [sick, "service.healthy: service `blog/web` is healthy again"];
    assert!(lines.is_empty() || lines == both, "{lines:?}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_is_lost_and_back_is_told_of() {
    let mut world = world(1, "host.").await;
    let patience = "agent.disconnect.after.seconds";
    let store = world.store();
    store.write(move |tx| tx.set_setting(patience, Some("0"))).await.expect("set");
    world.host(1).set_away(Some(Away::Lost("it is a test".to_owned())));
    let lost =
        "host.disconnected: host `host1` is disconnected: nothing was heard of it for too long";
    assert_eq!(told(&world, 1).await, [lost]);
    world.host(1).set_away(None);
    assert_eq!(told(&world, 2).await, [lost, "host.reconnected: host `host1` is connected again"]);
    world.stop().await;
}
