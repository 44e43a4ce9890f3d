//! One row of the policy's tables: for these roles, this type is different.

use super::Verb;
use crate::auth::caller::Role;

/// One row.
#[derive(Debug)]
pub(super) struct Row {
    /// Type it is about.
    pub ty: &'static str,
    /// Roles it is for.
    pub roles: &'static [Role],
    /// What is different.
    pub rule: Rule,
}

/// What is different for some roles.
#[derive(Debug)]
pub(super) enum Rule {
    /// The type does not exist for them.
    Hidden,
    /// The type exists for them, although it is not declared for them.
    Shown,
    /// Exactly these methods.
    Verbs(&'static [Verb]),
    /// No actions.
    NoActions,
    /// This action, too.
    Action(&'static str),
    /// These fields may be used exactly as the letters say: `c` given on create, `r` shown, `u` changed.
    Fields(&'static str, &'static [&'static str]),
}

/// A row.
pub(super) const fn row(ty: &'static str, roles: &'static [Role], rule: Rule) -> Row {
    Row { ty, roles, rule }
}
