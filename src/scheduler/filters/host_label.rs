//! Affinity to host labels: `io.rancher.scheduler.affinity:host_label`.

use std::collections::BTreeSet;

use super::{Constraint, Host, Number, Refusal, View};
use crate::scheduler::affinity::{Rule, Subject};
use crate::scheduler::environment::{Environment, label_text};
use crate::scheduler::host::Rank;
use crate::scheduler::interner::TextId;
use crate::scheduler::place::Candidates;

/// The host has, or has not, a label.
struct Labelled<'a> {
    rule: &'a Rule,
    label: Option<(TextId, &'a BTreeSet<Rank>)>,
}

pub(super) fn constraints<'a>(
    view: &View<'a>,
    into: &mut Vec<Box<dyn Constraint + 'a>>,
) -> Result<(), Refusal> {
    for rule in view.rules.iter().filter(|rule| rule.subject == Subject::HostLabel) {
        into.push(Box::new(Labelled::new(view.environment, rule)));
    }
    Ok(())
}

/// Whether a rule about host labels holds on a host of that environment.
pub(in crate::scheduler) fn holds(environment: &Environment, rule: &Rule, host: &Host) -> bool {
    Labelled::new(environment, rule).fits(host)
}

impl<'a> Labelled<'a> {
    fn new(environment: &'a Environment, rule: &'a Rule) -> Self {
        let label = rule.value.as_ref().and_then(|value| {
            let mut text = String::new();
            label_text(&mut text, &rule.key, value);
            environment.labels.find(&text)
        });
        Self { rule, label }
    }

    /// `key=value` as a person writes it; a rule without `=` shows what it looks for.
    fn label(&self) -> String {
        format!("{}={}", self.rule.key, self.rule.value.as_deref().unwrap_or_default())
    }
}

impl Constraint for Labelled<'_> {
    fn is_soft(&self) -> bool {
        self.rule.op.is_soft()
    }

    fn fits(&self, host: &Host) -> bool {
        let has = self.label.is_some_and(|(label, _)| host.labels.contains(&label));
        has == self.rule.op.is_attraction()
    }

    fn demand(&self) -> String {
        let value = self.rule.value.as_deref().unwrap_or_default();
        format!("needs host with label {}{}: {value}", self.rule.key, self.rule.op.suffix())
    }

    fn shortfall(&self, _host: &Host, number: Number) -> String {
        let label = self.label();
        match (self.rule.op.is_attraction(), &self.rule.value) {
            (true, None) => super::without_value(&self.rule.key),
            (true, Some(_)) => format!("{} label {label}", number.verb("lacks", "lack")),
            (false, _) => format!("{} label {label}", number.verb("has", "have")),
        }
    }

    fn remedy(&self, host: &Host) -> Option<String> {
        let (label, host) = (self.label(), &host.name);
        match (self.rule.op.is_attraction(), &self.rule.value) {
            (true, None) => Some(format!("write the rule as `{}=value`", self.rule.key)),
            (true, Some(_)) => Some(format!("add label {label} to {host}")),
            (false, _) => Some(format!("remove label {label} from {host}")),
        }
    }

    fn is_hopeless(&self, environment: &Environment) -> bool {
        if self.rule.op.is_attraction() {
            return self.candidates().is_empty();
        }
        self.label.is_some_and(|(_, ranked)| ranked.len() == environment.order.len())
    }

    fn candidates(&self) -> Candidates<'_> {
        match (self.rule.op.is_attraction(), self.label) {
            (false, _) => Candidates::Any,
            (true, Some((_, ranked))) => Candidates::Ranked(ranked),
            (true, None) => Candidates::Listed(Vec::new()),
        }
    }
}
