//! One simulated host: its containers, networks and volumes. A plain state machine without waiting.
//!
//! Time is an argument. What is to happen later stands in `timers`, and every entry point first lets
//! the past happen, so what a caller sees never depends on when a background task was polled.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::Ipv4Addr;
use std::sync::Arc;

use bytes::Bytes;

use super::addresses::Addresses;
use super::contents::Files;
use super::joined::Joined;
use super::program::Program;
use super::registry;
use crate::clock::Entropy;
use crate::engine::spec::{LABEL_UUID, NetworkAttachment};
use crate::engine::{
    Away, ContainerSpec, ContainerState, EngineError, EngineEvent, EngineInfo, EventKind,
    NetworkSpec, ObservedVolume, Output,
};

/// Events kept for those who ask for the past.
const EVENTS_KEPT: usize = 65_536;

/// Docker's own bridge.
pub(super) const BRIDGE: &str = "bridge";

/// Where the engine picks published ports, as Linux does.
const EPHEMERAL_PORTS: std::ops::RangeInclusive<u16> = 32_768..=60_999;

/// The number of a container on its host; ids and names point to it.
pub(super) type Serial = u64;

pub(super) struct HostState {
    pub(super) containers: BTreeMap<Serial, SimContainer>,
    ids: HashMap<String, Serial>,
    names: HashMap<String, Serial>,
    next_serial: Serial,
    pub(super) networks: BTreeMap<String, SimNetwork>,
    pub(super) volumes: BTreeMap<String, ObservedVolume>,
    /// Paths of the secrets that are kept for each container, by its uuid.
    pub(super) secrets: BTreeMap<String, Vec<String>>,
    /// Files in volumes.
    pub(super) contents: BTreeMap<String, Files>,
    /// Images that are here, by name, name by content and id.
    images: HashMap<String, SimImage>,
    pub(super) info: EngineInfo,
    /// Published ports: protocol and port to address and holder.
    ports: BTreeMap<(String, u16), Vec<(String, Serial)>>,
    next_port: u16,
    timers: BTreeMap<(i64, u64), Timer>,
    next_timer: u64,
    pub(super) events: VecDeque<EngineEvent>,
    /// Number of the first event still kept.
    pub(super) first_event: u64,
    /// Why the engine cannot be reached, if it cannot.
    pub(super) away: Option<Away>,
    /// Times it went away; a stream that was opened before is broken.
    pub(super) absences: u64,
    /// Whether a task waits for the next timer.
    pub(super) keeper: bool,
    pub(super) execs: HashMap<String, Option<i64>>,
    /// Tables of the packet filter.
    pub(super) tables: BTreeSet<String>,
    entropy: Entropy,
}

/// An image on a host.
#[derive(Clone)]
pub(super) struct SimImage {
    pub(super) id: String,
    pub(super) digest: Option<String>,
    /// Number of its content; how often it was built for what came from no registry.
    content: u64,
}

pub(super) struct SimNetwork {
    pub(super) id: String,
    pub(super) spec: NetworkSpec,
    pub(super) addresses: Addresses,
}

pub(super) struct SimContainer {
    pub(super) id: String,
    pub(super) image_id: String,
    pub(super) spec: Arc<ContainerSpec>,
    pub(super) state: ContainerState,
    pub(super) exit_code: Option<i64>,
    pub(super) created_ms: i64,
    pub(super) started_ms: Option<i64>,
    pub(super) finished_ms: Option<i64>,
    pub(super) error: Option<String>,
    pub(super) program: Program,
    /// What its script wrote.
    pub(super) log: Vec<LogLine>,
    /// What was uploaded.
    pub(super) files: BTreeMap<String, Bytes>,
    pub(super) address: Option<(String, Ipv4Addr)>,
    /// Networks that it was connected to later, by name.
    pub(super) joined: BTreeMap<String, Joined>,
    /// Ports as published: private, protocol, public, address on the host.
    pub(super) published: Vec<(u16, String, u16, String)>,
    pub(super) anonymous_volumes: Vec<(String, String)>,
    /// Counts its runs; a timer of an earlier run means nothing.
    pub(super) run: u64,
    /// Restarts by its policy since it was last started by hand.
    pub(super) restarts: i64,
    /// Status of the last statement of its script.
    pub(super) status: i64,
}

