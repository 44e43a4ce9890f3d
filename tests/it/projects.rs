//! Environments as processes: what they begin with, and that nothing is left of them.

use ranchette::model::resource::{NewResource, Resource};
use ranchette::process;
use ranchette::store::{Query, Tx};
use serde_json::{Map, Value, json};

use super::world::World;

async fn write<T: Send + 'static>(
    world: &World,
    f: impl FnOnce(&mut Tx<'_>) -> ranchette::error::Result<T> + Send + 'static,
) -> T {
    world.store().write(f).await.expect("written")
}

/// Another environment, made from a template.
async fn project(world: &World, template: Option<i64>) -> Resource {
    write(world, move |tx| {
        let new = NewResource::new("account", tx.entropy.uuid())
            .kind("project")
            .name("other")
            .with("projectTemplateId", template)
            .with("servicesPortRange", json!({ "startPort": 49153, "endPort": 65535 }));
        process::create(tx, new, Map::new())
    })
    .await
}

async fn template(world: &World) -> i64 {
    let compose = "services:\n  agent:\n    image: busybox\n  off:\n    image: busybox\n";
    let stacks = json!([
        { "name": "infra", "dockerCompose": compose, "templateVersionId": "library:infra*x:1" },
        { "name": "broken", "dockerCompose": "services: 5" },
        { "name": "elsewhere", "templateVersionId": "library:infra*y:2" },
    ]);
    write(world, move |tx| {
        let new = NewResource::new("projectTemplate", tx.entropy.uuid())
            .name("with stacks")
            .state("active")
            .with("isPublic", true)
            .with("stacks", stacks);
        Ok(tx.insert(new)?.id)
    })
    .await
}

fn named(rows: &[Resource], name: &str) -> Resource {
    rows.iter().find(|row| row.name.as_deref() == Some(name)).expect(name).clone()
}

async fn stacks(world: &World, project: i64) -> Vec<Resource> {
    world
        .until("stacks are made", |read| {
            let query =
                Query { ty: "stack", account_id: Some(project), limit: 10, ..Query::default() };
            let rows = read.list(&query)?;
            let made = rows.iter().all(|row| matches!(row.state.as_str(), "active" | "error"));
            Ok((rows.len() == 3 && made).then_some(rows))
        })
        .await
}

#[tokio::test]
async fn an_environment_begins_with_the_stacks_of_its_template_and_starts_them_with_its_host() {
    let mut world = World::sim(1).await;
    let template = template(&world).await;
    let other = project(&world, Some(template)).await.id;
    world.state(other, "active").await;
    let made = stacks(&world, other).await;
    let infra = named(&made, "infra");
    assert!(infra.flag("system"));
    assert_eq!(infra.str("externalId"), Some("catalog://library:infra*x:1"));
    assert_eq!((infra.state.as_str(), named(&made, "broken").state.as_str()), ("active", "error"));
    let ids: Vec<Value> = made.iter().map(|row| row.id.into()).collect();
    let row = world.state(other, "active").await;
    assert_eq!((row.list("createdStackIds"), row.list("startedStackIds")), (&ids[..], &[][..]));
    let services =
        |read: &ranchette::store::Read<'_>| read.referrers("service", "stackId", infra.id);
    let waiting = world
        .until("services are made", |read| {
            let rows = services(read)?;
            Ok((rows.len() == 2 && rows.iter().all(|row| row.state == "inactive")).then_some(rows))
        })
        .await;
    assert!(waiting.iter().all(|row| row.flag("system")), "{waiting:?}");

    // A host comes; what had been waiting starts, and only once.
    let engine = std::sync::Arc::new(world.fleet.host("late"));
    let core = world.core.as_mut().expect("running");
    core.add_host(other, "sim://late", "late", engine, 60_000).await.expect("host");
    for service in &waiting {
        world.state(service.id, "active").await;
    }
    let row = world.state(other, "active").await;
    assert!(row.list("startedStackIds").contains(&infra.id.into()), "{row:?}");
    write(&world, move |tx| process::start(tx, waiting[0].id, "deactivate", Map::new())).await;
    // The next stack of the environment is nobody's business here.
    let own = world.stack("own").await;
    world.state(own.id, "active").await;
}

