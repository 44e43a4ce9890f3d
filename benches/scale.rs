//! Containers a second through the whole server on a simulated fleet: from asking for a scale until
//! every container runs, each step durable in SQLite on a real disk. And what it costs to look at many
//! services of which none needs anything.

use std::process::ExitCode;

use ranchette::controller::Controller;
use support::{Report, Target, fleet, median, timed_async};
use tokio_util::sync::CancellationToken;

mod support;

const RUNS: usize = 3;
const HOSTS: usize = 100;
const CONTAINERS: usize = 10_000;
/// Containers a second.
const TARGET: f64 = 4_000.0;
/// Services that are looked at while nothing is to be done, with two containers each.
const SETTLED: usize = 1_000;
/// Times that they are looked at.
const LOOKS: usize = 5;

fn main() -> ExitCode {
    let mut report = Report::default();
    for services in [1, 100] {
        let name = format!(
            "{CONTAINERS} simulated containers, {services} service{}",
            if services == 1 { "" } else { "s" }
        );
        let rate = median(support::runs(RUNS), |_| run(services));
        report.report(&name, rate, "/s", Target::AtLeast(TARGET));
    }
    let name = format!("{SETTLED} services reconciled, nothing to do");
    report.report(&name, look_ms(), "ms", Target::AtMost(100.0));
    report.finish()
}

fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().expect("a runtime")
}

/// Milliseconds to plan every service while each is as it should be; the median of several looks.
fn look_ms() -> f64 {
    runtime().block_on(async {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        let (core, ids) = fleet::of(&folder.path().join("db"), HOSTS, SETTLED).await;
        fleet::scale(&core.site.store, &ids, 2).await;
        fleet::settled(&core.site.store).await;
        let mut controller = Controller::new(core.site.clone(), CancellationToken::new());
        let mut figures = Vec::new();
        for _ in 0..LOOKS {
            let (elapsed, ()) = timed_async(controller.look_at_all()).await;
            figures.push(elapsed.as_secs_f64() * 1000.0);
        }
        core.shut_down().await;
        support::median_of(figures)
    })
}

/// One run in a fresh folder; returns containers a second.
fn run(services: usize) -> f64 {
    runtime().block_on(async {
        // Beside the build, not in the folder for temporary files: that may be memory.
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        let (core, ids) = fleet::of(&folder.path().join("db"), HOSTS, services).await;
        let store = core.site.store.clone();
        let each = CONTAINERS / services;
        let (elapsed, ()) = timed_async(fleet::scale(&store, &ids, each)).await;
        let states = store.read(|read| read.count_by_state()).expect("counted");
        let running = states.iter().find(|(ty, state, _)| ty == "instance" && state == "running");
        assert_eq!(running.map(|found| found.2), Some(CONTAINERS as i64), "{states:?}");
        core.shut_down().await;
        CONTAINERS as f64 / elapsed.as_secs_f64()
    })
}
