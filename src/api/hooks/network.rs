//! Networks: their policies have to be such that they can be enforced.

use serde_json::{Map, Value};

use super::{Creation, Ctx, Hook};
use crate::error::{Error, Result};
use crate::model::policy;
use crate::model::resource::Resource;

/// `network`.
pub const HOOK: Hook = Hook { create: Some(create), update: Some(update), ..Hook::of("network") };

fn create(_: &mut Ctx<'_, '_>, creation: &mut Creation) -> Result<()> {
    check(creation.row.data.get("policy"))
}

fn update(_: &mut Ctx<'_, '_>, _: &Resource, changes: &mut Map<String, Value>) -> Result<()> {
    check(changes.get("policy"))
}

fn check(rules: Option<&Value>) -> Result<()> {
    policy::rules(rules)
        .map(drop)
        .map_err(|problem| Error::field(problem.code, problem.field).message(problem.message))
}
