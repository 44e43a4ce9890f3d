//! Housekeeping: what is over is kept as long as settings say, and no longer.

use std::sync::Arc;

use ranchette::clock::{Clock, Entropy, ManualClock};
use ranchette::model::resource::NewResource;
use ranchette::process;
use ranchette::process::tasks::{self, Every};
use ranchette::server::core::Core;
use ranchette::store::{Announcement, AuditFilter, NewAudit, Query, verify_audit};
use serde_json::Map;
use tempfile::TempDir;

struct Kept {
    core: Core,
    hands: Arc<ManualClock>,
    folder: TempDir,
}

impl Kept {
    fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        let (clock, hands) = Clock::manual(1_000_000);
        let path = folder.path().join("db");
        let core = Core::open(&path, clock, Entropy::seeded(3), crate::world::limits());
        Self { core: core.expect("a core"), hands, folder }
    }

    async fn set(&self, name: &'static str, seconds: &'static str) {
        let write = move |tx: &mut ranchette::store::Tx<'_>| tx.set_setting(name, Some(seconds));
        self.core.site.store.write(write).await.expect("written");
    }

    async fn add(&self, ty: &'static str, removed: bool) -> i64 {
        let write = move |tx: &mut ranchette::store::Tx<'_>| {
            let row = tx.insert(NewResource::new(ty, tx.entropy.uuid()).state("active"))?;
            if removed {
                process::retire(tx, row.id)?;
            }
            Ok(row.id)
        };
        self.core.site.store.write(write).await.expect("written")
    }

    /// After so many seconds, which of the rows are left once the house is clean.
    async fn after(&self, seconds: u64, rows: &[i64]) -> Vec<bool> {
        self.hands.advance(seconds * 1000);
        for task in tasks::tasks().into_iter().filter(|task| task.every != Every::Asked) {
            (task.run)(Arc::clone(&self.core.site)).await.expect(task.name);
        }
        let there = |id: &i64| self.core.site.store.read(|read| read.get(*id)).expect("read");
        rows.iter().map(|id| there(id).is_some()).collect()
    }
}

#[tokio::test]
async fn removed_rows_are_purged_after_their_time_and_live_ones_never() {
    let kept = Kept::new();
    let rows = [kept.add("stack", true).await, kept.add("stack", false).await];
    assert_eq!(kept.after(172_800, &rows).await, [true, true], "two days are packaged");
    assert_eq!(kept.after(1, &rows).await, [false, true]);
    kept.set("main_tables.purge.after.seconds", "60").await;
    let rows = [kept.add("stack", true).await, rows[1]];
    assert_eq!(kept.after(60, &rows).await, [true, true]);
    assert_eq!(kept.after(1, &rows).await, [false, true]);
    kept.set("main_tables.purge.after.seconds", "-5").await;
    let rows = [kept.add("stack", true).await];
    assert_eq!(kept.after(1, &rows).await, [false], "less than no time is no time");
}

#[tokio::test]
async fn what_can_still_be_brought_back_is_kept_longer() {
    let kept = Kept::new();
    kept.set("main_tables.purge.after.seconds", "60").await;
    let volume = kept.add("volume", true).await;
    let until = kept.core.site.clock.now_ms() + 100_000;
    let write = move |tx: &mut ranchette::store::Tx<'_>| {
        tx.update(volume, |row| {
            row.set("undoUntil", until);
            Ok(())
        })
    };
    kept.core.site.store.write(write).await.expect("written");
    assert_eq!(kept.after(100, &[volume]).await, [true]);
    assert_eq!(kept.after(1, &[volume]).await, [false]);
}

#[tokio::test]
async fn more_than_one_batch_goes_in_a_round() {
    let kept = Kept::new();
    for _ in 0..1201 {
        kept.add("stack", true).await;
    }
    kept.after(200_000, &[]).await;
    let query = Query { ty: "stack", with_removed: true, ..Query::default() };
    assert_eq!(kept.core.site.store.read(|read| read.count(&query)), Ok(0));
}

#[tokio::test]
async fn logs_and_processes_go_by_their_own_settings() {
    let kept = Kept::new();
    let store = &kept.core.site.store;
    let line = kept.add("serviceLog", false).await;
    let entry = NewAudit {
        account_id: None,
        authenticated_as: None,
        event: "api.stack.create".to_owned(),
        resource_type: None,
        resource_id: None,
        data: Map::new(),
    };
    store.write(move |tx| tx.audit_insert(&entry)).await.expect("written");
    let process = store
        .write(|tx| {
            let new = NewResource::new("stack", tx.entropy.uuid());
            let row = process::create(tx, new, Map::new())?;
            let process = tx.open_process(row.id)?.map(|process| process.id);
            tx.process_supersede(row.id)?;
            Ok(process)
        })
        .await
        .expect("written")
        .expect("a process");
    let entries = || {
        let filter = AuditFilter { limit: 9, ..AuditFilter::default() };
        store.read(|read| read.audit(&filter)).expect("read").len()
    };
    let has_process = || store.read(|read| read.process(process)).expect("read").is_some();
    assert_eq!(kept.after(3_600, &[line]).await, [true]);
    assert!(has_process());
    kept.after(1, &[line]).await;
    assert!(!has_process(), "an hour is packaged for processes");
    assert_eq!(kept.after(86_400 - 3_601, &[line]).await, [true]);
    assert_eq!(kept.after(1, &[line]).await, [false], "a day for the service log");
    assert_eq!(entries(), 1);
    kept.set("audit_log.purge.after.seconds", "90000").await;
    kept.after(90_000 - 86_401, &[]).await;
    assert_eq!(entries(), 1);
    kept.after(2, &[]).await;
    assert_eq!(entries(), 0);
    let report = verify_audit(&kept.folder.path().join("db"), None).expect("a report");
    assert_eq!((report.broken, report.head.id), (None, 1));
}

#[tokio::test]
async fn a_change_whose_request_never_ended_is_in_the_audit_log_after_an_hour() {
    let kept = Kept::new();
    let entry = NewAudit {
        account_id: Some(5),
        authenticated_as: Some(1),
        event: "api.stack.create".to_owned(),
        resource_type: Some("stack".to_owned()),
        resource_id: None,
        data: Map::new(),
    };
    let announced = Announcement::new("one".to_owned(), entry);
    let stack = announced.accompany(kept.add("stack", false)).await;
    let entries = || {
        let filter = AuditFilter { limit: 9, ..AuditFilter::default() };
        kept.core.site.store.read(|read| read.audit(&filter)).expect("read").len()
    };
    assert_eq!(kept.after(3_599, &[stack]).await, [true]);
    assert_eq!(entries(), 0, "the answer may still come");
    kept.after(2, &[]).await;
    assert_eq!(entries(), 1);
    kept.after(3_600, &[]).await;
    assert_eq!(entries(), 1);
}
