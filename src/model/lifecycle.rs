//! States and the declared transitions between them, as data.
//!
//! The standard set (create, activate, deactivate, update, remove, purge) is stamped on most types;
//! others rename or replace parts of it. A transition's durable process is named
//! `<lifecycle>.<transition>`, for example `instance.start`.

/// One declared way from a state to another.
#[derive(Clone, Copy, Debug)]
pub struct Transition {
    /// Name: the action, and the part of the process name after the dot.
    pub name: &'static str,
    /// The ways it goes.
    pub arcs: Arcs,
}

/// From where, through which transitioning state, to where.
#[derive(Clone, Copy, Debug)]
pub enum Arcs {
    /// Every start state leads the same way.
    One {
        /// Start states.
        from: &'static [&'static str],
        /// State while the process runs.
        via: &'static str,
        /// State once it has succeeded.
        to: &'static str,
    },
    /// Each start state leads its own way: (from, via, to).
    Each(&'static [(&'static str, &'static str, &'static str)]),
}

impl Transition {
    /// A transition on which every start state leads the same way.
    pub const fn new(
        name: &'static str,
        from: &'static [&'static str],
        via: &'static str,
        to: &'static str,
    ) -> Self {
        Self { name, arcs: Arcs::One { from, via, to } }
    }

    /// A transition on which each start state leads its own way.
    pub const fn each(
        name: &'static str,
        arcs: &'static [(&'static str, &'static str, &'static str)],
    ) -> Self {
        Self { name, arcs: Arcs::Each(arcs) }
    }

    /// The transitioning state entered from `state`, or `None` if it cannot begin there.
    pub fn via(&self, state: &str) -> Option<&'static str> {
        match self.arcs {
            Arcs::One { from, via, .. } => from.contains(&state).then_some(via),
            Arcs::Each(arcs) => arcs.iter().find(|arc| arc.0 == state).map(|arc| arc.1),
        }
    }

    /// The state reached from the transitioning state `via`.
    pub fn done(&self, via: &str) -> Option<&'static str> {
        match self.arcs {
            Arcs::One { via: own, to, .. } => (own == via).then_some(to),
            Arcs::Each(arcs) => arcs.iter().find(|arc| arc.1 == via).map(|arc| arc.2),
        }
    }

    /// Every (from, via, to).
    pub fn list(&self) -> Vec<(&'static str, &'static str, &'static str)> {
        match self.arcs {
            Arcs::One { from, via, to } => from.iter().map(|from| (*from, via, to)).collect(),
            Arcs::Each(arcs) => arcs.to_vec(),
        }
    }
}

/// The states of a type and how they follow each other.
#[derive(Clone, Copy, Debug)]
pub struct Lifecycle {
    /// The part of process names before the dot.
    pub name: &'static str,
    /// Transitions, `create` first.
    pub transitions: &'static [Transition],
}

/// State of a row that no process has touched yet.
pub const REQUESTED: &str = "requested";
/// State of a soft-removed row.
pub const REMOVED: &str = "removed";
/// State of a row that is about to be deleted from the table.
pub const PURGED: &str = "purged";

/// Whether a state that a transition leads to takes the row out of lists.
pub fn is_gone(state: &str) -> bool {
    state == REMOVED || state == PURGED
}

impl Lifecycle {
    /// The standard set of transitions.
    pub const fn standard(name: &'static str) -> Self {
        Self { name, transitions: STANDARD }
    }

    /// A set of its own.
    pub const fn new(name: &'static str, transitions: &'static [Transition]) -> Self {
        Self { name, transitions }
    }

    /// The transition of this name.
    pub fn transition(&self, name: &str) -> Option<&'static Transition> {
        self.transitions.iter().find(|transition| transition.name == name)
    }

    /// Whether `state` is one in which a process runs.
    pub fn is_transitioning(&self, state: &str) -> bool {
        self.transitions.iter().any(|transition| transition.done(state).is_some())
    }

    /// Every state, sorted.
    pub fn states(&self) -> Vec<&'static str> {
        let mut states: Vec<_> = self
            .transitions
            .iter()
            .flat_map(|transition| transition.list())
            .flat_map(|(from, via, to)| [from, via, to])
            .collect();
        states.sort_unstable();
        states.dedup();
        states
    }
}

/// `create`: ends inactive, unless the process chains to `activate`.
pub const CREATE: Transition = Transition::new("create", &["requested"], "registering", "inactive");
/// `activate`.
pub const ACTIVATE: Transition =
    Transition::new("activate", &["inactive", "registering"], "activating", "active");
/// `deactivate`.
pub const DEACTIVATE: Transition = Transition::new(
    "deactivate",
    &["requested", "registering", "active", "activating", "updating-active", "updating-inactive"],
    "deactivating",
    "inactive",
);
/// `update`: returns to the state it began in.
pub const UPDATE: Transition = Transition::each(
    "update",
    &[("inactive", "updating-inactive", "inactive"), ("active", "updating-active", "active")],
);
/// `remove`: the row stays, hidden, until it is purged.
pub const REMOVE: Transition = Transition::new(
    "remove",
    &["requested", "inactive", "registering", "updating-active", "updating-inactive"],
    "removing",
    "removed",
);
/// `purge`: the row is deleted soon after.
pub const PURGE: Transition = Transition::new("purge", &["removed"], "purging", "purged");

/// The standard set.
pub const STANDARD: &[Transition] = &[CREATE, ACTIVATE, DEACTIVATE, UPDATE, REMOVE, PURGE];
