//! Requests through a balancer while the service behind it is upgraded again and again.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::engine::{Engine, HAPROXY, IMAGE};
use crate::support::{Report, Target};
use crate::{Deployment, PAUSE_MS};

/// Requests at least, and upgrades in the meantime.
const REQUESTS: usize = 200_000;
const UPGRADES: usize = 10;
/// Who asks at the same time, and how long one rests before it asks again: the machine is to have room for the
/// upgrades.
const CLIENTS: usize = 8;
const REST: Duration = Duration::from_millis(2);
/// How long a container may finish its requests before it is stopped.
const DRAIN_MS: u64 = 2_000;

/// What came of the requests.
#[derive(Default)]
struct Tally {
    answered: AtomicUsize,
    failed: Mutex<BTreeMap<String, usize>>,
    stop: AtomicBool,
}

pub async fn measure(engine: &Engine, folder: &Path, report: &mut Report) {
    let bench = Deployment::new(engine, &folder.join("requests")).await;
    let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("one").port();
    let stack = bench.site.post("stacks", &json!({ "name": "bench" })).await;
    let web = bench
        .site
        .post(
            "services",
            &json!({
                "name": "web", "stackId": stack["id"], "scale": 3, "startOnCreate": true,
                "launchConfig": launch(0),
            }),
        )
        .await;
    bench.state(&web, "active").await;
    let rule = json!({
        "sourcePort": 80, "protocol": "http", "targetPort": 80, "serviceId": web["id"],
    });
    let front = bench
        .site
        .post(
            "loadbalancerservices",
            &json!({
                "name": "front", "stackId": stack["id"], "scale": 1, "startOnCreate": true,
                "launchConfig": {
                    "imageUuid": format!("docker:{HAPROXY}"),
                    "ports": [format!("127.0.0.1:{port}:80")],
                },
                "lbConfig": { "portRules": [rule] },
            }),
        )
        .await;
    bench.state(&front, "active").await;
    let url = format!("http://127.0.0.1:{port}/");
    reached(&url).await;

    let tally = Arc::new(Tally::default());
    let clients: Vec<_> =
        (0..CLIENTS).map(|_| tokio::spawn(ask(url.clone(), Arc::clone(&tally)))).collect();
    for run in 1..=UPGRADES {
        let strategy =
            json!({ "batchSize": 1, "intervalMillis": PAUSE_MS, "launchConfig": launch(run) });
        bench.act(&web, "upgrade", &json!({ "inServiceStrategy": strategy })).await;
        bench.state(&web, "upgraded").await;
        bench.act(&web, "finishupgrade", &json!({})).await;
        bench.state(&web, "active").await;
    }
    tally.stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.expect("a client");
    }
    let answered = tally.answered.load(Ordering::Relaxed);
    let mut failed = 0;
    for (why, count) in tally.failed.lock().expect("a tally").iter() {
        eprintln!("{count} requests failed: {why}");
        failed += count;
    }
    let name = format!("failed of {answered} requests during {UPGRADES} upgrades");
    report.report(&name, failed as f64, "", Target::AtMost(0.0));
    bench.end(engine).await;
}

/// A page behind a health check, made of another configuration each time.
fn launch(run: usize) -> Value {
    json!({
        "imageUuid": format!("docker:{IMAGE}"),
        "command": ["sh", "-c", "mkdir /www; echo page > /www/index.html; exec httpd -f -p 80 -h /www"],
        "labels": { "run": run.to_string() },
        "drainTimeoutMs": DRAIN_MS,
        "healthCheck": {
            "port": 80, "requestLine": "GET / HTTP/1.0", "interval": 500, "responseTimeout": 1000,
            "healthyThreshold": 1, "unhealthyThreshold": 3, "initializingTimeout": 60_000,
        },
    })
}

/// Waits until the balancer leads somewhere.
#[allow(clippy::disallowed_methods, reason = "a bench looks again in real time")]
async fn reached(url: &str) {
    while !reqwest::get(url).await.is_ok_and(|answer| answer.status().is_success()) {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

/// What is wrong with an answer, if something is.
async fn fault(client: &reqwest::Client, url: &str) -> Option<String> {
    let answer = match client.get(url).send().await {
        Ok(answer) => answer,
        Err(error) => return Some(format!("{error:?}")),
    };
    let status = answer.status();
    match answer.text().await {
        Ok(text) if status.is_success() && text == "page\n" => None,
        Ok(text) => Some(format!("{status}: {text}")),
        Err(error) => Some(format!("{status}, and then {error:?}")),
    }
}

/// Asks until there were enough requests and the upgrades are over.
#[allow(clippy::disallowed_methods, reason = "clients rest in real time")]
async fn ask(url: String, tally: Arc<Tally>) {
    let client = reqwest::Client::new();
    while !tally.stop.load(Ordering::Relaxed) || tally.answered.load(Ordering::Relaxed) < REQUESTS {
        match fault(&client, &url).await {
            None => drop(tally.answered.fetch_add(1, Ordering::Relaxed)),
            Some(why) => *tally.failed.lock().expect("a tally").entry(why).or_default() += 1,
        }
        tokio::time::sleep(REST).await;
    }
}
