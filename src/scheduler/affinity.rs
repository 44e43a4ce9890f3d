//! Affinity rules as people write them: labels, and environment variables of Swarm's old form.
//!
//! `io.rancher.scheduler.affinity:host_label`, `..:container_label` and `..:container`, each with
//! nothing, `_ne`, `_soft` or `_soft_ne` after it; values are lists joined by commas, every entry
//! a rule of its own. Everything is compared in lower case.

use super::facts::Labels;
use super::request::{Member, Request, VolumeNeed};

/// What every affinity label begins with.
pub const AFFINITY_PREFIX: &str = "io.rancher.scheduler.affinity:";
/// What is merged over the members of a unit.
const SCHEDULER_PREFIX: &str = "io.rancher.scheduler.";
const STACK_SERVICE_NAME: &str = "io.rancher.stack_service.name";
const PROJECT_SERVICE_NAME: &str = "io.rancher.project_service.name";
const HOST_ZONE: &str = "io.rancher.host.zone";

/// One affinity rule, lower-case, macros replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What the rule looks at.
    pub subject: Subject,
    /// Whether it attracts or repels, and how strongly.
    pub op: Op,
    /// The label's key, or the container's name or uuid.
    pub key: String,
    /// The label's value; none when the user left `=` out (no label equals that), and for
    /// containers.
    pub value: Option<String>,
}

/// What an affinity rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A container on the host, by name or uuid.
    Container,
    /// Labels of the containers on the host.
    ContainerLabel,
    /// Labels of the host.
    HostLabel,
}

/// The four suffixes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Must have.
    Eq,
    /// Must not have: `_ne`, `!=`.
    Ne,
    /// Should have: `_soft`, `==~`.
    SoftEq,
    /// Should not have: `_soft_ne`, `!=~`.
    SoftNe,
}

impl Op {
    /// The suffix of the label.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Eq => "",
            Self::Ne => "_ne",
            Self::SoftEq => "_soft",
            Self::SoftNe => "_soft_ne",
        }
    }

    /// Whether the rule may be dropped when nothing fits.
    pub fn is_soft(self) -> bool {
        matches!(self, Self::SoftEq | Self::SoftNe)
    }

    /// Whether the thing named is wanted (and not unwanted).
    pub fn is_attraction(self) -> bool {
        matches!(self, Self::Eq | Self::SoftEq)
    }

    fn of_suffix(suffix: &str) -> Option<Self> {
        [Self::Eq, Self::Ne, Self::SoftEq, Self::SoftNe]
            .into_iter()
            .find(|op| op.suffix() == suffix)
    }
}

/// All affinity rules of a request, in the order written, each once.
pub fn rules(request: &Request) -> Vec<Rule> {
    let mut rules = Vec::new();
    for member in &request.members {
        for (key, value) in &member.labels {
            if let Some(rest) = affinity_rest(key) {
                label_rules(&rest, value, Some((request, member)), &mut rules);
            }
        }
        for (name, value) in &member.variables {
            rules.extend(variable_rule(name, value));
        }
        for volume in &member.volumes {
            if let VolumeNeed::New { zone: Some(zone), .. } = volume {
                rules.push(Rule {
                    subject: Subject::HostLabel,
                    op: Op::Eq,
                    key: HOST_ZONE.to_owned(),
                    value: Some(zone.to_lowercase()),
                });
            }
        }
    }
    if rules.len() > 1 {
        unique(&mut rules);
    }
    rules
}

/// The rules about host labels among plain labels, for global services; macros are not replaced,
/// because no container exists whose names they could stand for.
pub fn host_rules(labels: &Labels) -> Vec<Rule> {
    let mut rules = Vec::new();
    for (key, value) in labels {
        if let Some(rest) = affinity_rest(key) {
            label_rules(&rest, value, None, &mut rules);
        }
    }
    rules.retain(|rule| rule.subject == Subject::HostLabel);
    rules
}

/// Merges the scheduler labels of a unit's members as Rancher does: the values of one affinity key
/// are joined by commas unless already contained; of any other `io.rancher.scheduler.*` key the
/// last value counts. Returns only `io.rancher.scheduler.*` labels, keys in lower case.
pub fn merge_labels<'a>(members: impl IntoIterator<Item = &'a Labels>) -> Labels {
    let mut merged: Labels = Vec::new();
    for (key, value) in members.into_iter().flatten() {
        let key = key.to_lowercase();
        if !key.starts_with(SCHEDULER_PREFIX) {
            continue;
        }
        match merged.iter_mut().find(|(known, _)| *known == key) {
            None => merged.push((key, value.clone())),
            Some((_, joined)) if key.starts_with(AFFINITY_PREFIX) => {
                if joined.is_empty() {
                    joined.clone_from(value);
                } else if !joined.to_lowercase().contains(&value.to_lowercase()) {
                    joined.push(',');
                    joined.push_str(value);
                }
            }
            Some((_, known)) => known.clone_from(value),
        }
    }
    merged
}

