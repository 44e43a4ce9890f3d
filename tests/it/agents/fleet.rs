//! Simulated hosts: how they come up, are lost, come back and go.

use std::collections::BTreeMap;

use expect_test::expect;
use ranchette::clock::Clock;
use ranchette::engine::Away;
use serde_json::{Value, json};

use super::place::{Beside, Place, number};

/// `id type name state` of every row of a list.
fn brief(list: &Value) -> String {
    let rows = list["data"].as_array().cloned().unwrap_or_default();
    let text = |row: &Value, field: &str| row[field].as_str().unwrap_or("-").to_owned();
    rows.iter()
        .map(|row| format!("{} {} {}\n", text(row, "type"), text(row, "name"), text(row, "state")))
        .collect()
}

async fn simulated(place: &Place, name: &str) -> Value {
    let admin = place.site.admin().await;
    let body = json!({"uri": format!("sim://{name}"), "agentResourcesAccountId": "1a5"});
    admin.post("/agents", body).await.ok(201)
}

#[actix_web::test]
async fn a_simulated_agent_brings_its_host_up_and_takes_it_along() {
    let place = Place::start(Clock::System, Beside::RealHosts).await;
    let agent = simulated(&place, "one").await;
    place.state(&agent["id"], "active").await;
    let owner = place.site.owner().await;
    let host = owner.get("/hosts").await.ok(200)["data"][0].clone();
    place.state(&host["id"], "active").await;
    let id = host["id"].as_str().expect("an id").to_owned();
    let host = owner.get(&format!("/hosts/{id}")).await.ok(200);
    assert_eq!(
        (&host["hostname"], &host["agentState"], &host["state"], &host["kind"]),
        (&json!("one"), &json!("active"), &json!("active"), &json!("sim"))
    );
    assert!(host["agentIpAddress"].as_str().is_some_and(|ip| ip.starts_with("10.")));
    assert_eq!(host["info"]["osInfo"]["operatingSystem"], "Simulated Linux");
    let mut found = String::new();
    for link in ["ipAddresses", "storagePools", "physicalHost"] {
        let path = format!("/hosts/{id}/{}", link.to_lowercase());
        let answer = owner.get(&path).await.ok(200);
        found.push_str(&if link == "physicalHost" {
            brief(&json!({"data": [answer]}))
        } else {
            brief(&answer)
        });
    }
    let ip = host["agentIpAddress"].as_str().expect("an address");
    expect![[r#"
        ipAddress IP active
        storagePool one volumes active
        physicalHost one active
    "#]]
    .assert_eq(&found.replace(ip, "IP"));

    // It runs simulated images; nothing else runs on it here.
    let run = |image: &str| json!({"imageUuid": image, "name": image.replace(':', "-")});
    let made = owner.post("/containers", run("sim:app")).await.ok(201);
    place.state(&made["id"], "running").await;
    let refused = owner.post("/containers", run("docker:nginx")).await.ok(201);
    place.state(&refused["id"], "error").await;
    let refused =
        owner.get(&format!("/containers/{}", refused["id"].as_str().expect("an id"))).await.ok(200);
    let message = refused["transitioningMessage"].as_str().unwrap_or_default();
    assert!(message.contains("one is simulated"), "{message}");

    let admin = place.site.admin().await;
    owner.post(&format!("/hosts/{id}?action=deactivate"), json!({})).await.ok(202);
    place.state(&host["id"], "inactive").await;
    owner.delete(&format!("/hosts/{id}")).await.ok(200);
    for id in [&host["id"], &host["physicalHostId"], &made["id"], &agent["id"]] {
        place.state(id, "removed").await;
    }
    let gone = admin.get("/agents").await.ok(200);
    assert_eq!(gone["data"], json!([]));
    assert_eq!(owner.get("/ipaddresses").await.ok(200)["data"], json!([]));
    // The address is free again.
    let anew = simulated(&place, "one").await;
    place.state(&anew["id"], "active").await;
    place.core.shut_down().await;
}

#[actix_web::test]
async fn an_agent_that_falls_silent_is_looked_for_then_lost_then_found() {
    let (clock, hands) = Clock::manual(1_700_000_000_000);
    let place = Place::start(clock, Beside::Nothing).await;
    let agent = simulated(&place, "one").await;
    place.state(&agent["id"], "active").await;
    let owner = place.site.owner().await;
    let host = owner.get("/hosts").await.ok(200)["data"][0].clone();
    place.state(&host["id"], "active").await;
    let path = format!("/hosts/{}", host["id"].as_str().expect("an id"));
    let shown = async |state: &'static str| {
        let id = number(&host["id"]);
        place
            .until(&format!("the host shows {state}"), |read| {
                let row = read.get(id)?;
                Ok(row.filter(|row| row.str("agentState") == Some(state)))
            })
            .await;
        let v2 = owner.get(&path).await.ok(200);
        let old = owner.at(format!("{}/v1/projects/1a5", place.site.url)).get(&path).await.ok(200);
        assert_eq!((&v2["state"], &old["state"]), (&json!(state), &json!("active")));
        assert_eq!(old["agentState"], state);
        v2
    };
    shown("active").await;
    let engine = place.fleet.host("one");
    engine.set_away(Some(Away::Refused));
    // The watcher has been told that its stream broke; it looks again after a pause.
    let lost = tick(&place, &hands, &agent, "reconnecting").await;
    assert!(lost < 10_000, "{lost}");
    let host = shown("reconnecting").await;
    assert!(host["transitioningMessage"].as_str().is_some_and(|text| text.contains("sim://one")));
    let given_up = tick(&place, &hands, &agent, "disconnected").await;
    assert!((178_000..200_000).contains(&given_up), "{given_up}");
    shown("disconnected").await;
    engine.set_away(None);
    tick(&place, &hands, &agent, "active").await;
    let host = shown("active").await;
    assert_eq!(host["transitioning"], "no");
    place.core.shut_down().await;
}

#[actix_web::test]
async fn a_host_that_is_lost_for_long_goes_and_one_that_comes_back_stays() {
    let (clock, hands) = Clock::manual(1_700_000_000_000);
    let start = hands.now_ms();
    let place = Place::start(clock, Beside::Nothing).await;
    let owner = place.site.owner().await;
    let admin = place.site.admin().await;
    admin.put("/projects/1a5", json!({"hostRemoveDelaySeconds": 300})).await.ok(200);
    let (one, two) = (simulated(&place, "one").await, simulated(&place, "two").await);
    for agent in [&one, &two] {
        place.state(&agent["id"], "active").await;
    }
    let hosts = owner.get("/hosts?sort=hostname").await.ok(200);
    let (lost, back) = (hosts["data"][0].clone(), hosts["data"][1].clone());
    assert_eq!((&lost["hostname"], &back["hostname"]), (&json!("one"), &json!("two")));
    for host in [&lost, &back] {
        place.state(&host["id"], "active").await;
    }
    let on = json!({"imageUuid": "sim:app", "requestedHostId": lost["id"]});
    let made = owner.post("/containers", on).await.ok(201);
    place.state(&made["id"], "running").await;
    assert_eq!(remove_after(&place, &lost), None);

    for name in ["one", "two"] {
        place.fleet.host(name).set_away(Some(Away::Refused));
    }
    tick(&place, &hands, &one, "disconnected").await;
    tick(&place, &hands, &two, "disconnected").await;
    for host in [&lost, &back] {
        let after = remove_after(&place, host).expect("it says when it goes");
        assert!((300_000 - 60_000..=300_000).contains(&(after - hands.now_ms())), "{after}");
    }
    place.fleet.host("two").set_away(None);
    tick(&place, &hands, &two, "active").await;
    assert_eq!(remove_after(&place, &back), None);

    tick(&place, &hands, &lost, "removed").await;
    // Its time was over before, but in the first quarter of an hour nobody goes.
    let gone = hands.now_ms() - start;
    assert!(gone >= 900_000, "{gone}");
    for id in [&made["id"], &lost["physicalHostId"], &one["id"]] {
        tick(&place, &hands, &json!({ "id": id }), "removed").await;
    }
    place.state(&back["id"], "active").await;
    place.state(&two["id"], "active").await;
    place.core.shut_down().await;
}

/// When a host goes, in Unix milliseconds.
fn remove_after(place: &Place, host: &Value) -> Option<i64> {
    let row = place.store().read(|read| read.get(number(&host["id"]))).expect("read");
    row.expect("the host").int("removeAfter")
}

/// Lets time pass until a row is in a state; how much it took, in milliseconds.
async fn tick(
    place: &Place,
    hands: &ranchette::clock::ManualClock,
    row: &Value,
    state: &'static str,
) -> i64 {
    let begun = hands.now_ms();
    let id = number(&row["id"]);
    let clock = async {
        loop {
            // Whatever is due now is done before time goes on.
            for _ in 0..200 {
                tokio::task::yield_now().await;
            }
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            hands.advance(1000);
        }
    };
    let reached = place.until(state, |read| Ok(read.get(id)?.filter(|row| row.state == state)));
    tokio::select! {
        _ = reached => {}
        () = clock => {}
    }
    hands.now_ms() - begun
}

#[actix_web::test]
async fn a_registration_makes_a_simulated_host_where_the_setting_says_so() {
    let place = Place::start(Clock::System, Beside::Nothing).await;
    let (_, registrar) = place.registrar().await;
    place.setting("agent.uri.format", "sim://%s").await;
    let (_, agent) = place.agent(&registrar, "h1").await;
    let owner = place.site.owner().await;
    let host = place
        .until("a host is active", |read| {
            let mut found = None;
            read.for_each("host", |row| {
                found = (row.state == "active").then_some(row);
                Ok(())
            })?;
            Ok(found)
        })
        .await;
    assert_eq!(host.str("hostname"), Some("h1"));
    // Without real hosts it runs images of every kind.
    let made = owner.post("/containers", json!({"imageUuid": "docker:nginx"})).await.ok(201);
    place.state(&made["id"], "running").await;
    let own = agent.get("/agents").await.ok(200);
    assert_eq!(own["data"].as_array().map(Vec::len), Some(1));
    let admin = place.site.admin().await;
    let agents = admin.get("/agents").await.ok(200);
    let uris: BTreeMap<_, _> = agents["data"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|row| (row["uri"].to_string(), row["state"].to_string()))
        .collect();
    assert_eq!(uris, BTreeMap::from([("\"sim://h1\"".to_owned(), "\"active\"".to_owned())]));
    place.core.shut_down().await;
}
