//! Rows of types that are not in the resource table.

pub mod audit;
pub mod identities;
pub mod processes;

use std::collections::VecDeque;

use serde_json::Value;

use crate::error::Result;
use crate::model::resource::{NewResource, Resource};
use crate::store::{Condition, Op, Order};

use super::super::query::Listing;

/// A computed row in the shape of a stored one.
pub fn row(new: NewResource) -> Resource {
    let mut data = new.data;
    data.retain(|_, value| !value.is_null());
    Resource {
        id: 0,
        ty: new.ty,
        kind: new.kind,
        account_id: new.account_id,
        name: new.name,
        uuid: new.uuid,
        state: new.state,
        created: 0,
        removed: None,
        revision: 0,
        data,
    }
}

/// Picks a page out of rows that come one after the other, in ascending order of ids: what matches the
/// conditions, in the order asked for, and one row more than the limit. Keeps no more rows than that.
pub struct Picker<'a> {
    listing: &'a Listing,
    kept: VecDeque<Resource>,
    passed: usize,
}

impl<'a> Picker<'a> {
    /// An empty page.
    pub fn new(listing: &'a Listing) -> Self {
        Self { listing, kept: VecDeque::new(), passed: 0 }
    }

    /// Offers a row; `false` when no more are wanted.
    pub fn offer(&mut self, row: Resource) -> bool {
        if !self.listing.conditions.iter().all(|condition| holds(condition, &row)) {
            return true;
        }
        let wanted = self.listing.offset.saturating_add(self.listing.limit).saturating_add(1);
        match self.listing.order {
            Order::Ascending => {
                self.passed += 1;
                if self.passed > self.listing.offset {
                    self.kept.push_back(row);
                }
                self.passed < wanted
            }
            Order::Descending => {
                self.kept.push_back(row);
                if self.kept.len() > wanted {
                    self.kept.pop_front();
                }
                true
            }
        }
    }

    /// The page.
    pub fn page(self) -> Vec<Resource> {
        match self.listing.order {
            Order::Ascending => self.kept.into(),
            Order::Descending => self.kept.into_iter().rev().skip(self.listing.offset).collect(),
        }
    }
}

/// A field of a row as conditions compare it.
fn value_of(row: &Resource, field: &str) -> Value {
    match field {
        "id" => row.data.get("id").cloned().unwrap_or_else(|| row.id.into()),
        "name" => row.name.clone().into(),
        "kind" => row.kind.clone().into(),
        "uuid" => row.uuid.clone().into(),
        "state" => row.state.clone().into(),
        "accountId" => row.account_id.into(),
        "created" => row.created.into(),
        "removed" => row.removed.into(),
        other => row.data.get(other).cloned().unwrap_or_default(),
    }
}

/// Whether a condition holds, as the store would decide it.
fn holds(condition: &Condition, row: &Resource) -> bool {
    let found = value_of(row, &condition.field);
    let order = || match (&found, &condition.value) {
        (Value::String(a), Value::String(b)) => {
            Some(a.to_ascii_lowercase().cmp(&b.to_ascii_lowercase()))
        }
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        (a, b) => Some(a.as_i64()?.cmp(&b.as_i64()?)),
    };
    let text = || {
        Some((found.as_str()?.to_ascii_lowercase(), condition.value.as_str()?.to_ascii_lowercase()))
    };
    match condition.op {
        Op::Null => found.is_null(),
        Op::NotNull => !found.is_null(),
        Op::Eq => order().is_some_and(|order| order.is_eq()),
        Op::Ne => !found.is_null() && !order().is_some_and(|order| order.is_eq()),
        Op::Lt => order().is_some_and(|order| order.is_lt()),
        Op::Lte => order().is_some_and(|order| order.is_le()),
        Op::Gt => order().is_some_and(|order| order.is_gt()),
        Op::Gte => order().is_some_and(|order| order.is_ge()),
        Op::Prefix => text().is_some_and(|(text, prefix)| text.starts_with(&prefix)),
        Op::Like => text().is_some_and(|(text, pattern)| is_like(&text, &pattern)),
        Op::NotLike => text().is_some_and(|(text, pattern)| !is_like(&text, &pattern)),
    }
}

/// SQL's `LIKE`: `%` stands for any text, `_` for one letter.
fn is_like(text: &str, pattern: &str) -> bool {
    let (text, pattern): (Vec<char>, Vec<char>) =
        (text.chars().collect(), pattern.chars().collect());
    // reached[i]: the pattern so far matches the first i letters.
    let mut reached: Vec<bool> = std::iter::once(true).chain(text.iter().map(|_| false)).collect();
    for part in pattern {
        let mut next = vec![false; reached.len()];
        for index in 0..reached.len() {
            let before = index.checked_sub(1);
            let was = |at: Option<usize>, of: &[bool]| {
                at.and_then(|at| of.get(at)).copied() == Some(true)
            };
            let hit = match part {
                '%' => was(Some(index), &reached) || was(before, &next),
                '_' => was(before, &reached),
                letter => {
                    was(before, &reached) && before.and_then(|at| text.get(at)) == Some(&letter)
                }
            };
            if let Some(slot) = next.get_mut(index) {
                *slot = hit;
            }
        }
        reached = next;
    }
    reached.last().copied().unwrap_or(false)
}

/// The number an equality condition asks of a field.
fn asked_int(listing: &Listing, field: &str) -> Option<i64> {
    let found = listing.conditions.iter().find(|c| c.field == field && c.op == Op::Eq)?;
    found.value.as_i64()
}

/// The text an equality condition asks of a field.
fn asked_text(listing: &Listing, field: &str) -> Option<String> {
    let found = listing.conditions.iter().find(|c| c.field == field && c.op == Op::Eq)?;
    found.value.as_str().map(str::to_owned)
}

/// Whether a caller sees the rows of every account in a list: outside environments only.
fn lists_all(asked: &super::Asked<'_>) -> bool {
    asked.caller.all_accounts && !asked.caller.in_project()
}

/// A page's worth of rows from a store's list that goes on after an id.
fn paged(
    listing: &Listing,
    mut next: impl FnMut(i64) -> Result<Vec<Resource>>,
) -> Result<Vec<Resource>> {
    let mut picker = Picker::new(listing);
    let mut after = 0;
    loop {
        let rows = next(after)?;
        let Some(last) = rows.last().map(|row| row.id) else { return Ok(picker.page()) };
        after = last;
        for row in rows {
            if !picker.offer(row) {
                return Ok(picker.page());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (text, pattern, matches) in [
            ("web", "web", true),
            ("web", "w%", true),
            ("web", "%b", true),
            ("web", "_eb", true),
            ("web", "%e%", true),
            ("web", "we", false),
            ("", "%", true),
            ("", "_", false),
        ] {
            assert_eq!(is_like(text, pattern), matches, "{text} like {pattern}");
        }
    }
}
