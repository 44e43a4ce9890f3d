//! Servers by where they are: which of a backend's stand by for the others.

use std::collections::BTreeSet;

use super::write::backend_name;
use super::{Balancer, Target};

/// Which servers stand by.
pub(super) struct Standby {
    prefers: Option<i64>,
    /// Backends with a server on the host that is preferred.
    near: BTreeSet<String>,
}

impl Standby {
    /// Of a balancer.
    pub(super) fn of(balancer: &Balancer) -> Self {
        let is_near = |target: &Target| target.host.is_some() && target.host == balancer.prefers;
        let near = balancer.rules.iter().filter(|rule| rule.targets.iter().any(is_near));
        Self { prefers: balancer.prefers, near: near.map(backend_name).collect() }
    }

    /// Whether a server of a backend serves only when those on the preferred host do not. What is outside is on
    /// no other host, either.
    pub(super) fn has(&self, backend: &str, target: &Target) -> bool {
        target.host.is_some() && target.host != self.prefers && self.near.contains(backend)
    }
}
