//! The names a container answers to and where it asks for those of others.

use super::super::site::Engines;
use crate::engine::spec::{Endpoint, Extras, NetworkAttachment};
use crate::model::names::label;
use crate::model::resource::Resource;

/// Where containers find our DNS.
const SERVER: &str = "169.254.169.250";
/// Rancher's domain.
const DOMAIN: &str = "rancher.internal";
/// The domain in which Docker knows services while no server of ours answers. It is searched last, so
/// that it never hides what we say.
const STANDBY: &str = "standby";
/// Label with which a container keeps out of our DNS.
const DNS: &str = "io.rancher.container.dns";

/// Names and servers of a container on one of our networks; nothing for any other.
///
/// Where this server answers names, containers ask it, and after it the servers that the user or else
/// the host has: what it would not answer itself goes on while it is stopped. Where it does not, Docker
/// answers the names as aliases.
pub fn name(row: &Resource, engines: &Engines, extras: &mut Extras) {
    let NetworkAttachment::Named(endpoint) = &mut extras.network else { return };
    let served = engines.names_of(row.int("hostId").unwrap_or(0));
    let place = Place::of(row);
    extras.dns_search = place.search();
    let Some(host) = served.filter(|_| row.label(DNS) != Some("false")) else {
        place.alias(row, endpoint);
        return;
    };
    extras.dns = vec![SERVER.to_owned()];
    if row.list("dns").is_empty() {
        extras.dns.extend(host);
    }
    place.stand_by(row, endpoint);
    extras.dns_search.extend(place.stack.map(|stack| format!("{stack}.{STANDBY}")));
    extras.dns_search.push(STANDBY.to_owned());
}

/// Stack and service of a container, in lower case, and its full name from the inside out:
/// `sidekick.service.stack`.
struct Place {
    stack: Option<String>,
    service: Option<String>,
    full: Option<String>,
}

impl Place {
    fn of(row: &Resource) -> Self {
        let Some(path) = row.label(label::STACK_SERVICE_NAME) else {
            return Self { stack: None, service: None, full: None };
        };
        let path = path.to_ascii_lowercase();
        let parts: Vec<&str> = path.split('/').collect();
        let full: Vec<&str> = parts.iter().rev().copied().collect();
        Self {
            stack: parts.first().map(|part| (*part).to_owned()),
            service: parts.get(1).map(|part| (*part).to_owned()),
            full: Some(full.join(".")),
        }
    }

    fn search(&self) -> Vec<String> {
        let stack = self.stack.iter().map(|stack| format!("{stack}.{DOMAIN}"));
        let service = self.service.iter().zip(&self.stack);
        let service = service.map(|(service, stack)| format!("{service}.{stack}.{DOMAIN}"));
        stack.chain(service).chain(std::iter::once(DOMAIN.to_owned())).collect()
    }

    /// `service.stack` with and without Rancher's domain. The bare service name is found through the
    /// search domain, so that equal names in two stacks stay apart.
    fn alias(&self, row: &Resource, endpoint: &mut Endpoint) {
        endpoint.aliases.extend(row.name.clone());
        let Some((full, stack)) = self.full.as_ref().zip(self.stack.as_ref()) else { return };
        endpoint.aliases.push(format!("{full}.{DOMAIN}"));
        endpoint.aliases.push(full.clone());
        // Further names that the compose file gives hold inside the stack.
        let own = row.strings("netAlias");
        endpoint.aliases.extend(own.iter().map(|alias| format!("{alias}.{stack}.{DOMAIN}")));
    }

    /// The same names in the domain that is searched last.
    fn stand_by(&self, row: &Resource, endpoint: &mut Endpoint) {
        let Some((full, stack)) = self.full.as_ref().zip(self.stack.as_ref()) else { return };
        endpoint.aliases.push(format!("{full}.{STANDBY}"));
        let own = row.strings("netAlias");
        endpoint.aliases.extend(own.iter().map(|alias| format!("{alias}.{stack}.{STANDBY}")));
    }
}
