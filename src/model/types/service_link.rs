//! Links between services.

use super::prelude::*;

/// Every type of this file.
pub const TYPES: &[&Type] = &[
    &SERVICE_CONSUME_MAP,
    &SERVICE_LINK,
    &ADD_REMOVE_SERVICE_LINK_INPUT,
    &SET_SERVICE_LINKS_INPUT,
];

/// States of `serviceConsumeMap`.
pub const SERVICE_CONSUME_MAP_LIFECYCLE: Lifecycle = Lifecycle::new(
    "serviceconsumemap",
    &[
        t("create", &["requested"], "activating", "active"),
        t("update", &["active", "activating"], "updating-active", "active"),
        t("remove", &["active", "activating", "updating-active"], "removing", "removed"),
    ],
);

/// `serviceConsumeMap`.
pub const SERVICE_CONSUME_MAP: Type = Type::resource(
    "serviceConsumeMap",
    "serviceConsumeMaps",
    &SERVICE_CONSUME_MAP_LIFECYCLE,
    &[
        UNNAMED,
        &[
            f("consumedService", String).null().max_len(255),
            f("consumedServiceId", Reference("service")).null().max_len(255),
            f("name", String).null().max_len(255),
            f("ports", Array(&String)).null().required(),
            f("serviceId", Reference("service")).null().max_len(255),
        ],
    ],
)
.methods(Methods::READ)
.actions(&[
    Action::new("create", "serviceConsumeMap"),
    Action::new("remove", "serviceConsumeMap"),
    Action::new("update", "serviceConsumeMap"),
])
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Ref { name: "consumedService", field: "consumedServiceId", to: "service" },
    Link::Child { name: "instanceLinks", of: "instanceLink", field: "serviceConsumeMapId" },
    Link::Ref { name: "service", field: "serviceId", to: "service" },
]);

/// `serviceLink`.
pub const SERVICE_LINK: Type = Type::value(
    "serviceLink",
    "serviceLinks",
    &[&[
        f("consumingServiceId", Int).r_by(Super),
        f("name", String).null().chars("a-zA-Z0-9-._").c(),
        f("service", String).c(),
        f("serviceId", Reference("service")).c(),
        f("uuid", String),
    ]],
)
.methods(Methods { create: Everyone, ..Methods::VALUE });

/// `addRemoveServiceLinkInput`.
pub const ADD_REMOVE_SERVICE_LINK_INPUT: Type = Type::value(
    "addRemoveServiceLinkInput",
    "addRemoveServiceLinkInputs",
    &[&[f("serviceLink", Object("serviceLink")).required().c()]],
)
.methods(Methods::INPUT);

/// `setServiceLinksInput`.
pub const SET_SERVICE_LINKS_INPUT: Type = Type::value(
    "setServiceLinksInput",
    "setServiceLinksInputs",
    &[&[f("serviceLinks", Array(&Object("serviceLink"))).null().c()]],
)
.methods(Methods::INPUT);
