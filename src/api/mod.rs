//! The HTTP API: two dialects of one schema, served by a few generic handlers.
//!
//! Architecture invariant: nothing here names a type except the rows of [`hooks`] and [`dialect`]; what a
//! type has and who may use it follows from `model/types` and `auth::policy`. Only this layer knows actix.
//!
//! A request goes through [`call`] (taken apart), [`body`], authentication, [`serve`] (which handler),
//! [`reads`] or [`writes`], [`render`] and [`respond`]; the first failure wins, in that order.

mod dialect;
mod routes;

mod body;
mod call;
mod params;
mod serve;

mod form;
mod input;
mod marker;
mod query;
mod reads;
mod receivers;
mod writes;

mod hooks;
mod views;

mod cache;
mod collection;
mod contents;
mod dynamic;
mod etag;
mod include;
mod joins;
mod json;
mod render;
mod respond;
mod schemas;

mod adopt;
mod allow;
mod audit;
mod beside;
mod build;
mod catalog;
mod deploy;
mod html;
mod openapi;
mod publish;
mod root;
mod scripts;
mod statics;
mod streams;
mod subscribe;
mod token;

#[cfg(any(test, fuzzing))]
pub mod probe;

use std::net::IpAddr;
use std::sync::Arc;

use crate::auth::Auth;
use crate::catalog::{Catalogs, Settings};
use crate::clock::{Clock, Entropy};
use crate::metrics::Metrics;
use crate::process::site::Site;
use crate::store::Store;

pub use dialect::Version;
pub use routes::configure;

/// What the configuration says of the API.
#[derive(Clone, Debug)]
pub struct ApiConfig {
    /// Bytes a body may have.
    pub body_limit: usize,
    /// Scheme and host in answers, whatever the request says.
    pub public_url: Option<String>,
    /// Networks of proxies whose `X-Forwarded-*` headers count.
    pub trusted_proxies: Vec<Network>,
    /// Origins whose pages may use the API: none unless configured.
    pub cors_origins: Vec<String>,
    /// Seconds that answers to creates with an `Idempotency-Key` are kept.
    pub keep_answers_s: i64,
    /// Templates of stacks.
    pub catalogs: Arc<Catalogs>,
}

/// The catalog in the program and no other.
fn catalog_settings() -> Settings {
    Settings { builtin: true, ..Settings::default() }
}

impl Default for ApiConfig {
    fn default() -> Self {
        Self {
            body_limit: 1 << 20,
            public_url: None,
            trusted_proxies: ["127.0.0.0/8", "::1/128"]
                .iter()
                .filter_map(|text| Network::parse(text))
                .collect(),
            cors_origins: Vec::new(),
            keep_answers_s: 86_400,
            catalogs: Arc::new(Catalogs::new(catalog_settings(), Clock::System)),
        }
    }
}

impl ApiConfig {
    /// Whether a peer's forwarding headers count.
    pub fn trusts(&self, peer: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|network| network.contains(peer))
    }
}

/// A range of addresses: `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    /// Reads `address/bits`, or a single address.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.trim().parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Some(most), |bits| bits.trim().parse().ok())?;
        (bits <= most).then_some(Self { address, bits })
    }

    /// Whether an address is in the range. IPv4 addresses inside IPv6 ones count as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        let same = |own: u128, other: u128, width: u32| {
            let shift = width - self.bits;
            shift >= 128 || own.checked_shr(shift) == other.checked_shr(shift)
        };
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                same(u128::from(own.to_bits()), u128::from(other.to_bits()), 32)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => same(own.to_bits(), other.to_bits(), 128),
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

/// What handlers share.
pub struct ApiState {
    /// The database.
    pub store: Store,
    /// Time.
    pub clock: Clock,
    /// Randomness.
    pub entropy: Entropy,
    /// Access control.
    pub auth: Arc<Auth>,
    /// Engines and what processes use.
    pub site: Arc<Site>,
    /// Numbers.
    pub metrics: Metrics,
    /// Configuration.
    pub config: ApiConfig,
    schemas: schemas::Cache,
    answers: cache::Answers,
    banners: cache::Banners,
    streams: streams::Streams,
    turns: receivers::Turns,
}

impl ApiState {
    /// State over a site and its access control.
    pub fn new(site: Arc<Site>, auth: Arc<Auth>, metrics: Metrics, config: ApiConfig) -> Self {
        Self {
            store: site.store.clone(),
            clock: site.clock.clone(),
            entropy: site.entropy.clone(),
            site,
            auth,
            metrics,
            config,
            schemas: schemas::Cache::default(),
            answers: cache::Answers::default(),
            banners: cache::Banners::default(),
            streams: streams::Streams::default(),
            turns: receivers::Turns::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Network;

    #[test]
    fn networks_contain_addresses() {
        for (network, address, contains) in [
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "127.0.0.2", false),
            ("0.0.0.0/0", "8.8.8.8", true),
            ("10.0.0.0/8", "::ffff:10.0.0.1", true),
            ("fd00::/8", "fd12::1", true),
            ("::/0", "10.0.0.1", false),
        ] {
            let found = Network::parse(network).expect(network);
            assert_eq!(found.contains(address.parse().expect(address)), contains, "{network}");
        }
        assert_eq!(Network::parse("10.0.0.0/33"), None);
    }
}
