//! What agents and other programs report, and the streams of changes.

use super::prelude::*;

/// Every type of this file.
pub const TYPES: &[&Type] = &[
    &EXTERNAL_EVENT,
    &EXTERNAL_DNS_EVENT,
    &EXTERNAL_HOST_EVENT,
    &EXTERNAL_SERVICE_EVENT,
    &EXTERNAL_STORAGE_POOL_EVENT,
    &EXTERNAL_VOLUME_EVENT,
    &CONTAINER_EVENT,
    &SERVICE_EVENT,
    &PUBLISH,
    &SUBSCRIBE,
];

/// Fields of events of every kind.
const EVENT_FIELDS: &[Field] = &[
    f("accountId", Reference("account")).null().max_len(255),
    f("created", Date).null().max_len(255),
    f("data", Map(&Json)).null().max_len(65535).r_by(Admin),
    f("externalId", String).null().max_len(255).indexed(),
    f("id", Int).null(),
    f("kind", String).null().max_len(255),
    f("reportedAccountId", Reference("account")).null().max_len(255),
    f("state", Enum).max_len(128),
    f("transitioning", Enum).options(&["yes", "no", "error"]),
    f("transitioningMessage", String).null(),
    f("transitioningProgress", Int).null(),
    f("uuid", String).null().max_len(128),
];

/// States of `externalEvent`.
pub const EXTERNAL_EVENT_LIFECYCLE: Lifecycle = Lifecycle::new(
    "externalevent",
    &[
        t("create", &["requested"], "creating", "created"),
        t("remove", &["created", "creating"], "removing", "removed"),
    ],
);

/// `externalEvent`.
pub const EXTERNAL_EVENT: Type = Type::resource(
    "externalEvent",
    "externalEvents",
    &EXTERNAL_EVENT_LIFECYCLE,
    &[EVENT_FIELDS, &[f("eventType", String).null().max_len(255)]],
)
.methods(Methods::READ)
.actions(&[Action::new("create", "externalEvent"), Action::new("remove", "externalEvent")])
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Ref { name: "reportedAccount", field: "reportedAccountId", to: "account" },
]);

/// `externalDnsEvent`.
pub const EXTERNAL_DNS_EVENT: Type = Type::resource(
    "externalDnsEvent",
    "externalDnsEvents",
    &EXTERNAL_EVENT_LIFECYCLE,
    &[
        EVENT_FIELDS,
        &[
            f("eventType", String).null().max_len(255),
            f("fqdn", String),
            f("serviceName", String),
            f("stackName", String),
        ],
    ],
)
.child_of("externalEvent")
.methods(Methods::READ)
.actions(&[Action::new("create", "externalEvent"), Action::new("remove", "externalEvent")])
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Ref { name: "reportedAccount", field: "reportedAccountId", to: "account" },
]);

/// `externalHostEvent`.
pub const EXTERNAL_HOST_EVENT: Type = Type::resource(
    "externalHostEvent",
    "externalHostEvents",
    &EXTERNAL_EVENT_LIFECYCLE,
    &[
        EVENT_FIELDS,
        &[
            f("deleteHost", Boolean).or_bool(false).c(),
            f("eventType", String).null().max_len(255).c(),
            f("hostId", Reference("host")).null().c(),
            f("hostLabel", String).null().c(),
        ],
    ],
)
.child_of("externalEvent")
.methods(Methods { list: Everyone, ..Methods::INPUT })
.actions(&[Action::new("create", "externalEvent"), Action::new("remove", "externalEvent")])
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Ref { name: "reportedAccount", field: "reportedAccountId", to: "account" },
]);

/// `externalServiceEvent`.
pub const EXTERNAL_SERVICE_EVENT: Type = Type::resource(
    "externalServiceEvent",
    "externalServiceEvents",
    &EXTERNAL_EVENT_LIFECYCLE,
    &[
        EVENT_FIELDS,
        &[
            f("environment", Json),
            f("eventType", String).null().max_len(255),
            f("service", Json).required(),
        ],
    ],
)
.child_of("externalEvent")
.methods(Methods::READ)
.actions(&[Action::new("create", "externalEvent"), Action::new("remove", "externalEvent")])
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Ref { name: "reportedAccount", field: "reportedAccountId", to: "account" },
]);

/// `externalStoragePoolEvent`.
pub const EXTERNAL_STORAGE_POOL_EVENT: Type = Type::resource(
    "externalStoragePoolEvent",
    "externalStoragePoolEvents",
    &EXTERNAL_EVENT_LIFECYCLE,
    &[
        EVENT_FIELDS,
        &[
            f("eventType", String).null().max_len(255),
            f("hostUuids", Array(&String)),
            f("storagePool", Object("storagePool")).required(),
        ],
    ],
)
.child_of("externalEvent")
.methods(Methods::READ)
.actions(&[Action::new("create", "externalEvent"), Action::new("remove", "externalEvent")])
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Ref { name: "reportedAccount", field: "reportedAccountId", to: "account" },
]);

