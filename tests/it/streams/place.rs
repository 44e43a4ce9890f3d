//! A whole server with one simulated host, and a client of its websockets.

use std::sync::Arc;
use std::time::Duration;

use actix_web::rt::task::JoinHandle;
use futures_util::StreamExt as _;
use ranchette::auth::seed;
use ranchette::clock::{Clock, Entropy, ManualClock};
use ranchette::engine::Engine;
use ranchette::engine::docker::DockerEngine;
use ranchette::engine::sim::SimFleet;
use ranchette::error::Result;
use ranchette::model::resource::Resource;
use ranchette::process::native;
use ranchette::process::tasks::{Task, carry_out};
use ranchette::server::core::Core;
use ranchette::store::{Read, Tx};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::api::site::{Client, Site};

/// Longest a test waits for what ought to happen: a failure, not a pace.
const DEADLINE: Duration = Duration::from_secs(60);
/// The same for one row, short enough to tell what it waits for before the deadline.
const PATIENCE: Duration = Duration::from_secs(55);

pub type Socket =
    tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

pub struct Place {
    pub site: Site,
    /// The clock of the simulated host: its containers write and work when it moves.
    pub time: Arc<ManualClock>,
    pub owner: Client,
    pub host: i64,
    pub core: Core,
    watch: JoinHandle<()>,
}

impl Place {
    /// The default environment with the simulated host `host1`.
    pub async fn start() -> Self {
        let (clock, time) = Clock::manual(Clock::System.now_ms());
        let engine = Arc::new(SimFleet::new(7, clock).host("host1"));
        Self::over("sim://host1", engine, time).await
    }

    /// The default environment with a real Docker Engine, whose time is everyone's.
    pub async fn on_docker(endpoint: &str) -> Self {
        let time = Arc::new(ManualClock::new(0));
        Self::over(endpoint, Arc::new(DockerEngine::new(endpoint)), time).await
    }

    /// The default environment with one host on an engine.
    pub async fn over(address: &str, engine: Arc<dyn Engine>, time: Arc<ManualClock>) -> Self {
        let folder = TempDir::new().expect("temporary folder");
        let path = folder.path().join("db");
        let limits = crate::world::limits();
        let mut core = Core::open(&path, Clock::System, Entropy::System, limits).expect("a core");
        let ((site, code), auth) = Site::over(&core, folder).await;
        site.claim(&code).await;
        // What other tests run on the engine is no concern of this one.
        let hide = |tx: &mut Tx<'_>| tx.set_setting(native::SHOWN, Some("false"));
        core.site.store.write(hide).await.expect("a setting");
        core.start();
        let host = core
            .add_host(seed::DEFAULT_PROJECT, address, "host1", engine, 60_000)
            .await
            .expect("a host")
            .expect("a new host");
        let owner = site.owner().await;
        let watch = actix_web::rt::spawn(auth.watch());
        let place = Self { site, time, owner, host, core, watch };
        // A host takes containers from when its agent has answered, which may be after it is active.
        let ready =
            |row: &Resource| row.state == "active" && row.str("agentState") == Some("active");
        let what = "the host is active and its agent, too";
        place.until(what, |read| Ok(read.get(host)?.filter(ready).map(|_| ()))).await;
        place
    }

    /// Runs a job of the server's now.
    pub async fn run(&self, task: &Task) {
        carry_out(&self.core.site, task, None).await.expect("the job runs");
    }

    /// Ends everything and waits for it.
    pub async fn stop(self) {
        self.watch.abort();
        self.core.shut_down().await;
    }

    /// Makes a container and waits until it runs; its id in the API.
    pub async fn container(&self, name: &str, more: Value) -> String {
        let mut body = json!({"name": name, "imageUuid": "docker:nginx", "networkMode": "none"});
        body.as_object_mut().expect("an object").extend(more.as_object().cloned().expect("fields"));
        let made = self.owner.post("/containers", body).await.ok(201);
        let id = made["id"].as_str().expect("an id").to_owned();
        self.state(&id, "running").await;
        id
    }

    /// Waits until a row is in a state. A row that does not get there says where it is.
    pub async fn state(&self, id: &str, state: &str) {
        let number = number(id);
        let wait = self.until(state, |read| in_state(read, number, state));
        if tokio::time::timeout(PATIENCE, wait).await.is_err() {
            let row = self.site.store.read(|read| read.get(number)).expect("read");
            panic!("{id} is not {state} but {row:#?}");
        }
    }

