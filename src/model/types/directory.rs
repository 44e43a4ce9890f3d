//! Stacks and their directories on the server's disk. Ours, not Rancher's.

use super::prelude::*;

/// Every type of this file.
pub const TYPES: &[&Type] = &[
    &STACK_BIND,
    &STACK_DIRECTORY,
    &STACK_DIRECTORY_STATUS,
    &STACK_FILE,
    &STACK_FILE_LIST,
    &STACK_FILE_SAVE,
];

/// `stackDirectory`: a directory that a stack may be bound to.
pub const STACK_DIRECTORY: Type = Type::computed(
    "stackDirectory",
    "stackDirectories",
    "stackDirectories",
    &[&[
        f("directory", String),
        f("files", Array(&String)),
        f("id", String),
        f("name", String).null(),
        f("stackId", Reference("stack")).null(),
    ]],
)
.methods(Methods::READ);

/// `stackBind`: what a stack is bound to.
pub const STACK_BIND: Type = Type::value(
    "stackBind",
    "stackBinds",
    &[&[
        f("autoApply", Boolean).or_bool(false).c(),
        f("directory", String).required().c(),
        f("files", Array(&String)).null().c(),
        f("profiles", Array(&String)).null().c(),
    ]],
)
.methods(Methods::INPUT);

/// `stackDirectoryStatus`: how a stack's directory and the stack compare.
pub const STACK_DIRECTORY_STATUS: Type = Type::value(
    "stackDirectoryStatus",
    "stackDirectoryStatuses",
    &[&[
        f("autoApply", Boolean).or_bool(false),
        f("changes", Array(&Json)).null(),
        f("files", Array(&String)).null(),
        f("message", String).null(),
        f("problems", Array(&Json)).null(),
        f("profiles", Array(&String)).null(),
        f("state", Enum).options(&["changed", "invalid", "missing", "settled"]),
    ]],
);

/// `stackFileList`: the files of a stack's directory that make the stack.
pub const STACK_FILE_LIST: Type = Type::value(
    "stackFileList",
    "stackFileLists",
    &[&[
        f("directory", String),
        f("files", Array(&Object("stackFile"))),
        f("fingerprint", String).null(),
    ]],
);

/// `stackFile`: one of them. `text` is as an editor shows it.
pub const STACK_FILE: Type = Type::value(
    "stackFile",
    "stackFiles",
    &[&[
        f("bom", Boolean).or_bool(false),
        f("hash", String).null(),
        f("isText", Boolean).or_bool(true),
        f("lineEnding", Enum).options(&["lf", "crlf", "cr"]),
        f("name", String),
        f("size", Int),
        f("text", String).null(),
    ]],
);

/// `stackFileSave`: an edited file. `text` is as an editor shows it, `content` the very bytes in base64;
/// `hash` is that of what was read, and absent for a new file.
pub const STACK_FILE_SAVE: Type = Type::value(
    "stackFileSave",
    "stackFileSaves",
    &[&[
        f("content", String).null().c(),
        f("hash", String).null().c(),
        f("name", String).required().c(),
        f("text", String).null().c(),
    ]],
)
.methods(Methods::INPUT);
