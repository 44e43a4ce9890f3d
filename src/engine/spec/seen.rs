//! The table of [`super::build`] read backwards: from what Docker says of a container to the launch
//! configuration that makes another like it. Pure.
//!
//! What Docker fills in where nothing was asked for is left out, so that it is Docker's again next time.

use serde_json::{Map, Value, json};

use crate::model::launch::is_unset;

/// Docker's own size of `/dev/shm`.
const SHM_SIZE: i64 = 64 * 1024 * 1024;
/// Microseconds of the scheduler's period when a container has a number of processors.
const CPU_PERIOD: i64 = 100_000;
/// Nanoseconds in a second.
const SECOND: i64 = 1_000_000_000;
/// Digits of the id that Docker makes a host name of.
const SHORT_ID: usize = 12;

/// Fields of the inspection's `Config` that are passed on as they are.
const OF_CONFIG: &[(&str, &str)] = &[
    ("Cmd", "command"),
    ("Domainname", "domainName"),
    ("Entrypoint", "entryPoint"),
    ("Labels", "labels"),
    ("OpenStdin", "stdinOpen"),
    ("StopSignal", "stopSignal"),
    ("StopTimeout", "stopTimeout"),
    ("Tty", "tty"),
    ("User", "user"),
    ("WorkingDir", "workingDir"),
];

/// Fields of its `HostConfig`.
const OF_HOST: &[(&str, &str)] = &[
    ("BlkioWeight", "blkioWeight"),
    ("CapAdd", "capAdd"),
    ("CapDrop", "capDrop"),
    ("CgroupParent", "cgroupParent"),
    ("CpuPeriod", "cpuPeriod"),
    ("CpuQuota", "cpuQuota"),
    ("CpuRealtimePeriod", "cpuRealtimePeriod"),
    ("CpuRealtimeRuntime", "cpuRealtimeRuntime"),
    ("CpuShares", "cpuShares"),
    ("CpusetCpus", "cpuSet"),
    ("CpusetMems", "cpuSetMems"),
    ("Dns", "dns"),
    ("DnsOptions", "dnsOpt"),
    ("DnsSearch", "dnsSearch"),
    ("ExtraHosts", "extraHosts"),
    ("GroupAdd", "groupAdd"),
    ("Init", "runInit"),
    ("Memory", "memory"),
    ("MemoryReservation", "memoryReservation"),
    ("OomKillDisable", "oomKillDisable"),
    ("OomScoreAdj", "oomScoreAdj"),
    ("PidMode", "pidMode"),
    ("Privileged", "privileged"),
    ("PublishAllPorts", "publishAllPorts"),
    ("ReadonlyRootfs", "readOnly"),
    ("SecurityOpt", "securityOpt"),
    ("StorageOpt", "storageOpt"),
    ("Sysctls", "sysctls"),
    ("Tmpfs", "tmpfs"),
    ("UTSMode", "uts"),
    ("UsernsMode", "usernsMode"),
    ("VolumeDriver", "volumeDriver"),
];

/// The launch configuration of a container, by Docker's answer to an inspection: everything but its image
/// and its network.
pub fn launch_config(inspected: &Map<String, Value>) -> Map<String, Value> {
    let none = Map::new();
    let config = object(inspected, "Config").unwrap_or(&none);
    let host = object(inspected, "HostConfig").unwrap_or(&none);
    let mut fields = Map::new();
    copy(config, OF_CONFIG, &mut fields);
    copy(host, OF_HOST, &mut fields);
    let id = text(inspected, "Id").unwrap_or_default();
    let hostname = text(config, "Hostname").filter(|name| Some(*name) != id.get(..SHORT_ID));
    put(&mut fields, "hostname", hostname.into());
    put(&mut fields, "environment", environment(config).into());
    put(&mut fields, "ports", ports(host).into());
    put(&mut fields, "expose", exposed(config, host).into());
    put(&mut fields, "devices", devices(host).into());
    put(&mut fields, "blkioDeviceOptions", disks(host).into());
    put(&mut fields, "ulimits", ulimits(host).into());
    put(&mut fields, "logConfig", log(host));
    put(&mut fields, "restartPolicy", restart(host));
    volumes(inspected, &mut fields);
    health(config, &mut fields);
    limits(host, &mut fields);
    fields
}

pub(super) fn object<'a>(of: &'a Map<String, Value>, key: &str) -> Option<&'a Map<String, Value>> {
    of.get(key).and_then(Value::as_object)
}

pub(super) fn text<'a>(of: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    of.get(key).and_then(Value::as_str).filter(|text| !text.is_empty())
}

pub(super) fn list<'a>(of: &'a Map<String, Value>, key: &str) -> impl Iterator<Item = &'a Value> {
    of.get(key).and_then(Value::as_array).into_iter().flatten()
}

