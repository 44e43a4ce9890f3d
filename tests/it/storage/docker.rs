//! Volumes on a real Docker Engine: kept, backed up, put back, and a directory that containers share.

use reqwest::Method;
use serde_json::{Value, json};

use crate::docker_support::docker;
use crate::ranch::{Ranch, until};

/// A service with data in a volume: files of several kinds, owners and modes.
pub(super) fn compose(image: &str) -> String {
    format!(
        r#"services:
  db:
    image: {image}
    command: [sleep, "100000"]
    stop_signal: SIGKILL
    volumes: ["data:/data"]
volumes:
  data: {{}}
"#
    )
}

/// Everything that is to be the same afterwards.
const LOOK: &str = "cd /data && find . | sort | while read f; do stat -c '%n %a %u %g %F %s' \"$f\" | \
                    grep -v '^\\. ' ; done; stat -c '%a %u %g' .; find . -type f | sort | xargs md5sum; \
                    readlink link; stat -c %Y kept";

/// Waits until a resource is in a state, and fails when something went wrong on the way.
pub(super) async fn reach(ranch: &Ranch, path: &str, state: &str) -> Value {
    until(&format!("{path} is {state}"), async || {
        let found = ranch.send(Method::GET, path, &json!({})).await;
        assert_ne!(found["transitioning"], "error", "{found}");
        if found["state"] == state { Ok(found) } else { Err(found.to_string()) }
    })
    .await
}

/// Fine when nothing is there any more.
fn none(left: Vec<String>) -> Result<(), String> {
    if left.is_empty() { Ok(()) } else { Err(left.join(", ")) }
}

