//! Puts a plan for a stack into rows and processes.

use std::collections::HashMap;

use base64::Engine as _;
use serde_json::{Map, Value, json};

use super::super::adopt;
use super::{Manner, Report, Request, balancers, links, secrets, strategy, volumes};
use crate::compose::plan::{Action, Change};
use crate::compose::{Condition, FileContent, FileKind, MountedFile, Project, Service};
use crate::error::{Error, Result};
use crate::model::launch;
use crate::model::resource::{NewResource, Resource};
use crate::process;
use crate::process::template::HELD_BACK;
use crate::store::Tx;
use crate::vault::Vault;

/// Label by which Rancher's tools see that a service has changed.
const HASH: &str = "io.rancher.service.hash";

/// Makes the stack if need be and applies the changes; returns the stack's id.
pub fn apply(
    tx: &mut Tx<'_>,
    vault: &Vault,
    environment: i64,
    request: &Request,
    project: &Project,
    report: &Report,
) -> Result<i64> {
    let stack = match report.stack_id {
        Some(id) => tx.update(id, |stack| {
            remember(stack, request, project);
            Ok(())
        })?,
        None => {
            let uuid = tx.entropy.uuid();
            let stack = NewResource::new("stack", uuid)
                .name(report.name.as_str())
                .account(environment)
                .with("startOnCreate", true)
                .with("deployed", true);
            let stack = process::create(tx, stack, Map::new())?;
            tx.update(stack.id, |stack| {
                remember(stack, request, project);
                Ok(())
            })?
        }
    };
    if !["active", "activating", "updating-active", "error"].contains(&stack.state.as_str()) {
        return Err(Error::conflict(format!(
            "stack `{}` is {}; wait until that is done",
            report.name, stack.state
        )));
    }
    services(tx, vault, &stack, project, report, Manner::Update)?;
    Ok(stack.id)
}

/// The stack keeps its files, so that they can be shown and edited.
pub(super) fn remember(stack: &mut Resource, request: &Request, project: &Project) {
    stack.set("dockerCompose", request.docker_compose.as_str());
    stack.set("rancherCompose", request.rancher_compose.as_deref());
    match &request.bound {
        Some(bound) => bound.put(stack),
        None => {
            super::bound::forget_applied(stack);
            secrets::Remembered::of(request, project).put(stack);
        }
    }
}

/// Applies the changes to a stack's services.
pub fn services(
    tx: &mut Tx<'_>,
    vault: &Vault,
    stack: &Resource,
    project: &Project,
    report: &Report,
    manner: Manner,
) -> Result<()> {
    // A project that was taken over keeps its volumes.
    let prefix = stack.str(adopt::PROJECT).or(stack.name.as_deref()).unwrap_or_default();
    let names = volumes::names(prefix, project);
    volumes::declare(tx, stack, project, &names)?;
    let secrets = secrets::declare(tx, vault, stack, project)?;
    let names = Names { volumes: &names, secrets: &secrets };
    let existing: HashMap<String, Resource> = tx
        .referrers("service", "stackId", stack.id)?
        .into_iter()
        .filter(|service| service.state != "removing")
        .map(|service| (service.name.clone().unwrap_or_default().to_ascii_lowercase(), service))
        .collect();
    let known = |change: &Change| existing.get(&change.service.to_ascii_lowercase());
    check_images(tx, project, report)?;
    // First of all: a service that is only being changed could not be started.
    for change in report.changes.iter().filter(|change| change.action == Action::Start) {
        if let Some(service) = known(change) {
            activate(tx, service)?;
        }
    }
    for change in &report.changes {
        let wanted = project.service(&change.service);
        let known = known(change);
        match (change.action, wanted, known) {
            (Action::Create, Some(wanted), _) => {
                create(tx, stack, project, wanted, &names, manner)?
            }
            (Action::Change, Some(wanted), Some(known)) => {
                let same_kind = known.kind == wanted.kind.as_str();
                if same_kind && super::is_global(known) == wanted.global {
                    let way = if manner == Manner::Upgrade { upgrade } else { update };
                    way(tx, project, wanted, known, &names)?;
                } else if manner == Manner::Upgrade {
                    return Err(Error::conflict(format!(
                        "service `{}` cannot become another kind of service in an upgrade",
                        known.display_name()
                    )));
                } else {
                    process::start(tx, known.id, "remove", Map::new())?;
                    create(tx, stack, project, wanted, &names, manner)?;
                }
            }
            (Action::Scale, Some(wanted), Some(known)) => {
                tx.update(known.id, |service| {
                    service.set("scale", wanted.scale);
                    Ok(())
                })?;
                follow(tx, known)?;
            }
            (Action::Remove, _, Some(known)) => {
                process::start(tx, known.id, "remove", Map::new())?;
            }
            _ => {}
        }
    }
    links::follow(tx, stack, project, report)?;
    balancers::follow(tx, stack, project, report)?;
    secrets::sweep(tx, stack, names.secrets)
}

