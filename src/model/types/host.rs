//! Hosts and what they offer.

use super::prelude::*;

/// Every type of this file.
pub const TYPES: &[&Type] = &[
    &HOST,
    &HOST_IP_ADDRESS_MAP,
    &HOST_LABEL_MAP,
    &CLUSTER_HOST_MAP,
    &PUBLIC_ENDPOINT,
    &ZONE,
    &RESOURCE_POOL,
];

/// States of `host`.
pub const HOST_LIFECYCLE: Lifecycle = Lifecycle::new(
    "host",
    &[
        CREATE,
        t("activate", &["inactive", "registering", "provisioned"], "activating", "active"),
        DEACTIVATE,
        UPDATE,
        t(
            "remove",
            &[
                "erroring",
                "error",
                "requested",
                "inactive",
                "activating",
                "deactivating",
                "registering",
                "updating-active",
                "updating-inactive",
                "provisioning",
            ],
            "removing",
            "removed",
        ),
        PURGE,
        t("error", &["provisioning"], "erroring", "error"),
        t("provision", &["inactive"], "provisioning", "provisioned"),
    ],
);

/// `host`.
pub const HOST: Type = Type::resource(
    "host",
    "hosts",
    &HOST_LIFECYCLE,
    &[
        STANDARD,
        &[
            f("agentId", Reference("agent")).null().max_len(255).r_by(Admin),
            f("agentIpAddress", String).null(),
            f("agentState", String).null().max_len(128),
            f("apiProxy", String).null().u_by(Admin).r_by(Admin),
            f("computeFree", Int).null().max_len(255).r_by(Super),
            f("computeTotal", Int).null().max_len(255),
            f("driver", String).r_by(Super),
            f("hostTemplateId", Reference("hostTemplate")).null().max_len(255).c(),
            f("hostname", String).required().c(),
            f("info", Json),
            f("instanceIds", Array(&Reference("instance"))),
            f("isPublic", Boolean).max_len(255).r_by(Super),
            f("labels", Map(&String)).u().schedules(),
            f("localStorageMb", Int).null().max_len(255).cu().schedules(),
            f("memory", Int).null().max_len(255).cu().schedules(),
            f("milliCpu", Int).null().max_len(255).cu().schedules(),
            f("physicalHostId", Reference("physicalHost")).null().max_len(255),
            f("publicEndpoints", Array(&Object("publicEndpoint"))).null(),
            f("removeAfter", Date).null().max_len(255).r_by(Super),
            f("reportedUuid", String).r_by(Super).indexed(),
            f("stackId", Reference("stack")).null().max_len(255).c(),
            f("uri", String).null().max_len(255).r_by(Super),
            f("zoneId", Reference("zone")).null().max_len(255).r_by(Super),
        ],
    ],
)
.methods(Methods { create: Nobody, ..Methods::INSIDE })
.actions(&[
    Action::new("activate", "host"),
    Action::new("create", "host"),
    Action::new("deactivate", "host"),
    Action::new("delete", "host").no_output(),
    Action::new("dockersocket", "hostAccess").states(&[
        "active",
        "inactive",
        "activating",
        "deactivating",
    ]),
    Action::new("error", "host"),
    Action::new("evacuate", "host").states(&["active", "inactive"]),
    Action::new("provision", "host"),
    Action::new("purge", "host"),
    Action::new("remove", "host"),
    Action::new("update", "host"),
    Action::new("upgrade", "host").no_output(),
])
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Ref { name: "agent", field: "agentId", to: "agent" },
    Link::Map {
        name: "clusters",
        through: "clusterHostMap",
        here: "hostId",
        there: "clusterId",
        to: "host",
    },
    Link::Computed { name: "config" },
    Link::Child { name: "configItemStatuses", of: "configItemStatus", field: "hostId" },
    Link::Child { name: "containerEvents", of: "containerEvent", field: "hostId" },
    Link::Computed { name: "containerStats" },
    Link::Child {
        name: "healthcheckInstanceHostMaps",
        of: "healthcheckInstanceHostMap",
        field: "hostId",
    },
    Link::Child { name: "hostIpAddressMaps", of: "hostIpAddressMap", field: "hostId" },
    Link::Child { name: "hostLabelMaps", of: "hostLabelMap", field: "hostId" },
    Link::Map {
        name: "hostLabels",
        through: "hostLabelMap",
        here: "hostId",
        there: "labelId",
        to: "label",
    },
    Link::Computed { name: "hostStats" },
    Link::Ref { name: "hostTemplate", field: "hostTemplateId", to: "hostTemplate" },
    Link::Map {
        name: "hosts",
        through: "clusterHostMap",
        here: "clusterId",
        there: "hostId",
        to: "host",
    },
    Link::Child { name: "instanceHostMaps", of: "instanceHostMap", field: "hostId" },
    Link::Child { name: "instances", of: "instance", field: "hostId" },
    Link::Map {
        name: "ipAddresses",
        through: "hostIpAddressMap",
        here: "hostId",
        there: "ipAddressId",
        to: "ipAddress",
    },
    Link::Ref { name: "physicalHost", field: "physicalHostId", to: "physicalHost" },
    Link::Child { name: "serviceEvents", of: "serviceEvent", field: "hostId" },
    Link::Ref { name: "stack", field: "stackId", to: "stack" },
    Link::Computed { name: "stats" },
    Link::Child { name: "storagePoolHostMaps", of: "storagePoolHostMap", field: "hostId" },
    Link::Map {
        name: "storagePools",
        through: "storagePoolHostMap",
        here: "hostId",
        there: "storagePoolId",
        to: "storagePool",
    },
    Link::Child { name: "volumes", of: "volume", field: "hostId" },
    Link::Ref { name: "zone", field: "zoneId", to: "zone" },
]);

