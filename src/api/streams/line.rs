//! One websocket from its opening to its end: frames go out as fast as the client reads, and the line
//! ends with the stream, with the client or with the caller's session, whichever is first.

use std::sync::Arc;

use actix_ws::{CloseCode, CloseReason, Message, MessageStream};
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::mpsc;

use super::room::Socket;
use crate::auth::{Auth, Authenticator as _, Caller};
use crate::clock::Clock;

/// Milliseconds between pings, which find out that a silent client is gone.
const PING_MS: u64 = 30_000;
/// How long a client that does not read is waited for when its session has ended.
const FAREWELL_MS: u64 = 500;

/// What goes out, in order; the last one may say why there is no more.
pub type Frames = BoxStream<'static, Result<String, Last>>;

/// The last thing that a stream says.
#[derive(Debug)]
pub enum Last {
    /// It failed.
    Failed(Failed),
    /// It ended well; the text is in the close frame, which clients need not read.
    Well(String),
}

impl From<Failed> for Last {
    fn from(failed: Failed) -> Self {
        Self::Failed(failed)
    }
}

/// The engine failed: the last frame, and the reason in the close frame.
#[derive(Debug)]
pub struct Failed {
    /// Shown in the stream; empty for none.
    pub frame: String,
    /// What happened.
    pub why: String,
}

/// Why a line ends.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// There is no more, and what is to be said of that.
    Done(Option<String>),
    /// The engine failed.
    Failed(String),
    /// The client went away.
    Gone,
    /// The caller's session ended.
    LoggedOut,
}

/// Where frames go; waits until there is room.
trait Outlet {
    /// Whether it went; `false` when nobody is there any more.
    async fn text(&mut self, frame: String) -> bool;
}

impl Outlet for Socket {
    async fn text(&mut self, frame: String) -> bool {
        Socket::text(self, frame).await.is_ok()
    }
}

/// Hears of the end of the caller's session.
pub struct Guard {
    auth: Arc<Auth>,
    caller: Caller,
    ended: broadcast::Receiver<String>,
}

impl Guard {
    /// Listens from now on; whoever makes one asks afterwards whether the session is still good.
    pub fn new(auth: Arc<Auth>, caller: Caller) -> Self {
        let ended = auth.ended_sessions();
        Self { auth, caller, ended }
    }

    /// Hears of it elsewhere.
    #[cfg(test)]
    pub fn hearing(auth: Arc<Auth>, caller: Caller, ended: broadcast::Receiver<String>) -> Self {
        Self { auth, caller, ended }
    }

    /// Whether the caller may still do what it was allowed to.
    pub async fn is_live(&self) -> bool {
        self.auth.is_live(&self.caller).await.unwrap_or(false)
    }

    /// Returns when the session has ended.
    pub async fn over(&mut self) {
        loop {
            match self.ended.recv().await {
                Ok(key) if self.caller.session.as_deref() == Some(key.as_str()) => return,
                Ok(_) => {}
                Err(RecvError::Lagged(_)) if self.is_live().await => {}
                Err(RecvError::Lagged(_) | RecvError::Closed) => return,
            }
        }
    }
}

/// An open websocket.
pub struct Line {
    /// Time.
    pub clock: Clock,
    /// To the client.
    pub socket: Socket,
    /// From the client.
    pub client: MessageStream,
    /// Hears of the end of the session.
    pub guard: Guard,
}

impl Line {
    /// Sends `frames` until the line ends; what the client says goes to `input`, if anyone wants it.
    /// The frames' stream is dropped first of all, and the engine's with it.
    pub async fn carry(mut self, frames: Frames, input: Option<mpsc::Sender<String>>) {
        let (mut outlet, mut echo) = (self.socket.clone(), self.socket.clone());
        let end = tokio::select! {
            end = write(&mut outlet, frames) => end,
            end = listen(&mut self.client, &mut echo, input.as_ref()) => end,
            () = self.guard.over() => End::LoggedOut,
            end = ping(self.socket.clone(), &self.clock) => end,
        };
        drop(input);
        self.close(end).await;
    }

    async fn close(mut self, end: End) {
        let reason = match end {
            End::Gone => return,
            End::Done(None) => CloseReason::from(CloseCode::Normal),
            End::Done(Some(said)) => (CloseCode::Normal, said).into(),
            End::Failed(why) => (CloseCode::Error, why).into(),
            End::LoggedOut => {
                let farewell =
                    self.socket.close(Some((CloseCode::Policy, "the session ended").into()));
                tokio::select! {
                    // A client that is gone needs no farewell.
                    _ = farewell => {}
                    () = self.clock.sleep_ms(FAREWELL_MS) => {}
                }
                return;
            }
        };
        // What was sent is still to be read, however long that takes.
        let mut echo = self.socket.clone();
        tokio::select! {
            _ = self.socket.close(Some(reason)) => {}
            _ = listen(&mut self.client, &mut echo, None) => {}
            () = self.guard.over() => {}
        }
    }
}

/// Takes a frame only when the one before has found room, so that an engine is never asked for more than
/// the client reads.
async fn write(outlet: &mut impl Outlet, mut frames: Frames) -> End {
    while let Some(frame) = frames.next().await {
        match frame {
            Ok(frame) => {
                if !outlet.text(frame).await {
                    return End::Gone;
                }
            }
            Err(Last::Well(said)) => return End::Done(Some(said)),
            Err(Last::Failed(failed)) => {
                let said = failed.frame.is_empty() || outlet.text(failed.frame).await;
                return if said { End::Failed(failed.why) } else { End::Gone };
            }
        }
    }
    End::Done(None)
}

