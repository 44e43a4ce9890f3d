//! Images, the registries they come from, and pulls.

use super::prelude::*;

/// Every type of this file.
pub const TYPES: &[&Type] = &[
    &IMAGE,
    &IMAGE_STORAGE_POOL_MAP,
    &REGISTRY,
    &REGISTRY_CREDENTIAL,
    &GENERIC_OBJECT,
    &PULL_TASK,
];

/// States of `image`.
pub const IMAGE_LIFECYCLE: Lifecycle = Lifecycle::standard("image");

/// `image`.
pub const IMAGE: Type = Type::resource(
    "image",
    "images",
    &IMAGE_LIFECYCLE,
    &[
        STANDARD,
        &[
            f("build", Object("dockerBuild")).r_by(Super),
            f("checksum", String).null().max_len(255).r_by(Super),
            f("format", String).null().max_len(255).r_by(Super),
            f("instanceKind", Enum)
                .null()
                .options(&["container", "virtualMachine"])
                .max_len(255)
                .r_by(Super),
            f("isPublic", Boolean).max_len(255).r_by(Super),
            f("physicalSizeMb", Int).null().max_len(255).r_by(Super),
            f("registryCredentialId", Reference("credential")).null().max_len(255).r_by(Super),
            f("url", String).null().max_len(255).r_by(Super),
            f("virtualSizeMb", Int).null().max_len(255).r_by(Super),
        ],
    ],
)
.methods(Methods::READ)
.actions(&standard_actions("image"))
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Child { name: "imageStoragePoolMaps", of: "imageStoragePoolMap", field: "imageId" },
    Link::Child { name: "instances", of: "instance", field: "imageId" },
    Link::Ref { name: "registryCredential", field: "registryCredentialId", to: "credential" },
    Link::Map {
        name: "storagePools",
        through: "imageStoragePoolMap",
        here: "imageId",
        there: "storagePoolId",
        to: "storagePool",
    },
    Link::Child { name: "volumes", of: "volume", field: "imageId" },
]);

/// States of `imageStoragePoolMap`.
pub const IMAGE_STORAGE_POOL_MAP_LIFECYCLE: Lifecycle = Lifecycle::standard("imagestoragepoolmap");

