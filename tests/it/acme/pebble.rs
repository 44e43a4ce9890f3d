//! Certificates from Pebble, the test server of the Let's Encrypt project, with proofs over HTTP through a
//! real balancer on a real Docker Engine.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use ranchette::controller::issuance;
use reqwest::Method;
use serde_json::{Value, json};

use crate::docker_support::{docker, haproxy_image};
use crate::ranch::{Ranch, Serving, free_address, until};
use crate::tls::sees;

/// A program that ends with the test.
struct Program(Child);

impl Program {
    fn start(command: &mut Command) -> Self {
        let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().expect("`pebble` starts; install package pebble"))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An ACME server that finds every name on this machine, and looks at proofs at a port.
struct Pebble {
    address: SocketAddr,
    authority: String,
    _programs: [Program; 2],
}

impl Pebble {
    async fn start(folder: &Path, http_port: u16) -> Self {
        let (address, names) = (free_address(), free_address());
        let path = |name: &str| folder.join(name).to_string_lossy().into_owned();
        let output = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
            .args(["-nodes", "-days", "30", "-subj", "/CN=pebble"])
            .args(["-addext", "subjectAltName=IP:127.0.0.1"])
            .args(["-addext", "basicConstraints=critical,CA:FALSE"])
            .args(["-out", &path("pebble.pem"), "-keyout", &path("pebble.key")])
            .output()
            .expect("`openssl` starts; install package openssl");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let config = json!({ "pebble": {
            "listenAddress": address.to_string(), "managementListenAddress": "",
            "certificate": path("pebble.pem"), "privateKey": path("pebble.key"),
            "httpPort": http_port, "tlsPort": free_address().port(),
            "ocspResponderURL": "", "externalAccountBindingRequired": false,
            "domainBlocklist": ["blocked.example"],
        }});
        std::fs::write(path("pebble.json"), config.to_string()).expect("a file");
        let dns = Program::start(
            Command::new("pebble-challtestsrv")
                .args(["-defaultIPv4", "127.0.0.1", "-defaultIPv6", ""])
                .args(["-dns01", &names.to_string(), "-http01", "", "-https01", ""])
                .args(["-tlsalpn01", "", "-management", ""]),
        );
        let acme = Program::start(
            Command::new("pebble")
                .args(["-config", &path("pebble.json"), "-dnsserver", &names.to_string()])
                .env("PEBBLE_VA_NOSLEEP", "1")
                .env("PEBBLE_WFE_NONCEREJECT", "0")
                .env("PEBBLE_AUTHZREUSE", "0"),
        );
        for address in [address, names] {
            until(&format!("something listens on {address}"), async || {
                let open = tokio::net::TcpStream::connect(address).await;
                open.map(drop).map_err(|error| error.to_string())
            })
            .await;
        }
        Self { address, authority: path("pebble.pem"), _programs: [dns, acme] }
    }

