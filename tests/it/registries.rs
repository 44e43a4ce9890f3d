//! Logins at registries: which one a pull uses, and what becomes of one that is not accepted.

use ranchette::clock::Entropy;
use ranchette::engine::EngineError;
use ranchette::engine::sim::{Effect, Fault, Op};
use ranchette::model::resource::{NewResource, Resource};
use ranchette::process::registries::{SECRET, login_for};
use ranchette::process::{self, secrets};
use serde_json::{Map, Value, json};

use crate::docker_support::docker;
use crate::ranch::{Ranch, sleeper, until};
use crate::world::World;

const SERVER: &str = "reg.test:5000";
const IMAGE: &str = "docker:reg.test:5000/app:1";

/// A world whose registry lets `bob` in with the password `hush`.
async fn world() -> World {
    let world = World::sim(1).await;
    world.fleet.registry().require_login("reg.test:5000/", "bob", "hush");
    world
}

pub fn row(world: &World, ty: &'static str, kind: &str) -> NewResource {
    NewResource::new(ty, Entropy::System.uuid()).kind(kind).account(world.project)
}

pub async fn begin(world: &World, new: NewResource) -> Resource {
    world.store().write(|tx| process::create(tx, new, Map::new())).await.expect("row")
}

pub async fn registry(world: &World) -> Resource {
    let new = row(world, "storagePool", "registry").with("serverAddress", SERVER);
    let made = begin(world, new).await;
    world.state(made.id, "active").await
}

fn sealed(world: &World, uuid: &str, password: &str) -> String {
    let vault = &world.core.as_ref().expect("running").site.vault;
    secrets::seal(vault, "credential", uuid, password.as_bytes()).expect("sealed")
}

pub fn login(world: &World, registry: i64, user: &str, password: &str) -> NewResource {
    let new = row(world, "credential", "registryCredential");
    let sealed = sealed(world, &new.uuid, password);
    new.with("registryId", registry).with("publicValue", user).with(SECRET, sealed)
}

/// Gives a credential another password as the API does.
pub async fn change(world: &World, credential: &Resource, password: &str) {
    let (id, sealed) = (credential.id, sealed(world, &credential.uuid, password));
    let store = world.store();
    let change = store.write(move |tx| {
        tx.update(id, |row| {
            row.set(SECRET, sealed);
            Ok(())
        })?;
        process::start(tx, id, "update", Map::new())
    });
    change.await.expect("changed");
}

/// Waits until a credential has been refused; what is said of it.
async fn refused(world: &World, id: i64) -> String {
    let row = world.state(id, "inactive").await;
    assert_eq!(row.str("transitioning"), Some("error"), "{:?}", row.data);
    row.str("transitioningMessage").unwrap_or_default().to_owned()
}

async fn service(world: &World, launch: Value) -> Resource {
    let stack = world.stack("shop").await;
    world.service(&stack, "web", 1, launch).await
}

