//! The only callers of real time and randomness.
//!
//! Everything else takes a [`Clock`] or an [`Entropy`] as an argument, so that a test can hold time
//! still and repeat the same ids from the same seed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::oneshot;

/// Where the time comes from.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's wall clock and timers.
    System,
    /// Time that moves only when [`ManualClock::advance`] is called.
    Manual(Arc<ManualClock>),
}

impl Clock {
    /// A manual clock that starts at `now_ms`, and the handle that moves it.
    pub fn manual(now_ms: i64) -> (Clock, Arc<ManualClock>) {
        let handle = Arc::new(ManualClock::new(now_ms));
        (Clock::Manual(Arc::clone(&handle)), handle)
    }

    /// Milliseconds since 1970-01-01 UTC.
    pub fn now_ms(&self) -> i64 {
        match self {
            Clock::System => system_now_ms(),
            Clock::Manual(manual) => manual.now_ms(),
        }
    }

    /// Waits for `ms` milliseconds.
    pub async fn sleep_ms(&self, ms: u64) {
        match self {
            Clock::System => system_sleep(ms).await,
            Clock::Manual(manual) => {
                let deadline = manual.now_ms().saturating_add_unsigned(ms);
                manual.sleep_until(deadline).await;
            }
        }
    }

    /// Waits until the clock shows `at_ms` (milliseconds since 1970) or more.
    pub async fn sleep_until(&self, at_ms: i64) {
        match self {
            Clock::System => {
                let left = at_ms.saturating_sub(system_now_ms());
                system_sleep(u64::try_from(left).unwrap_or(0)).await;
            }
            Clock::Manual(manual) => manual.sleep_until(at_ms).await,
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "this module is the one place that may ask the time")]
fn system_now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[allow(clippy::disallowed_methods, reason = "this module is the one place that may use timers")]
async fn system_sleep(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}

/// A clock for tests and simulations: it stands still until it is told to move.
#[derive(Debug)]
pub struct ManualClock {
    state: Mutex<ManualState>,
}

/// Sleepers are keyed by deadline, then by the order in which they fell asleep.
#[derive(Debug)]
struct ManualState {
    now_ms: i64,
    next_ticket: u64,
    sleepers: BTreeMap<(i64, u64), oneshot::Sender<()>>,
}

impl ManualClock {
    /// A clock that shows `now_ms`.
    pub fn new(now_ms: i64) -> ManualClock {
        let state = ManualState { now_ms, next_ticket: 0, sleepers: BTreeMap::new() };
        ManualClock { state: Mutex::new(state) }
    }

    /// Milliseconds since 1970-01-01 UTC.
    pub fn now_ms(&self) -> i64 {
        self.lock().now_ms
    }

    /// Moves time forward and wakes every sleeper that has become due, earliest deadline first.
    pub fn advance(&self, ms: u64) {
        let mut state = self.lock();
        let target = state.now_ms.saturating_add_unsigned(ms);
        while let Some(entry) = state.sleepers.first_entry() {
            let deadline = entry.key().0;
            if deadline > target {
                break;
            }
            let wake = entry.remove();
            state.now_ms = state.now_ms.max(deadline);
            // A sleeper that has gone away meanwhile needs no waking.
            let _ = wake.send(());
        }
        state.now_ms = target;
    }

    /// The deadline of the sleeper that wakes next: lets a simulation jump from event to event.
    pub fn next_deadline_ms(&self) -> Option<i64> {
        self.lock().sleepers.first_key_value().map(|(key, _)| key.0)
    }

    /// How many tasks are asleep.
    pub fn sleepers(&self) -> usize {
        self.lock().sleepers.len()
    }

    async fn sleep_until(&self, at_ms: i64) {
        let (wake, woken) = oneshot::channel();
        let key = {
            let mut state = self.lock();
            if at_ms <= state.now_ms {
                return;
            }
            state.next_ticket += 1;
            let key = (at_ms, state.next_ticket);
            state.sleepers.insert(key, wake);
            key
        };
        let _bed = Bed { clock: self, key };
        // The sender is dropped only together with the entry, so an error cannot come early.
        let _ = woken.await;
    }

    fn lock(&self) -> MutexGuard<'_, ManualState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes a sleeper that was cancelled, so that `next_deadline_ms` never names a task that is gone.
struct Bed<'a> {
    clock: &'a ManualClock,
    key: (i64, u64),
}

impl Drop for Bed<'_> {
    fn drop(&mut self) {
        self.clock.lock().sleepers.remove(&self.key);
    }
}

/// Where randomness comes from.
#[derive(Clone, Debug)]
pub enum Entropy {
    /// The operating system's cryptographic generator.
    System,
    /// A repeatable sequence for tests and simulations; not for secrets.
    Seeded(Arc<Mutex<SplitMix>>),
}

#[allow(clippy::disallowed_methods, reason = "this module is the one place that draws randomness")]
fn system_random(bytes: &mut [u8]) -> Result<(), getrandom::Error> {
    getrandom::fill(bytes)
}

