//! Stacks and their compose files.

use super::prelude::*;

/// Every type of this file.
pub const TYPES: &[&Type] = &[
    &STACK,
    &COMPOSE_PROJECT,
    &KUBERNETES_STACK,
    &KUBERNETES_STACK_UPGRADE,
    &COMPOSE_CONFIG,
    &COMPOSE_CONFIG_INPUT,
    &ADD_OUTPUTS_INPUT,
    &BINDING,
    &SERVICE_BINDING,
];

/// Fields of stacks of every kind.
const STACK_FIELDS: &[Field] = &[
    f("allowSystemRole", Boolean).or_bool(false).r_by(Super),
    f("answers", Map(&Json)).c(),
    f("binding", Object("binding")).null().cu(),
    f("environment", Map(&String)).c(),
    f("externalId", String).null().max_len(128).cu().indexed(),
    f("group", String).null().max_len(255).cu(),
    f("healthState", String).null().max_len(128),
    f("previousEnvironment", Map(&String)).null().cu(),
    f("previousExternalId", String).null().cu(),
    f("serviceIds", Array(&Reference("service"))).null(),
    f("system", Boolean).or_bool(false).max_len(255).c_by(Super).u_by(Super),
    f("upgrade", Object("kubernetesStackUpgrade")).r_by(Super),
];

