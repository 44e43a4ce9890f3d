//! Volumes, their templates, drivers and pools.

mod api;
mod bucket;
mod docker;
mod drivers;
mod hostile;
mod keeping;
mod named;
mod templates;

use ranchette::clock::Entropy;
use ranchette::engine::{Engine, ObservedVolume};
use ranchette::model::resource::{NewResource, Resource};
use ranchette::process;
use serde_json::{Value, json};

use crate::world::World;

/// Makes a row of a type and begins its creation.
async fn make(world: &World, ty: &'static str, name: &str, fields: Value) -> Resource {
    make_with(world, ty, name, fields, json!({})).await
}

/// The same, with what the creation is told.
async fn make_with(
    world: &World,
    ty: &'static str,
    name: &str,
    fields: Value,
    told: Value,
) -> Resource {
    let mut new = NewResource::new(ty, Entropy::System.uuid()).name(name).account(world.project);
    if let Value::Object(fields) = fields {
        new.data.extend(fields);
    }
    let told = process::object(told);
    world.store().write(|tx| process::create(tx, new, told)).await.expect(ty)
}

/// A service whose containers have these `dataVolumes`.
async fn service(
    world: &World,
    stack: &Resource,
    name: &str,
    scale: i64,
    volumes: Value,
) -> Resource {
    let launch = json!({ "imageUuid": "docker:busybox", "dataVolumes": volumes });
    world.service(stack, name, scale, launch).await
}

/// Live volumes, in order of their names.
fn volumes(world: &World) -> Vec<Resource> {
    let mut found = Vec::new();
    let store = world.store();
    let read = store.read(|read| {
        read.for_each("volume", |row| {
            found.push(row);
            Ok(())
        })
    });
    read.expect("volumes");
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// Live containers of a service, in order of their names.
fn containers(world: &World, service: i64) -> Vec<Resource> {
    let rows = world.store().read(|read| read.referrers("instance", "serviceId", service));
    let mut rows = rows.expect("containers");
    rows.sort_by(|a, b| a.name.cmp(&b.name));
    rows
}

/// What an engine has.
async fn on_engine(world: &World, host: usize) -> Vec<ObservedVolume> {
    world.host(host).volumes().await.expect("volumes")
}

/// Waits until every process has ended.
async fn quiet(world: &World) {
    let open = |read: &ranchette::store::Read<'_>| {
        Ok(read.count_open_processes()?.is_empty().then_some(()))
    };
    world.until("every process ends", open).await;
}
