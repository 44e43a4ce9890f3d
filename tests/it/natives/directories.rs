//! Projects whose files lie in a directory that stacks may have: taking one over binds its stack, if that
//! changes nothing, and giving it back leaves the files as they are.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ranchette::clock::{Clock, ManualClock};
use ranchette::controller::watch;
use ranchette::engine::sim::{SimEngine, SimFleet};
use ranchette::process::native;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::project::{PROJECT, STACK, starts_with};
use super::running;
use crate::streams::place::Place;

/// Marked, with both kinds of line ends, and without one at the last line: an editor would not leave it so.
const COMPOSE: &str = "\u{feff}# mine\r
services:
  web:\r
    image: nginx:1
    command: [sleep, '100000']\r
    environment: { MODE: '${MODE}' }
    mem_limit: 64m
    restart: always
    deploy: { replicas: 2 }\t
  db:
    image: nginx:1
    command: [sleep, '100000']
    environment: { MODE: '${MODE}' }
    mem_limit: 64m
    restart: always
    ports: ['8080:80']
    volumes: ['data:/data']
volumes:
  data:";

/// A server that may use `stacks`, the project's files in `stacks/blog`, and its containers on an engine of the
/// server's machine.
struct Scene {
    place: Place,
    host: SimEngine,
    disk: TempDir,
}

impl Scene {
    /// With a file of variables that Docker Compose was told of, if it was.
    async fn new(compose: &str, env_file: Option<&str>) -> Self {
        let host = SimFleet::new(7, Clock::System).host("host1");
        let time = Arc::new(ManualClock::new(0));
        let engine = Arc::new(host.clone());
        let place = Place::over("unix:///simulated.sock", engine, time).await;
        let scene = Self { place, host, disk: TempDir::new().expect("temporary folder") };
        let folder = scene.folder();
        std::fs::create_dir_all(&folder).expect("made");
        std::fs::write(folder.join("compose.yaml"), compose).expect("written");
        std::fs::write(folder.join(".env"), "MODE=fast\r\n").expect("written");
        std::fs::write(folder.join("prod.env"), "MODE=fast\n").expect("written");
        let site = &scene.place.core.site;
        site.folders.allow(vec![scene.root().join("stacks")]);
        let path = |name: &str| folder.join(name).to_string_lossy().into_owned();
        let mut labels = vec![
            ("project.working_dir", folder.to_string_lossy().into_owned()),
            ("project.config_files", path("compose.yaml")),
        ];
        labels.extend(env_file.map(|name| ("project.environment_file", path(name))));
        starts_with(&scene.host, &labels).await;
        let show = |tx: &mut ranchette::store::Tx<'_>| tx.set_setting(native::SHOWN, Some("true"));
        site.store.write(show).await.expect("a setting");
        scene.place.run(&watch::tasks().remove(0)).await;
        scene
    }

    fn root(&self) -> PathBuf {
        self.disk.path().canonicalize().expect("a path")
    }

    fn folder(&self) -> PathBuf {
        self.root().join("stacks/blog")
    }

    /// A text in which the folder has a short name.
    fn hidden(&self, value: &Value) -> String {
        value.to_string().replace(&*self.root().to_string_lossy(), "ROOT")
    }

    /// The only project of an answer.
    async fn asked(&self, body: Value) -> Value {
        let answer = self.place.owner.post("/adoptions", body).await.ok(200);
        assert_eq!(answer["projects"].as_array().map(Vec::len), Some(1), "{answer}");
        answer["projects"][0].clone()
    }

    /// The plan of the project, the directory and the notes in it.
    async fn plan(&self) -> (String, String) {
        let plan = self.asked(json!({ "names": [PROJECT], "dryRun": true })).await;
        assert_eq!(plan["state"], "adoptable", "{plan}");
        (self.hidden(&plan["directory"]), self.hidden(&plan["notes"]))
    }

    /// Takes it over; the stack once nothing moves any more.
    async fn taken(&self) -> Value {
        let taken = self.asked(json!({ "names": [PROJECT] })).await;
        let id = taken["stackId"].as_str().expect("a stack").to_owned();
        self.place.state(&id, "active").await;
        let stack = self.place.owner.get(&format!("/stacks/{id}")).await.ok(200);
        assert_eq!(stack["directory"], taken["directory"]);
        stack
    }

