//! A launch configuration as an engine needs it: typed, resolved, and independent of any back end.
//!
//! Pure: what needs the store or another host (addresses, ids of other containers, the names of
//! volumes) comes in through [`Extras`].

mod build;
mod fields;
pub mod lost;
mod ports;
pub mod seen;

use std::collections::BTreeMap;

use serde::Serialize;

pub use build::{container_spec, engine_name};
pub use fields::SpecError;
pub use ports::{parse_expose, parse_port};

/// Label with the uuid of the `container` resource; the engine finds its containers by it.
pub const LABEL_UUID: &str = "io.rancher.container.uuid";

/// Everything an engine needs to create a container.
///
/// Zero-sized values (empty strings, lists and maps, `None`) mean "the engine's default".
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ContainerSpec {
    /// Name in the engine, e.g. `r-web-1-1f0c9a2b`.
    pub name: String,
    /// The uuid of the `container` resource, also found as a label.
    pub uuid: String,
    /// The image without `docker:`.
    pub image: String,
    /// Labels, those of the server included.
    pub labels: BTreeMap<String, String>,
    /// What runs, and how.
    pub process: ProcessSpec,
    /// How it is connected.
    pub network: NetworkAttachment,
    /// Names and ports.
    pub names: NameSpec,
    /// Files and volumes.
    pub storage: StorageSpec,
    /// What it may use.
    pub limits: Limits,
    /// What it may do.
    pub security: SecuritySpec,
    /// Where its output goes: driver and options.
    pub log: Option<LogSpec>,
    /// What Docker does when it ends.
    pub restart: Option<RestartSpec>,
    /// Docker's own health check.
    pub health: Option<HealthSpec>,
}

/// What a container runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ProcessSpec {
    /// Arguments (Docker `Cmd`).
    pub command: Vec<String>,
    /// Docker `Entrypoint`.
    pub entry_point: Vec<String>,
    /// `NAME=value` pairs.
    pub env: Vec<String>,
    /// Working directory.
    pub working_dir: String,
    /// User, e.g. `1000:1000`.
    pub user: String,
    /// Whether it has a terminal.
    pub tty: bool,
    /// Whether its standard input stays open.
    pub stdin_open: bool,
    /// Signal that asks it to stop.
    pub stop_signal: String,
    /// Seconds Docker waits after that signal when it is not told otherwise.
    pub stop_timeout_s: Option<i64>,
    /// Whether a small init process runs as number 1.
    pub init: Option<bool>,
}

/// How a container is connected.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum NetworkAttachment {
    /// Whatever the engine does by default.
    #[default]
    EngineDefault,
    /// Docker's own bridge `docker0`.
    Bridge,
    /// The host's own network.
    Host,
    /// No network.
    None,
    /// The network of another container, by engine id.
    Container(String),
    /// A network made with `network_ensure`.
    Named(Endpoint),
}

/// A container's place on a network made by us.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Endpoint {
    /// The network's name in the engine.
    pub network: String,
    /// Fixed IPv4 address; the engine picks if absent.
    pub ipv4: Option<String>,
    /// Fixed MAC address; the engine picks if absent.
    pub mac: Option<String>,
    /// Further names on the network.
    pub aliases: Vec<String>,
}

/// Host name, name resolution and ports.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct NameSpec {
    /// Host name.
    pub hostname: String,
    /// Domain name.
    pub domain_name: String,
    /// Name servers.
    pub dns: Vec<String>,
    /// Search domains.
    pub dns_search: Vec<String>,
    /// Resolver options.
    pub dns_options: Vec<String>,
    /// `name:address` lines for `/etc/hosts`.
    pub extra_hosts: Vec<String>,
    /// Published ports.
    pub ports: Vec<PortBinding>,
    /// Ports that are only announced, e.g. `80/tcp`.
    pub expose: Vec<String>,
    /// Whether all announced ports are published on ports of the engine's choice.
    pub publish_all: bool,
}

/// One published port.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct PortBinding {
    /// Port in the container.
    pub private: u16,
    /// `tcp`, `udp` or `sctp`.
    pub protocol: String,
    /// Port on the host; the engine picks if absent.
    pub public: Option<u16>,
    /// Address on the host; all if empty.
    pub bind: String,
}

/// Files and volumes.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct StorageSpec {
    /// Paths that get a volume of their own.
    pub volumes: Vec<String>,
    /// `source:path:mode` lines; the source is a path or the name of a volume.
    pub binds: Vec<String>,
    /// Paths of the machine that must be there already.
    pub mounts: Vec<BindMount>,
    /// Engine ids of containers whose volumes it shares.
    pub volumes_from: Vec<String>,
    /// Driver for volumes the engine creates along the way.
    pub volume_driver: String,
    /// Memory file systems: path to mount options.
    pub tmpfs: BTreeMap<String, String>,
    /// Whether the root file system is read-only.
    pub read_only: bool,
    /// Options of the storage driver.
    pub storage_opt: BTreeMap<String, String>,
    /// Bytes the root file system may use (Windows).
    pub disk_quota: Option<i64>,
    /// Devices of the host.
    pub devices: Vec<DeviceSpec>,
}

/// A path of the engine's machine that is there, in a container, where it cannot be written to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BindMount {
    /// Path on the machine.
    pub source: String,
    /// Path in the container.
    pub target: String,
}

/// One device of the host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DeviceSpec {
    /// Path on the host.
    pub host: String,
    /// Path in the container.
    pub container: String,
    /// Some of `rwm`.
    pub permissions: String,
}

