//! API keys, passwords and login tokens.

use super::prelude::*;

/// Every type of this file.
pub const TYPES: &[&Type] = &[&CREDENTIAL, &API_KEY, &PASSWORD, &CHANGE_SECRET_INPUT, &TOKEN];

/// States of `credential`.
pub const CREDENTIAL_LIFECYCLE: Lifecycle = Lifecycle::standard("credential");

/// `credential`.
pub const CREDENTIAL: Type = Type::resource(
    "credential",
    "credentials",
    &CREDENTIAL_LIFECYCLE,
    &[
        STANDARD,
        &[
            f("publicValue", String).null().max_len(4096).c_by(Admin).indexed(),
            f("registryId", Reference("storagePool")).null().r_by(Super),
            f("secretValue", Password).null().c_by(Admin),
        ],
    ],
)
.methods(Methods { create: Admin, ..Methods::READ })
.actions(&[
    Action::new("activate", "credential"),
    Action::new("create", "credential"),
    Action::new("deactivate", "credential"),
    Action::new("purge", "credential"),
    Action::new("remove", "credential"),
    Action::new("update", "credential"),
])
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Child { name: "instances", of: "instance", field: "registryCredentialId" },
    Link::Ref { name: "registry", field: "registryId", to: "storagePool" },
]);

/// `apiKey`.
pub const API_KEY: Type = Type::resource(
    "apiKey",
    "apiKeys",
    &CREDENTIAL_LIFECYCLE,
    &[&[
        f("accountId", Reference("account")).null().c_by(Admin),
        f("publicValue", String).null().max_len(4096).c_by(Admin).indexed(),
        f("registryId", Reference("storagePool")).null().r_by(Super),
        f("secretValue", Password).null().c_by(Admin).once(),
        f("created", Date).null(),
        f("data", Map(&Json)).null().r_by(Admin),
        f("description", String).null().max_len(1024).cu(),
        f("id", Int).null(),
        f("kind", String).null().max_len(255),
        f("name", String).null().max_len(255).cu(),
        f("removeTime", Date).null().r_by(Admin),
        f("removed", Date).null(),
        f("state", Enum),
        f("transitioning", Enum).options(&["yes", "no", "error"]),
        f("transitioningMessage", String).null(),
        f("transitioningProgress", Int).null(),
        f("uuid", String).null().max_len(128),
    ]],
)
.child_of("credential")
.actions(&[
    Action::new("activate", "credential"),
    Action::new("create", "credential"),
    Action::new("deactivate", "credential"),
    Action::new("purge", "credential"),
    Action::new("remove", "credential"),
    Action::new("update", "credential"),
])
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Child { name: "instances", of: "instance", field: "registryCredentialId" },
    Link::Ref { name: "registry", field: "registryId", to: "storagePool" },
]);

/// `password`.
pub const PASSWORD: Type = Type::resource(
    "password",
    "passwords",
    &CREDENTIAL_LIFECYCLE,
    &[&[
        f("accountId", Reference("account")).null().c_by(Admin),
        f("publicValue", String).null().max_len(4096).c().indexed(),
        f("registryId", Reference("storagePool")).null().r_by(Super),
        f("secretValue", Password).null().c().once(),
        f("created", Date).null(),
        f("data", Map(&Json)).null().r_by(Admin),
        f("description", String).null().max_len(1024).cu(),
        f("id", Int).null(),
        f("kind", String).null().max_len(255),
        f("name", String).null().max_len(255).cu(),
        f("removeTime", Date).null().r_by(Admin),
        f("removed", Date).null(),
        f("state", Enum),
        f("transitioning", Enum).options(&["yes", "no", "error"]),
        f("transitioningMessage", String).null(),
        f("transitioningProgress", Int).null(),
        f("uuid", String).null().max_len(128),
    ]],
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
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Child { name: "instances", of: "instance", field: "registryCredentialId" },
    Link::Ref { name: "registry", field: "registryId", to: "storagePool" },
]);

/// `changeSecretInput`.
pub const CHANGE_SECRET_INPUT: Type = Type::value(
    "changeSecretInput",
    "changeSecretInputs",
    &[&[f("newSecret", String).required().c(), f("oldSecret", String).required().c()]],
);

/// `token`.
pub const TOKEN: Type = Type::computed(
    "token",
    "tokens",
    "tokens",
    &[&[
        f("accountId", String).null().r_by(Super),
        f("authProvider", String).null().r_by(Super),
        f("authenticatedAsAccountId", Int).null().r_by(Super),
        f("code", String).null().required().c().r_by(Super),
        f("enabled", Boolean).null().r_by(Super),
        f("identities", Array(&Object("identity"))).null().r_by(Super),
        f("jwt", String).null().r_by(Super),
        f("originalLogin", String).r_by(Super),
        f("redirectUrl", String).null().r_by(Super),
        f("security", Boolean).null().r_by(Super),
        f("user", String).null().r_by(Super),
        f("userIdentity", Object("identity")).null().r_by(Super),
        f("userType", String).null().r_by(Super),
    ]],
)
.for_audience(Super)
.methods(Methods { list: Super, create: Super, get: Super, delete: Super, ..Methods::READ });
