//! Which events a change of a row is: pure.
//!
//! Only changes are events: what was so before is none. Where a way back takes several changes (a service
//! that was unhealthy starts its containers anew before it is healthy), the row keeps a mark of what was
//! told of it, and only who was told of the one is told of the other.

use crate::engine::ending::cause;
use crate::model::names::label;
use crate::model::resource::Resource;
use crate::outbound::message::Event;
use crate::process::certificates::EXPIRY_TOLD;
use crate::process::instance::OUT_OF_MEMORY;
use crate::process::upgrade::TAKEN_BACK;

/// The field of a row with the marks of what was told of it; not shown.
pub const MARKS: &str = "webhookMarks";
/// The mark of a service that was told to be unhealthy.
const SICK: &str = "sick";
/// The mark of a service whose upgrade was told to fail.
const STUCK: &str = "stuck";
/// The mark of a host that was told to be lost.
const LOST: &str = "lost";

/// An event of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happened {
    /// What happened.
    pub event: Event,
    /// The same in words; what it happened to comes before.
    pub says: String,
    /// Events of one row about one thing: of them so many are told in a time.
    pub about: &'static str,
    /// The mark that it leaves or takes away once it was told.
    pub mark: Option<(&'static str, bool)>,
}

impl Happened {
    fn new(event: Event, about: &'static str, says: impl Into<String>) -> Self {
        Self { event, says: says.into(), about, mark: None }
    }

    const fn marked(mut self, mark: &'static str, set: bool) -> Self {
        self.mark = Some((mark, set));
        self
    }
}

/// Whether a row has a mark.
pub fn is_marked(row: &Resource, mark: &str) -> bool {
    row.map(MARKS).is_some_and(|marks| marks.contains_key(mark))
}

/// What happens to rows of a type: the row before and after.
type Rule = fn(&Resource, &Resource, &mut Vec<Happened>);

/// The rules, by type.
const RULES: &[(&str, Rule)] = &[
    ("backup", backup),
    ("certificate", certificate),
    ("host", host),
    ("instance", container),
    ("service", service),
    ("stack", stack),
];

/// The events of a change.
pub fn of(before: Option<&Resource>, after: Option<&Resource>) -> Vec<Happened> {
    // What is new was nothing before, and what is deleted was removed long ago.
    let (Some(before), Some(after)) = (before, after) else { return Vec::new() };
    let mut found = Vec::new();
    if let Some((_, rule)) = RULES.iter().find(|rule| rule.0 == after.ty) {
        rule(before, after, &mut found);
    }
    found
}

/// Whether a state has been reached from one of these.
fn went(before: &Resource, after: &Resource, from: &[&str], to: &[&str]) -> bool {
    from.contains(&before.state.as_str()) && to.contains(&after.state.as_str())
}

/// What went wrong, as the row says it.
fn why(row: &Resource) -> String {
    row.str("transitioningMessage").map_or_else(String::new, |message| format!(": {message}"))
}

fn failed(row: &Resource) -> bool {
    row.str("transitioning") == Some("error")
}

fn backup(before: &Resource, after: &Resource, found: &mut Vec<Happened>) {
    if went(before, after, &["creating"], &["created"]) {
        found.push(Happened::new(Event::BackupDone, "backup", "was made, and proved"));
    }
    // Whoever removes one that is being made takes its message away.
    if went(before, after, &["creating"], &["removing"]) && failed(after) {
        let says = format!("could not be made{}", why(after));
        found.push(Happened::new(Event::BackupFailed, "backup", says));
    }
}

fn certificate(before: &Resource, after: &Resource, found: &mut Vec<Happened>) {
    let told = |row: &Resource| row.int(EXPIRY_TOLD);
    let Some(days) = told(after).filter(|_| told(before) != told(after)) else { return };
    let until = after.str("expiresAt").unwrap_or_default();
    let says = match days {
        ..=-1 => format!("has expired: it was valid until {until}"),
        _ => format!("expires soon: it is valid until {until}"),
    };
    found.push(Happened::new(Event::CertificateExpiring, "certificate", says));
}

fn host(before: &Resource, after: &Resource, found: &mut Vec<Happened>) {
    let (was, is) = (before.str("agentState"), after.str("agentState"));
    if was == is {
        return;
    }
    match (is, is_marked(after, LOST)) {
        (Some("disconnected"), false) => {
            let says = "is disconnected: nothing was heard of it for too long";
            found.push(Happened::new(Event::HostDisconnected, "host", says).marked(LOST, true));
        }
        (Some("active"), true) => {
            let says = "is connected again";
            found.push(Happened::new(Event::HostReconnected, "host", says).marked(LOST, false));
        }
        _ => {}
    }
}

