//! What old clients ask, played again: recorded exchanges in `tests/clients/`, on the simulated engine and,
//! where containers have to answer, on Docker.

mod export;
mod pattern;
mod player;
mod story;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use ranchette::auth::seed;
use serde_json::{Value, json};

use self::pattern::{Names, meets};
use self::player::Player;
use self::story::Story;
use crate::docker_support::docker;
use crate::ranch::Ranch;
use crate::streams::place::Place;

/// The folders of the clients.
const CLIENTS: [&str; 5] = ["cattle", "go-rancher", "rancher", "rancher-compose", "terraform"];
/// Stories that need containers which answer.
const ON_DOCKER: &[&str] = &["rancher/exec-and-logs", "rancher-compose/pull-and-logs"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients")
}

/// The stories of a client, by name: `rancher/up`.
fn stories(client: &str) -> Vec<Story> {
    let files = std::fs::read_dir(folder().join(client)).expect("the client's folder");
    let paths: BTreeSet<PathBuf> = files.map(|file| file.expect("a file").path()).collect();
    let read = |path: &PathBuf| {
        let name = format!("{client}/{}", path.file_stem().expect("a name").to_string_lossy());
        let text = std::fs::read_to_string(path).expect("a story");
        Story::parse(&name, &text).unwrap_or_else(|why| panic!("{why}"))
    };
    paths.iter().map(read).collect()
}

