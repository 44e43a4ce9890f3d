//! `top`: what containers use, live on a terminal, once elsewhere.

use std::collections::BTreeMap;

use clap::Args;
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;

use super::Result;
use super::args::Connection;
use super::client::{Client, Socket};
use super::failure::{Exit, Failure};
use super::inventory::{Inventory, Target};
use super::output::{End, Format, Output, Row};
use super::settings::Settings;
use super::view::Container;
use crate::clock::Clock;

/// Arguments of `top`.
#[derive(Clone, Debug, Default, Args)]
pub struct TopArgs {
    /// Stack, STACK/SERVICE, service or container; everything if absent
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// Show it once, also on a terminal
    #[arg(long)]
    once: bool,
    #[command(flatten)]
    connection: Connection,
}

/// Titles of the table.
const HEAD: [&str; 6] = ["CONTAINER", "CPU", "MEMORY", "OF", "RECEIVED", "SENT"];
/// Samples between the sockets and the screen.
const QUEUE: usize = 64;
/// How often a live table is drawn.
const DRAW_MS: u64 = 1_000;
/// How long a table that is shown once waits for the second sample of every container.
const ONCE_MS: i64 = 10_000;

/// What one sample tells.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Sample {
    at_ms: i64,
    cpu_ns: u64,
    memory: u64,
    limit: u64,
    received: u64,
    sent: u64,
}

/// What a container uses, from two samples.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Usage {
    /// Percent of one processor.
    cpu: f64,
    memory: u64,
    limit: u64,
    /// Bytes a second.
    received: u64,
    sent: u64,
}

/// The last two samples of each container.
type Samples = BTreeMap<String, (Option<Sample>, Sample)>;

/// Runs the verb.
///
/// # Errors
/// When the server cannot be reached, or the name is unknown.
pub async fn run(settings: &Settings, out: &Output, args: &TopArgs) -> Result<Exit> {
    let client = Client::connect(settings, &args.connection).await?;
    let inventory = Inventory::with_containers(&client).await?.at_home(settings);
    let containers = chosen(&inventory, args.name.as_deref())?;
    if containers.is_empty() {
        out.note("no container runs");
        return Ok(Exit::Ok);
    }
    let (to, mut from) = mpsc::channel(QUEUE);
    let mut hosts: Vec<&str> = containers.iter().map(|one| one.host_id.as_str()).collect();
    hosts.sort_unstable();
    hosts.dedup();
    for host in hosts {
        let path = client.scoped(&format!("hosts/{host}/containerstats"));
        let socket = client.open(&client.get(&path).await?).await?;
        tokio::spawn(listen(socket, to.clone()));
    }
    drop(to);
    let live = out.format == Format::Text && out.out != End::Elsewhere && !args.once;
    let clock = Clock::System;
    let began = clock.now_ms();
    let mut samples = Samples::new();
    loop {
        let mut tick = std::pin::pin!(clock.sleep_ms(DRAW_MS));
        loop {
            tokio::select! {
                () = &mut tick => break,
                sample = from.recv() => match sample {
                    Some(sample) => take(&mut samples, &sample),
                    None => {
                        return Err(Failure::unreachable("the server ended the connection"));
                    }
                },
            }
        }
        let known = containers.iter().filter(|one| usage(&samples, &one.id).is_some()).count();
        let all = known == containers.len() || clock.now_ms() - began >= ONCE_MS;
        if live {
            out.screen(&HEAD, &rows(&containers, &samples));
        } else if all {
            for one in &containers {
                out.record(&record(one, usage(&samples, &one.id)));
            }
            out.table(&HEAD, &rows(&containers, &samples));
            return Ok(Exit::Ok);
        }
    }
}

/// Hands on what a socket tells, sample by sample.
async fn listen(mut socket: Socket, to: mpsc::Sender<Value>) {
    while let Some(Ok(message)) = socket.next().await {
        let Message::Text(text) = message else { continue };
        let Ok(Value::Array(samples)) = serde_json::from_str::<Value>(&text) else { continue };
        for sample in samples {
            if to.send(sample).await.is_err() {
                return;
            }
        }
    }
}

/// The running containers that a name means.
fn chosen(inventory: &Inventory, name: Option<&str>) -> Result<Vec<Container>> {
    let target = name.map(|name| inventory.find(name)).transpose()?;
    let is_meant = |one: &&Container| match target {
        None => true,
        Some(Target::Container(wanted)) => wanted.id == one.id,
        Some(Target::Service(service)) => {
            inventory.service_of(one).is_some_and(|own| own.id == service.id)
        }
        Some(Target::Stack(stack)) => {
            inventory.service_of(one).is_some_and(|own| own.stack_id == stack.id)
        }
    };
    let running = inventory.containers.iter().filter(|one| one.state == "running");
    Ok(running.filter(is_meant).cloned().collect())
}

fn take(samples: &mut Samples, sample: &Value) {
    let (Some(id), Some(now)) = (sample["id"].as_str(), read(sample)) else { return };
    match samples.get_mut(id) {
        Some((before, last)) if now.at_ms > last.at_ms => {
            *before = Some(*last);
            *last = now;
        }
        Some(_) => {}
        None => {
            samples.insert(id.to_owned(), (None, now));
        }
    }
}

