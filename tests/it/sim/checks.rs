//! What must be true after every step of a story, and what in the end.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use ranchette::engine::{ContainerState, Observed};
use ranchette::model::resource::Resource;

use super::declared::{Service, Shape};
use super::story::Story;

/// A unit's place for a container: service, index and configuration.
type Slot = (String, String, String);

impl Story {
    /// After every step.
    pub fn check(&mut self) {
        let containers = self.place.containers();
        let rows: HashMap<String, Resource> =
            self.place.rows("instance").into_iter().map(|row| (row.uuid.clone(), row)).collect();
        self.excuse(&containers, &rows);
        self.nothing_is_taken_twice(&containers);
        self.nothing_was_refused(&containers);
        self.data_stays(&containers, &rows);
        self.not_more_than_declared(&containers, &rows);
    }

    /// What is to go from a host that is cut off goes when its host is back; others have its place and, where
    /// addresses are retained, its address meanwhile.
    fn excuse(&mut self, containers: &[(usize, Observed)], rows: &HashMap<String, Resource>) {
        for (host, one) in containers.iter().filter(|(_, one)| one.is_running()) {
            let row = one.uuid.as_ref().and_then(|uuid| rows.get(uuid));
            let leaving = row.is_none_or(|row| {
                matches!(
                    row.state.as_str(),
                    "stopping" | "removing" | "stopped" | "erroring" | "error"
                )
            });
            if leaving && self.is_cut_off(*host) {
                self.excused.insert(one.name.clone());
            }
        }
    }

    /// No two running containers have a port of a host or an address, but for what is excused from the latter.
    fn nothing_is_taken_twice(&self, containers: &[(usize, Observed)]) {
        let (mut ports, mut addresses) = (BTreeMap::new(), BTreeMap::new());
        for (host, one) in containers.iter().filter(|(_, one)| one.is_running()) {
            for port in one.ports.iter().filter_map(|port| port.public) {
                if let Some(other) = ports.insert((*host, port), &one.name) {
                    self.fail(&format!("{other} and {} have port {port} of host{host}", one.name));
                }
            }
            for end in one.networks.iter().filter(|end| end.network != "bridge") {
                let Some(ip) = end.ip.as_ref().filter(|_| !self.excused.contains(&one.name)) else {
                    continue;
                };
                if let Some(other) = addresses.insert((end.network.clone(), ip.clone()), &one.name)
                {
                    self.fail(&format!("{other} and {} have the address {ip}", one.name));
                }
            }
        }
    }

    /// No engine was asked for a port or an address that another container has: the scheduler knows.
    /// One that ran before may find its port taken when it starts again, and one may have its port back before
    /// another that was put there while it was down.
    fn nothing_was_refused(&mut self, containers: &[(usize, Observed)]) {
        let from = self.place.listen();
        for at in from..self.place.calls.len() {
            let call = self.place.calls[at].clone();
            let Some((start, _)) = call.split_once(" failed: ") else {
                if call.contains(" start ") {
                    self.started.insert(call);
                }
                continue;
            };
            let is_refused = call.contains("already in use") && !self.started.contains(start);
            if is_refused && !self.came_back(at, &call, containers) {
                self.fail(&format!("an engine was asked for what is taken: {call}"));
            }
        }
    }

    /// Whether the port that a call was refused for is held by a container that was started again.
    fn came_back(&self, at: usize, call: &str, containers: &[(usize, Observed)]) -> bool {
        let host = call.split(' ').next().unwrap_or_default();
        let port =
            call.split_once("port ").and_then(|(_, rest)| rest.split(' ').next()?.parse().ok());
        let holds = |one: &Observed| one.ports.iter().any(|held| held.public == port);
        let mut holders = containers.iter().filter(|(number, one)| {
            port.is_some() && one.is_running() && host == format!("host{number}") && holds(one)
        });
        holders.any(|(_, one)| {
            let start = format!("{host} start {}", one.name);
            self.place.calls[..at].iter().filter(|call| call.starts_with(&start)).count() > 1
        })
    }

    /// A container is on the host of its volumes.
    fn data_stays(&self, containers: &[(usize, Observed)], rows: &HashMap<String, Resource>) {
        let homes: HashMap<i64, (String, i64)> = self
            .place
            .rows("volume")
            .into_iter()
            .filter_map(|row| Some((row.id, (row.name.clone()?, row.int("hostId")?))))
            .collect();
        for (host, one) in containers.iter().filter(|(_, one)| one.is_running()) {
            let Some(row) = one.uuid.as_ref().and_then(|uuid| rows.get(uuid)) else { continue };
            for id in row.map("dataVolumeMounts").into_iter().flatten().filter_map(|m| m.1.as_i64())
            {
                let Some((volume, home)) = homes.get(&id) else { continue };
                if self.host_ids.get(*host - 1) != Some(home) {
                    self.fail(&format!(
                        "{} is on host{host}, its volume {volume} is not",
                        one.name
                    ));
                }
            }
        }
    }

