//! Stacks and compose files.

use super::prelude::*;

/// Every type of this file.
pub const TYPES: &[&Type] =
    &[&STACK_PLAN, &STACK, &COMPOSE_CONFIG, &COMPOSE_CONFIG_INPUT, &ADD_OUTPUTS_INPUT];

/// States of `stack`.
pub const STACK_LIFECYCLE: Lifecycle = Lifecycle::new(
    "stack",
    &[
        t("create", &["requested"], "activating", "active"),
        t("error", &["activating"], "erroring", "error"),
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
        t("update", &["active"], "updating-active", "active"),
    ],
);

/// `stack`.
pub const STACK: Type = Type::resource(
    "stack",
    "stacks",
    &STACK_LIFECYCLE,
    &[&[
        f("allowSystemRole", Boolean).or_bool(false).r_by(Super),
        f("answers", Map(&Json)).c(),
        f("binding", Object("binding")).null().cu(),
        f("dockerCompose", String).c(),
        f("environment", Map(&String)).c(),
        f("externalId", String).null().max_len(128).cu().indexed(),
        f("group", String).null().max_len(255).cu(),
        f("healthState", String).null().max_len(128),
        f("name", String)
            .null()
            .required()
            .min_len(1)
            .max_len(63)
            .chars("a-zA-Z0-9-")
            .cu()
            .schedules(),
        f("outputs", Map(&String)).null().cu(),
        f("previousEnvironment", Map(&String)).null().cu(),
        f("previousExternalId", String).null().cu(),
        f("rancherCompose", String).c(),
        f("serviceIds", Array(&Reference("service"))).null(),
        f("startOnCreate", Boolean).null().c(),
        f("system", Boolean).or_bool(false).cu(),
        f("templates", Map(&String)).null().c(),
        f("upgrade", Object("kubernetesStackUpgrade")).r_by(Super),
        f("accountId", Reference("account")).null(),
        f("created", Date).null(),
        f("data", Map(&Json)).null().r_by(Admin),
        f("description", String).null().max_len(1024).cu(),
        f("id", Int).null(),
        f("kind", String).null().max_len(255),
        f("removeTime", Date).null().r_by(Admin),
        f("removed", Date).null(),
        f("state", Enum),
        f("transitioning", Enum).options(&["yes", "no", "error"]),
        f("transitioningMessage", String).null(),
        f("transitioningProgress", Int).null(),
        f("uuid", String).null().max_len(128),
    ]],
)
.actions(&[
    Action::new("activateservices", "stack"),
    Action::new("addoutputs", "stack").input("addOutputsInput"),
    Action::new("create", "stack"),
    Action::new("deactivateservices", "stack"),
    Action::new("error", "stack"),
    Action::new("exportconfig", "composeConfig").input("composeConfigInput"),
    Action::new("remove", "stack"),
    Action::new("update", "stack"),
])
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Child { name: "hosts", of: "host", field: "stackId" },
    Link::Child { name: "instances", of: "instance", field: "stackId" },
    Link::Child { name: "services", of: "service", field: "stackId" },
    Link::Child { name: "volumes", of: "volume", field: "stackId" },
])
.prefix("st");

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
);

/// `addOutputsInput`.
pub const ADD_OUTPUTS_INPUT: Type = Type::value(
    "addOutputsInput",
    "addOutputsInputs",
    &[&[f("outputs", Map(&String)).required().c()]],
);

/// `stackPlan`: compose files in, what they change out. Ours, not Rancher's.
pub const STACK_PLAN: Type = Type::computed(
    "stackPlan",
    "stackPlans",
    "stackPlans",
    &[&[
        f("name", String).null().c(),
        f("dockerCompose", String).required().c(),
        f("rancherCompose", String).null().c(),
        f("composeFiles", Array(&Json)).null().c(),
        f("environment", Map(&String)).null().c(),
        f("files", Map(&String)).null().c().input_only(),
        f("projectDir", String).null().c(),
        f("profiles", Array(&String)).null().c(),
        f("dryRun", Boolean).or_bool(false).c(),
        f("removeOrphans", Boolean).or_bool(false).c(),
        f("stackId", Reference("stack")).null(),
        f("changes", Array(&Json)).null(),
        f("problems", Array(&Json)).null(),
    ]],
)
.methods(Methods { list: Nobody, get: Nobody, create: Project, ..Methods::READ });
