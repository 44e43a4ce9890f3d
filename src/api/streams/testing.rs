//! A websocket without a connection, for the tests of this layer: nothing is read unless a test does.

use std::sync::Arc;

use actix_web::test::TestRequest;
use actix_web::{FromRequest as _, HttpResponse, dev, web};
use futures_util::stream;
use prometheus_client::metrics::gauge::Gauge;
use tempfile::TempDir;
use tokio::sync::broadcast;

use super::line::{Guard, Line};
use super::room::{self, Socket};
use crate::auth::{Auth, AuthType, Caller, Options, Role, secret::Cost, seed};
use crate::clock::{Clock, Entropy, ManualClock};
use crate::store::Store;

/// The session of whoever dials.
const SESSION: &str = "session";

/// Somebody with a session, and a clock that stands still.
pub struct Installation {
    pub clock: Clock,
    pub time: Arc<ManualClock>,
    /// What all websockets hold.
    pub bytes: Gauge,
    auth: Arc<Auth>,
    caller: Caller,
    ended: broadcast::Sender<String>,
    _folder: TempDir,
}

/// Lets everything go on that can go on by itself.
pub async fn settle() {
    for _ in 0..2_000 {
        tokio::task::yield_now().await;
    }
}

impl Installation {
    pub async fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        let (clock, time) = Clock::manual(1_000_000_000);
        let entropy = Entropy::seeded(7);
        let store = Store::open(&folder.path().join("db"), clock.clone(), entropy.clone());
        let store = store.expect("a store");
        store.write(seed::seed).await.expect("seeded");
        let options = Options {
            cost: Cost { memory_kib: 8, iterations: 1, parallelism: 1 },
            data_dir: folder.path().to_owned(),
            ..Options::default()
        };
        let auth = Auth::new(store, clock.clone(), entropy, options).expect("access control");
        let caller = Caller {
            account_id: 5,
            user_id: 1,
            user_kind: "user".to_owned(),
            user_name: None,
            role: Role::Member,
            auth_type: AuthType::Token,
            all_accounts: false,
            session: Some(SESSION.to_owned()),
        };
        let bytes = Gauge::default();
        let ended = broadcast::channel(8).0;
        Self { clock, time, bytes, auth, caller, ended, _folder: folder }
    }

    pub fn guard(&self) -> Guard {
        Guard::hearing(Arc::clone(&self.auth), self.caller.clone(), self.ended.subscribe())
    }

    /// Ends the session.
    pub fn log_out(&self) {
        self.ended.send(SESSION.to_owned()).expect("somebody hears it");
    }

    /// A websocket; what its client would read is the body of the answer.
    pub async fn socket(&self) -> (HttpResponse, Socket, actix_ws::MessageStream) {
        let request = TestRequest::get()
            .insert_header(("upgrade", "websocket"))
            .insert_header(("connection", "upgrade"))
            .insert_header(("sec-websocket-version", "13"))
            .insert_header(("sec-websocket-key", "x3JJHMbDL1EzLkh9GBhXDw=="))
            .to_http_request();
        let silence: dev::Payload = dev::Payload::Stream { payload: Box::pin(stream::pending()) };
        let mut payload = silence;
        let payload = web::Payload::from_request(&request, &mut payload).await.expect("a payload");
        room::open(&request, payload, &self.bytes).expect("a websocket")
    }

    pub async fn line(&self) -> (HttpResponse, Line) {
        let (response, socket, client) = self.socket().await;
        (response, Line { clock: self.clock.clone(), socket, client, guard: self.guard() })
    }
}
