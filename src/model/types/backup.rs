//! Snapshots and backups of volumes.

use super::prelude::*;

/// Every type of this file.
pub const TYPES: &[&Type] = &[
    &BACKUP,
    &BACKUP_TARGET,
    &SNAPSHOT,
    &SNAPSHOT_BACKUP_INPUT,
    &VOLUME_SNAPSHOT_INPUT,
    &RESTORE_FROM_BACKUP_INPUT,
    &REVERT_TO_SNAPSHOT_INPUT,
    &S3_CONFIG,
];

/// Fields of a backup, and of what asks for one.
const BACKUP_FIELDS: &[Field] = &[
    f("data", Map(&Json)).null().max_len(65535).r_by(Admin),
    f("removeTime", Date).null().max_len(255).r_by(Admin),
];

/// States of `backup`.
pub const BACKUP_LIFECYCLE: Lifecycle = Lifecycle::new(
    "backup",
    &[
        t("create", &["requested"], "creating", "created"),
        t("remove", &["creating", "created"], "removing", "removed"),
    ],
);

/// Where a `backup` leads, and what shares it.
pub const BACKUP_LINKS: &[Link] = &[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Ref { name: "backupTarget", field: "backupTargetId", to: "backupTarget" },
    Link::Ref { name: "snapshot", field: "snapshotId", to: "snapshot" },
    Link::Ref { name: "volume", field: "volumeId", to: "volume" },
];

/// `backup`.
pub const BACKUP: Type = Type::resource(
    "backup",
    "backups",
    &BACKUP_LIFECYCLE,
    &[
        BACKUP_FIELDS,
        &[
            f("accountId", Reference("account")).null().max_len(255),
            f("backupTargetId", Reference("backupTarget")).null().max_len(255),
            f("created", Date).null().max_len(255),
            f("description", String).null().max_len(1024).cu(),
            f("id", Int).null(),
            f("kind", String).null().max_len(255),
            f("name", String).null().max_len(255).cu(),
            f("provedAt", Date).null(),
            f("removed", Date).null().max_len(255),
            f("snapshotId", Reference("snapshot")).null().max_len(255),
            f("state", Enum).max_len(128),
            f("transitioning", Enum).options(&["yes", "no", "error"]),
            f("transitioningMessage", String).null(),
            f("transitioningProgress", Int).null(),
            f("uri", String).null().max_len(4096),
            f("uuid", String).null().max_len(128),
            f("volumeId", Reference("volume")).null().max_len(255),
        ],
    ],
)
.methods(Methods { delete: Inside, ..Methods::READ })
.actions(&[Action::new("create", "backup"), Action::new("remove", "backup")])
.links(BACKUP_LINKS);

/// States of `backupTarget`.
pub const BACKUP_TARGET_LIFECYCLE: Lifecycle = Lifecycle::new(
    "backuptarget",
    &[
        t("create", &["requested"], "creating", "created"),
        t("remove", &["creating", "created"], "removing", "removed"),
    ],
);

/// `backupTarget`.
pub const BACKUP_TARGET: Type = Type::resource(
    "backupTarget",
    "backupTargets",
    &BACKUP_TARGET_LIFECYCLE,
    &[&[
        f("accountId", Reference("account")).null().max_len(255),
        f("created", Date).null().max_len(255),
        f("data", Map(&Json)).null().max_len(65535).r_by(Admin),
        f("description", String).null().max_len(1024).cu(),
        f("id", Int).null(),
        f("kind", String).null().max_len(255),
        f("name", String).required().min_len(1).max_len(255).chars("a-zA-Z0-9_.-").cu(),
        f("nfsConfig", Object("nfsConfig")).null().c(),
        f("removeTime", Date).null().max_len(255).r_by(Admin),
        f("removed", Date).null().max_len(255),
        f("s3Config", Object("s3Config")).null().c(),
        f("state", Enum).max_len(128),
        f("transitioning", Enum).options(&["yes", "no", "error"]),
        f("transitioningMessage", String).null(),
        f("transitioningProgress", Int).null(),
        f("uuid", String).null().max_len(128),
    ]],
)
.methods(Methods { update: Nobody, ..Methods::INSIDE })
.actions(&[Action::new("create", "backupTarget"), Action::new("remove", "backupTarget")])
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Child { name: "backups", of: "backup", field: "backupTargetId" },
]);

