//! Launch configurations as the API stores them, and what Docker is asked to create for them.

use expect_test::{Expect, expect};
use serde_json::Value;

mod limits;
mod seen;

use super::create_body;
use crate::engine::spec::{Endpoint, Extras, NetworkAttachment, container_spec};

const API_1_41: bollard::ClientVersion =
    bollard::ClientVersion { major_version: 1, minor_version: 41 };
const API_1_44: bollard::ClientVersion =
    bollard::ClientVersion { major_version: 1, minor_version: 44 };

fn extras() -> Extras {
    Extras {
        uuid: "1f0c9a2b-7d4e-4f6e-9d3b-2f1d0c9b8a76".to_owned(),
        name: "web-1".to_owned(),
        network: NetworkAttachment::Bridge,
        ..Extras::default()
    }
}

fn managed() -> NetworkAttachment {
    NetworkAttachment::Named(Endpoint {
        network: "ranchette-1a5".to_owned(),
        ipv4: Some("10.42.7.9".to_owned()),
        mac: Some("02:0a:2a:07:09:00".to_owned()),
        aliases: vec!["web.shop".to_owned()],
    })
}

/// The body without what every body has: the labels and CPU shares checked in the first test.
fn check(launch_config: &str, extras: &Extras, expect: Expect) {
    let full: Value = serde_json::from_str(launch_config).unwrap();
    let mut data = full.as_object().unwrap().clone();
    data.entry("imageUuid").or_insert("docker:nginx".into());
    let text = match container_spec(&data, extras) {
        Err(err) => err.to_string(),
        Ok(spec) => {
            let mut body = create_body(&spec, &API_1_41);
            let usual = body.as_object_mut().unwrap();
            usual.remove("Labels");
            usual.retain(|key, value| {
                !matches!((key.as_str(), value), ("Image" | "Tty" | "OpenStdin", v)
                    if *v == "nginx" || *v == false)
            });
            let host = body["HostConfig"].as_object_mut().unwrap();
            host.retain(|key, value| {
                !(key == "CpuShares" && *value == 2 || key == "NetworkMode" && *value == "bridge")
            });
            serde_json::to_string_pretty(&sorted(body)).unwrap()
        }
    };
    expect.assert_eq(&text);
}

