//! Everything that can be written on the command line; the help texts are these comments.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::failure::Exit;
use super::{
    adopt, adoption, audit, bind, check_config, contexts, data, diff, doctor, down, environments,
    events, exec, history, inspect, login, logs, pages, parts, password, ps, pull, rotate, scale,
    serve, single, switch, top, undo, up, upgrade, wait, webhooks,
};

/// Width of help texts, wherever they are shown.
pub const WIDTH: usize = 100;

/// Ranchette runs your compose stacks on Docker: API, scheduler and dashboard in one binary that
/// speaks the Rancher 1.6 API.
#[derive(Debug, Parser)]
#[command(name = "ranchette", version, max_term_width = WIDTH)]
#[command(after_help = after(), disable_help_subcommand = true, subcommand_help_heading = "Verbs")]
pub struct Cli {
    /// What every verb knows.
    #[command(flatten)]
    pub common: Common,
    /// What to do; `serve` if nothing is said.
    #[command(subcommand)]
    pub verb: Option<Verb>,
}

fn after() -> String {
    let code = |(exit, meaning): &(Exit, &str)| format!("\n  {:<3}  {meaning}", exit.code());
    let codes: String = Exit::MEANINGS.iter().map(code).collect();
    format!("Without a verb, `serve` is meant.\n\nExit codes:{codes}")
}