/// What names in the file stand for.
struct Names<'a> {
    /// Names of volumes in the engine.
    volumes: &'a HashMap<String, String>,
    /// Secrets.
    secrets: &'a secrets::Ids,
}

/// Images that are built on the spot come from no registry.
fn check_images(tx: &Tx<'_>, project: &Project, report: &Report) -> Result<()> {
    let mut touched = report
        .changes
        .iter()
        .filter(|change| matches!(change.action, Action::Create | Action::Change))
        .filter_map(|change| project.service(&change.service));
    touched.try_for_each(|wanted| check_images_of(tx, wanted))
}

fn check_images_of(tx: &Tx<'_>, wanted: &Service) -> Result<()> {
    let built = |config: &Map<String, Value>| {
        let image = launch::text(config, "imageUuid").map(launch::written).unwrap_or_default();
        super::builds(wanted).any(|build| build.tag == image)
    };
    std::iter::once(&wanted.launch_config)
        .chain(&wanted.secondary_launch_configs)
        .filter(|config| !built(config))
        .try_for_each(|config| process::images::check(tx, config))
}

fn create(
    tx: &mut Tx<'_>,
    stack: &Resource,
    project: &Project,
    wanted: &Service,
    names: &Names<'_>,
    manner: Manner,
) -> Result<()> {
    let uuid = tx.entropy.uuid();
    let unsaid = manner != Manner::Import || stack.flag("startOnCreate");
    let starts = wanted.start_on_create.unwrap_or(unsaid);
    let mut row = NewResource::new("service", uuid)
        .kind(wanted.kind.as_str())
        .name(wanted.name.as_str())
        .with("stackId", stack.id)
        .with("startOnCreate", starts && !stack.flag(HELD_BACK))
        .with("system", stack.flag("system"))
        .with("serviceIndexStrategy", "deploymentUnitBased");
    row.account_id = stack.account_id;
    row.data.extend(wanted.fields.clone());
    row.data.extend(settings(project, wanted, names, "0")?);
    row = row.with("scale", wanted.scale.unwrap_or(1));
    let made = match manner {
        Manner::Adopt => at_rest(tx, row)?,
        Manner::Import | Manner::Update | Manner::Upgrade => process::create(tx, row, Map::new())?,
    };
    process::versions::record(tx, &made, "create", "")
}

/// A service for which nothing is done before its containers are its own.
fn at_rest(tx: &mut Tx<'_>, row: NewResource) -> Result<Resource> {
    let made = tx.insert(row.state("inactive"))?;
    process::selectors::service_changed(tx, &made)?;
    if let Some(message) = process::reserve::reserve(tx, &made)? {
        return Err(Error::conflict(message));
    }
    tx.require("service", made.id)
}

fn update(
    tx: &mut Tx<'_>,
    project: &Project,
    wanted: &Service,
    known: &Resource,
    names: &Names<'_>,
) -> Result<()> {
    // A version of its own marks every container made from the settings before as outdated.
    let version = tx.entropy.uuid();
    let settings = settings(project, wanted, names, &version)?;
    let now = tx.now;
    process::versions::ensure(tx, known)?;
    let changed = tx.update(known.id, |service| {
        service.data.extend(wanted.fields.clone());
        service.data.extend(settings);
        service.set("changedAt", now);
        Ok(())
    })?;
    process::versions::record(tx, &changed, "update", "")?;
    follow(tx, known)
}

/// Upgrades a service to what the file says; configurations that are as before keep their containers.
fn upgrade(
    tx: &mut Tx<'_>,
    project: &Project,
    wanted: &Service,
    known: &Resource,
    names: &Names<'_>,
) -> Result<()> {
    if !process::may_begin(known, "upgrade") {
        return Err(Error::conflict(format!(
            "service `{}` is {}; finish or roll back first",
            known.display_name(),
            known.state
        )));
    }
    let mut settings = settings(project, wanted, names, "0")?;
    let strategy = strategy::of(wanted, known, &mut settings);
    let mut with_it = wanted.fields.clone();
    with_it.append(&mut settings);
    let data = process::object(json!({
        process::upgrade::IN_SERVICE: strategy,
        process::upgrade::WITH_IT: with_it,
    }));
    process::start(tx, known.id, "upgrade", data)?;
    Ok(())
}

