//! What a launch configuration cannot say of a container: another one that is made from it would be without.
//! Each is the end of a sentence that begins with "a new container". Pure.

use serde_json::{Map, Value};

use super::seen::{is_made_up, list, number, object, text};

/// What Docker runs containers with unless it is asked for something else.
const RUNTIMES: &[&str] = &["runc", "io.containerd.runc.v2"];

/// That its health is asked for at once; what its image says of that is the next container's, too.
pub const NO_GRACE: &str = "would be checked from its start, without a period of grace";

/// Lists and maps of an inspection's `HostConfig` that have no field.
const UNTOLD: &[(&str, &str)] = &[
    ("Annotations", "would not have its annotations for the runtime"),
    ("DeviceCgroupRules", "would not have its rules for devices"),
    ("Links", "would not have its links of Docker's bridge"),
];

/// What is lost, by Docker's answer to an inspection.
pub fn lost(inspected: &Map<String, Value>) -> Vec<String> {
    let none = Map::new();
    let host = object(inspected, "HostConfig").unwrap_or(&none);
    let mut lost = Vec::new();
    for request in list(host, "DeviceRequests").filter_map(Value::as_object) {
        lost.push(format!("would not have {}", devices(request)));
    }
    let has = |key: &str| match host.get(key) {
        Some(Value::Array(items)) => !items.is_empty(),
        Some(Value::Object(items)) => !items.is_empty(),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) | None => false,
    };
    lost.extend(UNTOLD.iter().filter(|row| has(row.0)).map(|row| row.1.to_owned()));
    if let Some(runtime) = text(host, "Runtime").filter(|name| !RUNTIMES.contains(name)) {
        lost.push(format!("would not run with `{runtime}`, but with Docker's own runtime"));
    }
    let check = object(inspected, "Config").and_then(|config| object(config, "Healthcheck"));
    if check.is_some_and(|check| number(check, "StartPeriod").is_some()) {
        lost.push(NO_GRACE.to_owned());
    }
    for mount in list(host, "Mounts").filter_map(Value::as_object) {
        lost.extend(mounted(mount));
    }
    for mount in list(inspected, "Mounts").filter_map(Value::as_object) {
        let made_up = text(mount, "Name").is_some_and(is_made_up);
        if let Some(target) = text(mount, "Destination").filter(|_| made_up) {
            lost.push(format!("would begin with an empty volume at `{target}`, which has no name"));
        }
    }
    lost.dedup();
    lost
}

/// Devices that are asked for by what they can do.
fn devices(request: &Map<String, Value>) -> String {
    let words = list(request, "Capabilities").filter_map(Value::as_array).flatten();
    let is_gpu = words.filter_map(Value::as_str).any(|word| word == "gpu");
    let driver = text(request, "Driver");
    let of = driver.map(|driver| format!(" of driver `{driver}`")).unwrap_or_default();
    format!("its {}{of}", if is_gpu { "GPUs" } else { "devices" })
}

/// What a mount says that `source:target:mode` does not.
fn mounted(mount: &Map<String, Value>) -> Option<String> {
    let target = text(mount, "Target")?;
    let options = |key: &str| object(mount, key);
    let part = options("VolumeOptions").and_then(|of| text(of, "Subpath"));
    if let Some(part) = part {
        return Some(format!("would see all of the volume at `{target}`, not only `{part}`"));
    }
    let flat = options("BindOptions").and_then(|of| of.get("NonRecursive"));
    (flat == Some(&Value::Bool(true)))
        .then(|| format!("would also see what is mounted below `{target}`"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(inspected: Value, expected: &[&str]) {
        assert_eq!(lost(inspected.as_object().expect("an object")), expected, "{inspected}");
    }

    #[test]
    fn each_says_what_is_missing() {
        let host = |host: Value| json!({ "HostConfig": host });
        let gpu = json!({ "Driver": "", "Count": -1, "Capabilities": [["gpu", "utility"]] });
        check(host(json!({ "DeviceRequests": [gpu] })), &["would not have its GPUs"]);
        check(
            host(json!({ "DeviceRequests": [{ "Driver": "cdi", "DeviceIDs": ["x.com/y=z"] }] })),
            &["would not have its devices of driver `cdi`"],
        );
        check(
            host(json!({ "DeviceCgroupRules": ["c 1:3 rwm"], "Links": null, "Annotations": {} })),
            &["would not have its rules for devices"],
        );
        check(
            host(json!({ "Runtime": "nvidia" })),
            &["would not run with `nvidia`, but with Docker's own runtime"],
        );
        check(
            host(json!({ "Mounts": [
                { "Type": "volume", "Target": "/a", "VolumeOptions": { "Subpath": "part" } },
                { "Type": "bind", "Target": "/b", "BindOptions": { "NonRecursive": true } },
                { "Type": "bind", "Target": "/c", "BindOptions": { "Propagation": "rslave" } },
            ] })),
            &[
                "would see all of the volume at `/a`, not only `part`",
                "would also see what is mounted below `/b`",
            ],
        );
        check(
            json!({ "Config": { "Healthcheck": { "Test": ["CMD", "x"], "StartPeriod": 5 } } }),
            &[NO_GRACE],
        );
        check(
            json!({ "Mounts": [
                { "Type": "volume", "Name": "a".repeat(64), "Destination": "/data" },
                { "Type": "volume", "Name": "data", "Destination": "/named" },
            ] }),
            &["would begin with an empty volume at `/data`, which has no name"],
        );
    }

    #[test]
    fn what_docker_fills_in_is_no_loss() {
        check(
            json!({
                "Config": { "Healthcheck": { "Test": ["CMD", "x"], "StartPeriod": 0 } },
                "HostConfig": {
                    "Runtime": "runc", "DeviceRequests": null, "DeviceCgroupRules": null,
                    "Mounts": [{ "Type": "volume", "Source": "data", "Target": "/data", "VolumeOptions": {} }],
                },
            }),
            &[],
        );
    }
}
