//! Paths, loaders, and that a server reads what a client read.

use super::super::source::{directory, join};
use super::*;

#[test]
fn paths_are_normalised() {
    let cases = [
        ("", "a/b", "a/b"),
        ("", "./a//b/.", "a/b"),
        ("x", "../a", "a"),
        ("x", "../../a", "../a"),
        ("../x", "../../a", "../../a"),
        ("", "/a/../../b", "/b"),
        ("/srv/app", "../x", "/srv/x"),
        ("", ".", ""),
    ];
    for (base, path, expected) in cases {
        assert_eq!(join(base, path), expected, "{base} + {path}");
    }
    assert_eq!(directory("a/b.yaml"), "a");
    assert_eq!(directory("b.yaml"), "");
    assert_eq!(directory("/b.yaml"), "/");
}

const PROJECT: &str = r#"
include: [sub/more.yaml]
services:
  web:
    image: app:$TAG
    env_file: [web.env, {path: gone.env, required: false}]
    extends: {file: base.yaml, service: base}
    configs: [c]
configs: {c: {file: ../outside.conf}}
=== web.env
A=$PORT
=== base.yaml
services: {base: {label_file: labels}}
=== labels
a=b
=== sub/more.yaml
services: {more: {image: x, volumes: ["./d:/d"]}}
=== ../outside.conf
text
=== unused.txt
never read
"#;

#[test]
fn a_record_gives_the_same_project() {
    let files = split(PROJECT);
    let mut recorder = Recorder::new(files_loader(&files));
    let input = input(&files);
    let mut load = |path: &str| recorder.load(path);
    let client = parse(&input, &mut load);
    let record = recorder.into_files();
    let names: Vec<&str> = record.keys().map(String::as_str).collect();
    assert_eq!(names, ["../outside.conf", "base.yaml", "labels", "sub/more.yaml", "web.env"]);
    // The server has only what was sent: texts, files, and the variables that were used.
    let mut load = files_loader(&record);
    let again = Input { env: client.variables.clone(), ..input };
    assert_eq!(parse(&again, &mut load), client);
    assert_eq!(problems(&client), "");
}

#[test]
fn a_loader_may_refuse() {
    let files = split("services: {web: {image: x, env_file: ../../etc/passwd}}");
    let mut load = |path: &str| match path.starts_with("..") {
        true => Err(LoadError::Refused(path.to_owned(), "it is outside the project".to_owned())),
        false => Err(LoadError::NotFound(path.to_owned())),
    };
    let project = parse(&input(&files), &mut load);
    expect_test::expect![[r#"
        compose.yaml:1: error: services.web.env_file: file `../../etc/passwd` may not be read: it is outside the project
    "#]].assert_eq(&problems(&project));
}

#[test]
fn the_hash_sees_what_matters() {
    let hash = |text: &str| read(text).services[0].hash.clone();
    let base = "services: {web: {image: x, environment: {A: 1, B: 2}}}";
    assert_eq!(
        hash(base),
        hash("services:\n  web:\n    environment: [B=2, A=1]\n    image: x\n    scale: 5\n")
    );
    assert_ne!(hash(base), hash("services: {web: {image: x, environment: {A: 1, B: 3}}}"));
    let with = |content: &str| {
        hash(&format!(
            "services: {{web: {{image: x, configs: [c]}}}}\nconfigs: {{c: {{content: {content}}}}}"
        ))
    };
    assert_ne!(with("a"), with("b"));
    assert_eq!(hash(base).len(), 64);
    // Changing this makes every stack look changed after an upgrade of the server.
    expect_test::expect!["e013f30574c5375ed8519fd7e2395b977d1e99a633b5e864227adda3ec6639b5"]
        .assert_eq(&hash(base));
}

#[test]
fn order_is_dependencies_first() {
    let project = read(
        "services:\n  web: {image: x, depends_on: [api]}\n  api: {image: x, links: [db], depends_on: [cache]}\n  free: {image: x}\n  db: {image: x}\n  cache: {image: x}\n",
    );
    let order = service_order(&project).unwrap();
    let names: Vec<&str> = order.iter().map(|at| project.services[*at].name.as_str()).collect();
    assert_eq!(names, ["cache", "db", "api", "web", "free"]);
}

#[test]
fn stack_names() {
    for (text, expected) in
        [("My Shop", "my-shop"), ("_x.y", "x-x-y"), ("ok-1", "ok-1"), ("a_", "a")]
    {
        assert_eq!(stack_name(text), expected);
    }
}
