//! What agents report: it makes and changes what it names, once, in the agent's environment only.

use std::sync::Arc;

use ranchette::clock::Clock;
use ranchette::model::resource::{NewResource, Resource};
use ranchette::process::tasks::{self, Found};
use serde_json::{Value, json};

use super::events::{named, reply};
use super::place::{Beside, Place, number};
use crate::api::site::Client;
use crate::api::websocket::subscribe;

/// An environment with an agent elsewhere that has brought a host.
struct Farm {
    owner: Client,
    agent: Client,
    host: Value,
}

impl Farm {
    /// `uuid` is what the agent calls its host.
    async fn of(place: &Place, owner: Client, uuid: &str) -> Self {
        let (_, registrar) = place.registrar_of(&owner).await;
        let (_, agent) = place.agent(&registrar, uuid).await;
        let mut socket = subscribe(&agent, "eventNames=ping").await;
        let asked = named(&mut socket, "ping").await;
        let host = json!({"type": "host", "uuid": uuid, "hostname": uuid, "labels": {"rack": "3"}});
        assert_eq!(reply(&agent, &asked, json!({ "resources": [host] })).await, 201);
        let id = place
            .until("the agent's host is active", |read| {
                let hosts = read.referrers_by_text("host", "reportedUuid", uuid)?;
                Ok(hosts.into_iter().find(|host| host.state == "active").map(|host| host.id))
            })
            .await;
        let host = owner.get(&format!("/hosts/1h{id}")).await.ok(200);
        Self { owner, agent, host }
    }

    async fn first(place: &Place) -> Self {
        Self::of(place, place.site.owner().await, "near").await
    }

    /// One in an environment of its own.
    async fn other(place: &Place) -> Self {
        let admin = place.site.admin().await;
        let made = admin.post("/projects", json!({"name": "other"})).await.ok(201);
        place.state(&made["id"], "active").await;
        let id = made["id"].as_str().expect("an id");
        let owner = admin.at(format!("{}/v2-beta/projects/{id}", place.site.url));
        Self::of(place, owner, "far").await
    }

    /// Reports something, and waits until it has been followed.
    async fn report(&self, place: &Place, list: &str, body: Value) {
        let made = self.agent.post(list, body).await.ok(201);
        place.state(&made["id"], "created").await;
    }

    async fn list(&self, path: &str) -> Vec<Value> {
        self.owner.get(path).await.ok(200)["data"].as_array().cloned().unwrap_or_default()
    }
}

fn happened(status: &str, uuid: &str) -> Value {
    json!({
        "externalId": "c0ffee",
        "externalFrom": "busybox:1",
        "externalStatus": status,
        "externalTimestamp": 1,
        "reportedHostUuid": uuid,
        "dockerInspect": {
            "Name": "/cow",
            "Config": { "Labels": { "a": "b" }, "Cmd": ["sleep", "9"], "Env": ["X=1"] },
            "HostConfig": { "NetworkMode": "host" },
        },
    })
}

#[actix_web::test]
async fn containers_beside_ours_are_shown_and_followed() {
    let place = Place::start(Clock::System, Beside::Off).await;
    let farm = Farm::first(&place).await;
    let list = "/containerevents";
    for status in ["die", "start", "start"] {
        farm.report(&place, list, happened(status, "near")).await;
    }
    let found = farm.list("/containers").await;
    let [cow] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(
        (&cow["name"], &cow["state"], &cow["imageUuid"], &cow["networkMode"]),
        (&json!("cow"), &json!("running"), &json!("docker:busybox:1"), &json!("host"))
    );
    assert_eq!((&cow["hostId"], &cow["nativeContainer"]), (&farm.host["id"], &json!(true)));
    assert_eq!((&cow["labels"], &cow["environment"]), (&json!({"a": "b"}), &json!({"X": "1"})));
    let path = format!("/containers/{}", cow["id"].as_str().expect("an id"));
    for (status, state) in
        [("kill", "running"), ("die", "stopped"), ("stop", "stopped"), ("start", "running")]
    {
        farm.report(&place, list, happened(status, "near")).await;
        assert_eq!(farm.owner.get(&path).await.ok(200)["state"], state, "after {status}");
    }
    farm.report(&place, list, happened("destroy", "near")).await;
    place.state(&cow["id"], "removed").await;
    // One that was removed does not come back.
    farm.report(&place, list, happened("start", "near")).await;
    assert_eq!(farm.list("/containers").await, Vec::<Value>::new());

    place.setting("manage.nonrancher.containers", "false").await;
    let mut other = happened("start", "near");
    other["externalId"] = json!("beef");
    farm.report(&place, list, other).await;
    assert_eq!(farm.list("/containers").await, Vec::<Value>::new());
    place.core.shut_down().await;
}

