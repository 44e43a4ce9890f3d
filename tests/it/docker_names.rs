//! Names and metadata as containers on a real Docker Engine get them.

use serde_json::Value;

use crate::docker_support::docker;
use crate::ranch::{Ranch, until};

fn compose(image: &str, webs: u32) -> String {
    format!(
        r#"services:
  web:
    image: {image}
    command: [sh, -c, "hostname > /www/index.html && exec httpd -f -p 80 -h /www"]
    stop_signal: SIGKILL
    deploy: {{ replicas: {webs} }}
  asker:
    image: {image}
    command: [sleep, "100000"]
    stop_signal: SIGKILL
    labels: {{ color: blue }}
"#
    )
}

/// The addresses that a container is answered, sorted.
fn lookup(ranch: &Ranch, container: &str, name: &str) -> Vec<String> {
    let answer = ranch.exec(container, &["nslookup", "-type=a", name, "169.254.169.250"]);
    let answer = answer.unwrap_or_default();
    let (_, answer) = answer.split_once("\n\n").unwrap_or_default();
    let lines = answer.lines().filter_map(|line| line.strip_prefix("Address: "));
    let mut found: Vec<String> = lines.map(|line| line.trim().to_owned()).collect();
    found.sort();
    found
}

fn metadata(ranch: &Ranch, container: &str, path: &str) -> Option<String> {
    ranch.exec(container, &["wget", "-qO-", &format!("http://rancher-metadata/{path}")])
}

async fn addresses(ranch: &Ranch, name: &str) -> Vec<String> {
    let rows = ranch.list("containers").await;
    let of = rows.iter().filter(|row| row["name"].as_str().is_some_and(|own| own.contains(name)));
    let mut found: Vec<String> = of
        .filter(|row| row["state"] == "running")
        .filter_map(|row| row["primaryIpAddress"].as_str().map(str::to_owned))
        .collect();
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn containers_find_each_other_and_themselves() {
    let docker = docker().await;
    let ranch = Ranch::new(&docker.endpoint, 6, &["names"]);
    let stack = ranch.stack(0).to_owned();
    let server = ranch.start().await;
    ranch.ok(&["up", "-f", &ranch.file(&compose(&docker.image, 2)), "-p", &stack]).await;
    let asker = ranch.service(&stack, "asker")[0].name.clone();

    let host = ranch.list("hosts").await.remove(0);
    assert_eq!(host["info"]["namesInfo"]["servedBy"], "ranchette", "{}", host["info"]);
    names_follow_the_members(&ranch, &stack, &asker).await;
    metadata_tells_who_asks(&ranch, &stack, &asker);
    a_wait_ends_with_the_change(&ranch, &stack, &asker).await;

    server.shut_down().await;
    // Docker knows the names for as long as nobody of ours answers.
    let page = ranch.exec(&asker, &["wget", "-qO-", "http://web/"]);
    assert!(page.is_some(), "names outlive the server");
    let server = ranch.start().await;
    until("the next server answers", async || {
        let found = lookup(&ranch, &asker, &format!("web.{stack}.rancher.internal"));
        if found.len() == 3 { Ok(()) } else { Err(format!("{found:?}")) }
    })
    .await;
    ranch.ok(&["down", &stack, "--yes"]).await;
    server.shut_down().await;
}

async fn names_follow_the_members(ranch: &Ranch, stack: &str, asker: &str) {
    let webs = addresses(ranch, "web").await;
    assert_eq!(webs.len(), 2);
    let full = format!("web.{stack}.rancher.internal");
    for name in [full.as_str(), &format!("web.{stack}"), "web"] {
        assert_eq!(lookup(ranch, asker, name), webs, "{name}");
    }
    assert_eq!(lookup(ranch, asker, "rancher-metadata"), ["169.254.169.250"]);
    assert_eq!(lookup(ranch, asker, &format!("nobody.{stack}.rancher.internal")), [""; 0]);
    assert!(ranch.exec(asker, &["wget", "-qO-", "http://web/"]).is_some());
    ranch.ok(&["scale", &format!("{stack}/web=3")]).await;
    until("the third container has the name, too", async || {
        let found = lookup(ranch, asker, "web");
        if found == addresses(ranch, "web").await && found.len() == 3 {
            Ok(())
        } else {
            Err(format!("{found:?}"))
        }
    })
    .await;
}

fn metadata_tells_who_asks(ranch: &Ranch, stack: &str, asker: &str) {
    for (path, expect) in [
        ("latest/self/container/name", format!("{stack}-asker-1")),
        ("latest/self/container/labels/color", "blue".to_owned()),
        ("latest/self/service/name", "asker".to_owned()),
        ("latest/self/stack/name", stack.to_owned()),
        ("2015-12-19/services/web/scale", "3".to_owned()),
        ("", "0\n1\n2\n3".to_owned()),
    ] {
        assert_eq!(metadata(ranch, asker, path).as_deref(), Some(expect.as_str()), "{path}");
    }
    assert_eq!(metadata(ranch, asker, "latest/nothing"), None);
    assert_eq!(metadata(ranch, asker, "1999-01-01/self"), None);
    let json = ranch.exec(
        asker,
        &[
            "wget",
            "-qO-",
            "--header",
            "Accept: application/json",
            "http://169.254.169.250/latest/self/host",
        ],
    );
    let host: Value = serde_json::from_str(&json.expect("an answer")).expect("JSON");
    assert_eq!(host["state"], "active", "{host}");
}

async fn a_wait_ends_with_the_change(ranch: &Ranch, stack: &str, asker: &str) {
    let version = metadata(ranch, asker, "latest/version").expect("a version");
    let query = format!("latest/version?wait=true&maxWait=60&value={version}");
    let url = format!("http://rancher-metadata/{query}");
    let mut client = tokio::process::Command::new("docker");
    client.args(["-H", &ranch.endpoint, "exec", asker, "wget", "-qO-", &url]).kill_on_drop(true);
    let wait = client.output();
    let change = async { ranch.ok(&["scale", &format!("{stack}/asker=2")]).await };
    let (next, _) = tokio::join!(wait, change);
    let next = next.expect("an answer");
    assert!(next.status.success());
    assert_ne!(String::from_utf8_lossy(&next.stdout).trim(), version);
    ranch.ok(&["scale", &format!("{stack}/asker=1")]).await;
}
