//! How fast the API answers, beside a bare handler that sends the same bytes out of SQLite.
//!
//! Requests a second over loopback for one resource and for a page of a hundred, beside what the bare handler
//! reaches, and how long the slowest one in a hundred takes. The bare handler is what no generic API can beat:
//! it reads finished bytes and sends them. Each is asked for twice: again and again, and with an address of its
//! own every time, which no answer kept from before fits.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use actix_web::{App, HttpResponse, HttpServer, web};
use ranchette::api::{self, ApiConfig, ApiState};
use ranchette::auth::setup::Claim;
use ranchette::auth::{Auth, Options, seed};
use ranchette::clock::{Clock, Entropy};
use ranchette::model::resource::NewResource;
use ranchette::process::site::Limits;
use ranchette::server::core::Core;
use serde_json::json;
use support::{Report, Target, timed_async};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

mod support;

/// Connections that ask at the same time.
const CLIENTS: usize = 8;
/// How long each measurement takes.
const SPAN: Duration = Duration::from_secs(2);
/// Rows of the page.
const ROWS: usize = 100;

/// A container as a service makes it, with what people usually set.
fn container(number: usize, uuid: String) -> NewResource {
    NewResource::new("instance", uuid)
        .kind("container")
        .account(5)
        .name(format!("web-app-{number}"))
        .state("running")
        .with("imageUuid", "docker:nginx:1.27")
        .with("environment", json!({"A": "1", "B": "two", "C": "three"}))
        .with(
            "labels",
            json!({"io.rancher.stack.name": "web", "io.rancher.stack_service.name": "web/app"}),
        )
        .with("ports", json!(["8080:80/tcp"]))
        .with("networkMode", "managed")
        .with("primaryIpAddress", "10.42.0.7")
        .with("startCount", 1)
        .with("startOnCreate", true)
        .with("version", "0")
        .with("command", json!(["nginx", "-g", "daemon off;"]))
}

async fn site(folder: &std::path::Path) -> (web::Data<ApiState>, i64, String) {
    let (clock, entropy) = (Clock::System, Entropy::System);
    let limits = Limits {
        concurrency: 1,
        workers: 1,
        stop_timeout_s: 10,
        first_subnet: "10.42.0.0/16".to_owned(),
    };
    let core =
        Core::open(&folder.join("db"), clock.clone(), entropy.clone(), limits).expect("a core");
    let store = core.site.store.clone();
    store.write(seed::seed).await.expect("seeded");
    let first = store
        .write(|tx| {
            let mut first = 0;
            for number in 0..ROWS {
                let uuid = tx.entropy.uuid();
                let row = tx.insert(container(number, uuid))?;
                first = if first == 0 { row.id } else { first };
            }
            Ok(first)
        })
        .await
        .expect("written");
    let options = Options { data_dir: folder.to_owned(), ..Options::default() };
    let auth: Arc<Auth> =
        Auth::new(store.clone(), clock.clone(), entropy.clone(), options).expect("auth");
    let code = auth.prepare_setup().expect("set-up").expect("a code");
    let claim = Claim { code: &code, username: "root", password: "correct horse", name: "" };
    let key = auth.claim(claim, None).await.expect("logged in").key;
    let state = ApiState::new(core.site, auth, core.metrics, ApiConfig::default());
    (web::Data::new(state), first, key)
}

thread_local! {
    static BARE: std::cell::OnceCell<rusqlite::Connection> = const { std::cell::OnceCell::new() };
}

/// Reads rows of finished bytes and sends them.
async fn bare(path: web::Data<std::path::PathBuf>, what: web::Path<String>) -> HttpResponse {
    let body = BARE.with(|connection| {
        let connection = connection
            .get_or_init(|| rusqlite::Connection::open(path.as_path()).expect("the bytes"));
        let mut statement =
            connection.prepare_cached("SELECT body FROM bytes WHERE what = ?1").expect("SQL");
        let mut body: Vec<u8> = Vec::new();
        let mut rows = statement.query([what.as_str()]).expect("rows");
        while let Some(row) = rows.next().expect("a row") {
            body.extend_from_slice(row.get_ref(0).expect("a column").as_blob().expect("bytes"));
        }
        body
    });
    HttpResponse::Ok().content_type("application/json; charset=utf-8").body(body)
}

/// Reads one response; returns its body.
async fn exchange(stream: &mut TcpStream, ask: &str, buffer: &mut Vec<u8>) -> Vec<u8> {
    let request = format!("GET {ask}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    buffer.clear();
    loop {
        stream.read_buf(buffer).await.expect("received");
        let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&buffer[..end]).to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 200"), "{head}");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.and_then(|text| text.parse().ok()).expect("a length");
        while buffer.len() < end + 4 + length {
            stream.read_buf(buffer).await.expect("received");
        }
        return buffer[end + 4..].to_vec();
    }
}

/// What is asked for.
#[derive(Clone)]
struct Ask {
    path: String,
    headers: String,
    /// Whether each request has an address of its own.
    fresh: bool,
}

