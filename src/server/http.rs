//! The server's ears: the HTTP listener, on loopback only until there is an administrator.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::{App, HttpServer, web};
use tokio::sync::Mutex;

use super::core::Core;
use crate::api::{self, ApiConfig, ApiState, Network};
use crate::auth::{Auth, setup};
use crate::catalog::origin::parse_source;
use crate::catalog::{Catalogs, Scope, Settings};
use crate::config::Config;
use crate::error::{Error, Result};

/// Idle connections are closed after this time.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// A request's head has to come within this time; a machine that is busy may need some of it.
const HEAD_WITHIN: Duration = Duration::from_secs(30);
/// How long requests under way may take when the server stops, in seconds.
const SHUTDOWN_S: u64 = 2;

/// The listener.
pub struct Http {
    address: SocketAddr,
    handle: Arc<Mutex<ServerHandle>>,
}

impl Http {
    /// Listens where the configuration says, or on loopback while there is no administrator; moves to
    /// the configured address as soon as there is one.
    ///
    /// The local operator's key is written before the first answer: whoever sees the server answer may
    /// read it, and the one before is worth nothing any more.
    pub async fn start(config: &Config, core: &Core, auth: Arc<Auth>) -> Result<Self> {
        let state = web::Data::new(ApiState::new(
            Arc::clone(&core.site),
            Arc::clone(&auth),
            core.metrics.clone(),
            api_config(config, catalogs(config, core)?),
        ));
        let wanted = config.server.listen;
        let first = setup::listen_address(wanted, auth.setup_phase());
        let (address, server) = bind(first, config.server.workers, state.clone())?;
        core.site.door.listens(address);
        auth.write_local_access(&super::local_url(address)).await?;
        let handle = Arc::new(Mutex::new(server.handle()));
        tokio::spawn(server);
        if first != wanted {
            let (workers, current) = (config.server.workers, Arc::clone(&handle));
            let site = Arc::clone(&core.site);
            tokio::spawn(async move {
                auth.setup_done().await;
                let mut current = current.lock().await;
                current.stop(true).await;
                match bind(wanted, workers, state) {
                    Ok((address, server)) => {
                        tracing::info!(%address, "an administrator exists; listening");
                        site.door.listens(address);
                        *current = server.handle();
                        tokio::spawn(server);
                    }
                    Err(error) => tracing::error!(%error, "cannot listen any more"),
                }
            });
        }
        Ok(Self { address, handle })
    }

    /// Where it listens, as a client on this machine uses it.
    pub fn url(&self) -> String {
        super::local_url(self.address)
    }

    /// Stops listening; requests under way are finished, websockets closed.
    pub async fn stop(self) {
        self.handle.lock().await.stop(true).await;
    }
}

/// Takes an address; callers wait in line until the server runs.
fn bind(
    address: SocketAddr,
    workers: usize,
    state: web::Data<ApiState>,
) -> Result<(SocketAddr, Server)> {
    let server = HttpServer::new(move || App::new().configure(api::configure(state.clone())))
        .workers(workers.max(1))
        .keep_alive(KEEP_ALIVE)
        .client_request_timeout(HEAD_WITHIN)
        .shutdown_timeout(SHUTDOWN_S)
        .disable_signals()
        .bind(address)
        .map_err(|error| Error::internal(format!("cannot listen on {address}: {error}")))?;
    let bound = server.addrs().first().copied().unwrap_or(address);
    Ok((bound, server.run()))
}

/// Catalogs of the configuration; those that have to be fetched go into the data folder.
fn catalogs(config: &Config, core: &Core) -> Result<Arc<Catalogs>> {
    let source = |text: &String| {
        parse_source(text, Scope::Global)
            .map_err(|why| Error::internal(format!("option `catalog.sources`: {why}")))
    };
    let settings = Settings {
        builtin: config.catalog.builtin,
        sources: config.catalog.sources.iter().map(source).collect::<Result<_>>()?,
        folder: config.server.data_dir.join("catalogs"),
    };
    Ok(Arc::new(Catalogs::new(settings, core.site.clock.clone())))
}

fn api_config(config: &Config, catalogs: Arc<Catalogs>) -> ApiConfig {
    let url = config.server.url.trim_end_matches('/');
    ApiConfig {
        body_limit: config.server.body_limit_bytes,
        public_url: (!url.is_empty()).then(|| url.to_owned()),
        trusted_proxies: config
            .server
            .trusted_proxies
            .iter()
            .filter_map(|network| Network::parse(&network.to_string()))
            .collect(),
        cors_origins: config.server.cors_origins.clone(),
        keep_answers_s: i64::try_from(config.keep.answers_s).unwrap_or(i64::MAX),
        catalogs,
    }
}
