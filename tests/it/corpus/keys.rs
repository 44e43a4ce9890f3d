//! Single keys of a service, as Docker Compose prints them, in the words of a launch configuration.

use serde_json::{Map, Value, json};

use super::places;
use super::values::{
    self, decimal, milliseconds, number, object, pairs, ports, seconds, text, texts,
};

/// Keys that only a launch configuration has, in other words.
pub fn other(key: &str, value: &Value, launch: &mut Map<String, Value>) -> bool {
    match key {
        "blkio_config" => {
            let (weight, devices) = values::block_devices(value);
            if let Some(weight) = weight {
                launch.insert("blkioWeight".into(), weight.into());
            }
            launch.insert("blkioDeviceOptions".into(), devices.into());
        }
        "cpus" => cpus(value, launch),
        "devices" => {
            let one = |d: &Value| {
                let part = |key: &str| text(&d[key]);
                format!("{}:{}:{}", part("source"), part("target"), part("permissions"))
            };
            let devices: Vec<String> = value.as_array().expect("a list").iter().map(one).collect();
            launch.insert("devices".into(), devices.into());
        }
        "extra_hosts" => {
            let hosts: Vec<String> =
                texts(value).iter().map(|host| host.replacen('=', ":", 1)).collect();
            launch.insert("extraHosts".into(), hosts.into());
        }
        "logging" => {
            let mut log = Map::new();
            log.extend(value.get("driver").map(|driver| ("driver".into(), driver.clone())));
            log.extend(value.get("options").map(|it| ("config".into(), pairs(it).into())));
            launch.insert("logConfig".into(), log.into());
        }
        "ports" => {
            let all = value.as_array().expect("a list").iter().flat_map(ports);
            launch.insert("ports".into(), all.collect::<Vec<_>>().into());
        }
        "tmpfs" => {
            let mounts = launch.entry("tmpfs").or_insert_with(|| json!({}));
            for mount in texts(value) {
                let (path, options) = mount.split_once(':').unwrap_or((&mount, ""));
                mounts[path] = places::options_of(options);
            }
        }
        _ => return false,
    }
    true
}

pub fn cpus(value: &Value, launch: &mut Map<String, Value>) {
    launch.insert("cpuPeriod".into(), 100_000.into());
    launch.insert("cpuQuota".into(), ((decimal(value) * 100_000.0).round() as i64).into());
}

/// Aliases of all networks.
pub fn networks(path: &str, value: &Value, without_effect: &mut Vec<String>) -> Vec<String> {
    let mut aliases = Vec::new();
    for (name, network) in object(value) {
        for (key, setting) in network.as_object().into_iter().flatten() {
            match key.as_str() {
                "aliases" => aliases.extend(texts(setting)),
                _ => without_effect.push(format!("services.{path}.{name}.{key}")),
            }
        }
    }
    aliases
}

/// Docker's policy; true when what ended is not to be started again.
pub fn restart(value: &Value, launch: &mut Map<String, Value>) -> bool {
    let text = text(value);
    let (name, tries) = match text.split_once(':') {
        Some((name, tries)) => (name, tries.parse::<u32>().ok()),
        None => (text.as_str(), None),
    };
    let mut policy = json!({ "name": name });
    if let Some(tries) = tries {
        policy["maximumRetryCount"] = tries.into();
    }
    launch.insert("restartPolicy".into(), policy);
    matches!(name, "no" | "on-failure")
}

