//! Where images come from: the setting `registry.default` is the registry of those that name none.

use serde_json::{Value, json};

use crate::api::site::{Client, Site};
use crate::docker_support::docker;
use crate::machine_hosts::simulated;
use crate::ranch::{Ranch, sleeper, until};

const REGISTRY: &str = "reg.test:5000";

async fn with_registry(site: &Site, registry: &str) {
    let admin = site.admin().await;
    let path = format!("{}/v2-beta/settings/registry.default", site.url);
    admin.at(String::new()).put(&path, json!({ "value": registry })).await.ok(200);
}

/// The images of a service, its own first.
fn images(service: &Value) -> Vec<&str> {
    let sidekicks = service["secondaryLaunchConfigs"].as_array().into_iter().flatten();
    let configs = std::iter::once(&service["launchConfig"]).chain(sidekicks);
    configs.map(|config| config["imageUuid"].as_str().unwrap_or("-")).collect()
}

async fn made(owner: &Client, path: &str, body: Value) -> Value {
    owner.post(path, body).await.ok(201)
}

#[actix_web::test]
async fn what_names_no_registry_gets_that_of_the_setting() {
    let site = Site::start().await;
    let owner = site.owner().await;
    let before = made(&owner, "/containers", json!({"imageUuid": "docker:nginx:1"})).await;
    assert_eq!(before["imageUuid"], "docker:nginx:1");
    with_registry(&site, REGISTRY).await;
    for (image, expect) in [
        ("docker:nginx:1", "docker:reg.test:5000/nginx:1"),
        ("team/app", "reg.test:5000/team/app"),
        ("docker:quay.io/team/app", "docker:quay.io/team/app"),
    ] {
        let row = made(&owner, "/containers", json!({ "imageUuid": image })).await;
        assert_eq!(row["imageUuid"], expect);
        let row = made(&owner, "/pulltasks", json!({ "image": image })).await;
        assert_eq!(row["image"], expect);
    }

    let stack = made(&owner, "/stacks", json!({"name": "shop"})).await;
    let body = json!({
        "name": "web",
        "stackId": stack["id"],
        "launchConfig": {"imageUuid": "docker:nginx:1"},
        "secondaryLaunchConfigs": [
            {"name": "logs", "imageUuid": "docker:logs"},
            {"name": "none", "imageUuid": "docker:rancher/none"},
        ],
    });
    let web = made(&owner, "/services", body).await;
    let expect = ["docker:reg.test:5000/nginx:1", "docker:reg.test:5000/logs"];
    assert_eq!(images(&web), [expect[0], expect[1], "docker:rancher/none"]);
    let body = json!({
        "name": "lb",
        "stackId": stack["id"],
        "launchConfig": {"imageUuid": "docker:rancher/lb-service-haproxy:v0.9.1"},
        "lbConfig": {"portRules": []},
    });
    let balancer = made(&owner, "/loadbalancerservices", body).await;
    assert_eq!(images(&balancer), ["docker:rancher/lb-service-haproxy:v0.9.1"]);

    // It is asked for before it is allowed.
    let admin = site.admin().await;
    let path = format!("{}/v2-beta/settings/registry.whitelist", site.url);
    admin.at(String::new()).put(&path, json!({ "value": REGISTRY })).await.ok(200);
    made(&owner, "/containers", json!({"imageUuid": "docker:nginx:1"})).await;
    let other = json!({"imageUuid": "docker:docker.io/library/nginx:1"});
    let other = owner.post("/containers", other).await.fault();
    assert!(other.starts_with("422 InvalidOption imageUuid"), "{other}");
}

#[actix_web::test]
async fn a_plan_follows_the_setting_but_for_what_is_built() {
    let site = Site::start().await;
    let owner = site.owner().await;
    with_registry(&site, REGISTRY).await;
    let compose = "services:
  web:
    image: nginx:1
  own:
    build: .
";
    let body = json!({"dockerCompose": compose, "name": "plan"});
    let plan = owner.post("/stackplans", body).await;
    assert!(plan.text.contains("reg.test:5000/nginx:1"), "{}", plan.text);
    assert!(!plan.text.contains("reg.test:5000/plan"), "{}", plan.text);
}

#[actix_web::test]
async fn services_of_compose_files_and_their_upgrades_follow_the_setting_too() {
    let place = simulated().await;
    let owner = place.site.owner().await;
    place.setting("registry.default", REGISTRY).await;
    let host = json!({"hostname": "one", "genericConfig": {"address": "m1", "sshPassword": "hay"}});
    let host = made(&owner, "/hosts", host).await;
    place.state(&host["id"], "active").await;
    let compose = "services:\n  web:\n    image: nginx:1\n";
    let stack = json!({"name": "shop", "dockerCompose": compose, "startOnCreate": true});
    let stack = made(&owner, "/stacks", stack).await;
    let path = format!("/services?stackId={}&name=web", stack["id"].as_str().expect("an id"));
    let web = async |state: &str| {
        until("the service gets there", async || {
            let found = owner.get(&path).await.ok(200)["data"][0].clone();
            if found["state"] == state { Ok(found) } else { Err(found.to_string()) }
        })
        .await
    };
    let service = web("active").await;
    assert_eq!(images(&service), ["docker:reg.test:5000/nginx:1"]);
    let path = format!("/services/{}?action=upgrade", service["id"].as_str().expect("an id"));
    let strategy = json!({"launchConfig": {"imageUuid": "docker:nginx:2"}});
    owner.post(&path, json!({ "inServiceStrategy": strategy })).await.ok(202);
    assert_eq!(images(&web("upgraded").await), ["docker:reg.test:5000/nginx:2"]);
    place.core.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_image_without_a_registry_is_pulled_from_that_of_the_setting() {
    let docker = docker().await;
    let ranch = Ranch::new(&docker.endpoint, 17, &["mirror"]);
    let stack = ranch.stack(0).to_owned();
    // The registry for everyone has it too, and no other test pulls or removes it.
    docker.private_image(&stack).await;
    let server = ranch.start().await;
    server.set("registry.default", &docker.registry).await;
    let image = format!("ranchette-test/{stack}:1");
    ranch.ok(&["up", "-f", &ranch.file(&sleeper(&image)), "-p", &stack]).await;
    let container = until("it runs", async || match ranch.containers(&stack).as_slice() {
        [one] if one.is_running() => Ok(one.id.clone()),
        all => Err(format!("{all:?}")),
    })
    .await;
    let pulled = format!("{}/{image}", docker.registry);
    let runs = ranch.docker(&["inspect", "--format", "{{.Config.Image}}", &container]);
    assert_eq!(runs.trim(), pulled);
    ranch.ok(&["down", &stack, "--yes"]).await;
    server.shut_down().await;
    ranch.docker(&["image", "rm", "-f", &pulled]);
}
