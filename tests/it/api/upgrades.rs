//! Upgrades over the API: what is refused, and what the service shows at once.

use expect_test::expect;
use serde_json::{Value, json};

use super::site::{Client, Site};

/// A service of a stack, in a state.
async fn service(site: &Site, owner: &Client, stack: &str, body: Value, state: &str) -> String {
    let mut body = body;
    body["stackId"] = stack.into();
    let made = owner.post("/services", body).await.ok(201);
    let id = made["id"].as_str().expect("an id").to_owned();
    set_state(site, &id, state).await;
    id
}

/// Puts a service into a state, as if its processes ran.
async fn set_state(site: &Site, id: &str, state: &str) {
    let row = ranchette::model::id::parse(id).expect("an id");
    let state = state.to_owned();
    let changed = site.store.write(move |tx| {
        tx.update(row, |row| {
            row.state = state;
            Ok(())
        })
    });
    changed.await.expect("a state");
}

#[actix_web::test]
async fn upgrades_that_make_no_sense() {
    let site = Site::start().await;
    let owner = site.owner().await;
    let stack = owner.post("/stacks", json!({"name": "web"})).await.ok(201);
    let stack = stack["id"].as_str().expect("an id");
    let launch = json!({"imageUuid": "docker:nginx"});
    let body = json!({"name": "app", "launchConfig": launch, "retainIp": true,
        "secondaryLaunchConfigs": [{"name": "logs", "imageUuid": "docker:logs"}]});
    let app = service(&site, &owner, stack, body, "active").await;
    let body = json!({"name": "other", "launchConfig": launch});
    let other = service(&site, &owner, stack, body, "active").await;
    let everywhere = json!({"imageUuid": "docker:nginx",
        "labels": {"io.rancher.scheduler.global": "true"}});
    let body = json!({"name": "agent", "launchConfig": everywhere});
    let agent = service(&site, &owner, stack, body, "active").await;
    let in_service = |strategy: Value| json!({"inServiceStrategy": strategy});
    let to_service = |strategy: Value| json!({"toServiceStrategy": strategy});
    let mut found = String::new();
    for (id, action, body) in [
        (&app, "upgrade", json!({})),
        (&app, "upgrade", json!({"inServiceStrategy": {}, "toServiceStrategy": {}})),
        (&app, "upgrade", in_service(json!({}))),
        (&app, "upgrade", in_service(json!({"launchConfig": launch, "startFirst": true}))),
        (&app, "upgrade", in_service(json!({"launchConfig": launch, "batchSize": 0}))),
        (&app, "upgrade", in_service(json!({"launchConfig": launch, "intervalMillis": 99}))),
        (&app, "upgrade", in_service(json!({"launchConfig": everywhere}))),
        (&app, "upgrade", in_service(json!({"launchConfig": {}}))),
        (
            &app,
            "upgrade",
            in_service(json!({"launchConfig": {"imageUuid": "docker:x", "ports": ["x"]}})),
        ),
        (
            &app,
            "upgrade",
            in_service(json!({"secondaryLaunchConfigs":
                [{"name": "more", "imageUuid": "docker:x", "networkLaunchConfig": "gone"}]})),
        ),
        (
            &app,
            "upgrade",
            in_service(json!({"secondaryLaunchConfigs":
                [{"name": "other", "imageUuid": "docker:x"}]})),
        ),
        (&app, "upgrade", to_service(json!({}))),
        (&app, "upgrade", to_service(json!({"toServiceId": "1s999"}))),
        (&app, "upgrade", to_service(json!({"toServiceId": app}))),
        (&app, "upgrade", to_service(json!({"toServiceId": agent}))),
        (&other, "restart", json!({})),
        (&other, "rollback", json!({})),
        (&other, "finishupgrade", json!({})),
    ] {
        let answer = owner.post(&format!("/services/{id}?action={action}"), body).await;
        found.push_str(&answer.fault());
        found.push('\n');
    }
    expect![[r#"
        422 MissingRequired Upgrade strategy needs to be set: the upgrade of service `app` needs either inServiceStrategy or toServiceStrategy
        422 MissingRequired Upgrade strategy needs to be set: the upgrade of service `app` needs either inServiceStrategy or toServiceStrategy
        422 InvalidOption LaunchConfig/secondaryLaunchConfigs need to be specified for inService strategy: the upgrade of service `app` gives no launch configuration
        422 InvalidOption StartFirst option can't be used for service with retainIp field set: service `app` retains its addresses; two containers cannot have one at a time, so startFirst must be false
        422 MinLimitExceeded batchSize: field `inServiceStrategy.batchSize` of a serviceUpgrade is 0, less than 1
        422 MinLimitExceeded intervalMillis: field `inServiceStrategy.intervalMillis` of a serviceUpgrade is 99, less than 100
        422 InvalidOption launchConfig: service `app` cannot switch between a fixed scale and one container per host
        422 InvalidOption Image is required when selectorContainer is not passed in: a service needs an image in launchConfig.imageUuid, such as docker:nginx
        422 PortWrongFormat ports: port `x` is not of the form [ip:][public:]private[/tcp|udp]
        422 InvalidReference gone: `more` uses the sidekick `gone`, which does not exist or is not properly labeled as a sidekick
        422 NotUnique name: the stack already has a service or sidekick called `other`
        422 MissingRequired toServiceId: an upgrade to another service needs its id in toServiceId
        422 InvalidReference toServiceId: field `toServiceStrategy.toServiceId` of a serviceUpgrade refers to the service "1s999", which does not exist
        422 InvalidReference toServiceId: toServiceId is the service itself
        422 InvalidOption toServiceStrategy: service `agent` runs on every host; there is no scale to move
        422 MissingRequired rollingRestartStrategy: field `rollingRestartStrategy` of a serviceRestart is required
        422 ActionNotAvailable action: service `other` is active; it does not offer `rollback` now
        422 ActionNotAvailable action: service `other` is active; it does not offer `finishupgrade` now
    "#]].assert_eq(&found);
}

#[actix_web::test]
async fn an_upgrade_shows_at_once() {
    let site = Site::start().await;
    let owner = site.owner().await;
    let stack = owner.post("/stacks", json!({"name": "web"})).await.ok(201);
    let stack = stack["id"].as_str().expect("an id");
    let body = json!({"name": "app", "launchConfig": {"imageUuid": "docker:nginx:1"}});
    let app = service(&site, &owner, stack, body, "active").await;
    let path = format!("/services/{app}");
    let strategy = json!({"launchConfig": {"imageUuid": "docker:nginx:2"}, "batchSize": 5});
    let upgrade = json!({ "inServiceStrategy": strategy });
    let shown = owner.post(&format!("{path}?action=upgrade"), upgrade).await.ok(202);
    assert_eq!(shown["state"], "upgrading");
    assert_eq!(shown["launchConfig"]["imageUuid"], "docker:nginx:2");
    let kept = &shown["upgrade"]["inServiceStrategy"];
    assert_eq!(kept["previousLaunchConfig"]["imageUuid"], "docker:nginx:1");
    assert_eq!(kept["previousLaunchConfig"]["version"], "0");
    assert_eq!(kept["launchConfig"]["version"], shown["launchConfig"]["version"]);
    assert_eq!((&kept["batchSize"], &kept["intervalMillis"]), (&json!(5), &json!(2000)));
    assert_eq!(kept["startFirst"], false);
    let offered = |shown: &Value| -> Vec<String> {
        let actions = shown["actions"].as_object().expect("actions");
        actions
            .keys()
            .filter(|name| name.contains("upgrade") || *name == "rollback")
            .cloned()
            .collect()
    };
    assert_eq!(offered(&shown), ["cancelupgrade", "rollback"]);
    set_state(&site, &app, "upgraded").await;
    let shown = owner.get(&path).await.ok(200);
    assert_eq!(offered(&shown), ["finishupgrade", "rollback"]);
    let shown = owner.post(&format!("{path}?action=rollback"), json!({})).await.ok(202);
    assert_eq!(shown["state"], "rolling-back");
    assert_eq!(shown["launchConfig"]["imageUuid"], "docker:nginx:1");
    let log = owner.get(&format!("{path}/serviceLogs")).await.ok(200);
    let mut types: Vec<&str> = log["data"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|line| line["eventType"].as_str())
        .collect();
    types.sort_unstable();
    assert_eq!(types, ["service.rollback", "service.upgrade"]);
}

#[actix_web::test]
async fn links_of_services() {
    let site = Site::start().await;
    let owner = site.owner().await;
    let stack = owner.post("/stacks", json!({"name": "web"})).await.ok(201);
    let stack = stack["id"].as_str().expect("an id");
    let body = |name: &str| json!({"name": name, "launchConfig": {"imageUuid": "docker:x"}});
    let web = service(&site, &owner, stack, body("web"), "active").await;
    let db = service(&site, &owner, stack, body("db"), "active").await;
    let gone = service(&site, &owner, stack, body("gone"), "removing").await;
    let act = async |action: &str, body: Value| {
        owner.post(&format!("/services/{web}?action={action}"), body).await
    };
    let one = |link: Value| json!({ "serviceLink": link });
    let shown = act("addservicelink", one(json!({"serviceId": db, "name": "sql"}))).await.ok(200);
    assert_eq!(shown["linkedServices"], json!({ "sql": db }));
    let shown = act("addservicelink", one(json!({"serviceId": db}))).await.ok(200);
    assert_eq!(shown["linkedServices"], json!({ "sql": db, "db": db }));

    let mut found = String::new();
    for (action, body) in [
        ("addservicelink", json!({})),
        ("addservicelink", one(json!({}))),
        ("addservicelink", one(json!({"serviceId": db, "name": "sql"}))),
        ("addservicelink", one(json!({"serviceId": gone}))),
        ("addservicelink", one(json!({"serviceId": db, "name": "a b"}))),
        ("addservicelink", one(json!({"serviceId": db, "name": "a..b"}))),
        ("addservicelink", one(json!({"service": "other/stack/db"}))),
        (
            "setservicelinks",
            json!({"serviceLinks": [{"serviceId": db, "name": "a"}, {"serviceId": db, "name": "a"}]}),
        ),
    ] {
        found.push_str(&act(action, body).await.fault());
        found.push('\n');
    }
    expect![[r#"
        422 MissingRequired serviceLink: field `serviceLink` of an addRemoveServiceLinkInput is required
        422 MissingRequired serviceId: a link needs the other service's id in serviceId
        422 NotUnique serviceId: service `web` is linked to 1s12 as `sql` already
        422 InvalidReference serviceId: service `gone` is removing; nothing can be linked to it
        422 InvalidCharacters name: field `serviceLink.name` of an addRemoveServiceLinkInput is `a b`, but ` ` is not among a-zA-Z0-9-._
        422 InvalidCharacters name: the link's name `a..b` begins or ends with a dot, or has two in a row
        422 MissingRequired name: a link to `other/stack/db`, which is elsewhere, needs a name
        422 NotUnique serviceId: service `web` is linked to 1s12 as `a` already
    "#]].assert_eq(&found);

    let shown =
        act("removeservicelink", one(json!({"serviceId": db, "name": "sql"}))).await.ok(200);
    assert_eq!(shown["linkedServices"], json!({ "db": db }));
    let links = json!({"serviceLinks": [
        {"serviceId": db, "name": "a"},
        {"serviceId": db, "name": "b"},
        {"service": "other/stack/db", "name": "far"},
    ]});
    let shown = act("setservicelinks", links).await.ok(200);
    assert_eq!(shown["linkedServices"], json!({ "a": db, "b": db }));
    let consumed = owner.get(&format!("/services/{web}/consumedservices")).await.ok(200);
    assert_eq!(consumed["data"][0]["id"], db.as_str());
    let maps = owner.get("/serviceConsumeMaps").await.ok(200);
    assert_eq!(maps["data"].as_array().map(Vec::len), Some(3));
    let config =
        owner.post(&format!("/stacks/{stack}?action=exportconfig"), json!({})).await.ok(200);
    let text = config["dockerComposeConfig"].as_str().expect("a file");
    for line in ["- db:a", "- db:b", "- other/stack/db:far"] {
        assert!(text.contains(line), "{text}");
    }
}

#[actix_web::test]
async fn external_services_and_stack_upgrades_that_make_no_sense() {
    let site = Site::start().await;
    let owner = site.owner().await;
    let stack = owner.post("/stacks", json!({"name": "web"})).await.ok(201);
    let stack = stack["id"].as_str().expect("an id").to_owned();
    let out = |more: Value| {
        let mut body = json!({"name": "out", "stackId": stack});
        if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
            body.extend(more);
        }
        body
    };
    let both = json!({"externalIpAddresses": ["192.0.2.1"], "hostname": "example.org"});
    let mut found = owner.post("/externalServices", out(both)).await.fault();
    let one = json!({"externalIpAddresses": ["192.0.2.1"]});
    let made = owner.post("/externalServices", out(one)).await.ok(201);
    let path = format!("/externalServices/{}", made["id"].as_str().expect("an id"));
    found.push('\n');
    found.push_str(&owner.put(&path, json!({"hostname": "example.org"})).await.fault());
    set_state(&site, &stack, "active").await;
    let wrong = json!({"dockerCompose": "services: { web: { image: x, ports: [y] } }"});
    found.push('\n');
    found.push_str(&owner.post(&format!("/stacks/{stack}?action=upgrade"), wrong).await.fault());
    expect![[r#"
        422 InvalidOption externalIpAddresses: an external service has either externalIpAddresses or a hostname, not both
        422 InvalidOption externalIpAddresses: an external service has either externalIpAddresses or a hostname, not both
        422 InvalidComposeFile dockerCompose: compose.yaml:1: error: services.web.ports[0]: `y` is not a port: `y` is not a number between 1 and 65535"#]].assert_eq(&found);
    let shown = owner.get(&format!("/stacks/{stack}")).await.ok(200);
    assert_eq!(shown["state"], "active");
}
