//! Which addresses of a network are taken: pure bookkeeping, one pool a network.

use std::collections::{BTreeSet, HashMap};
use std::net::Ipv4Addr;

/// Addresses at the start of a subnet that are never handed out: the network itself and its gateway.
const RESERVED: u32 = 2;

/// A subnet in CIDR notation, such as `10.42.0.0/16`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subnet {
    base: u32,
    prefix: u8,
}

impl Subnet {
    /// Reads `a.b.c.d/n` with n from 8 to 30.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/')?;
        let prefix: u8 = prefix.parse().ok()?;
        let address: Ipv4Addr = address.parse().ok()?;
        if !(8..=30).contains(&prefix) {
            return None;
        }
        let base = u32::from(address) & (u32::MAX << (32 - prefix));
        Some(Self { base, prefix })
    }

    /// Length of the network part.
    pub const fn prefix(&self) -> u8 {
        self.prefix
    }

    /// The address handed to the host: the first one.
    pub fn gateway(&self) -> Ipv4Addr {
        Ipv4Addr::from(self.base + 1)
    }

    /// The subnet of the same size that follows.
    pub fn next(&self) -> Option<Self> {
        let base = self.base.checked_add(self.size())?;
        Some(Self { base, prefix: self.prefix })
    }

    const fn size(&self) -> u32 {
        1 << (32 - self.prefix)
    }

    fn offset(&self, address: Ipv4Addr) -> Option<u32> {
        let offset = u32::from(address).checked_sub(self.base)?;
        (offset < self.size()).then_some(offset)
    }
}

impl std::fmt::Display for Subnet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", Ipv4Addr::from(self.base), self.prefix)
    }
}

/// Taken addresses of every network.
#[derive(Debug, Default)]
pub struct Addresses {
    pools: HashMap<i64, Pool>,
}

#[derive(Debug, Default)]
struct Pool {
    taken: BTreeSet<u32>,
    /// Where the last search ended: addresses are reused as late as possible.
    cursor: u32,
}

impl Addresses {
    /// Marks an address as taken.
    pub fn take(&mut self, network: i64, address: Ipv4Addr) {
        let pool = self.pools.entry(network).or_default();
        pool.taken.insert(u32::from(address));
        pool.cursor = u32::from(address);
    }

    /// Marks an address as free.
    pub fn release(&mut self, network: i64, address: Ipv4Addr) {
        if let Some(pool) = self.pools.get_mut(&network) {
            pool.taken.remove(&u32::from(address));
        }
    }

    /// Whether an address is taken.
    pub fn is_taken(&self, network: i64, address: Ipv4Addr) -> bool {
        self.pools.get(&network).is_some_and(|pool| pool.taken.contains(&u32::from(address)))
    }

    /// A free address, searched from the one handed out last; `None` when the subnet is full.
    pub fn free(&self, network: i64, subnet: Subnet) -> Option<Ipv4Addr> {
        let usable = subnet.size().checked_sub(RESERVED + 1)?;
        let empty = Pool::default();
        let pool = self.pools.get(&network).unwrap_or(&empty);
        let start = subnet
            .offset(Ipv4Addr::from(pool.cursor))
            .and_then(|offset| (offset + 1).checked_sub(RESERVED))
            .unwrap_or(0);
        (0..usable)
            .map(|step| subnet.base + RESERVED + (start + step) % usable)
            .find(|address| !pool.taken.contains(address))
            .map(Ipv4Addr::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> Ipv4Addr {
        text.parse().expect("test address")
    }

    #[test]
    fn addresses_are_handed_out_in_turn_and_reused_last() {
        let subnet = Subnet::parse("10.42.0.9/29").expect("test subnet");
        assert_eq!(subnet.to_string(), "10.42.0.8/29");
        assert_eq!(subnet.gateway(), ip("10.42.0.9"));
        let mut addresses = Addresses::default();
        let mut seen = Vec::new();
        while let Some(address) = addresses.free(1, subnet) {
            addresses.take(1, address);
            seen.push(address.to_string());
        }
        assert_eq!(seen, ["10.42.0.10", "10.42.0.11", "10.42.0.12", "10.42.0.13", "10.42.0.14"]);
        addresses.release(1, ip("10.42.0.11"));
        assert!(!addresses.is_taken(1, ip("10.42.0.11")));
        assert_eq!(addresses.free(1, subnet), Some(ip("10.42.0.11")));
        assert_eq!(addresses.free(2, subnet), Some(ip("10.42.0.10")), "pools are apart");
    }

    #[test]
    fn only_sensible_subnets_are_read() {
        for text in ["", "10.42.0.0", "10.42.0.0/31", "10.42.0.0/7", "10.42.0/16", "x/16"] {
            assert_eq!(Subnet::parse(text), None, "{text}");
        }
        let subnet = Subnet::parse("10.42.0.0/16").expect("test subnet");
        assert_eq!(subnet.next().map(|next| next.to_string()).as_deref(), Some("10.43.0.0/16"));
    }
}
