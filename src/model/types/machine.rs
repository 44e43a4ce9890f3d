//! Machines: hosts that a driver makes.

use super::prelude::*;

/// Every type of this file.
pub const TYPES: &[&Type] = &[
    &PHYSICAL_HOST,
    &MACHINE,
    &MACHINE_DRIVER,
    &HOST_TEMPLATE,
    &BASE_MACHINE_CONFIG,
    &DYNAMIC_SCHEMA,
    &DYNAMIC_SCHEMA_ROLE,
];

/// Fields of physical hosts and machines.
const MACHINE_FIELDS: &[Field] = &[
    f("agentId", Reference("agent")).null().max_len(255).r_by(Super),
    f("driver", String).null().max_len(128),
    f("externalId", String).null().max_len(128).indexed(),
];

/// States of `physicalHost`.
pub const PHYSICAL_HOST_LIFECYCLE: Lifecycle = Lifecycle::new(
    "physicalhost",
    &[
        t("create", &["requested"], "creating", "created"),
        t("update", &["active"], "updating", "active"),
        t(
            "remove",
            &["active", "requested", "bootstrapping", "creating", "updating", "error", "erroring"],
            "removing",
            "removed",
        ),
        t("bootstrap", &["created", "creating"], "bootstrapping", "active"),
        t("error", &["creating", "bootstrapping", "updating"], "erroring", "error"),
    ],
);

/// What is done with a `physicalHost`, and with what shares it.
pub const PHYSICAL_HOST_ACTIONS: &[Action] = &[
    Action::new("bootstrap", "physicalHost"),
    Action::new("create", "physicalHost"),
    Action::new("error", "physicalHost"),
    Action::new("remove", "physicalHost"),
    Action::new("update", "physicalHost"),
];

/// `physicalHost`.
pub const PHYSICAL_HOST: Type = Type::resource(
    "physicalHost",
    "physicalHosts",
    &PHYSICAL_HOST_LIFECYCLE,
    &[STANDARD, MACHINE_FIELDS],
)
.methods(Methods::READ)
.actions(PHYSICAL_HOST_ACTIONS)
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Ref { name: "agent", field: "agentId", to: "agent" },
    Link::Child { name: "hosts", of: "host", field: "physicalHostId" },
]);

/// `machine`.
pub const MACHINE: Type = Type::resource(
    "machine",
    "machines",
    &PHYSICAL_HOST_LIFECYCLE,
    &[
        UNNAMED,
        MACHINE_FIELDS,
        &[
            f("authCertificateAuthority", String).null().c(),
            f("authKey", String).null().c(),
            f("dockerVersion", String).null().c(),
            f("engineEnv", Map(&String)).null().c(),
            f("engineInsecureRegistry", Array(&String)).null().c(),
            f("engineInstallUrl", String).null().c(),
            f("engineLabel", Map(&String)).null().c(),
            f("engineOpt", Map(&String)).null().c(),
            f("engineRegistryMirror", Array(&String)).null().c(),
            f("engineStorageDriver", String).null().c(),
            f("extractedConfig", String).null().u_by(Service).r_by(Service),
            f("labels", Map(&String)).null().c().u_by(Service),
            f("name", String).required().min_len(1).max_len(255).c(),
        ],
    ],
)
.child_of("physicalHost")
.methods(Methods { update: Service, ..Methods::INSIDE })
.actions(PHYSICAL_HOST_ACTIONS)
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Ref { name: "agent", field: "agentId", to: "agent" },
    Link::Computed { name: "config" },
    Link::Child { name: "hosts", of: "host", field: "physicalHostId" },
]);

/// States of `machineDriver`.
pub const MACHINE_DRIVER_LIFECYCLE: Lifecycle = Lifecycle::new(
    "machinedriver",
    &[
        CREATE,
        ACTIVATE,
        t(
            "deactivate",
            &["active", "activating", "updating-active", "updating-inactive"],
            "deactivating",
            "inactive",
        ),
        each(
            "update",
            &[
                ("error", "updating-inactive", "inactive"),
                ("inactive", "updating-inactive", "inactive"),
                ("active", "updating-active", "active"),
            ],
        ),
        t(
            "remove",
            &[
                "requested",
                "inactive",
                "activating",
                "deactivating",
                "registering",
                "updating-active",
                "updating-inactive",
                "active",
                "error",
            ],
            "removing",
            "removed",
        ),
        t(
            "error",
            &["active", "activating", "updating-active", "updating-inactive"],
            "erroring",
            "error",
        ),
        t("reactivate", &["active", "error"], "activating", "active"),
    ],
);

