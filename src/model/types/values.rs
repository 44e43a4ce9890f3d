//! Values inside other types: objects without rows.

use super::prelude::*;

/// Every type of this file.
pub const TYPES: &[&Type] = &[
    &BLKIO_DEVICE_OPTION,
    &DOCKER_BUILD,
    &INSTANCE_HEALTH_CHECK,
    &LOG_CONFIG,
    &MOUNT_ENTRY,
    &RESTART_POLICY,
    &SECRET_REFERENCE,
    &ULIMIT,
    &RECREATE_ON_QUORUM_STRATEGY_CONFIG,
    &ROLLING_RESTART_STRATEGY,
    &LB_TARGET_CONFIG,
    &SCALE_POLICY,
    &SERVICE_UPGRADE,
    &IN_SERVICE_UPGRADE_STRATEGY,
    &SERVICE_UPGRADE_STRATEGY,
    &TO_SERVICE_UPGRADE_STRATEGY,
    &TARGET_PORT_RULE,
    &BINDING,
    &KUBERNETES_STACK_UPGRADE,
    &SERVICE_BINDING,
    &VIRTUAL_MACHINE_DISK,
    &NETWORK_POLICY_RULE,
    &NETWORK_POLICY_RULE_BETWEEN,
    &NETWORK_POLICY_RULE_MEMBER,
    &EXTENSION_POINT,
    &STATE_TRANSITION,
    &EXTENSION_IMPLEMENTATION,
    &RESOURCE,
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
);

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
);

/// `instanceHealthCheck`.
pub const INSTANCE_HEALTH_CHECK: Type = Type::value(
    "instanceHealthCheck",
    "instanceHealthChecks",
    &[&[
        f("healthyThreshold", Int).null().c(),
        f("initializingTimeout", Int).null().c(),
        f("interval", Int).null().c(),
        f("name", String).null().cu(),
        f("port", Int).null().required().min(1).max(65535).c(),
        f("recreateOnQuorumStrategyConfig", Object("recreateOnQuorumStrategyConfig")).null().c(),
        f("reinitializingTimeout", Int).null().c(),
        f("requestLine", String).null().c(),
        f("responseTimeout", Int).null().c(),
        f("strategy", Enum)
            .null()
            .or_str("recreate")
            .options(&["none", "recreate", "recreateOnQuorum"])
            .c(),
        f("unhealthyThreshold", Int).null().c(),
    ]],
);

/// `logConfig`.
pub const LOG_CONFIG: Type = Type::value(
    "logConfig",
    "logConfigs",
    &[&[f("config", Map(&String)).null().c(), f("driver", String).null().c()]],
);

/// `mountEntry`.
pub const MOUNT_ENTRY: Type = Type::value(
    "mountEntry",
    "mountEntrys",
    &[&[
        f("instanceId", Reference("instance")),
        f("instanceName", String),
        f("path", String),
        f("permission", String).r_by(Super),
        f("type", String).r_by(Super),
        f("volumeId", Reference("volume")),
        f("volumeName", String),
    ]],
);

/// `restartPolicy`.
pub const RESTART_POLICY: Type = Type::value(
    "restartPolicy",
    "restartPolicys",
    &[&[f("maximumRetryCount", Int).c(), f("name", String).cu()]],
);

/// `secretReference`.
pub const SECRET_REFERENCE: Type = Type::value(
    "secretReference",
    "secretReferences",
    &[&[f("gid", String).c(), f("mode", String).c(), f("name", String).c(), f("uid", String).c()]],
);

/// `ulimit`.
pub const ULIMIT: Type = Type::value(
    "ulimit",
    "ulimits",
    &[&[f("hard", Int).null().c(), f("name", String).c(), f("soft", Int).null().c()]],
);

/// `recreateOnQuorumStrategyConfig`.
pub const RECREATE_ON_QUORUM_STRATEGY_CONFIG: Type = Type::value(
    "recreateOnQuorumStrategyConfig",
    "recreateOnQuorumStrategyConfigs",
    &[&[f("quorum", Int).null().required().c()]],
);

/// `rollingRestartStrategy`.
pub const ROLLING_RESTART_STRATEGY: Type = Type::value(
    "rollingRestartStrategy",
    "rollingRestartStrategys",
    &[&[
        f("batchSize", Int).null().or_int(1).min(1).c(),
        f("instanceToStartCount", Map(&Int)).r_by(Super),
        f("intervalMillis", Int).null().or_int(2000).min(100).c(),
    ]],
)
.child_of("serviceUpgradeStrategy");

/// `lbTargetConfig`.
pub const LB_TARGET_CONFIG: Type = Type::value(
    "lbTargetConfig",
    "lbTargetConfigs",
    &[&[f("portRules", Array(&Object("targetPortRule"))).cu().schedules()]],
);

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

/// `serviceUpgrade`.
pub const SERVICE_UPGRADE: Type = Type::value(
    "serviceUpgrade",
    "serviceUpgrades",
    &[&[
        f("inServiceStrategy", Object("inServiceUpgradeStrategy")).null().c(),
        f("strategy", Object("serviceUpgradeStrategy")).r_by(Super),
        f("toServiceStrategy", Object("toServiceUpgradeStrategy")).null().c(),
    ]],
);

