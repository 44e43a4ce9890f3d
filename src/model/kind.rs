//! The kinds of values that fields have, and their defaults.

use serde_json::Value;

/// The JSON shape of a field's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    String,
    /// Text that is never shown in forms.
    Password,
    /// Text of any length.
    Blob,
    /// A 64-bit integer.
    Int,
    /// A floating-point number.
    Float,
    /// `true` or `false`.
    Boolean,
    /// An RFC 3339 instant, stored as Unix milliseconds.
    Date,
    /// One of [`Field::options`](super::schema::Field::options).
    Enum,
    /// Any JSON value.
    Json,
    /// The id of a resource of the named type.
    Reference(&'static str),
    /// A list.
    Array(&'static Kind),
    /// A JSON object with values of one shape.
    Map(&'static Kind),
    /// An object of the named type.
    Object(&'static str),
}

/// A field's value when the caller gives none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Default {
    /// No default.
    None,
    /// Text.
    Str(&'static str),
    /// Integer.
    Int(i64),
    /// Boolean.
    Bool(bool),
}

impl Kind {
    /// What lists and maps are made of in the end; any other kind is its own.
    pub const fn innermost(&self) -> &Self {
        match self {
            Self::Array(of) | Self::Map(of) => of.innermost(),
            Self::String
            | Self::Password
            | Self::Blob
            | Self::Int
            | Self::Float
            | Self::Boolean
            | Self::Date
            | Self::Enum
            | Self::Json
            | Self::Reference(_)
            | Self::Object(_) => self,
        }
    }
}

impl Default {
    /// As JSON; nothing without one.
    pub fn value(self) -> Option<Value> {
        match self {
            Self::None => None,
            Self::Str(text) => Some(text.into()),
            Self::Int(number) => Some(number.into()),
            Self::Bool(flag) => Some(flag.into()),
        }
    }
}