/// What follows the affinity prefix, in lower case; also used for `volumes`.
pub(super) fn affinity_rest(key: &str) -> Option<String> {
    let head = key.get(..AFFINITY_PREFIX.len())?;
    let rest = key.get(AFFINITY_PREFIX.len()..)?;
    head.eq_ignore_ascii_case(AFFINITY_PREFIX).then(|| rest.to_lowercase())
}

fn label_rules(
    rest: &str,
    value: &str,
    context: Option<(&Request, &Member)>,
    rules: &mut Vec<Rule>,
) {
    // `container_label` before `container`, which is a prefix of it.
    let subjects = [
        ("container_label", Subject::ContainerLabel),
        ("container", Subject::Container),
        ("host_label", Subject::HostLabel),
    ];
    let found = subjects
        .into_iter()
        .find_map(|(word, subject)| Some((subject, Op::of_suffix(rest.strip_prefix(word)?)?)));
    let Some((subject, op)) = found else { return };
    let value = match context {
        Some((request, member)) => macros_replace(&value.to_lowercase(), request, member),
        None => value.to_lowercase(),
    };
    for entry in value.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
        let rule = match (subject, entry.split_once('=')) {
            (Subject::Container, _) => Rule { subject, op, key: entry.to_owned(), value: None },
            (Subject::ContainerLabel | Subject::HostLabel, None) => {
                Rule { subject, op, key: entry.to_owned(), value: None }
            }
            (Subject::ContainerLabel | Subject::HostLabel, Some((key, value))) => Rule {
                subject,
                op,
                key: key.trim().to_owned(),
                value: Some(value.trim().to_owned()),
            },
        };
        rules.push(match context {
            Some((request, member)) => service_name_complete(rule, request, member),
            None => rule,
        });
    }
}

fn macros_replace(value: &str, request: &Request, member: &Member) -> String {
    if !value.contains("${") {
        return value.to_owned();
    }
    let mut value = value.to_owned();
    if let Some(stack) = &request.stack_name {
        let stack = stack.to_lowercase();
        // Rancher's old word for a stack is project; the macro never meant the environment.
        value = value.replace("${stack_name}", &stack).replace("${project_name}", &stack);
    }
    if let Some(service) = &member.service_name {
        value = value.replace("${service_name}", &service.to_lowercase());
    }
    value
}

/// Completes `io.rancher.stack_service.name=web` to `..=stack/web`, and for a sidekick of `web` to
/// `..=stack/web/sidekick`, because that is what the containers carry.
fn service_name_complete(mut rule: Rule, request: &Request, member: &Member) -> Rule {
    let named = rule.key == STACK_SERVICE_NAME || rule.key == PROJECT_SERVICE_NAME;
    let (true, Subject::ContainerLabel, Some(stack), Some(value)) =
        (named, rule.subject, &request.stack_name, &rule.value)
    else {
        return rule;
    };
    let stack = stack.to_lowercase();
    let mut full = if value.contains('/') { value.clone() } else { format!("{stack}/{value}") };
    let own = member.service_name.as_deref().unwrap_or_default().to_lowercase();
    if let Some((service, sidekick)) = own.split_once('/')
        && full == format!("{stack}/{service}")
    {
        full.push('/');
        full.push_str(sidekick);
    }
    rule.value = Some(full);
    rule
}

/// Reads `constraint:key==v`, `affinity:container==name` and `affinity:label==v`. The operator may
/// be cut by the first `=`, which environment variables are split at.
fn variable_rule(name: &str, value: &str) -> Option<Rule> {
    let host = name.starts_with("constraint:");
    if !host && !name.starts_with("affinity:") {
        return None;
    }
    let whole = if name.contains("==") || name.contains("!=") {
        name.to_lowercase()
    } else {
        format!("{name}={value}").to_lowercase()
    };
    let (_, expression) = whole.split_once(':')?;
    let at = [expression.find("=="), expression.find("!=")].into_iter().flatten().min()?;
    let key = expression.get(..at)?.trim();
    let operator = expression.get(at..at + 2)?;
    let rest = expression.get(at + 2..)?;
    let (soft, wanted) = match rest.strip_prefix('~') {
        Some(wanted) => (true, wanted),
        None => (false, rest),
    };
    let op = match (operator, soft) {
        ("==", false) => Op::Eq,
        ("==", true) => Op::SoftEq,
        (_, false) => Op::Ne,
        (_, true) => Op::SoftNe,
    };
    let wanted = wanted.trim().to_owned();
    if key.is_empty() {
        return None;
    }
    Some(match (host, key) {
        (false, "container") if wanted.is_empty() => return None,
        (false, "container") => Rule { subject: Subject::Container, op, key: wanted, value: None },
        (false, _) => {
            Rule { subject: Subject::ContainerLabel, op, key: key.to_owned(), value: Some(wanted) }
        }
        (true, _) => {
            Rule { subject: Subject::HostLabel, op, key: key.to_owned(), value: Some(wanted) }
        }
    })
}

