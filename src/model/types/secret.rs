//! Secrets, certificates and labels.

use super::prelude::*;

/// Every type of this file.
pub const TYPES: &[&Type] = &[&SECRET, &SECRET_REFERENCE, &CERTIFICATE, &LABEL];

/// States of `secret`.
pub const SECRET_LIFECYCLE: Lifecycle = Lifecycle::new(
    "secret",
    &[
        t("create", &["requested"], "creating", "active"),
        t("remove", &["active", "creating"], "removing", "removed"),
    ],
);

/// `secret`.
pub const SECRET: Type = Type::resource(
    "secret",
    "secrets",
    &SECRET_LIFECYCLE,
    &[
        UNNAMED,
        &[
            f("generate", Enum).null().options(&["PASSWORD"]).r_by(Super),
            f("name", String).null().required().unique().max_len(255).c(),
            f("stackId", Reference("stack")).null().max_len(255).r_by(Super),
            f("value", String).null().max_len(16777215).c().once(),
        ],
    ],
)
.methods(Methods::INSIDE)
.actions(&[Action::new("create", "secret"), Action::new("remove", "secret")])
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Ref { name: "stack", field: "stackId", to: "stack" },
])
.prefix("se");

/// `secretReference`.
pub const SECRET_REFERENCE: Type = Type::value(
    "secretReference",
    "secretReferences",
    &[&[
        f("gid", String).c(),
        f("mode", String).c(),
        f("name", String).c(),
        f("secretId", Reference("secret")).c(),
        f("uid", String).c(),
    ]],
)
.methods(Methods { create: Everyone, ..Methods::VALUE });

/// States of `certificate`.
pub const CERTIFICATE_LIFECYCLE: Lifecycle = Lifecycle::new(
    "certificate",
    &[
        t("create", &["requested"], "activating", "active"),
        t("update", &["active"], "updating-active", "active"),
        t("remove", &["requested", "active", "activating"], "removing", "removed"),
    ],
);

/// `certificate`.
pub const CERTIFICATE: Type = Type::resource(
    "certificate",
    "certificates",
    &CERTIFICATE_LIFECYCLE,
    &[&[
        f("CN", String),
        f("accountId", Reference("account")).null().max_len(255).c_by(Service),
        f("algorithm", String),
        f("cert", String).required().max_len(65535).cu().schedules(),
        f("certChain", String).null().max_len(65535).cu(),
        f("certFingerprint", String),
        f("created", Date).null().max_len(255),
        f("data", Map(&Json)).null().max_len(16777215).r_by(Admin),
        f("description", String).null().max_len(1024).cu(),
        f("expiresAt", String),
        f("id", Int).null(),
        f("issuedAt", String),
        f("issuer", String),
        f("key", String).required().max_len(65535).cu().once().schedules(),
        f("keySize", Int),
        f("kind", String).null().max_len(255),
        f("name", String).null().required().unique().max_len(255).cu(),
        f("removeTime", Date).null().max_len(255).r_by(Admin),
        f("removed", Date).null().max_len(255),
        f("serialNumber", String),
        f("state", Enum).max_len(128),
        f("subjectAlternativeNames", Array(&String)),
        f("transitioning", Enum).options(&["yes", "no", "error"]),
        f("transitioningMessage", String).null(),
        f("transitioningProgress", Int).null(),
        f("uuid", String).null().max_len(128),
        f("version", String),
    ]],
)
.methods(Methods::INSIDE)
.actions(&[
    Action::new("create", "certificate"),
    Action::new("remove", "certificate"),
    Action::new("update", "certificate"),
])
.links(&[Link::Ref { name: "account", field: "accountId", to: "account" }]);

/// States of `label`.
pub const LABEL_LIFECYCLE: Lifecycle = Lifecycle::new(
    "label",
    &[
        t("create", &["requested"], "creating", "created"),
        t("remove", &["created", "creating"], "removing", "removed"),
    ],
);

/// `label`.
pub const LABEL: Type = Type::computed(
    "label",
    "labels",
    "labels",
    &[
        STANDARD,
        &[
            f("key", String).null().max_len(1024),
            f("type", String).null().max_len(255).r_by(Super),
            f("value", String).null().max_len(4096),
        ],
    ],
)
.states_of(&LABEL_LIFECYCLE)
.actions(&[Action::new("create", "label"), Action::new("remove", "label")])
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Child { name: "hostLabels", of: "hostLabelMap", field: "labelId" },
    Link::Map {
        name: "hosts",
        through: "hostLabelMap",
        here: "labelId",
        there: "hostId",
        to: "host",
    },
    Link::Child { name: "instanceLabels", of: "instanceLabelMap", field: "labelId" },
    Link::Map {
        name: "instances",
        through: "instanceLabelMap",
        here: "labelId",
        there: "instanceId",
        to: "instance",
    },
]);
