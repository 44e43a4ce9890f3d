//! Resources through their lives: create, show, change, act, remove.

use expect_test::expect;
use ranchette::model::resource::NewResource;
use serde_json::{Value, json};

use super::site::Site;

/// What a test looks at of a resource.
fn brief(value: &Value) -> String {
    let text = |field: &str| value[field].as_str().unwrap_or("-").to_owned();
    let actions: Vec<&str> = value["actions"]
        .as_object()
        .map(|actions| actions.keys().map(String::as_str).collect())
        .unwrap_or_default();
    format!(
        "{} {} {} {} {} [{}]",
        text("id"),
        text("type"),
        text("name"),
        text("state"),
        text("transitioning"),
        actions.join(" ")
    )
}

#[actix_web::test]
async fn policies_of_networks_are_checked() {
    let site = Site::start().await;
    let owner = site.owner().await;
    let network = NewResource::new("network", "a-network".to_owned()).name("managed").account(5);
    let network = site.store.write(|tx| tx.insert(network.state("active"))).await.expect("a row");
    let path = format!("/networks/1n{}", network.id);
    for (policy, expect) in [
        (
            json!([{"within": "stack"}]),
            "422 MissingRequired action: rule 1 of the policy needs an action, allow or deny",
        ),
        (
            json!([{"action": "allow", "within": "stack"}, {"action": "deny", "within": "host"}]),
            "422 InvalidOption within: field `policy.within` of a network is `host`, but must be one of stack, service, linked",
        ),
        (
            json!([{"action": "allow", "within": "stack"}, {"action": "deny", "between": {}}]),
            "422 MissingRequired between: rule 2 of the policy is between nobody: it needs a label in groupBy, or a selector",
        ),
        (
            json!([{"action": "allow", "from": {"selector": "a b"}}]),
            "422 InvalidFormat from: rule 1 of the policy has a wrong selector: selector key `a b` contains a space",
        ),
        (
            json!([{"action": "allow", "within": "stack", "ports": ["http"]}]),
            "422 InvalidFormat ports: rule 1 of the policy has `http` for a port; write 80, 53/udp or 8000-8010/tcp",
        ),
    ] {
        assert_eq!(owner.put(&path, json!({"policy": policy})).await.fault(), expect);
    }
    let body = json!({"defaultPolicyAction": "drop"});
    assert_eq!(
        owner.put(&path, body).await.fault(),
        "422 InvalidOption defaultPolicyAction: field `defaultPolicyAction` of a network is `drop`, but must be one of allow, deny"
    );
    let text = r#"{"action":"allow","between":{"groupBy":"team"}}"#;
    let body = json!({"defaultPolicyAction": "deny", "policy": [text]});
    let changed = owner.put(&path, body).await.ok(200);
    assert_eq!(changed["policy"][0]["between"]["groupBy"], "team", "{changed}");
    assert_eq!(changed["state"], "updating-active");
}

#[actix_web::test]
async fn a_stack_and_its_service() {
    let site = Site::start().await;
    let owner = site.owner().await;
    let made = owner.post("/stacks", json!({"name": "web", "description": "d"})).await;
    assert_eq!(made.header("location"), made.json()["links"]["self"]);
    let stack = made.ok(201);
    let base = format!("{}/v2-beta/projects/1a5", site.url);
    let id = stack["id"].as_str().expect("an id");
    assert_eq!(stack["links"]["self"], format!("{base}/stacks/{id}"));
    assert_eq!(stack["links"]["services"], format!("{base}/stacks/{id}/services"));
    assert_eq!(stack["actions"]["remove"], format!("{base}/stacks/{id}/?action=remove"));
    expect!["1st9 stack web activating yes [activateservices addoutputs deactivateservices error exportconfig remove]"]
        .assert_eq(&brief(&stack));
    assert_eq!(stack["transitioningMessage"], "In Progress");
    assert_eq!(stack["accountId"], "1a5");
    assert_eq!(stack["baseType"], "stack");
    assert!(stack["createdTS"].as_i64().is_some_and(|ms| ms > 1_600_000_000_000));

    let service = json!({
        "name": "app",
        "stackId": id,
        "scale": "2",
        "launchConfig": {"imageUuid": "docker:nginx", "ports": "8080:80", "labels": {"a": 1}},
    });
    let service = owner.post("/services", service).await.ok(201);
    expect![
        "1s10 service app registering yes [addservicelink remove removeservicelink setservicelinks]"
    ]
    .assert_eq(&brief(&service));
    assert_eq!(service["scale"], 2);
    assert_eq!(service["stackId"], id);
    assert_eq!(service["launchConfig"]["type"], "launchConfig");
    assert_eq!(service["launchConfig"]["ports"], json!(["8080:80"]));
    assert_eq!(service["launchConfig"]["labels"], json!({"a": "1"}));
    assert_eq!(service["launchConfig"]["version"], "0");
    let stack = owner.get(&format!("/stacks/{id}")).await.ok(200);
    assert_eq!(stack["serviceIds"], json!([service["id"]]));
}

