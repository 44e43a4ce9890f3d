//! A catalog that uses all that templates of Rancher 1.6 used (`tests/catalog/`): what is asked, which answers
//! are taken, and what comes of them.

use std::path::Path;

use serde_json::{Value, json};

use super::{ids, inside, offer, text};
use crate::api::site::Client;
use crate::streams::place::Place;

/// A place with the catalog.
async fn place() -> Place {
    let place = Place::start().await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/catalog");
    offer(&place.site, "every", &folder).await;
    place
}

async fn version(place: &Place, id: &str) -> Value {
    let catalog: Client = inside(&place.owner, &place.site);
    catalog.get(&format!("/templates/{id}")).await.ok(200)
}

/// The stack of a version with answers.
fn stack(name: &str, version: &Value, answers: Value) -> Value {
    let mut stack = super::launched::stack(name, version);
    stack["environment"] = answers;
    stack
}

/// The services of a stack by name, once they are active.
async fn services(place: &Place, stack: &str) -> Value {
    place.state(stack, "active").await;
    let list = place.owner.get(&format!("/stacks/{stack}/services")).await.ok(200);
    let mut found = json!({});
    for service in list["data"].as_array().expect("services") {
        place.state(text(service, "id"), "active").await;
        found[text(service, "name")] = service.clone();
    }
    found
}

#[actix_web::test]
async fn the_catalog_is_served_as_it_is_written() {
    let place = place().await;
    let catalog = inside(&place.owner, &place.site);
    let found = ids(catalog.get("/templates?catalogId=every").await);
    assert_eq!(found, ["every:classic", "every:modern", "every:infra*watcher"]);
    let infra = ids(catalog.get("/templates?catalogId=every&templateBase_eq=infra").await);
    assert_eq!(infra, ["every:infra*watcher"]);
    let first = version(&place, "every:modern:0").await;
    let kinds: Vec<&str> = first["questions"]
        .as_array()
        .expect("questions")
        .iter()
        .map(|question| text(question, "type"))
        .collect();
    let every = [
        "string",
        "int",
        "boolean",
        "enum",
        "password",
        "multiline",
        "service",
        "certificate",
        "string",
        "int",
        "enum",
        "string",
    ];
    assert_eq!(kinds, every);
    assert!(first["upgradeVersionLinks"]["v1.1.0"].is_string(), "{}", first["upgradeVersionLinks"]);
    let second = version(&place, "every:modern:1").await;
    assert_eq!(second["upgradeVersionLinks"], json!({}));
    let readme = catalog.get("/templates/every:modern:0?readme").await;
    assert_eq!(readme.text, "# Modern, first version\n");
    place.stop().await;
}

