//! What would become of a compose project that runs: the services of a stack, which container belongs where,
//! and why it cannot be taken over, if it cannot. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Map, Value, json};

use super::Images;
use super::differ::differences;
use super::found::{Container, Running};
use crate::compose::{self, Kind, Project, Service};
use crate::controller::deploy::volumes;
use crate::model::names::label;

/// What is to be made of a project.
#[derive(Debug)]
pub struct Resolved {
    /// The stack's name.
    pub name: String,
    /// The services, as files would say them.
    pub project: Project,
    /// Where each comes from, and what belongs to it.
    pub services: Vec<Taken>,
    /// Whether the files are those of the stack from now on.
    pub from_files: bool,
    /// The directory that the stack is bound to.
    pub directory: Option<String>,
    /// What a person may want to know.
    pub notes: Vec<String>,
    /// Why it cannot be, in sentences.
    pub refusals: Vec<String>,
}

/// A container in a unit: its configuration (a sidekick's name) and its row.
pub type Seat = (Option<String>, i64);

/// A service and its containers.
#[derive(Clone, Debug, Default)]
pub struct Taken {
    /// Its name.
    pub service: String,
    /// What it is made of comes from the files, else from the containers.
    pub from_files: bool,
    /// Whether it is to run; its containers are stopped otherwise.
    pub runs: bool,
    /// The containers of each unit: index, and each one's configuration (a sidekick's name) with its row.
    pub units: Vec<(u32, Vec<Seat>)>,
    /// Networks that its containers are on, with their names there, by sidekick; the primary's is "".
    pub networks: Map<String, Value>,
    /// What a person may want to know.
    pub notes: Vec<String>,
}

/// The containers that play one part in a service: those of one service of Docker Compose.
struct Part<'a> {
    key: &'a str,
    name: String,
    containers: Vec<&'a Container>,
}

/// Decides. `files` is what the project's files say, or why they cannot be had.
pub fn resolve(running: &Running, images: &Images, files: Result<Project, String>) -> Resolved {
    let name = compose::stack_name(&running.project);
    let mut resolved = Resolved {
        name,
        project: Project::default(),
        services: Vec::new(),
        from_files: false,
        directory: None,
        notes: Vec::new(),
        refusals: Vec::new(),
    };
    if resolved.name.is_empty() {
        resolved.refuse(format!("`{}` makes no name for a stack", running.project));
    }
    let parts = parts(running, &mut resolved);
    let said = files.and_then(|project| usable(project, &parts));
    let project = match said {
        Ok(project) => {
            resolved.from_files = true;
            project
        }
        Err(why) => {
            resolved.notes.push(format!("taken from its containers: {why}"));
            from_containers(&parts, images, &mut resolved)
        }
    };
    assign(running, images, project, &parts, &mut resolved);
    resolved
}

impl Resolved {
    fn refuse(&mut self, why: String) {
        if !self.refusals.contains(&why) {
            self.refusals.push(why);
        }
    }
}

/// The containers of each service that are to be taken; stopped ones among running ones are left out.
fn parts<'a>(running: &'a Running, resolved: &mut Resolved) -> Vec<Part<'a>> {
    let mut parts = Vec::new();
    for (key, containers) in &running.services {
        let Some(name) = compose::service_name(key) else {
            resolved.refuse(format!("`{key}` makes no name for a service"));
            continue;
        };
        let some_run = containers.iter().any(Container::runs);
        let (taken, left): (Vec<&Container>, Vec<&Container>) =
            containers.iter().partition(|one| one.runs() || !some_run);
        for one in left {
            resolved.notes.push(format!("container `{}` does not run and is left out", one.name()));
        }
        for one in &taken {
            if let Some(why) = unfit(one) {
                resolved.refuse(format!("container `{}` of service `{key}` {why}", one.name()));
            }
        }
        parts.push(Part { key, name, containers: taken });
    }
    if parts.is_empty() {
        resolved.refuse(format!("project `{}` has no containers", running.project));
    }
    parts
}

/// Why a container cannot be taken over as it is.
fn unfit(container: &Container) -> Option<String> {
    let state = container.row.state.as_str();
    if container.busy || !matches!(state, "running" | "stopped") {
        return Some(format!("is {state} just now; try again in a moment"));
    }
    // A service would replace it at once.
    let unhealthy = container.row.str("healthState") == Some("unhealthy");
    (container.runs() && unhealthy).then(|| "is unhealthy".to_owned())
}

