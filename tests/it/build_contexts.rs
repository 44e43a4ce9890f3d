//! What a build may reach, on a real Docker Engine: what is in its context, and nothing of the machine beside it.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::docker_support::docker;
use crate::ranch::Ranch;

/// Words that are in files outside of the context only.
const HIDDEN: &str = "hay-that-nobody-may-see";

/// A folder with a project, whose context is `app`, and a file beside it that is none of its business.
struct Project {
    ranch: Ranch,
    image: String,
    folder: PathBuf,
    stack: String,
}

impl Project {
    async fn new(number: u32) -> Self {
        let docker = docker().await;
        let ranch = Ranch::new(&docker.endpoint, number, &["context"]);
        let folder = ranch.folder.path().join("project");
        std::fs::create_dir_all(folder.join("app/sub")).expect("a folder");
        let (stack, image) = (ranch.stack(0).to_owned(), docker.image.clone());
        let project = Self { ranch, image, folder, stack };
        project.write("hidden", HIDDEN);
        project.write("app/plain", "plain");
        project
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.join(name), text).expect("written");
    }

    fn link(&self, name: &str, target: impl AsRef<Path>) {
        symlink(target, self.folder.join(name)).expect("a link");
    }

    /// Writes the project, and deploys it after its image has been built.
    async fn up(&self, build: &str) -> Output {
        let image = self.built();
        self.write(
            "compose.yaml",
            &format!(
                "services:
  app:
    image: {image}
    build: {build}
    command: [sleep, \"100000\"]
    stop_signal: SIGKILL
"
            ),
        );
        let file = self.folder.join("compose.yaml");
        let file = file.to_str().expect("a path");
        self.ranch.run(&["up", "--build", "-f", file, "-p", &self.stack]).await
    }

    /// What the image is called.
    fn built(&self) -> String {
        format!("ranchette-{}:1", self.stack)
    }

    /// Makes sure that a build fails, and that all that is said of it has some words, but no hidden ones.
    async fn refused(&self, build: &str, words: &str) {
        let output = self.up(build).await;
        let said = told(&output);
        assert!(!output.status.success(), "{build}: {said}");
        assert!(said.contains(words), "{build}: {said}");
        assert!(!said.contains(HIDDEN), "{build}: {said}");
        let found = self.ranch.try_docker(&["image", "inspect", &self.built()]);
        assert!(!found.status.success(), "{build}: there is no image");
    }

    /// Makes sure that no layer of the image, nor what is noted of it, has the hidden words.
    fn hides(&self, words: &str) {
        let saved = self.ranch.try_docker(&["save", &self.built()]).stdout;
        let mut archive = tar::Archive::new(saved.as_slice());
        let mut all = Vec::new();
        for entry in archive.entries().expect("a tar") {
            std::io::copy(&mut entry.expect("an entry"), &mut all).expect("read");
        }
        let has = |words: &str| all.windows(words.len()).any(|at| at == words.as_bytes());
        assert!(has(words), "the image has what is in the context");
        assert!(!has(HIDDEN), "the image has what is not in the context");
    }
}

