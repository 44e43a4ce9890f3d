//! The websocket of a command: base64 both ways, apart for output and errors, and the exit code at the
//! end.

use std::io::{self, Read as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::super::Result;
use super::super::client::Socket;
use super::super::failure::{Exit, Failure};
use super::super::output::Output;
use super::super::terminal;

/// Bytes that are read at once.
const PIECE: usize = 16 << 10;
/// Pieces between the standard streams and the network.
const PIECES: usize = 8;

/// How a command is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// It reads standard input.
    pub input: bool,
    /// It has a terminal.
    pub tty: bool,
}

/// What a command wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Out(Vec<u8>),
    Err(Vec<u8>),
}

/// Runs until the command ends; its exit code.
pub async fn run(socket: Socket, out: &Output, shape: Shape) -> Result<Exit> {
    let (sink, stream) = socket.split();
    let (write, mut written) = mpsc::channel(PIECES);
    let printer = out.clone();
    // Whoever reads our output may be slow, and must not keep us from reading our input.
    let writer = tokio::task::spawn_blocking(move || {
        while let Some(piece) = written.blocking_recv() {
            match piece {
                Piece::Out(bytes) => printer.bytes(&bytes),
                Piece::Err(bytes) => printer.bytes_err(&bytes),
            }
        }
    });
    let ended = tokio::select! {
        ended = receive(stream, write) => ended,
        never = send(sink, shape) => match never? {},
        failure = told_to_end() => Err(failure),
    };
    writer.await.map_err(|error| Failure::new(format!("cannot write: {error}")))?;
    ended
}

/// What the command writes, and how it ends.
async fn receive(mut stream: SplitStream<Socket>, write: mpsc::Sender<Piece>) -> Result<Exit> {
    while let Some(message) = stream.next().await {
        match message {
            Ok(Message::Text(frame)) => {
                if let Some(piece) = piece(&frame) {
                    // The writer goes away only with us.
                    let _ = write.send(piece).await;
                }
            }
            Ok(Message::Close(frame)) => return ending(frame.as_ref()),
            Ok(Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => {}
            Err(error) => {
                return Err(Failure::new(format!("the connection to the command broke: {error}")));
            }
        }
    }
    ending(None)
}

/// Standard input and the size of the terminal, for as long as the command runs.
async fn send(
    mut sink: SplitSink<Socket, Message>,
    shape: Shape,
) -> Result<std::convert::Infallible> {
    let (to, mut keys) = mpsc::channel(PIECES);
    match shape.input {
        true => drop(tokio::task::spawn_blocking(move || read(&to))),
        false => drop(to),
    }
    let mut sizes = signal(SignalKind::window_change())
        .map_err(|error| Failure::new(format!("cannot watch the terminal: {error}")))?;
    let mut reads = shape.input;
    let mut frame = size(shape);
    loop {
        if let Some(frame) = frame.take() {
            // When nobody listens any more, the end of the other direction says why.
            let _ = sink.send(Message::text(frame)).await;
        }
        tokio::select! {
            bytes = keys.recv(), if reads => match bytes {
                Some(bytes) => frame = Some(STANDARD.encode(bytes)),
                None => {
                    reads = false;
                    frame = Some(":endOfInput:".to_owned());
                }
            },
            _ = sizes.recv() => frame = size(shape),
        }
    }
}

/// The frame that tells how large the terminal is.
fn size(shape: Shape) -> Option<String> {
    let (columns, rows) = terminal::size().filter(|_| shape.tty)?;
    Some(format!(":resizeTTY:{columns},{rows}"))
}

/// Reads standard input until it ends, or nobody wants it any more.
fn read(to: &mpsc::Sender<Vec<u8>>) {
    let mut piece = vec![0; PIECE];
    let mut stdin = io::stdin().lock();
    loop {
        match stdin.read(&mut piece) {
            Ok(0) => return,
            Ok(count) => {
                let bytes = piece.get(..count).unwrap_or_default().to_vec();
                if to.blocking_send(bytes).is_err() {
                    return;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

/// The terminal is put right again before the program ends.
async fn told_to_end() -> Failure {
    let failure = |what: &str| Failure::new(format!("{what}; the command may go on"));
    let signals = (signal(SignalKind::terminate()), signal(SignalKind::hangup()));
    let (Ok(mut terminate), Ok(mut hangup)) = signals else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => failure("terminated"),
        _ = hangup.recv() => failure("the terminal is gone"),
    }
}

/// What a frame brings; a server that does not tell output and errors apart sends base64 alone.
fn piece(frame: &str) -> Option<Piece> {
    let (mark, text) = frame.split_once(' ').unwrap_or(("1", frame));
    let bytes = STANDARD.decode(text).ok()?;
    match mark {
        "2" => Some(Piece::Err(bytes)),
        _ => Some(Piece::Out(bytes)),
    }
}

/// How the command ended: `exit 3` in the close frame.
fn ending(frame: Option<&CloseFrame>) -> Result<Exit> {
    let Some(frame) = frame else {
        return Err(Failure::new("the connection to the command broke"));
    };
    let reason = frame.reason.as_str();
    if frame.code != CloseCode::Normal {
        let why =
            if reason.is_empty() { "the command ended in a way nobody knows" } else { reason };
        return Err(Failure::new(why));
    }
    match reason.strip_prefix("exit ").map(str::parse::<i64>) {
        Some(Ok(code)) => Ok(Exit::Passed(u8::try_from(code).unwrap_or(u8::MAX))),
        Some(Err(_)) | None => Err(Failure::new("the server does not tell how the command ended")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_output_or_errors() {
        let check = |frame: &str, expect| assert_eq!(piece(frame), expect, "of {frame}");
        check("1 aGkK", Some(Piece::Out(b"hi\n".to_vec())));
        check("2 /wA=", Some(Piece::Err(vec![0xff, 0])));
        check("aGkK", Some(Piece::Out(b"hi\n".to_vec())));
        check("1 ???", None);
    }

    #[test]
    fn the_end_is_an_exit_code_or_a_reason() {
        let check = |frame: Option<(CloseCode, &str)>, expect: std::result::Result<u8, &str>| {
            let frame = frame.map(|(code, reason)| CloseFrame { code, reason: reason.into() });
            let found = ending(frame.as_ref()).map(Exit::code).map_err(|failure| failure.message);
            assert_eq!(found.as_ref().copied().map_err(|why| why.as_str()), expect);
        };
        check(Some((CloseCode::Normal, "exit 0")), Ok(0));
        check(Some((CloseCode::Normal, "exit 137")), Ok(137));
        check(Some((CloseCode::Normal, "exit -1")), Ok(255));
        check(Some((CloseCode::Normal, "")), Err("the server does not tell how the command ended"));
        check(Some((CloseCode::Error, "it stopped")), Err("it stopped"));
        check(Some((CloseCode::Policy, "")), Err("the command ended in a way nobody knows"));
        check(None, Err("the connection to the command broke"));
    }
}
