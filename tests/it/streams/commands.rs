//! Commands in containers: base64 both ways.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use super::place::{Place, Socket, dial, rest, text, within};

pub async fn say(socket: &mut Socket, bytes: &str) {
    socket.send(Message::text(STANDARD.encode(bytes))).await.expect("sent");
}

pub fn decoded(frames: &[String]) -> String {
    let bytes = frames.iter().flat_map(|frame| STANDARD.decode(frame).expect("base64"));
    String::from_utf8(bytes.collect()).expect("text")
}

/// Reads until the output is as wanted.
pub async fn until(socket: &mut Socket, is_wanted: impl Fn(&str) -> bool) -> String {
    let mut all = String::new();
    while !is_wanted(&all) {
        match within(text(socket)).await {
            Ok(frame) => all.push_str(&decoded(&[frame])),
            Err(end) => panic!("{end:?} after {all:?}"),
        }
    }
    all
}

#[actix_web::test]
async fn a_command_that_ends_closes_with_success() {
    let place = Place::start().await;
    let web = place.container("web", json!({})).await;
    for (input, expect) in [
        (json!({"command": ["echo", "hello"], "tty": false}), "hello\n"),
        (json!({"command": ["echo", "hello"]}), "hello\r\n"),
        (json!({"command": ["sh", "-c", "echo a; echo b >&2"], "tty": false}), "a\nb\n"),
        (json!({"command": ["echo", "hello"], "attachStdout": false}), ""),
        (json!({"command": ["cat"], "tty": false, "attachStdin": false}), ""),
    ] {
        let mut socket = dial(&place.access(&web, "execute", input.clone()).await).await;
        let (frames, code) = rest(&mut socket).await;
        assert_eq!((decoded(&frames).as_str(), code), (expect, Some(1000)), "{input}");
    }
    for (command, expect) in [("true", "exit 0"), ("false", "exit 1"), ("exit 7", "exit 7")] {
        let input = json!({"command": ["sh", "-c", command], "tty": false});
        let mut socket = dial(&place.access(&web, "execute", input).await).await;
        let end = loop {
            if let Err(end) = text(&mut socket).await {
                break end.expect("a close frame");
            }
        };
        assert_eq!((u16::from(end.code), end.reason.as_str()), (1000, expect), "{command}");
    }
    let url = format!("/containers/{web}?action=execute");
    for (input, fault) in [
        (json!({}), "422 MissingRequired command"),
        (json!({"command": []}), "422 MissingRequired command"),
    ] {
        let answer = place.owner.post(&url, input).await;
        assert!(answer.fault().starts_with(fault), "{}", answer.text);
    }
    place.stop().await;
}

#[actix_web::test]
async fn what_is_typed_reaches_the_command() {
    let place = Place::start().await;
    let web = place.container("web", json!({})).await;
    let input = json!({"command": ["cat"], "tty": false});
    let mut socket = dial(&place.access(&web, "execute", input).await).await;
    say(&mut socket, "one\n").await;
    assert_eq!(until(&mut socket, |all| all.ends_with('\n')).await, "one\n");
    let much = format!("{}\n", "x".repeat(40_000));
    say(&mut socket, &much).await;
    assert_eq!(until(&mut socket, |all| all.ends_with('\n')).await, much);

    let mut shell = dial(&place.access(&web, "execute", json!({"command": ["sh"]})).await).await;
    until(&mut shell, |all| all.ends_with("/ # ")).await;
    shell.send(Message::text(":resizeTTY:100,40")).await.expect("sent");
    shell.send(Message::text("%% not base64 %%")).await.expect("sent");
    say(&mut shell, "echo hi\r").await;
    assert_eq!(until(&mut shell, |all| all.ends_with("/ # ")).await, "echo hi\r\nhi\r\n/ # ");
    say(&mut shell, "exit\r").await;
    let (frames, code) = rest(&mut shell).await;
    assert_eq!((decoded(&frames).as_str(), code), ("exit\r\n", Some(1000)));
    place.stop().await;
}

#[actix_web::test]
async fn a_reader_of_a_command_that_does_not_read_costs_little() {
    let place = Place::start().await;
    let web = place.container("web", json!({})).await;
    let input = json!({"command": ["cat"], "tty": false});
    let socket = dial(&place.access(&web, "execute", input).await).await;
    let (mut keyboard, screen) = socket.split();
    // More than all buffers on the way: at some time no more is taken.
    let typing = actix_web::rt::spawn(async move {
        let line = STANDARD.encode(vec![0x80; 40_000]);
        while keyboard.send(Message::text(line.clone())).await.is_ok() {}
    });
    place.holds_back(100_000).await;
    typing.abort();
    drop(screen);
    place.all_closed().await;
    place.stop().await;
}

#[actix_web::test]
async fn a_container_that_stopped_meanwhile_says_so() {
    let place = Place::start().await;
    let web = place.container("web", json!({})).await;
    let access = place.access(&web, "execute", json!({"command": ["sh"]})).await;
    place.owner.post(&format!("/containers/{web}?action=stop"), json!({})).await.ok(202);
    place.state(&web, "stopped").await;
    let mut socket = dial(&access).await;
    let (frames, code) = rest(&mut socket).await;
    assert!(decoded(&frames).contains("is not running"), "{}", decoded(&frames));
    assert_eq!(code, Some(1011));
    place.stop().await;
}
