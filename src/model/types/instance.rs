//! Containers and what their actions take and give.

use super::launch::CONTAINER_FIELDS;
use super::prelude::*;

/// Every type of this file.
pub const TYPES: &[&Type] = &[
    &INSTANCE,
    &CONTAINER,
    &INSTANCE_STOP,
    &CONTAINER_EXEC,
    &CONTAINER_LOGS,
    &HOST_ACCESS,
    &STATS_ACCESS,
    &CONTAINER_PROXY,
];

/// States of `instance`.
pub const INSTANCE_LIFECYCLE: Lifecycle = Lifecycle::new(
    "instance",
    &[
        t("create", &["requested"], "creating", "stopped"),
        t("start", &["stopped", "creating"], "starting", "running"),
        t("error", &["creating", "stopped"], "erroring", "error"),
        PURGE,
        t(
            "remove",
            &[
                "requested",
                "creating",
                "updating-running",
                "updating-stopped",
                "stopped",
                "erroring",
                "error",
            ],
            "removing",
            "removed",
        ),
        t("restart", &["running"], "restarting", "running"),
        t(
            "stop",
            &[
                "creating",
                "running",
                "starting",
                "restarting",
                "updating-running",
                "updating-stopped",
            ],
            "stopping",
            "stopped",
        ),
        each(
            "update",
            &[
                ("stopped", "updating-stopped", "stopped"),
                ("running", "updating-running", "running"),
            ],
        ),
    ],
);

/// `instance`.
pub const INSTANCE: Type = Type::resource(
    "instance",
    "instances",
    &INSTANCE_LIFECYCLE,
    &[
        STANDARD,
        &[
            f("allocationState", String).null().max_len(255).r_by(Super),
            f("compute", Int).null().r_by(Super),
            f("count", Int).null().r_by(Super).input_only(),
            f("createIndex", Int).null().r_by(Super),
            f("credentialIds", Array(&Reference("credential"))).null().r_by(Super).input_only(),
            f("deploymentUnitUuid", String).null().max_len(128).r_by(Super).indexed(),
            f("dnsInternal", String).null().max_len(255).r_by(Super),
            f("dnsSearchInternal", String).null().max_len(255).r_by(Super),
            f("domain", String).null().max_len(128).r_by(Super),
            f("expose", Array(&String)).null().r_by(Super),
            f("externalId", String).null().max_len(128).indexed(),
            f("firstRunning", Date).null().r_by(Super),
            f("healthState", String).null().max_len(128).r_by(Super),
            f("healthUpdated", Date).null().r_by(Super),
            f("hostId", Reference("host")).null(),
            f("hostname", String).null().max_len(255).r_by(Super),
            f("imageUuid", String).null().r_by(Super),
            f("instanceTriggeredStop", Enum)
                .null()
                .or_str("stop")
                .options(&["stop", "remove"])
                .r_by(Super),
            f("memoryMb", Int).null().r_by(Super),
            f("memoryReservation", Int).null().r_by(Super),
            f("milliCpuReservation", Int).null().r_by(Super),
            f("mounts", Array(&Object("mount"))).r_by(Super),
            f("nativeContainer", Boolean).r_by(Super),
            f("networkContainerId", Reference("instance")).null().r_by(Super),
            f("networkIds", Array(&Reference("network"))).null().r_by(Super).input_only(),
            f("ports", Array(&String)).null().r_by(Super),
            f("primaryIpAddress", String).r_by(Super),
            f("registryCredentialId", Reference("credential")).null().r_by(Super),
            f("requestedHostId", Reference("host")).null().r_by(Super),
            f("requestedIpAddress", String).null().r_by(Super),
            f("serviceId", Reference("service")).null().r_by(Super),
            f("serviceIds", Array(&Reference("service"))).null().r_by(Super),
            f("serviceIndex", String).null().r_by(Super),
            f("stackId", Reference("stack")).null().r_by(Super),
            f("startCount", Int).null().r_by(Super),
            f("startOnCreate", Boolean).or_bool(true).r_by(Super),
            f("system", Boolean).or_bool(false).r_by(Super),
            f("token", String).null().max_len(255).r_by(Super),
            f("userdata", String).null().max_len(65535).r_by(Super),
            f("version", String).null().max_len(255).r_by(Super),
            f("volumeDriver", String).null().r_by(Super),
        ],
    ],
)
.methods(Methods::READ)
.actions(&[
    Action::new("allocate", "instance"),
    Action::new("create", "instance"),
    Action::new("deallocate", "instance"),
    Action::new("error", "instance"),
    Action::new("purge", "instance"),
    Action::new("remove", "instance"),
    Action::new("restart", "instance"),
    Action::new("start", "instance"),
    Action::new("stop", "instance").input("instanceStop"),
    Action::new("update", "instance"),
    Action::new("updatehealthy", "instance"),
    Action::new("updatereinitializing", "instance"),
    Action::new("updateunhealthy", "instance"),
])
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Child { name: "instances", of: "instance", field: "networkContainerId" },
    Link::Child { name: "mounts", of: "mount", field: "instanceId" },
    Link::Ref { name: "networkContainer", field: "networkContainerId", to: "instance" },
    Link::Child { name: "ports", of: "port", field: "instanceId" },
    Link::Ref { name: "registryCredential", field: "registryCredentialId", to: "credential" },
    Link::Ref { name: "service", field: "serviceId", to: "service" },
    Link::Child { name: "serviceExposeMaps", of: "serviceExposeMap", field: "instanceId" },
    Link::Child { name: "serviceLogs", of: "serviceLog", field: "instanceId" },
    Link::Map {
        name: "services",
        through: "serviceExposeMap",
        here: "instanceId",
        there: "serviceId",
        to: "service",
    },
    Link::Ref { name: "stack", field: "stackId", to: "stack" },
    Link::Child { name: "volumes", of: "volume", field: "instanceId" },
]);

