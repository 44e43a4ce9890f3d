//! From our container spec to the body of Docker's create call. Pure.

use std::collections::{BTreeMap, HashMap};

use bollard::ClientVersion;
use bollard::models::{
    ContainerCreateBody, DeviceMapping, EndpointIpamConfig, EndpointSettings, HealthConfig,
    HostConfig, HostConfigIsolationEnum, HostConfigLogConfig, Mount, MountType, NetworkingConfig,
    PortBinding, PortMap, ResourcesBlkioWeightDevice, ResourcesUlimits, RestartPolicy,
    RestartPolicyNameEnum, ThrottleDevice,
};
use serde_json::{Value, json};

use crate::engine::spec::{
    BlkioDevice, ContainerSpec, Endpoint, HealthSpec, NameSpec, NetworkAttachment, RestartSpec,
    Ulimit,
};

/// The API from which on a MAC address belongs to the network endpoint alone.
const ENDPOINT_MAC_API: ClientVersion = ClientVersion { major_version: 1, minor_version: 44 };

/// The JSON body of `POST /containers/create`, as API `version` expects it.
pub(super) fn create_body(spec: &ContainerSpec, version: &ClientVersion) -> Value {
    let mut body = serde_json::to_value(typed_body(spec)).unwrap_or_default();
    // The client's types follow the newest API and lack what older engines still take.
    if let NetworkAttachment::Named(endpoint) = &spec.network
        && let Some(mac) = &endpoint.mac
        && *version < ENDPOINT_MAC_API
    {
        body["MacAddress"] = json!(mac);
    }
    if let Some(bytes) = spec.limits.kernel_memory {
        body["HostConfig"]["KernelMemory"] = json!(bytes);
    }
    if let Some(bytes) = spec.storage.disk_quota {
        body["HostConfig"]["DiskQuota"] = json!(bytes);
    }
    body
}

fn typed_body(spec: &ContainerSpec) -> ContainerCreateBody {
    let (process, names) = (&spec.process, &spec.names);
    ContainerCreateBody {
        image: Some(spec.image.clone()),
        cmd: list(&process.command),
        entrypoint: list(&process.entry_point),
        env: list(&process.env),
        working_dir: text(&process.working_dir),
        user: text(&process.user),
        tty: Some(process.tty),
        open_stdin: Some(process.stdin_open),
        stop_signal: text(&process.stop_signal),
        stop_timeout: process.stop_timeout_s,
        hostname: text(&names.hostname),
        domainname: text(&names.domain_name),
        exposed_ports: exposed(names),
        labels: map(&spec.labels),
        volumes: list(&spec.storage.volumes),
        network_disabled: (spec.network == NetworkAttachment::None).then_some(true),
        healthcheck: spec.health.as_ref().map(health),
        networking_config: networking(&spec.network),
        host_config: Some(host_config(spec)),
        ..ContainerCreateBody::default()
    }
}

fn host_config(spec: &ContainerSpec) -> HostConfig {
    let (names, storage, security) = (&spec.names, &spec.storage, &spec.security);
    HostConfig {
        network_mode: network_mode(&spec.network),
        port_bindings: bindings(names),
        publish_all_ports: names.publish_all.then_some(true),
        dns: list(&names.dns),
        dns_search: list(&names.dns_search),
        dns_options: list(&names.dns_options),
        extra_hosts: list(&names.extra_hosts),
        binds: list(&storage.binds),
        mounts: each(&storage.mounts, |mount| Mount {
            typ: Some(MountType::BIND),
            source: Some(mount.source.clone()),
            target: Some(mount.target.clone()),
            read_only: Some(true),
            ..Mount::default()
        }),
        volumes_from: list(&storage.volumes_from),
        volume_driver: text(&storage.volume_driver),
        tmpfs: map(&storage.tmpfs),
        readonly_rootfs: storage.read_only.then_some(true),
        storage_opt: map(&storage.storage_opt),
        devices: each(&storage.devices, |device| DeviceMapping {
            path_on_host: Some(device.host.clone()),
            path_in_container: Some(device.container.clone()),
            cgroup_permissions: Some(device.permissions.clone()),
        }),
        privileged: security.privileged.then_some(true),
        cap_add: list(&security.cap_add),
        cap_drop: list(&security.cap_drop),
        security_opt: list(&security.security_opt),
        group_add: list(&security.group_add),
        sysctls: map(&security.sysctls),
        pid_mode: text(&security.pid_mode),
        ipc_mode: text(&security.ipc_mode),
        uts_mode: text(&security.uts_mode),
        userns_mode: text(&security.userns_mode),
        isolation: isolation(&security.isolation),
        log_config: spec.log.as_ref().map(|log| HostConfigLogConfig {
            typ: Some(log.driver.clone()),
            config: Some(log.config.clone().into_iter().collect()),
        }),
        restart_policy: spec.restart.as_ref().map(restart),
        init: spec.process.init,
        ..limits(spec)
    }
}

