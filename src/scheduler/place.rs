//! The choice of a host: the best in order that meets every constraint, soft ones relaxed last.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::affinity::{self, Rule};
use super::counts::HostCounts;
use super::environment::Environment;
use super::facts::{HostId, HostStanding};
use super::filters::{self, Constraint, FILTERS, Scope};
use super::fleet::Fleet;
use super::host::{Host, Rank, Slot};
use super::refusal::{Refusal, Summary};
use super::request::Request;

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The host of every member.
    pub host: HostId,
    /// Bind addresses to be written back to ports that named none.
    pub ports: Vec<PortAssignment>,
    /// The soft rules the host does not meet, in words.
    pub relaxed: Vec<String>,
}

/// A port without an address that was put on one of the host's scheduler addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortAssignment {
    /// The index of the member in the request.
    pub member: usize,
    /// The index of the port in the member.
    pub port: usize,
    /// The address to bind.
    pub address: IpAddr,
}

/// What filters see.
#[derive(Clone, Copy)]
pub struct View<'a> {
    pub(super) fleet: &'a Fleet,
    pub(super) environment: &'a Environment,
    pub(super) request: &'a Request,
    pub(super) rules: &'a [Rule],
    /// The host the user asked for.
    pub(super) requested: Option<HostId>,
    /// The hosts the request is bound to: that of the unit, that the user asked for.
    pub(super) bound_to: &'a [HostId],
}

/// The hosts worth looking at, as far as one constraint knows.
pub enum Candidates<'a> {
    /// Any eligible host.
    Any,
    /// These eligible hosts, best first.
    Ranked(&'a BTreeSet<Rank>),
    /// Hosts in an index, eligible or not.
    Counted(&'a HostCounts),
    /// Hosts mapped to something, eligible or not.
    Mapped(&'a BTreeSet<Slot>),
    /// A few hosts, eligible or not.
    Listed(Vec<Slot>),
}

impl Candidates<'_> {
    /// Whether it is certain that there are none.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Any => false,
            Self::Ranked(ranked) => ranked.is_empty(),
            Self::Counted(counts) => counts.len() == 0,
            Self::Mapped(slots) => slots.is_empty(),
            Self::Listed(slots) => slots.is_empty(),
        }
    }
}

type Constraints<'a> = Vec<Box<dyn Constraint + 'a>>;

impl Fleet {
    /// Chooses a host for all members of the request. Records nothing.
    ///
    /// # Errors
    /// The sentence that goes to the resource's `transitioningMessage`.
    pub fn place(&self, request: &Request) -> Result<Placement, Refusal> {
        // An environment may be known for its volumes alone.
        let known = self.environments.get(&request.environment);
        let Some(environment) = known.filter(|environment| !environment.hosts.is_empty()) else {
            return Err(Refusal::NoHosts(Summary::default()));
        };
        let requested = request.requested_host()?;
        let mandatory = match (request.mandatory_host, &request.unit) {
            (Some(host), _) => Some(host),
            (None, Some(unit)) => self.unit_host(request.environment, unit)?,
            (None, None) => None,
        };
        let bound_to: Vec<HostId> = mandatory.into_iter().chain(requested).collect();
        let rules = affinity::rules(request);
        let (rules, bound_to) = (&rules, &bound_to);
        let view = View { fleet: self, environment, request, rules, requested, bound_to };

        let mut constraints: Constraints<'_> = Vec::new();
        for filter in FILTERS {
            if requested.is_none() || filter.scope == Scope::Critical {
                (filter.constraints)(&view, &mut constraints)?;
            }
        }
        let (soft, hard): (Constraints<'_>, Constraints<'_>) =
            constraints.into_iter().partition(|constraint| constraint.is_soft());
        let search = Search { view: &view, hard, soft };
        let host = match requested {
            Some(id) => search.requested(id),
            None => search.best(),
        };
        let Some(host) = host else { return Err(search.refusal()) };
        let relaxed = search.soft.iter().filter(|constraint| !constraint.fits(host));
        Ok(Placement {
            host: host.id,
            ports: filters::ports::assign(request, host),
            relaxed: relaxed.map(|constraint| constraint.demand()).collect(),
        })
    }
}

struct Search<'a> {
    view: &'a View<'a>,
    hard: Constraints<'a>,
    soft: Constraints<'a>,
}

