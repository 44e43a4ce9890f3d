//! Environments, settings, accounts, logins and events.

use super::Who::{Admin, Alice, Cookie, Nobody, Root, Super};
use super::{Place, Row, row};

/// The rows.
#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    // Environments and their members.
    row(
        Admin,
        "POST /projects",
        r#"{"name":"p","servicesPortRange":{"startPort":9000,"endPort":8000}}"#,
        "422 PortRangeWrongFormat servicesPortRange: a range of ports cannot begin at 9000 and end at 8000",
    ),
    row(
        Admin,
        "POST /projects",
        r#"{"name":"p","members":[{"externalId":"1a1","externalIdType":"rancher_id","role":"member"}]}"#,
        "400 InvalidFormat -: Members list does not have an owner",
    ),
    row(
        Admin,
        "PUT /projects/$other",
        r#"{"projectLinks":["$other"]}"#,
        "422 InvalidReference projectLinks: an environment cannot be linked to itself",
    ),
    row(
        Root,
        "GET /stacks?projectId=nonsense",
        "",
        "400 InvalidFormat projectId: `nonsense` is no project id",
    ),
    // Settings.
    row(
        Admin,
        "PUT /settings/environment.services.port.range",
        r#"{"value":"many"}"#,
        "422 PortRangeWrongFormat value: setting `environment.services.port.range` takes a range of ports such as `49153-65535`, not `many`",
    ),
    row(
        Admin,
        "PUT /settings/environment.services.port.range",
        r#"{"value":"9000-8000"}"#,
        "422 PortRangeWrongFormat value: setting `environment.services.port.range` takes a range of ports such as `49153-65535`, not `9000-8000`",
    ),
    row(
        Admin,
        "PUT /settings/environment.services.port.range",
        r#"{"value":"0-8000"}"#,
        "422 PortInvalidStartPort value: setting `environment.services.port.range` takes a range of ports such as `49153-65535`, not `0-8000`",
    ),
    row(
        Admin,
        "PUT /settings/environment.services.port.range",
        r#"{"value":"8000-70000"}"#,
        "422 PortInvalidEndPort value: setting `environment.services.port.range` takes a range of ports such as `49153-65535`, not `8000-70000`",
    ),
    row(
        Admin,
        "PUT /settings/api.auth.jwt.token.expiry",
        r#"{"value":"soon"}"#,
        "422 InvalidFormat value: setting `api.auth.jwt.token.expiry` takes a whole number, not `soon`",
    ),
    row(
        Admin,
        "PUT /settings/api.auth.provider.configured",
        r#"{"value":"ldapconfig"}"#,
        "422 InvalidOption value: logins are checked by localAuthConfig or nobody, not by `ldapconfig`",
    ),
    // Accounts, keys and passwords.
    row(
        Admin,
        "POST /accounts",
        r#"{"name":"a","kind":"emperor"}"#,
        "422 InvalidOption kind: an account's kind is one of admin, agent, agentRegister, environment, projectadmin, readAdmin, registeredAgent, service, user, not `emperor`",
    ),
    row(
        Admin,
        "POST /accounts/1a1?action=deactivate",
        "{}",
        "405 LastAdminAccount -: this is the last administrator; make another one first",
    ),
    row(
        Admin,
        "DELETE /accounts/1a1",
        "",
        "405 LastAdminAccount -: this is the last administrator; make another one first",
    ),
    row(
        Admin,
        "POST /passwords",
        r#"{"publicValue":"bob"}"#,
        "400 UserCredentialCreation -: a login needs a name and a password",
    ),
    row(
        Admin,
        "POST /passwords",
        r#"{"publicValue":"a:b","secretValue":"good enough"}"#,
        "422 InvalidCharacters publicValue: the login `a:b` holds a colon or a control character",
    ),
    row(
        Admin,
        "POST /passwords",
        r#"{"publicValue":"$x256","secretValue":"good enough"}"#,
        "422 MaxLengthExceeded publicValue: the login is 256 bytes long, more than 255",
    ),
    row(
        Admin,
        "POST /passwords",
        r#"{"publicValue":"bob","secretValue":"$x4096"}"#,
        "422 MaxLengthExceeded secretValue: field `secretValue` of a password is 4097 characters long, more than 4096",
    ),
    row(
        Alice,
        "POST /passwords/$password?action=changesecret",
        r#"{"oldSecret":"no","newSecret":"another one"}"#,
        "400 InvalidOldPassword -: the old password is not right",
    ),
    // Logins, sessions and providers.
    row(Nobody, "POST /token", r#"{"code":"root"}"#, "403 Forbidden -: Forbidden"),
    row(
        Nobody,
        "POST /token",
        r#"{"code":"alice:wrong"}"#,
        "401 Unauthorized -: wrong login or password",
    ),
    row(Nobody, "DELETE /token/current", "", "500 JWTNotProvided -: there is no session to end"),
    row(
        Cookie,
        "POST /stacks",
        r#"{"name":"n"}"#,
        "403 InvalidCSRFToken -: CSRF header and cookie do not match",
    ),
    row(
        Admin,
        "POST /localauthconfig",
        r#"{"username":"root","password":"wrong one","enabled":true}"#,
        "401 IncorrectPassword -: `root` exists and has another password",
    ),
    row(
        Admin,
        "POST /localauthconfig",
        r#"{"username":"root","password":"x","accessMode":"odd"}"#,
        "422 InvalidOption accessMode: the access mode is one of unrestricted, restricted, required, not `odd`",
    ),
    row(
        Admin,
        "POST /azureadconfig",
        r#"{"enabled":true}"#,
        "503 AzureNotConfigured -: azureadconfig cannot be enabled: logins are checked by localAuthConfig alone",
    ),
    row(
        Admin,
        "POST /openldapconfig",
        r#"{"enabled":true,"accessMode":"unrestricted","domain":"dc=x","server":"ldap.x","serviceAccountUsername":"u","serviceAccountPassword":"p","tls":false,"loginDomain":"x","name":"x"}"#,
        "503 OpenLDAPConfig -: openldapconfig cannot be enabled: logins are checked by localAuthConfig alone",
    ),
    row(
        Admin,
        "POST $v1/ldapconfig",
        r#"{"enabled":true,"accessMode":"unrestricted","domain":"dc=x","server":"ldap.x","serviceAccountUsername":"u","serviceAccountPassword":"p","tls":false,"loginDomain":"x","name":"x"}"#,
        "503 LdapDown -: ldapconfig cannot be enabled: logins are checked by localAuthConfig alone",
    ),
    row(
        Admin,
        "POST $v1/githubconfig",
        r#"{"enabled":true}"#,
        "503 NotConfigured -: githubconfig cannot be enabled: logins are checked by localAuthConfig alone",
    ),
    row(
        Nobody,
        "POST /token",
        r#"{"code":"root:secret"}"#,
        "500 NoAuthProvider -: nobody can log in before there is an administrator with a login",
    ).at(Place::Unclaimed),
    row(
        Nobody,
        "POST /token",
        r#"{"code":"alice:alice-secret"}"#,
        "403 AuthError -: you may not log in here: ask an administrator",
    ).at(Place::Strict),
    row(
        Root,
        "GET /stacks",
        "",
        "401 AuthProviderChanged -: this session was opened with another provider of logins; log in again",
    ).at(Place::Elsewhere),
    row(
        Nobody,
        "POST /token",
        r#"{"code":"root:correct horse"}"#,
        "503 NotConfigured -: the provider of logins `ldapconfig` cannot be used",
    ).at(Place::Elsewhere),
    row(
        Nobody,
        "POST /token",
        r#"{"code":"mallory:guess"}"#,
        "429 TooManyRequests -: too many wrong passwords for this login…",
    ).again(),
    // Events.
    row(
        Super,
        "POST /publish",
        r#"{"name":""}"#,
        "422 MissingRequired name: an event needs a name",
    ),
    // Machines, and what agents report.
    row(
        Root,
        "POST /machines",
        r#"{"name":"barn"}"#,
        "422 DriverConfigExactlyOneRequired -: give the configuration of exactly one machine driver, such as genericConfig",
    ),
    row(
        Super,
        "POST /containerevents",
        r#"{"reportedHostUuid":"barn","externalId":"cow"}"#,
        "403 CantVerifyAgent -: only the agent of a host reports what becomes of containers there",
    ),
    row(
        Super,
        "POST /serviceevents",
        r#"{"externalTimestamp":1,"healthcheckUuid":"a_b_1","reportedHealth":"UP"}"#,
        "422 CantVerifyHealthcheck healthcheckUuid: `a_b_1` is no check of a container by a host of this agent",
    ),
];
