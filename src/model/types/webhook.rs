//! Webhooks: whom events are told, and what came of telling. Ours.

use super::prelude::*;

/// Every type of this file.
pub const TYPES: &[&Type] = &[&WEBHOOK, &WEBHOOK_DELIVERY, &WEBHOOK_ATTEMPT];

/// Events that can be told of.
pub const EVENTS: &[&str] = &[
    "backup.done",
    "backup.failed",
    "certificate.expiring",
    "container.died",
    "host.disconnected",
    "host.reconnected",
    "service.healthy",
    "service.unhealthy",
    "stack.active",
    "stack.failed",
    "stack.removed",
    "upgrade.failed",
    "upgrade.finished",
    "upgrade.rolledback",
    "upgrade.started",
];

/// How events are told: as a JSON document for programs, or as a message of ntfy.
pub const FORMATS: &[&str] = &["json", "ntfy"];

/// What a delivery is: still to be made, made, or given up.
pub const STATUSES: &[&str] = &["waiting", "delivered", "failed"];

/// States of `webhook`.
pub const WEBHOOK_LIFECYCLE: Lifecycle = Lifecycle::new(
    "webhook",
    &[
        t("create", &["requested"], "activating", "active"),
        t("activate", &["inactive"], "activating", "active"),
        t("deactivate", &["active", "activating"], "deactivating", "inactive"),
        t(
            "remove",
            &["requested", "active", "activating", "inactive", "deactivating"],
            "removing",
            "removed",
        ),
    ],
);

/// `webhook`: an address that is told of events of an environment.
pub const WEBHOOK: Type = Type::resource(
    "webhook",
    "webhooks",
    &WEBHOOK_LIFECYCLE,
    &[
        UNNAMED,
        &[
            f("events", Array(&Enum)).null().options(EVENTS).cu(),
            f("format", Enum).or_str("json").options(FORMATS).cu(),
            f("hasSecret", Boolean).or_bool(false),
            f("hasToken", Boolean).or_bool(false),
            f("name", String).null().required().unique().min_len(1).max_len(255).cu(),
            f("secret", Password).null().max_len(1024).cu().input_only(),
            f("selector", String).null().max_len(4096).cu(),
            f("stackId", Reference("stack")).null().max_len(255).cu(),
            f("token", Password).null().max_len(1024).cu().input_only(),
            f("url", String).null().required().min_len(1).max_len(2048).cu(),
        ],
    ],
)
.methods(Methods::INSIDE)
.actions(&[
    Action::new("activate", "webhook"),
    Action::new("create", "webhook"),
    Action::new("deactivate", "webhook"),
    Action::new("remove", "webhook"),
    Action::new("test", "webhookDelivery").states(&["active"]),
])
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Child { name: "deliveries", of: "webhookDelivery", field: "webhookId" },
    Link::Ref { name: "stack", field: "stackId", to: "stack" },
]);

/// `webhookDelivery`: an event on its way to a webhook, and what came of it.
pub const WEBHOOK_DELIVERY: Type = Type::record(
    "webhookDelivery",
    "webhookDeliveries",
    &[&[
        f("accountId", Reference("account")).null().max_len(255),
        f("attempts", Array(&Object("webhookAttempt"))),
        f("created", Date).null().max_len(255),
        f("description", String).null().max_len(1024),
        f("endedAt", Date).null(),
        f("event", String).null().max_len(64),
        f("eventId", String).null().max_len(128),
        f("id", Int).null(),
        f("kind", String).null().max_len(255),
        f("message", String).null(),
        f("nextAttempt", Date).null().max_len(255),
        f("removed", Date).null().max_len(255),
        f("replayOf", Reference("webhookDelivery")).null().max_len(255),
        f("resourceId", String).null().max_len(255),
        f("resourceName", String).null().max_len(255),
        f("resourceType", String).null().max_len(255),
        f("status", String).null().options(STATUSES).max_len(32).indexed(),
        f("suppressed", Int).null(),
        f("topic", String).null().max_len(255).indexed(),
        f("uuid", String).null().max_len(128),
        f("webhookId", Reference("webhook")).null().max_len(255),
    ]],
)
.actions(&[Action::new("replay", "webhookDelivery")])
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Ref { name: "webhook", field: "webhookId", to: "webhook" },
]);

/// `webhookAttempt`: a try to deliver.
pub const WEBHOOK_ATTEMPT: Type = Type::value(
    "webhookAttempt",
    "webhookAttempts",
    &[&[
        f("at", Date).null(),
        f("durationMs", Int).null(),
        f("error", String).null(),
        f("statusCode", Int).null(),
    ]],
);
