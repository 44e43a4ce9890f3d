//! A stack whose files are on disk, on a real Docker Engine: what others write there becomes containers when
//! somebody says so, and the files stay theirs.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt};
use std::path::Path;

use serde_json::{Value, json};

use crate::docker_support::docker;
use crate::ranch::{Ranch, free_address, page_says, until};

/// A page that says what the variables say, written as people write: with comments, and ends of lines of two kinds.
fn compose(image: &str, port: u16) -> String {
    format!(
        "# mine\nservices:\r\n  web:   # the page\n    image: {image}\n    \
         command: [sh, -c, \"echo $$PAGE > /www/index.html && exec httpd -f -p 80 -h /www\"]\n    \
         environment: {{ PAGE: \"${{PAGE}}\" }}\n    stop_signal: SIGKILL\n    \
         ports: [\"127.0.0.1:{port}:80\"]\n\n"
    )
}

/// Everything about the files of a folder: content, mode, and which file it is.
fn files(folder: &Path) -> BTreeMap<String, (Vec<u8>, u32, u64)> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let facts = |path: &Path| {
        let facts = std::fs::metadata(path).expect("a file");
        (std::fs::read(path).expect("read"), facts.mode(), facts.ino())
    };
    let entry = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.expect("an entry").path();
        (path.file_name().expect("a name").to_string_lossy().into_owned(), facts(&path))
    };
    entries.map(entry).collect()
}

/// Waits until the stack says how it and its files compare.
async fn standing(ranch: &Ranch, stack: &str, state: &str) -> Value {
    until(&format!("the files are {state}"), async || {
        let found = ranch.list(&format!("stacks?name={stack}")).await.remove(0);
        if found["directoryStatus"]["state"] == state { Ok(found) } else { Err(found.to_string()) }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_stack_is_what_its_files_say() {
    let docker = docker().await;
    let ranch = Ranch::new(&docker.endpoint, 30, &["bound"]);
    let stack = ranch.stack(0).to_owned();
    let port = free_address().port();
    let server = ranch.start().await;
    let root = ranch.folder.path().canonicalize().expect("a path").join("stacks");
    let folder = root.join(&stack);
    std::fs::create_dir_all(&folder).expect("a folder");
    server.site().folders.allow(vec![root]);
    let file = folder.join("compose.yaml");
    std::fs::write(&file, compose(&docker.image, port)).expect("written");
    std::fs::write(folder.join(".env"), "# a secret\nPAGE=first\n").expect("written");
    std::fs::set_permissions(folder.join(".env"), PermissionsExt::from_mode(0o600)).expect("mode");
    let before = files(&folder);
    let path = file.to_str().expect("a path");
    ranch.ok(&["up", "--bind", "-f", path, "-p", &stack]).await;
    page_says(port, "first").await;
    let first = ranch.service(&stack, "web").remove(0);
    standing(&ranch, &stack, "settled").await;
    assert_eq!(files(&folder), before, "the files are as they were written");
    let said = ranch.ok(&["plan", &stack]).await;
    assert!(said.ends_with("is what its files say\n"), "{said}");

    // Somebody else writes the file. That alone does nothing.
    std::fs::write(folder.join(".env"), "# a secret\nPAGE=second\n").expect("written");
    let written = files(&folder);
    let changed = standing(&ranch, &stack, "changed").await;
    let action = &changed["directoryStatus"]["changes"][0];
    assert_eq!((&action["action"], &action["service"]), (&json!("change"), &json!("web")));
    let plan = ranch.run(&["plan", &stack]).await;
    let text = String::from_utf8_lossy(&plan.stdout).into_owned();
    assert_eq!(plan.status.code(), Some(6), "{text}");
    assert!(text.contains("  change  web: "), "{text}");
    assert_eq!(ranch.service(&stack, "web"), std::slice::from_ref(&first));
    page_says(port, "first").await;

    ranch.ok(&["apply", &stack]).await;
    page_says(port, "second").await;
    let second =
        until("the container is another", async || match ranch.service(&stack, "web").as_slice() {
            [one] if one.id != first.id && one.is_running() => Ok(one.clone()),
            all => Err(format!("{all:?}")),
        })
        .await;
    standing(&ranch, &stack, "settled").await;
    assert_eq!(files(&folder), written, "the files are as somebody else wrote them");

    // A file that says nothing any more is no reason to do anything.
    std::fs::write(&file, "services: [").expect("written");
    standing(&ranch, &stack, "invalid").await;
    let refused = ranch.run(&["apply", &stack]).await;
    assert!(!refused.status.success(), "{refused:?}");
    std::fs::write(&file, compose(&docker.image, port)).expect("written");
    standing(&ranch, &stack, "settled").await;
    assert_eq!(ranch.service(&stack, "web"), std::slice::from_ref(&second));

    let written = files(&folder);
    ranch.ok(&["unbind", &stack]).await;
    let free = ranch.list(&format!("stacks?name={stack}")).await.remove(0);
    assert_eq!((&free["directory"], &free["directoryStatus"]), (&Value::Null, &Value::Null));
    assert_eq!(ranch.service(&stack, "web"), [second], "everything runs on");
    page_says(port, "second").await;
    ranch.ok(&["down", &stack, "--yes"]).await;
    assert_eq!(ranch.containers(&stack), []);
    assert_eq!(files(&folder), written, "nothing of the folder is ours");
    server.shut_down().await;
}
