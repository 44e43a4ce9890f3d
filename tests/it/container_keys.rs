//! API keys that containers are given because their label asks for them: what they open, for whom, and that they
//! end with their container.

use std::collections::BTreeMap;
use std::sync::Arc;

use ranchette::clock::Clock;
use ranchette::engine::EngineError;
use ranchette::engine::sim::{Effect, Fault, Op, SimFleet};
use ranchette::model::resource::NewResource;
use ranchette::store::{Query, Tx};
use reqwest::Method;
use serde_json::{Value, json};

use crate::api::site::{Client, PASSWORD};
use crate::docker_support::docker;
use crate::ranch::{Ranch, until};
use crate::streams::place::{Place, number};

const CREATE: &str = "io.rancher.container.create_agent";
const ROLE: &str = "io.rancher.container.agent.role";

/// The variables of a container, as its engine has them.
async fn variables(place: &Place, id: &str) -> BTreeMap<String, String> {
    let row = place.site.store.read(|read| read.get(number(id))).expect("read").expect("a row");
    let engine = place.core.site.engines.get(place.host).expect("an engine").engine;
    let seen = engine.inspect(row.str("externalId").expect("an id")).await;
    let seen = seen.expect("it answers").expect("it is there");
    let lines = seen.raw["Config"]["Env"].as_array().cloned().unwrap_or_default();
    let pair = |line: &Value| {
        let (name, value) = line.as_str()?.split_once('=')?;
        Some((name.to_owned(), value.to_owned()))
    };
    lines.iter().filter_map(pair).collect()
}

/// A caller with the keys of a container.
async fn caller(place: &Place, id: &str) -> Client {
    let found = variables(place, id).await;
    let pair = (found["CATTLE_ACCESS_KEY"].clone(), found["CATTLE_SECRET_KEY"].clone());
    let base = format!("{}/v1", place.site.url);
    Client { basic: Some(pair), ..place.site.nobody() }.at(base)
}

fn labelled(role: &str) -> Value {
    json!({"labels": {CREATE: "true", ROLE: role}})
}

/// A service of the first environment called `ours`, and another environment with one called `theirs`; the id of
/// the environment and of that service.
async fn two_environments(place: &Place) -> (i64, i64) {
    let make = |tx: &mut Tx<'_>| {
        let service = |tx: &Tx<'_>, name: &str, account: i64| {
            let new = NewResource::new("service", tx.entropy.uuid()).kind("service");
            new.name(name).account(account).state("inactive")
        };
        let own = service(tx, "ours", 5);
        tx.insert(own)?;
        let other = NewResource::new("account", tx.entropy.uuid()).kind("project").name("Other");
        let other = tx.insert(other.state("active"))?.id;
        let theirs = service(tx, "theirs", other);
        Ok((other, tx.insert(theirs)?.id))
    };
    place.site.store.write(make).await.expect("rows")
}

async fn names(client: &Client, path: &str) -> Vec<String> {
    let list = client.get(path).await.ok(200);
    let rows = list["data"].as_array().expect("rows").clone();
    rows.iter().filter_map(|row| row["name"].as_str().map(str::to_owned)).collect()
}

#[actix_web::test]
async fn the_keys_of_a_container_are_for_its_environment_and_end_with_it() {
    let place = Place::start().await;
    let (other, theirs) = two_environments(&place).await;
    let mut fields = labelled("environment");
    fields["environment"] = json!({"A": "1"});
    let id = place.container("asker", fields).await;
    let keys = caller(&place, &id).await;
    assert_eq!(names(&keys, "/services").await, ["ours"]);
    assert_eq!(keys.get(&format!("/services/1s{theirs}")).await.status, 404);
    let inside = keys.at(format!("{}/v2-beta/projects/1a{other}", place.site.url));
    assert_eq!(inside.get("/services").await.status, 403);
    let nothing = place.container("plain", json!({})).await;
    assert!(!variables(&place, &nothing).await.contains_key("CATTLE_ACCESS_KEY"));

    // Nobody is shown the secret, and it lies nowhere as it is.
    let secret = keys.basic.clone().expect("keys").1;
    let shown = place.owner.get(&format!("/containers/{id}")).await;
    assert_eq!(shown.json()["environment"], json!({"A": "1"}));
    let (root_key, root_secret) = place.site.superadmin().await;
    let root = Client { basic: Some((root_key, root_secret)), ..place.site.nobody() };
    for path in ["/credentials?limit=1000", "/accounts?limit=1000", "/instances?limit=1000"] {
        let text = root.get(path).await.text;
        assert!(!text.contains(&secret), "{path}");
    }
    for file in std::fs::read_dir(place.site.folder()).expect("a folder") {
        let file = file.expect("a file").path();
        let bytes =
            if file.is_file() { std::fs::read(&file).expect("readable") } else { Vec::new() };
        let is_there = bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
        assert!(!is_there, "{}", file.display());
    }

    let stop = json!({"remove": true});
    place.owner.post(&format!("/containers/{id}?action=stop"), stop).await.ok(202);
    place.state(&id, "removed").await;
    assert_eq!(keys.get("/services").await.status, 401);
    place.stop().await;
}

