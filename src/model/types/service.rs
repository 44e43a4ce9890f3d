//! Services, their containers and their log.

use super::prelude::*;

/// Every type of this file.
pub const TYPES: &[&Type] = &[
    &SERVICE,
    &SERVICE_EXPOSE_MAP,
    &SERVICE_INDEX,
    &DEPLOYMENT_UNIT,
    &SERVICE_LOG,
    &SERVICE_RESTART,
];

/// Fields of services of every kind.
pub const SERVICE_FIELDS: &[Field] = &[
    f("desiredScale", Int).r_by(Super),
    f("executionCount", Int).r_by(Super),
    f("executionPeriodStart", Date).r_by(Super),
    f("externalId", String).null().max_len(255).c().indexed(),
    f("healthState", String).null().max_len(128),
    f("instanceIds", Array(&Reference("instance"))).null(),
    f("linkedServices", Map(&Reference("service"))).null(),
    f("lockedScale", Int).r_by(Super),
    f("name", String).null().required().min_len(1).max_len(63).chars("a-zA-Z0-9-").cu().schedules(),
    f("restart", Object("serviceRestart")).r_by(Super),
    f("serviceIndexStrategy", String).r_by(Super),
    f("skip", Boolean).max_len(255).r_by(Super),
    f("stackId", Reference("stack")).null().max_len(255).c(),
    f("system", Boolean).or_bool(false).max_len(255),
];

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
                "rolling-back",
                "upgraded",
                "finishing-upgrade",
                "restarting",
            ],
            "removing",
            "removed",
        ),
        t(
            "cancelupgrade",
            &["upgrading", "finishing-upgrade"],
            "canceling-upgrade",
            "canceled-upgrade",
        ),
        t("continueupgrade", &["canceled-upgrade"], "upgrading", "upgraded"),
        t("finishupgrade", &["upgraded"], "finishing-upgrade", "active"),
        t("restart", &["active"], "restarting", "active"),
        t("rollback", &["upgrading", "upgraded", "canceled-upgrade"], "rolling-back", "active"),
        t("upgrade", UPGRADABLE, "upgrading", "upgraded"),
    ],
);

/// States in which an upgrade of a service begins.
const UPGRADABLE: &[&str] = &["active", "activating", "inactive", "updating-active"];

/// Where a `service` leads, and what shares it.
pub const SERVICE_LINKS: &[Link] = &[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Child { name: "configItemStatuses", of: "configItemStatus", field: "serviceId" },
    Link::Map {
        name: "consumedbyservices",
        through: "serviceConsumeMap",
        here: "consumedServiceId",
        there: "serviceId",
        to: "service",
    },
    Link::Map {
        name: "consumedservices",
        through: "serviceConsumeMap",
        here: "serviceId",
        there: "consumedServiceId",
        to: "service",
    },
    Link::Computed { name: "containerStats" },
    Link::Child { name: "deploymentUnits", of: "deploymentUnit", field: "serviceId" },
    Link::Child { name: "dynamicSchemas", of: "dynamicSchema", field: "serviceId" },
    Link::Map {
        name: "instances",
        through: "serviceExposeMap",
        here: "serviceId",
        there: "instanceId",
        to: "instance",
    },
    Link::Child { name: "networkDrivers", of: "networkDriver", field: "serviceId" },
    Link::Child { name: "serviceExposeMaps", of: "serviceExposeMap", field: "serviceId" },
    Link::Child { name: "serviceIndexes", of: "serviceIndex", field: "serviceId" },
    Link::Child { name: "serviceLogs", of: "serviceLog", field: "serviceId" },
    Link::Child { name: "serviceVersions", of: "serviceVersion", field: "serviceId" },
    Link::Ref { name: "stack", field: "stackId", to: "stack" },
    Link::Child { name: "storageDrivers", of: "storageDriver", field: "serviceId" },
];

