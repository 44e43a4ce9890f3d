//! Settings, kept among the facts: what an administrator stored, and what the environment overrides.

use rusqlite::OptionalExtension;

use super::{Read, Tx};
use crate::error::Result;
use crate::model::settings;

/// Prefix of the facts that hold stored settings.
const STORED: &str = "setting.";
/// Prefix of the facts that hold what the environment said at the last start.
const ENVIRONMENT: &str = "setting-env.";

impl Read<'_> {
    /// A setting's value in effect: from the environment, the database or the table of defaults.
    ///
    /// # Errors
    /// When the database fails.
    pub fn setting(&self, name: &str) -> Result<Option<String>> {
        if let Some(value) = self.setting_environment(name)? {
            return Ok(Some(value));
        }
        if let Some(value) = self.setting_stored(name)? {
            return Ok(Some(value));
        }
        Ok(settings::setting(name).and_then(|setting| setting.default).map(str::to_owned))
    }

    /// A setting as truth value; what is not `true` is `false`.
    ///
    /// # Errors
    /// When the database fails.
    pub fn setting_flag(&self, name: &str) -> Result<bool> {
        Ok(self.setting(name)?.is_some_and(|value| value.trim() == "true"))
    }

    /// A setting as integer; what is none gives the default of the table, else 0.
    ///
    /// # Errors
    /// When the database fails.
    pub fn setting_int(&self, name: &str) -> Result<i64> {
        let default = settings::setting(name).and_then(|setting| setting.default);
        let value = self.setting(name)?.and_then(|value| value.trim().parse().ok());
        Ok(value.or_else(|| default.and_then(|value| value.parse().ok())).unwrap_or(0))
    }

    /// What an administrator stored under the name.
    ///
    /// # Errors
    /// When the database fails.
    pub fn setting_stored(&self, name: &str) -> Result<Option<String>> {
        self.fact(&format!("{STORED}{name}"))
    }

    /// What the environment overrides it with.
    ///
    /// # Errors
    /// When the database fails.
    pub fn setting_environment(&self, name: &str) -> Result<Option<String>> {
        self.fact(&format!("{ENVIRONMENT}{name}"))
    }

    /// Names of all stored settings, sorted.
    ///
    /// # Errors
    /// When the database fails.
    pub fn settings_stored(&self) -> Result<Vec<String>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT substr(name, ?2) FROM fact WHERE substr(name, 1, ?2 - 1) = ?1 ORDER BY name",
        )?;
        let skip = i64::try_from(STORED.len() + 1).unwrap_or(i64::MAX);
        let names = statement.query_map(rusqlite::params![STORED, skip], |row| row.get(0))?;
        Ok(names.collect::<rusqlite::Result<_>>()?)
    }
}

impl Tx<'_> {
    /// Stores a setting; `None` brings its default back.
    ///
    /// # Errors
    /// When the database fails.
    pub fn set_setting(&mut self, name: &str, value: Option<&str>) -> Result<()> {
        let key = format!("{STORED}{name}");
        match value {
            Some(value) => self.set_fact(&key, value),
            None => self.forget_fact(&key),
        }
    }

    /// Makes the environment's settings exactly these; for the start of the server.
    ///
    /// # Errors
    /// When the database fails.
    pub fn set_environment_settings(&mut self, values: &[(String, String)]) -> Result<()> {
        let skip = i64::try_from(ENVIRONMENT.len()).unwrap_or(i64::MAX);
        self.read
            .connection
            .prepare_cached("DELETE FROM fact WHERE substr(name, 1, ?2) = ?1")?
            .execute(rusqlite::params![ENVIRONMENT, skip])?;
        for (name, value) in values {
            self.set_fact(&format!("{ENVIRONMENT}{name}"), value)?;
        }
        Ok(())
    }

    fn forget_fact(&mut self, name: &str) -> Result<()> {
        self.read
            .connection
            .prepare_cached("DELETE FROM fact WHERE name = ?1 RETURNING name")?
            .query_row([name], |_| Ok(()))
            .optional()?;
        Ok(())
    }
}
