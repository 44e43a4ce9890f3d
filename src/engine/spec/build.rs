//! The table from launch configuration fields to the container spec.
//!
//! Each struct literal below is one part of the table: the field of the API stands beside the place
//! it goes to. What a network mode forbids is taken out last, in one place.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::fields::{Fields, SpecError};
use super::ports::{parse_expose, parse_port};
use super::{
    BlkioDevice, ContainerSpec, DeviceSpec, Extras, HealthSpec, LABEL_UUID, Limits, LogSpec,
    NameSpec, NetworkAttachment, PortBinding, ProcessSpec, RestartSpec, Restarts, SecuritySpec,
    StorageSpec, Ulimit,
};
use crate::model::launch::bare;

/// The kernel refuses less.
const MIN_CPU_SHARES: i64 = 2;

/// Where Docker keeps its data unless told otherwise.
const DEFAULT_DOCKER_ROOT: &str = "/var/lib/docker";

/// Stands for the host's own disk in `blkioDeviceOptions`.
const DEFAULT_DISK: &str = "DEFAULT_DISK";

/// Turns the `data` of a container (or a launch configuration) into what an engine creates.
///
/// Fails only on a field that cannot be understood; the message names it.
pub fn container_spec(
    data: &Map<String, Value>,
    extras: &Extras,
) -> Result<ContainerSpec, SpecError> {
    let fields = Fields::new(&extras.name, data);
    let mut labels = fields.map("labels")?;
    labels.extend(extras.labels.clone());
    labels.insert(LABEL_UUID.to_owned(), extras.uuid.clone());
    let spec = ContainerSpec {
        name: engine_name(&extras.name, &extras.uuid),
        uuid: extras.uuid.clone(),
        image: image(&fields)?,
        labels,
        process: process(&fields, extras)?,
        network: extras.network.clone(),
        names: names(&fields, extras)?,
        storage: storage(&fields, extras)?,
        limits: limits(&fields, extras)?,
        security: security(&fields)?,
        log: log(&fields)?,
        restart: restart(&fields, extras.restarts)?,
        health: health(&fields)?,
    };
    Ok(without_what_the_network_forbids(spec))
}

/// The name of a container in the engine: `r-<name>-<first 8 digits of uuid>`, or `r-<uuid>` if the
/// name has characters Docker refuses.
pub fn engine_name(name: &str, uuid: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    let usable = name.len() > 1
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(fits);
    if usable {
        let short = uuid.get(..8).unwrap_or(uuid);
        format!("r-{name}-{short}")
    } else {
        format!("r-{uuid}")
    }
}

fn image(fields: &Fields) -> Result<String, SpecError> {
    let image_uuid = fields.text("imageUuid")?;
    match bare(&image_uuid) {
        "" => Err(fields.wrong("imageUuid", "is missing")),
        image => Ok(image.to_owned()),
    }
}

fn process(fields: &Fields, extras: &Extras) -> Result<ProcessSpec, SpecError> {
    Ok(ProcessSpec {
        command: fields.list("command")?,
        entry_point: fields.list("entryPoint")?,
        env: environment(fields.pairs("environment")?, &extras.env),
        working_dir: fields.text("workingDir")?,
        user: fields.text("user")?,
        tty: fields.flag("tty")?.unwrap_or(false),
        stdin_open: fields.flag("stdinOpen")?.unwrap_or(false),
        stop_signal: fields.text("stopSignal")?,
        stop_timeout_s: fields.int("stopTimeout")?,
        init: fields.flag("runInit")?,
    })
}

fn environment(user: Vec<(String, String)>, server: &BTreeMap<String, String>) -> Vec<String> {
    let missing = server.iter().filter(|(key, _)| user.iter().all(|(taken, _)| taken != *key));
    let server: Vec<_> = missing.map(|(key, value)| format!("{key}={value}")).collect();
    let mut env: Vec<_> = user.iter().map(|(key, value)| format!("{key}={value}")).collect();
    env.extend(server);
    env
}

