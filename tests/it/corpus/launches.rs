//! Every file of the corpus is planned, runs on the simulated engine, and goes again.

use std::collections::{BTreeMap, BTreeSet};

use ranchette::compose::{Condition, Dependency, Project, Service, service_order};
use ranchette::controller::deploy::{self, Report, Request};
use ranchette::error::Result;
use ranchette::model::resource::{NewResource, Resource};
use ranchette::process::{self, secrets};
use ranchette::store::{Read, Tx};
use serde_json::{Map, json};

use super::{Case, GOLDEN, ROOT};
use crate::world::World;

/// Fleets that share the work.
const FLEETS: usize = 6;

fn request(case: &Case) -> Request {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
    let mut files = case.compose_files();
    let first = files.remove(0);
    let beside = case.files.iter().filter(|(name, _)| *name != GOLDEN);
    Request {
        name: Some(case.project().name.unwrap_or_else(|| case.name.clone())),
        docker_compose: text(&first.text),
        overlays: files,
        rancher_compose: case.rancher().map(|file| text(&file.text)),
        environment: BTreeMap::from([("HOME".to_owned(), "/home/ana".to_owned())]),
        files: beside.map(|(name, bytes)| (name.clone(), bytes.clone())).collect(),
        project_dir: Some(format!("{ROOT}/{}", case.name)),
        ..Request::default()
    }
}

/// Makes the secret that a file expects of its environment.
async fn make_secret(world: &World, name: &'static str) {
    let owner = world.project;
    let vault = world.vault();
    let make = move |tx: &mut Tx<'_>| {
        let uuid = tx.entropy.uuid();
        let sealed = secrets::seal(&vault, "secret", &uuid, b"t0ken")?;
        let new = NewResource::new("secret", uuid).name(name).account(owner);
        process::create(tx, new.with(secrets::VALUE, sealed), Map::new())
    };
    world.store().write(make).await.expect("a secret");
}

fn services(read: &Read<'_>, report: &Report) -> Result<Vec<Resource>> {
    read.referrers("service", "stackId", report.stack_id.expect("a stack"))
}

/// Services that wait for the health of another, directly or not. They wait for ever: commands that check
/// simulated containers say nothing.
fn waiting(project: &Project) -> BTreeSet<&str> {
    let mut waiting = BTreeSet::new();
    for at in service_order(project).expect("an order") {
        let service = &project.services[at];
        let waits = |need: &Dependency| {
            need.condition == Condition::Healthy || waiting.contains(need.service.as_str())
        };
        if service.depends_on.iter().any(waits) {
            waiting.insert(service.name.as_str());
        }
    }
    waiting
}

/// Whether a service is as far as it can get.
fn is_there(service: &Resource, waiting: &BTreeSet<&str>) -> bool {
    if waiting.contains(service.name.as_deref().unwrap_or_default()) {
        let message = service.str("transitioningMessage").unwrap_or_default();
        return message.starts_with("waits until service");
    }
    service.state == "active"
}

/// What others wait for to end, in the order in which it does.
fn jobs(project: &Project) -> Vec<&Service> {
    let awaited = |service: &&Service| {
        project.services.iter().flat_map(|other| &other.depends_on).any(|need| {
            need.service == service.name && need.condition == Condition::CompletedSuccessfully
        })
    };
    let order = service_order(project).expect("an order");
    order.into_iter().map(|at| &project.services[at]).filter(awaited).collect()
}

async fn runs(world: &World, case: &Case) {
    let project = case.project();
    let request = request(case);
    let environment = world.project;
    let store = world.store();
    let plan = store.read(|read| deploy::plan(read, environment, &request)).expect("a plan");
    let planned: Vec<String> = plan.changes.iter().map(ToString::to_string).collect();
    assert_eq!(plan.changes.len(), project.services.len(), "{}: {planned:#?}", case.name);
    assert!(planned.iter().all(|line| line.starts_with("create")), "{}: {planned:#?}", case.name);

    let vault = world.vault();
    let again = request.clone();
    let report = store
        .write(move |tx| deploy::apply(tx, &vault, environment, &request))
        .await
        .expect("applied");
    assert!(!report.has_errors(), "{}: {:#?}", case.name, report.problems);
    let waiting = waiting(&project);
    for job in jobs(&project).iter().filter(|job| !waiting.contains(job.name.as_str())) {
        let container = world
            .until(&format!("{}: {} runs", case.name, job.name), |read| {
                let named = |row: &Resource| row.name.as_deref() == Some(job.name.as_str());
                let Some(row) = services(read, &report)?.into_iter().find(named) else {
                    return Ok(None);
                };
                let containers = read.referrers("instance", "serviceId", row.id)?;
                let running = containers.iter().find(|row| row.state == "running");
                Ok(running.and_then(|row| row.str("externalId")).map(str::to_owned))
            })
            .await;
        world.host(1).external_exit(&container, 0).expect("ended");
    }
    world
        .until(&format!("{} runs", case.name), |read| {
            let all = services(read, &report)?;
            Ok(all.iter().all(|service| is_there(service, &waiting)).then_some(()))
        })
        .await;
    // What runs is what the file says: there is nothing to do.
    let plan = store.read(|read| deploy::plan(read, environment, &again)).expect("a plan");
    for change in &plan.changes {
        let line = change.to_string();
        assert!(line.starts_with("keep") || line.starts_with("start"), "{}: {line}", case.name);
    }
    let stack = report.stack_id.expect("a stack");
    world.act(stack, "remove", json!({})).await;
    world
        .until(&format!("{} is gone", case.name), |read| {
            let stack = read.get(stack)?;
            Ok(stack
                .is_none_or(|row| matches!(row.state.as_str(), "removed" | "purged"))
                .then_some(()))
        })
        .await;
}

/// A fleet with what the files expect to be there.
async fn fleet() -> World {
    let world = World::sim(1).await;
    make_secret(&world, "company-token").await;
    let host = world.only("host").await;
    let label = move |tx: &mut Tx<'_>| {
        tx.update(host, |host| {
            host.set("labels", json!({"zone": "east"}));
            Ok(())
        })
    };
    world.store().write(label).await.expect("a label");
    world
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_file_is_planned_and_runs_on_the_simulated_engine() {
    let cases = Case::all();
    // Most of the time somebody waits; files that publish the same ports need hosts of their own.
    let run = async |first: usize| {
        let mut world = fleet().await;
        for case in cases.iter().skip(first).step_by(FLEETS) {
            runs(&world, case).await;
        }
        world.stop().await;
    };
    futures_util::future::join_all((0..FLEETS).map(run)).await;
}
