//! What people at work wait for: an `up` that has nothing to do, a long list of templates, many logs, and a key
//! until it is shown.
//!
//! The first two are measured on a simulated host, the others on Docker, all with the release binary.

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::Method;
use serde_json::{Value, json};
use support::engine::{Engine, IMAGE, SUBNET};
use support::program::Server;
use support::site::Site;
use support::{Report, Target, median, median_of, runs, timed, timed_async};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

mod support;

const RUNS: usize = 5;
const SERVICES: usize = 50;
const TEMPLATES: usize = 1_000;
/// What the container of the logs prints, in MB: lines of a hundred bytes.
const LOG_MB: usize = 500;
const LINE: usize = 100;
const KEYS: usize = 1_000;

fn main() -> ExitCode {
    let mut report = Report::default();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    simulated(&mut report, &runtime, folder.path());
    real(&mut report, &runtime, folder.path());
    report.finish()
}

fn simulated(report: &mut Report, runtime: &tokio::runtime::Runtime, folder: &Path) {
    let catalog = folder.join("catalog");
    templates(&catalog);
    let source = format!("large={}", catalog.display());
    let variables = [("RANCHETTE_SIM_ENABLED", "true"), ("RANCHETTE_CATALOG_SOURCES", &source)];
    let data = folder.join("simulated");
    let server = Server::start(&data, &variables);
    let file = folder.join("compose.yaml");
    fs::write(&file, services()).expect("a compose file");
    let up = || server.run(&["up", "-p", "bench", "-f", &file.display().to_string()]);
    up();
    let again = median(RUNS, |_| {
        let (elapsed, said) = timed(up);
        assert!(said.contains("is up to date"), "{said}");
        milliseconds(elapsed)
    });
    let name = "`up` of 50 unchanged services, from start to end";
    report.report(name, again, "ms", Target::AtMost(300.0));

    let site = Site::of(&data);
    let listed = runtime.block_on(async {
        let mut figures = Vec::new();
        // The first look reads the catalog from the disk.
        for _ in 0..=RUNS * 4 {
            let path = "/v1-catalog/projects/1a5/templates?catalogId=large";
            let request = site.request(Method::GET, path);
            let (elapsed, text) = timed_async(async {
                request.send().await.expect("an answer").text().await.expect("text")
            })
            .await;
            let list: Value = serde_json::from_str(&text).expect("JSON");
            assert_eq!(list["data"].as_array().map(Vec::len), Some(TEMPLATES), "templates");
            figures.push(milliseconds(elapsed));
        }
        median_of(figures.split_off(1))
    });
    report.report("list of 1,000 templates", listed, "ms", Target::AtMost(50.0));
}

/// Fifty services of a usual kind.
fn services() -> String {
    let mut text = String::from("services:\n");
    for number in 1..=SERVICES {
        text.push_str(&format!(
            "  web{number}:\n    image: nginx\n    environment: {{LEVEL: info, NUMBER: '{number}'}}\n    \
             labels: {{tier: front}}\n    volumes: ['data{number}:/data']\n"
        ));
    }
    text.push_str("volumes:\n");
    text.extend((1..=SERVICES).map(|number| format!("  data{number}:\n")));
    text
}

/// A folder of templates with two versions, an icon and a readme each.
fn templates(folder: &Path) {
    for number in 0..TEMPLATES {
        let template = folder.join(format!("templates/app{number}"));
        for version in 0..2 {
            let place = template.join(version.to_string());
            fs::create_dir_all(&place).expect("folders");
            let put = |name: &str, text: String| fs::write(place.join(name), text).expect("a file");
            put(
                "docker-compose.yml",
                "version: '2'\nservices:\n  web:\n    image: nginx\n".to_owned(),
            );
            let questions: String = (0..5)
                .map(|at| {
                    format!(
                        "    - {{variable: V{at}, label: Value {at}, type: string, default: a}}\n"
                    )
                })
                .collect();
            put(
                "rancher-compose.yml",
                format!("catalog:\n  version: v{version}\n  questions:\n{questions}"),
            );
        }
        let put = |name: &str, text: String| fs::write(template.join(name), text).expect("a file");
        put(
            "config.yml",
            format!("name: App {number}\ndescription: One of many\nversion: v1\ncategory: Bench\n"),
        );
        put("catalogIcon-app.svg", format!("<svg>{}</svg>", "x".repeat(2_000)));
        put("README.md", "word ".repeat(400));
    }
}

