//! The language of the fixtures.

use std::collections::HashMap;

use super::super::facts::{
    Config, Desired, Gate, Health, HostState, Member, MemberState, Mode, Old, Order, Pace, Rollout,
    Scale, Strategy,
};
use super::{UnitIds, names};

/// Uuid of the service in every fixture.
pub const SERVICE: &str = "5b0d2b5e-6f0c-4bd8-9a6e-0a8d3d3f7a11";

/// A service, its members and the time.
pub struct Fixture {
    service: String,
    scale: Scale,
    mode: Mode,
    rollout: Rollout,
    strategy: Strategy,
    retry_since: i64,
    pub configs: Vec<Config>,
    pub members: Vec<Member>,
    pub now: i64,
}

impl Fixture {
    pub fn parse(text: &str) -> Fixture {
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let head = lines.next().expect("a fixture begins with a service");
        let mut fixture = service(head);
        let lines: Vec<&str> = lines.collect();
        fixture.configs_of(&lines);
        for line in lines {
            match line.split_once(' ').expect(line) {
                ("config", _) => {}
                ("member", rest) => fixture.member(rest),
                ("now", at) => fixture.now = number(at),
                _ => panic!("unknown line: {line}"),
            }
        }
        fixture
    }

    pub fn desired(&self) -> Desired<'_> {
        Desired {
            service_uuid: SERVICE,
            stack_name: "blog",
            service_name: &self.service,
            scale: self.scale.clone(),
            configs: self.configs.clone(),
            mode: self.mode,
            rollout: self.rollout,
            strategy: self.strategy,
            retry_since: self.retry_since,
        }
    }

    /// Name of a member, with its id where two have the same name.
    pub fn name_of(&self, id: i64) -> String {
        let name =
            |member: &Member| names::short(&self.service, member.config.as_deref(), member.index);
        let member = self.members.iter().find(|member| member.id == id).expect("a known member");
        let own = name(member);
        let is_shared = self.members.iter().filter(|other| name(other) == own).count() > 1;
        if is_shared { format!("{own} (id {id})") } else { own }
    }

    pub fn name_for(&self, config: usize, index: u32) -> String {
        names::short(&self.service, self.configs[config].name.as_deref(), index)
    }

    /// The primary comes first; `uses` may name what is declared later.
    fn configs_of(&mut self, lines: &[&str]) {
        let mut words: Vec<Words<'_>> = lines
            .iter()
            .filter_map(|line| line.strip_prefix("config "))
            .map(Words::parse)
            .collect();
        if !words.iter().any(|words| words.name == self.service) {
            words.insert(0, Words { name: &self.service, ..Words::default() });
        }
        let names: Vec<&str> = words.iter().map(|words| words.name).collect();
        let find = |name: &str| names.iter().position(|other| *other == name).unwrap_or(99);
        self.configs = words
            .iter()
            .map(|words| {
                let network_of = words.get("network").map(find);
                let uses = words.get("uses").unwrap_or_default();
                let uses = uses.split(',').filter(|name| !name.is_empty()).map(find);
                Config {
                    name: (words.name != self.service).then(|| words.name.to_owned()),
                    version: words.get("version").unwrap_or("0").to_owned(),
                    after: uses.chain(network_of).collect(),
                    network_of,
                    start_once: words.get("start-once").is_some(),
                }
            })
            .collect();
    }

    fn member(&mut self, line: &str) {
        let words = Words::parse(line);
        let (stem, index) = words.name.rsplit_once('-').expect("an index");
        let config = stem.strip_prefix(&format!("{}-", self.service)).map(str::to_owned);
        let index = number(index) as u32;
        let state = words.bare.first().copied().expect("a state");
        let has_run = !matches!(state, "creating" | "error" | "erroring");
        let host_id = words.get("host").map(number);
        let ids = UnitIds::new(SERVICE);
        let unit = match (words.get("unit"), &self.scale, host_id) {
            (Some(unit), _, _) => unit.to_owned(),
            (None, Scale::Global(_), Some(host)) => ids.by_host(host),
            (None, _, _) => ids.by_index(index),
        };
        self.members.push(Member {
            id: words.get("id").map_or(self.members.len() as i64 + 1, number),
            unit,
            index,
            config,
            version: words.get("version").unwrap_or("0").to_owned(),
            state: MemberState::parse(state).expect("a state"),
            health: words.get("health").map(|health| Health::parse(health).expect("a health")),
            host_id,
            host: words.get("host-is").map(host_state).unwrap_or_default(),
            started_once: has_run && words.get("never-started").is_none(),
            started_at: words.get("started").map(number).or(has_run.then_some(0)),
            exit_code: words.get("exit").map(number),
            failures: words.get("failures").map_or(0, number) as u32,
            died_at: words.get("died").map(number),
            message: words.get("message").map(|message| message.replace('_', " ")),
            retired: words.get("retired").is_some(),
            displaced: words.get("displaced").is_some(),
        });
    }
}

