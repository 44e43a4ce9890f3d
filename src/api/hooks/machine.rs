//! Machines, their drivers, templates of their configurations, and the schemas that come with drivers.

use serde_json::{Map, Value, json};

use super::host::require_infrastructure;
use super::{Access, Answer, Creation, Ctx, Hook};
use crate::api::dynamic;
use crate::api::json::blank;
use crate::auth::Role;
use crate::error::{Error, Result};
use crate::model::driver::driver_of;
use crate::model::resource::Resource;
use crate::model::schema::{Field, Kind};
use crate::process::machine::login;

/// `machine`.
pub const MACHINE: Hook =
    Hook { create: Some(configure), update: Some(update), act: Some(act), ..Hook::of("machine") };
/// `machineDriver`.
pub const DRIVER: Hook = Hook { create: Some(name_driver), ..Hook::of("machineDriver") };
/// `hostTemplate`.
pub const TEMPLATE: Hook = Hook { create: Some(seal_template), ..Hook::of("hostTemplate") };
/// `dynamicSchema`.
pub const SCHEMA: Hook = Hook { create: Some(check_schema), ..Hook::of("dynamicSchema") };

/// What anyone who sees a host or machine sees of its driver's configuration.
pub const CONFIGS: &[Field] = &[Field::new("genericConfig", Kind::Json)];

fn update(ctx: &mut Ctx<'_, '_>, row: &Resource, _: &mut Map<String, Value>) -> Result<()> {
    act(ctx, row, "update")
}

fn act(ctx: &mut Ctx<'_, '_>, row: &Resource, _: &str) -> Result<()> {
    require_infrastructure(ctx.tx, ctx.caller, || format!("machine `{}`", row.display_name()))
}

/// Takes the one driver configuration that was given, by the request or its template; passwords and
/// keys are sealed.
///
/// # Errors
/// 422 without exactly one configuration, or with a wrong one.
pub fn configure(ctx: &mut Ctx<'_, '_>, creation: &mut Creation) -> Result<()> {
    let name = creation.row.name.clone().unwrap_or_default();
    require_infrastructure(ctx.tx, ctx.caller, || format!("machine `{name}`"))?;
    let (configs, others): (Map<_, _>, Map<_, _>) = std::mem::take(&mut creation.extra)
        .into_iter()
        .partition(|(field, _)| driver_of(field).is_some());
    creation.row.data.extend(others);
    let mut given = template_values(ctx, creation)?;
    for (field, value) in configs {
        merge(&mut given, field, value);
    }
    given.retain(|field, value| driver_of(field).is_some() && !value.is_null());
    let mut given = given.into_iter();
    let (Some((field, config)), None) = (given.next(), given.next()) else {
        let message = "give the configuration of exactly one machine driver, such as genericConfig";
        return Err(Error::code("DriverConfigExactlyOneRequired").message(message));
    };
    let config = dynamic::check_config(ctx.tx, ctx.caller, &field, config)?;
    let data = &mut creation.row.data;
    data.insert("driver".to_owned(), driver_of(&field).unwrap_or_default().into());
    data.insert(field, config.shown.into());
    let secrets = login::seal(&ctx.site.vault, &ctx.site.entropy, &config.secret)?;
    data.insert(login::SECRETS.to_owned(), secrets);
    Ok(())
}

/// The configurations of the template that a create names.
fn template_values(ctx: &Ctx<'_, '_>, creation: &Creation) -> Result<Map<String, Value>> {
    let own = creation.row.data.get("hostTemplateId").and_then(Value::as_i64);
    let Some(id) = own else { return Ok(Map::new()) };
    let template = ctx.tx.require("hostTemplate", id)?;
    let mut values = template.map("publicValues").cloned().unwrap_or_default();
    if let Some(sealed) = template.data.get(login::TEMPLATE) {
        for (field, value) in login::unseal(&ctx.site.vault, sealed)? {
            merge(&mut values, field, value);
        }
    }
    Ok(values)
}