fn real(report: &mut Report, runtime: &tokio::runtime::Runtime, folder: &Path) {
    let endpoint = support::engine::endpoint();
    let engine = runtime.block_on(Engine::new());
    let data = folder.join("real");
    let variables = [
        ("RANCHETTE_DOCKER_HOST", endpoint.as_str()),
        ("RANCHETTE_NETWORK_SUBNET", SUBNET),
        ("RANCHETTE_NETWORK_NAMES", "false"),
    ];
    let server = Server::start(&data, &variables);
    let site = Site::of(&data);
    logs(report, &server, &endpoint);
    let p99 = runtime.block_on(key_to_echo(&server, &site));
    report.report("a key in a container until it is shown: p99", p99, "ms", Target::AtMost(10.0));
    server.run(&["rm", "--yes", "writer", "shell"]);
    drop(server);
    runtime.block_on(engine.sweep());
}

/// A container without a network, that runs.
fn container(server: &Server, name: &str, command: &[&str]) -> String {
    let image = format!("{IMAGE}:latest");
    let mut arguments = vec!["--json", "run", "--name", name, "--network", "none", &image];
    arguments.extend(command);
    let said = server.run(&arguments);
    let record: Value = serde_json::from_str(said.trim()).expect("a record");
    record["id"].as_str().expect("an id").to_owned()
}

fn logs(report: &mut Report, server: &Server, endpoint: &str) {
    let count = LOG_MB * 1_000_000 / LINE;
    let line = "x".repeat(LINE - 1);
    let script = format!("yes {line} | head -n {count}; echo end; sleep 1000000");
    container(server, "writer", &["/bin/busybox", "sh", "-c", &script]);
    let through = || {
        let mut command = server.command(&["logs", "writer", "--tail", &(count + 1).to_string()]);
        let (elapsed, bytes) = timed(|| counted(&mut command));
        (LOG_MB as f64 / elapsed.as_secs_f64(), bytes)
    };
    // It takes a while until everything has been printed.
    while !server.run(&["logs", "writer", "--tail", "1"]).contains("end") {
        std::hint::spin_loop();
    }
    let id = docker(endpoint, &["ps", "-q", "--filter", "name=writer"]);
    let straight = median(runs(3), |_| {
        let mut command = Command::new("docker");
        command.args(["-H", endpoint, "logs", id.trim()]);
        let (elapsed, bytes) = timed(|| counted(&mut command));
        assert!(bytes > LOG_MB * 1_000_000, "{bytes} bytes");
        LOG_MB as f64 / elapsed.as_secs_f64()
    });
    let before = server.peak_mb();
    let ours = median(runs(3), |_| {
        let (rate, bytes) = through();
        assert!(bytes > LOG_MB * 1_000_000, "{bytes} bytes");
        rate
    });
    let name = format!("{LOG_MB} MB through `logs` (`docker logs`: {straight:.0} MB/s)");
    report.report(&name, ours, "MB/s", Target::AtLeast(straight / 2.0));
    let more = server.peak_mb() - before;
    report.report("memory of the server that they cost", more, "MB", Target::AtMost(10.0));
}

fn docker(endpoint: &str, arguments: &[&str]) -> String {
    let output = Command::new("docker").args(["-H", endpoint]).args(arguments).output();
    String::from_utf8_lossy(&output.expect("docker").stdout).into_owned()
}

/// Bytes that a program prints.
fn counted(command: &mut Command) -> usize {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let mut output = child.stdout.take().expect("its output");
    let bytes = std::io::copy(&mut output, &mut std::io::sink()).expect("all of it");
    assert!(child.wait().expect("an end").success(), "{command:?}");
    usize::try_from(bytes).expect("a count")
}

/// One key after the other on a terminal in a container: milliseconds until it is shown.
async fn key_to_echo(server: &Server, site: &Site) -> f64 {
    let id = container(server, "shell", &["/bin/busybox", "sleep", "1000000"]);
    let body = json!({ "command": ["/bin/busybox", "cat"], "attachStdin": true,
        "attachStdout": true, "tty": true });
    let access = site.post(&format!("containers/{id}?action=execute"), &body).await;
    let word = |field: &str| access[field].as_str().expect("access").to_owned();
    let url = format!("{}?token={}", word("url"), word("token"));
    let (mut socket, _) = connect_async(url).await.expect("a websocket");
    let mut figures = Vec::new();
    for number in 0..KEYS {
        let key = STANDARD.encode([b'a' + u8::try_from(number % 26).unwrap_or_default()]);
        let (elapsed, ()) = timed_async(async {
            socket.send(Message::text(key.clone())).await.expect("sent");
            loop {
                let frame = socket.next().await.expect("a frame").expect("a frame");
                if frame.into_text().expect("text") == key {
                    return;
                }
            }
        })
        .await;
        figures.push(milliseconds(elapsed));
    }
    figures.sort_by(f64::total_cmp);
    figures[KEYS * 99 / 100]
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
