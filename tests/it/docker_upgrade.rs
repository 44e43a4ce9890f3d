//! An upgrade on a real Docker Engine: the old containers are kept until it is finished, and are the
//! very same after a roll-back, also when the server was stopped in the middle.

use serde_json::{Value, json};

use crate::docker_support::docker;
use crate::ranch::{Container, Ranch, until};

fn compose(image: &str) -> String {
    format!(
        r#"services:
  web:
    image: {image}
    command: [sleep, "100000"]
    stop_signal: SIGKILL
    deploy: {{ replicas: 3 }}
"#
    )
}

/// `name running` of each container of the service, and what it was told to say.
fn seen(ranch: &Ranch, stack: &str) -> Vec<String> {
    let mut lines: Vec<String> = ranch
        .service(stack, "web")
        .iter()
        .map(|one| {
            let version = one.label("version");
            format!("{} {version} {}", one.given_name().trim_start_matches(stack), one.state)
        })
        .collect();
    lines.sort();
    lines
}

fn ids(ranch: &Ranch, stack: &str) -> Vec<String> {
    ranch.service(stack, "web").into_iter().map(|one| one.id).collect()
}

async fn state(ranch: &Ranch, id: &str, wanted: &str) {
    until(&format!("the service is {wanted}"), async || {
        let services = ranch.list("services").await;
        let service = services.iter().find(|service| service["id"] == id);
        let state = service.and_then(|service| service["state"].as_str()).unwrap_or("gone");
        let message = service.map(|service| service["transitioningMessage"].to_string());
        if state == wanted { Ok(()) } else { Err(format!("{state}: {message:?}")) }
    })
    .await;
}

fn to(image: &str, interval_ms: i64) -> Value {
    let launch = json!({
        "imageUuid": format!("docker:{image}"),
        "command": ["sleep", "100000"],
        "stopSignal": "SIGKILL",
        "labels": { "version": "two" },
    });
    json!({ "inServiceStrategy": {
        "launchConfig": launch, "batchSize": 2, "intervalMillis": interval_ms,
    } })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_service_is_upgraded_on_docker() {
    let docker = docker().await;
    let ranch = Ranch::new(&docker.endpoint, 9, &["upgrade"]);
    let stack = ranch.stack(0).to_owned();
    let server = ranch.start().await;
    let file = ranch.file(&compose(&docker.image));
    ranch.ok(&["up", "-f", &file, "-p", &stack]).await;
    let before = ids(&ranch, &stack);
    let services = ranch.list("services").await;
    let id = services[0]["id"].as_str().expect("an id").to_owned();
    let act = async |action: &str, body: Value| {
        let path = format!("services/{id}?action={action}");
        ranch.send(reqwest::Method::POST, &path, &body).await;
    };

    // The server is stopped after the first batch; the next one goes on.
    act("upgrade", to(&docker.image, 3000)).await;
    until("the first batch is new", async || {
        let seen = seen(&ranch, &stack);
        let new = seen.iter().filter(|line| line.ends_with("two running")).count();
        if new == 2 { Ok(()) } else { Err(format!("{seen:?}")) }
    })
    .await;
    server.shut_down().await;
    let server = ranch.start().await;
    state(&ranch, &id, "upgraded").await;
    let upgraded = [
        "-web-1  exited",
        "-web-1 two running",
        "-web-2  exited",
        "-web-2 two running",
        "-web-3  exited",
        "-web-3 two running",
    ];
    assert_eq!(seen(&ranch, &stack), upgraded);

    act("rollback", json!({})).await;
    state(&ranch, &id, "active").await;
    assert_eq!(ids(&ranch, &stack), before, "the very containers from before");
    assert!(ranch.service(&stack, "web").iter().all(Container::is_running));

    act("upgrade", to(&docker.image, 100)).await;
    state(&ranch, &id, "upgraded").await;
    act("finishupgrade", json!({})).await;
    state(&ranch, &id, "active").await;
    assert_eq!(
        seen(&ranch, &stack),
        ["-web-1 two running", "-web-2 two running", "-web-3 two running"]
    );

    // The same by the command line.
    let service = format!("{stack}/web");
    let kept = ids(&ranch, &stack);
    let image = docker.image.as_str();
    let args = ["upgrade", &service, "--image", image, "--batch", "3", "--interval", "100"];
    ranch.ok(&args).await;
    assert_eq!(seen(&ranch, &stack).len(), 6);
    ranch.ok(&["rollback", &service]).await;
    assert_eq!(ids(&ranch, &stack), kept);
    ranch.ok(&[&args[..], &["--finish"]].concat()).await;
    assert_eq!(seen(&ranch, &stack).len(), 3);
    assert_ne!(ids(&ranch, &stack), kept);
    // What was before a finished upgrade is an upgrade, too.
    ranch.ok(&["rollback", &service]).await;
    assert_eq!(seen(&ranch, &stack).len(), 3);

    ranch.ok(&["down", &stack, "--yes"]).await;
    assert_eq!(ranch.containers(&stack), []);
    server.shut_down().await;
}
