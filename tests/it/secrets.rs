//! Secrets on a real Docker Engine: files in memory, and nowhere else.

use std::path::{Path, PathBuf};

use reqwest::Method;
use serde_json::{Value, json};

use crate::docker_support::docker;
use crate::ranch::{Ranch, until};

/// Words that must not be found outside of containers: as they are, and in base64.
const FILE: &str = "hush-from-a-file-5c1f";
const CHANGED: &str = "hush-once-changed-77ab";
const OUTSIDE: &str = "hush-from-outside-90d2";

const SHOWS: &str = "stat -c '%u:%g %a %n' /run/secrets/* /etc/key; cat /run/secrets/* /etc/key; \
                     grep -E ' (/run/secrets|/etc/key) ' /proc/mounts | cut -d' ' -f2,3; env";

fn compose(image: &str) -> String {
    format!(
        "services:
  app:
    image: {image}
    command: [sleep, \"100000\"]
    stop_signal: SIGKILL
    environment: {{ PLAIN: yes }}
    secrets:
    - mine
    - {{ source: outside, target: key, uid: '1000', gid: '50', mode: 0400 }}
    - {{ source: mine, target: /etc/key, mode: 0440 }}
secrets:
  mine: {{ file: ./mine.txt }}
  outside: {{ external: true }}
"
    )
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn secrets_are_files_in_memory_and_nowhere_else() {
    let docker = docker().await;
    let ranch = Ranch::new(&docker.endpoint, 10, &["hush"]);
    let stack = ranch.stack(0).to_owned();
    let server = ranch.start().await;
    let file = ranch.file(&compose(&docker.image));
    let mine = ranch.folder.path().join("mine.txt");
    std::fs::write(&mine, FILE).expect("a secret");

    let refused = ranch.run(&["up", "-f", &file, "-p", &stack]).await;
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(words.contains("the environment has no secret `outside`; create it first"), "{words}");
    let secret = json!({ "name": "outside", "value": base64(OUTSIDE) });
    let made = ranch.send(Method::POST, "secrets", &secret).await;
    assert_eq!(made["value"], base64(OUTSIDE), "it is shown once");

    ranch.ok(&["up", "-f", &file, "-p", &stack]).await;
    let shown = shows(&ranch, &stack, FILE).await;
    assert!(shown.contains("PLAIN=yes") && shown.matches("hush").count() == 3, "{shown}");
    nothing_tells(&ranch, &stack).await;

    let before = ranch.service(&stack, "app")[0].clone();
    ranch.docker(&["restart", "-t", "0", &before.name]);
    shows(&ranch, &stack, FILE).await;
    ranch.ok(&["rotate-key"]).await;
    server.shut_down().await;
    ranch.ok(&["rotate-key", "--forget-old"]).await;
    let keys = std::fs::read_to_string(ranch.data_dir().join("vault.key")).expect("keys");
    assert_eq!(keys.lines().count(), 1, "one key is left");
    let server = ranch.start().await;
    ranch.ok(&["up", "-f", &file, "-p", &stack]).await;
    let kept = ranch.service(&stack, "app")[0].clone();
    assert_eq!(kept.id, before.id, "the same file changes nothing");
    // What was in memory is lost when a machine starts anew: it comes back with the container.
    let folder = kept_in(&ranch, &kept.name);
    std::fs::remove_dir_all(&folder).expect("the files in memory");
    ranch.ok(&["restart", &format!("{stack}/app")]).await;
    shows(&ranch, &stack, FILE).await;

    std::fs::write(&mine, CHANGED).expect("a secret");
    ranch.ok(&["up", "-f", &file, "-p", &stack]).await;
    shows(&ranch, &stack, CHANGED).await;
    until("the secret that nobody names is removed", async || {
        let secrets = ranch.list("secrets").await;
        if secrets.len() == 2 { Ok(()) } else { Err(format!("{secrets:?}")) }
    })
    .await;
    nothing_tells(&ranch, &stack).await;
    let folder = kept_in(&ranch, &ranch.service(&stack, "app")[0].name);
    ranch.ok(&["down", &stack, "--yes"]).await;
    assert!(!folder.exists(), "{} is removed with its container", folder.display());
    server.shut_down().await;
}

/// Waits until the container of the stack shows its secrets; what it shows.
async fn shows(ranch: &Ranch, stack: &str, mine: &str) -> String {
    let wanted = [
        "1000:50 400 /run/secrets/key".to_owned(),
        "0:0 444 /run/secrets/mine".to_owned(),
        "0:0 440 /etc/key".to_owned(),
        format!("{OUTSIDE}{mine}{mine}"),
        "/run/secrets tmpfs".to_owned(),
        "/etc/key tmpfs".to_owned(),
    ];
    until("the container has its secrets", async || {
        let containers = ranch.service(stack, "app");
        let [one] = containers.as_slice() else { return Err(format!("{containers:?}")) };
        let shown = ranch.exec(&one.name, &["sh", "-c", SHOWS]).ok_or("it does not run")?;
        if wanted.iter().all(|line| shown.contains(line)) { Ok(shown) } else { Err(shown) }
    })
    .await
}

/// The machine's directory with the secrets of a container.
fn kept_in(ranch: &Ranch, container: &str) -> PathBuf {
    let format =
        "{{range .Mounts}}{{if eq .Destination \"/run/secrets\"}}{{.Source}}{{end}}{{end}}";
    let source = ranch.docker(&["inspect", "-f", format, container]);
    let folder = Path::new(&source).parent().expect("a folder").to_owned();
    assert!(folder.is_dir(), "{source}");
    folder
}

/// Docker, the API, the audit log, the database and its backup do not tell what is secret.
async fn nothing_tells(ranch: &Ranch, stack: &str) {
    let mut said: Vec<(String, Vec<u8>)> = Vec::new();
    for container in ranch.containers(stack) {
        said.push(("docker inspect".to_owned(), ranch.docker(&["inspect", &container.id]).into()));
    }
    for path in ["secrets", "containers", "services", "stacks", "auditlogs"] {
        let rows: Value = ranch.list(path).await.into();
        said.push((path.to_owned(), rows.to_string().into()));
    }
    let backup = ranch.folder.path().join("backup.db");
    let backup = backup.to_str().expect("a path");
    ranch.ok(&["backup", backup, "--force"]).await;
    said.push(("backup".to_owned(), std::fs::read(backup).expect("a backup")));
    for entry in std::fs::read_dir(ranch.data_dir()).expect("data").flatten() {
        if entry.path().is_file() {
            let bytes = std::fs::read(entry.path()).expect("a file");
            said.push((entry.path().display().to_string(), bytes));
        }
    }
    for (place, bytes) in said {
        for word in [FILE, CHANGED, OUTSIDE] {
            for form in [word.to_owned(), base64(word)] {
                let found = bytes.windows(form.len()).any(|part| part == form.as_bytes());
                assert!(!found, "{place} tells `{form}`");
            }
        }
    }
}
