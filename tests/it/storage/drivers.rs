//! Storage drivers and their pools over several hosts, on the simulated fleet.

use ranchette::clock::Entropy;
use ranchette::model::resource::{NewResource, Resource};
use ranchette::process;
use serde_json::{Map, Value, json};

use super::{containers, make, on_engine, quiet, service, volumes};
use crate::world::World;

/// A service that brings a storage driver called `store`, on hosts with the label `store=true`.
async fn driver(world: &World, stack: &Resource, fields: Value) -> Resource {
    let launch = json!({
        "imageUuid": "docker:busybox",
        "labels": {
            "io.rancher.scheduler.global": "true",
            "io.rancher.scheduler.affinity:host_label": "store=true",
        },
    });
    let mut driver = json!({ "name": "store" });
    driver.as_object_mut().expect("fields").extend(process::object(fields));
    let new = NewResource::new("service", Entropy::System.uuid())
        .kind("storageDriverService")
        .name("driver")
        .account(world.project)
        .with("stackId", stack.id)
        .with("startOnCreate", true)
        .with("storageDriver", driver)
        .with("launchConfig", launch);
    let made =
        world.store().write(|tx| process::create(tx, new, Map::new())).await.expect("service");
    world.state(made.id, "active").await;
    quiet(world).await;
    made
}

/// Hosts by number, in order.
fn hosts(world: &World) -> Vec<i64> {
    let mut found = Vec::new();
    let read = world.store().read(|read| {
        read.for_each("host", |host| {
            found.push(host.id);
            Ok(())
        })
    });
    read.expect("hosts");
    found
}

async fn label(world: &World, numbers: &[usize], labels: Value) {
    let all = hosts(world);
    for number in numbers {
        let (host, labels) = (all[*number - 1], labels.clone());
        let store = world.store();
        let set = store.write(move |tx| {
            tx.update(host, |host| {
                host.set("labels", labels);
                Ok(())
            })?;
            process::start(tx, host, "update", Map::new())
        });
        set.await.expect("labelled");
        world.state(host, "active").await;
    }
}

/// Numbers of the hosts that containers of a service are on.
fn on(world: &World, service: i64) -> Vec<usize> {
    let all = hosts(world);
    let mut found: Vec<usize> = containers(world, service)
        .iter()
        .filter_map(|row| all.iter().position(|host| Some(*host) == row.int("hostId")))
        .map(|at| at + 1)
        .collect();
    found.sort_unstable();
    found
}

/// Shared pools: driver and numbers of hosts.
fn pools(world: &World) -> Vec<(String, Vec<usize>)> {
    let all = hosts(world);
    let mut found = Vec::new();
    let read = world.store().read(|read| {
        read.for_each("storagePool", |pool| {
            if pool.kind == "storagePool" {
                let on = pool.list("hostIds").iter().filter_map(Value::as_i64);
                let on = on.filter_map(|id| all.iter().position(|host| *host == id));
                found.push((
                    pool.str("driverName").unwrap_or_default().to_owned(),
                    on.map(|n| n + 1).collect(),
                ));
            }
            Ok(())
        })
    });
    read.expect("pools");
    found
}

async fn one_of(world: &World, ty: &'static str, state: &str) -> Resource {
    world
        .until(&format!("the {ty} is {state}"), |read| {
            let mut found = None;
            read.for_each(ty, |row| {
                if row.state == state {
                    found = Some(row);
                }
                Ok(())
            })?;
            Ok(found)
        })
        .await
}

/// A service with a volume of the driver.
async fn user(world: &World, stack: &Resource, name: &str, scale: i64, volume: &str) -> Resource {
    let launch = json!({
        "imageUuid": "docker:busybox", "volumeDriver": "store", "dataVolumes": [format!("{volume}:/data")],
    });
    world.service(stack, name, scale, launch).await
}

