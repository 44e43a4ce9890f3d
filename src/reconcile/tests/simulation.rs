//! A small world that carries plans out: containers take a round for each step, and things fail.

use std::collections::{HashMap, HashSet};

use super::super::facts::{
    Config, Desired, Health, HostState, Member, MemberState, Mode, Old, Order, Pace, Scale,
    Strategy,
};
use super::super::{Action, Plan, Verdict, backoff, plan};

/// Hosts of the world; the first takes containers, whatever happens to the others.
pub const HOSTS: [(i64, HostState); 5] = [
    (1, HostState::Active),
    (2, HostState::Active),
    (3, HostState::Inactive),
    (4, HostState::Unreachable),
    (5, HostState::Gone),
];

/// What is known of a host.
pub fn host_state(id: Option<i64>) -> HostState {
    HOSTS.iter().find(|(host, _)| Some(*host) == id).map_or(HostState::Active, |(_, state)| *state)
}

/// A service's containers, and what will go wrong.
pub struct World<'a> {
    pub desired: &'a Desired<'a>,
    pub members: Vec<Member>,
    pub now: i64,
    /// Taken from the end, one for each start; what is left over works.
    pub faults: Vec<bool>,
    removing: HashSet<i64>,
    next_id: i64,
}

/// What must not be exceeded.
#[derive(Debug)]
struct Limits {
    units: usize,
    doubled: usize,
}

