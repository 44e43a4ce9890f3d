//! TLS that ends at a balancer, on a real Docker Engine with a real HAProxy: which certificate a client
//! gets, what the servers behind are told, and that a new configuration costs no request.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use reqwest::Method;
use serde_json::{Value, json};

use crate::docker_support::{docker, haproxy_image};
use crate::ranch::{Ranch, free_address, until};

/// A server that answers with the lines of the request.
pub const ECHO: &str = "printf '#!/bin/sh\\nprintf \"HTTP/1.0 200 OK\\\\r\\\\n\\\\r\\\\n\"; \
                    while read -r line; do line=$${line%%?}; [ -n \"$$line\" ] || exit 0; \
                    echo \"$$line\"; done\\n' > /tmp/echo && chmod 755 /tmp/echo && \
                    exec nc -ll -p 80 -e /tmp/echo";

/// Makes a certificate for a name, for so many days; its text and that of its key, which are in the files
/// `NAME.pem` and `NAME.key`, too.
pub fn certificate(folder: &Path, name: &str, days: u32) -> (String, String) {
    certificate_of(folder, name, days, &format!("DNS:{name}"))
}

/// The same with what it is good for, in the words of `openssl`.
pub fn certificate_of(folder: &Path, name: &str, days: u32, good: &str) -> (String, String) {
    let path = |end: &str| folder.join(format!("{name}.{end}")).to_string_lossy().into_owned();
    let (cert, key) = (path("pem"), path("key"));
    let output = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"])
        .args(["-days", &days.to_string(), "-subj", &format!("/CN={name}")])
        .args(["-addext", &format!("subjectAltName={good}")])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-out", &cert, "-keyout", &key])
        .output()
        .expect("`openssl` starts; install package openssl");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read = |path: &str| std::fs::read_to_string(path).expect("a file");
    (read(&cert), read(&key))
}

