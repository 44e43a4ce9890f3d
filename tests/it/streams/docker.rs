//! The same on a real Docker Engine: what the simulated fleet cannot get wrong.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::SinkExt as _;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use super::commands::{decoded, say, until};
use super::place::{Place, dial, rest, text, within};
use super::statistics::{link, samples};
use crate::docker_support::docker;

/// Writes a line to each stream, then waits for its end.
const PROGRAM: &str = "echo out; echo err >&2; trap 'exit 0' TERM; while :; do sleep 0.1; done";

#[actix_web::test]
async fn logs_commands_and_statistics_of_a_real_container() {
    let docker = docker().await;
    let place = Place::on_docker(&docker.endpoint).await;
    let image = format!("docker:{}", docker.image);
    let name = format!("streams-{}", std::process::id());
    let more = json!({"imageUuid": image, "command": ["sh", "-c", PROGRAM]});
    let id = place.container(&name, more).await;

    let plain = json!({"timestamps": false});
    let mut follower = dial(&place.access(&id, "logs", plain).await).await;
    let mut lines = vec![text(&mut follower).await.expect("a line")];
    lines.push(text(&mut follower).await.expect("a line"));
    lines.sort_unstable();
    assert_eq!(lines, ["01 out", "02 err"]);

    a_terminal(&place, &id).await;
    pipes(&place, &id).await;

    let mut socket = dial(&link(&place, &format!("/containers/{id}/containerstats")).await).await;
    for _ in 0..2 {
        let sample = &samples(&mut socket).await[0];
        assert_eq!(sample["id"], id.as_str());
        assert!(sample["cpu"]["usage"]["total"].as_u64() > Some(0), "{sample}");
        assert!(sample["memory"]["usage"].as_u64() > Some(0), "{sample}");
    }
    let host = place.owner.get(&format!("/hosts/1h{}", place.host)).await.ok(200);
    let memory = &host["info"]["memoryInfo"];
    assert!(memory["memAvailable"].as_u64() > Some(0), "{host}");
    assert!(memory["memTotal"].as_u64() > memory["memFree"].as_u64(), "{host}");

    place.owner.delete(&format!("/containers/{id}")).await.ok(200);
    assert_eq!(rest(&mut follower).await, (vec![], Some(1000)), "it ended");
    place.state(&id, "removed").await;
    place.all_closed().await;
    place.stop().await;
}

/// A terminal learns its size, and ends when the window is closed.
async fn a_terminal(place: &Place, id: &str) {
    let mut shell = dial(&place.access(id, "execute", json!({"command": ["ash"]})).await).await;
    until(&mut shell, |all| all.contains("# ")).await;
    shell.send(Message::text(":resizeTTY:100,40")).await.expect("sent");
    // The size goes its own way; the shell asks until it has arrived.
    say(&mut shell, "until stty size | grep '^40 '; do :; done\r").await;
    until(&mut shell, |all| all.contains("\n40 100")).await;
    shell.close(None).await.expect("closed");
    let input = json!({"command": ["ps", "-o", "args"], "tty": false});
    within(async {
        loop {
            let access = place.access(id, "execute", input.clone()).await;
            let (frames, code) = rest(&mut dial(&access).await).await;
            assert_eq!(code, Some(1000));
            if !decoded(&frames).lines().any(|line| line.trim() == "ash") {
                return;
            }
        }
    })
    .await;
}

/// Without a terminal every byte goes through as it is.
async fn pipes(place: &Place, id: &str) {
    let input = json!({"command": ["sh", "-c", "head -c 6 | od -An -tx1"], "tty": false});
    let mut socket = dial(&place.access(id, "execute", input).await).await;
    say(&mut socket, "\u{0}\u{1}\u{4}\r\n\u{7f}").await;
    let (frames, code) = rest(&mut socket).await;
    assert_eq!((decoded(&frames).trim(), code), ("00 01 04 0d 0a 7f", Some(1000)));

    // Every byte there is, both ways, and the code at the end.
    let every: Vec<u8> = (0..=255).collect();
    let input = json!({"command": ["sh", "-c", "head -c 256; exit 3"], "tty": false});
    let mut socket = dial(&place.access(id, "execute", input).await).await;
    socket.send(Message::text(STANDARD.encode(&every))).await.expect("sent");
    let mut back = Vec::new();
    let end = loop {
        match text(&mut socket).await {
            Ok(frame) => back.extend(STANDARD.decode(frame).expect("base64")),
            Err(end) => break end.expect("a close frame"),
        }
    };
    assert_eq!(back, every);
    assert_eq!((u16::from(end.code), end.reason.as_str()), (1000, "exit 3"));
}
