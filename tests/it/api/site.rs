//! A server with its ears on, and a client for each kind of caller.

use std::sync::Arc;

use actix_web::{App, HttpServer, web};
use ranchette::api::{self, ApiConfig, ApiState};
use ranchette::auth::keys;
use ranchette::auth::secret::Cost;
use ranchette::auth::{Access, Auth, Options, control, seed};
use ranchette::clock::{Clock, Entropy};
use ranchette::model::resource::NewResource;
use ranchette::server::core::Core;
use ranchette::store::Store;
use serde_json::{Value, json};
use tempfile::TempDir;

/// The first administrator's password.
pub const PASSWORD: &str = "correct horse";

pub struct Site {
    pub url: String,
    pub store: Store,
    folder: TempDir,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    /// The JSON, after checking the status.
    pub fn ok(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        if self.text.is_empty() { Value::Null } else { self.json() }
    }

    /// `status code field: message`.
    pub fn fault(&self) -> String {
        let body = self.json();
        assert_eq!(body["type"], "error", "{}", self.text);
        assert_eq!(body["status"], self.status);
        let text = |field: &str| body[field].as_str().unwrap_or("-").to_owned();
        let (code, field, message) = (text("code"), text("fieldName"), text("message"));
        format!("{} {code} {field}: {message}", self.status)
    }
}

/// A caller: how it proves itself, and the URL its paths begin with.
#[derive(Clone)]
pub struct Client {
    pub http: reqwest::Client,
    pub base: String,
    pub bearer: Option<String>,
    pub basic: Option<(String, String)>,
}

impl Client {
    pub async fn send(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        answer(request).await
    }

    pub fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let url =
            if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.base) };
        let request = self.http.request(method.parse().expect("a method"), url);
        match (&self.bearer, &self.basic) {
            (Some(key), _) => request.bearer_auth(key),
            (None, Some((key, secret))) => request.basic_auth(key, Some(secret)),
            (None, None) => request,
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, Some(body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send("PUT", path, Some(body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, None).await
    }

    /// The same caller under another path.
    pub fn at(&self, base: String) -> Self {
        Self { base, ..self.clone() }
    }
}

pub async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.expect("an answer");
    Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        text: response.text().await.expect("text"),
    }
}

impl Site {
    /// A seeded installation with an administrator `root`.
    pub async fn start() -> Self {
        let (site, code) = Self::without_administrator().await.0;
        site.claim(&code).await;
        site
    }

    /// Makes the administrator `root`.
    pub async fn claim(&self, code: &str) {
        let body = json!({"code": code, "username": "root", "password": PASSWORD, "name": "Root"});
        self.nobody().at(self.url.clone()).post("/setup", body).await.ok(201);
    }

    /// A seeded installation that waits for its set-up code, and the code.
    pub async fn without_administrator() -> ((Self, String), Arc<Auth>) {
        let folder = TempDir::new().expect("temporary folder");
        let path = folder.path().join("db");
        let core = Core::open(&path, Clock::System, Entropy::System, crate::world::limits());
        Self::over(&core.expect("a core"), folder).await
    }

    /// An installation whose configuration lets access control be off.
    pub async fn open() -> Self {
        let folder = TempDir::new().expect("temporary folder");
        let path = folder.path().join("db");
        let core = Core::open(&path, Clock::System, Entropy::System, crate::world::limits());
        let core = core.expect("a core");
        let config = ApiConfig::default();
        let ((site, code), _) = Self::with(&core, folder, Access::Open, config).await;
        assert_eq!(code, "", "no code is needed");
        site
    }

    /// The API over a core whose database is in `folder`.
    pub async fn over(core: &Core, folder: TempDir) -> ((Self, String), Arc<Auth>) {
        Self::configured(core, folder, ApiConfig::default()).await
    }

    /// The same with another configuration.
    pub async fn configured(
        core: &Core,
        folder: TempDir,
        config: ApiConfig,
    ) -> ((Self, String), Arc<Auth>) {
        Self::with(core, folder, Access::Controlled, config).await
    }

    async fn with(
        core: &Core,
        folder: TempDir,
        access: Access,
        config: ApiConfig,
    ) -> ((Self, String), Arc<Auth>) {
        let store = core.site.store.clone();
        let (clock, entropy) = (core.site.clock.clone(), core.site.entropy.clone());
        store.write(seed::seed).await.expect("seeded");
        store.write(move |tx| control::settle(tx, access)).await.expect("settled");
        let options = Options {
            access,
            cost: Cost { memory_kib: 8, iterations: 1, parallelism: 1 },
            data_dir: folder.path().to_owned(),
            ..Options::default()
        };
        let auth = Auth::new(store.clone(), clock.clone(), entropy.clone(), options).expect("auth");
        let code = auth.prepare_setup().expect("set-up").unwrap_or_default();
        let metrics = core.metrics.clone();
        let state =
            web::Data::new(ApiState::new(Arc::clone(&core.site), auth.clone(), metrics, config));
        let server = HttpServer::new(move || App::new().configure(api::configure(state.clone())))
            .workers(1)
            .disable_signals()
            .bind(("127.0.0.1", 0))
            .expect("a free port");
        let url = format!("http://{}", server.addrs().first().expect("an address"));
        actix_web::rt::spawn(server.run());
        ((Self { url, store, folder }, code), auth)
    }

    /// A caller that proves nothing.
    pub fn nobody(&self) -> Client {
        Client {
            http: reqwest::Client::new(),
            base: format!("{}/v2-beta", self.url),
            bearer: None,
            basic: None,
        }
    }

    /// Whoever has this login.
    pub async fn login(&self, code: &str) -> Client {
        let body = json!({ "code": code });
        let token = self.nobody().post("/token", body).await.ok(201);
        let key = token["jwt"].as_str().expect("a key").to_owned();
        Client { bearer: Some(key), ..self.nobody() }
    }

    /// The administrator outside environments.
    pub async fn admin(&self) -> Client {
        self.login(&format!("root:{PASSWORD}")).await
    }

    /// Where the database is.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// The administrator in the first environment.
    pub async fn owner(&self) -> Client {
        let base = format!("{}/v2-beta/projects/1a5", self.url);
        self.admin().await.at(base)
    }

    /// A key of the built-in root, which the tests wake up for it.
    pub async fn superadmin(&self) -> (String, String) {
        self.key_of(3).await
    }

    /// A key of an account, which the tests wake up for it.
    pub async fn key_of(&self, account: i64) -> (String, String) {
        let make = move |tx: &mut ranchette::store::Tx<'_>| {
            tx.update(account, |row| {
                row.state = "active".to_owned();
                Ok(())
            })?;
            let new = NewResource::new("credential", tx.entropy.uuid());
            let mut new = new.account(account).state("active");
            let pair = keys::prepare_api_key(tx, &mut new)?;
            tx.insert(new)?;
            Ok((pair.access_key, pair.secret_key))
        };
        self.store.write(make).await.expect("a key")
    }

    /// A person with the login and password `<name>:<name>-secret`, and its account's id.
    pub async fn person(&self, name: &str) -> (Client, String) {
        let admin = self.admin().await;
        let account = admin.post("/accounts", json!({"name": name, "kind": "user"})).await.ok(201);
        let id = account["id"].as_str().expect("an id").to_owned();
        let password = json!({
            "publicValue": name,
            "secretValue": format!("{name}-secret"),
            "accountId": id,
        });
        admin.post("/passwords", password).await.ok(201);
        (self.login(&format!("{name}:{name}-secret")).await, id)
    }
}
