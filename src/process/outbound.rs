//! Which addresses may be called on behalf of people, as settings say it.

use crate::error::{Error, Result};
use crate::outbound::Rules;
use crate::outbound::rules::Private;
use crate::store::Read;

/// Addresses and networks that may always be called.
const ALLOW: &str = "outbound.allow";
/// Whether private networks may be.
const PRIVATE: &str = "outbound.private";

/// The rules that are in force.
///
/// # Errors
/// When a setting says no address: nothing is called then.
pub fn rules(read: &Read<'_>) -> Result<Rules> {
    let allow = read.setting(ALLOW)?.unwrap_or_default();
    let private = match read.setting(PRIVATE)?.as_deref() {
        Some("false") => Private::Blocked,
        _ => Private::Allowed,
    };
    Rules::parse(&allow, private)
        .map_err(|why| Error::code("InvalidFormat").message(format!("setting `{ALLOW}`: {why}")))
}
