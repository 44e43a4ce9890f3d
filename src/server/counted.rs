//! An engine whose calls are counted and timed.

use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;

use super::figures::seconds;
use crate::clock::Clock;
use crate::engine::machine::PacketFilter;
use crate::engine::probe::Probe;
use crate::engine::{
    BindMount, BuildOptions, BuildReport, ByteStream, Chunk, ContainerId, ContainerSpec, Endpoint,
    Engine, EngineError, EngineEvent, EngineInfo, ExecSession, ExecSpec, HostStats, LogOptions,
    NetworkSpec, Observed, ObservedVolume, PullReport, RegistryAuth, RemoveVolumes, SecretFile,
    Stats, TtySize, VolumeSpec, Wire,
};
use crate::metrics::{EngineLabels, Metrics};

/// Counts what is asked of `engine`. Streams are passed on as they are: how long one is open says nothing.
pub struct Counted {
    engine: Arc<dyn Engine>,
    metrics: Metrics,
    clock: Clock,
}

impl Counted {
    /// Counts the calls of an engine.
    pub fn new(engine: Arc<dyn Engine>, metrics: Metrics, clock: Clock) -> Self {
        Self { engine, metrics, clock }
    }

    async fn count<T>(
        &self,
        call: &'static str,
        work: impl Future<Output = Result<T, EngineError>>,
    ) -> Result<T, EngineError> {
        let started = self.clock.now_ms();
        let result = work.await;
        let labels = EngineLabels { call, outcome: if result.is_ok() { "ok" } else { "error" } };
        let took = seconds(self.clock.now_ms() - started);
        self.metrics.engine.get_or_create(&labels).observe(took);
        result
    }
}

#[async_trait]
impl Engine for Counted {
    async fn info(&self) -> Result<EngineInfo, EngineError> {
        self.count("info", self.engine.info()).await
    }

    async fn image_id(&self, image: &str) -> Result<Option<String>, EngineError> {
        self.count("image_id", self.engine.image_id(image)).await
    }

    async fn image_digests(&self, image: &str) -> Result<Vec<String>, EngineError> {
        self.count("image_digests", self.engine.image_digests(image)).await
    }

    async fn image_config(&self, image: &str) -> Result<Option<serde_json::Value>, EngineError> {
        self.count("image_config", self.engine.image_config(image)).await
    }

    async fn image_offered(
        &self,
        image: &str,
        auth: Option<&RegistryAuth>,
    ) -> Result<(), EngineError> {
        self.count("image_offered", self.engine.image_offered(image, auth)).await
    }

    async fn pull(
        &self,
        image: &str,
        auth: Option<&RegistryAuth>,
        report: PullReport<'_>,
    ) -> Result<(), EngineError> {
        self.count("pull", self.engine.pull(image, auth, report)).await
    }

    async fn login(&self, auth: &RegistryAuth) -> Result<(), EngineError> {
        self.count("login", self.engine.login(auth)).await
    }

    async fn build(
        &self,
        context: ByteStream,
        options: &BuildOptions,
        report: BuildReport<'_>,
    ) -> Result<(), EngineError> {
        self.count("build", self.engine.build(context, options, report)).await
    }

    async fn create(&self, spec: &ContainerSpec) -> Result<ContainerId, EngineError> {
        self.count("create", self.engine.create(spec)).await
    }

    async fn start(&self, container: &str) -> Result<(), EngineError> {
        self.count("start", self.engine.start(container)).await
    }

    async fn stop(&self, container: &str, timeout_s: u32) -> Result<(), EngineError> {
        self.count("stop", self.engine.stop(container, timeout_s)).await
    }

    async fn kill(&self, container: &str, signal: &str) -> Result<(), EngineError> {
        self.count("kill", self.engine.kill(container, signal)).await
    }

    async fn remove(&self, container: &str, volumes: RemoveVolumes) -> Result<(), EngineError> {
        self.count("remove", self.engine.remove(container, volumes)).await
    }

    async fn upload(&self, container: &str, path: &str, tar: Bytes) -> Result<(), EngineError> {
        self.count("upload", self.engine.upload(container, path, tar)).await
    }

