//! What an agent says of its hosts when it is pinged, and what of it is shown on a host: pure.

use serde_json::{Map, Value, json};

use crate::engine::EngineInfo;
use crate::model::resource::Resource;

const MB: u64 = 1 << 20;

/// An answer to a ping.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PingReport {
    /// The hosts that the agent speaks for.
    pub hosts: Vec<HostReport>,
}

/// One host.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HostReport {
    /// What the agent calls it, always the same.
    pub uuid: String,
    /// What the agent calls the machine.
    pub physical_uuid: Option<String>,
    /// Its name in the network.
    pub hostname: String,
    /// Where it can be reached.
    pub address: Option<String>,
    /// The fields of the host that follow from the machine: memory, processors, disk, information.
    pub fields: Map<String, Value>,
    /// Labels that say what the machine is; they replace those of the same name.
    pub labels: Map<String, Value>,
    /// Labels that the host begins with.
    pub create_labels: Map<String, Value>,
    /// Storage pools on it: (uuid, name).
    pub pools: Vec<(String, String)>,
}

impl HostReport {
    /// What an engine says of its machine.
    pub fn of_engine(info: &EngineInfo) -> Self {
        let mut fields = Map::new();
        fields.insert("memory".to_owned(), info.memory_bytes.into());
        fields.insert("milliCpu".to_owned(), (u64::from(info.cpus) * 1000).into());
        if let Some(disk) = info.disk {
            fields.insert("localStorageMb".to_owned(), (disk.total_bytes / MB).into());
        }
        fields.insert("info".to_owned(), facts(info));
        let labels = [
            ("io.rancher.host.docker_version", major_minor(&info.version)),
            ("io.rancher.host.linux_kernel_version", major_minor(&info.kernel)),
            ("io.rancher.host.os", "linux".to_owned()),
        ];
        Self {
            uuid: info.id.clone(),
            physical_uuid: Some(info.id.clone()),
            hostname: info.hostname.clone(),
            address: info.address.map(|address| address.to_string()),
            fields,
            labels: labels.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect(),
            ..Self::default()
        }
    }

    /// Shows it on the host's row.
    pub fn describe(&self, host: &mut Resource) {
        host.set("reportedUuid", self.uuid.as_str());
        host.set("hostname", self.hostname.as_str());
        for (field, value) in &self.fields {
            host.set(field, value.clone());
        }
        if let Some(address) = &self.address {
            host.set("agentIpAddress", address.as_str());
        }
        let mut labels = host.map("labels").cloned().unwrap_or_default();
        labels.extend(self.labels.clone());
        host.set("labels", labels);
    }
}

/// The fields of a reported host that are taken over as they are.
const TAKEN: &[&str] = &["apiProxy", "info", "localStorageMb", "memory", "milliCpu"];

impl PingReport {
    /// Reads the `data` of an agent's reply: `resources`, a list of objects that name each other by uuid.
    /// What is not understood is left out.
    pub fn of_reply(data: &Value) -> Self {
        let resources = data.get("resources").and_then(Value::as_array);
        let resources: Vec<&Value> = resources.into_iter().flatten().collect();
        let of = |ty: &'static str| {
            resources.iter().filter(move |found| text(found, "type") == Some(ty)).copied()
        };
        let hosts = of("host").filter_map(|found| {
            let uuid = text(found, "uuid")?;
            let here = |other: &&Value| match text(other, "hostUuid") {
                Some(host) => host == uuid,
                None => of("host").count() == 1,
            };
            Some(HostReport {
                uuid: uuid.to_owned(),
                physical_uuid: text(found, "physicalHostUuid")
                    .or_else(|| of("physicalHost").find_map(|machine| text(machine, "uuid")))
                    .map(str::to_owned),
                hostname: text(found, "hostname")
                    .or_else(|| text(found, "name"))
                    .unwrap_or(uuid)
                    .to_owned(),
                address: of("ipAddress")
                    .filter(here)
                    .find_map(|address| text(address, "address"))
                    .map(str::to_owned),
                fields: TAKEN
                    .iter()
                    .filter_map(|field| Some(((*field).to_owned(), found.get(*field)?.clone())))
                    .collect(),
                labels: labels(found.get("labels")),
                create_labels: labels(found.get("createLabels")),
                pools: of("storagePool")
                    .filter(here)
                    .filter_map(|pool| {
                        let uuid = text(pool, "uuid")?;
                        Some((uuid.to_owned(), text(pool, "name").unwrap_or(uuid).to_owned()))
                    })
                    .collect(),
            })
        });
        Self { hosts: hosts.collect() }
    }
}

