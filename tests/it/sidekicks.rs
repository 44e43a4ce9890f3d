//! Containers of one unit take volumes and a network from each other, whichever is made first, and follow
//! when the other is made anew.

use ranchette::clock::Entropy;
use ranchette::model::resource::{NewResource, Resource};
use serde_json::{Map, Value, json};

use crate::world::World;

/// The newest container of a launch configuration, running.
async fn running(world: &World, service: i64, name: &str, after: i64) -> Resource {
    let what = format!("`{name}` runs, a newer one than {after}");
    let of = |row: &Resource| row.name.as_deref().is_some_and(|own| own.ends_with(name));
    let found = world.until(&what, |read| {
        let rows = read.referrers("instance", "serviceId", service)?;
        Ok(rows.into_iter().rfind(|row| row.id > after && row.state == "running" && of(row)))
    });
    found.await
}

async fn made(world: &World, launch: Value, sidekicks: Value) -> Resource {
    let stack = world.stack("shop").await;
    let new = NewResource::new("service", Entropy::System.uuid())
        .name("web")
        .account(world.project)
        .with("stackId", stack.id)
        .with("scale", 1)
        .with("startOnCreate", true)
        .with("launchConfig", launch)
        .with("secondaryLaunchConfigs", sidekicks);
    let web = world.store().write(|tx| ranchette::process::create(tx, new, Map::new())).await;
    let web = web.expect("service");
    world.state(web.id, "active").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sidekicks_take_from_their_primary_and_follow_it() {
    let mut world = World::sim(2).await;
    let sidekicks = json!([{
        "name": "logs", "imageUuid": "docker:logs", "networkMode": "container",
        "networkLaunchConfig": "web", "dataVolumesFromLaunchConfigs": ["web"],
    }]);
    let web = made(&world, json!({ "imageUuid": "docker:web" }), sidekicks).await;
    let primary = running(&world, web.id, "web-1", 0).await;
    let logs = running(&world, web.id, "logs-1", 0).await;
    assert_eq!(logs.int("networkContainerId"), Some(primary.id));
    assert_eq!(logs.list("dataVolumesFrom"), [json!(primary.id)]);
    assert_eq!(logs.int("hostId"), primary.int("hostId"));
    assert_eq!(logs.str("primaryIpAddress"), None, "the address is the primary's");

    let id = primary.str("externalId").expect("an id");
    let removed = [1, 2].map(|host| world.host(host).external_remove(id).is_ok());
    assert!(removed.contains(&true), "one host has it");
    let again = running(&world, web.id, "web-1", primary.id).await;
    let logs = running(&world, web.id, "logs-1", logs.id).await;
    assert_eq!(logs.int("networkContainerId"), Some(again.id));
    assert_eq!(logs.list("dataVolumesFrom"), [json!(again.id)]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_takes_from_a_sidekick_that_is_made_before_it() {
    let mut world = World::sim(1).await;
    let launch =
        json!({ "imageUuid": "docker:web", "dataVolumesFromLaunchConfigs": ["data", "more"] });
    let sidekicks = json!([
        { "name": "data", "imageUuid": "docker:data",
          "labels": { "io.rancher.container.start_once": "true" } },
        { "name": "more", "imageUuid": "docker:more" },
    ]);
    let web = made(&world, launch, sidekicks).await;
    let primary = running(&world, web.id, "web-1", 0).await;
    let more = running(&world, web.id, "more-1", 0).await;
    let data = world
        .store()
        .read(|read| read.referrers("instance", "serviceId", web.id))
        .expect("containers")
        .into_iter()
        .find(|row| row.name.as_deref() == Some("shop-web-data-1"))
        .expect("it is there");
    assert_eq!(primary.list("dataVolumesFrom"), [json!(data.id), json!(more.id)]);
    assert!(data.id < primary.id && more.id < primary.id);
    world.stop().await;
}
