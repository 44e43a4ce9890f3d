//! Periodic jobs on a server without its ears.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::core::Core;
use crate::clock::{Clock, Entropy, ManualClock};
use crate::error::{Error, Result};
use crate::process::site::{Limits, Site};
use crate::process::tasks::{Every, Found, Task, carry_out};
use crate::store::TaskRun;

fn core(folder: &tempfile::TempDir) -> (Core, Arc<ManualClock>) {
    let (clock, hands) = Clock::manual(1_000);
    let limits = Limits {
        concurrency: 1,
        workers: 1,
        stop_timeout_s: 1,
        first_subnet: "10.42.0.0/16".to_owned(),
    };
    let core = Core::open(&folder.path().join("db"), clock, Entropy::seeded(1), limits);
    (core.expect("a core"), hands)
}

fn runs(site: &Site) -> Vec<(i64, bool, bool, Option<String>)> {
    let rows = site.store.read(|read| read.task_runs(None, 0, 99)).expect("runs");
    let told =
        |run: TaskRun| (run.task_id, run.asked.is_some(), run.ended.is_some(), run.exception);
    rows.into_iter().map(told).collect()
}

#[tokio::test]
async fn runs_that_found_nothing_leave_no_trace_unless_somebody_asked() {
    let folder = tempfile::tempdir().expect("folder");
    let (core, _) = core(&folder);
    let site = &core.site;
    let task = |found: Result<Found>| {
        Task::new(99, "probe", Every::Asked, move |_| {
            let found = found.clone();
            async move { found }
        })
    };
    carry_out(site, &task(Ok(Found::Nothing)), None).await.expect("recorded");
    assert_eq!(runs(site), []);
    carry_out(site, &task(Ok(Found::Work)), None).await.expect("recorded");
    let failed = Err(Error::conflict("the engine is asleep"));
    carry_out(site, &task(failed), None).await.expect("recorded");
    site.store.write(|tx| tx.task_ask(99)).await.expect("asked");
    let twice = site.store.write(|tx| tx.task_ask(99)).await.expect("asked");
    let open = site.store.read(|read| read.task_runs_open()).expect("open");
    assert_eq!(open.iter().map(|run| run.id).collect::<Vec<_>>(), [twice]);
    carry_out(site, &task(Ok(Found::Nothing)), open.into_iter().next()).await.expect("done");
    assert_eq!(
        runs(site),
        [
            (99, false, true, None),
            (99, false, true, Some("the engine is asleep".to_owned())),
            (99, true, true, None)
        ]
    );
}

#[tokio::test]
async fn jobs_run_when_due_when_asked_for_and_again_when_they_were_cut_off() {
    let folder = tempfile::tempdir().expect("folder");
    let (mut core, hands) = core(&folder);
    let (heard, mut told) = tokio::sync::mpsc::unbounded_channel();
    let count = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&count);
    core.site.tasks.add([Task::new(99, "probe", Every::Seconds(60), move |_| {
        let (heard, counted) = (heard.clone(), Arc::clone(&counted));
        async move {
            let number = counted.fetch_add(1, Ordering::SeqCst) + 1;
            heard.send(number).map_err(Error::internal)?;
            Ok(Found::Nothing)
        }
    })]);
    // As it is after the server was killed in the middle of a run.
    core.site
        .store
        .write(|tx| {
            let id = tx.task_ask(99)?;
            tx.task_begin(id)
        })
        .await
        .expect("begun");
    core.start();
    assert_eq!(told.recv().await, Some(1), "what was cut off");
    while !core.site.store.read(|read| read.task_runs_open()).expect("open").is_empty() {
        tokio::task::yield_now().await;
    }
    core.site.store.write(|tx| tx.task_ask(99)).await.expect("asked");
    assert_eq!(told.recv().await, Some(2), "what was asked for");
    hands.advance(60_000);
    assert_eq!(told.recv().await, Some(3), "what is due");
    core.shut_down().await;
    assert_eq!(count.load(Ordering::SeqCst), 3);
}
