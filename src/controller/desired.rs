//! From rows to what the planner is told.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::policy::Policy;
use super::providers::Providers;
use super::rollout;
use crate::error::Result;
use crate::model::launch::{bare, is_nothing, text};
use crate::model::names::label;
use crate::model::resource::Resource;
use crate::process::facts::HostMark;
use crate::process::site::Site;
use crate::reconcile::{
    self, Config, Desired, Health, HostState, Member, MemberState, Mode, Rollout, Scale, Strategy,
    health,
};
use crate::store::Read;

/// What is wanted of a service, owned.
pub struct Wanted {
    service_uuid: String,
    /// Uuid of its environment.
    pub environment_uuid: String,
    stack_name: String,
    service_name: String,
    scale: Scale,
    /// With a scale policy, what it needs to be healthy.
    least: Option<Scale>,
    configs: Vec<Config>,
    /// Launch configurations in the order of `configs`.
    pub launch: Vec<Map<String, Value>>,
    providers: Vec<Providers>,
    /// What the service is doing.
    pub mode: Mode,
    rollout: Rollout,
    strategy: Strategy,
    retry_since: i64,
}

impl Wanted {
    /// As the planner takes it.
    pub fn view(&self) -> Desired<'_> {
        Desired {
            service_uuid: &self.service_uuid,
            stack_name: &self.stack_name,
            service_name: &self.service_name,
            scale: self.scale.clone(),
            configs: self.configs.clone(),
            mode: self.mode,
            rollout: self.rollout,
            strategy: self.strategy,
            retry_since: self.retry_since,
        }
    }

    /// The service's health as its containers make it.
    pub fn health(&self, members: &[Member]) -> &'static str {
        let scale = self.least.as_ref().unwrap_or(&self.scale);
        let expected = health::Expected::of(scale, &self.configs);
        health::service(expected, &self.configs, members).as_str()
    }

    /// The position of a configuration; `None` is the primary's name.
    pub fn position(&self, name: Option<&str>) -> Option<usize> {
        self.configs.iter().position(|config| config.name.as_deref() == name)
    }

    /// What containers of a configuration take from others of their unit.
    pub fn providers(&self, position: usize) -> Providers {
        self.providers.get(position).cloned().unwrap_or_default()
    }

    /// Whether containers of other configurations take from those of this one.
    pub fn provides(&self, position: usize) -> bool {
        self.providers.iter().any(|providers| providers.all().any(|at| at == position))
    }

    /// The version of a configuration.
    pub fn version(&self, position: usize) -> &str {
        self.configs.get(position).map_or("0", |config| config.version.as_str())
    }

    /// The name of a configuration; `None` for the primary.
    pub fn config_name(&self, position: usize) -> Option<&str> {
        self.configs.get(position).and_then(|config| config.name.as_deref())
    }
}

/// Kinds of services that only stand for something outside, or for other services.
const WITHOUT_CONTAINERS: &[&str] =
    &["dnsService", "externalService", "composeService", "kubernetesService"];

/// Whether a service makes containers: one that only selects some has no image.
fn makes_containers(service: &Resource, primary: &Map<String, Value>) -> bool {
    let image = text(primary, "imageUuid").map(bare).unwrap_or_default();
    let selects_only = service.str("selectorContainer").is_some() && image.is_empty();
    !WITHOUT_CONTAINERS.contains(&service.kind.as_str()) && !is_nothing(primary) && !selects_only
}

