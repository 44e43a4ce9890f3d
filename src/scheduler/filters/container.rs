//! Affinity to containers: `..affinity:container` by name or uuid, and `..affinity:container_label`.
//! Containers count from placement until they are removed, running or not.

use super::marks::Marked;
use super::{Constraint, Refusal, View};
use crate::scheduler::affinity::Subject;

pub(super) fn constraints<'a>(
    view: &View<'a>,
    into: &mut Vec<Box<dyn Constraint + 'a>>,
) -> Result<(), Refusal> {
    for rule in view.rules {
        match rule.subject {
            Subject::Container | Subject::ContainerLabel => {
                into.push(Box::new(Marked::new(view, rule)));
            }
            Subject::HostLabel => {}
        }
    }
    Ok(())
}
