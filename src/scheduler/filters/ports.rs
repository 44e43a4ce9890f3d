//! Public ports: free on the host, once in the unit, and put on one of the host's scheduler
//! addresses when they name none.

use std::net::IpAddr;

use super::{Constraint, Host, Number, Refusal, View};
use crate::scheduler::facts::PortBinding;
use crate::scheduler::fleet::Fleet;
use crate::scheduler::place::PortAssignment;
use crate::scheduler::request::Request;

struct FreePorts<'a> {
    fleet: &'a Fleet,
    wanted: Vec<PortBinding>,
}

pub(super) fn constraints<'a>(
    view: &View<'a>,
    into: &mut Vec<Box<dyn Constraint + 'a>>,
) -> Result<(), Refusal> {
    let mut wanted: Vec<PortBinding> = Vec::new();
    for port in view.request.members.iter().flat_map(|member| &member.ports) {
        if wanted.iter().any(|other| other.clashes(port)) {
            return Err(Refusal::PortTwice(*port));
        }
        wanted.push(*port);
    }
    if !wanted.is_empty() {
        into.push(Box::new(FreePorts { fleet: view.fleet, wanted }));
    }
    Ok(())
}

/// The scheduler addresses for ports that name none. On a host that the user asked for the address
/// may be taken: over-reservation is what asking means.
pub(in crate::scheduler) fn assign(request: &Request, host: &Host) -> Vec<PortAssignment> {
    let Some(first) = host.addresses.first() else { return Vec::new() };
    let mut assigned = Vec::new();
    for (member, ports) in request.members.iter().map(|member| &member.ports).enumerate() {
        for (port, wanted) in ports.iter().enumerate().filter(|(_, port)| port.address.is_none()) {
            let address = scheduler_address(wanted, host).unwrap_or(*first);
            assigned.push(PortAssignment { member, port, address });
        }
    }
    assigned
}

fn scheduler_address(wanted: &PortBinding, host: &Host) -> Option<IpAddr> {
    host.addresses.iter().copied().find(|address| {
        host.port_holder(&PortBinding { address: Some(*address), ..*wanted }).is_none()
    })
}

fn is_free(wanted: &PortBinding, host: &Host) -> bool {
    if wanted.address.is_none() && !host.addresses.is_empty() {
        return scheduler_address(wanted, host).is_some();
    }
    host.port_holder(wanted).is_none()
}

impl FreePorts<'_> {
    fn taken<'p>(&'p self, host: &'p Host) -> impl Iterator<Item = &'p PortBinding> {
        self.wanted.iter().filter(|port| !is_free(port, host))
    }
}

impl Constraint for FreePorts<'_> {
    fn fits(&self, host: &Host) -> bool {
        self.wanted.iter().all(|port| is_free(port, host))
    }

    fn demand(&self) -> String {
        format!("host needs ports {} available", list(self.wanted.iter()))
    }

    fn shortfall(&self, host: &Host, number: Number) -> String {
        let taken = list(self.taken(host));
        let noun = if taken.contains(',') { "ports" } else { "port" };
        format!("already {} {noun} {taken}", number.verb("uses", "use"))
    }

    fn remedy(&self, host: &Host) -> Option<String> {
        let port = self.taken(host).next()?;
        let holder = self.fleet.placed(host.port_holder(port)?)?;
        Some(format!("stop {} on {} or publish another port than {port}", holder.name, host.name))
    }
}

fn list<'p>(ports: impl Iterator<Item = &'p PortBinding>) -> String {
    ports.map(PortBinding::to_string).collect::<Vec<_>>().join(", ")
}
