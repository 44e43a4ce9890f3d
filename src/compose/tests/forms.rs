//! Forms of YAML itself: anchors, merge keys, styles, and what stays text.

use expect_test::expect;

use super::{check, check_problems};

#[test]
fn anchors_and_merge_keys() {
    check(
        r#"
x-base: &base
  image: app
  environment: &env
    A: 1
    B: 2
  restart: always
x-logging: &logging
  logging: {driver: none}
services:
  one:
    <<: *base
  two:
    <<: [*logging, *base]
    image: other
    environment:
      <<: *env
      B: 3
  three:
    image: *name
=== unused
"#
        .replace("*name", "&name third")
        .as_str(),
        expect![[r#"
            service one
              restartPolicy: {"name":"always"}
              imageUuid: "docker:app"
              environment: {"A":"1","B":"2"}
            service two
              logConfig: {"driver":"none"}
              restartPolicy: {"name":"always"}
              imageUuid: "docker:other"
              environment: {"A":"1","B":"3"}
            service three
              imageUuid: "docker:third"
        "#]],
    );
}

#[test]
fn block_texts_flow_and_tags() {
    check(
        "
services:
  web:
    image: !!str nginx
    command: >-
      echo one
      two
    environment:
      SCRIPT: |
        line 1
        line 2
      QUOTED: \"tab\\tnew\\u00e9\"
      NULLISH: 'null'
      TILDE: \"~\"
",
        expect![[r#"
            service web
              command: ["echo","one","two"]
              imageUuid: "docker:nginx"
              environment: {"NULLISH":"null","QUOTED":"tab\tnewé","SCRIPT":"line 1\nline 2\n","TILDE":"~"}
        "#]],
    );
}

#[test]
fn windows_line_ends_and_byte_order_mark() {
    check(
        "\u{feff}services:\r\n  web:\r\n    image: nginx\r\n    ports:\r\n      - 80:80\r\n",
        expect![[r#"
            service web
              ports: ["80:80/tcp"]
              imageUuid: "docker:nginx"
        "#]],
    );
}

#[test]
fn versions() {
    check(
        "version: '3.8'\nservices: {web: {image: nginx}}",
        expect![[r#"
        service web
          imageUuid: "docker:nginx"
    "#]],
    );
    check(
        "version: 2.1\nservices: {web: {image: nginx}}",
        expect![[r#"
        service web
          imageUuid: "docker:nginx"
    "#]],
    );
    check(
        "web: {image: nginx, volumes: ['data:/data']}",
        expect![[r#"
        service web
          dataVolumes: ["data:/data"]
          imageUuid: "docker:nginx"
    "#]],
    );
    check_problems(
        "version: '4'\nservices: {web: {image: nginx}}",
        expect![[r#"
        compose.yaml:1: error: version: `4` is not a version of compose files
    "#]],
    );
}

#[test]
fn profiles_choose_services() {
    use super::*;
    let text = "services:\n  web: {image: a}\n  debug: {image: b, profiles: [debug, dev]}\n  user: {image: c, profiles: [dev], depends_on: [debug]}\n";
    let files = split(text);
    let names = |profiles: &[&str]| {
        let mut input = input(&files);
        input.profiles = profiles.iter().map(|profile| (*profile).to_owned()).collect();
        let mut load = files_loader(&files);
        let project = parse(&input, &mut load);
        assert_eq!(project.problems, []);
        project.services.iter().map(|service| service.name.clone()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(names(&[]), "web");
    assert_eq!(names(&["debug"]), "web debug");
    assert_eq!(names(&["dev"]), "web debug user");
    assert_eq!(names(&["*"]), "web debug user");
}

#[test]
fn names_follow_ranchers_rule() {
    check(
        "services:\n  my_db.main: {image: a}\n  app: {image: b, links: ['my_db.main:db'], depends_on: [my_db.main], volumes_from: [my_db.main]}\n",
        expect![[r#"
            service my-db-main
              imageUuid: "docker:a"
              netAlias: ["my_db.main"]
              app/imageUuid: "docker:b"
              app/dataVolumesFromLaunchConfigs: ["my-db-main"]
              app/name: "app"
            compose.yaml:2: warning: services.my_db.main: the service is called `my-db-main` here
            compose.yaml:3: warning: services.app.volumes_from[0]: the service runs beside `my-db-main` as its sidekick: it uses the volumes of `my_db.main`
        "#]],
    );
    check_problems(
        "services:\n  a_b: {image: x}\n  a.b: {image: x}\n  'ü': {image: x}\n  _: {image: x}\n",
        expect![[r#"
            compose.yaml:2: warning: services.a_b: the service is called `a-b` here
            compose.yaml:3: error: services.a.b: services `a_b` and `a.b` would share one name
            compose.yaml:4: error: services.ü: a service name cannot hold `\u{fc}`
            compose.yaml:5: error: services._: a service needs a name of letters and digits
        "#]],
    );
}
