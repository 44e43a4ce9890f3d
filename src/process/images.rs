//! Where images come from: the setting `registry.default` names the registry of those that name none, and
//! `registry.whitelist` the registries that are allowed.

use serde_json::{Map, Value};

use super::balancer::RANCHERS;
use crate::error::{Error, Result};
use crate::model::launch::{bare, text};
use crate::model::names::{NO_IMAGE, label};
use crate::store::Read;

/// The setting: host names with commas between; nothing allows every registry.
const ALLOWED: &str = "registry.whitelist";
/// The setting: the registry of images that name none, instead of Docker's.
const DEFAULT: &str = "registry.default";
/// Docker's registry.
const HUB: &str = "index.docker.io";
/// What else it is called.
const HUBS: &[&str] = &["docker.io", "hub.docker.com", "registry-1.docker.io"];
/// What the label about volumes may say.
const CLEANUPS: &[&str] = &["all", "none", "unnamed"];

/// Puts the registry of the setting before the image in a field, unless it names one itself or is built.
///
/// # Errors
/// When the database fails.
pub fn settle(read: &Read<'_>, config: &mut Map<String, Value>, field: &str) -> Result<()> {
    let own = read.setting(DEFAULT)?.unwrap_or_default();
    let built = config.get("build").is_some_and(|build| !build.is_null());
    if built {
        return Ok(());
    }
    if let Some(image) = text(config, field).and_then(|image| from_registry(&own, image)) {
        config.insert(field.to_owned(), image.into());
    }
    Ok(())
}

/// An image with a registry before it; nothing for one that names a registry, or stands for something that
/// the server chooses itself.
fn from_registry(registry: &str, image: &str) -> Option<String> {
    let registry = registry.trim().trim_end_matches('/');
    let registry = registry.split_once("://").map_or(registry, |(_, rest)| rest);
    let name = bare(image).trim();
    let chosen_here = name == NO_IMAGE || RANCHERS.iter().any(|own| name.starts_with(own));
    if registry.is_empty() || name.is_empty() || chosen_here || host_of(name).is_some() {
        return None;
    }
    let prefix = image.strip_suffix(bare(image)).unwrap_or_default();
    Some(format!("{prefix}{registry}/{name}"))
}

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

/// The registry that an image comes from.
pub fn registry_of(image: &str) -> String {
    host_of(bare(image)).map_or_else(|| HUB.to_owned(), registry_name)
}

/// The registry that an image's name begins with, if it does.
fn host_of(name: &str) -> Option<&str> {
    let (host, _) = name.split_once('/')?;
    (host.contains(['.', ':']) || host == "localhost").then_some(host)
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
    use super::{from_registry, registry_name, registry_of};

    #[test]
    fn images_without_a_registry_get_one() {
        for (registry, image, expect) in [
            ("reg:5000", "docker:nginx:1", Some("docker:reg:5000/nginx:1")),
            (" https://reg.test/ ", "team/app@sha256:0", Some("reg.test/team/app@sha256:0")),
            ("reg.test/mirror", "sim:app", Some("sim:reg.test/mirror/app")),
            ("reg.test", "docker:quay.io/team/app", None),
            ("reg.test", "docker:localhost/app", None),
            ("reg.test", "docker:registry:5000/app", None),
            ("reg.test", "docker:rancher/none", None),
            ("reg.test", "docker:rancher/lb-service-haproxy:v0.9.1", None),
            ("reg.test", "docker:", None),
            ("", "docker:nginx", None),
        ] {
            assert_eq!(from_registry(registry, image).as_deref(), expect, "{registry} {image}");
        }
    }

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