/// What is wanted of a service; `None` for one that makes no containers.
pub fn wanted(
    read: &Read<'_>,
    site: &Site,
    service: &Resource,
    stack: Option<&Resource>,
) -> Result<Option<Wanted>> {
    let primary = service.map("launchConfig").filter(|config| makes_containers(service, config));
    let Some(primary) = primary.cloned() else { return Ok(None) };
    let mut launch = vec![primary];
    launch.extend(
        service.list("secondaryLaunchConfigs").iter().filter_map(Value::as_object).cloned(),
    );
    let providers: Vec<Providers> = (0..launch.len())
        .map(|position| Providers::of(service.name.as_deref(), &launch, position))
        .collect();
    let configs: Vec<Config> = launch
        .iter()
        .zip(&providers)
        .enumerate()
        .map(|(position, (config, providers))| config_of(config, position, providers))
        .collect();
    let mode = match service.state.as_str() {
        "removing" => Mode::Removed,
        "restarting" => restart_mode(read, service)?,
        state if reconcile::is_active(state) => Mode::Running,
        _ => Mode::Stopped,
    };
    let merged = scheduler_labels(&launch);
    let global = merged.iter().any(|(key, value)| key == label::GLOBAL && value == "true");
    let scale = if global {
        let environment = service.account_id.unwrap_or(0);
        Scale::Global(
            site.ledger
                .look(|books| crate::scheduler::global_hosts(&books.fleet, environment, &merged))?,
        )
    } else {
        let grown = Policy::of(service).map(|policy| policy.growth(service).desired);
        let scale = grown.or_else(|| service.int("scale")).unwrap_or(1);
        Scale::Fixed(u32::try_from(scale).unwrap_or(0))
    };
    Ok(Some(Wanted {
        service_uuid: service.uuid.clone(),
        environment_uuid: environment(read, service)?,
        stack_name: stack.and_then(|stack| stack.name.clone()).unwrap_or_default(),
        service_name: service.name.clone().unwrap_or_default(),
        least: Policy::of(service)
            .filter(|_| !global)
            .map(|policy| Scale::Fixed(u32::try_from(policy.min).unwrap_or(1))),
        scale,
        configs,
        rollout: rollout::of(read, service)?,
        strategy: strategy(&launch),
        launch,
        providers,
        mode,
        retry_since: service.int("changedAt").unwrap_or(0),
    }))
}

/// Uuid of the environment that a service is in.
fn environment(read: &Read<'_>, service: &Resource) -> Result<String> {
    let project = service.account_id.map(|id| read.get(id)).transpose()?.flatten();
    Ok(project.map(|project| project.uuid).unwrap_or_default())
}

fn config_of(config: &Map<String, Value>, position: usize, providers: &Providers) -> Config {
    let start_once = config
        .get("labels")
        .and_then(|labels| labels.get(label::START_ONCE))
        .and_then(Value::as_str)
        == Some("true");
    Config {
        name: (position > 0).then(|| text(config, "name").unwrap_or_default().to_owned()),
        version: text(config, "version").unwrap_or("0").to_owned(),
        after: providers.all().collect(),
        network_of: providers.network,
        start_once,
    }
}

