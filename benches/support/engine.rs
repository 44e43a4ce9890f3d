//! A real Docker Engine, straight through its API.
//!
//! It is the one that `RANCHETTE_BENCH_DOCKER` names (`scripts/bench.sh` does that); what is made there is
//! removed again.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;

use bollard::models::NetworkDisconnectRequest;
use bollard::query_parameters::{
    CreateImageOptions, InspectContainerOptions, InspectNetworkOptions, KillContainerOptions,
    ListContainersOptions, ListNetworksOptions, RemoveContainerOptions,
};
use bollard::{API_DEFAULT_VERSION, Docker};
use futures_util::{StreamExt, TryStreamExt, stream};

/// Debian's static busybox with all its commands; [`Engine::new`] makes it, under two tags.
pub const IMAGE: &str = "ranchette-bench/busybox";
/// Debian's HAProxy; [`Engine::haproxy`] makes it.
pub const HAPROXY: &str = "ranchette-bench/haproxy";
/// What a container does that only has to be there. It ends at once when it is killed.
pub const COMMAND: [&str; 3] = ["/bin/busybox", "sleep", "1000000"];
/// The network of containers that are made straight through the API.
pub const NETWORK: &str = "ranchette-bench";
/// The subnet of the server's first network: unlikely to be in use on the machine.
pub const SUBNET: &str = "10.199.0.0/16";

/// Where the engine listens.
pub fn endpoint() -> String {
    std::env::var("RANCHETTE_BENCH_DOCKER").expect("RANCHETTE_BENCH_DOCKER is set")
}

/// The engine's API.
pub struct Engine {
    pub docker: Docker,
}

impl Engine {
    /// Connects, makes the images, and removes what an earlier bench left.
    pub async fn new() -> Self {
        let endpoint = endpoint();
        let docker = if endpoint.starts_with("unix://") {
            Docker::connect_with_unix(&endpoint, 120, API_DEFAULT_VERSION)
        } else {
            Docker::connect_with_http(&endpoint, 120, API_DEFAULT_VERSION)
        };
        let docker = docker.expect("an engine").negotiate_version().await.expect("a version");
        let engine = Self { docker };
        for tag in ["latest", "next"] {
            engine.import(IMAGE, tag, busybox(tag)).await;
        }
        engine.sweep().await;
        engine
    }

    /// Makes the image of balancers.
    pub async fn haproxy(&self) {
        self.import(HAPROXY, "latest", haproxy()).await;
    }

    /// Makes an image unless it is there. What runs of it can then be told by its name.
    async fn import(&self, repo: &str, tag: &str, tar: Vec<u8>) {
        if self.docker.inspect_image(&format!("{repo}:{tag}")).await.is_ok() {
            return;
        }
        let options = CreateImageOptions {
            from_src: Some("-".to_owned()),
            repo: Some(repo.to_owned()),
            tag: Some(tag.to_owned()),
            ..CreateImageOptions::default()
        };
        let steps =
            self.docker.create_image(Some(options), Some(bollard::body_full(tar.into())), None);
        steps.try_collect::<Vec<_>>().await.expect("an image");
    }

    /// Removes every container of the images, and the networks.
    pub async fn sweep(&self) {
        let images = [format!("{IMAGE}:latest"), format!("{IMAGE}:next"), HAPROXY.to_owned()];
        let filters = HashMap::from([("ancestor".to_owned(), images.to_vec())]);
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
                self.unlock(&name).await;
                self.docker.remove_network(&name).await.expect("removed");
            }
        }
    }

    /// Takes whatever is still on a network off it: a container that is being removed stays there for a
    /// moment.
    async fn unlock(&self, network: &str) {
        let found = self.docker.inspect_network(network, None::<InspectNetworkOptions>).await;
        let ends = found.expect("a network").containers.unwrap_or_default();
        for container in ends.into_keys() {
            let request = NetworkDisconnectRequest { container, force: Some(true) };
            // It may have gone meanwhile.
            let _ = self.docker.disconnect_network(network, request).await;
        }
    }

    pub async fn remove(&self, id: &str) {
        let options = RemoveContainerOptions { force: true, ..Default::default() };
        // One that is being removed already is as good as gone.
        let _ = self.docker.remove_container(id, Some(options)).await;
    }

    pub async fn kill(&self, id: &str) {
        let signal = KillContainerOptions { signal: "SIGKILL".to_owned() };
        self.docker.kill_container(id, Some(signal)).await.expect("killed");
    }

    /// The names of the running containers with a label.
    pub async fn running(&self, label: &str) -> Vec<String> {
        let filters = HashMap::from([("label".to_owned(), vec![label.to_owned()])]);
        let options = ListContainersOptions { filters: Some(filters), ..Default::default() };
        let found = self.docker.list_containers(Some(options)).await.expect("a list");
        let names = found.into_iter().filter_map(|container| container.names?.into_iter().next());
        names.map(|name| name.trim_start_matches('/').to_owned()).collect()
    }

    /// When a container that runs was started.
    pub async fn started_at(&self, name: &str) -> Option<String> {
        let options = None::<InspectContainerOptions>;
        let state = self.docker.inspect_container(name, options).await.ok()?.state?;
        if state.running == Some(true) { state.started_at } else { None }
    }

    /// The process of a running container, as the machine counts them.
    pub async fn pid(&self, name: &str) -> i64 {
        let options = None::<InspectContainerOptions>;
        let state = self.docker.inspect_container(name, options).await.expect("a container").state;
        state.and_then(|state| state.pid).expect("a process")
    }
}

/// The program, a link for each of its commands, and a file that tells one tag from another.
fn busybox(tag: &str) -> Vec<u8> {
    let path = "/bin/busybox";
    let commands = Command::new(path).arg("--list").output().expect("busybox-static is installed");
    let mut tar = tar::Builder::new(Vec::new());
    append(&mut tar, "bin/busybox", &std::fs::read(path).expect("busybox"));
    append(&mut tar, "etc/tag", tag.as_bytes());
    for command in
        String::from_utf8_lossy(&commands.stdout).lines().filter(|name| *name != "busybox")
    {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        let path = Path::new("bin").join(command);
        tar.append_link(&mut header, path, "busybox").expect("a tar");
    }
    tar.into_inner().expect("a tar")
}

/// The program and the libraries it is linked with, each where it is on this machine.
fn haproxy() -> Vec<u8> {
    let program = "/usr/sbin/haproxy";
    let libraries = Command::new("ldd").arg(program).output().expect("ldd");
    let libraries = String::from_utf8_lossy(&libraries.stdout);
    let paths = libraries.split_whitespace().filter(|word| word.starts_with('/'));
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Directory);
    header.set_mode(0o1777);
    header.set_size(0);
    tar.append_data(&mut header, "tmp/", &[][..]).expect("a tar");
    append(&mut tar, "etc/passwd", b"root:x:0:0:root:/:/bin/sh\n");
    for path in paths.chain([program]) {
        let content = std::fs::read(path).expect("haproxy is installed");
        append(&mut tar, path.trim_start_matches('/'), &content);
    }
    tar.into_inner().expect("a tar")
}

fn append(tar: &mut tar::Builder<Vec<u8>>, path: &str, content: &[u8]) {
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o755);
    tar.append_data(&mut header, path, content).expect("a tar");
}
