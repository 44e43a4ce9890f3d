//! A plan being written: collects actions, what is under way and what is waited for.

use super::backoff;
use super::facts::{Desired, Member, MemberState, Old};
use super::names;
use super::plan::{Action, Plan, Reason, Verdict, Wait};
use super::service_log::{Summary, Verb};
use super::unit::Unit;

/// The plan so far.
pub(super) struct Draft<'a> {
    pub desired: &'a Desired<'a>,
    /// Milliseconds since 1970.
    pub now: i64,
    actions: Vec<Action>,
    first_step: Option<String>,
    busy: Option<String>,
    busy_count: usize,
    background: Option<String>,
    next: Option<Next>,
    back_offs: usize,
    deadline: Option<i64>,
    unfit: Option<String>,
    /// Units that are taken back or given up still run: what has stopped waits until they are down.
    pub crowded: bool,
    pub summary: Summary,
}

/// What is waited for the shortest.
struct Next {
    until: i64,
    message: String,
    why: Wait,
}

impl<'a> Draft<'a> {
    pub fn new(desired: &'a Desired<'a>, now: i64) -> Draft<'a> {
        Draft {
            desired,
            now,
            actions: Vec::new(),
            first_step: None,
            busy: None,
            busy_count: 0,
            background: None,
            next: None,
            back_offs: 0,
            deadline: None,
            unfit: None,
            crowded: false,
            summary: Summary::default(),
        }
    }

    /// Makes a unit that is not there.
    pub fn create(&mut self, index: u32, unit: String, host: Option<i64>, members: &[usize]) {
        let reason = Reason::TooFew;
        self.note(Verb::Create, reason, || (None, index));
        self.actions.push(Action::CreateUnit {
            index,
            unit,
            host,
            members: members.to_vec(),
            reason,
        });
    }

    /// Makes a container that a unit lacks.
    pub fn add(&mut self, unit: &Unit<'_>, host: Option<i64>, config: usize, reason: Reason) {
        let name = self.desired.configs.get(config).and_then(|config| config.name.as_deref());
        self.note(Verb::Create, reason, || (name, unit.index));
        self.actions.push(Action::AddMember {
            index: unit.index,
            unit: unit.id.to_owned(),
            config,
            host,
            reason,
        });
    }

    /// Starts a stopped container.
    pub fn start(&mut self, member: &Member, reason: Reason) {
        self.note(Verb::Start, reason, || place(member));
        self.actions.push(Action::Start { id: member.id, reason });
    }

    /// Stops a container unless it is down already.
    pub fn stop(&mut self, member: &Member, reason: Reason) {
        match member.state {
            MemberState::Creating
            | MemberState::Starting
            | MemberState::Running
            | MemberState::Restarting => {
                self.note(Verb::Stop, reason, || place(member));
                self.actions.push(Action::Stop { id: member.id, reason });
            }
            MemberState::Stopping => self.busy(member),
            MemberState::Stopped
            | MemberState::Erroring
            | MemberState::Error
            | MemberState::Removing
            | MemberState::Removed => {}
        }
    }

    /// Removes a container unless that is under way.
    pub fn remove(&mut self, member: &Member, reason: Reason) {
        match member.state {
            MemberState::Removed => {}
            MemberState::Removing | MemberState::Stopping => self.busy(member),
            MemberState::Creating
            | MemberState::Starting
            | MemberState::Running
            | MemberState::Stopped
            | MemberState::Restarting
            | MemberState::Erroring
            | MemberState::Error => {
                self.note(Verb::Remove, reason, || place(member));
                self.actions.push(Action::Remove { id: member.id, reason });
            }
        }
    }

    /// Removes what counts of a unit.
    pub fn remove_unit(&mut self, unit: &Unit<'_>, reason: Reason) {
        for member in &unit.live {
            self.remove(member, reason);
        }
        self.await_leaving(unit);
    }

    /// Waits for what is on its way out; the planner looks after retired containers by itself.
    pub fn await_leaving(&mut self, unit: &Unit<'_>) {
        for member in unit.leaving.iter().filter(|member| !member.retired) {
            self.busy(member);
        }
    }

    /// Removes or retires an outdated container.
    pub fn put_aside(&mut self, member: &Member) {
        // A container that never ran is of no use for a roll-back.
        let worth_keeping = member.started_once || member.state == MemberState::Running;
        match self.desired.rollout.old {
            Old::Retire if worth_keeping && member.state != MemberState::Stopping => {
                self.note(Verb::Retire, Reason::Outdated, || place(member));
                self.actions.push(Action::Retire { id: member.id, reason: Reason::Outdated });
            }
            Old::Retire | Old::Remove => self.remove(member, Reason::Outdated),
        }
    }

    /// Something is being done to the container already.
    pub fn busy(&mut self, member: &Member) {
        let what = match member.state {
            MemberState::Creating => "to be created",
            MemberState::Starting => "to start",
            MemberState::Running => "to become healthy",
            MemberState::Stopping => "to stop",
            MemberState::Stopped => "to be started",
            MemberState::Restarting => "to restart",
            MemberState::Erroring | MemberState::Error => "to be cleaned up",
            MemberState::Removing | MemberState::Removed => "to be removed",
        };
        self.busy_count += 1;
        if self.busy.is_none() {
            self.busy = Some(format!("waiting for {} {what}", self.name(place(member))));
        }
    }

    /// There is more to come once what is under way is done; told if nothing is.
    pub fn remark(&mut self, message: String) {
        self.background.get_or_insert(message);
    }

    /// Whether a container that failed may be tried again now.
    pub fn is_due(&self, member: &Member) -> bool {
        self.due_at(member) <= self.now
    }

    /// A container that failed has to wait for its next try.
    pub fn back_off(&mut self, member: &Member) {
        let until = self.due_at(member);
        self.back_offs += 1;
        let message = self.complaint(member, until);
        self.wait(until, Wait::BackOff, message);
    }

    fn due_at(&self, member: &Member) -> i64 {
        let Some(died_at) = member.died_at else { return self.now };
        if member.state == MemberState::Error && died_at < self.desired.retry_since {
            return self.now;
        }
        // A clock that was set back must not turn seconds into days.
        died_at.min(self.now).saturating_add(backoff::delay_ms(member.failures))
    }

    /// Something is done at a time.
    pub fn wait(&mut self, until: i64, why: Wait, message: String) {
        let sooner = self.next.as_ref().is_none_or(|next| {
            // A failure is what a person wants to read about.
            (why == Wait::BackOff && next.why == Wait::Interval)
                || (why == next.why && until < next.until)
        });
        let earliest = self.next.as_ref().map_or(until, |next| next.until.min(until));
        if sooner {
            self.next = Some(Next { until: earliest, message, why });
        } else if let Some(next) = &mut self.next {
            next.until = earliest;
        }
    }

    /// Something that is under way has to be done by then.
    pub fn expect_by(&mut self, deadline: i64) {
        self.deadline = Some(deadline);
    }

    /// The upgrade is to be taken back.
    pub fn give_up(&mut self, message: String) {
        self.unfit = Some(message);
    }

    /// How long from now, for a person.
    pub fn seconds_until(&self, until: i64) -> i64 {
        until.saturating_sub(self.now).max(0).saturating_add(999) / 1_000
    }

    /// The finished plan.
    pub fn finish(mut self) -> Plan {
        if let Some(message) = self.unfit.take() {
            let verdict = Verdict::Unfit { message };
            return Plan { actions: Vec::new(), verdict, log: Vec::new() };
        }
        let verdict = self.verdict();
        let log = if self.actions.is_empty() { Vec::new() } else { self.summary.lines() };
        Plan { actions: self.actions, verdict, log }
    }

    fn verdict(&self) -> Verdict {
        if let Some(Next { until, message, why }) = &self.next {
            let message = match why {
                Wait::BackOff => and_more(message, self.back_offs),
                Wait::Interval => message.clone(),
            };
            let until = self.deadline.map_or(*until, |deadline| deadline.min(*until));
            return Verdict::Waiting { until, message, why: *why };
        }
        let step = self.first_step.as_ref().map(|step| and_more(step, self.actions.len()));
        let busy = || self.busy.as_ref().map(|busy| and_more(busy, self.busy_count));
        match (step.or_else(busy).or_else(|| self.background.clone()), self.deadline) {
            (Some(message), Some(until)) => {
                Verdict::Waiting { until, message, why: Wait::Interval }
            }
            (Some(message), None) => Verdict::Working { message },
            (None, _) => Verdict::Settled,
        }
    }

    fn complaint(&self, member: &Member, until: i64) -> String {
        let name = self.name(place(member));
        let seconds = self.seconds_until(until);
        let times = member.failures;
        let reason = member.message.as_deref().filter(|message| !message.is_empty());
        if member.state == MemberState::Error {
            let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
            return format!(
                "{name} failed to start ({times} times){reason}; next try in {seconds} s"
            );
        }
        if let Some(reason) = reason {
            return format!(
                "{name} keeps failing ({times} times): {reason}; next start in {seconds} s"
            );
        }
        let code = member.exit_code.map(|code| format!("exit code {code}, ")).unwrap_or_default();
        format!("{name} keeps dying ({code}{times} times); next start in {seconds} s")
    }

    fn note<'n>(&mut self, verb: Verb, reason: Reason, place: impl Fn() -> (Option<&'n str>, u32)) {
        let service = self.desired.service_name;
        let name = || {
            let (sidekick, index) = place();
            names::short(service, sidekick, index)
        };
        if self.first_step.is_none() {
            self.first_step = Some(format!("{} {}", verb.doing(), name()));
        }
        self.summary.add(verb, reason, name);
    }

    /// A container's name and what went wrong with it last, for a person.
    pub fn trouble_of(&self, member: &Member) -> String {
        let name = self.name(place(member));
        match member.message.as_deref().filter(|message| !message.is_empty()) {
            Some(message) => format!("{name}: {message}"),
            None => name,
        }
    }

    fn name(&self, (sidekick, index): (Option<&str>, u32)) -> String {
        names::short(self.desired.service_name, sidekick, index)
    }
}

fn place(member: &Member) -> (Option<&str>, u32) {
    (member.config.as_deref(), member.index)
}

fn and_more(first: &str, count: usize) -> String {
    match count {
        0 | 1 => first.to_owned(),
        _ => format!("{first} (and {} more)", count - 1),
    }
}
