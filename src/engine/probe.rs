//! Whether a container answers: a TCP connection, or an HTTP request over one.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A question to a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Where it ought to listen.
    pub address: SocketAddr,
    /// What is asked over HTTP; `None` if a connection is enough.
    pub request: Option<RequestLine>,
    /// How long the answer may take, in milliseconds.
    pub timeout_ms: u64,
}

/// The first line of an HTTP request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestLine {
    method: String,
    path: String,
    version: String,
}

impl RequestLine {
    /// Reads `GET "/path" "HTTP/1.0"` as Rancher writes it; quotes and version may be missing.
    ///
    /// `None` for an empty line, and for one that could break out of its place in the request.
    pub fn parse(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.split_whitespace().map(|word| word.trim_matches('"')).collect();
        let (method, path, version) = match words.as_slice() {
            [method, path] => (*method, *path, "HTTP/1.0"),
            [method, path, version, ..] => (*method, *path, *version),
            _ => return None,
        };
        let is_word =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        let is_method = method.bytes().all(|byte| byte.is_ascii_alphabetic());
        if !is_method || ![method, path, version].into_iter().all(is_word) {
            return None;
        }
        Some(Self {
            method: method.to_ascii_uppercase(),
            path: path.to_owned(),
            version: version.to_owned(),
        })
    }
}

/// Asks, straight from this machine.
///
/// # Errors
/// Why the container counts as down, for people.
pub async fn ask(probe: &Probe) -> Result<(), String> {
    let limit = Duration::from_millis(probe.timeout_ms);
    match tokio::time::timeout(limit, exchange(probe)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(format!("{} did not answer within {} ms", probe.address, probe.timeout_ms)),
    }
}

async fn exchange(probe: &Probe) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", probe.address);
    let mut stream = TcpStream::connect(probe.address).await.map_err(failed)?;
    let Some(line) = &probe.request else { return Ok(()) };
    let request = format!(
        "{} {} {}\r\nHost: {}\r\nUser-Agent: ranchette\r\nConnection: close\r\n\r\n",
        line.method, line.path, line.version, probe.address
    );
    stream.write_all(request.as_bytes()).await.map_err(failed)?;
    let status = status(&mut stream).await.map_err(failed)?;
    match status {
        Some(200..=399) => Ok(()),
        Some(other) => Err(format!("{} answered {other} to {}", probe.address, line.path)),
        None => Err(format!("{} does not answer in HTTP", probe.address)),
    }
}

/// The status code of an HTTP answer: `HTTP/1.1 200 OK`.
async fn status(stream: &mut TcpStream) -> std::io::Result<Option<u16>> {
    let mut head = [0; 12];
    let mut read = 0;
    while let Some(rest) = head.get_mut(read..).filter(|rest| !rest.is_empty()) {
        match stream.read(rest).await? {
            0 => break,
            more => read += more,
        }
    }
    let text = String::from_utf8_lossy(&head);
    let code = text.strip_prefix("HTTP/").and_then(|rest| rest.split_once(' '));
    Ok(code.and_then(|(_, code)| code.trim().parse().ok()))
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn request_lines() {
        for (line, expect) in [
            ("", None),
            ("GET", None),
            ("GET /", Some("GET / HTTP/1.0")),
            ("GET \"/ok\" \"HTTP/1.1\"", Some("GET /ok HTTP/1.1")),
            ("head /x?y=1 HTTP/1.0", Some("HEAD /x?y=1 HTTP/1.0")),
            ("G:T /", None),
            ("GET /\u{e9}", None),
        ] {
            let found = RequestLine::parse(line);
            let found = found.map(|own| format!("{} {} {}", own.method, own.path, own.version));
            assert_eq!(found.as_deref(), expect, "{line}");
        }
    }

    /// What a server that answers with `answer` is to a check.
    async fn outcome(answer: &'static str, request: Option<&str>) -> Result<(), String> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 256];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        });
        let request = request.and_then(RequestLine::parse);
        let outcome = ask(&Probe { address, request, timeout_ms: 5000 }).await;
        server.abort();
        outcome.map_err(|message| message.replace(&address.to_string(), "it"))
    }

    #[tokio::test]
    async fn answers_decide() {
        for (answer, request, expect) in [
            ("", None, Ok(())),
            ("HTTP/1.1 204 No Content\r\n\r\n", Some("GET /"), Ok(())),
            ("HTTP/1.0 302 Found\r\n\r\n", Some("GET /"), Ok(())),
            ("HTTP/1.1 503 Busy\r\n\r\n", Some("GET /up"), Err("it answered 503 to /up")),
            ("hello there, who is it?", Some("GET /"), Err("it does not answer in HTTP")),
            ("", Some("GET /"), Err("it does not answer in HTTP")),
        ] {
            let found = outcome(answer, request).await;
            assert_eq!(found, expect.map_err(str::to_owned), "{answer}");
        }
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let probe = Probe { address: closed, request: None, timeout_ms: 5000 };
        assert!(ask(&probe).await.is_err());
    }
}
