//! A server on a real Docker Engine, driven through the command line, and what Docker says of it.
//!
//! Whatever a test makes belongs to its stacks; it is removed with the [`Ranch`], also when the test
//! fails.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ranchette::clock::{Clock, Entropy};
use ranchette::config::Config;
use ranchette::process::native;
use ranchette::process::site::Site;
use ranchette::server::data_dir::DataDir;
use ranchette::server::{self, Running};
use ranchette::store::{Store, Tx};
use serde_json::Value;
use tempfile::TempDir;

/// Longest a test waits for something that ought to happen: a failure, not a pace.
pub const DEADLINE_MS: i64 = 90_000;

/// A server's folder and its part of an engine.
pub struct Ranch {
    pub folder: TempDir,
    pub endpoint: String,
    pub listen: SocketAddr,
    /// Where this server's networks come from; servers on one machine must not share one.
    subnet: String,
    /// Stacks have names that no other test process uses.
    stacks: Vec<String>,
    networks: Mutex<BTreeSet<String>>,
    /// Whether it shows what others run on the engine, which other tests do, too.
    shows_others: bool,
}

/// A server in this process. It ends with this value: it would replace what a failed test removes.
pub struct Serving(Option<Running>);

impl Serving {
    /// Stops it as a signal does.
    pub async fn shut_down(mut self) {
        if let Some(running) = self.0.take() {
            running.shut_down().await;
        }
    }
}

impl Serving {
    /// What its processes use.
    pub fn site(&self) -> Arc<Site> {
        Arc::clone(&self.0.as_ref().expect("it runs").core.site)
    }

    /// The code that the first administrator is made with.
    pub fn setup_code(&self) -> String {
        self.0.as_ref().and_then(|running| running.setup_code.clone()).unwrap_or_default()
    }

    /// Stores a setting, as an administrator would.
    pub async fn set(&self, name: &'static str, value: &str) {
        let store = self.site().store.clone();
        let value = value.to_owned();
        store.write(move |tx| tx.set_setting(name, Some(&value))).await.expect("a setting");
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if let Some(running) = &self.0 {
            running.core.stop.cancel();
        }
    }
}

/// A container as Docker shows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Container {
    pub name: String,
    pub id: String,
    pub state: String,
    pub started: String,
    pub labels: BTreeMap<String, String>,
}

impl Container {
    pub fn label(&self, key: &str) -> &str {
        self.labels.get(key).map_or("", String::as_str)
    }

    /// `service` of `stack/service`.
    pub fn service(&self) -> &str {
        self.label("io.rancher.stack_service.name").split_once('/').map_or("", |(_, name)| name)
    }

    /// The name without `r-` and the digits of the uuid: `stack-service-1`.
    pub fn given_name(&self) -> &str {
        self.label("io.rancher.container.name")
    }

    pub fn is_running(&self) -> bool {
        self.state == "running"
    }
}

impl Ranch {
    /// Nothing runs yet. Each test of a process has a number of its own, below 32.
    pub fn new(endpoint: &str, number: u32, stacks: &[&str]) -> Self {
        let pid = std::process::id();
        Self {
            folder: TempDir::new().expect("temporary folder"),
            endpoint: endpoint.to_owned(),
            listen: free_address(),
            subnet: format!("10.{}.{}.0/20", 180 - number / 16 * 60 + pid % 60, number % 16 * 16),
            stacks: stacks.iter().map(|name| format!("{name}{pid}")).collect(),
            networks: Mutex::default(),
            shows_others: false,
        }
    }

    /// It shows containers that others run.
    pub fn showing_others(mut self) -> Self {
        self.shows_others = true;
        self
    }

    /// The name of a stack.
    pub fn stack(&self, number: usize) -> &str {
        &self.stacks[number]
    }

    /// The server's data directory.
    pub fn data_dir(&self) -> std::path::PathBuf {
        self.folder.path().join("data")
    }

    /// Starts the server in this process.
    pub async fn start(&self) -> Serving {
        let mut config = Config::default();
        config.server.listen = self.listen;
        config.server.data_dir = self.data_dir();
        config.docker.host.clone_from(&self.endpoint);
        config.network.subnet = self.subnet.parse().expect("subnet");
        if !self.shows_others {
            self.hide_others().await;
        }
        let running = server::start(&config, Clock::System, Entropy::System).await;
        Serving(Some(running.expect("the server starts")))
    }

