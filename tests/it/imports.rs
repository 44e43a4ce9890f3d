//! Stacks that a client makes with their compose files, on the simulated fleet: what starts, what links to
//! each other, what is infrastructure, and what finds no host.

use ranchette::clock::Entropy;
use ranchette::model::resource::{NewResource, Resource};
use ranchette::process;
use serde_json::{Map, Value, json};

use crate::world::World;

/// Makes a stack as the API does; its services by name, once they have so many.
async fn stack(world: &World, name: &str, more: Value, services: usize) -> Vec<Resource> {
    let mut new =
        NewResource::new("stack", Entropy::System.uuid()).name(name).account(world.project);
    new.data.extend(process::object(more));
    let made = world.store().write(|tx| process::create(tx, new, Map::new())).await;
    let id = made.expect("a stack").id;
    world.state(id, "active").await;
    let mut rows = world
        .until("services are made", |read| {
            let rows = read.referrers("service", "stackId", id)?;
            Ok((rows.len() == services).then_some(rows))
        })
        .await;
    rows.sort_by(|a, b| a.name.cmp(&b.name));
    rows
}

/// The containers of a service once they run.
async fn running(world: &World, service: &Resource) -> Vec<Resource> {
    world
        .until("containers run", |read| {
            let rows = read.referrers("instance", "serviceId", service.id)?;
            let all = !rows.is_empty() && rows.iter().all(|row| row.state == "running");
            Ok(all.then_some(rows))
        })
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stack_says_whether_its_services_start() {
    let mut world = World::sim(1).await;
    let compose = "version: '2'\nservices:\n  one: {image: app}\n  two: {image: app}\n";
    let own = "version: '2'\nservices:\n  one: {start_on_create: true}\n  two: {scale: 1}\n";
    let none = "version: '2'\nservices:\n  one: {start_on_create: false}\n  two: {scale: 1}\n";
    for (name, asked, rancher, states) in [
        ("unsaid", json!({}), "", ["inactive", "inactive"]),
        ("no", json!({"startOnCreate": false}), "", ["inactive", "inactive"]),
        ("yes", json!({"startOnCreate": true}), "", ["active", "active"]),
        ("one", json!({"startOnCreate": false}), own, ["active", "inactive"]),
        ("other", json!({"startOnCreate": true}), none, ["inactive", "active"]),
    ] {
        let mut fields = asked;
        fields["dockerCompose"] = compose.into();
        fields["rancherCompose"] = rancher.into();
        let services = stack(&world, name, fields, 2).await;
        for (service, state) in services.iter().zip(states) {
            world.state(service.id, state).await;
        }
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_of_a_file_link_to_each_other() {
    let mut world = World::sim(1).await;
    let compose = "version: '2'\nservices:\n  a: {image: app, links: [b]}\n  \
                   b: {image: app, links: ['a:back']}\n";
    let fields = json!({"dockerCompose": compose, "startOnCreate": true});
    let services = stack(&world, "round", fields, 2).await;
    for service in &services {
        world.state(service.id, "active").await;
    }
    let links = |service: &Resource| {
        let maps = world
            .store()
            .read(|read| read.referrers("serviceConsumeMap", "serviceId", service.id))
            .expect("links");
        let link = |row: &Resource| (row.name.clone(), row.int("consumedServiceId"));
        maps.iter().map(link).collect::<Vec<_>>()
    };
    let [a, b] = services.as_slice() else { panic!("{services:?}") };
    assert_eq!(links(a), [(Some("b".to_owned()), Some(b.id))]);
    assert_eq!(links(b), [(Some("back".to_owned()), Some(a.id))]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn containers_have_the_labels_of_their_service_and_environment() {
    let mut world = World::sim(1).await;
    let compose = "version: '2'\nservices:\n  web:\n    image: app\n    labels:\n      \
                   io.rancher.sidekicks: log\n      io.rancher.scheduler.affinity:host_label_soft: a=1\n      \
                   own: web\n  log:\n    image: app\n    labels:\n      \
                   io.rancher.scheduler.affinity:host_label_soft: b=2\n      own: log\n";
    let fields = json!({"dockerCompose": compose, "startOnCreate": true, "system": true});
    let services = stack(&world, "infra", fields, 1).await;
    let project = world.store().read(|read| read.get(world.project)).expect("read").expect("row");
    let containers = running(&world, &services[0]).await;
    assert_eq!(containers.len(), 2);
    for row in &containers {
        let name = row.name.clone().unwrap_or_default();
        let labels = row.map("labels").expect("labels");
        let label = |key: &str| labels.get(key).and_then(Value::as_str);
        assert!(row.flag("system"), "{name}");
        assert_eq!(label("io.rancher.container.system"), Some("true"), "{name}");
        assert_eq!(label("io.rancher.environment.uuid"), Some(project.uuid.as_str()), "{name}");
        let placed = label("io.rancher.scheduler.affinity:host_label_soft");
        assert_eq!(placed, Some("a=1,b=2"), "{name}");
        let own = if name.contains("log") { "log" } else { "web" };
        assert_eq!(label("own"), Some(own), "{name}");
    }
    let plain = stack(
        &world,
        "plain",
        json!({
            "dockerCompose": "version: '2'\nservices:\n  web: {image: app}\n", "startOnCreate": true,
        }),
        1,
    )
    .await;
    let containers = running(&world, &plain[0]).await;
    assert!(!containers[0].flag("system"));
    let labels = containers[0].map("labels").expect("labels");
    assert!(!labels.contains_key("io.rancher.container.system"), "{labels:?}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_finds_no_host_says_so_as_an_error_and_goes_on_once_it_does() {
    let mut world = World::sim(1).await;
    let made = world.stack("blog").await;
    let launch = json!({
        "imageUuid": "docker:app",
        "labels": { "io.rancher.scheduler.affinity:host_label": "disk=ssd" },
    });
    let web = world.service(&made, "web", 1, launch).await;
    let told = world
        .until("the service says what is wrong", |read| {
            Ok(read.get(web.id)?.filter(|row| row.str("transitioning") == Some("error")))
        })
        .await;
    assert_eq!(told.state, "activating");
    let message = told.str("transitioningMessage").unwrap_or_default();
    let begins = "blog-web-1: Allocation failed: needs host with label disk: ssd";
    assert!(message.starts_with(begins), "{message}");
    let host = world.only("host").await;
    let labels = json!({ "disk": "ssd" });
    let store = world.store();
    let labelled = store.write(move |tx| {
        tx.update(host, |row| {
            row.set("labels", labels);
            Ok(())
        })
    });
    labelled.await.expect("the host has a label");
    let row = world.state(web.id, "active").await;
    assert_eq!(row.str("transitioning"), None, "{:?}", row.str("transitioningMessage"));
    world.stop().await;
}
