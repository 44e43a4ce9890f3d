//! `adopt-host`: an engine that somebody removed as a host registers again at the next start.

use clap::Args;
use serde_json::json;

use super::Result;
use super::failure::{Exit, Failure};
use super::output::Output;
use super::settings::Settings;
use crate::clock::{Clock, Entropy};
use crate::controller::hosts;
use crate::server::data_dir::{self, DataDir};
use crate::store::Store;

/// Arguments of `adopt-host`.
///
/// An engine registers by itself once; after its host was removed it stays away until this is said. The
/// server must be stopped.
#[derive(Clone, Debug, Default, Args)]
pub struct AdoptArgs {
    /// The engine: unix:///path or tcp://host:port; the one of the configuration if absent
    #[arg(value_name = "ENGINE")]
    pub engine: Option<String>,
}

/// Runs the verb.
///
/// # Errors
/// When there is no database, the server runs, or the engine was never a host.
pub async fn run(settings: &Settings, out: &Output, args: &AdoptArgs) -> Result<Exit> {
    let config = settings.config()?;
    let folder = settings.data_dir()?;
    let database = data_dir::database(&folder);
    if let Err(error) = std::fs::File::open(&database) {
        return Err(Failure::file("read", &database, &error)
            .hint("name the server's data folder with --data-dir, and use the server's own user"));
    }
    let dir = DataDir::open(&folder).map_err(|error| {
        Failure::from(error).hint("stop the server first; its containers run on")
    })?;
    let engine = args.engine.clone().unwrap_or_else(|| config.docker.host.clone());
    let store = Store::open(&dir.database(), Clock::System, Entropy::System)?;
    if !hosts::forget(&store, &engine).await? {
        return Err(Failure::new(format!("no host of the engine {engine} was removed"))
            .hint("an engine that was never a host registers by itself when the server starts"));
    }
    out.say(
        format!("{engine} registers as a host again when the server starts"),
        &json!({ "type": "adopted", "engine": engine }),
    );
    Ok(Exit::Ok)
}