pub(super) struct LogLine {
    pub(super) at_ms: i64,
    pub(super) stream: Output,
    pub(super) text: String,
}

/// Something that happens to a container later.
struct Timer {
    serial: Serial,
    run: u64,
    what: Later,
}

pub(super) enum Later {
    /// Its script goes on at this step.
    Continue(usize),
    /// It ends with this code.
    Die(i64),
    /// Its restart policy starts it again.
    Restart,
}

/// Why a container ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Death {
    /// Someone asked for it; its restart policy keeps still.
    Asked,
    /// By itself, or by accident.
    Own,
}

impl HostState {
    pub(super) fn new(entropy: Entropy) -> HostState {
        let mut state = HostState {
            containers: BTreeMap::new(),
            ids: HashMap::new(),
            names: HashMap::new(),
            next_serial: 1,
            networks: BTreeMap::new(),
            volumes: BTreeMap::new(),
            secrets: BTreeMap::new(),
            contents: BTreeMap::new(),
            images: HashMap::new(),
            info: EngineInfo::default(),
            ports: BTreeMap::new(),
            next_port: *EPHEMERAL_PORTS.start(),
            timers: BTreeMap::new(),
            next_timer: 0,
            events: VecDeque::new(),
            first_event: 0,
            away: None,
            absences: 0,
            keeper: false,
            execs: HashMap::new(),
            tables: BTreeSet::new(),
            entropy,
        };
        let bridge = NetworkSpec { name: BRIDGE.to_owned(), ..NetworkSpec::default() };
        // The default bridge cannot clash with anything: this host is new.
        let _ = state.network_add(&bridge, "172.17.0.0/16");
        state
    }

    /// 64 hexadecimal digits.
    pub(super) fn new_id(&self) -> String {
        let mut id = String::with_capacity(64);
        for _ in 0..4 {
            // Writing to a string cannot fail.
            let _ =
                std::fmt::Write::write_fmt(&mut id, format_args!("{:016x}", self.entropy.u64()));
        }
        id
    }

    pub(super) fn find(&self, container: &str) -> Option<Serial> {
        self.names.get(container).or_else(|| self.ids.get(container)).copied().or_else(|| {
            // Docker takes the beginning of an id, too.
            let short = container.len() >= 12;
            let mut hits = self.ids.iter().filter(|(id, _)| short && id.starts_with(container));
            hits.next().map(|(_, serial)| *serial)
        })
    }

    pub(super) fn get(&self, container: &str) -> Option<&SimContainer> {
        self.containers.get(&self.find(container)?)
    }

    pub(super) fn named_serial(&self, name: &str) -> Option<Serial> {
        self.names.get(name).copied()
    }

    pub(super) fn named(&self, name: &str) -> Option<&SimContainer> {
        self.containers.get(self.names.get(name)?)
    }

    /// An image, by name, name by content or id.
    pub(super) fn image(&self, image: &str) -> Option<&SimImage> {
        self.images.get(image).or_else(|| self.images.get(&registry::normal(image)))
    }

    /// A name means a content from now on; what it meant before is kept.
    pub(super) fn name_image(&mut self, image: &str, content: u64) {
        let id = registry::image_id(image, content);
        let found = SimImage { digest: registry::digest(image, content), id, content };
        let names = [Some(registry::normal(image)), Some(found.id.clone()), found.digest.clone()];
        self.images.extend(names.into_iter().flatten().map(|name| (name, found.clone())));
    }

