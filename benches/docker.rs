//! Deployments on a real Docker Engine, beside the same containers made straight through its API.

use std::collections::HashMap;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use bollard::models::{
    ContainerCreateBody, EndpointSettings, HostConfig, NetworkCreateRequest, NetworkingConfig,
};
use bollard::query_parameters::{
    CreateContainerOptions, InspectNetworkOptions, StartContainerOptions,
};
use futures_util::{StreamExt, stream};
use support::engine::{COMMAND, Engine, IMAGE, NETWORK, SUBNET};
use support::program::Server;
use support::{Report, Target, median_of, timed, timed_async};

mod support;

const SERVICES: usize = 10;
const SCALE: usize = 5;
/// Calls under way at once of which the best is compared with.
const CONCURRENCIES: [usize; 3] = [4, 8, 16];

fn main() -> ExitCode {
    let endpoint = support::engine::endpoint();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let raw = runtime.block_on(Raw::new());
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let mut report = Report::default();
    let runs = support::runs(3);

    let tried =
        CONCURRENCIES.map(|concurrency| (runtime.block_on(raw.fifty(concurrency)), concurrency));
    let best = tried.into_iter().min_by(|a, b| a.0.total_cmp(&b.0)).expect("one is best").1;
    let mut straight = Vec::new();
    let mut ups = Vec::new();
    let mut again = Vec::new();
    let mut healed = Vec::new();
    let mut alone = Vec::new();
    for run in 0..runs {
        straight.push(runtime.block_on(raw.fifty(best)));
        let bench = Deployment::new(&folder.path().join(format!("run{run}")), &endpoint);
        ups.push(bench.up());
        again.extend((0..3).map(|_| bench.up()));
        // Another service each time: one that dies again and again waits longer and longer.
        for service in 1..=3 {
            alone.push(runtime.block_on(raw.one()));
            healed.push(runtime.block_on(raw.heal(service)));
        }
        bench.server.run(&["down", "--yes", "-p", "bench"]);
        drop(bench);
        runtime.block_on(raw.engine.sweep());
    }
    let straight = median_of(straight);
    let name =
        format!("50 containers, up to all running (API alone: {straight:.2} s, {best} at once)");
    report.report(&name, median_of(ups), "s", Target::AtMost(straight * 1.1));
    report.report("the same up again", median_of(again) * 1000.0, "ms", Target::AtMost(60.0));
    let alone = median_of(alone) * 1000.0;
    let name = format!("killed until it runs again (create and start: {alone:.0} ms)");
    report.report(&name, median_of(healed) * 1000.0, "ms", Target::AtMost(alone + 150.0));
    report.finish()
}

/// A server with a project of fifty containers.
struct Deployment {
    server: Server,
    file: String,
}

impl Deployment {
    fn new(data: &Path, endpoint: &str) -> Self {
        let variables = [("RANCHETTE_DOCKER_HOST", endpoint), ("RANCHETTE_NETWORK_SUBNET", SUBNET)];
        let server = Server::start(data, &variables);
        let file = data.with_extension("yaml");
        let mut text = String::from("services:\n");
        for number in 1..=SERVICES {
            text.push_str(&format!(
                "  web{number}:\n    image: {IMAGE}\n    command: {COMMAND:?}\n    \
                 stop_signal: SIGKILL\n    deploy:\n      replicas: {SCALE}\n"
            ));
        }
        std::fs::write(&file, text).expect("a compose file");
        Self { server, file: file.display().to_string() }
    }

    /// Seconds that the verb takes; it returns when everything runs.
    fn up(&self) -> f64 {
        timed(|| self.server.run(&["up", "-p", "bench", "-f", &self.file])).0.as_secs_f64()
    }
}

/// The engine's API, without us.
struct Raw {
    engine: Engine,
}

impl Raw {
    async fn new() -> Self {
        Self { engine: Engine::new().await }
    }

    async fn run(&self, name: &str) {
        let endpoint = HashMap::from([(NETWORK.to_owned(), EndpointSettings::default())]);
        let body = ContainerCreateBody {
            image: Some(IMAGE.to_owned()),
            cmd: Some(COMMAND.map(str::to_owned).to_vec()),
            host_config: Some(HostConfig {
                network_mode: Some(NETWORK.to_owned()),
                ..Default::default()
            }),
            networking_config: Some(NetworkingConfig { endpoints_config: Some(endpoint) }),
            ..Default::default()
        };
        let options = CreateContainerOptions { name: Some(name.to_owned()), ..Default::default() };
        self.engine.docker.create_container(Some(options), body).await.expect("created");
        self.engine
            .docker
            .start_container(name, None::<StartContainerOptions>)
            .await
            .expect("started");
    }

    async fn network(&self) {
        if self.engine.docker.inspect_network(NETWORK, None::<InspectNetworkOptions>).await.is_err()
        {
            let body = NetworkCreateRequest { name: NETWORK.to_owned(), ..Default::default() };
            self.engine.docker.create_network(body).await.expect("a network");
        }
    }

    /// Seconds that fifty containers take on a network of their own, which is made before.
    async fn fifty(&self, concurrency: usize) -> f64 {
        self.network().await;
        let names = (0..SERVICES * SCALE).map(|number| format!("ranchette-bench-{number}"));
        let work = stream::iter(names)
            .for_each_concurrent(concurrency, |name| async move { self.run(&name).await });
        let elapsed = timed_async(work).await.0.as_secs_f64();
        self.engine.sweep().await;
        elapsed
    }

    /// Seconds that one container takes.
    async fn one(&self) -> f64 {
        self.network().await;
        let elapsed = timed_async(self.run("ranchette-bench-one")).await.0.as_secs_f64();
        self.engine.remove("ranchette-bench-one").await;
        elapsed
    }

    /// Kills one of a deployed service's containers; seconds until it runs again.
    #[allow(clippy::disallowed_methods, reason = "a bench looks again in real time")]
    async fn heal(&self, service: usize) -> f64 {
        let label = format!("io.rancher.stack_service.name=bench/web{service}");
        let name = self.engine.running(&label).await.into_iter().next().expect("a container runs");
        let before = self.engine.started_at(&name).await;
        let work = async {
            self.engine.kill(&name).await;
            loop {
                let now = self.engine.started_at(&name).await;
                if now.is_some() && now != before {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timed_async(work).await.0.as_secs_f64()
    }
}