    /// Before the first look at the engine, which other tests use at the same time.
    async fn hide_others(&self) {
        let folder = DataDir::open(&self.data_dir()).expect("data folder");
        let store = Store::open(&folder.database(), Clock::System, Entropy::System);
        let hide = |tx: &mut Tx<'_>| tx.set_setting(native::SHOWN, Some("false"));
        store.expect("a store").write(hide).await.expect("a setting");
    }

    /// Starts the server as a process of its own, which logs to the file `server.log`.
    pub fn spawn(&self) -> std::process::Child {
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.folder.path().join("server.log"))
            .expect("log");
        self.ranchette()
            .args(["serve", "--listen", &self.listen.to_string(), "--docker-host", &self.endpoint])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the server starts")
    }

    /// The program, with this server's data directory.
    pub fn ranchette(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ranchette"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("RANCHETTE_") {
                command.env_remove(name);
            }
        }
        command.env("RANCHETTE_NETWORK_SUBNET", &self.subnet);
        let shown = if self.shows_others { "true" } else { "false" };
        command.env("CATTLE_MANAGE_NONRANCHER_CONTAINERS", shown);
        command.arg("--data-dir").arg(self.data_dir());
        command
    }

    /// Runs a verb to its end.
    pub async fn run(&self, args: &[&str]) -> Output {
        let mut command = tokio::process::Command::from(self.ranchette());
        command.args(args).stdin(Stdio::null()).kill_on_drop(true);
        let deadline = Duration::from_millis(DEADLINE_MS.unsigned_abs());
        let output = tokio::time::timeout(deadline, command.output()).await;
        output.unwrap_or_else(|_| panic!("{args:?} takes too long")).expect("`ranchette` starts")
    }

    /// Runs a verb that succeeds; what it printed.
    pub async fn ok(&self, args: &[&str]) -> String {
        let output = self.run(args).await;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {}\n{text}\n{errors}", output.status);
        text
    }

    /// Writes a compose file; its path.
    pub fn file(&self, text: &str) -> String {
        let path = self.folder.path().join("compose.yaml");
        std::fs::write(&path, text).expect("compose file");
        path.to_string_lossy().into_owned()
    }

    /// Runs Docker's client, which has to succeed.
    pub fn docker(&self, args: &[&str]) -> String {
        let output = self.try_docker(args);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "docker {args:?}: {errors}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    pub fn try_docker(&self, args: &[&str]) -> Output {
        let mut command = Command::new("docker");
        command.args(["-H", &self.endpoint]).args(args).stdin(Stdio::null());
        command.output().expect("`docker` starts; install package docker.io")
    }

    /// All containers of a stack, by name.
    pub fn containers(&self, stack: &str) -> Vec<Container> {
        let filter = format!("label=io.rancher.stack.name={stack}");
        let ids = self.docker(&["ps", "-aq", "--no-trunc", "--filter", &filter]);
        if ids.is_empty() {
            return Vec::new();
        }
        let mut args = vec!["container", "inspect"];
        args.extend(ids.lines());
        // One that has gone since is left out of the answer, and the client fails.
        let answer = self.try_docker(&args).stdout;
        let found: Vec<Value> = serde_json::from_slice(&answer).expect("JSON");
        let networks =
            found.iter().filter_map(|one| one["NetworkSettings"]["Networks"].as_object());
        let mut known = self.networks.lock().unwrap_or_else(PoisonError::into_inner);
        known.extend(networks.flat_map(serde_json::Map::keys).cloned());
        let mut containers: Vec<Container> = found.iter().map(container).collect();
        containers.sort();
        containers
    }

    /// The containers of a service, by name.
    pub fn service(&self, stack: &str, service: &str) -> Vec<Container> {
        let mut containers = self.containers(stack);
        containers.retain(|container| container.service() == service);
        containers
    }

    /// The networks that containers were seen on.
    pub fn networks(&self) -> BTreeSet<String> {
        self.networks.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The volumes of a stack.
    pub fn volumes(&self, stack: &str) -> Vec<String> {
        let names = self.docker(&["volume", "ls", "-q"]);
        names.lines().filter(|name| name.starts_with(stack)).map(str::to_owned).collect()
    }

    /// What a command in a container prints; `None` if it fails.
    pub fn exec(&self, container: &str, command: &[&str]) -> Option<String> {
        let mut args = vec!["exec", container];
        args.extend(command);
        let output = self.try_docker(&args);
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        output.status.success().then_some(text)
    }

    /// The end of what the server's process logged.
    pub fn log(&self) -> String {
        let log = std::fs::read_to_string(self.folder.path().join("server.log"));
        let log = log.unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(60)..].join("\n")
    }

    /// Whether the server answers.
    pub async fn is_healthy(&self) -> bool {
        let url = format!("http://{}/healthz", self.listen);
        reqwest::get(url).await.is_ok_and(|answer| answer.status().is_success())
    }

    /// A list of resources of the first environment, as its owner sees it.
    pub async fn list(&self, path: &str) -> Vec<Value> {
        self.try_list(path).await.unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// The key of whoever may read the data folder.
    pub fn key(&self) -> (String, String) {
        let access = std::fs::read(self.data_dir().join("local-access.json")).expect("access");
        let access: Value = serde_json::from_slice(&access).expect("JSON");
        let text = |field: &str| access[field].as_str().unwrap_or_default().to_owned();
        (text("accessKey"), text("secretKey"))
    }

    /// Waits until a host takes containers.
    pub async fn active_host(&self) {
        until("a host is active", async || {
            let hosts = self.try_list("hosts").await.map_err(|error| error.to_string())?;
            let active = |host: &Value| host["state"] == "active" && host["agentState"] == "active";
            if hosts.iter().any(active) { Ok(()) } else { Err(format!("{hosts:?}")) }
        })
        .await;
    }

    /// Sends a body to a path of the first environment, as its owner; the answer, which is a success.
    pub async fn send(&self, method: reqwest::Method, path: &str, body: &Value) -> Value {
        let (status, answer) = self.ask(method, path, body).await;
        assert!((200..300).contains(&status), "{path}: {status} {answer}");
        answer
    }

    /// Sends a body to a path of the first environment, as its owner; status and answer.
    pub async fn ask(&self, method: reqwest::Method, path: &str, body: &Value) -> (u16, Value) {
        let access = std::fs::read(self.data_dir().join("local-access.json")).expect("access");
        let access: Value = serde_json::from_slice(&access).expect("JSON");
        let text = |field: &str| access[field].as_str().unwrap_or_default().to_owned();
        let url = format!("http://{}/v2-beta/projects/{}/{path}", self.listen, text("projectId"));
        let request = reqwest::Client::new().request(method, url);
        let request = request.basic_auth(text("accessKey"), Some(text("secretKey")));
        let answer = request.json(body).send().await.expect("an answer");
        let status = answer.status().as_u16();
        let answer = answer.text().await.expect("a body");
        (status, serde_json::from_str(&answer).unwrap_or_else(|_| answer.into()))
    }

    async fn try_list(&self, path: &str) -> Result<Vec<Value>, Box<dyn std::error::Error>> {
        let access = std::fs::read(self.data_dir().join("local-access.json"))?;
        let access: Value = serde_json::from_slice(&access)?;
        let project = access["projectId"].as_str().unwrap_or_default();
        let url = format!("http://{}/v2-beta/projects/{project}/{path}", self.listen);
        let key = access["accessKey"].as_str().unwrap_or_default();
        let request = reqwest::Client::new().get(url).basic_auth(key, access["secretKey"].as_str());
        let answer = request.send().await?.error_for_status()?;
        let answer: Value = serde_json::from_slice(&answer.bytes().await?)?;
        Ok(answer["data"].as_array().cloned().unwrap_or_default())
    }
}

