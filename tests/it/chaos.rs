//! The server is killed at random moments while stacks change on a real Docker Engine. In the end
//! exactly the declared containers run: none is missing, doubled or left over.
//!
//! `RANCHETTE_TEST_CHAOS_KILLS` says how many times (10), `RANCHETTE_TEST_CHAOS_SEED` repeats a run's
//! choices; the moments themselves depend on the machine.

use std::collections::BTreeMap;
use std::process::{Child, Stdio};

use ranchette::clock::{Clock, Entropy};
use serde_json::Value;

use crate::docker_support::docker;
use crate::ranch::{Ranch, until};

const STACKS: usize = 2;
/// The longest time from an order to the kill, in milliseconds.
const LONGEST_LIFE_MS: u64 = 900;
const LARGEST_SCALE: u64 = 4;

/// A test run: who chooses, and what is chosen for.
struct Chaos {
    ranch: Ranch,
    image: String,
    choice: Entropy,
    server: Option<Child>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn chaos_leaves_exactly_the_declared_containers() {
    let number = |name: &str| -> Option<u64> {
        std::env::var(name).ok().map(|text| text.parse().expect("a number"))
    };
    let kills = number("RANCHETTE_TEST_CHAOS_KILLS").unwrap_or(10);
    let seed = number("RANCHETTE_TEST_CHAOS_SEED").unwrap_or_else(|| Entropy::System.u64() >> 32);
    eprintln!("chaos: {kills} kills, RANCHETTE_TEST_CHAOS_SEED={seed}");
    let docker = docker().await;
    let ranch = Ranch::new(&docker.endpoint, 1, &["chaosa", "chaosb"]);
    let choice = Entropy::seeded(seed);
    let mut chaos = Chaos { ranch, image: docker.image.clone(), choice, server: None };
    for kill in 1..=kills {
        chaos.start().await;
        let stack = chaos.below(STACKS as u64) as usize;
        let order = chaos.order(stack);
        let life_ms = chaos.below(LONGEST_LIFE_MS);
        eprintln!("chaos: kill {kill} is {life_ms} ms after {order:?}");
        let order: Vec<&str> = order.iter().map(String::as_str).collect();
        let mut command = chaos.ranch.ranchette();
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut client = quiet.args(order).spawn().expect("the client starts");
        Clock::System.sleep_ms(life_ms).await;
        chaos.kill();
        // It may have been told that the order is taken, or that there is no server.
        client.kill().expect("client");
        client.wait().expect("client");
    }
    chaos.start().await;
    chaos.is_as_declared(kills, seed).await;
    chaos.still_works().await;
    chaos.leaves_nothing().await;
}

impl Chaos {
    fn below(&self, bound: u64) -> u64 {
        self.choice.u64() % bound
    }

    async fn start(&mut self) {
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
    fn order(&self, stack: usize) -> Vec<String> {
        let name = self.ranch.stack(stack).to_owned();
        let scale = self.below(LARGEST_SCALE + 1);
        match self.below(8) {
            0..4 => {
                let file = self.ranch.file(&self.compose(scale));
                vec!["up".to_owned(), "-f".to_owned(), file, "-p".to_owned(), name]
            }
            4 | 5 => vec!["scale".to_owned(), format!("{name}/many={scale}")],
            6 => vec!["down".to_owned(), name, "--yes".to_owned(), "--volumes".to_owned()],
            _ => vec![["stop", "start"][self.below(2) as usize].to_owned(), name],
        }
    }

    fn compose(&self, scale: u64) -> String {
        let (image, version) = (&self.image, self.below(2));
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
    volumes: ["data:/data"]
volumes:
  data: {{}}
"#
        )
    }

    /// What has to run by the server's own declarations: names of containers by service. `Err` while
    /// something is still going on.
    async fn declared(&self) -> Result<BTreeMap<String, Vec<String>>, String> {
        let mut stacks = BTreeMap::new();
        for stack in self.ranch.list("stacks?limit=100").await {
            settled("stack", &stack, &["active", "inactive", "degraded"])?;
            stacks.insert(text(&stack["id"]), text(&stack["name"]));
        }
        let mut declared = BTreeMap::new();
        for service in self.ranch.list("services?limit=100").await {
            settled("service", &service, &["active", "inactive"])?;
            if service["state"] == "active" {
                let name =
                    format!("{}-{}", stacks[&text(&service["stackId"])], text(&service["name"]));
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
        for stack in 0..STACKS {
            for one in self.ranch.containers(self.ranch.stack(stack)) {
                all.push(one.given_name().to_owned());
                if one.is_running() {
                    let service = format!("{}-{}", self.ranch.stack(stack), one.service());
                    running.entry(service).or_default().push(one.given_name().to_owned());
                }
            }
        }
        all.sort();
        (running, all)
    }

    async fn is_as_declared(&self, kills: u64, seed: u64) {
        let what = format!("{kills} kills with seed {seed} leave what is declared");
        until(&what, async || {
            let mut declared = self.declared().await?;
            declared.retain(|_, names| !names.is_empty());
            let (running, all) = self.found();
            let mut known: Vec<String> = self
                .ranch
                .list("containers?limit=100")
                .await
                .iter()
                .map(|one| text(&one["name"]))
                .collect();
            known.sort();
            if running == declared && all == known {
                return Ok(());
            }
            Err(format!(
                "declared {declared:#?}, running {running:#?}\nknown {known:?}, there {all:?}\n{}",
                self.ranch.log()
            ))
        })
        .await;
    }

    /// After all that, an order is carried out as on the first day.
    async fn still_works(&self) {
        let file = self.ranch.file(&self.compose(3));
        for stack in (0..STACKS).map(|number| self.ranch.stack(number)) {
            self.ranch.ok(&["up", "-f", &file, "-p", stack]).await;
            self.ranch.ok(&["start", stack]).await;
            let containers = self.ranch.containers(stack);
            let names: Vec<&str> = containers.iter().map(|one| one.given_name()).collect();
            let expected = ["many-1", "many-2", "many-3", "one-1"].map(|n| format!("{stack}-{n}"));
            assert_eq!(names, expected);
            assert!(containers.iter().all(|one| one.is_running()), "{containers:?}");
        }
    }

    async fn leaves_nothing(&self) {
        for stack in (0..STACKS).map(|number| self.ranch.stack(number)) {
            self.ranch.ok(&["down", stack, "--volumes", "--yes"]).await;
            assert_eq!(self.ranch.containers(stack), []);
            assert_eq!(self.ranch.volumes(stack), Vec::<String>::new());
        }
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
