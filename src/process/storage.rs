//! Storage drivers and pools: what a driver's service brings, which hosts its pools are on, and what a volume
//! learns from its first use.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::site::{HostEngine, Site};
use super::step::{Failure, Retry};
use crate::engine::VolumeSpec;
use crate::error::Result;
use crate::model::names::is_active_service;
use crate::model::resource::{NewResource, Resource};
use crate::model::storage::{self, Options, built_in, is_local};
use crate::store::{Read, Tx};

/// Field of a host: the shared pools that it is mapped to, with the names of their drivers.
pub const HOST_POOLS: &str = "driverPools";
/// Field of a volume: the pool that it is in, for drivers whose pools differ.
pub const POOL: &str = "storagePoolId";
/// Field of a volume: the host that used it last.
pub const LAST_HOST: &str = "lastHostId";

/// Field of a volume: the hosts whose engines know it.
pub const USED_ON: &str = "usedOnHostIds";

/// The engines that know a volume. A host that is gone has taken it along; one that is only out of reach is
/// waited for.
///
/// # Errors
/// When one cannot be reached.
pub fn engines_of(site: &Site, volume: &Resource) -> Result<Vec<HostEngine>, Failure> {
    let used = volume.list(USED_ON).iter().filter_map(Value::as_i64).chain(volume.int("hostId"));
    let hosts: BTreeSet<i64> = used.collect();
    let mut engines = Vec::new();
    for id in hosts {
        let host = site.store.read(|read| read.get(id))?;
        let Some(host) = host.filter(|host| host.removed.is_none()) else { continue };
        engines.push(site.engines.get(id).ok_or_else(|| Failure {
            message: format!(
                "host `{}`, which has volume `{}`, is not reachable",
                host.display_name(),
                volume.display_name()
            ),
            retry: Retry::WhenBack,
        })?);
    }
    Ok(engines)
}

/// The environment's storage driver of this name, if a service has brought it.
///
/// # Errors
/// When the database fails.
pub fn driver(read: &Read<'_>, environment: Option<i64>, name: &str) -> Result<Option<Resource>> {
    if built_in(name).is_some() {
        return Ok(None);
    }
    let named = read.by_name("storageDriver", environment, name)?;
    Ok(named.into_iter().find(|driver| driver.name.as_deref() == Some(name)))
}

