//! Stacks, services and containers as the command line shows them, read from the API's JSON.

use serde_json::{Value, json};

use super::output::Style;
use crate::model::launch::written;
use crate::model::names::label;

/// The API's `transitioning`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moving {
    /// At rest.
    No,
    /// Under way.
    Yes,
    /// Something went wrong; the message says what.
    Failing,
}

/// A stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stack {
    /// API id.
    pub id: String,
    /// Name.
    pub name: String,
    /// API state.
    pub state: String,
    /// What goes on.
    pub message: String,
    /// The directory it is bound to.
    pub directory: Option<String>,
    /// How it stands to the directory, unless it is what the files there say.
    pub standing: Option<String>,
}

/// A service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// API id.
    pub id: String,
    /// Name.
    pub name: String,
    /// The stack it belongs to.
    pub stack_id: String,
    /// API state.
    pub state: String,
    /// API health.
    pub health: String,
    /// Containers wanted; none when there is one on every host.
    pub scale: Option<u64>,
    /// Containers there are.
    pub current: u64,
    /// Image without the `docker:` in front.
    pub image: String,
    /// Where it can be reached from outside.
    pub ports: Vec<String>,
    /// Whether something goes on.
    pub moving: Moving,
    /// What goes on.
    pub message: String,
    /// Its containers.
    pub containers: Vec<String>,
}

/// A container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// API id.
    pub id: String,
    /// Name.
    pub name: String,
    /// API state.
    pub state: String,
    /// API health.
    pub health: String,
    /// Image without the `docker:` in front.
    pub image: String,
    /// The stack it belongs to.
    pub stack_id: String,
    /// The services it belongs to.
    pub service_ids: Vec<String>,
    /// The host it is on.
    pub host_id: String,
    /// Its address.
    pub address: String,
    /// Published ports.
    pub ports: Vec<String>,
    /// Whether something goes on.
    pub moving: Moving,
    /// What goes on.
    pub message: String,
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn image(value: &Value) -> String {
    written(&text(value, "imageUuid")).to_owned()
}

fn moving(value: &Value) -> Moving {
    match value["transitioning"].as_str() {
        Some("yes") => Moving::Yes,
        Some("error") => Moving::Failing,
        _ => Moving::No,
    }
}

impl Stack {
    /// From the API's JSON.
    pub fn read(value: &Value) -> Self {
        Stack {
            id: text(value, "id"),
            name: text(value, "name"),
            state: text(value, "state"),
            message: text(value, "transitioningMessage"),
            directory: value["directory"].as_str().map(str::to_owned),
            standing: value["directoryStatus"]["message"].as_str().map(str::to_owned),
        }
    }
}

impl Service {
    /// From the API's JSON.
    pub fn read(value: &Value) -> Self {
        let launch = &value["launchConfig"];
        let global = launch["labels"][label::GLOBAL].as_str() == Some("true");
        let containers = texts(&value["instanceIds"]);
        let counted = u64::try_from(containers.len()).unwrap_or_default();
        let endpoints = endpoints(value);
        Service {
            id: text(value, "id"),
            name: text(value, "name"),
            stack_id: text(value, "stackId"),
            state: text(value, "state"),
            health: text(value, "healthState"),
            scale: value["scale"].as_u64().filter(|_| !global),
            current: value["currentScale"].as_u64().unwrap_or(counted),
            image: image(launch),
            ports: if endpoints.is_empty() { texts(&launch["ports"]) } else { endpoints },
            moving: moving(value),
            message: text(value, "transitioningMessage"),
            containers,
        }
    }

    /// Containers there are and containers wanted: `2/3`.
    pub fn scale_text(&self) -> String {
        match self.scale {
            Some(scale) => format!("{}/{scale}", self.current),
            None => format!("{} (every host)", self.current),
        }
    }

    /// How its state looks.
    pub fn style(&self) -> Style {
        style(&self.state, &self.health, self.moving)
    }

    /// As `--json` shows it.
    pub fn json(&self, stack: &str) -> Value {
        json!({
            "type": "service",
            "id": self.id,
            "stack": stack,
            "service": self.name,
            "state": self.state,
            "health": self.health,
            "scale": self.scale,
            "currentScale": self.current,
            "image": self.image,
            "ports": self.ports,
            "transitioning": self.moving != Moving::No,
            "failing": self.moving == Moving::Failing,
            "message": self.message,
        })
    }
}

impl Container {
    /// From the API's JSON.
    pub fn read(value: &Value) -> Self {
        let mut service_ids = texts(&value["serviceIds"]);
        let own = text(value, "serviceId");
        if !own.is_empty() && !service_ids.contains(&own) {
            service_ids.push(own);
        }
        Container {
            id: text(value, "id"),
            name: text(value, "name"),
            state: text(value, "state"),
            health: text(value, "healthState"),
            image: image(value),
            stack_id: text(value, "stackId"),
            service_ids,
            host_id: text(value, "hostId"),
            address: text(value, "primaryIpAddress"),
            ports: texts(&value["ports"]),
            moving: moving(value),
            message: text(value, "transitioningMessage"),
        }
    }

    /// How its state looks.
    pub fn style(&self) -> Style {
        style(&self.state, &self.health, self.moving)
    }

    /// As `--json` shows it.
    pub fn json(&self, stack: &str, service: &str) -> Value {
        json!({
            "type": "container",
            "id": self.id,
            "stack": stack,
            "service": service,
            "container": self.name,
            "state": self.state,
            "health": self.health,
            "image": self.image,
            "hostId": self.host_id,
            "address": self.address,
            "ports": self.ports,
            "transitioning": self.moving != Moving::No,
            "failing": self.moving == Moving::Failing,
            "message": self.message,
        })
    }
}

fn style(state: &str, health: &str, moving: Moving) -> Style {
    match (moving, state, health) {
        (Moving::Failing, _, _) | (_, "error" | "erroring", _) | (_, _, "unhealthy") => Style::Bad,
        (Moving::Yes, _, _) | (_, _, "degraded") => Style::Busy,
        (Moving::No, "active" | "running", _) => Style::Good,
        (Moving::No, _, _) => Style::Dim,
    }
}

/// `address:port` of every public endpoint, each once.
fn endpoints(value: &Value) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for endpoint in value["publicEndpoints"].as_array().into_iter().flatten() {
        let address = endpoint["ipAddress"].as_str().filter(|address| !address.is_empty());
        let port = endpoint["port"].as_u64().unwrap_or_default();
        let text = format!("{}:{port}", address.unwrap_or("*"));
        if !found.contains(&text) {
            found.push(text);
        }
    }
    found
}
