//! Plans as text.

use expect_test::{Expect, expect};

use super::super::plan::{ExistingService, Orphans, plan};
use super::*;

/// Existing services: `name hash scale state [global]`; hash `same` is that of the file.
fn check_plan(text: &str, existing: &str, orphans: Orphans, expect: Expect) {
    let project = read(text);
    let service = |line: &str| {
        let mut words = line.split_whitespace();
        let name = words.next().unwrap().to_owned();
        let hash = match words.next().unwrap() {
            "same" => {
                project.service(&name.to_ascii_lowercase()).map(|service| service.hash.clone())
            }
            "-" => None,
            other => Some(other.to_owned()),
        };
        ExistingService {
            name,
            hash,
            kind: Kind::Service,
            scale: words.next().unwrap().parse().unwrap(),
            state: words.next().unwrap().to_owned(),
            global: words.next() == Some("global"),
        }
    };
    let existing: Vec<ExistingService> = existing.lines().map(service).collect();
    let out = match plan(&project, &existing, orphans) {
        Ok(changes) => changes.iter().map(|change| format!("{change}\n")).collect(),
        Err(cycle) => format!("{cycle}\n"),
    };
    expect.assert_eq(&out);
}

const PROJECT: &str = r#"
services:
  web: {image: nginx:1, scale: 3, depends_on: [db]}
  db: {image: postgres}
  agent: {image: agent, deploy: {mode: global}}
  out: {image: rancher/external-service, external_ips: [10.0.0.1]}
"#;

#[test]
fn everything_is_new() {
    check_plan(
        PROJECT,
        "",
        Orphans::Keep,
        expect![[r#"
        create  db: new, 1 container of postgres
        create  web: new, 3 containers of nginx:1
        create  agent: new, one on every host of agent
        create  out: new name for an address outside
    "#]],
    );
}

#[test]
fn everything_is_there() {
    let existing = "web same 3 active\ndb same 4 active\nagent same 1 active global";
    check_plan(
        &PROJECT.replace("  out:", "  #out:"),
        existing,
        Orphans::Keep,
        expect![[r#"
        keep    db: up to date
        keep    web: up to date
        keep    agent: up to date
    "#]],
    );
}

#[test]
fn differences() {
    let existing =
        "WEB other 1 inactive\ndb - 1 active\nagent same 1 active\nold x 1 active\nout x 1 active";
    check_plan(
        PROJECT,
        existing,
        Orphans::Keep,
        expect![[r#"
            change  db: it was not created from a compose file
            change  web: its settings differ from what runs
            scale   web: from 1 to 3
            start   web: it is inactive
            change  agent: was scaled and becomes global; it has to be removed and created again
            change  out: its kind was service and becomes externalService
            keep    old: orphan: runs in the stack but is not in the file
        "#]],
    );
    check_plan(
        PROJECT,
        "old x 1 active",
        Orphans::Remove,
        expect![[r#"
        create  db: new, 1 container of postgres
        create  web: new, 3 containers of nginx:1
        create  agent: new, one on every host of agent
        create  out: new name for an address outside
        remove  old: it is not in the file
    "#]],
    );
}

#[test]
fn cycles_have_no_plan() {
    let text = "services:\n  a: {image: x, depends_on: [b]}\n  b: {image: x, depends_on: [a]}\n";
    check_plan(
        text,
        "",
        Orphans::Keep,
        expect![[r#"
        services wait for one another: a -> b -> a
    "#]],
    );
}