    /// Waits until a stack says how it stands to its directory.
    async fn stands(&self, stack: &Value, state: &str) {
        let id = crate::streams::place::number(stack["id"].as_str().expect("an id"));
        let is = |row: &ranchette::model::resource::Resource| {
            let status = row.map("directoryStatus");
            status.and_then(|status| status.get("state")).and_then(Value::as_str) == Some(state)
                && (state != "settled" || row.str("directoryApplied").is_some())
        };
        self.place.until(state, |read| Ok(read.get(id)?.filter(is).map(|_| ()))).await;
    }

    /// Which stack has the directory.
    async fn bound(&self) -> Value {
        let all = self.place.owner.get("/stackdirectories").await.ok(200);
        assert_eq!(all["data"].as_array().map(Vec::len), Some(1), "{all}");
        all["data"][0]["stackId"].clone()
    }
}

/// What is in a folder: bytes, mode, and by which number the disk knows each file.
fn contents(folder: &Path) -> BTreeMap<PathBuf, (Vec<u8>, u32, u64, i64)> {
    let files = std::fs::read_dir(folder).expect("read").map(|entry| entry.expect("read").path());
    let look = |path: PathBuf| {
        let facts = std::fs::metadata(&path).expect("facts");
        let bytes = std::fs::read(&path).expect("read");
        (path, (bytes, facts.mode(), facts.ino(), facts.mtime_nsec()))
    };
    files.map(look).collect()
}

