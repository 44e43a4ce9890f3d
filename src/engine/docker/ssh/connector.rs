//! The client library's way to a machine: one channel for each request.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bollard::{BollardRequest, ClientVersion, Docker};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::{TokioExecutor, TokioIo};
use russh::ChannelStream;
use russh::client::Msg;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tower_service::Service;

use super::Machine;
use super::failure::SshError;
use super::session::Session;
use crate::engine::Wire;

/// Which session a request takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine::docker) enum Lane {
    /// The one that short calls share.
    Shared,
    /// One for itself.
    Own,
}

/// A client whose requests go through `machine`.
pub(in crate::engine::docker) fn client(
    machine: &Arc<Machine>,
    lane: Lane,
    timeout_s: u64,
    version: &ClientVersion,
) -> Result<Docker, bollard::errors::Error> {
    let connector = Connector { machine: Arc::clone(machine), lane };
    let http = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector);
    let transport = move |request: BollardRequest| {
        let http = http.clone();
        async move { http.request(request).await.map_err(bollard::errors::Error::from) }
    };
    Docker::connect_with_custom_transport(transport, Some("http://docker"), timeout_s, version)
}

#[derive(Clone)]
struct Connector {
    machine: Arc<Machine>,
    lane: Lane,
}

impl<Uri> Service<Uri> for Connector {
    type Response = TokioIo<Stream>;
    type Error = SshError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, SshError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), SshError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let Connector { machine, lane } = self.clone();
        Box::pin(async move { machine.dial(lane).await.map(TokioIo::new) })
    }
}

impl Machine {
    /// A way to Docker's socket on the machine.
    pub(in crate::engine::docker) async fn dial(&self, lane: Lane) -> Result<Stream, SshError> {
        let session = match lane {
            Lane::Shared => self.session().await?,
            Lane::Own => self.own_session().await?,
        };
        let channel = session.dial(&self.login.socket).await?;
        Ok(Stream { channel: channel.into_stream(), _session: session })
    }

    /// A way to an address that the machine reaches, with a session for itself.
    pub(in crate::engine::docker) async fn dial_address(
        &self,
        address: SocketAddr,
    ) -> Result<Wire, SshError> {
        let session = self.own_session().await?;
        let channel = session.dial_address(address).await?;
        Ok(Box::pin(Stream { channel: channel.into_stream(), _session: session }))
    }
}

/// A channel, which keeps its session open.
pub(in crate::engine::docker) struct Stream {
    channel: ChannelStream<Msg>,
    _session: Arc<Session>,
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.channel).poll_read(cx, buf)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.channel).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.channel).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.channel).poll_shutdown(cx)
    }
}
