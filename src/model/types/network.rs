//! Networks, subnets, addresses and ports.

use super::prelude::*;

/// Every type of this file.
pub const TYPES: &[&Type] = &[
    &NETWORK,
    &DEFAULT_NETWORK,
    &HOST_ONLY_NETWORK,
    &NETWORK_DRIVER,
    &SUBNET,
    &PORT,
    &IP_ADDRESS,
    &IP_ADDRESS_NIC_MAP,
    &NIC,
    &NETWORK_POLICY_RULE,
    &NETWORK_POLICY_RULE_ACTION,
    &NETWORK_POLICY_RULE_BETWEEN,
    &NETWORK_POLICY_RULE_MEMBER,
    &NETWORK_POLICY_RULE_WITHIN,
];

/// Fields of networks of every kind.
const NETWORK_FIELDS: &[Field] = &[
    f("domain", String).null().max_len(128).r_by(Super),
    f("isPublic", Boolean).max_len(255).r_by(Super),
    f("macPrefix", String).r_by(Super),
];

/// States of `network`.
pub const NETWORK_LIFECYCLE: Lifecycle = Lifecycle::standard("network");

/// Where a `network` leads, and what shares it.
pub const NETWORK_LINKS: &[Link] = &[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Child { name: "ipAddresses", of: "ipAddress", field: "networkId" },
    Link::Ref { name: "networkDriver", field: "networkDriverId", to: "networkDriver" },
    Link::Child { name: "nics", of: "nic", field: "networkId" },
    Link::Child { name: "subnets", of: "subnet", field: "networkId" },
];

/// `network`.
pub const NETWORK: Type = Type::resource(
    "network",
    "networks",
    &NETWORK_LIFECYCLE,
    &[
        STANDARD,
        NETWORK_FIELDS,
        &[
            f("defaultPolicyAction", Enum)
                .or_str("allow")
                .options(&["allow", "deny"])
                .cu()
                .schedules(),
            f("dns", Array(&String)).c(),
            f("dnsSearch", Array(&String)).c(),
            f("hostPorts", Boolean).c(),
            f("metadata", Map(&Json)).cu(),
            f("networkDriverId", Reference("networkDriver")).required().max_len(255).c(),
            f("policy", Array(&Object("networkPolicyRule"))).null().cu().schedules(),
            f("subnets", Array(&Object("subnet"))).c(),
        ],
    ],
)
.methods(Methods::INSIDE)
.actions(&standard_actions("network"))
.links(NETWORK_LINKS);

/// `defaultNetwork`.
pub const DEFAULT_NETWORK: Type = Type::resource(
    "defaultNetwork",
    "defaultNetworks",
    &NETWORK_LIFECYCLE,
    &[
        NETWORK_FIELDS,
        &[
            f("accountId", Reference("account")).null().max_len(255),
            f("created", Date).null().max_len(255),
            f("data", Map(&Json)).null().max_len(16777215).r_by(Admin),
            f("defaultPolicyAction", Enum)
                .or_str("allow")
                .options(&["allow", "deny"])
                .cu()
                .schedules(),
            f("description", String).null().max_len(1024).cu(),
            f("dns", Array(&String)).c(),
            f("dnsSearch", Array(&String)).c(),
            f("hostPorts", Boolean).c(),
            f("id", Int).null(),
            f("kind", String).null().max_len(255).c(),
            f("metadata", Map(&Json)).cu(),
            f("name", String).null().max_len(255).cu(),
            f("networkDriverId", Reference("networkDriver")).required().max_len(255).r_by(Super),
            f("policy", Array(&Object("networkPolicyRule"))).null().cu().schedules(),
            f("removeTime", Date).null().max_len(255).r_by(Admin),
            f("removed", Date).null().max_len(255),
            f("state", Enum).max_len(128),
            f("subnets", Array(&Object("subnet"))).c(),
            f("transitioning", Enum).options(&["yes", "no", "error"]),
            f("transitioningMessage", String).null(),
            f("transitioningProgress", Int).null(),
            f("uuid", String).null().max_len(128),
        ],
    ],
)
.child_of("network")
.methods(Methods::VALUE)
.actions(&standard_actions("network"))
.links(NETWORK_LINKS);

