//! Somebody who is told: a server on this machine that answers as it was asked to, and keeps what it heard.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// Longest a test waits for a call: a failure, not a pace.
const DEADLINE: Duration = Duration::from_secs(60);

/// A call: its first line, headers by name in lower case, and body.
#[derive(Clone, Debug)]
pub struct Call {
    pub line: String,
    headers: Vec<(String, String)>,
    pub body: String,
}

impl Call {
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|own| own.0 == name).map_or("", |own| &own.1)
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

/// How a call is answered.
#[derive(Clone, Debug)]
pub enum Says {
    Status(u16),
    /// This status, and when to come again.
    Busy(u16, String),
    /// Sends elsewhere, with this status.
    To(u16, String),
    /// Nothing, for as long as the receiver lives.
    Silence,
}

#[derive(Default)]
struct Heard {
    calls: Mutex<Vec<Call>>,
    next: Mutex<VecDeque<Says>>,
    more: Notify,
    /// Connections that are never answered.
    held: Mutex<Vec<TcpStream>>,
}

pub struct Receiver {
    pub at: SocketAddr,
    heard: Arc<Heard>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Receiver {
    /// One that answers as said, and with 200 when everything was said.
    pub async fn new(says: impl IntoIterator<Item = Says>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let at = listener.local_addr().expect("an address");
        let heard = Arc::new(Heard::default());
        heard.next.lock().expect("answers").extend(says);
        let own = Arc::clone(&heard);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&own)));
            }
        });
        Self { at, heard, task }
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook", self.at)
    }

    pub fn calls(&self) -> Vec<Call> {
        self.heard.calls.lock().expect("calls").clone()
    }

    /// Waits until there were so many calls; all of them.
    pub async fn until(&self, count: usize) -> Vec<Call> {
        let wait = async {
            loop {
                let more = self.heard.more.notified();
                let calls = self.calls();
                if calls.len() >= count {
                    return calls;
                }
                more.await;
            }
        };
        match tokio::time::timeout(DEADLINE, wait).await {
            Ok(calls) => calls,
            Err(_) => panic!("not {count} calls but {:#?}", self.calls()),
        }
    }
}

async fn serve(mut stream: TcpStream, heard: Arc<Heard>) {
    let mut asked = Vec::new();
    let call = loop {
        if let Some(call) = whole(&asked) {
            break call;
        }
        if stream.read_buf(&mut asked).await.unwrap_or(0) == 0 {
            return;
        }
    };
    let says = heard.next.lock().expect("answers").pop_front().unwrap_or(Says::Status(200));
    heard.calls.lock().expect("calls").push(call);
    heard.more.notify_waiters();
    let (status, header) = match says {
        Says::Status(status) => (status, String::new()),
        Says::Busy(status, when) => (status, format!("Retry-After: {when}\r\n")),
        Says::To(status, to) => (status, format!("Location: {to}\r\n")),
        Says::Silence => return heard.held.lock().expect("held").push(stream),
    };
    let answer = format!("HTTP/1.1 {status} So\r\n{header}Content-Length: 4\r\n\r\nso\r\n");
    // Whoever has read the status hangs up.
    let _ = stream.write_all(answer.as_bytes()).await;
}

/// A call, once all of it is there.
fn whole(asked: &[u8]) -> Option<Call> {
    let text = std::str::from_utf8(asked).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let line = lines.next()?.to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let call = Call { line, headers, body: body.to_owned() };
    let length: usize = call.header("content-length").parse().unwrap_or(0);
    (call.body.len() >= length).then_some(call)
}
