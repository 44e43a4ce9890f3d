//! A compose project is taken over and given back, and no container notices.

use ranchette::controller::deploy::Request;
use ranchette::engine::Engine;
use ranchette::engine::sim::SimEngine;
use ranchette::engine::spec::{NetworkAttachment, lost};
use ranchette::model::resource::Resource;
use ranchette::process::native;
use serde_json::json;

use super::project::{
    NETWORK, PROJECT, STACK, live, member, runs, service, settled, take, taken, undo,
};
use super::{compare, row, run, running, shown};
use crate::world::World;

/// What the fleet was asked to do, but for looking.
fn asked(world: &World) -> Vec<String> {
    world.fleet.transcript().take()
}

/// Lines by which a container would notice something.
fn felt(lines: &[String]) -> Vec<&String> {
    let gentle = ["host1 connect ", "host1 disconnect ", "host1 network "];
    lines.iter().filter(|line| !gentle.iter().any(|start| line.starts_with(start))).collect()
}

#[tokio::test]
async fn a_project_is_taken_over_and_given_back() {
    let mut world = World::sim(1).await;
    let host = world.host(1);
    let ids = runs(&world, &host).await;
    let natives: Vec<Resource> = ids.iter().filter_map(|id| row(&world, id)).collect();
    let (before, addresses) = (running(&host), live(&world, "ipAddress"));
    asked(&world);

    let stack = taken(&world).await;
    compare(&world).await;
    settled(&world, stack).await;
    let lines = asked(&world);
    assert_eq!(felt(&lines), Vec::<&String>::new());
    assert_eq!(
        lines.iter().filter(|line| line.starts_with("host1 connect ")).count(),
        3,
        "{lines:?}"
    );
    assert_eq!(running(&host), before, "nothing was restarted");
    is_as_it_ran(&world, &host, stack, &ids, &natives);

    // The next server finds them as they are.
    world.stop().await;
    world.start().await;
    compare(&world).await;
    settled(&world, stack).await;
    assert_eq!(felt(&asked(&world)), Vec::<&String>::new());

    grows_and_shrinks(&world, &host, stack).await;

    let done = undo(&world, stack).await;
    assert_eq!((done.refusals.len(), done.containers.len()), (0, 3));
    for (id, native) in ids.iter().zip(&natives) {
        let again = shown(&world, id, "running").await;
        assert_eq!((again.id, &again.name, &again.data), (native.id, &native.name, &native.data));
    }
    compare(&world).await;
    let lines = asked(&world);
    assert_eq!(felt(&lines), Vec::<&String>::new());
    assert_eq!(running(&host), before);
    for id in &ids {
        assert_eq!(host.networks_of(id).len(), 1, "{:?}", host.networks_of(id));
    }
    assert_eq!(live(&world, "stack"), Vec::<String>::new());
    assert_eq!(live(&world, "service"), Vec::<String>::new());
    assert_eq!(live(&world, "volume"), ["my_blog_data"]);
    assert_eq!(live(&world, "ipAddress"), addresses);
    assert_eq!(host.volume_names(), ["my_blog_data"]);

    // And once more.
    let stack = taken(&world).await;
    assert_eq!(running(&host), before);
    world.act(stack, "remove", json!({})).await;
    world.state(stack, "removed").await;
    assert_eq!(host.count(), (0, 0), "what a stack has goes with it");
    assert_eq!(host.volume_names(), ["my_blog_data"], "but for what was there before it");
}

/// The rows of the stack say what its containers are.
fn is_as_it_ran(world: &World, host: &SimEngine, stack: i64, ids: &[String], natives: &[Resource]) {
    let named = live(world, "instance");
    assert_eq!(named, ["db-1", "web-1", "web-2"].map(|name| format!("{STACK}-{name}")));
    let web = service(world, stack, "web");
    assert_eq!(
        (web.state.as_str(), web.int("scale"), web.int("currentScale")),
        ("active", Some(2), Some(2))
    );
    let launch = web.map("launchConfig").expect("a launch configuration");
    assert_eq!(launch.get("command"), Some(&json!(["sleep", "100000"])));
    assert_eq!(launch.get("networkMode"), None);
    assert!(!launch.contains_key("labels"), "{launch:?}");
    let db = row(world, &ids[2]).expect("a row");
    assert_eq!(db.list("ports"), [json!("8080:80/tcp")]);
    assert_eq!(db.list("dataVolumes"), [json!("my_blog_data:/data")]);
    for (id, native) in ids.iter().zip(natives) {
        let row = row(world, id).expect("a row");
        assert_eq!((row.id, row.flag("nativeContainer")), (native.id, false));
        let address = row.str("primaryIpAddress").map(str::to_owned);
        let networks = host.networks_of(id);
        assert_eq!(networks[0].0, NETWORK);
        assert!(
            networks[1].0.starts_with("ranchette-") && networks[1].1 == address,
            "{networks:?}"
        );
    }
}

