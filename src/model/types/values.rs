//! Values inside other types: objects without rows.

use super::prelude::*;

/// Every type of this file.
pub const TYPES: &[&Type] = &[
    &BLKIO_DEVICE_OPTION,
    &DOCKER_BUILD,
    &LOG_CONFIG,
    &RESTART_POLICY,
    &ULIMIT,
    &SCALE_POLICY,
    &VIRTUAL_MACHINE_DISK,
];

/// `blkioDeviceOption`.
pub const BLKIO_DEVICE_OPTION: Type = Type::value(
    "blkioDeviceOption",
    "blkioDeviceOptions",
    &[&[
        f("readBps", Int).null().c(),
        f("readIops", Int).null().c(),
        f("weight", Int).null().c(),
        f("writeBps", Int).null().c(),
        f("writeIops", Int).null().c(),
    ]],
)
.methods(Methods::INPUT);

/// `dockerBuild`.
pub const DOCKER_BUILD: Type = Type::value(
    "dockerBuild",
    "dockerBuilds",
    &[&[
        f("context", String).null().c(),
        f("dockerfile", String).null().c(),
        f("forcerm", Boolean).c(),
        f("nocache", Boolean).c(),
        f("remote", String).null().c(),
        f("rm", Boolean).c(),
        f("tag", String).null().r_by(Super),
    ]],
)
.methods(Methods::INPUT);

/// `logConfig`.
pub const LOG_CONFIG: Type = Type::value(
    "logConfig",
    "logConfigs",
    &[&[f("config", Map(&String)).null().c(), f("driver", String).null().c()]],
)
.methods(Methods::INPUT);

/// `restartPolicy`.
pub const RESTART_POLICY: Type = Type::value(
    "restartPolicy",
    "restartPolicys",
    &[&[f("maximumRetryCount", Int).c(), f("name", String).cu()]],
)
.methods(Methods::INPUT);

/// `ulimit`.
pub const ULIMIT: Type = Type::value(
    "ulimit",
    "ulimits",
    &[&[f("hard", Int).null().c(), f("name", String).c(), f("soft", Int).null().c()]],
)
.methods(Methods::INPUT);

/// `scalePolicy`.
pub const SCALE_POLICY: Type = Type::value(
    "scalePolicy",
    "scalePolicys",
    &[&[
        f("increment", Int).null().or_int(1).min(1).c(),
        f("max", Int).null().or_int(1).min(1).c(),
        f("min", Int).null().required().or_int(1).min(1).c(),
    ]],
);

/// `virtualMachineDisk`.
pub const VIRTUAL_MACHINE_DISK: Type = Type::value(
    "virtualMachineDisk",
    "virtualMachineDisks",
    &[&[
        f("driver", String).c(),
        f("name", String).null().min_len(2).chars("a-z0-9_.-").c(),
        f("opts", Map(&String)).c(),
        f("readIops", Int).null().c(),
        f("root", Boolean).c(),
        f("size", String).or_str("40g").c(),
        f("writeIops", Int).null().c(),
    ]],
)
.methods(Methods::INPUT);
