//! Whether balancers answer for a name already: asked before the ACME server asks, whose patience is short.

use std::net::{IpAddr, SocketAddr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::super::balancer;
use crate::engine::{EngineError, Wire};
use crate::error::Result;
use crate::model::resource::Resource;
use crate::process::site::{HostEngine, Site};
use crate::store::Read;

/// Where a name is proved.
const PORT: u16 = 80;
/// How long an answer may take, in milliseconds.
const LIMIT_MS: u64 = 5000;
/// How much of an answer is read, in bytes.
const ENOUGH: u64 = 4096;
/// What is asked for; the answer begins with it.
const TOKEN: &str = "ranchette";

/// A container that is to answer.
struct Place {
    host: HostEngine,
    container: String,
    address: IpAddr,
    thumbprint: String,
}

/// Whether every container of the balancers that want a certificate answers for its name. One that cannot be
/// asked from here, for it has no address or speaks the proxy protocol, is not.
pub(super) async fn are_there(site: &Site, certificate: &Resource, name: &str) -> Result<bool> {
    for place in site.store.read(|read| places(site, read, certificate))? {
        let answer = tokio::select! {
            answer = place.ask(name) => answer.unwrap_or_default(),
            () = site.clock.sleep_ms(LIMIT_MS) => String::new(),
        };
        if !answer.trim_end().ends_with(&format!("{TOKEN}.{}", place.thumbprint)) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn places(site: &Site, read: &Read<'_>, certificate: &Resource) -> Result<Vec<Place>> {
    let mut found = Vec::new();
    for service in balancer::with_certificate(read, certificate)? {
        let wanted = balancer::balancer(read, &service)?;
        let Some(challenges) = wanted.challenges.filter(|_| !wanted.proxy_ports.contains(&PORT))
        else {
            continue;
        };
        for row in read.referrers("instance", "serviceId", service.id)? {
            let place = || {
                Some(Place {
                    host: site.engines.get(row.int("hostId")?)?,
                    container: row.str("externalId")?.to_owned(),
                    address: row.str("primaryIpAddress")?.parse().ok()?,
                    thumbprint: challenges.thumbprint.clone(),
                })
            };
            found.extend(place().filter(|_| row.state == "running"));
        }
    }
    Ok(found)
}

impl Place {
    async fn ask(&self, name: &str) -> Result<String, EngineError> {
        let address = SocketAddr::new(self.address, PORT);
        let mut wire = self.host.engine.dial(&self.container, address).await?;
        // What cannot be read is no answer.
        Ok(exchange(&mut wire, name).await.unwrap_or_default())
    }
}

async fn exchange(wire: &mut Wire, name: &str) -> std::io::Result<String> {
    let request = format!(
        "GET /.well-known/acme-challenge/{TOKEN} HTTP/1.0\r\nHost: {name}\r\nConnection: close\r\n\r\n"
    );
    wire.write_all(request.as_bytes()).await?;
    wire.flush().await?;
    let mut answer = Vec::new();
    wire.take(ENOUGH).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