impl<'a> Search<'a> {
    /// The host asked for, eligible or not, when it meets the critical constraints.
    fn requested(&self, id: HostId) -> Option<&'a Host> {
        let slot = *self.view.environment.hosts.get(&id)?;
        self.view.fleet.host(slot).filter(|host| self.fits_hard(host))
    }

    fn best(&self) -> Option<&'a Host> {
        let environment = self.view.environment;
        if self.hard.iter().any(|constraint| constraint.is_hopeless(environment)) {
            return None;
        }
        // What no host meets is missed everywhere and decides nothing.
        let open = self.soft.iter().filter(|constraint| !constraint.is_hopeless(environment));
        let lost = self.soft.len() - open.clone().count();
        let all = self.hard.iter().chain(open).map(|constraint| constraint.candidates());
        let fits = |host: &Host| self.fits_hard(host) && self.misses(host) == lost;
        let found = self.first(&self.narrowest(all), fits);
        if found.is_some() || lost == self.soft.len() {
            return found;
        }
        self.least_missed(lost + 1)
    }

    /// The host that misses the fewest soft constraints, the best in order among equals. That is
    /// what dropping one failed soft constraint of the nearest host at a time arrives at. No host
    /// misses fewer than `at_least`.
    fn least_missed(&self, at_least: usize) -> Option<&'a Host> {
        let mut least: Option<(usize, Rank, &'a Host)> = None;
        let hard = self.hard.iter().map(|constraint| constraint.candidates());
        self.visit(&self.narrowest(hard), |rank, host| {
            if self.fits_hard(host) {
                let misses = self.misses(host);
                if least.is_none_or(|(m, r, _)| (misses, rank) < (m, r)) {
                    least = Some((misses, rank, host));
                }
            }
            least.is_some_and(|(misses, ..)| misses <= at_least)
        });
        least.map(|(.., host)| host)
    }

    /// The best host in order that passes.
    fn first(
        &self,
        candidates: &Candidates<'_>,
        passes: impl Fn(&Host) -> bool,
    ) -> Option<&'a Host> {
        let mut found: Option<(Rank, &'a Host)> = None;
        let in_order = matches!(candidates, Candidates::Any | Candidates::Ranked(_));
        self.visit(candidates, |rank, host| {
            if found.is_none_or(|(best, _)| rank < best) && passes(host) {
                found = Some((rank, host));
            }
            in_order && found.is_some()
        });
        found.map(|(_, host)| host)
    }

    /// Shows eligible candidates to `look`: in order until it answers true, or all of those that
    /// have no order.
    fn visit(&self, candidates: &Candidates<'_>, mut look: impl FnMut(Rank, &'a Host) -> bool) {
        let fleet = self.view.fleet;
        // A volume or a container elsewhere may point to a host of another environment.
        let eligible = |host: &&Host| {
            host.standing.takes_new() && host.environment == self.view.request.environment
        };
        let unordered = |slot: &Slot| {
            if let Some(host) = fleet.host(*slot).filter(eligible) {
                look(host.rank(), host);
            }
        };
        let ranked = match candidates {
            Candidates::Any => &self.view.environment.order,
            Candidates::Ranked(ranked) => *ranked,
            // What comes in no order has to be seen to the end, whatever `look` answers.
            Candidates::Counted(counts) => return counts.slots().for_each(unordered),
            Candidates::Mapped(slots) => return slots.iter().for_each(unordered),
            Candidates::Listed(slots) => return slots.iter().for_each(unordered),
        };
        for rank in ranked {
            if fleet.host(rank.slot).is_some_and(|host| look(*rank, host)) {
                return;
            }
        }
    }

    /// The shortest list. One in order is preferred unless it is more than twice as long, because
    /// its search ends at the first hit.
    fn narrowest<'s>(&'s self, all: impl Iterator<Item = Candidates<'s>>) -> Candidates<'s> {
        let cost = |candidates: &Candidates<'s>| match candidates {
            Candidates::Any => self.view.environment.order.len(),
            Candidates::Ranked(ranked) => ranked.len(),
            Candidates::Counted(counts) => counts.len().saturating_mul(2),
            Candidates::Mapped(slots) => slots.len().saturating_mul(2),
            Candidates::Listed(slots) => slots.len().saturating_mul(2),
        };
        all.fold(
            Candidates::Any,
            |best, other| if cost(&other) < cost(&best) { other } else { best },
        )
    }

    fn fits_hard(&self, host: &Host) -> bool {
        self.hard.iter().all(|constraint| constraint.fits(host))
    }

    fn misses(&self, host: &Host) -> usize {
        self.soft.iter().filter(|constraint| !constraint.fits(host)).count()
    }

    /// Looks at every host in question to say why none fits.
    fn refusal(&self) -> Refusal {
        let View { fleet, environment, bound_to, .. } = *self.view;
        let mut explained = Explained::default();
        let all = environment.hosts.iter();
        let in_question = all.filter(|(id, _)| bound_to.is_empty() || bound_to.contains(id));
        for host in in_question.filter_map(|(_, slot)| fleet.host(*slot)) {
            self.explain(host, &mut explained);
        }
        let Explained { mut summary, nearest, wake, room } = explained;
        let nearly = nearest.as_ref().filter(|(distance, _)| distance.hard == 1);
        let remedy = nearly.and_then(|(_, host)| self.failed(host).next()?.remedy(host));
        summary.hint = remedy.or(wake);
        summary.finish();
        let resources = self.hard.iter().find_map(|constraint| constraint.amounts());
        let demands = match &nearest {
            Some((_, host)) => self.demands(host),
            None if bound_to.is_empty() => return Refusal::NoHosts(summary),
            None => vec![filters::valid_hosts(bound_to)],
        };
        let resources_decide = resources.is_some() && nearest.is_some() && !room;
        Refusal::NoFit { demands, resources, resources_decide, summary }
    }

    fn explain(&self, host: &'a Host, explained: &mut Explained<'a>) {
        let mut failed = self.failed(host);
        let first = failed.next();
        // The host a user asks for need not be eligible; others that are not are not weighed.
        let weighed = host.standing.takes_new() || self.view.requested == Some(host.id);
        let Some(first) = first.filter(|_| weighed) else {
            let standing = host.standing;
            explained
                .summary
                .add(&host.name, |number| format!("{} {standing}", number.verb("is", "are")));
            if first.is_none() && explained.wake.is_none() {
                explained.wake = wake(host);
            }
            return;
        };
        explained.summary.add(&host.name, |number| first.shortfall(host, number));
        let astray = self.failed(host).filter(|constraint| constraint.is_pin()).count();
        let distance = Distance {
            astray,
            hard: 1 + failed.count(),
            soft: self.misses(host),
            rank: host.rank(),
        };
        if explained.nearest.as_ref().is_none_or(|(least, _)| distance < *least) {
            explained.nearest = Some((distance, host));
        }
        explained.room |= self.failed(host).all(|constraint| constraint.amounts().is_none());
    }

    fn failed<'s>(&'s self, host: &'s Host) -> impl Iterator<Item = &'s (dyn Constraint + 'a)> {
        self.hard.iter().map(|constraint| &**constraint).filter(|constraint| !constraint.fits(host))
    }

    /// What the host fails, amounts aside: they are worded on their own.
    fn demands(&self, host: &Host) -> Vec<String> {
        self.failed(host)
            .filter(|constraint| constraint.amounts().is_none())
            .map(|constraint| constraint.demand())
            .collect()
    }
}

/// What a look at the hosts found.
#[derive(Default)]
struct Explained<'a> {
    summary: Summary,
    /// The host that comes nearest to fitting.
    nearest: Option<(Distance, &'a Host)>,
    /// How to get a host back that would fit.
    wake: Option<String>,
    /// Whether amounts fit on some host.
    room: bool,
}

/// How far a host is from fitting, what weighs most first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Distance {
    /// Failed constraints that name other hosts.
    astray: usize,
    hard: usize,
    soft: usize,
    rank: Rank,
}

fn wake(host: &Host) -> Option<String> {
    match host.standing {
        HostStanding::Inactive => Some(format!("activate {}", host.name)),
        HostStanding::Disconnected => Some(format!("reconnect {}", host.name)),
        HostStanding::Activating | HostStanding::Reconnected => {
            Some(format!("wait until {} is active", host.name))
        }
        HostStanding::Eligible
        | HostStanding::Evacuating
        | HostStanding::Removing
        | HostStanding::WithoutStorage => None,
    }
}
