//! Accounts, environments, their members and templates.

use super::prelude::*;

/// Every type of this file.
pub const TYPES: &[&Type] = &[
    &ACCOUNT,
    &ACCOUNT_LINK,
    &PROJECT,
    &PROJECT_MEMBER,
    &MEMBER,
    &PROJECT_TEMPLATE,
    &CATALOG_TEMPLATE,
    &IDENTITY,
    &SET_PROJECT_MEMBERS_INPUT,
    &SERVICES_PORT_RANGE,
    &USER_PREFERENCE,
    &REGION,
];

/// Fields of accounts and environments.
const ACCOUNT_FIELDS: &[Field] = &[
    f("created", Date).null().max_len(255),
    f("createdStackIds", Array(&Reference("stack"))).r_by(Super),
    f("data", Map(&Json)).null().max_len(16777215).r_by(Admin),
    f("description", String).null().max_len(1024).cu(),
    f("id", Int).null(),
    f("name", String).null().max_len(255).cu().schedules(),
    f("removeTime", Date).null().max_len(255).r_by(Admin),
    f("removed", Date).null().max_len(255),
    f("revision", Int).max_len(255).r_by(Super),
    f("scheduledUpgradeDelayMinutes", Int).null().r_by(Super),
    f("startedStackIds", Array(&Reference("stack"))).r_by(Super),
    f("state", Enum).max_len(128),
    f("transitioning", Enum).options(&["yes", "no", "error"]),
    f("transitioningMessage", String).null(),
    f("transitioningProgress", Int).null(),
    f("uuid", String).null().max_len(128).c_by(Admin),
    f("version", String).null().max_len(128),
];

/// States of `account`.
pub const ACCOUNT_LIFECYCLE: Lifecycle = Lifecycle::new(
    "account",
    &[
        CREATE,
        ACTIVATE,
        DEACTIVATE,
        UPDATE,
        REMOVE,
        PURGE,
        t("upgrade", &["active"], "upgrading", "active"),
    ],
);

