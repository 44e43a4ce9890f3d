//! The launch configurations of a service before and after an upgrade: pure.

use serde_json::{Map, Value};

use crate::model::launch::{is_nothing, text};
use crate::model::resource::Resource;
use crate::process::reserve;

/// A service's launch configurations.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Configs {
    /// `launchConfig`.
    pub primary: Option<Map<String, Value>>,
    /// `secondaryLaunchConfigs`.
    pub sidekicks: Vec<Map<String, Value>>,
}

impl Configs {
    /// Those of a service now.
    pub fn of(service: &Resource) -> Self {
        Self {
            primary: service.map("launchConfig").cloned(),
            sidekicks: objects(service.data.get("secondaryLaunchConfigs")),
        }
    }

    /// Those before an upgrade, from its strategy as the service keeps it.
    pub fn before(kept: &Map<String, Value>) -> Self {
        Self {
            primary: kept.get("previousLaunchConfig").and_then(Value::as_object).cloned(),
            sidekicks: objects(kept.get("previousSecondaryLaunchConfigs")),
        }
    }

    /// Those that an upgrade's strategy gives.
    pub fn given(strategy: &Map<String, Value>) -> Self {
        Self {
            primary: strategy.get("launchConfig").and_then(Value::as_object).cloned(),
            sidekicks: objects(strategy.get("secondaryLaunchConfigs")),
        }
    }

    /// These with what an upgrade gives: configurations of the same name are replaced, others come
    /// first or, with the image `rancher/none`, go. Those that are new, and those that use the volumes or
    /// network of one that is, have the new version; the rest keep theirs. `service` is the primary's
    /// name.
    pub fn upgraded(&self, service: &str, strategy: &Map<String, Value>, version: &str) -> Self {
        let given = Self::given(strategy);
        let mut after = self.clone();
        let mut changed: Vec<String> = Vec::new();
        if let Some(mut primary) = given.primary {
            primary.shift_remove("name");
            after.primary = Some(primary);
            changed.push(service.to_ascii_lowercase());
        }
        for sidekick in given.sidekicks {
            let name = name_of(&sidekick);
            let place = after.sidekicks.iter().position(|old| name_of(old) == name);
            match place {
                _ if is_nothing(&sidekick) => after.sidekicks.retain(|old| name_of(old) != name),
                Some(place) => {
                    if let Some(old) = after.sidekicks.get_mut(place) {
                        *old = sidekick;
                    }
                }
                None => after.sidekicks.push(sidekick),
            }
            changed.push(name);
        }
        after.spread(service, &mut changed);
        for (name, config) in after.named(service) {
            if changed.contains(&name) {
                config.insert("version".to_owned(), version.into());
            }
        }
        after
    }

    /// Adds to `changed` whatever uses one that is in it, directly or through others.
    fn spread(&mut self, service: &str, changed: &mut Vec<String>) {
        loop {
            let before = changed.len();
            for (name, config) in self.named(service) {
                let is_new = !changed.contains(&name);
                if is_new && used_by(config).iter().any(|used| changed.contains(used)) {
                    changed.push(name);
                }
            }
            if changed.len() == before {
                return;
            }
        }
    }

    fn named<'a>(
        &'a mut self,
        service: &str,
    ) -> impl Iterator<Item = (String, &'a mut Map<String, Value>)> + use<'a> {
        let primary = service.to_ascii_lowercase();
        let primary = self.primary.as_mut().map(|config| (primary, config));
        primary.into_iter().chain(self.sidekicks.iter_mut().map(|config| (name_of(config), config)))
    }

    /// Ports without a public part have the one that the configuration of the same name had.
    pub fn carry_ports(&mut self, before: &Self) {
        if let (Some(old), Some(new)) = (&before.primary, &mut self.primary) {
            reserve::carry_ports(old, new);
        }
        for new in &mut self.sidekicks {
            let name = name_of(new);
            if let Some(old) = before.sidekicks.iter().find(|old| name_of(old) == name) {
                reserve::carry_ports(old, new);
            }
        }
    }

    /// The version of a configuration; `None` is the primary's name.
    pub fn version(&self, name: Option<&str>) -> Option<&str> {
        let config = match name {
            None => self.primary.as_ref(),
            Some(name) => self.sidekicks.iter().find(|config| text(config, "name") == Some(name)),
        }?;
        Some(text(config, "version").unwrap_or("0"))
    }

    /// The names of all, the primary's (`None`) first.
    pub fn names(&self) -> impl Iterator<Item = Option<&str>> {
        let primary = self.primary.iter().map(|_| None);
        primary.chain(self.sidekicks.iter().filter_map(|config| text(config, "name")).map(Some))
    }

    /// A configuration; `None` is the primary's name.
    pub fn get(&self, name: Option<&str>) -> Option<&Map<String, Value>> {
        let Some(name) = name else { return self.primary.as_ref() };
        let mut sidekicks = self.sidekicks.iter();
        sidekicks.find(|config| name_of(config) == name.to_ascii_lowercase())
    }

    /// Makes them a service's.
    pub fn put(self, service: &mut Resource) {
        service.set("launchConfig", self.primary);
        service.set("secondaryLaunchConfigs", self.sidekicks);
    }
}

