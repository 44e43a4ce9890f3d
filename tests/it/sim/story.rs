//! A story: random operations on a fleet where things go wrong, and its end.

use std::collections::{BTreeSet, HashSet};

use ranchette::clock::Entropy;
use ranchette::engine::error::Transient;
use ranchette::engine::sim::{Effect, Fault, Op};
use ranchette::engine::{Away, EngineError};
use ranchette::model::resource::NewResource;
use ranchette::process;
use ranchette::process::facts::{HostMark, host_mark};
use serde_json::{Map, json};

use super::declared::{Service, Shape};
use super::place::Place;

/// Services there are at most at a time.
const MOST_SERVICES: usize = 4;
/// Longest simulated time until everything is as declared, once nothing goes wrong any more.
const PATIENCE_MS: i64 = 3_600_000;

pub struct Story {
    pub seed: u64,
    pub place: Place,
    choice: Entropy,
    stacks: Vec<i64>,
    pub services: Vec<Service>,
    /// Containers that go when their host is back.
    pub excused: HashSet<String>,
    /// Starts that have succeeded.
    pub started: HashSet<String>,
    /// Ids of the hosts in the order of their numbers.
    pub host_ids: Vec<i64>,
    /// Zone of each host.
    zones: Vec<char>,
    away: Vec<bool>,
    made: u32,
    /// What was done, for a failure's message.
    done: Vec<String>,
}

impl Story {
    pub fn new(seed: u64) -> Self {
        let choice = Entropy::seeded(seed);
        let hosts = 2 + usize::try_from(choice.u64() % 3).unwrap_or(0);
        let place = Place::new(seed, hosts);
        let mut story = Self {
            seed,
            place,
            choice,
            stacks: Vec::new(),
            services: Vec::new(),
            excused: HashSet::new(),
            started: HashSet::new(),
            host_ids: Vec::new(),
            zones: vec!['a'; hosts],
            away: vec![false; hosts],
            made: 0,
            done: Vec::new(),
        };
        story.begin();
        story
    }

    /// Plays the whole story; what the fleet was asked to do in it, and what was done.
    pub fn play(mut self, operations: usize) -> Vec<String> {
        self.trouble();
        for _ in 0..operations {
            let operation = self.operation();
            self.done.push(format!("{} {operation}", self.place.now()));
            self.place.idle();
            self.check();
            let pause = [0, 3, 40, 300, 2_000, 12_000][self.below(6)];
            self.pass(pause);
        }
        self.end();
        self.done.append(&mut self.place.calls);
        self.done
    }

    pub fn fail(&self, what: &str) -> ! {
        panic!(
            "{what}\nRANCHETTE_SIM_SEED={} plays this again\n{}\n{}",
            self.seed,
            self.done.join("\n"),
            self.place.dump()
        )
    }

    fn below(&self, bound: usize) -> usize {
        usize::try_from(self.choice.u64() % bound as u64).unwrap_or(0)
    }

    fn chance(&self, per_cent: usize) -> bool {
        self.below(100) < per_cent
    }

    fn begin(&mut self) {
        self.place.idle();
        for _ in 0..200 {
            let hosts = self.place.rows("host");
            let up = |row: &ranchette::model::resource::Resource| {
                row.state == "active" && row.str("agentState") == Some("active")
            };
            if hosts.len() == self.place.hosts() && hosts.iter().all(up) {
                self.host_ids = hosts.iter().map(|row| row.id).collect();
                break;
            }
            self.place.tick(self.place.now() + 1000);
        }
        if self.host_ids.is_empty() {
            self.fail("the hosts do not come up");
        }
        for number in 1..=self.place.hosts() {
            self.label(number, 'a');
        }
        for name in ["one", "two"] {
            let new = NewResource::new("stack", self.choice.uuid())
                .name(name)
                .account(self.place.project);
            let stack = self.place.write(|tx| process::create(tx, new, Map::new()));
            self.stacks.push(stack.expect("stack").id);
        }
        self.place.idle();
    }

