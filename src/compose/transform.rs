//! What `docker inspect` says about a container as Rancher's container (`scripts/transform`): old
//! clients send the one and read the other back as a launch config.

use serde_json::{Map, Value, json};

use crate::model::launch::is_unset;

/// The input cannot be expressed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransformError {
    /// API error 422 `InvalidOption`.
    #[error("{field} `{value}` is not supported")]
    InvalidOption { field: &'static str, value: String },
    /// API error 422 `InvalidFormat`.
    #[error("the container must be an object")]
    NotAnObject,
}

/// Where a field is looked up.
#[derive(Clone, Copy)]
enum Place {
    Config,
    Host,
    /// The host configuration goes first.
    HostThenConfig,
}

/// What an output field looks like.
#[derive(Clone, Copy)]
enum Shape {
    /// As it is; empty text, 0 and false are null.
    Plain,
    /// A flag that is always there.
    Flag,
    /// A list that is always there.
    List,
    /// A list, or null when there is none.
    MaybeList,
    /// Nanoseconds of Docker as seconds.
    Seconds,
}

/// Fields that only change their name: output, input, where, shape.
#[rustfmt::skip]
const FIELDS: &[(&str, &str, Place, Shape)] = &[
    ("hostname", "Hostname", Place::Config, Shape::Plain),
    ("domainName", "Domainname", Place::Config, Shape::Plain),
    ("user", "User", Place::Config, Shape::Plain),
    ("tty", "Tty", Place::Config, Shape::Flag),
    ("stdinOpen", "OpenStdin", Place::Config, Shape::Flag),
    ("workingDir", "WorkingDir", Place::Config, Shape::Plain),
    ("command", "Cmd", Place::Config, Shape::List),
    ("entryPoint", "Entrypoint", Place::Config, Shape::List),
    ("stopSignal", "StopSignal", Place::Config, Shape::Plain),
    ("stopTimeout", "StopTimeout", Place::Config, Shape::Plain),
    ("memory", "Memory", Place::HostThenConfig, Shape::Plain),
    ("memorySwap", "MemorySwap", Place::HostThenConfig, Shape::Plain),
    ("cpuShares", "CpuShares", Place::HostThenConfig, Shape::Plain),
    ("cpuSet", "CpusetCpus", Place::HostThenConfig, Shape::Plain),
    ("cpuSetMems", "CpusetMems", Place::Host, Shape::Plain),
    ("cpuPeriod", "CpuPeriod", Place::Host, Shape::Plain),
    ("cpuQuota", "CpuQuota", Place::Host, Shape::Plain),
    ("memoryReservation", "MemoryReservation", Place::Host, Shape::Plain),
    ("memorySwappiness", "MemorySwappiness", Place::Host, Shape::Plain),
    ("kernelMemory", "KernelMemory", Place::Host, Shape::Plain),
    ("oomKillDisable", "OomKillDisable", Place::Host, Shape::Plain),
    ("oomScoreAdj", "OomScoreAdj", Place::Host, Shape::Plain),
    ("pidsLimit", "PidsLimit", Place::Host, Shape::Plain),
    ("shmSize", "ShmSize", Place::Host, Shape::Plain),
    ("blkioWeight", "BlkioWeight", Place::Host, Shape::Plain),
    ("cgroupParent", "CgroupParent", Place::Host, Shape::Plain),
    ("isolation", "Isolation", Place::Host, Shape::Plain),
    ("uts", "UTSMode", Place::Host, Shape::Plain),
    ("ipcMode", "IpcMode", Place::Host, Shape::Plain),
    ("pidMode", "PidMode", Place::Host, Shape::Plain),
    ("usernsMode", "UsernsMode", Place::Host, Shape::Plain),
    ("volumeDriver", "VolumeDriver", Place::Host, Shape::Plain),
    ("tmpfs", "Tmpfs", Place::Host, Shape::Plain),
    ("sysctls", "Sysctls", Place::Host, Shape::Plain),
    ("storageOpt", "StorageOpt", Place::Host, Shape::Plain),
    ("runInit", "Init", Place::Host, Shape::Plain),
    ("privileged", "Privileged", Place::Host, Shape::Flag),
    ("publishAllPorts", "PublishAllPorts", Place::Host, Shape::Flag),
    ("readOnly", "ReadonlyRootfs", Place::Host, Shape::Plain),
    ("dns", "Dns", Place::Host, Shape::List),
    ("dnsSearch", "DnsSearch", Place::Host, Shape::List),
    ("dnsOpt", "DnsOptions", Place::Host, Shape::MaybeList),
    ("capAdd", "CapAdd", Place::Host, Shape::List),
    ("capDrop", "CapDrop", Place::Host, Shape::List),
    ("groupAdd", "GroupAdd", Place::Host, Shape::MaybeList),
    ("securityOpt", "SecurityOpt", Place::Host, Shape::MaybeList),
    ("extraHosts", "ExtraHosts", Place::Host, Shape::MaybeList),
];

