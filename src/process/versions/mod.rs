//! The history of services: what each was made from, and which images really ran.
//!
//! A version is written in the transaction of what it tells of: when a service is made, upgraded, changed by
//! its compose file or rolled back, and when a container of it starts from another image than the version
//! before did. So many are kept as a setting says; older ones are removed rows, which the purge takes.

pub mod back;
pub mod difference;
pub mod images;

use serde_json::Value;

use self::images::{Image, Noted, Ran};
use super::upgrade::in_service::Configs;
use crate::error::Result;
use crate::model::launch::bare;
use crate::model::names::{PRIMARY_LAUNCH_CONFIG, label};
use crate::model::resource::{NewResource, Resource};
use crate::store::{Read, Tx};

/// The type.
pub const VERSION: &str = "serviceVersion";
/// The setting: how many versions of a service are kept.
const KEPT: &str = "service.versions.kept";
/// What is said of a service in a compose file that is no field of its configurations.
pub const BESIDE: &[&str] = &["composeFiles", "composeHash", "dependsOn", "metadata"];
/// Longest description.
const LONGEST: usize = 1024;

/// The versions of a service that are kept, the oldest first.
///
/// # Errors
/// When the database fails.
pub fn kept(read: &Read<'_>, service: i64) -> Result<Vec<Resource>> {
    read.referrers(VERSION, "serviceId", service)
}

/// Whether versions of a service are kept: it has containers of its own.
fn has_versions(service: &Resource) -> bool {
    service.kind == "service"
        && service.removed.is_none()
        && Configs::of(service).primary.is_some_and(|config| {
            let image = config.get("imageUuid").and_then(Value::as_str).unwrap_or_default();
            !matches!(bare(image), "" | "rancher/none")
        })
}

/// The service has its first version, if it has none: those of earlier times have.
///
/// # Errors
/// When the database fails.
pub fn ensure(tx: &mut Tx<'_>, service: &Resource) -> Result<()> {
    if !has_versions(service) || !kept(tx, service.id)?.is_empty() {
        return Ok(());
    }
    record(tx, service, "create", "")
}

/// The configuration of a service has changed, or it was made: a version of its own. `what` comes before
/// what differs.
///
/// # Errors
/// When the database fails.
pub fn record(tx: &mut Tx<'_>, service: &Resource, event: &str, what: &str) -> Result<()> {
    if !has_versions(service) {
        return Ok(());
    }
    let known = kept(tx, service.id)?;
    let after = Configs::of(service);
    let differs = match known.last() {
        Some(last) => difference::sentence(&Configs::of(last), &after),
        None => difference::first(&after),
    };
    // A configuration that is as in an earlier version runs what it ran in that.
    let images = std::iter::once(None)
        .chain(after.sidekicks.iter().filter_map(|config| config.get("name")?.as_str()).map(Some))
        .flat_map(|name| {
            let earlier = known.iter().rev();
            let same = earlier.filter(|row| Configs::of(row).version(name) == after.version(name));
            let mut of_it = same.map(|row| images::of_config(row, name));
            of_it.find(|images| !images.is_empty()).unwrap_or_default()
        })
        .collect();
    insert(tx, service, &known, event, format!("{what}{differs}"), images)
}

/// A container has started, and this is what it runs.
///
/// # Errors
/// When the database fails.
pub fn ran(tx: &mut Tx<'_>, container: &Resource, ran: &Ran) -> Result<()> {
    let (Some(service), Some(host)) = (container.int("serviceId"), container.int("hostId")) else {
        return Ok(());
    };
    let Some(service) = tx.get(service)?.filter(has_versions) else { return Ok(()) };
    ensure(tx, &service)?;
    let known = kept(tx, service.id)?;
    let config = container.label(label::LAUNCH_CONFIG);
    let config = config.filter(|name| *name != PRIMARY_LAUNCH_CONFIG);
    let version = container.str("version").unwrap_or("0");
    let is_its = |row: &&Resource| Configs::of(row).version(config) == Some(version);
    let Some(own) = known.iter().rev().find(is_its) else { return Ok(()) };
    let image = bare(container.str("imageUuid").unwrap_or_default());
    match images::note(&Image::all(own), config, image, ran, host) {
        Noted::Same => {}
        Noted::More(images) => put(tx, own.id, images)?,
        // What starts once more from before the last upgrade says nothing of the version since.
        Noted::Other { .. } if known.last().is_some_and(|last| last.id != own.id) => {}
        Noted::Other { images, description } => {
            insert(tx, &service, &known, "image", description, images)?;
        }
    }
    for other in known.iter().filter(|row| row.id != own.id) {
        if let Some(images) = images::found_on(&Image::all(other), &ran.image_id, host) {
            put(tx, other.id, images)?;
        }
    }
    Ok(())
}

fn put(tx: &mut Tx<'_>, version: i64, images: Vec<Image>) -> Result<()> {
    tx.update(version, |row| {
        row.set("images", Image::list(images));
        Ok(())
    })?;
    Ok(())
}

fn insert(
    tx: &mut Tx<'_>,
    service: &Resource,
    known: &[Resource],
    event: &str,
    description: String,
    images: Vec<Image>,
) -> Result<()> {
    let number = known.last().and_then(|row| row.int("versionNumber")).unwrap_or(0) + 1;
    let configs = Configs::of(service);
    let mut row = NewResource::new(VERSION, tx.entropy.uuid())
        .state("")
        .with("serviceId", service.id)
        .with("versionNumber", number)
        .with("eventType", event)
        .with("description", description.chars().take(LONGEST).collect::<String>())
        .with("launchConfig", configs.primary)
        .with("secondaryLaunchConfigs", configs.sidekicks)
        .with("images", Image::list(images));
    for field in BESIDE {
        if let Some(value) = service.data.get(*field) {
            row = row.with(field, value.clone());
        }
    }
    if let Some(by) = tx.by.clone() {
        row = row.with("changedBy", by);
    }
    row.account_id = service.account_id;
    tx.insert(row)?;
    let most = usize::try_from(tx.setting_int(KEPT)?.max(1)).unwrap_or(usize::MAX);
    let surplus = (known.len() + 1).saturating_sub(most);
    known.iter().take(surplus).try_for_each(|row| remove(tx, row.id))
}

/// A removed service takes its versions along.
///
/// # Errors
/// When the database fails.
pub fn bury(tx: &mut Tx<'_>, service: i64) -> Result<()> {
    kept(tx, service)?.iter().try_for_each(|row| remove(tx, row.id))
}

fn remove(tx: &mut Tx<'_>, version: i64) -> Result<()> {
    let now = tx.now;
    tx.update(version, |row| {
        row.removed = Some(now);
        Ok(())
    })?;
    Ok(())
}
