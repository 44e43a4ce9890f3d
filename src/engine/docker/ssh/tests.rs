//! A small SSH server of our own, with an engine behind it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use expect_test::{Expect, expect};
use russh::keys::PrivateKey;
use russh::keys::ssh_key::private::{Ed25519Keypair, KeypairData};
use russh::server::{self, Auth, ChannelOpenHandle, Msg, Session as ServerSession};
use russh::{Channel, ChannelOpenFailure, MethodKind, MethodSet};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;

use super::super::connect::{Connection, Patience};
use super::*;

/// Longer than anything here takes when it works.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the server does.
#[derive(Clone, Default)]
struct Habits {
    /// Logins that were tried.
    tries: Arc<AtomicUsize>,
    /// Cuts every connection.
    cut: Arc<Mutex<CancellationToken>>,
    /// Asks for the password as a question.
    asks: bool,
}

impl Habits {
    fn tries(&self) -> usize {
        self.tries.load(Ordering::SeqCst)
    }

    fn cut(&self) {
        std::mem::take(&mut *self.cut.lock().unwrap()).cancel();
    }
}

impl server::Handler for Habits {
    type Error = russh::Error;

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, russh::Error> {
        if self.asks {
            return Ok(Auth::Reject {
                proceed_with_methods: Some(MethodSet::from(&[MethodKind::KeyboardInteractive][..])),
                partial_success: false,
            });
        }
        self.tries.fetch_add(1, Ordering::SeqCst);
        Ok(if (user, password) == ("cow", "grass") { Auth::Accept } else { Auth::reject() })
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        _: &str,
        _: &str,
        response: Option<server::Response<'a>>,
    ) -> Result<Auth, russh::Error> {
        let Some(mut answers) = response else {
            return Ok(Auth::Partial {
                name: "".into(),
                instructions: "".into(),
                prompts: vec![("Password: ".into(), false)].into(),
            });
        };
        let right = answers.next().is_some_and(|answer| answer == "grass"[..]);
        Ok(if right { Auth::Accept } else { Auth::reject() })
    }

    async fn channel_open_direct_streamlocal(
        &mut self,
        channel: Channel<Msg>,
        path: &str,
        reply: ChannelOpenHandle,
        _: &mut ServerSession,
    ) -> Result<(), russh::Error> {
        match UnixStream::connect(path).await {
            Ok(mut socket) => {
                reply.accept().await;
                let mut stream = channel.into_stream();
                tokio::spawn(async move {
                    let _ = tokio::io::copy_bidirectional(&mut stream, &mut socket).await;
                });
            }
            Err(_) => reply.reject(ChannelOpenFailure::ConnectFailed).await,
        }
        Ok(())
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        channel: Channel<Msg>,
        host: &str,
        port: u32,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut ServerSession,
    ) -> Result<(), russh::Error> {
        match TcpStream::connect((host, u16::try_from(port).unwrap())).await {
            Ok(mut socket) => {
                reply.accept().await;
                let mut stream = channel.into_stream();
                tokio::spawn(async move {
                    let _ = tokio::io::copy_bidirectional(&mut stream, &mut socket).await;
                });
            }
            Err(_) => reply.reject(ChannelOpenFailure::ConnectFailed).await,
        }
        Ok(())
    }
}

/// A machine: an SSH server whose host key grows from `seed`.
async fn machine(listener: TcpListener, seed: u8, habits: Habits) {
    let key =
        PrivateKey::new(KeypairData::from(Ed25519Keypair::from_seed(&[seed; 32])), "").unwrap();
    let config = Arc::new(server::Config {
        keys: vec![key],
        auth_rejection_time: Duration::ZERO,
        ..server::Config::default()
    });
    while let Ok((stream, _)) = listener.accept().await {
        let (config, habits) = (Arc::clone(&config), habits.clone());
        let cut = habits.cut.lock().unwrap().clone();
        tokio::spawn(async move {
            let Ok(session) = server::run_stream(config, stream, habits).await else { return };
            let handle = session.handle();
            tokio::select! {
                _ = session => {}
                () = cut.cancelled() => {
                    let _ = handle
                        .disconnect(russh::Disconnect::ByApplication, String::new(), String::new())
                        .await;
                }
            }
        });
    }
}

