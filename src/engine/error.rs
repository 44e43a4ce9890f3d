//! What can go wrong with containers, in words a person understands and cases code can branch on.

use thiserror::Error;

/// Why an engine did not do what it was asked.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum EngineError {
    /// The engine could not be reached at all.
    #[error("docker at {endpoint} {reason}")]
    Unavailable {
        /// Where it was expected, e.g. `unix:///var/run/docker.sock`.
        endpoint: String,
        /// What happened, and what to do.
        reason: Away,
    },
    /// The image is not here (create), or nowhere (pull).
    #[error("image `{image}` not found{}", because(.detail))]
    ImageNotFound {
        /// The image as asked for.
        image: String,
        /// What the registry said; may be empty.
        detail: String,
    },
    /// The registry refused or broke off a pull.
    #[error("pulling `{image}` failed: {detail}")]
    PullFailed {
        /// The image as asked for.
        image: String,
        /// What the registry or the engine said.
        detail: String,
    },
    /// The registry wants other credentials, or any at all.
    #[error("pulling `{image}` was refused: {detail}")]
    PullDenied {
        /// The image as asked for.
        image: String,
        /// What the registry said.
        detail: String,
    },
    /// A registry does not let us in.
    #[error("registry `{server}` refuses the login of `{username}`: {detail}")]
    LoginRefused {
        /// The registry, as in image names.
        server: String,
        /// Who wanted in.
        username: String,
        /// What the registry said.
        detail: String,
    },
    /// A registry could not be asked whether it lets us in.
    #[error("registry `{server}` cannot be asked for a login: {detail}")]
    RegistryAway {
        /// The registry, as in image names.
        server: String,
        /// What the engine said.
        detail: String,
    },
    /// A build failed.
    #[error("building `{tag}` failed: {detail}")]
    BuildFailed {
        /// The tag the result would have had.
        tag: String,
        /// The line that says why.
        detail: String,
    },
    /// Another container, not ours, has the name.
    #[error("container name `{name}` is taken by another container")]
    NameConflict {
        /// The name.
        name: String,
    },
    /// A published port is in use on the host.
    #[error("port {port} is already in use on the host of container `{container}`")]
    PortTaken {
        /// The port on the host.
        port: u16,
        /// The container that wanted it.
        container: String,
    },
    /// The fixed address is in use.
    #[error("address of container `{container}` is already in use on its network")]
    AddressTaken {
        /// The container that wanted it.
        container: String,
    },
    /// There is no such container.
    #[error("no container `{container}`")]
    NoSuchContainer {
        /// Its id or name.
        container: String,
    },
    /// The container must be running for this.
    #[error("container `{container}` is not running")]
    NotRunning {
        /// Its id or name.
        container: String,
    },
    /// There is no such network.
    #[error("no network `{network}`")]
    NoSuchNetwork {
        /// Its name.
        network: String,
    },
    /// A network or volume is still used.
    #[error("`{what}` is still in use: {detail}")]
    InUse {
        /// The network or volume.
        what: String,
        /// Who uses it, as far as the engine says.
        detail: String,
    },
    /// The engine understood the request and will never accept it.
    #[error("`{what}` is not acceptable: {detail}")]
    BadSpec {
        /// The container, network or volume.
        what: String,
        /// What is wrong.
        detail: String,
    },
    /// No space left.
    #[error("no space left on the host's disk for `{what}`")]
    DiskFull {
        /// The container or image.
        what: String,
    },
    /// The image is for another kind of processor.
    #[error("image of `{what}` is built for another processor architecture")]
    WrongArchitecture {
        /// The container or image.
        what: String,
    },
    /// The command of a container or exec does not exist in its image.
    #[error("command of `{container}` not found in its image: {detail}")]
    CommandNotFound {
        /// The container.
        container: String,
        /// What the runtime said.
        detail: String,
    },
    /// The operating system refused.
    #[error("permission denied for `{what}`: {detail}")]
    PermissionDenied {
        /// The container or path.
        what: String,
        /// What the engine said.
        detail: String,
    },
    /// Nobody accepts a connection to a port of a container.
    #[error("nothing answers at port {port} of container `{container}`: {detail}")]
    PortClosed {
        /// The container.
        container: String,
        /// The port in it.
        port: u16,
        /// What happened.
        detail: String,
    },
    /// Anything else.
    #[error("`{what}`: {detail}")]
    Other {
        /// The container, image, network or volume.
        what: String,
        /// What the engine said.
        detail: String,
        /// Whether trying again may help (the engine failed, rather than refused).
        transient: Transient,
    },
}

