//! Which images a host runs: `sim:` images need a simulated host, and simulated hosts beside real ones
//! take nothing else.

use super::{Constraint, Host, Number, Refusal, View};
use crate::scheduler::facts::Images;

struct Runs {
    simulated: bool,
}

/// `sim:` images, whatever the user asks for: a real engine does not have them.
pub(super) fn simulated<'a>(
    view: &View<'a>,
    into: &mut Vec<Box<dyn Constraint + 'a>>,
) -> Result<(), Refusal> {
    let asked = view.request.members.iter().any(|member| member.simulated);
    if asked && view.environment.choosy_hosts > 0 {
        into.push(Box::new(Runs { simulated: true }));
    }
    Ok(())
}

/// Other images, while the scheduler is free to choose.
pub(super) fn real<'a>(
    view: &View<'a>,
    into: &mut Vec<Box<dyn Constraint + 'a>>,
) -> Result<(), Refusal> {
    let asked = view.request.members.iter().any(|member| !member.simulated);
    if asked && view.environment.choosy_hosts > 0 {
        into.push(Box::new(Runs { simulated: false }));
    }
    Ok(())
}

impl Constraint for Runs {
    fn fits(&self, host: &Host) -> bool {
        match host.images {
            Images::Any => true,
            Images::Real => !self.simulated,
            Images::Simulated => self.simulated,
        }
    }

    fn demand(&self) -> String {
        let kind = if self.simulated { "a simulated host" } else { "a host that is not simulated" };
        format!("image needs {kind}")
    }

    fn shortfall(&self, _host: &Host, number: Number) -> String {
        let not = if self.simulated { "not " } else { "" };
        format!("{} {not}simulated", number.verb("is", "are"))
    }
}
