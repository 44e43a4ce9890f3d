//! Settings: the table of all of them, and the layers that a value comes from.
//!
//! The table is `settings/table.tsv`: name, shape and default, one a line. It holds every setting of
//! Rancher 1.6, so that programs can read and store them; what has no meaning in one binary acts on
//! nothing. Names that are not in it can be stored all the same. A default may refer to another setting as
//! `${name}`.

use std::sync::OnceLock;

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
    /// Two ports with a dash between them, the lower one first.
    Ports,
    /// Text that only services are shown.
    Secret,
}

impl Shape {
    const ALL: &[(&str, Self)] = &[
        ("text", Self::Text),
        ("flag", Self::Flag),
        ("number", Self::Number),
        ("list", Self::List),
        ("ports", Self::Ports),
        ("secret", Self::Secret),
    ];
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
}

const TABLE: &str = include_str!("settings/table.tsv");

/// Every setting, sorted by name.
pub fn settings() -> &'static [Setting] {
    static SETTINGS: OnceLock<Vec<Setting>> = OnceLock::new();
    SETTINGS.get_or_init(|| TABLE.lines().filter_map(read).collect())
}

fn read(line: &'static str) -> Option<Setting> {
    let mut columns = line.split('\t');
    let (name, shape) = (columns.next()?, columns.next()?);
    let shape = Shape::ALL.iter().find(|known| known.0 == shape)?.1;
    Some(Setting { name, default: columns.next(), shape })
}

/// The setting of this name, if it is in the table.
pub fn setting(name: &str) -> Option<&'static Setting> {
    let all = settings();
    let index = all.binary_search_by(|setting| setting.name.cmp(name)).ok()?;
    all.get(index)
}

/// Name of the setting that lists the settings that everybody may read.
pub const PUBLIC: &str = "settings.public";
/// Whether callers must prove who they are.
pub const SECURITY: &str = "api.security.enabled";
/// The provider of logins.
pub const PROVIDER: &str = "api.auth.provider.configured";

/// Where a value comes from, the strongest first; after all of them come the defaults of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// `CATTLE_*` variables.
    Environment,
    /// What an administrator stored.
    Database,
    /// The server's own configuration.
    Configuration,
    /// `DEFAULT_CATTLE_*` variables.
    DefaultEnvironment,
}

impl Layer {
    /// All, the strongest first.
    pub const ALL: &[Self] =
        &[Self::Environment, Self::Database, Self::Configuration, Self::DefaultEnvironment];

    /// The word for it in `source`.
    pub const fn source(self) -> &'static str {
        match self {
            Self::Environment => "Environment Variables",
            Self::Database => "Database",
            Self::Configuration => "Configuration File",
            Self::DefaultEnvironment => "Default Environment Variables",
        }
    }

    /// The beginning of its variables, for the layers that come from the environment.
    pub const fn variables(self) -> Option<&'static str> {
        match self {
            Self::Environment => Some("CATTLE_"),
            Self::DefaultEnvironment => Some("DEFAULT_CATTLE_"),
            Self::Database | Self::Configuration => None,
        }
    }
}

/// The word in `source` for a default of the table.
pub const PACKAGED: &str = "Code Packaged Defaults";

/// What a variable is called without its prefix: `A_B_C` for `a.b.c`.
fn variable(name: &str) -> String {
    name.to_ascii_uppercase().replace('.', "_")
}

/// The settings that variables with this prefix set, sorted by name. Blank ones set nothing. A setting in
/// the table is found whatever letters and underscores its name has; another is called as the variable is,
/// in lower case with dots.
pub fn from_variables(environment: &[(String, String)], prefix: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = environment
        .iter()
        .filter(|(_, value)| !value.trim().is_empty())
        .filter_map(|(name, value)| {
            let rest = name.strip_prefix(prefix).filter(|rest| !rest.is_empty())?;
            let known = settings().iter().find(|setting| variable(setting.name) == rest);
            let name = match known {
                Some(setting) => setting.name.to_owned(),
                None => rest.to_ascii_lowercase().replace('_', "."),
            };
            Some((name, value.trim().to_owned()))
        })
        .collect();
    found.sort();
    found.dedup_by(|later, first| later.0 == first.0);
    found
}

/// References followed one after the other at most: a circle ends there.
const DEPTH: usize = 8;

/// A value with its references `${name}` replaced. One that leads nowhere stays as it is.
pub fn expand(value: &str, look: &dyn Fn(&str) -> Option<String>) -> String {
    expanded(value, look, DEPTH)
}

