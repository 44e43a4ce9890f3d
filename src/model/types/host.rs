//! Hosts.

use super::prelude::*;

/// Every type of this file.
pub const TYPES: &[&Type] = &[&HOST, &PUBLIC_ENDPOINT];

/// States of `host`.
pub const HOST_LIFECYCLE: Lifecycle = Lifecycle::new(
    "host",
    &[
        CREATE,
        t("activate", &["inactive", "registering", "provisioned"], "activating", "active"),
        DEACTIVATE,
        PURGE,
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
        UPDATE,
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
            f("agentIpAddress", String).null(),
            f("agentState", String).null().max_len(128),
            f("apiProxy", String).null().u().r_by(Admin),
            f("computeFree", Int).null().r_by(Super),
            f("computeTotal", Int).null(),
            f("driver", String).r_by(Super),
            f("hostname", String).required().c(),
            f("info", Json),
            f("instanceIds", Array(&Reference("instance"))),
            f("isPublic", Boolean).r_by(Super),
            f("labels", Map(&String)).u().schedules(),
            f("localStorageMb", Int).null().cu().schedules(),
            f("memory", Int).null().cu().schedules(),
            f("milliCpu", Int).null().cu().schedules(),
            f("publicEndpoints", Array(&Object("publicEndpoint"))).null(),
            f("removeAfter", Date).null().r_by(Super),
            f("reportedUuid", String).r_by(Super),
            f("stackId", Reference("stack")).null().c(),
            f("uri", String).null().max_len(255).r_by(Super),
        ],
    ],
)
.methods(Methods { update: Project, delete: Project, ..Methods::READ })
.actions(&[
    Action::new("activate", "host"),
    Action::new("create", "host"),
    Action::new("deactivate", "host"),
    Action::new("purge", "host"),
    Action::new("remove", "host"),
    Action::new("update", "host"),
])
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Computed { name: "hostStats" },
    Link::Child { name: "instances", of: "instance", field: "hostId" },
    Link::Ref { name: "stack", field: "stackId", to: "stack" },
    Link::Child { name: "volumes", of: "volume", field: "hostId" },
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
);