/// The project of the files, if it names every service that runs.
fn usable(project: Project, parts: &[Part<'_>]) -> Result<Project, String> {
    let error = |problem: &&compose::Problem| problem.severity == compose::Severity::Error;
    if let Some(problem) = project.problems.iter().find(error) {
        return Err(problem.to_string());
    }
    let names: BTreeSet<&str> = project.services.iter().flat_map(members).collect();
    match parts.iter().find(|part| !names.contains(part.name.as_str())) {
        Some(part) => Err(format!("its files do not name service `{}`", part.key)),
        None => Ok(project),
    }
}

/// The names of a service and its sidekicks.
fn members(service: &Service) -> impl Iterator<Item = &str> {
    std::iter::once(service.name.as_str()).chain(sidekicks(service))
}

fn sidekicks(service: &Service) -> impl Iterator<Item = &str> {
    service.secondary_launch_configs.iter().filter_map(|config| config.get("name")?.as_str())
}

/// A project as the containers are: one that shares another's network runs beside it.
fn from_containers(parts: &[Part<'_>], images: &Images, resolved: &mut Resolved) -> Project {
    let owners: HashMap<&str, &str> = parts
        .iter()
        .flat_map(|part| part.containers.iter().map(|one| (one.id(), part.name.as_str())))
        .collect();
    let mut services: BTreeMap<&str, Service> = BTreeMap::new();
    let mut beside: Vec<(&str, &str, Map<String, Value>)> = Vec::new();
    for part in parts {
        let Some(first) = part.containers.first() else { continue };
        let launch = launch_of(first, images);
        match first.network_of() {
            None => {
                services.insert(&part.name, service(&part.name, launch));
            }
            Some(other) => match owners.get(other) {
                Some(owner) => beside.push((owner, &part.name, launch)),
                None => resolved.refuse(format!(
                    "container `{}` shares the network of a container outside the project",
                    first.name()
                )),
            },
        }
    }
    for (owner, name, mut launch) in beside {
        launch.insert("name".to_owned(), name.into());
        launch.insert("networkMode".to_owned(), "container".into());
        launch.insert("networkLaunchConfig".to_owned(), owner.into());
        match services.get_mut(owner) {
            Some(service) => service.secondary_launch_configs.push(launch),
            None => resolved.refuse(format!(
                "service `{name}` shares a network that service `{owner}` itself shares"
            )),
        }
    }
    Project { services: services.into_values().collect(), ..Project::default() }
}

fn service(name: &str, launch_config: Map<String, Value>) -> Service {
    Service {
        name: name.to_owned(),
        kind: Kind::Service,
        scale: None,
        global: false,
        start_on_create: None,
        launch_config,
        secondary_launch_configs: Vec::new(),
        fields: Map::new(),
        upgrade: Map::new(),
        links: Vec::new(),
        depends_on: Vec::new(),
        build: None,
        sidekick_builds: BTreeMap::new(),
        files: Vec::new(),
        hash: String::new(),
    }
}

/// The launch configuration of a container; one that has done its work is not to run again.
fn launch_of(container: &Container, images: &Images) -> Map<String, Value> {
    let mut launch = container.launch_config(images);
    if container.is_done() {
        start_once(&mut launch);
    }
    launch
}

fn start_once(launch: &mut Map<String, Value>) {
    let labels = launch.entry("labels").or_insert_with(|| json!({}));
    if let Value::Object(labels) = labels {
        labels.insert(label::START_ONCE.to_owned(), "true".into());
    }
}

/// Gives the containers to the services, whose configurations are made to fit them.
fn assign(
    running: &Running,
    images: &Images,
    mut project: Project,
    parts: &[Part<'_>],
    resolved: &mut Resolved,
) {
    let volume_names = volumes::names(&running.project, &project);
    for service in &mut project.services {
        let names: Vec<String> = members(service).map(str::to_owned).collect();
        let own: Vec<&Part<'_>> = names
            .iter()
            .filter_map(|name| parts.iter().find(|part| part.name == *name))
            .filter(|part| !part.containers.is_empty())
            .collect();
        let mut taken = Taken {
            service: service.name.clone(),
            from_files: resolved.from_files,
            ..Taken::default()
        };
        if own.is_empty() {
            taken.notes.push("has no containers and is not started".to_owned());
            service.start_on_create = Some(false);
            resolved.services.push(taken);
            continue;
        }
        if own.len() < names.len() {
            resolved.refuse(format!(
                "service `{}` runs together with {}, and not all of them have containers",
                service.name,
                names.iter().skip(1).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
            ));
        }
        if resolved.from_files {
            fit(service, &own, images, &volume_names, &mut taken);
        }
        let lost = own.iter().flat_map(|part| &part.containers).flat_map(|one| one.lost(images));
        let lost: BTreeSet<&str> = lost.collect();
        taken.notes.extend(lost.into_iter().map(|what| format!("a new container {what}")));
        units(service, &own, &mut taken, resolved);
        service.scale = u32::try_from(taken.units.len()).ok();
        service.global = false;
        service.start_on_create = Some(true);
        resolved.services.push(taken);
    }
    resolved.project = project;
}

/// Where containers are not as their file says, what runs counts, and the file is one that changes them.
fn fit(
    service: &mut Service,
    own: &[&Part<'_>],
    images: &Images,
    volume_names: &HashMap<String, String>,
    taken: &mut Taken,
) {
    if service.kind != Kind::Service {
        return;
    }
    let mut differ: BTreeSet<&str> = BTreeSet::new();
    if service.global {
        differ.insert("deploy.mode");
    }
    for (part, launch) in own.iter().zip(configs(service)) {
        let files = service.files.iter().map(|file| file.target.clone());
        let given: BTreeSet<String> = files.collect();
        let mut said = launch.clone();
        volumes::rename(&mut said, volume_names);
        for one in &part.containers {
            let mut runs = one.launch_config(images);
            if one.network_of().is_some() {
                runs.insert("networkMode".to_owned(), "container".into());
            }
            differ.extend(differences(&said, &runs, &given));
        }
    }
    if differ.is_empty() {
        for (part, launch) in own.iter().zip(configs_mut(service)) {
            if part.containers.iter().all(|one| one.is_done()) {
                start_once(launch);
            }
        }
        return;
    }
    let fields: Vec<&str> = differ.into_iter().collect();
    taken.from_files = false;
    taken.notes.push(format!("runs with another {} than its file says", fields.join(", ")));
    service.hash = String::new();
    for (part, launch) in own.iter().zip(configs_mut(service)) {
        let Some(first) = part.containers.first() else { continue };
        let mut runs = launch_of(first, images);
        // What binds a unit together is not seen on a container.
        for field in ["name", "networkMode", "networkLaunchConfig", "dataVolumesFromLaunchConfigs"]
        {
            let bound = field == "name"
                || launch.contains_key("networkLaunchConfig")
                || field.starts_with("data");
            if let Some(value) = launch.get(field).filter(|_| bound) {
                runs.insert(field.to_owned(), value.clone());
            }
        }
        *launch = runs;
    }
}

/// The configurations of a service in the order of [`members`].
fn configs(service: &Service) -> impl Iterator<Item = &Map<String, Value>> {
    std::iter::once(&service.launch_config).chain(&service.secondary_launch_configs)
}

fn configs_mut(service: &mut Service) -> impl Iterator<Item = &mut Map<String, Value>> {
    std::iter::once(&mut service.launch_config).chain(&mut service.secondary_launch_configs)
}

/// The units of a service: of each part, the containers in the order of their numbers.
fn units(service: &Service, own: &[&Part<'_>], taken: &mut Taken, resolved: &mut Resolved) {
    let Some(primary) = own.first() else { return };
    let count = primary.containers.len();
    if let Some(other) = own.iter().find(|part| part.containers.len() != count) {
        resolved.refuse(format!(
            "service `{}` has {count} containers, and `{}`, which runs beside it, {}",
            primary.key,
            other.key,
            other.containers.len()
        ));
        return;
    }
    let numbers: BTreeSet<u32> = primary.containers.iter().map(|one| one.number).collect();
    let numbered = numbers.len() == count && !numbers.contains(&0);
    for (at, container) in primary.containers.iter().enumerate() {
        let index = u32::try_from(at + 1).unwrap_or(u32::MAX);
        let index = if numbered { container.number } else { index };
        let members = own.iter().filter_map(|part| {
            let sidekick = (part.name != service.name).then(|| part.name.clone());
            Some((sidekick, part.containers.get(at)?.row.id))
        });
        taken.units.push((index, members.collect()));
    }
    let all = || own.iter().flat_map(|part| part.containers.iter());
    taken.runs = all().any(|one| one.runs()) || all().all(|one| one.is_done());
    if taken.runs && !all().all(|one| one.runs() || one.is_done()) {
        resolved.refuse(format!("not every container of service `{}` runs", primary.key));
    }
    for part in own {
        let Some(first) = part.containers.first() else { continue };
        let key = if part.name == service.name { String::new() } else { part.name.clone() };
        taken.networks.insert(key, first.networks().into());
    }
}