#[actix_web::test]
async fn a_host_elsewhere_goes_with_what_was_reported_of_it() {
    let place = Place::start(Clock::System, Beside::Off).await;
    let farm = Farm::first(&place).await;
    farm.report(&place, "/containerevents", happened("start", "near")).await;
    let cow = farm.list("/containers").await[0].clone();
    let body = json!({
        "eventType": "host.evacuate",
        "hostLabel": "rack=3",
        "deleteHost": true,
    });
    let made = farm.owner.post("/externalhostevents", body).await.ok(201);
    place.state(&made["id"], "created").await;
    place.state(&cow["id"], "removed").await;
    place.state(&farm.host["id"], "purged").await;
    place.core.shut_down().await;
}

#[actix_web::test]
async fn an_agent_empties_its_own_host_only() {
    let place = Place::start(Clock::System, Beside::Off).await;
    let (farm, other) = (Farm::first(&place).await, Farm::other(&place).await);
    let list = "/externalhostevents";
    farm.report(&place, list, json!({"eventType": "host.evacuate", "externalId": "1"})).await;
    place.state(&farm.host["id"], "inactive").await;
    let path = format!("/hosts/{}", other.host["id"].as_str().expect("an id"));
    assert_eq!(other.owner.get(&path).await.ok(200)["state"], "active");
    // Nor does anybody empty a host of another environment.
    let body = json!({"eventType": "host.evacuate", "hostId": other.host["id"]});
    let fault = farm.owner.post(list, body).await.fault();
    assert!(fault.starts_with("422 InvalidReference hostId"), "{fault}");
    let body = json!({"eventType": "host.evacuate", "hostLabel": "rack=3"});
    let made = farm.owner.post(list, body).await.ok(201);
    place.state(&made["id"], "created").await;
    assert_eq!(other.owner.get(&path).await.ok(200)["state"], "active");
    let fault = farm.owner.post(list, json!({"eventType": "host.evacuate"})).await.fault();
    assert!(fault.starts_with("422 MissingRequired hostId"), "{fault}");
    place.setting("modify.infrastructure.roles", "admin").await;
    let body = json!({"eventType": "host.evacuate", "hostId": farm.host["id"]});
    assert_eq!(farm.owner.post(list, body).await.status, 403);
    place.core.shut_down().await;
}

/// A storage driver, as a service of the environment would bring it.
async fn driver(place: &Place, environment: i64) {
    let make = move |tx: &mut ranchette::store::Tx<'_>| {
        let new = NewResource::new("storageDriver", tx.entropy.uuid());
        tx.insert(new.name("barn-nfs").account(environment).state("active"))
    };
    place.store().write(make).await.expect("a driver");
}

