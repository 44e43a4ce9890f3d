//! `serve` and `demo`: running a server in this process.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use tracing_subscriber::EnvFilter;

use super::Result;
use super::failure::{Exit, Failure};
use super::output::Output;
use super::settings::Settings;
use crate::clock::Entropy;
use crate::config::{Config, Log, LogFormat, Overrides};

/// Arguments of `serve`.
#[derive(Clone, Debug, Default, Args)]
pub struct ServeArgs {
    /// Address of the API and the dashboard, such as 0.0.0.0:8080
    ///
    /// Until an administrator exists the server listens on loopback only, whatever is said here.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
    /// Public URL used in links, such as https://ranch.example
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,
    /// Docker Engine: unix:///path or tcp://host:port
    #[arg(long, value_name = "ENGINE")]
    pub docker_host: Option<String>,
    #[command(flatten)]
    log: LogArgs,
}

/// Arguments of `demo`.
#[derive(Clone, Debug, Default, Args)]
pub struct DemoArgs {
    /// Address of the API and the dashboard
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
    /// How many hosts are simulated
    #[arg(long, value_name = "N")]
    pub hosts: Option<String>,
    /// Seed of the simulated delays and faults; the same seed gives the same run
    #[arg(long, value_name = "N")]
    pub seed: Option<String>,
    #[command(flatten)]
    log: LogArgs,
}

/// What is logged; the log goes to standard error.
#[derive(Clone, Debug, Default, Args)]
struct LogArgs {
    /// Least severe level that is logged: error, warn, info, debug or trace
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
    /// How entries look: text or json
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
}

impl LogArgs {
    fn add(&self, overrides: Overrides) -> Overrides {
        overrides.with("--log-level", "log.level", self.log_level.clone()).with(
            "--log-format",
            "log.format",
            self.log_format.clone(),
        )
    }
}

/// Runs the server until it is told to end.
///
/// # Errors
/// When the configuration is wrong or the server cannot start.
pub fn serve(settings: &Settings, args: &ServeArgs) -> Result<Exit> {
    let overrides = args.log.add(settings.overrides());
    let overrides = overrides
        .with("--listen", "server.listen", args.listen.clone())
        .with("--public-url", "server.url", args.public_url.clone())
        .with("--docker-host", "docker.host", args.docker_host.clone());
    let mut config = settings.config_with(&overrides)?;
    config.server.data_dir = settings.absolute(&config.server.data_dir);
    start_log(&config.log);
    run_server(config)?;
    Ok(Exit::Ok)
}

/// Runs a server on simulated hosts, with its data in a folder that is gone afterwards.
///
/// # Errors
/// As [`serve`].
pub fn demo(settings: &Settings, out: &Output, args: &DemoArgs) -> Result<Exit> {
    let folder = DemoFolder::make()?;
    let overrides = args.log.add(settings.overrides());
    let overrides = overrides
        .with("--listen", "server.listen", args.listen.clone())
        .with("--hosts", "sim.hosts", args.hosts.clone())
        .with("--seed", "sim.seed", args.seed.clone());
    let mut config = settings.config_with(&overrides)?;
    config.sim.enabled = true;
    config.server.data_dir = folder.path.clone();
    start_log(&config.log);
    let (url, dir) = (format!("http://{}", config.server.listen), folder.path.display());
    out.say(
        format!(
            "A simulated fleet of {} hosts at {url}; nothing of it is kept.\n\
             Look at it from another terminal with: ranchette --data-dir {dir} ps",
            config.sim.hosts
        ),
        &json!({ "type": "demo", "url": url, "dataDir": dir.to_string() }),
    );
    run_demo(config)?;
    Ok(Exit::Ok)
}

// Replaced by `crate::server::serve(config)` and `crate::server::demo(config)` once they exist.
fn run_server(config: Config) -> crate::error::Result<()> {
    Err(crate::error::Error::internal(format!("no server yet for {}", config.server.listen)))
}

fn run_demo(config: Config) -> crate::error::Result<()> {
    run_server(config)
}

/// The demo's data folder; it goes with this value.
struct DemoFolder {
    path: PathBuf,
}

impl DemoFolder {
    fn make() -> Result<Self> {
        let name = format!("ranchette-demo-{}", Entropy::System.token(8));
        let path = std::env::temp_dir().join(name);
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .map_err(|error| Failure::file("make", &path, &error))?;
        Ok(DemoFolder { path })
    }
}

impl Drop for DemoFolder {
    fn drop(&mut self) {
        // What is left in the folder for temporary files does no harm.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// Sends the log to standard error. Other programs' parts of this one speak up only about trouble.
fn start_log(log: &Log) {
    let level = log.level.name();
    let others = if matches!(level, "debug" | "trace") { "info" } else { "warn" };
    let filter = EnvFilter::new(format!("{others},ranchette={level}"));
    let log_to = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second start in one process keeps the first one's log.
    let _ = match log.format {
        LogFormat::Text => log_to
            .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
            .with_target(false)
            .try_init(),
        LogFormat::Json => log_to.json().flatten_event(true).try_init(),
    };
}