fn noted(world: &World, line: &str) -> bool {
    world.fleet.transcript().lines().iter().any(|one| one == line)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_is_pulled_with_the_login_of_its_registry() {
    let mut world = world().await;
    let registry = registry(&world).await;
    let credential = begin(&world, login(&world, registry.id, "bob", "hush")).await;
    world.state(credential.id, "active").await;
    assert!(noted(&world, "host1 login reg.test:5000 as bob"));
    let web = service(&world, json!({ "imageUuid": IMAGE })).await;
    world.state(web.id, "active").await;
    assert!(noted(&world, "host1 pull reg.test:5000/app:1 as bob"));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_login_is_told_and_not_used_until_it_is_right() {
    let mut world = world().await;
    let registry = registry(&world).await;
    let credential = begin(&world, login(&world, registry.id, "bob", "boo")).await;
    let words = refused(&world, credential.id).await;
    let expect = "registry `reg.test:5000` refuses the login of `bob`: unauthorized: \
                  authentication required";
    assert_eq!(words, expect);
    let web = service(&world, json!({ "imageUuid": IMAGE })).await;
    let expect = "pulling `reg.test:5000/app:1` was refused: unauthorized: authentication required; \
                  there is no active login for registry `reg.test:5000`";
    let told = world.until("the container says why", |read| {
        let containers = read.referrers("instance", "serviceId", web.id)?;
        let told = |row: &Resource| row.str("transitioningMessage").is_some_and(|it| it == expect);
        Ok(containers.iter().any(told).then_some(()))
    });
    told.await;

    // What is inactive may be changed without asking anybody.
    change(&world, &credential, "hush").await;
    world
        .until("it is changed", |read| {
            let row = read.require("credential", credential.id)?;
            Ok((row.state == "inactive" && read.open_process(row.id)?.is_none()).then_some(()))
        })
        .await;
    world.act(credential.id, "activate", json!({})).await;
    let row = world.state(credential.id, "active").await;
    assert_eq!(row.str("transitioningMessage"), None);
    world.state(web.id, "active").await;

    change(&world, &credential, "boo").await;
    assert!(refused(&world, credential.id).await.contains("refuses the login of `bob`"));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_that_nobody_can_check_is_kept() {
    let mut world = world().await;
    let away = EngineError::RegistryAway { server: SERVER.to_owned(), detail: "gone".to_owned() };
    world.fleet.faults().add(Fault::on(Op::Login, Effect::Fail(away)));
    let registry = registry(&world).await;
    let credential = begin(&world, login(&world, registry.id, "bob", "hush")).await;
    world.state(credential.id, "active").await;
    let web = service(&world, json!({ "imageUuid": IMAGE })).await;
    world.state(web.id, "active").await;
    world.stop().await;

    let mut alone = World::sim(0).await;
    let registry = self::registry(&alone).await;
    let credential = begin(&alone, login(&alone, registry.id, "bob", "hush")).await;
    alone.state(credential.id, "active").await;
    alone.stop().await;
}

/// An image is pulled when it is missing, or before every container with the label for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_is_pulled_when_missing_or_always() {
    let mut world = World::sim(1).await;
    let stack = world.stack("shop").await;
    for (name, labels, pulls) in [
        ("once", json!({}), 1),
        ("always", json!({ "io.rancher.container.pull_image": "always" }), 3),
    ] {
        let image = format!("docker:{name}:1");
        let launch = json!({ "imageUuid": image, "labels": labels });
        let service = world.service(&stack, name, 1, launch).await;
        world.state(service.id, "active").await;
        for scale in [2, 3] {
            world.scale(service.id, scale).await;
            world
                .until("all containers run", |read| {
                    let all = read.referrers("instance", "serviceId", service.id)?;
                    let run = all.iter().filter(|one| one.state == "running").count();
                    Ok((i64::try_from(run) == Ok(scale)).then_some(()))
                })
                .await;
        }
        let line = format!("host1 pull {name}:1");
        let count = world.fleet.transcript().lines().iter().filter(|one| **one == line).count();
        assert_eq!(count, pulls, "{name}");
    }
    world.stop().await;
}

/// A login that has become wrong does not keep us from what everybody may have.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_to_a_login_is_tried_as_anybody() {
    let mut world = World::sim(1).await;
    let registry = registry(&world).await;
    let credential = begin(&world, login(&world, registry.id, "bob", "hush")).await;
    world.state(credential.id, "active").await;
    let image = "reg.test:5000/app:1".to_owned();
    let denied = EngineError::PullDenied { image, detail: "who is bob?".to_owned() };
    world.fleet.faults().add(Fault::on(Op::Pull, Effect::Fail(denied)).times(1));
    let web = service(&world, json!({ "imageUuid": IMAGE })).await;
    world.state(web.id, "active").await;
    assert!(noted(&world, "host1 pull reg.test:5000/app:1"));
    world.stop().await;
}

/// Rows as they are in the table, without processes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_login_of_a_pull_is_chosen_by_registry_and_state() {
    let mut world = World::sim(0).await;
    let own = world.project;
    let mut ids = Vec::new();
    let store = world.store();
    for (address, state, owner, logins) in [
        ("https://Quay.io/", "active", own, &[("off", "inactive"), ("first", "active")][..]),
        ("quay.io", "active", own, &[("second", "updating-active")][..]),
        ("docker.io", "active", own, &[("hub", "active")][..]),
        ("gone.test", "inactive", own, &[("gone", "active")][..]),
        ("other.test", "active", own + 1_000_000, &[("other", "active")][..]),
    ] {
        let insert = |new: NewResource| store.write(move |tx| tx.insert(new));
        let new = NewResource::new("storagePool", Entropy::System.uuid());
        let new = new.kind("registry").account(owner).state(state);
        let registry = insert(new.with("serverAddress", address)).await.expect("registry");
        for (user, state) in logins {
            let new = login(&world, registry.id, user, "hush").account(owner).state(state);
            ids.push((*user, insert(new).await.expect("login").id));
        }
    }
    let vault = &world.core.as_ref().expect("running").site.vault;
    let check = |image: &str, wanted: Option<&str>, expect: Option<(&str, &str)>| {
        let id = wanted.map(|wanted| ids.iter().find(|(user, _)| *user == wanted).expect("id").1);
        let found = world.store().read(|read| login_for(read, vault, Some(own), image, id));
        let found = found.expect("a choice");
        let found = found.as_ref().map(|auth| (auth.username.as_str(), auth.server.as_str()));
        assert_eq!(found, expect, "{image} {wanted:?}");
    };
    check("docker:quay.io/app", None, Some(("first", "quay.io")));
    check("docker:quay.io/app", Some("second"), Some(("second", "quay.io")));
    check("docker:quay.io/app", Some("off"), Some(("first", "quay.io")));
    // A password goes to its own registry only.
    check("docker:quay.io/app", Some("hub"), Some(("first", "quay.io")));
    check("docker:evil.test/app", Some("hub"), None);
    check("docker:nginx", None, Some(("hub", "index.docker.io")));
    check("docker:docker.io/team/app:2", None, Some(("hub", "index.docker.io")));
    check("docker:gone.test/app", Some("gone"), None);
    check("docker:other.test/app", Some("other"), None);
    world.stop().await;
}

