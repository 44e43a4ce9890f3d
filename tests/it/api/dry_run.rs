//! `?dryRun=true`: the answer says what would happen, and nothing does.

use expect_test::expect;
use serde_json::{Value, json};

use super::site::{Client, Site};
use crate::streams::place::Place;

/// The whole database but for what logins and their records leave.
async fn rows(site: &Site) -> Vec<String> {
    site.store
        .read(|read| {
            let mut found = Vec::new();
            for entry in ranchette::model::registry::registry().all() {
                read.for_each(entry.ty.name, |row| {
                    found.push(format!("{row:?}"));
                    Ok(())
                })?;
            }
            found.push(format!("{:?}", read.processes(Default::default())?));
            Ok(found)
        })
        .expect("rows")
}

/// What a plan says, one line for each change, process and step.
fn brief(plan: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let mut lines = vec![format!("{} {}", text(&plan["type"]), plan["status"])];
    for change in plan["changes"].as_array().expect("changes") {
        let fields: Vec<String> = change["fields"]
            .as_object()
            .expect("fields")
            .iter()
            .filter(|(name, _)| ["state", "name", "scale", "value"].contains(&name.as_str()))
            .map(|(name, value)| format!("{name}: {} -> {}", value["from"], value["to"]))
            .collect();
        let (word, ty) = (text(&change["change"]), text(&change["resourceType"]));
        lines.push(format!("{word} {ty} {}: {}", text(&change["name"]), fields.join(", ")));
    }
    for process in plan["processes"].as_array().expect("processes") {
        lines.push(format!("process {}", text(&process["processName"])));
    }
    for foreseen in plan["foreseen"].as_array().expect("foreseen") {
        for step in foreseen["steps"].as_array().expect("steps") {
            lines.push(format!("then {}", text(step)));
        }
        lines.push(format!("{} more; {}", foreseen["more"], text(&foreseen["outcome"])));
    }
    lines.join("\n") + "\n"
}

/// Waits until no process is under way.
async fn quiet(place: &Place) {
    let none = |read: &ranchette::store::Read<'_>| {
        Ok(read.count_open_processes()?.is_empty().then_some(()))
    };
    place.until("nothing is under way", none).await;
}

async fn tried(site: &Site, client: &Client, (method, path): (&str, &str), body: Value) -> Value {
    let before = rows(site).await;
    let joint = if path.contains('?') { '&' } else { '?' };
    let plan = client.send(method, &format!("{path}{joint}dryRun=true"), Some(body)).await.ok(200);
    assert!(rows(site).await == before, "{method} {path} changed something");
    plan
}

#[actix_web::test]
async fn a_plan_says_what_would_happen_and_nothing_does() {
    let place = Place::start().await;
    let (site, owner) = (&place.site, &place.owner);
    quiet(&place).await;
    let stack = tried(site, owner, ("POST", "/stacks"), json!({"name": "web"})).await;
    expect![[r#"
        dryRun 201
        create stack web: name: null -> "web", state: null -> "activating"
        process stack.create
    "#]]
    .assert_eq(&brief(&stack));
    assert_eq!(stack["resource"]["name"], "web");
    let made = owner.post("/stacks", json!({"name": "web"})).await.ok(201);
    assert_eq!(made["id"], stack["resource"]["id"], "a plan uses up no ids");
    quiet(&place).await;

    let service = json!({
        "name": "app", "stackId": made["id"], "scale": 3, "startOnCreate": true,
        "launchConfig": {"imageUuid": "docker:nginx", "ports": ["8080:80"]},
    });
    let plan = tried(site, owner, ("POST", "/services"), service).await;
    expect![[r#"
        dryRun 201
        create service app: name: null -> "app", state: null -> "registering", scale: null -> 3
        create serviceVersion -: 
        process service.create
        then create `web-app-1` on host `host1` (fewer than wanted)
        then create `web-app-2` (fewer than wanted), which waits for a host: Allocation failed: host needs ports 8080/tcp available; no host fits: host1 already uses port 8080/tcp; hint: stop web-app-1 on host1 or publish another port than 8080/tcp
        then create `web-app-3` (fewer than wanted), which waits for a host: Allocation failed: host needs ports 8080/tcp available; no host fits: host1 already uses port 8080/tcp; hint: stop web-app-1 on host1 or publish another port than 8080/tcp
        0 more; creating app-1 (and 2 more)
    "#]].assert_eq(&brief(&plan));
    let container = json!({"name": "c", "imageUuid": "docker:nginx"});
    let plan = tried(site, owner, ("POST", "/containers"), container).await;
    expect![[r#"
        dryRun 201
        create container c: name: null -> "c", state: null -> "creating"
        process instance.create
        then place `c` on host `host1`
        0 more; runs
    "#]]
    .assert_eq(&brief(&plan));
    let path = format!("/stacks/{}", made["id"].as_str().expect("an id"));
    let plan = tried(site, owner, ("PUT", &path), json!({"name": "other"})).await;
    expect![[r#"
        dryRun 200
        update stack other: name: "web" -> "other", state: "active" -> "updating-active"
        process stack.update
    "#]]
    .assert_eq(&brief(&plan));
    place.stop().await;
}

#[actix_web::test]
async fn what_is_refused_is_refused_in_a_plan_too() {
    let site = Site::start().await;
    let owner = site.owner().await;
    let stack = owner.post("/stacks", json!({"name": "web"})).await.ok(201);
    let path = format!("/stacks/{}", stack["id"].as_str().expect("an id"));
    let same = owner.post("/stacks?dryRun=true", json!({"name": "web"})).await;
    assert!(same.fault().starts_with("422 NotUnique name"), "{}", same.text);
    let odd = owner.post("/stacks?dryRun=perhaps", json!({"name": "x"})).await;
    expect!["422 InvalidFormat dryRun: `dryRun` must be true or false, not `perhaps`"]
        .assert_eq(&odd.fault());
    let plan = tried(&site, &owner, ("DELETE", &path), Value::Null).await;
    expect![[r#"
        dryRun 200
        update stack web: state: "activating" -> "removing"
        process stack.remove
    "#]]
    .assert_eq(&brief(&plan));
    let plan = tried(&site, &owner, ("POST", &format!("{path}/?action=remove")), json!({})).await;
    expect![[r#"
        dryRun 202
        update stack web: state: "activating" -> "removing"
        process stack.remove
    "#]]
    .assert_eq(&brief(&plan));
    // What is not meant is done.
    owner.post("/stacks?dryRun=false", json!({"name": "real"})).await.ok(201);
    let admin = site.admin().await;
    let setting = ("PUT", "/settings/api.host");
    let plan = tried(&site, &admin, setting, json!({"value": "http://h"})).await;
    assert_eq!(plan["resource"]["value"], "http://h");
    assert_ne!(admin.get("/settings/api.host").await.ok(200)["value"], "http://h");
    // A secret that opens nothing is not shown, and no deed is written down.
    let plan = tried(&site, &owner, ("POST", "/apikeys"), json!({"name": "k"})).await;
    assert_eq!(plan["resource"]["secretValue"], Value::Null);
    assert!(!plan.to_string().contains("\"publicValue\":{\"from\":null,\"to\":null}"));
}
