//! What is called and what is not, against servers on this machine.

use std::net::SocketAddr;
use std::sync::Mutex;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

/// A server that answers every request alike, and what it was asked.
struct Server {
    at: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn new(answer: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let at = listener.local_addr().expect("an address");
        let heard = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&heard);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut asked = Vec::new();
                while !whole(&asked) && stream.read_buf(&mut asked).await.is_ok_and(|read| read > 0)
                {
                }
                told.lock().expect("heard").push(String::from_utf8_lossy(&asked).into_owned());
                // Whoever has heard enough hangs up.
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        Self { at, heard }
    }

    async fn page(status: &str, headers: &str, body: &str) -> Self {
        let length = body.len();
        Self::new(format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\n\r\n{body}"))
            .await
    }

    async fn redirect(status: &str, to: &str) -> Self {
        Self::page(status, &format!("Location: {to}\r\n"), "").await
    }

    fn url(&self) -> String {
        format!("http://{}/secret-path?secret=query", self.at)
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().expect("heard").clone()
    }
}

/// Whether a request is there with its body.
fn whole(asked: &[u8]) -> bool {
    let text = String::from_utf8_lossy(asked).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.map_or(0, |length| length.trim().parse().expect("a length"))
}

/// A client that knows some names.
fn client(names: &'static [(&'static str, &'static str)]) -> Client {
    let lookup: Lookup = Arc::new(move |name, port| {
        let found: Vec<SocketAddr> = names
            .iter()
            .filter(|(own, _)| *own == name)
            .map(|(_, address)| SocketAddr::new(address.parse().expect("an address"), port))
            .collect();
        // Decimal and octal addresses are for whoever looks up names.
        let found = async move {
            if found.is_empty() {
                Ok(tokio::net::lookup_host((name, port)).await?.collect())
            } else {
                Ok(found)
            }
        };
        Box::pin(found)
    });
    Client { lookup, ..Client::new(Clock::System) }
}

fn get(url: &str) -> Request {
    Request { method: "GET", url: url.to_owned(), headers: Vec::new(), body: Bytes::new() }
}

fn rules(allow: &str) -> Rules {
    Rules::parse(allow, rules::Private::Blocked).expect("rules")
}

/// Long enough for any machine.
const LIMITS: Limits = Limits { time_ms: 60_000, body: 1_000, redirects: 3 };

#[tokio::test]
async fn forbidden_addresses_are_not_called() {
    let server = Server::page("200 OK", "", "moo").await;
    let port = server.at.port();
    let client = client(&[
        ("here.example", "127.0.0.1"),
        ("six.example", "::1"),
        ("mapped.example", "::ffff:127.0.0.1"),
        ("cloud.example", "169.254.169.254"),
        ("home.example", "192.168.1.1"),
    ]);
    for (host, kind) in [
        ("127.0.0.1", Kind::Loopback),
        ("127.1", Kind::Loopback),
        ("2130706433", Kind::Loopback),
        ("0x7f000001", Kind::Loopback),
        ("0177.0.0.1", Kind::Loopback),
        ("[::1]", Kind::Loopback),
        ("[::ffff:127.0.0.1]", Kind::Loopback),
        ("[::ffff:7f00:1]", Kind::Loopback),
        ("[64:ff9b::7f00:1]", Kind::Loopback),
        ("localhost", Kind::Loopback),
        ("here.example", Kind::Loopback),
        ("six.example", Kind::Loopback),
        ("mapped.example", Kind::Loopback),
        ("0.0.0.0", Kind::Nobody),
        ("169.254.169.254", Kind::Metadata),
        ("[::ffff:a9fe:a9fe]", Kind::Metadata),
        ("cloud.example", Kind::Metadata),
        ("169.254.1.1", Kind::LinkLocal),
        ("home.example", Kind::Private),
        ("10.0.0.1", Kind::Private),
    ] {
        let url = format!("http://{host}:{port}/");
        let fault = client.send(&rules(""), get(&url), LIMITS).await.expect_err(host);
        let Fault::Blocked { kind: found, .. } = fault else { panic!("{host}: {fault}") };
        assert_eq!(found, kind, "{host}");
    }
    assert_eq!(server.heard(), [""; 0], "nobody was called");
    let answer = client.send(&rules("127.0.0.0/8"), get(&server.url()), LIMITS).await;
    assert_eq!(answer, Ok(Answer { status: 200, retry_after: None, body: "moo".into() }));
}

