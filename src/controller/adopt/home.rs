//! A project whose files lie where stacks may have theirs is bound to that directory, if its containers are as the
//! files there say: then being bound changes nothing.

use super::super::deploy::{self, Request};
use super::resolve::Resolved;
use crate::compose::plan::{Action, Change};
use crate::error::Result;
use crate::model::resource::Resource;
use crate::store::Tx;

/// The directory that the files of a project are in.
#[derive(Clone, Debug, Default)]
pub enum Home {
    /// Stacks have no directories there, and nobody expects it.
    #[default]
    Elsewhere,
    /// The stack is not bound to it by itself, and this is why.
    Closed(String),
    /// What the files in it ask for, read there.
    Open(Box<Request>),
}

/// The command that binds a stack whatever that changes.
pub fn by_hand(directory: &str, files: &[String], stack: &str) -> String {
    let files: String = files.iter().map(|file| format!(" -f {file}")).collect();
    format!("`ranchette bind {directory} {stack}{files}`")
}

/// Binds a stack that has its containers by now, or notes why it is not bound.
///
/// # Errors
/// When the database fails.
pub(super) fn settle(
    tx: &mut Tx<'_>,
    stack: &Resource,
    resolved: &mut Resolved,
    home: &Home,
) -> Result<()> {
    let request = match home {
        Home::Elsewhere => return Ok(()),
        Home::Closed(why) => {
            resolved.notes.push(format!("is not bound to its directory: {why}"));
            return Ok(());
        }
        Home::Open(request) => request,
    };
    let Some(bound) = &request.bound else { return Ok(()) };
    let directory = bound.binding.directory.clone();
    match hindrance(tx, stack, resolved, request)? {
        None => {
            deploy::leave_on_disk(tx, stack.id, request)?;
            resolved.directory = Some(directory);
        }
        Some(mut why) => {
            bound.conceal(&mut why);
            let by_hand = by_hand(&directory, &bound.binding.files, &resolved.name);
            resolved
                .notes
                .push(format!("is not bound to its directory: {why}; {by_hand} binds it"));
        }
    }
    Ok(())
}

/// Why applying the files would do something to the containers, if it would.
fn hindrance(
    tx: &Tx<'_>,
    stack: &Resource,
    resolved: &Resolved,
    request: &Request,
) -> Result<Option<String>> {
    if !resolved.from_files {
        return Ok(Some("its files do not say what runs".to_owned()));
    }
    let others = resolved.services.iter().filter(|one| !one.from_files);
    let others = listed(others.map(|one| one.service.as_str()));
    if !others.is_empty() {
        return Ok(Some(format!("the files do not say what runs for {others}")));
    }
    let report = match deploy::plan(tx, stack.account_id.unwrap_or(0), request) {
        Ok(report) => report,
        Err(error) if error.status < 500 => return Ok(Some(error.to_string())),
        Err(error) => return Err(error),
    };
    if let Some(error) = report.error() {
        return Ok(Some(error.to_string()));
    }
    let acting = report.changes.iter().filter(|change| is_felt(change));
    let acting = listed(acting.map(|change| change.service.as_str()));
    let why = format!("read from there, the files say something else of {acting}");
    Ok(Some(why).filter(|_| !acting.is_empty()))
}

/// Whether a change is one that containers would notice. How many there are is not said by files alone, and a
/// service that has none is told of.
fn is_felt(change: &Change) -> bool {
    match change.action {
        Action::Create | Action::Change | Action::Remove => true,
        Action::Scale | Action::Start | Action::Unchanged => false,
    }
}

fn listed<'a>(services: impl Iterator<Item = &'a str>) -> String {
    services.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
