//! The order in which services start: dependencies and link targets first.

use std::collections::HashMap;
use std::fmt;

use super::project::Project;

/// Services that wait for one another; the last one waits for the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cycle {
    pub services: Vec<String>,
}

impl fmt::Display for Cycle {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self.services.first().map_or("", String::as_str);
        write!(out, "services wait for one another: {} -> {first}", self.services.join(" -> "))
    }
}

impl std::error::Error for Cycle {}

/// Where a service stands in the walk.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    New,
    Open,
    Done,
}

/// Indices of `project.services` such that each comes after what it depends on and links to; otherwise in the
/// order of the file. Links that lead in a circle say nothing about the order: services can link to each other.
///
/// # Errors
/// A [`Cycle`] when services depend on one another.
pub fn service_order(project: &Project) -> Result<Vec<usize>, Cycle> {
    let index: HashMap<&str, usize> = project
        .services
        .iter()
        .enumerate()
        .map(|(at, service)| (service.name.as_str(), at))
        .collect();
    let named = |name: &str| index.get(name).copied();
    let services = project.services.iter();
    let needs: Vec<Vec<usize>> = services
        .clone()
        .map(|service| service.depends_on.iter().filter_map(|need| named(&need.service)).collect())
        .collect();
    let links = services.map(|service| service.links.iter().filter_map(|link| named(&link.target)));
    let both = needs.iter().zip(links).map(|(needs, links)| needs.iter().copied().chain(links));
    let both = both.map(Iterator::collect).collect();
    Walk::order(both).or_else(|_| Walk::order(needs)).map_err(|cycle| {
        let name = |at: &usize| project.services.get(*at).map(|service| service.name.clone());
        Cycle { services: cycle.iter().filter_map(name).collect() }
    })
}

struct Walk {
    next: Vec<Vec<usize>>,
    marks: Vec<Mark>,
    order: Vec<usize>,
}

impl Walk {
    /// An order in which each comes after its `next`, or those that go in a circle.
    fn order(next: Vec<Vec<usize>>) -> Result<Vec<usize>, Vec<usize>> {
        let mut walk = Walk { marks: vec![Mark::New; next.len()], next, order: Vec::new() };
        match (0..walk.next.len()).find_map(|start| walk.visit(start)) {
            Some(cycle) => Err(cycle),
            None => Ok(walk.order),
        }
    }

    fn mark(&self, at: usize) -> Mark {
        self.marks.get(at).copied().unwrap_or(Mark::Done)
    }

    fn set(&mut self, at: usize, mark: Mark) {
        if let Some(slot) = self.marks.get_mut(at) {
            *slot = mark;
        }
    }

    /// Goes depth first from a service; returns the services of a cycle if it meets one. The stack
    /// is a list, because a chain of services may be long.
    fn visit(&mut self, start: usize) -> Option<Vec<usize>> {
        if self.mark(start) != Mark::New {
            return None;
        }
        self.set(start, Mark::Open);
        let mut stack = vec![(start, 0)];
        while let Some((at, step)) = stack.pop() {
            let Some(next) = self.next.get(at).and_then(|next| next.get(step)).copied() else {
                self.set(at, Mark::Done);
                self.order.push(at);
                continue;
            };
            stack.push((at, step + 1));
            match self.mark(next) {
                Mark::Done => {}
                Mark::Open => {
                    let path = stack.iter().map(|(at, _)| *at);
                    return Some(path.skip_while(|at| *at != next).collect());
                }
                Mark::New => {
                    self.set(next, Mark::Open);
                    stack.push((next, 0));
                }
            }
        }
        None
    }
}