fn objects(list: Option<&Value>) -> Vec<Map<String, Value>> {
    list.and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .cloned()
        .collect()
}

/// Names are compared without regard to letter case.
fn name_of(config: &Map<String, Value>) -> String {
    text(config, "name").unwrap_or_default().to_ascii_lowercase()
}

/// Names of the configurations whose volumes or network one uses.
fn used_by(config: &Map<String, Value>) -> Vec<String> {
    let volumes = config.get("dataVolumesFromLaunchConfigs").and_then(Value::as_array);
    let volumes = volumes.into_iter().flatten().filter_map(Value::as_str);
    volumes.chain(text(config, "networkLaunchConfig")).map(str::to_ascii_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::json;

    use super::*;

    fn configs(value: Value) -> Configs {
        let Value::Object(fields) = value else { panic!("an object") };
        Configs::given(&fields)
    }

    /// `name image version` of each configuration after an upgrade of `web` to version 2.
    fn check(before: Value, strategy: Value, expected: Expect) {
        let Value::Object(strategy) = strategy else { panic!("an object") };
        let mut after = configs(before).upgraded("web", &strategy, "2");
        let lines: Vec<String> = after
            .named("web")
            .map(|(name, config)| {
                let part = |field| text(config, field).unwrap_or("-").to_owned();
                format!("{name} {} {}", part("imageUuid"), part("version"))
            })
            .collect();
        expected.assert_eq(&lines.join("\n"));
    }

    fn before() -> Value {
        json!({
            "launchConfig": { "imageUuid": "docker:nginx:1", "version": "0",
                "dataVolumesFromLaunchConfigs": ["data"] },
            "secondaryLaunchConfigs": [
                { "name": "data", "imageUuid": "docker:busybox:1", "version": "0" },
                { "name": "Logs", "imageUuid": "docker:logs:1", "version": "0",
                    "networkLaunchConfig": "web" },
                { "name": "free", "imageUuid": "docker:free:1", "version": "0" },
            ],
        })
    }

    #[test]
    fn what_uses_the_changed_changes_too() {
        check(
            before(),
            json!({ "launchConfig": { "imageUuid": "docker:nginx:2", "name": "dropped" } }),
            expect![[r#"
                web docker:nginx:2 2
                data docker:busybox:1 0
                logs docker:logs:1 2
                free docker:free:1 0"#]],
        );
        check(
            before(),
            json!({ "secondaryLaunchConfigs": [{ "name": "data", "imageUuid": "docker:busybox:2" }] }),
            expect![[r#"
                web docker:nginx:1 2
                data docker:busybox:2 2
                logs docker:logs:1 2
                free docker:free:1 0"#]],
        );
    }

    #[test]
    fn sidekicks_come_and_go() {
        check(
            before(),
            json!({ "secondaryLaunchConfigs": [
                { "name": "free", "imageUuid": "docker:rancher/none" },
                { "name": "more", "imageUuid": "docker:more:1" },
                { "name": "logs", "imageUuid": "docker:logs:2", "networkLaunchConfig": "web" },
            ] }),
            expect![[r#"
                web docker:nginx:1 0
                data docker:busybox:1 0
                logs docker:logs:2 2
                more docker:more:1 2"#]],
        );
    }

    #[test]
    fn a_strategy_remembers_what_was_before() {
        let mut kept = Map::new();
        kept.insert("previousLaunchConfig".to_owned(), json!({ "version": "7" }));
        let before = Configs::before(&kept);
        assert_eq!(before.version(None), Some("7"));
        assert_eq!(before.version(Some("logs")), None);
        assert_eq!(configs(before_with_logs()).version(Some("Logs")), Some("0"));
    }

    fn before_with_logs() -> Value {
        before()
    }
}