fn expanded(value: &str, look: &dyn Fn(&str) -> Option<String>, depth: usize) -> String {
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, after)) = after.split_once('}') else { break };
        out.push_str(before);
        match look(name).filter(|_| depth > 0) {
            Some(found) => out.push_str(&expanded(&found, look, depth - 1)),
            None => out.push_str(&format!("${{{name}}}")),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// A range of ports, `49153-65535`.
pub fn port_range(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.trim().split_once('-')?;
    let range = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    (0 < range.0 && range.0 <= range.1).then_some(range)
}

/// The code for a text that is no range of ports: which of its parts is wrong.
pub fn port_range_code(text: &str) -> &'static str {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_port = |text: &str| text.parse::<u16>().is_ok_and(|port| port > 0);
    match text.trim().split_once('-').map(|(first, last)| (first.trim(), last.trim())) {
        Some((first, _)) if is_number(first) && !is_port(first) => "PortInvalidStartPort",
        Some((_, last)) if is_number(last) && !is_port(last) => "PortInvalidEndPort",
        Some(_) | None => "PortRangeWrongFormat",
    }
}

impl Setting {
    /// What is wrong with a value, for a person; `None` if nothing is.
    ///
    /// A blank value is accepted everywhere: it stands for the default.
    pub fn complaint(&self, value: &str) -> Option<String> {
        let value = value.trim();
        let fits = value.is_empty()
            || match self.shape {
                Shape::Text | Shape::List | Shape::Secret => true,
                Shape::Flag => matches!(value, "true" | "false"),
                Shape::Number => value.parse::<i64>().is_ok(),
                Shape::Ports => port_range(value).is_some(),
            };
        let wanted = match self.shape {
            Shape::Text | Shape::List | Shape::Secret => "text",
            Shape::Flag => "true or false",
            Shape::Number => "a whole number",
            Shape::Ports => "a range of ports such as `49153-65535`",
        };
        (!fits).then(|| format!("setting `{}` takes {wanted}, not `{value}`", self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_its_defaults_fit() {
        assert_eq!(settings().len(), TABLE.lines().count(), "every line is read");
        assert!(settings().is_sorted_by(|a, b| a.name < b.name));
        for entry in settings() {
            assert_eq!(entry.default.and_then(|value| entry.complaint(value)), None);
            assert_eq!(setting(entry.name).map(|found| found.name), Some(entry.name));
        }
        let public = setting(PUBLIC).and_then(|setting| setting.default).expect("a default");
        for name in public.split(',').map(str::trim).chain([SECURITY, PROVIDER]) {
            assert!(setting(name).is_some(), "{name}");
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
    }

    #[test]
    fn variables_become_settings() {
        let environment: Vec<(String, String)> = [
            ("CATTLE_API_HOST", " http://h "),
            ("CATTLE_AUDIT_LOG_PURGE_AFTER_SECONDS", "60"),
            ("CATTLE_ACTIVATE_BY_DEFAULT_EXTERNALHANDLER", "false"),
            ("CATTLE_MY_OWN", "x"),
            ("CATTLE_BLANK", " "),
            ("CATTLE_", "x"),
            ("DEFAULT_CATTLE_API_HOST", "http://d"),
            ("HOME", "/root"),
        ]
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
        let check = |layer: Layer, expect: &[(&str, &str)]| {
            let found = from_variables(&environment, layer.variables().expect("a prefix"));
            let found: Vec<_> = found.iter().map(|row| (row.0.as_str(), row.1.as_str())).collect();
            assert_eq!(found, expect, "{layer:?}");
        };
        check(
            Layer::Environment,
            &[
                ("activate.by.default.externalHandler", "false"),
                ("api.host", "http://h"),
                ("audit_log.purge.after.seconds", "60"),
                ("my.own", "x"),
            ],
        );
        check(Layer::DefaultEnvironment, &[("api.host", "http://d")]);
    }

    #[test]
    fn references_are_followed() {
        let look = |name: &str| match name {
            "a" => Some("1${b}".to_owned()),
            "b" => Some("2".to_owned()),
            "circle" => Some("${circle}".to_owned()),
            _ => None,
        };
        for (value, expect) in [
            ("x", "x"),
            ("<${a}|${b}>", "<12|2>"),
            ("${none}", "${none}"),
            ("${circle}", "${circle}"),
            ("${a", "${a"),
            ("$a{b}", "$a{b}"),
        ] {
            assert_eq!(expand(value, &look), expect, "{value}");
        }
    }
}
