//! Everything outside a process that its steps may use.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use tokio::sync::Semaphore;

use super::configs::Configs;
use super::door::Door;
use super::ledger::Ledger;
use super::node::{Node, Workers};
use super::tasks::Tasks;
use crate::acme::Authority;
use crate::archive::Places;
use crate::clock::{Clock, Entropy};
use crate::engine::Engine;
use crate::engine::machine::Machines;
use crate::engine::sim::SimFleet;
use crate::error::Result;
use crate::events::bus::Bus;
use crate::folder::Folders;
use crate::store::{Store, Tx};
use crate::vault::Vault;

/// Store, engines and settings, shared by all processes.
pub struct Site {
    /// The database.
    pub store: Store,
    /// Time.
    pub clock: Clock,
    /// Uuids and secrets.
    pub entropy: Entropy,
    /// Secrets at rest.
    pub vault: Arc<Vault>,
    /// Engines by host.
    pub engines: Engines,
    /// Who has which port, address and host.
    pub ledger: Ledger,
    /// Makes services from compose files.
    pub importer: Box<dyn Importer>,
    /// Archives of volumes.
    pub archives: Places,
    /// Folders of stacks.
    pub folders: Arc<Folders>,
    /// Issues certificates.
    pub authority: Arc<dyn Authority>,
    /// Events between this program and others.
    pub bus: Bus,
    /// The fleet of simulated agents, once they are switched on.
    pub fleet: OnceLock<SimFleet>,
    /// Reaches machines that become hosts.
    pub machines: Arc<dyn Machines>,
    /// Numbers that the configuration sets.
    pub limits: Limits,
    /// Configuration generated for others.
    pub configs: Configs,
    /// Periodic jobs.
    pub tasks: Tasks,
    /// The workers that run processes.
    pub workers: Workers,
    /// This server.
    pub node: Node,
    /// Where containers reach it.
    pub door: Door,
}

impl Site {
    /// The fleet of simulated agents, if they are switched on.
    pub fn simulated(&self) -> Option<&SimFleet> {
        self.fleet.get()
    }
}

/// Numbers that the configuration sets.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Engine calls under way at once per host.
    pub concurrency: usize,
    /// Steps under way at once.
    pub workers: usize,
    /// Seconds between asking a container to stop and killing it.
    pub stop_timeout_s: u32,
    /// First subnet handed to an environment's network, as `a.b.0.0/16`.
    pub first_subnet: String,
}

/// The controller's part that processes call: compose files into services.
pub trait Importer: Send + Sync {
    /// Makes or changes the services that a stack's compose files describe.
    ///
    /// # Errors
    /// 422 when the files are wrong.
    fn import(&self, tx: &mut Tx<'_>, site: &Site, stack_id: i64) -> Result<()>;

    /// Upgrades the services of a stack that its compose files now describe differently, in service.
    ///
    /// # Errors
    /// 422 when the files are wrong, 409 when a service cannot be upgraded now.
    fn upgrade(&self, tx: &mut Tx<'_>, site: &Site, stack_id: i64) -> Result<()>;
}

/// The engine of each host.
#[derive(Default)]
pub struct Engines {
    hosts: RwLock<BTreeMap<i64, HostEngine>>,
    networks: Mutex<HashSet<(i64, String)>>,
    named: Mutex<HashMap<i64, Vec<String>>>,
    /// Hosts that somebody watches.
    watched: Mutex<HashSet<i64>>,
}

/// A host's engine and how many calls it takes at once.
#[derive(Clone)]
pub struct HostEngine {
    /// The engine.
    pub engine: Arc<dyn Engine>,
    /// One permit a call.
    pub permits: Arc<Semaphore>,
}

impl Engines {
    /// Sets the engine of a host.
    pub fn insert(&self, host_id: i64, engine: Arc<dyn Engine>, concurrency: usize) {
        let permits = Arc::new(Semaphore::new(concurrency.max(1)));
        let mut hosts = self.hosts.write().unwrap_or_else(PoisonError::into_inner);
        hosts.insert(host_id, HostEngine { engine, permits });
    }

    /// The engine of a host, if this server drives it.
    pub fn get(&self, host_id: i64) -> Option<HostEngine> {
        self.hosts.read().unwrap_or_else(PoisonError::into_inner).get(&host_id).cloned()
    }

    /// Forgets the engine of a host that is gone.
    pub fn remove(&self, host_id: i64) {
        self.hosts.write().unwrap_or_else(PoisonError::into_inner).remove(&host_id);
        self.watched.lock().unwrap_or_else(PoisonError::into_inner).remove(&host_id);
        let mut networks = self.networks.lock().unwrap_or_else(PoisonError::into_inner);
        networks.retain(|(host, _)| *host != host_id);
    }

    /// Whether an engine is still that of a host.
    pub fn is_of(&self, host_id: i64, engine: &Arc<dyn Engine>) -> bool {
        self.get(host_id).is_some_and(|host| Arc::ptr_eq(&host.engine, engine))
    }

    /// Claims the watch over a host's engine; `false` when somebody has it already.
    pub fn claim_watch(&self, host_id: i64) -> bool {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner).insert(host_id)
    }

    /// Hosts with an engine that nobody watches yet.
    pub fn unwatched(&self) -> Vec<i64> {
        let watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let hosts = self.hosts.read().unwrap_or_else(PoisonError::into_inner);
        hosts.keys().copied().filter(|host| !watched.contains(host)).collect()
    }

    /// Every host with an engine.
    pub fn all(&self) -> Vec<(i64, HostEngine)> {
        let hosts = self.hosts.read().unwrap_or_else(PoisonError::into_inner);
        hosts.iter().map(|(id, engine)| (*id, engine.clone())).collect()
    }

    /// Remembers that this server answers the names that a host's containers ask for, and which servers
    /// the host itself asks.
    pub fn serve_names(&self, host_id: i64, host_servers: Vec<String>) {
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        named.insert(host_id, host_servers);
    }

    /// The servers that a host asks, if this server answers the names that its containers ask for.
    pub fn names_of(&self, host_id: i64) -> Option<Vec<String>> {
        self.named.lock().unwrap_or_else(PoisonError::into_inner).get(&host_id).cloned()
    }

    /// Whether a network has been made sure of on a host since the start.
    pub fn knows_network(&self, host_id: i64, name: &str) -> bool {
        let networks = self.networks.lock().unwrap_or_else(PoisonError::into_inner);
        networks.contains(&(host_id, name.to_owned()))
    }

    /// Remembers that a network exists on a host.
    pub fn network_known(&self, host_id: i64, name: &str) {
        let mut networks = self.networks.lock().unwrap_or_else(PoisonError::into_inner);
        networks.insert((host_id, name.to_owned()));
    }

    /// Forgets what is known of a network: somebody removed it.
    pub fn network_unknown(&self, host_id: i64, name: &str) {
        let mut networks = self.networks.lock().unwrap_or_else(PoisonError::into_inner);
        networks.remove(&(host_id, name.to_owned()));
    }
}