#[tokio::test]
async fn a_name_is_looked_up_once_and_forbidden_addresses_of_it_are_passed_over() {
    let server = Server::page("200 OK", "", "moo").await;
    let looked_up = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&looked_up);
    let at = server.at;
    // A second look would lead to a forbidden place, and so would the first address.
    let lookup: Lookup = Arc::new(move |_, port| {
        let mut times = counted.lock().expect("a number");
        *times += 1;
        let first = if *times == 1 {
            vec!["169.254.169.254".parse(), "127.0.0.1".parse()]
        } else {
            vec!["169.254.169.254".parse()]
        };
        let found = first.into_iter().map(|ip| SocketAddr::new(ip.expect("an address"), port));
        let found: Vec<_> = found.collect();
        Box::pin(async move { Ok(found) })
    });
    let client = Client { lookup, ..Client::new(Clock::System) };
    let url = format!("http://rebinding.example:{}/", at.port());
    let answer = client.send(&rules("127.0.0.1"), get(&url), LIMITS).await.expect("an answer");
    assert_eq!((answer.status, *looked_up.lock().expect("a number")), (200, 1));
    let again = client.send(&rules("127.0.0.1"), get(&url), LIMITS).await.expect_err("rebound");
    assert!(matches!(again, Fault::Blocked { kind: Kind::Metadata, .. }), "{again}");
}

#[tokio::test]
async fn redirects_are_held_to_the_rules_too() {
    let target = Server::page("200 OK", "", "secret").await;
    let elsewhere = target.at.port();
    // Other loopback addresses are other machines here: only the first of them is allowed.
    let allowed = rules("127.0.0.1");
    let client = client(&[("here.example", "127.0.0.2")]);
    for (to, kind) in [
        (format!("http://127.0.0.2:{elsewhere}/"), Kind::Loopback),
        ("http://169.254.169.254/latest/meta-data/".to_owned(), Kind::Metadata),
        (format!("http://here.example:{elsewhere}/"), Kind::Loopback),
        (format!("http://2130706434:{elsewhere}/"), Kind::Loopback),
        (format!("//[::ffff:127.0.0.2]:{elsewhere}/"), Kind::Loopback),
    ] {
        let server = Server::redirect("302 Found", &to).await;
        let fault = client.send(&allowed, get(&server.url()), LIMITS).await.expect_err(&to);
        let Fault::Blocked { kind: found, .. } = fault else { panic!("{to}: {fault}") };
        assert_eq!(found, kind, "{to}");
    }
    assert_eq!(target.heard(), [""; 0], "nobody was called");
    for to in ["file:///etc/passwd", "ftp://127.0.0.1/", "http://me:secret@127.0.0.1/"] {
        let server = Server::redirect("302 Found", to).await;
        let fault = client.send(&allowed, get(&server.url()), LIMITS).await.expect_err(to);
        assert!(matches!(fault, Fault::Address { .. }), "{to}: {fault}");
    }
    let round = Server::redirect("302 Found", "/again").await;
    let fault = client.send(&allowed, get(&round.url()), LIMITS).await.expect_err("for ever");
    assert_eq!(fault.to_string(), format!("http://{} redirects too often", round.at));
    assert_eq!(round.heard().len(), 4);
}