impl Ranch {
    /// Removes what sends the containers' questions to this server: the server leaves it for the next.
    fn forget_redirections(&self) {
        let iptables = |words: &[&str]| {
            Command::new("iptables").args(["-w", "5", "-t", "nat"]).args(words).output()
        };
        let Ok(listing) = iptables(&["-S", "PREROUTING"]) else { return };
        let listing = String::from_utf8_lossy(&listing.stdout).into_owned();
        let own = |line: &&str| line.contains(&self.subnet) && line.contains("ranchette");
        for line in listing.lines().filter(own) {
            let words = shlex::split(line.trim_start_matches("-A ")).unwrap_or_default();
            let words: Vec<&str> =
                std::iter::once("-D").chain(words.iter().map(String::as_str)).collect();
            let _ = iptables(&words);
        }
    }
}

impl Ranch {
    /// Tables of the packet filter that are about this server's addresses.
    pub fn tables(&self) -> Vec<String> {
        self.try_tables().expect("`nft` starts; install package nftables")
    }

    fn try_tables(&self) -> std::io::Result<Vec<String>> {
        let listing = Command::new("nft").args(["list", "tables", "bridge"]).output()?;
        let listing = String::from_utf8_lossy(&listing.stdout).into_owned();
        let end = self.subnet.replace(['.', '/'], "_");
        let names = listing.lines().filter_map(|line| line.trim().strip_prefix("table bridge "));
        Ok(names.filter(|name| name.ends_with(&end)).map(str::to_owned).collect())
    }

