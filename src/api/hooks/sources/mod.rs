//! Rows of types that are not in the resource table.

pub mod audit;
pub mod configs;
pub mod derived;
pub mod ha;
pub mod identities;
pub mod login;
pub mod processes;
pub mod proxy;
pub mod registry;
pub mod system;
pub mod tasks;
pub mod workers;

use std::cmp::Ordering;

use serde_json::Value;

use crate::error::Result;
use crate::model::id;
use crate::model::resource::{NewResource, Resource};
use crate::store::{After, Condition, Op, Order};

use super::super::marker::value_of;
use super::super::query::Listing;

/// A computed row in the shape of a stored one.
pub fn row(mut new: NewResource) -> Resource {
    new.data.retain(|_, value| !value.is_null());
    new.into()
}

/// Picks a page out of rows that come one after the other, in the order of their ids: what matches the
/// conditions, in the order asked for, and one row more than the limit. Keeps no more rows than that.
pub struct Picker<'a> {
    listing: &'a Listing,
    /// In the order asked for, with what they are sorted by.
    kept: Vec<(After, Resource)>,
}

impl<'a> Picker<'a> {
    /// An empty page.
    pub fn new(listing: &'a Listing) -> Self {
        Self { listing, kept: Vec::new() }
    }

    /// Offers a row; `false` when no more are wanted.
    pub fn offer(&mut self, row: Resource) -> bool {
        let listing = self.listing;
        if !listing.conditions.iter().all(|condition| holds(condition, &row)) {
            return true;
        }
        let value = listing.sort.map_or(Value::Null, |sort| value_of(&row, sort.1));
        let key = After { value, id: value_of(&row, "id") };
        if listing.after.as_ref().is_some_and(|after| order(listing, &key, after).is_le()) {
            return true;
        }
        let wanted = listing.skip().saturating_add(listing.limit).saturating_add(1);
        let place = self.kept.partition_point(|kept| order(listing, &kept.0, &key).is_le());
        if place < wanted {
            self.kept.insert(place, (key, row));
            self.kept.truncate(wanted);
        }
        // Rows come by their ids: behind one that comes too late there are only later ones.
        let by_id = listing.sort.is_none_or(|sort| sort.1 == "id");
        place < wanted || !by_id
    }

    /// The page.
    pub fn page(self) -> Vec<Resource> {
        self.kept.into_iter().skip(self.listing.skip()).map(|kept| kept.1).collect()
    }
}

/// A page of rows that come in any order.
pub fn pick(listing: &Listing, rows: impl IntoIterator<Item = Resource>) -> Vec<Resource> {
    let mut picker = Picker::new(listing);
    for row in rows {
        // It may say that later ones are not wanted; here the next may be an earlier one.
        picker.offer(row);
    }
    picker.page()
}

/// The row that an id names, out of a few.
fn named(rows: impl IntoIterator<Item = Resource>, text: &str) -> Option<Resource> {
    let number = id::parse(text);
    rows.into_iter().find(|row| match row.str("id") {
        Some(id) => id.eq_ignore_ascii_case(text),
        None => Some(row.id) == number,
    })
}

/// The order of two rows in a list, as the store would put them.
fn order(listing: &Listing, a: &After, b: &After) -> Ordering {
    let ascending = compare(&a.value, &b.value).then_with(|| compare(&a.id, &b.id));
    match listing.order {
        Order::Ascending => ascending,
        Order::Descending => ascending.reverse(),
    }
}

/// SQLite's order: null, then numbers, then text in any letter case.
fn compare(a: &Value, b: &Value) -> Ordering {
    let rank = |value: &Value| match value {
        Value::Null => 0,
        Value::Bool(_) | Value::Number(_) => 1,
        Value::String(_) | Value::Array(_) | Value::Object(_) => 2,
    };
    let number = |value: &Value| value.as_bool().map(i64::from).or_else(|| value.as_i64());
    rank(a).cmp(&rank(b)).then_with(|| match (a, b) {
        (Value::String(a), Value::String(b)) => a.to_ascii_lowercase().cmp(&b.to_ascii_lowercase()),
        (a, b) => number(a).cmp(&number(b)),
    })
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
