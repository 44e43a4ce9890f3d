//! One host inside the fleet: what it has, what is taken, and where it stands in the order.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::facts::{
    EnvironmentId, HostFacts, HostId, HostStanding, Images, InstanceFacts, InstanceId,
    InstanceStanding, PoolMapping, PortBinding,
};
use super::interner::TextId;
use crate::model::port::Protocol;

/// The place of a host in the fleet's table.
pub type Slot = u32;

/// Host label: addresses that public ports without an address are put on.
pub const LABEL_IPS: &str = "io.rancher.scheduler.ips";
/// Host label: the host takes only containers with one of these labels.
pub const LABEL_REQUIRE_ANY: &str = "io.rancher.scheduler.require_any";

/// Where a host stands among others: less is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    /// Instances that hold reservations.
    instances: u32,
    /// `u64::MAX` minus the free memory, so that more free memory sorts first.
    memory_taken: u64,
    /// Makes the order total and the choice repeatable.
    id: HostId,
    /// Not part of the order in effect: `id` is unique.
    pub(super) slot: Slot,
}

/// An amount of each resource that reservations add up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Resources {
    pub(super) memory_bytes: u64,
    pub(super) milli_cpu: u64,
    pub(super) storage_mb: u64,
}

/// A bind address of a public port and who holds it.
type Hold = (Option<IpAddr>, InstanceId);

/// A host with everything placed on it.
#[derive(Clone, Debug)]
pub struct Host {
    pub(super) slot: Slot,
    pub(super) id: HostId,
    pub(super) environment: EnvironmentId,
    pub(super) name: String,
    pub(super) standing: HostStanding,
    /// Interned `key NUL value`, lower-case.
    pub(super) labels: Vec<TextId>,
    /// Lower-case keys; without a value any value does. Empty means no restriction.
    pub(super) require_any: Vec<(String, Option<String>)>,
    /// Scheduler addresses in the order given.
    pub(super) addresses: Vec<IpAddr>,
    pub(super) total: Resources,
    pub(super) used: Resources,
    pub(super) pools: Vec<PoolMapping>,
    pub(super) images: Images,
    /// Every instance placed here.
    pub(super) instances: BTreeSet<InstanceId>,
    holding: u32,
    ports: BTreeMap<(u16, Protocol), Vec<Hold>>,
}

impl Host {
    /// A host without instances and without interned labels.
    pub(super) fn new(slot: Slot, facts: &HostFacts) -> Self {
        let mut host = Self {
            slot,
            id: facts.id,
            environment: facts.environment,
            name: String::new(),
            standing: facts.standing,
            labels: Vec::new(),
            require_any: Vec::new(),
            addresses: Vec::new(),
            total: Resources::default(),
            used: Resources::default(),
            pools: Vec::new(),
            images: facts.images,
            instances: BTreeSet::new(),
            holding: 0,
            ports: BTreeMap::new(),
        };
        host.describe(facts);
        host
    }

    /// Takes over new facts; what is placed here stays.
    pub(super) fn describe(&mut self, facts: &HostFacts) {
        self.name.clone_from(&facts.name);
        self.standing = facts.standing;
        self.pools.clone_from(&facts.pools);
        self.images = facts.images;
        self.total = Resources {
            memory_bytes: limit(facts.memory_bytes),
            milli_cpu: limit(facts.milli_cpu),
            storage_mb: limit(facts.local_storage_mb),
        };
        self.require_any.clear();
        self.addresses.clear();
        for (key, value) in &facts.labels {
            if key.eq_ignore_ascii_case(LABEL_REQUIRE_ANY) {
                self.require_any.extend(require_any_parse(value));
            } else if key.eq_ignore_ascii_case(LABEL_IPS) {
                let addresses = value.split(',').map(|ip| ip.trim().parse::<IpAddr>());
                self.addresses.extend(addresses.filter_map(Result::ok));
            }
        }
    }

    pub(super) fn rank(&self) -> Rank {
        Rank {
            instances: self.holding,
            memory_taken: u64::MAX - self.memory_free(),
            id: self.id,
            slot: self.slot,
        }
    }

    fn memory_free(&self) -> u64 {
        free(self.total.memory_bytes, self.used.memory_bytes)
    }

