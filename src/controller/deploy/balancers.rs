//! Rules of a stack's balancers, once the services that they name are there.

use serde_json::{Value, json};

use super::{Report, links};
use crate::compose::Kind;
use crate::compose::Project;
use crate::compose::plan::Action;
use crate::error::{Error, Result};
use crate::model::resource::Resource;
use crate::process::balancer;
use crate::process::links::Target;
use crate::store::Tx;

/// Puts the ids of certificates in the place of their names.
fn certificates(tx: &Tx<'_>, stack: &Resource, config: &mut Value) -> Result<()> {
    let Value::Object(config) = config else { return Ok(()) };
    let find = |name: &Value| -> Result<Value> {
        let name = name.as_str().unwrap_or_default();
        let found = tx.by_name("certificate", stack.account_id, name)?.into_iter().next();
        found.map(|row| row.id.into()).ok_or_else(|| {
            Error::field("InvalidReference", "certificateIds")
                .message(format!("the environment has no certificate `{name}`; create it first"))
        })
    };
    if let Some(Value::Array(names)) = config.shift_remove("certs") {
        let ids: Result<Vec<Value>> = names.iter().map(find).collect();
        config.insert("certificateIds".to_owned(), ids?.into());
    }
    if let Some(name) = config.shift_remove("defaultCert").filter(|name| !name.is_null()) {
        config.insert("defaultCertificateId".to_owned(), find(&name)?);
    }
    Ok(())
}

/// Puts the ids of services in the place of their names in the rules of every balancer that was made or
/// changed. A rule for a service that is not there leads nowhere until the file is applied again.
pub fn follow(tx: &mut Tx<'_>, stack: &Resource, project: &Project, report: &Report) -> Result<()> {
    let services = tx.referrers("service", "stackId", stack.id)?;
    let touched = report
        .changes
        .iter()
        .filter(|change| matches!(change.action, Action::Create | Action::Change));
    for change in touched {
        let is_balancer =
            |wanted: &&crate::compose::Service| wanted.kind == Kind::LoadBalancerService;
        let Some(wanted) = project.service(&change.service).filter(is_balancer) else { continue };
        let Some(row) = links::find(&services, &wanted.name).cloned() else { continue };
        let mut config = row.data.get("lbConfig").cloned().unwrap_or_else(|| json!({}));
        certificates(tx, stack, &mut config)?;
        let rules = config.get_mut("portRules").and_then(Value::as_array_mut);
        for rule in rules.into_iter().flatten().filter_map(Value::as_object_mut) {
            let Some(name) = rule.shift_remove("service") else { continue };
            let target = links::target(tx, stack, &services, name.as_str().unwrap_or_default())?;
            if let Some(Target::Known(id)) = target {
                rule.insert("serviceId".to_owned(), id.into());
            }
        }
        tx.update(row.id, |row| {
            row.set("lbConfig", config);
            if let Some(Value::Object(launch)) = row.data.get_mut("launchConfig") {
                balancer::default_check(launch);
            }
            Ok(())
        })?;
    }
    Ok(())
}
