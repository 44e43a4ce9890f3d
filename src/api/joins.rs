//! Rows by reference, wherever they are kept: in the table, or with a source that works them out.

use super::hooks::{self, Asked};
use super::query::Listing;
use super::serve::Session;
use crate::error::Result;
use crate::model::id;
use crate::model::registry::{self, Entry};
use crate::model::resource::Resource;
use crate::model::schema::Source;
use crate::store::{Condition, Op, Read};

/// A question to the source of a computed type.
pub fn asked<'a>(
    session: &Session<'a>,
    read: &'a Read<'a>,
    entry: &'static Entry,
    listing: &'a Listing,
) -> Asked<'a> {
    let params = &session.call.params;
    Asked { state: session.state, read, caller: session.caller, entry, params, listing }
}

/// The row of a type with this number, if the caller may look at it.
///
/// # Errors
/// When the database fails.
pub fn target(
    session: &Session<'_>,
    read: &Read<'_>,
    ty: &str,
    id: i64,
) -> Result<Option<Resource>> {
    let Some(entry) = registry::lookup(ty) else { return Ok(None) };
    if let Source::Computed(name) = entry.ty.source {
        let Some(source) = hooks::source(name) else { return Ok(None) };
        let listing = Listing::default();
        let asked = asked(session, read, entry, &listing);
        return (source.get)(&asked, &id::format(&entry.prefix, id));
    }
    match read.get(id)? {
        Some(row) if hooks::is_visible(read, session.caller, &row)? => Ok(Some(row)),
        Some(_) | None => Ok(None),
    }
}

/// Live rows of a type whose field refers to one of these, each with what it refers to.
///
/// # Errors
/// When the database fails.
pub fn referrers(
    session: &Session<'_>,
    read: &Read<'_>,
    ty: &str,
    field: &str,
    ids: &[i64],
) -> Result<Vec<(i64, Resource)>> {
    let Some(entry) = registry::lookup(ty) else { return Ok(Vec::new()) };
    let Source::Computed(name) = entry.ty.source else {
        let rows = read.referring(entry.base, field, ids)?;
        return Ok(rows.into_iter().filter_map(|row| Some((row.int(field)?, row))).collect());
    };
    let Some(source) = hooks::source(name) else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for id in ids {
        let condition = Condition { field: field.to_owned(), op: Op::Eq, value: (*id).into() };
        let listing =
            Listing { conditions: vec![condition], limit: usize::MAX, ..Listing::default() };
        let rows = (source.list)(&asked(session, read, entry, &listing))?;
        found.extend(rows.into_iter().map(|row| (*id, row)));
    }
    Ok(found)
}
