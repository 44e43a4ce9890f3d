//! The audit log as resources.

use serde_json::Value;

use super::{asked_int, asked_text, lists_all, paged, row};
use crate::api::hooks::{Access, Answer, Asked, Source, is_visible};
use crate::api::query::Listing;
use crate::auth::identities;
use crate::error::{Error, Result};
use crate::model::resource::{NewResource, Resource};
use crate::model::{id, registry};
use crate::store::{After, AuditFilter, AuditRow, Condition, Op};

/// `audit`.
pub const SOURCE: Source = Source { name: "audit", list, get, write: None };

/// Rows read at a time.
const CHUNK: u32 = 500;

fn list(asked: &Asked<'_>) -> Result<Vec<Resource>> {
    let resource_id = asked.params.get("resourceId").and_then(number);
    let own = (!lists_all(asked)).then_some(asked.caller.account_id);
    let filter = AuditFilter {
        account_id: own.or_else(|| asked_int(asked.listing, "accountId")),
        since: asked_bound(asked.listing, Op::Gte).max(asked_bound(asked.listing, Op::Gt)),
        until: asked_bound(asked.listing, Op::Lt),
        event: asked_text(asked.listing, "eventType"),
        resource_type: asked_text(asked.listing, "resourceType"),
        resource_id,
        authenticated_as: asked_int(asked.listing, "authenticatedAsAccountId"),
        order: asked.listing.order,
        limit: CHUNK,
        ..AuditFilter::default()
    };
    // Entries are numbered as time goes by: sorted by id they are sorted by `created`, and the store
    // gives them in the order asked for.
    let by_time = asked.listing.sort.is_some_and(|sort| sort.1 == "created");
    let after = asked.listing.after.clone();
    let listing = Listing {
        conditions: conditions(asked.listing, resource_id),
        limit: asked.listing.limit,
        offset: asked.listing.offset,
        after: after
            .map(|after| if by_time { After { value: Value::Null, ..after } } else { after }),
        order: asked.listing.order,
        sort: asked.listing.sort.filter(|_| !by_time),
        ..Default::default()
    };
    let by_id = listing.sort.is_none();
    let last = listing.after.as_ref().filter(|_| by_id).and_then(|after| after.id.as_i64());
    paged(&listing, |after| {
        let after = if after == 0 { last } else { Some(after) };
        let filter = AuditFilter { after, ..filter.clone() };
        Ok(asked.read.audit(&filter)?.into_iter().map(resource).collect())
    })
}

/// The number of an id, however it is written.
fn number(text: &str) -> Option<i64> {
    id::parse(text).or_else(|| text.trim().parse().ok())
}

/// What is left to compare once the store has looked at the resource's id: the schema calls it a number,
/// so `1st5` is taken for a value that no row has.
fn conditions(listing: &Listing, resource_id: Option<i64>) -> Vec<Condition> {
    let mut kept = listing.conditions.clone();
    if resource_id.is_some() {
        kept.retain(|said| {
            let no_row = said.field == "id" && said.value.as_i64() == Some(-1);
            said.field != "resourceId" && !no_row
        });
    }
    kept
}

/// What a list says of when entries were made.
fn asked_bound(listing: &Listing, op: Op) -> Option<i64> {
    let said = listing.conditions.iter().find(|said| said.field == "created" && said.op == op)?;
    said.value.as_i64()
}

fn get(asked: &Asked<'_>, text: &str) -> Result<Option<Resource>> {
    let Some(id) = id::parse(text) else { return Ok(None) };
    let row = asked.read.audit_entry(id)?.map(resource);
    Ok(row
        .filter(|row| asked.caller.all_accounts || row.account_id == Some(asked.caller.account_id)))
}

/// `resource`: what the entry is about, as far as it is still there.
pub fn of_resource(access: &Access<'_>) -> Result<Answer> {
    let gone = || Error::not_found().message("what the entry is about is not there any more");
    let ty = access.row.str("resourceType").ok_or_else(gone)?;
    let id = access.row.str("resourceId").and_then(id::parse).ok_or_else(gone)?;
    let entry = registry::lookup(ty).ok_or_else(gone)?;
    let row = access.read.get(id)?.filter(|row| row.ty == entry.base).ok_or_else(gone)?;
    if is_visible(access.read, access.caller, &row)? { Ok(Answer::Row(row)) } else { Err(gone()) }
}

/// `authenticatedAsIdentity`: the person that called, as an identity.
pub fn authenticated_as(access: &Access<'_>) -> Result<Answer> {
    let nobody = || Error::not_found().message("nobody had logged in for this");
    let account = access.row.int("authenticatedAsAccountId").ok_or_else(nobody)?;
    let prefix = registry::lookup("account").map_or("", |entry| entry.prefix.as_str());
    let text = format!("rancher_id:{}", id::format(prefix, account));
    let found = identities::by_id(access.read, &text)?.ok_or_else(nobody)?;
    Ok(Answer::Row(super::identities::resource(&found)))
}

fn resource(entry: AuditRow) -> Resource {
    let mut new = NewResource::new("auditLog", String::new());
    let ty = entry.entry.resource_type;
    let prefix = ty.as_deref().and_then(registry::lookup).map_or("", |entry| entry.prefix.as_str());
    let resource_id = entry.entry.resource_id.map(|id| id::format(prefix, id));
    new.data = entry.entry.data;
    new.account_id = entry.entry.account_id;
    let new = new
        .with("authenticatedAsAccountId", entry.entry.authenticated_as)
        .with("eventType", entry.entry.event)
        .with("resourceType", ty)
        .with("resourceId", resource_id.map_or(Value::Null, Value::from));
    Resource { id: entry.id, created: entry.created, ..row(new) }
}