    async fn tell(&self, server: &Serving) {
        server.set("acme.directory.url", &format!("https://{}/dir", self.address)).await;
        server.set("outbound.allow", "127.0.0.1").await;
        server.set("acme.ca.file", &self.authority).await;
        server.set("acme.email", "ops@a.example").await;
        server.set("acme.terms.agreed", "true").await;
    }
}

fn compose(image: &str, haproxy: &str, [http, https]: [u16; 2], names: &str) -> String {
    format!(
        "services:
  web:
    image: {image}
    command: [sh, -c, \"echo hello > /www/cow && exec httpd -f -p 80 -h /www\"]
    stop_signal: SIGKILL
  front:
    image: {haproxy}
    stop_signal: SIGKILL
    ports: [\"127.0.0.1:{http}:80\", \"127.0.0.1:{https}:443\"]
    labels: {{ io.ranchette.acme: \"{names}\" }}
    lb_config:
      port_rules:
      - {{ source_port: 80, target_port: 80, service: web }}
      - {{ source_port: 443, protocol: https, target_port: 80, service: web }}
"
    )
}

/// The certificate of a name, once it is there.
async fn issued(ranch: &Ranch, name: &str, other_than: &str) -> Value {
    until(&format!("a certificate for {name}"), async || {
        let rows = ranch.list("certificates").await;
        let own = rows.iter().find(|row| row["name"] == format!("acme-{name}"));
        let row = own.ok_or_else(|| format!("{rows:?}"))?;
        let is_new = row["cert"].as_str().is_some_and(|cert| cert != other_than);
        if row["state"] == "active" && is_new { Ok(row.clone()) } else { Err(row.to_string()) }
    })
    .await
}

/// A new certificate is fetched when the old one's time has come, and served without a restart.
async fn it_is_renewed(ranch: &Ranch, server: &Serving, https: u16, old: &Value) {
    let site = server.site();
    let name = old["name"].as_str().expect("a name").to_owned();
    let due = move |tx: &mut ranchette::store::Tx<'_>| {
        let mut ids = Vec::new();
        tx.for_each("certificate", |row| {
            ids.extend((row.name.as_deref() == Some(name.as_str())).then_some(row.id));
            Ok(())
        })?;
        for id in ids {
            tx.update(id, |row| {
                row.set("acmeRenews", 1);
                Ok(())
            })?;
        }
        Ok(())
    };
    site.store.write(due).await.expect("written");
    let job = issuance::tasks().into_iter().next().expect("the job");
    (job.run)(Arc::clone(&site)).await.expect("done");
    let new = issued(ranch, "a.example", old["cert"].as_str().unwrap_or_default()).await;
    assert_ne!(new["serialNumber"], old["serialNumber"]);
    sees(https, "a.example", new["cert"].as_str().expect("PEM"), &["hello"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn certificates_come_from_an_acme_server() {
    let docker = docker().await;
    let haproxy = haproxy_image().await;
    let ranch = Ranch::new(&docker.endpoint, 17, &["acme"]);
    let stack = ranch.stack(0).to_owned();
    let ports = [(); 2].map(|()| free_address().port());
    let pebble = Pebble::start(ranch.folder.path(), ports[0]).await;
    let server = ranch.start().await;
    pebble.tell(&server).await;
    let file = |names: &str| ranch.file(&compose(&docker.image, haproxy, ports, names));
    ranch.ok(&["up", "-f", &file("a.example,b.example"), "-p", &stack]).await;

    let first = issued(&ranch, "a.example", "").await;
    let second = issued(&ranch, "b.example", "").await;
    assert_eq!(first["subjectAlternativeNames"], json!(["a.example"]), "{first}");
    assert!(first["issuer"].as_str().is_some_and(|by| by.contains("Pebble")), "{first}");
    let from = first["description"].as_str().unwrap_or_default();
    assert!(from.starts_with(&format!("from {}; renewed", pebble.address)), "{from}");
    for row in [&first, &second] {
        let name = row["subjectAlternativeNames"][0].as_str().expect("a name");
        sees(ports[1], name, row["cert"].as_str().expect("PEM"), &["hello"]).await;
    }
    let container = ranch.service(&stack, "front")[0].clone();
    it_is_renewed(&ranch, &server, ports[1], &first).await;
    assert_eq!(ranch.service(&stack, "front")[0].started, container.started, "never restarted");

    let path = format!("certificates/{}", first["id"].as_str().expect("an id"));
    let (status, fault) = ranch.ask(Method::DELETE, &path, &json!({})).await;
    assert_eq!(status, 405, "a balancer serves it: {fault}");
    ranch.ok(&["down", &stack, "--yes"]).await;

    // What the server says is told.
    ranch.ok(&["up", "-f", &file("blocked.example"), "-p", &stack]).await;
    until("the balancer says what the ACME server says", async || {
        let rows = ranch.list("services").await;
        let row = rows.iter().find(|row| row["name"] == "front").ok_or("no balancer")?;
        let told = row["transitioningMessage"].as_str().unwrap_or_default();
        let fits =
            told.contains("no certificate for `blocked.example` yet: the ACME server says: ");
        if fits { Ok(()) } else { Err(told.to_owned()) }
    })
    .await;
    ranch.ok(&["down", &stack, "--yes"]).await;
    server.shut_down().await;
}
