//! The present names and metadata of each environment, kept up to date with the store.
//!
//! A loop without input (I6): it hears that something changed, waits a moment for what comes with it,
//! and reads the environments that containers can ask about anew.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::load;
use super::names::Names;
use super::tree::{Tree, Version};
use crate::clock::Clock;
use crate::error::Result;
use crate::store::Store;

/// What comes within so many milliseconds of a change is read together with it.
pub(super) const GATHER_MS: u64 = 50;
/// After an error the environments are read again this much later, in milliseconds.
const AGAIN_MS: u64 = 2000;
/// Types that a world is made of.
pub(super) const WATCHED: &[&str] = &[
    "account",
    "host",
    "instance",
    "instanceLink",
    "network",
    "port",
    "service",
    "serviceConsumeMap",
    "serviceExposeMap",
    "stack",
];

/// An environment's names, and its metadata as far as somebody has asked for it.
#[derive(Debug)]
pub struct Page {
    /// Names.
    pub names: Names,
    /// Counts the changes of all environments.
    pub number: u64,
    trees: [OnceLock<Tree>; 3],
}

impl Page {
    fn new(names: Names, number: u64) -> Self {
        Self { names, number, trees: [const { OnceLock::new() }; 3] }
    }

    /// The metadata in a version of the service.
    pub fn tree(&self, version: Version) -> &Tree {
        let [first, second, third] = &self.trees;
        let slot = match version {
            Version::Y2015M07 => first,
            Version::Y2015M12 => second,
            Version::Y2016M07 => third,
        };
        slot.get_or_init(|| Tree::new(self.names.world(), version, self.number))
    }
}

/// The pages, shared by who serves them; cheap to clone.
#[derive(Clone)]
pub struct Board {
    pages: Arc<RwLock<HashMap<i64, Arc<Page>>>>,
    number: watch::Sender<u64>,
}

impl Default for Board {
    fn default() -> Self {
        Self { pages: Arc::default(), number: watch::Sender::new(0) }
    }
}

impl Board {
    /// The page of the environment that the container at an address belongs to; else the first.
    pub fn of(&self, environment: i64) -> Option<Arc<Page>> {
        self.pages.read().unwrap_or_else(PoisonError::into_inner).get(&environment).cloned()
    }

    /// Changes whenever a page does.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.number.subscribe()
    }

    /// Reads these environments, and forgets all others.
    ///
    /// # Errors
    /// When the database fails.
    pub fn refresh(&self, store: &Store, environments: &[i64]) -> Result<()> {
        let mut fresh = HashMap::new();
        let mut changed = false;
        for environment in environments {
            let Some(world) = store.read(|read| load::world(read, *environment))? else { continue };
            let page = match self.of(*environment) {
                Some(page) if *page.names.world() == world => page,
                _ => {
                    changed = true;
                    let number = self.number.borrow().wrapping_add(1);
                    Arc::new(Page::new(Names::new(world), number))
                }
            };
            fresh.insert(*environment, page);
        }
        let mut pages = self.pages.write().unwrap_or_else(PoisonError::into_inner);
        changed |= pages.len() != fresh.len();
        *pages = fresh;
        drop(pages);
        if changed {
            self.number.send_modify(|number| *number = number.wrapping_add(1));
        }
        Ok(())
    }

    /// Keeps the pages of the environments that `wanted` names up to date until stopped.
    pub async fn run(
        self,
        store: Store,
        clock: Clock,
        mut wanted: watch::Receiver<Vec<i64>>,
        stop: CancellationToken,
    ) {
        let mut changes = store.feed().listen();
        loop {
            let environments = wanted.borrow_and_update().clone();
            let again = match self.refresh(&store, &environments) {
                Ok(()) => None,
                Err(error) => {
                    tracing::warn!(%error, "cannot read the names of containers");
                    Some(AGAIN_MS)
                }
            };
            let heard = async {
                loop {
                    match changes.recv().await {
                        Ok(heard) if !heard.iter().any(|own| WATCHED.contains(&own.ty)) => {}
                        Ok(_) | Err(RecvError::Lagged(_)) => return true,
                        Err(RecvError::Closed) => return false,
                    }
                }
            };
            let later = async {
                match again {
                    Some(ms) => clock.sleep_ms(ms).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                open = heard => if !open { return },
                changed = wanted.changed() => if changed.is_err() { return },
                () = later => {}
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = clock.sleep_ms(GATHER_MS) => {}
            }
        }
    }
}

/// The address that a client asks from, as far as it can be a container's.
pub fn container_address(address: std::net::IpAddr) -> Ipv4Addr {
    match address {
        std::net::IpAddr::V4(address) => address,
        std::net::IpAddr::V6(address) => address.to_ipv4_mapped().unwrap_or(Ipv4Addr::UNSPECIFIED),
    }
}
