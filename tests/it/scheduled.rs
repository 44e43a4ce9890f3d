//! Scheduled upgrades on the simulated fleet: an environment's own stacks follow its template, so many at
//! a time.

use std::collections::BTreeSet;

use ranchette::engine::EngineError;
use ranchette::engine::error::Transient;
use ranchette::engine::sim::{Effect, Fault, Op};
use ranchette::model::resource::{NewResource, Resource};
use ranchette::process::tasks::carry_out;
use ranchette::process::{self, upgrade::scheduled};
use ranchette::store::{Query, Tx};
use serde_json::{Map, Value, json};

use super::world::World;

const NAMES: [&str; 3] = ["one", "two", "three"];

fn files(image: &str) -> Value {
    let stacks = NAMES.iter().map(|name| {
        let compose = format!("services:\n  agent:\n    image: {image}-{name}\n");
        json!({ "name": name, "dockerCompose": compose })
    });
    stacks.collect()
}

/// Runs a job of the scheduler, as the loop does.
async fn run(world: &World, name: &str) {
    let task = scheduled::tasks().into_iter().find(|task| task.name == name).expect(name);
    let site = &world.core.as_ref().expect("running").site;
    carry_out(site, &task, None).await.expect("the job runs");
}

async fn set(world: &World, name: &'static str, value: &'static str) {
    write(world, move |tx| tx.set_setting(name, Some(value))).await;
}

async fn write<T: Send + 'static>(
    world: &World,
    f: impl FnOnce(&mut Tx<'_>) -> ranchette::error::Result<T> + Send + 'static,
) -> T {
    world.store().write(f).await.expect("written")
}

/// Every scheduled upgrade there is or was.
fn rows(world: &World) -> Vec<Resource> {
    let query =
        Query { ty: "scheduledUpgrade", with_removed: true, limit: 100, ..Query::default() };
    world.store().read(|read| read.list(&query)).expect("rows")
}

fn count(world: &World, state: &str) -> usize {
    rows(world).iter().filter(|row| row.state == state).count()
}

/// An environment whose stacks are made from the first version of its template.
async fn environment(world: &World) -> i64 {
    let project = world.project;
    let template = write(world, move |tx| {
        let new = NewResource::new("projectTemplate", tx.entropy.uuid())
            .name("own")
            .state("active")
            .with("stacks", files("agent:1"));
        let template = tx.insert(new)?.id;
        tx.update(project, |row| {
            row.set("projectTemplateId", template);
            Ok(())
        })?;
        let project = tx.require("account", project)?;
        process::template::make(tx, &project)?;
        Ok(template)
    })
    .await;
    for name in NAMES {
        services(world, name, "agent:1", "active").await;
    }
    template
}

async fn services(world: &World, stack: &'static str, image: &'static str, state: &'static str) {
    let image = format!("docker:{image}-{stack}");
    world
        .until(&format!("the service of stack {stack} is {state} with {image}"), |read| {
            let mut found = false;
            read.for_each("service", |row| {
                let launch = row.map("launchConfig").and_then(|own| own.get("imageUuid"));
                found |= row.state == state && launch.and_then(Value::as_str) == Some(&image);
                Ok(())
            })?;
            Ok(found.then_some(()))
        })
        .await;
}

/// Two of three have begun; the other, started by hand, waits for its turn.
async fn some_at_a_time(world: &World, [first, second, third]: [i64; 3]) {
    // None gets through while its image cannot be had; the most important have begun.
    let reason = EngineError::Other {
        what: "pull".to_owned(),
        detail: "refused".to_owned(),
        transient: Transient::Yes,
    };
    world.fleet.faults().add(Fault::on(Op::Pull, Effect::Fail(reason)).about("agent:2"));
    run(world, "upgrade.run").await;
    run(world, "upgrade.run").await;
    let running = || -> BTreeSet<i64> {
        rows(world).iter().filter(|row| row.state == "running").map(|row| row.id).collect()
    };
    assert_eq!(running(), BTreeSet::from([first, third]));
    // They count from when their processes have begun.
    world
        .until("both have begun", |read| {
            let mut begun = 0;
            read.for_each("scheduledUpgrade", |row| {
                begun += usize::from(row.int("started").is_some());
                Ok(())
            })?;
            Ok((begun == 2).then_some(()))
        })
        .await;
    // One that is started by hand waits for its turn.
    world.act(second, "start", json!({})).await;
    let waits = world
        .until("the third waits", |read| {
            let row = read.get(second)?;
            Ok(row.and_then(|row| row.str("transitioningMessage").map(str::to_owned)))
        })
        .await;
    assert_eq!(waits, "waits: 2 scheduled upgrades run, 2 may");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stacks_follow_their_template_some_at_a_time() {
    let mut world = World::sim(1).await;
    let template = environment(&world).await;
    write(&world, move |tx| {
        tx.update(template, |row| {
            row.set("stacks", files("agent:2"));
            Ok(())
        })
    })
    .await;

    // Nothing is scheduled unless the setting says so, and nothing twice.
    run(&world, "upgrade.schedule").await;
    assert_eq!(rows(&world), []);
    set(&world, "upgrade.manager", "all").await;
    set(&world, "concurrent.scheduled.upgrades", "2").await;
    run(&world, "upgrade.schedule").await;
    run(&world, "upgrade.schedule").await;
    world
        .until("three are scheduled", |_| Ok((count(&world, "scheduled") == 3).then_some(())))
        .await;

    // Their time comes in a day.
    run(&world, "upgrade.run").await;
    assert_eq!(count(&world, "scheduled"), 3);
    let [first, second, third] = [0, 1, 2].map(|at| rows(&world)[at].id);
    write(&world, move |tx| {
        for id in [first, second, third] {
            let now = tx.now;
            tx.update(id, |row| {
                assert_eq!(row.int("runAfter").map(|at| (at - now) / 60_000 >= 1438), Some(true));
                row.set("runAfter", now);
                row.set("priority", i64::from(id == third));
                Ok(())
            })?;
        }
        Ok(())
    })
    .await;

    some_at_a_time(&world, [first, second, third]).await;

    world.fleet.faults().clear();
    for id in [first, second, third] {
        world
            .until(&format!("scheduled upgrade {id} is over"), |read| {
                let row = read.get(id)?;
                Ok(row.filter(|row| row.state == "removed" && row.int("finished").is_some()))
            })
            .await;
    }
    for name in NAMES {
        services(&world, name, "agent:2", "active").await;
    }
    assert_eq!(world.host(1).count(), (3, 3), "upgrades are finished");
    // The stacks have the files of their template.
    run(&world, "upgrade.schedule").await;
    assert_eq!(rows(&world).iter().filter(|row| row.removed.is_none()).count(), 0);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_of_a_stack_that_is_gone_is_over() {
    let mut world = World::sim(1).await;
    let stack = world.stack("gone").await;
    world.state(stack.id, "active").await;
    world.act(stack.id, "remove", json!({})).await;
    world.state(stack.id, "removed").await;
    let project = world.project;
    let scheduled = write(&world, move |tx| {
        let new = NewResource::new("scheduledUpgrade", tx.entropy.uuid())
            .account(project)
            .with("stackId", stack.id);
        process::create(tx, new, Map::new())
    })
    .await;
    let id = scheduled.id;
    world.state(id, "scheduled").await;
    world.act(id, "start", json!({})).await;
    world.state(id, "removed").await;
    world.stop().await;
}
