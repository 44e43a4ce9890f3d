//! What gets in the way of a deployment on a real Docker Engine: a port that another program has, and an
//! image that is built anew from an unchanged file.

use std::net::TcpListener;

use crate::docker_support::docker;
use crate::ranch::{Ranch, free_address, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_port_of_another_program_is_named_and_waited_for() {
    let docker = docker().await;
    let ranch = Ranch::new(&docker.endpoint, 13, &["taken"]);
    let stack = ranch.stack(0).to_owned();
    let address = free_address();
    let other = TcpListener::bind(address).expect("a port");
    let server = ranch.start().await;
    let file = ranch.file(&format!(
        "services:\n  web:\n    image: {}\n    command: [httpd, -f, -p, \"80\"]\n    \
         stop_signal: SIGKILL\n    ports: [\"{address}:80\"]\n",
        docker.image
    ));
    ranch.ok(&["up", "--detach", "-f", &file, "-p", &stack]).await;
    let wanted = format!("port {} is already in use", address.port());
    for list in ["containers", "services"] {
        until(list, async || {
            let rows = ranch.list(list).await;
            let said: Vec<&str> =
                rows.iter().filter_map(|row| row["transitioningMessage"].as_str()).collect();
            let told = said.iter().any(|message| message.contains(&wanted));
            if told { Ok(()) } else { Err(format!("{said:?}")) }
        })
        .await;
    }
    drop(other);
    ranch.ok(&["up", "-f", &file, "-p", &stack]).await;
    let containers = ranch.containers(&stack);
    assert_eq!(containers.len(), 1, "{containers:?}");
    assert!(containers[0].is_running(), "{containers:?}");
    ranch.ok(&["down", &stack, "--yes"]).await;
    server.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_image_built_anew_is_a_change() {
    let docker = docker().await;
    let ranch = Ranch::new(&docker.endpoint, 14, &["built"]);
    let stack = ranch.stack(0).to_owned();
    let server = ranch.start().await;
    let file = ranch.file(
        "services:\n  app:\n    build: .\n    command: [sleep, \"100000\"]\n    \
         stop_signal: SIGKILL\n",
    );
    let dockerfile = std::path::Path::new(&file).with_file_name("Dockerfile");
    let write = |version: u32| {
        let text = format!("FROM {}\nLABEL version={version}\n", docker.image);
        std::fs::write(&dockerfile, text).expect("a Dockerfile");
    };
    let up = ["up", "--build", "-f", &file, "-p", &stack];
    write(1);
    ranch.ok(&up).await;
    let first = ranch.containers(&stack);
    assert_eq!(first.len(), 1, "{first:?}");
    let image = ranch.docker(&["inspect", "-f", "{{.Config.Image}}", &first[0].id]);
    ranch.ok(&up).await;
    ranch.ok(&["up", "-f", &file, "-p", &stack]).await;
    assert_eq!(ranch.containers(&stack), first, "the same image again changes nothing");
    write(2);
    ranch.ok(&up).await;
    let second = ranch.containers(&stack);
    assert_eq!(second.len(), 1, "{second:?}");
    assert_ne!(second[0].id, first[0].id);
    let version = "{{index .Config.Labels \"version\"}}";
    assert_eq!(ranch.docker(&["inspect", "-f", version, &second[0].id]), "2");
    ranch.ok(&["down", &stack, "--yes"]).await;
    ranch.docker(&["rmi", "-f", &image]);
    server.shut_down().await;
}
