//! Certificates that balancers ask an ACME server for: who wants which, the account, getting one, and
//! getting it anew in time.
//!
//! A balancer names them in a label. Each name has one certificate in its environment, made as soon as a
//! balancer answers for the name; its `create` and `update` processes ask the server. Nothing is asked
//! that nobody wants any more.

mod answers;

use std::sync::Arc;

use serde_json::{Map, Value};

use super::site::Site;
use super::step::{Definition, Next, Outcome, Step, StepFuture, Work};
use super::tasks::Found;
use super::{balancer, certificates, secrets, service_log, start};
use crate::acme::{self, Fault, Issued, Order};
use crate::balancer::Challenges;
use crate::certificate;
use crate::error::{Error, Result};
use crate::model::resource::Resource;
use crate::store::{Query, Read, Tx};

/// The label of a balancer with the names it wants certificates for.
pub const LABEL: &str = "io.ranchette.acme";
/// URL of the server's directory.
pub const DIRECTORY: &str = "acme.directory.url";
/// Whether an administrator agrees to the server's terms.
pub const AGREED: &str = "acme.terms.agreed";
const EMAIL: &str = "acme.email";
const AUTHORITIES: &str = "acme.ca.file";

/// The field of a certificate with the name it is asked for; not shown.
pub const NAME: &str = "acmeName";
/// Why it could not be had when it was last asked for; not shown.
pub const FAULT: &str = "acmeFault";
/// How often it was asked for in vain; not shown.
const TRIES: &str = "acmeTries";
/// When it is asked for anew, in Unix milliseconds; not shown.
pub const RENEWS: &str = "acmeRenews";
/// The field of an environment with its account's sealed key; not shown.
pub const ACCOUNT: &str = "acmeAccount";
/// The field of an environment with the thumbprint of that key; not shown.
pub const THUMBPRINT: &str = "acmeThumbprint";

/// How often it was looked in vain whether its balancers answer; not shown.
const LOOKS: &str = "acmeLooks";
/// How long it is waited before the next look, in seconds. After the last of them the server is asked all the
/// same: it may reach what cannot be reached from here.
const LOOKS_S: &[i64] = &[1, 1, 2, 2, 5, 5, 10, 10, 30];

/// How long it is waited after so many vain tries, in minutes; the last from then on. A server such as
/// Let's Encrypt takes five failures of a name an hour.
const PAUSES_MIN: &[i64] = &[5, 15, 60, 180, 360, 720, 1440];
/// How long it is waited at least when the server asks for it, in minutes.
const LIMITED_MIN: i64 = 180;
const MINUTE_MS: i64 = 60_000;

/// What a certificate goes through.
pub const PROCESSES: &[Definition] =
    &[obtaining("certificate.create"), obtaining("certificate.update")];

const fn obtaining(name: &'static str) -> Definition {
    Definition { name, steps: &[Step { name: "obtain", run: obtain }], tries: None, give_up: None }
}

/// Names of a balancer's label: those that can be proved, and what cannot.
pub fn names(service: &Resource) -> (Vec<String>, Vec<String>) {
    let labels = service.map("launchConfig").and_then(|launch| launch.get("labels")?.as_object());
    let text = labels.and_then(|labels| labels.get(LABEL)?.as_str()).unwrap_or("");
    let mut names: Vec<String> = Vec::new();
    for name in text.split(',').map(|name| name.trim().to_ascii_lowercase()) {
        if !name.is_empty() && !names.contains(&name) {
            names.push(name);
        }
    }
    names.into_iter().partition(|name| is_provable(name))
}