/// `externalVolumeEvent`.
pub const EXTERNAL_VOLUME_EVENT: Type = Type::resource(
    "externalVolumeEvent",
    "externalVolumeEvents",
    &EXTERNAL_EVENT_LIFECYCLE,
    &[
        EVENT_FIELDS,
        &[f("eventType", String).null().max_len(255), f("volume", Object("volume")).required()],
    ],
)
.child_of("externalEvent")
.methods(Methods::READ)
.actions(&[Action::new("create", "externalEvent"), Action::new("remove", "externalEvent")])
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Ref { name: "reportedAccount", field: "reportedAccountId", to: "account" },
]);

/// States of `containerEvent`.
pub const CONTAINER_EVENT_LIFECYCLE: Lifecycle = Lifecycle::new(
    "containerevent",
    &[
        t("create", &["requested"], "creating", "created"),
        t("remove", &["created", "creating"], "removing", "removed"),
    ],
);

/// `containerEvent`.
pub const CONTAINER_EVENT: Type = Type::resource(
    "containerEvent",
    "containerEvents",
    &CONTAINER_EVENT_LIFECYCLE,
    &[&[
        f("accountId", Reference("account")).null().max_len(255),
        f("created", Date).null().max_len(255),
        f("data", Map(&Json)).null().max_len(16777215).r_by(Admin),
        f("dockerInspect", Json),
        f("externalFrom", String).null().max_len(255),
        f("externalId", String).null().max_len(255).indexed(),
        f("externalStatus", String).null().max_len(255),
        f("externalTimestamp", Int).null().max_len(255),
        f("hostId", Reference("host")).null().max_len(255),
        f("id", Int).null(),
        f("kind", String).null().max_len(255),
        f("reportedHostUuid", String).null().max_len(255),
        f("state", Enum).max_len(128),
        f("transitioning", Enum).options(&["yes", "no", "error"]),
        f("transitioningMessage", String).null(),
        f("transitioningProgress", Int).null(),
    ]],
)
.methods(Methods::READ)
.actions(&[Action::new("create", "containerEvent"), Action::new("remove", "containerEvent")])
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Ref { name: "host", field: "hostId", to: "host" },
]);

/// States of `serviceEvent`.
pub const SERVICE_EVENT_LIFECYCLE: Lifecycle = Lifecycle::new(
    "serviceevent",
    &[
        t("create", &["requested"], "creating", "created"),
        t("remove", &["created", "creating"], "removing", "removed"),
    ],
);

/// `serviceEvent`.
pub const SERVICE_EVENT: Type = Type::resource(
    "serviceEvent",
    "serviceEvents",
    &SERVICE_EVENT_LIFECYCLE,
    &[
        STANDARD,
        &[
            f("externalTimestamp", Int).null().max_len(255),
            f("healthcheckInstanceId", Reference("healthcheckInstance"))
                .null()
                .max_len(255)
                .r_by(Super),
            f("healthcheckUuid", String).null().max_len(255),
            f("hostId", Reference("host")).null().max_len(255),
            f("instanceId", Reference("instance")).null().max_len(255),
            f("reportedHealth", String).null().max_len(255),
        ],
    ],
)
.methods(Methods::READ)
.actions(&[Action::new("create", "serviceEvent"), Action::new("remove", "serviceEvent")])
.links(super::health::HEALTHCHECK_INSTANCE_HOST_MAP_LINKS);

/// `publish`.
pub const PUBLISH: Type = Type::computed(
    "publish",
    "publish",
    "publish",
    &[&[
        f("data", Map(&Json)).null().c_by(Admin).r_by(Admin),
        f("id", String).c_by(Admin).r_by(Admin),
        f("name", String).required().c_by(Admin).r_by(Admin),
        f("previousIds", Array(&String)).c_by(Admin).r_by(Admin),
        f("publisher", String).c_by(Admin).r_by(Admin),
        f("resourceId", String).null().c_by(Admin).r_by(Admin),
        f("resourceType", String).null().c_by(Admin).r_by(Admin),
        f("time", Int).null().c_by(Admin).r_by(Admin),
        f("transitioning", String).c_by(Admin).r_by(Admin),
        f("transitioningInternalMessage", String).c_by(Admin).r_by(Admin),
        f("transitioningMessage", String).c_by(Admin).r_by(Admin),
        f("transitioningProgress", Int).null().c_by(Admin).r_by(Admin),
    ]],
)
.for_audience(Admin)
.methods(Methods { create: Admin, get: Admin, ..Methods::NONE });

/// `subscribe`.
pub const SUBSCRIBE: Type = Type::computed(
    "subscribe",
    "subscribe",
    "subscribe",
    &[&[
        f("agentId", Reference("agent")).null().c_by(Service).r_by(Service),
        f("eventNames", Array(&String))
            .min_len(1)
            .chars("*._0-9a-zA-Z;=")
            .c_by(Inside)
            .r_by(Inside),
    ]],
)
.for_audience(Inside)
.methods(Methods { list: Inside, get: Inside, ..Methods::INPUT });
