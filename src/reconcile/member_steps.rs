//! What happens to the containers of one unit that stays.

use super::batches::{Turn, awaits_restart, is_up};
use super::draft::Draft;
use super::facts::{Config, Member, MemberState, Order, Scale};
use super::plan::Reason;
use super::shape::{Shape, Slot, is_done};

/// What containers that use this one's volumes or network have to expect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Running, or done.
    Up,
    /// Being made or started.
    Coming,
    /// Not running for now.
    Down,
    /// Not there, or on its way out.
    Going,
}

/// Adds the steps for one unit. `order` is the creation order, `host` the host new containers have
/// to run on.
pub(super) fn unit(
    draft: &mut Draft<'_>,
    shape: &Shape<'_>,
    order: &[usize],
    turn: Turn,
    host: Option<i64>,
) {
    draft.await_leaving(&shape.unit);
    if replace_failed_unit(draft, shape, order) {
        return;
    }
    for (member, reason) in &shape.strays {
        draft.remove(member, *reason);
    }
    let configs = &draft.desired.configs;
    let replaced = turn == Turn::Replace
        && match draft.desired.rollout.order {
            Order::StopFirst => true,
            Order::StartFirst => shape.is_renewed(configs),
        };
    if replaced {
        shape.old().chain(shape.unknown.iter().copied()).for_each(|old| draft.put_aside(old));
    }
    let mut steps = Steps { draft, shape, turn, host, fates: vec![Fate::Up; configs.len()] };
    for &at in order {
        let (Some(config), Some(slot)) = (configs.get(at), shape.slots.get(at)) else { continue };
        let fate = steps.slot(at, config, slot);
        if let Some(place) = steps.fates.get_mut(at) {
            *place = fate;
        }
    }
}

/// Ends a replacement that has begun on a host which takes nothing new any more, one way or the other: the old
/// containers go if the new ones do their work, else the new ones do. Whether two of a kind may run there.
pub(super) fn halfway(draft: &mut Draft<'_>, shape: &Shape<'_>) -> bool {
    draft.await_leaving(&shape.unit);
    let doubled = || shape.slots.iter().filter(|slot| !slot.old.is_empty());
    if doubled().all(|slot| slot.current.is_none()) {
        return shape.unit.leaving.iter().any(|member| is_up(member));
    }
    if shape.is_renewed(&draft.desired.configs) {
        shape.old().for_each(|old| draft.put_aside(old));
    } else {
        doubled()
            .filter_map(|slot| slot.current)
            .for_each(|new| draft.remove(new, Reason::HostNotWanted));
    }
    true
}

/// A unit in which a first start failed, or whose port others have meanwhile, is replaced as a whole, so
/// that it may find another host, unless a container that does not depend on the failed one does its work.
fn replace_failed_unit(draft: &mut Draft<'_>, shape: &Shape<'_>, order: &[usize]) -> bool {
    let configs = &draft.desired.configs;
    let displaced = |member: &Member| {
        member.displaced
            && member.state == MemberState::Stopped
            && matches!(draft.desired.scale, Scale::Fixed(_))
    };
    let failed = |member: &Member| member.state == MemberState::Error || displaced(member);
    let mut serving = shape.slots.iter().filter_map(Slot::serving);
    if !serving.any(|member| failed(member) && draft.is_due(member)) {
        return false;
    }
    let mut affected = vec![false; configs.len()];
    for &at in order {
        let provider = configs
            .get(at)
            .is_some_and(|config| config.after.iter().any(|at| affected.get(*at) == Some(&true)));
        if let Some(place) = affected.get_mut(at) {
            *place = provider || shape.serving(at).is_some_and(failed);
        }
    }
    let works = |at: usize, config: &Config| {
        affected.get(at) == Some(&false)
            && shape.serving(at).is_some_and(|member| is_at_work(member, config))
    };
    if configs.iter().enumerate().any(|(at, config)| works(at, config)) {
        return false;
    }
    let has_error = shape.unit.live.iter().any(|member| member.state == MemberState::Error);
    let reason = if has_error { Reason::Bad } else { Reason::Displaced };
    for member in &shape.unit.live {
        draft.remove(member, reason);
    }
    true
}

fn is_at_work(member: &Member, config: &Config) -> bool {
    match member.state {
        MemberState::Creating
        | MemberState::Starting
        | MemberState::Running
        | MemberState::Restarting => true,
        MemberState::Stopping | MemberState::Stopped => is_done(member, config),
        MemberState::Erroring
        | MemberState::Error
        | MemberState::Removing
        | MemberState::Removed => false,
    }
}

struct Steps<'d, 'a, 's> {
    draft: &'d mut Draft<'a>,
    shape: &'s Shape<'s>,
    turn: Turn,
    host: Option<i64>,
    fates: Vec<Fate>,
}