/// A container that is made beside those that were taken over keeps the stack from being given back.
async fn grows_and_shrinks(world: &World, host: &SimEngine, stack: i64) {
    let web = service(world, stack, "web").id;
    world.scale(web, 3).await;
    world
        .until("three containers run", |read| {
            let rows = read.referrers("instance", "serviceId", web)?;
            Ok((rows.iter().filter(|row| row.state == "running").count() == 3).then_some(()))
        })
        .await;
    let made = host.everything().into_iter().find(|one| one.uuid.is_some()).expect("a container");
    let networks: Vec<String> = host.networks_of(&made.id).into_iter().map(|on| on.0).collect();
    assert!(networks.contains(&NETWORK.to_owned()), "its neighbours know it there: {networks:?}");
    settled(world, stack).await;
    let refused = undo(world, stack).await.refusals;
    assert_eq!(
        refused,
        [
            "service `web` was changed: `my-blog-web-3` was made here, and nobody could be given it back"
        ]
    );
    world.scale(web, 2).await;
    world
        .until("two containers are left", |read| {
            Ok((read.referrers("instance", "serviceId", web)?.len() == 2).then_some(()))
        })
        .await;
    settled(world, stack).await;
    asked(world);
}

/// The project's files as a client would send them.
fn files(db: &str) -> Result<Request, String> {
    let text = format!(
        "services:
  web:
    image: nginx:1
    command: [sleep, '100000']
    environment: {{ MODE: fast }}
    mem_limit: 64m
    restart: always
    deploy: {{ replicas: 5 }}
  db:
    image: nginx:1
    command: [{db}]
    environment: {{ MODE: fast }}
    mem_limit: 64m
    restart: always
    ports: ['8080:80']
    volumes: ['data:/data']
  later:
    image: nginx:1
volumes:
  data:
"
    );
    Ok(Request { name: Some(STACK.to_owned()), docker_compose: text, ..Request::default() })
}

#[tokio::test]
async fn files_say_what_services_are_unless_their_containers_differ() {
    let world = World::sim(1).await;
    let host = world.host(1);
    runs(&world, &host).await;
    let before = running(&host);
    let (stack, resolved) = take(&world, files("sleep, '100000'")).await;
    let stack = stack.unwrap_or_else(|| panic!("{resolved:?}"));
    settled(&world, stack).await;
    let notes: Vec<(&str, bool, &[String])> = resolved
        .services
        .iter()
        .map(|one| (one.service.as_str(), one.from_files, one.notes.as_slice()))
        .collect();
    let later = ["has no containers and is not started".to_owned()];
    assert_eq!(notes, [("web", true, &[][..]), ("db", true, &[]), ("later", true, &later)]);
    assert_eq!(service(&world, stack, "web").int("scale"), Some(2), "as many as there are");
    assert_eq!(service(&world, stack, "later").state, "inactive");
    assert_eq!(running(&host), before);
    let mounts = service(&world, stack, "db").map("launchConfig").cloned().expect("a launch");
    assert_eq!(mounts["dataVolumes"], json!(["my_blog_data:/data"]), "its own volume");
    // The same files change nothing afterwards.
    let store = world.store();
    let project = world.project;
    let request = files("sleep, '100000'").expect("files");
    let plan = store.read(|read| ranchette::controller::deploy::plan(read, project, &request));
    let actions: Vec<String> = plan
        .expect("a plan")
        .changes
        .iter()
        .map(|change| format!("{:?} {}", change.action, change.service))
        .collect();
    assert_eq!(actions, ["Scale web", "Unchanged db", "Start later"]);
    undo(&world, stack).await;

    for id in before.iter().map(|one| &one.0) {
        shown(&world, id, "running").await;
    }
    let (stack, resolved) = take(&world, files("sleep, '5'")).await;
    let db = resolved.services.iter().find(|one| one.service == "db").expect("db");
    assert_eq!(
        (db.from_files, db.notes.join("")),
        (false, "runs with another command than its file says".to_owned())
    );
    let stack = stack.expect("a stack");
    settled(&world, stack).await;
    let db = service(&world, stack, "db");
    assert_eq!(db.map("launchConfig").expect("a launch")["command"], json!(["sleep", "100000"]));
    assert_eq!(running(&host), before);
}

#[tokio::test]
async fn what_a_new_container_would_be_without_is_told() {
    let world = World::sim(1).await;
    let host = world.host(1);
    let ids = runs(&world, &host).await;
    let web = row(&world, &ids[0]).expect("a row").id;
    let lost = json!(["would not have its GPUs", lost::NO_GRACE]);
    let note = move |tx: &mut ranchette::store::Tx<'_>| {
        tx.update(web, |row| {
            row.set(native::LOST, lost);
            Ok(())
        })
    };
    world.store().write(note).await.expect("a row");
    // Files cannot say it either.
    for files in [files("sleep, '100000'"), Err("none".to_owned())] {
        let (stack, resolved) = take(&world, files).await;
        let notes: Vec<(&str, &[String])> = resolved
            .services
            .iter()
            .filter(|one| !one.units.is_empty())
            .map(|one| (one.service.as_str(), one.notes.as_slice()))
            .collect();
        let gpus = ["a new container would not have its GPUs".to_owned()];
        // Its check is its image's, which the next container asks, too.
        let mut expected = [("web", &gpus[..]), ("db", &[])];
        expected.sort_by_key(|one| notes.iter().position(|other| other.0 == one.0));
        assert_eq!(notes, expected);
        let stack = stack.expect("a stack");
        settled(&world, stack).await;
        undo(&world, stack).await;
        for id in &ids {
            shown(&world, id, "running").await;
        }
    }
}

