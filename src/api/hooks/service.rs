//! Services: names, launch configurations and scale, checked before anything is made of them.

use serde_json::{Map, Value};

use super::host::{require_infrastructure, restrict_keys};
use super::{Creation, Ctx, Hook, ports, secret, selector};
use crate::error::{Error, Result};
use crate::model::launch::bare;
use crate::model::names::{NO_IMAGE, label};
use crate::model::resource::Resource;
use crate::process;
use crate::process::images;

/// `service`.
pub const HOOK: Hook = Hook {
    create: Some(create),
    created: Some(created),
    update: Some(update),
    act: Some(act),
    check: Some(super::upgrade::check),
    ..Hook::of("service")
};

/// Size of a service's metadata as JSON, in characters.
const MAX_METADATA: usize = 1 << 20;
/// States of a stack to which nothing can be added.
const CLOSED: &[&str] = &["error", "erroring", "removing", "removed", "purging", "purged"];

fn create(ctx: &mut Ctx<'_, '_>, creation: &mut Creation) -> Result<()> {
    let stack = open_stack(ctx, creation)?;
    let name = creation.row.name.clone().unwrap_or_default();
    check_name(&name)?;
    normalise(&mut creation.row.data);
    settle_images(ctx, &mut creation.row.data)?;
    let data = &creation.row.data;
    let sidekicks = sidekick_names(data)?;
    check_unique(ctx, stack.id, None, &name, &sidekicks)?;
    check_image(ctx.entry.is_child(), data)?;
    check_configs(ctx, data)?;
    check_siblings(&name, data)?;
    check_common(data)?;
    check_external(&creation.row.kind, data)?;
    if stack.flag("system") {
        let what = || format!("system stack `{}`", stack.display_name());
        require_infrastructure(ctx.tx, ctx.caller, what)?;
        creation.row.data.insert("system".to_owned(), true.into());
    }
    // Each unit of containers keeps its number, volumes and uuid when a container is replaced.
    creation.row.data.insert("serviceIndexStrategy".to_owned(), "deploymentUnitBased".into());
    Ok(())
}

fn created(ctx: &mut Ctx<'_, '_>, row: &Resource, _: &mut Creation) -> Result<()> {
    restrict_keys(ctx.tx, ctx.caller, row.id)?;
    process::versions::record(ctx.tx, row, "create", "")
}

fn open_stack(ctx: &Ctx<'_, '_>, creation: &Creation) -> Result<Resource> {
    let refused = |why: String| {
        Err(Error::field("InvalidState", "stackId")
            .message(format!("stack is not in a valid state: {why}")))
    };
    let Some(id) = creation.row.data.get("stackId").and_then(Value::as_i64) else {
        return refused("a service needs a stack".to_owned());
    };
    let stack = ctx.tx.require("stack", id)?;
    if stack.removed.is_some() || CLOSED.contains(&stack.state.as_str()) {
        return refused(format!("`{}` is {}", stack.display_name(), stack.state));
    }
    Ok(stack)
}

/// Length and letters follow from the schema; this is what a character class cannot say.
pub(super) fn check_name(name: &str) -> Result<()> {
    if name.starts_with('-') || name.ends_with('-') || name.contains("--") {
        return Err(Error::field("InvalidCharacters", "name").message(format!(
            "service name `{name}` begins or ends with a dash, or has two in a row"
        )));
    }
    Ok(())
}

/// Launch configurations as they are kept: the primary has no name, and all have a version.
fn normalise(data: &mut Map<String, Value>) {
    if let Some(Value::Object(primary)) = data.get_mut("launchConfig") {
        primary.shift_remove("name");
        primary.entry("version").or_insert_with(|| "0".into());
    }
    if let Some(Value::Array(sidekicks)) = data.get_mut("secondaryLaunchConfigs") {
        for sidekick in sidekicks.iter_mut().filter_map(Value::as_object_mut) {
            sidekick.entry("version").or_insert_with(|| "0".into());
        }
    }
}

fn primary(data: &Map<String, Value>) -> Option<&Map<String, Value>> {
    data.get("launchConfig").and_then(Value::as_object)
}

fn sidekicks(data: &Map<String, Value>) -> impl Iterator<Item = &Map<String, Value>> {
    let list = data.get("secondaryLaunchConfigs").and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_object)
}

fn launch_configs(data: &Map<String, Value>) -> impl Iterator<Item = &Map<String, Value>> {
    primary(data).into_iter().chain(sidekicks(data))
}

fn check_configs(ctx: &Ctx<'_, '_>, data: &Map<String, Value>) -> Result<()> {
    for config in launch_configs(data) {
        ports::check(config.get("ports"))?;
        images::check(ctx.tx, config)?;
    }
    Ok(())
}