#[tokio::test]
async fn a_post_is_repeated_where_that_is_asked_and_secrets_stay_with_the_first() {
    let target = Server::page("204 No Content", "", "").await;
    let to = format!("http://{}/there", target.at);
    let client = Client::new(Clock::System);
    let post = |url: String| Request {
        method: "POST",
        url,
        headers: vec![("authorization", "Bearer me".to_owned()), ("x-own", "kept".to_owned())],
        body: "{}".into(),
    };
    let here = rules("127.0.0.1");
    for (status, expect) in [("302 Found", 302), ("303 See Other", 303), ("307 Here", 204)] {
        let server = Server::redirect(status, &to).await;
        let answer = client.send(&here, post(server.url()), LIMITS).await.expect("an answer");
        assert_eq!(answer.status, expect);
        let heard = server.heard().concat().to_ascii_lowercase();
        assert!(heard.contains("authorization: bearer me") && heard.ends_with("{}"), "{heard}");
    }
    let heard = target.heard();
    let [heard] = heard.as_slice() else { panic!("{heard:?}") };
    assert!(heard.starts_with("POST /there ") && heard.ends_with("{}"), "{heard}");
    let heard = heard.to_ascii_lowercase();
    assert!(heard.contains("x-own: kept") && !heard.contains("authorization"), "{heard}");
}

#[tokio::test]
async fn answers_are_bounded_and_messages_keep_secrets() {
    let here = rules("127.0.0.1");
    let client = Client::new(Clock::System);
    let much = "x".repeat(1_001);
    let server = Server::page("200 OK", "", &much).await;
    let fault = client.send(&here, get(&server.url()), LIMITS).await.expect_err("too long");
    let host = format!("http://{}", server.at);
    assert_eq!(fault.to_string(), format!("the answer of {host} has more than 1000 bytes"));
    let endless = Server::new(format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(5_000))).await;
    let fault = client.send(&here, get(&endless.url()), LIMITS).await.expect_err("too long");
    assert!(matches!(fault, Fault::Large { .. }), "{fault}");
    let unread = client.send(&here, get(&endless.url()), Limits { body: 0, ..LIMITS }).await;
    assert_eq!(unread, Ok(Answer { status: 200, retry_after: None, body: Bytes::new() }));

    let blocked = client.send(&rules(""), get(&server.url()), LIMITS).await.expect_err("blocked");
    assert_eq!(
        blocked.to_string(),
        format!(
            "{host} is a loopback address and is not called; an administrator may allow it in the \
             setting `outbound.allow`"
        )
    );
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let (clock, time) = Clock::manual(0);
    let patient = Client::new(clock);
    let url = format!("http://{}/secret", silent.local_addr().expect("an address"));
    let waiting = patient.send(&here, get(&url), LIMITS);
    let slow = async {
        let accepted = silent.accept().await.expect("a caller");
        time.advance(LIMITS.time_ms);
        accepted
    };
    let (fault, _accepted) = tokio::join!(waiting, slow);
    let fault = fault.expect_err("too slow").to_string();
    assert!(fault.ends_with(" in 60000 ms") && !fault.contains("secret"), "{fault}");

    let port = silent.local_addr().expect("an address").port();
    drop(silent);
    let fault = client.send(&here, get(&format!("http://127.0.0.1:{port}/secret")), LIMITS).await;
    let fault = fault.expect_err("nobody there");
    assert!(matches!(fault, Fault::Unreachable { .. }), "{fault}");
    assert!(!fault.to_string().contains("secret"), "{fault}");
    for (url, expect) in [
        (
            "ftp://host/secret",
            "`ftp` cannot be called: it has to begin with `http://` or `https://`",
        ),
        (
            "http://me:secret@host/",
            "`http://host` cannot be called: a name and a password do not belong into it",
        ),
        ("secret", "`the address` cannot be called: relative URL without a base"),
    ] {
        let fault = client.send(&here, get(url), LIMITS).await.expect_err(url);
        assert_eq!(fault.to_string(), expect);
    }
}
