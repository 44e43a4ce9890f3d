//! A host's packet filter and its turns: one attempt at a time to make it fit, while other hosts have theirs.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::plan::Fence;
use super::script::{Change, Table};
use super::wall::{Wall, WallError};

/// What a host's packet filter is to be.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Order {
    /// The tables and what is in them.
    pub fences: Vec<(Table, Fence)>,
    /// Whatever else is about these subnets is in the way.
    pub claimed: Vec<Table>,
    /// Whose tables go when they are not wanted.
    pub installation: String,
}

/// Why an order is not carried out.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Failure {
    /// For people.
    pub reason: String,
    /// Whether to try again by and by.
    pub again: bool,
}

/// A host.
pub(super) struct Place {
    /// What messages call it.
    pub name: String,
    /// Its environment.
    pub environment: i64,
    /// Why its packet filter does not fit.
    pub failure: Option<Failure>,
    /// Nobody has tried yet.
    pub is_new: bool,
    /// There is no such host any more; nothing is wanted there.
    pub is_gone: bool,
    /// Changes when it was away or is another machine: then somebody has to look what is there.
    sign: String,
    order: Order,
    wall: Option<Arc<dyn Wall>>,
    /// Whether there is something to do.
    due: bool,
    /// Whether what is there has to be looked at.
    check: bool,
    /// Nothing while it has its turn.
    held: Option<Held>,
}

/// How a turn ended.
pub(super) struct Turn {
    /// Whose it was.
    pub host: i64,
    held: Held,
    order: Order,
    outcome: Result<(), WallError>,
}

impl Place {
    /// A host of an environment; nothing is known of it.
    pub fn new(environment: i64) -> Self {
        Self {
            name: String::new(),
            environment,
            failure: None,
            is_new: true,
            is_gone: false,
            sign: String::new(),
            order: Order::default(),
            wall: None,
            due: true,
            check: true,
            held: Some(Held::default()),
        }
    }

    /// Says what is wanted there, and how it is reached or why it is not.
    pub fn want(&mut self, sign: String, order: Order, wall: Result<Arc<dyn Wall>, String>) {
        self.is_gone = false;
        self.check |= self.sign != sign;
        self.due |= self.check || self.order != order || self.has_to_try_again();
        (self.sign, self.order) = (sign, order);
        match wall {
            Ok(wall) => self.wall = Some(wall),
            Err(reason) => {
                self.wall = None;
                self.is_new = false;
                self.failure = Some(Failure { reason, again: false });
                self.check = true;
            }
        }
    }

    /// There is no such host any more: what was put there goes.
    pub fn leave(&mut self) {
        self.is_gone = true;
        self.due |= self.order != Order::default() || self.has_to_try_again();
        self.order = Order::default();
    }

    /// What is there has to be looked at.
    pub fn doubt(&mut self) {
        self.check = true;
    }

    /// Whether there is or was something of ours.
    pub fn is_of_interest(&self) -> bool {
        let held = self.held.as_ref().is_none_or(|held| !held.fences.is_empty());
        held || !self.order.fences.is_empty() || self.has_to_try_again()
    }

    /// Whether rules are wanted there that somebody else may take away.
    pub fn is_open_to_others(&self) -> bool {
        let open = self.wall.as_ref().is_some_and(|wall| wall.is_open_to_others());
        open && !self.order.fences.is_empty()
    }

    /// Whether rules are wanted there, and to be tried again.
    pub fn is_missed(&self) -> bool {
        self.has_to_try_again() && !self.order.fences.is_empty()
    }

    pub fn has_to_try_again(&self) -> bool {
        self.failure.as_ref().is_some_and(|failure| failure.again)
    }

    /// Whether it can be forgotten.
    pub fn is_over(&self) -> bool {
        self.is_gone
            && self.held.is_some()
            && (self.wall.is_none() || !self.has_to_try_again() && !self.due)
    }

