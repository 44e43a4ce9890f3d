//! Sees to it that the packet filters of the hosts let through what the policies of the networks say.
//!
//! A loop without input (I6): it hears that something changed, waits a moment for what comes with it, reads
//! what is wanted, and makes what is there fit. What cannot be enforced is said on the network.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio_util::sync::CancellationToken;

use super::plan::{self, Fence};
use super::script::{Change, Table};
use super::wall::{Wall, WallError};
use crate::clock::Clock;
use crate::error::Result;
use crate::events::Changes;
use crate::model::resource::Resource;
use crate::network::board::{GATHER_MS, WATCHED};
use crate::network::ears::{INSTALLATION, installation};
use crate::network::load;
use crate::store::{Read, Store};

/// How soon what did not work is tried again, in milliseconds.
const AGAIN_MS: u64 = 5000;
/// What the message on a network begins with whose policy is not enforced everywhere.
pub const UNENFORCED: &str = "the policy is not enforced";

/// Owns the tables of an installation that has none.
const NOBODY: &str = "nobody";

/// The packet filters of hosts.
pub trait Walls: Send + Sync {
    /// That of a host; why it cannot be reached, otherwise.
    ///
    /// # Errors
    /// The reason, for people.
    fn of(&self, host: &Resource) -> std::result::Result<Arc<dyn Wall>, String>;
}

/// What the loop needs.
pub struct Guard {
    /// The database.
    pub store: Store,
    /// Time.
    pub clock: Clock,
    /// The hosts'.
    pub walls: Arc<dyn Walls>,
    /// How often to look whether somebody else has taken rules away, in milliseconds.
    pub check_ms: Option<u64>,
}

/// A network with a policy.
struct Wanted {
    network: i64,
    environment: i64,
    /// Nothing before it has a subnet.
    table: Option<Table>,
    /// Nothing if it changes nothing; otherwise what it comes to, or why it is not understood.
    fence: Option<std::result::Result<Fence, String>>,
    /// Why it is not enforced.
    reasons: Vec<String>,
}

/// A host's packet filter, and what has been put there.
struct Held {
    wall: Arc<dyn Wall>,
    fences: BTreeMap<Table, Fence>,
    /// Whether what is there has to be looked at.
    check: bool,
}

/// The tables of all subnets, by environment.
type Claimed = Vec<(i64, Table)>;

/// What is remembered from one look to the next.
#[derive(Default)]
struct State {
    held: BTreeMap<i64, Held>,
    claimed: Option<Claimed>,
}

/// What a look came to.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    /// Whether there are policies: then everything that happens to containers matters.
    policies: bool,
    /// Whether something has to be tried again.
    failed: bool,
}

impl Guard {
    /// Runs until the token is cancelled. The rules stay: containers run on, and so does what separates
    /// them.
    pub async fn run(self, stop: CancellationToken) {
        let mut changes = self.store.feed().listen();
        let mut state = State::default();
        loop {
            let seen = match self.look(&mut state).await {
                Ok(seen) => seen,
                Err(error) => {
                    tracing::warn!(%error, "cannot look after network policies");
                    Seen { policies: true, failed: true }
                }
            };
            let later = if seen.failed { Some(AGAIN_MS) } else { self.check_ms };
            let sleep = async {
                match later.filter(|_| seen.failed || seen.policies) {
                    Some(ms) => self.clock.sleep_ms(ms).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                open = heard(&mut changes, seen.policies) => if !open { return },
                () = sleep => state.held.values_mut().for_each(|held| held.check = true),
            }
            if seen.policies {
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = self.clock.sleep_ms(GATHER_MS) => {}
                }
            }
        }
    }

    /// Makes what is there what is wanted.
    async fn look(&self, state: &mut State) -> Result<Seen> {
        let (installation, mut wanted, claimed) = self.read().await?;
        let policies = wanted.iter().any(|own| own.fence.is_some());
        let news = state.claimed.as_ref() != Some(&claimed);
        if news {
            // What somebody else has left there for a subnet that is ours now is in the way.
            state.held.values_mut().for_each(|held| held.check = true);
        }
        let mut failed = false;
        if policies || news || !state.held.values().all(|held| held.fences.is_empty()) {
            let hosts = self.store.read(hosts)?;
            failed |= let_go(&mut state.held, &hosts).await;
            for (host, environment) in hosts {
                let claimed = claimed.iter().filter(|(owner, _)| *owner == environment);
                let claimed: Vec<Table> = claimed.map(|(_, table)| table.clone()).collect();
                let mine = wanted.iter_mut().filter(|own| own.environment == environment);
                let mut mine: Vec<&mut Wanted> = mine.filter(|own| own.table.is_some()).collect();
                failed |=
                    self.host(&mut state.held, &host, &mut mine, &claimed, &installation).await;
            }
        }
        state.claimed = Some(claimed);
        for own in &wanted {
            self.tell(own).await?;
        }
        Ok(Seen { policies, failed })
    }

