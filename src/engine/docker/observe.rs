//! From Docker's answers to what we report. Pure.

use std::collections::{BTreeMap, HashMap};

use bollard::models::{
    ContainerInspectResponse, ContainerStateStatusEnum, ContainerSummary,
    ContainerSummaryStateEnum, EndpointSettings, HealthStatusEnum, MountPoint, PortMap,
    PortSummary, SystemInfo, SystemVersion, Volume,
};

use crate::engine::spec::LABEL_UUID;
use crate::engine::{
    ContainerState, EngineInfo, Health, Mount, NetworkEndpoint, Observed, ObservedVolume,
    PublishedPort,
};

pub(super) fn engine_info(info: SystemInfo, version: SystemVersion) -> EngineInfo {
    let label = |line: &String| {
        let (key, value) = line.split_once('=').unwrap_or((line, ""));
        (key.to_owned(), value.to_owned())
    };
    EngineInfo {
        id: info.id.unwrap_or_default(),
        hostname: info.name.unwrap_or_default(),
        address: None,
        version: version.version.unwrap_or_default(),
        api_version: version.api_version.unwrap_or_default(),
        kernel: info.kernel_version.unwrap_or_default(),
        os: info.operating_system.unwrap_or_default(),
        architecture: info.architecture.unwrap_or_default(),
        cpus: info.ncpu.and_then(|cpus| u32::try_from(cpus).ok()).unwrap_or_default(),
        memory_bytes: info
            .mem_total
            .and_then(|bytes| u64::try_from(bytes).ok())
            .unwrap_or_default(),
        disk: None,
        storage_driver: info.driver.unwrap_or_default(),
        root_dir: info.docker_root_dir.unwrap_or_default(),
        volume_drivers: info.plugins.and_then(|plugins| plugins.volume).unwrap_or_default(),
        labels: info.labels.unwrap_or_default().iter().map(label).collect(),
    }
}

/// A container from a list; see [`Observed`] for what stays empty.
pub(super) fn summary(found: ContainerSummary) -> Observed {
    // Legacy links appear as further names with two slashes.
    let names = found.names.unwrap_or_default();
    let own =
        names.iter().map(|name| name.trim_start_matches('/')).find(|name| !name.contains('/'));
    let status = found.status.unwrap_or_default();
    let labels = sorted(found.labels);
    let networks = found.network_settings.and_then(|settings| settings.networks);
    Observed {
        id: found.id.unwrap_or_default(),
        name: own.unwrap_or_default().to_owned(),
        uuid: labels.get(LABEL_UUID).cloned(),
        image: found.image.unwrap_or_default(),
        image_id: found.image_id.unwrap_or_default(),
        labels,
        state: found.state.map_or(ContainerState::Created, summary_state),
        exit_code: exit_code(&status),
        networks: endpoints(networks),
        ports: found.ports.unwrap_or_default().into_iter().map(port).collect(),
        mounts: found.mounts.unwrap_or_default().into_iter().map(mount).collect(),
        network_mode: found.host_config.and_then(|host| host.network_mode).unwrap_or_default(),
        created_ms: found.created.unwrap_or_default().saturating_mul(1000),
        health: health_in_words(&status),
        ..Observed::default()
    }
}

/// A container from Docker's inspect call.
pub(super) fn inspected(found: ContainerInspectResponse) -> Observed {
    let raw = serde_json::to_value(&found).unwrap_or_default();
    let state = found.state.unwrap_or_default();
    let kind = state.status.map_or(ContainerState::Created, inspect_state);
    let config = found.config.unwrap_or_default();
    let labels = sorted(config.labels);
    let settings = found.network_settings.unwrap_or_default();
    let ended = matches!(kind, ContainerState::Exited | ContainerState::Dead);
    Observed {
        id: found.id.unwrap_or_default(),
        name: found.name.unwrap_or_default().trim_start_matches('/').to_owned(),
        uuid: labels.get(LABEL_UUID).cloned(),
        image: config.image.unwrap_or_default(),
        image_id: found.image.unwrap_or_default(),
        labels,
        state: kind,
        exit_code: state.exit_code.filter(|_| ended),
        out_of_memory: ended && state.oom_killed == Some(true),
        networks: endpoints(settings.networks),
        ports: port_map(settings.ports),
        mounts: found.mounts.unwrap_or_default().into_iter().map(mount).collect(),
        network_mode: found.host_config.and_then(|host| host.network_mode).unwrap_or_default(),
        created_ms: found.created.and_then(|at| millis(&at)).unwrap_or_default(),
        health: state.health.and_then(|health| health.status).map_or(Health::None, health),
        started_ms: state.started_at.and_then(|at| millis(&at)),
        finished_ms: state.finished_at.and_then(|at| millis(&at)),
        error: state.error.filter(|error| !error.is_empty()),
        pid: state.pid.filter(|pid| *pid > 0),
        raw,
    }
}

pub(super) fn volume(found: Volume) -> ObservedVolume {
    ObservedVolume {
        name: found.name,
        driver: found.driver,
        mountpoint: found.mountpoint,
        driver_opts: found.options.into_iter().collect(),
        labels: found.labels.into_iter().collect(),
    }
}

/// Milliseconds since 1970 of an RFC 3339 time; Docker writes year 1 for "never".
pub(super) fn millis(at: &str) -> Option<i64> {
    let at: jiff::Timestamp = at.parse().ok()?;
    Some(at.as_millisecond()).filter(|ms| *ms > 0)
}

fn sorted(labels: Option<HashMap<String, String>>) -> BTreeMap<String, String> {
    labels.unwrap_or_default().into_iter().collect()
}

