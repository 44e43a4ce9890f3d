//! How much of a websocket's output is held for a client that does not read.
//!
//! Whoever sends takes room first; the room is free again when the connection has taken what was sent.
//! A connection holds one such piece more while it writes, so that a reader that stopped never costs more
//! than about twice [`ROOM`].

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::{HttpRequest, HttpResponse, web};
use actix_ws::{CloseReason, Closed, MessageStream, Session};
use bytes::Bytes;
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::watch;

use crate::error::{Error, Result};

/// Bytes that wait for the connection at most. A larger frame waits alone.
pub const ROOM: usize = 256 * 1024;

#[derive(Debug, Default)]
struct Held {
    bytes: usize,
    /// The connection is gone.
    gone: bool,
}

/// The room of one websocket; clones share it.
#[derive(Clone, Debug)]
pub struct Room {
    held: Arc<watch::Sender<Held>>,
    /// What all websockets hold.
    all: Gauge,
}

impl Room {
    fn new(all: Gauge) -> Self {
        Self { held: Arc::new(watch::Sender::new(Held::default())), all }
    }

    /// Waits until there is room for a frame, and takes it; `false` when nobody is there any more.
    /// One asks at a time.
    pub async fn take(&self, frame: &str) -> bool {
        let length = wire_length(frame.len());
        let mut held = self.held.subscribe();
        let fits = |held: &Held| held.gone || held.bytes == 0 || held.bytes + length <= ROOM;
        let Ok(gone) = held.wait_for(fits).await.map(|held| held.gone) else { return false };
        if !gone {
            self.held.send_modify(|held| held.bytes += length);
            self.all.inc_by(i64::try_from(length).unwrap_or(i64::MAX));
        }
        !gone
    }

    /// The connection has taken so many bytes.
    fn free(&self, bytes: usize) {
        let mut freed = 0;
        self.held.send_modify(|held| {
            // What the connection says of itself (pings, the close) took no room.
            freed = bytes.min(held.bytes);
            held.bytes -= freed;
        });
        self.all.dec_by(i64::try_from(freed).unwrap_or(i64::MAX));
    }

    fn leave(&self) {
        self.free(usize::MAX);
        self.held.send_modify(|held| held.gone = true);
    }
}

/// A frame's bytes on the wire: a server's frames have a head of two, four or ten.
const fn wire_length(payload: usize) -> usize {
    let head = match payload {
        0..=125 => 2,
        126..=65_535 => 4,
        _ => 10,
    };
    payload + head
}

/// The way to the client of a websocket.
#[derive(Clone)]
pub struct Socket {
    session: Session,
    /// Where what is sent waits.
    pub room: Room,
}

impl Socket {
    /// Sends a text when there is room for it.
    ///
    /// # Errors
    /// When the client is gone.
    pub async fn text(&mut self, frame: String) -> std::result::Result<(), Closed> {
        if self.room.take(&frame).await { self.put(frame).await } else { Err(Closed) }
    }

    /// Sends a text for which room was taken.
    ///
    /// # Errors
    /// When the client is gone.
    pub async fn put(&mut self, frame: String) -> std::result::Result<(), Closed> {
        self.session.text(frame).await
    }

    /// Asks the client whether it is there.
    ///
    /// # Errors
    /// When it is not.
    pub async fn ping(&mut self) -> std::result::Result<(), Closed> {
        self.session.ping(b"").await
    }

    /// Answers a ping.
    ///
    /// # Errors
    /// When the client is gone.
    pub async fn pong(&mut self, bytes: &[u8]) -> std::result::Result<(), Closed> {
        self.session.pong(bytes).await
    }

    /// Says that there is no more.
    ///
    /// # Errors
    /// When the client is gone.
    pub async fn close(self, reason: Option<CloseReason>) -> std::result::Result<(), Closed> {
        self.session.close(reason).await
    }
}

/// Makes a websocket of a request.
///
/// # Errors
/// 400 when the request is for none.
pub fn open(
    request: &HttpRequest,
    payload: web::Payload,
    all: &Gauge,
) -> Result<(HttpResponse, Socket, MessageStream)> {
    let (response, session, client) = actix_ws::handle(request, payload)
        .map_err(|error| Error::status(400).message(format!("no websocket: {error}")))?;
    let room = Room::new(all.clone());
    let measured = room.clone();
    let response = response.map_body(|_, body| Measured { body, room: measured }.boxed());
    Ok((response, Socket { session, room }, client))
}

/// What goes to the connection, which frees the room that it took.
struct Measured {
    body: BoxBody,
    room: Room,
}

impl MessageBody for Measured {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<Bytes, Self::Error>>> {
        let piece = Pin::new(&mut self.body).poll_next(cx);
        if let Poll::Ready(Some(Ok(bytes))) = &piece {
            self.room.free(bytes.len());
        }
        piece
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        self.room.leave();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::poll;

    use super::*;

    #[test]
    fn frames_on_the_wire() {
        for (payload, expect) in
            [(0, 2), (125, 127), (126, 130), (65_535, 65_539), (65_536, 65_546)]
        {
            assert_eq!(wire_length(payload), expect);
        }
    }

    #[tokio::test]
    async fn there_is_so_much_room_and_a_larger_frame_waits_alone() {
        let all = Gauge::default();
        let room = Room::new(all.clone());
        let half = "x".repeat(ROOM / 2 - 10);
        assert!(room.take(&half).await && room.take(&half).await);
        assert_eq!(all.get(), i64::try_from(ROOM).expect("small"));
        let mut third = Box::pin(room.take("one more"));
        assert!(poll!(&mut third).is_pending());
        room.free(wire_length("one more".len()));
        assert!(third.await);
        let large = "x".repeat(2 * ROOM);
        let mut large = Box::pin(room.take(&large));
        assert!(poll!(&mut large).is_pending());
        room.free(2 * ROOM);
        assert!(large.await, "nothing else waits");
        let mut other = Box::pin(room.take("x"));
        assert!(poll!(&mut other).is_pending());
        room.leave();
        assert!(!other.await, "nobody is there any more");
        assert_eq!(all.get(), 0);
    }
}
