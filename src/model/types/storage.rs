//! Storage pools, drivers, volumes and mounts.

use super::prelude::*;

/// Every type of this file.
pub const TYPES: &[&Type] = &[
    &STORAGE_POOL,
    &STORAGE_POOL_HOST_MAP,
    &STORAGE_DRIVER,
    &VOLUME,
    &VOLUME_STORAGE_POOL_MAP,
    &VOLUME_TEMPLATE,
    &VOLUME_ACTIVATE_INPUT,
    &MOUNT,
    &MOUNT_ENTRY,
    &NFS_CONFIG,
];

/// Fields of storage pools and registries.
pub const POOL_FIELDS: &[Field] = &[
    f("agentId", Reference("agent")).null().max_len(255).r_by(Super),
    f("blockDevicePath", String).null(),
    f("driverName", String).null().max_len(255),
    f("external", Boolean).max_len(255).r_by(Super),
    f("externalId", String).null().max_len(128).indexed(),
    f("physicalTotalSizeMb", Int).null().max_len(255).r_by(Super),
    f("virtualTotalSizeMb", Int).null().max_len(255).r_by(Super),
    f("volumeAccessMode", String).null().max_len(255),
    f("volumeCapabilities", Array(&String)).null(),
    f("zoneId", Reference("zone")).null().max_len(255).r_by(Super),
];

/// States of `storagePool`.
pub const STORAGE_POOL_LIFECYCLE: Lifecycle = Lifecycle::standard("storagepool");

/// `storagePool`.
pub const STORAGE_POOL: Type = Type::resource(
    "storagePool",
    "storagePools",
    &STORAGE_POOL_LIFECYCLE,
    &[
        STANDARD,
        POOL_FIELDS,
        &[
            f("hostIds", Array(&Reference("host"))).null(),
            f("storageDriverId", Reference("storageDriver")).null().max_len(255),
            f("volumeIds", Array(&Reference("volume"))).null(),
        ],
    ],
)
.methods(Methods::READ)
.actions(&standard_actions("storagePool"))
.links(super::image::REGISTRY_LINKS);

/// States of `storagePoolHostMap`.
pub const STORAGE_POOL_HOST_MAP_LIFECYCLE: Lifecycle = Lifecycle::new(
    "storagepoolhostmap",
    &[
        t("create", &["requested"], "activating", "active"),
        t("remove", &["requested", "active", "activating"], "removing", "removed"),
    ],
);

/// `storagePoolHostMap`.
pub const STORAGE_POOL_HOST_MAP: Type = Type::computed(
    "storagePoolHostMap",
    "storagePoolHostMaps",
    "storagePoolHostMaps",
    &[&[
        f("created", Date).null().max_len(255).r_by(Super),
        f("data", Map(&Json)).null().max_len(16777215).r_by(Super),
        f("description", String).null().max_len(1024).r_by(Super),
        f("hostId", Reference("host")).null().max_len(255).r_by(Super),
        f("id", Int).null().r_by(Super),
        f("kind", String).null().max_len(255).r_by(Super),
        f("name", String).null().max_len(255).r_by(Super),
        f("removeTime", Date).null().max_len(255).r_by(Super),
        f("removed", Date).null().max_len(255).r_by(Super),
        f("state", Enum).max_len(128).r_by(Super),
        f("storagePoolId", Reference("storagePool")).null().max_len(255).r_by(Super),
        f("transitioning", Enum).options(&["yes", "no", "error"]).r_by(Super),
        f("transitioningMessage", String).null().r_by(Super),
        f("transitioningProgress", Int).null().r_by(Super),
        f("uuid", String).null().max_len(128).r_by(Super),
    ]],
)
.states_of(&STORAGE_POOL_HOST_MAP_LIFECYCLE)
.for_audience(Super)
.methods(Methods { list: Super, get: Super, ..Methods::NONE })
.actions(&[
    Action::new("create", "storagePoolHostMap").by(Super),
    Action::new("remove", "storagePoolHostMap").by(Super),
])
.links(&[
    Link::Ref { name: "host", field: "hostId", to: "host" },
    Link::Ref { name: "storagePool", field: "storagePoolId", to: "storagePool" },
]);

