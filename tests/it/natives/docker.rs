//! Compose projects on a real Docker Engine are taken over and given back: their containers are as Docker
//! Compose makes them, by labels.

use std::path::Path;

use crate::docker_support::docker;
use crate::ranch::{Container, Ranch, free_address, page_says, sleeper, until};

/// What a test has made outside of stacks; removed with this value.
struct Leftovers<'a> {
    ranch: &'a Ranch,
    project: String,
}

impl Drop for Leftovers<'_> {
    fn drop(&mut self) {
        let filter = format!("label=com.docker.compose.project={}", self.project);
        let ids = self.ranch.try_docker(&["ps", "-aq", "--filter", &filter]).stdout;
        for id in String::from_utf8_lossy(&ids).lines() {
            self.ranch.try_docker(&["rm", "-fv", id]);
        }
        // Those that took their place carry the stack's label, and would keep the volume.
        let filter = format!("label=io.rancher.stack.name={}", self.project);
        let ids = self.ranch.try_docker(&["ps", "-aq", "--filter", &filter]).stdout;
        for id in String::from_utf8_lossy(&ids).lines() {
            self.ranch.try_docker(&["rm", "-fv", id]);
        }
        self.ranch.try_docker(&["volume", "rm", "-f", &volume(&self.project)]);
        self.ranch.try_docker(&["network", "rm", &network(&self.project)]);
    }
}

fn network(project: &str) -> String {
    format!("{project}_default")
}

fn volume(project: &str) -> String {
    format!("{project}_data")
}

/// Runs a container as Docker Compose does; its id.
fn compose_runs(
    ranch: &Ranch,
    project: &str,
    service: &str,
    more: &[&str],
    last: &[&str],
) -> String {
    let name = format!("{project}-{service}-1");
    let network = network(project);
    let labels = [
        format!("com.docker.compose.project={project}"),
        format!("com.docker.compose.service={service}"),
        "com.docker.compose.container-number=1".to_owned(),
        "com.docker.compose.oneoff=False".to_owned(),
    ];
    let mut args = vec!["run", "-d", "--name", &name, "--network", &network];
    args.extend(["--network-alias", service, "--restart", "always", "--stop-signal", "SIGKILL"]);
    args.extend(labels.iter().flat_map(|label| ["--label", label.as_str()]));
    args.extend(more);
    args.extend(last);
    ranch.docker(&args)
}

/// Id, start and restarts of containers.
fn lives(ranch: &Ranch, ids: &[String]) -> Vec<String> {
    let format = "{{.Id}} {{.State.StartedAt}} {{.RestartCount}} {{.State.Running}}";
    let look = |id: &String| ranch.docker(&["inspect", "-f", format, id]);
    ids.iter().map(look).collect()
}

/// Waits until these containers are shown as somebody else's.
async fn native(ranch: &Ranch, ids: &[String]) {
    until("the containers are shown as native", async || {
        let all = ranch.list("containers?limit=1000").await;
        let is_it = |id: &&String| {
            all.iter().any(|one| {
                one["externalId"] == id.as_str()
                    && one["nativeContainer"] == true
                    && one["state"] == "running"
            })
        };
        let missing: Vec<&String> = ids.iter().filter(|id| !is_it(id)).collect();
        if missing.is_empty() { Ok(()) } else { Err(format!("{missing:?} are not in {all:?}")) }
    })
    .await;
}

/// Waits until a command in a container prints a text.
async fn prints(ranch: &Ranch, container: &str, command: &[&str], text: &str) {
    until("a command prints a text", async || match ranch.exec(container, command) {
        Some(said) if said == text => Ok(()),
        said => Err(format!("{container} {command:?}: {said:?}")),
    })
    .await;
}

/// The project's file: a page in a volume behind a port, and somebody who asks for it.
fn file(image: &str, port: u16, page: &str) -> String {
    format!(
        r#"services:
  web:
    image: {image}
    command: [sh, -c, "{}"]
    stop_signal: SIGKILL
    restart: always
    ports: ["127.0.0.1:{port}:80"]
    volumes: ["data:/data"]
  asker:
    image: {image}
    command: [sleep, "100000"]
    stop_signal: SIGKILL
    restart: always
volumes:
  data: {{}}
"#,
        serve(page)
    )
}

