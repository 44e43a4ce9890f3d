//! What a simulated host shows of its containers. Pure.

use serde_json::{Map, Value, json};

use super::state::{BRIDGE, HostState, SimContainer};
use crate::engine::spec::{LABEL_UUID, NetworkAttachment};
use crate::engine::{
    ContainerSpec, ContainerState, Mount, NetworkEndpoint, Observed, PublishedPort,
};

/// How much is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// What a list has.
    List,
    /// Everything.
    Full,
}

pub(super) fn observe(state: &HostState, container: &SimContainer, detail: Detail) -> Observed {
    let spec = &container.spec;
    let running = container.state == ContainerState::Running;
    let mut observed = Observed {
        id: container.id.clone(),
        name: spec.name.clone(),
        uuid: spec.labels.get(LABEL_UUID).cloned(),
        image: spec.image.clone(),
        image_id: container.image_id.clone(),
        labels: spec.labels.clone(),
        state: container.state,
        exit_code: container.exit_code,
        networks: networks(container).into_iter().chain(joined(container)).collect(),
        ports: ports(container),
        mounts: mounts(state, container),
        network_mode: network_mode(&spec.network),
        created_ms: container.created_ms,
        ..Observed::default()
    };
    if detail == Detail::Full {
        observed.started_ms = container.started_ms;
        observed.finished_ms = container.finished_ms;
        observed.error.clone_from(&container.error);
        observed.pid = running.then_some(1000 + i64::try_from(container.run).unwrap_or(0));
        observed.raw = raw(container, &observed);
    }
    observed
}

fn network_mode(network: &NetworkAttachment) -> String {
    match network {
        NetworkAttachment::EngineDefault => "default".to_owned(),
        NetworkAttachment::Bridge => BRIDGE.to_owned(),
        NetworkAttachment::Host => "host".to_owned(),
        NetworkAttachment::None => "none".to_owned(),
        NetworkAttachment::Container(id) => format!("container:{id}"),
        NetworkAttachment::Named(endpoint) => endpoint.network.clone(),
    }
}

fn networks(container: &SimContainer) -> Vec<NetworkEndpoint> {
    let (network, fixed, aliases) = match &container.spec.network {
        NetworkAttachment::Container(_) => return Vec::new(),
        NetworkAttachment::EngineDefault | NetworkAttachment::Bridge => (BRIDGE, None, Vec::new()),
        NetworkAttachment::Host => ("host", None, Vec::new()),
        NetworkAttachment::None => ("none", None, Vec::new()),
        NetworkAttachment::Named(endpoint) => {
            (endpoint.network.as_str(), Some(endpoint), endpoint.aliases.clone())
        }
    };
    let held = container.address.as_ref().map(|(_, address)| *address);
    let mac = held.map(|address| {
        let [a, b, c, d] = address.octets();
        format!("02:42:{a:02x}:{b:02x}:{c:02x}:{d:02x}")
    });
    let fixed_mac = fixed.and_then(|endpoint| endpoint.mac.clone()).filter(|_| held.is_some());
    vec![NetworkEndpoint {
        network: network.to_owned(),
        ip: held
            .map(|address| address.to_string())
            .or_else(|| fixed.and_then(|endpoint| endpoint.ipv4.clone())),
        mac: fixed_mac.or(mac),
        aliases,
    }]
}

/// Networks that it was connected to later.
fn joined(container: &SimContainer) -> impl Iterator<Item = NetworkEndpoint> + '_ {
    container.joined.iter().map(|(network, joined)| NetworkEndpoint {
        network: network.clone(),
        ip: joined.address.map(|address| address.to_string()).or(joined.place.ipv4.clone()),
        mac: None,
        aliases: joined.place.aliases.clone(),
    })
}

fn ports(container: &SimContainer) -> Vec<PublishedPort> {
    let open = container.spec.names.expose.iter().filter_map(|line| {
        let (private, protocol) = line.split_once('/')?;
        let private = private.parse().ok()?;
        Some(PublishedPort { private, protocol: protocol.to_owned(), ..PublishedPort::default() })
    });
    let published = container.published.iter().map(|(private, protocol, public, bind)| {
        let (protocol, bind) = (protocol.clone(), Some(bind.clone()));
        PublishedPort { private: *private, protocol, public: Some(*public), bind }
    });
    let running = container.state == ContainerState::Running;
    let mut ports: Vec<_> = open.filter(|_| running).chain(published).collect();
    ports.sort();
    ports
}

