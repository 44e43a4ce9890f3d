//! An upgrade to another service: the scale moves from the one to the other, some units at a time.

use serde_json::{Map, Value, json};

use super::super::step::{Next, Work};
use super::{TO_SERVICE, UPGRADE, strategy};
use crate::error::Result;
use crate::model::resource::{NewResource, Resource};
use crate::process;
use crate::store::Tx;

/// How soon to look again at containers whose changes poke the other service, in milliseconds.
const LOOK_MS: i64 = 300;
/// Field of the service that is upgraded: its scale before.
const SCALE_BEFORE: &str = "scaleBeforeUpgrade";
/// Field of the service that is upgraded: when the next units move.
const NEXT_MOVE: &str = "nextMoveAt";

/// From which service to which the scale moves.
pub struct Transfer {
    from: Resource,
    to: Resource,
    last: i64,
    batch: i64,
    interval_ms: i64,
}

/// How far a transfer is: the scales of both services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Scales {
    from: i64,
    to: i64,
}

/// The next scales, or `None` when nothing is left to move. There are never more than `last + batch`
/// units, unless there were more to begin with.
fn next(now: Scales, last: i64, batch: i64) -> Option<Scales> {
    let batch = batch.max(1);
    let Scales { from, to } = now;
    let surplus = from + to - last;
    if from > 0 && (surplus > 0 || to >= last) {
        let most = if surplus > 0 { surplus } else { from };
        return Some(Scales { from: from - batch.min(most).min(from), to });
    }
    if to > last {
        return Some(Scales { from, to: last });
    }
    let grow = batch.min(last - to).min(last + batch - from - to);
    (grow > 0).then_some(Scales { from, to: to + grow })
}

/// Begins an upgrade to another service.
pub fn begin(tx: &mut Tx<'_>, service: &Resource, wanted: Map<String, Value>) -> Result<()> {
    let other = wanted.get("toServiceId").and_then(Value::as_i64);
    let clones = wanted.get("updateLinks").and_then(Value::as_bool).unwrap_or(false);
    tx.update(service.id, |service| {
        let scale = service.int("scale").unwrap_or(1);
        service.set(SCALE_BEFORE, scale);
        service.set(NEXT_MOVE, Value::Null);
        service.set(UPGRADE, json!({ TO_SERVICE: wanted }));
        Ok(())
    })?;
    match other.filter(|_| clones) {
        Some(other) => clone_links(tx, service.id, other),
        None => Ok(()),
    }
}

/// Whoever is linked to the one service is linked to the other as well, under the same name.
fn clone_links(tx: &mut Tx<'_>, from: i64, to: i64) -> Result<()> {
    let known = tx.referrers("serviceConsumeMap", "consumedServiceId", to)?;
    for link in tx.referrers("serviceConsumeMap", "consumedServiceId", from)? {
        let same = |other: &Resource| {
            other.int("serviceId") == link.int("serviceId") && other.name == link.name
        };
        if known.iter().any(same) {
            continue;
        }
        let mut copy = NewResource::new("serviceConsumeMap", tx.entropy.uuid()).state("active");
        copy.name.clone_from(&link.name);
        copy.account_id = link.account_id;
        copy.data.clone_from(&link.data);
        tx.insert(copy.with("consumedServiceId", to))?;
    }
    Ok(())
}

/// The transfer that a process of an upgrade carries out, if that is what it does.
pub fn transfer(tx: &Tx<'_>, work: &Work) -> Result<Option<Transfer>> {
    let service = tx.require("service", work.resource.id)?;
    let kept = service.map(UPGRADE).and_then(|upgrade| strategy(upgrade, TO_SERVICE)).cloned();
    let Some(kept) = kept.filter(|_| service.state != "finishing-upgrade") else {
        return Ok(None);
    };
    let number = |field: &str| kept.get(field).and_then(Value::as_i64);
    let Some(other) = number("toServiceId").map(|id| tx.get(id)).transpose()?.flatten() else {
        return Ok(None);
    };
    if other.removed.is_some() {
        return Ok(None);
    }
    let batch = number("batchSize").unwrap_or(1);
    let interval_ms = number("intervalMillis").unwrap_or(2000);
    Ok(Some(if service.state == "rolling-back" {
        let last = service.int(SCALE_BEFORE).unwrap_or(1);
        Transfer { from: other, to: service, last, batch, interval_ms }
    } else {
        let last = number("finalScale").unwrap_or(1);
        Transfer { from: service, to: other, last, batch, interval_ms }
    }))
}