/// Options of a volume row by name.
pub fn options(row: &Resource) -> Options {
    let options = row.map("driverOpts").into_iter().flatten();
    options.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

/// What an engine is told to make of a volume row.
///
/// # Errors
/// Options that the volume's driver cannot do anything with.
pub fn engine_volume(row: &Resource) -> crate::error::Result<VolumeSpec> {
    let name = row.name.clone().unwrap_or_default();
    let driver = row.str("driver").unwrap_or_default();
    let given = options(row);
    let (driver, driver_opts) = match built_in(driver) {
        Some(known) => {
            let options = (known.options)(&given).map_err(|problem| {
                crate::error::Error::conflict(format!("volume `{name}`: {}", problem.message))
            })?;
            (storage::LOCAL, options)
        }
        None => (driver, given),
    };
    Ok(VolumeSpec {
        name,
        driver: driver.to_owned(),
        driver_opts,
        labels: BTreeMap::from([("io.ranchette.volume.uuid".to_owned(), row.uuid.clone())]),
    })
}

/// A failure that trying again does not help.
pub fn hopeless(message: impl Into<String>) -> Failure {
    Failure { message: message.into(), retry: Retry::Never }
}

/// Why a container cannot start yet: one of its volumes is being put back.
///
/// # Errors
/// When the database fails.
pub fn being_put_back(read: &Read<'_>, container: &Resource) -> Result<Option<String>> {
    for (_, id) in container.map("dataVolumeMounts").into_iter().flatten() {
        let volume = id.as_i64().map(|id| read.get(id)).transpose()?.flatten();
        let busy = |volume: &Resource| {
            volume.state.starts_with("restoring") || volume.state.starts_with("reverting")
        };
        if let Some(volume) = volume.filter(busy) {
            return Ok(Some(format!("volume `{}` is being put back", volume.display_name())));
        }
    }
    Ok(None)
}

/// Placement rules that the options of a container's volumes bring: a volume of a zone is used there.
///
/// # Errors
/// When the database fails.
pub fn zone_rules(tx: &Tx<'_>, container: &Resource) -> Result<Vec<(String, String)>> {
    let mut rules = Vec::new();
    for (_, id) in container.map("dataVolumeMounts").into_iter().flatten() {
        let Some(volume) = id.as_i64().map(|id| tx.get(id)).transpose()?.flatten() else {
            continue;
        };
        if let Some(zone) = options(&volume).get("ec2_az") {
            rules.push((
                "io.rancher.scheduler.affinity:host_label".to_owned(),
                format!("io.rancher.host.zone={zone}"),
            ));
        }
    }
    Ok(rules)
}

/// Records that a container on `host` uses a volume.
///
/// # Errors
/// When the database fails.
pub fn claim(tx: &mut Tx<'_>, volume_id: i64, host: i64) -> Result<()> {
    let volume = tx.require("volume", volume_id)?;
    let name = volume.str("driver").unwrap_or_default();
    let driver = driver(tx, volume.account_id, name)?;
    let scope = driver.as_ref().and_then(|driver| driver.str("scope")).unwrap_or("environment");
    let stays = is_local(name) || driver.is_some() && scope == "local";
    let pool = match &driver {
        Some(driver) if scope != "local" => pool_on(tx, driver, host)?,
        Some(_) | None => None,
    };
    let access = driver.as_ref().and_then(|driver| driver.str("volumeAccessMode"));
    tx.update(volume_id, |volume| {
        if stays && volume.int("hostId").is_none() {
            volume.set("hostId", host);
        }
        volume.set(LAST_HOST, host);
        if !volume.list(USED_ON).contains(&host.into()) {
            let mut used = volume.list(USED_ON).to_vec();
            used.push(host.into());
            volume.set(USED_ON, used);
        }
        if let Some(driver) = &driver {
            volume.set("storageDriverId", driver.id);
        }
        if let Some(access) = access
            && volume.str("accessMode").is_none()
        {
            volume.set("accessMode", access);
        }
        if let Some(pool) = &pool
            && volume.int(POOL).is_none()
        {
            volume.set(POOL, pool.id);
        }
        Ok(())
    })?;
    if let Some(pool) = pool {
        join(tx, &pool, volume_id)?;
    }
    Ok(())
}

fn pool_on(tx: &Tx<'_>, driver: &Resource, host: i64) -> Result<Option<Resource>> {
    let pools = tx.referrers("storagePool", "storageDriverId", driver.id)?;
    Ok(pools.into_iter().find(|pool| pool.list("hostIds").contains(&host.into())))
}

fn join(tx: &mut Tx<'_>, pool: &Resource, volume_id: i64) -> Result<()> {
    if pool.list("volumeIds").contains(&volume_id.into()) {
        return Ok(());
    }
    tx.update(pool.id, |pool| {
        let mut volumes = pool.list("volumeIds").to_vec();
        volumes.push(volume_id.into());
        pool.set("volumeIds", volumes);
        Ok(())
    })?;
    Ok(())
}

/// A service that has changed its state: one that brings a storage driver makes it, and takes it away.
///
/// # Errors
/// When the database fails.
pub fn follow_service(tx: &mut Tx<'_>, service: &Resource) -> Result<()> {
    let Some(wanted) = service.map("storageDriver") else { return Ok(()) };
    let known = tx.referrers("storageDriver", "serviceId", service.id)?.into_iter().next();
    if matches!(service.state.as_str(), "removing" | "removed" | "purging" | "purged") {
        return known.map_or(Ok(()), |driver| take_away(tx, &driver));
    }
    let driver = match known {
        Some(driver) => driver,
        None => {
            let new = named(tx, service, wanted);
            tx.insert(new)?
        }
    };
    let step = match (service.state.as_str(), driver.state.as_str()) {
        ("active", "requested" | "inactive") => "activate",
        ("inactive", "active") => "deactivate",
        _ => return Ok(()),
    };
    super::carry(tx, driver.id, step)?;
    remap(tx, service, &driver)
}

fn named(tx: &mut Tx<'_>, service: &Resource, wanted: &Map<String, Value>) -> NewResource {
    let text = |field: &str| wanted.get(field).and_then(Value::as_str).filter(|t| !t.is_empty());
    let mut driver = NewResource::new("storageDriver", tx.entropy.uuid())
        .name(text("name").or(service.name.as_deref()).unwrap_or_default())
        .with("serviceId", service.id)
        .with("scope", text("scope").unwrap_or("environment"))
        .with("volumeAccessMode", text("volumeAccessMode").unwrap_or("multiHostRW"));
    for field in ["blockDevicePath", "volumeCapabilities"] {
        if let Some(value) = wanted.get(field).filter(|value| !value.is_null()) {
            driver = driver.with(field, value.clone());
        }
    }
    driver.account_id = service.account_id;
    driver
}

fn take_away(tx: &mut Tx<'_>, driver: &Resource) -> Result<()> {
    for pool in tx.referrers("storagePool", "storageDriverId", driver.id)? {
        set_hosts(tx, &pool, &BTreeSet::new())?;
        super::retire(tx, pool.id)?;
    }
    super::retire(tx, driver.id)
}

/// A container that has started or ended: one of a driver's service takes its host in, or out.
///
/// # Errors
/// When the database fails.
pub fn follow_container(tx: &mut Tx<'_>, container: &Resource) -> Result<()> {
    let Some(service) = container.int("serviceId").map(|id| tx.get(id)).transpose()?.flatten()
    else {
        return Ok(());
    };
    if service.map("storageDriver").is_none() {
        return Ok(());
    }
    match tx.referrers("storageDriver", "serviceId", service.id)?.first() {
        Some(driver) => remap(tx, &service, &driver.clone()),
        None => Ok(()),
    }
}

/// Whether a driver's container has its host's volumes in its hands.
fn drives(container: &Resource) -> bool {
    match container.state.as_str() {
        "running" | "updating-running" | "updating-healthy" | "updating-unhealthy" => true,
        "starting" => container.data.contains_key("firstRunning"),
        _ => false,
    }
}

/// The pools of a driver are on the hosts that its containers run on.
fn remap(tx: &mut Tx<'_>, service: &Resource, driver: &Resource) -> Result<()> {
    let containers = tx.referrers("instance", "serviceId", service.id)?;
    let hosts: BTreeSet<i64> = containers
        .iter()
        .filter(|_| is_active_service(&service.state))
        .filter(|container| drives(container))
        .filter_map(|container| container.int("hostId"))
        .collect();
    match driver.str("scope").unwrap_or("environment") {
        "custom" => Ok(()),
        "local" => {
            let mut left = hosts;
            for pool in tx.referrers("storagePool", "storageDriverId", driver.id)? {
                let home = pool.int("homeId");
                let here = home.filter(|host| left.remove(host));
                set_hosts(tx, &pool, &here.into_iter().collect())?;
            }
            for host in left {
                let pool = pool(tx, driver, Some(host))?;
                set_hosts(tx, &pool, &BTreeSet::from([host]))?;
            }
            Ok(())
        }
        _ => {
            let known = tx.referrers("storagePool", "storageDriverId", driver.id)?;
            let pool = match known.into_iter().next() {
                Some(pool) => pool,
                None if hosts.is_empty() => return Ok(()),
                None => pool(tx, driver, None)?,
            };
            set_hosts(tx, &pool, &hosts)
        }
    }
}

/// A pool of a driver; `home` is its one host when the driver's scope is local.
fn pool(tx: &mut Tx<'_>, driver: &Resource, home: Option<i64>) -> Result<Resource> {
    let mut pool = NewResource::new("storagePool", tx.entropy.uuid())
        .kind("storagePool")
        .name(driver.name.as_deref().unwrap_or_default())
        .state("active")
        .with("driverName", driver.name.as_deref())
        .with("storageDriverId", driver.id)
        .with("volumeAccessMode", driver.str("volumeAccessMode"))
        .with("volumeIds", json!([]))
        .with("hostIds", json!([]));
    for field in ["blockDevicePath", "volumeCapabilities"] {
        if let Some(value) = driver.data.get(field) {
            pool = pool.with(field, value.clone());
        }
    }
    if let Some(home) = home {
        pool = pool.with("homeId", home);
    }
    pool.account_id = driver.account_id;
    tx.insert(pool)
}

/// Maps a pool to these hosts and to no others; the hosts know it, too, for the scheduler.
///
/// # Errors
/// When the database fails.
pub fn set_hosts(tx: &mut Tx<'_>, pool: &Resource, hosts: &BTreeSet<i64>) -> Result<()> {
    let before: BTreeSet<i64> = pool.list("hostIds").iter().filter_map(Value::as_i64).collect();
    if before == *hosts {
        return Ok(());
    }
    tx.update(pool.id, |pool| {
        pool.set("hostIds", json!(hosts));
        Ok(())
    })?;
    let key = pool.id.to_string();
    for host in before.symmetric_difference(hosts) {
        if tx.get(*host)?.is_none() {
            continue;
        }
        tx.update(*host, |host| {
            let mut pools = host.map(HOST_POOLS).cloned().unwrap_or_default();
            if hosts.contains(&host.id) {
                pools.insert(key.clone(), pool.str("driverName").unwrap_or_default().into());
            } else {
                pools.shift_remove(&key);
            }
            host.set(HOST_POOLS, pools);
            Ok(())
        })?;
    }
    Ok(())
}

/// Volumes of a service's storage driver that containers use: the driver cannot go before them.
///
/// # Errors
/// When the database fails.
pub fn driver_users(read: &Read<'_>, service: i64) -> Result<Vec<Resource>> {
    let mut users = Vec::new();
    for driver in read.referrers("storageDriver", "serviceId", service)? {
        let volumes = read.referrers("volume", "storageDriverId", driver.id)?;
        users.extend(volumes.into_iter().filter(|volume| volume.state == "active"));
    }
    Ok(users)
}
