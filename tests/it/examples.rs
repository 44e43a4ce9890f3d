//! The stacks of `examples/` on a real Docker Engine, as people run them: deployed, asked over HTTP and DNS,
//! upgraded, rolled back and removed, with nothing left.

use std::collections::BTreeSet;
use std::path::Path;

use reqwest::Method;
use serde_json::json;

use crate::docker_support::{docker, haproxy_image};
use crate::ranch::{Container, Ranch, free_address, until};
use crate::tls_support::{ask, certificate};

/// An example, and what is to be seen of it.
struct Example {
    folder: &'static str,
    /// The service that is upgraded.
    service: &'static str,
    /// The path that is asked for, and what the page says.
    path: &'static str,
    page: &'static str,
    /// The name to ask for over TLS; there is a certificate of that name.
    over_tls: Option<&'static str>,
    /// A name that its containers ask for, and how many addresses it has.
    name: &'static str,
    addresses: usize,
}

const fn example(
    folder: &'static str,
    service: &'static str,
    page: &'static str,
    name: &'static str,
    addresses: usize,
) -> Example {
    Example { folder, service, path: "/", page, over_tls: None, name, addresses }
}

const EXAMPLES: &[Example] = &[
    Example { path: "/cgi-bin/page", ..example("web-database", "web", "three rows", "web", 2) },
    example("sidekick", "web", "from the sidekick", "web", 1),
    example("global-agent", "agent", "one on each host", "agent", 1),
    example("shared-volume", "web", "written by another", "writer", 1),
    example("health-gated", "web", "well", "web", 1),
    example("secrets", "web", "knows the password", "web", 1),
    Example {
        over_tls: Some("shop.example"),
        ..example("tls", "web", "behind a lock", "front", 1)
    },
    example("external", "web", "knows a printer", "printer", 1),
    example("alias", "web", "asks for all", "all", 2),
];

impl Example {
    /// A copy of the example with what it is to be filled in with beside it; the path of its file.
    fn copy(&self, ranch: &Ranch, port: u16, image: &str, haproxy: &str) -> String {
        let folder = ranch.folder.path().join(self.folder);
        std::fs::create_dir_all(&folder).expect("folder");
        let files = std::fs::read_dir(Path::new("examples").join(self.folder)).expect("example");
        for file in files.map(|file| file.expect("a file")) {
            std::fs::copy(file.path(), folder.join(file.file_name())).expect("a copy");
        }
        let values = format!("PORT=127.0.0.1:{port}\nIMAGE={image}\nHAPROXY={haproxy}\n");
        std::fs::write(folder.join(".env"), values).expect("values");
        folder.join("compose.yaml").to_string_lossy().into_owned()
    }

    async fn page(&self, port: u16) -> Result<String, String> {
        if let Some(name) = self.over_tls {
            let seen = ask(port, name, self.path).await?;
            return if seen.contains(self.page) { Ok(self.page.to_owned()) } else { Ok(seen) };
        }
        let url = format!("http://127.0.0.1:{port}{}", self.path);
        let answer = reqwest::get(&url).await.map_err(|error| error.to_string())?;
        answer.text().await.map_err(|error| error.to_string())
    }

    async fn says_its_page(&self, port: u16, when: &str) {
        until(&format!("{} says its page {when}", self.folder), async || {
            let text = self.page(port).await?;
            if text.trim() == self.page { Ok(()) } else { Err(text) }
        })
        .await;
    }

    async fn is_answered(&self, ranch: &Ranch, stack: &str) {
        until(&format!("{} is answered in {}", self.name, self.folder), async || {
            let asker = ranch.service(stack, self.service).into_iter().find(Container::is_running);
            let asker = asker.ok_or("nobody asks")?;
            let ask = ["nslookup", "-type=a", self.name, "169.254.169.250"];
            let answer = ranch.exec(&asker.id, &ask).unwrap_or_default();
            let (_, addresses) = answer.split_once("\n\n").unwrap_or_default();
            let count = addresses.lines().filter(|line| line.starts_with("Address: ")).count();
            if count == self.addresses { Ok(()) } else { Err(answer) }
        })
        .await;
    }

    /// Its whole life.
    async fn lives(&self, ranch: &Ranch, stack: &str, image: &str, haproxy: &str) {
        let port = free_address().port();
        if let Some(name) = self.over_tls {
            let (cert, key) = certificate(ranch.folder.path(), name);
            let body = json!({ "name": name, "cert": cert, "key": key });
            ranch.send(Method::POST, "certificates", &body).await;
        }
        let file = self.copy(ranch, port, image, haproxy);
        ranch.ok(&["up", "-f", &file, "-p", stack]).await;
        self.says_its_page(port, "at first").await;
        self.is_answered(ranch, stack).await;
        let ids = |ranch: &Ranch| -> Vec<String> {
            let own = ranch.service(stack, self.service);
            own.into_iter().filter(Container::is_running).map(|one| one.id).collect()
        };
        let before = ids(ranch);

        let service = format!("{stack}/{}", self.service);
        let upgrade = ["upgrade", &service, "--image", image, "--interval", "100"];
        ranch.ok(&[&upgrade[..], &["--healthy-within", "60"]].concat()).await;
        let after = ids(ranch);
        assert_eq!(after.len(), before.len(), "{}", self.folder);
        assert!(after.iter().all(|id| !before.contains(id)), "{}: {after:?}", self.folder);
        self.says_its_page(port, "after its upgrade").await;
        ranch.ok(&["rollback", &service]).await;
        assert_eq!(ids(ranch), before, "{}: the very containers from before", self.folder);
        self.says_its_page(port, "after it was rolled back").await;

        ranch.ok(&["down", stack, "--yes", "--volumes"]).await;
        assert_eq!(ranch.containers(stack), []);
        assert_eq!(ranch.volumes(stack), Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn examples_live_and_leave_nothing() {
    let docker = docker().await;
    let haproxy = haproxy_image().await;
    let names = EXAMPLES.iter().map(|example| example.folder).collect::<Vec<_>>();
    let ranch = Ranch::new(&docker.endpoint, 20, &names);
    let server = ranch.start().await;
    for (number, example) in EXAMPLES.iter().enumerate() {
        let stack = ranch.stack(number).to_owned();
        example.lives(&ranch, &stack, &docker.image, haproxy).await;
    }
    assert_eq!(ranch.list("containers").await, [""; 0]);
    server.shut_down().await;
}

/// Every folder of examples is run by a test, here or in `make run`.
#[test]
fn every_example_is_run() {
    let folders = std::fs::read_dir("examples").expect("examples");
    let folders: BTreeSet<String> = folders
        .map(|entry| entry.expect("entry").file_name().to_string_lossy().into_owned())
        .collect();
    let run = EXAMPLES.iter().map(|example| example.folder.to_owned());
    assert_eq!(folders, run.chain(["hello".to_owned()]).collect());
}
