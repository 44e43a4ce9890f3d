//! The strategy by which a service is upgraded to what a compose file says.

use serde_json::{Map, Value, json};

use crate::compose::Service;
use crate::model::names::NO_IMAGE;
use crate::model::resource::Resource;

/// Label by which Rancher's tools see that a service has changed; it says nothing about a container.
const HASH: &str = "io.rancher.service.hash";

/// The strategy: configurations that differ, and sidekicks that go. Takes the configurations out of
/// `settings`, and leaves what else changes.
pub fn of(
    wanted: &Service,
    known: &Resource,
    settings: &mut Map<String, Value>,
) -> Map<String, Value> {
    let mut strategy = wanted.upgrade.clone();
    let primary = settings.shift_remove("launchConfig");
    let sidekicks = settings.shift_remove("secondaryLaunchConfigs");
    let sidekicks = sidekicks.as_ref().and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let before = known.list("secondaryLaunchConfigs");
    let named = |list: &[Value], name: &Value| -> Option<Value> {
        list.iter().find(|config| config.get("name") == Some(name)).cloned()
    };
    let mut changed: Vec<Value> = sidekicks
        .iter()
        .filter(|config| {
            let name = config.get("name").cloned().unwrap_or_default();
            named(before, &name).is_none_or(|old| bare(&old) != bare(config))
        })
        .cloned()
        .collect();
    for old in before {
        let name = old.get("name").cloned().unwrap_or_default();
        if named(sidekicks, &name).is_none() {
            changed.push(json!({ "name": name, "imageUuid": NO_IMAGE }));
        }
    }
    let same = match (&primary, known.data.get("launchConfig")) {
        (Some(primary), Some(old)) => bare(primary) == bare(old),
        _ => false,
    };
    let files_changed = settings.get("composeFiles") != known.data.get("composeFiles");
    if let Some(primary) = primary.filter(|_| !same || changed.is_empty() || files_changed) {
        strategy.insert("launchConfig".to_owned(), primary);
    }
    if !changed.is_empty() {
        strategy.insert("secondaryLaunchConfigs".to_owned(), changed.into());
    }
    for (field, default) in
        [("batchSize", json!(1)), ("intervalMillis", json!(2000)), ("startFirst", json!(false))]
    {
        strategy.entry(field).or_insert(default);
    }
    strategy
}

/// A configuration without what says nothing about its container.
fn bare(config: &Value) -> Value {
    let mut config = config.clone();
    if let Value::Object(fields) = &mut config {
        fields.shift_remove("version");
        if let Some(Value::Object(labels)) = fields.get_mut("labels") {
            labels.shift_remove(HASH);
        }
        let unlabelled = fields.get("labels").and_then(Value::as_object).is_some_and(Map::is_empty);
        if unlabelled {
            fields.shift_remove("labels");
        }
    }
    config
}
