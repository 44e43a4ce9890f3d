//! A whole server on a simulated fleet, in this process.

use std::path::Path;
use std::sync::Arc;

use ranchette::clock::{Clock, Entropy};
use ranchette::engine::sim::SimFleet;
use ranchette::model::resource::NewResource;
use ranchette::process::{self, site::Limits};
use ranchette::server::core::Core;
use ranchette::store::Store;
use serde_json::{Map, json};

/// A server with so many active hosts and active services, without containers as yet.
pub async fn of(database: &Path, hosts: usize, services: usize) -> (Core, Vec<i64>) {
    let (clock, entropy) = (Clock::System, Entropy::System);
    let limits = Limits {
        concurrency: 8,
        workers: 256,
        stop_timeout_s: 10,
        first_subnet: "10.42.0.0/16".to_owned(),
    };
    let mut core = Core::open(database, clock.clone(), entropy, limits).expect("opens");
    let store = core.site.store.clone();
    let project = store
        .write(|tx| {
            let uuid = tx.entropy.uuid();
            let new = NewResource::new("account", uuid).kind("project").name("Default");
            Ok(process::create(tx, new, Map::new())?.id)
        })
        .await
        .expect("a project");
    let fleet = SimFleet::new(7, clock);
    fleet.transcript().stop();
    for number in 1..=hosts {
        let name = format!("host{number}");
        let engine = Arc::new(fleet.host(&name));
        core.add_host(project, &format!("sim://{name}"), &name, engine, 60_000)
            .await
            .expect("a host");
    }
    core.start();
    let ids = store
        .write(move |tx| {
            let mut ids = Vec::new();
            let stack = NewResource::new("stack", tx.entropy.uuid()).name("scale").account(project);
            let stack = process::create(tx, stack, Map::new())?;
            for number in 0..services {
                let service = NewResource::new("service", tx.entropy.uuid())
                    .name(format!("web{number}"))
                    .account(project)
                    .with("stackId", stack.id)
                    .with("scale", 0)
                    .with("startOnCreate", true)
                    .with("launchConfig", json!({ "imageUuid": "docker:nginx" }));
                ids.push(process::create(tx, service, Map::new())?.id);
            }
            Ok(ids)
        })
        .await
        .expect("services");
    active(&store, &ids).await;
    settled(&store).await;
    (core, ids)
}

/// Changes how many containers each service has, and waits until they run.
pub async fn scale(store: &Store, services: &[i64], each: usize) {
    let asked = services.to_vec();
    store
        .write(move |tx| {
            for id in asked {
                tx.update(id, |service| {
                    service.set("scale", each);
                    Ok(())
                })?;
                process::start(tx, id, "update", Map::new())?;
            }
            Ok(())
        })
        .await
        .expect("scaled");
    active(store, services).await;
}

/// Waits until every service is active: as many containers run as it asks for.
pub async fn active(store: &Store, ids: &[i64]) {
    let mut changes = store.feed().listen();
    for id in ids {
        let is_active = || {
            let row = store.read(|read| read.get(*id)).expect("read");
            row.is_some_and(|row| row.state == "active")
        };
        while !is_active() {
            // Lagging behind only means that there is something new to look at.
            let _ = changes.recv().await;
        }
    }
}

/// Waits until no process is open: hosts and the network are as they will be.
pub async fn settled(store: &Store) {
    let mut changes = store.feed().listen();
    while !store.read(|read| read.count_open_processes()).expect("read").is_empty() {
        let _ = changes.recv().await;
    }
}
