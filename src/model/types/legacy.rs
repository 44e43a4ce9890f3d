//! Types that only `/v1` knows: they came from before Rancher 1.0, and most had no rows even then.

use super::prelude::*;

/// Every type of this file.
pub const TYPES: &[&Type] = &[
    &ADD_REMOVE_LOAD_BALANCER_SERVICE_LINK_INPUT,
    &AGENT_GROUP,
    &AGENT_INSTANCE_PROVIDER,
    &DHCP_SERVICE,
    &GATEWAY_SERVICE,
    &GITHUBCONFIG,
    &HOST_NAT_GATEWAY_SERVICE,
    &HOST_VNET_MAP,
    &IP_ADDRESS_ASSOCIATE_INPUT,
    &IP_ASSOCIATION,
    &IP_POOL,
    &IPSEC_TUNNEL_SERVICE,
    &LDAPCONFIG,
    &LINK_SERVICE,
    &LOAD_BALANCER_APP_COOKIE_STICKINESS_POLICY,
    &LOAD_BALANCER_SERVICE_LINK,
    &METADATA_SERVICE,
    &NETWORK_SERVICE,
    &NETWORK_SERVICE_PROVIDER,
    &NETWORK_SERVICE_PROVIDER_INSTANCE_MAP,
    &OFFERING,
    &PORT_SERVICE,
    &SET_LABELS_INPUT,
    &SET_LOAD_BALANCER_SERVICE_LINKS_INPUT,
    &SUBNET_IP_POOL,
    &SUBNET_VNET_MAP,
    &VNET,
];

/// Names of the types of this file.
pub const NAMES: &[&str] = &[
    "addRemoveLoadBalancerServiceLinkInput",
    "agentGroup",
    "agentInstanceProvider",
    "dhcpService",
    "gatewayService",
    "githubconfig",
    "hostNatGatewayService",
    "hostVnetMap",
    "ipAddressAssociateInput",
    "ipAssociation",
    "ipPool",
    "ipsecTunnelService",
    "ldapconfig",
    "linkService",
    "loadBalancerAppCookieStickinessPolicy",
    "loadBalancerServiceLink",
    "metadataService",
    "networkService",
    "networkServiceProvider",
    "networkServiceProviderInstanceMap",
    "offering",
    "portService",
    "setLabelsInput",
    "setLoadBalancerServiceLinksInput",
    "subnetIpPool",
    "subnetVnetMap",
    "vnet",
];

/// `addRemoveLoadBalancerServiceLinkInput`.
pub const ADD_REMOVE_LOAD_BALANCER_SERVICE_LINK_INPUT: Type = Type::value(
    "addRemoveLoadBalancerServiceLinkInput",
    "addRemoveLoadBalancerServiceLinkInputs",
    &[&[f("serviceLink", Object("loadBalancerServiceLink")).required().c()]],
);

/// `agentGroup`.
pub const AGENT_GROUP: Type = Type::value(
    "agentGroup",
    "agentGroups",
    &[&[
        f("accountId", Reference("account")).null().max_len(255),
        f("created", Date).null().max_len(255),
        f("data", Map(&Json)).null().max_len(16777215).r_by(Admin),
        f("description", String).null().max_len(1024).cu(),
        f("id", Int).null(),
        f("kind", String).null().max_len(255),
        f("name", String).null().max_len(255).cu(),
        f("removeTime", Date).null().max_len(255).r_by(Admin),
        f("removed", Date).null().max_len(255),
        f("state", Enum).max_len(128),
        f("uuid", String).null().max_len(128),
    ]],
)
.for_audience(Super)
.methods(Methods::NONE);

/// `agentInstanceProvider`.
pub const AGENT_INSTANCE_PROVIDER: Type = Type::value(
    "agentInstanceProvider",
    "agentInstanceProviders",
    &[
        STANDARD,
        &[
            f("agentInstanceImageUuid", String),
            f("networkId", Reference("network")).required().max_len(255),
        ],
    ],
)
.for_audience(Super)
.methods(Methods::NONE)
.child_of("networkServiceProvider");