/// `container`.
pub const CONTAINER: Type = Type::resource(
    "container",
    "containers",
    &INSTANCE_LIFECYCLE,
    &[
        CONTAINER_FIELDS,
        &[
            f("memoryMb", Int).null().r_by(Super),
            f("name", String).null().unique().max_len(255).cu(),
            f("ports", Array(&String)).null().c(),
            f("requestedIpAddress", String).null().r_by(Super),
            f("restartPolicy", Object("restartPolicy")).null().c(),
            f("userdata", String).null().max_len(65535).r_by(Super),
            f("kind", String).null().max_len(255),
        ],
    ],
)
.child_of("instance")
.actions(&[
    Action::new("allocate", "instance"),
    Action::new("create", "instance"),
    Action::new("deallocate", "instance"),
    Action::new("error", "instance"),
    Action::new("execute", "hostAccess").input("containerExec").states(&["running"]),
    Action::new("logs", "hostAccess")
        .input("containerLogs")
        .states(&["running", "stopped", "stopping"]),
    Action::new("purge", "instance"),
    Action::new("remove", "instance"),
    Action::new("restart", "instance"),
    Action::new("start", "instance"),
    Action::new("stop", "instance").input("instanceStop"),
    Action::new("update", "instance"),
    Action::new("updatehealthy", "instance"),
    Action::new("updatereinitializing", "instance"),
    Action::new("updateunhealthy", "instance"),
])
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Computed { name: "containerStats" },
    Link::Child { name: "instances", of: "instance", field: "networkContainerId" },
    Link::Child { name: "mounts", of: "mount", field: "instanceId" },
    Link::Ref { name: "networkContainer", field: "networkContainerId", to: "instance" },
    Link::Child { name: "ports", of: "port", field: "instanceId" },
    Link::Ref { name: "service", field: "serviceId", to: "service" },
    Link::Child { name: "serviceExposeMaps", of: "serviceExposeMap", field: "instanceId" },
    Link::Child { name: "serviceLogs", of: "serviceLog", field: "instanceId" },
    Link::Map {
        name: "services",
        through: "serviceExposeMap",
        here: "instanceId",
        there: "serviceId",
        to: "service",
    },
    Link::Ref { name: "stack", field: "stackId", to: "stack" },
    Link::Child { name: "volumes", of: "volume", field: "instanceId" },
]);

/// `instanceStop`.
pub const INSTANCE_STOP: Type = Type::value(
    "instanceStop",
    "instanceStops",
    &[&[f("remove", Boolean).c(), f("timeout", Int).c()]],
);

/// `containerExec`.
pub const CONTAINER_EXEC: Type = Type::value(
    "containerExec",
    "containerExecs",
    &[&[
        f("attachStdin", Boolean).or_bool(true).c(),
        f("attachStdout", Boolean).or_bool(true).c(),
        f("command", Array(&String)).required().c(),
        f("tty", Boolean).or_bool(true).c(),
    ]],
);

/// `containerLogs`.
pub const CONTAINER_LOGS: Type = Type::value(
    "containerLogs",
    "containerLogses",
    &[&[
        f("follow", Boolean).or_bool(true).c(),
        f("lines", Int).null().or_int(100).min(0).c(),
        f("since", String).c(),
        f("timestamps", Boolean).null().or_bool(true).c(),
    ]],
);

/// `hostAccess`.
pub const HOST_ACCESS: Type =
    Type::value("hostAccess", "hostAccesses", &[&[f("token", String), f("url", String)]]);

/// `statsAccess`.
pub const STATS_ACCESS: Type =
    Type::value("statsAccess", "statsAccesses", &[&[f("token", String), f("url", String)]]);

/// `containerProxy`.
pub const CONTAINER_PROXY: Type = Type::value(
    "containerProxy",
    "containerProxys",
    &[&[
        f("port", Int).null().or_int(80).min(0).c(),
        f("scheme", Enum).or_str("http").options(&["http", "https"]).c(),
    ]],
);
