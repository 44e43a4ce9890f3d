//! Services on a real Docker Engine while they change, beside Docker Swarm doing the same on the same
//! engine: rolling upgrades and dead containers; two hundred containers at rest; how soon a change of members
//! is known; and requests through a balancer during upgrades.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};
use support::engine::{COMMAND, Engine, IMAGE, SUBNET};
use support::program::Server;
use support::site::Site;
use support::{Report, Target, median_of, timed_async};
use swarm::Swarm;

#[path = "../support/mod.rs"]
mod support;

mod change;
mod requests;
mod swarm;

/// Units of the service that is upgraded.
const UNITS: usize = 20;
/// Units of it that are replaced at a time.
const BATCH: usize = 5;
/// The shortest pause between batches, which Swarm is asked for, too.
pub const PAUSE_MS: i64 = 100;
/// Containers killed, one after another.
const KILLS: usize = 5;
/// Containers at rest: so many services of so many.
const RESTING: (usize, usize) = (10, 20);
const CALM: Duration = Duration::from_secs(5);
const MINUTE: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let mut report = Report::default();
    runtime.block_on(async {
        let engine = Engine::new().await;
        engine.haproxy().await;
        // `-- change`, say, measures that part only.
        let wanted = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
        let wants = |part: &str| wanted.as_deref().is_none_or(|wanted| wanted == part);
        if wants("swarm") {
            let (upgrades, kills) = beside_swarm(&engine, folder.path()).await;
            let name = format!(
                "rolling upgrade of {UNITS}, {BATCH} at a time (Swarm: {:.2} s)",
                upgrades.swarm
            );
            report.report(&name, upgrades.ours, "s", Target::AtMost(upgrades.swarm));
            let name = format!("dead container replaced (Swarm: {:.0} ms)", kills.swarm * 1000.0);
            report.report(&name, kills.ours * 1000.0, "ms", Target::AtMost(kills.swarm * 1000.0));
        }
        if wants("rest") {
            rest(&engine, folder.path(), &mut report).await;
        }
        if wants("change") {
            change::measure(&engine, folder.path(), &mut report).await;
        }
        if wants("requests") {
            requests::measure(&engine, folder.path(), &mut report).await;
        }
    });
    report.finish()
}

/// Seconds that something takes, here and there.
struct Pair {
    ours: f64,
    swarm: f64,
}

/// A server on the engine of the benches, with an API and a name for its stack.
struct Deployment {
    server: Server,
    site: Site,
    data: std::path::PathBuf,
}

impl Deployment {
    async fn new(engine: &Engine, data: &Path) -> Self {
        engine.sweep().await;
        let endpoint = support::engine::endpoint();
        let variables = [
            ("RANCHETTE_DOCKER_HOST", endpoint.as_str()),
            ("RANCHETTE_NETWORK_SUBNET", SUBNET),
            // What Swarm runs on the same engine is not to be shown.
            ("CATTLE_MANAGE_NONRANCHER_CONTAINERS", "false"),
        ];
        let server = Server::start(data, &variables);
        Self { server, site: Site::of(data), data: data.to_owned() }
    }

    /// Deploys a compose file as the stack `bench`; returns when everything runs.
    fn up(&self, compose: &str) {
        let file = self.data.with_extension("yaml");
        std::fs::write(&file, compose).expect("a compose file");
        self.server.run(&["up", "-p", "bench", "-f", &file.display().to_string()]);
    }

    /// The service of a name.
    async fn service(&self, name: &str) -> Value {
        let found = self.site.get(&format!("services?name={name}")).await;
        found["data"][0].clone()
    }

    async fn act(&self, service: &Value, action: &str, body: &Value) {
        let id = service["id"].as_str().expect("an id");
        self.site.post(&format!("services/{id}?action={action}"), body).await;
    }

