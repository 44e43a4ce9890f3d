//! Volumes of containers that somebody else runs are shown as long as they are mounted, and are nobody's here to
//! delete.

use std::sync::Arc;

use ranchette::clock::{Clock, ManualClock};
use ranchette::controller::watch;
use ranchette::engine::sim::SimFleet;
use ranchette::model::resource::Resource;
use ranchette::process::native;
use ranchette::store::Query;
use serde_json::{Value, json};

use super::project::{runs, settled, taken, undo};
use super::{by_hand, compare, hidden, plain, run, shown};
use crate::streams::place::Place;
use crate::world::World;

/// Live volumes, by name: state, whether somebody else made them, and who mounts them where and how.
fn volumes(world: &World) -> Vec<String> {
    let look = |volume: &Resource| {
        let mounts = world.store().read(|read| read.referrers("mount", "volumeId", volume.id));
        let mount = |mount: &Resource| {
            let text = |field: &str| mount.str(field).unwrap_or_default().to_owned();
            format!(" {} {}", text("path"), text("permissions"))
        };
        let mounts: String = mounts.expect("mounts").iter().map(mount).collect();
        let own = if volume.flag("isNative") { " native" } else { "" };
        format!("{} {}{own}:{mounts}", volume.display_name(), volume.state)
    };
    let query = Query { ty: "volume", limit: 1000, ..Query::default() };
    let rows = world.store().read(|read| read.list(&query)).expect("rows");
    let mut all: Vec<String> = rows.iter().map(look).collect();
    all.sort();
    all
}

#[actix_web::test]
async fn what_they_mount_is_among_the_volumes() {
    let host = SimFleet::new(7, Clock::System).host("host1");
    let time = Arc::new(ManualClock::new(0));
    let place = Place::over("sim://host1", Arc::new(host.clone()), time).await;
    run(&host, &by_hand("shop")).await;
    let show = |tx: &mut ranchette::store::Tx<'_>| tx.set_setting(native::SHOWN, Some("true"));
    place.site.store.write(show).await.expect("a setting");
    place.run(&watch::tasks().remove(0)).await;
    let all = place.owner.get("/volumes?name=kept").await.ok(200);
    let kept = &all["data"][0];
    for (field, value) in [
        ("state", json!("active")),
        ("driver", json!("local")),
        ("externalId", json!("kept")),
        ("uri", json!("local:///kept")),
        ("isHostPath", json!(false)),
    ] {
        assert_eq!(kept[field], value, "{field}: {kept}");
    }
    let its_host = kept["hostId"].as_str().map(crate::streams::place::number);
    assert_eq!(its_host, Some(place.host));
    let mount = &kept["mounts"][0];
    assert_eq!((&mount["path"], &mount["instanceName"]), (&json!("/data"), &json!("shop")));
    let actions = kept["actions"].as_object().expect("actions");
    assert!(!actions.contains_key("remove"), "it is in use: {actions:?}");
    let gone =
        place.owner.delete(&format!("/volumes/{}", kept["id"].as_str().expect("an id"))).await;
    assert_eq!(gone.status, 405);
    let paths = place.owner.get("/volumes?isHostPath=true").await.ok(200);
    let is_it = |one: &Value| one["uri"] == "file:///etc/hosts";
    assert!(paths["data"].as_array().is_some_and(|all| all.iter().any(is_it)), "{paths}");
    place.stop().await;
}

#[tokio::test]
async fn they_go_from_view_with_their_last_container_and_stay_on_the_host() {
    let world = World::sim(1).await;
    let host = world.host(1);
    let one = run(&host, &by_hand("shop")).await;
    shown(&world, &one, "running").await;
    let mut reader = plain("reader");
    reader.storage.binds = vec!["kept:/backup:ro".to_owned()];
    let two = run(&host, &reader).await;
    let row = shown(&world, &two, "running").await;
    let both = ["/etc/hosts active: /hosts ro", "kept active native: /data rw /backup ro"];
    assert_eq!(volumes(&world), both);
    compare(&world).await;
    assert_eq!(volumes(&world), both, "they are not doubled");
    world.act(row.id, "stop", json!({ "remove": true })).await;
    hidden(&world, &two).await;
    assert_eq!(volumes(&world), ["/etc/hosts active: /hosts ro", "kept active native: /data rw"]);
    host.external_remove(&one).expect("it is removed");
    hidden(&world, &one).await;
    assert_eq!(volumes(&world), Vec::<String>::new());
    assert_eq!(host.volume_names(), ["kept"], "it is whoever's made it");
}

#[tokio::test]
async fn a_volume_of_the_same_name_on_another_host_is_another() {
    let world = World::sim(2).await;
    for number in [1, 2] {
        let id = run(&world.host(number), &by_hand("shop")).await;
        shown(&world, &id, "running").await;
    }
    let kept = |one: &String| one.starts_with("kept");
    let all: Vec<String> = volumes(&world).into_iter().filter(kept).collect();
    assert_eq!(all, ["kept active native: /data rw", "kept active native: /data rw"]);
}

#[tokio::test]
async fn those_of_a_project_are_the_stacks_until_it_is_given_back() {
    let world = World::sim(1).await;
    let host = world.host(1);
    let ids = runs(&world, &host).await;
    let mut other = plain("backup");
    other.storage.binds = vec!["my_blog_data:/from:ro".to_owned()];
    let other = run(&host, &other).await;
    shown(&world, &other, "running").await;
    let before = ["my_blog_data active native: /data rw /from ro"];
    assert_eq!(volumes(&world), before);
    let stack = taken(&world).await;
    assert_eq!(volumes(&world), ["my_blog_data active: /data rw /from ro"]);
    assert_eq!(undo(&world, stack).await.refusals, Vec::<String>::new());
    for id in &ids {
        shown(&world, id, "running").await;
    }
    assert_eq!(volumes(&world), ["my_blog_data active native: /from ro /data rw"]);
    // And when the stack goes instead.
    let stack = taken(&world).await;
    settled(&world, stack).await;
    world.act(stack, "remove", json!({ "volumes": true })).await;
    world.state(stack, "removed").await;
    assert_eq!(volumes(&world), ["my_blog_data active: /from ro"]);
    assert_eq!(host.volume_names(), ["my_blog_data"]);
}