/// Plays every story of a client that needs no containers, each on a server of its own.
async fn play_on_simulated_hosts(client: &str) {
    let all = stories(client);
    assert!(!all.is_empty(), "{client} has no stories");
    let mut wrong = Vec::new();
    let folder = tempfile::tempdir().expect("temporary folder");
    let (cert, key) = crate::tls::certificate(folder.path(), "shop.example", 30);
    let quoted =
        |text: &str| serde_json::to_string(text).expect("text").trim_matches('"').to_owned();
    let (cert, key) = (quoted(&cert), quoted(&key));
    for story in all.iter().filter(|story| !ON_DOCKER.contains(&story.name.as_str())) {
        let place = Place::start().await;
        place.site.store.write(seed::template).await.expect("the template");
        let mut player = Player::new(&place.site.url, place.site.key_of(1).await);
        let given = [("image", "nginx"), ("shop", "shop"), ("cert", &cert), ("key", &key)];
        for (name, value) in given {
            player.names.insert(name.to_owned(), value.to_owned());
        }
        wrong.extend(player.play(story).await.err());
        place.stop().await;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[actix_web::test]
async fn what_client_libraries_ask_is_answered() {
    for client in ["cattle", "go-rancher"] {
        play_on_simulated_hosts(client).await;
    }
}

#[actix_web::test]
async fn what_rancher_asks_is_answered() {
    play_on_simulated_hosts("rancher").await;
}

#[actix_web::test]
async fn what_rancher_compose_asks_is_answered() {
    play_on_simulated_hosts("rancher-compose").await;
}

#[actix_web::test]
async fn what_terraform_asks_is_answered() {
    play_on_simulated_hosts("terraform").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_clients_ask_of_containers_is_answered() {
    let docker = docker().await;
    let ranch = Ranch::new(&docker.endpoint, 21, &["clients", "composed"]);
    let server = ranch.start().await;
    ranch.active_host().await;
    let all: Vec<Story> = CLIENTS.iter().flat_map(|client| stories(client)).collect();
    for (index, name) in ON_DOCKER.iter().enumerate() {
        let stack = ranch.stack(index);
        let story = all.iter().find(|story| story.name == *name).expect(name);
        let mut player = Player::new(&format!("http://{}", ranch.listen), ranch.key());
        let pulled = format!("{}/ranchette-test/busybox:1", docker.registry);
        let given = [("image", docker.image.as_str()), ("shop", stack), ("pulled", &pulled)];
        for (name, value) in given {
            player.names.insert(name.to_owned(), value.to_owned());
        }
        player
            .play(story)
            .await
            .unwrap_or_else(|why| panic!("{why}\n{:#?}", ranch.containers(stack)));
    }
    server.shut_down().await;
}

#[test]
fn a_pattern_is_met_by_what_it_names_and_more() {
    let answer = json!({
        "id": "1st5", "name": "shop", "scale": 2, "removed": null, "startOnCreate": true,
        "actions": { "remove": "http://x/remove" },
        "data": [{ "id": "1s1", "type": "service" }, { "id": "1s2", "type": "dnsService" }],
    });
    let check = |pattern: Value, expect: &str| {
        let mut names = Names::from([("known".to_owned(), "shop".to_owned())]);
        let found = meets(&pattern, &answer, &mut names);
        assert_eq!(found.err().unwrap_or_default(), expect, "{pattern}");
    };
    check(json!({}), "");
    check(json!({ "id": "$new", "name": "$known", "scale": "<number>", "removed": "<none>" }), "");
    check(json!({ "id": "$twice", "name": "$twice" }), ".name is not \"1st5\" but \"shop\"");
    check(json!({ "id": "$known" }), ".id is not \"shop\" but \"1st5\"");
    check(json!({ "scale": "<text>" }), ".scale is not \"<text>\" but 2");
    check(json!({ "scale": 3 }), ".scale is not 3 but 2");
    check(json!({ "name": "<none>" }), ".name is not \"<none>\" but \"shop\"");
    check(json!({ "removed": "<any>" }), ".removed is missing, not \"<any>\"");
    check(json!({ "gone": "<text>" }), ".gone is missing, not \"<text>\"");
    check(json!({ "actions": { "remove": "<text>" }, "startOnCreate": "<flag>" }), "");
    check(
        json!({ "actions": { "upgrade": "<text>" } }),
        ".actions.upgrade is missing, not \"<text>\"",
    );
    // In a list each pattern needs an item of its own, in any order.
    check(json!({ "data": [{ "type": "dnsService" }, { "id": "1s1" }] }), "");
    check(
        json!({ "data": [{ "id": "1s1" }, { "id": "1s1" }] }),
        "no item of the list: .data[1].id is not \"1s1\" but \"1s2\"",
    );
    check(
        json!({ "data": {} }),
        ".data is not {} but [{\"id\":\"1s1\",\"type\":\"service\"},{\"id\":\"1s2\",\"type\":\"dnsService\"}]",
    );
}

#[test]
fn what_is_no_story_is_not_read() {
    let check = |text: &str, expect: &str| {
        let found = Story::parse("a", text);
        assert_eq!(found.map(|story| story.steps.len()).unwrap_err(), expect, "{text}");
    };
    check("GET /x\n", "a:1: no answer is expected");
    check("GET /x\n< 200\n< {\n", "a: line 1: EOF while parsing an object at line 2 column 0");
    check("< 200\n", "a:1: no request before: < 200");
    check("HEAR logs\n", "a:1: no answer is expected");
    check("LOOK /x\n", "a:1: not a request: LOOK /x");
    check("GET /x\n< perhaps\n", "a:2: not a status: < perhaps");
    let story = Story::parse(
        "a",
        "# why\nPOST /x\n> {\"a\": 1}\n< 201\n< Location: $url\n< {\"id\":\n<  \"$id\"}\n",
    );
    let step = &story.expect("a story").steps[0];
    assert_eq!((step.status, step.body.as_str(), step.headers.len()), (201, "{\"a\": 1}", 1));
}

/// Each answer that a story depends on is taken something away from: the story has to notice.
#[actix_web::test]
async fn a_story_fails_when_something_is_missing() {
    let place = Place::start().await;
    let mut player = Player::new(&place.site.url, place.site.key_of(1).await);
    let play = async |player: &mut Player, text: &str| {
        let story = Story::parse("a", text).expect("a story");
        player.play(&story).await.err().unwrap_or_default().lines().next().unwrap_or("").to_owned()
    };
    let ok =
        "GET /v2-beta\n< 200\n< X-API-Schemas: $root/v2-beta/schemas\n< {\"id\": \"v2-beta\"}\n";
    assert_eq!(play(&mut player, ok).await, "");
    let schemas = ok.replace("/schemas", "/schema");
    let seen = play(&mut player, &schemas).await;
    assert!(seen.contains("x-api-schemas:  is not"), "{seen}");
    let seen = play(&mut player, &ok.replace("200", "201")).await;
    assert!(seen.contains("answered by 200"), "{seen}");
    let seen = play(&mut player, &ok.replace("\"id\"", "\"ID\"")).await;
    assert!(seen.contains(".ID is missing"), "{seen}");
    let seen = play(&mut player, "GET /v2-beta/projects/$project\n< 200\n").await;
    assert!(seen.contains("nothing is called `$project` yet"), "{seen}");
    let seen = play(&mut player, "HEAR logs\n< text x\n").await;
    assert!(seen.contains("no websocket is called `logs`"), "{seen}");
    place.stop().await;
}
