//! What a balancer leaves of a connection, on a real Docker Engine with a real HAProxy: TLS that it only passes
//! on, the client's address in front of a connection, cookies that keep clients, and requests under way when
//! their server stops.

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::docker_support::{docker, haproxy_image};
use crate::ranch::{Ranch, free_address, until};
use crate::tls::{ECHO, certificate, sees};

/// How long requests under way have to end, in milliseconds.
const DRAIN_MS: u32 = 20_000;

/// The ports of the machine behind which the balancer listens.
struct Ports {
    plain: u16,
    passed: u16,
    told: u16,
    bare: u16,
}

fn compose(image: &str, haproxy: &str, ports: &Ports) -> String {
    let Ports { plain, passed, told, bare } = ports;
    let echo = Value::from(ECHO);
    format!(
        "services:
  echo:
    image: {image}
    command: [sh, -c, {echo}]
    stop_signal: SIGKILL
    drain_timeout_ms: {DRAIN_MS}
  web:
    image: {image}
    command: [sh, -c, \"mkdir -p /www && hostname > /www/index.html && exec httpd -f -p 80 -h /www\"]
    stop_signal: SIGKILL
    deploy: {{ replicas: 2 }}
  inner:
    image: {haproxy}
    stop_signal: SIGKILL
    lb_config:
      default_cert: inner
      port_rules:
      - {{ source_port: 443, protocol: https, target_port: 80, service: echo }}
  front:
    image: {haproxy}
    stop_signal: SIGKILL
    labels: {{ io.rancher.loadbalancer.proxy-protocol.ports: \"81\" }}
    ports: [\"127.0.0.1:{plain}:80\", \"127.0.0.1:{passed}:443\", \"127.0.0.1:{told}:81\", \"127.0.0.1:{bare}:82\"]
    lb_config:
      stickiness_policy: {{ name: stay, cookie: STAY, mode: insert }}
      port_rules:
      - {{ source_port: 80, target_port: 80, service: web }}
      - {{ source_port: 443, protocol: sni, hostname: inner.example, target_port: 443, service: inner }}
      - {{ source_port: 81, target_port: 80, service: echo }}
      - {{ source_port: 82, protocol: tcp, target_port: 80, service: echo }}
"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn connections_are_passed_on_as_the_rules_say() {
    let docker = docker().await;
    let haproxy = haproxy_image().await;
    let ranch = Ranch::new(&docker.endpoint, 26, &["wire"]);
    let stack = ranch.stack(0).to_owned();
    let server = ranch.start().await;
    let (cert, key) = certificate(ranch.folder.path(), "inner.example", 3650);
    let body = json!({ "name": "inner", "cert": cert, "key": key });
    ranch.send(Method::POST, "certificates", &body).await;
    let [plain, passed, told, bare] = [(); 4].map(|()| free_address().port());
    let ports = Ports { plain, passed, told, bare };
    let file = ranch.file(&compose(&docker.image, haproxy, &ports));
    ranch.ok(&["up", "-f", &file, "-p", &stack]).await;

    // The certificate is the inner balancer's, and so is what it says of the scheme.
    sees(ports.passed, "inner.example", &cert, &["GET /cow", "x-forwarded-proto: https"]).await;
    who_connects_is_told(ports.told).await;
    clients_stay(ports.plain).await;
    requests_under_way_end(&ranch, ports.bare).await;
    ranch.ok(&["down", &stack, "--yes"]).await;
    server.shut_down().await;
}

/// Sends some bytes, and returns all that is answered.
async fn answer(port: u16, bytes: &str) -> Result<String, String> {
    let talk = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.write_all(bytes.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    talk.await.map_err(|error| error.to_string())
}

/// Whoever is in front of the balancer says for whom it connects.
async fn who_connects_is_told(port: u16) {
    let request = "PROXY TCP4 203.0.113.7 192.0.2.1 5555 81\r\nGET / HTTP/1.0\r\n\r\n";
    until("the client's address is told", async || {
        let lines = answer(port, request).await?;
        if lines.contains("x-forwarded-for: 203.0.113.7") { Ok(()) } else { Err(lines) }
    })
    .await;
    let without = answer(port, "GET / HTTP/1.0\r\n\r\n").await.unwrap_or_default();
    assert!(!without.contains("200 OK"), "nobody is let in who does not say: {without}");
}

/// A client that was given a cookie comes to the same server again; others come to every one.
async fn clients_stay(port: u16) {
    let ask = |cookie: Option<String>| async move {
        let cookie = cookie.map_or(String::new(), |cookie| format!("Cookie: {cookie}\r\n"));
        let answer = answer(port, &format!("GET / HTTP/1.0\r\n{cookie}\r\n")).await?;
        let given = answer.lines().find_map(|line| line.strip_prefix("set-cookie: "));
        let given = given.map(|given| given.split(';').next().unwrap_or_default().to_owned());
        let page = answer.lines().last().unwrap_or_default().to_owned();
        if answer.starts_with("HTTP/1.0 200") || answer.starts_with("HTTP/1.1 200") {
            Ok::<_, String>((page, given))
        } else {
            Err(answer)
        }
    };
    let (first, second) = until("both servers give out cookies", async || {
        let (first, second) = (ask(None).await?, ask(None).await?);
        if first.0 == second.0 { Err(format!("{first:?}")) } else { Ok((first, second)) }
    })
    .await;
    for (page, cookie) in [first, second] {
        assert!(cookie.as_ref().is_some_and(|cookie| cookie.starts_with("STAY=")), "{cookie:?}");
        for _ in 0..4 {
            assert_eq!(ask(cookie.clone()).await.expect("an answer").0, page, "{cookie:?}");
        }
    }
}

/// A request whose server is to stop is answered all the same, when it ends in the time that it has.
async fn requests_under_way_end(ranch: &Ranch, port: u16) {
    let mut stream = until("a connection", async || {
        TcpStream::connect(("127.0.0.1", port)).await.map_err(|error| error.to_string())
    })
    .await;
    stream.write_all(b"GET /slow HTTP/1.0\r\n").await.expect("the request begins");
    let mut answer = vec![0; "HTTP/1.0 200 OK\r\n\r\n".len()];
    stream.read_exact(&mut answer).await.expect("the answer begins");
    let services = ranch.list("services?name=echo").await;
    let path = format!("services/{}", services[0]["id"].as_str().expect("an id"));
    ranch.send(Method::POST, &format!("{path}?action=deactivate"), &json!({})).await;
    until("the container waits for the request", async || {
        let rows = ranch.list(&format!("{path}/instances")).await;
        let row = rows.first().ok_or("no container")?;
        let says = row["transitioningMessage"].as_str().unwrap_or_default();
        if says.contains("requests have ended") { Ok(()) } else { Err(row["state"].to_string()) }
    })
    .await;
    stream.write_all(b"Cow: moo\r\n\r\n").await.expect("the request ends");
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.expect("the rest of the answer");
    assert!(rest.contains("Cow: moo"), "{rest}");
    until("the service is inactive", async || {
        let rows = ranch.list("services?name=echo").await;
        if rows[0]["state"] == "inactive" { Ok(()) } else { Err(rows[0]["state"].to_string()) }
    })
    .await;
}