pub(super) fn number(of: &Map<String, Value>, key: &str) -> Option<i64> {
    of.get(key).and_then(Value::as_i64).filter(|number| *number != 0)
}

fn copy(from: &Map<String, Value>, table: &[(&str, &str)], to: &mut Map<String, Value>) {
    for (theirs, ours) in table {
        put(to, ours, from.get(*theirs).cloned().unwrap_or_default());
    }
}

fn put(fields: &mut Map<String, Value>, field: &str, value: Value) {
    if !is_unset(&value) {
        fields.insert(field.to_owned(), value);
    }
}

/// `["A=1"]` as an object.
pub fn environment(config: &Map<String, Value>) -> Map<String, Value> {
    list(config, "Env")
        .filter_map(Value::as_str)
        .map(|word| word.split_once('=').unwrap_or((word, "")))
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect()
}

/// An address on the host as a port line has it; nothing for every address.
fn bound(address: &str) -> String {
    match address {
        "" | "0.0.0.0" | "::" => String::new(),
        six if six.contains(':') => format!("[{six}]:"),
        four => format!("{four}:"),
    }
}

/// The lines of a port map: `Some` only for what is published. IPv4 and IPv6 make one line.
fn lines(map: Option<&Map<String, Value>>) -> Vec<String> {
    let mut lines = Vec::new();
    for (private, bindings) in map.into_iter().flatten() {
        for binding in bindings.as_array().into_iter().flatten().filter_map(Value::as_object) {
            let bind = bound(text(binding, "HostIp").unwrap_or_default());
            let line = match text(binding, "HostPort") {
                Some(public) => format!("{bind}{public}:{private}"),
                None if bind.is_empty() => private.clone(),
                None => format!("{bind}:{private}"),
            };
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
    }
    lines.sort();
    lines
}

/// The ports that were asked for.
fn ports(host: &Map<String, Value>) -> Vec<String> {
    lines(object(host, "PortBindings"))
}

/// The ports that a running container has, whether or not their numbers were asked for.
pub fn ports_in_use(inspected: &Map<String, Value>) -> Vec<String> {
    let settings = object(inspected, "NetworkSettings");
    let used = lines(settings.and_then(|settings| object(settings, "Ports")));
    if used.is_empty() {
        object(inspected, "HostConfig").map(ports).unwrap_or_default()
    } else {
        used
    }
}

fn exposed(config: &Map<String, Value>, host: &Map<String, Value>) -> Vec<String> {
    let published = object(host, "PortBindings");
    let is_open = |port: &&String| published.is_none_or(|ports| !ports.contains_key(*port));
    let ports = object(config, "ExposedPorts").into_iter().flatten().map(|(port, _)| port);
    ports.filter(is_open).cloned().collect()
}

fn devices(host: &Map<String, Value>) -> Vec<String> {
    let devices = list(host, "Devices").filter_map(Value::as_object);
    devices
        .filter_map(|device| {
            let inside = text(device, "PathInContainer")?;
            let may = text(device, "CgroupPermissions").unwrap_or("rwm");
            Some(format!("{}:{inside}:{may}", text(device, "PathOnHost")?))
        })
        .collect()
}

/// Limits of block devices, by path: Docker has a list for each kind of limit.
fn disks(host: &Map<String, Value>) -> Map<String, Value> {
    const KINDS: &[(&str, &str, &str)] = &[
        ("BlkioWeightDevice", "Weight", "weight"),
        ("BlkioDeviceReadIOps", "Rate", "readIops"),
        ("BlkioDeviceWriteIOps", "Rate", "writeIops"),
        ("BlkioDeviceReadBps", "Rate", "readBps"),
        ("BlkioDeviceWriteBps", "Rate", "writeBps"),
    ];
    let mut disks: Map<String, Value> = Map::new();
    for (key, theirs, ours) in KINDS {
        for limit in list(host, key).filter_map(Value::as_object) {
            let Some((path, value)) = text(limit, "Path").zip(number(limit, theirs)) else {
                continue;
            };
            let disk = disks.entry(path).or_insert_with(|| json!({}));
            disk[*ours] = value.into();
        }
    }
    disks
}

fn ulimits(host: &Map<String, Value>) -> Vec<Value> {
    let limits = list(host, "Ulimits").filter_map(Value::as_object);
    limits
        .map(|limit| json!({ "name": limit.get("Name"), "soft": limit.get("Soft"), "hard": limit.get("Hard") }))
        .collect()
}

/// The driver that the daemon uses by itself, without options, was not asked for.
fn log(host: &Map<String, Value>) -> Value {
    let Some(log) = object(host, "LogConfig") else { return Value::Null };
    let driver = text(log, "Type").unwrap_or_default();
    let config = object(log, "Config").cloned().unwrap_or_default();
    if config.is_empty() && matches!(driver, "" | "json-file") {
        return Value::Null;
    }
    json!({ "driver": driver, "config": config })
}

fn restart(host: &Map<String, Value>) -> Value {
    let Some(policy) = object(host, "RestartPolicy") else { return Value::Null };
    match text(policy, "Name") {
        None | Some("no") => Value::Null,
        Some("on-failure") => {
            let count = number(policy, "MaximumRetryCount").unwrap_or(0);
            json!({ "name": "on-failure", "maximumRetryCount": count })
        }
        Some(name) => json!({ "name": name }),
    }
}

/// What is mounted, and where. A volume whose name Docker made up is one without a name.
fn volumes(inspected: &Map<String, Value>, fields: &mut Map<String, Value>) {
    let mut volumes = Vec::new();
    let mut memory = object(fields, "tmpfs").cloned().unwrap_or_default();
    let none = Map::new();
    let host = object(inspected, "HostConfig").unwrap_or(&none);
    for mount in list(inspected, "Mounts").filter_map(Value::as_object) {
        let Some(target) = text(mount, "Destination") else { continue };
        let source = match text(mount, "Type") {
            Some("bind") => text(mount, "Source"),
            Some("volume") => text(mount, "Name").filter(|name| !is_made_up(name)),
            Some("tmpfs") => {
                memory.entry(target).or_insert_with(|| memory_options(host, target).into());
                continue;
            }
            _ => continue,
        };
        volumes.push(match source {
            Some(source) => format!("{source}:{target}{}", mode(host, mount)),
            None => target.to_owned(),
        });
    }
    volumes.sort();
    put(fields, "dataVolumes", volumes.into());
    put(fields, "tmpfs", memory.into());
}

/// Whether a volume's name is one that Docker gives to volumes without one.
pub fn is_made_up(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// What was asked for as a mount with options of its own, if that is how it was asked for.
fn asked<'a>(
    host: &'a Map<String, Value>,
    target: &str,
    options: &str,
) -> Option<&'a Map<String, Value>> {
    let mut mounts = list(host, "Mounts").filter_map(Value::as_object);
    object(mounts.find(|mount| text(mount, "Target") == Some(target))?, options)
}

