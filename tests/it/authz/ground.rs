//! A server that nothing happens in by itself, asked without a network in between.

use std::rc::Rc;
use std::sync::Arc;

use actix_web::dev::ServiceResponse;
use actix_web::test::TestRequest;
use actix_web::{App, test, web};
use futures_util::FutureExt as _;
use futures_util::future::LocalBoxFuture;
use ranchette::api::{self, ApiConfig, ApiState};
use ranchette::auth::secret::Cost;
use ranchette::auth::{Auth, Options, seed};
use ranchette::clock::{Clock, Entropy};
use ranchette::server::core::Core;
use ranchette::store::{Store, Tx};
use rusqlite::types::ValueRef;
use serde_json::Value;
use tempfile::TempDir;

use super::callers::Caller;

type Handle = Rc<dyn Fn(TestRequest) -> LocalBoxFuture<'static, ServiceResponse>>;

/// The method that stands for a `GET` that wants a websocket.
const UPGRADE: &str = "UPGRADE";

/// A seeded installation whose processes are started but never run.
pub struct Ground {
    pub store: Store,
    handle: Handle,
    dump: rusqlite::Connection,
    _core: Core,
    _folder: TempDir,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    /// The error's code, or nothing.
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or("").to_owned()
    }
}

/// What is asked.
#[derive(Clone, Debug)]
pub struct Ask {
    pub method: &'static str,
    /// From the version on: `/v2-beta/stacks/1st5`.
    pub path: String,
    pub body: Option<Value>,
}

impl Ask {
    pub fn get(path: impl Into<String>) -> Self {
        Self { method: "GET", path: path.into(), body: None }
    }

    pub fn send(method: &'static str, path: impl Into<String>, body: Value) -> Self {
        Self { method, path: path.into(), body: Some(body) }
    }
}

impl Ground {
    pub async fn new() -> Self {
        let folder = TempDir::new().expect("temporary folder");
        let path = folder.path().join("db");
        let (clock, entropy) = (Clock::System, Entropy::System);
        let core = Core::open(&path, clock.clone(), entropy.clone(), crate::world::limits());
        let core = core.expect("a core");
        let store = core.site.store.clone();
        store.write(seed::seed).await.expect("seeded");
        let options = Options {
            cost: Cost { memory_kib: 8, iterations: 1, parallelism: 1 },
            data_dir: folder.path().to_owned(),
            ..Options::default()
        };
        let auth = Auth::new(store.clone(), clock, entropy, options).expect("auth");
        let state =
            ApiState::new(Arc::clone(&core.site), auth, core.metrics.clone(), ApiConfig::default());
        let app = App::new().configure(api::configure(web::Data::new(state)));
        let app = Rc::new(test::init_service(app).await);
        let handle: Handle = Rc::new(move |request: TestRequest| {
            let app = Rc::clone(&app);
            async move { test::call_service(&*app, request.to_request()).await.map_into_boxed_body() }
                .boxed_local()
        });
        let dump = rusqlite::Connection::open(store.path()).expect("the database");
        Self { store, handle, dump, _core: core, _folder: folder }
    }

    /// Asks as a caller.
    pub async fn ask(&self, caller: &Caller, ask: &Ask) -> Answer {
        let method = if ask.method == UPGRADE { "GET" } else { ask.method };
        let method = method.parse().expect("a method");
        let mut request = TestRequest::default().method(method).uri(&ask.path);
        if ask.method == UPGRADE {
            request = request
                .insert_header(("connection", "upgrade"))
                .insert_header(("upgrade", "websocket"))
                .insert_header(("sec-websocket-version", "13"))
                .insert_header(("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="));
        }
        if let Some(project) = &caller.inside {
            request = request.insert_header(("x-api-project-id", project.as_str()));
        }
        if let Some(proof) = &caller.proof {
            request = request.insert_header(("authorization", proof.as_str()));
        }
        if let Some(body) = &ask.body {
            request = request
                .insert_header(("content-type", "application/json"))
                .set_payload(body.to_string());
        }
        let response = (self.handle)(request).await;
        let status = response.status().as_u16();
        if status == 101 {
            // The socket's messages go on for as long as somebody listens.
            return Answer { status, text: String::new() };
        }
        let body = test::read_body(response).await;
        Answer { status, text: String::from_utf8_lossy(&body).into_owned() }
    }

    /// Writes to the database.
    pub async fn write<T: Send + 'static>(
        &self,
        f: impl FnOnce(&mut Tx<'_>) -> ranchette::error::Result<T> + Send + 'static,
    ) -> T {
        self.store.write(f).await.expect("written")
    }

    /// Every row of the database, but for what was recorded of the calls themselves.
    pub fn dump(&self) -> Vec<String> {
        let mut rows = Vec::new();
        for table in ["resource", "reference", "process", "fact", "token"] {
            let mut statement =
                self.dump.prepare_cached(&format!("SELECT * FROM {table}")).expect("SQL");
            let columns = statement.column_count();
            let mut found = statement.query([]).expect("rows");
            while let Some(row) = found.next().expect("a row") {
                let mut text = table.to_owned();
                for column in 0..columns {
                    text.push(' ');
                    match row.get_ref(column).expect("a column") {
                        ValueRef::Null => text.push('-'),
                        ValueRef::Integer(number) => text.push_str(&number.to_string()),
                        ValueRef::Real(number) => text.push_str(&number.to_string()),
                        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
                            text.push_str(&String::from_utf8_lossy(bytes));
                        }
                    }
                }
                rows.push(text);
            }
        }
        rows
    }
}

/// What two dumps differ in, a line a row, shortened.
pub fn difference(before: &[String], after: &[String]) -> Vec<String> {
    let short =
        |sign: char, row: &String| format!("{sign} {}", row.chars().take(300).collect::<String>());
    let (old, new): (std::collections::BTreeSet<_>, std::collections::BTreeSet<_>) =
        (before.iter().collect(), after.iter().collect());
    let gone = old.difference(&new).map(|row| short('-', row));
    gone.chain(new.difference(&old).map(|row| short('+', row))).collect()
}
