//! Docker Swarm on the engine of the benches, with one service. It leaves the engine as it was: an engine that
//! is in a swarm already is not touched.

use std::collections::HashMap;
use std::time::Duration;

use bollard::models::{
    NetworkAttachmentConfig, NetworkCreateRequest, ServiceSpec, ServiceSpecMode,
    ServiceSpecModeReplicated, ServiceSpecUpdateConfig, ServiceSpecUpdateConfigFailureActionEnum,
    ServiceSpecUpdateConfigOrderEnum, SwarmInitRequest, TaskSpec, TaskSpecContainerSpec,
    TaskSpecRestartPolicy, TaskSpecRestartPolicyConditionEnum, TaskState,
};
use bollard::query_parameters::{
    InspectServiceOptions, LeaveSwarmOptions, ListTasksOptions, UpdateServiceOptions,
};

use crate::PAUSE_MS;
use crate::support::engine::{COMMAND, Engine, IMAGE};
use crate::support::timed_async;

const NAME: &str = "ranchette-bench-web";
/// Where its containers find each other, as ours do.
const NETWORK: &str = "ranchette-bench-overlay";

pub struct Swarm<'e> {
    engine: &'e Engine,
    units: usize,
}

impl<'e> Swarm<'e> {
    /// Makes the swarm and the service, and waits until its containers run.
    pub async fn new(engine: &'e Engine, units: usize) -> Self {
        let request = SwarmInitRequest {
            listen_addr: Some("127.0.0.1".to_owned()),
            advertise_addr: Some("127.0.0.1".to_owned()),
            ..Default::default()
        };
        engine.docker.init_swarm(request).await.expect("an engine without a swarm");
        let network = NetworkCreateRequest {
            name: NETWORK.to_owned(),
            driver: Some("overlay".to_owned()),
            ..Default::default()
        };
        engine.docker.create_network(network).await.expect("a network");
        let swarm = Self { engine, units };
        let spec = swarm.spec(&format!("{IMAGE}:latest"), 1);
        engine.docker.create_service(spec, None).await.expect("a service");
        swarm.runs(&format!("{IMAGE}:latest")).await;
        swarm
    }

    /// A service whose updates pause as ours do and wait for nothing but the containers, and whose dead are replaced at once.
    fn spec(&self, image: &str, batch: usize) -> ServiceSpec {
        let int = |number: usize| i64::try_from(number).expect("small");
        ServiceSpec {
            name: Some(NAME.to_owned()),
            mode: Some(ServiceSpecMode {
                replicated: Some(ServiceSpecModeReplicated { replicas: Some(int(self.units)) }),
                ..Default::default()
            }),
            update_config: Some(ServiceSpecUpdateConfig {
                parallelism: Some(int(batch)),
                delay: Some(PAUSE_MS * 1_000_000),
                failure_action: Some(ServiceSpecUpdateConfigFailureActionEnum::CONTINUE),
                monitor: Some(1_000_000),
                order: Some(ServiceSpecUpdateConfigOrderEnum::STOP_FIRST),
                ..Default::default()
            }),
            task_template: Some(TaskSpec {
                container_spec: Some(TaskSpecContainerSpec {
                    image: Some(image.to_owned()),
                    command: Some(COMMAND.map(str::to_owned).to_vec()),
                    stop_signal: Some("SIGKILL".to_owned()),
                    ..Default::default()
                }),
                networks: Some(vec![NetworkAttachmentConfig {
                    target: Some(NETWORK.to_owned()),
                    ..Default::default()
                }]),
                restart_policy: Some(TaskSpecRestartPolicy {
                    condition: Some(TaskSpecRestartPolicyConditionEnum::ANY),
                    delay: Some(0),
                    ..Default::default()
                }),
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    /// Containers that run, of those that are to run, by the image they are of.
    async fn running(&self) -> Vec<(String, String)> {
        let wanted = [("service", NAME), ("desired-state", "running")];
        let filters = wanted.map(|(key, value)| (key.to_owned(), vec![value.to_owned()]));
        let options = ListTasksOptions { filters: Some(HashMap::from(filters)) };
        let tasks = self.engine.docker.list_tasks(Some(options)).await.expect("a list");
        let running = tasks.into_iter().filter_map(|task| {
            let status = task.status.filter(|status| status.state == Some(TaskState::RUNNING))?;
            let image = task.spec?.container_spec?.image?;
            Some((image, status.container_status?.container_id?))
        });
        running.collect()
    }

    /// Waits until all containers are of an image and run.
    #[allow(clippy::disallowed_methods, reason = "a bench looks again in real time")]
    async fn runs(&self, image: &str) {
        loop {
            let running = self.running().await;
            // The name may have been completed with a digest.
            let of = running.iter().filter(|(own, _)| own.starts_with(image)).count();
            if of == self.units && running.len() == self.units {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Seconds until every container is of another image.
    pub async fn upgrade(&self, image: &str, batch: usize) -> f64 {
        let docker = &self.engine.docker;
        let service = docker.inspect_service(NAME, None::<InspectServiceOptions>).await;
        let version = service.expect("a service").version.and_then(|version| version.index);
        let version = version.and_then(|index| i32::try_from(index).ok()).expect("a version");
        let options = UpdateServiceOptions { version, ..Default::default() };
        let work = async {
            let spec = self.spec(image, batch);
            docker.update_service(NAME, spec, options, None).await.expect("updated");
            self.runs(image).await;
        };
        timed_async(work).await.0.as_secs_f64()
    }

    /// Kills a container; seconds until another runs in its place.
    #[allow(clippy::disallowed_methods, reason = "a bench looks again in real time")]
    pub async fn heal(&self) -> f64 {
        let running = self.running().await;
        let (_, killed) = running.first().expect("a container");
        let work = async {
            self.engine.kill(killed).await;
            loop {
                let now = self.running().await;
                if now.len() == self.units && now.iter().all(|(_, id)| id != killed) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timed_async(work).await.0.as_secs_f64()
    }

    /// Removes the service and ends the swarm.
    pub async fn end(self) {
        let docker = &self.engine.docker;
        docker.delete_service(NAME).await.expect("removed");
        docker.leave_swarm(Some(LeaveSwarmOptions { force: true })).await.expect("left");
        self.engine.sweep().await;
    }
}
