//! Volumes by their names alone: which of them a container gets, and what becomes of them.

use serde_json::{Value, json};

use super::{containers, make, on_engine, quiet, service, volumes};
use crate::world::World;

/// Names of live volumes with their states, and whether they are on a host.
fn shown(world: &World) -> Vec<String> {
    let state = |volume: &ranchette::model::resource::Resource| {
        let place = if volume.int("hostId").is_some() { "placed" } else { "nowhere" };
        format!("{} {} {place}", volume.name.as_deref().unwrap_or_default(), volume.state)
    };
    volumes(world).iter().map(state).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_volume_waits_for_its_first_user_and_outlives_its_last() {
    let mut world = World::sim(2).await;
    make(&world, "volume", "data", json!({ "driver": "local" })).await;
    quiet(&world).await;
    assert_eq!(shown(&world), ["data inactive nowhere"]);
    let stack = world.stack("shop").await;
    let one = service(&world, &stack, "one", 1, json!(["data:/data"])).await;
    let two = service(&world, &stack, "two", 1, json!(["data:/data:ro"])).await;
    for row in [&one, &two] {
        world.state(row.id, "active").await;
    }
    quiet(&world).await;
    assert_eq!(shown(&world), ["data active placed"]);
    world.act(one.id, "remove", json!({})).await;
    world.state(one.id, "removed").await;
    quiet(&world).await;
    assert_eq!(shown(&world), ["data active placed"], "the other one has it still");
    world.act(two.id, "remove", json!({})).await;
    world.state(two.id, "removed").await;
    quiet(&world).await;
    assert_eq!(shown(&world), ["data detached placed"]);
    world.stop().await;
}

/// What a global service calls by one name is a volume of each host; who may be anywhere goes to the data.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_host_has_its_own_volume_of_a_global_service() {
    let mut world = World::sim(3).await;
    let stack = world.stack("shop").await;
    let launch = json!({
        "imageUuid": "docker:busybox", "dataVolumes": ["logs:/logs"],
        "labels": { "io.rancher.scheduler.global": "true" },
    });
    let agent = world.service(&stack, "agent", 1, launch).await;
    world.state(agent.id, "active").await;
    quiet(&world).await;
    assert_eq!(shown(&world), ["logs active placed"; 3]);
    let found = volumes(&world);
    let has = |row: &ranchette::model::resource::Resource, path: &str| {
        let id = row.map("dataVolumeMounts").and_then(|mounts| mounts.get(path)?.as_i64());
        found.iter().find(|volume| Some(volume.id) == id).expect("a volume").clone()
    };
    let of_agent = containers(&world, agent.id);
    assert_eq!(of_agent.len(), 3);
    for row in &of_agent {
        assert_eq!(has(row, "/logs").int("hostId"), row.int("hostId"));
    }
    for host in [1, 2, 3] {
        let names: Vec<String> =
            on_engine(&world, host).await.into_iter().map(|v| v.name).collect();
        assert_eq!(names, ["logs"], "host {host}");
    }

    // One that is sent to a host reads what is there; one that is not goes where there is something.
    let third = found[2].int("hostId");
    let launch = json!({
        "imageUuid": "docker:busybox", "dataVolumes": ["logs:/in"], "requestedHostId": third,
    });
    let reader = world.service(&stack, "reader", 1, launch).await;
    let any = service(&world, &stack, "any", 2, json!(["logs:/in"])).await;
    for row in [&reader, &any] {
        world.state(row.id, "active").await;
    }
    let of_reader = containers(&world, reader.id).remove(0);
    assert_eq!(has(&of_reader, "/in").int("hostId"), third);
    for row in containers(&world, any.id) {
        assert_eq!(has(&row, "/in").int("hostId"), row.int("hostId"));
    }
    assert_eq!(volumes(&world).len(), 3, "nobody needed another one");
    for row in [&agent, &reader, &any] {
        world.act(row.id, "remove", json!({})).await;
        world.state(row.id, "removed").await;
    }
    quiet(&world).await;
    assert_eq!(shown(&world), ["logs detached placed"; 3]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_volumes_of_one_name_are_one_too_many() {
    let mut world = World::sim(1).await;
    let fields =
        |path: &str| -> Value { json!({ "driver": "dir", "driverOpts": { "path": path } }) };
    for path in ["/mnt/a", "/mnt/b"] {
        make(&world, "volume", "twin", fields(path)).await;
    }
    let stack = world.stack("shop").await;
    let db = service(&world, &stack, "db", 1, json!(["twin:/data"])).await;
    let (service, words) = (db.id, "more than one volume is named `twin`");
    world
        .until("what is wrong", |read| {
            let row = read.require("service", service)?;
            Ok(row
                .str("transitioningMessage")
                .is_some_and(|said| said.contains(words))
                .then_some(()))
        })
        .await;
    world.stop().await;
}

/// A path of a host is shown as what it is, shared by those that mount it there, and gone with the last of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paths_of_hosts_are_shown_while_they_are_mounted() {
    let mut world = World::sim(1).await;
    let stack = world.stack("shop").await;
    let one = service(&world, &stack, "one", 2, json!(["/etc:/host:ro", "data:/data"])).await;
    let two = service(&world, &stack, "two", 1, json!(["/etc:/etc"])).await;
    for row in [&one, &two] {
        world.state(row.id, "active").await;
    }
    quiet(&world).await;
    assert_eq!(shown(&world), ["/etc active placed", "data active placed"]);
    let path = volumes(&world).remove(0);
    assert_eq!((path.flag("isHostPath"), path.str("uri")), (true, Some("file:///etc")));
    let mounts = world.store().read(|read| read.referrers("mount", "volumeId", path.id));
    let mut mounts: Vec<String> = mounts
        .expect("mounts")
        .iter()
        .map(|m| format!("{} {}", m.str("path").unwrap_or(""), m.str("permissions").unwrap_or("")))
        .collect();
    mounts.sort();
    assert_eq!(mounts, ["/etc rw", "/host ro", "/host ro"]);
    let engine: Vec<String> = on_engine(&world, 1).await.into_iter().map(|v| v.name).collect();
    assert_eq!(engine, ["data"], "the engine is told of no volume for a path");
    world.act(one.id, "remove", json!({})).await;
    world.state(one.id, "removed").await;
    quiet(&world).await;
    assert_eq!(shown(&world), ["/etc active placed", "data detached placed"]);
    world.act(two.id, "remove", json!({})).await;
    world.state(two.id, "removed").await;
    quiet(&world).await;
    assert_eq!(shown(&world), ["data detached placed"]);
    world.stop().await;
}
