//! Composition root: wires store, engines, runner, controller and API together.
//!
//! The only place that knows everything. [`core`] is the server without its ears: what tests, the
//! benches and the demo run too.

pub mod core;

pub mod data_dir;

mod address;
mod counted;
mod demo;
mod figures;
mod http;
mod names;
mod settings;
pub(crate) mod walls;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;

use self::core::{Core, Outside, Simulated};
use self::data_dir::DataDir;
use crate::acme;
use crate::archive::Places;
use crate::auth::{Auth, Options, secret, seed, setup, throttle};
use crate::clock::{Clock, Entropy};
use crate::config::Config;
use crate::engine::Engine;
use crate::engine::docker::DockerEngine;
use crate::engine::docker::ssh::SshMachines;
use crate::engine::machine::Machines;
use crate::engine::sim::SimFleet;
use crate::error::{Error, Result};
use crate::process::machine::driver;
use crate::process::secrets;
use crate::process::site::Limits;
use crate::process::{snapshot, tasks, upgrade};
use crate::store::Tx;
use crate::vault::Vault;

pub use demo::demo;

/// Told of what a person who starts the server wants to know.
pub trait Greeter: Send + Sync {
    /// The server listens at this URL; with a code if it waits for its first administrator.
    fn listening(&self, url: &str, setup_code: Option<&str>);
}

/// A server that has been started: its parts, for whoever wants to use them in the same program.
pub struct Running {
    /// Where it listens.
    pub url: String,
    /// The code that the first administrator is made with, if there is none yet.
    pub setup_code: Option<String>,
    /// Store, processes, controller and engines.
    pub core: Core,
    http: http::Http,
}

impl Running {
    /// Stops listening, then everything else. Containers run on.
    pub async fn shut_down(self) {
        self.http.stop().await;
        self.core.shut_down().await;
    }
}

/// Runs the server until it is told to stop by SIGINT or SIGTERM.
///
/// # Errors
/// When it cannot start: the message says why.
pub async fn serve(config: &Config, greeter: &dyn Greeter) -> Result<()> {
    let running = start(config, Clock::System, Entropy::System).await?;
    greeter.listening(&running.url, running.setup_code.as_deref());
    stopped().await?;
    tracing::info!("stopping; containers run on");
    running.shut_down().await;
    Ok(())
}

/// Starts a server as the configuration says.
///
/// # Errors
/// When the data directory, the database or the address cannot be used.
pub async fn start(config: &Config, clock: Clock, entropy: Entropy) -> Result<Running> {
    let data_dir = DataDir::open(&config.server.data_dir)?;
    let database = data_dir.database();
    let outside = outside(config, &data_dir, &clock, &entropy)?;
    let mut core = Core::open_with(&database, clock, entropy, limits(config), outside)?;
    core.hold(data_dir);
    core.site.folders.allow(config.stacks.directories.clone());
    // What a rotation of keys that was cut off has left.
    secrets::reseal(&core.site.store, &core.site.vault).await?;
    let said = config.clone();
    let seed = move |tx: &mut Tx<'_>| {
        seed::seed(tx)?;
        seed::template(tx)?;
        driver::seed(tx)?;
        // Whoever waits for an answer waits in vain: the server that was asked is gone.
        tx.audit_recover(i64::MAX, u32::MAX)?;
        settings::settle(tx, &said)
    };
    core.site.store.write(seed).await?;
    let auth = access(config, &core)?;
    if !auth.is_controlled() {
        tracing::warn!("access control is off: everyone on this machine is the administrator");
    }
    let setup_code = auth.prepare_setup()?;
    core.spawn(Arc::clone(&auth).watch());
    core.site.door.listens(setup::listen_address(config.server.listen, auth.setup_phase()));
    core.site.door.reached_at(address::outgoing());
    // Engines first: processes that were cut off go on as soon as the core starts.
    hosts(config, &mut core).await?;
    core.site.tasks.add(tasks::tasks());
    core.site.tasks.add(upgrade::scheduled::tasks());
    core.site.tasks.add(snapshot::tasks());
    core.start();
    let http = http::Http::start(config, &core, auth).await?;
    let url = http.url();
    Ok(Running { url, setup_code, core, http })
}