    async fn secrets_put(
        &self,
        uuid: &str,
        files: &[SecretFile],
    ) -> Result<Vec<BindMount>, EngineError> {
        self.count("secrets_put", self.engine.secrets_put(uuid, files)).await
    }

    async fn secrets_remove(&self, uuid: &str) -> Result<(), EngineError> {
        self.count("secrets_remove", self.engine.secrets_remove(uuid)).await
    }

    async fn unpack(
        &self,
        container: &str,
        path: &str,
        tar: ByteStream,
    ) -> Result<(), EngineError> {
        self.count("unpack", self.engine.unpack(container, path, tar)).await
    }

    fn download(
        &self,
        container: &str,
        path: &str,
    ) -> BoxStream<'static, Result<Bytes, EngineError>> {
        self.engine.download(container, path)
    }

    async fn pause(&self, container: &str) -> Result<(), EngineError> {
        self.count("pause", self.engine.pause(container)).await
    }

    async fn unpause(&self, container: &str) -> Result<(), EngineError> {
        self.count("unpause", self.engine.unpause(container)).await
    }

    async fn empty_image(&self, image: &str) -> Result<(), EngineError> {
        self.count("empty_image", self.engine.empty_image(image)).await
    }

    async fn probe(&self, container: &str, probe: &Probe) -> Result<(), String> {
        // Not a call to the engine: the container itself is asked.
        self.engine.probe(container, probe).await
    }

    async fn dial(&self, container: &str, address: SocketAddr) -> Result<Wire, EngineError> {
        self.count("dial", self.engine.dial(container, address)).await
    }

    async fn inspect(&self, container: &str) -> Result<Option<Observed>, EngineError> {
        self.count("inspect", self.engine.inspect(container)).await
    }

    async fn list(&self) -> Result<Vec<Observed>, EngineError> {
        self.count("list", self.engine.list()).await
    }

    async fn network_ensure(&self, network: &NetworkSpec) -> Result<String, EngineError> {
        self.count("network_ensure", self.engine.network_ensure(network)).await
    }

    async fn network_connect(&self, container: &str, place: &Endpoint) -> Result<(), EngineError> {
        self.count("network_connect", self.engine.network_connect(container, place)).await
    }

    async fn network_disconnect(&self, container: &str, network: &str) -> Result<(), EngineError> {
        self.count("network_disconnect", self.engine.network_disconnect(container, network)).await
    }

    async fn network_remove(&self, name: &str) -> Result<(), EngineError> {
        self.count("network_remove", self.engine.network_remove(name)).await
    }

    async fn volume_ensure(&self, volume: &VolumeSpec) -> Result<ObservedVolume, EngineError> {
        self.count("volume_ensure", self.engine.volume_ensure(volume)).await
    }

    async fn volume_remove(&self, name: &str) -> Result<(), EngineError> {
        self.count("volume_remove", self.engine.volume_remove(name)).await
    }

    async fn volumes(&self) -> Result<Vec<ObservedVolume>, EngineError> {
        self.count("volumes", self.engine.volumes()).await
    }

    fn logs(
        &self,
        container: &str,
        options: &LogOptions,
    ) -> BoxStream<'static, Result<Chunk, EngineError>> {
        self.engine.logs(container, options)
    }

    fn stats(&self, container: &str) -> BoxStream<'static, Result<Stats, EngineError>> {
        self.engine.stats(container)
    }

    fn host_stats(&self) -> Option<HostStats> {
        self.engine.host_stats()
    }

    fn packet_filter(&self) -> Option<Arc<dyn PacketFilter>> {
        self.engine.packet_filter()
    }

    async fn exec(&self, container: &str, spec: &ExecSpec) -> Result<ExecSession, EngineError> {
        self.count("exec", self.engine.exec(container, spec)).await
    }

    async fn exec_resize(&self, exec: &str, size: TtySize) -> Result<(), EngineError> {
        self.count("exec_resize", self.engine.exec_resize(exec, size)).await
    }

    async fn exec_exit_code(&self, exec: &str) -> Result<Option<i64>, EngineError> {
        self.count("exec_exit_code", self.engine.exec_exit_code(exec)).await
    }

    fn events(
        &self,
        since_ms: Option<i64>,
    ) -> BoxStream<'static, Result<EngineEvent, EngineError>> {
        self.engine.events(since_ms)
    }
}
