//! [`Engine`] for a simulated host: faults first, then the state machine, then the transcript.

use std::fmt::Arguments;
use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;

use super::SimEngine;
use super::faults::{Op, Verdict};
use super::observe::{Detail, observe};
use super::program::Program;
use super::state::{Death, volume};
use super::{port, registry, session, streams};
use crate::engine::machine::PacketFilter;
use crate::engine::probe::Probe;
use crate::engine::{
    BindMount, BuildOptions, BuildReport, ByteStream, Chunk, ContainerId, ContainerSpec,
    ContainerState, Endpoint, Engine, EngineError, EngineEvent, EngineInfo, EventKind, ExecSession,
    ExecSpec, HostStats, LogOptions, NetworkSpec, Observed, ObservedVolume, PullReport,
    RegistryAuth, RemoveVolumes, SecretFile, Stats, TtySize, VolumeSpec, Wire, wire,
};

impl SimEngine {
    fn now(&self) -> i64 {
        self.host.shared.clock.now_ms()
    }

    pub(super) fn note(&self, line: Arguments<'_>) {
        self.host.shared.transcript.note(format_args!("{} {line}", self.host.name));
    }

    /// Faults, slowness and absence, before an operation does anything.
    async fn enter(&self, op: Op, verb: &str, about: &[&str]) -> Result<Verdict, EngineError> {
        let verdict = self.host.shared.faults.judge(&self.host.name, op, about);
        if verdict.delay_ms > 0 {
            self.host.shared.clock.sleep_ms(verdict.delay_ms).await;
        }
        if let Some(reason) = self.host.lock().away.clone() {
            return Err(self.host.unavailable(reason));
        }
        match &verdict.failure {
            Some(err) => {
                let subject = about.last().copied().unwrap_or_default();
                self.note(format_args!("{verb} {subject} failed: {err}"));
                Err(err.clone())
            }
            None => Ok(verdict),
        }
    }

    /// The name of a container for faults and the transcript, and its image.
    fn about(&self, container: &str) -> Result<(String, String), EngineError> {
        let state = self.host.lock_at(self.now());
        match state.get(container) {
            Some(found) => Ok((found.spec.image.clone(), found.spec.name.clone())),
            None => Err(missing(container)),
        }
    }

    /// Stops or kills: the container ends with `code` after the events in `before`.
    async fn halt(&self, container: &str, halt: Halt<'_>) -> Result<(), EngineError> {
        let Ok((image, name)) = self.about(container) else {
            self.enter(halt.op, halt.verb, &[container]).await?;
            return Ok(());
        };
        let verdict = self.enter(halt.op, halt.verb, &[&image, &name]).await?;
        let now = self.now();
        let mut state = self.host.lock_at(now);
        let Some(serial) = state.find(container) else { return Ok(()) };
        let again = if state.is_running(serial) { "" } else { " again" };
        if again.is_empty() {
            self.host.emit(&mut state, serial, EventKind::Kill { signal: halt.signal }, now);
            self.host.end(&mut state, serial, 128 + halt.signal, Death::Asked, now);
            if halt.op == Op::Stop {
                self.host.emit(&mut state, serial, EventKind::Stop, now);
            }
        } else if let Some(container) = state.containers.get_mut(&serial)
            && container.state == ContainerState::Restarting
        {
            container.state = ContainerState::Exited;
        }
        drop(state);
        self.note(format_args!("{} {name}{}{again}", halt.verb, halt.how));
        self.host.changed();
        lost(verdict)
    }
}

impl SimEngine {
    async fn freeze(&self, container: &str, frozen: bool) -> Result<(), EngineError> {
        let (image, name) = self.about(container)?;
        let verb = if frozen { "pause" } else { "unpause" };
        let verdict = self.enter(Op::Stop, verb, &[&image, &name]).await?;
        let mut state = self.host.lock_at(self.now());
        let serial = state.find(container).ok_or_else(|| missing(container))?;
        let changed = state
            .freeze(serial, frozen)
            .ok_or_else(|| EngineError::NotRunning { container: name.clone() })?;
        drop(state);
        self.note(format_args!("{verb} {name}{}", if changed { "" } else { " again" }));
        lost(verdict)
    }
}

