//! Accounts, environments, their members and identities.

use super::prelude::*;

/// Every type of this file.
pub const TYPES: &[&Type] = &[
    &ACCOUNT,
    &PROJECT,
    &PROJECT_MEMBER,
    &IDENTITY,
    &SET_PROJECT_MEMBERS_INPUT,
    &SERVICES_PORT_RANGE,
];

/// States of `account`.
pub const ACCOUNT_LIFECYCLE: Lifecycle = Lifecycle::standard("account");

/// `account`.
pub const ACCOUNT: Type = Type::resource(
    "account",
    "accounts",
    &ACCOUNT_LIFECYCLE,
    &[&[
        f("createdStackIds", Array(&Reference("stack"))).r_by(Super),
        f("defaultNetworkId", Reference("network")).null().r_by(Super),
        f("externalId", String).null().max_len(255).cu().r_by(Admin).indexed(),
        f("externalIdType", String).null().max_len(128).cu().r_by(Admin),
        f("healthState", String).null().max_len(128).r_by(Super),
        f("identity", Reference("identity")).r_by(Admin),
        f("kind", String).null().or_str("user").max_len(255).c_by(Admin).u_by(Admin),
        f("name", String).null().max_len(255).cu().schedules(),
        f("revision", Int).r_by(Super),
        f("scheduledUpgradeDelayMinutes", Int).null().r_by(Super),
        f("startedStackIds", Array(&Reference("stack"))).r_by(Super),
        f("uuid", String).null().max_len(128).c_by(Admin),
        f("version", String).null().max_len(128),
        f("created", Date).null(),
        f("data", Map(&Json)).null().r_by(Admin),
        f("description", String).null().max_len(1024).cu(),
        f("id", Int).null(),
        f("removeTime", Date).null().r_by(Admin),
        f("removed", Date).null(),
        f("state", Enum),
        f("transitioning", Enum).options(&["yes", "no", "error"]),
        f("transitioningMessage", String).null(),
        f("transitioningProgress", Int).null(),
    ]],
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
])
.links(&[
    Link::Child { name: "auditLogs", of: "auditLog", field: "accountId" },
    Link::Child { name: "credentials", of: "credential", field: "accountId" },
    Link::Child { name: "hosts", of: "host", field: "accountId" },
    Link::Child { name: "instances", of: "instance", field: "accountId" },
    Link::Child { name: "ipAddresses", of: "ipAddress", field: "accountId" },
    Link::Child { name: "mounts", of: "mount", field: "accountId" },
    Link::Child { name: "networks", of: "network", field: "accountId" },
    Link::Child { name: "ports", of: "port", field: "accountId" },
    Link::Child { name: "processInstances", of: "processInstance", field: "accountId" },
    Link::Child { name: "projectMembers", of: "projectMember", field: "accountId" },
    Link::Child { name: "serviceExposeMaps", of: "serviceExposeMap", field: "accountId" },
    Link::Child { name: "serviceLogs", of: "serviceLog", field: "accountId" },
    Link::Child { name: "services", of: "service", field: "accountId" },
    Link::Child { name: "stacks", of: "stack", field: "accountId" },
    Link::Child { name: "storagePools", of: "storagePool", field: "accountId" },
    Link::Child { name: "subnets", of: "subnet", field: "accountId" },
    Link::Child { name: "volumes", of: "volume", field: "accountId" },
]);

