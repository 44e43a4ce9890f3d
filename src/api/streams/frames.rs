//! What stands in the frames, as Rancher's agents write them. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::engine::observed::{CpuTime, DiskIo, InterfaceStats};
use crate::engine::{Chunk, HostStats, Output, Stats, TtySize};

/// Bytes in a frame at most. The socket queues 32 frames and writes 32 more at a time, which keeps a
/// reader that stopped below a megabyte.
pub const FRAME: usize = 8 * 1024;

/// The frames of a piece of a log: stream, space, and a line without its end.
pub fn log(chunk: &Chunk) -> Vec<String> {
    let prefix = match chunk.stream {
        Output::Stdout => "01 ",
        Output::Stderr => "02 ",
        Output::Tty => "00 ",
    };
    let text = String::from_utf8_lossy(&chunk.bytes);
    let mut frames = Vec::new();
    for line in text.strip_suffix('\n').unwrap_or(&text).split('\n') {
        let line = line.strip_suffix('\r').unwrap_or(line);
        for piece in pieces(line, FRAME - prefix.len()) {
            frames.push(format!("{prefix}{piece}"));
        }
    }
    frames
}

/// A frame of the log that is ours: why it ends early.
pub fn log_failure(why: &str) -> String {
    format!("02 {why}")
}

/// Cuts a text into pieces of at most so many bytes, between characters. An empty text is one piece.
fn pieces(text: &str, most: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while rest.len() > most {
        let (piece, tail) = rest.split_at(rest.floor_char_boundary(most));
        pieces.push(piece);
        rest = tail;
    }
    if !rest.is_empty() || pieces.is_empty() {
        pieces.push(rest);
    }
    pieces
}

/// The frames of what a command writes: base64.
pub fn output(bytes: &[u8]) -> Vec<String> {
    bytes.chunks(FRAME / 4 * 3).map(|piece| STANDARD.encode(piece)).collect()
}

/// The same with the stream in front: `1` for output, `2` for errors.
pub fn output_apart(stream: Output, bytes: &[u8]) -> Vec<String> {
    let mark = if stream == Output::Stderr { '2' } else { '1' };
    output(bytes).into_iter().map(|frame| format!("{mark} {frame}")).collect()
}

/// What a client says to a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Bytes for it to read.
    Bytes(Bytes),
    /// Its terminal has another size.
    Resize(TtySize),
    /// There is no more to read.
    End,
}

/// What a frame of the client means; `None` for what cannot be decoded.
pub fn input(frame: &str) -> Option<Input> {
    if frame == ":endOfInput:" {
        return Some(Input::End);
    }
    if let Some(size) = frame.strip_prefix(":resizeTTY:") {
        let (cols, rows) = size.trim().split_once(',')?;
        let size = TtySize { cols: cols.trim().parse().ok()?, rows: rows.trim().parse().ok()? };
        return (size.cols > 0 && size.rows > 0).then_some(Input::Resize(size));
    }
    STANDARD.decode(frame.trim_end()).ok().map(|bytes| Input::Bytes(bytes.into()))
}

/// A sample of a container, by its id in the API.
pub fn container(id: &str, stats: &Stats) -> Value {
    let cpu = json!({
        "total": stats.cpu_total_ns,
        "per_cpu_usage": stats.cpu_per_cpu_ns,
        "user": stats.cpu_user_ns,
        "system": stats.cpu_system_ns,
    });
    json!({
        "id": id,
        "resourceType": "container",
        "timestamp": timestamp(stats.at_ms),
        "memLimit": stats.memory_limit_bytes,
        "cpu": { "usage": cpu },
        "memory": { "usage": stats.memory_bytes },
        "network": network(&stats.network),
        "diskio": { "io_service_bytes": disks(&stats.disk_io) },
    })
}

