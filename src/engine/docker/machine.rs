//! What this machine uses, from `/proc`: only asked when the engine is on this machine too.

use std::collections::BTreeMap;
use std::path::Path;

use crate::engine::HostStats;
use crate::engine::observed::{CpuTime, DiskIo, HostMemory, InterfaceStats};

/// Nanoseconds of one tick: Linux counts processor time for programs in hundredths of a second.
const TICK_NS: u64 = 10_000_000;

/// Bytes of one sector: `/proc/diskstats` counts in these, whatever the disk has.
const SECTOR: u64 = 512;

/// Interfaces that belong to containers or to the machine's talk with itself.
const NOT_OURS: &[&str] = &["lo", "veth", "br-", "docker", "virbr"];

/// A sample; `None` where there is no `/proc`.
pub(super) fn sample() -> Option<HostStats> {
    let text = |name: &str| std::fs::read_to_string(format!("/proc/{name}"));
    let is_disk = |name: &str| Path::new("/sys/block").join(name).join("device").exists();
    Some(HostStats {
        cpus: cpus(&text("stat").ok()?),
        memory: memory(&text("meminfo").ok()?),
        load: load(&text("loadavg").unwrap_or_default()),
        network: network(&text("net/dev").unwrap_or_default()),
        disk_io: disks(&text("diskstats").unwrap_or_default(), is_disk),
    })
}

/// The lines `cpu<number> user nice system idle iowait irq softirq steal ..`.
fn cpus(stat: &str) -> Vec<CpuTime> {
    let of_one = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        let number = words.next()?.strip_prefix("cpu")?;
        number.parse::<u32>().ok()?;
        let ticks: Vec<u64> = words.map_while(|word| word.parse().ok()).collect();
        let sum = |places: &[usize]| {
            places.iter().filter_map(|place| ticks.get(*place)).sum::<u64>() * TICK_NS
        };
        Some(CpuTime {
            user_ns: sum(&[0, 1]),
            system_ns: sum(&[2, 5, 6, 7]),
            idle_ns: sum(&[3, 4]),
        })
    };
    stat.lines().filter_map(of_one).collect()
}

/// The lines `Name:   123 kB`.
fn memory(meminfo: &str) -> HostMemory {
    let kib: BTreeMap<&str, u64> = meminfo
        .lines()
        .filter_map(|line| {
            let (name, rest) = line.split_once(':')?;
            Some((name, rest.split_ascii_whitespace().next()?.parse().ok()?))
        })
        .collect();
    let bytes = |name: &str| kib.get(name).map_or(0, |kib| kib * 1024);
    HostMemory {
        total: bytes("MemTotal"),
        free: bytes("MemFree"),
        available: bytes("MemAvailable"),
        buffers: bytes("Buffers"),
        cached: bytes("Cached"),
        swap_total: bytes("SwapTotal"),
        swap_free: bytes("SwapFree"),
    }
}

fn load(loadavg: &str) -> [f64; 3] {
    let mut words = loadavg.split_ascii_whitespace().map(|word| word.parse().unwrap_or(0.0));
    [(); 3].map(|()| words.next().unwrap_or(0.0))
}

/// The lines `name: bytes packets errs drop fifo frame compressed multicast`, then the same sent.
fn network(dev: &str) -> Vec<InterfaceStats> {
    let of_one = |line: &str| {
        let (name, rest) = line.split_once(':')?;
        let name = name.trim();
        let numbers: Vec<u64> =
            rest.split_ascii_whitespace().map_while(|word| word.parse().ok()).collect();
        let at = |place: usize| numbers.get(place).copied().unwrap_or(0);
        let ours = !NOT_OURS.iter().any(|prefix| name.starts_with(prefix));
        ours.then(|| InterfaceStats {
            name: name.to_owned(),
            rx_bytes: at(0),
            rx_packets: at(1),
            rx_errors: at(2),
            rx_dropped: at(3),
            tx_bytes: at(8),
            tx_packets: at(9),
            tx_errors: at(10),
            tx_dropped: at(11),
        })
    };
    dev.lines().filter_map(of_one).collect()
}

/// The lines `major minor name reads merged sectors ms writes merged sectors ..`. Partitions and
/// layered devices would count the same bytes again, so only what `is_disk` knows is taken.
fn disks(diskstats: &str, is_disk: impl Fn(&str) -> bool) -> Vec<DiskIo> {
    let of_one = |line: &str| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let number = |place: usize| words.get(place).and_then(|word| word.parse::<u64>().ok());
        let (read, written) = (number(5)? * SECTOR, number(9)? * SECTOR);
        words.get(2).filter(|name| is_disk(name))?;
        let bytes = [("Read", read), ("Write", written), ("Total", read + written)];
        Some(DiskIo {
            major: number(0)?,
            minor: number(1)?,
            bytes: bytes.map(|(op, bytes)| (op.to_owned(), bytes)).into(),
        })
    };
    diskstats.lines().filter_map(of_one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn processors() {
        let stat = "cpu  30 0 4 100 0 0 0 0 0 0\ncpu0 10 5 2 60 40 1 2 3 9 9\ncpu1 20\nintr 5 6\n";
        expect!["[CpuTime { user_ns: 150000000, system_ns: 80000000, idle_ns: 1000000000 }, CpuTime { user_ns: 200000000, system_ns: 0, idle_ns: 0 }]"]
            .assert_eq(&format!("{:?}", cpus(stat)));
    }

    #[test]
    fn memory_and_load() {
        let meminfo = "MemTotal:       16000 kB\nMemFree: 1000 kB\nHugePages_Total:       0\nCached: 7 kB\nnonsense\n";
        let found = memory(meminfo);
        assert_eq!((found.total, found.free, found.cached), (16_384_000, 1_024_000, 7168));
        assert_eq!(found.swap_total, 0);
        assert_eq!(load("0.52 0.58 0.59 1/467 12345\n"), [0.52, 0.58, 0.59]);
        assert_eq!(load(""), [0.0; 3]);
    }

    #[test]
    fn traffic_of_containers_is_not_counted_twice() {
        let dev = "Inter-|   Receive                                                |  Transmit\n face |bytes    packets errs drop\n    lo: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n  eth0: 10 2 3 4 0 0 0 0 50 6 7 8 0 0 0 0\nveth12: 9 9 9 9 0 0 0 0 9 9 9 9 0 0 0 0\n";
        expect![[r#"[InterfaceStats { name: "eth0", rx_bytes: 10, rx_packets: 2, rx_errors: 3, rx_dropped: 4, tx_bytes: 50, tx_packets: 6, tx_errors: 7, tx_dropped: 8 }]"#]]
            .assert_eq(&format!("{:?}", network(dev)));
        let diskstats =
            "   8       0 sda 10 0 4 0 20 0 6 0 0 0 0\n   8       1 sda1 10 0 4 0 20 0 6 0 0 0 0\n";
        expect![[r#"[DiskIo { major: 8, minor: 0, bytes: {"Read": 2048, "Total": 5120, "Write": 3072} }]"#]]
            .assert_eq(&format!("{:?}", disks(diskstats, |name| name == "sda")));
    }
}
