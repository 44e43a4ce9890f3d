//! Catalogs in folders: what is read, what is left out, and what is refused.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;

use expect_test::{Expect, expect};
use tempfile::TempDir;

use super::origin::{Voice, parse_setting, parse_source, place};
use super::template::parse_id;
use super::tree::MAX_FILE_BYTES;
use super::*;
use crate::clock::Clock;

/// A folder with these files, as a catalog.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    for (path, text) in files {
        put(folder.path(), path, text.as_bytes());
    }
    folder
}

fn put(folder: &Path, path: &str, bytes: &[u8]) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
    fs::write(path, bytes).expect("a file");
}

fn origin(path: &Path) -> Origin {
    let place = Place::Folder(path.to_owned());
    Origin { scope: Scope::Global, name: "home".to_owned(), place }
}

async fn read(path: &Path) -> Arc<Catalog> {
    let catalogs = Arc::new(Catalogs::new(Settings::default(), Clock::System));
    catalogs.get(&origin(path), 1_000_000).await
}

/// One line for each template and version, then what was left out.
fn shown(catalog: &Catalog) -> String {
    let mut lines = Vec::new();
    for template in &catalog.templates {
        lines.push(format!("{} \"{}\" {:?}", template.key(), template.name, template.categories));
        for version in &template.versions {
            let files: Vec<&str> = version.files.keys().map(String::as_str).collect();
            let asked = version.questions.len();
            lines.push(format!("  {} {} {files:?} {asked}", version.key(), version.version));
        }
    }
    lines.extend(catalog.problems.iter().map(|problem| format!("! {problem}")));
    lines.extend(catalog.failure.iter().map(|failure| format!("!! {failure}")));
    lines.sort_by_key(|line| line.starts_with('!'));
    lines.join("\n")
}

async fn check(files: &[(&str, &str)], expected: Expect) {
    let folder = folder(files);
    expected.assert_eq(&shown(&*read(folder.path()).await));
}

const COMPOSE: &str = "web:\n  image: nginx\n";

