//! Reaching a Docker Engine: endpoints, API version, timeouts, and finding it again after it was away.

use std::io::ErrorKind;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bollard::errors::Error as BollardError;
use bollard::{API_DEFAULT_VERSION, ClientVersion, Docker};

use super::ssh::{self, Lane, Machine, SshError};
use crate::engine::{Away, EngineError};

/// How long a call that only asks or notes something may take.
const CONTROL_TIMEOUT: Duration = Duration::from_secs(30);

/// How long creating, starting and removing may take: a busy disk can make them slow.
const WORK_TIMEOUT: Duration = Duration::from_secs(180);

/// Streams, pulls and builds end when they end. (A day, because "never" does not exist here.)
const STREAM_TIMEOUT: Duration = Duration::from_secs(86_400);

/// The oldest API that has all we use: Podman 3 and Docker 19.03 speak it.
const OLDEST_API: ClientVersion = ClientVersion { major_version: 1, minor_version: 40 };

/// What a call is allowed to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// Asks or notes something.
    Control,
    /// Creates, starts or removes.
    Work,
    /// So many seconds more than work takes.
    WorkAnd(u32),
    /// Goes on until it ends.
    Stream,
}

impl Patience {
    fn timeout(self) -> Duration {
        match self {
            Patience::Control => CONTROL_TIMEOUT,
            Patience::Work => WORK_TIMEOUT,
            Patience::WorkAnd(seconds) => WORK_TIMEOUT + Duration::from_secs(seconds.into()),
            Patience::Stream => STREAM_TIMEOUT,
        }
    }
}

/// An endpoint, and the connection to it once it was reached.
pub(super) struct Connection {
    endpoint: String,
    /// The machine in between, if the engine is not on this one.
    machine: Option<Arc<Machine>>,
    known: RwLock<Option<Known>>,
    /// Held while the version is negotiated, so that many first calls ask once.
    greeting: tokio::sync::Mutex<()>,
}

/// Clients of an engine whose version is known.
#[derive(Clone)]
struct Known {
    calls: Docker,
    /// For what goes on over time.
    streams: Docker,
}

impl Known {
    fn client(self, patience: Patience) -> Docker {
        let client = if patience == Patience::Stream { self.streams } else { self.calls };
        client.with_timeout(patience.timeout())
    }
}

impl Connection {
    pub(super) fn new(endpoint: &str) -> Connection {
        Connection::to(endpoint.to_owned(), None)
    }

    pub(super) fn over_ssh(machine: Arc<Machine>) -> Connection {
        Connection::to(machine.endpoint(), Some(machine))
    }

    fn to(endpoint: String, machine: Option<Arc<Machine>>) -> Connection {
        Connection {
            endpoint,
            machine,
            known: RwLock::new(None),
            greeting: tokio::sync::Mutex::new(()),
        }
    }

    pub(super) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The machine in between, if the engine is not on this one.
    pub(super) fn machine(&self) -> Option<&Arc<Machine>> {
        self.machine.as_ref()
    }

    /// Whether the engine's files can be looked at from here.
    pub(super) fn is_local(&self) -> bool {
        self.endpoint.starts_with("unix://")
    }

    /// A client for one call.
    pub(super) async fn client(&self, patience: Patience) -> Result<Docker, EngineError> {
        if let Some(known) = self.known() {
            return Ok(known.client(patience));
        }
        let _greeting = self.greeting.lock().await;
        if let Some(known) = self.known() {
            return Ok(known.client(patience));
        }
        let known = self.greet().await?;
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some(known.clone());
        Ok(known.client(patience))
    }

    /// Translates a failure to reach the engine, and forgets the connection: what comes back may be
    /// another version. Anything else is returned as it came.
    pub(super) fn away(&self, err: BollardError) -> Result<EngineError, BollardError> {
        let reason = away(err)?;
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(self.unavailable(reason))
    }

    pub(super) fn unavailable(&self, reason: Away) -> EngineError {
        EngineError::Unavailable { endpoint: self.endpoint.clone(), reason }
    }

    fn known(&self) -> Option<Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn greet(&self) -> Result<Known, EngineError> {
        let seconds = CONTROL_TIMEOUT.as_secs();
        let docker = if let Some(machine) = &self.machine {
            ssh::client(machine, Lane::Shared, seconds, API_DEFAULT_VERSION)
        } else if self.endpoint.starts_with("unix:///") {
            Docker::connect_with_unix(&self.endpoint, seconds, API_DEFAULT_VERSION)
        } else if self.endpoint.starts_with("tcp://") {
            Docker::connect_with_http(&self.endpoint, seconds, API_DEFAULT_VERSION)
        } else {
            return Err(self.unavailable(Away::BadEndpoint));
        };
        let lost = |err: BollardError| {
            let text = err.to_string();
            self.unavailable(away(err).unwrap_or(Away::Lost(text)))
        };
        let docker = docker.map_err(lost)?.negotiate_version().await.map_err(lost)?;
        let version = docker.client_version();
        if version < OLDEST_API {
            let (found, needed) = (version.to_string(), OLDEST_API.to_string());
            return Err(self.unavailable(Away::TooOld { found, needed }));
        }
        let streams = match &self.machine {
            Some(machine) => ssh::client(machine, Lane::Own, seconds, &version).map_err(lost)?,
            None => docker.clone(),
        };
        Ok(Known { calls: docker, streams })
    }
}

