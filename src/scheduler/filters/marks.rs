//! What `container` and `container_label` rules share: counting the containers of a host that
//! carry a mark (a label, a name or a uuid).

use super::{Constraint, Host, Number, View};
use crate::scheduler::affinity::{Op, Rule, Subject};
use crate::scheduler::counts::HostCounts;
use crate::scheduler::environment::{Environment, label_text};
use crate::scheduler::host::Slot;
use crate::scheduler::interner::TextId;
use crate::scheduler::place::Candidates;

/// The host has, or has not, a container with a mark.
pub(super) struct Marked<'a> {
    rule: &'a Rule,
    counts: Option<&'a HostCounts>,
    /// How many of the marked containers per host belong to the unit being placed: what an
    /// upgrade leaves behind does not repel its own successor.
    own: Vec<(Slot, u32)>,
}

impl<'a> Marked<'a> {
    pub(super) fn new(view: &View<'a>, rule: &'a Rule) -> Self {
        let mut text = String::new();
        match (rule.subject, &rule.value) {
            (Subject::Container, _) => text.push_str(&rule.key),
            (_, Some(value)) => label_text(&mut text, &rule.key, value),
            (_, None) => return Self { rule, counts: None, own: Vec::new() },
        }
        let Some((mark, counts)) = view.environment.marks.find(&text) else {
            return Self { rule, counts: None, own: Vec::new() };
        };
        let own = if rule.op.is_attraction() { Vec::new() } else { own(view, mark) };
        Self { rule, counts: Some(counts), own }
    }

    fn has(&self, host: &Host) -> bool {
        let count = self.counts.map_or(0, |counts| counts.on(host.slot));
        let own = self.own.iter().find(|(slot, _)| *slot == host.slot).map_or(0, |(_, own)| *own);
        count > own
    }

    fn has_no_value(&self) -> bool {
        self.rule.subject == Subject::ContainerLabel && self.rule.value.is_none()
    }

    fn what(&self) -> String {
        match (self.rule.subject, &self.rule.value) {
            (Subject::Container, _) => format!("with name or uuid {}", self.rule.key),
            (_, Some(value)) => format!("with label {}={value}", self.rule.key),
            (_, None) => format!("with label {}=", self.rule.key),
        }
    }
}

fn own(view: &View<'_>, mark: TextId) -> Vec<(Slot, u32)> {
    let Some(unit) = &view.request.unit else { return Vec::new() };
    let mut counts: Vec<(Slot, u32)> = Vec::new();
    let instances = view.environment.units.get(unit).into_iter().flatten();
    for placed in instances.filter_map(|id| view.fleet.placed(*id)) {
        if placed.marks.contains(&mark) {
            match counts.iter_mut().find(|(slot, _)| *slot == placed.slot) {
                Some((_, count)) => *count += 1,
                None => counts.push((placed.slot, 1)),
            }
        }
    }
    counts
}

impl Constraint for Marked<'_> {
    fn is_soft(&self) -> bool {
        self.rule.op.is_soft()
    }

    fn fits(&self, host: &Host) -> bool {
        self.has(host) == self.rule.op.is_attraction()
    }

    fn demand(&self) -> String {
        let verb = match self.rule.op {
            Op::Eq => "must have",
            Op::Ne => "must not have",
            Op::SoftEq => "should have",
            Op::SoftNe => "should not have",
        };
        format!("host {verb} a container {}", self.what())
    }

    fn shortfall(&self, _host: &Host, number: Number) -> String {
        if self.has_no_value() {
            return super::without_value(&self.rule.key);
        }
        let (have, what) = (number.verb("has", "have"), self.what());
        if self.rule.op.is_attraction() {
            format!("{have} no container {what}")
        } else {
            format!("already {have} a container {what}")
        }
    }

    fn remedy(&self, host: &Host) -> Option<String> {
        let what = self.what();
        Some(if self.has_no_value() {
            format!("write the rule as `{}=value`", self.rule.key)
        } else if self.rule.op.is_attraction() {
            format!("start a container {what} on {} first", host.name)
        } else {
            "add a host or make the rule soft".to_owned()
        })
    }

    fn is_hopeless(&self, environment: &Environment) -> bool {
        let everywhere = |counts: &HostCounts| counts.len() == environment.hosts.len();
        if self.rule.op.is_attraction() {
            return self.candidates().is_empty();
        }
        self.own.is_empty() && self.counts.is_some_and(everywhere)
    }

    fn candidates(&self) -> Candidates<'_> {
        match (self.rule.op.is_attraction(), self.counts) {
            (false, _) => Candidates::Any,
            (true, Some(counts)) => Candidates::Counted(counts),
            (true, None) => Candidates::Listed(Vec::new()),
        }
    }
}
