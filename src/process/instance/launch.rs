//! Creates and starts a container on its host's engine.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::watch;

use super::super::native::NATIVE;
use super::super::secrets::{self, Removed};
use super::super::site::{HostEngine, Site};
use super::super::step::{Failure, Next, Outcome, Retry, StepFuture, Work};
use super::super::{balancer, instance_links, keys, pulls, registries, storage, versions};
use super::connect::MAC;
use super::mounts::VolumeSpec;
use super::{adopted, build, engine_of, engine_ref, naming, providers};
use crate::engine::spec::{self, Endpoint, Extras, NetworkAttachment, Restarts};
use crate::engine::{BindMount, EngineError, NetworkSpec, SecretFile, VolumeSpec as EngineVolume};
use crate::error::{Error, Result};
use crate::model::names::label;
use crate::model::resource::Resource;

/// Longest gap between two reports of a pull's progress, in milliseconds.
const PROGRESS_MS: u64 = 1000;

/// What is said of a container that is gone and comes back.
const MADE_ANEW: &str = "is made anew: somebody has removed it";

/// How soon a container looks again whether its volumes are whole, in milliseconds.
const VOLUME_AGAIN_MS: i64 = 500;

/// The step that creates; nothing to do for a container that the engine already has.
pub fn create(work: Work) -> StepFuture {
    Box::pin(async move {
        if work.resource.str("externalId").is_some() {
            return Ok(Outcome::Pass);
        }
        let host = engine_of(&work)?;
        let id = create_container(&work, &host).await?;
        Outcome::commit(move |tx, work| {
            tx.update(work.resource.id, |row| {
                row.set("externalId", id);
                Ok(())
            })?;
            Ok(Next::Step)
        })
    })
}

/// The step that starts; a container that was removed behind our back is created again.
pub fn start(work: Work) -> StepFuture {
    Box::pin(async move {
        let busy = work.site.store.read(|read| storage::being_put_back(read, &work.resource))?;
        if let Some(message) = busy {
            return Outcome::commit(move |tx, _| {
                Ok(Next::Wait { until: Some(tx.now + VOLUME_AGAIN_MS), message })
            });
        }
        let host = engine_of(&work)?;
        let mut id = engine_ref(&work.resource);
        // The machine may have started anew since they were put into its memory.
        keep(&work, &host, Removed::Kept).await?;
        match start_container(&host, &id).await {
            // What somebody else has made and removed is theirs to make again.
            Err(error @ EngineError::NoSuchContainer { .. }) if work.resource.flag(NATIVE) => {
                return Err(Failure { message: error.to_string(), retry: Retry::Never });
            }
            // First its id is forgotten: if the power failed once there is another, nobody would know whose it is.
            Err(EngineError::NoSuchContainer { .. })
                if work.resource.str("externalId").is_some() =>
            {
                return Outcome::commit(|tx, work| {
                    tx.update(work.resource.id, |row| {
                        row.data.shift_remove("externalId");
                        Ok(())
                    })?;
                    Ok(Next::Wait { until: Some(tx.now), message: MADE_ANEW.to_owned() })
                });
            }
            Err(EngineError::NoSuchContainer { .. }) => {
                id = create_container(&work, &host).await?;
                start_container(&host, &id).await.map_err(|error| named(error, &id, &work))?;
            }
            outcome => outcome.map_err(|error| named(error, &id, &work))?,
        }
        let ran = versions::images::look(&work, &host, &id).await;
        let remark = keys::complaint(&work.site, &work.resource)?;
        Outcome::commit(move |tx, work| {
            let now = tx.now;
            let started = tx.update(work.resource.id, |row| {
                row.set("externalId", id);
                row.set("startCount", row.int("startCount").unwrap_or(0) + 1);
                row.set("startedAt", now);
                if let Some(health) = health_after_start(row) {
                    row.set("healthState", health);
                    row.set("healthUpdated", now);
                }
                row.data.entry("firstRunning").or_insert_with(|| now.into());
                Ok(())
            })?;
            storage::follow_container(tx, &started)?;
            providers::started(tx, &started)?;
            if let Some(ran) = &ran {
                versions::ran(tx, &started, ran)?;
            }
            Ok(remark.map_or(Next::Finish, Next::Remark))
        })
    })
}