fn service(line: &str) -> Fixture {
    let words = Words::parse(line.strip_prefix("service ").expect("a service"));
    let value = |key: &str, default: i64| words.get(key).map_or(default, number);
    let batch = value("batch", 1) as u32;
    let interval_ms = value("interval", 0);
    Fixture {
        service: words.name.to_owned(),
        scale: match words.get("hosts") {
            Some(hosts) => {
                Scale::Global(hosts.split(',').filter(|id| !id.is_empty()).map(number).collect())
            }
            None => Scale::Fixed(value("scale", 1) as u32),
        },
        mode: match words.get("mode").unwrap_or("running") {
            "running" => Mode::Running,
            "stopped" => Mode::Stopped,
            "removed" => Mode::Removed,
            "restarting" => Mode::Restarting { since: value("since", 0), batch, interval_ms },
            other => panic!("unknown mode: {other}"),
        },
        rollout: Rollout {
            batch,
            interval_ms,
            order: match words.get("order").unwrap_or("stop-first") {
                "stop-first" => Order::StopFirst,
                "start-first" => Order::StartFirst,
                other => panic!("unknown order: {other}"),
            },
            old: match words.get("old").unwrap_or("remove") {
                "remove" => Old::Remove,
                "retire" => Old::Retire,
                other => panic!("unknown fate of the old: {other}"),
            },
            pace: match words.get("pace").unwrap_or("batches") {
                "batches" => Pace::Batches,
                "at-once" => Pace::AtOnce,
                "held" => Pace::Held,
                other => panic!("unknown pace: {other}"),
            },
            gate: words
                .get("within")
                .map(|within| Gate { since: value("since", 0), within_ms: number(within) }),
        },
        strategy: match words.get("strategy").unwrap_or("recreate") {
            "none" => Strategy::None,
            "recreate" => Strategy::Recreate,
            quorum => Strategy::RecreateOnQuorum(number(
                quorum.strip_prefix("quorum:").expect("a strategy"),
            ) as u32),
        },
        retry_since: value("retry-since", 0),
        configs: Vec::new(),
        members: Vec::new(),
        now: 10_000,
    }
}

fn host_state(word: &str) -> HostState {
    match word {
        "active" => HostState::Active,
        "inactive" => HostState::Inactive,
        "silent" => HostState::Silent,
        "unreachable" => HostState::Unreachable,
        "gone" => HostState::Gone,
        other => panic!("unknown host state: {other}"),
    }
}

fn number(text: &str) -> i64 {
    text.parse().unwrap_or_else(|_| panic!("not a number: {text}"))
}

/// A name, bare words and `key=value` words.
#[derive(Default)]
struct Words<'a> {
    name: &'a str,
    bare: Vec<&'a str>,
    values: HashMap<&'a str, &'a str>,
}

impl<'a> Words<'a> {
    fn parse(line: &'a str) -> Words<'a> {
        let mut words = line.split_whitespace();
        let mut parsed = Words { name: words.next().expect("a name"), ..Words::default() };
        for word in words {
            match word.split_once('=') {
                Some((key, value)) => {
                    parsed.values.insert(key, value);
                }
                None => parsed.bare.push(word),
            }
        }
        parsed
    }

    /// The value of a key; empty for a bare word.
    fn get(&self, key: &str) -> Option<&'a str> {
        let bare = self.bare.contains(&key).then_some("");
        self.values.get(key).copied().or(bare)
    }
}