/// Settles where the images of launch configurations come from.
pub(super) fn settle_images(ctx: &Ctx<'_, '_>, data: &mut Map<String, Value>) -> Result<()> {
    let mut configs: Vec<&mut Value> = Vec::new();
    for (field, value) in data.iter_mut() {
        match (field.as_str(), value) {
            ("launchConfig", config) => configs.push(config),
            ("secondaryLaunchConfigs", Value::Array(sidekicks)) => configs.extend(sidekicks),
            _ => {}
        }
    }
    for config in configs.into_iter().filter_map(Value::as_object_mut) {
        images::settle(ctx.tx, config, "imageUuid")?;
    }
    Ok(())
}

pub(super) fn text<'a>(config: &'a Map<String, Value>, field: &str) -> &'a str {
    config.get(field).and_then(Value::as_str).unwrap_or("")
}

fn sidekick_names(data: &Map<String, Value>) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for sidekick in sidekicks(data) {
        let name = text(sidekick, "name");
        check_name(name)?;
        names.push(name.to_owned());
    }
    Ok(names)
}

/// Services and sidekicks of a stack share one set of names, whatever their letter case.
pub(super) fn check_unique(
    ctx: &Ctx<'_, '_>,
    stack_id: i64,
    own: Option<i64>,
    name: &str,
    sidekicks: &[String],
) -> Result<()> {
    let mut taken: Vec<String> = Vec::new();
    for other in ctx.tx.referrers("service", "stackId", stack_id)? {
        if Some(other.id) == own {
            continue;
        }
        taken.extend(other.name.clone());
        taken
            .extend(super::service::sidekicks(&other.data).map(|own| text(own, "name").to_owned()));
    }
    for wanted in std::iter::once(name).chain(sidekicks.iter().map(String::as_str)) {
        if taken.iter().any(|other| other.eq_ignore_ascii_case(wanted)) {
            return Err(Error::field("NotUnique", "name").message(format!(
                "the stack already has a service or sidekick called `{wanted}`"
            )));
        }
        taken.push(wanted.to_owned());
    }
    Ok(())
}

/// Services whose containers come from elsewhere need no image; they are types of their own.
pub(super) fn check_image(is_other_kind: bool, data: &Map<String, Value>) -> Result<()> {
    if is_other_kind {
        return Ok(());
    }
    let image = primary(data).map_or("", |config| text(config, "imageUuid"));
    let image = bare(image);
    let built = primary(data).is_some_and(|config| config.contains_key("build"));
    let selects = data.get("selectorContainer").and_then(Value::as_str).is_some();
    if (image.trim().is_empty() || image == NO_IMAGE) && !built && !selects {
        return Err(Error::field(
            "InvalidOption",
            "Image is required when selectorContainer is not passed in",
        )
        .message("a service needs an image in launchConfig.imageUuid, such as docker:nginx"));
    }
    Ok(())
}

/// What launch configurations take from each other: volumes and the network, by name.
pub(super) fn check_siblings(name: &str, data: &Map<String, Value>) -> Result<()> {
    let mut uses: Vec<(String, Vec<String>)> = Vec::new();
    for (index, config) in launch_configs(data).enumerate() {
        let own = if index == 0 { name.to_owned() } else { text(config, "name").to_owned() };
        let volumes = config.get("dataVolumesFromLaunchConfigs").and_then(Value::as_array);
        let volumes = volumes.into_iter().flatten().filter_map(Value::as_str);
        let network = Some(text(config, "networkLaunchConfig")).filter(|used| !used.is_empty());
        let used = volumes.chain(network).map(str::to_ascii_lowercase).collect();
        uses.push((own.to_ascii_lowercase(), used));
    }
    for (own, used) in &uses {
        if let Some(unknown) = used.iter().find(|used| !uses.iter().any(|row| row.0 == **used)) {
            return Err(Error::field("InvalidReference", unknown.clone()).message(format!(
                "`{own}` uses the sidekick `{unknown}`, which does not exist or is not properly \
                 labeled as a sidekick"
            )));
        }
        if reaches(&uses, own, own, uses.len()) {
            return Err(Error::field("InvalidReference", "CircularReference").message(format!(
                "`{own}` uses its own volumes or network through its sidekicks"
            )));
        }
    }
    Ok(())
}

/// Whether `from` uses `target`, directly or within so many steps.
fn reaches(uses: &[(String, Vec<String>)], from: &str, target: &str, steps: usize) -> bool {
    let used = uses.iter().find(|row| row.0 == from).map_or(&[][..], |row| row.1.as_slice());
    used.iter().any(|next| next == target || (steps > 0 && reaches(uses, next, target, steps - 1)))
}

