//! From drafts to services: sidekicks join their service, references are checked and renamed.
//!
//! A service that uses another's network or volumes must run beside it, so it becomes a sidekick
//! even where the file (which may know nothing of Rancher) does not say so.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value as Json, json};

use super::context::Context;
use super::declared::Declared;
use super::hash;
use super::project::{Condition, Dependency, Kind, Link, Service};
use super::service::{Draft, START_ONCE, Shared};

/// The drafts of a project with what links them.
struct Units<'g, 'c> {
    context: &'g Context<'c>,
    /// Index by name in the file.
    index: HashMap<String, usize>,
    /// Index by container name.
    containers: HashMap<String, usize>,
    /// Names of services that no active profile includes.
    inactive: &'g HashSet<String>,
    /// The service a sidekick belongs to; an owner may itself be owned.
    owner: HashMap<usize, usize>,
    /// All drafts of a unit by its root, in the order of the file.
    members: HashMap<usize, Vec<usize>>,
    drafts: Vec<Draft>,
}

/// Joins drafts into services, in the order of the file.
pub(super) fn services(
    context: &Context<'_>,
    drafts: Vec<Draft>,
    inactive: &HashSet<String>,
    declared: &Declared,
) -> Vec<Service> {
    let index = drafts.iter().enumerate().map(|(at, draft)| (draft.key.clone(), at)).collect();
    let container = |(at, draft): (usize, &Draft)| Some((draft.container_name.clone()?, at));
    let containers = drafts.iter().enumerate().filter_map(container).collect();
    let (owner, members) = (HashMap::new(), HashMap::new());
    let mut units = Units { context, index, containers, inactive, owner, members, drafts };
    units.join_labelled();
    units.join_sharing();
    for at in 0..units.drafts.len() {
        units.members.entry(units.root(at)).or_default().push(at);
    }
    units.mark_jobs();
    let launches: Vec<_> = (0..units.drafts.len()).map(|at| units.launch(at)).collect();
    let owners = (0..units.drafts.len()).filter(|at| !units.owner.contains_key(at));
    owners.filter_map(|at| units.service(at, &launches, declared)).collect()
}

impl Units<'_, '_> {
    /// The service that a draft's containers belong to.
    fn root(&self, mut at: usize) -> usize {
        // A chain cannot be longer than there are drafts; a cycle is reported elsewhere.
        for _ in 0..self.drafts.len() {
            match self.owner.get(&at) {
                Some(owner) => at = *owner,
                None => break,
            }
        }
        at
    }

    fn name(&self, at: usize) -> &str {
        self.drafts.get(at).map_or("", |draft| &draft.name)
    }

    /// Sidekicks that a label names.
    fn join_labelled(&mut self) {
        for (at, draft) in self.drafts.iter().enumerate() {
            for (spot, key) in &draft.sidekicks {
                let Some(sidekick) = self.index.get(key).copied() else {
                    let message = format!("sidekick `{key}` is not a service of this file");
                    self.context.problems.error(spot, message);
                    continue;
                };
                if self.root(at) == sidekick {
                    let message = format!("service `{}` would be a sidekick of itself", draft.key);
                    self.context.problems.error(spot, message);
                    continue;
                }
                match self.owner.get(&sidekick) {
                    Some(other) if *other != at => {
                        let other = self.name(*other);
                        let message = format!("`{key}` is a sidekick of `{other}` already");
                        self.context.problems.error(spot, message);
                    }
                    Some(_) | None => {
                        self.owner.insert(sidekick, at);
                    }
                }
            }
        }
    }

    /// The draft that a shared network or volume comes from.
    fn lender(&self, key: &str) -> Option<usize> {
        self.index.get(key).or_else(|| self.containers.get(key)).copied()
    }

    /// Services that share something without being called sidekicks.
    fn join_sharing(&mut self) {
        for at in 0..self.drafts.len() {
            let Some(draft) = self.drafts.get(at) else { continue };
            let shares: Vec<_> = draft.shares.clone();
            for (spot, key, shared) in shares {
                let what = match shared {
                    Shared::Network => "the network",
                    Shared::Volumes => "the volumes",
                };
                let Some(lender) = self.lender(&key) else {
                    let hint = if self.inactive.contains(&key) {
                        "is not active"
                    } else {
                        "does not exist"
                    };
                    let message = format!("service `{key}` {hint}; {what} of it cannot be used");
                    self.context.problems.error(&spot, message);
                    continue;
                };
                if self.borrows(lender, at) {
                    let message =
                        format!("`{key}` and this service need each other; neither can be first");
                    self.context.problems.error(&spot, message);
                    continue;
                }
                if self.root(lender) == self.root(at) {
                    continue;
                }
                if self.owner.contains_key(&at) {
                    let owner = self.name(self.root(at));
                    let message =
                        format!("`{key}` is no sidekick of `{owner}`, as this service is");
                    self.context.problems.error(&spot, message);
                    continue;
                }
                let root = self.root(lender);
                self.owner.insert(at, root);
                let message = format!(
                    "the service runs beside `{}` as its sidekick: it uses {what} of `{key}`",
                    self.name(root)
                );
                self.context.problems.warning(&spot, message);
            }
        }
    }

    /// Whether a draft gets something from another, directly or through others.
    fn borrows(&self, from: usize, of: usize) -> bool {
        let mut seen = HashSet::new();
        let mut open = vec![from];
        while let Some(at) = open.pop() {
            if at == of {
                return true;
            }
            if seen.insert(at)
                && let Some(draft) = self.drafts.get(at)
            {
                open.extend(draft.shares.iter().filter_map(|(_, key, _)| self.lender(key)));
            }
        }
        false
    }