/// Whether a failure may go away by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transient {
    /// It may.
    Yes,
    /// It will not.
    No,
}

/// Why an engine cannot be reached. `Display` continues `docker at <endpoint> `.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Away {
    /// The socket file does not exist.
    #[error("has no socket; install Docker, or start it with `systemctl start docker`")]
    SocketMissing,
    /// The socket may not be opened.
    #[error("may not be opened; run the server as root, or add its user to the group `docker`")]
    PermissionDenied,
    /// Nobody listens.
    #[error("refuses connections; start Docker with `systemctl start docker`")]
    Refused,
    /// The engine did not answer in time.
    #[error("did not answer in time; see whether its machine is overloaded")]
    TimedOut,
    /// The engine is too old.
    #[error("speaks API {found}, but {needed} is the oldest supported; upgrade Docker")]
    TooOld {
        /// What it speaks.
        found: String,
        /// What is needed.
        needed: String,
    },
    /// Its machine does not answer over SSH.
    #[error("cannot be reached over SSH: {0}")]
    Unreachable(String),
    /// Its machine is another one, or refuses our login.
    #[error("does not let us in over SSH: {0}")]
    NotLetIn(String),
    /// Its machine was reached over SSH, but there is no Docker.
    #[error("has no Docker for us: {0}")]
    NoDocker(String),
    /// The endpoint is not of a supported form.
    #[error("is not an address of the form `unix:///path` or `tcp://host:port`")]
    BadEndpoint,
    /// The connection broke.
    #[error("broke the connection: {0}")]
    Lost(String),
}

impl EngineError {
    /// Whether the same call may succeed later without anyone changing the request.
    pub fn retryable(&self) -> bool {
        match self {
            EngineError::Unavailable { reason, .. } => match reason {
                Away::BadEndpoint | Away::TooOld { .. } | Away::NotLetIn(_) => false,
                Away::SocketMissing
                | Away::PermissionDenied
                | Away::Refused
                | Away::TimedOut
                | Away::Unreachable(_)
                | Away::NoDocker(_)
                | Away::Lost(_) => true,
            },
            EngineError::PullFailed { .. }
            | EngineError::RegistryAway { .. }
            | EngineError::PortTaken { .. }
            | EngineError::PortClosed { .. }
            | EngineError::AddressTaken { .. }
            | EngineError::NoSuchNetwork { .. }
            | EngineError::InUse { .. }
            | EngineError::DiskFull { .. } => true,
            EngineError::Other { transient, .. } => *transient == Transient::Yes,
            EngineError::ImageNotFound { .. }
            | EngineError::PullDenied { .. }
            | EngineError::LoginRefused { .. }
            | EngineError::BuildFailed { .. }
            | EngineError::NameConflict { .. }
            | EngineError::NoSuchContainer { .. }
            | EngineError::NotRunning { .. }
            | EngineError::BadSpec { .. }
            | EngineError::WrongArchitecture { .. }
            | EngineError::CommandNotFound { .. }
            | EngineError::PermissionDenied { .. } => false,
        }
    }

    /// Whether the engine as a whole is away, so that no other call will fare better.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, EngineError::Unavailable { .. })
    }

    /// Whether the container itself is missing.
    pub fn is_no_container(&self) -> bool {
        matches!(self, EngineError::NoSuchContainer { .. })
    }
}

fn because(detail: &str) -> String {
    if detail.is_empty() { String::new() } else { format!(": {detail}") }
}
