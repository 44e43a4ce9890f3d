//! What agents and other programs report: who may say what of which environment. What follows from a
//! report is its process's business.

use std::net::IpAddr;

use serde_json::{Map, Value};

use super::host::require_infrastructure;
use super::{Creation, Ctx, Hook, service};
use crate::auth::{Role, registration};
use crate::error::{Error, Result};
use crate::process::{keys, reports};
use crate::store::{Condition, Op, Query};

/// `containerEvent`.
pub const CONTAINER: Hook = Hook { create: Some(container), ..Hook::of("containerEvent") };
/// `externalEvent`, and the types below it.
pub const OUTSIDE: Hook = Hook { create: Some(outside), ..Hook::of("externalEvent") };
/// `serviceEvent`.
pub const SERVICE: Hook = Hook { create: Some(check), ..Hook::of("serviceEvent") };

/// The setting that says how many reports about containers of a host may wait.
const MOST_WAITING: &str = "container.event.max.size";
const MOST: i64 = 150;

/// Services that a report may make: they run nothing here.
const KINDS: &[&str] = &["externalService", "kubernetesService"];

/// Who reports, and about which environment.
struct Reporter {
    environment: i64,
    agent: Option<i64>,
}

/// An agent reports about its own environment and nothing else, programs inside an environment about that.
fn reporter(ctx: &Ctx<'_, '_>, creation: &Creation) -> Result<Reporter> {
    let own = ctx.caller.account_id;
    if ctx.caller.role != Role::Agent {
        let environment = creation.row.account_id.unwrap_or(own);
        return Ok(Reporter { environment, agent: None });
    }
    let unknown = || {
        Error::code("CantVerifyAgent").message("there is no agent, or no environment, of this key")
    };
    let account = ctx.tx.get(own)?.ok_or_else(unknown)?;
    let environment = account.int(registration::AGENT_ENVIRONMENT).ok_or_else(unknown)?;
    let query = Query { ty: "agent", account_id: Some(own), limit: 1, ..Query::default() };
    let agent = ctx.tx.list(&query)?.pop();
    // A container that was given keys is no host's agent.
    if agent.is_none() && account.int(keys::CONTAINER).is_none() {
        return Err(unknown());
    }
    Ok(Reporter { environment, agent: agent.map(|agent| agent.id) })
}

fn missing(field: &str) -> Error {
    Error::field("MissingRequired", field).message(format!("field `{field}` is required"))
}

fn text<'a>(data: &'a Map<String, Value>, field: &str) -> Option<&'a str> {
    data.get(field).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty())
}

fn container(ctx: &mut Ctx<'_, '_>, creation: &mut Creation) -> Result<()> {
    let data = &creation.row.data;
    let reported = text(data, "reportedHostUuid").ok_or_else(|| missing("reportedHostUuid"))?;
    text(data, "externalId").ok_or_else(|| missing("externalId"))?;
    if data.get("dockerInspect").is_some_and(|inspected| !inspected.is_object()) {
        return Err(Error::field("InvalidFormat", "dockerInspect")
            .message("field `dockerInspect` must be a JSON object"));
    }
    let reporter = reporter(ctx, creation)?;
    let Some(agent) = reporter.agent else {
        return Err(Error::code("CantVerifyAgent")
            .message("only the agent of a host reports what becomes of containers there"));
    };
    let hosts = ctx.tx.referrers("host", "agentId", agent)?;
    let host = hosts.into_iter().find(|host| {
        host.str("reportedUuid") == Some(reported) && host.account_id == Some(reporter.environment)
    });
    let Some(host) = host else {
        return Err(Error::field("InvalidReference", "reportedHostUuid")
            .message(format!("agent {agent} has no host `{reported}`")));
    };
    let query = Query {
        ty: "containerEvent",
        conditions: vec![
            condition("hostId", host.id.into()),
            condition("state", "creating".into()),
        ],
        ..Query::default()
    };
    let most = ctx.tx.setting_int(MOST_WAITING).unwrap_or(MOST);
    if ctx.tx.count(&query)? >= most {
        return Err(Error::code("TooManyContainerEvents").message(format!(
            "{most} reports about containers of host `{}` are waiting",
            host.display_name()
        )));
    }
    creation.row.account_id = Some(reporter.environment);
    creation.row.data.insert("hostId".to_owned(), host.id.into());
    Ok(())
}

fn condition(field: &str, value: Value) -> Condition {
    Condition { field: field.to_owned(), op: Op::Eq, value }
}

