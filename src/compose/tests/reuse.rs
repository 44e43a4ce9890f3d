//! `extends`, `include`, overrides and merging.

use expect_test::expect;

use super::{check, check_problems};

#[test]
fn extends_in_the_same_and_another_file() {
    check(
        r#"
services:
  base:
    image: app
    environment: {A: 1, B: 1}
    ports: ["80:80"]
    command: base
  one:
    extends: base
    environment: [B=2]
    ports: ["81:81"]
    command: one
  two:
    extends: {file: common/base.yaml, service: leaf}
    volumes: ["./own:/data"]
=== common/base.yaml
services:
  root:
    image: deep
    volumes: ["./data:/data", "./conf:/conf"]
    env_file: values.env
    build: .
  leaf:
    extends: {service: root}
    labels: {a: b}
=== common/values.env
X=1
"#,
        expect![[r#"
            service base
              ports: ["80:80/tcp"]
              command: ["base"]
              imageUuid: "docker:app"
              environment: {"A":"1","B":"1"}
            service one
              ports: ["80:80/tcp","81:81/tcp"]
              command: ["one"]
              imageUuid: "docker:app"
              environment: {"A":"1","B":"2"}
            service two
              dataVolumes: ["/srv/app/own:/data","/srv/app/common/conf:/conf"]
              imageUuid: "docker:deep"
              environment: {"X":"1"}
              labels: {"a":"b"}
              build {"context":"common","dockerfile":null,"dockerfileInline":null,"args":{},"labels":{},"target":null,"cacheFrom":[],"extraHosts":[],"shmSize":null,"network":null,"platform":null,"noCache":false,"pull":false,"tag":"deep","extraTags":[]}
        "#]],
    );
}

#[test]
fn old_files_do_not_hand_on_links() {
    check(
        "version: '2'\nservices:\n  db: {image: pg}\n  base: {image: app, links: [db], environment: {A: 1}}\n  heir: {extends: {service: base}}\n",
        expect![[r#"
            service db
              imageUuid: "docker:pg"
            service base
              imageUuid: "docker:app"
              environment: {"A":"1"}
              link db as db
            service heir
              imageUuid: "docker:app"
              environment: {"A":"1"}
        "#]],
    );
}

#[test]
fn extends_that_cannot_be() {
    check_problems(
        r#"
services:
  a: {extends: b}
  b: {extends: {service: c}}
  c: {extends: a}
  d: {image: x, extends: {service: nothere}}
  e: {image: x, extends: {file: gone.yaml, service: a}}
  f: {image: x, extends: {file: other.yaml, service: nothere}}
  g: {image: x, extends: {file: other.yaml}}
  h: {image: x, extends: [a]}
  i: {image: x, extends: {file: loop.yaml, service: i}}
  j: {extends: j}
=== other.yaml
services: {}
=== loop.yaml
services:
  i: {extends: {file: compose.yaml, service: i}}
"#,
        expect![[r#"
            compose.yaml:5: error: services.c.extends: the service extends itself: a -> b -> c -> a
            compose.yaml:6: error: services.d.extends: service `nothere` is not in file `compose.yaml`
            compose.yaml:7: error: services.e.extends: file `gone.yaml` does not exist
            compose.yaml:8: error: services.f.extends: service `nothere` is not in file `other.yaml`
            compose.yaml:9: error: services.g.extends: lacks `service`, the name of the service to extend
            compose.yaml:10: error: services.h.extends: must be a service name or a mapping, not a list
            compose.yaml:12: error: services.j.extends: the service extends itself: j -> j
            loop.yaml:2: error: services.i.extends: the service extends itself: i of compose.yaml -> i of loop.yaml -> i of compose.yaml
        "#]],
    );
}

const OVERRIDDEN: &str = r#"
services:
  web:
    image: app:1
    command: old
    entrypoint: [old]
    environment: [A=1, B=1]
    labels: {a: 1}
    ports: ["80:80"]
    volumes: ["./one:/data", "logs:/logs"]
    devices: ["/dev/a:/dev/x"]
    dns: 1.1.1.1
    depends_on: [db]
    logging: {driver: syslog, options: {a: b}}
    build: .
    healthcheck: {test: [CMD, a], retries: 1}
    deploy: {resources: {limits: {memory: 1m}}}
    expose: [1]
    cap_add: [A]
  db: {image: pg}
volumes: {logs: }
=== compose.override.yaml
services:
  web:
    image: app:2
    command: [new]
    entrypoint: !reset null
    environment: {B: 2, C: 3}
    labels: [b=2]
    ports: ["80:80", "81:81"]
    volumes: ["./two:/data"]
    devices: ["/dev/b:/dev/x"]
    dns: [8.8.8.8]
    depends_on: {db: {condition: service_healthy}}
    logging: {driver: json-file}
    build: {target: dev}
    healthcheck: {test: [CMD, b]}
    deploy: {resources: {limits: {cpus: 1}}}
    expose: [2]
    cap_add: !override [B]
  extra: {image: debug}
"#;

#[test]
fn overrides() {
    check(
        OVERRIDDEN,
        expect![[r#"
            service web
              command: ["new"]
              ports: ["80:80/tcp","81:81/tcp"]
              dataVolumes: ["/srv/app/two:/data","logs:/logs"]
              devices: ["/dev/b:/dev/x:rwm"]
              dns: ["1.1.1.1","8.8.8.8"]
              logConfig: {"driver":"json-file"}
              healthCmd: ["CMD","b"]
              healthRetries: 1
              memory: 1048576
              cpuPeriod: 100000
              cpuQuota: 100000
              expose: ["1","2"]
              capAdd: ["B"]
              imageUuid: "docker:app:2"
              environment: {"A":"1","B":"2","C":"3"}
              labels: {"a":"1","b":"2"}
              needs db Healthy
              build {"context":"","dockerfile":null,"dockerfileInline":null,"args":{},"labels":{},"target":"dev","cacheFrom":[],"extraHosts":[],"shmSize":null,"network":null,"platform":null,"noCache":false,"pull":false,"tag":"app:2","extraTags":[]}
            service db
              imageUuid: "docker:pg"
            service extra
              imageUuid: "docker:debug"
            volume {"key":"logs","name":"logs","driver":null,"driverOpts":{},"labels":{},"external":false,"perContainer":false}
        "#]],
    );
}

#[test]
fn includes() {
    check(
        r#"
include:
  - infra/compose.yaml
  - path: [more/a.yaml, more/b.yaml]
    project_directory: elsewhere
    env_file: vars.env
services:
  web:
    image: nginx
    depends_on: [db]
    volumes: ["data:/data"]
volumes: {data: }
=== infra/compose.yaml
services:
  db: {image: "pg:$VERSION", volumes: ["./pg:/pg"], environment: ["TAG=$TAG"]}
volumes: {data: }
=== infra/.env
VERSION=16
TAG=hidden
=== more/a.yaml
services:
  more: {image: a, volumes: ["./x:/x"], environment: ["V=$V"]}
=== more/b.yaml
services:
  more: {command: b}
=== vars.env
V=7
"#,
        expect![[r#"
            service web
              dataVolumes: ["data:/data"]
              imageUuid: "docker:nginx"
              needs db Started
            service db
              dataVolumes: ["/srv/app/infra/pg:/pg"]
              imageUuid: "docker:pg:16"
              environment: {"TAG":"1.2"}
            service more
              dataVolumes: ["/srv/app/elsewhere/x:/x"]
              command: ["b"]
              imageUuid: "docker:a"
              environment: {"V":"7"}
            volume {"key":"data","name":"data","driver":null,"driverOpts":{},"labels":{},"external":false,"perContainer":false}
        "#]],
    );
}

#[test]
fn includes_that_cannot_be() {
    check_problems(
        r#"
include: [one.yaml, gone.yaml, {env_file: x}, clash.yaml, {path: two.yaml, nope: 1}]
services: {web: {image: a}}
=== one.yaml
include: [two.yaml]
services: {}
=== two.yaml
include: [one.yaml]
services: {}
=== clash.yaml
services: {web: {image: b}}
"#,
        expect![[r#"
            clash.yaml:1: error: services.web: the included file declares `web` differently from `compose.yaml` line 3
            compose.yaml:2: error: include[1]: file `gone.yaml` does not exist
            compose.yaml:2: error: include[2]: lacks `path`, the file to include
            compose.yaml:2: error: include[4].nope: unknown key; `include` knows `path`, `project_directory` and `env_file`
            one.yaml:1: error: include[0]: the files include one another: compose.yaml -> two.yaml -> one.yaml -> two.yaml
            two.yaml:1: error: include[0]: the files include one another: compose.yaml -> one.yaml -> two.yaml -> one.yaml
        "#]],
    );
}
