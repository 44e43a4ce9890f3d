//! Programs elsewhere that take part in processes: asked over a real websocket, they answer by `publish`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::StreamExt as _;
use ranchette::clock::{Clock, Entropy};
use ranchette::events::bus::Event;
use ranchette::model::resource::{NewResource, Resource};
use ranchette::process;
use serde_json::{Map, Value, json};

use crate::agents::place::{Beside, Place, number};
use crate::api::site::Client;
use crate::api::websocket::{Socket, subscribe};
use crate::world::World;

const START: &str = "instance.start";
/// Longer than any answer here takes: nobody is to be asked twice because the machine is busy.
const PATIENCE_MS: i64 = 600_000;

/// A server with a simulated host, its owner, and a program that is trusted with all events.
struct Farm {
    place: Place,
    owner: Client,
    admin: Client,
    program: Client,
}

impl Farm {
    async fn start() -> Self {
        let place = Place::start(Clock::System, Beside::Nothing).await;
        let admin = place.site.admin().await;
        let body = json!({"uri": "sim://barn", "agentResourcesAccountId": "1a5"});
        let agent = admin.post("/agents", body).await.ok(201);
        place.state(&agent["id"], "active").await;
        let owner = place.site.owner().await;
        let host = owner.get("/hosts").await.ok(200)["data"][0].clone();
        place.state(&host["id"], "active").await;
        let basic = Some(place.site.superadmin().await);
        let program = Client { basic, ..place.site.nobody() };
        Self { place, owner, admin, program }
    }

    /// A handler of the start of containers that is ready to be asked.
    async fn handler(&self, more: Value) -> Value {
        let mut body =
            json!({ "processConfigs": [{ "name": START }], "timeoutMillis": PATIENCE_MS });
        for (field, value) in more.as_object().expect("fields") {
            body[field] = value.clone();
        }
        let made = self.program.post("/externalhandlers", body).await.ok(201);
        let id = number(&made["id"]);
        self.place
            .until("the handler is ready", |read| {
                let maps = read.referrers(
                    "externalHandlerExternalHandlerProcessMap",
                    "externalHandlerId",
                    id,
                )?;
                let processes = maps.iter().filter_map(|map| map.int("externalHandlerProcessId"));
                let mut rows: Vec<i64> = processes.chain(maps.iter().map(|map| map.id)).collect();
                rows.push(id);
                for row in rows {
                    if read.get(row)?.is_none_or(|row| row.state != "active") {
                        return Ok(None);
                    }
                }
                Ok(Some(()))
            })
            .await;
        made
    }

    async fn listen(&self, handler: &str) -> Socket {
        subscribe(&self.program, &format!("eventNames={START};handler={handler}")).await
    }

    async fn container(&self) -> Value {
        let body = json!({"imageUuid": "docker:busybox", "networkMode": "none"});
        self.owner.post("/containers", body).await.ok(201)
    }

    /// Answers an event.
    async fn answer(&self, asked: &Value, more: Value) {
        let mut body = json!({ "name": asked["replyTo"], "previousIds": [asked["id"]] });
        for (field, value) in more.as_object().expect("fields") {
            body[field] = value.clone();
        }
        self.program.post("/publish", body).await.ok(201);
    }

    /// Waits until a container says this while it waits.
    async fn says(&self, container: &Value, words: &str) {
        let id = number(&container["id"]);
        self.place
            .until(&format!("the container says `{words}`"), |read| {
                let row = read.get(id)?;
                let said = row.as_ref().and_then(|row| row.str("transitioningMessage"));
                Ok(said.filter(|said| said.contains(words)).map(|_| ()))
            })
            .await;
    }

    async fn deactivate(&self, handler: &Value) {
        let id = handler["id"].as_str().expect("an id");
        let path = format!("/externalhandlers/{id}?action=deactivate");
        self.admin.post(&path, json!({})).await.ok(202);
        self.place.state(&handler["id"], "inactive").await;
    }

    fn row(&self, container: &Value) -> Resource {
        let row = self.place.store().read(|read| read.get(number(&container["id"])));
        row.expect("read").expect("the container")
    }
}

/// The next event that is no ping.
async fn next(socket: &mut Socket) -> Value {
    while let Some(Ok(frame)) = socket.next().await {
        let Ok(text) = frame.into_text() else { continue };
        let Ok(message) = serde_json::from_str::<Value>(&text) else { continue };
        if message["name"] != "ping" {
            return message;
        }
    }
    panic!("the connection ended before an event came");
}

