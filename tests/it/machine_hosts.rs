//! Hosts and machines that are made with a driver, over the API of a running server: on simulated
//! machines, and on one with a real SSH server and a real Docker Engine.

use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use ranchette::acme;
use ranchette::archive::Places;
use ranchette::clock::{Clock, Entropy};
use ranchette::engine::docker::ssh::SshMachines;
use ranchette::engine::machine::Machines;
use ranchette::engine::sim::SimFleet;
use ranchette::process::machine::driver;
use ranchette::server::core::{Core, Outside};
use ranchette::vault::{self, Vault};
use serde_json::{Value, json};

use crate::agents::place::{Beside, Place, number};
use crate::api::site::Client;
use crate::machine_support::{Machine, docker_there};

/// A server whose machines are these, with its own driver.
pub async fn place(machines: Arc<dyn Machines>) -> Place {
    let open = move |path: &std::path::Path| {
        let vault = path.with_file_name(vault::FILE);
        let outside = Outside {
            machines,
            vault: Vault::open(&vault, Entropy::System).expect("a vault").into(),
            archives: Places::beside(path),
            authority: Arc::new(acme::Client::new(Clock::System)),
        };
        let limits = crate::world::limits();
        Core::open_with(path, Clock::System, Entropy::System, limits, outside).expect("a core")
    };
    let place = Place::over(Clock::System, Beside::Off, open).await;
    place.store().write(driver::seed).await.expect("drivers");
    place
        .until("the driver has brought its schemas", |read| {
            let mut active = None;
            read.for_each("machineDriver", |row| {
                active = Some(row).filter(|row| row.state == "active");
                Ok(())
            })?;
            Ok(active)
        })
        .await;
    place
}

pub async fn simulated() -> Place {
    let fleet = SimFleet::new(1, Clock::System);
    fleet.transcript().stop();
    place(Arc::new(fleet)).await
}

/// Where a row is.
pub fn path(row: &Value) -> String {
    let (ty, id) = (row["type"].as_str().expect("a type"), row["id"].as_str().expect("an id"));
    format!("/{ty}s/{id}")
}

/// A row as it is now.
async fn again(caller: &Client, row: &Value) -> Value {
    caller.get(&path(row)).await.ok(200)
}

/// The machine of a host.
async fn machine_of(caller: &Client, host: &Value) -> Value {
    let host = again(caller, host).await;
    let id = host["physicalHostId"].as_str().expect("a machine");
    caller.get(&format!("/machines/{id}")).await.ok(200)
}

fn generic(address: &str) -> Value {
    json!({ "address": address, "sshUser": "root", "sshPassword": "grass" })
}

