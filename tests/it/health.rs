//! Health checks: what containers answer, and what becomes of them and their service.

use ranchette::engine::EngineError;
use ranchette::engine::error::Transient;
use ranchette::engine::sim::{Effect, Fault, Op};
use ranchette::model::resource::Resource;
use serde_json::{Value, json};

use crate::docker_support::docker;
use crate::ranch::{Ranch, until};
use crate::world::World;

/// A launch configuration that is checked every few milliseconds.
fn checked(change: Value) -> Value {
    let mut check = json!({
        "port": 80, "interval": 5, "responseTimeout": 1000,
        "healthyThreshold": 2, "unhealthyThreshold": 3,
    });
    if let (Some(check), Value::Object(change)) = (check.as_object_mut(), change) {
        check.extend(change);
    }
    json!({ "imageUuid": "docker:nginx", "healthCheck": check })
}

fn sick(name: &str) -> Fault {
    let reason = EngineError::Other {
        what: "probe".to_owned(),
        detail: "refused".to_owned(),
        transient: Transient::Yes,
    };
    Fault::on(Op::Probe, Effect::Fail(reason)).about(name)
}

async fn containers(
    world: &World,
    service: i64,
    health: &'static str,
    count: usize,
) -> Vec<Resource> {
    world
        .until(&format!("{count} containers are {health}"), |read| {
            let rows = read.referrers("instance", "serviceId", service)?;
            let all = rows.iter().all(|row| row.str("healthState") == Some(health));
            Ok((rows.len() == count && all).then_some(rows))
        })
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sick_container_is_replaced_and_the_service_says_so() {
    let mut world = World::sim(1).await;
    let stack = world.stack("blog").await;
    let web = world.service(&stack, "web", 2, checked(json!({}))).await;
    let first = containers(&world, web.id, "healthy", 2).await;
    world.state(web.id, "active").await;
    world
        .until("the service is healthy", |read| {
            Ok(read.get(web.id)?.filter(|row| row.str("healthState") == Some("healthy")))
        })
        .await;

    let victim = first[0].clone();
    let name = victim.name.clone().expect("a name");
    world.fleet.faults().add(sick(&name));
    world
        .until("the sick container is gone", |read| {
            let row = read.get(victim.id)?;
            Ok(row.filter(|row| row.removed.is_some()))
        })
        .await;
    world.fleet.faults().clear();
    let second = containers(&world, web.id, "healthy", 2).await;
    assert!(second.iter().any(|row| row.id == first[1].id), "the other one stays");
    assert!(second.iter().any(|row| row.name == victim.name && row.id != victim.id));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_strategy_none_it_stays_and_recovers() {
    let mut world = World::sim(1).await;
    let stack = world.stack("blog").await;
    let web = world.service(&stack, "web", 1, checked(json!({ "strategy": "none" }))).await;
    let first = containers(&world, web.id, "healthy", 1).await;
    world.fleet.faults().add(sick("web"));
    containers(&world, web.id, "unhealthy", 1).await;
    world
        .until("the service is unhealthy", |read| {
            Ok(read.get(web.id)?.filter(|row| row.str("healthState") == Some("unhealthy")))
        })
        .await;
    world.fleet.faults().clear();
    let last = containers(&world, web.id, "healthy", 1).await;
    assert_eq!(last[0].id, first[0].id);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_that_takes_too_long_is_tried_again() {
    let mut world = World::sim(1).await;
    world.fleet.faults().add(sick("web"));
    let stack = world.stack("blog").await;
    let limited = checked(json!({ "initializingTimeout": 50 }));
    let web = world.service(&stack, "web", 1, limited).await;
    let first = containers(&world, web.id, "initializing", 1).await;
    world
        .until("it is given up", |read| {
            let row = read.get(first[0].id)?;
            Ok(row.filter(|row| row.removed.is_some()))
        })
        .await;
    world.fleet.faults().clear();
    containers(&world, web.id, "healthy", 1).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_start_is_reinitializing() {
    let mut world = World::sim(1).await;
    let stack = world.stack("blog").await;
    let web = world.service(&stack, "web", 1, checked(json!({}))).await;
    let first = containers(&world, web.id, "healthy", 1).await;
    world.fleet.faults().add(sick("web"));
    let external = first[0].str("externalId").expect("external id").to_owned();
    world.host(1).external_exit(&external, 1).expect("exits");
    containers(&world, web.id, "reinitializing", 1).await;
    world.fleet.faults().clear();
    let last = containers(&world, web.id, "healthy", 1).await;
    assert_eq!((last[0].id, last[0].int("startCount")), (first[0].id, Some(2)));
    world.stop().await;
}

/// A page that can be taken away, checked by us, and a file that Docker looks for.
fn compose(image: &str) -> String {
    format!(
        r#"services:
  web:
    image: {image}
    command: [sh, -c, "echo ok > /www/up && exec httpd -f -p 80 -h /www"]
    stop_signal: SIGKILL
    health_check:
      port: 80
      request_line: GET "/up" "HTTP/1.0"
      interval: 100
      response_timeout: 2000
      healthy_threshold: 2
      unhealthy_threshold: 2
  own:
    image: {image}
    command: [sh, -c, "touch /well && exec sleep 100000"]
    stop_signal: SIGKILL
    healthcheck: {{ test: ["CMD", "test", "-f", "/well"], interval: 1s, retries: 1 }}
"#
    )
}

async fn healthy(ranch: &Ranch, name: &str, but: Option<&str>) -> (String, String) {
    until(&format!("{name} is healthy"), async || {
        let rows = ranch.list("containers").await;
        let found = rows.iter().find(|row| {
            row["name"].as_str().is_some_and(|own| own.contains(name))
                && row["healthState"] == "healthy"
                && row["id"].as_str() != but
        });
        let text = |row: &Value, field: &str| row[field].as_str().unwrap_or_default().to_owned();
        match found {
            Some(row) => Ok((text(row, "id"), text(row, "externalId"))),
            None => {
                Err(format!("{:?}", rows.iter().map(|row| &row["healthState"]).collect::<Vec<_>>()))
            }
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn containers_on_docker_are_checked_and_replaced() {
    let docker = docker().await;
    let ranch = Ranch::new(&docker.endpoint, 7, &["health"]);
    let stack = ranch.stack(0).to_owned();
    let server = ranch.start().await;
    ranch.ok(&["up", "-f", &ranch.file(&compose(&docker.image)), "-p", &stack]).await;

    let (web, container) = healthy(&ranch, "-web-1", None).await;
    ranch.exec(&container, &["rm", "/www/up"]).expect("the page is taken away");
    let (second, _) = healthy(&ranch, "-web-1", Some(&web)).await;
    assert_ne!(second, web, "one without its page is replaced");

    let (own, container) = healthy(&ranch, "-own-1", None).await;
    ranch.exec(&container, &["rm", "/well"]).expect("the file is taken away");
    healthy(&ranch, "-own-1", Some(&own)).await;
    ranch.ok(&["down", &stack, "--yes"]).await;
    server.shut_down().await;
}
