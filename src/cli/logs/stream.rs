//! One container's log: the websocket that the action `logs` opens, and the lines in its frames.

use futures_util::StreamExt as _;
use serde_json::json;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;

use super::super::Result;
use super::super::client::Client;
use super::super::view::Container;

/// Where a container printed a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output, or a terminal.
    Out,
    /// Standard error.
    Err,
}

impl Stream {
    /// As `--json` shows it.
    pub fn name(self) -> &'static str {
        match self {
            Stream::Out => "stdout",
            Stream::Err => "stderr",
        }
    }
}

/// One line of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Where it was printed.
    pub stream: Stream,
    /// When, as Docker writes it.
    pub time: Option<String>,
    /// The line.
    pub text: String,
}

/// What a reader hands on.
#[derive(Clone, Debug)]
pub enum Pipe {
    /// A line of a container.
    Line(String, Line),
    /// Nothing more comes from this container, perhaps for a reason.
    End(String, Option<String>),
}

/// Whether a log goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follow {
    /// Until the container ends.
    Yes,
    /// What there is.
    No,
}

/// Which part of a log is wanted.
#[derive(Clone, Debug)]
pub struct Wish {
    /// Lines to begin with.
    pub lines: u32,
    /// Whether it goes on.
    pub follow: Follow,
    /// Only what was printed since then, as the API takes it: Unix seconds, a time, or how long ago.
    pub since: Option<String>,
}

/// Reads one log and hands its lines on.
pub async fn read(client: Client, container: Container, wish: Wish, to: mpsc::Sender<Pipe>) {
    let why = match pass_on(&client, &container, wish, &to).await {
        Ok(()) => None,
        Err(failure) => Some(failure.message),
    };
    // The receiver goes away when the program ends.
    let _ = to.send(Pipe::End(container.name, why)).await;
}

async fn pass_on(
    client: &Client,
    container: &Container,
    wish: Wish,
    to: &mpsc::Sender<Pipe>,
) -> Result<()> {
    let path = client.scoped(&format!("containers/{}", container.id));
    let mut input = json!({
        "follow": wish.follow == Follow::Yes, "lines": wish.lines, "timestamps": true,
    });
    if let Some(since) = wish.since {
        input["since"] = since.into();
    }
    let access = client.act(&path, "logs", &input).await?;
    let mut socket = client.open(&access).await?;
    while let Some(message) = socket.next().await {
        let message = match message {
            Ok(message) => message,
            // A server that ends the stream without a close frame has said everything, too.
            Err(_) => break,
        };
        match message {
            Message::Text(frame) => {
                for line in lines(&frame) {
                    if to.send(Pipe::Line(container.name.clone(), line)).await.is_err() {
                        return Ok(());
                    }
                }
            }
            Message::Close(_) => break,
            Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
        }
    }
    Ok(())
}

/// The lines of a frame: two digits, a space, and text. `01` is standard output, `02` standard
/// error, `00` a terminal.
fn lines(frame: &str) -> Vec<Line> {
    let (kind, text) = match frame.split_once(' ') {
        Some((kind, text)) if matches!(kind, "00" | "01" | "02") => (kind, text),
        _ => ("01", frame),
    };
    let stream = if kind == "02" { Stream::Err } else { Stream::Out };
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.split('\n')
        .map(|line| {
            let line = line.strip_suffix('\r').unwrap_or(line);
            let (time, text) = match line.split_once(' ') {
                Some((time, text)) if is_time(time) => (Some(time), text),
                None if is_time(line) => (Some(line), ""),
                _ => (None, line),
            };
            Line { stream, time: time.map(str::to_owned), text: text.to_owned() }
        })
        .collect()
}

/// Whether a word is a time as Docker writes it: `2024-05-01T10:11:12.123456789Z`.
fn is_time(word: &str) -> bool {
    let shape = b"dddd-dd-ddTdd:dd:dd";
    let fits = |(shape, byte): (&u8, &u8)| match shape {
        b'd' => byte.is_ascii_digit(),
        other => byte == other,
    };
    let ends = word.ends_with('Z') || word.get(19..).is_some_and(|rest| rest.contains(['+', '-']));
    word.len() > shape.len() && ends && shape.iter().zip(word.as_bytes()).all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_lines() {
        let check = |frame: &str, expect: &[(Stream, Option<&str>, &str)]| {
            let found = lines(frame);
            let found: Vec<_> =
                found.iter().map(|one| (one.stream, one.time.as_deref(), &*one.text)).collect();
            assert_eq!(found, expect, "of {frame:?}");
        };
        let time = "2024-05-01T10:11:12.123456789Z";
        check(&format!("01 {time} hello  world\n"), &[(Stream::Out, Some(time), "hello  world")]);
        check(&format!("02 {time} "), &[(Stream::Err, Some(time), "")]);
        check(&format!("02 {time}"), &[(Stream::Err, Some(time), "")]);
        check("00 plain\r\nmore\r\n", &[(Stream::Out, None, "plain"), (Stream::Out, None, "more")]);
        check("01 ", &[(Stream::Out, None, "")]);
        check("no frame", &[(Stream::Out, None, "no frame")]);
        check("01 2024-05-01 10:11:12 x", &[(Stream::Out, None, "2024-05-01 10:11:12 x")]);
    }
}