/// `account`.
pub const ACCOUNT: Type = Type::resource(
    "account",
    "accounts",
    &ACCOUNT_LIFECYCLE,
    &[
        ACCOUNT_FIELDS,
        &[
            f("defaultNetworkId", Reference("network")).null().max_len(255).r_by(Super),
            f("externalId", String)
                .null()
                .max_len(255)
                .c_by(Admin)
                .u_by(Admin)
                .r_by(Admin)
                .indexed(),
            f("externalIdType", String).null().max_len(128).c_by(Admin).u_by(Admin).r_by(Admin),
            f("healthState", String).null().max_len(128).r_by(Super),
            f("identity", Reference("identity")).r_by(Admin),
            f("kind", String).null().or_str("user").max_len(255).c_by(Admin).u_by(Admin),
            f("projectTemplateId", Reference("projectTemplate")).null().max_len(255).r_by(Super),
        ],
    ],
)
.global()
.methods(Methods { create: Admin, update: Admin, delete: Admin, ..Methods::READ })
.actions(&[
    Action::new("activate", "account"),
    Action::new("create", "account"),
    Action::new("deactivate", "account"),
    Action::new("purge", "account"),
    Action::new("remove", "account"),
    Action::new("update", "account"),
    Action::new("upgrade", "account"),
])
.links(&[
    Link::Child { name: "accountLinks", of: "accountLink", field: "accountId" },
    Link::Child { name: "agents", of: "agent", field: "accountId" },
    Link::Child { name: "auditLogs", of: "auditLog", field: "accountId" },
    Link::Child { name: "authTokens", of: "authToken", field: "accountId" },
    Link::Child { name: "backupTargets", of: "backupTarget", field: "accountId" },
    Link::Child { name: "backups", of: "backup", field: "accountId" },
    Link::Child { name: "certificates", of: "certificate", field: "accountId" },
    Link::Child { name: "configItemStatuses", of: "configItemStatus", field: "accountId" },
    Link::Child { name: "containerEvents", of: "containerEvent", field: "accountId" },
    Link::Child { name: "credentials", of: "credential", field: "accountId" },
    Link::Child { name: "deploymentUnits", of: "deploymentUnit", field: "accountId" },
    Link::Child { name: "dynamicSchemas", of: "dynamicSchema", field: "accountId" },
    Link::Child { name: "externalEvents", of: "externalEvent", field: "accountId" },
    Link::Child { name: "genericObjects", of: "genericObject", field: "accountId" },
    Link::Child {
        name: "healthcheckInstanceHostMaps",
        of: "healthcheckInstanceHostMap",
        field: "accountId",
    },
    Link::Child { name: "healthcheckInstances", of: "healthcheckInstance", field: "accountId" },
    Link::Child { name: "hostLabelMaps", of: "hostLabelMap", field: "accountId" },
    Link::Child { name: "hostTemplates", of: "hostTemplate", field: "accountId" },
    Link::Child { name: "hosts", of: "host", field: "accountId" },
    Link::Child { name: "images", of: "image", field: "accountId" },
    Link::Child { name: "instanceLabelMaps", of: "instanceLabelMap", field: "accountId" },
    Link::Child { name: "instanceLinks", of: "instanceLink", field: "accountId" },
    Link::Child { name: "instances", of: "instance", field: "accountId" },
    Link::Child { name: "ipAddresses", of: "ipAddress", field: "accountId" },
    Link::Child { name: "labels", of: "label", field: "accountId" },
    Link::Child { name: "mounts", of: "mount", field: "accountId" },
    Link::Child { name: "networkDrivers", of: "networkDriver", field: "accountId" },
    Link::Child { name: "networks", of: "network", field: "accountId" },
    Link::Child { name: "nics", of: "nic", field: "accountId" },
    Link::Child { name: "physicalHosts", of: "physicalHost", field: "accountId" },
    Link::Child { name: "ports", of: "port", field: "accountId" },
    Link::Child { name: "processInstances", of: "processInstance", field: "accountId" },
    Link::Child { name: "projectMembers", of: "projectMember", field: "accountId" },
    Link::Ref { name: "projectTemplate", field: "projectTemplateId", to: "projectTemplate" },
    Link::Child { name: "projectTemplates", of: "projectTemplate", field: "accountId" },
    Link::Child { name: "regions", of: "region", field: "accountId" },
    Link::Child { name: "resourcePools", of: "resourcePool", field: "accountId" },
    Link::Child { name: "scheduledUpgrades", of: "scheduledUpgrade", field: "accountId" },
    Link::Child { name: "secrets", of: "secret", field: "accountId" },
    Link::Child { name: "serviceConsumeMaps", of: "serviceConsumeMap", field: "accountId" },
    Link::Child { name: "serviceEvents", of: "serviceEvent", field: "accountId" },
    Link::Child { name: "serviceExposeMaps", of: "serviceExposeMap", field: "accountId" },
    Link::Child { name: "serviceIndexes", of: "serviceIndex", field: "accountId" },
    Link::Child { name: "serviceLogs", of: "serviceLog", field: "accountId" },
    Link::Child { name: "services", of: "service", field: "accountId" },
    Link::Child { name: "snapshots", of: "snapshot", field: "accountId" },
    Link::Child { name: "stacks", of: "stack", field: "accountId" },
    Link::Child { name: "storageDrivers", of: "storageDriver", field: "accountId" },
    Link::Child { name: "storagePools", of: "storagePool", field: "accountId" },
    Link::Child { name: "subnets", of: "subnet", field: "accountId" },
    Link::Child { name: "userPreferences", of: "userPreference", field: "accountId" },
    Link::Child { name: "volumeTemplates", of: "volumeTemplate", field: "accountId" },
    Link::Child { name: "volumes", of: "volume", field: "accountId" },
    Link::Child { name: "zones", of: "zone", field: "accountId" },
]);

/// States of `accountLink`.
pub const ACCOUNT_LINK_LIFECYCLE: Lifecycle = Lifecycle::standard("accountlink");

