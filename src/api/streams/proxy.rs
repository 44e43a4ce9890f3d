//! A container's own pages: HTTP and websockets to one of its ports, with a ticket.
//!
//! The token opens one port of one container, for many requests, until it expires, the caller's session
//! ends or the caller no longer sees the container. Bytes go through as they come: nothing is read from
//! either side before the other has room. What the container answers is somebody else's page under our
//! address, so browsers are told to give it an origin of its own, and neither our cookies and tokens
//! reach it nor its cookies reach us.

mod headers;
mod tls;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use actix_web::body::{BoxBody, SizedStream};
use actix_web::http::StatusCode;
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, HttpResponseBuilder, web};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use http_body_util::{BodyExt as _, Either, Empty, StreamBody};
use hyper::body::Frame;
use hyper::client::conn::http1;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio_util::io::ReaderStream;

use super::line::Guard;
use super::open::{Admitted, Counted, admit, refused, source, told};
use super::tickets::{PROXY_PATH, Purpose, Scheme};
use crate::api::ApiState;
use crate::api::call::Call;
use crate::api::dialect::Version;
use crate::clock::Clock;
use crate::engine::wire::is_of_a_container;
use crate::engine::{Engine, EngineError, Wire};
use crate::error::{Error, Result};
use crate::model::resource::Resource;
use crate::process::instance::engine_ref;
use crate::store::Read;

/// Pieces under way in each direction.
const ROOM: usize = 2;
/// Bytes of an answer that are read ahead, and in one piece, at most.
const AHEAD: usize = 64 * 1024;
/// How long the first word of an answer may take.
const PATIENCE_MS: u64 = 300_000;
/// How long an answer to what a receiver passes on may take.
const POST_MS: u64 = 30_000;
/// How long a container may take to agree on TLS.
const GREETING_MS: u64 = 10_000;

/// Marks a request that came as `HEAD`.
#[derive(Clone, Copy, Debug)]
pub struct OnlyHead;

type Outgoing = Either<Empty<Bytes>, StreamBody<Pieces<Frame<Bytes>>>>;
type Pieces<T> = stream::BoxStream<'static, std::io::Result<T>>;
type Answer = Response<hyper::body::Incoming>;

/// Something on its way to the client. A channel that closes without an end was cut off.
enum Piece {
    Bytes(std::io::Result<Bytes>),
    End,
}

/// Where a container is asked.
pub struct Whereabouts {
    /// Itself, or the container whose network it shares.
    owner: Resource,
    /// The address we gave it; where Docker gives addresses, only the engine knows.
    known: Option<IpAddr>,
}

/// Where a container is asked.
///
/// # Errors
/// 422 when it has no address of its own.
pub fn whereabouts(read: &Read<'_>, container: &Resource) -> Result<Whereabouts> {
    let owner = container.int("networkContainerId").map(|id| read.get(id)).transpose()?.flatten();
    let owner = owner.unwrap_or_else(|| container.clone());
    let network = owner.int("primaryNetworkId").map(|id| read.get(id)).transpose()?.flatten();
    let known = owner.str("primaryIpAddress").and_then(|text| text.parse().ok());
    let nowhere =
        network.is_some_and(|own| matches!(own.kind.as_str(), "dockerHost" | "dockerNone"));
    if nowhere || known.is_some_and(|own| !is_of_a_container(own)) {
        return Err(homeless(container));
    }
    Ok(Whereabouts { owner, known })
}

fn homeless(container: &Resource) -> Error {
    let name = container.display_name();
    Error::code("InvalidState").message(format!(
        "container `{name}` has no address of its own: it has no network, or that of its host"
    ))
}

impl Whereabouts {
    async fn address(self, engine: &dyn Engine, container: &Resource) -> Result<IpAddr> {
        if let Some(known) = self.known {
            return Ok(known);
        }
        let seen = engine.inspect(&engine_ref(&self.owner)).await;
        let seen = seen.map_err(|error| Error::status(503).message(error.to_string()))?;
        let networks = seen.map(|seen| seen.networks).unwrap_or_default();
        let addresses = networks.into_iter().filter_map(|own| own.ip?.parse().ok());
        let mut fit = addresses.filter(|own: &IpAddr| is_of_a_container(*own));
        fit.next().ok_or_else(|| homeless(container))
    }
}

