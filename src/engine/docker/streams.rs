//! What goes on over time: logs, statistics and events.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bollard::container::LogOutput;
use bollard::models::{ContainerBlkioStatEntry, ContainerStatsResponse, EventMessage};
use bollard::query_parameters::{EventsOptions, LogsOptions, StatsOptions};
use futures_util::stream::{self, BoxStream, StreamExt, TryStreamExt};

use super::connect::{Connection, Patience};
use super::failure::Subject;
use super::observe::millis;
use crate::engine::observed::{DiskIo, InterfaceStats};
use crate::engine::spec::LABEL_UUID;
use crate::engine::{
    Away, Chunk, EngineError, EngineEvent, EventKind, Follow, Health, LogOptions, Output, Stats,
    Timestamps,
};

type Items<T> = BoxStream<'static, Result<T, EngineError>>;

/// The events of containers we understand; everything else stays with Docker.
const EVENTS: [&str; 11] = [
    "create",
    "start",
    "kill",
    "die",
    "oom",
    "stop",
    "destroy",
    "pause",
    "unpause",
    "rename",
    "health_status",
];

pub(super) fn logs(
    connection: Arc<Connection>,
    container: &str,
    options: &LogOptions,
) -> Items<Chunk> {
    let query = LogsOptions {
        follow: options.follow == Follow::Yes,
        stdout: true,
        stderr: true,
        since: options.since_s.map_or(0, |s| i32::try_from(s.max(0)).unwrap_or(i32::MAX)),
        timestamps: options.timestamps == Timestamps::Yes,
        tail: options.tail.map_or_else(|| "all".to_owned(), |lines| lines.to_string()),
        ..LogsOptions::default()
    };
    let container = container.to_owned();
    let opened = async move {
        let docker = connection.client(Patience::Stream).await?;
        let lines = docker.logs(&container, Some(query));
        Ok::<_, EngineError>(lines.map(move |line| {
            line.map(chunk).map_err(|err| connection.failure(Subject::Container(&container), err))
        }))
    };
    stream::once(opened).try_flatten().boxed()
}

pub(super) fn chunk(output: LogOutput) -> Chunk {
    let stream = match &output {
        LogOutput::StdErr { .. } => Output::Stderr,
        LogOutput::StdOut { .. } | LogOutput::StdIn { .. } => Output::Stdout,
        LogOutput::Console { .. } => Output::Tty,
    };
    Chunk { stream, bytes: output.into_bytes() }
}

pub(super) fn stats(connection: Arc<Connection>, container: &str) -> Items<Stats> {
    let container = container.to_owned();
    let opened = async move {
        let docker = connection.client(Patience::Stream).await?;
        let query = StatsOptions { stream: true, one_shot: false };
        let samples = docker.stats(&container, Some(query));
        Ok::<_, EngineError>(samples.map(move |sample| {
            sample.map_err(|err| connection.failure(Subject::Container(&container), err))
        }))
    };
    // Of a container that stopped Docker sends samples without a time, forever.
    stream::once(opened)
        .try_flatten()
        .map(|sample| sample.map(stat).transpose())
        .take_while(|sample| std::future::ready(sample.is_some()))
        .filter_map(std::future::ready)
        .boxed()
}

/// One sample; `None` if the container does not run.
fn stat(found: ContainerStatsResponse) -> Option<Stats> {
    let at_ms = millis(found.read.as_deref()?)?;
    let cpu = found.cpu_stats.and_then(|cpu| cpu.cpu_usage).unwrap_or_default();
    let memory = found.memory_stats.unwrap_or_default();
    let mut network: Vec<InterfaceStats> = found
        .networks
        .unwrap_or_default()
        .into_iter()
        .map(|(name, traffic)| InterfaceStats {
            name,
            rx_bytes: traffic.rx_bytes.unwrap_or_default(),
            rx_packets: traffic.rx_packets.unwrap_or_default(),
            rx_errors: traffic.rx_errors.unwrap_or_default(),
            rx_dropped: traffic.rx_dropped.unwrap_or_default(),
            tx_bytes: traffic.tx_bytes.unwrap_or_default(),
            tx_packets: traffic.tx_packets.unwrap_or_default(),
            tx_errors: traffic.tx_errors.unwrap_or_default(),
            tx_dropped: traffic.tx_dropped.unwrap_or_default(),
        })
        .collect();
    network.sort_by(|a, b| a.name.cmp(&b.name));
    let blkio = found.blkio_stats.and_then(|blkio| blkio.io_service_bytes_recursive);
    Some(Stats {
        at_ms,
        cpu_total_ns: cpu.total_usage.unwrap_or_default(),
        cpu_per_cpu_ns: cpu.percpu_usage.unwrap_or_default(),
        cpu_user_ns: cpu.usage_in_usermode.unwrap_or_default(),
        cpu_system_ns: cpu.usage_in_kernelmode.unwrap_or_default(),
        memory_bytes: memory.usage.unwrap_or_default(),
        memory_limit_bytes: memory.limit.unwrap_or_default(),
        network,
        disk_io: disk_io(blkio.unwrap_or_default()),
    })
}

