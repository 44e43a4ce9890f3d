//! The disk that holds the database is full in the middle of a deployment, and a server that is shut down right
//! after a change.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, json};

use super::*;
use crate::engine::sim::SimFleet;
use crate::model::resource::NewResource;
use crate::network::board::Board;
use crate::process;
use crate::store::Read;

/// Longest that this may take: a failure, not a pace.
const DEADLINE: Duration = Duration::from_secs(60);

fn limits() -> Limits {
    Limits {
        concurrency: 8,
        workers: 64,
        stop_timeout_s: 10,
        first_subnet: "10.42.0.0/16".to_owned(),
    }
}

async fn until(core: &Core, what: &str, done: impl Fn(&Read<'_>) -> Result<bool>) {
    let store = &core.site.store;
    let mut changes = store.feed().listen();
    let wait = async {
        while !store.read(&done).expect("readable") {
            // Lagging behind only means that there is something new to look at.
            let _ = changes.recv().await;
        }
    };
    tokio::time::timeout(DEADLINE, wait).await.unwrap_or_else(|_| panic!("{what}: not in time"));
}

fn running(read: &Read<'_>, service: i64) -> Result<usize> {
    let rows = read.referrers("instance", "serviceId", service)?;
    Ok(rows.iter().filter(|row| row.state == "running").count())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_goes_on_when_the_disk_has_room_again() {
    const SCALE: usize = 40;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("db");
    let mut core = Core::open(&path, Clock::System, Entropy::System, limits()).expect("a core");
    let fleet = SimFleet::new(7, Clock::System);
    let host = fleet.host("host1");
    let made = core.site.store.write(|tx| {
        let uuid = tx.entropy.uuid();
        let project = NewResource::new("account", uuid).kind("project").name("Default");
        Ok(process::create(tx, project, Map::new())?.id)
    });
    let project = made.await.expect("a project");
    let engine = Arc::new(fleet.host("host1"));
    core.add_host(project, "sim://host1", "host1", engine, 60_000).await.expect("a host");
    core.start();
    let made = core.site.store.write(move |tx| {
        let uuid = tx.entropy.uuid();
        let service = NewResource::new("service", uuid)
            .name("web")
            .account(project)
            .with("scale", 1)
            .with("startOnCreate", true)
            .with("launchConfig", json!({ "imageUuid": "docker:nginx" }));
        Ok(process::create(tx, service, Map::new())?.id)
    });
    let service = made.await.expect("a service");
    until(&core, "one runs", |read| Ok(running(read, service)? == 1)).await;

    let asked = core.site.store.write(move |tx| {
        tx.update(service, |row| {
            row.set("scale", SCALE);
            Ok(())
        })?;
        process::start(tx, service, "update", Map::new())
    });
    let store = core.site.store.clone();
    // Side by side, so that nothing comes in between.
    let (asked, ()) = tokio::join!(asked, store.fill_disk(true));
    asked.expect("asked for");
    let probe = store.write(|tx| {
        let uuid = tx.entropy.uuid();
        tx.insert(NewResource::new("stack", uuid).with("x", "x".repeat(100_000)))
    });
    assert_eq!(probe.await.expect_err("no room").status, 507);
    let few = store.read(|read| running(read, service)).expect("readable");
    assert!(few < SCALE, "{few} run without room for their rows");

    store.fill_disk(false).await;
    until(&core, "all run", |read| {
        let open = read.count_open_processes()?;
        Ok(running(read, service)? == SCALE && open.is_empty())
    })
    .await;
    assert_eq!(host.count(), (SCALE, SCALE), "none doubled, none left over");
    core.shut_down().await;
}

/// Time stands still, so that whoever only waits for it to pass waits for ever.
#[tokio::test(flavor = "current_thread")]
async fn a_server_shuts_down_while_it_gathers_changes() {
    let folder = tempfile::tempdir().expect("a folder");
    let (clock, hands) = Clock::manual(1_700_000_000_000);
    let path = folder.path().join("db");
    let core = Core::open(&path, clock.clone(), Entropy::System, limits()).expect("a core");
    let store = core.site.store.clone();
    let (stop, board) = (CancellationToken::new(), Board::default());
    let (_wanted, wanted) = tokio::sync::watch::channel(Vec::new());
    let loops = [
        tokio::spawn(balancers::run(Arc::clone(&core.site), stop.clone())),
        tokio::spawn(board.run(store.clone(), clock, wanted, stop.clone())),
    ];
    let gather = async {
        // Each is woken by a change, and then waits for more.
        while hands.sleepers() < loops.len() {
            let made = store.write(|tx| {
                let uuid = tx.entropy.uuid();
                tx.insert(NewResource::new("account", uuid).kind("project").name("Default"))
            });
            made.await.expect("a project");
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, gather).await.expect("both gather");
    stop.cancel();
    for ended in loops {
        tokio::time::timeout(DEADLINE, ended).await.expect("it ends").expect("well");
    }
}
