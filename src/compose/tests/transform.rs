//! `docker inspect` in, a container of the API out.

use expect_test::{expect, expect_file};
use serde_json::{Value, json};

use super::super::transform::transform;

/// The fields that are set.
fn set(input: Value) -> String {
    match transform(&input) {
        Ok(Value::Object(map)) => map
            .iter()
            .filter(|(_, value)| {
                !value.is_null()
                    && **value != json!([])
                    && **value != json!({})
                    && **value != json!(false)
            })
            .map(|(field, value)| format!("{field}: {value}\n"))
            .collect(),
        Ok(other) => format!("{other}\n"),
        Err(error) => format!("error: {error}\n"),
    }
}

#[test]
fn nothing_set() {
    let out = transform(&json!({})).unwrap();
    let text: String = out
        .as_object()
        .unwrap()
        .iter()
        .map(|(field, value)| format!("{field}: {value}\n"))
        .collect();
    expect_file!["fixtures/transformed-nothing.txt"].assert_eq(&text);
}

/// A container with everything that `docker inspect` may say.
fn everything() -> Value {
    json!({
        "Id": "abc", "Name": "/web",
        "Config": {
            "Image": "nginx:1", "Hostname": "h", "Domainname": "d", "User": "u", "Tty": true,
            "OpenStdin": true, "WorkingDir": "/w", "Env": ["A=1", "B", "C=x=y"], "Cmd": ["a", "b"],
            "Entrypoint": ["e"], "Volumes": {"/v": {}}, "Labels": {"a": "b", "n": null},
            "Memory": 5, "CpuShares": 7, "Cpuset": "0", "StopSignal": "SIGTERM", "StopTimeout": 5,
            "ExposedPorts": {"9/tcp": {}},
            "Healthcheck": {"Test": ["CMD", "x"], "Interval": 1500000000i64, "Timeout": 0, "Retries": 3}
        },
        "HostConfig": {
            "Binds": ["/a:/b:ro", "data:/d"], "NetworkMode": "default", "Memory": 10,
            "PortBindings": {
                "80/tcp": [{"HostIp": "1.2.3.4", "HostPort": "8080"}, {"HostPort": ""}],
                "53/udp": [{"HostPort": "53"}], "90": [{}], "91/tcp": null
            },
            "Devices": [{"PathOnHost": "/dev/a", "PathInContainer": "/dev/b", "CgroupPermissions": ""}],
            "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 2},
            "LogConfig": {"Type": "syslog", "Config": null},
            "Ulimits": [{"Name": "nofile", "Hard": 2, "Soft": 1}],
            "BlkioDeviceReadBps": [{"Path": "/dev/a", "Rate": 5}],
            "BlkioWeightDevice": [{"Path": "/dev/a", "Weight": 6}],
            "Dns": ["1.1.1.1"], "CapAdd": ["X"], "Privileged": true, "Tmpfs": {"/t": ""},
            "Sysctls": {"a": "b"}, "Init": true, "ReadonlyRootfs": true, "SecurityOpt": ["s"],
            "ExtraHosts": ["a:1"], "GroupAdd": ["g"], "ShmSize": 64, "OomScoreAdj": 3
        }
    })
}

#[test]
fn everything_set() {
    expect![[r#"
        type: "container"
        kind: "container"
        externalId: "abc"
        name: "web"
        imageUuid: "docker:nginx:1"
        hostname: "h"
        domainName: "d"
        user: "u"
        tty: true
        stdinOpen: true
        workingDir: "/w"
        command: ["a","b"]
        entryPoint: ["e"]
        stopSignal: "SIGTERM"
        stopTimeout: 5
        memory: 10
        cpuShares: 7
        cpuSet: "0"
        oomScoreAdj: 3
        shmSize: 64
        tmpfs: {"/t":""}
        sysctls: {"a":"b"}
        runInit: true
        privileged: true
        readOnly: true
        dns: ["1.1.1.1"]
        capAdd: ["X"]
        groupAdd: ["g"]
        securityOpt: ["s"]
        extraHosts: ["a:1"]
        healthCmd: ["CMD","x"]
        healthInterval: 2
        healthRetries: 3
        environment: {"A":"1","B":"","C":"x=y"}
        labels: {"a":"b","n":""}
        dataVolumes: ["/v","/a:/b:ro","data:/d"]
        ports: ["8080:80/tcp","80/tcp","53:53/udp","90/tcp"]
        networkMode: "bridge"
        devices: ["/dev/a:/dev/b:rwm"]
        restartPolicy: {"name":"on-failure","maximumRetryCount":2}
        logConfig: {"driver":"syslog","config":{}}
        ulimits: [{"name":"nofile","hard":2,"soft":1}]
        blkioDeviceOptions: {"/dev/a":{"readBps":5,"weight":6}}
    "#]]
    .assert_eq(&set(everything()));
}

#[test]
fn names_images_and_networks() {
    let name = json!({"Name": "/x", "Config": {"Labels": {"io.rancher.container.display_name": "shown"}, "Image": "docker:a"}});
    expect![[r#"
        type: "container"
        kind: "container"
        name: "shown"
        imageUuid: "docker:a"
        labels: {"io.rancher.container.display_name":"shown"}
        networkMode: "bridge"
    "#]]
    .assert_eq(&set(name));
    let mode = |mode: &str| set(json!({"HostConfig": {"NetworkMode": mode}}));
    expect![[r#"
        type: "container"
        kind: "container"
        networkMode: "host"
        type: "container"
        kind: "container"
        networkMode: "none"
        type: "container"
        kind: "container"
        networkMode: "bridge"
        error: networkMode `container:abc` is not supported
        error: networkMode `mynet` is not supported
    "#]]
    .assert_eq(&format!(
        "{}{}{}{}{}",
        mode("host"),
        mode("none"),
        mode(""),
        mode("container:abc"),
        mode("mynet")
    ));
    expect![[r#"
        type: "container"
        kind: "container"
        networkMode: "none"
    "#]]
    .assert_eq(&set(json!({"Config": {"NetworkDisabled": true}})));
    expect![[r#"
        error: the container must be an object
    "#]]
    .assert_eq(&set(json!([])));
}
