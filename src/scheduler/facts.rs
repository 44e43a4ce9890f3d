//! What the scheduler is told about hosts, instances and volumes.

use std::fmt;
use std::net::IpAddr;

use crate::model::port::{PortSpec, Protocol};

/// The database id of an environment (an account of kind project).
pub type EnvironmentId = i64;
/// The database id of a host.
pub type HostId = i64;
/// The database id of an instance.
pub type InstanceId = i64;
/// The database id of a storage pool.
pub type PoolId = i64;
/// The database id of a volume.
pub type VolumeId = i64;
/// Labels as a user wrote them; the scheduler lower-cases them where Rancher does.
pub type Labels = Vec<(String, String)>;

/// A host as the database has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostFacts {
    /// The host.
    pub id: HostId,
    /// The environment it belongs to; a host never changes environment.
    pub environment: EnvironmentId,
    /// What a person calls it: its name, or its hostname.
    pub name: String,
    /// Whether it takes containers.
    pub standing: HostStanding,
    /// Its labels, `io.rancher.scheduler.ips` and `io.rancher.scheduler.require_any` included.
    pub labels: Labels,
    /// Memory that reservations may add up to, bytes; 0 means unknown, which is unlimited.
    pub memory_bytes: u64,
    /// CPU that reservations may add up to, thousandths of a core; 0 means unlimited.
    pub milli_cpu: u64,
    /// Storage that volume sizes may add up to, MB; 0 means unlimited.
    pub local_storage_mb: u64,
    /// The shared storage pools mapped to the host (not its own `docker` pool).
    pub pools: Vec<PoolMapping>,
    /// Which images it runs.
    pub images: Images,
}

/// Which images a host runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Images {
    /// All of them.
    #[default]
    Any,
    /// Those that are not simulated.
    Real,
    /// `sim:` images only.
    Simulated,
}

/// A shared storage pool that a host is mapped to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolMapping {
    /// The pool.
    pub pool: PoolId,
    /// The name of the pool's storage driver.
    pub driver: String,
}

/// Whether a host takes containers, and if not, why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostStanding {
    /// Host active or updating-active, agent active or none, storage pool active.
    Eligible,
    /// Being activated.
    Activating,
    /// The agent is back (finishing-reconnect or reconnected) but not yet active.
    Reconnected,
    /// Deactivated, or not yet activated.
    Inactive,
    /// The agent is reconnecting or disconnected.
    Disconnected,
    /// Being evacuated.
    Evacuating,
    /// Being removed.
    Removing,
    /// None of its storage pools is active.
    WithoutStorage,
}

impl HostStanding {
    /// Whether a container may be placed there by choice.
    pub fn takes_new(self) -> bool {
        self == Self::Eligible
    }

    /// Whether global services run there. Wider than [`Self::takes_new`], so that a unit is not
    /// given up while its host is on its way back.
    pub fn takes_global(self) -> bool {
        match self {
            Self::Eligible | Self::Activating | Self::Reconnected => true,
            Self::Inactive
            | Self::Disconnected
            | Self::Evacuating
            | Self::Removing
            | Self::WithoutStorage => false,
        }
    }
}

impl fmt::Display for HostStanding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Eligible => "active",
            Self::Activating => "activating",
            Self::Reconnected => "reconnected but not yet active",
            Self::Inactive => "inactive",
            Self::Disconnected => "disconnected",
            Self::Evacuating => "being evacuated",
            Self::Removing => "being removed",
            Self::WithoutStorage => "without an active storage pool",
        })
    }
}

/// An instance that has a host. It counts for container affinity from placement until
/// [`crate::scheduler::Fleet::instance_remove`]; instances in `error` are not to be recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InstanceFacts {
    /// The instance.
    pub id: InstanceId,
    /// Its name.
    pub name: String,
    /// Its uuid.
    pub uuid: String,
    /// The uuid of its deployment unit.
    pub unit: Option<String>,
    /// Its labels.
    pub labels: Labels,
    /// The public ports it holds while it runs.
    pub ports: Vec<PortBinding>,
    /// Its memory reservation, bytes.
    pub memory_bytes: u64,
    /// Its CPU reservation, thousandths of a core.
    pub milli_cpu: u64,
    /// The summed size of volumes it brought, MB.
    pub storage_mb: u64,
    /// The named volumes it mounts.
    pub volumes: Vec<VolumeId>,
    /// What it holds at the moment.
    pub standing: InstanceStanding,
    /// Its health, as far as volume access goes.
    pub health: Health,
}

