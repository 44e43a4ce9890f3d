//! The history of a service on a real Docker Engine: two images under one tag, and the way back to the first
//! by its content; asked over HTTP what runs.

use serde_json::Value;

use crate::docker_support::docker;
use crate::ranch::{DEADLINE_MS, Ranch, within};

/// A service that shows the page of its image.
fn compose(image: &str) -> String {
    format!(
        r#"services:
  web:
    image: {image}
    command: [httpd, -f, -p, "80", -h, /www]
    stop_signal: SIGKILL
"#
    )
}

struct Site<'a> {
    ranch: &'a Ranch,
    base: &'a str,
    stack: String,
    service: String,
}

impl Site<'_> {
    /// Makes an image with a page of its own, under a name that may have meant another; its id.
    fn make(&self, image: &str, page: &str) -> String {
        let maker = format!("{}-maker", self.stack);
        let script = format!("mkdir -p /www && echo {page} > /www/index.html");
        self.ranch.docker(&["run", "--name", &maker, self.base, "sh", "-c", &script]);
        self.ranch.docker(&["commit", &maker, image]);
        self.ranch.docker(&["rm", "-f", &maker]);
        self.ranch.docker(&["image", "inspect", "--format", "{{.Id}}", image])
    }

    /// What the one container that runs shows.
    async fn shows(&self, page: &str) {
        within(DEADLINE_MS, &format!("the page is `{page}`"), async || {
            let running = self.ranch.service(&self.stack, "web");
            let running: Vec<_> = running.iter().filter(|one| one.is_running()).collect();
            let [container] = running.as_slice() else { return Err(format!("{running:?}")) };
            let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
            let address = self.ranch.docker(&["inspect", "--format", format, &container.id]);
            let answer = reqwest::get(format!("http://{address}/index.html")).await;
            let answer = answer.map_err(|error| error.to_string())?;
            let seen = answer.text().await.map_err(|error| error.to_string())?;
            if seen.trim() == page { Ok(()) } else { Err(seen) }
        })
        .await;
    }

    async fn upgrade(&self, more: &[&str]) {
        let args = ["upgrade", &self.service, "--interval", "100", "--finish"];
        self.ranch.ok(&[&args[..], more].concat()).await;
    }

    /// What each version says, the newest first.
    async fn history(&self) -> Vec<String> {
        let printed = self.ranch.ok(&["--json", "history", &self.service]).await;
        let lines = printed.lines().map(|line| serde_json::from_str(line).expect("JSON"));
        lines
            .map(|line: Value| {
                let here = line["images"][0]["hostIds"].as_array().map_or(0, Vec::len);
                format!("{} {} {here}", line["version"], line["description"].as_str().unwrap())
            })
            .collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_service_goes_back_to_the_image_that_a_tag_meant_before() {
    let docker = docker().await;
    let ranch = Ranch::new(&docker.endpoint, 20, &["tagged"]);
    let stack = ranch.stack(0).to_owned();
    let service = format!("{stack}/web");
    let server = ranch.start().await;
    let site = Site { ranch: &ranch, base: &docker.image, stack, service };
    let pulled = format!("{}/ranchette-test/{}:1", docker.registry, site.stack);
    let local = format!("ranchette-test/{}:1", site.stack);

    let first = site.make(&pulled, "one");
    ranch.docker(&["push", &pulled]);
    let file = ranch.file(&compose(&pulled));
    ranch.ok(&["up", "-f", &file, "-p", &site.stack]).await;
    site.shows("one").await;
    site.make(&pulled, "two");
    ranch.docker(&["push", &pulled]);
    site.upgrade(&[]).await;
    site.shows("two").await;
    // Nothing of the first image is on the host any more; its registry has it, under no tag.
    ranch.docker(&["rmi", "-f", &first]);
    ranch.ok(&["rollback", &site.service, "--to", "1"]).await;
    site.shows("one").await;

    // What came from no registry is known by its id.
    let third = site.make(&local, "three");
    site.upgrade(&["--image", &local]).await;
    site.shows("three").await;
    site.make(&local, "four");
    site.upgrade(&["--image", &local]).await;
    site.shows("four").await;
    ranch.ok(&["rollback", &site.service, "--to", "4"]).await;
    site.shows("three").await;
    ranch.ok(&["rollback", &site.service, "--to", "5"]).await;
    site.shows("four").await;
    let history = site.history().await;
    let numbers: Vec<&str> = history.iter().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(numbers, ["7", "6", "5", "4", "3", "2", "1"], "{history:#?}");
    assert!(history[4].starts_with("3 back to version 1: image "), "{history:#?}");
    assert!(history.iter().all(|line| line.ends_with(" 1")), "the host has all: {history:#?}");

    ranch.docker(&["rmi", "-f", &third]);
    let refused = ranch.run(&["rollback", &site.service, "--to", "4"]).await;
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success(), "{said}");
    assert!(said.contains("no host has it any more, and it came from no registry"), "{said}");
    site.shows("four").await;
    assert_eq!(site.history().await.len(), 7, "nothing has changed");

    ranch.ok(&["down", &site.stack, "--yes"]).await;
    assert_eq!(ranch.containers(&site.stack), []);
    server.shut_down().await;
    let images = ranch.docker(&["images", "-q", "--filter", "dangling=true"]);
    for image in images.lines().chain([pulled.as_str(), local.as_str()]) {
        ranch.try_docker(&["rmi", "-f", image]);
    }
}