#[tokio::test]
async fn templates_and_versions_are_found() {
    let ask = ".catalog:\n  version: v2\n  questions: [{variable: A}, {variable: B}]\n";
    check(
        &[
            ("README.md", "of the repository"),
            ("templates/shop/config.yml", "name: My shop\ncategory: Sales\nversion: v2\n"),
            ("templates/shop/catalogIcon-shop.svg", "<svg/>"),
            ("templates/shop/0/docker-compose.yml", COMPOSE),
            ("templates/shop/0/rancher-compose.yml", ".catalog: {version: v1}\n"),
            ("templates/shop/1/docker-compose.yml.tpl", COMPOSE),
            ("templates/shop/1/rancher-compose.yml", ask),
            ("templates/shop/1/README.md", "of the version"),
            ("templates/plain/v1.0.0/docker-compose.yml", COMPOSE),
            ("templates/plain/notes/x.txt", "of nobody"),
            ("infra-templates/dns/config.yml", "name: DNS\ncategories: [a, b]\n"),
            ("infra-templates/dns/3/template-version.yml", "version: 0.3\nquestions: []\n"),
            ("infra-templates/dns/3/compose.yml", COMPOSE),
            ("scripts/test/0/docker-compose.yml", COMPOSE),
        ],
        expect![[r#"
            plain "plain" []
              v1.0.0 v1.0.0 ["docker-compose.yml"] 0
            shop "My shop" ["Sales"]
              0 v1 ["docker-compose.yml", "rancher-compose.yml"] 0
              1 v2 ["README.md", "docker-compose.yml.tpl", "rancher-compose.yml"] 2
            infra*dns "DNS" ["a", "b"]
              3 0.3 ["compose.yml", "template-version.yml"] 0"#]],
    )
    .await;
}

#[tokio::test]
async fn what_cannot_be_read_is_said_and_the_rest_is_there() {
    check(
        &[
            ("templates/a:b/0/docker-compose.yml", COMPOSE),
            ("templates/bad/0/rancher-compose.yml", "catalog: [\n"),
            ("templates/bad/1/rancher-compose.yml", "catalog: {version: v1}\n"),
            ("templates/empty/config.yml", "name: Empty\n"),
            ("templates/nameless/0/rancher-compose.yml", "web: {scale: 1}\n"),
            ("templates/odd/0/rancher-compose.yml", "catalog: {version: ../../x}\n"),
            ("templates/list/config.yml", "- a\n"),
            ("templates/list/1.0/docker-compose.yml", COMPOSE),
        ],
        expect![[r#"
            bad "bad" []
              1 v1 ["rancher-compose.yml"] 0
            list "list" []
              1.0 1.0 ["docker-compose.yml"] 0
            ! `templates/a:b`: a template cannot be called so
            ! `bad:0`: rancher-compose.yml:2: error: catalog[0]: not valid YAML: while parsing a node, did not find expected node content
            ! `empty` has no version
            ! `list`: `config.yml` holds a list, not a mapping
            ! `nameless:0`: it does not say which version it is
            ! `nameless` has no version
            ! `odd:0`: `../../x` is not a version
            ! `odd` has no version"#]],
    )
    .await;
}

#[tokio::test]
async fn a_catalog_has_nothing_outside_itself() {
    let outside = folder(&[("secret", "secret"), ("0/docker-compose.yml", COMPOSE)]);
    let inside = folder(&[("templates/shop/0/rancher-compose.yml", "catalog: {version: v1}\n")]);
    let at = |path: &str| inside.path().join(path);
    let link = |to: &str, path: &str| symlink(outside.path().join(to), at(path)).expect("a link");
    link("secret", "templates/shop/README.md");
    link("secret", "templates/shop/0/docker-compose.yml");
    link("", "templates/linked");
    link("0", "templates/shop/1");
    symlink(outside.path(), at("infra-templates")).expect("a link");
    symlink("/dev/zero", at("templates/shop/catalogIcon.png")).expect("a link");
    let too_large = vec![b'a'; usize::try_from(MAX_FILE_BYTES).expect("a size") + 1];
    put(inside.path(), "templates/shop/0/large.txt", &too_large);
    let just = vec![b'a'; usize::try_from(MAX_FILE_BYTES).expect("a size")];
    put(inside.path(), "templates/shop/0/just.txt", &just);
    put(inside.path(), "templates/shop/0/a/b/c/d/e/f/g/h", b"deep");
    put(inside.path(), "templates/shop/.git/config", b"hidden");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        at("templates/shop/0/pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .expect("a pipe");
    let catalog = read(inside.path()).await;
    let mut problems = catalog.problems.clone();
    problems.sort();
    expect![[r#"
        `infra-templates` is a symbolic link and is not followed
        `templates/linked` is a symbolic link and is not followed
        `templates/shop/0/a/b/c/d/e/f` lies too deep and is not read
        `templates/shop/0/docker-compose.yml` is a symbolic link and is not followed
        `templates/shop/0/large.txt` has more than 1048576 bytes and is not read
        `templates/shop/0/pipe` is no file and is not read
        `templates/shop/1` is a symbolic link and is not followed
        `templates/shop/README.md` is a symbolic link and is not followed
        `templates/shop/catalogIcon.png` is a symbolic link and is not followed"#]]
    .assert_eq(&problems.join("\n"));
    let shop = catalog.template("shop").expect("the template");
    assert_eq!((shop.icon.as_ref(), shop.readme.as_ref(), shop.versions.len()), (None, None, 1));
    let files: Vec<&String> = shop.versions[0].files.keys().collect();
    assert_eq!(files, ["just.txt", "rancher-compose.yml"]);
    for name in ["../shop", "shop/../shop", "..", "", "shop/0", "linked", ".git"] {
        assert_eq!(catalog.template(name), None, "{name}");
    }
    assert_eq!(shop.version("../0"), None);
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_said() {
    let folder = TempDir::new().expect("a folder");
    let catalog = read(&folder.path().join("none")).await;
    assert!(catalog.templates.is_empty());
    let failure = catalog.failure.as_deref().unwrap_or_default();
    assert!(failure.ends_with("none`: No such file or directory (os error 2)"), "{failure}");
}

#[tokio::test]
async fn a_catalog_is_read_again_when_it_is_old_or_somebody_asks() {
    let (clock, hand) = Clock::manual(1_000_000);
    let home = folder(&[("templates/a/1/docker-compose.yml", COMPOSE)]);
    let catalogs = Arc::new(Catalogs::new(Settings::default(), clock));
    let origin = origin(home.path());
    let count = async |old_ms| catalogs.get(&origin, old_ms).await.templates.len();
    // A version needs a name: this folder has none that counts.
    assert_eq!(count(1000).await, 0);
    put(home.path(), "templates/a/1/rancher-compose.yml", b"catalog: {version: v1}");
    assert_eq!(count(1000).await, 0);
    hand.advance(1000);
    assert_eq!(count(1000).await, 1);
    put(home.path(), "templates/b/1.0/docker-compose.yml", COMPOSE.as_bytes());
    assert_eq!(catalogs.refresh(&origin).await.templates.len(), 2);
    assert_eq!(count(1000).await, 2);
    catalogs.forget(&origin);
    assert_eq!(count(1000).await, 2);
}

#[test]
fn upgrades_are_to_greater_versions_that_suit() {
    let version = |revision, version: &str, from: &str, least: &str| Version {
        revision: Some(revision),
        version: version.to_owned(),
        upgrade_from: from.to_owned(),
        minimum_rancher_version: least.to_owned(),
        ..Version::default()
    };
    let template = Template {
        versions: vec![
            version(0, "1.0", "", ""),
            version(1, "1.1", "", ""),
            version(2, "2.0", ">=1.1", ""),
            version(3, "3.0", "", "v1.7.0"),
            version(4, "4.0", "whatever", ""),
        ],
        default: "1.1".to_owned(),
        ..Template::default()
    };
    let to = |from: &str, server: &str| -> Vec<String> {
        let from = template.version(from).expect("a version");
        template.upgrades(from, server).map(|version| version.version.clone()).collect()
    };
    assert_eq!(to("0", ""), ["1.1", "3.0"]);
    assert_eq!(to("1", "v1.6.30"), ["2.0"]);
    assert_eq!(to("2.0", "v1.7.1"), ["3.0"]);
    assert_eq!(to("4", ""), [""; 0]);
    assert_eq!(template.default_version().map(Version::key).as_deref(), Some("1"));
}

#[test]
fn ids_are_taken_apart() {
    for (id, expect) in [
        ("home:shop", Some(("home", "shop", None))),
        ("home:infra*dns:3", Some(("home", "infra*dns", Some("3")))),
        ("catalog://home:shop:v1.0:x", Some(("home", "shop", Some("v1.0:x")))),
        ("home", None),
        (":shop", None),
        ("", None),
    ] {
        assert_eq!(parse_id(id), expect, "{id}");
    }
}

#[test]
fn places_are_read_and_some_only_from_who_is_trusted() {
    let check = |url: &str, branch: &str, voice: Voice, expect: &str| {
        let found = match place(url, branch, voice) {
            Ok(Place::Folder(path)) => format!("folder {}", path.display()),
            Ok(Place::Git { url, branch }) => format!("git {url} {branch}").trim().to_owned(),
            Ok(Place::Builtin) => "builtin".to_owned(),
            Err(why) => why,
        };
        assert_eq!(found, expect, "{url}");
    };
    check("/srv/catalog", "", Voice::Trusted, "folder /srv/catalog");
    check("/srv/catalog.git", "", Voice::Trusted, "git file:///srv/catalog.git");
    check("file:///srv/catalog", "main", Voice::Trusted, "git file:///srv/catalog main");
    check("https://git.example/c.git", "v1", Voice::Anyone, "git https://git.example/c.git v1");
    check("ssh://git@git.example/c", "", Voice::Trusted, "git ssh://git@git.example/c");
    check("/srv/../etc", "", Voice::Trusted, "`/srv/../etc` has `..` in it");
    let folders = "folders of the server are catalogs only for everyone: an administrator names \
                   them in the setting `catalog.url` or in the configuration";
    check("/srv/catalog", "", Voice::Anyone, folders);
    check("file:///srv/catalog", "main", Voice::Anyone, folders);
    check("ssh://host/c", "", Voice::Anyone, "`ssh://host/c` is neither http nor https");
    for inside in [
        "localhost",
        "127.0.0.1:3000",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "169.254.169.254",
        "100.100.100.200",
        "0",
        "2130706433",
    ] {
        let url = format!("http://{inside}/c.git");
        let why = format!("`{url}` leads to the server itself or beside it");
        check(&url, "", Voice::Anyone, &why);
        check(&url, "", Voice::Trusted, &format!("git {url}"));
    }
    let secret = "an address must not have a password in it: it would be shown";
    check("https://me:secret@git.example/c", "", Voice::Trusted, secret);
    check("https://token@git.example/c", "", Voice::Trusted, secret);
    check("ext::sh -c id", "", Voice::Trusted, "`ext::sh -c id` has blanks in it");
    check(
        "ext://x",
        "",
        Voice::Trusted,
        "`ext://x` is not a URL of a git repository: http, https, git or ssh",
    );
    check(
        "--upload-pack=x",
        "",
        Voice::Trusted,
        "`--upload-pack=x` is neither an absolute path nor a URL",
    );
    check(
        "ssh://-oProxyCommand=x/c",
        "",
        Voice::Trusted,
        "`ssh://-oProxyCommand=x/c` names no host",
    );
    for branch in ["--upload-pack=x", "a b", "a..b", "/a", "a;b", "@{1}"] {
        let why = format!("`{branch}` cannot be a branch");
        check("https://git.example/c", branch, Voice::Trusted, &why);
    }
}

#[test]
fn settings_have_two_forms() {
    let check = |text: &str, expect: Result<&[&str], &str>| {
        let found = parse_setting(text).map(|origins| {
            let shown = |o: &Origin| format!("{} {} {}", o.name, o.place, o.place.branch());
            origins.iter().map(|o| shown(o).trim().to_owned()).collect::<Vec<_>>()
        });
        let expect = expect.map(<[&str]>::to_vec).map_err(str::to_owned);
        assert_eq!(found, expect.map(|lines| lines.into_iter().map(str::to_owned).collect()));
    };
    check("", Ok(&[]));
    check(r#"{"catalogs":{}}"#, Ok(&[]));
    check(
        r#"{"catalogs":{"b":{"url":"https://h/b","branch":"x"},"a":{"url":"/srv/a"}}}"#,
        Ok(&["a /srv/a", "b https://h/b x"]),
    );
    check("a=/srv/a, b=https://h/b#x", Ok(&["a /srv/a", "b https://h/b x"]));
    check("{", Err("no JSON: EOF while parsing an object at line 1 column 1"));
    check("a", Err("`a` is not `name=address`"));
    check(r#"{"catalogs":{"a":{}}}"#, Err("catalog `a`: `` is neither an absolute path nor a URL"));
    check(
        "../a=/srv/a",
        Err("`../a` cannot be a catalog's name: letters, digits, `-`, `_`, `.`, at most 63"),
    );
    let origin = parse_source("a=/srv", Scope::Environment(5)).expect("a source");
    assert_eq!(origin.scope, Scope::Environment(5));
}
