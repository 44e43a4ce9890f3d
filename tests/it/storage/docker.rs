//! Volumes on a real Docker Engine: a directory that containers share.

use crate::docker_support::docker;
use crate::ranch::Ranch;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_directory_is_shared() {
    let docker = docker().await;
    let ranch = Ranch::new(&docker.endpoint, 11, &["dir"]);
    let stack = ranch.stack(0).to_owned();
    let shared = ranch.folder.path().join("shared");
    std::fs::create_dir(&shared).expect("a folder");
    std::fs::write(shared.join("hello"), "from the host").expect("a file");
    let server = ranch.start().await;
    let (image, path) = (&docker.image, shared.display());
    let file = ranch.file(&format!(
        r#"services:
  reader:
    image: {image}
    command: [sleep, "100000"]
    stop_signal: SIGKILL
    volumes: ["all:/all:ro"]
  writer:
    image: {image}
    command: [sleep, "100000"]
    stop_signal: SIGKILL
    volumes: ["all:/all"]
volumes:
  all:
    driver: dir
    driver_opts: {{ path: "{path}" }}
"#
    ));
    ranch.ok(&["up", "-f", &file, "-p", &stack]).await;
    let name = |service: &str| ranch.service(&stack, service)[0].name.clone();
    let (reader, writer) = (name("reader"), name("writer"));
    assert_eq!(ranch.exec(&reader, &["cat", "/all/hello"]).as_deref(), Some("from the host"));
    ranch.exec(&writer, &["cp", "/all/hello", "/all/copy"]).expect("copied");
    assert_eq!(ranch.exec(&reader, &["cat", "/all/copy"]).as_deref(), Some("from the host"));
    assert_eq!(ranch.exec(&reader, &["touch", "/all/no"]), None, "it is read-only here");
    ranch.ok(&["down", &stack, "--volumes", "--yes"]).await;
    assert!(shared.join("copy").exists(), "what is in the directory is not the volume's to remove");
    assert_eq!(ranch.volumes(&stack), Vec::<String>::new());
    server.shut_down().await;
}
