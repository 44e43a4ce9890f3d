//! The way back to a version: its configuration, with the very images that ran then.

use serde_json::{Map, Value, json};

use super::super::registries;
use super::super::site::{HostEngine, Site};
use super::BESIDE;
use super::difference::is_equal;
use super::images::{Image, of_config, short};
use crate::engine::EngineError;
use crate::error::{Error, Result};
use crate::model::launch::bare;
use crate::model::names::{NO_IMAGE, label};
use crate::model::resource::Resource;
use crate::process::upgrade::in_service::Configs;

/// Key in what an upgrade is told: the number of the version that it goes back to.
pub const BACK_TO: &str = "backTo";

/// A version of a service that somebody wants back.
pub struct Wanted {
    /// The service.
    pub service: Resource,
    /// The version.
    pub version: Resource,
    /// The newest version.
    pub newest: Resource,
}

impl Wanted {
    /// The version with this id.
    ///
    /// # Errors
    /// 422 when it is not one of the service's that are kept.
    pub fn find(service: &Resource, known: &[Resource], id: i64) -> Result<Self> {
        let wanted = known.iter().find(|row| row.id == id).cloned();
        match (wanted, known.last().cloned()) {
            (Some(version), Some(newest)) => Ok(Self { service: service.clone(), version, newest }),
            _ => Err(Error::field("InvalidReference", "versionId").message(format!(
                "service `{}` has no such version, or it is kept no more",
                service.display_name()
            ))),
        }
    }

    /// Its number.
    pub fn number(&self) -> i64 {
        self.version.int("versionNumber").unwrap_or(0)
    }

    fn name(&self) -> String {
        let number = self.number();
        format!("version {number} of service `{}`", self.service.display_name())
    }

    /// The image of each configuration: the last one that ran.
    ///
    /// # Errors
    /// 409 when one never ran.
    fn images(&self) -> Result<Vec<Image>> {
        let configs = Configs::of(&self.version);
        let mut images = Vec::new();
        for name in configs.names() {
            let image = of_config(&self.version, name).pop().ok_or_else(|| {
                let which = name.map_or_else(String::new, |name| format!(" of sidekick `{name}`"));
                Error::conflict(format!(
                    "{} never ran, so the image{which} is not known; upgrade to its configuration \
                     instead",
                    self.name()
                ))
            })?;
            images.push(image);
        }
        Ok(images)
    }

    /// Looks whether every image can be had, on a host or from its registry.
    ///
    /// # Errors
    /// 409 when one cannot, or never ran.
    pub async fn check(&self, site: &Site) -> Result<()> {
        let hosts = self.hosts(site)?;
        for image in self.images()? {
            self.check_image(site, &hosts, &image).await?;
        }
        Ok(())
    }

    fn hosts(&self, site: &Site) -> Result<Vec<HostEngine>> {
        let mut found = Vec::new();
        site.store.read(|read| {
            for (id, engine) in site.engines.all() {
                let host = read.get(id)?.filter(|host| host.removed.is_none());
                if host.is_some_and(|host| host.account_id == self.service.account_id) {
                    found.push(engine);
                }
            }
            Ok(())
        })?;
        Ok(found)
    }

    async fn check_image(&self, site: &Site, hosts: &[HostEngine], image: &Image) -> Result<()> {
        let mut silent = None;
        for host in hosts {
            match host.engine.image_id(image.pinned()).await {
                Ok(Some(_)) => return Ok(()),
                Ok(None) => {}
                Err(error) => silent = Some(error),
            }
        }
        let asked = match (&image.ran.digest, hosts.first()) {
            (Some(digest), Some(host)) => self.ask_registry(site, host, digest).await.err(),
            _ => None,
        };
        let why = match (&image.ran.digest, asked) {
            (Some(_), None) if !hosts.is_empty() => return Ok(()),
            (Some(_), Some(error)) => {
                format!("no host has it any more, nor has its registry: {error}")
            }
            (_, _) => match silent {
                Some(error) => format!("not every host could be asked: {error}"),
                None => "no host has it any more, and it came from no registry".to_owned(),
            },
        };
        Err(Error::conflict(format!(
            "{} ran image `{}` ({}), which cannot be had: {why}",
            self.name(),
            image.image,
            short(&image.ran.image_id)
        )))
    }

