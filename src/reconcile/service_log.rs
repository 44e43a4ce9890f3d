//! Lines of the service log (services.md, section 13) as data.

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// What kind of line it is.
    pub kind: Kind,
    /// What happened, for a person.
    pub description: String,
}

/// Kinds of lines below a top-level event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Something is told.
    Info,
    /// Something is waited for.
    Wait,
}
