//! A balancer's configuration tried out before it is accepted: HAProxy itself reads it.
//!
//! Its image runs for a moment on a host of the environment, in a container of its own that serves nothing.
//! Beside a running container of the balancer it sees the same names, files and volumes. Where nothing can
//! try it out (no engine, no image, no time) the configuration is accepted, and is read when it is first
//! applied.

use std::sync::Arc;

use serde_json::Value;

use super::{APPLIED_FILE, archive, certificate_files, facts, holds_secrets, words};
use crate::balancer;
use crate::engine::spec::{NetworkAttachment, ProcessSpec, StorageSpec};
use crate::engine::{ContainerSpec, Engine, EngineError, SecretFile};
use crate::error::Result;
use crate::model::launch::bare;
use crate::model::resource::Resource;
use crate::process::site::Site;
use crate::process::{helper, host};
use crate::store::Read;

/// How long a trial may take, in milliseconds.
const LIMIT_MS: u64 = 10_000;
/// What a launch configuration has that only a container made of it would see.
const MOUNTS: &[&str] = &["dataVolumes", "dataVolumesFrom", "dataVolumesFromLaunchConfigs"];

/// A configuration to try out.
#[derive(Debug)]
pub struct Trial {
    text: String,
    files: Vec<SecretFile>,
    image: String,
    environment: Vec<String>,
    /// Hosts to try it on, each with the container to try it beside.
    places: Vec<(i64, Option<String>)>,
}

/// HAProxy's words, if it refuses the configuration that a balancer would have with its user's own lines.
///
/// # Errors
/// When the database fails.
pub async fn refusal(site: &Arc<Site>, service: &Resource) -> Result<Option<String>> {
    match site.store.read(|read| Trial::read(site, read, service))? {
        Some(trial) => Ok(trial.refusal(site).await),
        None => Ok(None),
    }
}

impl Trial {
    /// What there is to try of a balancer, if there is: the generated lines alone need no trial.
    ///
    /// # Errors
    /// When the database fails.
    pub fn read(site: &Site, read: &Read<'_>, service: &Resource) -> Result<Option<Self>> {
        let balancer = facts::balancer(read, service)?;
        let Some(launched) = service.map("launchConfig") else { return Ok(None) };
        if balancer.custom.trim().is_empty() {
            return Ok(None);
        }
        let asked = launched.get("imageUuid").and_then(Value::as_str).unwrap_or_default();
        let image = super::image(read, asked)?.unwrap_or_else(|| asked.to_owned());
        let variables = launched.get("environment").and_then(Value::as_object);
        let line = |(name, value): (&String, &Value)| Some(format!("{name}={}", value.as_str()?));
        let mounts = |field: &&str| {
            let list = launched.get(*field).and_then(Value::as_array);
            list.is_some_and(|list| !list.is_empty())
        };
        let mut places = running(read, service)?;
        if !MOUNTS.iter().any(mounts) {
            let hosts = host::active(read, service.account_id)?;
            places.extend(hosts.into_iter().map(|host| (host.id, None)));
        }
        Ok(Some(Self {
            text: balancer::configuration(&balancer),
            files: certificate_files(read, &site.vault, service)?,
            image: bare(&image).to_owned(),
            environment: variables.into_iter().flatten().filter_map(line).collect(),
            places,
        }))
    }

    /// HAProxy's words, if it refuses the configuration.
    pub async fn refusal(self, site: &Arc<Site>) -> Option<String> {
        // It is a task of its own, so that the container goes even if nobody waits for it any more.
        let task = tokio::spawn({
            let site = Arc::clone(site);
            async move { self.anywhere(&site).await }
        });
        tokio::select! {
            outcome = task => match outcome {
                Ok(Ok(refusal)) => refusal,
                Ok(Err(error)) => {
                    tracing::info!(%error, "cannot try a balancer's configuration out");
                    None
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot try a balancer's configuration out");
                    None
                }
            },
            () = site.clock.sleep_ms(LIMIT_MS) => {
                tracing::info!("no time to try a balancer's configuration out");
                None
            }
        }
    }

    /// HAProxy's words at the first place that can try it: where the engine has the image, since pulling it
    /// would take longer than a request may. A container to try it beside may go in the meantime.
    async fn anywhere(&self, site: &Site) -> Result<Option<String>, EngineError> {
        let mut outcome = Ok(None);
        for (host, beside) in &self.places {
            let Some(host) = site.engines.get(*host) else { continue };
            if !matches!(host.engine.image_id(&self.image).await, Ok(Some(_))) {
                continue;
            }
            outcome = self.run(site, &host.engine, &site.entropy.uuid(), beside.clone()).await;
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    async fn run(
        &self,
        site: &Site,
        engine: &Arc<dyn Engine>,
        token: &str,
        beside: Option<String>,
    ) -> Result<Option<String>, EngineError> {
        let mut spec = self.spec(token, beside);
        let Ok(files) = archive(APPLIED_FILE, &self.text) else { return Ok(None) };
        let has_secrets = holds_secrets(&self.files);
        if has_secrets {
            spec.storage.mounts = engine.secrets_put(token, &self.files).await?;
        }
        let ended = helper::run(engine, &site.clock, &spec, Some(files)).await;
        if has_secrets {
            engine.secrets_remove(token).await?;
        }
        let ended = ended?;
        Ok((ended.code != 0).then(|| words(&ended.said)))
    }

    fn spec(&self, token: &str, beside: Option<String>) -> ContainerSpec {
        let path = format!("/{}/{APPLIED_FILE}", super::FOLDER);
        let command = ["haproxy", "-c", "-f", &path];
        ContainerSpec {
            name: helper::name(token),
            uuid: token.to_owned(),
            image: self.image.clone(),
            labels: helper::labels(token, "balancer"),
            process: ProcessSpec {
                entry_point: command.map(str::to_owned).to_vec(),
                env: self.environment.clone(),
                ..ProcessSpec::default()
            },
            storage: StorageSpec {
                volumes_from: beside.iter().map(|own| format!("{own}:ro")).collect(),
                ..StorageSpec::default()
            },
            network: beside.map_or(NetworkAttachment::None, NetworkAttachment::Container),
            ..ContainerSpec::default()
        }
    }
}

/// The running containers of a balancer, each with its host.
fn running(read: &Read<'_>, service: &Resource) -> Result<Vec<(i64, Option<String>)>> {
    let containers = read.referrers("instance", "serviceId", service.id)?;
    let running = containers.into_iter().filter(|container| container.state == "running");
    let place = |container: Resource| {
        Some((container.int("hostId")?, Some(container.str("externalId")?.to_owned())))
    };
    Ok(running.filter_map(place).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial() -> Trial {
        Trial {
            text: String::new(),
            files: Vec::new(),
            image: "haproxy".to_owned(),
            environment: vec!["A=1".to_owned()],
            places: Vec::new(),
        }
    }

    #[test]
    fn alone_it_has_no_network() {
        let spec = trial().spec("token", None);
        assert_eq!(spec.network, NetworkAttachment::None);
        assert_eq!(spec.storage.volumes_from, Vec::<String>::new());
        assert_eq!(spec.process.entry_point, ["haproxy", "-c", "-f", "/ranchette/haproxy.cfg"]);
    }

    #[test]
    fn beside_a_balancer_it_sees_what_that_sees() {
        let spec = trial().spec("token", Some("abc".to_owned()));
        assert_eq!(spec.network, NetworkAttachment::Container("abc".to_owned()));
        assert_eq!(spec.storage.volumes_from, ["abc:ro"]);
        assert_eq!(spec.process.env, ["A=1"]);
    }
}