#[actix_web::test]
async fn a_project_that_is_as_its_files_say_is_bound_to_them() {
    let scene = Scene::new(COMPOSE, Some(".env")).await;
    let (files, runs) = (contents(&scene.folder()), running(&scene.host));
    assert_eq!(scene.plan().await, (r#""ROOT/stacks/blog""#.to_owned(), "[]".to_owned()));
    assert_eq!(scene.bound().await, Value::Null, "a plan changes nothing");

    let stack = scene.taken().await;
    assert_eq!(scene.hidden(&stack["directory"]), r#""ROOT/stacks/blog""#);
    assert_eq!(scene.bound().await, stack["id"]);
    scene.stands(&stack, "settled").await;
    assert_eq!(running(&scene.host), runs);
    // Variables are on disk and nowhere else.
    let id = crate::streams::place::number(stack["id"].as_str().expect("an id"));
    let row = scene.place.site.store.read(|read| read.require("stack", id)).expect("a row");
    assert_eq!(row.map("environment").map(serde_json::Map::len), Some(0), "{row:?}");
    assert_eq!((row.map("templates"), row.map("secretFiles")), (None, None), "{row:?}");
    let everything = scene.place.owner.post("/adoptions", json!({ "dryRun": true })).await.ok(200);
    assert_eq!(everything["projects"][0]["directory"], stack["directory"]);

    // What is written on disk from now on is seen.
    let compose = scene.folder().join("compose.yaml");
    std::fs::write(&compose, COMPOSE.replace("replicas: 2", "replicas: 3")).expect("written");
    scene.stands(&stack, "changed").await;
    std::fs::write(&compose, COMPOSE).expect("written");
    scene.stands(&stack, "settled").await;
    let files_now = contents(&scene.folder());

    let given = scene.asked(json!({ "names": [STACK], "undo": true })).await;
    assert_eq!(given["state"], "released", "{given}");
    assert_eq!(contents(&scene.folder()), files_now);
    let bytes = |of: BTreeMap<PathBuf, (Vec<u8>, u32, u64, i64)>| -> Vec<Vec<u8>> {
        of.into_values().map(|one| one.0).collect()
    };
    assert_eq!(bytes(contents(&scene.folder())), bytes(files));
    assert_eq!(scene.bound().await, Value::Null, "another stack may have it");
    assert_eq!(running(&scene.host), runs);
    // As it was, it can be taken over once more.
    scene.place.run(&watch::tasks().remove(0)).await;
    assert_eq!(scene.plan().await.0, r#""ROOT/stacks/blog""#);
    scene.place.stop().await;
}

#[actix_web::test]
async fn how_many_there_are_and_what_is_not_started_keeps_nobody_from_it() {
    let more = COMPOSE.replace("replicas: 2", "replicas: 5");
    let more = more.replace("volumes:\n  data:", "  later:\n    image: nginx:1\nvolumes:\n  data:");
    let scene = Scene::new(&more, None).await;
    let runs = running(&scene.host);
    assert_eq!(scene.plan().await.0, r#""ROOT/stacks/blog""#);
    let stack = scene.taken().await;
    scene.stands(&stack, "changed").await;
    let stack = stack["id"].as_str().expect("an id");
    let stack = scene.place.owner.get(&format!("/stacks/{stack}")).await.ok(200);
    assert_eq!(stack["directoryStatus"]["message"], "1 service to scale, 1 to start");
    assert_eq!(running(&scene.host), runs, "nothing is applied unasked");
    scene.place.stop().await;
}

/// What the plan says of a project that is not bound.
async fn unbound(compose: &str, env_file: Option<&str>, change: impl Fn(&Scene)) -> String {
    let scene = Scene::new(compose, env_file).await;
    change(&scene);
    let (directory, notes) = scene.plan().await;
    assert_eq!(directory, "null", "{notes}");
    let stack = scene.taken().await;
    assert_eq!(stack["directory"], Value::Null);
    let dir = scene.folder().to_string_lossy().into_owned();
    let notes = notes.replace(&dir, "ROOT/stacks/blog");
    scene.place.stop().await;
    notes
}

#[actix_web::test]
async fn one_that_would_be_changed_stays_unbound_and_says_why() {
    let hand = "`ranchette bind ROOT/stacks/blog my-blog`";
    let other = COMPOSE.replacen("'100000'", "'5'", 1);
    assert_eq!(
        unbound(&other, None, |_| {}).await,
        format!(
            r#"["is not bound to its directory: the files do not say what runs for `web`; {hand} binds it"]"#
        )
    );
    let one = COMPOSE.replace("  db:", "  data:");
    let notes = unbound(&one, None, |_| {}).await;
    assert!(notes.contains("taken from its containers: its files do not name service `db`"));
    assert!(notes.contains(&format!("its files do not say what runs; {hand} binds it")), "{notes}");
    assert_eq!(
        unbound(COMPOSE, Some("prod.env"), |_| {}).await,
        format!(
            r#"["is not bound to its directory: its variables come from `prod.env`, and those of a bound stack from `.env`; {hand} does it"]"#
        )
    );
    // Docker Compose knows nothing of Rancher's file.
    let notes = unbound(COMPOSE, None, |scene| {
        let rancher = "services: { web: { health_check: { port: 80 } } }\n";
        std::fs::write(scene.folder().join("rancher-compose.yml"), rancher).expect("written");
    })
    .await;
    assert_eq!(
        notes,
        format!(
            r#"["is not bound to its directory: read from there, the files say something else of `web`; {hand} binds it"]"#
        )
    );
    let notes = unbound(COMPOSE, None, |scene| {
        let allow = &scene.place.core.site.folders;
        allow.allow(vec![scene.root().join("other")]);
    })
    .await;
    assert_eq!(
        notes,
        r#"["is not bound to its directory: `ROOT/stacks/blog` does not lie below `ROOT/other`, which may be used"]"#
    );
    let nobody = |scene: &Scene| scene.place.core.site.folders.allow(Vec::new());
    assert_eq!(unbound(COMPOSE, None, nobody).await, "[]", "nobody expects it");
}

#[actix_web::test]
async fn only_administrators_bind_by_taking_over() {
    let scene = Scene::new(COMPOSE, None).await;
    let owner = scene.place.member("owner").await;
    let body = json!({ "names": [PROJECT], "dryRun": true });
    let plan = owner.post("/adoptions", body.clone()).await.ok(200);
    assert_eq!(plan["projects"][0]["directory"], Value::Null);
    assert_eq!(
        scene.hidden(&plan["projects"][0]["notes"]),
        r#"["is not bound to its directory: only administrators bind stacks; `ranchette bind ROOT/stacks/blog my-blog` does it"]"#
    );
    // Which directories there are is not told.
    scene.place.core.site.folders.allow(vec![scene.root().join("other")]);
    let plan = owner.post("/adoptions", body).await.ok(200);
    assert_eq!(plan["projects"][0]["notes"], json!([]));
    scene.place.stop().await;
}
