//! Services on the simulated fleet: up, scaled, stopped, healed, removed.

use ranchette::clock::Entropy;
use ranchette::controller::hosts;
use ranchette::model::resource::{NewResource, Resource};
use ranchette::process;
use ranchette::store::Tx;
use serde_json::{Map, json};

use crate::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_comes_up_scales_stops_and_goes() {
    let mut world = World::sim(2).await;
    let stack = world.stack("blog").await;
    let web = world.service(&stack, "web", 3, json!({ "imageUuid": "docker:nginx" })).await;
    world.state(web.id, "active").await;
    let running = |name: &str| (name.to_owned(), "running".to_owned());
    assert_eq!(
        world.containers(web.id),
        [running("blog-web-1"), running("blog-web-2"), running("blog-web-3")]
    );

    world.scale(web.id, 1).await;
    world.state(web.id, "active").await;
    assert_eq!(world.containers(web.id), [running("blog-web-1")]);

    world.act(web.id, "deactivate", json!({})).await;
    world.state(web.id, "inactive").await;
    assert_eq!(world.containers(web.id), [("blog-web-1".to_owned(), "stopped".to_owned())]);

    world.act(web.id, "activate", json!({})).await;
    world.state(web.id, "active").await;
    assert_eq!(world.containers(web.id), [running("blog-web-1")]);

    world.act(stack.id, "remove", json!({})).await;
    world.state(stack.id, "removed").await;
    assert_eq!(world.containers(web.id), []);
    let numbers = world.core.as_ref().expect("running").metrics.text().expect("numbers");
    for line in [
        "ranchette_process_seconds_count{name=\"instance.start\",exit=\"DONE\"} 4",
        "ranchette_process_seconds_count{name=\"instance.create\",exit=\"CHAIN\"} 3",
        "ranchette_process_seconds_count{name=\"stack.remove\",exit=\"DONE\"} 1",
        "ranchette_engine_call_seconds_count{call=\"create\",outcome=\"ok\"} 3",
        "ranchette_engine_call_seconds_count{call=\"start\",outcome=\"ok\"} 4",
        "ranchette_engine_call_seconds_count{call=\"remove\",outcome=\"ok\"} 3",
    ] {
        assert!(numbers.lines().any(|known| known == line), "{line}\n{numbers}");
    }
    assert_eq!(world.host(1).count(), (0, 0));
    assert_eq!(world.host(2).count(), (0, 0));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_container_that_dies_or_vanishes_behind_our_back_is_replaced() {
    let mut world = World::sim(1).await;
    let stack = world.stack("blog").await;
    let web = world.service(&stack, "web", 2, json!({ "imageUuid": "docker:nginx" })).await;
    world.state(web.id, "active").await;
    let rows = world.store().read(|read| read.referrers("instance", "serviceId", web.id));
    let rows = rows.expect("containers");
    let external = |row: usize| rows[row].str("externalId").expect("external id").to_owned();

    world.host(1).external_exit(&external(0), 3).expect("exits");
    let again = world
        .until("the dead container runs again", |read| {
            let row = read.get(rows[0].id)?;
            Ok(row.filter(|row| row.state == "running" && row.int("startCount") == Some(2)))
        })
        .await;
    assert_eq!(again.int("exitCode"), Some(3));

    world.host(1).external_remove(&external(1)).expect("removed");
    world
        .until("a container of the same name and unit takes its place", |read| {
            let rows_now = read.referrers("instance", "serviceId", web.id)?;
            Ok(rows_now
                .into_iter()
                .find(|row| row.name == rows[1].name && row.state == "running")
                .filter(|row| row.id != rows[1].id)
                .filter(|row| row.str("deploymentUnitUuid") == rows[1].str("deploymentUnitUuid")))
        })
        .await;
    assert_eq!(world.host(1).count(), (2, 2));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_host_comes_back_when_asked_for() {
    let mut world = World::sim(1).await;
    let host = world.only("host").await;
    world.act(host, "deactivate", json!({ "remove": true })).await;
    world.state(host, "removed").await;
    world.stop().await;
    world.start().await;
    let mut there = 0;
    let read = world.store().read(|read| {
        read.for_each("host", |_| {
            there += 1;
            Ok(())
        })
    });
    assert_eq!((read, there), (Ok(()), 0), "it stays away");
    for (engine, known) in [("sim://host2", false), ("sim://host1", true), ("sim://host1", false)] {
        assert_eq!(hosts::forget(&world.store(), engine).await, Ok(known), "{engine}");
    }
    world.stop().await;
    world.start().await;
    let again = world.only("host").await;
    assert_ne!(again, host);
    world.state(again, "active").await;
    world.stop().await;
}

/// Found by simulation: such a container had no host to be started on, ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_container_stopped_before_it_found_a_host_finds_one_when_it_starts() {
    let world = World::sim(1).await;
    let stack = world.stack("blog").await;
    let port = json!({ "imageUuid": "docker:nginx", "ports": ["8080:80"] });
    let first = world.service(&stack, "first", 1, port.clone()).await;
    world.state(first.id, "active").await;
    let second = world.service(&stack, "second", 1, port).await;
    world
        .until("the second finds no host", |read| {
            let rows = read.referrers("instance", "serviceId", second.id)?;
            let waits = |row: &ranchette::model::resource::Resource| {
                row.state == "creating" && row.str("transitioningMessage").is_some()
            };
            Ok(rows.iter().any(waits).then_some(()))
        })
        .await;
    world.act(second.id, "deactivate", json!({})).await;
    world.state(second.id, "inactive").await;
    assert_eq!(world.containers(second.id), [("blog-second-1".to_owned(), "stopped".to_owned())]);
    world.act(first.id, "remove", json!({})).await;
    world.state(first.id, "removed").await;
    world.act(second.id, "activate", json!({})).await;
    world.state(second.id, "active").await;
    assert_eq!(world.host(1).count(), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_container_behind_a_balancer_is_stopped_when_its_requests_may_have_ended() {
    let mut world = World::sim(1).await;
    let stack = world.stack("shop").await;
    let launch = |ms: i64| json!({ "imageUuid": "docker:nginx", "drainTimeoutMs": ms });
    let day = world.service(&stack, "day", 1, launch(86_400_000)).await;
    let moment = world.service(&stack, "moment", 1, launch(1)).await;
    let alone = world.service(&stack, "alone", 1, launch(86_400_000)).await;
    let balancer = NewResource::new("service", Entropy::System.uuid())
        .kind("loadBalancerService")
        .name("front")
        .account(world.project)
        .state("active")
        .with("stackId", stack.id)
        .with("scale", 0)
        .with(
            "lbConfig",
            json!({ "portRules": [{ "serviceId": day.id }, { "serviceId": moment.id }] }),
        );
    world.store().write(|tx| tx.insert(balancer)).await.expect("a balancer");
    let mut containers = Vec::new();
    for service in [day.id, moment.id, alone.id] {
        world.state(service, "active").await;
        let rows = world.store().read(|read| read.referrers("instance", "serviceId", service));
        containers.push(rows.expect("containers")[0].id);
    }
    for container in &containers {
        world.act(*container, "stop", json!({})).await;
    }
    // One is waited for for no time, the other is behind no balancer.
    for container in &containers[1..] {
        world
            .until("it has been stopped", |read| {
                Ok(read.get(*container)?.filter(|row| row.state != "stopping"))
            })
            .await;
    }
    world
        .until("the first one waits", |read| {
            let row = read.get(containers[0])?.filter(|row| row.state == "stopping");
            let waits = "waits until its balancers' requests have ended";
            Ok(row.filter(|row| row.str("transitioningMessage") == Some(waits)))
        })
        .await;
    let (_, running) = world.host(1).count();
    assert!(running >= 1, "it still runs");
    world.stop().await;
}

/// Found by simulation: it asked the engine for its port for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_container_whose_port_another_has_meanwhile_moves_to_another_host() {
    let mut world = World::sim(2).await;
    let stack = world.stack("blog").await;
    let port = json!({ "imageUuid": "docker:nginx", "ports": ["8080:80"] });
    let first = world.service(&stack, "first", 1, port.clone()).await;
    world.state(first.id, "active").await;
    world.act(first.id, "deactivate", json!({})).await;
    world.state(first.id, "inactive").await;
    // One of the two has its host.
    let second = world.service(&stack, "second", 2, port).await;
    world.state(second.id, "active").await;

    world.act(first.id, "activate", json!({})).await;
    world
        .until("it waits for a host with the port", |read| {
            let rows = read.referrers("instance", "serviceId", first.id)?;
            let told = |row: &Resource| row.str("transitioningMessage").map(str::to_owned);
            let wanted = "host needs ports 8080/tcp available";
            Ok(rows.iter().filter_map(told).find(|message| message.contains(wanted)))
        })
        .await;
    world.scale(second.id, 1).await;
    world.state(first.id, "active").await;
    assert_eq!(world.containers(first.id), [("blog-first-1".to_owned(), "running".to_owned())]);
    world.stop().await;
}

/// Two services take turns at a port: what is told to go is not taken for one that stays.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_container_waits_for_its_port_when_another_gives_it_up() {
    let mut world = World::sim(1).await;
    let stack = world.stack("blog").await;
    let port = json!({ "imageUuid": "docker:nginx", "ports": ["8080:80"] });
    let first = world.service(&stack, "first", 1, port.clone()).await;
    world.state(first.id, "active").await;
    let own = |world: &World| {
        let rows = world.store().read(|read| read.referrers("instance", "serviceId", first.id));
        let rows = rows.expect("containers");
        rows.into_iter().map(|row| (row.id, row.removed)).collect::<Vec<_>>()
    };
    let before = own(&world);
    world.act(first.id, "deactivate", json!({})).await;
    world.state(first.id, "inactive").await;
    let second = world.service(&stack, "second", 1, port).await;
    world.state(second.id, "active").await;

    // At the same moment: the first is looked at while the second still runs.
    let (one, other) = (first.id, second.id);
    let swap = move |tx: &mut Tx<'_>| {
        process::start(tx, other, "deactivate", Map::new())?;
        process::start(tx, one, "activate", Map::new())
    };
    world.store().write(swap).await.expect("both begin");
    world.state(second.id, "inactive").await;
    world.state(first.id, "active").await;
    assert_eq!(world.containers(first.id), [("blog-first-1".to_owned(), "running".to_owned())]);
    assert_eq!(own(&world), before, "it is the same container");
    world.stop().await;
}