impl Steps<'_, '_, '_> {
    fn slot(&mut self, at: usize, config: &Config, slot: &Slot<'_>) -> Fate {
        let serving = match (self.turn, self.draft.desired.rollout.order) {
            _ if slot.old.is_empty() => slot.current,
            (Turn::Replace, Order::StopFirst) => match slot.current {
                Some(current) => Some(current),
                None => return Fate::Going,
            },
            (Turn::Replace, Order::StartFirst) => slot.current,
            (Turn::Keep | Turn::Restart { .. }, _) => slot.serving(),
        };
        match serving {
            Some(member) if slot.stale || self.any_provider(config, Fate::Going) => {
                self.draft.remove(member, Reason::ProviderGone);
                Fate::Going
            }
            Some(member)
                if member.state == MemberState::Stopped
                    && (self.draft.crowded || self.has_rival(slot)) =>
            {
                self.draft.busy(member);
                Fate::Down
            }
            Some(member) => self.member(config, member),
            None => self.vacant(at, config, slot),
        }
    }

    /// Another container for the same purpose has to be gone before this one may start, as when
    /// an upgrade is rolled back: both would ask for the same ports.
    fn has_rival(&self, slot: &Slot<'_>) -> bool {
        let is_replaced = slot.current.is_some() && !slot.old.is_empty();
        match self.draft.desired.rollout.order {
            Order::StopFirst => is_replaced || slot.leaving.is_some(),
            Order::StartFirst => false,
        }
    }

    /// Nothing is there: makes one, unless it has to wait for its predecessor or a provider.
    fn vacant(&mut self, at: usize, config: &Config, slot: &Slot<'_>) -> Fate {
        let start_first = self.draft.desired.rollout.order == Order::StartFirst;
        let in_the_way = slot.leaving.filter(|member| !(start_first && member.retired));
        if in_the_way.is_some() || self.any_provider(config, Fate::Going) {
            return Fate::Going;
        }
        let reason = if slot.old.is_empty() { Reason::Incomplete } else { Reason::Outdated };
        self.draft.add(&self.shape.unit, self.host, at, reason);
        Fate::Coming
    }

    fn member(&mut self, config: &Config, member: &Member) -> Fate {
        if is_done(member, config) {
            return Fate::Up;
        }
        match member.state {
            MemberState::Running => self.running(config, member),
            MemberState::Stopped => self.stopped(config, member),
            MemberState::Creating | MemberState::Starting | MemberState::Restarting => {
                self.draft.busy(member);
                Fate::Coming
            }
            MemberState::Error if self.draft.is_due(member) => {
                self.draft.remove(member, Reason::Bad);
                Fate::Going
            }
            MemberState::Error => {
                self.draft.back_off(member);
                Fate::Down
            }
            MemberState::Stopping | MemberState::Erroring => {
                self.draft.busy(member);
                Fate::Down
            }
            MemberState::Removing | MemberState::Removed => {
                self.draft.busy(member);
                Fate::Going
            }
        }
    }

    fn running(&mut self, config: &Config, member: &Member) -> Fate {
        if self.has_lost_network(config, member) {
            self.draft.stop(member, Reason::NetworkRestarted);
            return Fate::Down;
        }
        match self.turn {
            Turn::Restart { since } if awaits_restart(member, config, since) => {
                self.draft.stop(member, Reason::Restart);
                Fate::Down
            }
            Turn::Restart { .. } | Turn::Keep | Turn::Replace => Fate::Up,
        }
    }

    fn stopped(&mut self, config: &Config, member: &Member) -> Fate {
        if !self.draft.is_due(member) {
            self.draft.back_off(member);
        } else if config.after.iter().all(|at| self.fates.get(*at) == Some(&Fate::Up)) {
            self.draft.start(member, Reason::NotRunning);
            return Fate::Coming;
        } else {
            self.draft.busy(member);
        }
        Fate::Down
    }

    /// The container whose network it shares stopped, or was started after it.
    fn has_lost_network(&self, config: &Config, member: &Member) -> bool {
        let provider = config
            .network_of
            .and_then(|at| Some((self.draft.desired.configs.get(at)?, self.shape.serving(at)?)));
        let Some((provider_config, provider)) = provider else { return false };
        if is_done(provider, provider_config) {
            return false;
        }
        match provider.state {
            MemberState::Running => match (member.started_at, provider.started_at) {
                (Some(own), Some(providers)) => own < providers,
                (None, _) | (_, None) => false,
            },
            MemberState::Stopping
            | MemberState::Stopped
            | MemberState::Starting
            | MemberState::Restarting => true,
            MemberState::Creating
            | MemberState::Erroring
            | MemberState::Error
            | MemberState::Removing
            | MemberState::Removed => false,
        }
    }

    fn any_provider(&self, config: &Config, fate: Fate) -> bool {
        config.after.iter().any(|at| self.fates.get(*at) == Some(&fate))
    }
}
