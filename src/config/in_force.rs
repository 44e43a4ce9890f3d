//! The configuration in force, option by option, with the place that had the last word.

use super::error::{Place, Problems};
use super::options::OPTIONS;
use super::sections::Config;
use super::{Overrides, Surroundings, env, file};

/// One option as it is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Section and name: `server.listen`.
    pub key: &'static str,
    /// Its value as TOML.
    pub value: String,
    /// Where it comes from; none for a default.
    pub place: Option<Place>,
}

impl Config {
    /// Every option in the order of the example file.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn in_force(
        around: &Surroundings,
        overrides: &Overrides,
    ) -> Result<Vec<Setting>, Problems> {
        let mut config = Config::load(around, overrides)?;
        let text = Self::file_text(around, overrides)?;
        let in_file = text.map(|(path, text)| file::places(&path, &text)).unwrap_or_default();
        let place = |key: &str| {
            let flag = overrides.flags.iter().rev().find(|(_, option, _)| option == key);
            let variable = env::variable(key);
            // As `env::apply` does, an empty variable counts as said.
            let said = around.env.iter().any(|(name, _)| *name == variable);
            match flag {
                Some((flag, _, _)) => Some(Place::Flag { name: flag.clone() }),
                None if said => Some(Place::Variable { name: variable }),
                None => in_file.iter().find(|(known, _)| known == key).map(|(_, at)| at.clone()),
            }
        };
        Ok(OPTIONS
            .iter()
            .map(|option| Setting {
                key: option.key,
                value: (option.slot)(&mut config).shown(),
                place: place(option.key),
            })
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::User;

    #[test]
    fn the_last_word_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ranch.toml");
        std::fs::write(&path, "[log]\nlevel = \"warn\"\n[sim]\nhosts = 7\nseed = 3\n").unwrap();
        let env = [("RANCHETTE_SIM_HOSTS", "8"), ("RANCHETTE_SIM_SEED", "4")];
        let env = env.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let around = Surroundings { env, user: User::Root };
        let overrides = Overrides { file: Some(path), ..Overrides::default() };
        let overrides = overrides.with("--seed", "sim.seed", Some("5".to_owned()));
        let found = Config::in_force(&around, &overrides).unwrap();
        assert_eq!(found.len(), OPTIONS.len());
        let check = |key: &str, value: &str, place: &str| {
            let one = found.iter().find(|one| one.key == key).unwrap();
            let at = one.place.as_ref().map_or_else(|| "default".to_owned(), ToString::to_string);
            let at = at.replace(&folder.path().display().to_string(), "DIR");
            assert_eq!((one.value.as_str(), at.as_str()), (value, place), "of {key}");
        };
        check("log.level", "\"warn\"", "DIR/ranch.toml:2");
        check("sim.hosts", "8", "environment variable RANCHETTE_SIM_HOSTS");
        check("sim.seed", "5", "flag --seed");
        check("sim.enabled", "false", "default");
        check("server.data_dir", "\"/var/lib/ranchette\"", "default");
    }
}
