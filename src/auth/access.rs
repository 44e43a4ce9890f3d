//! What an account may act as: its role outside environments, and in the environment it selects.

use crate::auth::caller::{AuthType, Caller, Role};
use crate::auth::registration;
use crate::error::{Error, Result};
use crate::model::id;
use crate::model::resource::Resource;
use crate::process::keys::ACTS_AS_RESTRICTED;
use crate::store::{Query, Read};

/// Who proved to be whom, before an environment is selected.
#[derive(Clone, Debug)]
pub(super) struct Proved {
    /// The account.
    pub account: Resource,
    /// How it was proved.
    pub auth_type: AuthType,
    /// What the proof ends with; see [`Caller::session`].
    pub session: Option<String>,
    /// Unix milliseconds from which the proof is worth nothing.
    pub expires: i64,
}

/// States in which an account, a key or a membership counts.
///
/// A row that is still on its way to `active` counts, so that a client may use what it has just made.
pub fn is_usable(row: &Resource) -> bool {
    const USABLE: &[&str] = &["active", "activating", "registering", "updating-active"];
    row.removed.is_none() && USABLE.contains(&row.state.as_str())
}

/// The kinds of account that may call, and their role outside environments.
const KINDS: &[(&str, Role)] = &[
    ("admin", Role::Admin),
    ("agent", Role::Agent),
    ("agentRegister", Role::AgentRegister),
    ("environment", Role::Environment),
    ("project", Role::Project),
    ("projectadmin", Role::ProjectAdmin),
    ("readAdmin", Role::ReadAdmin),
    ("register", Role::Register),
    ("registeredAgent", Role::Agent),
    ("service", Role::Service),
    ("superadmin", Role::Superadmin),
    ("token", Role::Token),
    ("user", Role::User),
];

/// The role of an account of this kind outside environments; `None` for kinds that may not call.
pub fn role_of_kind(kind: &str) -> Option<Role> {
    KINDS.iter().find(|row| row.0 == kind).map(|row| row.1)
}

/// The role a membership of this name gives, and its rank: the least rank of several wins.
fn role_of_member(role: &str) -> Option<(u8, Role)> {
    const ROLES: &[(&str, Role)] = &[
        ("owner", Role::Owner),
        ("member", Role::Member),
        ("restricted", Role::Restricted),
        ("readonly", Role::ReadOnly),
    ];
    ROLES.iter().zip(0..).find(|(row, _)| row.0 == role).map(|(row, rank)| (rank, row.1))
}

/// Whether rows of every account are open to a role that was proved outside environments.
const fn sees_all_accounts(role: Role) -> bool {
    match role {
        Role::Superadmin | Role::Admin | Role::Service | Role::ReadAdmin => true,
        Role::User
        | Role::Owner
        | Role::Member
        | Role::Restricted
        | Role::ReadOnly
        | Role::Project
        | Role::Environment
        | Role::ProjectAdmin
        | Role::Agent
        | Role::AgentRegister
        | Role::Register
        | Role::Token => false,
    }
}

/// The role an account's memberships give it in an environment; the best of several.
///
/// # Errors
/// When the database fails.
pub fn membership(read: &Read<'_>, project_id: i64, account_id: i64) -> Result<Option<Role>> {
    let members = read.referrers("projectMember", "projectId", project_id)?;
    let best = members
        .iter()
        .filter(|member| is_usable(member) && member_account(member) == Some(account_id))
        .filter_map(|member| role_of_member(member.str("role")?))
        .min_by_key(|(rank, _)| *rank);
    Ok(best.map(|(_, role)| role))
}

/// The local account a membership is of. External ids of local accounts are written as clients see them.
pub fn member_account(member: &Resource) -> Option<i64> {
    if member.str("externalIdType") != Some("rancher_id") {
        return None;
    }
    let text = member.str("externalId")?;
    id::parse(text).or_else(|| text.parse().ok())
}

