//! Deployments on a real Docker Engine, beside the same containers made straight through its API.
//!
//! The engine is the one that `RANCHETTE_BENCH_DOCKER` names (`scripts/bench.sh` does that); what is
//! made there is removed again.

use std::collections::HashMap;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use bollard::models::{
    ContainerCreateBody, EndpointSettings, HostConfig, NetworkCreateRequest, NetworkingConfig,
};
use bollard::query_parameters::{
    CreateContainerOptions, CreateImageOptions, InspectContainerOptions, InspectNetworkOptions,
    KillContainerOptions, ListContainersOptions, ListNetworksOptions, RemoveContainerOptions,
    StartContainerOptions,
};
use bollard::{API_DEFAULT_VERSION, Docker};
use futures_util::{StreamExt, TryStreamExt, stream};
use support::program::Server;
use support::{Report, Target, median_of, timed, timed_async};

mod support;

const IMAGE: &str = "ranchette-bench/busybox";
const NETWORK: &str = "ranchette-bench";
/// Unlikely to be in use on the machine.
const SUBNET: &str = "10.199.0.0/16";
const SERVICES: usize = 10;
const SCALE: usize = 5;
/// Calls under way at once of which the best is compared with.
const CONCURRENCIES: [usize; 3] = [4, 8, 16];
const COMMAND: [&str; 3] = ["/bin/busybox", "sleep", "1000000"];

fn main() -> ExitCode {
    let endpoint = std::env::var("RANCHETTE_BENCH_DOCKER").expect("RANCHETTE_BENCH_DOCKER is set");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let raw = runtime.block_on(Raw::new(&endpoint));
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
        runtime.block_on(raw.sweep());
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
    docker: Docker,
}

impl Raw {
    async fn new(endpoint: &str) -> Self {
        let docker = if endpoint.starts_with("unix://") {
            Docker::connect_with_unix(endpoint, 120, API_DEFAULT_VERSION)
        } else {
            Docker::connect_with_http(endpoint, 120, API_DEFAULT_VERSION)
        };
        let docker = docker.expect("an engine").negotiate_version().await.expect("a version");
        let raw = Self { docker };
        raw.image().await;
        raw.sweep().await;
        raw
    }

    async fn image(&self) {
        let program = std::fs::read("/bin/busybox").expect("busybox-static is installed");
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(program.len() as u64);
        header.set_mode(0o755);
        header.set_cksum();
        tar.append_data(&mut header, "bin/busybox", program.as_slice()).expect("a tar");
        let options = CreateImageOptions {
            from_src: Some("-".to_owned()),
            repo: Some(IMAGE.to_owned()),
            tag: Some("latest".to_owned()),
            ..CreateImageOptions::default()
        };
        let body = bollard::body_full(tar.into_inner().expect("a tar").into());
        let steps = self.docker.create_image(Some(options), Some(body), None);
        steps.try_collect::<Vec<_>>().await.expect("an image");
    }

    /// Removes everything that this bench made.
    async fn sweep(&self) {
        let filters = HashMap::from([("ancestor".to_owned(), vec![IMAGE.to_owned()])]);
        let options =
            ListContainersOptions { all: true, filters: Some(filters), ..Default::default() };
        let containers = self.docker.list_containers(Some(options)).await.expect("a list");
        let ids = containers.into_iter().filter_map(|container| container.id);
        stream::iter(ids).for_each_concurrent(8, |id| async move { self.remove(&id).await }).await;
        let networks =
            self.docker.list_networks(None::<ListNetworksOptions>).await.expect("a list");
        for network in networks {
            let configs = network.ipam.and_then(|ipam| ipam.config).unwrap_or_default();
            let ours = configs.iter().any(|config| config.subnet.as_deref() == Some(SUBNET));
            let name = network.name.unwrap_or_default();
            if ours || name == NETWORK {
                self.docker.remove_network(&name).await.expect("removed");
            }
        }
    }

    async fn remove(&self, id: &str) {
        let options = RemoveContainerOptions { force: true, ..Default::default() };
        // One that is being removed already is as good as gone.
        let _ = self.docker.remove_container(id, Some(options)).await;
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
        self.docker.create_container(Some(options), body).await.expect("created");
        self.docker.start_container(name, None::<StartContainerOptions>).await.expect("started");
    }

    async fn network(&self) {
        if self.docker.inspect_network(NETWORK, None::<InspectNetworkOptions>).await.is_err() {
            let body = NetworkCreateRequest { name: NETWORK.to_owned(), ..Default::default() };
            self.docker.create_network(body).await.expect("a network");
        }
    }

    /// Seconds that fifty containers take on a network of their own, which is made before.
    async fn fifty(&self, concurrency: usize) -> f64 {
        self.network().await;
        let names = (0..SERVICES * SCALE).map(|number| format!("ranchette-bench-{number}"));
        let work = stream::iter(names)
            .for_each_concurrent(concurrency, |name| async move { self.run(&name).await });
        let elapsed = timed_async(work).await.0.as_secs_f64();
        self.sweep().await;
        elapsed
    }

    /// Seconds that one container takes.
    async fn one(&self) -> f64 {
        self.network().await;
        let elapsed = timed_async(self.run("ranchette-bench-one")).await.0.as_secs_f64();
        self.remove("ranchette-bench-one").await;
        elapsed
    }

    /// Kills one of a deployed service's containers; seconds until it runs again.
    #[allow(clippy::disallowed_methods, reason = "a bench looks again in real time")]
    async fn heal(&self, service: usize) -> f64 {
        let label = format!("io.rancher.stack_service.name=bench/web{service}");
        let filters = HashMap::from([("label".to_owned(), vec![label])]);
        let options = ListContainersOptions { filters: Some(filters), ..Default::default() };
        let found = self.docker.list_containers(Some(options)).await.expect("a list");
        let container = found.into_iter().next().expect("a container runs");
        let names = container.names.unwrap_or_default();
        let name = names.first().expect("a name").trim_start_matches('/').to_owned();
        let before = self.started_at(&name).await;
        let work = async {
            let signal = KillContainerOptions { signal: "SIGKILL".to_owned() };
            self.docker.kill_container(&name, Some(signal)).await.expect("killed");
            loop {
                let now = self.started_at(&name).await;
                if now.is_some() && now != before {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timed_async(work).await.0.as_secs_f64()
    }

    /// When a container that runs was started.
    async fn started_at(&self, name: &str) -> Option<String> {
        let options = None::<InspectContainerOptions>;
        let state = self.docker.inspect_container(name, options).await.ok()?.state?;
        if state.running == Some(true) { state.started_at } else { None }
    }
}