/// Whether a word is a host name with a dot that is no address: wildcards are not proved over HTTP.
fn is_provable(name: &str) -> bool {
    let fits = |part: &str| {
        (1..=63).contains(&part.len())
            && part.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-')
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    let is_address = name.parse::<std::net::IpAddr>().is_ok();
    name.len() <= 253 && name.contains('.') && name.split('.').all(fits) && !is_address
}

/// What a balancer answers to an ACME server.
///
/// # Errors
/// When the database fails.
pub fn challenges(read: &Read<'_>, service: &Resource) -> Result<Option<Challenges>> {
    let (names, _) = names(service);
    if names.is_empty() {
        return Ok(None);
    }
    let environment = service.account_id.map(|id| read.get(id)).transpose()?.flatten();
    let thumbprint = environment.and_then(|row| row.str(THUMBPRINT).map(str::to_owned));
    Ok(thumbprint.map(|thumbprint| Challenges { names, thumbprint }))
}

/// The certificates of an environment that come from an ACME server.
///
/// # Errors
/// When the database fails.
pub fn issued(read: &Read<'_>, environment: Option<i64>) -> Result<Vec<Resource>> {
    let query = Query {
        ty: "certificate",
        account_id: environment,
        limit: usize::MAX >> 1,
        ..Query::default()
    };
    let mut found = read.list(&query)?;
    found.retain(|row| row.str(NAME).is_some());
    Ok(found)
}

/// The certificates that a balancer's label asks for, as far as they are there.
///
/// # Errors
/// When the database fails.
pub fn of_balancer(read: &Read<'_>, service: &Resource) -> Result<Vec<Resource>> {
    let (names, _) = names(service);
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let all = issued(read, service.account_id)?;
    let named = |name: &String| all.iter().find(|row| row.str(NAME) == Some(name)).cloned();
    Ok(names.iter().filter_map(named).filter(|row| row.str("cert").is_some()).collect())
}

/// Whether a balancer's label asks for a certificate.
pub fn is_wanted_by(service: &Resource, certificate: &Resource) -> bool {
    let name = certificate.str(NAME);
    name.is_some_and(|name| names(service).0.iter().any(|wanted| wanted == name))
}

/// Makes the environment's account and the thumbprint of its key, if it has none.
///
/// # Errors
/// When the database or the vault fails.
pub async fn account(site: &Arc<Site>, environment: i64) -> Result<()> {
    let known = site.store.read(|read| read.get(environment))?;
    let Some(row) = known.filter(|row| row.str(THUMBPRINT).is_none()) else { return Ok(()) };
    let failed = |fault: Fault| Error::internal(fault.message);
    let key = acme::new_key().map_err(failed)?;
    let thumbprint = acme::thumbprint(&key).map_err(failed)?;
    let sealed = secrets::seal(&site.vault, row.ty, &row.uuid, &key)?;
    let keep = move |tx: &mut Tx<'_>| {
        let known = tx.get(environment)?;
        if known.is_none_or(|row| row.str(THUMBPRINT).is_some()) {
            return Ok(());
        }
        tx.update(environment, |row| {
            row.set(ACCOUNT, sealed);
            row.set(THUMBPRINT, thumbprint);
            Ok(())
        })?;
        Ok(())
    };
    site.store.write(keep).await
}

/// What is to be done for a certificate.
enum Plan {
    /// It is none of ours, or good for a while.
    Nothing,
    /// No balancer wants it any more.
    Unwanted,
    /// It is asked for.
    Ask(Order),
}

impl Plan {
    fn read(site: &Site, read: &Read<'_>, row: &Resource) -> Result<Self> {
        let Some(name) = row.str(NAME) else { return Ok(Self::Nothing) };
        let is_there = row.str("cert").is_some();
        if is_there && !is_due(row, site.clock.now_ms()) {
            return Ok(Self::Nothing);
        }
        if balancer::with_certificate(read, row)?.is_empty() {
            return Ok(if is_there { Self::Nothing } else { Self::Unwanted });
        }
        let Some(environment) = row.account_id.map(|id| read.get(id)).transpose()?.flatten() else {
            return Ok(Self::Unwanted);
        };
        let setting = |name: &str| -> Result<Option<String>> {
            Ok(read.setting(name)?.filter(|value| !value.trim().is_empty()))
        };
        Ok(Self::Ask(Order {
            directory: setting(DIRECTORY)?.unwrap_or_default(),
            authorities: setting(AUTHORITIES)?.map(Into::into),
            rules: super::outbound::rules(read)?,
            email: setting(EMAIL)?,
            account_key: secrets::unseal(&site.vault, &environment, ACCOUNT)?,
            name: name.to_owned(),
        }))
    }
}

