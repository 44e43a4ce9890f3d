//! What many rows, many listeners and many roles cost: the check of one request, the schemas of an
//! administrator, a page out of a hundred thousand rows, and a change told to a thousand subscribers.
//!
//! The first is measured in this process; the others from the outside, with the release binary.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use ranchette::auth::policy::{self, Verb};
use ranchette::auth::setup::Claim;
use ranchette::auth::{Auth, Authenticator as _, Options, RequestFacts, seed};
use ranchette::clock::{Clock, Entropy};
use ranchette::model::registry;
use ranchette::model::resource::NewResource;
use ranchette::store::Store;
use reqwest::Method;
use serde_json::json;
use support::program::Server;
use support::site::Site;
use support::{Report, Target, median, median_of, timed_async};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;

mod support;

const RUNS: usize = 5;
const CHECKS: u32 = 100_000;
const ROWS: usize = 100_000;
const PAGES: usize = 1_000;
const SUBSCRIBERS: usize = 1_000;
/// Descriptors of a process that holds one end of every subscriber's connection.
const DESCRIPTORS: u64 = 8_192;
/// Hosts that stay away: nothing happens but what is asked for.
const AWAY: &[(&str, &str)] = &[("RANCHETTE_DOCKER_HOST", "unix:///nonexistent/docker.sock")];

fn main() -> ExitCode {
    let mut report = Report::default();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let check = runtime.block_on(check_us(folder.path()));
    report.report("authorization check of one request", check, "us", Target::AtMost(20.0));

    raise_limit();
    let data = folder.path().join("data");
    // The first start makes the database, the second serves what was put into it.
    drop(Server::start(&data, AWAY));
    runtime.block_on(fill(&data));
    let server = Server::start(&data, AWAY);
    runtime.block_on(async {
        let site = Figures(Site::of(&data));
        let schemas = site.schemas_ms().await;
        let name = "schema collection for an administrator, warm";
        report.report(name, schemas, "ms", Target::AtMost(5.0));
        let page = site.page_ms().await;
        let name = "filtered page of 100 out of 100,000: p99";
        report.report(name, page, "ms", Target::AtMost(20.0));
        let memory = server.peak_mb();
        report.report("most memory resident meanwhile", memory, "MB", Target::AtMost(120.0));
        let told = site.told_ms().await;
        let name = "a change until 1,000 subscribers are told";
        report.report(name, told, "ms", Target::AtMost(100.0));
    });
    report.finish()
}

/// Who asks, and whether the role may: microseconds a request.
async fn check_us(folder: &Path) -> f64 {
    let (clock, entropy) = (Clock::System, Entropy::System);
    let path = folder.join("checks");
    let store = Store::open(&path, clock.clone(), entropy.clone()).expect("a store");
    store.write(seed::seed).await.expect("seeded");
    let options = Options { data_dir: folder.to_owned(), ..Options::default() };
    let auth = Auth::new(store, clock, entropy, options).expect("auth");
    let code = auth.prepare_setup().expect("set-up").expect("a code");
    let claim = Claim { code: &code, username: "root", password: "correct horse", name: "" };
    let key = auth.claim(claim, None).await.expect("logged in").key;
    let facts = RequestFacts {
        method: "GET".to_owned(),
        authorization: Some(format!("Bearer {key}")),
        project_path: Some("1a5".to_owned()),
        ..RequestFacts::default()
    };
    let types = registry::registry().all();
    let mut figures = Vec::new();
    for _ in 0..RUNS {
        let (elapsed, allowed) = timed_async(async {
            let mut allowed = 0;
            for entry in types.iter().cycle().take(CHECKS as usize) {
                let caller = auth.authenticate(&facts).await.expect("a caller");
                allowed += usize::from(policy::may(caller.role, entry, Verb::List));
            }
            allowed
        })
        .await;
        assert!(allowed > 0, "an owner lists something");
        figures.push(elapsed.as_secs_f64() * 1e6 / f64::from(CHECKS));
    }
    median_of(figures)
}

/// Lets this process and those it starts open as many connections as the bench needs.
fn raise_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(DESCRIPTORS, |most| most.min(DESCRIPTORS));
    if limit.current.is_some_and(|current| current < wanted) {
        setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), ..limit }).expect("a limit");
    }
}

/// Puts the rows into the database of a server that does not run.
async fn fill(data: &Path) {
    let path = data.join("ranchette.db");
    let store = Store::open(&path, Clock::System, Entropy::System).expect("the database");
    for begin in (0..ROWS).step_by(1_000) {
        let write = move |tx: &mut ranchette::store::Tx<'_>| {
            for number in begin..begin + 1_000 {
                let uuid = tx.entropy.uuid();
                tx.insert(container(number, uuid))?;
            }
            Ok(())
        };
        store.write(write).await.expect("written");
    }
}

