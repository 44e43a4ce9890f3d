//! The health gate: an upgrade whose new version is not healthy in time takes itself back.

use super::draft::Draft;
use super::facts::{Config, Gate, Member, MemberState};
use super::shape::{Shape, is_ready};

/// Deaths in a row after which a new container counts as one that will never work.
const HOPELESS: u32 = 3;

/// Looks whether the batch under way has used up its time, or is beyond hope.
///
/// Its time runs from the start of the upgrade, or from when the last unit that is done came up.
pub(super) fn judge(draft: &mut Draft<'_>, shapes: &[Shape<'_>], missing: usize) {
    let rollout = draft.desired.rollout;
    let Some(gate) = rollout.gate else { return };
    let configs = &draft.desired.configs;
    let is_done = |shape: &Shape<'_>| !shape.is_outdated() && shape.is_renewed(configs);
    if missing == 0 && shapes.iter().all(is_done) {
        return;
    }
    let pending = || shapes.iter().filter(|shape| !is_done(shape));
    if let Some(member) = pending().find_map(|shape| hopeless(shape, gate)) {
        let trouble = draft.trouble_of(member);
        draft.give_up(format!("{trouble} (died {} times)", member.failures));
        return;
    }
    let last_start = shapes
        .iter()
        .filter(|shape| is_done(shape))
        .flat_map(|shape| shape.slots.iter().filter_map(|slot| slot.current))
        .filter_map(|member| member.started_at)
        .max();
    let began = last_start
        .map_or(gate.since, |at| at.saturating_add(rollout.interval_ms.max(0)).max(gate.since));
    // A clock that was set back must not make the time longer.
    let deadline = began.min(draft.now.saturating_add(rollout.interval_ms.max(0)));
    let deadline = deadline.saturating_add(gate.within_ms.max(0));
    if draft.now < deadline {
        draft.expect_by(deadline);
        return;
    }
    let seconds = gate.within_ms / 1000;
    let laggard = pending().find_map(|shape| laggard(shape, configs));
    let message = match laggard {
        Some(member) => format!("{} is not healthy after {seconds} s", draft.trouble_of(member)),
        None => format!("no healthy container after {seconds} s"),
    };
    draft.give_up(message);
}

/// A new container that keeps dying.
fn hopeless<'a>(shape: &Shape<'a>, gate: Gate) -> Option<&'a Member> {
    new_members(shape).find(|member| {
        let recently = member.died_at.is_some_and(|at| at >= gate.since);
        let failed = matches!(member.state, MemberState::Stopped | MemberState::Error);
        failed && recently && member.failures >= HOPELESS
    })
}

/// The first new container that is not ready.
fn laggard<'a>(shape: &Shape<'a>, configs: &[Config]) -> Option<&'a Member> {
    shape.slots.iter().zip(configs).find_map(|(slot, config)| {
        slot.current.filter(|member| !slot.stale && !is_ready(member, config))
    })
}

fn new_members<'a>(shape: &Shape<'a>) -> impl Iterator<Item = &'a Member> {
    shape.slots.iter().filter(|slot| !slot.stale).filter_map(|slot| slot.current)
}
