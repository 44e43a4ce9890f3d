//! What an `up` would do: the difference between a project and the stack as it is.

use std::collections::HashMap;
use std::fmt;

use serde::Serialize;

use super::order::{Cycle, service_order};
use super::project::{Kind, Project, Service};
use crate::model::launch::written;

/// A service of the stack as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExistingService {
    pub name: String,
    pub kind: Kind,
    /// The hash of the service it was made from; none if it was not made from a compose file.
    pub hash: Option<String>,
    pub scale: u32,
    pub global: bool,
    /// The API's state, for example `active` or `inactive`.
    pub state: String,
}

/// What to do with a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    Create,
    Change,
    Scale,
    Start,
    Remove,
    Unchanged,
}

impl Action {
    fn verb(self) -> &'static str {
        match self {
            Action::Create => "create",
            Action::Change => "change",
            Action::Scale => "scale",
            Action::Start => "start",
            Action::Remove => "remove",
            Action::Unchanged => "keep",
        }
    }
}

/// One line of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    pub action: Action,
    pub service: String,
    /// Why, in a few words without a stop.
    pub reason: String,
    /// Containers of a service that is made or scaled, from then on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale: Option<u32>,
}

impl fmt::Display for Change {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:<7} {}: {}", self.action.verb(), self.service, self.reason)
    }
}

/// What happens to services of the stack that the file does not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Orphans {
    Keep,
    Remove,
}

/// The changes that make the stack what the project says, dependencies first. A service may both
/// change or start and scale; it then has two lines.
///
/// # Errors
/// A [`Cycle`] when the services have no order.
pub fn plan(
    project: &Project,
    existing: &[ExistingService],
    orphans: Orphans,
) -> Result<Vec<Change>, Cycle> {
    let known: HashMap<String, &ExistingService> =
        existing.iter().map(|service| (service.name.to_ascii_lowercase(), service)).collect();
    let mut changes = Vec::new();
    for at in service_order(project)? {
        let Some(service) = project.services.get(at) else { continue };
        match known.get(&service.name.to_ascii_lowercase()) {
            None => changes.push(create(service)),
            Some(known) => changes.extend(compare(service, known)),
        }
    }
    let named = |service: &&ExistingService| {
        !project.services.iter().any(|wanted| wanted.name.eq_ignore_ascii_case(&service.name))
    };
    changes.extend(existing.iter().filter(named).map(|service| orphan(service, orphans)));
    Ok(changes)
}

fn change(action: Action, service: &Service, reason: impl Into<String>) -> Change {
    Change { action, service: service.name.clone(), reason: reason.into(), scale: None }
}

fn create(service: &Service) -> Change {
    let image = service.launch_config.get("imageUuid").and_then(|image| image.as_str());
    let image = image.map(written).unwrap_or_default();
    let count = match (service.global, service.scale.unwrap_or(1)) {
        (true, _) => "one on every host".to_owned(),
        (false, 1) => "1 container".to_owned(),
        (false, count) => format!("{count} containers"),
    };
    let reason = match service.kind {
        Kind::Service | Kind::LoadBalancerService => format!("new, {count} of {image}"),
        Kind::ExternalService => "new name for an address outside".to_owned(),
        Kind::DnsService => "new name for other services".to_owned(),
    };
    let scale = (!service.global).then(|| service.scale.unwrap_or(1));
    Change { scale, ..change(Action::Create, service, reason) }
}

/// What differs between a service of the file and of the stack.
fn compare(service: &Service, known: &ExistingService) -> Vec<Change> {
    let mut changes = Vec::new();
    let switch = (service.kind, service.global) != (known.kind, known.global);
    let replace = if service.kind != known.kind {
        Some(format!("its kind was {} and becomes {}", known.kind.as_str(), service.kind.as_str()))
    } else if switch {
        let (before, after) =
            if known.global { ("global", "scaled") } else { ("scaled", "global") };
        Some(format!("was {before} and becomes {after}; it has to be removed and created again"))
    } else {
        match &known.hash {
            Some(hash) if *hash == service.hash => None,
            Some(_) => Some("its settings differ from what runs".to_owned()),
            None => Some("it was not created from a compose file".to_owned()),
        }
    };
    if let Some(reason) = replace {
        changes.push(change(Action::Change, service, reason));
    }
    let scale = service.scale.filter(|scale| *scale != known.scale && !service.global);
    if let Some(scale) = scale {
        let reason = format!("from {} to {scale}", known.scale);
        changes.push(Change { scale: Some(scale), ..change(Action::Scale, service, reason) });
    }
    let stopped = matches!(known.state.as_str(), "inactive" | "deactivating" | "registering");
    if stopped && service.start_on_create != Some(false) {
        changes.push(change(Action::Start, service, format!("it is {}", known.state)));
    }
    if changes.is_empty() {
        changes.push(change(Action::Unchanged, service, "up to date"));
    }
    changes
}

fn orphan(known: &ExistingService, orphans: Orphans) -> Change {
    let (action, reason) = match orphans {
        Orphans::Keep => (Action::Unchanged, "orphan: runs in the stack but is not in the file"),
        Orphans::Remove => (Action::Remove, "it is not in the file"),
    };
    Change { action, service: known.name.clone(), reason: reason.to_owned(), scale: None }
}