async fn listen(
    client: &mut MessageStream,
    echo: &mut Socket,
    input: Option<&mpsc::Sender<String>>,
) -> End {
    while let Some(Ok(message)) = client.next().await {
        match message {
            Message::Text(text) => {
                if let Some(input) = input {
                    // Nobody reads any more: the command has ended, and the line is about to.
                    let _ = input.send(text.to_string()).await;
                }
            }
            Message::Ping(bytes) => {
                if echo.pong(&bytes).await.is_err() {
                    break;
                }
            }
            Message::Close(_) => break,
            Message::Binary(_) | Message::Continuation(_) | Message::Pong(_) | Message::Nop => {}
        }
    }
    End::Gone
}

async fn ping(mut socket: Socket, clock: &Clock) -> End {
    loop {
        clock.sleep_ms(PING_MS).await;
        if socket.ping().await.is_err() {
            return End::Gone;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use actix_web::body::MessageBody as _;
    use futures_util::{poll, stream};

    use super::*;
    use crate::api::streams::frames;
    use crate::api::streams::room::ROOM;
    use crate::api::streams::testing::{Installation, settle};

    impl Outlet for mpsc::Sender<String> {
        async fn text(&mut self, frame: String) -> bool {
            self.send(frame).await.is_ok()
        }
    }

    fn counted(pulled: Arc<AtomicUsize>, most: usize) -> Frames {
        stream::iter(0..most)
            .map(move |number| {
                pulled.fetch_add(1, Ordering::Relaxed);
                Ok(number.to_string())
            })
            .boxed()
    }

    #[tokio::test]
    async fn nothing_is_pulled_that_finds_no_room() {
        let pulled = Arc::new(AtomicUsize::new(0));
        let (mut outlet, mut reader) = mpsc::channel(4);
        let mut writing = Box::pin(write(&mut outlet, counted(Arc::clone(&pulled), 100)));
        assert!(poll!(&mut writing).is_pending());
        assert_eq!(pulled.load(Ordering::Relaxed), 5, "four in the queue, one in the hand");
        assert!(poll!(&mut writing).is_pending());
        assert_eq!(pulled.load(Ordering::Relaxed), 5, "the reader has not read");
        assert_eq!(reader.recv().await.as_deref(), Some("0"));
        assert!(poll!(&mut writing).is_pending());
        assert_eq!(pulled.load(Ordering::Relaxed), 6);
        let rest = async {
            let mut read = Vec::new();
            while read.len() < 99 {
                read.extend(reader.recv().await);
            }
            read
        };
        let (end, read) = tokio::join!(writing, rest);
        assert_eq!((end, read.last().map(String::as_str)), (End::Done(None), Some("99")));
    }

    /// Bytes of a line's frames that were made and that no connection has taken.
    async fn held(made: &AtomicUsize, taken: usize) -> usize {
        settle().await;
        made.load(Ordering::Relaxed).saturating_sub(taken)
    }

    #[actix_web::test]
    async fn a_client_that_does_not_read_costs_little() {
        let installation = Installation::new().await;
        for size in [1, 200, frames::FRAME, 300_000] {
            let made = Arc::new(AtomicUsize::new(0));
            let count = Arc::clone(&made);
            let frames = stream::repeat_with(move || {
                count.fetch_add(size, Ordering::Relaxed);
                Ok("x".repeat(size))
            });
            let (response, line) = installation.line().await;
            let carrying = actix_web::rt::spawn(line.carry(frames.boxed(), None));
            let mut body = Box::pin(response.into_body());
            let most = ROOM.max(size) + size;
            let first = held(&made, 0).await;
            assert!((1..=most).contains(&first), "{first} bytes of frames of {size} are held");
            let mut taken = 0;
            for _ in 0..20 {
                let piece = std::future::poll_fn(|cx| body.as_mut().poll_next(cx)).await;
                taken += piece.expect("more").expect("bytes").len();
                let held = held(&made, taken).await;
                assert!(held <= most, "{held} bytes of frames of {size} are held");
            }
            assert!(taken > 20 * size, "frames went out");
            drop(body);
            carrying.await.expect("it ends with its client");
        }
        assert_eq!(installation.bytes.get(), 0, "nothing is held for those who are gone");
    }

    #[actix_web::test]
    async fn a_session_that_ends_does_not_wait_for_a_client_that_does_not_read() {
        let installation = Installation::new().await;
        let (response, line) = installation.line().await;
        let endless = stream::repeat_with(|| Ok("x".repeat(1000))).boxed();
        let carrying = actix_web::rt::spawn(line.carry(endless, None));
        settle().await;
        installation.log_out();
        settle().await;
        installation.time.advance(FAREWELL_MS);
        carrying.await.expect("it ends");
        drop(response);
    }

    #[tokio::test]
    async fn a_reader_that_is_gone_ends_it() {
        let (mut outlet, reader) = mpsc::channel(4);
        drop(reader);
        let pulled = Arc::new(AtomicUsize::new(0));
        assert_eq!(write(&mut outlet, counted(Arc::clone(&pulled), 100)).await, End::Gone);
        assert_eq!(pulled.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_failure_is_the_last_thing_said() {
        let (mut outlet, mut reader) = mpsc::channel(4);
        let failed = || Failed { frame: "02 lost".to_owned(), why: "lost".to_owned() };
        let frames =
            stream::iter([Ok("01 a".to_owned()), Err(failed().into()), Ok("01 b".to_owned())]);
        let end = write(&mut outlet, frames.boxed()).await;
        drop(outlet);
        let mut read = Vec::new();
        while let Some(frame) = reader.recv().await {
            read.push(frame);
        }
        assert_eq!(
            (end, read),
            (End::Failed("lost".to_owned()), vec!["01 a".to_owned(), "02 lost".to_owned()])
        );
    }
}