struct Place {
    login: Login,
    habits: Habits,
    dir: tempfile::TempDir,
}

/// A machine with Docker, and how to log in there.
async fn place(habits: Habits) -> Place {
    let dir = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(machine(listener, 1, habits.clone()));
    let socket = dir.path().join("docker.sock");
    tokio::spawn(docker(UnixListener::bind(&socket).unwrap()));
    let login = Login {
        host: "127.0.0.1".to_owned(),
        port,
        user: "cow".to_owned(),
        proof: Proof::Password("grass".to_owned()),
        host_key: None,
        socket: socket.to_str().unwrap().to_owned(),
    };
    Place { login, habits, dir }
}

/// Answers every request with its version.
async fn docker(listener: UnixListener) {
    while let Ok((mut stream, _)) = listener.accept().await {
        tokio::spawn(async move {
            let mut request = [0; 1024];
            let _ = stream.read(&mut request).await;
            let body = r#"{"ApiVersion":"1.41"}"#;
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
            let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
        });
    }
}

fn connection(login: &Login) -> Connection {
    Connection::over_ssh(Arc::new(Machine::new(login.clone(), Clock::System)))
}

async fn check(login: &Login, expect: Expect) {
    let err = connection(login).client(Patience::Control).await.err();
    let text = err.map_or_else(|| "it works".to_owned(), |err| err.to_string());
    expect.assert_eq(&text.replace(&format!(":{}", login.port), ":PORT"));
}

#[tokio::test]
async fn a_machine_is_logged_in_to_and_asked() {
    let place = place(Habits::default()).await;
    check(&place.login, expect!["it works"]).await;
    let asking = self::place(Habits { asks: true, ..Habits::default() }).await;
    check(&asking.login, expect!["it works"]).await;
}

#[tokio::test]
async fn what_is_wrong_is_said() {
    let place = place(Habits::default()).await;
    let login = place.login.clone();
    check(&Login { proof: Proof::Password("hay".to_owned()), ..login.clone() }, expect!["docker at ssh://cow@127.0.0.1:PORT does not let us in over SSH: the password of user `cow` is wrong, or passwords are off"]).await;
    let text = "no key".to_owned();
    check(&Login { proof: Proof::Key { text, passphrase: None }, ..login.clone() }, expect!["docker at ssh://cow@127.0.0.1:PORT does not let us in over SSH: the private key for user `cow` cannot be read: Could not read key"])
        .await;
    check(&Login { host_key: Some("SHA256:old".to_owned()), ..login.clone() }, expect!["docker at ssh://cow@127.0.0.1:PORT does not let us in over SSH: its host key is SHA256:fe85JkIjo8VPe+XqXJGH5Mau1EMFdK1OdKvJUFicyA8, not SHA256:old; if that is right, set the new fingerprint"]).await;
    let socket = place.dir.path().join("podman.sock").to_str().unwrap().to_owned();
    let err = connection(&Login { socket: socket.clone(), ..login.clone() });
    let err = err.client(Patience::Control).await.unwrap_err();
    assert!(err.retryable(), "{err}");
    expect!["docker at ssh://cow@127.0.0.1:PORT has no Docker for us: nobody answers at SOCKET; install or start Docker there, and put the user into the group `docker`"].assert_eq(
        &err.to_string().replace(&socket, "SOCKET").replace(&format!(":{}", login.port), ":PORT"),
    );
    // Port 1 is `tcpmux`, which nobody has run for decades.
    check(&Login { port: 1, ..login }, expect!["docker at ssh://cow@127.0.0.1:PORT cannot be reached over SSH: connection refused (os error 111)"]).await;
}