/// `dhcpService`.
pub const DHCP_SERVICE: Type = Type::value(
    "dhcpService",
    "dhcpServices",
    &[
        STANDARD,
        &[
            f("networkId", Reference("network")).required().max_len(255),
            f("networkServiceProviderId", Reference("networkServiceProvider")).null().max_len(255),
        ],
    ],
)
.for_audience(Super)
.methods(Methods::NONE)
.child_of("networkService");

/// `gatewayService`.
pub const GATEWAY_SERVICE: Type = Type::value(
    "gatewayService",
    "gatewayServices",
    &[
        STANDARD,
        &[
            f("networkId", Reference("network")).required().max_len(255),
            f("networkServiceProviderId", Reference("networkServiceProvider")).null().max_len(255),
        ],
    ],
)
.for_audience(Super)
.methods(Methods::NONE)
.child_of("networkService");

/// `githubconfig`.
pub const GITHUBCONFIG: Type = Type::computed(
    "githubconfig",
    "githubconfigs",
    "githubconfigs",
    &[&[
        f("accessMode", Enum)
            .required()
            .or_str("unrestricted")
            .options(&["restricted", "unrestricted", "required"])
            .c_by(Admin)
            .r_by(Admin),
        f("allowedIdentities", Array(&Object("identity"))).null().c_by(Admin).r_by(Admin),
        f("clientId", String).null().c_by(Admin).r_by(Admin),
        f("clientSecret", String).null().c_by(Admin).r_by(Admin),
        f("enabled", Boolean).null().c_by(Admin).r_by(Admin),
        f("hostname", String).null().c_by(Admin).r_by(Admin),
        f("name", String).c_by(Admin).u_by(Admin).r_by(Admin),
        f("scheme", String).null().c_by(Admin).r_by(Admin),
    ]],
)
.for_audience(Admin)
.methods(Methods { create: Admin, update: Admin, ..Methods::ADMIN_READ });

/// `hostNatGatewayService`.
pub const HOST_NAT_GATEWAY_SERVICE: Type = Type::value(
    "hostNatGatewayService",
    "hostNatGatewayServices",
    &[
        STANDARD,
        &[
            f("networkId", Reference("network")).required().max_len(255),
            f("networkServiceProviderId", Reference("networkServiceProvider")).null().max_len(255),
        ],
    ],
)
.for_audience(Super)
.methods(Methods::NONE)
.child_of("networkService");

/// `hostVnetMap`.
pub const HOST_VNET_MAP: Type = Type::value(
    "hostVnetMap",
    "hostVnetMaps",
    &[&[
        f("created", Date).null().max_len(255),
        f("data", Map(&Json)).null().max_len(16777215).r_by(Admin),
        f("description", String).null().max_len(1024).cu(),
        f("hostId", Reference("host")).null().max_len(255),
        f("id", Int).null(),
        f("kind", String).null().max_len(255),
        f("name", String).null().max_len(255).cu(),
        f("removeTime", Date).null().max_len(255).r_by(Admin),
        f("removed", Date).null().max_len(255),
        f("state", Enum).max_len(128),
        f("transitioning", Enum).options(&["yes", "no", "error"]),
        f("transitioningMessage", String).null(),
        f("transitioningProgress", Int).null(),
        f("uuid", String).null().max_len(128),
        f("vnetId", Reference("vnet")).null().max_len(255),
    ]],
)
.for_audience(Super)
.methods(Methods::NONE);

/// `ipAddressAssociateInput`.
pub const IP_ADDRESS_ASSOCIATE_INPUT: Type = Type::value(
    "ipAddressAssociateInput",
    "ipAddressAssociateInputs",
    &[&[f("ipAddressId", Reference("ipAddress")).c()]],
)
.methods(Methods::INPUT);

