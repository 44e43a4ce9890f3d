//! A container that dies, told to somebody who checks the signature as the page on webhooks says.

use std::process::{Command, Stdio};

use serde_json::json;

use super::receiver::{Call, Receiver};
use super::told::{allow, webhook};
use crate::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_container_that_dies_is_told_of_and_openssl_finds_the_signature_right() {
    let mut world = World::sim(1).await;
    allow(&world, "127.0.0.1").await;
    let receiver = Receiver::new([]).await;
    let more = json!({ "events": ["container.died"], "selector": "watch=yes" });
    webhook(&world, "bell", &receiver.url(), more).await;
    let stack = world.stack("shop").await;
    let mut watched = None;
    for (name, labels) in [("other", json!({})), ("web", json!({ "watch": "yes" }))] {
        let launch =
            json!({ "imageUuid": "docker:nginx", "networkMode": "none", "labels": labels });
        let service = world.service(&stack, name, 1, launch).await;
        world.state(service.id, "active").await;
        let row = world
            .until("a container runs", |read| {
                let rows = read.referrers("instance", "serviceId", service.id)?;
                Ok(rows.into_iter().find(|row| row.state == "running"))
            })
            .await;
        let external = row.str("externalId").expect("an id").to_owned();
        world.host(1).external_exit(&external, 137).expect("exits");
        let died = format!("{name} has died");
        world
            .until(&died, |read| Ok(read.get(row.id)?.filter(|row| row.int("diedAt").is_some())))
            .await;
        watched = Some(row);
    }
    let watched = watched.expect("the last one");
    let calls = receiver.until(1).await;
    let [call] = calls.as_slice() else { panic!("{calls:#?}") };
    let body = call.json();
    assert_eq!(body["event"], "container.died");
    assert_eq!(body["resourceType"], "container");
    assert_eq!(body["resourceId"], format!("1i{}", watched.id));
    let name = watched.name.as_deref().expect("a name");
    assert_eq!(
        body["message"],
        format!(
            "container `{name}` ended by itself with exit code 137: it was killed, often for want of memory"
        )
    );
    assert_eq!(openssl(call, "hush"), signature(call).1);
    assert_ne!(openssl(call, "other"), signature(call).1);
    world.stop().await;
}

/// Time and digest of a call's signature.
fn signature(call: &Call) -> (String, String) {
    let text = call.header("x-ranchette-signature");
    let (time, digest) = text.split_once(",v1=").expect("two parts");
    (time.trim_start_matches("t=").to_owned(), digest.to_owned())
}

/// What the page on webhooks says that a receiver does.
fn openssl(call: &Call, key: &str) -> String {
    use std::io::Write as _;
    let mut child = Command::new("openssl")
        .args(["dgst", "-sha256", "-hmac", key, "-r"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("`openssl` starts; install package openssl");
    let signed = format!("{}.{}", signature(call).0, call.body);
    child.stdin.take().expect("a pipe").write_all(signed.as_bytes()).expect("written");
    let output = child.wait_with_output().expect("it ends");
    let text = String::from_utf8(output.stdout).expect("text");
    text.split_whitespace().next().unwrap_or_default().to_owned()
}
