//! The compose projects among the containers that somebody else runs, read from their rows.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Images;
use crate::engine::spec::{lost, seen};
use crate::error::Result;
use crate::model::resource::Resource;
use crate::process::native::{IMAGE_ID, LOST, NATIVE, NETWORK_MODE, NETWORKS};
use crate::store::{Query, Read};

/// What the labels of Docker Compose begin with.
pub const COMPOSE: &str = "com.docker.compose.";

/// A compose project that runs on a host.
#[derive(Clone, Debug)]
pub struct Running {
    /// Its name.
    pub project: String,
    /// Where it runs.
    pub host: Resource,
    /// The folder that paths in its files start from.
    pub folder: Option<String>,
    /// Its compose files.
    pub files: Vec<String>,
    /// Files of variables, if others than `.env` were named.
    pub env_files: Vec<String>,
    /// Its containers by service, those of a service by number.
    pub services: BTreeMap<String, Vec<Container>>,
}

/// One of its containers.
#[derive(Clone, Debug)]
pub struct Container {
    /// Its row.
    pub row: Resource,
    /// Its number within the service.
    pub number: u32,
    /// Something else is happening to it just now.
    pub busy: bool,
}

impl Container {
    /// Its name.
    pub fn name(&self) -> String {
        self.row.display_name()
    }

    /// Whether it runs.
    pub fn runs(&self) -> bool {
        self.row.state == "running"
    }

    /// Whether it has done what it was for: it ended well, and nobody is to start it again.
    pub fn is_done(&self) -> bool {
        let ended_well = self.row.state == "stopped" && self.row.int("exitCode") == Some(0);
        ended_well && self.row.map("restartPolicy").is_none()
    }

    /// Docker's id.
    pub fn id(&self) -> &str {
        self.row.str("externalId").unwrap_or_default()
    }

    /// Docker's id of the container whose network it shares.
    pub fn network_of(&self) -> Option<&str> {
        self.row.str(NETWORK_MODE)?.strip_prefix("container:")
    }

    /// Docker's id of its image.
    pub fn image_id(&self) -> Option<&str> {
        self.row.str(IMAGE_ID)
    }

    /// The networks that it is on, with its names there.
    pub fn networks(&self) -> Map<String, Value> {
        self.row.map(NETWORKS).cloned().unwrap_or_default()
    }

    /// What that one would be without, each as the end of a sentence about it.
    pub fn lost(&self, images: &Images) -> Vec<&str> {
        let own_check = || self.launch_config(images).contains_key("healthCmd");
        let mut lost = self.row.strings(LOST);
        lost.retain(|what| *what != lost::NO_GRACE || own_check());
        lost
    }

    /// The launch configuration that makes another like it; what its image says is the image's.
    pub fn launch_config(&self, images: &Images) -> Map<String, Value> {
        let data = self.row.data.iter().filter(|(field, _)| seen::is_of_launch(field));
        let mut launch: Map<String, Value> =
            data.map(|(field, value)| (field.clone(), value.clone())).collect();
        match self.row.list("userPorts") {
            [] => launch.shift_remove("ports"),
            asked => launch.insert("ports".to_owned(), asked.to_vec().into()),
        };
        if let Some(Value::Object(labels)) = launch.get_mut("labels") {
            labels.retain(|label, _| !label.starts_with(COMPOSE));
        }
        if launch.get("labels").and_then(Value::as_object).is_some_and(Map::is_empty) {
            launch.shift_remove("labels");
        }
        // On a network of the project's own it goes to the environment's.
        let mode = match self.row.str(NETWORK_MODE) {
            Some("host") => Some("host"),
            Some("none") => Some("none"),
            Some("bridge" | "default") => Some("bridge"),
            _ => None,
        };
        if let Some(mode) = mode {
            launch.insert("networkMode".to_owned(), mode.into());
        }
        if let Some(image) = self.image_id().and_then(|id| images.get(id)) {
            seen::without_the_images(&mut launch, image);
        }
        launch
    }
}

/// A label's text.
fn label<'a>(row: &'a Resource, name: &str) -> Option<&'a str> {
    row.label(&format!("{COMPOSE}{name}")).map(str::trim).filter(|text| !text.is_empty())
}

fn paths(text: Option<&str>) -> Vec<String> {
    let parts = text.unwrap_or_default().split(',').map(str::trim);
    parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// The projects of an environment, by name, then host.
///
/// # Errors
/// When the database fails.
pub fn running(read: &Read<'_>, environment: i64) -> Result<Vec<Running>> {
    let query = Query {
        ty: "instance",
        account_id: Some(environment),
        limit: usize::MAX >> 1,
        ..Query::default()
    };
    let mut projects: BTreeMap<(String, i64), Running> = BTreeMap::new();
    for row in read.list(&query)? {
        let (Some(project), Some(service)) = (label(&row, "project"), label(&row, "service"))
        else {
            continue;
        };
        let once = label(&row, "oneoff").is_some_and(|once| once.eq_ignore_ascii_case("true"));
        let (Some(host), false) = (row.int("hostId"), once || !row.flag(NATIVE)) else { continue };
        let key = (project.to_owned(), host);
        let (project, service) = (project.to_owned(), service.to_owned());
        let number = label(&row, "container-number").and_then(|text| text.parse().ok());
        let busy = read.open_process(row.id)?.is_some();
        let known = match projects.entry(key) {
            std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::btree_map::Entry::Vacant(new) => {
                let Some(host) = read.get(host)? else { continue };
                new.insert(Running {
                    project,
                    host,
                    folder: label(&row, "project.working_dir").map(str::to_owned),
                    files: paths(label(&row, "project.config_files")),
                    env_files: paths(label(&row, "project.environment_file")),
                    services: BTreeMap::new(),
                })
            }
        };
        let containers = known.services.entry(service).or_default();
        containers.push(Container { row, number: number.unwrap_or(0), busy });
    }
    let mut projects: Vec<Running> = projects.into_values().collect();
    for containers in projects.iter_mut().flat_map(|project| project.services.values_mut()) {
        containers.sort_by_key(|container| (container.number, container.row.id));
    }
    Ok(projects)
}