/// Size and mode of a file system in memory, as an option line has them.
fn memory_options(host: &Map<String, Value>, target: &str) -> String {
    let Some(options) = asked(host, target, "TmpfsOptions") else { return String::new() };
    let size = number(options, "SizeBytes").map(|bytes| format!("size={bytes}"));
    let mode = number(options, "Mode").map(|mode| format!("mode={mode:o}"));
    size.into_iter().chain(mode).collect::<Vec<_>>().join(",")
}

fn mode(host: &Map<String, Value>, mount: &Map<String, Value>) -> String {
    let given = text(mount, "Mode").unwrap_or_default();
    let mut words: Vec<&str> =
        given.split(',').filter(|word| !matches!(*word, "" | "rw" | "ro")).collect();
    // What Docker does by itself is its own next time, too.
    let passed_on = text(mount, "Propagation").filter(|word| *word != "rprivate");
    words.extend(passed_on.filter(|word| !given.split(',').any(|known| known == *word)));
    let volume = asked(host, text(mount, "Destination").unwrap_or_default(), "VolumeOptions");
    if volume.is_some_and(|of| of.get("NoCopy") == Some(&Value::Bool(true))) {
        words.push("nocopy");
    }
    if mount.get("RW") == Some(&Value::Bool(false)) {
        words.insert(0, "ro");
    }
    if words.is_empty() { String::new() } else { format!(":{}", words.join(",")) }
}

fn health(config: &Map<String, Value>, fields: &mut Map<String, Value>) {
    let Some(check) = object(config, "Healthcheck") else { return };
    let seconds = |key: &str| number(check, key).map(|nanoseconds| (nanoseconds / SECOND).max(1));
    put(fields, "healthCmd", check.get("Test").cloned().unwrap_or_default());
    put(fields, "healthInterval", seconds("Interval").into());
    put(fields, "healthTimeout", seconds("Timeout").into());
    put(fields, "healthRetries", number(check, "Retries").into());
}

