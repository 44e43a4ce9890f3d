//! Containers that somebody runs beside ours, on the host of an agent: they are shown, follow what the
//! agent says of them, and are never touched because of it.

use serde_json::{Map, Value};

use super::super::native::{self, Found, NATIVE};
use super::super::step::{Next, Work};
use super::{LOOK_AGAIN_MS, text};
use crate::engine::spec::LABEL_UUID;
use crate::error::Result;
use crate::model::resource::Resource;
use crate::store::Tx;

/// Follows a report of Docker's about a container.
pub fn follow(tx: &mut Tx<'_>, work: &Work) -> Result<Next> {
    let report = &work.resource;
    let (Some(host), Some(external)) = (report.int("hostId"), report.str("externalId")) else {
        return Ok(Next::Finish);
    };
    let host = tx.get(host)?.filter(|host| host.removed.is_none());
    let Some(host) = host.filter(|_| report.account_id.is_some()) else { return Ok(Next::Finish) };
    if !native::are_shown(tx)? {
        return Ok(Next::Finish);
    }
    let status = report.str("externalStatus").unwrap_or_default();
    let inspected = report.map("dockerInspect").cloned().unwrap_or_default();
    let Some(known) = known(tx, report, &inspected, external)? else {
        if status == "start" {
            let config = inspected.get("Config").and_then(Value::as_object);
            let image = report.str("externalFrom").filter(|image| !image.is_empty());
            let image = image.or_else(|| text(config?, "Image")).unwrap_or_default();
            let found = Found {
                id: external,
                image,
                image_id: "",
                running: true,
                exit_code: None,
                started_ms: None,
                inspected: &inspected,
            };
            native::make(tx, &host, &found)?;
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
    native::change(tx, &known, status)?;
    Ok(Next::Finish)
}

/// The row of a container: by the uuid it carries, else by Docker's id. One that was removed stays so.
fn known(
    tx: &Tx<'_>,
    report: &Resource,
    inspected: &Map<String, Value>,
    external: &str,
) -> Result<Option<Resource>> {
    let labels = inspected.get("Config").and_then(|config| config.get("Labels")?.as_object());
    let uuid = labels.and_then(|labels| text(labels, LABEL_UUID));
    let own = uuid.map(|uuid| tx.by_uuid(uuid)).transpose()?.flatten();
    let is_here = |row: &Resource| row.ty == "instance" && row.account_id == report.account_id;
    if let Some(own) = own.filter(is_here) {
        return Ok(Some(own));
    }
    native::known(tx, report.account_id, external)
}
