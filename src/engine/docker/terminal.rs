//! The raw stream of a command with a terminal.
//!
//! The client library decodes every attached stream as if it were multiplexed, and takes a terminal's
//! output for a frame header as soon as a read begins with a byte below 3; `cat` of a binary file
//! would hang the terminal. So the upgrade is done here by hand: one request, one answer, then bytes.

use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, BoxStream, StreamExt};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio_util::io::ReaderStream;

use super::connect::{Connection, away_by_io};
use super::failure::{Subject, classify};
use super::ssh::Lane;
use crate::engine::{Away, Chunk, EngineError, Output, Wire};

/// More than any engine's answer has before its body.
const HEAD_LIMIT: usize = 16 * 1024;

const END_OF_HEAD: &[u8] = b"\r\n\r\n";

type Reader = BoxStream<'static, Result<Chunk, EngineError>>;
type Writer = Pin<Box<dyn AsyncWrite + Send>>;

impl Connection {
    /// Starts an exec that was created with a terminal, and attaches to it.
    pub(super) async fn start_terminal(
        &self,
        container: &str,
        exec: &str,
        api: &str,
    ) -> Result<(Reader, Writer), EngineError> {
        let lost = |err: std::io::Error| self.unavailable(away_by_io(&err));
        let body = r#"{"Detach":false,"Tty":true}"#;
        let request = format!(
            "POST /v{api}/exec/{exec}/start HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\n\
             Upgrade: tcp\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut stream = self.open().await?;
        stream.write_all(request.as_bytes()).await.map_err(lost)?;
        let (head, rest) = read_head(&mut stream).await.map_err(lost)?;
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(500);
        // Older engines answer 200 and switch all the same.
        if !matches!(status, 101 | 200) {
            let document: Value = serde_json::from_slice(&rest).unwrap_or_default();
            let message = document["message"].as_str().unwrap_or("docker did not attach");
            return Err(classify(Subject::Container(container), status, message));
        }
        let (read, write) = tokio::io::split(stream);
        let endpoint = self.unavailable(Away::Lost("the terminal's connection broke".to_owned()));
        let pieces = stream::once(std::future::ready(Ok(rest))).chain(ReaderStream::new(read));
        let output = pieces
            .filter(|piece| std::future::ready(!matches!(piece, Ok(bytes) if bytes.is_empty())))
            .map(move |piece| match piece {
                Ok(bytes) => Ok(Chunk { stream: Output::Tty, bytes }),
                Err(_) => Err(endpoint.clone()),
            });
        Ok((output.boxed(), Box::pin(write)))
    }

    async fn open(&self) -> Result<Wire, EngineError> {
        let lost = |err: std::io::Error| self.unavailable(away_by_io(&err));
        if let Some(machine) = self.machine() {
            let dialed = machine.dial(Lane::Own).await;
            return Ok(Box::pin(dialed.map_err(|err| self.unavailable(err.away()))?));
        }
        if let Some(path) = self.endpoint().strip_prefix("unix://") {
            return Ok(Box::pin(UnixStream::connect(path).await.map_err(lost)?));
        }
        let address = self.endpoint().strip_prefix("tcp://").unwrap_or(self.endpoint());
        Ok(Box::pin(TcpStream::connect(address).await.map_err(lost)?))
    }
}

/// The head of the answer, and what came after it in the same read.
async fn read_head(stream: &mut Wire) -> std::io::Result<(String, Bytes)> {
    let mut seen = BytesMut::new();
    loop {
        if let Some(at) = seen.windows(END_OF_HEAD.len()).position(|four| four == END_OF_HEAD) {
            let head = seen.split_to(at + END_OF_HEAD.len());
            return Ok((String::from_utf8_lossy(&head).into_owned(), seen.freeze()));
        }
        if seen.len() > HEAD_LIMIT || stream.read_buf(&mut seen).await? == 0 {
            let kind = std::io::ErrorKind::UnexpectedEof;
            return Err(std::io::Error::new(kind, "docker's answer broke off"));
        }
    }
}
