//! A real Docker Engine, over its socket.
//!
//! This folder is the only place that knows the client library. The connection is made at the first
//! call and made anew after the engine was away; the API version is negotiated, so Docker 20.10 to the
//! newest work, and so does Podman's socket.

mod archive;
mod connect;
mod convert;
mod exec;
mod failure;
mod images;
mod login;
mod machine;
mod memory;
mod observe;
mod places;
pub mod ssh;
mod streams;
mod terminal;

use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use bollard::Docker;
use bollard::models::ContainerCreateBody;
use bollard::query_parameters::{
    CreateContainerOptions, InspectContainerOptions, KillContainerOptions, ListContainersOptions,
    RemoveContainerOptions, StartContainerOptions, StopContainerOptions, UploadToContainerOptions,
    WaitContainerOptions,
};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;

use super::error::Transient;
use super::machine::PacketFilter;
use super::probe::{self, Probe};
use super::{
    BindMount, BuildOptions, BuildReport, ByteStream, Chunk, ContainerId, ContainerSpec, Disk,
    Endpoint, Engine, EngineError, EngineEvent, EngineInfo, ExecSession, ExecSpec, HostStats,
    LogOptions, NetworkSpec, Observed, ObservedVolume, PullReport, RegistryAuth, RemoveVolumes,
    SecretFile, Stats, TtySize, VolumeSpec, Wire, wire,
};
use connect::{Connection, Patience};
use failure::{Subject, status};
pub use places::DockerNetwork;

/// A Docker Engine. Cheap to clone; all clones share one connection.
#[derive(Clone)]
pub struct DockerEngine {
    connection: Arc<Connection>,
}

impl DockerEngine {
    /// An engine at `unix:///path` or `tcp://host:port`. Nothing is asked of it yet.
    pub fn new(endpoint: &str) -> DockerEngine {
        DockerEngine { connection: Arc::new(Connection::new(endpoint)) }
    }

    /// An engine behind a machine's SSH server. Nothing is asked of it yet.
    fn over_ssh(machine: Arc<ssh::Machine>) -> DockerEngine {
        DockerEngine { connection: Arc::new(Connection::over_ssh(machine)) }
    }

    /// Networks of the engine, ours or not.
    ///
    /// # Errors
    /// When the engine is away.
    pub async fn networks(&self) -> Result<Vec<DockerNetwork>, EngineError> {
        self.connection.networks().await
    }

    async fn client(&self, patience: Patience) -> Result<Docker, EngineError> {
        self.connection.client(patience).await
    }

    fn failure(&self, container: &str, err: bollard::errors::Error) -> EngineError {
        self.connection.failure(Subject::Container(container), err)
    }

    /// The container that has the name of `spec`, if it is the one we made for it.
    async fn created_earlier(&self, spec: &ContainerSpec) -> Result<ContainerId, EngineError> {
        match self.inspect(&spec.name).await? {
            Some(found) if found.uuid.as_ref() == Some(&spec.uuid) => Ok(found.id),
            Some(_) => Err(EngineError::NameConflict { name: spec.name.clone() }),
            None => Err(EngineError::Other {
                what: spec.name.clone(),
                detail: "its name is still taken by a container that is being removed".to_owned(),
                transient: Transient::Yes,
            }),
        }
    }

    /// Waits until a removal that someone else started is complete.
    async fn removal(&self, container: &str) -> Result<(), EngineError> {
        let docker = self.client(Patience::Work).await?;
        let options = WaitContainerOptions { condition: "removed".to_owned() };
        let mut waiting = std::pin::pin!(docker.wait_container(container, Some(options)));
        match waiting.next().await {
            Some(Err(err)) => match self.failure(container, err) {
                away if away.is_unavailable() => Err(away),
                _ => Ok(()),
            },
            Some(Ok(_)) | None => Ok(()),
        }
    }
}

/// Sends `body` instead of the one the next call would send.
///
/// The client's own types follow the newest API, which has dropped fields that older engines need.
fn with_body(docker: Docker, body: &serde_json::Value) -> Docker {
    let body = Bytes::from(body.to_string());
    docker.with_request_modifier(move |mut request| {
        *request.body_mut() = bollard::body_full(body.clone());
        request
    })
}

/// Container names reach Docker as part of a path, so what cannot be a name must not get there.
fn checked(container: &str) -> Result<&str, EngineError> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    if container.starts_with(|c: char| c.is_ascii_alphanumeric()) && container.chars().all(fits) {
        return Ok(container);
    }
    Err(EngineError::NoSuchContainer { container: container.to_owned() })
}

#[async_trait]
impl Engine for DockerEngine {
    async fn info(&self) -> Result<EngineInfo, EngineError> {
        let docker = self.client(Patience::Control).await?;
        let both = futures_util::future::try_join(docker.info(), docker.version()).await;
        let (info, version) = both.map_err(|err| self.connection.failure(Subject::Engine, err))?;
        let mut info = observe::engine_info(info, version);
        if let Some(machine) = self.connection.machine() {
            info.disk = machine.disk(&info.root_dir).await;
            info.address = machine.address().await;
        } else if self.connection.is_local() {
            info.disk = disk(&info.root_dir);
        }
        Ok(info)
    }

