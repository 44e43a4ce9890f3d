//! Stacks from templates: every one of the catalog in the program, and the way from one version to the next.

use serde_json::{Map, Value, json};

use super::{folder, ids, inside, offer, text};
use crate::streams::place::Place;

/// Answers to the questions that have to be answered; the others keep what is proposed.
fn answers(version: &Value) -> Map<String, Value> {
    let questions = version["questions"].as_array().expect("questions").iter();
    let open = questions.filter(|question| {
        question["required"] == true && question["default"].as_str().is_none_or(str::is_empty)
    });
    open.map(|question| {
        let answer = "a1".repeat(16);
        (text(question, "variable").to_owned(), answer.into())
    })
    .collect()
}

/// What a client sends to make a stack of a version.
pub fn stack(name: &str, version: &Value) -> Value {
    let files = &version["files"];
    let plain = files["docker-compose.yml"].as_str();
    json!({
        "name": name,
        "dockerCompose": plain.or(files["docker-compose.yml.tpl"].as_str()),
        "rancherCompose": files["rancher-compose.yml"],
        "environment": answers(version),
        "externalId": format!("catalog://{}", text(version, "id")),
        "startOnCreate": true,
    })
}

#[actix_web::test]
async fn every_template_of_the_program_launches() {
    let place = Place::start().await;
    let catalog = inside(&place.owner, &place.site);
    let templates = ids(catalog.get("/templates?catalogId=ranchette").await);
    assert!(templates.len() >= 15, "{templates:?}");
    let mut made = Vec::new();
    for id in &templates {
        let template = catalog.get(&format!("/templates/{id}")).await.ok(200);
        assert!(template["links"]["readme"].is_string(), "{id} has a readme");
        let icon = catalog.get(text(&template["links"], "icon")).await;
        assert_eq!(icon.header("content-type"), "image/svg+xml", "{id}");
        for field in ["name", "description", "category", "license", "projectURL"] {
            assert!(!text(&template, field).is_empty(), "{field} of {id}");
        }
        let default = text(&template, "defaultTemplateVersionId");
        let version = catalog.get(&format!("/templates/{default}")).await.ok(200);
        for question in version["questions"].as_array().expect("questions") {
            let named = ["variable", "label", "description"];
            assert!(named.iter().all(|field| !text(question, field).is_empty()), "{question}");
        }
        let name = text(&template, "folderName");
        let answer = place.owner.post("/stacks", stack(name, &version)).await;
        assert_eq!(answer.status, 201, "{id}: {}", answer.text);
        made.push((id.clone(), text(&answer.json(), "id").to_owned()));
    }
    for (id, stack) in &made {
        place.state(stack, "active").await;
        let list = place.owner.get(&format!("/stacks/{stack}/services")).await.ok(200);
        let services = list["data"].as_array().expect("services");
        assert!(!services.is_empty(), "{id} has services");
        for service in services {
            place.state(text(service, "id"), "active").await;
            let name = text(service, "name");
            let check = &service["launchConfig"]["healthCheck"];
            assert!(check.is_object() || name == "cron", "{name} of {id} has a health check");
            let config = service["launchConfig"].to_string();
            assert!(!config.contains("${"), "{name} of {id}: {config}");
        }
    }
    place.stop().await;
}

#[actix_web::test]
async fn a_stack_goes_to_the_next_version_and_back() {
    let place = Place::start().await;
    let rancher = |version: &str| {
        format!(
            "catalog:\n  version: '{version}'\n  questions:\n    - {{variable: TAG, default: '{version}'}}\nversion: '2'\nservices:\n  web:\n    scale: 1\n"
        )
    };
    let compose =
        "version: '2'\nservices:\n  web:\n    image: nginx:${TAG}\n    labels: {at: \"${AT}\"}\n";
    let home = folder(&[
        ("templates/shop/0/docker-compose.yml", compose),
        ("templates/shop/0/rancher-compose.yml", &rancher("1")),
        ("templates/shop/1/docker-compose.yml", compose),
        ("templates/shop/1/rancher-compose.yml", &rancher("2")),
    ]);
    offer(&place.site, "home", home.path()).await;
    let catalog = inside(&place.owner, &place.site);
    let first = catalog.get("/templates/home:shop:0").await.ok(200);
    let mut body = stack("shop", &first);
    body["environment"] = json!({ "AT": "home" });
    let made = place.owner.post("/stacks", body).await.ok(201);
    let stack = text(&made, "id").to_owned();
    place.state(&stack, "active").await;
    let service = async || {
        let list = place.owner.get(&format!("/stacks/{stack}/services")).await.ok(200);
        list["data"][0].clone()
    };
    let id = text(&service().await, "id").to_owned();
    let image = async || text(&service().await["launchConfig"], "imageUuid").to_owned();
    place.state(&id, "active").await;
    assert_eq!(image().await, "docker:nginx:1");

    let link = first["upgradeVersionLinks"]["2"].as_str().expect("an upgrade");
    let second = catalog.get(link).await.ok(200);
    let upgrade = json!({
        "dockerCompose": second["files"]["docker-compose.yml"],
        "rancherCompose": second["files"]["rancher-compose.yml"],
        "environment": { "AT": "home" },
        "externalId": "catalog://home:shop:1",
    });
    let act = async |action: &str, input: Value| {
        let path = format!("/stacks/{stack}?action={action}");
        place.owner.post(&path, input).await.ok(202);
    };
    act("upgrade", upgrade.clone()).await;
    place.state(&stack, "upgraded").await;
    assert_eq!(image().await, "docker:nginx:2");
    let row = place.owner.get(&format!("/stacks/{stack}")).await.ok(200);
    assert_eq!(text(&row, "externalId"), "catalog://home:shop:1");
    assert_eq!(text(&row, "previousExternalId"), "catalog://home:shop:0");

    act("rollback", json!({})).await;
    place.state(&stack, "active").await;
    place.state(&id, "active").await;
    assert_eq!(image().await, "docker:nginx:1");
    let row = place.owner.get(&format!("/stacks/{stack}")).await.ok(200);
    assert_eq!(text(&row, "externalId"), "catalog://home:shop:0");

    act("upgrade", upgrade).await;
    place.state(&stack, "upgraded").await;
    act("finishupgrade", json!({})).await;
    place.state(&stack, "active").await;
    assert_eq!(image().await, "docker:nginx:2");
    place.stop().await;
}
