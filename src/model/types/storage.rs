//! Storage pools, volumes and mounts.

use super::prelude::*;

/// Every type of this file.
pub const TYPES: &[&Type] = &[&STORAGE_POOL, &VOLUME, &MOUNT];

/// States of `storagePool`.
pub const STORAGE_POOL_LIFECYCLE: Lifecycle = Lifecycle::standard("storagepool");

/// `storagePool`.
pub const STORAGE_POOL: Type = Type::resource(
    "storagePool",
    "storagePools",
    &STORAGE_POOL_LIFECYCLE,
    &[
        STANDARD,
        &[
            f("blockDevicePath", String).null().c_by(Super),
            f("driverName", String).null().max_len(255).c_by(Super),
            f("external", Boolean).r_by(Super),
            f("externalId", String).null().max_len(128).c_by(Super).indexed(),
            f("hostIds", Array(&Reference("host"))).null(),
            f("physicalTotalSizeMb", Int).null().r_by(Super),
            f("virtualTotalSizeMb", Int).null().r_by(Super),
            f("volumeAccessMode", String).null().max_len(255).c_by(Super),
            f("volumeCapabilities", Array(&String)).null().c_by(Super),
            f("volumeIds", Array(&Reference("volume"))).null(),
        ],
    ],
)
.methods(Methods::READ)
.actions(&[
    Action::new("activate", "storagePool"),
    Action::new("create", "storagePool"),
    Action::new("deactivate", "storagePool"),
    Action::new("purge", "storagePool"),
    Action::new("remove", "storagePool"),
    Action::new("update", "storagePool"),
])
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Child { name: "credentials", of: "credential", field: "registryId" },
]);

/// States of `volume`.
pub const VOLUME_LIFECYCLE: Lifecycle = Lifecycle::new(
    "volume",
    &[
        CREATE,
        t("activate", &["inactive", "registering", "detached"], "activating", "active"),
        t(
            "deactivate",
            &[
                "requested",
                "registering",
                "creating",
                "active",
                "activating",
                "updating-active",
                "updating-inactive",
            ],
            "deactivating",
            "detached",
        ),
        PURGE,
        t(
            "remove",
            &[
                "requested",
                "inactive",
                "detached",
                "deactivating",
                "registering",
                "updating-active",
                "updating-inactive",
            ],
            "removing",
            "removed",
        ),
        UPDATE,
    ],
);

/// `volume`.
pub const VOLUME: Type = Type::resource(
    "volume",
    "volumes",
    &VOLUME_LIFECYCLE,
    &[&[
        f("accessMode", String).null().max_len(255),
        f("allocationState", String).null().max_len(255).r_by(Super),
        f("attachedState", String).null().max_len(255).r_by(Super),
        f("capabilities", Array(&String)).null().r_by(Super),
        f("deviceNumber", Int).null().r_by(Super),
        f("driver", String).c(),
        f("driverOpts", Map(&String)).null().cu(),
        f("externalId", String).null().max_len(128).c_by(Super).indexed(),
        f("format", String).null().max_len(255).c().r_by(Super),
        f("hostId", Reference("host")).null().cu().schedules(),
        f("instanceId", Reference("instance")).null(),
        f("isHostPath", Boolean).or_bool(false).c_by(Super),
        f("isNative", Boolean).or_bool(false).r_by(Super),
        f("mounts", Array(&Object("mountEntry"))),
        f("name", String).null().required().max_len(255).c(),
        f("physicalSizeMb", Int).null().r_by(Super),
        f("sizeMb", Int).null().c(),
        f("stackId", Reference("stack")).null().c(),
        f("uri", String).null().max_len(255).c_by(Super),
        f("virtualSizeMb", Int).null().r_by(Super),
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
    Action::new("activate", "volume").by(Super),
    Action::new("allocate", "volume"),
    Action::new("create", "volume"),
    Action::new("deactivate", "volume").by(Super),
    Action::new("deallocate", "volume"),
    Action::new("purge", "volume"),
    Action::new("remove", "volume"),
    Action::new("update", "volume"),
])
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Ref { name: "host", field: "hostId", to: "host" },
    Link::Ref { name: "instance", field: "instanceId", to: "instance" },
    Link::Child { name: "mounts", of: "mount", field: "volumeId" },
    Link::Ref { name: "stack", field: "stackId", to: "stack" },
]);

/// States of `mount`.
pub const MOUNT_LIFECYCLE: Lifecycle = Lifecycle::new(
    "mount",
    &[
        t("create", &["requested"], "activating", "active"),
        t("deactivate", &["requested", "active", "activating"], "deactivating", "inactive"),
        t("remove", &["inactive", "deactivating"], "removing", "removed"),
    ],
);

/// `mount`.
pub const MOUNT: Type = Type::resource(
    "mount",
    "mounts",
    &MOUNT_LIFECYCLE,
    &[
        STANDARD,
        &[
            f("instanceId", Reference("instance")).null(),
            f("path", String).null().max_len(512),
            f("permissions", String).null().max_len(128),
            f("volumeId", Reference("volume")).null(),
        ],
    ],
)
.methods(Methods::READ)
.actions(&[
    Action::new("create", "mount"),
    Action::new("deactivate", "mount"),
    Action::new("remove", "mount"),
])
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Ref { name: "instance", field: "instanceId", to: "instance" },
    Link::Ref { name: "volume", field: "volumeId", to: "volume" },
]);
