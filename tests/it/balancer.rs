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

/// A stack of its own: the balancer of a compose file reaches a service of it by name. Lines that HAProxy does not
/// take are refused with its words before anything is made or changed.
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
    let own = "    lb_config:\n      config: \"global\\nno-such-keyword\\n\"\n";
    let wrong = text.replace("    lb_config:\n", own);
    let refused = async |verb: &[&str]| {
        let output = ranch.run(&[verb, &["-f", &ranch.file(&wrong), "-p", &stack]].concat()).await;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        let words = "services.front.lb_config: HAProxy refuses the configuration";
        let words = [words, "unknown keyword 'no-such-keyword' in 'global' section"];
        let told = words.iter().all(|words| said.contains(words));
        assert!(!output.status.success() && told, "{verb:?}: {said}");
    };
    refused(&["up"]).await;
    assert_eq!(ranch.list(&format!("stacks?name={stack}")).await, Vec::<Value>::new());
    ranch.ok(&["up", "-f", &ranch.file(&text), "-p", &stack]).await;
    reaches(port, "any.example", "/", "shop", 1).await;
    let before = ranch.containers(&stack);
    refused(&["plan"]).await;
    refused(&["up"]).await;
    assert_eq!(ranch.containers(&stack), before);
    ranch.ok(&["down", &stack, "--yes"]).await;
}

/// A user's own lines that HAProxy does not take are refused with its words, at the change and at the
/// create, and nothing is left of the trial.
async fn wrong_lines_are_refused(ranch: &Ranch, path: &str, balancer: &Value, wrong: Value) {
    let check = |(status, fault): (u16, Value)| {
        assert_eq!((status, &fault["fieldName"]), (422, &json!("lbConfig")), "{fault}");
        let message = fault["message"].as_str().unwrap_or_default();
        let words = "unknown keyword 'no-such-keyword' in 'global' section";
        assert!(message.starts_with("HAProxy refuses") && message.contains(words), "{message}");
    };
    check(ranch.ask(Method::PUT, path, &wrong).await);
    let mut other = balancer.clone();
    other["name"] = "other".into();
    other["lbConfig"] = wrong["lbConfig"].clone();
    check(ranch.ask(Method::POST, "loadbalancerservices", &other).await);
    let names: Vec<Value> =
        ranch.list("services").await.iter().map(|row| row["name"].clone()).collect();
    assert!(names.contains(&json!("lb")) && !names.contains(&json!("other")), "{names:?}");
    until("trials leave nothing", async || {
        let filter = "label=io.ranchette.helper=balancer";
        let left = ranch.docker(&["ps", "-aq", "--filter", filter]);
        if left.is_empty() { Ok(()) } else { Err(left) }
    })
    .await;
}

/// Lines that need a backend are right until its service goes; then the last configuration runs on, and the
/// balancer says what HAProxy says.
async fn lines_that_turn_wrong_leave_the_old_ones(
    ranch: &Ranch,
    path: &str,
    [web, shop]: [&str; 2],
    port: u16,
) {
    let custom = "frontend 80\nuse_backend 80___shop if { path /again }\n";
    let rules = json!([rule(web, json!({})), rule(shop, json!({ "path": "/shop" }))]);
    let change = json!({ "lbConfig": { "config": custom, "portRules": rules } });
    ranch.send(Method::PUT, path, &change).await;
    reaches(port, "any.example", "/", "web", 3).await;
    reaches(port, "any.example", "/shop/", "shop", 1).await;
    ranch.send(Method::DELETE, &format!("services/{shop}"), &json!({})).await;
    let message = async || {
        let row = ranch.list("services").await.into_iter().find(|row| row["name"] == "lb");
        let row = row.ok_or("no balancer")?;
        Ok::<_, String>(row["transitioningMessage"].as_str().unwrap_or_default().to_owned())
    };
    until("the refusal is told", async || {
        let told = message().await?;
        let fits = told.starts_with("HAProxy refuses") && told.contains("80___shop");
        if fits { Ok(()) } else { Err(told) }
    })
    .await;
    reaches(port, "any.example", "/", "web", 3).await;
    let change = json!({ "lbConfig": { "config": "", "portRules": [rule(web, json!({}))] } });
    ranch.send(Method::PUT, path, &change).await;
    until("nothing is wrong any more", async || {
        let told = message().await?;
        if told.is_empty() { Ok(()) } else { Err(told) }
    })
    .await;
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
    wrong_lines_are_refused(&ranch, &path, &balancer, change("global\nno-such-keyword\n")).await;
    reaches(port, "any.example", "/", "shop", 1).await;
    lines_that_turn_wrong_leave_the_old_ones(&ranch, &path, [&web, &shop], port).await;
    assert_eq!(ranch.service(&stack, "lb")[0].started, container.started, "never restarted");
    ranch.ok(&["down", &stack, "--yes"]).await;
    server.shut_down().await;
}
