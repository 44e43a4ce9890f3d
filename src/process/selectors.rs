//! Selectors of services, followed as labels change: `selectorLink` links to every service whose primary
//! configuration has the labels, `selectorContainer` takes standalone containers in as members.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::links::{self, SELECTED, Target, Wanted};
use crate::error::Result;
use crate::model::resource::{NewResource, Resource};
use crate::model::selector::Selector;
use crate::store::{Condition, Op, Query, Tx};

/// A selector's field on a service.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Selects {
    Links,
    Containers,
}

impl Selects {
    const fn field(self) -> &'static str {
        match self {
            Self::Links => "selectorLink",
            Self::Containers => "selectorContainer",
        }
    }
}

/// A service was made or changed: what it selects, and who selects it, is looked at again.
///
/// # Errors
/// When the database fails.
pub fn service_changed(tx: &mut Tx<'_>, service: &Resource) -> Result<()> {
    for selects in [Selects::Links, Selects::Containers] {
        if service.str(selects.field()).is_some() {
            remember(tx, service, selects)?;
        }
        if known(tx, service.account_id, selects)? {
            everything(tx, service, selects)?;
        }
    }
    if known(tx, service.account_id, Selects::Links)? {
        for other in selecting(tx, service.account_id, Selects::Links)? {
            if other.id != service.id {
                link(tx, &other, service)?;
            }
        }
    }
    Ok(())
}

/// A standalone container was made or changed: the services that select it have it as a member.
///
/// # Errors
/// When the database fails.
pub fn container_changed(tx: &mut Tx<'_>, container: &Resource) -> Result<()> {
    if container.int("serviceId").is_some()
        || !known(tx, container.account_id, Selects::Containers)?
    {
        return Ok(());
    }
    for service in selecting(tx, container.account_id, Selects::Containers)? {
        member(tx, &service, container)?;
    }
    Ok(())
}

fn fact(environment: Option<i64>, selects: Selects) -> String {
    format!("{} in {}", selects.field(), environment.unwrap_or(0))
}

/// Environments without any selector are not searched for some at every change.
fn remember(tx: &mut Tx<'_>, service: &Resource, selects: Selects) -> Result<()> {
    tx.set_fact(&fact(service.account_id, selects), "yes")
}

fn known(tx: &Tx<'_>, environment: Option<i64>, selects: Selects) -> Result<bool> {
    Ok(tx.fact(&fact(environment, selects))?.is_some())
}

/// Services of an environment that have a selector of this kind.
fn selecting(tx: &Tx<'_>, environment: Option<i64>, selects: Selects) -> Result<Vec<Resource>> {
    let has = Condition { field: selects.field().to_owned(), op: Op::NotNull, value: Value::Null };
    all(tx, "service", environment, vec![has])
}

fn all(
    tx: &Tx<'_>,
    ty: &'static str,
    environment: Option<i64>,
    conditions: Vec<Condition>,
) -> Result<Vec<Resource>> {
    let query =
        Query { ty, account_id: environment, conditions, limit: usize::MAX, ..Default::default() };
    tx.list(&query)
}

/// What a changed service itself selects.
fn everything(tx: &mut Tx<'_>, service: &Resource, selects: Selects) -> Result<()> {
    if service.str(selects.field()).is_none() {
        return nothing(tx, service, selects);
    }
    match selects {
        Selects::Links => {
            for other in all(tx, "service", service.account_id, Vec::new())? {
                if other.id != service.id {
                    link(tx, service, &other)?;
                }
            }
        }
        Selects::Containers => {
            for container in all(tx, "instance", service.account_id, Vec::new())? {
                if container.int("serviceId").is_none() {
                    member(tx, service, &container)?;
                }
            }
        }
    }
    Ok(())
}

/// A service that no longer selects loses what it had selected.
fn nothing(tx: &mut Tx<'_>, service: &Resource, selects: Selects) -> Result<()> {
    let gone: Vec<i64> = match selects {
        Selects::Links => tx
            .referrers("serviceConsumeMap", "serviceId", service.id)?
            .iter()
            .filter(|row| row.flag(SELECTED))
            .map(|row| row.id)
            .collect(),
        Selects::Containers => tx
            .referrers("serviceExposeMap", "serviceId", service.id)?
            .iter()
            .filter(|row| row.flag(SELECTED))
            .map(|row| row.id)
            .collect(),
    };
    gone.into_iter().try_for_each(|id| super::retire(tx, id))
}

/// Whether a service's selector selects labels; one that does not parse selects nothing.
fn selects(service: &Resource, selects: Selects, labels: Option<&Map<String, Value>>) -> bool {
    let Some(selector) =
        service.str(selects.field()).and_then(|text| text.parse::<Selector>().ok())
    else {
        return false;
    };
    let labels = labels.into_iter().flatten();
    selector.matches(labels.filter_map(|(key, value)| Some((key.as_str(), value.as_str()?))))
}

fn labels_of(service: &Resource) -> Option<&Map<String, Value>> {
    service.map("launchConfig").and_then(|launch| launch.get("labels")).and_then(Value::as_object)
}

/// Links a service to another, or ends that, as its selector says.
fn link(tx: &mut Tx<'_>, service: &Resource, other: &Resource) -> Result<()> {
    let wanted = selects(service, Selects::Links, labels_of(other));
    let rows = tx.referrers("serviceConsumeMap", "serviceId", service.id)?;
    let row = rows
        .iter()
        .find(|row| row.flag(SELECTED) && row.int("consumedServiceId") == Some(other.id));
    match (wanted, row) {
        (true, None) => {
            let link = Wanted { target: Target::Known(other.id), name: None };
            links::add(tx, service, &link, true)
        }
        (false, Some(row)) => super::retire(tx, row.id),
        (true, Some(_)) | (false, None) => Ok(()),
    }
}

/// Takes a container in, or lets it go, as the selector says.
fn member(tx: &mut Tx<'_>, service: &Resource, container: &Resource) -> Result<()> {
    let going = matches!(container.state.as_str(), "removing" | "removed" | "purging" | "purged");
    let wanted = !going && selects(service, Selects::Containers, container.map("labels"));
    let maps = tx.referrers("serviceExposeMap", "instanceId", container.id)?;
    let own: HashSet<i64> = maps
        .iter()
        .filter(|map| map.int("serviceId") == Some(service.id))
        .map(|map| map.id)
        .collect();
    if wanted && own.is_empty() {
        let mut map = NewResource::new("serviceExposeMap", tx.entropy.uuid())
            .state("active")
            .with("serviceId", service.id)
            .with("instanceId", container.id)
            .with("managed", false)
            .with(SELECTED, true);
        map.account_id = service.account_id;
        tx.insert(map)?;
    }
    if !wanted {
        own.into_iter().try_for_each(|id| super::retire(tx, id))?;
    }
    Ok(())
}
