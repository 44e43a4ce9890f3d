//! Clients that keep their connections to a balancer, on a real Docker Engine with a real HAProxy: no request of
//! theirs is lost while its targets, and so its configuration, change.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::docker_support::{docker, haproxy_image};
use crate::ranch::{Ranch, free_address, page_says, until};

/// How often a target comes and goes again.
const ROUNDS: usize = 4;
/// Clients that send a request only after each reload: their connections are idle when it happens.
const QUIET: usize = 8;
/// Clients that send one request after another.
const BUSY: usize = 3;
/// Requests that busy clients send, together, between two reloads at least.
const REQUESTS: usize = 60;

/// A client that sends each request on the connection of the one before, unless it was told that this ends.
struct Client {
    port: u16,
    kept: Option<BufReader<TcpStream>>,
}

impl Client {
    const fn new(port: u16) -> Self {
        Self { port, kept: None }
    }

    /// The page that is answered. A request that finds its connection closed is lost: it is not sent again.
    async fn ask(&mut self) -> Result<String, String> {
        self.try_ask().await.map_err(|error| format!("a request is lost: {error}"))
    }

    /// Sends requests until one is answered on a connection that stays, which is idle from then on.
    async fn settle(&mut self) {
        while self.kept.is_none() {
            self.ask().await.expect("an answer");
        }
    }

    async fn try_ask(&mut self) -> std::io::Result<String> {
        let mut stream = match self.kept.take() {
            Some(stream) => stream,
            None => BufReader::new(TcpStream::connect(("127.0.0.1", self.port)).await?),
        };
        stream.write_all(b"GET / HTTP/1.1\r\nHost: any.example\r\n\r\n").await?;
        let (mut length, mut ends, mut status) = (0, false, String::new());
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await? == 0 {
                return Err(std::io::Error::other("the connection is closed"));
            }
            let line = line.trim_end().to_ascii_lowercase();
            match line.split_once(": ") {
                _ if line.is_empty() => break,
                Some(("content-length", bytes)) => length = bytes.parse().unwrap_or_default(),
                Some(("connection", "close")) => ends = true,
                Some(_) => {}
                None => status = line,
            }
        }
        let mut page = vec![0; length];
        stream.read_exact(&mut page).await?;
        if !status.contains(" 200 ") {
            return Err(std::io::Error::other(status));
        }
        self.kept = (!ends).then_some(stream);
        Ok(String::from_utf8_lossy(&page).trim().to_owned())
    }
}

fn compose(image: &str, haproxy: &str, port: u16) -> String {
    let service = |name: &str| {
        format!(
            "  {name}:
    image: {image}
    command: [sh, -c, \"mkdir -p /www && echo {name} > /www/index.html && exec httpd -f -p 80 -h /www\"]
    stop_signal: SIGKILL
"
        )
    };
    format!(
        "services:
{}{}  front:
    image: {haproxy}
    stop_signal: SIGKILL
    ports: [\"127.0.0.1:{port}:80\"]
    lb_config:
      port_rules:
      - {{ source_port: 80, target_port: 80, service: web }}
",
        service("web"),
        service("more")
    )
}

/// Waits until the pages that new clients get are these.
async fn pages_are(port: u16, wanted: &[&str]) {
    until(&format!("the balancer leads to {wanted:?}"), async || {
        let mut seen = Vec::new();
        for _ in 0..6 {
            seen.push(Client::new(port).ask().await.expect("an answer"));
        }
        seen.sort();
        seen.dedup();
        if seen == wanted { Ok(()) } else { Err(format!("{seen:?}")) }
    })
    .await;
}

/// Clients that are never idle, until they are told that it is enough.
struct Busy {
    enough: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    clients: Vec<tokio::task::JoinHandle<Result<(), String>>>,
}

impl Busy {
    fn start(port: u16) -> Self {
        let (enough, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let client = |_| {
            let (enough, answered) = (Arc::clone(&enough), Arc::clone(&answered));
            tokio::spawn(async move {
                let mut client = Client::new(port);
                while !enough.load(Ordering::SeqCst) {
                    client.ask().await?;
                    answered.fetch_add(1, Ordering::SeqCst);
                }
                Ok(())
            })
        };
        let clients = (0..BUSY).map(client).collect();
        Self { enough, answered, clients }
    }

    /// Waits for some more answers. Clients that ended have lost a request: the end tells of it.
    async fn some_more(&self) {
        let wanted = self.answered.load(Ordering::SeqCst) + REQUESTS;
        until("requests are answered", async || {
            let ended = self.clients.iter().any(tokio::task::JoinHandle::is_finished);
            let answered = self.answered.load(Ordering::SeqCst);
            if ended || answered >= wanted { Ok(()) } else { Err(answered.to_string()) }
        })
        .await;
    }

    async fn end(self) {
        self.enough.store(true, Ordering::SeqCst);
        for client in self.clients {
            assert_eq!(client.await.expect("a client"), Ok(()));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_reload_costs_kept_connections_no_request() {
    let docker = docker().await;
    let haproxy = haproxy_image().await;
    let ranch = Ranch::new(&docker.endpoint, 27, &["kept"]);
    let stack = ranch.stack(0).to_owned();
    let server = ranch.start().await;
    let port = free_address().port();
    ranch
        .ok(&["up", "-f", &ranch.file(&compose(&docker.image, haproxy, port)), "-p", &stack])
        .await;
    page_says(port, "web").await;
    let container = ranch.service(&stack, "front")[0].clone();
    let services = ranch.list("services").await;
    let named = |name: &str| services.iter().find(|row| row["name"] == name).expect("a service");
    let path = format!("loadbalancerservices/{}", named("front")["id"].as_str().expect("an id"));
    let rule = |name: &str| json!({ "sourcePort": 80, "protocol": "http", "targetPort": 80, "serviceId": named(name)["id"] });
    let rules = async |rules: Vec<Value>| {
        ranch.send(Method::PUT, &path, &json!({ "lbConfig": { "portRules": rules } })).await;
    };

    let mut quiet: Vec<Client> = (0..QUIET).map(|_| Client::new(port)).collect();
    let busy = Busy::start(port);
    for round in 1..=ROUNDS {
        for (targets, wanted) in
            [(vec![rule("web"), rule("more")], &["more", "web"][..]), (vec![rule("web")], &["web"])]
        {
            for client in &mut quiet {
                client.settle().await;
            }
            busy.some_more().await;
            rules(targets).await;
            pages_are(port, wanted).await;
            for client in &mut quiet {
                let answer = client.ask().await;
                assert!(answer.is_ok(), "round {round}, {wanted:?}: {answer:?}");
            }
        }
    }
    busy.some_more().await;
    busy.end().await;
    assert_eq!(ranch.service(&stack, "front")[0].started, container.started, "never restarted");
    ranch.ok(&["down", &stack, "--yes"]).await;
    server.shut_down().await;
}