fn disk_io(entries: Vec<ContainerBlkioStatEntry>) -> Vec<DiskIo> {
    let mut devices: BTreeMap<(u64, u64), BTreeMap<String, u64>> = BTreeMap::new();
    for entry in entries {
        let device = (entry.major.unwrap_or_default(), entry.minor.unwrap_or_default());
        // cgroup 2 writes `read` where cgroup 1 wrote `Read`; the API promises the latter.
        let mut op = entry.op.unwrap_or_default();
        if let Some(first) = op.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        *devices.entry(device).or_default().entry(op).or_default() +=
            entry.value.unwrap_or_default();
    }
    let device = |((major, minor), bytes)| DiskIo { major, minor, bytes };
    devices.into_iter().map(device).collect()
}

pub(super) fn events(connection: Arc<Connection>, since_ms: Option<i64>) -> Items<EngineEvent> {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let query = EventsOptions {
        since: since_ms.map(|ms| format!("{}.{:03}", ms.div_euclid(1000), ms.rem_euclid(1000))),
        until: None,
        filters: Some(HashMap::from([
            ("type".to_owned(), names(&["container"])),
            ("event".to_owned(), names(&EVENTS)),
        ])),
    };
    let ended = Arc::clone(&connection);
    let opened = async move {
        let docker = connection.client(Patience::Stream).await?;
        let events = docker.events(Some(query));
        Ok::<_, EngineError>(events.map_err(move |err| connection.failure(Subject::Engine, err)))
    };
    // Docker ends the stream politely when it stops; for the reader that is still a loss.
    let end =
        async move { Err(ended.unavailable(Away::Lost("the stream of events ended".to_owned()))) };
    stream::once(opened)
        .try_flatten()
        .try_filter_map(|message| std::future::ready(Ok(event(message))))
        .chain(stream::once(end))
        .boxed()
}

fn event(message: EventMessage) -> Option<EngineEvent> {
    let actor = message.actor?;
    let mut about = actor.attributes.unwrap_or_default();
    let number = |key: &str| about.get(key).and_then(|text| text.parse().ok()).unwrap_or(0);
    let kind = match message.action.as_deref()? {
        "create" => EventKind::Create,
        "start" => EventKind::Start,
        "kill" => EventKind::Kill { signal: number("signal") },
        "die" | "died" => EventKind::Die { exit_code: number("exitCode") },
        "oom" => EventKind::Oom,
        "stop" => EventKind::Stop,
        "destroy" | "remove" => EventKind::Destroy,
        "pause" => EventKind::Pause,
        "unpause" => EventKind::Unpause,
        "rename" => EventKind::Rename,
        "health_status: healthy" => EventKind::Health(Health::Healthy),
        "health_status: unhealthy" => EventKind::Health(Health::Unhealthy),
        "health_status: starting" => EventKind::Health(Health::Starting),
        _ => return None,
    };
    let nanoseconds = message.time_nano.map(|nano| nano.div_euclid(1_000_000));
    let at_ms = nanoseconds.or(message.time.map(|seconds| seconds.saturating_mul(1000)))?;
    Some(EngineEvent {
        container: actor.id?,
        name: about.remove("name").unwrap_or_default(),
        uuid: about.remove(LABEL_UUID),
        image: about.remove("image").unwrap_or_default(),
        kind,
        at_ms,
    })
}