/// `machineDriver`.
pub const MACHINE_DRIVER: Type = Type::resource(
    "machineDriver",
    "machineDrivers",
    &MACHINE_DRIVER_LIFECYCLE,
    &[&[
        f("activateOnCreate", Boolean).c(),
        f("builtin", Boolean).c(),
        f("checksum", String).null().cu().schedules(),
        f("created", Date).null().max_len(255),
        f("data", Map(&Json)).null().max_len(65535).r_by(Admin),
        f("defaultActive", Boolean),
        f("description", String).null().max_len(1024).cu(),
        f("externalId", String).null().cu().indexed(),
        f("id", Int).null(),
        f("kind", String).null().max_len(255),
        f("md5checksum", String).null().max_len(255).r_by(Super),
        f("name", String).null().max_len(255).c_by(Service).u_by(Service),
        f("removeTime", Date).null().max_len(255).r_by(Admin),
        f("removed", Date).null().max_len(255),
        f("schemaVersion", String).c_by(Service).u_by(Service).r_by(Service),
        f("state", Enum).max_len(128),
        f("transitioning", Enum).options(&["yes", "no", "error"]),
        f("transitioningMessage", String).null(),
        f("transitioningProgress", Int).null(),
        f("uiUrl", String).null().cu().schedules(),
        f("uri", String).null().max_len(255).r_by(Super),
        f("url", String).required().cu().schedules(),
        f("uuid", String).null().max_len(128),
    ]],
)
.global()
.methods(Methods { create: Admin, update: Admin, delete: Admin, ..Methods::READ })
.actions(&[
    Action::new("activate", "machineDriver").by(Outside),
    Action::new("create", "machineDriver").by(Outside),
    Action::new("deactivate", "machineDriver").by(Outside),
    Action::new("error", "machineDriver").by(Outside),
    Action::new("reactivate", "machineDriver").by(Outside),
    Action::new("remove", "machineDriver").by(Outside),
    Action::new("update", "machineDriver").by(Outside),
]);

/// States of `hostTemplate`.
pub const HOST_TEMPLATE_LIFECYCLE: Lifecycle = Lifecycle::new(
    "hosttemplate",
    &[
        t("create", &["requested"], "activating", "active"),
        t("remove", &["activating", "active"], "removing", "removed"),
    ],
);

/// `hostTemplate`.
pub const HOST_TEMPLATE: Type = Type::resource(
    "hostTemplate",
    "hostTemplates",
    &HOST_TEMPLATE_LIFECYCLE,
    &[
        STANDARD,
        &[
            f("driver", String).null().max_len(255).c(),
            f("flavorPrefix", String).null().max_len(255).c(),
            f("publicValues", Map(&Json)).c(),
            f("secretValues", Map(&Json)).c().blanked(),
            f("secretValuesEmpty", Map(&Json)).r_by(Super),
        ],
    ],
)
.methods(Methods::INSIDE)
.actions(&[Action::new("create", "hostTemplate"), Action::new("remove", "hostTemplate")])
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Child { name: "hosts", of: "host", field: "hostTemplateId" },
    Link::Computed { name: "secretValues" },
]);

/// `baseMachineConfig`.
pub const BASE_MACHINE_CONFIG: Type =
    Type::value("baseMachineConfig", "baseMachineConfigs", &[&[]]);

/// States of `dynamicSchema`.
pub const DYNAMIC_SCHEMA_LIFECYCLE: Lifecycle = Lifecycle::new(
    "dynamicschema",
    &[
        t("create", &["requested"], "creating", "active"),
        t("remove", &["active"], "removing", "purged"),
    ],
);

/// `dynamicSchema`.
pub const DYNAMIC_SCHEMA: Type = Type::resource(
    "dynamicSchema",
    "dynamicSchemas",
    &DYNAMIC_SCHEMA_LIFECYCLE,
    &[&[
        f("accountId", Reference("account")).null().max_len(255).c_by(Service).r_by(Service),
        f("created", Date).null().max_len(255).r_by(Service),
        f("data", Map(&Json)).null().max_len(65535).r_by(Service),
        f("definition", String).null().max_len(16777215).c_by(Service).r_by(Service),
        f("description", String).null().max_len(1024).c_by(Service).u_by(Service).r_by(Service),
        f("id", Int).null().r_by(Service),
        f("kind", String).null().max_len(255).r_by(Service),
        f("name", String).null().max_len(255).c_by(Service).u_by(Service).r_by(Service),
        f("parent", String).null().max_len(255).c_by(Service).r_by(Service),
        f("removed", Date).null().max_len(255).r_by(Service),
        f("roles", Array(&String)).null().c_by(Service).r_by(Service),
        f("serviceId", Reference("service")).null().max_len(255).r_by(Super),
        f("state", Enum).max_len(128).r_by(Service),
        f("transitioning", Enum).options(&["yes", "no", "error"]).r_by(Service),
        f("transitioningMessage", String).null().r_by(Service),
        f("transitioningProgress", Int).null().r_by(Service),
        f("uuid", String).null().max_len(128).r_by(Service),
    ]],
)
.for_audience(Service)
.methods(Methods { list: Service, create: Service, get: Service, delete: Service, ..Methods::NONE })
.actions(&[
    Action::new("create", "dynamicSchema").by(Service),
    Action::new("remove", "dynamicSchema").by(Service),
])
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Child { name: "dynamicSchemaRoles", of: "dynamicSchemaRole", field: "dynamicSchemaId" },
    Link::Ref { name: "service", field: "serviceId", to: "service" },
]);

/// `dynamicSchemaRole`.
pub const DYNAMIC_SCHEMA_ROLE: Type = Type::record(
    "dynamicSchemaRole",
    "dynamicSchemaRoles",
    &[&[
        f("dynamicSchemaId", Reference("dynamicSchema")).null().max_len(255).r_by(Super),
        f("id", Int).null().r_by(Super),
        f("role", String).null().max_len(255).r_by(Super),
    ]],
)
.for_audience(Super)
.methods(Methods { list: Super, get: Super, ..Methods::NONE })
.links(&[Link::Ref { name: "dynamicSchema", field: "dynamicSchemaId", to: "dynamicSchema" }]);
