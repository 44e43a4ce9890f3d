//! Numbers for Prometheus: what every layer counts, in one place.
//!
//! The API counts requests; `server` counts what processes and engines do, from the outside. Numbers that
//! are in the store anyway (rows by state, open processes) are read when somebody asks, not counted.

use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::error::{Error, Result};

/// Upper bounds of the buckets for requests, in seconds.
const QUICK: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0];
/// Upper bounds of the buckets for what an engine has a part in, in seconds: a pull takes minutes.
const SLOW: [f64; 11] = [0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 120.0, 600.0];

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
    pub exit: String,
}

/// What a call to the container engine is counted under.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct EngineLabels {
    /// Name of the engine's method.
    pub call: &'static str,
    /// `ok` or `error`.
    pub outcome: &'static str,
}

/// How long things of one kind took, by labels; clones count into the same.
pub type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// The numbers.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    /// Seconds a request took.
    pub requests: Histograms<RequestLabels>,
    /// Websockets that are open.
    pub websockets: Gauge,
    /// Bytes that websockets hold for clients that have not read them.
    pub websocket_bytes: Gauge,
    /// Seconds from the making of a process to its end.
    pub processes: Histograms<ProcessLabels>,
    /// Seconds a call to the container engine took.
    pub engine: Histograms<EngineLabels>,
}

fn quick() -> Histogram {
    Histogram::new(QUICK)
}

fn slow() -> Histogram {
    Histogram::new(SLOW)
}

impl Metrics {
    /// All numbers at zero, and those that `others` reads whenever somebody asks.
    pub fn new(others: impl Collector) -> Self {
        let mut registry = Registry::with_prefix("ranchette");
        let requests = Histograms::new_with_constructor(quick as fn() -> Histogram);
        registry.register("http_request_seconds", "Duration of API requests", requests.clone());
        let websockets = Gauge::default();
        registry.register("websockets", "Open websockets", websockets.clone());
        let websocket_bytes = Gauge::default();
        let help = "Bytes held for clients of websockets that have not read them";
        registry.register("websocket_bytes", help, websocket_bytes.clone());
        let processes = Histograms::new_with_constructor(slow as fn() -> Histogram);
        let help = "Time from the making of a process to its end";
        registry.register("process_seconds", help, processes.clone());
        let engine = Histograms::new_with_constructor(slow as fn() -> Histogram);
        registry.register("engine_call_seconds", "Duration of engine calls", engine.clone());
        registry.register_collector(Box::new(others));
        let registry = Arc::new(registry);
        Self { registry, requests, websockets, websocket_bytes, processes, engine }
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