#[actix_web::test]
async fn shared_storage_is_what_its_driver_reports() {
    let place = Place::start(Clock::System, Beside::Off).await;
    let (farm, other) = (Farm::first(&place).await, Farm::other(&place).await);
    let pools = "/externalstoragepoolevents";
    let pool = |event: &str, hosts: &[&str], driver: &str| {
        json!({
            "eventType": event,
            "externalId": "barn",
            "hostUuids": hosts,
            "storagePool": {
                "name": "barn", "driverName": driver, "externalId": "barn",
                "volumeAccessMode": "multiHostRW",
            },
        })
    };
    let create = "storagepool.create";
    // A driver that the environment does not have is left out.
    farm.report(&place, pools, pool(create, &["near"], "barn-nfs")).await;
    let shared = "/storagepools?kind=storagePool";
    assert_eq!(farm.list(shared).await, Vec::<Value>::new());
    driver(&place, 5).await;
    for hosts in [&["near", "far"][..], &["near", "far"]] {
        farm.report(&place, pools, pool(create, hosts, "barn-nfs")).await;
    }
    let found = farm.list(shared).await;
    let [barn] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(barn["hostIds"], json!([farm.host["id"]]), "hosts of the environment only");
    assert_eq!((&barn["name"], &barn["volumeAccessMode"]), (&json!("barn"), &json!("multiHostRW")));
    place.state(&barn["id"], "active").await;
    farm.report(&place, pools, pool(create, &[], "barn-nfs")).await;
    assert_eq!(farm.list(shared).await[0]["hostIds"], json!([]));

    let volumes = "/externalvolumeevents";
    let volume = |event: &str, driver: &str| {
        json!({
            "eventType": event,
            "externalId": "hay",
            "volume": { "name": "hay", "driver": driver, "driverOpts": { "size": "1" } },
        })
    };
    farm.report(&place, volumes, volume("volume.create", "unknown")).await;
    other.report(&place, volumes, volume("volume.create", "barn-nfs")).await;
    for _ in 0..2 {
        farm.report(&place, volumes, volume("volume.create", "barn-nfs")).await;
    }
    assert_eq!(other.list("/volumes").await, Vec::<Value>::new());
    let found = farm.list("/volumes").await;
    let [hay] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((&hay["name"], &hay["driverOpts"]), (&json!("hay"), &json!({"size": "1"})));
    assert_eq!(farm.list(shared).await[0]["volumeIds"], json!([hay["id"]]));
    // Others cannot take away what is not theirs.
    other.report(&place, volumes, volume("volume.delete", "barn-nfs")).await;
    other.report(&place, pools, pool("storagepool.delete", &[], "barn-nfs")).await;
    assert_eq!((farm.list("/volumes").await.len(), farm.list(shared).await.len()), (1, 1));
    for _ in 0..2 {
        farm.report(&place, volumes, volume("volume.delete", "barn-nfs")).await;
        place.state(&hay["id"], "removed").await;
    }
    for _ in 0..2 {
        farm.report(&place, pools, pool("storagepool.delete", &[], "barn-nfs")).await;
        place.state(&barn["id"], "removed").await;
    }
    place.core.shut_down().await;
}

#[actix_web::test]
async fn services_elsewhere_are_what_their_agent_reports() {
    let place = Place::start(Clock::System, Beside::Off).await;
    let (farm, other) = (Farm::first(&place).await, Farm::other(&place).await);
    let list = "/externalserviceevents";
    let milk = |event: &str, addresses: &[&str]| {
        json!({
            "eventType": event,
            "externalId": "milk-1",
            "environment": { "name": "dairy", "externalId": "dairy-1" },
            "service": {
                "kind": "externalService", "name": "milk", "externalIpAddresses": addresses,
            },
        })
    };
    farm.report(&place, list, milk("service.update", &["192.0.2.1"])).await;
    assert_eq!(farm.list("/externalservices").await, Vec::<Value>::new(), "nothing to change");
    for _ in 0..2 {
        farm.report(&place, list, milk("service.create", &["192.0.2.1"])).await;
    }
    let found = farm.list("/externalservices").await;
    let [service] = found.as_slice() else { panic!("{found:?}") };
    place.state(&service["id"], "active").await;
    let stacks = farm.list("/stacks").await;
    let [stack] = stacks.as_slice() else { panic!("{stacks:?}") };
    assert_eq!((&stack["name"], &stack["externalId"]), (&json!("dairy"), &json!("dairy-1")));
    assert_eq!(service["stackId"], stack["id"]);
    let path = format!("/externalservices/{}", service["id"].as_str().expect("an id"));

    other.report(&place, list, milk("service.update", &["192.0.2.9"])).await;
    other.report(&place, list, milk("service.remove", &[])).await;
    farm.report(&place, list, milk("service.update", &["192.0.2.2"])).await;
    let changed = farm.owner.get(&path).await.ok(200);
    assert_eq!(changed["externalIpAddresses"], json!(["192.0.2.2"]));
    place.state(&service["id"], "active").await;

    // Somebody gave it a name outside.
    let names = "/externaldnsevents";
    let name = |fqdn: &str| {
        json!({
            "eventType": "dns.update", "externalId": fqdn,
            "stackName": "dairy", "serviceName": "milk", "fqdn": fqdn,
        })
    };
    other.report(&place, names, name("not.example.com")).await;
    for _ in 0..2 {
        farm.report(&place, names, name("milk.example.com")).await;
        assert_eq!(farm.owner.get(&path).await.ok(200)["fqdn"], "milk.example.com");
    }
    let fault = farm.agent.post(names, json!({"eventType": "x", "stackName": "a"})).await.fault();
    assert!(fault.starts_with("422 MissingRequired fqdn"), "{fault}");

    for _ in 0..2 {
        farm.report(&place, list, milk("service.remove", &[])).await;
        place.state(&service["id"], "removed").await;
    }
    farm.report(&place, list, milk("stack.remove", &[])).await;
    place.state(&stack["id"], "removed").await;
    place.core.shut_down().await;
}