/// Maps of the client have no order; files have.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut pairs: Vec<_> = map.into_iter().map(|(k, v)| (k, sorted(v))).collect();
            pairs.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(pairs.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

#[test]
fn an_empty_configuration() {
    let data: Value = serde_json::from_str(r#"{"imageUuid": "docker:nginx:1.27"}"#).unwrap();
    let spec = container_spec(data.as_object().unwrap(), &extras()).unwrap();
    assert_eq!(spec.name, "r-web-1-1f0c9a2b");
    let body = create_body(&spec, &API_1_41);
    expect![[r#"
        {
          "Tty": false,
          "OpenStdin": false,
          "Image": "nginx:1.27",
          "Labels": {
            "io.rancher.container.uuid": "1f0c9a2b-7d4e-4f6e-9d3b-2f1d0c9b8a76"
          },
          "HostConfig": {
            "CpuShares": 2,
            "NetworkMode": "bridge"
          }
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&body).unwrap());
}

#[test]
fn what_runs() {
    check(
        r#"{"command": ["-g", "daemon off;"], "entryPoint": ["nginx"], "workingDir": "/srv",
            "environment": {"B": "2", "A": 1, "EMPTY": null}, "user": "1000:1000", "tty": true,
            "stdinOpen": true, "stopSignal": "SIGQUIT", "stopTimeout": 3, "runInit": true,
            "hostname": "web", "domainName": "shop.test"}"#,
        &Extras {
            env: [("A", "server's"), ("DB_PORT", "tcp://db:5432")]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
            ..extras()
        },
        expect![[r#"
            {
              "Cmd": [
                "-g",
                "daemon off;"
              ],
              "Domainname": "shop.test",
              "Entrypoint": [
                "nginx"
              ],
              "Env": [
                "B=2",
                "A=1",
                "EMPTY=",
                "DB_PORT=tcp://db:5432"
              ],
              "HostConfig": {
                "Init": true
              },
              "Hostname": "web",
              "OpenStdin": true,
              "StopSignal": "SIGQUIT",
              "StopTimeout": 3,
              "Tty": true,
              "User": "1000:1000",
              "WorkingDir": "/srv"
            }"#]],
    );
}

#[test]
fn labels_of_the_server_win() {
    let data: Value = serde_json::from_str(
        r#"{"imageUuid": "sim:nginx", "labels": {"a": "user", "io.rancher.container.uuid": "forged", "n": 5}}"#,
    )
    .unwrap();
    let labels = [("a".to_owned(), "server".to_owned())].into();
    let spec = container_spec(data.as_object().unwrap(), &Extras { labels, ..extras() }).unwrap();
    assert_eq!(spec.image, "nginx");
    expect![[r#"
        {
            "a": "server",
            "io.rancher.container.uuid": "1f0c9a2b-7d4e-4f6e-9d3b-2f1d0c9b8a76",
            "n": "5",
        }"#]]
    .assert_eq(&format!("{:#?}", spec.labels));
}

#[test]
fn ports_on_docker_s_bridge() {
    check(
        r#"{"ports": ["8080:80", "127.0.0.1:53:53/udp", "443", "[::1]:8443:8443/tcp", "8080:80/tcp"],
            "expose": ["9000", "80"], "publishAllPorts": true}"#,
        &extras(),
        expect![[r#"
            {
              "ExposedPorts": {
                "443/tcp": {},
                "53/udp": {},
                "80/tcp": {},
                "8443/tcp": {},
                "9000/tcp": {}
              },
              "HostConfig": {
                "PortBindings": {
                  "443/tcp": [
                    {
                      "HostPort": ""
                    }
                  ],
                  "53/udp": [
                    {
                      "HostIp": "127.0.0.1",
                      "HostPort": "53"
                    }
                  ],
                  "80/tcp": [
                    {
                      "HostPort": "8080"
                    }
                  ],
                  "8443/tcp": [
                    {
                      "HostIp": "::1",
                      "HostPort": "8443"
                    }
                  ]
                },
                "PublishAllPorts": true
              }
            }"#]],
    );
}

#[test]
fn a_managed_network() {
    check(
        r#"{"ports": ["8080:80", "9000/udp", "127.0.0.1::70"], "hostname": "web",
            "dns": ["1.1.1.1", "169.254.169.250"], "dnsSearch": ["example.test"],
            "dnsOpt": ["ndots:1"], "extraHosts": ["db:10.0.0.1"]}"#,
        &Extras {
            network: managed(),
            dns: vec!["169.254.169.250".to_owned()],
            dns_search: vec!["web.shop.rancher.internal".to_owned()],
            ..extras()
        },
        expect![[r#"
            {
              "ExposedPorts": {
                "70/tcp": {},
                "80/tcp": {},
                "9000/udp": {}
              },
              "HostConfig": {
                "Dns": [
                  "169.254.169.250",
                  "1.1.1.1"
                ],
                "DnsOptions": [
                  "ndots:1"
                ],
                "DnsSearch": [
                  "example.test",
                  "web.shop.rancher.internal"
                ],
                "ExtraHosts": [
                  "db:10.0.0.1"
                ],
                "NetworkMode": "ranchette-1a5",
                "PortBindings": {
                  "70/tcp": [
                    {
                      "HostIp": "127.0.0.1",
                      "HostPort": ""
                    }
                  ],
                  "80/tcp": [
                    {
                      "HostPort": "8080"
                    }
                  ]
                }
              },
              "Hostname": "web",
              "MacAddress": "02:0a:2a:07:09:00",
              "NetworkingConfig": {
                "EndpointsConfig": {
                  "ranchette-1a5": {
                    "Aliases": [
                      "web.shop"
                    ],
                    "IPAMConfig": {
                      "IPv4Address": "10.42.7.9"
                    },
                    "MacAddress": "02:0a:2a:07:09:00"
                  }
                }
              }
            }"#]],
    );
}

#[test]
fn newer_engines_take_the_mac_address_elsewhere() {
    let data: Value = serde_json::from_str(r#"{"imageUuid": "nginx"}"#).unwrap();
    let extras = Extras { network: managed(), ..extras() };
    let spec = container_spec(data.as_object().unwrap(), &extras).unwrap();
    let endpoint = |body: &Value| {
        let networks = &body["NetworkingConfig"]["EndpointsConfig"];
        (body["MacAddress"].clone(), networks["ranchette-1a5"]["MacAddress"].clone())
    };
    let mac = Value::from("02:0a:2a:07:09:00");
    assert_eq!(endpoint(&create_body(&spec, &API_1_41)), (mac.clone(), mac.clone()));
    assert_eq!(endpoint(&create_body(&spec, &API_1_44)), (Value::Null, mac));
}

#[test]
fn other_networks_drop_what_they_forbid() {
    let config = r#"{"ports": ["8080:80"], "expose": ["81"], "hostname": "web", "dns": ["1.1.1.1"],
                     "publishAllPorts": true, "extraHosts": ["db:10.0.0.1"]}"#;
    let on = |network| Extras { network, ..extras() };
    check(
        config,
        &on(NetworkAttachment::Host),
        expect![[r#"
            {
              "ExposedPorts": {
                "81/tcp": {}
              },
              "HostConfig": {
                "Dns": [
                  "1.1.1.1"
                ],
                "ExtraHosts": [
                  "db:10.0.0.1"
                ],
                "NetworkMode": "host"
              }
            }"#]],
    );
    check(
        config,
        &on(NetworkAttachment::None),
        expect![[r#"
            {
              "ExposedPorts": {
                "81/tcp": {}
              },
              "HostConfig": {
                "Dns": [
                  "1.1.1.1"
                ],
                "ExtraHosts": [
                  "db:10.0.0.1"
                ],
                "NetworkMode": "none"
              },
              "Hostname": "web",
              "NetworkDisabled": true
            }"#]],
    );
    let other = NetworkAttachment::Container("4f0c".to_owned());
    check(
        config,
        &on(other),
        expect![[r#"
        {
          "HostConfig": {
            "NetworkMode": "container:4f0c"
          }
        }"#]],
    );
    check(
        r#"{"uts": "host", "hostname": "web"}"#,
        &extras(),
        expect![[r#"
        {
          "HostConfig": {
            "UTSMode": "host"
          }
        }"#]],
    );
}

#[test]
fn volumes() {
    check(
        r#"{"dataVolumes": ["/anon", "/anon-ro:ro", "named:/data", "/host:/mnt:ro,z",
             "/var/lib/docker/volumes:/v", "/var/lib/dockerx:/x", "tpl:/tpl:ro"],
            "volumeDriver": "nfs", "tmpfs": {"/run": "size=1m"}, "readOnly": true,
            "storageOpt": {"size": "10G"}, "diskQuota": 1000}"#,
        &Extras {
            volume_mounts: [("/tpl", "shop_tpl_ab12c"), ("/new", "vol1"), ("/anon", "vol2")]
                .map(|(path, name)| (path.to_owned(), name.to_owned()))
                .into(),
            volumes_from: vec!["4f0c".to_owned()],
            binds: vec!["/run/secrets/x:/run/secrets:ro".to_owned()],
            docker_root: Some("/data/docker".to_owned()),
            ..extras()
        },
        expect![[r#"
            {
              "HostConfig": {
                "Binds": [
                  "named:/data:rw",
                  "/host:/mnt:ro,z",
                  "/data/docker/volumes:/v:rw",
                  "/var/lib/dockerx:/x:rw",
                  "shop_tpl_ab12c:/tpl:ro",
                  "vol2:/anon:rw",
                  "vol1:/new:rw",
                  "/run/secrets/x:/run/secrets:ro"
                ],
                "DiskQuota": 1000,
                "ReadonlyRootfs": true,
                "StorageOpt": {
                  "size": "10G"
                },
                "Tmpfs": {
                  "/run": "size=1m"
                },
                "VolumeDriver": "nfs",
                "VolumesFrom": [
                  "4f0c"
                ]
              },
              "Volumes": {
                "/anon-ro": {}
              }
            }"#]],
    );
}

#[test]
fn fields_nobody_can_understand_are_named() {
    check(
        r#"{"imageUuid": "docker:"}"#,
        &extras(),
        expect!["field `imageUuid` of container `web-1` is missing"],
    );
    check(
        r#"{"ports": ["80:x"]}"#,
        &extras(),
        expect![
            "field `ports` of container `web-1` has `80:x`, which has no port between 1 and 65535 in `x`"
        ],
    );
    check(
        r#"{"memory": "much"}"#,
        &extras(),
        expect!["field `memory` of container `web-1` is not a whole number"],
    );
    check(
        r#"{"tty": "yes"}"#,
        &extras(),
        expect!["field `tty` of container `web-1` is not true or false"],
    );
    check(
        r#"{"command": "ls"}"#,
        &extras(),
        expect!["field `command` of container `web-1` is not a list of strings"],
    );
    check(
        r#"{"environment": {"A": {}}}"#,
        &extras(),
        expect!["field `environment` of container `web-1` is not a map of strings"],
    );
    check(
        r#"{"ulimits": [{"name": "nofile"}]}"#,
        &extras(),
        expect!["field `ulimits.soft` of container `web-1` is missing for `nofile`"],
    );
    check(
        r#"{"restartPolicy": {"name": "sometimes"}}"#,
        &extras(),
        expect![
            "field `restartPolicy.name` of container `web-1` is `sometimes`, not one of no, always, unless-stopped, on-failure"
        ],
    );
    check(
        r#"{"blkioDeviceOptions": {"/dev/sda": {"weight": "x"}}}"#,
        &extras(),
        expect!["field `blkioDeviceOptions.weight` of container `web-1` is not a whole number"],
    );
}

#[test]
fn names_in_the_engine() {
    use crate::engine::spec::engine_name;
    assert_eq!(engine_name("web-1", "1f0c9a2b-7d4e"), "r-web-1-1f0c9a2b");
    assert_eq!(engine_name("Web_1.x", "1f0c9a2b-7d4e"), "r-Web_1.x-1f0c9a2b");
    for unusable in ["", "a", "-web", "wéb", "my web"] {
        assert_eq!(engine_name(unusable, "1f0c9a2b-7d4e"), "r-1f0c9a2b-7d4e", "{unusable}");
    }
}
