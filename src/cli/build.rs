//! `up --build`: images from the `build` sections of a project, built by the server's engine.

use futures_util::StreamExt as _;
use serde_json::{Value, json};

use super::Result;
use super::board::{Board, Line, Stage};
use super::client::{self, Client};
use super::context::Context;
use super::failure::Failure;
use super::output::Output;
use super::project::Loaded;
use crate::compose::Build;

/// Lines of a failed build that are shown.
const SHOWN: usize = 20;
/// Longest line of the server's answer that is read, in bytes.
const LONGEST: usize = 1 << 20;

/// Every `build` section of a project, each image once.
pub fn builds(loaded: &Loaded) -> Vec<&Build> {
    let mut found: Vec<&Build> = Vec::new();
    for service in &loaded.project.services {
        for build in service.build.iter().chain(service.sidekick_builds.values()) {
            if !found.iter().any(|known| known.tag == build.tag) {
                found.push(build);
            }
        }
    }
    found
}

/// Builds every image of a project, one after the other: the engine's cache then serves what they
/// have in common.
///
/// # Errors
/// When a context cannot be read or a build fails; its last lines are part of the message.
pub async fn run(client: &Client, out: &Output, loaded: &Loaded) -> Result<()> {
    let builds = builds(loaded);
    let mut board = Board::new(out, builds.iter().map(|build| build.tag.as_str()));
    for build in builds {
        let tags = std::iter::once(&build.tag).chain(&build.extra_tags);
        for tag in tags {
            let done = image(client, &mut board, loaded, build, tag).await;
            if let Err(failure) = done {
                board.show(&line(tag, Stage::Failed, "failed"));
                board.end();
                return Err(failure);
            }
        }
    }
    board.end();
    Ok(())
}

/// Builds one image under one name.
async fn image(
    client: &Client,
    board: &mut Board<'_>,
    loaded: &Loaded,
    build: &Build,
    tag: &str,
) -> Result<()> {
    board.show(&line(tag, Stage::Going, "sending the context"));
    let mut query = options(build, tag);
    let body = if is_remote(&build.context) {
        query.push(("remote", build.context.clone()));
        query.extend(build.dockerfile.iter().map(|path| ("dockerfile", path.clone())));
        None
    } else {
        let context = Context::open(&loaded.located.folder, build).map_err(|error| {
            let shown = loaded.located.shown(&build.context);
            let shown = if shown.is_empty() { ".".to_owned() } else { shown };
            Failure::usage(format!("cannot build {tag} from {shown}: {error}")).of_io(&error)
        })?;
        query.push(("dockerfile", context.dockerfile().to_owned()));
        Some(client::streamed(context.into_stream()))
    };
    let pieces = client.stream(&client.scoped("imagebuilds"), &query, body).await?;
    let mut pieces = std::pin::pin!(pieces);
    let mut steps = Steps::default();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|why| client.broken(why))?;
        for text in steps.take(&piece)? {
            board.show(&line(tag, Stage::Going, &text));
        }
    }
    steps.end(tag)?;
    board.show(&line(tag, Stage::Done, "built"));
    Ok(())
}

fn is_remote(context: &str) -> bool {
    context.contains("://") || context.starts_with("git@") || context.starts_with("github.com/")
}

/// What Docker's builder is told, under Docker's own names.
fn options(build: &Build, tag: &str) -> Vec<(&'static str, String)> {
    let mut query = vec![("tag", tag.to_owned())];
    let mut add = |key: &'static str, wanted: bool, value: String| {
        if wanted {
            query.push((key, value));
        }
    };
    add("buildargs", !build.args.is_empty(), json!(build.args).to_string());
    add("labels", !build.labels.is_empty(), json!(build.labels).to_string());
    add("cachefrom", !build.cache_from.is_empty(), json!(build.cache_from).to_string());
    add("extrahosts", !build.extra_hosts.is_empty(), build.extra_hosts.join(","));
    add("target", build.target.is_some(), build.target.clone().unwrap_or_default());
    add("networkmode", build.network.is_some(), build.network.clone().unwrap_or_default());
    add("platform", build.platform.is_some(), build.platform.clone().unwrap_or_default());
    add("shmsize", build.shm_size.is_some(), build.shm_size.unwrap_or_default().to_string());
    add("nocache", build.no_cache, "true".to_owned());
    add("pull", build.pull, "true".to_owned());
    query
}

