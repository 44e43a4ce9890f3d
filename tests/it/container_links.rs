//! Containers that were linked to each other, and images that containers bring the recipe of, on a real
//! Docker Engine.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use reqwest::Method;
use serde_json::{Value, json};

use crate::docker_support::docker;
use crate::ranch::{Ranch, until};

/// A host takes containers from when its agent has answered.
async fn host_is_ready(ranch: &Ranch) {
    until("the host is active", async || {
        let hosts = ranch.list("hosts").await;
        let ready =
            hosts.iter().any(|host| host["state"] == "active" && host["agentState"] == "active");
        if ready { Ok(()) } else { Err(format!("{hosts:?}")) }
    })
    .await;
}

/// Makes a container and waits until it is in a state; as it is then.
async fn container(ranch: &Ranch, body: &Value, state: &str) -> Value {
    let made = ranch.send(Method::POST, "containers", body).await;
    settled(ranch, &made, state).await
}

async fn settled(ranch: &Ranch, row: &Value, state: &str) -> Value {
    let id = row["id"].as_str().expect("an id").to_owned();
    until(&format!("{id} is {state}"), async || {
        let rows = ranch.list("containers").await;
        let row = rows.iter().find(|row| row["id"] == id.as_str());
        let is = row.is_some_and(|row| row["state"] == state);
        if is { Ok(()) } else { Err(format!("{row:?}")) }
    })
    .await;
    let rows = ranch.list("containers").await;
    rows.into_iter().find(|row| row["id"] == id.as_str()).expect("it is listed")
}

fn engine_id(row: &Value) -> &str {
    row["externalId"].as_str().expect("it is on the engine")
}

/// The addresses that a container is answered.
fn lookup(ranch: &Ranch, container: &Value, name: &str) -> Vec<String> {
    let command = ["nslookup", "-type=a", name, "169.254.169.250"];
    let answer = ranch.exec(engine_id(container), &command).unwrap_or_default();
    let (_, answer) = answer.split_once("\n\n").unwrap_or_default();
    let lines = answer.lines().filter_map(|line| line.strip_prefix("Address: "));
    lines.map(|line| line.trim().to_owned()).collect()
}

async fn leads_to(ranch: &Ranch, asker: &Value, name: &str, target: &Value) {
    let address = target["primaryIpAddress"].as_str().expect("an address");
    until(&format!("{name} leads to {address}"), async || {
        let found = lookup(ranch, asker, name);
        if found == [address] { Ok(()) } else { Err(format!("{found:?}")) }
    })
    .await;
}

/// What Docker says of a container.
fn seen(ranch: &Ranch, row: &Value, format: &str) -> String {
    ranch.docker(&["inspect", "-f", format, engine_id(row)]).trim().to_owned()
}

/// A container's labels name the addresses that it has.
fn says_where_it_is(ranch: &Ranch, row: &Value) {
    let label = |key: &str| {
        let format = format!("{{{{index .Config.Labels \"io.rancher.{key}\"}}}}");
        seen(ranch, row, &format)
    };
    let on_network = |field: &str| {
        let format = format!("{{{{range .NetworkSettings.Networks}}}}{{{{.{field}}}}}{{{{end}}}}");
        seen(ranch, row, &format)
    };
    assert_eq!(label("container.mac_address"), on_network("MacAddress"));
    assert!(on_network("MacAddress").starts_with("02:"));
    assert_eq!(label("container.ip"), format!("{}/16", on_network("IPAddress")));
    assert_eq!((label("cni.network"), label("cni.wait")), ("managed".into(), "true".into()));
}

