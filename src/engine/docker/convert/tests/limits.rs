//! Launch configurations: what a container may use and do, and what becomes of it when it ends.

use expect_test::expect;
use serde_json::Value;

use super::{check, extras};
use crate::engine::spec::{Extras, Restarts, container_spec};

#[test]
fn devices() {
    check(
        r#"{"devices": ["/dev/fuse", "/dev/sda:/dev/xvda", "/dev/tty0:/dev/tty0:r"]}"#,
        &extras(),
        expect![[r#"
            {
              "HostConfig": {
                "Devices": [
                  {
                    "CgroupPermissions": "rwm",
                    "PathInContainer": "/dev/fuse",
                    "PathOnHost": "/dev/fuse"
                  },
                  {
                    "CgroupPermissions": "rwm",
                    "PathInContainer": "/dev/xvda",
                    "PathOnHost": "/dev/sda"
                  },
                  {
                    "CgroupPermissions": "r",
                    "PathInContainer": "/dev/tty0",
                    "PathOnHost": "/dev/tty0"
                  }
                ]
              }
            }"#]],
    );
    check(
        r#"{"devices": ["/dev/sda:/dev/xvda:rx"]}"#,
        &extras(),
        expect![
            "field `devices` of container `web-1` has `/dev/sda:/dev/xvda:rx`, which is not `host:container[:rwm]`"
        ],
    );
}

#[test]
fn memory_and_processors() {
    check(
        r#"{"memory": 1073741824, "memorySwap": -1, "memoryReservation": 536870912,
            "memorySwappiness": 10, "kernelMemory": 67108864, "oomKillDisable": true,
            "oomScoreAdj": -500, "shmSize": 67108864, "cpuShares": 512, "cpuSet": "0-1",
            "cpuSetMems": "0", "cpuPeriod": 100000, "cpuQuota": 50000, "cpuRealtimePeriod": 1000000,
            "cpuRealtimeRuntime": 950000, "cpuCount": 1, "cpuPercent": 50, "ioMaximumIOps": 100,
            "ioMaximumBandwidth": 200, "pidsLimit": 100, "cgroupParent": "/custom",
            "ulimits": [{"name": "nofile", "soft": 1024, "hard": 2048}, {"name": "core", "soft": 0}]}"#,
        &extras(),
        expect![[r#"
            {
              "HostConfig": {
                "CgroupParent": "/custom",
                "CpuCount": 1,
                "CpuPercent": 50,
                "CpuPeriod": 100000,
                "CpuQuota": 50000,
                "CpuRealtimePeriod": 1000000,
                "CpuRealtimeRuntime": 950000,
                "CpuShares": 512,
                "CpusetCpus": "0-1",
                "CpusetMems": "0",
                "IOMaximumBandwidth": 200,
                "IOMaximumIOps": 100,
                "KernelMemory": 67108864,
                "Memory": 1073741824,
                "MemoryReservation": 536870912,
                "MemorySwap": -1,
                "MemorySwappiness": 10,
                "OomKillDisable": true,
                "OomScoreAdj": -500,
                "PidsLimit": 100,
                "ShmSize": 67108864,
                "Ulimits": [
                  {
                    "Hard": 2048,
                    "Name": "nofile",
                    "Soft": 1024
                  },
                  {
                    "Hard": 0,
                    "Name": "core",
                    "Soft": 0
                  }
                ]
              }
            }"#]],
    );
}

#[test]
fn processor_shares() {
    let shares = |config: &str| {
        let data: Value = serde_json::from_str(config).unwrap();
        container_spec(data.as_object().unwrap(), &extras()).unwrap().limits.cpu_shares
    };
    assert_eq!(shares(r#"{"imageUuid": "x"}"#), 2);
    assert_eq!(shares(r#"{"imageUuid": "x", "cpuShares": 1}"#), 2);
    assert_eq!(shares(r#"{"imageUuid": "x", "cpuShares": 100}"#), 100);
    assert_eq!(shares(r#"{"imageUuid": "x", "cpuShares": 100, "milliCpuReservation": 500}"#), 512);
    assert_eq!(shares(r#"{"imageUuid": "x", "cpuShares": 100, "milliCpuReservation": 1}"#), 2);
    assert_eq!(shares(r#"{"imageUuid": "x", "cpuShares": 100, "milliCpuReservation": 0}"#), 100);
}

#[test]
fn block_devices() {
    let config = r#"{"blkioWeight": 300, "blkioDeviceOptions": {
        "/dev/sda": {"weight": 200, "readIops": 1000, "readBps": 1048576},
        "DEFAULT_DISK": {"writeIops": 500, "writeBps": 2097152}}}"#;
    check(
        config,
        &extras(),
        expect![[r#"
            {
              "HostConfig": {
                "BlkioDeviceReadBps": [
                  {
                    "Path": "/dev/sda",
                    "Rate": 1048576
                  }
                ],
                "BlkioDeviceReadIOps": [
                  {
                    "Path": "/dev/sda",
                    "Rate": 1000
                  }
                ],
                "BlkioWeight": 300,
                "BlkioWeightDevice": [
                  {
                    "Path": "/dev/sda",
                    "Weight": 200
                  }
                ]
              }
            }"#]],
    );
}

#[test]
fn the_default_disk() {
    let config = r#"{"blkioDeviceOptions": {
        "DEFAULT_DISK": {"writeIops": 500, "writeBps": 2097152}}}"#;
    let disk = Extras { default_disk: Some("/dev/vda".to_owned()), ..extras() };
    check(
        config,
        &disk,
        expect![[r#"
            {
              "HostConfig": {
                "BlkioDeviceWriteBps": [
                  {
                    "Path": "/dev/vda",
                    "Rate": 2097152
                  }
                ],
                "BlkioDeviceWriteIOps": [
                  {
                    "Path": "/dev/vda",
                    "Rate": 500
                  }
                ]
              }
            }"#]],
    );
}

#[test]
fn security() {
    check(
        r#"{"privileged": true, "capAdd": ["NET_ADMIN"], "capDrop": ["MKNOD"],
            "securityOpt": ["apparmor:unconfined"], "groupAdd": ["audio"],
            "sysctls": {"net.core.somaxconn": "1024"}, "pidMode": "host", "ipcMode": "host",
            "usernsMode": "host"}"#,
        &extras(),
        expect![[r#"
            {
              "HostConfig": {
                "CapAdd": [
                  "NET_ADMIN"
                ],
                "CapDrop": [
                  "MKNOD"
                ],
                "GroupAdd": [
                  "audio"
                ],
                "IpcMode": "host",
                "PidMode": "host",
                "Privileged": true,
                "SecurityOpt": [
                  "apparmor:unconfined"
                ],
                "Sysctls": {
                  "net.core.somaxconn": "1024"
                },
                "UsernsMode": "host"
              }
            }"#]],
    );
}

#[test]
fn logs_restarts_and_health() {
    let config = r#"{"logConfig": {"driver": "json-file", "config": {"max-size": "1m"}},
        "restartPolicy": {"name": "on-failure", "maximumRetryCount": 3},
        "healthCmd": ["CMD-SHELL", "wget -q localhost"], "healthInterval": 10, "healthTimeout": 2,
        "healthRetries": 3}"#;
    check(
        config,
        &extras(),
        expect![[r#"
            {
              "Healthcheck": {
                "Interval": 10000000000,
                "Retries": 3,
                "Test": [
                  "CMD-SHELL",
                  "wget -q localhost"
                ],
                "Timeout": 2000000000
              },
              "HostConfig": {
                "LogConfig": {
                  "Config": {
                    "max-size": "1m"
                  },
                  "Type": "json-file"
                },
                "RestartPolicy": {
                  "MaximumRetryCount": 3,
                  "Name": "on-failure"
                }
              }
            }"#]],
    );
}

#[test]
fn policies_and_drivers_without_options() {
    let always = r#"{"restartPolicy": {"name": "always", "maximumRetryCount": 5},
                     "logConfig": {"driver": "syslog", "config": null}}"#;
    check(
        always,
        &extras(),
        expect![[r#"
            {
              "HostConfig": {
                "LogConfig": {
                  "Config": {},
                  "Type": "syslog"
                },
                "RestartPolicy": {
                  "Name": "always"
                }
              }
            }"#]],
    );
    check(
        always,
        &Extras { restarts: Restarts::ByService, ..extras() },
        expect![[r#"
            {
              "HostConfig": {
                "LogConfig": {
                  "Config": {},
                  "Type": "syslog"
                }
              }
            }"#]],
    );
    check(
        r#"{"logConfig": {"driver": null, "config": {}}, "restartPolicy": null}"#,
        &extras(),
        expect![[r#"
        {
          "HostConfig": {}
        }"#]],
    );
}
