//! Rancher 1.0's words: what `/v1` calls otherwise, lacks, and has besides.
//!
//! Stacks and services of `/v1` show their `/v2-beta` data (as in Rancher, which rerouted them), and only
//! their schemas are the old ones.

use super::{Dialect, Version, Words, same};
use crate::model::audience::Audience;
use crate::model::schema::{Field, Kind};

const fn f(name: &'static str, kind: Kind) -> Field {
    Field::new(name, kind)
}

/// Fields of containers and launch configurations that `/v1` does not have.
const NEWER_CONTAINER_FIELDS: &[&str] = &[
    "blkioWeight",
    "cgroupParent",
    "cpuCount",
    "cpuPercent",
    "cpuPeriod",
    "cpuQuota",
    "cpuRealtimePeriod",
    "cpuRealtimeRuntime",
    "cpuSetMems",
    "diskQuota",
    "dnsOpt",
    "groupAdd",
    "healthCmd",
    "healthInterval",
    "healthRetries",
    "healthTimeout",
    "ioMaximumBandwidth",
    "ioMaximumIOps",
    "ip",
    "ip6",
    "ipcMode",
    "isolation",
    "kernelMemory",
    "memoryReservation",
    "memorySwappiness",
    "milliCpuReservation",
    "mounts",
    "netAlias",
    "oomKillDisable",
    "oomScoreAdj",
    "pidsLimit",
    "primaryNetworkId",
    "runInit",
    "secrets",
    "serviceId",
    "serviceIds",
    "shmSize",
    "stackId",
    "stopSignal",
    "stopTimeout",
    "storageOpt",
    "sysctls",
    "system",
    "tmpfs",
    "ulimits",
    "userPorts",
    "usernsMode",
    "uts",
];

/// Fields of containers and launch configurations that only `/v1` has.
const OLDER_CONTAINER_FIELDS: &[Field] = &[
    f("offeringId", Kind::Reference("offering")).null().max_len(255).r_by(Audience::Super),
    f("primaryAssociatedIpAddress", Kind::String).r_by(Audience::Super),
    f("subnetIds", Kind::Array(&Kind::Reference("subnet"))).null().r_by(Audience::Super),
    f("systemContainer", Kind::Enum)
        .null()
        .options(&["NetworkAgent", "LoadBalancerAgent"])
        .max_len(128),
    f("vnetIds", Kind::Array(&Kind::Reference("vnet"))).null().r_by(Audience::Super),
];

/// Fields of services that only the schemas of `/v2-beta` list.
const NEWER_SERVICE_FIELDS: &[&str] = &[
    "executionCount",
    "executionPeriodStart",
    "instanceIds",
    "lbConfig",
    "linkedServices",
    "serviceIndexStrategy",
    "skip",
    "stackId",
    "system",
];

/// The words of a kind of service.
const fn service(ty: &'static str, plural: &'static str) -> Words {
    Words {
        unlisted: NEWER_SERVICE_FIELDS,
        also: &[("environmentId", "stackId", "e")],
        links: &[("stack", "environment")],
        ..same(ty, plural, &[])
    }
}

