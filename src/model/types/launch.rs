//! Launch configurations: what a service makes its containers from.

use super::prelude::*;

/// Every type of this file.
pub const TYPES: &[&Type] = &[&LAUNCH_CONFIG, &SECONDARY_LAUNCH_CONFIG];

/// Fields of containers and virtual machines, and of every configuration that they are made from.
pub const COMPUTER_FIELDS: &[Field] = &[
    f("accountId", Reference("account")).null().max_len(255),
    f("agentId", Reference("agent")).null().max_len(255).r_by(Admin),
    f("allocationState", String).null().max_len(255).r_by(Admin),
    f("blkioDeviceOptions", Map(&Object("blkioDeviceOption"))).null().c(),
    f("blkioWeight", Int).null().c(),
    f("cgroupParent", String).null().c(),
    f("command", Array(&String)).null().c(),
    f("compute", Int).null().max_len(255).r_by(Super),
    f("count", Int).null().c().input_only(),
    f("cpuCount", Int).null().c(),
    f("cpuPercent", Int).null().c(),
    f("cpuPeriod", Int).null().c(),
    f("cpuQuota", Int).null().c(),
    f("cpuRealtimePeriod", Int).null().c(),
    f("cpuRealtimeRuntime", Int).null().c(),
    f("cpuSet", String).null().c(),
    f("cpuSetMems", String).null().c(),
    f("cpuShares", Int).null().c(),
    f("createIndex", Int).null().max_len(255),
    f("created", Date).null().max_len(255),
    f("credentialIds", Array(&Reference("credential"))).null().r_by(Super).input_only(),
    f("data", Map(&Json)).null().max_len(16777215).r_by(Admin),
    f("deploymentUnitUuid", String).null().max_len(128).indexed(),
    f("description", String).null().max_len(1024).cu(),
    f("diskQuota", Int).null().c(),
    f("dns", Array(&String)).null().c(),
    f("dnsInternal", String).null().max_len(255).r_by(Super),
    f("dnsOpt", Array(&String)).null().c(),
    f("dnsSearch", Array(&String)).null().c(),
    f("dnsSearchInternal", String).null().max_len(255).r_by(Super),
    f("dockerHostIp", String).r_by(Super),
    f("dockerIp", String).r_by(Super),
    f("dockerPorts", Map(&String)).r_by(Super),
    f("domain", String).null().max_len(128).r_by(Super),
    f("domainName", String).null().c(),
    f("expose", Array(&String)).null().c(),
    f("externalId", String).null().max_len(128).indexed(),
    f("extraHosts", Array(&String)).null().c(),
    f("firstRunning", Date).null().max_len(255),
    f("groupAdd", Array(&String)).null().c(),
    f("healthCheck", Object("instanceHealthCheck")).null().c(),
    f("healthCmd", Array(&String)).null().c(),
    f("healthInterval", Int).null().c(),
    f("healthRetries", Int).null().c(),
    f("healthState", Enum)
        .null()
        .options(&[
            "healthy",
            "unhealthy",
            "updating-healthy",
            "updating-unhealthy",
            "initializing",
        ])
        .max_len(128),
    f("healthTimeout", Int).null().c(),
    f("healthUpdated", Date).null().max_len(255).r_by(Super),
    f("hostId", Reference("host")).null(),
    f("hostname", String).null().min_len(1).max_len(255).c(),
    f("id", Int).null(),
    f("imageId", Reference("image")).null().max_len(255).r_by(Super),
    f("imageUuid", String).null().c(),
    f("instanceLinks", Map(&Reference("instance"))).null().c().input_only(),
    f("instanceTriggeredStop", Enum)
        .null()
        .or_str("stop")
        .options(&["stop", "remove"])
        .max_len(128)
        .c(),
    f("ioMaximumBandwidth", Int).null().c(),
    f("ioMaximumIOps", Int).null().c(),
    f("ip", String).null().c(),
    f("ip6", String).null().c(),
    f("ipcMode", String).null().c(),
    f("isolation", String).null().c(),
    f("kernelMemory", Int).null().c(),
    f("labels", Map(&String)).c(),
    f("logConfig", Object("logConfig")).null().c(),
    f("memory", Int).null().c(),
    f("memoryReservation", Int).null().max_len(255).c(),
    f("memorySwap", Int).null().c(),
    f("memorySwappiness", Int).null().c(),
    f("milliCpuReservation", Int).null().max_len(255).c(),
    f("mounts", Array(&Object("mountEntry"))),
    f("nativeContainer", Boolean).max_len(255),
    f("netAlias", Array(&String)).null().c(),
    f("networkIds", Array(&Reference("network"))).null().c().input_only(),
    f("networkMode", String).null().or_str("managed").c(),
    f("oomKillDisable", Boolean).null().c(),
    f("oomScoreAdj", Int).null().c(),
    f("pidsLimit", Int).null().c(),
    f("primaryIpAddress", String),
    f("primaryNetworkId", Reference("network")),
    f("registryCredentialId", Reference("registryCredential")).null().max_len(255).c(),
    f("removeTime", Date).null().max_len(255).r_by(Admin),
    f("removed", Date).null().max_len(255),
    f("requestedHostId", Reference("host")).null().c(),
    f("runInit", Boolean).or_bool(false).c(),
    f("securityOpt", Array(&String)).null().c(),
    f("serviceId", Reference("service")).null().max_len(255),
    f("serviceIds", Array(&Reference("service"))).null(),
    f("serviceIndex", String).null().r_by(Super),
    f("serviceIndexId", Reference("serviceIndex")).null().max_len(255).r_by(Super),
    f("shmSize", Int).null().c(),
    f("stackId", Reference("stack")).null().max_len(255).c(),
    f("startCount", Int).null().max_len(255),
    f("startOnCreate", Boolean).or_bool(true).c(),
    f("state", Enum).max_len(128),
    f("stopSignal", String).null().c(),
    f("stopTimeout", Int).null().c(),
    f("storageOpt", Map(&String)).null().c(),
    f("sysctls", Map(&String)).null().c(),
    f("system", Boolean).or_bool(false).max_len(255),
    f("tmpfs", Map(&String)).null().c(),
    f("token", String).null().max_len(255).r_by(Admin),
    f("transitioning", Enum).options(&["yes", "no", "error"]),
    f("transitioningMessage", String).null(),
    f("transitioningProgress", Int).null(),
    f("ulimits", Array(&Object("ulimit"))).null().c(),
    f("userPorts", Array(&String)).null(),
    f("usernsMode", String).null().c(),
    f("uts", String).null().c(),
    f("uuid", String).null().max_len(128),
    f("version", String).or_str("0").max_len(255),
    f("volumeDriver", String).null().c(),
    f("zoneId", Reference("zone")).null().max_len(255).r_by(Super),
];