/// Limits that Docker fills in, or says in other words.
fn limits(host: &Map<String, Value>, fields: &mut Map<String, Value>) {
    // Twice the memory is what Docker takes when only the memory is limited.
    let filled_in = number(host, "Memory").map(|memory| memory.saturating_mul(2));
    let swap = number(host, "MemorySwap").filter(|swap| Some(*swap) != filled_in);
    put(fields, "memorySwap", swap.into());
    // -1 stands for what the kernel does by itself.
    let swappiness = number(host, "MemorySwappiness").filter(|value| *value >= 0);
    put(fields, "memorySwappiness", swappiness.into());
    put(fields, "shmSize", number(host, "ShmSize").filter(|size| *size != SHM_SIZE).into());
    put(fields, "pidsLimit", number(host, "PidsLimit").filter(|limit| *limit > 0).into());
    let ipc = text(host, "IpcMode").filter(|mode| !matches!(*mode, "private" | "shareable"));
    put(fields, "ipcMode", ipc.into());
    if let Some(nano) = number(host, "NanoCpus") {
        put(fields, "cpuPeriod", CPU_PERIOD.into());
        put(fields, "cpuQuota", (nano / (SECOND / CPU_PERIOD)).into());
    }
}

/// The mode of a container's network in Rancher's words; one of its own networks counts as a bridge.
pub fn network_mode(inspected: &Map<String, Value>) -> &'static str {
    match object(inspected, "HostConfig").and_then(|host| text(host, "NetworkMode")) {
        Some("host") => "host",
        Some("none") => "none",
        Some(mode) if mode.starts_with("container:") => "none",
        _ => "bridge",
    }
}

/// The same in Docker's words.
pub fn docker_network_mode(inspected: &Map<String, Value>) -> Option<&str> {
    text(object(inspected, "HostConfig")?, "NetworkMode")
}

/// The networks of a container, each with the names that it answers to there: not those that Docker makes of
/// its id.
pub fn networks(inspected: &Map<String, Value>) -> Map<String, Value> {
    let id = text(inspected, "Id").unwrap_or_default();
    let settings = object(inspected, "NetworkSettings");
    let networks = settings.and_then(|settings| object(settings, "Networks"));
    let mut found = Map::new();
    for (name, endpoint) in networks.into_iter().flatten() {
        let aliases = endpoint.as_object().into_iter().flat_map(|of| list(of, "Aliases"));
        let aliases =
            aliases.filter(|alias| alias.as_str().is_some_and(|text| !id.starts_with(text)));
        found.insert(name.clone(), aliases.cloned().collect::<Vec<_>>().into());
    }
    found
}

/// Whether a field of a container says how it was made.
pub fn is_of_launch(field: &str) -> bool {
    const OTHERS: &[&str] = &[
        "blkioDeviceOptions",
        "dataVolumes",
        "devices",
        "environment",
        "expose",
        "healthCmd",
        "healthInterval",
        "healthRetries",
        "healthTimeout",
        "hostname",
        "imageUuid",
        "ipcMode",
        "logConfig",
        "memorySwap",
        "memorySwappiness",
        "pidsLimit",
        "ports",
        "restartPolicy",
        "shmSize",
        "ulimits",
    ];
    let listed = |table: &[(&str, &str)]| table.iter().any(|row| row.1 == field);
    OTHERS.contains(&field) || listed(OF_CONFIG) || listed(OF_HOST)
}

/// Takes out of a configuration what its image says as well (`image` is Docker's `Config` of the image): the
/// next version of the image may say something else.
pub fn without_the_images(fields: &mut Map<String, Value>, image: &Map<String, Value>) {
    let mut theirs = Map::new();
    copy(image, OF_CONFIG, &mut theirs);
    theirs.shift_remove("labels");
    put(&mut theirs, "expose", exposed(image, &Map::new()).into());
    health(image, &mut theirs);
    // A container with an entry point of its own does not have its image's command.
    let same = |fields: &Map<String, Value>, key: &str| fields.get(key) == theirs.get(key);
    if !same(fields, "entryPoint") {
        theirs.shift_remove("command");
    }
    fields.retain(|key, value| theirs.get(key) != Some(value));
    for (field, own) in [("environment", environment(image)), ("labels", labels(image))] {
        if let Some(Value::Object(pairs)) = fields.get_mut(field) {
            pairs.retain(|key, value| own.get(key) != Some(value));
        }
    }
    let own: Vec<Value> = exposed(image, &Map::new()).into_iter().map(Value::from).collect();
    if let Some(Value::Array(ports)) = fields.get_mut("expose") {
        ports.retain(|port| !own.contains(port));
    }
    let paths = object(image, "Volumes");
    if let Some(Value::Array(volumes)) = fields.get_mut("dataVolumes") {
        let own = |line: &Value| {
            line.as_str().is_some_and(|line| paths.is_some_and(|p| p.contains_key(line)))
        };
        volumes.retain(|line| !own(line));
    }
    fields.retain(|_, value| !is_unset(value));
}

fn labels(config: &Map<String, Value>) -> Map<String, Value> {
    object(config, "Labels").cloned().unwrap_or_default()
}