struct Halt<'a> {
    op: Op,
    verb: &'a str,
    signal: i64,
    how: String,
}

fn missing(container: &str) -> EngineError {
    EngineError::NoSuchContainer { container: container.to_owned() }
}

fn lost(verdict: Verdict) -> Result<(), EngineError> {
    verdict.lost_answer.map_or(Ok(()), Err)
}

fn signal_number(signal: &str) -> i64 {
    match signal.trim_start_matches("SIG") {
        "HUP" => 1,
        "INT" => 2,
        "QUIT" => 3,
        "KILL" => 9,
        "USR1" => 10,
        "USR2" => 12,
        "TERM" => 15,
        other => other.parse().unwrap_or(15),
    }
}

#[async_trait]
impl Engine for SimEngine {
    async fn info(&self) -> Result<EngineInfo, EngineError> {
        self.enter(Op::Look, "info", &[]).await?;
        Ok(self.host.lock().info.clone())
    }

    async fn image_id(&self, image: &str) -> Result<Option<String>, EngineError> {
        self.enter(Op::Look, "image", &[image]).await?;
        Ok(self.host.lock().image(image).map(|found| found.id.clone()))
    }

    async fn image_digests(&self, image: &str) -> Result<Vec<String>, EngineError> {
        self.enter(Op::Look, "image", &[image]).await?;
        let host = self.host.lock();
        Ok(host.image(image).and_then(|found| found.digest.clone()).into_iter().collect())
    }

    async fn image_config(&self, image: &str) -> Result<Option<serde_json::Value>, EngineError> {
        self.enter(Op::Look, "image", &[image]).await?;
        // Simulated images say nothing of their containers.
        Ok(self.host.lock().image(image).map(|_| serde_json::json!({})))
    }

    async fn image_offered(
        &self,
        image: &str,
        auth: Option<&RegistryAuth>,
    ) -> Result<(), EngineError> {
        self.enter(Op::Look, "offered", &[image]).await?;
        self.host.shared.registry.check(image, auth)
    }

    async fn pull(
        &self,
        image: &str,
        auth: Option<&RegistryAuth>,
        report: PullReport<'_>,
    ) -> Result<(), EngineError> {
        let verdict = self.enter(Op::Pull, "pull", &[image]).await?;
        if let Err(err) = self.host.shared.registry.check(image, auth) {
            self.note(format_args!("pull {image} failed: {err}"));
            return Err(err);
        }
        registry::steps(image).for_each(report);
        let content = self.host.shared.registry.content(image);
        self.host.lock().name_image(image, content);
        match auth {
            Some(auth) => self.note(format_args!("pull {image} as {}", auth.username)),
            None => self.note(format_args!("pull {image}")),
        }
        lost(verdict)
    }

    async fn login(&self, auth: &RegistryAuth) -> Result<(), EngineError> {
        let verdict = self.enter(Op::Login, "login", &[&auth.server]).await?;
        self.host.shared.registry.login(auth)?;
        self.note(format_args!("login {} as {}", auth.server, auth.username));
        lost(verdict)
    }