    /// Waits until `f` finds what it looks for; every commit is a new chance.
    pub async fn until<T>(&self, what: &str, f: impl Fn(&Read<'_>) -> Result<Option<T>>) -> T {
        let mut changes = self.site.store.feed().listen();
        let wait = async {
            loop {
                if let Some(found) = self.site.store.read(&f).expect("read") {
                    return found;
                }
                // Lagging behind only means that there is something new to look at.
                let _ = changes.recv().await;
            }
        };
        tokio::time::timeout(DEADLINE, wait).await.unwrap_or_else(|_| panic!("{what}: never"))
    }

    /// What an action of a container gives out.
    pub async fn access(&self, container: &str, action: &str, input: Value) -> Value {
        self.owner.post(&format!("/containers/{container}?action={action}"), input).await.ok(200)
    }

    /// Waits until no websocket is open on the server.
    pub async fn all_closed(&self) {
        let metrics = self.site.nobody().at(self.site.url.clone());
        within(async {
            while !metrics.get("/metrics").await.text.contains("\nranchette_websockets 0\n") {}
        })
        .await;
    }

    /// What websockets hold for clients that have not read it.
    pub async fn held(&self) -> u64 {
        let metrics = self.site.nobody().at(self.site.url.clone()).get("/metrics").await.text;
        let line = metrics.lines().find_map(|line| line.strip_prefix("ranchette_websocket_bytes "));
        line.expect("the number").parse().expect("a number")
    }

    /// Waits until as much is held for a client that does not read, and checks what that costs.
    pub async fn holds_back(&self, least: u64) {
        let mut most = 0;
        let wait = async {
            while most < least {
                most = self.held().await.max(most);
            }
        };
        let held_back = tokio::time::timeout(PATIENCE, wait).await.is_ok();
        assert!(held_back, "{most} bytes at most were held");
        for _ in 0..20 {
            let held = self.held().await;
            assert!(held <= 1 << 20, "{held} bytes are held");
        }
    }

    /// A member of the default environment with this role, acting in it.
    pub async fn member(&self, role: &str) -> Client {
        let (person, id) = self.site.person(role).await;
        self.set_members(&[(&id, role)]).await;
        person.at(format!("{}/v2-beta/projects/1a5", self.site.url))
    }

    /// Sets the members of the default environment besides its owner.
    pub async fn set_members(&self, others: &[(&str, &str)]) {
        let all = [("1a1", "owner")];
        let member = |(id, role): &(&str, &str)| json!({"externalId": id, "externalIdType": "rancher_id", "role": role});
        let members: Vec<Value> = all.iter().chain(others).map(member).collect();
        let admin = self.site.admin().await;
        let input = json!({ "members": members });
        admin.post("/projects/1a5?action=setmembers", input).await.ok(200);
    }
}

fn in_state(read: &Read<'_>, id: i64, state: &str) -> Result<Option<()>> {
    Ok(read.get(id)?.filter(|row| row.state == state).map(|_| ()))
}

/// The number in an id such as `1i5`.
pub fn number(id: &str) -> i64 {
    let digits = id.trim_start_matches('1').trim_start_matches(|c: char| c.is_ascii_lowercase());
    digits.parse().expect("a number")
}

/// Fails when something takes longer than any machine needs.
pub async fn within<T>(wait: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, wait).await.expect("in time")
}

fn url(access: &Value) -> String {
    let text = |field: &str| access[field].as_str().expect(field).to_owned();
    format!("{}?token={}", text("url"), text("token"))
}

/// Dials what an action or link gave out.
pub async fn dial(access: &Value) -> Socket {
    within(connect_async(url(access))).await.expect("a websocket").0
}

/// The status of a refusal.
pub async fn refused(url: &str) -> u16 {
    match within(connect_async(url)).await {
        Err(Error::Http(response)) => response.status().as_u16(),
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("{url} was accepted"),
    }
}

/// Dials again and returns the status of the refusal.
pub async fn refused_access(access: &Value) -> u16 {
    refused(&url(access)).await
}

/// The next text; a close frame is an error.
pub async fn text(socket: &mut Socket) -> std::result::Result<String, Option<CloseFrame>> {
    loop {
        match within(socket.next()).await {
            Some(Ok(Message::Text(text))) => return Ok(text.to_string()),
            Some(Ok(Message::Close(frame))) => return Err(frame),
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return Err(None),
        }
    }
}

/// Every text until the close, and its code.
pub async fn rest(socket: &mut Socket) -> (Vec<String>, Option<u16>) {
    let mut texts = Vec::new();
    loop {
        match text(socket).await {
            Ok(text) => texts.push(text),
            Err(frame) => return (texts, frame.map(|frame| frame.code.into())),
        }
    }
}