#[tokio::test]
async fn the_host_key_that_was_shown_first_is_asked_for_ever_after() {
    let place = place(Habits::default()).await;
    let known = Machine::new(place.login.clone(), Clock::System);
    let shown = known.session().await.unwrap().host_key().fingerprint.clone();
    assert!(shown.starts_with("SHA256:"), "{shown}");
    place.habits.cut();

    // Another machine takes the address.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(machine(listener, 2, Habits::default()));
    let moved = Machine::new(Login { port, ..place.login.clone() }, Clock::System);
    moved.shared.lock().await.host_key = Some(shown.clone());
    let Err(SshError::OtherHostKey { expected, shown: other }) = moved.session().await else {
        panic!("another machine is not logged in to");
    };
    assert_eq!(expected, shown);
    assert_ne!(other, shown);
}

#[tokio::test]
async fn a_refused_login_is_not_tried_again_at_once() {
    let place = place(Habits::default()).await;
    let (clock, hands) = Clock::manual(1_000);
    let login = Login { proof: Proof::Password("hay".to_owned()), ..place.login.clone() };
    let machine = Machine::new(login, clock);
    for _ in 0..3 {
        assert!(machine.session().await.is_err());
    }
    assert_eq!(place.habits.tries(), 1);
    hands.advance(REFUSED_MS.unsigned_abs());
    assert!(machine.session().await.is_err());
    assert_eq!(place.habits.tries(), 2);
}

#[tokio::test]
async fn a_broken_session_is_replaced() {
    let place = place(Habits::default()).await;
    let connection = connection(&place.login);
    let ask = async || connection.client(Patience::Control).await.unwrap().version().await;
    ask().await.unwrap();
    place.habits.cut();
    // The cut is noticed at the next call or before it.
    let again = async { while ask().await.is_err() {} };
    tokio::time::timeout(PATIENCE, again).await.expect("it is connected again");
    assert_eq!(place.habits.tries(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_holds_up_nobody() {
    let place = place(Habits::default()).await;
    let flood = place.dir.path().join("flood.sock").to_str().unwrap().to_owned();
    let listener = UnixListener::bind(&flood).unwrap();
    let (full, is_full) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        let Ok((mut stream, _)) = listener.accept().await else { return };
        let stuck = async { while stream.write_all(&[7; 8192]).await.is_ok() {} };
        // Every buffer on the way is full when nothing can be written for a while.
        let mut written = std::pin::pin!(stuck);
        let mut full = Some(full);
        loop {
            if tokio::time::timeout(Duration::from_millis(500), &mut written).await.is_ok() {
                return;
            }
            if let Some(full) = full.take() {
                let _ = full.send(());
            }
        }
    });
    let machine = Arc::new(Machine::new(place.login.clone(), Clock::System));
    machine.session().await.unwrap();
    let flooded = Machine {
        login: Login { socket: flood, ..place.login.clone() },
        clock: Clock::System,
        shared: tokio::sync::Mutex::new(Shared {
            session: machine.shared.lock().await.session.clone(),
            ..Shared::default()
        }),
    };
    let unread = flooded.dial(Lane::Own).await.unwrap();
    is_full.await.unwrap();
    let calls = Connection::over_ssh(machine);
    let version = async { calls.client(Patience::Control).await.unwrap().version().await.unwrap() };
    tokio::time::timeout(PATIENCE, version).await.expect("calls go on");
    drop(unread);
}

#[tokio::test]
async fn a_port_of_a_container_is_reached_from_the_machine() {
    let place = place(Habits::default()).await;
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap();
    let engine = DockerEngine::over_ssh(Arc::new(Machine::new(place.login.clone(), Clock::System)));
    let (wire, accepted) = tokio::join!(engine.dial("web", address), server.accept());
    let (mut wire, mut container) = (wire.unwrap(), accepted.unwrap().0);
    wire.write_all(b"ping").await.unwrap();
    let mut heard = [0; 4];
    container.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"ping");
    drop(container);
    assert_eq!(wire.read(&mut heard).await.unwrap(), 0, "the end comes through");

    drop(server);
    let error = engine.dial("web", address).await.err().map(|error| error.to_string());
    let port = address.port();
    assert_eq!(
        error,
        Some(format!(
            "nothing answers at port {port} of container `web`: the machine reaches nobody at {address}"
        ))
    );
}
