//! IPv4 addresses of a simulated network.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// The addresses of one subnet, and who holds them.
#[derive(Debug)]
pub(super) struct Addresses {
    first: u32,
    last: u32,
    next: u32,
    held: BTreeMap<u32, u64>,
}

impl Addresses {
    /// The hosts of `subnet` (`10.42.0.0/16`) but the first, which is the gateway.
    pub(super) fn of(subnet: &str) -> Option<Addresses> {
        let (base, bits) = subnet.split_once('/')?;
        let (base, bits) = (base.parse::<Ipv4Addr>().ok()?, bits.parse::<u32>().ok()?);
        let size = 1u32.checked_shl(32u32.checked_sub(bits)?)?;
        let first = u32::from(base).checked_add(2)?;
        let last = u32::from(base).checked_add(size.checked_sub(2)?)?;
        (first <= last).then(|| Addresses { first, last, next: first, held: BTreeMap::new() })
    }

    /// Takes the next free address for `holder`.
    pub(super) fn take(&mut self, holder: u64) -> Option<Ipv4Addr> {
        let size = self.last - self.first + 1;
        for _ in 0..size {
            let candidate = self.next;
            self.next = if candidate == self.last { self.first } else { candidate + 1 };
            if let std::collections::btree_map::Entry::Vacant(free) = self.held.entry(candidate) {
                free.insert(holder);
                return Some(Ipv4Addr::from(candidate));
            }
        }
        None
    }

    /// Takes this very address for `holder`; false if another holds it.
    pub(super) fn take_fixed(&mut self, address: Ipv4Addr, holder: u64) -> bool {
        *self.held.entry(u32::from(address)).or_insert(holder) == holder
    }

    pub(super) fn contains(&self, address: Ipv4Addr) -> bool {
        (self.first..=self.last).contains(&u32::from(address))
    }

    pub(super) fn release(&mut self, address: Ipv4Addr) {
        self.held.remove(&u32::from(address));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_subnet_runs_out_and_gives_back() {
        let mut net = Addresses::of("10.0.0.0/29").unwrap();
        let all: Vec<String> = (0..6).map_while(|n| net.take(n)).map(|a| a.to_string()).collect();
        assert_eq!(all.join(" "), "10.0.0.2 10.0.0.3 10.0.0.4 10.0.0.5 10.0.0.6");
        let four = Ipv4Addr::new(10, 0, 0, 4);
        assert!(!net.take_fixed(four, 9));
        net.release(four);
        assert_eq!(net.take(9), Some(four));
        assert!(!net.contains(Ipv4Addr::new(10, 0, 0, 7)));
        assert!(Addresses::of("10.0.0.0/33").is_none());
    }
}