impl<'a> World<'a> {
    pub fn new(desired: &'a Desired<'a>, members: Vec<Member>, faults: Vec<bool>) -> World<'a> {
        let next_id = members.iter().map(|member| member.id).max().unwrap_or(0) + 1;
        World { desired, members, now: 1_000_000, faults, removing: HashSet::new(), next_id }
    }

    /// Plans and acts until the plan is empty and settled; fails after so many rounds.
    pub fn settle(&mut self, rounds: usize) {
        let limits = self.limits();
        for _ in 0..rounds {
            let plan = plan(self.desired, &self.members, self.now);
            self.check_plan(&plan);
            let is_idle = plan.actions.is_empty();
            self.apply(&plan);
            self.check_limits(&limits);
            match plan.verdict {
                Verdict::Unfit { message } => panic!("without a gate: {message}"),
                Verdict::Settled => {
                    assert!(is_idle, "a settled plan is empty");
                    return self.check_settled();
                }
                Verdict::Failing { message } => panic!("{message}"),
                Verdict::Waiting { until, .. } => {
                    assert!(until > self.now, "it waits for the future");
                    let has_moved = self.advance();
                    self.now = if is_idle && !has_moved { until } else { self.now + 100 };
                }
                Verdict::Working { message } => {
                    let has_moved = self.advance();
                    assert!(has_moved || !is_idle, "nothing moves: {message}");
                    self.now += 100;
                }
            }
        }
        panic!("not settled: {:?}", plan(self.desired, &self.members, self.now));
    }

    fn check_plan(&self, plan: &Plan) {
        let mut ids = HashSet::new();
        let mut places = HashSet::new();
        for action in &plan.actions {
            match action {
                Action::Start { id, .. }
                | Action::Stop { id, .. }
                | Action::Retire { id, .. }
                | Action::Remove { id, .. } => {
                    assert!(ids.insert(*id), "two actions on {id}: {plan:?}");
                }
                Action::CreateUnit { index, unit, .. } => {
                    assert!(*index >= 1);
                    assert!(places.insert(*index), "index {index} twice: {plan:?}");
                    let clash = self.members.iter().find(|member| {
                        (member.index == *index || member.unit == *unit) && self.is_present(member)
                    });
                    assert!(clash.is_none(), "index {index} is taken by {clash:?}");
                }
                Action::AddMember { .. } => {}
            }
        }
        assert_eq!(plan.actions.is_empty(), plan.log.is_empty());
    }

    /// Neither gone, nor on its way out where nobody can see, nor put aside.
    fn is_present(&self, member: &Member) -> bool {
        let is_lost = matches!(member.host, HostState::Unreachable | HostState::Gone)
            && matches!(member.state, MemberState::Stopping | MemberState::Removing);
        member.state != MemberState::Removed && !is_lost && !member.retired
    }

    fn counts(&self, member: &Member) -> bool {
        self.is_present(member)
            && member.state != MemberState::Removing
            && !self.removing.contains(&member.id)
    }

    fn units(&self, counts: impl Fn(&Member) -> bool) -> usize {
        let units: HashSet<(&str, u32)> = self
            .members
            .iter()
            .filter(|member| counts(member))
            .map(|member| (member.unit.as_str(), member.index))
            .collect();
        units.len()
    }

    /// Units that have a configuration twice.
    fn doubled(&self, counts: impl Fn(&Member) -> bool) -> usize {
        let mut slots: HashMap<(&str, u32, Option<&str>), usize> = HashMap::new();
        for member in self.members.iter().filter(|member| counts(member)) {
            let slot = (member.unit.as_str(), member.index, member.config.as_deref());
            *slots.entry(slot).or_default() += 1;
        }
        let doubled: HashSet<(&str, u32)> = slots
            .iter()
            .filter(|(_, count)| **count > 1)
            .map(|((unit, index, _), _)| (*unit, *index))
            .collect();
        doubled.len()
    }

    fn wanted(&self) -> usize {
        match (&self.desired.scale, self.desired.mode) {
            (_, Mode::Removed) => 0,
            (Scale::Fixed(count), _) => *count as usize,
            (Scale::Global(hosts), _) => hosts.len(),
        }
    }

    fn limits(&self) -> Limits {
        let is_there = |member: &Member| member.state != MemberState::Removed;
        // Others take the place of a unit whose host may come back, that is about to stop before it
        // can be removed, or that is on another host.
        let may_linger = |member: &Member| {
            is_there(member)
                && (member.host != HostState::Active
                    || member.state == MemberState::Stopping
                    || matches!(self.desired.scale, Scale::Global(_)))
        };
        let lingering = self.units(may_linger);
        let batch = match self.desired.rollout.order {
            Order::StopFirst => 0,
            Order::StartFirst => self.desired.rollout.batch as usize,
        };
        Limits {
            units: self.units(is_there).max(self.wanted() + lingering),
            doubled: self.doubled(is_there) + lingering + batch,
        }
    }

    fn check_limits(&self, limits: &Limits) {
        let units = self.units(|member| self.counts(member));
        let doubled = self.doubled(|member| self.counts(member));
        assert!(units <= limits.units, "{units} units: {limits:?}");
        assert!(doubled <= limits.doubled, "{doubled} doubled: {limits:?}");
    }

    fn apply(&mut self, plan: &Plan) {
        for action in &plan.actions {
            match action {
                Action::CreateUnit { index, unit, host, members, .. } => {
                    for config in members {
                        self.create(*index, unit, *config, *host);
                    }
                }
                Action::AddMember { index, unit, config, host, .. } => {
                    self.create(*index, unit, *config, *host);
                }
                Action::Start { id, .. } => self.member(*id).state = MemberState::Starting,
                Action::Stop { id, .. } => self.member(*id).state = MemberState::Stopping,
                Action::Retire { id, .. } => {
                    let member = self.member(*id);
                    member.retired = true;
                    if member.state != MemberState::Stopped {
                        member.state = MemberState::Stopping;
                    }
                }
                Action::Remove { id, .. } => {
                    self.removing.insert(*id);
                    let member = self.member(*id);
                    let is_up = matches!(
                        member.state,
                        MemberState::Running | MemberState::Starting | MemberState::Restarting
                    );
                    member.state =
                        if is_up { MemberState::Stopping } else { MemberState::Removing };
                }
            }
        }
    }

    fn member(&mut self, id: i64) -> &mut Member {
        self.members.iter_mut().find(|member| member.id == id).expect("a known member")
    }

    fn create(&mut self, index: u32, unit: &str, config: usize, host: Option<i64>) {
        let config = &self.desired.configs[config];
        let before = self.members.iter().rev().find(|member| {
            member.unit == unit && member.index == index && member.config == config.name
        });
        let sibling = self.members.iter().find(|member| self.counts(member) && member.unit == unit);
        let host_id = host.or(sibling.and_then(|member| member.host_id)).or(Some(1));
        self.members.push(Member {
            id: self.next_id,
            unit: unit.to_owned(),
            index,
            config: config.name.clone(),
            version: config.version.clone(),
            state: MemberState::Creating,
            health: None,
            host_id,
            host: host_state(host_id),
            started_once: false,
            started_at: None,
            exit_code: None,
            failures: before.map_or(0, |member| member.failures),
            died_at: before.and_then(|member| member.died_at),
            message: None,
            retired: false,
            displaced: false,
        });
        self.next_id += 1;
    }

    /// Lets every container take its next step; whether any did.
    fn advance(&mut self) -> bool {
        let before = self.members.clone();
        let mut members = std::mem::take(&mut self.members);
        // What is to be stopped or removed has to wait for its host to come back.
        let is_back = matches!(self.desired.mode, Mode::Stopped | Mode::Removed);
        for member in &mut members {
            let is_cut_off = member.host == HostState::Unreachable;
            if is_back || !is_cut_off || member.state == MemberState::Running {
                self.step(member);
            }
        }
        self.members = members;
        self.members != before
    }

    fn step(&mut self, member: &mut Member) {
        let config = self.desired.configs.iter().find(|config| config.name == member.config);
        match member.state {
            MemberState::Creating => {
                member.state = if self.goes_wrong() {
                    fail(member, self.now);
                    MemberState::Erroring
                } else {
                    MemberState::Starting
                }
            }
            MemberState::Starting | MemberState::Restarting => self.start(member),
            MemberState::Running => self.run(member, config),
            MemberState::Stopping => {
                member.state = if self.removing.contains(&member.id) {
                    MemberState::Removing
                } else {
                    MemberState::Stopped
                }
            }
            MemberState::Erroring => member.state = MemberState::Error,
            MemberState::Removing => member.state = MemberState::Removed,
            MemberState::Stopped | MemberState::Error | MemberState::Removed => {}
        }
    }

    fn start(&mut self, member: &mut Member) {
        if self.goes_wrong() {
            fail(member, self.now);
            member.state = MemberState::Stopped;
            return;
        }
        member.state = MemberState::Running;
        member.started_once = true;
        member.started_at = Some(self.now);
        member.health = member.health.map(|_| Health::Reinitializing);
    }

    fn run(&mut self, member: &mut Member, config: Option<&Config>) {
        if config.is_some_and(|config| config.start_once) {
            member.state = MemberState::Stopped;
            member.exit_code = Some(0);
        }
        match member.health {
            Some(Health::Initializing | Health::Reinitializing) => {
                member.health = Some(Health::Healthy);
            }
            // Nobody replaces it, so it has to recover or rollouts wait for ever.
            Some(Health::Unhealthy) if self.desired.strategy != Strategy::Recreate => {
                member.health = Some(Health::Healthy);
            }
            Some(Health::Healthy | Health::Unhealthy) | None => {}
        }
    }

    fn goes_wrong(&mut self) -> bool {
        self.faults.pop().unwrap_or(false)
    }

    fn check_settled(&self) {
        let present: Vec<&Member> =
            self.members.iter().filter(|member| self.is_present(member)).collect();
        match self.desired.mode {
            Mode::Removed => {
                assert!(self.members.iter().all(|member| member.state == MemberState::Removed));
            }
            Mode::Stopped => {
                let is_down = |member: &&Member| {
                    !matches!(member.state, MemberState::Running | MemberState::Starting)
                };
                assert!(present.iter().all(is_down));
            }
            // A cancelled upgrade leaves what it has not come to yet as it was.
            Mode::Running if self.desired.rollout.pace == Pace::Held => {
                let indexes: HashSet<u32> = present.iter().map(|member| member.index).collect();
                assert!(indexes.len() >= self.wanted());
            }
            Mode::Running | Mode::Restarting { .. } => self.check_running(&present),
        }
        if self.desired.rollout.old == Old::Remove && self.desired.mode == Mode::Running {
            let kept = self.members.iter().find(|member| {
                member.retired
                    && !matches!(member.state, MemberState::Removing | MemberState::Removed)
                    && member.host != HostState::Unreachable
            });
            assert_eq!(kept, None, "retired containers are removed");
        }
    }

    fn check_running(&self, present: &[&Member]) {
        let mut slots = HashMap::new();
        let mut units = HashMap::new();
        for member in present {
            let is_spared = matches!(member.host, HostState::Inactive | HostState::Unreachable);
            if matches!(self.desired.scale, Scale::Global(_)) && is_spared {
                continue;
            }
            let config = self.desired.configs.iter().find(|config| config.name == member.config);
            let config = config.unwrap_or_else(|| panic!("an unknown configuration: {member:?}"));
            assert_eq!(member.version, config.version, "{member:?}");
            let is_done = config.start_once
                && member.started_once
                && matches!(member.state, MemberState::Stopped | MemberState::Stopping);
            assert!(is_done || member.state == MemberState::Running, "{member:?}");
            // A restart leaves alone what is to run once.
            if let (Mode::Restarting { since, .. }, MemberState::Running, false) =
                (self.desired.mode, member.state, config.start_once)
            {
                assert!(member.started_at.is_some_and(|at| at >= since), "{member:?}");
            }
            let twice = slots.insert((member.index, &member.config), member);
            assert_eq!(twice, None, "twice: {member:?}");
            *units.entry(member.index).or_insert(0) += 1;
        }
        assert_eq!(units.len(), self.wanted());
        let per_unit = self.desired.configs.len();
        assert!(units.values().all(|count| *count == per_unit), "{units:?}");
    }
}

fn fail(member: &mut Member, now: i64) {
    member.failures = backoff::after_death(member.failures, 0);
    member.died_at = Some(now);
}
