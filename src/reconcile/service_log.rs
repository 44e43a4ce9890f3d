//! Lines of the service log (services.md, section 13) as data.
//!
//! A line's event type is made of what started the work ([`Cause`]) and what kind of line it is
//! ([`Kind`]); lines about one container have types of their own ([`container_line`]).

use std::fmt::Write as _;

use super::plan::{Action, Reason};

/// How many names a line mentions.
const NAMES: usize = 5;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// What kind of line it is.
    pub kind: Kind,
    /// What happened, for a person.
    pub description: String,
}

impl LogLine {
    /// Field `eventType`, for example `service.update.info`.
    pub fn event_type(&self, cause: Cause) -> String {
        format!("{}{}", cause.as_str(), self.kind.suffix())
    }

    /// Field `level`.
    pub fn level(&self) -> &'static str {
        match self.kind {
            Kind::Exception => "error",
            Kind::Top | Kind::Info | Kind::Wait | Kind::Sleep | Kind::Starting | Kind::Stopping => {
                "info"
            }
        }
    }
}

/// What started the work: the top-level event of the service log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The service was activated.
    Activate,
    /// The service was changed.
    Update,
    /// The service is being upgraded.
    Upgrade,
    /// An upgrade is being taken back.
    Rollback,
    /// An upgrade is being finished.
    FinishUpgrade,
    /// A restart was asked for.
    Restart,
    /// Something happened to a container or host.
    Trigger,
}

impl Cause {
    /// Event type of the top-level line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Activate => "service.activate",
            Self::Update => "service.update",
            Self::Upgrade => "service.upgrade",
            Self::Rollback => "service.rollback",
            Self::FinishUpgrade => "service.finishupgrade",
            Self::Restart => "service.restart",
            Self::Trigger => "service.trigger",
        }
    }
}

/// Kinds of lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The event itself.
    Top,
    /// Something is told.
    Info,
    /// Something is waited for.
    Wait,
    /// A pause between batches.
    Sleep,
    /// Containers are started.
    Starting,
    /// Containers are stopped.
    Stopping,
    /// Something failed.
    Exception,
}

impl Kind {
    const fn suffix(self) -> &'static str {
        match self {
            Self::Top => "",
            Self::Info => ".info",
            Self::Wait => ".wait",
            Self::Sleep => ".sleep",
            Self::Starting => ".starting",
            Self::Stopping => ".stopping",
            Self::Exception => ".exception",
        }
    }
}

/// The line about one container that the executor writes when it takes an action: event type and
/// description. `None` for stops, which Rancher does not tell of.
///
/// A new unit gives one such line for each of its containers.
pub fn container_line(action: &Action) -> Option<(&'static str, String)> {
    let (event_type, reason) = match action {
        Action::CreateUnit { reason, .. } | Action::AddMember { reason, .. } => {
            ("service.instance.create", reason)
        }
        Action::Start { reason, .. } => ("service.instance.start", reason),
        Action::Retire { reason, .. } => ("service.instance.mark.upgrade", reason),
        Action::Remove { reason, .. } => ("service.instance.delete", reason),
        Action::Stop { .. } => return None,
    };
    Some((event_type, reason.to_string()))
}

/// What actions do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Create,
    Start,
    Stop,
    Retire,
    Remove,
}

impl Verb {
    /// For messages: `creating web-1`.
    pub const fn doing(self) -> &'static str {
        match self {
            Self::Create => "creating",
            Self::Start => "starting",
            Self::Stop => "stopping",
            Self::Retire => "putting aside",
            Self::Remove => "removing",
        }
    }

    const fn kind(self) -> Kind {
        match self {
            Self::Create | Self::Remove | Self::Retire => Kind::Info,
            Self::Start => Kind::Starting,
            Self::Stop => Kind::Stopping,
        }
    }
}

/// Counts what a plan does; the same few lines whether it moves one container or ten thousand.
#[derive(Debug, Default)]
pub(super) struct Summary {
    /// Units wanted.
    pub requested: usize,
    /// Units there are.
    pub created: usize,
    /// Units with a failing health check.
    pub unhealthy: usize,
    /// Units with a container that failed to start.
    pub bad: usize,
    /// Units that lack a container.
    pub incomplete: usize,
    groups: Vec<Group>,
}

#[derive(Debug)]
struct Group {
    verb: Verb,
    reason: Reason,
    count: usize,
    names: Vec<String>,
}