/// Fields of Docker's health check.
const HEALTH: &[(&str, &str, Shape)] = &[
    ("healthCmd", "Test", Shape::MaybeList),
    ("healthInterval", "Interval", Shape::Seconds),
    ("healthTimeout", "Timeout", Shape::Seconds),
    ("healthRetries", "Retries", Shape::Plain),
];

/// Turns `{Id, Name, Config{}, HostConfig{}}` into a container of the API. Every field is there;
/// what is not set is null, or empty for lists that are always lists.
///
/// # Errors
/// [`TransformError`] for a network mode that cannot be carried over, or no object at all.
pub fn transform(inspect: &Value) -> Result<Value, TransformError> {
    if !inspect.is_object() {
        return Err(TransformError::NotAnObject);
    }
    let config = inspect.get("Config").unwrap_or(&Value::Null);
    let host = inspect.get("HostConfig").unwrap_or(&Value::Null);
    let mut out = Map::new();
    out.insert("type".to_owned(), json!("container"));
    out.insert("kind".to_owned(), json!("container"));
    out.insert("externalId".to_owned(), shaped(inspect.get("Id"), Shape::Plain));
    out.insert("name".to_owned(), name(inspect, config));
    out.insert("imageUuid".to_owned(), image(config));
    for (field, source, place, shape) in FIELDS {
        let value = match place {
            Place::Config => config.get(source),
            Place::Host => host.get(source),
            Place::HostThenConfig => {
                let set = host.get(source).filter(|value| !is_unset(value));
                set.or_else(|| config.get(source))
            }
        };
        out.insert((*field).to_owned(), shaped(value, *shape));
    }
    if out.get("cpuSet").is_some_and(Value::is_null) {
        // The name before Docker API 1.18.
        let older = host.get("Cpuset").or_else(|| config.get("Cpuset"));
        out.insert("cpuSet".to_owned(), shaped(older, Shape::Plain));
    }
    let check = config.get("Healthcheck").unwrap_or(&Value::Null);
    for (field, source, shape) in HEALTH {
        out.insert((*field).to_owned(), shaped(check.get(source), *shape));
    }
    out.insert("environment".to_owned(), environment(config));
    out.insert("labels".to_owned(), labels(config));
    out.insert("dataVolumes".to_owned(), volumes(config, host));
    out.insert("ports".to_owned(), ports(host));
    out.insert("networkMode".to_owned(), network_mode(config, host)?);
    out.insert("devices".to_owned(), devices(host));
    out.insert("restartPolicy".to_owned(), restart_policy(host));
    out.insert("logConfig".to_owned(), log_config(host));
    out.insert("ulimits".to_owned(), ulimits(host));
    out.insert("blkioDeviceOptions".to_owned(), block_devices(host));
    Ok(Value::Object(out))
}

fn shaped(value: Option<&Value>, shape: Shape) -> Value {
    let value = value.unwrap_or(&Value::Null);
    match shape {
        Shape::Plain if is_unset(value) => Value::Null,
        Shape::Plain => value.clone(),
        Shape::Flag => json!(value.as_bool().unwrap_or(false)),
        Shape::MaybeList if is_unset(value) => Value::Null,
        Shape::MaybeList | Shape::List => match value {
            Value::Array(_) => value.clone(),
            // Docker once gave a command of one word as a text.
            Value::String(text) if !text.is_empty() => json!([text]),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Object(_) => {
                json!([])
            }
        },
        Shape::Seconds => match value.as_i64() {
            None | Some(0) => Value::Null,
            Some(nanoseconds) => json!((nanoseconds + 999_999_999).div_euclid(1_000_000_000)),
        },
    }
}

