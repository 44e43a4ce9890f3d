//! A log as a server sends it: the action over HTTP, then frames over a websocket.

use std::net::SocketAddr;

use futures_util::SinkExt as _;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message;

use super::stream::{self, Follow, Pipe, Wish};
use crate::cli::args::Connection;
use crate::cli::client::Client;
use crate::cli::settings::Settings;
use crate::cli::view::Container;

/// Answers the action on the first connection and sends the log on the second; returns the request.
async fn serve(listener: TcpListener, status: &str, frames: &[&str]) -> String {
    let (mut http, address) = accept(&listener).await;
    let mut request = vec![0; 4096];
    let mut length = 0;
    // The body is one JSON object and comes last.
    while !request[..length].ends_with(b"}") {
        length += http.read(&mut request[length..]).await.unwrap();
    }
    let url = format!("ws://elsewhere:{}/v1/logs/", address.port());
    let body = json!({ "url": url, "token": "T", "message": "not now" }).to_string();
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    http.write_all(answer.as_bytes()).await.unwrap();
    if status.starts_with('2') {
        let (socket, _) = accept(&listener).await;
        let mut socket = accept_async(socket).await.unwrap();
        for frame in frames {
            socket.send(Message::text(*frame)).await.unwrap();
        }
        socket.close(None).await.unwrap();
    }
    String::from_utf8_lossy(&request[..length]).into_owned()
}

async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    listener.accept().await.unwrap()
}

/// What a reader hands on, one a line, and what it asked for.
async fn check(status: &str, frames: &[&str], expect: expect_test::Expect) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let connection = Connection {
        url: Some(format!("http://{}", listener.local_addr().unwrap())),
        access_key: Some("AK".to_owned()),
        secret_key: Some("SK".to_owned()),
        environment: Some("1a5".to_owned()),
        ..Connection::default()
    };
    let client = Client::connect(&Settings::default(), &connection).await.unwrap();
    let container = Container::read(&json!({ "id": "1i7", "name": "s-web-1" }));
    let wish = Wish { lines: 9, follow: Follow::Yes, since: Some("12".to_owned()) };
    let (to, mut from) = mpsc::channel(16);
    let (request, ()) =
        tokio::join!(serve(listener, status, frames), stream::read(client, container, wish, to));
    let mut shown = String::new();
    for line in [request.lines().next(), request.lines().last()].into_iter().flatten() {
        shown.push_str(&format!("{line}\n"));
    }
    while let Some(pipe) = from.recv().await {
        shown.push_str(&match pipe {
            Pipe::Line(name, line) => format!("{name} {} {}\n", line.stream.name(), line.text),
            Pipe::End(name, why) => format!("{name} ends {}\n", why.unwrap_or_default()),
        });
    }
    expect.assert_eq(&shown);
}

#[tokio::test]
async fn a_log_is_read_to_its_end() {
    check(
        "200 OK",
        &["01 2024-05-01T10:11:12.1Z one", "02 two\n"],
        expect_test::expect![[r#"
        POST /v2-beta/projects/1a5/containers/1i7/?action=logs HTTP/1.1
        {"follow":true,"lines":9,"timestamps":true,"since":"12"}
        s-web-1 stdout one
        s-web-1 stderr two
        s-web-1 ends 
    "#]],
    )
    .await;
}

#[tokio::test]
async fn a_refusal_is_the_end_with_its_reason() {
    check(
        "422 Unprocessable Entity",
        &[],
        expect_test::expect![[r#"
        POST /v2-beta/projects/1a5/containers/1i7/?action=logs HTTP/1.1
        {"follow":true,"lines":9,"timestamps":true,"since":"12"}
        s-web-1 ends not now
    "#]],
    )
    .await;
}

#[test]
fn a_log_that_goes_on_repeats_nothing() {
    let line = |time: Option<&str>| stream::Line {
        stream: stream::Stream::Out,
        time: time.map(str::to_owned),
        text: String::new(),
    };
    let mut seen = super::Seen::default();
    let mut look = |ended_s, times: &[Option<&str>]| {
        seen.ended_s = ended_s;
        times.iter().map(|time| seen.is_new(&line(*time))).collect::<Vec<_>>()
    };
    let (one, two) = (Some("2024-05-01T10:11:12.1Z"), Some("2024-05-01T10:11:12.2Z"));
    // Lines of one read are all shown, also those of one instant.
    assert_eq!(look(0, &[one, one, None, one]), [true; 4]);
    assert_eq!(look(1_714_558_272, &[one, two, None]), [false, true, true]);
}
