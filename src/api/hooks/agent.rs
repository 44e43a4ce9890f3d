//! Agents and how hosts become some: registration tokens, registrations, and the agents' own rows.

use serde_json::Value;

use super::host::{may_modify, require_infrastructure};
use super::{Asked, Creation, Ctx, Hook, Shown};
use crate::auth::{Role, registration};
use crate::error::{Error, Result};
use crate::model::resource::{NewResource, Resource};
use crate::process::agent::{OFF, REGISTERED_BY, SIMULATED, SIMULATION};
use crate::process::{self};
use crate::store::{Op, Query, Read};

/// `agent`.
pub const AGENT: Hook =
    Hook { create: Some(create_agent), instead_of_remove: Some("deactivate"), ..Hook::of("agent") };

/// `register`.
pub const REGISTER: Hook =
    Hook { create: Some(create_register), created: Some(registered), ..Hook::of("register") };

/// `registrationToken`.
pub const TOKEN: Hook = Hook { create: Some(create_token), ..Hook::of("registrationToken") };

/// The setting that makes the address of an agent out of the key it registers with.
const URI_FORMAT: &str = "agent.uri.format";
const USUAL_FORMAT: &str = "event://%s";
/// Where a registration keeps the agent's key until it is fetched: names that no field has.
const ACCESS: &str = "agentAccessKey";
const SECRET: &str = "agentSecretKey";

fn check_simulation(read: &Read<'_>, uri: &str) -> Result<()> {
    if !uri.starts_with(SIMULATED) {
        return Ok(());
    }
    if uri.len() == SIMULATED.len() {
        return Err(Error::field("InvalidFormat", "uri")
            .message("the address of a simulated agent is `sim://` and a name"));
    }
    match read.fact(SIMULATION)?.as_deref() {
        None | Some(OFF) => Err(Error::field("InvalidOption", "uri").message(
            "simulated agents are off; `sim.agents = true` in the configuration switches them on",
        )),
        Some(_) => Ok(()),
    }
}

fn create_agent(ctx: &mut Ctx<'_, '_>, creation: &mut Creation) -> Result<()> {
    let uri = creation.row.data.get("uri").and_then(Value::as_str).map(str::to_owned);
    let uri = uri.unwrap_or_else(|| format!("event://{}", creation.row.uuid));
    check_simulation(ctx.tx, &uri)?;
    creation.row.data.insert("uri".to_owned(), uri.into());
    let resources = creation.row.data.get("agentResourcesAccountId").and_then(Value::as_i64);
    let pair = registration::enrol(ctx.tx, &mut creation.row, resources)?;
    creation.row.data.insert("publicValue".to_owned(), pair.access_key.into());
    creation.reveal.insert("secretValue".to_owned(), pair.secret_key.into());
    Ok(())
}

/// Whoever registers with a key that is known gets the registration of that key.
fn create_register(ctx: &mut Ctx<'_, '_>, creation: &mut Creation) -> Result<()> {
    let key = text(&creation.row, "key");
    let same = ctx.tx.referrers_by_text("genericObject", "key", &key)?;
    creation.existing = same
        .into_iter()
        .find(|row| row.kind == "register" && row.account_id == creation.row.account_id);
    if creation.existing.is_some() {
        return Ok(());
    }
    let uri = uri_of(ctx.tx, &creation.row, &key)?;
    check_simulation(ctx.tx, &uri)?;
    let taken = ctx.tx.referrers_by_text("agent", "uri", &uri)?;
    if let Some(agent) = taken.first() {
        return Err(Error::field("NotUnique", "key")
            .message(format!("agent {} has the address `{uri}` already", agent.id)));
    }
    Ok(())
}

fn text(row: &NewResource, field: &str) -> String {
    row.data.get(field).and_then(Value::as_str).unwrap_or("").to_owned()
}

/// The address of the agent that registers with a key.
fn uri_of(read: &Read<'_>, row: &NewResource, key: &str) -> Result<String> {
    let own = text(row, "agentUriFormat");
    let format = match own.is_empty() {
        false => own,
        true => read
            .setting(URI_FORMAT)?
            .filter(|format| !format.trim().is_empty())
            .unwrap_or_else(|| USUAL_FORMAT.to_owned()),
    };
    if !format.contains("%s") {
        return Err(Error::field("InvalidFormat", "agentUriFormat")
            .message(format!("the format `{format}` has no `%s` for the key")));
    }
    Ok(format.replace("%s", key))
}