/// `ipAssociation`.
pub const IP_ASSOCIATION: Type = Type::value(
    "ipAssociation",
    "ipAssociations",
    &[
        STANDARD,
        &[
            f("childIpAddressId", Reference("ipAddress")).null().max_len(255),
            f("ipAddressId", Reference("ipAddress")).null().max_len(255),
            f("role", String).null().max_len(255),
        ],
    ],
)
.for_audience(Super)
.methods(Methods::NONE);

/// `ipPool`.
pub const IP_POOL: Type =
    Type::value("ipPool", "ipPools", &[STANDARD, &[f("isPublic", Boolean).max_len(255)]])
        .for_audience(Super)
        .methods(Methods::NONE);

/// `ipsecTunnelService`.
pub const IPSEC_TUNNEL_SERVICE: Type = Type::value(
    "ipsecTunnelService",
    "ipsecTunnelServices",
    &[
        STANDARD,
        &[
            f("networkId", Reference("network")).required().max_len(255),
            f("networkServiceProviderId", Reference("networkServiceProvider")).null().max_len(255),
        ],
    ],
)
.for_audience(Super)
.methods(Methods::NONE)
.child_of("networkService");

/// `ldapconfig`.
pub const LDAPCONFIG: Type = Type::computed(
    "ldapconfig",
    "ldapconfigs",
    "ldapconfigs",
    &[&[
        f("accessMode", Enum)
            .required()
            .or_str("unrestricted")
            .options(&["unrestricted", "restricted", "required"])
            .c_by(Admin)
            .r_by(Admin),
        f("allowedIdentities", Array(&Object("identity"))).null().c_by(Admin).r_by(Admin),
        f("configured", Boolean).r_by(Admin),
        f("connectionTimeout", Int).required().or_int(1000).c_by(Admin).r_by(Admin),
        f("domain", String).required().min_len(1).c_by(Admin).r_by(Admin),
        f("enabled", Boolean).null().c_by(Admin).r_by(Admin),
        f("groupMemberMappingAttribute", String).null().or_str("memberOf").c_by(Admin).r_by(Admin),
        f("groupNameField", String).required().or_str("name").c_by(Admin).r_by(Admin),
        f("groupObjectClass", String).required().or_str("group").c_by(Admin).r_by(Admin),
        f("groupSearchField", String).required().or_str("sAMAccountName").c_by(Admin).r_by(Admin),
        f("loginDomain", String).null().c_by(Admin).r_by(Admin),
        f("name", String).r_by(Admin),
        f("port", Int).null().required().or_int(389).c_by(Admin).r_by(Admin),
        f("server", String).required().min_len(1).c_by(Admin).r_by(Admin),
        f("serviceAccountPassword", String).null().required().min_len(1).c_by(Admin).r_by(Admin),
        f("serviceAccountUsername", String).required().min_len(1).c_by(Admin).r_by(Admin),
        f("tls", Boolean).null().required().c_by(Admin).r_by(Admin),
        f("userDisabledBitMask", Int).null().or_int(2).c_by(Admin).r_by(Admin),
        f("userEnabledAttribute", String).or_str("userAccountControl").c_by(Admin).r_by(Admin),
        f("userLoginField", String).required().or_str("sAMAccountName").c_by(Admin).r_by(Admin),
        f("userMemberAttribute", String).null().or_str("memberOf").c_by(Admin).r_by(Admin),
        f("userNameField", String).required().or_str("name").c_by(Admin).r_by(Admin),
        f("userObjectClass", String).required().or_str("person").c_by(Admin).r_by(Admin),
        f("userSearchField", String).required().or_str("sAMAccountName").c_by(Admin).r_by(Admin),
    ]],
)
.for_audience(Admin)
.methods(Methods { create: Admin, update: Admin, ..Methods::ADMIN_READ });