impl Summary {
    /// Counts one container or unit; `name` is asked only if the line has room for it.
    pub fn add(&mut self, verb: Verb, reason: Reason, name: impl Fn() -> String) {
        let known =
            self.groups.iter_mut().find(|group| group.verb == verb && group.reason == reason);
        match known {
            Some(group) => {
                group.count += 1;
                if group.names.len() < NAMES {
                    group.names.push(name());
                }
            }
            None => self.groups.push(Group { verb, reason, count: 1, names: vec![name()] }),
        }
    }

    /// The lines: how things stand, then one for each thing done.
    pub fn lines(&self) -> Vec<LogLine> {
        let status = format!(
            "Requested: {}, Created: {}, Unhealthy: {}, Bad: {}, Incomplete: {}",
            self.requested, self.created, self.unhealthy, self.bad, self.incomplete
        );
        std::iter::once(LogLine { kind: Kind::Info, description: status })
            .chain(self.groups.iter().map(Group::line))
            .collect()
    }
}

impl Group {
    fn line(&self) -> LogLine {
        let kind = match self.reason {
            Reason::TooFew | Reason::TooMany | Reason::Duplicate => "extra ",
            Reason::Bad => "bad ",
            Reason::Unhealthy => "unhealthy ",
            Reason::Incomplete => "missing ",
            Reason::Outdated => "outdated ",
            Reason::HostGone
            | Reason::Displaced
            | Reason::HostUnreachable
            | Reason::HostNotWanted
            | Reason::ProviderGone
            | Reason::NetworkRestarted
            | Reason::NotRunning
            | Reason::Restart
            | Reason::ServiceStopped
            | Reason::ServiceRemoved => "",
        };
        let plural = if self.count == 1 { "" } else { "s" };
        let doing = self.verb.doing();
        let names = self.names.join(", ");
        let mut description = format!("{doing} {kind}service instance{plural} {names}");
        if self.count > self.names.len() {
            let _ = write!(description, " and {} more", self.count - self.names.len());
        }
        if kind.is_empty() {
            let _ = write!(description, " ({})", self.reason);
        }
        LogLine { kind: self.verb.kind(), description }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_types_join_cause_and_kind() {
        let line = |kind| LogLine { kind, description: String::new() };
        for (kind, cause, event_type, level) in [
            (Kind::Top, Cause::Activate, "service.activate", "info"),
            (Kind::Info, Cause::Update, "service.update.info", "info"),
            (Kind::Exception, Cause::Trigger, "service.trigger.exception", "error"),
            (Kind::Sleep, Cause::Upgrade, "service.upgrade.sleep", "info"),
        ] {
            assert_eq!(line(kind).event_type(cause), event_type);
            assert_eq!(line(kind).level(), level);
        }
    }

    #[test]
    fn containers_have_lines_of_their_own() {
        let check = |action: Action, expected: Option<(&'static str, &str)>| {
            let expected = expected.map(|(kind, text)| (kind, text.to_owned()));
            assert_eq!(container_line(&action), expected);
        };
        check(
            Action::Remove { id: 1, reason: Reason::Unhealthy },
            Some(("service.instance.delete", "unhealthy")),
        );
        check(
            Action::Start { id: 1, reason: Reason::NotRunning },
            Some(("service.instance.start", "not running")),
        );
        check(
            Action::Retire { id: 1, reason: Reason::Outdated },
            Some(("service.instance.mark.upgrade", "outdated")),
        );
        check(Action::Stop { id: 1, reason: Reason::Restart }, None);
    }

    #[test]
    fn many_containers_make_one_line() {
        let mut summary = Summary { requested: 9, created: 1, bad: 1, ..Summary::default() };
        for index in 2..10 {
            summary.add(Verb::Create, Reason::TooFew, || format!("web-{index}"));
        }
        summary.add(Verb::Stop, Reason::Restart, || "web-1".to_owned());
        let text: Vec<String> = summary.lines().into_iter().map(|line| line.description).collect();
        expect_test::expect![[r#"
            Requested: 9, Created: 1, Unhealthy: 0, Bad: 1, Incomplete: 0
            creating extra service instances web-2, web-3, web-4, web-5, web-6 and 3 more
            stopping service instance web-1 (restart requested)"#]]
        .assert_eq(&text.join("\n"));
    }
}
