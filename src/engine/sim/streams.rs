//! What a simulated host tells over time: logs, statistics and events.

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use tokio::sync::watch;

use super::program::Program;
use super::state::SimContainer;
use super::{Away, SimEngine};
use crate::engine::observed::{CpuTime, DiskIo, HostMemory, InterfaceStats};
use crate::engine::{
    Chunk, ContainerState, EngineError, EngineEvent, Follow, HostStats, LogOptions, Output, Stats,
    Timestamps,
};

type Items<T> = BoxStream<'static, Result<T, EngineError>>;

/// How often a simulated server writes a line.
const SERVER_LINE_MS: i64 = 10_000;

/// How often statistics are sampled.
const SAMPLE_MS: u64 = 1_000;

pub(super) fn events(engine: SimEngine, since_ms: Option<i64>) -> Items<EngineEvent> {
    let reader = {
        let state = engine.host.lock_at(engine.host.shared.clock.now_ms());
        let past = since_ms.map_or(state.events.len(), |since| {
            state.events.iter().position(|event| event.at_ms >= since).unwrap_or(state.events.len())
        });
        let cursor = state.first_event + past as u64;
        let (absences, news) = (state.absences, engine.host.changes.subscribe());
        drop(state);
        EventReader { engine, cursor, absences, news, broken: false }
    };
    let next = |mut reader: EventReader| async move {
        let event = reader.next().await?;
        Some((event, reader))
    };
    stream::unfold(reader, next).boxed()
}

struct EventReader {
    engine: SimEngine,
    cursor: u64,
    absences: u64,
    news: watch::Receiver<u64>,
    broken: bool,
}

impl EventReader {
    async fn next(&mut self) -> Option<Result<EngineEvent, EngineError>> {
        while !self.broken {
            self.news.mark_unchanged();
            if let Some(event) = self.look() {
                return Some(event);
            }
            self.news.changed().await.ok()?;
        }
        None
    }

    fn look(&mut self) -> Option<Result<EngineEvent, EngineError>> {
        let host = &self.engine.host;
        let state = host.lock_at(host.shared.clock.now_ms());
        if state.away.is_some() || state.absences != self.absences {
            self.broken = true;
            let lost = || Away::Lost("the stream of events ended".to_owned());
            return Some(Err(host.unavailable(state.away.clone().unwrap_or_else(lost))));
        }
        self.cursor = self.cursor.max(state.first_event);
        let offset = usize::try_from(self.cursor - state.first_event).ok()?;
        let event = state.events.get(offset)?.clone();
        self.cursor += 1;
        Some(Ok(event))
    }
}

pub(super) fn logs(engine: SimEngine, container: &str, options: &LogOptions) -> Items<Chunk> {
    let news = engine.host.changes.subscribe();
    let reader = LogReader {
        engine,
        container: container.to_owned(),
        options: options.clone(),
        cursor: None,
        news,
        ended: false,
    };
    let next = |mut reader: LogReader| async move {
        let chunk = reader.next().await?;
        Some((chunk, reader))
    };
    stream::unfold(reader, next).boxed()
}

struct LogReader {
    engine: SimEngine,
    container: String,
    options: LogOptions,
    /// Number of the next line; unknown before the first look.
    cursor: Option<usize>,
    news: watch::Receiver<u64>,
    ended: bool,
}

impl LogReader {
    async fn next(&mut self) -> Option<Result<Chunk, EngineError>> {
        while !self.ended {
            self.news.mark_unchanged();
            match self.look() {
                Err(err) => {
                    self.ended = true;
                    return Some(Err(err));
                }
                Ok(Look::Line(chunk)) => return Some(Ok(chunk)),
                Ok(Look::Skip) => {}
                Ok(Look::End) => return None,
                Ok(Look::Wait(until)) => self.wait(until).await,
            }
        }
        None
    }

    async fn wait(&mut self, until: i64) {
        let clock = &self.engine.host.shared.clock;
        tokio::select! {
            biased;
            _ = self.news.changed() => {}
            () = clock.sleep_until(until) => {}
        }
    }

