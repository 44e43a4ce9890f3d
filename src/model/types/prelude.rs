//! What every file of types uses: the builders and the fields that most rows share.

pub use crate::model::audience::Audience::{
    Admin, Everyone, Inside, Nobody, Outside, Service, Super,
};
pub use crate::model::audience::Methods;
pub use crate::model::lifecycle::{
    ACTIVATE, CREATE, DEACTIVATE, Lifecycle, PURGE, REMOVE, Transition, UPDATE,
};
pub use crate::model::schema::Kind::{
    Array, Boolean, Date, Enum, Int, Json, Map, Object, Password, Reference, String,
};
pub use crate::model::schema::{Action, Field, Kind, Link, Type};

/// A field.
pub const fn f(name: &'static str, kind: Kind) -> Field {
    Field::new(name, kind)
}

/// A transition on which every start state leads the same way.
pub const fn t(
    name: &'static str,
    from: &'static [&'static str],
    via: &'static str,
    to: &'static str,
) -> Transition {
    Transition::new(name, from, via, to)
}

/// A transition on which each start state leads its own way.
pub const fn each(
    name: &'static str,
    arcs: &'static [(&'static str, &'static str, &'static str)],
) -> Transition {
    Transition::each(name, arcs)
}

/// Fields of every row with a lifecycle.
pub const STANDARD: &[Field] = &[
    f("accountId", Reference("account")).null().max_len(255),
    f("created", Date).null().max_len(255),
    f("data", Map(&Json)).null().max_len(16777215).r_by(Admin),
    f("description", String).null().max_len(1024).cu(),
    f("id", Int).null(),
    f("kind", String).null().max_len(255),
    f("name", String).null().max_len(255).cu(),
    f("removeTime", Date).null().max_len(255).r_by(Admin),
    f("removed", Date).null().max_len(255),
    f("state", Enum).max_len(128),
    f("transitioning", Enum).options(&["yes", "no", "error"]),
    f("transitioningMessage", String).null(),
    f("transitioningProgress", Int).null(),
    f("uuid", String).null().max_len(128),
];

/// The same for rows with a rule of their own about names.
pub const UNNAMED: &[Field] = &[
    f("accountId", Reference("account")).null().max_len(255),
    f("created", Date).null().max_len(255),
    f("data", Map(&Json)).null().max_len(16777215).r_by(Admin),
    f("description", String).null().max_len(1024).cu(),
    f("id", Int).null(),
    f("kind", String).null().max_len(255),
    f("removeTime", Date).null().max_len(255).r_by(Admin),
    f("removed", Date).null().max_len(255),
    f("state", Enum).max_len(128),
    f("transitioning", Enum).options(&["yes", "no", "error"]),
    f("transitioningMessage", String).null(),
    f("transitioningProgress", Int).null(),
    f("uuid", String).null().max_len(128),
];

/// The actions of the standard lifecycle, which answer with a resource of type `output`.
pub const fn standard_actions(output: &'static str) -> [Action; 6] {
    [
        Action::new("activate", output),
        Action::new("create", output),
        Action::new("deactivate", output),
        Action::new("purge", output),
        Action::new("remove", output),
        Action::new("update", output),
    ]
}

/// Linux capabilities that Docker knows.
pub const CAPABILITIES: &[&str] = &[
    "ALL",
    "AUDIT_CONTROL",
    "AUDIT_WRITE",
    "BLOCK_SUSPEND",
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "IPC_LOCK",
    "IPC_OWNER",
    "KILL",
    "LEASE",
    "LINUX_IMMUTABLE",
    "MAC_ADMIN",
    "MAC_OVERRIDE",
    "MKNOD",
    "NET_ADMIN",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYSLOG",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_CHROOT",
    "SYS_MODULE",
    "SYS_NICE",
    "SYS_PACCT",
    "SYS_PTRACE",
    "SYS_RAWIO",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "WAKE_ALARM",
];
