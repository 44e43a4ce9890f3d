//! Scale policies: a service grows as far as there is room for it (services.md, section 5).

use std::sync::Arc;

use serde_json::{Map, Value};

use super::Round;
use crate::error::Result;
use crate::model::resource::Resource;
use crate::process::site::Site;
use crate::reconcile::{Plan, Verdict};

/// A policy's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Fewest units.
    pub min: i64,
    /// Most units.
    pub max: i64,
    /// Units at a time.
    pub increment: i64,
}

/// How far a service has grown: units wanted now, and the number it was found not to exceed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Growth {
    /// `desiredScale`.
    pub desired: i64,
    /// `lockedScale`.
    pub locked: Option<i64>,
}

impl Policy {
    /// The policy of a service.
    pub fn of(service: &Resource) -> Option<Self> {
        let policy: &Map<String, Value> = service.map("scalePolicy")?;
        let number = |field: &str| policy.get(field).and_then(Value::as_i64).unwrap_or(1).max(1);
        let min = number("min");
        Some(Self { min, max: number("max").max(min), increment: number("increment") })
    }

    /// How far a service has grown.
    pub fn growth(self, service: &Resource) -> Growth {
        let desired = service.int("desiredScale").unwrap_or(self.min);
        Growth { desired: desired.clamp(self.min, self.max), locked: service.int("lockedScale") }
    }

    /// What follows when everything wanted runs (`settled`), or something found no room (`stuck`).
    pub fn next(self, now: Growth, settled: bool, stuck: bool) -> Option<Growth> {
        if stuck && now.desired > self.min {
            let desired = (now.desired - self.increment).max(self.min);
            return Some(Growth { desired, locked: Some(desired) });
        }
        let grows = settled && now.locked.is_none() && now.desired < self.max;
        grows.then(|| Growth { desired: (now.desired + self.increment).min(self.max), ..now })
    }
}

/// Lets a service grow or shrink as its policy says; whether it did.
pub async fn follow(site: &Arc<Site>, round: &Round, plan: &Plan) -> Result<bool> {
    let service = &round.service;
    let (Some(policy), true) = (Policy::of(service), service.state != "removing") else {
        return Ok(false);
    };
    let now = policy.growth(service);
    let settled = plan.verdict == Verdict::Settled && crate::reconcile::is_active(&service.state);
    // What is being taken away already does not count again.
    let stuck = round.unplaced && plan.actions.is_empty();
    let Some(next) = policy.next(now, settled, stuck) else { return Ok(false) };
    let (id, revision) = (service.id, service.revision);
    site.store
        .write(move |tx| {
            // Whatever has changed meanwhile is looked at again first.
            if tx.require("service", id)?.revision == revision {
                tx.update(id, |service| {
                    service.set("desiredScale", next.desired);
                    service.set("lockedScale", next.locked);
                    Ok(())
                })?;
            }
            Ok(true)
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The scales a service goes through where there is room for so many.
    fn path(min: i64, max: i64, increment: i64, room: i64) -> Vec<i64> {
        let policy = Policy { min, max, increment };
        let mut now = Growth { desired: min, locked: None };
        let mut path = vec![min];
        while let Some(next) = policy.next(now, now.desired <= room, now.desired > room) {
            now = next;
            path.push(now.desired);
            assert!(path.len() < 20, "{path:?}");
        }
        path
    }

    #[test]
    fn a_service_grows_until_there_is_no_room() {
        assert_eq!(path(1, 4, 1, 9), [1, 2, 3, 4]);
        assert_eq!(path(2, 5, 2, 9), [2, 4, 5]);
        assert_eq!(path(1, 4, 1, 2), [1, 2, 3, 2]);
        assert_eq!(path(1, 9, 3, 5), [1, 4, 7, 4]);
        assert_eq!(path(3, 9, 3, 2), [3], "below its minimum it waits");
    }
}