/// `linkService`.
pub const LINK_SERVICE: Type = Type::value(
    "linkService",
    "linkServices",
    &[
        STANDARD,
        &[
            f("networkId", Reference("network")).required().max_len(255),
            f("networkServiceProviderId", Reference("networkServiceProvider")).null().max_len(255),
        ],
    ],
)
.for_audience(Super)
.methods(Methods::NONE)
.child_of("networkService");

/// `loadBalancerAppCookieStickinessPolicy`.
pub const LOAD_BALANCER_APP_COOKIE_STICKINESS_POLICY: Type = Type::value(
    "loadBalancerAppCookieStickinessPolicy",
    "loadBalancerAppCookieStickinessPolicys",
    &[&[
        f("cookie", String).required().cu(),
        f("maxLength", Int).null().required().cu(),
        f("mode", Enum).options(&["path_parameters", "query_string"]).cu(),
        f("name", String).cu(),
        f("prefix", Boolean).null().cu(),
        f("requestLearn", Boolean).null().cu(),
        f("timeout", Int).null().required().cu(),
    ]],
)
.methods(Methods { update: Inside, ..Methods::INPUT });

/// `loadBalancerServiceLink`.
pub const LOAD_BALANCER_SERVICE_LINK: Type = Type::value(
    "loadBalancerServiceLink",
    "loadBalancerServiceLinks",
    &[&[
        f("consumingServiceId", Int).r_by(Super),
        f("name", String).null().chars("a-zA-Z0-9-._").r_by(Super),
        f("ports", Array(&String)).null().c(),
        f("serviceId", Reference("service")).required().c(),
        f("uuid", String),
    ]],
)
.methods(Methods::INPUT)
.child_of("serviceLink");

/// `metadataService`.
pub const METADATA_SERVICE: Type = Type::value(
    "metadataService",
    "metadataServices",
    &[
        STANDARD,
        &[
            f("configDrive", Boolean).or_bool(false),
            f("networkId", Reference("network")).required().max_len(255),
            f("networkServiceProviderId", Reference("networkServiceProvider")).null().max_len(255),
        ],
    ],
)
.for_audience(Super)
.methods(Methods::NONE)
.child_of("networkService");

/// `networkService`.
pub const NETWORK_SERVICE: Type = Type::value(
    "networkService",
    "networkServices",
    &[
        STANDARD,
        &[
            f("networkId", Reference("network")).required().max_len(255),
            f("networkServiceProviderId", Reference("networkServiceProvider")).null().max_len(255),
        ],
    ],
)
.for_audience(Super)
.methods(Methods::NONE);

/// `networkServiceProvider`.
pub const NETWORK_SERVICE_PROVIDER: Type = Type::value(
    "networkServiceProvider",
    "networkServiceProviders",
    &[STANDARD, &[f("networkId", Reference("network")).required().max_len(255)]],
)
.for_audience(Super)
.methods(Methods::NONE);

/// `networkServiceProviderInstanceMap`.
pub const NETWORK_SERVICE_PROVIDER_INSTANCE_MAP: Type = Type::value(
    "networkServiceProviderInstanceMap",
    "networkServiceProviderInstanceMaps",
    &[&[
        f("created", Date).null().max_len(255),
        f("data", Map(&Json)).null().max_len(16777215).r_by(Admin),
        f("description", String).null().max_len(1024).cu(),
        f("id", Int).null(),
        f("instanceId", Reference("instance")).null().max_len(255),
        f("kind", String).null().max_len(255),
        f("name", String).null().max_len(255).cu(),
        f("networkServiceProviderId", Reference("networkServiceProvider")).null().max_len(255),
        f("removeTime", Date).null().max_len(255).r_by(Admin),
        f("removed", Date).null().max_len(255),
        f("state", Enum).max_len(128),
        f("transitioning", Enum).options(&["yes", "no", "error"]),
        f("transitioningMessage", String).null(),
        f("transitioningProgress", Int).null(),
        f("uuid", String).null().max_len(128),
    ]],
)
.for_audience(Super)
.methods(Methods::NONE);

