//! Listens on each environment's bridge, and sends there what its containers ask of the well-known
//! address.
//!
//! A loop without input (I6): it looks which networks there are, listens on the gateways of those it
//! does not listen on yet, stops where a network is gone, and makes the rules fit. What does not work is
//! tried again; a bridge may come up later than we.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpServer};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::board::Board;
use super::dns::{Dns, Forward};
use super::metadata;
use super::redirect::{self, Redirect};
use crate::clock::{Clock, Entropy};
use crate::error::Result;
use crate::store::{Read, Store};

/// How soon what did not work is tried again, in milliseconds.
const AGAIN_MS: u64 = 2000;
/// A DNS connection without a question is closed after this time.
const IDLE: Duration = Duration::from_secs(10);
/// Answers under way on one DNS connection.
const BUFFERED: usize = 32;
/// How long questions under way may take when we stop, in seconds.
const SHUTDOWN_S: u64 = 1;
/// The name of the fact that tells this installation from others on the machine.
pub(super) const INSTALLATION: &str = "installation";

/// What the loop needs.
pub struct Ears {
    /// The database.
    pub store: Store,
    /// Time.
    pub clock: Clock,
    /// For the order of addresses.
    pub entropy: Entropy,
    /// Names and metadata.
    pub board: Board,
    /// Told of the environments that are listened for.
    pub wanted: watch::Sender<Vec<i64>>,
}

/// A network to listen on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    environment: i64,
    subnet: String,
    gateway: Ipv4Addr,
}

/// Where one network is listened on.
struct Ear {
    redirect: Redirect,
    dns: CancellationToken,
    metadata: ServerHandle,
}

impl Ears {
    /// Runs until the token is cancelled. The rules stay: containers run on, and so may their questions
    /// to whoever answers next.
    pub async fn run(self, stop: CancellationToken) {
        let forward = Arc::new(Forward::of_host());
        let mut ears: BTreeMap<Place, Ear> = BTreeMap::new();
        let mut changes = self.store.feed().listen();
        loop {
            let done = self.look(&mut ears, &forward).await;
            if let Err(message) = &done {
                tracing::debug!(message, "names are not served everywhere yet");
            }
            let later = async {
                match &done {
                    Ok(()) => std::future::pending().await,
                    Err(_) => self.clock.sleep_ms(AGAIN_MS).await,
                }
            };
            let heard = async {
                loop {
                    match changes.recv().await {
                        Ok(heard) if !heard.iter().any(|change| change.ty == "network") => {}
                        Ok(_) | Err(RecvError::Lagged(_)) => return true,
                        Err(RecvError::Closed) => return false,
                    }
                }
            };
            tokio::select! {
                () = stop.cancelled() => break,
                open = heard => if !open { break },
                () = later => {}
            }
        }
        for ear in ears.into_values() {
            ear.close().await;
        }
    }

    /// Listens where there are networks, and nowhere else.
    async fn look(
        &self,
        ears: &mut BTreeMap<Place, Ear>,
        forward: &Arc<Forward>,
    ) -> std::result::Result<(), String> {
        let places = self.store.read(places).map_err(|error| error.to_string())?;
        let environments = places.iter().map(|place| place.environment).collect::<Vec<_>>();
        self.wanted.send_if_modified(|known| {
            let other = *known != environments;
            *known = environments;
            other
        });
        let gone: Vec<Place> =
            ears.keys().filter(|place| !places.contains(place)).cloned().collect();
        for place in gone {
            if let Some(ear) = ears.remove(&place) {
                ear.close().await;
            }
        }
        let mut missing = Ok(());
        for place in places {
            let Entry::Vacant(vacant) = ears.entry(place) else { continue };
            match self.open(vacant.key(), forward).await {
                Ok(ear) => drop(vacant.insert(ear)),
                Err(error) => missing = Err(format!("{}: {error}", vacant.key().gateway)),
            }
        }
        let owner = installation(&self.store).await.map_err(|error| error.to_string())?;
        let wanted: Vec<Redirect> = ears.values().map(|ear| ear.redirect.clone()).collect();
        redirect::apply(&owner, &wanted).await.map_err(|error| error.to_string())?;
        missing
    }

    async fn open(&self, place: &Place, forward: &Arc<Forward>) -> std::io::Result<Ear> {
        let any = SocketAddr::from((place.gateway, 0));
        let udp = UdpSocket::bind(any).await?;
        let dns_address = udp.local_addr()?;
        let tcp = TcpListener::bind(dns_address).await?;
        let mut server = hickory_server::Server::new(Dns {
            board: self.board.clone(),
            environment: place.environment,
            entropy: self.entropy.clone(),
            forward: Arc::clone(forward),
        });
        server.register_socket(udp);
        server.register_listener(tcp, IDLE, BUFFERED);
        let dns = server.shutdown_token().clone();
        tokio::spawn(async move {
            if let Err(error) = server.block_until_done().await {
                tracing::warn!(%error, "the DNS server has ended");
            }
        });
        let service = metadata::Service {
            board: self.board.clone(),
            environment: place.environment,
            clock: self.clock.clone(),
        };
        let server =
            HttpServer::new(move || App::new().configure(metadata::configure(service.clone())))
                .workers(1)
                .shutdown_timeout(SHUTDOWN_S)
                .disable_signals()
                .bind(any)?;
        let metadata_address = server.addrs().first().copied().unwrap_or(any);
        let server = server.run();
        let handle = server.handle();
        tokio::spawn(server);
        tracing::info!(dns = %dns_address, metadata = %metadata_address, "serving names");
        Ok(Ear {
            redirect: Redirect {
                subnet: place.subnet.clone(),
                dns: dns_address,
                metadata: metadata_address,
            },
            dns,
            metadata: handle,
        })
    }
}

impl Ear {
    async fn close(self) {
        self.dns.cancel();
        self.metadata.stop(true).await;
    }
}

/// The networks of all environments that have a subnet.
fn places(read: &Read<'_>) -> Result<Vec<Place>> {
    let mut places = Vec::new();
    read.for_each("network", |network| {
        // A change of its policy does not silence the network.
        let serves = matches!(network.state.as_str(), "active" | "updating-active");
        let subnet = network.str("claimed").filter(|_| serves);
        if let Some((subnet, environment)) = subnet.zip(network.account_id)
            && let Some(gateway) = gateway(subnet)
        {
            places.push(Place { environment, subnet: subnet.to_owned(), gateway });
        }
        Ok(())
    })?;
    Ok(places)
}

/// The first address of a subnet, which the bridge has.
fn gateway(subnet: &str) -> Option<Ipv4Addr> {
    let (base, _) = subnet.split_once('/')?;
    let base: Ipv4Addr = base.parse().ok()?;
    Some(Ipv4Addr::from(u32::from(base).checked_add(1)?))
}

/// What tells this installation from others on the machine.
pub(super) async fn installation(store: &Store) -> Result<String> {
    if let Some(known) = store.read(|read| read.fact(INSTALLATION))? {
        return Ok(known);
    }
    store
        .write(|tx| {
            if let Some(known) = tx.fact(INSTALLATION)? {
                return Ok(known);
            }
            let fresh = tx.entropy.uuid();
            tx.set_fact(INSTALLATION, &fresh)?;
            Ok(fresh)
        })
        .await
}