#[actix_web::test]
async fn faults_say_what_is_wrong() {
    let site = Site::start().await;
    let owner = site.owner().await;
    let stack = owner.post("/stacks", json!({"name": "web"})).await.ok(201);
    let stack = stack["id"].as_str().expect("an id");
    let launch = json!({"imageUuid": "docker:nginx"});
    let service = json!({"name": "app", "stackId": stack, "launchConfig": launch});
    owner.post("/services", service.clone()).await.ok(201);
    let with = |field: &str, value: Value| {
        let mut service = service.clone();
        service["name"] = "other".into();
        service[field] = value;
        service
    };
    let mut found = String::new();
    for (path, body) in [
        ("/stacks", json!({"name": "web"})),
        ("/stacks", json!({"name": "-web"})),
        ("/stacks", json!({})),
        ("/services", service.clone()),
        ("/services", with("name", "APP".into())),
        ("/services", with("name", "a--b".into())),
        ("/services", with("stackId", Value::Null)),
        ("/services", with("stackId", "1st999".into())),
        ("/services", with("launchConfig", json!({}))),
        ("/services", with("launchConfig", json!({"imageUuid": "docker:x", "ports": ["x"]}))),
        ("/services", with("scalePolicy", json!({"min": 3, "max": 2}))),
        ("/services", with("selectorLink", "bad key=1".into())),
        ("/services", with("secondaryLaunchConfigs", json!([{"imageUuid": "docker:x"}]))),
        (
            "/services",
            with(
                "launchConfig",
                json!({"imageUuid": "docker:x", "dataVolumesFromLaunchConfigs": ["side"]}),
            ),
        ),
        (
            "/services",
            with(
                "launchConfig",
                json!({"imageUuid": "docker:x", "dataVolumesFromLaunchConfigs": ["other"]}),
            ),
        ),
        ("/containers", json!({"name": "c"})),
        ("/containers", json!({"imageUuid": "docker:x", "networkMode": "container"})),
        ("/volumes", json!({"name": "v"})),
        ("/volumes", json!({"name": "v", "driver": "local", "sizeMb": 5})),
    ] {
        found.push_str(&owner.post(path, body).await.fault());
        found.push('\n');
    }
    expect![[r#"
        422 NotUnique name: there is already a stack called `web`
        422 InvalidCharacters name: stack name `-web` begins or ends with a dash
        422 MissingRequired name: field `name` of a stack is required
        422 NotUnique name: the stack already has a service or sidekick called `app`
        422 NotUnique name: the stack already has a service or sidekick called `APP`
        422 InvalidCharacters name: service name `a--b` begins or ends with a dash, or has two in a row
        422 InvalidState stackId: stack is not in a valid state: a service needs a stack
        422 InvalidReference stackId: field `stackId` of a service refers to the stack "1st999", which does not exist
        422 InvalidOption Image is required when selectorContainer is not passed in: a service needs an image in launchConfig.imageUuid, such as docker:nginx
        422 PortWrongFormat ports: port `x` is not of the form [ip:][public:]private[/tcp|udp]
        422 MaxLimitExceeded Min scale can't exceed scale: scalePolicy.min is 3, more than max 2
        422 InvalidFormat selectorLink: `bad key=1` is not a selector; write key=value, key!=value, key in (a,b), key notin (a,b) or key
        422 MissingRequired name: field `secondaryLaunchConfigs.name` of a service is required
        422 InvalidReference side: `other` uses the sidekick `side`, which does not exist or is not properly labeled as a sidekick
        422 InvalidReference CircularReference: `other` uses its own volumes or network through its sidekicks
        422 MissingRequired imageUuid: a container needs an image, such as docker:nginx
        422 MissingRequired networkContainerId: network mode `container` needs the container whose network is shared
        422 MissingRequired driver: volume `v` needs a driver, such as local
        422 InvalidOption sizeMb: the driver `local` of volume `v` cannot limit its size
    "#]]
    .assert_eq(&found);
}

#[actix_web::test]
async fn bodies_and_paths_that_make_no_sense() {
    let site = Site::start().await;
    let owner = site.owner().await;
    let mut found = String::new();
    for (method, path, body) in [
        ("POST", "/stacks", "{"),
        ("POST", "/stacks", "7"),
        ("POST", "/stacks", "[1]"),
        ("GET", "/nothings", ""),
        ("GET", "/stacks/1st999", ""),
        ("GET", "/stacks/Default", ""),
        ("GET", "/stacks/5", ""),
        ("GET", "/stacks/1st1/a/b", ""),
        ("PUT", "/stacks", "{}"),
        ("PATCH", "/stacks", "{}"),
        ("POST", "/launchconfigs", "{}"),
        ("POST", "/stacks/1st999?action=nonsense", "{}"),
        ("POST", "/stacks/1st999?action=remove", "{}"),
        ("POST", "/stacks/1st999", "{}"),
    ] {
        let answer = super::site::answer(owner.request(method, path).body(body)).await;
        found.push_str(&format!("{method} {path} {body}: {}\n", answer.fault()));
    }
    expect![[r#"
        POST /stacks {: 400 InvalidBodyContent -: the body is not valid JSON: EOF while parsing an object at line 1 column 1
        POST /stacks 7: 400 InvalidBodyContent -: the body must be a JSON object
        POST /stacks [1]: 400 InvalidBodyContent -: a list must hold JSON objects only
        GET /nothings : 404 Not Found -: `nothings` is not a type that you can use
        GET /stacks/1st999 : 404 Not Found -: there is no stack 1st999
        GET /stacks/Default : 404 Not Found -: `Default` is not the id of anything
        GET /stacks/5 : 404 Not Found -: `5` is not the id of anything
        GET /stacks/1st1/a/b : 404 Not Found -: nothing is at /v2-beta/projects/1a5/stacks/1st1/a/b
        PUT /stacks {}: 405 Method not allowed -: stack cannot be used in this way by you
        PATCH /stacks {}: 405 Method not allowed -: no resource knows PATCH
        POST /launchconfigs {}: 405 Method not allowed -: launchConfigs cannot be used in this way by you
        POST /stacks/1st999?action=nonsense {}: 422 InvalidAction action: stack has no action `nonsense` for you
        POST /stacks/1st999?action=remove {}: 404 Not Found -: there is no stack 1st999
        POST /stacks/1st999 {}: 405 Method not allowed -: stack cannot be used in this way by you
    "#]]
    .assert_eq(&found);
    let big = format!("{{\"name\":\"{}\"}}", "x".repeat(2 << 20));
    let answer = super::site::answer(owner.request("POST", "/stacks").body(big)).await;
    assert_eq!(answer.status, 413);
}

#[actix_web::test]
async fn changes_touch_only_what_differs() {
    let site = Site::start().await;
    let owner = site.owner().await;
    let stack = owner.post("/stacks", json!({"name": "web"})).await.ok(201);
    let id = stack["id"].as_str().expect("an id");
    let path = format!("/stacks/{id}");
    let changed = owner.put(&path, json!({"description": "d", "name": "web"})).await.ok(200);
    expect!["1st9 stack web activating yes [activateservices addoutputs deactivateservices error exportconfig remove]"]
        .assert_eq(&brief(&changed));
    assert_eq!(changed["description"], "d");
    // A name calls for the update process, which cannot begin while the stack is activating.
    let refused = owner.put(&path, json!({"name": "other"})).await;
    expect!["409 Conflict -: stack `other` is activating; it cannot update now"]
        .assert_eq(&refused.fault());
    assert_eq!(owner.get(&path).await.ok(200)["name"], "web");
    let outputs = owner
        .post(&format!("{path}?action=addoutputs"), json!({"outputs": {"a": "b"}}))
        .await
        .ok(200);
    assert_eq!(outputs["outputs"], json!({"a": "b"}));
    let missing = owner.post(&format!("{path}?action=addoutputs"), json!({})).await;
    expect!["422 MissingRequired outputs: field `outputs` of an addOutputsInput is required"]
        .assert_eq(&missing.fault());
    let early = owner.post(&format!("{path}?action=update"), json!({})).await;
    expect![
        "422 ActionNotAvailable action: stack `web` is activating; it does not offer `update` now"
    ]
    .assert_eq(&early.fault());
    let removing = owner.post(&format!("{path}/?action=remove"), Value::Null).await.ok(202);
    expect![
        "1st9 stack web removing yes [activateservices addoutputs deactivateservices exportconfig]"
    ]
    .assert_eq(&brief(&removing));
    owner.delete(&path).await.ok(200);
}

#[actix_web::test]
async fn containers_are_made_in_numbers_and_removed_by_stopping() {
    let site = Site::start().await;
    let owner = site.owner().await;
    let body = json!({"name": "c", "imageUuid": "docker:x", "count": 2, "startOnCreate": false});
    let made = owner.post("/containers", body).await.ok(201);
    assert_eq!(made["type"], "collection");
    let names: Vec<&Value> =
        made["data"].as_array().expect("data").iter().map(|c| &c["name"]).collect();
    assert_eq!(names, ["c-1", "c-2"]);
    let first = &made["data"][0];
    assert_eq!((&first["type"], &first["baseType"]), (&json!("container"), &json!("instance")));
    assert_eq!(first["environment"], Value::Null);
    assert_eq!(first["privileged"], false);
    assert_eq!(first["networkMode"], "managed");
    let twice = owner.post("/containers", json!({"name": "c-1", "imageUuid": "docker:x"})).await;
    expect!["422 NotUnique name: there is already a container with the name `c-1`"]
        .assert_eq(&twice.fault());
    let id = first["id"].as_str().expect("an id");
    assert_eq!(owner.get(&format!("/instances/{id}")).await.ok(200)["type"], "container");
    let number: i64 = id.trim_start_matches("1i").parse().expect("a number");
    site.store
        .write(move |tx| {
            tx.update(number, |row| {
                row.state = "running".to_owned();
                Ok(())
            })
        })
        .await
        .expect("written");
    let removed = owner.delete(&format!("/containers/{id}")).await.ok(200);
    assert_eq!(removed["state"], "stopping");
    let open = site.store.read(|read| read.open_process(number)).expect("read").expect("a process");
    assert_eq!(
        (open.name.as_str(), Value::Object(open.data)),
        ("instance.stop", json!({"remove": true}))
    );
    owner.delete(&format!("/containers/{id}")).await.ok(200);
}

#[actix_web::test]
async fn a_host_in_use_cannot_be_removed() {
    let site = Site::start().await;
    let owner = site.owner().await;
    let id = site
        .store
        .write(|tx| {
            let uuid = tx.entropy.uuid();
            let host = ranchette::model::resource::NewResource::new("host", uuid)
                .account(5)
                .name("one")
                .state("active")
                .with("agentState", "disconnected")
                .with("labels", json!({"a": "b"}));
            Ok(tx.insert(host)?.id)
        })
        .await
        .expect("written");
    let path = format!("/hosts/1h{id}");
    let refused = owner.delete(&path).await;
    expect!["405 Method not allowed -: host `one` is active; it cannot be removed now"]
        .assert_eq(&refused.fault());
    let shown = owner.get(&path).await.ok(200);
    assert_eq!((&shown["state"], &shown["instanceIds"]), (&json!("disconnected"), &json!([])));
    let changed = owner.put(&path, json!({"labels": {"c": "d"}})).await.ok(200);
    assert_eq!(changed["labels"], json!({"c": "d"}));
    assert_eq!(changed["state"], "updating-active");
}
