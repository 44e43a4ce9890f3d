//! The address at which a container reaches the API.
//!
//! The setting `api.host` says it, if it is set. Else it follows from where the server listens and where the
//! container is: at the gateway of its network, which is this machine, or at this machine's address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{PoisonError, RwLock};

use super::site::Site;
use crate::error::Result;
use crate::model::resource::Resource;
use crate::store::Read;

/// The API's base path, as Rancher gives it to agents.
const API: &str = "/v1";

/// Where the server is.
#[derive(Debug, Default)]
pub struct Door {
    known: RwLock<Known>,
}

/// What is known of it.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// Where the server listens, if it does.
    listening: Option<SocketAddr>,
    /// The address at which others reach this machine.
    machine: Option<IpAddr>,
    /// The host whose bridges are on this machine.
    here: Option<i64>,
}

impl Door {
    /// The server listens here from now on.
    pub fn listens(&self, address: SocketAddr) {
        self.change(|known| known.listening = Some(address));
    }

    /// Others reach this machine at this address.
    pub fn reached_at(&self, machine: Option<IpAddr>) {
        self.change(|known| known.machine = machine);
    }

    /// The bridges of this host are on this machine.
    pub fn is_here(&self, host: i64) {
        self.change(|known| known.here = Some(host));
    }

    fn change(&self, change: impl FnOnce(&mut Known)) {
        change(&mut self.known.write().unwrap_or_else(PoisonError::into_inner));
    }

    fn known(&self) -> Known {
        *self.known.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a container is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// As this machine is.
    ThisMachine,
    /// To a bridge of this machine that has this address.
    Bridge(IpAddr),
    /// In another way.
    Elsewhere,
}

/// The API's URL for a container, if it can reach the server.
///
/// # Errors
/// When the database fails.
pub fn url(read: &Read<'_>, site: &Site, container: &Resource) -> Result<Option<String>> {
    let said = read.setting("api.host")?.map(|host| host.trim().trim_end_matches('/').to_owned());
    if let Some(host) = said.filter(|host| !host.is_empty()) {
        return Ok(Some(format!("{host}{API}")));
    }
    let known = site.door.known();
    let place = place(read, site, &known, container)?;
    Ok(address(&known, place).map(|address| format!("http://{address}{API}")))
}

fn place(read: &Read<'_>, site: &Site, known: &Known, container: &Resource) -> Result<Place> {
    if container.int("hostId").is_none_or(|host| known.here != Some(host)) {
        return Ok(Place::Elsewhere);
    }
    let look = |id: Option<i64>| id.map(|id| read.get(id)).transpose().map(Option::flatten);
    let owner = look(container.int("networkContainerId"))?;
    let connected = owner.as_ref().unwrap_or(container);
    let Some(network) = look(connected.int("primaryNetworkId"))? else {
        return Ok(Place::Elsewhere);
    };
    if network.kind == "dockerHost" {
        return Ok(Place::ThisMachine);
    }
    let subnet = site.ledger.look(|books| books.subnets.get(&network.id).copied())?;
    Ok(subnet.map_or(Place::Elsewhere, |(_, subnet)| Place::Bridge(subnet.gateway().into())))
}

/// Where a container calls, if what the server listens at can be reached from its place.
fn address(known: &Known, place: Place) -> Option<SocketAddr> {
    let listening = known.listening?;
    let at = |ip: IpAddr| Some(SocketAddr::new(ip, listening.port()));
    match (listening.ip(), place) {
        (IpAddr::V4(Ipv4Addr::UNSPECIFIED), Place::ThisMachine) => at(Ipv4Addr::LOCALHOST.into()),
        (IpAddr::V6(Ipv6Addr::UNSPECIFIED), Place::ThisMachine) => at(Ipv6Addr::LOCALHOST.into()),
        (ip, Place::Bridge(gateway)) if ip.is_unspecified() => at(gateway),
        (ip, Place::Elsewhere) if ip.is_unspecified() => known.machine.and_then(at),
        (ip, Place::Bridge(_) | Place::Elsewhere) if ip.is_loopback() => None,
        (ip, Place::ThisMachine | Place::Bridge(_) | Place::Elsewhere) => at(ip),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_calls_where_the_server_listens_and_it_can_reach() {
        let bridge = Place::Bridge("10.42.0.1".parse().unwrap());
        let (machine, elsewhere) = (Place::ThisMachine, Place::Elsewhere);
        for (listening, place, expect) in [
            (None, machine, None),
            (Some("0.0.0.0:8080"), bridge, Some("10.42.0.1:8080")),
            (Some("0.0.0.0:8080"), machine, Some("127.0.0.1:8080")),
            (Some("0.0.0.0:8080"), elsewhere, Some("192.0.2.7:8080")),
            (Some("[::]:80"), bridge, Some("10.42.0.1:80")),
            (Some("[::]:80"), machine, Some("[::1]:80")),
            (Some("127.0.0.1:8080"), machine, Some("127.0.0.1:8080")),
            (Some("127.0.0.1:8080"), bridge, None),
            (Some("127.0.0.1:8080"), elsewhere, None),
            (Some("192.0.2.9:81"), bridge, Some("192.0.2.9:81")),
            (Some("192.0.2.9:81"), elsewhere, Some("192.0.2.9:81")),
        ] {
            let known = Known {
                listening: listening.map(|text| text.parse().unwrap()),
                machine: Some("192.0.2.7".parse().unwrap()),
                here: None,
            };
            let found = address(&known, place).map(|address| address.to_string());
            assert_eq!(found.as_deref(), expect, "{listening:?} {place:?}");
        }
        let nowhere = Known { listening: Some("0.0.0.0:1".parse().unwrap()), ..Known::default() };
        assert_eq!(address(&nowhere, elsewhere), None, "nobody knows this machine's address");
    }
}
