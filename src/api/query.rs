//! Lists asked for in a URL: filters, order, paging and what to embed.

use serde_json::Value;

use super::json;
use super::marker;
use super::params::Params;
use super::views::{FilterKind, FilterView, View};
use crate::model::id;
use crate::store::{After, Condition, Op, Order};

/// Rows of a page when nothing is said.
const DEFAULT_LIMIT: usize = 100;
/// Rows of a page at most.
const MAX_LIMIT: usize = 3000;

/// What a URL asks for.
#[derive(Debug, Default)]
pub struct Listing {
    /// All must hold.
    pub conditions: Vec<Condition>,
    /// The filters as given, for the answer: (name, modifier, value).
    pub filters: Vec<(&'static str, &'static str, String)>,
    /// Name in the dialect and field to sort by.
    pub sort: Option<(&'static str, &'static str)>,
    /// Direction.
    pub order: Order,
    /// Rows of the page.
    pub limit: usize,
    /// Rows before the page.
    pub offset: usize,
    /// The row that the page comes after; it counts in place of `offset`.
    pub after: Option<After>,
    /// Whether removed rows are wanted.
    pub with_removed: bool,
}

/// Comparisons by their name in URLs.
const MODIFIERS: &[(&str, Op)] = &[
    ("eq", Op::Eq),
    ("ne", Op::Ne),
    ("lt", Op::Lt),
    ("lte", Op::Lte),
    ("gt", Op::Gt),
    ("gte", Op::Gte),
    ("prefix", Op::Prefix),
    ("like", Op::Like),
    ("notlike", Op::NotLike),
    ("null", Op::Null),
    ("notnull", Op::NotNull),
];

impl Listing {
    /// Reads the parameters of a list. What is unknown or makes no sense is passed over.
    pub fn parse(view: &View, params: &Params) -> Self {
        let (offset, after) = marker::parse(params.get("marker").unwrap_or(""));
        let mut listing = Self {
            limit: limit(params.get("limit")),
            offset,
            after,
            with_removed: params.get("_removed").is_some_and(|value| value != "false"),
            ..Self::default()
        };
        for (name, value) in params.pairs() {
            if let Some((filter, modifier, op)) = filter(view, name) {
                listing.filters.push((filter.name, modifier, value.clone()));
                listing.add(filter, op, value);
            }
        }
        if params.get("order") == Some("desc") {
            listing.order = Order::Descending;
        }
        listing.sort = params.get("sort").and_then(|sort| {
            let filter = view.filters.iter().find(|filter| filter.name == sort)?;
            Some((filter.name, filter.field))
        });
        listing
    }

    /// Rows to skip.
    pub fn skip(&self) -> usize {
        if self.after.is_some() { 0 } else { self.offset }
    }

    fn add(&mut self, filter: &FilterView, op: Op, value: &str) {
        let field = filter.field.to_owned();
        let condition = match (op, converted(filter.kind, value)) {
            (Op::Null | Op::NotNull, _) => Condition { field, op, value: Value::Null },
            (_, Some(value)) => Condition { field, op, value },
            // No row has the id -1: a value that cannot be understood matches nothing.
            (_, None) => Condition { field: "id".to_owned(), op: Op::Eq, value: (-1).into() },
        };
        self.conditions.push(condition);
    }
}

/// The filter and comparison that a parameter names: the modifier follows the last `_`.
fn filter<'a>(view: &'a View, name: &str) -> Option<(&'a FilterView, &'static str, Op)> {
    let find = |name: &str| view.filters.iter().find(|filter| filter.name == name);
    if let Some(filter) = find(name) {
        return Some((filter, "eq", Op::Eq));
    }
    let (field, modifier) = name.rsplit_once('_')?;
    let filter = find(field)?;
    let (modifier, op) = MODIFIERS.iter().find(|known| known.0 == modifier)?;
    filter.kind.modifiers().contains(modifier).then_some((filter, *modifier, *op))
}

/// A parameter's text as the store compares it; `None` when no value can equal it.
fn converted(kind: FilterKind, text: &str) -> Option<Value> {
    match kind {
        FilterKind::Text | FilterKind::Word => Some(text.into()),
        FilterKind::Number => text.trim().parse::<i64>().ok().map(Value::from),
        FilterKind::Date => {
            json::parse_date(text).or_else(|| text.trim().parse().ok()).map(Value::from)
        }
        FilterKind::Id => text.trim().parse().ok().or_else(|| id::parse(text)).map(Value::from),
        FilterKind::Flag => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "yes" | "1" => Some(true.into()),
            "false" | "no" | "0" => Some(false.into()),
            _ => None,
        },
        FilterKind::Reference => id::parse(text).map(Value::from),
    }
}

fn limit(given: Option<&str>) -> usize {
    match given.map(str::parse::<i64>) {
        None | Some(Err(_)) => DEFAULT_LIMIT,
        Some(Ok(limit)) => match usize::try_from(limit) {
            Ok(limit) if limit > 0 => limit.min(MAX_LIMIT),
            Ok(_) | Err(_) => MAX_LIMIT,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::dialect::Version;
    use crate::api::views::views;
    use crate::auth::Role;

    fn check(ty: &str, query: &str, expect: &str) {
        let view = views(Version::V2Beta, Role::Owner).of_type(ty).expect(ty);
        let listing = Listing::parse(view, &Params::parse(query));
        let mut found: Vec<String> = listing
            .conditions
            .iter()
            .map(|condition| format!("{} {:?} {}", condition.field, condition.op, condition.value))
            .collect();
        if let Some((name, _)) = listing.sort {
            found.push(format!("sort {name} {:?}", listing.order));
        }
        if listing.with_removed {
            found.push("removed too".to_owned());
        }
        found.push(format!("{}+{}", listing.offset, listing.limit));
        assert_eq!(found.join("; "), expect, "{query}");
    }

    #[test]
    fn filters_and_their_modifiers() {
        check("stack", "", "0+100");
        check("stack", "name=web", "name Eq \"web\"; 0+100");
        check(
            "stack",
            "state_ne=removed&state_ne=error&name_prefix=w",
            "state Ne \"removed\"; state Ne \"error\"; name Prefix \"w\"; 0+100",
        );
        check(
            "stack",
            "removed_null=<nil>&system=false",
            "removed Null null; system Eq false; 0+100",
        );
        check(
            "stack",
            "nothing=1&name_between=a&state_like=a&group_notnull",
            "group NotNull null; 0+100",
        );
        check("stack", "created_gt=1970-01-01T00:00:01Z", "created Gt 1000; 0+100");
        check("service", "stackId=1st5", "stackId Eq 5; 0+100");
        check("service", "stackId=web&id=7", "id Eq -1; id Eq 7; 0+100");
        check("stack", "dockerCompose=x", "0+100");
    }

    #[test]
    fn paging_and_order() {
        check("stack", "limit=5&marker=m10", "10+5");
        check("stack", "limit=-2", "0+3000");
        check("stack", "limit=9999", "0+3000");
        check("stack", "limit=x&marker=10", "0+100");
        check(
            "stack",
            "sort=name&order=desc&_removed=true",
            "sort name Descending; removed too; 0+100",
        );
        check("stack", "sort=links", "0+100");
    }
}