/// Any method of a path below [`PROXY_PATH`], with `?token=` or `Authorization: Bearer`.
pub async fn proxy(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<ApiState>,
) -> HttpResponse {
    let outcome = carry(&request, payload, &state).await;
    told(&request, &state, outcome)
}

async fn carry(
    request: &HttpRequest,
    payload: web::Payload,
    state: &web::Data<ApiState>,
) -> Result<HttpResponse> {
    let Admitted { mut guard, purpose, row } = admit(request, state).await?;
    let Purpose::Proxy { port, scheme, .. } = purpose else { return Err(refused()) };
    let name = row.display_name();
    if row.state != "running" {
        let message = format!("container `{name}` is {}; nobody answers in it", row.state);
        return Err(Error::status(503).message(message));
    }
    let whereabouts = state.store.read(|read| whereabouts(read, &row))?;
    let engine = source(state, &purpose, &row)?.ok_or_else(refused)?;
    let address = whereabouts.address(engine.as_ref(), &row).await?;
    let (container, at) = (engine_ref(&row), (address, port).into());
    let target = Target { engine, container, at, scheme, name };
    let (wanted, rest) = outgoing(request, payload, state, target.at)?;
    let asked = async {
        tokio::select! {
            answer = target.ask(&state.clock, wanted) => answer,
            () = state.clock.sleep_ms(PATIENCE_MS) => Err(target.silent("no answer in 5 minutes")),
        }
    };
    let answer = tokio::select! {
        answer = asked => answer?,
        () = guard.over() => return Err(refused()),
    };
    match (answer.status().as_u16(), rest) {
        (101, Some(payload)) => switched(state, answer, payload, guard, &target).await,
        (101, None) => Err(target.silent("it changes to another protocol unasked")),
        _ => Ok(answered(answer, guard)),
    }
}

/// Posts JSON to a port of a container and returns the status of the answer.
///
/// # Errors
/// When the container has no address of its own or gives no answer.
pub async fn post(
    state: &web::Data<ApiState>,
    row: &Resource,
    port: u16,
    path: &str,
    bytes: &[u8],
) -> Result<u16> {
    let whereabouts = state.store.read(|read| whereabouts(read, row))?;
    let purpose = Purpose::Proxy { container: row.id, port, scheme: Scheme::Http };
    let engine = source(state, &purpose, row)?.ok_or_else(refused)?;
    let address = whereabouts.address(engine.as_ref(), row).await?;
    let at: SocketAddr = (address, port).into();
    let (container, name) = (engine_ref(row), row.display_name());
    let target = Target { engine, container, at, scheme: Scheme::Http, name };
    let body = Bytes::copy_from_slice(bytes);
    let piece = stream::iter([Ok(Frame::data(body))]).boxed();
    let wanted = Request::post(path)
        .header("host", at.to_string())
        .header("content-type", "application/json")
        .header("content-length", bytes.len())
        .body(Either::Right(StreamBody::new(piece)));
    let wanted = wanted.map_err(|error| Error::status(400).message(error.to_string()))?;
    tokio::select! {
        answer = target.ask(&state.clock, wanted) => Ok(answer?.status().as_u16()),
        () = state.clock.sleep_ms(POST_MS) => Err(target.silent("no answer in 30 seconds")),
    }
}

/// A port of a container.
struct Target {
    engine: Arc<dyn Engine>,
    container: String,
    at: SocketAddr,
    scheme: Scheme,
    name: String,
}

impl Target {
    fn silent(&self, why: &str) -> Error {
        let (name, port) = (&self.name, self.at.port());
        let message = format!("container `{name}` gives no answer at port {port}: {why}");
        Error::status(503).message(message)
    }

    async fn ask(&self, clock: &Clock, wanted: Request<Outgoing>) -> Result<Answer> {
        let dialed = self.engine.dial(&self.container, self.at).await;
        let wire: Wire = dialed.map_err(|error| {
            if let EngineError::PortClosed { detail, .. } = &error {
                return self.silent(detail);
            }
            self.silent(&error.to_string())
        })?;
        let wire = match self.scheme {
            Scheme::Http => wire,
            Scheme::Https => tokio::select! {
                secured = tls::secured(wire, self.at.ip()) => secured
                    .map_err(|error| self.silent(&format!("it does not speak TLS: {error}")))?,
                () = clock.sleep_ms(GREETING_MS) => {
                    return Err(self.silent("it does not answer to TLS"));
                }
            },
        };
        converse(wire, wanted).await.map_err(|error| self.silent(&error.to_string()))
    }
}

