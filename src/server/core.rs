//! The server without its ears: store, processes, controller and engine watchers.

use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::counted::Counted;
use super::data_dir::DataDir;
use super::figures::{Ears, Rows};
use super::walls::{HostWalls, Local};
use crate::acme::{self, Authority};
use crate::archive::Places;
use crate::clock::{Clock, Entropy};
use crate::controller::attach::Attacher;
use crate::controller::checks::Checks;
use crate::controller::{Controller, agents, balancers, bound, deploy, hosts, issuance, watch};
use crate::engine::Engine;
use crate::engine::docker::ssh::SshMachines;
use crate::engine::machine::Machines;
use crate::engine::sim::SimFleet;
use crate::error::Result;
use crate::events::bus::Bus;
use crate::folder::Folders;
use crate::metrics::Metrics;
use crate::network::policy::guard::Guard;
use crate::process::agent;
use crate::process::balancer;
use crate::process::configs::Configs;
use crate::process::door::Door;
use crate::process::ledger::Ledger;
use crate::process::node::{Node, Workers};
use crate::process::runner::{Breakpoint, Runner};
use crate::process::site::{Engines, Limits, Site};
use crate::process::tasks::{self, Tasks};
use crate::process::webhooks::courier::Courier;
use crate::process::webhooks::outbox::Outbox;
use crate::process::{certificates, lost_hosts, secrets, versions, webhooks};
use crate::store::{Store, Tx};
use crate::vault::{self, Vault};

/// How often hosts that came by themselves are compared, unless it is said otherwise.
const COMPARE_MS: u64 = 60_000;

/// Whether agents may be simulated hosts of a fleet, and what else there is.
pub enum Simulated {
    /// They may not.
    Off,
    /// They may, and whatever runs, runs on simulated hosts: of images of every kind.
    Alone(SimFleet),
    /// They may, and real hosts run what is not simulated.
    BesideReal(SimFleet),
}

/// Everything that acts, wired; nothing runs before [`Core::start`].
pub struct Core {
    /// What processes use.
    pub site: Arc<Site>,
    /// Numbers.
    pub metrics: Metrics,
    /// Ends everything that [`Core::start`] began.
    pub stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
    breakpoint: Option<Breakpoint>,
    /// How often a host that came by itself is compared with its engine, in milliseconds.
    compare_ms: u64,
    data_dir: Option<DataDir>,
    local: Option<Local>,
}

/// What is not in the database.
pub struct Outside {
    /// Reaches machines that become hosts.
    pub machines: Arc<dyn Machines>,
    /// Seals secrets.
    pub vault: Arc<Vault>,
    /// Where archives of volumes are.
    pub archives: Places,
    /// Issues certificates.
    pub authority: Arc<dyn Authority>,
}

impl Outside {
    /// Real machines, and a key file and archives beside the database.
    pub fn beside(database: &Path, clock: &Clock, entropy: &Entropy) -> Self {
        let vault = Vault::at(database.with_file_name(vault::FILE), entropy.clone());
        Self {
            machines: Arc::new(SshMachines::new(clock.clone())),
            vault: Arc::new(vault),
            archives: Places::beside(database),
            authority: Arc::new(acme::Client::new(clock.clone())),
        }
    }
}