#[actix_web::test]
async fn a_container_that_is_created_again_keeps_its_keys() {
    let (clock, time) = Clock::manual(Clock::System.now_ms());
    let fleet = SimFleet::new(7, clock);
    let place = Place::over("sim://host1", Arc::new(fleet.host("host1")), time).await;
    // Its first start finds nothing, as after a power failure: it is created once more.
    let gone = EngineError::NoSuchContainer { container: "asker".to_owned() };
    fleet.faults().add(Fault::on(Op::Start, Effect::Fail(gone)).about("asker").times(2));
    let id = place.container("asker", labelled("environment")).await;
    let lines = fleet.transcript().lines();
    let created = lines.iter().filter(|line| line.contains(" create r-asker-")).count();
    assert_eq!(created, 2, "{lines:?}");
    caller(&place, &id).await.get("/services").await.ok(200);
    let query = Query { ty: "account", kinds: vec!["agent"], limit: 10, ..Query::default() };
    let accounts = place.site.store.read(|read| read.list(&query)).expect("accounts");
    let own = accounts.iter().filter(|row| row.name.as_deref() == Some("container asker"));
    assert_eq!(own.count(), 1, "{accounts:?}");
    place.stop().await;
}

#[actix_web::test]
async fn the_role_label_says_what_keys_open_and_never_more_than_the_environment() {
    let place = Place::start().await;
    let event = json!({"fqdn": "a.example", "serviceName": "ours", "stackName": "s", "eventType": "dns.update", "externalId": "x"});
    for (name, role, services, reports) in [
        ("member", "environment", 200, 405),
        ("both", "environmentAdmin,agent", 200, 405),
        ("agent", "agent", 404, 201),
        ("unknown", "external-dns", 404, 201),
        ("greedy", "admin,superadmin,service", 404, 201),
    ] {
        let id = place.container(name, labelled(role)).await;
        let keys = caller(&place, &id).await;
        assert_eq!(keys.get("/services").await.status, services, "{role}");
        let reported = keys.post("/externaldnsevents", event.clone()).await;
        assert_eq!(reported.status, reports, "{role}: {}", reported.text);
        // What is the server's, or the owners', is not theirs.
        let setmembers = json!({"members": []});
        let members = keys.at(format!("{}/v2-beta", place.site.url));
        let members = members.post("/projects/1a5?action=setmembers", setmembers).await;
        assert!(members.status >= 400, "{role}: {}", members.text);
        assert_ne!(keys.get("/registers").await.status, 200, "{role}");
        assert_eq!(keys.post("/projects", json!({"name": "more"})).await.status / 100, 4, "{role}");
        let setting = keys.put("/settings/api.host", json!({"value": "http://evil"})).await;
        assert_eq!(setting.status / 100, 4, "{role}");
    }
    place.stop().await;
}

