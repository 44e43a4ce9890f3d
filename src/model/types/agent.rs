//! Agents: how hosts register, and the configuration they are given.

use super::prelude::*;

/// Every type of this file.
pub const TYPES: &[&Type] = &[
    &AGENT,
    &REGISTER,
    &REGISTRATION_TOKEN,
    &HOST_API_PROXY_TOKEN,
    &CONFIG_ITEM,
    &CONFIG_ITEM_STATUS,
    &CONFIG_CONTENT,
];

/// States of `agent`.
pub const AGENT_LIFECYCLE: Lifecycle = Lifecycle::new(
    "agent",
    &[
        CREATE,
        ACTIVATE,
        t(
            "deactivate",
            &[
                "disconnecting",
                "disconnected",
                "active",
                "activating",
                "reconnecting",
                "updating-active",
                "updating-inactive",
                "reconnected",
                "finishing-reconnect",
            ],
            "deactivating",
            "inactive",
        ),
        UPDATE,
        t(
            "remove",
            &[
                "disconnecting",
                "disconnected",
                "requested",
                "inactive",
                "registering",
                "updating-active",
                "updating-inactive",
                "reconnected",
                "finishing-reconnect",
            ],
            "removing",
            "removed",
        ),
        PURGE,
        t(
            "disconnect",
            &["reconnecting", "active", "reconnected", "finishing-reconnect"],
            "disconnecting",
            "disconnected",
        ),
        t("finishreconnect", &["reconnected", "reconnecting"], "finishing-reconnect", "active"),
        t(
            "reconnect",
            &["disconnecting", "disconnected", "active", "activating"],
            "reconnecting",
            "reconnected",
        ),
    ],
);

/// `agent`.
pub const AGENT: Type = Type::resource(
    "agent",
    "agents",
    &AGENT_LIFECYCLE,
    &[&[
        f("accountId", Reference("account")).null().max_len(255).r_by(Admin),
        f("activateOnCreate", Boolean).null().or_bool(false).r_by(Super),
        f("agentResourcesAccountId", Reference("account")).null().c_by(Admin).r_by(Admin),
        f("authorizedRoleAccountIds", Array(&Reference("account"))).null().r_by(Super),
        f("created", Date).null().max_len(255).r_by(Admin),
        f("data", Map(&Json)).null().max_len(16777215).r_by(Admin),
        f("description", String).null().max_len(1024).c_by(Admin).u_by(Admin).r_by(Admin),
        f("externalCredentials", Array(&Object("externalCredential")))
            .null()
            .c_by(Admin)
            .r_by(Admin),
        f("externalId", String).null().max_len(128).c_by(Admin).r_by(Admin).indexed(),
        f("id", Int).null().r_by(Admin),
        f("kind", String).null().max_len(255).r_by(Admin),
        f("labels", Map(&String)).null().c_by(Admin).r_by(Admin),
        f("managedConfig", Boolean).or_bool(true).max_len(255).c_by(Admin).r_by(Admin),
        f("name", String).null().max_len(255).c_by(Admin).u_by(Admin).r_by(Admin),
        f("publicValue", String).null().c_by(Admin).r_by(Admin).indexed(),
        f("removeTime", Date).null().max_len(255).r_by(Admin),
        f("removed", Date).null().max_len(255).r_by(Admin),
        f("secretValue", String).null().c_by(Admin).r_by(Admin).once(),
        f("state", Enum).max_len(128).r_by(Admin),
        f("transitioning", Enum).options(&["yes", "no", "error"]).r_by(Admin),
        f("transitioningMessage", String).null().r_by(Admin),
        f("transitioningProgress", Int).null().r_by(Admin),
        f("uri", String).null().unique().max_len(255).c_by(Admin).r_by(Admin).indexed(),
        f("user", String).null().r_by(Super),
        f("uuid", String).null().max_len(128).r_by(Admin),
        f("zoneId", Reference("zone")).null().max_len(255).r_by(Super),
    ]],
)
.for_audience(Admin)
.methods(Methods { create: Admin, update: Admin, delete: Admin, ..Methods::ADMIN_READ })
.actions(&[
    Action::new("activate", "agent").by(Admin),
    Action::new("create", "agent").by(Admin),
    Action::new("deactivate", "agent").by(Admin),
    Action::new("disconnect", "agent").by(Admin),
    Action::new("finishreconnect", "agent").by(Admin),
    Action::new("purge", "agent").by(Admin),
    Action::new("reconnect", "agent").by(Admin),
    Action::new("remove", "agent").by(Admin),
    Action::new("update", "agent").by(Admin),
])
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Child { name: "configItemStatuses", of: "configItemStatus", field: "agentId" },
    Link::Child { name: "hosts", of: "host", field: "agentId" },
    Link::Child { name: "instances", of: "instance", field: "agentId" },
    Link::Child { name: "physicalHosts", of: "physicalHost", field: "agentId" },
    Link::Child { name: "storagePools", of: "storagePool", field: "agentId" },
    Link::Ref { name: "zone", field: "zoneId", to: "zone" },
]);