/// Waits until a service says this.
async fn says(world: &World, service: i64, words: &str) {
    world
        .until(&format!("service {service} says `{words}`"), |read| {
            let service = read.require("service", service)?;
            let said = service.str("transitioningMessage").unwrap_or_default();
            Ok(said.contains(words).then_some(()))
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_driver_of_the_environment_has_one_pool() {
    let mut world = World::sim(3).await;
    label(&world, &[1, 3], json!({ "store": "true" })).await;
    let infra = world.stack("infra").await;
    let service = driver(&world, &infra, json!({})).await;
    let row = one_of(&world, "storageDriver", "active").await;
    assert_eq!((row.name.as_deref(), row.int("serviceId")), (Some("store"), Some(service.id)));
    assert_eq!(row.str("volumeAccessMode"), Some("multiHostRW"));
    assert_eq!(pools(&world), [("store".to_owned(), vec![1, 3])]);

    let shop = world.stack("shop").await;
    let web = user(&world, &shop, "web", 4, "pages").await;
    world.state(web.id, "active").await;
    assert_eq!(on(&world, web.id), [1, 1, 3, 3], "only where the driver is");
    let volume = volumes(&world).remove(0);
    assert_eq!(volume.str("accessMode"), Some("multiHostRW"), "as the driver's");
    assert_eq!(volume.int("storageDriverId"), Some(row.id));
    assert_eq!(volume.int("hostId"), None, "it is on no host in particular");
    for (host, has) in [(1, true), (2, false), (3, true)] {
        let there = on_engine(&world, host)
            .await
            .into_iter()
            .any(|v| v.name == "pages" && v.driver == "store");
        assert_eq!(there, has, "host {host}");
    }

    // A host that gets the driver is in the pool, one that loses it is out.
    label(&world, &[2], json!({ "store": "true" })).await;
    let three = [("store".to_owned(), vec![1, 2, 3])];
    world.until("the pool grows", |_| Ok((pools(&world) == three).then_some(()))).await;
    world.act(web.id, "remove", json!({})).await;
    world.state(web.id, "removed").await;
    world.act(service.id, "deactivate", json!({})).await;
    world.state(service.id, "inactive").await;
    one_of(&world, "storageDriver", "inactive").await;
    assert_eq!(pools(&world), [("store".to_owned(), vec![])]);
    let lone = user(&world, &shop, "lone", 1, "pages").await;
    says(&world, lone.id, "cannot reach").await;
    world.act(service.id, "activate", json!({})).await;
    world.state(lone.id, "active").await;
    world.act(lone.id, "remove", json!({})).await;
    world.state(lone.id, "removed").await;
    world.act(infra.id, "remove", json!({})).await;
    world.state(infra.id, "removed").await;
    quiet(&world).await;
    assert_eq!(pools(&world), []);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_local_driver_has_a_pool_on_each_host() {
    let mut world = World::sim(3).await;
    label(&world, &[1, 2], json!({ "store": "true" })).await;
    let infra = world.stack("infra").await;
    driver(&world, &infra, json!({ "scope": "local" })).await;
    let mut found = pools(&world);
    found.sort();
    assert_eq!(found, [("store".to_owned(), vec![1]), ("store".to_owned(), vec![2])]);
    let shop = world.stack("shop").await;
    let web = user(&world, &shop, "web", 3, "pages").await;
    world.state(web.id, "active").await;
    let all = on(&world, web.id);
    assert!(all == [1, 1, 1] || all == [2, 2, 2], "with the volume of the first: {all:?}");
    assert_eq!(volumes(&world)[0].int("hostId"), Some(hosts(&world)[all[0] - 1]));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn access_modes_hold() {
    let mut world = World::sim(3).await;
    label(&world, &[1, 2, 3], json!({ "store": "true" })).await;
    let infra = world.stack("infra").await;
    driver(&world, &infra, json!({ "volumeAccessMode": "singleHostRW" })).await;
    let shop = world.stack("shop").await;
    let web = user(&world, &shop, "web", 3, "pages").await;
    world.state(web.id, "active").await;
    let all = on(&world, web.id);
    assert_eq!(all, [all[0]; 3], "all users on one host");
    let volume = volumes(&world).remove(0);
    assert_eq!(volume.str("accessMode"), Some("singleHostRW"));

    // Another container of it, elsewhere, is refused with what is in the way.
    let launch = json!({
        "imageUuid": "docker:busybox", "dataVolumes": ["pages:/data"],
        "labels": { "io.rancher.scheduler.affinity:host_label": "away=true" },
    });
    let elsewhere = all[0] % 3 + 1;
    label(&world, &[elsewhere], json!({ "store": "true", "away": "true" })).await;
    let away = world.service(&shop, "away", 1, launch).await;
    let why = format!("cannot use volume pages, which is in use on host{}", all[0]);
    says(&world, away.id, &why).await;

    // Once nobody uses it there, it goes where it is wanted.
    world.act(web.id, "remove", json!({})).await;
    world.state(web.id, "removed").await;
    world.state(away.id, "active").await;
    assert_eq!(on(&world, away.id), [elsewhere]);

    // One container at a time.
    let store = world.store();
    let only = make(
        &world,
        "volume",
        "only",
        json!({ "driver": "store", "accessMode": "singleInstanceRW" }),
    )
    .await;
    let one = user(&world, &shop, "one", 2, "only").await;
    says(&world, one.id, "has access mode singleInstanceRW and is currently mounted by shop-one-")
        .await;
    let running = containers(&world, one.id).iter().filter(|row| row.state == "running").count();
    assert_eq!(running, 1);
    let mounts = store.read(|read| read.referrers("mount", "volumeId", only.id)).expect("mounts");
    assert_eq!(mounts.len(), 1);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn built_in_drivers_need_no_service() {
    let mut world = World::sim(2).await;
    let nfs = json!({ "server": "10.0.0.9", "share": "/export", "mountOptions": "nfsvers=4" });
    make(&world, "volume", "files", json!({ "driver": "nfs", "driverOpts": nfs })).await;
    make(&world, "volume", "all", json!({ "driver": "dir", "driverOpts": { "path": "/mnt/all" } }))
        .await;
    let stack = world.stack("shop").await;
    let web = service(&world, &stack, "web", 2, json!(["files:/files", "all:/all:ro"])).await;
    world.state(web.id, "active").await;
    assert_eq!(on(&world, web.id), [1, 2], "they are on every host");
    for host in [1, 2] {
        let shown: Vec<String> = on_engine(&world, host)
            .await
            .into_iter()
            .map(|v| {
                let options: Vec<String> =
                    v.driver_opts.iter().map(|(k, v)| format!("{k}={v}")).collect();
                format!("{} {} {}", v.name, v.driver, options.join(" "))
            })
            .collect();
        assert_eq!(
            shown,
            [
                "all local device=/mnt/all o=bind type=none",
                "files local device=:/export o=addr=10.0.0.9,nfsvers=4 type=nfs",
            ]
        );
    }
    // Options that mean nothing stop the container, and it says why.
    make(&world, "volume", "bad", json!({ "driver": "nfs", "driverOpts": {} })).await;
    let bad = service(&world, &stack, "bad", 1, json!(["bad:/bad"])).await;
    says(&world, bad.id, "volume `bad`: a volume of driver `nfs` needs the option `server`").await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn volumes_of_a_driver_without_a_name_are_made() {
    let mut world = World::sim(1).await;
    label(&world, &[1], json!({ "store": "true" })).await;
    let infra = world.stack("infra").await;
    driver(&world, &infra, json!({})).await;
    let shop = world.stack("shop").await;
    let launch = json!({
        "imageUuid": "docker:busybox", "volumeDriver": "store", "dataVolumes": ["/cache", "/logs:ro"],
    });
    let web = world.service(&shop, "web", 1, launch).await;
    world.state(web.id, "active").await;
    let found = volumes(&world);
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|volume| volume.name.as_ref().is_some_and(|name| name.len() == 36)));
    let row = containers(&world, web.id).remove(0);
    let paths: Vec<&String> = row.map("dataVolumeMounts").expect("mounts").keys().collect();
    assert_eq!(paths, ["/cache", "/logs"]);
    let mounts = world.store().read(|read| read.referrers("mount", "instanceId", row.id));
    let mut shown: Vec<String> = mounts
        .expect("mounts")
        .iter()
        .map(|m| format!("{} {}", m.str("path").unwrap_or(""), m.str("permissions").unwrap_or("")))
        .collect();
    shown.sort();
    assert_eq!(shown, ["/cache rw", "/logs ro"]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_volume_of_a_zone_is_used_there() {
    let mut world = World::sim(3).await;
    label(&world, &[1, 2, 3], json!({ "store": "true" })).await;
    label(&world, &[2], json!({ "store": "true", "io.rancher.host.zone": "us-east-1b" })).await;
    let infra = world.stack("infra").await;
    driver(&world, &infra, json!({})).await;
    make(
        &world,
        "volume",
        "disk",
        json!({ "driver": "store", "driverOpts": { "ec2_az": "us-east-1b" } }),
    )
    .await;
    let shop = world.stack("shop").await;
    let db = user(&world, &shop, "db", 2, "disk").await;
    world.state(db.id, "active").await;
    assert_eq!(on(&world, db.id), [2, 2]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_volume_that_is_told_its_host_is_made_there() {
    let mut world = World::sim(2).await;
    let volume = make(&world, "volume", "data", json!({ "driver": "local" })).await;
    world.state(volume.id, "inactive").await;
    let second = hosts(&world)[1];
    let store = world.store();
    let told = store.write(move |tx| {
        tx.update(volume.id, |volume| {
            volume.set("hostId", second);
            Ok(())
        })?;
        process::start(tx, volume.id, "update", Map::new())
    });
    told.await.expect("told");
    world.state(volume.id, "detached").await;
    assert_eq!(on_engine(&world, 1).await, []);
    assert_eq!(on_engine(&world, 2).await.len(), 1);
    let stack = world.stack("shop").await;
    let web = service(&world, &stack, "web", 1, json!(["data:/data"])).await;
    world.state(web.id, "active").await;
    assert_eq!(on(&world, web.id), [2]);
    world.state(volume.id, "active").await;
    world.stop().await;
}