/// `hostOnlyNetwork`.
pub const HOST_ONLY_NETWORK: Type = Type::resource(
    "hostOnlyNetwork",
    "hostOnlyNetworks",
    &NETWORK_LIFECYCLE,
    &[
        NETWORK_FIELDS,
        &[
            f("accountId", Reference("account")).null().max_len(255).r_by(Super),
            f("created", Date).null().max_len(255).r_by(Super),
            f("data", Map(&Json)).null().max_len(16777215).r_by(Super),
            f("defaultPolicyAction", Enum)
                .or_str("allow")
                .options(&["allow", "deny"])
                .r_by(Super)
                .schedules(),
            f("description", String).null().max_len(1024).r_by(Super),
            f("dns", Array(&String)).r_by(Super),
            f("dnsSearch", Array(&String)).r_by(Super),
            f("hostPorts", Boolean).r_by(Super),
            f("id", Int).null().r_by(Super),
            f("kind", String).null().max_len(255).r_by(Super),
            f("metadata", Map(&Json)).r_by(Super),
            f("name", String).null().max_len(255).r_by(Super),
            f("networkDriverId", Reference("networkDriver")).required().max_len(255).r_by(Super),
            f("policy", Array(&Object("networkPolicyRule"))).null().r_by(Super).schedules(),
            f("removeTime", Date).null().max_len(255).r_by(Super),
            f("removed", Date).null().max_len(255).r_by(Super),
            f("state", Enum).max_len(128).r_by(Super),
            f("subnets", Array(&Object("subnet"))).r_by(Super),
            f("transitioning", Enum).options(&["yes", "no", "error"]).r_by(Super),
            f("transitioningMessage", String).null().r_by(Super),
            f("transitioningProgress", Int).null().r_by(Super),
            f("uuid", String).null().max_len(128).r_by(Super),
        ],
    ],
)
.child_of("network")
.for_audience(Super)
.methods(Methods::SUPER)
.actions(&[
    Action::new("activate", "network").by(Super),
    Action::new("create", "network").by(Super),
    Action::new("deactivate", "network").by(Super),
    Action::new("purge", "network").by(Super),
    Action::new("remove", "network").by(Super),
    Action::new("update", "network").by(Super),
])
.links(NETWORK_LINKS);

/// States of `networkDriver`.
pub const NETWORK_DRIVER_LIFECYCLE: Lifecycle = Lifecycle::new(
    "networkdriver",
    &[
        t("create", &["requested"], "creating", "active"),
        t("activate", &["requested", "inactive"], "activating", "active"),
        t("deactivate", &["activating", "active"], "deactivating", "inactive"),
        t("update", &["active", "inactive"], "updating", "active"),
        t("remove", &["requested", "creating", "inactive", "active"], "removing", "removed"),
    ],
);

/// `networkDriver`.
pub const NETWORK_DRIVER: Type = Type::resource(
    "networkDriver",
    "networkDrivers",
    &NETWORK_DRIVER_LIFECYCLE,
    &[
        STANDARD,
        &[
            f("cniConfig", Map(&Json)).c(),
            f("defaultNetwork", Object("defaultNetwork")).c(),
            f("networkMetadata", Map(&Json)).c(),
            f("serviceId", Reference("service")).null().max_len(255),
        ],
    ],
)
.methods(Methods::READ)
.actions(&[
    Action::new("activate", "networkDriver"),
    Action::new("create", "networkDriver"),
    Action::new("deactivate", "networkDriver"),
    Action::new("remove", "networkDriver"),
    Action::new("update", "networkDriver"),
])
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Child { name: "networks", of: "network", field: "networkDriverId" },
    Link::Ref { name: "service", field: "serviceId", to: "service" },
]);

/// States of `subnet`.
pub const SUBNET_LIFECYCLE: Lifecycle = Lifecycle::standard("subnet");

/// `subnet`.
pub const SUBNET: Type = Type::resource(
    "subnet",
    "subnets",
    &SUBNET_LIFECYCLE,
    &[
        STANDARD,
        &[
            f("cidrSize", Int).null().required().or_int(24).min(8).max(28).max_len(255).c(),
            f("endAddress", String).null().max_len(255).c(),
            f("gateway", String).null().max_len(255).c(),
            f("isPublic", Boolean).max_len(255).r_by(Super),
            f("networkAddress", String).null().required().max_len(255).c(),
            f("networkId", Reference("network")).null().required().max_len(255),
            f("startAddress", String).null().max_len(255).c(),
        ],
    ],
)
.methods(Methods::READ)
.actions(&standard_actions("subnet"))
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Child { name: "ipAddresses", of: "ipAddress", field: "subnetId" },
    Link::Ref { name: "network", field: "networkId", to: "network" },
]);

