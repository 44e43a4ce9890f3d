//! A whole server without its ears on a simulated fleet, in a temporary folder.

use std::sync::Arc;
use std::time::Duration;

use ranchette::acme::{self, Authority};
use ranchette::archive::Places;
use ranchette::clock::{Clock, Entropy};
use ranchette::engine::sim::{SimEngine, SimFleet};
use ranchette::error::Result;
use ranchette::model::resource::{NewResource, Resource};
use ranchette::process;
use ranchette::process::runner::Breakpoint;
use ranchette::process::site::Limits;
use ranchette::server::core::{Core, Outside, Simulated};
use ranchette::store::{Read, Store};
use ranchette::vault::{self, Vault};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

/// Longest a test waits for something that ought to happen: a failure, not a pace.
const DEADLINE: Duration = Duration::from_secs(60);

pub struct World {
    pub folder: TempDir,
    pub fleet: SimFleet,
    pub core: Option<Core>,
    pub clock: Clock,
    pub project: i64,
    /// Issues certificates.
    pub authority: Arc<dyn Authority>,
    hosts: usize,
    breakpoint: Option<Breakpoint>,
}

pub fn limits() -> Limits {
    Limits {
        concurrency: 8,
        workers: 64,
        stop_timeout_s: 10,
        first_subnet: "10.42.0.0/16".to_owned(),
    }
}

impl World {
    /// A server with so many simulated hosts in one environment, all active.
    pub async fn sim(hosts: usize) -> Self {
        Self::with_clock(hosts, Clock::System).await
    }

    /// A world that has not been started.
    pub fn unstarted(hosts: usize, clock: Clock) -> Self {
        let folder = TempDir::new().expect("temporary folder");
        let fleet = SimFleet::new(7, clock.clone());
        let authority = Arc::new(acme::Client::new(clock.clone()));
        Self { folder, fleet, core: None, clock, project: 0, authority, hosts, breakpoint: None }
    }

    pub async fn with_clock(hosts: usize, clock: Clock) -> Self {
        let mut world = Self::unstarted(hosts, clock);
        world.start().await;
        world
            .until("hosts are active and their agents, too", |read| {
                let mut active = 0;
                read.for_each("host", |host| {
                    let answers = host.str("agentState") == Some("active");
                    active += usize::from(host.state == "active" && answers);
                    Ok(())
                })?;
                Ok((active == hosts).then_some(()))
            })
            .await;
        world
    }

    /// Sets where the next start is to be cut off.
    pub fn set_breakpoint(&mut self, breakpoint: Option<Breakpoint>) {
        self.breakpoint = breakpoint;
    }

    /// Opens the database and starts everything, as after a crash or the first time.
    pub async fn start(&mut self) {
        let path = self.folder.path().join("test.db");
        let outside = Outside {
            machines: Arc::new(self.fleet.clone()),
            vault: Vault::open(&path.with_file_name(vault::FILE), Entropy::System)
                .expect("vault")
                .into(),
            archives: Places::beside(&path),
            authority: Arc::clone(&self.authority),
        };
        let core = Core::open_with(&path, self.clock.clone(), Entropy::System, limits(), outside);
        let core = core.expect("opens");
        let core = match &self.breakpoint {
            Some(breakpoint) => core.with_breakpoint(Arc::clone(breakpoint)),
            None => core,
        };
        self.core = Some(core);
        let store = self.store();
        self.project = store.write(project).await.expect("project");
        let mut core = self.core.take().expect("core");
        let simulated = Simulated::Alone(self.fleet.clone());
        core.simulate_agents(simulated, 60_000).await.expect("simulated agents");
        for number in 1..=self.hosts {
            let name = format!("host{number}");
            let engine = Arc::new(self.fleet.host(&name));
            core.add_host(self.project, &format!("sim://{name}"), &name, engine, 60_000)
                .await
                .expect("host");
        }
        core.start();
        self.core = Some(core);
    }

    pub fn store(&self) -> Store {
        self.core.as_ref().expect("running").site.store.clone()
    }

    pub fn vault(&self) -> Arc<Vault> {
        Arc::clone(&self.core.as_ref().expect("running").site.vault)
    }

    /// The simulated host `host<number>`.
    pub fn host(&self, number: usize) -> SimEngine {
        self.fleet.host(&format!("host{number}"))
    }

