//! `exportconfig`: what rows say by id, files say by name.

use serde_json::{Value, json};

use crate::api::site::{Client, Site};

async fn made(owner: &Client, path: &str, body: Value) -> String {
    owner.post(path, body).await.ok(201)["id"].as_str().expect("an id").to_owned()
}

#[actix_web::test]
async fn exported_files_name_what_rows_refer_to() {
    let site = Site::start().await;
    let owner = site.owner().await;
    let stack = made(&owner, "/stacks", json!({"name": "shop"})).await;
    let other = made(&owner, "/stacks", json!({"name": "base"})).await;
    let secret = made(&owner, "/secrets", json!({"name": "pass", "value": "Z2VoZWlt"})).await;
    let template =
        json!({"name": "data", "stackId": stack, "driver": "local", "perContainer": true});
    made(&owner, "/volumetemplates", template).await;
    let service = async |stack: &str, name: &str| {
        let launch = json!({
            "imageUuid": "docker:nginx",
            "dataVolumes": ["data:/data"],
            "secrets": [{"secretId": secret}],
        });
        let body = json!({"name": name, "stackId": stack, "launchConfig": launch});
        made(&owner, "/services", body).await
    };
    let (web, api) = (service(&stack, "web").await, service(&other, "api").await);
    let rule = |service: &str, port: u16| json!({"serviceId": service, "protocol": "http", "sourcePort": port, "targetPort": 80});
    let balancer = json!({
        "name": "lb",
        "stackId": stack,
        "launchConfig": {"imageUuid": "docker:haproxy"},
        "lbConfig": {"portRules": [rule(&web, 80), rule(&api, 81)]},
    });
    made(&owner, "/loadbalancerservices", balancer).await;

    let files =
        owner.post(&format!("/stacks/{stack}?action=exportconfig"), json!({})).await.ok(200);
    let text = |field: &str| files[field].as_str().expect(field).replace("\r\n", "\n");
    let docker = text("dockerComposeConfig");
    for wanted in [
        "volumes:\n  data:\n    driver: local\n    per_container: true\n",
        "secrets:\n  pass:\n    external: true\n",
        "    secrets:\n    - pass\n",
    ] {
        assert!(docker.contains(wanted), "{wanted}\nis not in\n{docker}");
    }
    let rancher = text("rancherComposeConfig");
    for wanted in ["service: web\n", "service: base/api\n"] {
        assert!(rancher.contains(wanted), "{wanted}\nis not in\n{rancher}");
    }
}

#[actix_web::test]
async fn what_docker_says_becomes_a_container_or_is_refused() {
    let site = Site::start().await;
    let owner = site.owner().await;
    let ask = async |body: Value| owner.post("/scripts/transform", body).await;
    let body = json!({"Name": "/web", "Config": {"Image": "nginx", "Env": ["A=b"]}});
    let container = ask(body).await.ok(200);
    assert_eq!(container["imageUuid"], "docker:nginx");
    assert_eq!(container["environment"], json!({"A": "b"}));
    let refused = ask(json!({"HostConfig": {"NetworkMode": "container:db"}})).await;
    let expect = "422 InvalidOption networkMode: networkMode `container:db` is not supported";
    assert_eq!(refused.fault(), expect);
    let refused = ask(json!([])).await;
    assert_eq!(refused.fault(), "400 InvalidBodyContent -: a container is one object");
}