/// A failure in which the container is called what people call it.
fn named(error: EngineError, id: &str, work: &Work) -> Failure {
    let failure = Failure::from(error);
    Failure { message: failure.message.replace(id, &work.resource.display_name()), ..failure }
}

/// The health of a container that is checked, right after its start (containers.md, section 8).
fn health_after_start(row: &Resource) -> Option<&'static str> {
    let is_set = |field: &str| row.data.get(field).is_some_and(|value| !value.is_null());
    if !is_set("healthCheck") && !is_set("healthCmd") {
        return None;
    }
    match row.str("healthState") {
        None => Some("initializing"),
        Some("healthy" | "updating-healthy") => Some("reinitializing"),
        Some(_) => None,
    }
}

async fn start_container(host: &HostEngine, id: &str) -> Result<(), EngineError> {
    let _permit = host.permits.acquire().await;
    host.engine.start(id).await
}

/// The secrets that a container is given.
fn secrets(work: &Work, removed: Removed) -> Result<Vec<SecretFile>, Failure> {
    let (site, row) = (&work.site, &work.resource);
    Ok(site.store.read(|read| {
        let mut files = secrets::files(read, &site.vault, row, removed)?;
        if let Some(service) = balancer::service_of(read, row)? {
            files.extend(balancer::certificate_files(read, &site.vault, &service)?);
        }
        Ok(files)
    })?)
}

/// Puts a container's secrets into the memory of its machine; how to mount them.
async fn keep(work: &Work, host: &HostEngine, removed: Removed) -> Result<Vec<BindMount>, Failure> {
    let files = secrets(work, removed)?;
    if files.is_empty() {
        return Ok(Vec::new());
    }
    match host.engine.secrets_put(&work.resource.uuid, &files).await {
        // Where there is no way to the machine's memory, balancers do without certificates.
        Err(EngineError::BadSpec { .. }) if !balancer::holds_secrets(&files) => Ok(Vec::new()),
        outcome => Ok(outcome?),
    }
}

async fn create_container(work: &Work, host: &HostEngine) -> Result<String, Failure> {
    work.site.ledger.ensure(&work.site.store).await?;
    keys::ensure(work).await?;
    let mut plan = Plan::read(work)?;
    // One that ran before is made again as it was.
    let ran = work.resource.data.get("firstRunning").is_some();
    let removed = if ran { Removed::Kept } else { Removed::Refused };
    plan.spec.storage.mounts = keep(work, host, removed).await?;
    for volume in &plan.volumes {
        host.engine.volume_ensure(volume).await?;
    }
    let row = &work.resource;
    if row.map("build").is_some() {
        build::build(work, host, row).await?;
    } else if row.label(label::PULL_IMAGE) == Some("always") {
        pull(work, host, &plan.spec.image).await?;
    }
    let id = match try_create(work, host, &plan).await {
        Err(EngineError::ImageNotFound { .. }) => {
            pull(work, host, &plan.spec.image).await?;
            try_create(work, host, &plan).await?
        }
        Err(EngineError::NoSuchNetwork { .. }) => {
            // Somebody removed it while we thought it was there.
            if let Some(network) = &plan.network {
                work.site.engines.network_unknown(plan.host_id, &network.name);
            }
            try_create(work, host, &plan).await?
        }
        outcome => outcome?,
    };
    if let Some(files) = &plan.files {
        host.engine.upload(&id, "/", files.clone()).await?;
    }
    adopted::meet_neighbours(work, host, &id).await?;
    Ok(id)
}

async fn try_create(work: &Work, host: &HostEngine, plan: &Plan) -> Result<String, EngineError> {
    let _permit = host.permits.acquire().await;
    if let Some(network) = &plan.network
        && !work.site.engines.knows_network(plan.host_id, &network.name)
    {
        host.engine.network_ensure(network).await?;
        work.site.engines.network_known(plan.host_id, &network.name);
    }
    host.engine.create(&plan.spec).await
}

