//! Reservations of memory, CPU and storage, summed over the unit.

use std::borrow::Cow;

use super::{Constraint, Host, Number, Refusal, View};
use crate::scheduler::host::Resources;
use crate::scheduler::request::VolumeNeed;

const MB: u64 = 1 << 20;

struct Enough {
    wanted: Resources,
}

pub(super) fn constraints<'a>(
    view: &View<'a>,
    into: &mut Vec<Box<dyn Constraint + 'a>>,
) -> Result<(), Refusal> {
    let mut wanted = Resources::default();
    for member in &view.request.members {
        wanted.memory_bytes = wanted.memory_bytes.saturating_add(member.memory_bytes);
        wanted.milli_cpu = wanted.milli_cpu.saturating_add(member.milli_cpu);
        for volume in &member.volumes {
            if let VolumeNeed::New { size_mb, .. } = volume {
                wanted.storage_mb = wanted.storage_mb.saturating_add(*size_mb);
            }
        }
    }
    if wanted != Resources::default() {
        into.push(Box::new(Enough { wanted }));
    }
    Ok(())
}

fn megabytes(bytes: u64) -> String {
    format!("{} MB", bytes.div_ceil(MB))
}

impl Constraint for Enough {
    fn fits(&self, host: &Host) -> bool {
        host.shortage(&self.wanted) == Resources::default()
    }

    fn demand(&self) -> String {
        format!("host must satisfy resource constraints: [{}]", self.listed())
    }

    fn shortfall(&self, host: &Host, number: Number) -> String {
        let short = host.shortage(&self.wanted);
        let mut missing: Vec<Cow<'static, str>> = Vec::new();
        let mut add = |amount: u64, kind: &'static str, shown: fn(u64) -> String| match number {
            Number::Many if amount > 0 => missing.push(Cow::Borrowed(kind)),
            Number::One if amount > 0 => missing.push(Cow::Owned(shown(amount))),
            Number::One | Number::Many => {}
        };
        add(short.memory_bytes, "memory", |bytes| format!("{} more memory", megabytes(bytes)));
        add(short.milli_cpu, "CPU", |milli| format!("{milli} milliCPU more"));
        add(short.storage_mb, "storage", |mb| format!("{mb} MB more storage"));
        format!("{} {}", number.verb("needs", "need more"), missing.join(" and "))
    }

    fn remedy(&self, host: &Host) -> Option<String> {
        let short = host.shortage(&self.wanted);
        let reserve = if short.memory_bytes > 0 {
            format!("{} less memory", megabytes(short.memory_bytes))
        } else if short.milli_cpu > 0 {
            format!("{} milliCPU less", short.milli_cpu)
        } else {
            format!("{} MB less storage", short.storage_mb)
        };
        Some(format!("reserve {reserve} or free as much on {}", host.name))
    }

    fn amounts(&self) -> Option<String> {
        Some(self.listed())
    }
}

impl Enough {
    /// The amounts asked for, by the names of Rancher's resource pools.
    fn listed(&self) -> String {
        let Resources { memory_bytes, milli_cpu, storage_mb } = self.wanted;
        let amounts = [
            ("memoryReservation", memory_bytes),
            ("cpuReservation", milli_cpu),
            ("storageSize", storage_mb),
        ];
        let shown = amounts.iter().filter(|(_, amount)| *amount > 0);
        shown.map(|(name, amount)| format!("{name}: {amount}")).collect::<Vec<_>>().join(", ")
    }
}