impl Entropy {
    /// A repeatable source: equal seeds give equal sequences.
    pub fn seeded(seed: u64) -> Entropy {
        Entropy::Seeded(Arc::new(Mutex::new(SplitMix { state: seed })))
    }

    /// Fills `bytes` with random bytes.
    pub fn fill(&self, bytes: &mut [u8]) {
        match self {
            Entropy::System => {
                if let Err(err) = system_random(bytes) {
                    // Going on would hand out predictable secrets, so there is nothing to recover.
                    tracing::error!("the system's random generator failed: {err}");
                    std::process::abort();
                }
            }
            Entropy::Seeded(shared) => {
                let mut rng = shared.lock().unwrap_or_else(PoisonError::into_inner);
                for chunk in bytes.chunks_mut(8) {
                    for (to, from) in chunk.iter_mut().zip(rng.next_u64().to_le_bytes()) {
                        *to = from;
                    }
                }
            }
        }
    }

    /// A random 64-bit number.
    pub fn u64(&self) -> u64 {
        let mut bytes = [0u8; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// A version 4 UUID in lower case, e.g. `0f9c4b1e-4c0a-4f6e-9d3b-2f1d0c9b8a76`.
    pub fn uuid(&self) -> String {
        let mut bytes = [0u8; 16];
        self.fill(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
    }

    /// `len` characters out of `A-Z a-z 0-9`, each equally likely.
    pub fn token(&self, len: usize) -> String {
        const ALPHABET: &[u8; 62] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        // Bytes from 248 on are thrown away: keeping them would favour the first letters.
        const FAIR_LIMIT: u8 = 248;
        let mut out = String::with_capacity(len);
        let mut bytes = [0u8; 64];
        while out.len() < len {
            self.fill(&mut bytes);
            let fair = bytes.iter().filter(|byte| **byte < FAIR_LIMIT);
            let letters = fair.filter_map(|byte| ALPHABET.get(usize::from(*byte) % 62));
            out.extend(letters.map(|letter| char::from(*letter)).take(len - out.len()));
        }
        out
    }

    /// `digits` upper-case hexadecimal digits.
    pub fn hex_upper(&self, digits: usize) -> String {
        const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
        let mut bytes = vec![0u8; digits];
        self.fill(&mut bytes);
        let picked = bytes.iter().filter_map(|byte| DIGITS.get(usize::from(byte & 0x0f)));
        picked.map(|digit| char::from(*digit)).collect()
    }
}

/// The SplitMix64 generator: tiny, fast, and the same on every machine.
#[derive(Clone, Debug)]
pub struct SplitMix {
    state: u64,
}

impl SplitMix {
    fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[test]
    fn sleepers_wake_in_order_of_deadline_and_only_when_due() {
        let (clock, hands) = Clock::manual(1_000);
        let mut late = Box::pin(clock.sleep_ms(50));
        let mut early = Box::pin(clock.sleep_until(1_020));
        let mut past = Box::pin(clock.sleep_until(999));
        assert!((&mut late).now_or_never().is_none());
        assert!((&mut early).now_or_never().is_none());
        assert!((&mut past).now_or_never().is_some());
        assert_eq!(hands.next_deadline_ms(), Some(1_020));

        hands.advance(20);
        assert!((&mut early).now_or_never().is_some());
        assert!((&mut late).now_or_never().is_none());
        hands.advance(30);
        assert!((&mut late).now_or_never().is_some());
        assert_eq!((clock.now_ms(), hands.sleepers()), (1_050, 0));
    }

    #[test]
    fn a_cancelled_sleeper_is_forgotten() {
        let (clock, hands) = Clock::manual(0);
        let mut sleep = Box::pin(clock.sleep_ms(5));
        assert!((&mut sleep).now_or_never().is_none());
        drop(sleep);
        assert_eq!(hands.next_deadline_ms(), None);
    }

    #[test]
    fn equal_seeds_give_equal_ids() {
        let (a, b) = (Entropy::seeded(7), Entropy::seeded(7));
        assert_eq!(a.uuid(), b.uuid());
        assert_eq!(a.token(40), b.token(40));
        assert_ne!(a.token(40), a.token(40));
        assert_ne!(a.u64(), Entropy::seeded(8).u64());
    }

    #[test]
    fn ids_have_the_promised_shape() {
        for entropy in [Entropy::System, Entropy::seeded(1)] {
            let uuid = entropy.uuid();
            assert_eq!((uuid.len(), uuid.as_bytes()[14]), (36, b'4'), "{uuid}");
            let token = entropy.token(100);
            assert!(token.len() == 100 && token.chars().all(|c| c.is_ascii_alphanumeric()));
            let hex = entropy.hex_upper(33);
            assert!(hex.len() == 33 && hex.chars().all(|c| "0123456789ABCDEF".contains(c)));
        }
    }
}
