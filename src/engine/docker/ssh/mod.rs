//! A Docker Engine on another machine, reached through that machine's SSH server.
//!
//! Every request to the engine has a channel of its own (`direct-streamlocal`, to the path of Docker's
//! socket). Short calls share one SSH session. What goes on over time has a session for itself: the
//! SSH library holds up a whole session when one of its channels is not read, and a slow reader of
//! logs must not make the host seem dead.

mod connector;
mod failure;
mod filter;
mod memory;
mod session;
mod setup;

#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;

pub(super) use connector::{Lane, client};
pub(super) use failure::SshError;

use super::DockerEngine;
use crate::clock::Clock;
use crate::engine::machine::{Install, Login, Machines, Progress, Proof, Ready};
use crate::engine::{Away, Engine, EngineError};
use session::Session;

/// How long a login that was refused is not tried again: machines lock out who knocks too often.
const REFUSED_MS: i64 = 60_000;
/// How long a machine that cannot be reached is not tried again: many calls may ask at once.
const UNREACHABLE_MS: i64 = 1_000;

/// A new key pair out of random bytes: the public key, and the private one as its file holds it.
///
/// # Errors
/// When it cannot be written down.
pub fn key_pair(seed: &[u8; 32]) -> Result<(String, String), russh::keys::ssh_key::Error> {
    use russh::keys::ssh_key::private::{Ed25519Keypair, PrivateKey};
    let key = PrivateKey::from(Ed25519Keypair::from_seed(seed));
    let private = key.to_openssh(russh::keys::ssh_key::LineEnding::LF)?;
    Ok((key.public_key().to_openssh()?, private.to_string()))
}

/// A machine and the session that short calls share.
pub(super) struct Machine {
    login: Login,
    clock: Clock,
    shared: tokio::sync::Mutex<Shared>,
}

#[derive(Default)]
struct Shared {
    session: Option<Arc<Session>>,
    /// The last failure to log in, and until when it is the answer.
    failed: Option<(i64, SshError)>,
    /// Fingerprint of the host key that was shown first; every later session must show it, too.
    host_key: Option<String>,
}

impl Machine {
    pub(super) fn new(login: Login, clock: Clock) -> Machine {
        let shared = Shared { host_key: login.host_key.clone(), ..Shared::default() };
        Machine { login, clock, shared: tokio::sync::Mutex::new(shared) }
    }

    pub(super) fn endpoint(&self) -> String {
        self.login.endpoint()
    }

    /// Where the machine is, as far as a session of this moment shows.
    pub(super) async fn address(&self) -> Option<IpAddr> {
        self.shared.lock().await.session.as_ref().map(|session| session.peer())
    }

    /// The shared session, opened if there is none or it broke.
    async fn session(&self) -> Result<Arc<Session>, SshError> {
        let mut shared = self.shared.lock().await;
        if let Some(session) = shared.session.as_ref().filter(|session| session.is_open()) {
            return Ok(Arc::clone(session));
        }
        let session = Arc::new(self.open(&mut shared).await?);
        shared.session = Some(Arc::clone(&session));
        Ok(session)
    }

    /// A session for one stream.
    async fn own_session(&self) -> Result<Arc<Session>, SshError> {
        // The host key that is asked for is the one the shared session has seen.
        self.session().await?;
        let mut shared = self.shared.lock().await;
        Ok(Arc::new(self.open(&mut shared).await?))
    }

    async fn open(&self, shared: &mut Shared) -> Result<Session, SshError> {
        let now = self.clock.now_ms();
        if let Some((_, error)) = shared.failed.as_ref().filter(|(until, _)| now < *until) {
            return Err(error.clone());
        }
        let login = Login { host_key: shared.host_key.clone(), ..self.login.clone() };
        match Session::open(&login).await {
            Ok(session) => {
                shared.failed = None;
                shared.host_key = Some(session.host_key().fingerprint.clone());
                Ok(session)
            }
            Err(error) => {
                let pause_ms = if error.is_refusal() { REFUSED_MS } else { UNREACHABLE_MS };
                shared.failed = Some((self.clock.now_ms().saturating_add(pause_ms), error.clone()));
                Err(error)
            }
        }
    }

    /// Ends the shared session: the next call logs in anew, with the groups the user has by then.
    async fn forget(&self) {
        self.shared.lock().await.session = None;
    }

    fn failure(&self, error: &SshError) -> EngineError {
        EngineError::Unavailable { endpoint: self.endpoint(), reason: error.away() }
    }
}

/// Makes hosts of machines that have an SSH server.
pub struct SshMachines {
    clock: Clock,
    key_file: Option<PathBuf>,
}

impl SshMachines {
    /// The clock decides when a machine that could not be reached is tried again.
    pub fn new(clock: Clock) -> SshMachines {
        SshMachines { clock, key_file: None }
    }

    /// Names the private key for logins that bring neither a key nor a password.
    pub fn with_key_file(mut self, path: &Path) -> SshMachines {
        self.key_file = Some(path.to_owned());
        self
    }

    fn machine(&self, login: &Login) -> Machine {
        let mut login = login.clone();
        if let (Proof::OwnKey, Some(path)) = (&login.proof, &self.key_file) {
            match std::fs::read_to_string(path) {
                Ok(text) => login.proof = Proof::Key { text, passphrase: None },
                Err(error) => {
                    tracing::warn!(path = %path.display(), %error, "cannot read the server's SSH key");
                }
            }
        }
        Machine::new(login, self.clock.clone())
    }
}

#[async_trait]
impl Machines for SshMachines {
    async fn prepare(
        &self,
        login: &Login,
        install: Install,
        progress: Progress<'_>,
    ) -> Result<Ready, EngineError> {
        let machine = Arc::new(self.machine(login));
        progress(&format!("logging in at {}", login.endpoint()));
        let session = machine.session().await.map_err(|error| machine.failure(&error))?;
        let host_key = session.host_key().clone();
        let engine = DockerEngine::over_ssh(Arc::clone(&machine));
        progress("looking for Docker");
        let info = match (engine.info().await, install) {
            (Ok(info), _) => info,
            (
                Err(EngineError::Unavailable { reason: Away::NoDocker(_), .. }),
                Install::IfMissing,
            ) => {
                progress("installing Docker; this takes some minutes");
                setup::install(&session).await.map_err(|error| machine.failure(&error))?;
                drop(session);
                machine.forget().await;
                engine.info().await?
            }
            (Err(error), _) => return Err(error),
        };
        Ok(Ready { host_key: host_key.fingerprint, public_key: host_key.public, info })
    }

    fn engine(&self, login: &Login) -> Arc<dyn Engine> {
        Arc::new(DockerEngine::over_ssh(Arc::new(self.machine(login))))
    }
}
