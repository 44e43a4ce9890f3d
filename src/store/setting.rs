//! Settings, kept among the facts: one fact for each layer that gives a value.

use rusqlite::{OptionalExtension, params};

use super::{Read, Tx};
use crate::error::Result;
use crate::model::settings::{self, Layer};

/// Beginning of the facts of a layer.
const fn prefix(layer: Layer) -> &'static str {
    match layer {
        Layer::Environment => "setting-env.",
        Layer::Database => "setting.",
        Layer::Configuration => "setting-config.",
        Layer::DefaultEnvironment => "setting-default.",
    }
}

fn fact(layer: Layer, name: &str) -> String {
    format!("{}{name}", prefix(layer))
}

/// The layer and name of a fact.
fn parsed(fact: &str) -> Option<(Layer, &str)> {
    Layer::ALL.iter().find_map(|layer| Some((*layer, fact.strip_prefix(prefix(*layer))?)))
}

impl Read<'_> {
    /// A setting's value in effect: from the strongest layer that has one, else the table of defaults.
    ///
    /// # Errors
    /// When the database fails.
    pub fn setting(&self, name: &str) -> Result<Option<String>> {
        let given = self.setting_layers(name)?.into_iter().next().map(|given| given.1);
        let default = || settings::setting(name)?.default.map(str::to_owned);
        let Some(value) = given.or_else(default) else { return Ok(None) };
        if !value.contains("${") {
            return Ok(Some(value));
        }
        // A reference that cannot be read is left as it is.
        let look = |other: &str| self.setting_unexpanded(other).ok().flatten();
        Ok(Some(settings::expand(&value, &look)))
    }

    fn setting_unexpanded(&self, name: &str) -> Result<Option<String>> {
        let given = self.setting_layers(name)?.into_iter().next().map(|given| given.1);
        Ok(given.or_else(|| settings::setting(name)?.default.map(str::to_owned)))
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

    /// A setting as words.
    ///
    /// # Errors
    /// When the database fails.
    pub fn setting_list(&self, name: &str) -> Result<Vec<String>> {
        let value = self.setting(name)?.unwrap_or_default();
        let words = value.split(',').map(str::trim).filter(|word| !word.is_empty());
        Ok(words.map(str::to_owned).collect())
    }

    /// What an administrator stored under the name.
    ///
    /// # Errors
    /// When the database fails.
    pub fn setting_stored(&self, name: &str) -> Result<Option<String>> {
        self.fact(&fact(Layer::Database, name))
    }

    /// The values that layers give a setting, the strongest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn setting_layers(&self, name: &str) -> Result<Vec<(Layer, String)>> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT name, value FROM fact WHERE name IN (?1, ?2, ?3, ?4)")?;
        let facts =
            [Layer::Environment, Layer::Database, Layer::Configuration, Layer::DefaultEnvironment]
                .map(|layer| fact(layer, name));
        let mut rows = statement.query(params![facts[0], facts[1], facts[2], facts[3]])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let layer = parsed(row.get_ref(0)?.as_str().unwrap_or_default()).map(|found| found.0);
            found.extend(layer.map(|layer| row.get(1).map(|value| (layer, value))));
        }
        let mut found: Vec<(Layer, String)> = found.into_iter().collect::<rusqlite::Result<_>>()?;
        found.sort_by_key(|given| given.0);
        Ok(found)
    }

    /// Every value that a layer gives, by name and layer.
    ///
    /// # Errors
    /// When the database fails.
    pub fn settings_given(&self) -> Result<Vec<(String, Layer, String)>> {
        // `-` and `.`, with which the prefixes go on, come before `/`.
        let mut statement = self.connection.prepare_cached(
            "SELECT name, value FROM fact WHERE name >= 'setting-' AND name < 'setting/'",
        )?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let mut found = Vec::new();
        for row in rows {
            let (fact, value): (String, String) = row?;
            if let Some((layer, name)) = parsed(&fact) {
                found.push((name.to_owned(), layer, value));
            }
        }
        found.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
        Ok(found)
    }
}

impl Tx<'_> {
    /// Stores a setting; `None` takes the stored value away, so that what lies below it shows.
    ///
    /// # Errors
    /// When the database fails.
    pub fn set_setting(&mut self, name: &str, value: Option<&str>) -> Result<()> {
        self.set_setting_in(Layer::Database, name, value)
    }

    /// Gives a setting a value in a layer, or takes it away there.
    ///
    /// # Errors
    /// When the database fails.
    pub fn set_setting_in(&mut self, layer: Layer, name: &str, value: Option<&str>) -> Result<()> {
        let key = fact(layer, name);
        match value {
            Some(value) => self.set_fact(&key, value),
            None => self.forget_fact(&key),
        }
    }

    /// Makes a layer exactly these values; for the start of the server.
    ///
    /// # Errors
    /// When the database fails.
    pub fn set_setting_layer(&mut self, layer: Layer, values: &[(String, String)]) -> Result<()> {
        let prefix = prefix(layer);
        let skip = i64::try_from(prefix.len()).unwrap_or(i64::MAX);
        self.read
            .connection
            .prepare_cached("DELETE FROM fact WHERE substr(name, 1, ?2) = ?1")?
            .execute(params![prefix, skip])?;
        for (name, value) in values {
            self.set_fact(&fact(layer, name), value)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, Entropy};
    use crate::store::Store;

    #[tokio::test]
    async fn the_strongest_layer_wins_and_what_is_below_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let (clock, _hands) = Clock::manual(1000);
        let store = Store::open(&folder.path().join("db"), clock, Entropy::seeded(1)).unwrap();
        let name = "lb.instance.image";
        let value = |name: &'static str| store.read(|read| read.setting(name)).unwrap();
        let packaged = "rancher/lb-service-haproxy:v0.9.14";
        assert_eq!(value(name).as_deref(), Some(packaged));
        for (layer, text) in [
            (Layer::DefaultEnvironment, "d"),
            (Layer::Configuration, "c"),
            (Layer::Database, "b"),
            (Layer::Environment, "a"),
        ] {
            let given = [(name.to_owned(), text.to_owned())];
            store.write(move |tx| tx.set_setting_layer(layer, &given)).await.unwrap();
            assert_eq!(value(name).as_deref(), Some(text));
            let referring = value("lb.instance.image.uuid");
            assert_eq!(referring, Some(format!("docker:{text}")), "defaults refer to others");
        }
        let layers = store.read(|read| read.setting_layers(name)).unwrap();
        let texts: Vec<&str> = layers.iter().map(|given| given.1.as_str()).collect();
        assert_eq!(texts, ["a", "b", "c", "d"]);
        let all = store.read(|read| read.settings_given()).unwrap();
        let texts: Vec<&str> = all.iter().map(|given| given.2.as_str()).collect();
        assert_eq!(texts, ["a", "b", "c", "d"]);
        store.write(|tx| tx.set_setting_layer(Layer::Environment, &[])).await.unwrap();
        store.write(move |tx| tx.set_setting(name, None)).await.unwrap();
        assert_eq!(value(name).as_deref(), Some("c"));
        assert_eq!(store.read(|read| read.setting_int(name)), Ok(0));
        let words = store.read(|read| read.setting_list("project.set.member.roles"));
        assert_eq!(words, Ok(vec!["owner".to_owned()]));
    }
}