fn outside(ctx: &mut Ctx<'_, '_>, creation: &mut Creation) -> Result<()> {
    let kind = creation.row.kind.clone();
    let Some(known) = reports::OUTSIDE.iter().find(|row| row.kind == kind) else {
        return Ok(());
    };
    let data = &creation.row.data;
    let event = text(data, "eventType");
    if !known.events.is_empty() {
        let event = event.ok_or_else(|| missing("eventType"))?;
        if !known.events.contains(&event) {
            let message = format!(
                "eventType of a {kind} is `{event}`, but must be one of {}",
                known.events.join(", ")
            );
            return Err(Error::field("InvalidOption", "eventType").message(message));
        }
    }
    match kind.as_str() {
        "externalHostEvent" => check_host(ctx, creation)?,
        "externalServiceEvent" => check_service(event.unwrap_or_default(), data)?,
        "externalVolumeEvent" => {
            let volume = data.get("volume").and_then(Value::as_object);
            volume.and_then(|volume| text(volume, "name")).ok_or_else(|| missing("name"))?;
        }
        "externalStoragePoolEvent" => {
            let pool = data.get("storagePool").and_then(Value::as_object);
            let named = pool.and_then(|pool| text(pool, "externalId"));
            text(data, "externalId").or(named).ok_or_else(|| missing("externalId"))?;
        }
        _ => {
            for field in ["fqdn", "serviceName", "stackName"] {
                text(data, field).ok_or_else(|| missing(field))?;
            }
        }
    }
    let reporter = reporter(ctx, creation)?;
    creation.row.account_id = Some(reporter.environment);
    let data = &mut creation.row.data;
    data.insert("reportedAccountId".to_owned(), ctx.caller.account_id.into());
    if let Some(agent) = reporter.agent {
        data.insert("agentId".to_owned(), agent.into());
    }
    Ok(())
}

/// An agent empties its own hosts; others say which, and need a say over the infrastructure.
fn check_host(ctx: &Ctx<'_, '_>, creation: &Creation) -> Result<()> {
    let reporter = reporter(ctx, creation)?;
    if reporter.agent.is_some() {
        return Ok(());
    }
    let data = &creation.row.data;
    require_infrastructure(ctx.tx, ctx.caller, || "hosts".to_owned())?;
    let Some(id) = data.get("hostId").and_then(Value::as_i64) else {
        return text(data, "hostLabel").map(|_| ()).ok_or_else(|| missing("hostId"));
    };
    // Whoever sees every environment still reports about one.
    if ctx.tx.require("host", id)?.account_id != Some(reporter.environment) {
        return Err(Error::field("InvalidReference", "hostId")
            .message("field `hostId` refers to a host of another environment"));
    }
    Ok(())
}

fn check_service(event: &str, data: &Map<String, Value>) -> Result<()> {
    let empty = Map::new();
    let object = |field: &'static str| match data.get(field) {
        None => Ok(&empty),
        Some(Value::Object(given)) => Ok(given),
        Some(_) => Err(Error::field("InvalidFormat", field)
            .message(format!("field `{field}` must be a JSON object"))),
    };
    let (around, given) = (object("environment")?, object("service")?);
    if event == "stack.remove" {
        text(around, "externalId")
            .or(text(around, "name"))
            .ok_or_else(|| missing("environment"))?;
        return Ok(());
    }
    text(data, "externalId").or(text(given, "externalId")).ok_or_else(|| missing("externalId"))?;
    if event == "service.create" {
        service::check_name(text(given, "name").ok_or_else(|| missing("name"))?)?;
    }
    let kind = text(given, "kind").unwrap_or("externalService");
    if !KINDS.contains(&kind) {
        let message = format!("a report cannot make a {kind}, only {}", KINDS.join(" or "));
        return Err(Error::field("InvalidOption", "kind").message(message));
    }
    let wrong = |field: &str, what: &str| {
        Err(Error::field("InvalidFormat", field).message(format!("field `{field}` {what}")))
    };
    match given.get("externalIpAddresses") {
        None | Some(Value::Null) => {}
        Some(Value::Array(all)) if all.iter().all(is_address) => {}
        Some(_) => return wrong("externalIpAddresses", "must be a list of IP addresses"),
    }
    for field in ["description", "hostname", "vip"] {
        if given.get(field).is_some_and(|value| !value.is_string() && !value.is_null()) {
            return wrong(field, "must be a text");
        }
    }
    for field in ["healthCheck", "metadata"] {
        if given.get(field).is_some_and(|value| !value.is_object() && !value.is_null()) {
            return wrong(field, "must be a JSON object");
        }
    }
    Ok(())
}

fn is_address(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.parse::<IpAddr>().is_ok())
}

fn check(ctx: &mut Ctx<'_, '_>, creation: &mut Creation) -> Result<()> {
    let data = &creation.row.data;
    if data.get("externalTimestamp").and_then(Value::as_i64).is_none() {
        return Err(missing("externalTimestamp"));
    }
    let name = text(data, "healthcheckUuid").ok_or_else(|| missing("healthcheckUuid"))?;
    text(data, "reportedHealth").ok_or_else(|| missing("reportedHealth"))?;
    let reporter = reporter(ctx, creation)?;
    let checked = reports::checked(ctx.tx, reporter.environment, name)?;
    let own = |host: &crate::model::resource::Resource| {
        reporter.agent.is_none() || host.int("agentId") == reporter.agent
    };
    let Some(checked) = checked.filter(|checked| own(&checked.host)) else {
        return Err(Error::field("CantVerifyHealthcheck", "healthcheckUuid")
            .message(format!("`{name}` is no check of a container by a host of this agent")));
    };
    creation.row.account_id = Some(reporter.environment);
    let data = &mut creation.row.data;
    data.insert("hostId".to_owned(), checked.host.id.into());
    data.insert("instanceId".to_owned(), checked.container.id.into());
    Ok(())
}
