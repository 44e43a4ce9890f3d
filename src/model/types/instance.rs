//! Containers and what their actions take and give.

use super::prelude::*;

/// Every type of this file.
pub const TYPES: &[&Type] = &[
    &INSTANCE,
    &CONTAINER,
    &VIRTUAL_MACHINE,
    &INSTANCE_HOST_MAP,
    &INSTANCE_LABEL_MAP,
    &INSTANCE_LINK,
];

/// States of `instance`.
pub const INSTANCE_LIFECYCLE: Lifecycle = Lifecycle::new(
    "instance",
    &[
        t("create", &["requested"], "creating", "stopped"),
        each(
            "update",
            &[
                ("stopped", "updating-stopped", "stopped"),
                ("running", "updating-running", "running"),
            ],
        ),
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
        PURGE,
        t("error", &["creating", "stopped"], "erroring", "error"),
        t("migrate", &["running"], "migrating", "running"),
        t("restart", &["running"], "restarting", "running"),
        t("start", &["stopped", "creating"], "starting", "running"),
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
            f("agentId", Reference("agent")).null().max_len(255).r_by(Super),
            f("allocationState", String).null().max_len(255).r_by(Super),
            f("compute", Int).null().max_len(255).r_by(Super),
            f("count", Int).null().r_by(Super).input_only(),
            f("createIndex", Int).null().max_len(255).r_by(Super),
            f("credentialIds", Array(&Reference("credential"))).null().r_by(Super).input_only(),
            f("deploymentUnitUuid", String).null().max_len(128).r_by(Super).indexed(),
            f("dnsInternal", String).null().max_len(255).r_by(Super),
            f("dnsSearchInternal", String).null().max_len(255).r_by(Super),
            f("domain", String).null().max_len(128).r_by(Super),
            f("expose", Array(&String)).null().r_by(Super),
            f("externalId", String).null().max_len(128).indexed(),
            f("firstRunning", Date).null().max_len(255).r_by(Super),
            f("healthState", String).null().max_len(128).r_by(Super),
            f("healthUpdated", Date).null().max_len(255).r_by(Super),
            f("hostId", Reference("host")).null(),
            f("hostname", String).null().max_len(255).r_by(Super),
            f("imageId", Reference("image")).null().max_len(255).r_by(Super),
            f("imageUuid", String).null().r_by(Super),
            f("instanceTriggeredStop", Enum)
                .null()
                .or_str("stop")
                .options(&["stop", "remove"])
                .max_len(128)
                .r_by(Super),
            f("memoryMb", Int).null().max_len(255).r_by(Super),
            f("memoryReservation", Int).null().max_len(255).r_by(Super),
            f("milliCpuReservation", Int).null().max_len(255).r_by(Super),
            f("mounts", Array(&Object("mount"))).r_by(Super),
            f("nativeContainer", Boolean).max_len(255).r_by(Super),
            f("networkContainerId", Reference("instance")).null().max_len(255).r_by(Super),
            f("networkIds", Array(&Reference("network"))).null().r_by(Super).input_only(),
            f("ports", Array(&String)).null().r_by(Super),
            f("primaryIpAddress", String).r_by(Super),
            f("registryCredentialId", Reference("credential")).null().max_len(255).r_by(Super),
            f("requestedHostId", Reference("host")).null().r_by(Super),
            f("requestedIpAddress", String).null().r_by(Super),
            f("serviceId", Reference("service")).null().max_len(255).r_by(Super),
            f("serviceIds", Array(&Reference("service"))).null().r_by(Super),
            f("serviceIndex", String).null().r_by(Super),
            f("serviceIndexId", Reference("serviceIndex")).null().max_len(255).r_by(Super),
            f("stackId", Reference("stack")).null().max_len(255).r_by(Super),
            f("startCount", Int).null().max_len(255).r_by(Super),
            f("startOnCreate", Boolean).or_bool(true).r_by(Super),
            f("system", Boolean).or_bool(false).max_len(255).r_by(Super),
            f("token", String).null().max_len(255).r_by(Super),
            f("userdata", String).null().max_len(65535).r_by(Super),
            f("version", String).null().max_len(255).r_by(Super),
            f("volumeDriver", String).null().r_by(Super),
            f("zoneId", Reference("zone")).null().max_len(255).r_by(Super),
        ],
    ],
)
.methods(Methods::READ)
.actions(&[
    Action::new("allocate", "instance"),
    Action::new("console", "instanceConsole").input("instanceConsoleInput").states(&["running"]),
    Action::new("create", "instance"),
    Action::new("deallocate", "instance"),
    Action::new("error", "instance"),
    Action::new("migrate", "instance"),
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
.links(super::launch::LAUNCH_CONFIG_LINKS);

/// What is done with a `container`, and with what shares it.
pub const CONTAINER_ACTIONS: &[Action] = &[
    Action::new("allocate", "instance"),
    Action::new("console", "instanceConsole").input("instanceConsoleInput").states(&["running"]),
    Action::new("create", "instance"),
    Action::new("deallocate", "instance"),
    Action::new("error", "instance"),
    Action::new("execute", "hostAccess").input("containerExec").states(&["running"]),
    Action::new("logs", "hostAccess")
        .input("containerLogs")
        .states(&["running", "stopped", "stopping"]),
    Action::new("migrate", "instance"),
    Action::new("proxy", "hostAccess").input("containerProxy").states(&["running"]),
    Action::new("purge", "instance"),
    Action::new("remove", "instance"),
    Action::new("restart", "instance"),
    Action::new("start", "instance"),
    Action::new("stop", "instance").input("instanceStop"),
    Action::new("update", "instance"),
    Action::new("updatehealthy", "instance"),
    Action::new("updatereinitializing", "instance"),
    Action::new("updateunhealthy", "instance"),
];

/// Where a `container` leads, and what shares it.
pub const CONTAINER_LINKS: &[Link] = &[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Ref { name: "agent", field: "agentId", to: "agent" },
    Link::Computed { name: "containerStats" },
    Link::Child {
        name: "credentialInstanceMaps",
        of: "credentialInstanceMap",
        field: "instanceId",
    },
    Link::Map {
        name: "credentials",
        through: "credentialInstanceMap",
        here: "instanceId",
        there: "credentialId",
        to: "credential",
    },
    Link::Child {
        name: "healthcheckInstanceHostMaps",
        of: "healthcheckInstanceHostMap",
        field: "instanceId",
    },
    Link::Child { name: "healthcheckInstances", of: "healthcheckInstance", field: "instanceId" },
    Link::Many { name: "hosts", field: "hostId", to: "host" },
    Link::Ref { name: "image", field: "imageId", to: "image" },
    Link::Child { name: "instanceHostMaps", of: "instanceHostMap", field: "instanceId" },
    Link::Child { name: "instanceLabelMaps", of: "instanceLabelMap", field: "instanceId" },
    Link::Map {
        name: "instanceLabels",
        through: "instanceLabelMap",
        here: "instanceId",
        there: "labelId",
        to: "label",
    },
    Link::Child { name: "instanceLinks", of: "instanceLink", field: "instanceId" },
    Link::Child { name: "instances", of: "instance", field: "networkContainerId" },
    Link::Child { name: "mounts", of: "mount", field: "instanceId" },
    Link::Ref { name: "networkContainer", field: "networkContainerId", to: "instance" },
    Link::Child { name: "nics", of: "nic", field: "instanceId" },
    Link::Child { name: "ports", of: "port", field: "instanceId" },
    Link::Ref { name: "registryCredential", field: "registryCredentialId", to: "credential" },
    Link::Ref { name: "service", field: "serviceId", to: "service" },
    Link::Child { name: "serviceEvents", of: "serviceEvent", field: "instanceId" },
    Link::Child { name: "serviceExposeMaps", of: "serviceExposeMap", field: "instanceId" },
    Link::Ref { name: "serviceIndex", field: "serviceIndexId", to: "serviceIndex" },
    Link::Child { name: "serviceLogs", of: "serviceLog", field: "instanceId" },
    Link::Map {
        name: "services",
        through: "serviceExposeMap",
        here: "instanceId",
        there: "serviceId",
        to: "service",
    },
    Link::Ref { name: "stack", field: "stackId", to: "stack" },
    Link::Computed { name: "stats" },
    Link::Child { name: "targetInstanceLinks", of: "instanceLink", field: "targetInstanceId" },
    Link::Child { name: "volumes", of: "volume", field: "instanceId" },
    Link::Ref { name: "zone", field: "zoneId", to: "zone" },
];

/// `container`.
pub const CONTAINER: Type = Type::resource(
    "container",
    "containers",
    &INSTANCE_LIFECYCLE,
    &[
        super::launch::COMPUTER_FIELDS,
        super::launch::CONTAINER_FIELDS,
        &[
            f("kind", String).null().max_len(255),
            f("memoryMb", Int).null().max_len(255).r_by(Super),
            f("name", String).null().unique().max_len(255).cu(),
            f("ports", Array(&String)).null().c(),
            f("requestedIpAddress", String).null().r_by(Super),
            f("restartPolicy", Object("restartPolicy")).null().c(),
            f("userdata", String).null().max_len(65535).r_by(Super),
        ],
    ],
)
.child_of("instance")
.methods(Methods::INSIDE)
.actions(CONTAINER_ACTIONS)
.links(CONTAINER_LINKS);

/// `virtualMachine`.
pub const VIRTUAL_MACHINE: Type = Type::resource(
    "virtualMachine",
    "virtualMachines",
    &INSTANCE_LIFECYCLE,
    &[
        super::launch::COMPUTER_FIELDS,
        &[
            f("build", Object("dockerBuild")).null().r_by(Super),
            f("capAdd", Array(&Enum)).null().options(CAPABILITIES).r_by(Super),
            f("capDrop", Array(&Enum)).null().options(CAPABILITIES).r_by(Super),
            f("capabilities", Array(&String)).null().r_by(Super),
            f("dataVolumeMounts", Map(&Reference("volume"))).null().r_by(Super),
            f("dataVolumes", Array(&String)).null().r_by(Super),
            f("dataVolumesFrom", Array(&Reference("container"))).null().r_by(Super),
            f("devices", Array(&String)).null().r_by(Super),
            f("disks", Array(&Object("virtualMachineDisk"))).null().c(),
            f("entryPoint", Array(&String)).null().r_by(Super),
            f("environment", Map(&String)).r_by(Super),
            f("kind", String).null().max_len(255),
            f("lxcConf", Map(&String)).null().r_by(Super),
            f("memoryMb", Int).null().or_int(512).max_len(255).c(),
            f("name", String).null().unique().max_len(255).cu(),
            f("networkContainerId", Reference("container")).null().max_len(255).r_by(Super),
            f("pidMode", Enum).null().options(&["host"]).r_by(Super),
            f("ports", Array(&String)).null().c(),
            f("privileged", Boolean).or_bool(false).r_by(Super),
            f("publishAllPorts", Boolean).or_bool(false).r_by(Super),
            f("readOnly", Boolean).or_bool(false).r_by(Super),
            f("requestedIpAddress", String).null().r_by(Super),
            f("restartPolicy", Object("restartPolicy")).null().c(),
            f("secrets", Array(&Object("secretReference"))).r_by(Super),
            f("stdinOpen", Boolean).or_bool(false).r_by(Super),
            f("tty", Boolean).or_bool(false).r_by(Super),
            f("user", String).null().min_len(1).r_by(Super),
            f("userdata", String).null().max_len(65535).c(),
            f("vcpu", Int).null().or_int(1).c(),
            f("workingDir", String).null().min_len(1).r_by(Super),
        ],
    ],
)
.child_of("container")
.methods(Methods::INSIDE)
.actions(CONTAINER_ACTIONS)
.links(CONTAINER_LINKS);

/// States of `instanceHostMap`.
pub const INSTANCE_HOST_MAP_LIFECYCLE: Lifecycle = Lifecycle::standard("instancehostmap");

/// `instanceHostMap`.
pub const INSTANCE_HOST_MAP: Type = Type::computed(
    "instanceHostMap",
    "instanceHostMaps",
    "instanceHostMaps",
    &[&[
        f("created", Date).null().max_len(255).r_by(Super),
        f("data", Map(&Json)).null().max_len(16777215).r_by(Super),
        f("description", String).null().max_len(1024).r_by(Super),
        f("hostId", Reference("host")).null().max_len(255).r_by(Super),
        f("id", Int).null().r_by(Super),
        f("instanceId", Reference("instance")).null().max_len(255).r_by(Super),
        f("kind", String).null().max_len(255).r_by(Super),
        f("name", String).null().max_len(255).r_by(Super),
        f("removeTime", Date).null().max_len(255).r_by(Super),
        f("removed", Date).null().max_len(255).r_by(Super),
        f("state", Enum).max_len(128).r_by(Super),
        f("transitioning", Enum).options(&["yes", "no", "error"]).r_by(Super),
        f("transitioningMessage", String).null().r_by(Super),
        f("transitioningProgress", Int).null().r_by(Super),
        f("uuid", String).null().max_len(128).r_by(Super),
    ]],
)
.states_of(&INSTANCE_HOST_MAP_LIFECYCLE)
.for_audience(Super)
.methods(Methods { list: Super, get: Super, ..Methods::NONE })
.actions(&[
    Action::new("activate", "instanceHostMap").by(Super),
    Action::new("create", "instanceHostMap").by(Super),
    Action::new("deactivate", "instanceHostMap").by(Super),
    Action::new("purge", "instanceHostMap").by(Super),
    Action::new("remove", "instanceHostMap").by(Super),
    Action::new("update", "instanceHostMap").by(Super),
])
.links(&[
    Link::Ref { name: "host", field: "hostId", to: "host" },
    Link::Ref { name: "instance", field: "instanceId", to: "instance" },
]);

/// States of `instanceLabelMap`.
pub const INSTANCE_LABEL_MAP_LIFECYCLE: Lifecycle = Lifecycle::new(
    "instancelabelmap",
    &[
        t("create", &["requested"], "creating", "created"),
        t("remove", &["created", "creating"], "removing", "removed"),
    ],
);

/// `instanceLabelMap`.
pub const INSTANCE_LABEL_MAP: Type = Type::computed(
    "instanceLabelMap",
    "instanceLabelMaps",
    "instanceLabelMaps",
    &[&[
        f("accountId", Reference("account")).null().max_len(255).r_by(Super),
        f("created", Date).null().max_len(255).r_by(Super),
        f("data", Map(&Json)).null().max_len(16777215).r_by(Super),
        f("description", String).null().max_len(1024).r_by(Super),
        f("id", Int).null().r_by(Super),
        f("instanceId", Reference("instance")).null().max_len(255).r_by(Super),
        f("kind", String).null().max_len(255).r_by(Super),
        f("labelId", Reference("label")).null().max_len(255).r_by(Super),
        f("name", String).null().max_len(255).r_by(Super),
        f("removeTime", Date).null().max_len(255).r_by(Super),
        f("removed", Date).null().max_len(255).r_by(Super),
        f("state", Enum).max_len(128).r_by(Super),
        f("transitioning", Enum).options(&["yes", "no", "error"]).r_by(Super),
        f("transitioningMessage", String).null().r_by(Super),
        f("transitioningProgress", Int).null().r_by(Super),
        f("uuid", String).null().max_len(128).r_by(Super),
    ]],
)
.states_of(&INSTANCE_LABEL_MAP_LIFECYCLE)
.for_audience(Super)
.methods(Methods { list: Super, get: Super, ..Methods::NONE })
.actions(&[
    Action::new("create", "instanceLabelMap").by(Super),
    Action::new("remove", "instanceLabelMap").by(Super),
])
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Ref { name: "instance", field: "instanceId", to: "instance" },
    Link::Ref { name: "label", field: "labelId", to: "label" },
]);

/// States of `instanceLink`.
pub const INSTANCE_LINK_LIFECYCLE: Lifecycle = Lifecycle::standard("instancelink");

/// `instanceLink`.
pub const INSTANCE_LINK: Type = Type::resource(
    "instanceLink",
    "instanceLinks",
    &INSTANCE_LINK_LIFECYCLE,
    &[
        STANDARD,
        &[
            f("instanceId", Reference("instance")).null().max_len(255),
            f("instanceNames", Array(&String)).r_by(Super),
            f("linkName", String).null().max_len(255),
            f("ports", Array(&Json)).r_by(Admin),
            f("serviceConsumeMapId", Reference("serviceConsumeMap"))
                .null()
                .max_len(255)
                .r_by(Super),
            f("targetInstanceId", Reference("instance")).null().max_len(255).u().schedules(),
        ],
    ],
)
.methods(Methods { update: Inside, ..Methods::READ })
.actions(&standard_actions("instanceLink"))
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Ref { name: "instance", field: "instanceId", to: "instance" },
    Link::Ref { name: "serviceConsumeMap", field: "serviceConsumeMapId", to: "serviceConsumeMap" },
    Link::Ref { name: "targetInstance", field: "targetInstanceId", to: "instance" },
]);
