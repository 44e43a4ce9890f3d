//! One option's place in [`Config`](super::Config): how a value is read into it, what it allows
//! and how it is written in TOML.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Component, Path, PathBuf};

use ipnet::{IpNet, Ipv4Net};

use super::sections::{LogFormat, LogLevel};

/// A value as a source gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// A TOML string.
    Text(String),
    /// A TOML integer.
    Number(i64),
    /// A TOML boolean.
    Switch(bool),
    /// A TOML array of strings.
    List(Vec<String>),
    /// Any other TOML value, as it was written; no option takes one.
    Other(String),
    /// Text from the environment or a flag, which has no type of its own.
    Words(String),
}

impl Given {
    /// As a person wrote it, for messages.
    pub fn shown(&self) -> String {
        match self {
            Given::Text(s) | Given::Words(s) => quoted(s),
            Given::Number(n) => n.to_string(),
            Given::Switch(b) => b.to_string(),
            Given::List(items) => list(items),
            Given::Other(s) => s.clone(),
        }
    }

    fn text(&self) -> Option<&str> {
        match self {
            Given::Text(s) | Given::Words(s) => Some(s),
            Given::Number(_) | Given::Switch(_) | Given::List(_) | Given::Other(_) => None,
        }
    }

    fn number(&self) -> Option<u64> {
        match self {
            Given::Number(n) => u64::try_from(*n).ok(),
            Given::Words(s) => s.trim().parse().ok(),
            Given::Text(_) | Given::Switch(_) | Given::List(_) | Given::Other(_) => None,
        }
    }

    fn switch(&self) -> Option<bool> {
        match self {
            Given::Switch(b) => Some(*b),
            Given::Words(s) => match s.trim().to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" | "1" => Some(true),
                "false" | "no" | "off" | "0" => Some(false),
                _ => None,
            },
            Given::Text(_) | Given::Number(_) | Given::List(_) | Given::Other(_) => None,
        }
    }

    /// Items of a list; in the environment and in flags they are separated by commas.
    fn items(&self) -> Option<Vec<String>> {
        match self {
            Given::List(items) => Some(items.clone()),
            Given::Words(s) => Some(
                s.split(',').map(str::trim).filter(|i| !i.is_empty()).map(Into::into).collect(),
            ),
            Given::Text(_) | Given::Number(_) | Given::Switch(_) | Given::Other(_) => None,
        }
    }
}

