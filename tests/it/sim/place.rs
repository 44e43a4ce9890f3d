//! A server and its fleet in simulated time on one thread: what happens depends on the seed alone.
//!
//! The server has a runtime of its own for each of its lives. A power failure drops it with whatever
//! was under way, between any two steps; the database and the fleet stay.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use ranchette::clock::{Clock, Entropy, ManualClock};
use ranchette::engine::Observed;
use ranchette::engine::sim::{SimEngine, SimFleet};
use ranchette::model::resource::{NewResource, Resource};
use ranchette::process;
use ranchette::server::core::{Core, Outside, Simulated};
use ranchette::store::{Query, Read, Store, Tx};
use serde_json::{Map, json};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;

use crate::world::limits;

/// Any time will do, as long as it is always the same.
const FIRST_MS: i64 = 1_700_000_000_000;
/// How often rows are compared with the engines: what events missed is found.
const COMPARE_MS: u64 = 10_000;

/// The server, its fleet and their time.
pub struct Place {
    folder: TempDir,
    pub fleet: SimFleet,
    pub hands: Arc<ManualClock>,
    clock: Clock,
    entropy: Entropy,
    accidents: Entropy,
    /// How many in a thousand process steps end with a power failure.
    failing: Arc<AtomicU64>,
    hosts: usize,
    pub project: i64,
    life: Option<Life>,
    /// What the fleet was asked to do so far.
    pub calls: Vec<String>,
}

/// A server from its start to its end.
struct Life {
    core: Core,
    runtime: Runtime,
    /// Told whenever the runtime has nothing left to do.
    idle: Arc<Notify>,
}

impl Place {
    /// A running server with hosts `host1` to `host<hosts>`.
    pub fn new(seed: u64, hosts: usize) -> Self {
        let (clock, hands) = Clock::manual(FIRST_MS);
        let folder = TempDir::new().expect("temporary folder");
        std::fs::write(folder.path().join("sim.db"), empty_database()).expect("database");
        let mut place = Self {
            folder,
            fleet: SimFleet::new(seed, clock.clone()),
            hands,
            clock,
            entropy: Entropy::seeded(seed ^ 0x5eed),
            accidents: Entropy::seeded(seed ^ 0xacc1),
            failing: Arc::default(),
            hosts,
            project: 0,
            life: None,
            calls: Vec::new(),
        };
        place.start();
        place
    }

    /// Sets how many in a thousand process steps end with a power failure.
    pub fn set_failing(&self, per_mille: u64) {
        self.failing.store(per_mille, Ordering::Relaxed);
    }

    fn start(&mut self) {
        let idle = Arc::new(Notify::new());
        let parked = Arc::clone(&idle);
        let runtime = Builder::new_current_thread()
            .on_thread_park(move || parked.notify_waiters())
            .build()
            .expect("runtime");
        let path = self.folder.path().join("sim.db");
        let store = Store::open_simulated(&path, self.clock.clone(), self.entropy.clone());
        let core = Core::with_store(
            store.expect("database opens"),
            self.clock.clone(),
            self.entropy.clone(),
            limits(),
            Outside::beside(&path, &self.clock, &self.entropy),
        );
        let (failing, accidents) = (Arc::clone(&self.failing), self.accidents.clone());
        let mut core = core.with_breakpoint(Arc::new(move |_: &str, _: &str| {
            let per_mille = failing.load(Ordering::Relaxed);
            per_mille > 0 && accidents.u64() % 1000 < per_mille
        }));
        let (fleet, hosts) = (self.fleet.clone(), self.hosts);
        let project = runtime.block_on(async {
            let project = core.site.store.write(environment).await.expect("environment");
            let simulated = Simulated::Alone(fleet.clone());
            core.simulate_agents(simulated, COMPARE_MS).await.expect("simulated agents");
            for number in 1..=hosts {
                let name = format!("host{number}");
                let (address, engine) = (format!("sim://{name}"), Arc::new(fleet.host(&name)));
                let added = core.add_host(project, &address, &name, engine, COMPARE_MS).await;
                added.expect("a host");
            }
            core.start();
            project
        });
        self.project = project;
        self.life = Some(Life { core, runtime, idle });
    }

    fn life(&self) -> &Life {
        self.life.as_ref().expect("the server runs")
    }

    /// The power fails and comes back.
    pub fn crash(&mut self) {
        self.life = None;
        self.start();
    }

    /// Lets everything happen that can happen without time going on.
    pub fn idle(&mut self) {
        loop {
            let life = self.life();
            life.runtime.block_on(life.idle.notified());
            if !life.core.stop.is_cancelled() {
                return;
            }
            self.crash();
        }
    }

