//! Load balancers as data, and the HAProxy configuration that does what they say: pure.
//!
//! The rules are Rancher's (networking.md, section 5 of its behaviour): which rule a request meets first,
//! how backends are named, what a custom configuration may change. Who the targets are is a parameter.

mod challenge;
mod custom;
mod near;
mod rank;
mod write;

pub use challenge::Challenges;
pub use write::{CERTIFICATES, configuration, frame, unproved, unserved};

use std::collections::BTreeSet;

/// A balancer, with its targets resolved.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Balancer {
    /// Rules in the order they were given.
    pub rules: Vec<Rule>,
    /// How clients stay with a server.
    pub stickiness: Option<Stickiness>,
    /// Lines that are merged over ours.
    pub custom: String,
    /// Files with the certificates to serve `https` and `tls` with. The first is for clients that ask for
    /// no name, or for one that none has.
    pub certificates: Vec<String>,
    /// Source ports that speak the proxy protocol.
    pub proxy_ports: BTreeSet<u16>,
    /// Names that an ACME server may ask for.
    pub challenges: Option<Challenges>,
    /// The host whose servers are preferred: those elsewhere serve when none of them does.
    pub prefers: Option<i64>,
}

/// Where requests to a port go.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// The port listened on.
    pub source_port: u16,
    /// What is spoken there.
    pub protocol: Protocol,
    /// `example.org`, `*.example.org` or `www.*`; empty for any.
    pub hostname: String,
    /// Beginning of the path; empty for any.
    pub path: String,
    /// Lower goes first; without, after those that have one.
    pub priority: Option<u32>,
    /// Name of the backend, if it is to have one of its own.
    pub backend: Option<String>,
    /// Share of the requests compared to other servers of the backend, 0 to 256.
    pub weight: Option<u32>,
    /// Servers.
    pub targets: Vec<Target>,
}

/// What a port speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP.
    Http,
    /// HTTP inside TLS, which ends here.
    Https,
    /// Anything.
    Tcp,
    /// Anything inside TLS, which ends here.
    Tls,
    /// TLS that ends at the target, chosen by the name asked for.
    Sni,
}

impl Protocol {
    /// Reads the word; `None` for what cannot be balanced.
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "http" => Self::Http,
            "https" => Self::Https,
            "tcp" => Self::Tcp,
            "tls" => Self::Tls,
            "sni" => Self::Sni,
            _ => return None,
        })
    }

    /// Whether requests are looked into.
    pub const fn is_http(self) -> bool {
        matches!(self, Self::Http | Self::Https)
    }

    /// Whether TLS ends here.
    pub const fn ends_tls(self) -> bool {
        matches!(self, Self::Https | Self::Tls)
    }
}

/// A server.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// Name of the server, the same for as long as it lives.
    pub name: String,
    /// Address or host name.
    pub address: String,
    /// Port.
    pub port: u16,
    /// How it is checked, if it is.
    pub check: Option<Check>,
    /// The host that it is on; `None` for what is outside.
    pub host: Option<i64>,
}

/// A health check, as the target's own service has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// Port asked.
    pub port: u16,
    /// Milliseconds from one question to the next.
    pub interval_ms: u64,
    /// Good answers that make it usable.
    pub rise: u32,
    /// Bad answers that make it unusable.
    pub fall: u32,
    /// Request line such as `GET /up HTTP/1.0`; `None` if a connection is enough.
    pub request: Option<String>,
}

/// A cookie that keeps clients with a server.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stickiness {
    /// Name of the cookie.
    pub cookie: String,
    /// `rewrite`, `insert` or `prefix`.
    pub mode: String,
    /// Domain of the cookie.
    pub domain: Option<String>,
    /// Not passed to servers.
    pub indirect: bool,
    /// Answers with it are not kept by caches.
    pub nocache: bool,
    /// Only set on answers to `POST`.
    pub postonly: bool,
}

#[cfg(test)]
mod tests;
