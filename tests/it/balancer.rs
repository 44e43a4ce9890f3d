//! Balancers on a real Docker Engine: whom requests reach while targets come, go and are told otherwise.

use reqwest::Method;
use serde_json::{Value, json};

use crate::docker_support::{docker, haproxy_image};
use crate::ranch::{Ranch, free_address, until};

/// Two services whose pages say which container answers.
fn compose(image: &str) -> String {
    let service = |name: &str, replicas: u32| {
        format!(
            "  {name}:
    image: {image}
    command: [sh, -c, \"mkdir -p /www/shop && echo {name}-$$(hostname) | tee /www/index.html > /www/shop/index.html && exec httpd -f -p 80 -h /www\"]
    stop_signal: SIGKILL
    labels: {{ part: {name} }}
    deploy: {{ replicas: {replicas} }}
"
        )
    };
    format!("services:\n{}{}", service("web", 2), service("shop", 1))
}

/// The page at a path of the balancer, asked for under a host name.
async fn page(port: u16, host: &str, path: &str) -> Result<String, String> {
    let url = format!("http://127.0.0.1:{port}{path}");
    let request = reqwest::Client::new().get(url).header("Host", host);
    let answer = request.send().await.map_err(|error| error.to_string())?;
    let status = answer.status();
    let text = answer.text().await.map_err(|error| error.to_string())?;
    if status.is_success() { Ok(text.trim().to_owned()) } else { Err(status.to_string()) }
}

/// The different pages of some requests, sorted.
async fn pages(port: u16, host: &str, path: &str) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    for _ in 0..8 {
        found.push(page(port, host, path).await?);
    }
    found.sort();
    found.dedup();
    Ok(found)
}

async fn reaches(port: u16, host: &str, path: &str, name: &str, count: usize) {
    until(&format!("{host}{path} reaches {count} of {name}"), async || {
        let found = pages(port, host, path).await?;
        let all = found.iter().all(|page| page.starts_with(name));
        if all && found.len() == count { Ok(()) } else { Err(format!("{found:?}")) }
    })
    .await;
}

fn rule(service: &str, change: Value) -> Value {
    let mut rule = json!({ "sourcePort": 80, "protocol": "http", "targetPort": 80 });
    if let (Some(rule), Value::Object(change)) = (rule.as_object_mut(), change) {
        rule.extend(change);
        if !service.is_empty() {
            rule.insert("serviceId".to_owned(), service.into());
        }
    }
    rule
}

/// A stack of its own: the balancer of a compose file reaches a service of it by name.
async fn a_file_makes_a_balancer(ranch: &Ranch, image: &str, haproxy: &str) {
    let (stack, port) = (ranch.stack(1).to_owned(), free_address().port());
    let text = format!(
        "{}  front:
    image: {haproxy}
    ports: [\"127.0.0.1:{port}:80\"]
    lb_config:
      port_rules:
      - {{ source_port: 80, target_port: 80, service: shop }}
",
        compose(image)
    );
    ranch.ok(&["up", "-f", &ranch.file(&text), "-p", &stack]).await;
    reaches(port, "any.example", "/", "shop", 1).await;
    ranch.ok(&["down", &stack, "--yes"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn requests_follow_the_rules_and_the_targets() {
    let docker = docker().await;
    let image = haproxy_image().await;
    let ranch = Ranch::new(&docker.endpoint, 8, &["lb", "front"]);
    let stack = ranch.stack(0).to_owned();
    let server = ranch.start().await;
    ranch.ok(&["up", "-f", &ranch.file(&compose(&docker.image)), "-p", &stack]).await;
    a_file_makes_a_balancer(&ranch, &docker.image, image).await;
    let services = ranch.list("services").await;
    let id = |name: &str| {
        let found = services.iter().find(|row| row["name"] == name).expect("a service");
        found["id"].as_str().expect("an id").to_owned()
    };
    let (web, shop) = (id("web"), id("shop"));
    let port = free_address().port();
    let balancer = json!({
        "name": "lb", "stackId": services[0]["stackId"], "scale": 1, "startOnCreate": true,
        "launchConfig": { "imageUuid": format!("docker:{image}"), "ports": [format!("127.0.0.1:{port}:80")] },
        "lbConfig": { "portRules": [
            rule(&web, json!({})),
            rule(&shop, json!({ "path": "/shop" })),
            rule("", json!({ "hostname": "*.shop.example", "selector": "part=shop" })),
        ] },
    });
    let made = ranch.send(Method::POST, "loadbalancerservices", &balancer).await;
    let path = format!("loadbalancerservices/{}", made["id"].as_str().expect("an id"));

    until("the balancer is healthy", async || {
        let rows = ranch.list("services").await;
        let row = rows.iter().find(|row| row["name"] == "lb").ok_or("no balancer")?;
        if row["healthState"] == "healthy" { Ok(()) } else { Err(row["healthState"].to_string()) }
    })
    .await;
    reaches(port, "any.example", "/", "web", 2).await;
    reaches(port, "any.example", "/shop/", "shop", 1).await;
    reaches(port, "the.shop.example", "/", "shop", 1).await;
    let container = ranch.service(&stack, "lb")[0].clone();

    ranch.ok(&["scale", &format!("{stack}/web=3")]).await;
    reaches(port, "any.example", "/", "web", 3).await;
    let victim = ranch.service(&stack, "web")[0].name.clone();
    ranch.docker(&["rm", "-f", &victim]);
    reaches(port, "any.example", "/", "web", 3).await;

    let change = |custom: &str| json!({ "lbConfig": { "config": custom, "portRules": [rule(&shop, json!({}))] } });
    ranch.send(Method::PUT, &path, &change("")).await;
    reaches(port, "any.example", "/", "shop", 1).await;
    // A wrong configuration is refused with HAProxy's words, and the old one keeps running.
    ranch.send(Method::PUT, &path, &change("global\nno-such-keyword\n")).await;
    until("the refusal is told", async || {
        let rows = ranch.list("services").await;
        let row = rows.iter().find(|row| row["name"] == "lb").ok_or("no balancer")?;
        let message = row["transitioningMessage"].as_str().unwrap_or_default();
        if message.contains("no-such-keyword") { Ok(()) } else { Err(message.to_owned()) }
    })
    .await;
    reaches(port, "any.example", "/", "shop", 1).await;
    assert_eq!(ranch.service(&stack, "lb")[0].started, container.started, "never restarted");
    ranch.ok(&["down", &stack, "--yes"]).await;
    server.shut_down().await;
}