impl Transfer {
    /// Moves some units once those moved before are there.
    pub fn step(&self, tx: &mut Tx<'_>, work: &Work) -> Result<Next> {
        let own = work.resource.id;
        let wait = |until: i64, message: String| Ok(Next::Wait { until: Some(until), message });
        for service in [&self.to, &self.from] {
            if !is_at_scale(tx, service, own)? {
                let name = service.display_name();
                let scale = service.int("scale").unwrap_or(1);
                return wait(tx.now + LOOK_MS, format!("waits until `{name}` has {scale} units"));
            }
        }
        let upgraded = if self.from.id == own { &self.from } else { &self.to };
        if let Some(until) = upgraded.int(NEXT_MOVE).filter(|until| *until > tx.now) {
            // A clock that was set back must not make the pause longer.
            let until = until.min(tx.now + self.interval_ms);
            return wait(until, "pauses between two batches".to_owned());
        }
        let scale = |service: &Resource| service.int("scale").unwrap_or(1);
        let now = Scales { from: scale(&self.from), to: scale(&self.to) };
        let Some(next) = next(now, self.last, self.batch) else { return self.over(tx, own) };
        let pause_until = tx.now + self.interval_ms;
        tx.update(own, |service| {
            service.set(NEXT_MOVE, pause_until);
            Ok(())
        })?;
        for (service, before, after) in
            [(&self.from, now.from, next.from), (&self.to, now.to, next.to)]
        {
            if before != after {
                set_scale(tx, service, after, own)?;
            }
        }
        wait(tx.now + LOOK_MS, format!("{} and {} units", next.from, next.to))
    }

    /// Nothing is left to move.
    fn over(&self, tx: &mut Tx<'_>, own: i64) -> Result<Next> {
        let process = tx.open_process(own)?;
        if let Some(process) = process {
            super::super::service_log::end(tx, &process.data)?;
        }
        Ok(Next::Finish)
    }
}

/// Sets a service's scale. The service of the process follows by itself: it is in an active state.
fn set_scale(tx: &mut Tx<'_>, service: &Resource, scale: i64, own: i64) -> Result<()> {
    tx.update(service.id, |service| {
        service.set("scale", scale);
        Ok(())
    })?;
    if service.id == own {
        return Ok(());
    }
    let transition = if service.state == "inactive" { "activate" } else { "update" };
    if process::may_begin(service, transition) {
        process::start(tx, service.id, transition, Map::new())?;
    }
    Ok(())
}

/// Whether a service has as many units as its scale says, all running.
fn is_at_scale(tx: &Tx<'_>, service: &Resource, own: i64) -> Result<bool> {
    let scale = service.int("scale").unwrap_or(1);
    let at_rest = service.id == own || matches!(service.state.as_str(), "active" | "inactive");
    if !at_rest {
        return Ok(false);
    }
    // One that has not been activated yet has no units to wait for.
    if service.state == "inactive" {
        return Ok(true);
    }
    let mut units = 0;
    let mut ready = true;
    for container in tx.referrers("instance", "serviceId", service.id)? {
        if container.flag("retired") {
            continue;
        }
        let healthy = matches!(container.str("healthState"), None | Some("healthy"));
        ready &= container.state == "running" && healthy;
        units += i64::from(container.sidekick_name().is_none());
    }
    Ok(ready && units == scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(from: i64, to: i64, last: i64, batch: i64) -> String {
        let mut now = Scales { from, to };
        let mut steps = vec![format!("{from}+{to}")];
        while let Some(after) = next(now, last, batch) {
            assert!(steps.len() < 50, "{steps:?}");
            now = after;
            steps.push(format!("{}+{}", now.from, now.to));
        }
        steps.join(" ")
    }

    #[test]
    fn the_scale_moves_in_batches() {
        assert_eq!(path(2, 0, 2, 1), "2+0 2+1 1+1 1+2 0+2");
        assert_eq!(path(2, 1, 2, 1), "2+1 1+1 1+2 0+2");
        assert_eq!(path(3, 0, 3, 2), "3+0 3+2 1+2 1+3 0+3");
        assert_eq!(path(4, 0, 2, 1), "4+0 3+0 2+0 2+1 1+1 1+2 0+2");
        assert_eq!(path(1, 0, 4, 2), "1+0 1+2 1+4 0+4");
        assert_eq!(path(0, 5, 2, 1), "0+5 0+2");
        assert_eq!(path(0, 0, 0, 1), "0+0");
    }
}
