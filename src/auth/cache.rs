//! Callers that were authenticated a moment ago, so that the next request of each costs microseconds.
//!
//! An entry lives until any account, credential or membership changes, or a session ends: then all are
//! forgotten, which is cheap because such changes are rare. The change feed is drained on every look, so a
//! change that was acknowledged before a request came in is never missed.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::TryRecvError;

use super::caller::Caller;
use crate::events::{Change, Changes};

/// Callers remembered at most; only successes get in, so nobody can push others out for free.
const ENTRIES: usize = 1024;
/// Base types whose changes may make a remembered caller untrue.
const WATCHED: &[&str] = &["account", "credential", "projectMember"];

/// Whether a change may concern access.
pub(super) fn concerns_access(change: &Change) -> bool {
    WATCHED.contains(&change.ty)
}

#[derive(Debug)]
pub(super) struct Cache {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    feed: Receiver<Changes>,
    entries: HashMap<[u8; 32], Entry>,
    generation: u64,
}

#[derive(Debug)]
struct Entry {
    caller: Caller,
    expires: i64,
}

/// What was known when a look-up began: an answer found since must not be remembered if it changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Generation(u64);

impl Cache {
    pub(super) fn new(feed: Receiver<Changes>) -> Self {
        let inner = Inner { feed, entries: HashMap::new(), generation: 0 };
        Self { inner: Mutex::new(inner) }
    }

    fn fresh(&self) -> MutexGuard<'_, Inner> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.drain();
        inner
    }

    /// The caller under this key, if it still holds at `now_ms`; else the generation to come back with.
    pub(super) fn get(&self, key: &[u8; 32], now_ms: i64) -> Result<Caller, Generation> {
        let inner = self.fresh();
        match inner.entries.get(key) {
            Some(entry) if now_ms < entry.expires => Ok(entry.caller.clone()),
            _ => Err(Generation(inner.generation)),
        }
    }

    /// Remembers a caller, unless something changed since `seen`.
    pub(super) fn put(&self, seen: Generation, key: [u8; 32], caller: &Caller, expires: i64) {
        let mut inner = self.fresh();
        if inner.generation != seen.0 {
            return;
        }
        if inner.entries.len() >= ENTRIES {
            inner.entries.clear();
        }
        inner.entries.insert(key, Entry { caller: caller.clone(), expires });
    }

    /// Forgets everyone: a session ended.
    pub(super) fn clear(&self) {
        self.fresh().clear();
    }

    /// Lets go of the notices that have piled up.
    pub(super) fn drain(&self) {
        drop(self.fresh());
    }
}

impl Inner {
    fn drain(&mut self) {
        loop {
            match self.feed.try_recv() {
                Ok(changes) if changes.iter().any(concerns_access) => self.clear(),
                Ok(_) => {}
                Err(TryRecvError::Lagged(_)) => self.clear(),
                Err(TryRecvError::Empty | TryRecvError::Closed) => return,
            }
        }
    }

    fn clear(&mut self) {
        self.entries.clear();
        self.generation = self.generation.wrapping_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::caller::{AuthType, Role};
    use crate::events::Feed;

    fn caller() -> Caller {
        Caller {
            account_id: 5,
            user_id: 1,
            user_kind: "admin".to_owned(),
            user_name: None,
            role: Role::Owner,
            auth_type: AuthType::Basic,
            all_accounts: true,
            session: None,
        }
    }

    fn change(ty: &'static str) -> Vec<Change> {
        vec![Change { id: 1, ty, account_id: None, service_id: None, created: false }]
    }

    #[test]
    fn what_changes_access_forgets_and_what_does_not_does_not() {
        let feed = Feed::default();
        let cache = Cache::new(feed.listen());
        for (ty, kept) in [
            ("instance", true),
            ("account", false),
            ("credential", false),
            ("projectMember", false),
        ] {
            let seen = cache.get(&[1; 32], 0).unwrap_err();
            cache.put(seen, [1; 32], &caller(), 100);
            feed.publish(change(ty));
            assert_eq!(cache.get(&[1; 32], 0).is_ok(), kept, "{ty}");
            cache.clear();
        }
    }

    #[test]
    fn an_answer_overtaken_by_a_change_is_not_remembered() {
        let feed = Feed::default();
        let cache = Cache::new(feed.listen());
        let seen = cache.get(&[1; 32], 0).unwrap_err();
        feed.publish(change("credential"));
        cache.put(seen, [1; 32], &caller(), 100);
        let seen = cache.get(&[1; 32], 0).unwrap_err();
        cache.clear();
        cache.put(seen, [1; 32], &caller(), 100);
        cache.get(&[1; 32], 0).unwrap_err();
    }

    #[test]
    fn entries_expire_and_losing_notices_forgets() {
        let feed = Feed::default();
        let cache = Cache::new(feed.listen());
        let seen = cache.get(&[1; 32], 0).unwrap_err();
        cache.put(seen, [1; 32], &caller(), 100);
        assert_eq!(cache.get(&[1; 32], 99), Ok(caller()));
        cache.get(&[1; 32], 100).unwrap_err();
        for _ in 0..2000 {
            feed.publish(change("instance"));
        }
        cache.get(&[1; 32], 0).unwrap_err();
    }

    #[test]
    fn the_cache_is_bounded() {
        let cache = Cache::new(Feed::default().listen());
        for number in 0..2 * ENTRIES {
            let mut key = [0; 32];
            key[..8].copy_from_slice(&number.to_le_bytes());
            let seen = cache.get(&key, 0).unwrap_err();
            cache.put(seen, key, &caller(), 100);
        }
        assert!(cache.fresh().entries.len() <= ENTRIES);
    }
}
