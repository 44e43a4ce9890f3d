//! Processes, their log, and the periodic tasks.

use super::prelude::*;

/// Every type of this file.
pub const TYPES: &[&Type] = &[
    &PROCESS_INSTANCE,
    &PROCESS_EXECUTION,
    &PROCESS_DEFINITION,
    &PROCESS_POOL,
    &PROCESS_SUMMARY,
    &STATE_TRANSITION,
    &TASK,
    &TASK_INSTANCE,
];

/// `processInstance`.
pub const PROCESS_INSTANCE: Type = Type::computed(
    "processInstance",
    "processInstances",
    "processes",
    &[&[
        f("accountId", Reference("account")).null().max_len(255).r_by(Admin),
        f("data", Map(&Json)).null().max_len(16777215).r_by(Admin),
        f("endTime", Date).null().max_len(255).r_by(Admin),
        f("executionCount", Int).max_len(255).r_by(Admin),
        f("exitReason", String).null().max_len(128).r_by(Admin),
        f("id", Int).null().r_by(Admin),
        f("phase", String).null().max_len(128).r_by(Admin),
        f("priority", Int).null().max_len(255).r_by(Admin),
        f("processName", String).null().max_len(128).r_by(Admin),
        f("resourceId", String).null().max_len(128).r_by(Admin),
        f("resourceType", String).null().max_len(128).r_by(Admin),
        f("result", String).null().max_len(128).r_by(Admin),
        f("runAfter", Date).null().max_len(255).r_by(Admin),
        f("runningProcessServerId", String).null().max_len(128).r_by(Admin),
        f("startProcessServerId", String).null().max_len(128).r_by(Admin),
        f("startTime", Date).null().max_len(255).r_by(Admin),
    ]],
)
.for_audience(Admin)
.methods(Methods::ADMIN_READ)
.actions(&[Action::new("replay", "processInstance").by(Admin)])
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
        f("created", Date).null().max_len(255).r_by(Admin),
        f("id", Int).null().r_by(Admin),
        f("log", Map(&Json)).null().max_len(16777215).r_by(Admin),
        f("processInstanceId", Reference("processInstance")).max_len(255).r_by(Admin),
        f("uuid", String).null().max_len(128).r_by(Admin),
    ]],
)
.for_audience(Admin)
.methods(Methods::ADMIN_READ)
.links(&[Link::Ref { name: "processInstance", field: "processInstanceId", to: "processInstance" }]);

/// `processDefinition`.
pub const PROCESS_DEFINITION: Type = Type::computed(
    "processDefinition",
    "processDefinitions",
    "definitions",
    &[&[
        f("extensionBased", Boolean).r_by(Admin),
        f("id", String).r_by(Admin),
        f("name", String).c_by(Admin).u_by(Admin).r_by(Admin),
        f("postProcessListeners", Object("extensionPoint")).r_by(Admin),
        f("preProcessListeners", Object("extensionPoint")).r_by(Admin),
        f("processHandlers", Object("extensionPoint")).r_by(Admin),
        f("resourceType", String).r_by(Admin),
        f("stateTransitions", Array(&Object("stateTransition"))).r_by(Admin),
    ]],
)
.for_audience(Admin)
.methods(Methods::ADMIN_READ);

/// `processPool`.
pub const PROCESS_POOL: Type = Type::computed(
    "processPool",
    "processPools",
    "pools",
    &[&[
        f("activeTasks", Int).r_by(Admin),
        f("completedTasks", Int).r_by(Admin),
        f("maxPoolSize", Int).r_by(Admin),
        f("minPoolSize", Int).r_by(Admin),
        f("name", String).r_by(Admin),
        f("poolSize", Int).r_by(Admin),
        f("queueRemainingCapacity", Int).r_by(Admin),
        f("queueSize", Int).r_by(Admin),
        f("rejectedTasks", Int).r_by(Admin),
    ]],
)
.for_audience(Admin)
.methods(Methods::ADMIN_READ);

/// `processSummary`.
pub const PROCESS_SUMMARY: Type = Type::computed(
    "processSummary",
    "processSummary",
    "summaries",
    &[&[
        f("delay", Int).r_by(Admin),
        f("processName", String).r_by(Admin),
        f("ready", Int).r_by(Admin),
        f("running", Int).r_by(Admin),
    ]],
)
.for_audience(Admin)
.methods(Methods::ADMIN_READ);

/// `stateTransition`.
pub const STATE_TRANSITION: Type = Type::value(
    "stateTransition",
    "stateTransitions",
    &[&[
        f("field", String).r_by(Super),
        f("fromState", String).r_by(Super),
        f("toState", String).r_by(Super),
        f("type", Enum).options(&["TRANSITIONING", "DONE"]).r_by(Super),
    ]],
)
.for_audience(Admin)
.methods(Methods { get: Admin, ..Methods::NONE });

/// `task`.
pub const TASK: Type = Type::computed(
    "task",
    "tasks",
    "tasks",
    &[&[
        f("id", Int).null().r_by(Admin),
        f("name", String).null().max_len(128).c_by(Admin).u_by(Admin).r_by(Admin),
    ]],
)
.for_audience(Admin)
.methods(Methods::ADMIN_READ)
.actions(&[Action::new("execute", "task").by(Admin)])
.links(&[Link::Child { name: "taskInstances", of: "taskInstance", field: "taskId" }]);

/// `taskInstance`.
pub const TASK_INSTANCE: Type = Type::computed(
    "taskInstance",
    "taskInstances",
    "taskInstances",
    &[&[
        f("endTime", Date).null().max_len(255).r_by(Admin),
        f("exception", String).null().max_len(255).r_by(Admin),
        f("id", Int).null().r_by(Admin),
        f("name", String).null().max_len(128).c_by(Admin).u_by(Admin).r_by(Admin),
        f("serverId", String).null().max_len(128).r_by(Admin),
        f("startTime", Date).max_len(255).r_by(Admin),
        f("taskId", Reference("task")).max_len(255).r_by(Admin),
    ]],
)
.for_audience(Admin)
.methods(Methods::ADMIN_READ)
.links(&[Link::Ref { name: "task", field: "taskId", to: "task" }]);
