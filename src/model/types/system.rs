//! Processes, settings, the audit log and the schema of schemas.

use super::prelude::*;

/// Every type of this file.
pub const TYPES: &[&Type] = &[
    &PROCESS_INSTANCE,
    &PROCESS_EXECUTION,
    &PROCESS_DEFINITION,
    &AUDIT_LOG,
    &SCHEMA,
    &SETTING,
    &ACTIVE_SETTING,
    &SUBSCRIBE,
    &ERROR,
    &COLLECTION,
];

/// `processInstance`.
pub const PROCESS_INSTANCE: Type = Type::computed(
    "processInstance",
    "processInstances",
    "processes",
    &[&[
        f("accountId", Reference("account")).null().r_by(Admin),
        f("endTime", Date).null().r_by(Admin),
        f("executionCount", Int).r_by(Admin),
        f("exitReason", String).null().max_len(128).r_by(Admin),
        f("id", Int).null().r_by(Admin),
        f("phase", String).null().max_len(128).r_by(Admin),
        f("priority", Int).null().r_by(Admin),
        f("processName", String).null().max_len(128).r_by(Admin),
        f("resourceId", String).null().max_len(128).r_by(Admin),
        f("resourceType", String).null().max_len(128).r_by(Admin),
        f("result", String).null().max_len(128).r_by(Admin),
        f("runAfter", Date).null().r_by(Admin),
        f("runningProcessServerId", String).null().max_len(128).r_by(Admin),
        f("startProcessServerId", String).null().max_len(128).r_by(Admin),
        f("startTime", Date).null().r_by(Admin),
        f("data", Map(&Json)).null().r_by(Admin),
    ]],
)
.for_audience(Admin)
.methods(Methods { list: Admin, get: Admin, ..Methods::READ })
.actions(&[Action::new("replay", "processInstance")])
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Child { name: "processExecutions", of: "processExecution", field: "processInstanceId" },
]);

/// `processExecution`.
pub const PROCESS_EXECUTION: Type = Type::computed(
    "processExecution",
    "processExecutions",
    "executions",
    &[&[
        f("created", Date).null().r_by(Admin),
        f("id", Int).null().r_by(Admin),
        f("log", Map(&Json)).null().r_by(Admin),
        f("processInstanceId", Reference("processInstance")).r_by(Admin),
        f("uuid", String).null().max_len(128).r_by(Admin),
    ]],
)
.for_audience(Admin)
.methods(Methods { list: Admin, get: Admin, ..Methods::READ })
.links(&[Link::Ref { name: "processInstance", field: "processInstanceId", to: "processInstance" }]);

/// `processDefinition`.
pub const PROCESS_DEFINITION: Type = Type::computed(
    "processDefinition",
    "processDefinitions",
    "definitions",
    &[&[
        f("extensionBased", Boolean).r_by(Admin),
        f("id", String).r_by(Admin),
        f("name", String).cu().r_by(Admin),
        f("postProcessListeners", Object("extensionPoint")).r_by(Admin),
        f("preProcessListeners", Object("extensionPoint")).r_by(Admin),
        f("processHandlers", Object("extensionPoint")).r_by(Admin),
        f("resourceType", String).r_by(Admin),
        f("stateTransitions", Array(&Object("stateTransition"))).r_by(Admin),
    ]],
)
.for_audience(Admin)
.methods(Methods { list: Admin, get: Admin, ..Methods::READ });

/// `auditLog`.
pub const AUDIT_LOG: Type = Type::computed(
    "auditLog",
    "auditLogs",
    "audit",
    &[&[
        f("authType", Enum).null().required().options(&[
            "AdminAuth",
            "BasicAuth",
            "RegistrationToken",
            "TokenAccount",
            "TokenAuth",
        ]),
        f("authenticatedAsAccountId", Reference("account")).null(),
        f("authenticatedAsIdentityId", Reference("identity")).null(),
        f("clientIp", String).null().max_len(255),
        f("data", Map(&Json)).null().r_by(Super),
        f("description", String).null().max_len(1024),
        f("eventType", String).null().max_len(255),
        f("requestObject", String),
        f("resource", String).r_by(Super),
        f("resourceId", Int).null(),
        f("resourceType", String).null().max_len(255),
        f("responseCode", Int),
        f("responseObject", String),
        f("runtime", Int).null().r_by(Super),
        f("accountId", Reference("account")).null(),
        f("created", Date).null(),
        f("id", Int).null(),
        f("kind", String).null().max_len(255),
    ]],
)
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Ref { name: "authenticatedAsAccount", field: "authenticatedAsAccountId", to: "account" },
]);

/// `schema`.
pub const SCHEMA: Type = Type::computed(
    "schema",
    "schemas",
    "schemas",
    &[&[
        f("collectionActions", Map(&Json)).c(),
        f("collectionFields", Map(&Json)).c(),
        f("collectionFilters", Map(&Json)).c(),
        f("collectionMethods", Array(&String)).c(),
        f("includeableLinks", Array(&String)).c(),
        f("pluralName", String).c(),
        f("resourceActions", Map(&Json)).c(),
        f("resourceFields", Map(&Json)).c(),
        f("resourceMethods", Array(&String)).c(),
    ]],
);

/// `setting`.
pub const SETTING: Type = Type::computed(
    "setting",
    "settings",
    "settings",
    &[&[
        f("activeValue", String),
        f("inDb", Boolean).r_by(Admin),
        f("name", String).null().max_len(255).c_by(Admin),
        f("source", String).r_by(Admin),
        f("value", String).null().max_len(16777215).c_by(Admin).u_by(Admin),
        f("id", Int).null(),
    ]],
)
.global()
.methods(Methods { create: Admin, update: Admin, delete: Admin, ..Methods::READ });

/// `activeSetting`.
pub const ACTIVE_SETTING: Type = Type::computed(
    "activeSetting",
    "activeSettings",
    "settings",
    &[&[
        f("activeValue", Json),
        f("id", String),
        f("inDb", Boolean).r_by(Admin),
        f("name", String),
        f("source", String).r_by(Admin),
        f("value", String).u_by(Admin),
    ]],
)
.methods(Methods { list: Nobody, update: Admin, delete: Admin, ..Methods::READ });

/// `subscribe`.
pub const SUBSCRIBE: Type = Type::computed(
    "subscribe",
    "subscribe",
    "subscribe",
    &[&[f("eventNames", Array(&String)).min_len(1).chars("*._0-9a-zA-Z;=").c()]],
)
.methods(Methods { create: Project, ..Methods::READ });

/// `error`.
pub const ERROR: Type = Type::value(
    "error",
    "errors",
    &[&[
        f("code", String).r_by(Super),
        f("detail", String).r_by(Super),
        f("message", String).r_by(Super),
        f("status", Int).r_by(Super),
    ]],
)
.for_audience(Super);

/// `collection`.
pub const COLLECTION: Type = Type::value(
    "collection",
    "collections",
    &[&[
        f("actions", Map(&Json)).r_by(Super),
        f("createDefaults", Map(&Json)).r_by(Super),
        f("createTypes", Map(&Json)).r_by(Super),
        f("data", Array(&Object("resource"))).r_by(Super),
        f("filters", Map(&Array(&Json))).r_by(Super),
        f("links", Map(&Json)).r_by(Super),
        f("pagination", Json).r_by(Super),
        f("resourceType", String).r_by(Super),
        f("sort", Json).r_by(Super),
        f("sortLinks", Map(&Json)).r_by(Super),
        f("type", String).r_by(Super),
    ]],
)
.for_audience(Super);
