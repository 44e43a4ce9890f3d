//! Power failures in a story of stacks, services and containers that depend on each other: it is cut off after
//! each of its steps, and the server started again. What is left in the tables and what the engines were made
//! to do must be as if nothing had happened. `transitions.rs` does the same with every declared transition.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ranchette::clock::Clock;
use ranchette::error::Result;
use ranchette::model::registry::registry;
use ranchette::model::resource::{NewResource, Resource};
use ranchette::process;
use ranchette::store::Read;
use serde_json::{Map, json};

use crate::registries;
use crate::world::World;

/// Counts steps and cuts the power after one of them.
#[derive(Clone, Default)]
struct Saw {
    at: Option<usize>,
    steps: Arc<AtomicUsize>,
}

impl Saw {
    fn at(step: usize) -> Self {
        Self { at: Some(step), ..Default::default() }
    }

    fn teeth(&self) -> ranchette::process::runner::Breakpoint {
        let saw = self.clone();
        Arc::new(move |_process, _step| saw.at == Some(saw.steps.fetch_add(1, Ordering::SeqCst)))
    }
}

/// What a run leaves behind.
#[derive(Debug, PartialEq)]
struct Trace {
    rows: Vec<String>,
    engines: Vec<String>,
}

/// What a person does with containers, services, stacks, volumes, hosts and environments.
async fn story(saw: &Saw) -> Trace {
    let mut world = World::unstarted(1, Clock::System);
    world.set_breakpoint(Some(saw.teeth()));
    world.start().await;
    quiet(&mut world).await;

    let stack = world.stack("blog").await;
    let launch = json!({
        "imageUuid": "docker:nginx",
        "ports": ["8080:80/tcp"],
        "dataVolumes": ["blog_data:/data"],
    });
    let web = world.service(&stack, "web", 1, launch).await;
    reach(&mut world, web.id, "active").await;
    let job = world.service(&stack, "job", 2, json!({ "imageUuid": "docker:busybox" })).await;
    reach(&mut world, job.id, "active").await;
    world.scale(job.id, 1).await;
    reach(&mut world, job.id, "active").await;
    // What started in the very millisecond of the request has just been restarted.
    let started = world.clock.now_ms();
    world.clock.sleep_until(started + 2).await;
    world.act(job.id, "restart", json!({ "rollingRestartStrategy": {} })).await;
    reach(&mut world, job.id, "active").await;
    for (image, end) in [("docker:busybox:2", "finishupgrade"), ("docker:busybox:3", "rollback")] {
        let strategy = json!({ "launchConfig": { "imageUuid": image }, "intervalMillis": 1 });
        world.act(job.id, "upgrade", json!({ "inServiceStrategy": strategy })).await;
        reach(&mut world, job.id, "upgraded").await;
        world.act(job.id, end, json!({})).await;
        reach(&mut world, job.id, "active").await;
    }
    for end in ["finishupgrade", "rollback"] {
        world.act(stack.id, "upgrade", json!({ "externalId": "catalog://a:b:1" })).await;
        reach(&mut world, stack.id, "upgraded").await;
        world.act(stack.id, end, json!({})).await;
        reach(&mut world, stack.id, "active").await;
    }
    world.act(job.id, "deactivate", json!({})).await;
    reach(&mut world, job.id, "inactive").await;
    world.act(job.id, "activate", json!({})).await;
    reach(&mut world, job.id, "active").await;

    let single = container(&world).await;
    reach(&mut world, single.id, "running").await;
    for (transition, state) in
        [("restart", "running"), ("stop", "stopped"), ("start", "running"), ("stop", "stopped")]
    {
        world.act(single.id, transition, json!({})).await;
        reach(&mut world, single.id, state).await;
    }
    world.act(single.id, "remove", json!({})).await;
    reach(&mut world, single.id, "removed").await;

    world.act(stack.id, "remove", json!({ "volumes": true })).await;
    reach(&mut world, stack.id, "removed").await;
    quiet(&mut world).await;
    let host = world.only("host").await;
    world.act(host, "deactivate", json!({ "remove": true })).await;
    reach(&mut world, host, "removed").await;
    let project = world.project;
    world.act(project, "upgrade", json!({})).await;
    reach(&mut world, project, "active").await;
    world.act(project, "deactivate", json!({})).await;
    reach(&mut world, project, "inactive").await;
    world.act(project, "remove", json!({})).await;
    reach(&mut world, project, "removed").await;
    quiet(&mut world).await;
    let trace = trace(&world);
    world.stop().await;
    trace
}