/// One request and its answer, of which little is read before somebody wants it.
async fn converse(wire: Wire, wanted: Request<Outgoing>) -> hyper::Result<Answer> {
    let mut builder = http1::Builder::new();
    builder.max_buf_size(AHEAD);
    let (mut sender, connection) = builder.handshake(TokioIo::new(wire)).await?;
    // It ends with the answer, or with whoever reads it.
    tokio::spawn(connection.with_upgrades());
    sender.send_request(wanted).await
}

/// The request as the container gets it, and what is left of a client that changes to a websocket.
fn outgoing(
    request: &HttpRequest,
    payload: web::Payload,
    state: &ApiState,
    at: SocketAddr,
) -> Result<(Request<Outgoing>, Option<web::Payload>)> {
    let call = Call::new(state, request, Version::V1, "");
    let given = request.headers();
    let pairs: Vec<_> =
        given.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let is_socket = headers::is_websocket(&pairs);
    let head = request.extensions().get::<OnlyHead>().is_some();
    let mut builder = Request::builder()
        .method(if head { "HEAD" } else { request.method().as_str() })
        .uri(headers::target(request.uri().path(), request.query_string(), PROXY_PATH))
        .header("host", at.to_string());
    for (name, value) in headers::to_container(&pairs) {
        builder = builder.header(name, value);
    }
    for (name, value) in headers::forwarded(&call.origin, call.facts.client_ip) {
        builder = builder.header(name, value);
    }
    if is_socket {
        builder = builder.header("connection", "upgrade").header("upgrade", "websocket");
    }
    let length = given.get("content-length").is_some_and(|length| length.as_bytes() != b"0");
    let chunked = given.contains_key("transfer-encoding");
    if chunked {
        builder = builder.header("transfer-encoding", "chunked");
    }
    let (body, rest) = match (is_socket, length || chunked) {
        (true, _) => (Either::Left(Empty::new()), Some(payload)),
        (false, true) => (Either::Right(StreamBody::new(sent(payload))), None),
        (false, false) => (Either::Left(Empty::new()), None),
    };
    let wanted = builder.body(body);
    let wanted = wanted.map_err(|error| Error::status(400).message(error.to_string()))?;
    Ok((wanted, rest))
}

/// The client's body, piece by piece.
fn sent(mut payload: web::Payload) -> Pieces<Frame<Bytes>> {
    let (to, from) = mpsc::channel(ROOM);
    // The server's requests stay on their thread, the engine's connections do not.
    actix_web::rt::spawn(async move {
        while let Some(piece) = payload.next().await {
            let piece = piece.map_err(|error| std::io::Error::other(error.to_string()));
            let broken = piece.is_err();
            if to.send(piece.map(Frame::data)).await.is_err() || broken {
                return;
            }
        }
    });
    stream::unfold(from, |mut from| async move { Some((from.recv().await?, from)) }).boxed()
}

/// The container's answer.
fn answered(answer: Answer, mut guard: Guard) -> HttpResponse {
    let (parts, body) = answer.into_parts();
    let status = StatusCode::from_u16(parts.status.as_u16()).unwrap_or(StatusCode::BAD_GATEWAY);
    let mut builder = HttpResponse::build(status);
    pass_headers(&mut builder, &parts.headers);
    if matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
        return builder.finish();
    }
    let length =
        parts.headers.get("content-length").and_then(|text| text.to_str().ok()?.parse().ok());
    let (to, pieces) = channel();
    actix_web::rt::spawn(async move {
        tokio::select! {
            () = pass(body.into_data_stream().map_err(std::io::Error::other), &to) => {}
            () = guard.over() => return,
            () = to.closed() => return,
        }
        // A client that is gone needs no end.
        let _ = to.send(Piece::End).await;
    });
    match length {
        Some(length) => builder.body(SizedStream::new(length, pieces)),
        None => builder.streaming(pieces),
    }
}

fn pass_headers(builder: &mut HttpResponseBuilder, given: &hyper::HeaderMap) {
    let pairs: Vec<_> =
        given.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    for (name, value) in headers::to_client(&pairs) {
        builder.append_header((name, value));
    }
}

