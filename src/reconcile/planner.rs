//! The planner: from facts to a plan.

use super::batches;
use super::choose;
use super::configs;
use super::draft::Draft;
use super::facts::{Desired, HostState, Member, MemberState, Mode, Old, Scale};
use super::gate;
use super::member_steps;
use super::plan::{Plan, Reason, Verdict};
use super::shape::Shape;
use super::unit::Unit;
use super::unit_ids::UnitIds;

/// Plans what to do next so that `observed` becomes `desired`.
///
/// `now` is in milliseconds since 1970. Linear in the number of members and wanted units, apart
/// from sorting units by index.
pub fn plan(desired: &Desired<'_>, observed: &[Member], now: i64) -> Plan {
    let mut draft = Draft::new(desired, now);
    match desired.mode {
        Mode::Removed => {
            observed.iter().for_each(|member| draft.remove(member, Reason::ServiceRemoved));
        }
        Mode::Stopped => stop_all(&mut draft, observed),
        Mode::Running | Mode::Restarting { .. } => match configs::creation_order(desired) {
            Ok(order) => run(&mut draft, observed, &order),
            Err(message) => {
                let verdict = Verdict::Failing { message };
                return Plan { actions: Vec::new(), verdict, log: Vec::new() };
            }
        },
    }
    draft.finish()
}

/// Stops everything, dependents before what they depend on; what is not running is left as it is.
fn stop_all(draft: &mut Draft<'_>, observed: &[Member]) {
    let order = configs::creation_order(draft.desired).unwrap_or_default();
    let mut members: Vec<&Member> = observed.iter().collect();
    members.sort_by_cached_key(|member| {
        let config = configs::position(&draft.desired.configs, member.config.as_deref());
        let place = order.iter().position(|at| Some(*at) == config);
        (member.index, std::cmp::Reverse(place))
    });
    members.iter().for_each(|member| draft.stop(member, Reason::ServiceStopped));
}

fn run(draft: &mut Draft<'_>, observed: &[Member], order: &[usize]) {
    let desired = draft.desired;
    tidy_retired(draft, observed);
    let units = Unit::group(observed);
    draft.summary.created = units.iter().filter(|unit| !unit.is_ghost()).count();
    draft.summary.unhealthy = units.iter().filter(|unit| unit.is_unhealthy()).count();
    draft.summary.bad = units.iter().filter(|unit| unit.is_bad()).count();
    let ids = UnitIds::new(desired.service_uuid);
    let choice = match &desired.scale {
        Scale::Fixed(count) => choose::fixed(draft, units, *count),
        Scale::Global(hosts) => choose::global(draft, units, hosts, ids),
    };
    draft.summary.requested = choice.keep.len() + choice.missing;
    let shapes: Vec<Shape<'_>> =
        choice.keep.into_iter().map(|unit| Shape::of(unit, &desired.configs, order)).collect();
    draft.summary.incomplete = shapes.iter().filter(|shape| shape.is_incomplete()).count();
    let resting = choice.resting.into_iter().map(|unit| Shape::of(unit, &desired.configs, order));
    let halfway = resting.filter(|shape| member_steps::halfway(draft, shape)).count();
    let turns = batches::turns(draft, &shapes, choice.missing + halfway);
    gate::judge(draft, &shapes, choice.missing);
    for (shape, turn) in shapes.iter().zip(turns) {
        let host = match desired.scale {
            Scale::Fixed(_) => None,
            Scale::Global(_) => shape.unit.host(),
        };
        member_steps::unit(draft, shape, order, turn, host);
    }
    for unit in choice.create {
        draft.create(unit.index, unit.id(ids), unit.host, order);
    }
}

/// Containers put aside by an upgrade stay stopped, and are removed when it is finished.
fn tidy_retired(draft: &mut Draft<'_>, observed: &[Member]) {
    for member in observed.iter().filter(|member| member.retired) {
        match (draft.desired.rollout.old, member.state) {
            (_, MemberState::Removed) => {}
            (_, MemberState::Erroring | MemberState::Removing | MemberState::Stopping) => {
                if member.host != HostState::Unreachable {
                    draft.busy(member);
                }
            }
            (Old::Remove, _) => draft.remove(member, Reason::Outdated),
            (Old::Retire, _) => draft.stop(member, Reason::Outdated),
        }
    }
}
