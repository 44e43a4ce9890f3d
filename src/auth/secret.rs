//! How secrets are kept: passwords by Argon2id, keys by SHA-256, and comparing either in constant time.
//!
//! A password is something a person thought of, so guessing it must be made expensive: Argon2id with the
//! parameters of the configuration, off the async threads and one at a time, so that memory stays bounded
//! however many log in at once. An API key or a session key is 40 characters of our own randomness (238
//! bits): nobody guesses it however cheap a guess is, so a plain SHA-256 is enough and costs a microsecond.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::clock::Entropy;
use crate::error::{Error, Result};

/// What one password hash costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub iterations: u32,
    /// Lanes.
    pub parallelism: u32,
}

impl Default for Cost {
    /// OWASP's minimum for Argon2id: 19 MiB, two passes, one lane.
    fn default() -> Self {
        Self { memory_kib: 19_456, iterations: 2, parallelism: 1 }
    }
}

/// The longest password accepted, in bytes.
pub const LONGEST_PASSWORD: usize = 1024;
/// Hashes computed at once; each takes [`Cost::memory_kib`] of memory.
const AT_ONCE: usize = 1;
/// Logins that may wait for their turn; more are sent away, so that a flood does not queue up.
const WAITING: usize = 64;
/// How long a password that was right needs no hash again.
const REMEMBERED_MS: i64 = 10 * 60 * 1000;
/// Passwords remembered at most.
const REMEMBERED: usize = 256;

/// What a check of a password found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Not the password, or there is none.
    Wrong,
    /// The password, hashed as the configuration wants it.
    Right,
    /// The password, hashed with other parameters: hash it again and store that.
    RightButOld,
}

/// Hashes and checks passwords.
#[derive(Debug)]
pub struct Passwords {
    params: Params,
    entropy: Entropy,
    gate: Semaphore,
    waiting: AtomicUsize,
    recent: Recent,
}

impl Passwords {
    /// # Errors
    /// When Argon2 does not accept the cost.
    pub fn new(cost: Cost, entropy: Entropy) -> Result<Self> {
        let params = Params::new(cost.memory_kib, cost.iterations, cost.parallelism, None)
            .map_err(|error| Error::internal(format!("the Argon2 parameters: {error}")))?;
        let recent = Recent::new(&entropy);
        let gate = Semaphore::new(AT_ONCE);
        Ok(Self { params, entropy, gate, waiting: AtomicUsize::new(0), recent })
    }

    /// Waits for a turn to hash.
    ///
    /// # Errors
    /// 503 when too many wait already.
    pub async fn turn(&self) -> Result<Turn<'_>> {
        let _seat = Seat::take(&self.waiting)?;
        let permit = self.gate.acquire().await.map_err(Error::internal)?;
        Ok(Turn { passwords: self, _permit: permit })
    }

    /// Whether this password matched this hash a short while ago, so that no new hash is needed.
    pub fn remembers(&self, password: &str, phc: &str, now_ms: i64) -> bool {
        self.recent.has(password, phc, now_ms)
    }

    fn hasher(&self) -> Argon2<'static> {
        Argon2::new(Algorithm::Argon2id, Version::V0x13, self.params.clone())
    }

    /// Whether a stored hash was made as the configuration wants it.
    fn is_current(&self, stored: &PasswordHash) -> bool {
        let cost = |params: &Params| (params.m_cost(), params.t_cost(), params.p_cost());
        stored.algorithm.as_str() == "argon2id"
            && stored.version == Some(Version::V0x13.into())
            && Params::try_from(stored).is_ok_and(|params| cost(&params) == cost(&self.params))
    }
}

/// A place in the queue, given back when it is dropped.
struct Seat<'a>(&'a AtomicUsize);

