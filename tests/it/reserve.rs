//! What services have for themselves on the simulated fleet: random ports, virtual addresses, retained
//! and requested addresses; and services that grow as far as there is room.

use ranchette::clock::Entropy;
use ranchette::model::resource::{NewResource, Resource};
use ranchette::process;
use serde_json::{Map, Value, json};

use crate::world::World;

async fn make(world: &World, stack: &Resource, name: &str, fields: Value) -> Resource {
    let mut new = NewResource::new("service", Entropy::System.uuid())
        .name(name)
        .account(world.project)
        .with("stackId", stack.id)
        .with("startOnCreate", true);
    if let Value::Object(fields) = fields {
        new.data.extend(fields);
    }
    world.store().write(|tx| process::create(tx, new, Map::new())).await.expect("service")
}

async fn change(world: &World, id: i64, field: &'static str, value: Value) {
    let store = world.store();
    let changed = store.write(move |tx| {
        tx.update(id, |service| {
            service.set(field, value);
            Ok(())
        })?;
        process::start(tx, id, "update", Map::new())
    });
    changed.await.expect("changed");
    world.state(id, "active").await;
}

/// The addresses of a service's containers by name; those put aside with a star.
fn addresses(world: &World, service: i64) -> Vec<String> {
    let rows = world.store().read(|read| read.referrers("instance", "serviceId", service));
    let mut found: Vec<String> = rows
        .expect("containers")
        .iter()
        .map(|row| {
            let star = if row.flag("retired") { "*" } else { "" };
            let address = row.str("primaryIpAddress").unwrap_or("-");
            format!("{}{star} {address}", row.display_name())
        })
        .collect();
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ports_come_out_of_the_range_of_the_environment() {
    let mut world = World::sim(2).await;
    let project = world.project;
    let store = world.store();
    let set = store.write(move |tx| {
        tx.update(project, |row| {
            row.set("servicesPortRange", json!({ "startPort": 50001, "endPort": 50003 }));
            Ok(())
        })
    });
    set.await.expect("range");
    let stack = world.stack("blog").await;
    let launch = |ports: &[&str]| json!({ "imageUuid": "docker:nginx:1", "ports": ports });
    let fields = json!({ "scale": 2, "launchConfig": launch(&["80", "8080:81", "53/udp"]) });
    let web = make(&world, &stack, "web", fields).await;
    let active = world.state(web.id, "active").await;
    let ports = json!(["50001:80/tcp", "8080:81", "50002:53/udp"]);
    assert_eq!(active.data["launchConfig"]["ports"], ports);

    let fields = json!({ "scale": 1, "launchConfig": launch(&["80", "81"]) });
    let other = make(&world, &stack, "other", fields).await;
    let waits = world
        .until("the other service waits", |read| {
            let row = read.get(other.id)?;
            Ok(row.filter(|row| row.str("transitioningMessage").is_some()))
        })
        .await;
    assert_eq!(waits.state, "registering");
    let message = waits.str("transitioningMessage").unwrap_or_default();
    assert!(message.starts_with("Not enough environment ports"), "{message}");

    let strategy = json!({ "launchConfig": launch(&["53/udp", "80"]), "intervalMillis": 1 });
    world.act(web.id, "upgrade", json!({ "inServiceStrategy": strategy })).await;
    let upgraded = world.state(web.id, "upgraded").await;
    let ports = json!(["50002:53/udp", "50001:80/tcp"]);
    assert_eq!(upgraded.data["launchConfig"]["ports"], ports, "kept by private port");

    world.act(web.id, "remove", json!({})).await;
    let active = world.state(other.id, "active").await;
    assert_eq!(active.data["launchConfig"]["ports"], json!(["50001:80/tcp", "50002:81/tcp"]));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn virtual_addresses_are_given_on_request() {
    let mut world = World::sim(1).await;
    let stack = world.stack("blog").await;
    let launch = json!({ "imageUuid": "docker:nginx" });
    let mut found = Vec::new();
    for (name, fields) in [
        ("one", json!({ "assignServiceIpAddress": true })),
        ("two", json!({ "vip": "169.254.70.5" })),
        ("three", json!({ "vip": "169.254.70.5" })),
        ("four", json!({ "vip": "10.1.1.1" })),
        ("five", json!({})),
    ] {
        let mut fields = fields;
        fields["launchConfig"] = launch.clone();
        let service = make(&world, &stack, name, fields).await;
        let active = world.state(service.id, "active").await;
        found.push(active.str("vip").unwrap_or("-").to_owned());
    }
    assert_eq!(found, ["169.254.64.1", "169.254.70.5", "169.254.64.2", "10.1.1.1", "-"]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retained_addresses_outlive_their_containers() {
    let mut world = World::sim(1).await;
    let stack = world.stack("blog").await;
    let launch = json!({ "imageUuid": "docker:nginx:1" });
    let fields = json!({ "scale": 2, "launchConfig": launch });
    let web = make(&world, &stack, "web", fields).await;
    world.state(web.id, "active").await;
    let first = addresses(&world, web.id);
    // Retained from now on: those there are.
    change(&world, web.id, "retainIp", json!(true)).await;
    let rows = world.store().read(|read| read.referrers("instance", "serviceId", web.id));
    let one = rows.expect("rows")[0].clone();
    let external = one.str("externalId").expect("external id");
    world.host(1).external_remove(external).expect("removed");
    world
        .until("another container takes its place", |read| {
            let rows = read.referrers("instance", "serviceId", web.id)?;
            let all = rows.iter().all(|row| row.state == "running" && row.id != one.id);
            Ok((rows.len() == 2 && all).then_some(()))
        })
        .await;
    assert_eq!(addresses(&world, web.id), first);

    let strategy =
        json!({ "launchConfig": { "imageUuid": "docker:nginx:2" }, "intervalMillis": 1 });
    for end in ["rollback", "finishupgrade"] {
        world.act(web.id, "upgrade", json!({ "inServiceStrategy": strategy })).await;
        world.state(web.id, "upgraded").await;
        let now = addresses(&world, web.id);
        let new: Vec<&String> = now.iter().filter(|line| !line.contains('*')).collect();
        assert_eq!(new, first.iter().collect::<Vec<_>>());
        world.act(web.id, end, json!({})).await;
        world.state(web.id, "active").await;
        assert_eq!(addresses(&world, web.id), first);
    }
    world.scale(web.id, 1).await;
    world.state(web.id, "active").await;
    world.scale(web.id, 2).await;
    world.state(web.id, "active").await;
    assert_eq!(addresses(&world, web.id), first);
    let held = |world: &World| {
        let mut count = 0;
        let read = world.store().read(|read| {
            // The host has an address, too, on no network of ours.
            read.for_each("ipAddress", |row| {
                count += usize::from(row.int("networkId").is_some());
                Ok(())
            })
        });
        read.expect("addresses");
        count
    };
    assert_eq!(held(&world), 2);
    world.act(web.id, "remove", json!({})).await;
    world.state(web.id, "removed").await;
    assert_eq!(held(&world), 0, "nothing is left");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requested_addresses_are_used_up_in_order() {
    let mut world = World::sim(1).await;
    let stack = world.stack("blog").await;
    let labels = json!({ "io.rancher.container.requested_ip": "10.42.9.1, 10.42.9.2" });
    let fields =
        json!({ "scale": 3, "launchConfig": { "imageUuid": "docker:x", "labels": labels } });
    let web = make(&world, &stack, "web", fields).await;
    world.state(web.id, "active").await;
    let found = addresses(&world, web.id);
    let have = |address: &str| found.iter().filter(|line| line.ends_with(address)).count();
    assert_eq!((have(" 10.42.9.1"), have(" 10.42.9.2")), (1, 1), "{found:?}");
    assert_eq!((found.len(), have(" -")), (3, 0), "the third has any address: {found:?}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_grows_as_far_as_there_is_room() {
    let mut world = World::sim(2).await;
    let stack = world.stack("blog").await;
    // One container for each host has room: they all want the same port.
    let launch = json!({ "imageUuid": "docker:x", "ports": ["8080:80"] });
    let fields = json!({
        "launchConfig": launch,
        "scalePolicy": { "min": 1, "max": 4, "increment": 1 },
    });
    let web = make(&world, &stack, "web", fields).await;
    let active = world.state(web.id, "active").await;
    assert_eq!(active.int("currentScale"), Some(2));
    assert_eq!((active.int("desiredScale"), active.int("lockedScale")), (Some(2), Some(2)));
    assert_eq!(active.str("healthState"), Some("healthy"));

    let fields = json!({
        "launchConfig": { "imageUuid": "docker:x" },
        "scalePolicy": { "min": 2, "max": 5, "increment": 2 },
    });
    let free = make(&world, &stack, "free", fields).await;
    let active = world.state(free.id, "active").await;
    assert_eq!(active.int("currentScale"), Some(5));
    world.stop().await;
}

/// Found by simulation: the address was on two hosts once the first was back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retained_address_is_waited_for_while_its_host_is_out_of_reach() {
    let mut world = World::sim(1).await;
    let stack = world.stack("blog").await;
    let launch = json!({ "imageUuid": "docker:nginx:1" });
    let fields = json!({ "launchConfig": launch, "retainIp": true });
    let web = make(&world, &stack, "web", fields).await;
    world.state(web.id, "active").await;
    let [first] = &addresses(&world, web.id)[..] else { panic!("one address") };
    world.host(1).set_away(Some(ranchette::engine::Away::Lost("it is a test".to_owned())));
    world
        .until("the host is known to be away", |read| {
            let mut away = false;
            read.for_each("host", |host| {
                away |= host.str("agentState") == Some("reconnecting");
                Ok(())
            })?;
            Ok(away.then_some(()))
        })
        .await;
    let engine = std::sync::Arc::new(world.fleet.host("other"));
    let (core, project) = (world.core.as_mut().expect("running"), world.project);
    core.add_host(project, "sim://other", "other", engine, 60_000).await.expect("host");
    let strategy =
        json!({ "launchConfig": { "imageUuid": "docker:nginx:2" }, "intervalMillis": 1 });
    world.act(web.id, "upgrade", json!({ "inServiceStrategy": strategy })).await;
    let message = world
        .until("the new container waits", |read| {
            let rows = read.referrers("instance", "serviceId", web.id)?;
            let new =
                rows.iter().find(|row| row.state == "creating" && row.int("hostId").is_some());
            Ok(new.and_then(|row| row.str("transitioningMessage").map(str::to_owned)))
        })
        .await;
    let address = first.split(' ').nth(1).expect("an address");
    assert_eq!(message, format!("container `blog-web-1` still has the address {address}"));
    world.host(1).set_away(None);
    world.state(web.id, "upgraded").await;
    assert!(addresses(&world, web.id).contains(first), "{:?}", addresses(&world, web.id));
    world.stop().await;
}