/// Keeps every page that was ever served in the volume.
fn serve(page: &str) -> String {
    format!(
        "echo {page} >> /data/kept && mkdir -p /www && echo {page} > /www/index.html && exec httpd -f -p 80 -h /www"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_project_on_docker_is_taken_over() {
    let docker = docker().await;
    let ranch = Ranch::new(&docker.endpoint, 22, &["taken", "others"]).showing_others();
    let project = ranch.stack(0).to_owned();
    let _leftovers = Leftovers { ranch: &ranch, project: project.clone() };
    let port = free_address().port();
    let path = ranch.file(&file(&docker.image, port, "first"));
    let ids = project_runs(&ranch, &project, &docker.image, port, &path);
    let server = ranch.start().await;
    ranch.active_host().await;
    native(&ranch, &ids).await;
    page_says(port, "first").await;
    let volumes = ranch.list("volumes?limit=1000").await;
    let is_its = |one: &&serde_json::Value| one["name"] == volume(&project).as_str();
    let data = volumes.iter().find(is_its).expect("the volume of the project");
    assert_eq!((&data["state"], &data["driver"]), (&"active".into(), &"local".into()), "{data}");
    assert_eq!(data["mounts"][0]["path"], "/data", "{data}");
    let before = lives(&ranch, &ids);

    let plan = ranch.ok(&["adopt"]).await;
    assert!(plan.contains(&format!("web: {project}-web-1; as its file says")), "{plan}");
    let said = ranch.ok(&["adopt", &project, "--yes"]).await;
    assert!(said.contains("no container was restarted"), "{said}");
    assert_eq!(lives(&ranch, &ids), before);
    page_says(port, "first").await;
    let said = ranch.ok(&["plan", "-f", &path, "-p", &project]).await;
    assert!(said.contains("is up to date"), "{said}");

    // Other stacks of the environment reach it by name.
    let folder = tempfile::TempDir::new().expect("temporary folder");
    let other = folder.path().join("compose.yaml");
    std::fs::write(&other, sleeper(&docker.image)).expect("compose file");
    let other = other.to_string_lossy().into_owned();
    ranch.ok(&["up", "-f", &other, "-p", ranch.stack(1)]).await;
    let app = ranch.containers(ranch.stack(1))[0].name.clone();
    let url = format!("http://web.{project}/");
    prints(&ranch, &app, &["wget", "-qO-", &url], "first").await;

    // What is made from now on is ordinary, and knows its neighbours.
    ranch.ok(&["scale", &format!("{project}/asker=2")]).await;
    let made: Vec<Container> = ranch.service(&project, "asker");
    assert_eq!(made.len(), 1, "{made:?}");
    prints(&ranch, &made[0].name, &["wget", "-qO-", "http://web/"], "first").await;
    assert_eq!(lives(&ranch, &ids), before);

    upgraded(&ranch, &project, &docker.image, port, &ids).await;
    let refused = ranch.run(&["adopt", "--undo", &project, "--yes"]).await;
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{words}");
    assert!(words.contains("service `web` was changed"), "{words}");

    ranch.ok(&["down", &project, "--yes"]).await;
    assert_eq!(ranch.containers(&project), []);
    let left = ranch.docker(&[
        "ps",
        "-aq",
        "--filter",
        &format!("label=com.docker.compose.project={project}"),
    ]);
    assert_eq!(left, "", "what a stack has goes with it");
    assert_eq!(
        ranch.docker(&["volume", "ls", "-q", "--filter", &format!("name={}", volume(&project))]),
        volume(&project)
    );
    server.shut_down().await;
}

/// Starts the project that a file describes.
fn project_runs(ranch: &Ranch, project: &str, image: &str, port: u16, path: &str) -> Vec<String> {
    ranch.docker(&["network", "create", &network(project)]);
    ranch.docker(&["volume", "create", &volume(project)]);
    let (mount, port) = (format!("{}:/data", volume(project)), format!("127.0.0.1:{port}:80"));
    let folder = Path::new(path).parent().expect("a folder").to_string_lossy().into_owned();
    let folder = format!("com.docker.compose.project.working_dir={folder}");
    let files = format!("com.docker.compose.project.config_files={path}");
    let labels = ["--label", &folder, "--label", &files];
    let mut more = labels.to_vec();
    more.extend(["-v", &mount, "-p", &port]);
    let serve = serve("first");
    let web = compose_runs(ranch, project, "web", &more, &[image, "sh", "-c", &serve]);
    let asker = compose_runs(ranch, project, "asker", &labels, &[image, "sleep", "100000"]);
    vec![web, asker]
}

/// A changed file replaces what it names, with the volume of before; neighbours of before find the new one.
async fn upgraded(ranch: &Ranch, project: &str, image: &str, port: u16, ids: &[String]) {
    let path = ranch.file(&file(image, port, "second"));
    ranch.ok(&["up", "-f", &path, "-p", project]).await;
    page_says(port, "second").await;
    let web = ranch.service(project, "web");
    assert_eq!(web.len(), 1, "{web:?}");
    assert_ne!(web[0].id, ids[0]);
    prints(ranch, &web[0].name, &["cat", "/data/kept"], "first\nsecond").await;
    // The asker of before asks on the project's own network. The scale of the file is one again.
    prints(ranch, &ids[1], &["wget", "-qO-", "http://web/"], "second").await;
}

/// The launch configuration of `db` is what Docker was asked for, and nothing that it fills in.
async fn is_what_was_asked_for(ranch: &Ranch) {
    let services = ranch.list("services").await;
    let launch =
        &services.iter().find(|one| one["name"] == "db").expect("the service")["launchConfig"];
    assert_eq!(launch["environment"], serde_json::json!({ "MODE": "fast" }), "not the image's own");
    assert_eq!(launch["labels"], serde_json::json!({ "tier": "back" }));
    assert_eq!(launch["command"], serde_json::json!(["sleep", "100000"]));
    assert_eq!(launch["memory"], 64 << 20);
    assert_eq!(launch["dataVolumes"], serde_json::json!(["/etc:/seen:ro,private"]));
    let absent = [
        "networkMode",
        "hostname",
        "workingDir",
        "logConfig",
        "shmSize",
        "memorySwap",
        "pidsLimit",
    ];
    for field in absent {
        assert!(launch[field].is_null(), "{field}: {}", launch[field]);
    }
}

/// A container that is made beside one of before has its mounts with their options, and goes again.
async fn another_is_like_it(ranch: &Ranch, project: &str) {
    ranch.ok(&["scale", &format!("{project}/db=2")]).await;
    let made = ranch.service(project, "db");
    assert_eq!(made.len(), 1, "{made:?}");
    let format =
        "{{range .Mounts}}{{.Destination}} {{.RW}} {{.Propagation}}\n{{end}}{{.HostConfig.Tmpfs}}";
    let said = ranch.docker(&["inspect", "-f", format, &made[0].id]);
    assert!(said.contains("/seen false private"), "{said}");
    assert!(said.contains("map[/quick:size=1048576,mode=1770]"), "{said}");
    ranch.ok(&["scale", &format!("{project}/db=1")]).await;
    until("the new container is gone", async || match ranch.service(project, "db").len() {
        0 => Ok(()),
        left => Err(format!("{left} are left")),
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_project_on_docker_is_given_back() {
    let docker = docker().await;
    let ranch = Ranch::new(&docker.endpoint, 23, &["lent"]).showing_others();
    let project = ranch.stack(0).to_owned();
    let _leftovers = Leftovers { ranch: &ranch, project: project.clone() };
    ranch.docker(&["network", "create", &network(&project)]);
    let last = [docker.image.as_str(), "sleep", "100000"];
    let mut more = vec!["-e", "MODE=fast", "--memory", "64m", "--label", "tier=back"];
    more.extend(["--mount", "type=bind,src=/etc,dst=/seen,ro,bind-propagation=private"]);
    more.extend(["--mount", "type=tmpfs,dst=/quick,tmpfs-size=1048576,tmpfs-mode=1770"]);
    more.extend(["--device-cgroup-rule", "c 1:3 rwm"]);
    let ids = vec![compose_runs(&ranch, &project, "db", &more, &last)];
    let server = ranch.start().await;
    ranch.active_host().await;
    native(&ranch, &ids).await;
    let before = lives(&ranch, &ids);
    let networks =
        || ranch.docker(&["inspect", "-f", "{{len .NetworkSettings.Networks}}", &ids[0]]);
    assert_eq!(networks(), "1");

    let said = ranch.ok(&["adopt", &project, "--yes"]).await;
    assert!(said.contains("a new container would not have its rules for devices"), "{said}");
    assert_eq!(lives(&ranch, &ids), before);
    assert_eq!(networks(), "2");
    is_what_was_asked_for(&ranch).await;
    another_is_like_it(&ranch, &project).await;
    assert_eq!(lives(&ranch, &ids), before);

    // The next server gives it back.
    server.shut_down().await;
    let server = ranch.start().await;
    ranch.active_host().await;
    let said = ranch.ok(&["adopt", "--undo", &project, "--yes"]).await;
    assert!(said.contains("its containers run on"), "{said}");
    native(&ranch, &ids).await;
    assert_eq!(lives(&ranch, &ids), before);
    until("the container has left the network", async || match networks().as_str() {
        "1" => Ok(()),
        other => Err(format!("it is on {other}")),
    })
    .await;
    let stacks = ranch.list("stacks").await;
    assert!(stacks.iter().all(|stack| stack["name"] != project.as_str()), "{stacks:?}");

    // A person may also do with it what they like.
    let all = ranch.list("containers?limit=1000").await;
    let row = all.iter().find(|one| one["externalId"] == ids[0].as_str()).expect("the container");
    let path = format!("containers/{}", row["id"].as_str().expect("an id"));
    ranch.send(reqwest::Method::DELETE, &path, &serde_json::json!({})).await;
    until("the container is gone from Docker", async || {
        let found = ranch.try_docker(&["inspect", &ids[0]]);
        if found.status.success() { Err("it is still there".to_owned()) } else { Ok(()) }
    })
    .await;
    server.shut_down().await;
}
