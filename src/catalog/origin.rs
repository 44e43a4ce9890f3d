//! Where catalogs come from: the words that name them, read and checked. Pure.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use serde_json::Value;

use crate::outbound::Rules;

/// Letters of a catalog's name.
const MAX_NAME: usize = 63;

/// Who sees a catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Everyone.
    Global,
    /// Whoever acts in this environment.
    Environment(i64),
}

/// Where a catalog's files are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// In the program.
    Builtin,
    /// In a folder of this machine, which only an administrator may name.
    Folder(PathBuf),
    /// In a git repository, in a branch or its own first one.
    Git { url: String, branch: String },
}

/// A catalog before it is read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    pub scope: Scope,
    pub name: String,
    pub place: Place,
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Builtin => write!(out, "builtin"),
            Place::Folder(path) => write!(out, "{}", path.display()),
            Place::Git { url, .. } => write!(out, "{url}"),
        }
    }
}

impl Place {
    /// The branch of a repository.
    pub fn branch(&self) -> &str {
        match self {
            Place::Git { branch, .. } => branch,
            Place::Builtin | Place::Folder(_) => "",
        }
    }
}

/// Name of the catalog that is in the program.
pub const BUILTIN: &str = "ranchette";

/// What is wrong with a name, if anything: it becomes a part of ids.
pub fn name_complaint(name: &str) -> Option<String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let good = !name.is_empty()
        && name.len() <= MAX_NAME
        && name.chars().all(fits)
        && name.starts_with(|c: char| c.is_ascii_alphanumeric());
    (!good).then(|| {
        format!("`{name}` cannot be a catalog's name: letters, digits, `-`, `_`, `.`, at most {MAX_NAME}")
    })
}

/// Who names a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voice {
    /// The configuration or an administrator: folders of the machine and everything else.
    Trusted,
    /// Somebody in an environment: only repositories elsewhere.
    Anyone,
}

/// A place by its address: a folder's absolute path, or a repository's URL.
///
/// # Errors
/// With a sentence for a person when it is neither, or may not be named by this voice.
pub fn place(url: &str, branch: &str, voice: Voice) -> Result<Place, String> {
    let url = url.trim();
    let shown = || if url.contains('@') { "the address".to_owned() } else { format!("`{url}`") };
    if url.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(format!("{} has blanks in it", shown()));
    }
    if !is_branch(branch) {
        return Err(format!("`{branch}` cannot be a branch"));
    }
    let folder = url.strip_prefix("file://").unwrap_or(url);
    if folder.starts_with('/') {
        if voice == Voice::Anyone {
            return Err("folders of the server are catalogs only for everyone: an administrator \
                        names them in the setting `catalog.url` or in the configuration"
                .to_owned());
        }
        let path = PathBuf::from(folder);
        if path.components().any(|part| part == std::path::Component::ParentDir) {
            return Err(format!("{} has `..` in it", shown()));
        }
        // A branch tells a repository in a folder from the folder itself.
        return Ok(match (branch.is_empty(), url == folder && !folder.ends_with(".git")) {
            (true, true) => Place::Folder(path),
            _ => Place::Git { url: format!("file://{folder}"), branch: branch.to_owned() },
        });
    }
    let Some((scheme, rest)) = url.split_once("://") else {
        return Err(format!("{} is neither an absolute path nor a URL", shown()));
    };
    if !["http", "https", "git", "ssh"].contains(&scheme) {
        return Err(format!(
            "{} is not a URL of a git repository: http, https, git or ssh",
            shown()
        ));
    }
    let authority = rest.split('/').next().unwrap_or_default();
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    if user.contains(':') || (!user.is_empty() && scheme != "ssh") {
        return Err("an address must not have a password in it: it would be shown".to_owned());
    }
    if host.is_empty() || host.starts_with(['-', ':']) || user.starts_with('-') {
        return Err(format!("{} names no host", shown()));
    }
    if voice == Voice::Anyone && !scheme.starts_with("http") {
        return Err(format!("{} is neither http nor https", shown()));
    }
    if voice == Voice::Anyone && is_inside(host) {
        return Err(format!("{} leads to the server itself or beside it", shown()));
    }
    Ok(Place::Git { url: url.to_owned(), branch: branch.to_owned() })
}

/// Whether git takes it as a branch and as nothing else.
fn is_branch(branch: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_./+@".contains(c);
    branch.chars().all(fits)
        && branch.len() <= 255
        && !branch.starts_with(['-', '/', '.'])
        && !branch.contains("..")
        && !branch.contains("@{")
}

/// Whether a host of a URL is this machine or what only this machine reaches, as far as its name tells.
fn is_inside(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    match name.parse::<IpAddr>() {
        Ok(address) => is_inside_address(address),
        // Numbers that resolvers take as addresses, and names that lead here.
        Err(_) => {
            let number = name.rsplit('.').next().unwrap_or_default();
            let numeric = number.starts_with("0x") || number.chars().all(|c| c.is_ascii_digit());
            numeric || name == "localhost" || name.ends_with(".localhost")
        }
    }
}

/// Whether an address is this machine's own or leads to what only this machine reaches, such as a cloud's
/// metadata.
pub fn is_inside_address(address: IpAddr) -> bool {
    Rules::default().check(address).is_err()
}

/// The catalogs of a setting `catalog.url`: Rancher's JSON, or `name=url,name=url`.
///
/// # Errors
/// With a sentence for a person.
pub fn parse_setting(text: &str) -> Result<Vec<Origin>, String> {
    let text = text.trim();
    if !text.starts_with('{') {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        return entries.map(|entry| parse_source(entry, Scope::Global)).collect();
    }
    let value: Value = serde_json::from_str(text).map_err(|why| format!("no JSON: {why}"))?;
    let catalogs: BTreeMap<&String, &Value> = match value.get("catalogs") {
        None | Some(Value::Null) => BTreeMap::new(),
        Some(Value::Object(catalogs)) => catalogs.iter().collect(),
        Some(_) => return Err("`catalogs` is an object of catalogs by name".to_owned()),
    };
    let origin = |(name, entry): (&String, &Value)| {
        let get = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default();
        let url = entry.as_str().unwrap_or_else(|| get("url"));
        global(name, url, get("branch"))
    };
    catalogs.into_iter().map(origin).collect()
}

/// A catalog as `name=address` or `name=address#branch`.
///
/// # Errors
/// With a sentence for a person.
pub fn parse_source(text: &str, scope: Scope) -> Result<Origin, String> {
    let Some((name, address)) = text.split_once('=') else {
        return Err(format!("`{text}` is not `name=address`"));
    };
    let (url, branch) = address.split_once('#').unwrap_or((address, ""));
    Ok(Origin { scope, ..global(name.trim(), url, branch)? })
}

fn global(name: &str, url: &str, branch: &str) -> Result<Origin, String> {
    if let Some(complaint) = name_complaint(name) {
        return Err(complaint);
    }
    let place =
        place(url, branch, Voice::Trusted).map_err(|why| format!("catalog `{name}`: {why}"))?;
    Ok(Origin { scope: Scope::Global, name: name.to_owned(), place })
}
