//! Types that only say in another form what other rows say: labels, and who is on, of or in what.
//!
//! Rancher kept a row for each; here the truth is in one place, and these are worked out of it when
//! somebody asks, with ids that stay the same. Nothing is kept: rows go by one at a time.

use std::collections::HashSet;

use serde_json::json;

use super::{Picker, asked_int, lists_all, row};
use crate::api::hooks::{Asked, Ctx, Source, Write};
use crate::error::{Error, Result};
use crate::model::id;
use crate::model::resource::{NewResource, Resource};

/// Calls the function with each derived row that may be wanted.
type Each = fn(&Asked<'_>, &mut dyn FnMut(Resource)) -> Result<()>;

macro_rules! derived {
    ($(#[$doc:meta] $constant:ident = $name:literal, $each:path;)*) => {
        $(
            #[$doc]
            pub const $constant: Source = Source {
                name: $name,
                list: |asked| list(asked, $each),
                get: |asked, text| get(asked, text, $each),
                write: None,
            };
        )*
    };
}

derived! {
    /// `clusterHostMaps`.
    CLUSTER_HOST_MAPS = "clusterHostMaps", cluster_host_maps;
    /// `deploymentUnits`.
    UNITS = "deploymentUnits", units;
    /// `hostLabelMaps`.
    HOST_LABEL_MAPS = "hostLabelMaps", host_label_maps;
    /// `instanceHostMaps`.
    INSTANCE_HOST_MAPS = "instanceHostMaps", instance_host_maps;
    /// `instanceLabelMaps`.
    INSTANCE_LABEL_MAPS = "instanceLabelMaps", instance_label_maps;
    /// `labels`.
    LABELS = "labels", labels;
    /// `serviceIndexes`.
    INDEXES = "serviceIndexes", indexes;
    /// `storagePoolHostMaps`.
    POOL_HOST_MAPS = "storagePoolHostMaps", pool_host_maps;
    /// `volumeStoragePoolMaps`.
    VOLUME_POOL_MAPS = "volumeStoragePoolMaps", volume_pool_maps;
}

/// `serviceProxies`: nothing is handed out, so there is nothing to list.
pub const PROXIES: Source = Source {
    name: "serviceProxies",
    list: |_| Ok(Vec::new()),
    get: |_, _| Ok(None),
    write: Some(refuse_proxy),
};

fn refuse_proxy(_: &mut Ctx<'_, '_>, _: &Write) -> Result<Resource> {
    Err(Error::status(405)
        .message("this server does not carry traffic to services; publish a port of the service"))
}

fn list(asked: &Asked<'_>, each: Each) -> Result<Vec<Resource>> {
    let mut picker = Picker::new(asked.listing);
    each(asked, &mut |row| {
        // They do not come by their ids: the next may be an earlier one.
        picker.offer(row);
    })?;
    Ok(picker.page())
}

fn get(asked: &Asked<'_>, text: &str, each: Each) -> Result<Option<Resource>> {
    let Some(wanted) = id::parse(text) else { return Ok(None) };
    let mut found = None;
    each(asked, &mut |row| {
        if row.id == wanted {
            found.get_or_insert(row);
        }
    })?;
    Ok(found)
}

/// Whether a row is one of those that the caller's lists are about.
fn is_listed(asked: &Asked<'_>, row: &Resource) -> bool {
    lists_all(asked) || asked.caller.all_accounts || row.account_id == Some(asked.caller.account_id)
}

/// Each live row of a type that the caller may look at; only the one that the list asks for by `field`,
/// if it does.
fn each_row(
    asked: &Asked<'_>,
    ty: &str,
    field: &str,
    mut f: impl FnMut(&Resource) -> Result<()>,
) -> Result<()> {
    if let Some(id) = asked_int(asked.listing, field) {
        let row = asked.read.get(id)?.filter(|row| row.ty == ty && row.removed.is_none());
        return match row.filter(|row| is_listed(asked, row)) {
            Some(row) => f(&row),
            None => Ok(()),
        };
    }
    asked.read.for_each(ty, |row| if is_listed(asked, &row) { f(&row) } else { Ok(()) })
}

/// A row that follows from `of` and is as old as that.
fn follow(of: &Resource, ty: &'static str, id: i64, state: &str) -> Resource {
    let mut new = NewResource::new(ty, format!("{}-{id}", of.uuid)).state(state);
    new.account_id = of.account_id;
    Resource { id, created: of.created, ..row(new) }
}

fn pair_id(ty: &str, a: i64, b: i64) -> i64 {
    id::of_text(&[ty, &a.to_string(), &b.to_string()])
}

fn label_id(of: &Resource, on: &str, key: &str, value: &str) -> i64 {
    id::of_text(&["label", &of.account_id.unwrap_or(0).to_string(), on, key, value])
}

/// Each label of a row: (key, value).
fn labels_of(row: &Resource) -> impl Iterator<Item = (&str, &str)> {
    let labels = row.map("labels").into_iter().flatten();
    labels.filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
}

/// The types that have labels, and what Rancher calls their labels.
const LABELLED: &[(&str, &str)] = &[("host", "host"), ("instance", "container")];

fn labels(asked: &Asked<'_>, emit: &mut dyn FnMut(Resource)) -> Result<()> {
    let mut seen = HashSet::new();
    for (ty, on) in LABELLED {
        each_row(asked, ty, "", |of| {
            for (key, value) in labels_of(of) {
                let id = label_id(of, on, key, value);
                if seen.insert(id) {
                    let mut label = follow(of, "label", id, "created");
                    label.set("key", key);
                    label.set("type", *on);
                    label.set("value", value);
                    emit(label);
                }
            }
            Ok(())
        })?;
    }
    Ok(())
}

fn label_maps(
    asked: &Asked<'_>,
    (ty, on, map, field): (&str, &str, &'static str, &str),
    emit: &mut dyn FnMut(Resource),
) -> Result<()> {
    each_row(asked, ty, field, |of| {
        for (key, value) in labels_of(of) {
            let label = label_id(of, on, key, value);
            let mut joined = follow(of, map, pair_id(map, of.id, label), "created");
            joined.set(field, of.id);
            joined.set("labelId", label);
            emit(joined);
        }
        Ok(())
    })
}

fn host_label_maps(asked: &Asked<'_>, emit: &mut dyn FnMut(Resource)) -> Result<()> {
    label_maps(asked, ("host", "host", "hostLabelMap", "hostId"), emit)
}

fn instance_label_maps(asked: &Asked<'_>, emit: &mut dyn FnMut(Resource)) -> Result<()> {
    label_maps(asked, ("instance", "container", "instanceLabelMap", "instanceId"), emit)
}

fn instance_host_maps(asked: &Asked<'_>, emit: &mut dyn FnMut(Resource)) -> Result<()> {
    each_row(asked, "instance", "instanceId", |instance| {
        if let Some(host) = instance.int("hostId") {
            // A container is on one host: its number does for the pair.
            let mut map = follow(instance, "instanceHostMap", instance.id, "active");
            map.set("hostId", host);
            map.set("instanceId", instance.id);
            emit(map);
        }
        Ok(())
    })
}

fn hosts_of(row: &Resource) -> Vec<i64> {
    row.list("hostIds").iter().filter_map(|id| id.as_i64()).collect()
}

fn cluster_host_maps(asked: &Asked<'_>, emit: &mut dyn FnMut(Resource)) -> Result<()> {
    each_row(asked, "host", "clusterId", |cluster| {
        for host in hosts_of(cluster) {
            let id = pair_id("clusterHostMap", cluster.id, host);
            let mut map = follow(cluster, "clusterHostMap", id, "active");
            map.set("clusterId", cluster.id);
            map.set("hostId", host);
            emit(map);
        }
        Ok(())
    })
}

fn pool_host_maps(asked: &Asked<'_>, emit: &mut dyn FnMut(Resource)) -> Result<()> {
    each_row(asked, "storagePool", "storagePoolId", |pool| {
        for host in hosts_of(pool) {
            let id = pair_id("storagePoolHostMap", pool.id, host);
            let mut map = follow(pool, "storagePoolHostMap", id, "active");
            map.set("hostId", host);
            map.set("storagePoolId", pool.id);
            emit(map);
        }
        Ok(())
    })
}

/// The volumes in a pool: those it names, else those on its hosts.
fn volumes_in(asked: &Asked<'_>, pool: &Resource) -> Result<Vec<Resource>> {
    let named = pool.list("volumeIds").iter().filter_map(|id| id.as_i64());
    let mut volumes = Vec::new();
    for id in named {
        volumes.extend(asked.read.get(id)?.filter(|volume| volume.removed.is_none()));
    }
    if pool.data.contains_key("volumeIds") {
        return Ok(volumes);
    }
    asked.read.referring("volume", "hostId", &hosts_of(pool))
}

fn volume_pool_maps(asked: &Asked<'_>, emit: &mut dyn FnMut(Resource)) -> Result<()> {
    each_row(asked, "storagePool", "storagePoolId", |pool| {
        for volume in volumes_in(asked, pool)? {
            let id = pair_id("volumeStoragePoolMap", volume.id, pool.id);
            let mut map = follow(&volume, "volumeStoragePoolMap", id, "active");
            map.set("storagePoolId", pool.id);
            map.set("volumeId", volume.id);
            emit(map);
        }
        Ok(())
    })
}

/// Each container of a service, or of all.
fn each_member(asked: &Asked<'_>, mut f: impl FnMut(&Resource, i64)) -> Result<()> {
    let mut look = |instance: Resource| {
        if let Some(service) = instance.int("serviceId")
            && is_listed(asked, &instance)
        {
            f(&instance, service);
        }
        Ok(())
    };
    match asked_int(asked.listing, "serviceId") {
        Some(service) => asked.read.for_each_referrer("instance", "serviceId", service, look),
        None => asked.read.for_each("instance", &mut look),
    }
}

fn indexes(asked: &Asked<'_>, emit: &mut dyn FnMut(Resource)) -> Result<()> {
    let mut seen = HashSet::new();
    each_member(asked, |instance, service| {
        let Some(id) = instance.int("serviceIndexId").filter(|id| seen.insert(*id)) else { return };
        let mut index = follow(instance, "serviceIndex", id, "active");
        if instance.flag("retainIp") {
            index.set("address", instance.str("primaryIpAddress"));
        }
        let config = instance.label("io.rancher.service.launch.config");
        index.set("launchConfigName", config);
        index.set("serviceId", service);
        index.set("serviceIndex", instance.str("serviceIndex"));
        emit(index);
    })
}

fn units(asked: &Asked<'_>, emit: &mut dyn FnMut(Resource)) -> Result<()> {
    let mut seen = HashSet::new();
    each_member(asked, |instance, service| {
        let Some(uuid) = instance.str("deploymentUnitUuid") else { return };
        let id = id::of_text(&["deploymentUnit", uuid]);
        if seen.insert(id) {
            let mut unit = follow(instance, "deploymentUnit", id, "active");
            uuid.clone_into(&mut unit.uuid);
            unit.set("labels", json!({"io.rancher.service.deployment.unit": uuid}));
            unit.set("serviceId", service);
            unit.set("serviceIndex", instance.str("serviceIndex"));
            emit(unit);
        }
    })
}