fn unique(rules: &mut Vec<Rule>) {
    let mut seen: Vec<Rule> = Vec::with_capacity(rules.len());
    for rule in rules.drain(..) {
        if !seen.contains(&rule) {
            seen.push(rule);
        }
    }
    *rules = seen;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `labels` and variables are `key: value` lines (variables begin with `$`); rules are shown as
    /// `subject suffix key value`.
    fn check(service: &str, lines: &str, expect: &str) {
        let pairs = |variables: bool| -> Labels {
            lines
                .lines()
                .map(str::trim)
                .filter(|line| line.starts_with('$') == variables)
                .filter_map(|line| line.trim_start_matches('$').split_once(": "))
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect()
        };
        let member = Member {
            service_name: Some(service.to_owned()),
            labels: pairs(false),
            variables: pairs(true),
            ..Member::default()
        };
        let request = Request {
            stack_name: Some("Shop".to_owned()),
            members: vec![member],
            ..Request::default()
        };
        let shown: Vec<String> = rules(&request)
            .iter()
            .map(|rule| {
                let (suffix, key) = (rule.op.suffix(), &rule.key);
                match &rule.value {
                    Some(value) => format!("{:?}{suffix} {key} {value}", rule.subject),
                    None => format!("{:?}{suffix} {key}", rule.subject),
                }
            })
            .collect();
        assert_eq!(shown.join("; "), expect);
    }

    #[test]
    fn labels() {
        check(
            "web",
            "io.rancher.scheduler.affinity:host_label: GPU=True, zone=a
             IO.rancher.scheduler.affinity:host_label_soft_ne: disk=hdd
             io.rancher.scheduler.affinity:container_label_ne: App=Web
             io.rancher.scheduler.affinity:container_soft: db-1,,gone
             io.rancher.scheduler.affinity:host_label_ne: bare
             io.rancher.scheduler.affinity:host_labelx: no=rule
             io.rancher.scheduler.affinity:volumes: data
             other: host_label",
            "HostLabel gpu true; HostLabel zone a; HostLabel_soft_ne disk hdd; \
             ContainerLabel_ne app web; Container_soft db-1; Container_soft gone; HostLabel_ne bare",
        );
    }

    #[test]
    fn macros_and_service_names() {
        check(
            "Web",
            "io.rancher.scheduler.affinity:container_label_ne: \
                io.rancher.stack_service.name=${stack_name}/${service_name}
             io.rancher.scheduler.affinity:container_label: io.rancher.project_service.name=db
             io.rancher.scheduler.affinity:container_label_soft: x=${project_name}",
            "ContainerLabel_ne io.rancher.stack_service.name shop/web; \
             ContainerLabel io.rancher.project_service.name shop/db; ContainerLabel_soft x shop",
        );
        check(
            "web/side",
            "io.rancher.scheduler.affinity:container_label_ne: io.rancher.stack_service.name=web
             io.rancher.scheduler.affinity:container_label: io.rancher.stack_service.name=db
             io.rancher.scheduler.affinity:container_label_soft: \
                io.rancher.stack_service.name=${stack_name}/${service_name}",
            "ContainerLabel_ne io.rancher.stack_service.name shop/web/side; \
             ContainerLabel io.rancher.stack_service.name shop/db; \
             ContainerLabel_soft io.rancher.stack_service.name shop/web/side",
        );
    }

    #[test]
    fn variables() {
        check(
            "web",
            "$constraint:Zone: =A
             $constraint:gpu!: true
             $affinity:container: =~db-1
             $affinity:container!: ~web-1
             $affinity:com.example.app==web: -
             $affinity:container: =
             $PATH: =x",
            "HostLabel zone a; HostLabel_ne gpu true; Container_soft db-1; Container_soft_ne web-1; \
             ContainerLabel com.example.app web",
        );
    }

    #[test]
    fn merging() {
        let labels = |pairs: &[(&str, &str)]| -> Labels {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        let host = "io.rancher.scheduler.affinity:host_label";
        let primary =
            labels(&[(host, "a=1"), ("app", "web"), ("io.rancher.scheduler.global", "true")]);
        let sidekick = labels(&[(&host.to_uppercase(), "A=1"), (host, "b=2")]);
        assert_eq!(
            merge_labels([&primary, &sidekick]),
            labels(&[(host, "a=1,b=2"), ("io.rancher.scheduler.global", "true")]),
        );
    }
}