    /// What others wait for to complete must not be started again when it does.
    fn mark_jobs(&mut self) {
        let waits = self.drafts.iter().flat_map(|draft| &draft.needs);
        let jobs: Vec<usize> = waits
            .filter(|need| need.condition == Condition::CompletedSuccessfully)
            .filter_map(|need| self.index.get(&need.service).copied())
            .collect();
        for at in jobs {
            let Some(draft) = self.drafts.get_mut(at) else { continue };
            let labels = draft.launch.entry("labels").or_insert_with(|| json!({}));
            if let Json::Object(labels) = labels {
                labels.entry(START_ONCE).or_insert_with(|| Json::from("true"));
            }
        }
    }

    /// The launch config of a draft with what it shares.
    fn launch(&self, at: usize) -> Map<String, Json> {
        let Some(draft) = self.drafts.get(at) else { return Map::new() };
        let mut launch = draft.launch.clone();
        let mut volumes = Vec::new();
        for (_, key, shared) in &draft.shares {
            let Some(lender) = self.lender(key) else { continue };
            let name = self.name(lender).to_owned();
            match shared {
                Shared::Volumes if volumes.contains(&name) => {}
                Shared::Volumes => volumes.push(name),
                Shared::Network => {
                    launch.insert("networkMode".to_owned(), Json::from("container"));
                    launch.insert("networkLaunchConfig".to_owned(), Json::from(name));
                }
            }
        }
        if !volumes.is_empty() {
            launch.insert("dataVolumesFromLaunchConfigs".to_owned(), Json::from(volumes));
        }
        if self.owner.contains_key(&at) {
            launch.insert("name".to_owned(), Json::from(draft.name.as_str()));
        }
        launch
    }

    /// A service with its sidekicks.
    fn service(
        &self,
        at: usize,
        launches: &[Map<String, Json>],
        declared: &Declared,
    ) -> Option<Service> {
        let draft = self.drafts.get(at)?;
        let mut service = Service {
            name: draft.name.clone(),
            kind: draft.kind,
            scale: draft.scale.as_ref().map(|(scale, _)| *scale),
            global: draft.global,
            start_on_create: draft.start_on_create,
            launch_config: launches.get(at)?.clone(),
            secondary_launch_configs: Vec::new(),
            fields: draft.fields.clone(),
            upgrade: draft.upgrade.clone(),
            links: Vec::new(),
            depends_on: Vec::new(),
            build: draft.build.clone(),
            sidekick_builds: Default::default(),
            files: Vec::new(),
            hash: String::new(),
        };
        for member in self.members.get(&at).into_iter().flatten().copied() {
            let Some(draft) = self.drafts.get(member) else { continue };
            self.references(at, draft, &mut service);
            let sidekick = (member != at).then(|| draft.name.clone());
            let file = |file: &super::project::MountedFile| {
                let mut file = file.clone();
                file.sidekick.clone_from(&sidekick);
                file
            };
            service.files.extend(draft.files.iter().map(file));
            if let Some(name) = sidekick {
                self.check_sidekick(draft);
                service.secondary_launch_configs.extend(launches.get(member).cloned());
                service.sidekick_builds.extend(draft.build.clone().map(|build| (name, build)));
                service.global |= draft.global;
            }
        }
        service.scale = service.scale.filter(|_| !service.global);
        service.hash = hash::service(&service, declared);
        Some(service)
    }

    /// A sidekick is a container beside another: it has nothing of a service's own.
    fn check_sidekick(&self, draft: &Draft) {
        if draft.kind != Kind::Service {
            let message = "only ordinary services can be sidekicks";
            self.context.problems.error(&draft.spot, message);
        }
        if let Some((scale, spot)) = &draft.scale
            && *scale != 1
        {
            let message = "has no effect: a sidekick runs as often as its service";
            self.context.problems.warning(spot, message);
        }
        for field in draft.fields.keys() {
            let message = format!("`{field}` has no effect on a sidekick");
            self.context.problems.warning(&draft.spot, message);
        }
    }

    /// Links and dependencies of one member, checked, as those of the service.
    fn references(&self, root: usize, draft: &Draft, service: &mut Service) {
        for (spot, link) in &draft.links {
            let target = match link.target.contains('/') {
                true => Some(link.target.clone()),
                false => self.resolve(root, spot, &link.target, true),
            };
            let Some(target) = target else { continue };
            let link = Link { target, alias: link.alias.clone() };
            if !service.links.contains(&link) {
                service.links.push(link);
            }
        }
        for need in &draft.needs {
            let Some(name) = self.resolve(root, &need.spot, &need.service, need.required) else {
                continue;
            };
            let need = Dependency { service: name, condition: need.condition };
            if !service.depends_on.contains(&need) {
                service.depends_on.push(need);
            }
        }
        for (spot, key) in &draft.targets {
            match self.index.get(key) {
                Some(target) if self.owner.contains_key(target) => {
                    let message = format!("sidekick `{key}` cannot be the target of a balancer");
                    self.context.problems.error(spot, message);
                }
                Some(_) => {}
                None => {
                    self.missing(spot, key);
                }
            }
        }
    }

    /// The name of the service that a reference means. None for one inside the same unit.
    fn resolve(
        &self,
        root: usize,
        spot: &super::problem::Spot,
        key: &str,
        required: bool,
    ) -> Option<String> {
        let Some(target) = self.index.get(key).copied() else {
            if required {
                self.missing(spot, key);
            }
            return None;
        };
        let owner = self.root(target);
        (owner != root).then(|| self.name(owner).to_owned())
    }

    fn missing(&self, spot: &super::problem::Spot, key: &str) {
        let message = match self.inactive.contains(key) {
            true => format!("service `{key}` is not active; ask for one of its profiles"),
            false => format!("service `{key}` does not exist in this project"),
        };
        self.context.problems.error(spot, message);
    }
}