/// What a client that asks for a name sees: the certificate and the answer to a request.
async fn ask(port: u16, name: &str) -> Result<String, String> {
    let mut command = tokio::process::Command::new("openssl");
    command
        .args(["s_client", "-connect", &format!("127.0.0.1:{port}"), "-servername", name])
        .args(["-ign_eof", "-showcerts"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    let mut client = command.spawn().map_err(|error| error.to_string())?;
    let mut stdin = client.stdin.take().ok_or("no input")?;
    let request = format!("GET /cow HTTP/1.0\r\nHost: {name}\r\n\r\n");
    tokio::io::AsyncWriteExt::write_all(&mut stdin, request.as_bytes())
        .await
        .map_err(|error| error.to_string())?;
    let output = client.wait_with_output();
    let patience = std::time::Duration::from_secs(30);
    let output = tokio::time::timeout(patience, output).await.map_err(|error| error.to_string())?;
    let output = output.map_err(|error| error.to_string())?;
    drop(stdin);
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Waits until a client that asks for a name gets this certificate and these lines.
pub async fn sees(port: u16, name: &str, cert: &str, lines: &[&str]) {
    until(&format!("a client that asks for {name}"), async || {
        let seen = ask(port, name).await?;
        let fits = seen.contains(cert.trim()) && lines.iter().all(|line| seen.contains(line));
        if fits { Ok(()) } else { Err(seen) }
    })
    .await;
}

fn compose(image: &str, haproxy: &str, ports: [u16; 3]) -> String {
    let [http, https, tls] = ports;
    format!(
        "services:
  echo:
    image: {image}
    command:
    - sh
    - -c
    - {}
    stop_signal: SIGKILL
  front:
    image: {haproxy}
    stop_signal: SIGKILL
    ports: [\"127.0.0.1:{http}:80\", \"127.0.0.1:{https}:443\", \"127.0.0.1:{tls}:8443\"]
    lb_config:
      certs: [second]
      default_cert: first
      port_rules:
      - {{ source_port: 80, target_port: 80, service: echo }}
      - {{ source_port: 443, protocol: https, target_port: 80, service: echo }}
      - {{ source_port: 8443, protocol: tls, target_port: 80, service: echo }}
",
        Value::from(ECHO)
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tls_ends_at_the_balancer() {
    let docker = docker().await;
    let haproxy = haproxy_image().await;
    let ranch = Ranch::new(&docker.endpoint, 11, &["tls"]);
    let stack = ranch.stack(0).to_owned();
    let server = ranch.start().await;
    let ports = [(); 3].map(|()| free_address().port());
    let [http, https, tls] = ports;
    let folder = ranch.folder.path();
    let (first, first_key) = certificate(folder, "first.example", 3650);
    let (second, second_key) = certificate(folder, "second.example", 3650);
    let mut ids = Vec::new();
    for (name, cert, key) in [("first", &first, &first_key), ("second", &second, &second_key)] {
        let body = json!({ "name": name, "cert": cert, "key": key });
        let made = ranch.send(Method::POST, "certificates", &body).await;
        ids.push(made["id"].as_str().expect("an id").to_owned());
    }
    let file = ranch.file(&compose(&docker.image, haproxy, ports));
    ranch.ok(&["up", "-f", &file, "-p", &stack]).await;

    let told = [
        "GET /cow HTTP/1",
        "x-forwarded-proto: https",
        "x-forwarded-port: 443",
        "x-forwarded-for: ",
    ];
    sees(https, "second.example", &second, &told).await;
    sees(https, "first.example", &first, &told).await;
    sees(https, "nobody.example", &first, &told).await;
    sees(tls, "second.example", &second, &["GET /cow HTTP/1"]).await;
    let container = ranch.service(&stack, "front")[0].clone();
    keys_are_in_memory_only(&ranch, &container.name, [&first_key, &second_key]);

    its_page_comes_through_the_proxy(&ranch, container.given_name()).await;

    let (renewed, renewed_key) = certificate(folder, "second.example", 3650);
    assert_ne!(second, renewed);
    let change = json!({ "cert": renewed, "key": renewed_key });
    ranch.send(Method::PUT, &format!("certificates/{}", ids[1]), &change).await;
    sees(https, "second.example", &renewed, &told).await;
    sees(https, "first.example", &first, &told).await;
    no_request_fails_while_the_configuration_changes(&ranch, http).await;
    assert_eq!(ranch.service(&stack, "front")[0].started, container.started, "never restarted");
    ranch.ok(&["down", &stack, "--yes"]).await;
    server.shut_down().await;
}

/// A container's own pages over TLS: whose certificate it is does not matter.
async fn its_page_comes_through_the_proxy(ranch: &Ranch, name: &str) {
    // While it takes a new configuration it offers nothing.
    let row = until("the balancer's container offers its pages", async || {
        let all = ranch.list("containers").await;
        let row = all.into_iter().find(|row| row["name"] == name).ok_or("it is not there")?;
        if row["actions"]["proxy"].is_string() { Ok(row) } else { Err(row["state"].to_string()) }
    })
    .await;
    let path = format!("containers/{}?action=proxy", row["id"].as_str().expect("an id"));
    let access = ranch.send(Method::POST, &path, &json!({"scheme": "https", "port": 443})).await;
    let text = |field: &str| access[field].as_str().expect(field);
    let url = format!("{}cow?token={}", text("url"), text("token"));
    let page = reqwest::Client::new().get(url).send().await.expect("an answer");
    assert_eq!(page.status(), 200);
    let page = page.text().await.expect("a page");
    assert!(page.contains("GET /cow HTTP/1") && page.contains("x-forwarded-port: 443"), "{page}");
}

fn keys_are_in_memory_only(ranch: &Ranch, container: &str, keys: [&str; 2]) {
    let mounts = ranch.docker(&["inspect", "-f", "{{json .Mounts}}", container]);
    let mounts: Vec<Value> = serde_json::from_str(&mounts).expect("JSON");
    let place = mounts.iter().find(|mount| mount["Destination"] == "/run/secrets");
    let source = place.expect("the certificates' mount")["Source"].as_str().expect("a path");
    let kind = Command::new("stat").args(["-f", "-c", "%T", source]).output().expect("`stat`");
    assert_eq!(String::from_utf8_lossy(&kind.stdout).trim(), "tmpfs");
    let inspect = ranch.docker(&["inspect", container]);
    for key in keys {
        let line = key.lines().nth(1).expect("a line of the key");
        assert!(!inspect.contains(line));
    }
}

/// Sends requests without a pause while the balancer is configured anew again and again.
async fn no_request_fails_while_the_configuration_changes(ranch: &Ranch, port: u16) {
    let services = ranch.list("services").await;
    let front = services.iter().find(|row| row["name"] == "front").expect("the balancer");
    let path = format!("loadbalancerservices/{}", front["id"].as_str().expect("an id"));
    let client = reqwest::Client::builder().pool_max_idle_per_host(0).build().expect("a client");
    let url = format!("http://127.0.0.1:{port}/");
    let (done, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let requests = tokio::spawn({
        let (client, url) = (client.clone(), url.clone());
        let (done, count) = (Arc::clone(&done), Arc::clone(&count));
        async move {
            while !done.load(Ordering::SeqCst) {
                let answer = client.get(&url).send().await.map_err(|error| format!("{error:?}"))?;
                let status = answer.status();
                answer.text().await.map_err(|error| format!("{error:?}"))?;
                if !status.is_success() {
                    return Err(status.to_string());
                }
                count.fetch_add(1, Ordering::SeqCst);
            }
            Ok(())
        }
    });
    for turn in 1..=4 {
        let mut config = front["lbConfig"].clone();
        config["config"] = format!("frontend 80\nhttp-response set-header X-Turn {turn}\n").into();
        ranch.send(Method::PUT, &path, &json!({ "lbConfig": config })).await;
        until(&format!("the balancer's configuration {turn}"), async || {
            let answer = client.get(&url).send().await.map_err(|error| error.to_string())?;
            let seen = answer.headers().get("X-Turn").and_then(|turn| turn.to_str().ok());
            let seen = seen.map(str::to_owned);
            if seen == Some(turn.to_string()) { Ok(()) } else { Err(format!("{seen:?}")) }
        })
        .await;
    }
    done.store(true, Ordering::SeqCst);
    let outcome = requests.await.expect("requests");
    let count = count.load(Ordering::SeqCst);
    assert_eq!(outcome, Ok(()), "after {count} requests");
    assert!(count > 0);
}