    /// Removes the rules of network policies, which outlive the server.
    fn forget_policies(&self) {
        for table in self.try_tables().unwrap_or_default() {
            let _ = Command::new("nft").args(["delete", "table", "bridge", &table]).output();
        }
    }
}

impl Drop for Ranch {
    fn drop(&mut self) {
        for stack in &self.stacks {
            let filter = format!("label=io.rancher.stack.name={stack}");
            let ids = self.try_docker(&["ps", "-aq", "--filter", &filter]).stdout;
            let ids = String::from_utf8_lossy(&ids);
            for id in ids.lines() {
                self.try_docker(&["rm", "-fv", id]);
            }
            let names = self.try_docker(&["volume", "ls", "-q"]).stdout;
            let names = String::from_utf8_lossy(&names);
            for name in names.lines().filter(|name| name.starts_with(stack.as_str())) {
                self.try_docker(&["volume", "rm", "-f", name]);
            }
        }
        self.forget_redirections();
        self.forget_policies();
        for network in self.networks().iter().filter(|name| name.starts_with("ranchette-")) {
            self.try_docker(&["network", "rm", network]);
        }
    }
}

fn container(found: &Value) -> Container {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Container {
        name: text(&found["Name"]).trim_start_matches('/').to_owned(),
        id: text(&found["Id"]),
        state: text(&found["State"]["Status"]),
        started: text(&found["State"]["StartedAt"]),
        labels: serde_json::from_value(found["Config"]["Labels"].clone()).unwrap_or_default(),
    }
}

/// Asks until there is an answer: Docker is looked at from outside, so nothing tells when to look.
pub async fn until<T>(what: &str, ask: impl AsyncFnMut() -> Result<T, String>) -> T {
    within(DEADLINE_MS, what, ask).await
}

/// Waits until a published port of this machine answers with a text.
pub async fn page_says(port: u16, text: &str) {
    until("the published port answers", async || {
        let page = reqwest::get(format!("http://127.0.0.1:{port}/")).await;
        let page = page.map_err(|error| format!("{error:?}"))?;
        let page = page.text().await.map_err(|error| format!("{error:?}"))?;
        if page.trim() == text { Ok(()) } else { Err(page) }
    })
    .await;
}

/// [`until`] with a deadline of its own, for what backs off when it fails.
pub async fn within<T>(
    deadline_ms: i64,
    what: &str,
    mut ask: impl AsyncFnMut() -> Result<T, String>,
) -> T {
    let end_ms = Clock::System.now_ms() + deadline_ms;
    loop {
        match ask().await {
            Ok(found) => return found,
            Err(seen) => {
                let in_time = Clock::System.now_ms() < end_ms;
                assert!(in_time, "{what}: not within {deadline_ms} ms; in the end: {seen}");
            }
        }
        Clock::System.sleep_ms(50).await;
    }
}

/// An address that nothing listens on.
pub fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// A compose file with one service, `app`, whose container only has to be there.
pub fn sleeper(image: &str) -> String {
    format!(
        "services:
  app:
    image: {image}
    command: [sleep, \"100000\"]
    stop_signal: SIGKILL
"
    )
}
