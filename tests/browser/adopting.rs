//! A compose project that somebody else runs, in a real browser: it is taken over, told why it cannot be given
//! back, and given back.

use ranchette::engine::sim::SimEngine;
use ranchette::engine::spec::{NetworkAttachment, ProcessSpec};
use ranchette::engine::{ContainerSpec, Endpoint, Engine, NetworkSpec};

use super::{Browser, Server, enter, fits, look, with_browser};

/// What the project's file says, and its container is.
const FILE: &str =
    "services:\n  web:\n    image: sim/web:1\n    environment: { MODE: fast }\n    user: '1000'\n";

/// The network that Docker Compose makes for it.
const NETWORK: &str = "wiki_default";

/// Starts the project as Docker Compose does; the id of its container.
async fn compose_runs(host: &SimEngine, folder: &str) -> String {
    let label = |name: &str, value: &str| (format!("com.docker.compose.{name}"), value.to_owned());
    let spec = ContainerSpec {
        name: "wiki-web-1".to_owned(),
        image: "sim/web:1".to_owned(),
        process: ProcessSpec {
            env: vec!["MODE=fast".to_owned()],
            user: "1000".to_owned(),
            ..ProcessSpec::default()
        },
        labels: [
            label("project", "wiki"),
            label("service", "web"),
            label("container-number", "1"),
            label("project.working_dir", folder),
            label("project.config_files", &format!("{folder}/compose.yaml")),
        ]
        .into(),
        network: NetworkAttachment::Named(Endpoint {
            network: NETWORK.to_owned(),
            aliases: vec!["web".to_owned()],
            ..Endpoint::default()
        }),
        ..ContainerSpec::default()
    };
    let network = NetworkSpec { name: NETWORK.to_owned(), ..NetworkSpec::default() };
    host.network_ensure(&network).await.expect("a network");
    host.pull(&spec.image, None, &|_| {}).await.expect("an image");
    let id = host.create(&spec).await.expect("a container");
    host.start(&id).await.expect("it starts");
    id
}

/// Ids of the containers with whether they run and since when.
fn lives(host: &SimEngine) -> Vec<(String, bool, Option<i64>)> {
    let all = host.everything().into_iter();
    all.map(|one| (one.id.clone(), one.is_running(), one.started_ms)).collect()
}

/// A project is taken over and bound to its directory, grows, shrinks, and is given back as it was.
pub async fn a_project_is_taken_over_and_given_back(server: &Server) {
    let disk = tempfile::TempDir::new().expect("temporary folder");
    let root = disk.path().canonicalize().expect("a path");
    std::fs::create_dir(root.join("wiki")).expect("made");
    std::fs::write(root.join("wiki/compose.yaml"), FILE).expect("written");
    server.site.folders.allow(vec![root.clone()]);
    let host = server.site.simulated().expect("a fleet").host("host1");
    is_here(server).await;
    with_browser(async |page| {
        enter(page, server).await;
        let folder = root.join("wiki").to_string_lossy().into_owned();
        compose_runs(&host, &folder).await;
        let before = lives(&host);
        page.press("1 container outside stacks").await;
        page.press("Take over wiki").await;
        page.until_at("dialog [data-bound]", "from then on the files there say what it is").await;
        page.until_at("dialog li", "web: wiki-web-1").await;
        look(page, "take-over").await;
        page.press_at("dialog [data-confirm]").await;
        page.until_at("[data-stack=wiki] .badge", "running").await;
        page.press("wiki").await;
        page.until_at("[data-service=web]", "1 of 1 running").await;
        page.until("where its files are", "document.body.textContent.includes('/wiki')").await;
        assert_eq!(lives(&host), before);

        changed_it_stays(page).await;
        page.resize(390, 844).await;
        fits(page, "a stack that was taken over").await;
        page.resize(1280, 900).await;

        page.press("Give back").await;
        page.until_at("dialog .kept", "wiki-web-1 runs on as it is").await;
        page.until_at("dialog .kept", "stay as they are").await;
        look(page, "give-back").await;
        page.press("Cancel").await;
        page.until("the question is gone", "!document.querySelector('dialog')").await;
        page.press("Give back").await;
        page.press_at("dialog [data-confirm]").await;
        page.until_says("wiki is given back; its containers run on.").await;
        page.until_says("1 container outside stacks").await;
        page.until("no stack is left", "!document.querySelector('[data-stack]')").await;
        assert_eq!(lives(&host), before);
        let left = std::fs::read_to_string(root.join("wiki/compose.yaml")).expect("read");
        assert_eq!(left, FILE);
    })
    .await;
}

/// What was made here can be given to nobody, and that is said.
async fn changed_it_stays(page: &Browser) {
    page.press("One web more").await;
    page.until_at("[data-service=web]", "2 of 2 running").await;
    page.press("Give back").await;
    page.until_at("dialog", "nobody could be given it back").await;
    page.press_at("dialog [data-confirm]").await;
    page.until("the refusal is gone", "!document.querySelector('dialog')").await;
    page.press("web").await;
    page.press("One web less").await;
    let one = "document.querySelectorAll('[data-container]').length === 1";
    page.until("the container is gone", one).await;
    page.until_at("[data-service=web]", "1 of 1 running").await;
}

/// The simulated host is one of the server's own machine, where the files are.
async fn is_here(server: &Server) {
    let here = |tx: &mut ranchette::store::Tx<'_>| {
        let mut hosts = Vec::new();
        tx.for_each("host", |host| {
            hosts.push(host.id);
            Ok(())
        })?;
        for host in hosts {
            tx.update(host, |host| {
                host.set("engineUrl", "unix:///simulated.sock");
                Ok(())
            })?;
        }
        Ok(())
    };
    server.site.store.write(here).await.expect("hosts");
}