/// Starts a service; one that is being made is told to start when it is.
fn activate(tx: &mut Tx<'_>, service: &Resource) -> Result<()> {
    if service.state == "registering" {
        tx.update(service.id, |service| {
            service.set("startOnCreate", true);
            Ok(())
        })?;
        return Ok(());
    }
    process::start(tx, service.id, "activate", Map::new())?;
    Ok(())
}

/// Brings a service's containers in line with its changed row; one that is being made has none yet.
fn follow(tx: &mut Tx<'_>, service: &Resource) -> Result<()> {
    if service.state != "registering" {
        process::start(tx, service.id, "update", Map::new())?;
    }
    Ok(())
}

/// The fields of a service row that come from the compose file.
fn settings(
    project: &Project,
    wanted: &Service,
    names: &Names<'_>,
    version: &str,
) -> Result<Map<String, Value>> {
    let finish = |launch: &Map<String, Value>, sidekick: Option<&str>| {
        let mut launch = launch.clone();
        let secrets = secrets::references(wanted, sidekick, names.secrets);
        if !secrets.is_empty() {
            launch.insert("secrets".to_owned(), secrets.into());
        }
        volumes::rename(&mut launch, names.volumes);
        launch.insert("version".to_owned(), version.into());
        // What was taken over as it ran is of no file.
        if !wanted.hash.is_empty() {
            let labels = launch.entry("labels").or_insert_with(|| json!({}));
            if let Value::Object(labels) = labels {
                labels.insert(HASH.to_owned(), wanted.hash.as_str().into());
            }
        }
        Value::Object(launch)
    };
    let mut metadata = wanted.fields.get("metadata").cloned().unwrap_or_else(|| json!({}));
    if let Value::Object(metadata) = &mut metadata {
        metadata.insert(HASH.to_owned(), wanted.hash.as_str().into());
    }
    let sidekicks: Vec<Value> = wanted
        .secondary_launch_configs
        .iter()
        .map(|launch| finish(launch, launch.get("name").and_then(Value::as_str)))
        .collect();
    let depends_on: Vec<Value> = wanted
        .depends_on
        .iter()
        .map(|dependency| {
            json!({ "service": dependency.service, "condition": condition(dependency.condition) })
        })
        .collect();
    Ok(process::object(json!({
        "launchConfig": finish(&wanted.launch_config, None),
        "secondaryLaunchConfigs": sidekicks,
        "metadata": metadata,
        "composeHash": wanted.hash,
        "dependsOn": depends_on,
        "composeFiles": files(project, wanted)?,
    })))
}

const fn condition(condition: Condition) -> &'static str {
    match condition {
        Condition::Started => "started",
        Condition::Healthy => "healthy",
        Condition::CompletedSuccessfully => "completed",
    }
}

/// Contents of configs for each container of a unit, by the sidekick's name.
fn files(project: &Project, wanted: &Service) -> Result<Value> {
    let mut by_config: Map<String, Value> = Map::new();
    for file in wanted.files.iter().filter(|file| file.kind == FileKind::Config) {
        let declared = project.configs.iter().find(|declared| declared.key == file.source);
        let Some(declared) = declared else { continue };
        let FileContent::Bytes(bytes) = &declared.content else {
            return Err(Error::field("InvalidComposeFile", "dockerCompose").message(format!(
                "config `{}` of service `{}` is external; configs come from files only",
                file.source, wanted.name
            )));
        };
        let key = file.sidekick.clone().unwrap_or_default();
        let list = by_config.entry(key).or_insert_with(|| json!([]));
        if let Value::Array(list) = list {
            list.push(mounted(file, bytes));
        }
    }
    Ok(Value::Object(by_config))
}

fn mounted(file: &MountedFile, bytes: &[u8]) -> Value {
    let number = |text: &Option<String>| text.as_ref().and_then(|text| text.parse::<u64>().ok());
    let mode = file.mode.as_ref().and_then(|text| u32::from_str_radix(text, 8).ok());
    json!({
        "path": file.target,
        "uid": number(&file.uid).unwrap_or(0),
        "gid": number(&file.gid).unwrap_or(0),
        "mode": mode.unwrap_or(0o444),
        "content": base64::engine::general_purpose::STANDARD.encode(bytes),
    })
}
