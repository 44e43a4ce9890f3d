//! Load balancers and their rules.

use super::prelude::*;

/// Every type of this file.
pub const TYPES: &[&Type] = &[
    &LOAD_BALANCER_SERVICE,
    &LB_CONFIG,
    &PORT_RULE,
    &LB_TARGET_CONFIG,
    &TARGET_PORT_RULE,
    &HAPROXY_CONFIG,
    &LOAD_BALANCER_CONFIG,
    &LOAD_BALANCER_COOKIE_STICKINESS_POLICY,
    &BALANCER_SERVICE_CONFIG,
    &BALANCER_TARGET_CONFIG,
];

/// `loadBalancerService`.
pub const LOAD_BALANCER_SERVICE: Type = Type::resource(
    "loadBalancerService",
    "loadBalancerServices",
    &super::service::SERVICE_LIFECYCLE,
    &[
        UNNAMED,
        super::service::SERVICE_FIELDS,
        &[
            f("assignServiceIpAddress", Boolean).or_bool(false).c(),
            f("createIndex", Int).null().max_len(255).r_by(Super),
            f("currentScale", Int),
            f("fqdn", String).null(),
            f("launchConfig", Object("launchConfig")).null().required().cu().schedules(),
            f("lbConfig", Object("lbConfig")).null().required().cu().schedules(),
            f("metadata", Map(&Json)).null().cu().schedules(),
            f("publicEndpoints", Array(&Object("publicEndpoint"))).null().cu(),
            f("retainIp", Boolean).null().cu().schedules(),
            f("scale", Int).or_int(1).min(0).cu().schedules(),
            f("scalePolicy", Object("scalePolicy")).null().cu().schedules(),
            f("secondaryLaunchConfigs", Array(&Object("secondaryLaunchConfig"))).r_by(Super),
            f("selectorContainer", String).null().max_len(4096).r_by(Super).schedules(),
            f("selectorLink", String).null().max_len(4096).cu().schedules(),
            f("startOnCreate", Boolean).null().or_bool(false).c(),
            f("upgrade", Object("serviceUpgrade")).null(),
            f("vip", String).null().max_len(255).c(),
        ],
    ],
)
.child_of("service")
.methods(Methods::INSIDE)
.actions(&super::service::actions("loadBalancerService"))
.links(super::service::SERVICE_LINKS);

/// `lbConfig`.
pub const LB_CONFIG: Type = Type::value(
    "lbConfig",
    "lbConfigs",
    &[&[
        f("certificateIds", Array(&Reference("certificate"))).null().c().schedules(),
        f("config", String).null().c().schedules(),
        f("defaultCertificateId", Reference("certificate")).null().c().schedules(),
        f("portRules", Array(&Object("portRule"))).c().schedules(),
        f("stickinessPolicy", Object("loadBalancerCookieStickinessPolicy")).null().c().schedules(),
    ]],
)
.methods(Methods::INPUT);

/// `portRule`.
pub const PORT_RULE: Type = Type::value(
    "portRule",
    "portRules",
    &[&[
        f("backendName", String).null().c(),
        f("environment", String).null().c(),
        f("hostname", String).null().c(),
        f("path", String).null().c(),
        f("priority", Int).null().min(1).c(),
        f("protocol", Enum)
            .or_str("http")
            .options(&["http", "tcp", "https", "tls", "sni", "udp"])
            .c(),
        f("region", String).null().c(),
        f("selector", String).null().c(),
        f("serviceId", Reference("service")).null().c(),
        f("sourcePort", Int).null().required().min(1).max(65535).c(),
        f("targetPort", Int).null().min(1).max(65535).c(),
        f("weight", Int).null().min(0).max(256).c(),
    ]],
)
.methods(Methods::INPUT);

/// `lbTargetConfig`.
pub const LB_TARGET_CONFIG: Type = Type::value(
    "lbTargetConfig",
    "lbTargetConfigs",
    &[&[f("portRules", Array(&Object("targetPortRule"))).cu().schedules()]],
);

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
)
.methods(Methods::INPUT);

/// `haproxyConfig`.
pub const HAPROXY_CONFIG: Type = Type::value(
    "haproxyConfig",
    "haproxyConfigs",
    &[&[f("defaults", String).null().r_by(Super), f("global", String).null().r_by(Super)]],
)
.for_audience(Super);

/// `loadBalancerConfig`.
pub const LOAD_BALANCER_CONFIG: Type =
    Type::value("loadBalancerConfig", "loadBalancerConfigs", &[&[]]).for_audience(Super);

/// `loadBalancerCookieStickinessPolicy`.
pub const LOAD_BALANCER_COOKIE_STICKINESS_POLICY: Type = Type::value(
    "loadBalancerCookieStickinessPolicy",
    "loadBalancerCookieStickinessPolicys",
    &[&[
        f("cookie", String).cu(),
        f("domain", String).cu(),
        f("indirect", Boolean).null().cu(),
        f("mode", Enum).null().or_str("insert").options(&["rewrite", "insert", "prefix"]).cu(),
        f("name", String).null().cu(),
        f("nocache", Boolean).null().cu(),
        f("postonly", Boolean).null().cu(),
    ]],
)
.methods(Methods { update: Inside, ..Methods::INPUT });

/// `balancerServiceConfig`.
pub const BALANCER_SERVICE_CONFIG: Type =
    Type::value("balancerServiceConfig", "balancerServiceConfigs", &[&[]]).for_audience(Super);

/// `balancerTargetConfig`.
pub const BALANCER_TARGET_CONFIG: Type =
    Type::value("balancerTargetConfig", "balancerTargetConfigs", &[&[]]).for_audience(Super);
