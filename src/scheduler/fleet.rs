//! The index of facts that placement reads, and the changes that keep it true.
//!
//! Every change costs as much as the object it concerns, never as much as the fleet. Changes may
//! be repeated, and changes to unknown objects do nothing, because a process step may run twice.

use std::collections::{BTreeSet, HashMap};

use super::environment::Environment;
use super::facts::{
    EnvironmentId, Health, HostFacts, HostId, InstanceFacts, InstanceId, InstanceStanding,
    VolumeFacts, VolumeId,
};
use super::host::{Host, Placed, Slot};
use super::refusal::Refusal;

/// What the scheduler knows about all hosts of all environments.
#[derive(Clone, Debug, Default)]
pub struct Fleet {
    pub(super) environments: HashMap<EnvironmentId, Environment>,
    hosts: Vec<Option<Host>>,
    free: Vec<Slot>,
    slots: HashMap<HostId, Slot>,
    /// Boxed, so that the table stays small when it grows.
    instances: HashMap<InstanceId, Box<Placed>>,
    volumes: HashMap<VolumeId, VolumeFacts>,
    mounts: HashMap<VolumeId, BTreeSet<InstanceId>>,
}

/// An instance was said to be on a host that the fleet has not heard of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("host {0} is not known to the scheduler")]
pub struct UnknownHost(pub HostId);

impl Fleet {
    /// An empty fleet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Enters a host or takes over its new facts; instances placed on it stay. A host whose
    /// environment differs from what was known is a new host without instances.
    pub fn host_upsert(&mut self, facts: &HostFacts) {
        let known = self.slots.get(&facts.id).copied();
        let same = known.filter(|slot| {
            self.host(*slot).is_some_and(|host| host.environment == facts.environment)
        });
        if same.is_none() {
            self.host_remove(facts.id);
        }
        let slot = same.unwrap_or_else(|| self.slot_take());
        let mut host = self
            .hosts
            .get_mut(slot as usize)
            .and_then(Option::take)
            .unwrap_or_else(|| Host::new(slot, facts));
        let environment = self.environments.entry(facts.environment).or_default();
        if same.is_some() {
            environment.unrank(&host, host.rank());
            environment.delist(&host);
        }
        // Acquired before the old ones are released, so that unchanged labels keep their entries.
        let labels = environment.labels_acquire(&facts.labels);
        for label in std::mem::replace(&mut host.labels, labels) {
            environment.labels.release(label);
        }
        host.describe(facts);
        environment.enlist(&host);
        environment.rank(&host);
        self.slots.insert(facts.id, slot);
        if let Some(place) = self.hosts.get_mut(slot as usize) {
            *place = Some(host);
        }
    }

    /// Forgets a host and the instances on it.
    pub fn host_remove(&mut self, id: HostId) {
        let Some(slot) = self.slots.get(&id).copied() else { return };
        let placed: Vec<InstanceId> = self
            .host(slot)
            .map(|host| host.instances.iter().copied().collect())
            .unwrap_or_default();
        for instance in placed {
            self.instance_remove(instance);
        }
        self.slots.remove(&id);
        let Some(host) = self.hosts.get_mut(slot as usize).and_then(Option::take) else { return };
        self.free.push(slot);
        if let Some(environment) = self.environments.get_mut(&host.environment) {
            environment.unrank(&host, host.rank());
            environment.delist(&host);
            for label in &host.labels {
                environment.labels.release(*label);
            }
            if environment.hosts.is_empty() && environment.local_volumes.is_empty() {
                self.environments.remove(&host.environment);
            }
        }
    }

