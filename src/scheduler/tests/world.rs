//! A small language for placement tests. One command a line, words separated by blanks:
//!
//! ```text
//! host 1 a mem:1024 cpu:2000 disk:100 state:inactive env:2 pool:5/nfs label:gpu=true
//! volume 7 data driver:nfs pool:5 host:1 last:2 access:singleHostRW
//! on 1 web-1 unit:u1 label:app=web port:80 mem:512 volume:7 state:stopped health:unhealthy
//! place web-2 port:80 aff:host_label=gpu=true ask:1 bound:1 from:db-1 + side service:web/side
//! global aff:host_label=gpu=true
//! stop web-1 | start web-1 | old web-1 | remove web-1 | gone 1
//! ```
//!
//! `place` puts one unit (members joined by `+`) and records it; its outcome is one line of the
//! result. Sizes are MB, `aff:` is short for a label `io.rancher.scheduler.affinity:`.

use std::collections::BTreeMap;

use crate::model::port::PortSpec;
use crate::scheduler::{
    AccessMode, Dependency, Fleet, Health, HostFacts, HostStanding, Images, InstanceFacts,
    InstanceId, InstanceStanding, Labels, Member, Placement, PoolMapping, PortBinding, Request,
    VolumeFacts, VolumeNeed, global_hosts,
};

const MB: u64 = 1 << 20;

/// Runs a fixture and compares what `place` and `global` answered, one line each.
pub(super) fn check(fixture: &str, expect: expect_test::Expect) {
    let mut world = World::default();
    for line in fixture.lines().map(str::trim).filter(|line| !line.is_empty()) {
        world.run(line);
    }
    expect.assert_eq(&world.answers.join("\n"));
}

#[derive(Default)]
struct World {
    fleet: Fleet,
    ids: BTreeMap<String, InstanceId>,
    names: BTreeMap<i64, String>,
    answers: Vec<String>,
}

/// The words of a command as `key:value`.
struct Words<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Words<'a> {
    fn all<'w>(&'w self, key: &'w str) -> impl Iterator<Item = &'a str> + 'w {
        self.0.iter().filter(move |(k, _)| *k == key).map(|(_, value)| *value)
    }

    fn one(&self, key: &str) -> Option<&'a str> {
        self.all(key).last()
    }

    fn number<T: std::str::FromStr + Default>(&self, key: &str) -> T {
        self.one(key).map_or_else(T::default, parse)
    }

    fn labels(&self) -> Labels {
        let plain = self.all("label").map(|label| pair(label, ""));
        let affinity = self.all("aff").map(|rule| pair(rule, "io.rancher.scheduler.affinity:"));
        plain.chain(affinity).collect()
    }

    fn ports(&self) -> Vec<PortBinding> {
        self.all("port")
            .map(|port| {
                let full = if port.contains(':') { port.to_owned() } else { public(port) };
                PortBinding::of_spec(&parse::<PortSpec>(&full)).expect("a public port")
            })
            .collect()
    }
}

/// `80/udp` in a fixture is the public port; the private one does not matter here.
fn public(port: &str) -> String {
    match port.split_once('/') {
        Some((port, protocol)) => format!("{port}:1/{protocol}"),
        None => format!("{port}:1"),
    }
}

fn parse<T: std::str::FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| panic!("`{text}` in a fixture"))
}

fn pair(text: &str, prefix: &str) -> (String, String) {
    let (key, value) = text.split_once('=').unwrap_or((text, ""));
    (format!("{prefix}{key}"), value.to_owned())
}

impl World {
    fn run(&mut self, line: &str) {
        let (command, rest) = line.split_once(' ').unwrap_or((line, ""));
        match command {
            "host" => self.host(rest),
            "volume" => self.volume(rest),
            "on" => self.on(rest),
            "place" => self.place(rest),
            "global" => {
                let hosts = global_hosts(&self.fleet, 1, &words(rest).1.labels());
                let names: Vec<String> = hosts.iter().map(|id| self.host_name(*id)).collect();
                self.answers.push(format!("global -> {}", names.join(", ")));
            }
            "stop" => self.fleet.instance_stop(self.id(rest)),
            "start" => self.fleet.instance_start(self.id(rest)),
            "old" => {
                let id = self.id(rest);
                self.fleet.instance_standing(id, InstanceStanding::SupersededRunning);
            }
            "remove" => self.fleet.instance_remove(self.id(rest)),
            "gone" => self.fleet.host_remove(parse(rest)),
            _ => panic!("command `{line}` in a fixture"),
        }
    }

