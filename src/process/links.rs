//! Links between services: rows that say who consumes whom, and under which name.

use serde_json::Value;

use crate::error::Result;
use crate::model::resource::{NewResource, Resource};
use crate::store::Tx;

/// Field of a link that a selector made: it goes when the selector no longer selects.
pub const SELECTED: &str = "selected";

/// Whom a service is linked to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The other service.
    pub target: Target,
    /// The name it has for this one; `None` is its own.
    pub name: Option<String>,
}

/// The other end of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A service that this installation knows.
    Known(i64),
    /// `[environment/]stack/service`, found when it is asked for.
    Elsewhere(String),
}

impl Wanted {
    /// Whether a row is this link.
    pub fn is(&self, row: &Resource) -> bool {
        let same = match &self.target {
            Target::Known(id) => row.int("consumedServiceId") == Some(*id),
            Target::Elsewhere(path) => row.str("consumedService") == Some(path.as_str()),
        };
        same && row.name == self.name
    }
}

/// Makes a link.
///
/// # Errors
/// When the database fails.
pub fn add(tx: &mut Tx<'_>, service: &Resource, wanted: &Wanted, selected: bool) -> Result<()> {
    let mut row = NewResource::new("serviceConsumeMap", tx.entropy.uuid())
        .state("active")
        .with("serviceId", service.id)
        .with("ports", Value::Array(Vec::new()));
    row = match &wanted.target {
        Target::Known(id) => row.with("consumedServiceId", *id),
        Target::Elsewhere(path) => row.with("consumedService", path.as_str()),
    };
    if selected {
        row = row.with(SELECTED, true);
    }
    row.name.clone_from(&wanted.name);
    row.account_id = service.account_id;
    tx.insert(row)?;
    Ok(())
}

/// Makes these the service's links, apart from those that its selector made.
///
/// # Errors
/// When the database fails.
pub fn set(tx: &mut Tx<'_>, service: &Resource, wanted: &[Wanted]) -> Result<()> {
    let known = tx.referrers("serviceConsumeMap", "serviceId", service.id)?;
    let own: Vec<&Resource> = known.iter().filter(|row| !row.flag(SELECTED)).collect();
    for row in &own {
        if !wanted.iter().any(|link| link.is(row)) {
            super::retire(tx, row.id)?;
        }
    }
    for link in wanted {
        if !own.iter().any(|row| link.is(row)) {
            add(tx, service, link, false)?;
        }
    }
    Ok(())
}

/// A service that goes takes its links along, and those that lead to it.
///
/// # Errors
/// When the database fails.
pub fn bury(tx: &mut Tx<'_>, service: i64) -> Result<()> {
    for field in ["serviceId", "consumedServiceId"] {
        for row in tx.referrers("serviceConsumeMap", field, service)? {
            super::retire(tx, row.id)?;
        }
    }
    Ok(())
}
