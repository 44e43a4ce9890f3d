//! Containers that somebody else runs on an engine of ours.

mod adopted;
mod asked;
mod cut;
mod directories;
mod docker;
mod project;
mod shown;
mod volumes;

use ranchette::engine::sim::SimEngine;
use ranchette::engine::spec::{
    Limits, NameSpec, PortBinding, ProcessSpec, RestartSpec, StorageSpec,
};
use ranchette::engine::{ContainerSpec, Engine};
use ranchette::model::resource::Resource;
use ranchette::process::tasks::carry_out;

use crate::world::World;

/// A container as people start them by hand.
pub fn by_hand(name: &str) -> ContainerSpec {
    ContainerSpec {
        name: name.to_owned(),
        image: "nginx:1".to_owned(),
        process: ProcessSpec {
            command: vec!["sleep".to_owned(), "100000".to_owned()],
            env: vec!["MODE=fast".to_owned()],
            ..ProcessSpec::default()
        },
        names: NameSpec {
            ports: vec![PortBinding {
                private: 80,
                protocol: "tcp".to_owned(),
                public: Some(8080),
                bind: String::new(),
            }],
            ..NameSpec::default()
        },
        storage: StorageSpec {
            binds: vec!["kept:/data".to_owned(), "/etc/hosts:/hosts:ro".to_owned()],
            ..StorageSpec::default()
        },
        limits: Limits { memory: Some(1 << 26), ..Limits::default() },
        restart: Some(RestartSpec { name: "always".to_owned(), maximum_retry_count: 0 }),
        ..ContainerSpec::default()
    }
}

/// One without ports and volumes, of which there can be several.
pub fn plain(name: &str) -> ContainerSpec {
    let full = by_hand(name);
    ContainerSpec { names: NameSpec::default(), storage: StorageSpec::default(), ..full }
}

/// Makes and starts a container beside the server; its id.
pub async fn run(host: &SimEngine, spec: &ContainerSpec) -> String {
    host.pull(&spec.image, None, &|_| {}).await.expect("an image");
    let id = host.create(spec).await.expect("a container");
    host.start(&id).await.expect("it starts");
    id
}

/// Compares every host with its engine now.
pub async fn compare(world: &World) {
    let site = &world.core.as_ref().expect("running").site;
    let task = ranchette::controller::watch::tasks().remove(0);
    carry_out(site, &task, None).await.expect("the comparison runs");
}

/// The live row of a container, by Docker's id.
pub fn row(world: &World, id: &str) -> Option<Resource> {
    let rows = world.store().read(|read| read.referrers_by_text("instance", "externalId", id));
    rows.expect("rows").pop()
}

/// Waits for the row of a container to be in a state.
pub async fn shown(world: &World, id: &str, state: &str) -> Resource {
    world
        .until(&format!("container {id} is {state}"), |read| {
            let rows = read.referrers_by_text("instance", "externalId", id)?;
            Ok(rows.into_iter().find(|row| row.state == state))
        })
        .await
}

/// Waits until no live row stands for a container.
pub async fn hidden(world: &World, id: &str) {
    world
        .until(&format!("container {id} is not shown"), |read| {
            let rows = read.referrers_by_text("instance", "externalId", id)?;
            Ok(rows.is_empty().then_some(()))
        })
        .await;
}

/// Ids of the containers of a host with whether they run and when they started.
pub fn running(host: &SimEngine) -> Vec<(String, bool, Option<i64>)> {
    let all = host.everything().into_iter();
    all.map(|one| (one.id.clone(), one.is_running(), one.started_ms)).collect()
}
