//! Stacks that are bound to directories, over the API: who may, what is refused, and what is on disk after.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt, symlink};
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use expect_test::expect;
use ranchette::clock::{Clock, Entropy};
use ranchette::server::core::Core;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::site::{Client, Site};

/// Longest that this may take: a failure, not a pace.
const DEADLINE: Duration = Duration::from_secs(60);
const COMPOSE: &str = "services:\r\n  web:\r\n    image: nginx:${TAG}\r\n    env_file: web.env\r\n";
const HUSH: &str = "hunter22-hunter22";

/// A server that may use `stacks`, and `stacks/blog` with a project in it.
struct Desk {
    site: Site,
    core: Option<Core>,
    disk: TempDir,
}

impl Desk {
    async fn new() -> Self {
        let folder = TempDir::new().expect("temporary folder");
        let disk = TempDir::new().expect("temporary folder");
        let path = folder.path().join("db");
        let core = Core::open(&path, Clock::System, Entropy::System, crate::world::limits());
        let mut core = core.expect("a core");
        let root = disk.path().canonicalize().expect("a path");
        core.site.folders.allow(vec![root.join("stacks")]);
        core.start();
        let ((site, code), _) = Site::over(&core, folder).await;
        site.claim(&code).await;
        let desk = Self { site, core: Some(core), disk };
        std::fs::create_dir_all(desk.path("stacks/blog")).expect("made");
        desk.write("stacks/blog/compose.yaml", COMPOSE);
        desk.write("stacks/blog/.env", &format!("TAG=1\nHUSH={HUSH}\n"));
        desk.write("stacks/blog/web.env", "A=1\n");
        desk
    }

    fn path(&self, path: &str) -> PathBuf {
        self.disk.path().canonicalize().expect("a path").join(path)
    }

    fn write(&self, path: &str, text: &str) {
        std::fs::write(self.path(path), text).expect("written");
    }

    fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.path(path)).expect("read")
    }

    fn plan(&self, more: Value) -> Value {
        let mut body = json!({ "directory": self.path("stacks/blog") });
        for (key, value) in more.as_object().expect("an object") {
            body[key] = value.clone();
        }
        body
    }

    /// The stack `blog`, bound and applied.
    async fn applied(&self, caller: &Client) -> Value {
        let answer = caller.post("/stackplans", self.plan(json!({}))).await.ok(200);
        let id = answer["stackId"].as_str().expect("a stack").to_owned();
        let mut stack = Value::Null;
        let wait = async {
            while stack["state"] != "active" {
                stack = caller.get(&format!("/stacks/{id}")).await.ok(200);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let done = tokio::time::timeout(DEADLINE, wait).await;
        assert!(done.is_ok(), "it becomes active; last seen {stack}");
        stack
    }

    async fn act(&self, caller: &Client, stack: &Value, action: &str, body: Value) -> Value {
        let path = format!("/stacks/{}?action={action}", stack["id"].as_str().expect("an id"));
        let answer = caller.post(&path, body).await;
        match answer.status {
            200 => answer.json(),
            _ => answer.fault().into(),
        }
    }

    fn hidden(&self, text: &str) -> String {
        text.replace(self.path("").to_str().expect("text").trim_end_matches('/'), "ROOT")
    }

    async fn end(mut self) {
        if let Some(core) = self.core.take() {
            core.shut_down().await;
        }
    }
}

fn file<'a>(files: &'a Value, name: &str) -> &'a Value {
    let mut list = files["files"].as_array().expect("files").iter();
    list.find(|file| file["name"] == name).unwrap_or_else(|| panic!("{name}: {files}"))
}

