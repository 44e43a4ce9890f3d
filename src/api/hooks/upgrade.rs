//! Upgrades of services: what is asked for, checked before it begins.

use futures_util::future::BoxFuture;
use serde_json::{Map, Value, json};

use super::host::restrict_keys;
use super::service::{check_name, check_siblings, check_unique, is_global, settle_images, text};
use super::{Answer, Ctx, ports, secret};
use crate::error::{Error, Result};
use crate::model::resource::Resource;
use crate::process::site::Site;
use crate::process::upgrade::in_service::Configs;
use crate::process::upgrade::{IN_SERVICE, TO_SERVICE, WITH_IT, strategy};
use crate::process::versions::back::{BACK_TO, Wanted};
use crate::process::{self, images, versions};

/// Checks what an action of a service is given.
///
/// # Errors
/// 422 when an upgrade cannot be done as asked.
pub fn check(
    ctx: &mut Ctx<'_, '_>,
    row: &Resource,
    action: &str,
    input: &mut Map<String, Value>,
) -> Result<()> {
    if action != "upgrade" {
        return Ok(());
    }
    restrict_keys(ctx.tx, ctx.caller, row.id)?;
    if let Some(strategy) = input.get_mut(IN_SERVICE).and_then(Value::as_object_mut) {
        settle_images(ctx, strategy)?;
    }
    match (strategy(input, IN_SERVICE), strategy(input, TO_SERVICE)) {
        (Some(strategy), None) => in_service(ctx, row, strategy),
        (None, Some(strategy)) => to_service(ctx, row, strategy),
        (Some(_), Some(_)) | (None, None) => {
            Err(Error::field("MissingRequired", "Upgrade strategy needs to be set").message(
                format!(
                    "the upgrade of service `{}` needs either inServiceStrategy or \
                     toServiceStrategy",
                    row.display_name()
                ),
            ))
        }
    }
}

/// Looks whether the images of the version that a service is to go back to can be had.
pub fn look_back<'a>(
    site: &'a Site,
    row: &'a Resource,
    input: &'a Map<String, Value>,
) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move { wanted(site, row, input)?.check(site).await })
}

fn wanted(site: &Site, row: &Resource, input: &Map<String, Value>) -> Result<Wanted> {
    let id = input.get("versionId").and_then(Value::as_i64).unwrap_or(0);
    let known = site.store.read(|read| versions::kept(read, row.id))?;
    Wanted::find(row, &known, id)
}

/// `service.rollbackto`: an upgrade to the configuration of a version, with the images that ran then.
///
/// # Errors
/// 422 and 409 as any upgrade, and when the service is as it was then.
pub fn roll_back_to(
    ctx: &mut Ctx<'_, '_>,
    row: &Resource,
    input: Map<String, Value>,
) -> Result<Answer> {
    let row = ctx.tx.require("service", row.id)?;
    let id = input.get("versionId").and_then(Value::as_i64).unwrap_or(0);
    let wanted = Wanted::find(&row, &versions::kept(ctx.tx, row.id)?, id)?;
    let mut speed = input;
    speed.shift_remove("versionId");
    let strategy = wanted.upgrade(&speed)?;
    let mut data = process::object(json!({
        IN_SERVICE: strategy,
        WITH_IT: wanted.beside(),
        BACK_TO: wanted.number(),
    }));
    if process::may_begin(&row, "upgrade") {
        check(ctx, &row, "upgrade", &mut data)?;
    }
    Ok(Answer::Row(process::start(ctx.tx, row.id, "upgrade", data)?))
}

fn in_service(ctx: &Ctx<'_, '_>, row: &Resource, strategy: &Map<String, Value>) -> Result<()> {
    let name = row.display_name();
    let given = Configs::given(strategy);
    if given.primary.is_none() && given.sidekicks.is_empty() {
        return Err(Error::field(
            "InvalidOption",
            "LaunchConfig/secondaryLaunchConfigs need to be specified for inService strategy",
        )
        .message(format!("the upgrade of service `{name}` gives no launch configuration")));
    }
    if row.kind == "loadBalancerService" && given.primary.is_none() {
        return Err(Error::field(
            "InvalidOption",
            "LaunchConfig is required for load balancer service",
        )
        .message(format!("the upgrade of balancer `{name}` needs a launchConfig")));
    }
    let start_first = strategy.get("startFirst").and_then(Value::as_bool).unwrap_or(false);
    if start_first && row.flag("retainIp") {
        return Err(Error::field(
            "InvalidOption",
            "StartFirst option can't be used for service with retainIp field set",
        )
        .message(format!(
            "service `{name}` retains its addresses; two containers cannot have one at a time, so \
             startFirst must be false"
        )));
    }
    for config in given.primary.iter().chain(&given.sidekicks) {
        ports::check(config.get("ports"))?;
        images::check(ctx.tx, config)?;
        secret::check_references(config)?;
    }
    let mut after = row.clone();
    Configs::of(row).upgraded(&name, strategy, "").put(&mut after);
    check_siblings(&name, &after.data)?;
    check_sidekicks(ctx, row, &given)?;
    if is_global(&row.data) != is_global(&after.data) {
        return Err(Error::field("InvalidOption", "launchConfig").message(format!(
            "service `{name}` cannot switch between a fixed scale and one container per host"
        )));
    }
    super::service::check_image(row.kind != "service", &after.data)
}

/// Sidekicks that come with an upgrade need names of their own.
fn check_sidekicks(ctx: &Ctx<'_, '_>, row: &Resource, given: &Configs) -> Result<()> {
    let known = Configs::of(row);
    let mut new = Vec::new();
    for sidekick in &given.sidekicks {
        let name = text(sidekick, "name");
        if name.is_empty() {
            return Err(Error::field("MissingRequired", "name")
                .message("every configuration in secondaryLaunchConfigs needs a name"));
        }
        check_name(name)?;
        let is = |other: &Map<String, Value>| text(other, "name").eq_ignore_ascii_case(name);
        if !known.sidekicks.iter().any(is) {
            new.push(name.to_owned());
        }
    }
    match row.int("stackId") {
        Some(stack) => check_unique(ctx, stack, Some(row.id), &row.display_name(), &new),
        None => Ok(()),
    }
}

fn to_service(ctx: &Ctx<'_, '_>, row: &Resource, strategy: &Map<String, Value>) -> Result<()> {
    let Some(id) = strategy.get("toServiceId").and_then(Value::as_i64) else {
        return Err(Error::field("MissingRequired", "toServiceId")
            .message("an upgrade to another service needs its id in toServiceId"));
    };
    let other = ctx.tx.require("service", id)?;
    if other.removed.is_some() || other.state == "removing" || id == row.id {
        let what = if id == row.id { "the service itself" } else { "a service that is removed" };
        return Err(Error::field("InvalidReference", "toServiceId")
            .message(format!("toServiceId is {what}")));
    }
    for service in [row, &other] {
        if is_global(&service.data) {
            return Err(Error::field("InvalidOption", "toServiceStrategy").message(format!(
                "service `{}` runs on every host; there is no scale to move",
                service.display_name()
            )));
        }
    }
    Ok(())
}
