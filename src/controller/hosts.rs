//! Hosts that register by themselves: the local Docker Engine, or the hosts of a simulated fleet.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::engine::EngineInfo;
use crate::error::Result;
use crate::model::resource::{NewResource, Resource};
use crate::process::site::Site;
use crate::process::{self};
use crate::store::{Store, Tx};

const MB: u64 = 1 << 20;

/// Finds or makes the host row of an engine, known by the address it is reached at. `None` for one that
/// somebody has removed: an engine registers by itself only once.
///
/// # Errors
/// When the database fails.
pub async fn register(
    site: &Arc<Site>,
    environment: i64,
    address: &str,
    hostname: &str,
) -> Result<Option<i64>> {
    let (address, hostname) = (address.to_owned(), hostname.to_owned());
    let uuid = site.entropy.uuid();
    site.store
        .write(move |tx| {
            if let Some(host) = known(tx, &address)? {
                return Ok(Some(host.id));
            }
            let registered = registered(&address);
            if tx.fact(&registered)?.is_some_and(|host| !host.is_empty()) {
                return Ok(None);
            }
            let host = NewResource::new("host", uuid)
                .kind("docker")
                .name(hostname.clone())
                .account(environment)
                .with("hostname", hostname)
                .with("engineUrl", address)
                .with("agentState", "connecting")
                .with("labels", json!({}));
            let host = process::create(tx, host, Map::new())?;
            tx.set_fact(&registered, &host.id.to_string())?;
            Ok(Some(host.id))
        })
        .await
}

/// The fact that remembers that an engine has been a host.
fn registered(address: &str) -> String {
    format!("registered {address}")
}

/// Forgets that an engine was a host and has been removed; `false` when that is not so.
///
/// # Errors
/// When the database fails.
pub async fn forget(store: &Store, address: &str) -> Result<bool> {
    let address = address.to_owned();
    store
        .write(move |tx| {
            let fact = registered(&address);
            let was = tx.fact(&fact)?.is_some_and(|host| !host.is_empty());
            if !was || known(tx, &address)?.is_some() {
                return Ok(false);
            }
            tx.set_fact(&fact, "")?;
            Ok(true)
        })
        .await
}

fn known(tx: &Tx<'_>, address: &str) -> Result<Option<Resource>> {
    let mut found = None;
    tx.for_each("host", |host| {
        if host.str("engineUrl") == Some(address) {
            found = Some(host);
        }
        Ok(())
    })?;
    Ok(found)
}

/// Records what an engine says of its machine; the host takes containers again.
///
/// # Errors
/// When the database fails.
pub async fn connected(site: &Arc<Site>, host_id: i64, info: &EngineInfo) -> Result<()> {
    let info = info.clone();
    site.store
        .write(move |tx| {
            tx.update(host_id, |host| {
                describe(host, &info);
                host.set("agentState", "active");
                host.clear_message();
                Ok(())
            })?;
            Ok(())
        })
        .await
}

/// Records that an engine cannot be reached, and why. Its containers stay as they are.
///
/// # Errors
/// When the database fails.
pub async fn away(site: &Arc<Site>, host_id: i64, why: String) -> Result<()> {
    let recorded = site.store.read(|read| {
        let host = read.get(host_id)?;
        Ok(host.is_some_and(|host| host.str("transitioningMessage") == Some(why.as_str())))
    })?;
    if recorded {
        return Ok(());
    }
    tracing::warn!(host = host_id, why, "the host's engine is away");
    site.store
        .write(move |tx| {
            tx.update(host_id, |host| {
                host.set("agentState", "disconnected");
                host.set_error(&why);
                Ok(())
            })?;
            Ok(())
        })
        .await
}

fn describe(host: &mut Resource, info: &EngineInfo) {
    host.set("hostname", info.hostname.as_str());
    host.set("memory", info.memory_bytes);
    host.set("milliCpu", u64::from(info.cpus) * 1000);
    if let Some(disk) = info.disk {
        host.set("localStorageMb", disk.total_bytes / MB);
    }
    let mut labels = host.map("labels").cloned().unwrap_or_default();
    for (key, value) in [
        ("io.rancher.host.docker_version", major_minor(&info.version)),
        ("io.rancher.host.linux_kernel_version", major_minor(&info.kernel)),
        ("io.rancher.host.os", "linux".to_owned()),
    ] {
        labels.insert(key.to_owned(), value.into());
    }
    host.set("labels", labels);
    host.set("info", facts(info));
}

/// The `info` of a host, in Rancher's words; sizes in MB.
fn facts(info: &EngineInfo) -> Value {
    let disk = info.disk.unwrap_or_default();
    let used = disk.used_bytes.checked_mul(100).and_then(|used| used.checked_div(disk.total_bytes));
    json!({
        "osInfo": {
            "operatingSystem": info.os,
            "dockerVersion": format!("Docker version {}", info.version),
            "kernelVersion": info.kernel,
        },
        "cpuInfo": { "count": info.cpus, "modelName": info.architecture },
        "memoryInfo": { "memTotal": info.memory_bytes / MB },
        "diskInfo": {
            "dockerStorageDriver": info.storage_driver,
            "mountPoints": {
                &info.root_dir: {
                    "total": disk.total_bytes / MB,
                    "used": disk.used_bytes / MB,
                    "free": disk.total_bytes.saturating_sub(disk.used_bytes) / MB,
                    "percentage": used.unwrap_or(0),
                },
            },
        },
    })
}

/// `20.10.24+dfsg1` is `20.10`: what host affinity labels go by.
fn major_minor(version: &str) -> String {
    let mut parts = version.split(['.', '-', '+']);
    let major = parts.next().unwrap_or_default();
    let minor = parts.next().unwrap_or_default();
    format!("{major}.{minor}")
}
