//! The accounts every installation starts with; Rancher's ids and uuids, because clients know them.

use serde_json::{Map, Value, json};

use crate::error::{Error, Result};
use crate::model::id;
use crate::model::resource::NewResource;
use crate::model::settings::port_range;
use crate::process;
use crate::store::{Read, Tx};

/// The first administrator, who has no login until the set-up code is used.
pub const ADMIN: i64 = 1;
/// What the program itself acts as.
pub const SYSTEM: i64 = 2;
/// What callers are that have proved nothing.
pub const TOKEN: i64 = 4;
/// The environment that exists from the start.
pub const DEFAULT_PROJECT: i64 = 5;

/// The fact that holds this server's uuid.
pub const SERVER: &str = "server.uuid";

/// The fact that says that the first template of environments was made.
const TEMPLATED: &str = "project.template.seeded";
/// The template of environments that choose none. Rancher's own brought infrastructure, which is built in here.
const TEMPLATE: &str = "Cattle";

/// (id, kind, uuid, name, state), in the order they are made.
const ACCOUNTS: &[(i64, &str, &str, &str, &str)] = &[
    (ADMIN, "admin", "admin", "admin", "active"),
    (SYSTEM, "system", "system", "system", "inactive"),
    (3, "superadmin", "superadmin", "superadmin", "inactive"),
    (TOKEN, "token", "token", "token", "active"),
    (DEFAULT_PROJECT, "project", "adminProject", "Default", "requested"),
    (6, "service", "machineServiceAccount", "System Service", "active"),
];

/// What a seeding found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seeded {
    /// An empty database, which now has its accounts.
    Now,
    /// They were there.
    Before,
}

/// Makes the first accounts in an empty database, and gives the server its uuid. The environment goes through its `create` process,
/// which makes its networks.
///
/// # Errors
/// When the database fails, or holds other resources already.
pub fn seed(tx: &mut Tx<'_>) -> Result<Seeded> {
    let seeded = accounts(tx)?;
    if tx.fact(SERVER)?.is_none() {
        let uuid = tx.entropy.uuid();
        tx.set_fact(SERVER, &uuid)?;
    }
    Ok(seeded)
}

/// Makes the template that clients name when they make an environment, once: who removes it has done so.
///
/// # Errors
/// When the database fails.
pub fn template(tx: &mut Tx<'_>) -> Result<()> {
    if tx.fact(TEMPLATED)?.is_some()
        || tx.setting("project.template.defaults")?.as_deref() == Some("false")
    {
        return Ok(());
    }
    tx.set_fact(TEMPLATED, "true")?;
    let named = tx.by_name("projectTemplate", None, TEMPLATE)?;
    if named.iter().any(|row| row.flag("isPublic")) {
        return Ok(());
    }
    let uuid = tx.entropy.uuid();
    tx.insert(
        NewResource::new("projectTemplate", uuid)
            .name(TEMPLATE)
            .state("active")
            .with("description", "Default template: stacks of compose files, and nothing else")
            .with("isPublic", true)
            .with("stacks", json!([])),
    )?;
    Ok(())
}

fn accounts(tx: &mut Tx<'_>) -> Result<Seeded> {
    if tx.by_uuid("admin")?.is_some() {
        return Ok(Seeded::Before);
    }
    for (id, kind, uuid, name, state) in ACCOUNTS {
        let account = match *kind {
            "project" => {
                let project = project(tx, uuid, name)?.with("description", "The first environment");
                process::create(tx, project, Map::new())?
            }
            _ => tx.insert(
                NewResource::new("account", (*uuid).to_owned()).kind(kind).name(*name).state(state),
            )?,
        };
        if account.id != *id {
            let message = format!("account `{name}` got the id {} instead of {id}", account.id);
            return Err(Error::internal(message));
        }
    }
    add_owner(tx, DEFAULT_PROJECT, ADMIN)?;
    Ok(Seeded::Now)
}

