//! The kinds of services besides the ordinary one.

use super::prelude::*;
use super::service::{RUNNING_FIELDS, SERVICE_FIELDS, SERVICE_LIFECYCLE, actions};

/// Every type of this file.
pub const TYPES: &[&Type] = &[
    &DNS_SERVICE,
    &EXTERNAL_SERVICE,
    &NETWORK_DRIVER_SERVICE,
    &STORAGE_DRIVER_SERVICE,
    &COMPOSE_SERVICE,
    &KUBERNETES_SERVICE,
    &SERVICE_PROXY,
];

/// Where a `dnsService` leads, and what shares it.
pub const DNS_SERVICE_LINKS: &[Link] = &[
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
    Link::Ref { name: "stack", field: "stackId", to: "stack" },
    Link::Child { name: "storageDrivers", of: "storageDriver", field: "serviceId" },
];

/// `dnsService`.
pub const DNS_SERVICE: Type = Type::resource(
    "dnsService",
    "dnsServices",
    &SERVICE_LIFECYCLE,
    &[
        UNNAMED,
        SERVICE_FIELDS,
        &[
            f("assignServiceIpAddress", Boolean).or_bool(false).c(),
            f("createIndex", Int).null().max_len(255).r_by(Super),
            f("currentScale", Int).r_by(Super),
            f("dns", Array(&String)).r_by(Super),
            f("fqdn", String).null(),
            f("launchConfig", Object("launchConfig")).null().c(),
            f("lbConfig", Object("lbTargetConfig")).null().r_by(Super).schedules(),
            f("metadata", Map(&Json)).null().cu().schedules(),
            f("publicEndpoints", Array(&Object("publicEndpoint"))).null().r_by(Super),
            f("retainIp", Boolean).null().cu().schedules(),
            f("scale", Int).or_int(1).min(0).r_by(Super).schedules(),
            f("scalePolicy", Object("scalePolicy")).null().r_by(Super).schedules(),
            f("secondaryLaunchConfigs", Array(&Object("secondaryLaunchConfig"))).r_by(Super),
            f("selectorContainer", String).null().max_len(4096).r_by(Super).schedules(),
            f("selectorLink", String).null().max_len(4096).cu().schedules(),
            f("startOnCreate", Boolean).null().or_bool(false).c(),
            f("upgrade", Object("serviceUpgrade")).null(),
            f("vip", String).null().max_len(255).r_by(Super),
        ],
    ],
)
.child_of("service")
.methods(Methods::INSIDE)
.actions(&actions("dnsService"))
.links(DNS_SERVICE_LINKS);

/// `externalService`.
pub const EXTERNAL_SERVICE: Type = Type::resource(
    "externalService",
    "externalServices",
    &SERVICE_LIFECYCLE,
    &[
        UNNAMED,
        SERVICE_FIELDS,
        &[
            f("assignServiceIpAddress", Boolean).or_bool(false).r_by(Super),
            f("createIndex", Int).null().max_len(255).r_by(Super),
            f("currentScale", Int).r_by(Super),
            f("externalIpAddresses", Array(&String)).null().cu().schedules(),
            f("fqdn", String).null(),
            f("healthCheck", Object("instanceHealthCheck")).null().c(),
            f("hostname", String).null().cu().schedules(),
            f("launchConfig", Object("launchConfig")).null().c(),
            f("lbConfig", Object("lbTargetConfig")).null().r_by(Super).schedules(),
            f("metadata", Map(&Json)).null().cu().schedules(),
            f("publicEndpoints", Array(&Object("publicEndpoint"))).null().r_by(Super),
            f("retainIp", Boolean).null().r_by(Super).schedules(),
            f("scale", Int).or_int(1).min(0).r_by(Super).schedules(),
            f("scalePolicy", Object("scalePolicy")).null().r_by(Super).schedules(),
            f("secondaryLaunchConfigs", Array(&Object("secondaryLaunchConfig"))).r_by(Super),
            f("selectorContainer", String).null().max_len(4096).r_by(Super).schedules(),
            f("selectorLink", String).null().max_len(4096).r_by(Super).schedules(),
            f("startOnCreate", Boolean).null().or_bool(false).c(),
            f("upgrade", Object("serviceUpgrade")).null(),
            f("vip", String).null().max_len(255).r_by(Super),
        ],
    ],
)
.child_of("service")
.methods(Methods::INSIDE)
.actions(&[
    Action::new("activate", "service"),
    Action::new("addservicelink", "service").input("addRemoveServiceLinkInput").by(Super),
    Action::new("cancelupgrade", "service"),
    Action::new("certificate", "externalService").no_output().by(Super),
    Action::new("continueupgrade", "service"),
    Action::new("create", "service"),
    Action::new("deactivate", "service"),
    Action::new("finishupgrade", "service"),
    Action::new("remove", "service"),
    Action::new("removeservicelink", "service").input("addRemoveServiceLinkInput").by(Super),
    Action::new("restart", "service").input("serviceRestart"),
    Action::new("rollback", "service"),
    Action::new("setservicelinks", "service").input("setServiceLinksInput").by(Super),
    Action::new("update", "service"),
    Action::new("upgrade", "service").input("serviceUpgrade"),
])
.links(DNS_SERVICE_LINKS);

/// `networkDriverService`.
pub const NETWORK_DRIVER_SERVICE: Type = Type::resource(
    "networkDriverService",
    "networkDriverServices",
    &SERVICE_LIFECYCLE,
    &[
        UNNAMED,
        SERVICE_FIELDS,
        RUNNING_FIELDS,
        &[f("networkDriver", Object("networkDriver")).required().cu().schedules()],
    ],
)
.child_of("service")
.methods(Methods::INSIDE)
.actions(&actions("networkDriverService"))
.links(DNS_SERVICE_LINKS);

