//! Why a request cannot be placed, in one sentence.
//!
//! The sentence begins with Rancher's own text, which clients compare ([`Refusal::contract`]); when
//! hosts were weighed, a summary for a person follows: which hosts lack what, and what would help.

use std::fmt;

use super::facts::{HostId, PortBinding};

/// How every text of a refusal begins.
pub const ALLOCATION_FAILED: &str = "Allocation failed";

/// Hosts are named in the summary while a reason concerns at most this many.
const NAMED: usize = 3;

/// A request that cannot be placed now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The environment has no eligible host at all.
    NoHosts(Summary),
    /// Hosts were weighed and none fits.
    NoFit {
        /// What the host that came nearest fails, as Rancher words it.
        demands: Vec<String>,
        /// The amounts asked for, when any were.
        resources: Option<String>,
        /// Whether amounts alone rule every host out.
        resources_decide: bool,
        /// Which hosts lack what.
        summary: Summary,
    },
    /// Two members of the unit, or one twice, want the same public port.
    PortTwice(PortBinding),
    /// A container whose host must be shared has none yet.
    DependencyUnplaced {
        /// The container.
        name: String,
    },
    /// The containers whose host must be shared are on different ones.
    DependenciesApart {
        /// The containers.
        names: Vec<String>,
    },
    /// Members ask for different hosts.
    RequestedHostsDiffer {
        /// The hosts.
        hosts: Vec<HostId>,
    },
    /// The unit's placed members are on different hosts.
    UnitApart {
        /// The unit's uuid.
        unit: String,
        /// The hosts.
        hosts: Vec<HostId>,
    },
    /// A `singleHostRW` volume is in use on several hosts.
    VolumeSpread {
        /// The volume, as `name(id: 5)`.
        volume: String,
        /// The hosts' names.
        hosts: Vec<String>,
    },
}

/// What each host lacks, grouped by reason, and a hint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    groups: Vec<Group>,
    /// What would make one host fit, when that is known.
    pub hint: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Group {
    many: String,
    /// The first hosts, each with its own wording.
    named: Vec<(String, String)>,
    count: usize,
}

/// Whether a reason is worded for one host or for several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    /// `lacks label gpu=true`
    One,
    /// `lack label gpu=true`; hosts are grouped by this text.
    Many,
}

impl Number {
    /// Picks the form of a verb.
    pub(super) fn verb(self, one: &'static str, many: &'static str) -> &'static str {
        match self {
            Self::One => one,
            Self::Many => many,
        }
    }
}

impl Summary {
    /// Adds one host's reason, which is worded once more only while the host is to be named.
    pub(super) fn add(&mut self, host: &str, reason: impl Fn(Number) -> String) {
        let many = reason(Number::Many);
        let known = self.groups.iter().position(|group| group.many == many);
        let at = known.unwrap_or_else(|| {
            self.groups.push(Group { many, named: Vec::new(), count: 0 });
            self.groups.len() - 1
        });
        if let Some(group) = self.groups.get_mut(at) {
            group.count += 1;
            if group.named.len() < NAMED {
                group.named.push((host.to_owned(), reason(Number::One)));
            }
        }
    }

    /// Puts the most common reason first; equal ones keep the order of the hosts.
    pub(super) fn finish(&mut self) {
        self.groups.sort_by_key(|group| std::cmp::Reverse(group.count));
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no host fits")?;
        for (index, group) in self.groups.iter().enumerate() {
            f.write_str(if index == 0 { ": " } else { "; " })?;
            group.fmt(f)?;
        }
        match &self.hint {
            Some(hint) => write!(f, "; hint: {hint}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.count > NAMED {
            return write!(f, "{} hosts {}", self.count, self.many);
        }
        let alike = self.named.iter().all(|(_, one)| Some(one) == self.named.first().map(|n| &n.1));
        if alike && self.named.len() > 1 {
            let names: Vec<&str> = self.named.iter().map(|(name, _)| name.as_str()).collect();
            return write!(f, "{} {}", list(&names), self.many);
        }
        for (index, (name, one)) in self.named.iter().enumerate() {
            let joint = if index == 0 { "" } else { ", " };
            write!(f, "{joint}{name} {one}")?;
        }
        Ok(())
    }
}

impl Refusal {
    /// Rancher's own text: what its clients and tests compare, without the summary.
    pub fn contract(&self) -> String {
        format!("{ALLOCATION_FAILED}: {}", self.reason())
    }

    /// Which hosts lack what, when hosts were weighed.
    pub fn summary(&self) -> Option<&Summary> {
        match self {
            Self::NoHosts(summary) | Self::NoFit { summary, .. } => Some(summary),
            Self::PortTwice(_)
            | Self::DependencyUnplaced { .. }
            | Self::DependenciesApart { .. }
            | Self::RequestedHostsDiffer { .. }
            | Self::UnitApart { .. }
            | Self::VolumeSpread { .. } => None,
        }
    }

    fn reason(&self) -> String {
        match self {
            Self::NoHosts(_) => "No healthy hosts with sufficient resources available".to_owned(),
            Self::NoFit { resources: Some(resources), resources_decide: true, .. } => {
                format!("No healthy hosts meet the resource constraints: [{resources}]")
            }
            Self::NoFit { demands, resources, .. } => {
                let mut parts = Vec::new();
                if let Some(resources) = resources {
                    parts.push(format!("Host must satisfy resource constraints: [{resources}]"));
                }
                if !demands.is_empty() {
                    parts.push(demands.join(", "));
                }
                if parts.is_empty() {
                    parts.push("Failed to find placement".to_owned());
                }
                parts.join(". ")
            }
            Self::PortTwice(port) => format!("Port {port} requested more than once."),
            Self::DependencyUnplaced { name } => {
                format!("Dependent instance not allocated yet: {name}.")
            }
            Self::DependenciesApart { names } => format!(
                "Dependent instances are allocated to different hosts: {}.",
                names.join(", ")
            ),
            Self::RequestedHostsDiffer { hosts } => format!(
                "Instances to allocate have conflicting requested host ids: {}.",
                ids(hosts)
            ),
            Self::UnitApart { unit, hosts } => format!(
                "Instances of deployment unit {unit} are allocated to different hosts: {}.",
                ids(hosts)
            ),
            Self::VolumeSpread { volume, hosts } => format!(
                "Volume {volume} can only be used on one host and is in use on {}.",
                hosts.join(", ")
            ),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.contract())?;
        match self.summary() {
            Some(summary) if !summary.groups.is_empty() => write!(f, "; {summary}"),
            Some(_) | None => Ok(()),
        }
    }
}

impl std::error::Error for Refusal {}

/// `a`, `a and b`, `a, b and c`.
fn list(names: &[&str]) -> String {
    match names.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// `1, 2, 3`.
pub(super) fn ids(ids: &[HostId]) -> String {
    ids.iter().map(HostId::to_string).collect::<Vec<_>>().join(", ")
}