/// Options of every verb.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Everywhere")]
pub struct Common {
    /// Print one JSON object a line, for programs
    #[arg(long, global = true)]
    pub json: bool,
    /// Configuration file, which must exist
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Folder of the database, keys and backups
    #[arg(long, global = true, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}

/// Which server a verb talks to.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Server")]
pub struct Connection {
    /// A server that `ranchette login` knows, by its name [variable: RANCHETTE_CONTEXT]
    ///
    /// Without it, and without a URL or keys, the server chosen with `ranchette context use` is
    /// used; without one, or with --data-dir or --config, that of this machine's data folder.
    #[arg(long, global = true, value_name = "NAME", conflicts_with_all = ["url", "access_key", "secret_key"])]
    pub context: Option<String>,
    /// The server, such as http://127.0.0.1:8080 [variable: RANCHETTE_URL]
    #[arg(long, global = true, value_name = "URL")]
    pub url: Option<String>,
    /// Access key of an API key [variable: RANCHETTE_ACCESS_KEY]
    #[arg(long, global = true, value_name = "KEY")]
    pub access_key: Option<String>,
    /// Secret key of an API key [variable: RANCHETTE_SECRET_KEY, which others cannot see]
    #[arg(long, global = true, value_name = "KEY")]
    pub secret_key: Option<String>,
    /// Environment, by name or id [variable: RANCHETTE_ENVIRONMENT]
    #[arg(long, short = 'e', global = true, value_name = "NAME")]
    pub environment: Option<String>,
    /// Certificate (PEM) of the authority behind an https server [variable: RANCHETTE_CA_FILE]
    ///
    /// It is trusted besides those that the machine trusts.
    #[arg(long, global = true, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
}

/// Which compose files a verb reads.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Compose files")]
pub struct Files {
    /// Compose file, `-` for standard input; several are laid over each other
    ///
    /// Without it: compose.yaml, compose.yml, docker-compose.yaml or docker-compose.yml in this
    /// folder or the nearest one above, with its override file. A rancher-compose.yml beside the
    /// first file is read, too.
    #[arg(long = "file", short = 'f', value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Name of the stack; else the file's `name`, else that of its folder
    #[arg(long = "project-name", short = 'p', value_name = "NAME")]
    pub name: Option<String>,
    /// Also the services of this profile; `*` for all profiles
    #[arg(long = "profile", value_name = "PROFILE")]
    pub profiles: Vec<String>,
    /// File with variables, in place of `.env`
    #[arg(long = "env-file", value_name = "FILE")]
    pub env_files: Vec<PathBuf>,
}

/// How long a verb waits for what it began.
#[derive(Clone, Debug, Default, Args)]
pub struct Patience {
    /// Return as soon as the server has taken the order, without waiting for its end
    #[arg(long, short = 'd')]
    pub detach: bool,
    /// Seconds to wait at most; without it as long as something happens
    #[arg(long, value_name = "SECONDS")]
    pub timeout: Option<u32>,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Run the server
    Serve(serve::ServeArgs),
    /// Run a server with simulated hosts and three stacks; no Docker needed
    Demo(serve::DemoArgs),
    /// Bring a compose project up: create, change and scale its services
    Up(up::UpArgs),
    /// Show what `up` would do; the exit code is 6 if that is anything
    Plan(up::PlanArgs),
    /// Show what differs between a stack and the files here; the exit code is 6 if anything does
    Diff(diff::DiffArgs),
    /// Bind a stack to a directory of the server, whose files then say what it is
    Bind(bind::BindArgs),
    /// Let a stack go from its directory; services and files stay
    Unbind(bind::UnbindArgs),
    /// Make a bound stack what the files in its directory say
    Apply(bind::ApplyArgs),
    /// Pull the images of services on every host
    Pull(pull::PullArgs),
    /// Show services, or containers
    Ps(ps::PsArgs),
    /// Show what containers print
    Logs(logs::LogsArgs),
    /// Run a command in a container
    Exec(exec::ExecArgs),
    /// Show what containers use, live on a terminal
    Top(top::TopArgs),
    /// Show what changes on the server, as it changes
    Events(events::EventsArgs),
    /// Wait until services or containers are as wanted
    Wait(wait::WaitArgs),
    /// Show everything that the server tells of something
    Inspect(inspect::InspectArgs),
    /// Set how many containers services have
    Scale(scale::ScaleArgs),
    /// Start stopped services
    Start(switch::SwitchArgs),
    /// Stop services; their containers are kept
    Stop(switch::SwitchArgs),
    /// Restart the containers of services, one after the other
    Restart(switch::SwitchArgs),
    /// Go to another image of a service, some containers at a time
    Upgrade(upgrade::UpgradeArgs),
    /// Show the versions of a service, and which images they ran
    History(history::HistoryArgs),
    /// Have the containers of a service back from before its upgrade, or an earlier version
    Rollback(upgrade::RollbackArgs),
    /// Take back the last change of a stack or service, or the removal of a volume
    Undo(undo::UndoArgs),
    /// Remove a stack with its services and containers
    Down(down::DownArgs),
    /// Run a single container, outside of any stack
    Run(Box<single::RunArgs>),
    /// Remove single containers
    Rm(single::RmArgs),
    /// Take running compose projects over as stacks, without a restart; give them back
    Adopt(adoption::AdoptArgs),
    /// The hosts: show, deactivate, evacuate
    Hosts(parts::HostsArgs),
    /// The volumes: show, remove
    Volumes(parts::VolumesArgs),
    /// The secrets: show names, create, remove
    Secrets(parts::SecretsArgs),
    /// Whom events are told: show, create, test, what was told
    Webhooks(webhooks::WebhooksArgs),
    /// Log in to a server and keep a key for it
    Login(login::LoginArgs),
    /// Give up the key for a server
    Logout(login::LogoutArgs),
    /// The servers that are known, and the one in use
    Context(contexts::ContextArgs),
    /// The environments of the server, and the one in use
    Environment(environments::EnvironmentArgs),
    /// Copy the database into a file, also while the server runs
    Backup(data::BackupArgs),
    /// Put a copy of the database back
    Restore(data::RestoreArgs),
    /// Give a login another password
    ResetPassword(password::PasswordArgs),
    /// Seal all secrets with a new key, also while the server runs
    RotateKey(rotate::RotateArgs),
    /// Let a removed engine register as a host again
    AdoptHost(adopt::AdoptArgs),
    /// Check the audit log
    Audit(audit::AuditArgs),
    /// Show the configuration in force and where each value comes from
    CheckConfig(check_config::CheckArgs),
    /// Check Docker, ports, disk, permissions and clock, and say what to do
    Doctor(doctor::DoctorArgs),
    /// Print what a shell needs to complete verbs and flags
    Completions(pages::CompletionsArgs),
    /// Print the manual, or write a page of each verb into a folder
    Man(pages::ManArgs),
}

impl Default for Verb {
    fn default() -> Self {
        Verb::Serve(serve::ServeArgs::default())
    }
}