fn read(sample: &Value) -> Option<Sample> {
    let number = |path: &str| sample.pointer(path).and_then(Value::as_u64).unwrap_or_default();
    let at = sample["timestamp"].as_str()?.parse::<jiff::Timestamp>().ok()?;
    Some(Sample {
        at_ms: at.as_millisecond(),
        cpu_ns: number("/cpu/usage/total"),
        memory: number("/memory/usage"),
        limit: number("/memLimit"),
        received: number("/network/rx_bytes"),
        sent: number("/network/tx_bytes"),
    })
}

fn usage(samples: &Samples, id: &str) -> Option<Usage> {
    let (before, now) = samples.get(id)?;
    let before = (*before)?;
    let ms = u64::try_from(now.at_ms - before.at_ms).ok().filter(|ms| *ms > 0)?;
    let rate = |now: u64, before: u64| now.saturating_sub(before).saturating_mul(1000) / ms;
    Some(Usage {
        cpu: now.cpu_ns.saturating_sub(before.cpu_ns) as f64 / (ms as f64 * 10_000.0),
        memory: now.memory,
        limit: now.limit,
        received: rate(now.received, before.received),
        sent: rate(now.sent, before.sent),
    })
}

fn rows(containers: &[Container], samples: &Samples) -> Vec<Row> {
    let row = |one: &Container| {
        let plain = |text: String| (text, None);
        let mut row = vec![plain(one.name.clone())];
        match usage(samples, &one.id) {
            Some(usage) => row.extend([
                plain(format!("{:.1} %", usage.cpu)),
                plain(bytes(usage.memory)),
                plain(if usage.limit > 0 { bytes(usage.limit) } else { String::new() }),
                plain(format!("{}/s", bytes(usage.received))),
                plain(format!("{}/s", bytes(usage.sent))),
            ]),
            None => row.extend([const { (String::new(), None) }; 5]),
        }
        row
    };
    containers.iter().map(row).collect()
}

fn record(one: &Container, usage: Option<Usage>) -> Value {
    json!({
        "type": "usage",
        "id": one.id,
        "container": one.name,
        "cpuPercent": usage.map(|usage| (usage.cpu * 10.0).round() / 10.0),
        "memoryBytes": usage.map(|usage| usage.memory),
        "memoryLimitBytes": usage.map(|usage| usage.limit),
        "receivedBytesPerSecond": usage.map(|usage| usage.received),
        "sentBytesPerSecond": usage.map(|usage| usage.sent),
    })
}

/// `12.3 MB`; units are powers of 1000, as people write them.
fn bytes(count: u64) -> String {
    let mut value = count as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        if value < 1000.0 {
            let digits = usize::from(unit != "B" && value < 100.0);
            return format!("{value:.digits$} {unit}");
        }
        value /= 1000.0;
    }
    format!("{value:.1} TB")
}

#[cfg(test)]
mod tests {
    use super::super::output::render_table;
    use super::*;
    use expect_test::expect;

    fn sample(second: u32, cpu_ns: u64, received: u64) -> Value {
        json!({
            "id": "1i1", "timestamp": format!("2024-05-01T10:11:{second:02}Z"), "memLimit": 8_000_000_000_u64,
            "cpu": {"usage": {"total": cpu_ns}}, "memory": {"usage": 12_345_678},
            "network": {"rx_bytes": received, "tx_bytes": 0},
        })
    }

    #[test]
    fn usage_is_the_difference_of_two_samples() {
        let one = |id: &str, name: &str| Container::read(&json!({"id": id, "name": name}));
        let containers = [one("1i1", "web-1"), one("1i2", "web-2")];
        let mut samples = Samples::new();
        take(&mut samples, &sample(1, 1_000_000_000, 500));
        assert_eq!(usage(&samples, "1i1"), None);
        take(&mut samples, &sample(3, 2_000_000_000, 4_500));
        // One that comes late, or twice, changes nothing.
        take(&mut samples, &sample(2, 9_000_000_000, 0));
        expect![[r#"
            CONTAINER  CPU     MEMORY   OF      RECEIVED  SENT
            web-1      50.0 %  12.3 MB  8.0 GB  2.0 kB/s  0 B/s
            web-2"#]]
        .assert_eq(&render_table(&HEAD, &rows(&containers, &samples), End::Elsewhere, None));
        let shown = record(&containers[0], usage(&samples, "1i1"));
        assert_eq!(
            (&shown["cpuPercent"], &shown["receivedBytesPerSecond"]),
            (&json!(50.0), &json!(2000))
        );
        assert_eq!(record(&containers[1], None)["cpuPercent"], Value::Null);
    }

    #[test]
    fn sizes_are_short() {
        let check = |count, expect: &str| assert_eq!(bytes(count), expect);
        check(0, "0 B");
        check(999, "999 B");
        check(1_500, "1.5 kB");
        check(123_400_000, "123 MB");
        check(5_000_000_000_000, "5.0 TB");
    }
}
