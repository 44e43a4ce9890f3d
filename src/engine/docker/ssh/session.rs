//! One SSH session: the machine's host key, our login, channels and commands.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use russh::client::{self, AuthResult, Handle, KeyboardInteractiveAuthResponse, Msg};
use russh::keys::{HashAlg, PrivateKeyWithHashAlg, PublicKeyOrCertificate, decode_secret_key};
use russh::{Channel, ChannelMsg, MethodKind};
use tokio::net::TcpStream;

use super::failure::SshError;
use crate::engine::machine::{Login, Proof};

/// How long connecting and logging in may take.
const LOGIN_TIMEOUT: Duration = Duration::from_secs(20);
/// How long opening a channel may take.
const CHANNEL_TIMEOUT: Duration = Duration::from_secs(10);
/// A silent machine is asked for a sign of life this often, three times.
const KEEPALIVE: Duration = Duration::from_secs(5);
/// Bytes of a command's output that are kept: its end says what went wrong.
const OUTPUT_BYTES: usize = 4096;
/// Bytes that a command may answer with where the whole answer counts.
const ANSWER_BYTES: usize = 1 << 20;
/// Rounds of questions that are answered with the password.
const ROUNDS: usize = 3;

/// A session that has logged in.
pub(super) struct Session {
    handle: Handle<Guard>,
    host_key: HostKey,
    peer: IpAddr,
}

/// The key by which a machine is known.
#[derive(Clone, Debug, Default)]
pub(super) struct HostKey {
    /// `SHA256:...`.
    pub(super) fingerprint: String,
    /// The public key, as files of known hosts have it.
    pub(super) public: String,
}

/// What came of a command.
pub(super) struct Ended {
    pub(super) code: Option<u32>,
    /// The end of what it wrote, to either stream.
    pub(super) output: String,
}

/// What a command answered.
pub(super) struct Answer {
    pub(super) code: Option<u32>,
    /// All of its output.
    pub(super) out: String,
    /// The beginning of what it complained about.
    pub(super) complaint: String,
}

/// Where a command writes.
enum Pipe {
    Out,
    Complaint,
}

/// Looks at the machine's host key.
struct Guard {
    expected: Option<String>,
    shown: Arc<Mutex<Option<HostKey>>>,
}

impl client::Handler for Guard {
    type Error = SshError;

    async fn check_server_key(&mut self, key: &PublicKeyOrCertificate) -> Result<bool, SshError> {
        let PublicKeyOrCertificate::PublicKey { key, .. } = key else {
            return Err(SshError::Refused(
                "it shows a certificate in place of a host key".to_owned(),
            ));
        };
        let shown = key.fingerprint(HashAlg::Sha256).to_string();
        if let Some(expected) = self.expected.as_ref().filter(|expected| **expected != shown) {
            return Err(SshError::OtherHostKey { expected: expected.clone(), shown });
        }
        let shown = HostKey { fingerprint: shown, public: key.to_openssh().unwrap_or_default() };
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Some(shown);
        Ok(true)
    }
}

impl Session {
    pub(super) async fn open(login: &Login) -> Result<Session, SshError> {
        let late = |_| {
            let seconds = LOGIN_TIMEOUT.as_secs();
            SshError::Unreachable(format!("no answer within {seconds} seconds"))
        };
        tokio::time::timeout(LOGIN_TIMEOUT, Session::log_in(login)).await.map_err(late)?
    }

    async fn log_in(login: &Login) -> Result<Session, SshError> {
        let config = Arc::new(client::Config {
            keepalive_interval: Some(KEEPALIVE),
            ..client::Config::default()
        });
        let shown = Arc::new(Mutex::new(None));
        let guard = Guard { expected: login.host_key.clone(), shown: Arc::clone(&shown) };
        let stream = TcpStream::connect((login.host.as_str(), login.port)).await?;
        stream.set_nodelay(true)?;
        let peer = stream.peer_addr()?.ip().to_canonical();
        let mut handle = client::connect_stream(config, stream, guard).await?;
        match &login.proof {
            Proof::Password(password) => by_password(&mut handle, &login.user, password).await?,
            Proof::OwnKey => {
                return Err(SshError::Refused(
                    "there is neither a password nor a key to log in with, and the server has no key \
                     of its own (`machines.ssh_key_file`)"
                        .to_owned(),
                ));
            }
            Proof::Key { text, passphrase } => {
                by_key(&mut handle, &login.user, text, passphrase.as_deref()).await?;
            }
        }
        let shown = shown.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(Session { handle, host_key: shown.unwrap_or_default(), peer })
    }

    /// The address of the machine, at which its published ports are.
    pub(super) fn peer(&self) -> IpAddr {
        self.peer
    }

    pub(super) fn host_key(&self) -> &HostKey {
        &self.host_key
    }

    pub(super) fn is_open(&self) -> bool {
        !self.handle.is_closed()
    }

    /// A channel to a socket on the machine.
    pub(super) async fn dial(&self, socket: &str) -> Result<Channel<Msg>, SshError> {
        let open = self.handle.channel_open_direct_streamlocal(socket);
        let opened = tokio::time::timeout(CHANNEL_TIMEOUT, open).await;
        let opened = opened.map_err(|_| {
            SshError::Unreachable("the machine does not open a channel in time".to_owned())
        })?;
        opened.map_err(|error| SshError::channel(socket, error))
    }