/// `accountLink`.
pub const ACCOUNT_LINK: Type = Type::resource(
    "accountLink",
    "accountLinks",
    &ACCOUNT_LINK_LIFECYCLE,
    &[&[
        f("accountId", Reference("account")).null().max_len(255).c_by(Service).r_by(Admin),
        f("created", Date).null().max_len(255).r_by(Admin),
        f("data", Map(&Json)).null().max_len(65535).r_by(Admin),
        f("description", String).null().max_len(1024).c_by(Admin).u_by(Admin).r_by(Admin),
        f("external", Boolean).null().max_len(255).c_by(Service).r_by(Admin),
        f("id", Int).null().r_by(Admin),
        f("kind", String).null().max_len(255).r_by(Admin),
        f("linkedAccount", String).null().max_len(255).c_by(Service).r_by(Admin),
        f("linkedAccountId", Reference("account")).null().max_len(255).r_by(Super),
        f("linkedAccountUuid", String).or_bool(false).c_by(Service).r_by(Admin),
        f("linkedRegion", String).null().max_len(255).c_by(Service).r_by(Admin),
        f("linkedRegionId", Reference("region")).null().max_len(255).c_by(Service).r_by(Service),
        f("name", String).null().max_len(255).c_by(Admin).u_by(Admin).r_by(Admin),
        f("removeTime", Date).null().max_len(255).r_by(Admin),
        f("removed", Date).null().max_len(255).r_by(Admin),
        f("state", Enum).max_len(128).r_by(Admin),
        f("transitioning", Enum).options(&["yes", "no", "error"]).r_by(Admin),
        f("transitioningMessage", String).null().r_by(Admin),
        f("transitioningProgress", Int).null().r_by(Admin),
        f("uuid", String).null().max_len(128).r_by(Admin),
    ]],
)
.for_audience(Admin)
.methods(Methods { create: Service, delete: Service, ..Methods::ADMIN_READ })
.actions(&[
    Action::new("activate", "accountLink").by(Admin),
    Action::new("create", "accountLink").by(Admin),
    Action::new("deactivate", "accountLink").by(Admin),
    Action::new("purge", "accountLink").by(Admin),
    Action::new("remove", "accountLink").by(Admin),
    Action::new("update", "accountLink").by(Admin),
])
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Ref { name: "linkedAccount", field: "linkedAccountId", to: "account" },
    Link::Ref { name: "linkedRegion", field: "linkedRegionId", to: "region" },
]);

