//! `include=<link>`: linked resources embedded in each of a page's, in a few queries for all of them.

use std::collections::HashMap;

use serde_json::Value;

use super::joins;
use super::reads::enrich;
use super::render::{Extras, Renderer};
use super::serve::Session;
use super::views::{LinkView, View};
use crate::error::Result;
use crate::model::registry;
use crate::model::resource::Resource;
use crate::model::schema::{Link, Source};
use crate::store::Read;

/// What is embedded in a page's rows.
pub struct Included {
    /// Link.
    pub name: &'static str,
    /// JSON by row.
    found: HashMap<i64, Vec<u8>>,
    /// JSON for rows without any.
    nothing: &'static [u8],
}

impl Included {
    /// The JSON embedded in a row.
    pub fn of(&self, id: i64) -> Vec<u8> {
        self.found.get(&id).cloned().unwrap_or_else(|| self.nothing.to_vec())
    }
}

/// The first `include` parameter's link, resolved for all rows; `None` for a link that is not there.
///
/// # Errors
/// When the database fails.
pub fn resolve(
    session: &Session<'_>,
    read: &Read<'_>,
    view: &View,
    rows: &[Resource],
) -> Result<Option<Included>> {
    let Some(wanted) = session.call.params.get("include") else { return Ok(None) };
    let link = view.links.iter().find(|link| link.name.eq_ignore_ascii_case(wanted));
    let Some(link) = link else { return Ok(None) };
    if matches!(link.link, Link::Computed { .. }) {
        return Ok(None);
    }
    let pairs = pairs(session, read, link, rows)?;
    let renderer = session.renderer();
    let single = matches!(link.link, Link::Ref { .. });
    let mut found: HashMap<i64, Vec<u8>> = HashMap::new();
    for (owner, target) in &pairs {
        let Some(json) = json(&renderer, target) else { continue };
        if single {
            found.insert(*owner, json);
            continue;
        }
        let list = found.entry(*owner).or_default();
        list.push(if list.is_empty() { b'[' } else { b',' });
        list.extend_from_slice(&json);
    }
    if !single {
        found.values_mut().for_each(|list| list.push(b']'));
    }
    let nothing: &[u8] = if single { b"null" } else { b"[]" };
    Ok(Some(Included { name: link.name, found, nothing }))
}

fn json(renderer: &Renderer<'_>, row: &Resource) -> Option<Vec<u8>> {
    let view = renderer.view_of(row)?;
    let mut out = Vec::new();
    renderer.resource(&mut out, view, row, &Extras::default());
    Some(out)
}

/// (row, linked row), the visible ones only.
fn pairs(
    session: &Session<'_>,
    read: &Read<'_>,
    link: &LinkView,
    rows: &[Resource],
) -> Result<Vec<(i64, Resource)>> {
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let base = |ty: &str| registry::lookup(ty).map_or("", |entry| entry.base);
    let wanted: Vec<(i64, i64)> = match link.link {
        Link::Ref { field, .. } => {
            rows.iter().filter_map(|row| Some((row.id, reference(row, field)?))).collect()
        }
        // Everything an account owns is no page to embed.
        Link::Child { field: "accountId", .. } => Vec::new(),
        Link::Child { of, field, .. } if !is_computed(of) => {
            read.referring_ids(base(of), field, &ids)?
        }
        Link::Child { of, field, .. } => {
            // These rows have been worked out already; they need not be looked up again.
            return joins::referrers(session, read, of, field, &ids);
        }
        Link::Map { through, here, there, .. } => {
            let maps = joins::referrers(session, read, through, here, &ids)?;
            maps.iter().filter_map(|(owner, map)| Some((*owner, map.int(there)?))).collect()
        }
        Link::Many { field, .. } => rows
            .iter()
            .flat_map(|row| references(row, field).into_iter().map(|target| (row.id, target)))
            .collect(),
        Link::Computed { .. } => Vec::new(),
    };
    let mut targets: Vec<i64> = wanted.iter().map(|pair| pair.1).collect();
    targets.sort_unstable();
    targets.dedup();
    let mut found = Vec::new();
    for target in targets {
        found.extend(joins::target(session, read, link.link.to(), target)?);
    }
    enrich(session, read, &mut found)?;
    let found: HashMap<i64, Resource> = found.into_iter().map(|row| (row.id, row)).collect();
    let pairs =
        wanted.into_iter().filter_map(|(owner, target)| Some((owner, found.get(&target)?.clone())));
    Ok(pairs.collect())
}

fn is_computed(ty: &str) -> bool {
    registry::lookup(ty).is_some_and(|entry| matches!(entry.ty.source, Source::Computed(_)))
}

/// The id in a reference field of a row.
pub fn reference(row: &Resource, field: &str) -> Option<i64> {
    if field == "accountId" { row.account_id } else { row.int(field) }
}

/// The ids in a field that holds one reference or a list of them.
pub fn references(row: &Resource, field: &str) -> Vec<i64> {
    match row.data.get(field) {
        Some(Value::Array(ids)) => ids.iter().filter_map(Value::as_i64).collect(),
        _ => reference(row, field).into_iter().collect(),
    }
}
