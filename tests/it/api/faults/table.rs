//! The rows: who sends what, and what comes back.
//!
//! `$word` stands for one of the things in `ground.rs`; an expectation that ends in `…` is a beginning.

mod access;
mod schema;
mod stacks;

/// Where a row's input is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A server with an administrator and some things.
    Usual,
    /// One that has no administrator yet.
    Unclaimed,
    /// One that lets only those in whom a list names, and images from two registries.
    Strict,
    /// One whose logins are said to be checked by a provider that there is not.
    Elsewhere,
}

/// Every place.
pub const PLACES: &[Place] = &[Place::Usual, Place::Unclaimed, Place::Strict, Place::Elsewhere];

/// Who sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// Nobody that is known.
    Nobody,
    /// The administrator in the first environment.
    Root,
    /// The administrator outside of environments.
    Admin,
    /// The built-in root.
    Super,
    /// A person without an environment.
    Alice,
    /// A person in an environment of its own.
    Bob,
    /// The administrator's browser, without the header that proves the page.
    Cookie,
}

/// One wrong input.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub place: Place,
    pub who: Who,
    /// Whether it is sent until it is refused as expected.
    pub again: bool,
    /// Method and path.
    pub request: &'static str,
    pub body: &'static str,
    /// `status code field: message`.
    pub expect: &'static str,
}

/// A row of the usual place.
const fn row(who: Who, request: &'static str, body: &'static str, expect: &'static str) -> Row {
    Row { place: Place::Usual, who, again: false, request, body, expect }
}

impl Row {
    const fn at(self, place: Place) -> Self {
        Self { place, ..self }
    }

    const fn again(self) -> Self {
        Self { again: true, ..self }
    }
}

/// Codes that no input earns, and why.
pub const ELSEWHERE: &[(&str, &str)] = &[
    ("FailedEncryption", "sealing fails when memory does; what is sealed has no say in it"),
    ("TooManyContainerEvents", "only an agent with a host earns it: tests/it/agents/reports.rs"),
    ("HostApiProxyDisabled", "for agents with a host: `agents_learn_that_no_tunnel_is_needed`"),
];

/// Codes with another status than their own that tests elsewhere earn: code, status, test.
pub const BESIDES: &[(&str, &str, &str)] = &[
    ("AuthError", "500", "a service that checks passwords is away: tests/it/api/logins.rs"),
    ("InvalidAction", "405", "a certificate is in use: tests/it/api/sealed.rs"),
    ("InvalidState", "400", "the latest snapshot of a volume: tests/it/storage/api.rs"),
];

/// Every wrong input.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    [schema::ROWS, stacks::ROWS, access::ROWS].into_iter().flatten()
}
