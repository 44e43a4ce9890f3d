//! What every engine promises, tried on the simulated fleet, on a real Docker Engine, and on one that is
//! reached over SSH.

mod containers;
mod failures;
mod images;
mod places;
mod running;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use ranchette::clock::Clock;
use ranchette::engine::docker::DockerEngine;
use ranchette::engine::docker::ssh::SshMachines;
use ranchette::engine::machine::Machines;
use ranchette::engine::sim::SimFleet;
use ranchette::engine::spec::{LABEL_UUID, ProcessSpec};
use ranchette::engine::{
    Chunk, ContainerSpec, Engine, EngineError, EventKind, Follow, LogOptions, Observed, Output,
    RegistryAuth, RemoveVolumes,
};

use tokio::sync::OnceCell;

use crate::docker_support::{TestDocker, docker};
use crate::machine_support::{Machine, docker_there};

/// A promise may take this long on a slow machine; longer means it is broken.
const PATIENCE: Duration = Duration::from_secs(60);

/// An engine to try, and what it can be tried with.
struct Ground {
    engine: Arc<dyn Engine>,
    /// An image that is present and runs shell scripts.
    image: String,
    /// An image no registry has.
    missing: String,
    /// An image everyone may pull.
    open: String,
    /// An image only [`Ground::login`] may pull.
    locked: String,
    login: RegistryAuth,
    /// On another machine than this one.
    is_elsewhere: bool,
    /// Second number of a subnet nobody uses: `10.<n>.x.0/24`.
    subnet: u32,
}

async fn on_sim() -> Ground {
    let fleet = SimFleet::new(7, Clock::System);
    fleet.registry().mark_missing("reg:5000/missing:1");
    fleet.registry().require_login("locked:5000/", "tester", "secret");
    let engine = fleet.host("host1");
    engine.pull("busybox", None, &|_| ()).await.unwrap();
    Ground {
        engine: Arc::new(engine),
        image: "busybox".to_owned(),
        missing: "reg:5000/missing:1".to_owned(),
        open: "reg:5000/big:1".to_owned(),
        locked: "locked:5000/busybox:1".to_owned(),
        login: RegistryAuth {
            username: "tester".to_owned(),
            password: "secret".to_owned(),
            server: "locked:5000".to_owned(),
        },
        is_elsewhere: false,
        subnet: 99,
    }
}

async fn on_docker() -> Ground {
    Ground::of(docker().await)
}

impl Ground {
    fn of(docker: &TestDocker) -> Ground {
        Ground {
            engine: Arc::new(DockerEngine::new(&docker.endpoint)),
            image: docker.image.clone(),
            missing: format!("{}/ranchette-test/missing:1", docker.registry),
            open: format!("{}/ranchette-test/big:1", docker.registry),
            locked: format!("{}/ranchette-test/busybox:1", docker.locked_registry),
            login: docker.login(),
            is_elsewhere: false,
            subnet: 230 + std::process::id() % 20,
        }
    }
}

/// The engine of another machine, reached over SSH.
async fn on_ssh() -> Ground {
    static MACHINE: OnceCell<Machine> = OnceCell::const_new();
    let machine = MACHINE.get_or_init(async || {
        let machine = Machine::start().await;
        machine.has_docker().await;
        machine
    });
    let (machine, docker, there) = (machine.await, docker().await, docker_there().await);
    Ground {
        engine: SshMachines::new(Clock::System).engine(&machine.login()),
        image: there.image.clone(),
        is_elsewhere: true,
        subnet: 250 + std::process::id() % 5,
        ..Ground::of(docker)
    }
}

/// One test on each engine for every promise.
macro_rules! promises {
    ($($subject:ident: $($promise:ident)*;)*) => {
        mod sim {
            $($(#[tokio::test]
            async fn $promise() {
                super::keep(super::$subject::$promise(super::on_sim().await)).await;
            })*)*
        }
        mod ssh {
            $($(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                super::keep(super::$subject::$promise(super::on_ssh().await)).await;
            })*)*
        }
        mod real {
            $($(#[tokio::test]
            async fn $promise() {
                super::keep(super::$subject::$promise(super::on_docker().await)).await;
            })*)*
        }
    };
}