    async fn build(
        &self,
        mut context: ByteStream,
        options: &BuildOptions,
        report: BuildReport<'_>,
    ) -> Result<(), EngineError> {
        let verdict = self.enter(Op::Build, "build", &[&options.tag]).await?;
        let failed = |detail: String| EngineError::BuildFailed { tag: options.tag.clone(), detail };
        let mut tar = Vec::new();
        while let Some(piece) = context.next().await {
            tar.extend_from_slice(&piece.map_err(|err| failed(err.to_string()))?);
        }
        let wanted = options.dockerfile.as_deref().unwrap_or("Dockerfile");
        let files = session::untar("", &tar).map_err(|err| failed(err.to_string()))?;
        let text = match (files.get(wanted), &options.remote) {
            (Some(file), _) => String::from_utf8_lossy(file).into_owned(),
            (None, Some(remote)) => format!("FROM {remote}"),
            (None, None) => {
                return Err(failed(format!("cannot locate specified Dockerfile: {wanted}")));
            }
        };
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        for (number, line) in lines.iter().enumerate() {
            report(&format!("Step {}/{} : {line}", number + 1, lines.len()));
        }
        report(&format!("Successfully tagged {}", options.tag));
        self.host.lock().build_image(&options.tag);
        self.note(format_args!("build {}", options.tag));
        lost(verdict)
    }

    async fn create(&self, spec: &ContainerSpec) -> Result<ContainerId, EngineError> {
        let verdict = self.enter(Op::Create, "create", &[&spec.image, &spec.name]).await?;
        let now = self.now();
        let mut state = self.host.lock_at(now);
        if let Some(known) = state.named(&spec.name) {
            if known.spec.uuid != spec.uuid {
                return Err(EngineError::NameConflict { name: spec.name.clone() });
            }
            let id = known.id.clone();
            drop(state);
            self.note(format_args!("create {} again", spec.name));
            return lost(verdict).map(|()| id);
        }
        if state.image(&spec.image).is_none() {
            let (image, detail) = (spec.image.clone(), String::new());
            return Err(EngineError::ImageNotFound { image, detail });
        }
        let id = state.create(spec, now)?;
        if let Some(serial) = state.find(&id) {
            self.host.emit(&mut state, serial, EventKind::Create, now);
        }
        drop(state);
        self.note(format_args!("create {} image={}", spec.name, spec.image));
        self.host.changed();
        lost(verdict).map(|()| id)
    }

    async fn start(&self, container: &str) -> Result<(), EngineError> {
        let (image, name) = self.about(container)?;
        let verdict = self.enter(Op::Start, "start", &[&image, &name]).await?;
        let now = self.now();
        let mut state = self.host.lock_at(now);
        let serial = state.find(container).ok_or_else(|| missing(container))?;
        let again = if state.is_running(serial) { " again" } else { "" };
        if again.is_empty() {
            if let Err(err) = state.start(serial, now) {
                self.note(format_args!("start {name} failed: {err}"));
                return Err(err);
            }
            if let Some(started) = state.containers.get_mut(&serial) {
                started.restarts = 0;
            }
            self.host.started(&mut state, serial, now);
        }
        self.keep_time(state);
        self.note(format_args!("start {name}{again}"));
        self.host.changed();
        lost(verdict)
    }

    async fn stop(&self, container: &str, timeout_s: u32) -> Result<(), EngineError> {
        let how = format!(" timeout={timeout_s}");
        self.halt(container, Halt { op: Op::Stop, verb: "stop", signal: 15, how }).await
    }

    async fn kill(&self, container: &str, signal: &str) -> Result<(), EngineError> {
        let (how, signal) = (format!(" {signal}"), signal_number(signal));
        self.halt(container, Halt { op: Op::Kill, verb: "kill", signal, how }).await
    }

    async fn remove(&self, container: &str, volumes: RemoveVolumes) -> Result<(), EngineError> {
        let (image, name) = self.about(container).unwrap_or_default();
        let verdict = self.enter(Op::Remove, "remove", &[&image, &name]).await?;
        let now = self.now();
        let mut state = self.host.lock_at(now);
        let Some(serial) = state.find(container) else { return Ok(()) };
        if state.is_running(serial) {
            self.host.emit(&mut state, serial, EventKind::Kill { signal: 9 }, now);
            self.host.end(&mut state, serial, 137, Death::Asked, now);
        }
        self.host.destroy(&mut state, serial, volumes, now);
        drop(state);
        self.note(format_args!("remove {name}"));
        self.host.changed();
        lost(verdict)
    }

