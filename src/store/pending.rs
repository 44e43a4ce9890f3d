//! Entries of the audit log that a change brings along: a request announces its entry, the first of its
//! writes stores it in the same transaction, and the complete entry takes its place once the answer is
//! known. A server that is killed in between finds it at the next start, so no change is without an entry.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::{OptionalExtension as _, params};

use super::{NewAudit, Read, Tx};
use crate::error::{Error, Result};

tokio::task_local! {
    static ANNOUNCED: Arc<Announcement>;
}

/// The description of an entry that was never completed.
const UNFINISHED: &str = "the request ended before its answer was known";

/// An entry that goes along with whatever a request changes.
#[derive(Debug)]
pub struct Announcement {
    id: String,
    entry: NewAudit,
    stored: AtomicBool,
}

impl Announcement {
    /// An entry as far as it is known, under an id of its own.
    pub fn new(id: String, entry: NewAudit) -> Arc<Self> {
        Arc::new(Self { id, entry, stored: AtomicBool::new(false) })
    }

    /// Whether a change that is on disk has brought it along.
    pub fn is_stored(&self) -> bool {
        self.stored.load(Ordering::SeqCst)
    }

    /// Does something whose writes bring the entry along.
    pub async fn accompany<T>(self: &Arc<Self>, work: impl Future<Output = T>) -> T {
        ANNOUNCED.scope(Arc::clone(self), work).await
    }

    pub(super) fn set_stored(&self) {
        self.stored.store(true, Ordering::SeqCst);
    }
}

/// What a write of this task brings along.
pub(super) fn announced() -> Option<Arc<Announcement>> {
    ANNOUNCED.try_with(Arc::clone).ok()
}

impl Read<'_> {
    /// Whether a request begun before an instant has left an entry behind.
    ///
    /// # Errors
    /// When the database fails.
    pub fn has_audit_pending_before(&self, instant: i64) -> Result<bool> {
        let mut statement =
            self.connection.prepare_cached("SELECT 1 FROM audit_pending WHERE created < ?1")?;
        let found: Option<i64> = statement.query_row([instant], |row| row.get(0)).optional()?;
        Ok(found.is_some())
    }
}