    fn look(&mut self) -> Result<Look, EngineError> {
        let host = &self.engine.host;
        let now = host.shared.clock.now_ms();
        let state = host.lock_at(now);
        if let Some(reason) = &state.away {
            return Err(host.unavailable(reason.clone()));
        }
        let Some(found) = state.get(&self.container) else {
            // One that was removed while we followed is simply over.
            return match self.cursor {
                Some(_) => Ok(Look::End),
                None => Err(EngineError::NoSuchContainer { container: self.container.clone() }),
            };
        };
        let total = lines(found, now);
        let tail = self.options.tail.and_then(|tail| usize::try_from(tail).ok());
        let first = tail.map_or(0, |tail| total.saturating_sub(tail));
        let cursor = self.cursor.get_or_insert(first);
        if *cursor < total {
            let (at_ms, stream, text) = line(found, *cursor);
            *cursor += 1;
            if self.options.since_s.is_some_and(|since| at_ms < since.saturating_mul(1000)) {
                return Ok(Look::Skip);
            }
            return Ok(Look::Line(chunk(at_ms, stream, text, self.options.timestamps)));
        }
        if self.options.follow == Follow::No || found.state != ContainerState::Running {
            return Ok(Look::End);
        }
        Ok(Look::Wait(now + SERVER_LINE_MS))
    }
}

enum Look {
    Line(Chunk),
    Skip,
    Wait(i64),
    End,
}

fn chunk(at_ms: i64, stream: Output, text: String, timestamps: Timestamps) -> Chunk {
    let time = match timestamps {
        Timestamps::Yes => jiff::Timestamp::from_millisecond(at_ms).ok(),
        Timestamps::No => None,
    };
    let line = match time {
        Some(time) => format!("{time:.9} {text}\n"),
        None => format!("{text}\n"),
    };
    Chunk { stream, bytes: Bytes::from(line) }
}

/// How many lines a container has written by `now`.
///
/// Those of a server are not stored anywhere: the same moment always shows the same lines.
fn lines(container: &SimContainer, now: i64) -> usize {
    match (&container.program, container.started_ms) {
        (Program::Server, Some(started)) => {
            let running = container.state == ContainerState::Running;
            let end = container.finished_ms.filter(|_| !running).unwrap_or(now);
            usize::try_from(1 + (end - started).max(0) / SERVER_LINE_MS).unwrap_or(1)
        }
        (Program::Server | Program::NotFound(_), _) => 0,
        (Program::Script(_), _) => container.log.len(),
    }
}

fn line(container: &SimContainer, number: usize) -> (i64, Output, String) {
    if let Some(line) = container.log.get(number) {
        return (line.at_ms, line.stream, line.text.clone());
    }
    let stream = if container.spec.process.tty { Output::Tty } else { Output::Stdout };
    let started = container.started_ms.unwrap_or(container.created_ms);
    let at_ms = started + i64::try_from(number).unwrap_or(0) * SERVER_LINE_MS;
    let text = match number {
        0 => format!("{} started", container.spec.image),
        _ => format!("request {number} answered in {} ms", 3 + number * 7 % 23),
    };
    (at_ms, stream, text)
}

pub(super) fn stats(engine: SimEngine, container: &str) -> Items<Stats> {
    let start = (engine, container.to_owned(), 0_u64);
    let next = |(engine, container, count): (SimEngine, String, u64)| async move {
        let clock = &engine.host.shared.clock;
        if count > 0 {
            clock.sleep_ms(SAMPLE_MS).await;
        }
        let now = clock.now_ms();
        let sample = {
            let state = engine.host.lock_at(now);
            match (state.away.clone(), state.get(&container)) {
                (Some(reason), _) => Some(Err(engine.host.unavailable(reason))),
                (None, Some(found)) => sample(found, now).map(Ok),
                (None, None) if count > 0 => None,
                (None, None) => {
                    Some(Err(EngineError::NoSuchContainer { container: container.clone() }))
                }
            }
        };
        let last = sample.as_ref().is_none_or(Result::is_err);
        let next = (engine, container, count + 1);
        sample.map(|sample| ((sample, last), next))
    };
    // An error is the last thing a stream says.
    stream::unfold(start, next)
        .scan(false, |over, (sample, last)| {
            let item = (!*over).then_some(sample);
            *over |= last;
            std::future::ready(item)
        })
        .boxed()
}

