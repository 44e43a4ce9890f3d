//! External services: one membership for each address or host name outside.

use crate::error::Result;
use crate::model::resource::{NewResource, Resource};
use crate::store::Tx;

/// Makes the memberships those of the service's addresses while it is active, and none otherwise.
///
/// # Errors
/// When the database fails.
pub fn follow(tx: &mut Tx<'_>, service: &Resource) -> Result<()> {
    if service.kind != "externalService" {
        return Ok(());
    }
    let active = crate::model::names::is_active_service(&service.state);
    let mut wanted: Vec<(&str, &str)> = Vec::new();
    if active {
        wanted
            .extend(service.strings("externalIpAddresses").into_iter().map(|ip| ("ipAddress", ip)));
        wanted.extend(service.str("hostname").map(|name| ("hostName", name)));
    }
    let known = tx.referrers("serviceExposeMap", "serviceId", service.id)?;
    let is = |row: &Resource, (field, text): &(&str, &str)| row.str(field) == Some(*text);
    for row in &known {
        if !wanted.iter().any(|want| is(row, want)) {
            super::retire(tx, row.id)?;
        }
    }
    for want in &wanted {
        if known.iter().any(|row| is(row, want)) {
            continue;
        }
        let mut row = NewResource::new("serviceExposeMap", tx.entropy.uuid())
            .state("active")
            .with("serviceId", service.id)
            .with("managed", true)
            .with(want.0, want.1);
        row.account_id = service.account_id;
        tx.insert(row)?;
    }
    Ok(())
}
