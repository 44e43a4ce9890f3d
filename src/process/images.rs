//! Which images may run: the setting `registry.whitelist` names the registries they may come from.

use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::model::names::label;
use crate::store::Read;

/// The setting: host names with commas between; nothing allows every registry.
const ALLOWED: &str = "registry.whitelist";
/// The registry of images that name none.
const HUB: &str = "index.docker.io";
/// What the label about volumes may say.
const CLEANUPS: &[&str] = &["all", "none", "unnamed"];

/// Checks the image and the labels of a container or of one launch configuration.
///
/// # Errors
/// 422 `InvalidOption` for an image of a registry that is not allowed; 400 `InvalidOption` for a label
/// whose value means nothing.
pub fn check(read: &Read<'_>, config: &Map<String, Value>) -> Result<()> {
    let labels = config.get("labels").and_then(Value::as_object);
    let cleanup = labels.and_then(|labels| labels.get(label::VOLUME_CLEANUP)?.as_str());
    if let Some(cleanup) = cleanup
        && !CLEANUPS.contains(&cleanup)
    {
        let error = Error { status: 400, ..Error::code("InvalidOption") };
        let (name, known) = (label::VOLUME_CLEANUP, CLEANUPS.join(", "));
        return Err(error.message(format!("label {name} is `{cleanup}`, not one of {known}")));
    }
    let image = config.get("imageUuid").and_then(Value::as_str).unwrap_or("");
    if image.is_empty() {
        return Ok(());
    }
    let allowed = read.setting_list(ALLOWED)?;
    let registry = registry_of(image);
    if allowed.is_empty() || allowed.iter().any(|one| one.trim().eq_ignore_ascii_case(registry)) {
        return Ok(());
    }
    Err(Error::field("InvalidOption", "imageUuid").message(format!(
        "image `{image}` comes from the registry `{registry}`; the setting {ALLOWED} allows {}",
        allowed.join(", ")
    )))
}

/// The registry that an image comes from.
fn registry_of(image: &str) -> &str {
    let name = image.strip_prefix("docker:").unwrap_or(image);
    match name.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => host,
        Some(_) | None => HUB,
    }
}

#[cfg(test)]
mod tests {
    use super::registry_of;

    #[test]
    fn registries_of_images() {
        for (image, expect) in [
            ("docker:nginx", "index.docker.io"),
            ("library/nginx:1", "index.docker.io"),
            ("docker:quay.io/team/app:2", "quay.io"),
            ("docker:localhost/app", "localhost"),
            ("docker:registry:5000/app", "registry:5000"),
        ] {
            assert_eq!(registry_of(image), expect, "{image}");
        }
    }
}