#[actix_web::test]
async fn a_host_that_a_driver_makes_goes_with_its_machine() {
    let place = simulated().await;
    let owner = place.site.owner().await;
    let body = json!({
        "hostname": "one",
        "name": "first",
        "labels": { "rack": "3" },
        "genericConfig": generic("m1"),
    });
    let answer = owner.post("/hosts", body).await;
    assert!(!answer.text.contains("grass"), "{}", answer.text);
    let host = answer.ok(201);
    place.state(&host["id"], "active").await;
    let machine = machine_of(&owner, &host).await;
    assert_eq!(
        (&machine["state"], &machine["driver"], &machine["genericConfig"]["address"]),
        (&json!("active"), &json!("generic"), &json!("m1"))
    );
    assert_eq!(machine["genericConfig"]["sshPort"], 22);
    let shown = owner.get(&path(&host)).await;
    assert!(!shown.text.contains("grass"), "{}", shown.text);
    assert_eq!(shown.json()["labels"]["rack"], "3");
    let hosts = owner.get(&format!("{}/hosts", path(&machine))).await.ok(200);
    assert_eq!(hosts["data"][0]["id"], host["id"]);

    // What its schema lets be changed is changed; what it was made with stays.
    let change = json!({"labels": {"rack": "5"}, "genericConfig": generic("elsewhere")});
    let changed = owner.put(&path(&machine), change).await;
    assert!(!changed.text.contains("grass"), "{}", changed.text);
    let changed = changed.ok(200);
    assert_eq!(changed["labels"], json!({ "rack": "5" }));
    assert_eq!(changed["genericConfig"], machine["genericConfig"]);
    let long = owner.put(&path(&machine), json!({"name": "n".repeat(300)})).await.fault();
    assert!(long.starts_with("422 MaxLengthExceeded name"), "{long}");
    place.setting("modify.infrastructure.roles", "admin").await;
    assert_eq!(owner.put(&path(&machine), json!({"labels": {}})).await.status, 403);
    place.setting("modify.infrastructure.roles", "owner,admin").await;

    // Nothing that could log in is kept where the database can be read.
    for id in [number(&host["id"]), number(&machine["id"])] {
        let row = place.store().read(|read| read.get(id)).unwrap().expect("a row");
        let kept = format!("{:?}", row.data);
        assert!(kept.contains("sealed") && !kept.contains("grass"), "{kept}");
    }

    // It works as every host does.
    let body = json!({"imageUuid": "docker:busybox", "requestedHostId": host["id"]});
    let container = owner.post("/containers", body).await.ok(201);
    place.state(&container["id"], "running").await;

    owner.post(&format!("{}?action=deactivate", path(&host)), json!({})).await.ok(202);
    place.state(&host["id"], "inactive").await;
    owner.delete(&path(&host)).await.ok(200);
    for row in [&container, &host, &machine] {
        place.state(&row["id"], "removed").await;
    }
    let id = number(&machine["id"]);
    place
        .until("the machine's password is forgotten", |read| {
            let row = read.get(id)?;
            Ok(row.filter(|row| !format!("{:?}", row.data).contains("sealed")))
        })
        .await;
    place.core.shut_down().await;
}

async fn download(caller: &Client, link: &str) -> Vec<u8> {
    let url = format!("{}{link}", caller.base);
    let answer = caller.request("GET", &url).send().await.expect("an answer");
    assert_eq!(answer.status(), 200, "{link}");
    answer.bytes().await.expect("a file").to_vec()
}

/// The files of an archive: name and content.
fn unpacked(archive: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(archive));
    let entries = archive.entries().expect("an archive");
    let read = |mut entry: tar::Entry<'_, flate2::read::GzDecoder<&[u8]>>| {
        let name = entry.path().expect("a path").to_str().expect("text").to_owned();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).expect("a file");
        (name, content)
    };
    entries.map(|entry| read(entry.expect("an entry"))).collect()
}

#[actix_web::test]
async fn a_host_leads_to_what_its_machine_keeps_and_only_whoever_may_sees_it() {
    let place = simulated().await;
    let owner = place.site.owner().await;
    let body = json!({"hostname": "one", "genericConfig": generic("m1")});
    let host = owner.post("/hosts", body).await.ok(201);
    place.state(&host["id"], "active").await;
    let machine = machine_of(&owner, &host).await;
    let (of_host, of_machine) =
        (format!("{}/config", path(&host)), format!("{}/config", path(&machine)));
    // What its driver was given, without the password.
    for link in [&of_host, &of_machine] {
        let files = unpacked(&download(&owner, link).await);
        let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["machines/one/config.json"]);
        let options: Value = serde_json::from_slice(&files[0].1).expect("JSON");
        assert_eq!(options["Driver"]["IPAddress"], "m1");
        assert_eq!(options["genericConfig"]["sshPort"], 22);
        assert!(!options.to_string().contains("grass"), "{options}");
    }
    // Whoever has no say over the infrastructure has none here either.
    place.setting("modify.infrastructure.roles", "admin").await;
    let nothing = owner.get(&of_host).await.fault();
    assert_eq!(nothing, "404 Not Found -: the machine has no configuration");
    place.setting("modify.infrastructure.roles", "superadmin,owner,admin").await;
    let basic = Some(place.site.superadmin().await);
    let above = Client { basic, ..place.site.nobody() };
    let kept = json!({"extractedConfig": "a2V5IGFuZCBjZXJ0aWZpY2F0ZXM="});
    above.put(&path(&machine), kept).await.ok(200);
    let (person, id) = place.site.person("looker").await;
    for (row, link) in [(&host, &of_host), (&machine, &of_machine)] {
        let shown = again(&owner, row).await;
        assert!(
            shown["links"]["config"].as_str().is_some_and(|url| url.ends_with(link)),
            "{shown}"
        );
        assert!(!shown.to_string().contains("a2V5"), "{shown}");
        let file = owner.get(link).await;
        assert_eq!((file.status, file.text.as_str()), (200, "key and certificates"));
        assert!(file.header("content-disposition").contains("machine.tar.gz"));
    }
    for role in ["readonly", "restricted"] {
        let members = json!([
            {"externalId": "1a1", "externalIdType": "rancher_id", "role": "owner"},
            {"externalId": id, "externalIdType": "rancher_id", "role": role},
        ]);
        let input = json!({ "members": members });
        let admin = place.site.admin().await;
        admin.post("/projects/1a5?action=setmembers", input).await.ok(200);
        let member = person.at(format!("{}/v2-beta/projects/1a5", place.site.url));
        let shown = member.get(&path(&host)).await.ok(200);
        assert_eq!(shown["links"].get("config"), None, "{role}: {shown}");
        assert_eq!(member.get(&of_host).await.status, 404, "{role}");
    }
    place.core.shut_down().await;
}

