//! Upgrades and restarts: how services go from one version to the next.

use super::prelude::*;

/// Every type of this file.
pub const TYPES: &[&Type] = &[
    &SERVICE_UPGRADE,
    &SERVICE_UPGRADE_STRATEGY,
    &IN_SERVICE_UPGRADE_STRATEGY,
    &TO_SERVICE_UPGRADE_STRATEGY,
    &ROLLING_RESTART_STRATEGY,
    &STACK_UPGRADE,
    &SCHEDULED_UPGRADE,
];

/// How fast a service goes from one set of containers to the next.
const UPGRADE_CONTROL_FIELDS: &[Field] = &[
    f("batchSize", Int).null().or_int(1).min(1).c(),
    f("intervalMillis", Int).null().or_int(2000).min(100).c(),
];

/// `serviceUpgrade`.
pub const SERVICE_UPGRADE: Type = Type::value(
    "serviceUpgrade",
    "serviceUpgrades",
    &[&[
        f("inServiceStrategy", Object("inServiceUpgradeStrategy")).null().c(),
        f("strategy", Object("serviceUpgradeStrategy")).r_by(Super),
        f("toServiceStrategy", Object("toServiceUpgradeStrategy")).null().c(),
    ]],
)
.methods(Methods::INPUT);

/// `serviceUpgradeStrategy`.
pub const SERVICE_UPGRADE_STRATEGY: Type = Type::value(
    "serviceUpgradeStrategy",
    "serviceUpgradeStrategys",
    &[&[
        f("batchSize", Int).null().or_int(1).min(1).c(),
        f("intervalMillis", Int).null().or_int(2000).min(100).c(),
    ]],
);

/// `inServiceUpgradeStrategy`.
pub const IN_SERVICE_UPGRADE_STRATEGY: Type = Type::value(
    "inServiceUpgradeStrategy",
    "inServiceUpgradeStrategys",
    &[
        UPGRADE_CONTROL_FIELDS,
        &[
            f("fullUpgrade", Boolean).r_by(Super),
            f("launchConfig", Object("launchConfig")).null().c(),
            f("previousLaunchConfig", Object("launchConfig")).null(),
            f("previousSecondaryLaunchConfigs", Array(&Object("secondaryLaunchConfig"))),
            f("secondaryLaunchConfigs", Array(&Object("secondaryLaunchConfig"))).c(),
            f("startFirst", Boolean).or_bool(false).c(),
        ],
    ],
)
.child_of("serviceUpgradeStrategy")
.methods(Methods::INPUT);

/// `toServiceUpgradeStrategy`.
pub const TO_SERVICE_UPGRADE_STRATEGY: Type = Type::value(
    "toServiceUpgradeStrategy",
    "toServiceUpgradeStrategys",
    &[
        UPGRADE_CONTROL_FIELDS,
        &[
            f("finalScale", Int).null().or_int(1).min(1).c(),
            f("toServiceId", Reference("service")).c(),
            f("updateLinks", Boolean).c(),
        ],
    ],
)
.child_of("serviceUpgradeStrategy")
.methods(Methods::INPUT);

/// `rollingRestartStrategy`.
pub const ROLLING_RESTART_STRATEGY: Type = Type::value(
    "rollingRestartStrategy",
    "rollingRestartStrategys",
    &[UPGRADE_CONTROL_FIELDS, &[f("instanceToStartCount", Map(&Int)).r_by(Super)]],
)
.child_of("serviceUpgradeStrategy")
.methods(Methods::INPUT);

/// `stackUpgrade`.
pub const STACK_UPGRADE: Type = Type::value(
    "stackUpgrade",
    "stackUpgrades",
    &[&[
        f("answers", Map(&Json)).c(),
        f("binding", Object("binding")).r_by(Super),
        f("dockerCompose", String).c(),
        f("environment", Map(&String)).c(),
        f("externalId", String).c().indexed(),
        f("rancherCompose", String).c(),
        f("templates", Map(&String)).c(),
    ]],
)
.methods(Methods::INPUT);

/// States of `scheduledUpgrade`.
pub const SCHEDULED_UPGRADE_LIFECYCLE: Lifecycle = Lifecycle::new(
    "scheduledupgrade",
    &[
        t("create", &["requested"], "scheduling", "scheduled"),
        t("remove", &["scheduled", "running", "done"], "removing", "removed"),
        t("start", &["scheduled"], "running", "done"),
    ],
);

/// `scheduledUpgrade`.
pub const SCHEDULED_UPGRADE: Type = Type::resource(
    "scheduledUpgrade",
    "scheduledUpgrades",
    &SCHEDULED_UPGRADE_LIFECYCLE,
    &[&[
        f("accountId", Reference("account")).null().max_len(255),
        f("created", Date).null().max_len(255),
        f("data", Map(&Json)).null().max_len(16777215).r_by(Admin),
        f("finished", Date).null().max_len(255).r_by(Super),
        f("id", Int).null(),
        f("kind", String).null().max_len(255),
        f("priority", Int).max_len(255).r_by(Super),
        f("removeTime", Date).null().max_len(255).r_by(Admin),
        f("removed", Date).null().max_len(255),
        f("runAfter", Date).null().max_len(255).r_by(Super),
        f("stackId", Reference("stack")).null().max_len(255),
        f("started", Date).null().max_len(255),
        f("state", Enum).max_len(128),
        f("transitioning", Enum).options(&["yes", "no", "error"]),
        f("transitioningMessage", String).null(),
        f("transitioningProgress", Int).null(),
        f("uuid", String).null().max_len(128),
    ]],
)
.methods(Methods::READ)
.actions(&[
    Action::new("create", "scheduledUpgrade"),
    Action::new("remove", "scheduledUpgrade"),
    Action::new("start", "scheduledUpgrade"),
])
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Ref { name: "stack", field: "stackId", to: "stack" },
]);
