//! Configuration that the server generates for others: what it ought to be now, and what they have.
//!
//! A version is a number made of the content: the same content has the same version, also after the
//! server was started again. Whoever generates something adds a way to look at it.

use std::sync::{Arc, PoisonError, RwLock};

use crate::error::Result;
use crate::model::resource::Resource;
use crate::store::Read;

/// What somebody ought to have and has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Base type of whom it is for.
    pub ty: &'static str,
    /// Whom it is for.
    pub id: i64,
    /// Its owner.
    pub account_id: Option<i64>,
    /// The host it is on.
    pub host_id: Option<i64>,
    /// The service it belongs to.
    pub service_id: Option<i64>,
    /// Version of what it ought to have.
    pub requested: i64,
    /// Version of what it has; `None` if nothing or not known.
    pub applied: Option<i64>,
    /// Unix milliseconds at which it got that.
    pub applied_at: Option<i64>,
}

impl Status {
    /// For a row that has what it ought to have, as far as nothing else is said.
    pub fn of(row: &Resource, requested: i64) -> Self {
        Self {
            ty: row.ty,
            id: row.id,
            account_id: row.account_id,
            host_id: if row.ty == "host" { Some(row.id) } else { row.int("hostId") },
            service_id: row.int("serviceId"),
            requested,
            applied: Some(requested),
            applied_at: None,
        }
    }
}

/// Looks at everyone who ought to have a configuration.
pub type Look = Arc<dyn Fn(&Read<'_>) -> Result<Vec<Status>> + Send + Sync>;
/// A generated configuration.
#[derive(Clone)]
pub struct Item {
    /// Its name in the API.
    pub name: &'static str,
    /// Who has what.
    pub look: Look,
}

/// All of them, by name.
#[derive(Default)]
pub struct Configs {
    items: RwLock<Vec<Item>>,
}

impl Configs {
    /// Adds one; it takes the place of one of the same name.
    pub fn add(&self, item: Item) {
        let mut items = self.items.write().unwrap_or_else(PoisonError::into_inner);
        items.retain(|known| known.name != item.name);
        items.push(item);
        items.sort_by_key(|item| item.name);
    }

    /// All of them.
    pub fn all(&self) -> Vec<Item> {
        self.items.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
