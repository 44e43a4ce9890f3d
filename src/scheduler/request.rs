//! What is to be placed: the members of one deployment unit, or one standalone container.

use super::facts::{EnvironmentId, HostId, Labels, PortBinding, VolumeId};
use super::refusal::Refusal;

/// A deployment unit that needs a host. All members get the same one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// The environment; only its hosts are candidates.
    pub environment: EnvironmentId,
    /// The stack, for the macros `${stack_name}` and `${project_name}` and for bare service names.
    pub stack_name: Option<String>,
    /// The uuid of the deployment unit, if the members belong to one.
    pub unit: Option<String>,
    /// The host of members placed earlier. When it is none and `unit` is given, the fleet looks.
    pub mandatory_host: Option<HostId>,
    /// What is to be placed; at least one.
    pub members: Vec<Member>,
}

/// One container of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Its uuid.
    pub uuid: String,
    /// `service`, or `service/sidekick` for a secondary launch config.
    pub service_name: Option<String>,
    /// Its labels, affinity rules among them.
    pub labels: Labels,
    /// Its environment variables; those of Swarm's old form (`affinity:..`, `constraint:..`) count.
    pub variables: Vec<(String, String)>,
    /// The public ports it wants.
    pub ports: Vec<PortBinding>,
    /// Its memory reservation, bytes.
    pub memory_bytes: u64,
    /// Its CPU reservation, thousandths of a core.
    pub milli_cpu: u64,
    /// The named volumes it mounts.
    pub volumes: Vec<VolumeNeed>,
    /// `volumeDriver`: restricts to hosts that have the driver.
    pub volume_driver: Option<String>,
    /// Whether its image is a `sim:` image.
    pub simulated: bool,
    /// `requestedHostId`: only critical filters apply then.
    pub requested_host: Option<HostId>,
    /// The containers of `dataVolumesFrom` and `networkContainerId` outside the request.
    pub dependencies: Vec<Dependency>,
}

/// A named volume a member mounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VolumeNeed {
    /// One the fleet was told about; an unknown id constrains nothing.
    Existing(VolumeId),
    /// One that will be created on the chosen host.
    New {
        /// Its name.
        name: String,
        /// The storage driver; empty or `local` is the host's own.
        driver: String,
        /// Its size, MB; 0 when not given.
        size_mb: u64,
        /// The driver option `ec2_az`: pins to hosts with that `io.rancher.host.zone`.
        zone: Option<String>,
    },
}

/// A container that a member must share a host with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependency {
    /// Its name, for messages.
    pub name: String,
    /// Its host; none when it is not placed yet.
    pub host: Option<HostId>,
}

impl Request {
    /// The one host the members ask for.
    ///
    /// # Errors
    /// When two members ask for different hosts.
    pub fn requested_host(&self) -> Result<Option<HostId>, Refusal> {
        let mut hosts: Vec<HostId> =
            self.members.iter().filter_map(|member| member.requested_host).collect();
        hosts.sort_unstable();
        hosts.dedup();
        match hosts.as_slice() {
            [] => Ok(None),
            [host] => Ok(Some(*host)),
            _ => Err(Refusal::RequestedHostsDiffer { hosts }),
        }
    }
}
