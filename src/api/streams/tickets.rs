//! Tickets for streams: pure decisions about who may dial what, how often, and until when.
//!
//! Tokens themselves are not kept, only their hashes; nothing here is ever logged.

use std::collections::{HashMap, VecDeque};

use crate::auth::Caller;
use crate::engine::{ExecSpec, LogOptions};

/// How long a ticket is good for.
pub const LIFETIME_MS: i64 = 300_000;
/// How long one for a proxy is: a page asks for more as long as it is looked at.
pub const PROXY_LIFETIME_MS: i64 = 57_600_000;
/// Where proxied requests go; what follows is the path in the container.
pub const PROXY_PATH: &str = "/v1/container-proxy";
/// Where a container's statistics are; its id in the engine follows.
pub const STATS_PATH: &str = "/v1/containerstats/";
/// Where older clients look for them.
pub const OLD_STATS_PATH: &str = "/v1/stats/";
/// Tickets kept at most; the oldest make room.
const MOST: usize = 4_096;
/// Tickets kept at most for one account, so that nobody crowds out the others.
const MOST_OF_ONE: usize = 256;

/// What is spoken with a port of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// HTTP.
    Http,
    /// HTTP over TLS.
    Https,
}

/// What a ticket is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Reading a container's output.
    Logs {
        /// The container.
        container: i64,
        /// Which part of it.
        options: LogOptions,
    },
    /// Running one command in a container.
    Exec {
        /// The container.
        container: i64,
        /// The command.
        spec: ExecSpec,
        /// Whether its output is wanted.
        output: ExecOutput,
    },
    /// Speaking HTTP to a port of a container.
    Proxy {
        /// The container.
        container: i64,
        /// The port in it.
        port: u16,
        /// What it speaks.
        scheme: Scheme,
    },
    /// What a container uses.
    ContainerStats {
        /// The container.
        container: i64,
        /// What the engine calls it: the last part of the URL.
        external_id: String,
    },
    /// What each container of a service uses.
    ServiceStats {
        /// The service.
        service: i64,
    },
    /// What each container of a host uses.
    HostContainers {
        /// The host.
        host: i64,
    },
    /// What a host uses.
    HostStats {
        /// The host.
        host: i64,
    },
    /// What each host of an environment uses.
    ProjectStats {
        /// The environment.
        project: i64,
    },
}

/// Whether the output of a command is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExecOutput {
    /// It is sent.
    Attached,
    /// It is sent, and each frame says whether it is output or errors.
    Apart,
    /// It is dropped.
    Dropped,
}

impl Purpose {
    /// The path that a client dials, as Rancher's agents serve it.
    pub fn path(&self) -> String {
        match self {
            Self::Logs { .. } => "/v1/logs/".to_owned(),
            Self::Exec { .. } => "/v1/exec/".to_owned(),
            Self::Proxy { .. } => format!("{PROXY_PATH}/"),
            Self::ContainerStats { external_id, .. } => format!("{STATS_PATH}{external_id}"),
            Self::ServiceStats { .. } => "/v1/containerstats/service/".to_owned(),
            Self::HostContainers { .. } => "/v1/containerstats/host/".to_owned(),
            Self::HostStats { .. } => "/v1/hoststats".to_owned(),
            Self::ProjectStats { .. } => "/v1/hoststats/project/".to_owned(),
        }
    }

    /// The same, for a client that dialled with `?output=`: what a command writes can be had apart.
    pub fn dialled(mut self, output: Option<&str>) -> Self {
        if let Self::Exec { output: sent @ ExecOutput::Attached, .. } = &mut self
            && output == Some("apart")
        {
            *sent = ExecOutput::Apart;
        }
        self
    }

    /// The row that the ticket is bound to.
    pub const fn resource(&self) -> i64 {
        match self {
            Self::Logs { container, .. }
            | Self::Exec { container, .. }
            | Self::Proxy { container, .. }
            | Self::ContainerStats { container, .. } => *container,
            Self::ServiceStats { service } => *service,
            Self::HostContainers { host } | Self::HostStats { host } => *host,
            Self::ProjectStats { project } => *project,
        }
    }

