//! Wrong passwords slow down, per login and per address: a pure decision and a bounded table.
//!
//! The first few attempts are free; from then on each failure doubles the wait, from one second up to a
//! greatest one. Failures are forgotten some time after the last.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// How much is too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Failures without any wait.
    pub free: u32,
    /// The longest wait.
    pub longest_ms: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { free: 5, longest_ms: 15 * 60 * 1000 }
    }
}

/// Failures of one login or address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failures {
    /// How many since the last success.
    pub count: u32,
    /// Unix milliseconds of the last.
    pub last_ms: i64,
}

/// The wait after the `count`th failure in a row.
pub fn pause_ms(count: u32, limits: Limits) -> i64 {
    match count.checked_sub(limits.free.max(1)) {
        None => 0,
        Some(beyond) => 1000i64.saturating_mul(1 << beyond.min(40)).min(limits.longest_ms),
    }
}

/// How long from now until the next attempt is let through; 0 when it is.
pub fn left_ms(failures: Failures, limits: Limits, now_ms: i64) -> i64 {
    let until = failures.last_ms.saturating_add(pause_ms(failures.count, limits));
    // A clock set back must not lock anybody out for longer than the longest wait.
    until.saturating_sub(now_ms).clamp(0, limits.longest_ms)
}

/// Whether failures are so old that they no longer count.
fn forgotten(failures: Failures, limits: Limits, now_ms: i64) -> bool {
    now_ms.saturating_sub(failures.last_ms) > limits.longest_ms.saturating_mul(2)
}

/// Entries of one table at most.
const ENTRIES: usize = 4096;
/// An address may stand for a household: it gets this many times the free attempts of a login.
const PER_ADDRESS: u32 = 4;

/// Whoever tried to prove something.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// The login that was named.
    pub login: &'a str,
    /// Where it came from.
    pub address: Option<IpAddr>,
}

/// Remembers failures.
#[derive(Debug)]
pub struct Throttle {
    logins: Table,
    addresses: Table,
}

impl Throttle {
    /// With nothing remembered.
    pub fn new(limits: Limits) -> Self {
        let per_address = Limits { free: limits.free.saturating_mul(PER_ADDRESS), ..limits };
        Self { logins: Table::new(limits), addresses: Table::new(per_address) }
    }

    /// Lets an attempt through or says how long to wait.
    ///
    /// # Errors
    /// 429 `TooManyRequests`.
    pub fn check(&self, attempt: Attempt<'_>, now_ms: i64) -> Result<()> {
        let login = self.logins.left_ms(&login_key(attempt.login), now_ms);
        let address = attempt
            .address
            .map_or(0, |address| self.addresses.left_ms(&address_key(address), now_ms));
        let (left, what) = match login >= address {
            true => (login, "for this login"),
            false => (address, "from your address"),
        };
        if left == 0 {
            return Ok(());
        }
        let seconds = left.saturating_add(999) / 1000;
        Err(Error::code("TooManyRequests")
            .message(format!("too many wrong passwords {what}; try again in {seconds} s")))
    }

    /// Remembers that an attempt failed.
    pub fn failed(&self, attempt: Attempt<'_>, now_ms: i64) {
        self.logins.add(login_key(attempt.login), now_ms);
        if let Some(address) = attempt.address {
            self.addresses.add(address_key(address), now_ms);
        }
    }

    /// Forgets the failures of a login. Those of the address stay: otherwise an attacker with an account
    /// of their own would wipe them out between guesses.
    pub fn succeeded(&self, attempt: Attempt<'_>) {
        self.logins.forget(&login_key(attempt.login));
    }
}

/// Fixed in size, so that long logins take no more memory than short ones.
type Key = [u8; 32];

fn login_key(login: &str) -> Key {
    Sha256::digest(login.trim().to_lowercase().as_bytes()).into()
}

/// An IPv6 address stands for its /64, which is what one customer gets.
fn address_key(address: IpAddr) -> Key {
    let text = match address.to_canonical() {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => format!("{:x?}", v6.segments().split_at(4).0),
    };
    Sha256::digest(text.as_bytes()).into()
}

#[derive(Debug)]
struct Table {
    limits: Limits,
    rows: Mutex<HashMap<Key, Failures>>,
}

