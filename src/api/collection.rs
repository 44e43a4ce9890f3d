//! Collection objects: a page of resources and how to go on from there.

use super::call::Call;
use super::include::Included;
use super::json;
use super::query::Listing;
use super::render::{Extras, Renderer};
use super::views::{View, Views};
use crate::auth::policy::{self, Verb};
use crate::model::resource::Resource;
use crate::store::Order;

/// A page.
pub struct Page {
    /// Its rows.
    pub rows: Vec<Resource>,
    /// What is embedded in them.
    pub included: Option<Included>,
    /// Marker of the next page, if there are more rows than these.
    pub next: Option<String>,
    /// Whether the list is cut into pages and can be filtered at all.
    pub paged: bool,
    /// Foreign key that a row made through this list gets: (field, id).
    pub preset: Option<(&'static str, String)>,
}

impl Page {
    /// Some rows that are all there is.
    pub fn whole(rows: Vec<Resource>) -> Self {
        Self { rows, included: None, next: None, paged: false, preset: None }
    }
}

/// Writes the collection of a list.
pub fn write(
    renderer: &Renderer<'_>,
    call: &Call,
    view: &View,
    listing: &Listing,
    page: &Page,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024 + page.rows.len() * 2048);
    out.extend_from_slice(b"{\"type\":\"collection\",\"resourceType\":");
    json::text(&mut out, view.name);
    out.extend_from_slice(b",\"links\":{\"self\":");
    json::text(&mut out, &call.url);
    out.extend_from_slice(b"},\"createTypes\":");
    create_types(&mut out, renderer, view);
    out.extend_from_slice(b",\"actions\":{},\"data\":[");
    for (index, row) in page.rows.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        let mut extras = Extras::default();
        if let Some(included) = &page.included {
            extras.included.push((included.name, included.of(row.id)));
        }
        let own = renderer.view_of(row).unwrap_or(view);
        renderer.resource(&mut out, own, row, &extras);
    }
    out.extend_from_slice(b"],\"sortLinks\":");
    sort_links(&mut out, call, view, page);
    out.extend_from_slice(b",\"pagination\":");
    pagination(&mut out, call, listing, page);
    out.extend_from_slice(b",\"sort\":");
    sort(&mut out, call, listing, page);
    out.extend_from_slice(b",\"filters\":");
    filters(&mut out, view, listing, page);
    out.extend_from_slice(b",\"createDefaults\":{");
    if let Some((field, id)) = &page.preset {
        json::text(&mut out, field);
        out.push(b':');
        json::text(&mut out, id);
    }
    out.extend_from_slice(b"}}");
    out
}

/// The type and those below it that the role may create; nothing when none is below it.
fn create_types(out: &mut Vec<u8>, renderer: &Renderer<'_>, view: &View) {
    let views: &Views = renderer.views;
    let may = |own: &&View| policy::may(views.role, own.entry, Verb::Create);
    let below: Vec<&View> =
        view.entry.descendants.iter().filter_map(|ty| views.of_type(ty)).filter(may).collect();
    out.push(b'{');
    if !below.is_empty() {
        let mut first = true;
        for own in std::iter::once(view).filter(may).chain(below) {
            if !first {
                out.push(b',');
            }
            first = false;
            json::text(out, own.name);
            out.push(b':');
            json::text(out, &format!("{}/{}", renderer.base, own.path));
        }
    }
    out.push(b'}');
}

fn url_with(call: &Call, without: &[&str], add: &[(&str, &str)]) -> String {
    let query = call.params.query(without, add);
    if query.is_empty() { call.url.clone() } else { format!("{}?{query}", call.url) }
}

fn sort_links(out: &mut Vec<u8>, call: &Call, view: &View, page: &Page) {
    out.push(b'{');
    if page.paged {
        let rest = call.params.query(&["sort", "order", "marker"], &[]);
        for (index, filter) in view.filters.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            json::text(out, filter.name);
            out.extend_from_slice(b":\"");
            out.extend_from_slice(call.url.as_bytes());
            out.push(b'?');
            if !rest.is_empty() {
                out.extend_from_slice(rest.as_bytes());
                out.push(b'&');
            }
            out.extend_from_slice(b"sort=");
            out.extend_from_slice(filter.name.as_bytes());
            out.push(b'"');
        }
    }
    out.push(b'}');
}

fn pagination(out: &mut Vec<u8>, call: &Call, listing: &Listing, page: &Page) {
    if !page.paged {
        out.extend_from_slice(b"null");
        return;
    }
    out.extend_from_slice(b"{\"first\":null,\"previous\":null,\"next\":");
    match &page.next {
        Some(next) => json::text(out, &url_with(call, &[], &[("marker", next)])),
        None => out.extend_from_slice(b"null"),
    }
    out.extend_from_slice(b",\"limit\":");
    json::int(out, i64::try_from(listing.limit).unwrap_or(i64::MAX));
    out.extend_from_slice(b",\"total\":null,\"partial\":");
    out.extend_from_slice(if page.next.is_some() { b"true" } else { b"false" });
    out.push(b'}');
}

fn sort(out: &mut Vec<u8>, call: &Call, listing: &Listing, page: &Page) {
    let Some((name, _)) = listing.sort.filter(|_| page.paged) else {
        out.extend_from_slice(b"null");
        return;
    };
    let (order, reverse) = match listing.order {
        Order::Ascending => ("asc", "desc"),
        Order::Descending => ("desc", "asc"),
    };
    out.extend_from_slice(b"{\"name\":");
    json::text(out, name);
    out.extend_from_slice(format!(",\"order\":\"{order}\",\"reverse\":").as_bytes());
    json::text(out, &url_with(call, &["marker"], &[("order", reverse)]));
    out.push(b'}');
}

fn filters(out: &mut Vec<u8>, view: &View, listing: &Listing, page: &Page) {
    out.push(b'{');
    if page.paged {
        for (index, filter) in view.filters.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            json::text(out, filter.name);
            out.push(b':');
            let given: Vec<_> =
                listing.filters.iter().filter(|given| given.0 == filter.name).collect();
            if given.is_empty() {
                out.extend_from_slice(b"null");
                continue;
            }
            out.push(b'[');
            for (index, (_, modifier, value)) in given.into_iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                out.extend_from_slice(b"{\"value\":");
                json::text(out, value);
                out.extend_from_slice(format!(",\"modifier\":\"{modifier}\"}}").as_bytes());
            }
            out.push(b']');
        }
    }
    out.push(b'}');
}