/// `offering`.
pub const OFFERING: Type = Type::value(
    "offering",
    "offerings",
    &[&[
        f("accountId", Reference("account")).null().max_len(255),
        f("created", Date).null().max_len(255),
        f("data", Map(&Json)).null().max_len(16777215).r_by(Admin),
        f("description", String).null().max_len(1024).cu(),
        f("id", Int).null(),
        f("isPublic", Boolean).max_len(255),
        f("kind", String).null().max_len(255),
        f("name", String).null().max_len(255).cu(),
        f("removeTime", Date).null().max_len(255).r_by(Admin),
        f("removed", Date).null().max_len(255),
        f("state", Enum).max_len(128),
        f("uuid", String).null().max_len(128),
    ]],
)
.for_audience(Super)
.methods(Methods::NONE);

/// `portService`.
pub const PORT_SERVICE: Type = Type::value(
    "portService",
    "portServices",
    &[
        STANDARD,
        &[
            f("networkId", Reference("network")).required().max_len(255),
            f("networkServiceProviderId", Reference("networkServiceProvider")).null().max_len(255),
        ],
    ],
)
.for_audience(Super)
.methods(Methods::NONE)
.child_of("networkService");

/// `setLabelsInput`.
pub const SET_LABELS_INPUT: Type =
    Type::value("setLabelsInput", "setLabelsInputs", &[&[f("labels", Json).c()]])
        .methods(Methods::INPUT);

/// `setLoadBalancerServiceLinksInput`.
pub const SET_LOAD_BALANCER_SERVICE_LINKS_INPUT: Type = Type::value(
    "setLoadBalancerServiceLinksInput",
    "setLoadBalancerServiceLinksInputs",
    &[&[f("serviceLinks", Array(&Object("loadBalancerServiceLink"))).null().c()]],
);

/// `subnetIpPool`.
pub const SUBNET_IP_POOL: Type = Type::value(
    "subnetIpPool",
    "subnetIpPools",
    &[
        STANDARD,
        &[
            f("cidrSize", Int).null().required().or_int(24).min(8).max(28).max_len(255),
            f("endAddress", String).null().max_len(255),
            f("gateway", String).null().max_len(255),
            f("isPublic", Boolean).max_len(255),
            f("networkAddress", String).null().required().max_len(255),
            f("startAddress", String).null().max_len(255),
        ],
    ],
)
.for_audience(Super)
.methods(Methods::NONE)
.child_of("ipPool");

/// `subnetVnetMap`.
pub const SUBNET_VNET_MAP: Type = Type::value(
    "subnetVnetMap",
    "subnetVnetMaps",
    &[&[
        f("created", Date).null().max_len(255),
        f("data", Map(&Json)).null().max_len(16777215).r_by(Admin),
        f("description", String).null().max_len(1024).cu(),
        f("id", Int).null(),
        f("kind", String).null().max_len(255),
        f("name", String).null().max_len(255).cu(),
        f("removeTime", Date).null().max_len(255).r_by(Admin),
        f("removed", Date).null().max_len(255),
        f("state", Enum).max_len(128),
        f("subnetId", Reference("subnet")).null().max_len(255),
        f("transitioning", Enum).options(&["yes", "no", "error"]),
        f("transitioningMessage", String).null(),
        f("transitioningProgress", Int).null(),
        f("uuid", String).null().max_len(128),
        f("vnetId", Reference("vnet")).null().max_len(255),
    ]],
)
.for_audience(Super)
.methods(Methods::NONE);

/// `vnet`.
pub const VNET: Type = Type::value(
    "vnet",
    "vnets",
    &[
        STANDARD,
        &[
            f("networkId", Reference("network")).null().required().max_len(255),
            f("uri", String).null().required().max_len(255),
        ],
    ],
)
.for_audience(Super)
.methods(Methods::NONE);
