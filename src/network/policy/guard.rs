//! Sees to it that the packet filters of the hosts let through what the policies of the networks say.
//!
//! A loop without input (I6): it hears that something changed, waits a moment for what comes with it, reads
//! what is wanted, and makes what is there fit. Each host has turns of its own, so that one that does not
//! answer holds up nobody else. What cannot be enforced is said on the network.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio_util::sync::CancellationToken;

use super::plan::{self, Fences};
use super::script::Table;
use super::turn::{Order, Place, Turn};
use super::wall::Wall;
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
/// How often to look whether somebody has flushed a packet filter, and whether a host that nothing is wanted
/// of can be reached again, in milliseconds.
const CHECK_MS: u64 = 60_000;
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
    /// Whether this machine's packet filter is among them, so that there may be rules from before.
    pub is_local: bool,
}

/// A network with a policy.
struct Wanted {
    network: i64,
    environment: i64,
    /// Nothing before it has a subnet.
    table: Option<Table>,
    /// Nothing if it changes nothing; otherwise what it comes to, or why it is not understood.
    fences: Option<std::result::Result<Fences, String>>,
    /// Why it is not enforced, wherever it is.
    problem: Option<String>,
}

/// What is to be said on a network.
struct Message {
    network: i64,
    /// Why its policy is not enforced.
    message: Option<String>,
    /// Whether every host has been tried.
    is_known: bool,
}

/// The tables of all subnets, by environment.
type Claimed = Vec<(i64, Table)>;

/// What is remembered from one look to the next.
#[derive(Default)]
struct State {
    places: BTreeMap<i64, Place>,
    wanted: Vec<Wanted>,
    claimed: Option<Claimed>,
    /// The turns that hosts have now.
    turns: FuturesUnordered<BoxFuture<'static, Turn>>,
    /// Whether the last look failed.
    failed: bool,
}

/// A time that may come.
#[derive(Default)]
struct Timer {
    ms: Option<u64>,
    sleep: Option<BoxFuture<'static, ()>>,
}

impl Timer {
    /// Lets it come after so long, or never; one that is set to the same already runs on.
    fn set(&mut self, clock: &Clock, ms: Option<u64>) {
        if self.ms != ms {
            self.ms = ms;
            self.sleep = ms.map(|ms| {
                let clock = clock.clone();
                Box::pin(async move { clock.sleep_ms(ms).await }) as BoxFuture<'static, ()>
            });
        }
    }

    fn is_set(&self) -> bool {
        self.ms.is_some()
    }
}

impl Future for Timer {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(sleep) = &mut self.sleep else { return Poll::Pending };
        let come = sleep.as_mut().poll(cx);
        if come.is_ready() {
            *self = Self::default();
        }
        come
    }
}

impl Guard {
    /// Runs until the token is cancelled. The rules stay: containers run on, and so does what separates
    /// them.
    pub async fn run(self, stop: CancellationToken) {
        let mut changes = self.store.feed().listen();
        let mut state = State::default();
        let (mut gather, mut again, mut check) =
            (Timer::default(), Timer::default(), Timer::default());
        self.try_look(&mut state).await;
        loop {
            again.set(&self.clock, state.again_ms());
            check.set(&self.clock, state.check_ms());
            let policies = state.has_policies();
            tokio::select! {
                () = stop.cancelled() => return,
                Some(turn) = state.turns.next() => self.end(&mut state, turn).await,
                open = heard(&mut changes, policies), if !gather.is_set() => match open {
                    false => return,
                    true if policies => gather.set(&self.clock, Some(GATHER_MS)),
                    true => self.try_look(&mut state).await,
                },
                () = &mut gather => self.try_look(&mut state).await,
                () = &mut again => self.try_look(&mut state).await,
                () = &mut check => {
                    state.places.values_mut().for_each(Place::doubt);
                    self.try_look(&mut state).await;
                }
            }
        }
    }

    async fn try_look(&self, state: &mut State) {
        let looked = self.look(state).await;
        if let Err(error) = &looked {
            tracing::warn!(%error, "cannot look after network policies");
        }
        state.failed = looked.is_err();
    }

    /// Reads what is wanted, and begins to make what is there so.
    async fn look(&self, state: &mut State) -> Result<()> {
        let (installation, wanted, claimed) = self.read().await?;
        let news = state.claimed.as_ref() != Some(&claimed);
        if news {
            // What somebody else has left there for a subnet that is ours now is in the way.
            state.places.values_mut().for_each(Place::doubt);
        }
        let policies = wanted.iter().any(|own| own.fences.is_some());
        state.wanted = wanted;
        if policies || news || state.places.values().any(Place::is_of_interest) {
            let hosts = self.store.read(hosts)?;
            self.order(state, &hosts, &claimed, &installation);
        }
        state.claimed = Some(claimed);
        state.begin();
        self.tell(state.messages(None)).await
    }

    /// What is wanted, and under whose name. A server that simulates gets none before it needs one.
    async fn read(&self) -> Result<(String, Vec<Wanted>, Claimed)> {
        let known = self.store.read(|read| read.fact(INSTALLATION))?;
        let owner = known.clone().unwrap_or_else(|| NOBODY.to_owned());
        let (wanted, claimed) = self.store.read(|read| wanted(read, &owner))?;
        let policies = wanted.iter().any(|own| own.fences.is_some());
        if known.is_some() || !policies && !self.is_local {
            return Ok((owner, wanted, claimed));
        }
        let owner = installation(&self.store).await?;
        let (wanted, claimed) = self.store.read(|read| self::wanted(read, &owner))?;
        Ok((owner, wanted, claimed))
    }