    /// Stops the server as a signal would.
    pub async fn stop(&mut self) {
        if let Some(core) = self.core.take() {
            core.shut_down().await;
        }
    }

    /// Makes a stack.
    pub async fn stack(&self, name: &str) -> Resource {
        let new = NewResource::new("stack", uuid()).name(name).account(self.project);
        self.store().write(|tx| process::create(tx, new, Map::new())).await.expect("stack")
    }

    /// Makes a service of a stack that starts at once.
    pub async fn service(
        &self,
        stack: &Resource,
        name: &str,
        scale: i64,
        launch: Value,
    ) -> Resource {
        let new = NewResource::new("service", uuid())
            .name(name)
            .account(self.project)
            .with("stackId", stack.id)
            .with("scale", scale)
            .with("startOnCreate", true)
            .with("launchConfig", launch);
        self.store().write(|tx| process::create(tx, new, Map::new())).await.expect("service")
    }

    /// Starts a transition.
    pub async fn act(&self, id: i64, transition: &'static str, data: Value) -> Resource {
        self.store()
            .write(move |tx| process::start(tx, id, transition, process::object(data)))
            .await
            .expect(transition)
    }

    /// Sets a service's scale as the API does.
    pub async fn scale(&self, id: i64, scale: i64) {
        self.store()
            .write(move |tx| {
                tx.update(id, |service| {
                    service.set("scale", scale);
                    Ok(())
                })?;
                process::start(tx, id, "update", Map::new())
            })
            .await
            .expect("scale");
    }

    /// Waits until `f` finds what it looks for; every commit is a new chance.
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
            Err(_) => panic!("{what}: not within {DEADLINE:?}\n{}", self.dump()),
        }
    }

    /// Waits until a resource is in a state.
    pub async fn state(&self, id: i64, state: &str) -> Resource {
        self.until(&format!("resource {id} is {state}"), |read| {
            Ok(read.get(id)?.filter(|row| row.state == state))
        })
        .await
    }

    /// The one row of a type that there is.
    pub async fn only(&self, ty: &str) -> i64 {
        self.until(&format!("one {ty}"), |read| {
            let mut found = Vec::new();
            read.for_each(ty, |row| {
                found.push(row.id);
                Ok(())
            })?;
            Ok(if let [id] = found.as_slice() { Some(*id) } else { None })
        })
        .await
    }

    /// The live containers of a service by name: name, state.
    pub fn containers(&self, service: i64) -> Vec<(String, String)> {
        let rows = self.store().read(|read| read.referrers("instance", "serviceId", service));
        let rows = rows.expect("containers");
        rows.into_iter().map(|row| (row.name.unwrap_or_default(), row.state)).collect()
    }

    /// Everything alive, for a failure's message.
    pub fn dump(&self) -> String {
        let mut text = String::new();
        let read = self.store().read(|read| {
            for ty in
                ["host", "network", "stack", "service", "instance", "volume", "snapshot", "backup"]
            {
                let query = ranchette::store::Query {
                    ty,
                    with_removed: ty == "snapshot" || ty == "backup",
                    limit: 1000,
                    ..Default::default()
                };
                for row in read.list(&query)? {
                    let message = row.str("transitioningMessage").unwrap_or_default();
                    let name = row.display_name();
                    text.push_str(&format!("{ty} {} {name} {} {message}\n", row.id, row.state));
                }
            }
            let filter =
                ranchette::store::ProcessFilter { open: true, limit: 50, ..Default::default() };
            for process in read.processes(filter)? {
                text.push_str(&format!(
                    "process {} of {} step {} tries {} {}\n",
                    process.name,
                    process.resource_id,
                    process.step,
                    process.tries,
                    process.message.unwrap_or_default()
                ));
            }
            Ok(())
        });
        if let Err(error) = read {
            text.push_str(&error.to_string());
        }
        text
    }
}

fn uuid() -> String {
    Entropy::System.uuid()
}

/// The environment of a world, made on the first start.
fn project(tx: &mut ranchette::store::Tx<'_>) -> Result<i64> {
    if let Some(project) = tx.by_uuid("testProject")? {
        return Ok(project.id);
    }
    let new = NewResource::new("account", "testProject".to_owned())
        .kind("project")
        .name("Default")
        .with("servicesPortRange", json!({ "startPort": 49153, "endPort": 65535 }));
    let project = process::create(tx, new, Map::new())?;
    Ok(project.id)
}