#[actix_web::test]
async fn machines_are_made_of_templates_and_take_their_host_along() {
    let place = simulated().await;
    let owner = place.site.owner().await;
    let template = json!({
        "name": "farm",
        "driver": "generic",
        "publicValues": { "genericConfig": { "address": "m2", "sshPort": 2222 } },
        "secretValues": { "genericConfig": { "sshPassword": "grass" } },
    });
    let made = owner.post("/hosttemplates", template).await.ok(201);
    assert_eq!(made["secretValues"]["genericConfig"]["sshPassword"], "grass", "shown once");
    place.state(&made["id"], "active").await;
    let shown = again(&owner, &made).await;
    assert_eq!(shown["secretValues"], json!({ "genericConfig": { "sshPassword": null } }));
    let link = format!("{}/secretvalues", path(&made));
    assert_eq!(owner.get(&link).await.status, 404);
    let basic = Some(place.site.superadmin().await);
    let above = Client { basic, ..place.site.nobody() };
    let values = above.get(&link).await.ok(200);
    assert_eq!(values["secretValues"]["genericConfig"]["sshPassword"], "grass");

    let body = json!({"name": "second", "hostTemplateId": made["id"], "labels": {"rack": "4"}});
    let machine = owner.post("/machines", body).await.ok(201);
    place.state(&machine["id"], "active").await;
    let machine = again(&owner, &machine).await;
    assert_eq!(machine["genericConfig"]["sshPort"], 2222);
    let hosts = owner.get(&format!("{}/hosts", path(&machine))).await.ok(200);
    let host = hosts["data"][0].clone();
    place.state(&host["id"], "active").await;
    assert_eq!(
        (&host["name"], &host["hostname"], &host["labels"]["rack"]),
        (&json!("second"), &json!("m2"), &json!("4"))
    );
    owner.delete(&path(&machine)).await.ok(200);
    for row in [&host, &machine] {
        place.state(&row["id"], "removed").await;
    }
    place.core.shut_down().await;
}

#[actix_web::test]
async fn what_is_wrong_with_a_configuration_is_named() {
    let place = simulated().await;
    let owner = place.site.owner().await;
    for (config, fault) in [
        (json!({}), "422 MissingRequired address"),
        (json!({"address": "m", "sshPort": "x"}), "422 InvalidFormat sshPort"),
        (json!({"address": "m", "sshPort": 70000}), "422 MaxLimitExceeded sshPort"),
        (json!({"address": ""}), "422 MinLengthExceeded address"),
        (json!({"address": ["m"]}), "422 InvalidFormat address"),
        (json!("m"), "422 InvalidFormat genericConfig"),
        (Value::Null, "422 DriverConfigExactlyOneRequired -"),
    ] {
        for (path, name) in [("/hosts", "hostname"), ("/machines", "name")] {
            let body = json!({ name: "one", "genericConfig": config });
            let found = owner.post(path, body).await.fault();
            assert!(found.starts_with(fault), "{path} {config}: {found}");
        }
    }
    let none = owner.post("/machines", json!({"name": "m"})).await.fault();
    assert!(none.starts_with("422 DriverConfigExactlyOneRequired -"), "{none}");
    let template = json!({"name": "one", "hostTemplateId": "1ht99"});
    let unknown = owner.post("/machines", template).await.fault();
    assert!(unknown.starts_with("422 InvalidReference hostTemplateId"), "{unknown}");
    for list in ["/hosts", "/machines"] {
        assert_eq!(owner.get(list).await.ok(200)["data"], json!([]), "{list}");
    }
    place.core.shut_down().await;
}

