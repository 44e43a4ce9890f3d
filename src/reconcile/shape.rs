//! What one unit has for each launch configuration.

use super::configs;
use super::facts::{Config, Health, Member, MemberState, Order};
use super::plan::Reason;
use super::unit::Unit;

/// A unit that stays, sorted by launch configuration.
pub(super) struct Shape<'a> {
    pub unit: Unit<'a>,
    /// One for each configuration.
    pub slots: Vec<Slot<'a>>,
    /// Containers to be removed whatever else happens.
    pub strays: Vec<(&'a Member, Reason)>,
    /// Containers of configurations that are no longer there.
    pub unknown: Vec<&'a Member>,
}

/// The containers for one launch configuration of a unit.
#[derive(Clone, Default)]
pub(super) struct Slot<'a> {
    /// The container made from the present version.
    pub current: Option<&'a Member>,
    /// `current` uses the volumes or network of a container that is gone.
    pub stale: bool,
    /// Outdated containers, and those that use an outdated one.
    pub old: Vec<&'a Member>,
    /// A container on its way out.
    pub leaving: Option<&'a Member>,
}

impl<'a> Slot<'a> {
    /// The container that does the work now.
    pub fn serving(&self) -> Option<&'a Member> {
        self.current.or_else(|| self.old.first().copied())
    }
}

impl<'a> Shape<'a> {
    /// Sorts the members of `unit`. `order` is the creation order.
    pub fn of(unit: Unit<'a>, configs: &[Config], order: &[usize]) -> Shape<'a> {
        let mut slots = vec![Slot::default(); configs.len()];
        let mut same = vec![Vec::new(); configs.len()];
        let mut unknown = Vec::new();
        for member in &unit.live {
            let place = configs::position(configs, member.config.as_deref());
            let Some(((config, slot), same)) = place
                .and_then(|at| Some(configs.get(at)?).zip(slots.get_mut(at)).zip(same.get_mut(at)))
            else {
                unknown.push(*member);
                continue;
            };
            if member.version == config.version {
                same.push(*member);
            } else {
                slot.old.push(member);
            }
        }
        for member in &unit.leaving {
            let place = configs::position(configs, member.config.as_deref());
            if let Some(slot) = place.and_then(|at| slots.get_mut(at)) {
                slot.leaving = Some(member);
            }
        }
        let mut shape = Shape { unit, slots, strays: Vec::new(), unknown };
        for &at in order {
            if let (Some(config), Some(same)) = (configs.get(at), same.get_mut(at)) {
                shape.fill(at, config, std::mem::take(same));
            }
        }
        shape
    }

    /// Chooses the slot's current container among those of the right version. Providers come first.
    ///
    /// Containers refer to their providers from when they were made, so one that is older than its
    /// provider refers to an earlier provider.
    fn fill(&mut self, at: usize, config: &Config, same: Vec<&'a Member>) {
        let providers: Vec<&Slot<'a>> =
            config.after.iter().filter_map(|at| self.slots.get(*at)).collect();
        let newest = providers
            .iter()
            .map(|slot| slot.current.map_or(i64::MAX, |provider| provider.id))
            .max()
            .unwrap_or(i64::MIN);
        let replaces_provider = providers.iter().any(|slot| !slot.old.is_empty());
        let (mut fits, misfits): (Vec<&Member>, Vec<&Member>) =
            same.into_iter().partition(|member| member.id > newest);
        fits.sort_by_key(|member| (rank(member), member.id));
        let Some(slot) = self.slots.get_mut(at) else { return };
        let mut fits = fits.into_iter();
        slot.current = fits.next();
        self.strays.extend(fits.map(|member| (member, Reason::Duplicate)));
        for member in misfits {
            if replaces_provider {
                slot.old.push(member);
            } else if slot.current.is_none() {
                slot.current = Some(member);
                slot.stale = true;
            } else {
                self.strays.push((member, Reason::ProviderGone));
            }
        }
        slot.old.sort_by_key(|member| (rank(member), member.id));
    }

    /// A container is outdated.
    pub fn is_outdated(&self) -> bool {
        !self.unknown.is_empty() || self.slots.iter().any(|slot| !slot.old.is_empty())
    }

    /// Its replacement has begun.
    pub fn is_begun(&self, order: Order) -> bool {
        let has_both =
            || self.slots.iter().any(|slot| slot.current.is_some() && !slot.old.is_empty());
        let is_going = || {
            !self.unit.leaving.is_empty()
                || self.old().any(|member| member.state == MemberState::Stopping)
        };
        self.is_outdated()
            && match order {
                Order::StopFirst => is_going() || has_both(),
                Order::StartFirst => has_both(),
            }
    }

    /// Every configuration has an up-to-date container that runs and is healthy, or is done.
    pub fn is_renewed(&self, configs: &[Config]) -> bool {
        self.slots.iter().zip(configs).all(|(slot, config)| {
            !slot.stale && slot.current.is_some_and(|member| is_ready(member, config))
        })
    }

    /// Every configuration has a container of any version that runs and is healthy, or is done.
    pub fn is_ready(&self, configs: &[Config]) -> bool {
        self.slots
            .iter()
            .zip(configs)
            .all(|(slot, config)| slot.serving().is_some_and(|member| is_ready(member, config)))
    }

    /// A configuration has no container.
    pub fn is_incomplete(&self) -> bool {
        self.slots.iter().any(|slot| slot.serving().is_none())
    }

    /// Outdated containers of configurations that are still there.
    pub fn old(&self) -> impl Iterator<Item = &'a Member> {
        self.slots.iter().flat_map(|slot| slot.old.iter().copied())
    }

    /// The container doing the work of the configuration at this position.
    pub fn serving(&self, at: usize) -> Option<&'a Member> {
        self.slots.get(at)?.serving()
    }
}

/// It runs and is healthy, or has nothing more to do.
pub(super) fn is_ready(member: &Member, config: &Config) -> bool {
    is_done(member, config)
        || (member.state == MemberState::Running
            && matches!(member.health, None | Some(Health::Healthy)))
}

/// A start-once container that has run (services.md, section 7).
pub(super) fn is_done(member: &Member, config: &Config) -> bool {
    config.start_once
        && member.started_once
        && matches!(member.state, MemberState::Stopping | MemberState::Stopped)
}

/// Which of several containers doing the same to keep: the lowest.
fn rank(member: &Member) -> u8 {
    match member.state {
        MemberState::Running if member.health == Some(Health::Unhealthy) => 1,
        MemberState::Running => 0,
        MemberState::Starting | MemberState::Restarting => 2,
        MemberState::Creating => 3,
        MemberState::Stopped => 4,
        MemberState::Stopping => 5,
        MemberState::Erroring | MemberState::Error => 6,
        MemberState::Removing | MemberState::Removed => 7,
    }
}
