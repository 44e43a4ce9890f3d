//! Limits with a form of their own: CPUs, ulimits and block devices.

use serde_json::{Map, Value as Json, json};

use super::super::node::{Value, View};
use super::{Draft, Reader};

/// Microseconds over which a share of CPU time is measured; Docker's own choice for `cpus`.
const CPU_PERIOD_US: i64 = 100_000;

/// `cpus`: a number of CPUs as quota and period.
pub(super) fn cpus(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    let Some(cpus) = reader.context.decimal(view) else { return };
    if cpus > 100_000.0 {
        reader.context.error(view, format!("{cpus} CPUs are more than any host has"));
        return;
    }
    // 0 is "no limit".
    if cpus > 0.0 {
        draft.set("cpuPeriod", CPU_PERIOD_US);
        draft.set("cpuQuota", (cpus * CPU_PERIOD_US as f64).round() as i64);
    }
}

/// `ulimits`: one number, or `soft` and `hard`.
pub(super) fn ulimits(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    let context = reader.context;
    if !context.is_map(view) {
        return;
    }
    let mut limits = Vec::new();
    for (name, value) in view.entries() {
        let number = |view: &View<'_>| context.integer(view, -1, i64::MAX);
        let limit = match value.node.value {
            Value::Map(_) => {
                context.known(&value, &["hard", "soft"]);
                match (value.get("soft"), value.get("hard")) {
                    (Some(soft), Some(hard)) => number(&soft).zip(number(&hard)),
                    _ => {
                        context.error(&value, "needs both `soft` and `hard`");
                        None
                    }
                }
            }
            Value::Null | Value::Scalar(_) | Value::List(_) => number(&value).map(|n| (n, n)),
        };
        if let Some((soft, hard)) = limit {
            limits.push(json!({"name": name, "soft": soft, "hard": hard}));
        }
    }
    draft.set("ulimits", limits);
}

/// `blkio_config`: weight and limits of devices.
pub(super) fn blkio_config(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    const KEYS: &[&str] = &[
        "device_read_bps",
        "device_read_iops",
        "device_write_bps",
        "device_write_iops",
        "weight",
        "weight_device",
    ];
    for (key, value) in reader.context.known(view, KEYS) {
        match key {
            "weight" => {
                if let Some(weight) = reader.context.integer(&value, 0, 1000) {
                    draft.set("blkioWeight", weight);
                }
            }
            "weight_device" => device_list(reader, &value, "weight", "weight", draft),
            "device_read_bps" => device_list(reader, &value, "rate", "readBps", draft),
            "device_read_iops" => device_list(reader, &value, "rate", "readIops", draft),
            "device_write_bps" => device_list(reader, &value, "rate", "writeBps", draft),
            _ => device_list(reader, &value, "rate", "writeIops", draft),
        }
    }
}

/// A list of `{path, rate}`.
fn device_list(
    reader: &Reader<'_, '_>,
    view: &View<'_>,
    key: &str,
    field: &str,
    draft: &mut Draft,
) {
    let context = reader.context;
    for item in context.list_items(view) {
        context.known(&item, &["path", key]);
        let path = item.get("path").and_then(|path| context.word(&path));
        match (path, item.get(key)) {
            (Some(path), Some(value)) => device(reader, &path, &value, field, draft),
            _ => context.error(&item, format!("needs `path` and `{key}`")),
        }
    }
}

fn device(reader: &Reader<'_, '_>, path: &str, view: &View<'_>, field: &str, draft: &mut Draft) {
    let value = match field {
        "readBps" | "writeBps" => reader.context.bytes(view),
        "weight" => reader.context.integer(view, 0, 1000),
        _ => reader.context.integer(view, 0, i64::MAX),
    };
    let Some(value) = value else { return };
    let devices = draft.launch.entry("blkioDeviceOptions").or_insert_with(|| json!({}));
    if let Json::Object(devices) = devices {
        let device = devices.entry(path).or_insert_with(|| Json::Object(Map::new()));
        if let Json::Object(device) = device {
            device.insert(field.to_owned(), Json::from(value));
        }
    }
}

/// Version 2 keys: a mapping of device to value.
fn device_map(reader: &Reader<'_, '_>, view: &View<'_>, field: &str, draft: &mut Draft) {
    if reader.context.is_map(view) {
        for (path, value) in view.entries() {
            device(reader, path, &value, field, draft);
        }
    }
}

pub(super) fn device_read_bps(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    device_map(reader, view, "readBps", draft);
}

pub(super) fn device_read_iops(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    device_map(reader, view, "readIops", draft);
}

pub(super) fn device_write_bps(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    device_map(reader, view, "writeBps", draft);
}

pub(super) fn device_write_iops(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    device_map(reader, view, "writeIops", draft);
}

/// `blkio_weight_device` of version 2: `path:weight`.
pub(super) fn blkio_weight_device(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    for (text, item) in reader.context.text_views(view) {
        match text.split_once(':').map(|(path, weight)| (path, weight.parse::<u16>())) {
            Some((path, Ok(weight))) if weight <= 1000 => {
                let devices = draft.launch.entry("blkioDeviceOptions").or_insert_with(|| json!({}));
                if let Json::Object(devices) = devices {
                    let device = devices.entry(path).or_insert_with(|| json!({}));
                    if let Json::Object(device) = device {
                        device.insert("weight".to_owned(), Json::from(weight));
                    }
                }
            }
            _ => reader.context.error(&item, format!("`{text}` must be `path:weight`")),
        }
    }
}
