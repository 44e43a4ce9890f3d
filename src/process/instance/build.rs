//! Images of containers that say how they are built: the engine builds them before the create.

use futures_util::StreamExt as _;
use futures_util::stream;
use serde_json::{Map, Value};
use tokio::sync::watch;

use super::super::site::HostEngine;
use super::super::step::{Failure, Retry, Work};
use super::launch;
use crate::engine::{BuildCache, BuildLeftovers, BuildOptions};
use crate::model::launch::bare;
use crate::model::resource::Resource;

/// What of a builder's line is shown, in characters.
const LINE: usize = 200;

/// What the engine is asked to build for a container; nothing for an image that comes from elsewhere.
///
/// # Errors
/// What is wrong with it, for people.
pub fn wanted(data: &Map<String, Value>) -> Result<Option<BuildOptions>, String> {
    let Some(build) = data.get("build").and_then(Value::as_object) else { return Ok(None) };
    let text = |field: &str| {
        build.get(field).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty())
    };
    let flag = |field: &str| build.get(field).and_then(Value::as_bool);
    let remote = match (text("context"), text("remote")) {
        (Some(context), _) if is_address(context) => context,
        (Some(context), _) => {
            return Err(format!(
                "`context` is `{context}`, but has to be the http or https address of an archive"
            ));
        }
        (None, Some(remote)) => remote,
        (None, None) => return Err("has neither `context` nor `remote`".to_owned()),
    };
    let image = data.get("imageUuid").and_then(Value::as_str).unwrap_or_default();
    let tag = bare(image).trim();
    if tag.is_empty() {
        return Err("needs an `imageUuid`, which becomes the image's name".to_owned());
    }
    let leftovers = match (flag("forcerm"), flag("rm")) {
        (Some(true), _) => BuildLeftovers::ForceRemove,
        (_, Some(false)) => BuildLeftovers::Keep,
        _ => BuildLeftovers::Remove,
    };
    Ok(Some(BuildOptions {
        tag: tag.to_owned(),
        dockerfile: text("dockerfile").map(str::to_owned),
        remote: Some(remote.to_owned()),
        cache: if flag("nocache") == Some(true) { BuildCache::Ignore } else { BuildCache::Use },
        leftovers,
        ..BuildOptions::default()
    }))
}

fn is_address(text: &str) -> bool {
    ["http://", "https://"].iter().any(|scheme| text.starts_with(scheme))
}

/// Builds a container's image, showing on the container how it goes. One that was built for an earlier run
/// of the container, and is still there, is used as it is.
pub(super) async fn build(work: &Work, host: &HostEngine, row: &Resource) -> Result<(), Failure> {
    let refused = |fault: String| Failure {
        message: format!("`build` of `{}` {fault}", row.display_name()),
        retry: Retry::Never,
    };
    let Some(options) = wanted(&row.data).map_err(refused)? else { return Ok(()) };
    let ran = row.data.get("firstRunning").is_some();
    if ran && host.engine.image_id(&options.tag).await?.is_some() {
        return Ok(());
    }
    let start = format!("building {}", options.tag);
    let (sender, progress) = watch::channel(start.clone());
    let report = move |line: &str| {
        let line: String = line.trim().chars().take(LINE).collect();
        if !line.is_empty() {
            sender.send_replace(format!("{start}: {line}"));
        }
    };
    let context = stream::empty().boxed();
    launch::watched(work, progress, host.engine.build(context, &options, &report)).await
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::json;

    use super::*;

    fn check(build: Value, expect: Expect) {
        let data = json!({"imageUuid": "docker:app:1", "build": build});
        let found = wanted(data.as_object().unwrap());
        let shown = found.map(|found| {
            found.map(|own| {
                let (remote, file) = (own.remote, own.dockerfile);
                format!("{} {remote:?} {file:?} {:?} {:?}", own.tag, own.cache, own.leftovers)
            })
        });
        expect.assert_eq(&format!("{shown:?}"));
    }

    #[test]
    fn what_is_built() {
        check(json!(null), expect!["Ok(None)"]);
        check(
            json!({"context": "http://127.0.0.1/app.tar", "rm": false, "dockerfile": "Other"}),
            expect![[
                r#"Ok(Some("app:1 Some(\"http://127.0.0.1/app.tar\") Some(\"Other\") Use Keep"))"#
            ]],
        );
        check(
            json!({"remote": "https://git.test/x.git", "nocache": true, "forcerm": true, "rm": false}),
            expect![[
                r#"Ok(Some("app:1 Some(\"https://git.test/x.git\") None Ignore ForceRemove"))"#
            ]],
        );
        check(json!({}), expect![[r#"Err("has neither `context` nor `remote`")"#]]);
        check(
            json!({"context": "./app"}),
            expect![[
                r#"Err("`context` is `./app`, but has to be the http or https address of an archive")"#
            ]],
        );
        let nameless = json!({"build": {"remote": "https://git.test/x.git"}});
        let fault = wanted(nameless.as_object().unwrap()).err();
        assert_eq!(fault.as_deref(), Some("needs an `imageUuid`, which becomes the image's name"));
    }
}
