//! `serve` and `demo`: running a server in this process.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use super::Result;
use super::failure::{Exit, Failure};
use super::output::Output;
use super::settings::Settings;
use crate::clock::Entropy;
use crate::config::{Log, LogFormat, Overrides};
use crate::server::{self, Greeter};

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
pub fn serve(settings: &Settings, out: &Output, args: &ServeArgs) -> Result<Exit> {
    let overrides = args.log.add(settings.overrides.clone());
    let overrides = overrides
        .with("--listen", "server.listen", args.listen.clone())
        .with("--public-url", "server.url", args.public_url.clone())
        .with("--docker-host", "docker.host", args.docker_host.clone());
    let mut config = settings.config_with(&overrides)?;
    config.server.data_dir = settings.absolute(&config.server.data_dir);
    start_log(&config.log);
    let greeting = Greeting { out, demo: None };
    run(server::serve(&config, &greeting))
}

/// Runs a server on simulated hosts, with its data in a folder that is gone afterwards.
///
/// # Errors
/// As [`serve`].
pub fn demo(settings: &Settings, out: &Output, args: &DemoArgs) -> Result<Exit> {
    let overrides = args.log.add(settings.overrides.clone());
    let overrides = overrides
        .with("--listen", "server.listen", args.listen.clone())
        .with("--hosts", "sim.hosts", args.hosts.clone())
        .with("--seed", "sim.seed", args.seed.clone());
    let config = settings.config_with(&overrides)?;
    start_log(&config.log);
    let folder = DemoFolder::make()?;
    let greeting = Greeting { out, demo: Some((&folder.path, config.sim.hosts)) };
    run(server::demo(&config, &folder.path, &greeting))
}

/// A server uses every core.
fn run(server: impl Future<Output = crate::error::Result<()>>) -> Result<Exit> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| Failure::new(format!("cannot start a runtime: {error}")))?;
    runtime.block_on(server)?;
    Ok(Exit::Ok)
}

/// Says where the server is and how to begin. On standard error, as the log: it belongs to the
/// record of a service.
struct Greeting<'a> {
    out: &'a Output,
    /// The demo's folder and number of hosts.
    demo: Option<(&'a Path, usize)>,
}

impl Greeter for Greeting<'_> {
    fn listening(&self, url: &str, setup_code: Option<&str>) {
        let mut record = json!({ "type": "listening", "url": url, "setupCode": setup_code });
        match self.demo {
            None => self.out.note(format!("Ranchette listens at {url}")),
            Some((folder, hosts)) => {
                let data = folder.join("data").display().to_string();
                self.out.note(format!(
                    "A simulated fleet of {hosts} hosts at {url}; nothing of it is kept.\n\
                     From another terminal: ranchette --data-dir {data} ps"
                ));
                record["dataDir"] = data.into();
            }
        }
        if let Some(code) = setup_code {
            self.out.note(format!(
                "There is no administrator yet. Open the URL and create one with the set-up code {code}"
            ));
        }
        self.out.record(&record);
    }
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
    let own: LevelFilter = log.level.name().parse().unwrap_or(LevelFilter::INFO);
    let others = if own > LevelFilter::INFO { LevelFilter::INFO } else { LevelFilter::WARN };
    let filter = Targets::new().with_default(others).with_target("ranchette", own);
    let written = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    // A second start in one process keeps the first one's log.
    let _ = match log.format {
        LogFormat::Text => {
            let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
            let written = written.with_ansi(colours).with_target(false);
            tracing_subscriber::registry().with(written.with_filter(filter)).try_init()
        }
        LogFormat::Json => {
            let written = written.json().flatten_event(true);
            tracing_subscriber::registry().with(written.with_filter(filter)).try_init()
        }
    };
}
