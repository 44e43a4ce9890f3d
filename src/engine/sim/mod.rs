//! An in-memory fleet: the test double, the demo, the sandbox without Docker and the scale bench.
//!
//! Hosts behave as Docker does, as far as the contract suite can tell. Time is the fleet's [`Clock`],
//! chance its seed; with a manual clock every run is the same. What goes wrong is said with
//! [`Faults`], what was asked for can be read from the [`Transcript`].

mod addresses;
mod contents;
mod faults;
mod host;
mod joined;
mod life;
mod machines;
mod observe;
mod port;
mod program;
mod registry;
mod rules;
mod session;
mod state;
mod streams;
mod transcript;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

use super::{Away, Disk, EngineError, EngineInfo, EventKind, Observed};
use crate::clock::{Clock, Entropy};
pub use faults::{Effect, Fault, Faults, Op};
pub use registry::SimRegistry;
use state::{Death, HostState};
pub use transcript::Transcript;

const GIB: u64 = 1 << 30;

/// Hosts that exist only here. Cheap to clone; all clones are the same fleet.
#[derive(Clone)]
pub struct SimFleet {
    shared: Arc<Shared>,
    hosts: Arc<Mutex<BTreeMap<String, SimEngine>>>,
}

/// What all hosts of a fleet share.
struct Shared {
    seed: u64,
    clock: Clock,
    faults: Faults,
    transcript: Transcript,
    registry: SimRegistry,
}

impl SimFleet {
    /// An empty fleet. Equal seeds give equal ids and equal accidents.
    pub fn new(seed: u64, clock: Clock) -> SimFleet {
        let shared = Shared {
            seed,
            clock,
            faults: Faults::new(seed),
            transcript: Transcript::new(),
            registry: SimRegistry::default(),
        };
        SimFleet { shared: Arc::new(shared), hosts: Arc::default() }
    }

    /// The host of this name; it is made if there is none.
    pub fn host(&self, name: &str) -> SimEngine {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let host = hosts.entry(name.to_owned()).or_insert_with(|| {
            // Each host has a sequence of its own, so that hosts do not disturb each other's ids.
            let own = name.bytes().fold(self.shared.seed, |seed, byte| {
                seed.wrapping_mul(0x0100_0000_01b3) ^ u64::from(byte)
            });
            let mut state = HostState::new(Entropy::seeded(own));
            state.info = usual_info(name);
            let host = Host {
                name: name.to_owned(),
                shared: Arc::clone(&self.shared),
                state: Mutex::new(state),
                changes: watch::Sender::new(0),
                earlier: Notify::new(),
            };
            SimEngine { host: Arc::new(host) }
        });
        host.clone()
    }

    /// What goes wrong on purpose.
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// What the hosts were asked to do.
    pub fn transcript(&self) -> &Transcript {
        &self.shared.transcript
    }

    /// Where the hosts pull from.
    pub fn registry(&self) -> &SimRegistry {
        &self.shared.registry
    }
}

/// One simulated host. Cheap to clone; all clones are the same host.
#[derive(Clone)]
pub struct SimEngine {
    host: Arc<Host>,
}

struct Host {
    name: String,
    shared: Arc<Shared>,
    state: Mutex<HostState>,
    /// Counts what those who follow logs and events may want to see.
    changes: watch::Sender<u64>,
    /// Wakes the task that waits for the next timer.
    earlier: Notify,
}

