//! What a project has to be, read from what `docker compose config` says of it: a reading of its own, made
//! for this test, of the same file after Docker Compose did all that can be done in different ways.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::keys::{deploy, health, mounted, networks, other, pull_policy, restart, upgrade};
use super::values::{self, exposed, number, object, pairs, seconds, text, texts};
use super::{Case, ROOT, places};

pub struct Expected {
    /// Launch configurations by service, sidekicks among them.
    pub containers: BTreeMap<String, Map<String, Value>>,
    /// What services say besides.
    pub services: BTreeMap<String, Value>,
    pub declared: Value,
    /// Dotted keys that have no effect and have to be named in a message.
    pub without_effect: Vec<String>,
}

/// Keys of a service that have no effect here.
const WITHOUT_EFFECT: &[&str] = &[
    "annotations",
    "attach",
    "cgroup",
    "credential_spec",
    "develop",
    "device_cgroup_rules",
    "gpus",
    "mac_address",
    "models",
    "platform",
    "post_start",
    "pre_stop",
    "provider",
    "runtime",
    "use_api_socket",
];

/// Keys of which everything is said elsewhere: in other keys, or in nothing that runs.
const ELSEWHERE: &[&str] =
    &["labels", "env_file", "label_file", "profiles", "image", "build", "extends"];

/// How a value is read.
type Reader = fn(&Value) -> Value;

/// Texts, flags, numbers and lists that only change their names.
const SAME: &[(&str, &str, Reader)] = &[
    ("blkio_weight", "blkioWeight", |v| number(v).into()),
    ("cap_add", "capAdd", |v| texts(v).into()),
    ("cap_drop", "capDrop", |v| texts(v).into()),
    ("cgroup_parent", "cgroupParent", |v| text(v).into()),
    ("command", "command", |v| texts(v).into()),
    ("cpu_count", "cpuCount", |v| number(v).into()),
    ("cpu_percent", "cpuPercent", |v| number(v).into()),
    ("cpu_period", "cpuPeriod", |v| number(v).into()),
    ("cpu_quota", "cpuQuota", |v| number(v).into()),
    ("cpu_rt_period", "cpuRealtimePeriod", |v| number(v).into()),
    ("cpu_rt_runtime", "cpuRealtimeRuntime", |v| number(v).into()),
    ("cpu_shares", "cpuShares", |v| number(v).into()),
    ("cpuset", "cpuSet", |v| text(v).into()),
    ("dns", "dns", |v| texts(v).into()),
    ("dns_opt", "dnsOpt", |v| texts(v).into()),
    ("dns_search", "dnsSearch", |v| texts(v).into()),
    ("domainname", "domainName", |v| text(v).into()),
    ("entrypoint", "entryPoint", |v| texts(v).into()),
    ("environment", "environment", |v| pairs(v).into()),
    ("expose", "expose", |v| exposed(v).into()),
    ("group_add", "groupAdd", |v| texts(v).into()),
    ("hostname", "hostname", |v| text(v).into()),
    ("init", "runInit", Clone::clone),
    ("ipc", "ipcMode", |v| text(v).into()),
    ("isolation", "isolation", |v| text(v).into()),
    ("mem_limit", "memory", |v| number(v).into()),
    ("mem_reservation", "memoryReservation", |v| number(v).into()),
    ("mem_swappiness", "memorySwappiness", |v| number(v).into()),
    ("memswap_limit", "memorySwap", |v| number(v).into()),
    ("oom_kill_disable", "oomKillDisable", Clone::clone),
    ("oom_score_adj", "oomScoreAdj", |v| number(v).into()),
    ("pid", "pidMode", |v| text(v).into()),
    ("pids_limit", "pidsLimit", |v| number(v).into()),
    ("privileged", "privileged", Clone::clone),
    ("read_only", "readOnly", Clone::clone),
    ("security_opt", "securityOpt", |v| texts(v).into()),
    ("shm_size", "shmSize", |v| number(v).into()),
    ("stdin_open", "stdinOpen", Clone::clone),
    ("stop_grace_period", "stopTimeout", |v| seconds(v).into()),
    ("stop_signal", "stopSignal", |v| text(v).into()),
    ("storage_opt", "storageOpt", |v| pairs(v).into()),
    ("sysctls", "sysctls", |v| pairs(v).into()),
    ("tty", "tty", Clone::clone),
    ("ulimits", "ulimits", values::ulimits),
    ("user", "user", |v| text(v).into()),
    ("userns_mode", "usernsMode", |v| text(v).into()),
    ("uts", "uts", |v| text(v).into()),
    ("working_dir", "workingDir", |v| text(v).into()),
];

