//! API keys, passwords and other credentials.

use super::prelude::*;

/// Every type of this file.
pub const TYPES: &[&Type] = &[
    &CREDENTIAL,
    &API_KEY,
    &PASSWORD,
    &SSH_KEY,
    &CHANGE_SECRET_INPUT,
    &EXTERNAL_CREDENTIAL,
    &CREDENTIAL_INSTANCE_MAP,
];

/// Fields of credentials of every kind.
const CREDENTIAL_FIELDS: &[Field] =
    &[f("registryId", Reference("storagePool")).null().max_len(255).r_by(Super)];

/// States of `credential`.
pub const CREDENTIAL_LIFECYCLE: Lifecycle = Lifecycle::standard("credential");

/// Where a `credential` leads, and what shares it.
pub const CREDENTIAL_LINKS: &[Link] = &[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Computed { name: "certificate" },
    Link::Child {
        name: "credentialInstanceMaps",
        of: "credentialInstanceMap",
        field: "credentialId",
    },
    Link::Child { name: "images", of: "image", field: "registryCredentialId" },
    Link::Map {
        name: "instances",
        through: "credentialInstanceMap",
        here: "credentialId",
        there: "instanceId",
        to: "instance",
    },
    Link::Ref { name: "registry", field: "registryId", to: "storagePool" },
];

/// `credential`.
pub const CREDENTIAL: Type = Type::resource(
    "credential",
    "credentials",
    &CREDENTIAL_LIFECYCLE,
    &[
        STANDARD,
        CREDENTIAL_FIELDS,
        &[
            f("publicValue", String).null().max_len(4096).c_by(Admin).indexed(),
            f("secretValue", Password).null().max_len(4096).c_by(Admin),
        ],
    ],
)
.methods(Methods { create: Admin, ..Methods::READ })
.actions(&standard_actions("credential"))
.links(CREDENTIAL_LINKS);

/// `apiKey`.
pub const API_KEY: Type = Type::resource(
    "apiKey",
    "apiKeys",
    &CREDENTIAL_LIFECYCLE,
    &[
        CREDENTIAL_FIELDS,
        &[
            f("accountId", Reference("account")).null().max_len(255).c_by(Admin),
            f("created", Date).null().max_len(255),
            f("data", Map(&Json)).null().max_len(16777215).r_by(Admin),
            f("description", String).null().max_len(1024).cu(),
            f("id", Int).null(),
            f("kind", String).null().max_len(255),
            f("name", String).null().max_len(255).cu(),
            f("publicValue", String).null().max_len(4096).c_by(Admin).indexed(),
            f("removeTime", Date).null().max_len(255).r_by(Admin),
            f("removed", Date).null().max_len(255),
            f("secretValue", Password).null().max_len(4096).c_by(Admin).once(),
            f("state", Enum).max_len(128),
            f("transitioning", Enum).options(&["yes", "no", "error"]),
            f("transitioningMessage", String).null(),
            f("transitioningProgress", Int).null(),
            f("uuid", String).null().max_len(128),
        ],
    ],
)
.child_of("credential")
.actions(&standard_actions("credential"))
.links(CREDENTIAL_LINKS);

/// Where a `password` leads, and what shares it.
pub const PASSWORD_LINKS: &[Link] = &[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Child {
        name: "credentialInstanceMaps",
        of: "credentialInstanceMap",
        field: "credentialId",
    },
    Link::Child { name: "images", of: "image", field: "registryCredentialId" },
    Link::Map {
        name: "instances",
        through: "credentialInstanceMap",
        here: "credentialId",
        there: "instanceId",
        to: "instance",
    },
    Link::Ref { name: "registry", field: "registryId", to: "storagePool" },
];

/// `password`.
pub const PASSWORD: Type = Type::resource(
    "password",
    "passwords",
    &CREDENTIAL_LIFECYCLE,
    &[
        CREDENTIAL_FIELDS,
        &[
            f("accountId", Reference("account")).null().max_len(255).c_by(Admin),
            f("created", Date).null().max_len(255),
            f("data", Map(&Json)).null().max_len(16777215).r_by(Admin),
            f("description", String).null().max_len(1024).cu(),
            f("id", Int).null(),
            f("kind", String).null().max_len(255),
            f("name", String).null().max_len(255).cu(),
            f("publicValue", String).null().max_len(4096).c().indexed(),
            f("removeTime", Date).null().max_len(255).r_by(Admin),
            f("removed", Date).null().max_len(255),
            f("secretValue", Password).null().max_len(4096).c().once(),
            f("state", Enum).max_len(128),
            f("transitioning", Enum).options(&["yes", "no", "error"]),
            f("transitioningMessage", String).null(),
            f("transitioningProgress", Int).null(),
            f("uuid", String).null().max_len(128),
        ],
    ],
)
.child_of("credential")
.actions(&[
    Action::new("activate", "credential"),
    Action::new("changesecret", "changeSecretInput").input("changeSecretInput"),
    Action::new("create", "credential"),
    Action::new("deactivate", "credential"),
    Action::new("purge", "credential"),
    Action::new("remove", "credential"),
    Action::new("update", "credential"),
])
.links(PASSWORD_LINKS);

