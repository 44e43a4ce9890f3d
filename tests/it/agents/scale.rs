//! A thousand simulated hosts and ten thousand containers, through the API alone.

use futures_util::StreamExt as _;
use ranchette::clock::Clock;
use serde_json::{Value, json};

use super::place::{Beside, Place};

const HOSTS: usize = 1_000;
const CONTAINERS: usize = 10_000;
/// Containers made by one request.
const BATCH: usize = 1_000;
/// Requests under way at once.
const AT_ONCE: usize = 16;

impl Place {
    /// Waits until so many rows of a type are in a state.
    async fn all(&self, ty: &'static str, state: &'static str, count: usize) {
        self.until(&format!("{count} {ty} are {state}"), |read| {
            let query = ranchette::store::Query {
                ty,
                conditions: vec![ranchette::store::Condition {
                    field: "state".to_owned(),
                    op: ranchette::store::Op::Eq,
                    value: state.into(),
                }],
                ..Default::default()
            };
            Ok((read.count(&query)? == i64::try_from(count).expect("a count")).then_some(()))
        })
        .await;
    }
}

#[actix_web::test]
async fn a_thousand_hosts_register_and_ten_thousand_containers_start_and_stop() {
    let place = Place::start(Clock::System, Beside::Nothing).await;
    let (_, registrar) = place.registrar().await;
    place.setting("agent.uri.format", "sim://%s").await;
    let registered = futures_util::stream::iter(0..HOSTS)
        .map(|number| {
            let registrar = registrar.clone();
            async move {
                registrar.post("/register", json!({"key": format!("h{number}")})).await.ok(201)
            }
        })
        .buffer_unordered(AT_ONCE)
        .count();
    assert_eq!(registered.await, HOSTS);
    place.all("agent", "active", HOSTS).await;
    place.all("host", "active", HOSTS).await;

    let owner = place.site.owner().await;
    let mut ids: Vec<String> = Vec::new();
    for batch in 0..CONTAINERS / BATCH {
        let body = json!({"imageUuid": "sim:app", "name": format!("c{batch}"), "count": BATCH});
        let made = owner.post("/containers", body).await.ok(201);
        let rows = made["data"].as_array().expect("rows");
        ids.extend(rows.iter().map(|row: &Value| row["id"].as_str().expect("an id").to_owned()));
    }
    place.all("instance", "running", CONTAINERS).await;
    let counts: Vec<(usize, usize)> =
        (0..HOSTS).map(|number| place.fleet.host(&format!("h{number}")).count()).collect();
    let (all, running) = counts.iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    assert_eq!((all, running), (CONTAINERS, CONTAINERS));
    let most = counts.iter().map(|count| count.1).max();
    assert_eq!(most, Some(CONTAINERS / HOSTS), "they are spread evenly");

    let stopped =
        futures_util::stream::iter(ids)
            .map(|id| {
                let owner = owner.clone();
                async move {
                    owner.post(&format!("/containers/{id}?action=stop"), json!({})).await.ok(202)
                }
            })
            .buffer_unordered(AT_ONCE)
            .count();
    assert_eq!(stopped.await, CONTAINERS);
    place.all("instance", "stopped", CONTAINERS).await;
    let running: usize =
        (0..HOSTS).map(|number| place.fleet.host(&format!("h{number}")).count().1).sum();
    assert_eq!(running, 0);
    place.core.shut_down().await;
}
