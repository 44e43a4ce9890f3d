//! Containers on their own and what surrounds them, as programs written for Rancher expect it: names, networks,
//! whom they take from, and what goes with what they belong to.

use ranchette::clock::Entropy;
use ranchette::model::resource::NewResource;
use ranchette::process::{self, host};
use serde_json::{Map, Value, json};

use crate::streams::place::{Place, dial, text};
use crate::world::World;

fn id(row: &Value) -> &str {
    row["id"].as_str().expect("an id")
}

fn number(row: &Value) -> i64 {
    id(row).trim_start_matches("1i").parse().expect("a number")
}

#[actix_web::test]
async fn a_label_names_a_container() {
    let place = Place::start().await;
    let shown = |label: &str| {
        json!({
            "name": "given", "imageUuid": "docker:nginx", "startOnCreate": false,
            "labels": {
                "io.rancher.container.display_name": label, "io.rancher.container.network": "true",
                "mine": "1",
            },
        })
    };
    let made = place.owner.post("/containers", shown("shown")).await.ok(201);
    assert_eq!(made["name"], "shown");
    let labels = json!({"io.rancher.container.display_name": "shown", "mine": "1"});
    assert_eq!(made["labels"], labels, "the other label is for containers of others");
    let again = place.owner.post("/containers", shown("shown")).await.fault();
    assert!(again.starts_with("422 NotUnique name"), "{again}");
    let empty = place.owner.post("/containers", shown("")).await.ok(201);
    assert_eq!(empty["name"], "given");
    place.stop().await;
}

#[actix_web::test]
async fn a_mode_that_is_null_leaves_a_container_to_the_engine() {
    let place = Place::start().await;
    let null = place.container("null", json!({"networkMode": null})).await;
    let row = place.owner.get(&format!("/containers/{null}")).await.ok(200);
    assert_eq!((&row["networkMode"], &row["primaryIpAddress"]), (&Value::Null, &Value::Null));
    let engine = place.core.site.engines.get(place.host).expect("an engine").engine;
    let networks = async |row: &Value| {
        let seen = engine.inspect(row["externalId"].as_str().expect("an id")).await;
        let seen = seen.expect("it answers").expect("it is there");
        seen.networks.into_iter().map(|own| own.network).collect::<Vec<_>>()
    };
    assert_eq!(networks(&row).await, ["bridge"]);

    // A label names a network, whatever the mode.
    let labels = json!({"io.rancher.cni.network": "managed"});
    let named = place.container("named", json!({"networkMode": null, "labels": labels})).await;
    let row = place.owner.get(&format!("/containers/{named}")).await.ok(200);
    assert!(row["primaryIpAddress"].as_str().is_some_and(|ip| ip.starts_with("10.42.")), "{row}");
    let seen = engine.inspect(row["externalId"].as_str().expect("an id")).await;
    let seen = seen.expect("it answers").expect("it is there");
    let mac = seen.networks.first().and_then(|own| own.mac.clone()).expect("an address");
    assert_eq!(seen.labels.get("io.rancher.container.mac_address"), Some(&mac));
    assert_eq!(seen.labels.get("io.rancher.cni.wait").map(String::as_str), Some("true"));
    assert_eq!(seen.labels.get("io.rancher.cni.network").map(String::as_str), Some("managed"));
    place.stop().await;
}

#[actix_web::test]
async fn a_container_on_a_network_that_there_is_not_is_removed_and_says_why() {
    let place = Place::start().await;
    let body = json!({"name": "lost", "imageUuid": "docker:nginx", "networkMode": "nowhere"});
    let made = place.owner.post("/containers", body).await.ok(201);
    place.state(id(&made), "removed").await;
    let row = place.owner.get(&format!("/containers/{}", id(&made))).await.ok(200);
    assert_eq!(row["transitioning"], "error");
    assert_eq!(row["transitioningMessage"], "Failed to find network for networkMode nowhere");
    place.stop().await;
}

