//! Machines that become hosts: how one is logged in to, and the port that makes an engine of it.

use std::sync::Arc;

use async_trait::async_trait;

use super::{Engine, EngineError, EngineInfo};

/// Where Docker listens on a machine that does not say otherwise.
pub const DOCKER_SOCKET: &str = "/var/run/docker.sock";

/// How a machine is reached and logged in to.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// Name or address.
    pub host: String,
    /// Port of its SSH server.
    pub port: u16,
    /// The user, who must be allowed to use Docker.
    pub user: String,
    /// What proves that we are this user.
    pub proof: Proof,
    /// Fingerprint of the machine's host key, `SHA256:...`; whichever it shows at first if absent.
    pub host_key: Option<String>,
    /// Path of Docker's socket on the machine.
    pub socket: String,
}

/// What proves who we are.
#[derive(Clone, PartialEq, Eq)]
pub enum Proof {
    /// A password.
    Password(String),
    /// The key that the server itself has, if its configuration names one.
    OwnKey,
    /// A private key in OpenSSH's, PKCS#8's or PuTTY's format.
    Key {
        /// The key, as its file holds it.
        text: String,
        /// What it is encrypted with, if it is.
        passphrase: Option<String>,
    },
}

impl Login {
    /// `ssh://user@host:port`: what errors and the host row name.
    pub fn endpoint(&self) -> String {
        let host =
            if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        format!("ssh://{}@{host}:{}", self.user, self.port)
    }
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // What proves who we are must not reach a log.
        write!(f, "Login({} -> {})", self.endpoint(), self.socket)
    }
}

/// Whether Docker is installed on a machine that has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Install {
    /// Yes, from the machine's own distribution.
    IfMissing,
    /// No: it must be there.
    Never,
}

/// A machine that is ready to be a host.
#[derive(Clone, Debug, PartialEq)]
pub struct Ready {
    /// Fingerprint of the host key it showed, to be asked for from now on.
    pub host_key: String,
    /// That key, as files of known hosts have it; empty when it is not known.
    pub public_key: String,
    /// What its engine says of it.
    pub info: EngineInfo,
}

/// Told what is being done, in words for a person.
pub type Progress<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// Makes hosts of machines.
#[async_trait]
pub trait Machines: Send + Sync {
    /// Logs in, sees to it that Docker is there, and says what was found. May be called twice.
    async fn prepare(
        &self,
        login: &Login,
        install: Install,
        progress: Progress<'_>,
    ) -> Result<Ready, EngineError>;

    /// The engine of a machine; nothing is asked of it yet.
    fn engine(&self, login: &Login) -> Arc<dyn Engine>;
}

/// Why the packet filter of a machine cannot be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilterError {
    /// The machine is not reached, for this reason.
    Away(String),
    /// There is no `nft`.
    Missing,
    /// Our user there may not run it; what was said to that.
    Forbidden(String),
    /// `nft` said this.
    Refused(String),
}

/// The packet filter of another machine, which `nft` changes there.
#[async_trait]
pub trait PacketFilter: Send + Sync {
    /// What `nft list tables bridge` says.
    async fn tables(&self) -> Result<String, FilterError>;

    /// Runs a script of `nft`: one transaction.
    async fn run(&self, script: &str) -> Result<(), FilterError>;
}
