//! Numbers for Prometheus: what every layer counts, in one place.
//!
//! The API counts requests; processes and the engine count through the same [`Metrics`]. Numbers that can
//! be read from the store (rows by state, open processes) are read when somebody asks, not counted.

use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::error::{Error, Result};
use crate::store::Store;

/// Upper bounds of the latency buckets, in seconds.
const BUCKETS: [f64; 11] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0];

/// What a request is counted under; few values each, so that the numbers stay few.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct RequestLabels {
    /// Method.
    pub method: &'static str,
    /// Class of routes: `list`, `show`, `create`, `update`, `delete`, `action`, `other`.
    pub route: &'static str,
    /// First digit of the status, such as `2xx`.
    pub status: &'static str,
}

/// What a finished process is counted under.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct ProcessLabels {
    /// `<lifecycle>.<transition>`.
    pub name: String,
    /// How it ended: the exit reason's word.
    pub exit: &'static str,
}

/// What a call to the container engine is counted under.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct EngineLabels {
    /// Name of the engine's method.
    pub call: &'static str,
    /// `ok` or `error`.
    pub outcome: &'static str,
}

type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// The numbers.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    /// Seconds a request took.
    pub requests: Histograms<RequestLabels>,
    /// Websockets that are open.
    pub websockets: Gauge,
    /// Processes that ended.
    pub processes: Family<ProcessLabels, Counter>,
    /// Seconds a call to the container engine took.
    pub engine: Histograms<EngineLabels>,
}

fn histogram() -> Histogram {
    Histogram::new(BUCKETS)
}

impl Metrics {
    /// All numbers at zero; those of the store are read from `store`.
    pub fn new(store: Store) -> Self {
        let mut registry = Registry::with_prefix("ranchette");
        let requests = Histograms::new_with_constructor(histogram as fn() -> Histogram);
        registry.register("http_request_seconds", "Duration of API requests", requests.clone());
        let websockets = Gauge::default();
        registry.register("websockets", "Open websockets", websockets.clone());
        let processes = Family::default();
        registry.register("processes", "Processes that ended", processes.clone());
        let engine = Histograms::new_with_constructor(histogram as fn() -> Histogram);
        registry.register("engine_call_seconds", "Duration of engine calls", engine.clone());
        registry.register_collector(Box::new(Rows { store }));
        Self { registry: Arc::new(registry), requests, websockets, processes, engine }
    }

    /// All numbers in OpenMetrics text.
    ///
    /// # Errors
    /// When a number cannot be written.
    pub fn text(&self) -> Result<String> {
        let mut text = String::new();
        encode(&mut text, &self.registry).map_err(Error::internal)?;
        Ok(text)
    }
}

/// Reads what the store knows whenever it is asked.
#[derive(Clone)]
struct Rows {
    store: Store,
}

impl std::fmt::Debug for Rows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Rows")
    }
}

impl Collector for Rows {
    fn encode(
        &self,
        mut encoder: DescriptorEncoder<'_>,
    ) -> std::result::Result<(), std::fmt::Error> {
        let counts =
            self.store.read(|read| Ok((read.count_by_state()?, read.count_open_processes()?)));
        let Ok((states, processes)) = counts else { return Ok(()) };
        let probe = ConstGauge::new(0i64);
        {
            let mut family = encoder.encode_descriptor(
                "resources",
                "Live resources by type and state",
                None,
                probe.metric_type(),
            )?;
            for (ty, state, count) in states {
                let labels = [("type", ty), ("state", state)];
                ConstGauge::new(count).encode(family.encode_family(&labels)?)?;
            }
        }
        let mut family = encoder.encode_descriptor(
            "processes_open",
            "Unended processes by name",
            None,
            probe.metric_type(),
        )?;
        for (name, count) in processes {
            ConstGauge::new(count).encode(family.encode_family(&[("name", name)])?)?;
        }
        Ok(())
    }
}