/// What a container may use. Bytes and Docker's own units.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Limits {
    /// Memory in bytes.
    pub memory: Option<i64>,
    /// Memory and swap in bytes; -1 for no limit.
    pub memory_swap: Option<i64>,
    /// Soft limit in bytes.
    pub memory_reservation: Option<i64>,
    /// 0 to 100.
    pub memory_swappiness: Option<i64>,
    /// Kernel memory in bytes; engines from 23.0 on ignore it.
    pub kernel_memory: Option<i64>,
    /// Whether the kernel must not kill it for lack of memory.
    pub oom_kill_disable: Option<bool>,
    /// -1000 to 1000.
    pub oom_score_adj: Option<i64>,
    /// Size of `/dev/shm` in bytes.
    pub shm_size: Option<i64>,
    /// Relative processor weight, at least 2.
    pub cpu_shares: i64,
    /// Processors it may use, e.g. `0-2`.
    pub cpu_set: String,
    /// Memory nodes it may use.
    pub cpu_set_mems: String,
    /// Scheduler period in microseconds.
    pub cpu_period: Option<i64>,
    /// Microseconds of processor time in each period.
    pub cpu_quota: Option<i64>,
    /// Real-time period in microseconds.
    pub cpu_realtime_period: Option<i64>,
    /// Real-time budget in microseconds.
    pub cpu_realtime_runtime: Option<i64>,
    /// Processors (Windows).
    pub cpu_count: Option<i64>,
    /// Share of processors (Windows).
    pub cpu_percent: Option<i64>,
    /// Input and output operations a second (Windows).
    pub io_maximum_iops: Option<i64>,
    /// Bytes a second (Windows).
    pub io_maximum_bandwidth: Option<i64>,
    /// 10 to 1000.
    pub blkio_weight: Option<i64>,
    /// By device.
    pub blkio_devices: Vec<BlkioDevice>,
    /// Processes at most.
    pub pids_limit: Option<i64>,
    /// Resource limits of its processes.
    pub ulimits: Vec<Ulimit>,
    /// Parent cgroup.
    pub cgroup_parent: String,
}

/// Limits of input and output on one block device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BlkioDevice {
    /// Path of the device on the host.
    pub path: String,
    /// 10 to 1000.
    pub weight: Option<i64>,
    /// Reads a second.
    pub read_iops: Option<i64>,
    /// Writes a second.
    pub write_iops: Option<i64>,
    /// Bytes read a second.
    pub read_bps: Option<i64>,
    /// Bytes written a second.
    pub write_bps: Option<i64>,
}

/// One resource limit of processes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Ulimit {
    /// E.g. `nofile`.
    pub name: String,
    /// What a process starts with.
    pub soft: i64,
    /// What it may raise it to.
    pub hard: i64,
}

/// What a container may do.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SecuritySpec {
    /// Whether it may do what the host's root may.
    pub privileged: bool,
    /// Capabilities added.
    pub cap_add: Vec<String>,
    /// Capabilities taken away.
    pub cap_drop: Vec<String>,
    /// Security options.
    pub security_opt: Vec<String>,
    /// Further groups of its processes.
    pub group_add: Vec<String>,
    /// Kernel parameters.
    pub sysctls: BTreeMap<String, String>,
    /// `host` or empty.
    pub pid_mode: String,
    /// E.g. `host`, `private`.
    pub ipc_mode: String,
    /// `host` or empty.
    pub uts_mode: String,
    /// `host` or empty.
    pub userns_mode: String,
    /// Windows: `default`, `process` or `hyperv`.
    pub isolation: String,
}

/// Where output goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LogSpec {
    /// E.g. `json-file`.
    pub driver: String,
    /// Options of the driver.
    pub config: BTreeMap<String, String>,
}

/// What Docker does when a container ends.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RestartSpec {
    /// `no`, `always`, `unless-stopped` or `on-failure`.
    pub name: String,
    /// For `on-failure`.
    pub maximum_retry_count: i64,
}

/// Docker's own health check.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct HealthSpec {
    /// E.g. `["CMD-SHELL", "wget -q localhost"]`.
    pub test: Vec<String>,
    /// Seconds between checks.
    pub interval_s: Option<i64>,
    /// Seconds one may take.
    pub timeout_s: Option<i64>,
    /// Failures in a row that make it unhealthy.
    pub retries: Option<i64>,
}

/// What a launch configuration does not say itself: looked up by the caller.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Extras {
    /// The uuid of the `container` resource.
    pub uuid: String,
    /// Its name; used for the name in the engine.
    pub name: String,
    /// Labels of the server; they win over those of the user.
    pub labels: BTreeMap<String, String>,
    /// Environment of the server (links, API keys); that of the user wins.
    pub env: BTreeMap<String, String>,
    /// How it is connected, with its address.
    pub network: NetworkAttachment,
    /// Name servers that come before those of the user.
    pub dns: Vec<String>,
    /// Search domains that come before those of the user.
    pub dns_search: Vec<String>,
    /// Engine ids for `dataVolumesFrom` and `dataVolumesFromLaunchConfigs`.
    pub volumes_from: Vec<String>,
    /// `dataVolumeMounts` with volumes as names in the engine: path to name.
    pub volume_mounts: BTreeMap<String, String>,
    /// Further `source:path:mode` lines.
    pub binds: Vec<String>,
    /// Where the engine really keeps its data; replaces `/var/lib/docker` in bind sources.
    pub docker_root: Option<String>,
    /// The host's disk that `DEFAULT_DISK` stands for; such limits are dropped if unknown.
    pub default_disk: Option<String>,
    /// Whether Docker may restart it by itself.
    pub restarts: Restarts,
}

/// Who restarts a container that ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Restarts {
    /// Docker, by the container's own policy: it stands alone.
    #[default]
    ByPolicy,
    /// The service it belongs to; its policy is not passed on.
    ByService,
}
