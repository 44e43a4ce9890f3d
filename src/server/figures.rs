//! What is counted from the outside: processes as they end, and rows when somebody asks.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::gauge::ConstGauge;

use crate::metrics::{Histograms, ProcessLabels};
use crate::model::resource::Resource;
use crate::process::ledger::Ledger;
use crate::store::{Observer, ProcessEnd, Store};

/// Hears of every row for the ledger, and of every end of a process for the metrics.
pub struct Ears {
    /// Who has which host, port and address.
    pub ledger: Ledger,
    /// How long processes took. Not all numbers: those read the store, which holds its observers.
    pub processes: Histograms<ProcessLabels>,
}

impl Observer for Ears {
    fn changed(&self, before: Option<&Resource>, after: Option<&Resource>) {
        self.ledger.changed(before, after);
    }

    fn rolled_back(&self) {
        self.ledger.rolled_back();
    }

    fn process_ended(&self, end: ProcessEnd) {
        let seconds = seconds(end.lasted_ms);
        let labels = ProcessLabels { name: end.name, exit: end.exit };
        self.processes.get_or_create(&labels).observe(seconds);
    }
}

/// A duration as Prometheus wants it.
pub fn seconds(ms: i64) -> f64 {
    f64::from(u32::try_from(ms.max(0)).unwrap_or(u32::MAX)) / 1000.0
}

/// Reads what the store knows whenever it is asked.
pub struct Rows(pub Store);

impl std::fmt::Debug for Rows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Rows")
    }
}

impl Collector for Rows {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let counts = self.0.read(|read| Ok((read.count_by_state()?, read.count_open_processes()?)));
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
