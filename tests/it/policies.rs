//! Network policies on a simulated host: what its packet filter is told, and when.

use ranchette::model::resource::Resource;
use ranchette::process;
use serde_json::{Map, Value, json};

use crate::ranch::until;
use crate::world::World;

/// The environment's own network.
async fn network(world: &World) -> Resource {
    world
        .until("the network is active", |read| {
            let mut found = None;
            read.for_each("network", |row| {
                if row.str("claimed").is_some() && row.state == "active" {
                    found = Some(row);
                }
                Ok(())
            })?;
            Ok(found)
        })
        .await
}

/// Changes the policy as the API does.
async fn set(world: &World, network: i64, otherwise: &'static str, policy: Value) {
    let change = move |tx: &mut ranchette::store::Tx<'_>| {
        tx.update(network, |row| {
            row.set("defaultPolicyAction", otherwise);
            row.set("policy", policy);
            Ok(())
        })?;
        process::start(tx, network, "update", Map::new())
    };
    world.store().write(change).await.expect("update");
    world.state(network, "active").await;
}

/// Waits until the host's packet filter was told something that fits; everything it was told till then.
async fn told(world: &World, what: &str, fits: impl Fn(&str) -> bool) -> String {
    let mut all = String::new();
    until(what, async || {
        for line in world.fleet.transcript().take() {
            if let Some(line) = line.strip_prefix("host1 filter ") {
                all.push_str(line);
            }
        }
        if fits(&all) { Ok(all.clone()) } else { Err(all.clone()) }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_packet_filter_follows_the_containers() {
    let mut world = World::sim(1).await;
    let stack = world.stack("shop").await;
    let launch = json!({"imageUuid": "docker:nginx", "labels": {"team": "a"}});
    let web = world.service(&stack, "web", 2, launch).await;
    world.state(web.id, "active").await;
    let network = network(&world).await;
    world.fleet.transcript().take();

    let policy = json!([{"action": "allow", "within": "stack"}]);
    set(&world, network.id, "deny", policy).await;
    let text = told(&world, "the table is made", |text| text.contains("chain forward")).await;
    assert!(text.starts_with("ranchette_"), "{text}");
    assert!(text.contains("elements = { 10.42.0.2, 10.42.0.3 }"), "{text}");

    world.scale(web.id, 3).await;
    told(&world, "the third joins", |text| {
        text.contains("add element") && text.contains("10.42.0.4")
    })
    .await;
    world.scale(web.id, 2).await;
    told(&world, "it leaves", |text| text.contains("delete element")).await;

    let policy = json!([{"action": "allow", "between": {"selector": "team=b"}}]);
    set(&world, network.id, "deny", policy).await;
    let nobody = |text: &str| text.contains("flush chain") && !text.contains("elements = ");
    told(&world, "nobody is selected", nobody).await;
    for (id, _) in containers(&world, web.id) {
        relabel(&world, id).await;
    }
    told(&world, "labels are followed", |text| {
        text.contains("elements = { 10.42.0.2, 10.42.0.3 }")
    })
    .await;

    world.stop().await;
    world.start().await;
    told(&world, "the next server makes it anew", |text| {
        text.contains("delete table") && text.contains("elements = { 10.42.0.2, 10.42.0.3 }")
    })
    .await;
    assert_eq!(world.host(1).filter_tables().len(), 1);

    set(&world, network.id, "allow", Value::Null).await;
    told(&world, "it is taken away", |text| text.ends_with(" removed")).await;
    assert_eq!(world.host(1).filter_tables().len(), 0);
    world.stop().await;
}

fn containers(world: &World, service: i64) -> Vec<(i64, String)> {
    let rows = world.store().read(|read| read.referrers("instance", "serviceId", service));
    rows.expect("containers").into_iter().map(|row| (row.id, row.state)).collect()
}

async fn relabel(world: &World, id: i64) {
    let change = move |tx: &mut ranchette::store::Tx<'_>| {
        tx.update(id, |row| {
            row.set("labels", json!({"team": "b"}));
            Ok(())
        })
    };
    world.store().write(change).await.expect("labels");
}
