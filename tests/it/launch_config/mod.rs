//! What becomes of each field of a launch configuration: one table, shown in `docs/launch-config.md` and
//! tried on a real Docker Engine by looking at the containers that come of it.

mod rows;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use ranchette::engine::docker::DockerEngine;
use ranchette::engine::spec::{Extras, NetworkAttachment, container_spec};
use ranchette::engine::{Engine as _, RemoveVolumes};
use ranchette::model::audience::Audience;
use ranchette::model::registry;
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::docker_support::docker;
use crate::ranch::{Ranch, until};
use rows::ROWS;

/// Where a field goes.
#[derive(Clone, Copy, Debug)]
pub enum Goes {
    /// Into the container, as given, wherever the engine runs.
    Docker { given: &'static str, at: &'static str, seen: &'static str },
    /// Into the container, if the engine's machine can do it; other engines leave it out or refuse it.
    Engine { given: &'static str, at: &'static str, seen: &'static str },
    /// Into the container, once the server knows what it stands for.
    Placed(&'static str),
    /// To the server itself.
    Server(&'static str),
    /// Nowhere.
    Nowhere(&'static str),
}

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn every_field_that_can_be_given_has_a_row() {
    let entry = registry::lookup("launchConfig").expect("launchConfig");
    let given = entry.ty.fields.iter().copied().flatten();
    let mut fields: BTreeSet<&str> =
        given.filter(|field| field.create == Audience::Everyone).map(|field| field.name).collect();
    // Of containers alone: Rancher's services have none.
    fields.insert("restartPolicy");
    let rows: Vec<&str> = ROWS.iter().map(|row| row.0).collect();
    assert!(rows.is_sorted());
    assert_eq!(rows, fields.into_iter().collect::<Vec<_>>());
}

/// `UPDATE_EXPECT=1` rewrites the document.
#[test]
fn the_document_shows_the_table() {
    let mut text = String::from(
        "# What becomes of a launch configuration\n\nEvery field that a client may give a container or \
         a service's `launchConfig`, and where it goes. The table is that of\n\
         `tests/it/launch_config/rows.rs`, and tests look at real containers for the rows that have \
         a place in Docker;\n`make golden` writes it here. \"If the machine can\" means that the engine leaves it out, or \
         refuses the container with a message, where its\nkernel, its file system or its operating \
         system lacks it.\n\n| field | in Docker | for example |\n|---|---|---|\n",
    );
    for (field, goes) in ROWS {
        let place = |at: &str| at.trim_start_matches('/').replace('/', ".");
        let (place, example) = match goes {
            Goes::Docker { given, at, seen } => {
                (format!("`{}`", place(at)), format!("`{given}` is `{seen}`"))
            }
            Goes::Engine { given, at, seen } => {
                (format!("`{}`, if the machine can", place(at)), format!("`{given}` is `{seen}`"))
            }
            Goes::Placed(how) => ((*how).to_owned(), String::new()),
            Goes::Server(what) => (format!("for the server: {what}"), String::new()),
            Goes::Nowhere(why) => (format!("nowhere: {why}"), String::new()),
        };
        let example = match example.as_str() {
            "" => String::new(),
            example => format!(" {}", example.replace('|', "\\|")),
        };
        let _ = writeln!(text, "| `{field}` | {place} |{example} |");
    }
    expect_test::expect_file!["../../../docs/launch-config.md"].assert_eq(&text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_row_is_seen_in_a_container() {
    let docker = docker().await;
    let engine = DockerEngine::new(&docker.endpoint);
    let ranch = Ranch::new(&docker.endpoint, 12, &[]);
    let mut wrong = Vec::new();
    for (field, goes) in ROWS {
        let (given, at, seen, can) = match goes {
            Goes::Docker { given, at, seen } => (given, at, seen, true),
            Goes::Engine { given, at, seen } => (given, at, seen, false),
            Goes::Placed(_) | Goes::Server(_) | Goes::Nowhere(_) => continue,
        };
        let mut data = Map::new();
        data.insert("imageUuid".to_owned(), format!("docker:{}", docker.image).into());
        data.insert((*field).to_owned(), json_of(given));
        let extras = Extras {
            uuid: format!("{}-{field}", std::process::id()),
            name: format!("launch-{}", field.to_lowercase()),
            network: NetworkAttachment::Bridge,
            ..Extras::default()
        };
        let spec = container_spec(&data, &extras).expect("it is understood");
        let id = match engine.create(&spec).await {
            Ok(id) => id,
            Err(_) if !can => continue,
            Err(error) => {
                wrong.push(format!("{field}: {error}"));
                continue;
            }
        };
        let inspect = ranch.docker(&["container", "inspect", &id]);
        engine.remove(&id, RemoveVolumes::Anonymous).await.expect("removed");
        let inspect = &json_of(&inspect)[0];
        let found = inspect.pointer(at).cloned().unwrap_or_default();
        let left_out = !can
            && (found.is_null()
                || found == json!(0)
                || found == json!([])
                || found == json!(false));
        if !left_out && !shows(&found, &json_of(seen)) {
            wrong.push(format!("{field}: {found} at {at}, not {seen}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whether a container shows what is wanted; of lists and objects it may show more.
fn shows(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => wanted
            .iter()
            .all(|(key, value)| found.get(key).is_some_and(|found| shows(found, value))),
        (Value::Array(found), Value::Array(wanted)) => {
            wanted.iter().all(|value| found.iter().any(|found| shows(found, value)))
        }
        (Value::String(found), Value::String(wanted)) => {
            // Newer engines write capabilities with their prefix.
            found == wanted || found.strip_prefix("CAP_") == Some(wanted)
        }
        _ => found == wanted,
    }
}

/// Makes a container through the API, and waits until it runs; its id, and what Docker shows of it.
async fn container(ranch: &Ranch, name: &str, change: Value) -> (Value, Value) {
    let image = format!("docker:{}", docker().await.image);
    let mut body = json!({
        "name": name, "imageUuid": image, "stopSignal": "SIGKILL", "stdinOpen": true,
        "labels": { "io.rancher.stack.name": ranch.stack(0) },
    });
    if let (Some(body), Value::Object(change)) = (body.as_object_mut(), change) {
        body.extend(change);
    }
    let made = ranch.send(Method::POST, "containers", &body).await;
    let path = format!("containers?id={}", made["id"].as_str().expect("an id"));
    let row = until(&format!("container `{name}` runs"), async || {
        let row = ranch.list(&path).await.into_iter().next().ok_or("it is gone")?;
        if row["state"] == "running" { Ok(row) } else { Err(row.to_string()) }
    })
    .await;
    let id = row["externalId"].as_str().expect("an id of Docker's");
    (made["id"].clone(), json_of(&ranch.docker(&["container", "inspect", id]))[0].clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_the_server_has_to_find_is_seen_in_a_container() {
    let docker = docker().await;
    let ranch = Ranch::new(&docker.endpoint, 15, &["placed"]);
    let stack = ranch.stack(0).to_owned();
    let server = ranch.start().await;
    until("the host is active", async || {
        let hosts = ranch.list("hosts").await;
        let active = hosts.iter().any(|host| host["state"] == "active");
        if active { Ok(()) } else { Err(format!("{hosts:?}")) }
    })
    .await;
    let mode = |inspect: &Value| inspect["HostConfig"]["NetworkMode"].clone();
    let (first, inspect) = container(&ranch, "first", json!({ "dataVolumes": ["/kept"] })).await;
    assert_eq!(inspect["Config"]["Image"], docker.image);
    let first_id = inspect["Id"].as_str().expect("an id").to_owned();
    assert!(mode(&inspect).as_str().is_some_and(|mode| mode.starts_with("ranchette-")));
    for (name, wanted) in [("host", "host"), ("bridge", "bridge"), ("none", "none")] {
        let (_, inspect) = container(&ranch, name, json!({ "networkMode": wanted })).await;
        assert_eq!(mode(&inspect), wanted);
    }
    let shared = json!({ "networkMode": "container", "networkContainerId": first });
    let (_, inspect) = container(&ranch, "shared", shared).await;
    assert_eq!(mode(&inspect), format!("container:{first_id}"));
    let (_, inspect) = container(&ranch, "from", json!({ "dataVolumesFrom": [first] })).await;
    assert_eq!(inspect["HostConfig"]["VolumesFrom"], json!([first_id]));

    let name = format!("{stack}_cow");
    let volume = json!({ "name": name, "driver": "local" });
    let volume = ranch.send(Method::POST, "volumes", &volume).await;
    let mounts = json!({ "dataVolumeMounts": { "/cow": volume["id"] } });
    let (_, inspect) = container(&ranch, "mounts", mounts).await;
    assert!(
        shows(&inspect["HostConfig"]["Binds"], &json!([format!("{name}:/cow:rw")])),
        "{inspect}"
    );
    let secret = json!({ "name": "cow", "value": "bW9v" });
    let secret = ranch.send(Method::POST, "secrets", &secret).await;
    let (_, inspect) =
        container(&ranch, "secret", json!({ "secrets": [{ "secretId": secret["id"] }] })).await;
    let mount = json!([{ "Type": "bind", "Target": "/run/secrets", "ReadOnly": true }]);
    assert!(shows(&inspect["HostConfig"]["Mounts"], &mount), "{inspect}");
    sidekicks_share_what_the_primary_has(&ranch, &stack).await;
    ranch.ok(&["down", &stack, "--yes"]).await;
    server.shut_down().await;
}

/// What only services have: other containers of the same unit, and an address that is asked for.
async fn sidekicks_share_what_the_primary_has(ranch: &Ranch, stack: &str) {
    let made = ranch.send(Method::POST, "stacks", &json!({ "name": stack })).await;
    let image = format!("docker:{}", docker().await.image);
    let launch = |change: Value| {
        let mut launch = json!({ "imageUuid": image, "stopSignal": "SIGKILL", "stdinOpen": true });
        if let (Some(launch), Value::Object(change)) = (launch.as_object_mut(), change) {
            launch.extend(change);
        }
        launch
    };
    let service = json!({
        "name": "pair", "stackId": made["id"], "startOnCreate": true,
        "launchConfig": launch(json!({ "dataVolumes": ["/kept"] })),
        "secondaryLaunchConfigs": [launch(json!({
            "name": "side", "networkMode": "container", "networkLaunchConfig": "pair",
            "dataVolumesFromLaunchConfigs": ["pair"],
        }))],
    });
    ranch.send(Method::POST, "services", &service).await;
    let found = until("both containers run", async || {
        let all = ranch.containers(stack);
        let running =
            all.iter().filter(|one| one.is_running() && one.service().starts_with("pair"));
        let running: Vec<_> = running.cloned().collect();
        if running.len() == 2 { Ok(running) } else { Err(format!("{all:?}")) }
    })
    .await;
    let inspect = |part: &str| {
        let one = found.iter().find(|one| one.given_name().ends_with(part)).expect("a container");
        json_of(&ranch.docker(&["container", "inspect", &one.id]))[0].clone()
    };
    let (primary, side) = (inspect("pair-1"), inspect("side-1"));
    let id = primary["Id"].as_str().expect("an id");
    assert_eq!(side["HostConfig"]["NetworkMode"], format!("container:{id}"));
    assert_eq!(side["HostConfig"]["VolumesFrom"], json!([id]));
}
