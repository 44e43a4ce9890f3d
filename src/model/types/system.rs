//! The installation itself: settings, audit log, database, cluster.

use super::prelude::*;

/// Every type of this file.
pub const TYPES: &[&Type] = &[
    &AUDIT_LOG,
    &SETTING,
    &ACTIVE_SETTING,
    &DATA,
    &DATABASECHANGELOG,
    &DATABASECHANGELOGLOCK,
    &HA_CONFIG,
    &HA_CONFIG_INPUT,
    &CLUSTER_MEMBERSHIP,
    &EXTENSION_POINT,
    &EXTENSION_IMPLEMENTATION,
    &RESOURCE_DEFINITION,
];

/// `auditLog`.
pub const AUDIT_LOG: Type = Type::computed(
    "auditLog",
    "auditLogs",
    "audit",
    &[&[
        f("accountId", Reference("account")).null().max_len(255),
        f("authType", Enum)
            .null()
            .required()
            .options(&["AdminAuth", "BasicAuth", "RegistrationToken", "TokenAccount", "TokenAuth"])
            .max_len(255),
        f("authenticatedAsAccountId", Reference("account")).null().max_len(255),
        f("authenticatedAsIdentityId", Reference("identity")).null().max_len(255),
        f("clientIp", String).null().max_len(255),
        f("created", Date).null().max_len(255),
        f("data", Map(&Json)).null().max_len(16777215).r_by(Super),
        f("description", String).null().max_len(1024),
        f("eventType", String).null().max_len(255),
        f("id", Int).null(),
        f("kind", String).null().max_len(255),
        f("requestObject", String),
        f("resource", String).r_by(Super),
        f("resourceId", Int).null().max_len(255),
        f("resourceType", String).null().max_len(255),
        f("responseCode", Int),
        f("responseObject", String),
        f("runtime", Int).null().max_len(255).r_by(Super),
    ]],
)
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Ref { name: "authenticatedAsAccount", field: "authenticatedAsAccountId", to: "account" },
    Link::Computed { name: "authenticatedAsIdentity" },
    Link::Computed { name: "resource" },
]);

/// `setting`.
pub const SETTING: Type = Type::computed(
    "setting",
    "settings",
    "settings",
    &[&[
        f("activeValue", String),
        f("id", Int).null(),
        f("inDb", Boolean).r_by(Admin),
        f("name", String).null().max_len(255).c_by(Admin),
        f("source", String).r_by(Admin),
        f("value", String).null().max_len(16777215).c_by(Admin).u_by(Admin),
    ]],
)
.global()
.methods(Methods { create: Admin, update: Admin, delete: Admin, ..Methods::READ });

/// `activeSetting`.
pub const ACTIVE_SETTING: Type = Type::computed(
    "activeSetting",
    "activeSettings",
    "settings",
    &[&[
        f("activeValue", Json),
        f("id", String),
        f("inDb", Boolean).r_by(Admin),
        f("name", String),
        f("source", String).r_by(Admin),
        f("value", String).u_by(Admin),
    ]],
)
.methods(Methods { update: Admin, delete: Admin, ..Methods::VALUE });

/// `data`.
pub const DATA: Type = Type::computed(
    "data",
    "datas",
    "data",
    &[&[
        f("id", Int).null().r_by(Super),
        f("name", String).null().max_len(255).r_by(Super),
        f("value", String).null().max_len(65535).r_by(Super),
        f("visible", Boolean).or_bool(true).max_len(255).r_by(Super),
    ]],
)
.for_audience(Super)
.methods(Methods { list: Super, get: Super, ..Methods::NONE });

/// `databasechangelog`.
pub const DATABASECHANGELOG: Type = Type::computed(
    "databasechangelog",
    "databasechangelogs",
    "migrations",
    &[&[
        f("author", String).null().max_len(255).r_by(Admin),
        f("comments", String).null().max_len(255).r_by(Admin),
        f("dateexecuted", Date).max_len(255).r_by(Admin),
        f("description", String).null().max_len(255).r_by(Admin),
        f("exectype", String).null().max_len(10).r_by(Admin),
        f("filename", String).null().max_len(255).r_by(Admin),
        f("id", String).r_by(Admin),
        f("liquibase", String).null().max_len(20).r_by(Admin),
        f("md5sum", String).null().max_len(35).r_by(Admin),
        f("orderexecuted", Int).max_len(255).r_by(Admin),
        f("tag", String).null().max_len(255).r_by(Admin),
    ]],
)
.for_audience(Admin)
.methods(Methods { delete: Admin, ..Methods::ADMIN_READ });

/// `databasechangeloglock`.
pub const DATABASECHANGELOGLOCK: Type = Type::computed(
    "databasechangeloglock",
    "databasechangeloglocks",
    "databaseLocks",
    &[&[
        f("id", Int).null().r_by(Admin),
        f("locked", Boolean).max_len(255).r_by(Admin),
        f("lockedby", String).null().max_len(255).r_by(Admin),
        f("lockgranted", Date).null().max_len(255).r_by(Admin),
    ]],
)
.for_audience(Admin)
.methods(Methods { delete: Admin, ..Methods::ADMIN_READ });