/// `register`.
pub const REGISTER: Type = Type::resource(
    "register",
    "register",
    &super::image::GENERIC_OBJECT_LIFECYCLE,
    &[&[
        f("accessKey", String),
        f("accountId", Reference("account")).null().max_len(255),
        f("agentUriFormat", String).r_by(Super),
        f("authToken", String).r_by(Super),
        f("created", Date).null().max_len(255),
        f("data", Map(&Json)).null().max_len(16777215).r_by(Admin),
        f("description", String).null().max_len(1024).cu(),
        f("id", Int).null(),
        f("key", String).null().required().max_len(255).c().indexed(),
        f("kind", String).null().max_len(255).c(),
        f("name", String).null().max_len(255).c(),
        f("removeTime", Date).null().max_len(255).r_by(Admin),
        f("removed", Date).null().max_len(255),
        f("resourceData", Map(&Json)).cu(),
        f("secretKey", String),
        f("state", Enum).max_len(128),
        f("transitioning", Enum).options(&["yes", "no", "error"]),
        f("transitioningMessage", String).null(),
        f("transitioningProgress", Int).null(),
        f("uuid", String).null().max_len(128),
    ]],
)
.child_of("genericObject")
.methods(Methods { list: Everyone, ..Methods::INPUT })
.actions(&[
    Action::new("create", "genericObject"),
    Action::new("remove", "genericObject"),
    Action::new("stop", "instance").input("instanceStop"),
])
.links(&[Link::Ref { name: "account", field: "accountId", to: "account" }]);

/// `registrationToken`.
pub const REGISTRATION_TOKEN: Type = Type::resource(
    "registrationToken",
    "registrationTokens",
    &super::credential::CREDENTIAL_LIFECYCLE,
    &[&[
        f("accountId", Reference("account")).null().max_len(255).c_by(Service),
        f("command", String),
        f("created", Date).null().max_len(255),
        f("data", Map(&Json)).null().max_len(16777215).r_by(Admin),
        f("description", String).null().max_len(1024).cu(),
        f("id", Int).null(),
        f("image", String),
        f("kind", String).null().max_len(255),
        f("name", String).null().max_len(255).cu(),
        f("publicValue", String).null().max_len(4096).r_by(Super).indexed(),
        f("registrationUrl", String),
        f("registryId", Reference("storagePool")).null().max_len(255).r_by(Super),
        f("removeTime", Date).null().max_len(255).r_by(Admin),
        f("removed", Date).null().max_len(255),
        f("secretValue", Password).null().max_len(4096).r_by(Super),
        f("state", Enum).max_len(128),
        f("token", String),
        f("transitioning", Enum).options(&["yes", "no", "error"]),
        f("transitioningMessage", String).null(),
        f("transitioningProgress", Int).null(),
        f("uuid", String).null().max_len(128),
    ]],
)
.child_of("credential")
.methods(Methods { list: Everyone, ..Methods::INPUT })
.actions(&standard_actions("credential"))
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Child {
        name: "credentialInstanceMaps",
        of: "credentialInstanceMap",
        field: "credentialId",
    },
    Link::Child { name: "images", of: "image", field: "registryCredentialId" },
    Link::Map {
        name: "instances",
        through: "credentialInstanceMap",
        here: "credentialId",
        there: "instanceId",
        to: "instance",
    },
    Link::Computed { name: "registrationUrl" },
    Link::Ref { name: "registry", field: "registryId", to: "storagePool" },
]);

/// `hostApiProxyToken`.
pub const HOST_API_PROXY_TOKEN: Type = Type::computed(
    "hostApiProxyToken",
    "hostApiProxyTokens",
    "hostApiProxyTokens",
    &[&[
        f("reportedUuid", String).r_by(Admin),
        f("token", String).r_by(Admin),
        f("url", String).r_by(Admin),
    ]],
)
.for_audience(Admin)
.methods(Methods::ADMIN_READ);

/// `configItem`.
pub const CONFIG_ITEM: Type = Type::computed(
    "configItem",
    "configItems",
    "configItems",
    &[&[
        f("id", Int).null().r_by(Admin),
        f("name", String).null().max_len(255).c_by(Admin).u_by(Admin).r_by(Admin),
        f("sourceVersion", String).null().max_len(1024).r_by(Admin),
    ]],
)
.for_audience(Admin)
.methods(Methods::ADMIN_READ);

/// `configItemStatus`.
pub const CONFIG_ITEM_STATUS: Type = Type::computed(
    "configItemStatus",
    "configItemStatuses",
    "configStatuses",
    &[&[
        f("accountId", Reference("account")).null().max_len(255).r_by(Admin),
        f("agentId", Reference("agent")).null().max_len(255).r_by(Admin),
        f("appliedUpdated", Date).null().max_len(255).r_by(Admin),
        f("appliedVersion", Int).max_len(255).u_by(Admin).r_by(Admin),
        f("hostId", Reference("host")).null().max_len(255).r_by(Super),
        f("id", Int).null().r_by(Admin),
        f("name", String).null().max_len(255).c_by(Admin).u_by(Admin).r_by(Admin),
        f("requestedUpdated", Date).max_len(255).r_by(Admin),
        f("requestedVersion", Int).max_len(255).r_by(Admin),
        f("resourceId", Int).max_len(255).r_by(Super),
        f("resourceType", String).null().max_len(128).r_by(Super),
        f("serviceId", Reference("service")).null().max_len(255).r_by(Super),
        f("sourceVersion", String).null().max_len(255).r_by(Admin),
        f("stackId", Reference("stack")).null().max_len(255).r_by(Super),
    ]],
)
.for_audience(Admin)
.methods(Methods { update: Admin, ..Methods::ADMIN_READ })
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Ref { name: "agent", field: "agentId", to: "agent" },
    Link::Ref { name: "host", field: "hostId", to: "host" },
    Link::Ref { name: "service", field: "serviceId", to: "service" },
    Link::Ref { name: "stack", field: "stackId", to: "stack" },
]);

/// `configContent`.
pub const CONFIG_CONTENT: Type = Type::computed(
    "configContent",
    "configContent",
    "configContents",
    &[&[
        f("agentId", Reference("agent")).null().r_by(Super),
        f("current", String).r_by(Super),
        f("id", String).r_by(Super),
        f("version", String).r_by(Super),
    ]],
)
.for_audience(Super)
.methods(Methods { list: Super, get: Super, ..Methods::NONE });