/// A sample of a host, by its id in the API.
pub fn host(id: &str, at_ms: i64, stats: &HostStats) -> Value {
    let sum = |of: fn(&CpuTime) -> u64| stats.cpus.iter().map(of).sum::<u64>();
    let each: Vec<u64> = stats.cpus.iter().map(CpuTime::busy_ns).collect();
    let cpu = json!({
        "total": sum(CpuTime::busy_ns),
        "per_cpu_usage": each,
        "user": sum(|cpu| cpu.user_ns),
        "system": sum(|cpu| cpu.system_ns),
    });
    json!({
        "id": id,
        "resourceType": "host",
        "timestamp": timestamp(at_ms),
        "memLimit": stats.memory.total,
        "cpu": { "usage": cpu },
        "memory": { "usage": stats.memory.total.saturating_sub(stats.memory.available) },
        "network": network(&stats.network),
        "diskio": { "io_service_bytes": disks(&stats.disk_io) },
    })
}

fn timestamp(at_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(at_ms).unwrap_or_default().to_string()
}

fn interface(stats: &InterfaceStats) -> Value {
    json!({
        "name": stats.name,
        "rx_bytes": stats.rx_bytes,
        "rx_packets": stats.rx_packets,
        "rx_errors": stats.rx_errors,
        "rx_dropped": stats.rx_dropped,
        "tx_bytes": stats.tx_bytes,
        "tx_packets": stats.tx_packets,
        "tx_errors": stats.tx_errors,
        "tx_dropped": stats.tx_dropped,
    })
}

/// All interfaces together under the first one's name, then each.
fn network(interfaces: &[InterfaceStats]) -> Value {
    let sum = |of: fn(&InterfaceStats) -> u64| interfaces.iter().map(of).sum::<u64>();
    let all = InterfaceStats {
        name: interfaces.first().map(|first| first.name.clone()).unwrap_or_default(),
        rx_bytes: sum(|own| own.rx_bytes),
        rx_packets: sum(|own| own.rx_packets),
        rx_errors: sum(|own| own.rx_errors),
        rx_dropped: sum(|own| own.rx_dropped),
        tx_bytes: sum(|own| own.tx_bytes),
        tx_packets: sum(|own| own.tx_packets),
        tx_errors: sum(|own| own.tx_errors),
        tx_dropped: sum(|own| own.tx_dropped),
    };
    let mut network = interface(&all);
    if let Some(fields) = network.as_object_mut() {
        fields.insert("interfaces".to_owned(), interfaces.iter().map(interface).collect());
    }
    network
}

