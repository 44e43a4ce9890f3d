//! Services of other kinds, and links, on the simulated fleet: external services, aliases, selectors.

use ranchette::clock::Entropy;
use ranchette::model::resource::{NewResource, Resource};
use ranchette::process;
use ranchette::process::links::{self, Target, Wanted};
use serde_json::{Map, Value, json};

use crate::world::World;

async fn make(world: &World, stack: &Resource, kind: &str, name: &str, fields: Value) -> Resource {
    let mut new = NewResource::new("service", Entropy::System.uuid())
        .kind(kind)
        .name(name)
        .account(world.project)
        .with("stackId", stack.id)
        .with("startOnCreate", true);
    if let Value::Object(fields) = fields {
        new.data.extend(fields);
    }
    world.store().write(|tx| process::create(tx, new, Map::new())).await.expect("service")
}

/// What a service's memberships say: addresses, names, or whether an instance is managed.
fn memberships(world: &World, service: i64) -> Vec<String> {
    let maps = world.store().read(|read| read.referrers("serviceExposeMap", "serviceId", service));
    let text = |map: &Resource| match (map.str("ipAddress"), map.str("hostName")) {
        (Some(ip), _) => ip.to_owned(),
        (None, Some(name)) => name.to_owned(),
        (None, None) => format!("managed {}", map.flag("managed")),
    };
    let mut found: Vec<String> = maps.expect("maps").iter().map(text).collect();
    found.sort();
    found
}