impl Ask {
    fn request(&self, client: usize, number: usize) -> String {
        let own = if self.fresh { format!("?_={client}.{number}") } else { String::new() };
        format!("{}{own} HTTP/1.1\r\n{}", self.path, self.headers)
    }
}

/// What was measured: requests a second, and the milliseconds that 99 of 100 do not exceed.
struct Pace {
    rate: f64,
    p99_ms: f64,
}

async fn pace(address: &str, ask: &Ask) -> Pace {
    let (elapsed, mut took) = timed_async(async {
        let clients = (0..CLIENTS).map(|client| {
            let (address, ask) = (address.to_owned(), ask.clone());
            tokio::spawn(async move {
                let mut stream = TcpStream::connect(address).await.expect("connected");
                stream.set_nodelay(true).expect("no delay");
                let (mut took, mut buffer) = (Vec::new(), Vec::new());
                let asking = async {
                    loop {
                        let request = ask.request(client, took.len());
                        let exchange = exchange(&mut stream, &request, &mut buffer);
                        took.push(timed_async(exchange).await.0);
                    }
                };
                // The loop never ends by itself.
                let _: Result<(), _> = tokio::time::timeout(SPAN, asking).await;
                took
            })
        });
        let all = futures_util::future::join_all(clients).await;
        all.into_iter().flat_map(|took| took.expect("a client")).collect::<Vec<_>>()
    })
    .await;
    took.sort_unstable();
    let p99 = took.get(took.len() * 99 / 100).copied().unwrap_or_default();
    Pace { rate: took.len() as f64 / elapsed.as_secs_f64(), p99_ms: p99.as_secs_f64() * 1000.0 }
}

/// One after the other, several times: the medians of both.
async fn compare(address: &str, ours: &Ask, bare: &Ask) -> (Pace, Pace) {
    let (mut of_ours, mut of_bare) = (Vec::new(), Vec::new());
    for _ in 0..support::runs(3) {
        of_ours.push(pace(address, ours).await);
        of_bare.push(pace(address, bare).await);
    }
    (middle(&of_ours), middle(&of_bare))
}

fn middle(paces: &[Pace]) -> Pace {
    Pace {
        rate: support::median_of(paces.iter().map(|pace| pace.rate).collect()),
        p99_ms: support::median_of(paces.iter().map(|pace| pace.p99_ms).collect()),
    }
}

/// Keeps what the API answers as the bare handler's bytes: a page as so many rows.
async fn copy(address: &str, file: &std::path::Path, asked: &[(&str, Ask, usize)]) {
    let connection = rusqlite::Connection::open(file).expect("a file");
    connection.execute_batch("CREATE TABLE bytes (what TEXT, body BLOB)").expect("a table");
    for (what, path, parts) in asked {
        let mut stream = TcpStream::connect(address).await.expect("connected");
        let body = exchange(&mut stream, &path.request(0, 0), &mut Vec::new()).await;
        for part in body.chunks(body.len().div_ceil(*parts)) {
            connection
                .execute("INSERT INTO bytes VALUES (?1, ?2)", rusqlite::params![what, part])
                .expect("written");
        }
    }
    connection.execute_batch("CREATE INDEX by_what ON bytes (what)").expect("an index");
}

fn main() -> ExitCode {
    let mut report = Report::default();
    actix_web::rt::System::new().block_on(async {
        let folder = tempfile::tempdir().expect("a folder");
        let (state, first, key) = site(folder.path()).await;
        let file = folder.path().join("bytes");
        let shared = web::Data::new(file.clone());
        let server = HttpServer::new(move || {
            App::new()
                .app_data(shared.clone())
                .route("/bare/{what}", web::get().to(bare))
                .configure(api::configure(state.clone()))
        })
        .workers(1)
        .disable_signals()
        .bind(("127.0.0.1", 0))
        .expect("a port");
        let address = server.addrs().first().expect("an address").to_string();
        actix_web::rt::spawn(server.run());
        let list = "/v2-beta/projects/1a5/containers";
        let headers = format!("host: localhost\r\nauthorization: Bearer {key}");
        let ask = |path: String| Ask { path, headers: headers.clone(), fresh: false };
        let asked =
            [("one", ask(format!("{list}/1i{first}")), 1), ("page", ask(list.to_owned()), ROWS)];
        copy(&address, &file, &asked).await;
        let clients = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        for (what, ours, rows) in asked {
            for fresh in [false, true] {
                let ours = Ask { fresh, ..ours.clone() };
                let bare = ask(format!("/bare/{what}"));
                let address = address.clone();
                let measured = clients.spawn(async move { compare(&address, &ours, &bare).await });
                let (ours, bare) = measured.await.expect("measured");
                let name = format!(
                    "GET of {rows} container{}, {}",
                    if rows == 1 { "" } else { "s" },
                    if fresh { "each another" } else { "again and again" }
                );
                report.report(&name, ours.rate, "/s", Target::AtLeast(bare.rate / 2.0));
                let name = format!("{name}: p99");
                report.report(&name, ours.p99_ms, "ms", Target::AtMost(bare.p99_ms * 2.0));
            }
        }
        clients.shutdown_background();
    });
    report.finish()
}
