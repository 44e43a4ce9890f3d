//! Access modes of named volumes: `singleHostRW` stays on one host, `singleInstanceRW` with one
//! container.

use super::{Constraint, Host, Number, Refusal, View};
use crate::scheduler::facts::{AccessMode, Health, HostId, VolumeFacts};
use crate::scheduler::place::Candidates;
use crate::scheduler::request::VolumeNeed;

/// The volume is, or was last, used on one host.
struct OneHost<'a> {
    volume: &'a VolumeFacts,
    id: HostId,
    host: Option<&'a Host>,
    soft: bool,
}

/// The volume is taken.
struct Taken<'a> {
    volume: &'a VolumeFacts,
    by: &'a str,
}

pub(super) fn constraints<'a>(
    view: &View<'a>,
    into: &mut Vec<Box<dyn Constraint + 'a>>,
) -> Result<(), Refusal> {
    for need in view.request.members.iter().flat_map(|member| &member.volumes) {
        let VolumeNeed::Existing(id) = need else { continue };
        let Some(volume) = view.fleet.volume(*id) else { continue };
        match volume.access {
            AccessMode::MultiHostRw => {}
            AccessMode::SingleHostRw => into.extend(one_host(view, volume)?),
            AccessMode::SingleInstanceRw => {
                let mut users = view.fleet.volume_users(volume.id);
                if let Some(user) = users.find(|user| user.health == Health::Fine) {
                    into.push(Box::new(Taken { volume, by: &user.name }));
                }
            }
        }
    }
    Ok(())
}

fn one_host<'a>(
    view: &View<'a>,
    volume: &'a VolumeFacts,
) -> Result<Option<Box<dyn Constraint + 'a>>, Refusal> {
    let fleet = view.fleet;
    let mut hosts: Vec<&'a Host> =
        fleet.volume_users(volume.id).filter_map(|user| fleet.host(user.slot)).collect();
    hosts.sort_by_key(|host| host.id);
    hosts.dedup_by_key(|host| host.id);
    Ok(match (hosts.as_slice(), volume.last_host) {
        ([], None) => None,
        ([], Some(id)) => {
            Some(Box::new(OneHost { volume, id, host: fleet.host_by_id(id), soft: true }))
        }
        ([host], _) => {
            Some(Box::new(OneHost { volume, id: host.id, host: Some(host), soft: false }))
        }
        (several, _) => {
            return Err(Refusal::VolumeSpread {
                volume: shown(volume),
                hosts: several.iter().map(|host| host.name.clone()).collect(),
            });
        }
    })
}

fn shown(volume: &VolumeFacts) -> String {
    format!("{}(id: {})", volume.name, volume.id)
}

impl Constraint for OneHost<'_> {
    fn is_pin(&self) -> bool {
        true
    }

    fn is_soft(&self) -> bool {
        self.soft
    }

    fn fits(&self, host: &Host) -> bool {
        host.id == self.id
    }

    fn demand(&self) -> String {
        let name = self.host.map_or("removed", |host| &host.name);
        format!("Volume {} can only be used on host {name}(id: {})", shown(self.volume), self.id)
    }

    fn shortfall(&self, _host: &Host, _number: Number) -> String {
        let name = self.host.map_or("a removed host", |host| &host.name);
        format!("cannot use volume {}, which is in use on {name}", self.volume.name)
    }

    fn candidates(&self) -> Candidates<'_> {
        Candidates::Listed(self.host.iter().map(|host| host.slot).collect())
    }
}

impl Constraint for Taken<'_> {
    fn fits(&self, _host: &Host) -> bool {
        false
    }

    fn demand(&self) -> String {
        format!(
            "Volume {} has access mode {} and is currently mounted by {}",
            shown(self.volume),
            self.volume.access.as_str(),
            self.by
        )
    }

    fn shortfall(&self, _host: &Host, _number: Number) -> String {
        format!("cannot use volume {}, which {} has mounted", self.volume.name, self.by)
    }

    fn remedy(&self, _host: &Host) -> Option<String> {
        Some(format!("stop {}", self.by))
    }

    fn candidates(&self) -> Candidates<'_> {
        Candidates::Listed(Vec::new())
    }
}
