//! A corpus of compose files in `tests/corpus/`, each in a folder of its own with what it names: what
//! Ranchette makes of one is what `docker compose config` makes of it (`config.json` beside it), what it
//! cannot do is named in a message, and every one runs on the simulated engine.

mod expected;
mod keys;
mod launches;
mod places;
mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use ranchette::compose::{self, ComposeFile, Input, LoadError, Project, Severity};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use self::expected::Expected;

/// Where the files were when `docker compose config` read them: `scripts/corpus.sh`.
const ROOT: &str = "/srv/corpus";
/// What Docker Compose made of a folder, and of which bytes.
const GOLDEN: &str = "config.json";
const SUMS: &str = "SHA256SUMS";
/// Names under which a compose file is found, first come first served.
const NAMES: [&str; 3] = ["compose.yaml", "docker-compose.yml", "docker-compose.yaml"];
/// Files that are laid over it.
const OVERRIDES: [&str; 2] = ["compose.override.yaml", "docker-compose.override.yml"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

/// One folder of the corpus.
struct Case {
    name: String,
    /// Every file in it by its path.
    files: BTreeMap<String, Vec<u8>>,
}

impl Case {
    fn all() -> Vec<Case> {
        let entries = fs::read_dir(folder()).expect("the corpus");
        let paths: BTreeSet<PathBuf> = entries.map(|entry| entry.expect("entry").path()).collect();
        let case = |path: PathBuf| {
            let mut files = BTreeMap::new();
            read_all(&path, &path, &mut files);
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            Case { name, files }
        };
        paths.into_iter().filter(|path| path.is_dir()).map(case).collect()
    }

    fn text(&self, name: &str) -> Option<ComposeFile> {
        Some(ComposeFile::new(name, self.files.get(name)?.clone()))
    }

    /// The compose file and what is laid over it.
    fn compose_files(&self) -> Vec<ComposeFile> {
        let first = NAMES.iter().find_map(|name| self.text(name)).expect("a compose file");
        let overlay = OVERRIDES.iter().find_map(|name| self.text(name));
        std::iter::once(first).chain(overlay).collect()
    }

    fn rancher(&self) -> Option<ComposeFile> {
        self.text("rancher-compose.yml")
    }

    fn project(&self) -> Project {
        let own = self.read(None);
        if own.name.is_some() { own } else { self.read(Some(&self.name)) }
    }

    /// Reads the project as the command line does: under the file's own name, or that of the folder.
    fn read(&self, name: Option<&str>) -> Project {
        let home = format!("{ROOT}/{}", self.name);
        let input = Input {
            files: self.compose_files(),
            rancher: self.rancher(),
            env: BTreeMap::from([("HOME".to_owned(), "/home/ana".to_owned())]),
            project_dir: Some(&home),
            project_name: name,
            template: None,
            profiles: Vec::new(),
        };
        let mut load = |path: &str| {
            self.files.get(path).cloned().ok_or_else(|| LoadError::NotFound(path.to_owned()))
        };
        compose::parse(&input, &mut load)
    }

    fn golden(&self) -> Value {
        let text = self.files.get(GOLDEN).unwrap_or_else(|| panic!("{}: no {GOLDEN}", self.name));
        places::unescaped(serde_json::from_slice(text).expect("JSON"))
    }
}

fn read_all(root: &Path, folder: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            read_all(root, &path, files);
        } else {
            let name = path.strip_prefix(root).expect("inside").to_string_lossy().into_owned();
            files.insert(name, fs::read(&path).expect("a file"));
        }
    }
}

#[test]
fn there_are_a_hundred_files_and_what_docker_compose_made_of_each() {
    let cases = Case::all();
    assert!(cases.len() >= 100, "only {} files", cases.len());
    let mut sums = BTreeMap::new();
    for case in &cases {
        for (name, bytes) in case.files.iter().filter(|(name, _)| *name != GOLDEN) {
            sums.insert(format!("{}/{name}", case.name), hex::encode(Sha256::digest(bytes)));
        }
    }
    let sums: String = sums.iter().map(|(path, sum)| format!("{sum}  {path}\n")).collect();
    // A changed file needs to be given to Docker Compose again, which `scripts/corpus.sh` does.
    let known = fs::read_to_string(folder().join(SUMS)).unwrap_or_default();
    if known != sums {
        let unknown: Vec<&str> = sums.lines().filter(|line| !known.contains(line)).collect();
        panic!("{GOLDEN} is not of these files; run scripts/corpus.sh:\n{}", unknown.join("\n"));
    }
}