#[actix_web::test]
async fn schemas_follow_the_drivers() {
    let place = simulated().await;
    let (owner, admin) = (place.site.owner().await, place.site.admin().await);
    let config = owner.get("/schemas/genericConfig").await.ok(200);
    assert_eq!(config["resourceFields"]["address"]["required"], true);
    assert_eq!(config["resourceFields"]["sshPassword"]["type"], "password");
    let schema = owner.get("/schemas/host").await.ok(200);
    assert_eq!(schema["resourceFields"]["genericConfig"]["type"], "genericConfig");
    assert_eq!(schema["collectionMethods"], json!(["GET", "POST"]));
    let all = owner.get("/schemas").await.ok(200);
    let listed = all["data"].as_array().unwrap();
    let of = |name: &str| listed.iter().filter(|schema| schema["id"] == name).count();
    assert_eq!((of("genericConfig"), of("host"), of("machine")), (1, 1, 1));
    // Outside environments there is nobody whose host it would be.
    let outside = admin.get("/schemas/host").await.ok(200);
    assert_eq!(outside["collectionMethods"], json!(["GET"]));
    let body = json!({"hostname": "one", "genericConfig": generic("m1")});
    assert_eq!(admin.post("/hosts", body.clone()).await.status, 405);

    // Who has no say over the infrastructure has none here either.
    place.setting("modify.infrastructure.roles", "admin").await;
    for (path, name) in [("/hosts", "hostname"), ("/machines", "name")] {
        let body = json!({ name: "one", "genericConfig": generic("m1") });
        assert_eq!(owner.post(path, body).await.status, 403, "{path}");
    }
    place.setting("modify.infrastructure.roles", "owner,admin").await;

    // A driver that this server does not have ends in error, and says which there are.
    let url = "https://example.com/docker-machine-driver-otc";
    let other = json!({"url": url, "builtin": false, "activateOnCreate": true});
    let other = admin.post("/machinedrivers", other).await.ok(201);
    assert_eq!(other["name"], "otc");
    place.state(&other["id"], "error").await;
    let other = again(&admin, &other).await;
    let said = other["transitioningMessage"].as_str().unwrap_or_default();
    assert!(said.contains("no driver `otc`") && said.contains("generic"), "{said}");

    // Without the driver there are neither schemas nor hosts of it.
    let drivers = admin.get("/machinedrivers?name=generic").await.ok(200);
    let driver = &drivers["data"][0];
    admin.post(&format!("{}?action=deactivate", path(driver)), json!({})).await.ok(202);
    place.state(&driver["id"], "inactive").await;
    assert_eq!(owner.get("/schemas/genericConfig").await.status, 404);
    assert_eq!(owner.post("/hosts", body.clone()).await.status, 405);
    let machine = owner.put("/machines/1ph9999", json!({"description": "d"})).await;
    assert_eq!(machine.status, 405, "{}", machine.text);
    admin.post(&format!("{}?action=activate", path(driver)), json!({})).await.ok(202);
    place.state(&driver["id"], "active").await;
    let host = owner.post("/hosts", body).await.ok(201);
    place.state(&host["id"], "active").await;
    place.core.shut_down().await;
}

