//! Types whose rows are worked out: what they show of a running server, how they are found, and what
//! they can be made to do.

use std::sync::Arc;
use std::time::Duration;

use ranchette::auth::seed;
use ranchette::clock::{Clock, Entropy};
use ranchette::engine::sim::SimFleet;
use ranchette::process::tasks;
use ranchette::server::core::Core;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::site::{Client, Site};

/// Longest a test waits for what ought to happen: a failure, not a pace.
const DEADLINE: Duration = Duration::from_secs(60);

/// A server that runs, with simulated hosts in the first environment.
struct Farm {
    site: Site,
    core: Core,
    admin: Client,
    owner: Client,
}

impl Farm {
    async fn start(hosts: usize) -> Self {
        let folder = TempDir::new().expect("temporary folder");
        let path = folder.path().join("db");
        let limits = crate::world::limits();
        let mut core = Core::open(&path, Clock::System, Entropy::System, limits).expect("a core");
        let ((site, code), _) = Site::over(&core, folder).await;
        site.claim(&code).await;
        core.site.tasks.add(tasks::tasks());
        core.start();
        let fleet = SimFleet::new(7, Clock::System);
        for number in 1..=hosts {
            let name = format!("host{number}");
            let engine = Arc::new(fleet.host(&name));
            let address = format!("sim://{name}");
            core.add_host(seed::DEFAULT_PROJECT, &address, &name, engine, 60_000)
                .await
                .expect("a host");
        }
        let (admin, owner) = (site.admin().await, site.owner().await);
        let farm = Self { site, core, admin, owner };
        farm.until("hosts are active", |farm| async move {
            let active = farm.owner.get("/hosts?state=active").await.ok(200);
            active["data"].as_array().map_or(0, Vec::len) == hosts
        })
        .await;
        farm
    }

    /// Waits until something holds, looking again after each change.
    async fn until<'a, F>(&'a self, what: &str, holds: impl Fn(&'a Self) -> F)
    where
        F: Future<Output = bool>,
    {
        let mut changes = self.site.store.feed().listen();
        let wait = async {
            while !holds(self).await {
                // Not everything is announced: look again before long in any case.
                let _ = tokio::time::timeout(Duration::from_millis(50), changes.recv()).await;
            }
        };
        assert!(tokio::time::timeout(DEADLINE, wait).await.is_ok(), "{what}");
    }

    async fn stop(self) {
        self.core.shut_down().await;
    }
}

/// The resources of a list.
async fn list(client: &Client, path: &str) -> Vec<Value> {
    let mut found = client.get(path).await.ok(200);
    match found["data"].take() {
        Value::Array(rows) => rows,
        other => panic!("{path}: {other}"),
    }
}

/// The one resource of a list.
async fn only(client: &Client, path: &str) -> Value {
    let mut rows = list(client, path).await;
    assert_eq!(rows.len(), 1, "{path}: {rows:?}");
    rows.remove(0)
}

#[actix_web::test]
async fn a_job_is_run_by_action_and_its_run_recorded() {
    let farm = Farm::start(0).await;
    let task = only(&farm.admin, "/tasks?name=purge.resources").await;
    let url = task["actions"]["execute"].as_str().expect("the action").to_owned();
    let answer = farm.admin.post(&url, json!({})).await.ok(200);
    assert_eq!(answer["id"], task["id"]);
    let runs = format!("/tasks/{}/taskInstances", task["id"].as_str().expect("id"));
    farm.until("the run has ended", |farm| {
        let runs = runs.clone();
        async move {
            list(&farm.admin, &runs).await.first().is_some_and(|run| !run["endTime"].is_null())
        }
    })
    .await;
    let run = only(&farm.admin, &runs).await;
    assert_eq!(run["name"], "purge.resources");
    assert_eq!(run["taskId"], task["id"]);
    assert_eq!(run["exception"], Value::Null);
    assert!(run["serverId"].as_str().is_some_and(|id| id.len() == 36), "{run}");
    let own = run["links"]["self"].as_str().expect("self");
    assert_eq!(farm.admin.get(own).await.ok(200)["startTime"], run["startTime"]);
    let back = run["links"]["task"].as_str().expect("a link");
    assert_eq!(farm.admin.get(back).await.ok(200)["name"], "purge.resources");
    let sorted = list(&farm.admin, "/tasks?sort=name&order=desc&limit=2").await;
    assert_eq!(sorted[0]["name"], "purge.resources");
    assert_eq!(farm.owner.get("/tasks").await.status, 404);
    farm.stop().await;
}
