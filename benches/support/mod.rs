//! What the benches share: medians of several runs, seeded numbers, and one table.

#![allow(dead_code, reason = "each bench uses a part")]

pub mod engine;
pub mod fleet;
pub mod program;
pub mod site;

use std::io::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// What a figure is held against.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    /// More is better.
    AtLeast(f64),
    /// Less is better.
    AtMost(f64),
}

impl Target {
    fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtLeast(target) => value >= target,
            Self::AtMost(target) => value <= target,
        }
    }

    fn shown(self, unit: &str) -> String {
        match self {
            Self::AtLeast(target) => format!("at least {} {unit}", grouped(target)),
            Self::AtMost(target) => format!("at most {} {unit}", grouped(target)),
        }
    }
}

/// A table that grows row by row and remembers the targets missed.
#[derive(Debug, Default)]
pub struct Report {
    missed: Vec<String>,
}

impl Report {
    /// Prints one aligned row: name, figure, target, `ok` or `missed`.
    #[allow(clippy::print_stdout, reason = "the table is what a bench is run for")]
    pub fn report(&mut self, name: &str, value: f64, unit: &str, target: Target) {
        let verdict = if target.is_met(value) { "ok" } else { "missed" };
        let figure = format!("{} {unit}", grouped(value));
        let row = format!("{name:<66} {figure:>18}   {:<28} {verdict}", target.shown(unit));
        println!("{row}");
        keep(&row);
        if !target.is_met(value) {
            self.missed.push(name.to_owned());
        }
    }

    /// Failure when a target was missed.
    #[allow(clippy::print_stdout, reason = "the table is what a bench is run for")]
    pub fn finish(self) -> ExitCode {
        if self.missed.is_empty() {
            return ExitCode::SUCCESS;
        }
        println!("missed: {}", self.missed.join("; "));
        ExitCode::FAILURE
    }
}

/// Adds a row to the file in which `scripts/bench.sh` collects those of all benches.
fn keep(row: &str) {
    let Some(path) = std::env::var_os("RANCHETTE_BENCH_TABLE") else { return };
    let mut table =
        std::fs::OpenOptions::new().create(true).append(true).open(path).expect("the table");
    writeln!(table, "{row}").expect("the table");
}

/// The median of what `run` returns, over an odd number of runs; each is told its number.
pub fn median(runs: usize, mut run: impl FnMut(usize) -> f64) -> f64 {
    median_of((0..runs).map(&mut run).collect())
}

/// The median of figures, of which there is at least one.
pub fn median_of(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// How many runs a slow bench makes: `usual`, or what `RANCHETTE_BENCH_RUNS` says.
pub fn runs(usual: usize) -> usize {
    let said = std::env::var("RANCHETTE_BENCH_RUNS").ok();
    said.and_then(|text| text.parse().ok()).unwrap_or(usual).max(1)
}

/// How long `work` takes.
#[allow(clippy::disallowed_methods, reason = "a bench measures real time")]
pub fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let result = work();
    (start.elapsed(), result)
}

/// How long `work` takes when it waits in between.
#[allow(clippy::disallowed_methods, reason = "a bench measures real time")]
pub async fn timed_async<T>(work: impl Future<Output = T>) -> (Duration, T) {
    let start = Instant::now();
    let result = work.await;
    (start.elapsed(), result)
}

/// Repeatable numbers (splitmix64).
#[derive(Clone, Debug)]
pub struct Seeded(pub u64);

impl Seeded {
    /// The next number below `limit`, which is not 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % limit
    }
}

/// `123,456` for large figures, two decimals for small ones.
fn grouped(value: f64) -> String {
    if value < 100.0 {
        return format!("{value:.2}");
    }
    let digits = format!("{value:.0}");
    let mut shown = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}