/// `project`.
pub const PROJECT: Type = Type::resource(
    "project",
    "projects",
    &ACCOUNT_LIFECYCLE,
    &[
        ACCOUNT_FIELDS,
        &[
            f("allowSystemRole", Boolean).or_bool(false).c_by(Admin).u_by(Admin).r_by(Admin),
            f("defaultNetworkId", Reference("network")).null().max_len(255),
            f("externalId", String).null().max_len(255).r_by(Super).indexed(),
            f("externalIdType", String).null().max_len(128).r_by(Super),
            f("healthState", String).null().max_len(128),
            f("hostRemoveDelaySeconds", Int).null().cu(),
            f("identity", Reference("identity")).r_by(Super),
            f("kind", String).null().or_str("user").max_len(255),
            f("members", Array(&Object("projectMember"))).null().c(),
            f("orchestration", String).or_str("cattle"),
            f("projectLinks", Array(&Reference("project")))
                .null()
                .c_by(Admin)
                .u_by(Admin)
                .r_by(Admin)
                .schedules(),
            f("projectTemplateId", Reference("projectTemplate")).null().max_len(255).c(),
            f("servicesPortRange", Object("servicesPortRange")).null().cu().schedules(),
            f("virtualMachine", Boolean).or_bool(false).cu().schedules(),
        ],
    ],
)
.child_of("account")
.global()
.methods(Methods { create: Outside, update: Outside, delete: Outside, ..Methods::READ })
.actions(&[
    Action::new("activate", "account"),
    Action::new("create", "account"),
    Action::new("deactivate", "account"),
    Action::new("defaultNetworkId", "project").no_output(),
    Action::new("delete", "project").no_output(),
    Action::new("purge", "account"),
    Action::new("remove", "account"),
    Action::new("setmembers", "setProjectMembersInput").input("setProjectMembersInput"),
    Action::new("update", "account"),
    Action::new("upgrade", "account"),
])
.links(&[
    Link::Child { name: "accountLinks", of: "accountLink", field: "accountId" },
    Link::Child { name: "agents", of: "agent", field: "accountId" },
    Link::Child { name: "auditLogs", of: "auditLog", field: "accountId" },
    Link::Child { name: "authTokens", of: "authToken", field: "accountId" },
    Link::Child { name: "backupTargets", of: "backupTarget", field: "accountId" },
    Link::Child { name: "backups", of: "backup", field: "accountId" },
    Link::Child { name: "certificates", of: "certificate", field: "accountId" },
    Link::Child { name: "configItemStatuses", of: "configItemStatus", field: "accountId" },
    Link::Child { name: "containerEvents", of: "containerEvent", field: "accountId" },
    Link::Child { name: "credentials", of: "credential", field: "accountId" },
    Link::Child { name: "deploymentUnits", of: "deploymentUnit", field: "accountId" },
    Link::Child { name: "dynamicSchemas", of: "dynamicSchema", field: "accountId" },
    Link::Child { name: "externalEvents", of: "externalEvent", field: "accountId" },
    Link::Child { name: "genericObjects", of: "genericObject", field: "accountId" },
    Link::Child {
        name: "healthcheckInstanceHostMaps",
        of: "healthcheckInstanceHostMap",
        field: "accountId",
    },
    Link::Child { name: "healthcheckInstances", of: "healthcheckInstance", field: "accountId" },
    Link::Child { name: "hostLabelMaps", of: "hostLabelMap", field: "accountId" },
    Link::Computed { name: "hostStats" },
    Link::Child { name: "hostTemplates", of: "hostTemplate", field: "accountId" },
    Link::Child { name: "hosts", of: "host", field: "accountId" },
    Link::Child { name: "images", of: "image", field: "accountId" },
    Link::Child { name: "instanceLabelMaps", of: "instanceLabelMap", field: "accountId" },
    Link::Child { name: "instanceLinks", of: "instanceLink", field: "accountId" },
    Link::Child { name: "instances", of: "instance", field: "accountId" },
    Link::Child { name: "ipAddresses", of: "ipAddress", field: "accountId" },
    Link::Child { name: "labels", of: "label", field: "accountId" },
    Link::Child { name: "mounts", of: "mount", field: "accountId" },
    Link::Child { name: "networkDrivers", of: "networkDriver", field: "accountId" },
    Link::Child { name: "networks", of: "network", field: "accountId" },
    Link::Child { name: "nics", of: "nic", field: "accountId" },
    Link::Child { name: "physicalHosts", of: "physicalHost", field: "accountId" },
    Link::Child { name: "ports", of: "port", field: "accountId" },
    Link::Child { name: "processInstances", of: "processInstance", field: "accountId" },
    Link::Child { name: "projectMembers", of: "projectMember", field: "accountId" },
    Link::Ref { name: "projectTemplate", field: "projectTemplateId", to: "projectTemplate" },
    Link::Child { name: "projectTemplates", of: "projectTemplate", field: "accountId" },
    Link::Child { name: "regions", of: "region", field: "accountId" },
    Link::Child { name: "resourcePools", of: "resourcePool", field: "accountId" },
    Link::Child { name: "scheduledUpgrades", of: "scheduledUpgrade", field: "accountId" },
    Link::Child { name: "secrets", of: "secret", field: "accountId" },
    Link::Child { name: "serviceConsumeMaps", of: "serviceConsumeMap", field: "accountId" },
    Link::Child { name: "serviceEvents", of: "serviceEvent", field: "accountId" },
    Link::Child { name: "serviceExposeMaps", of: "serviceExposeMap", field: "accountId" },
    Link::Child { name: "serviceIndexes", of: "serviceIndex", field: "accountId" },
    Link::Child { name: "serviceLogs", of: "serviceLog", field: "accountId" },
    Link::Child { name: "services", of: "service", field: "accountId" },
    Link::Child { name: "snapshots", of: "snapshot", field: "accountId" },
    Link::Child { name: "stacks", of: "stack", field: "accountId" },
    Link::Child { name: "storageDrivers", of: "storageDriver", field: "accountId" },
    Link::Child { name: "storagePools", of: "storagePool", field: "accountId" },
    Link::Child { name: "subnets", of: "subnet", field: "accountId" },
    Link::Child { name: "userPreferences", of: "userPreference", field: "accountId" },
    Link::Child { name: "volumeTemplates", of: "volumeTemplate", field: "accountId" },
    Link::Child { name: "volumes", of: "volume", field: "accountId" },
    Link::Child { name: "zones", of: "zone", field: "accountId" },
]);

/// States of `projectMember`.
pub const PROJECT_MEMBER_LIFECYCLE: Lifecycle = Lifecycle::standard("projectmember");

