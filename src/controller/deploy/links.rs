//! Links of a stack's services, once all of them are there.

use crate::compose::Project;
use crate::compose::plan::Action;
use crate::error::Result;
use crate::model::resource::Resource;
use crate::process::links::{self, Target, Wanted};
use crate::store::Tx;

use super::Report;

/// Makes the links of every service that was made or changed those of the file.
pub fn follow(tx: &mut Tx<'_>, stack: &Resource, project: &Project, report: &Report) -> Result<()> {
    let services = tx.referrers("service", "stackId", stack.id)?;
    let touched = report
        .changes
        .iter()
        .filter(|change| matches!(change.action, Action::Create | Action::Change));
    for change in touched {
        let (Some(wanted), Some(row)) =
            (project.service(&change.service), find(&services, &change.service))
        else {
            continue;
        };
        let mut list = Vec::new();
        for link in &wanted.links {
            let Some(target) = target(tx, stack, &services, &link.target)? else { continue };
            list.push(Wanted { target, name: Some(link.alias.clone()) });
        }
        links::set(tx, row, &list)?;
    }
    Ok(())
}

/// The live service of this name.
pub fn find<'a>(services: &'a [Resource], name: &str) -> Option<&'a Resource> {
    let is =
        |row: &&Resource| row.name.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(name));
    services.iter().filter(|row| row.state != "removing").find(is)
}

/// What a name in a compose file means: a service of the stack, or `stack/service`; `None` for nothing.
pub fn target(
    tx: &Tx<'_>,
    stack: &Resource,
    services: &[Resource],
    name: &str,
) -> Result<Option<Target>> {
    let inside = find(services, name).map(|row| Target::Known(row.id));
    match (inside, name.split_once('/')) {
        (Some(target), _) => Ok(Some(target)),
        (None, Some((other, service))) => elsewhere(tx, stack, other, service).map(Some),
        (None, None) => Ok(None),
    }
}

/// A service of another stack of the environment, or its path for when there is one.
fn elsewhere(tx: &Tx<'_>, stack: &Resource, other: &str, service: &str) -> Result<Target> {
    for stack in tx.by_name("stack", stack.account_id, other)? {
        let services = tx.referrers("service", "stackId", stack.id)?;
        let is = |row: &&Resource| {
            row.name.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(service))
        };
        if let Some(row) = services.iter().find(is) {
            return Ok(Target::Known(row.id));
        }
    }
    Ok(Target::Elsewhere(format!("{other}/{service}")))
}
