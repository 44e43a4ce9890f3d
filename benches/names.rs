//! How many questions a second one core answers: names over DNS, facts over the metadata service.
//!
//! Both are asked over loopback, the server on one thread, the asker on another, about an environment of
//! three hundred containers.

use std::net::{SocketAddr, UdpSocket};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use actix_web::{App, HttpServer};
use hickory_resolver::proto::op::{Message, MessageType, OpCode, Query};
use hickory_resolver::proto::rr::{Name, RecordType};
use ranchette::clock::{Clock, Entropy};
use ranchette::network::board::Board;
use ranchette::network::dns::{Dns, Forward};
use ranchette::network::metadata;
use support::{Report, Target, fleet, median, timed};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

mod support;

const RUNS: usize = 3;
const HOSTS: usize = 10;
const SERVICES: usize = 100;
/// Containers of each service.
const EACH: usize = 3;
/// Questions of a run.
const QUESTIONS: usize = 100_000;
/// Questions under way at once, as many containers ask.
const WINDOW: usize = 32;
/// Metadata asked for in a run, over [`CLIENTS`] connections.
const FACTS: usize = 40_000;
const CLIENTS: usize = 8;
/// An answer that does not come in this time is lost.
const PATIENCE: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (board, environment) = runtime.block_on(async {
        let (core, ids) = fleet::of(&folder.path().join("db"), HOSTS, SERVICES).await;
        let store = core.site.store.clone();
        fleet::scale(&store, &ids, EACH).await;
        fleet::settled(&store).await;
        let service = store.read(|read| read.get(ids[0])).expect("read").expect("a service");
        let environment = service.account_id.expect("an environment");
        let board = Board::default();
        board.refresh(&store, &[environment]).expect("read");
        core.shut_down().await;
        (board, environment)
    });
    let mut report = Report::default();
    let dns = serve_dns(board.clone(), environment);
    let rate = median(support::runs(RUNS), |_| names(dns));
    report.report("DNS answers on one core", rate, "/s", Target::AtLeast(20_000.0));
    let metadata = serve_metadata(board, environment);
    let rate = median(support::runs(RUNS), |_| runtime.block_on(facts(metadata)));
    report.report("metadata answers on one core", rate, "/s", Target::AtLeast(5_000.0));
    report.finish()
}

/// A DNS server on a thread of its own.
fn serve_dns(board: Board, environment: i64) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let address = socket.local_addr().expect("an address");
    socket.set_nonblocking(true).expect("non-blocking");
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let forward = Arc::new(Forward::of_host());
            let handler = Dns { board, environment, entropy: Entropy::System, forward };
            let mut server = hickory_server::Server::new(handler);
            server.register_socket(tokio::net::UdpSocket::from_std(socket).expect("a socket"));
            server.block_until_done().await.expect("serves");
        });
    });
    address
}

/// Questions and answers, [`WINDOW`] at a time; answers a second.
fn names(server: SocketAddr) -> f64 {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    socket.connect(server).expect("connected");
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let questions: Vec<Vec<u8>> = (0..SERVICES).map(question).collect();
    let mut buffer = [0; 1500];
    let mut rest = QUESTIONS;
    let (elapsed, ()) = timed(|| {
        for window in questions.chunks(WINDOW).cycle() {
            if rest == 0 {
                return;
            }
            let window = &window[..window.len().min(rest)];
            for question in window {
                socket.send(question).expect("asked");
            }
            for _ in window {
                let length = socket.recv(&mut buffer).expect("an answer");
                // The lowest four bits of the fourth byte say how it went; two bytes count the answers.
                let found = length > 12 && buffer[3] & 15 == 0 && usize::from(buffer[7]) == EACH;
                assert!(found, "not the addresses: {:?}", &buffer[..length]);
            }
            rest -= window.len();
        }
    });
    QUESTIONS as f64 / elapsed.as_secs_f64()
}

fn question(number: usize) -> Vec<u8> {
    let name = Name::from_ascii(format!("web{number}.scale.rancher.internal.")).expect("a name");
    let id = u16::try_from(number).expect("few");
    let mut message = Message::new(id, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(name, RecordType::A));
    message.to_vec().expect("a question")
}

/// A metadata service with one worker.
fn serve_metadata(board: Board, environment: i64) -> SocketAddr {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async {
            let service = metadata::Service { board, environment, clock: Clock::System };
            let server =
                HttpServer::new(move || App::new().configure(metadata::configure(service.clone())))
                    .workers(1)
                    .bind("127.0.0.1:0")
                    .expect("a port");
            tell.send(server.addrs()[0]).expect("told");
            server.run().await.expect("serves");
        });
    });
    told.recv().expect("an address")
}

/// Facts asked for over several connections; answers a second.
async fn facts(server: SocketAddr) -> f64 {
    let (elapsed, _) = support::timed_async(futures_util::future::join_all(
        (0..CLIENTS).map(|client| ask(server, client)),
    ))
    .await;
    FACTS as f64 / elapsed.as_secs_f64()
}

async fn ask(server: SocketAddr, client: usize) {
    let mut stream = TcpStream::connect(server).await.expect("connected");
    let mut buffer = Vec::new();
    for number in 0..FACTS / CLIENTS {
        let service = (client + number) % SERVICES;
        let (path, wanted) = match number % 3 {
            0 => ("scale", "3"),
            1 => ("name", "web"),
            _ => ("containers/0/primary_ip", "10.42."),
        };
        let request = format!(
            "GET /latest/services/web{service}/{path} HTTP/1.1\r\nHost: rancher-metadata\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.expect("asked");
        buffer.clear();
        while !whole(&buffer) {
            assert!(stream.read_buf(&mut buffer).await.expect("an answer") > 0, "closed");
        }
        let text = String::from_utf8_lossy(&buffer);
        let found = text.starts_with("HTTP/1.1 200") && text.contains(&format!("\r\n\r\n{wanted}"));
        assert!(found, "{path}: {text}");
    }
}

/// Whether an answer has come with as many bytes as it says.
fn whole(answer: &[u8]) -> bool {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.and_then(|text| text.trim().parse().ok()).expect("a length");
    answer.len() >= end + 4 + length
}
