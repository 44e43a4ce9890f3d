//! Volumes that a stack's templates stand for, on the simulated fleet.

use serde_json::json;

use super::{containers, make, on_engine, quiet, service, volumes};
use crate::world::World;

/// A name without what is chosen at random: the last five letters, and a unit's uuid.
fn shape(name: &str) -> String {
    let parts: Vec<&str> = name.split('_').collect();
    match parts.as_slice() {
        [stack, template, letters] => format!("{stack} {template} {}", letters.len()),
        [stack, template, index, unit, letters] => {
            format!("{stack} {template} {index} {} {}", unit.len(), letters.len())
        }
        _ => name.to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_volume_serves_the_stack_and_goes_with_it() {
    let mut world = World::sim(1).await;
    let stack = world.stack("shop").await;
    make(&world, "volumeTemplate", "data", json!({ "stackId": stack.id })).await;
    let db = service(&world, &stack, "db", 2, json!(["data:/var/data:ro"])).await;
    let web = service(&world, &stack, "web", 1, json!(["data:/srv"])).await;
    world.state(db.id, "active").await;
    world.state(web.id, "active").await;
    let found = volumes(&world);
    let [volume] = found.as_slice() else { panic!("{found:?}") };
    let name = volume.name.clone().expect("a name");
    assert_eq!(shape(&name), "shop data 5");
    assert_eq!((volume.state.as_str(), volume.str("driver")), ("active", Some("local")));
    for (container, path, entry) in containers(&world, db.id)
        .iter()
        .map(|row| (row.clone(), "/var/data", format!("{name}:/var/data:ro")))
        .chain(
            containers(&world, web.id)
                .iter()
                .map(|row| (row.clone(), "/srv", format!("{name}:/srv"))),
        )
    {
        assert_eq!(container.map("dataVolumeMounts").expect("mounts")[path], volume.id);
        assert_eq!(container.strings("dataVolumes"), [entry]);
    }
    world.act(db.id, "remove", json!({})).await;
    world.act(web.id, "remove", json!({})).await;
    world.state(db.id, "removed").await;
    world.state(web.id, "removed").await;
    quiet(&world).await;
    assert_eq!(volumes(&world)[0].state, "detached", "it survives the services");
    world.act(stack.id, "remove", json!({})).await;
    world.state(stack.id, "removed").await;
    quiet(&world).await;
    assert_eq!(volumes(&world), []);
    assert_eq!(on_engine(&world, 1).await, []);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_unit_has_its_own_and_keeps_it() {
    let mut world = World::sim(1).await;
    let stack = world.stack("shop").await;
    make(&world, "volumeTemplate", "data", json!({ "stackId": stack.id, "perContainer": true }))
        .await;
    let db = service(&world, &stack, "db", 2, json!(["data:/data"])).await;
    world.state(db.id, "active").await;
    let names = |world: &World| -> Vec<String> {
        volumes(world).into_iter().filter_map(|row| row.name).collect()
    };
    let first = names(&world);
    let shapes: Vec<String> = first.iter().map(|name| shape(name)).collect();
    assert_eq!(shapes, ["shop data 1 36 5", "shop data 2 36 5"]);
    let mounted = |world: &World| -> Vec<String> {
        containers(world, db.id).iter().map(|row| row.strings("dataVolumes").join(" ")).collect()
    };
    assert_eq!(mounted(&world), [format!("{}:/data", first[0]), format!("{}:/data", first[1])]);

    // Upgraded containers go on with what there is.
    let launch = json!({ "imageUuid": "docker:busybox:2", "dataVolumes": ["data:/data"] });
    let strategy = json!({ "launchConfig": launch, "intervalMillis": 1 });
    world.act(db.id, "upgrade", json!({ "inServiceStrategy": strategy })).await;
    world.state(db.id, "upgraded").await;
    world.act(db.id, "finishupgrade", json!({})).await;
    world.state(db.id, "active").await;
    quiet(&world).await;
    assert_eq!(names(&world), first);
    assert_eq!(mounted(&world), [format!("{}:/data", first[0]), format!("{}:/data", first[1])]);

    // A unit that is not wanted any more takes its volume along, and a new one has a new one.
    world.scale(db.id, 1).await;
    world.state(db.id, "active").await;
    quiet(&world).await;
    assert_eq!(names(&world), first[..1]);
    let on_engine: Vec<String> = on_engine(&world, 1).await.into_iter().map(|v| v.name).collect();
    assert_eq!(on_engine, first[..1]);
    world.scale(db.id, 2).await;
    world.state(db.id, "active").await;
    let again = names(&world);
    assert_eq!(again[0], first[0]);
    assert_ne!(again[1], first[1]);
    world.act(db.id, "remove", json!({})).await;
    world.state(db.id, "removed").await;
    quiet(&world).await;
    assert_eq!(names(&world), [""; 0]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_shared_stays_when_a_unit_goes() {
    let mut world = World::sim(1).await;
    let stack = world.stack("shop").await;
    let fields = json!({
        "stackId": stack.id, "perContainer": true, "driver": "dir", "driverOpts": { "path": "/mnt/all" },
    });
    make(&world, "volumeTemplate", "data", fields).await;
    let db = service(&world, &stack, "db", 2, json!(["data:/data"])).await;
    world.state(db.id, "active").await;
    let before = volumes(&world);
    world.scale(db.id, 1).await;
    world.state(db.id, "active").await;
    quiet(&world).await;
    let states: Vec<String> = volumes(&world).into_iter().map(|row| row.state).collect();
    assert_eq!(states, ["active", "detached"]);
    world.scale(db.id, 2).await;
    world.state(db.id, "active").await;
    let ids = |rows: &[ranchette::model::resource::Resource]| -> Vec<i64> {
        rows.iter().map(|row| row.id).collect()
    };
    assert_eq!(ids(&volumes(&world)), ids(&before), "the unit of the same index has it again");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_external_volume_is_waited_for() {
    let mut world = World::sim(1).await;
    let stack = world.stack("shop").await;
    make(&world, "volumeTemplate", "outside", json!({ "stackId": stack.id, "external": true }))
        .await;
    let web = service(&world, &stack, "web", 1, json!(["outside:/srv"])).await;
    world
        .until("the service says what it waits for", |read| {
            let service = read.require("service", web.id)?;
            let said = service.str("transitioningMessage").unwrap_or_default();
            let waits =
                service.state == "activating" && said.contains("Failed to locate volume `outside`");
            Ok(waits.then_some(()))
        })
        .await;
    assert_eq!(volumes(&world), []);
    let volume = make(&world, "volume", "outside", json!({ "driver": "local" })).await;
    world.state(web.id, "active").await;
    let mounts = containers(&world, web.id)[0].map("dataVolumeMounts").cloned();
    assert_eq!(mounts.expect("mounts")["/srv"], volume.id);
    world.act(stack.id, "remove", json!({})).await;
    world.state(stack.id, "removed").await;
    quiet(&world).await;
    assert_eq!(volumes(&world)[0].state, "detached", "it is not the stack's");
    world.stop().await;
}
