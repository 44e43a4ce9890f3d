//! Compose files of strangers, read and planned: the entry point of the fuzz target and of the property
//! tests. Nothing here is part of the program.

use std::collections::BTreeMap;

use super::gotemplate;
use super::plan::{Orphans, plan};
use super::{ComposeFile, Input, files_loader, parse};

/// Texts of a project, a NUL between them: the compose file, one laid over it, `rancher-compose.yml`,
/// and a file that they may include, extend or read variables from (`other`).
pub fn project(bytes: &[u8]) {
    let mut texts = bytes.split(|byte| *byte == 0);
    let mut next = || texts.next().map(<[u8]>::to_vec);
    let first = next().unwrap_or_default();
    let overlay = next().filter(|text| !text.is_empty());
    let rancher = next().filter(|text| !text.is_empty());
    let files = BTreeMap::from([("other".to_owned(), next().unwrap_or_default())]);
    let mut names = vec![ComposeFile::new("compose.yaml", first)];
    names.extend(overlay.map(|text| ComposeFile::new("over.yaml", text)));
    let env = [("A", "1"), ("EMPTY", ""), ("IMAGE", "nginx:1"), ("DOLLAR", "$A ${A}")];
    let input = Input {
        files: names,
        rancher: rancher.map(|text| ComposeFile::new("rancher-compose.yml", text)),
        env: env.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        project_dir: Some("/srv/app"),
        project_name: Some("app"),
        template: Some(gotemplate::Facts::default()),
        profiles: vec!["*".to_owned()],
    };
    let found = parse(&input, &mut files_loader(&files));
    let again = parse(&input, &mut files_loader(&files));
    assert_eq!(format!("{:?}", found.problems), format!("{:?}", again.problems));
    for problem in &found.problems {
        assert!(!problem.to_string().is_empty());
    }
    if found.has_errors() {
        return;
    }
    if let Ok(changes) = plan(&found, &[], Orphans::Keep) {
        assert_eq!(changes.len(), found.services.len());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::project;

    /// Lines of compose files, of which some fit together.
    const LINES: &[&str] = &[
        "services:",
        "{{- if .Values.A }}",
        "{{- range $i, $e := until 3 }}",
        "{{- end }}",
        "  web{{ $i }}: {{ printf \"%s\" .Values.IMAGE | quote }}",
        "catalog: {questions: [{variable: A}]}",
        "  web:",
        "  db:",
        "    image: nginx",
        "    image: ${IMAGE:-x}",
        "  x-a: &a",
        "    image: ${NONE:?missing}",
        "    <<: *a",
        "    ports: [\"80:80\", 53/udp, 1-3:1-3]",
        "    ports: [{target: 80, published: 8080}]",
        "    environment: {A: $A, B: ${A:+b}}",
        "    environment: [A, B=$$, C=${A",
        "    depends_on: [db, web]",
        "    links: [db:sql]",
        "    deploy: {replicas: ${A}, resources: {limits: {memory: 1g, cpus: '0.5'}}}",
        "    extends: {file: other, service: web}",
        "include: [other]",
        "    env_file: other",
        "    volumes: [data:/d, ./a:/b:ro, {type: tmpfs, target: /t}]",
        "volumes: {data: }",
        "    healthcheck: {test: [CMD, x], interval: 1m30s}",
        "version: '2'",
        "    scale: 3",
        "    labels: {io.rancher.sidekicks: db}",
        "    secrets: [s]",
        "secrets: {s: {file: other}}",
        "    build: {context: ., args: {A: 1}}",
        "    profiles: [a]",
        "name: app",
        "\t- tab",
        "- [",
        "    lb_config: {port_rules: [{source_port: 80, service: web, target_port: 80}]}",
        "? !!x",
    ];

    #[test]
    fn files_are_read_or_refused() {
        let rng_seed = proptest::test_runner::RngSeed::Fixed(16);
        let config = |cases| ProptestConfig {
            cases,
            rng_seed,
            failure_persistence: None,
            ..ProptestConfig::default()
        };
        let lines = || prop::collection::vec(prop::sample::select(LINES), 0..14);
        proptest!(config(400), |(first in lines(), over in lines(), other in lines())| {
            let text = [first, over, vec![], other].map(|lines| lines.join("\n")).join("\0");
            project(text.as_bytes());
        });
        proptest!(config(200), |(bytes in any::<Vec<u8>>(), text in any::<String>())| {
            project(&bytes);
            project(text.as_bytes());
        });
    }
}
