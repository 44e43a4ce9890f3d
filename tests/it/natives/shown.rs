//! They are shown, follow what becomes of them, and do what a person asks for.

use ranchette::clock::Clock;
use ranchette::engine::Engine;
use ranchette::engine::spec::{LABEL_UUID, NetworkAttachment};
use ranchette::process::native;
use serde_json::json;

use super::{by_hand, compare, hidden, plain, row, run, running, shown};
use crate::world::World;

/// A setting, as an administrator stores it.
async fn set(world: &World, value: &'static str) {
    let store = world.store();
    store.write(move |tx| tx.set_setting(native::SHOWN, Some(value))).await.expect("a setting");
}

#[tokio::test]
async fn what_others_run_is_shown_and_followed() {
    let world = World::sim(1).await;
    let host = world.host(1);
    let id = run(&host, &by_hand("shop")).await;
    let first = shown(&world, &id, "running").await;
    assert_eq!((first.name.as_deref(), first.kind.as_str()), (Some("shop"), "container"));
    assert_eq!(first.account_id, Some(world.project));
    let hosts = world.only("host").await;
    for (field, value) in [
        ("nativeContainer", json!(true)),
        ("hostId", json!(hosts)),
        ("imageUuid", json!("docker:nginx:1")),
        ("command", json!(["sleep", "100000"])),
        ("environment", json!({ "MODE": "fast" })),
        ("ports", json!(["8080:80/tcp"])),
        ("dataVolumes", json!(["/etc/hosts:/hosts:ro", "kept:/data"])),
        ("memory", json!(1 << 26)),
        ("restartPolicy", json!({ "name": "always" })),
        ("networkMode", json!("bridge")),
        ("primaryIpAddress", json!("172.17.0.2")),
    ] {
        assert_eq!(first.data.get(field), Some(&value), "{field}");
    }
    host.stop(&id, 1).await.expect("a stop");
    shown(&world, &id, "stopped").await;
    host.start(&id).await.expect("a start");
    let again = shown(&world, &id, "running").await;
    assert_eq!((again.id, again.int("startCount")), (first.id, Some(2)));
    host.external_remove(&id).expect("it is removed");
    hidden(&world, &id).await;
    // What has another id is another container.
    let next = run(&host, &by_hand("shop")).await;
    assert_ne!(shown(&world, &next, "running").await.id, first.id);
}

#[tokio::test]
async fn what_belongs_to_a_server_like_this_is_not_shown() {
    let world = World::sim(1).await;
    let host = world.host(1);
    let mut ours = Vec::new();
    for (number, label) in
        [LABEL_UUID, "io.ranchette.helper", "io.rancher.container.system"].iter().enumerate()
    {
        let mut spec = plain(&format!("ours{number}"));
        spec.labels.insert((*label).to_owned(), "x".to_owned());
        ours.push(run(&host, &spec).await);
    }
    let never_ran = host.create(&plain("new")).await.expect("a container");
    let theirs = run(&host, &plain("theirs")).await;
    // Events come in order: those of the others have been heard by then.
    shown(&world, &theirs, "running").await;
    compare(&world).await;
    for id in ours.iter().chain([&never_ran]) {
        assert_eq!(row(&world, id), None);
    }
}

#[tokio::test]
async fn what_happened_without_a_server_is_found_out() {
    let mut world = World::unstarted(1, Clock::System);
    let host = world.host(1);
    let early = run(&host, &plain("early")).await;
    let ended = run(&host, &plain("ended")).await;
    host.stop(&ended, 1).await.expect("a stop");
    let mut joined = plain("joined");
    joined.network = NetworkAttachment::Container(early.clone());
    world.start().await;
    let owner = shown(&world, &early, "running").await;
    shown(&world, &ended, "stopped").await;
    let joined = run(&host, &joined).await;
    let joined = shown(&world, &joined, "running").await;
    assert_eq!(joined.str("networkMode"), Some("container"));
    assert_eq!(joined.int("networkContainerId"), Some(owner.id));
    world.stop().await;
    host.external_remove(&early).expect("it is removed");
    host.start(&ended).await.expect("a start");
    world.start().await;
    hidden(&world, &early).await;
    shown(&world, &ended, "running").await;
}

#[tokio::test]
async fn switching_it_off_hides_them_and_touches_none() {
    let world = World::sim(1).await;
    let host = world.host(1);
    let id = run(&host, &by_hand("shop")).await;
    let first = shown(&world, &id, "running").await;
    let before = running(&host);
    set(&world, "false").await;
    compare(&world).await;
    assert_eq!(row(&world, &id), None);
    let other = run(&host, &plain("other")).await;
    compare(&world).await;
    assert_eq!(row(&world, &other), None);
    assert_eq!(running(&host)[..1], before[..]);
    set(&world, "true").await;
    compare(&world).await;
    let again = shown(&world, &id, "running").await;
    shown(&world, &other, "running").await;
    assert_ne!(again.id, first.id);
}

#[tokio::test]
async fn a_host_that_goes_leaves_them_alone() {
    let world = World::sim(1).await;
    let host = world.host(1);
    let id = run(&host, &by_hand("shop")).await;
    shown(&world, &id, "running").await;
    let before = running(&host);
    let host_id = world.only("host").await;
    world.act(host_id, "deactivate", json!({ "remove": true })).await;
    world
        .until("the host is gone", |read| {
            Ok(read.get(host_id)?.filter(|host| host.removed.is_some()))
        })
        .await;
    assert_eq!(row(&world, &id), None);
    assert_eq!(running(&host), before);
}

#[tokio::test]
async fn they_do_what_a_person_asks_for() {
    let world = World::sim(1).await;
    let host = world.host(1);
    let id = run(&host, &by_hand("shop")).await;
    let row = shown(&world, &id, "running").await;
    let is_running = || host.everything().iter().any(|one| one.id == id && one.is_running());
    world.act(row.id, "stop", json!({})).await;
    world.state(row.id, "stopped").await;
    assert!(!is_running());
    world.act(row.id, "start", json!({})).await;
    world.state(row.id, "running").await;
    assert!(is_running());
    world.act(row.id, "restart", json!({})).await;
    world
        .until("it has started three times", |read| {
            let is_done = |row: &ranchette::model::resource::Resource| {
                row.state == "running" && row.int("startCount") == Some(3)
            };
            Ok(read.get(row.id)?.filter(is_done))
        })
        .await;
    world.act(row.id, "stop", json!({ "remove": true })).await;
    hidden(&world, &id).await;
    assert_eq!(host.count(), (0, 0));
    assert_eq!(host.volume_names(), ["kept"], "its volumes are whoever's made it");
    compare(&world).await;
    assert_eq!(super::row(&world, &id), None);
}

#[tokio::test]
async fn one_that_is_gone_is_not_made_again() {
    let world = World::sim(1).await;
    let host = world.host(1);
    let id = run(&host, &plain("shop")).await;
    shown(&world, &id, "running").await;
    host.stop(&id, 1).await.expect("a stop");
    let row = shown(&world, &id, "stopped").await;
    host.set_away(Some(ranchette::engine::Away::Refused));
    host.external_remove(&id).expect("it is removed");
    world.act(row.id, "start", json!({})).await;
    host.set_away(None);
    world
        .until("it has not started", |read| {
            let row = read.get(row.id)?.filter(|row| row.state == "stopped");
            Ok(row.filter(|row| row.str("transitioning") == Some("error")))
        })
        .await;
    compare(&world).await;
    assert_eq!(super::row(&world, &id), None);
    assert_eq!(host.count(), (0, 0));
}