/// A driver comes and goes; hosts made with it go with their machine, and machines with their host.
async fn farm(saw: &Saw) -> Trace {
    let mut world = World::unstarted(1, Clock::System);
    world.set_breakpoint(Some(saw.teeth()));
    world.start().await;
    quiet(&mut world).await;
    machines(&mut world).await;
    quiet(&mut world).await;
    let trace = trace(&world);
    world.stop().await;
    trace
}

async fn machines(world: &mut World) {
    let driver = make(world, "machineDriver", "machineDriver", json!({})).await;
    reach(world, driver.id, "inactive").await;
    for (transition, state) in [
        ("activate", "active"),
        ("reactivate", "active"),
        ("error", "error"),
        ("reactivate", "active"),
        ("deactivate", "inactive"),
        ("remove", "removed"),
    ] {
        world.act(driver.id, transition, json!({})).await;
        reach(world, driver.id, state).await;
    }
    let config = json!({
        "driver": "generic",
        "genericConfig": { "address": "host9" },
        "hostname": "host9",
    });
    let host = make(world, "host", "docker", config.clone()).await;
    reach(world, host.id, "active").await;
    let machine = machine_of(world, host.id);
    world.act(machine, "remove", json!({})).await;
    reach(world, machine, "removed").await;
    reach(world, host.id, "removed").await;

    let machine = make(world, "physicalHost", "machine", config).await;
    reach(world, machine.id, "active").await;
    let host = hosts_of(world, machine.id).remove(0);
    reach(world, host.id, "active").await;
    world.act(host.id, "deactivate", json!({ "remove": true })).await;
    reach(world, host.id, "removed").await;
    reach(world, machine.id, "removed").await;

    let nowhere = json!({ "driver": "generic", "genericConfig": {} });
    let host = make(world, "host", "docker", nowhere).await;
    reach(world, host.id, "error").await;
    let machine = machine_of(world, host.id);
    reach(world, machine, "error").await;
    world.act(host.id, "remove", json!({})).await;
    reach(world, machine, "removed").await;
}

/// A registry gets a login, a service runs a private image, another is pulled everywhere, and the login
/// becomes wrong.
async fn pulls(saw: &Saw) -> Trace {
    let mut world = World::unstarted(1, Clock::System);
    world.fleet.registry().require_login("reg.test:5000/", "bob", "hush");
    world.set_breakpoint(Some(saw.teeth()));
    world.start().await;
    quiet(&mut world).await;
    let new = registries::row(&world, "storagePool", "registry");
    let registry = registries::begin(&world, new.with("serverAddress", "reg.test:5000")).await;
    reach(&mut world, registry.id, "active").await;
    let new = registries::login(&world, registry.id, "bob", "hush");
    let login = registries::begin(&world, new).await;
    reach(&mut world, login.id, "active").await;
    let stack = world.stack("shop").await;
    let launch = json!({ "imageUuid": "docker:reg.test:5000/app:1" });
    let web = world.service(&stack, "web", 1, launch).await;
    reach(&mut world, web.id, "active").await;
    let task = registries::row(&world, "genericObject", "pullTask");
    let task = task.with("image", "reg.test:5000/tool:2").with("mode", "all");
    let task = registries::begin(&world, task).await;
    reach(&mut world, task.id, "active").await;
    let done = world.store().read(|read| read.require("genericObject", task.id)).expect("task");
    assert_eq!(done.data["status"], json!({ "host1": "Done" }));
    registries::change(&world, &login, "boo").await;
    reach(&mut world, login.id, "inactive").await;
    world.act(registry.id, "deactivate", json!({})).await;
    reach(&mut world, registry.id, "inactive").await;
    quiet(&mut world).await;
    let trace = trace(&world);
    world.stop().await;
    trace
}

fn machine_of(world: &World, host: i64) -> i64 {
    let host = world.store().read(|read| read.require("host", host)).expect("the host");
    host.int("physicalHostId").expect("its machine")
}

fn hosts_of(world: &World, machine: i64) -> Vec<Resource> {
    world.store().read(|read| read.referrers("host", "physicalHostId", machine)).expect("hosts")
}

