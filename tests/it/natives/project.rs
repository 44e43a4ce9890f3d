//! A compose project as Docker Compose leaves it on a simulated host, and taking it over.

use ranchette::controller::adopt::{self, Adopted, Home, Images, Resolved, Sources};
use ranchette::controller::deploy::Request;
use ranchette::engine::sim::SimEngine;
use ranchette::engine::spec::NetworkAttachment;
use ranchette::engine::{ContainerSpec, Endpoint, Engine, NetworkSpec};
use ranchette::model::resource::Resource;
use ranchette::store::Query;

use super::{plain, run, shown};
use crate::world::World;

/// Its name, which makes another for its stack.
pub const PROJECT: &str = "my_blog";
/// That of its stack.
pub const STACK: &str = "my-blog";
/// The network that Docker Compose makes for it.
pub const NETWORK: &str = "my_blog_default";

/// A container of a service of the project.
pub fn member(service: &str, number: u32) -> ContainerSpec {
    let mut spec = plain(&format!("{PROJECT}-{service}-{number}"));
    let number = number.to_string();
    for (label, value) in [
        ("project", PROJECT),
        ("service", service),
        ("container-number", &number),
        ("oneoff", "False"),
        ("project.working_dir", "/nowhere/blog"),
        ("project.config_files", "/nowhere/blog/compose.yaml"),
    ] {
        spec.labels.insert(format!("com.docker.compose.{label}"), value.to_owned());
    }
    spec.network = NetworkAttachment::Named(Endpoint {
        network: NETWORK.to_owned(),
        aliases: vec![service.to_owned()],
        ..Endpoint::default()
    });
    spec
}

/// Runs the project: `web` twice, and `db` with a volume and a port. Ids of their containers.
pub async fn runs(world: &World, host: &SimEngine) -> Vec<String> {
    let ids = starts(host).await;
    for id in &ids {
        shown(world, id, "running").await;
    }
    ids
}

/// Starts the project.
pub async fn starts(host: &SimEngine) -> Vec<String> {
    starts_with(host, &[]).await
}

/// Starts the project, with further labels of Docker Compose on its containers.
pub async fn starts_with(host: &SimEngine, labels: &[(&str, String)]) -> Vec<String> {
    let network = NetworkSpec { name: NETWORK.to_owned(), ..NetworkSpec::default() };
    host.network_ensure(&network).await.expect("a network");
    let mut db = member("db", 1);
    db.names = super::by_hand("db").names;
    db.storage.binds = vec![format!("{PROJECT}_data:/data")];
    let mut ids = Vec::new();
    for mut spec in [member("web", 1), member("web", 2), db] {
        for (label, value) in labels {
            spec.labels.insert(format!("com.docker.compose.{label}"), value.clone());
        }
        ids.push(run(host, &spec).await);
    }
    ids
}

/// Takes the project over as an API call does; what was decided, and the stack.
pub async fn take(world: &World, files: Result<Request, String>) -> (Option<i64>, Resolved) {
    let (store, project) = (world.store(), world.project);
    let site = std::sync::Arc::clone(&world.core.as_ref().expect("running").site);
    let found = store.read(|read| adopt::running(read, project)).expect("projects");
    let [seen] = <[_; 1]>::try_from(found).expect("one project");
    let from = Sources { images: Images::new(), files, home: Home::Elsewhere };
    store.write(move |tx| adopt::take(tx, &site, &seen, &from)).await.expect("it is taken over")
}

/// Takes it over by what its containers say, and waits until nothing moves any more; the stack.
pub async fn taken(world: &World) -> i64 {
    let (stack, resolved) = take(world, Err("there are none".to_owned())).await;
    let stack = stack.unwrap_or_else(|| panic!("{:?}", resolved.refusals));
    settled(world, stack).await;
    stack
}

/// Waits until the services of a stack are active, or at rest, and its containers in no process.
pub async fn settled(world: &World, stack: i64) {
    world
        .until(&format!("stack {stack} is settled"), |read| {
            let rests = |row: &Resource| {
                matches!(row.state.as_str(), "active" | "inactive" | "running" | "stopped")
            };
            let services = read.referrers("service", "stackId", stack)?;
            let containers = read.referrers("instance", "stackId", stack)?;
            let stack = read.get(stack)?;
            let rest = services.iter().chain(&containers).chain(&stack).all(rests);
            Ok(rest.then_some(()))
        })
        .await;
}

/// Gives the stack back.
pub async fn undo(world: &World, stack: i64) -> Adopted {
    world.store().write(move |tx| adopt::undo(tx, stack)).await.expect("an undo")
}

/// The service of a stack by name.
pub fn service(world: &World, stack: i64, name: &str) -> Resource {
    let services = world.store().read(|read| read.referrers("service", "stackId", stack));
    let named = |one: &Resource| one.name.as_deref() == Some(name);
    services.expect("services").into_iter().find(named).expect("the service")
}

/// Live rows of a type, by name.
pub fn live(world: &World, ty: &'static str) -> Vec<String> {
    let query = Query { ty, limit: 1000, ..Query::default() };
    let rows = world.store().read(|read| read.list(&query)).expect("rows");
    let mut names: Vec<String> = rows.iter().map(Resource::display_name).collect();
    names.sort();
    names
}
