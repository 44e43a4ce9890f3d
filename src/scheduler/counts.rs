//! How often something is found on each host.

use super::host::Slot;

/// Counts per host, sorted by slot. Most labels that matter are found on few hosts, and those of
/// one container on one, so a plain list beats a tree in time and memory.
#[derive(Clone, Debug, Default)]
pub struct HostCounts {
    counts: Vec<(Slot, u32)>,
}

impl HostCounts {
    /// Counts one more.
    pub(super) fn add(&mut self, slot: Slot) {
        match self.counts.binary_search_by_key(&slot, |(slot, _)| *slot) {
            Ok(at) => {
                if let Some((_, count)) = self.counts.get_mut(at) {
                    *count += 1;
                }
            }
            Err(at) => self.counts.insert(at, (slot, 1)),
        }
    }

    /// Counts one less; hosts that come to none are left out.
    pub(super) fn take(&mut self, slot: Slot) {
        let Ok(at) = self.counts.binary_search_by_key(&slot, |(slot, _)| *slot) else { return };
        let Some((_, count)) = self.counts.get_mut(at) else { return };
        *count -= 1;
        if *count == 0 {
            self.counts.remove(at);
        }
    }

    /// How many there are on a host.
    pub(super) fn on(&self, slot: Slot) -> u32 {
        let at = self.counts.binary_search_by_key(&slot, |(slot, _)| *slot).ok();
        at.and_then(|at| self.counts.get(at)).map_or(0, |(_, count)| *count)
    }

    /// The hosts that have any.
    pub(super) fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.counts.iter().map(|(slot, _)| slot)
    }

    /// How many hosts have any.
    pub(super) fn len(&self) -> usize {
        self.counts.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_per_host() {
        let mut counts = HostCounts::default();
        for slot in [5, 1, 5, 9] {
            counts.add(slot);
        }
        counts.take(9);
        counts.take(7);
        assert_eq!([1, 5, 7, 9].map(|slot| counts.on(slot)), [1, 2, 0, 0]);
        assert_eq!(counts.slots().collect::<Vec<_>>(), [&1, &5]);
        assert_eq!(counts.len(), 2);
    }
}
