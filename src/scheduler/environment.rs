//! The index of one environment: hosts in order of preference, and who has which label.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::counts::HostCounts;
use super::facts::{HostId, Images, InstanceId, PoolId, VolumeId, driver_is_local};
use super::host::{Host, Rank, Slot};
use super::interner::{Interner, TextId};

/// Everything that is indexed per environment.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// Every host, eligible or not, by id.
    pub(super) hosts: BTreeMap<HostId, Slot>,
    /// The eligible hosts, best first.
    pub(super) order: BTreeSet<Rank>,
    /// Host labels: the eligible hosts that carry each one, best first.
    pub(super) labels: Interner<BTreeSet<Rank>>,
    /// Labels, names and uuids of placed instances, and how many instances of each host have them.
    pub(super) marks: Interner<HostCounts>,
    /// The placed instances of each deployment unit.
    pub(super) units: HashMap<String, Vec<InstanceId>>,
    /// The hosts mapped to each shared pool.
    pub(super) pools: HashMap<PoolId, BTreeSet<Slot>>,
    /// The hosts mapped to a pool of each storage driver.
    pub(super) drivers: HashMap<String, BTreeSet<Slot>>,
    /// Host-bound volumes by lower-case name.
    pub(super) local_volumes: HashMap<String, BTreeSet<VolumeId>>,
    /// How many hosts have a `require_any` label.
    pub(super) picky_hosts: usize,
    /// Hosts that do not run images of every kind.
    pub(super) choosy_hosts: usize,
}

impl Environment {
    /// Enters an eligible host into the orders.
    pub(super) fn rank(&mut self, host: &Host) {
        if !host.standing.takes_new() {
            return;
        }
        let rank = host.rank();
        self.order.insert(rank);
        for label in &host.labels {
            if let Some(ranked) = self.labels.value_mut(*label) {
                ranked.insert(rank);
            }
        }
    }

    /// Takes a host out of the orders; `rank` is the one it was entered with.
    pub(super) fn unrank(&mut self, host: &Host, rank: Rank) {
        if !host.standing.takes_new() {
            return;
        }
        self.order.remove(&rank);
        for label in &host.labels {
            if let Some(ranked) = self.labels.value_mut(*label) {
                ranked.remove(&rank);
            }
        }
    }

    /// Enters what does not change with load: id, pools, pickiness.
    pub(super) fn enlist(&mut self, host: &Host) {
        self.hosts.insert(host.id, host.slot);
        for mapping in &host.pools {
            self.pools.entry(mapping.pool).or_default().insert(host.slot);
            if !driver_is_local(&mapping.driver) {
                self.drivers.entry(mapping.driver.clone()).or_default().insert(host.slot);
            }
        }
        self.picky_hosts += usize::from(!host.require_any.is_empty());
        self.choosy_hosts += usize::from(host.images != Images::Any);
    }

    /// The reverse of [`Self::enlist`].
    pub(super) fn delist(&mut self, host: &Host) {
        self.hosts.remove(&host.id);
        for mapping in &host.pools {
            if let Some(slots) = self.pools.get_mut(&mapping.pool) {
                slots.remove(&host.slot);
                if slots.is_empty() {
                    self.pools.remove(&mapping.pool);
                }
            }
            if let Some(slots) = self.drivers.get_mut(&mapping.driver) {
                slots.remove(&host.slot);
                if slots.is_empty() {
                    self.drivers.remove(&mapping.driver);
                }
            }
        }
        self.picky_hosts -= usize::from(!host.require_any.is_empty());
        self.choosy_hosts -= usize::from(host.images != Images::Any);
    }

    /// Interns labels, each once.
    pub(super) fn labels_acquire(&mut self, labels: &[(String, String)]) -> Vec<TextId> {
        let mut text = String::new();
        let mut ids: Vec<TextId> = Vec::with_capacity(labels.len());
        for (key, value) in labels {
            label_text(&mut text, key, value);
            let id = self.labels.acquire(&text);
            if ids.contains(&id) {
                self.labels.release(id);
            } else {
                ids.push(id);
            }
        }
        ids
    }

    /// Counts an instance's labels and names on a host.
    pub(super) fn marks_acquire(
        &mut self,
        slot: Slot,
        labels: &[(String, String)],
        names: [&str; 2],
    ) -> Vec<TextId> {
        let mut text = String::new();
        let mut ids: Vec<TextId> = Vec::with_capacity(labels.len() + names.len());
        for (key, value) in labels {
            label_text(&mut text, key, value);
            self.mark_acquire(slot, &text, &mut ids);
        }
        for name in names.into_iter().filter(|name| !name.is_empty()) {
            text.clear();
            lower_push(&mut text, name);
            self.mark_acquire(slot, &text, &mut ids);
        }
        ids
    }

    fn mark_acquire(&mut self, slot: Slot, text: &str, ids: &mut Vec<TextId>) {
        let id = self.marks.acquire(text);
        if ids.contains(&id) {
            self.marks.release(id);
            return;
        }
        ids.push(id);
        if let Some(counts) = self.marks.value_mut(id) {
            counts.add(slot);
        }
    }

    /// The reverse of [`Self::marks_acquire`].
    pub(super) fn marks_release(&mut self, slot: Slot, marks: &[TextId]) {
        for mark in marks {
            if let Some(counts) = self.marks.value_mut(*mark) {
                counts.take(slot);
            }
            self.marks.release(*mark);
        }
    }
}

/// The interned form of a label. A NUL cannot be part of a name, so labels and names do not mix.
pub(super) fn label_text(into: &mut String, key: &str, value: &str) {
    into.clear();
    lower_push(into, key);
    into.push('\0');
    lower_push(into, value);
}

/// Appends in lower case, without allocating for ASCII.
fn lower_push(into: &mut String, text: &str) {
    if text.is_ascii() {
        let start = into.len();
        into.push_str(text);
        if let Some(added) = into.get_mut(start..) {
            added.make_ascii_lowercase();
        }
    } else {
        into.push_str(&text.to_lowercase());
    }
}
