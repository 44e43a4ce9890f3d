//! Names and metadata for the containers of the local engine, where the machine lets us.

use std::sync::Arc;

use tokio::sync::watch;

use super::core::Core;
use crate::engine::Engine;
use crate::error::Result;
use crate::model::id;
use crate::network::board::Board;
use crate::network::dns::Forward;
use crate::network::ears::Ears;
use crate::network::load;
use crate::network::redirect;
use crate::network::world::World;
use crate::process::configs::{Item, Status};
use crate::store::Read;

/// Whether the engine's bridges are on this machine; why not, otherwise.
///
/// # Errors
/// Why nothing can be done about what passes them.
pub async fn local(endpoint: &str, engine: &dyn Engine) -> std::result::Result<(), String> {
    if !endpoint.starts_with("unix://") {
        return Err(format!("the Docker Engine at {endpoint} is on another machine"));
    }
    let own = rustix::system::uname();
    let own = own.release().to_string_lossy();
    match engine.info().await {
        Ok(info) if info.kernel != own => {
            Err(format!("the Docker Engine runs in a virtual machine (kernel {})", info.kernel))
        }
        // An engine that is away now is asked again by nobody: one on a socket is almost always here.
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Whether containers whose bridges are here can be sent to us.
///
/// # Errors
/// Why Docker has to answer names itself.
pub async fn reachable(local: std::result::Result<(), String>) -> std::result::Result<(), String> {
    local?;
    redirect::check().await.map_err(|error| error.to_string())
}

/// Serves names to the containers of a host from now on; or says once, in the log and on the host, why
/// Docker answers them instead.
///
/// # Errors
/// When the database fails.
pub async fn serve(
    core: &mut Core,
    host_id: i64,
    reachable: std::result::Result<(), String>,
) -> Result<()> {
    let reason = reachable.err();
    if let Some(reason) = &reason {
        tracing::warn!(
            reason,
            "containers' names are answered by Docker, without health and links"
        );
    }
    let info = serde_json::json!({
        "servedBy": if reason.is_some() { "docker" } else { "ranchette" },
        "reason": reason,
    });
    core.site
        .store
        .write(move |tx| {
            tx.update(host_id, |host| {
                host.set("namesInfo", info);
                Ok(())
            })
        })
        .await?;
    if reason.is_some() {
        return Ok(());
    }
    core.site.engines.serve_names(host_id, Forward::host_servers());
    let (wanted, listener) = watch::channel(Vec::new());
    let board = Board::default();
    let site = &core.site;
    for name in ["dns", "metadata"] {
        let board = board.clone();
        site.configs.add(Item { name, look: Arc::new(move |read| statuses(read, &board, name)) });
    }
    let ears = Ears {
        store: site.store.clone(),
        clock: site.clock.clone(),
        entropy: site.entropy.clone(),
        board: board.clone(),
        wanted,
    };
    let (store, clock) = (site.store.clone(), site.clock.clone());
    let stop = core.stop.clone();
    core.keep(tokio::spawn(ears.run(stop.clone())));
    core.keep(tokio::spawn(board.run(store, clock, listener, stop)));
    Ok(())
}

/// What the hosts' containers are told by name, and what they would be told if it were read now.
fn statuses(read: &Read<'_>, board: &Board, item: &str) -> Result<Vec<Status>> {
    let version = |world: &World| id::of_text(&[item, &format!("{world:?}")]);
    let mut found = Vec::new();
    read.for_each("host", |host| {
        let served = host.map("namesInfo").and_then(|info| info.get("servedBy")?.as_str());
        let Some(environment) = host.account_id.filter(|_| served == Some("ranchette")) else {
            return Ok(());
        };
        let Some(world) = load::world(read, environment)? else { return Ok(()) };
        let applied = board.of(environment).map(|page| version(page.names.world()));
        found.push(Status { applied, ..Status::of(&host, version(&world)) });
        Ok(())
    })?;
    Ok(found)
}
