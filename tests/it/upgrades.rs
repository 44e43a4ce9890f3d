//! Upgrades and restarts on the simulated fleet: through all their states, and over power failures.

use serde_json::{Value, json};

use ranchette::model::resource::Resource;

use crate::world::World;

/// The containers of a service: `name version state`, those put aside with a star.
fn containers(world: &World, service: i64) -> Vec<String> {
    let rows = world.store().read(|read| read.referrers("instance", "serviceId", service));
    let mut lines: Vec<String> = rows
        .expect("containers")
        .iter()
        .map(|row| {
            let image = row.str("imageUuid").unwrap_or("-").trim_start_matches("docker:");
            let star = if row.flag("retired") { "*" } else { "" };
            format!("{}{star} {image} {}", row.display_name(), row.state)
        })
        .collect();
    lines.sort();
    lines
}

fn to(image: &str, more: Value) -> Value {
    let mut strategy = json!({ "launchConfig": { "imageUuid": image }, "intervalMillis": 1 });
    if let (Value::Object(strategy), Value::Object(more)) = (&mut strategy, more) {
        strategy.extend(more);
    }
    json!({ "inServiceStrategy": strategy })
}

async fn web(world: &World, scale: i64) -> Resource {
    let stack = world.stack("blog").await;
    let web = world.service(&stack, "web", scale, json!({ "imageUuid": "docker:nginx:1" })).await;
    world.state(web.id, "active").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_keeps_the_old_containers_until_it_is_finished() {
    let mut world = World::sim(2).await;
    let web = web(&world, 3).await;
    world.act(web.id, "upgrade", to("docker:nginx:2", json!({ "batchSize": 2 }))).await;
    let upgraded = world.state(web.id, "upgraded").await;
    assert_eq!(
        containers(&world, web.id),
        [
            "blog-web-1 nginx:2 running",
            "blog-web-1* nginx:1 stopped",
            "blog-web-2 nginx:2 running",
            "blog-web-2* nginx:1 stopped",
            "blog-web-3 nginx:2 running",
            "blog-web-3* nginx:1 stopped",
        ]
    );
    assert_eq!(upgraded.int("currentScale"), Some(3));
    let strategy = &upgraded.data["upgrade"]["inServiceStrategy"];
    assert_eq!(strategy["previousLaunchConfig"]["imageUuid"], "docker:nginx:1");
    assert_eq!(strategy["launchConfig"]["imageUuid"], "docker:nginx:2");
    assert_eq!(upgraded.data["launchConfig"]["imageUuid"], "docker:nginx:2");
    assert_ne!(upgraded.data["launchConfig"]["version"], "0");
    let maps = world.store().read(|read| read.referrers("serviceExposeMap", "serviceId", web.id));
    let maps = maps.expect("maps");
    let aside = maps.iter().filter(|map| map.flag("upgrade") && !map.flag("managed")).count();
    assert_eq!((aside, maps.len()), (3, 6));

    world.act(web.id, "finishupgrade", json!({})).await;
    world.state(web.id, "active").await;
    assert_eq!(
        containers(&world, web.id),
        ["blog-web-1 nginx:2 running", "blog-web-2 nginx:2 running", "blog-web-3 nginx:2 running"]
    );
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_roll_back_starts_the_same_containers_again() {
    let mut world = World::sim(1).await;
    let web = web(&world, 2).await;
    let uuids = |world: &World| -> Vec<String> {
        let rows = world.store().read(|read| read.referrers("instance", "serviceId", web.id));
        rows.expect("rows").into_iter().map(|row| row.uuid).collect()
    };
    let before = uuids(&world);
    world.act(web.id, "upgrade", to("docker:nginx:2", json!({}))).await;
    world.state(web.id, "upgraded").await;
    world.act(web.id, "rollback", json!({})).await;
    let back = world.state(web.id, "active").await;
    assert_eq!(uuids(&world), before);
    assert_eq!(
        containers(&world, web.id),
        ["blog-web-1 nginx:1 running", "blog-web-2 nginx:1 running"]
    );
    assert_eq!(back.data["launchConfig"]["imageUuid"], "docker:nginx:1");
    assert_eq!(world.host(1).count(), (2, 2));
    let maps = world.store().read(|read| read.referrers("serviceExposeMap", "serviceId", web.id));
    assert!(maps.expect("maps").iter().all(|map| map.flag("managed") && !map.flag("upgrade")));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_can_be_cancelled_gone_on_with_and_taken_back() {
    let mut world = World::sim(1).await;
    let web = web(&world, 3).await;
    // So long a pause that nothing but the first unit is upgraded.
    let slow = json!({ "intervalMillis": 3_600_000 });
    let first_is_new = |world: &World| {
        let found = containers(world, web.id);
        found.contains(&"blog-web-1 nginx:2 running".to_owned())
    };
    for way in ["rollback", "continueupgrade"] {
        world.act(web.id, "upgrade", to("docker:nginx:2", slow.clone())).await;
        world.until("the first unit is new", |_| Ok(first_is_new(&world).then_some(()))).await;
        world.act(web.id, "cancelupgrade", json!({})).await;
        world.state(web.id, "canceled-upgrade").await;
        assert_eq!(
            containers(&world, web.id),
            [
                "blog-web-1 nginx:2 running",
                "blog-web-1* nginx:1 stopped",
                "blog-web-2 nginx:1 running",
                "blog-web-3 nginx:1 running",
            ]
        );
        // What dies meanwhile is started again as it was.
        world.act(web.id, way, json!({})).await;
        if way == "rollback" {
            world.state(web.id, "active").await;
            assert_eq!(
                containers(&world, web.id),
                [
                    "blog-web-1 nginx:1 running",
                    "blog-web-2 nginx:1 running",
                    "blog-web-3 nginx:1 running",
                ]
            );
        }
    }
    world.act(web.id, "cancelupgrade", json!({})).await;
    world.state(web.id, "canceled-upgrade").await;
    world.act(web.id, "remove", json!({})).await;
    world.state(web.id, "removed").await;
    assert_eq!(world.host(1).count(), (0, 0));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn start_first_has_the_new_before_it_stops_the_old() {
    let mut world = World::sim(1).await;
    let web = web(&world, 1).await;
    world.fleet.transcript().take();
    world.act(web.id, "upgrade", to("docker:nginx:2", json!({ "startFirst": true }))).await;
    world.state(web.id, "upgraded").await;
    let calls = world.fleet.transcript().take();
    let position = |verb: &str| {
        let found = calls.iter().position(|line| line.contains(verb) && line.contains("blog-web"));
        found.unwrap_or_else(|| panic!("no {verb}: {calls:?}"))
    };
    assert!(position(" start ") < position(" stop "), "{calls:?}");
    assert_eq!(
        containers(&world, web.id),
        ["blog-web-1 nginx:2 running", "blog-web-1* nginx:1 stopped"]
    );
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sidekicks_are_upgraded_added_and_taken_away() {
    let mut world = World::sim(1).await;
    let stack = world.stack("blog").await;
    let new = ranchette::model::resource::NewResource::new(
        "service",
        ranchette::clock::Entropy::System.uuid(),
    )
    .name("web")
    .account(world.project)
    .with("stackId", stack.id)
    .with("scale", 1)
    .with("startOnCreate", true)
    .with(
        "launchConfig",
        json!({ "imageUuid": "docker:web:1", "dataVolumesFromLaunchConfigs": ["data"] }),
    )
    .with(
        "secondaryLaunchConfigs",
        json!([
            { "name": "data", "imageUuid": "docker:data:1" },
            { "name": "logs", "imageUuid": "docker:logs:1" },
            { "name": "free", "imageUuid": "docker:free:1" },
        ]),
    );
    let web = world
        .store()
        .write(|tx| ranchette::process::create(tx, new, serde_json::Map::new()))
        .await
        .expect("service");
    world.state(web.id, "active").await;
    let strategy = json!({ "intervalMillis": 1, "secondaryLaunchConfigs": [
        { "name": "data", "imageUuid": "docker:data:2" },
        { "name": "logs", "imageUuid": "rancher/none" },
        { "name": "more", "imageUuid": "docker:more:1" },
    ] });
    world.act(web.id, "upgrade", json!({ "inServiceStrategy": strategy })).await;
    world.state(web.id, "upgraded").await;
    let upgraded = [
        "blog-web-1 web:1 running",
        "blog-web-1* web:1 stopped",
        "blog-web-data-1 data:2 running",
        "blog-web-data-1* data:1 stopped",
        "blog-web-free-1 free:1 running",
        "blog-web-logs-1* logs:1 stopped",
        "blog-web-more-1 more:1 running",
    ];
    assert_eq!(containers(&world, web.id), upgraded);
    world.act(web.id, "rollback", json!({})).await;
    world.state(web.id, "active").await;
    assert_eq!(
        containers(&world, web.id),
        [
            "blog-web-1 web:1 running",
            "blog-web-data-1 data:1 running",
            "blog-web-free-1 free:1 running",
            "blog-web-logs-1 logs:1 running",
        ]
    );
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_does_not_run_is_upgraded_too() {
    let mut world = World::sim(1).await;
    let web = web(&world, 1).await;
    world.act(web.id, "deactivate", json!({})).await;
    world.state(web.id, "inactive").await;
    world.act(web.id, "upgrade", to("docker:nginx:2", json!({}))).await;
    world.state(web.id, "upgraded").await;
    world.act(web.id, "finishupgrade", json!({})).await;
    world.state(web.id, "active").await;
    assert_eq!(containers(&world, web.id), ["blog-web-1 nginx:2 running"]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gated_upgrade_takes_itself_back() {
    let mut world = World::sim(1).await;
    let web = web(&world, 2).await;
    let failing = json!({ "launchConfig": {
        "imageUuid": "docker:nginx:2",
        "command": ["sh", "-c", "exit 3"],
        "labels": { "io.ranchette.upgrade.healthy_within": "600" },
    } });
    world.act(web.id, "upgrade", to("docker:nginx:2", failing)).await;
    let back = world
        .until("the upgrade is taken back", |read| {
            let row = read.get(web.id)?.filter(|row| row.state == "active");
            Ok(row.filter(|row| row.str("transitioningMessage").is_some()))
        })
        .await;
    let message = back.str("transitioningMessage").unwrap_or_default();
    assert!(message.starts_with("the upgrade was rolled back: web-1"), "{message}");
    assert_eq!(
        containers(&world, web.id),
        ["blog-web-1 nginx:1 running", "blog-web-2 nginx:1 running"]
    );
    let log = world.store().read(|read| read.referrers("serviceLog", "serviceId", web.id));
    let log = log.expect("log");
    let types: Vec<&str> = log.iter().filter_map(|row| row.str("eventType")).collect();
    for expected in ["service.upgrade", "service.upgrade.exception", "service.rollback"] {
        assert!(types.contains(&expected), "{types:?}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_scale_moves_to_another_service_and_back() {
    let mut world = World::sim(1).await;
    let stack = world.stack("blog").await;
    let one = world.service(&stack, "one", 3, json!({ "imageUuid": "docker:one" })).await;
    let two = world.service(&stack, "two", 1, json!({ "imageUuid": "docker:two" })).await;
    world.state(one.id, "active").await;
    world.state(two.id, "active").await;
    let strategy =
        json!({ "toServiceId": two.id, "finalScale": 3, "batchSize": 2, "intervalMillis": 1 });
    world.act(one.id, "upgrade", json!({ "toServiceStrategy": strategy })).await;
    let upgraded = world.state(one.id, "upgraded").await;
    assert_eq!(upgraded.int("scale"), Some(0));
    let other = world.state(two.id, "active").await;
    assert_eq!(other.int("scale"), Some(3));
    assert_eq!(containers(&world, one.id), [""; 0]);
    assert_eq!(containers(&world, two.id).len(), 3);
    world.act(one.id, "rollback", json!({})).await;
    world.state(one.id, "active").await;
    assert_eq!(containers(&world, one.id).len(), 3);
    assert_eq!(containers(&world, two.id), [""; 0]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_starts_the_same_containers_batch_by_batch() {
    let mut world = World::sim(1).await;
    let web = web(&world, 3).await;
    let started = world.clock.now_ms();
    // What started in the very millisecond of the request has just been restarted.
    world.clock.sleep_until(started + 2).await;
    let strategy = json!({ "batchSize": 2, "intervalMillis": 1 });
    world.act(web.id, "restart", json!({ "rollingRestartStrategy": strategy })).await;
    let done = world.state(web.id, "active").await;
    assert_eq!(done.data["restart"]["rollingRestartStrategy"]["batchSize"], 2);
    let rows = world.store().read(|read| read.referrers("instance", "serviceId", web.id));
    let counts: Vec<Option<i64>> =
        rows.expect("rows").iter().map(|row| row.int("startCount")).collect();
    assert_eq!(counts, [Some(2); 3]);
    world.stop().await;
}

const FIRST: &str = "version: '2'
services:
  web:
    image: nginx:1
    links: [db]
    external_links: ['shared/mail:smtp']
    labels: { io.rancher.sidekicks: logs }
  logs:
    image: logs:1
  db:
    image: db:1
  out:
    image: rancher/external-service
  www:
    image: rancher/dns-service
    links: ['web:web']
";
const FIRST_RANCHER: &str = "version: '2'
services:
  web:
    scale: 2
    upgrade_strategy: { batch_size: 2, interval_millis: 100 }
  out:
    external_ips: [192.0.2.1]
";

/// A stack from compose files, with all its services up.
async fn stack(world: &World) -> Resource {
    let new = ranchette::model::resource::NewResource::new(
        "stack",
        ranchette::clock::Entropy::System.uuid(),
    )
    .name("blog")
    .account(world.project)
    .with("startOnCreate", true)
    .with("externalId", "catalog://library:blog:0")
    .with("environment", json!({ "TAG": "1" }))
    .with("dockerCompose", FIRST)
    .with("rancherCompose", FIRST_RANCHER);
    let made = world
        .store()
        .write(|tx| ranchette::process::create(tx, new, serde_json::Map::new()))
        .await
        .expect("stack");
    let stack = world.state(made.id, "active").await;
    world
        .until("every service is active", |read| {
            let services = read.referrers("service", "stackId", made.id)?;
            let all = services.iter().all(|service| service.state == "active");
            Ok((services.len() == 4 && all).then_some(()))
        })
        .await;
    stack
}

fn service_named(world: &World, stack: i64, name: &str) -> Resource {
    let services = world.store().read(|read| read.referrers("service", "stackId", stack));
    let mut services = services.expect("services");
    services.retain(|service| service.name.as_deref() == Some(name));
    services.pop().unwrap_or_else(|| panic!("no service {name}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stack_is_upgraded_from_its_files_finished_and_rolled_back() {
    let mut world = World::sim(1).await;
    let stack = stack(&world).await;
    let (web, db) = (service_named(&world, stack.id, "web"), service_named(&world, stack.id, "db"));
    let links = world.store().read(|read| read.referrers("serviceConsumeMap", "serviceId", web.id));
    let mut links: Vec<String> = links
        .expect("links")
        .iter()
        .map(|link| {
            let id = link.int("consumedServiceId").map(|id| (id == db.id).to_string());
            let target = id.or_else(|| link.str("consumedService").map(str::to_owned));
            format!("{} {}", link.display_name(), target.unwrap_or_default())
        })
        .collect();
    links.sort();
    assert_eq!(links, ["db true", "smtp shared/mail"]);

    for end in ["rollback", "finishupgrade"] {
        let second = FIRST.replace("nginx:1", "nginx:${TAG}");
        let input = json!({
            "dockerCompose": second,
            "rancherCompose": FIRST_RANCHER,
            "environment": { "TAG": "2" },
            "externalId": "catalog://library:blog:1",
        });
        world.act(stack.id, "upgrade", input).await;
        let upgraded = world.state(stack.id, "upgraded").await;
        assert_eq!(upgraded.str("externalId"), Some("catalog://library:blog:1"));
        assert_eq!(upgraded.str("previousExternalId"), Some("catalog://library:blog:0"));
        assert_eq!(upgraded.data["previousEnvironment"], json!({ "TAG": "1" }));
        assert_eq!(
            containers(&world, web.id),
            [
                "blog-web-1 nginx:2 running",
                "blog-web-1* nginx:1 stopped",
                "blog-web-2 nginx:2 running",
                "blog-web-2* nginx:1 stopped",
                "blog-web-logs-1 logs:1 running",
                "blog-web-logs-2 logs:1 running",
            ],
            "only what the files say differently is replaced"
        );
        let changed = service_named(&world, stack.id, "web");
        assert_eq!(changed.state, "upgraded");
        assert_eq!(changed.data["upgrade"]["inServiceStrategy"]["batchSize"], 2);
        assert_eq!(service_named(&world, stack.id, "db").state, "active");

        world.act(stack.id, end, json!({})).await;
        let done = world.state(stack.id, "active").await;
        assert_eq!(service_named(&world, stack.id, "web").state, "active");
        assert!(done.data.get("previousExternalId").is_none());
        let (image, id) = match end {
            "rollback" => ("nginx:1", "catalog://library:blog:0"),
            _ => ("nginx:2", "catalog://library:blog:1"),
        };
        assert_eq!(done.str("externalId"), Some(id));
        assert_eq!(containers(&world, web.id)[0], format!("blog-web-1 {image} running"));
        assert_eq!(containers(&world, web.id).len(), 4);
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stack_upgrade_without_files_is_over_at_once() {
    let mut world = World::sim(1).await;
    let stack = world.stack("blog").await;
    world.state(stack.id, "active").await;
    world.act(stack.id, "upgrade", json!({ "externalId": "catalog://a:b:1" })).await;
    let upgraded = world.state(stack.id, "upgraded").await;
    assert_eq!(upgraded.str("externalId"), Some("catalog://a:b:1"));
    world.act(stack.id, "rollback", json!({})).await;
    let back = world.state(stack.id, "active").await;
    assert_eq!(back.str("externalId"), None);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_are_wrong_leave_a_stack_as_it_was() {
    let mut world = World::sim(1).await;
    let stack = stack(&world).await;
    let before = world.store().read(|read| read.get(stack.id)).expect("read").expect("stack");
    world.act(stack.id, "upgrade", json!({ "dockerCompose": "services: { web: {} }" })).await;
    let refused = world.state(stack.id, "canceled-upgrade").await;
    let message = refused.str("transitioningMessage").unwrap_or_default();
    assert!(message.contains("web"), "{message}");
    for field in ["dockerCompose", "externalId", "environment"] {
        assert_eq!(refused.data.get(field), before.data.get(field), "{field}");
    }
    world.act(stack.id, "rollback", json!({})).await;
    world.state(stack.id, "active").await;
    world.stop().await;
}