    /// What goes wrong from now on: calls are slow, fail, or lose their answer; events are lost; power
    /// fails.
    fn trouble(&self) {
        let faults = self.place.fleet.faults();
        let reason = |what: &str| EngineError::Other {
            what: what.to_owned(),
            detail: "it is simulated".to_owned(),
            transient: Transient::Yes,
        };
        let every =
            [Op::Pull, Op::Create, Op::Start, Op::Stop, Op::Kill, Op::Remove, Op::Look, Op::Place];
        for op in every {
            faults.add(Fault::on(op, Effect::Slow { ms: 20 }).per_mille(600));
            faults.add(Fault::on(op, Effect::Slow { ms: 700 }).per_mille(150));
            faults.add(Fault::on(op, Effect::Fail(reason("fails"))).per_mille(15));
            faults.add(Fault::on(op, Effect::LoseAnswer(reason("answers no more"))).per_mille(20));
        }
        faults.add(Fault::on(Op::Event, Effect::LoseEvent).per_mille(100));
        let death = Effect::DieAfter { ms: 1500, exit_code: 1 };
        faults.add(Fault::on(Op::Run, death).per_mille(40));
        self.place.set_failing(3);
    }

    /// Time passes; everything that happens is checked.
    fn pass(&mut self, ms: i64) {
        let until = self.place.now() + ms;
        while self.place.tick(until) {
            self.check();
        }
        self.check();
    }

    fn operation(&mut self) -> String {
        match self.below(20) {
            0..3 if self.living().len() < MOST_SERVICES => self.create(),
            3 | 4 => self.scale(),
            5 | 6 => self.upgrade(),
            7 => self.act("cancelupgrade"),
            8 => self.act("continueupgrade"),
            9 => self.act("rollback"),
            10 => self.act("finishupgrade"),
            11 => self.remove(),
            12 => self.act(["deactivate", "restart"][self.below(2)]),
            13 => self.act("activate"),
            14 => self.host_leaves_or_returns(),
            15 | 16 => self.container_dies(),
            17 => {
                self.place.crash();
                "the power fails".to_owned()
            }
            18 => self.relabel(),
            _ => self.host_rests_or_serves(),
        }
    }

    fn living(&self) -> Vec<usize> {
        (0..self.services.len()).filter(|at| !self.services[*at].removed).collect()
    }

    fn any(&self) -> Option<usize> {
        let living = self.living();
        (!living.is_empty()).then(|| living[self.below(living.len())])
    }

    fn create(&mut self) -> String {
        self.made += 1;
        let name = format!("s{}", self.made);
        let free_port = (8001..8004).find(|port| {
            let taken = |one: &Service| !one.removed && one.shape == Shape::Port(*port);
            !self.services.iter().any(taken)
        });
        let shape = match self.below(8) {
            0 | 1 => free_port.map_or(Shape::Plain, Shape::Port),
            2 => Shape::Sidekick,
            3 => Shape::Global,
            4 => Shape::Volume,
            5 => Shape::Retain,
            6 => Shape::Checked,
            _ => Shape::Plain,
        };
        let scale = 1 + self.below(shape.most(self.place.hosts()));
        let new = NewResource::new("service", self.choice.uuid())
            .name(name.clone())
            .account(self.place.project)
            .with("stackId", self.stacks[self.below(2)])
            .with("scale", scale)
            .with("startOnCreate", true)
            .with("retainIp", shape == Shape::Retain)
            .with("launchConfig", shape.launch(&name, 1))
            .with("secondaryLaunchConfigs", shape.sidekicks());
        let made = self.place.write(|tx| process::create(tx, new, Map::new()));
        let id = made.expect("service").id;
        let note = format!("create {name} {shape:?} scale {scale}");
        self.services.push(Service {
            id,
            name,
            shape,
            scale,
            version: 1,
            before: 1,
            removed: false,
            allowed: scale,
            start_first: false,
            batch: 1,
        });
        note
    }

