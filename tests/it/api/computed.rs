//! Types whose rows are worked out: what they show of a running server, how they are found, and what
//! they can be made to do.

use std::sync::Arc;
use std::time::Duration;

use ranchette::auth::seed;
use ranchette::clock::{Clock, Entropy};
use ranchette::engine::sim::SimFleet;
use ranchette::process::tasks;
use ranchette::server::core::Core;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::site::{Client, Site};

/// Longest a test waits for what ought to happen: a failure, not a pace.
const DEADLINE: Duration = Duration::from_secs(60);

/// A server that runs, with simulated hosts in the first environment.
struct Farm {
    site: Site,
    core: Core,
    admin: Client,
    owner: Client,
}

impl Farm {
    async fn start(hosts: usize) -> Self {
        let folder = TempDir::new().expect("temporary folder");
        let path = folder.path().join("db");
        let limits = crate::world::limits();
        let mut core = Core::open(&path, Clock::System, Entropy::System, limits).expect("a core");
        let ((site, code), _) = Site::over(&core, folder).await;
        site.claim(&code).await;
        core.site.tasks.add(tasks::tasks());
        core.start();
        let fleet = SimFleet::new(7, Clock::System);
        for number in 1..=hosts {
            let name = format!("host{number}");
            let engine = Arc::new(fleet.host(&name));
            let address = format!("sim://{name}");
            core.add_host(seed::DEFAULT_PROJECT, &address, &name, engine, 60_000)
                .await
                .expect("a host");
        }
        let (admin, owner) = (site.admin().await, site.owner().await);
        let farm = Self { site, core, admin, owner };
        farm.until("hosts are active", |farm| async move {
            let active = farm.owner.get("/hosts?state=active").await.ok(200);
            active["data"].as_array().map_or(0, Vec::len) == hosts
        })
        .await;
        farm
    }

