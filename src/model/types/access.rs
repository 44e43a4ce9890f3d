//! What the actions of containers take and give.

use super::prelude::*;

/// Every type of this file.
pub const TYPES: &[&Type] = &[
    &INSTANCE_STOP,
    &INSTANCE_CONSOLE,
    &INSTANCE_CONSOLE_INPUT,
    &CONTAINER_EXEC,
    &CONTAINER_LOGS,
    &CONTAINER_PROXY,
    &HOST_ACCESS,
    &STATS_ACCESS,
];

/// `instanceStop`.
pub const INSTANCE_STOP: Type = Type::value(
    "instanceStop",
    "instanceStops",
    &[&[f("remove", Boolean).c(), f("timeout", Int).c()]],
)
.methods(Methods::INPUT);

/// `instanceConsole`.
pub const INSTANCE_CONSOLE: Type = Type::value(
    "instanceConsole",
    "instanceConsoles",
    &[&[f("kind", String), f("password", String), f("url", String)]],
);

/// `instanceConsoleInput`.
pub const INSTANCE_CONSOLE_INPUT: Type =
    Type::value("instanceConsoleInput", "instanceConsoleInputs", &[&[]]);

/// `containerExec`.
pub const CONTAINER_EXEC: Type = Type::value(
    "containerExec",
    "containerExecs",
    &[&[
        f("attachStdin", Boolean).or_bool(true).c(),
        f("attachStdout", Boolean).or_bool(true).c(),
        f("command", Array(&String)).required().c(),
        f("tty", Boolean).or_bool(true).c(),
    ]],
)
.methods(Methods::INPUT);

/// `containerLogs`.
pub const CONTAINER_LOGS: Type = Type::value(
    "containerLogs",
    "containerLogses",
    &[&[
        f("follow", Boolean).or_bool(true).c(),
        f("lines", Int).null().or_int(100).min(0).c(),
        f("since", String).c(),
        f("timestamps", Boolean).null().or_bool(true).c(),
    ]],
)
.methods(Methods::INPUT);

/// `containerProxy`.
pub const CONTAINER_PROXY: Type = Type::value(
    "containerProxy",
    "containerProxys",
    &[&[
        f("port", Int).null().or_int(80).min(0).c(),
        f("scheme", Enum).or_str("http").options(&["http", "https"]).c(),
    ]],
)
.methods(Methods::INPUT);

/// `hostAccess`.
pub const HOST_ACCESS: Type =
    Type::value("hostAccess", "hostAccesses", &[&[f("token", String), f("url", String)]]);

/// `statsAccess`.
pub const STATS_ACCESS: Type =
    Type::value("statsAccess", "statsAccesses", &[&[f("token", String), f("url", String)]]);