#[actix_web::test]
async fn what_is_wrong_with_a_report_is_named() {
    let place = Place::start(Clock::System, Beside::Off).await;
    let (farm, other) = (Farm::first(&place).await, Farm::other(&place).await);
    drop(other);
    let service = |service: Value| json!({"eventType": "service.create", "externalId": "x", "service": service});
    let check = async |list: &str, body: Value, fault: &str| {
        let found = farm.agent.post(list, body.clone()).await.fault();
        assert!(found.starts_with(fault), "{list} {body}: {found}");
    };
    let containers = "/containerevents";
    let mut lost = happened("start", "near");
    lost["reportedHostUuid"] = Value::Null;
    check(containers, lost, "422 MissingRequired reportedHostUuid").await;
    check(containers, happened("start", "far"), "422 InvalidReference reportedHostUuid").await;
    check(containers, happened("start", "?"), "422 InvalidReference reportedHostUuid").await;
    let mut odd = happened("start", "near");
    odd["dockerInspect"] = json!("text");
    check(containers, odd, "422 InvalidFormat dockerInspect").await;
    for (list, body, fault) in [
        ("volume", json!({"volume": {"name": "a"}}), "422 MissingRequired eventType"),
        (
            "volume",
            json!({"eventType": "volume.eat", "volume": {"name": "a"}}),
            "422 InvalidOption eventType",
        ),
        ("volume", json!({"eventType": "volume.create"}), "422 MissingRequired volume"),
        ("volume", json!({"eventType": "volume.create", "volume": {}}), "422 MissingRequired name"),
        (
            "storagepool",
            json!({"eventType": "storagepool.create", "storagePool": {"name": "a"}}),
            "422 MissingRequired externalId",
        ),
        ("service", service(json!({})), "422 MissingRequired name"),
        ("service", service(json!("a")), "422 InvalidFormat service"),
        ("service", service(json!({"name": "-a"})), "422 InvalidCharacters name"),
        ("service", service(json!({"name": "a", "kind": "service"})), "422 InvalidOption kind"),
        (
            "service",
            service(json!({"name": "a", "externalIpAddresses": ["milk"]})),
            "422 InvalidFormat externalIpAddresses",
        ),
        ("host", json!({"eventType": "host.explode"}), "422 InvalidOption eventType"),
    ] {
        check(&format!("/external{list}events"), body, fault).await;
    }
    // Whoever is not the agent of a host has nothing to say of its containers.
    let basic = Some(place.site.superadmin().await);
    let above = Client { basic, ..place.site.nobody() };
    let fault = above.post(containers, happened("start", "near")).await.fault();
    assert!(fault.starts_with("403 CantVerifyAgent"), "{fault}");
    assert!(matches!(
        farm.owner.post(containers, happened("start", "near")).await.status,
        404 | 405
    ));
    place.setting("container.event.max.size", "0").await;
    let fault = farm.agent.post(containers, happened("start", "near")).await.fault();
    assert!(fault.starts_with("409 TooManyContainerEvents"), "{fault}");
    place.core.shut_down().await;
}