fn told(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!("{}{}", String::from_utf8_lossy(out), String::from_utf8_lossy(err))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_outside_of_a_context_reaches_no_image() {
    let project = Project::new(28).await;
    let server = project.ranch.start().await;
    let hidden = project.folder.join("hidden");
    project.link("app/link", "../hidden");
    project.link("app/absolute", &hidden);
    project.link("app/folder", "..");
    project.link("app/sub/deep", "../../hidden");
    let from = format!("FROM {}\n", project.image);
    let recipe = |lines: &str| format!("{from}{lines}\n");

    // What leads out cannot be copied, by whatever name.
    for (name, line) in [
        ("parent", "COPY ../hidden /x"),
        ("parents", "COPY ../../../../../../../../etc/passwd /x"),
        ("one", "COPY link /x"),
        ("far", "COPY absolute /x"),
        ("through", "COPY folder/hidden /x"),
        ("added", "ADD sub/deep /x"),
    ] {
        project.write(&format!("app/{name}"), &recipe(line));
        let build = format!("{{ context: app, dockerfile: {name} }}");
        project.refused(&build, "building").await;
    }
    // Nor is a recipe what a link says, wherever the link is.
    project.link("app/Dockerfile", "../hidden");
    let out = "is a link that leads out of the build context";
    project.refused("app", out).await;
    project.refused("{ context: app, dockerfile: folder/hidden }", out).await;
    project.refused("{ context: app, dockerfile: /dev/zero }", "is not a file").await;

    // The links themselves are in the image, and lead to what is there.
    std::fs::remove_file(project.folder.join("app/Dockerfile")).expect("removed");
    project.write("app/Dockerfile", &recipe("COPY . /context"));
    let output = project.up("app").await;
    assert!(output.status.success(), "{}", told(&output));
    project.hides("plain");
    let name = project.ranch.service(&project.stack, "app")[0].name.clone();
    let look = "for n in link absolute folder; do readlink /context/$n; done; cat /context/link";
    let seen = project.ranch.exec(&name, &["sh", "-c", &format!("{look} || echo gone")]);
    let seen = seen.expect("a look");
    assert_eq!(seen, format!("../hidden\n{}\n..\ngone", hidden.display()));

    // A recipe that is named where it is comes along; what lies beside it does not.
    std::fs::create_dir(project.folder.join("recipes")).expect("a folder");
    project.write("recipes/Dockerfile", &recipe("LABEL from=elsewhere\nCOPY . /context"));
    project.write("recipes/beside", HIDDEN);
    let output = project.up("{ context: app, dockerfile: ../recipes/Dockerfile }").await;
    assert!(output.status.success(), "{}", told(&output));
    project.hides("plain");
    let label = "{{.Config.Labels.from}}";
    let label = project.ranch.docker(&["image", "inspect", "-f", label, &project.built()]);
    assert_eq!(label, "elsewhere");

    project.ranch.ok(&["down", &project.stack, "--yes"]).await;
    project.ranch.docker(&["image", "rm", "-f", &project.built()]);
    server.shut_down().await;
}

/// A context as no honest program sends it: entries with any name, and links.
fn context(entries: &[(&str, &str)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, text) in entries {
        let target = text.strip_prefix("-> ");
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        let raw = header.as_old_mut();
        raw.name[..name.len()].copy_from_slice(name.as_bytes());
        if let Some(target) = target {
            raw.linkname[..target.len()].copy_from_slice(target.as_bytes());
        }
        let text = if target.is_some() { "" } else { text };
        header.set_entry_type(match target {
            Some(_) => tar::EntryType::Symlink,
            None => tar::EntryType::Regular,
        });
        header.set_size(text.len() as u64);
        header.set_cksum();
        tar.append(&header, text.as_bytes()).expect("packed");
    }
    tar.into_inner().expect("a tar")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_context_that_is_sent_reaches_nothing_of_the_host() {
    let project = Project::new(29).await;
    let server = project.ranch.start().await;
    project.ranch.active_host().await;
    let hidden = project.folder.join("hidden").display().to_string();
    let to_hidden = format!("-> {hidden}");
    let climb = format!("../../../../../../../..{hidden}");
    let copy = format!("FROM {}\nCOPY x /x\nRUN cat /x\n", project.image);
    let new = project.folder.join("new").display().to_string();
    let climb_new = format!("../../../../../../../..{new}");
    let cases: &[(&str, &[(&str, &str)])] = &[
        // A recipe, and a file, that are links out of the context.
        ("Dockerfile", &[("Dockerfile", &to_hidden)]),
        ("Dockerfile", &[("Dockerfile", &copy), ("x", &to_hidden)]),
        // A recipe by a name that leads out.
        (&climb, &[("Dockerfile", &copy)]),
        (&hidden, &[("Dockerfile", &copy)]),
        // Entries that would be written elsewhere, by their names or through a link.
        ("Dockerfile", &[("Dockerfile", "FROM nothing here"), (&climb_new, "evil")]),
        ("Dockerfile", &[("Dockerfile", "FROM nothing here"), (&new, "evil")]),
    ];
    for (dockerfile, entries) in cases {
        let said = sent(&project, dockerfile, context(entries)).await;
        assert!(said.contains("\"error\""), "{dockerfile} {entries:?}: {said}");
        assert!(!said.contains(HIDDEN), "{dockerfile} {entries:?}: {said}");
        assert!(!Path::new(&new).exists(), "{entries:?}");
    }
    let found = project.ranch.try_docker(&["image", "inspect", &project.built()]);
    assert!(!found.status.success(), "there is no image");
    server.shut_down().await;
}

/// Sends a context to be built; the answer.
async fn sent(project: &Project, dockerfile: &str, tar: Vec<u8>) -> String {
    let (key, secret) = project.ranch.key();
    let url = format!("http://{}/v2-beta/projects/1a5/imagebuilds", project.ranch.listen);
    let query = [("tag", project.built()), ("dockerfile", dockerfile.to_owned())];
    let request = reqwest::Client::new().post(url).query(&query).basic_auth(key, Some(secret));
    let answer = request.header("content-type", "application/x-tar").body(tar).send().await;
    let answer = answer.expect("an answer");
    assert_eq!(answer.status(), 200);
    answer.text().await.expect("a body")
}
