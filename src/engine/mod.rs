//! The port to containers: the [`Engine`] trait and its back ends.
//!
//! `docker` drives a real Docker Engine, `sim` an in-memory fleet with a manual clock. One contract
//! suite (`tests/it/engine_contract.rs`) holds both to the same behaviour.
//!
//! What is absent here: nothing outside `docker` knows bollard, and no engine knows the store, the
//! API or a resource row. [`spec`] is pure: it turns a launch configuration into a
//! [`ContainerSpec`] without asking anyone anything.
//!
//! Every call may be made twice: a step that was cut off after the engine acted, but before its
//! result was stored, is simply run again.

pub mod docker;
pub mod ending;
pub mod error;
pub mod machine;
pub mod observed;
pub mod probe;
pub mod sim;
pub mod spec;
pub mod wire;

use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use tokio::io::AsyncWrite;

pub use ending::Ending;
pub use error::{Away, EngineError};
use machine::PacketFilter;
pub use observed::{
    ContainerState, Disk, EngineEvent, EngineInfo, EventKind, Health, HostStats, Mount,
    NetworkEndpoint, Observed, ObservedVolume, PublishedPort, Stats,
};
use probe::Probe;
pub use spec::{BindMount, ContainerSpec, Endpoint};
pub use wire::Wire;

/// The engine's own name for a container (Docker: 64 hexadecimal digits).
pub type ContainerId = String;

/// Raw bytes that arrive over time, e.g. the tar of a build context.
pub type ByteStream = BoxStream<'static, Result<Bytes, std::io::Error>>;

/// Reports how a pull goes; called from the task that pulls, so it should return quickly.
pub type PullReport<'a> = &'a (dyn Fn(PullProgress) + Send + Sync);

/// Receives a build's output, line by line.
pub type BuildReport<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// One place that runs containers: a Docker Engine, or a simulated host.
///
/// `container` arguments take an id or a name.
#[async_trait]
pub trait Engine: Send + Sync {
    /// What the engine is and what its machine has.
    async fn info(&self) -> Result<EngineInfo, EngineError>;

    /// The engine's id of `image`, which changes with its content; `None` if it would have to be pulled.
    async fn image_id(&self, image: &str) -> Result<Option<String>, EngineError>;

    /// The names by content of `image`, `name@sha256:..`; none if it came from no registry or is not here.
    async fn image_digests(&self, image: &str) -> Result<Vec<String>, EngineError>;

    /// What `image` says of its containers (Docker's `Config` of it); `None` if it would have to be pulled.
    async fn image_config(&self, image: &str) -> Result<Option<serde_json::Value>, EngineError>;

    /// Asks the registry of `image` whether it has it, with `auth` or anonymously; fetches nothing.
    async fn image_offered(
        &self,
        image: &str,
        auth: Option<&RegistryAuth>,
    ) -> Result<(), EngineError>;

    /// Fetches `image` from its registry. One attempt, with `auth` or anonymously.
    async fn pull(
        &self,
        image: &str,
        auth: Option<&RegistryAuth>,
        report: PullReport<'_>,
    ) -> Result<(), EngineError>;

    /// Asks a registry whether it lets us in. The engine asks, so that its certificates, proxies and
    /// mirrors count.
    ///
    /// # Errors
    /// [`EngineError::LoginRefused`], or [`EngineError::RegistryAway`] when it cannot be told.
    async fn login(&self, auth: &RegistryAuth) -> Result<(), EngineError>;

    /// Builds an image from a tar `context` (or from [`BuildOptions::remote`]).
    async fn build(
        &self,
        context: ByteStream,
        options: &BuildOptions,
        report: BuildReport<'_>,
    ) -> Result<(), EngineError>;

    /// Creates a container without starting it. If the name is taken by a container that carries the
    /// spec's uuid, that one is returned: it was created by an earlier run of the same step.
    ///
    /// Does not pull: a missing image is [`EngineError::ImageNotFound`].
    async fn create(&self, spec: &ContainerSpec) -> Result<ContainerId, EngineError>;

    /// Starts a container; one that runs already is fine.
    async fn start(&self, container: &str) -> Result<(), EngineError>;

    /// Asks a container to stop and kills it after `timeout_s` seconds. A container that is stopped or
    /// gone is fine.
    async fn stop(&self, container: &str, timeout_s: u32) -> Result<(), EngineError>;

