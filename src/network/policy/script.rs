//! The rules of a network in the language of nftables.
//!
//! Each network has a table of its own in the family `bridge`, where what goes from one container to
//! another passes, and nothing that goes to the host or comes from it. A script is one transaction: all of
//! it holds, or none. Only numbers, addresses and words of ours are in it.
//!
//! Connection tracking in this family is a module that many kernels lack. So answers are known by other
//! means: those of TCP by their flags, those of UDP and ping by a set that remembers for some minutes who
//! has asked whom.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::net::Ipv4Addr;

use super::plan::{Fence, Line, Side};
use crate::model::policy::{Action, Ports, Protocol};

/// What all tables of ours begin with.
const PREFIX: &str = "ranchette_";
/// Characters of the installation's id that its tables carry.
const OWNER: usize = 12;

/// A network's table: whose it is, and which subnet it is for. That is all in its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Table {
    /// Tells installations on one machine apart.
    owner: String,
    base: Ipv4Addr,
    prefix: u8,
}

/// How what is there becomes what is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is already.
    Nothing,
    /// By this transaction.
    Script(String),
}

impl Table {
    /// The table for a subnet such as `10.42.0.0/16`; `installation` is a uuid.
    pub fn new(installation: &str, subnet: &str) -> Option<Self> {
        let (base, prefix) = subnet.split_once('/')?;
        let owner = installation.chars().filter(char::is_ascii_alphanumeric).take(OWNER);
        Self { owner: owner.collect(), base: base.parse().ok()?, prefix: prefix.parse().ok()? }
            .checked()
    }

    /// Reads its name.
    pub fn parse(name: &str) -> Option<Self> {
        let mut words = name.strip_prefix(PREFIX)?.split('_');
        let owner = words.next()?.to_owned();
        let numbers: Vec<u8> = words.map(|word| word.parse().ok()).collect::<Option<_>>()?;
        let [a, b, c, d, prefix] = numbers.as_slice() else { return None };
        Self { owner, base: Ipv4Addr::new(*a, *b, *c, *d), prefix: *prefix }.checked()
    }

    fn checked(self) -> Option<Self> {
        (!self.owner.is_empty() && (1..=32).contains(&self.prefix)).then_some(self)
    }

    /// Whether it belongs to the installation.
    pub fn is_of(&self, installation: &str) -> bool {
        let owner = installation.chars().filter(char::is_ascii_alphanumeric).take(OWNER);
        owner.eq(self.owner.chars())
    }

    /// Whether the two are about the same addresses.
    pub fn overlaps(&self, other: &Self) -> bool {
        let shift = 32 - u32::from(self.prefix.min(other.prefix));
        u32::from(self.base) >> shift == u32::from(other.base) >> shift
    }

    /// The script that removes it, whether it is there or not.
    pub fn removal(&self) -> String {
        format!("add table bridge {self}\ndelete table bridge {self}\n")
    }

    /// The script that makes it anew, whatever is there.
    pub fn creation(&self, fence: &Fence) -> String {
        let mut text = self.removal();
        let (base, prefix) = (self.base, self.prefix);
        let _ = write!(
            text,
            "table bridge {self} {{
\tset asked {{
\t\ttype ipv4_addr . ipv4_addr . inet_service . inet_service
\t\tsize 65535
\t\tflags dynamic,timeout
\t\ttimeout 5m
\t}}
\tset pinged {{
\t\ttype ipv4_addr . ipv4_addr
\t\tsize 65535
\t\tflags dynamic,timeout
\t\ttimeout 1m
\t}}
\tchain pass {{
\t\tip protocol udp update @asked {{ ip daddr . ip saddr . udp dport . udp sport }}
\t\ticmp type echo-request update @pinged {{ ip daddr . ip saddr }}
\t\taccept
\t}}
{}\tchain forward {{
\t\ttype filter hook forward priority filter; policy accept;
\t\tip saddr {base}/{prefix} ip daddr {base}/{prefix} jump rules
\t}}
}}
",
            Layout::of(fence).declared()
        );
        text
    }

    /// The script from one fence of this table to another; a change of members is a change of sets.
    pub fn change(&self, before: &Fence, after: &Fence) -> Change {
        let (before, after) = (Layout::of(before), Layout::of(after));
        let mut text = String::new();
        if before.rules == after.rules {
            for (name, members) in &after.sets {
                let known = before.sets.get(name).cloned().unwrap_or_default();
                for (verb, own, other) in [("add", members, &known), ("delete", &known, members)] {
                    let words = joined(own.difference(other));
                    if !words.is_empty() {
                        let _ = writeln!(text, "{verb} element bridge {self} {name} {{ {words} }}");
                    }
                }
            }
        } else {
            let _ = writeln!(text, "flush chain bridge {self} rules");
            for name in before.sets.keys() {
                let _ = writeln!(text, "delete set bridge {self} {name}");
            }
            let _ = write!(text, "table bridge {self} {{\n{}}}\n", after.declared());
        }
        if text.is_empty() { Change::Nothing } else { Change::Script(text) }
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [a, b, c, d] = self.base.octets();
        write!(f, "{PREFIX}{}_{a}_{b}_{c}_{d}_{}", self.owner, self.prefix)
    }
}