fn texts(value: Option<&Value>) -> impl Iterator<Item = &str> {
    value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

fn entries(value: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    value.and_then(Value::as_object).into_iter().flatten()
}

fn name(inspect: &Value, config: &Value) -> Value {
    let label =
        config.get("Labels").and_then(|labels| labels.get("io.rancher.container.display_name"));
    let name = inspect.get("Name").and_then(Value::as_str).unwrap_or_default();
    let name = name.strip_prefix('/').unwrap_or(name);
    let shown = label.and_then(Value::as_str).filter(|label| !label.is_empty()).unwrap_or(name);
    shaped(Some(&json!(shown)), Shape::Plain)
}

fn image(config: &Value) -> Value {
    match config.get("Image").and_then(Value::as_str) {
        None | Some("") => Value::Null,
        Some(image) if image.starts_with("docker:") || image.starts_with("sim:") => json!(image),
        Some(image) => json!(format!("docker:{image}")),
    }
}

fn environment(config: &Value) -> Value {
    let pair = |text: &str| {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        (name.to_owned(), json!(value))
    };
    Value::Object(texts(config.get("Env")).map(pair).collect())
}

fn labels(config: &Value) -> Value {
    let label = |(name, value): (&String, &Value)| {
        let value = if value.is_null() { json!("") } else { value.clone() };
        (name.clone(), value)
    };
    Value::Object(entries(config.get("Labels")).map(label).collect())
}

fn volumes(config: &Value, host: &Value) -> Value {
    let mut volumes: Vec<&str> =
        entries(config.get("Volumes")).map(|(path, _)| path.as_str()).collect();
    for bind in texts(host.get("Binds")) {
        if !volumes.contains(&bind) {
            volumes.push(bind);
        }
    }
    json!(volumes)
}

/// `host:container/proto`, or `container/proto` where any host port will do.
fn ports(host: &Value) -> Value {
    let mut ports = Vec::new();
    for (private, bindings) in entries(host.get("PortBindings")) {
        let private =
            if private.contains('/') { private.clone() } else { format!("{private}/tcp") };
        for binding in bindings.as_array().into_iter().flatten() {
            ports.push(match binding.get("HostPort").and_then(Value::as_str) {
                None | Some("") => private.clone(),
                Some(public) => format!("{public}:{private}"),
            });
        }
    }
    json!(ports)
}

fn network_mode(config: &Value, host: &Value) -> Result<Value, TransformError> {
    if config.get("NetworkDisabled").and_then(Value::as_bool) == Some(true) {
        return Ok(json!("none"));
    }
    match host.get("NetworkMode").and_then(Value::as_str).unwrap_or_default() {
        "" | "default" | "bridge" => Ok(json!("bridge")),
        mode @ ("host" | "none") => Ok(json!(mode)),
        other => {
            Err(TransformError::InvalidOption { field: "networkMode", value: other.to_owned() })
        }
    }
}

fn devices(host: &Value) -> Value {
    let device = |device: &Value| {
        let part = |key: &str| device.get(key).and_then(Value::as_str).unwrap_or_default();
        let permissions = match part("CgroupPermissions") {
            "" => "rwm",
            permissions => permissions,
        };
        json!(format!("{}:{}:{permissions}", part("PathOnHost"), part("PathInContainer")))
    };
    let list = host.get("Devices").and_then(Value::as_array).into_iter().flatten();
    Value::Array(list.map(device).collect())
}

fn restart_policy(host: &Value) -> Value {
    let policy = host.get("RestartPolicy").unwrap_or(&Value::Null);
    match policy.get("Name").and_then(Value::as_str) {
        None | Some("") => Value::Null,
        Some(name) => {
            let tries = policy.get("MaximumRetryCount").cloned().unwrap_or(json!(0));
            json!({ "name": name, "maximumRetryCount": tries })
        }
    }
}

/// An object whenever Docker has one, also for the driver that nobody chose: `rancher` reads its `config`
/// without a look whether there is any.
fn log_config(host: &Value) -> Value {
    let log = host.get("LogConfig").unwrap_or(&Value::Null);
    if !log.is_object() {
        return Value::Null;
    }
    let config = log.get("Config").filter(|config| config.is_object()).cloned();
    json!({ "driver": shaped(log.get("Type"), Shape::Plain), "config": config.unwrap_or(json!({})) })
}

fn ulimits(host: &Value) -> Value {
    let limit = |limit: &Value| json!({ "name": limit["Name"], "hard": limit["Hard"], "soft": limit["Soft"] });
    match host.get("Ulimits").and_then(Value::as_array) {
        None => Value::Null,
        Some(list) => Value::Array(list.iter().map(limit).collect()),
    }
}

/// Lists per kind of limit become one object per device.
fn block_devices(host: &Value) -> Value {
    const LISTS: &[(&str, &str, &str)] = &[
        ("BlkioDeviceReadIOps", "Rate", "readIops"),
        ("BlkioDeviceWriteIOps", "Rate", "writeIops"),
        ("BlkioDeviceReadBps", "Rate", "readBps"),
        ("BlkioDeviceWriteBps", "Rate", "writeBps"),
        ("BlkioWeightDevice", "Weight", "weight"),
    ];
    let mut devices = Map::new();
    for (list, key, field) in LISTS {
        for item in host.get(list).and_then(Value::as_array).into_iter().flatten() {
            let Some(path) = item.get("Path").and_then(Value::as_str) else { continue };
            let device = devices.entry(path).or_insert_with(|| json!({}));
            if let (Value::Object(device), Some(value)) = (device, item.get(key)) {
                device.insert((*field).to_owned(), value.clone());
            }
        }
    }
    if devices.is_empty() { Value::Null } else { Value::Object(devices) }
}