impl<'a> Seat<'a> {
    fn take(waiting: &'a AtomicUsize) -> Result<Self> {
        let seat = Self(waiting);
        if waiting.fetch_add(1, Ordering::Relaxed) >= WAITING {
            let message = "too many people log in at once; try again in a few seconds";
            return Err(Error::status(503).message(message));
        }
        Ok(seat)
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The right to hash now; others wait until it is dropped.
#[derive(Debug)]
pub struct Turn<'a> {
    passwords: &'a Passwords,
    _permit: SemaphorePermit<'a>,
}

impl Turn<'_> {
    /// Hashes a password into a PHC string (`$argon2id$v=19$m=..,t=..,p=..$salt$hash`).
    ///
    /// # Errors
    /// 422 when it is longer than [`LONGEST_PASSWORD`].
    pub async fn hash(&self, password: &str) -> Result<String> {
        if password.len() > LONGEST_PASSWORD {
            return Err(too_long(password));
        }
        let mut salt = [0u8; 16];
        self.passwords.entropy.fill(&mut salt);
        let (hasher, password) = (self.passwords.hasher(), password.to_owned());
        off_thread(move || {
            let hash: PasswordHash = hasher
                .hash_password_with_salt(password.as_bytes(), &salt)
                .map_err(|error| Error::internal(format!("argon2: {error}")))?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Compares a password with a stored hash. Without one it takes as long and is wrong, so that the
    /// time of the answer does not tell which logins exist.
    ///
    /// # Errors
    /// When the stored text is no PHC string.
    pub async fn verify(&self, password: &str, phc: Option<&str>, now_ms: i64) -> Result<Verdict> {
        let Some(phc) = phc.filter(|_| password.len() <= LONGEST_PASSWORD) else {
            let spent: String = password.chars().take(LONGEST_PASSWORD / 4).collect();
            self.hash(&spent).await?;
            return Ok(Verdict::Wrong);
        };
        let stored = PasswordHash::new(phc)
            .map_err(|error| Error::internal(format!("a stored password: {error}")))?;
        let verdict = match self.passwords.is_current(&stored) {
            true => Verdict::Right,
            false => Verdict::RightButOld,
        };
        let (hasher, text) = (self.passwords.hasher(), password.to_owned());
        let right =
            off_thread(move || Ok(hasher.verify_password(text.as_bytes(), &stored).is_ok()))
                .await?;
        if !right {
            return Ok(Verdict::Wrong);
        }
        self.passwords.recent.add(password, phc, now_ms);
        Ok(verdict)
    }
}

async fn off_thread<T: Send + 'static>(
    f: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(f).await.map_err(Error::internal)?
}

/// Passwords that were right lately, so that HTTP basic with a password does not cost a hash each call.
///
/// Kept as a keyed hash of password and stored hash together: nothing to learn from a memory dump without
/// the process's own random key, and a changed password is simply never found again.
#[derive(Debug)]
struct Recent {
    keyed: Keyed,
    until: Mutex<HashMap<[u8; 32], i64>>,
}

impl Recent {
    fn new(entropy: &Entropy) -> Self {
        Self { keyed: Keyed::new(entropy), until: Mutex::new(HashMap::new()) }
    }

    fn has(&self, password: &str, phc: &str, now_ms: i64) -> bool {
        let digest = self.keyed.digest(&[phc, password]);
        let until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        until.get(&digest).is_some_and(|until| now_ms < *until)
    }

    fn add(&self, password: &str, phc: &str, now_ms: i64) {
        let digest = self.keyed.digest(&[phc, password]);
        let mut until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        if until.len() >= REMEMBERED {
            until.retain(|_, until| now_ms < *until);
        }
        if until.len() >= REMEMBERED {
            until.clear();
        }
        until.insert(digest, now_ms.saturating_add(REMEMBERED_MS));
    }
}

/// A hash that only this process can compute.
#[derive(Clone)]
pub struct Keyed {
    mac: Arc<Hmac<Sha256>>,
}

impl std::fmt::Debug for Keyed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keyed").finish_non_exhaustive()
    }
}

impl Keyed {
    /// With a fresh random key.
    pub fn new(entropy: &Entropy) -> Self {
        let mut key = [0u8; 64];
        entropy.fill(&mut key);
        // The block length of SHA-256, which a key may have without being hashed first.
        Self { mac: Arc::new(Hmac::new(&key.into())) }
    }

    /// The hash of several texts; where one ends and the next begins matters.
    pub fn digest(&self, parts: &[&str]) -> [u8; 32] {
        let mut mac = (*self.mac).clone();
        for part in parts {
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part.as_bytes());
        }
        mac.finalize().into_bytes().into()
    }
}