/// `imageStoragePoolMap`.
pub const IMAGE_STORAGE_POOL_MAP: Type = Type::resource(
    "imageStoragePoolMap",
    "imageStoragePoolMaps",
    &IMAGE_STORAGE_POOL_MAP_LIFECYCLE,
    &[&[
        f("created", Date).null().max_len(255).r_by(Super),
        f("data", Map(&Json)).null().max_len(16777215).r_by(Super),
        f("description", String).null().max_len(1024).r_by(Super),
        f("id", Int).null().r_by(Super),
        f("imageId", Reference("image")).null().max_len(255).r_by(Super),
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
.for_audience(Super)
.methods(Methods::SUPER)
.actions(&[
    Action::new("activate", "imageStoragePoolMap").by(Super),
    Action::new("create", "imageStoragePoolMap").by(Super),
    Action::new("deactivate", "imageStoragePoolMap").by(Super),
    Action::new("purge", "imageStoragePoolMap").by(Super),
    Action::new("remove", "imageStoragePoolMap").by(Super),
    Action::new("update", "imageStoragePoolMap").by(Super),
])
.links(&[
    Link::Ref { name: "image", field: "imageId", to: "image" },
    Link::Ref { name: "storagePool", field: "storagePoolId", to: "storagePool" },
]);

/// Where a `registry` leads, and what shares it.
pub const REGISTRY_LINKS: &[Link] = &[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Ref { name: "agent", field: "agentId", to: "agent" },
    Link::Child { name: "credentials", of: "credential", field: "registryId" },
    Link::Map {
        name: "hosts",
        through: "storagePoolHostMap",
        here: "storagePoolId",
        there: "hostId",
        to: "host",
    },
    Link::Child { name: "imageStoragePoolMaps", of: "imageStoragePoolMap", field: "storagePoolId" },
    Link::Map {
        name: "images",
        through: "imageStoragePoolMap",
        here: "storagePoolId",
        there: "imageId",
        to: "image",
    },
    Link::Ref { name: "storageDriver", field: "storageDriverId", to: "storageDriver" },
    Link::Child { name: "storagePoolHostMaps", of: "storagePoolHostMap", field: "storagePoolId" },
    Link::Child {
        name: "volumeStoragePoolMaps",
        of: "volumeStoragePoolMap",
        field: "storagePoolId",
    },
    Link::Map {
        name: "volumes",
        through: "volumeStoragePoolMap",
        here: "storagePoolId",
        there: "volumeId",
        to: "volume",
    },
    Link::Ref { name: "zone", field: "zoneId", to: "zone" },
];

/// `registry`.
pub const REGISTRY: Type = Type::resource(
    "registry",
    "registries",
    &super::storage::STORAGE_POOL_LIFECYCLE,
    &[
        STANDARD,
        &[
            f("agentId", Reference("agent")).null().max_len(255).r_by(Super),
            f("blockDevicePath", String).null(),
            f("driverName", String).null().max_len(255),
            f("external", Boolean).max_len(255).r_by(Super),
            f("externalId", String).null().max_len(128).indexed(),
            f("hostIds", Array(&Reference("host"))).null().r_by(Super),
            f("physicalTotalSizeMb", Int).null().max_len(255).r_by(Super),
            f("serverAddress", String).required().min_len(1).c(),
            f("storageDriverId", Reference("storageDriver")).null().max_len(255).r_by(Super),
            f("virtualTotalSizeMb", Int).null().max_len(255).r_by(Super),
            f("volumeAccessMode", String).null().max_len(255),
            f("volumeCapabilities", Array(&String)).null(),
            f("volumeIds", Array(&Reference("volume"))).null().r_by(Super),
            f("zoneId", Reference("zone")).null().max_len(255).r_by(Super),
        ],
    ],
)
.child_of("storagePool")
.methods(Methods::INSIDE)
.actions(&standard_actions("storagePool"))
.links(REGISTRY_LINKS);

/// `registryCredential`.
pub const REGISTRY_CREDENTIAL: Type = Type::resource(
    "registryCredential",
    "registryCredentials",
    &super::credential::CREDENTIAL_LIFECYCLE,
    &[
        STANDARD,
        &[
            f("publicValue", String).null().max_len(4096).cu().indexed().schedules(),
            f("registryId", Reference("registry")).required().max_len(255).c(),
            f("secretValue", Password).null().max_len(4096).cu().once().schedules(),
        ],
    ],
)
.child_of("credential")
.methods(Methods::INSIDE)
.actions(&standard_actions("credential"))
.links(super::credential::PASSWORD_LINKS);

/// States of `genericObject`.
pub const GENERIC_OBJECT_LIFECYCLE: Lifecycle = Lifecycle::new(
    "genericobject",
    &[
        t("create", &["requested"], "activating", "active"),
        t("remove", &["requested", "active", "activating"], "removing", "removed"),
    ],
);

/// `genericObject`.
pub const GENERIC_OBJECT: Type = Type::resource(
    "genericObject",
    "genericObjects",
    &GENERIC_OBJECT_LIFECYCLE,
    &[&[
        f("accountId", Reference("account")).null().max_len(255),
        f("created", Date).null().max_len(255),
        f("data", Map(&Json)).null().max_len(16777215).r_by(Admin),
        f("description", String).null().max_len(1024).cu(),
        f("id", Int).null(),
        f("key", String).null().max_len(255).c(),
        f("kind", String).null().max_len(255).c(),
        f("name", String).null().max_len(255).c(),
        f("removeTime", Date).null().max_len(255).r_by(Admin),
        f("removed", Date).null().max_len(255),
        f("resourceData", Map(&Json)).cu(),
        f("state", Enum).max_len(128),
        f("transitioning", Enum).options(&["yes", "no", "error"]),
        f("transitioningMessage", String).null(),
        f("transitioningProgress", Int).null(),
        f("uuid", String).null().max_len(128),
    ]],
)
.actions(&[Action::new("create", "genericObject"), Action::new("remove", "genericObject")])
.links(&[Link::Ref { name: "account", field: "accountId", to: "account" }]);

/// `pullTask`.
pub const PULL_TASK: Type = Type::resource(
    "pullTask",
    "pullTasks",
    &GENERIC_OBJECT_LIFECYCLE,
    &[
        UNNAMED,
        &[
            f("image", String).required().c(),
            f("key", String).null().max_len(255).r_by(Super),
            f("labels", Map(&String)).c(),
            f("mode", Enum).required().or_str("all").options(&["all", "cached"]).c(),
            f("name", String).null().max_len(255).c(),
            f("resourceData", Map(&Json)).r_by(Super),
            f("status", Map(&String)),
        ],
    ],
)
.child_of("genericObject")
.methods(Methods { list: Everyone, ..Methods::INPUT })
.actions(&[Action::new("create", "genericObject"), Action::new("remove", "genericObject")])
.links(&[Link::Ref { name: "account", field: "accountId", to: "account" }]);