/// Whether a certificate is to be asked for anew.
fn is_due(row: &Resource, now: i64) -> bool {
    row.int(RENEWS).is_some_and(|at| at <= now)
}

/// The step that asks for a certificate; one that is none of ours has nothing to do.
fn obtain(work: Work) -> StepFuture {
    Box::pin(async move {
        let plan = work.site.store.read(|read| Plan::read(&work.site, read, &work.resource))?;
        let order = match plan {
            Plan::Nothing => return Ok(Outcome::Pass),
            Plan::Unwanted => {
                return Outcome::commit(|_, _| Ok(Next::Chain("remove", Map::new())));
            }
            Plan::Ask(order) => order,
        };
        let looks = usize::try_from(work.resource.int(LOOKS).unwrap_or(0)).unwrap_or(0);
        if let Some(pause_s) = LOOKS_S.get(looks)
            && !answers::are_there(&work.site, &work.resource, &order.name).await?
        {
            return Outcome::commit(move |tx, work| look_again(tx, work, &order.name, *pause_s));
        }
        let outcome = work.site.authority.issue(&order).await;
        let outcome = outcome.and_then(|issued| Kept::new(&work, &order, &issued));
        Outcome::commit(move |tx, work| match outcome {
            Ok(kept) => keep(tx, work, kept),
            Err(fault) => wait(tx, work, &order, &fault),
        })
    })
}

fn look_again(tx: &mut Tx<'_>, work: &Work, name: &str, pause_s: i64) -> Result<Next> {
    tx.update(work.resource.id, |row| {
        row.set(LOOKS, row.int(LOOKS).unwrap_or(0) + 1);
        Ok(())
    })?;
    let until = tx.now.saturating_add(pause_s * 1000);
    let message = format!("waits until its balancers answer for `{name}`");
    Ok(Next::Wait { until: Some(until), message })
}

/// What is stored of a certificate.
struct Kept {
    fields: Map<String, Value>,
    expires: String,
}

impl Kept {
    fn new(work: &Work, order: &Order, issued: &Issued) -> Result<Self, Fault> {
        let wrong = |what: String| Fault { message: what, limited: false };
        let facts = certificate::check(&issued.cert, &issued.key, &issued.chain)
            .map_err(|fault| wrong(format!("what the ACME server sent is wrong: field {fault}")))?;
        let sealed = secrets::seal(
            &work.site.vault,
            "certificate",
            &work.resource.uuid,
            issued.key.as_bytes(),
        )
        .map_err(|error| wrong(error.to_string()))?;
        let renews_s = renews_s(facts.not_before_s, facts.not_after_s);
        let mut fields = certificates::fields(&facts);
        let mut set = |field: &str, value: Value| fields.insert(field.to_owned(), value);
        set("cert", issued.cert.clone().into());
        set("certChain", issued.chain.clone().into());
        set(secrets::KEY, sealed.into());
        set(RENEWS, renews_s.saturating_mul(1000).into());
        set(TRIES, 0.into());
        set(LOOKS, 0.into());
        set(FAULT, Value::Null);
        let (from, date) = (host_of(&order.directory), certificates::date(renews_s));
        set("description", format!("from {from}; renewed by itself from {date} on").into());
        Ok(Self { fields, expires: certificates::date(facts.not_after_s) })
    }
}

/// When two thirds of a certificate's time are over.
fn renews_s(not_before_s: i64, not_after_s: i64) -> i64 {
    let life = not_after_s.saturating_sub(not_before_s).max(0);
    not_before_s.saturating_add(life / 3 * 2)
}

/// The host of a URL, for people.
fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}