/// Ids of the environments an account is a member of, ascending.
///
/// # Errors
/// When the database fails.
pub fn projects_of(read: &Read<'_>, account_id: i64) -> Result<Vec<i64>> {
    let external = id::format("a", account_id);
    let mut projects: Vec<i64> = read
        .referrers_by_text("projectMember", "externalId", &external)?
        .iter()
        .filter(|member| is_usable(member) && member_account(member) == Some(account_id))
        .filter_map(|member| member.int("projectId"))
        .collect();
    projects.sort_unstable();
    projects.dedup();
    Ok(projects)
}

/// Reads the id of an environment that a request selects.
///
/// # Errors
/// 400 `InvalidFormat`.
pub fn project_id(text: &str) -> Result<i64> {
    id::parse(text).ok_or_else(|| Error {
        status: 400,
        ..Error::field("InvalidFormat", "projectId").message(format!("`{text}` is no project id"))
    })
}

/// The caller that an account becomes, acting in `project` if one is selected.
///
/// # Errors
/// 401 for a kind of account that may not call; 403 when there is no such environment, or it is not the
/// account's, without telling which.
pub(super) fn caller(read: &Read<'_>, proved: &Proved, project: Option<i64>) -> Result<Caller> {
    let account = &proved.account;
    let (acting, own) = own_role(read, proved)?;
    let mut caller = Caller {
        account_id: acting,
        user_id: account.id,
        user_kind: account.kind.clone(),
        user_name: account.name.clone(),
        role: own,
        auth_type: proved.auth_type,
        all_accounts: sees_all_accounts(own),
        session: proved.session.clone(),
    };
    let Some(project) = project.filter(|project| *project != acting) else {
        return Ok(caller);
    };
    let Some(role) = role_in(read, own, account.id, project)? else {
        return Err(Error::status(403));
    };
    caller.account_id = project;
    caller.role = role;
    Ok(caller)
}

/// What makes an agent's account act as its environment, and its role there; the first that is set counts.
const FOR_ENVIRONMENTS: &[(&str, Role)] = &[
    (ACTS_AS_RESTRICTED, Role::Restricted),
    (registration::ACTS_AS_ADMIN, Role::ProjectAdmin),
    (registration::ACTS_AS_ENVIRONMENT, Role::Environment),
];

/// The account a proof acts as when it selects no environment, and its role.
fn own_role(read: &Read<'_>, proved: &Proved) -> Result<(i64, Role)> {
    let account = &proved.account;
    if proved.auth_type == AuthType::RegistrationToken {
        return Ok((account.id, Role::Register));
    }
    let acts_as = |row: &&(&str, Role)| account.flag(row.0) && account.kind == "agent";
    let Some((_, role)) = FOR_ENVIRONMENTS.iter().find(acts_as).copied() else {
        let role = role_of_kind(&account.kind).ok_or_else(|| Error::status(401))?;
        return Ok((account.id, role));
    };
    let environment = account.int(registration::AGENT_ENVIRONMENT);
    let environment = environment.map(|id| read.get(id)).transpose()?.flatten();
    match environment.filter(is_usable) {
        Some(environment) => Ok((environment.id, role)),
        None => Err(Error::status(401)),
    }
}

/// What a role usually becomes inside an environment: for links into it, before anybody follows them. Who
/// is inside already stays what it is.
pub const fn usual_role_inside(role: Role) -> Role {
    match role {
        Role::Superadmin | Role::Admin | Role::Service | Role::User => Role::Owner,
        Role::ReadAdmin
        | Role::Owner
        | Role::Member
        | Role::Restricted
        | Role::ReadOnly
        | Role::Project
        | Role::Environment
        | Role::ProjectAdmin
        | Role::Agent
        | Role::AgentRegister
        | Role::Register
        | Role::Token => role,
    }
}

fn role_in(read: &Read<'_>, own: Role, account: i64, project: i64) -> Result<Option<Role>> {
    let found = read.get(project)?;
    if !found.is_some_and(|row| row.ty == "account" && row.kind == "project" && is_usable(&row)) {
        return Ok(None);
    }
    match own {
        Role::Superadmin | Role::Admin | Role::Service => Ok(Some(Role::Owner)),
        // Being let into every environment must not make a reader a writer.
        Role::ReadAdmin => Ok(Some(Role::ReadAdmin)),
        Role::User => membership(read, project, account),
        Role::Owner
        | Role::Member
        | Role::Restricted
        | Role::ReadOnly
        | Role::Project
        | Role::Environment
        | Role::ProjectAdmin
        | Role::Agent
        | Role::AgentRegister
        | Role::Register
        | Role::Token => Ok(None),
    }
}