#[tokio::test]
async fn what_cannot_be_taken_over_is_left_alone() {
    let world = World::sim(1).await;
    let host = world.host(1);
    let ids = runs(&world, &host).await;
    let other = world.stack(STACK).await;
    let (stack, resolved) = take(&world, Err("none".to_owned())).await;
    assert_eq!(
        (stack, resolved.refusals),
        (None, vec!["there is already a stack called `my-blog`".to_owned()])
    );
    world.act(other.id, "remove", json!({})).await;
    world.state(other.id, "removed").await;

    // A container that does not run is left out where others do, and a job that is done stays done.
    host.stop(&ids[1], 1).await.expect("a stop");
    shown(&world, &ids[1], "stopped").await;
    let mut job = member("job", 1);
    job.process.command = vec!["true".to_owned()];
    job.restart = None;
    let job = run(&host, &job).await;
    shown(&world, &job, "stopped").await;
    let before = running(&host);
    let (stack, resolved) = take(&world, Err("none".to_owned())).await;
    let stack = stack.unwrap_or_else(|| panic!("{:?}", resolved.refusals));
    settled(&world, stack).await;
    assert_eq!(
        resolved.notes,
        [
            "container `my_blog-web-2` does not run and is left out",
            "taken from its containers: none",
        ]
    );
    assert_eq!(service(&world, stack, "web").int("scale"), Some(1));
    assert!(row(&world, &ids[1]).is_some_and(|row| row.flag("nativeContainer")));
    assert_eq!(service(&world, stack, "job").state, "active");
    compare(&world).await;
    settled(&world, stack).await;
    assert_eq!(running(&host), before);
}

#[tokio::test]
async fn a_container_that_shares_a_network_runs_beside_its_owner() {
    let world = World::sim(1).await;
    let host = world.host(1);
    let ids = runs(&world, &host).await;
    // Rows are older than those of what they depend on, if the engine listed them so.
    let mut beside = member("beside", 1);
    beside.network = NetworkAttachment::Container(ids[2].clone());
    let beside = run(&host, &beside).await;
    shown(&world, &beside, "running").await;
    let before = running(&host);
    let stack = taken(&world).await;
    compare(&world).await;
    settled(&world, stack).await;
    assert_eq!(running(&host), before);
    assert_eq!(live(&world, "service"), ["db", "web"]);
    let sidekick = row(&world, &beside).expect("a row");
    let owner = row(&world, &ids[2]).expect("a row");
    assert_eq!(sidekick.int("networkContainerId"), Some(owner.id));
    assert_eq!(sidekick.str("deploymentUnitUuid"), owner.str("deploymentUnitUuid"));
    let done = undo(&world, stack).await;
    assert_eq!(done.refusals, Vec::<String>::new());
    shown(&world, &beside, "running").await;
    assert_eq!(running(&host), before);
}

#[tokio::test]
async fn an_upgrade_replaces_what_was_taken_over() {
    let world = World::sim(1).await;
    let host = world.host(1);
    let ids = runs(&world, &host).await;
    let stack = taken(&world).await;
    let web = service(&world, stack, "web");
    let mut launch = web.map("launchConfig").cloned().expect("a launch");
    launch.insert("imageUuid".to_owned(), json!("docker:nginx:2"));
    let strategy = json!({ "launchConfig": launch, "intervalMillis": 1, "batchSize": 2 });
    world.act(web.id, "upgrade", json!({ "inServiceStrategy": strategy })).await;
    world.state(web.id, "upgraded").await;
    let refused = undo(&world, stack).await.refusals;
    assert!(refused[0].starts_with("service `web` is upgraded"), "{refused:?}");
    world.act(web.id, "finishupgrade", json!({})).await;
    world.state(web.id, "active").await;
    settled(&world, stack).await;
    let images: Vec<String> = host.everything().into_iter().map(|one| one.image).collect();
    assert_eq!(images.iter().filter(|image| *image == "nginx:2").count(), 2, "{images:?}");
    assert!(host.everything().iter().all(|one| one.id != ids[0] && one.id != ids[1]));
    let refused = undo(&world, stack).await.refusals;
    assert!(refused[0].starts_with("service `web` was changed"), "{refused:?}");
    assert_eq!(PROJECT, "my_blog");
}