fn mounts(state: &HostState, container: &SimContainer) -> Vec<Mount> {
    let volume = |name: &str, target: &str, permissions: &str| Mount {
        kind: "volume".to_owned(),
        name: Some(name.to_owned()),
        source: state.volumes.get(name).map(|v| v.mountpoint.clone()).unwrap_or_default(),
        target: target.to_owned(),
        driver: state.volumes.get(name).map(|v| v.driver.clone()),
        permissions: permissions.to_owned(),
    };
    let binds = container.spec.storage.binds.iter().filter_map(|line| {
        let (source, rest) = line.split_once(':')?;
        let (target, mode) = rest.split_once(':').unwrap_or((rest, "rw"));
        let permissions = if mode.split(',').any(|word| word == "ro") { "ro" } else { "rw" };
        if !source.starts_with('/') {
            return Some(volume(source, target, permissions));
        }
        Some(Mount {
            kind: "bind".to_owned(),
            source: source.to_owned(),
            target: target.to_owned(),
            permissions: permissions.to_owned(),
            ..Mount::default()
        })
    });
    let anonymous = container.anonymous_volumes.iter();
    binds.chain(anonymous.map(|(name, path)| volume(name, path, "rw"))).collect()
}

/// Docker's inspect document, as far as readers of `dockerInspect` look at it.
fn raw(container: &SimContainer, observed: &Observed) -> Value {
    let spec = &container.spec;
    let state = format!("{:?}", container.state).to_lowercase();
    json!({
        "Id": observed.id,
        "Name": format!("/{}", observed.name),
        "Image": observed.image_id,
        "Config": config(spec, observed),
        "HostConfig": host_config(spec, observed),
        "Mounts": observed.mounts.iter().map(|mount| json!({
            "Type": mount.kind,
            "Name": mount.name,
            "Source": mount.source,
            "Destination": mount.target,
            "Driver": mount.driver,
            "RW": mount.permissions == "rw",
        })).collect::<Vec<_>>(),
        "NetworkSettings": {
            "Ports": port_map(observed.ports.iter().filter(|port| port.public.is_some()).map(|port| {
                let bind = port.bind.clone().unwrap_or_default();
                (port.private, port.protocol.as_str(), port.public, bind)
            })),
            "Networks": observed.networks.iter().map(|endpoint| {
                let place = json!({ "IPAddress": endpoint.ip, "Aliases": endpoint.aliases });
                (endpoint.network.clone(), place)
            }).collect::<Map<_, _>>(),
        },
        "State": {
            "Status": state,
            "Running": container.state == ContainerState::Running,
            "Pid": observed.pid.unwrap_or(0),
            "ExitCode": container.exit_code.unwrap_or(0),
            "Error": container.error.as_deref().unwrap_or(""),
        },
    })
}

fn config(spec: &ContainerSpec, observed: &Observed) -> Value {
    let process = &spec.process;
    let published =
        spec.names.ports.iter().map(|port| format!("{}/{}", port.private, port.protocol));
    let open = published.chain(spec.names.expose.iter().cloned()).map(|port| (port, json!({})));
    let health = spec.health.as_ref().map(|check| {
        json!({
            "Test": check.test,
            "Interval": check.interval_s.map(|seconds| seconds.saturating_mul(1_000_000_000)),
            "Timeout": check.timeout_s.map(|seconds| seconds.saturating_mul(1_000_000_000)),
            "Retries": check.retries,
        })
    });
    json!({
        "Image": observed.image,
        "Labels": observed.labels,
        "Env": process.env,
        "Cmd": process.command,
        "Entrypoint": process.entry_point,
        "ExposedPorts": open.collect::<Map<_, _>>(),
        "Healthcheck": health,
        "Hostname": spec.names.hostname,
        "Domainname": spec.names.domain_name,
        "WorkingDir": process.working_dir,
        "User": process.user,
        "Tty": process.tty,
        "OpenStdin": process.stdin_open,
        "StopSignal": process.stop_signal,
        "StopTimeout": process.stop_timeout_s,
    })
}

fn host_config(spec: &ContainerSpec, observed: &Observed) -> Value {
    let ports = spec.names.ports.iter();
    let restart = spec.restart.as_ref().map(
        |restart| json!({ "Name": restart.name, "MaximumRetryCount": restart.maximum_retry_count }),
    );
    json!({
        "NetworkMode": observed.network_mode,
        "Binds": spec.storage.binds,
        "PortBindings": port_map(ports.map(|port| {
            (port.private, port.protocol.as_str(), port.public, port.bind.clone())
        })),
        "RestartPolicy": restart,
        "Privileged": spec.security.privileged,
        "CapAdd": spec.security.cap_add,
        "ExtraHosts": spec.names.extra_hosts,
        "CpuShares": spec.limits.cpu_shares,
        "Memory": spec.limits.memory.unwrap_or(0),
        "MemoryReservation": spec.limits.memory_reservation.unwrap_or(0),
    })
}

/// Ports as Docker maps them: private, protocol, public, address on the host.
fn port_map<'a>(ports: impl Iterator<Item = (u16, &'a str, Option<u16>, String)>) -> Value {
    let mut map: Map<String, Value> = Map::new();
    for (private, protocol, public, bind) in ports {
        let public = public.map_or_else(String::new, |public| public.to_string());
        let binding = json!({ "HostIp": bind, "HostPort": public });
        let bindings = map.entry(format!("{private}/{protocol}")).or_insert_with(|| json!([]));
        if let Value::Array(bindings) = bindings {
            bindings.push(binding);
        }
    }
    Value::Object(map)
}