impl Table {
    fn new(limits: Limits) -> Self {
        Self { limits, rows: Mutex::new(HashMap::new()) }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Failures>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn left_ms(&self, key: &Key, now_ms: i64) -> i64 {
        let rows = self.lock();
        rows.get(key).map_or(0, |failures| left_ms(*failures, self.limits, now_ms))
    }

    fn forget(&self, key: &Key) {
        self.lock().remove(key);
    }

    fn add(&self, key: Key, now_ms: i64) {
        let mut rows = self.lock();
        if rows.len() >= ENTRIES && !rows.contains_key(&key) {
            rows.retain(|_, failures| !forgotten(*failures, self.limits, now_ms));
            if rows.len() >= ENTRIES {
                // Whoever failed least has least to lose.
                let least = rows.iter().min_by_key(|(_, row)| (row.count, row.last_ms));
                if let Some(least) = least.map(|(key, _)| *key) {
                    rows.remove(&least);
                }
            }
        }
        let row = rows.entry(key).or_insert(Failures { count: 0, last_ms: now_ms });
        if forgotten(*row, self.limits, now_ms) {
            row.count = 0;
        }
        *row = Failures { count: row.count.saturating_add(1), last_ms: now_ms };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { free: 3, longest_ms: 60_000 };

    fn from(login: &str, address: [u8; 4]) -> Attempt<'_> {
        Attempt { login, address: Some(IpAddr::from(address)) }
    }

    #[test]
    fn the_wait_doubles_up_to_the_longest() {
        let waits: Vec<_> =
            [0, 1, 2, 3, 4, 5, 8, 9, 40, u32::MAX].map(|count| pause_ms(count, LIMITS)).into();
        assert_eq!(waits, [0, 0, 0, 1000, 2000, 4000, 32_000, 60_000, 60_000, 60_000]);
    }

    #[test]
    fn time_heals_and_a_clock_set_back_does_not_lock_out() {
        let failures = Failures { count: 5, last_ms: 1_000_000 };
        for (now, left) in [(1_000_000, 4000), (1_003_999, 1), (1_004_000, 0), (0, 60_000)] {
            assert_eq!(left_ms(failures, LIMITS, now), left, "{now}");
        }
    }

    #[test]
    fn a_login_waits_wherever_the_guesses_come_from() {
        let throttle = Throttle::new(LIMITS);
        for last in 1..=3 {
            throttle.check(from("bob", [9, 9, 9, last]), 0).unwrap();
            throttle.failed(from("bob", [9, 9, 9, last]), 0);
        }
        let error = throttle.check(from(" BOB", [1, 1, 1, 1]), 1).unwrap_err();
        assert_eq!(
            (error.status, error.to_string().as_str()),
            (429, "too many wrong passwords for this login; try again in 1 s")
        );
        throttle.check(from("eve", [9, 9, 9, 1]), 1).unwrap();
        throttle.check(from("bob", [1, 1, 1, 1]), 1000).unwrap();
        throttle.succeeded(from("bob", [1, 1, 1, 1]));
        throttle.failed(from("bob", [1, 1, 1, 1]), 1000);
        throttle.check(from("bob", [1, 1, 1, 1]), 1000).unwrap();
    }

    #[test]
    fn an_address_waits_whichever_logins_it_guesses() {
        let throttle = Throttle::new(LIMITS);
        for guess in 0..12 {
            throttle.check(from(&format!("user{guess}"), [9, 9, 9, 9]), 0).unwrap();
            throttle.failed(from(&format!("user{guess}"), [9, 9, 9, 9]), 0);
        }
        // A success of the attacker's own does not reset it.
        throttle.succeeded(from("mine", [9, 9, 9, 9]));
        let error = throttle.check(from("another", [9, 9, 9, 9]), 0).unwrap_err();
        assert!(error.to_string().contains("from your address"), "{error}");
        throttle.check(from("another", [8, 8, 8, 8]), 0).unwrap();
    }

    #[test]
    fn neighbours_in_an_ipv6_network_count_as_one() {
        let key = |text: &str| address_key(text.parse().unwrap());
        assert_eq!(key("2001:db8:0:1::1"), key("2001:db8:0:1:ffff::2"));
        assert_ne!(key("2001:db8:0:1::1"), key("2001:db8:0:2::1"));
        assert_eq!(key("::ffff:10.0.0.1"), key("10.0.0.1"));
    }

    #[test]
    fn the_table_is_bounded_and_keeps_the_worst() {
        let throttle = Throttle::new(LIMITS);
        for _ in 0..6 {
            throttle.failed(Attempt { login: "bob", address: None }, 0);
        }
        for guess in 0..2 * ENTRIES {
            throttle.failed(Attempt { login: &format!("user{guess}"), address: None }, 0);
        }
        assert_eq!(throttle.logins.lock().len(), ENTRIES);
        throttle.check(Attempt { login: "bob", address: None }, 0).unwrap_err();
        throttle.failed(Attempt { login: "late", address: None }, 120_001);
        assert_eq!(throttle.logins.lock().len(), 1, "old failures are forgotten");
    }
}
