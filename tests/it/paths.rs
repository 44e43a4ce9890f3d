//! Paths that a compose file names lead nowhere on the server: it reads what was sent with the file, and
//! writes nothing, wherever the paths point to.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::api::site::{Client, Site};

/// In a file that nobody sent.
const HIDDEN: &str = "NOBODY_SENT_THIS=hidden-marker";

/// Compose files that name a path in every place where one may stand.
fn files(path: &str) -> Vec<(&'static str, String)> {
    let with = |more: &str| format!("services:\n  web:\n    image: nginx\n{more}");
    vec![
        ("env_file", with(&format!("    env_file: {path}\n"))),
        ("env_file, long", with(&format!("    env_file: [{{path: {path}}}]\n"))),
        ("label_file", with(&format!("    label_file: {path}\n"))),
        ("extends", with(&format!("    extends: {{file: {path}, service: web}}\n"))),
        ("include", with(&format!("include: [{path}]\n"))),
        ("include, long", with(&format!("include: [{{path: [{path}]}}]\n"))),
        ("secret", with(&format!("secrets: {{s: {{file: {path}}}}}\n"))),
        ("config", with(&format!("configs: {{c: {{file: {path}}}}}\n"))),
    ]
}

/// Ways to say where a file is, for somebody who knows.
fn ways(hidden: &Path, project: &Path) -> Vec<String> {
    let hidden = hidden.display().to_string();
    let steps = "../".repeat(project.components().count() + 2);
    vec![
        hidden.clone(),
        format!("../{}", hidden.rsplit('/').next().expect("a name")),
        format!("{steps}{}", hidden.trim_start_matches('/')),
        format!("./x/../../{}", hidden.rsplit('/').next().expect("a name")),
        "link".to_owned(),
    ]
}

async fn asked(owner: &Client, kind: &str, compose: &str, project: &Path) -> (u16, String) {
    let body = match kind {
        "stack" => json!({"name": "lost", "dockerCompose": compose, "startOnCreate": true}),
        _ => json!({
            "name": "lost", "dockerCompose": compose, "projectDir": project.display().to_string(),
            "dryRun": kind == "dry run",
        }),
    };
    let path = if kind == "stack" { "/stacks" } else { "/stackplans" };
    let answer = owner.post(path, body).await;
    (answer.status, answer.text)
}

#[actix_web::test]
async fn files_of_the_server_are_never_read_for_a_compose_file() {
    let site = Site::start().await;
    let owner = site.owner().await;
    let folder = TempDir::new().expect("a folder");
    let hidden = folder.path().join("hidden.env");
    fs::write(&hidden, HIDDEN).expect("a file");
    let project = folder.path().join("project");
    fs::create_dir(&project).expect("a folder");
    std::os::unix::fs::symlink(&hidden, project.join("link")).expect("a link");
    for way in ways(&hidden, &project) {
        for (place, compose) in files(&way) {
            for kind in ["dry run", "plan"] {
                let (status, text) = asked(&owner, kind, &compose, &project).await;
                let what = format!("{kind}: {place}: {way}: {text}");
                assert_eq!(status, 422, "{what}");
                assert!(text.contains("does not exist"), "{what}");
                assert!(!text.contains("hidden-marker") && !text.contains("NOBODY_SENT"), "{what}");
            }
        }
    }
    let stacks = owner.get("/stacks").await.ok(200);
    assert_eq!(stacks["data"], json!([]), "nothing was made");
}

/// Stacks that are made with their files have no place that paths could start from.
#[actix_web::test]
async fn a_stack_from_files_knows_only_those_files() {
    let site = Site::start().await;
    let owner = site.owner().await;
    let folder = TempDir::new().expect("a folder");
    let hidden = folder.path().join("hidden.env");
    fs::write(&hidden, HIDDEN).expect("a file");
    for (place, compose) in files(&hidden.display().to_string()) {
        let (status, text) = asked(&owner, "stack", &compose, folder.path()).await;
        assert!(!text.contains("hidden-marker"), "{place}: {status} {text}");
        assert!(!text.contains("NOBODY_SENT"), "{place}: {status} {text}");
    }
    let services = owner.get("/services").await.ok(200).to_string();
    assert!(!services.contains("NOBODY_SENT"), "{services}");
}

#[actix_web::test]
async fn files_that_are_sent_are_read_and_written_nowhere() {
    let site = Site::start().await;
    let owner = site.owner().await;
    let folder = TempDir::new().expect("a folder");
    let project = folder.path().join("project");
    fs::create_dir(&project).expect("a folder");
    let outside = folder.path().join("sent.env").display().to_string();
    let files: Value = json!({
        "../sent.env": "U0VOVD0x",
        outside.as_str(): "QUJTT0xVVEU9MQ==",
        "../../../../../../../../tmp/ranchette-sent.env": "REVFUD0x",
    });
    let compose = format!(
        "services: {{web: {{image: nginx, env_file: [../sent.env, {outside}, {}]}}}}",
        "../../../../../../../../tmp/ranchette-sent.env"
    );
    let body = json!({
        "name": "sent", "dockerCompose": compose, "files": files,
        "projectDir": project.display().to_string(),
    });
    owner.post("/stackplans", body).await.ok(200);
    let services = owner.get("/services?name=web").await.ok(200);
    let environment = &services["data"][0]["launchConfig"]["environment"];
    assert_eq!(*environment, json!({"SENT": "1", "ABSOLUTE": "1", "DEEP": "1"}));
    let made: Vec<_> = fs::read_dir(folder.path()).expect("a folder").collect();
    assert_eq!(made.len(), 1, "only the project's folder: {made:?}");
    assert!(!Path::new("/tmp/ranchette-sent.env").exists());
}

/// A path in a container, and one of the host, is what it comes to: nothing is left to be walked.
#[actix_web::test]
async fn paths_of_mounts_are_settled_before_an_engine_sees_them() {
    let site = Site::start().await;
    let owner = site.owner().await;
    let compose = "
services:
  web:
    image: nginx
    volumes:
      - ./a/../../../b:/data/../../etc/app
      - /srv/../../x/./y:/x/
      - type: bind
        source: ../c
        target: /c/./d/..
";
    let body = json!({"name": "paths", "dockerCompose": compose, "projectDir": "/srv/project"});
    owner.post("/stackplans", body).await.ok(200);
    let services = owner.get("/services?name=web").await.ok(200);
    let volumes = &services["data"][0]["launchConfig"]["dataVolumes"];
    assert_eq!(*volumes, json!(["/b:/etc/app", "/x/y:/x", "/srv/c:/c"]));
    for (bad, why) in
        [("../escape:/x", "is not a volume name"), ("data:../x", "must be an absolute path")]
    {
        // A name that a path could hide in.
        let compose = match bad.split_once(':') {
            Some(("data", _)) => {
                format!("services: {{web: {{image: x, volumes: ['{bad}']}}}}\nvolumes: {{data: }}")
            }
            _ => "services: {web: {image: x, volumes: ['v:/x']}}\nvolumes: {v: {name: ../escape}}"
                .to_owned(),
        };
        let answer =
            owner.post("/stackplans", json!({"name": "bad", "dockerCompose": compose})).await;
        assert_eq!(answer.status, 422, "{}", answer.text);
        assert!(answer.text.contains(why), "{}", answer.text);
    }
}