/// `storageDriverService`.
pub const STORAGE_DRIVER_SERVICE: Type = Type::resource(
    "storageDriverService",
    "storageDriverServices",
    &SERVICE_LIFECYCLE,
    &[
        UNNAMED,
        SERVICE_FIELDS,
        RUNNING_FIELDS,
        &[f("storageDriver", Object("storageDriver")).required().cu().schedules()],
    ],
)
.child_of("service")
.methods(Methods::INSIDE)
.actions(&actions("storageDriverService"))
.links(DNS_SERVICE_LINKS);

/// `composeService`.
pub const COMPOSE_SERVICE: Type = Type::resource(
    "composeService",
    "composeServices",
    &SERVICE_LIFECYCLE,
    &[
        UNNAMED,
        SERVICE_FIELDS,
        &[
            f("assignServiceIpAddress", Boolean).or_bool(false).r_by(Super),
            f("createIndex", Int).null().max_len(255).r_by(Super),
            f("currentScale", Int),
            f("fqdn", String).null(),
            f("launchConfig", Object("launchConfig")).null().c(),
            f("lbConfig", Object("lbTargetConfig")).null().r_by(Super).schedules(),
            f("metadata", Map(&Json)).null().r_by(Super).schedules(),
            f("publicEndpoints", Array(&Object("publicEndpoint"))).null().cu(),
            f("retainIp", Boolean).null().r_by(Super).schedules(),
            f("scale", Int).or_int(1).min(0).cu().schedules(),
            f("scalePolicy", Object("scalePolicy")).null().cu().schedules(),
            f("secondaryLaunchConfigs", Array(&Object("secondaryLaunchConfig"))).r_by(Super),
            f("selectorContainer", String).null().max_len(4096).cu().schedules(),
            f("selectorLink", String).null().max_len(4096).cu().schedules(),
            f("startOnCreate", Boolean).null().or_bool(false).c(),
            f("upgrade", Object("serviceUpgrade")).null().r_by(Super),
            f("vip", String).null().max_len(255).c(),
        ],
    ],
)
.child_of("service")
.methods(Methods { delete: Inside, ..Methods::READ })
.actions(&[
    Action::new("activate", "service"),
    Action::new("addservicelink", "service").input("addRemoveServiceLinkInput").by(Super),
    Action::new("cancelupgrade", "service"),
    Action::new("certificate", "composeService").no_output().by(Super),
    Action::new("continueupgrade", "service"),
    Action::new("create", "service"),
    Action::new("deactivate", "service").by(Super),
    Action::new("finishupgrade", "service"),
    Action::new("remove", "service"),
    Action::new("removeservicelink", "service").input("addRemoveServiceLinkInput").by(Super),
    Action::new("restart", "service").input("serviceRestart").by(Super),
    Action::new("rollback", "service"),
    Action::new("setservicelinks", "service").input("setServiceLinksInput").by(Super),
    Action::new("update", "service").by(Super),
    Action::new("upgrade", "service").input("serviceUpgrade").by(Super),
])
.links(DNS_SERVICE_LINKS);

/// `kubernetesService`.
pub const KUBERNETES_SERVICE: Type = Type::resource(
    "kubernetesService",
    "kubernetesServices",
    &SERVICE_LIFECYCLE,
    &[
        UNNAMED,
        SERVICE_FIELDS,
        &[
            f("assignServiceIpAddress", Boolean).or_bool(false).r_by(Super),
            f("createIndex", Int).null().max_len(255).r_by(Super),
            f("currentScale", Int).r_by(Super),
            f("fqdn", String).null().r_by(Super),
            f("launchConfig", Object("launchConfig")).null().r_by(Super),
            f("lbConfig", Object("lbTargetConfig")).null().r_by(Super).schedules(),
            f("metadata", Map(&Json)).null().r_by(Super).schedules(),
            f("publicEndpoints", Array(&Object("publicEndpoint"))).null().r_by(Super),
            f("retainIp", Boolean).null().r_by(Super).schedules(),
            f("scale", Int).or_int(1).min(0).r_by(Super).schedules(),
            f("scalePolicy", Object("scalePolicy")).null().r_by(Super).schedules(),
            f("secondaryLaunchConfigs", Array(&Object("secondaryLaunchConfig"))).r_by(Super),
            f("selectorContainer", String).null().max_len(4096).schedules(),
            f("selectorLink", String).null().max_len(4096).r_by(Super).schedules(),
            f("startOnCreate", Boolean).null().or_bool(false).r_by(Super),
            f("template", Json),
            f("upgrade", Object("serviceUpgrade")).null().r_by(Super),
            f("vip", String).null().max_len(255),
        ],
    ],
)
.child_of("service")
.methods(Methods::READ)
.actions(&actions("kubernetesService"))
.links(DNS_SERVICE_LINKS);

/// `serviceProxy`.
pub const SERVICE_PROXY: Type = Type::computed(
    "serviceProxy",
    "serviceProxies",
    "serviceProxies",
    &[&[
        f("port", Int).null().or_int(80).min(0).c(),
        f("scheme", Enum).or_str("http").options(&["http", "https"]).c(),
        f("service", String).required().min_len(1).c(),
        f("token", String),
        f("url", String),
    ]],
)
.methods(Methods { list: Everyone, ..Methods::INPUT });