/// Passwords from before they were sealed are used, and sealed by the job.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plain_password_of_old_is_sealed() {
    let mut world = World::sim(0).await;
    let registry = registry(&world).await;
    let new = row(&world, "credential", "registryCredential").state("active");
    let new = new.with("registryId", registry.id).with("publicValue", "bob");
    let new = new.with("secretValue", "hush-of-old");
    let id = world.store().write(move |tx| tx.insert(new)).await.expect("row").id;
    let site = std::sync::Arc::clone(&world.core.as_ref().expect("running").site);
    let password = || {
        let found = site.store.read(|read| {
            login_for(read, &site.vault, Some(world.project), "reg.test:5000/app", None)
        });
        found.expect("read").expect("a login").password
    };
    assert_eq!(password(), "hush-of-old");
    let sealed = process::registries::seal_plain(&site.store, &site.vault).await;
    // The periodic job may have been quicker.
    assert!(sealed.expect("sealed") <= 1);
    let row = site.store.read(|read| read.require("credential", id)).expect("row");
    assert_eq!(row.str("secretValue"), None);
    assert!(row.str(SECRET).is_some_and(|text| !text.contains("hush")), "{:?}", row.data);
    assert_eq!(password(), "hush-of-old");
    drop(site);
    world.stop().await;
}

/// The state and the words of a registry credential.
async fn judged(ranch: &Ranch, id: &str) -> (String, String) {
    until("the credential is judged", async || {
        let all = ranch.list("registrycredentials").await;
        let row = all.iter().find(|row| row["id"] == id).ok_or("it is gone")?;
        let text = |field: &str| row[field].as_str().unwrap_or_default().to_owned();
        match text("state").as_str() {
            "active" | "inactive" if row["transitioning"] != "yes" => {
                Ok((text("state"), text("transitioningMessage")))
            }
            other => Err(format!("{other}: {}", text("transitioningMessage"))),
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_private_image_on_docker_needs_its_login() {
    use reqwest::Method;

    let docker = docker().await;
    let ranch = Ranch::new(&docker.endpoint, 5, &["private"]);
    let stack = ranch.stack(0).to_owned();
    // An image that no other test pulls or removes.
    let image = docker.private_image(&stack).await;
    let server = ranch.start().await;
    let file = ranch.file(&sleeper(&image));
    let refused = ranch.run(&["up", "-f", &file, "-p", &stack]).await;
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success(), "{words}");
    let address = &docker.locked_registry;
    let expect = format!("there is no active login for registry `{address}`");
    assert!(words.contains("was refused") && words.contains(&expect), "{words}");

    let refused = ranch.run(&["pull", &stack]).await;
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && words.contains(&expect), "{words}");

    let registry = json!({ "serverAddress": format!("http://{address}/") });
    let registry = ranch.send(Method::POST, "registries", &registry).await;
    let login = json!({
        "registryId": registry["id"], "publicValue": "tester", "secretValue": "wr0ng-pass",
    });
    let made = ranch.send(Method::POST, "registrycredentials", &login).await;
    assert_eq!(made["secretValue"], Value::Null);
    let id = made["id"].as_str().expect("an id").to_owned();
    let (state, words) = judged(&ranch, &id).await;
    assert_eq!(state, "inactive", "{words}");
    let expect = format!("registry `{address}` refuses the login of `tester`");
    assert!(words.starts_with(&expect), "{words}");

    let path = format!("registrycredentials/{id}");
    let right = docker.login();
    ranch.send(Method::PUT, &path, &json!({ "secretValue": right.password })).await;
    judged(&ranch, &id).await;
    ranch.send(Method::POST, &format!("{path}?action=activate"), &json!({})).await;
    assert_eq!(judged(&ranch, &id).await, ("active".to_owned(), String::new()));
    ranch.ok(&["pull", &stack]).await;
    ranch.docker(&["image", "inspect", &image]);
    // What failed before is tried again by itself, after its back-off.
    until("the private image runs", async || {
        let containers = ranch.containers(&stack);
        let runs = containers.len() == 1 && containers[0].is_running();
        if runs { Ok(()) } else { Err(format!("{containers:?}")) }
    })
    .await;

    let wrong = json!({ "secretValue": "wr0ng-again" });
    ranch.send(Method::PUT, &path, &wrong).await;
    let (state, words) = judged(&ranch, &id).await;
    assert_eq!(state, "inactive", "{words}");
    ranch.ok(&["down", &stack, "--yes"]).await;
    server.shut_down().await;
    ranch.docker(&["image", "rm", "-f", &image]);
    let database = std::fs::read_dir(ranch.data_dir()).expect("the data folder");
    for file in database.filter_map(|entry| std::fs::read(entry.ok()?.path()).ok()) {
        for password in ["wr0ng-pass", "wr0ng-again"] {
            let found = file.windows(password.len()).any(|part| part == password.as_bytes());
            assert!(!found, "a password is kept in clear");
        }
    }
}
