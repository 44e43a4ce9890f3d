//! The server is killed at random moments while stacks come, scale, are upgraded and go on a real Docker
//! Engine; so are containers, and Docker itself is restarted. In the end exactly the declared containers run:
//! none is missing, doubled or left over, no volume has lost what was in it, and no port or address is held.
//!
//! It ends after `RANCHETTE_TEST_CHAOS_ROUNDS` (10) or, if they take longer, `RANCHETTE_TEST_CHAOS_SECONDS`
//! (30). `RANCHETTE_TEST_CHAOS_SEED` repeats a run's choices; the moments themselves depend on the machine.

use std::collections::BTreeMap;
use std::process::{Child, Stdio};

use ranchette::clock::{Clock, Entropy};
use reqwest::Method;
use serde_json::{Value, json};

use crate::docker_support::{OwnDocker, Place};
use crate::ranch::{Ranch, until, within};

const STACKS: u64 = 2;
/// The stack whose data must outlive everything: it is not removed, but for that nothing is spared it.
const KEEPER: usize = 2;
/// The longest time from an order to the kill, in milliseconds: mostly, and where it may get far.
const LIVES_MS: [u64; 4] = [900, 900, 900, 5_000];
const LARGEST_SCALE: u64 = 4;
/// Longest time until everything is as declared: what was killed often is started again ever later.
const PATIENCE_MS: i64 = 180_000;
/// What a service may be asked for besides what the command line asks for.
const ACTIONS: [&str; 5] =
    ["cancelupgrade", "continueupgrade", "finishupgrade", "rollback", "restart"];

/// A test run: who chooses, and what is chosen for.
struct Chaos {
    docker: OwnDocker,
    ranch: Ranch,
    choice: Entropy,
    server: Option<Child>,
    /// Lines that are in the keeper's file.
    written: Vec<String>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn chaos_leaves_exactly_the_declared_containers() {
    let number = |name: &str| -> Option<u64> {
        let text = std::env::var(format!("RANCHETTE_TEST_CHAOS_{name}")).ok();
        text.map(|text| text.parse().expect("a number"))
    };
    let rounds = number("ROUNDS").unwrap_or(10);
    let seconds = number("SECONDS").unwrap_or(30);
    let seed = number("SEED").unwrap_or_else(|| Entropy::System.u64() >> 32);
    eprintln!("chaos: {rounds} rounds in {seconds} s, RANCHETTE_TEST_CHAOS_SEED={seed}");
    let docker = OwnDocker::start("chaos", Place::Fourth).await;
    let ranch = Ranch::new(&docker.endpoint, 1, &["chaosa", "chaosb", "chaosk"]);
    let choice = Entropy::seeded(seed);
    let mut chaos = Chaos { docker, ranch, choice, server: None, written: Vec::new() };
    chaos.start().await;
    chaos.keep_data().await;
    let end_ms = Clock::System.now_ms() + 1_000 * i64::try_from(seconds).expect("seconds");
    for round in 1..=rounds {
        if Clock::System.now_ms() < end_ms {
            chaos.round(round).await;
        }
    }
    chaos.start().await;
    chaos.is_as_declared(seed).await;
    chaos.has_its_data().await;
    chaos.still_works().await;
    chaos.leaves_nothing().await;
}

impl Chaos {
    fn below(&self, bound: u64) -> u64 {
        self.choice.u64() % bound
    }

