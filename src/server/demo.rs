//! A server to play with: a simulated fleet and three stacks, no Docker needed, nothing kept.

use std::path::Path;
use std::sync::Arc;

use super::{Greeter, start, stopped};
use crate::auth::seed;
use crate::clock::{Clock, Entropy};
use crate::config::Config;
use crate::controller::deploy::{self, Request};
use crate::error::{Error, Result};
use crate::store::Tx;

/// Stacks of the demo: name and compose file.
const STACKS: &[(&str, &str)] = &[
    ("blog", include_str!("demo/blog.yaml")),
    ("monitoring", include_str!("demo/monitoring.yaml")),
    ("shop", include_str!("demo/shop.yaml")),
];

/// Runs the demo with its data in `folder`, until SIGINT or SIGTERM.
///
/// # Errors
/// When the server cannot start.
pub async fn demo(config: &Config, folder: &Path, greeter: &dyn Greeter) -> Result<()> {
    let mut config = config.clone();
    config.sim.enabled = true;
    config.sim.agents = true;
    folder.join("data").clone_into(&mut config.server.data_dir);
    let running = start(&config, Clock::System, Entropy::System).await?;
    for (name, text) in STACKS {
        let request = Request {
            name: Some((*name).to_owned()),
            docker_compose: (*text).to_owned(),
            ..Default::default()
        };
        let site = &running.core.site;
        let vault = Arc::clone(&site.vault);
        let apply =
            move |tx: &mut Tx<'_>| deploy::apply(tx, &vault, seed::DEFAULT_PROJECT, &request);
        let report = site.store.write(apply).await?;
        if let Some(error) = report.error() {
            return Err(Error::internal(error));
        }
    }
    greeter.listening(&running.url, running.setup_code.as_deref());
    stopped().await?;
    running.shut_down().await;
    Ok(())
}
