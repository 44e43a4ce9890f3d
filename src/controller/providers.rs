//! What containers of one unit take from each other: volumes, and a network (services.md, section 3).

use serde_json::{Map, Value};

use crate::error::Result;
use crate::model::launch::text;
use crate::model::lifecycle::REMOVED;
use crate::model::resource::{NewResource, Resource};
use crate::store::Tx;

/// The launch configurations whose containers one's own uses, by position.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Providers {
    /// Whose network it shares.
    pub network: Option<usize>,
    /// Whose volumes it uses.
    pub volumes: Vec<usize>,
}

impl Providers {
    /// Those of the configuration at `position`. The service's own name means the primary; a name that
    /// nothing has was refused when the service was made.
    pub fn of(service: Option<&str>, launch: &[Map<String, Value>], position: usize) -> Self {
        let Some(config) = launch.get(position) else { return Self::default() };
        let find = |name: &str| {
            let sidekick = |config: &Map<String, Value>| text(config, "name") == Some(name);
            if Some(name) == service {
                return Some(0);
            }
            launch.iter().skip(1).position(sidekick).map(|found| found + 1)
        };
        let volumes = config.get("dataVolumesFromLaunchConfigs").and_then(Value::as_array);
        let volumes = volumes.into_iter().flatten().filter_map(Value::as_str);
        Self {
            network: text(config, "networkLaunchConfig").and_then(find),
            volumes: volumes.filter_map(find).collect(),
        }
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = usize> + '_ {
        self.volumes.iter().copied().chain(self.network)
    }

    /// A new container refers to the containers it takes from: the newest of its unit made of each
    /// configuration. `name` is that of a configuration, `None` for the primary's.
    pub fn refer<'a>(
        &self,
        tx: &Tx<'_>,
        mut row: NewResource,
        name: impl Fn(usize) -> Option<&'a str>,
    ) -> Result<NewResource> {
        let unit = row.data.get("deploymentUnitUuid").and_then(Value::as_str);
        let Some(unit) = unit.filter(|_| self.all().next().is_some()) else { return Ok(row) };
        let members = tx.referrers_by_text("instance", "deploymentUnitUuid", unit)?;
        let newest = |position: usize| {
            let made = |member: &&Resource| {
                member.state != REMOVED && member.sidekick_name() == name(position)
            };
            members.iter().rev().find(made).map(|member| member.id)
        };
        if let Some(provider) = self.network.and_then(newest) {
            row = row.with("networkContainerId", provider);
        }
        let volumes: Vec<Value> =
            self.volumes.iter().copied().filter_map(newest).map(Value::from).collect();
        if !volumes.is_empty() {
            let given = row.data.get("dataVolumesFrom").and_then(Value::as_array);
            let all: Vec<Value> = given.into_iter().flatten().cloned().chain(volumes).collect();
            row = row.with("dataVolumesFrom", all);
        }
        Ok(row)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Providers;

    #[test]
    fn providers_are_found_by_name() {
        let launch = json!([
            { "dataVolumesFromLaunchConfigs": ["data", "gone"] },
            { "name": "data" },
            { "name": "logs", "networkLaunchConfig": "web", "dataVolumesFromLaunchConfigs": ["data", "web"] },
        ]);
        let launch: Vec<_> = serde_json::from_value(launch).unwrap();
        let of = |position| Providers::of(Some("web"), &launch, position);
        assert_eq!(of(0), Providers { network: None, volumes: vec![1] });
        assert_eq!(of(1), Providers::default());
        assert_eq!(of(2), Providers { network: Some(0), volumes: vec![1, 0] });
        assert_eq!(of(9), Providers::default());
        assert_eq!(of(2).all().collect::<Vec<_>>(), [1, 0, 0]);
    }
}
