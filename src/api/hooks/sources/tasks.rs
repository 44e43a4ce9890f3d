//! Periodic jobs and their runs, as resources for administrators.

use serde_json::{Map, Value};

use super::{asked_int, paged, pick, row};
use crate::api::hooks::{Answer, Asked, Ctx, Source};
use crate::auth::seed;
use crate::error::{Error, Result};
use crate::model::id;
use crate::model::resource::{NewResource, Resource};
use crate::process::tasks::Task;
use crate::store::TaskRun;

/// `tasks`.
pub const SOURCE: Source = Source { name: "tasks", list, get, write: None };
/// `taskInstances`.
pub const INSTANCES: Source =
    Source { name: "taskInstances", list: list_runs, get: get_run, write: None };

/// Rows read at a time.
const CHUNK: u32 = 500;

fn list(asked: &Asked<'_>) -> Result<Vec<Resource>> {
    Ok(pick(asked.listing, asked.state.site.tasks.all().iter().map(task)))
}

fn get(asked: &Asked<'_>, text: &str) -> Result<Option<Resource>> {
    let found = id::parse(text).and_then(|id| asked.state.site.tasks.get(id));
    Ok(found.as_ref().map(task))
}

fn task(task: &Task) -> Resource {
    let new = NewResource::new("task", String::new()).name(task.name);
    Resource { id: task.id, ..row(new) }
}

fn list_runs(asked: &Asked<'_>) -> Result<Vec<Resource>> {
    let task = asked_int(asked.listing, "taskId");
    paged(asked.listing, |after| {
        let runs = asked.read.task_runs(task, after, CHUNK)?;
        runs.into_iter().map(|run| instance(asked, run)).collect()
    })
}

fn get_run(asked: &Asked<'_>, text: &str) -> Result<Option<Resource>> {
    let Some(id) = id::parse(text) else { return Ok(None) };
    let runs = asked.read.task_runs(None, id.saturating_sub(1), 1)?;
    let found = runs.into_iter().find(|run| run.id == id);
    found.map(|run| instance(asked, run)).transpose()
}

fn instance(asked: &Asked<'_>, run: TaskRun) -> Result<Resource> {
    let task = asked.state.site.tasks.get(run.task_id);
    let new = NewResource {
        name: task.map(|task| task.name.to_owned()),
        ..NewResource::new("taskInstance", String::new())
    };
    let new = new
        .with("endTime", run.ended)
        .with("exception", run.exception)
        .with("serverId", asked.read.fact(seed::SERVER)?)
        .with("startTime", run.started)
        .with("taskId", run.task_id);
    Ok(Resource { id: run.id, ..row(new) })
}

/// `execute`: lets a job run now, whether or not it is due.
///
/// # Errors
/// 404 when there is no such job.
pub fn execute(ctx: &mut Ctx<'_, '_>, task: &Resource, _: Map<String, Value>) -> Result<Answer> {
    if task.id <= 0 {
        return Err(Error::not_found());
    }
    ctx.tx.task_ask(task.id)?;
    Ok(Answer::Row(task.clone()))
}