/// Pulls an image, showing how it goes on the container.
async fn pull(work: &Work, host: &HostEngine, image: &str) -> Result<(), Failure> {
    let row = &work.resource;
    let wanted = row.int("registryCredentialId");
    let login = work.site.store.read(|read| {
        registries::login_for(read, &work.site.vault, row.account_id, image, wanted)
    })?;
    let (sender, progress) = watch::channel(format!("pulling {image}"));
    let report = move |step: crate::engine::PullProgress| {
        sender.send_replace(step.to_string());
    };
    watched(work, progress, pulls::pull(host.engine.as_ref(), image, login.as_ref(), &report)).await
}

/// Waits for what takes long, showing on the container how it goes.
pub(super) async fn watched(
    work: &Work,
    mut progress: watch::Receiver<String>,
    job: impl Future<Output = Result<(), EngineError>>,
) -> Result<(), Failure> {
    tokio::pin!(job);
    loop {
        let text = progress.borrow_and_update().clone();
        work.show(text).await;
        tokio::select! {
            biased;
            outcome = &mut job => return Ok(outcome?),
            () = work.site.clock.sleep_ms(PROGRESS_MS) => {}
        }
    }
}

/// What the engine is asked for, read from the tables in one go.
struct Plan {
    host_id: i64,
    spec: spec::ContainerSpec,
    network: Option<NetworkSpec>,
    volumes: Vec<EngineVolume>,
    files: Option<Bytes>,
}

impl Plan {
    fn read(work: &Work) -> Result<Self, Failure> {
        let row = &work.resource;
        let mut network = None;
        let mut volumes = Vec::new();
        let mut balancer = None;
        let mut network_name = None;
        let mut fields = row.data.clone();
        let mut extras = Extras {
            uuid: row.uuid.clone(),
            name: row.name.clone().unwrap_or_default(),
            restarts: if row.int("serviceId").is_some() {
                Restarts::ByService
            } else {
                Restarts::ByPolicy
            },
            ..Default::default()
        };
        work.site.store.read(|read| {
            if let Some(environment) = row.account_id.map(|id| read.get(id)).transpose()?.flatten()
            {
                extras.labels.insert(label::ENVIRONMENT_UUID.to_owned(), environment.uuid);
            }
            (extras.network, network) = attachment(read, &work.site, row)?;
            let on = row.int("primaryNetworkId").map(|id| read.get(id)).transpose()?.flatten();
            network_name = on.and_then(|network| network.name);
            extras.volumes_from = engine_ids(read, row.list("dataVolumesFrom"))?;
            (volumes, extras.volume_mounts) = named_volumes(read, row)?;
            if let Some(service) = balancer::service_of(read, row)? {
                balancer = Some(balancer::launch(read, &service, row)?);
            }
            extras.env = keys::environment(read, &work.site, row)?;
            instance_links::equip(read, row, &mut fields)
        })?;
        extras.labels.insert(label::CONTAINER_UUID.to_owned(), row.uuid.clone());
        extras.labels.insert(label::CONTAINER_NAME.to_owned(), extras.name.clone());
        if let NetworkAttachment::Named(endpoint) = &extras.network {
            let address = endpoint.ipv4.as_ref().map(|ip| format!("{ip}/16"));
            let told = [
                (label::CONTAINER_IP, address),
                (label::CONTAINER_MAC, endpoint.mac.clone()),
                (label::CNI_NETWORK, network_name),
                (label::CNI_WAIT, Some("true".to_owned())),
            ];
            let told = told.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
            extras.labels.extend(told);
        }
        naming::name(row, &work.site.engines, &mut extras);
        let mut entries = row.list("files").to_vec();
        if let Some(balancer) = &balancer {
            balancer.put(&mut fields);
            entries.push(balancer.files());
        }
        let spec = spec::container_spec(&fields, &extras)
            .map_err(|error| Failure { message: error.to_string(), retry: Retry::Never })?;
        let files = files(&entries).map_err(|error| Failure {
            message: format!("cannot pack the files of `{}`: {error}", extras.name),
            retry: Retry::Never,
        })?;
        Ok(Self { host_id: row.int("hostId").unwrap_or(0), spec, network, volumes, files })
    }
}

