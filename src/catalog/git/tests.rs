//! Repositories on this machine, fetched by the real `git`.

use std::os::unix::fs::symlink;
use std::process::Command;
use std::sync::Arc;

use tempfile::TempDir;

use super::super::{Catalog, Catalogs, Settings};
use super::*;

/// A repository with a template, and the folder that it is fetched into.
struct Ground {
    repository: TempDir,
    folder: TempDir,
    clock: Clock,
}

impl Ground {
    fn new() -> Self {
        let repository = TempDir::new().expect("a folder");
        let folder = TempDir::new().expect("a folder");
        let ground = Self { repository, folder, clock: Clock::manual(0).0 };
        ground.git(&["init", "--quiet", "--initial-branch=main"]);
        ground.write("templates/shop/0/rancher-compose.yml", "catalog: {version: v1}\n");
        ground.commit();
        ground
    }

    fn git(&self, words: &[&str]) {
        let output = Command::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@example.org"])
            .args(["-c", "commit.gpgsign=false"])
            .args(words)
            .current_dir(self.repository.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .output()
            .expect("git runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.repository.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        fs::write(path, text).expect("a file");
    }

    fn commit(&self) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message=x"]);
    }

    fn origin(&self, branch: &str) -> Origin {
        let url = format!("file://{}", self.repository.path().display());
        let place = Place::Git { url, branch: branch.to_owned() };
        Origin { scope: Scope::Global, name: "home".to_owned(), place }
    }

    fn catalogs(&self) -> Arc<Catalogs> {
        let folder = self.folder.path().join("catalogs");
        let settings = Settings { folder, ..Settings::default() };
        Arc::new(Catalogs::new(settings, self.clock.clone()))
    }

    /// What is in the folder, sorted.
    fn kept(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path().join("catalogs")).expect("the folder");
        let name = |entry: std::io::Result<fs::DirEntry>| {
            entry.expect("an entry").file_name().to_string_lossy().into_owned()
        };
        let mut names: Vec<String> = entries.map(name).collect();
        names.sort();
        names
    }
}

fn versions(catalog: &Catalog) -> Vec<String> {
    let all = catalog.templates.iter().flat_map(|template| &template.versions);
    all.map(|version| version.version.clone()).collect()
}

#[tokio::test]
async fn a_repository_is_fetched_and_followed() {
    let ground = Ground::new();
    let (catalogs, origin) = (ground.catalogs(), ground.origin(""));
    let first = catalogs.refresh(&origin).await;
    assert_eq!((versions(&first), first.failure.as_deref()), (vec!["v1".to_owned()], None));
    assert_eq!(first.commit.len(), 40, "{}", first.commit);
    let kept = ground.kept();
    assert_eq!(kept.len(), 2, "the files and what they are at: {kept:?}");
    // Nothing new: nothing is cloned.
    assert_eq!(catalogs.refresh(&origin).await.commit, first.commit);
    assert_eq!(ground.kept(), kept);

    ground.write("templates/shop/1/rancher-compose.yml", "catalog: {version: v2}\n");
    ground.commit();
    let second = catalogs.refresh(&origin).await;
    assert_eq!(versions(&second), ["v1", "v2"]);
    assert_ne!(second.commit, first.commit);
    assert_eq!(ground.kept().len(), 2, "what was before is gone");

    // A server that starts again has what was there, before it asks.
    let again = ground.catalogs();
    let found = again.get(&origin, 1000).await;
    assert_eq!((versions(&found), &found.commit), (vec!["v1".into(), "v2".into()], &second.commit));

    // A repository that is away takes nothing away.
    fs::remove_dir_all(ground.repository.path()).expect("gone");
    let away = again.refresh(&origin).await;
    assert_eq!(versions(&away), ["v1", "v2"]);
    let why = away.failure.as_deref().unwrap_or_default();
    assert!(why.contains("cannot be fetched"), "{why}");
    again.forget(&origin);
    assert_eq!(ground.kept(), [""; 0]);
}

#[tokio::test]
async fn a_branch_is_what_it_says() {
    let ground = Ground::new();
    ground.git(&["checkout", "--quiet", "-b", "next/one"]);
    ground.write("templates/shop/0/rancher-compose.yml", "catalog: {version: v9}\n");
    ground.commit();
    ground.git(&["checkout", "--quiet", "main"]);
    let catalogs = ground.catalogs();
    assert_eq!(versions(&*catalogs.refresh(&ground.origin("")).await), ["v1"]);
    assert_eq!(versions(&*catalogs.refresh(&ground.origin("main")).await), ["v1"]);
    assert_eq!(versions(&*catalogs.refresh(&ground.origin("next/one")).await), ["v9"]);
    let none = catalogs.refresh(&ground.origin("none")).await;
    let why = none.failure.as_deref().unwrap_or_default();
    assert!(why.ends_with("has no branch `none`"), "{why}");
    assert_eq!(versions(&none), [""; 0]);
}

