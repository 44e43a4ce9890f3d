//! What an engine reports: its machine, containers, volumes, events and statistics.

use std::collections::BTreeMap;
use std::net::IpAddr;

/// The engine and its machine (source of a host's `info`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EngineInfo {
    /// The engine's own id, stable over restarts.
    pub id: String,
    /// Host name of the machine.
    pub hostname: String,
    /// Where the machine is in the network, if the engine is reached by an address.
    pub address: Option<IpAddr>,
    /// Docker version, e.g. `20.10.24`.
    pub version: String,
    /// Newest API version the engine speaks, e.g. `1.41`.
    pub api_version: String,
    /// Kernel version.
    pub kernel: String,
    /// Operating system in words, e.g. `Debian GNU/Linux 12 (bookworm)`.
    pub os: String,
    /// Processor architecture as the kernel names it, e.g. `x86_64`.
    pub architecture: String,
    /// Processors.
    pub cpus: u32,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// The disk that holds images and volumes, if it can be looked at from here.
    pub disk: Option<Disk>,
    /// Storage driver, e.g. `overlay2`.
    pub storage_driver: String,
    /// Where the engine keeps its data, e.g. `/var/lib/docker`.
    pub root_dir: String,
    /// Names of the volume drivers it can use.
    pub volume_drivers: Vec<String>,
    /// Labels of the engine.
    pub labels: BTreeMap<String, String>,
}

/// Room on a disk, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Disk {
    /// Size.
    pub total_bytes: u64,
    /// What is used.
    pub used_bytes: u64,
}

/// One container as the engine sees it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// The engine's id.
    pub id: String,
    /// Name without a leading slash.
    pub name: String,
    /// Our uuid, from the label `io.rancher.container.uuid`; `None` for native containers.
    pub uuid: Option<String>,
    /// The image as it was asked for.
    pub image: String,
    /// The image's id (`sha256:..`).
    pub image_id: String,
    /// Labels of the container, including its image's.
    pub labels: BTreeMap<String, String>,
    /// What it does.
    pub state: ContainerState,
    /// Exit code of the last run; `None` if it runs or never ran.
    pub exit_code: Option<i64>,
    /// Whether the kernel ended its last run for want of memory. Not told in lists.
    pub out_of_memory: bool,
    /// Networks it is attached to.
    pub networks: Vec<NetworkEndpoint>,
    /// Ports, published or only exposed.
    pub ports: Vec<PublishedPort>,
    /// What is mounted into it.
    pub mounts: Vec<Mount>,
    /// Network mode as given at creation, e.g. `bridge`, `host`, `container:<id>`.
    pub network_mode: String,
    /// When it was created, milliseconds since 1970.
    pub created_ms: i64,
    /// Docker's own health check (not Rancher's).
    pub health: Health,
    /// When it last started, milliseconds since 1970. Absent in lists.
    pub started_ms: Option<i64>,
    /// When it last stopped, milliseconds since 1970. Absent in lists.
    pub finished_ms: Option<i64>,
    /// Why its last start failed, if it did. Absent in lists.
    pub error: Option<String>,
    /// Process id of its first process on the host. Absent in lists.
    pub pid: Option<i64>,
    /// The whole answer of Docker's inspect call (API field `dockerInspect`). Null in lists.
    pub raw: serde_json::Value,
}

impl Observed {
    /// Whether a process of the container is alive.
    pub fn is_running(&self) -> bool {
        match self.state {
            ContainerState::Running | ContainerState::Paused | ContainerState::Restarting => true,
            ContainerState::Created
            | ContainerState::Exited
            | ContainerState::Removing
            | ContainerState::Dead => false,
        }
    }

    /// The address on `network`.
    pub fn ip_on(&self, network: &str) -> Option<&str> {
        self.networks.iter().find(|endpoint| endpoint.network == network)?.ip.as_deref()
    }
}

/// What a container does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ContainerState {
    /// Created and never started.
    #[default]
    Created,
    /// Running.
    Running,
    /// Frozen.
    Paused,
    /// Between two runs, by its restart policy.
    Restarting,
    /// On its way out.
    Removing,
    /// Stopped.
    Exited,
    /// Could not be removed completely.
    Dead,
}

/// Docker's own health check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Health {
    /// None is configured.
    #[default]
    None,
    /// No verdict yet.
    Starting,
    /// Passing.
    Healthy,
    /// Failing.
    Unhealthy,
}

/// A container's place on a network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkEndpoint {
    /// The network's name.
    pub network: String,
    /// IPv4 address; `None` while it does not run, unless it is fixed.
    pub ip: Option<String>,
    /// MAC address; `None` while it does not run.
    pub mac: Option<String>,
    /// Names it answers to on the network. Empty in lists.
    pub aliases: Vec<String>,
}

/// A port of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublishedPort {
    /// Port in the container.
    pub private: u16,
    /// `tcp`, `udp` or `sctp`.
    pub protocol: String,
    /// Port on the host, if published.
    pub public: Option<u16>,
    /// Address on the host it is bound to, e.g. `0.0.0.0`.
    pub bind: Option<String>,
}