#[actix_web::test]
async fn services_bring_schemas_of_their_own() {
    let place = simulated().await;
    let basic = Some(place.site.key_of(6).await);
    let service = Client { basic, ..place.site.nobody() };
    let fault = service
        .post(
            "/dynamicschemas",
            json!({"name": "farmConfig", "definition": "{", "roles": ["owner"]}),
        )
        .await
        .fault();
    assert!(fault.starts_with("422 InvalidFormat definition"), "{fault}");
    let definition = json!({
        "resourceMethods": ["GET"],
        "resourceFields": { "barn": { "type": "string", "create": true } },
    });
    let body = json!({
        "name": "farmConfig",
        "parent": "baseMachineConfig",
        "definition": definition.to_string(),
        "roles": ["owner"],
    });
    let made = service.post("/dynamicschemas", body).await.ok(201);
    place.state(&made["id"], "active").await;
    let owner = place.site.owner().await;
    let schema = owner.get("/schemas/farmconfig").await.ok(200);
    assert_eq!(schema["resourceFields"]["barn"]["type"], "string");
    let admin = place.site.admin().await;
    assert_eq!(admin.get("/schemas/farmconfig").await.status, 404, "another role");
    assert_eq!(owner.post("/dynamicschemas", json!({"name": "x"})).await.status, 404);
    service.delete(&path(&made)).await.ok(200);
    place.state(&made["id"], "purged").await;
    let listed = service.get("/dynamicschemas?name=farmConfig").await.ok(200);
    assert_eq!(listed["data"], json!([]));
    assert_eq!(owner.get("/schemas/farmconfig").await.status, 404);
    place.core.shut_down().await;
}

#[actix_web::test]
async fn a_real_machine_becomes_a_host_and_goes() {
    let machine = Machine::start().await;
    machine.can_install_docker().await;
    let place = place(Arc::new(SshMachines::new(Clock::System))).await;
    let owner = place.site.owner().await;
    let config = |key: &str| {
        json!({
            "address": machine.address,
            "dockerSocket": machine.socket(),
            "installDocker": true,
            "sshKey": machine.key(key),
        })
    };
    // One that does not let us in says what to do, and so does its host.
    let body = json!({"hostname": "shut", "genericConfig": config("host")});
    let shut = owner.post("/hosts", body).await.ok(201);
    place.state(&shut["id"], "error").await;
    for row in [again(&owner, &shut).await, machine_of(&owner, &shut).await] {
        let said = row["transitioningMessage"].as_str().unwrap_or_default();
        assert!(said.contains("add it to the user's authorized_keys"), "{said}");
        assert_eq!((&row["state"], &row["transitioning"]), (&json!("error"), &json!("error")));
    }
    owner.delete(&path(&shut)).await.ok(200);
    place.state(&shut["id"], "removed").await;

    let config = config("login");
    let body = json!({"hostname": "barn", "genericConfig": config});
    let host = owner.post("/hosts", body).await.ok(201);
    place.state(&host["id"], "active").await;
    let row = machine_of(&owner, &host).await;
    assert_eq!(row["state"], "active");
    assert!(machine.installed().contains("docker.io"));
    let kept = place.store().read(|read| read.get(number(&row["id"]))).unwrap().unwrap();
    assert_eq!(kept.str("hostKey"), Some(machine.host_key().as_str()), "asked for from now on");

    // What its configuration holds lets others in.
    let files = unpacked(&download(&owner, &format!("{}/config", path(&host))).await);
    let keys = tempfile::tempdir().expect("a folder");
    for (name, content) in &files {
        let own = keys.path().join(name.rsplit('/').next().expect("a name"));
        std::fs::write(&own, content).expect("a file");
        std::fs::set_permissions(&own, std::fs::Permissions::from_mode(0o600)).expect("a mode");
    }
    let at = |name: &str| keys.path().join(name).display().to_string();
    let ssh = tokio::process::Command::new("ssh")
        .args(["-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o"])
        .arg(format!("UserKnownHostsFile={}", at("known_hosts")))
        .args(["-i", &at("id_rsa"), &format!("root@{}", machine.address), "true"])
        .stdin(std::process::Stdio::null())
        .output();
    let ssh = ssh.await.expect("ssh runs");
    assert!(ssh.status.success(), "{}", String::from_utf8_lossy(&ssh.stderr));

    let image = format!("docker:{}", docker_there().await.image);
    let body = json!({
        "imageUuid": image,
        "command": ["sleep", "3600"],
        "networkMode": "none",
        "requestedHostId": host["id"],
        "name": "cow",
    });
    let container = owner.post("/containers", body).await.ok(201);
    place.state(&container["id"], "running").await;
    owner.delete(&path(&row)).await.ok(200);
    for row in [&container, &host, &row] {
        place.state(&row["id"], "removed").await;
    }
    place.core.shut_down().await;
}