    async fn image_id(&self, image: &str) -> Result<Option<String>, EngineError> {
        self.connection.image_id(image).await
    }

    async fn image_digests(&self, image: &str) -> Result<Vec<String>, EngineError> {
        self.connection.image_digests(image).await
    }

    async fn image_config(&self, image: &str) -> Result<Option<serde_json::Value>, EngineError> {
        self.connection.image_config(image).await
    }

    async fn image_offered(
        &self,
        image: &str,
        auth: Option<&RegistryAuth>,
    ) -> Result<(), EngineError> {
        self.connection.image_offered(image, auth).await
    }

    async fn pull(
        &self,
        image: &str,
        auth: Option<&RegistryAuth>,
        report: PullReport<'_>,
    ) -> Result<(), EngineError> {
        self.connection.pull(image, auth, report).await
    }

    async fn login(&self, auth: &RegistryAuth) -> Result<(), EngineError> {
        self.connection.login(auth).await
    }

    async fn build(
        &self,
        context: ByteStream,
        options: &BuildOptions,
        report: BuildReport<'_>,
    ) -> Result<(), EngineError> {
        self.connection.build(context, options, report).await
    }

    async fn create(&self, spec: &ContainerSpec) -> Result<ContainerId, EngineError> {
        let docker = self.client(Patience::Work).await?;
        let body = convert::create_body(spec, &docker.client_version());
        let name = Some(checked(&spec.name)?.to_owned());
        let options = CreateContainerOptions { name, ..CreateContainerOptions::default() };
        let placeholder = ContainerCreateBody::default();
        match with_body(docker, &body).create_container(Some(options), placeholder).await {
            Ok(created) => Ok(created.id),
            Err(err) if failure::is_name_conflict(&err) => self.created_earlier(spec).await,
            Err(err) => Err(self.failure(&spec.name, err)),
        }
    }

    async fn start(&self, container: &str) -> Result<(), EngineError> {
        let docker = self.client(Patience::Work).await?;
        let started =
            docker.start_container(checked(container)?, None::<StartContainerOptions>).await;
        started.map_err(|err| self.failure(container, err))
    }