/// States of `port`.
pub const PORT_LIFECYCLE: Lifecycle = Lifecycle::standard("port");

/// `port`.
pub const PORT: Type = Type::resource(
    "port",
    "ports",
    &PORT_LIFECYCLE,
    &[
        STANDARD,
        &[
            f("bindAddress", String).null(),
            f("instanceId", Reference("instance")).null().max_len(255),
            f("privateIpAddressId", Reference("ipAddress")).null().max_len(255),
            f("privatePort", Int).null().max_len(255),
            f("protocol", String).null().max_len(128),
            f("publicIpAddressId", Reference("ipAddress")).null().max_len(255),
            f("publicPort", Int).null().max_len(255).u().schedules(),
        ],
    ],
)
.methods(Methods { update: Inside, ..Methods::READ })
.actions(&standard_actions("port"))
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Ref { name: "instance", field: "instanceId", to: "instance" },
    Link::Ref { name: "privateIpAddress", field: "privateIpAddressId", to: "ipAddress" },
    Link::Ref { name: "publicIpAddress", field: "publicIpAddressId", to: "ipAddress" },
]);

/// States of `ipAddress`.
pub const IP_ADDRESS_LIFECYCLE: Lifecycle = Lifecycle::new(
    "ipaddress",
    &[
        CREATE,
        ACTIVATE,
        DEACTIVATE,
        UPDATE,
        REMOVE,
        PURGE,
        t("associate", &["active"], "associating", "associated"),
        t("disassociate", &["associating", "associated"], "disassociating", "active"),
    ],
);

/// `ipAddress`.
pub const IP_ADDRESS: Type = Type::resource(
    "ipAddress",
    "ipAddresses",
    &IP_ADDRESS_LIFECYCLE,
    &[
        STANDARD,
        &[
            f("address", String).null().max_len(255),
            f("hostname", String).null().max_len(255).r_by(Super),
            f("isPublic", Boolean).max_len(255).r_by(Super),
            f("networkId", Reference("network")).null().max_len(255),
            f("role", String).null().max_len(128).r_by(Super),
            f("subnetId", Reference("subnet")).null().max_len(255).r_by(Super),
        ],
    ],
)
.methods(Methods::READ)
.actions(&[
    Action::new("activate", "ipAddress"),
    Action::new("associate", "ipAddress"),
    Action::new("create", "ipAddress"),
    Action::new("deactivate", "ipAddress"),
    Action::new("disassociate", "ipAddress"),
    Action::new("purge", "ipAddress"),
    Action::new("remove", "ipAddress"),
    Action::new("update", "ipAddress"),
])
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Child { name: "hostIpAddressMaps", of: "hostIpAddressMap", field: "ipAddressId" },
    Link::Map {
        name: "hosts",
        through: "hostIpAddressMap",
        here: "ipAddressId",
        there: "hostId",
        to: "host",
    },
    Link::Child { name: "ipAddressNicMaps", of: "ipAddressNicMap", field: "ipAddressId" },
    Link::Ref { name: "network", field: "networkId", to: "network" },
    Link::Map {
        name: "nics",
        through: "ipAddressNicMap",
        here: "ipAddressId",
        there: "nicId",
        to: "nic",
    },
    Link::Child { name: "privatePorts", of: "port", field: "privateIpAddressId" },
    Link::Child { name: "publicPorts", of: "port", field: "publicIpAddressId" },
    Link::Ref { name: "subnet", field: "subnetId", to: "subnet" },
]);

/// States of `ipAddressNicMap`.
pub const IP_ADDRESS_NIC_MAP_LIFECYCLE: Lifecycle = Lifecycle::standard("ipaddressnicmap");

