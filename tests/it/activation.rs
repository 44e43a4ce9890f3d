//! The services of a stack activated together (`activateservices`), on a simulated host: those that others are
//! linked to come first, and nobody waits for ever.

use ranchette::clock::Clock;
use ranchette::engine::EngineError;
use ranchette::engine::error::Transient;
use ranchette::engine::sim::{Effect, Fault, Op};
use ranchette::model::resource::{NewResource, Resource};
use ranchette::process::{self, links, order};
use ranchette::store::Tx;
use serde_json::{Map, json};

use crate::streams::place::{Place, number};
use crate::world::World;

/// Services that do not run, by name.
async fn services(world: &World, names: &[&'static str]) -> Vec<Resource> {
    let stack = world.stack("shop").await;
    world.state(stack.id, "active").await;
    let mut found = Vec::new();
    for name in names {
        let new =
            NewResource::new("service", world.core.as_ref().expect("core").site.entropy.uuid())
                .name(*name)
                .account(world.project)
                .with("stackId", stack.id)
                .with("scale", 1)
                .with("launchConfig", json!({ "imageUuid": "docker:nginx" }));
        let made = world.store().write(|tx| process::create(tx, new, Map::new())).await;
        found.push(world.state(made.expect("a service").id, "inactive").await);
    }
    found
}

/// Links services by their positions.
async fn link(world: &World, services: &[Resource], pairs: &'static [(usize, usize)]) {
    let services = services.to_vec();
    let link = move |tx: &mut Tx<'_>| {
        for (from, to) in pairs {
            let target = links::Target::Known(services[*to].id);
            links::add(tx, &services[*from], &links::Wanted { target, name: None }, false)?;
        }
        Ok(())
    };
    world.store().write(link).await.expect("links");
}

async fn activate(world: &World, services: &[Resource]) {
    let services = services.to_vec();
    world.store().write(move |tx| order::activate(tx, &services)).await.expect("activated");
    world.fleet.transcript();
}

/// What the engine did for containers of these names, in order: `create` and `start`.
fn deeds(world: &World) -> Vec<String> {
    let lines = world.fleet.transcript().lines();
    let deed = |line: &String| {
        let mut words = line.split(' ').skip(1);
        let (verb, name) = (words.next()?, words.next()?);
        let name = name.strip_prefix("r-shop-")?.split('-').next()?;
        let again = words.next() == Some("again");
        (matches!(verb, "create" | "start") && !again).then(|| format!("{verb} {name}"))
    };
    lines.iter().filter_map(deed).collect()
}

/// Creating containers of this service takes its time.
fn slow(name: &str) -> Fault {
    Fault::on(Op::Create, Effect::Slow { ms: 300 }).about(name)
}

