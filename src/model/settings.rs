//! The settings that are in use, with their defaults: what `GET /settings` lists.
//!
//! A value comes from the environment (`CATTLE_A_B_C` for `a.b.c`), else from the database, else from
//! this table. Names that are not in it can be stored all the same; nothing reads them.

/// Shape of a setting's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Any text.
    Text,
    /// `true` or `false`.
    Flag,
    /// An integer.
    Number,
    /// Words with commas between them.
    List,
}

/// A setting.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Name, which is also its id.
    pub name: &'static str,
    /// Value when nobody has set it.
    pub default: Option<&'static str>,
    /// Shape of the value.
    pub shape: Shape,
    /// Whether everyone who is logged in may read it.
    pub public: bool,
}

const fn public(name: &'static str, default: Option<&'static str>) -> Setting {
    Setting { name, default, shape: Shape::Text, public: true }
}

const fn private(name: &'static str, shape: Shape, default: Option<&'static str>) -> Setting {
    Setting { name, default, shape, public: false }
}

/// Roles that may change hosts and system stacks, unless the setting says otherwise.
const INFRASTRUCTURE_ROLES: &str = "superadmin,admin,service,owner,member,project,environment,\
     projectadmin,agent,v1-superadmin,v1-admin,v1-service,v1-owner,v1-member,v1-project,\
     v1-environment,v1-projectadmin,v1-agent";

/// Every setting, sorted by name.
pub const SETTINGS: &[Setting] = &[
    public("account.version", Some("2")),
    private("allow.restricted.user.exec", Shape::Flag, Some("false")),
    private("api.auth.jwt.token.expiry", Shape::Number, Some("57600000")),
    private("api.auth.local.access.mode", Shape::Text, None),
    public("api.auth.local.validate.description", Some("")),
    private("api.auth.local.validate.url", Shape::Text, Some("")),
    private("api.auth.provider.configured", Shape::Text, None),
    private(
        "api.auth.realm",
        Shape::Text,
        Some("Enter API access key and secret key as username and password"),
    ),
    private("api.auth.restrict.concurrent.sessions", Shape::Flag, Some("false")),
    public("api.auth.shibboleth.redirect.whitelist", Some("")),
    public("api.host", None),
    private("api.security.enabled", Shape::Flag, Some("false")),
    public("api.ui.index", None),
    private("audit_log.purge.after.seconds", Shape::Number, Some("2592000")),
    private("catalog.refresh.interval.seconds", Shape::Number, Some("300")),
    public("catalog.url", Some("{\"catalogs\":{}}")),
    // The release of Rancher whose API this is: clients compare it with their own.
    public("cattle.version", Some("v0.183.83")),
    public("docker.machine.version", None),
    public("engine.install.url", None),
    private("environment.services.port.range", Shape::Text, Some("49153-65535")),
    private("events.purge.after.seconds", Shape::Number, Some("43200")),
    public("go.machine.service.version", None),
    private("host.remove.delay.seconds", Shape::Number, Some("-1")),
    public("ipsec.service.enable.healthcheck", Some("false")),
    public("lb.instance.image", Some("rancher/lb-service-haproxy:v0.9.14")),
    private("main_tables.purge.after.seconds", Shape::Number, Some("172800")),
    private("modify.infrastructure.roles", Shape::List, Some(INFRASTRUCTURE_ROLES)),
    public("newest.docker.version", Some("v19.03.2")),
    private("process_instance.purge.after.seconds", Shape::Number, Some("3600")),
    private("project.create.default", Shape::Flag, Some("true")),
    private("project.set.member.roles", Shape::List, Some("owner")),
    public("project.template.default.name", Some("Cattle")),
    public("rancher.cli.darwin.url", None),
    public("rancher.cli.linux.url", None),
    public("rancher.cli.version", None),
    public("rancher.cli.windows.url", None),
    public("rancher.compose.darwin.url", None),
    public("rancher.compose.linux.url", None),
    public("rancher.compose.version", None),
    public("rancher.compose.windows.url", None),
    public("rancher.server.image", Some("ranchette")),
    public("rancher.server.version", Some("v1.6.30")),
    private("service_log.purge.after.seconds", Shape::Number, Some("86400")),
    private("subscribe.max.queued.messages", Shape::Number, Some("100")),
    public("supported.docker.range", Some(">=1.12.3")),
    public("swarm.tls.port", None),
    public("telemetry.opt", Some("out")),
    public("ui.feedback.form", None),
    public("ui.show.custom.host", Some("true")),
    public("ui.show.system", Some("default_hide")),
    private("upgrade.manager", Shape::Text, Some("mandatory")),
    public("vm.enabled", Some("false")),
];

/// The setting of this name, if it is one that is in use.
pub fn setting(name: &str) -> Option<&'static Setting> {
    SETTINGS
        .binary_search_by(|setting| setting.name.cmp(name))
        .ok()
        .and_then(|index| SETTINGS.get(index))
}

/// The environment variable that overrides a setting.
pub fn variable(name: &str) -> String {
    format!("CATTLE_{}", name.to_ascii_uppercase().replace('.', "_"))
}

impl Setting {
    /// What is wrong with a value, for a person; `None` if nothing is.
    ///
    /// A blank value is accepted everywhere: it stands for the default.
    pub fn complaint(&self, value: &str) -> Option<String> {
        let value = value.trim();
        let fits = value.is_empty()
            || match self.shape {
                Shape::Text | Shape::List => true,
                Shape::Flag => matches!(value, "true" | "false"),
                Shape::Number => value.parse::<i64>().is_ok(),
            };
        let wanted = match self.shape {
            Shape::Text | Shape::List => "text",
            Shape::Flag => "true or false",
            Shape::Number => "a whole number",
        };
        (!fits).then(|| format!("setting `{}` takes {wanted}, not `{value}`", self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_its_defaults_fit() {
        assert!(SETTINGS.is_sorted_by_key(|setting| setting.name));
        for entry in SETTINGS {
            assert_eq!(entry.default.and_then(|value| entry.complaint(value)), None);
            assert_eq!(setting(entry.name).map(|found| found.name), Some(entry.name));
        }
    }

    #[test]
    fn a_bad_value_is_explained() {
        let expiry = setting("api.auth.jwt.token.expiry").expect("a setting");
        assert_eq!(
            expiry.complaint("soon").as_deref(),
            Some("setting `api.auth.jwt.token.expiry` takes a whole number, not `soon`")
        );
        assert_eq!(expiry.complaint(" "), None);
        assert_eq!(variable("api.auth.jwt.token.expiry"), "CATTLE_API_AUTH_JWT_TOKEN_EXPIRY");
    }
}
