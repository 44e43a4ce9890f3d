//! Archives that somebody has put in the place of those that were made: a real Docker Engine writes none of it.

use bytes::Bytes;
use ranchette::archive::{self, Archive, Incoming};
use ranchette::model::id;
use reqwest::Method;
use serde_json::{Value, json};
use tar::EntryType as Kind;

use super::docker::{compose, reach};
use crate::docker_support::docker;
use crate::ranch::{Ranch, Serving, until};

/// An entry of a tar: what it is, its name, where it leads to, what is in it.
type Entry<'a> = (Kind, &'a str, &'a str, &'a str);

/// What is in the volume, and stays.
const LOOK: &str = "cd /data && ls -A && cat kept";

/// A tar as no honest program writes it: names are not looked at.
fn tar(entries: &[Entry<'_>]) -> Bytes {
    let mut tar = tar::Builder::new(Vec::new());
    for (kind, name, link, text) in [(Kind::Directory, "volume/", "", "")].iter().chain(entries) {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(*kind);
        header.set_mode(if *kind == Kind::Symlink { 0o777 } else { 0o755 });
        header.set_mtime(7);
        header.set_size(text.len() as u64);
        header.set_device_major(7).expect("a number");
        header.set_device_minor(0).expect("a number");
        let raw = header.as_old_mut();
        raw.name[..name.len()].copy_from_slice(name.as_bytes());
        raw.linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_cksum();
        tar.append(&header, text.as_bytes()).expect("a tar");
    }
    tar.into_inner().expect("a tar").into()
}

/// A stack whose volume has a snapshot, and the folder that nothing must be written to.
struct Victim {
    ranch: Ranch,
    server: Serving,
    stack: String,
    image: String,
    volume: String,
    snapshot: Value,
}

impl Victim {
    async fn start(number: u32) -> Self {
        let docker = docker().await;
        let ranch = Ranch::new(&docker.endpoint, number, &["hostile"]);
        let stack = ranch.stack(0).to_owned();
        std::fs::create_dir(ranch.folder.path().join("outside")).expect("a folder");
        std::fs::write(ranch.folder.path().join("outside/precious"), "precious").expect("a file");
        let server = ranch.start().await;
        server.set("volume.helper.image", &docker.image).await;
        let file = ranch.file(&compose(&docker.image));
        ranch.ok(&["up", "-f", &file, "-p", &stack]).await;
        let name = ranch.service(&stack, "db")[0].name.clone();
        ranch.exec(&name, &["sh", "-c", "echo first > /data/kept"]).expect("filled");
        let volume = ranch.list(&format!("volumes?name={stack}_data")).await.remove(0);
        let volume = format!("volumes/{}", volume["id"].as_str().expect("an id"));
        let asked = json!({ "name": "one", "quiesce": "none" });
        let path = format!("{volume}?action=snapshot");
        let snapshot = ranch.send(Method::POST, &path, &asked).await;
        let path = format!("snapshots/{}", snapshot["id"].as_str().expect("an id"));
        let snapshot = reach(&ranch, &path, "created").await;
        ranch.ok(&["stop", &stack]).await;
        Self { ranch, server, stack, image: docker.image.clone(), volume, snapshot }
    }

    /// Puts an archive in the place of the snapshot's, with everything that is noted of it.
    async fn replace(&self, tar: Bytes) {
        let uuid = self.snapshot["uuid"].as_str().expect("a UUID");
        let path = self.ranch.data_dir().join(format!("snapshots/{uuid}.tar.gz"));
        let pieces = futures_util::stream::iter([Ok::<_, std::io::Error>(tar)]);
        let written = archive::write(&path, Incoming::new(pieces)).await.expect("written");
        let id = self.snapshot["id"].as_str().and_then(id::parse).expect("an id");
        let note = move |tx: &mut ranchette::store::Tx<'_>| {
            tx.update(id, |row| {
                row.set("archive", Archive::to_json(&written));
                Ok(())
            })
        };
        self.server.site().store.write(note).await.expect("noted");
    }

    /// Asks for the volume to be put back; what is said in the end.
    async fn put_back(&self) -> String {
        let asked = json!({ "snapshotId": self.snapshot["id"] });
        let path = format!("{}?action=reverttosnapshot", self.volume);
        self.ranch.send(Method::POST, &path, &asked).await;
        until("the volume is as it was", async || {
            let found = self.ranch.send(Method::GET, &self.volume, &json!({})).await;
            match found["transitioning"] == "yes" {
                true => Err(found.to_string()),
                false => Ok(found["transitioningMessage"].as_str().unwrap_or_default().to_owned()),
            }
        })
        .await
    }

    /// What is in the volume.
    fn look(&self) -> String {
        let volume = format!("{}_data:/data", self.stack);
        let words =
            ["run", "--rm", "--network", "none", "-v", &volume, &self.image, "sh", "-c", LOOK];
        self.ranch.docker(&words)
    }

    /// Everything outside of the volume is as it was.
    fn outside_is_untouched(&self, case: &str) {
        let outside = self.ranch.folder.path().join("outside");
        let text = std::fs::read_to_string(outside.join("precious")).expect("a file");
        let names: Vec<_> = std::fs::read_dir(&outside).expect("a folder").collect();
        assert_eq!((text.as_str(), names.len()), ("precious", 1), "{case}: {names:?}");
        let links = std::os::unix::fs::MetadataExt::nlink(
            &std::fs::metadata(outside.join("precious")).expect("a file"),
        );
        assert_eq!(links, 1, "{case}");
        // Where Docker keeps volumes, beside the one that is put back.
        let volume = format!("{}_data", self.stack);
        let place =
            self.ranch.docker(&["volume", "inspect", "--format", "{{.Mountpoint}}", &volume]);
        let beside = std::path::Path::new(&place).parent().expect("a folder");
        for entry in std::fs::read_dir(beside).expect("a folder") {
            assert_eq!(entry.expect("an entry").file_name(), "_data", "{case}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_written_outside_of_a_volume() {
    let victim = Victim::start(27).await;
    let before = victim.look();
    assert_eq!(before, "kept\nfirst");
    let outside = victim.ranch.folder.path().join("outside");
    let (folder, precious) = (outside.display().to_string(), outside.join("precious"));
    let (new, precious) = (format!("{folder}/new"), precious.display().to_string());
    let link = (Kind::Symlink, "volume/link", folder.as_str(), "");
    let file = |name| (Kind::Regular, name, "", "evil");
    let cases: &[(&str, &[Entry<'_>])] = &[
        ("volume/../../new", &[file("volume/../../new")]),
        ("../../../../../../../../new", &[file("../../../../../../../../new")]),
        ("volume/../new", &[file("volume/../new")]),
        ("etc/passwd", &[file("etc/passwd")]),
        (&new, &[file(&new)]),
        ("volume/link/new", &[link, file("volume/link/new")]),
        ("volume/link", &[(Kind::Symlink, "volume/link", &precious, ""), file("volume/link")]),
        ("volume/hard", &[(Kind::Link, "volume/hard", &precious, "")]),
        ("volume/deep", &[link, (Kind::Link, "volume/deep", "volume/link/precious", "")]),
        ("volume/disk", &[(Kind::Block, "volume/disk", "", "")]),
        ("volume", &[(Kind::Symlink, "volume", &folder, "")]),
    ];
    for (name, entries) in cases {
        victim.replace(tar(entries)).await;
        let said = victim.put_back().await;
        assert!(said.contains(&format!("entry `{name}` of the archive ")), "{name}: {said}");
        assert_eq!(victim.look(), before, "{name}: nothing is lost, either");
        victim.outside_is_untouched(name);
    }

    // Nor does a backup of such an archive come to be.
    let ranch = &victim.ranch;
    let target = ranch.send(Method::POST, "backuptargets", &json!({ "name": "nas" })).await;
    let path = format!("backuptargets/{}", target["id"].as_str().expect("an id"));
    reach(ranch, &path, "created").await;
    victim.replace(tar(&[link, file("volume/link/new")])).await;
    let snapshot = victim.snapshot["id"].as_str().expect("an id");
    let asked = json!({ "name": "first", "backupTargetId": target["id"] });
    let path = format!("snapshots/{snapshot}?action=backup");
    let backup = ranch.send(Method::POST, &path, &asked).await;
    let path = format!("backups/{}", backup["id"].as_str().expect("an id"));
    until("the backup is given up", async || {
        let (_, found) = ranch.ask(Method::GET, &path, &json!({})).await;
        let said = found["transitioningMessage"].as_str().unwrap_or_default();
        let refused = said.contains("entry `volume/link/new` of the archive is reached through");
        if refused && found["state"] == "removed" { Ok(()) } else { Err(found.to_string()) }
    })
    .await;
    victim.outside_is_untouched("a backup");

    // What volumes have is put back: links may lead anywhere, as long as nothing is written through them.
    let honest = [link, file("volume/new"), (Kind::Link, "volume/same", "volume/new", "")];
    victim.replace(tar(&honest)).await;
    assert_eq!(victim.put_back().await, "");
    let volume = format!("{}_data:/data", victim.stack);
    let look = "readlink /data/link; cat /data/same; ls -A /data";
    let words =
        ["run", "--rm", "--network", "none", "-v", &volume, &victim.image, "sh", "-c", look];
    assert_eq!(ranch.docker(&words), format!("{folder}\nevillink\nnew\nsame"));
    victim.outside_is_untouched("an honest archive");
    ranch.ok(&["down", &victim.stack, "--volumes", "--yes"]).await;
    victim.server.shut_down().await;
}