/// Rancher's names have no underscores.
fn renamed(name: &str) -> String {
    name.replace('_', "-")
}

/// Everything that is expected.
pub fn project(case: &Case, golden: &Value) -> Expected {
    let services = object(&golden["services"]);
    let reading = Reading { case, golden, services };
    let mut expected = Expected {
        containers: BTreeMap::new(),
        services: BTreeMap::new(),
        declared: reading.declared(),
        without_effect: Vec::new(),
    };
    for (name, service) in services {
        let launch = reading.launch(name, service, &mut expected.without_effect);
        expected.containers.insert(renamed(name), places::sorted(&launch));
    }
    for name in services.keys().filter(|name| reading.root(name) == **name) {
        expected.services.insert(renamed(name), reading.service(name));
    }
    reading.untaken(&mut expected.without_effect);
    expected
}

struct Reading<'c> {
    case: &'c Case,
    golden: &'c Value,
    services: &'c Map<String, Value>,
}

impl Reading<'_> {
    /// Whose network or volumes a service uses.
    fn lenders(service: &Value) -> (Option<String>, Vec<String>) {
        let network = service["network_mode"].as_str().unwrap_or_default();
        let network = network.strip_prefix("service:").map(str::to_owned);
        let volumes = service["volumes_from"].as_array().into_iter().flatten();
        let name = |value: &Value| text(value).split(':').next().unwrap_or_default().to_owned();
        (network, volumes.map(name).collect())
    }

    /// The service whose containers a service's run beside.
    fn root(&self, name: &str) -> String {
        if let Some(owner) = self.services.keys().find(|owner| self.names_sidekick(owner, name)) {
            return self.root(owner);
        }
        let (network, volumes) = Self::lenders(&self.services[name]);
        let mut lenders = network.into_iter().chain(volumes);
        match lenders.find(|lender| !self.names_sidekick(name, lender)) {
            Some(lender) => self.root(&lender),
            None => name.to_owned(),
        }
    }

    /// Whether a service's label calls another its sidekick.
    fn names_sidekick(&self, owner: &str, sidekick: &str) -> bool {
        let named = self.services[owner]["labels"]["io.rancher.sidekicks"].as_str();
        named.is_some_and(|named| named.split(',').any(|name| name.trim() == sidekick))
    }

    fn launch(
        &self,
        name: &str,
        service: &Value,
        without_effect: &mut Vec<String>,
    ) -> Map<String, Value> {
        let mut launch = Map::new();
        let mut labels = service.get("labels").map(pairs).unwrap_or_default();
        let mut aliases = BTreeSet::new();
        let mut once = false;
        let image = match service["image"].as_str() {
            Some(image) => image.to_owned(),
            None => format!("{}-{}", self.case.name, renamed(name)),
        };
        launch.insert("imageUuid".into(), format!("docker:{image}").into());
        for (key, value) in object(service).iter().filter(|(_, value)| !value.is_null()) {
            let path = format!("{name}.{key}");
            if let Some((_, field, read)) = SAME.iter().find(|row| row.0 == key) {
                launch.insert((*field).into(), read(value));
                continue;
            }
            match key.as_str() {
                "container_name" => drop(aliases.insert(text(value))),
                "networks" => aliases.extend(networks(&path, value, without_effect)),
                "restart" => once |= restart(value, &mut launch),
                "deploy" => {
                    let more = deploy(&path, value, &mut launch, &mut labels, without_effect);
                    match (more, service.get("restart").is_some()) {
                        (Some(_), true) => {
                            without_effect.push(format!("services.{path}.restart_policy"));
                        }
                        (Some(policy), false) => {
                            once |= policy["name"] != "always";
                            launch.insert("restartPolicy".into(), policy);
                        }
                        (None, _) => {}
                    }
                }
                "healthcheck" => health(&path, value, &mut launch, without_effect),
                "pull_policy" => pull_policy(&path, value, &mut labels, without_effect),
                "volumes" => self.volumes(value, &mut launch),
                _ if other(key, value, &mut launch) => {}
                _ if WITHOUT_EFFECT.contains(&key.as_str()) => {
                    without_effect.push(format!("services.{path}"));
                }
                _ if is_of_the_service(key) => {}
                _ => panic!("{}: nothing is expected of {path}: {value}", self.case.name),
            }
        }
        self.network(name, service, &mut launch, without_effect);
        if once || self.is_awaited(name) {
            labels.insert("io.rancher.container.start_once".into(), "true".into());
        }
        if renamed(name) != name {
            aliases.insert(name.to_owned());
        }
        aliases.remove(&renamed(name));
        launch.insert("labels".into(), labels.into());
        launch.insert("netAlias".into(), json!(aliases));
        launch
    }

    /// Whether somebody waits for the service to end.
    fn is_awaited(&self, name: &str) -> bool {
        self.services
            .values()
            .any(|other| other["depends_on"][name]["condition"] == "service_completed_successfully")
    }

    fn network(
        &self,
        name: &str,
        service: &Value,
        launch: &mut Map<String, Value>,
        without_effect: &mut Vec<String>,
    ) {
        let (network, volumes) = Self::lenders(service);
        let mode = match (&network, service["network_mode"].as_str()) {
            (Some(lender), _) => {
                launch.insert("networkLaunchConfig".into(), renamed(lender).into());
                "container"
            }
            (None, Some(mode)) => mode,
            (None, None) => self.external_mode(service).unwrap_or("managed"),
        };
        launch.insert("networkMode".into(), mode.into());
        if mode != "managed" && mode != "bridge" && launch.shift_remove("ports").is_some() {
            without_effect.push(format!("services.{name}.ports"));
        }
        if !volumes.is_empty() {
            let volumes: Vec<String> = volumes.iter().map(|name| renamed(name)).collect();
            launch.insert("dataVolumesFromLaunchConfigs".into(), volumes.into());
        }
        if self.root(name) != name {
            launch.insert("name".into(), renamed(name).into());
        }
    }

    /// A network called `host` from outside is the host's.
    fn external_mode(&self, service: &Value) -> Option<&str> {
        let mut names = service["networks"].as_object()?.keys();
        let name = |key: &String| self.golden["networks"][key.as_str()]["name"].as_str();
        names.find_map(name).filter(|name| matches!(*name, "host" | "none"))
    }

    fn volumes(&self, value: &Value, launch: &mut Map<String, Value>) {
        let mut volumes = Vec::new();
        let mut mounts = Map::new();
        for mount in value.as_array().expect("a list") {
            let target = text(&mount["target"]);
            let mut options = Vec::new();
            if mount["read_only"] == true {
                options.push("ro".to_owned());
            }
            let texts = [&mount["bind"]["propagation"], &mount["bind"]["selinux"]];
            options.extend(texts.iter().filter_map(|value| value.as_str()).map(str::to_owned));
            if mount["volume"]["nocopy"] == true {
                options.push("nocopy".to_owned());
            }
            if let Some(size) = mount["tmpfs"].get("size") {
                options.push(format!("size={}", text(size)));
            }
            if let Some(mode) = mount["tmpfs"].get("mode") {
                options.push(format!("mode={:o}", number(mode)));
            }
            options.sort_unstable();
            let options = options.join(",");
            let suffix = if options.is_empty() { String::new() } else { format!(":{options}") };
            match (text(&mount["type"]).as_str(), mount["source"].as_str()) {
                ("tmpfs", _) => drop(mounts.insert(target, options.into())),
                ("volume", None) => volumes.push(target),
                ("volume", Some(key)) => {
                    volumes.push(format!("{}:{target}{suffix}", self.volume_name(key)));
                }
                // A slash at the end says nothing.
                ("bind", Some(source)) => {
                    let source = if source == "/" { source } else { source.trim_end_matches('/') };
                    volumes.push(format!("{source}:{target}{suffix}"));
                }
                other => panic!("{other:?} is mounted"),
            }
        }
        launch.insert("dataVolumes".into(), volumes.into());
        if !mounts.is_empty() {
            let all = launch.entry("tmpfs").or_insert_with(|| json!({}));
            all.as_object_mut().expect("an object").extend(mounts);
        }
    }

    /// Volumes belong to the stack, and have its name only in Docker Compose's answer.
    fn volume_name(&self, key: &str) -> String {
        let name = text(&self.golden["volumes"][key]["name"]);
        if name == format!("{}_{key}", text(&self.golden["name"])) { key.to_owned() } else { name }
    }

    /// What a service says besides its containers, with what its sidekicks say.
    fn service(&self, root: &str) -> Value {
        let mut depends = BTreeMap::new();
        let mut links = BTreeMap::new();
        let mut builds = BTreeMap::new();
        let mut files = Vec::new();
        let mut global = false;
        for (name, service) in self.services.iter().filter(|(name, _)| self.root(name) == root) {
            for (other, need) in service["depends_on"].as_object().into_iter().flatten() {
                let inside = self.services.contains_key(other) && self.root(other) == root;
                let known = self.services.contains_key(other);
                if known && !inside && !self.is_implied(service, other) {
                    depends.insert(renamed(&self.root(other)), text(&need["condition"]));
                }
            }
            for key in ["links", "external_links"] {
                for link in service[key].as_array().into_iter().flatten() {
                    let link = text(link);
                    let (target, alias) = link.split_once(':').unwrap_or((&link, &link));
                    let alias = alias.rsplit('/').next().unwrap_or(alias);
                    links.insert(alias.to_owned(), renamed(target));
                }
            }
            if let Some(build) = service.get("build") {
                builds.insert(renamed(name), self.build(build));
            }
            files.extend(mounted("secret", "/run/secrets/", service));
            files.extend(mounted("config", "/", service));
            global |= service["deploy"]["mode"] == "global";
        }
        files.sort_by_key(ToString::to_string);
        let service = &self.services[root];
        let scale = service.get("scale").or_else(|| service["deploy"].get("replicas"));
        json!({
            "scale": scale.map(number), "global": global, "depends": depends, "links": links,
            "builds": builds, "files": files, "upgrade": upgrade(&service["deploy"]),
        })
    }

    /// Whether Docker Compose adds a dependency that no file names.
    fn is_implied(&self, service: &Value, other: &str) -> bool {
        let (network, volumes) = Self::lenders(service);
        let link = |link: &Value| text(link).split(':').next() == Some(other);
        network.as_deref() == Some(other)
            || volumes.iter().any(|name| name == other)
            || service["links"].as_array().is_some_and(|links| links.iter().any(link))
                && service["depends_on"][other]["restart"] == true
    }

    fn build(&self, build: &Value) -> Value {
        let home = format!("{ROOT}/{}", self.case.name);
        let context = text(&build["context"]);
        let inline = build["dockerfile_inline"].as_str();
        let context = match context.strip_prefix(&home) {
            // Without a file to read there is no folder to send.
            Some("") if inline.is_some() => String::new(),
            Some(inside) => inside.trim_start_matches('/').to_owned(),
            None => context,
        };
        let hosts = build["extra_hosts"].as_array().into_iter().flatten();
        let list = |key: &str| build.get(key).map(texts).unwrap_or_default();
        let names = |key: &str| build.get(key).map(pairs).unwrap_or_default();
        let platform = build["platforms"].as_array().and_then(|all| all.first()).map(text);
        json!({
            "context": context,
            "dockerfile": build["dockerfile"].as_str().filter(|name| *name != "Dockerfile"),
            "inline": inline, "args": names("args"), "labels": names("labels"),
            "target": build["target"], "cache_from": list("cache_from"),
            "extra_hosts": hosts.map(|host| text(host).replacen('=', ":", 1)).collect::<Vec<_>>(),
            "shm_size": build.get("shm_size").map(number), "network": build["network"],
            "no_cache": build["no_cache"] == true, "pull": build["pull"] == true,
            "platform": platform, "tags": list("tags"),
        })
    }

    fn declared(&self) -> Value {
        let entries = |key: &str| self.golden[key].as_object().cloned().unwrap_or_default();
        let volumes: BTreeMap<String, Value> = entries("volumes")
            .into_iter()
            .map(|(key, volume)| {
                let names = |key: &str| volume.get(key).map(pairs).unwrap_or_default();
                let is = json!({
                    "name": self.volume_name(&key), "driver": volume["driver"],
                    "options": names("driver_opts"), "labels": names("labels"),
                    "external": volume["external"] == true,
                });
                (key, is)
            })
            .collect();
        let files = entries("secrets").into_iter().chain(entries("configs"));
        let files: BTreeMap<String, String> = files
            .map(|(key, file)| {
                let content = self.content(&file);
                (key, content)
            })
            .collect();
        let networks: BTreeMap<String, Value> = entries("networks")
            .into_iter()
            .filter(|(key, network)| key != "default" || network["external"] == true)
            .map(|(key, network)| {
                let is = json!({
                    "driver": network["driver"], "external": network["external"] == true,
                    "internal": network["internal"] == true,
                });
                (key, is)
            })
            .collect();
        json!({ "volumes": volumes, "files": files, "networks": networks })
    }

    /// What is in a secret or config.
    fn content(&self, file: &Value) -> String {
        if file["external"] == true {
            return format!("external {}", text(&file["name"]));
        }
        if let Some(content) = file["content"].as_str() {
            return content.to_owned();
        }
        if let Some(variable) = file["environment"].as_str() {
            let lines = String::from_utf8_lossy(self.case.files[".env"].as_slice()).into_owned();
            let value =
                lines.lines().find_map(|line| line.strip_prefix(variable)?.strip_prefix('='));
            return value.expect("a variable of .env").to_owned();
        }
        let path = text(&file["file"]);
        let inside = path.strip_prefix(&format!("{ROOT}/{}/", self.case.name)).expect("inside");
        String::from_utf8_lossy(&self.case.files[inside]).into_owned()
    }

    /// What networks ask for and do not get.
    fn untaken(&self, without_effect: &mut Vec<String>) {
        for (key, network) in self.golden["networks"].as_object().into_iter().flatten() {
            let ipam = network["ipam"].as_object().is_some_and(|ipam| !ipam.is_empty());
            if ipam {
                without_effect.push(format!("networks.{key}.ipam"));
            }
            for setting in ["enable_ipv6", "driver_opts"] {
                if network.get(setting).is_some() {
                    without_effect.push(format!("networks.{key}.{setting}"));
                }
            }
            if network["internal"] == true {
                without_effect.push(format!("networks.{key}"));
            }
        }
    }
}

/// Keys that say something of the service, not of its containers.
fn is_of_the_service(key: &str) -> bool {
    const KEYS: &[&str] = &[
        "configs",
        "depends_on",
        "external_links",
        "links",
        "network_mode",
        "scale",
        "secrets",
        "volumes_from",
    ];
    ELSEWHERE.contains(&key) || KEYS.contains(&key) || key.starts_with("x-")
}