    /// Waits until something holds, looking again after each change.
    async fn until<'a, F>(&'a self, what: &str, holds: impl Fn(&'a Self) -> F)
    where
        F: Future<Output = bool>,
    {
        let mut changes = self.site.store.feed().listen();
        let wait = async {
            while !holds(self).await {
                // Not everything is announced: look again before long in any case.
                let _ = tokio::time::timeout(Duration::from_millis(50), changes.recv()).await;
            }
        };
        assert!(tokio::time::timeout(DEADLINE, wait).await.is_ok(), "{what}");
    }

    async fn stop(self) {
        self.core.shut_down().await;
    }
}

/// The resources of a list.
async fn list(client: &Client, path: &str) -> Vec<Value> {
    let mut found = client.get(path).await.ok(200);
    let Value::Array(rows) = found["data"].take() else { panic!("{path}: {found}") };
    rows
}

/// The one resource of a list.
async fn only(client: &Client, path: &str) -> Value {
    let mut rows = list(client, path).await;
    assert_eq!(rows.len(), 1, "{path}: {rows:?}");
    rows.remove(0)
}

#[actix_web::test]
async fn a_job_is_run_by_action_and_its_run_recorded() {
    let farm = Farm::start(0).await;
    let task = only(&farm.admin, "/tasks?name=purge.resources").await;
    let url = task["actions"]["execute"].as_str().expect("the action").to_owned();
    let answer = farm.admin.post(&url, json!({})).await.ok(200);
    assert_eq!(answer["id"], task["id"]);
    let runs = format!("/tasks/{}/taskInstances", task["id"].as_str().expect("id"));
    farm.until("the run has ended", |farm| {
        let runs = runs.clone();
        async move {
            list(&farm.admin, &runs).await.first().is_some_and(|run| !run["endTime"].is_null())
        }
    })
    .await;
    let run = only(&farm.admin, &runs).await;
    assert_eq!(run["name"], "purge.resources");
    assert_eq!(run["taskId"], task["id"]);
    assert_eq!(run["exception"], Value::Null);
    assert!(run["serverId"].as_str().is_some_and(|id| id.len() == 36), "{run}");
    let own = run["links"]["self"].as_str().expect("self");
    assert_eq!(farm.admin.get(own).await.ok(200)["startTime"], run["startTime"]);
    let back = run["links"]["task"].as_str().expect("a link");
    assert_eq!(farm.admin.get(back).await.ok(200)["name"], "purge.resources");
    let sorted = list(&farm.admin, "/tasks?sort=name&order=desc&limit=2").await;
    assert_eq!(sorted[0]["name"], "service.versions.images");
    assert_eq!(farm.owner.get("/tasks").await.status, 404);
    farm.stop().await;
}

/// The superadmin, who is shown what nobody else is.
async fn superadmin(farm: &Farm) -> Client {
    let key = farm.site.superadmin().await;
    Client { basic: Some(key), ..farm.site.nobody() }
}

/// The names of the resources of a list, sorted.
async fn names(client: &Client, path: &str, field: &str) -> Vec<String> {
    let rows = list(client, path).await;
    let mut names: Vec<String> =
        rows.iter().map(|row| row[field].as_str().unwrap_or("-").to_owned()).collect();
    names.sort();
    names
}

#[actix_web::test]
async fn the_server_shows_its_database_its_node_and_its_workers() {
    let farm = Farm::start(1).await;
    let admin = &farm.admin;
    let ran = list(admin, "/databasechangelogs?sort=orderexecuted&order=desc").await;
    assert_eq!(ran.last().expect("one")["filename"], "V1__resources.sql");
    assert_eq!(ran.last().expect("one")["exectype"], "EXECUTED");
    assert!(!ran[0]["dateexecuted"].is_null(), "{}", ran[0]);
    let own = ran[0]["links"]["self"].as_str().expect("self");
    assert_eq!(admin.get(own).await.ok(200)["md5sum"], ran[0]["md5sum"]);
    let lock = only(admin, "/databasechangeloglocks").await;
    let holder = format!("(process {})", std::process::id());
    assert!(lock["lockedby"].as_str().is_some_and(|by| by.ends_with(&holder)), "{lock}");
    assert_eq!(lock["locked"], true);

    let member = only(admin, "/clusterMemberships").await;
    assert_eq!(
        (&member["clustered"], member["uuid"].as_str().map(str::len)),
        (&json!(false), Some(36))
    );

    let pools = names(admin, "/processPools", "name").await;
    assert_eq!(pools, ["engine.host1", "process"]);
    let pool = admin.get("/processPools/1pp!process").await.ok(200);
    assert_eq!(pool["poolSize"], 64);
    assert!(pool["completedTasks"].as_i64().is_some_and(|done| done > 0), "{pool}");
    let host = only(&farm.owner, "/hosts").await;
    assert_eq!(admin.get("/processSummary").await.status, 200, "{host}");

    let points = names(admin, "/extensionPoints", "name").await;
    assert!(points.contains(&"scheduler.filters".to_owned()), "{points:?}");
    let filters = admin.get("/extensionPoints/1ep!scheduler.filters").await.ok(200);
    let first = &filters["implementations"][0];
    assert_eq!(
        (&first["name"], &first["type"]),
        (&json!("collocation"), &json!("extensionImplementation"))
    );
    let definition = admin.get("/resourceDefinitions/1rd!service").await.ok(200);
    assert_eq!(definition["name"], "service");
    let facts = list(&superadmin(&farm).await, "/datas").await;
    let server = facts.iter().find(|fact| fact["name"] == "server.uuid").expect("the fact");
    assert_eq!(server["value"], member["uuid"]);
    assert!(facts.iter().all(|fact| fact["visible"] == true || fact["value"].is_null()));
    farm.stop().await;
}

#[actix_web::test]
async fn the_one_node_gives_out_its_database_and_a_script_for_a_second_start() {
    let farm = Farm::start(0).await;
    let admin = &farm.admin;
    let config = only(admin, "/haConfigs").await;
    assert_eq!((&config["clusterSize"], &config["enabled"]), (&json!(1), &json!(false)));
    let enabled = admin.put("/haConfigs/haConfig", json!({"enabled": true})).await;
    assert_eq!(
        enabled.fault(),
        "422 InvalidOption enabled: this server is one node with a database of its own; it cannot \
         form a cluster"
    );
    admin.put("/haConfigs/haConfig", json!({"enabled": false})).await.ok(200);

    let action = config["actions"]["createscript"].as_str().expect("the action");
    let missing = admin.post(action, json!({})).await;
    assert!(missing.fault().starts_with("422 MissingRequired hostRegistrationUrl"));
    let hostile = json!({"hostRegistrationUrl": "https://x\"\nEND\nreboot"});
    assert!(admin.post(action, hostile).await.fault().starts_with("422 InvalidFormat"));
    let wanted = json!({"hostRegistrationUrl": "http://127.0.0.1:8080/", "httpPort": 8080});
    let script = admin.post(action, wanted).await;
    assert_eq!((script.status, script.header("content-type")), (200, "text/x-shellscript"));

    let link = config["links"]["dbdump"].as_str().expect("the link");
    let request = admin.request("GET", link).send().await.expect("an answer");
    assert_eq!(request.headers()["content-disposition"], "attachment; filename=\"ranchette.db\"");
    let dump = request.bytes().await.expect("bytes");
    let folder = TempDir::new().expect("folder");
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("copy.db"), &dump).expect("written");
    std::fs::write(path("setup.sh"), &script.text).expect("written");
    let done = std::process::Command::new("sh")
        .arg(path("setup.sh"))
        .arg(path("copy.db"))
        .env("RANCHETTE", env!("CARGO_BIN_EXE_ranchette"))
        .env("CONFIG", path("etc/config.toml"))
        .env("DATA_DIR", path("data"))
        .env("SETUP_ONLY", "1")
        .output()
        .expect("sh runs");
    assert!(done.status.success(), "{done:?}");
    let told = String::from_utf8_lossy(&done.stdout);
    assert!(told.contains("0.0.0.0:8080"), "{told}");
    // The second start knows the same server.
    let database = path("data").join("ranchette.db");
    let store = ranchette::store::Store::open(&database, Clock::System, Entropy::System);
    let uuid = store.expect("a store").read(|read| read.fact("server.uuid")).expect("read");
    assert_eq!(json!(uuid), only(admin, "/clusterMemberships").await["uuid"]);