const CHAIN: &[&str] =
    &["create db", "start db", "create app", "start app", "create web", "start web"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whom_others_are_linked_to_starts_first() {
    let mut world = World::sim(1).await;
    let made = services(&world, &["web", "app", "db"]).await;
    link(&world, &made, &[(0, 1), (1, 2)]).await;
    world.fleet.faults().add(slow("db"));
    activate(&world, &made).await;
    for service in &made {
        let row = world.store().read(|read| read.get(service.id)).expect("read").expect("a row");
        assert_eq!(row.state, "activating", "all of them are on their way at once");
    }
    world
        .until("it says whom it waits for", |read| {
            let row = read.get(made[0].id)?;
            let told = row.and_then(|row| row.str("transitioningMessage").map(str::to_owned));
            Ok(told.filter(|told| told == "waits until service `app` is active"))
        })
        .await;
    for service in &made {
        world.state(service.id, "active").await;
    }
    assert_eq!(deeds(&world), CHAIN);
    // Nothing is left of it for the next time.
    world.act(made[0].id, "deactivate", json!({})).await;
    world.state(made[0].id, "inactive").await;
    world.act(made[1].id, "deactivate", json!({})).await;
    world.state(made[1].id, "inactive").await;
    world.act(made[0].id, "activate", json!({})).await;
    world.state(made[0].id, "active").await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_goes_on_in_the_same_order() {
    let mut world = World::unstarted(1, Clock::System);
    world.start().await;
    world.only("host").await;
    let made = services(&world, &["web", "app", "db"]).await;
    link(&world, &made, &[(0, 1), (1, 2)]).await;
    world.fleet.faults().add(slow("db"));
    activate(&world, &made).await;
    world
        .until("somebody waits", |read| {
            let row = read.get(made[0].id)?;
            let told = row.as_ref().and_then(|row| row.str("transitioningMessage"));
            Ok(told.filter(|told| told.starts_with("waits until")).map(|_| ()))
        })
        .await;
    world.stop().await;
    world.start().await;
    for service in &made {
        world.state(service.id, "active").await;
    }
    let mut found = deeds(&world);
    found.dedup();
    assert_eq!(found, CHAIN);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_for_a_service_that_fails_or_for_one_that_waits_for_them() {
    let mut world = World::sim(1).await;
    let made = services(&world, &["web", "db", "left", "right"]).await;
    link(&world, &made, &[(0, 1), (2, 3), (3, 2), (2, 2)]).await;
    let broken = EngineError::Other {
        what: "db".to_owned(),
        detail: "the disk made a noise".to_owned(),
        transient: Transient::Yes,
    };
    world.fleet.faults().add(Fault::on(Op::Create, Effect::Fail(broken)).about("db"));
    activate(&world, &made).await;
    for position in [0, 2, 3] {
        world.state(made[position].id, "active").await;
    }
    let db = world.store().read(|read| read.get(made[1].id)).expect("read").expect("a row");
    assert_eq!((db.state.as_str(), db.str("transitioning")), ("activating", Some("error")));
    world.fleet.faults().clear();
    world.stop().await;
}

#[actix_web::test]
async fn the_action_starts_them_in_order_and_its_opposite_stops_all_or_none() {
    let place = Place::start().await;
    let stack = place.owner.post("/stacks", json!({"name": "shop"})).await.ok(201);
    let service = async |name: &str| {
        let launch = json!({"imageUuid": "docker:nginx", "networkMode": "none"});
        let body =
            json!({"name": name, "stackId": stack["id"], "scale": 1, "launchConfig": launch});
        let made = place.owner.post("/services", body).await.ok(201);
        let id = made["id"].as_str().expect("an id").to_owned();
        place.state(&id, "inactive").await;
        id
    };
    let (web, db) = (service("web").await, service("db").await);
    let link = json!({"serviceLink": {"serviceId": db}});
    place.owner.post(&format!("/services/{web}?action=addservicelink"), link).await.ok(200);
    let action = async |name: &str| {
        let path = format!("/stacks/{}?action={name}", stack["id"].as_str().expect("an id"));
        place.owner.post(&path, json!({})).await
    };
    let done = action("activateservices").await.ok(200);
    assert_eq!(done["type"], "stack", "{done}");
    let row = place.site.store.read(|read| read.get(number(&web))).expect("read").expect("a row");
    assert_eq!(row.list("startsAfter"), [json!(number(&db))]);
    for id in [&web, &db] {
        place.state(id, "active").await;
    }
    let first = |id: &str| {
        let rows =
            place.site.store.read(|read| read.referrers("instance", "serviceId", number(id)));
        rows.expect("read").first().map(|row| row.id)
    };
    assert!(first(&db) < first(&web), "the container of `db` was made first");

    let upgrade = json!({"inServiceStrategy": {
        "launchConfig": {"imageUuid": "docker:nginx:2", "networkMode": "none"}, "intervalMillis": 100,
    }});
    place.owner.post(&format!("/services/{db}?action=upgrade"), upgrade).await.ok(202);
    place.state(&db, "upgraded").await;
    let refused = action("deactivateservices").await.fault();
    assert!(refused.starts_with("422 InvalidState"), "{refused}");
    let web = place.owner.get(&format!("/services/{web}")).await.ok(200);
    assert_eq!(web["state"], "active", "none is stopped");
    place.stop().await;
}