    /// An image is built on the host.
    pub(super) fn build_image(&mut self, image: &str) {
        let before = self.image(image).filter(|image| image.digest.is_none());
        let built = before.map_or(0, |image| image.content) + 1;
        self.name_image(image, built);
    }

    /// A person removes an image with all its names.
    pub(super) fn forget_image(&mut self, id: &str) {
        self.images.retain(|_, image| image.id != id);
    }

    pub(super) fn create(&mut self, spec: &ContainerSpec, now: i64) -> Result<String, EngineError> {
        let (id, serial) = (self.new_id(), self.next_serial);
        self.next_serial += 1;
        let anonymous_volumes: Vec<(String, String)> =
            spec.storage.volumes.iter().map(|path| (self.new_id(), path.clone())).collect();
        let named = spec.storage.binds.iter().filter_map(|line| line.split_once(':'));
        let named = named.map(|(source, _)| source).filter(|source| !source.starts_with('/'));
        let anonymous = anonymous_volumes.iter().map(|(name, _)| name.as_str());
        for name in named.chain(anonymous) {
            self.volumes.entry(name.to_owned()).or_insert_with(|| {
                let driver = Some(spec.storage.volume_driver.as_str());
                volume(name, driver.filter(|driver| !driver.is_empty()).unwrap_or("local"))
            });
        }
        let container = SimContainer {
            id: id.clone(),
            image_id: self.image(&spec.image).map(|image| image.id.clone()).unwrap_or_default(),
            spec: Arc::new(spec.clone()),
            state: ContainerState::Created,
            exit_code: None,
            created_ms: now,
            started_ms: None,
            finished_ms: None,
            error: None,
            program: Program::of(&spec.process),
            log: Vec::new(),
            files: BTreeMap::new(),
            address: None,
            joined: BTreeMap::new(),
            published: Vec::new(),
            anonymous_volumes,
            run: 0,
            restarts: 0,
            status: 0,
        };
        self.ids.insert(id.clone(), serial);
        self.names.insert(spec.name.clone(), serial);
        self.containers.insert(serial, container);
        Ok(id)
    }

    /// Starts a container that does not run. On failure it is as it was, with the reason noted.
    pub(super) fn start(&mut self, serial: Serial, now: i64) -> Result<(), EngineError> {
        let result = self.try_start(serial, now);
        if let Err(err) = &result {
            self.release(serial);
            if let Some(container) = self.containers.get_mut(&serial) {
                container.error = Some(err.to_string());
            }
        }
        result
    }

    fn try_start(&mut self, serial: Serial, now: i64) -> Result<(), EngineError> {
        let Some(container) = self.containers.get(&serial) else { return Ok(()) };
        let spec = Arc::clone(&container.spec);
        if let Program::NotFound(command) = &container.program {
            let detail = format!("exec: \"{command}\": no such file or directory");
            return Err(EngineError::CommandNotFound { container: spec.name.clone(), detail });
        }
        let address = self.connect(serial, &spec)?;
        self.hold(serial)?;
        let published = self.publish(serial, &spec)?;
        let Some(container) = self.containers.get_mut(&serial) else { return Ok(()) };
        container.address = address;
        container.published = published;
        container.state = ContainerState::Running;
        container.exit_code = None;
        container.error = None;
        container.started_ms = Some(now);
        container.status = 0;
        container.run += 1;
        Ok(())
    }

