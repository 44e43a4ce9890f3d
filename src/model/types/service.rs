//! Services, their containers and their log.

use super::prelude::*;

/// Every type of this file.
pub const TYPES: &[&Type] = &[&SERVICE, &SERVICE_EXPOSE_MAP, &SERVICE_LOG, &SERVICE_RESTART];

/// States of `service`.
pub const SERVICE_LIFECYCLE: Lifecycle = Lifecycle::new(
    "service",
    &[
        CREATE,
        t("activate", &["inactive", "restarting"], "activating", "active"),
        t(
            "deactivate",
            &["restarting", "active", "activating", "updating-inactive", "updating-active"],
            "deactivating",
            "inactive",
        ),
        t(
            "remove",
            &[
                "inactive",
                "registering",
                "active",
                "activating",
                "updating-inactive",
                "updating-active",
                "upgrading",
                "canceling-upgrade",
                "rolling-back",
                "deactivating",
                "requested",
                "canceled-upgrade",
                "upgraded",
                "finishing-upgrade",
                "restarting",
            ],
            "removing",
            "removed",
        ),
        t("restart", &["active"], "restarting", "active"),
        each(
            "update",
            &[
                ("inactive", "updating-inactive", "inactive"),
                ("active", "updating-active", "active"),
                ("updating-active", "updating-active", "active"),
                ("finishing-upgrade", "finishing-upgrade", "active"),
                ("activating", "activating", "active"),
                ("canceling-upgrade", "canceling-upgrade", "canceled-upgrade"),
                ("upgrading", "upgrading", "upgraded"),
                ("rolling-back", "rolling-back", "active"),
            ],
        ),
    ],
);

/// `service`.
pub const SERVICE: Type = Type::resource(
    "service",
    "services",
    &SERVICE_LIFECYCLE,
    &[&[
        f("assignServiceIpAddress", Boolean).or_bool(false).c(),
        f("createIndex", Int).null(),
        f("currentScale", Int),
        f("desiredScale", Int).r_by(Super),
        f("executionCount", Int).r_by(Super),
        f("executionPeriodStart", Date).r_by(Super),
        f("externalId", String).null().max_len(255).c().indexed(),
        f("fqdn", String).null(),
        f("healthState", String).null().max_len(128),
        f("instanceIds", Array(&Reference("instance"))).null(),
        f("launchConfig", Object("launchConfig")).null().c(),
        f("lbConfig", Object("lbTargetConfig")).null().cu().schedules(),
        f("linkedServices", Map(&Reference("service"))).null(),
        f("lockedScale", Int).r_by(Super),
        f("metadata", Map(&Json)).null().cu().schedules(),
        f("name", String)
            .null()
            .required()
            .min_len(1)
            .max_len(63)
            .chars("a-zA-Z0-9-")
            .cu()
            .schedules(),
        f("publicEndpoints", Array(&Object("publicEndpoint"))).null().cu(),
        f("restart", Object("serviceRestart")).r_by(Super),
        f("retainIp", Boolean).null().cu().schedules(),
        f("scale", Int).or_int(1).min(0).cu().schedules(),
        f("scalePolicy", Object("scalePolicy")).null().cu().schedules(),
        f("secondaryLaunchConfigs", Array(&Object("secondaryLaunchConfig"))).c(),
        f("selectorContainer", String).null().max_len(4096).cu().schedules(),
        f("selectorLink", String).null().max_len(4096).cu().schedules(),
        f("serviceIndexStrategy", String).r_by(Super),
        f("skip", Boolean).r_by(Super),
        f("stackId", Reference("stack")).null().c(),
        f("startOnCreate", Boolean).null().or_bool(false).c(),
        f("system", Boolean).or_bool(false),
        f("upgrade", Object("serviceUpgrade")).null(),
        f("vip", String).null().max_len(255).c(),
        f("accountId", Reference("account")).null(),
        f("created", Date).null(),
        f("data", Map(&Json)).null().r_by(Admin),
        f("description", String).null().max_len(1024).cu(),
        f("id", Int).null(),
        f("kind", String).null().max_len(255),
        f("removeTime", Date).null().r_by(Admin),
        f("removed", Date).null(),
        f("state", Enum),
        f("transitioning", Enum).options(&["yes", "no", "error"]),
        f("transitioningMessage", String).null(),
        f("transitioningProgress", Int).null(),
        f("uuid", String).null().max_len(128),
    ]],
)
.actions(&[
    Action::new("activate", "service"),
    Action::new("create", "service"),
    Action::new("deactivate", "service"),
    Action::new("remove", "service"),
    Action::new("restart", "service").input("serviceRestart"),
    Action::new("update", "service"),
])
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Computed { name: "containerStats" },
    Link::Map {
        name: "instances",
        through: "serviceExposeMap",
        here: "serviceId",
        there: "instanceId",
        to: "instance",
    },
    Link::Child { name: "serviceExposeMaps", of: "serviceExposeMap", field: "serviceId" },
    Link::Child { name: "serviceLogs", of: "serviceLog", field: "serviceId" },
    Link::Ref { name: "stack", field: "stackId", to: "stack" },
]);

/// States of `serviceExposeMap`.
pub const SERVICE_EXPOSE_MAP_LIFECYCLE: Lifecycle = Lifecycle::new(
    "serviceexposemap",
    &[
        t("create", &["requested"], "activating", "active"),
        t("remove", &["active", "activating", "requested"], "removing", "removed"),
    ],
);

/// `serviceExposeMap`.
pub const SERVICE_EXPOSE_MAP: Type = Type::resource(
    "serviceExposeMap",
    "serviceExposeMaps",
    &SERVICE_EXPOSE_MAP_LIFECYCLE,
    &[
        STANDARD,
        &[
            f("dnsPrefix", String).null().max_len(128).r_by(Super),
            f("hostName", String).null().max_len(255).r_by(Super),
            f("instanceId", Reference("instance")).null(),
            f("ipAddress", String).null().max_len(255),
            f("managed", Boolean),
            f("serviceId", Reference("service")).null(),
            f("upgrade", Boolean).r_by(Super),
        ],
    ],
)
.methods(Methods::READ)
.actions(&[Action::new("create", "serviceExposeMap"), Action::new("remove", "serviceExposeMap")])
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Ref { name: "instance", field: "instanceId", to: "instance" },
    Link::Ref { name: "service", field: "serviceId", to: "service" },
]);

/// `serviceLog`.
pub const SERVICE_LOG: Type = Type::record(
    "serviceLog",
    "serviceLogs",
    &[&[
        f("endTime", Date).null(),
        f("eventType", String).null().max_len(255),
        f("instanceId", Reference("instance")).null(),
        f("level", String).null().max_len(255),
        f("serviceId", Reference("service")).null(),
        f("subLog", Boolean),
        f("transactionId", String).null().max_len(255),
        f("accountId", Reference("account")).null(),
        f("created", Date).null(),
        f("data", Map(&Json)).null().r_by(Admin),
        f("description", String).null().max_len(1024).cu(),
        f("id", Int).null(),
        f("kind", String).null().max_len(255),
    ]],
)
.methods(Methods::READ)
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Ref { name: "instance", field: "instanceId", to: "instance" },
    Link::Ref { name: "service", field: "serviceId", to: "service" },
]);

/// `serviceRestart`.
pub const SERVICE_RESTART: Type = Type::value(
    "serviceRestart",
    "serviceRestarts",
    &[&[f("rollingRestartStrategy", Object("rollingRestartStrategy")).required().c()]],
);