fn id(resource: &Value) -> &str {
    resource["id"].as_str().expect("an id")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn volumes_are_kept_and_put_back() {
    let docker = docker().await;
    let ranch = Ranch::new(&docker.endpoint, 10, &["keep"]);
    let stack = ranch.stack(0).to_owned();
    let server = ranch.start().await;
    server.set("volume.helper.image", &docker.image).await;
    server.set("volume.undo.seconds", "3600").await;
    let file = ranch.file(&compose(&docker.image));
    ranch.ok(&["up", "-f", &file, "-p", &stack]).await;
    let name = ranch.service(&stack, "db")[0].name.clone();
    let shell = |script: &str| ranch.exec(&name, &["sh", "-c", script]);
    let fill = "cd /data && echo first > kept && mkdir -p a/b && chmod 700 a && \
                head -c 3000000 /dev/urandom > a/b/large && chown 7:8 a/b/large && \
                touch -d '2001-02-03 04:05:06' kept && ln -s kept link && ln kept hard && \
                mkfifo pipe && chmod 4751 hard && echo x > 'with space' && chmod 1777 .";
    shell(fill).expect("filled");
    let before = shell(LOOK).expect("a look");

    let volume = ranch.list(&format!("volumes?name={stack}_data")).await.remove(0);
    let volume_path = format!("volumes/{}", id(&volume));
    assert!(volume["actions"]["snapshot"].is_string(), "{volume}");
    assert!(volume["actions"]["reverttosnapshot"].is_null(), "a container uses it: {volume}");
    let act = |action: &str| format!("{volume_path}?action={action}");
    let asked = json!({ "name": "one", "quiesce": "pause" });
    let snapshot = ranch.send(Method::POST, &act("snapshot"), &asked).await;
    let snapshot = reach(&ranch, &format!("snapshots/{}", id(&snapshot)), "created").await;
    assert!(ranch.service(&stack, "db")[0].is_running());
    let target = ranch.send(Method::POST, "backuptargets", &json!({ "name": "nas" })).await;
    let target = reach(&ranch, &format!("backuptargets/{}", id(&target)), "created").await;
    let path = format!("snapshots/{}?action=backup", id(&snapshot));
    let asked = json!({ "name": "first", "backupTargetId": id(&target) });
    let backup = ranch.send(Method::POST, &path, &asked).await;
    let backup = reach(&ranch, &format!("backups/{}", id(&backup)), "created").await;
    assert!(backup["provedAt"].is_string(), "{backup}");
    let size =
        std::fs::metadata(backup["uri"].as_str().expect("a URI").trim_start_matches("file://"));
    assert!(size.expect("a file").len() > 2_900_000, "what is random stays as large as it is");

    // Stopped, changed beyond recognition, and put back: the container is still there and has the volume.
    let spoil = "cd /data && rm -rf a kept && echo other > new && chmod 700 . && mkdir -p x/y";
    shell(spoil).expect("spoiled");
    ranch.ok(&["stop", &stack]).await;
    let asked = json!({ "snapshotId": id(&snapshot) });
    ranch.send(Method::POST, &act("reverttosnapshot"), &asked).await;
    reach(&ranch, &volume_path, "active").await;
    ranch.ok(&["start", &stack]).await;
    assert_eq!(shell(LOOK).as_deref(), Some(before.as_str()));

    removed_and_brought_back(&ranch, &stack, &file, &volume_path, &before).await;
    let last =
        a_successor_gets_the_backup(&ranch, &stack, &file, &volume_path, &backup, &before).await;

    ranch.ok(&["down", &stack, "--volumes", "--yes"]).await;
    let last = reach(&ranch, &last, "removed").await;
    until("no volume of the stack is left", async || none(ranch.volumes(&stack))).await;
    for row in [&volume, &last, &snapshot, &backup] {
        // Containers and volumes that were only there to get at the contents are named after what they are for.
        let name = format!("name=ranchette-{}", row["uuid"].as_str().expect("a UUID"));
        for what in [vec!["ps", "-aq"], vec!["volume", "ls", "-q"]] {
            let left = ranch.docker(&[what.as_slice(), &["--filter", &name]].concat());
            assert_eq!(left, "", "{what:?} {name}");
        }
    }
    server.shut_down().await;
}

async fn removed_and_brought_back(
    ranch: &Ranch,
    stack: &str,
    file: &str,
    volume_path: &str,
    before: &str,
) {
    ranch.ok(&["down", stack, "--volumes", "--yes"]).await;
    let gone = reach(ranch, volume_path, "removed").await;
    let note = gone["removalNote"].as_str().unwrap_or_default();
    assert!(note.contains("the action `restore` brings back what was in it"), "{note}");
    until("the volume is gone", async || none(ranch.volumes(stack))).await;
    ranch.send(Method::POST, &format!("{volume_path}?action=restore"), &json!({})).await;
    reach(ranch, volume_path, "detached").await;
    ranch.ok(&["up", "-f", file, "-p", stack]).await;
    let name = ranch.service(stack, "db")[0].name.clone();
    assert_eq!(ranch.exec(&name, &["sh", "-c", LOOK]).as_deref(), Some(before));
}

/// The path of the volume that has it now.
async fn a_successor_gets_the_backup(
    ranch: &Ranch,
    stack: &str,
    file: &str,
    volume_path: &str,
    backup: &Value,
    before: &str,
) -> String {
    ranch.ok(&["down", stack, "--volumes", "--yes"]).await;
    reach(ranch, volume_path, "removed").await;
    ranch.ok(&["up", "-f", file, "-p", stack]).await;
    ranch.ok(&["stop", stack]).await;
    let volume = ranch.list(&format!("volumes?name={stack}_data")).await.remove(0);
    let volume_path = format!("volumes/{}", id(&volume));
    let path = format!("{volume_path}?action=restorefrombackup");
    ranch.send(Method::POST, &path, &json!({ "backupId": id(backup) })).await;
    reach(ranch, &volume_path, "active").await;
    ranch.ok(&["start", stack]).await;
    let name = ranch.service(stack, "db")[0].name.clone();
    assert_eq!(ranch.exec(&name, &["sh", "-c", LOOK]).as_deref(), Some(before));
    volume_path
}

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
    until("the volume is gone", async || none(ranch.volumes(&stack))).await;
    server.shut_down().await;
}
