//! Where roles depart from what the declarations of the types say: one row a departure, by type.
//!
//! The rows follow Rancher's own schema files for each role. Adding one is adding a line; a test proves
//! that they are sorted and name things that exist.

use super::Verb::{self, Create, Delete, Get, List};
use crate::auth::caller::Role::{
    self, Admin, Member, Owner, Project, ReadAdmin, ReadOnly, Restricted, Service, Token, User,
};

/// One departure.
#[derive(Debug)]
pub(super) struct Exception {
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
    /// These fields may be used exactly so.
    Fields(Use, &'static [&'static str]),
}

/// How fields may be used; none of these lets them be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// Not at all.
    Nothing,
    /// Shown.
    Read,
    /// Shown, and given on create.
    ReadCreate,
}

impl Use {
    pub(super) const fn reads(self) -> bool {
        match self {
            Self::Nothing => false,
            Self::Read | Self::ReadCreate => true,
        }
    }

    pub(super) const fn creates(self) -> bool {
        match self {
            Self::Nothing | Self::Read => false,
            Self::ReadCreate => true,
        }
    }
}

const fn row(ty: &'static str, roles: &'static [Role], rule: Rule) -> Exception {
    Exception { ty, roles, rule }
}

/// Acting in an environment.
const INSIDE: &[Role] = &[Owner, Member, Restricted, ReadOnly, Project];
/// Acting as the own account: what belongs to environments is for looking at only.
const OUTSIDE: &[Role] = &[Admin, ReadAdmin, User];
/// Whoever may not make stacks part of the infrastructure.
const NOT_OWNER: &[Role] =
    &[Admin, Service, ReadAdmin, User, Member, Restricted, ReadOnly, Project];
const READ: &[Verb] = &[List, Get];

/// What a login answers.
const TOKEN_FIELDS: &[&str] = &[
    "accountId",
    "authProvider",
    "enabled",
    "jwt",
    "originalLogin",
    "redirectUrl",
    "security",
    "user",
    "userIdentity",
    "userType",
];
/// What a schema holds.
const SCHEMA_FIELDS: &[&str] = &[
    "collectionActions",
    "collectionFields",
    "collectionFilters",
    "collectionMethods",
    "includeableLinks",
    "pluralName",
    "resourceActions",
    "resourceFields",
    "resourceMethods",
];

/// Every departure, by type.
pub(super) const EXCEPTIONS: &[Exception] = &[
    row("container", OUTSIDE, Rule::Verbs(READ)),
    row("container", &[ReadOnly], Rule::Fields(Use::Nothing, &["environment"])),
    row("host", OUTSIDE, Rule::Verbs(READ)),
    row("host", &[Restricted], Rule::Verbs(READ)),
    row("host", &[Restricted], Rule::NoActions),
    row("launchConfig", &[ReadOnly], Rule::Fields(Use::Nothing, &["environment"])),
    row("network", OUTSIDE, Rule::Verbs(READ)),
    row("port", OUTSIDE, Rule::Verbs(READ)),
    row("project", INSIDE, Rule::Verbs(READ)),
    row("project", &[Service], Rule::Verbs(&[List, Create, Get])),
    row("project", &[Service], Rule::Fields(Use::ReadCreate, &["description", "name"])),
    row("projectMember", INSIDE, Rule::Verbs(READ)),
    row("projectMember", &[Service], Rule::Verbs(READ)),
    row("schema", &[Token], Rule::Shown),
    row("schema", &[Token], Rule::Verbs(READ)),
    row("schema", &[Token], Rule::Fields(Use::Read, SCHEMA_FIELDS)),
    row("secondaryLaunchConfig", OUTSIDE, Rule::Verbs(&[Create, Get])),
    row("secondaryLaunchConfig", &[ReadOnly], Rule::Fields(Use::Nothing, &["environment"])),
    row("service", OUTSIDE, Rule::Verbs(READ)),
    row("stack", OUTSIDE, Rule::Verbs(READ)),
    row("stack", NOT_OWNER, Rule::Fields(Use::Read, &["system"])),
    row("subscribe", OUTSIDE, Rule::Hidden),
    row("token", &[Token], Rule::Shown),
    row("token", &[Token], Rule::Verbs(&[List, Create, Get, Delete])),
    row("token", &[Token], Rule::Fields(Use::Read, TOKEN_FIELDS)),
    row("token", &[Token], Rule::Fields(Use::ReadCreate, &["code"])),
    row("volume", OUTSIDE, Rule::Verbs(READ)),
];