/// `ipAddressNicMap`.
pub const IP_ADDRESS_NIC_MAP: Type = Type::resource(
    "ipAddressNicMap",
    "ipAddressNicMaps",
    &IP_ADDRESS_NIC_MAP_LIFECYCLE,
    &[&[
        f("created", Date).null().max_len(255).r_by(Super),
        f("data", Map(&Json)).null().max_len(16777215).r_by(Super),
        f("description", String).null().max_len(1024).r_by(Super),
        f("id", Int).null().r_by(Super),
        f("ipAddressId", Reference("ipAddress")).null().max_len(255).r_by(Super),
        f("kind", String).null().max_len(255).r_by(Super),
        f("name", String).null().max_len(255).r_by(Super),
        f("nicId", Reference("nic")).null().max_len(255).r_by(Super),
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
    Action::new("activate", "ipAddressNicMap").by(Super),
    Action::new("create", "ipAddressNicMap").by(Super),
    Action::new("deactivate", "ipAddressNicMap").by(Super),
    Action::new("purge", "ipAddressNicMap").by(Super),
    Action::new("remove", "ipAddressNicMap").by(Super),
    Action::new("update", "ipAddressNicMap").by(Super),
])
.links(&[
    Link::Ref { name: "ipAddress", field: "ipAddressId", to: "ipAddress" },
    Link::Ref { name: "nic", field: "nicId", to: "nic" },
]);

/// States of `nic`.
pub const NIC_LIFECYCLE: Lifecycle = Lifecycle::standard("nic");

/// `nic`.
pub const NIC: Type = Type::resource(
    "nic",
    "nics",
    &NIC_LIFECYCLE,
    &[&[
        f("accountId", Reference("account")).null().max_len(255).r_by(Super),
        f("created", Date).null().max_len(255).r_by(Super),
        f("data", Map(&Json)).null().max_len(16777215).r_by(Super),
        f("description", String).null().max_len(1024).r_by(Super),
        f("deviceNumber", Int).null().max_len(255).r_by(Super),
        f("id", Int).null().r_by(Super),
        f("instanceId", Reference("instance")).null().max_len(255).r_by(Super),
        f("kind", String).null().max_len(255).r_by(Super),
        f("macAddress", String).null().max_len(128).r_by(Super),
        f("name", String).null().max_len(255).r_by(Super),
        f("networkId", Reference("network")).null().max_len(255).r_by(Super),
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
    Action::new("activate", "nic").by(Super),
    Action::new("create", "nic").by(Super),
    Action::new("deactivate", "nic").by(Super),
    Action::new("purge", "nic").by(Super),
    Action::new("remove", "nic").by(Super),
    Action::new("update", "nic").by(Super),
])
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Ref { name: "instance", field: "instanceId", to: "instance" },
    Link::Child { name: "ipAddressNicMaps", of: "ipAddressNicMap", field: "nicId" },
    Link::Map {
        name: "ipAddresses",
        through: "ipAddressNicMap",
        here: "nicId",
        there: "ipAddressId",
        to: "ipAddress",
    },
    Link::Ref { name: "network", field: "networkId", to: "network" },
]);

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
)
.methods(Methods { create: Everyone, ..Methods::VALUE });

/// `networkPolicyRuleAction`.
pub const NETWORK_POLICY_RULE_ACTION: Type =
    Type::value("networkPolicyRuleAction", "networkPolicyRuleActions", &[&[]]).for_audience(Super);

/// `networkPolicyRuleBetween`.
pub const NETWORK_POLICY_RULE_BETWEEN: Type = Type::value(
    "networkPolicyRuleBetween",
    "networkPolicyRuleBetweens",
    &[&[f("groupBy", String).c(), f("selector", String).c()]],
)
.methods(Methods { create: Everyone, ..Methods::VALUE });

/// `networkPolicyRuleMember`.
pub const NETWORK_POLICY_RULE_MEMBER: Type = Type::value(
    "networkPolicyRuleMember",
    "networkPolicyRuleMembers",
    &[&[f("selector", String).c()]],
)
.methods(Methods { create: Everyone, ..Methods::VALUE });

/// `networkPolicyRuleWithin`.
pub const NETWORK_POLICY_RULE_WITHIN: Type =
    Type::value("networkPolicyRuleWithin", "networkPolicyRuleWithins", &[&[]])
        .methods(Methods { create: Everyone, ..Methods::READ });
