//! How a service's outdated containers are replaced: read off its state and its field `upgrade`.

use serde_json::{Map, Value};

use crate::error::Result;
use crate::model::names::label;
use crate::model::resource::Resource;
use crate::process::upgrade::{self, IN_SERVICE, UPGRADE};
use crate::reconcile::{Gate, Old, Order, Pace, Rollout};
use crate::store::Read;

/// The rollout of a service.
///
/// # Errors
/// When the database fails.
pub fn of(read: &Read<'_>, service: &Resource) -> Result<Rollout> {
    let none = Map::new();
    let strategy = service.map(UPGRADE).and_then(|upgrade| upgrade::strategy(upgrade, IN_SERVICE));
    let asked = strategy.unwrap_or(&none);
    let number = |field: &str| asked.get(field).and_then(Value::as_i64);
    let start_first = asked.get("startFirst").and_then(Value::as_bool).unwrap_or(false);
    let kept = Rollout {
        batch: number("batchSize").and_then(|size| u32::try_from(size).ok()).unwrap_or(1),
        interval_ms: number("intervalMillis").unwrap_or(2000),
        order: if start_first { Order::StartFirst } else { Order::StopFirst },
        old: Old::Retire,
        ..Rollout::default()
    };
    Ok(match service.state.as_str() {
        "upgrading" => Rollout { gate: gate(read, service)?, ..kept },
        "upgraded" | "canceling-upgrade" | "canceled-upgrade" => {
            Rollout { pace: Pace::Held, ..kept }
        }
        "rolling-back" => Rollout { pace: Pace::AtOnce, ..Rollout::default() },
        _ => Rollout::default(),
    })
}

/// The gate that a service asks for by a label.
fn gate(read: &Read<'_>, service: &Resource) -> Result<Option<Gate>> {
    let labels = service.map("launchConfig").and_then(|launch| launch.get("labels"));
    let seconds = labels
        .and_then(|labels| labels.get(label::HEALTHY_WITHIN))
        .and_then(Value::as_str)
        .and_then(|text| text.trim().parse::<i64>().ok())
        .filter(|seconds| *seconds > 0);
    let Some(seconds) = seconds else { return Ok(None) };
    let process = read.open_process(service.id)?;
    Ok(process
        .map(|process| Gate { since: process.created, within_ms: seconds.saturating_mul(1000) }))
}
