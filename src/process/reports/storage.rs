//! Storage that drivers elsewhere have: pools that several hosts share, and volumes in them.

use serde_json::{Map, Value, json};

use super::super::step::{Next, Work};
use super::super::{create, project, retire};
use super::text;
use crate::error::Result;
use crate::model::resource::{NewResource, Resource};
use crate::store::{Query, Read, Tx};

/// Events about pools.
pub const POOLS: &[&str] = &["storagepool.create", "storagepool.delete"];
/// Events about volumes.
pub const VOLUMES: &[&str] = &["volume.create", "volume.delete"];

/// The kind of pools that are shared.
const SHARED: &str = "storagePool";
/// What of a reported pool is taken over.
const TAKEN: &[&str] =
    &["blockDevicePath", "driverName", "name", "volumeAccessMode", "volumeCapabilities"];
/// Rows looked at.
const MOST: usize = 1000;

/// Follows what is reported of a pool: its hosts are those that were named last. One of a driver that the
/// environment does not have is left out.
pub fn pool(tx: &mut Tx<'_>, work: &Work) -> Result<Next> {
    let report = &work.resource;
    let given = report.map("storagePool").cloned().unwrap_or_default();
    let external = report.str("externalId").or_else(|| text(&given, "externalId"));
    let (Some(environment), Some(external)) = (report.account_id, external) else {
        return Ok(Next::Finish);
    };
    let known = shared(tx, environment)?;
    let known = known.into_iter().find(|pool| pool.str("externalId") == Some(external));
    match (report.str("eventType"), known) {
        (Some("storagepool.create"), known) => {
            let driver = text(&given, "driverName").unwrap_or_default();
            let driver = tx.by_name("storageDriver", Some(environment), driver)?.pop();
            let Some(driver) = driver else { return Ok(Next::Finish) };
            let hosts = hosts(tx, environment, &report.strings("hostUuids"))?;
            match known {
                Some(pool) => describe(tx, &pool, &given, &hosts)?,
                None => {
                    let mut new = NewResource::new("storagePool", tx.entropy.uuid())
                        .kind(SHARED)
                        .account(environment)
                        .with("external", true)
                        .with("externalId", external)
                        .with("storageDriverId", driver.id)
                        .with("hostIds", json!(hosts))
                        .with("volumeIds", json!([]));
                    new.name = text(&given, "name").or(Some(external)).map(str::to_owned);
                    new.data.extend(taken(&given));
                    create(tx, new, Map::new())?;
                }
            }
        }
        (Some("storagepool.delete"), Some(pool)) => retire(tx, pool.id)?,
        _ => {}
    }
    Ok(Next::Finish)
}

fn taken(given: &Map<String, Value>) -> impl Iterator<Item = (String, Value)> {
    let fields = TAKEN.iter().filter(|field| **field != "name");
    fields.filter_map(|field| Some(((*field).to_owned(), given.get(*field)?.clone())))
}

fn describe(
    tx: &mut Tx<'_>,
    pool: &Resource,
    given: &Map<String, Value>,
    hosts: &[i64],
) -> Result<()> {
    let name = text(given, "name").map(str::to_owned).or_else(|| pool.name.clone());
    let mut fields: Map<String, Value> = taken(given).collect();
    fields.insert("hostIds".to_owned(), json!(hosts));
    if pool.name == name && fields.iter().all(|(field, value)| pool.data.get(field) == Some(value))
    {
        return Ok(());
    }
    tx.update(pool.id, |row| {
        row.name = name;
        for (field, value) in fields {
            row.set(&field, value);
        }
        Ok(())
    })?;
    Ok(())
}

/// The environment's hosts among those named.
fn hosts(read: &Read<'_>, environment: i64, uuids: &[&str]) -> Result<Vec<i64>> {
    let query =
        Query { ty: "host", account_id: Some(environment), limit: MOST, ..Query::default() };
    let named = |host: &Resource| {
        uuids.contains(&host.uuid.as_str())
            || host.str("reportedUuid").is_some_and(|uuid| uuids.contains(&uuid))
    };
    Ok(read.list(&query)?.iter().filter(|host| named(host)).map(|host| host.id).collect())
}

fn shared(read: &Read<'_>, environment: i64) -> Result<Vec<Resource>> {
    let query = Query {
        ty: "storagePool",
        kinds: vec![SHARED],
        account_id: Some(environment),
        limit: MOST,
        ..Query::default()
    };
    read.list(&query)
}

/// Follows what is reported of a volume. One of a driver without a pool of its own is left out.
pub fn volume(tx: &mut Tx<'_>, work: &Work) -> Result<Next> {
    let report = &work.resource;
    let given = report.map("volume").cloned().unwrap_or_default();
    let (Some(environment), Some(name)) = (report.account_id, text(&given, "name")) else {
        return Ok(Next::Finish);
    };
    let driver = text(&given, "driver").unwrap_or_default();
    let pools = shared(tx, environment)?;
    let Some(pool) = pools.into_iter().find(|pool| pool.str("driverName") == Some(driver)) else {
        return Ok(Next::Finish);
    };
    let external = report.str("externalId").or_else(|| text(&given, "externalId"));
    let known = known(tx, environment, external, name, driver)?;
    match (report.str("eventType"), known) {
        (Some("volume.create"), None) => {
            let mut new = NewResource::new("volume", tx.entropy.uuid())
                .name(name)
                .account(environment)
                .with("driver", driver)
                .with("uri", format!("{driver}:///{name}"));
            for (field, value) in [
                ("externalId", external.map(Value::from)),
                ("driverOpts", given.get("driverOpts").cloned()),
                ("storageDriverId", pool.data.get("storageDriverId").cloned()),
                ("accessMode", pool.data.get("volumeAccessMode").cloned()),
            ] {
                if let Some(value) = value.filter(|value| !value.is_null()) {
                    new.data.insert(field.to_owned(), value);
                }
            }
            let volume = create(tx, new, Map::new())?;
            tx.update(pool.id, |pool| {
                let mut volumes = pool.list("volumeIds").to_vec();
                volumes.push(volume.id.into());
                pool.set("volumeIds", volumes);
                Ok(())
            })?;
        }
        (Some("volume.delete"), Some(volume)) => project::remove(tx, &volume)?,
        _ => {}
    }
    Ok(Next::Finish)
}

fn known(
    read: &Read<'_>,
    environment: i64,
    external: Option<&str>,
    name: &str,
    driver: &str,
) -> Result<Option<Resource>> {
    let here =
        |row: &Resource| row.account_id == Some(environment) && row.str("driver") == Some(driver);
    if let Some(external) = external {
        let found = read.referrers_by_text("volume", "externalId", external)?;
        if let Some(found) = found.into_iter().find(here) {
            return Ok(Some(found));
        }
    }
    Ok(read.by_name("volume", Some(environment), name)?.into_iter().find(here))
}