    /// Records an instance on a host, with the ports and reservations of its standing. An instance
    /// that was recorded before is replaced.
    ///
    /// # Errors
    /// When the host is unknown; an earlier record of the instance is gone all the same.
    pub fn instance_place(
        &mut self,
        host: HostId,
        facts: InstanceFacts,
    ) -> Result<(), UnknownHost> {
        self.instance_remove(facts.id);
        let unknown = UnknownHost(host);
        let slot = *self.slots.get(&host).ok_or(unknown)?;
        let host = self.hosts.get_mut(slot as usize).and_then(Option::as_mut).ok_or(unknown)?;
        let environment = self.environments.entry(host.environment).or_default();
        let names = [facts.name.as_str(), facts.uuid.as_str()];
        let marks = environment.marks_acquire(slot, &facts.labels, names);
        if let Some(unit) = &facts.unit {
            match environment.units.get_mut(unit) {
                Some(instances) => instances.push(facts.id),
                None => {
                    environment.units.insert(unit.clone(), vec![facts.id]);
                }
            }
        }
        let placed = Box::new(Placed::new(slot, marks, facts));
        for volume in &placed.volumes {
            self.mounts.entry(*volume).or_default().insert(placed.id);
        }
        host.instances.insert(placed.id);
        change(environment, host, |host| host.hold(&placed));
        self.instances.insert(placed.id, placed);
        Ok(())
    }

    /// Sets what an instance holds; it stays on its host and counts for affinity.
    pub fn instance_standing(&mut self, id: InstanceId, standing: InstanceStanding) {
        let Some(placed) = self.instances.get_mut(&id) else { return };
        let Some(host) = self.hosts.get_mut(placed.slot as usize).and_then(Option::as_mut) else {
            return;
        };
        let Some(environment) = self.environments.get_mut(&host.environment) else { return };
        change(environment, host, |host| {
            host.release(placed);
            placed.standing = standing;
            host.hold(placed);
        });
    }

    /// Releases an instance's ports and reservations.
    pub fn instance_stop(&mut self, id: InstanceId) {
        let standing = match self.instances.get(&id).map(|placed| placed.standing) {
            None => return,
            Some(
                InstanceStanding::Running | InstanceStanding::Stopping | InstanceStanding::Stopped,
            ) => InstanceStanding::Stopped,
            Some(
                InstanceStanding::SupersededRunning
                | InstanceStanding::SupersededStopping
                | InstanceStanding::SupersededStopped,
            ) => InstanceStanding::SupersededStopped,
        };
        self.instance_standing(id, standing);
    }

    /// Takes an instance's ports and reservations again, on the host it has, even if that is more
    /// than the host offers: a container never moves.
    pub fn instance_start(&mut self, id: InstanceId) {
        self.instance_standing(id, InstanceStanding::Running);
    }

    /// Sets an instance's health, which matters to `singleInstanceRW` volumes.
    pub fn instance_health(&mut self, id: InstanceId, health: Health) {
        if let Some(placed) = self.instances.get_mut(&id) {
            placed.health = health;
        }
    }

    /// Forgets an instance.
    pub fn instance_remove(&mut self, id: InstanceId) {
        let Some(placed) = self.instances.remove(&id) else { return };
        for volume in &placed.volumes {
            if let Some(mounting) = self.mounts.get_mut(volume) {
                mounting.remove(&id);
                if mounting.is_empty() {
                    self.mounts.remove(volume);
                }
            }
        }
        let Some(host) = self.hosts.get_mut(placed.slot as usize).and_then(Option::as_mut) else {
            return;
        };
        host.instances.remove(&id);
        let Some(environment) = self.environments.get_mut(&host.environment) else { return };
        environment.marks_release(placed.slot, &placed.marks);
        if let Some(unit) = &placed.unit
            && let Some(instances) = environment.units.get_mut(unit)
        {
            instances.retain(|instance| *instance != id);
            if instances.is_empty() {
                environment.units.remove(unit);
            }
        }
        change(environment, host, |host| host.release(&placed));
    }

    /// Enters a named volume or takes over its new facts.
    pub fn volume_upsert(&mut self, facts: VolumeFacts) {
        self.volume_remove(facts.id);
        if facts.host.is_some() {
            let environment = self.environments.entry(facts.environment).or_default();
            let named = environment.local_volumes.entry(facts.name.to_lowercase()).or_default();
            named.insert(facts.id);
        }
        self.volumes.insert(facts.id, facts);
    }

