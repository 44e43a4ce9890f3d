//! Configuration: built-in defaults, then a TOML file, then `RANCHETTE_*` variables, then flags.
//!
//! Every option is one row of the table in `options`; reading the file, the environment and the
//! flags, the messages and `config.example.toml` all come from that table. This layer reads the
//! file it is told to and nothing else: no clock, no network, no other layer of the program.

mod env;
mod error;
mod file;
mod in_force;
mod options;
mod sections;
mod slot;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

pub use error::{Place, Problem, Problems};
pub use in_force::Setting;
pub use options::example;
pub use sections::{
    Auth, Config, Docker, Keep, Log, LogFormat, LogLevel, Network, Process, Server, Sim,
};

use options::OPTIONS;
use slot::Given;

/// What the machine tells the configuration: a parameter, so that tests need no real environment.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// Environment variables; only `RANCHETTE_*`, `CATTLE_*`, `DEFAULT_CATTLE_*`, `HOME` and `XDG_*` are
    /// looked at.
    pub env: Vec<(String, String)>,
    /// Who runs the program, which decides where its files belong.
    pub user: User,
}

/// Who runs the program.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum User {
    /// The super-user: files belong under `/etc` and `/var/lib`.
    Root,
    /// Anyone else: files belong under the XDG folders.
    #[default]
    Plain,
}

impl Surroundings {
    /// The environment and user of this process. A variable that is not UTF-8 is read with its
    /// bad bytes replaced, so that it is reported as a bad value instead of being ignored.
    pub fn real() -> Self {
        let env = std::env::vars_os()
            .map(|(k, v)| (k.to_string_lossy().into_owned(), v.to_string_lossy().into_owned()))
            .collect();
        let user = if rustix::process::geteuid().is_root() { User::Root } else { User::Plain };
        Surroundings { env, user }
    }

    /// The value of one variable; an empty one counts as absent, as the XDG specification asks.
    pub fn var(&self, name: &str) -> Option<&str> {
        self.env.iter().find(|(k, v)| k == name && !v.is_empty()).map(|(_, v)| v.as_str())
    }

    /// `$XDG_.._HOME`, or its default below the home folder.
    fn xdg(&self, variable: &str, below_home: &str) -> PathBuf {
        match self.var(variable) {
            Some(folder) => PathBuf::from(folder),
            None => Path::new(self.var("HOME").unwrap_or(".")).join(below_home),
        }
    }

    /// Where data lives when `server.data_dir` is empty.
    pub fn data_dir(&self) -> PathBuf {
        match self.user {
            User::Root => PathBuf::from("/var/lib/ranchette"),
            User::Plain => self.xdg("XDG_DATA_HOME", ".local/share").join("ranchette"),
        }
    }

    /// The file that is read, if it exists, when none is named.
    pub fn config_file(&self) -> PathBuf {
        match self.user {
            User::Root => PathBuf::from("/etc/ranchette/config.toml"),
            User::Plain => self.xdg("XDG_CONFIG_HOME", ".config").join("ranchette/config.toml"),
        }
    }

    /// Where a person's servers and keys are written down; nowhere without a home.
    pub fn contexts_file(&self) -> Option<PathBuf> {
        self.var("XDG_CONFIG_HOME").or_else(|| self.var("HOME"))?;
        Some(self.xdg("XDG_CONFIG_HOME", ".config").join("ranchette/contexts.json"))
    }
}

/// Whether a variable is a setting of Rancher's.
fn is_cattle(name: &str) -> bool {
    name.starts_with("CATTLE_") || name.starts_with("DEFAULT_CATTLE_")
}

/// What flags change. The command line names the flag (for messages) and the option it sets, so
/// that a new flag is one line there and none here.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `--config`: this file must exist. Without it `RANCHETTE_CONFIG`, then the usual place.
    pub file: Option<PathBuf>,
    flags: Vec<(String, String, String)>,
}

impl Overrides {
    /// Adds `--flag value` for an option such as `server.listen`; without a value nothing changes.
    pub fn with(mut self, flag: &str, key: &str, value: Option<String>) -> Self {
        if let Some(value) = value {
            self.flags.push((flag.to_owned(), key.to_owned(), value));
        }
        self
    }
}

impl Config {
    /// Reads every source in order and fills in what is worked out from the surroundings, so that
    /// `server.data_dir` is never empty afterwards.
    ///
    /// # Errors
    /// Every problem of every source at once, each naming its key and its place.
    pub fn load(around: &Surroundings, overrides: &Overrides) -> Result<Config, Problems> {
        let mut config = Config::default();
        let mut problems = Vec::new();
        if let Some((path, text)) = Self::file_text(around, overrides)? {
            file::apply(&mut config, &path, &text, &mut problems);
        }
        env::apply(&mut config, &around.env, &mut problems);
        for (flag, key, value) in &overrides.flags {
            let place = Place::Flag { name: flag.clone() };
            options::set(&mut config, key, &Given::Words(value.clone()), place, &mut problems);
        }
        options::check_together(&config, &mut problems);
        let cattle = around.env.iter().filter(|(name, _)| is_cattle(name));
        config.cattle = cattle.cloned().collect();
        if config.server.data_dir.as_os_str().is_empty() {
            config.server.data_dir = around.data_dir();
        }
        if problems.is_empty() { Ok(config) } else { Err(Problems(problems)) }
    }

    /// Reads one file over the defaults, without environment, flags or surroundings.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn from_text(path: &Path, text: &str) -> Result<Config, Problems> {
        let mut config = Config::default();
        let mut problems = Vec::new();
        file::apply(&mut config, path, text, &mut problems);
        options::check_together(&config, &mut problems);
        if problems.is_empty() { Ok(config) } else { Err(Problems(problems)) }
    }

    /// Every option with its value in TOML, in the order of the example file.
    pub fn rows(&self) -> Vec<(&'static str, String)> {
        let mut copy = self.clone();
        OPTIONS.iter().map(|o| (o.key, (o.slot)(&mut copy).shown())).collect()
    }

    fn file_text(
        around: &Surroundings,
        overrides: &Overrides,
    ) -> Result<Option<(PathBuf, String)>, Problems> {
        let named =
            overrides.file.clone().or_else(|| around.var("RANCHETTE_CONFIG").map(Into::into));
        let path = named.clone().unwrap_or_else(|| around.config_file());
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Some((path, text))),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound && named.is_none() => Ok(None),
            Err(e) => Err(Problems(vec![Problem::Unreadable { path, why: e.to_string() }])),
        }
    }
}