/// Fields of a container, and of every configuration that containers are made from.
pub const CONTAINER_FIELDS: &[Field] = &[
    f("build", Object("dockerBuild")).null().c(),
    f("capAdd", Array(&Enum)).null().options(CAPABILITIES).c(),
    f("capDrop", Array(&Enum)).null().options(CAPABILITIES).c(),
    f("dataVolumeMounts", Map(&Reference("volume"))).null().c(),
    f("dataVolumes", Array(&String)).null().c(),
    f("dataVolumesFrom", Array(&Reference("container"))).null().c(),
    f("devices", Array(&String)).null().c(),
    f("entryPoint", Array(&String)).null().c(),
    f("environment", Map(&String)).c(),
    f("lxcConf", Map(&String)).null().c(),
    f("networkContainerId", Reference("container")).null().max_len(255).c(),
    f("pidMode", Enum).null().options(&["host"]).c(),
    f("privileged", Boolean).or_bool(false).c(),
    f("publishAllPorts", Boolean).or_bool(false).c(),
    f("readOnly", Boolean).or_bool(false).c(),
    f("secrets", Array(&Object("secretReference"))).c(),
    f("stdinOpen", Boolean).or_bool(false).c(),
    f("tty", Boolean).or_bool(false).c(),
    f("user", String).null().min_len(1).c(),
    f("workingDir", String).null().min_len(1).c(),
];