/// A mutable field of the configuration, by the kind of value it takes.
pub enum Slot<'a> {
    /// IP address and port.
    Address(&'a mut SocketAddr),
    /// A path; empty means "work it out".
    Path(&'a mut PathBuf),
    /// An http or https URL; empty means "none".
    Url(&'a mut String),
    /// Where a Docker Engine listens.
    Engine(&'a mut String),
    /// An IP address; empty means "work it out".
    Ip(&'a mut Option<IpAddr>),
    /// A whole number within bounds.
    Count(&'a mut usize, RangeInclusive<u64>),
    /// A whole number within bounds, for libraries that take 32 bits.
    Small(&'a mut u32, RangeInclusive<u64>),
    /// A whole number within bounds: seconds and seeds.
    Long(&'a mut u64, RangeInclusive<u64>),
    /// true or false.
    Switch(&'a mut bool),
    /// Addresses and address ranges.
    Ranges(&'a mut Vec<IpNet>),
    /// Origins of pages: scheme, host and port.
    Origins(&'a mut Vec<String>),
    /// Catalogs: a name and where they are.
    Sources(&'a mut Vec<String>),
    /// Absolute paths of directories.
    Folders(&'a mut Vec<PathBuf>),
    /// One IPv4 network.
    Subnet(&'a mut Ipv4Net),
    /// How much is logged.
    Level(&'a mut LogLevel),
    /// How it is logged.
    Format(&'a mut LogFormat),
}

impl Slot<'_> {
    /// Stores the value; `None` leaves the field as it was, because the value is not allowed.
    pub fn set(self, given: &Given) -> Option<()> {
        match self {
            Slot::Address(to) => *to = given.text()?.parse().ok()?,
            Slot::Path(to) => *to = PathBuf::from(given.text()?),
            Slot::Url(to) => *to = url(given.text()?)?,
            Slot::Engine(to) => *to = engine(given.text()?)?,
            Slot::Ip(to) => {
                let text = given.text()?;
                *to = if text.is_empty() { None } else { Some(text.parse().ok()?) };
            }
            Slot::Count(to, range) => *to = usize::try_from(within(given, &range)?).ok()?,
            Slot::Small(to, range) => *to = u32::try_from(within(given, &range)?).ok()?,
            Slot::Long(to, range) => *to = within(given, &range)?,
            Slot::Switch(to) => *to = given.switch()?,
            Slot::Ranges(to) => {
                *to = given.items()?.iter().map(|i| range(i)).collect::<Option<_>>()?;
            }
            Slot::Origins(to) => {
                *to = given.items()?.iter().map(|i| origin(i)).collect::<Option<_>>()?;
            }
            Slot::Sources(to) => {
                *to = given.items()?.iter().map(|i| source(i)).collect::<Option<_>>()?;
            }
            Slot::Folders(to) => {
                *to = given.items()?.iter().map(|i| folder(i)).collect::<Option<_>>()?;
            }
            Slot::Subnet(to) => *to = subnet(given.text()?)?,
            Slot::Level(to) => *to = LogLevel::named(given.text()?)?,
            Slot::Format(to) => *to = LogFormat::named(given.text()?)?,
        }
        Some(())
    }

    /// What may stand here, as words that follow "allowed is".
    pub fn allowed(&self) -> String {
        match self {
            Slot::Address(_) => {
                "an IP address and a port, such as \"127.0.0.1:8080\" or \"[::1]:8080\"".into()
            }
            Slot::Path(_) => "a path, or \"\" for the usual place".into(),
            Slot::Url(_) => {
                "an http or https URL without query, such as \"https://ranch.example\", or \"\""
                    .into()
            }
            Slot::Engine(_) => {
                "a socket, \"unix:///path\", or an address, \"tcp://host:port\"".into()
            }
            Slot::Ip(_) => "an IP address, such as \"192.0.2.7\", or \"\"".into(),
            Slot::Count(_, range) | Slot::Small(_, range) | Slot::Long(_, range) => {
                format!("a whole number from {} to {}", range.start(), range.end())
            }
            Slot::Switch(_) => "true or false".into(),
            Slot::Ranges(_) => {
                "a list of addresses and ranges, such as [\"127.0.0.1\", \"10.0.0.0/8\"]".into()
            }
            Slot::Origins(_) => {
                "a list of origins without a path, such as [\"https://app.example\"]".into()
            }
            Slot::Sources(_) => {
                "a list such as [\"home=/srv/catalog\", \"other=https://git.example/catalog.git\"]"
                    .into()
            }
            Slot::Folders(_) => {
                "a list of absolute paths without `..`, not of `/` itself, such as [\"/opt/stacks\"]"
                    .into()
            }
            Slot::Subnet(_) => {
                "an IPv4 network of /8 to /24 without host bits, such as \"10.42.0.0/16\"".into()
            }
            Slot::Level(_) => "\"error\", \"warn\", \"info\", \"debug\" or \"trace\"".into(),
            Slot::Format(_) => "\"text\" or \"json\"".into(),
        }
    }

    /// The value it holds, in TOML.
    pub fn shown(&self) -> String {
        match self {
            Slot::Address(v) => quoted(&v.to_string()),
            Slot::Path(v) => quoted(&v.to_string_lossy()),
            Slot::Url(v) | Slot::Engine(v) => quoted(v),
            Slot::Ip(v) => quoted(&v.map(|ip| ip.to_string()).unwrap_or_default()),
            Slot::Count(v, _) => v.to_string(),
            Slot::Small(v, _) => v.to_string(),
            Slot::Long(v, _) => v.to_string(),
            Slot::Switch(v) => v.to_string(),
            Slot::Ranges(v) => list(&v.iter().map(ToString::to_string).collect::<Vec<_>>()),
            Slot::Origins(v) | Slot::Sources(v) => list(v),
            Slot::Folders(v) => {
                list(&v.iter().map(|path| path.to_string_lossy().into_owned()).collect::<Vec<_>>())
            }
            Slot::Subnet(v) => quoted(&v.to_string()),
            Slot::Level(v) => quoted(v.name()),
            Slot::Format(v) => quoted(v.name()),
        }
    }
}

/// A catalog's name and a place that could be one; which, says whoever reads it.
fn source(text: &str) -> Option<String> {
    let (name, place) = text.trim().split_once('=')?;
    let named = !name.is_empty() && !name.contains(char::is_whitespace);
    (named && (place.starts_with('/') || place.contains("://"))).then(|| text.trim().to_owned())
}

/// A directory whose path says where it is.
fn folder(text: &str) -> Option<PathBuf> {
    let path = Path::new(text.trim());
    let plain = |part| matches!(part, Component::RootDir | Component::Normal(_));
    let is_fit = path.is_absolute() && path.components().all(plain) && path.parent().is_some();
    is_fit.then(|| path.components().collect())
}

fn within(given: &Given, range: &RangeInclusive<u64>) -> Option<u64> {
    given.number().filter(|n| range.contains(n))
}

/// A public URL is a prefix for links, so its trailing slash goes and a query makes no sense.
fn url(text: &str) -> Option<String> {
    if text.is_empty() {
        return Some(String::new());
    }
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"))?;
    let host = rest.split('/').next().filter(|host| !host.is_empty() && *host != ":")?;
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '?' | '#' | '"' | '\\');
    (rest.chars().all(plain) && !host.contains('@')).then(|| text.trim_end_matches('/').to_owned())
}

fn engine(text: &str) -> Option<String> {
    let right = match text.split_once("://")? {
        ("unix", path) => path.starts_with('/') && path.len() > 1,
        ("tcp" | "http", address) => {
            let (host, port) = address.trim_end_matches('/').rsplit_once(':')?;
            !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0)
        }
        _ => false,
    };
    right.then(|| text.to_owned())
}

/// As browsers write it: lower case, no trailing slash.
fn origin(text: &str) -> Option<String> {
    let url = url(text).filter(|url| !url.is_empty())?;
    let host = url.split_once("://")?.1;
    (!host.contains('/')).then(|| url.to_ascii_lowercase())
}

/// One address counts as the range that holds only it.
fn range(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// Host bits are refused instead of cut off: they mean that something else was intended.
fn subnet(text: &str) -> Option<Ipv4Net> {
    let net: Ipv4Net = text.parse().ok()?;
    ((8..=24).contains(&net.prefix_len()) && net.trunc() == net).then_some(net)
}

/// A TOML basic string on one line: JSON's escapes are TOML's, except that TOML has one for DEL.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007F")
}

fn list(items: &[String]) -> String {
    format!("[{}]", items.iter().map(|i| quoted(i)).collect::<Vec<_>>().join(", "))
}