    /// Whether a ticket for this is good more than once.
    pub const fn is_for_many(&self) -> bool {
        matches!(self, Self::Proxy { .. })
    }

    const fn lifetime_ms(&self) -> i64 {
        if self.is_for_many() { PROXY_LIFETIME_MS } else { LIFETIME_MS }
    }

    /// Whether a ticket for this is good at a path; a slash at its end does not matter.
    pub fn is_at(&self, path: &str) -> bool {
        if let (Self::Proxy { .. }, Some(rest)) = (self, path.strip_prefix(PROXY_PATH)) {
            return rest.is_empty() || rest.starts_with('/');
        }
        if let (Self::ContainerStats { external_id, .. }, Some(id)) =
            (self, path.strip_prefix(OLD_STATS_PATH))
        {
            return id.trim_end_matches('/').eq_ignore_ascii_case(external_id);
        }
        self.path().trim_end_matches('/').eq_ignore_ascii_case(path.trim_end_matches('/'))
    }
}

/// What was given to whom.
#[derive(Clone, Debug, PartialEq)]
pub struct Grant {
    /// Who asked for it.
    pub caller: Caller,
    /// What it is good for.
    pub purpose: Purpose,
}

#[derive(Debug)]
struct Ticket {
    grant: Grant,
    expires_ms: i64,
}

/// Tickets that have not been used.
#[derive(Debug, Default)]
pub struct Tickets {
    by_hash: HashMap<String, Ticket>,
    /// Hashes from the oldest on.
    order: VecDeque<String>,
}

impl Tickets {
    /// Keeps a ticket under the hash of its token.
    pub fn insert(&mut self, hash: String, grant: Grant, now_ms: i64) {
        self.forget_expired(now_ms);
        let user = grant.caller.user_id;
        let own = self.by_hash.values().filter(|own| own.grant.caller.user_id == user).count();
        if own >= MOST_OF_ONE {
            self.forget_oldest(|ticket| ticket.grant.caller.user_id == user);
        } else if self.by_hash.len() >= MOST {
            self.forget_oldest(|_| true);
        }
        let expires_ms = now_ms.saturating_add(grant.purpose.lifetime_ms());
        self.order.push_back(hash.clone());
        self.by_hash.insert(hash, Ticket { grant, expires_ms });
    }

    /// The grant of a token's hash, if it is good now. It is good no second time, unless it is for many.
    pub fn take(&mut self, hash: &str, now_ms: i64) -> Option<Grant> {
        let lasting =
            |ticket: &&Ticket| ticket.grant.purpose.is_for_many() && now_ms < ticket.expires_ms;
        if let Some(ticket) = self.by_hash.get(hash).filter(lasting) {
            return Some(ticket.grant.clone());
        }
        let ticket = self.by_hash.remove(hash)?;
        self.order.retain(|kept| kept != hash);
        (now_ms < ticket.expires_ms).then_some(ticket.grant)
    }

    fn forget_expired(&mut self, now_ms: i64) {
        self.by_hash.retain(|_, ticket| now_ms < ticket.expires_ms);
        self.order.retain(|hash| self.by_hash.contains_key(hash));
    }