    let (person, id) = farm.site.person("ann").await;
    assert_eq!(person.get(link).await.status, 404, "{id}");
    farm.stop().await;
}

#[actix_web::test]
async fn what_other_rows_say_is_listed_filtered_and_linked() {
    let farm = Farm::start(2).await;
    let owner = &farm.owner;
    let host = &list(owner, "/hosts?sort=hostname").await[0];
    let (host_id, url) = (host["id"].clone(), host["links"]["self"].as_str().expect("self"));
    owner.put(url, json!({"labels": {"disk": "ssd", "zone": "a"}})).await.ok(200);
    let stack = owner.post("/stacks", json!({"name": "blog"})).await.ok(201);
    let service = json!({
        "name": "web",
        "stackId": stack["id"],
        "scale": 2,
        "startOnCreate": true,
        "launchConfig": {
            "imageUuid": "docker:nginx",
            "labels": {"tier": "front", "io.rancher.scheduler.affinity:host_label": "disk=ssd"},
        },
    });
    let service = owner.post("/services", service).await.ok(201);
    let running = "/containers?state=running";
    farm.until("both run", |farm| async move { list(&farm.owner, running).await.len() == 2 }).await;

    let disk = only(owner, "/labels?key=disk").await;
    assert_eq!((&disk["value"], &disk["state"]), (&json!("ssd"), &json!("created")));
    let hosts = disk["links"]["hosts"].as_str().expect("a link");
    assert_eq!(only(owner, hosts).await["id"], host_id);
    let front = only(owner, "/labels?key=tier&value_prefix=fr").await;
    let instances = front["links"]["instances"].as_str().expect("a link");
    assert_eq!(list(owner, instances).await.len(), 2);
    let labels = list(owner, &format!("{url}/hostlabels")).await;
    assert!(labels.iter().any(|label| label["id"] == disk["id"]), "{labels:?}");
    let own = disk["links"]["self"].as_str().expect("self");
    assert_eq!(owner.get(own).await.ok(200)["key"], "disk");
    let keys = names(owner, "/labels?sort=key&order=desc&limit=1", "key").await;
    assert_eq!(keys, ["zone"]);
    // What is gone from the host is gone from the labels.
    owner.put(url, json!({"labels": {"disk": "ssd"}})).await.ok(200);
    assert_eq!(list(owner, "/labels?key=zone").await.len(), 0);

    let root = superadmin(&farm).await;
    let maps = list(&root, &format!("/instanceHostMaps?hostId={}", text(&host_id))).await;
    assert_eq!(maps.len(), 2, "{maps:?}");
    let of_host = maps[0]["links"]["host"].as_str().expect("a link");
    assert_eq!(root.get(of_host).await.ok(200)["id"], host_id);
    let of_instance =
        root.get(maps[0]["links"]["instance"].as_str().expect("a link")).await.ok(200);
    assert_eq!(of_instance["name"].as_str().map(|name| &name[..9]), Some("blog-web-"));
    let pool = only(&root, &format!("/storagePoolHostMaps?hostId={}", text(&host_id))).await;
    let pools = list(&root, &format!("/hosts/{}/storagePools", text(&host_id))).await;
    assert_eq!(pools.iter().map(|pool| &pool["id"]).collect::<Vec<_>>(), [&pool["storagePoolId"]]);
    let path = format!("/serviceIndexes?serviceId={}", text(&service["id"]));
    assert_eq!(names(&root, &path, "serviceIndex").await, ["1", "2"]);
    let index = &list(&root, "/serviceIndexes?serviceIndex=2").await[0];
    let of_index = only(&root, index["links"]["instances"].as_str().expect("a link")).await;
    assert_eq!(of_index["name"], "blog-web-2");
    let units = list(&root, &format!("/services/{}/deploymentUnits", text(&service["id"]))).await;
    assert_eq!(units.len(), 2);
    assert_eq!(list(&root, "/clusterHostMaps").await.len(), 0);
    let included = root.get("/labels?key=disk&include=hosts").await.ok(200);
    assert_eq!(included["data"][0]["hosts"][0]["id"], host_id);
    farm.stop().await;
}

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