#[actix_web::test]
async fn nobody_gains_by_the_keys_of_a_container() {
    let place = Place::start().await;
    let reader = place.member("readonly").await;
    let mut body = labelled("environmentAdmin");
    body["imageUuid"] = "docker:nginx".into();
    body["networkMode"] = "none".into();
    body["name"] = "theirs".into();
    assert_eq!(reader.post("/containers", body.clone()).await.status / 100, 4);
    let restricted = place.member("restricted").await;
    let made = restricted.post("/containers", body.clone()).await.ok(201);
    let id = made["id"].as_str().expect("an id");
    place.state(id, "running").await;
    let keys = caller(&place, id).await;
    as_little_as_restricted(&place, &keys).await;
    // What the container makes has no more.
    body["name"] = "next".into();
    let made = keys.post("/containers", body.clone()).await.ok(201);
    let id = made["id"].as_str().expect("an id");
    place.state(id, "running").await;
    as_little_as_restricted(&place, &caller(&place, id).await).await;

    // It is the same when a service, a stack's file or an upgrade says what runs.
    let launch =
        json!({"imageUuid": "docker:nginx", "networkMode": "none", "labels": body["labels"]});
    let stack = restricted.post("/stacks", json!({"name": "theirs"})).await.ok(201);
    let service = json!({"name": "web", "stackId": stack["id"], "scale": 1, "startOnCreate": true, "launchConfig": launch});
    let service = restricted.post("/services", service).await.ok(201);
    as_little_as_restricted(&place, &of_service(&place, &service).await).await;
    let file = format!(
        "web:\n  image: nginx\n  net: none\n  labels:\n    {CREATE}: 'true'\n    {ROLE}: environmentAdmin\n"
    );
    let file = json!({"name": "filed", "dockerCompose": file, "startOnCreate": true});
    let stack = restricted.post("/stacks", file).await.ok(201);
    let path = format!("/stacks/{}/services", stack["id"].as_str().expect("an id"));
    place
        .until("the file's service", |read| {
            let rows =
                read.referrers("service", "stackId", number(stack["id"].as_str().expect("an id")))?;
            Ok((!rows.is_empty()).then_some(()))
        })
        .await;
    let service = place.owner.get(&path).await.ok(200)["data"][0].clone();
    as_little_as_restricted(&place, &of_service(&place, &service).await).await;

    let owned = place.owner.post("/stacks", json!({"name": "ours"})).await.ok(201);
    let service = json!({"name": "web", "stackId": owned["id"], "scale": 1, "startOnCreate": true, "launchConfig": launch});
    let service = place.owner.post("/services", service).await.ok(201);
    let keys = of_service(&place, &service).await;
    assert_eq!(keys.get("/registrationtokens").await.status, 200, "an owner's has it all");
    let path = format!("/services/{}?action=upgrade", service["id"].as_str().expect("an id"));
    let strategy = json!({"inServiceStrategy": {"launchConfig": launch, "intervalMillis": 100, "startFirst": true}});
    restricted.post(&path, strategy).await.ok(202);
    place.state(service["id"].as_str().expect("an id"), "upgraded").await;
    as_little_as_restricted(&place, &of_service(&place, &service).await).await;
    place.stop().await;
}

/// A caller with the keys of the newest container of a service, once that runs.
async fn of_service(place: &Place, service: &Value) -> Client {
    let id = number(service["id"].as_str().expect("an id"));
    let newest = place
        .until("a container of the service runs", |read| {
            let rows = read.referrers("instance", "serviceId", id)?;
            let newest = rows.into_iter().max_by_key(|row| row.id);
            Ok(newest.filter(|row| row.state == "running").map(|row| row.id))
        })
        .await;
    caller(place, &format!("1i{newest}")).await
}

async fn as_little_as_restricted(place: &Place, keys: &Client) {
    assert_eq!(keys.get("/services").await.status, 200);
    assert_eq!(keys.get("/registrationtokens").await.status, 404);
    let host = format!("/hosts/1h{}", place.host);
    assert_eq!(keys.put(&host, json!({"name": "mine"})).await.status, 405);
    let evacuated = keys.post(&format!("{host}?action=evacuate"), json!({})).await;
    assert_eq!(evacuated.status / 100, 4, "{}", evacuated.text);
}