/// `projectMember`.
pub const PROJECT_MEMBER: Type = Type::resource(
    "projectMember",
    "projectMembers",
    &PROJECT_MEMBER_LIFECYCLE,
    &[&[
        f("accountId", Reference("account")).null().max_len(255).r_by(Super),
        f("created", Date).null().max_len(255),
        f("data", Map(&Json)).null().max_len(16777215).r_by(Admin),
        f("description", String).null().max_len(1024).cu(),
        f("externalId", String).null().max_len(255).c().indexed(),
        f("externalIdType", Enum)
            .null()
            .or_str("rancher_id")
            .options(&[
                "rancher_id",
                "openldap_user",
                "openldap_group",
                "azuread_user",
                "azuread_group",
                "github_user",
                "github_org",
                "github_team",
                "shibboleth_user",
                "shibboleth_group",
                "ldap_user",
                "ldap_group",
            ])
            .max_len(255)
            .c(),
        f("id", Int).null(),
        f("kind", String).null().max_len(255),
        f("name", String).null().max_len(255),
        f("projectId", Reference("project")).max_len(255),
        f("removeTime", Date).null().max_len(255).r_by(Admin),
        f("removed", Date).null().max_len(255),
        f("role", Enum)
            .null()
            .or_str("member")
            .options(&["member", "owner", "readonly", "restricted"])
            .max_len(255)
            .c(),
        f("state", Enum).max_len(128),
        f("transitioning", Enum).options(&["yes", "no", "error"]),
        f("transitioningMessage", String).null(),
        f("transitioningProgress", Int).null(),
        f("uuid", String).null().max_len(128),
    ]],
)
.methods(Methods { create: Outside, ..Methods::READ })
.actions(&standard_actions("projectMember"))
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Ref { name: "project", field: "projectId", to: "account" },
]);

/// `member`.
pub const MEMBER: Type = Type::value(
    "member",
    "members",
    &[&[
        f("externalId", String).r_by(Super).indexed(),
        f("externalIdType", String).r_by(Super),
        f("login", String).r_by(Super),
        f("name", String).r_by(Super),
        f("profilePicture", String).r_by(Super),
        f("profileUrl", String).r_by(Super),
        f("projectId", String).r_by(Super),
        f("role", String).r_by(Super),
    ]],
)
.for_audience(Super);

/// States of `projectTemplate`.
pub const PROJECT_TEMPLATE_LIFECYCLE: Lifecycle = Lifecycle::new(
    "projecttemplate",
    &[
        t("create", &["requested"], "activating", "active"),
        t("remove", &["requested", "activating", "active"], "removing", "removed"),
    ],
);

/// `projectTemplate`.
pub const PROJECT_TEMPLATE: Type = Type::resource(
    "projectTemplate",
    "projectTemplates",
    &PROJECT_TEMPLATE_LIFECYCLE,
    &[
        UNNAMED,
        &[
            f("externalId", String).null().max_len(255).cu().indexed(),
            f("isPublic", Boolean).max_len(255).c_by(Admin).u_by(Admin).r_by(Admin),
            f("name", String).null().unique().max_len(255).cu(),
            f("stacks", Array(&Object("catalogTemplate"))).cu(),
        ],
    ],
)
.global()
.methods(Methods { create: Outside, update: Outside, delete: Outside, ..Methods::READ })
.actions(&[Action::new("create", "projectTemplate"), Action::new("remove", "projectTemplate")])
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Child { name: "accounts", of: "account", field: "projectTemplateId" },
]);

/// `catalogTemplate`.
pub const CATALOG_TEMPLATE: Type = Type::value(
    "catalogTemplate",
    "catalogTemplates",
    &[&[
        f("answers", Map(&Json)).c(),
        f("binding", Object("binding")).c(),
        f("description", String).c(),
        f("dockerCompose", String).c(),
        f("name", String).c(),
        f("rancherCompose", String).c(),
        f("templateId", String).c(),
        f("templateVersionId", String).c(),
    ]],
);

/// `identity`.
pub const IDENTITY: Type = Type::computed(
    "identity",
    "identities",
    "identities",
    &[&[
        f("all", String).null().c(),
        f("externalId", String).required().c().indexed(),
        f("externalIdType", String).required().c(),
        f("id", String).null(),
        f("login", String).null().c(),
        f("name", String).null().c(),
        f("profilePicture", String).null().c(),
        f("profileUrl", String).null().c(),
        f("projectId", Reference("project")).null().c(),
        f("role", String).null().c(),
        f("user", Boolean).null(),
    ]],
);

/// `setProjectMembersInput`.
pub const SET_PROJECT_MEMBERS_INPUT: Type = Type::value(
    "setProjectMembersInput",
    "setProjectMembersInputs",
    &[&[f("members", Array(&Object("projectMember"))).required().min_len(1).c()]],
)
.methods(Methods::INPUT);