#[actix_web::test]
async fn links_that_are_worked_out_lead_somewhere() {
    let farm = Farm::start(1).await;
    let owner = &farm.owner;
    let stack = owner.post("/stacks", json!({"name": "blog"})).await.ok(201);
    let launch = json!({"imageUuid": "docker:nginx"});
    let service = json!({
        "name": "web", "stackId": stack["id"], "startOnCreate": true, "launchConfig": launch,
    });
    owner.post("/services", service).await.ok(201);

    let url = text(&stack["links"]["composeConfig"]).to_owned();
    let answer = owner.request("GET", &url).send().await.expect("an answer");
    assert_eq!(answer.headers()["content-disposition"], "attachment; filename=\"compose.zip\"");
    let bytes = answer.bytes().await.expect("bytes");
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).expect("an archive");
    let mut found = String::new();
    let mut file = archive.by_name("docker-compose.yml").expect("the file");
    std::io::Read::read_to_string(&mut file, &mut found).expect("text");
    assert!(found.contains("image: nginx"), "{found}");
    drop(file);
    assert!(archive.by_name("rancher-compose.yml").is_ok());

    let running = "/containers?state=running";
    farm.until("it runs", |farm| async move { list(&farm.owner, running).await.len() == 1 }).await;
    let container = only(owner, running).await;
    let host = only(owner, "/hosts").await;
    for (of, link) in [
        (&container, "stats"),
        (&container, "containerStats"),
        (&host, "stats"),
        (&host, "hostStats"),
        (&host, "containerStats"),
    ] {
        let access = owner.get(text(&of["links"][link])).await.ok(200);
        let socket = format!("{}?token={}", text(&access["url"]), text(&access["token"]));
        let (mut socket, _) = tokio_tungstenite::connect_async(socket).await.expect(link);
        let frame = futures_util::StreamExt::next(&mut socket).await.expect(link).expect(link);
        assert!(frame.is_text(), "{link}: {frame:?}");
    }

    let log = list(&farm.admin, "/auditLogs?eventType=api.stack.create").await;
    let entry = log.first().expect("an entry");
    let about = farm.admin.get(text(&entry["links"]["authenticatedAsIdentity"])).await.ok(200);
    assert_eq!((&about["login"], &about["externalIdType"]), (&json!("root"), &json!("rancher_id")));
    let log = owner.get("/auditLogs?resourceType=stack").await.ok(200);
    let of = text(&log["data"][0]["links"]["resource"]).to_owned();
    assert_eq!(owner.get(&of).await.ok(200)["name"], "blog");
    farm.stop().await;
}