    fn connect(
        &mut self,
        serial: Serial,
        spec: &ContainerSpec,
    ) -> Result<Option<(String, Ipv4Addr)>, EngineError> {
        let container = || spec.name.clone();
        let (name, fixed) = match &spec.network {
            NetworkAttachment::Host | NetworkAttachment::None => return Ok(None),
            NetworkAttachment::EngineDefault | NetworkAttachment::Bridge => (BRIDGE, None),
            NetworkAttachment::Named(endpoint) => {
                (endpoint.network.as_str(), endpoint.ipv4.as_ref())
            }
            NetworkAttachment::Container(other) => {
                let running = self.get(other).is_some_and(|c| c.state == ContainerState::Running);
                let detail = format!("cannot join network of a non running container: {other}");
                let transient = crate::engine::error::Transient::Yes;
                return if running {
                    Ok(None)
                } else {
                    Err(EngineError::Other { what: container(), detail, transient })
                };
            }
        };
        let Some(network) = self.networks.get_mut(name) else {
            return Err(EngineError::NoSuchNetwork { network: name.to_owned() });
        };
        let address = match fixed.map(|text| text.parse::<Ipv4Addr>()) {
            None => network.addresses.take(serial),
            Some(Ok(fixed)) if network.addresses.contains(fixed) => {
                network.addresses.take_fixed(fixed, serial).then_some(fixed)
            }
            Some(Ok(_) | Err(_)) => {
                let detail =
                    "its address does not belong to any of its network's subnets".to_owned();
                return Err(EngineError::BadSpec { what: container(), detail });
            }
        };
        let address =
            address.ok_or_else(|| EngineError::AddressTaken { container: container() })?;
        if let Some(running) = self.containers.get_mut(&serial) {
            running.address = Some((name.to_owned(), address));
        }
        Ok(Some((name.to_owned(), address)))
    }

    fn publish(
        &mut self,
        serial: Serial,
        spec: &ContainerSpec,
    ) -> Result<Vec<(u16, String, u16, String)>, EngineError> {
        let mut published = Vec::new();
        for port in &spec.names.ports {
            let bind = if port.bind.is_empty() { "0.0.0.0" } else { &port.bind };
            let free = |state: &Self, public| {
                let held = state.ports.get(&(port.protocol.clone(), public));
                held.is_none_or(|held| held.iter().all(|(other, _)| !overlap(other, bind)))
            };
            let public = match port.public {
                Some(public) if free(self, public) => public,
                Some(port) => {
                    return Err(EngineError::PortTaken { port, container: spec.name.clone() });
                }
                None => self.free_port(|state, public| free(state, public)),
            };
            let holders = self.ports.entry((port.protocol.clone(), public)).or_default();
            holders.push((bind.to_owned(), serial));
            published.push((port.private, port.protocol.clone(), public, bind.to_owned()));
            // Noted at once, so that a failure further on gives it back.
            if let Some(container) = self.containers.get_mut(&serial) {
                container.published.clone_from(&published);
            }
        }
        Ok(published)
    }

    fn free_port(&mut self, free: impl Fn(&Self, u16) -> bool) -> u16 {
        let start = self.next_port;
        loop {
            let candidate = self.next_port;
            let last = candidate >= *EPHEMERAL_PORTS.end();
            self.next_port = if last { *EPHEMERAL_PORTS.start() } else { candidate + 1 };
            if free(self, candidate) || self.next_port == start {
                return candidate;
            }
        }
    }

    /// Gives back the address and the ports of a container.
    fn release(&mut self, serial: Serial) {
        self.let_go(serial);
        let Some(container) = self.containers.get_mut(&serial) else { return };
        let published = std::mem::take(&mut container.published);
        if let Some((network, address)) = container.address.take()
            && let Some(network) = self.networks.get_mut(&network)
        {
            network.addresses.release(address);
        }
        for (_, protocol, public, _) in published {
            let key = (protocol, public);
            if let Some(holders) = self.ports.get_mut(&key) {
                holders.retain(|(_, holder)| *holder != serial);
                if holders.is_empty() {
                    self.ports.remove(&key);
                }
            }
        }
    }