/// The way to machines, and the key of what is sealed. A simulated fleet has simulated machines.
fn outside(
    config: &Config,
    data_dir: &DataDir,
    clock: &Clock,
    entropy: &Entropy,
) -> Result<Outside> {
    let vault = Vault::open(&data_dir::key_file(config, data_dir.path()), entropy.clone())?;
    let machines: Arc<dyn Machines> = if config.sim.enabled {
        Arc::new(SimFleet::new(config.sim.seed, clock.clone()))
    } else {
        let machines = SshMachines::new(clock.clone());
        let own = &config.machines.ssh_key_file;
        let own = Some(own).filter(|path| !path.as_os_str().is_empty());
        Arc::new(match own {
            Some(path) => machines.with_key_file(path),
            None => machines,
        })
    };
    let archives = Places::beside(&data_dir.database());
    let archives = match config.server.backup_dir.as_path() {
        own if own.as_os_str().is_empty() => archives,
        folder => archives.with_backups_in(folder),
    };
    let authority = Arc::new(acme::Client::new(clock.clone()));
    Ok(Outside { machines, vault: Arc::new(vault), archives, authority })
}

fn limits(config: &Config) -> Limits {
    Limits {
        concurrency: config.docker.concurrency,
        workers: config.process.workers,
        stop_timeout_s: u32::try_from(config.docker.stop_timeout_s).unwrap_or(u32::MAX),
        first_subnet: config.network.subnet.to_string(),
    }
}

fn seconds(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX / 2000)
}

fn access(config: &Config, core: &Core) -> Result<Arc<Auth>> {
    let options = Options {
        cost: secret::Cost {
            memory_kib: config.auth.argon2_memory_kib,
            iterations: config.auth.argon2_iterations,
            parallelism: config.auth.argon2_parallelism,
        },
        limits: throttle::Limits {
            free: config.auth.throttle_free_attempts,
            longest_ms: seconds(config.auth.throttle_longest_s) * 1000,
        },
        session_ms: seconds(config.auth.token_lifetime_s) * 1000,
        access: settings::access(config),
        data_dir: config.server.data_dir.clone(),
    };
    let site = &core.site;
    Auth::new(site.store.clone(), site.clock.clone(), site.entropy.clone(), options)
}

/// The local Docker Engine, or a simulated fleet, as hosts of the first environment.
async fn hosts(config: &Config, core: &mut Core) -> Result<()> {
    let compare_ms = config.docker.compare_interval_s.saturating_mul(1000);
    let fleet = SimFleet::new(config.sim.seed, core.site.clock.clone());
    // It may run for days, and nobody reads the record.
    fleet.transcript().stop();
    let simulated = match (config.sim.agents, config.sim.enabled) {
        (false, _) => Simulated::Off,
        (true, true) => Simulated::Alone(fleet.clone()),
        (true, false) => Simulated::BesideReal(fleet.clone()),
    };
    core.simulate_agents(simulated, compare_ms).await?;
    if config.sim.enabled {
        for number in 1..=config.sim.hosts {
            let name = format!("host{number}");
            let engine = Arc::new(fleet.host(&name));
            let address = format!("sim://{name}");
            core.add_host(seed::DEFAULT_PROJECT, &address, &name, engine, compare_ms).await?;
        }
        return Ok(());
    }
    let engine: Arc<dyn Engine> = Arc::new(DockerEngine::new(&config.docker.host));
    let uname = rustix::system::uname();
    let hostname = uname.nodename().to_string_lossy();
    let host = core
        .add_host(
            seed::DEFAULT_PROJECT,
            &config.docker.host,
            &hostname,
            Arc::clone(&engine),
            compare_ms,
        )
        .await?;
    if let Some(host) = host {
        let said = config.docker.address;
        if let Some(address) = said.or_else(|| address::of_engine(&config.docker.host)) {
            core.set_address(host, address).await?;
        }
        let local = names::local(&config.docker.host, &*engine).await;
        core.set_local(host, local.clone());
        if config.network.names {
            names::serve(core, host, names::reachable(local).await).await?;
        }
    }
    Ok(())
}

async fn stopped() -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::internal)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::internal)?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

/// The URL of an address as a client on this machine uses it.
fn local_url(address: SocketAddr) -> String {
    match address {
        any if any.ip().is_unspecified() => format!("http://127.0.0.1:{}", any.port()),
        address => format!("http://{address}"),
    }
}
