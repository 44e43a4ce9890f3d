//! `/v1-webhooks`: receivers, who may make them, and what calls of their URLs do.

use ranchette::store::Read;
use serde_json::{Value, json};

use crate::api::site::{Answer, Client, answer};
use crate::streams::place::{Place, number};

/// The owner at `/v1-webhooks`, naming the default environment.
fn hooks(place: &Place, person: &Client) -> Client {
    person.at(format!("{}/v1-webhooks", place.site.url))
}

const LIST: &str = "/receivers?projectId=1a5";

async fn make(place: &Place, name: &str, driver: &str, config: Value) -> Answer {
    let body = json!({ "name": name, "driver": driver, format!("{driver}Config"): config });
    hooks(place, &place.owner).post(LIST, body).await
}

/// Calls a URL as somebody who proves nothing.
async fn call(url: &str, body: Value) -> Answer {
    let request = reqwest::Client::new().post(url).header("content-type", "application/json");
    answer(request.body(body.to_string())).await
}

async fn service(place: &Place, name: &str, scale: i64, labels: Value) -> String {
    let stacks = place.owner.get("/stacks?name=shop").await.ok(200);
    let stack = match stacks["data"][0]["id"].as_str() {
        Some(id) => json!(id),
        None => place.owner.post("/stacks", json!({"name": "shop"})).await.ok(201)["id"].clone(),
    };
    let launch =
        json!({"imageUuid": "docker:cow/web:1", "networkMode": "managed", "labels": labels});
    let body = json!({
        "name": name, "stackId": stack, "scale": scale, "startOnCreate": true,
        "launchConfig": launch,
    });
    let made = place.owner.post("/services", body).await.ok(201);
    let id = made["id"].as_str().expect("an id").to_owned();
    place.state(&id, "active").await;
    id
}

async fn scale(place: &Place, id: &str) -> Value {
    place.owner.get(&format!("/services/{id}")).await.ok(200)["scale"].clone()
}

fn url(made: &Value) -> &str {
    made["url"].as_str().expect("a url")
}

#[actix_web::test]
async fn a_scale_changes_between_its_bounds_for_whoever_has_the_url() {
    let place = Place::start().await;
    let web = service(&place, "web", 1, json!({})).await;
    let config = json!({"serviceId": web, "action": "up", "amount": 2, "min": 1, "max": 4});
    let up = make(&place, "more", "scaleService", config.clone()).await.ok(200);
    let done = call(url(&up), json!({})).await.ok(200);
    assert_eq!(done["done"], json!(["service `web` is to have 3"]));
    assert_eq!(scale(&place, &web).await, 3);
    let far = call(url(&up), json!({})).await;
    assert_eq!(
        far.fault(),
        "400 Bad Request -: service `web` has 3; 5 is out of bounds, it is to have 4 at most"
    );
    assert_eq!(scale(&place, &web).await, 3, "nothing is done halfway");
    let mut down = config;
    down["action"] = "down".into();
    let down = make(&place, "fewer", "scaleService", down).await.ok(200);
    call(url(&down), json!({})).await.ok(200);
    assert_eq!(scale(&place, &web).await, 1);
    assert_eq!(call(url(&down), json!({})).await.status, 400);

    let log = place.owner.get("/auditlogs?eventType=api.service.update").await.ok(200);
    let entries = log["data"].as_array().expect("entries");
    assert_eq!(entries.len(), 2, "{log}");
    assert_eq!(entries[0]["accountId"], "1a5");
    place.stop().await;
}