fn names(fields: &Fields, extras: &Extras) -> Result<NameSpec, SpecError> {
    let mut ports: Vec<PortBinding> = Vec::new();
    for line in fields.list("ports")? {
        let wrong = |problem| fields.wrong("ports", format!("has `{line}`, which {problem}"));
        let port = parse_port(&line).map_err(wrong)?;
        if !ports.contains(&port) {
            ports.push(port);
        }
    }
    let mut expose = Vec::new();
    for line in fields.list("expose")? {
        let wrong = |problem| fields.wrong("expose", format!("has `{line}`, which {problem}"));
        expose.push(parse_expose(&line).map_err(wrong)?);
    }
    Ok(NameSpec {
        hostname: fields.text("hostname")?,
        domain_name: fields.text("domainName")?,
        dns: joined(&extras.dns, fields.list("dns")?),
        dns_search: after(fields.list("dnsSearch")?, &extras.dns_search),
        dns_options: fields.list("dnsOpt")?,
        extra_hosts: fields.list("extraHosts")?,
        ports,
        expose,
        publish_all: fields.flag("publishAllPorts")?.unwrap_or(false),
    })
}

/// The server's entries, then those of the user that are new.
fn joined(server: &[String], user: Vec<String>) -> Vec<String> {
    let fresh = user.into_iter().filter(|entry| !server.contains(entry));
    server.iter().cloned().chain(fresh).collect()
}

/// The user's entries, then those of the server that are new.
fn after(mut user: Vec<String>, server: &[String]) -> Vec<String> {
    let fresh: Vec<String> = server.iter().filter(|own| !user.contains(own)).cloned().collect();
    user.extend(fresh);
    user
}

fn storage(fields: &Fields, extras: &Extras) -> Result<StorageSpec, SpecError> {
    let (volumes, binds) = volumes(&fields.list("dataVolumes")?, extras);
    let mut devices = Vec::new();
    for line in fields.list("devices")? {
        devices.push(device(&line).ok_or_else(|| {
            fields.wrong("devices", format!("has `{line}`, which is not `host:container[:rwm]`"))
        })?);
    }
    Ok(StorageSpec {
        volumes,
        binds,
        mounts: Vec::new(),
        volumes_from: extras.volumes_from.clone(),
        volume_driver: fields.text("volumeDriver")?,
        tmpfs: fields.map("tmpfs")?,
        read_only: fields.flag("readOnly")?.unwrap_or(false),
        storage_opt: fields.map("storageOpt")?,
        disk_quota: fields.int("diskQuota")?,
        devices,
    })
}

/// One part makes an anonymous volume, more make a bind. A resolved volume takes the place of the
/// line for the same path and keeps that line's mode.
fn volumes(lines: &[String], extras: &Extras) -> (Vec<String>, Vec<String>) {
    let mut anonymous = Vec::new();
    let mut binds: Vec<(String, String, String)> = Vec::new();
    for line in lines {
        let parts: Vec<&str> = line.splitn(3, ':').collect();
        match parts.as_slice() {
            [path] => anonymous.push((*path).to_owned()),
            // `/path:ro` has no source: the mode of an anonymous volume means nothing to Docker.
            [path, mode] if path.starts_with('/') && !mode.starts_with('/') => {
                anonymous.push((*path).to_owned());
            }
            [source, path] => binds.push(bind(source, path, "rw", extras)),
            [source, path, mode] => binds.push(bind(source, path, mode, extras)),
            _ => {}
        }
    }
    for (path, volume) in &extras.volume_mounts {
        anonymous.retain(|other| other != path);
        match binds.iter_mut().find(|(_, other, _)| other == path) {
            Some(known) => known.0 = volume.clone(),
            None => binds.push((volume.clone(), path.clone(), "rw".to_owned())),
        }
    }
    let lines = binds.into_iter().map(|(source, path, mode)| format!("{source}:{path}:{mode}"));
    (anonymous, lines.chain(extras.binds.iter().cloned()).collect())
}

fn bind(source: &str, path: &str, mode: &str, extras: &Extras) -> (String, String, String) {
    let below = source.strip_prefix(DEFAULT_DOCKER_ROOT);
    let below = below.filter(|rest| rest.is_empty() || rest.starts_with('/'));
    let source = match (below, &extras.docker_root) {
        (Some(rest), Some(root)) => format!("{root}{rest}"),
        (None, _) | (_, None) => source.to_owned(),
    };
    let mode = if mode.is_empty() { "rw" } else { mode };
    (source, path.to_owned(), mode.to_owned())
}