fn text<'a>(value: &'a Value, field: &str) -> Option<&'a str> {
    value.get(field).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// Labels are texts, whatever the agent sends.
fn labels(value: Option<&Value>) -> Map<String, Value> {
    let text = |value: &Value| match value {
        Value::String(text) => Value::String(text.clone()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            Value::String(value.to_string())
        }
    };
    let found = value.and_then(Value::as_object).into_iter().flatten();
    found.map(|(key, value)| (key.clone(), text(value))).collect()
}

/// The `info` of a host, in Rancher's words; sizes in MB.
fn facts(info: &EngineInfo) -> Value {
    let disk = info.disk.unwrap_or_default();
    let used = disk.used_bytes.checked_mul(100).and_then(|used| used.checked_div(disk.total_bytes));
    json!({
        "osInfo": {
            "operatingSystem": info.os,
            "dockerVersion": format!("Docker version {}", info.version),
            "kernelVersion": info.kernel,
        },
        "cpuInfo": { "count": info.cpus, "modelName": info.architecture },
        "memoryInfo": { "memTotal": info.memory_bytes / MB },
        "diskInfo": {
            "dockerStorageDriver": info.storage_driver,
            "mountPoints": {
                &info.root_dir: {
                    "total": disk.total_bytes / MB,
                    "used": disk.used_bytes / MB,
                    "free": disk.total_bytes.saturating_sub(disk.used_bytes) / MB,
                    "percentage": used.unwrap_or(0),
                },
            },
        },
    })
}

/// `20.10.24+dfsg1` is `20.10`: what host affinity labels go by.
fn major_minor(version: &str) -> String {
    let mut parts = version.split(['.', '-', '+']);
    let major = parts.next().unwrap_or_default();
    let minor = parts.next().unwrap_or_default();
    format!("{major}.{minor}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::resource::NewResource;

    #[test]
    fn a_reply_names_hosts_and_what_is_on_them() {
        let report = PingReport::of_reply(&json!({"resources": [
            {"type": "physicalHost", "uuid": "p"},
            {"type": "host", "uuid": "h1", "hostname": "one", "physicalHostUuid": "p",
             "memory": 5, "labels": {"a": 1}, "createLabels": {"zone": "x"}, "state": "removed"},
            {"type": "host", "uuid": "h2"},
            {"type": "storagePool", "uuid": "s1", "hostUuid": "h1", "name": "pool"},
            {"type": "ipAddress", "uuid": "i", "hostUuid": "h1", "address": "10.0.0.1"},
            {"type": "instance", "uuid": "ignored"},
            {"type": "host", "hostname": "without a uuid"},
            7
        ]}));
        let [one, two] = report.hosts.as_slice() else { panic!("{report:?}") };
        assert_eq!((one.hostname.as_str(), two.hostname.as_str()), ("one", "h2"));
        assert_eq!(one.address.as_deref(), Some("10.0.0.1"));
        assert_eq!((two.address.as_deref(), two.pools.len()), (None, 0));
        assert_eq!(one.pools, [("s1".to_owned(), "pool".to_owned())]);
        assert_eq!(Value::from(one.fields.clone()), json!({"memory": 5}));
        assert_eq!(Value::from(one.labels.clone()), json!({"a": "1"}));
        assert_eq!(Value::from(one.create_labels.clone()), json!({"zone": "x"}));
        assert_eq!(PingReport::of_reply(&json!({"resources": "none"})), PingReport::default());
        assert_eq!(PingReport::of_reply(&Value::Null), PingReport::default());
    }

    #[test]
    fn a_machine_behind_an_address_is_shown_there_and_another_keeps_what_it_has() {
        let mut host: Resource = NewResource::new("host", String::new()).into();
        let there = EngineInfo { address: "192.0.2.7".parse().ok(), ..EngineInfo::default() };
        for info in [there, EngineInfo::default()] {
            HostReport::of_engine(&info).describe(&mut host);
            assert_eq!(host.str("agentIpAddress"), Some("192.0.2.7"));
        }
    }

    #[test]
    fn versions_for_labels() {
        for (version, expect) in [("20.10.24+dfsg1", "20.10"), ("6.1.0-13-amd64", "6.1")] {
            assert_eq!(major_minor(version), expect);
        }
    }
}