/// Fields of services that make containers as ordinary ones do.
pub const RUNNING_FIELDS: &[Field] = &[
    f("assignServiceIpAddress", Boolean).or_bool(false).c(),
    f("createIndex", Int).null().max_len(255),
    f("currentScale", Int),
    f("fqdn", String).null(),
    f("launchConfig", Object("launchConfig")).null().c(),
    f("lbConfig", Object("lbTargetConfig")).null().cu().schedules(),
    f("metadata", Map(&Json)).null().cu().schedules(),
    f("publicEndpoints", Array(&Object("publicEndpoint"))).null().cu(),
    f("retainIp", Boolean).null().cu().schedules(),
    f("scale", Int).or_int(1).min(0).cu().schedules(),
    f("scalePolicy", Object("scalePolicy")).null().cu().schedules(),
    f("secondaryLaunchConfigs", Array(&Object("secondaryLaunchConfig"))).c(),
    f("selectorContainer", String).null().max_len(4096).cu().schedules(),
    f("selectorLink", String).null().max_len(4096).cu().schedules(),
    f("startOnCreate", Boolean).null().or_bool(false).c(),
    f("upgrade", Object("serviceUpgrade")).null(),
    f("vip", String).null().max_len(255).c(),
];

/// What may be done with a service of a kind that is treated as ordinary ones are, except going back to one of its
/// versions.
pub const fn actions(kind: &'static str) -> [Action; 15] {
    [
        Action::new("activate", "service"),
        Action::new("addservicelink", "service").input("addRemoveServiceLinkInput"),
        Action::new("cancelupgrade", "service"),
        Action::new("certificate", kind).no_output().by(Super),
        Action::new("continueupgrade", "service"),
        Action::new("create", "service"),
        Action::new("deactivate", "service"),
        Action::new("finishupgrade", "service"),
        Action::new("remove", "service"),
        Action::new("removeservicelink", "service").input("addRemoveServiceLinkInput"),
        Action::new("restart", "service").input("serviceRestart"),
        Action::new("rollback", "service"),
        Action::new("setservicelinks", "service").input("setServiceLinksInput"),
        Action::new("update", "service"),
        Action::new("upgrade", "service").input("serviceUpgrade"),
    ]
}

/// `service`.
pub const SERVICE: Type = Type::resource(
    "service",
    "services",
    &SERVICE_LIFECYCLE,
    &[UNNAMED, SERVICE_FIELDS, RUNNING_FIELDS],
)
.methods(Methods::INSIDE)
.actions(&[
    Action::new("activate", "service"),
    Action::new("addservicelink", "service").input("addRemoveServiceLinkInput"),
    Action::new("cancelupgrade", "service"),
    Action::new("certificate", "service").no_output().by(Super),
    Action::new("continueupgrade", "service"),
    Action::new("create", "service"),
    Action::new("deactivate", "service"),
    Action::new("finishupgrade", "service"),
    Action::new("remove", "service"),
    Action::new("removeservicelink", "service").input("addRemoveServiceLinkInput"),
    Action::new("restart", "service").input("serviceRestart"),
    Action::new("rollback", "service"),
    Action::new("rollbackto", "service").input("serviceRollbackTo").states(UPGRADABLE),
    Action::new("setservicelinks", "service").input("setServiceLinksInput"),
    Action::new("update", "service"),
    Action::new("upgrade", "service").input("serviceUpgrade"),
])
.links(SERVICE_LINKS);

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
            f("instanceId", Reference("instance")).null().max_len(255),
            f("ipAddress", String).null().max_len(255),
            f("managed", Boolean).max_len(255),
            f("serviceId", Reference("service")).null().max_len(255),
            f("upgrade", Boolean).max_len(255).r_by(Super),
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

/// States of `serviceIndex`.
pub const SERVICE_INDEX_LIFECYCLE: Lifecycle = Lifecycle::standard("serviceindex");