/// An external service stands for addresses or for one name.
fn check_external(kind: &str, data: &Map<String, Value>) -> Result<()> {
    let has_addresses = data
        .get("externalIpAddresses")
        .and_then(Value::as_array)
        .is_some_and(|addresses| !addresses.is_empty());
    let has_name =
        data.get("hostname").and_then(Value::as_str).is_some_and(|name| !name.is_empty());
    if kind == "externalService" && has_addresses && has_name {
        return Err(Error::field("InvalidOption", "externalIpAddresses").message(
            "an external service has either externalIpAddresses or a hostname, not both",
        ));
    }
    Ok(())
}

/// What holds for creates and changes alike.
fn check_common(data: &Map<String, Value>) -> Result<()> {
    launch_configs(data).try_for_each(secret::check_references)?;
    if let Some(policy) = data.get("scalePolicy").and_then(Value::as_object) {
        let bound = |field: &str| policy.get(field).and_then(Value::as_i64).unwrap_or(1);
        if bound("min") > bound("max") {
            return Err(Error::field("MaxLimitExceeded", "Min scale can't exceed scale").message(
                format!("scalePolicy.min is {}, more than max {}", bound("min"), bound("max")),
            ));
        }
    }
    let metadata = data.get("metadata").map_or(0, |metadata| metadata.to_string().len());
    if metadata > MAX_METADATA {
        return Err(Error::field("MaxLimitExceeded", "metadata limit is 1MB")
            .message(format!("the metadata is {metadata} characters long, more than 1 MiB")));
    }
    for field in ["selectorContainer", "selectorLink"] {
        if let Some(text) = data.get(field).and_then(Value::as_str) {
            selector::check(field, text)?;
        }
    }
    Ok(())
}

pub(super) fn is_global(data: &Map<String, Value>) -> bool {
    launch_configs(data).any(|config| {
        let labels = config.get("labels").and_then(Value::as_object);
        labels.and_then(|labels| labels.get(label::GLOBAL)).and_then(Value::as_str) == Some("true")
    })
}

fn update(ctx: &mut Ctx<'_, '_>, row: &Resource, changes: &mut Map<String, Value>) -> Result<()> {
    act(ctx, row, "update")?;
    // No scale means the one there is.
    if changes.get("scale").is_some_and(Value::is_null) {
        changes.shift_remove("scale");
    }
    if let Some(name) = changes.get("name").and_then(Value::as_str) {
        check_name(name)?;
        if let Some(stack) = row.int("stackId") {
            check_unique(ctx, stack, Some(row.id), name, &[])?;
        }
    }
    settle_images(ctx, changes)?;
    check_configs(ctx, changes)?;
    if launch_configs(changes).next().is_some() {
        restrict_keys(ctx.tx, ctx.caller, row.id)?;
    }
    if changes.get("launchConfig").is_some() {
        let mut after = row.data.clone();
        after.extend(changes.clone());
        if is_global(&row.data) != is_global(&after) {
            return Err(Error::field("InvalidOption", "launchConfig").message(format!(
                "service `{}` cannot switch between a fixed scale and one container per host",
                row.display_name()
            )));
        }
    }
    if row.kind == "externalService" {
        let mut after = row.data.clone();
        after.extend(changes.clone());
        check_external(&row.kind, &after)?;
    }
    check_common(changes)
}

fn act(ctx: &mut Ctx<'_, '_>, row: &Resource, action: &str) -> Result<()> {
    if matches!(action, "remove" | "deactivate") {
        check_driver(ctx, row)?;
    }
    if row.flag("system") {
        let what = || format!("system service `{}`", row.display_name());
        require_infrastructure(ctx.tx, ctx.caller, what)?;
    }
    Ok(())
}

/// A service whose storage driver is in use stays.
pub(super) fn check_driver(ctx: &Ctx<'_, '_>, row: &Resource) -> Result<()> {
    if row.map("storageDriver").is_none() {
        return Ok(());
    }
    let users = process::storage::driver_users(ctx.tx, row.id)?;
    if users.is_empty() {
        return Ok(());
    }
    let names: Vec<String> =
        users.iter().map(|volume| format!("`{}`", volume.display_name())).collect();
    let ids: Vec<String> = users.iter().map(|volume| volume.id.to_string()).collect();
    Err(Error::code("DRIVER_IN_USE")
        .message(format!(
            "the storage driver of service `{}` is in use by {}",
            row.display_name(),
            names.join(", ")
        ))
        .detail(ids.join(",")))
}
