//! Networks, subnets, addresses and ports.

use super::prelude::*;

/// Every type of this file.
pub const TYPES: &[&Type] = &[&NETWORK, &SUBNET, &PORT, &IP_ADDRESS];

/// States of `network`.
pub const NETWORK_LIFECYCLE: Lifecycle = Lifecycle::standard("network");

/// `network`.
pub const NETWORK: Type = Type::resource(
    "network",
    "networks",
    &NETWORK_LIFECYCLE,
    &[
        STANDARD,
        &[
            f("defaultPolicyAction", Enum)
                .or_str("allow")
                .options(&["allow", "deny"])
                .cu()
                .schedules(),
            f("dns", Array(&String)).c(),
            f("dnsSearch", Array(&String)).c(),
            f("domain", String).null().max_len(128).r_by(Super),
            f("hostPorts", Boolean).c(),
            f("isPublic", Boolean).r_by(Super),
            f("macPrefix", String).r_by(Super),
            f("metadata", Map(&Json)).cu(),
            f("policy", Array(&Object("networkPolicyRule"))).null().cu().schedules(),
            f("subnets", Array(&Object("subnet"))).c(),
        ],
    ],
)
.actions(&[
    Action::new("activate", "network"),
    Action::new("create", "network"),
    Action::new("deactivate", "network"),
    Action::new("purge", "network"),
    Action::new("remove", "network"),
    Action::new("update", "network"),
])
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Child { name: "ipAddresses", of: "ipAddress", field: "networkId" },
    Link::Child { name: "subnets", of: "subnet", field: "networkId" },
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
            f("cidrSize", Int).null().required().or_int(24).min(8).max(28).c(),
            f("endAddress", String).null().max_len(255).c(),
            f("gateway", String).null().max_len(255).c(),
            f("isPublic", Boolean).r_by(Super),
            f("networkAddress", String).null().required().max_len(255).c(),
            f("networkId", Reference("network")).null().required(),
            f("startAddress", String).null().max_len(255).c(),
        ],
    ],
)
.methods(Methods::READ)
.actions(&[
    Action::new("activate", "subnet"),
    Action::new("create", "subnet"),
    Action::new("deactivate", "subnet"),
    Action::new("purge", "subnet"),
    Action::new("remove", "subnet"),
    Action::new("update", "subnet"),
])
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
            f("instanceId", Reference("instance")).null(),
            f("privateIpAddressId", Reference("ipAddress")).null(),
            f("privatePort", Int).null(),
            f("protocol", String).null().max_len(128),
            f("publicIpAddressId", Reference("ipAddress")).null(),
            f("publicPort", Int).null().u().schedules(),
        ],
    ],
)
.methods(Methods { update: Project, ..Methods::READ })
.actions(&[
    Action::new("activate", "port"),
    Action::new("create", "port"),
    Action::new("deactivate", "port"),
    Action::new("purge", "port"),
    Action::new("remove", "port"),
    Action::new("update", "port"),
])
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Ref { name: "instance", field: "instanceId", to: "instance" },
    Link::Ref { name: "privateIpAddress", field: "privateIpAddressId", to: "ipAddress" },
    Link::Ref { name: "publicIpAddress", field: "publicIpAddressId", to: "ipAddress" },
]);

/// States of `ipAddress`.
pub const IP_ADDRESS_LIFECYCLE: Lifecycle = Lifecycle::standard("ipaddress");

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
            f("isPublic", Boolean).r_by(Super),
            f("networkId", Reference("network")).null(),
            f("role", String).null().max_len(128).r_by(Super),
            f("subnetId", Reference("subnet")).null().r_by(Super),
        ],
    ],
)
.methods(Methods::READ)
.actions(&[
    Action::new("activate", "ipAddress"),
    Action::new("create", "ipAddress"),
    Action::new("deactivate", "ipAddress"),
    Action::new("purge", "ipAddress"),
    Action::new("remove", "ipAddress"),
    Action::new("update", "ipAddress"),
])
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Ref { name: "network", field: "networkId", to: "network" },
    Link::Child { name: "privatePorts", of: "port", field: "privateIpAddressId" },
    Link::Child { name: "publicPorts", of: "port", field: "publicIpAddressId" },
    Link::Ref { name: "subnet", field: "subnetId", to: "subnet" },
]);
