//! Creating, starting, stopping and removing.

use futures_util::future::join_all;
use ranchette::engine::spec::LABEL_UUID;
use ranchette::engine::{ContainerState, EngineError, Observed, RemoveVolumes};

use super::Ground;

pub async fn create_returns_what_it_created_before(ground: Ground) {
    let engine = &ground.engine;
    let spec = ground.sleeper("twice").await;
    let id = engine.create(&spec).await.unwrap();
    assert_eq!(engine.create(&spec).await.unwrap(), id);
    engine.start(&id).await.unwrap();
    assert_eq!(engine.create(&spec).await.unwrap(), id, "a running one is also the one");

    let mut other = spec.clone();
    other.uuid = "another".to_owned();
    other.labels.insert(LABEL_UUID.to_owned(), other.uuid.clone());
    let taken = EngineError::NameConflict { name: spec.name.clone() };
    assert_eq!(engine.create(&other).await, Err(taken));
    ground.remove(&[&id]).await;
}

pub async fn start_stop_and_remove_may_come_twice(ground: Ground) {
    let engine = &ground.engine;
    let spec = ground.script("again", "trap 'exit 0' TERM; sleep 1000").await;
    let id = engine.create(&spec).await.unwrap();
    assert_eq!(ground.look(&id).await.state, ContainerState::Created);
    engine.stop(&id, 0).await.unwrap();

    for _ in 0..2 {
        engine.start(&id).await.unwrap();
        let running = ground.look(&id).await;
        assert!(running.is_running() && running.exit_code.is_none() && running.pid.is_some());
    }
    for _ in 0..2 {
        engine.stop(&id, 0).await.unwrap();
        let stopped = ground.look(&id).await;
        assert_eq!(stopped.state, ContainerState::Exited);
        assert!(stopped.exit_code.is_some() && stopped.finished_ms >= stopped.started_ms);
    }
    engine.start(&id).await.unwrap();
    for _ in 0..2 {
        engine.kill(&spec.name, "SIGKILL").await.unwrap();
    }
    engine.start(&id).await.unwrap();
    for _ in 0..2 {
        engine.remove(&id, RemoveVolumes::None).await.unwrap();
        assert_eq!(engine.inspect(&id).await.unwrap(), None);
    }
    engine.stop(&id, 1).await.unwrap();
    engine.kill(&id, "SIGTERM").await.unwrap();
}

pub async fn lists_show_every_container(ground: Ground) {
    let engine = &ground.engine;
    let ours = ground.sleeper("ours").await;
    let mut native = ground.sleeper("native").await;
    native.labels.remove(LABEL_UUID);
    let ended = ground.script("ended", "exit 7").await;
    let ids = [ground.run(&ours).await, engine.create(&native).await.unwrap()];
    let ended_id = ground.run_to_the_end(&ended).await;

    let named = |all: &[Observed], name: &str| all.iter().find(|c| c.name == name).unwrap().clone();
    let mut all = engine.list().await.unwrap();
    // A list may lag behind events; it must catch up.
    while named(&all, &ended.name).is_running() {
        all = engine.list().await.unwrap();
    }
    let found = |name: &str| named(&all, name);
    let ours = found(&ours.name);
    assert_eq!((&ours.id, ours.uuid.as_deref()), (&ids[0], Some("uuid-ours")));
    assert_eq!((ours.state, ours.exit_code), (ContainerState::Running, None));
    assert_eq!((ours.image.as_str(), ours.created_ms > 0), (ground.image.as_str(), true));
    assert_eq!(ours.labels.get("ranchette.test").map(String::as_str), Some("contract"));
    let native = found(&native.name);
    assert_eq!((&native.id, &native.uuid), (&ids[1], &None));
    assert_eq!(native.state, ContainerState::Created);
    let ended = found(&ended.name);
    assert_eq!((ended.state, ended.exit_code), (ContainerState::Exited, Some(7)));

    let looked = ground.look("contract-ours").await;
    assert_eq!((&looked.id, &looked.labels, looked.state), (&ours.id, &ours.labels, ours.state));
    assert_eq!(looked.raw["Config"]["Image"], ground.image.as_str());
    let looked = ground.look(&ended_id).await;
    assert_eq!((looked.state, looked.exit_code), (ContainerState::Exited, Some(7)));
    ground.remove(&[&ids[0], &ids[1], &ended_id]).await;
}

pub async fn many_at_once(ground: Ground) {
    let names: Vec<String> = (0..8).map(|n| format!("many-{n}")).collect();
    let specs = join_all(names.iter().map(|name| ground.sleeper(name))).await;
    let ids = join_all(specs.iter().map(|spec| ground.run(spec))).await;
    let all = ground.engine.list().await.unwrap();
    let running = all.iter().filter(|c| ids.contains(&c.id) && c.is_running()).count();
    assert_eq!(running, 8);
    join_all(ids.iter().map(|id| ground.engine.remove(id, RemoveVolumes::Anonymous))).await;
    let all = ground.engine.list().await.unwrap();
    assert!(all.iter().all(|c| !ids.contains(&c.id)));
}