#[actix_web::test]
async fn generated_configuration_shows_what_is_wanted_and_what_is_there() {
    let farm = Farm::start(1).await;
    let (owner, admin) = (&farm.owner, &farm.admin);
    let items = names(admin, "/configItems", "name").await;
    assert_eq!(items, ["haproxy"], "no engine here lets us answer names");
    let stack = owner.post("/stacks", json!({"name": "blog"})).await.ok(201);
    let launch = json!({"imageUuid": "docker:nginx"});
    let web = json!({
        "name": "web", "stackId": stack["id"], "startOnCreate": true, "launchConfig": launch,
    });
    let web = owner.post("/services", web).await.ok(201);
    let balancer = json!({
        "name": "front",
        "stackId": stack["id"],
        "startOnCreate": true,
        "launchConfig": {"imageUuid": "docker:haproxy", "ports": ["8088:80"]},
        "lbConfig": {"portRules": [
            {"protocol": "http", "sourcePort": 80, "targetPort": 80, "serviceId": web["id"]},
        ]},
    });
    let balancer = owner.post("/loadBalancerServices", balancer).await.ok(201);
    let path = "/configItemStatuses?name=haproxy";
    let settled = |status: &Value| {
        status["appliedVersion"] == status["requestedVersion"]
            && !status["appliedUpdated"].is_null()
    };
    farm.until("the balancer has its configuration", |farm| async move {
        list(&farm.admin, path).await.first().is_some_and(settled)
    })
    .await;
    let status = only(admin, path).await;
    let root = superadmin(&farm).await;
    let full = root.get(&format!("/configItemStatuses/{}", text(&status["id"]))).await.ok(200);
    assert_eq!(full["serviceId"], balancer["id"]);
    let service = format!("/services/{}/configItemStatuses", text(&balancer["id"]));
    assert_eq!(only(&root, &service).await["id"], status["id"]);
    // What it balances may move meanwhile, and the balancer after it.
    let same = |content: &Value| content["current"] == content["version"];
    let root = &root;
    farm.until("the agent's view says the same", |_| async move {
        list(root, "/configContent").await.first().is_some_and(same)
    })
    .await;
    farm.stop().await;
}

#[actix_web::test]
async fn lines_that_haproxy_refuses_are_not_stored() {
    let farm = Farm::start(1).await;
    let owner = &farm.owner;
    let stack = owner.post("/stacks", json!({"name": "blog"})).await.ok(201);
    let balancer = |name: &str, config: &str| {
        json!({
            "name": name, "stackId": stack["id"], "startOnCreate": true,
            "launchConfig": {"imageUuid": "docker:haproxy", "ports": ["8088:80"]},
            "lbConfig": {"portRules": [], "config": config},
        })
    };
    // No host has the image yet, so nothing can read the lines: they are taken.
    let wrong = "global\nno-such-word\n";
    let early = owner.post("/loadBalancerServices", balancer("early", wrong)).await.ok(201);
    let path = format!("/loadBalancerServices/{}", text(&early["id"]));
    farm.until("the image is there", |farm| async move {
        let rows = farm.owner.get("/containers?state=running").await.ok(200);
        rows["data"].as_array().is_some_and(|rows| rows.len() == 1)
    })
    .await;
    let refusal = "422 InvalidFormat lbConfig: HAProxy refuses the configuration: [ALERT] : parsing \
                   [/ranchette/haproxy.cfg:6] : unknown keyword 'no-such-word'";
    let made = owner.post("/loadBalancerServices", balancer("late", wrong)).await;
    assert_eq!(made.fault(), refusal);
    let change = |config: &str| json!({"lbConfig": {"portRules": [], "config": config}});
    owner.put(&path, change("global\nmaxconn 9\n")).await.ok(200);
    assert_eq!(owner.put(&path, change(wrong)).await.fault(), refusal);
    let kept = owner.get(&path).await.ok(200);
    assert_eq!(kept["lbConfig"]["config"], "global\nmaxconn 9\n");
    let rules = json!([{ "sourcePort": 53, "protocol": "udp", "selector": "a=b" }]);
    let udp = owner.put(&path, json!({ "lbConfig": { "portRules": rules } })).await;
    assert_eq!(
        udp.fault(),
        "422 InvalidOption protocol: port rule 1 has the protocol udp, which HAProxy does not carry; \
         publish the port at the service"
    );
    // What has nothing to do with the lines is not held up by them.
    owner.put(&path, json!({"description": "the front door"})).await.ok(200);
    farm.stop().await;
}