/// States of `storageDriver`.
pub const STORAGE_DRIVER_LIFECYCLE: Lifecycle = Lifecycle::new(
    "storagedriver",
    &[
        t("create", &["requested"], "creating", "active"),
        t("activate", &["requested", "inactive"], "activating", "active"),
        t("deactivate", &["activating", "active"], "deactivating", "inactive"),
        t("update", &["active", "inactive"], "updating", "active"),
        t("remove", &["requested", "creating", "inactive", "active"], "removing", "removed"),
    ],
);

/// `storageDriver`.
pub const STORAGE_DRIVER: Type = Type::resource(
    "storageDriver",
    "storageDrivers",
    &STORAGE_DRIVER_LIFECYCLE,
    &[
        STANDARD,
        &[
            f("blockDevicePath", String).null().c(),
            f("scope", Enum).options(&["local", "environment", "custom"]).c(),
            f("serviceId", Reference("service")).null().max_len(255),
            f("volumeAccessMode", Enum)
                .or_str("multiHostRW")
                .options(&["singleHostRW", "singleInstanceRW", "multiHostRW"])
                .c(),
            f("volumeCapabilities", Array(&String)).null().c(),
        ],
    ],
)
.methods(Methods::READ)
.actions(&[
    Action::new("activate", "storageDriver"),
    Action::new("create", "storageDriver"),
    Action::new("deactivate", "storageDriver"),
    Action::new("remove", "storageDriver"),
    Action::new("update", "storageDriver"),
])
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Ref { name: "service", field: "serviceId", to: "service" },
    Link::Child { name: "storagePools", of: "storagePool", field: "storageDriverId" },
    Link::Child { name: "volumes", of: "volume", field: "storageDriverId" },
]);

/// States of `volume`.
pub const VOLUME_LIFECYCLE: Lifecycle = Lifecycle::new(
    "volume",
    &[
        CREATE,
        t("activate", &["inactive", "registering", "detached"], "activating", "active"),
        each(
            "deactivate",
            &[
                ("requested", "deactivating", "detached"),
                ("registering", "deactivating", "detached"),
                ("creating", "deactivating", "detached"),
                ("active", "deactivating", "detached"),
                ("activating", "deactivating", "detached"),
                ("updating-active", "deactivating", "detached"),
                ("updating-inactive", "deactivating", "detached"),
            ],
        ),
        UPDATE,
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
                "restoring",
            ],
            "removing",
            "removed",
        ),
        PURGE,
        each(
            "restorefrombackup",
            &[
                ("active", "restoring-active", "active"),
                ("inactive", "restoring-inactive", "inactive"),
                ("detached", "restoring-detached", "detached"),
            ],
        ),
        each(
            "reverttosnapshot",
            &[
                ("active", "reverting-active", "active"),
                ("inactive", "reverting-inactive", "inactive"),
                ("detached", "reverting-detached", "detached"),
            ],
        ),
        t("restore", &["removed"], "restoring", "detached"),
    ],
);