    fn one_of<'a, T>(&self, things: &'a [T]) -> Option<&'a T> {
        let count = things.len() as u64;
        things.get(usize::try_from(self.below(count.max(1))).expect("an index"))
    }

    /// An order, an accident in the midst of it, and mostly the end of the server.
    async fn round(&mut self, round: u64) {
        self.start().await;
        let stack = usize::try_from(self.below(STACKS + 1)).expect("a stack");
        let order = self.order(stack).await;
        let life_ms = self.below(*self.one_of(&LIVES_MS).expect("lives"));
        let (accident, kills) = (self.below(8), self.below(4) > 0);
        eprintln!(
            "chaos: round {round}: {order:?}, after {life_ms} ms accident {accident}, kill {kills}"
        );
        let mut command = self.ranch.ranchette();
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut client = quiet.args(order).spawn().expect("the client starts");
        Clock::System.sleep_ms(life_ms).await;
        match accident {
            0 => {
                self.docker.stop().await;
                self.docker.start_again().await;
            }
            1 => self.hurt_a_container(&["rm", "-f"]),
            2 | 3 => self.hurt_a_container(&["kill"]),
            4 | 5 => self.write(round),
            _ => {}
        }
        if kills {
            self.kill();
        }
        // It may have been told that the order is taken, or that there is no server.
        client.kill().expect("client");
        client.wait().expect("client");
    }

    /// Kills or removes any container, also that of the keeper.
    fn hurt_a_container(&self, how: &[&str]) {
        let stacks = (0..=KEEPER).map(|number| self.ranch.stack(number));
        let all: Vec<_> = stacks.flat_map(|stack| self.ranch.containers(stack)).collect();
        if let Some(victim) = self.one_of(&all) {
            // It may be gone, or down, by now.
            self.ranch.try_docker(&[how, &[victim.id.as_str()]].concat());
        }
    }

    /// Deploys the keeper and writes into its volume.
    async fn keep_data(&mut self) {
        let (file, stack) = (self.keeper_file(), self.ranch.stack(KEEPER));
        self.ranch.ok(&["up", "-f", &file, "-p", stack]).await;
        self.write(0);
        assert_eq!(self.written.len(), 1, "the data is written");
    }

    fn keeper_file(&self) -> String {
        self.ranch.file(&format!(
            r#"services:
  many:
    image: {}
    command: [sleep, "100000"]
    stop_signal: SIGKILL
    volumes: ["data:/data"]
volumes:
  data: {{}}
"#,
            self.docker.image
        ))
    }

    /// Writes one more line into the keeper's volume, if one of its containers runs.
    fn write(&mut self, round: u64) {
        let containers = self.ranch.containers(self.ranch.stack(KEEPER));
        let Some(keeper) = containers.iter().find(|one| one.is_running()) else { return };
        let line = format!("precious {round}");
        let command = format!("echo {line} >> /data/file");
        // Who was told that it is written counts on it.
        if self.ranch.exec(&keeper.id, &["sh", "-c", &command]).is_some() {
            self.written.push(line);
        }
    }

    async fn has_its_data(&self) {
        let stack = self.ranch.stack(KEEPER);
        self.ranch.ok(&["start", stack]).await;
        self.ranch.ok(&["scale", &format!("{stack}/many=1")]).await;
        let containers = self.ranch.containers(stack);
        let keeper = containers.iter().find(|one| one.is_running()).expect("a keeper");
        let data = self.ranch.exec(&keeper.id, &["cat", "/data/file"]).unwrap_or_default();
        let mut lines = data.lines();
        for written in &self.written {
            // What was cut off may have been written all the same.
            assert!(lines.any(|line| line == written), "{written} is lost of\n{data}");
        }
    }

    async fn start(&mut self) {
        if self.server.is_some() {
            return;
        }
        self.server = Some(self.ranch.spawn());
        until("the server answers", async || {
            if self.ranch.is_healthy().await { Ok(()) } else { Err(self.ranch.log()) }
        })
        .await;
    }

    fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill().expect("the server is killed");
            server.wait().expect("the server has ended");
        }
    }

    /// What the client is to ask for; half of the time a deployment, which may change everything.
    async fn order(&self, stack: usize) -> Vec<String> {
        let name = self.ranch.stack(stack).to_owned();
        let scale = self.below(LARGEST_SCALE + 1);
        let service = format!("{name}/many");
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        match self.below(12) {
            0..4 if stack == KEEPER => words(&["up", "-f", &self.keeper_file(), "-p", &name]),
            0..4 => {
                let file = self.ranch.file(&self.compose(scale));
                words(&["up", "-f", &file, "-p", &name])
            }
            4 => words(&["scale", &format!("{service}={scale}")]),
            5 if stack != KEEPER => words(&["down", &name, "--yes", "--volumes"]),
            5 | 6 => words(&["stop", &name]),
            7 => words(&["start", &name]),
            8 | 9 => {
                let batch = (1 + self.below(2)).to_string();
                let mut order = vec!["upgrade", &service, "--batch", &batch, "--interval", "100"];
                order.extend(["--image", &self.docker.image]);
                order.extend((self.below(2) == 0).then_some("--finish"));
                words(&order)
            }
            10 => words(&["rollback", &service]),
            _ => {
                self.act().await;
                words(&["ps"])
            }
        }
    }

    /// Asks a service for something that it offers.
    async fn act(&self) {
        let mut offers = Vec::new();
        for service in self.ranch.list("services?limit=100").await {
            for action in ACTIONS.iter().filter(|action| service["actions"].get(action).is_some()) {
                offers.push(format!("services/{}?action={action}", text(&service["id"])));
            }
        }
        offers.sort();
        if let Some(offer) = self.one_of(&offers) {
            let body = json!({ "rollingRestartStrategy": { "intervalMillis": 100 } });
            // It may have gone on since, and offer it no more.
            let (status, _) = self.ranch.ask(Method::POST, offer, &body).await;
            eprintln!("chaos: {offer}: {status}");
        }
    }

    fn compose(&self, scale: u64) -> String {
        let (image, version) = (&self.docker.image, self.below(2));
        format!(
            r#"services:
  many:
    image: {image}
    command: [sleep, "100000"]
    stop_signal: SIGKILL
    environment: {{ VERSION: "{version}" }}
    deploy: {{ replicas: {scale} }}
  one:
    image: {image}
    command: [sleep, "100000"]
    stop_signal: SIGKILL
    ports: ["80"]
    volumes: ["data:/data"]
volumes:
  data: {{}}
"#
        )
    }

    /// What has to run by the server's own declarations: names of containers by service. `Err` while
    /// something is still going on. Upgrades that nobody ended are.
    async fn declared(&self) -> Result<BTreeMap<String, Vec<String>>, String> {
        let mut stacks = BTreeMap::new();
        for stack in self.ranch.list("stacks?limit=100").await {
            settled("stack", &stack, &["active", "inactive", "degraded"])?;
            stacks.insert(text(&stack["id"]), text(&stack["name"]));
        }
        let mut declared = BTreeMap::new();
        for service in self.ranch.list("services?limit=100").await {
            let end = match service["state"].as_str() {
                Some("upgraded") => Some("finishupgrade"),
                Some("canceled-upgrade") => Some("rollback"),
                _ => None,
            };
            if let Some(end) = end {
                let path = format!("services/{}?action={end}", text(&service["id"]));
                self.ranch.send(Method::POST, &path, &json!({})).await;
            }
            settled("service", &service, &["active", "inactive"])?;
            if service["state"] == "active" {
                let stack = stacks.get(&text(&service["stackId"]));
                let stack = stack.ok_or("a service has no stack")?;
                let name = format!("{stack}-{}", text(&service["name"]));
                let scale = service["scale"].as_u64().unwrap_or_default();
                let names = (1..=scale).map(|number| format!("{name}-{number}")).collect();
                declared.insert(name, names);
            }
        }
        for instance in self.ranch.list("containers?limit=100").await {
            settled("container", &instance, &["running", "stopped"])?;
        }
        Ok(declared)
    }

    /// The names of what runs by service, and of all there is.
    fn found(&self) -> (BTreeMap<String, Vec<String>>, Vec<String>) {
        let (mut running, mut all) = (BTreeMap::<String, Vec<String>>::new(), Vec::new());
        for stack in 0..=KEEPER {
            for one in self.ranch.containers(self.ranch.stack(stack)) {
                all.push(one.given_name().to_owned());
                if one.is_running() {
                    let service = format!("{}-{}", self.ranch.stack(stack), one.service());
                    running.entry(service).or_default().push(one.given_name().to_owned());
                }
            }
        }
        running.values_mut().for_each(|names| names.sort());
        all.sort();
        (running, all)
    }

    async fn is_as_declared(&self, seed: u64) {
        let what = format!("seed {seed} leaves what is declared");
        within(PATIENCE_MS, &what, async || {
            let mut declared = match self.declared().await {
                Ok(declared) => declared,
                Err(why) => return Err(format!("{why}\n{}", self.everything().await)),
            };
            declared.retain(|_, names| !names.is_empty());
            let (running, all) = self.found();
            let known = self.ranch.list("containers?limit=100").await;
            let mut known: Vec<String> = known.iter().map(|one| text(&one["name"])).collect();
            known.sort();
            if running == declared && all == known {
                return Ok(());
            }
            Err(format!(
                "declared {declared:#?}, running {running:#?}\nknown {known:?}, there {all:?}\n{}",
                self.everything().await
            ))
        })
        .await;
    }

    /// What there is, for whoever looks into a failure.
    async fn everything(&self) -> String {
        let mut lines = Vec::new();
        for ty in ["stacks", "services", "containers", "volumes"] {
            for row in self.ranch.list(&format!("{ty}?limit=100")).await {
                let part = |name: &str| text(&row[name]);
                lines.push(format!(
                    "{} {} {} {}: {}",
                    part("type"),
                    part("id"),
                    part("name"),
                    part("state"),
                    part("transitioningMessage")
                ));
            }
        }
        format!("{}\n{}", lines.join("\n"), self.ranch.log())
    }

    /// After all that, an order is carried out as on the first day.
    async fn still_works(&self) {
        let file = self.ranch.file(&self.compose(3));
        for stack in [0, 1].map(|number| self.ranch.stack(number)) {
            self.ranch.ok(&["up", "-f", &file, "-p", stack]).await;
            self.ranch.ok(&["start", stack]).await;
            let containers = self.ranch.containers(stack);
            let names: Vec<&str> = containers.iter().map(|one| one.given_name()).collect();
            let expected = ["many-1", "many-2", "many-3", "one-1"].map(|n| format!("{stack}-{n}"));
            assert_eq!(names, expected);
            assert!(containers.iter().all(|one| one.is_running()), "{containers:?}");
        }
    }

    /// The engine is this test's alone: nothing at all is left but the environment's network.
    async fn leaves_nothing(&self) {
        for stack in (0..=KEEPER).map(|number| self.ranch.stack(number)) {
            self.ranch.ok(&["down", stack, "--volumes", "--yes"]).await;
        }
        assert_eq!(self.ranch.docker(&["ps", "-a"]).lines().count(), 1, "containers");
        assert_eq!(self.ranch.docker(&["volume", "ls", "-q"]), "", "volumes");
        let networks = self.ranch.docker(&["network", "ls", "--format", "{{.Name}}"]);
        let ours = networks.lines().filter(|name| !["bridge", "host", "none"].contains(name));
        assert_eq!(ours.count(), 1, "{networks}");
        assert_eq!(self.ranch.list("ports?limit=100").await, [""; 0], "ports");
        let mut addresses = self.ranch.list("ipAddresses?limit=100").await;
        // The host has one, on no network of ours.
        addresses.retain(|row| !row["networkId"].is_null());
        assert_eq!(addresses, [""; 0], "addresses");
    }
}

impl Drop for Chaos {
    fn drop(&mut self) {
        // The server first: it would replace what the ranch takes away.
        if let Some(mut server) = self.server.take() {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

fn settled(what: &str, row: &Value, states: &[&str]) -> Result<(), String> {
    let state = text(&row["state"]);
    if states.contains(&state.as_str()) && row["transitioning"] != "yes" {
        return Ok(());
    }
    Err(format!("{what} {} is {state}: {}", row["name"], row["transitioningMessage"]))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
