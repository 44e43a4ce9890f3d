//! Storage drivers that are built in: what each can do, and what Docker's own driver is told for it.
//!
//! All of them need nothing on a host but its engine. Other drivers are Docker plugins, which a storage
//! driver service brings.

use std::collections::BTreeMap;

/// The driver of volumes that name none: Docker's own, on one host.
pub const LOCAL: &str = "local";
/// The capability of volumes whose content can be kept and put back.
pub const SNAPSHOT: &str = "snapshot";
/// The capability of drivers that can limit a volume's size.
pub const SIZE: &str = "schedule.size";

/// Options of a volume by name.
pub type Options = BTreeMap<String, String>;

/// A driver that is built in.
#[derive(Clone, Copy)]
pub struct BuiltIn {
    /// Its name.
    pub name: &'static str,
    /// Whether its volumes are the same ones on every host.
    pub is_shared: bool,
    /// Options of Docker's own driver for a volume with these options; the reason when they cannot be.
    pub options: fn(&Options) -> Result<Options, Problem>,
}

/// An option that is missing or wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Whether it is missing.
    pub missing: bool,
    /// What is wrong, for a person.
    pub message: String,
}

/// All of them.
pub const BUILT_IN: &[BuiltIn] = &[
    BuiltIn { name: "dir", is_shared: true, options: directory },
    BuiltIn { name: LOCAL, is_shared: false, options: as_they_are },
    BuiltIn { name: "nfs", is_shared: true, options: nfs },
];

/// The built-in driver of this name; no name means Docker's own.
pub fn built_in(name: &str) -> Option<&'static BuiltIn> {
    let name = if name.is_empty() { LOCAL } else { name };
    BUILT_IN.iter().find(|driver| driver.name == name)
}

/// Whether volumes of a driver are on the host of their first user and nowhere else.
pub fn is_local(driver: &str) -> bool {
    driver.is_empty() || driver == LOCAL
}

fn as_they_are(options: &Options) -> Result<Options, Problem> {
    Ok(options.clone())
}

fn wrong(message: String) -> Problem {
    Problem { missing: false, message }
}

/// The first option of these names that is given.
fn first<'a>(options: &'a Options, names: &[&str]) -> Option<&'a str> {
    names
        .iter()
        .find_map(|name| options.get(*name))
        .map(|value| value.trim())
        .filter(|v| !v.is_empty())
}

fn required<'a>(options: &'a Options, driver: &str, names: &[&str]) -> Result<&'a str, Problem> {
    first(options, names).ok_or_else(|| Problem {
        missing: true,
        message: format!(
            "a volume of driver `{driver}` needs the option `{}`",
            names.first().copied().unwrap_or_default()
        ),
    })
}

fn only_known(options: &Options, driver: &str, known: &[&str]) -> Result<(), Problem> {
    match options.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(wrong(format!(
            "driver `{driver}` has no option `{key}`; it has {}",
            known.join(", ")
        ))),
        None => Ok(()),
    }
}

/// An absolute path without a way up, and without what would end an option of `mount`.
fn path<'a>(value: &'a str, driver: &str) -> Result<&'a str, Problem> {
    let is_plain = value.starts_with('/')
        && !value.split('/').any(|part| part == "..")
        && !value.contains([',', '\0', '\n']);
    if is_plain {
        return Ok(value);
    }
    Err(wrong(format!("`{value}` is not an absolute path for a volume of driver `{driver}`")))
}

/// A directory that is on every host at the same path, such as one that they all have mounted.
fn directory(options: &Options) -> Result<Options, Problem> {
    only_known(options, "dir", &["path"])?;
    let path = path(required(options, "dir", &["path"])?, "dir")?;
    Ok(pairs([("type", "none"), ("o", "bind"), ("device", path)]))
}

/// A directory of an NFS server. The names are those of Docker's and of Rancher's drivers.
fn nfs(options: &Options) -> Result<Options, Problem> {
    const SERVER: &[&str] = &["server", "host"];
    const SHARE: &[&str] = &["share", "export"];
    const MOUNT: &[&str] = &["mountOptions", "mntOptions"];
    only_known(options, "nfs", &[SERVER, SHARE, MOUNT].concat())?;
    let server = required(options, "nfs", SERVER)?;
    if !server.chars().all(|c| c.is_ascii_alphanumeric() || ".-:[]_".contains(c)) {
        return Err(wrong(format!("`{server}` is not the name or address of an NFS server")));
    }
    let share = path(required(options, "nfs", SHARE)?, "nfs")?;
    let mount = first(options, MOUNT);
    if mount.is_some_and(|mount| mount.split(',').any(|word| word.starts_with("addr="))) {
        return Err(wrong("the address of an NFS server is given as `server`".to_owned()));
    }
    let mount = mount.map(|mount| format!(",{mount}")).unwrap_or_default();
    let (o, device) = (format!("addr={server}{mount}"), format!(":{share}"));
    Ok(pairs([("type", "nfs"), ("o", o.as_str()), ("device", device.as_str())]))
}

fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> Options {
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(driver: &str, options: &[(&str, &str)], expect: &str) {
        let options: Options =
            options.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let built_in = built_in(driver).expect("a driver");
        let found = match (built_in.options)(&options) {
            Ok(options) => {
                let shown: Vec<String> =
                    options.iter().map(|(key, value)| format!("{key}={value}")).collect();
                shown.join(" ")
            }
            Err(problem) => format!(
                "{}: {}",
                if problem.missing { "missing" } else { "wrong" },
                problem.message
            ),
        };
        assert_eq!(found, expect);
    }

    #[test]
    fn options_of_docker() {
        check("", &[("type", "tmpfs")], "type=tmpfs");
        check("dir", &[("path", "/mnt/all/data")], "device=/mnt/all/data o=bind type=none");
        check(
            "nfs",
            &[("server", "10.0.0.1"), ("share", "/export"), ("mountOptions", "nfsvers=4,soft")],
            "device=:/export o=addr=10.0.0.1,nfsvers=4,soft type=nfs",
        );
        check(
            "nfs",
            &[("host", "filer"), ("export", "/vol1")],
            "device=:/vol1 o=addr=filer type=nfs",
        );
    }

    #[test]
    fn wrong_options_are_named() {
        check("dir", &[], "missing: a volume of driver `dir` needs the option `path`");
        check(
            "dir",
            &[("path", "/mnt/../etc")],
            "wrong: `/mnt/../etc` is not an absolute path for a volume of driver `dir`",
        );
        check("dir", &[("size", "1")], "wrong: driver `dir` has no option `size`; it has path");
        check(
            "nfs",
            &[("share", "/x")],
            "missing: a volume of driver `nfs` needs the option `server`",
        );
        check(
            "nfs",
            &[("server", "a,b"), ("share", "/x")],
            "wrong: `a,b` is not the name or address of an NFS server",
        );
        check(
            "nfs",
            &[("server", "a"), ("share", "/x"), ("mntOptions", "addr=b")],
            "wrong: the address of an NFS server is given as `server`",
        );
    }

    #[test]
    fn names() {
        assert!(is_local("") && is_local("local") && !is_local("nfs"));
        assert!(built_in("rancher-nfs").is_none());
        assert!(BUILT_IN.is_sorted_by_key(|driver| driver.name));
    }
}
