//! Answers to the questions of a template, checked before its files are read.

use serde_json::{Map, Value};

use super::Request;
use crate::compose::about::{self, About};
use crate::compose::answers::complaint;
use crate::error::{Error, Result};
use crate::model::resource::Resource;
use crate::process::upgrade::stack::BEFORE;

/// How the `externalId` of a stack begins that is from a catalog.
const CATALOG: &str = "catalog://";

/// What a `rancher-compose.yml` says of its template. A file that cannot be read is complained about where it
/// is read as a whole.
pub fn about(text: &str) -> Option<About> {
    let text = Some(text).filter(|text| text.contains("catalog"))?;
    about::about("rancher-compose.yml", text.as_bytes()).ok()
}

/// The version of the template that a stack was from before the upgrade under way.
pub fn previous(stack: &Resource) -> Option<String> {
    let before = stack.map(BEFORE)?.get("rancherCompose")?.as_str()?;
    about(before).map(|about| about.version)
}

/// Whether a stack is from a catalog.
pub fn is_from_catalog(fields: &Map<String, Value>) -> bool {
    let id = fields.get("externalId").and_then(Value::as_str);
    id.is_some_and(|id| id.starts_with(CATALOG))
}

/// Refuses the first answer that is certainly wrong of a stack from a catalog that is about to be made.
///
/// # Errors
/// 422 with the variable as the field.
pub fn check_launch(fields: &Map<String, Value>) -> Result<()> {
    let text = fields.get("rancherCompose").and_then(Value::as_str);
    let Some(about) = text.filter(|_| is_from_catalog(fields)).and_then(about) else {
        return Ok(());
    };
    let answers = fields.get("environment").and_then(Value::as_object);
    refuse(&about, |variable| answers?.get(variable)?.as_str())
}

/// The same of a request whose files are those of a template.
///
/// # Errors
/// As [`check_launch`].
pub fn check(request: &Request) -> Result<()> {
    let about = request.rancher_compose.as_deref().and_then(about).unwrap_or_default();
    refuse(&about, |variable| request.environment.get(variable).map(String::as_str))
}

fn refuse<'a>(about: &About, answer: impl Fn(&str) -> Option<&'a str>) -> Result<()> {
    match complaint(about, answer) {
        Some(wrong) => Err(Error::field(wrong.code, wrong.variable).message(wrong.message)),
        None => Ok(()),
    }
}