#[actix_web::test]
async fn a_directory_is_planned_applied_and_bound() {
    let desk = Desk::new().await;
    let owner = desk.site.owner().await;
    let plan = owner.post("/stackplans", desk.plan(json!({"dryRun": true}))).await.ok(200);
    assert_eq!((&plan["name"], &plan["stackId"]), (&json!("blog"), &Value::Null));
    assert_eq!(plan["changes"][0]["reason"], "new, 1 container of nginx:1");
    let found = owner.get("/stackdirectories").await.ok(200);
    let row = &found["data"][0];
    assert_eq!((&row["name"], &row["files"]), (&json!("blog"), &json!(["compose.yaml"])));
    assert_eq!(row["stackId"], Value::Null);
    let again =
        owner.get(&format!("/stackdirectories/{}", row["id"].as_str().expect("an id"))).await;
    assert_eq!(again.ok(200)["directory"], row["directory"]);

    let stale = desk.plan(json!({"fingerprint": plan["fingerprint"]}));
    desk.write("stacks/blog/.env", &format!("TAG=2\nHUSH={HUSH}\n"));
    expect!["409 Conflict -: the files have changed on disk since this was planned; look at the plan again"]
        .assert_eq(&owner.post("/stackplans", stale).await.fault());

    let stack = desk.applied(&owner).await;
    assert_eq!(stack["directory"], json!(desk.path("stacks/blog")));
    assert_eq!(stack["directoryStatus"]["state"], "settled");
    assert_eq!((&stack["environment"], &stack["templates"]), (&json!({}), &Value::Null));
    let services = owner.get("/services").await.ok(200);
    assert_eq!(services["data"][0]["launchConfig"]["imageUuid"], "docker:nginx:2");
    let found = owner.get("/stackdirectories").await.ok(200);
    assert_eq!(found["data"][0]["stackId"], stack["id"]);
    let upgrade = json!({"dockerCompose": "services: {}\n"});
    let refused = desk.act(&owner, &stack, "upgrade", upgrade).await;
    assert!(refused.as_str().is_some_and(|text| text.starts_with("409")), "{refused}");

    // Removing the stack leaves the files alone.
    owner.delete(&format!("/stacks/{}", stack["id"].as_str().expect("an id"))).await.ok(200);
    assert_eq!(desk.read("stacks/blog/compose.yaml"), COMPOSE);
    desk.end().await;
}

#[actix_web::test]
async fn a_file_is_saved_byte_for_byte_and_only_if_nobody_else_did() {
    let desk = Desk::new().await;
    let owner = desk.site.owner().await;
    let stack = desk.applied(&owner).await;
    let path = desk.path("stacks/blog/compose.yaml");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).expect("a mode");
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(&path, Some(1234), Some(4321)).expect("an owner");
    }
    let before = std::fs::metadata(&path).expect("facts");
    let files = desk.act(&owner, &stack, "readfiles", json!({})).await;
    let names: Vec<&Value> =
        files["files"].as_array().expect("files").iter().map(|file| &file["name"]).collect();
    assert_eq!(names, ["compose.yaml", ".env", "web.env"]);
    let compose = file(&files, "compose.yaml");
    let text = compose["text"].as_str().expect("text");
    assert_eq!(
        (text, &compose["lineEnding"]),
        (COMPOSE.replace('\r', "").as_str(), &json!("crlf"))
    );

    // What is not saved yet can be tried out.
    let edited = text.replace("nginx", "caddy");
    let encoded = base64::engine::general_purpose::STANDARD.encode(&edited);
    let unsaved = json!({"name": "blog", "dryRun": true, "files": {"compose.yaml": encoded}});
    let tried = owner.post("/stackplans", desk.plan(unsaved)).await.ok(200);
    assert_eq!(tried["changes"][0]["action"], "change");
    let unsaved = json!({"name": "blog", "files": {"compose.yaml": encoded}});
    expect!["422 InvalidOption files: what a directory has not on disk can only be tried out; save it first"]
        .assert_eq(&owner.post("/stackplans", desk.plan(unsaved)).await.fault());

    let order = json!({"name": "compose.yaml", "text": edited, "hash": compose["hash"]});
    let saved = desk.act(&owner, &stack, "savefile", order.clone()).await;
    assert_eq!(desk.read("stacks/blog/compose.yaml"), COMPOSE.replace("nginx", "caddy"));
    let after = std::fs::metadata(&path).expect("facts");
    assert_eq!(
        (after.uid(), after.gid(), after.mode()),
        (before.uid(), before.gid(), before.mode())
    );
    assert_eq!((&saved["type"], &saved["text"]), (&json!("stackFile"), &json!(edited)));

    let refused = desk.act(&owner, &stack, "savefile", order).await;
    expect![
        "409 Conflict -: file `compose.yaml` has changed on disk since it was read; read it again"
    ]
    .assert_eq(refused.as_str().expect("a fault"));
    let bytes = base64::engine::general_purpose::STANDARD.encode(COMPOSE);
    let order = json!({"name": "compose.yaml", "content": bytes, "hash": saved["hash"]});
    desk.act(&owner, &stack, "savefile", order).await;
    assert_eq!(desk.read("stacks/blog/compose.yaml"), COMPOSE);
    desk.end().await;
}

