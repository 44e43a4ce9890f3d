//! What Docker says of a container makes another like it: the way there and back.

use serde_json::{Map, Value, json};

use super::super::create_body;
use super::{API_1_41, extras};
use crate::engine::spec::{LABEL_UUID, container_spec, seen};

fn object(value: Value) -> Map<String, Value> {
    value.as_object().cloned().expect("an object")
}

/// Docker's answer to an inspection of what it is asked to create for a launch configuration.
fn inspected(launch: &Map<String, Value>) -> Map<String, Value> {
    let mut launch = launch.clone();
    launch.insert("imageUuid".to_owned(), "docker:nginx".into());
    let mut body = create_body(&container_spec(&launch, &extras()).unwrap(), &API_1_41);
    let host = body["HostConfig"].take();
    let binds = host["Binds"].as_array().cloned().unwrap_or_default();
    let mounts = binds.iter().map(|bind| {
        let parts: Vec<&str> = bind.as_str().unwrap().split(':').collect();
        let kind = if parts[0].starts_with('/') { "bind" } else { "volume" };
        json!({
            "Type": kind, "Name": parts[0], "Source": parts[0], "Destination": parts[1],
            "Mode": parts[2], "RW": parts[2] != "ro",
        })
    });
    let mounts: Vec<Value> = mounts.collect();
    if let Some(labels) = body["Labels"].as_object_mut() {
        labels.shift_remove(LABEL_UUID);
    }
    object(json!({ "Id": "c0ffee", "Config": body, "HostConfig": host, "Mounts": mounts }))
}

#[test]
fn a_launch_configuration_is_read_back_as_it_was() {
    let mut launch = object(json!({
        "blkioDeviceOptions": { "/dev/a": { "weight": 20, "readBps": 5 }, "/dev/b": { "writeIops": 6 } },
        "blkioWeight": 300, "capAdd": ["NET_ADMIN"], "capDrop": ["MKNOD"], "cgroupParent": "/c",
        "command": ["a", "b"], "cpuPeriod": 1000, "cpuQuota": 500, "cpuSet": "0", "cpuShares": 10,
        "dataVolumes": ["/a:/b:ro", "data:/data"], "devices": ["/dev/a:/dev/b:rw"], "dns": ["1.1.1.1"],
        "dnsOpt": ["ndots:1"], "dnsSearch": ["example"], "domainName": "d", "entryPoint": ["e"],
        "environment": { "A": "1", "B": "" }, "expose": ["90/tcp"], "extraHosts": ["x:1.2.3.4"],
        "groupAdd": ["g"], "healthCmd": ["CMD", "x"], "healthInterval": 5, "healthRetries": 7,
        "healthTimeout": 6, "hostname": "h", "ipcMode": "host", "labels": { "a": "b" },
        "logConfig": { "driver": "syslog", "config": { "a": "b" } }, "memory": 1 << 26
    }));
    launch.extend(object(json!({
        "memoryReservation": 1 << 25, "memorySwap": -1, "memorySwappiness": 5, "oomKillDisable": true,
        "oomScoreAdj": 3, "pidMode": "host", "pidsLimit": 9, "ports": ["127.0.0.1:81:80/tcp", "53/udp"],
        "privileged": true, "publishAllPorts": true, "readOnly": true,
        "restartPolicy": { "name": "on-failure", "maximumRetryCount": 3 }, "runInit": true,
        "securityOpt": ["s"], "shmSize": 1 << 20, "stdinOpen": true, "stopSignal": "SIGINT",
        "stopTimeout": 7, "sysctls": { "net.a": "1" }, "tmpfs": { "/t": "size=1m" }, "tty": true,
        "ulimits": [{ "name": "nofile", "soft": 1, "hard": 2 }], "user": "1:2", "usernsMode": "host",
        "workingDir": "/w",
    })));
    let inspected = inspected(&launch);
    let read = seen::launch_config(&inspected);
    for (field, value) in &launch {
        assert_eq!(read.get(field), Some(value), "{field}");
        assert!(seen::is_of_launch(field), "{field}");
    }
    assert_eq!(read.len(), launch.len(), "{read:?}");
}