/// `volume`.
pub const VOLUME: Type = Type::resource(
    "volume",
    "volumes",
    &VOLUME_LIFECYCLE,
    &[
        UNNAMED,
        &[
            f("accessMode", String).null().max_len(255),
            f("allocationState", String).null().max_len(255).r_by(Super),
            f("attachedState", String).null().max_len(255).r_by(Super),
            f("capabilities", Array(&String)).null().r_by(Super),
            f("deploymentUnitId", Reference("deploymentUnit")).null().max_len(255).r_by(Super),
            f("deviceNumber", Int).null().max_len(255).r_by(Super),
            f("driver", String).c(),
            f("driverOpts", Map(&String)).null().cu(),
            f("externalId", String).null().max_len(128).indexed(),
            f("format", String).null().max_len(255).r_by(Super),
            f("hostId", Reference("host")).null().max_len(255).cu().schedules(),
            f("imageId", Reference("image")).null().max_len(255),
            f("instanceId", Reference("instance")).null().max_len(255),
            f("isHostPath", Boolean).or_bool(false),
            f("isNative", Boolean).or_bool(false).r_by(Super),
            f("mounts", Array(&Object("mountEntry"))),
            f("name", String).null().required().max_len(255).c(),
            f("physicalSizeMb", Int).null().max_len(255).r_by(Super),
            f("removalNote", String).null(),
            f("sizeMb", Int).null().max_len(255).c(),
            f("stackId", Reference("stack")).null().max_len(255).c(),
            f("storageDriverId", Reference("storageDriver")).max_len(255).c(),
            f("undoUntil", Date).null(),
            f("uri", String).null().max_len(255),
            f("virtualSizeMb", Int).null().max_len(255).r_by(Super),
            f("volumeTemplateId", Reference("volumeTemplate")).null().max_len(255).c(),
            f("zoneId", Reference("zone")).null().max_len(255).r_by(Super),
        ],
    ],
)
.methods(Methods::INSIDE)
.actions(&[
    Action::new("activate", "volume").by(Super),
    Action::new("allocate", "volume"),
    Action::new("create", "volume"),
    Action::new("deactivate", "volume").by(Super),
    Action::new("deallocate", "volume"),
    Action::new("purge", "volume"),
    Action::new("remove", "volume"),
    Action::new("restore", "volume"),
    Action::new("restorefrombackup", "volume").input("restoreFromBackupInput"),
    Action::new("reverttosnapshot", "volume").input("revertToSnapshotInput"),
    Action::new("snapshot", "snapshot")
        .input("volumeSnapshotInput")
        .states(&["active", "inactive", "detached"]),
    Action::new("update", "volume"),
])
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Child { name: "backups", of: "backup", field: "volumeId" },
    Link::Ref { name: "deploymentUnit", field: "deploymentUnitId", to: "deploymentUnit" },
    Link::Ref { name: "host", field: "hostId", to: "host" },
    Link::Ref { name: "image", field: "imageId", to: "image" },
    Link::Ref { name: "instance", field: "instanceId", to: "instance" },
    Link::Child { name: "mounts", of: "mount", field: "volumeId" },
    Link::Child { name: "snapshots", of: "snapshot", field: "volumeId" },
    Link::Ref { name: "stack", field: "stackId", to: "stack" },
    Link::Ref { name: "storageDriver", field: "storageDriverId", to: "storageDriver" },
    Link::Map {
        name: "storagePools",
        through: "volumeStoragePoolMap",
        here: "volumeId",
        there: "storagePoolId",
        to: "storagePool",
    },
    Link::Child { name: "volumeStoragePoolMaps", of: "volumeStoragePoolMap", field: "volumeId" },
    Link::Ref { name: "volumeTemplate", field: "volumeTemplateId", to: "volumeTemplate" },
    Link::Ref { name: "zone", field: "zoneId", to: "zone" },
]);

/// States of `volumeStoragePoolMap`.
pub const VOLUME_STORAGE_POOL_MAP_LIFECYCLE: Lifecycle =
    Lifecycle::new("volumestoragepoolmap", &[CREATE, ACTIVATE, DEACTIVATE, UPDATE, REMOVE]);