/// A running container with a check, on a host.
async fn patient(place: &Place, host: &Value, health: &str) -> Resource {
    let (host, health) = (number(&host["id"]), health.to_owned());
    let make = move |tx: &mut ranchette::store::Tx<'_>| {
        let new = NewResource::new("instance", tx.entropy.uuid())
            .kind("container")
            .name("calf")
            .account(5)
            .state("running")
            .with("hostId", host)
            .with("healthCheck", json!({ "port": 80 }))
            .with("healthState", health)
            .with("startCount", 2);
        tx.insert(new)
    };
    place.store().write(make).await.expect("a container")
}

#[actix_web::test]
async fn health_follows_those_who_check() {
    let place = Place::start(Clock::System, Beside::Off).await;
    let (farm, other) = (Farm::first(&place).await, Farm::other(&place).await);
    let calf = patient(&place, &farm.host, "initializing").await;
    let said = |starts: i64, at: i64, health: &str| {
        json!({
            "healthcheckUuid": format!("near_{}_{starts}", calf.uuid),
            "externalTimestamp": at,
            "reportedHealth": health,
        })
    };
    for (report, expect) in [
        (said(2, 10, "DOWN"), "initializing"),
        (said(1, 11, "UP"), "initializing"),
        (said(2, 12, "INIT"), "initializing"),
        (said(2, 20, "UP"), "healthy"),
        (said(2, 20, "UP"), "healthy"),
        (said(2, 15, "DOWN"), "healthy"),
        (said(2, 30, "DOWN"), "unhealthy"),
        (said(2, 31, "UP"), "healthy"),
    ] {
        farm.report(&place, "/serviceevents", report.clone()).await;
        let row = place.store().read(|read| read.get(calf.id)).unwrap().expect("the calf");
        assert_eq!(row.str("healthState"), Some(expect), "after {report}");
    }
    let mut late = said(2, 40, "UP");
    late["externalTimestamp"] = Value::Null;
    for (who, body, fault) in [
        (&farm.agent, late, "422 MissingRequired externalTimestamp"),
        (&other.agent, said(2, 40, "DOWN"), "422 CantVerifyHealthcheck healthcheckUuid"),
        (
            &farm.agent,
            json!({"healthcheckUuid": "a_b_c", "externalTimestamp": 1, "reportedHealth": "UP"}),
            "422 CantVerifyHealthcheck healthcheckUuid",
        ),
    ] {
        let found = who.post("/serviceevents", body.clone()).await.fault();
        assert!(found.starts_with(fault), "{body}: {found}");
    }
    place.core.shut_down().await;
}

#[actix_web::test]
async fn reports_are_forgotten_after_a_while() {
    let place = Place::start(Clock::System, Beside::Off).await;
    let farm = Farm::first(&place).await;
    farm.report(&place, "/containerevents", happened("start", "near")).await;
    assert_eq!(farm.list("/containerevents").await.len(), 1);
    let cleanup = tasks::tasks().into_iter().find(|task| task.name == "cleanup.events");
    let cleanup = cleanup.expect("a job");
    let site = Arc::clone(&place.core.site);
    assert_eq!(
        (cleanup.run)(Arc::clone(&site)).await,
        Ok(Found::Nothing),
        "it is kept for a while"
    );
    assert_eq!(farm.list("/containerevents").await.len(), 1);
    place.setting("events.purge.after.seconds", "0").await;
    // What was made in this very millisecond is not old yet.
    let now = site.clock.now_ms();
    site.clock.sleep_until(now + 2).await;
    assert_eq!((cleanup.run)(site).await, Ok(Found::Work));
    assert_eq!(farm.list("/containerevents").await, Vec::<Value>::new());
    assert_eq!(farm.list("/containers").await.len(), 1);
    place.core.shut_down().await;
}
