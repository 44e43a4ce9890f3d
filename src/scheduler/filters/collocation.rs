//! `dataVolumesFrom` and `networkMode=container`: on the host of the containers named.

use super::{Constraint, Host, Number, Refusal, View};
use crate::scheduler::place::Candidates;

struct SameHost<'a> {
    host: Option<&'a Host>,
    names: Vec<&'a str>,
}

pub(super) fn constraints<'a>(
    view: &View<'a>,
    into: &mut Vec<Box<dyn Constraint + 'a>>,
) -> Result<(), Refusal> {
    let mut names: Vec<&'a str> = Vec::new();
    let mut host = None;
    for dependency in view.request.members.iter().flat_map(|member| &member.dependencies) {
        names.push(&dependency.name);
        match (dependency.host, host) {
            (None, _) => {
                return Err(Refusal::DependencyUnplaced { name: dependency.name.clone() });
            }
            (Some(its), Some(other)) if its != other => {
                let names = names.into_iter().map(str::to_owned).collect();
                return Err(Refusal::DependenciesApart { names });
            }
            (Some(its), _) => host = Some(its),
        }
    }
    if let Some(id) = host {
        into.push(Box::new(SameHost { host: view.fleet.host_by_id(id), names }));
    }
    Ok(())
}

impl SameHost<'_> {
    fn host_name(&self) -> &str {
        self.host.map_or("a removed host", |host| &host.name)
    }
}

impl Constraint for SameHost<'_> {
    fn is_pin(&self) -> bool {
        true
    }

    fn fits(&self, host: &Host) -> bool {
        self.host.is_some_and(|wanted| wanted.id == host.id)
    }

    fn demand(&self) -> String {
        format!("On the same host ({}) as {}", self.host_name(), self.names.join(", "))
    }

    fn shortfall(&self, _host: &Host, number: Number) -> String {
        let (be, names) = (number.verb("is", "are"), self.names.join(", "));
        format!("{be} not the host of {names} ({})", self.host_name())
    }

    fn candidates(&self) -> Candidates<'_> {
        Candidates::Listed(self.host.iter().map(|host| host.slot).collect())
    }
}