#[actix_web::test]
async fn keys_are_shown_once_and_are_good_for_one_receiver_of_one_environment() {
    let place = Place::start().await;
    let web = service(&place, "web", 1, json!({})).await;
    let config = json!({"serviceId": web, "action": "up", "amount": 1});
    let made = make(&place, "more", "scaleService", config.clone()).await.ok(200);
    let (id, whole) = (made["id"].as_str().expect("an id"), url(&made).to_owned());
    let key = whole.split("key=").nth(1).and_then(|rest| rest.split('&').next()).expect("a key");
    assert_eq!(key.len(), 64);
    assert_eq!(made["scaleServiceConfig"], config);
    assert_eq!(made["type"], "receiver");

    let own = hooks(&place, &place.owner);
    let listed = own.get(LIST).await;
    let shown = own.get(&format!("/receivers/{id}?projectId=1a5")).await;
    let row = place.owner.get(&format!("/genericobjects/{id}")).await;
    let log = place.owner.get("/auditlogs?limit=100").await;
    for (what, answer) in [("list", &listed), ("show", &shown), ("row", &row), ("log", &log)] {
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert!(!answer.text.contains(key), "{what}: {}", answer.text);
    }
    assert_eq!(listed.json()["data"][0]["name"], "more");
    assert_eq!(shown.json()["driver"], "scaleService");

    let refused = "403 Forbidden -: this is no address of a receiver here";
    let wrong = format!("{}{}", &whole[..whole.find("key=").expect("a key") + 4], "0".repeat(64));
    let other = place.site.admin().await.post("/projects", json!({"name": "other"})).await.ok(201);
    let other = other["id"].as_str().expect("an id").to_owned();
    for bad in [
        format!("{wrong}&projectId=1a5"),
        whole.replace(key, &key[..63]),
        whole.replace("projectId=1a5", &format!("projectId={other}")),
        whole.replace("projectId=1a5", ""),
        whole.replace(&format!("key={key}&"), ""),
    ] {
        assert_eq!(call(&bad, json!({})).await.fault(), refused, "{bad}");
    }
    let old = whole.replace(&format!("key={key}"), "token=a.b.c");
    assert!(call(&old, json!({})).await.fault().contains("old form"));
    assert_eq!(scale(&place, &web).await, 1);

    // A likeness of one, made where anybody of the environment may make rows, does nothing.
    let hash = ranchette::auth::secret::sha256_hex("guess");
    let forged = json!({
        "kind": "webhookReceiver", "key": hash, "name": "forged",
        "resourceData": {"driver": "scaleService", "config": config},
    });
    place.owner.post("/genericobjects", forged).await.ok(201);
    let guess = whole.replace(key, "guess");
    assert_eq!(call(&guess, json!({})).await.fault(), refused);
    assert_eq!(own.get(LIST).await.ok(200)["data"].as_array().map(Vec::len), Some(1));

    own.delete(&format!("/receivers/{id}?projectId=1a5")).await.ok(200);
    assert_eq!(call(&whole, json!({})).await.fault(), refused, "it is gone");
    assert_eq!(own.get(&format!("/receivers/{id}?projectId=1a5")).await.status, 404);
    place.stop().await;
}

#[actix_web::test]
async fn who_may_not_do_it_makes_no_receiver_for_it() {
    let place = Place::start().await;
    let web = service(&place, "web", 1, json!({})).await;
    let scale = json!({"serviceId": web, "action": "up", "amount": 1});
    let hosts = json!({"hostSelector": {"a": "b"}, "action": "down", "amount": 1});
    for (role, list, service, host) in
        [("member", 200, 200, 200), ("restricted", 200, 200, 403), ("readonly", 200, 405, 405)]
    {
        let person = place.member(role).await;
        let own = hooks(&place, &person);
        assert_eq!(own.get(LIST).await.status, list, "{role}");
        for (driver, config, expect) in
            [("scaleService", &scale, service), ("scaleHost", &hosts, host)]
        {
            let body = json!({
                "name": format!("{role} {driver}"), "driver": driver,
                format!("{driver}Config"): config,
            });
            let answer = own.post(LIST, body).await;
            assert_eq!(answer.status, expect, "{role} {driver}: {}", answer.text);
        }
    }
    let nobody = hooks(&place, &place.site.nobody());
    assert_eq!(nobody.get(LIST).await.status, 401);
    let (stranger, _) = place.site.person("stranger").await;
    let outside = hooks(&place, &stranger).get(LIST).await.status;
    assert!(matches!(outside, 401 | 403 | 404), "{outside}");
    let plain = hooks(&place, &stranger).get("/receivers").await;
    assert_eq!(plain.status, 400, "{}", plain.text);
    place.stop().await;
}

