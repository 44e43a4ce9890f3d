//! Networks and volumes.

use std::collections::{BTreeMap, HashMap};

use bollard::models::{
    Ipam, IpamConfig, Network, NetworkConnectRequest, NetworkCreateRequest,
    NetworkDisconnectRequest, NetworkInspect, VolumeCreateRequest,
};
use bollard::query_parameters::{
    InspectContainerOptions, InspectNetworkOptions, ListNetworksOptions, ListVolumesOptions,
    RemoveVolumeOptions,
};
use serde_json::json;

use super::connect::{Connection, Patience};
use super::failure::{Subject, status};
use super::{convert, observe, with_body};
use crate::engine::{Endpoint, EngineError, NetworkSpec, ObservedVolume, VolumeSpec};

impl Connection {
    pub(super) async fn network_ensure(&self, spec: &NetworkSpec) -> Result<String, EngineError> {
        let subject = Subject::Network(&spec.name);
        let docker = self.client(Patience::Work).await?;
        if let Some(id) = self.network_find(spec).await? {
            return Ok(id);
        }
        let mut body = serde_json::to_value(request(spec)).unwrap_or_default();
        // Without this, engines before 25.0 make a second network of the same name.
        body["CheckDuplicate"] = json!(true);
        let placeholder = NetworkCreateRequest::default();
        match with_body(docker, &body).create_network(placeholder).await {
            Ok(created) => Ok(created.id),
            Err(err) if status(&err) == Some(409) => match self.network_find(spec).await? {
                Some(id) => Ok(id),
                None => Err(self.failure(subject, err)),
            },
            Err(err) => Err(self.failure(subject, err)),
        }
    }

    async fn network_find(&self, spec: &NetworkSpec) -> Result<Option<String>, EngineError> {
        let docker = self.client(Patience::Control).await?;
        match docker.inspect_network(checked(&spec.name)?, None::<InspectNetworkOptions>).await {
            // Docker also finds networks by the beginning of their id.
            Ok(found) if found.name.as_deref() != Some(&spec.name) => Ok(None),
            Ok(found) => same_subnet(spec, found).map(Some),
            Err(err) if status(&err) == Some(404) => Ok(None),
            Err(err) => Err(self.failure(Subject::Network(&spec.name), err)),
        }
    }

    pub(super) async fn network_connect(
        &self,
        container: &str,
        place: &Endpoint,
    ) -> Result<(), EngineError> {
        let docker = self.client(Patience::Work).await?;
        let request = NetworkConnectRequest {
            container: container.to_owned(),
            endpoint_config: Some(convert::endpoint(place)),
        };
        match docker.connect_network(checked(&place.network)?, request).await {
            Ok(()) => Ok(()),
            // "endpoint with name .. already exists in network ..", with a status that depends on the version.
            Err(err) if self.is_on(container, &place.network).await? => {
                tracing::debug!(%err, container, "it is on the network already");
                Ok(())
            }
            Err(err) if status(&err) == Some(404) && self.is_no_network(place).await? => {
                Err(EngineError::NoSuchNetwork { network: place.network.clone() })
            }
            Err(err) => Err(self.failure(Subject::Container(container), err)),
        }
    }

    async fn is_on(&self, container: &str, network: &str) -> Result<bool, EngineError> {
        let docker = self.client(Patience::Control).await?;
        match docker.inspect_container(container, None::<InspectContainerOptions>).await {
            Ok(found) => {
                Ok(observe::inspected(found).networks.iter().any(|on| on.network == network))
            }
            Err(err) if status(&err) == Some(404) => Ok(false),
            Err(err) => Err(self.failure(Subject::Container(container), err)),
        }
    }

    async fn is_no_network(&self, place: &Endpoint) -> Result<bool, EngineError> {
        let spec = NetworkSpec { name: place.network.clone(), ..NetworkSpec::default() };
        Ok(self.network_find(&spec).await?.is_none())
    }

    pub(super) async fn network_disconnect(
        &self,
        container: &str,
        network: &str,
    ) -> Result<(), EngineError> {
        let docker = self.client(Patience::Work).await?;
        let request = NetworkDisconnectRequest { container: container.to_owned(), force: None };
        match docker.disconnect_network(checked(network)?, request).await {
            Ok(()) => Ok(()),
            Err(err) if status(&err) == Some(404) => Ok(()),
            // "container .. is not connected to network ..", with a status that depends on the version.
            Err(_) if !self.is_on(container, network).await? => Ok(()),
            Err(err) => Err(self.failure(Subject::Container(container), err)),
        }
    }

    pub(super) async fn network_remove(&self, name: &str) -> Result<(), EngineError> {
        let docker = self.client(Patience::Work).await?;
        match docker.remove_network(checked(name)?).await {
            Ok(()) => Ok(()),
            Err(err) if status(&err) == Some(404) => Ok(()),
            Err(err) => Err(self.failure(Subject::Network(name), err)),
        }
    }

