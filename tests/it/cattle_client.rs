//! Programs written for Rancher 1.6 go on working: its Python client, unmodified, against a server with
//! simulated hosts. What is done and expected is in `tests/client/`.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use ranchette::clock::{Clock, Entropy};
use ranchette::config::Config;
use ranchette::server;
use serde_json::{Value, json};
use tempfile::TempDir;

const DEADLINE: Duration = Duration::from_secs(900);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cattle_client_works() {
    let site = Site::start().await;
    let key = environment_key(&site.access).await;
    let text = |name: &str| key[name].as_str().unwrap();
    site.run("tests/client/cattle_test.py", text("publicValue"), text("secretValue"), &[]).await;
    site.server.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_type_of_every_role_has_its_whole_life() {
    let site = Site::start().await;
    let text = |name: &str| site.access[name].as_str().unwrap();
    site.run("tests/client/every_type_test.py", text("accessKey"), text("secretKey"), &[]).await;
    site.server.shut_down().await;
}

/// A server with simulated hosts, and the administrator's key to it.
pub struct Site {
    pub server: server::Running,
    pub access: Value,
    _folder: TempDir,
}

impl Site {
    pub async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let mut config = Config::default();
        config.server.listen.set_port(0);
        config.server.data_dir = folder.path().join("data");
        config.sim.enabled = true;
        config.sim.agents = true;
        // Hashes at their real price would be most of what these tests do.
        config.auth.argon2_memory_kib = 8;
        config.auth.argon2_iterations = 1;
        let server = server::start(&config, Clock::System, Entropy::System).await.unwrap();
        let access = std::fs::read(config.server.data_dir.join("local-access.json")).unwrap();
        let access = serde_json::from_slice(&access).unwrap();
        Self { server, access, _folder: folder }
    }

    /// Runs a test in Python with a key and more of the environment.
    pub async fn run(
        &self,
        script: &str,
        access_key: &str,
        secret_key: &str,
        more: &[(&str, &str)],
    ) {
        let python = std::env::var_os("RANCHETTE_TEST_PYTHON")
            .map_or_else(|| PathBuf::from("target/venv/bin/python"), PathBuf::from);
        assert!(
            python.is_file(),
            "the cattle client is missing in {}; `scripts/install-deps.sh test` installs it",
            python.display()
        );
        let mut command = tokio::process::Command::new(python);
        command
            .args(["-B", script])
            .env("URL", &self.server.url)
            .env("ACCESS_KEY", access_key)
            .env("SECRET_KEY", secret_key)
            .envs(more.iter().copied())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let output = tokio::time::timeout(DEADLINE, command.output()).await;
        let output = output.expect("the client is done in time").unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{}\n{text}{errors}", output.status);
    }
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