impl SimEngine {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.host.name
    }

    /// Changes what the host says of itself: processors, memory, labels.
    pub fn set_info(&self, change: impl FnOnce(&mut EngineInfo)) {
        change(&mut self.host.lock().info);
    }

    /// The host's engine goes away, or comes back with `None`. Containers run on meanwhile; streams
    /// break.
    pub fn set_away(&self, reason: Option<Away>) {
        let mut state = self.host.lock();
        if reason.is_some() {
            state.absences += 1;
        }
        state.away = reason;
        drop(state);
        self.host.changed();
    }

    /// Power fails and comes back: what ran is stopped, and no event tells of it.
    pub fn lose_power(&self) {
        let now = self.host.shared.clock.now_ms();
        let mut state = self.host.lock_at(now);
        let running: Vec<_> = state.running().collect();
        for serial in running {
            state.die(serial, 255, Death::Asked, now);
        }
        state.absences += 1;
        drop(state);
        self.host.shared.transcript.note(format_args!("{} loses power", self.host.name));
        self.host.changed();
    }

    /// Someone kills a container behind our back. Its restart policy applies.
    pub fn external_kill(&self, container: &str) -> Result<(), EngineError> {
        self.external("kill", container, |host, state, serial, now| {
            if state.is_running(serial) {
                host.emit(state, serial, EventKind::Kill { signal: 9 }, now);
                host.end(state, serial, 137, Death::Own, now);
            }
        })
    }

    /// A container ends by itself with `exit_code`.
    pub fn external_exit(&self, container: &str, exit_code: i64) -> Result<(), EngineError> {
        self.external("exit", container, |host, state, serial, now| {
            if state.is_running(serial) {
                host.end(state, serial, exit_code, Death::Own, now);
            }
        })
    }

    /// Someone removes a container behind our back.
    pub fn external_remove(&self, container: &str) -> Result<(), EngineError> {
        self.external("remove", container, |host, state, serial, now| {
            if state.is_running(serial) {
                host.end(state, serial, 137, Death::Asked, now);
            }
            host.destroy(state, serial, super::RemoveVolumes::None, now);
        })
    }

    /// Someone removes an image, with all its names, that no container needs to go on running.
    pub fn external_remove_image(&self, id: &str) {
        self.host.lock().forget_image(id);
        self.host.shared.transcript.note(format_args!("{} forgets image {id}", self.host.name));
    }

    /// How many containers there are, and how many of them run.
    pub fn count(&self) -> (usize, usize) {
        let state = self.host.lock_at(self.host.shared.clock.now_ms());
        (state.containers.len(), state.running().count())
    }

    /// Every container as it is, also while nobody can reach the host.
    pub fn everything(&self) -> Vec<Observed> {
        let state = self.host.lock_at(self.host.shared.clock.now_ms());
        let all = state.containers.values();
        all.map(|found| observe::observe(&state, found, observe::Detail::Full)).collect()
    }

    /// The names of its volumes, also while nobody can reach the host.
    pub fn volume_names(&self) -> Vec<String> {
        self.host.lock().volumes.keys().cloned().collect()
    }

    fn external(
        &self,
        verb: &str,
        container: &str,
        act: impl FnOnce(&Host, &mut HostState, state::Serial, i64),
    ) -> Result<(), EngineError> {
        let now = self.host.shared.clock.now_ms();
        let mut state = self.host.lock_at(now);
        let serial = state
            .find(container)
            .ok_or_else(|| EngineError::NoSuchContainer { container: container.to_owned() })?;
        let note = format_args!("{} external {verb} {container}", self.host.name);
        self.host.shared.transcript.note(note);
        act(&self.host, &mut state, serial, now);
        self.keep_time(state);
        self.host.changed();
        Ok(())
    }
}

/// A small server.
fn usual_info(name: &str) -> EngineInfo {
    EngineInfo {
        id: format!("sim-{name}"),
        hostname: name.to_owned(),
        address: None,
        version: "20.10.24".to_owned(),
        api_version: "1.41".to_owned(),
        kernel: "6.1.0".to_owned(),
        os: "Simulated Linux".to_owned(),
        architecture: "x86_64".to_owned(),
        cpus: 4,
        memory_bytes: 8 * GIB,
        disk: Some(Disk { total_bytes: 100 * GIB, used_bytes: 20 * GIB }),
        storage_driver: "overlay2".to_owned(),
        root_dir: "/var/lib/docker".to_owned(),
        volume_drivers: vec!["local".to_owned()],
        labels: BTreeMap::new(),
    }
}

impl Host {
    fn lock(&self) -> MutexGuard<'_, HostState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    fn unavailable(&self, reason: Away) -> EngineError {
        EngineError::Unavailable { endpoint: format!("sim://{}", self.name), reason }
    }
}

#[cfg(test)]
mod tests;