/// The agent of a registration, with what it will prove itself with.
fn registered(ctx: &mut Ctx<'_, '_>, row: &Resource, creation: &mut Creation) -> Result<()> {
    let key = row.str("key").unwrap_or("").to_owned();
    let uri = uri_of(ctx.tx, &creation.row, &key)?;
    let mut agent = NewResource::new("agent", ctx.tx.entropy.uuid())
        .with("agentResourcesAccountId", row.account_id)
        .with("managedConfig", true)
        .with("uri", uri)
        .with(REGISTERED_BY, key);
    let pair = registration::enrol(ctx.tx, &mut agent, row.account_id)?;
    process::create(ctx.tx, agent, serde_json::Map::new())?;
    ctx.tx.update(row.id, |row| {
        row.set(ACCESS, pair.access_key);
        row.set(SECRET, pair.secret_key);
        Ok(())
    })?;
    Ok(())
}

/// Registrations; the keys of the agent are shown only to who asks with the key it registered with.
pub fn list_registrations(asked: &Asked<'_>) -> Result<Vec<Resource>> {
    let everything = asked.caller.all_accounts && !asked.caller.in_project();
    let listing = asked.listing;
    let mut rows = asked.read.list(&Query {
        ty: asked.entry.base,
        kinds: vec![asked.entry.ty.name],
        account_id: (!everything).then_some(asked.caller.account_id),
        with_removed: listing.with_removed,
        conditions: listing.conditions.clone(),
        offset: listing.offset,
        limit: listing.limit.saturating_add(1),
        ..Query::default()
    })?;
    let by_key = listing.conditions.iter().any(|said| said.field == "key" && said.op == Op::Eq);
    let entitled = matches!(asked.caller.role, Role::Register | Role::Superadmin | Role::Service);
    for row in rows.iter_mut().filter(|row| by_key && entitled && row.state == "active") {
        for (field, stored) in [("accessKey", ACCESS), ("secretKey", SECRET)] {
            let value = row.data.get(stored).cloned().unwrap_or_default();
            row.set(field, value);
        }
    }
    Ok(rows)
}

fn create_token(ctx: &mut Ctx<'_, '_>, creation: &mut Creation) -> Result<()> {
    require_infrastructure(ctx.tx, ctx.caller, || "how hosts register".to_owned())?;
    registration::prepare(ctx.tx, &mut creation.row);
    Ok(())
}

/// Registration tokens; none for roles without a say over the infrastructure.
pub fn list_tokens(asked: &Asked<'_>) -> Result<Vec<Resource>> {
    if !may_modify(asked.read, asked.caller)? {
        return Ok(Vec::new());
    }
    let everything = asked.caller.all_accounts && !asked.caller.in_project();
    asked.read.list(&Query {
        ty: asked.entry.base,
        kinds: vec![asked.entry.ty.name],
        account_id: (!everything).then_some(asked.caller.account_id),
        with_removed: asked.listing.with_removed,
        conditions: asked.listing.conditions.clone(),
        offset: asked.listing.offset,
        limit: asked.listing.limit.saturating_add(1),
        ..Query::default()
    })
}

/// What a token is, and the commands it is part of.
pub fn show_tokens(shown: &Shown<'_>, rows: &mut [Resource]) -> Result<()> {
    let mine = |row: &Resource| row.kind == registration::KIND;
    if !rows.iter().any(mine) || !may_modify(shown.read, shown.caller)? {
        return Ok(());
    }
    let setting = |name: &str, usual: &str| -> Result<String> {
        Ok(shown.read.setting(name)?.filter(|text| !text.is_empty()).unwrap_or(usual.to_owned()))
    };
    let image = setting("bootstrap.required.image", "rancher/agent:v1.2.11")?;
    let windows = setting("bootstrap.required.windows.image", "rancher/agent-windows:v0.2.0")?;
    let host = setting("api.host", shown.origin)?;
    let host = host.trim_end_matches('/');
    let now = shown.state.clock.now_ms();
    for row in rows.iter_mut().filter(|row| mine(row)) {
        let Some(token) = registration::token(row, now) else { continue };
        let url = format!("{host}/v1/scripts/{token}");
        row.set(
            "command",
            format!(
                "sudo docker run --rm --privileged -v /var/run/docker.sock:/var/run/docker.sock \
                 -v /var/lib/rancher:/var/lib/rancher {image} {url}"
            ),
        );
        row.set(
            "windowsCommand",
            format!("docker run -v //./pipe/docker_engine://./pipe/docker_engine {windows} {url}"),
        );
        row.set("image", image.as_str());
        row.set("registrationUrl", url);
        row.set("token", token);
    }
    Ok(())
}

/// The link to a token's script answers the token, whose `registrationUrl` is the script's address.
pub fn registration_url(access: &super::Access<'_>) -> Result<super::Answer> {
    Ok(super::Answer::Row(access.row.clone()))
}