    async fn stop(&self, container: &str, timeout_s: u32) -> Result<(), EngineError> {
        let docker = self.client(Patience::WorkAnd(timeout_s)).await?;
        let t = i32::try_from(timeout_s).unwrap_or(i32::MAX);
        let options = StopContainerOptions { signal: None, t: Some(t) };
        match docker.stop_container(checked(container)?, Some(options)).await {
            Err(err) if status(&err) != Some(404) => Err(self.failure(container, err)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    async fn kill(&self, container: &str, signal: &str) -> Result<(), EngineError> {
        let docker = self.client(Patience::Work).await?;
        let options = KillContainerOptions { signal: signal.to_owned() };
        let Err(err) = docker.kill_container(checked(container)?, Some(options)).await else {
            return Ok(());
        };
        let err = self.failure(container, err);
        if err.is_no_container() || matches!(err, EngineError::NotRunning { .. }) {
            return Ok(());
        }
        Err(err)
    }

    async fn remove(&self, container: &str, volumes: RemoveVolumes) -> Result<(), EngineError> {
        let docker = self.client(Patience::Work).await?;
        let v = match volumes {
            RemoveVolumes::None => false,
            RemoveVolumes::Anonymous => true,
        };
        let options = RemoveContainerOptions { v, force: true, link: false };
        match docker.remove_container(checked(container)?, Some(options)).await {
            Ok(()) => Ok(()),
            Err(err) if status(&err) == Some(404) => Ok(()),
            // "removal of container .. is already in progress"
            Err(err) if status(&err) == Some(409) => self.removal(container).await,
            Err(err) => Err(self.failure(container, err)),
        }
    }

    async fn upload(&self, container: &str, path: &str, tar: Bytes) -> Result<(), EngineError> {
        let docker = self.client(Patience::Work).await?;
        let options = UploadToContainerOptions {
            path: path.to_owned(),
            ..UploadToContainerOptions::default()
        };
        let tar = bollard::body_full(tar);
        let done = docker.upload_to_container(checked(container)?, Some(options), tar).await;
        done.map_err(|err| self.failure(container, err))
    }

    async fn secrets_put(
        &self,
        uuid: &str,
        files: &[SecretFile],
    ) -> Result<Vec<BindMount>, EngineError> {
        memory::put(&self.connection, uuid, files).await
    }

    async fn secrets_remove(&self, uuid: &str) -> Result<(), EngineError> {
        memory::remove(&self.connection, uuid).await
    }

    async fn unpack(
        &self,
        container: &str,
        path: &str,
        tar: ByteStream,
    ) -> Result<(), EngineError> {
        self.put_in(container, path, tar).await
    }

    fn download(
        &self,
        container: &str,
        path: &str,
    ) -> BoxStream<'static, Result<Bytes, EngineError>> {
        self.take_out(container, path)
    }

    async fn pause(&self, container: &str) -> Result<(), EngineError> {
        self.freeze(container, true).await
    }

    async fn unpause(&self, container: &str) -> Result<(), EngineError> {
        self.freeze(container, false).await
    }

    async fn empty_image(&self, image: &str) -> Result<(), EngineError> {
        self.import_empty(image).await
    }

    async fn probe(&self, _: &str, probe: &Probe) -> Result<(), String> {
        probe::ask(probe).await
    }

    async fn dial(&self, container: &str, address: SocketAddr) -> Result<Wire, EngineError> {
        let Some(machine) = self.connection.machine() else {
            return wire::dial(container, address).await;
        };
        // A reader that stops holds up the whole session, which therefore is its own.
        let dialed = machine.dial_address(address).await;
        dialed.map_err(|error| wire::closed(container, address.port(), &error.to_string()))
    }

    async fn inspect(&self, container: &str) -> Result<Option<Observed>, EngineError> {
        let docker = self.client(Patience::Control).await?;
        let Ok(container) = checked(container) else { return Ok(None) };
        match docker.inspect_container(container, None::<InspectContainerOptions>).await {
            Ok(found) => Ok(Some(observe::inspected(found))),
            Err(err) if status(&err) == Some(404) => Ok(None),
            Err(err) => Err(self.failure(container, err)),
        }
    }

    async fn list(&self) -> Result<Vec<Observed>, EngineError> {
        let docker = self.client(Patience::Control).await?;
        let options = ListContainersOptions { all: true, ..ListContainersOptions::default() };
        let found = docker.list_containers(Some(options)).await;
        let found = found.map_err(|err| self.connection.failure(Subject::Engine, err))?;
        Ok(found.into_iter().map(observe::summary).collect())
    }

    async fn network_ensure(&self, network: &NetworkSpec) -> Result<String, EngineError> {
        self.connection.network_ensure(network).await
    }

    async fn network_connect(&self, container: &str, place: &Endpoint) -> Result<(), EngineError> {
        self.connection.network_connect(checked(container)?, place).await
    }

    async fn network_disconnect(&self, container: &str, network: &str) -> Result<(), EngineError> {
        self.connection.network_disconnect(checked(container)?, network).await
    }

    async fn network_remove(&self, name: &str) -> Result<(), EngineError> {
        self.connection.network_remove(name).await
    }

    async fn volume_ensure(&self, volume: &VolumeSpec) -> Result<ObservedVolume, EngineError> {
        self.connection.volume_ensure(volume).await
    }

    async fn volume_remove(&self, name: &str) -> Result<(), EngineError> {
        self.connection.volume_remove(name).await
    }

    async fn volumes(&self) -> Result<Vec<ObservedVolume>, EngineError> {
        self.connection.volumes().await
    }

    fn logs(
        &self,
        container: &str,
        options: &LogOptions,
    ) -> BoxStream<'static, Result<Chunk, EngineError>> {
        match checked(container) {
            Ok(container) => streams::logs(Arc::clone(&self.connection), container, options),
            Err(err) => futures_util::stream::once(async { Err(err) }).boxed(),
        }
    }

    fn stats(&self, container: &str) -> BoxStream<'static, Result<Stats, EngineError>> {
        match checked(container) {
            Ok(container) => streams::stats(Arc::clone(&self.connection), container),
            Err(err) => futures_util::stream::once(async { Err(err) }).boxed(),
        }
    }

    fn host_stats(&self) -> Option<HostStats> {
        self.connection.is_local().then(machine::sample).flatten()
    }

    fn packet_filter(&self) -> Option<Arc<dyn PacketFilter>> {
        self.connection.machine().map(|machine| Arc::clone(machine) as _)
    }

    async fn exec(&self, container: &str, spec: &ExecSpec) -> Result<ExecSession, EngineError> {
        self.connection.exec(checked(container)?, spec).await
    }

    async fn exec_resize(&self, exec: &str, size: TtySize) -> Result<(), EngineError> {
        self.connection.exec_resize(checked(exec)?, size).await
    }

    async fn exec_exit_code(&self, exec: &str) -> Result<Option<i64>, EngineError> {
        self.connection.exec_exit_code(checked(exec)?).await
    }

    fn events(
        &self,
        since_ms: Option<i64>,
    ) -> BoxStream<'static, Result<EngineEvent, EngineError>> {
        streams::events(Arc::clone(&self.connection), since_ms)
    }
}

/// Room on the disk that holds `path`; `None` if the path is not ours to see (another mount
/// namespace).
fn disk(path: &str) -> Option<Disk> {
    let stat = rustix::fs::statvfs(path).ok()?;
    let total_bytes = stat.f_blocks.saturating_mul(stat.f_frsize);
    let free_bytes = stat.f_bfree.saturating_mul(stat.f_frsize);
    Some(Disk { total_bytes, used_bytes: total_bytes.saturating_sub(free_bytes) })
}