    /// How much of each resource is missing for `wanted`; all zero when it fits.
    pub(super) fn shortage(&self, wanted: &Resources) -> Resources {
        let short = |total, used, wanted: u64| wanted.saturating_sub(free(total, used));
        Resources {
            memory_bytes: short(
                self.total.memory_bytes,
                self.used.memory_bytes,
                wanted.memory_bytes,
            ),
            milli_cpu: short(self.total.milli_cpu, self.used.milli_cpu, wanted.milli_cpu),
            storage_mb: short(self.total.storage_mb, self.used.storage_mb, wanted.storage_mb),
        }
    }

    /// The instance that holds a port which clashes with `wanted`; the oldest if several do.
    pub(super) fn port_holder(&self, wanted: &PortBinding) -> Option<InstanceId> {
        let taken = self.ports.get(&(wanted.port, wanted.protocol))?;
        taken
            .iter()
            .filter(|(address, _)| wanted.clashes(&PortBinding { address: *address, ..*wanted }))
            .map(|(_, instance)| *instance)
            .min()
    }

    /// Takes what the instance holds in its present standing.
    pub(super) fn hold(&mut self, placed: &Placed) {
        if placed.standing.holds_reservations() {
            self.holding += 1;
            self.used.memory_bytes =
                self.used.memory_bytes.saturating_add(placed.needs.memory_bytes);
            self.used.milli_cpu = self.used.milli_cpu.saturating_add(placed.needs.milli_cpu);
            self.used.storage_mb = self.used.storage_mb.saturating_add(placed.needs.storage_mb);
        }
        if placed.standing.holds_ports() {
            for port in &placed.ports {
                let taken = self.ports.entry((port.port, port.protocol)).or_default();
                taken.push((port.address, placed.id));
            }
        }
    }

    /// Gives back what [`Self::hold`] took.
    pub(super) fn release(&mut self, placed: &Placed) {
        if placed.standing.holds_reservations() {
            self.holding = self.holding.saturating_sub(1);
            self.used.memory_bytes =
                self.used.memory_bytes.saturating_sub(placed.needs.memory_bytes);
            self.used.milli_cpu = self.used.milli_cpu.saturating_sub(placed.needs.milli_cpu);
            self.used.storage_mb = self.used.storage_mb.saturating_sub(placed.needs.storage_mb);
        }
        if placed.standing.holds_ports() {
            for port in &placed.ports {
                let key = (port.port, port.protocol);
                if let Some(taken) = self.ports.get_mut(&key) {
                    taken.retain(|(_, instance)| *instance != placed.id);
                    if taken.is_empty() {
                        self.ports.remove(&key);
                    }
                }
            }
        }
    }
}

/// An instance on a host, with its labels and names interned.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub(super) id: InstanceId,
    pub(super) slot: Slot,
    pub(super) name: String,
    pub(super) unit: Option<String>,
    pub(super) standing: InstanceStanding,
    pub(super) needs: Resources,
    pub(super) ports: Vec<PortBinding>,
    /// Interned labels (`key NUL value`), name and uuid, lower-case; each once.
    pub(super) marks: Vec<TextId>,
    pub(super) volumes: Vec<super::facts::VolumeId>,
    pub(super) health: super::facts::Health,
}

impl Placed {
    pub(super) fn new(slot: Slot, marks: Vec<TextId>, facts: InstanceFacts) -> Self {
        Self {
            id: facts.id,
            slot,
            name: facts.name,
            unit: facts.unit,
            standing: facts.standing,
            needs: Resources {
                memory_bytes: facts.memory_bytes,
                milli_cpu: facts.milli_cpu,
                storage_mb: facts.storage_mb,
            },
            ports: facts.ports,
            marks,
            volumes: facts.volumes,
            health: facts.health,
        }
    }
}

/// 0 stands for "unknown" in the database and is no limit.
fn limit(total: u64) -> u64 {
    if total == 0 { u64::MAX } else { total }
}

fn free(total: u64, used: u64) -> u64 {
    if total == u64::MAX { u64::MAX } else { total.saturating_sub(used) }
}

fn require_any_parse(value: &str) -> impl Iterator<Item = (String, Option<String>)> {
    value.split(',').map(str::trim).filter(|entry| !entry.is_empty()).map(|entry| {
        match entry.split_once('=') {
            Some((key, value)) => (key.to_lowercase(), Some(value.to_lowercase())),
            None => (entry.to_lowercase(), None),
        }
    })
}