    async fn upload(&self, container: &str, path: &str, tar: Bytes) -> Result<(), EngineError> {
        let (image, name) = self.about(container)?;
        let verdict = self.enter(Op::Upload, "upload", &[&image, &name]).await?;
        let files = session::untar(path, &tar)
            .map_err(|err| EngineError::BadSpec { what: name.clone(), detail: err.to_string() })?;
        let mut state = self.host.lock();
        let serial = state.find(container).ok_or_else(|| missing(container))?;
        state.put_files(serial, files);
        drop(state);
        self.note(format_args!("upload {name} {path}"));
        lost(verdict)
    }

    async fn secrets_put(
        &self,
        uuid: &str,
        files: &[SecretFile],
    ) -> Result<Vec<BindMount>, EngineError> {
        let verdict = self.enter(Op::Place, "secrets", &[uuid]).await?;
        let kept = files.iter().map(|file| file.path.clone()).collect();
        self.host.lock().secrets.insert(uuid.to_owned(), kept);
        self.note(format_args!("secrets {uuid} files={}", files.len()));
        let mount = |file: &SecretFile| BindMount {
            source: format!("/sim/secrets/{uuid}{}", file.path),
            target: file.path.clone(),
        };
        lost(verdict).map(|()| files.iter().map(mount).collect())
    }

    async fn secrets_remove(&self, uuid: &str) -> Result<(), EngineError> {
        let verdict = self.enter(Op::Place, "secrets-remove", &[uuid]).await?;
        self.host.lock().secrets.remove(uuid);
        self.note(format_args!("secrets-remove {uuid}"));
        lost(verdict)
    }

    async fn unpack(
        &self,
        container: &str,
        path: &str,
        mut tar: ByteStream,
    ) -> Result<(), EngineError> {
        let mut whole = Vec::new();
        while let Some(piece) = tar.next().await {
            let piece = piece.map_err(|err| EngineError::BadSpec {
                what: container.to_owned(),
                detail: err.to_string(),
            })?;
            whole.extend_from_slice(&piece);
        }
        self.upload(container, path, whole.into()).await
    }