/// Removes all containers, and waits until they are gone from the engine.
async fn clear(ranch: &Ranch) {
    for row in ranch.list("containers").await {
        let path = format!("containers/{}", row["id"].as_str().expect("an id"));
        ranch.send(Method::DELETE, &path, &json!({})).await;
    }
    until("all containers are gone", async || {
        let rows = ranch.list("containers").await;
        if rows.is_empty() { Ok(()) } else { Err(format!("{rows:?}")) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn containers_find_each_other_by_the_names_of_their_links() {
    let docker = docker().await;
    let ranch = Ranch::new(&docker.endpoint, 4, &["links"]);
    let server = ranch.start().await;
    host_is_ready(&ranch).await;
    let body = |name: &str, more: Value| {
        let script = "hostname > /www/index.html && exec httpd -f -p 80 -h /www";
        let mut body = json!({
            "name": format!("{name}-{}", std::process::id()),
            "imageUuid": format!("docker:{}", docker.image),
            "command": ["sh", "-c", script],
            "stopSignal": "SIGKILL",
        });
        body.as_object_mut().expect("fields").extend(more.as_object().cloned().expect("fields"));
        body
    };
    let said = json!({"expose": ["80/tcp"], "environment": {"SECRET": "moo"}});
    let first = container(&ranch, &body("first", said), "running").await;
    let second = container(&ranch, &body("second", json!({})), "running").await;
    let links =
        json!({"instanceLinks": {"Data": first["id"]}, "environment": {"DATA_PORT": "own"}});
    let asker = container(&ranch, &body("asker", links), "running").await;
    says_where_it_is(&ranch, &asker);
    let null = json!({"networkMode": null, "dnsSearch": ["own.example"]});
    let null = container(&ranch, &body("null", null), "running").await;
    let networks = "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}}{{end}}";
    assert_eq!(seen(&ranch, &null, networks), "bridge");
    assert_eq!(seen(&ranch, &null, "{{json .HostConfig.DnsSearch}}"), r#"["own.example"]"#);
    let own = json!({"dnsSearch": ["own.example"]});
    let own = container(&ranch, &body("own", own), "running").await;
    let search = r#"["own.example","rancher.internal","standby"]"#;
    assert_eq!(seen(&ranch, &own, "{{json .HostConfig.DnsSearch}}"), search);

    for name in ["data.rancher.internal", "data"] {
        leads_to(&ranch, &asker, name, &first).await;
    }
    assert_eq!(lookup(&ranch, &second, "data.rancher.internal"), [""; 0], "it is not linked");
    let page = ranch.exec(engine_id(&asker), &["wget", "-qO-", "http://data/"]);
    assert!(page.is_some(), "the short name leads to the page");
    let words = "echo $DATA_NAME $DATA_PORT $DATA_PORT_80_TCP $DATA_ENV_SECRET";
    let words = ranch.exec(engine_id(&asker), &["sh", "-c", words]);
    assert_eq!(words.as_deref(), Some("/cattle/Data own tcp://data:80 moo"));

    // The link is a row that can be turned to another container.
    let path = format!("containers/{}/instancelinks", asker["id"].as_str().expect("an id"));
    let rows = ranch.list(&path).await;
    assert_eq!(rows.len(), 1, "{rows:?}");
    let link = &rows[0];
    assert_eq!(
        (&link["linkName"], &link["targetInstanceId"], &link["state"]),
        (&json!("Data"), &first["id"], &json!("active"))
    );
    let path = format!("instancelinks/{}", link["id"].as_str().expect("an id"));
    ranch.send(Method::PUT, &path, &json!({"targetInstanceId": second["id"]})).await;
    leads_to(&ranch, &asker, "data", &second).await;
    clear(&ranch).await;
    until("the link is gone, too", async || {
        let rows = ranch.list("instancelinks").await;
        if rows.is_empty() { Ok(()) } else { Err(format!("{rows:?}")) }
    })
    .await;
    server.shut_down().await;
}

/// Serves an archive with two recipes at `/app.tar`, on loopback, until the test ends.
fn archive_server(image: &str) -> std::net::SocketAddr {
    let mut archive = tar::Builder::new(Vec::new());
    let recipes = [
        ("Right", format!("FROM {image}\nLABEL cow=moo\n")),
        ("Wrong", format!("FROM {image}\nRUN exit 3\n")),
    ];
    for (name, text) in recipes {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, name, text.as_bytes()).expect("packed");
    }
    let archive = archive.into_inner().expect("an archive");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = [0; 4096];
            let read = stream.read(&mut request).unwrap_or(0);
            let known = request[..read].starts_with(b"GET /app.tar");
            let (status, body) =
                if known { ("200 OK", &archive[..]) } else { ("404 Not Found", &[][..]) };
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Type: application/x-tar\r\nContent-Length: {}\r\n\
                 Connection: close\r\n\r\n",
                body.len()
            );
            // Whoever hangs up early has seen enough.
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_image_is_built_for_the_container_that_brings_its_recipe() {
    let docker = docker().await;
    let ranch = Ranch::new(&docker.endpoint, 3, &["recipes"]);
    let server = ranch.start().await;
    host_is_ready(&ranch).await;
    let from = archive_server(&docker.image);
    let image = format!("ranchette-recipe-{}", std::process::id());
    let body = |name: &str, build: Value| {
        json!({
            "name": format!("{name}-{}", std::process::id()),
            "imageUuid": format!("docker:{image}:{name}"),
            "build": build,
            "command": ["sleep", "100000"],
            "networkMode": "none",
            "stopSignal": "SIGKILL",
        })
    };
    let context = format!("http://{from}/app.tar");
    let right = json!({"context": context, "dockerfile": "Right", "rm": true});
    let made = container(&ranch, &body("right", right), "running").await;
    let label = "{{index .Config.Labels \"cow\"}} {{.Config.Image}}";
    let seen = ranch.docker(&["inspect", "-f", label, engine_id(&made)]);
    assert_eq!(seen, format!("moo {image}:right"));

    let wrong =
        json!({"context": context, "dockerfile": "Wrong", "nocache": true, "forcerm": true});
    let nowhere = json!({"remote": format!("http://{from}/nothing.tar")});
    for (name, build, said) in
        [("wrong", wrong, "returned a non-zero code: 3"), ("none", nowhere, "404")]
    {
        let failed = container(&ranch, &body(name, build), "error").await;
        let message = failed["transitioningMessage"].as_str().unwrap_or_default();
        let start = format!("building `{image}:{name}` failed: ");
        assert!(message.contains(&start) && message.contains(said), "{message}");
    }
    clear(&ranch).await;
    ranch.docker(&["rmi", "-f", &format!("{image}:right")]);
    server.shut_down().await;
}
