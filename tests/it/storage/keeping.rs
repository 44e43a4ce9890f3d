//! Snapshots, backups and what is put back, on the simulated fleet.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::TryStreamExt;
use ranchette::clock::Clock;
use ranchette::engine::Engine;
use ranchette::model::resource::Resource;
use ranchette::process::runner::Breakpoint;
use serde_json::{Value, json};

use super::{containers, make, quiet, service, volumes};
use crate::world::World;

/// The files of a volume, seen through a container that has it at `/data`.
pub(super) async fn files(world: &World, container: &Resource) -> BTreeMap<String, String> {
    let id = container.str("externalId").expect("an id");
    let tar: Vec<bytes::Bytes> =
        world.host(1).download(id, "/data").try_collect().await.expect("a tar");
    let tar = tar.concat();
    let mut found = BTreeMap::new();
    for entry in tar::Archive::new(tar.as_slice()).entries().expect("entries") {
        let mut entry = entry.expect("an entry");
        if entry.header().entry_type().is_file() {
            let name = entry.path().expect("a path").to_string_lossy().into_owned();
            let mut text = String::new();
            entry.read_to_string(&mut text).expect("text");
            found.insert(name, text);
        }
    }
    found
}

pub(super) async fn put(world: &World, container: &Resource, name: &str, text: &str) {
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o644);
    header.set_size(text.len() as u64);
    let mut tar = tar::Builder::new(Vec::new());
    tar.append_data(&mut header, name, text.as_bytes()).expect("a tar");
    let tar = tar.into_inner().expect("a tar").into();
    let id = container.str("externalId").expect("an id");
    world.host(1).upload(id, "/data", tar).await.expect("uploaded");
}

pub(super) fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, text)| (format!("data/{name}"), (*text).to_owned())).collect()
}

/// Begins to make a snapshot of a volume.
pub(super) async fn snapshot(world: &World, volume: i64, quiesce: &str) -> Resource {
    let fields = json!({ "volumeId": volume });
    let data = json!({ "quiesce": quiesce });
    super::make_with(world, "snapshot", "one", fields, data).await
}

async fn backup(world: &World, snapshot: &Resource) -> Resource {
    let target = make(world, "backupTarget", "nas", json!({})).await;
    world.state(target.id, "created").await;
    let fields = json!({
        "snapshotId": snapshot.id,
        "volumeId": snapshot.int("volumeId"),
        "backupTargetId": target.id,
    });
    make(world, "backup", "first", fields).await
}

/// A service with one container that has a volume with a file at `/data`.
pub(super) async fn begin(world: &World) -> (Resource, Resource, i64) {
    let stack = world.stack("shop").await;
    let db = service(world, &stack, "db", 1, json!(["data:/data"])).await;
    world.state(db.id, "active").await;
    quiet(world).await;
    let container = containers(world, db.id).remove(0);
    put(world, &container, "kept", "first").await;
    (db, container, volumes(world)[0].id)
}

pub(super) async fn stop(world: &World, service: &Resource) {
    world.act(service.id, "deactivate", json!({})).await;
    world.state(service.id, "inactive").await;
    quiet(world).await;
}

