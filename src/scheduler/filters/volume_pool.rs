//! Where named volumes can be reached: the host that has a local volume, the hosts mapped to a
//! shared volume's pool, the hosts that run a storage driver.

use std::collections::BTreeSet;

use super::{Constraint, Host, Number, Refusal, View};
use crate::scheduler::affinity::affinity_rest;
use crate::scheduler::facts::{HostId, VolumeFacts, driver_is_local};
use crate::scheduler::host::Slot;
use crate::scheduler::place::Candidates;
use crate::scheduler::request::{Member, VolumeNeed};

/// One of these hosts, because of a volume or a driver.
struct Reach<'a> {
    view: View<'a>,
    hosts: Hosts<'a>,
    /// `volume data`, or `storage driver nfs`.
    what: String,
}

enum Hosts<'a> {
    /// Those of a pool or a driver; none when nothing is mapped to it.
    Mapped(Option<&'a BTreeSet<Slot>>),
    /// Those that have a local volume.
    Few(Vec<Slot>),
}

pub(super) fn constraints<'a>(
    view: &View<'a>,
    into: &mut Vec<Box<dyn Constraint + 'a>>,
) -> Result<(), Refusal> {
    for member in &view.request.members {
        for need in &member.volumes {
            let reach = match need {
                VolumeNeed::Existing(id) => {
                    view.fleet.volume(*id).and_then(|volume| existing(view, volume))
                }
                VolumeNeed::New { driver, .. } => of_driver(view, driver),
            };
            push(reach, into);
        }
        push(of_driver(view, member.volume_driver.as_deref().unwrap_or_default()), into);
        for reach in named_by_label(view, member) {
            push(Some(reach), into);
        }
    }
    Ok(())
}

fn push<'a>(reach: Option<Reach<'a>>, into: &mut Vec<Box<dyn Constraint + 'a>>) {
    if let Some(reach) = reach {
        into.push(Box::new(reach));
    }
}

fn existing<'a>(view: &View<'a>, volume: &VolumeFacts) -> Option<Reach<'a>> {
    let hosts = match (volume.host, volume.pool) {
        (Some(host), _) => Hosts::Few(known(view, [host])),
        (None, Some(pool)) => Hosts::Mapped(view.environment.pools.get(&pool)),
        (None, None) => return of_driver(view, &volume.driver),
    };
    Some(Reach { view: *view, hosts, what: format!("volume {}", volume.name) })
}

fn of_driver<'a>(view: &View<'a>, driver: &str) -> Option<Reach<'a>> {
    if driver_is_local(driver) {
        return None;
    }
    let hosts = Hosts::Mapped(view.environment.drivers.get(driver));
    Some(Reach { view: *view, hosts, what: format!("storage driver {driver}") })
}

/// `io.rancher.scheduler.affinity:volumes=a,b` goes where local volumes of these names are; a name
/// without a volume yet constrains nothing.
fn named_by_label<'a>(view: &View<'a>, member: &Member) -> Vec<Reach<'a>> {
    let mut reaches = Vec::new();
    for (key, value) in &member.labels {
        if affinity_rest(key).as_deref() != Some("volumes") {
            continue;
        }
        for name in value.split(',').map(|name| name.trim().to_lowercase()) {
            if let Some(volumes) = view.environment.local_volumes.get(&name) {
                let hosts = volumes.iter().filter_map(|id| view.fleet.volume(*id)?.host);
                let hosts = Hosts::Few(known(view, hosts));
                reaches.push(Reach { view: *view, hosts, what: format!("volume {name}") });
            }
        }
    }
    reaches
}

fn known(view: &View<'_>, ids: impl IntoIterator<Item = HostId>) -> Vec<Slot> {
    let slots = &view.environment.hosts;
    let mut hosts: Vec<Slot> = ids.into_iter().filter_map(|id| slots.get(&id).copied()).collect();
    hosts.sort_unstable();
    hosts.dedup();
    hosts
}

impl Constraint for Reach<'_> {
    fn is_pin(&self) -> bool {
        true
    }

    fn fits(&self, host: &Host) -> bool {
        match &self.hosts {
            Hosts::Mapped(slots) => slots.is_some_and(|slots| slots.contains(&host.slot)),
            Hosts::Few(slots) => slots.contains(&host.slot),
        }
    }

    fn demand(&self) -> String {
        let slots: Vec<Slot> = match &self.hosts {
            Hosts::Mapped(slots) => slots.iter().copied().flatten().copied().collect(),
            Hosts::Few(slots) => slots.clone(),
        };
        let hosts = slots.into_iter().filter_map(|slot| self.view.fleet.host(slot));
        let mut ids: Vec<HostId> = hosts.map(|host| host.id).collect();
        ids.sort_unstable();
        super::valid_hosts(&ids)
    }

    fn shortfall(&self, _host: &Host, _number: Number) -> String {
        format!("cannot reach {}", self.what)
    }

    fn candidates(&self) -> Candidates<'_> {
        match &self.hosts {
            Hosts::Mapped(Some(slots)) => Candidates::Mapped(slots),
            Hosts::Mapped(None) => Candidates::Listed(Vec::new()),
            Hosts::Few(slots) => Candidates::Listed(slots.clone()),
        }
    }
}