    /// Sends `signal` (e.g. `SIGKILL`). A container that is stopped or gone is fine.
    async fn kill(&self, container: &str, signal: &str) -> Result<(), EngineError>;

    /// Removes a container, killing it first if it runs. One that is gone is fine.
    async fn remove(&self, container: &str, volumes: RemoveVolumes) -> Result<(), EngineError>;

    /// Unpacks an uncompressed `tar` below the directory `path` of a container, running or not. It is
    /// how secret and configuration files get in before the start.
    async fn upload(&self, container: &str, path: &str, tar: Bytes) -> Result<(), EngineError>;

    /// Puts files into the memory of the engine's machine, never on a disk, for the container with this
    /// uuid; how to mount them. Files that are there already are replaced. They stay until they are
    /// removed or the machine starts anew, so that a container finds them again after a restart.
    ///
    /// # Errors
    /// When the machine's memory cannot be reached from here.
    async fn secrets_put(
        &self,
        uuid: &str,
        files: &[SecretFile],
    ) -> Result<Vec<BindMount>, EngineError>;

    /// Removes what was put for the container with this uuid; nothing there is fine.
    async fn secrets_remove(&self, uuid: &str) -> Result<(), EngineError>;

    /// Unpacks an uncompressed tar below the directory `path` of a container as it comes, running or not, and
    /// into the volumes that are mounted there.
    async fn unpack(&self, container: &str, path: &str, tar: ByteStream)
    -> Result<(), EngineError>;

    /// A tar of what is at `path` in a container, running or not, with what is in the volumes that are mounted
    /// there. Names in it begin with the last part of `path`.
    fn download(
        &self,
        container: &str,
        path: &str,
    ) -> BoxStream<'static, Result<Bytes, EngineError>>;

    /// Freezes what runs in a container; one that is frozen is fine.
    async fn pause(&self, container: &str) -> Result<(), EngineError>;

    /// Lets a frozen container go on; one that runs is fine.
    async fn unpause(&self, container: &str) -> Result<(), EngineError>;

    /// Makes sure that there is an image of this name; if there is none, it is made, without a file in it.
    async fn empty_image(&self, image: &str) -> Result<(), EngineError>;

    /// Asks a container whether it is well. Unlike all other calls it does not go through the engine's
    /// own interface but straight to the container, from where the engine's machine reaches it.
    ///
    /// # Errors
    /// Why it counts as down.
    async fn probe(&self, container: &str, probe: &Probe) -> Result<(), String>;

    /// Connects to a port of a running container, straight to its address, from where the engine's machine
    /// reaches it.
    async fn dial(&self, container: &str, address: SocketAddr) -> Result<Wire, EngineError>;

    /// Everything known about one container; `None` if there is none.
    async fn inspect(&self, container: &str) -> Result<Option<Observed>, EngineError>;

    /// All containers, running or not, ours or not. The fields marked so in [`Observed`] are left
    /// empty: they would cost one more call for each container.
    ///
    /// A list may lag behind [`Engine::events`] for a moment: Docker tells of a death before its lists
    /// know. [`Engine::inspect`] does not lag.
    async fn list(&self) -> Result<Vec<Observed>, EngineError>;

    /// Makes sure a network of that name exists and returns its id. One that exists is kept, unless it
    /// has another subnet: that is [`EngineError::BadSpec`].
    async fn network_ensure(&self, network: &NetworkSpec) -> Result<String, EngineError>;

    /// Connects a container, running or not, to one more network. One that is connected already is fine,
    /// whatever its address there.
    async fn network_connect(&self, container: &str, place: &Endpoint) -> Result<(), EngineError>;

    /// Takes a container, running or not, off a network; if either is gone, or it is not on it, that is fine.
    async fn network_disconnect(&self, container: &str, network: &str) -> Result<(), EngineError>;

    /// Removes a network; one that is gone is fine, one in use is [`EngineError::InUse`].
    async fn network_remove(&self, name: &str) -> Result<(), EngineError>;

    /// Makes sure a volume of that name exists; one that exists is kept as it is.
    async fn volume_ensure(&self, volume: &VolumeSpec) -> Result<ObservedVolume, EngineError>;