    /// Forgets a volume.
    pub fn volume_remove(&mut self, id: VolumeId) {
        let Some(facts) = self.volumes.remove(&id) else { return };
        let Some(environment) = self.environments.get_mut(&facts.environment) else { return };
        let name = facts.name.to_lowercase();
        if let Some(named) = environment.local_volumes.get_mut(&name) {
            named.remove(&id);
            if named.is_empty() {
                environment.local_volumes.remove(&name);
            }
        }
    }

    /// The host an instance is on.
    pub fn instance_host(&self, id: InstanceId) -> Option<HostId> {
        Some(self.host(self.instances.get(&id)?.slot)?.id)
    }

    /// Who runs on the host of a stopped instance with a port that it needs to start again; the oldest
    /// of several.
    pub fn port_rival(&self, id: InstanceId) -> Option<InstanceId> {
        let placed = self.placed(id)?;
        let host = self.host(placed.slot)?;
        let holders = placed.ports.iter().filter_map(|port| host.port_holder(port));
        let runs = |holder: &InstanceId| {
            let standing = self.placed(*holder).map(|placed| placed.standing);
            *holder != id && standing == Some(InstanceStanding::Running)
        };
        holders.filter(runs).min()
    }

    /// How many instances hold reservations on a host; 0 for an unknown host.
    pub fn instance_count(&self, host: HostId) -> usize {
        let host = self.slots.get(&host).and_then(|slot| self.host(*slot));
        let placed = host.map(|host| host.instances.iter()).into_iter().flatten();
        placed
            .filter_map(|id| self.instances.get(id))
            .filter(|placed| placed.standing.holds_reservations())
            .count()
    }

    /// The host that the placed members of a deployment unit are on, old ones of an upgrade aside.
    ///
    /// # Errors
    /// When they are on different hosts.
    pub fn unit_host(
        &self,
        environment: EnvironmentId,
        unit: &str,
    ) -> Result<Option<HostId>, Refusal> {
        let Some(environment) = self.environments.get(&environment) else { return Ok(None) };
        let mut hosts: Vec<HostId> = environment
            .units
            .get(unit)
            .into_iter()
            .flatten()
            .filter_map(|id| self.instances.get(id))
            .filter(|placed| placed.standing.ties_unit())
            .filter_map(|placed| Some(self.host(placed.slot)?.id))
            .collect();
        hosts.sort_unstable();
        hosts.dedup();
        match hosts.as_slice() {
            [] => Ok(None),
            [host] => Ok(Some(*host)),
            _ => Err(Refusal::UnitApart { unit: unit.to_owned(), hosts }),
        }
    }

    pub(super) fn host(&self, slot: Slot) -> Option<&Host> {
        self.hosts.get(slot as usize)?.as_ref()
    }

    pub(super) fn host_by_id(&self, id: HostId) -> Option<&Host> {
        self.host(*self.slots.get(&id)?)
    }

    pub(super) fn placed(&self, id: InstanceId) -> Option<&Placed> {
        self.instances.get(&id).map(Box::as_ref)
    }

    pub(super) fn volume(&self, id: VolumeId) -> Option<&VolumeFacts> {
        self.volumes.get(&id)
    }

    /// The instances that mount a volume and run, by id.
    pub(super) fn volume_users(&self, id: VolumeId) -> impl Iterator<Item = &Placed> {
        self.mounts
            .get(&id)
            .into_iter()
            .flatten()
            .filter_map(|instance| self.placed(*instance))
            .filter(|placed| placed.standing.holds_reservations())
    }

    fn slot_take(&mut self) -> Slot {
        self.free.pop().unwrap_or_else(|| {
            self.hosts.push(None);
            Slot::try_from(self.hosts.len() - 1).unwrap_or(Slot::MAX)
        })
    }
}

/// Changes what is taken on a host and moves it in the orders if that changed its rank.
fn change(environment: &mut Environment, host: &mut Host, taken: impl FnOnce(&mut Host)) {
    let before = host.rank();
    taken(host);
    if host.rank() != before {
        environment.unrank(host, before);
        environment.rank(host);
    }
}
