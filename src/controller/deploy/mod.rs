//! Compose files onto a stack: read, compare with what is there, and put the difference into rows.
//!
//! The plan that a person is shown and the one that is applied are made by the same code from the same
//! rows; applying makes it again inside the transaction.

pub mod answers;

mod apply;

mod balancers;
mod links;
mod refusals;
mod secrets;
mod strategy;
pub(super) mod volumes;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::bound::{self, Bound};
use crate::compose::about::About;
use crate::compose::gotemplate::Facts;
use crate::compose::plan::{Change, ExistingService, Orphans};
use crate::compose::{self, ComposeFile, Input, Kind, Problem, Project, Severity};
use crate::error::{Error, Result};
use crate::model::launch;
use crate::model::names::label;
use crate::model::resource::Resource;
use crate::process::images;
use crate::process::site::{Importer, Site};
use crate::process::upgrade::stack::BEFORE;
use crate::store::{Read, Tx};
use crate::vault::Vault;

pub use refusals::{Refusals, check_stack, check_upgraded, refusals};

/// What somebody wants to be deployed.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Stack name; the file's own `name` when absent.
    pub name: Option<String>,
    /// Text of the compose file.
    pub docker_compose: String,
    /// Compose files laid over the first one.
    pub overlays: Vec<ComposeFile>,
    /// Text of the `rancher-compose.yml` beside it.
    pub rancher_compose: Option<String>,
    /// Variables for interpolation.
    pub environment: BTreeMap<String, String>,
    /// Files that the compose file names, by path relative to it.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Absolute path of the project's directory on the host, for relative bind mounts.
    pub project_dir: Option<String>,
    /// Profiles to deploy besides the services without one.
    pub profiles: Vec<String>,
    /// Whether services that the file does not name are removed.
    pub orphans: OrphanPolicy,
    /// What the Go templates in the files are told, if they may have any.
    pub template: Option<Facts>,
    /// The version of the template that the stack was made from before the upgrade under way.
    pub previous_version: Option<String>,
    /// The engine's ids of images that the project builds, by tag: a service whose image was built anew has
    /// changed, though its file has not.
    pub images: BTreeMap<String, String>,
    /// What HAProxy refuses of the lines of one's own that balancers have.
    pub refusals: Refusals,
    /// The directory that the files are in, when the server has read them there: the stack is bound to it, and
    /// they are not kept anywhere else.
    pub bound: Option<Bound>,
}

impl Request {
    /// What the first file is called.
    fn first_file(&self) -> &str {
        self.bound.as_ref().map_or("compose.yaml", |bound| bound.first_file.as_str())
    }
}

/// What happens to services of the stack that the file does not name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OrphanPolicy {
    /// They stay.
    #[default]
    Keep,
    /// They are removed.
    Remove,
}

/// What a deployment changes, or changed.
#[derive(Clone, Debug)]
pub struct Report {
    /// The stack, once it exists.
    pub stack_id: Option<i64>,
    /// Its name.
    pub name: String,
    /// One entry a service and reason.
    pub changes: Vec<Change>,
    /// What the files say that is wrong or has no effect.
    pub problems: Vec<Problem>,
}

impl Report {
    /// Whether the files cannot be deployed.
    pub fn has_errors(&self) -> bool {
        self.problems.iter().any(|problem| problem.severity == Severity::Error)
    }

    /// The first error as the API gives it.
    pub fn error(&self) -> Option<Error> {
        let first = self.problems.iter().find(|problem| problem.severity == Severity::Error)?;
        Some(error(first))
    }
}

/// A problem as the API gives it.
fn error(problem: &Problem) -> Error {
    Error::field("InvalidComposeFile", "dockerCompose").message(problem.to_string())
}

/// The plan for a request on an environment, without changing anything.
///
/// # Errors
/// When the database fails, or the stack cannot be changed now.
pub fn plan(read: &Read<'_>, environment: i64, request: &Request) -> Result<Report> {
    let project = settled(read, request)?;
    compare(read, environment, request, &project)
}

/// Applies a request: makes the stack if need be, and its services.
///
/// # Errors
/// As [`plan`]; files with errors change nothing and are reported in the report.
pub fn apply(
    tx: &mut Tx<'_>,
    vault: &Vault,
    environment: i64,
    request: &Request,
) -> Result<Report> {
    let project = settled(tx, request)?;
    let mut report = compare(tx, environment, request, &project)?;
    if !report.has_errors() {
        report.stack_id = Some(apply::apply(tx, vault, environment, request, &project, &report)?);
    }
    Ok(report)
}