/// A websocket, whose bytes are carried both ways until one of three ends it.
async fn switched(
    state: &web::Data<ApiState>,
    mut answer: Answer,
    payload: web::Payload,
    mut guard: Guard,
    target: &Target,
) -> Result<HttpResponse> {
    let upgraded = hyper::upgrade::on(&mut answer).await;
    let upgraded = upgraded.map_err(|error| target.silent(&error.to_string()))?;
    let mut builder = HttpResponse::build(StatusCode::SWITCHING_PROTOCOLS);
    pass_headers(&mut builder, answer.headers());
    let (to, pieces) = channel();
    let state = state.clone();
    actix_web::rt::spawn(async move {
        let _open = Counted::new(&state);
        let (read, write) = tokio::io::split(TokioIo::new(upgraded));
        tokio::select! {
            () = pass(ReaderStream::new(read), &to) => {}
            () = feed(payload, write) => {}
            () = guard.over() => return,
            () = to.closed() => return,
        }
        let _ = to.send(Piece::End).await;
    });
    let body = actix_web::body::BodyStream::new(pieces);
    Ok(builder.upgrade("websocket").body(BoxBody::new(body)))
}

/// A way to the client. It breaks, rather than ends, when it is dropped early.
fn channel() -> (mpsc::Sender<Piece>, Pieces<Bytes>) {
    let (to, from) = mpsc::channel(ROOM);
    let pieces = stream::unfold(Some(from), |from| async move {
        let mut from = from?;
        match from.recv().await {
            Some(Piece::Bytes(piece)) => Some((piece, Some(from))),
            Some(Piece::End) => None,
            None => Some((Err(std::io::Error::other("the session ended")), None)),
        }
    });
    (to, pieces.boxed())
}

/// Takes a piece only when the one before has found room.
async fn pass(
    mut from: impl Stream<Item = std::io::Result<Bytes>> + Unpin,
    to: &mpsc::Sender<Piece>,
) {
    while let Some(piece) = from.next().await {
        if to.send(Piece::Bytes(piece)).await.is_err() {
            return;
        }
    }
}

/// From the client to the container, until either is gone.
async fn feed(mut payload: web::Payload, mut to: impl AsyncWrite + Unpin) {
    while let Some(Ok(piece)) = payload.next().await {
        if to.write_all(&piece).await.is_err() || to.flush().await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use actix_web::body::MessageBody as _;
    use tokio::io::AsyncReadExt as _;

    use super::*;
    use crate::api::streams::testing::{Installation, settle};

    /// A container that answers without end, and counts what it got rid of.
    async fn endless(mut wire: tokio::io::DuplexStream, written: Arc<AtomicUsize>) {
        let mut asked = [0; 1024];
        assert!(wire.read(&mut asked).await.expect("a request") > 0);
        let head: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n";
        wire.write_all(head).await.expect("a head");
        while wire.write_all(&[7; 4096]).await.is_ok() {
            written.fetch_add(4096, Ordering::Relaxed);
        }
    }

    #[actix_web::test]
    async fn a_client_that_does_not_read_a_page_costs_little() {
        let installation = Installation::new().await;
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let written = Arc::new(AtomicUsize::new(0));
        let container = tokio::spawn(endless(theirs, Arc::clone(&written)));
        let wanted = Request::builder().uri("/").header("host", "box");
        let wanted = wanted.body(Either::Left(Empty::new())).expect("a request");
        let answer = converse(Box::pin(ours), wanted).await.expect("an answer");
        let mut body = Box::pin(answered(answer, installation.guard()).into_body());
        settle().await;
        let held = written.load(Ordering::Relaxed);
        assert!((1..1 << 19).contains(&held), "{held} bytes are held");
        // What is read makes room for as much.
        let mut read = 0;
        while read < 1 << 22 {
            let piece = std::future::poll_fn(|cx| body.as_mut().poll_next(cx)).await;
            read += piece.expect("more").expect("bytes").len();
        }
        settle().await;
        let held = written.load(Ordering::Relaxed).saturating_sub(read);
        assert!(held < 1 << 19, "{held} bytes are held");
        drop(body);
        container.await.expect("it hears that nobody reads");
    }
}