/// The table.
pub static V1: Dialect = Dialect {
    version: Version::V1,
    hidden: &[
        "accountLink",
        "adoption",
        "balancerServiceConfig",
        "balancerTargetConfig",
        "binding",
        "catalogTemplate",
        "clusterMembership",
        "defaultNetwork",
        "deploymentUnit",
        "externalCredential",
        "hostTemplate",
        "lbConfig",
        "lbTargetConfig",
        "mountEntry",
        "networkDriver",
        "networkDriverService",
        "networkPolicyRule",
        "networkPolicyRuleAction",
        "networkPolicyRuleBetween",
        "networkPolicyRuleMember",
        "networkPolicyRuleWithin",
        "portRule",
        "processPool",
        "processSummary",
        "projectTemplate",
        "region",
        "scheduledUpgrade",
        "secret",
        "secretReference",
        "serviceBinding",
        "serviceLog",
        "stackBind",
        "stackDirectory",
        "stackDirectoryStatus",
        "stackFile",
        "stackFileList",
        "stackFileSave",
        "stackPlan",
        "storageDriver",
        "storageDriverService",
        "targetPortRule",
        "ulimit",
        "volumeActivateInput",
        "volumeTemplate",
    ],
    types: &[
        Words {
            links: &[("stacks", "environments")],
            ..same(
                "account",
                "accounts",
                &[
                    "createdStackIds",
                    "healthState",
                    "projectTemplateId",
                    "revision",
                    "scheduledUpgradeDelayMinutes",
                    "startedStackIds",
                    "version",
                ],
            )
        },
        Words {
            extra: &[f("agentGroupId", Kind::Reference("agentGroup"))
                .null()
                .max_len(255)
                .r_by(Audience::Super)],
            ..same(
                "agent",
                "agents",
                &[
                    "activateOnCreate",
                    "agentResourcesAccountId",
                    "authorizedRoleAccountIds",
                    "externalCredentials",
                    "externalId",
                    "labels",
                    "publicValue",
                    "secretValue",
                ],
            )
        },
        same("authToken", "authTokens", &["authenticatedAsAccountId"]),
        Words {
            unlisted: &["answers", "binding", "group", "serviceIds", "system"],
            ..same("composeProject", "composeProjects", &[])
        },
        service("composeService", "composeServices"),
        same("configItemStatus", "configItemStatuses", &["stackId"]),
        Words {
            extra: OLDER_CONTAINER_FIELDS,
            ..same("container", "containers", NEWER_CONTAINER_FIELDS)
        },
        same("containerLogs", "containerLogses", &["since", "timestamps"]),
        service("dnsService", "dnsServices"),
        same(
            "externalHandlerExternalHandlerProcessMap",
            "externalHandlerExternalHandlerProcessMaps",
            &["eventName"],
        ),
        service("externalService", "externalServices"),
        same("genericObject", "genericObjects", &["resourceData"]),
        same(
            "host",
            "hosts",
            &[
                "agentIpAddress",
                "driver",
                "hostTemplateId",
                "instanceIds",
                "localStorageMb",
                "memory",
                "milliCpu",
                "removeAfter",
                "reportedUuid",
                "stackId",
            ],
        ),
        Words {
            extra: &[
                f("dynamicCreateVnet", Kind::Boolean).or_bool(false).r_by(Audience::Super),
                f("hostVnetUri", Kind::String).null().r_by(Audience::Super),
            ],
            ..same(
                "hostOnlyNetwork",
                "hostOnlyNetworks",
                &[
                    "defaultPolicyAction",
                    "dns",
                    "dnsSearch",
                    "hostPorts",
                    "metadata",
                    "networkDriverId",
                    "policy",
                    "subnets",
                ],
            )
        },
        same("identity", "identities", &["user"]),
        Words {
            extra: OLDER_CONTAINER_FIELDS,
            ..same(
                "instance",
                "instances",
                &[
                    "memoryReservation",
                    "milliCpuReservation",
                    "mounts",
                    "serviceId",
                    "serviceIds",
                    "stackId",
                    "system",
                ],
            )
        },
        Words {
            extra: &[f("ipPoolId", Kind::Reference("ipPool"))
                .null()
                .max_len(255)
                .r_by(Audience::Super)],
            ..same("ipAddress", "ipAddresses", &[])
        },
        service("kubernetesService", "kubernetesServices"),
        Words {
            unlisted: &["answers", "binding", "group", "serviceIds", "system"],
            ..same("kubernetesStack", "kubernetesStacks", &[])
        },
        same("kubernetesStackUpgrade", "kubernetesStackUpgrades", &["answers"]),
        Words {
            extra: OLDER_CONTAINER_FIELDS,
            ..same(
                "launchConfig",
                "launchConfigs",
                &[
                    "blkioWeight",
                    "cgroupParent",
                    "cpuCount",
                    "cpuPercent",
                    "cpuPeriod",
                    "cpuQuota",
                    "cpuRealtimePeriod",
                    "cpuRealtimeRuntime",
                    "cpuSetMems",
                    "diskQuota",
                    "dnsOpt",
                    "drainTimeoutMs",
                    "groupAdd",
                    "healthCmd",
                    "healthInterval",
                    "healthRetries",
                    "healthTimeout",
                    "ioMaximumBandwidth",
                    "ioMaximumIOps",
                    "ip",
                    "ip6",
                    "ipcMode",
                    "isolation",
                    "kernelMemory",
                    "memoryReservation",
                    "memorySwappiness",
                    "milliCpuReservation",
                    "mounts",
                    "netAlias",
                    "oomKillDisable",
                    "oomScoreAdj",
                    "pidsLimit",
                    "primaryNetworkId",
                    "runInit",
                    "secrets",
                    "serviceId",
                    "serviceIds",
                    "shmSize",
                    "stackId",
                    "stopSignal",
                    "stopTimeout",
                    "storageOpt",
                    "sysctls",
                    "system",
                    "tmpfs",
                    "ulimits",
                    "userPorts",
                    "usernsMode",
                    "uts",
                ],
            )
        },
        Words {
            extra: &[
                f("haproxyConfig", Kind::Object("haproxyConfig")).null(),
                f("lbCookieStickinessPolicy", Kind::Object("loadBalancerCookieStickinessPolicy"))
                    .null(),
            ],
            ..same("loadBalancerConfig", "loadBalancerConfigs", &[])
        },
        Words {
            extra: &[
                f("certificateIds", Kind::Array(&Kind::Reference("certificate"))).null(),
                f("defaultCertificateId", Kind::Reference("certificate")).null(),
                f("loadBalancerConfig", Kind::Object("loadBalancerConfig")).null(),
            ],
            ..service("loadBalancerService", "loadBalancerServices")
        },
        same("machineDriver", "machineDrivers", &["schemaVersion"]),
        same(
            "network",
            "networks",
            &[
                "defaultPolicyAction",
                "dns",
                "dnsSearch",
                "hostPorts",
                "metadata",
                "networkDriverId",
                "policy",
                "subnets",
            ],
        ),
        Words {
            extra: &[
                f("subnetId", Kind::Reference("subnet")).null().max_len(255).r_by(Audience::Super),
                f("vnetId", Kind::Reference("vnet")).null().max_len(255).r_by(Audience::Super),
            ],
            ..same("nic", "nics", &[])
        },
        same(
            "openldapconfig",
            "openldapconfigs",
            &["groupDNField", "groupMemberUserAttribute", "groupSearchDomain"],
        ),
        same("processInstance", "processInstances", &["accountId", "executionCount", "runAfter"]),
        Words {
            extra: &[
                f("kubernetes", Kind::Boolean).or_bool(false),
                f("mesos", Kind::Boolean).or_bool(false),
                f("publicDns", Kind::Boolean).or_bool(false),
                f("swarm", Kind::Boolean).or_bool(false),
            ],
            links: &[("stacks", "environments")],
            ..same(
                "project",
                "projects",
                &[
                    "createdStackIds",
                    "healthState",
                    "hostRemoveDelaySeconds",
                    "orchestration",
                    "projectLinks",
                    "projectTemplateId",
                    "revision",
                    "scheduledUpgradeDelayMinutes",
                    "startedStackIds",
                    "version",
                ],
            )
        },
        same("pullTask", "pullTasks", &["resourceData"]),
        same("register", "register", &["resourceData"]),
        same("registry", "registries", &["hostIds", "storageDriverId", "volumeIds"]),
        Words {
            extra: &[f("email", Kind::String).required().min_len(1)],
            ..same("registryCredential", "registryCredentials", &[])
        },
        same("resource", "resources", &["baseType"]),
        Words {
            extra: OLDER_CONTAINER_FIELDS,
            ..same(
                "secondaryLaunchConfig",
                "secondaryLaunchConfigs",
                &[
                    "blkioWeight",
                    "cgroupParent",
                    "cpuCount",
                    "cpuPercent",
                    "cpuPeriod",
                    "cpuQuota",
                    "cpuRealtimePeriod",
                    "cpuRealtimeRuntime",
                    "cpuSetMems",
                    "diskQuota",
                    "dnsOpt",
                    "drainTimeoutMs",
                    "groupAdd",
                    "healthCmd",
                    "healthInterval",
                    "healthRetries",
                    "healthTimeout",
                    "ioMaximumBandwidth",
                    "ioMaximumIOps",
                    "ip",
                    "ip6",
                    "ipcMode",
                    "isolation",
                    "kernelMemory",
                    "memoryReservation",
                    "memorySwappiness",
                    "milliCpuReservation",
                    "mounts",
                    "netAlias",
                    "oomKillDisable",
                    "oomScoreAdj",
                    "pidsLimit",
                    "primaryNetworkId",
                    "runInit",
                    "secrets",
                    "serviceId",
                    "serviceIds",
                    "shmSize",
                    "stackId",
                    "stopSignal",
                    "stopTimeout",
                    "storageOpt",
                    "sysctls",
                    "system",
                    "tmpfs",
                    "ulimits",
                    "userPorts",
                    "usernsMode",
                    "uts",
                ],
            )
        },
        service("service", "services"),
        same("serviceConsumeMap", "serviceConsumeMaps", &["consumedService"]),
        same("serviceLink", "serviceLinks", &["service"]),
        Words {
            name: "environment",
            plural: "environments",
            prefix: Some("e"),
            unlisted: &[
                "answers",
                "binding",
                "composeProject",
                "directory",
                "directoryStatus",
                "group",
                "serviceIds",
                "system",
            ],
            ..same("stack", "environments", &[])
        },
        same("storagePool", "storagePools", &["hostIds", "storageDriverId", "volumeIds"]),
        Words {
            extra: &[f("ipPoolId", Kind::Reference("ipPool"))
                .null()
                .max_len(255)
                .r_by(Audience::Super)],
            ..same("subnet", "subnets", &[])
        },
        Words {
            extra: &[
                f("clientId", Kind::String).null().r_by(Audience::Super),
                f("hostname", Kind::String).null().r_by(Audience::Super),
                f("scheme", Kind::String).null().r_by(Audience::Super),
            ],
            ..same("token", "tokens", &["authenticatedAsAccountId", "originalLogin", "redirectUrl"])
        },
        Words {
            extra: &[
                f("offeringId", Kind::Reference("offering"))
                    .null()
                    .max_len(255)
                    .r_by(Audience::Super),
                f("primaryAssociatedIpAddress", Kind::String).r_by(Audience::Super),
                f("publicIpAddressPoolId", Kind::Reference("ipPool")).null().r_by(Audience::Super),
                f("subnetIds", Kind::Array(&Kind::Reference("subnet")))
                    .null()
                    .r_by(Audience::Super),
                f("systemContainer", Kind::Enum)
                    .null()
                    .options(&["NetworkAgent", "LoadBalancerAgent"])
                    .max_len(128),
                f("vnetIds", Kind::Array(&Kind::Reference("vnet"))).null().r_by(Audience::Super),
            ],
            ..same("virtualMachine", "virtualMachines", NEWER_CONTAINER_FIELDS)
        },
        Words {
            extra: &[f("offeringId", Kind::Reference("offering"))
                .null()
                .max_len(255)
                .r_by(Audience::Super)],
            ..same(
                "volume",
                "volumes",
                &[
                    "deploymentUnitId",
                    "isNative",
                    "mounts",
                    "sizeMb",
                    "stackId",
                    "storageDriverId",
                    "volumeTemplateId",
                ],
            )
        },
        Words {
            name: "environmentUpgrade",
            plural: "environmentUpgrades",
            unlisted: &["answers", "binding", "templates"],
            ..same("stackUpgrade", "environmentUpgrades", &[])
        },
    ],
    newer_fields: false,
    lower_links: true,
};