    /// A channel to an address that the machine reaches.
    pub(super) async fn dial_address(&self, address: SocketAddr) -> Result<Channel<Msg>, SshError> {
        let (host, port) = (address.ip().to_string(), u32::from(address.port()));
        let open = self.handle.channel_open_direct_tcpip(host, port, "127.0.0.1", 0);
        let opened = tokio::time::timeout(CHANNEL_TIMEOUT, open).await;
        let opened = opened.map_err(|_| {
            SshError::Unreachable("the machine does not open a channel in time".to_owned())
        })?;
        opened.map_err(|error| SshError::way(address, error))
    }

    /// Runs a command that is known beforehand; what it works on reaches it as its input.
    pub(super) async fn run(
        &self,
        command: &'static str,
        input: &[u8],
        limit: Duration,
    ) -> Result<Ended, SshError> {
        let mut output = Vec::new();
        let keep = |_, data: &[u8]| {
            output.extend_from_slice(data);
            let surplus = output.len().saturating_sub(OUTPUT_BYTES);
            output.drain(..surplus);
        };
        let code = self.run_within(limit, command, input, keep).await?;
        Ok(Ended { code, output: String::from_utf8_lossy(&output).into_owned() })
    }

    /// The same for a command whose whole output is an answer, and not only the end of it.
    pub(super) async fn ask(
        &self,
        command: &'static str,
        input: &[u8],
        limit: Duration,
    ) -> Result<Answer, SshError> {
        let (mut out, mut complaint) = (Vec::new(), Vec::new());
        let keep = |pipe, data: &[u8]| {
            let (kept, most) = match pipe {
                // One more than is allowed tells that there was more.
                Pipe::Out => (&mut out, ANSWER_BYTES + 1),
                Pipe::Complaint => (&mut complaint, OUTPUT_BYTES),
            };
            let room = most.saturating_sub(kept.len());
            kept.extend(data.iter().take(room));
        };
        let code = self.run_within(limit, command, input, keep).await?;
        if out.len() > ANSWER_BYTES {
            return Err(SshError::Command(format!("it answers more than {ANSWER_BYTES} bytes")));
        }
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok(Answer { code, out: text(out), complaint: text(complaint) })
    }

    async fn run_within(
        &self,
        limit: Duration,
        command: &'static str,
        input: &[u8],
        keep: impl FnMut(Pipe, &[u8]),
    ) -> Result<Option<u32>, SshError> {
        let late = |_| SshError::Command(format!("not done after {} seconds", limit.as_secs()));
        tokio::time::timeout(limit, self.run_to_end(command, input, keep)).await.map_err(late)?
    }

    async fn run_to_end(
        &self,
        command: &'static str,
        input: &[u8],
        mut keep: impl FnMut(Pipe, &[u8]),
    ) -> Result<Option<u32>, SshError> {
        let mut channel = self.handle.channel_open_session().await?;
        channel.exec(true, command).await?;
        channel.data_bytes(input.to_vec()).await?;
        channel.eof().await?;
        let mut code = None;
        while let Some(message) = channel.wait().await {
            if let ChannelMsg::ExitStatus { exit_status } = message {
                code = Some(exit_status);
            } else if let ChannelMsg::Data { data } = message {
                keep(Pipe::Out, &data);
            } else if let ChannelMsg::ExtendedData { data, .. } = message {
                keep(Pipe::Complaint, &data);
            }
        }
        Ok(code)
    }
}

async fn by_password(
    handle: &mut Handle<Guard>,
    user: &str,
    password: &str,
) -> Result<(), SshError> {
    let methods = match handle.authenticate_password(user, password).await? {
        AuthResult::Success => return Ok(()),
        AuthResult::Failure { remaining_methods, .. } => remaining_methods,
    };
    if methods.contains(&MethodKind::KeyboardInteractive)
        && by_answers(handle, user, password).await?
    {
        return Ok(());
    }
    Err(SshError::Refused(format!("the password of user `{user}` is wrong, or passwords are off")))
}

/// Some servers ask for the password as a question instead.
async fn by_answers(
    handle: &mut Handle<Guard>,
    user: &str,
    password: &str,
) -> Result<bool, SshError> {
    let mut answer = handle.authenticate_keyboard_interactive_start(user, None).await?;
    for _ in 0..ROUNDS {
        let KeyboardInteractiveAuthResponse::InfoRequest { prompts, .. } = answer else { break };
        let answers = prompts.iter().map(|_| password.to_owned()).collect();
        answer = handle.authenticate_keyboard_interactive_respond(answers).await?;
    }
    Ok(matches!(answer, KeyboardInteractiveAuthResponse::Success))
}

async fn by_key(
    handle: &mut Handle<Guard>,
    user: &str,
    text: &str,
    passphrase: Option<&str>,
) -> Result<(), SshError> {
    let key = decode_secret_key(text, passphrase).map_err(|error| {
        SshError::Refused(format!("the private key for user `{user}` cannot be read: {error}"))
    })?;
    let hash = if key.algorithm().is_rsa() {
        handle.best_supported_rsa_hash().await?.flatten()
    } else {
        None
    };
    let fingerprint = key.public_key().fingerprint(HashAlg::Sha256);
    let key = PrivateKeyWithHashAlg::new(Arc::new(key), hash);
    match handle.authenticate_publickey(user, key).await? {
        AuthResult::Success => Ok(()),
        AuthResult::Failure { .. } => Err(SshError::Refused(format!(
            "user `{user}` may not log in with key {fingerprint}; add it to the user's authorized_keys"
        ))),
    }
}