    fn forget_oldest(&mut self, is_meant: impl Fn(&Ticket) -> bool) {
        let oldest = self
            .order
            .iter()
            .position(|hash| self.by_hash.get(hash).is_some_and(&is_meant))
            .and_then(|place| self.order.remove(place));
        if let Some(hash) = oldest {
            self.by_hash.remove(&hash);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{AuthType, Role};

    fn grant(user_id: i64, service: i64) -> Grant {
        let caller = Caller {
            account_id: 5,
            user_id,
            user_kind: "user".to_owned(),
            user_name: None,
            role: Role::Member,
            auth_type: AuthType::Token,
            all_accounts: false,
            session: None,
        };
        Grant { caller, purpose: Purpose::ServiceStats { service } }
    }

    #[test]
    fn a_ticket_for_a_proxy_is_good_often_and_keeps_no_others_alive() {
        let purpose = Purpose::Proxy { container: 7, port: 80, scheme: Scheme::Http };
        let mut tickets = Tickets::default();
        tickets.insert("page".to_owned(), Grant { purpose, ..grant(1, 7) }, 0);
        tickets.insert("a".to_owned(), grant(1, 7), 0);
        for at in [0, 1, LIFETIME_MS, PROXY_LIFETIME_MS - 1] {
            assert!(tickets.take("page", at).is_some(), "{at}");
        }
        tickets.insert("b".to_owned(), grant(1, 7), LIFETIME_MS);
        assert_eq!(tickets.order, ["page", "b"], "a has expired behind it");
        assert_eq!(tickets.take("page", PROXY_LIFETIME_MS), None);
        assert_eq!(tickets.order, ["b"]);
    }

    fn filled(tickets: impl IntoIterator<Item = (&'static str, i64)>) -> Tickets {
        let mut all = Tickets::default();
        for (hash, at) in tickets {
            all.insert(hash.to_owned(), grant(1, 7), at);
        }
        all
    }

    #[test]
    fn a_ticket_is_good_once_and_for_a_while() {
        for (hash, at, good) in [
            ("a", 0, true),
            ("a", LIFETIME_MS - 1, true),
            ("a", LIFETIME_MS, false),
            ("b", 0, false),
            ("", 0, false),
        ] {
            let mut tickets = filled([("a", 0)]);
            assert_eq!(tickets.take(hash, at).is_some(), good, "{hash} at {at}");
            assert_eq!(tickets.take(hash, at), None, "{hash} again");
        }
    }

    #[test]
    fn a_used_ticket_leaves_nothing_behind() {
        let mut tickets = filled([("a", 0), ("b", 1)]);
        tickets.take("a", 2);
        assert_eq!((tickets.by_hash.len(), tickets.order.len()), (1, 1));
        tickets.insert("c".to_owned(), grant(1, 7), LIFETIME_MS + 1);
        assert_eq!((tickets.by_hash.len(), tickets.order.len()), (1, 1), "b has expired");
    }

    #[test]
    fn the_table_is_bounded_and_nobody_crowds_out_the_others() {
        let mut tickets = filled([("mine", 0)]);
        for number in 0..2 * MOST_OF_ONE {
            tickets.insert(format!("greedy {number}"), grant(2, 7), 0);
        }
        assert_eq!(tickets.by_hash.len(), MOST_OF_ONE + 1);
        assert_eq!(tickets.take("greedy 0", 0), None, "the oldest of its own made room");
        assert!(tickets.take("mine", 0).is_some());
        for number in 0..2 * MOST {
            let user = i64::try_from(number).expect("small");
            tickets.insert(format!("crowd {number}"), grant(10 + user, 7), 0);
        }
        assert_eq!((tickets.by_hash.len(), tickets.order.len()), (MOST, MOST));
    }

    #[test]
    fn a_ticket_is_bound_to_its_path() {
        let container = Purpose::ContainerStats { container: 1, external_id: "abc".to_owned() };
        let host = Purpose::HostStats { host: 1 };
        let page = Purpose::Proxy { container: 1, port: 80, scheme: Scheme::Https };
        for (purpose, path, good) in [
            (&container, "/v1/containerstats/abc", true),
            (&container, "/v1/containerstats/abc/", true),
            (&container, "/v1/containerstats/abd", false),
            (&container, "/v1/stats/abc", true),
            (&container, "/v1/stats/abd", false),
            (&host, "/v1/stats/abc", false),
            (&container, "/v1/containerstats/service/", false),
            (&host, "/v1/hoststats", true),
            (&host, "/v1/hoststats/project/", false),
            (&host, "/v1/exec/", false),
            (&page, "/v1/container-proxy", true),
            (&page, "/v1/container-proxy/a/b", true),
            (&page, "/v1/container-proxying", false),
            (&page, "/v1/exec/", false),
        ] {
            assert_eq!(purpose.is_at(path), good, "{path}");
        }
    }
}
