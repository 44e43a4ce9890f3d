//! How soon a new member of a service is known: to DNS, to the metadata service and to a balancer. Asked from
//! where containers ask: a thread is in the network of one.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use hickory_resolver::proto::op::{Message, MessageType, OpCode, Query};
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use reqwest::Method;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use serde_json::{Value, json};

use crate::Deployment;
use crate::support::engine::{Engine, HAPROXY, IMAGE};
use crate::support::site::ENVIRONMENT;
use crate::support::{Report, Target, median_of};

/// Members at first, and those that are added one after another.
const FIRST: usize = 2;
const ADDED: usize = 5;
/// How long somebody who asks again and again rests in between.
const REST: Duration = Duration::from_millis(2);
/// The well-known address of names and metadata.
const WELL_KNOWN: &str = "169.254.169.250";
/// Where a new member is looked for.
const PLACES: [&str; 3] = ["DNS", "metadata", "HAProxy"];

/// Who saw an address for the first time, and when.
type Sighting = (&'static str, String, Instant);

pub async fn measure(engine: &Engine, folder: &Path, report: &mut Report) {
    let bench = Deployment::new(engine, &folder.join("change")).await;
    let port = free_port();
    bench.up(&format!(
        "services:
  web:
    image: {IMAGE}
    command: [sh, -c, \"mkdir /www; hostname -i > /www/index.html; exec httpd -f -p 80 -h /www\"]
    stop_signal: SIGKILL
    deploy: {{ replicas: {FIRST} }}
  asker:
    image: {IMAGE}
    command: [sleep, \"1000000\"]
    stop_signal: SIGKILL
  front:
    image: {HAPROXY}
    ports: [\"127.0.0.1:{port}:80\"]
    lb_config:
      port_rules:
      - {{ source_port: 80, target_port: 80, service: web }}
"
    ));
    let asker = engine.running("io.rancher.stack_service.name=bench/asker").await;
    let pid = engine.pid(&asker[0]).await;
    let (tell, told) = channel();
    let stop = Arc::new(AtomicBool::new(false));
    let watchers = watch(pid, port, &tell, &stop);
    let mut after = late(&bench, &told).await;
    stop.store(true, Ordering::Relaxed);
    for watcher in watchers {
        watcher.join().expect("a watcher");
    }
    for place in PLACES {
        let figure = median_of(after.remove(place).expect(place));
        let name = format!("a container that runs until {place} leads to it");
        report.report(&name, figure, "ms", Target::AtMost(300.0));
    }
    bench.end(engine).await;
}

/// Adds members one after another; how many milliseconds after it ran each place knew of it.
#[allow(clippy::disallowed_methods, reason = "a bench looks again in real time")]
async fn late(bench: &Deployment, told: &Receiver<Sighting>) -> HashMap<&'static str, Vec<f64>> {
    let mut seen: HashMap<(&str, String), Instant> = HashMap::new();
    let mut after: HashMap<&str, Vec<f64>> = HashMap::new();
    let service = bench.service("web").await;
    let mut known = running(bench).await;
    for added in 1..=ADDED {
        let path = format!("{ENVIRONMENT}/services/{}", service["id"].as_str().expect("an id"));
        let change =
            bench.site.request(Method::PUT, &path).json(&json!({ "scale": FIRST + added }));
        assert!(change.send().await.expect("an answer").status().is_success(), "scaled");
        let (fresh, ran) = loop {
            let now = running(bench).await;
            let fresh = now.iter().find(|address| !known.contains(address)).cloned();
            match fresh {
                Some(fresh) => break (fresh, Instant::now()),
                None => tokio::time::sleep(REST).await,
            }
        };
        for place in PLACES {
            let at = loop {
                match seen.get(&(place, fresh.clone())) {
                    Some(at) => break *at,
                    None => {
                        let (by, address, at) = told.recv().expect("a sighting");
                        seen.entry((by, address)).or_insert(at);
                    }
                }
            };
            let late = at.saturating_duration_since(ran).as_secs_f64() * 1000.0;
            after.entry(place).or_default().push(late);
        }
        known.push(fresh);
        bench.state(&service, "active").await;
    }
    after
}

/// The addresses of the service's containers that the API calls running.
async fn running(bench: &Deployment) -> Vec<String> {
    let found = bench.site.get("containers?state=running&name_prefix=bench-web-").await;
    let rows = found["data"].as_array().cloned().unwrap_or_default();
    let addresses = rows.iter().filter_map(|row: &Value| row["primaryIpAddress"].as_str());
    addresses.map(str::to_owned).collect()
}

type Watcher = std::thread::JoinHandle<()>;

/// Asks everywhere, again and again.
fn watch(pid: i64, port: u16, tell: &Sender<Sighting>, stop: &Arc<AtomicBool>) -> Vec<Watcher> {
    let inside = move || {
        let file = File::open(format!("/proc/{pid}/ns/net")).expect("a network");
        let kind = Some(LinkNameSpaceType::Network);
        move_into_link_name_space(file.as_fd(), kind).expect("inside; the bench needs root");
    };
    vec![
        watcher("DNS", tell, stop, move || {
            inside();
            let socket = UdpSocket::bind("0.0.0.0:0").expect("a port");
            socket.connect((WELL_KNOWN, 53)).expect("connected");
            socket.set_read_timeout(Some(Duration::from_secs(5))).expect("a timeout");
            Box::new(move || names(&socket))
        }),
        watcher("metadata", tell, stop, move || {
            inside();
            Box::new(facts)
        }),
        watcher("HAProxy", tell, stop, move || Box::new(move || page(port))),
    ]
}

/// What it finds whenever it is asked.
type Look = Box<dyn FnMut() -> Vec<String>>;

#[allow(clippy::disallowed_methods, reason = "a bench measures real time")]
fn watcher(
    place: &'static str,
    tell: &Sender<Sighting>,
    stop: &Arc<AtomicBool>,
    make: impl FnOnce() -> Look + Send + 'static,
) -> Watcher {
    let (tell, stop) = (tell.clone(), Arc::clone(stop));
    std::thread::spawn(move || {
        let mut look = make();
        let mut known = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            for address in look() {
                if !known.contains(&address) {
                    known.push(address.clone());
                    // Nobody listens any more at the very end.
                    let _ = tell.send((place, address, Instant::now()));
                }
            }
            std::thread::sleep(REST);
        }
    })
}

fn names(socket: &UdpSocket) -> Vec<String> {
    let name = Name::from_ascii("web.bench.rancher.internal.").expect("a name");
    let mut message = Message::new(7, MessageType::Query, OpCode::Query);
    message.add_query(Query::query(name, RecordType::A));
    socket.send(&message.to_vec().expect("a question")).expect("asked");
    let mut buffer = [0; 1500];
    let length = socket.recv(&mut buffer).expect("an answer");
    let answer = Message::from_vec(&buffer[..length]).expect("a message");
    let addresses = answer.answers.iter().filter_map(|record| {
        if let RData::A(address) = &record.data { Some(address.to_string()) } else { None }
    });
    addresses.collect()
}

fn facts() -> Vec<String> {
    let body = ask((WELL_KNOWN, 80), "/latest/services/web/containers", "application/json");
    let rows: Value = body.and_then(|body| serde_json::from_str(&body).ok()).unwrap_or_default();
    let rows = rows.as_array().cloned().unwrap_or_default();
    rows.iter().filter_map(|row| row["primary_ip"].as_str()).map(str::to_owned).collect()
}

fn page(port: u16) -> Vec<String> {
    let body = ask(("127.0.0.1", port), "/", "text/html");
    body.map(|body| body.trim().to_owned()).into_iter().collect()
}

/// The body of an answer; none while nobody listens.
fn ask(to: (&str, u16), path: &str, accept: &str) -> Option<String> {
    let mut stream = TcpStream::connect(to).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: bench\r\nAccept: {accept}\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned())
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port()
}
