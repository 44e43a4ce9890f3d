//! Whose turn it is: outdated units are replaced, and restarting units restarted, some at a time.

use super::draft::Draft;
use super::facts::{Config, Member, MemberState, Mode, Pace};
use super::names;
use super::plan::Wait;
use super::shape::{Shape, is_ready};

/// What happens to a unit in this plan, besides being kept going.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Nothing.
    Keep,
    /// Its outdated containers are replaced.
    Replace,
    /// Its containers started before this time are stopped, to be started again.
    Restart {
        /// Milliseconds since 1970.
        since: i64,
    },
}

/// One turn for each unit. `missing` is the number of units that are not there yet.
pub(super) fn turns(draft: &mut Draft<'_>, shapes: &[Shape<'_>], missing: usize) -> Vec<Turn> {
    if shapes.iter().any(Shape::is_outdated) {
        return replacements(draft, shapes, missing);
    }
    if draft.desired.rollout.until_healthy() {
        let configs = &draft.desired.configs;
        if let Some(member) = shapes.iter().find_map(|shape| unhealthy(shape, configs)) {
            draft.busy(member);
        }
    }
    match draft.desired.mode {
        Mode::Restarting { since, batch, interval_ms } => {
            restarts(draft, shapes, missing, Restart { since, batch, interval_ms })
        }
        Mode::Running | Mode::Stopped | Mode::Removed => vec![Turn::Keep; shapes.len()],
    }
}

fn replacements(draft: &mut Draft<'_>, shapes: &[Shape<'_>], missing: usize) -> Vec<Turn> {
    let configs = &draft.desired.configs;
    let rollout = draft.desired.rollout;
    let mut turns: Vec<Turn> = shapes
        .iter()
        .map(|shape| if shape.is_begun(rollout.order) { Turn::Replace } else { Turn::Keep })
        .collect();
    let begun = turns.iter().filter(|turn| **turn == Turn::Replace).count();
    let pending = positions(shapes, |shape| shape.is_outdated() && !shape.is_begun(rollout.order));
    let renewed = || shapes.iter().filter(|shape| !shape.is_outdated());
    let last_start = renewed()
        .flat_map(|shape| shape.slots.iter().filter_map(|slot| slot.current))
        .filter_map(|member| member.started_at)
        .max();
    let laggard = renewed().find(|shape| !shape.is_renewed(configs));
    // Containers that were replaced count until they are down.
    let is_doubled = renewed().flat_map(|shape| &shape.unit.leaving).any(|member| is_up(member));
    let room = Room {
        batch: rollout.batch,
        begun,
        is_open: missing == 0 && laggard.is_none() && !is_doubled,
        pause_until: last_start.map(|at| pause_end(draft.now, at, rollout.interval_ms)),
    };
    let next = match rollout.pace {
        Pace::Batches => next_batch(draft, shapes, pending, &room),
        Pace::AtOnce => pending,
        Pace::Held => Vec::new(),
    };
    for at in next {
        if let Some(turn) = turns.get_mut(at) {
            *turn = Turn::Replace;
        }
    }
    if rollout.pace == Pace::AtOnce {
        return turns;
    }
    let mut unhealthy = shapes
        .iter()
        .zip(&turns)
        .filter(|(shape, turn)| **turn == Turn::Replace || !shape.is_outdated())
        .filter_map(|(shape, _)| unhealthy(shape, configs));
    if let Some(member) = unhealthy.next() {
        draft.busy(member);
    }
    turns
}

/// What was asked of a restart.
#[derive(Clone, Copy)]
struct Restart {
    since: i64,
    batch: u32,
    interval_ms: i64,
}