    /// Removes a volume; one that is gone is fine, one in use is [`EngineError::InUse`].
    async fn volume_remove(&self, name: &str) -> Result<(), EngineError>;

    /// All volumes.
    async fn volumes(&self) -> Result<Vec<ObservedVolume>, EngineError>;

    /// What a container wrote. With [`Follow::Yes`] the stream ends when the container stops.
    fn logs(
        &self,
        container: &str,
        options: &LogOptions,
    ) -> BoxStream<'static, Result<Chunk, EngineError>>;

    /// One sample a second while the container runs; the stream ends when it stops.
    fn stats(&self, container: &str) -> BoxStream<'static, Result<Stats, EngineError>>;

    /// What the machine uses now, if that can be seen from here; asks nobody and does not wait.
    fn host_stats(&self) -> Option<HostStats>;

    /// The packet filter of the engine's machine, if the way to the engine leads to it, too; asks nobody.
    fn packet_filter(&self) -> Option<Arc<dyn PacketFilter>>;

    /// Runs a command in a running container, attached.
    async fn exec(&self, container: &str, spec: &ExecSpec) -> Result<ExecSession, EngineError>;

    /// Tells the terminal of an exec its size in characters.
    async fn exec_resize(&self, exec: &str, size: TtySize) -> Result<(), EngineError>;

    /// The exit code of an exec; `None` while it runs.
    async fn exec_exit_code(&self, exec: &str) -> Result<Option<i64>, EngineError>;

    /// What happens to containers from the first time the stream is polled, or from `since_ms` (milliseconds since 1970, inclusive).
    /// The stream ends with an error when the engine goes away; ask again with the last `at_ms` seen.
    fn events(&self, since_ms: Option<i64>)
    -> BoxStream<'static, Result<EngineEvent, EngineError>>;
}

/// Credentials for one registry.
#[derive(Clone, PartialEq, Eq)]
pub struct RegistryAuth {
    /// The user name.
    pub username: String,
    /// The password or token, in clear text.
    pub password: String,
    /// The registry as in image names, e.g. `registry.example:5000`; `index.docker.io` for the Hub.
    pub server: String,
}

impl std::fmt::Debug for RegistryAuth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The password must not reach a log.
        write!(f, "RegistryAuth({}@{})", self.username, self.server)
    }
}

/// A secret as a container sees it.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretFile {
    /// Absolute path in the container.
    pub path: String,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Permissions.
    pub mode: u32,
    /// The secret.
    pub content: Vec<u8>,
}

impl std::fmt::Debug for SecretFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The content must not reach a log.
        write!(f, "SecretFile({} {}:{} {:04o})", self.path, self.uid, self.gid, self.mode)
    }
}

/// How far a pull has come. `Display` is what people see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PullProgress {
    /// The image being pulled.
    pub image: String,
    /// Layers that are complete.
    pub layers_done: usize,
    /// Layers known so far.
    pub layers: usize,
    /// Bytes fetched so far.
    pub bytes_done: u64,
    /// Bytes to fetch, as far as known.
    pub bytes: u64,
}

impl std::fmt::Display for PullProgress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "pulling {}", self.image)?;
        if self.layers > 0 {
            write!(f, ": {} of {} layers", self.layers_done, self.layers)?;
        }
        if self.bytes > 0 {
            let mb = |bytes: u64| bytes as f64 / 1e6;
            write!(f, ", {:.1} of {:.1} MB", mb(self.bytes_done), mb(self.bytes))?;
        }
        Ok(())
    }
}

/// How to build an image (the API's `dockerBuild`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BuildOptions {
    /// The tag the result gets.
    pub tag: String,
    /// Path of the Dockerfile in the context; `Dockerfile` if absent.
    pub dockerfile: Option<String>,
    /// A git repository or an URL to build from; the context is then not used.
    pub remote: Option<String>,
    /// Values of the Dockerfile's `ARG`s.
    pub args: std::collections::BTreeMap<String, String>,
    /// Labels of the image.
    pub labels: std::collections::BTreeMap<String, String>,
    /// The stage to stop at; the last if absent.
    pub target: Option<String>,
    /// Network mode of the build's steps.
    pub network: Option<String>,
    /// Platform to build for, e.g. `linux/amd64`.
    pub platform: Option<String>,
    /// Size of `/dev/shm` in bytes.
    pub shm_size: Option<i32>,
    /// Images whose layers may be used as a cache.
    pub cache_from: Vec<String>,
    /// `name:address` lines for `/etc/hosts` of the build's steps.
    pub extra_hosts: Vec<String>,
    /// Whether base images are fetched anew.
    pub base: BaseImages,
    /// Whether cached layers may be used.
    pub cache: BuildCache,
    /// What happens to the containers of the build's steps.
    pub leftovers: BuildLeftovers,
}

