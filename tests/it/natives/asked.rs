//! What the API answers about adoptions.

use std::sync::Arc;

use ranchette::clock::{Clock, ManualClock};
use ranchette::controller::watch;
use ranchette::engine::sim::SimFleet;
use ranchette::process::native;
use serde_json::{Value, json};

use super::project::{PROJECT, STACK, starts};
use crate::streams::place::Place;

/// The projects of an answer: name, state, and what is refused.
fn seen(answer: &Value) -> Vec<(String, String, usize)> {
    let text = |one: &Value, field: &str| one[field].as_str().unwrap_or_default().to_owned();
    let refused = |one: &Value| one["refusals"].as_array().map_or(0, Vec::len);
    let projects = answer["projects"].as_array().expect("projects").iter();
    projects.map(|one| (text(one, "name"), text(one, "state"), refused(one))).collect()
}

fn one(name: &str, state: &str, refused: usize) -> Vec<(String, String, usize)> {
    vec![(name.to_owned(), state.to_owned(), refused)]
}

#[actix_web::test]
async fn adoptions_are_asked_for_by_name() {
    let host = SimFleet::new(7, Clock::System).host("host1");
    let time = Arc::new(ManualClock::new(0));
    let place = Place::over("sim://host1", Arc::new(host.clone()), time).await;
    let owner = &place.owner;
    starts(&host).await;
    let hidden = owner.post("/adoptions", json!({ "dryRun": true })).await.fault();
    assert_eq!(
        hidden,
        "409 Conflict -: containers that others run are not shown: setting `manage.nonrancher.containers` is false"
    );
    let store = place.site.store.clone();
    store.write(|tx| tx.set_setting(native::SHOWN, Some("true"))).await.expect("a setting");
    place.run(&watch::tasks().remove(0)).await;

    let plan = owner.post("/adoptions", json!({ "dryRun": true })).await.ok(200);
    assert_eq!(seen(&plan), one(STACK, "adoptable", 0));
    assert_eq!(plan["projects"][0]["project"], PROJECT);
    assert_eq!(
        plan["projects"][0]["services"][1]["containers"],
        json!(["my_blog-web-1", "my_blog-web-2"])
    );
    assert_eq!(
        plan["projects"][0]["notes"],
        json!(["taken from its containers: its files are on another machine"])
    );
    let stacks = owner.get("/stacks").await.ok(200);
    assert_eq!(stacks["data"], json!([]), "a plan changes nothing");

    let fault = owner.post("/adoptions", json!({ "names": ["nobody"] })).await.fault();
    assert_eq!(
        fault,
        "404 Not Found -: no compose project that runs beside ours is called `nobody`"
    );
    let fault = owner.post("/adoptions", json!({ "names": 5 })).await.fault();
    assert_eq!(fault, "422 InvalidFormat names: `names` must be a list of texts");
    let readonly = place.member("readonly").await;
    assert_eq!(readonly.post("/adoptions", json!({ "dryRun": true })).await.status, 405);

    let taken = owner.post("/adoptions", json!({ "names": [PROJECT] })).await.ok(200);
    assert_eq!(seen(&taken), one(STACK, "adopted", 0));
    let stack = taken["projects"][0]["stackId"].as_str().expect("an id").to_owned();
    place.state(&stack, "active").await;
    let all = owner.post("/adoptions", json!({ "dryRun": true })).await.ok(200);
    assert_eq!(seen(&all), one(STACK, "adopted", 0));

    let undo = json!({ "names": [STACK], "undo": true, "dryRun": true });
    assert_eq!(
        seen(&owner.post("/adoptions", undo.clone()).await.ok(200)),
        one(STACK, "adopted", 0)
    );
    // A service that is changed on its way keeps it from being given back.
    let services = owner.get("/services?name=web").await.ok(200);
    let web = services["data"][0]["id"].as_str().expect("an id").to_owned();
    place.state(&web, "active").await;
    owner.put(&format!("/services/{web}"), json!({ "scale": 3 })).await.ok(200);
    place.state(&web, "active").await;
    let undo = json!({ "names": [STACK], "undo": true });
    let fault = owner.post("/adoptions", undo.clone()).await.fault();
    assert!(fault.starts_with("409 Conflict -: service `web` was changed"), "{fault}");
    place.stop().await;
}
