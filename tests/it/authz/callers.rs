//! One caller of each kind: every role, and those whose proof is worth nothing.

use base64::Engine as _;
use ranchette::auth::{keys, registration, secret, seed};
use ranchette::model::id;
use ranchette::model::resource::NewResource;
use ranchette::store::{TokenRow, Tx};
use serde_json::Map;

use super::ground::Ground;

/// Whoever asks.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The role, or what is wrong with the proof.
    pub name: &'static str,
    /// The header `Authorization`.
    pub proof: Option<String>,
    /// The environment it selects, as in `X-API-Project-Id`.
    pub inside: Option<String>,
    /// The account it acts as.
    pub acting: i64,
    /// The account that proves itself.
    pub user: i64,
    /// Whether rows of every account are open to it.
    pub all: bool,
}

/// Roles that are kinds of account.
const KINDS: &[(&str, bool)] = &[
    ("superadmin", true),
    ("admin", true),
    ("service", true),
    ("readAdmin", true),
    ("user", false),
    ("environment", false),
    ("projectadmin", false),
    ("agent", false),
    ("agentRegister", false),
    ("register", false),
    ("token", false),
];

/// Roles that a membership gives.
const MEMBERS: &[&str] = &["owner", "member", "restricted", "readonly"];

/// Roles that agents have in the environment of their containers, and what makes them so.
const AGENTS: &[(&str, &str)] = &[
    ("environment", registration::ACTS_AS_ENVIRONMENT),
    ("projectadmin", registration::ACTS_AS_ADMIN),
];

/// What an API key proves itself with.
fn basic(access_key: &str, secret_key: &str) -> String {
    let text = format!("{access_key}:{secret_key}");
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(text))
}

type Result<T> = ranchette::error::Result<T>;

fn account(tx: &mut Tx<'_>, kind: &str, state: &str) -> Result<i64> {
    let new = NewResource::new("account", tx.entropy.uuid()).kind(kind).name(kind).state(state);
    Ok(tx.insert(new)?.id)
}

/// An active key of an account.
fn key(tx: &mut Tx<'_>, account: i64, state: &str) -> Result<String> {
    let uuid = tx.entropy.uuid();
    let mut new = NewResource::new("credential", uuid).account(account).state(state);
    let pair = keys::prepare_api_key(tx, &mut new)?;
    let row = tx.insert(new)?;
    let now = tx.now;
    tx.update(row.id, |row| {
        row.removed = (state == "removed").then_some(now);
        Ok(())
    })?;
    Ok(basic(&pair.access_key, &pair.secret_key))
}

/// Marks an account as gone.
fn remove(tx: &mut Tx<'_>, account: i64) -> Result<()> {
    let now = tx.now;
    tx.update(account, |row| {
        row.removed = Some(now);
        "removed".clone_into(&mut row.state);
        Ok(())
    })?;
    Ok(())
}

/// Another environment.
pub async fn project(ground: &Ground, name: &'static str) -> i64 {
    ground
        .write(move |tx| {
            let uuid = tx.entropy.uuid();
            let new = seed::project(tx, &uuid, name)?.state("active");
            Ok(tx.insert(new)?.id)
        })
        .await
}

/// Those who act in an environment: its members by role, and the environment itself.
pub async fn members(ground: &Ground, project: i64) -> Vec<Caller> {
    let inside = Some(id::format("a", project));
    ground
        .write(move |tx| {
            let mut found = Vec::new();
            for name in MEMBERS.iter().copied() {
                let user = account(tx, "user", "active")?;
                let new = NewResource::new("projectMember", tx.entropy.uuid())
                    .account(project)
                    .state("active")
                    .with("projectId", project)
                    .with("externalId", id::format("a", user))
                    .with("externalIdType", "rancher_id")
                    .with("role", name);
                tx.insert(new)?;
                let proof = Some(key(tx, user, "active")?);
                let inside = inside.clone();
                found.push(Caller { name, proof, inside, acting: project, user, all: false });
            }
            for (name, flag) in AGENTS.iter().copied() {
                let uuid = tx.entropy.uuid();
                let new = NewResource::new("account", uuid).kind("agent").state("active");
                let new = new.with(registration::AGENT_ENVIRONMENT, project).with(flag, true);
                let user = tx.insert(new)?.id;
                let proof = Some(key(tx, user, "active")?);
                found.push(Caller { name, proof, inside: None, acting: project, user, all: false });
            }
            let uuid = tx.entropy.uuid();
            let mut new = NewResource::new("credential", uuid).account(project).state("active");
            new.kind = registration::KIND.to_owned();
            registration::prepare(tx, &mut new);
            let token = registration::token(&tx.insert(new)?, tx.now).expect("a token");
            found.push(Caller {
                name: "register",
                proof: Some(basic(registration::USER, &token)),
                inside: None,
                acting: project,
                user: project,
                all: false,
            });
            found.push(Caller {
                name: "project",
                proof: Some(key(tx, project, "active")?),
                inside: None,
                acting: project,
                user: project,
                all: false,
            });
            Ok(found)
        })
        .await
}

/// Those who act as their own account, a caller for each kind of account.
pub async fn accounts(ground: &Ground) -> Vec<Caller> {
    ground
        .write(|tx| {
            let mut found = Vec::new();
            for (name, all) in KINDS.iter().copied() {
                let user = account(tx, name, "active")?;
                let proof = Some(key(tx, user, "active")?);
                let inside = None;
                found.push(Caller { name, proof, inside, acting: user, user, all });
            }
            Ok(found)
        })
        .await
}

/// Those whose proof is worth nothing: each is refused everything but the login.
pub async fn refused(ground: &Ground) -> Vec<Caller> {
    let caller = |name, proof: Option<String>| Caller {
        name,
        proof,
        inside: None,
        acting: 0,
        user: 0,
        all: false,
    };
    let expired = "an-expired-session-key";
    ground
        .write(move |tx| {
            let mut found = vec![
                caller("nobody", None),
                caller("an unknown key", Some(basic("0123456789ABCDEF0123", "nothing"))),
                caller("an unknown session", Some("Bearer nonsense".to_owned())),
            ];
            let disabled = account(tx, "admin", "inactive")?;
            found.push(caller("a disabled account", Some(key(tx, disabled, "active")?)));
            let removed = account(tx, "admin", "active")?;
            found.push(caller("a removed account", Some(key(tx, removed, "active")?)));
            remove(tx, removed)?;
            let live = account(tx, "admin", "active")?;
            found.push(caller("a disabled key", Some(key(tx, live, "inactive")?)));
            found.push(caller("a removed key", Some(key(tx, live, "removed")?)));
            let uuid = tx.entropy.uuid();
            let closed = seed::project(tx, &uuid, "closed")?.state("inactive");
            let closed = tx.insert(closed)?.id;
            found
                .push(caller("a key of an inactive environment", Some(key(tx, closed, "active")?)));
            tx.token_insert(&TokenRow {
                key_hash: secret::sha256_hex(expired),
                account_id: live,
                created: 0,
                expires: tx.now - 1,
                data: Map::new(),
            })?;
            found.push(caller("an expired session", Some(format!("Bearer {expired}"))));
            Ok(found)
        })
        .await
}

/// An account that nobody calls as.
pub async fn spare(ground: &Ground) -> i64 {
    ground.write(|tx| account(tx, "user", "active")).await
}
