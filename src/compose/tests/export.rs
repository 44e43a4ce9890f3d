//! Export, and that what is exported reads back as it was.

use expect_test::{expect, expect_file};
use serde_json::{Value, json};

use super::super::emit;
use super::super::export::{ExportInput, ExportedService, export};
use super::*;

/// A project as the API would hold it.
fn as_api(project: &Project) -> ExportInput {
    let service = |service: &Service| {
        let mut json = serde_json::Map::new();
        json.insert("name".to_owned(), json!(service.name));
        json.insert("type".to_owned(), json!(service.kind.as_str()));
        json.insert("scale".to_owned(), json!(service.scale.unwrap_or(1)));
        json.insert("startOnCreate".to_owned(), json!(service.start_on_create.unwrap_or(true)));
        let mut launch = service.launch_config.clone();
        let labels = launch.entry("labels").or_insert_with(|| json!({}));
        labels["io.rancher.service.hash"] = json!(service.hash);
        json.insert("launchConfig".to_owned(), Value::Object(launch));
        json.insert("secondaryLaunchConfigs".to_owned(), json!(service.secondary_launch_configs));
        json.extend(service.fields.clone());
        ExportedService { service: Value::Object(json), links: service.links.clone() }
    };
    ExportInput {
        services: project.services.iter().map(service).collect(),
        volume_templates: project
            .volumes
            .iter()
            .filter(|volume| !volume.external)
            .map(|volume| json!({ "name": volume.name, "driver": volume.driver, "driverOpts": volume.driver_opts, "perContainer": volume.per_container }))
            .collect(),
        ..ExportInput::default()
    }
}

const PROJECT: &str = r#"
version: '2'
services:
  web:
    image: nginx:1
    command: [sh, -c, 'echo "$$HOME" # no', "true", "22:22", "", " a ", "x: y"]
    environment: {A: "1", PASSWORD: "pa$$word", EMPTY: "", MULTI: "one\ntwo\n", ODD: "- x\ty"}
    ports: ["80:80", "53:53/udp"]
    volumes: ["data:/data", "/host:/host:ro", "outside:/o"]
    links: ["db:database"]
    external_links: ["other/cache:cache"]
    labels: {io.rancher.sidekicks: helper, note: "it's"}
    logging: {driver: syslog, options: {a: b}}
    ulimits: {nofile: {soft: 1, hard: 2}, nproc: 5}
    tmpfs: [/run, "/tmp:size=1m"]
    mem_limit: 64m
    stop_grace_period: 20s
    blkio_weight_device: ["/dev/sda:10"]
    device_read_bps: {/dev/sda: 100}
    healthcheck: {test: [CMD, "true"], interval: 5s, retries: 2}
    restart: always
  helper:
    image: helper
    network_mode: container:web
    volumes_from: [web]
  db:
    image: postgres
    network_mode: host
  everywhere:
    image: agent
    labels: {io.rancher.scheduler.global: 'true'}
  lb:
    image: rancher/lb-service-haproxy
    ports: ["8080:8080"]
  alias: {image: rancher/dns-service, links: [db]}
  out: {image: rancher/external-service}
volumes:
  data: {driver: rancher-nfs, driver_opts: {a: b}, per_container: true}
  outside: {external: true}
=== rancher-compose.yml
version: '2'
services:
  web:
    scale: 2
    retain_ip: true
    metadata: {a: {b: [1, "2", {c: d}]}, text: "x\ny"}
    health_check: {port: 80, interval: 2000, request_line: 'GET "/" "HTTP/1.0"', strategy: none}
  helper: {health_check: {port: 81}}
  db: {start_on_create: false, scale_policy: {min: 1, max: 2, increment: 1}, scale: 0}
  lb:
    lb_config:
      certs: [c]
      port_rules:
        - {source_port: 8080, service: web, target_port: 80, hostname: a.b, protocol: http}
  out: {external_ips: [10.0.0.1]}
"#;

#[test]
fn export_reads_back_as_it_was() {
    let before = read(PROJECT);
    assert_eq!(problems(&before), "");
    let files = export(&as_api(&before));
    assert!(files.docker_compose.lines().count() > 10);
    assert_eq!(files.docker_compose.replace("\r\n", "").find(['\r', '\n']), None);
    expect_file!["fixtures/exported/docker-compose.yml"]
        .assert_eq(&files.docker_compose.replace("\r\n", "\n"));
    expect_file!["fixtures/exported/rancher-compose.yml"]
        .assert_eq(&files.rancher_compose.replace("\r\n", "\n"));
    let text =
        format!("{}\n=== rancher-compose.yml\n{}", files.docker_compose, files.rancher_compose);
    let after = read(&text);
    assert_eq!(problems(&after), "");
    let hashes = |project: &Project| {
        let mut list: Vec<(String, String, Option<u32>)> = project
            .services
            .iter()
            .map(|service| (service.name.clone(), service.hash.clone(), service.scale.or(Some(1))))
            .collect();
        list.sort();
        list
    };
    assert_eq!(hashes(&after), hashes(&before));
}

