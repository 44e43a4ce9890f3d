//! How fast the API answers, beside a bare handler that sends the same bytes out of SQLite.
//!
//! `cargo bench --bench api` prints requests a second over loopback for one resource and for a page of a
//! hundred. The bare handler is what no generic API can beat: it reads finished bytes and sends them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::{App, HttpResponse, HttpServer, web};
use ranchette::api::{self, ApiConfig, ApiState};
use ranchette::auth::{Access, Auth, Options, seed};
use ranchette::clock::{Clock, Entropy};
use ranchette::metrics::Metrics;
use ranchette::model::resource::NewResource;
use ranchette::store::Store;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Connections that ask at the same time.
const CLIENTS: usize = 8;
/// How long each measurement takes.
const SPAN: Duration = Duration::from_secs(3);
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
        .with("labels", json!({"io.rancher.stack.name": "web", "io.rancher.stack_service.name": "web/app"}))
        .with("ports", json!(["8080:80/tcp"]))
        .with("networkMode", "managed")
        .with("primaryIpAddress", "10.42.0.7")
        .with("startCount", 1)
        .with("startOnCreate", true)
        .with("version", "0")
        .with("command", json!(["nginx", "-g", "daemon off;"]))
}

async fn site(folder: &std::path::Path) -> (web::Data<ApiState>, i64) {
    let (clock, entropy) = (Clock::System, Entropy::System);
    let store = Store::open(&folder.join("db"), clock.clone(), entropy.clone()).expect("a store");
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
    let options =
        Options { access: Access::Open, data_dir: folder.to_owned(), ..Options::default() };
    let auth: Arc<Auth> =
        Auth::new(store.clone(), clock.clone(), entropy.clone(), options).expect("auth");
    let metrics = Metrics::new(store.clone());
    let state = ApiState::new(store, clock, entropy, auth, metrics, ApiConfig::default());
    (web::Data::new(state), first)
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
async fn exchange(stream: &mut TcpStream, path: &str, buffer: &mut Vec<u8>) -> Vec<u8> {
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
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

/// Requests a second.
async fn rate(address: &str, path: &str) -> f64 {
    let begin = Instant::now();
    let clients = (0..CLIENTS).map(|_| {
        let (address, path) = (address.to_owned(), path.to_owned());
        tokio::spawn(async move {
            let mut stream = TcpStream::connect(address).await.expect("connected");
            stream.set_nodelay(true).expect("no delay");
            let (mut count, mut buffer) = (0u32, Vec::new());
            while begin.elapsed() < SPAN {
                exchange(&mut stream, &path, &mut buffer).await;
                count += 1;
            }
            count
        })
    });
    let counts = futures_util::future::join_all(clients).await;
    let total: u32 = counts.into_iter().map(|count| count.expect("a client")).sum();
    f64::from(total) / begin.elapsed().as_secs_f64()
}

fn main() {
    actix_web::rt::System::new().block_on(async {
        let folder = tempfile::tempdir().expect("a folder");
        let (state, first) = site(folder.path()).await;
        let bytes = folder.path().join("bytes");
        let shared = web::Data::new(bytes.clone());
        let server = HttpServer::new(move || {
            App::new()
                .app_data(state.clone())
                .app_data(shared.clone())
                .route("/bare/{what}", web::get().to(bare))
                .configure(api::configure)
        })
        .workers(1)
        .disable_signals()
        .bind(("127.0.0.1", 0))
        .expect("a port");
        let address = server.addrs().first().expect("an address").to_string();
        actix_web::rt::spawn(server.run());
        let clients = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let base = "/v2-beta/projects/1a5/containers";
        let one = format!("{base}/1i{first}");
        let connection = rusqlite::Connection::open(&bytes).expect("a file");
        connection.execute_batch("CREATE TABLE bytes (what TEXT, body BLOB)").expect("a table");
        for (what, path) in [("one", one.as_str()), ("page", base)] {
            let mut stream = TcpStream::connect(&address).await.expect("connected");
            let body = exchange(&mut stream, path, &mut Vec::new()).await;
            println!("{what}: {} bytes", body.len());
            let parts = if what == "page" { ROWS } else { 1 };
            for part in body.chunks(body.len().div_ceil(parts)) {
                connection
                    .execute("INSERT INTO bytes VALUES (?1, ?2)", rusqlite::params![what, part])
                    .expect("written");
            }
        }
        connection.execute_batch("CREATE INDEX by_what ON bytes (what)").expect("an index");
        for (what, path) in [("one", one.as_str()), ("page", base)] {
            let (address, path) = (address.clone(), path.to_owned());
            let bare_path = format!("/bare/{what}");
            let (ours, bare) = clients
                .spawn(async move { (rate(&address, &path).await, rate(&address, &bare_path).await) })
                .await
                .expect("measured");
            println!("{what}: {ours:.0}/s, bare {bare:.0}/s, ratio {:.2}", ours / bare);
        }
        clients.shutdown_background();
    });
}
