//! A launch config as the keys of a service in `docker-compose.yml`.

use serde_json::{Map, Value, json};

use crate::model::launch::{is_unset, written};

/// Fields that only change their name. Alphabetical by key.
#[rustfmt::skip]
const FIELDS: &[(&str, &str)] = &[
    ("blkio_weight", "blkioWeight"),
    ("cap_add", "capAdd"),
    ("cap_drop", "capDrop"),
    ("cgroup_parent", "cgroupParent"),
    ("command", "command"),
    ("cpu_count", "cpuCount"),
    ("cpu_percent", "cpuPercent"),
    ("cpu_period", "cpuPeriod"),
    ("cpu_quota", "cpuQuota"),
    ("cpu_rt_period", "cpuRealtimePeriod"),
    ("cpu_rt_runtime", "cpuRealtimeRuntime"),
    ("cpu_shares", "cpuShares"),
    ("cpuset", "cpuSet"),
    ("devices", "devices"),
    ("dns", "dns"),
    ("dns_opt", "dnsOpt"),
    ("dns_search", "dnsSearch"),
    ("domainname", "domainName"),
    ("entrypoint", "entryPoint"),
    ("environment", "environment"),
    ("expose", "expose"),
    ("extra_hosts", "extraHosts"),
    ("group_add", "groupAdd"),
    ("hostname", "hostname"),
    ("init", "runInit"),
    ("ipc", "ipcMode"),
    ("isolation", "isolation"),
    ("kernel_memory", "kernelMemory"),
    ("labels", "labels"),
    ("mem_limit", "memory"),
    ("mem_reservation", "memoryReservation"),
    ("mem_swappiness", "memorySwappiness"),
    ("memswap_limit", "memorySwap"),
    ("oom_kill_disable", "oomKillDisable"),
    ("oom_score_adj", "oomScoreAdj"),
    ("pid", "pidMode"),
    ("pids_limit", "pidsLimit"),
    ("ports", "ports"),
    ("privileged", "privileged"),
    ("read_only", "readOnly"),
    ("security_opt", "securityOpt"),
    ("shm_size", "shmSize"),
    ("stdin_open", "stdinOpen"),
    ("stop_signal", "stopSignal"),
    ("storage_opt", "storageOpt"),
    ("sysctls", "sysctls"),
    ("tty", "tty"),
    ("user", "user"),
    ("userns_mode", "usernsMode"),
    ("uts", "uts"),
    ("volume_driver", "volumeDriver"),
    ("volumes", "dataVolumes"),
    ("volumes_from", "dataVolumesFromLaunchConfigs"),
    ("working_dir", "workingDir"),
];

/// The keys of a service; labels are still as they are in the launch config.
pub(super) fn launch(config: &Value) -> Map<String, Value> {
    let set = |field: &str| config.get(field).filter(|value| !is_unset(value));
    let mut out = Map::new();
    if let Some(image) = set("imageUuid").and_then(Value::as_str) {
        out.insert("image".to_owned(), json!(written(image)));
    }
    if let Some(build) = set("build") {
        out.insert("build".to_owned(), self::build(build));
    }
    for (key, field) in FIELDS {
        if let Some(value) = set(field) {
            out.insert((*key).to_owned(), value.clone());
        }
    }
    // A command may hold anything, so it stays a list; its words are texts in any case.
    network(config, &mut out);
    if let Some(Value::Object(mounts)) = set("tmpfs") {
        let mount = |(path, options): (&String, &Value)| match options.as_str() {
            None | Some("") => json!(path),
            Some(options) => json!(format!("{path}:{options}")),
        };
        out.insert("tmpfs".to_owned(), Value::Array(mounts.iter().map(mount).collect()));
    }
    if let Some(log) = set("logConfig") {
        logging(log, &mut out);
    }
    if let Some(name) = set("restartPolicy").and_then(|policy| policy.get("name")?.as_str()) {
        let tries =
            set("restartPolicy").and_then(|policy| policy.get("maximumRetryCount")?.as_i64());
        let text = match (name, tries) {
            ("on-failure", Some(tries)) if tries > 0 => format!("{name}:{tries}"),
            _ => name.to_owned(),
        };
        out.insert("restart".to_owned(), json!(text));
    }
    if let Some(seconds) = set("stopTimeout").and_then(Value::as_i64) {
        out.insert("stop_grace_period".to_owned(), json!(format!("{seconds}s")));
    }
    if let Some(Value::Array(limits)) = set("ulimits") {
        out.insert("ulimits".to_owned(), ulimits(limits));
    }
    if let Some(Value::Object(devices)) = set("blkioDeviceOptions") {
        block_devices(devices, &mut out);
    }
    health(config, &mut out);
    out
}