#[test]
fn ids_become_names() {
    let input = ExportInput {
        services: vec![ExportedService {
            service: json!({
                "name": "lb", "type": "loadBalancerService", "scale": 1, "startOnCreate": true,
                "selectorLink": "a=b",
                "metadata": {"io.rancher.service.hash": {"x": "y"}},
                "launchConfig": {
                    "imageUuid": "docker:haproxy", "networkMode": "managed", "kind": "container",
                    "stdinOpen": false, "memory": null, "dataVolumes": [],
                    "secrets": [{"secretId": "1se1", "name": "key", "uid": "0", "gid": "0", "mode": "444"}, {"secretId": "1se2", "name": "plain"}]
                },
                "lbConfig": {
                    "type": "lbConfig", "certificateIds": ["1c1"], "defaultCertificateId": "1c2",
                    "portRules": [{"type": "portRule", "serviceId": "1s5", "sourcePort": 80, "targetPort": 81, "hostname": null}]
                }
            }),
            links: Vec::new(),
        }],
        service_names: BTreeMap::from([("1s5".to_owned(), "other/web".to_owned())]),
        certificate_names: BTreeMap::from([
            ("1c1".to_owned(), "a".to_owned()),
            ("1c2".to_owned(), "b".to_owned()),
        ]),
        secret_names: BTreeMap::from([
            ("1se1".to_owned(), "real".to_owned()),
            ("1se2".to_owned(), "plain".to_owned()),
        ]),
        ..ExportInput::default()
    };
    let files = export(&input);
    expect![[r#"
        version: '2'
        secrets:
          plain:
            external: true
          real:
            external: true
        services:
          lb:
            image: haproxy
            secrets:
            - uid: '0'
              gid: '0'
              mode: '444'
              source: real
              target: key
            - plain
            labels:
              io.rancher.service.selector.link: a=b
        ---
        version: '2'
        services:
          lb:
            scale: 1
            start_on_create: true
            lb_config:
              certs:
              - a
              default_cert: b
              port_rules:
              - source_port: 80
                target_port: 81
                service: other/web
    "#]]
    .assert_eq(
        &format!("{}---\n{}", files.docker_compose, files.rancher_compose).replace("\r\n", "\n"),
    );
}

/// A text written as YAML is read as the same text.
fn survives(text: &str) {
    let map = serde_json::Map::from_iter([(
        "services".to_owned(),
        json!({"web": {"image": "x", "command": [text], "environment": {"K": text}}}),
    )]);
    let yaml = emit::document(&map).replace('$', "$$");
    let project = read_exact(&yaml);
    assert_eq!(problems(&project), "", "{yaml}");
    let launch = &project.services[0].launch_config;
    assert_eq!(launch["command"][0], *text, "{yaml}");
    assert_eq!(launch["environment"]["K"], *text, "{yaml}");
}

/// Reads a text that may hold anything, also lines that look like the start of a file.
fn read_exact(text: &str) -> Project {
    let input = Input { files: vec![ComposeFile::new("compose.yaml", text)], ..Input::default() };
    let mut load = |path: &str| Err(LoadError::NotFound(path.to_owned()));
    parse(&input, &mut load)
}

#[test]
fn texts_survive() {
    for text in [
        "",
        " ",
        "a",
        "~",
        "null",
        "No",
        "0",
        "0x1f",
        "1e5",
        "1:20",
        "a: b",
        "a #b",
        "#a",
        "-",
        "- a",
        "a:",
        "'",
        "\"",
        "a\nb",
        "a\n",
        "a\n\n",
        "\na",
        " a\nb",
        "a\n b\n",
        "\t",
        "a\tb",
        "\r\n",
        "é",
        "\u{7}",
        "\\n",
        "{a}",
        "[a",
        "*a",
        "&a",
        "!a",
        "%a",
        "@a",
        "`a",
        "$A",
        "${A}",
        "=",
        "<<",
        "2001-01-01",
        "a\n\n  b",
        "\u{2028}",
        "a \nb",
        "a\nb ",
        "--- a",
        "...",
    ] {
        survives(text);
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 256, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_text_survives(text in "[ -~\\n\\t\\ré]{0,30}") {
        survives(&text);
    }
}
