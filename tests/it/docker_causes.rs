//! Why containers do not run, in words, on a real Docker Engine: each cause reaches the container, its service and
//! the service's log.

use std::net::TcpListener;

use serde_json::Value;

use crate::docker_support::docker;
use crate::ranch::{Ranch, free_address, until};

/// What goes wrong with a service of this name: its part of a compose file, and words that are to be read.
struct Case {
    service: &'static str,
    settings: String,
    words: Vec<String>,
}

fn case(service: &'static str, settings: impl Into<String>, words: &[&str]) -> Case {
    let words = words.iter().map(|word| (*word).to_owned()).collect();
    Case { service, settings: settings.into(), words }
}

fn cases(image: &str, odd: &str, port: u16) -> Vec<Case> {
    let own = |settings: &str| format!("image: {image}, {settings}");
    let odd = |path: &str| format!("image: {odd}, entrypoint: [{path}]");
    vec![
        case(
            "memory",
            own("mem_limit: 16m, memswap_limit: 16m, command: [tail, /dev/zero]"),
            &["exit code 137: it ran out of memory"],
        ),
        case(
            "port",
            own(&format!("command: [sleep, '100000'], ports: ['127.0.0.1:{port}:80']")),
            &["port ", " is already in use on the host", &port.to_string()],
        ),
        case("foreign", odd("/foreign"), &["built for another processor architecture"]),
        case(
            "typo",
            own("command: [no-such-program]"),
            &["command of `", "not found in its image", "no-such-program"],
        ),
        case(
            "absent",
            own("entrypoint: [/opt/absent/start]"),
            &["command of `", "not found in its image", "/opt/absent/start", "no such file"],
        ),
        case("script", odd("/script"), &["not found in its image", "/script"]),
        case("locked", odd("/locked"), &["permission denied", "/locked"]),
        case(
            "faulty",
            own("command: [sh, -c, 'echo opening the books; echo the ledger is gone >&2; exit 3']"),
            &[
                "exit code 3: its program reports a failure",
                "opening the books",
                "the ledger is gone",
            ],
        ),
    ]
}

/// Makes an image whose programs cannot be run: one for another processor, one whose interpreter is not there,
/// one that may not be executed.
fn odd_image(ranch: &Ranch) -> String {
    // The head of a program for IA-64.
    let mut foreign = vec![0; 128];
    foreign[..8].copy_from_slice(b"\x7fELF\x02\x01\x01\x00");
    foreign[16] = 2;
    foreign[18] = 50;
    foreign[20] = 1;
    foreign[52] = 64;
    let mut tar = tar::Builder::new(Vec::new());
    let files = [
        ("foreign", 0o755, foreign.as_slice()),
        ("script", 0o755, b"#!/opt/absent/shell\n"),
        ("locked", 0o644, b"#!/bin/sh\n"),
    ];
    for (name, mode, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(mode);
        tar.append_data(&mut header, name, content).expect("a file");
    }
    let path = ranch.folder.path().join("odd.tar");
    std::fs::write(&path, tar.into_inner().expect("an archive")).expect("a file");
    let name = format!("ranchette-test/odd-{}", std::process::id());
    ranch.docker(&["import", &path.to_string_lossy(), &name]);
    name
}

/// Waits until one of some texts has all the words, and none speaks of a container by its engine's id.
async fn tells(ranch: &Ranch, place: &str, path: &str, field: &str, words: &[String]) {
    until(&format!("{place} tells {words:?}"), async || {
        let rows = ranch.list(path).await;
        let said: Vec<&str> = rows.iter().filter_map(|row| row[field].as_str()).collect();
        let fits = |text: &&&str| words.iter().all(|word| text.contains(word.as_str()));
        let found = said.iter().find(fits).ok_or_else(|| format!("{said:#?}"))?;
        let is_id =
            |word: &str| word.len() == 64 && word.chars().all(|letter| letter.is_ascii_hexdigit());
        let mut parts = found.split(|letter: char| !letter.is_ascii_alphanumeric());
        assert!(!parts.any(is_id), "{found}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn why_containers_do_not_run_is_told() {
    let docker = docker().await;
    let ranch = Ranch::new(&docker.endpoint, 18, &["causes"]);
    let stack = ranch.stack(0).to_owned();
    let server = ranch.start().await;
    let address = free_address();
    let other = TcpListener::bind(address).expect("a port");
    let odd = odd_image(&ranch);
    let cases = cases(&docker.image, &odd, address.port());
    let services: String =
        cases.iter().map(|case| format!("  {}: {{ {} }}\n", case.service, case.settings)).collect();
    let file = ranch.file(&format!("services:\n{services}"));
    ranch.ok(&["up", "--detach", "-f", &file, "-p", &stack]).await;

    let rows = ranch.list("services").await;
    for Case { service, words, .. } in &cases {
        let row = rows.iter().find(|row| row["name"] == *service).expect("a service");
        let id = row["id"].as_str().expect("an id");
        let message = "transitioningMessage";
        let containers = format!("services/{id}/instances");
        tells(&ranch, "the container", &containers, message, words).await;
        let own = format!("services?name={service}");
        tells(&ranch, "the service", &own, message, words).await;
        let log = format!("servicelogs?serviceId={id}&limit=1000");
        tells(&ranch, "the service's log", &log, "description", words).await;
        let failed = ranch.list(&format!("{log}&level=error")).await;
        let about = |row: &Value| {
            row["eventType"] == "service.trigger.exception" && row["instanceId"].is_string()
        };
        assert!(!failed.is_empty() && failed.iter().all(about), "{failed:#?}");
    }
    drop(other);
    ranch.ok(&["down", &stack, "--yes"]).await;
    ranch.docker(&["rmi", "-f", &odd]);
    server.shut_down().await;
}
