//! Tests of the compose layer: files in, a readable summary of the project out.
//!
//! A case is one text; `=== name` starts a further file. `compose.override.yaml` is laid over the
//! first one, `rancher-compose.yml` stands beside it, anything else is there for the loader.

mod bad;
mod export;
mod files;
mod fixtures;
mod forms;
mod hostile;
mod interpolation;
mod outside;
mod plan;
mod rancher;
mod reuse;
mod services;
mod templates;
mod transform;

use std::collections::BTreeMap;
use std::fmt::Write;

use expect_test::Expect;

use super::*;

/// Splits a case into its files.
fn split(text: &str) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut name = "compose.yaml".to_owned();
    let mut body = String::new();
    for line in text.lines() {
        match line.strip_prefix("=== ") {
            Some(next) => {
                files.insert(name, std::mem::take(&mut body).into_bytes());
                name = next.trim().to_owned();
            }
            None => {
                body.push_str(line);
                body.push('\n');
            }
        }
    }
    files.insert(name, body.into_bytes());
    files
}

/// The variables every case is read with.
fn env() -> BTreeMap<String, String> {
    let pairs = [("TAG", "1.2"), ("EMPTY", ""), ("HOME", "/home/ana"), ("PORT", "8080")];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The input of a case.
fn input(files: &BTreeMap<String, Vec<u8>>) -> Input<'static> {
    let file = |name: &str| Some(ComposeFile::new(name, files.get(name)?.clone()));
    let first = ["compose.yaml", "docker-compose.yml"].into_iter().find_map(file);
    Input {
        files: first.into_iter().chain(file("compose.override.yaml")).collect(),
        rancher: file("rancher-compose.yml"),
        env: env(),
        project_dir: Some("/srv/app"),
        project_name: None,
        template: None,
        profiles: Vec::new(),
    }
}

fn read(text: &str) -> Project {
    let files = split(text);
    let mut load = files_loader(&files);
    parse(&input(&files), &mut load)
}

/// Reads a case and compares the whole summary.
fn check(text: &str, expect: Expect) {
    expect.assert_eq(&summary(&read(text)));
}

/// Reads a case and compares only what is wrong with it.
fn check_problems(text: &str, expect: Expect) {
    expect.assert_eq(&problems(&read(text)));
}

fn problems(project: &Project) -> String {
    project.problems.iter().fold(String::new(), |mut out, problem| {
        let _ = writeln!(out, "{problem}");
        out
    })
}

/// A project as text, without what is the same in every case.
fn summary(project: &Project) -> String {
    let mut out = String::new();
    if let Some(name) = &project.name {
        let _ = writeln!(out, "name {name}");
    }
    for service in &project.services {
        describe(&mut out, service);
    }
    for volume in &project.volumes {
        let _ = writeln!(out, "volume {}", json(volume));
    }
    for network in &project.networks {
        let _ = writeln!(out, "network {}", json(network));
    }
    for (what, list) in [("secret", &project.secrets), ("config", &project.configs)] {
        for file in list {
            let content = match &file.content {
                FileContent::Bytes(bytes) => format!("{:?}", String::from_utf8_lossy(bytes)),
                FileContent::External => format!("external {}", file.name),
            };
            let _ = writeln!(out, "{what} {}: {content}", file.key);
        }
    }
    out + &problems(project)
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap()
}

fn describe(out: &mut String, service: &Service) {
    let kind = service.kind.as_str();
    let scale = service.scale.map(|scale| format!(" x{scale}")).unwrap_or_default();
    let global = if service.global { " global" } else { "" };
    let stopped = if service.start_on_create == Some(false) { " stopped" } else { "" };
    let _ = writeln!(out, "{kind} {}{scale}{global}{stopped}", service.name);
    let fields = |out: &mut String, prefix: &str, map: &serde_json::Map<String, _>| {
        for (field, value) in map {
            if (field.as_str(), value) != ("networkMode", &serde_json::json!("managed")) {
                let _ = writeln!(out, "  {prefix}{field}: {}", json(value));
            }
        }
    };
    fields(out, "", &service.launch_config);
    for sidekick in &service.secondary_launch_configs {
        let name = sidekick["name"].as_str().unwrap();
        fields(out, &format!("{name}/"), sidekick);
    }
    fields(out, "service.", &service.fields);
    fields(out, "upgrade.", &service.upgrade);
    for link in &service.links {
        let _ = writeln!(out, "  link {} as {}", link.target, link.alias);
    }
    for need in &service.depends_on {
        let _ = writeln!(out, "  needs {} {:?}", need.service, need.condition);
    }
    for (name, build) in service
        .build
        .iter()
        .map(|build| ("", build))
        .chain(service.sidekick_builds.iter().map(|(name, build)| (name.as_str(), build)))
    {
        let _ = writeln!(out, "  build {name}{}", json(build));
    }
    for file in &service.files {
        let _ = writeln!(out, "  file {}", json(file));
    }
}
