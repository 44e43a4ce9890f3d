//! What a stack says before compose files are applied to it, and what it would say after: the files are
//! applied, looked at, and taken back.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::hooks::export;
use super::serve::Session;
use crate::controller::deploy::{self, Report, Request};
use crate::error::Result;
use crate::store::Read;

/// A plan, with what the stack says now and would say.
#[derive(Debug)]
pub struct Contents {
    /// The plan.
    pub report: Report,
    /// As it is; nothing for a stack that is not there.
    pub before: Value,
    /// As it would be; nothing when the files cannot be deployed.
    pub after: Value,
}

/// What a request would change, in contents.
///
/// # Errors
/// As the deployment itself.
pub async fn compare(
    session: &Session<'_>,
    environment: i64,
    request: Request,
) -> Result<Contents> {
    let vault = Arc::clone(&session.state.site.vault);
    session
        .state
        .store
        .rehearse(move |tx| {
            let report = deploy::plan(tx, environment, &request)?;
            let before = report.stack_id.map(|id| contents(tx, id)).transpose()?;
            let before = before.unwrap_or_default();
            if report.has_errors() {
                return Ok(Contents { report, before, after: Value::Null });
            }
            let done = deploy::apply(tx, &vault, environment, &request)?;
            let after = done.stack_id.map(|id| contents(tx, id)).transpose()?.unwrap_or_default();
            Ok(Contents { report, before, after })
        })
        .await
}

/// What a stack's rows say, as its compose files would, and its configs.
fn contents(read: &Read<'_>, stack: i64) -> Result<Value> {
    let row = read.require("stack", stack)?;
    let documents = export::documented(read, &row)?;
    let mut configs = Map::new();
    for service in read.referrers("service", "stackId", stack)? {
        let sidekicks = service.map("composeFiles").into_iter().flatten();
        for (sidekick, file) in sidekicks.flat_map(|(name, files)| each(name, files)) {
            let owner = if sidekick.is_empty() { service.display_name() } else { sidekick.into() };
            let path = file.get("path").and_then(Value::as_str).unwrap_or_default();
            let content = file.get("content").and_then(Value::as_str).unwrap_or_default();
            let bytes = STANDARD.decode(content).unwrap_or_default();
            // What is no text is told by its fingerprint.
            let text = String::from_utf8(bytes).unwrap_or_else(|bytes| {
                let bytes = bytes.into_bytes();
                let of = crate::compose::canonical_sha256(&STANDARD.encode(&bytes).into());
                format!("{} bytes, {of}", bytes.len())
            });
            configs.insert(format!("{owner}:{path}"), text.into());
        }
    }
    Ok(json!({ "docker": documents.docker, "rancher": documents.rancher, "configs": configs }))
}

fn each<'a>(name: &'a str, files: &'a Value) -> impl Iterator<Item = (&'a str, &'a Value)> {
    files.as_array().into_iter().flatten().map(move |file| (name, file))
}