/// Everything under `deploy`; its policy for containers that ended is returned.
pub fn deploy(
    path: &str,
    value: &Value,
    launch: &mut Map<String, Value>,
    labels: &mut Map<String, Value>,
    without_effect: &mut Vec<String>,
) -> Option<Value> {
    let mut told = |key: &str| without_effect.push(format!("services.{path}.{key}"));
    for key in ["labels", "endpoint_mode", "rollback_config"] {
        if value.get(key).is_some() {
            told(key);
        }
    }
    if value["mode"] == "global" {
        labels.insert("io.rancher.scheduler.global".into(), "true".into());
    }
    let (limits, reserved) = (&value["resources"]["limits"], &value["resources"]["reservations"]);
    if let Some(limit) = limits.get("cpus") {
        cpus(limit, launch);
    }
    for (from, key, field) in [
        (limits, "memory", "memory"),
        (limits, "pids", "pidsLimit"),
        (reserved, "memory", "memoryReservation"),
    ] {
        if let Some(amount) = from.get(key) {
            launch.insert(field.into(), number(amount).into());
        }
    }
    if let Some(amount) = reserved.get("cpus") {
        let milli = (decimal(amount) * 1000.0).round() as i64;
        launch.insert("milliCpuReservation".into(), milli.into());
    }
    for key in ["devices", "generic_resources"] {
        if reserved.get(key).is_some() {
            told(&format!("resources.reservations.{key}"));
        }
    }
    let placement = &value["placement"];
    for key in ["preferences", "max_replicas_per_node"] {
        if placement.get(key).is_some() {
            told(&format!("placement.{key}"));
        }
    }
    affinities(&placement["constraints"], labels);
    for key in ["failure_action", "monitor", "max_failure_ratio"] {
        if value["update_config"].get(key).is_some() {
            told(&format!("update_config.{key}"));
        }
    }
    let policy = &value["restart_policy"];
    for key in ["delay", "window"] {
        if policy.get(key).is_some() {
            told(&format!("restart_policy.{key}"));
        }
    }
    let name = match policy["condition"].as_str() {
        None if policy.is_null() => return None,
        None | Some("any") => "always",
        Some("none") => "no",
        Some(other) => other,
    };
    let mut restart = json!({ "name": name });
    if let Some(tries) = policy.get("max_attempts").filter(|_| name == "on-failure") {
        restart["maximumRetryCount"] = number(tries).into();
    }
    Some(restart)
}

/// Constraints on labels of nodes, as labels of the service.
pub fn affinities(constraints: &Value, labels: &mut Map<String, Value>) {
    for constraint in constraints.as_array().into_iter().flatten() {
        let constraint = text(constraint);
        let (split, suffix) = if constraint.contains("!=") { ("!=", "_ne") } else { ("==", "") };
        let (label, wanted) = constraint.split_once(split).expect("a comparison");
        let label = label.trim().trim_start_matches("node.labels.");
        let key = format!("io.rancher.scheduler.affinity:host_label{suffix}");
        labels.insert(key, format!("{label}={}", wanted.trim()).into());
    }
}

/// How an upgrade goes.
pub fn upgrade(deploy: &Value) -> Map<String, Value> {
    let config = &deploy["update_config"];
    let mut upgrade = Map::new();
    if let Some(batch) = config.get("parallelism") {
        // 0 is all at once, and more than there can be.
        let batch = if number(batch) == 0 { 10_000 } else { number(batch) };
        upgrade.insert("batchSize".into(), batch.into());
    }
    if let Some(delay) = config.get("delay") {
        upgrade.insert("intervalMillis".into(), milliseconds(delay).into());
    }
    if let Some(order) = config["order"].as_str() {
        upgrade.insert("startFirst".into(), (order == "start-first").into());
    }
    upgrade
}

pub fn health(
    path: &str,
    value: &Value,
    launch: &mut Map<String, Value>,
    without_effect: &mut Vec<String>,
) {
    for (key, setting) in object(value) {
        let (field, is) = match key.as_str() {
            "test" => ("healthCmd", json!(texts(setting))),
            "interval" => ("healthInterval", seconds(setting).into()),
            "timeout" => ("healthTimeout", seconds(setting).into()),
            "retries" => ("healthRetries", number(setting).into()),
            "disable" => ("healthCmd", json!(["NONE"])),
            _ => {
                without_effect.push(format!("services.{path}.{key}"));
                continue;
            }
        };
        launch.insert(field.into(), is);
    }
}

pub fn pull_policy(
    path: &str,
    value: &Value,
    labels: &mut Map<String, Value>,
    without_effect: &mut Vec<String>,
) {
    match text(value).as_str() {
        "always" => drop(labels.insert("io.rancher.container.pull_image".into(), "always".into())),
        "missing" | "if_not_present" | "build" => {}
        _ => without_effect.push(format!("services.{path}")),
    }
}

/// Secrets or configs in the container.
pub fn mounted(kind: &str, under: &str, service: &Value) -> Vec<Value> {
    let files = service[format!("{kind}s")].as_array().into_iter().flatten();
    let one = |file: &Value| {
        let source = text(&file["source"]);
        let target = file["target"].as_str().unwrap_or(&source).to_owned();
        let target = if target.starts_with('/') { target } else { format!("{under}{target}") };
        let mode = file.get("mode").map(|mode| match mode.as_str() {
            Some(digits) => format!("{:0>4}", digits.trim_start_matches("0o")),
            None => format!("{:04o}", number(mode)),
        });
        json!([kind, source, target, file["uid"], file["gid"], mode])
    };
    files.map(one).collect()
}
