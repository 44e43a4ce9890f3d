//! Containers a second through the whole server on a simulated fleet: from asking for a scale until
//! every container runs, each step durable in SQLite on a real disk.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use ranchette::clock::{Clock, Entropy};
use ranchette::engine::sim::SimFleet;
use ranchette::model::resource::NewResource;
use ranchette::process::{self, site::Limits};
use ranchette::server::core::Core;
use ranchette::store::Store;
use serde_json::{Map, json};
use support::{Report, Target, median, timed_async};

mod support;

const RUNS: usize = 3;
const HOSTS: usize = 100;
const CONTAINERS: usize = 10_000;
/// Containers a second.
const TARGET: f64 = 4_000.0;

fn main() -> ExitCode {
    let mut report = Report::default();
    for services in [1, 100] {
        let name = format!(
            "{CONTAINERS} simulated containers, {services} service{}",
            if services == 1 { "" } else { "s" }
        );
        let rate = median(support::runs(RUNS), |_| run(services));
        report.report(&name, rate, "/s", Target::AtLeast(TARGET));
    }
    report.finish()
}

/// One run in a fresh folder; returns containers a second.
fn run(services: usize) -> f64 {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        // Beside the build, not in the folder for temporary files: that may be memory.
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        let (core, ids) = fleet(&folder.path().join("db"), services).await;
        let store = core.site.store.clone();
        let each = CONTAINERS / services;
        let asked = ids.clone();
        let (elapsed, ()) = timed_async(async {
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
            active(&store, &ids).await;
        })
        .await;
        let states = store.read(|read| read.count_by_state()).expect("counted");
        let running = states.iter().find(|(ty, state, _)| ty == "instance" && state == "running");
        assert_eq!(running.map(|found| found.2), Some(CONTAINERS as i64), "{states:?}");
        core.shut_down().await;
        CONTAINERS as f64 / elapsed.as_secs_f64()
    })
}

/// A server with active hosts and so many active services without containers.
async fn fleet(database: &Path, services: usize) -> (Core, Vec<i64>) {
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
    for number in 1..=HOSTS {
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

/// Waits until every service is active: as many containers run as it asks for.
async fn active(store: &Store, ids: &[i64]) {
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
async fn settled(store: &Store) {
    let mut changes = store.feed().listen();
    while !store.read(|read| read.count_open_processes()).expect("read").is_empty() {
        let _ = changes.recv().await;
    }
}
