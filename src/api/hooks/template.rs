//! Project templates: stacks that new environments begin with.

use serde_json::{Map, Value};

use super::sources::Picker;
use super::{Asked, Creation, Ctx, Hook};
use crate::auth::{Caller, Role};
use crate::error::{Error, Result};
use crate::model::resource::Resource;
use crate::store::{Query, Read};

/// `projectTemplate`.
pub const HOOK: Hook =
    Hook { create: Some(create), update: Some(update), act: Some(act), ..Hook::of(TYPE) };

const TYPE: &str = "projectTemplate";
/// Templates looked at at most.
const MOST: usize = 3000;
/// The setting that names the template of environments that choose none.
const DEFAULT: &str = "project.template.default.name";

fn create(ctx: &mut Ctx<'_, '_>, creation: &mut Creation) -> Result<()> {
    // Templates are the maker's, and everybody's when they are public.
    creation.row.account_id = Some(ctx.caller.account_id);
    creation.row.data.entry("isPublic").or_insert(false.into());
    check_stacks(&creation.row.data)
}

/// Every stack of a template has a name of its own, and something to be made of.
fn check_stacks(fields: &Map<String, Value>) -> Result<()> {
    let stacks = fields.get("stacks").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let mut names: Vec<String> = Vec::new();
    for stack in stacks {
        let text = |field: &str| stack.get(field).and_then(Value::as_str).unwrap_or("").trim();
        let name = text("name").to_ascii_lowercase();
        if name.is_empty() {
            return Err(Error::field("MissingRequired", "stacks")
                .message("every stack of a template needs a name"));
        }
        if names.contains(&name) {
            return Err(Error::field("NotUnique", "stacks")
                .message(format!("two stacks of the template are called `{name}`")));
        }
        let from = ["dockerCompose", "templateId", "templateVersionId"];
        if from.iter().all(|field| text(field).is_empty()) {
            return Err(Error::field("MissingRequired", "stacks").message(format!(
                "stack `{name}` of the template needs a `dockerCompose` or a `templateVersionId`"
            )));
        }
        names.push(name);
    }
    Ok(())
}

fn administers(caller: &Caller) -> bool {
    matches!(caller.role, Role::Superadmin | Role::Admin | Role::Service)
}

fn require_editor(caller: &Caller, row: &Resource) -> Result<()> {
    let own = !row.flag("isPublic") && row.account_id == Some(caller.account_id);
    if own || administers(caller) {
        return Ok(());
    }
    Err(Error::forbidden(format!(
        "only an administrator may change the public template `{}`",
        row.display_name()
    )))
}

fn update(ctx: &mut Ctx<'_, '_>, row: &Resource, changes: &mut Map<String, Value>) -> Result<()> {
    require_editor(ctx.caller, row)?;
    check_stacks(changes)
}

fn act(ctx: &mut Ctx<'_, '_>, row: &Resource, _: &str) -> Result<()> {
    require_editor(ctx.caller, row)
}

/// The caller's own and the public ones; an administrator's list has every one.
pub fn list(asked: &Asked<'_>) -> Result<Vec<Resource>> {
    let rows = asked.read.list(&Query {
        ty: TYPE,
        with_removed: asked.listing.with_removed,
        limit: MOST,
        ..Query::default()
    })?;
    let mut picker = Picker::new(asked.listing);
    for row in rows {
        if super::is_visible(asked.read, asked.caller, &row)? && !picker.offer(row) {
            break;
        }
    }
    Ok(picker.page())
}

/// The template of a new environment: the one it names, else the public one that a setting names.
pub fn choose(read: &Read<'_>, fields: &mut Map<String, Value>) -> Result<()> {
    let given = fields.get("projectTemplateId").and_then(Value::as_i64);
    let template = match given {
        Some(id) => read.get(id)?,
        None => default(read)?,
    };
    if let Some(template) = template {
        fields.insert("projectTemplateId".to_owned(), template.id.into());
        fields.insert("orchestration".to_owned(), orchestration(&template).into());
    }
    Ok(())
}

fn default(read: &Read<'_>) -> Result<Option<Resource>> {
    let name = read.setting(DEFAULT)?.unwrap_or_default();
    if name.trim().is_empty() {
        return Ok(None);
    }
    let named = read.by_name(TYPE, None, name.trim())?;
    Ok(named.into_iter().find(|row| row.flag("isPublic")))
}

/// Infrastructure that a template brings, by a word in the id of its catalog entry.
const ORCHESTRATIONS: &[(&str, &str)] = &[
    ("k8s", "kubernetes"),
    ("kubernetes", "kubernetes"),
    ("swarm", "swarm"),
    ("mesos", "mesos"),
    ("windows", "windows"),
];

fn orchestration(template: &Resource) -> &'static str {
    let stacks = template.list("stacks").iter();
    let ids = stacks.flat_map(|stack| {
        ["templateId", "templateVersionId"].map(|field| stack.get(field).and_then(Value::as_str))
    });
    // `library:infra*k8s:3`
    let found = ids.flatten().find_map(|id| {
        let entry = id.split_once(":infra*")?.1;
        ORCHESTRATIONS.iter().find(|known| entry.starts_with(known.0)).map(|known| known.1)
    });
    found.unwrap_or("cattle")
}
