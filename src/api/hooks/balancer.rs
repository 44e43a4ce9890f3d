//! Balancers: what their rules must say, and what their containers have without being told.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde_json::{Map, Value};

use super::service::text;
use super::{Creation, Ctx, Hook};
use crate::error::{Error, Result};
use crate::model::resource::Resource;
use crate::process::balancer;
use crate::process::site::Site;

/// Hook of `loadBalancerService`.
pub const HOOK: Hook = Hook {
    trial: Some(try_out),
    create: Some(create),
    update: Some(update),
    ..Hook::of("loadBalancerService")
};

/// The first version of Rancher's balancers that ends connections in peace.
const DRAINS_SINCE: [u32; 3] = [0, 7, 12];
/// Where a balancer answers whoever asks after its health.
const HEALTH_PORT: i64 = 42;

/// Refuses a user's own lines that HAProxy does not take, with its words.
fn try_out<'a>(
    site: &'a Arc<Site>,
    before: Option<&'a Resource>,
    service: &'a Resource,
) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        if before.is_some_and(|before| before.data.get("lbConfig") == service.data.get("lbConfig"))
        {
            return Ok(());
        }
        match balancer::refusal(site, service).await? {
            Some(words) => Err(Error::field("InvalidFormat", "lbConfig").message(words)),
            None => Ok(()),
        }
    })
}

fn create(_: &mut Ctx<'_, '_>, creation: &mut Creation) -> Result<()> {
    check_rules(&creation.row.data)?;
    if let Some(Value::Object(launch)) = creation.row.data.get_mut("launchConfig") {
        balancer::default_check(launch);
        label_agent(launch);
    }
    Ok(())
}

/// Labels that Rancher gives balancers, whose program asks a server for its configuration. A user's own stay.
fn label_agent(launch: &mut Map<String, Value>) {
    let image = text(launch, "imageUuid");
    let drains = drains(image);
    let role = if drains { "environmentAdmin,agent" } else { "environmentAdmin" };
    let wanted = [
        ("io.rancher.container.agent.role", Some(role)),
        ("io.rancher.container.create_agent", Some("true")),
        ("io.rancher.container.agent_service.drain_provider", drains.then_some("true")),
    ];
    let labels = launch.entry("labels").or_insert_with(|| Value::Object(Map::new()));
    let Value::Object(labels) = labels else { return };
    for (key, value) in wanted {
        if let Some(value) = value {
            labels.entry(key).or_insert_with(|| value.into());
        }
    }
}

/// Whether the image is one of Rancher's that ends connections in peace.
fn drains(image: &str) -> bool {
    let version = image.rsplit_once("lb-service-haproxy:v").map(|(_, version)| version);
    let numbers = version.map(|version| version.split('.').map(|part| part.parse::<u32>().ok()));
    let numbers: Option<Vec<u32>> = numbers.and_then(Iterator::collect);
    numbers.is_some_and(|numbers| numbers >= DRAINS_SINCE.to_vec())
}

fn update(_: &mut Ctx<'_, '_>, _: &Resource, changes: &mut Map<String, Value>) -> Result<()> {
    check_rules(changes)
}

/// Checks what the schema cannot say of `lbConfig.portRules`.
fn check_rules(data: &Map<String, Value>) -> Result<()> {
    let rules = data.get("lbConfig").and_then(|config| config.get("portRules")?.as_array());
    let rules = rules.into_iter().flatten().filter_map(Value::as_object);
    rules.enumerate().try_for_each(|(at, rule)| check_rule(at + 1, rule))
}

fn check_rule(number: usize, rule: &Map<String, Value>) -> Result<()> {
    let fault = |code: &'static str, field: &str, what: &str| {
        Err(Error::field(code, field).message(format!("port rule {number} {what}")))
    };
    let has_port = |field: &str| rule.get(field).is_some_and(|port| !port.is_null());
    let has_service = rule.get("serviceId").is_some_and(|service| !service.is_null());
    let has_selector = !text(rule, "selector").is_empty();
    match (has_service, has_selector) {
        (true, true) => {
            return fault(
                "InvalidOption",
                "Can't specify both selector and serviceId",
                "has a serviceId and a selector; give one of the two",
            );
        }
        (false, false) => {
            return fault("MissingRequired", "serviceId", "has neither serviceId nor selector");
        }
        (true, false) if !has_port("targetPort") => {
            return fault("MissingRequired", "targetPort", "needs the targetPort of its service");
        }
        (true, false) | (false, true) => {}
    }
    if text(rule, "protocol") == "udp" {
        let what =
            "has the protocol udp, which HAProxy does not carry; publish the port at the service";
        return fault("InvalidOption", "protocol", what);
    }
    if !text(rule, "region").is_empty() && text(rule, "environment").is_empty() {
        return fault("MissingRequired", "environment", "has a region and no environment in it");
    }
    match rule.get("sourcePort").and_then(Value::as_i64) {
        Some(HEALTH_PORT) => fault(
            "InvalidOption",
            "Port 42 is reserved for service health check",
            "listens on port 42, where the balancer answers whether it is healthy",
        ),
        Some(_) | None => Ok(()),
    }
}