    fn scale(&mut self) -> String {
        let Some(at) = self.any() else { return "nothing to scale".to_owned() };
        let service = &self.services[at];
        let scale = self.below(service.shape.most(self.place.hosts()) + 1);
        let id = service.id;
        let scaled = self.place.write(move |tx| {
            tx.update(id, |row| {
                row.set("scale", scale);
                Ok(())
            })?;
            process::start(tx, id, "update", Map::new())
        });
        let service = &mut self.services[at];
        if scaled.is_ok() {
            service.scale = scale;
            service.allowed = service.allowed.max(scale);
        }
        format!("scale {} {scale}: {}", service.name, told(&scaled))
    }

    fn upgrade(&mut self) -> String {
        let Some(at) = self.any() else { return "nothing to upgrade".to_owned() };
        let service = &self.services[at];
        let start_first =
            self.chance(40) && !matches!(service.shape, Shape::Retain | Shape::Port(_));
        let (version, batch) = (service.version.max(service.before) + 1, 1 + self.below(2));
        let (id, data) = (service.id, service.upgrade(version, start_first, batch));
        let begun = self.place.write(move |tx| {
            let row = tx.require("service", id)?;
            if !process::may_begin(&row, "upgrade") {
                return Err(ranchette::error::Error::conflict(row.state));
            }
            process::start(tx, id, "upgrade", data)
        });
        let service = &mut self.services[at];
        if begun.is_ok() {
            service.before = service.version;
            service.version = version;
            service.start_first |= start_first;
            service.batch = service.batch.max(batch);
        }
        format!("upgrade {} to {version} first={start_first}: {}", service.name, told(&begun))
    }

    /// Any other transition of any service, as long as it may begin.
    fn act(&mut self, transition: &'static str) -> String {
        let Some(at) = self.any() else { return format!("nothing to {transition}") };
        self.act_on(at, transition)
    }

    fn act_on(&mut self, at: usize, transition: &'static str) -> String {
        let id = self.services[at].id;
        let begun = self.place.write(move |tx| {
            let row = tx.require("service", id)?;
            if !process::may_begin(&row, transition) {
                return Err(ranchette::error::Error::conflict(row.state));
            }
            let strategy = json!({ "rollingRestartStrategy": { "intervalMillis": 100 } });
            let data = if transition == "restart" { process::object(strategy) } else { Map::new() };
            process::start(tx, id, transition, data)
        });
        let service = &mut self.services[at];
        if begun.is_ok() && transition == "rollback" {
            service.version = service.before;
        }
        format!("{transition} {}: {}", service.name, told(&begun))
    }

    fn remove(&mut self) -> String {
        let Some(at) = self.any() else { return "nothing to remove".to_owned() };
        let told = self.act_on(at, "remove");
        self.services[at].removed = told.ends_with("ok");
        told
    }

    fn host_leaves_or_returns(&mut self) -> String {
        let number = 1 + self.below(self.place.hosts());
        let away = !self.away[number - 1];
        self.away[number - 1] = away;
        self.place.host(number).set_away(away.then(|| Away::Lost("it is simulated".to_owned())));
        if away && self.chance(20) {
            self.place.host(number).lose_power();
        }
        format!("host{number} is {}", if away { "away" } else { "back" })
    }

    fn container_dies(&mut self) -> String {
        let all = self.place.containers();
        let running: Vec<_> = all.iter().filter(|(_, one)| one.is_running()).collect();
        if running.is_empty() {
            return "nothing to kill".to_owned();
        }
        let (number, one) = running[self.below(running.len())];
        let host = self.place.host(*number);
        let (how, killed) = match self.below(3) {
            0 => ("killed", host.external_kill(&one.id)),
            1 => ("exits", host.external_exit(&one.id, 3)),
            _ => ("is taken away", host.external_remove(&one.id)),
        };
        killed.expect("a container that is there");
        format!("{} {how}", one.name)
    }