    fn id(&self, name: &str) -> InstanceId {
        *self.ids.get(name).unwrap_or_else(|| panic!("container `{name}` in a fixture"))
    }

    fn host_name(&self, id: i64) -> String {
        self.names.get(&id).cloned().unwrap_or_else(|| id.to_string())
    }

    fn host(&mut self, rest: &str) {
        let (names, words) = words(rest);
        let id = parse(names[0]);
        self.names.insert(id, names[1].to_owned());
        self.fleet.host_upsert(&HostFacts {
            id,
            environment: words.one("env").map_or(1, parse),
            name: names[1].to_owned(),
            standing: match words.one("state") {
                None => HostStanding::Eligible,
                Some("inactive") => HostStanding::Inactive,
                Some("activating") => HostStanding::Activating,
                Some("reconnected") => HostStanding::Reconnected,
                Some("disconnected") => HostStanding::Disconnected,
                Some("evacuating") => HostStanding::Evacuating,
                Some(other) => panic!("host state `{other}` in a fixture"),
            },
            labels: words.labels(),
            memory_bytes: words.number::<u64>("mem") * MB,
            milli_cpu: words.number("cpu"),
            local_storage_mb: words.number("disk"),
            pools: words
                .all("pool")
                .map(|pool| {
                    let (pool, driver) = pool.split_once('/').expect("pool:id/driver");
                    PoolMapping { pool: parse(pool), driver: driver.to_owned() }
                })
                .collect(),
            images: match words.one("runs") {
                None => Images::Any,
                Some("sim") => Images::Simulated,
                Some("real") => Images::Real,
                Some(other) => panic!("images `{other}` in a fixture"),
            },
        });
    }

    fn volume(&mut self, rest: &str) {
        let (names, words) = words(rest);
        self.fleet.volume_upsert(VolumeFacts {
            id: parse(names[0]),
            environment: 1,
            name: names[1].to_owned(),
            driver: words.one("driver").unwrap_or_default().to_owned(),
            pool: words.one("pool").map(parse),
            host: words.one("host").map(parse),
            last_host: words.one("last").map(parse),
            access: match words.one("access") {
                None => AccessMode::MultiHostRw,
                Some("singleHostRW") => AccessMode::SingleHostRw,
                Some("singleInstanceRW") => AccessMode::SingleInstanceRw,
                Some(other) => panic!("access mode `{other}` in a fixture"),
            },
        });
    }

    fn on(&mut self, rest: &str) {
        let (names, words) = words(rest);
        let facts = InstanceFacts {
            unit: words.one("unit").map(str::to_owned),
            labels: words.labels(),
            ports: words.ports(),
            memory_bytes: words.number::<u64>("mem") * MB,
            milli_cpu: words.number("cpu"),
            storage_mb: words.number("disk"),
            volumes: words.all("volume").map(parse).collect(),
            standing: match words.one("state") {
                None => InstanceStanding::Running,
                Some("stopping") => InstanceStanding::Stopping,
                Some("stopped") => InstanceStanding::Stopped,
                Some("old") => InstanceStanding::SupersededRunning,
                Some("old-stopping") => InstanceStanding::SupersededStopping,
                Some("old-stopped") => InstanceStanding::SupersededStopped,
                Some(other) => panic!("container state `{other}` in a fixture"),
            },
            health: match words.one("health") {
                None => Health::Fine,
                Some(_) => Health::Unhealthy,
            },
            ..self.fresh(names[1])
        };
        self.fleet.instance_place(parse(names[0]), facts).expect("a known host");
    }

