//! A running server with its API, on which agents may be simulated.

use std::path::Path;
use std::time::Duration;

use ranchette::auth::seed;
use ranchette::clock::{Clock, Entropy};
use ranchette::engine::sim::SimFleet;
use ranchette::error::Result;
use ranchette::server::core::{Core, Simulated};
use ranchette::store::{Read, Store};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::api::site::{Client, Site};

/// Longest a test waits for something that ought to happen: a failure, not a pace.
const DEADLINE: Duration = Duration::from_secs(180);

pub struct Place {
    pub site: Site,
    pub core: Core,
    pub fleet: SimFleet,
}

/// What else a server has besides simulated agents.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Beside {
    Nothing,
    RealHosts,
    /// They are off.
    Off,
}

impl Place {
    pub async fn start(clock: Clock, beside: Beside) -> Self {
        let again = clock.clone();
        let open = move |path: &Path| {
            Core::open(path, again, Entropy::System, crate::world::limits()).expect("a core")
        };
        Self::over(clock, beside, open).await
    }

    /// The same over a core of the caller's, whose database is at the path that it is given.
    pub async fn over(clock: Clock, beside: Beside, open: impl FnOnce(&Path) -> Core) -> Self {
        let folder = TempDir::new().expect("temporary folder");
        let mut core = open(&folder.path().join("db"));
        let fleet = SimFleet::new(1, clock);
        fleet.transcript().stop();
        let wanted = match beside {
            Beside::Nothing => Simulated::Alone(fleet.clone()),
            Beside::RealHosts => Simulated::BesideReal(fleet.clone()),
            Beside::Off => Simulated::Off,
        };
        core.simulate_agents(wanted, 60_000).await.expect("simulation");
        let ((site, code), _) = Site::over(&core, folder).await;
        site.claim(&code).await;
        core.start();
        let place = Self { site, core, fleet };
        place
            .until("the environment is active", |read| {
                Ok(read.get(seed::DEFAULT_PROJECT)?.filter(|row| row.state == "active"))
            })
            .await;
        place
    }

    pub fn store(&self) -> Store {
        self.core.site.store.clone()
    }

    /// Waits until `f` finds what it looks for; every commit is a new chance, and a manual clock goes on
    /// while nothing is committed.
    pub async fn until<T>(&self, what: &str, f: impl Fn(&Read<'_>) -> Result<Option<T>>) -> T {
        let store = self.store();
        let mut changes = store.feed().listen();
        let wait = async {
            loop {
                if let Some(found) = store.read(&f).expect("read") {
                    return found;
                }
                // Lagging behind only means that there is something new to look at.
                let _ = changes.recv().await;
            }
        };
        match tokio::time::timeout(DEADLINE, wait).await {
            Ok(found) => found,
            Err(_) => panic!("{what}: not within {DEADLINE:?}"),
        }
    }

    /// Waits until a resource's row is in a state.
    pub async fn state(&self, id: &Value, state: &'static str) {
        let id = number(id);
        self.until(&format!("{id} is {state}"), |read| {
            Ok(read.get(id)?.filter(|row| row.state == state))
        })
        .await;
    }

    /// A registration token of the first environment, active, and a client that proves itself with it.
    pub async fn registrar(&self) -> (Value, Client) {
        self.registrar_of(&self.site.owner().await).await
    }

    /// The same of the environment that a caller is in.
    pub async fn registrar_of(&self, owner: &Client) -> (Value, Client) {
        let made = owner.post("/registrationtokens", json!({})).await.ok(201);
        let id = made["id"].as_str().expect("an id").to_owned();
        self.state(&made["id"], "active").await;
        let token = owner.get(&format!("/registrationtokens/{id}")).await.ok(200);
        let secret = token["token"].as_str().expect("a token").to_owned();
        let basic = Some(("registrationToken".to_owned(), secret));
        (token, Client { basic, ..self.site.nobody() })
    }

    /// A registered agent: its registration with keys, and a client that proves itself with them.
    pub async fn agent(&self, registrar: &Client, key: &str) -> (Value, Client) {
        let made = registrar.post("/register", json!({ "key": key })).await.ok(201);
        self.state(&made["id"], "active").await;
        let list = registrar.get(&format!("/register?key={key}")).await.ok(200);
        let row = list["data"][0].clone();
        let text = |field: &str| row[field].as_str().expect("a key").to_owned();
        let basic = Some((text("accessKey"), text("secretKey")));
        (row.clone(), Client { basic, ..self.site.nobody() })
    }

    /// Sets a setting.
    pub async fn setting(&self, name: &str, value: &str) {
        let admin = self.site.admin().await;
        admin.put(&format!("/settings/{name}"), json!({ "value": value })).await.ok(200);
    }
}

/// The number in `1h5`.
pub fn number(id: &Value) -> i64 {
    let id = id.as_str().expect("an id");
    ranchette::model::id::parse(id).expect("an id")
}