/// SHA-256 of a text in lower-case hexadecimal: how keys are stored.
pub fn sha256_hex(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

/// Whether a text can be a password.
///
/// # Errors
/// 400 `UserCredentialCreation` for a blank one, 422 for one longer than [`LONGEST_PASSWORD`].
pub fn check_password(password: &str) -> Result<()> {
    if password.trim().is_empty() {
        let message = "a login needs a name and a password";
        return Err(Error::code("UserCredentialCreation").message(message));
    }
    match password.len() > LONGEST_PASSWORD {
        true => Err(too_long(password)),
        false => Ok(()),
    }
}

fn too_long(password: &str) -> Error {
    let length = password.len();
    Error::field("MaxLengthExceeded", "secretValue")
        .message(format!("the password is {length} bytes long, more than {LONGEST_PASSWORD}"))
}

pub use crate::process::keys::{KEY_SCHEME, key_hash};

/// Whether a stored form (of a key or anything else) is a key's.
pub fn is_key_hash(stored: &str) -> bool {
    stored.starts_with(KEY_SCHEME)
}

/// Whether a secret is the one that was stored, in constant time.
pub fn key_matches(secret: &str, stored: &str) -> bool {
    same(&key_hash(secret), stored)
}

/// Whether two texts are equal, in a time that depends on their lengths only.
pub fn same(a: &str, b: &str) -> bool {
    a.as_bytes().ct_eq(b.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As cheap as Argon2 allows.
    const CHEAP: Cost = Cost { memory_kib: 8, iterations: 1, parallelism: 1 };

    fn passwords(cost: Cost) -> Passwords {
        Passwords::new(cost, Entropy::seeded(1)).unwrap()
    }

    #[tokio::test]
    async fn a_password_matches_its_own_hash_and_nothing_else() {
        let passwords = passwords(CHEAP);
        let turn = passwords.turn().await.unwrap();
        let phc = turn.hash("pa:ss wörd").await.unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{phc}");
        assert_ne!(phc, turn.hash("pa:ss wörd").await.unwrap(), "salts differ");
        for (given, stored, expect) in [
            ("pa:ss wörd", Some(phc.as_str()), Verdict::Right),
            ("pa:ss word", Some(phc.as_str()), Verdict::Wrong),
            ("", Some(phc.as_str()), Verdict::Wrong),
            ("pa:ss wörd", None, Verdict::Wrong),
        ] {
            assert_eq!(turn.verify(given, stored, 0).await.unwrap(), expect, "{given}");
        }
    }

    #[tokio::test]
    async fn changed_parameters_ask_for_a_new_hash() {
        let old = passwords(CHEAP).turn().await.unwrap().hash("x").await.unwrap();
        let now = passwords(Cost { memory_kib: 16, ..CHEAP });
        let turn = now.turn().await.unwrap();
        assert_eq!(turn.verify("x", Some(&old), 0).await.unwrap(), Verdict::RightButOld);
        assert_eq!(turn.verify("y", Some(&old), 0).await.unwrap(), Verdict::Wrong);
    }

    #[tokio::test]
    async fn a_right_password_is_remembered_for_a_while_and_with_its_hash_only() {
        let passwords = passwords(CHEAP);
        let turn = passwords.turn().await.unwrap();
        let (phc, other) = (turn.hash("x").await.unwrap(), turn.hash("x").await.unwrap());
        assert!(!passwords.remembers("x", &phc, 0));
        turn.verify("y", Some(&phc), 0).await.unwrap();
        turn.verify("x", Some(&phc), 0).await.unwrap();
        assert!(passwords.remembers("x", &phc, REMEMBERED_MS - 1));
        assert!(!passwords.remembers("x", &phc, REMEMBERED_MS));
        assert!(!passwords.remembers("y", &phc, 0));
        assert!(!passwords.remembers("x", &other, 0), "the password was changed");
    }

    #[tokio::test]
    async fn passwords_have_a_greatest_length() {
        let passwords = passwords(CHEAP);
        let turn = passwords.turn().await.unwrap();
        let long = "x".repeat(LONGEST_PASSWORD + 1);
        let error = turn.hash(&long).await.unwrap_err();
        assert_eq!(
            (error.code, error.field.as_deref()),
            ("MaxLengthExceeded", Some("secretValue"))
        );
        assert_eq!(turn.verify(&long, None, 0).await.unwrap(), Verdict::Wrong);
    }

    #[tokio::test]
    async fn a_flood_of_logins_is_sent_away() {
        let passwords = passwords(CHEAP);
        let turn = passwords.turn().await.unwrap();
        let mut queue: Vec<_> = (0..WAITING).map(|_| Box::pin(passwords.turn())).collect();
        for waiting in &mut queue {
            assert!(futures_util::poll!(waiting).is_pending());
        }
        assert_eq!(passwords.turn().await.unwrap_err().status, 503);
        drop(queue);
        drop(turn);
        passwords.turn().await.unwrap();
    }

    #[test]
    fn keys_are_compared_by_hash() {
        let stored = key_hash("secret");
        assert_eq!(
            stored,
            "sha256$2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"
        );
        assert!(key_matches("secret", &stored) && !key_matches("Secret", &stored));
        assert!(!key_matches(&stored, &stored));
    }

    #[test]
    fn a_keyed_hash_separates_its_parts_and_processes() {
        let keyed = Keyed::new(&Entropy::seeded(1));
        assert_ne!(keyed.digest(&["ab", "c"]), keyed.digest(&["a", "bc"]));
        assert_eq!(keyed.digest(&["ab", "c"]), keyed.clone().digest(&["ab", "c"]));
        assert_ne!(keyed.digest(&["a"]), Keyed::new(&Entropy::seeded(2)).digest(&["a"]));
    }
}