    /// Lets time go on to what happens next, but no further than to `until_ms`; `false` when that is
    /// reached.
    pub fn tick(&mut self, until_ms: i64) -> bool {
        let now = self.hands.now_ms();
        let next = self.hands.next_deadline_ms().filter(|next| *next <= until_ms);
        let target = next.unwrap_or(until_ms).max(now);
        self.hands.advance(u64::try_from(target - now).unwrap_or(0));
        self.idle();
        next.is_some()
    }

    pub fn now(&self) -> i64 {
        self.hands.now_ms()
    }

    /// The simulated host `host<number>`.
    pub fn host(&self, number: usize) -> SimEngine {
        self.fleet.host(&format!("host{number}"))
    }

    /// Every container of the fleet with the number of its host.
    pub fn containers(&self) -> Vec<(usize, Observed)> {
        let hosts = (1..=self.hosts).map(|number| (number, self.host(number).everything()));
        hosts.flat_map(|(number, all)| all.into_iter().map(move |one| (number, one))).collect()
    }

    pub fn hosts(&self) -> usize {
        self.hosts
    }

    /// Reads the database.
    pub fn read<T>(&self, f: impl FnOnce(&Read<'_>) -> ranchette::error::Result<T>) -> T {
        self.life().core.site.store.read(f).expect("read")
    }

    /// Writes to the database, as the API does; `Err` is what a client would be told.
    pub fn write<T: Send + 'static>(
        &self,
        f: impl FnOnce(&mut Tx<'_>) -> ranchette::error::Result<T> + Send + 'static,
    ) -> Result<T, String> {
        let written = self.life().runtime.block_on(self.life().core.site.store.write(f));
        written.map_err(|error| error.to_string())
    }

    /// Every living row of a type.
    pub fn rows(&self, ty: &'static str) -> Vec<Resource> {
        let query = Query { ty, limit: usize::MAX >> 1, ..Query::default() };
        self.read(|read| read.list(&query))
    }

    /// Takes over what the fleet has been asked to do since the last time; where it begins.
    pub fn listen(&mut self) -> usize {
        let from = self.calls.len();
        self.calls.append(&mut self.fleet.transcript().take());
        from
    }

    /// Everything alive and every open process, for a failure's message.
    pub fn dump(&self) -> String {
        let mut lines = Vec::new();
        for ty in ["host", "service", "instance", "volume"] {
            for row in self.rows(ty) {
                let message = row.str("transitioningMessage").unwrap_or_default();
                let old = if row.flag("retired") { "*" } else { "" };
                let (name, host) = (row.display_name(), row.int("hostId").unwrap_or_default());
                lines.push(format!("{ty} {} {name}{old} {} @{host} {message}", row.id, row.state));
            }
        }
        self.read(|read| {
            let filter =
                ranchette::store::ProcessFilter { open: true, limit: 50, ..Default::default() };
            for process in read.processes(filter)? {
                let (message, tries) = (process.message.unwrap_or_default(), process.tries);
                let (name, of) = (process.name, process.resource_id);
                lines.push(format!("process {name} of {of}, {tries} tries: {message}"));
            }
            Ok(())
        });
        for (host, one) in self.containers() {
            lines.push(format!("host{host} has {} {:?}", one.name, one.state));
        }
        let from = self.calls.len().saturating_sub(60);
        lines.extend(self.calls.iter().skip(from).map(|call| format!("call {call}")));
        lines.join("\n")
    }
}

/// The bytes of a database without anything in it: making one takes longer than a short story.
fn empty_database() -> &'static [u8] {
    static EMPTY: OnceLock<Vec<u8>> = OnceLock::new();
    EMPTY.get_or_init(|| {
        let folder = TempDir::new().expect("temporary folder");
        let path = folder.path().join("empty.db");
        let (clock, _) = Clock::manual(FIRST_MS);
        drop(Store::open(&path, clock, Entropy::seeded(0)).expect("database"));
        std::fs::read(path).expect("database")
    })
}

fn environment(tx: &mut Tx<'_>) -> ranchette::error::Result<i64> {
    if let Some(project) = tx.by_uuid("simProject")? {
        return Ok(project.id);
    }
    let new = NewResource::new("account", "simProject".to_owned())
        .kind("project")
        .name("Default")
        .with("servicesPortRange", json!({ "startPort": 49153, "endPort": 65535 }));
    Ok(process::create(tx, new, Map::new())?.id)
}
