//! Balancers' own lines that HAProxy does not take, told before anything is changed.
//!
//! What is asked for is done in a transaction that is taken back, which shows the balancers as they would be;
//! HAProxy then reads their configurations. What cannot be tried out is accepted, as everywhere.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::{Map, Value};

use super::{Manner, Report, Request, apply, compare, links, parse, request_of, settled, upgraded};
use crate::compose::plan::Action;
use crate::compose::{Kind, Problem, Project, Severity};
use crate::error::Result;
use crate::model::resource::Resource;
use crate::process::balancer::Trial;
use crate::process::site::Site;
use crate::store::{Read, Tx};

/// HAProxy's words, by service.
pub type Refusals = BTreeMap<String, String>;

/// What HAProxy refuses of the balancers that a request would make or change.
pub async fn refusals(site: &Arc<Site>, environment: i64, request: &Request) -> Refusals {
    tried(site, environment, request, None).await
}

/// Refuses a stack that is to be made of files with lines that HAProxy does not take.
///
/// # Errors
/// 422 with HAProxy's words, or when the database fails.
pub async fn check_stack(site: &Arc<Site>, stack: &Resource) -> Result<()> {
    let request = site.store.read(|read| request_of(read, &site.vault, stack));
    check_request(site, stack, request, None).await
}

/// Refuses an upgrade of a stack to files with lines that HAProxy does not take.
///
/// # Errors
/// 422 with HAProxy's words, or when the database fails.
pub async fn check_upgraded(
    site: &Arc<Site>,
    stack: &Resource,
    input: &Map<String, Value>,
) -> Result<()> {
    let after = upgraded(stack, input);
    let request = site.store.read(|read| request_of(read, &site.vault, &after));
    check_request(site, stack, request, Some(stack.clone())).await
}

async fn check_request(
    site: &Arc<Site>,
    stack: &Resource,
    request: Result<Request>,
    upgraded: Option<Resource>,
) -> Result<()> {
    // Whatever else is wrong is told by whoever does what is asked for.
    let (Ok(mut request), Some(environment)) = (request, stack.account_id) else { return Ok(()) };
    request.refusals = tried(site, environment, &request, upgraded).await;
    match problems(&request).first() {
        Some(problem) => Err(super::error(problem)),
        None => Ok(()),
    }
}

/// The problems that refusals make.
pub(super) fn problems(request: &Request) -> Vec<Problem> {
    let problem = |(service, words): (&String, &String)| Problem {
        severity: Severity::Error,
        file: request.first_file().to_owned(),
        line: 0,
        path: format!("services.{service}.lb_config"),
        message: words.clone(),
    };
    request.refusals.iter().map(problem).collect()
}

async fn tried(
    site: &Arc<Site>,
    environment: i64,
    request: &Request,
    upgraded: Option<Resource>,
) -> Refusals {
    if !has_lines(request) {
        return Refusals::new();
    }
    let (request, own) = (request.clone(), Arc::clone(site));
    let rehearsal = move |tx: &mut Tx<'_>| {
        let project = settled(tx, &request)?;
        let report = compare(tx, environment, &request, &project)?;
        if report.has_errors() {
            return Ok(Vec::new());
        }
        let before = report.stack_id.map(|id| configs(tx, id)).transpose()?.unwrap_or_default();
        let vault = &own.vault;
        let stack = match upgraded {
            Some(stack) => {
                apply::services(tx, vault, &stack, &project, &report, Manner::Upgrade)?;
                stack.id
            }
            None => apply::apply(tx, vault, environment, &request, &project, &report)?,
        };
        trials(tx, &own, stack, &project, &report, &before)
    };
    let trials = match site.store.rehearse(rehearsal).await {
        Ok(trials) => trials,
        Err(error) => {
            tracing::debug!(%error, "balancers' own lines are not tried out");
            return Refusals::new();
        }
    };
    let ask = async |(service, trial): (String, Trial)| Some((service, trial.refusal(site).await?));
    join_all(trials.into_iter().map(ask)).await.into_iter().flatten().collect()
}

/// Whether there are balancers with lines of their own.
fn has_lines(request: &Request) -> bool {
    // Most files have none, and need not be read once more to see that.
    let mut texts = std::iter::once(request.docker_compose.as_bytes())
        .chain(request.rancher_compose.iter().map(String::as_bytes))
        .chain(request.overlays.iter().map(|file| file.text.as_slice()))
        .chain(request.files.values().map(Vec::as_slice));
    texts.any(|text| text.windows(6).any(|word| word == b"config"))
        && parse(request).services.iter().any(|service| {
            let lines = service.fields.get("lbConfig").and_then(|config| config.get("config"));
            lines.and_then(Value::as_str).is_some_and(|lines| !lines.trim().is_empty())
        })
}

/// What a stack's services say as balancers, by name in small letters.
fn configs(read: &Read<'_>, stack: i64) -> Result<HashMap<String, Value>> {
    let services = read.referrers("service", "stackId", stack)?.into_iter();
    let live = services.filter(|service| service.state != "removing");
    let config = |service: Resource| {
        let name = service.name.as_deref()?.to_ascii_lowercase();
        Some((name, service.data.get("lbConfig")?.clone()))
    };
    Ok(live.filter_map(config).collect())
}

/// What is to be tried of the balancers that were made, or that say something else than before.
fn trials(
    read: &Read<'_>,
    site: &Site,
    stack: i64,
    project: &Project,
    report: &Report,
    before: &HashMap<String, Value>,
) -> Result<Vec<(String, Trial)>> {
    let services = read.referrers("service", "stackId", stack)?;
    let touched = report
        .changes
        .iter()
        .filter(|change| matches!(change.action, Action::Create | Action::Change))
        .filter_map(|change| project.service(&change.service))
        .filter(|service| service.kind == Kind::LoadBalancerService);
    let mut trials = Vec::new();
    for wanted in touched {
        let Some(row) = links::find(&services, &wanted.name) else { continue };
        if before.get(&wanted.name.to_ascii_lowercase()) == row.data.get("lbConfig") {
            continue;
        }
        let trial = Trial::read(site, read, row)?;
        trials.extend(trial.map(|trial| (wanted.name.clone(), trial)));
    }
    Ok(trials)
}