fn line(tag: &str, stage: Stage, text: &str) -> Line {
    let state = match stage {
        Stage::Going | Stage::Failing => "building",
        Stage::Done => "built",
        Stage::Failed => "failed",
    };
    let record = json!({ "type": "image", "tag": tag, "state": state, "line": text });
    Line { name: tag.to_owned(), stage, text: text.to_owned(), record }
}

/// The server's answer: one JSON object a line, `{"stream": text}` or `{"error": text}`.
#[derive(Debug, Default)]
struct Steps {
    rest: Vec<u8>,
    last: Vec<String>,
    error: Option<String>,
}

impl Steps {
    /// Takes a piece of the answer; returns the lines of output it completes.
    fn take(&mut self, piece: &[u8]) -> Result<Vec<String>> {
        let mut shown = Vec::new();
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            self.rest.extend_from_slice(part);
            if self.rest.len() > LONGEST {
                return Err(Failure::new("the server's answer to the build makes no sense"));
            }
            if part.ends_with(b"\n") {
                let line = std::mem::take(&mut self.rest);
                self.learn(&line, &mut shown);
            }
        }
        Ok(shown)
    }

    fn learn(&mut self, line: &[u8], shown: &mut Vec<String>) {
        let Ok(step) = serde_json::from_slice::<Value>(line) else { return };
        if let Some(error) = step["error"].as_str() {
            self.error = Some(error.trim().to_owned());
        }
        let texts = step["stream"].as_str().unwrap_or_default().lines();
        for text in texts.map(str::trim_end).filter(|text| !text.is_empty()) {
            if self.last.len() == SHOWN {
                self.last.remove(0);
            }
            self.last.push(text.to_owned());
            shown.push(text.to_owned());
        }
    }

    /// The end of the answer.
    fn end(mut self, tag: &str) -> Result<()> {
        let rest = std::mem::take(&mut self.rest);
        self.learn(&rest, &mut Vec::new());
        let Some(error) = self.error else { return Ok(()) };
        let log: String = self.last.iter().map(|line| format!("\n  | {line}")).collect();
        // The engine names the image itself, as a rule.
        let subject = if error.contains(tag) { String::new() } else { format!("{tag}: ") };
        Err(Failure::new(format!("{subject}{error}{log}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    #[test]
    fn answers_come_in_pieces() {
        let check = |pieces: &[&str], expect: Expect| {
            let mut steps = Steps::default();
            let mut shown: Vec<String> = Vec::new();
            for piece in pieces {
                shown.extend(steps.take(piece.as_bytes()).unwrap());
            }
            let end = match steps.end("app:1") {
                Ok(()) => "ok".to_owned(),
                Err(failure) => failure.message,
            };
            expect.assert_eq(&format!("{}; {end}", shown.join(", ")));
        };
        check(
            &[
                "{\"stream\": \"Step 1/2 : FR",
                "OM scratch\\n\"}\n{\"stream\":\"\\n\"}\n{\"str",
                "eam\": \"a\\nb\"}",
            ],
            expect!["Step 1/2 : FROM scratch; ok"],
        );
        check(
            &["{\"stream\": \"RUN false\"}\n", "{\"error\": \"it returned 1\\n\"}"],
            expect![[r#"
                RUN false; app:1: it returned 1
                  | RUN false"#]],
        );
        check(&["no json\n\n"], expect!["; ok"]);
    }

    #[test]
    fn options_have_dockers_names() {
        let build = Build {
            args: [("A".to_owned(), "1 2".to_owned())].into(),
            target: Some("prod".to_owned()),
            no_cache: true,
            shm_size: Some(1024),
            ..Build::default()
        };
        let shown =
            options(&build, "app:1").iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>();
        expect![[r#"tag=app:1 buildargs={"A":"1 2"} target=prod shmsize=1024 nocache=true"#]]
            .assert_eq(&shown.join(" "));
    }
}