fn keep(tx: &mut Tx<'_>, work: &Work, kept: Kept) -> Result<Next> {
    let id = work.resource.id;
    let row = tx.update(id, |row| {
        for (field, value) in kept.fields {
            row.set(&field, value);
        }
        Ok(())
    })?;
    let name = row.str(NAME).unwrap_or_default();
    let message = format!("there is a certificate for `{name}`, valid until {}", kept.expires);
    for service in balancer::with_certificate(tx, &row)? {
        service_log::write(tx, &service, "service.certificate.issued", "info", message.clone())?;
    }
    Ok(Next::Finish)
}

fn wait(tx: &mut Tx<'_>, work: &Work, order: &Order, fault: &Fault) -> Result<Next> {
    let tries = work.resource.int(TRIES).unwrap_or(0);
    let until = tx.now.saturating_add(pause_ms(tries, fault.limited));
    let message = format!(
        "no certificate for `{}` yet: {}; asked for again at {}",
        order.name,
        fault.message,
        certificates::date(until / 1000)
    );
    let told = message.clone();
    let row = tx.update(work.resource.id, |row| {
        row.set(TRIES, tries + 1);
        row.set(LOOKS, 0);
        row.set(FAULT, told);
        Ok(())
    })?;
    for service in balancer::with_certificate(tx, &row)? {
        service_log::write(tx, &service, "service.certificate.missing", "warn", message.clone())?;
    }
    Ok(Next::Wait { until: Some(until), message })
}

/// How long to wait after the try that follows `tries` vain ones.
fn pause_ms(tries: i64, limited: bool) -> i64 {
    let at = usize::try_from(tries).unwrap_or(0).min(PAUSES_MIN.len() - 1);
    let minutes = PAUSES_MIN.get(at).copied().unwrap_or(LIMITED_MIN);
    MINUTE_MS * if limited { minutes.max(LIMITED_MIN) } else { minutes }
}

/// Starts asking anew for every certificate of which two thirds of the time are over.
///
/// # Errors
/// When the database fails.
pub async fn renew(site: &Site) -> Result<Found> {
    let now = site.clock.now_ms();
    let due = site.store.read(|read| {
        let mut due = Vec::new();
        for row in issued(read, None)? {
            let ready = row.state == "active" && is_due(&row, now);
            if ready && !balancer::with_certificate(read, &row)?.is_empty() {
                due.push(row.id);
            }
        }
        Ok(due)
    })?;
    if due.is_empty() {
        return Ok(Found::Nothing);
    }
    let begin = move |tx: &mut Tx<'_>| {
        for id in due {
            let idle = tx.get(id)?.is_some_and(|row| row.state == "active");
            if idle && tx.open_process(id)?.is_none() {
                start(tx, id, "update", Map::new())?;
            }
        }
        Ok(())
    };
    site.store.write(begin).await?;
    Ok(Found::Work)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_can_be_proved_over_http() {
        let check = |name: &str, expect: bool| assert_eq!(is_provable(name), expect, "{name}");
        check("a.example", true);
        check("xn--mnchen-3ya.example", true);
        check("*.example", false);
        check("localhost", false);
        check("10.0.0.1", false);
        check("a..example", false);
        check("-a.example", false);
        check("a.example/x", false);
        check("a.example }", false);
    }

    #[test]
    fn tries_become_rarer() {
        let check = |tries, limited, expect_min| {
            assert_eq!(pause_ms(tries, limited), expect_min * MINUTE_MS, "{tries} {limited}");
        };
        check(0, false, 5);
        check(2, false, 60);
        check(100, false, 1440);
        check(0, true, 180);
        check(5, true, 720);
    }

    #[test]
    fn a_third_of_the_time_is_left_to_renew() {
        assert_eq!(renews_s(1000, 1000 + 90 * 86_400), 1000 + 60 * 86_400);
        assert_eq!(renews_s(10, 5), 10);
        assert_eq!(host_of("https://acme.example:14000/dir"), "acme.example:14000");
    }
}