#[tokio::test]
async fn links_in_a_repository_lead_nowhere() {
    let ground = Ground::new();
    let outside = ground.folder.path().join("secret");
    fs::write(&outside, "secret").expect("a file");
    let at = |path: &str| ground.repository.path().join(path);
    symlink(&outside, at("templates/shop/README.md")).expect("a link");
    symlink(&outside, at("templates/shop/0/docker-compose.yml")).expect("a link");
    symlink("../../..", at("templates/shop/1")).expect("a link");
    ground.commit();
    let catalog = ground.catalogs().refresh(&ground.origin("")).await;
    let shop = catalog.template("shop").expect("the template");
    assert_eq!((shop.readme.as_deref(), shop.versions.len()), (None, 1));
    let files: Vec<&String> = shop.versions[0].files.keys().collect();
    assert_eq!(files, ["rancher-compose.yml"]);
    assert_eq!(catalog.problems.len(), 3, "{:?}", catalog.problems);
}

/// A hook, a filter or a helper of the repository's would leave a file behind.
#[tokio::test]
async fn nothing_of_a_repository_runs() {
    let ground = Ground::new();
    let mark = ground.folder.path().join("mark");
    let run = format!("touch {}", mark.display());
    ground.write(".gitattributes", "* filter=mark\n");
    ground.write(
        ".gitmodules",
        "[submodule \"x\"]\n\tpath = x\n\turl = ext::sh -c touch% mark\n\tupdate = !touch mark\n",
    );
    ground.write(".gitconfig", &format!("[filter \"mark\"]\n\tsmudge = {run}\n"));
    ground.commit();
    for hook in ["post-checkout", "post-upload-pack", "pre-receive"] {
        ground.write(&format!(".git/hooks/{hook}"), &format!("#!/bin/sh\n{run}\n"));
        let path = ground.repository.path().join(".git/hooks").join(hook);
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(path, mode).expect("a mode");
    }
    let catalog = ground.catalogs().refresh(&ground.origin("")).await;
    assert_eq!((versions(&catalog), catalog.failure.as_deref()), (vec!["v1".to_owned()], None));
    assert!(!mark.exists());
}

#[tokio::test]
async fn what_is_no_repository_is_said() {
    let ground = Ground::new();
    let catalogs = ground.catalogs();
    let empty = TempDir::new().expect("a folder");
    let check = async |url: String, expect: &str| {
        let place = Place::Git { url, branch: String::new() };
        let origin = Origin { scope: Scope::Global, name: "x".to_owned(), place };
        let found = catalogs.refresh(&origin).await;
        let why = found.failure.as_deref().unwrap_or_default();
        assert!(why.contains(expect), "{why}");
    };
    check(format!("file://{}", empty.path().display()), "cannot be fetched").await;
    check("http://127.0.0.1:1/c.git".to_owned(), "cannot be fetched").await;
    check("ext::sh -c true".to_owned(), "is not a URL of a repository").await;
    let origin = ground.origin("");
    let nowhere = fetch(Path::new(""), &origin, &ground.clock).await;
    assert!(nowhere.expect_err("no folder").contains("there is no folder to fetch it into"));
}

#[tokio::test]
async fn a_host_is_looked_at_before_it_is_asked() {
    for (url, expect) in [
        ("http://192.0.2.1/c.git", Ok("http.curloptResolve=192.0.2.1:80:192.0.2.1")),
        ("https://192.0.2.1:8443/c.git", Ok("http.curloptResolve=192.0.2.1:8443:192.0.2.1")),
        ("https://[2001:db8::1]/c", Ok("http.curloptResolve=2001:db8::1:443:[2001:db8::1]")),
        ("http://127.0.0.1/c", Err("`http://127.0.0.1/c` leads to the server itself or beside it")),
        ("http://[::1]/c", Err("`http://[::1]/c` leads to the server itself or beside it")),
        (
            "http://169.254.169.254/c",
            Err("`http://169.254.169.254/c` leads to the server itself or beside it"),
        ),
        ("http://localhost/c", Err("`http://localhost/c` leads to the server itself or beside it")),
        ("ssh://host/c", Err("`ssh://host/c` is neither http nor https")),
    ] {
        let found = pinned(url).await;
        assert_eq!(found.as_deref().map_err(String::as_str), expect, "{url}");
    }
    // Whoever is in an environment gets no further, whatever the address says.
    let ground = Ground::new();
    let mut origin = ground.origin("");
    origin.scope = Scope::Environment(5);
    let why = fetch(ground.folder.path(), &origin, &ground.clock).await.expect_err("refused");
    assert!(why.ends_with("is neither http nor https"), "{why}");
}
