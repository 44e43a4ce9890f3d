//! Markers: where a page of a list begins.
//!
//! Rancher's `m100` skips 100 rows, so rows that come or go before it shift the pages. The markers that
//! we hand out begin in the same way and name the last row of the page before besides:
//! `m100.WzE3LCJ3ZWIiXQ` is its id and its value of the field sorted by. The next page begins behind that
//! row, whether or not it is still there.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::query::Listing;
use crate::model::resource::Resource;
use crate::store::After;

/// Longest text of a row that is put into a marker, in bytes.
const LONGEST: usize = 1024;

/// The rows before a page and the last of them; anything that is not a marker is the start.
pub fn parse(marker: &str) -> (usize, Option<After>) {
    let Some(rest) = marker.strip_prefix('m') else { return (0, None) };
    let (offset, row) = rest.split_once('.').map_or((rest, None), |(at, row)| (at, Some(row)));
    match (offset.parse(), row) {
        (Ok(offset), None) => (offset, None),
        (Ok(offset), Some(row)) => (offset, after(row)),
        (Err(_), _) => (0, None),
    }
}

fn after(row: &str) -> Option<After> {
    let bytes = URL_SAFE_NO_PAD.decode(row).ok()?;
    let [id, value]: [Value; 2] = serde_json::from_slice(&bytes).ok()?;
    let scalar = |value: &Value| !value.is_array() && !value.is_object();
    let known = id.is_i64() || id.is_string();
    (known && scalar(&value)).then_some(After { value, id })
}

/// The marker of the page that begins after a row.
pub fn behind(listing: &Listing, row: &Resource) -> String {
    let offset = listing.offset.saturating_add(listing.limit);
    let value = listing.sort.map_or(Value::Null, |sort| value_of(row, sort.1));
    let id = value_of(row, "id");
    let long = |value: &Value| value.as_str().is_some_and(|text| text.len() > LONGEST);
    if long(&value) || long(&id) {
        return format!("m{offset}");
    }
    format!("m{offset}.{}", URL_SAFE_NO_PAD.encode(json!([id, value]).to_string()))
}

/// A field of a row as lists compare it.
pub fn value_of(row: &Resource, field: &str) -> Value {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn check(marker: &str, expect: &str) {
        let (offset, after) = parse(marker);
        let after = after.map_or("-".to_owned(), |after| format!("{} {}", after.id, after.value));
        assert_eq!(format!("{offset} {after}"), expect, "{marker}");
    }

    #[test]
    fn markers() {
        let encoded = |text: &str| format!("m7.{}", URL_SAFE_NO_PAD.encode(text));
        check("", "0 -");
        check("m100", "100 -");
        check("100", "0 -");
        check("m-1", "0 -");
        check("m7.%%%", "7 -");
        check(&encoded("[12,null]"), "7 12 null");
        check(&encoded("[\"1pd!a\",\"web\"]"), "7 \"1pd!a\" \"web\"");
        check(&encoded("[1,[2]]"), "7 -");
        check(&encoded("[1]"), "7 -");
        check(&encoded("[null,1]"), "7 -");
    }
}