fn device(line: &str) -> Option<DeviceSpec> {
    let (host, container, permissions) = match line.split(':').collect::<Vec<_>>().as_slice() {
        [host] => (*host, *host, "rwm"),
        [host, container] => (*host, *container, "rwm"),
        [host, container, permissions] => (*host, *container, *permissions),
        _ => return None,
    };
    let known = |c| matches!(c, 'r' | 'w' | 'm');
    if host.is_empty() || container.is_empty() || !permissions.chars().all(known) {
        return None;
    }
    let permissions = if permissions.is_empty() { "rwm" } else { permissions };
    Some(DeviceSpec {
        host: host.to_owned(),
        container: container.to_owned(),
        permissions: permissions.to_owned(),
    })
}

fn limits(fields: &Fields, extras: &Extras) -> Result<Limits, SpecError> {
    Ok(Limits {
        memory: fields.int("memory")?,
        memory_swap: fields.int("memorySwap")?,
        memory_reservation: fields.int("memoryReservation")?,
        memory_swappiness: fields.int("memorySwappiness")?,
        kernel_memory: fields.int("kernelMemory")?,
        oom_kill_disable: fields.flag("oomKillDisable")?,
        oom_score_adj: fields.int("oomScoreAdj")?,
        shm_size: fields.int("shmSize")?,
        cpu_shares: cpu_shares(fields)?,
        cpu_set: fields.text("cpuSet")?,
        cpu_set_mems: fields.text("cpuSetMems")?,
        cpu_period: fields.int("cpuPeriod")?,
        cpu_quota: fields.int("cpuQuota")?,
        cpu_realtime_period: fields.int("cpuRealtimePeriod")?,
        cpu_realtime_runtime: fields.int("cpuRealtimeRuntime")?,
        cpu_count: fields.int("cpuCount")?,
        cpu_percent: fields.int("cpuPercent")?,
        io_maximum_iops: fields.int("ioMaximumIOps")?,
        io_maximum_bandwidth: fields.int("ioMaximumBandwidth")?,
        blkio_weight: fields.int("blkioWeight")?,
        blkio_devices: blkio_devices(fields, extras)?,
        pids_limit: fields.int("pidsLimit")?,
        ulimits: ulimits(fields)?,
        cgroup_parent: fields.text("cgroupParent")?,
    })
}

/// A reservation in thousandths of a processor wins over shares.
fn cpu_shares(fields: &Fields) -> Result<i64, SpecError> {
    let shares = match fields.int("milliCpuReservation")?.unwrap_or(0) {
        0 => fields.int("cpuShares")?.unwrap_or(0),
        reserved => reserved.saturating_mul(1024) / 1000,
    };
    Ok(shares.max(MIN_CPU_SHARES))
}

fn blkio_devices(fields: &Fields, extras: &Extras) -> Result<Vec<BlkioDevice>, SpecError> {
    let mut devices = Vec::new();
    let by_device = fields.object("blkioDeviceOptions")?;
    for (name, options) in by_device.into_iter().flatten() {
        let options = options
            .as_object()
            .ok_or_else(|| fields.wrong("blkioDeviceOptions", "is not a map of objects"))?;
        let path = if name == DEFAULT_DISK { extras.default_disk.as_ref() } else { Some(name) };
        let Some(path) = path else { continue };
        let options = fields.inner("blkioDeviceOptions", options);
        devices.push(BlkioDevice {
            path: path.clone(),
            weight: options.int("weight")?,
            read_iops: options.int("readIops")?,
            write_iops: options.int("writeIops")?,
            read_bps: options.int("readBps")?,
            write_bps: options.int("writeBps")?,
        });
    }
    Ok(devices)
}