/// Makes services from the compose files that a stack was created with.
pub struct ComposeImporter;

impl Importer for ComposeImporter {
    fn import(&self, tx: &mut Tx<'_>, site: &Site, stack_id: i64) -> Result<()> {
        let stack = tx.require("stack", stack_id)?;
        let text = stack.str("dockerCompose").unwrap_or_default();
        if stack.flag("deployed") || text.trim().is_empty() {
            return Ok(());
        }
        self.services(tx, &site.vault, &stack, Manner::Import)
    }

    fn upgrade(&self, tx: &mut Tx<'_>, site: &Site, stack_id: i64) -> Result<()> {
        let stack = tx.require("stack", stack_id)?;
        self.services(tx, &site.vault, &stack, Manner::Upgrade)
    }
}

impl ComposeImporter {
    fn services(
        &self,
        tx: &mut Tx<'_>,
        vault: &Vault,
        stack: &Resource,
        manner: Manner,
    ) -> Result<()> {
        let Some(environment) = stack.account_id else { return Ok(()) };
        let request = request_of(tx, vault, stack)?;
        let project = settled(tx, &request)?;
        let report = compare(tx, environment, &request, &project)?;
        if let Some(error) = report.error() {
            return Err(error);
        }
        conceal_from(tx, stack, &request, &project)?;
        apply::services(tx, vault, stack, &project, &report, manner)
    }
}

/// Takes the secrets out of the files that a stack was made with: they are kept sealed from now on.
///
/// # Errors
/// When the database or the vault fails.
pub fn conceal(tx: &mut Tx<'_>, vault: &Vault, stack: &Resource) -> Result<()> {
    if stack.str("dockerCompose").is_none_or(|text| !text.contains("secrets")) {
        return Ok(());
    }
    let request = request_of(tx, vault, stack)?;
    let project = parse(&request);
    secrets::declare(tx, vault, stack, &project)?;
    conceal_from(tx, stack, &request, &project)
}

fn conceal_from(
    tx: &mut Tx<'_>,
    stack: &Resource,
    request: &Request,
    project: &Project,
) -> Result<()> {
    let remembered = secrets::Remembered::of(request, project);
    if remembered.hides() {
        tx.update(stack.id, |stack| {
            remembered.put(stack);
            Ok(())
        })?;
    }
    Ok(())
}

/// Makes the services of a stack whose containers are there already: nothing is started. `request` are the
/// stack's files, if they are what its services come from.
///
/// # Errors
/// When the database fails, or something that the services name is not there.
pub fn adopt(
    tx: &mut Tx<'_>,
    vault: &Vault,
    stack: &Resource,
    project: &Project,
    request: Option<&Request>,
) -> Result<()> {
    let stack = match request {
        Some(request) => tx.update(stack.id, |stack| {
            apply::remember(stack, request, project);
            Ok(())
        })?,
        None => stack.clone(),
    };
    let changes = compose::plan::plan(project, &[], Orphans::Keep)
        .map_err(|cycle| Error::conflict(cycle.to_string()))?;
    let report = Report {
        stack_id: Some(stack.id),
        name: stack.display_name(),
        changes,
        problems: Vec::new(),
    };
    apply::services(tx, vault, &stack, project, &report, Manner::Adopt)
}

/// Binds a stack to the directory that a request's files were read in: from now on they are there and nowhere else.
/// Nothing is deployed.
///
/// # Errors
/// When the database fails, or the stack is gone.
pub fn leave_on_disk(tx: &mut Tx<'_>, stack: i64, request: &Request) -> Result<()> {
    let done = tx.update(stack, |stack| {
        apply::remember(stack, request, &Project::default());
        bound::forget_applied(stack);
        Ok(())
    });
    done.map(drop)
}

/// What a request's files say.
pub(super) fn said(request: &Request) -> Project {
    parse(request)
}

/// How services that a file describes differently become as it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// They are made with their stack, which says whether they start (`startOnCreate`).
    Import,
    /// At once: old containers are removed.
    Update,
    /// By an upgrade in service, which can be taken back.
    Upgrade,
    /// Their containers are there already.
    Adopt,
}

