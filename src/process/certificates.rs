//! Certificates: the fields that show what one says, and word of those that are about to expire.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::site::Site;
use super::tasks::{Every, Found, Task};
use super::{balancer, object, service_log};
use crate::certificate::Facts;
use crate::error::Result;
use crate::model::resource::Resource;
use crate::store::{Query, Tx};

/// Until when it is valid, in Unix milliseconds; not shown.
const EXPIRES_MS: &str = "expiresMs";
/// How many days before its end a certificate was last told of; not shown.
pub const EXPIRY_TOLD: &str = "expiryTold";
/// Whole days left at which a certificate is told of; fewer than none when it has expired.
const DAYS: &[i64] = &[30, 14, 7, 3, 1, 0, -1];
const DAY_MS: i64 = 86_400_000;
/// The job's number.
const EXPIRING_ID: i64 = 41;
const HOUR_S: u64 = 3600;

/// The fields that a certificate shows of what it says.
pub fn fields(facts: &Facts) -> Map<String, Value> {
    object(json!({
        "CN": facts.common_name,
        "algorithm": facts.algorithm,
        "certFingerprint": facts.fingerprint,
        "expiresAt": date(facts.not_after_s),
        "issuedAt": date(facts.not_before_s),
        "issuer": facts.issuer,
        "keySize": facts.key_size,
        "serialNumber": facts.serial,
        "subjectAlternativeNames": facts.names,
        "version": facts.version.to_string(),
        EXPIRES_MS: facts.not_after_s.saturating_mul(1000),
        EXPIRY_TOLD: Value::Null,
    }))
}

/// A date as Java writes it, which clients of Rancher's read.
pub fn date(seconds: i64) -> String {
    match jiff::Timestamp::from_second(seconds) {
        Ok(date) => date.strftime("%a %b %d %H:%M:%S UTC %Y").to_string(),
        Err(_) => seconds.to_string(),
    }
}

/// The job: certificates that are about to expire are told of.
pub fn tasks() -> Vec<Task> {
    vec![Task::new(EXPIRING_ID, "certificates.expiring", Every::Seconds(HOUR_S), tell)]
}

/// Tells of each certificate that is due, in the log and in that of the services that use it.
///
/// # Errors
/// When the database fails.
pub async fn tell(site: Arc<Site>) -> Result<Found> {
    let query = Query { ty: "certificate", limit: usize::MAX >> 1, ..Query::default() };
    let now = site.clock.now_ms();
    let all = site.store.read(|read| read.list(&query))?;
    let due: Vec<i64> =
        all.iter().filter(|row| due(row, now).is_some()).map(|row| row.id).collect();
    if due.is_empty() {
        return Ok(Found::Nothing);
    }
    let told = site.store.write(move |tx| due.into_iter().map(|id| note(tx, id)).collect());
    let told: Vec<Option<String>> = told.await?;
    for message in told.into_iter().flatten() {
        tracing::warn!("{message}");
    }
    Ok(Found::Work)
}

/// The step of [`DAYS`] that a certificate has reached and was not told of yet.
fn due(certificate: &Resource, now: i64) -> Option<i64> {
    let left = certificate.int(EXPIRES_MS)?.saturating_sub(now).div_euclid(DAY_MS);
    let reached = DAYS.iter().copied().filter(|days| left <= *days).min()?;
    let told = certificate.int(EXPIRY_TOLD);
    told.is_none_or(|told| reached < told).then_some(reached)
}

fn note(tx: &mut Tx<'_>, id: i64) -> Result<Option<String>> {
    let Some(row) = tx.get(id)?.filter(|row| row.removed.is_none()) else { return Ok(None) };
    let Some(reached) = due(&row, tx.now) else { return Ok(None) };
    let ended = row.int(EXPIRES_MS).unwrap_or(0) <= tx.now;
    let message = format!(
        "certificate `{}` {}: {}",
        row.display_name(),
        if ended { "has expired" } else { "expires soon" },
        row.str("expiresAt").unwrap_or_default()
    );
    tx.update(id, |row| {
        row.set(EXPIRY_TOLD, reached);
        Ok(())
    })?;
    for service in balancer::with_certificate(tx, &row)? {
        let event = "service.certificate.expiring";
        service_log::write(tx, &service, event, "warn", message.clone())?;
    }
    Ok(Some(message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::resource::NewResource;

    fn certificate(left_ms: i64, told: Option<i64>) -> Resource {
        let new = NewResource::new("certificate", String::new());
        new.with(EXPIRES_MS, left_ms).with(EXPIRY_TOLD, told).into()
    }

    #[test]
    fn each_step_is_told_once() {
        let hour = DAY_MS / 24;
        let check = |left_ms, told, expect| {
            assert_eq!(due(&certificate(left_ms, told), 0), expect, "{left_ms} {told:?}");
        };
        check(40 * DAY_MS, None, None);
        check(30 * DAY_MS + hour, None, Some(30));
        check(29 * DAY_MS, Some(30), None);
        check(13 * DAY_MS, Some(30), Some(14));
        check(13 * DAY_MS, None, Some(14));
        check(DAY_MS + hour, Some(3), Some(1));
        check(hour, Some(1), Some(0));
        check(-hour, Some(0), Some(-1));
        check(-hour, Some(-1), None);
    }

    #[test]
    fn dates_are_written_as_java_does() {
        assert_eq!(date(1_486_144_761), "Fri Feb 03 17:59:21 UTC 2017");
    }
}