/// `servicesPortRange`.
pub const SERVICES_PORT_RANGE: Type = Type::value(
    "servicesPortRange",
    "servicesPortRanges",
    &[&[
        f("endPort", Int).null().required().min(1).max(65535).cu(),
        f("startPort", Int).null().required().min(1).max(65535).cu(),
    ]],
)
.methods(Methods { create: Everyone, update: Everyone, ..Methods::VALUE });

/// States of `userPreference`.
pub const USER_PREFERENCE_LIFECYCLE: Lifecycle = Lifecycle::new(
    "userpreference",
    &[
        CREATE,
        ACTIVATE,
        DEACTIVATE,
        UPDATE,
        t("remove", &["inactive", "active"], "removing", "removed"),
        PURGE,
    ],
);

/// `userPreference`.
pub const USER_PREFERENCE: Type = Type::resource(
    "userPreference",
    "userPreferences",
    &USER_PREFERENCE_LIFECYCLE,
    &[&[
        f("accountId", Reference("account")).null().max_len(255).r_by(Outside),
        f("all", Boolean).r_by(Outside),
        f("created", Date).null().max_len(255).r_by(Outside),
        f("data", Map(&Json)).null().max_len(16777215).r_by(Admin),
        f("description", String).null().max_len(1024).c_by(Outside).u_by(Outside).r_by(Outside),
        f("id", Int).null().r_by(Outside),
        f("kind", String).null().max_len(255).r_by(Outside),
        f("name", String).null().max_len(255).c_by(Outside).u_by(Outside).r_by(Outside),
        f("removeTime", Date).null().max_len(255).r_by(Admin),
        f("removed", Date).null().max_len(255).r_by(Outside),
        f("state", Enum).max_len(128).r_by(Outside),
        f("transitioning", Enum).options(&["yes", "no", "error"]).r_by(Outside),
        f("transitioningMessage", String).null().r_by(Outside),
        f("transitioningProgress", Int).null().r_by(Outside),
        f("uuid", String).null().max_len(128).r_by(Outside),
        f("value", String).null().max_len(16777215).c_by(Outside).u_by(Outside).r_by(Outside),
    ]],
)
.for_audience(Outside)
.methods(Methods { list: Outside, create: Outside, get: Outside, update: Outside, delete: Outside })
.actions(&[
    Action::new("activate", "userPreference").by(Outside),
    Action::new("create", "userPreference").by(Outside),
    Action::new("deactivate", "userPreference").by(Outside),
    Action::new("purge", "userPreference").by(Outside),
    Action::new("remove", "userPreference").by(Outside),
    Action::new("update", "userPreference").by(Outside),
])
.links(&[Link::Ref { name: "account", field: "accountId", to: "account" }]);

/// States of `region`.
pub const REGION_LIFECYCLE: Lifecycle = Lifecycle::standard("region");

/// `region`.
pub const REGION: Type = Type::resource(
    "region",
    "regions",
    &REGION_LIFECYCLE,
    &[&[
        f("accountId", Reference("account")).null().max_len(255),
        f("created", Date).null().max_len(255),
        f("data", Map(&Json)).null().max_len(65535).r_by(Admin),
        f("description", String).null().max_len(1024).cu(),
        f("id", Int).null(),
        f("kind", String).null().max_len(255),
        f("local", Boolean).null().or_bool(false).max_len(255).c_by(Admin).u_by(Admin).schedules(),
        f("name", String).required().unique().max_len(255).c_by(Admin).schedules(),
        f("publicValue", String)
            .required()
            .max_len(255)
            .c_by(Admin)
            .u_by(Admin)
            .r_by(Admin)
            .schedules()
            .indexed(),
        f("removeTime", Date).null().max_len(255).r_by(Admin),
        f("removed", Date).null().max_len(255),
        f("secretValue", String)
            .required()
            .max_len(255)
            .c_by(Admin)
            .u_by(Admin)
            .r_by(Admin)
            .once()
            .schedules(),
        f("state", Enum).max_len(128),
        f("transitioning", Enum).options(&["yes", "no", "error"]),
        f("transitioningMessage", String).null(),
        f("transitioningProgress", Int).null(),
        f("url", String).null().max_len(255).c_by(Admin).u_by(Admin),
        f("uuid", String).null().max_len(128),
    ]],
)
.global()
.methods(Methods { create: Admin, update: Admin, delete: Admin, ..Methods::READ })
.actions(&standard_actions("region"))
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Child { name: "accountLinks", of: "accountLink", field: "linkedRegionId" },
]);
