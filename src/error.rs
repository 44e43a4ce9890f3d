//! The error table: every failure a client can see, with its status and code.
//!
//! The shape follows Rancher's error object: `status`, `code`, `message`, `detail`, `fieldName`.
//! Messages start lower-case, end without a stop and name the thing.

use std::fmt;

/// A failure as a client sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// HTTP status.
    pub status: u16,
    /// Code from the table: the status's text, or a word such as `NotUnique`.
    pub code: &'static str,
    /// What happened, for a person.
    pub message: Option<String>,
    /// More about it.
    pub detail: Option<String>,
    /// The field of the request that is at fault.
    pub field: Option<String>,
}

/// Result with [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Codes and the statuses they come with, where they are not the status's own text.
pub const CODES: &[(&str, u16)] = &[
    ("ActionNotAvailable", 422),
    ("AuthError", 403),
    ("AuthProviderChanged", 401),
    ("AzureNotConfigured", 503),
    ("CantVerifyAgent", 403),
    ("CantVerifyHealthcheck", 422),
    ("DRIVER_IN_USE", 409),
    ("DriverConfigExactlyOneRequired", 422),
    ("EmptySecret", 422),
    ("FailedEncryption", 500),
    ("HostApiProxyDisabled", 501),
    ("IncorrectPassword", 401),
    ("InvalidAction", 422),
    ("InvalidBase64", 422),
    ("InvalidBodyContent", 400),
    ("InvalidCSRFToken", 403),
    ("InvalidCharacters", 422),
    ("InvalidComposeFile", 422),
    ("InvalidDateFormat", 422),
    ("InvalidFormat", 422),
    ("InvalidOldPassword", 400),
    ("InvalidOption", 422),
    ("InvalidReference", 422),
    ("InvalidState", 422),
    ("JWTNotProvided", 500),
    ("LastAdminAccount", 405),
    ("LdapDown", 503),
    ("MaxLengthExceeded", 422),
    ("MaxLimitExceeded", 422),
    ("MinLengthExceeded", 422),
    ("MinLimitExceeded", 422),
    ("MissingRequired", 422),
    ("NoAuthProvider", 500),
    ("NotConfigured", 503),
    ("NotNullable", 422),
    ("NotUnique", 422),
    ("OpenLDAPConfig", 503),
    ("PortInvalidEndPort", 422),
    ("PortInvalidPrivatePort", 422),
    ("PortInvalidProtocol", 422),
    ("PortInvalidPublicPort", 422),
    ("PortInvalidStartPort", 422),
    ("PortRangeWrongFormat", 422),
    ("PortWrongFormat", 422),
    ("ServerAddressUsed", 400),
    ("TooManyRequests", 429),
    ("TooManyContainerEvents", 409),
    ("UserCredentialCreation", 400),
    ("UsernameIsTaken", 409),
];

/// The text Rancher gives for a status.
pub const fn status_text(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method not allowed",
        406 => "Not acceptable",
        409 => "Conflict",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Request Entity Too Long",
        414 => "Request URI Too Long",
        415 => "Unsupported Media Type",
        422 => "Unprocessable Entity",
        429 => "Too Many Requests",
        503 => "Service Unavailable",
        507 => "Insufficient Storage",
        _ => "Internal Server Error",
    }
}

impl Error {
    /// A failure whose code is the status's text.
    pub fn status(status: u16) -> Self {
        let code = status_text(status);
        Self { status, code, message: Some(code.to_owned()), detail: None, field: None }
    }

    /// A failure of a named code; its status comes from [`CODES`], else 422.
    pub fn code(code: &'static str) -> Self {
        let status = CODES.iter().find(|row| row.0 == code).map_or(422, |row| row.1);
        Self { status, code, message: None, detail: None, field: None }
    }

    /// A field that fails validation.
    pub fn field(code: &'static str, field: impl Into<String>) -> Self {
        Self { field: Some(field.into()), ..Self::code(code) }
    }

    /// Adds what happened.
    pub fn message(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// Adds more about it.
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Nothing there, or nothing the caller may know of.
    pub fn not_found() -> Self {
        Self::status(404)
    }

    /// The state of things forbids it.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::status(409).message(message)
    }

    /// The caller may not do this.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::status(403).message(message)
    }

    /// A fault of ours; the message goes to the log, not to the client.
    pub fn internal(cause: impl fmt::Display) -> Self {
        Self::status(500).detail(cause.to_string())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.message.as_deref().or(self.detail.as_deref()).unwrap_or(self.code);
        match &self.field {
            Some(field) if self.message.is_none() => write!(f, "{}: {field}", self.code),
            _ => f.write_str(text),
        }
    }
}

impl std::error::Error for Error {}