promises! {
    containers: create_returns_what_it_created_before start_stop_and_remove_may_come_twice
        lists_show_every_container many_at_once;
    running: logs_keep_their_streams_apart logs_follow_until_the_end a_terminal_mixes_its_streams
        events_tell_the_story statistics_grow files_arrive_before_the_start
        commands_run_inside_containers terminals_pass_every_byte containers_share_a_network;
    places: addresses_are_kept containers_join_and_leave_networks networks_are_made_once ports_are_published
        volumes_are_made_once anonymous_volumes_go_with_their_container;
    images: pulling_reports_progress pulling_needs_the_right_login building_makes_an_image
        the_engine_introduces_itself;
    failures: a_missing_image_is_named a_missing_command_is_named a_missing_network_is_named
        what_is_not_there_is_named;
}

async fn keep(promise: impl Future<Output = ()>) {
    tokio::time::timeout(PATIENCE, promise).await.expect("the promise is kept in time");
}

impl Ground {
    /// A container of this name that runs a shell script. What an earlier test run left is removed.
    async fn script(&self, name: &str, script: &str) -> ContainerSpec {
        let spec = ContainerSpec {
            name: format!("contract-{name}"),
            uuid: format!("uuid-{name}"),
            image: self.image.clone(),
            process: ProcessSpec {
                command: ["sh", "-c", script].map(str::to_owned).to_vec(),
                ..ProcessSpec::default()
            },
            labels: [(LABEL_UUID, format!("uuid-{name}").as_str()), ("ranchette.test", "contract")]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
            limits: ranchette::engine::spec::Limits { cpu_shares: 2, ..Default::default() },
            ..ContainerSpec::default()
        };
        self.engine.remove(&spec.name, RemoveVolumes::Anonymous).await.unwrap();
        spec
    }

    /// A container that runs until it is stopped.
    async fn sleeper(&self, name: &str) -> ContainerSpec {
        self.script(name, "sleep 1000").await
    }

    async fn run(&self, spec: &ContainerSpec) -> String {
        let id = self.engine.create(spec).await.unwrap();
        self.engine.start(&id).await.unwrap();
        id
    }

    async fn run_to_the_end(&self, spec: &ContainerSpec) -> String {
        let mut events = self.engine.events(Some(Clock::System.now_ms()));
        let id = self.run(spec).await;
        while let Some(event) = events.next().await {
            let event = event.unwrap();
            if event.container == id && matches!(event.kind, EventKind::Die { .. }) {
                return id;
            }
        }
        panic!("the stream of events ended")
    }

    async fn look(&self, id: &str) -> Observed {
        self.engine.inspect(id).await.unwrap().expect("the container is there")
    }

    async fn remove(&self, ids: &[&str]) {
        for id in ids {
            self.engine.remove(id, RemoveVolumes::Anonymous).await.unwrap();
        }
    }

    /// Everything a container writes until it ends.
    async fn output(&self, id: &str) -> String {
        let options = LogOptions { follow: Follow::Yes, ..LogOptions::default() };
        text(self.engine.logs(id, &options)).await
    }
}

/// A stream of output, with a mark for where each line came from. Pieces are put together first:
/// where they are cut means nothing.
async fn text(mut chunks: BoxStream<'static, Result<Chunk, EngineError>>) -> String {
    let mut text = String::new();
    let mut at_start = true;
    while let Some(chunk) = chunks.next().await {
        let Chunk { stream, bytes } = chunk.unwrap();
        for piece in
            String::from_utf8(bytes.to_vec()).unwrap().replace('\r', "").split_inclusive('\n')
        {
            if at_start {
                text.push_str(match stream {
                    Output::Stdout => "out: ",
                    Output::Stderr => "err: ",
                    Output::Tty => "tty: ",
                });
            }
            text.push_str(piece);
            at_start = piece.ends_with('\n');
        }
    }
    text
}

/// A tar with one file.
fn tar_with(path: &str, content: &str) -> Bytes {
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o444);
    header.set_size(content.len() as u64);
    let mut tar = tar::Builder::new(Vec::new());
    tar.append_data(&mut header, path, content.as_bytes()).unwrap();
    tar.into_inner().unwrap().into()
}