/// States of `hostIpAddressMap`.
pub const HOST_IP_ADDRESS_MAP_LIFECYCLE: Lifecycle = Lifecycle::standard("hostipaddressmap");

/// `hostIpAddressMap`.
pub const HOST_IP_ADDRESS_MAP: Type = Type::resource(
    "hostIpAddressMap",
    "hostIpAddressMaps",
    &HOST_IP_ADDRESS_MAP_LIFECYCLE,
    &[&[
        f("created", Date).null().max_len(255).r_by(Super),
        f("data", Map(&Json)).null().max_len(16777215).r_by(Super),
        f("description", String).null().max_len(1024).r_by(Super),
        f("hostId", Reference("host")).null().max_len(255).r_by(Super),
        f("id", Int).null().r_by(Super),
        f("ipAddressId", Reference("ipAddress")).null().max_len(255).r_by(Super),
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
    Action::new("activate", "hostIpAddressMap").by(Super),
    Action::new("create", "hostIpAddressMap").by(Super),
    Action::new("deactivate", "hostIpAddressMap").by(Super),
    Action::new("purge", "hostIpAddressMap").by(Super),
    Action::new("remove", "hostIpAddressMap").by(Super),
    Action::new("update", "hostIpAddressMap").by(Super),
])
.links(&[
    Link::Ref { name: "host", field: "hostId", to: "host" },
    Link::Ref { name: "ipAddress", field: "ipAddressId", to: "ipAddress" },
]);

/// States of `hostLabelMap`.
pub const HOST_LABEL_MAP_LIFECYCLE: Lifecycle = Lifecycle::new(
    "hostlabelmap",
    &[
        t("create", &["requested"], "creating", "created"),
        t("remove", &["created", "creating"], "removing", "removed"),
    ],
);

/// `hostLabelMap`.
pub const HOST_LABEL_MAP: Type = Type::computed(
    "hostLabelMap",
    "hostLabelMaps",
    "hostLabelMaps",
    &[&[
        f("accountId", Reference("account")).null().max_len(255).r_by(Super),
        f("created", Date).null().max_len(255).r_by(Super),
        f("data", Map(&Json)).null().max_len(16777215).r_by(Super),
        f("description", String).null().max_len(1024).r_by(Super),
        f("hostId", Reference("host")).null().max_len(255).r_by(Super),
        f("id", Int).null().r_by(Super),
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
.states_of(&HOST_LABEL_MAP_LIFECYCLE)
.for_audience(Super)
.methods(Methods { list: Super, get: Super, ..Methods::NONE })
.actions(&[
    Action::new("create", "hostLabelMap").by(Super),
    Action::new("remove", "hostLabelMap").by(Super),
])
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Ref { name: "host", field: "hostId", to: "host" },
    Link::Ref { name: "label", field: "labelId", to: "label" },
]);

/// `clusterHostMap`.
pub const CLUSTER_HOST_MAP: Type = Type::computed(
    "clusterHostMap",
    "clusterHostMaps",
    "clusterHostMaps",
    &[&[
        f("clusterId", Reference("host")).null().max_len(255).r_by(Super),
        f("created", Date).null().max_len(255).r_by(Super),
        f("data", Map(&Json)).null().max_len(16777215).r_by(Super),
        f("description", String).null().max_len(1024).r_by(Super),
        f("hostId", Reference("host")).null().max_len(255).r_by(Super),
        f("id", Int).null().r_by(Super),
        f("kind", String).null().max_len(255).r_by(Super),
        f("name", String).null().max_len(255).r_by(Super),
        f("removeTime", Date).null().max_len(255).r_by(Super),
        f("removed", Date).null().max_len(255).r_by(Super),
        f("state", String).null().max_len(128).r_by(Super),
        f("uuid", String).null().max_len(128).r_by(Super),
    ]],
)
.for_audience(Super)
.methods(Methods { list: Super, get: Super, ..Methods::NONE })
.links(&[
    Link::Ref { name: "cluster", field: "clusterId", to: "host" },
    Link::Ref { name: "host", field: "hostId", to: "host" },
]);

/// `publicEndpoint`.
pub const PUBLIC_ENDPOINT: Type = Type::value(
    "publicEndpoint",
    "publicEndpoints",
    &[&[
        f("hostId", Reference("host")).c(),
        f("instanceId", Reference("instance")).c(),
        f("ipAddress", String).c(),
        f("port", Int).null().c(),
        f("serviceId", Reference("service")).c(),
    ]],
)
.methods(Methods { create: Outside, ..Methods::VALUE });

/// States of `zone`.
pub const ZONE_LIFECYCLE: Lifecycle = Lifecycle::standard("zone");

/// `zone`.
pub const ZONE: Type = Type::resource(
    "zone",
    "zones",
    &ZONE_LIFECYCLE,
    &[&[
        f("accountId", Reference("account")).null().max_len(255).r_by(Super),
        f("created", Date).null().max_len(255).r_by(Super),
        f("data", Map(&Json)).null().max_len(16777215).r_by(Super),
        f("description", String).null().max_len(1024).r_by(Super),
        f("id", Int).null().r_by(Super),
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
.global()
.for_audience(Super)
.methods(Methods::SUPER)
.actions(&[
    Action::new("activate", "zone").by(Super),
    Action::new("create", "zone").by(Super),
    Action::new("deactivate", "zone").by(Super),
    Action::new("purge", "zone").by(Super),
    Action::new("remove", "zone").by(Super),
    Action::new("update", "zone").by(Super),
])
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Child { name: "agents", of: "agent", field: "zoneId" },
    Link::Child { name: "hosts", of: "host", field: "zoneId" },
    Link::Child { name: "instances", of: "instance", field: "zoneId" },
    Link::Child { name: "storagePools", of: "storagePool", field: "zoneId" },
    Link::Child { name: "volumes", of: "volume", field: "zoneId" },
]);

/// `resourcePool`.
pub const RESOURCE_POOL: Type = Type::record(
    "resourcePool",
    "resourcePools",
    &[&[
        f("accountId", Reference("account")).null().max_len(255).r_by(Super),
        f("created", Date).null().max_len(255).r_by(Super),
        f("data", Map(&Json)).null().max_len(16777215).r_by(Super),
        f("description", String).null().max_len(1024).r_by(Super),
        f("id", Int).null().r_by(Super),
        f("item", String).null().max_len(255).r_by(Super),
        f("kind", String).null().max_len(255).r_by(Super),
        f("name", String).null().max_len(255).r_by(Super),
        f("ownerId", Int).null().max_len(255).r_by(Super),
        f("ownerType", String).null().max_len(255).r_by(Super),
        f("poolId", Int).null().max_len(255).r_by(Super),
        f("poolType", String).null().max_len(255).r_by(Super),
        f("qualifier", String).null().max_len(128).r_by(Super),
        f("removeTime", Date).null().max_len(255).r_by(Super),
        f("removed", Date).null().max_len(255).r_by(Super),
        f("state", String).null().max_len(128).r_by(Super),
        f("uuid", String).null().max_len(128).r_by(Super),
    ]],
)
.global()
.for_audience(Super)
.methods(Methods { list: Super, get: Super, ..Methods::NONE })
.links(&[Link::Ref { name: "account", field: "accountId", to: "account" }]);