fn summary_state(state: ContainerSummaryStateEnum) -> ContainerState {
    match state {
        ContainerSummaryStateEnum::EMPTY | ContainerSummaryStateEnum::CREATED => {
            ContainerState::Created
        }
        ContainerSummaryStateEnum::RUNNING | ContainerSummaryStateEnum::STOPPING => {
            ContainerState::Running
        }
        ContainerSummaryStateEnum::PAUSED => ContainerState::Paused,
        ContainerSummaryStateEnum::RESTARTING => ContainerState::Restarting,
        ContainerSummaryStateEnum::EXITED => ContainerState::Exited,
        ContainerSummaryStateEnum::REMOVING => ContainerState::Removing,
        ContainerSummaryStateEnum::DEAD => ContainerState::Dead,
    }
}

fn inspect_state(state: ContainerStateStatusEnum) -> ContainerState {
    match state {
        ContainerStateStatusEnum::EMPTY | ContainerStateStatusEnum::CREATED => {
            ContainerState::Created
        }
        ContainerStateStatusEnum::RUNNING | ContainerStateStatusEnum::STOPPING => {
            ContainerState::Running
        }
        ContainerStateStatusEnum::PAUSED => ContainerState::Paused,
        ContainerStateStatusEnum::RESTARTING => ContainerState::Restarting,
        ContainerStateStatusEnum::EXITED => ContainerState::Exited,
        ContainerStateStatusEnum::REMOVING => ContainerState::Removing,
        ContainerStateStatusEnum::DEAD => ContainerState::Dead,
    }
}

/// Lists tell the exit code only in prose: `Exited (137) 2 minutes ago`.
fn exit_code(status: &str) -> Option<i64> {
    status.strip_prefix("Exited (")?.split_once(')')?.0.parse().ok()
}

/// Lists tell health only in prose: `Up 2 minutes (healthy)`.
fn health_in_words(status: &str) -> Health {
    if status.ends_with("(healthy)") {
        Health::Healthy
    } else if status.ends_with("(unhealthy)") {
        Health::Unhealthy
    } else if status.ends_with("(health: starting)") {
        Health::Starting
    } else {
        Health::None
    }
}

fn health(status: HealthStatusEnum) -> Health {
    match status {
        HealthStatusEnum::EMPTY | HealthStatusEnum::NONE => Health::None,
        HealthStatusEnum::STARTING => Health::Starting,
        HealthStatusEnum::HEALTHY => Health::Healthy,
        HealthStatusEnum::UNHEALTHY => Health::Unhealthy,
    }
}

fn endpoints(networks: Option<HashMap<String, EndpointSettings>>) -> Vec<NetworkEndpoint> {
    let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
    let mut endpoints: Vec<NetworkEndpoint> = networks
        .unwrap_or_default()
        .into_iter()
        .map(|(network, settings)| {
            let fixed = settings.ipam_config.and_then(|config| config.ipv4_address);
            NetworkEndpoint {
                network,
                ip: filled(settings.ip_address).or(filled(fixed)),
                mac: filled(settings.mac_address),
                aliases: settings.aliases.unwrap_or_default(),
            }
        })
        .collect();
    endpoints.sort_by(|a, b| a.network.cmp(&b.network));
    endpoints
}

fn port(found: PortSummary) -> PublishedPort {
    PublishedPort {
        private: found.private_port,
        protocol: found.typ.map(|protocol| protocol.to_string()).unwrap_or_default(),
        public: found.public_port.filter(|port| *port > 0),
        bind: found.ip.filter(|ip| !ip.is_empty()),
    }
}

fn port_map(ports: Option<PortMap>) -> Vec<PublishedPort> {
    let mut all = Vec::new();
    for (key, bindings) in ports.unwrap_or_default() {
        let (private, protocol) = key.split_once('/').unwrap_or((&key, "tcp"));
        let Ok(private) = private.parse() else { continue };
        let open = PublishedPort { private, protocol: protocol.to_owned(), ..Default::default() };
        let bindings = bindings.unwrap_or_default();
        if bindings.is_empty() {
            all.push(open.clone());
        }
        all.extend(bindings.into_iter().map(|binding| PublishedPort {
            public: binding.host_port.and_then(|port| port.parse().ok()),
            bind: binding.host_ip.filter(|ip| !ip.is_empty()),
            ..open.clone()
        }));
    }
    all.sort();
    all
}

fn mount(found: MountPoint) -> Mount {
    Mount {
        kind: found.typ.unwrap_or_default(),
        name: found.name.filter(|name| !name.is_empty()),
        source: found.source.unwrap_or_default(),
        target: found.destination.unwrap_or_default(),
        driver: found.driver.filter(|driver| !driver.is_empty()),
        permissions: if found.rw == Some(false) { "ro" } else { "rw" }.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_of_lists() {
        assert_eq!(exit_code("Exited (137) 2 minutes ago"), Some(137));
        assert_eq!(exit_code("Up 2 minutes"), None);
        assert_eq!(health_in_words("Up 2 minutes (healthy)"), Health::Healthy);
        assert_eq!(health_in_words("Up 1 second (health: starting)"), Health::Starting);
        assert_eq!(health_in_words("Up 1 second"), Health::None);
    }

    #[test]
    fn times() {
        assert_eq!(millis("2017-04-01T12:00:00.123456789Z"), Some(1_491_048_000_123));
        assert_eq!(millis("2017-04-01T14:00:00+02:00"), Some(1_491_048_000_000));
        assert_eq!(millis("0001-01-01T00:00:00Z"), None);
    }
}