/// A fence as sets of addresses, and rules that speak of the sets.
struct Layout {
    sets: BTreeMap<String, BTreeSet<Ipv4Addr>>,
    rules: Vec<String>,
}

impl Layout {
    fn of(fence: &Fence) -> Self {
        let mut layout = Self { sets: BTreeMap::new(), rules: Vec::new() };
        for (number, line) in fence.lines.iter().enumerate() {
            layout.add(number, line);
        }
        layout.rules.push(verdict(fence.otherwise).to_owned());
        layout
    }

    fn add(&mut self, number: usize, line: &Line) {
        for (index, pair) in line.pairs.iter().enumerate() {
            let name = format!("s{number}p{index}");
            let (from, to) = if pair.from == pair.to {
                (name.clone(), name)
            } else {
                (format!("{name}from"), format!("{name}to"))
            };
            let mut words = String::new();
            self.side(&mut words, "saddr", from, &pair.from);
            self.side(&mut words, "daddr", to, &pair.to);
            let verdict = verdict(line.action);
            for ports in matches(&line.ports) {
                let note = &line.note;
                self.rules.push(format!("{words}{ports}{verdict} comment \"{note}\""));
            }
        }
    }

    fn side(&mut self, words: &mut String, field: &str, name: String, side: &Side) {
        if let Some(members) = side {
            let _ = write!(words, "ip {field} @{name} ");
            self.sets.insert(name, members.clone());
        }
    }

    /// The sets, and the chain that decides.
    fn declared(&self) -> String {
        let mut text = String::new();
        for (name, members) in &self.sets {
            let members = joined(members);
            let _ = write!(
                text,
                "\tset {name} {{\n\t\ttype ipv4_addr\n\t\telements = {{ {members} }}\n\t}}\n"
            );
        }
        // A later fragment has no ports; without the first one it is of no use to anybody.
        text.push_str(
            "\tchain rules {
\t\tip frag-off & 0x1fff != 0 accept
\t\tip protocol tcp tcp flags & (syn | ack) != syn accept
\t\tip saddr . ip daddr . udp sport . udp dport @asked \
             update @asked { ip saddr . ip daddr . udp sport . udp dport } accept
\t\ticmp type echo-reply ip saddr . ip daddr @pinged accept
\t\ticmp type { destination-unreachable, time-exceeded, parameter-problem } accept
",
        );
        for rule in &self.rules {
            let _ = writeln!(text, "\t\t{rule}");
        }
        text.push_str("\t}\n");
        text
    }
}

const fn verdict(action: Action) -> &'static str {
    match action {
        // Remembers who asked whom, then accepts.
        Action::Allow => "goto pass",
        Action::Deny => "drop",
    }
}

/// The matches that ports need: one a protocol, an empty one for all ports.
fn matches(ports: &[Ports]) -> Vec<String> {
    if ports.is_empty() {
        return vec![String::new()];
    }
    let mut found = Vec::new();
    for protocol in [Protocol::Tcp, Protocol::Udp] {
        let own = ports.iter().filter(|ports| ports.protocol == protocol);
        let mut own: Vec<(u16, u16)> = own.map(|ports| (ports.first, ports.last)).collect();
        own.sort_unstable();
        let words: Vec<String> = merged(&own)
            .map(
                |(first, last)| {
                    if first == last { first.to_string() } else { format!("{first}-{last}") }
                },
            )
            .collect();
        if !words.is_empty() {
            found.push(format!("{protocol} dport {{ {} }} ", words.join(", ")));
        }
    }
    found
}

/// Sorted ranges without overlaps, which a set does not take.
fn merged(ranges: &[(u16, u16)]) -> impl Iterator<Item = (u16, u16)> {
    let mut found: Vec<(u16, u16)> = Vec::new();
    for (first, last) in ranges.iter().copied() {
        match found.last_mut() {
            Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
            Some(_) | None => found.push((first, last)),
        }
    }
    found.into_iter()
}

fn joined<'a>(addresses: impl IntoIterator<Item = &'a Ipv4Addr>) -> String {
    let words: Vec<String> = addresses.into_iter().map(Ipv4Addr::to_string).collect();
    words.join(", ")
}

#[cfg(test)]
#[path = "script_tests.rs"]
mod tests;
