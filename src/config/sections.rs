//! The sections as structs with their defaults. Field names are the keys of the file.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use ipnet::{IpNet, Ipv4Net};

/// The whole configuration; one field for each section of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// `[server]`
    pub server: Server,
    /// `[docker]`
    pub docker: Docker,
    /// `[machines]`
    pub machines: Machines,
    /// `[auth]`
    pub auth: Auth,
    /// `[log]`
    pub log: Log,
    /// `[process]`
    pub process: Process,
    /// `[keep]`
    pub keep: Keep,
    /// `[sim]`
    pub sim: Sim,
    /// `[network]`
    pub network: Network,
    /// `[catalog]`
    pub catalog: Catalog,
    /// `[stacks]`
    pub stacks: Stacks,
    /// `CATTLE_*` and `DEFAULT_CATTLE_*` variables, which are settings rather than options.
    pub cattle: Vec<(String, String)>,
}

/// Where the server listens and keeps its data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Address of the API and the dashboard.
    pub listen: SocketAddr,
    /// Folder of the database and keys; never empty after [`Config::load`].
    pub data_dir: PathBuf,
    /// The key file of sealed secrets; empty: `vault.key` in `data_dir`.
    pub vault_key_file: PathBuf,
    /// Folder of backup targets; empty: `backups` in the data directory.
    pub backup_dir: PathBuf,
    /// Public URL without a trailing slash; empty: links follow the request.
    pub url: String,
    /// Whose `X-Forwarded-*` headers are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Origins of pages that may use the API from a browser.
    pub cors_origins: Vec<String>,
    /// Largest request body that is read.
    pub body_limit_bytes: usize,
    /// HTTP worker threads.
    pub workers: usize,
}

impl Default for Server {
    fn default() -> Self {
        Server {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            data_dir: PathBuf::new(),
            vault_key_file: PathBuf::new(),
            backup_dir: PathBuf::new(),
            url: String::new(),
            trusted_proxies: Vec::new(),
            cors_origins: Vec::new(),
            body_limit_bytes: 1 << 20,
            workers: 2,
        }
    }
}

/// The Docker Engine this server drives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Docker {
    /// `unix:///path` or `tcp://host:port`.
    pub host: String,
    /// Where ports that the host publishes are reached; none: what the machine says of itself.
    pub address: Option<IpAddr>,
    /// Calls under way at once on one engine.
    pub concurrency: usize,
    /// Seconds between full comparisons with the engine.
    pub compare_interval_s: u64,
    /// Seconds between the stop signal and SIGKILL for containers that do not say otherwise.
    pub stop_timeout_s: u64,
}

impl Default for Docker {
    fn default() -> Self {
        Docker {
            host: "unix:///var/run/docker.sock".into(),
            address: None,
            concurrency: 8,
            compare_interval_s: 60,
            stop_timeout_s: 10,
        }
    }
}

/// Machines that are reached over SSH and become hosts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Machines {
    /// A private key for machines that are added with neither a key nor a password; empty: none.
    pub ssh_key_file: PathBuf,
}

/// Passwords, sessions and what slows guessing down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Auth {
    /// Whether callers must prove who they are, unless that was switched on later.
    pub enabled: bool,
    /// Memory of one Argon2id hash.
    pub argon2_memory_kib: u32,
    /// Passes over that memory.
    pub argon2_iterations: u32,
    /// Lanes.
    pub argon2_parallelism: u32,
    /// How long a session lives.
    pub token_lifetime_s: u64,
    /// Wrong passwords for one account or address before answers become slower.
    pub throttle_free_attempts: u32,
    /// The longest wait; it doubles from one second up to this.
    pub throttle_longest_s: u64,
}

impl Default for Auth {
    // OWASP's minimum for Argon2id: 19 MiB, two passes, one lane.
    fn default() -> Self {
        Auth {
            enabled: true,
            argon2_memory_kib: 19_456,
            argon2_iterations: 2,
            argon2_parallelism: 1,
            token_lifetime_s: 57_600,
            throttle_free_attempts: 5,
            throttle_longest_s: 60,
        }
    }
}

/// What is logged and how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Log {
    /// The least severe level that is written.
    pub level: LogLevel,
    /// One line of text or one JSON object for each entry.
    pub format: LogFormat,
}

/// How much is logged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogLevel {
    /// Only what someone has to look at.
    Error,
    /// Also what is odd.
    Warn,
    /// Also what happens.
    #[default]
    Info,
    /// Also why.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    const ALL: [LogLevel; 5] =
        [LogLevel::Error, LogLevel::Warn, LogLevel::Info, LogLevel::Debug, LogLevel::Trace];

    /// As it is written in the file, which is also how `tracing` spells it.
    pub fn name(self) -> &'static str {
        match self {
            LogLevel::Error => "error",
            LogLevel::Warn => "warn",
            LogLevel::Info => "info",
            LogLevel::Debug => "debug",
            LogLevel::Trace => "trace",
        }
    }

    pub(super) fn named(name: &str) -> Option<LogLevel> {
        Self::ALL.into_iter().find(|level| level.name() == name)
    }
}

/// How a log entry looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

impl LogFormat {
    /// As it is written in the file.
    pub fn name(self) -> &'static str {
        match self {
            LogFormat::Text => "text",
            LogFormat::Json => "json",
        }
    }

    pub(super) fn named(name: &str) -> Option<LogFormat> {
        [LogFormat::Text, LogFormat::Json].into_iter().find(|format| format.name() == name)
    }
}

/// The process runner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Process instances that run at once.
    pub workers: usize,
}

impl Default for Process {
    fn default() -> Self {
        Process { workers: 256 }
    }
}

/// How long what is over is kept. Defaults are Rancher 1.6's `*.purge.after.seconds`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keep {
    /// Removed resources.
    pub removed_s: u64,
    /// Finished process instances.
    pub process_s: u64,
    /// Service log entries.
    pub service_log_s: u64,
    /// Audit log entries.
    pub audit_s: u64,
    /// Answers to creates with an `Idempotency-Key`.
    pub answers_s: u64,
}

impl Default for Keep {
    fn default() -> Self {
        Keep {
            removed_s: 172_800,
            process_s: 3_600,
            service_log_s: 86_400,
            audit_s: 2_592_000,
            answers_s: 86_400,
        }
    }
}

/// The simulated fleet in place of Docker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sim {
    /// Whether hosts are simulated.
    pub enabled: bool,
    /// How many of them.
    pub hosts: usize,
    /// Seed of the simulated delays and faults.
    pub seed: u64,
    /// Whether simulated hosts may register through the API.
    pub agents: bool,
}

impl Default for Sim {
    fn default() -> Self {
        Sim { enabled: false, hosts: 5, seed: 1, agents: false }
    }
}

/// Addresses given to containers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// Network of the first environment; the following ones take the next networks of this size.
    pub subnet: Ipv4Net,
    /// Whether the server answers the names that containers ask for.
    pub names: bool,
}

impl Default for Network {
    fn default() -> Self {
        Network { subnet: Ipv4Net::new_assert(Ipv4Addr::new(10, 42, 0, 0), 16), names: true }
    }
}

/// Templates of stacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalog {
    /// Whether the catalog in the program is offered.
    pub builtin: bool,
    /// Catalogs for everyone: `name=/folder` or `name=url#branch`.
    pub sources: Vec<String>,
}

impl Default for Catalog {
    fn default() -> Self {
        Catalog { builtin: true, sources: Vec::new() }
    }
}

/// Folders of stacks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stacks {
    /// Directories below which stacks may have their folders; none: stacks have none.
    pub directories: Vec<PathBuf>,
}
