//! What `up` sends, what it makes of the answer, and which file it reads.

use std::path::{Path, PathBuf};

use expect_test::{Expect, expect};
use serde_json::json;

use super::*;
use crate::cli::args::Common;
use crate::cli::output::{End, Format};

fn settings(folder: &Path, env: &[(&str, &str)]) -> Settings {
    let mut settings = Settings::real(&Common::default());
    settings.folder = folder.to_owned();
    settings.around.env =
        env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    settings
}

fn project(
    files: &[(&str, &str)],
    env: &[(&str, &str)],
    args: &Files,
) -> (tempfile::TempDir, Loaded) {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("my_blog");
    for (name, text) in files {
        let path = root.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let loaded = project::load(&settings(&root, env), args).unwrap();
    (dir, loaded)
}

const COMPOSE: &str = "\
services:
  web:
    image: web:${TAG:-1}
    env_file: web.env
    colour: blue
  db:
    build: ./db
";

#[test]
fn a_request_holds_what_the_server_needs_and_no_more() {
    let files =
        [("compose.yaml", COMPOSE), ("web.env", "A=1\n"), (".env", "TAG=2\n"), ("unused", "")];
    let env = [("TAG", "3"), ("SECRET", "hidden")];
    let (dir, loaded) = project(&files, &env, &Files::default());
    let body = serde_json::to_string_pretty(&plan::request(&loaded, true, false)).unwrap();
    let body = body.replace(&dir.path().display().to_string(), "DIR");
    expect![[r#"
        {
          "name": "my-blog",
          "dockerCompose": "services:\n  web:\n    image: web:${TAG:-1}\n    env_file: web.env\n    colour: blue\n  db:\n    build: ./db\n",
          "environment": {
            "TAG": "3"
          },
          "files": {
            ".env": "VEFHPTIK",
            "web.env": "QT0xCg=="
          },
          "projectDir": "DIR/my_blog",
          "profiles": [],
          "dryRun": true,
          "removeOrphans": false
        }"#]]
    .assert_eq(&body);
    let tags: Vec<&str> = build::builds(&loaded).iter().map(|one| one.tag.as_str()).collect();
    assert_eq!(tags, ["my-blog-db"]);
}

#[test]
fn names_and_variables_come_from_the_command_line_first() {
    let check = |env: &[(&str, &str)], args: &Files, expect: Expect| {
        let files = [
            ("compose.yaml", "name: from-file\nservices: {web: {image: \"web:$TAG\"}}\n"),
            (".env", "TAG=dotenv"),
            ("other.env", "TAG=other"),
            ("last.env", "TAG=last"),
        ];
        let (_dir, loaded) = project(&files, env, args);
        let image = loaded.project.services[0].launch_config["imageUuid"].as_str().unwrap();
        expect.assert_eq(&format!("{} {image}", loaded.name));
    };
    let with = |name: Option<&str>, env_files: &[&str]| Files {
        name: name.map(str::to_owned),
        env_files: env_files.iter().map(PathBuf::from).collect(),
        ..Files::default()
    };
    check(&[], &with(None, &[]), expect!["from-file docker:web:dotenv"]);
    check(&[("COMPOSE_PROJECT_NAME", "env")], &with(None, &[]), expect!["env docker:web:dotenv"]);
    check(
        &[("COMPOSE_PROJECT_NAME", "env")],
        &with(Some("flag"), &["other.env", "last.env"]),
        expect!["flag docker:web:last"],
    );
    check(&[("TAG", "env")], &with(None, &["other.env"]), expect!["from-file docker:web:env"]);
}

#[test]
fn several_files_are_all_sent() {
    let files = [
        ("compose.yaml", "services: {web: {image: a}}\n"),
        ("compose.override.yaml", "services: {web: {image: b}}\n"),
        ("rancher-compose.yml", "version: '2'\nservices: {web: {scale: 2}}\n"),
    ];
    let (_dir, loaded) = project(&files, &[], &Files::default());
    let body = plan::request(&loaded, false, true);
    assert_eq!(body["composeFiles"][1]["name"], "compose.override.yaml");
    assert_eq!(body["composeFiles"][1]["text"], files[1].1);
    assert_eq!(body["dockerCompose"], files[0].1);
    assert_eq!(body["rancherCompose"], files[2].1);
    assert_eq!(loaded.project.services[0].launch_config["imageUuid"], "docker:b");
    assert_eq!(loaded.project.services[0].scale, Some(2));
}

#[test]
fn names_that_cannot_be_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("compose.yaml"), "services: {}").unwrap();
    let args = Files { name: Some("My Blog".to_owned()), ..Files::default() };
    let failure = project::load(&settings(dir.path(), &[]), &args).unwrap_err();
    assert_eq!(failure.exit, Exit::Usage);
    assert_eq!(failure.hint.as_deref(), Some("`my-blog` would do"));
}

#[test]
fn devices_and_folders_are_not_read() {
    let compose =
        "services: {web: {image: a, env_file: [/dev/zero]}, db: {image: a, env_file: sub}}";
    let (_dir, loaded) =
        project(&[("compose.yaml", compose), ("sub/x", "")], &[], &Files::default());
    let problems: Vec<String> =
        loaded.project.problems.iter().map(|one| one.message.clone()).collect();
    expect![[r#"
        file `/dev/zero` may not be read: it is not a file
        file `sub` may not be read: it is not a file"#]]
    .assert_eq(&problems.join("\n"));
}

fn answer() -> Answer {
    Answer::read(&json!({
        "type": "stackPlan", "stackId": "1st1", "name": "blog",
        "changes": [
            {"action": "create", "service": "web", "reason": "new, 2 containers of web:1"},
            {"action": "change", "service": "db", "reason": "its settings differ from what runs"},
            {"action": "scale", "service": "db", "reason": "from 1 to 2"},
            {"action": "remove", "service": "old", "reason": "it is not in the file"},
            {"action": "unchanged", "service": "orphan", "reason": "orphan: runs in the stack but is not in the file"},
        ],
        "problems": [
            {"severity": "warning", "file": "compose.yaml", "line": 3, "path": "services.web", "message": "is odd"},
            {"severity": "error", "file": "compose.yaml", "line": 0, "path": "services.lb", "message": "is not served"},
        ],
    }))
}

#[test]
fn plans_are_lists_of_verbs() {
    let answer = answer();
    let plain = Output { format: Format::Text, out: End::Plain, err: End::Plain, width: None };
    let lines: Vec<String> = answer.changes.iter().map(|one| one.text(&plain)).collect();
    expect![[r#"
        create  web: new, 2 containers of web:1
        change  db: its settings differ from what runs
        scale   db: from 1 to 2
        remove  old: it is not in the file
        keep    orphan: orphan: runs in the stack but is not in the file"#]]
    .assert_eq(&lines.join("\n"));
    assert!(!answer.is_settled() && answer.has_errors());
    let known =
        [crate::compose::Problem { file: "other.yaml".to_owned(), ..answer.problems[0].clone() }];
    let new: Vec<&str> = answer
        .problems
        .iter()
        .filter(|one| !plan::is_known(one, &known))
        .map(|one| one.path.as_str())
        .collect();
    assert_eq!(new, ["services.lb"]);
}

#[test]
fn only_what_changes_is_waited_for() {
    let compose = "services:\n  web: {image: a}\n  db: {image: b}\n  idle: {image: c}\n";
    let rancher = "version: '2'\nservices: {idle: {start_on_create: false}}\n";
    let files = [("compose.yaml", compose), ("rancher-compose.yml", rancher)];
    let (_dir, loaded) = project(&files, &[], &Files::default());
    let mut changes = answer().changes;
    changes.push(Change {
        action: "create".to_owned(),
        service: "idle".to_owned(),
        reason: String::new(),
    });
    let wanted: Vec<String> = wanted(&loaded, &changes, false)
        .iter()
        .map(|one| format!("{} {:?}", one.name, one.aim))
        .collect();
    assert_eq!(wanted, ["web Running", "db Running", "old Gone"]);
}

#[test]
fn the_end_is_one_line() {
    let service = |name: &str, current: u64, ports: serde_json::Value| {
        view::Service::read(&json!({
            "name": name, "state": "active", "currentScale": current, "scale": current,
            "publicEndpoints": ports,
        }))
    };
    let services = vec![
        service("web", 3, json!([{"ipAddress": "127.0.0.1", "port": 8088}])),
        service("db", 1, json!([])),
    ];
    let ending = Ending { services, missing: Vec::new(), waited: true };
    assert_eq!(
        summary("blog", &ending, 1_290),
        "stack blog runs: 2 services, 4 containers, at 127.0.0.1:8088, after 1.2 s"
    );
}