/// Adds a value; the members of two objects are put together, the later one wins.
fn merge(into: &mut Map<String, Value>, field: String, value: Value) {
    match (into.get_mut(&field), value) {
        (Some(Value::Object(before)), Value::Object(after)) => {
            for (field, value) in after {
                merge(before, field, value);
            }
        }
        (_, value) => drop(into.insert(field, value)),
    }
}

/// Secrets of a template are sealed; what is kept in clear is their shape.
fn seal_template(ctx: &mut Ctx<'_, '_>, creation: &mut Creation) -> Result<()> {
    let Some(Value::Object(secrets)) = creation.row.data.shift_remove("secretValues") else {
        return Ok(());
    };
    let sealed = login::seal(&ctx.site.vault, &ctx.site.entropy, &secrets)?;
    let secrets = Value::Object(secrets);
    creation.row.data.insert("secretValues".to_owned(), blank(&secrets));
    creation.row.data.insert(login::TEMPLATE.to_owned(), sealed);
    creation.reveal.insert("secretValues".to_owned(), secrets);
    Ok(())
}

/// Link `secretValues`: the real ones, for services.
pub fn secret_values(access: &Access<'_>) -> Result<Answer> {
    if !matches!(access.caller.role, Role::Service | Role::Superadmin) {
        return Err(Error::not_found());
    }
    let secrets = match access.row.data.get(login::TEMPLATE) {
        Some(sealed) => login::unseal(&access.state.site.vault, sealed)?,
        None => Map::new(),
    };
    Ok(Answer::Object("hostTemplate", crate::process::object(json!({ "secretValues": secrets }))))
}

/// A driver's name is that of its file: `docker-machine-driver-NAME`.
fn name_driver(_: &mut Ctx<'_, '_>, creation: &mut Creation) -> Result<()> {
    if creation.row.name.is_none() {
        let url = creation.row.data.get("url").and_then(Value::as_str).unwrap_or_default();
        creation.row.name = Some(driver_name(url));
    }
    Ok(())
}

fn driver_name(url: &str) -> String {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let file = path.rsplit('/').next().unwrap_or_default();
    let file = file.strip_prefix("docker-machine-driver-").unwrap_or(file);
    let end = file.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(file.len());
    file.get(..end).unwrap_or_default().to_lowercase()
}

fn check_schema(ctx: &mut Ctx<'_, '_>, creation: &mut Creation) -> Result<()> {
    // A service names the account that a schema is for; without one it is for everyone in its roles.
    creation.row.account_id = creation.row.account_id.filter(|own| *own != ctx.caller.account_id);
    let data = &creation.row.data;
    let missing = |field: &str| {
        let message = format!("field `{field}` of a dynamicSchema is required");
        Error::field("MissingRequired", field).message(message)
    };
    if creation.row.name.is_none() {
        return Err(missing("name"));
    }
    let definition =
        data.get("definition").and_then(Value::as_str).ok_or_else(|| missing("definition"))?;
    dynamic::parse(definition).map(drop).map_err(|why| {
        Error::field("InvalidFormat", "definition")
            .message(format!("field `definition` of a dynamicSchema {why}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drivers_are_named_after_their_file() {
        for (url, name) in [
            ("https://example.com/a/docker-machine-driver-otc", "otc"),
            ("https://example.com/docker-machine-driver-packet_linux-amd64.zip?x=1", "packet"),
            ("https://example.com/docker-machine-driver-Vultr.tar.gz", "vultr"),
            ("local://", ""),
        ] {
            assert_eq!(driver_name(url), name, "{url}");
        }
    }

    #[test]
    fn secrets_leave_their_shape() {
        let secrets = json!({ "genericConfig": { "sshKey": "k", "list": ["a", 1] }, "n": 2 });
        let shape = json!({ "genericConfig": { "sshKey": null, "list": [null, null] }, "n": null });
        assert_eq!(blank(&secrets), shape);
    }
}
