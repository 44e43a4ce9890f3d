//! Outside programs that take over processes.

use super::prelude::*;

/// Every type of this file.
pub const TYPES: &[&Type] = &[
    &EXTERNAL_HANDLER,
    &EXTERNAL_HANDLER_PROCESS,
    &EXTERNAL_HANDLER_EXTERNAL_HANDLER_PROCESS_MAP,
    &EXTERNAL_HANDLER_PROCESS_CONFIG,
];

/// States of `externalHandler`.
pub const EXTERNAL_HANDLER_LIFECYCLE: Lifecycle = Lifecycle::standard("externalhandler");

/// `externalHandler`.
pub const EXTERNAL_HANDLER: Type = Type::resource(
    "externalHandler",
    "externalHandlers",
    &EXTERNAL_HANDLER_LIFECYCLE,
    &[&[
        f("created", Date).null().max_len(255).r_by(Admin),
        f("data", Map(&Json)).null().max_len(16777215).r_by(Admin),
        f("description", String).null().max_len(1024).c_by(Admin).u_by(Admin).r_by(Admin),
        f("id", Int).null().r_by(Admin),
        f("kind", String).null().max_len(255).r_by(Admin),
        f("name", String).null().max_len(255).c_by(Admin).u_by(Admin).r_by(Admin),
        f("priority", Int).null().max_len(255).c_by(Admin).u_by(Admin).r_by(Admin),
        f("priorityName", Enum)
            .or_str("specific")
            .options(&["pre", "specific", "default_override"])
            .r_by(Super),
        f("processConfigs", Array(&Object("externalHandlerProcessConfig")))
            .required()
            .c_by(Admin)
            .r_by(Admin)
            .input_only(),
        f("removeTime", Date).null().max_len(255).r_by(Admin),
        f("removed", Date).null().max_len(255).r_by(Admin),
        f("retries", Int).null().min(1).c_by(Admin).u_by(Admin).r_by(Admin),
        f("state", Enum).max_len(128).r_by(Admin),
        f("timeoutMillis", Int).null().min(1000).c_by(Admin).u_by(Admin).r_by(Admin),
        f("transitioning", Enum).options(&["yes", "no", "error"]).r_by(Admin),
        f("transitioningMessage", String).null().r_by(Admin),
        f("transitioningProgress", Int).null().r_by(Admin),
        f("uuid", String).null().max_len(128).r_by(Admin),
    ]],
)
.global()
.for_audience(Admin)
.methods(Methods { create: Admin, update: Admin, ..Methods::ADMIN_READ })
.actions(&[
    Action::new("activate", "externalHandler").by(Admin),
    Action::new("create", "externalHandler").by(Admin),
    Action::new("deactivate", "externalHandler").by(Admin),
    Action::new("purge", "externalHandler").by(Admin),
    Action::new("remove", "externalHandler").by(Admin),
    Action::new("update", "externalHandler").by(Admin),
])
.links(&[
    Link::Child {
        name: "externalHandlerExternalHandlerProcessMaps",
        of: "externalHandlerExternalHandlerProcessMap",
        field: "externalHandlerId",
    },
    Link::Map {
        name: "externalHandlerProcesses",
        through: "externalHandlerExternalHandlerProcessMap",
        here: "externalHandlerId",
        there: "externalHandlerProcessId",
        to: "externalHandlerProcess",
    },
]);

/// States of `externalHandlerProcess`.
pub const EXTERNAL_HANDLER_PROCESS_LIFECYCLE: Lifecycle =
    Lifecycle::standard("externalhandlerprocess");