fn container(before: &Resource, after: &Resource, found: &mut Vec<Happened>) {
    let died = |row: &Resource| row.int("diedAt");
    if died(after).is_none() || died(before) == died(after) {
        return;
    }
    let code = after.int("exitCode");
    // It was to run once, and did.
    if code == Some(0) && after.label(label::START_ONCE) == Some("true") {
        return;
    }
    let says = ended(code, after.flag(OUT_OF_MEMORY));
    found.push(Happened::new(Event::ContainerDied, "death", says));
}

/// How a container ended, in words.
fn ended(code: Option<i64>, out_of_memory: bool) -> String {
    match code {
        Some(code) => {
            format!("ended by itself with exit code {code}: {}", cause(code, out_of_memory))
        }
        None => "is gone: somebody stopped or removed it".to_owned(),
    }
}

/// Health words of a service of which something does not work.
const SICK_WORDS: &[&str] = &["degraded", "unhealthy"];
const WELL_WORDS: &[&str] = &["healthy", "started-once"];

/// What a service is while nothing is done to it: containers that come and go during a change are none of
/// its faults.
fn is_at_rest_and(row: &Resource, words: &[&str]) -> bool {
    row.state == "active" && row.str("healthState").is_some_and(|health| words.contains(&health))
}

fn service(before: &Resource, after: &Resource, found: &mut Vec<Happened>) {
    let (was, is) = (is_at_rest_and(before, SICK_WORDS), is_at_rest_and(after, SICK_WORDS));
    let marked = is_marked(after, SICK);
    if is && !was && !marked {
        let says = match after.str("healthState") {
            Some("degraded") => "is degraded: some of its containers do not work",
            _ => "is unhealthy: none of its containers works",
        };
        found.push(Happened::new(Event::ServiceUnhealthy, "health", says).marked(SICK, true));
    }
    if marked && is_at_rest_and(after, WELL_WORDS) && !is_at_rest_and(before, WELL_WORDS) {
        let says = "is healthy again";
        found.push(Happened::new(Event::ServiceHealthy, "health", says).marked(SICK, false));
    }
    upgrade(before, after, found);
}

fn upgrade(before: &Resource, after: &Resource, found: &mut Vec<Happened>) {
    const UPGRADE: &str = "upgrade";
    // One that was cancelled and goes on has begun before.
    const BEGUN: &[&str] = &["upgrading", "canceling-upgrade", "canceled-upgrade"];
    if after.state == "upgrading" && !BEGUN.contains(&before.state.as_str()) {
        let says = "is being upgraded";
        found.push(Happened::new(Event::UpgradeStarted, UPGRADE, says).marked(STUCK, false));
    }
    let takes_back = |row: &Resource| row.str(TAKEN_BACK).map(str::to_owned);
    let taken_back = takes_back(after).filter(|_| takes_back(before).is_none());
    let stuck = |row: &Resource| row.state == "upgrading" && failed(row);
    if !is_marked(after, STUCK) {
        let says = match taken_back {
            Some(why) => Some(format!("was not upgraded: {why}")),
            None if stuck(after) && !stuck(before) => {
                Some(format!("gets no further with its upgrade{}", why(after)))
            }
            None => None,
        };
        let event = |says| Happened::new(Event::UpgradeFailed, UPGRADE, says).marked(STUCK, true);
        found.extend(says.map(event));
    }
    if went(before, after, &["upgrading"], &["upgraded", "finishing-upgrade"]) {
        let says = "is upgraded: all of its new containers run";
        found.push(Happened::new(Event::UpgradeFinished, UPGRADE, says).marked(STUCK, false));
    }
    if went(before, after, &["rolling-back"], &["active"]) {
        let says = "is rolled back to what it was before its upgrade";
        found.push(Happened::new(Event::UpgradeRolledBack, UPGRADE, says).marked(STUCK, false));
    }
}

fn stack(before: &Resource, after: &Resource, found: &mut Vec<Happened>) {
    if went(before, after, &["requested", "activating"], &["active"]) {
        found.push(Happened::new(Event::StackActive, "stack", "is active"));
    }
    if went(before, after, &["activating", "erroring"], &["error"]) {
        let says = format!("could not be made{}", why(after));
        found.push(Happened::new(Event::StackFailed, "stack", says));
    }
    if after.state == "removed" && before.state != "removed" {
        found.push(Happened::new(Event::StackRemoved, "stack", "is removed"));
    }
}

#[cfg(test)]
mod tests;
