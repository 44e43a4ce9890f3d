//! An agent elsewhere: a program that listens for events and answers them.

use futures_util::StreamExt as _;
use ranchette::clock::Clock;
use serde_json::{Value, json};

use super::place::{Beside, Place, number};
use crate::api::site::Client;
use crate::api::websocket::{Socket, subscribe};

/// The next message of this name.
pub async fn named(socket: &mut Socket, name: &str) -> Value {
    while let Some(Ok(frame)) = socket.next().await {
        let Ok(text) = frame.into_text() else { continue };
        let Ok(message) = serde_json::from_str::<Value>(&text) else { continue };
        // The server's own pings ask for nothing.
        if message["name"] == name && (name != "ping" || message["replyTo"].is_string()) {
            return message;
        }
    }
    panic!("the connection ended before `{name}` came");
}

pub async fn reply(agent: &Client, asked: &Value, data: Value) -> u16 {
    let body = json!({"name": asked["replyTo"], "previousIds": [asked["id"]], "data": data});
    agent.post("/publish", body).await.status
}

/// What the agent of a machine answers to a ping.
fn machine() -> Value {
    json!({"resources": [
        {"type": "host", "uuid": "host-uuid", "hostname": "far", "physicalHostUuid": "machine",
         "memory": 1024, "labels": {"a": "b"}, "createLabels": {"zone": "x"}},
        {"type": "physicalHost", "uuid": "machine"},
        {"type": "storagePool", "uuid": "pool-uuid", "name": "far pool", "hostUuid": "host-uuid"},
        {"type": "ipAddress", "uuid": "ip", "address": "192.0.2.7", "hostUuid": "host-uuid"},
    ]})
}

#[actix_web::test]
async fn an_agent_elsewhere_is_pinged_by_event_and_brings_its_hosts() {
    let place = Place::start(Clock::System, Beside::Off).await;
    let (_, registrar) = place.registrar().await;
    let (_, agent) = place.agent(&registrar, "far").await;
    let own = agent.get("/agents").await.ok(200)["data"][0].clone();
    let mut socket = subscribe(&agent, "eventNames=ping").await;
    let asked = named(&mut socket, "ping").await;
    assert_eq!((&asked["resourceType"], &asked["resourceId"]), (&json!("agent"), &own["id"]));
    assert_eq!(reply(&agent, &asked, machine()).await, 201);
    place.state(&own["id"], "active").await;

    let owner = place.site.owner().await;
    let host = owner.get("/hosts").await.ok(200)["data"][0].clone();
    place.state(&host["id"], "active").await;
    let id = host["id"].as_str().expect("an id");
    let host = owner.get(&format!("/hosts/{id}")).await.ok(200);
    assert_eq!(
        (&host["hostname"], &host["agentIpAddress"], &host["memory"], &host["name"]),
        (&json!("far"), &json!("192.0.2.7"), &json!(1024), &Value::Null)
    );
    assert_eq!(host["labels"], json!({"a": "b", "zone": "x"}));
    let pools = owner.get(&format!("/hosts/{id}/storagepools")).await.ok(200);
    assert_eq!(pools["data"][0]["name"], "far pool");

    // Later pings change what there is and make nothing twice.
    let asked = named(&mut socket, "ping").await;
    let mut changed = machine();
    changed["resources"][0]["memory"] = json!(2048);
    reply(&agent, &asked, changed).await;
    let host_id = number(&host["id"]);
    place
        .until("the host has more memory", |read| {
            Ok(read.get(host_id)?.filter(|row| row.int("memory") == Some(2048)))
        })
        .await;
    assert_eq!(owner.get("/hosts").await.ok(200)["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(owner.get("/ipaddresses").await.ok(200)["data"].as_array().map(Vec::len), Some(1));
    place.core.shut_down().await;
}

#[actix_web::test]
async fn events_reach_those_they_are_for_and_only_replies_come_back() {
    let place = Place::start(Clock::System, Beside::Off).await;
    let (_, registrar) = place.registrar().await;
    let (_, agent) = place.agent(&registrar, "one").await;
    let owner = place.site.owner().await;
    let refused = agent.post("/publish", json!({"name": "ping"})).await;
    assert_eq!(refused.fault(), "403 Forbidden -: you may publish replies only, not `ping`");
    assert_eq!(owner.post("/publish", json!({"name": "reply.1"})).await.status, 404);

    // What an agent says of services reaches its environment's programs, and nobody else's.
    let mut inside = subscribe(&owner, "eventNames=service.*").await;
    let admin = place.site.admin().await;
    let other = admin.post("/projects", json!({"name": "other"})).await.ok(201);
    place.state(&other["id"], "active").await;
    let base = format!("{}/v2-beta/projects/{}", place.site.url, other["id"].as_str().expect("id"));
    let mut outside = subscribe(&admin.at(base), "eventNames=service.*").await;
    let said = json!({"name": "service.kubernetes.change", "data": {"n": 1}});
    let answer = agent.post("/publish", said).await.ok(201);
    assert_eq!(
        (&answer["type"], &answer["name"]),
        (&json!("publish"), &json!("service.kubernetes.change"))
    );
    let heard = named(&mut inside, "service.kubernetes.change").await;
    assert_eq!(heard["data"], json!({"n": 1}));
    // The other environment has heard nothing but pings.
    place.core.site.bus.publish(ranchette::events::bus::Event::new(
        format!("service.end;account={}", number(&other["id"])),
        "id".to_owned(),
        0,
    ));
    assert_eq!(named(&mut outside, "service.end").await["id"], "id");
    place.core.shut_down().await;
}
