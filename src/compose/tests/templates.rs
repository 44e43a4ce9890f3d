//! Templates of catalogs.

use std::collections::BTreeMap;

use super::super::gotemplate::Facts;
use super::super::{ComposeFile, Input, files_loader, parse};

/// What catalogs of the time have in them, beside what the answers make of it.
#[test]
fn templates_of_catalogs_are_read_as_rancher_reads_them() {
    let facts = Some(Facts { stack: "shop".to_owned(), ..Facts::default() });
    let read = |compose: &str, rancher: &str| {
        let input = Input {
            files: vec![ComposeFile::new("compose.yaml", compose)],
            rancher: Some(ComposeFile::new("rancher-compose.yml", rancher)),
            env: BTreeMap::from([("TAG".to_owned(), "1".to_owned())]),
            template: facts.clone(),
            ..Input::default()
        };
        parse(&input, &mut files_loader(&BTreeMap::new()))
    };
    let rancher = "catalog:\n  version: v1\n  version: v1\n  questions:\n    - {variable: TAG, default: \"%{{stack_name}} $(x)\"}\nweb:\n  scale: {{ add 1 1 }}\n";
    let compose = "web:\n  image: nginx:${TAG}\n  log_driver: ''\n  log_opt: {}\n  external_links: [db, other/cache:cache]\n{{- if eq .Values.TAG \"1\" }}\ndb:\n  image: postgres\n  labels: {in: \"{{ .Stack.Name }}\"}\n{{- end }}\n";
    let project = read(compose, rancher);
    assert_eq!(project.problems, [], "{:?}", project.problems);
    let [web, db] = project.services.as_slice() else { panic!("two services") };
    assert_eq!(db.launch_config["labels"]["in"], "shop");
    assert_eq!(
        (web.scale, web.launch_config["imageUuid"].as_str()),
        (Some(2), Some("docker:nginx:1"))
    );
    assert_eq!(
        web.launch_config.get("logConfig").map(|log| log.get("driver").is_some()),
        Some(false)
    );
    let links: Vec<&str> = web.links.iter().map(|link| link.target.as_str()).collect();
    assert_eq!(links, ["db", "other/cache"]);

    let asked = read("web:\n  image: nginx\n", "# By us.\n---\n.catalog:\n  version: v1\n");
    assert_eq!((asked.problems.len(), asked.services.len()), (0, 1), "{:?}", asked.problems);

    let volumes = "version: '2'\nservices:\n  web:\n    image: nginx\n    volumes: ['data:/data']\nvolumes:\n  data:\n    driver: ''\n";
    let project = read(volumes, "");
    assert_eq!(project.problems, [], "{:?}", project.problems);
    assert_eq!(project.volumes[0].driver, None);

    let broken = read("web:\n  image: nginx\n  {{ nothing }}\n", "");
    let problems: Vec<String> = broken.problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        problems,
        ["compose.yaml:3: error: the template: `nothing`: there is no such function; begin the \
             file with `# notemplating` if it is not a template"]
    );
    // Whoever writes files for Docker means the braces as they are.
    let input = Input {
        files: vec![ComposeFile::new(
            "compose.yaml",
            "services:\n  web:\n    image: nginx\n    environment: {A: '{{.Node.Hostname}}'}\n",
        )],
        ..Input::default()
    };
    let project = parse(&input, &mut files_loader(&BTreeMap::new()));
    assert_eq!(project.services[0].launch_config["environment"]["A"], "{{.Node.Hostname}}");
}