fn build(build: &Value) -> Value {
    let mut out = Map::new();
    for (field, key) in
        [("remote", "context"), ("context", "context"), ("dockerfile", "dockerfile")]
    {
        if let Some(value) = build.get(field).filter(|value| !is_unset(value)) {
            out.entry(key).or_insert_with(|| value.clone());
        }
    }
    Value::Object(out)
}

/// The default network is not written down.
fn network(config: &Value, out: &mut Map<String, Value>) {
    let text = |field: &str| config.get(field).and_then(Value::as_str).unwrap_or_default();
    let mode = match (text("networkMode"), text("networkLaunchConfig")) {
        ("container", "") | ("" | "managed", _) => return,
        ("container", service) => format!("container:{service}"),
        (mode, _) => mode.to_owned(),
    };
    out.insert("network_mode".to_owned(), json!(mode));
}

fn logging(log: &Value, out: &mut Map<String, Value>) {
    let mut logging = Map::new();
    for (field, key) in [("driver", "driver"), ("config", "options")] {
        if let Some(value) = log.get(field).filter(|value| !is_unset(value)) {
            logging.insert(key.to_owned(), value.clone());
        }
    }
    if !logging.is_empty() {
        out.insert("logging".to_owned(), Value::Object(logging));
    }
}

fn ulimits(limits: &[Value]) -> Value {
    let limit = |limit: &Value| {
        let name = limit.get("name")?.as_str()?.to_owned();
        let (soft, hard) = (limit.get("soft")?.clone(), limit.get("hard")?.clone());
        let value = if soft == hard { soft } else { json!({ "soft": soft, "hard": hard }) };
        Some((name, value))
    };
    Value::Object(limits.iter().filter_map(limit).collect())
}

/// One mapping of devices per kind of limit.
fn block_devices(devices: &Map<String, Value>, out: &mut Map<String, Value>) {
    const LIMITS: &[(&str, &str)] = &[
        ("readBps", "device_read_bps"),
        ("readIops", "device_read_iops"),
        ("writeBps", "device_write_bps"),
        ("writeIops", "device_write_iops"),
    ];
    for (field, key) in LIMITS {
        let limit = |(path, options): (&String, &Value)| {
            let value = options.get(field).filter(|value| !is_unset(value))?;
            Some((path.clone(), value.clone()))
        };
        let limits: Map<String, Value> = devices.iter().filter_map(limit).collect();
        if !limits.is_empty() {
            out.insert((*key).to_owned(), Value::Object(limits));
        }
    }
    let weight = |(path, options): (&String, &Value)| {
        let weight = options.get("weight")?.as_i64().filter(|weight| *weight > 0)?;
        Some(json!(format!("{path}:{weight}")))
    };
    let weights: Vec<Value> = devices.iter().filter_map(weight).collect();
    if !weights.is_empty() {
        out.insert("blkio_weight_device".to_owned(), Value::Array(weights));
    }
}

/// Docker's own check; Rancher's is in the other file.
fn health(config: &Value, out: &mut Map<String, Value>) {
    let mut check = Map::new();
    let set = |field: &str| config.get(field).filter(|value| !is_unset(value));
    if let Some(test) = set("healthCmd") {
        check.insert("test".to_owned(), test.clone());
    }
    for (field, key) in [("healthInterval", "interval"), ("healthTimeout", "timeout")] {
        if let Some(seconds) = set(field).and_then(Value::as_i64) {
            check.insert(key.to_owned(), json!(format!("{seconds}s")));
        }
    }
    if let Some(retries) = set("healthRetries") {
        check.insert("retries".to_owned(), retries.clone());
    }
    if !check.is_empty() {
        out.insert("healthcheck".to_owned(), Value::Object(check));
    }
}