impl Core {
    /// Opens the database at `path`.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn open(path: &Path, clock: Clock, entropy: Entropy, limits: Limits) -> Result<Self> {
        let outside = Outside::beside(path, &clock, &entropy);
        Self::open_with(path, clock, entropy, limits, outside)
    }

    /// Opens the database at `path`, with machines and a vault of the caller's.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn open_with(
        path: &Path,
        clock: Clock,
        entropy: Entropy,
        limits: Limits,
        outside: Outside,
    ) -> Result<Self> {
        let store = Store::open(path, clock.clone(), entropy.clone())?;
        Ok(Self::with_store(store, clock, entropy, limits, outside))
    }

    /// The same on a database that is open already.
    pub fn with_store(
        store: Store,
        clock: Clock,
        entropy: Entropy,
        limits: Limits,
        outside: Outside,
    ) -> Self {
        let ledger = Ledger::default();
        let metrics = Metrics::new(Rows(store.clone()));
        let ears = Ears { ledger: ledger.clone(), processes: metrics.processes.clone() };
        store.observe(Arc::new(ears));
        store.follow(Arc::new(Outbox));
        let uname = rustix::system::uname();
        let node = Node {
            hostname: uname.nodename().to_string_lossy().into_owned(),
            process: std::process::id(),
            started: clock.now_ms(),
        };
        let site = Arc::new(Site {
            store,
            clock,
            entropy,
            engines: Engines::default(),
            ledger,
            importer: Box::new(deploy::ComposeImporter),
            archives: outside.archives,
            folders: Arc::new(Folders::default()),
            authority: outside.authority,
            bus: Bus::default(),
            fleet: OnceLock::new(),
            machines: outside.machines,
            vault: outside.vault,
            limits,
            configs: Configs::default(),
            tasks: Tasks::default(),
            workers: Workers::default(),
            node,
            door: Door::default(),
        });
        site.configs.add(balancer::config_item());
        let tasks = [
            watch::tasks(),
            lost_hosts::tasks(),
            secrets::tasks(),
            certificates::tasks(),
            issuance::tasks(),
            versions::images::tasks(),
            webhooks::tasks(),
        ];
        site.tasks.add(tasks.concat());
        Self {
            site,
            metrics,
            stop: CancellationToken::new(),
            tasks: Vec::new(),
            breakpoint: None,
            compare_ms: COMPARE_MS,
            data_dir: None,
            local: None,
        }
    }

    /// Calls `breakpoint` around every process step; for tests.
    pub fn with_breakpoint(mut self, breakpoint: Breakpoint) -> Self {
        self.breakpoint = Some(breakpoint);
        self
    }

    /// Switches simulated agents on or off, to be called before [`Core::start`]; `compare_ms` is how often
    /// hosts that come by themselves are compared with their engines.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn simulate_agents(&mut self, wanted: Simulated, compare_ms: u64) -> Result<()> {
        self.compare_ms = compare_ms;
        let (word, fleet) = match wanted {
            Simulated::Off => (agent::OFF, None),
            Simulated::Alone(fleet) => (agent::ALONE, Some(fleet)),
            Simulated::BesideReal(fleet) => (agent::BESIDE_REAL, Some(fleet)),
        };
        if let Some(fleet) = fleet {
            // Once on, they stay on with the fleet they were switched on with.
            let _ = self.site.fleet.set(fleet);
        }
        self.site.store.write(move |tx| tx.set_fact(agent::SIMULATION, word)).await
    }

    /// Says, before [`Core::start`], which host is this machine's engine, and whether its bridges are here.
    pub fn set_local(&mut self, host_id: i64, reachable: std::result::Result<(), String>) {
        if reachable.is_ok() {
            self.site.door.is_here(host_id);
        }
        self.local = Some((host_id, reachable));
    }

    /// Keeps the lock of the data directory until everything has ended.
    pub fn hold(&mut self, data_dir: DataDir) {
        self.data_dir = Some(data_dir);
    }

    /// Runs a task until everything ends.
    pub fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.tasks.push(tokio::spawn(async move {
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = task => {}
            }
        }));
    }

    /// Waits for a task when everything ends; it is told by [`Core::stop`].
    pub fn keep(&mut self, task: JoinHandle<()>) {
        self.tasks.push(task);
    }

    /// Starts the runner, the controller, what looks after agents and machines, and the periodic jobs.
    /// Engines come first: processes that were cut off go on at once.
    pub fn start(&mut self) {
        if let Err(error) = agents::attach(&self.site) {
            tracing::error!(%error, "cannot find the simulated hosts");
        }
        let mut attacher = Attacher::new(Arc::clone(&self.site), self.stop.clone());
        attacher.attach_ready();
        self.tasks.push(tokio::spawn(attacher.run()));
        let keeper = agents::run(Arc::clone(&self.site), self.compare_ms, self.stop.clone());
        self.tasks.push(tokio::spawn(keeper));
        let mut runner = Runner::new(Arc::clone(&self.site), self.stop.clone());
        if let Some(breakpoint) = &self.breakpoint {
            runner = runner.with_breakpoint(Arc::clone(breakpoint));
        }
        self.tasks.push(tokio::spawn(runner.run()));
        let checks = Checks::new(Arc::clone(&self.site)).run(self.stop.clone());
        self.tasks.push(tokio::spawn(checks));
        let balancers = balancers::run(Arc::clone(&self.site), self.stop.clone());
        self.tasks.push(tokio::spawn(balancers));
        let courier = Courier::new(Arc::clone(&self.site), self.stop.clone());
        self.tasks.push(tokio::spawn(courier.run()));
        let bound = bound::watch::run(Arc::clone(&self.site), self.stop.clone());
        self.tasks.push(tokio::spawn(bound));
        let controller = Controller::new(Arc::clone(&self.site), self.stop.clone());
        self.tasks.push(tokio::spawn(controller.run()));
        self.tasks.push(tokio::spawn(self.guard().run(self.stop.clone())));
        let jobs = tasks::Runner::new(Arc::clone(&self.site), self.stop.clone());
        self.tasks.push(tokio::spawn(jobs.run()));
    }

    /// Enforces network policies.
    fn guard(&self) -> Guard {
        Guard {
            store: self.site.store.clone(),
            clock: self.site.clock.clone(),
            walls: Arc::new(HostWalls::new(Arc::clone(&self.site), self.local.clone())),
            is_local: matches!(&self.local, Some((_, Ok(())))),
        }
    }

    /// Registers an engine as a host of an environment, and watches it from then on; does nothing for
    /// one that somebody has removed from the environment.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_host(
        &mut self,
        environment: i64,
        address: &str,
        hostname: &str,
        engine: Arc<dyn Engine>,
        compare_ms: u64,
    ) -> Result<Option<i64>> {
        let registered = hosts::register(&self.site, environment, address, hostname).await?;
        let Some(host_id) = registered else {
            tracing::info!(address, "the host of this engine was removed; it stays away");
            return Ok(None);
        };
        let engine = Counted::new(engine, self.metrics.clone(), self.site.clock.clone());
        self.site.engines.insert(host_id, Arc::new(engine), self.site.limits.concurrency);
        self.site.engines.claim_watch(host_id);
        let site = Arc::clone(&self.site);
        let task = watch::watch(site, host_id, compare_ms, self.stop.clone());
        self.tasks.push(tokio::spawn(task));
        Ok(Some(host_id))
    }

    /// Writes down at which address the ports of a host are reached.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_address(&self, host_id: i64, address: IpAddr) -> Result<()> {
        let text = address.to_string();
        let known = self.site.store.read(|read| read.get(host_id))?;
        if known.is_some_and(|host| host.str("agentIpAddress") == Some(&text)) {
            return Ok(());
        }
        let set = move |tx: &mut Tx<'_>| {
            tx.update(host_id, |host| {
                host.set("agentIpAddress", text);
                Ok(())
            })
        };
        self.site.store.write(set).await.map(drop)
    }

    /// Ends everything and waits for it. Containers run on.
    pub async fn shut_down(mut self) {
        self.stop.cancel();
        for task in self.tasks.drain(..) {
            // A task that panicked has said so in the log.
            let _ = task.await;
        }
    }
}

#[cfg(test)]
mod tests;