    /// Waits until a service has come to a state.
    #[allow(clippy::disallowed_methods, reason = "a bench looks again in real time")]
    async fn state(&self, service: &Value, wanted: &str) {
        let id = service["id"].as_str().expect("an id");
        while self.site.get(&format!("services/{id}")).await["state"] != wanted {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Takes the stack down and stops the server.
    async fn end(self, engine: &Engine) {
        self.server.run(&["down", "--yes", "-p", "bench"]);
        drop(self.server);
        engine.sweep().await;
    }
}

/// One service, upgraded and back, and killed from, with us and with Swarm.
async fn beside_swarm(engine: &Engine, folder: &Path) -> (Pair, Pair) {
    let runs = support::runs(3);
    let bench = Deployment::new(engine, &folder.join("upgrade")).await;
    bench.up(&format!(
        "services:\n  web:\n    image: {IMAGE}:latest\n    command: {COMMAND:?}\n    \
         stop_signal: SIGKILL\n    deploy:\n      replicas: {UNITS}\n"
    ));
    let mut ours = (Vec::new(), Vec::new());
    for run in 0..runs {
        ours.0.push(upgrade(&bench, image(run)).await);
    }
    for kill in 0..KILLS {
        let names = engine.running("io.rancher.stack_service.name=bench/web").await;
        ours.1.push(heal(engine, &names[kill]).await);
    }
    bench.end(engine).await;

    let swarm = Swarm::new(engine, UNITS).await;
    let mut theirs = (Vec::new(), Vec::new());
    for run in 0..runs {
        theirs.0.push(swarm.upgrade(&image(run), BATCH).await);
    }
    for _ in 0..KILLS {
        theirs.1.push(swarm.heal().await);
    }
    swarm.end().await;
    (
        Pair { ours: median_of(ours.0), swarm: median_of(theirs.0) },
        Pair { ours: median_of(ours.1), swarm: median_of(theirs.1) },
    )
}

/// Another image than the one before.
fn image(run: usize) -> String {
    format!("{IMAGE}:{}", ["next", "latest"][run % 2])
}

/// Seconds until every container is of the image and the old ones are down.
async fn upgrade(bench: &Deployment, image: String) -> f64 {
    let service = bench.service("web").await;
    let mut launch = service["launchConfig"].clone();
    launch["imageUuid"] = format!("docker:{image}").into();
    let strategy =
        json!({ "batchSize": BATCH, "intervalMillis": PAUSE_MS, "launchConfig": launch });
    let elapsed = timed_async(async {
        bench.act(&service, "upgrade", &json!({ "inServiceStrategy": strategy })).await;
        bench.state(&service, "upgraded").await;
    })
    .await
    .0
    .as_secs_f64();
    bench.act(&service, "finishupgrade", &json!({})).await;
    bench.state(&service, "active").await;
    elapsed
}

/// Kills a container; seconds until it runs again.
#[allow(clippy::disallowed_methods, reason = "a bench looks again in real time")]
async fn heal(engine: &Engine, name: &str) -> f64 {
    let before = engine.started_at(name).await;
    let work = async {
        engine.kill(name).await;
        loop {
            let now = engine.started_at(name).await;
            if now.is_some() && now != before {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timed_async(work).await.0.as_secs_f64()
}

/// What many containers cost while nothing happens.
#[allow(clippy::disallowed_methods, reason = "a bench measures real time")]
async fn rest(engine: &Engine, folder: &Path, report: &mut Report) {
    let bench = Deployment::new(engine, &folder.join("rest")).await;
    let (services, each) = RESTING;
    let mut text = String::from("services:\n");
    for number in 1..=services {
        text.push_str(&format!(
            "  web{number}:\n    image: {IMAGE}\n    command: {COMMAND:?}\n    stop_signal: SIGKILL\n    \
             deploy:\n      replicas: {each}\n"
        ));
    }
    bench.up(&text);
    tokio::time::sleep(CALM).await;
    let before = bench.server.cpu_s();
    tokio::time::sleep(MINUTE).await;
    let share = (bench.server.cpu_s() - before) / MINUTE.as_secs_f64() * 100.0;
    let memory = bench.server.resident_mb();
    let count = services * each;
    let name = format!("at rest, {count} containers on Docker: CPU");
    report.report(&name, share, "% of a core", Target::AtMost(2.0));
    let name = format!("at rest, {count} containers on Docker: memory");
    report.report(&name, memory, "MB", Target::AtMost(50.0));
    bench.end(engine).await;
}
