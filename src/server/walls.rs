//! Which packet filters network policies are enforced with: this machine's, those of machines that are
//! reached over SSH, and those of simulated hosts.

use std::sync::Arc;

use crate::engine::machine::{FilterError, PacketFilter};
use crate::engine::sim::SimEngine;
use crate::model::resource::Resource;
use crate::network::policy::guard::Walls;
use crate::network::policy::script::Table;
use crate::network::policy::wall::{Done, Nft, Wall, WallError, parse};
use crate::process::agent::SIMULATED;
use crate::process::site::Site;

/// The host of the engine on this machine, if its bridges are here; why not, otherwise.
pub type Local = (i64, Result<(), String>);

/// The packet filters of an installation's hosts.
pub struct HostWalls {
    site: Arc<Site>,
    local: Option<Local>,
    nft: Arc<Nft>,
}

impl HostWalls {
    /// With the host of the engine on this machine, if there is one.
    pub fn new(site: Arc<Site>, local: Option<Local>) -> Self {
        Self { site, local, nft: Arc::new(Nft) }
    }
}

impl Walls for HostWalls {
    fn of(&self, host: &Resource) -> Result<Arc<dyn Wall>, String> {
        if let Some((_, reachable)) = self.local.as_ref().filter(|(local, _)| *local == host.id) {
            let nft: Arc<dyn Wall> = Arc::clone(&self.nft) as _;
            return reachable.clone().map(|()| nft);
        }
        let simulated = host.str("engineUrl").and_then(|url| url.strip_prefix(SIMULATED));
        if let Some((name, fleet)) = simulated.zip(self.site.simulated()) {
            return Ok(Arc::new(Simulated(fleet.host(name))));
        }
        if host.str("engineUrl").is_none() {
            return Err("its packet filter is on another machine".to_owned());
        }
        let engine = self.site.engines.get(host.id).ok_or("it is not connected yet")?.engine;
        let filter = engine.packet_filter().ok_or("its packet filter is on another machine")?;
        Ok(over(filter))
    }
}

/// The packet filter of another machine, as network policies know it.
pub fn over(filter: Arc<dyn PacketFilter>) -> Arc<dyn Wall> {
    Arc::new(There(filter))
}

/// That of another machine.
struct There(Arc<dyn PacketFilter>);

impl Wall for There {
    fn tables(&self) -> Done<'_, Vec<Table>> {
        Box::pin(async { Ok(parse(&self.0.tables().await.map_err(why)?)) })
    }

    fn change<'a>(&'a self, _: &'a Table, script: &'a str) -> Done<'a, ()> {
        Box::pin(async move { self.0.run(script).await.map_err(why) })
    }

    fn remove<'a>(&'a self, table: &'a Table) -> Done<'a, ()> {
        Box::pin(async move { self.0.run(&table.removal()).await.map_err(why) })
    }
}

fn why(error: FilterError) -> WallError {
    match error {
        FilterError::Away(why) => WallError::Away(why),
        FilterError::Missing => WallError::Absent,
        FilterError::Forbidden(why) => WallError::Forbidden(why),
        FilterError::Refused(words) => WallError::refused(&words),
    }
}

/// A simulated host's.
struct Simulated(SimEngine);

impl Wall for Simulated {
    fn tables(&self) -> Done<'_, Vec<Table>> {
        let names = self.0.filter_tables();
        Box::pin(async move { Ok(names.iter().filter_map(|name| Table::parse(name)).collect()) })
    }

    fn change<'a>(&'a self, table: &'a Table, script: &'a str) -> Done<'a, ()> {
        self.0.filter_change(&table.to_string(), script);
        Box::pin(async { Ok(()) })
    }

    fn remove<'a>(&'a self, table: &'a Table) -> Done<'a, ()> {
        self.0.filter_remove(&table.to_string());
        Box::pin(async { Ok(()) })
    }

    fn is_open_to_others(&self) -> bool {
        false
    }
}