/// Which of its ports and reservations an instance holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InstanceStanding {
    /// Starting, restarting or running: holds ports and reservations. Also from placement on.
    #[default]
    Running,
    /// On its way down, on a host that may be out of reach: nobody else gets its ports before it is.
    Stopping,
    /// Holds nothing until it is started again.
    Stopped,
    /// Runs, but an upgrade marked it as old: its ports may already be promised to its successor.
    SupersededRunning,
    /// On its way down and marked as old by an upgrade.
    SupersededStopping,
    /// Stopped and marked as old by an upgrade.
    SupersededStopped,
}

impl InstanceStanding {
    /// Whether memory, CPU and storage are reserved, volumes in use and the instance counted.
    pub fn holds_reservations(self) -> bool {
        matches!(self, Self::Running | Self::SupersededRunning)
    }

    /// Whether public ports are taken.
    pub fn holds_ports(self) -> bool {
        matches!(self, Self::Running | Self::Stopping | Self::SupersededStopping)
    }

    /// Whether the instance ties its deployment unit to its host.
    pub fn ties_unit(self) -> bool {
        matches!(self, Self::Running | Self::Stopping | Self::Stopped)
    }
}

/// Health of an instance: an unhealthy one does not keep others off a `singleInstanceRW` volume.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Health {
    /// Healthy, or without a health check.
    #[default]
    Fine,
    /// Known to be unhealthy.
    Unhealthy,
}

/// A public port of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortBinding {
    /// The bind address; none, `0.0.0.0` and `::` mean every address.
    pub address: Option<IpAddr>,
    /// The public port.
    pub port: u16,
    /// The transport protocol.
    pub protocol: Protocol,
}

impl PortBinding {
    /// The host port a spec asks for; none when the public port is left to Docker.
    pub fn of_spec(spec: &PortSpec) -> Option<Self> {
        spec.public.map(|port| Self { address: spec.address, port, protocol: spec.protocol })
    }

    /// Whether both cannot be bound on one host: a wildcard clashes with every address.
    pub fn clashes(&self, other: &Self) -> bool {
        self.port == other.port
            && self.protocol == other.protocol
            && (self.is_wildcard() || other.is_wildcard() || self.address == other.address)
    }

    fn is_wildcard(&self) -> bool {
        self.address.is_none_or(|address| address.is_unspecified())
    }
}

impl fmt::Display for PortBinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.port, self.protocol)
    }
}

/// A named volume as the database has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeFacts {
    /// The volume.
    pub id: VolumeId,
    /// The environment it belongs to.
    pub environment: EnvironmentId,
    /// Its name.
    pub name: String,
    /// The storage driver; empty or `local` is the host's own.
    pub driver: String,
    /// The shared pool it is mapped to, if it is.
    pub pool: Option<PoolId>,
    /// The only host that has it: local volumes and drivers of scope `local`.
    pub host: Option<HostId>,
    /// The host it was last used on.
    pub last_host: Option<HostId>,
    /// Who may use it at once.
    pub access: AccessMode,
}

/// Who may use a volume at once (`accessMode` of a volume, `volumeAccessMode` of a pool).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccessMode {
    /// Any number of containers on any number of hosts.
    #[default]
    MultiHostRw,
    /// Containers on one host at a time.
    SingleHostRw,
    /// One container at a time.
    SingleInstanceRw,
}

impl AccessMode {
    /// The word of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MultiHostRw => "multiHostRW",
            Self::SingleHostRw => "singleHostRW",
            Self::SingleInstanceRw => "singleInstanceRW",
        }
    }
}

/// Whether a storage driver name means the host's own storage.
pub(crate) fn driver_is_local(driver: &str) -> bool {
    driver.is_empty() || driver == "local"
}