/// An environment with what settings say of new ones, not yet made.
///
/// # Errors
/// When the database fails.
pub fn project(read: &Read<'_>, uuid: &str, name: &str) -> Result<NewResource> {
    Ok(NewResource::new("account", uuid.to_owned())
        .kind("project")
        .name(name)
        .with("orchestration", "cattle")
        .with("version", version(read)?)
        .with("servicesPortRange", ports(read)?))
}

/// The version of new environments: setting `account.version`.
///
/// # Errors
/// When the database fails.
pub fn version(read: &Read<'_>) -> Result<String> {
    Ok(read.setting("account.version")?.unwrap_or_default())
}

/// Ports that services of new environments get: setting `environment.services.port.range`.
///
/// # Errors
/// When the database fails.
pub fn ports(read: &Read<'_>) -> Result<Value> {
    let given = read.setting("environment.services.port.range")?;
    let (first, last) = given.as_deref().and_then(port_range).unwrap_or((49_153, 65_535));
    Ok(json!({ "startPort": first, "endPort": last }))
}

/// Makes an account owner of an environment.
///
/// # Errors
/// When the database fails.
pub fn add_owner(tx: &mut Tx<'_>, project_id: i64, account_id: i64) -> Result<()> {
    let uuid = tx.entropy.uuid();
    tx.insert(
        NewResource::new("projectMember", uuid)
            .account(project_id)
            .state("active")
            .with("projectId", project_id)
            .with("externalId", id::format("a", account_id))
            .with("externalIdType", "rancher_id")
            .with("role", "owner"),
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::testing::World;
    use expect_test::expect;

    #[tokio::test]
    async fn an_empty_database_gets_the_accounts_clients_know_once() {
        let world = World::empty();
        assert_eq!(world.store.write(seed).await, Ok(Seeded::Now));
        assert_eq!(world.store.write(seed).await, Ok(Seeded::Before));
        let mut text = String::new();
        for ty in ["account", "projectMember"] {
            world
                .store
                .read(|read| {
                    read.for_each(ty, |row| {
                        let data = serde_json::to_string(&*row.data).map_err(Error::internal)?;
                        let name = row.name.unwrap_or_default();
                        text.push_str(&format!(
                            "{} {ty} {} {} {name:?} {} {data}\n",
                            row.id,
                            row.kind,
                            if ty == "account" { &row.uuid } else { "-" },
                            row.state
                        ));
                        Ok(())
                    })
                })
                .unwrap();
        }
        expect![[r#"
            1 account admin admin "admin" active {}
            2 account system system "system" inactive {}
            3 account superadmin superadmin "superadmin" inactive {}
            4 account token token "token" active {}
            5 account project adminProject "Default" registering {"orchestration":"cattle","version":"2","servicesPortRange":{"startPort":49153,"endPort":65535},"description":"The first environment"}
            6 account service machineServiceAccount "System Service" active {}
            7 projectMember projectMember - "" active {"projectId":5,"externalId":"1a1","externalIdType":"rancher_id","role":"owner"}
        "#]].assert_eq(&text);
        let process = world.store.read(|read| read.open_process(DEFAULT_PROJECT)).unwrap();
        assert_eq!(process.map(|process| process.name).as_deref(), Some("account.create"));
    }

    #[tokio::test]
    async fn the_template_of_environments_is_made_once() {
        let world = World::empty();
        let named =
            || world.store.read(|read| read.by_name("projectTemplate", None, TEMPLATE)).unwrap();
        world.store.write(template).await.unwrap();
        world.store.write(template).await.unwrap();
        let made = named();
        assert_eq!(made.len(), 1);
        assert!(made[0].flag("isPublic"), "{made:?}");
        // One that was purged does not come back.
        let id = made[0].id;
        world.store.write(move |tx| tx.delete(id)).await.unwrap();
        world.store.write(template).await.unwrap();
        assert_eq!(named(), []);
    }

    #[tokio::test]
    async fn a_setting_leaves_the_template_out() {
        let world = World::empty();
        world.set_setting("project.template.defaults", "false").await;
        world.store.write(template).await.unwrap();
        let named = world.store.read(|read| read.by_name("projectTemplate", None, TEMPLATE));
        assert_eq!(named.unwrap(), []);
    }
}
