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
/// Label that says where our search domains stand among others; `None` is nowhere.
const PRIORITY: &str = "io.rancher.container.dns.priority";

/// Names and servers of a container on one of our networks; nothing for any other.
///
/// Where this server answers names, containers ask it, and after it the servers that the user or else
/// the host has: what it would not answer itself goes on while it is stopped. Where it does not, Docker
/// answers the names as aliases.
pub fn name(row: &Resource, engines: &Engines, extras: &mut Extras) {
    let NetworkAttachment::Named(endpoint) = &mut extras.network else { return };
    let served = engines.names_of(row.int("hostId").unwrap_or(0));
    let place = Place::of(row);
    let wants = Wants::of(row);
    extras.dns_search = place.search(wants);
    let Some(host) = served.filter(|_| wants != Wants::Nothing) else {
        place.alias(row, endpoint);
        return;
    };
    extras.dns = vec![SERVER.to_owned()];
    if row.list("dns").is_empty() {
        extras.dns.extend(host);
    }
    place.stand_by(row, endpoint);
    if wants == Wants::Answers {
        return;
    }
    let stack = place.stack.filter(|_| wants == Wants::All);
    extras.dns_search.extend(stack.map(|stack| format!("{stack}.{STANDBY}")));
    extras.dns_search.push(STANDBY.to_owned());
}

/// How much a container wants of our DNS, by its labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wants {
    /// Our server, and the names of its stack and service in short.
    All,
    /// Our server, and names that are short of Rancher's domain alone.
    Domain,
    /// Our server, and names in full.
    Answers,
    /// Nothing.
    Nothing,
}

impl Wants {
    /// That a container asks for our DNS at all makes it look for nothing of its stack: so it is in Rancher.
    fn of(row: &Resource) -> Self {
        match (row.label(DNS), row.label(PRIORITY)) {
            (Some("false"), _) => Self::Nothing,
            (_, Some("None")) => Self::Answers,
            (Some(_), _) => Self::Domain,
            (None, _) => Self::All,
        }
    }
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

    fn search(&self, wants: Wants) -> Vec<String> {
        match wants {
            Wants::Nothing | Wants::Answers => return Vec::new(),
            Wants::Domain => return vec![DOMAIN.to_owned()],
            Wants::All => {}
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::resource::NewResource;
    use serde_json::json;

    fn container(labels: serde_json::Value) -> Resource {
        let mut labels = labels.as_object().cloned().unwrap();
        labels.insert(label::STACK_SERVICE_NAME.to_owned(), "Blog/Web".into());
        NewResource::new("instance", String::new()).with("labels", labels).into()
    }

    #[test]
    fn labels_say_where_a_container_looks_for_names() {
        let all = ["blog.rancher.internal", "web.blog.rancher.internal", DOMAIN];
        for (labels, wants, search) in [
            (json!({}), Wants::All, &all[..]),
            (json!({ PRIORITY: "service_last" }), Wants::All, &all[..]),
            (json!({ DNS: "true" }), Wants::Domain, &[DOMAIN][..]),
            (json!({ PRIORITY: "None" }), Wants::Answers, &[][..]),
            (json!({ DNS: "true", PRIORITY: "None" }), Wants::Answers, &[][..]),
            (json!({ DNS: "false" }), Wants::Nothing, &[][..]),
        ] {
            let row = container(labels.clone());
            assert_eq!(Wants::of(&row), wants, "{labels}");
            assert_eq!(Place::of(&row).search(wants), search, "{labels}");
        }
    }
}
