//! One environment as its containers may know it: plain data, without ids of the database.

use std::collections::{BTreeMap, HashMap};
use std::net::Ipv4Addr;

use serde_json::{Map, Value};

/// Text by text, sorted.
pub type Texts = BTreeMap<String, String>;

/// An environment. Members refer to each other by position.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct World {
    /// The environment's name.
    pub name: String,
    /// Its uuid.
    pub uuid: String,
    /// Its stacks.
    pub stacks: Vec<Stack>,
    /// Its services and their sidekicks, each as a service of its own.
    pub services: Vec<Service>,
    /// Its containers that are not removed.
    pub containers: Vec<Container>,
    /// Its hosts.
    pub hosts: Vec<Host>,
    /// Its networks.
    pub networks: Vec<Network>,
}

/// A stack.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stack {
    /// Name.
    pub name: String,
    /// Uuid.
    pub uuid: String,
    /// Infrastructure.
    pub system: bool,
}

/// A service, or one sidekick of one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Service {
    /// Name; of a sidekick its own.
    pub name: String,
    /// Uuid; a sidekick has that of its service.
    pub uuid: String,
    /// Position of its stack.
    pub stack: usize,
    /// Type, such as `service` or `dnsService`.
    pub kind: String,
    /// State.
    pub state: String,
    /// For a sidekick: position of the service it belongs to.
    pub primary: Option<usize>,
    /// Names of its sidekicks.
    pub sidekicks: Vec<String>,
    /// Positions of its containers, in order of creation.
    pub containers: Vec<usize>,
    /// Names it calls other services by, and their positions.
    pub links: Vec<(String, usize)>,
    /// Positions of the services that its balancer's rules lead to.
    pub balances: Vec<usize>,
    /// The address that stands for all of it.
    pub vip: Option<Ipv4Addr>,
    /// Addresses outside, of an external service.
    pub external_ips: Vec<Ipv4Addr>,
    /// The name outside, of an external service.
    pub hostname: Option<String>,
    /// Everything that is only passed on to whoever asks the metadata service.
    pub shown: ServiceFacts,
}

/// What the metadata service says of a service, and names do not depend on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServiceFacts {
    /// Position in order of creation.
    pub create_index: Option<i64>,
    /// Units wanted; those there are, of a global service.
    pub scale: i64,
    /// Published ports as written.
    pub ports: Vec<String>,
    /// Ports open to other containers.
    pub expose: Vec<String>,
    /// Labels.
    pub labels: Texts,
    /// The user's metadata.
    pub metadata: Map<String, Value>,
    /// The name outside, made by an external DNS.
    pub fqdn: Option<String>,
    /// Health check, in the metadata service's words.
    pub health_check: Option<Value>,
    /// Balancer configuration, in the metadata service's words.
    pub lb_config: Option<Value>,
    /// What its own containers prove themselves with.
    pub token: Option<String>,
    /// Infrastructure.
    pub system: bool,
}

/// A container.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Container {
    /// Name.
    pub name: String,
    /// Uuid.
    pub uuid: String,
    /// Id in Docker.
    pub external_id: Option<String>,
    /// Address on the environment's network.
    pub ip: Option<Ipv4Addr>,
    /// Position of the container whose network it shares.
    pub network_from: Option<usize>,
    /// Position of its service, or of the sidekick it is of.
    pub service: Option<usize>,
    /// Position of its stack.
    pub stack: Option<usize>,
    /// Position of its host.
    pub host: Option<usize>,
    /// Position of its network.
    pub network: Option<usize>,
    /// Whether names lead to it: it runs or starts.
    pub running: bool,
    /// Whether its checks, if any, are passed.
    pub healthy: bool,
    /// Names it calls other containers by, and their positions.
    pub links: Vec<(String, usize)>,
    /// Further names inside its stack.
    pub aliases: Vec<String>,
    /// Servers that answer what we do not know, as the user said.
    pub dns: Vec<String>,
    /// Everything that is only passed on.
    pub shown: ContainerFacts,
}

/// What the metadata service says of a container, and names do not depend on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContainerFacts {
    /// State.
    pub state: String,
    /// Health, if it is checked.
    pub health_state: Option<String>,
    /// Health check, in the metadata service's words.
    pub health_check: Option<Value>,
    /// MAC address.
    pub mac: Option<String>,
    /// `hostIp:public:private/protocol`.
    pub ports: Vec<String>,
    /// Labels.
    pub labels: Texts,
    /// Position in order of creation.
    pub create_index: Option<i64>,
    /// Number of its unit.
    pub service_index: Option<String>,
    /// How often it was started.
    pub start_count: Option<i64>,
    /// Host name.
    pub hostname: Option<String>,
    /// Search domains, as the user said.
    pub dns_search: Vec<String>,
    /// Bytes reserved.
    pub memory_reservation: Option<i64>,
    /// Thousandths of a processor reserved.
    pub milli_cpu_reservation: Option<i64>,
    /// Infrastructure.
    pub system: bool,
}

/// A host.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Host {
    /// Name.
    pub name: String,
    /// Uuid.
    pub uuid: String,
    /// Host name.
    pub hostname: String,
    /// Address.
    pub agent_ip: Option<String>,
    /// Labels.
    pub labels: Texts,
    /// Bytes of memory, if limited.
    pub memory: Option<i64>,
    /// Thousandths of processors, if limited.
    pub milli_cpu: Option<i64>,
    /// MiB of storage, if limited.
    pub local_storage_mb: Option<i64>,
    /// Id as clients see it.
    pub id: String,
    /// State.
    pub state: String,
    /// State of its agent.
    pub agent_state: Option<String>,
}

/// A network.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Network {
    /// Name.
    pub name: String,
    /// Uuid.
    pub uuid: String,
    /// The user's metadata.
    pub metadata: Map<String, Value>,
    /// Whether containers that ask for nothing are put here.
    pub is_default: bool,
    /// Whether ports are published on the host's addresses.
    pub host_ports: bool,
    /// `allow` or `deny`.
    pub default_policy_action: String,
    /// Rules.
    pub policy: Option<Value>,
}

impl World {
    /// Positions of containers by their own address.
    pub fn by_address(&self) -> HashMap<Ipv4Addr, usize> {
        let own = self.containers.iter().enumerate();
        own.filter(|(_, container)| container.network_from.is_none())
            .filter_map(|(index, container)| Some((container.ip?, index)))
            .collect()
    }

    /// The address under which a container is reached: its own, or that of the one whose network it
    /// shares.
    pub fn address_of(&self, container: usize) -> Option<Ipv4Addr> {
        let container = self.containers.get(container)?;
        match container.network_from {
            Some(owner) => self.containers.get(owner)?.ip,
            None => container.ip,
        }
    }

    /// A service's stack.
    pub fn stack_of(&self, service: &Service) -> &str {
        self.stacks.get(service.stack).map_or("", |stack| stack.name.as_str())
    }
}
