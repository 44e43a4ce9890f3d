//! What containers and hosts use, over websockets and in `host.info`.

use serde_json::{Value, json};

use super::place::{Place, Socket, dial, rest, text, within};

/// The next message: a JSON array.
pub async fn samples(socket: &mut Socket) -> Vec<Value> {
    let text = text(socket).await.expect("a sample");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// What a link of the API gives out.
pub async fn link(place: &Place, path: &str) -> Value {
    let access = place.owner.get(path).await.ok(200);
    assert_eq!(access["type"], "statsAccess", "{access}");
    access
}

pub fn check_shape(sample: &Value, ty: &str) {
    assert_eq!(sample["resourceType"], ty, "{sample}");
    for field in [
        "/memLimit",
        "/cpu/usage/total",
        "/cpu/usage/user",
        "/cpu/usage/system",
        "/cpu/usage/per_cpu_usage/0",
        "/memory/usage",
        "/network/rx_bytes",
        "/network/interfaces/0/tx_bytes",
        "/diskio/io_service_bytes/0/stats/Read",
    ] {
        assert!(sample.pointer(field).is_some_and(Value::is_u64), "{field} of {sample}");
    }
    assert!(sample["timestamp"].as_str().is_some_and(|at| at.ends_with('Z')), "{sample}");
}

#[actix_web::test]
async fn a_container_tells_every_second_until_it_stops() {
    let place = Place::start().await;
    let web = place.container("web", json!({})).await;
    place.time.advance(5_000);
    let shown = place.owner.get(&format!("/containers/{web}")).await.ok(200);
    let url = shown["links"]["containerStats"].as_str().expect("a link");
    let access = link(&place, url).await;
    let path = format!("/v1/containerstats/{}", shown["externalId"].as_str().expect("an id"));
    assert!(access["url"].as_str().is_some_and(|url| url.ends_with(&path)), "{access}");
    let mut socket = dial(&access).await;
    let first = samples(&mut socket).await;
    let [first] = first.as_slice() else { panic!("{first:?}") };
    check_shape(first, "container");
    assert_eq!(first["id"], web);
    place.time.advance(1_000);
    let second = samples(&mut socket).await;
    let total = |sample: &Value| sample["cpu"]["usage"]["total"].as_u64().expect("a number");
    assert!(total(&second[0]) > total(first));

    place.owner.post(&format!("/containers/{web}?action=stop"), json!({})).await.ok(202);
    place.state(&web, "stopped").await;
    place.time.advance(1_000);
    assert_eq!(rest(&mut socket).await.1, Some(1000));
    place.stop().await;
}

#[actix_web::test]
async fn a_service_tells_of_all_its_containers() {
    let place = Place::start().await;
    let stack = place.owner.post("/stacks", json!({"name": "shop"})).await.ok(201);
    let launch = json!({"imageUuid": "docker:nginx", "networkMode": "none"});
    let body = json!({
        "name": "web", "stackId": stack["id"], "scale": 2, "startOnCreate": true,
        "launchConfig": launch,
    });
    let service = place.owner.post("/services", body).await.ok(201);
    let id = service["id"].as_str().expect("an id");
    place.state(id, "active").await;
    let access = link(&place, &format!("/services/{id}/containerstats")).await;
    let mut socket = dial(&access).await;
    let mut seen = std::collections::BTreeSet::new();
    while seen.len() < 2 {
        place.time.advance(1_000);
        for sample in samples(&mut socket).await {
            check_shape(&sample, "container");
            seen.insert(sample["id"].as_str().expect("an id").to_owned());
        }
    }
    let shown = place.owner.get(&format!("/services/{id}")).await.ok(200);
    let mut expect: Vec<&str> =
        shown["instanceIds"].as_array().expect("ids").iter().filter_map(Value::as_str).collect();
    expect.sort_unstable();
    assert!(seen.iter().map(String::as_str).eq(expect));
    place.stop().await;
}

#[actix_web::test]
async fn hosts_tell_for_themselves_and_for_their_environment() {
    let place = Place::start().await;
    let host = format!("1h{}", place.host);
    let project = place.owner.at(format!("{}/v2-beta", place.site.url));
    let shown = project.get("/projects/1a5").await.ok(200);
    let of_project = shown["links"]["hostStats"].as_str().expect("a link").to_owned();
    for (path, end) in [
        (format!("/hosts/{host}/hostStats"), "/v1/hoststats"),
        (of_project, "/v1/hoststats/project/"),
    ] {
        let access = link(&place, &path).await;
        assert!(access["url"].as_str().is_some_and(|url| url.ends_with(end)), "{access}");
        let mut socket = dial(&access).await;
        for _ in 0..2 {
            let all = samples(&mut socket).await;
            let [sample] = all.as_slice() else { panic!("{all:?}") };
            check_shape(sample, "host");
            assert_eq!(sample["id"], host);
        }
    }
    place.stop().await;
}

#[actix_web::test]
async fn a_host_shows_what_is_true_now_and_stores_nothing_of_it() {
    let place = Place::start().await;
    let path = format!("/hosts/1h{}", place.host);
    let info = place.owner.get(&path).await.ok(200)["info"].clone();
    for (field, expect) in [
        ("/memoryInfo/memTotal", json!(8192)),
        ("/memoryInfo/swaptotal", json!(2048)),
        ("/cpuInfo/count", json!(4)),
    ] {
        assert_eq!(info.pointer(field), Some(&expect), "{info}");
    }
    for field in ["memFree", "memAvailable", "buffers", "cached", "swapfree"] {
        assert!(info["memoryInfo"][field].is_u64(), "{field} of {info}");
    }
    assert_eq!(info["cpuInfo"]["cpuCoresPercentages"].as_array().map(Vec::len), Some(4));
    assert_eq!(info["cpuInfo"]["loadAvg"].as_array().map(Vec::len), Some(3));
    assert!(info["osInfo"]["operatingSystem"].is_string(), "{info}");
    let listed = place.owner.get("/hosts").await.ok(200);
    let busy = |host: &Value| host["info"]["cpuInfo"]["cpuCoresPercentages"].clone();
    let before = busy(&listed["data"][0]);
    // A part of a wave of the simulated machine's load: over many waves it would even out.
    place.time.advance(90_000);
    within(async {
        loop {
            // A sample is good for a second of the API's own clock.
            if busy(&place.owner.get(&path).await.ok(200)) != before {
                return;
            }
        }
    })
    .await;
    assert!(listed["data"][0]["info"]["memoryInfo"]["memFree"].is_u64(), "{listed}");
    let stored = place.site.store.read(|read| read.require("host", place.host)).expect("the row");
    let info = stored.data.get("info").cloned().unwrap_or_default();
    for field in ["/memoryInfo/memFree", "/cpuInfo/cpuCoresPercentages", "/cpuInfo/loadAvg"] {
        assert_eq!(info.pointer(field), None, "{field} is stored");
    }
    place.stop().await;
}
