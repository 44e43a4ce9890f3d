//! Programs written for Rancher 1.6 go on working: its Python client, unmodified, against a server with
//! simulated hosts. What is done and expected is in `tests/client/cattle_test.py`.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use ranchette::clock::{Clock, Entropy};
use ranchette::config::Config;
use ranchette::server;
use serde_json::{Value, json};
use tempfile::TempDir;

const DEADLINE: Duration = Duration::from_secs(180);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cattle_client_works() {
    let python = std::env::var_os("RANCHETTE_TEST_PYTHON")
        .map_or_else(|| PathBuf::from("target/venv/bin/python"), PathBuf::from);
    assert!(
        python.is_file(),
        "the cattle client is missing in {}; `scripts/install-deps.sh test` installs it",
        python.display()
    );
    let folder = TempDir::new().unwrap();
    let mut config = Config::default();
    config.server.listen.set_port(0);
    config.server.data_dir = folder.path().join("data");
    config.sim.enabled = true;
    let server = server::start(&config, Clock::System, Entropy::System).await.unwrap();
    let access = std::fs::read(config.server.data_dir.join("local-access.json")).unwrap();
    let key = environment_key(&serde_json::from_slice(&access).unwrap()).await;

    let mut command = tokio::process::Command::new(python);
    command
        .args(["-B", "tests/client/cattle_test.py"])
        .env("URL", &server.url)
        .env("ACCESS_KEY", key["publicValue"].as_str().unwrap())
        .env("SECRET_KEY", key["secretValue"].as_str().unwrap())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = tokio::time::timeout(DEADLINE, command.output()).await;
    let output = output.expect("the client is done in time").unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}\n{text}{errors}", output.status);
    server.shut_down().await;
}

/// Makes an API key of the environment, with the administrator's.
async fn environment_key(access: &Value) -> Value {
    let text = |key: &str| access[key].as_str().unwrap();
    let url = format!("{}/v2-beta/projects/{}/apikeys", text("url"), text("projectId"));
    let request = reqwest::Client::new().post(url).json(&json!({ "name": "cattle" }));
    let request = request.basic_auth(text("accessKey"), Some(text("secretKey")));
    let key: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(key["accountId"], access["projectId"], "{key}");
    key
}