/// Whether a build fetches its base images anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BaseImages {
    /// Those that are here are used.
    #[default]
    AsTheyAre,
    /// They are pulled first.
    Pull,
}

/// Whether a build may reuse layers of earlier builds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BuildCache {
    /// Reuse what did not change.
    #[default]
    Use,
    /// Build every step again.
    Ignore,
}

/// What happens to the containers that ran a build's steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BuildLeftovers {
    /// Removed if the build succeeds.
    #[default]
    Remove,
    /// Removed even if the build fails.
    ForceRemove,
    /// Kept.
    Keep,
}

/// What goes along with a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemoveVolumes {
    /// Keep all volumes.
    None,
    /// Remove the volumes without a name that only this container used.
    Anonymous,
}

/// A bridge network of an environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkSpec {
    /// Its name in the engine.
    pub name: String,
    /// IPv4 subnet, e.g. `10.42.0.0/16`; the engine picks one if absent.
    pub subnet: Option<String>,
    /// The host's own address in the subnet, e.g. `10.42.0.1`.
    pub gateway: Option<String>,
    /// Name of the bridge interface on the host (at most 15 characters); the engine picks if absent.
    pub bridge: Option<String>,
    /// Labels of the network.
    pub labels: std::collections::BTreeMap<String, String>,
}

/// A volume to create.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VolumeSpec {
    /// Its name in the engine.
    pub name: String,
    /// Volume driver; `local` if empty.
    pub driver: String,
    /// Options for the driver.
    pub driver_opts: std::collections::BTreeMap<String, String>,
    /// Labels of the volume.
    pub labels: std::collections::BTreeMap<String, String>,
}

/// Which part of a container's output is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogOptions {
    /// Whether to wait for more.
    pub follow: Follow,
    /// Only the last so many lines; all if absent.
    pub tail: Option<u64>,
    /// Only what was written from here on, in seconds since 1970.
    pub since_s: Option<i64>,
    /// Whether each line begins with its time.
    pub timestamps: Timestamps,
}

/// Whether a log stream stays open for what comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Follow {
    /// End after what is there.
    #[default]
    No,
    /// Stay open until the container stops.
    Yes,
}

/// Whether log lines carry their time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Timestamps {
    /// The bare line.
    #[default]
    No,
    /// `2017-04-01T12:00:00.000000000Z ` before each line.
    Yes,
}

/// A piece of output. Pieces of a log are whole lines, newline included if the container wrote one;
/// only lines beyond 16 KiB come in several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Where it came from.
    pub stream: Output,
    /// The raw bytes.
    pub bytes: Bytes,
}

/// Where output came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// A terminal, which mixes both.
    Tty,
}

/// A command to run in a running container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExecSpec {
    /// The command and its arguments.
    pub command: Vec<String>,
    /// Whether it gets a terminal.
    pub terminal: Terminal,
    /// Whether it gets standard input.
    pub stdin: Stdin,
}

/// Whether a command has a terminal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Terminal {
    /// Plain pipes: standard output and error stay apart.
    #[default]
    None,
    /// A pseudo-terminal.
    Tty,
}

/// Whether a command has standard input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stdin {
    /// It reads end of file at once.
    #[default]
    Closed,
    /// It reads what is written to [`ExecSession::input`].
    Attached,
}

/// Size of a terminal in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TtySize {
    /// Columns.
    pub cols: u16,
    /// Rows.
    pub rows: u16,
}

/// A command that runs, attached. Dropping both ends detaches.
pub struct ExecSession {
    /// The engine's name for it; see [`Engine::exec_resize`].
    pub id: String,
    /// What it writes; ends when the command ends.
    pub output: BoxStream<'static, Result<Chunk, EngineError>>,
    /// What it reads; shutting it down is its end of file.
    pub input: std::pin::Pin<Box<dyn AsyncWrite + Send>>,
}