#[actix_web::test]
async fn balancers_need_no_keys_and_containers_are_told_where_the_server_is() {
    let place = Place::start().await;
    let id = place.container("lost", labelled("environment")).await;
    let row = place.owner.get(&format!("/containers/{id}")).await.ok(200);
    let told = row["transitioningMessage"].as_str().unwrap_or_default();
    assert!(told.starts_with("it has API keys and no CATTLE_URL"), "{row}");
    let said = json!({
        "labels": {CREATE: "true", ROLE: "environment"}, "environment": {"CATTLE_URL": "http://own/v1"},
    });
    let id = place.container("said", said).await;
    let row = place.owner.get(&format!("/containers/{id}")).await.ok(200);
    assert_eq!(row["transitioningMessage"], Value::Null, "{row}");
    assert_eq!(variables(&place, &id).await["CATTLE_URL"], "http://own/v1");
    let store = &place.site.store;
    let host = |tx: &mut Tx<'_>| tx.set_setting("api.host", Some("https://ranch.example/"));
    store.write(host).await.expect("a setting");
    let id = place.container("found", labelled("environment")).await;
    assert_eq!(variables(&place, &id).await["CATTLE_URL"], "https://ranch.example/v1");

    let stack = place.owner.post("/stacks", json!({"name": "front"})).await.ok(201);
    let body = json!({
        "name": "lb", "stackId": stack["id"], "scale": 1, "startOnCreate": true,
        "launchConfig": {"imageUuid": "docker:haproxy", "networkMode": "none"}, "lbConfig": {"portRules": []},
    });
    let lb = place.owner.post("/loadbalancerservices", body).await.ok(201);
    assert_eq!(lb["launchConfig"]["labels"][CREATE], "true", "{lb}");
    let lb = number(lb["id"].as_str().expect("an id"));
    let container = place
        .until("the balancer runs", |read| {
            let rows = read.referrers("instance", "serviceId", lb)?;
            Ok(rows.into_iter().find(|row| row.state == "running"))
        })
        .await;
    let found = variables(&place, &format!("1i{}", container.id)).await;
    assert!(!found.contains_key("CATTLE_ACCESS_KEY"), "{found:?}");
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_container_asks_the_api_with_its_keys() {
    let docker = docker().await;
    let mut ranch = Ranch::new(&docker.endpoint, 29, &["keys"]);
    ranch.listen.set_ip(std::net::Ipv4Addr::UNSPECIFIED.into());
    let stack = ranch.stack(0).to_owned();
    let server = ranch.start().await;
    // With an administrator it listens where containers reach it.
    let body = json!({
        "code": server.setup_code(), "username": "root", "password": PASSWORD, "name": "Root",
    });
    let setup = format!("http://127.0.0.1:{}/setup", ranch.listen.port());
    let made = reqwest::Client::new().post(setup).body(body.to_string()).send().await;
    assert_eq!(made.expect("an answer").status().as_u16(), 201);
    until("the server listens everywhere", async || match ranch.is_healthy().await {
        true => Ok(()),
        false => Err("it does not answer".to_owned()),
    })
    .await;
    let file = format!(
        "services:
  asker:
    image: {}
    command: [sleep, \"100000\"]
    stop_signal: SIGKILL
    labels: {{ {CREATE}: \"true\", {ROLE}: environment }}
",
        docker.image
    );
    ranch.ok(&["up", "-f", &ranch.file(&file), "-p", &stack]).await;
    let asker = ranch.service(&stack, "asker")[0].clone();
    let ask = r#"wget -qO- --header "Authorization: Basic $(printf %s "$CATTLE_ACCESS_KEY:$CATTLE_SECRET_KEY" | base64 | tr -d '\n')" "$CATTLE_URL/services""#;
    let output = ranch.try_docker(&["exec", &asker.name, "sh", "-c", ask]);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    assert_eq!(answer["data"][0]["name"], "asker", "{answer} {output:?}");
    let variable = |name: &str| {
        let echo = format!("echo ${name}");
        ranch.exec(&asker.name, &["sh", "-c", &echo]).unwrap_or_default()
    };
    let url = variable("CATTLE_URL");
    assert!(url.ends_with(&format!(":{}/v1", ranch.listen.port())), "{url}");
    let (key, secret) = (variable("CATTLE_ACCESS_KEY"), variable("CATTLE_SECRET_KEY"));
    let status = async || {
        let own = format!("http://127.0.0.1:{}/v1/services", ranch.listen.port());
        let request = reqwest::Client::new().request(Method::GET, own);
        let answer = request.basic_auth(&key, Some(&secret)).send().await;
        answer.expect("an answer").status().as_u16()
    };
    assert_eq!(status().await, 200);
    ranch.ok(&["down", &stack, "--yes"]).await;
    assert_eq!(status().await, 401);
    server.shut_down().await;
}