    /// Says for each host what is wanted there.
    fn order(
        &self,
        state: &mut State,
        hosts: &[(Resource, i64)],
        claimed: &Claimed,
        installation: &str,
    ) {
        let known: BTreeSet<i64> = hosts.iter().map(|(host, _)| host.id).collect();
        let gone = state.places.iter_mut().filter(|(host, _)| !known.contains(host));
        gone.for_each(|(_, place)| place.leave());
        for (host, environment) in hosts {
            let place = state.places.entry(host.id).or_insert_with(|| Place::new(*environment));
            (place.name, place.environment) = (name(host), *environment);
            let mine = state.wanted.iter().filter(|own| own.environment == *environment);
            let fences = mine.filter_map(|own| match (&own.table, &own.fences) {
                (Some(table), Some(Ok(fences))) => {
                    Some((table.clone(), fences.of(&host.uuid).clone()))
                }
                _ => None,
            });
            let claimed = claimed.iter().filter(|(owner, _)| owner == environment);
            let order = Order {
                fences: fences.collect(),
                claimed: claimed.map(|(_, table)| table.clone()).collect(),
                installation: installation.to_owned(),
            };
            place.want(sign(host), order, self.walls.of(host));
        }
    }

    /// Takes note of how a host's turn ended.
    async fn end(&self, state: &mut State, turn: Turn) {
        let host = turn.host;
        let Some(place) = state.places.get_mut(&host) else { return };
        place.end(turn);
        let environment = place.environment;
        state.begin();
        if let Err(error) = self.tell(state.messages(Some(environment))).await {
            tracing::warn!(%error, "cannot say whether network policies are enforced");
            state.failed = true;
        }
    }

    async fn tell(&self, messages: Vec<Message>) -> Result<()> {
        for message in messages {
            self.tell_of(message).await?;
        }
        Ok(())
    }

    /// Says on a network why its policy is not enforced, or says no longer that it is not.
    async fn tell_of(&self, message: Message) -> Result<()> {
        let Message { network, message, is_known } = message;
        let Some(row) = self.store.read(|read| read.get(network))? else { return Ok(()) };
        let said = row.str("transitioningMessage").filter(|said| said.starts_with(UNENFORCED));
        // While it is on its way to another state, the message is that of the way.
        if said == message.as_deref() || row.state != "active" || message.is_none() && !is_known {
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

impl State {
    /// Whether there are policies: then everything that happens to containers matters.
    fn has_policies(&self) -> bool {
        self.failed || self.wanted.iter().any(|own| own.fences.is_some())
    }

    /// When what did not work is tried again.
    fn again_ms(&self) -> Option<u64> {
        let mut places = self.places.values();
        if self.failed || places.any(Place::is_missed) {
            return Some(AGAIN_MS);
        }
        self.places.values().any(Place::has_to_try_again).then_some(CHECK_MS)
    }

    /// When what is there is looked at.
    fn check_ms(&self) -> Option<u64> {
        self.places.values().any(Place::is_open_to_others).then_some(CHECK_MS)
    }

    /// Hosts with something to do have their turn.
    fn begin(&mut self) {
        self.places.retain(|_, place| !place.is_over());
        for (host, place) in &mut self.places {
            self.turns.extend(place.begin(*host));
        }
    }

    /// What is to be said on the networks of an environment, or of all.
    fn messages(&self, environment: Option<i64>) -> Vec<Message> {
        let own = |own: &&Wanted| environment.is_none_or(|only| own.environment == only);
        self.wanted.iter().filter(own).map(|own| self.message(own)).collect()
    }

    fn message(&self, wanted: &Wanted) -> Message {
        let network = wanted.network;
        let fences = match &wanted.fences {
            Some(Err(problem)) => {
                let message = Some(format!("{UNENFORCED}: {problem}"));
                return Message { network, message, is_known: true };
            }
            Some(Ok(_)) => wanted.table.is_some(),
            None => false,
        };
        let own =
            |place: &&Place| fences && place.environment == wanted.environment && !place.is_gone;
        let mut reasons: Vec<String> = wanted.problem.iter().cloned().collect();
        for place in self.places.values().filter(own) {
            if let Some(failure) = &place.failure {
                reasons.push(format!("host `{}`: {}", place.name, failure.reason));
            }
        }
        let is_known = !self.places.values().filter(own).any(|place| place.is_new);
        let message = format!("{UNENFORCED}: {}", reasons.join("; "));
        Message { network, message: (!reasons.is_empty()).then_some(message), is_known }
    }
}

/// What people call a host.
fn name(host: &Resource) -> String {
    let hostname = || host.str("hostname").map(str::to_owned);
    host.name.clone().or_else(hostname).unwrap_or_else(|| host.display_name())
}

/// What changes on a host's row when it was away, and when it is another machine.
fn sign(host: &Resource) -> String {
    let text = |field: &str| host.str(field).unwrap_or_default();
    format!("{} {} {}", host.state, text("agentState"), text("engineUrl"))
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
        let fences = plan::fences(world, index).map_err(|problem| problem.message).transpose();
        // Docker's own networks have no bridge that is only this environment's.
        let bare = table.is_none() && row.str("engineName").is_none() && fences.is_some();
        wanted.push(Wanted {
            network: row.id,
            environment,
            table,
            fences,
            problem: bare.then(|| format!("`{}` has no subnet of its own", row.display_name())),
        });
    }
    Ok((wanted, claimed))
}

#[cfg(test)]
#[path = "guard_tests.rs"]
mod tests;