    fn label(&mut self, number: usize, zone: char) {
        self.zones[number - 1] = zone;
        let id = self.host_ids[number - 1];
        let labelled = self.place.write(move |tx| {
            tx.update(id, |row| {
                row.set("labels", json!({ "zone": zone.to_string() }));
                Ok(())
            })
        });
        labelled.expect("a host");
    }

    fn relabel(&mut self) -> String {
        let number = 1 + self.below(self.place.hosts());
        let zone = ['a', 'b'][self.below(2)];
        self.label(number, zone);
        format!("host{number} is in zone {zone}")
    }

    fn host_rests_or_serves(&mut self) -> String {
        let number = 1 + self.below(self.place.hosts());
        let id = self.host_ids[number - 1];
        let changed = self.place.write(move |tx| {
            let row = tx.require("host", id)?;
            let next = if row.state == "inactive" { "activate" } else { "deactivate" };
            process::start(tx, id, next, Map::new()).map(|_| next)
        });
        format!("host{number}: {changed:?}")
    }

    /// Whether the server has given up what changes on a host.
    pub fn is_cut_off(&self, number: usize) -> bool {
        let id = self.host_ids[number - 1];
        let Some(host) = self.place.read(|read| read.get(id)) else { return true };
        matches!(host_mark(&host), HostMark::Unreachable { given_up } if given_up <= self.place.now())
    }

    /// Numbers of the hosts of zone `a`.
    pub fn zone_a(&self) -> BTreeSet<usize> {
        (1..=self.place.hosts()).filter(|number| self.zones[number - 1] == 'a').collect()
    }

    /// Nothing goes wrong any more: everything becomes as declared, and then goes.
    fn end(&mut self) {
        self.place.fleet.faults().clear();
        self.place.set_failing(0);
        for number in 1..=self.place.hosts() {
            self.away[number - 1] = false;
            self.place.host(number).set_away(None);
            let id = self.host_ids[number - 1];
            // One that serves already is as wanted.
            let _ = self.place.write(move |tx| process::start(tx, id, "activate", Map::new()));
        }
        self.label(1, 'a');
        self.wait("upgrades come to rest", Self::no_upgrade_is_open);
        self.wait("everything is as declared", |own| own.settled());
        self.done.push(format!("{} the stacks go", self.place.now()));
        for service in &mut self.services {
            service.removed = true;
        }
        for stack in self.stacks.clone() {
            let data = process::object(json!({ "volumes": true }));
            let removed = self.place.write(move |tx| process::start(tx, stack, "remove", data));
            removed.expect("the stack goes");
        }
        self.wait("nothing is left", |own| own.nothing_left());
    }

    /// Goes on with what was cancelled and finishes what has been upgraded.
    fn no_upgrade_is_open(&mut self) -> Result<(), String> {
        let mut open = Vec::new();
        for at in self.living() {
            let id = self.services[at].id;
            let state = self.place.read(|read| read.get(id)).map(|row| row.state);
            let next = match state.as_deref() {
                Some("canceled-upgrade") => "continueupgrade",
                Some("upgraded") => "finishupgrade",
                Some("active" | "inactive") => continue,
                _ => "",
            };
            open.push(format!("{} is {state:?}", self.services[at].name));
            if !next.is_empty() {
                let told = self.act_on(at, next);
                self.done.push(format!("{} {told}", self.place.now()));
            }
        }
        if open.is_empty() { Ok(()) } else { Err(open.join(", ")) }
    }

    fn wait(&mut self, what: &str, mut is_so: impl FnMut(&mut Self) -> Result<(), String>) {
        let until = self.place.now() + PATIENCE_MS;
        self.place.idle();
        self.check();
        while let Err(why) = is_so(self) {
            if !self.place.tick(until) {
                self.fail(&format!("{what}: not within an hour; {why}"));
            }
            self.check();
        }
    }
}

fn told<T>(outcome: &Result<T, String>) -> String {
    match outcome {
        Ok(_) => "ok".to_owned(),
        Err(why) => format!("refused, {why}"),
    }
}