#[actix_web::test]
async fn a_handler_takes_part_in_a_process() {
    let farm = Farm::start().await;
    let made = farm.handler(json!({"name": "farm-er"})).await;
    let path = format!("/externalhandlers/{}", made["id"].as_str().expect("an id"));
    let shown = farm.admin.get(&path).await.ok(200);
    assert_eq!(shown["priority"], 1000);
    let maps = format!("{path}/externalhandlerexternalhandlerprocessmaps");
    let maps = farm.admin.get(&maps).await.ok(200);
    assert_eq!(maps["data"][0]["eventName"], "instance.start;handler=farm-er");
    let mut socket = farm.listen("farm-er").await;
    let container = farm.container().await;
    let asked = next(&mut socket).await;
    assert_eq!(
        (&asked["name"], &asked["resourceType"], &asked["resourceId"]),
        (&json!("instance.start;handler=farm-er"), &json!("container"), &container["id"])
    );
    assert_eq!(asked["data"]["processName"], START);
    assert_eq!(asked["data"]["container"]["state"], "starting");
    farm.answer(&asked, json!({"transitioning": "yes", "transitioningMessage": "milking"})).await;
    farm.says(&container, "milking").await;
    assert!(farm.row(&container).str("externalId").is_none(), "the engine's turn comes later");
    farm.answer(&asked, json!({"data": {"milk": 3}})).await;
    farm.place.state(&container["id"], "running").await;
    let row = farm.row(&container);
    assert_eq!(row.map("data").and_then(|data| data.get("milk")), Some(&json!(3)));
    assert!(row.str("externalId").is_some(), "the process's own steps followed");

    // Without it things are as they were.
    farm.deactivate(&made).await;
    farm.program.delete(&path).await.ok(200);
    farm.place.state(&made["id"], "removed").await;
    let other = farm.container().await;
    farm.place.state(&other["id"], "running").await;
    let left = farm.admin.get("/externalhandlerprocesses").await.ok(200);
    assert_eq!(left["data"], json!([]));
    farm.place.core.shut_down().await;
}

#[actix_web::test]
async fn handlers_are_asked_in_order_and_the_last_may_take_over() {
    let farm = Farm::start().await;
    for body in [
        json!({"name": "over", "priorityName": "default_override"}),
        json!({"name": "late", "priority": 20}),
        json!({"name": "early", "priority": 10}),
        json!({"name": "first", "priorityName": "pre", "priority": 30}),
    ] {
        farm.handler(body).await;
    }
    let mut socket = subscribe(&farm.program, &format!("eventNames={START}*")).await;
    let container = farm.container().await;
    for name in ["first", "early", "late", "over"] {
        let asked = next(&mut socket).await;
        assert_eq!(asked["name"], format!("{START};handler={name}"));
        farm.answer(&asked, json!({})).await;
    }
    farm.place.state(&container["id"], "running").await;
    assert!(farm.row(&container).str("externalId").is_none(), "no engine was asked");
    farm.place.core.shut_down().await;
}

#[actix_web::test]
async fn a_silent_handler_is_waited_for_until_it_is_deactivated() {
    let farm = Farm::start().await;
    let absent = farm.handler(json!({"name": "absent"})).await;
    let container = farm.container().await;
    farm.says(&container, "waits for the handler `absent`, which does not listen").await;
    assert_eq!(farm.row(&container).state, "starting");
    farm.deactivate(&absent).await;
    farm.place.state(&container["id"], "running").await;

    let deaf = farm.handler(json!({"name": "deaf", "timeoutMillis": 1000, "retries": 2})).await;
    let mut socket = farm.listen("deaf").await;
    let container = farm.container().await;
    let (one, two) = (next(&mut socket).await, next(&mut socket).await);
    assert_eq!(one["resourceId"], two["resourceId"]);
    assert_ne!(one["id"], two["id"], "each question has an answer of its own");
    farm.says(&container, "has not answered instance.start;handler=deaf within 1000 ms").await;
    // It may answer any question that is still open, however often it was silent.
    next(&mut socket).await;
    farm.deactivate(&deaf).await;
    farm.place.state(&container["id"], "running").await;

    // One that would wait for long is released at once.
    let slow = farm.handler(json!({"name": "slow", "timeoutMillis": 86_400_000})).await;
    let mut socket = farm.listen("slow").await;
    let container = farm.container().await;
    next(&mut socket).await;
    farm.deactivate(&slow).await;
    farm.place.state(&container["id"], "running").await;
    farm.place.core.shut_down().await;
}

#[actix_web::test]
async fn a_failure_is_told_and_followed_as_the_handler_says() {
    let farm = Farm::start().await;
    let error = json!({"transitioning": "error", "transitioningMessage": "no hay"});
    let configs = json!([{ "name": START, "onError": "instance.stop" }]);
    let stops = farm.handler(json!({"name": "stops", "processConfigs": configs})).await;
    let mut socket = farm.listen("stops").await;
    let container = farm.container().await;
    let asked = next(&mut socket).await;
    farm.answer(&asked, error.clone()).await;
    farm.place.state(&container["id"], "stopped").await;
    farm.says(&container, "the handler `stops` has failed: no hay").await;
    farm.deactivate(&stops).await;

    // Without a transition of its own for this it is tried again, as every step is.
    farm.handler(json!({"name": "again"})).await;
    let mut socket = farm.listen("again").await;
    let container = farm.container().await;
    let asked = next(&mut socket).await;
    farm.answer(&asked, error).await;
    farm.says(&container, "the handler `again` has failed: no hay").await;
    let asked = next(&mut socket).await;
    farm.answer(&asked, json!({})).await;
    farm.place.state(&container["id"], "running").await;
    farm.place.core.shut_down().await;
}