/// Whom a service is linked to.
fn linked(world: &World, service: i64) -> Vec<i64> {
    let maps = world.store().read(|read| read.referrers("serviceConsumeMap", "serviceId", service));
    maps.expect("links").iter().filter_map(|link| link.int("consumedServiceId")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_external_service_has_a_membership_for_each_address() {
    let mut world = World::sim(1).await;
    let stack = world.stack("blog").await;
    let fields = json!({ "externalIpAddresses": ["192.0.2.1", "192.0.2.2"] });
    let out = make(&world, &stack, "externalService", "out", fields).await;
    let active = world.state(out.id, "active").await;
    assert_eq!(active.str("healthState"), Some("healthy"));
    assert_eq!(memberships(&world, out.id), ["192.0.2.1", "192.0.2.2"]);

    let store = world.store();
    let changed = |addresses: Value| {
        store.write(move |tx| {
            tx.update(out.id, |service| {
                service.set("externalIpAddresses", addresses);
                Ok(())
            })?;
            process::start(tx, out.id, "update", Map::new())
        })
    };
    changed(json!(["192.0.2.2", "192.0.2.3"])).await.expect("changed");
    world.state(out.id, "active").await;
    assert_eq!(memberships(&world, out.id), ["192.0.2.2", "192.0.2.3"]);

    world.act(out.id, "deactivate", json!({})).await;
    world.state(out.id, "inactive").await;
    assert_eq!(memberships(&world, out.id), [""; 0]);
    world.act(out.id, "activate", json!({})).await;
    world.state(out.id, "active").await;
    assert_eq!(memberships(&world, out.id).len(), 2);

    // Only its labels can be upgraded.
    let launch = json!({ "labels": { "tier": "outside" } });
    let strategy = json!({ "launchConfig": launch, "intervalMillis": 1 });
    world.act(out.id, "upgrade", json!({ "inServiceStrategy": strategy })).await;
    world.state(out.id, "upgraded").await;
    world.act(out.id, "finishupgrade", json!({})).await;
    world.state(out.id, "active").await;
    world.act(out.id, "remove", json!({})).await;
    world.state(out.id, "removed").await;
    assert_eq!(memberships(&world, out.id), [""; 0]);
    assert_eq!(world.host(1).count(), (0, 0));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alias_and_its_links_go_with_their_services() {
    let mut world = World::sim(1).await;
    let stack = world.stack("blog").await;
    let web = world.service(&stack, "web", 1, json!({ "imageUuid": "docker:nginx" })).await;
    let alias = make(&world, &stack, "dnsService", "www", json!({})).await;
    world.state(web.id, "active").await;
    let alias = world.state(alias.id, "active").await;
    let link = Wanted { target: Target::Known(web.id), name: None };
    let (first, second) = (alias.clone(), link.clone());
    let set = world.store().write(move |tx| links::set(tx, &first, &[second])).await;
    set.expect("linked");
    assert_eq!(linked(&world, alias.id), [web.id]);
    let (first, second) = (alias.clone(), link);
    let set = world.store().write(move |tx| links::set(tx, &first, &[second])).await;
    set.expect("the same once more");
    assert_eq!(linked(&world, alias.id), [web.id]);
    world.act(web.id, "remove", json!({})).await;
    world.state(web.id, "removed").await;
    assert_eq!(linked(&world, alias.id), [0; 0]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn selectors_are_followed_as_labels_change() {
    let mut world = World::sim(1).await;
    let stack = world.stack("blog").await;
    let labelled = |tier: &str| json!({ "imageUuid": "docker:x", "labels": { "tier": tier } });
    let before = world.service(&stack, "before", 1, labelled("db")).await;
    world.state(before.id, "active").await;
    let fields = json!({ "launchConfig": labelled("web"), "selectorLink": "tier in (db, cache)" });
    let web = make(&world, &stack, "service", "web", fields).await;
    world.state(web.id, "active").await;
    assert_eq!(linked(&world, web.id), [before.id]);
    let after = world.service(&stack, "after", 1, labelled("Cache")).await;
    let other = world.service(&stack, "other", 1, labelled("mail")).await;
    world.state(after.id, "active").await;
    world.state(other.id, "active").await;
    assert_eq!(linked(&world, web.id), [before.id, after.id]);
    let strategy = json!({ "launchConfig": labelled("mail"), "intervalMillis": 1 });
    world.act(before.id, "upgrade", json!({ "inServiceStrategy": strategy })).await;
    world.state(before.id, "upgraded").await;
    assert_eq!(linked(&world, web.id), [after.id]);
    world.act(before.id, "rollback", json!({})).await;
    world.state(before.id, "active").await;
    assert_eq!(linked(&world, web.id).len(), 2);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_selector_takes_standalone_containers_in() {
    let mut world = World::sim(1).await;
    let store = world.store();
    let container = |name: &str, tier: &str| {
        let new = NewResource::new("instance", Entropy::System.uuid())
            .kind("container")
            .name(name)
            .account(world.project)
            .with("labels", json!({ "tier": tier }))
            .with("imageUuid", "docker:busybox");
        store.write(|tx| process::create(tx, new, Map::new()))
    };
    let first = container("first", "db").await.expect("container");
    world.state(first.id, "running").await;
    let stack = world.stack("blog").await;
    let fields = json!({
        "launchConfig": { "imageUuid": "docker:rancher/none" },
        "selectorContainer": "tier=db",
    });
    let db = make(&world, &stack, "service", "db", fields).await;
    let active = world.state(db.id, "active").await;
    assert_eq!(active.str("healthState"), Some("healthy"));
    assert_eq!(memberships(&world, db.id), ["managed false"]);
    let second = container("second", "db").await.expect("container");
    world.state(second.id, "running").await;
    let third = container("third", "web").await.expect("container");
    world.state(third.id, "running").await;
    assert_eq!(memberships(&world, db.id).len(), 2);
    // The service does nothing to them.
    world.act(db.id, "deactivate", json!({})).await;
    world.state(db.id, "inactive").await;
    assert_eq!(world.host(1).count(), (3, 3));
    world.act(first.id, "stop", json!({ "remove": true })).await;
    world.state(first.id, "removed").await;
    assert_eq!(memberships(&world, db.id).len(), 1);
    world.stop().await;
}
