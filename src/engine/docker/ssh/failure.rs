//! What can go wrong between here and a machine's Docker, in words for a person.

use std::net::SocketAddr;

use russh::ChannelOpenFailure;
use thiserror::Error;

use crate::engine::Away;

/// Why a machine, or its Docker, could not be reached over SSH.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(in crate::engine::docker) enum SshError {
    /// Nobody answers, or what answers does not speak SSH with us.
    #[error("{0}")]
    Unreachable(String),
    /// The machine is not the one that was expected.
    #[error("its host key is {shown}, not {expected}; if that is right, set the new fingerprint")]
    OtherHostKey {
        /// What was pinned or set.
        expected: String,
        /// What the machine shows.
        shown: String,
    },
    /// The login was refused.
    #[error("{0}")]
    Refused(String),
    /// We are in, but there is nobody at the socket.
    #[error("{0}")]
    NoDocker(String),
    /// A command on the machine failed.
    #[error("{0}")]
    Command(String),
}

impl SshError {
    /// Whether trying again soon would only annoy the machine.
    pub(super) fn is_refusal(&self) -> bool {
        matches!(self, SshError::OtherHostKey { .. } | SshError::Refused(_))
    }

    /// The same, as the reason why an engine is away.
    pub(in crate::engine::docker) fn away(&self) -> Away {
        match self {
            SshError::Unreachable(why) => Away::Unreachable(why.clone()),
            SshError::OtherHostKey { .. } | SshError::Refused(_) => {
                Away::NotLetIn(self.to_string())
            }
            SshError::NoDocker(why) | SshError::Command(why) => Away::NoDocker(why.clone()),
        }
    }

    /// A channel to `socket` that the machine would not open.
    pub(super) fn channel(socket: &str, error: russh::Error) -> SshError {
        let russh::Error::ChannelOpenFailure(why) = error else { return error.into() };
        if why == ChannelOpenFailure::AdministrativelyProhibited {
            return SshError::NoDocker(format!(
                "its SSH server forbids the way to {socket}; set `AllowStreamLocalForwarding yes` there"
            ));
        }
        if why == ChannelOpenFailure::ConnectFailed {
            return SshError::NoDocker(format!(
                "nobody answers at {socket}; install or start Docker there, and put the user into the group `docker`"
            ));
        }
        SshError::NoDocker(format!("no channel to {socket}: {why:?}"))
    }

    /// A channel to `address` that the machine would not open.
    pub(super) fn way(address: SocketAddr, error: russh::Error) -> SshError {
        let russh::Error::ChannelOpenFailure(why) = error else { return error.into() };
        SshError::Command(match why {
            ChannelOpenFailure::AdministrativelyProhibited => format!(
                "its SSH server forbids the way to {address}; set `AllowTcpForwarding yes` there"
            ),
            ChannelOpenFailure::ConnectFailed
            | ChannelOpenFailure::UnknownChannelType
            | ChannelOpenFailure::ResourceShortage
            | ChannelOpenFailure::Other { .. } => {
                format!("the machine reaches nobody at {address}")
            }
        })
    }
}

impl From<russh::Error> for SshError {
    fn from(error: russh::Error) -> Self {
        let closed =
            matches!(error, russh::Error::HUP | russh::Error::Disconnect | russh::Error::SendError);
        let why = if let russh::Error::IO(io) = error {
            return io.into();
        } else if closed {
            "the connection was closed".to_owned()
        } else if matches!(error, russh::Error::KeepaliveTimeout) {
            "the machine does not answer any more".to_owned()
        } else {
            error.to_string()
        };
        SshError::Unreachable(why)
    }
}

impl From<std::io::Error> for SshError {
    fn from(error: std::io::Error) -> Self {
        SshError::Unreachable(error.to_string().to_lowercase())
    }
}
