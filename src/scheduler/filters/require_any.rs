//! The host label `io.rancher.scheduler.require_any`: the host takes only units of which a member
//! carries at least one of the labels listed; a bare key stands for any value.

use super::{Constraint, Host, Number, Refusal, View};
use crate::scheduler::facts::Labels;
use crate::scheduler::request::Request;

struct Admitted<'a> {
    request: &'a Request,
}

pub(super) fn constraints<'a>(
    view: &View<'a>,
    into: &mut Vec<Box<dyn Constraint + 'a>>,
) -> Result<(), Refusal> {
    if view.environment.picky_hosts > 0 {
        into.push(Box::new(Admitted { request: view.request }));
    }
    Ok(())
}

/// Whether the host takes a container with these labels.
pub(in crate::scheduler) fn admits(host: &Host, labels: &Labels) -> bool {
    host.require_any.is_empty()
        || host.require_any.iter().any(|(key, value)| {
            labels.iter().any(|(has_key, has_value)| {
                has_key.to_lowercase() == *key
                    && value.as_ref().is_none_or(|value| has_value.to_lowercase() == *value)
            })
        })
}

fn wanted(host: &Host) -> String {
    let shown = host.require_any.iter().map(|(key, value)| match value {
        Some(value) => format!("{key}={value}"),
        None => key.clone(),
    });
    shown.collect::<Vec<_>>().join(" or ")
}

impl Constraint for Admitted<'_> {
    fn fits(&self, host: &Host) -> bool {
        host.require_any.is_empty()
            || self.request.members.iter().any(|member| admits(host, &member.labels))
    }

    fn demand(&self) -> String {
        "container must have a label that the host requires".to_owned()
    }

    fn shortfall(&self, host: &Host, number: Number) -> String {
        let take = number.verb("takes", "take");
        format!("{take} only containers with label {}", wanted(host))
    }

    fn remedy(&self, host: &Host) -> Option<String> {
        Some(format!("give the container label {}", wanted(host)))
    }
}