/// What a container uses: it grows with its uptime, at a pace of its own.
fn sample(container: &SimContainer, now: i64) -> Option<Stats> {
    if container.state != ContainerState::Running {
        return None;
    }
    let uptime_ms = u64::try_from(now - container.started_ms?).unwrap_or(0);
    let pace = 1 + container.id.bytes().fold(0_u64, |sum, byte| sum + u64::from(byte)) % 20;
    let cpu = uptime_ms * pace * 10_000;
    let limit = container.spec.limits.memory.and_then(|memory| u64::try_from(memory).ok());
    let limit = limit.filter(|limit| *limit > 0).unwrap_or(8 << 30);
    Some(Stats {
        at_ms: now,
        cpu_total_ns: cpu,
        cpu_per_cpu_ns: vec![cpu / 2, cpu - cpu / 2],
        cpu_user_ns: cpu / 4 * 3,
        cpu_system_ns: cpu - cpu / 4 * 3,
        memory_bytes: (pace << 20).min(limit),
        memory_limit_bytes: limit,
        network: vec![InterfaceStats {
            name: "eth0".to_owned(),
            rx_bytes: uptime_ms * pace,
            rx_packets: uptime_ms * pace / 800,
            tx_bytes: uptime_ms * pace * 2,
            tx_packets: uptime_ms * pace / 400,
            ..InterfaceStats::default()
        }],
        disk_io: vec![DiskIo {
            major: 8,
            minor: 0,
            bytes: [("Read", pace << 18), ("Write", uptime_ms)]
                .map(|(op, bytes)| (op.to_owned(), bytes))
                .into(),
        }],
    })
}

/// How long a simulated machine's busy and quiet times take turns.
const WAVE_MS: f64 = 60_000.0;

/// What the machine uses: memory by its containers, the rest in waves of its own, so that counters only
/// ever grow.
pub(super) fn host_stats(engine: &SimEngine) -> Option<HostStats> {
    let now = engine.host.shared.clock.now_ms();
    let state = engine.host.lock_at(now);
    if state.away.is_some() {
        return None;
    }
    let used: Vec<u64> = state
        .containers
        .values()
        .filter_map(|container| Some(sample(container, now)?.memory_bytes))
        .collect();
    let cpus = state.info.cpus.max(1);
    let since_ms = u64::try_from(now).unwrap_or(0);
    // The integral of a busy share that swings between a twentieth and a quarter.
    let time = since_ms as f64;
    let busy_ms = time * 0.15 + WAVE_MS * 0.1 * (1.0 - (time / WAVE_MS).cos());
    let busy_ns = busy_ms as u64 * 1_000_000;
    let cpu = CpuTime {
        user_ns: busy_ns / 4 * 3,
        system_ns: busy_ns - busy_ns / 4 * 3,
        idle_ns: (since_ms * 1_000_000).saturating_sub(busy_ns),
    };
    let total = state.info.memory_bytes;
    let free = total.saturating_sub(used.iter().sum::<u64>() + total / 10);
    let bytes = busy_ms as u64 * 1_000;
    Some(HostStats {
        cpus: (0..cpus).map(|_| cpu).collect(),
        memory: HostMemory {
            total,
            free: free / 2,
            available: free,
            buffers: total / 50,
            cached: free / 3,
            swap_total: total / 4,
            swap_free: total / 4,
        },
        load: [used.len() as f64 / 20.0; 3],
        network: vec![InterfaceStats {
            name: "eth0".to_owned(),
            rx_bytes: bytes,
            rx_packets: bytes / 800,
            tx_bytes: bytes / 2,
            tx_packets: bytes / 1_600,
            ..InterfaceStats::default()
        }],
        disk_io: vec![DiskIo {
            major: 8,
            minor: 0,
            bytes: [("Read", bytes / 8), ("Write", bytes / 4)]
                .map(|(op, bytes)| (op.to_owned(), bytes))
                .into(),
        }],
    })
}