fn restarts(
    draft: &mut Draft<'_>,
    shapes: &[Shape<'_>],
    missing: usize,
    restart: Restart,
) -> Vec<Turn> {
    let configs = &draft.desired.configs;
    let Restart { since, batch, interval_ms } = restart;
    let mut turns = vec![Turn::Keep; shapes.len()];
    let is_pending = |shape: &Shape<'_>| {
        let mut serving = shape.slots.iter().zip(configs);
        serving.any(|(slot, config)| {
            slot.current.is_some_and(|member| awaits_restart(member, config, since))
        })
    };
    let pending = positions(shapes, is_pending);
    if pending.is_empty() {
        return turns;
    }
    let last_start = shapes
        .iter()
        .flat_map(members)
        .filter_map(|member| member.started_at)
        .filter(|at| *at >= since)
        .max();
    let laggard = shapes.iter().find(|shape| !shape.is_ready(configs) && !is_pending(shape));
    let room = Room {
        batch,
        begun: 0,
        is_open: missing == 0 && laggard.is_none(),
        pause_until: last_start.map(|at| pause_end(draft.now, at, interval_ms)),
    };
    for at in next_batch(draft, shapes, pending, &room) {
        if let Some(turn) = turns.get_mut(at) {
            *turn = Turn::Restart { since };
        }
    }
    if let Some(member) = laggard.and_then(|shape| unhealthy(shape, configs)) {
        draft.busy(member);
    }
    turns
}

/// Whether the container is to be stopped by a restart asked for at `since`. A start-once container
/// is left alone: nothing would start it again.
pub(super) fn awaits_restart(member: &Member, config: &Config, since: i64) -> bool {
    member.state == MemberState::Running
        && !config.start_once
        && member.started_at.is_none_or(|at| at < since)
}

/// What limits the next batch.
struct Room {
    /// Units at a time.
    batch: u32,
    /// Units whose turn has begun.
    begun: usize,
    /// All units that had their turn are ready.
    is_open: bool,
    /// When the pause after the last batch ends.
    pause_until: Option<i64>,
}

/// The units that begin now: those that are out of order first, as they have nothing to lose.
fn next_batch(
    draft: &mut Draft<'_>,
    shapes: &[Shape<'_>],
    mut pending: Vec<usize>,
    room: &Room,
) -> Vec<usize> {
    let configs = &draft.desired.configs;
    let Some(first) = pending.first().and_then(|at| shapes.get(*at)) else { return pending };
    let name = names::short(draft.desired.service_name, None, first.unit.index);
    let batch = usize::try_from(room.batch.max(1)).unwrap_or(usize::MAX);
    if !room.is_open || room.begun > 0 {
        draft.remark(format!("{name} is next once the units before it are ready"));
        return Vec::new();
    }
    if let Some(until) = room.pause_until.filter(|until| *until > draft.now) {
        let seconds = draft.seconds_until(until);
        draft.wait(until, Wait::Interval, format!("{name} is next in {seconds} s"));
        return Vec::new();
    }
    pending.sort_by_cached_key(|at| shapes.get(*at).is_none_or(|shape| shape.is_ready(configs)));
    if pending.len() > batch {
        draft.remark(format!("{} units are still to come", pending.len() - batch));
    }
    pending.truncate(batch);
    pending
}

/// Whether a container that is on its way out may still run.
pub(super) fn is_up(member: &Member) -> bool {
    !matches!(
        member.state,
        MemberState::Stopped | MemberState::Error | MemberState::Removing | MemberState::Removed
    )
}

/// When the pause after a start ends; a clock that was set back must not make it longer.
fn pause_end(now: i64, started_at: i64, interval_ms: i64) -> i64 {
    started_at.min(now).saturating_add(interval_ms.max(0))
}

fn positions<'a>(shapes: &[Shape<'a>], matches: impl Fn(&Shape<'a>) -> bool) -> Vec<usize> {
    shapes
        .iter()
        .enumerate()
        .filter(|(_, shape)| matches(shape))
        .map(|(position, _)| position)
        .collect()
}

fn members<'a>(shape: &Shape<'a>) -> impl Iterator<Item = &'a Member> {
    shape.slots.iter().filter_map(|slot| slot.current)
}

/// The first container that runs and is not healthy; others are told of with their own steps.
fn unhealthy<'a>(shape: &Shape<'a>, configs: &[Config]) -> Option<&'a Member> {
    shape.slots.iter().zip(configs).find_map(|(slot, config)| {
        slot.current
            .filter(|member| member.state == MemberState::Running && !is_ready(member, config))
    })
}
