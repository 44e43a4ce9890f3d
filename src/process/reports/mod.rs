//! What agents and other programs report: each report changes what it names in the transaction that ends
//! its process, and changes nothing when it comes again.

mod container;
mod health;
mod host;
mod service;
mod storage;

use super::step::{Definition, Next, Outcome, Step, StepFuture, Work};
use crate::error::Result;
use crate::model::resource::Resource;
use crate::store::Tx;

pub use health::{Checked, checked};

/// How soon a report is looked at again that an earlier one about the same thing is in the way of, in
/// milliseconds.
const LOOK_AGAIN_MS: i64 = 100;

/// Processes of reports.
pub const PROCESSES: &[Definition] = &[
    Definition {
        name: "containerevent.create",
        steps: &[Step { name: "follow", run: containers }],
        tries: None,
        give_up: None,
    },
    Definition {
        name: "externalevent.create",
        steps: &[Step { name: "follow", run: others }, Step { name: "purge", run: host::purge }],
        tries: None,
        give_up: None,
    },
    Definition {
        name: "serviceevent.create",
        steps: &[Step { name: "follow", run: checks }],
        tries: None,
        give_up: None,
    },
];

/// Does what a report says.
type Follow = fn(&mut Tx<'_>, &Work) -> Result<Next>;

/// What is reported from outside: kind, the events there are (none: of any name), and who follows them.
pub const OUTSIDE: &[Outside] = &[
    Outside { kind: "externalDnsEvent", events: &[], follow: service::name },
    Outside { kind: "externalHostEvent", events: &[host::EVACUATE], follow: host::follow },
    Outside { kind: "externalServiceEvent", events: service::EVENTS, follow: service::follow },
    Outside { kind: "externalStoragePoolEvent", events: storage::POOLS, follow: storage::pool },
    Outside { kind: "externalVolumeEvent", events: storage::VOLUMES, follow: storage::volume },
];

/// A kind of report from outside.
#[derive(Clone, Copy)]
pub struct Outside {
    /// The type's name.
    pub kind: &'static str,
    /// Its `eventType`s; empty means any.
    pub events: &'static [&'static str],
    follow: Follow,
}

fn containers(_: Work) -> StepFuture {
    Box::pin(async { Outcome::commit(|tx, work| in_order(tx, work, container::follow)) })
}

fn checks(_: Work) -> StepFuture {
    Box::pin(async { Outcome::commit(health::follow) })
}

fn others(_: Work) -> StepFuture {
    Box::pin(async {
        Outcome::commit(|tx, work| {
            match OUTSIDE.iter().find(|row| row.kind == work.resource.kind) {
                Some(row) => in_order(tx, work, row.follow),
                None => Ok(Next::Finish),
            }
        })
    })
}

/// Reports about one thing are followed in the order they came in.
fn in_order(tx: &mut Tx<'_>, work: &Work, follow: Follow) -> Result<Next> {
    let report = &work.resource;
    if let Some(about) = report.str("externalId") {
        let others = tx.referrers_by_text(report.ty, "externalId", about)?;
        let earlier = |other: &Resource| {
            other.id < report.id
                && other.state == "creating"
                && other.account_id == report.account_id
        };
        if others.iter().any(earlier) {
            let message = format!("an earlier report about `{about}` is followed first");
            return Ok(Next::Wait { until: Some(tx.now + LOOK_AGAIN_MS), message });
        }
    }
    follow(tx, work)
}

/// A text among a report's values, unless it is empty.
fn text<'a>(
    values: &'a serde_json::Map<String, serde_json::Value>,
    field: &str,
) -> Option<&'a str> {
    values.get(field).and_then(serde_json::Value::as_str).filter(|text| !text.is_empty())
}