fn limits(spec: &ContainerSpec) -> HostConfig {
    let limits = &spec.limits;
    let devices = &limits.blkio_devices;
    HostConfig {
        memory: limits.memory,
        memory_swap: limits.memory_swap,
        memory_reservation: limits.memory_reservation,
        memory_swappiness: limits.memory_swappiness,
        oom_kill_disable: limits.oom_kill_disable,
        oom_score_adj: limits.oom_score_adj,
        shm_size: limits.shm_size,
        cpu_shares: Some(limits.cpu_shares),
        cpuset_cpus: text(&limits.cpu_set),
        cpuset_mems: text(&limits.cpu_set_mems),
        cpu_period: limits.cpu_period,
        cpu_quota: limits.cpu_quota,
        cpu_realtime_period: limits.cpu_realtime_period,
        cpu_realtime_runtime: limits.cpu_realtime_runtime,
        cpu_count: limits.cpu_count,
        cpu_percent: limits.cpu_percent,
        io_maximum_iops: limits.io_maximum_iops,
        io_maximum_bandwidth: limits.io_maximum_bandwidth,
        blkio_weight: limits.blkio_weight.and_then(|weight| u16::try_from(weight).ok()),
        blkio_weight_device: weights(devices),
        blkio_device_read_iops: throttles(devices, |device| device.read_iops),
        blkio_device_write_iops: throttles(devices, |device| device.write_iops),
        blkio_device_read_bps: throttles(devices, |device| device.read_bps),
        blkio_device_write_bps: throttles(devices, |device| device.write_bps),
        pids_limit: limits.pids_limit,
        ulimits: each(&limits.ulimits, ulimit),
        cgroup_parent: text(&limits.cgroup_parent),
        ..HostConfig::default()
    }
}

fn network_mode(network: &NetworkAttachment) -> Option<String> {
    match network {
        NetworkAttachment::EngineDefault => None,
        NetworkAttachment::Bridge => Some("bridge".to_owned()),
        NetworkAttachment::Host => Some("host".to_owned()),
        NetworkAttachment::None => Some("none".to_owned()),
        NetworkAttachment::Container(id) => Some(format!("container:{id}")),
        NetworkAttachment::Named(endpoint) => Some(endpoint.network.clone()),
    }
}

fn networking(network: &NetworkAttachment) -> Option<NetworkingConfig> {
    let NetworkAttachment::Named(endpoint) = network else { return None };
    let endpoints = HashMap::from([(endpoint.network.clone(), self::endpoint(endpoint))]);
    Some(NetworkingConfig { endpoints_config: Some(endpoints) })
}

/// A place on a network.
pub(super) fn endpoint(endpoint: &Endpoint) -> EndpointSettings {
    EndpointSettings {
        ipam_config: endpoint.ipv4.as_ref().map(|address| EndpointIpamConfig {
            ipv4_address: Some(address.clone()),
            ..EndpointIpamConfig::default()
        }),
        mac_address: endpoint.mac.clone(),
        aliases: list(&endpoint.aliases),
        ..EndpointSettings::default()
    }
}

