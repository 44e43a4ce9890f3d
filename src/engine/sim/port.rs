//! A port of a simulated server: it answers every HTTP request with what it was asked, and says every
//! message of a websocket back.

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::engine::wire::Wire;

/// Bytes under way in each direction.
const ROOM: usize = 16 * 1024;
/// More than the head of any request.
const HEAD_LIMIT: usize = 64 * 1024;

/// A connection to a server that has just accepted it.
pub(super) fn open() -> Wire {
    let (ours, theirs) = tokio::io::duplex(ROOM);
    tokio::spawn(async move {
        // A client that goes away ends the connection, which is all there is to say of it.
        let _ = serve(theirs).await;
    });
    Box::pin(ours)
}

async fn serve(mut stream: DuplexStream) -> std::io::Result<()> {
    let mut seen = Vec::new();
    let Some(end) = head(&mut stream, &mut seen).await? else {
        return stream.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n").await;
    };
    let mut body = seen.split_off(end);
    let head = String::from_utf8_lossy(&seen).into_owned();
    if let Some(key) = field(&head, "sec-websocket-key") {
        return echo(stream, key).await;
    }
    let length = field(&head, "content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    while body.len() < length {
        if stream.read_buf(&mut body).await? == 0 {
            return Ok(());
        }
    }
    let answer = [head.as_bytes(), &body].concat();
    let start = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nSet-Cookie: sim=1\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n",
        answer.len()
    );
    stream.write_all(start.as_bytes()).await?;
    if !head.starts_with("HEAD ") {
        stream.write_all(&answer).await?;
    }
    stream.shutdown().await
}

/// Reads up to the empty line; where the body begins, or nothing when there is no such line or this is no
/// HTTP.
async fn head(stream: &mut DuplexStream, seen: &mut Vec<u8>) -> std::io::Result<Option<usize>> {
    loop {
        if let Some(at) = seen.windows(4).position(|four| four == b"\r\n\r\n") {
            return Ok(Some(at + 4));
        }
        let strange = seen.first().is_some_and(|byte| !byte.is_ascii_uppercase());
        if strange || seen.len() > HEAD_LIMIT || stream.read_buf(seen).await? == 0 {
            return Ok(None);
        }
    }
}

fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(own, _)| own.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
}

async fn echo(mut stream: DuplexStream, key: &str) -> std::io::Result<()> {
    let start = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\n\r\n",
        derive_accept_key(key.as_bytes())
    );
    stream.write_all(start.as_bytes()).await?;
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
    while let Some(Ok(message)) = socket.next().await {
        if (message.is_text() || message.is_binary()) && socket.send(message).await.is_err() {
            break;
        }
    }
    Ok(())
}
