//! What the next round would do for a service, and where a container would go: asked inside a rehearsal,
//! whose changes are all taken back.
//!
//! Nothing is decided here: the plan is `reconcile`'s, put into rows as the loop does it, and the hosts
//! are those the container's own process would choose.

use std::collections::BTreeSet;

use super::{Round, apply};
use crate::error::Result;
use crate::model::resource::Resource;
use crate::process::instance::prepare;
use crate::process::site::Site;
use crate::reconcile::{self, Action, Reason, Verdict};
use crate::store::Tx;

/// Steps told in full; a service may want ten thousand containers.
const STEPS: usize = 50;

/// What would happen.
#[derive(Clone, Debug)]
pub struct Foreseen {
    /// The service or container.
    pub row: Resource,
    /// What would be done first, for a person.
    pub steps: Vec<String>,
    /// Steps of the same round that are not told.
    pub more: usize,
    /// What the service would do then.
    pub outcome: String,
}

/// Whether a row is one that something would be done for.
pub fn concerns(row: &Resource) -> bool {
    match row.ty {
        "service" => true,
        "instance" => row.int("serviceId").is_none() && row.state == "creating",
        _ => false,
    }
}

/// What would be done for a service or a new container; changes rows to find out.
///
/// # Errors
/// When the database fails.
pub fn foresee(tx: &mut Tx<'_>, site: &Site, id: i64) -> Result<Option<Foreseen>> {
    site.ledger.with(tx, |_| Ok(()))?;
    let Some(row) = tx.get(id)? else { return Ok(None) };
    match row.ty {
        "service" => service(tx, site, row),
        "instance" => container(tx, site, row).map(Some),
        _ => Ok(None),
    }
}

fn container(tx: &mut Tx<'_>, site: &Site, row: Resource) -> Result<Foreseen> {
    let (step, outcome) = match host_of(tx, site, &row)? {
        Ok(host) => (format!("place `{}` on host `{host}`", row.display_name()), "runs"),
        Err(refusal) => (format!("place `{}`: {refusal}", row.display_name()), "fails"),
    };
    Ok(Foreseen { row, steps: vec![step], more: 0, outcome: outcome.to_owned() })
}

/// The name of the host that a container would get, or why it would get none.
fn host_of(tx: &mut Tx<'_>, site: &Site, row: &Resource) -> Result<Result<String, String>> {
    Ok(match prepare::rehearse_place(tx, site, row)? {
        Ok(host) => {
            let host = tx.get(host)?;
            Ok(host.map_or_else(|| "?".to_owned(), |host| host.display_name()))
        }
        Err(refusal) => Err(refusal),
    })
}

fn service(tx: &mut Tx<'_>, site: &Site, row: Resource) -> Result<Option<Foreseen>> {
    if row.state == "registering" && row.flag("startOnCreate") {
        // Its first process does no more than begin the next one.
        tx.update(row.id, |service| {
            service.state = "activating".to_owned();
            Ok(())
        })?;
    }
    let Some(round) = Round::read(tx, site, row.id)? else { return Ok(None) };
    let Some(wanted) = &round.desired else {
        let outcome = "makes no containers".to_owned();
        return Ok(Some(Foreseen { row, steps: Vec::new(), more: 0, outcome }));
    };
    let mut plan = reconcile::plan(&wanted.view(), &round.members, tx.now);
    let outcome = match plan.verdict {
        Verdict::Settled => "as wanted".to_owned(),
        Verdict::Working { message }
        | Verdict::Waiting { message, .. }
        | Verdict::Failing { message }
        | Verdict::Unfit { message } => message,
    };
    let more = plan.actions.len().saturating_sub(STEPS);
    plan.actions.truncate(STEPS);
    let mut steps = Vec::new();
    let mut known = members(tx, row.id)?;
    for action in &plan.actions {
        apply::rehearse(tx, &round, wanted, action)?;
        match action {
            Action::CreateUnit { reason, .. } | Action::AddMember { reason, .. } => {
                let now = members(tx, row.id)?;
                for id in now.difference(&known) {
                    steps.extend(made(tx, site, *id, *reason)?);
                }
                known = now;
            }
            Action::Start { id, reason } => steps.extend(said(tx, "start", *id, *reason)?),
            Action::Stop { id, reason } => steps.extend(said(tx, "stop", *id, *reason)?),
            Action::Retire { id, reason } => steps.extend(said(tx, "put aside", *id, *reason)?),
            Action::Remove { id, reason } => steps.extend(said(tx, "remove", *id, *reason)?),
        }
    }
    Ok(Some(Foreseen { row, steps, more, outcome }))
}

fn members(tx: &Tx<'_>, service: i64) -> Result<BTreeSet<i64>> {
    Ok(tx.referrers("instance", "serviceId", service)?.iter().map(|row| row.id).collect())
}

fn made(tx: &mut Tx<'_>, site: &Site, id: i64, reason: Reason) -> Result<Option<String>> {
    let Some(row) = tx.get(id)? else { return Ok(None) };
    let name = row.display_name();
    Ok(Some(match host_of(tx, site, &row)? {
        Ok(host) => format!("create `{name}` on host `{host}` ({reason})"),
        Err(refusal) => format!("create `{name}` ({reason}), which waits for a host: {refusal}"),
    }))
}

fn said(tx: &Tx<'_>, what: &str, id: i64, reason: Reason) -> Result<Option<String>> {
    Ok(tx.get(id)?.map(|row| format!("{what} `{}` ({reason})", row.display_name())))
}
