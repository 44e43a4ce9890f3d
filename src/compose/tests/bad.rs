//! What is wrong with a file is said with file, line and key.

use expect_test::expect;

use super::*;

#[test]
fn broken_yaml() {
    check_problems(
        "services:\n\tweb:\n\t\timage: x\n",
        expect![[r#"
        compose.yaml:2: error: services: a tab in the indentation; YAML needs spaces
    "#]],
    );
    check_problems(
        "services:\n  web:\n    image: x\n\tcommand: y\n",
        expect![[r#"
        compose.yaml:4: error: services.web.image: a tab in the indentation; YAML needs spaces
    "#]],
    );
    check_problems(
        "services:\n  web: {image: x\n",
        expect![[r#"
        compose.yaml:3: error: services.web: not valid YAML: while parsing a flow mapping, did not find expected ',' or '}'
    "#]],
    );
    check_problems(
        "services:\n  web:\n    image: 'x\n",
        expect![[r#"
        compose.yaml:3: error: services.web.image: not valid YAML: while scanning a quoted scalar, found unexpected end of stream
    "#]],
    );
    check_problems(
        "services:\n  web:\n   image: x\n  - y\n",
        expect![[r#"
        compose.yaml:4: error: services: not valid YAML: while parsing a block mapping, did not find expected key
    "#]],
    );
    check_problems(
        "services: {web: {image: *gone}}",
        expect![[r#"
        compose.yaml:1: error: services.web.image: not valid YAML: while parsing node, found unknown anchor
    "#]],
    );
}

#[test]
fn documents_that_are_none() {
    check_problems(
        "a: &a [*a]",
        expect![[r#"
        compose.yaml:1: error: a[0]: an alias stands inside the value it refers to
    "#]],
    );
    check_problems(
        "",
        expect![[r#"
        compose.yaml:0: error: the file is empty
    "#]],
    );
    check_problems(
        "# only a comment\n",
        expect![[r#"
        compose.yaml:0: error: the file is empty
    "#]],
    );
    check_problems(
        "- a\n- b\n",
        expect![[r#"
        compose.yaml:1: error: the file holds a list, not a mapping
    "#]],
    );
    check_problems(
        "services: {}\n---\nservices: {}\n",
        expect![[r#"
        compose.yaml:2: error: the file holds more than one YAML document
    "#]],
    );
    check_problems(
        "services:\n  ? [a, b]\n  : c\n",
        expect![[r#"
        compose.yaml:2: error: services: a list or mapping cannot be a key
    "#]],
    );
    check_problems(
        "services:\n  web: {<<: text, image: x, <<: [1]}\n",
        expect![[r#"
        compose.yaml:2: error: services.web.<<: `<<` needs a mapping, not a single value
        compose.yaml:2: error: services.web.<<: the key is given twice; write `<<: [*a, *b]`
    "#]],
    );
    check_problems(
        "services:\n  web: {image: !secret x}\n",
        expect![[r#"
        compose.yaml:2: warning: services.web.image: the YAML tag `!secret` is not known and is ignored
    "#]],
    );
}

#[test]
fn not_text() {
    let input = Input {
        files: vec![ComposeFile::new("compose.yaml", b"services:\n  a: \xff\n".to_vec())],
        ..Input::default()
    };
    let mut load = |path: &str| Err(LoadError::NotFound(path.to_owned()));
    let project = parse(&input, &mut load);
    expect![[r#"
        compose.yaml:2: error: the file is not valid UTF-8 text
    "#]]
    .assert_eq(&problems(&project));
    let project = parse(&Input::default(), &mut load);
    expect![[r#"
        compose.yaml:0: error: no compose file is given
    "#]]
    .assert_eq(&problems(&project));
}

#[test]
fn duplicate_keys() {
    check_problems(
        "services:\n  web:\n    image: a\n    environment:\n      A: 1\n      A: 2\n    image: b\n  web: {image: c}\n",
        expect![[r#"
            compose.yaml:6: error: services.web.environment.A: the key is given twice, first in line 5
            compose.yaml:7: error: services.web.image: the key is given twice, first in line 3
            compose.yaml:8: error: services.web: the key is given twice, first in line 2
        "#]],
    );
}

#[test]
fn wrong_types() {
    check_problems(
        r#"
services:
  a: {image: [x], ports: 80, environment: text, volumes: data, command: {a: b}, tty: maybe}
  b: {image: x, depends_on: 1, healthcheck: [], deploy: 3, labels: 5, scale: many, mem_limit: big}
  c: {image: x, stop_grace_period: soon, cpus: -1, restart: sometimes, ulimits: [1], pids_limit: 1.5}
  d: text
  e:
  f: {image: x, networks: 5, logging: text, build: [a], env_file: {required: true}, user: [1]}
  g: {image: x, environment: [=a, {b: c}], scale: -1, scale_policy: {min: 3, max: 2}, restart: false}
  h: {image: "a b"}
volumes: [data]
networks: {n: 5}
secrets: {s: text, t: {}, u: {file: a, content: b}, v: {environment: NOPE}, w: {file: gone}}
"#,
        expect![[r#"
            compose.yaml:3: error: services.a.image: must be a text, not a list
            compose.yaml:3: error: services.a.ports: must be a list, not a single value
            compose.yaml:3: error: services.a.environment: must be a mapping or a list of `name=value`, not a single value
            compose.yaml:3: error: services.a.volumes: must be a list, not a single value
            compose.yaml:3: error: services.a.command: must be a text or a list of texts, not a mapping
            compose.yaml:3: error: services.a.tty: must be true or false, not `maybe`
            compose.yaml:4: error: services.b.healthcheck: must be a mapping, not a list
            compose.yaml:4: error: services.b.deploy: must be a mapping, not a single value
            compose.yaml:4: error: services.b.labels: must be a mapping or a list of `name=value`, not a single value
            compose.yaml:4: error: services.b.scale: must be a whole number, not `many`
            compose.yaml:4: error: services.b.mem_limit: must be a size such as `512m` or `1gb`, not `big`
            compose.yaml:4: error: services.b.depends_on: service `1` does not exist in this project
            compose.yaml:5: error: services.c.stop_grace_period: must be a duration such as `30s` or `1m30s`, not `soon`
            compose.yaml:5: error: services.c.cpus: must be a number of at least 0, not `-1`
            compose.yaml:5: error: services.c.restart: must be "no", always, unless-stopped or on-failure, not `sometimes`
            compose.yaml:5: error: services.c.ulimits: must be a mapping, not a list
            compose.yaml:5: error: services.c.pids_limit: must be a whole number, not `1.5`
            compose.yaml:6: error: services.d: must be a mapping, not a single value
            compose.yaml:7: error: services.e: the service is empty; it needs at least an `image`
            compose.yaml:8: error: services.f.env_file: lacks `path`, the file to read
            compose.yaml:8: error: services.f.networks: must be a list of networks or a mapping
            compose.yaml:8: error: services.f.logging: must be a mapping, not a single value
            compose.yaml:8: error: services.f.build: must be a text, not a list
            compose.yaml:8: error: services.f.user: must be a text, not a list
            compose.yaml:9: error: services.g.environment[1]: must be a text, not a mapping
            compose.yaml:9: error: services.g.environment[0]: lacks a name before `=`
            compose.yaml:9: error: services.g.scale: must be between 0 and 10000, not -1
            compose.yaml:9: error: services.g.scale_policy: `min` 3 is greater than `max` 2
            compose.yaml:9: error: services.g.restart: must be the text "no" in quotes, not false
            compose.yaml:10: error: services.h: `a b` is not an image name: it holds ` `
            compose.yaml:11: error: volumes: must be a mapping of names, not a list
            compose.yaml:12: error: networks.n: must be a mapping, not a single value
            compose.yaml:13: error: secrets.s: must be a mapping, not a single value
            compose.yaml:13: error: secrets.s: needs one of `file`, `content`, `environment` or `external: true`
            compose.yaml:13: error: secrets.t: needs one of `file`, `content`, `environment` or `external: true`
            compose.yaml:13: error: secrets.u: has more than one of `file`, `content`, `environment`, `external`
            compose.yaml:13: error: secrets.v.environment: variable `NOPE` is not set
            compose.yaml:13: error: secrets.w.file: file `gone` does not exist
        "#]],
    );
}

#[test]
fn unknown_keys() {
    check_problems(
        r#"
service: {}
services:
  web:
    image: x
    Ports: [1]
    enviroment: {}
    environments: {}
    cap-add: [x]
    build: {contxt: .}
    healthcheck: {tests: x}
    deploy: {replica: 1}
    ports: [{target: 1, publish: 2}]
    volumes: [{type: bind, source: /a, target: /b, readonly: true}]
volumes: {v: {drivr: x}}
"#,
        expect![[r#"
            compose.yaml:2: error: service: unknown key; extensions begin with `x-`, services belong under `services`
            compose.yaml:6: error: services.web.Ports: unknown key; `ports` is meant
            compose.yaml:7: error: services.web.enviroment: unknown key; `environment` is meant
            compose.yaml:8: error: services.web.environments: unknown key; `environment` is meant
            compose.yaml:9: error: services.web.cap-add: unknown key; `cap_add` is meant
            compose.yaml:10: error: services.web.build.contxt: unknown key; `context` is meant
            compose.yaml:11: error: services.web.healthcheck.tests: unknown key; `test` is meant
            compose.yaml:12: error: services.web.deploy.replica: unknown key; `replicas` is meant
            compose.yaml:13: error: services.web.ports[0].publish: unknown key; `published` is meant
            compose.yaml:14: error: services.web.volumes[0].readonly: unknown key; `read_only` is meant
            compose.yaml:15: error: volumes.v.drivr: unknown key; `driver` is meant
        "#]],
    );
}

#[test]
fn bad_ports() {
    check_problems(
        r#"
services:
  web:
    image: x
    ports:
      - "0"
      - "65536"
      - "a:b"
      - "80:"
      - ":80"
      - "80/sctp"
      - "1.2.3:80:80"
      - "300.1.1.1:80:80"
      - "3000-3001:80-85"
      - "90-80"
      - "1-65535"
      - "-1"
      - ""
      - {published: 80}
      - {target: 80, protocol: x}
      - {target: 80, host_ip: x}
      - {target: 80, mode: x}
      - "8080:80"
      - "8080:81"
    expose: ["80:80", x]
"#,
        expect![[r#"
            compose.yaml:5: error: services.web.ports: port 8080 is published twice
            compose.yaml:6: error: services.web.ports[0]: `0` is not a port: `0` is not a number between 1 and 65535
            compose.yaml:7: error: services.web.ports[1]: `65536` is not a port: `65536` is not a number between 1 and 65535
            compose.yaml:8: error: services.web.ports[2]: `a:b` is not a port: `b` is not a number between 1 and 65535
            compose.yaml:9: error: services.web.ports[3]: `80:` is not a port: `` is not a number between 1 and 65535
            compose.yaml:10: error: services.web.ports[4]: `:80` is not a port: nothing stands before the first `:`
            compose.yaml:11: error: services.web.ports[5]: `80/sctp` is not a port: the protocol is tcp or udp, not `sctp`
            compose.yaml:12: error: services.web.ports[6]: `1.2.3:80:80` is not a port: `1.2.3` is not an IP address
            compose.yaml:13: error: services.web.ports[7]: `300.1.1.1:80:80` is not a port: `300.1.1.1` is not an IP address
            compose.yaml:14: error: services.web.ports[8]: `3000-3001:80-85` is not a port: 2 public ports cannot be paired with 6 private ones
            compose.yaml:15: error: services.web.ports[9]: `90-80` is not a port: the range `90-80` ends before it begins
            compose.yaml:16: error: services.web.ports[10]: `1-65535` is not a port: the range `1-65535` holds more than 4096 ports
            compose.yaml:17: error: services.web.ports[11]: `-1` is not a port: `` is not a number between 1 and 65535
            compose.yaml:18: error: services.web.ports[12]: `` is not a port: `` is not a number between 1 and 65535
            compose.yaml:19: error: services.web.ports[13]: the port lacks `target`, the port in the container
            compose.yaml:20: error: services.web.ports[14]: the protocol is tcp or udp, not `x`
            compose.yaml:21: error: services.web.ports[15]: `x` is not an IP address
            compose.yaml:22: error: services.web.ports[16].mode: must be `host` or `ingress`
            compose.yaml:25: error: services.web.expose[0]: `80:80` must be a port of the container alone
            compose.yaml:25: error: services.web.expose[1]: `x` is not a port: `x` is not a number between 1 and 65535
        "#]],
    );
}

#[test]
fn bad_volumes_and_devices() {
    check_problems(
        r#"
services:
  web:
    image: x
    volumes:
      - data:/data
      - /a:b
      - relative
      - /a:/b:rx
      - /a:/b:ro:x
      - ":/b"
      - C:\data:/data
      - {type: bind, target: /x}
      - {type: npipe, source: a, target: /x}
      - {source: x}
      - {type: volume, source: undeclared, target: /x}
      - {type: volume, target: /x, volume: {subpath: a}, source: ok}
    devices: [nvidia.com/gpu=all, "/dev/a:/dev/a:rwx", "/a:/b:r:c"]
    tmpfs: [relative]
volumes:
  ok:
  "bad/name":
"#,
        expect![[r#"
            compose.yaml:6: error: services.web.volumes[0]: volume `data` is not declared under `volumes`; a directory begins with `./` or `/`
            compose.yaml:7: error: services.web.volumes[1]: `b` must be an absolute path in the container
            compose.yaml:8: error: services.web.volumes[2]: `relative` must be an absolute path in the container
            compose.yaml:9: error: services.web.volumes[3]: `rx` in `/a:/b:rx` is not a mount option such as `ro`
            compose.yaml:10: error: services.web.volumes[4]: `/a:/b:ro:x` must be `source:target:mode`
            compose.yaml:11: error: services.web.volumes[5]: `:/b` lacks a source before `:`
            compose.yaml:12: error: services.web.volumes[6]: `C:\data:/data`: paths of Windows are not supported
            compose.yaml:13: error: services.web.volumes[7]: the bind mount lacks `source`, the path on the host
            compose.yaml:14: error: services.web.volumes[8]: type `npipe` is not supported; use volume, bind or tmpfs
            compose.yaml:15: error: services.web.volumes[9]: the volume lacks `target`, its path in the container
            compose.yaml:16: error: services.web.volumes[10].source: volume `undeclared` is not declared under `volumes`; a directory begins with `./` or `/`
            compose.yaml:17: error: services.web.volumes[11].volume.subpath: a part of a volume cannot be mounted
            compose.yaml:18: error: services.web.devices[0]: device `nvidia.com/gpu=all` is not a path on the host and is not supported
            compose.yaml:18: error: services.web.devices[1]: `rwx` is not made of `r`, `w` and `m`
            compose.yaml:18: error: services.web.devices[2]: `/a:/b:r:c` must be `host:container:permissions`
            compose.yaml:19: error: services.web.tmpfs[0]: `relative` must be an absolute path in the container
            compose.yaml:22: error: volumes.bad/name: `bad/name` is not a volume name; it takes letters, digits, `_`, `.` and `-`
        "#]],
    );
}

#[test]
fn relative_binds_need_a_directory() {
    let files = split("services: {web: {image: x, volumes: ['./data:/data', '~/a:/a']}}");
    let mut input = input(&files);
    input.project_dir = None;
    input.env.clear();
    let mut load = files_loader(&files);
    expect![[r#"
        compose.yaml:1: error: services.web.volumes[0]: `./data` is relative to the project's directory on the host, which is not known here; write an absolute path or use a named volume
        compose.yaml:1: error: services.web.volumes[1]: `~/a` needs a home directory, and variable `HOME` is not set
    "#]].assert_eq(&problems(&parse(&input, &mut load)));
}

#[test]
fn undefined_references() {
    check_problems(
        r#"
services:
  web:
    image: x
    depends_on: [gone, debug, web]
    links: ["gone:x", "db:a/b", "db:y", "debug:y"]
    external_links: [redis]
    networks: [gone]
    secrets: [gone]
    configs: [gone, {target: /x}]
    volumes_from: [gone]
    network_mode: "service:gone"
  db: {image: x, depends_on: {web: {condition: service_ready}}, pid: "service:web", ipc: "service:web"}
  debug: {image: x, profiles: [debug]}
"#,
        expect![[r#"
            compose.yaml:5: error: services.web.depends_on[0]: service `gone` does not exist in this project
            compose.yaml:5: error: services.web.depends_on[1]: service `debug` is not active; ask for one of its profiles
            compose.yaml:6: error: services.web.links[1]: link name `a/b` takes only letters, digits, `-`, `.` and `_`
            compose.yaml:6: error: services.web.links[3]: two links share the name `y`
            compose.yaml:6: error: services.web.links[0]: service `gone` does not exist in this project
            compose.yaml:7: error: services.web.external_links[0]: `redis` must be `stack/service`; other containers have no links
            compose.yaml:8: error: services.web.networks[0]: network `gone` is not declared under `networks`
            compose.yaml:8: error: services.web.networks: cannot be given together with `network_mode`
            compose.yaml:9: error: services.web.secrets[0]: secret `gone` is not declared under `secrets`
            compose.yaml:10: error: services.web.configs[0]: config `gone` is not declared under `configs`
            compose.yaml:10: error: services.web.configs[1]: lacks `source`, the name under which it is declared
            compose.yaml:11: error: services.web.volumes_from[0]: service `gone` does not exist; the volumes of it cannot be used
            compose.yaml:12: error: services.web.network_mode: service `gone` does not exist; the network of it cannot be used
            compose.yaml:13: error: services.db.depends_on.web.condition: must be one of `service_started`, `service_healthy`, `service_completed_successfully`, not `service_ready`
            compose.yaml:13: error: services.db.pid: `service:web` is not supported; only `host` is
            compose.yaml:13: error: services.db.ipc: `service:web`: sharing with a service is not supported
        "#]],
    );
}

#[test]
fn cycles() {
    check_problems(
        "services:\n  a: {image: x, depends_on: [b]}\n  b: {image: x, depends_on: [c]}\n  c: {image: x, depends_on: [a]}\n  d: {image: x}\n",
        expect![[r#"
            compose.yaml:2: error: services.a: services wait for one another: a -> b -> c -> a
        "#]],
    );
    check_problems(
        "services:\n  a: {image: x, links: [b]}\n  b: {image: x, links: ['a:back']}\n",
        expect![""],
    );
    check_problems(
        "services:\n  a: {image: x, network_mode: 'service:b'}\n  b: {image: x, network_mode: 'service:a'}\n  c: {image: x, volumes_from: [c]}\n",
        expect![[r#"
            compose.yaml:2: error: services.a.network_mode: `b` and this service need each other; neither can be first
            compose.yaml:3: error: services.b.network_mode: `a` and this service need each other; neither can be first
            compose.yaml:4: error: services.c.volumes_from[0]: `c` and this service need each other; neither can be first
        "#]],
    );
}

#[test]
fn a_service_needs_an_image() {
    check_problems(
        "services:\n  web: {command: x}\n",
        expect![[r#"
        compose.yaml:2: error: services.web: the service has neither `image` nor `build`
    "#]],
    );
}

#[test]
fn keys_that_exclude_each_other() {
    check_problems(
        "name: My Shop\nservices:\n  web: {image: x, network_mode: host, networks: [default], scale: 2, deploy: {replicas: 3}}\n",
        expect![[r#"
            compose.yaml:1: warning: name: the stack is called `my-shop` here
            compose.yaml:3: error: services.web.deploy.replicas: `scale` and `deploy.replicas` differ: 2 and 3
            compose.yaml:3: error: services.web.networks: cannot be given together with `network_mode`
        "#]],
    );
    check_problems(
        "services:\n",
        expect![[r#"
        compose.yaml:0: warning: the project has no services
    "#]],
    );
}
