//! Services of a stack that are activated together: those that others are linked to come first.
//!
//! All of them are `activating` at once, as clients expect. One that is linked to others that are still on their way
//! is held: its containers are made when the others are active, or have failed, or are somewhere else by now. What
//! it waits for is on its row and the wait is its process's, so that a server that is killed goes on with it. Links
//! may lead round in a circle: then nobody waits for whoever waits for them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::step::Work;
use super::{may_begin, service_log, start};
use crate::error::Result;
use crate::model::resource::Resource;
use crate::store::{Read, Tx};

/// Field of a service, and of what its activation is told: the services that it waits for.
const AFTER: &str = "startsAfter";

/// A service waits for others no longer than this, in milliseconds.
const LONGEST_MS: i64 = 10 * 60 * 1000;

/// States in which a service has not been started yet, and will be.
const COMING: &[&str] = &["registering", "activating"];

/// Activates those of a stack's services that can be, each after those that it is linked to.
///
/// # Errors
/// When the database fails.
pub fn activate(tx: &mut Tx<'_>, services: &[Resource]) -> Result<()> {
    let beginning: BTreeSet<i64> = services
        .iter()
        .filter(|service| may_begin(service, "activate"))
        .map(|service| service.id)
        .collect();
    let mut links = BTreeMap::new();
    for id in &beginning {
        let mut others = Vec::new();
        for link in tx.referrers("serviceConsumeMap", "serviceId", *id)? {
            let Some(other) = link.int("consumedServiceId") else { continue };
            if beginning.contains(&other) || is_coming(tx, other)? {
                others.push(other);
            }
        }
        links.insert(*id, others);
    }
    for (id, after) in sequence(&links) {
        let mut data = Map::new();
        if !after.is_empty() {
            data.insert(AFTER.to_owned(), after.into());
        }
        start(tx, id, "activate", data)?;
    }
    Ok(())
}

/// Every service with those that it waits for, which come before it: whom it is linked to, without those that wait
/// for it themselves. Who is linked to but has no entry waits for nobody.
fn sequence(links: &BTreeMap<i64, Vec<i64>>) -> Vec<(i64, Vec<i64>)> {
    let mut found: Vec<(i64, Vec<i64>)> = Vec::new();
    let (mut seen, mut done) = (BTreeSet::new(), BTreeSet::new());
    for first in links.keys() {
        // Who is being looked at, and how many of its links have been followed.
        let mut path = vec![(*first, 0)];
        while let Some((id, followed)) = path.pop() {
            if followed == 0 && !seen.insert(id) {
                continue;
            }
            let others = links.get(&id).map_or(&[][..], Vec::as_slice);
            if let Some(next) = others.get(followed) {
                path.push((id, followed + 1));
                path.push((*next, 0));
                continue;
            }
            if links.contains_key(&id) {
                let before = others.iter().filter(|other| done.contains(*other));
                let before: BTreeSet<i64> = before.copied().collect();
                found.push((id, before.into_iter().collect()));
            }
            done.insert(id);
        }
    }
    found
}

/// An activation begins, with what it waits for on the service.
///
/// # Errors
/// When the database fails.
pub fn begin(
    tx: &mut Tx<'_>,
    service: &Resource,
    transition: &str,
    data: &mut Map<String, Value>,
) -> Result<()> {
    service_log::begin(tx, service, transition, data)?;
    let after = data.shift_remove(AFTER);
    if after.is_some() || service.data.contains_key(AFTER) {
        tx.update(service.id, |service| {
            // None are left of an activation before.
            service.data.shift_remove(AFTER);
            if let Some(after) = after {
                service.set(AFTER, after);
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// Whether a service is not to have containers yet, because it waits for others.
pub fn is_held(service: &Resource) -> bool {
    service.state == "activating" && service.data.contains_key(AFTER)
}

/// Lets a held service go if it need not wait any more; what it waits for, if it must.
pub(super) fn release(tx: &mut Tx<'_>, work: &Work) -> Result<Option<String>> {
    let service = tx.require("service", work.resource.id)?;
    if !is_held(&service) {
        return Ok(None);
    }
    if tx.now < work.process.created.saturating_add(LONGEST_MS) {
        for id in service.list(AFTER).iter().filter_map(Value::as_i64) {
            if let Some(other) = tx.get(id)?.filter(is_awaited) {
                return Ok(Some(format!(
                    "waits until service `{}` is active",
                    other.display_name()
                )));
            }
        }
    }
    tx.update(service.id, |service| {
        service.data.shift_remove(AFTER);
        Ok(())
    })?;
    Ok(None)
}

/// Whether a service has still to be waited for: it is on its way, and nothing has gone wrong with it.
fn is_awaited(other: &Resource) -> bool {
    let is_there = other.removed.is_none() && COMING.contains(&other.state.as_str());
    is_there && other.str("transitioning") != Some("error")
}

fn is_coming(read: &Read<'_>, id: i64) -> Result<bool> {
    Ok(read.get(id)?.is_some_and(|other| is_awaited(&other)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(links: &[(i64, &[i64])], expect: &[(i64, &[i64])]) {
        let links = links.iter().map(|(id, others)| (*id, others.to_vec())).collect();
        let expect: Vec<_> = expect.iter().map(|(id, others)| (*id, others.to_vec())).collect();
        assert_eq!(sequence(&links), expect);
    }

    #[test]
    fn whom_others_are_linked_to_comes_first() {
        check(&[], &[]);
        check(&[(1, &[]), (2, &[])], &[(1, &[]), (2, &[])]);
        check(&[(1, &[2]), (2, &[3]), (3, &[])], &[(3, &[]), (2, &[3]), (1, &[2])]);
        check(
            &[(1, &[2, 3]), (2, &[4]), (3, &[4]), (4, &[])],
            &[(4, &[]), (2, &[4]), (3, &[4]), (1, &[2, 3])],
        );
        // Linked twice, by two names; and to one that is on its way already.
        check(&[(1, &[2, 2]), (2, &[])], &[(2, &[]), (1, &[2])]);
        check(&[(1, &[9])], &[(1, &[9])]);
    }

    #[test]
    fn in_a_circle_nobody_waits_for_whoever_waits_for_them() {
        check(&[(1, &[1])], &[(1, &[])]);
        check(&[(1, &[2]), (2, &[1])], &[(2, &[]), (1, &[2])]);
        check(
            &[(1, &[2]), (2, &[3]), (3, &[1, 4]), (4, &[])],
            &[(4, &[]), (3, &[4]), (2, &[3]), (1, &[2])],
        );
    }

    #[test]
    fn a_chain_of_many_is_no_burden() {
        let links: BTreeMap<i64, Vec<i64>> = (0..20_000).map(|id| (id, vec![id + 1])).collect();
        let found = sequence(&links);
        assert_eq!((found.len(), found.first().map(|row| row.0)), (20_000, Some(19_999)));
    }
}