    /// Of no service run more units than were declared, and no container of a unit twice but where its
    /// upgrade starts the new one first.
    fn not_more_than_declared(
        &mut self,
        containers: &[(usize, Observed)],
        rows: &HashMap<String, Resource>,
    ) {
        let mut slots: BTreeMap<Slot, Vec<&str>> = BTreeMap::new();
        for (_, one) in containers.iter().filter(|(_, one)| one.is_running()) {
            if self.excused.contains(&one.name) {
                continue;
            }
            slots.entry(slot(one)).or_default().push(&one.name);
        }
        let mut problem = None;
        for service in &mut self.services {
            let own = slots.iter().filter(|(slot, _)| slot.0 == service.name);
            let units: BTreeSet<&str> = own.clone().map(|(slot, _)| slot.1.as_str()).collect();
            let scale = if service.removed { 0 } else { service.scale };
            // What was on its way up before fewer were declared may still come, and go.
            let coming = rows.values().filter(|row| row.int("serviceId") == Some(service.id));
            let coming = coming.filter(|row| is_coming(row)).filter_map(|row| row.int("unitIndex"));
            let mut expected: BTreeSet<String> = coming.map(|index| index.to_string()).collect();
            expected.extend(units.iter().map(|unit| (*unit).to_owned()));
            if expected.len() <= scale {
                service.allowed = scale;
            }
            if service.shape != Shape::Global && units.len() > service.allowed {
                let (name, allowed) = (&service.name, service.allowed);
                problem = Some(format!("{name} has the units {units:?}, more than {allowed}"));
            }
            let twice: Vec<_> = own.filter(|(_, names)| names.len() > 1).collect();
            let most = if service.start_first { service.batch } else { 0 };
            if twice.len() > most || twice.iter().any(|(_, names)| names.len() > 2) {
                problem = Some(format!("more than {most} units twice: {twice:?}"));
            }
        }
        if let Some(problem) = problem {
            self.fail(&problem);
        }
    }

    /// Whether everything is as declared; else what is not yet.
    pub fn settled(&self) -> Result<(), String> {
        for ty in ["host", "agent"] {
            if let Some(row) = self.place.rows(ty).iter().find(|row| row.state != "active") {
                return Err(format!("{ty} {} is {}", row.display_name(), row.state));
            }
        }
        let open = self.place.read(|read| read.count_open_processes());
        if !open.is_empty() {
            return Err(format!("processes are open: {open:?}"));
        }
        let containers = self.place.containers();
        let mut wanted = 0;
        for service in &self.services {
            wanted += self.is_as_declared(service, &containers)?;
        }
        let there: Vec<&str> = containers.iter().map(|(_, one)| one.name.as_str()).collect();
        if there.len() != wanted {
            return Err(format!("{wanted} containers are wanted, there are {there:?}"));
        }
        Ok(())
    }

    /// How many containers a service is to have, if it has them.
    fn is_as_declared(
        &self,
        service: &Service,
        containers: &[(usize, Observed)],
    ) -> Result<usize, String> {
        let name = &service.name;
        let own: Vec<&(usize, Observed)> =
            containers.iter().filter(|(_, one)| slot(one).0 == *name).collect();
        let row = self.place.read(|read| read.get(service.id)).filter(|row| row.removed.is_none());
        let Some(row) = row else {
            let gone = service.removed && own.is_empty();
            return if gone { Ok(0) } else { Err(format!("{name} is gone, but has {own:?}")) };
        };
        if service.removed || !matches!(row.state.as_str(), "active" | "inactive") {
            return Err(format!("{name} is {}", row.state));
        }
        if row.state == "inactive" {
            let running = own.iter().any(|(_, one)| one.is_running());
            return if running { Err(format!("{name} runs")) } else { Ok(own.len()) };
        }
        let homes: BTreeSet<usize> = own.iter().map(|(host, _)| *host).collect();
        let is_global = service.shape == Shape::Global;
        if is_global && homes != self.zone_a() {
            return Err(format!("{name} is on {homes:?}, wanted is {:?}", self.zone_a()));
        }
        let units = if is_global { homes.len() } else { service.scale };
        let slots: HashSet<Slot> = own.iter().map(|(_, one)| slot(one)).collect();
        let wanted = units * service.shape.members();
        if slots.len() != wanted || own.len() != wanted {
            let names: Vec<&str> = own.iter().map(|(_, one)| one.name.as_str()).collect();
            return Err(format!("{name} has {names:?}, wanted are {wanted} containers"));
        }
        let image = format!("app:{}", service.version);
        for (_, one) in own {
            let fits = one.image.ends_with(&image) || one.image.ends_with("side:1");
            if !fits || one.state != ContainerState::Running {
                return Err(format!("{} is {:?} of {}", one.name, one.state, one.image));
            }
        }
        Ok(wanted)
    }

    /// Nothing of all this is left, on no host and in no row.
    pub fn nothing_left(&self) -> Result<(), String> {
        let open = self.place.read(|read| read.count_open_processes());
        let mut left: Vec<String> = open.iter().map(|open| format!("{open:?}")).collect();
        for ty in ["stack", "service", "instance", "volume", "mount", "serviceExposeMap", "port"] {
            left.extend(
                self.place.rows(ty).iter().map(|row| format!("{ty} {}", row.display_name())),
            );
        }
        for row in self.place.rows("ipAddress").iter().filter(|row| row.int("networkId").is_some())
        {
            left.push(format!("address {}", row.str("address").unwrap_or_default()));
        }
        left.extend(self.place.containers().into_iter().map(|(_, one)| one.name));
        for host in 1..=self.place.hosts() {
            left.extend(self.place.host(host).volume_names());
        }
        if left.is_empty() { Ok(()) } else { Err(format!("left are {left:?}")) }
    }
}

/// Whether a container runs or may come to run: by a call that is under way, also one that is to be stopped next,
/// or because it has died and will be started again.
fn is_coming(row: &Resource) -> bool {
    match row.state.as_str() {
        "stopped" => !row.flag("retired"),
        "error" | "removed" => false,
        _ => true,
    }
}

/// Where a container belongs.
fn slot(one: &Observed) -> Slot {
    let label = |key: &str| one.labels.get(key).map_or("", String::as_str);
    let name = label("io.rancher.stack_service.name").split('/').nth(1).unwrap_or_default();
    let given = label("io.rancher.container.name");
    let index = given.rsplit('-').next().unwrap_or_default();
    (name.to_owned(), index.to_owned(), label("io.rancher.service.launch.config").to_owned())
}