    /// All networks with a subnet.
    pub(super) async fn networks(&self) -> Result<Vec<DockerNetwork>, EngineError> {
        let docker = self.client(Patience::Control).await?;
        let found = docker.list_networks(None::<ListNetworksOptions>).await;
        let found = found.map_err(|err| self.failure(Subject::Engine, err))?;
        Ok(found.into_iter().map(network).collect())
    }

    pub(super) async fn volume_ensure(
        &self,
        spec: &VolumeSpec,
    ) -> Result<ObservedVolume, EngineError> {
        let subject = Subject::Volume(&spec.name);
        let docker = self.client(Patience::Work).await?;
        let driver = if spec.driver.is_empty() { "local" } else { &spec.driver };
        let request = VolumeCreateRequest {
            name: Some(checked(&spec.name)?.to_owned()),
            driver: Some(driver.to_owned()),
            driver_opts: Some(hash(&spec.driver_opts)),
            labels: Some(hash(&spec.labels)),
            cluster_volume_spec: None,
        };
        let found = match docker.create_volume(request).await {
            Err(err) if status(&err) == Some(409) => docker.inspect_volume(&spec.name).await,
            other => other,
        };
        found.map(observe::volume).map_err(|err| self.failure(subject, err))
    }

    pub(super) async fn volume_remove(&self, name: &str) -> Result<(), EngineError> {
        let docker = self.client(Patience::Work).await?;
        match docker.remove_volume(checked(name)?, None::<RemoveVolumeOptions>).await {
            Ok(()) => Ok(()),
            Err(err) if status(&err) == Some(404) => Ok(()),
            Err(err) => Err(self.failure(Subject::Volume(name), err)),
        }
    }

    pub(super) async fn volumes(&self) -> Result<Vec<ObservedVolume>, EngineError> {
        let docker = self.client(Patience::Control).await?;
        let found = docker.list_volumes(None::<ListVolumesOptions>).await;
        let found = found.map_err(|err| self.failure(Subject::Engine, err))?;
        Ok(found.volumes.unwrap_or_default().into_iter().map(observe::volume).collect())
    }
}

/// A network of the engine, ours or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DockerNetwork {
    /// Its name.
    pub name: String,
    /// Its interface on the host, if it is a bridge.
    pub interface: String,
    /// Its subnets, as `10.42.0.0/16`.
    pub subnets: Vec<String>,
    /// Whether a server of ours made it.
    pub is_ours: bool,
}

fn network(found: Network) -> DockerNetwork {
    let configs = found.ipam.and_then(|ipam| ipam.config).unwrap_or_default();
    let named = found.options.and_then(|options| options.get(BRIDGE_NAME_OPTION).cloned());
    let id: String = found.id.unwrap_or_default().chars().take(12).collect();
    DockerNetwork {
        name: found.name.unwrap_or_default(),
        interface: named.unwrap_or_else(|| format!("br-{id}")),
        subnets: configs.into_iter().filter_map(|config| config.subnet).collect(),
        is_ours: found.labels.is_some_and(|labels| labels.contains_key(OUR_LABEL)),
    }
}

fn request(spec: &NetworkSpec) -> NetworkCreateRequest {
    let bridge = spec.bridge.iter().map(|name| (BRIDGE_NAME_OPTION.to_owned(), name.clone()));
    let subnet = spec.subnet.as_ref().map(|subnet| IpamConfig {
        subnet: Some(subnet.clone()),
        gateway: spec.gateway.clone(),
        ..IpamConfig::default()
    });
    NetworkCreateRequest {
        name: spec.name.clone(),
        driver: Some("bridge".to_owned()),
        ipam: subnet.map(|config| Ipam { config: Some(vec![config]), ..Ipam::default() }),
        options: Some(bridge.collect()),
        labels: Some(hash(&spec.labels)),
        ..NetworkCreateRequest::default()
    }
}

/// The label of networks that our processes ask for.
const OUR_LABEL: &str = "io.ranchette.network.uuid";
/// The option of Docker's bridge driver that names the interface on the host.
const BRIDGE_NAME_OPTION: &str = "com.docker.network.bridge.name";

/// The id of a network that is already there, if it is the one that was meant.
fn same_subnet(spec: &NetworkSpec, found: NetworkInspect) -> Result<String, EngineError> {
    let configs = found.ipam.and_then(|ipam| ipam.config).unwrap_or_default();
    let subnets: Vec<String> = configs.into_iter().filter_map(|config| config.subnet).collect();
    match &spec.subnet {
        Some(wanted) if !subnets.contains(wanted) => Err(EngineError::BadSpec {
            what: spec.name.clone(),
            detail: format!("the network exists with subnet {}, not {wanted}", subnets.join(", ")),
        }),
        Some(_) | None => Ok(found.id.unwrap_or_default()),
    }
}

/// Names reach Docker as part of a path, so what cannot be a name must not get there.
fn checked(name: &str) -> Result<&str, EngineError> {
    super::checked(name).map_err(|_| EngineError::BadSpec {
        what: name.to_owned(),
        detail: "a name has only letters, digits and `_.-`, and begins with a letter or digit"
            .to_owned(),
    })
}

fn hash(pairs: &BTreeMap<String, String>) -> HashMap<String, String> {
    pairs.clone().into_iter().collect()
}
