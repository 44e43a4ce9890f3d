//! A stack's life on a real Docker Engine, from `up` to `down`, and what happens to it behind our back.

use crate::docker_support::docker;
use crate::ranch::{Container, Ranch, free_address, page_says, until};

const STACK: &str = "io.rancher.stack.name";
const STACK_SERVICE: &str = "io.rancher.stack_service.name";
const UNIT: &str = "io.rancher.service.deployment.unit";
const LAUNCH: &str = "io.rancher.service.launch.config";

/// Three services: a page behind a published port, three workers, one with a volume.
fn compose(image: &str, port: u16, page: &str) -> String {
    format!(
        r#"services:
  web:
    image: {image}
    command: [sh, -c, "echo {page} > /www/index.html && exec httpd -f -p 80 -h /www"]
    stop_signal: SIGKILL
    ports: ["127.0.0.1:{port}:80"]
    depends_on: [keeper]
  worker:
    image: {image}
    command: [sleep, "100000"]
    stop_signal: SIGKILL
    deploy: {{ replicas: 3 }}
  keeper:
    image: {image}
    command: [sh, -c, "echo kept >> /data/kept && exec sleep 100000"]
    stop_signal: SIGKILL
    volumes: ["data:/data"]
volumes:
  data: {{}}
"#
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_stack_lives_on_docker() {
    let docker = docker().await;
    let ranch = Ranch::new(&docker.endpoint, 0, &["stack"]);
    let stack = ranch.stack(0).to_owned();
    let port = free_address().port();
    let server = ranch.start().await;
    let file = ranch.file(&compose(&docker.image, port, "first"));
    ranch.ok(&["up", "-f", &file, "-p", &stack]).await;

    names_and_labels_are_ranchers(&ranch, &stack);
    page_says(port, "first").await;
    the_host_says_where_it_is(&ranch).await;
    services_find_each_other(&ranch, &stack);
    what_dies_runs_again(&ranch, &stack).await;
    what_is_removed_is_replaced(&ranch, &stack).await;
    scales_up_and_down(&ranch, &stack).await;
    stops_and_starts(&ranch, &stack).await;
    the_same_file_changes_nothing(&ranch, &stack, &file).await;

    let before = ranch.containers(&stack);
    server.shut_down().await;
    assert_eq!(ranch.containers(&stack), before, "containers run on without the server");
    let server = ranch.start().await;
    the_same_file_changes_nothing(&ranch, &stack, &file).await;
    assert_eq!(ranch.containers(&stack), before, "the next server adopts them as they are");

    let file = ranch.file(&compose(&docker.image, port, "second"));
    a_changed_file_changes_what_it_names(&ranch, &stack, &file).await;
    page_says(port, "second").await;

    assert_eq!(ranch.volumes(&stack).len(), 1, "{:?}", ranch.volumes(&stack));
    ranch.ok(&["down", &stack, "--volumes", "--yes"]).await;
    assert_eq!(ranch.containers(&stack), []);
    assert_eq!(ranch.volumes(&stack), Vec::<String>::new());
    // The environment's own network is the only one there ever was, and empty.
    let networks = ranch.networks();
    assert_eq!(networks.len(), 1, "{networks:?}");
    for network in networks {
        let format = "{{len .Containers}}";
        assert_eq!(ranch.docker(&["network", "inspect", "-f", format, &network]), "0");
    }
    server.shut_down().await;
}

fn names_and_labels_are_ranchers(ranch: &Ranch, stack: &str) {
    let containers = ranch.containers(stack);
    let names: Vec<&str> = containers.iter().map(Container::given_name).collect();
    let expected =
        ["keeper-1", "web-1", "worker-1", "worker-2", "worker-3"].map(|n| format!("{stack}-{n}"));
    assert_eq!(names, expected);
    let environment = containers[0].label("io.rancher.environment.uuid");
    assert!(!environment.is_empty());
    for one in &containers {
        assert!(one.is_running(), "{one:?}");
        let uuid = one.label("io.rancher.container.uuid");
        assert_eq!(one.name, format!("r-{}-{}", one.given_name(), &uuid[..8]));
        assert!(uuid[..8].bytes().all(|byte| byte.is_ascii_hexdigit()), "{uuid}");
        assert_eq!(one.label(STACK), stack);
        assert_eq!(one.label("io.rancher.project.name"), stack);
        let service = one.label(STACK_SERVICE);
        assert_eq!(service, format!("{stack}/{}", one.service()));
        assert_eq!(one.label("io.rancher.project_service.name"), service);
        assert_eq!(one.label(LAUNCH), "io.rancher.service.primary.launch.config");
        assert_eq!(one.label("io.rancher.environment.uuid"), environment);
        let address = one.label("io.rancher.container.ip");
        assert!(address.contains('/'), "{address}");
    }
    let mut units: Vec<&str> = containers.iter().map(|one| one.label(UNIT)).collect();
    units.sort_unstable();
    units.dedup();
    assert_eq!(units.len(), 5, "each container has a unit of its own: {units:?}");
}

/// What it publishes is said to be reached at an address of this machine.
async fn the_host_says_where_it_is(ranch: &Ranch) {
    let hosts = ranch.list("hosts").await;
    let address = hosts[0]["agentIpAddress"].as_str().unwrap_or_default();
    let address: std::net::IpAddr = address.parse().unwrap_or_else(|e| panic!("{e}: {hosts:?}"));
    assert!(!address.is_unspecified(), "{address}");
    std::net::UdpSocket::bind((address, 0)).expect("an address of this machine");
}

fn services_find_each_other(ranch: &Ranch, stack: &str) {
    let worker = &ranch.service(stack, "worker")[0].name;
    for host in ["web".to_owned(), format!("web.{stack}"), format!("web.{stack}.rancher.internal")]
    {
        let page = ranch.exec(worker, &["wget", "-qO-", &format!("http://{host}/")]);
        assert_eq!(page.as_deref(), Some("first"), "http://{host}/ from a worker");
    }
    assert_eq!(ranch.exec(worker, &["wget", "-qO-", "http://nobody/"]), None);
}

async fn what_dies_runs_again(ranch: &Ranch, stack: &str) {
    let victim = ranch.service(stack, "worker")[1].clone();
    ranch.docker(&["kill", &victim.id]);
    until("the killed container runs again", async || {
        let workers = ranch.service(stack, "worker");
        let back = workers.iter().find(|one| one.given_name() == victim.given_name());
        let back = back.filter(|one| one.is_running() && one.started != victim.started);
        if back.is_some() && workers.len() == 3 { Ok(()) } else { Err(format!("{workers:?}")) }
    })
    .await;
}

async fn what_is_removed_is_replaced(ranch: &Ranch, stack: &str) {
    let victim = ranch.service(stack, "worker")[2].clone();
    ranch.docker(&["rm", "-f", &victim.id]);
    let next = until("another container takes its place", async || {
        let workers = ranch.service(stack, "worker");
        let next = workers.iter().find(|one| one.given_name() == victim.given_name());
        let next = next.filter(|one| one.is_running() && workers.len() == 3);
        next.cloned().ok_or_else(|| format!("{workers:?}"))
    })
    .await;
    assert_ne!(next.id, victim.id);
    assert_eq!(next.label(UNIT), victim.label(UNIT), "the unit stays");
}

async fn scales_up_and_down(ranch: &Ranch, stack: &str) {
    for scale in [5, 1, 3] {
        let before = ranch.service(stack, "worker");
        ranch.ok(&["scale", &format!("{stack}/worker={scale}")]).await;
        let workers = ranch.service(stack, "worker");
        let names: Vec<&str> = workers.iter().map(Container::given_name).collect();
        let expected: Vec<String> = (1..=scale).map(|n| format!("{stack}-worker-{n}")).collect();
        assert_eq!(names, expected, "scaled to {scale}");
        assert!(workers.iter().all(Container::is_running), "{workers:?}");
        let kept = before.len().min(scale);
        assert_eq!(workers[..kept], before[..kept], "those that stay are left alone");
    }
}

async fn stops_and_starts(ranch: &Ranch, stack: &str) {
    let ids = |containers: &[Container]| -> Vec<String> {
        containers.iter().map(|one| one.id.clone()).collect()
    };
    let before = ranch.containers(stack);
    ranch.ok(&["stop", stack]).await;
    let stopped = ranch.containers(stack);
    assert!(stopped.iter().all(|one| one.state == "exited"), "{stopped:?}");
    assert_eq!(ids(&stopped), ids(&before));
    ranch.ok(&["start", stack]).await;
    let started = ranch.containers(stack);
    assert!(started.iter().all(Container::is_running), "{started:?}");
    assert_eq!(ids(&started), ids(&before));
    until("the volume remembers both starts", async || {
        let kept = ranch.exec(&started[0].name, &["cat", "/data/kept"]);
        if kept.as_deref() == Some("kept\nkept") { Ok(()) } else { Err(format!("{kept:?}")) }
    })
    .await;
}

async fn the_same_file_changes_nothing(ranch: &Ranch, stack: &str, file: &str) {
    let before = ranch.containers(stack);
    let said = ranch.ok(&["up", "-f", file, "-p", stack]).await;
    assert!(said.contains("up to date"), "{said}");
    assert_eq!(ranch.containers(stack), before);
}

async fn a_changed_file_changes_what_it_names(ranch: &Ranch, stack: &str, file: &str) {
    let before = ranch.containers(stack);
    ranch.ok(&["up", "-f", file, "-p", stack]).await;
    let after = ranch.containers(stack);
    let names = |containers: &[Container]| -> Vec<String> {
        containers.iter().map(|one| one.given_name().to_owned()).collect()
    };
    assert_eq!(names(&after), names(&before));
    for (before, after) in before.iter().zip(&after) {
        match after.service() {
            "web" => assert_ne!(before.id, after.id, "the changed service has a new container"),
            _ => assert_eq!(before, after, "other services are left alone"),
        }
    }
    assert!(after.iter().all(Container::is_running), "{after:?}");
}