    fn fresh(&mut self, name: &str) -> InstanceFacts {
        let id = InstanceId::try_from(self.ids.len()).expect("few containers") + 1;
        self.ids.insert(name.to_owned(), id);
        let (name, uuid) = (name.to_owned(), format!("uuid-{name}"));
        InstanceFacts { id, name, uuid, ..InstanceFacts::default() }
    }

    fn place(&mut self, rest: &str) {
        let (_, all) = words(rest);
        let request = Request {
            environment: all.one("env").map_or(1, parse),
            stack_name: all.one("stack").map(str::to_owned),
            unit: all.one("unit").map(str::to_owned),
            mandatory_host: all.one("bound").map(parse),
            members: rest.split(" + ").map(member).collect(),
        };
        let name = request.members[0].name.clone();
        match self.fleet.place(&request) {
            Ok(placement) => {
                let answer = format!("{name} -> {}", self.shown(&placement));
                self.answers.push(answer);
                for (index, member) in request.members.into_iter().enumerate() {
                    let facts = self.placed(index, member, &request.unit, &placement);
                    self.fleet.instance_place(placement.host, facts).expect("the chosen host");
                }
            }
            Err(refusal) => self.answers.push(format!("{name}: {refusal}")),
        }
    }

    fn shown(&self, placement: &Placement) -> String {
        let mut shown = self.host_name(placement.host);
        for port in &placement.ports {
            shown += &format!(" [{}.{} on {}]", port.member, port.port, port.address);
        }
        if !placement.relaxed.is_empty() {
            shown += &format!(" (relaxed: {})", placement.relaxed.join(", "));
        }
        shown
    }

    fn placed(
        &mut self,
        index: usize,
        mut member: Member,
        unit: &Option<String>,
        placement: &Placement,
    ) -> InstanceFacts {
        for assigned in placement.ports.iter().filter(|assigned| assigned.member == index) {
            member.ports[assigned.port].address = Some(assigned.address);
        }
        let volumes = member.volumes.iter().filter_map(|need| match need {
            VolumeNeed::Existing(id) => Some(*id),
            VolumeNeed::New { .. } => None,
        });
        InstanceFacts {
            unit: unit.clone(),
            volumes: volumes.collect(),
            labels: member.labels,
            ports: member.ports,
            memory_bytes: member.memory_bytes,
            milli_cpu: member.milli_cpu,
            ..self.fresh(&member.name)
        }
    }
}

fn words(rest: &str) -> (Vec<&str>, Words<'_>) {
    let (pairs, names): (Vec<&str>, Vec<&str>) =
        rest.split_whitespace().partition(|word| word.contains(':'));
    let pairs = pairs.into_iter().filter_map(|word| word.split_once(':'));
    (names, Words(pairs.collect()))
}

fn member(rest: &str) -> Member {
    let (names, words) = words(rest);
    let new = words.all("new").map(|volume| {
        let mut parts = volume.split('/');
        VolumeNeed::New {
            name: parts.next().unwrap_or_default().to_owned(),
            driver: parts.next().unwrap_or_default().to_owned(),
            size_mb: parts.next().map_or(0, parse),
            zone: parts.next().map(str::to_owned),
        }
    });
    let dependencies = words.all("from").map(|from| {
        let (name, host) = from.split_once('@').unwrap_or((from, ""));
        Dependency { name: name.to_owned(), host: host.parse().ok() }
    });
    Member {
        name: names[0].to_owned(),
        uuid: format!("uuid-{}", names[0]),
        service_name: words.one("service").map(str::to_owned),
        labels: words.labels(),
        variables: words.all("var").map(|variable| pair(variable, "")).collect(),
        ports: words.ports(),
        memory_bytes: words.number::<u64>("mem") * MB,
        milli_cpu: words.number("cpu"),
        volumes: words.all("volume").map(|id| VolumeNeed::Existing(parse(id))).chain(new).collect(),
        volume_driver: words.one("driver").map(str::to_owned),
        simulated: words.one("image") == Some("sim"),
        requested_host: words.one("ask").map(parse),
        dependencies: dependencies.collect(),
    }
}
