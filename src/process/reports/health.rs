//! What programs that check containers from their host say of a container's health.

use serde_json::{Map, Value, json};

use super::super::step::{Next, Work};
use crate::error::Result;
use crate::model::resource::Resource;
use crate::store::{Read, Tx};

/// Where a container keeps what was last said: `{starts, byHost: {<host id>: {at, up}}}`.
const SAID: &str = "healthSaid";

/// What a check is about: `<host uuid>_<container uuid>_<start count>`.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked {
    /// The host that checks.
    pub host: Resource,
    /// The container.
    pub container: Resource,
    /// Which of its starts.
    pub starts: i64,
}

/// What of an environment a check's name says it is about.
///
/// # Errors
/// When the database fails.
pub fn checked(read: &Read<'_>, environment: i64, name: &str) -> Result<Option<Checked>> {
    let mut parts = name.split('_');
    let (Some(host), Some(container), Some(starts), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Ok(None);
    };
    let Ok(starts) = starts.parse() else { return Ok(None) };
    let is = |row: &Resource, ty: &str| row.ty == ty && row.account_id == Some(environment);
    let container = read.by_uuid(container)?.filter(|row| is(row, "instance"));
    let by_uuid = read.by_uuid(host)?.filter(|row| is(row, "host"));
    let reported = read.referrers_by_text("host", "reportedUuid", host)?;
    let host = by_uuid.or_else(|| reported.into_iter().find(|row| is(row, "host")));
    Ok(host.zip(container).map(|(host, container)| Checked { host, container, starts }))
}

/// Counts what is reported: one host that reaches the container is enough, all must have failed before it
/// counts as unhealthy, and one that has not been healthy yet cannot become unhealthy.
pub fn follow(tx: &mut Tx<'_>, work: &Work) -> Result<Next> {
    let report = &work.resource;
    let (Some(environment), Some(name)) = (report.account_id, report.str("healthcheckUuid")) else {
        return Ok(Next::Finish);
    };
    let at = report.int("externalTimestamp").unwrap_or(0);
    let up = match report.str("reportedHealth") {
        Some("UP") => true,
        None | Some("INIT") => return Ok(Next::Finish),
        Some(_) => false,
    };
    let Some(checked) = checked(tx, environment, name)? else { return Ok(Next::Finish) };
    let row = &checked.container;
    let is_asked = row.state == "running"
        && row.removed.is_none()
        && row.map("healthCheck").is_some()
        && row.int("startCount").unwrap_or(0) == checked.starts;
    if !is_asked {
        return Ok(Next::Finish);
    }
    let mut said = said(row, checked.starts);
    let host = checked.host.id.to_string();
    let last = said.get(&host).and_then(|last| last.get("at")).and_then(Value::as_i64);
    if last.is_some_and(|last| last >= at) {
        return Ok(Next::Finish);
    }
    said.insert(host, json!({ "at": at, "up": up }));
    let health = next(row.str("healthState"), &said);
    let now = tx.now;
    tx.update(row.id, |row| {
        row.set(SAID, json!({ "starts": checked.starts, "byHost": said }));
        if let Some(health) = health {
            row.set("healthState", health);
            row.set("healthUpdated", now);
        }
        Ok(())
    })?;
    Ok(Next::Finish)
}

/// What was said of this start so far.
fn said(row: &Resource, starts: i64) -> Map<String, Value> {
    let said = row.map(SAID);
    let said = said.filter(|said| said.get("starts").and_then(Value::as_i64) == Some(starts));
    said.and_then(|said| said.get("byHost")?.as_object().cloned()).unwrap_or_default()
}

/// The health that follows, if it is another.
fn next(health: Option<&str>, said: &Map<String, Value>) -> Option<&'static str> {
    let up = |said: &Value| said.get("up").and_then(Value::as_bool).unwrap_or(false);
    let next = if said.values().any(up) { "healthy" } else { "unhealthy" };
    let was_well = matches!(health, Some("healthy" | "updating-healthy"));
    let changes = if next == "healthy" { health != Some("healthy") } else { was_well };
    changes.then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_follows_what_all_hosts_say() {
        let said = |all: &[bool]| -> Map<String, Value> {
            let entry = |(host, up): (usize, &bool)| (host.to_string(), json!({ "up": up }));
            all.iter().enumerate().map(entry).collect()
        };
        for (health, all, expect) in [
            (Some("initializing"), &[true][..], Some("healthy")),
            (Some("initializing"), &[false], None),
            (Some("reinitializing"), &[false, false], None),
            (Some("healthy"), &[false, true], None),
            (Some("healthy"), &[false, false], Some("unhealthy")),
            (Some("unhealthy"), &[false, true], Some("healthy")),
            (Some("unhealthy"), &[false], None),
            (None, &[true], Some("healthy")),
        ] {
            assert_eq!(next(health, &said(all)), expect, "{health:?} {all:?}");
        }
    }
}