/// `project`.
pub const PROJECT: Type = Type::resource(
    "project",
    "projects",
    &ACCOUNT_LIFECYCLE,
    &[&[
        f("allowSystemRole", Boolean).or_bool(false).cu().r_by(Admin),
        f("createdStackIds", Array(&Reference("stack"))).r_by(Super),
        f("defaultNetworkId", Reference("network")).null(),
        f("externalId", String).null().max_len(255).r_by(Super).indexed(),
        f("externalIdType", String).null().max_len(128).r_by(Super),
        f("healthState", String).null().max_len(128),
        f("hostRemoveDelaySeconds", Int).null().cu(),
        f("identity", Reference("identity")).r_by(Super),
        f("kind", String).null().or_str("user").max_len(255),
        f("members", Array(&Object("projectMember"))).null().c(),
        f("name", String).null().max_len(255).cu().schedules(),
        f("orchestration", String).or_str("cattle"),
        f("projectLinks", Array(&Reference("project"))).null().cu().r_by(Admin).schedules(),
        f("revision", Int).r_by(Super),
        f("scheduledUpgradeDelayMinutes", Int).null().r_by(Super),
        f("servicesPortRange", Object("servicesPortRange")).null().cu().schedules(),
        f("startedStackIds", Array(&Reference("stack"))).r_by(Super),
        f("uuid", String).null().max_len(128).c_by(Admin),
        f("version", String).null().max_len(128),
        f("virtualMachine", Boolean).or_bool(false).cu().schedules(),
        f("created", Date).null(),
        f("data", Map(&Json)).null().r_by(Admin),
        f("description", String).null().max_len(1024).cu(),
        f("id", Int).null(),
        f("removeTime", Date).null().r_by(Admin),
        f("removed", Date).null(),
        f("state", Enum),
        f("transitioning", Enum).options(&["yes", "no", "error"]),
        f("transitioningMessage", String).null(),
        f("transitioningProgress", Int).null(),
    ]],
)
.child_of("account")
.global()
.actions(&[
    Action::new("activate", "account"),
    Action::new("create", "account"),
    Action::new("deactivate", "account"),
    Action::new("purge", "account"),
    Action::new("remove", "account"),
    Action::new("setmembers", "setProjectMembersInput").input("setProjectMembersInput"),
    Action::new("update", "account"),
])
.links(&[
    Link::Child { name: "auditLogs", of: "auditLog", field: "accountId" },
    Link::Child { name: "credentials", of: "credential", field: "accountId" },
    Link::Computed { name: "hostStats" },
    Link::Child { name: "hosts", of: "host", field: "accountId" },
    Link::Child { name: "instances", of: "instance", field: "accountId" },
    Link::Child { name: "ipAddresses", of: "ipAddress", field: "accountId" },
    Link::Child { name: "mounts", of: "mount", field: "accountId" },
    Link::Child { name: "networks", of: "network", field: "accountId" },
    Link::Child { name: "ports", of: "port", field: "accountId" },
    Link::Child { name: "processInstances", of: "processInstance", field: "accountId" },
    Link::Child { name: "projectMembers", of: "projectMember", field: "accountId" },
    Link::Child { name: "serviceExposeMaps", of: "serviceExposeMap", field: "accountId" },
    Link::Child { name: "serviceLogs", of: "serviceLog", field: "accountId" },
    Link::Child { name: "services", of: "service", field: "accountId" },
    Link::Child { name: "stacks", of: "stack", field: "accountId" },
    Link::Child { name: "storagePools", of: "storagePool", field: "accountId" },
    Link::Child { name: "subnets", of: "subnet", field: "accountId" },
    Link::Child { name: "volumes", of: "volume", field: "accountId" },
]);

/// States of `projectMember`.
pub const PROJECT_MEMBER_LIFECYCLE: Lifecycle = Lifecycle::standard("projectmember");

/// `projectMember`.
pub const PROJECT_MEMBER: Type = Type::resource(
    "projectMember",
    "projectMembers",
    &PROJECT_MEMBER_LIFECYCLE,
    &[&[
        f("accountId", Reference("account")).null().r_by(Super),
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
            .c(),
        f("name", String).null().max_len(255),
        f("projectId", Reference("project")),
        f("role", Enum)
            .null()
            .or_str("member")
            .options(&["member", "owner", "readonly", "restricted"])
            .c(),
        f("created", Date).null(),
        f("data", Map(&Json)).null().r_by(Admin),
        f("description", String).null().max_len(1024).cu(),
        f("id", Int).null(),
        f("kind", String).null().max_len(255),
        f("removeTime", Date).null().r_by(Admin),
        f("removed", Date).null(),
        f("state", Enum),
        f("transitioning", Enum).options(&["yes", "no", "error"]),
        f("transitioningMessage", String).null(),
        f("transitioningProgress", Int).null(),
        f("uuid", String).null().max_len(128),
    ]],
)
.methods(Methods { create: Project, ..Methods::READ })
.actions(&[
    Action::new("activate", "projectMember"),
    Action::new("create", "projectMember"),
    Action::new("deactivate", "projectMember"),
    Action::new("purge", "projectMember"),
    Action::new("remove", "projectMember"),
    Action::new("update", "projectMember"),
])
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Ref { name: "project", field: "projectId", to: "account" },
]);

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
);

/// `servicesPortRange`.
pub const SERVICES_PORT_RANGE: Type = Type::value(
    "servicesPortRange",
    "servicesPortRanges",
    &[&[
        f("endPort", Int).null().required().min(1).max(65535).cu(),
        f("startPort", Int).null().required().min(1).max(65535).cu(),
    ]],
);