async fn make(world: &World, ty: &'static str, kind: &str, fields: serde_json::Value) -> Resource {
    let mut new = NewResource::new(ty, ranchette::clock::Entropy::System.uuid())
        .kind(kind)
        .name("generic")
        .account(world.project);
    new.data.extend(process::object(fields));
    world.store().write(|tx| process::create(tx, new, Map::new())).await.expect("row")
}

async fn container(world: &World) -> Resource {
    let new = NewResource::new("instance", ranchette::clock::Entropy::System.uuid())
        .kind("container")
        .name("single")
        .account(world.project)
        // It is given keys, which go with it.
        .with("labels", json!({ "io.rancher.container.create_agent": "true" }))
        .with("imageUuid", "docker:busybox");
    world.store().write(|tx| process::create(tx, new, Map::new())).await.expect("container")
}

/// Waits for a state, starting the server again whenever the saw has stopped it.
async fn reach(world: &mut World, id: i64, state: &str) {
    settled(world, move |read| {
        let there = read.get(id)?.is_some_and(|row| row.state == state);
        Ok(there && read.open_process(id)?.is_none())
    })
    .await;
}

async fn quiet(world: &mut World) {
    settled(world, |read| Ok(read.count_open_processes()?.is_empty())).await;
}

async fn settled(world: &mut World, done: impl Fn(&Read<'_>) -> Result<bool>) {
    loop {
        let stop = world.core.as_ref().expect("core").stop.clone();
        tokio::select! {
            () = world.until("the story goes on", |read| Ok(done(read)?.then_some(()))) => return,
            () = stop.cancelled() => {}
        }
        world.stop().await;
        world.set_breakpoint(None);
        world.start().await;
    }
}

/// Rows and engine calls without what differs from run to run: ids, uuids and the order of what happens
/// side by side. That a call was made a second time and changed nothing is not an effect.
fn trace(world: &World) -> Trace {
    let mut rows = Vec::new();
    let read = world.store().read(|read| {
        for entry in registry().all().iter().filter(|entry| !entry.is_child()) {
            let query = ranchette::store::Query {
                ty: entry.ty.name,
                with_removed: true,
                limit: usize::MAX,
                ..Default::default()
            };
            for row in read.list(&query)? {
                if row.ty != "serviceLog" {
                    let name = row.name.as_deref().unwrap_or_default();
                    rows.push(format!("{} {} {name} {}", row.ty, row.kind, row.state));
                }
            }
        }
        Ok(())
    });
    read.expect("rows");
    rows.sort();
    let mut engines: Vec<String> = world
        .fleet
        .transcript()
        .take()
        .into_iter()
        .filter(|line| !line.ends_with(" again"))
        .map(|line| without_uuids(&line))
        .collect();
    engines.sort();
    // Making sure of an image, a network or a volume may be done again: nothing comes of it.
    engines.dedup_by(|a, b| {
        a == b && ["pull ", "login ", "network ", "volume "].iter().any(|what| a.contains(what))
    });
    Trace { rows, engines }
}

/// `r-blog-web-1-0a1b2c3d` is `r-blog-web-1`.
pub fn without_uuids(line: &str) -> String {
    line.split(' ')
        .map(|word| match word.rsplit_once('-') {
            Some((stem, tail))
                if tail.len() == 8 && tail.bytes().all(|b| b.is_ascii_hexdigit()) =>
            {
                stem
            }
            _ => word,
        })
        .collect::<Vec<_>>()
        .join(" ")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_failure_after_any_step_changes_nothing_in_the_end() {
    cut_everywhere(story, 40).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_does_one_while_machines_become_hosts() {
    cut_everywhere(farm, 20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_does_one_while_logins_are_checked_and_used() {
    cut_everywhere(pulls, 15).await;
}

/// Tells the story cut off after each of its steps, of which there are more than `least`.
async fn cut_everywhere(story: impl AsyncFn(&Saw) -> Trace, least: usize) {
    let whole = Saw::default();
    let undisturbed = story(&whole).await;
    let steps = whole.steps.load(Ordering::SeqCst);
    assert!(steps > least, "{steps} steps");
    for step in 0..steps {
        let disturbed = story(&Saw::at(step)).await;
        assert_eq!(disturbed, undisturbed, "cut after step {step} of {steps}");
    }
}
