//! Health checks of containers and where they are made.

use super::prelude::*;

/// Every type of this file.
pub const TYPES: &[&Type] = &[
    &INSTANCE_HEALTH_CHECK,
    &RECREATE_ON_QUORUM_STRATEGY_CONFIG,
    &HEALTHCHECK_INSTANCE,
    &HEALTHCHECK_INSTANCE_HOST_MAP,
];

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
)
.methods(Methods { create: Everyone, ..Methods::VALUE });

/// `recreateOnQuorumStrategyConfig`.
pub const RECREATE_ON_QUORUM_STRATEGY_CONFIG: Type = Type::value(
    "recreateOnQuorumStrategyConfig",
    "recreateOnQuorumStrategyConfigs",
    &[&[f("quorum", Int).null().required().c()]],
)
.methods(Methods::INPUT);

/// States of `healthcheckInstance`.
pub const HEALTHCHECK_INSTANCE_LIFECYCLE: Lifecycle = Lifecycle::new(
    "healthcheckinstance",
    &[
        t("create", &["requested"], "activating", "active"),
        t("remove", &["active", "activating"], "removing", "removed"),
    ],
);

/// `healthcheckInstance`.
pub const HEALTHCHECK_INSTANCE: Type = Type::resource(
    "healthcheckInstance",
    "healthcheckInstances",
    &HEALTHCHECK_INSTANCE_LIFECYCLE,
    &[&[
        f("accountId", Reference("account")).null().max_len(255).r_by(Super),
        f("created", Date).null().max_len(255).r_by(Super),
        f("data", Map(&Json)).null().max_len(16777215).r_by(Super),
        f("description", String).null().max_len(1024).r_by(Super),
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
.for_audience(Super)
.methods(Methods::SUPER)
.actions(&[
    Action::new("create", "healthcheckInstance").by(Super),
    Action::new("remove", "healthcheckInstance").by(Super),
])
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Child {
        name: "healthcheckInstanceHostMaps",
        of: "healthcheckInstanceHostMap",
        field: "healthcheckInstanceId",
    },
    Link::Ref { name: "instance", field: "instanceId", to: "instance" },
    Link::Child { name: "serviceEvents", of: "serviceEvent", field: "healthcheckInstanceId" },
]);

/// States of `healthcheckInstanceHostMap`.
pub const HEALTHCHECK_INSTANCE_HOST_MAP_LIFECYCLE: Lifecycle = Lifecycle::new(
    "healthcheckinstancehostmap",
    &[
        t("create", &["requested"], "activating", "active"),
        t("remove", &["active", "activating"], "removing", "removed"),
    ],
);

/// Where a `healthcheckInstanceHostMap` leads, and what shares it.
pub const HEALTHCHECK_INSTANCE_HOST_MAP_LINKS: &[Link] = &[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Ref {
        name: "healthcheckInstance",
        field: "healthcheckInstanceId",
        to: "healthcheckInstance",
    },
    Link::Ref { name: "host", field: "hostId", to: "host" },
    Link::Ref { name: "instance", field: "instanceId", to: "instance" },
];

/// `healthcheckInstanceHostMap`.
pub const HEALTHCHECK_INSTANCE_HOST_MAP: Type = Type::resource(
    "healthcheckInstanceHostMap",
    "healthcheckInstanceHostMaps",
    &HEALTHCHECK_INSTANCE_HOST_MAP_LIFECYCLE,
    &[
        STANDARD,
        &[
            f("externalTimestamp", Int).null().max_len(255).r_by(Super),
            f("healthState", String).null().max_len(128),
            f("healthcheckInstanceId", Reference("healthcheckInstance"))
                .null()
                .max_len(255)
                .r_by(Super),
            f("hostId", Reference("host")).null().max_len(255),
            f("instanceId", Reference("instance")).null().max_len(255),
        ],
    ],
)
.methods(Methods::READ)
.actions(&[
    Action::new("create", "healthcheckInstanceHostMap"),
    Action::new("remove", "healthcheckInstanceHostMap"),
])
.links(HEALTHCHECK_INSTANCE_HOST_MAP_LINKS);
