//! Containers that somebody runs beside ours, on the host of an agent: they are shown, follow what the
//! agent says of them, and are never touched because of it.

use serde_json::{Map, Value, json};

use super::super::step::{Next, Work};
use super::super::{carry, may_begin, start};
use super::{LOOK_AGAIN_MS, text};
use crate::error::Result;
use crate::model::resource::{NewResource, Resource};
use crate::store::{Condition, Op, Query, Tx};

/// The setting that says whether they are shown at all.
const SHOWN: &str = "manage.nonrancher.containers";
/// The label of containers of ours.
const OURS: &str = "io.rancher.container.uuid";
/// Marks the row of one.
pub const NATIVE: &str = "nativeContainer";

/// Follows a report of Docker's about a container.
pub fn follow(tx: &mut Tx<'_>, work: &Work) -> Result<Next> {
    let report = &work.resource;
    let (Some(host), Some(external)) = (report.int("hostId"), report.str("externalId")) else {
        return Ok(Next::Finish);
    };
    let host = tx.get(host)?.filter(|host| host.removed.is_none());
    let Some(host) = host.filter(|_| report.account_id.is_some()) else { return Ok(Next::Finish) };
    if tx.setting(SHOWN)?.as_deref() == Some("false") {
        return Ok(Next::Finish);
    }
    let status = report.str("externalStatus").unwrap_or_default();
    let inspected = report.map("dockerInspect").cloned().unwrap_or_default();
    let Some(known) = known(tx, report, &inspected, external)? else {
        if status == "start" {
            make(tx, report, &host, &inspected)?;
        }
        return Ok(Next::Finish);
    };
    // The engines that this server drives tell it themselves what becomes of its own containers.
    let follows =
        known.removed.is_none() && known.int("hostId") == Some(host.id) && known.flag(NATIVE);
    if !follows {
        return Ok(Next::Finish);
    }
    if tx.open_process(known.id)?.is_some() {
        let message = format!("container `{}` is {}", known.display_name(), known.state);
        return Ok(Next::Wait { until: Some(tx.now + LOOK_AGAIN_MS), message });
    }
    change(tx, &known, status)?;
    Ok(Next::Finish)
}

/// The row of a container: by the uuid it carries, else by Docker's id. One that was removed stays so.
fn known(
    tx: &Tx<'_>,
    report: &Resource,
    inspected: &Map<String, Value>,
    external: &str,
) -> Result<Option<Resource>> {
    let uuid = labels(inspected).and_then(|labels| text(labels, OURS));
    let own = uuid.map(|uuid| tx.by_uuid(uuid)).transpose()?.flatten();
    let is_here = |row: &Resource| row.ty == "instance" && row.account_id == report.account_id;
    if let Some(own) = own.filter(is_here) {
        return Ok(Some(own));
    }
    let query = Query {
        ty: "instance",
        account_id: report.account_id,
        with_removed: true,
        conditions: vec![Condition {
            field: "externalId".to_owned(),
            op: Op::Eq,
            value: external.into(),
        }],
        limit: 1,
        ..Query::default()
    };
    Ok(tx.list(&query)?.pop())
}

fn config(inspected: &Map<String, Value>) -> Option<&Map<String, Value>> {
    inspected.get("Config").and_then(Value::as_object)
}

fn labels(inspected: &Map<String, Value>) -> Option<&Map<String, Value>> {
    config(inspected)?.get("Labels").and_then(Value::as_object)
}

/// The row of a container that has started: running already, so that there is nothing to do for it.
fn make(
    tx: &mut Tx<'_>,
    report: &Resource,
    host: &Resource,
    inspected: &Map<String, Value>,
) -> Result<()> {
    let external = report.str("externalId").unwrap_or_default();
    let name = text(inspected, "Name").map(|name| name.trim_start_matches('/'));
    let name = name.filter(|name| !name.is_empty()).unwrap_or(external);
    let config = config(inspected);
    let image = report.str("externalFrom").filter(|image| !image.is_empty());
    let image = image.or_else(|| text(config?, "Image")).unwrap_or_default();
    let mut row = NewResource::new("instance", tx.entropy.uuid())
        .kind("container")
        .name(name)
        .state("running")
        .with(NATIVE, true)
        .with("externalId", external)
        .with("imageUuid", format!("docker:{image}"))
        .with("labels", labels(inspected).cloned().unwrap_or_default())
        .with("networkMode", network(inspected))
        .with("hostId", host.id)
        .with("requestedHostId", host.id)
        .with("firstRunning", tx.now)
        .with("startedAt", tx.now)
        .with("startCount", 1)
        .with("startOnCreate", true);
    row.account_id = report.account_id;
    if let Some(command) = config.and_then(|config| config.get("Cmd")).filter(|c| c.is_array()) {
        row.data.insert("command".to_owned(), command.clone());
    }
    let hostname = config.and_then(|config| text(config, "Hostname"));
    row.data.insert("hostname".to_owned(), hostname.into());
    row.data.insert("environment".to_owned(), environment(config).into());
    let address = inspected.get("NetworkSettings").and_then(Value::as_object);
    let address = address.and_then(|network| text(network, "IPAddress"));
    row.data.insert("primaryIpAddress".to_owned(), address.into());
    row.data.retain(|_, value| !value.is_null());
    tx.insert(row)?;
    Ok(())
}

/// The network mode in Rancher's words.
fn network(inspected: &Map<String, Value>) -> &'static str {
    let host = inspected.get("HostConfig").and_then(Value::as_object);
    match host.and_then(|host| text(host, "NetworkMode")) {
        Some("host") => "host",
        Some("none") => "none",
        Some(mode) if mode.starts_with("container:") => "none",
        _ => "bridge",
    }
}

/// `["A=1"]` as an object.
fn environment(config: Option<&Map<String, Value>>) -> Map<String, Value> {
    let listed = config.and_then(|config| config.get("Env")).and_then(Value::as_array);
    let words = listed.into_iter().flatten().filter_map(Value::as_str);
    words
        .map(|word| word.split_once('=').unwrap_or((word, "")))
        .map(|(name, value)| (name.to_owned(), json!(value)))
        .collect()
}

fn change(tx: &mut Tx<'_>, row: &Resource, status: &str) -> Result<()> {
    match status {
        "start" if row.state == "stopped" => {
            carry(tx, row.id, "start")?;
            let now = tx.now;
            tx.update(row.id, |row| {
                row.set("startedAt", now);
                row.set("startCount", row.int("startCount").unwrap_or(0) + 1);
                Ok(())
            })?;
        }
        "stop" | "die" if row.state == "running" => carry(tx, row.id, "stop")?,
        "destroy" => {
            if row.state == "running" {
                carry(tx, row.id, "stop")?;
            }
            if tx.get(row.id)?.is_some_and(|row| may_begin(&row, "remove")) {
                start(tx, row.id, "remove", Map::new())?;
            }
        }
        // The others change nothing that is shown.
        _ => {}
    }
    Ok(())
}
