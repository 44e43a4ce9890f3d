//! What a story has asked for: the services, how many units of which version, and their shapes.

use serde_json::{Map, Value, json};

/// What kind of service it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Plain,
    /// Publishes this port: one unit a host.
    Port(u16),
    /// The primary uses the volumes of a sidekick.
    Sidekick,
    /// One unit on each host of zone `a`.
    Global,
    /// Its data stays on one host.
    Volume,
    /// Keeps its addresses.
    Retain,
    /// Is checked every two seconds.
    Checked,
}

/// A service that has been asked for.
#[derive(Clone, Debug)]
pub struct Service {
    pub id: i64,
    pub name: String,
    pub shape: Shape,
    pub scale: usize,
    /// Its version now, and the one that a rollback leads to.
    pub version: u32,
    pub before: u32,
    /// Its removal has been asked for.
    pub removed: bool,
    /// As many units as it may have at a time: what was declared and is not over yet.
    pub allowed: usize,
    /// Whether its last upgrade starts the new before the old stops.
    pub start_first: bool,
    /// How many units an upgrade replaces at a time.
    pub batch: usize,
}

impl Shape {
    /// Most units that find room on so many hosts.
    pub fn most(self, hosts: usize) -> usize {
        match self {
            Shape::Port(_) => hosts,
            Shape::Plain
            | Shape::Sidekick
            | Shape::Global
            | Shape::Volume
            | Shape::Retain
            | Shape::Checked => 4,
        }
    }

    /// Containers in each unit.
    pub fn members(self) -> usize {
        if self == Shape::Sidekick { 2 } else { 1 }
    }

    /// The launch configuration of the primary.
    pub fn launch(self, name: &str, version: u32) -> Value {
        let mut launch = json!({ "imageUuid": format!("docker:app:{version}"), "version": "0" });
        let more = match self {
            Shape::Plain | Shape::Retain => json!({}),
            Shape::Port(port) => json!({ "ports": [format!("{port}:80/tcp")] }),
            Shape::Sidekick => json!({ "dataVolumesFromLaunchConfigs": ["side"] }),
            Shape::Global => json!({ "labels": {
                "io.rancher.scheduler.global": "true",
                "io.rancher.scheduler.affinity:host_label": "zone=a",
            } }),
            Shape::Volume => json!({ "dataVolumes": [format!("{name}:/data")] }),
            Shape::Checked => json!({ "healthCheck": {
                "port": 80, "interval": 2000, "responseTimeout": 1000, "healthyThreshold": 2,
                "unhealthyThreshold": 3, "initializingTimeout": 60000,
                "reinitializingTimeout": 60000,
            } }),
        };
        if let (Some(launch), Value::Object(more)) = (launch.as_object_mut(), more) {
            launch.extend(more);
        }
        launch
    }

    /// Sidekicks.
    pub fn sidekicks(self) -> Value {
        match self {
            Shape::Sidekick => {
                json!([{ "name": "side", "imageUuid": "docker:side:1", "version": "0" }])
            }
            Shape::Plain
            | Shape::Port(_)
            | Shape::Global
            | Shape::Volume
            | Shape::Retain
            | Shape::Checked => json!([]),
        }
    }
}

impl Service {
    /// What an upgrade to the next version is asked with.
    pub fn upgrade(&self, version: u32, start_first: bool, batch: usize) -> Map<String, Value> {
        let strategy = json!({
            "launchConfig": self.shape.launch(&self.name, version),
            "startFirst": start_first, "batchSize": batch, "intervalMillis": 500,
        });
        ranchette::process::object(json!({ "inServiceStrategy": strategy }))
    }
}