#[actix_web::test]
async fn every_feature_comes_out_as_it_should() {
    let place = place().await;
    let modern = version(&place, "every:modern:0").await;
    // As old clients send them: every answer is a text, those not asked for, too.
    let answers = json!({
        "PASSWORD": "correct horse", "SIZE": "large", "WORKERS": "3", "HOST_LABEL": "tier=web",
        "NOTE": "one\ntwo", "PORT": "8125", "MORE": "nobody asked",
    });
    let other = json!({
        "name": "other",
        "dockerCompose": "version: '2'\nservices: {one: {image: nginx}}\n",
        "startOnCreate": true,
    });
    let other = place.owner.post("/stacks", other).await.ok(201);
    services(&place, text(&other, "id")).await;
    let made = place.owner.post("/stacks", stack("modern", &modern, answers)).await.ok(201);
    let found = services(&place, text(&made, "id")).await;
    let names: Vec<&str> =
        found.as_object().expect("services").keys().map(String::as_str).collect();
    let mut names = names.clone();
    names.sort_unstable();
    assert_eq!(names, ["db", "front", "web", "worker0", "worker1", "worker2"]);
    let web = &found["web"]["launchConfig"];
    let expect = json!({
        "SIZE": "large", "NOTE": "one\ntwo", "STACK": "modern", "RELEASE": "v1.0.0", "BEFORE": "",
        "UPPER": "MODERN-LARGE", "NAME_0": "ann", "NAME_1": "bob",
    });
    assert_eq!(web["environment"], expect);
    let soft = &web["labels"]["io.rancher.scheduler.affinity:host_label_soft"];
    assert_eq!((soft, &web["imageUuid"]), (&json!("tier=web"), &json!("docker:nginx:1")));
    assert_eq!(web["healthCheck"]["requestLine"], r#"GET "/" "HTTP/1.0""#);
    assert_eq!((&found["web"]["scale"], &found["db"]["retainIp"]), (&json!(2), &json!(true)));
    let sidekicks = found["web"]["secondaryLaunchConfigs"].as_array().map(Vec::len);
    assert_eq!(sidekicks, Some(2));
    let rule = &found["front"]["lbConfig"]["portRules"][0];
    assert_eq!((&rule["sourcePort"], &rule["hostname"]), (&json!(8125), &json!("modern.example")));
    assert_eq!(rule["serviceId"], found["web"]["id"]);

    let classic = version(&place, "every:classic:0").await;
    let made = place.owner.post("/stacks", stack("classic", &classic, json!({"MODE": "0"}))).await;
    let found = services(&place, text(&made.ok(201), "id")).await;
    assert_eq!(found["store"]["launchConfig"]["environment"]["MODE"], "0");
    assert_eq!(found["balancer"]["lbConfig"]["portRules"][0]["hostname"], "classic.example");
    assert_eq!(found["outside"]["externalIpAddresses"], json!(["192.0.2.7"]));
    assert_eq!(found["app"]["launchConfig"]["networkMode"], "host");
    let apart = "io.rancher.scheduler.affinity:container_label_ne";
    assert_eq!(
        found["app"]["launchConfig"]["labels"][apart],
        "io.rancher.stack_service.name=${stack_name}/${service_name}"
    );

    let watcher = version(&place, "every:infra*watcher:v1.0.0").await;
    let made = place.owner.post("/stacks", stack("watcher", &watcher, json!({}))).await.ok(201);
    let found = services(&place, text(&made, "id")).await;
    let config = &found["watcher"]["launchConfig"];
    assert_eq!(config["command"][2], r#"echo "{{.Names}}"; sleep 100000"#);
    assert_eq!((&config["pidMode"], &config["privileged"]), (&json!("host"), &json!(true)));
    place.stop().await;
}

#[actix_web::test]
async fn wrong_answers_are_refused_by_the_name_of_their_variable() {
    let place = place().await;
    let first = version(&place, "every:modern:0").await;
    let fine = json!({ "PASSWORD": "correct horse", "PUBLISH": "false", "OTHER": "" });
    let with = |variable: &str, answer: &str| {
        let mut answers = fine.clone();
        answers[variable] = answer.into();
        answers
    };
    let wrong = [
        ("PORT", "many", "InvalidFormat"),
        ("PORT", "70000", "MaxLimitExceeded"),
        ("SIZE", "huge", "InvalidOption"),
        ("PUBLISH", "perhaps", "InvalidOption"),
        ("PASSWORD", "short", "MinLengthExceeded"),
        ("PASSWORD", "with 'quotes'", "InvalidCharacters"),
        ("PASSWORD", "", "MissingRequired"),
        ("TAG", "a b", "InvalidCharacters"),
    ];
    for (variable, answer, code) in wrong {
        let body = stack("shop", &first, with(variable, answer));
        let refused = place.owner.post("/stacks", body).await.ok(422);
        assert_eq!((text(&refused, "code"), text(&refused, "fieldName")), (code, variable));
        assert!(text(&refused, "message").contains(variable), "{refused}");
        assert!(answer.is_empty() || !refused.to_string().contains(answer), "{refused}");
    }
    let none = place.owner.get("/stacks?name=shop").await.ok(200);
    assert_eq!(none["data"], json!([]), "nothing was made");
    // The same files as somebody's own are nobody's questions.
    let mut own = stack("own", &first, with("SIZE", "huge"));
    own["externalId"] = Value::Null;
    own["startOnCreate"] = json!(false);
    place.owner.post("/stacks", own).await.ok(201);
    let plan = json!({
        "name": "planned", "template": true, "dryRun": true, "environment": with("PORT", "many"),
        "dockerCompose": first["files"]["docker-compose.yml.tpl"],
        "rancherCompose": first["files"]["rancher-compose.yml"],
    });
    let refused = place.owner.post("/stackplans", plan).await.ok(422);
    assert_eq!(text(&refused, "fieldName"), "PORT");

    let made = place.owner.post("/stacks", stack("shop", &first, fine.clone())).await.ok(201);
    let id = text(&made, "id").to_owned();
    services(&place, &id).await;
    let second = version(&place, "every:modern:1").await;
    let upgrade = |answers: Value| {
        json!({
            "dockerCompose": second["files"]["docker-compose.yml.tpl"],
            "rancherCompose": second["files"]["rancher-compose.yml"],
            "environment": answers, "externalId": "catalog://every:modern:1",
        })
    };
    let path = format!("/stacks/{id}?action=upgrade");
    let refused = place.owner.post(&path, upgrade(with("SIZE", "huge"))).await.ok(422);
    assert_eq!(text(&refused, "fieldName"), "SIZE");
    place.owner.post(&path, upgrade(fine)).await.ok(202);
    place.state(&id, "upgraded").await;
    let list = place.owner.get(&format!("/stacks/{id}/services?name=web")).await.ok(200);
    let environment = &list["data"][0]["launchConfig"]["environment"];
    assert_eq!(
        (&environment["RELEASE"], &environment["BEFORE"]),
        (&json!("v1.1.0"), &json!("v1.0.0")),
        "{environment}"
    );
    place.stop().await;
}