    /// The next turn, if there is something to do and it does not have one.
    pub fn begin(&mut self, host: i64) -> Option<BoxFuture<'static, Turn>> {
        let wall = self.wall.clone().filter(|_| self.due)?;
        let mut held = self.held.take()?;
        held.check |= std::mem::take(&mut self.check);
        self.due = false;
        let order = self.order.clone();
        Some(Box::pin(async move {
            let outcome = held.fit(&*wall, &order).await;
            Turn { host, held, order, outcome }
        }))
    }

    /// Takes note of how a turn ended.
    pub fn end(&mut self, turn: Turn) {
        let Turn { host, mut held, order, outcome } = turn;
        self.is_new = false;
        if self.wall.is_none() {
            // The way to it is gone meanwhile; that is what is wrong with it.
            self.held = Some(Held::default());
            return;
        }
        let failure = match outcome {
            Ok(()) => None,
            Err(error) => {
                // What was done before it failed, or may have been, is found by looking.
                held.check = true;
                self.judge(host, &error, order.fences.is_empty() && held.fences.is_empty())
            }
        };
        self.failure = failure;
        self.held = Some(held);
    }

    fn judge(&self, host: i64, error: &WallError, is_idle: bool) -> Option<Failure> {
        if self.is_gone && error.is_away() {
            tracing::warn!(%error, host, "rules on a host that is gone and away stay there");
            return None;
        }
        // Without policies nobody needs the program.
        if is_idle && !error.is_away() {
            tracing::debug!(%error, host, "no rules of network policies can be looked for");
            return None;
        }
        let failure = Failure { reason: error.to_string(), again: true };
        if self.failure.as_ref() != Some(&failure) {
            tracing::warn!(%error, host, "network policies are not enforced");
        }
        Some(failure)
    }
}

/// What has been put into a host's packet filter.
struct Held {
    fences: BTreeMap<Table, Fence>,
    /// Whether what is there has to be looked at.
    check: bool,
}

impl Default for Held {
    fn default() -> Self {
        Self { fences: BTreeMap::new(), check: true }
    }
}

impl Held {
    /// Makes the tables be exactly these. Tables of others for subnets that are ours now go, too.
    async fn fit(&mut self, wall: &dyn Wall, order: &Order) -> Result<(), WallError> {
        let is_wanted = |table: &Table| order.fences.iter().any(|(own, _)| own == table);
        if self.check {
            let present = wall.tables().await?;
            let ours = |table: &Table| {
                table.is_of(&order.installation)
                    || order.claimed.iter().any(|own| own.overlaps(table))
            };
            self.fences.retain(|table, _| present.contains(table));
            for stale in present.iter().filter(|table| ours(table) && !is_wanted(table)) {
                wall.remove(stale).await?;
                self.fences.remove(stale);
            }
            self.check = false;
        }
        let known = self.fences.keys();
        let stale = known.filter(|table| !is_wanted(table));
        for stale in stale.cloned().collect::<Vec<_>>() {
            wall.remove(&stale).await?;
            self.fences.remove(&stale);
        }
        for (table, fence) in &order.fences {
            self.set(wall, table, fence).await?;
        }
        Ok(())
    }

    async fn set(
        &mut self,
        wall: &dyn Wall,
        table: &Table,
        fence: &Fence,
    ) -> Result<(), WallError> {
        if let Some(before) = self.fences.get(table) {
            let done = match table.change(before, fence) {
                Change::Nothing => Ok(()),
                Change::Script(script) => wall.change(table, &script).await,
            };
            match done {
                Ok(()) => {
                    self.fences.insert(table.clone(), fence.clone());
                    return Ok(());
                }
                // It may have been done or not.
                Err(error) if error.is_away() => {
                    self.fences.remove(table);
                    return Err(error);
                }
                // Somebody else has changed what was there.
                Err(_) => self.fences.remove(table),
            };
        }
        wall.change(table, &table.creation(fence)).await?;
        self.fences.insert(table.clone(), fence.clone());
        Ok(())
    }
}