#[actix_web::test]
async fn a_container_says_that_what_it_takes_from_does_not_run() {
    let place = Place::start().await;
    let provider = place.container("provider", json!({})).await;
    place.owner.post(&format!("/containers/{provider}?action=stop"), json!({})).await.ok(202);
    place.state(&provider, "stopped").await;
    let data = place.container("data", json!({})).await;
    let taker = async |name: &str, more: Value| {
        let mut body = json!({"name": name, "imageUuid": "docker:nginx"});
        body.as_object_mut().expect("fields").extend(more.as_object().cloned().expect("fields"));
        place.owner.post("/containers", body).await.ok(201)
    };
    let shares = json!({"networkMode": "container", "networkContainerId": provider});
    let says = async |row: &Value, what: &str| {
        let number = number(row);
        place
            .until(what, |read| {
                let row = read.get(number)?;
                Ok(row.filter(|row| row.str("transitioningMessage") == Some(what)))
            })
            .await
    };
    let network = taker("network", shares).await;
    says(&network, "Dependencies readiness error: networkFrom instance is not running").await;
    let volumes = taker("volumes", json!({"dataVolumesFrom": [provider]})).await;
    let row =
        says(&volumes, "Dependencies readiness error: volumeFrom instance is not running").await;
    assert_eq!((row.str("transitioning"), row.str("externalId")), (Some("error"), None));

    // Once it runs, they start.
    place.owner.post(&format!("/containers/{provider}?action=start"), json!({})).await.ok(202);
    place.state(&provider, "running").await;
    for row in [&network, &volumes] {
        place.state(id(row), "running").await;
    }
    let later = taker("later", json!({"dataVolumesFrom": [data], "startOnCreate": false})).await;
    place.state(id(&later), "stopped").await;
    place
        .owner
        .post(&format!("/containers/{data}?action=stop"), json!({"remove": true}))
        .await
        .ok(202);
    place.state(&data, "removed").await;
    place.owner.post(&format!("/containers/{}?action=start", id(&later)), json!({})).await.ok(202);
    says(&later, "Dependencies readiness error: volumeFrom instance is removed").await;
    place.stop().await;
}

#[actix_web::test]
async fn the_container_of_an_agent_is_left_alone() {
    let place = Place::start().await;
    let label = |value: &str| json!({"labels": {"io.rancher.container.system": value}});
    let agent = place.container("rancher-agent", label("rancher-agent")).await;
    let row = place.owner.get(&format!("/containers/{agent}")).await.ok(200);
    let offered = |row: &Value, action: &str| !row["actions"][action].is_null();
    for action in ["start", "stop", "restart", "remove"] {
        assert!(!offered(&row, action), "{action}: {row}");
    }
    assert!(offered(&row, "logs") && offered(&row, "execute"), "{row}");
    let fault = place.owner.delete(&format!("/containers/{agent}")).await.fault();
    assert!(fault.starts_with("422 ActionNotAvailable action"), "{fault}");
    let other = place.container("other", label("rancher-agent")).await;
    assert!(offered(&place.owner.get(&format!("/containers/{other}")).await.ok(200), "stop"));
    place.owner.delete(&format!("/containers/{other}")).await.ok(200);
    place.stop().await;
}

#[actix_web::test]
async fn older_clients_find_statistics_where_they_look() {
    let place = Place::start().await;
    let web = place.container("web", json!({})).await;
    place.time.advance(5_000);
    let shown = place.owner.get(&format!("/containers/{web}")).await.ok(200);
    let link = shown["links"]["stats"].as_str().expect("a link");
    let access = place.owner.get(link).await.ok(200);
    let path = format!("/v1/stats/{}", shown["externalId"].as_str().expect("an id"));
    assert!(access["url"].as_str().is_some_and(|url| url.ends_with(&path)), "{access}");
    let sample = text(&mut dial(&access).await).await.expect("a sample");
    assert!(sample.contains(&web), "{sample}");
    place.stop().await;
}