/// `externalHandlerProcess`.
pub const EXTERNAL_HANDLER_PROCESS: Type = Type::resource(
    "externalHandlerProcess",
    "externalHandlerProcesses",
    &EXTERNAL_HANDLER_PROCESS_LIFECYCLE,
    &[&[
        f("created", Date).null().max_len(255).r_by(Admin),
        f("data", Map(&Json)).null().max_len(16777215).r_by(Admin),
        f("description", String).null().max_len(1024).c_by(Admin).u_by(Admin).r_by(Admin),
        f("id", Int).null().r_by(Admin),
        f("kind", String).null().max_len(255).r_by(Admin),
        f("name", String).null().max_len(255).c_by(Admin).u_by(Admin).r_by(Admin),
        f("removeTime", Date).null().max_len(255).r_by(Admin),
        f("removed", Date).null().max_len(255).r_by(Admin),
        f("state", Enum).max_len(128).r_by(Admin),
        f("transitioning", Enum).options(&["yes", "no", "error"]).r_by(Admin),
        f("transitioningMessage", String).null().r_by(Admin),
        f("transitioningProgress", Int).null().r_by(Admin),
        f("uuid", String).null().max_len(128).r_by(Admin),
    ]],
)
.global()
.for_audience(Admin)
.methods(Methods::ADMIN_READ)
.actions(&[
    Action::new("activate", "externalHandlerProcess").by(Admin),
    Action::new("create", "externalHandlerProcess").by(Admin),
    Action::new("deactivate", "externalHandlerProcess").by(Admin),
    Action::new("purge", "externalHandlerProcess").by(Admin),
    Action::new("remove", "externalHandlerProcess").by(Admin),
    Action::new("update", "externalHandlerProcess").by(Admin),
])
.links(&[
    Link::Child {
        name: "externalHandlerExternalHandlerProcessMaps",
        of: "externalHandlerExternalHandlerProcessMap",
        field: "externalHandlerProcessId",
    },
    Link::Map {
        name: "externalHandlers",
        through: "externalHandlerExternalHandlerProcessMap",
        here: "externalHandlerProcessId",
        there: "externalHandlerId",
        to: "externalHandler",
    },
]);

/// States of `externalHandlerExternalHandlerProcessMap`.
pub const EXTERNAL_HANDLER_EXTERNAL_HANDLER_PROCESS_MAP_LIFECYCLE: Lifecycle =
    Lifecycle::standard("externalhandlerexternalhandlerprocessmap");

/// `externalHandlerExternalHandlerProcessMap`.
pub const EXTERNAL_HANDLER_EXTERNAL_HANDLER_PROCESS_MAP: Type = Type::resource(
    "externalHandlerExternalHandlerProcessMap",
    "externalHandlerExternalHandlerProcessMaps",
    &EXTERNAL_HANDLER_EXTERNAL_HANDLER_PROCESS_MAP_LIFECYCLE,
    &[&[
        f("created", Date).null().max_len(255).r_by(Admin),
        f("data", Map(&Json)).null().max_len(16777215).r_by(Admin),
        f("description", String).null().max_len(1024).c_by(Admin).u_by(Admin).r_by(Admin),
        f("eventName", String).null().max_len(255).r_by(Admin),
        f("externalHandlerId", Reference("externalHandler")).null().max_len(255).r_by(Admin),
        f("externalHandlerProcessId", Reference("externalHandlerProcess"))
            .null()
            .max_len(255)
            .r_by(Admin),
        f("id", Int).null().r_by(Admin),
        f("kind", String).null().max_len(255).r_by(Admin),
        f("name", String).null().max_len(255).c_by(Admin).u_by(Admin).r_by(Admin),
        f("onError", String).null().max_len(255).r_by(Admin),
        f("removeTime", Date).null().max_len(255).r_by(Admin),
        f("removed", Date).null().max_len(255).r_by(Admin),
        f("state", Enum).max_len(128).r_by(Admin),
        f("transitioning", Enum).options(&["yes", "no", "error"]).r_by(Admin),
        f("transitioningMessage", String).null().r_by(Admin),
        f("transitioningProgress", Int).null().r_by(Admin),
        f("uuid", String).null().max_len(128).r_by(Admin),
    ]],
)
.global()
.for_audience(Admin)
.methods(Methods::ADMIN_READ)
.actions(&[
    Action::new("activate", "externalHandlerExternalHandlerProcessMap").by(Admin),
    Action::new("create", "externalHandlerExternalHandlerProcessMap").by(Admin),
    Action::new("deactivate", "externalHandlerExternalHandlerProcessMap").by(Admin),
    Action::new("purge", "externalHandlerExternalHandlerProcessMap").by(Admin),
    Action::new("remove", "externalHandlerExternalHandlerProcessMap").by(Admin),
    Action::new("update", "externalHandlerExternalHandlerProcessMap").by(Admin),
])
.links(&[
    Link::Ref { name: "externalHandler", field: "externalHandlerId", to: "externalHandler" },
    Link::Ref {
        name: "externalHandlerProcess",
        field: "externalHandlerProcessId",
        to: "externalHandlerProcess",
    },
]);

/// `externalHandlerProcessConfig`.
pub const EXTERNAL_HANDLER_PROCESS_CONFIG: Type = Type::value(
    "externalHandlerProcessConfig",
    "externalHandlerProcessConfigs",
    &[&[f("name", String).c_by(Admin).r_by(Admin), f("onError", String).c_by(Admin).r_by(Admin)]],
)
.for_audience(Admin)
.methods(Methods { create: Admin, get: Admin, ..Methods::NONE });