/// `haConfig`.
pub const HA_CONFIG: Type = Type::computed(
    "haConfig",
    "haConfigs",
    "haConfigs",
    &[&[
        f("clusterSize", Int).null().r_by(Admin),
        f("dbHost", String).r_by(Admin),
        f("dbSize", Int).null().r_by(Admin),
        f("enabled", Boolean).or_bool(false).u_by(Admin).r_by(Admin),
    ]],
)
.for_audience(Admin)
.methods(Methods { update: Admin, ..Methods::ADMIN_READ })
.actions(&[Action::new("createscript", "haConfig").no_output().input("haConfigInput").by(Admin)])
.links(&[Link::Computed { name: "dbdump" }]);

/// `haConfigInput`.
pub const HA_CONFIG_INPUT: Type = Type::value(
    "haConfigInput",
    "haConfigInputs",
    &[&[
        f("cert", String).null().c_by(Admin).r_by(Admin),
        f("certChain", String).null().c_by(Admin).r_by(Admin),
        f("clusterSize", Int).or_int(3).min(1).max(65535).c_by(Admin).r_by(Admin),
        f("hostRegistrationUrl", String).required().c_by(Admin).r_by(Admin),
        f("httpEnabled", Boolean).or_bool(true).c_by(Admin).r_by(Admin),
        f("httpPort", Int).null().or_int(80).min(1).max(65535).c_by(Admin).r_by(Admin),
        f("httpsPort", Int).or_int(443).min(1).max(65535).c_by(Admin).r_by(Admin),
        f("key", String).null().c_by(Admin).r_by(Admin),
        f("ppHttpPort", Int).null().or_int(81).min(1).max(65535).c_by(Admin).r_by(Admin),
        f("ppHttpsPort", Int).or_int(444).min(1).max(65535).c_by(Admin).r_by(Admin),
        f("redisPort", Int).or_int(6379).min(1).max(65535).c_by(Admin).r_by(Admin),
        f("swarmEnabled", Boolean).or_bool(true).c_by(Admin).r_by(Admin),
        f("swarmPort", Int).null().or_int(2376).min(1).max(65535).c_by(Admin).r_by(Admin),
        f("zookeeperClientPort", Int).or_int(2181).min(1).max(65535).c_by(Admin).r_by(Admin),
        f("zookeeperLeaderPort", Int).or_int(3888).min(1).max(65535).c_by(Admin).r_by(Admin),
        f("zookeeperQuorumPort", Int).or_int(2888).min(1).max(65535).c_by(Admin).r_by(Admin),
    ]],
)
.for_audience(Admin)
.methods(Methods { create: Admin, ..Methods::ADMIN_READ });

/// `clusterMembership`.
pub const CLUSTER_MEMBERSHIP: Type = Type::computed(
    "clusterMembership",
    "clusterMemberships",
    "members",
    &[&[
        f("clustered", Boolean).max_len(255).r_by(Admin),
        f("config", String).null().max_len(16777215).r_by(Admin),
        f("heartbeat", Int).null().max_len(255).r_by(Admin),
        f("id", Int).null().r_by(Admin),
        f("name", String).null().max_len(255).r_by(Admin),
        f("uuid", String).null().max_len(128).r_by(Admin),
    ]],
)
.for_audience(Admin)
.methods(Methods::ADMIN_READ);

/// `extensionPoint`.
pub const EXTENSION_POINT: Type = Type::computed(
    "extensionPoint",
    "extensionPoints",
    "extensionPoints",
    &[&[
        f("excludeSetting", String).r_by(Admin),
        f("implementations", Array(&Object("extensionImplementation"))).r_by(Admin),
        f("includeSetting", String).r_by(Admin),
        f("listSetting", String).r_by(Admin),
        f("name", String).c_by(Admin).u_by(Admin).r_by(Admin),
    ]],
)
.for_audience(Admin)
.methods(Methods::ADMIN_READ);

/// `extensionImplementation`.
pub const EXTENSION_IMPLEMENTATION: Type = Type::value(
    "extensionImplementation",
    "extensionImplementations",
    &[&[
        f("className", String).r_by(Admin),
        f("name", String).r_by(Admin),
        f("properties", Map(&String)).r_by(Admin),
    ]],
)
.for_audience(Admin)
.methods(Methods { get: Admin, ..Methods::NONE });

/// `resourceDefinition`.
pub const RESOURCE_DEFINITION: Type = Type::computed(
    "resourceDefinition",
    "resourceDefinitions",
    "resourceDefinitions",
    &[&[f("id", String).r_by(Admin), f("name", String).r_by(Admin)]],
)
.for_audience(Admin)
.methods(Methods::ADMIN_READ);
