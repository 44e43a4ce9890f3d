//! The latest sample of each host: at most one a second, taken when somebody asks, never stored.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value, json};

use super::ApiState;
use crate::engine::HostStats;
use crate::engine::observed::CpuTime;
use crate::model::resource::Resource;
use crate::process::site::Engines;

/// How long a sample is good for.
const FRESH_MS: i64 = 1_000;
const MB: u64 = 1 << 20;

/// One sample of a host.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// When it was taken, milliseconds since 1970.
    pub at_ms: i64,
    /// What the machine uses.
    pub stats: HostStats,
    /// How busy each processor was since the sample before (since the start, for the first): 0 to 100.
    pub cores: Vec<f64>,
}

/// The latest sample of each host that was asked for.
#[derive(Default)]
pub struct Samples {
    hosts: Mutex<HashMap<i64, Arc<Sample>>>,
}

impl Samples {
    /// The sample of a host; `None` when its machine cannot be seen from here.
    pub fn of(&self, engines: &Engines, host_id: i64, now_ms: i64) -> Option<Arc<Sample>> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let before = hosts.get(&host_id);
        if let Some(before) = before.filter(|before| is_fresh(before.at_ms, now_ms)) {
            return Some(Arc::clone(before));
        }
        let Some(stats) = engines.get(host_id).and_then(|host| host.engine.host_stats()) else {
            hosts.remove(&host_id);
            return None;
        };
        let cores = busy(before.map(|before| before.stats.cpus.as_slice()), &stats.cpus);
        let sample = Arc::new(Sample { at_ms: now_ms, stats, cores });
        hosts.insert(host_id, Arc::clone(&sample));
        Some(sample)
    }
}

/// A clock that was set back makes no sample good forever.
fn is_fresh(at_ms: i64, now_ms: i64) -> bool {
    (0..FRESH_MS).contains(&now_ms.saturating_sub(at_ms))
}

/// How busy each processor was, in percent with one decimal.
fn busy(before: Option<&[CpuTime]>, after: &[CpuTime]) -> Vec<f64> {
    let start = CpuTime::default();
    let one = |(place, after): (usize, &CpuTime)| {
        let before = before.and_then(|before| before.get(place)).unwrap_or(&start);
        let busy = after.busy_ns().saturating_sub(before.busy_ns());
        let idle = after.idle_ns.saturating_sub(before.idle_ns);
        let all = busy.saturating_add(idle);
        if all == 0 { 0.0 } else { (busy as f64 * 1000.0 / all as f64).round() / 10.0 }
    };
    after.iter().enumerate().map(one).collect()
}

/// Where a host's row keeps who answers the names that its containers ask for.
const NAMES: &str = "namesInfo";

/// Adds what is true now to `info` of hosts.
pub fn hosts(state: &ApiState, rows: &mut [Resource]) {
    let now_ms = state.clock.now_ms();
    for row in rows.iter_mut().filter(|row| row.removed.is_none()) {
        if let Some(names) = row.data.get(NAMES).cloned()
            && let Some(info) = row.data.entry("info").or_insert_with(|| json!({})).as_object_mut()
        {
            info.insert(NAMES.to_owned(), names);
        }
        if let Some(sample) = state.streams.samples.of(&state.site.engines, row.id, now_ms) {
            let info = row.data.entry("info").or_insert_with(|| Value::Object(Map::new()));
            merge(info, &sample);
        }
    }
}

fn merge(info: &mut Value, sample: &Sample) {
    let memory = &sample.stats.memory;
    add(
        info,
        "memoryInfo",
        json!({
            "memTotal": memory.total / MB,
            "memFree": memory.free / MB,
            "memAvailable": memory.available / MB,
            "buffers": memory.buffers / MB,
            "cached": memory.cached / MB,
            "swaptotal": memory.swap_total / MB,
            "swapfree": memory.swap_free / MB,
        }),
    );
    let load = json!({ "cpuCoresPercentages": sample.cores, "loadAvg": sample.stats.load });
    add(info, "cpuInfo", load);
}

/// Adds fields to the object `name` of `info`.
fn add(info: &mut Value, name: &str, fields: Value) {
    if !info.is_object() {
        *info = Value::Object(Map::new());
    }
    let (Some(info), Value::Object(fields)) = (info.as_object_mut(), fields) else { return };
    match info.get_mut(name) {
        Some(Value::Object(own)) => own.extend(fields),
        _ => {
            info.insert(name.to_owned(), Value::Object(fields));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::engine::sim::SimFleet;

    fn cpu(user_ns: u64, system_ns: u64, idle_ns: u64) -> CpuTime {
        CpuTime { user_ns, system_ns, idle_ns }
    }

    #[test]
    fn percentages() {
        let now = [cpu(30, 10, 60), cpu(5, 5, 990)];
        assert_eq!(busy(None, &now), [40.0, 1.0]);
        assert_eq!(busy(Some(&[cpu(30, 10, 50)]), &now), [0.0, 1.0], "a processor was added");
        assert_eq!(busy(Some(&[cpu(29, 10, 58), cpu(0, 0, 0)]), &now), [33.3, 1.0]);
        assert_eq!(busy(Some(&now), &now), [0.0, 0.0]);
        assert_eq!(busy(Some(&[cpu(99, 99, 99)]), &now), [0.0, 1.0], "counters were reset");
    }

    #[test]
    fn what_is_stored_stays_and_what_is_true_now_wins() {
        let stats = HostStats { load: [0.5, 0.25, 0.0], ..HostStats::default() };
        let sample = Sample { at_ms: 0, stats, cores: vec![12.5] };
        for (before, field, expect) in [
            (json!({"osInfo": {"a": 1}}), "/osInfo/a", json!(1)),
            (json!({"cpuInfo": {"count": 4}}), "/cpuInfo/count", json!(4)),
            (json!({"cpuInfo": {"count": 4}}), "/cpuInfo/loadAvg/0", json!(0.5)),
            (json!({"memoryInfo": {"memTotal": 9}}), "/memoryInfo/memTotal", json!(0)),
            (json!(null), "/cpuInfo/cpuCoresPercentages", json!([12.5])),
        ] {
            let mut info = before.clone();
            merge(&mut info, &sample);
            assert_eq!(info.pointer(field), Some(&expect), "{before}");
        }
    }

    #[test]
    fn one_sample_a_second() {
        let (clock, time) = Clock::manual(1_500_000_000_000);
        let fleet = SimFleet::new(1, clock.clone());
        let engines = Engines::default();
        engines.insert(7, Arc::new(fleet.host("a")), 1);
        let samples = Samples::default();
        let at = || samples.of(&engines, 7, clock.now_ms()).map(|sample| sample.at_ms);
        let start = clock.now_ms();
        assert_eq!(at(), Some(start));
        time.advance(999);
        assert_eq!(at(), Some(start));
        time.advance(1);
        assert_eq!(at(), Some(start + 1_000));
        assert_eq!(samples.of(&engines, 8, start), None, "nobody's host");
    }
}