/// `serviceIndex`.
pub const SERVICE_INDEX: Type = Type::computed(
    "serviceIndex",
    "serviceIndexes",
    "serviceIndexes",
    &[&[
        f("accountId", Reference("account")).null().max_len(255).r_by(Super),
        f("address", String).null().max_len(255).r_by(Super),
        f("created", Date).null().max_len(255).r_by(Super),
        f("data", Map(&Json)).null().max_len(65535).r_by(Super),
        f("description", String).null().max_len(1024).r_by(Super),
        f("id", Int).null().r_by(Super),
        f("kind", String).null().max_len(255).r_by(Super),
        f("launchConfigName", String).null().max_len(255).r_by(Super),
        f("name", String).null().max_len(255).r_by(Super),
        f("removeTime", Date).null().max_len(255).r_by(Super),
        f("removed", Date).null().max_len(255).r_by(Super),
        f("serviceId", Reference("service")).null().max_len(255).r_by(Super),
        f("serviceIndex", String).null().max_len(255).r_by(Super),
        f("state", Enum).max_len(128).r_by(Super),
        f("transitioning", Enum).options(&["yes", "no", "error"]).r_by(Super),
        f("transitioningMessage", String).null().r_by(Super),
        f("transitioningProgress", Int).null().r_by(Super),
        f("uuid", String).null().max_len(128).r_by(Super),
    ]],
)
.states_of(&SERVICE_INDEX_LIFECYCLE)
.for_audience(Super)
.methods(Methods { list: Super, get: Super, ..Methods::NONE })
.actions(&[
    Action::new("activate", "serviceIndex").by(Super),
    Action::new("create", "serviceIndex").by(Super),
    Action::new("deactivate", "serviceIndex").by(Super),
    Action::new("purge", "serviceIndex").by(Super),
    Action::new("remove", "serviceIndex").by(Super),
    Action::new("update", "serviceIndex").by(Super),
])
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Child { name: "instances", of: "instance", field: "serviceIndexId" },
    Link::Ref { name: "service", field: "serviceId", to: "service" },
]);

/// `deploymentUnit`.
pub const DEPLOYMENT_UNIT: Type = Type::computed(
    "deploymentUnit",
    "deploymentUnits",
    "deploymentUnits",
    &[&[
        f("accountId", Reference("account")).null().max_len(255).r_by(Super),
        f("created", Date).null().max_len(255).r_by(Super),
        f("data", Map(&Json)).null().max_len(65535).r_by(Super),
        f("description", String).null().max_len(1024).r_by(Super),
        f("id", Int).null().r_by(Super),
        f("kind", String).null().max_len(255).r_by(Super),
        f("labels", Map(&String)).r_by(Super),
        f("name", String).null().max_len(255).r_by(Super),
        f("removeTime", Date).null().max_len(255).r_by(Super),
        f("removed", Date).null().max_len(255).r_by(Super),
        f("serviceId", Reference("service")).null().max_len(255).r_by(Super),
        f("serviceIndex", String).null().max_len(255).r_by(Super),
        f("state", String).null().max_len(128).r_by(Super),
        f("uuid", String).null().max_len(128).r_by(Super),
    ]],
)
.for_audience(Super)
.methods(Methods { list: Super, get: Super, ..Methods::NONE })
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Ref { name: "service", field: "serviceId", to: "service" },
    Link::Child { name: "volumes", of: "volume", field: "deploymentUnitId" },
]);

/// `serviceLog`.
pub const SERVICE_LOG: Type = Type::record(
    "serviceLog",
    "serviceLogs",
    &[&[
        f("accountId", Reference("account")).null().max_len(255),
        f("created", Date).null().max_len(255),
        f("data", Map(&Json)).null().max_len(65535).r_by(Admin),
        f("description", String).null().max_len(1024).cu(),
        f("endTime", Date).null().max_len(255),
        f("eventType", String).null().max_len(255),
        f("id", Int).null(),
        f("instanceId", Reference("instance")).null().max_len(255),
        f("kind", String).null().max_len(255),
        f("level", String).null().max_len(255),
        f("serviceId", Reference("service")).null().max_len(255),
        f("subLog", Boolean).max_len(255),
        f("transactionId", String).null().max_len(255),
    ]],
)
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
)
.methods(Methods::INPUT);