/// `sshKey`.
pub const SSH_KEY: Type = Type::resource(
    "sshKey",
    "sshKeys",
    &CREDENTIAL_LIFECYCLE,
    &[
        CREDENTIAL_FIELDS,
        &[
            f("accountId", Reference("account")).null().max_len(255).r_by(Super),
            f("created", Date).null().max_len(255).r_by(Super),
            f("data", Map(&Json)).null().max_len(16777215).r_by(Super),
            f("description", String).null().max_len(1024).r_by(Super),
            f("id", Int).null().r_by(Super),
            f("kind", String).null().max_len(255).r_by(Super),
            f("name", String).null().max_len(255).r_by(Super),
            f("publicValue", String).null().max_len(4096).r_by(Super).indexed(),
            f("removeTime", Date).null().max_len(255).r_by(Super),
            f("removed", Date).null().max_len(255).r_by(Super),
            f("secretValue", Password).null().max_len(4096).r_by(Super),
            f("state", Enum).max_len(128).r_by(Super),
            f("transitioning", Enum).options(&["yes", "no", "error"]).r_by(Super),
            f("transitioningMessage", String).null().r_by(Super),
            f("transitioningProgress", Int).null().r_by(Super),
            f("uuid", String).null().max_len(128).r_by(Super),
        ],
    ],
)
.child_of("credential")
.for_audience(Super)
.methods(Methods::SUPER)
.actions(&[
    Action::new("activate", "credential").by(Super),
    Action::new("create", "credential").by(Super),
    Action::new("deactivate", "credential").by(Super),
    Action::new("purge", "credential").by(Super),
    Action::new("remove", "credential").by(Super),
    Action::new("update", "credential").by(Super),
])
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Child {
        name: "credentialInstanceMaps",
        of: "credentialInstanceMap",
        field: "credentialId",
    },
    Link::Child { name: "images", of: "image", field: "registryCredentialId" },
    Link::Map {
        name: "instances",
        through: "credentialInstanceMap",
        here: "credentialId",
        there: "instanceId",
        to: "instance",
    },
    Link::Computed { name: "pem" },
    Link::Ref { name: "registry", field: "registryId", to: "storagePool" },
]);

/// `changeSecretInput`.
pub const CHANGE_SECRET_INPUT: Type = Type::value(
    "changeSecretInput",
    "changeSecretInputs",
    &[&[f("newSecret", String).required().c(), f("oldSecret", String).required().c()]],
)
.methods(Methods { create: Everyone, ..Methods::VALUE });

/// `externalCredential`.
pub const EXTERNAL_CREDENTIAL: Type =
    Type::value("externalCredential", "externalCredentials", &[&[]])
        .for_audience(Admin)
        .methods(Methods::ADMIN_READ);

/// States of `credentialInstanceMap`.
pub const CREDENTIAL_INSTANCE_MAP_LIFECYCLE: Lifecycle =
    Lifecycle::standard("credentialinstancemap");

/// `credentialInstanceMap`.
pub const CREDENTIAL_INSTANCE_MAP: Type = Type::resource(
    "credentialInstanceMap",
    "credentialInstanceMaps",
    &CREDENTIAL_INSTANCE_MAP_LIFECYCLE,
    &[&[
        f("created", Date).null().max_len(255).r_by(Super),
        f("credentialId", Reference("credential")).null().max_len(255).r_by(Super),
        f("data", Map(&Json)).null().max_len(16777215).r_by(Super),
        f("description", String).null().max_len(1024).r_by(Super),
        f("id", Int).null().r_by(Super),
        f("instanceId", Reference("instance")).null().max_len(255).r_by(Super),
        f("kind", String).null().max_len(255).r_by(Super),
        f("name", String).null().max_len(255).r_by(Super),
        f("removeTime", Date).null().max_len(255).r_by(Super),
        f("removed", Date).null().max_len(255).r_by(Super),
        f("state", Enum).max_len(128).r_by(Super),
        f("transitioning", Enum).options(&["yes", "no", "error"]).r_by(Super),
        f("transitioningMessage", String).null().r_by(Super),
        f("transitioningProgress", Int).null().r_by(Super),
        f("uuid", String).null().max_len(128).r_by(Super),
    ]],
)
.for_audience(Super)
.methods(Methods::SUPER)
.actions(&[
    Action::new("activate", "credentialInstanceMap").by(Super),
    Action::new("create", "credentialInstanceMap").by(Super),
    Action::new("deactivate", "credentialInstanceMap").by(Super),
    Action::new("purge", "credentialInstanceMap").by(Super),
    Action::new("remove", "credentialInstanceMap").by(Super),
    Action::new("update", "credentialInstanceMap").by(Super),
])
.links(&[
    Link::Ref { name: "credential", field: "credentialId", to: "credential" },
    Link::Ref { name: "instance", field: "instanceId", to: "instance" },
]);