/// Why an engine could not be reached; the error itself if it was reached.
fn away(err: BollardError) -> Result<Away, BollardError> {
    if let Some(away) = away_by_kind(&err) {
        return Ok(away);
    }
    if matches!(err, BollardError::DockerResponseServerError { .. }) {
        return Err(err);
    }
    // The client hides this one: it shows the cause of the cause.
    if let BollardError::IOError { err: io } = &err {
        return Ok(away_by_io(io));
    }
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&err);
    while let Some(current) = cause {
        if let Some(ssh) = current.downcast_ref::<SshError>() {
            return Ok(ssh.away());
        }
        if let Some(io) = current.downcast_ref::<std::io::Error>() {
            return Ok(away_by_io(io));
        }
        cause = current.source();
    }
    let broken = matches!(
        err,
        BollardError::HyperLegacyError { .. } | BollardError::HyperResponseError { .. }
    );
    if broken { Ok(Away::Lost(err.to_string())) } else { Err(err) }
}

fn away_by_kind(err: &BollardError) -> Option<Away> {
    let missing = matches!(err, BollardError::SocketNotFoundError(_));
    let late = matches!(err, BollardError::RequestTimeoutError);
    let malformed = matches!(
        err,
        BollardError::UnsupportedURISchemeError { .. }
            | BollardError::URLParseError { .. }
            | BollardError::InvalidURIError { .. }
            | BollardError::InvalidURIPartsError { .. }
    );
    [(missing, Away::SocketMissing), (late, Away::TimedOut), (malformed, Away::BadEndpoint)]
        .into_iter()
        .find_map(|(is, away)| is.then_some(away))
}

pub(super) fn away_by_io(io: &std::io::Error) -> Away {
    let known = [
        (ErrorKind::NotFound, Away::SocketMissing),
        (ErrorKind::PermissionDenied, Away::PermissionDenied),
        (ErrorKind::ConnectionRefused, Away::Refused),
        (ErrorKind::TimedOut, Away::TimedOut),
    ];
    let found = known.into_iter().find(|(kind, _)| *kind == io.kind());
    found.map_or_else(|| Away::Lost(io.to_string()), |(_, away)| away)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use expect_test::{Expect, expect};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    async fn check(endpoint: &str, expect: Expect) {
        let err = Connection::new(endpoint).client(Patience::Control).await.err();
        expect.assert_eq(&err.map_or_else(String::new, |err| err.to_string()));
    }

    #[tokio::test]
    async fn an_engine_that_is_away_says_what_to_do() {
        check(
            "unix:///nonexistent/docker.sock",
            expect!["docker at unix:///nonexistent/docker.sock has no socket; install Docker, or start it with `systemctl start docker`"],
        )
        .await;
        check(
            "ssh://host",
            expect!["docker at ssh://host is not an address of the form `unix:///path` or `tcp://host:port`"],
        )
        .await;
        // Port 1 is `tcpmux`, which nobody has run for decades.
        check(
            "tcp://127.0.0.1:1",
            expect!["docker at tcp://127.0.0.1:1 refuses connections; start Docker with `systemctl start docker`"],
        )
        .await;
    }

    /// Answers every request with the version it speaks now; 0 hangs up instead.
    async fn old_engine(listener: tokio::net::UnixListener, minor: Arc<AtomicUsize>) {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 1024];
            let _ = stream.read(&mut request).await;
            let minor = minor.load(Ordering::Relaxed);
            if minor > 0 {
                let body = format!("{{\"ApiVersion\":\"1.{minor}\"}}");
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
                let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
            }
        }
    }

    #[tokio::test]
    async fn an_engine_that_comes_back_may_be_another_version() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("docker.sock");
        let minor = Arc::new(AtomicUsize::new(41));
        let listener = tokio::net::UnixListener::bind(&path).unwrap();
        tokio::spawn(old_engine(listener, Arc::clone(&minor)));
        let connection = Connection::new(&format!("unix://{}", path.display()));
        let version = async || {
            let client = connection.client(Patience::Control).await;
            client.map(|docker| docker.client_version().to_string())
        };
        assert_eq!(version().await, Ok("1.41".to_owned()));

        minor.store(0, Ordering::Relaxed);
        let docker = connection.client(Patience::Control).await.unwrap();
        let gone = connection.away(docker.version().await.unwrap_err()).unwrap();
        assert!(gone.is_unavailable() && gone.retryable(), "{gone}");
        minor.store(44, Ordering::Relaxed);
        assert_eq!(version().await, Ok("1.44".to_owned()));

        minor.store(0, Ordering::Relaxed);
        connection.away(docker.version().await.unwrap_err()).unwrap();
        minor.store(30, Ordering::Relaxed);
        let too_old = version().await.unwrap_err();
        assert!(!too_old.retryable(), "{too_old}");
        assert!(
            too_old
                .to_string()
                .ends_with("speaks API 1.30, but 1.40 is the oldest supported; upgrade Docker")
        );
    }

    #[tokio::test]
    async fn a_socket_nobody_listens_at_refuses() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("docker.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let endpoint = format!("unix://{}", path.display());
        let err = Connection::new(&endpoint).client(Patience::Control).await.err();
        assert_eq!(err, Some(EngineError::Unavailable { endpoint, reason: Away::Refused }));
    }
}