/// `inServiceUpgradeStrategy`.
pub const IN_SERVICE_UPGRADE_STRATEGY: Type = Type::value(
    "inServiceUpgradeStrategy",
    "inServiceUpgradeStrategys",
    &[&[
        f("batchSize", Int).null().or_int(1).min(1).c(),
        f("fullUpgrade", Boolean).r_by(Super),
        f("intervalMillis", Int).null().or_int(2000).min(100).c(),
        f("launchConfig", Object("launchConfig")).null().c(),
        f("previousLaunchConfig", Object("launchConfig")).null(),
        f("previousSecondaryLaunchConfigs", Array(&Object("secondaryLaunchConfig"))),
        f("secondaryLaunchConfigs", Array(&Object("secondaryLaunchConfig"))).c(),
        f("startFirst", Boolean).or_bool(false).c(),
    ]],
)
.child_of("serviceUpgradeStrategy");

/// `serviceUpgradeStrategy`.
pub const SERVICE_UPGRADE_STRATEGY: Type = Type::value(
    "serviceUpgradeStrategy",
    "serviceUpgradeStrategys",
    &[&[
        f("batchSize", Int).null().or_int(1).min(1).c(),
        f("intervalMillis", Int).null().or_int(2000).min(100).c(),
    ]],
);

/// `toServiceUpgradeStrategy`.
pub const TO_SERVICE_UPGRADE_STRATEGY: Type = Type::value(
    "toServiceUpgradeStrategy",
    "toServiceUpgradeStrategys",
    &[&[
        f("batchSize", Int).null().or_int(1).min(1).c(),
        f("finalScale", Int).null().or_int(1).min(1).c(),
        f("intervalMillis", Int).null().or_int(2000).min(100).c(),
        f("toServiceId", Reference("service")).c(),
        f("updateLinks", Boolean).c(),
    ]],
)
.child_of("serviceUpgradeStrategy");

/// `targetPortRule`.
pub const TARGET_PORT_RULE: Type = Type::value(
    "targetPortRule",
    "targetPortRules",
    &[&[
        f("backendName", String).null().c(),
        f("hostname", String).null().c(),
        f("path", String).null().c(),
        f("targetPort", Int).null().required().min(1).max(65535).c(),
    ]],
);

/// `binding`.
pub const BINDING: Type =
    Type::value("binding", "bindings", &[&[f("services", Map(&Object("serviceBinding"))).c()]]);

/// `kubernetesStackUpgrade`.
pub const KUBERNETES_STACK_UPGRADE: Type = Type::value(
    "kubernetesStackUpgrade",
    "kubernetesStackUpgrades",
    &[&[
        f("answers", Map(&Json)).c(),
        f("environment", Map(&String)).c(),
        f("externalId", String).c(),
        f("templates", Map(&String)).c(),
    ]],
);

/// `serviceBinding`.
pub const SERVICE_BINDING: Type = Type::value(
    "serviceBinding",
    "serviceBindings",
    &[&[f("labels", Map(&String)).c(), f("ports", Array(&String)).c()]],
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
);

/// `networkPolicyRule`.
pub const NETWORK_POLICY_RULE: Type = Type::value(
    "networkPolicyRule",
    "networkPolicyRules",
    &[&[
        f("action", Enum).options(&["allow", "deny"]).c(),
        f("between", Object("networkPolicyRuleBetween")).c(),
        f("from", Object("networkPolicyRuleMember")).c(),
        f("ports", Array(&String)).c(),
        f("to", Object("networkPolicyRuleMember")).c(),
        f("within", Enum).options(&["stack", "service", "linked"]).c(),
    ]],
);

/// `networkPolicyRuleBetween`.
pub const NETWORK_POLICY_RULE_BETWEEN: Type = Type::value(
    "networkPolicyRuleBetween",
    "networkPolicyRuleBetweens",
    &[&[f("groupBy", String).c(), f("selector", String).c()]],
);

/// `networkPolicyRuleMember`.
pub const NETWORK_POLICY_RULE_MEMBER: Type = Type::value(
    "networkPolicyRuleMember",
    "networkPolicyRuleMembers",
    &[&[f("selector", String).c()]],
);

/// `extensionPoint`.
pub const EXTENSION_POINT: Type = Type::value(
    "extensionPoint",
    "extensionPoints",
    &[&[
        f("excludeSetting", String).r_by(Admin),
        f("implementations", Array(&Object("extensionImplementation"))).r_by(Admin),
        f("includeSetting", String).r_by(Admin),
        f("listSetting", String).r_by(Admin),
        f("name", String).cu().r_by(Admin),
    ]],
)
.for_audience(Admin);

/// `stateTransition`.
pub const STATE_TRANSITION: Type = Type::value(
    "stateTransition",
    "stateTransitions",
    &[&[
        f("field", String).r_by(Super),
        f("fromState", String).r_by(Super),
        f("toState", String).r_by(Super),
        f("type", Enum).options(&["TRANSITIONING", "DONE"]).r_by(Super),
    ]],
)
.for_audience(Admin);

/// `extensionImplementation`.
pub const EXTENSION_IMPLEMENTATION: Type = Type::value(
    "extensionImplementation",
    "extensionImplementations",
    &[&[
        f("className", String).r_by(Admin),
        f("name", String).r_by(Admin),
        f("properties", Map(&String)).r_by(Admin),
    ]],
)
.for_audience(Admin);

/// `resource`.
pub const RESOURCE: Type = Type::value(
    "resource",
    "resources",
    &[&[
        f("actions", Map(&Json)).r_by(Super),
        f("baseType", String).r_by(Super),
        f("id", String).r_by(Super),
        f("links", Map(&Json)).r_by(Super),
        f("type", String).r_by(Super),
    ]],
)
.for_audience(Super);