    fn download(
        &self,
        container: &str,
        path: &str,
    ) -> BoxStream<'static, Result<Bytes, EngineError>> {
        let (engine, container, path) = (self.clone(), container.to_owned(), path.to_owned());
        let whole = async move {
            let (image, name) = engine.about(&container)?;
            engine.enter(Op::Look, "download", &[&image, &name]).await?;
            let state = engine.host.lock();
            let serial = state.find(&container).ok_or_else(|| missing(&container))?;
            let tar = state.take_files(serial, &path);
            tar.map(Bytes::from)
                .map_err(|err| EngineError::BadSpec { what: name, detail: err.to_string() })
        };
        futures_util::stream::once(whole).boxed()
    }

    async fn pause(&self, container: &str) -> Result<(), EngineError> {
        self.freeze(container, true).await
    }

    async fn unpause(&self, container: &str) -> Result<(), EngineError> {
        self.freeze(container, false).await
    }

    async fn empty_image(&self, image: &str) -> Result<(), EngineError> {
        self.enter(Op::Place, "empty-image", &[image]).await?;
        let mut host = self.host.lock();
        if host.image(image).is_none() {
            host.build_image(image);
        }
        Ok(())
    }

    async fn probe(&self, container: &str, _: &Probe) -> Result<(), String> {
        let (image, name) = self.about(container).map_err(|error| error.to_string())?;
        let about = [image.as_str(), name.as_str()];
        self.enter(Op::Probe, "probe", &about).await.map_err(|error| error.to_string())?;
        let state = self.host.lock_at(self.now());
        let serial = state.find(container);
        let running = serial.is_some_and(|serial| state.is_running(serial));
        if running { Ok(()) } else { Err(format!("{name} does not run")) }
    }

    async fn dial(&self, container: &str, address: SocketAddr) -> Result<Wire, EngineError> {
        let (image, name) = self.about(container)?;
        self.enter(Op::Dial, "dial", &[image.as_str(), name.as_str()]).await?;
        let state = self.host.lock_at(self.now());
        let found = state.get(container).filter(|own| own.state == ContainerState::Running);
        // Only a server listens, at whatever port it is asked at.
        match found {
            Some(own) if own.program == Program::Server => Ok(port::open()),
            Some(_) => Err(wire::closed(&name, address.port(), "connection refused")),
            None => Err(EngineError::NotRunning { container: name }),
        }
    }

    async fn inspect(&self, container: &str) -> Result<Option<Observed>, EngineError> {
        self.enter(Op::Look, "inspect", &[container]).await?;
        let state = self.host.lock_at(self.now());
        Ok(state.get(container).map(|found| observe(&state, found, Detail::Full)))
    }

    async fn list(&self) -> Result<Vec<Observed>, EngineError> {
        self.enter(Op::Look, "list", &[]).await?;
        let state = self.host.lock_at(self.now());
        let newest_first = state.containers.values().rev();
        Ok(newest_first.map(|found| observe(&state, found, Detail::List)).collect())
    }

    async fn network_ensure(&self, network: &NetworkSpec) -> Result<String, EngineError> {
        let verdict = self.enter(Op::Place, "network", &[&network.name]).await?;
        let mut state = self.host.lock();
        if let Some(known) = state.networks.get(&network.name) {
            let (id, have) = (known.id.clone(), known.spec.subnet.clone().unwrap_or_default());
            return match &network.subnet {
                Some(wanted) if *wanted != have => Err(EngineError::BadSpec {
                    what: network.name.clone(),
                    detail: format!("the network exists with subnet {have}, not {wanted}"),
                }),
                Some(_) | None => lost(verdict).map(|()| id),
            };
        }
        let taken = state.networks.len();
        let subnet = network.subnet.clone().unwrap_or_else(|| format!("172.{}.0.0/16", 17 + taken));
        let id = state.network_add(network, &subnet).ok_or_else(|| EngineError::BadSpec {
            what: network.name.clone(),
            detail: format!("`{subnet}` is not an IPv4 subnet"),
        })?;
        drop(state);
        self.note(format_args!("network {} subnet={subnet}", network.name));
        lost(verdict).map(|()| id)
    }

    async fn network_connect(&self, container: &str, place: &Endpoint) -> Result<(), EngineError> {
        let (image, name) = self.about(container)?;
        let about = [image.as_str(), name.as_str(), place.network.as_str()];
        let verdict = self.enter(Op::Place, "connect", &about).await?;
        let mut state = self.host.lock_at(self.now());
        let serial = state.find(container).ok_or_else(|| missing(container))?;
        let again = if state.join(serial, place)? { "" } else { " again" };
        drop(state);
        let address = place.ipv4.as_deref().unwrap_or("any");
        self.note(format_args!("connect {name} to={} at={address}{again}", place.network));
        lost(verdict)
    }

    async fn network_disconnect(&self, container: &str, network: &str) -> Result<(), EngineError> {
        let verdict = self.enter(Op::Place, "disconnect", &[container, network]).await?;
        let mut state = self.host.lock_at(self.now());
        let found = state.find(container);
        let again = found.is_none_or(|serial| !state.leave(serial, network));
        drop(state);
        let name = self.about(container).map_or_else(|_| container.to_owned(), |(_, name)| name);
        let again = if again { " again" } else { "" };
        self.note(format_args!("disconnect {name} from={network}{again}"));
        lost(verdict)
    }

    async fn network_remove(&self, name: &str) -> Result<(), EngineError> {
        let verdict = self.enter(Op::Place, "network-remove", &[name]).await?;
        let mut state = self.host.lock_at(self.now());
        let on_it = |c: &&super::state::SimContainer| {
            c.address.as_ref().is_some_and(|(network, _)| network == name)
                || c.joined
                    .values()
                    .any(|joined| joined.place.network == name && joined.address.is_some())
        };
        if let Some(user) = state.containers.values().find(on_it) {
            let detail = format!("container `{}` is attached to it", user.spec.name);
            return Err(EngineError::InUse { what: name.to_owned(), detail });
        }
        let again = if state.networks.remove(name).is_none() { " again" } else { "" };
        drop(state);
        self.note(format_args!("network-remove {name}{again}"));
        lost(verdict)
    }

    async fn volume_ensure(&self, spec: &VolumeSpec) -> Result<ObservedVolume, EngineError> {
        let verdict = self.enter(Op::Place, "volume", &[&spec.name]).await?;
        let driver = if spec.driver.is_empty() { "local" } else { &spec.driver };
        let mut state = self.host.lock();
        let fresh = || ObservedVolume {
            driver_opts: spec.driver_opts.clone(),
            labels: spec.labels.clone(),
            ..volume(&spec.name, driver)
        };
        let again = if state.volumes.contains_key(&spec.name) { " again" } else { "" };
        let volume = state.volumes.entry(spec.name.clone()).or_insert_with(fresh).clone();
        drop(state);
        self.note(format_args!("volume {} driver={driver}{again}", spec.name));
        lost(verdict).map(|()| volume)
    }

    async fn volume_remove(&self, name: &str) -> Result<(), EngineError> {
        let verdict = self.enter(Op::Place, "volume-remove", &[name]).await?;
        let mut state = self.host.lock_at(self.now());
        let uses = |c: &&super::state::SimContainer| {
            let mut binds = c.spec.storage.binds.iter().filter_map(|line| line.split_once(':'));
            binds.any(|(source, _)| source == name)
                || c.anonymous_volumes.iter().any(|(volume, _)| volume == name)
        };
        if let Some(user) = state.containers.values().find(uses) {
            let detail = format!("volume is in use by container `{}`", user.spec.name);
            return Err(EngineError::InUse { what: name.to_owned(), detail });
        }
        let again = if state.volumes.remove(name).is_none() { " again" } else { "" };
        state.contents.remove(name);
        drop(state);
        self.note(format_args!("volume-remove {name}{again}"));
        lost(verdict)
    }

    async fn volumes(&self) -> Result<Vec<ObservedVolume>, EngineError> {
        self.enter(Op::Look, "volumes", &[]).await?;
        Ok(self.host.lock().volumes.values().cloned().collect())
    }

    fn logs(
        &self,
        container: &str,
        options: &LogOptions,
    ) -> BoxStream<'static, Result<Chunk, EngineError>> {
        streams::logs(self.clone(), container, options)
    }

    fn stats(&self, container: &str) -> BoxStream<'static, Result<Stats, EngineError>> {
        streams::stats(self.clone(), container)
    }

    fn host_stats(&self) -> Option<HostStats> {
        streams::host_stats(self)
    }

    fn packet_filter(&self) -> Option<Arc<dyn PacketFilter>> {
        None
    }

    async fn exec(&self, container: &str, spec: &ExecSpec) -> Result<ExecSession, EngineError> {
        let (image, name) = self.about(container)?;
        self.enter(Op::Exec, "exec", &[&image, &name]).await?;
        let session = session::open(self, container, spec)?;
        self.note(format_args!("exec {name} {}", spec.command.join(" ")));
        Ok(session)
    }

    async fn exec_resize(&self, exec: &str, _size: TtySize) -> Result<(), EngineError> {
        self.exec_exit_code(exec).await.map(drop)
    }

    async fn exec_exit_code(&self, exec: &str) -> Result<Option<i64>, EngineError> {
        self.enter(Op::Look, "exec", &[exec]).await?;
        self.host.lock().execs.get(exec).copied().ok_or_else(|| missing(exec))
    }

    fn events(
        &self,
        since_ms: Option<i64>,
    ) -> BoxStream<'static, Result<EngineEvent, EngineError>> {
        streams::events(self.clone(), since_ms)
    }
}
