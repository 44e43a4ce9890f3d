//! The history of a service: its versions, and the way back to one.

use super::prelude::*;

/// Every type of this file.
pub const TYPES: &[&Type] = &[&SERVICE_VERSION, &SERVICE_VERSION_IMAGE, &SERVICE_ROLLBACK_TO];

/// `serviceVersion`: what a service was made from for a time, and which images really ran.
pub const SERVICE_VERSION: Type = Type::record(
    "serviceVersion",
    "serviceVersions",
    &[&[
        f("accountId", Reference("account")).null().max_len(255),
        f("changedBy", String).null().max_len(255),
        f("created", Date).null().max_len(255),
        f("description", String).null().max_len(1024),
        f("eventType", String).null().max_len(255),
        f("id", Int).null(),
        f("images", Array(&Object("serviceVersionImage"))),
        f("kind", String).null().max_len(255),
        f("launchConfig", Object("launchConfig")).null(),
        f("removed", Date).null().max_len(255),
        f("secondaryLaunchConfigs", Array(&Object("secondaryLaunchConfig"))),
        f("serviceId", Reference("service")).null().max_len(255),
        f("uuid", String).null().max_len(128),
        f("versionNumber", Int).null().max_len(255),
    ]],
)
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Ref { name: "service", field: "serviceId", to: "service" },
]);

/// `serviceVersionImage`: an image that containers of a version ran.
pub const SERVICE_VERSION_IMAGE: Type = Type::value(
    "serviceVersionImage",
    "serviceVersionImages",
    &[&[
        f("digest", String).null(),
        f("hostIds", Array(&Reference("host"))).null(),
        f("image", String).null(),
        f("imageId", String).null(),
        f("launchConfigName", String).null(),
    ]],
);

/// `serviceRollbackTo`: which version a service goes back to, and how fast.
pub const SERVICE_ROLLBACK_TO: Type = Type::value(
    "serviceRollbackTo",
    "serviceRollbackTos",
    &[&[
        f("batchSize", Int).null().or_int(1).min(1).c(),
        f("intervalMillis", Int).null().or_int(2000).min(100).c(),
        f("startFirst", Boolean).or_bool(false).c(),
        f("versionId", Reference("serviceVersion")).required().c(),
    ]],
)
.methods(Methods::INPUT);
