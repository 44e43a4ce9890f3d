//! The configuration as a verb sees it: file, environment and the flags every verb has.

use std::path::{Path, PathBuf};

use super::Result;
use super::args::Common;
use super::failure::Failure;
use crate::config::{Config, Overrides, Surroundings};

/// Surroundings and flags; the configuration is only read by verbs that need it.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Environment and user.
    pub around: Surroundings,
    /// The folder the program was started in.
    pub folder: PathBuf,
    /// What the flags of every verb change; a verb adds its own.
    pub overrides: Overrides,
    /// The data folder or its configuration was named: the server there is meant.
    pub place: Place,
}

/// Whether somebody said where the server's files are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// Nobody did.
    #[default]
    Usual,
    /// By a flag or a variable.
    Said,
}

impl Settings {
    /// Of this process.
    pub fn real(common: &Common) -> Self {
        let around = Surroundings::real();
        let variables = ["RANCHETTE_SERVER_DATA_DIR", "RANCHETTE_CONFIG"];
        let said = common.data_dir.is_some()
            || common.config.is_some()
            || variables.iter().any(|name| around.var(name).is_some());
        Settings {
            around,
            place: if said { Place::Said } else { Place::Usual },
            folder: std::env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
            overrides: overrides(common),
        }
    }

    /// The configuration in force.
    ///
    /// # Errors
    /// Every mistake in it, one a line.
    pub fn config(&self) -> Result<Config> {
        self.config_with(&self.overrides)
    }

    /// The configuration with more flags.
    ///
    /// # Errors
    /// As [`Settings::config`].
    pub fn config_with(&self, overrides: &Overrides) -> Result<Config> {
        Config::load(&self.around, overrides)
            .map_err(|problems| Failure::usage(problems.to_string()))
    }

    /// The data folder.
    ///
    /// # Errors
    /// As [`Settings::config`].
    pub fn data_dir(&self) -> Result<PathBuf> {
        Ok(self.absolute(&self.config()?.server.data_dir))
    }

    /// A path as it is meant from the folder the program was started in.
    pub fn absolute(&self, path: &Path) -> PathBuf {
        self.folder.join(path)
    }
}

fn overrides(common: &Common) -> Overrides {
    let data_dir = common.data_dir.as_ref().map(|path| path.display().to_string());
    let mut overrides = Overrides::default();
    overrides.file = common.config.clone();
    overrides.with("--data-dir", "server.data_dir", data_dir)
}