#[actix_web::test]
async fn what_lies_elsewhere_is_refused_whatever_names_it() {
    let desk = Desk::new().await;
    let owner = desk.site.owner().await;
    std::fs::create_dir(desk.path("elsewhere")).expect("made");
    desk.write("elsewhere/compose.yaml", "services: {}\n");
    desk.write("elsewhere/key", HUSH);
    symlink(desk.path("elsewhere"), desk.path("stacks/way-out")).expect("a link");
    symlink(desk.path("elsewhere/key"), desk.path("stacks/blog/stolen.env")).expect("a link");
    std::fs::create_dir(desk.path("stacks/empty")).expect("made");
    let stack = desk.applied(&owner).await;
    let mut found = String::new();
    for path in [
        "elsewhere",
        "stacks",
        "stacks/way-out",
        "stacks/../elsewhere",
        "stacks/gone",
        "stacks/empty",
    ] {
        let body = json!({"directory": desk.path(path), "dryRun": true});
        let plan = owner.post("/stackplans", body.clone()).await.fault();
        let bind = desk.act(&owner, &stack, "bind", json!({"directory": desk.path(path)})).await;
        assert_eq!(bind.as_str().expect("a fault"), plan, "{path}");
        found.push_str(&format!("{}\n", desk.hidden(&plan)));
    }
    let mut body = desk.plan(json!({"dryRun": true}));
    body["composeFiles"] = json!(["../../elsewhere/compose.yaml"]);
    found.push_str(&format!("{}\n", owner.post("/stackplans", body).await.fault()));
    for name in ["../../elsewhere/key", "stolen.env", "/etc/hostname", "unrelated"] {
        let order = json!({"name": name, "text": "x", "hash": "0"});
        let refused = desk.act(&owner, &stack, "savefile", order).await;
        found.push_str(&format!("{}\n", refused.as_str().expect("a fault")));
    }
    expect![[r#"
        422 InvalidOption directory: `ROOT/elsewhere` does not lie below `ROOT/stacks`, which may be used
        422 InvalidOption directory: `ROOT/stacks` does not lie below `ROOT/stacks`, which may be used
        422 InvalidOption directory: `ROOT/stacks/way-out` does not lie below `ROOT/stacks`, which may be used
        422 InvalidOption directory: `ROOT/stacks/../elsewhere` is no absolute path of a directory without `..`
        422 InvalidReference directory: the directory `ROOT/stacks/gone` is not there
        422 InvalidReference directory: the directory `ROOT/stacks/empty` has no compose file
        422 InvalidOption directory: file `../../elsewhere/compose.yaml` lies outside of the stack's directory
        422 InvalidOption name: `../../elsewhere/key` is none of the files that make the stack
        422 InvalidOption name: `stolen.env` is none of the files that make the stack
        422 InvalidOption name: `/etc/hostname` is none of the files that make the stack
        422 InvalidOption name: `unrelated` is none of the files that make the stack
    "#]]
    .assert_eq(&found);
    let theft =
        "services:\n  web:\n    image: nginx\n    env_file: [stolen.env, ../../elsewhere/key]\n";
    desk.write("stacks/blog/compose.yaml", theft);
    let plan = owner.post("/stackplans", desk.plan(json!({"name": "blog", "dryRun": true}))).await;
    assert_eq!(plan.status, 422);
    assert!(!plan.text.contains(HUSH), "{}", plan.text);
    assert!(
        plan.text.matches("lies outside of the stack's directory").count() >= 2,
        "{}",
        plan.text
    );
    assert_eq!(desk.read("elsewhere/key"), HUSH);
    desk.end().await;
}

#[actix_web::test]
async fn only_administrators_bind_and_only_owners_see_files() {
    let desk = Desk::new().await;
    let admin = desk.site.owner().await;
    let stack = desk.applied(&admin).await;
    let mut found = String::new();
    for role in ["owner", "member", "restricted", "readonly"] {
        let (person, id) = desk.site.person(role).await;
        let member = json!({"members": [
            {"role": "owner", "externalId": "1a1", "externalIdType": "rancher_id"},
            {"role": role, "externalId": id, "externalIdType": "rancher_id"},
        ]});
        desk.site.admin().await.post("/projects/1a5?action=setmembers", member).await.ok(200);
        let inside = person.at(format!("{}/v2-beta/projects/1a5", desk.site.url));
        let row =
            inside.get(&format!("/stacks/{}", stack["id"].as_str().expect("an id"))).await.ok(200);
        let offered = |name: &str| row["actions"].get(name).is_some();
        let own = ["bind", "readfiles", "savefile", "unbind"].map(|name| (name, offered(name)));
        let own: Vec<&str> = own.iter().filter(|one| one.1).map(|one| one.0).collect();
        let other = json!({"name": "mine", "directory": desk.path("stacks/blog"), "dryRun": true});
        let other = inside.post("/stackplans", other).await.status;
        // Other files of the directory than those that somebody has bound the stack to.
        let files = json!({"name": "blog", "dryRun": true, "composeFiles": [".env"]});
        assert!([403, 405].contains(&inside.post("/stackplans", desk.plan(files)).await.status));
        let same = desk.plan(json!({"name": "blog", "dryRun": true}));
        let same = inside.post("/stackplans", same).await.status;
        let unsaved = json!({"name": "blog", "dryRun": true, "files": {".env": ""}});
        let unsaved = inside.post("/stackplans", desk.plan(unsaved)).await.status;
        let read = desk.act(&inside, &stack, "readfiles", json!({})).await;
        let listed = inside.get("/stackdirectories").await.ok(200)["data"].as_array().map(Vec::len);
        let reads = read["type"] == "stackFileList";
        found.push_str(&format!("{role}: {own:?} bind {other} plan {same} edit {unsaved} reads {reads} lists {listed:?}\n"));
    }
    expect![[r#"
        owner: ["readfiles", "savefile"] bind 403 plan 200 edit 200 reads true lists Some(0)
        member: [] bind 403 plan 200 edit 403 reads false lists Some(0)
        restricted: [] bind 403 plan 200 edit 403 reads false lists Some(0)
        readonly: [] bind 405 plan 405 edit 405 reads false lists Some(0)
    "#]]
    .assert_eq(&found);
    desk.end().await;
}

#[actix_web::test]
async fn secrets_of_files_are_in_no_row_and_no_log() {
    let desk = Desk::new().await;
    let owner = desk.site.owner().await;
    let stack = desk.applied(&owner).await;
    let secret = "secrets: { key: { file: key.txt } }\nservices: { web: { image: nginx, secrets: [key] } }\n";
    desk.write("stacks/blog/key.txt", "a file of a secret");
    desk.write("stacks/blog/compose.yaml", secret);
    let files = desk.act(&owner, &stack, "readfiles", json!({})).await;
    let key = file(&files, "key.txt");
    assert_eq!((&key["text"], &key["isText"]), (&Value::Null, &json!(false)));
    let env = file(&files, ".env");
    assert!(env["text"].as_str().is_some_and(|text| text.contains(HUSH)));
    let text = format!("TAG=1\nHUSH={HUSH}-more\n");
    let order = json!({"name": ".env", "text": text, "hash": env["hash"]});
    desk.act(&owner, &stack, "savefile", order).await;
    let content = base64::engine::general_purpose::STANDARD.encode(&text);
    let wrong = json!({"name": ".env", "content": content, "hash": "0"});
    desk.act(&owner, &stack, "savefile", wrong).await;
    assert!(desk.read("stacks/blog/.env").contains("-more"));
    let unbound = desk.act(&owner, &stack, "unbind", json!({})).await;
    assert_eq!((&unbound["directory"], &unbound["directoryStatus"]), (&Value::Null, &Value::Null));
    let bound =
        json!({"directory": format!("{}/", desk.path("stacks/blog").display()), "autoApply": true});
    let bound = desk.act(&owner, &stack, "bind", bound).await;
    assert_eq!(bound["directory"], json!(desk.path("stacks/blog")));
    assert_eq!(bound["directoryStatus"]["autoApply"], true);
    let admin = desk.site.admin().await;
    for path in ["/auditlogs?limit=1000", "/stacks?all=true", "/processinstances?limit=1000"] {
        let found = admin.get(path).await;
        assert_eq!(found.status, 200, "{path}");
        for hush in [HUSH, content.as_str()] {
            assert!(!found.text.contains(hush), "{path} tells a secret: {}", found.text);
        }
    }
    let log = admin.get("/auditlogs?limit=1000").await.text;
    assert!(log.contains("savefile"), "{log}");
    desk.end().await;
}