#[actix_web::test]
async fn rules_go_with_the_service_they_lead_to() {
    let place = Place::start().await;
    let owner = &place.owner;
    let stack = owner.post("/stacks", json!({"name": "shop"})).await.ok(201);
    let service = async |ty: &str, name: &str, more: Value| {
        let mut body = json!({
            "name": name, "stackId": stack["id"], "startOnCreate": true,
            "launchConfig": {"imageUuid": "docker:rancher/lb-service-haproxy:v0.9.6"},
        });
        body.as_object_mut().expect("fields").extend(more.as_object().cloned().expect("fields"));
        owner.post(ty, body).await.ok(201)
    };
    let web = service("/services", "web", json!({})).await;
    let other = service("/services", "other", json!({})).await;
    assert!(web.get("token").is_none(), "{web}");
    let rule = |port: u16, to: &Value| json!({"sourcePort": port, "targetPort": 80, "protocol": "http", "serviceId": to["id"]});
    let rules = json!([rule(80, &web), rule(81, &other)]);
    let front = json!({"startOnCreate": false, "lbConfig": {"portRules": rules}});
    let front = service("/loadBalancerServices", "front", front).await;
    let labels = json!({
        "io.rancher.container.agent.role": "environmentAdmin,agent",
        "io.rancher.container.create_agent": "true",
        "io.rancher.container.agent_service.drain_provider": "true",
    });
    assert_eq!(front["launchConfig"]["labels"], labels);
    for row in [&web, &other] {
        place.state(id(row), "active").await;
    }
    let of_place = |row: &Value| id(row).trim_start_matches("1s").parse::<i64>().expect("a number");
    let token = |row: &Value| {
        let row = place.site.store.read(|read| read.get(of_place(row))).expect("read");
        row.and_then(|row| row.str("token").map(str::to_owned)).expect("a token")
    };
    assert!(token(&web).len() >= 32 && token(&web) != token(&other));
    owner.delete(&format!("/services/{}", id(&web))).await.ok(200);
    place.state(id(&web), "removed").await;
    let row = owner.get(&format!("/loadBalancerServices/{}", id(&front))).await.ok(200);
    let left = row["lbConfig"]["portRules"].as_array().expect("rules");
    let left: Vec<&Value> = left.iter().map(|rule| &rule["serviceId"]).collect();
    assert_eq!(left, [&other["id"]]);
    place.stop().await;
}

#[actix_web::test]
async fn an_environment_is_as_well_as_its_stacks() {
    let place = Place::start().await;
    let health = async || {
        place.owner.get("/projects/1a5").await.ok(200)["healthState"].as_str().map(str::to_owned)
    };
    assert_eq!(health().await.as_deref(), Some("healthy"), "nothing is in it");
    let stack = place.owner.post("/stacks", json!({"name": "blog"})).await.ok(201);
    let web = json!({
        "name": "web", "stackId": stack["id"], "launchConfig": {"imageUuid": "docker:nginx"},
    });
    place.owner.post("/services", web).await.ok(201);
    let number: i64 = id(&stack).trim_start_matches("1st").parse().expect("a number");
    place
        .until("the stack is unhealthy: none of it runs", |read| {
            let row = read.get(number)?;
            Ok(row.filter(|row| row.str("healthState") == Some("unhealthy")))
        })
        .await;
    assert_eq!(health().await.as_deref(), Some("unhealthy"));
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_is_emptied_of_all_but_the_infrastructure() {
    let mut world = World::sim(1).await;
    let stack = world.stack("blog").await;
    let web = world.service(&stack, "web", 1, json!({"imageUuid": "docker:nginx"})).await;
    world.state(web.id, "active").await;
    let make = async |name: &str, more: Value| {
        let mut new = NewResource::new("instance", Entropy::System.uuid())
            .kind("container")
            .name(name)
            .account(world.project)
            .with("imageUuid", "docker:nginx")
            .with("startOnCreate", true);
        new.data.extend(more.as_object().cloned().expect("fields"));
        let made = world.store().write(|tx| process::create(tx, new, Map::new())).await;
        world.state(made.expect("a container").id, "running").await
    };
    let lone = make("lone", json!({})).await;
    let system = make("system", json!({"system": true})).await;
    let labelled =
        make("labelled", json!({"labels": {"io.rancher.container.system": "agent"}})).await;
    let of_web = world.store().read(|read| read.referrers("instance", "serviceId", web.id));
    let of_web = of_web.expect("containers")[0].id;
    let host = lone.int("hostId").expect("a host");
    let empty = move |tx: &mut ranchette::store::Tx<'_>| {
        let row = tx.require("host", host)?;
        host::evacuate(tx, &row)
    };
    world.store().write(empty).await.expect("it is emptied");
    for gone in [lone.id, of_web] {
        world.state(gone, "removed").await;
    }
    world.state(host, "inactive").await;
    for stays in [system.id, labelled.id] {
        world.state(stays, "running").await;
    }
    world.stop().await;
}