    async fn ask_registry(
        &self,
        site: &Site,
        host: &HostEngine,
        digest: &str,
    ) -> std::result::Result<(), EngineError> {
        let configs = Configs::of(&self.version);
        let wanted = configs.primary.as_ref();
        let wanted = wanted.and_then(|config| config.get("registryCredentialId")?.as_i64());
        let environment = self.service.account_id;
        let login = site
            .store
            .read(|read| registries::login_for(read, &site.vault, environment, digest, wanted));
        let login = login.ok().flatten();
        match host.engine.image_offered(digest, login.as_ref()).await {
            // A login that is no longer good must not keep us from what everybody may have.
            Err(_) if login.is_some() => host.engine.image_offered(digest, None).await,
            outcome => outcome,
        }
    }

    /// The upgrade that leads there, with what it changes besides.
    ///
    /// # Errors
    /// 409 when the service is there already, or an image never ran.
    pub fn upgrade(&self, speed: &Map<String, Value>) -> Result<Map<String, Value>> {
        let (now, then) = (Configs::of(&self.service), Configs::of(&self.version));
        let images = self.images()?;
        let pinned = |name: Option<&str>, config: &Map<String, Value>| {
            let image = images.iter().find(|image| image.config.as_deref() == name)?;
            let is_now = now.get(name).is_some_and(|now| is_equal(now, config))
                && of_config(&self.newest, name).last().map(|image| &image.ran) == Some(&image.ran);
            (!is_now).then(|| pin(config, image))
        };
        let mut strategy = speed.clone();
        let primary = then.primary.as_ref().and_then(|config| pinned(None, config));
        let mut sidekicks: Vec<Map<String, Value>> = then
            .sidekicks
            .iter()
            .filter_map(|config| pinned(config.get("name")?.as_str(), config))
            .collect();
        let gone = now.names().flatten().filter(|name| then.get(Some(name)).is_none());
        for name in gone {
            let nothing = json!({ "name": name, "imageUuid": format!("docker:{NO_IMAGE}") });
            sidekicks.extend(nothing.as_object().cloned());
        }
        if primary.is_none() && sidekicks.is_empty() {
            let message = format!("{} is what it runs already", self.name());
            return Err(Error::conflict(message));
        }
        if let Some(primary) = primary {
            strategy.insert("launchConfig".to_owned(), primary.into());
        }
        if !sidekicks.is_empty() {
            strategy.insert("secondaryLaunchConfigs".to_owned(), sidekicks.into());
        }
        Ok(strategy)
    }

    /// What the service has besides its configurations, as it was then.
    pub fn beside(&self) -> Map<String, Value> {
        let of = |field: &&str| {
            let then = self.version.data.get(*field).cloned().unwrap_or_default();
            let now = self.service.data.get(*field).cloned().unwrap_or_default();
            (then != now).then(|| ((*field).to_owned(), then))
        };
        BESIDE.iter().filter_map(of).collect()
    }
}

/// A configuration with the image that ran then, whatever its name means by now.
fn pin(config: &Map<String, Value>, image: &Image) -> Map<String, Value> {
    let mut pinned = config.clone();
    pinned.shift_remove("version");
    let uuid = config.get("imageUuid").and_then(Value::as_str).unwrap_or_default();
    let prefix = uuid.strip_suffix(bare(uuid)).unwrap_or_default();
    let prefix = if prefix.is_empty() { "docker:" } else { prefix };
    pinned.insert("imageUuid".to_owned(), format!("{prefix}{}", image.pinned()).into());
    // It is built and pulled as it was: there is nothing newer under this name.
    pinned.shift_remove("build");
    if let Some(Value::Object(labels)) = pinned.get_mut("labels") {
        labels.shift_remove(label::PULL_IMAGE);
    }
    pinned
}