fn exposed(names: &NameSpec) -> Option<Vec<String>> {
    let published = names.ports.iter().map(|port| format!("{}/{}", port.private, port.protocol));
    let mut all: Vec<String> = published.chain(names.expose.iter().cloned()).collect();
    all.sort();
    all.dedup();
    list(&all)
}

fn bindings(names: &NameSpec) -> Option<PortMap> {
    let mut bindings = PortMap::new();
    for port in &names.ports {
        let key = format!("{}/{}", port.private, port.protocol);
        bindings.entry(key).or_insert(None).get_or_insert_default().push(PortBinding {
            host_ip: text(&port.bind),
            host_port: Some(port.public.map_or_else(String::new, |public| public.to_string())),
        });
    }
    (!bindings.is_empty()).then_some(bindings)
}

fn health(health: &HealthSpec) -> HealthConfig {
    let nanoseconds = |seconds: i64| seconds.saturating_mul(1_000_000_000);
    HealthConfig {
        test: list(&health.test),
        interval: health.interval_s.map(nanoseconds),
        timeout: health.timeout_s.map(nanoseconds),
        retries: health.retries,
        ..HealthConfig::default()
    }
}

fn restart(restart: &RestartSpec) -> RestartPolicy {
    let name = match restart.name.as_str() {
        "always" => RestartPolicyNameEnum::ALWAYS,
        "unless-stopped" => RestartPolicyNameEnum::UNLESS_STOPPED,
        "on-failure" => RestartPolicyNameEnum::ON_FAILURE,
        _ => RestartPolicyNameEnum::NO,
    };
    let count = (restart.maximum_retry_count > 0).then_some(restart.maximum_retry_count);
    RestartPolicy { name: Some(name), maximum_retry_count: count }
}

fn isolation(name: &str) -> Option<HostConfigIsolationEnum> {
    match name {
        "process" => Some(HostConfigIsolationEnum::PROCESS),
        "hyperv" => Some(HostConfigIsolationEnum::HYPERV),
        _ => None,
    }
}

fn weights(devices: &[BlkioDevice]) -> Option<Vec<ResourcesBlkioWeightDevice>> {
    let weighted = devices.iter().filter_map(|device| {
        let weight = usize::try_from(device.weight?).ok()?;
        Some(ResourcesBlkioWeightDevice { path: Some(device.path.clone()), weight: Some(weight) })
    });
    let weights: Vec<_> = weighted.collect();
    (!weights.is_empty()).then_some(weights)
}

fn throttles(
    devices: &[BlkioDevice],
    rate: impl Fn(&BlkioDevice) -> Option<i64>,
) -> Option<Vec<ThrottleDevice>> {
    let limited = devices.iter().filter_map(|device| {
        let rate = rate(device)?;
        Some(ThrottleDevice { path: Some(device.path.clone()), rate: Some(rate) })
    });
    let limited: Vec<_> = limited.collect();
    (!limited.is_empty()).then_some(limited)
}

fn ulimit(ulimit: &Ulimit) -> ResourcesUlimits {
    ResourcesUlimits {
        name: Some(ulimit.name.clone()),
        soft: Some(ulimit.soft),
        hard: Some(ulimit.hard),
    }
}

fn text(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn list(items: &[String]) -> Option<Vec<String>> {
    (!items.is_empty()).then(|| items.to_vec())
}

fn each<T, U>(items: &[T], convert: impl Fn(&T) -> U) -> Option<Vec<U>> {
    (!items.is_empty()).then(|| items.iter().map(convert).collect())
}

fn map(pairs: &BTreeMap<String, String>) -> Option<HashMap<String, String>> {
    (!pairs.is_empty()).then(|| pairs.clone().into_iter().collect())
}

#[cfg(test)]
mod tests;