    /// What is wanted, and under whose name. A server that simulates gets none before it needs one.
    async fn read(&self) -> Result<(String, Vec<Wanted>, Claimed)> {
        let known = self.store.read(|read| read.fact(INSTALLATION))?;
        let owner = known.clone().unwrap_or_else(|| NOBODY.to_owned());
        let (wanted, claimed) = self.store.read(|read| wanted(read, &owner))?;
        let policies = wanted.iter().any(|own| own.fence.is_some());
        if known.is_some() || !policies && self.check_ms.is_none() {
            return Ok((owner, wanted, claimed));
        }
        let owner = installation(&self.store).await?;
        let (wanted, claimed) = self.store.read(|read| self::wanted(read, &owner))?;
        Ok((owner, wanted, claimed))
    }

    /// Makes a host's packet filter fit; answers whether that has to be tried again.
    async fn host(
        &self,
        held: &mut BTreeMap<i64, Held>,
        host: &Resource,
        wanted: &mut [&mut Wanted],
        claimed: &[Table],
        installation: &str,
    ) -> bool {
        let wall = match self.walls.of(host) {
            Ok(wall) => wall,
            Err(reason) => {
                held.remove(&host.id);
                blame(wanted, host, &reason);
                return false;
            }
        };
        let own = held.entry(host.id).or_insert_with(|| Held {
            wall,
            fences: BTreeMap::new(),
            check: true,
        });
        let fences = wanted.iter().filter_map(|own| match (&own.table, &own.fence) {
            (Some(table), Some(Ok(fence))) => Some((table.clone(), fence.clone())),
            _ => None,
        });
        let fences: Vec<(Table, Fence)> = fences.collect();
        match own.fit(&fences, claimed, installation).await {
            Ok(()) => false,
            // Without policies nobody needs the program.
            Err(error) if fences.is_empty() && own.fences.is_empty() => {
                tracing::debug!(%error, "no rules of network policies can be looked for");
                false
            }
            Err(error) => {
                blame(wanted, host, &error.to_string());
                tracing::warn!(%error, host = host.id, "network policies are not enforced");
                true
            }
        }
    }

    /// Says on a network why its policy is not enforced, or says no longer that it is not.
    async fn tell(&self, wanted: &Wanted) -> Result<()> {
        let message = match (&wanted.fence, wanted.reasons.as_slice()) {
            (Some(Err(problem)), _) => Some(format!("{UNENFORCED}: {problem}")),
            (_, []) => None,
            (_, reasons) => Some(format!("{UNENFORCED}: {}", reasons.join("; "))),
        };
        let network = wanted.network;
        let Some(row) = self.store.read(|read| read.get(network))? else { return Ok(()) };
        let said = row.str("transitioningMessage").filter(|said| said.starts_with(UNENFORCED));
        // While it is on its way to another state, the message is that of the way.
        if said == message.as_deref() || row.state != "active" {
            return Ok(());
        }
        if let Some(message) = &message {
            tracing::warn!(network, message, "a network policy has no effect");
        }
        self.store
            .write(move |tx| {
                tx.update(network, |row| {
                    match &message {
                        Some(message) => row.set_error(message),
                        None => row.clear_message(),
                    }
                    Ok(())
                })
            })
            .await
            .map(drop)
    }
}

impl Held {
    /// Makes the tables be exactly these. Tables of others for subnets that are ours now go, too.
    async fn fit(
        &mut self,
        wanted: &[(Table, Fence)],
        claimed: &[Table],
        installation: &str,
    ) -> std::result::Result<(), WallError> {
        if self.check {
            let present = self.wall.tables().await?;
            let is_wanted = |table: &Table| wanted.iter().any(|(own, _)| own == table);
            let ours = |table: &Table| {
                table.is_of(installation) || claimed.iter().any(|own| own.overlaps(table))
            };
            self.fences.retain(|table, _| present.contains(table));
            for stale in present.iter().filter(|table| ours(table) && !is_wanted(table)) {
                self.wall.remove(stale).await?;
                self.fences.remove(stale);
            }
            self.check = false;
        }
        let known = self.fences.keys();
        let stale = known.filter(|table| wanted.iter().all(|(own, _)| own != *table));
        for stale in stale.cloned().collect::<Vec<_>>() {
            self.wall.remove(&stale).await?;
            self.fences.remove(&stale);
        }
        for (table, fence) in wanted {
            self.set(table, fence).await?;
        }
        Ok(())
    }