fn ulimits(fields: &Fields) -> Result<Vec<Ulimit>, SpecError> {
    let mut ulimits = Vec::new();
    for item in fields.objects("ulimits")? {
        let item = fields.inner("ulimits", item);
        let name = item.text("name")?;
        let (soft, hard) = match (item.int("soft")?, item.int("hard")?) {
            (Some(soft), Some(hard)) => (soft, hard),
            (Some(both), None) | (None, Some(both)) => (both, both),
            (None, None) => return Err(item.wrong("soft", format!("is missing for `{name}`"))),
        };
        ulimits.push(Ulimit { name, soft, hard });
    }
    Ok(ulimits)
}

fn security(fields: &Fields) -> Result<SecuritySpec, SpecError> {
    Ok(SecuritySpec {
        privileged: fields.flag("privileged")?.unwrap_or(false),
        cap_add: fields.list("capAdd")?,
        cap_drop: fields.list("capDrop")?,
        security_opt: fields.list("securityOpt")?,
        group_add: fields.list("groupAdd")?,
        sysctls: fields.map("sysctls")?,
        pid_mode: fields.text("pidMode")?,
        ipc_mode: fields.text("ipcMode")?,
        uts_mode: fields.text("uts")?,
        userns_mode: fields.text("usernsMode")?,
        isolation: fields.text("isolation")?,
    })
}

fn log(fields: &Fields) -> Result<Option<LogSpec>, SpecError> {
    let Some(config) = fields.object("logConfig")? else { return Ok(None) };
    let config = fields.inner("logConfig", config);
    let log = LogSpec { driver: config.text("driver")?, config: config.map("config")? };
    Ok(if log == LogSpec::default() { None } else { Some(log) })
}

fn restart(fields: &Fields, restarts: Restarts) -> Result<Option<RestartSpec>, SpecError> {
    let Some(policy) = fields.object("restartPolicy")? else { return Ok(None) };
    let policy = fields.inner("restartPolicy", policy);
    let name = policy.text("name")?;
    let known = ["", "no", "always", "unless-stopped", "on-failure"];
    if !known.contains(&name.as_str()) {
        return Err(
            policy.wrong("name", format!("is `{name}`, not one of {}", known[1..].join(", ")))
        );
    }
    if name.is_empty() || restarts == Restarts::ByService {
        return Ok(None);
    }
    // Docker refuses a count for every policy but this one.
    let counts = name == "on-failure";
    let count = policy.int("maximumRetryCount")?.filter(|_| counts).unwrap_or(0);
    Ok(Some(RestartSpec { name, maximum_retry_count: count }))
}

fn health(fields: &Fields) -> Result<Option<HealthSpec>, SpecError> {
    let health = HealthSpec {
        test: fields.list("healthCmd")?,
        interval_s: fields.int("healthInterval")?,
        timeout_s: fields.int("healthTimeout")?,
        retries: fields.int("healthRetries")?,
    };
    Ok(if health == HealthSpec::default() { None } else { Some(health) })
}

/// Docker refuses combinations that mean nothing; the API promises that they are ignored.
fn without_what_the_network_forbids(mut spec: ContainerSpec) -> ContainerSpec {
    let names = &mut spec.names;
    match &spec.network {
        NetworkAttachment::EngineDefault | NetworkAttachment::Bridge => {}
        // On a managed network a port without a public one is open to the network, and to no more.
        NetworkAttachment::Named(_) => {
            let (published, only_open): (Vec<_>, Vec<_>) = std::mem::take(&mut names.ports)
                .into_iter()
                .partition(|port| port.public.is_some() || !port.bind.is_empty());
            names.ports = published;
            let open = only_open.iter().map(|port| format!("{}/{}", port.private, port.protocol));
            names.expose.extend(open);
        }
        NetworkAttachment::Host | NetworkAttachment::None => {
            names.ports.clear();
            names.publish_all = false;
            if spec.network == NetworkAttachment::Host {
                names.hostname.clear();
                names.domain_name.clear();
            }
        }
        NetworkAttachment::Container(_) => *names = NameSpec::default(),
    }
    if spec.security.uts_mode == "host" {
        spec.names.hostname.clear();
        spec.names.domain_name.clear();
    }
    spec.names.expose.sort();
    spec.names.expose.dedup();
    spec
}
