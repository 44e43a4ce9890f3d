//! Stacks of every kind of service, made through the API from a seed.

use serde_json::{Map, Value, json};

use super::dice::Dice;
use crate::api::site::Client;

/// Fields of a launch configuration with values that they take.
#[rustfmt::skip]
const LAUNCH: &[(&str, &[&str])] = &[
    ("blkioDeviceOptions", &[r#"{"/dev/sda": {"readBps": 100, "weight": 20}, "/dev/sdb": {"writeIops": 7}}"#]),
    ("blkioWeight", &["300"]),
    ("capAdd", &[r#"["NET_ADMIN", "SYS_TIME"]"#]),
    ("capDrop", &[r#"["ALL"]"#, r#"["CHOWN", "KILL"]"#]),
    ("cgroupParent", &[r#""/custom""#]),
    ("command", &[r#"["sh", "-c", "echo \"$HOME\" # no: ${X}"]"#, r#"["true", "22:22", "", " a ", "x: y"]"#]),
    ("cpuPeriod", &["50000"]),
    ("cpuQuota", &["25000"]),
    ("cpuSet", &[r#""0-1""#, r#""0""#]),
    ("cpuShares", &["512"]),
    ("devices", &[r#"["/dev/null:/dev/nothing:r"]"#]),
    ("dns", &[r#"["9.9.9.9", "1.1.1.1"]"#]),
    ("dnsOpt", &[r#"["ndots:2"]"#]),
    ("dnsSearch", &[r#"["example.org"]"#]),
    ("domainName", &[r#""example.org""#]),
    ("entryPoint", &[r#"["/bin/app", "--flag"]"#]),
    ("environment", &[r#"{"A": "1", "PASSWORD": "pa$$word$", "EMPTY": "", "MULTI": "one\ntwo\n", "ODD": "- x\ty"}"#, r#"{"YES": "yes", "NULL": "null", "N": "0644"}"#]),
    ("expose", &[r#"["8000", "9000/udp"]"#]),
    ("extraHosts", &[r#"["db:10.0.0.1", "six:2001:db8::1"]"#]),
    ("groupAdd", &[r#"["audio", "44"]"#]),
    ("healthCheck", &[r#"{"port": 80, "interval": 2000, "responseTimeout": 2000, "healthyThreshold": 2, "unhealthyThreshold": 3, "requestLine": "GET \"/\" \"HTTP/1.0\"", "strategy": "none"}"#,
        r#"{"port": 81, "interval": 1000, "responseTimeout": 500, "healthyThreshold": 1, "unhealthyThreshold": 2, "initializingTimeout": 60000, "reinitializingTimeout": 61000, "strategy": "recreateOnQuorum", "recreateOnQuorumStrategyConfig": {"quorum": 2}}"#]),
    ("healthCmd", &[r#"["CMD-SHELL", "curl -f http://localhost || exit 1"]"#, r#"["NONE"]"#, r#"["CMD", "true"]"#]),
    ("healthInterval", &["30"]),
    ("healthRetries", &["4"]),
    ("healthTimeout", &["90"]),
    ("hostname", &[r#""front""#]),
    ("ipcMode", &[r#""host""#, r#""private""#]),
    ("labels", &[r#"{"note": "it's", "io.rancher.container.pull_image": "always"}"#, r#"{"io.rancher.scheduler.affinity:host_label": "zone=east", "empty": ""}"#, r#"{"io.rancher.scheduler.global": "true"}"#]),
    ("logConfig", &[r#"{"driver": "json-file", "config": {"max-size": "1m"}}"#, r#"{"driver": "none"}"#]),
    ("memory", &["67108864"]),
    ("memoryReservation", &["33554432"]),
    ("memorySwap", &["134217728", "-1"]),
    ("memorySwappiness", &["30"]),
    ("milliCpuReservation", &["250"]),
    ("oomKillDisable", &["true"]),
    ("oomScoreAdj", &["-500", "100"]),
    ("pidMode", &[r#""host""#]),
    ("pidsLimit", &["100"]),
    ("privileged", &["true"]),
    ("readOnly", &["true"]),
    ("runInit", &["true"]),
    ("securityOpt", &[r#"["no-new-privileges:true", "label=disable"]"#]),
    ("shmSize", &["134217728"]),
    ("stdinOpen", &["true"]),
    ("stopSignal", &[r#""SIGINT""#]),
    ("stopTimeout", &["20", "90"]),
    ("storageOpt", &[r#"{"size": "1G"}"#]),
    ("sysctls", &[r#"{"net.ipv4.ip_forward": "1"}"#]),
    ("tmpfs", &[r#"{"/run": "", "/tmp": "size=1m,mode=1777"}"#]),
    ("tty", &["true"]),
    ("ulimits", &[r#"[{"name": "nofile", "soft": 1024, "hard": 2048}, {"name": "nproc", "soft": 5, "hard": 5}]"#]),
    ("user", &[r#""1000:1000""#, r#""nobody""#]),
    ("usernsMode", &[r#""host""#]),
    ("uts", &[r#""host""#]),
    ("workingDir", &[r#""/srv""#]),
];

/// Fields of a service besides its configurations.
#[rustfmt::skip]
const SERVICE: &[(&str, &[&str])] = &[
    ("metadata", &[r#"{"a": {"b": [1, "2", {"c": "d"}]}, "text": "x\ny", "price": "$5", "yes": true}"#]),
    ("retainIp", &["true"]),
    ("scale", &["0", "2", "3"]),
    ("scalePolicy", &[r#"{"min": 1, "max": 4, "increment": 2}"#]),
    ("selectorLink", &[r#""tier=back, !old""#]),
];

/// A stack while it is made.
pub struct Maker<'m> {
    pub owner: &'m Client,
    pub dice: Dice,
    pub stack: String,
    /// A service of another stack, and a secret of the environment.
    pub elsewhere: String,
    pub secret: String,
    made: Vec<String>,
}

pub async fn make(owner: &Client, path: &str, body: Value) -> String {
    let answer = owner.post(path, body.clone()).await;
    assert_eq!(answer.status, 201, "{path} {body}: {}", answer.text);
    answer.json()["id"].as_str().expect("an id").to_owned()
}

impl<'m> Maker<'m> {
    /// An empty stack, and what is around it. The secret `pass` is there.
    pub async fn new(owner: &'m Client, seed: u64, secret: &str) -> Self {
        let stack = make(owner, "/stacks", json!({"name": format!("stack{seed}")})).await;
        let other = make(owner, "/stacks", json!({"name": format!("base{seed}")})).await;
        let cache = json!({"name": "cache", "stackId": other, "launchConfig": {"imageUuid": "docker:redis"}});
        let elsewhere = make(owner, "/services", cache).await;
        let dice = Dice::new(seed);
        Maker { owner, dice, stack, elsewhere, secret: secret.to_owned(), made: Vec::new() }
    }

    /// Fills the stack.
    pub async fn fill(&mut self) {
        self.templates().await;
        for number in 0..3 + self.dice.below(3) {
            self.service(&format!("web{number}")).await;
        }
        if self.dice.chance(70) {
            self.balancer().await;
        }
        if self.dice.chance(60) {
            self.alias().await;
        }
        if self.dice.chance(60) {
            self.external().await;
        }
        if self.dice.chance(50) {
            self.selecting().await;
        }
    }

    async fn templates(&self) {
        let template = |name: &str, more: Value| {
            let mut body = json!({"name": name, "stackId": self.stack, "driver": "local"});
            body.as_object_mut().expect("object").extend(more.as_object().cloned().expect("more"));
            body
        };
        let plain = template("data", json!({"driverOpts": {"type": "tmpfs", "device": "tmpfs"}}));
        let own = template("each", json!({"perContainer": true}));
        let outside = template("outside", json!({"external": true}));
        for body in [plain, own, outside] {
            make(self.owner, "/volumetemplates", body).await;
        }
    }

    fn launch(&mut self) -> Map<String, Value> {
        let mut launch = self.dice.fields(LAUNCH, 30);
        let image = *self.dice.one(&["nginx:1.27", "docker:27", "reg.example.org:5000/team/app@sha256:0123456789012345678901234567890123456789012345678901234567890123"]);
        launch.insert("imageUuid".to_owned(), format!("docker:{image}").into());
        let mode = *self.dice.one(&["managed", "managed", "bridge", "host", "none"]);
        launch.insert("networkMode".to_owned(), mode.into());
        if matches!(mode, "managed" | "bridge") && self.dice.chance(40) {
            let ports = json!(["8080:80/tcp", "53:53/udp", "127.0.0.1:9000:90/tcp", "7000/tcp"]);
            launch.insert("ports".to_owned(), ports);
        }
        if self.dice.chance(50) {
            let all = [
                "data:/data",
                "each:/each:ro",
                "outside:/o",
                "/host:/host:ro",
                "/anonymous",
                "undeclared:/u",
            ];
            let some: Vec<&str> = all.into_iter().filter(|_| self.dice.chance(60)).collect();
            launch.insert("dataVolumes".to_owned(), json!(some));
        }
        if self.dice.chance(30) {
            let long = json!({"secretId": self.secret, "name": "key", "uid": "5", "gid": "6", "mode": "0440"});
            let short = json!({ "secretId": self.secret });
            launch.insert("secrets".to_owned(), json!([self.dice.one(&[long, short])]));
        }
        // Units that keep their address or run everywhere exclude some of the rest.
        if launch.get("cpuPeriod").is_none() {
            launch.shift_remove("cpuQuota");
        }
        launch
    }

    async fn service(&mut self, name: &str) {
        let mut body = self.dice.fields(SERVICE, 35);
        let launch = self.launch();
        let mut sidekicks = Vec::new();
        for number in 0..self.dice.below(3) {
            let mut sidekick = self.launch();
            let own = format!("{name}-side{number}");
            sidekick.insert("name".to_owned(), own.into());
            if self.dice.chance(40) {
                sidekick.insert("networkMode".to_owned(), "container".into());
                sidekick.insert("networkLaunchConfig".to_owned(), name.into());
                sidekick.shift_remove("ports");
                for taken in ["hostname", "domainName", "dns", "dnsOpt", "dnsSearch", "extraHosts"]
                {
                    sidekick.shift_remove(taken);
                }
            }
            if self.dice.chance(40) {
                sidekick.insert("dataVolumesFromLaunchConfigs".to_owned(), json!([name]));
            }
            if let Some(Value::Object(labels)) = sidekick.get_mut("labels") {
                labels.shift_remove("io.rancher.scheduler.global");
            }
            sidekicks.push(Value::Object(sidekick));
        }
        body.insert("launchConfig".to_owned(), launch.into());
        body.insert("secondaryLaunchConfigs".to_owned(), sidekicks.into());
        // Links that somebody chose and links that a selector makes exclude each other.
        let selects = body.contains_key("selectorLink");
        let id = self.make("/services", name, body).await;
        if !selects {
            self.link(&id, "services").await;
        }
        self.made.push(id);
    }

    async fn make(&mut self, path: &str, name: &str, mut body: Map<String, Value>) -> String {
        body.insert("name".to_owned(), name.into());
        body.insert("startOnCreate".to_owned(), true.into());
        body.insert("stackId".to_owned(), self.stack.as_str().into());
        if is_global(&body) {
            body.shift_remove("scale");
            body.shift_remove("scalePolicy");
        }
        make(self.owner, path, body.into()).await
    }

    /// Links to services before this one, and to another stack's.
    async fn link(&mut self, id: &str, plural: &str) {
        let mut links = Vec::new();
        if let Some(target) = self.made.first().filter(|_| self.dice.chance(60)) {
            links.push(json!({"serviceId": target, "name": "first"}));
        }
        if let Some(target) = self.made.last().filter(|_| self.made.len() > 1) {
            links.push(json!({"serviceId": target, "name": "last.example.org"}));
        }
        if self.dice.chance(40) {
            links.push(json!({"serviceId": self.elsewhere, "name": "cache"}));
        }
        let path = format!("/{plural}/{id}?action=setservicelinks");
        self.owner.post(&path, json!({ "serviceLinks": links })).await.ok(200);
    }

    async fn balancer(&mut self) {
        let first = self.made.first().cloned().expect("a service");
        let rules = json!([
            {"serviceId": first, "protocol": "http", "sourcePort": 80, "targetPort": 8000, "hostname": "*.example.org", "path": "/a", "priority": 2},
            {"serviceId": self.elsewhere, "protocol": "tcp", "sourcePort": 81, "targetPort": 6379, "backendName": "cache", "weight": 5},
            {"selector": "tier=back", "protocol": "http", "sourcePort": 82},
        ]);
        let mut config = json!({ "portRules": rules });
        if self.dice.chance(50) {
            config["config"] = "global\n    maxconn 100\n".into();
        }
        if self.dice.chance(50) {
            config["stickinessPolicy"] =
                json!({"name": "sticky", "cookie": "C", "indirect": true, "mode": "insert"});
        }
        let launch = json!({"imageUuid": "docker:rancher/lb-service-haproxy:v0.9.1", "ports": ["80:80/tcp", "81:81/tcp", "82:82/tcp"]});
        let mut body = self.dice.fields(&SERVICE[..1], 50);
        body.insert("launchConfig".to_owned(), launch);
        body.insert("lbConfig".to_owned(), config);
        body.insert("scale".to_owned(), json!(2));
        self.make("/loadbalancerservices", "lb", body).await;
    }

    async fn alias(&mut self) {
        let id = self.make("/dnsservices", "alias", Map::new()).await;
        self.link(&id, "dnsservices").await;
    }

    async fn external(&mut self) {
        let body = if self.dice.chance(50) {
            json!({"externalIpAddresses": ["10.0.0.1", "10.0.0.2"], "healthCheck": {"port": 80, "interval": 2000, "responseTimeout": 2000, "healthyThreshold": 2, "unhealthyThreshold": 3}})
        } else {
            json!({"hostname": "db.example.org"})
        };
        self.make("/externalservices", "outside", body.as_object().cloned().expect("object")).await;
    }

    async fn selecting(&mut self) {
        let body = json!({"selectorContainer": "role=worker", "launchConfig": {"imageUuid": "docker:rancher/none"}});
        self.make("/services", "chosen", body.as_object().cloned().expect("object")).await;
    }
}

/// Whether a service's label asks for one of it on every host.
pub fn is_global(service: &Map<String, Value>) -> bool {
    let label = &service.get("launchConfig").unwrap_or(&Value::Null)["labels"];
    label["io.rancher.scheduler.global"] == "true"
}