/// A container as a service makes it.
fn container(number: usize, uuid: String) -> NewResource {
    NewResource::new("instance", uuid)
        .kind("container")
        .account(seed::DEFAULT_PROJECT)
        .name(format!("web-app-{number}"))
        .state(if number.is_multiple_of(3) { "stopped" } else { "running" })
        .with("imageUuid", "docker:nginx:1.27")
        .with("environment", json!({"A": "1", "B": "two", "C": "three"}))
        .with("labels", json!({"io.rancher.stack.name": "web"}))
        .with("ports", json!(["8080:80/tcp"]))
        .with("networkMode", "managed")
        .with("primaryIpAddress", "10.42.0.7")
        .with("startCount", 1)
        .with("command", json!(["nginx", "-g", "daemon off;"]))
}

/// What is measured of a running server.
struct Figures(Site);

impl Figures {
    /// Milliseconds until the whole answer is there.
    async fn get_ms(&self, path: &str) -> (f64, String) {
        let request = self.0.request(Method::GET, path);
        let (elapsed, text) = timed_async(async {
            let answer = request.send().await.expect("an answer");
            assert!(answer.status().is_success(), "{path}: {}", answer.status());
            answer.text().await.expect("text")
        })
        .await;
        (milliseconds(elapsed), text)
    }

    async fn schemas_ms(&self) -> f64 {
        let (_, text) = self.get_ms("/v2-beta/schemas").await;
        assert!(text.len() > 100_000, "not all schemas");
        let mut figures = Vec::new();
        for _ in 0..100 {
            figures.push(self.get_ms("/v2-beta/schemas").await.0);
        }
        median_of(figures)
    }

    /// Pages by every kind of filter, none of which was asked for before.
    async fn page_ms(&self) -> f64 {
        let mut figures = Vec::new();
        for number in 0..PAGES {
            let filter = match number % 4 {
                0 => format!("state=running&name_prefix=web-app-{}", number % 9 + 1),
                1 => format!("state=stopped&id_gt={}", number * 50),
                2 => format!("name_like=web-app-%25{}&sort=name", number % 10),
                _ => format!("state_ne=running&sort=id&order=desc&id_lt={}", ROWS - number * 50),
            };
            let path = format!("/v2-beta/projects/1a5/containers?limit=100&{filter}&n={number}");
            let (took, text) = self.get_ms(&path).await;
            assert!(text.len() > 100_000, "{filter}: no whole page");
            figures.push(took);
        }
        figures.sort_by(f64::total_cmp);
        figures[PAGES * 99 / 100]
    }

    /// From the answer to a create until the last subscriber has been told of it.
    async fn told_ms(&self) -> f64 {
        let sockets = join_all((0..SUBSCRIBERS).map(|_| self.subscribe())).await;
        let mut sockets: Vec<Socket> = sockets;
        let mut figures = Vec::new();
        for run in 0..RUNS {
            let body = json!({"name": format!("told{run}")});
            let request = self.0.request(Method::POST, "/v2-beta/projects/1a5/stacks").json(&body);
            let (elapsed, _) = timed_async(async {
                let create = async { request.send().await.expect("an answer").status() };
                let told = join_all(sockets.iter_mut().map(|socket| heard(socket, run)));
                let (status, _) = futures_util::future::join(create, told).await;
                assert!(status.is_success(), "{status}");
            })
            .await;
            figures.push(milliseconds(elapsed));
        }
        median(RUNS, |run| figures[run])
    }

    async fn subscribe(&self) -> Socket {
        let url = self.0.url.replacen("http", "ws", 1);
        let url = format!("{url}/v2-beta/projects/1a5/subscribe?eventNames=resource.change");
        let mut request = url.into_client_request().expect("a request");
        use base64::Engine as _;
        let pair = format!("{}:{}", self.0.access, self.0.secret);
        let proof = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair));
        let proof = HeaderValue::from_str(&proof).expect("a header");
        request.headers_mut().insert("authorization", proof);
        connect_async(request).await.expect("a websocket").0
    }
}

type Socket =
    tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

/// Waits until a subscriber is told of the stack.
async fn heard(socket: &mut Socket, run: usize) {
    let name = format!("\"name\":\"told{run}\"");
    while let Some(frame) = socket.next().await {
        let text = frame.expect("a frame").into_text().expect("text");
        if text.contains(&name) {
            return;
        }
    }
    panic!("a subscriber was let go");
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