/// Something mounted into a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mount {
    /// `bind`, `volume` or `tmpfs`.
    pub kind: String,
    /// The volume's name, for volumes.
    pub name: Option<String>,
    /// Path on the host.
    pub source: String,
    /// Path in the container.
    pub target: String,
    /// Volume driver, for volumes.
    pub driver: Option<String>,
    /// `ro` or `rw`.
    pub permissions: String,
}

/// A volume as the engine sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObservedVolume {
    /// Its name.
    pub name: String,
    /// Its driver.
    pub driver: String,
    /// Where it is on the host.
    pub mountpoint: String,
    /// Options given to the driver.
    pub driver_opts: BTreeMap<String, String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

/// Something that happened to a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineEvent {
    /// The container's id.
    pub container: String,
    /// Its name.
    pub name: String,
    /// Our uuid, if it carries one.
    pub uuid: Option<String>,
    /// Its image.
    pub image: String,
    /// What happened.
    pub kind: EventKind,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
}

/// What happened to a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// It was created.
    Create,
    /// It started.
    Start,
    /// It got a signal.
    Kill {
        /// The signal's number.
        signal: i64,
    },
    /// Its first process ended.
    Die {
        /// The exit code; 128 + n if signal n ended it.
        exit_code: i64,
    },
    /// The kernel killed a process of it for lack of memory.
    Oom,
    /// A stop request is complete.
    Stop,
    /// It is gone.
    Destroy,
    /// It was frozen.
    Pause,
    /// It was unfrozen.
    Unpause,
    /// Its name changed.
    Rename,
    /// Docker's own health check changed its mind.
    Health(Health),
}

/// One sample of what a container uses. Counters only grow while it runs; rates are the reader's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// When it was taken, milliseconds since 1970.
    pub at_ms: i64,
    /// Processor time in nanoseconds, all processors together.
    pub cpu_total_ns: u64,
    /// Processor time in nanoseconds, by processor; empty if the kernel does not say (cgroup 2).
    pub cpu_per_cpu_ns: Vec<u64>,
    /// The part spent in user mode.
    pub cpu_user_ns: u64,
    /// The part spent in the kernel.
    pub cpu_system_ns: u64,
    /// Memory in use, in bytes.
    pub memory_bytes: u64,
    /// The most it may use, in bytes.
    pub memory_limit_bytes: u64,
    /// Traffic by network interface.
    pub network: Vec<InterfaceStats>,
    /// Traffic by block device.
    pub disk_io: Vec<DiskIo>,
}

/// One sample of what a machine uses. Counters only grow while it runs; rates are the reader's.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HostStats {
    /// Time spent, by processor.
    pub cpus: Vec<CpuTime>,
    /// Memory.
    pub memory: HostMemory,
    /// Processes that wanted to run, on average over 1, 5 and 15 minutes.
    pub load: [f64; 3],
    /// Traffic by network interface; those of containers are left out.
    pub network: Vec<InterfaceStats>,
    /// Traffic by disk.
    pub disk_io: Vec<DiskIo>,
}

/// What one processor did, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuTime {
    /// In user mode.
    pub user_ns: u64,
    /// In the kernel, interrupts included.
    pub system_ns: u64,
    /// Idle, waiting for disks included.
    pub idle_ns: u64,
}

impl CpuTime {
    /// Everything but idle.
    pub const fn busy_ns(&self) -> u64 {
        self.user_ns.saturating_add(self.system_ns)
    }
}

/// A machine's memory, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HostMemory {
    /// All of it.
    pub total: u64,
    /// Not used for anything.
    pub free: u64,
    /// What programs could still get.
    pub available: u64,
    /// Buffers of block devices.
    pub buffers: u64,
    /// The page cache.
    pub cached: u64,
    /// Swap space.
    pub swap_total: u64,
    /// Swap space that is not used.
    pub swap_free: u64,
}

/// Traffic of one network interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InterfaceStats {
    /// Its name, e.g. `eth0`.
    pub name: String,
    /// Bytes received.
    pub rx_bytes: u64,
    /// Packets received.
    pub rx_packets: u64,
    /// Receive errors.
    pub rx_errors: u64,
    /// Received packets dropped.
    pub rx_dropped: u64,
    /// Bytes sent.
    pub tx_bytes: u64,
    /// Packets sent.
    pub tx_packets: u64,
    /// Send errors.
    pub tx_errors: u64,
    /// Sent packets dropped.
    pub tx_dropped: u64,
}

/// Bytes moved to and from one block device, by kind of operation (`Read`, `Write`, ..).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DiskIo {
    /// Major number of the device.
    pub major: u64,
    /// Minor number of the device.
    pub minor: u64,
    /// Bytes by kind of operation.
    pub bytes: BTreeMap<String, u64>,
}
