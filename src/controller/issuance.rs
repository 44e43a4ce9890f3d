//! Sees to it that the names in balancers' labels have certificates, and that balancers say what is in the
//! way. Called by the loop of balancers; it only makes rows, and their processes ask the ACME server.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::balancer;
use crate::error::Result;
use crate::model::resource::{NewResource, Resource};
use crate::process::balancer as process_balancer;
use crate::process::issuance::{self, FAULT, LABEL, NAME};
use crate::process::tasks::{Every, Found, Task};
use crate::process::{self, site::Site};
use crate::store::{Read, Tx};

/// The field of a balancer that says why it lacks a certificate; shown as its message.
pub const TROUBLE: &str = "acmeTrouble";

/// The job's number.
const JOB_ID: i64 = 42;
const MINUTE_S: u64 = 60;

/// The job: looks after the names of all balancers, as settings may have changed, and asks anew for the
/// certificates that are due.
pub fn tasks() -> Vec<Task> {
    vec![Task::new(JOB_ID, "certificates.acme", Every::Seconds(MINUTE_S), look_after_all)]
}

async fn look_after_all(site: Arc<Site>) -> Result<Found> {
    for environment in super::balancers::environments(&site, None)? {
        look(&site, environment).await?;
    }
    issuance::renew(&site).await
}

/// What is to be done in an environment.
#[derive(Debug, Default, PartialEq)]
struct Findings {
    /// Whether names are wanted and there is no account yet.
    needs_account: bool,
    /// Names that a balancer answers for and that have no certificate.
    missing: Vec<String>,
    /// Balancers whose message changes.
    troubles: Vec<(i64, Option<String>)>,
}

/// Looks after the names of an environment.
///
/// # Errors
/// When the database or the vault fails.
pub async fn look(site: &Arc<Site>, environment: i64) -> Result<()> {
    let findings = site.store.read(|read| Findings::read(read, environment))?;
    if findings.needs_account {
        issuance::account(site, environment).await?;
    }
    if findings.missing.is_empty() && findings.troubles.is_empty() {
        return Ok(());
    }
    site.store.write(move |tx| findings.put(tx, environment)).await
}

impl Findings {
    fn read(read: &Read<'_>, environment: i64) -> Result<Self> {
        let mut findings = Self::default();
        let mut issued = None;
        for service in process_balancer::balancers(read, Some(environment))? {
            let (names, wrong) = issuance::names(&service);
            let told = service.str(TROUBLE);
            if names.is_empty() && wrong.is_empty() && told.is_none() {
                continue;
            }
            let issued = match &mut issued {
                Some(issued) => issued,
                None => issued.insert(issuance::issued(read, Some(environment))?),
            };
            let trouble = match refusal(read, &service, &names, &wrong)? {
                Some(trouble) => Some(trouble),
                None if names.is_empty() => None,
                None => findings.names(read, &service, &names, issued)?,
            };
            if trouble.as_deref() != told {
                findings.troubles.push((service.id, trouble));
            }
        }
        Ok(findings)
    }

    /// Notes what a balancer's names lack; what is to be said about those that were asked for in vain.
    fn names(
        &mut self,
        read: &Read<'_>,
        service: &Resource,
        names: &[String],
        issued: &[Resource],
    ) -> Result<Option<String>> {
        let mut trouble = None;
        let answers = answers(read, service)?;
        self.needs_account |= issuance::challenges(read, service)?.is_none();
        for name in names {
            match issued.iter().find(|row| row.str(NAME) == Some(name)) {
                Some(row) => trouble = trouble.or(row.str(FAULT).map(str::to_owned)),
                None if !read
                    .by_name("certificate", service.account_id, &called(name))?
                    .is_empty() =>
                {
                    let taken = called(name);
                    trouble = Some(format!(
                        "there is a certificate `{taken}` that somebody stored; `{name}` gets no other"
                    ));
                }
                None if answers && !self.missing.contains(name) => self.missing.push(name.clone()),
                None => {}
            }
        }
        Ok(trouble)
    }

    fn put(self, tx: &mut Tx<'_>, environment: i64) -> Result<()> {
        for name in self.missing {
            // Another look may have made it meanwhile.
            if tx.by_name("certificate", Some(environment), &called(&name))?.is_empty() {
                let row = NewResource::new("certificate", tx.entropy.uuid())
                    .account(environment)
                    .name(called(&name))
                    .with(NAME, name);
                process::create(tx, row, Map::new())?;
            }
        }
        for (id, trouble) in self.troubles {
            tx.update(id, |row| {
                row.set(TROUBLE, trouble.map_or(Value::Null, Value::from));
                Ok(())
            })?;
        }
        Ok(())
    }
}

/// The certificate of a name.
fn called(name: &str) -> String {
    format!("acme-{name}")
}

/// Why nothing can be asked for.
fn refusal(
    read: &Read<'_>,
    service: &Resource,
    names: &[String],
    wrong: &[String],
) -> Result<Option<String>> {
    if let Some(wrong) = wrong.first() {
        return Ok(Some(format!(
            "`{wrong}` in the label `{LABEL}` is no name that can be proved over HTTP"
        )));
    }
    if names.is_empty() {
        return Ok(None);
    }
    if !read.setting_flag(issuance::AGREED)? {
        let directory = read.setting(issuance::DIRECTORY)?.unwrap_or_default();
        return Ok(Some(format!(
            "no certificate is asked for until the setting `{}` is `true`, which agrees to the terms of {directory}",
            issuance::AGREED
        )));
    }
    Ok(balancer::unproved(&process_balancer::balancer(read, service)?))
}

/// Whether some container of a balancer runs with a configuration that answers for its names.
fn answers(read: &Read<'_>, service: &Resource) -> Result<bool> {
    if issuance::challenges(read, service)?.is_none() {
        return Ok(false);
    }
    let mut hashes = process_balancer::Hashes::of(read, service);
    for container in read.referrers("instance", "serviceId", service.id)? {
        let runs = container.state == "running";
        if runs && !process_balancer::differs(&container, hashes.wanted(&container)?) {
            return Ok(true);
        }
    }
    Ok(false)
}