    /// Ends the run of a container, and plans the next one if its policy says so.
    pub(super) fn die(&mut self, serial: Serial, code: i64, death: Death, now: i64) {
        self.release(serial);
        let Some(container) = self.containers.get_mut(&serial) else { return };
        container.state = ContainerState::Exited;
        container.exit_code = Some(code);
        container.finished_ms = Some(now);
        let policy = container.spec.restart.as_ref();
        let again = death == Death::Own
            && policy.is_some_and(|policy| match policy.name.as_str() {
                "always" | "unless-stopped" => true,
                "on-failure" => {
                    let most = policy.maximum_retry_count;
                    code != 0 && (most == 0 || container.restarts < most)
                }
                _ => false,
            });
        if again {
            container.state = ContainerState::Restarting;
            container.restarts += 1;
            // Docker waits 100 ms, and twice as long after each further failure, up to a minute.
            let doublings = u32::try_from(container.restarts - 1).unwrap_or(0).min(10);
            let wait = (100_i64 << doublings).min(60_000);
            let run = container.run;
            self.plan(now + wait, serial, run, Later::Restart);
        }
    }

    pub(super) fn remove(&mut self, serial: Serial, with_volumes: bool) {
        self.release(serial);
        let Some(container) = self.containers.remove(&serial) else { return };
        self.ids.remove(&container.id);
        self.names.remove(&container.spec.name);
        if with_volumes {
            for (volume, _) in &container.anonymous_volumes {
                self.volumes.remove(volume);
                self.contents.remove(volume);
            }
        }
    }

    pub(super) fn network_add(&mut self, spec: &NetworkSpec, subnet: &str) -> Option<String> {
        let addresses = Addresses::of(subnet)?;
        let id = self.new_id();
        let network = SimNetwork { id: id.clone(), spec: spec.clone(), addresses };
        self.networks.insert(spec.name.clone(), network);
        Some(id)
    }

    pub(super) fn plan(&mut self, at_ms: i64, serial: Serial, run: u64, what: Later) {
        self.next_timer += 1;
        self.timers.insert((at_ms, self.next_timer), Timer { serial, run, what });
    }

    /// When something happens next.
    pub(super) fn next_due(&self) -> Option<i64> {
        self.timers.first_key_value().map(|(key, _)| key.0)
    }

    /// The next thing that is due by `now` and still means something: when, to whom, what.
    pub(super) fn due(&mut self, now: i64) -> Option<(i64, Serial, Later)> {
        while self.next_due().is_some_and(|at| at <= now) {
            let ((at, _), timer) = self.timers.pop_first()?;
            let current = self.containers.get(&timer.serial).filter(|c| c.run == timer.run);
            let fits = current.is_some_and(|c| match timer.what {
                Later::Restart => c.state == ContainerState::Restarting,
                Later::Continue(_) | Later::Die(_) => c.state == ContainerState::Running,
            });
            if fits {
                return Some((at, timer.serial, timer.what));
            }
        }
        None
    }

    pub(super) fn event(&self, serial: Serial, kind: EventKind, at_ms: i64) -> Option<EngineEvent> {
        let container = self.containers.get(&serial)?;
        Some(EngineEvent {
            container: container.id.clone(),
            name: container.spec.name.clone(),
            uuid: container.spec.labels.get(LABEL_UUID).cloned(),
            image: container.spec.image.clone(),
            kind,
            at_ms,
        })
    }

    pub(super) fn push_event(&mut self, event: EngineEvent) {
        if self.events.len() >= EVENTS_KEPT {
            self.events.pop_front();
            self.first_event += 1;
        }
        self.events.push_back(event);
    }
}

pub(super) fn volume(name: &str, driver: &str) -> ObservedVolume {
    ObservedVolume {
        name: name.to_owned(),
        driver: driver.to_owned(),
        mountpoint: format!("/var/lib/docker/volumes/{name}/_data"),
        ..ObservedVolume::default()
    }
}

/// Whether two addresses of the host cannot both hold a port.
fn overlap(a: &str, b: &str) -> bool {
    let any = |address: &str| matches!(address, "0.0.0.0" | "::");
    a == b || any(a) || any(b)
}
