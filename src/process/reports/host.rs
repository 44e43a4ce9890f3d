//! Hosts that are to be emptied, and removed with it if that is asked for.

use serde_json::{Map, Value, json};

use super::super::step::{Next, Outcome, StepFuture, Work};
use super::super::{host, may_begin, project, start};
use crate::error::Result;
use crate::model::lifecycle::REMOVED;
use crate::model::resource::Resource;
use crate::store::{Query, Tx};

/// The one event there is.
pub const EVACUATE: &str = "host.evacuate";

/// Where a report keeps the hosts that are to be gone.
const GOING: &str = "goingHostIds";
/// Rows looked at.
const MOST: usize = 10_000;
/// How soon to look again whether a host is gone, in milliseconds.
const LOOK_AGAIN_MS: i64 = 500;

/// Empties the hosts that are named.
pub fn follow(tx: &mut Tx<'_>, work: &Work) -> Result<Next> {
    let report = &work.resource;
    if report.str("eventType") != Some(EVACUATE) {
        return Ok(Next::Finish);
    }
    let mut going = Vec::new();
    for row in named(tx, report)? {
        let row = host::evacuate(tx, &row)?;
        if report.flag("deleteHost") {
            project::remove(tx, &row)?;
            going.push(row.id);
        }
    }
    tx.update(report.id, |row| {
        row.set(GOING, json!(going));
        Ok(())
    })?;
    Ok(Next::Step)
}

/// The host itself, those with a label, or those of the agent that reports.
fn named(tx: &Tx<'_>, report: &Resource) -> Result<Vec<Resource>> {
    let Some(environment) = report.account_id else { return Ok(Vec::new()) };
    let query =
        Query { ty: "host", account_id: Some(environment), limit: MOST, ..Query::default() };
    let mut hosts = tx.list(&query)?;
    if let Some(id) = report.int("hostId") {
        hosts.retain(|host| host.id == id);
    } else if let Some(label) = report.str("hostLabel") {
        let (key, value) = label.split_once('=').unwrap_or((label, ""));
        let (key, value) = (key.trim(), value.trim());
        let has = |host: &Resource| {
            host.map("labels").into_iter().flatten().any(|(own, held)| {
                own.eq_ignore_ascii_case(key)
                    && held.as_str().is_some_and(|held| held.eq_ignore_ascii_case(value))
            })
        };
        hosts.retain(|host| has(host));
    } else {
        let agent = report.int("agentId");
        hosts.retain(|host| agent.is_some() && host.int("agentId") == agent);
    }
    Ok(hosts)
}

/// The step that purges hosts that were removed because of the report, once they are.
pub fn purge(_: Work) -> StepFuture {
    Box::pin(async {
        Outcome::commit(|tx, work| {
            let mut waits = None;
            for id in work.resource.list(GOING).iter().filter_map(Value::as_i64) {
                let Some(host) = tx.get(id)? else { continue };
                if host.state == REMOVED && may_begin(&host, "purge") {
                    start(tx, id, "purge", Map::new())?;
                } else if host.removed.is_none() {
                    project::remove(tx, &host)?;
                    waits = Some(format!("removing host `{}`", host.display_name()));
                }
            }
            Ok(match waits {
                Some(message) => Next::Wait { until: Some(tx.now + LOOK_AGAIN_MS), message },
                None => Next::Finish,
            })
        })
    })
}
