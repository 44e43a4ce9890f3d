//! Docker is stopped and started while a stack is being deployed: the server keeps serving, says so on
//! the host, and catches up.

use serde_json::Value;

use crate::docker_support::{OwnDocker, Place};
use crate::ranch::{Container, Ranch, until};

const REPLICAS: usize = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn docker_goes_away_in_mid_deploy_and_comes_back() {
    let docker = OwnDocker::start("own", Place::Second).await;
    let ranch = Ranch::new(&docker.endpoint, 2, &["away", "late"]);
    let (stack, late) = (ranch.stack(0).to_owned(), ranch.stack(1).to_owned());
    let server = ranch.start().await;
    let file = ranch.file(&format!(
        "services:
  web:
    image: {}
    command: [sleep, \"100000\"]
    stop_signal: SIGKILL
    deploy: {{ replicas: {REPLICAS} }}
",
        docker.image
    ));
    ranch.ok(&["up", "-d", "-f", &file, "-p", &stack]).await;
    until("the first container is there", async || {
        if ranch.containers(&stack).is_empty() { Err("nothing".to_owned()) } else { Ok(()) }
    })
    .await;
    docker.stop().await;

    until("the host says that Docker is away", async || {
        let host = ranch.list("hosts").await.remove(0);
        let message = host["transitioningMessage"].as_str().unwrap_or_default();
        let says = message.contains("docker.sock") || message.to_lowercase().contains("docker");
        // It is looked for first, and given up only after minutes.
        let state = host["agentState"].as_str().unwrap_or_default();
        let away = matches!(state, "reconnecting" | "disconnected") && says;
        if away { Ok(()) } else { Err(host.to_string()) }
    })
    .await;
    assert!(ranch.is_healthy().await, "the server serves without Docker");
    let services = ranch.list("services").await;
    assert_eq!(services.len(), 1);
    // What cannot be done now is taken on all the same.
    ranch.ok(&["up", "-d", "-f", &file, "-p", &late]).await;

    docker.start_again().await;
    until("the host is back", async || {
        let host = ranch.list("hosts").await.remove(0);
        let back = host["agentState"] == "active" && host["transitioning"] == "no";
        if back { Ok(()) } else { Err(host.to_string()) }
    })
    .await;
    for stack in [&stack, &late] {
        until("everything runs", async || runs(&ranch, stack).await).await;
    }
    for stack in [&stack, &late] {
        ranch.ok(&["down", stack, "--yes", "--volumes"]).await;
        assert_eq!(ranch.containers(stack), []);
    }
    server.shut_down().await;
}

/// Each container is there once, and the server says so, too.
async fn runs(ranch: &Ranch, stack: &str) -> Result<(), String> {
    let containers = ranch.containers(stack);
    let names: Vec<&str> = containers.iter().map(Container::given_name).collect();
    let expected: Vec<String> = (1..=REPLICAS).map(|n| format!("{stack}-web-{n}")).collect();
    let active = |row: &Value| row["state"] == "active" && row["transitioning"] == "no";
    let services = ranch.list("services").await;
    if names == expected
        && containers.iter().all(Container::is_running)
        && services.iter().all(active)
    {
        return Ok(());
    }
    Err(format!("{containers:?}\n{services:?}"))
}