fn disks(disks: &[DiskIo]) -> Value {
    disks
        .iter()
        .map(|disk| json!({ "major": disk.major, "minor": disk.minor, "stats": disk.bytes }))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check_log(stream: Output, bytes: &[u8], expect: &[&str]) {
        let chunk = Chunk { stream, bytes: Bytes::copy_from_slice(bytes) };
        assert_eq!(log(&chunk), expect, "{:?}", String::from_utf8_lossy(bytes));
    }

    #[test]
    fn log_lines() {
        check_log(Output::Stdout, b"hello\n", &["01 hello"]);
        check_log(Output::Stderr, b"no end", &["02 no end"]);
        check_log(Output::Tty, b"a\r\nb\r\n", &["00 a", "00 b"]);
        check_log(Output::Stdout, b"\n", &["01 "]);
        check_log(Output::Stdout, b"a\n\nb\n", &["01 a", "01 ", "01 b"]);
        check_log(Output::Stdout, b"bad \xff utf-8\n", &["01 bad \u{fffd} utf-8"]);
    }

    #[test]
    fn long_lines_come_in_several_frames() {
        let line = "ä".repeat(FRAME);
        let chunk = Chunk { stream: Output::Stdout, bytes: Bytes::from(line.clone()) };
        let frames = log(&chunk);
        assert!(frames.len() > 1 && frames.iter().all(|frame| frame.len() <= FRAME));
        let joined: String = frames.iter().filter_map(|frame| frame.strip_prefix("01 ")).collect();
        assert_eq!(joined, line);
    }

    #[test]
    fn commands_write_base64() {
        assert_eq!(output(b"hi\n"), ["aGkK"]);
        assert_eq!(output(b""), [""; 0]);
        let bytes: Vec<u8> = (0..3 * FRAME).map(|n| (n % 251) as u8).collect();
        let frames = output(&bytes);
        assert!(frames.len() > 1 && frames.iter().all(|frame| frame.len() <= FRAME));
        let decoded: Vec<u8> =
            frames.iter().flat_map(|frame| STANDARD.decode(frame).unwrap()).collect();
        assert_eq!(decoded, bytes);
    }

    #[test]
    fn clients_write_base64_and_sizes() {
        let bytes = |text: &'static [u8]| Some(Input::Bytes(Bytes::from_static(text)));
        let size = |cols, rows| Some(Input::Resize(TtySize { cols, rows }));
        for (frame, expect) in [
            ("bHMK", bytes(b"ls\n")),
            ("BA==", bytes(b"\x04")),
            ("", bytes(b"")),
            (":resizeTTY:80,24", size(80, 24)),
            (":resizeTTY:80", None),
            (":resizeTTY:0,24", None),
            (":resizeTTY:99999,24", None),
            ("not base64!", None),
        ] {
            assert_eq!(input(frame), expect, "{frame}");
        }
    }

    fn check(value: &Value, expect: Expect) {
        expect.assert_eq(&serde_json::to_string_pretty(value).unwrap());
    }

    #[test]
    fn a_container_sample() {
        let stats = Stats {
            at_ms: 1_500_000_000_000,
            cpu_total_ns: 9,
            cpu_per_cpu_ns: vec![4, 5],
            memory_bytes: 7,
            memory_limit_bytes: 8,
            disk_io: vec![DiskIo { major: 8, minor: 0, bytes: [("Read".to_owned(), 3)].into() }],
            ..Stats::default()
        };
        check(
            &container("1i5", &stats),
            expect![[r#"
            {
              "id": "1i5",
              "resourceType": "container",
              "timestamp": "2017-07-14T02:40:00Z",
              "memLimit": 8,
              "cpu": {
                "usage": {
                  "total": 9,
                  "per_cpu_usage": [
                    4,
                    5
                  ],
                  "user": 0,
                  "system": 0
                }
              },
              "memory": {
                "usage": 7
              },
              "network": {
                "name": "",
                "rx_bytes": 0,
                "rx_packets": 0,
                "rx_errors": 0,
                "rx_dropped": 0,
                "tx_bytes": 0,
                "tx_packets": 0,
                "tx_errors": 0,
                "tx_dropped": 0,
                "interfaces": []
              },
              "diskio": {
                "io_service_bytes": [
                  {
                    "major": 8,
                    "minor": 0,
                    "stats": {
                      "Read": 3
                    }
                  }
                ]
              }
            }"#]],
        );
    }

    #[test]
    fn a_host_sample() {
        let cpu = CpuTime { user_ns: 2, system_ns: 1, idle_ns: 7 };
        let mut stats = HostStats { cpus: vec![cpu, cpu], ..HostStats::default() };
        stats.memory.total = 10;
        stats.memory.available = 4;
        let one = |name: &str| InterfaceStats {
            name: name.to_owned(),
            rx_bytes: 5,
            ..InterfaceStats::default()
        };
        stats.network = vec![one("eth0"), one("eth1")];
        let value = host("1h1", 0, &stats);
        assert_eq!(value["network"]["rx_bytes"], 10);
        assert_eq!(value["network"]["name"], "eth0");
        assert_eq!(value["network"]["interfaces"][1]["name"], "eth1");
        check(
            &value["cpu"],
            expect![[r#"
            {
              "usage": {
                "total": 6,
                "per_cpu_usage": [
                  3,
                  3
                ],
                "user": 4,
                "system": 2
              }
            }"#]],
        );
        assert_eq!(value["memory"]["usage"], 6);
        assert_eq!(value["timestamp"], "1970-01-01T00:00:00Z");
    }
}