/// States of `stack`.
pub const STACK_LIFECYCLE: Lifecycle = Lifecycle::new(
    "stack",
    &[
        t("create", &["requested"], "activating", "active"),
        t("update", &["active"], "updating-active", "active"),
        t(
            "remove",
            &[
                "requested",
                "active",
                "activating",
                "updating-active",
                "error",
                "erroring",
                "upgrading",
                "canceling-upgrade",
                "rolling-back",
                "finishing-upgrade",
                "upgraded",
                "canceled-upgrade",
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
        t("error", &["activating"], "erroring", "error"),
        t("finishupgrade", &["upgraded"], "finishing-upgrade", "active"),
        t("rollback", &["upgrading", "upgraded", "canceled-upgrade"], "rolling-back", "active"),
        t("upgrade", &["active", "canceled-upgrade"], "upgrading", "upgraded"),
    ],
);

/// Where a `stack` leads, and what shares it.
pub const STACK_LINKS: &[Link] = &[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Computed { name: "composeConfig" },
    Link::Child { name: "configItemStatuses", of: "configItemStatus", field: "stackId" },
    Link::Child { name: "hosts", of: "host", field: "stackId" },
    Link::Child { name: "instances", of: "instance", field: "stackId" },
    Link::Child { name: "scheduledUpgrades", of: "scheduledUpgrade", field: "stackId" },
    Link::Child { name: "secrets", of: "secret", field: "stackId" },
    Link::Child { name: "services", of: "service", field: "stackId" },
    Link::Child { name: "volumeTemplates", of: "volumeTemplate", field: "stackId" },
    Link::Child { name: "volumes", of: "volume", field: "stackId" },
];

/// `stack`.
pub const STACK: Type = Type::resource(
    "stack",
    "stacks",
    &STACK_LIFECYCLE,
    &[
        UNNAMED,
        STACK_FIELDS,
        &[
            f("composeProject", String).null(),
            f("directory", String).null(),
            f("directoryStatus", Object("stackDirectoryStatus")).null(),
            f("dockerCompose", String).c(),
            f("name", String)
                .null()
                .required()
                .min_len(1)
                .max_len(63)
                .chars("a-zA-Z0-9-")
                .cu()
                .schedules(),
            f("outputs", Map(&String)).null().cu(),
            f("rancherCompose", String).c(),
            f("startOnCreate", Boolean).null().c(),
            f("templates", Map(&String)).null().c(),
        ],
    ],
)
.methods(Methods::INSIDE)
.actions(&[
    Action::new("activateservices", "stack"),
    Action::new("addoutputs", "stack").input("addOutputsInput"),
    Action::new("bind", "stack").input("stackBind"),
    Action::new("cancelupgrade", "stack"),
    Action::new("create", "stack"),
    Action::new("deactivateservices", "stack"),
    Action::new("error", "stack"),
    Action::new("exportconfig", "composeConfig").input("composeConfigInput"),
    Action::new("finishupgrade", "stack"),
    Action::new("readfiles", "stackFileList"),
    Action::new("remove", "stack"),
    Action::new("rollback", "stack"),
    Action::new("savefile", "stackFile").input("stackFileSave"),
    Action::new("unbind", "stack"),
    Action::new("update", "stack"),
    Action::new("upgrade", "stack").input("stackUpgrade"),
])
.links(STACK_LINKS)
.prefix("st");

/// `composeProject`.
pub const COMPOSE_PROJECT: Type = Type::resource(
    "composeProject",
    "composeProjects",
    &STACK_LIFECYCLE,
    &[
        UNNAMED,
        STACK_FIELDS,
        &[
            f("dockerCompose", String).r_by(Super),
            f("name", String)
                .null()
                .required()
                .min_len(1)
                .max_len(63)
                .chars("a-zA-Z0-9-")
                .c()
                .schedules(),
            f("outputs", Map(&String)).null().r_by(Super),
            f("rancherCompose", String).r_by(Super),
            f("startOnCreate", Boolean).null().r_by(Super),
            f("templates", Map(&String)).null().required().c(),
        ],
    ],
)
.child_of("stack")
.methods(Methods::INSIDE)
.actions(&[
    Action::new("activateservices", "stack").by(Super),
    Action::new("addoutputs", "stack").input("addOutputsInput").by(Super),
    Action::new("cancelupgrade", "stack"),
    Action::new("create", "stack"),
    Action::new("deactivateservices", "stack").by(Super),
    Action::new("error", "stack"),
    Action::new("exportconfig", "composeConfig").input("composeConfigInput").by(Super),
    Action::new("finishupgrade", "stack"),
    Action::new("remove", "stack"),
    Action::new("rollback", "stack"),
    Action::new("update", "stack").by(Super),
    Action::new("upgrade", "stack").input("stackUpgrade").by(Super),
])
.links(STACK_LINKS);

/// `kubernetesStack`.
pub const KUBERNETES_STACK: Type = Type::resource(
    "kubernetesStack",
    "kubernetesStacks",
    &STACK_LIFECYCLE,
    &[
        UNNAMED,
        STACK_FIELDS,
        &[
            f("dockerCompose", String).r_by(Super),
            f("name", String)
                .null()
                .required()
                .min_len(1)
                .max_len(63)
                .chars("a-zA-Z0-9-")
                .c()
                .schedules(),
            f("namespace", String).required().c(),
            f("outputs", Map(&String)).null().r_by(Super),
            f("rancherCompose", String).r_by(Super),
            f("startOnCreate", Boolean).null().r_by(Super),
            f("templates", Map(&String)).null().c(),
        ],
    ],
)
.child_of("stack")
.methods(Methods::INSIDE)
.actions(&[
    Action::new("activateservices", "stack").by(Super),
    Action::new("addoutputs", "stack").input("addOutputsInput").by(Super),
    Action::new("cancelupgrade", "stack"),
    Action::new("create", "stack"),
    Action::new("deactivateservices", "stack").by(Super),
    Action::new("error", "stack"),
    Action::new("exportconfig", "composeConfig").input("composeConfigInput").by(Super),
    Action::new("finishupgrade", "stack"),
    Action::new("remove", "stack"),
    Action::new("rollback", "stack"),
    Action::new("update", "stack").by(Super),
    Action::new("upgrade", "kubernetesStack").input("kubernetesStackUpgrade"),
])
.links(STACK_LINKS);

/// `kubernetesStackUpgrade`.
pub const KUBERNETES_STACK_UPGRADE: Type = Type::value(
    "kubernetesStackUpgrade",
    "kubernetesStackUpgrades",
    &[&[
        f("answers", Map(&Json)).c(),
        f("environment", Map(&String)).c(),
        f("externalId", String).c().indexed(),
        f("templates", Map(&String)).c(),
    ]],
)
.methods(Methods::INPUT);

/// `composeConfig`.
pub const COMPOSE_CONFIG: Type = Type::value(
    "composeConfig",
    "composeConfigs",
    &[&[f("dockerComposeConfig", String), f("rancherComposeConfig", String)]],
);

/// `composeConfigInput`.
pub const COMPOSE_CONFIG_INPUT: Type = Type::value(
    "composeConfigInput",
    "composeConfigInputs",
    &[&[f("serviceIds", Array(&Reference("service"))).null().c()]],
)
.methods(Methods { create: Everyone, ..Methods::VALUE });

/// `addOutputsInput`.
pub const ADD_OUTPUTS_INPUT: Type = Type::value(
    "addOutputsInput",
    "addOutputsInputs",
    &[&[f("outputs", Map(&String)).required().c()]],
);

/// `binding`.
pub const BINDING: Type =
    Type::value("binding", "bindings", &[&[f("services", Map(&Object("serviceBinding"))).c()]])
        .methods(Methods { update: Inside, ..Methods::INPUT });

/// `serviceBinding`.
pub const SERVICE_BINDING: Type = Type::value(
    "serviceBinding",
    "serviceBindings",
    &[&[f("labels", Map(&String)).c(), f("ports", Array(&String)).c()]],
)
.methods(Methods { update: Inside, ..Methods::INPUT });