#[actix_web::test]
async fn what_is_wrong_with_a_handler_is_named() {
    let farm = Farm::start().await;
    let configs = |name: &str, on_error: &str| json!([{ "name": name, "onError": on_error }]);
    for (body, fault) in [
        (json!({"processConfigs": configs(START, "")}), "422 MissingRequired name"),
        (json!({"name": "a"}), "422 MissingRequired processConfigs"),
        (
            json!({"name": "a;b", "processConfigs": configs(START, "")}),
            "422 InvalidCharacters name",
        ),
        (
            json!({"name": "a", "processConfigs": configs("instance.fly", "")}),
            "422 InvalidOption processConfigs",
        ),
        (
            json!({"name": "a", "processConfigs": configs(START, "instance.fly")}),
            "422 InvalidOption processConfigs",
        ),
        (
            json!({"name": "a", "processConfigs": configs("externalhandler.deactivate", "")}),
            "422 InvalidOption processConfigs",
        ),
        (
            json!({"name": "a", "processConfigs": configs(START, ""), "retries": 0}),
            "422 MinLimitExceeded retries",
        ),
        (
            json!({"name": "a", "processConfigs": configs(START, ""), "timeoutMillis": 1}),
            "422 MinLimitExceeded timeoutMillis",
        ),
    ] {
        let found = farm.admin.post("/externalhandlers", body.clone()).await.fault();
        assert!(found.starts_with(fault), "{body}: {found}");
    }
    let body = json!({"name": "a", "processConfigs": configs(START, "")});
    assert_eq!(farm.owner.post("/externalhandlers", body).await.status, 404);
    // Stacks are called environments in the processes of old.
    let body = json!({"name": "a", "processConfigs": configs("environment.create", "")});
    farm.admin.post("/externalhandlers", body).await.ok(201);
    let processes = farm.admin.get("/externalhandlerprocesses").await.ok(200);
    assert_eq!(processes["data"][0]["name"], "stack.create");
    farm.place.core.shut_down().await;
}

/// Two handlers of the start of containers, as rows.
async fn two_handlers(world: &World) {
    let make = |tx: &mut ranchette::store::Tx<'_>| {
        let new = |ty, tx: &ranchette::store::Tx<'_>| {
            NewResource::new(ty, tx.entropy.uuid()).state("active")
        };
        let process = new("externalHandlerProcess", tx).name(START);
        let process = tx.insert(process)?;
        for (name, priority) in [("one", 1), ("two", 2)] {
            let handler = new("externalHandler", tx).name(name).with("priority", priority);
            let handler = handler.with("timeoutMillis", PATIENCE_MS);
            let handler = tx.insert(handler)?;
            let map = new("externalHandlerExternalHandlerProcessMap", tx)
                .with("externalHandlerId", handler.id)
                .with("externalHandlerProcessId", process.id)
                .with("eventName", format!("{START};handler={name}"));
            tx.insert(map)?;
        }
        Ok(())
    };
    world.store().write(make).await.expect("handlers");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_was_killed_asks_only_those_who_have_not_answered() {
    let mut world = World::unstarted(1, Clock::System);
    // The power fails after the second answer has come and before it is recorded.
    let answers = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&answers);
    world.set_breakpoint(Some(Arc::new(move |_, step| {
        step == "handler" && counted.fetch_add(1, Ordering::SeqCst) == 1
    })));
    world.start().await;
    world
        .until("nothing is left to do", |read| {
            Ok(read.count_open_processes()?.is_empty().then_some(()))
        })
        .await;
    two_handlers(&world).await;
    let mut asked = Vec::new();
    let mut bus = world.core.as_ref().expect("core").site.bus.clone();
    let mut listener = bus.listen(vec![format!("{START}*")]);
    let new = NewResource::new("instance", Entropy::System.uuid())
        .kind("container")
        .name("cow")
        .account(world.project)
        .with("imageUuid", "docker:busybox");
    let row = world.store().write(|tx| process::create(tx, new, Map::new())).await.expect("a row");
    loop {
        let stop = world.core.as_ref().expect("core").stop.clone();
        let id = row.id;
        tokio::select! {
            event = listener.next() => {
                let event = event.expect("an event");
                asked.push(event.name.clone());
                let reply = event.reply_to.clone().expect("a name for the answer");
                bus.publish(Event::new(reply, Entropy::System.uuid(), 0));
            }
            () = world.until("the container runs", |read| {
                Ok(read.get(id)?.filter(|row| row.state == "running").map(|_| ()))
            }) => break,
            () = stop.cancelled() => {
                world.stop().await;
                world.set_breakpoint(None);
                world.start().await;
                bus = world.core.as_ref().expect("core").site.bus.clone();
                listener = bus.listen(vec![format!("{START}*")]);
            }
        }
    }
    let names = ["one", "two", "two"].map(|name| format!("{START};handler={name}"));
    assert_eq!(asked, names);
    world.stop().await;
}