#[test]
fn options_of_mounts_are_kept() {
    let inspected = object(json!({
        "HostConfig": { "Mounts": [
            { "Type": "tmpfs", "Target": "/m", "TmpfsOptions": { "SizeBytes": 4096, "Mode": 0o1770 } },
            { "Type": "volume", "Source": "data", "Target": "/data", "VolumeOptions": { "NoCopy": true } },
        ] },
        "Mounts": [
            { "Type": "tmpfs", "Destination": "/m" },
            { "Type": "volume", "Name": "data", "Destination": "/data", "Mode": "z", "RW": false },
            // By `--mount` there is no mode, by `-v` there is.
            { "Type": "bind", "Source": "/a", "Destination": "/a", "Mode": "", "RW": true, "Propagation": "rshared" },
            { "Type": "bind", "Source": "/b", "Destination": "/b", "Mode": "ro,rslave", "RW": false, "Propagation": "rslave" },
            { "Type": "bind", "Source": "/c", "Destination": "/c", "Mode": "", "RW": true, "Propagation": "rprivate" },
        ],
    }));
    let expected = json!({
        "dataVolumes": ["/a:/a:rshared", "/b:/b:ro,rslave", "/c:/c", "data:/data:ro,z,nocopy"],
        "tmpfs": { "/m": "size=4096,mode=1770" },
    });
    assert_eq!(Value::Object(seen::launch_config(&inspected)), expected);
}

#[test]
fn what_docker_fills_in_was_not_asked_for() {
    let inspected = object(json!({
        "Id": "0123456789abcdef",
        "Config": { "Hostname": "0123456789ab", "Domainname": "", "Env": null, "Labels": {}, "Tty": false },
        "HostConfig": {
            "Memory": 64, "MemorySwap": 128, "MemorySwappiness": -1, "ShmSize": 67_108_864, "PidsLimit": 0,
            "IpcMode": "private", "LogConfig": { "Type": "json-file", "Config": {} }, "NanoCpus": 500_000_000,
            "RestartPolicy": { "Name": "no", "MaximumRetryCount": 0 },
            "PortBindings": { "80/tcp": [{ "HostIp": "", "HostPort": "" }] },
        },
        "Mounts": [
            { "Type": "volume", "Name": "a".repeat(64), "Destination": "/made-up", "RW": true },
            { "Type": "tmpfs", "Destination": "/memory" },
        ],
        "NetworkSettings": {
            "Ports": { "80/tcp": [
                { "HostIp": "0.0.0.0", "HostPort": "32768" }, { "HostIp": "::", "HostPort": "32768" },
            ] },
            "Networks": { "shop": { "Aliases": ["web", "0123456789ab"] } },
        },
    }));
    let expected = json!({
        "memory": 64, "ports": ["80/tcp"], "dataVolumes": ["/made-up"], "tmpfs": { "/memory": "" },
        "cpuPeriod": 100_000, "cpuQuota": 50_000,
    });
    assert_eq!(Value::Object(seen::launch_config(&inspected)), expected);
    assert_eq!(seen::ports_in_use(&inspected), ["32768:80/tcp"]);
    assert_eq!(Value::Object(seen::networks(&inspected)), json!({ "shop": ["web"] }));
}

#[test]
fn what_the_image_says_is_the_images() {
    let image = object(json!({
        "Cmd": ["serve"], "Entrypoint": ["/run"], "Env": ["PATH=/bin", "MODE=slow"], "User": "app",
        "ExposedPorts": { "80/tcp": {} }, "Labels": { "vendor": "x" }, "Volumes": { "/data": {} },
        "WorkingDir": "/app", "Healthcheck": { "Test": ["CMD", "ok"], "Interval": 5_000_000_000_i64 },
    }));
    let check = |launch: Value, expected: Value| {
        let mut launch = object(launch);
        seen::without_the_images(&mut launch, &image);
        assert_eq!(Value::Object(launch), expected);
    };
    check(
        json!({
            "command": ["serve"], "entryPoint": ["/run"], "user": "app", "workingDir": "/app",
            "environment": { "PATH": "/bin", "MODE": "fast" }, "expose": ["80/tcp"], "labels": { "vendor": "x" },
            "dataVolumes": ["/data"], "healthCmd": ["CMD", "ok"], "healthInterval": 5,
        }),
        json!({ "environment": { "MODE": "fast" } }),
    );
    // An entry point of its own takes the image's command away.
    check(
        json!({ "command": ["serve"], "entryPoint": ["/other"], "labels": { "own": "1" }, "expose": ["80/tcp", "90/tcp"] }),
        json!({ "command": ["serve"], "entryPoint": ["/other"], "labels": { "own": "1" }, "expose": ["90/tcp"] }),
    );
}
