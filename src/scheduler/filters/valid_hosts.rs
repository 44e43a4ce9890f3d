//! The host of the unit's other members, and the host the user asks for.

use super::{Constraint, Host, Number, Refusal, View};
use crate::scheduler::facts::HostId;
use crate::scheduler::host::Slot;
use crate::scheduler::place::Candidates;

struct Bound {
    host: HostId,
    slot: Option<Slot>,
    name: String,
}

pub(super) fn constraints<'a>(
    view: &View<'a>,
    into: &mut Vec<Box<dyn Constraint + 'a>>,
) -> Result<(), Refusal> {
    for id in view.bound_to {
        let host = view.fleet.host_by_id(*id);
        let name = host.map_or_else(|| format!("host {id}"), |host| host.name.clone());
        into.push(Box::new(Bound { host: *id, slot: host.map(|host| host.slot), name }));
    }
    Ok(())
}

impl Constraint for Bound {
    fn is_pin(&self) -> bool {
        true
    }

    fn fits(&self, host: &Host) -> bool {
        host.id == self.host
    }

    fn demand(&self) -> String {
        super::valid_hosts(&[self.host])
    }

    fn shortfall(&self, _host: &Host, number: Number) -> String {
        format!("{} not {}, which the unit is bound to", number.verb("is", "are"), self.name)
    }

    fn candidates(&self) -> Candidates<'_> {
        Candidates::Listed(self.slot.into_iter().collect())
    }
}
