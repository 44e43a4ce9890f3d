//! A small installation for the tests of this layer: seeded, with a clock that stands still.

use std::sync::Arc;

use serde_json::Map;

use super::access::project_id;
use super::keys;
use super::secret::Cost;
use super::throttle::Limits;
use super::{Auth, Options, RequestFacts, seed};
use crate::clock::{Clock, Entropy, ManualClock};
use crate::model::id;
use crate::model::resource::NewResource;
use crate::process;
use crate::store::Store;

/// Store, clock and access control.
pub(super) struct World {
    pub store: Store,
    pub hands: Arc<ManualClock>,
    pub clock: Clock,
    pub entropy: Entropy,
    pub folder: tempfile::TempDir,
}

/// Where the clock stands at first.
pub(super) const START: i64 = 1_000_000_000;

impl World {
    /// Without accounts.
    pub fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (clock, hands) = Clock::manual(START);
        let entropy = Entropy::seeded(7);
        let path = folder.path().join("db");
        let store = Store::open(&path, clock.clone(), entropy.clone()).unwrap();
        Self { store, hands, clock, entropy, folder }
    }

    /// With the first accounts.
    pub async fn seeded() -> Self {
        let world = Self::empty();
        world.store.write(seed::seed).await.unwrap();
        world
    }

    pub fn options(&self) -> Options {
        Options {
            cost: Cost { memory_kib: 8, iterations: 1, parallelism: 1 },
            limits: Limits { free: 3, longest_ms: 60_000 },
            session_ms: 3_600_000,
            data_dir: self.folder.path().to_owned(),
            ..Options::default()
        }
    }

    pub fn auth(&self) -> Arc<Auth> {
        let parts = (self.store.clone(), self.clock.clone(), self.entropy.clone());
        Auth::new(parts.0, parts.1, parts.2, self.options()).unwrap()
    }

    /// An account with the login `name` and the password `<name>-secret`.
    pub async fn user(&self, auth: &Auth, kind: &'static str, name: &'static str) -> i64 {
        let phc = auth.hash_password(&format!("{name}-secret")).await.unwrap();
        self.store
            .write(move |tx| {
                let new = NewResource::new("account", tx.entropy.uuid())
                    .kind(kind)
                    .name(name)
                    .state("active");
                let account = tx.insert(new)?;
                keys::insert_password(tx, account.id, name, phc)?;
                Ok(account.id)
            })
            .await
            .unwrap()
    }

    /// An API key of an account or environment, as (key, secret).
    pub async fn key(&self, account_id: i64) -> (String, String) {
        let pair =
            self.store.write(move |tx| keys::insert_api_key(tx, account_id, "test")).await.unwrap();
        (pair.access_key, pair.secret_key)
    }

    /// Another environment, active.
    pub async fn project(&self, name: &'static str) -> i64 {
        self.store
            .write(move |tx| {
                let uuid = tx.entropy.uuid();
                let project = process::create(tx, seed::project(tx, &uuid, name)?, Map::new())?;
                tx.update(project.id, |row| {
                    "active".clone_into(&mut row.state);
                    Ok(())
                })?;
                Ok(project.id)
            })
            .await
            .unwrap()
    }

    pub async fn member(&self, project: i64, account: i64, role: &'static str) -> i64 {
        self.store
            .write(move |tx| {
                let new = NewResource::new("projectMember", tx.entropy.uuid())
                    .account(project)
                    .state("active")
                    .with("projectId", project)
                    .with("externalId", id::format("a", account))
                    .with("externalIdType", "rancher_id")
                    .with("role", role);
                Ok(tx.insert(new)?.id)
            })
            .await
            .unwrap()
    }

    pub async fn set_state(&self, id: i64, state: &'static str) {
        self.store
            .write(move |tx| {
                let now = tx.now;
                tx.update(id, |row| {
                    state.clone_into(&mut row.state);
                    row.removed = (state == "removed").then_some(now);
                    Ok(())
                })
            })
            .await
            .unwrap();
    }

    pub async fn set_setting(&self, name: &'static str, value: &'static str) {
        self.store.write(move |tx| tx.set_setting(name, Some(value))).await.unwrap();
    }
}

/// `GET` with nothing.
pub(super) fn get() -> RequestFacts {
    RequestFacts {
        method: "GET".to_owned(),
        client_ip: Some([10, 0, 0, 9].into()),
        ..RequestFacts::default()
    }
}

/// `GET` with HTTP basic.
pub(super) fn basic(user: &str, secret: &str) -> RequestFacts {
    use base64::Engine;
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{secret}"));
    RequestFacts { authorization: Some(format!("Basic {pair}")), ..get() }
}

/// `GET` with a bearer token.
pub(super) fn bearer(key: &str) -> RequestFacts {
    RequestFacts { authorization: Some(format!("Bearer {key}")), ..get() }
}

/// The same in an environment.
pub(super) fn within(request: RequestFacts, project: i64) -> RequestFacts {
    let project = id::format("a", project);
    assert!(project_id(&project).is_ok());
    RequestFacts { project_header: Some(project), ..request }
}
