//! Balancers that send requests to targets on their own host (`io.rancher.lb_service.target`), on two simulated
//! hosts, and what a real HAProxy says of servers that stand by.

use ranchette::balancer::{Balancer, Protocol, Rule, Target};
use ranchette::model::resource::{NewResource, Resource};
use ranchette::process::{self, balancer};
use ranchette::store::Tx;
use serde_json::{Map, Value, json};

use crate::docker_support::{docker, haproxy_image};
use crate::ranch::Ranch;
use crate::world::World;

const GLOBAL: &str = "io.rancher.scheduler.global";
const TARGET: &str = "io.rancher.lb_service.target";

/// A service with a container on every host.
async fn everywhere(world: &World, stack: &Resource, name: &str, more: Value) -> Resource {
    let mut new =
        NewResource::new("service", world.core.as_ref().expect("core").site.entropy.uuid())
            .name(name)
            .account(world.project)
            .with("stackId", stack.id)
            .with("startOnCreate", true)
            .with(
                "launchConfig",
                json!({ "imageUuid": "docker:nginx", "labels": { GLOBAL: "true" } }),
            );
    for (field, value) in more.as_object().cloned().unwrap_or_default() {
        match field.as_str() {
            "kind" => new = new.kind(value.as_str().unwrap_or_default()),
            _ => drop(new.data.insert(field, value)),
        }
    }
    let made = world.store().write(|tx| process::create(tx, new, Map::new())).await;
    world.state(made.expect("a service").id, "active").await
}

/// The containers of a service by host, from the lowest id of a host.
fn by_host(world: &World, service: i64) -> Vec<Resource> {
    let rows = world.store().read(|read| read.referrers("instance", "serviceId", service));
    let mut rows = rows.expect("containers");
    rows.sort_by_key(|row| row.int("hostId"));
    rows
}

/// The servers in the configuration of a container: `address` or `address backup`.
fn servers(tx: &Tx<'_>, container: i64) -> Vec<String> {
    let container = tx.require("instance", container).expect("a container");
    let service =
        tx.require("service", container.int("serviceId").unwrap_or(0)).expect("a service");
    let text = balancer::configuration(tx, &service, &container).expect("a configuration");
    let lines = text.lines().filter_map(|line| line.trim().strip_prefix("server "));
    lines
        .filter_map(|line| {
            let address = line.split(' ').nth(1)?.split(':').next()?.to_owned();
            Some(if line.ends_with(" backup") { format!("{address} backup") } else { address })
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_balancer_leads_to_targets_on_its_own_host_as_its_label_says() {
    let mut world = World::sim(2).await;
    let stack = world.stack("shop").await;
    let web = everywhere(&world, &stack, "web", json!({})).await;
    let rule =
        json!({ "sourcePort": 80, "protocol": "http", "serviceId": web.id, "targetPort": 80 });
    let more = json!({ "kind": "loadBalancerService", "lbConfig": { "portRules": [rule] } });
    let front = everywhere(&world, &stack, "front", more).await;
    let (webs, fronts) = (by_host(&world, web.id), by_host(&world, front.id));
    let address = |at: usize| webs[at].str("primaryIpAddress").expect("an address").to_owned();
    let (here, there) = (address(0), address(1));
    let (first, second, sick) = (fronts[0].id, fronts[1].id, webs[0].id);

    let backup = |address: &str| format!("{address} backup");
    for (label, well, ill) in [
        (
            "any",
            [vec![here.clone(), there.clone()], vec![here.clone(), there.clone()]],
            vec![there.clone()],
        ),
        ("only-local", [vec![here.clone()], vec![there.clone()]], vec![here.clone()]),
        (
            "prefer-local",
            [vec![here.clone(), backup(&there)], vec![backup(&here), there.clone()]],
            vec![there.clone()],
        ),
    ] {
        let set = move |tx: &mut Tx<'_>| {
            tx.update(front.id, |row| {
                let launch = json!({ "imageUuid": "docker:nginx", "labels": { GLOBAL: "true", TARGET: label } });
                row.set("launchConfig", launch);
                Ok(())
            })
        };
        world.store().write(set).await.expect("a label");
        let look = move |tx: &mut Tx<'_>| {
            let found = [first, second].map(|id| {
                let mut servers = servers(tx, id);
                servers.sort_by_key(|server| server.trim_end_matches(" backup").to_owned());
                servers
            });
            tx.update(sick, |row| {
                row.set("healthState", "unhealthy");
                Ok(())
            })?;
            Ok((found, servers(tx, first)))
        };
        let (found, when_ill) = world.store().rehearse(look).await.expect("looked");
        let sorted = well.map(|mut servers| {
            servers.sort_by_key(|server| server.trim_end_matches(" backup").to_owned());
            servers
        });
        assert_eq!((found, when_ill), (sorted, ill), "{label}");
        world
            .until("each container has the configuration of its host", |read| {
                let service = read.require("service", front.id)?;
                let mut hashes = balancer::Hashes::of(read, &service);
                for id in [first, second] {
                    let container = read.require("instance", id)?;
                    if balancer::differs(&container, hashes.wanted(&container)?) {
                        return Ok(None);
                    }
                }
                Ok(Some(()))
            })
            .await;
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn haproxy_takes_servers_that_stand_by() {
    let docker = docker().await;
    let image = haproxy_image().await;
    let ranch = Ranch::new(&docker.endpoint, 31, &["near"]);
    let target = |name: &str, host: i64| Target {
        name: name.to_owned(),
        address: "127.0.0.1".to_owned(),
        port: 8080,
        check: None,
        host: Some(host),
    };
    let rule = |port: u16, protocol: Protocol| Rule {
        source_port: port,
        protocol,
        hostname: String::new(),
        path: String::new(),
        priority: None,
        backend: None,
        weight: Some(3),
        targets: vec![target("a", 1), target("b", 2), target("c", 2)],
    };
    let stickiness = ranchette::balancer::Stickiness {
        cookie: "STAY".to_owned(),
        mode: "insert".to_owned(),
        ..Default::default()
    };
    let balancer = Balancer {
        rules: vec![rule(80, Protocol::Http), rule(81, Protocol::Tcp)],
        stickiness: Some(stickiness),
        prefers: Some(1),
        ..Balancer::default()
    };
    let text = ranchette::balancer::configuration(&balancer);
    assert_eq!(text.matches(" backup\n").count(), 4, "{text}");
    let folder = ranch.folder.path().join("near");
    std::fs::create_dir(&folder).expect("a folder");
    std::fs::write(folder.join("haproxy.cfg"), &text).expect("a file");
    let mount = format!("{}:/near:ro", folder.display());
    let said = ranch.try_docker(&[
        "run",
        "--rm",
        "--network",
        "none",
        "-v",
        &mount,
        image,
        "haproxy",
        "-c",
        "-f",
        "/near/haproxy.cfg",
    ]);
    let words = String::from_utf8_lossy(&said.stderr);
    assert!(said.status.success() && !words.contains("backup"), "{words}\n{text}");
}