#[tokio::test]
async fn a_stack_made_while_there_is_a_host_starts_at_once() {
    let mut world = World::unstarted(1, ranchette::clock::Clock::System);
    world.start().await;
    let template = template(&world).await;
    let first = world.project;
    // The environment of the world has a host and no stacks yet.
    world.state(first, "active").await;
    write(&world, move |tx| {
        tx.update(first, |row| {
            row.set("projectTemplateId", template);
            Ok(())
        })?;
        let project = tx.require("account", first)?;
        process::template::make(tx, &project)
    })
    .await;
    let infra = named(&stacks(&world, first).await, "infra").id;
    world
        .until("services run", |read| {
            let rows = read.referrers("service", "stackId", infra)?;
            Ok((rows.len() == 2 && rows.iter().all(|row| row.state == "active")).then_some(()))
        })
        .await;
}

#[tokio::test]
async fn nothing_is_left_of_a_removed_environment() {
    let world = World::sim(1).await;
    let stack = world.stack("web").await;
    let service = world.service(&stack, "web", 2, json!({ "imageUuid": "docker:busybox" })).await;
    world.state(service.id, "active").await;
    let project = world.project;
    let (key, secret, other) = write(&world, move |tx| {
        let key = tx.insert(
            NewResource::new("credential", tx.entropy.uuid())
                .kind("apiKey")
                .account(project)
                .state("active"),
        )?;
        let secret = tx.insert(
            NewResource::new("secret", tx.entropy.uuid()).account(project).state("active"),
        )?;
        let user =
            tx.insert(NewResource::new("account", tx.entropy.uuid()).kind("user").state("active"))?;
        Ok((key.id, secret.id, user.id))
    })
    .await;
    let data = json!({ "remove": true });
    world.act(project, "deactivate", data).await;
    let removed = world.state(project, "removed").await;
    assert!(removed.removed.is_some());
    let left = |read: &ranchette::store::Read<'_>| {
        let mut left = Vec::new();
        for entry in ranchette::model::registry::registry().all() {
            let ty = entry.ty.name;
            if entry.is_child() || ty == "serviceLog" {
                continue;
            }
            let query = Query { ty, account_id: Some(project), limit: 10, ..Query::default() };
            left.extend(read.list(&query)?.into_iter().map(|row| (row.ty, row.id, row.state)));
        }
        Ok(left)
    };
    assert_eq!(world.store().read(left), Ok(vec![]));
    for id in [key, secret] {
        let row = world.store().read(|read| read.get(id)).expect("read").expect("a row");
        assert_eq!((row.state.as_str(), row.removed.is_some()), ("removed", true));
    }
    assert_eq!(world.host(1).count().0, 0, "no container is left on the engine");

    // An account takes its keys and memberships along.
    let member = write(&world, move |tx| {
        let new = NewResource::new("projectMember", tx.entropy.uuid())
            .state("active")
            .with("externalId", ranchette::model::id::format("a", other))
            .with("externalIdType", "rancher_id");
        Ok(tx.insert(new)?.id)
    })
    .await;
    world.act(other, "deactivate", json!({ "remove": true })).await;
    world.state(other, "removed").await;
    world.state(member, "removed").await;
    let site = std::sync::Arc::clone(&world.core.as_ref().expect("running").site);
    let mut tasks = ranchette::process::tasks::tasks().into_iter();
    let purge = tasks.find(|task| task.name == "purge.resources").expect("the task");
    (purge.run)(site).await.expect("a round");
    world.state(project, "purged").await;
    world.state(other, "purged").await;
}

#[tokio::test]
async fn an_older_environment_is_upgraded() {
    let world = World::sim(0).await;
    let project = world.project;
    world.state(project, "active").await;
    write(&world, |tx| tx.set_setting("account.version", Some("3"))).await;
    world.act(project, "upgrade", json!({})).await;
    let row = world
        .until("it is upgraded", |read| Ok(read.get(project)?.filter(|row| row.state == "active")))
        .await;
    assert_eq!(row.str("version"), Some("3"));
}