/// Fields of every launch configuration that a container has in another way or not at all.
const CONFIG_FIELDS: &[Field] = &[
    f("dataVolumesFromLaunchConfigs", Array(&String)).null().c(),
    f("disks", Array(&Object("virtualMachineDisk"))).null().c(),
    f("kind", Enum)
        .null()
        .or_str("container")
        .options(&["container", "virtualMachine"])
        .max_len(255)
        .c(),
    f("memoryMb", Int).null().max_len(255).c(),
    f("networkLaunchConfig", String).null().c(),
    f("ports", Array(&String)).null().cu(),
    f("requestedIpAddress", String).null().c(),
    f("restartPolicy", Object("restartPolicy")).null().r_by(Super),
    f("userdata", String).null().max_len(65535).c(),
    f("vcpu", Int).null().or_int(1).c(),
];

/// What is done with a `launchConfig`, and with what shares it.
pub const LAUNCH_CONFIG_ACTIONS: &[Action] = &[
    Action::new("allocate", "instance"),
    Action::new("console", "instanceConsole").input("instanceConsoleInput").states(&["running"]),
    Action::new("create", "instance"),
    Action::new("deallocate", "instance"),
    Action::new("error", "instance"),
    Action::new("execute", "hostAccess").input("containerExec").states(&["running"]),
    Action::new("logs", "hostAccess")
        .input("containerLogs")
        .states(&["running", "stopped", "stopping"])
        .by(Super),
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

/// Where a `launchConfig` leads, and what shares it.
pub const LAUNCH_CONFIG_LINKS: &[Link] = &[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Ref { name: "agent", field: "agentId", to: "agent" },
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
    Link::Child { name: "targetInstanceLinks", of: "instanceLink", field: "targetInstanceId" },
    Link::Child { name: "volumes", of: "volume", field: "instanceId" },
    Link::Ref { name: "zone", field: "zoneId", to: "zone" },
];

/// `launchConfig`.
pub const LAUNCH_CONFIG: Type = Type::value(
    "launchConfig",
    "launchConfigs",
    &[
        COMPUTER_FIELDS,
        CONTAINER_FIELDS,
        CONFIG_FIELDS,
        &[
            f("drainTimeoutMs", Int).or_int(0).cu(),
            f("name", String).null().unique().max_len(255).r_by(Super),
        ],
    ],
)
.states_of(&super::instance::INSTANCE_LIFECYCLE)
.child_of("container")
.methods(Methods { create: Everyone, update: Everyone, ..Methods::VALUE })
.actions(LAUNCH_CONFIG_ACTIONS)
.links(LAUNCH_CONFIG_LINKS);

/// `secondaryLaunchConfig`.
pub const SECONDARY_LAUNCH_CONFIG: Type = Type::value(
    "secondaryLaunchConfig",
    "secondaryLaunchConfigs",
    &[
        COMPUTER_FIELDS,
        CONTAINER_FIELDS,
        CONFIG_FIELDS,
        &[
            f("drainTimeoutMs", Int).or_int(0).r_by(Super),
            f("name", String).required().unique().min_len(1).max_len(63).chars("a-zA-Z0-9-").c(),
        ],
    ],
)
.states_of(&super::instance::INSTANCE_LIFECYCLE)
.child_of("launchConfig")
.methods(Methods { create: Everyone, update: Inside, ..Methods::VALUE })
.actions(LAUNCH_CONFIG_ACTIONS)
.links(LAUNCH_CONFIG_LINKS);