/// `volumeStoragePoolMap`.
pub const VOLUME_STORAGE_POOL_MAP: Type = Type::computed(
    "volumeStoragePoolMap",
    "volumeStoragePoolMaps",
    "volumeStoragePoolMaps",
    &[&[
        f("created", Date).null().max_len(255).r_by(Super),
        f("data", Map(&Json)).null().max_len(16777215).r_by(Super),
        f("description", String).null().max_len(1024).r_by(Super),
        f("id", Int).null().r_by(Super),
        f("kind", String).null().max_len(255).r_by(Super),
        f("name", String).null().max_len(255).r_by(Super),
        f("removeTime", Date).null().max_len(255).r_by(Super),
        f("removed", Date).null().max_len(255).r_by(Super),
        f("state", Enum).max_len(128).r_by(Super),
        f("storagePoolId", Reference("storagePool")).null().max_len(255).r_by(Super),
        f("transitioning", Enum).options(&["yes", "no", "error"]).r_by(Super),
        f("transitioningMessage", String).null().r_by(Super),
        f("transitioningProgress", Int).null().r_by(Super),
        f("uuid", String).null().max_len(128).r_by(Super),
        f("volumeId", Reference("volume")).null().max_len(255).r_by(Super),
    ]],
)
.states_of(&VOLUME_STORAGE_POOL_MAP_LIFECYCLE)
.for_audience(Super)
.methods(Methods { list: Super, get: Super, ..Methods::NONE })
.actions(&[
    Action::new("activate", "volumeStoragePoolMap").by(Super),
    Action::new("create", "volumeStoragePoolMap").by(Super),
    Action::new("deactivate", "volumeStoragePoolMap").by(Super),
    Action::new("remove", "volumeStoragePoolMap").by(Super),
    Action::new("update", "volumeStoragePoolMap").by(Super),
])
.links(&[
    Link::Ref { name: "storagePool", field: "storagePoolId", to: "storagePool" },
    Link::Ref { name: "volume", field: "volumeId", to: "volume" },
]);

/// States of `volumeTemplate`.
pub const VOLUME_TEMPLATE_LIFECYCLE: Lifecycle = Lifecycle::standard("volumetemplate");

/// `volumeTemplate`.
pub const VOLUME_TEMPLATE: Type = Type::resource(
    "volumeTemplate",
    "volumeTemplates",
    &VOLUME_TEMPLATE_LIFECYCLE,
    &[&[
        f("accountId", Reference("account")).null().max_len(255),
        f("created", Date).null().max_len(255),
        f("data", Map(&Json)).null().max_len(65535).r_by(Admin),
        f("description", String).null().max_len(1024).cu(),
        f("driver", String).null().max_len(255).c(),
        f("driverOpts", Map(&String)).null().c(),
        f("external", Boolean).max_len(255).c(),
        f("id", Int).null(),
        f("kind", String).null().max_len(255),
        f("name", String).null().required().max_len(255).cu(),
        f("perContainer", Boolean).max_len(255).c(),
        f("removeTime", Date).null().max_len(255).r_by(Admin),
        f("removed", Date).null().max_len(255),
        f("stackId", Reference("stack")).required().max_len(255).c(),
        f("state", Enum).max_len(128),
        f("transitioning", Enum).options(&["yes", "no", "error"]),
        f("transitioningMessage", String).null(),
        f("transitioningProgress", Int).null(),
        f("uuid", String).null().max_len(128),
    ]],
)
.methods(Methods { list: Everyone, ..Methods::INPUT })
.actions(&standard_actions("volumeTemplate"))
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Ref { name: "stack", field: "stackId", to: "stack" },
    Link::Child { name: "volumes", of: "volume", field: "volumeTemplateId" },
]);

/// `volumeActivateInput`.
pub const VOLUME_ACTIVATE_INPUT: Type = Type::value(
    "volumeActivateInput",
    "volumeActivateInputs",
    &[&[f("hostId", Reference("")).null().c()]],
)
.methods(Methods::INPUT);

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
            f("instanceId", Reference("instance")).null().max_len(255),
            f("path", String).null().max_len(512),
            f("permissions", String).null().max_len(128),
            f("volumeId", Reference("volume")).null().max_len(255),
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

/// `mountEntry`.
pub const MOUNT_ENTRY: Type = Type::value(
    "mountEntry",
    "mountEntrys",
    &[&[
        f("instanceId", Reference("instance")),
        f("instanceName", String),
        f("path", String),
        f("permission", String).r_by(Super),
        f("type", String).r_by(Super),
        f("volumeId", Reference("volume")),
        f("volumeName", String),
    ]],
);

/// `nfsConfig`.
pub const NFS_CONFIG: Type = Type::value(
    "nfsConfig",
    "nfsConfigs",
    &[&[
        f("mountOptions", String).null().c(),
        f("server", String).required().c(),
        f("share", String).required().c(),
    ]],
);
