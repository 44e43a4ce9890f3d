//! Which images may run: the setting `registry.whitelist` names the registries they may come from.

use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::model::names::label;
use crate::store::Read;

/// The setting: host names with commas between; nothing allows every registry.
const ALLOWED: &str = "registry.whitelist";
/// The registry of images that name none.
const HUB: &str = "index.docker.io";
/// What else it is called.
const HUBS: &[&str] = &["docker.io", "hub.docker.com", "registry-1.docker.io"];
/// What an image begins with in the API, and not in an engine.
const PREFIXES: &[&str] = &["docker:", "sim:"];
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
    check_registry(read, config, "imageUuid")
}

/// Checks that the image in a field comes from a registry that is allowed.
///
/// # Errors
/// 422 `InvalidOption` when it does not.
pub fn check_registry(read: &Read<'_>, config: &Map<String, Value>, field: &str) -> Result<()> {
    let image = config.get(field).and_then(Value::as_str).unwrap_or("");
    if image.is_empty() {
        return Ok(());
    }
    let allowed = read.setting_list(ALLOWED)?;
    let registry = registry_of(image);
    if allowed.is_empty() || allowed.iter().any(|one| registry_name(one) == registry) {
        return Ok(());
    }
    Err(Error::field("InvalidOption", field).message(format!(
        "image `{image}` comes from the registry `{registry}`; the setting {ALLOWED} allows {}",
        allowed.join(", ")
    )))
}

/// The name of an image as engines know it.
pub fn bare(image: &str) -> &str {
    PREFIXES.iter().find_map(|prefix| image.strip_prefix(prefix)).unwrap_or(image)
}

/// The registry that an image comes from.
pub fn registry_of(image: &str) -> String {
    match bare(image).split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => registry_name(host),
        Some(_) | None => HUB.to_owned(),
    }
}

/// The one name of a registry, out of an address as people give it: with a scheme, a path, in capitals.
pub fn registry_name(address: &str) -> String {
    let address = address.trim();
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let host = rest.split('/').next().unwrap_or_default().to_lowercase();
    if HUBS.contains(&host.as_str()) { HUB.to_owned() } else { host }
}

#[cfg(test)]
mod tests {
    use super::{registry_name, registry_of};

    #[test]
    fn registries_of_images() {
        for (image, expect) in [
            ("docker:nginx", "index.docker.io"),
            ("library/nginx:1", "index.docker.io"),
            ("docker:quay.io/team/app:2", "quay.io"),
            ("docker:localhost/app", "localhost"),
            ("docker:registry:5000/app", "registry:5000"),
            ("docker:docker.io/library/nginx", "index.docker.io"),
            ("sim:Quay.io/team/app", "quay.io"),
            ("sim:nginx", "index.docker.io"),
        ] {
            assert_eq!(registry_of(image), expect, "{image}");
        }
    }

    #[test]
    fn addresses_of_registries() {
        for (address, expect) in [
            ("Quay.io", "quay.io"),
            (" https://registry.example:5000/v2/ ", "registry.example:5000"),
            ("https://index.docker.io/v1/", "index.docker.io"),
            ("docker.io", "index.docker.io"),
        ] {
            assert_eq!(registry_name(address), expect, "{address}");
        }
    }
}