#[actix_web::test]
async fn what_cannot_be_done_is_refused_when_it_is_made() {
    let place = Place::start().await;
    let web = service(&place, "web", 1, json!({})).await;
    let all = service(&place, "all", 1, json!({"io.rancher.scheduler.global": "true"})).await;
    let scale = |id: &str| json!({"serviceId": id, "action": "up", "amount": 1});
    make(&place, "taken", "scaleService", scale(&web)).await.ok(200);
    for (name, driver, config, fault) in [
        ("", "scaleService", scale(&web), "`name` has to have"),
        ("taken", "scaleService", scale(&web), "there is a receiver `taken` already"),
        ("a", "nothing", json!({}), "`nothing` is no driver"),
        ("a", "scaleService", json!({}), "`serviceId` is missing"),
        ("a", "scaleService", scale("1s999"), "there is no service `1s999`"),
        ("a", "scaleService", scale(&all), "service `all` runs on every host"),
        (
            "a",
            "scaleHost",
            json!({"hostSelector": {"a": "b"}, "action": "up", "amount": 1}),
            "no host can be cloned",
        ),
        (
            "a",
            "forwardPost",
            json!({"serviceName": "shop/none", "port": 80}),
            "there is no service `shop/none`",
        ),
    ] {
        let fault_of = make(&place, name, driver, config).await.fault();
        assert!(fault_of.starts_with(&format!("400 Bad Request -: {fault}")), "{fault_of}");
    }
    let own = hooks(&place, &place.owner);
    let schemas = own.get("/schemas").await.ok(200);
    assert_eq!(schemas["data"][0]["id"], "receiver");
    assert_eq!(own.get("/schemas/receiver").await.ok(200)["pluralName"], "receivers");
    assert_eq!(own.put(LIST, json!({})).await.status, 405);
    assert_eq!(own.get("/nothing").await.status, 404);
    place.stop().await;
}

#[actix_web::test]
async fn a_push_upgrades_what_has_the_label_and_finishes() {
    let place = Place::start().await;
    let web = service(&place, "web", 2, json!({"app": "web"})).await;
    let other = service(&place, "other", 1, json!({"app": "other"})).await;
    let config = json!({
        "serviceSelector": {"app": "web"}, "tag": "2", "payloadFormat": "dockerhub",
        "batchSize": 2, "intervalMillis": 1,
    });
    let made = make(&place, "push", "serviceUpgrade", config).await.ok(200);
    let push =
        |tag: &str| json!({"push_data": {"tag": tag}, "repository": {"repo_name": "cow/web"}});
    let image = async |id: &str| {
        let shown = place.owner.get(&format!("/services/{id}")).await.ok(200);
        shown["launchConfig"]["imageUuid"].as_str().expect("an image").to_owned()
    };
    assert_eq!(call(url(&made), push("3")).await.ok(200)["done"], json!([]), "another tag");
    assert_eq!(call(url(&made), json!({"moo": 1})).await.status, 400);
    assert_eq!(image(&web).await, "docker:cow/web:1");
    let done = call(url(&made), push("2")).await.ok(200);
    assert_eq!(done["done"], json!(["service `web` is upgraded to cow/web:2"]));
    let finished = |read: &Read<'_>| {
        let row = read.get(number(&web))?;
        Ok(row.filter(|row| row.state == "active" && !row.flag("upgradeFinishes")).map(|_| ()))
    };
    place.until("the upgrade is finished", finished).await;
    assert_eq!(image(&web).await, "docker:cow/web:2");
    assert_eq!(image(&other).await, "docker:cow/web:1");
    let shown = place.owner.get(&format!("/services/{web}")).await.ok(200);
    let labels = &shown["launchConfig"]["labels"];
    assert_eq!(labels["io.rancher.container.pull_image"], "always");
    place.stop().await;
}

#[actix_web::test]
async fn hosts_go_and_posts_are_passed_on() {
    let place = Place::start().await;
    service(&place, "web", 1, json!({})).await;
    let config = json!({"serviceName": "shop/web", "port": 80, "path": "/in?x=1"});
    let made = make(&place, "on", "forwardPost", config).await.ok(200);
    let done = call(url(&made), json!({"moo": true})).await.ok(200);
    assert_eq!(done["done"], json!(["service `shop/web` answered 200"]));

    let host = format!("/hosts/1h{}", place.host);
    place.owner.put(&host, json!({"labels": {"pool": "spot"}})).await.ok(200);
    place.state(&format!("1h{}", place.host), "active").await;
    let down = |min: i64| json!({"hostSelector": {"pool": "spot"}, "action": "down", "amount": 1, "min": min});
    let kept = make(&place, "kept", "scaleHost", down(1)).await.ok(200);
    let fault = call(url(&kept), json!({})).await.fault();
    assert!(fault.starts_with("400 Bad Request -: the set of hosts"), "{fault}");
    let gone = make(&place, "gone", "scaleHost", down(0)).await.ok(200);
    let done = call(url(&gone), json!({})).await.ok(200);
    assert_eq!(done["done"], json!(["host `host1` is removed"]));
    place.state(&format!("1h{}", place.host), "removed").await;
    place.stop().await;
}
