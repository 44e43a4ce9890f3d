//! Login sessions and the providers that check logins.

use super::prelude::*;

/// Every type of this file.
pub const TYPES: &[&Type] =
    &[&TOKEN, &AUTH_TOKEN, &LOCAL_AUTH_CONFIG, &OPENLDAPCONFIG, &AZUREADCONFIG];

/// `token`.
pub const TOKEN: Type = Type::computed(
    "token",
    "tokens",
    "tokens",
    &[&[
        f("accountId", String).null().r_by(Super),
        f("authProvider", String).null().r_by(Super),
        f("authenticatedAsAccountId", Int).null().r_by(Super),
        f("code", String).null().required().r_by(Super),
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
.methods(Methods { list: Super, get: Super, ..Methods::NONE });

/// `authToken`.
pub const AUTH_TOKEN: Type = Type::computed(
    "authToken",
    "authTokens",
    "authTokens",
    &[&[
        f("accountId", Reference("account")).max_len(255).r_by(Super),
        f("authenticatedAsAccountId", Reference("account")).null().max_len(255).r_by(Super),
        f("created", Date).max_len(255).r_by(Super),
        f("expires", Date).max_len(255).r_by(Super),
        f("id", Int).null().r_by(Super),
        f("key", String).null().max_len(40).r_by(Super),
        f("provider", String).null().max_len(255).r_by(Super),
        f("value", String).null().max_len(16777215).r_by(Super),
        f("version", String).null().max_len(255).r_by(Super),
    ]],
)
.for_audience(Super)
.methods(Methods { list: Super, get: Super, ..Methods::NONE })
.links(&[
    Link::Ref { name: "account", field: "accountId", to: "account" },
    Link::Ref { name: "authenticatedAsAccount", field: "authenticatedAsAccountId", to: "account" },
]);

/// `localAuthConfig`.
pub const LOCAL_AUTH_CONFIG: Type = Type::computed(
    "localAuthConfig",
    "localAuthConfigs",
    "localAuthConfigs",
    &[&[
        f("accessMode", String).null().or_str("unrestricted").c_by(Admin).r_by(Admin),
        f("enabled", Boolean).null().c_by(Admin).r_by(Admin),
        f("name", String).null().or_str("admin").c_by(Admin).r_by(Admin),
        f("password", Password).required().c_by(Admin).r_by(Admin).once(),
        f("username", String).required().c_by(Admin).r_by(Admin),
    ]],
)
.for_audience(Admin)
.methods(Methods { create: Admin, ..Methods::ADMIN_READ });

/// `openldapconfig`.
pub const OPENLDAPCONFIG: Type = Type::computed(
    "openldapconfig",
    "openldapconfigs",
    "openldapConfigs",
    &[&[
        f("accessMode", String).required().or_str("unrestricted").c_by(Admin).r_by(Admin),
        f("allowedIdentities", Array(&Object("identity"))).c_by(Admin).r_by(Admin),
        f("configured", Boolean).r_by(Super),
        f("connectionTimeout", Int).required().or_int(1000).c_by(Admin).r_by(Admin),
        f("domain", String).required().min_len(1).c_by(Admin).r_by(Admin),
        f("enabled", Boolean).null().c_by(Admin).r_by(Admin),
        f("groupDNField", String).or_str("entryDN").c_by(Admin).r_by(Admin),
        f("groupMemberMappingAttribute", String)
            .required()
            .or_str("memberUid")
            .c_by(Admin)
            .r_by(Admin),
        f("groupMemberUserAttribute", String).or_str("entryDN").c_by(Admin).r_by(Admin),
        f("groupNameField", String).required().or_str("cn").c_by(Admin).r_by(Admin),
        f("groupObjectClass", String).required().or_str("posixGroup").c_by(Admin).r_by(Admin),
        f("groupSearchDomain", String).null().c_by(Admin).r_by(Admin),
        f("groupSearchField", String).required().or_str("cn").c_by(Admin).r_by(Admin),
        f("loginDomain", String).null().c_by(Admin).r_by(Admin),
        f("name", String).r_by(Admin),
        f("port", Int).null().required().or_int(389).c_by(Admin).r_by(Admin),
        f("server", String).required().min_len(1).c_by(Admin).r_by(Admin),
        f("serviceAccountPassword", String)
            .null()
            .required()
            .min_len(1)
            .c_by(Admin)
            .r_by(Admin)
            .once(),
        f("serviceAccountUsername", String).null().required().min_len(1).c_by(Admin).r_by(Admin),
        f("tls", Boolean).null().required().c_by(Admin).r_by(Admin),
        f("userDisabledBitMask", Int).null().c_by(Admin).r_by(Admin),
        f("userEnabledAttribute", String).null().c_by(Admin).r_by(Admin),
        f("userLoginField", String).required().or_str("uid").c_by(Admin).r_by(Admin),
        f("userMemberAttribute", String).required().or_str("memberOf").c_by(Admin).r_by(Admin),
        f("userNameField", String).required().or_str("givenName").c_by(Admin).r_by(Admin),
        f("userObjectClass", String).required().or_str("inetOrgPerson").c_by(Admin).r_by(Admin),
        f("userSearchField", String).required().or_str("uid").c_by(Admin).r_by(Admin),
    ]],
)
.for_audience(Admin)
.methods(Methods { create: Admin, update: Admin, ..Methods::ADMIN_READ });

/// `azureadconfig`.
pub const AZUREADCONFIG: Type = Type::computed(
    "azureadconfig",
    "azureadconfigs",
    "azureadConfigs",
    &[&[
        f("accessMode", String).required().or_str("unrestricted").c_by(Admin).r_by(Admin),
        f("adminAccountPassword", String).null().min_len(1).c_by(Admin).r_by(Admin).once(),
        f("adminAccountUsername", String).null().min_len(1).c_by(Admin).r_by(Admin),
        f("clientId", String).null().c_by(Admin).r_by(Admin),
        f("domain", String).null().c_by(Admin).r_by(Admin),
        f("enabled", Boolean).null().c_by(Admin).r_by(Admin),
        f("name", String).c_by(Admin).u_by(Admin).r_by(Admin),
        f("tenantId", String).null().c_by(Admin).r_by(Admin),
    ]],
)
.for_audience(Admin)
.methods(Methods { create: Admin, update: Admin, ..Methods::ADMIN_READ });
