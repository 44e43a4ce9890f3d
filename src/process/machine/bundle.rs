//! What somebody needs to log in at a machine, as an archive: laid out as docker-machine keeps it, which is
//! what clients of Rancher's `config` link read.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Map, Value, json};

use super::login;
use crate::engine::machine::{Login, Proof};
use crate::error::{Error, Result};
use crate::model::driver::config_field;
use crate::model::resource::Resource;
use crate::vault::Vault;

/// Where a machine's row keeps the public key it is known by.
pub const PUBLIC_KEY: &str = "hostPublicKey";

/// Mode of files with a secret in them.
const SECRET: u32 = 0o600;
/// Mode of other files.
const PLAIN: u32 = 0o644;

/// A file of the archive.
struct Entry {
    name: &'static str,
    mode: u32,
    content: Vec<u8>,
}

/// The archive of a machine that a driver made, `.tar.gz`: its options, the private key to log in with, and
/// the key that the machine is known by. Passwords and passphrases are left out: nobody is shown them again.
///
/// # Errors
/// 422 when the machine has no address, 500 when its secrets do not open.
pub fn archive(vault: &Vault, machine: &Resource) -> Result<Vec<u8>> {
    let (login, _) = login::login(vault, machine)?;
    let folder = format!("machines/{}", folder(&machine.display_name()));
    let mtime = u64::try_from(machine.created.div_euclid(1000)).unwrap_or(0);
    packed(&folder, mtime, &entries(machine, &login)?).map_err(Error::internal)
}

fn entries(machine: &Resource, login: &Login) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    let options = serde_json::to_vec_pretty(&options(machine, login)).map_err(Error::internal)?;
    entries.push(Entry { name: "config.json", mode: SECRET, content: options });
    if let Proof::Key { text, .. } = &login.proof {
        let mut content = text.trim_end().as_bytes().to_vec();
        content.push(b'\n');
        entries.push(Entry { name: "id_rsa", mode: SECRET, content });
    }
    if let Some(key) = machine.str(PUBLIC_KEY) {
        let line = format!("{} {key}\n", known_as(&login.host, login.port));
        entries.push(Entry { name: "known_hosts", mode: PLAIN, content: line.into_bytes() });
    }
    Ok(entries)
}

/// `config.json`, as docker-machine has it, and besides what the driver was given.
fn options(machine: &Resource, login: &Login) -> Value {
    let driver = machine.str("driver").unwrap_or_default();
    let given = machine.map(&config_field(driver)).cloned().unwrap_or_default();
    let mut options = json!({
        "ConfigVersion": 3,
        "DriverName": driver,
        "Name": machine.display_name(),
        "Driver": {
            "IPAddress": login.host,
            "MachineName": machine.display_name(),
            "SSHPort": login.port,
            "SSHUser": login.user,
        },
    });
    if matches!(login.proof, Proof::Key { .. }) {
        options["Driver"]["SSHKeyPath"] = "id_rsa".into();
    }
    if let Some(fingerprint) = &login.host_key {
        options["Driver"]["HostKey"] = fingerprint.as_str().into();
    }
    options[config_field(driver)] = Value::Object(given);
    options["HostOptions"] = json!({ "EngineOptions": Value::Object(engine(machine)) });
    options
}

/// What the machine was to be given of Docker's own options.
fn engine(machine: &Resource) -> Map<String, Value> {
    const FIELDS: &[(&str, &str)] = &[
        ("engineEnv", "Env"),
        ("engineInsecureRegistry", "InsecureRegistry"),
        ("engineInstallUrl", "InstallURL"),
        ("engineLabel", "Labels"),
        ("engineOpt", "ArbitraryFlags"),
        ("engineRegistryMirror", "RegistryMirror"),
        ("engineStorageDriver", "StorageDriver"),
    ];
    let known = FIELDS.iter().filter_map(|(field, name)| {
        let value = machine.data.get(*field).filter(|value| !value.is_null())?;
        Some(((*name).to_owned(), value.clone()))
    });
    known.collect()
}

/// How a file of known hosts names a machine.
fn known_as(host: &str, port: u16) -> String {
    match port {
        22 => host.to_owned(),
        _ => format!("[{host}]:{port}"),
    }
}

/// A machine's name as that of a folder.
fn folder(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name: String = name.chars().map(|c| if plain(c) { c } else { '_' }).collect();
    if name.starts_with('.') { format!("_{name}") } else { name }
}

fn packed(folder: &str, mtime: u64, entries: &[Entry]) -> io::Result<Vec<u8>> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    for entry in entries {
        let mut header = tar::Header::new_gnu();
        header.set_size(u64::try_from(entry.content.len()).map_err(io::Error::other)?);
        header.set_mode(entry.mode);
        header.set_mtime(mtime);
        let path = format!("{folder}/{}", entry.name);
        tar.append_data(&mut header, path, entry.content.as_slice())?;
    }
    let mut zip = tar.into_inner()?;
    zip.flush()?;
    zip.finish()
}

#[cfg(test)]
mod tests {
    use super::{folder, known_as};

    #[test]
    fn folders_are_below_their_own() {
        for (name, expect) in [
            ("barn", "barn"),
            ("the barn", "the_barn"),
            ("../../etc", "_.._.._etc"),
            ("..", "_.."),
            ("a/b", "a_b"),
        ] {
            assert_eq!(folder(name), expect, "{name}");
        }
    }

    #[test]
    fn machines_are_known_by_name_and_port() {
        assert_eq!(known_as("192.0.2.7", 22), "192.0.2.7");
        assert_eq!(known_as("barn", 2222), "[barn]:2222");
    }
}
