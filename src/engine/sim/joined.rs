//! Networks that a simulated container was connected to after it was made.

use std::net::Ipv4Addr;

use super::SimEngine;
use super::state::{HostState, Serial};
use crate::engine::{Endpoint, EngineError};

/// A container's place on such a network.
pub(super) struct Joined {
    pub(super) place: Endpoint,
    /// Held while the container runs.
    pub(super) address: Option<Ipv4Addr>,
}

impl HostState {
    /// Connects a container; `false` if it is connected already.
    pub(super) fn join(&mut self, serial: Serial, place: &Endpoint) -> Result<bool, EngineError> {
        if !self.networks.contains_key(&place.network) {
            return Err(EngineError::NoSuchNetwork { network: place.network.clone() });
        }
        let running = self.is_running(serial);
        let Some(container) = self.containers.get_mut(&serial) else { return Ok(false) };
        if container.joined.contains_key(&place.network) {
            return Ok(false);
        }
        let joined = Joined { place: place.clone(), address: None };
        container.joined.insert(place.network.clone(), joined);
        if running && let Err(error) = self.hold(serial) {
            self.leave(serial, &place.network);
            return Err(error);
        }
        Ok(true)
    }

    /// Takes a container off a network; `false` if it was not on it.
    pub(super) fn leave(&mut self, serial: Serial, network: &str) -> bool {
        let container = self.containers.get_mut(&serial);
        let Some(joined) = container.and_then(|container| container.joined.remove(network)) else {
            return false;
        };
        if let (Some(network), Some(address)) = (self.networks.get_mut(network), joined.address) {
            network.addresses.release(address);
        }
        true
    }

    /// Gives a container that starts its addresses.
    pub(super) fn hold(&mut self, serial: Serial) -> Result<(), EngineError> {
        let Some(container) = self.containers.get_mut(&serial) else { return Ok(()) };
        for (name, joined) in &mut container.joined {
            let network = self.networks.get_mut(name);
            let Some(network) = network.filter(|_| joined.address.is_none()) else { continue };
            let fixed = joined.place.ipv4.as_ref().and_then(|text| text.parse().ok());
            joined.address = match fixed {
                Some(fixed) => network.addresses.take_fixed(fixed, serial).then_some(fixed),
                None => network.addresses.take(serial),
            };
            if joined.address.is_none() {
                return Err(EngineError::AddressTaken { container: container.spec.name.clone() });
            }
        }
        Ok(())
    }

    /// Takes the addresses of a container that ends.
    pub(super) fn let_go(&mut self, serial: Serial) {
        let Some(container) = self.containers.get_mut(&serial) else { return };
        for (name, joined) in &mut container.joined {
            if let (Some(network), Some(address)) =
                (self.networks.get_mut(name), joined.address.take())
            {
                network.addresses.release(address);
            }
        }
    }
}

impl SimEngine {
    /// The networks of a container with its addresses there, those it was made with and those it joined.
    pub fn networks_of(&self, container: &str) -> Vec<(String, Option<String>)> {
        let all = self.everything().into_iter();
        let found = all.filter(|one| one.id == container || one.name == container);
        let endpoints = found.flat_map(|one| one.networks);
        endpoints.map(|endpoint| (endpoint.network, endpoint.ip)).collect()
    }
}