fn transcript(world: &World, word: &str) -> Vec<String> {
    let mut lines = world.fleet.transcript().take();
    lines.retain(|line| line.contains(word));
    lines
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_volume_goes_back_to_a_snapshot() {
    let mut world = World::sim(1).await;
    let (db, container, volume) = begin(&world).await;
    let first = snapshot(&world, volume, "none").await;
    let first = world.state(first.id, "created").await;
    assert_eq!(first.map("archive").expect("an archive")["files"], 1);
    put(&world, &container, "kept", "changed").await;
    put(&world, &container, "more", "new").await;
    stop(&world, &db).await;
    world.act(volume, "reverttosnapshot", json!({ "snapshotId": first.id })).await;
    world.state(volume, "active").await;
    quiet(&world).await;
    assert_eq!(files(&world, &container).await, pairs(&[("kept", "first")]));
    // It was emptied by a container, because the stopped one still has it.
    let emptied = transcript(&world, "image=busybox:stable");
    assert_eq!(emptied.len(), 1, "{emptied:?}");
    world.act(db.id, "activate", json!({})).await;
    world.state(db.id, "active").await;
    let there = world.host(1).list().await.expect("a list");
    assert!(there.iter().all(|one| !one.name.starts_with("ranchette-")), "{there:?}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_uses_it_is_kept_still_as_asked() {
    let mut world = World::sim(1).await;
    let (db, container, volume) = begin(&world).await;
    world.fleet.transcript().take();
    let paused = snapshot(&world, volume, "pause").await;
    world.state(paused.id, "created").await;
    let said: Vec<String> = world
        .fleet
        .transcript()
        .take()
        .into_iter()
        .map(|line| crate::crash::without_uuids(&line).replace(&paused.uuid, "helper"))
        .filter(|line| line.contains("pause") || line.contains("create"))
        .map(|line| line.split(" image=").next().unwrap_or_default().to_owned())
        .collect();
    let name = "r-shop-db-1";
    assert_eq!(
        said,
        [
            format!("host1 pause {name}"),
            "host1 create ranchette-helper".to_owned(),
            format!("host1 unpause {name}"),
        ]
    );
    let stopped = snapshot(&world, volume, "stop").await;
    world.state(stopped.id, "created").await;
    let lines = transcript(&world, "db-1");
    let order: Vec<&str> = lines.iter().filter_map(|line| line.split(' ').nth(1)).collect();
    assert_eq!(order[0], "stop", "{lines:?}");
    world.state(db.id, "active").await;
    quiet(&world).await;
    let again = containers(&world, db.id).remove(0);
    assert_eq!((again.id, again.state.as_str()), (container.id, "running"));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_uses_it_elsewhere_is_kept_still_too() {
    let mut world = World::sim(2).await;
    let options = json!({ "driver": "dir", "driverOpts": { "path": "/mnt/all" } });
    let all = make(&world, "volume", "all", options).await;
    world.state(all.id, "inactive").await;
    let stack = world.stack("shop").await;
    let db = service(&world, &stack, "db", 2, json!(["all:/data"])).await;
    world.state(db.id, "active").await;
    quiet(&world).await;
    let hosts: Vec<_> = containers(&world, db.id).iter().map(|row| row.int("hostId")).collect();
    assert_ne!(hosts[0], hosts[1], "they are on two hosts");
    world.fleet.transcript().take();
    let paused = snapshot(&world, all.id, "pause").await;
    world.state(paused.id, "created").await;
    let frozen = transcript(&world, "pause");
    assert_eq!(frozen.len(), 4, "{frozen:?}");
    for host in ["host1", "host2"] {
        for word in ["pause r-shop", "unpause r-shop"] {
            let start = format!("{host} {word}");
            assert!(frozen.iter().any(|line| line.starts_with(&start)), "{start}: {frozen:?}");
        }
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_outlives_the_volume() {
    let mut world = World::sim(1).await;
    let (db, container, volume) = begin(&world).await;
    let first = snapshot(&world, volume, "none").await;
    let first = world.state(first.id, "created").await;
    let kept = backup(&world, &first).await;
    let kept = world.state(kept.id, "created").await;
    assert!(kept.int("provedAt").is_some(), "it was put into a scratch volume and compared");
    let place = world.folder.path().join("backups/nas").join(format!("{}.tar.gz", kept.uuid));
    assert_eq!(kept.str("uri"), Some(format!("file://{}", place.display()).as_str()));
    let note = std::fs::read_to_string(place.with_extension("").with_extension("json"));
    let note: Value = serde_json::from_str(&note.expect("a note")).expect("JSON");
    assert_eq!((&note["volume"], &note["archive"]["files"]), (&json!("data"), &json!(1)));
    let names: Vec<String> =
        world.host(1).volumes().await.expect("volumes").into_iter().map(|v| v.name).collect();
    assert_eq!(names, ["data"], "the scratch volume is gone");

    // The volume, its snapshots and its service go; another volume gets what was in it.
    drop(container);
    world.act(db.id, "remove", json!({})).await;
    world.state(db.id, "removed").await;
    quiet(&world).await;
    let removed = world.act(volume, "remove", json!({})).await;
    let removed = world.state(removed.id, "removed").await;
    assert_eq!(removed.str("removalNote"), Some("everything in it since backup `first` was made"));
    world.state(first.id, "removed").await;
    let snapshots = world.folder.path().join("snapshots");
    assert_eq!(std::fs::read_dir(&snapshots).expect("a folder").count(), 0);
    let stack = world.stack("again").await;
    let db = service(&world, &stack, "db", 1, json!(["data:/data"])).await;
    world.state(db.id, "active").await;
    let container = containers(&world, db.id).remove(0);
    assert_eq!(files(&world, &container).await, pairs(&[]));
    stop(&world, &db).await;
    let volume = volumes(&world)[0].id;
    world.act(volume, "restorefrombackup", json!({ "backupId": kept.id })).await;
    world.state(volume, "active").await;
    quiet(&world).await;
    assert_eq!(files(&world, &container).await, pairs(&[("kept", "first")]));

    // A damaged backup changes nothing, and it is said.
    put(&world, &container, "kept", "newer").await;
    let mut bytes = std::fs::read(&place).expect("a backup");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&place, bytes).expect("damaged");
    world.act(volume, "restorefrombackup", json!({ "backupId": kept.id })).await;
    let failed = world.state(volume, "active").await;
    let said = failed.str("transitioningMessage").unwrap_or_default().to_owned();
    assert!(said.contains("is damaged: its checksum is not the one that was noted"), "{said}");
    assert_eq!(failed.str("transitioning"), Some("error"));
    assert_eq!(files(&world, &container).await, pairs(&[("kept", "newer")]));
    world.act(kept.id, "remove", json!({})).await;
    world.state(kept.id, "removed").await;
    assert_eq!(std::fs::read_dir(place.parent().expect("a folder")).expect("a folder").count(), 0);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removal_can_be_undone() {
    let mut world = World::sim(1).await;
    let store = world.store();
    let set = store.write(|tx| tx.set_setting("volume.undo.seconds", Some("3600")));
    set.await.expect("set");
    let (db, _, volume) = begin(&world).await;
    world.act(db.id, "remove", json!({})).await;
    world.state(db.id, "removed").await;
    quiet(&world).await;
    world.act(volume, "remove", json!({})).await;
    let removed = world.state(volume, "removed").await;
    let note =
        "1 file of 5 bytes; the action `restore` brings back what was in it within 3600 seconds";
    assert_eq!(removed.str("removalNote"), Some(note));
    assert!(removed.int("undoUntil").is_some_and(|until| until > world.clock.now_ms()));
    assert_eq!(super::on_engine(&world, 1).await, []);

    world.act(volume, "restore", json!({})).await;
    let back = world.state(volume, "detached").await;
    assert_eq!((back.removed, back.str("removalNote")), (None, None));
    let stack = world.stack("again").await;
    let db = service(&world, &stack, "db", 1, json!(["data:/data"])).await;
    world.state(db.id, "active").await;
    let container = containers(&world, db.id).remove(0);
    assert_eq!(container.map("dataVolumeMounts").expect("mounts")["/data"], volume);
    assert_eq!(files(&world, &container).await, pairs(&[("kept", "first")]));

    // Once the time is over, the archive goes.
    world.act(db.id, "remove", json!({})).await;
    world.state(db.id, "removed").await;
    quiet(&world).await;
    world.act(volume, "remove", json!({})).await;
    world.state(volume, "removed").await;
    let snapshots = world.folder.path().join("snapshots");
    let count = || std::fs::read_dir(&snapshots).expect("a folder").count();
    let job = ranchette::process::snapshot::tasks().remove(0);
    let site = Arc::clone(&world.core.as_ref().expect("core").site);
    (job.run)(Arc::clone(&site)).await.expect("a run");
    assert_eq!(count(), 1);
    let over = store.write(move |tx| {
        tx.update(volume, |volume| {
            volume.set("undoUntil", 1);
            Ok(())
        })
    });
    over.await.expect("over");
    (job.run)(site).await.expect("a run");
    world.state(volume, "purged").await;
    assert_eq!(count(), 0);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_kept_says_why() {
    let mut world = World::sim(1).await;
    let never = make(&world, "volume", "never", json!({ "driver": "local" })).await;
    world.state(never.id, "inactive").await;
    let none = snapshot(&world, never.id, "none").await;
    let none = world.state(none.id, "removed").await;
    assert_eq!(
        none.str("transitioningMessage"),
        Some("volume `never` is on no host yet: no container has used it")
    );
    world.stop().await;
}

/// The power fails after any step of a story of snapshots and backups: it ends as if nothing had happened.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_failure_changes_nothing() {
    let steps = Arc::new(AtomicUsize::new(0));
    let whole = story(&steps, None).await;
    let count = steps.load(Ordering::SeqCst);
    assert!((7..30).contains(&count), "{count} steps");
    for cut in 0..count {
        let disturbed = story(&Arc::new(AtomicUsize::new(0)), Some(cut)).await;
        assert_eq!(disturbed, whole, "cut after step {cut} of {count}");
    }
}

/// What is left of it: files in the volume, states, helpers on the engine.
async fn story(steps: &Arc<AtomicUsize>, cut: Option<usize>) -> Vec<String> {
    let seen = Arc::clone(steps);
    let teeth: Breakpoint = Arc::new(move |process, _| {
        let ours = process.starts_with("snapshot.")
            || process.starts_with("backup.")
            || process.starts_with("volume.re");
        ours && Some(seen.fetch_add(1, Ordering::SeqCst)) == cut
    });
    let mut world = World::unstarted(1, Clock::System);
    world.set_breakpoint(Some(teeth));
    world.start().await;
    let (db, container, volume) = begin(&world).await;
    let first = snapshot(&world, volume, "stop").await.id;
    reach(&mut world, first, "created").await;
    reach(&mut world, db.id, "active").await;
    let row = world.store().read(|read| read.require("snapshot", first)).expect("a snapshot");
    let kept = backup(&world, &row).await.id;
    reach(&mut world, kept, "created").await;
    put(&world, &container, "more", "new").await;
    stop(&world, &db).await;
    world.act(volume, "restorefrombackup", json!({ "backupId": kept })).await;
    reach(&mut world, volume, "active").await;
    world.act(kept, "remove", json!({})).await;
    reach(&mut world, kept, "removed").await;
    let mut left: Vec<String> = files(&world, &container)
        .await
        .into_iter()
        .map(|(name, text)| format!("{name} {text}"))
        .collect();
    let engine = world.host(1);
    left.extend(engine.volumes().await.expect("volumes").into_iter().map(|v| v.name));
    let named = engine.list().await.expect("a list").into_iter().map(|one| one.name);
    left.extend(named.map(|name| crate::crash::without_uuids(&name)));
    for folder in ["snapshots", "backups/nas"] {
        let count = std::fs::read_dir(world.folder.path().join(folder)).expect("a folder").count();
        left.push(format!("{folder} {count}"));
    }
    world.stop().await;
    left
}

/// Waits for a state, starting the server again when it was stopped.
async fn reach(world: &mut World, id: i64, state: &str) {
    loop {
        let stop = world.core.as_ref().expect("core").stop.clone();
        let what = format!("resource {id} is {state}");
        tokio::select! {
            () = world.until(&what, |read| {
                let there = read.get(id)?.is_some_and(|row| row.state == state);
                Ok((there && read.open_process(id)?.is_none()).then_some(()))
            }) => return,
            () = stop.cancelled() => {}
        }
        world.stop().await;
        world.set_breakpoint(None);
        world.start().await;
    }
}