impl Tx<'_> {
    /// Stores an announced entry, unless an earlier write of the request has.
    pub(super) fn audit_announce(&mut self, announcement: &Announcement) -> Result<()> {
        let entry = serde_json::to_string(&announcement.entry).map_err(Error::internal)?;
        self.read
            .connection
            .prepare_cached(
                "INSERT OR IGNORE INTO audit_pending (id, created, entry) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![announcement.id, self.now, entry])?;
        Ok(())
    }

    /// Records the complete entry in the place of the announced one, unless [`Tx::audit_recover`] was first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn audit_complete(&mut self, announced: &Announcement, entry: &NewAudit) -> Result<()> {
        if self.audit_forget(&announced.id)? > 0 {
            self.audit_insert(entry)?;
        }
        Ok(())
    }

    /// Records entries of requests that were begun before an instant and never completed theirs, some at a
    /// time; returns how many.
    ///
    /// # Errors
    /// When the database fails.
    pub fn audit_recover(&mut self, instant: i64, limit: u32) -> Result<usize> {
        let found: Vec<(String, String)> = {
            let mut statement = self.read.connection.prepare_cached(
                "SELECT id, entry FROM audit_pending WHERE created < ?1 ORDER BY created, id
                 LIMIT ?2",
            )?;
            let rows = statement
                .query_map(params![instant, limit], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect::<rusqlite::Result<_>>()?
        };
        for (id, entry) in &found {
            let mut entry: NewAudit = serde_json::from_str(entry).map_err(Error::internal)?;
            entry.data.insert("description".to_owned(), UNFINISHED.into());
            self.audit_forget(id)?;
            self.audit_insert(&entry)?;
        }
        Ok(found.len())
    }

    fn audit_forget(&mut self, id: &str) -> Result<usize> {
        let connection = self.read.connection;
        let mut statement = connection.prepare_cached("DELETE FROM audit_pending WHERE id = ?1")?;
        Ok(statement.execute([id])?)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;
    use crate::clock::{Clock, Entropy};
    use crate::model::resource::NewResource;
    use crate::store::{AuditFilter, Store};

    fn entry(event: &str) -> NewAudit {
        NewAudit {
            account_id: Some(5),
            authenticated_as: Some(1),
            event: event.to_owned(),
            resource_type: Some("stack".to_owned()),
            resource_id: None,
            data: Map::new(),
        }
    }

    fn log(store: &Store) -> Vec<String> {
        let filter = AuditFilter { limit: 99, ..AuditFilter::default() };
        let rows = store.read(|read| read.audit(&filter)).unwrap();
        let line = |data: &Map<String, serde_json::Value>| {
            data.get("description").and_then(|text| text.as_str()).unwrap_or("-").to_owned()
        };
        rows.iter().map(|row| format!("{}: {}", row.entry.event, line(&row.entry.data))).collect()
    }

    async fn make(store: &Store, name: &'static str) -> Result<i64> {
        let new = NewResource::new("stack", name.to_owned()).name(name);
        store.write(move |tx| Ok(tx.insert(new)?.id)).await
    }

    #[tokio::test]
    async fn a_change_brings_its_entry_along_and_no_start_loses_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db");
        let (clock, hands) = Clock::manual(1000);
        let store = Store::open(&path, clock.clone(), Entropy::seeded(1)).unwrap();

        // Killed between the change and the answer.
        let lost = Announcement::new("lost".to_owned(), entry("lost"));
        let two = async {
            make(&store, "a").await.unwrap();
            make(&store, "b").await.unwrap();
        };
        lost.accompany(two).await;
        assert!(lost.is_stored());
        assert_eq!(log(&store), Vec::<String>::new());
        drop(store);
        let store = Store::open(&path, clock, Entropy::seeded(2)).unwrap();
        assert_eq!(store.read(|read| read.has_audit_pending_before(1000)), Ok(false));
        hands.advance(1);
        assert_eq!(store.read(|read| read.has_audit_pending_before(1001)), Ok(true));
        assert_eq!(store.write(|tx| tx.audit_recover(1001, 9)).await, Ok(1));
        assert_eq!(log(&store), ["lost: the request ended before its answer was known"]);
        assert_eq!(store.write(|tx| tx.audit_recover(i64::MAX, 9)).await, Ok(0));

        // One that gets its answer has one entry, the complete one.
        let whole = Announcement::new("whole".to_owned(), entry("whole"));
        whole.accompany(make(&store, "c")).await.unwrap();
        let (complete, announced) = (entry("whole"), Arc::clone(&whole));
        store.write(move |tx| tx.audit_complete(&announced, &complete)).await.unwrap();
        assert_eq!(store.write(|tx| tx.audit_recover(i64::MAX, 9)).await, Ok(0));
        assert_eq!(log(&store).last().map(String::as_str), Some("whole: -"));

        // What is refused brings nothing along, nor does what is only tried out or elsewhere.
        let refused = Announcement::new("refused".to_owned(), entry("refused"));
        let failing = async {
            let twice = NewResource::new("stack", "a".to_owned());
            store.write(move |tx| tx.insert(twice).and(Err::<(), _>(Error::not_found()))).await
        };
        assert!(refused.accompany(failing).await.is_err());
        let tried =
            store.rehearse(|tx| Ok(tx.insert(NewResource::new("stack", "d".to_owned()))?.id));
        refused.accompany(tried).await.unwrap();
        make(&store, "e").await.unwrap();
        assert!(!refused.is_stored());
        assert_eq!(store.write(|tx| tx.audit_recover(i64::MAX, 9)).await, Ok(0));
    }
}