/// The first administrator that is active: whom the set-up makes a login for.
///
/// # Errors
/// When the database fails.
pub fn first_admin(read: &Read<'_>) -> Result<Option<Resource>> {
    Ok(admins(read)?.into_iter().next())
}

fn admins(read: &Read<'_>) -> Result<Vec<Resource>> {
    let query = Query { ty: "account", kinds: vec!["admin"], limit: 1000, ..Query::default() };
    let mut admins = read.list(&query)?;
    admins.retain(is_usable);
    Ok(admins)
}

/// Asked before an account is deactivated, removed or given another kind.
///
/// # Errors
/// 405 `LastAdminAccount` when no active administrator would be left.
pub fn guard_last_admin(read: &Read<'_>, account_id: i64) -> Result<()> {
    let admins = admins(read)?;
    if admins.iter().any(|admin| admin.id != account_id) {
        return Ok(());
    }
    if admins.is_empty() {
        return Ok(());
    }
    let detail = "At least one admin account is required at all times";
    Err(Error::code("LastAdminAccount")
        .message("this is the last administrator; make another one first")
        .detail(detail))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::testing::World;

    #[tokio::test]
    async fn the_last_administrator_stays() {
        let world = World::seeded().await;
        let auth = world.auth();
        let may = |id| world.store.read(|read| guard_last_admin(read, id));
        let error = may(1).unwrap_err();
        assert_eq!((error.status, error.code), (405, "LastAdminAccount"));
        let bob = world.user(&auth, "user", "bob").await;
        assert_eq!((may(bob).is_ok(), may(1).is_ok()), (true, false));
        let ann = world.user(&auth, "admin", "ann").await;
        assert_eq!((may(ann).is_ok(), may(1).is_ok()), (true, true));
        world.set_state(ann, "inactive").await;
        assert_eq!((may(ann).is_ok(), may(1).is_ok()), (true, false));
    }

    #[tokio::test]
    async fn memberships_of_other_kinds_and_accounts_do_not_count() {
        let world = World::seeded().await;
        let auth = world.auth();
        let bob = world.user(&auth, "user", "bob").await;
        let role = || world.store.read(|read| membership(read, 5, bob)).unwrap();
        let member = world.member(5, bob, "owner").await;
        assert_eq!(role(), Some(Role::Owner));
        for (field, value) in
            [("role", "janitor"), ("externalIdType", "github_user"), ("externalId", "1a99")]
        {
            let kept = world.store.read(|read| read.require("projectMember", member)).unwrap();
            let change = move |tx: &mut crate::store::Tx<'_>| {
                tx.update(member, |row| {
                    row.set(field, value);
                    Ok(())
                })
            };
            world.store.write(change).await.unwrap();
            assert_eq!(role(), None, "{field}");
            let back = kept.str(field).unwrap().to_owned();
            let restore = move |tx: &mut crate::store::Tx<'_>| {
                tx.update(member, |row| {
                    row.set(field, back);
                    Ok(())
                })
            };
            world.store.write(restore).await.unwrap();
            assert_eq!(role(), Some(Role::Owner));
        }
        assert_eq!(world.store.read(|read| projects_of(read, bob)), Ok(vec![5]));
        assert_eq!(world.store.read(|read| projects_of(read, 1)), Ok(vec![5]));
    }

    #[test]
    fn malformed_project_ids_are_a_400() {
        assert_eq!(project_id("1a5"), Ok(5));
        for text in ["", "5", "Default", "1a", "1a5x"] {
            let error = project_id(text).unwrap_err();
            assert_eq!((error.status, error.code), (400, "InvalidFormat"), "{text}");
        }
    }
}