/// How the container's mode translates, and the network to make sure of.
pub(super) fn attachment(
    read: &crate::store::Read<'_>,
    site: &Site,
    row: &Resource,
) -> Result<(NetworkAttachment, Option<NetworkSpec>)> {
    let Some(network_id) = row.int("primaryNetworkId") else {
        return Ok((NetworkAttachment::EngineDefault, None));
    };
    let network = read.require("network", network_id)?;
    let attachment = match network.kind.as_str() {
        "dockerHost" => NetworkAttachment::Host,
        "dockerNone" => NetworkAttachment::None,
        "dockerBridge" => NetworkAttachment::Bridge,
        "dockerContainer" => {
            let Some(owner) = row.int("networkContainerId") else {
                return Err(Error::conflict("the container whose network it shares is not there"));
            };
            NetworkAttachment::Container(engine_ref(&read.require("instance", owner)?))
        }
        _ => {
            let name = network.str("engineName").unwrap_or_default().to_owned();
            let endpoint = Endpoint {
                network: name,
                ipv4: row.str("primaryIpAddress").map(str::to_owned),
                mac: row.str(MAC).map(str::to_owned),
                aliases: Vec::new(),
            };
            return Ok((NetworkAttachment::Named(endpoint), Some(network_spec(site, &network)?)));
        }
    };
    Ok((attachment, None))
}

/// The engine's network for a network row.
fn network_spec(site: &Site, network: &Resource) -> Result<NetworkSpec> {
    let subnet = site.ledger.look(|books| books.subnets.get(&network.id).copied())?;
    let labels = BTreeMap::from([("io.ranchette.network.uuid".to_owned(), network.uuid.clone())]);
    Ok(NetworkSpec {
        name: network.str("engineName").unwrap_or_default().to_owned(),
        subnet: subnet.map(|(_, subnet)| subnet.to_string()),
        gateway: subnet.map(|(_, subnet)| subnet.gateway().to_string()),
        bridge: None,
        labels,
    })
}

fn engine_ids(read: &crate::store::Read<'_>, ids: &[Value]) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for id in ids.iter().filter_map(Value::as_i64) {
        found.push(engine_ref(&read.require("instance", id)?));
    }
    Ok(found)
}

/// Volumes to make sure of, and the mounts that `dataVolumes` does not already say.
fn named_volumes(
    read: &crate::store::Read<'_>,
    row: &Resource,
) -> Result<(Vec<EngineVolume>, BTreeMap<String, String>)> {
    let said: Vec<&str> = row
        .strings("dataVolumes")
        .into_iter()
        .filter_map(VolumeSpec::parse)
        .map(|spec| spec.target)
        .collect();
    let mut volumes = Vec::new();
    let mut mounts = BTreeMap::new();
    for (path, id) in row.map("dataVolumeMounts").into_iter().flatten() {
        let Some(volume) = id.as_i64().map(|id| read.require("volume", id)).transpose()? else {
            continue;
        };
        let name = volume.name.clone().unwrap_or_default();
        volumes.push(storage::engine_volume(&volume)?);
        if !said.contains(&path.as_str()) {
            mounts.insert(path.clone(), name);
        }
    }
    Ok((volumes, mounts))
}

/// The archive of files that are put into the container before it starts.
fn files(entries: &[Value]) -> std::io::Result<Option<Bytes>> {
    use base64::Engine as _;
    if entries.is_empty() {
        return Ok(None);
    }
    let number = |entry: &Value, key: &str, default: u64| {
        entry.get(key).and_then(Value::as_u64).unwrap_or(default)
    };
    let mut archive = tar::Builder::new(Vec::new());
    for entry in entries {
        let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default();
        let content = base64::engine::general_purpose::STANDARD
            .decode(text("content"))
            .map_err(std::io::Error::other)?;
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(u32::try_from(number(entry, "mode", 0o444)).unwrap_or(0o444));
        header.set_uid(number(entry, "uid", 0));
        header.set_gid(number(entry, "gid", 0));
        archive.append_data(
            &mut header,
            text("path").trim_start_matches('/'),
            content.as_slice(),
        )?;
    }
    Ok(Some(archive.into_inner()?.into()))
}