/// Labels of every configuration together: what decides where a unit may go.
fn scheduler_labels(launch: &[Map<String, Value>]) -> crate::scheduler::Labels {
    let labels =
        launch.iter().filter_map(|config| config.get("labels")).filter_map(Value::as_object);
    labels
        .flatten()
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

fn strategy(launch: &[Map<String, Value>]) -> Strategy {
    let Some(check) = launch.first().and_then(|config| config.get("healthCheck")) else {
        return Strategy::default();
    };
    match check.get("strategy").and_then(Value::as_str) {
        Some("none") => Strategy::None,
        Some("recreateOnQuorum") => {
            let config = check.get("recreateOnQuorumStrategyConfig");
            let quorum = config.and_then(|config| config.get("quorum")).and_then(Value::as_u64);
            Strategy::RecreateOnQuorum(u32::try_from(quorum.unwrap_or(1)).unwrap_or(u32::MAX))
        }
        _ => Strategy::Recreate,
    }
}

/// A restart covers every container started before its process was made.
fn restart_mode(read: &Read<'_>, service: &Resource) -> Result<Mode> {
    let Some(process) = read.open_process(service.id)? else { return Ok(Mode::Running) };
    let strategy = process.data.get("rollingRestartStrategy");
    let number = |field: &str| strategy.and_then(|strategy| strategy.get(field)?.as_i64());
    Ok(Mode::Restarting {
        since: process.created,
        batch: u32::try_from(number("batchSize").unwrap_or(1)).unwrap_or(1),
        interval_ms: number("intervalMillis").unwrap_or(2000),
    })
}

/// What is known of every host, as of one instant.
pub struct Hosts {
    marks: HashMap<i64, HostMark>,
    now: i64,
}

impl Hosts {
    /// As of now.
    pub fn now(site: &Site) -> Result<Self> {
        let marks = site.ledger.look(|books| books.hosts.clone())?;
        Ok(Self { marks, now: site.clock.now_ms() })
    }

    /// When a host is given up, if that is to come, in milliseconds since 1970.
    pub fn given_up(&self, host: i64) -> Option<i64> {
        match self.marks.get(&host)? {
            HostMark::Unreachable { given_up } => Some(*given_up).filter(|at| *at > self.now),
            HostMark::Active | HostMark::Inactive | HostMark::Gone => None,
        }
    }

    fn state(&self, host: i64) -> HostState {
        match self.marks.get(&host) {
            Some(HostMark::Unreachable { given_up }) if *given_up <= self.now => {
                HostState::Unreachable
            }
            Some(HostMark::Unreachable { .. }) => HostState::Silent,
            Some(HostMark::Active) => HostState::Active,
            Some(HostMark::Inactive) => HostState::Inactive,
            Some(HostMark::Gone) | None => HostState::Gone,
        }
    }
}

/// The host that a container is on, or was requested for.
pub fn host_of(row: &Resource) -> Option<i64> {
    row.int("hostId").or_else(|| row.int("requestedHostId"))
}

/// One container as the planner sees it; `None` for one that no longer counts.
pub fn member(row: &Resource, hosts: &Hosts) -> Option<Member> {
    let host_id = host_of(row);
    let host = host_id.map_or(HostState::Active, |id| hosts.state(id));
    Some(Member {
        id: row.id,
        unit: row.str("deploymentUnitUuid").unwrap_or_default().to_owned(),
        index: row.int("unitIndex").and_then(|index| u32::try_from(index).ok()).unwrap_or(0),
        config: row.sidekick_name().map(str::to_owned),
        version: row.str("version").unwrap_or("0").to_owned(),
        state: MemberState::parse(&row.state)?,
        health: row.str("healthState").and_then(Health::parse),
        host_id,
        host,
        started_once: row.data.contains_key("firstRunning"),
        started_at: row.int("startedAt"),
        exit_code: row.int("exitCode"),
        failures: row.int("failures").and_then(|count| u32::try_from(count).ok()).unwrap_or(0),
        died_at: row.int("diedAt"),
        message: row.str("transitioningMessage").map(str::to_owned),
        retired: row.flag("retired"),
        displaced: false,
    })
}

/// Marks the stopped containers of a service whose ports somebody has who stays: one of the same version as
/// theirs, or a container of somebody else's that is not about to go.
pub fn mark_displaced(read: &Read<'_>, site: &Site, members: &mut [Member]) -> Result<()> {
    let is_stopped = |member: &Member| member.state == MemberState::Stopped && !member.retired;
    if !members.iter().any(is_stopped) {
        return Ok(());
    }
    let rivals: Vec<(usize, i64)> = site.ledger.look(|books| {
        let stopped = members.iter().enumerate().filter(|(_, member)| is_stopped(member));
        stopped.filter_map(|(at, own)| Some((at, books.fleet.port_rival(own.id)?))).collect()
    })?;
    for (at, rival) in rivals {
        let other = members.iter().find(|member| member.id == rival);
        let other = other.map(|member| (member.retired, member.version.clone()));
        let Some(own) = members.get_mut(at) else { continue };
        own.displaced = match other {
            Some((retired, version)) => !retired && version == own.version,
            None => stays(read, rival)?,
        };
    }
    Ok(())
}

/// Whether a running container stays: its service may be about to stop it.
fn stays(read: &Read<'_>, container: i64) -> Result<bool> {
    let service = read.get(container)?.and_then(|row| row.int("serviceId"));
    let service = service.map(|id| read.get(id)).transpose()?.flatten();
    Ok(service.is_none_or(|service| reconcile::is_active(&service.state)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_that_fails_to_answer_is_given_up_after_a_while() {
        let marks = HashMap::from([
            (1, HostMark::Unreachable { given_up: 100 }),
            (2, HostMark::Unreachable { given_up: 0 }),
            (3, HostMark::Active),
        ]);
        let check = |now: i64, states: [HostState; 4], given_up: Option<i64>| {
            let hosts = Hosts { marks: marks.clone(), now };
            assert_eq!([1, 2, 3, 4].map(|host| hosts.state(host)), states, "at {now}");
            assert_eq!(hosts.given_up(1), given_up, "at {now}");
            assert_eq!(hosts.given_up(2), None);
        };
        let (active, away, gone) = (HostState::Active, HostState::Unreachable, HostState::Gone);
        check(99, [HostState::Silent, away, active, gone], Some(100));
        check(100, [away, away, active, gone], None);
    }
}
