//! Who has which host, port and address: a cache of rows, kept true inside the writer's transactions.
//!
//! It hears of every row as it changes, so it cannot disagree with the table; after a rollback it is
//! thrown away and read again. Decisions that need it are made inside write transactions, which run one
//! after another, so that no two can be given the same port.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::addresses::{Addresses, Subnet};
use super::facts::{self, HostMark};
use crate::error::{Error, Result};
use crate::model::resource::Resource;
use crate::scheduler::Fleet;
use crate::store::{Observer, ProcessEnd, Store, Tx};

/// What is taken by whom.
#[derive(Default)]
pub struct Books {
    /// Hosts, and what is placed on them.
    pub fleet: Fleet,
    /// Addresses of every network.
    pub addresses: Addresses,
    /// How each host is doing.
    pub hosts: HashMap<i64, HostMark>,
    /// The subnet of each network: its row and its addresses.
    pub subnets: HashMap<i64, (i64, Subnet)>,
}

/// The cache; cheap to clone.
#[derive(Clone, Default)]
pub struct Ledger {
    books: Arc<Mutex<Option<Books>>>,
}

/// How the rows of a type are entered: by what they were and are now.
type Entry = fn(&mut Books, Option<&Resource>, Option<&Resource>);

/// Types that the ledger follows, in the order they are loaded: hosts come before what is on them.
const ENTRIES: &[(&str, Entry)] = &[
    ("host", enter_host),
    ("volume", enter_volume),
    ("instance", enter_instance),
    ("ipAddress", enter_address),
    ("subnet", enter_subnet),
];

impl Ledger {
    /// Looks at the books, reading them from the tables first if need be.
    ///
    /// # Errors
    /// Those of `f`, or of the database.
    pub fn with<T>(&self, tx: &Tx<'_>, f: impl FnOnce(&Books) -> Result<T>) -> Result<T> {
        let mut books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        if books.is_none() {
            let mut fresh = Books::default();
            for (ty, enter) in ENTRIES {
                tx.for_each(ty, |row| {
                    enter(&mut fresh, None, Some(&row));
                    Ok(())
                })?;
            }
            *books = Some(fresh);
        }
        f(books.get_or_insert_with(Books::default))
    }

    /// Makes sure that the books have been read, for [`Ledger::look`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn ensure(&self, store: &Store) -> Result<()> {
        if self.books.lock().unwrap_or_else(PoisonError::into_inner).is_some() {
            return Ok(());
        }
        let this = self.clone();
        store.write(move |tx| this.with(tx, |_| Ok(()))).await
    }

    /// Looks at the books outside a write transaction, where they can be a commit ahead of what the
    /// caller has read.
    ///
    /// # Errors
    /// 503 when they have not been read yet.
    pub fn look<T>(&self, f: impl FnOnce(&Books) -> T) -> Result<T> {
        let books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        books.as_ref().map(f).ok_or_else(|| Error::status(503).message("the ledger is being read"))
    }
}

impl Observer for Ledger {
    fn changed(&self, before: Option<&Resource>, after: Option<&Resource>) {
        let Some(ty) = after.or(before).map(|row| row.ty) else { return };
        let Some((_, enter)) = ENTRIES.iter().find(|entry| entry.0 == ty) else { return };
        let mut books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(books) = books.as_mut() {
            enter(books, live(before), live(after));
        }
    }

    fn rolled_back(&self) {
        *self.books.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn process_ended(&self, _: ProcessEnd) {}
}

fn live(row: Option<&Resource>) -> Option<&Resource> {
    row.filter(|row| row.removed.is_none())
}

fn enter_host(books: &mut Books, before: Option<&Resource>, after: Option<&Resource>) {
    match (before, after) {
        (_, Some(after)) => {
            books.fleet.host_upsert(&facts::host(after));
            books.hosts.insert(after.id, facts::host_mark(after));
        }
        (Some(before), None) => {
            books.fleet.host_remove(before.id);
            books.hosts.remove(&before.id);
        }
        (None, None) => {}
    }
}

fn enter_volume(books: &mut Books, before: Option<&Resource>, after: Option<&Resource>) {
    match (before, after) {
        (_, Some(after)) => books.fleet.volume_upsert(facts::volume(after)),
        (Some(before), None) => books.fleet.volume_remove(before.id),
        (None, None) => {}
    }
}

fn enter_instance(books: &mut Books, before: Option<&Resource>, after: Option<&Resource>) {
    let placed = |row: &Resource| row.int("hostId").zip(facts::standing(row));
    match (before.and_then(placed), after.and_then(|row| Some((row, placed(row)?)))) {
        (None, Some((row, (host, standing)))) => {
            // A host that is gone holds nothing that could be fought over.
            let _ = books.fleet.instance_place(host, facts::instance(row, standing));
        }
        (Some((old_host, old)), Some((row, (host, new)))) => {
            // A container that was adopted belongs to a unit from then on.
            let unchanged = |before: &Resource| {
                let is_as = |field| before.data.get(field) == row.data.get(field);
                is_as("ports") && is_as("deploymentUnitUuid")
            };
            let same = old_host == host && before.is_some_and(unchanged);
            if !same {
                books.fleet.instance_remove(row.id);
                let _ = books.fleet.instance_place(host, facts::instance(row, new));
            } else if old != new {
                books.fleet.instance_standing(row.id, new);
            }
        }
        (Some(_), None) => {
            if let Some(row) = before.or(after) {
                books.fleet.instance_remove(row.id);
            }
        }
        (None, None) => {}
    }
}

fn enter_address(books: &mut Books, before: Option<&Resource>, after: Option<&Resource>) {
    if let Some((network, address)) = before.and_then(facts::address) {
        books.addresses.release(network, address);
    }
    if let Some((network, address)) = after.and_then(facts::address) {
        books.addresses.take(network, address);
    }
}

fn enter_subnet(books: &mut Books, before: Option<&Resource>, after: Option<&Resource>) {
    if let Some((network, (id, _))) = before.and_then(facts::subnet)
        && books.subnets.get(&network).is_some_and(|known| known.0 == id)
    {
        books.subnets.remove(&network);
    }
    if let Some((network, subnet)) = after.and_then(facts::subnet) {
        // The first one made counts.
        books.subnets.entry(network).or_insert(subnet);
    }
}