/// `s3Config`: the bucket that a backup target is. Ours.
pub const S3_CONFIG: Type = Type::value(
    "s3Config",
    "s3Configs",
    &[&[
        f("accessKey", String).required().min_len(1).max_len(255).c(),
        f("bucket", String).required().min_len(3).max_len(63).chars("a-z0-9.-").c(),
        f("caCert", String).null().max_len(65535).c(),
        f("endpoint", String).required().min_len(1).max_len(1024).c(),
        f("prefix", String).null().max_len(512).chars("a-zA-Z0-9_./-").c(),
        f("region", String).or_str("us-east-1").min_len(1).max_len(64).chars("a-z0-9-").c(),
        f("secretKey", Password).required().min_len(1).max_len(1024).c().input_only(),
    ]],
);

/// States of `snapshot`.
pub const SNAPSHOT_LIFECYCLE: Lifecycle = Lifecycle::new(
    "snapshot",
    &[
        t("create", &["requested"], "creating", "created"),
        t("remove", &["creating", "created"], "removing", "removed"),
    ],
);

/// `snapshot`.
pub const SNAPSHOT: Type = Type::resource(
    "snapshot",
    "snapshots",
    &SNAPSHOT_LIFECYCLE,
    &[STANDARD, &[f("volumeId", Reference("volume")).required().max_len(255)]],
)
.methods(Methods { delete: Inside, ..Methods::READ })
.actions(&[
    Action::new("backup", "backup").input("snapshotBackupInput").states(&["created"]),
    Action::new("create", "snapshot"),
    Action::new("remove", "snapshot"),
])
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Child { name: "backups", of: "backup", field: "snapshotId" },
    Link::Ref { name: "volume", field: "volumeId", to: "volume" },
]);

/// `snapshotBackupInput`.
pub const SNAPSHOT_BACKUP_INPUT: Type = Type::value(
    "snapshotBackupInput",
    "snapshotBackupInputs",
    &[
        BACKUP_FIELDS,
        &[
            f("accountId", Reference("account")).null().max_len(255).r_by(Super),
            f("backupTargetId", Reference("backupTarget")).required().max_len(255).c(),
            f("created", Date).null().max_len(255).r_by(Super),
            f("description", String).null().max_len(1024).r_by(Super),
            f("id", Int).null().r_by(Super),
            f("kind", String).null().max_len(255).r_by(Super),
            f("name", String).null().max_len(255).c(),
            f("removed", Date).null().max_len(255).r_by(Super),
            f("snapshotId", Reference("snapshot")).null().max_len(255).r_by(Super),
            f("state", Enum).max_len(128).r_by(Super),
            f("transitioning", Enum).options(&["yes", "no", "error"]).r_by(Super),
            f("transitioningMessage", String).null().r_by(Super),
            f("transitioningProgress", Int).null().r_by(Super),
            f("uri", String).null().max_len(4096).r_by(Super),
            f("uuid", String).null().max_len(128).r_by(Super),
            f("volumeId", Reference("volume")).null().max_len(255).r_by(Super),
        ],
    ],
)
.states_of(&BACKUP_LIFECYCLE)
.child_of("backup")
.actions(&[Action::new("create", "backup").by(Admin), Action::new("remove", "backup").by(Admin)])
.links(BACKUP_LINKS);

/// `volumeSnapshotInput`.
pub const VOLUME_SNAPSHOT_INPUT: Type = Type::value(
    "volumeSnapshotInput",
    "volumeSnapshotInputs",
    &[&[
        f("name", String).max_len(255).c(),
        f("quiesce", Enum).or_str("none").options(&["none", "pause", "stop"]).c(),
    ]],
);

/// `restoreFromBackupInput`.
pub const RESTORE_FROM_BACKUP_INPUT: Type = Type::value(
    "restoreFromBackupInput",
    "restoreFromBackupInputs",
    &[&[f("backupId", Reference("backup")).required().c()]],
);

/// `revertToSnapshotInput`.
pub const REVERT_TO_SNAPSHOT_INPUT: Type = Type::value(
    "revertToSnapshotInput",
    "revertToSnapshotInputs",
    &[&[f("snapshotId", Reference("snapshot")).required().c()]],
);