#[test]
fn no_file_is_refused() {
    for case in Case::all() {
        let problems = case.project().problems;
        let errors: Vec<_> = problems.iter().filter(|p| p.severity == Severity::Error).collect();
        assert!(errors.is_empty(), "{}: {errors:#?}", case.name);
    }
}

#[test]
fn a_project_is_what_docker_compose_makes_of_it() {
    let mut wrong = Vec::new();
    for case in Case::all() {
        let found = differences(&case);
        if !found.is_empty() {
            wrong.push(format!("{}:\n  {}", case.name, found.join("\n  ")));
        }
    }
    assert!(wrong.is_empty(), "{} files differ\n{}", wrong.len(), wrong.join("\n"));
}

/// What a project has in other words than Docker Compose's answer.
fn differences(case: &Case) -> Vec<String> {
    let mut project = case.project();
    if case.rancher().is_some() {
        without_rancher(&mut project);
    }
    let golden = case.golden();
    let expected = expected::project(case, &golden);
    let mut wrong = Vec::new();
    let mut compare = |what: String, ours: Value, theirs: Value| {
        if ours != theirs {
            wrong.push(format!("{what}\n    ours   {ours}\n    theirs {theirs}"));
        }
    };
    let ours: BTreeSet<String> = found_containers(&project).into_keys().collect();
    let theirs: BTreeSet<String> = expected.containers.keys().cloned().collect();
    compare("services".into(), json!(ours), json!(theirs));
    for (name, launch) in found_containers(&project) {
        let Some(wanted) = expected.containers.get(&name) else { continue };
        let keys: BTreeSet<&String> = launch.keys().chain(wanted.keys()).collect();
        for key in keys {
            let at = |map: &serde_json::Map<String, Value>| map.get(key).cloned();
            let (ours, theirs) = (at(&launch), at(wanted));
            compare(format!("{name}.{key}"), json!(ours), json!(theirs));
        }
    }
    for service in &project.services {
        let Some(wanted) = expected.services.get(&service.name) else { continue };
        compare(service.name.clone(), places::service(service), wanted.clone());
    }
    compare("declared".into(), places::declared(&project), expected.declared.clone());
    wrong.extend(untold(&project, &expected));
    wrong
}

/// Takes away what only `rancher-compose.yml` says, which Docker Compose does not read. What that means is
/// tested in the compose layer.
fn without_rancher(project: &mut Project) {
    for service in &mut project.services {
        service.upgrade.clear();
        let sidekicks = service.secondary_launch_configs.iter_mut();
        for launch in sidekicks.chain([&mut service.launch_config]) {
            launch.shift_remove("healthCheck");
        }
    }
}

/// Launch configurations by service, sidekicks among them, in an order that does not matter.
fn found_containers(project: &Project) -> BTreeMap<String, serde_json::Map<String, Value>> {
    let mut found = BTreeMap::new();
    for service in &project.services {
        found.insert(service.name.clone(), places::sorted(&service.launch_config));
        for sidekick in &service.secondary_launch_configs {
            let name = sidekick["name"].as_str().expect("a name").to_owned();
            found.insert(name, places::sorted(sidekick));
        }
    }
    found
}

/// Keys without effect here that no message names.
fn untold(project: &Project, expected: &Expected) -> Vec<String> {
    let told = |path: &String| {
        let under = |found: &str| found == path || found.starts_with(&format!("{path}."));
        project.problems.iter().any(|problem| under(&problem.path))
    };
    let missing = expected.without_effect.iter().filter(|path| !told(path));
    missing.map(|path| format!("no message names {path}")).collect()
}