/// What an upgrade of a stack would change, without changing anything: files that are wrong are refused.
///
/// # Errors
/// 422 when the files are wrong.
pub fn check_upgrade(
    read: &Read<'_>,
    vault: &Vault,
    stack: &Resource,
    input: &Map<String, Value>,
) -> Result<()> {
    let Some(environment) = stack.account_id else { return Ok(()) };
    if let Some(directory) = stack.str(bound::DIRECTORY) {
        return Err(Error::conflict(format!(
            "stack `{}` is what the files in `{directory}` say; change them and apply them, or unbind it first",
            stack.display_name()
        )));
    }
    let after = upgraded(stack, input);
    let request = request_of(read, vault, &after)?;
    if answers::is_from_catalog(&after.data) {
        answers::check(&request)?;
    }
    let report = compare(read, environment, &request, &settled(read, &request)?)?;
    match report.error() {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

/// A stack as an upgrade with this input makes it.
fn upgraded(stack: &Resource, input: &Map<String, Value>) -> Resource {
    let mut after = stack.clone();
    for (field, value) in input {
        let field = if field == "answers" { "environment" } else { field.as_str() };
        if !value.is_null() {
            after.set(field, value.clone());
        }
    }
    after.set(BEFORE, json!({ "rancherCompose": stack.str("rancherCompose") }));
    after
}

/// The request that a stack's own fields make (Rancher's `dockerCompose`, `environment`, ...).
fn request_of(read: &Read<'_>, vault: &Vault, stack: &Resource) -> Result<Request> {
    let environment = stack.map("environment").into_iter().flatten();
    let mut request = Request {
        name: stack.name.clone(),
        docker_compose: stack.str("dockerCompose").unwrap_or_default().to_owned(),
        rancher_compose: stack.str("rancherCompose").map(str::to_owned),
        environment: environment
            .map(|(key, value)| {
                (key.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            })
            .collect(),
        files: stack
            .map("templates")
            .into_iter()
            .flatten()
            .filter_map(|(path, text)| Some((path.clone(), text.as_str()?.as_bytes().to_vec())))
            .collect(),
        ..Default::default()
    };
    request.previous_version = answers::previous(stack);
    as_template(read, stack.account_id, &mut request)?;
    secrets::recall(read, vault, stack, &mut request)?;
    Ok(request)
}

/// Makes a request one whose files are templates: questions that nobody answered have the answers that are
/// proposed, and the files know the stack and the environment.
///
/// # Errors
/// When the database fails.
pub fn as_template(read: &Read<'_>, environment: Option<i64>, request: &mut Request) -> Result<()> {
    let about = request.rancher_compose.as_deref().and_then(answers::about);
    for (variable, answer) in about.iter().flat_map(About::defaults) {
        request.environment.entry(variable.to_owned()).or_insert_with(|| answer.to_owned());
    }
    let account = environment.map(|id| read.get(id)).transpose()?.flatten();
    request.template = Some(Facts {
        stack: request.name.clone().unwrap_or_default(),
        environment: account.and_then(|account| account.name).unwrap_or_default(),
        version: about.map(|about| about.version).unwrap_or_default(),
        previous_version: request.previous_version.take().unwrap_or_default(),
    });
    Ok(())
}

fn parse(request: &Request) -> Project {
    let input = Input {
        files: std::iter::once(ComposeFile::new(
            request.first_file(),
            request.docker_compose.as_bytes(),
        ))
        .chain(request.overlays.iter().cloned())
        .collect(),
        rancher: request
            .rancher_compose
            .as_ref()
            .filter(|text| !text.trim().is_empty())
            .map(|text| ComposeFile::new("rancher-compose.yml", text.as_bytes())),
        env: request.environment.clone(),
        project_dir: request.project_dir.as_deref(),
        project_name: request.name.as_deref(),
        profiles: request.profiles.clone(),
        template: request.template.clone(),
    };
    let refused = request.bound.as_ref().map(|bound| &bound.refused);
    let mut given = compose::files_loader(&request.files);
    let mut loader = |path: &str| match refused.and_then(|refused| refused.get(path)) {
        Some(why) => Err(compose::LoadError::Refused(path.to_owned(), why.clone())),
        None => given(path),
    };
    let mut project = compose::parse(&input, &mut loader);
    for service in &mut project.services {
        let tags = builds(service).map(|build| &build.tag);
        let ids: Vec<&String> = tags.filter_map(|tag| request.images.get(tag)).collect();
        if !ids.is_empty() {
            service.hash = compose::canonical_sha256(&json!([service.hash, ids]));
        }
    }
    project
}

/// What a request's files say, with the registry of the setting before images that name none.
fn settled(read: &Read<'_>, request: &Request) -> Result<Project> {
    let mut project = parse(request);
    for service in &mut project.services {
        let built: Vec<String> = builds(service).map(|build| build.tag.clone()).collect();
        let sidekicks = service.secondary_launch_configs.iter_mut();
        for config in std::iter::once(&mut service.launch_config).chain(sidekicks) {
            // What is built here is in no registry.
            let image = launch::text(config, "imageUuid").map(launch::written).unwrap_or_default();
            if !built.iter().any(|tag| tag == image) {
                images::settle(read, config, "imageUuid")?;
            }
        }
    }
    Ok(project)
}

fn builds(service: &compose::Service) -> impl Iterator<Item = &compose::Build> {
    service.build.iter().chain(service.sidekick_builds.values())
}

/// What the engines call the images that the project builds. An engine that is away tells nothing: then the
/// files alone decide.
pub async fn images(site: &Site, request: &Request) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for tag in built_tags(request) {
        for (_, host) in site.engines.all() {
            if let Ok(Some(id)) = host.engine.image_id(&tag).await {
                found.insert(tag, id);
                break;
            }
        }
    }
    found
}

/// Tags of the images that a request's project builds.
fn built_tags(request: &Request) -> Vec<String> {
    // Reading the files twice is for those that can have any.
    let texts = std::iter::once(request.docker_compose.as_bytes())
        .chain(request.overlays.iter().map(|file| file.text.as_slice()))
        .chain(request.files.values().map(Vec::as_slice));
    if !texts.into_iter().any(|text| text.windows(5).any(|word| word == b"build")) {
        return Vec::new();
    }
    let project = parse(request);
    project.services.iter().flat_map(builds).map(|build| build.tag.clone()).collect()
}

fn compare(
    read: &Read<'_>,
    environment: i64,
    request: &Request,
    project: &Project,
) -> Result<Report> {
    let name = request.name.clone().or_else(|| project.name.clone());
    let Some(name) = name.filter(|name| !name.is_empty()) else {
        return Err(Error::field("MissingRequired", "name").message("the stack needs a name"));
    };
    let stack = read.by_name("stack", Some(environment), &name)?.into_iter().next();
    if let (Some(stack), Some(wanted)) = (&stack, &request.bound) {
        bound::check(stack, wanted)?;
    }
    let existing = match &stack {
        Some(stack) => existing(read, stack)?,
        None => Vec::new(),
    };
    let mut problems = project.problems.clone();
    problems.extend(secrets::missing(read, environment, project)?);
    problems.extend(refusals::problems(request));
    let orphans = match request.orphans {
        OrphanPolicy::Keep => Orphans::Keep,
        OrphanPolicy::Remove => Orphans::Remove,
    };
    let changes = compose::plan::plan(project, &existing, orphans).unwrap_or_default();
    if let Some(bound) = &request.bound {
        problems.iter_mut().for_each(|problem| bound.conceal(&mut problem.message));
    }
    Ok(Report { stack_id: stack.map(|stack| stack.id), name, changes, problems })
}

fn existing(read: &Read<'_>, stack: &Resource) -> Result<Vec<ExistingService>> {
    let services = read.referrers("service", "stackId", stack.id)?;
    Ok(services
        .iter()
        .filter(|service| service.state != "removing")
        .map(|service| ExistingService {
            name: service.name.clone().unwrap_or_default(),
            kind: kind_of(service),
            hash: service.str("composeHash").map(str::to_owned),
            scale: service.int("scale").and_then(|scale| u32::try_from(scale).ok()).unwrap_or(1),
            global: is_global(service),
            state: service.state.clone(),
        })
        .collect())
}

fn kind_of(service: &Resource) -> Kind {
    [Kind::LoadBalancerService, Kind::ExternalService, Kind::DnsService]
        .into_iter()
        .find(|kind| kind.as_str() == service.kind)
        .unwrap_or(Kind::Service)
}

fn is_global(service: &Resource) -> bool {
    let labels = service.map("launchConfig").and_then(|launch| launch.get("labels"));
    labels.and_then(|labels| labels.get(label::GLOBAL)).and_then(Value::as_str) == Some("true")
}

/// The report as the API gives it.
pub fn render(report: &Report) -> Value {
    json!({
        "type": "stackPlan",
        "name": report.name,
        "changes": report.changes,
        "problems": report.problems,
    })
}