/// A compose file with a balancer whose own lines are these.
fn balanced(lines: &str) -> String {
    format!(
        "services:
  web: {{ image: nginx }}
  front:
    image: haproxy
    lb_config:
      config: |
        global
        {lines}
      port_rules:
      - {{ source_port: 80, target_port: 80, service: web }}
"
    )
}

#[actix_web::test]
async fn files_with_lines_that_haproxy_refuses_change_nothing() {
    let farm = Farm::start(1).await;
    let owner = &farm.owner;
    let (right, wrong) = (balanced("maxconn 9"), balanced("no-such-word"));
    // No host has the image yet, so nothing can read the lines: they are taken.
    let early = json!({"name": "early", "dockerCompose": wrong, "dryRun": true});
    owner.post("/stackplans", early).await.ok(200);
    let blog = |text: &str| json!({"name": "blog", "dockerCompose": text});
    owner.post("/stackplans", blog(&right)).await.ok(200);
    owner
        .post("/stacks", json!({"name": "shop", "dockerCompose": right, "startOnCreate": true}))
        .await
        .ok(201);
    farm.until("the balancers run", |farm| async move {
        let rows = farm.owner.get("/services?state=active").await.ok(200);
        rows["data"].as_array().is_some_and(|rows| rows.len() == 4)
    })
    .await;
    let lines = async || {
        let rows = list(owner, "/loadBalancerServices").await;
        let mut lines: Vec<Value> =
            rows.iter().map(|row| row["lbConfig"]["config"].clone()).collect();
        lines.sort_by_key(Value::to_string);
        lines
    };
    let before = (lines().await, names(owner, "/stacks", "name").await);

    let refusal = "422 InvalidComposeFile dockerCompose: compose.yaml:0: error: services.front.lb_config: HAProxy \
                   refuses the configuration: [ALERT] : parsing [/ranchette/haproxy.cfg:6] : unknown keyword \
                   'no-such-word'";
    let mut tried = blog(&wrong);
    tried["dryRun"] = true.into();
    let planned = owner.post("/stackplans", tried.clone()).await;
    assert_eq!(planned.fault(), refusal);
    tried["contents"] = true.into();
    let contents = owner.post("/stackplans", tried).await.ok(422);
    assert_eq!(contents["after"], Value::Null);
    assert_eq!(owner.post("/stackplans", blog(&wrong)).await.fault(), refusal);
    let late = json!({"name": "late", "dockerCompose": wrong});
    assert_eq!(owner.post("/stackplans", late.clone()).await.fault(), refusal);
    assert_eq!(owner.post("/stacks", late).await.fault(), refusal);
    let shop = only(owner, "/stacks?name=shop").await;
    let upgrade = format!("/stacks/{}?action=upgrade", text(&shop["id"]));
    assert_eq!(owner.post(&upgrade, json!({"dockerCompose": wrong})).await.fault(), refusal);
    let rancher = "services: { front: { lb_config: { config: \"global\\nno-such-word\\n\" } } }";
    let both = json!({"dockerCompose": right, "rancherCompose": rancher});
    assert!(owner.post(&upgrade, both).await.fault().contains("'no-such-word'"));
    assert_eq!((lines().await, names(owner, "/stacks", "name").await), before);
    assert_eq!(only(owner, "/stacks?name=shop").await["state"], "active");

    // What has nothing to do with the lines is not held up by them.
    let other = right.replace("nginx", "nginx:2");
    owner.post("/stackplans", blog(&other)).await.ok(200);
    owner.post(&upgrade, json!({"dockerCompose": balanced("maxconn 7")})).await.ok(202);
    farm.until("the upgrade is applied", |farm| async move {
        let rows = farm.owner.get("/loadBalancerServices").await.ok(200);
        rows["data"].to_string().contains("maxconn 7")
    })
    .await;
    farm.stop().await;
}