    async fn set(&mut self, table: &Table, fence: &Fence) -> std::result::Result<(), WallError> {
        if let Some(before) = self.fences.get(table) {
            let done = match table.change(before, fence) {
                Change::Nothing => Ok(()),
                Change::Script(script) => self.wall.change(table, &script).await,
            };
            if done.is_ok() {
                self.fences.insert(table.clone(), fence.clone());
                return Ok(());
            }
            // Somebody else has changed what was there.
            self.fences.remove(table);
        }
        self.wall.change(table, &table.creation(fence)).await?;
        self.fences.insert(table.clone(), fence.clone());
        Ok(())
    }
}

/// Says of policies that they are not enforced on a host.
fn blame(wanted: &mut [&mut Wanted], host: &Resource, reason: &str) {
    for own in wanted.iter_mut().filter(|own| matches!(own.fence, Some(Ok(_)))) {
        own.reasons.push(format!("host `{}`: {reason}", host.display_name()));
    }
}

/// Takes away what was put on hosts that are gone.
async fn let_go(held: &mut BTreeMap<i64, Held>, hosts: &[(Resource, i64)]) -> bool {
    let known: BTreeSet<i64> = hosts.iter().map(|(host, _)| host.id).collect();
    let gone: Vec<i64> = held.keys().copied().filter(|id| !known.contains(id)).collect();
    let mut failed = false;
    for id in gone {
        let Some(mut own) = held.remove(&id) else { continue };
        if let Err(error) = own.fit(&[], &[], "").await {
            tracing::warn!(%error, host = id, "rules of a host that is gone stay");
            failed = true;
            held.insert(id, own);
        }
    }
    failed
}

/// Waits for a change that matters; `false` when there will be none.
async fn heard(changes: &mut Receiver<Changes>, policies: bool) -> bool {
    loop {
        match changes.recv().await {
            Ok(heard) => {
                let matters = |ty: &str| ty == "network" || policies && WATCHED.contains(&ty);
                if heard.iter().any(|own| matters(own.ty)) {
                    return true;
                }
            }
            Err(RecvError::Lagged(_)) => return true,
            Err(RecvError::Closed) => return false,
        }
    }
}

/// Live hosts, with their environments.
fn hosts(read: &Read<'_>) -> Result<Vec<(Resource, i64)>> {
    let mut hosts = Vec::new();
    read.for_each("host", |host| {
        if let Some(environment) = host.account_id {
            hosts.push((host, environment));
        }
        Ok(())
    })?;
    Ok(hosts)
}

/// Networks whose policy is to be enforced or has been said not to be; and the tables of all subnets.
fn wanted(read: &Read<'_>, installation: &str) -> Result<(Vec<Wanted>, Claimed)> {
    let (mut rows, mut claimed) = (Vec::new(), Vec::new());
    read.for_each("network", |row| {
        let Some(environment) = row.account_id else { return Ok(()) };
        let table = row.str("claimed").and_then(|subnet| Table::new(installation, subnet));
        claimed.extend(table.clone().map(|table| (environment, table)));
        let said = row.str("transitioningMessage").is_some_and(|own| own.starts_with(UNENFORCED));
        if row.str("defaultPolicyAction") == Some("deny") || !row.list("policy").is_empty() || said
        {
            rows.push((row, environment, table));
        }
        Ok(())
    })?;
    let mut worlds = BTreeMap::new();
    let mut wanted = Vec::new();
    for (row, environment, table) in rows {
        if let std::collections::btree_map::Entry::Vacant(vacant) = worlds.entry(environment) {
            vacant.insert(load::world(read, environment)?);
        }
        let world = worlds.get(&environment).and_then(Option::as_ref);
        let index = world.and_then(|own| own.networks.iter().position(|net| net.uuid == row.uuid));
        let Some((world, index)) = world.zip(index) else { continue };
        let fence = plan::fence(world, index).map_err(|problem| problem.message).transpose();
        // Docker's own networks have no bridge that is only this environment's.
        let bare = table.is_none() && row.str("engineName").is_none() && fence.is_some();
        wanted.push(Wanted {
            network: row.id,
            environment,
            table,
            fence,
            reasons: bare
                .then(|| format!("`{}` has no subnet of its own", row.display_name()))
                .into_iter()
                .collect(),
        });
    }
    Ok((wanted, claimed))
}

#[cfg(test)]
#[path = "guard_tests.rs"]
mod tests;
