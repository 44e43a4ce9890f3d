//! Backups in a bucket of an S3-compatible server that checks every signature.

use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use ranchette::archive::{Bucket, Place};
use ranchette::clock::Clock;
use ranchette::model::resource::Resource;
use ranchette::outbound::Rules;
use ranchette::outbound::rules::Private;
use ranchette::process::secrets;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::keeping::{begin, files, pairs, put, snapshot, stop};
use super::{make, quiet, volumes};
use crate::tls::certificate_of;
use crate::world::World;

const ACCESS: &str = "ranch-key";
const SECRET: &str = "hush/hush+hush";
/// No archive here is larger.
const MOST: u64 = 64 << 20;

/// Rules that let this machine be called.
fn here() -> Rules {
    Rules::parse("127.0.0.1", Private::Allowed).expect("rules")
}

/// A server with one bucket, for as long as this is there.
struct Server {
    child: Child,
    /// The server ends when this does.
    _input: ChildStdin,
    endpoint: String,
}

impl Server {
    fn start() -> Self {
        Self::speaking(&[])
    }

    /// One with TLS, by a certificate and its key.
    fn speaking(tls: &[&Path]) -> Self {
        let python = std::env::var_os("RANCHETTE_TEST_PYTHON")
            .map_or_else(|| PathBuf::from("target/venv/bin/python"), PathBuf::from);
        let mut child = Command::new(&python)
            .args(["-B", "tests/client/s3_server.py", "ranch", ACCESS, SECRET])
            .args(tls)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("{}: {error}; `scripts/install-deps.sh test`", python.display())
            });
        let mut line = String::new();
        let output = child.stdout.take().expect("an output");
        let read = std::io::BufRead::read_line(&mut std::io::BufReader::new(output), &mut line);
        read.expect("a line");
        let port: u16 =
            line.trim().parse().expect("the S3 server says its port; is moto installed?");
        let scheme = if tls.is_empty() { "http" } else { "https" };
        let input = child.stdin.take().expect("an input");
        Self { child, _input: input, endpoint: format!("{scheme}://127.0.0.1:{port}") }
    }

    fn place(&self) -> Place {
        Place {
            endpoint: self.endpoint.clone(),
            bucket: "ranch".to_owned(),
            region: "us-east-1".to_owned(),
            prefix: "volumes/of mine".to_owned(),
            access_key: ACCESS.to_owned(),
            authorities: String::new(),
        }
    }

    fn bucket(&self) -> Bucket {
        Bucket::new(self.place(), SECRET, Clock::System, &here()).expect("a bucket")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn sum(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Bytes without a pattern that a part could be mistaken for another by.
fn noise(count: usize) -> Vec<u8> {
    let mut state = 7u64;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as u8
    };
    std::iter::repeat_with(next).take(count).collect()
}

async fn there_and_back(bucket: &Bucket, folder: &Path, bytes: &[u8]) {
    let (from, to) = (folder.join("from"), folder.join("to"));
    std::fs::write(&from, bytes).expect("written");
    let sha256 = sum(bytes);
    bucket.put_file(&from, "one.tar.gz", &sha256).await.expect("put");
    bucket.get_file("one.tar.gz", &to, &sha256, MOST).await.expect("got");
    assert!(std::fs::read(&to).expect("a file") == bytes, "{} bytes", bytes.len());
    // Another one, and one that goes on beyond what was noted.
    for (sha256, size) in [(sum(b"other"), MOST), (sha256.clone(), bytes.len() as u64 / 2)] {
        if size == bytes.len() as u64 {
            continue;
        }
        let wrong = bucket.get_file("one.tar.gz", &to, &sha256, size).await.expect_err("another");
        assert!(wrong.to_string().contains("is damaged"), "{wrong}");
    }
    for _ in 0..2 {
        bucket.remove("one.tar.gz").await.expect("removed");
    }
    let gone = bucket.get_file("one.tar.gz", &to, &sha256, MOST).await.expect_err("gone");
    assert!(gone.to_string().contains("NoSuchKey"), "{gone}");
    let changed = bucket.put_file(&from, "one.tar.gz", &sum(b"other")).await.expect_err("changed");
    assert!(changed.to_string().contains("is damaged"), "{changed}");
    let gone =
        bucket.get_file("one.tar.gz", &to, &sha256, MOST).await.expect_err("it did not appear");
    assert!(gone.to_string().contains("NoSuchKey"), "{gone}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn archives_go_into_a_bucket_and_come_back() {
    let server = Server::start();
    let folder = tempfile::tempdir().expect("a folder");
    let bucket = server.bucket();
    assert_eq!(bucket.uri("a.tar.gz"), "s3://ranch/volumes/of mine/a.tar.gz");
    // Nothing, in one go, in parts of which the last is small, and in a whole part.
    let part = 8 * 1024 * 1024;
    for count in [0, 1000, part + 1000, part] {
        there_and_back(&bucket, folder.path(), &noise(count)).await;
    }
    // What is refused says why, and not with which key.
    let from = folder.path().join("from");
    let ask = async |place: Place, secret: &str| {
        let bucket = Bucket::new(place, secret, Clock::System, &here()).expect("a bucket");
        let error = bucket.put_file(&from, "a", &sum(&noise(part))).await.expect_err("refused");
        assert!(!error.to_string().contains(SECRET), "{error}");
        error.to_string()
    };
    let says = format!("bucket `ranch` at {} says: ", server.endpoint);
    let said = ask(server.place(), "wrong").await;
    assert!(said.starts_with(&format!("{says}SignatureDoesNotMatch")), "{said}");
    let stranger = Place { access_key: "stranger".to_owned(), ..server.place() };
    let said = ask(stranger, SECRET).await;
    assert!(said.starts_with(&format!("{says}InvalidAccessKeyId")), "{said}");
    let elsewhere = Place { bucket: "elsewhere".to_owned(), ..server.place() };
    let said = ask(elsewhere, SECRET).await;
    assert!(said.contains("NoSuchBucket"), "{said}");
    let nowhere = Place { endpoint: "http://127.0.0.1:1".to_owned(), ..server.place() };
    let said = ask(nowhere, SECRET).await;
    assert!(said.starts_with("the server at http://127.0.0.1:1 cannot be reached: "), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_behind_tls_has_to_be_vouched_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let (authorities, _) = certificate_of(folder.path(), "s3.example", 3650, "IP:127.0.0.1");
    let (other, _) = certificate_of(folder.path(), "other.example", 3650, "IP:127.0.0.1");
    let files = ["pem", "key"].map(|end| folder.path().join(format!("s3.example.{end}")));
    let server = Server::speaking(&[&files[0], &files[1]]);
    let open = |authorities: &str| {
        let place = Place { authorities: authorities.to_owned(), ..server.place() };
        Bucket::new(place, SECRET, Clock::System, &here())
    };
    let bucket = open(&authorities).expect("a bucket");
    for count in [1000, 8 * 1024 * 1024 + 1000] {
        there_and_back(&bucket, folder.path(), &noise(count)).await;
    }
    for stranger in ["", other.as_str()] {
        let bucket = open(stranger).expect("a bucket");
        let error = bucket.put("a", b"moo".to_vec()).await.expect_err("nobody vouches for it");
        let said = error.to_string();
        assert!(said.starts_with(&format!("the server at {} cannot", server.endpoint)), "{said}");
        assert!(said.contains("certificate"), "{said}");
    }
    for (wrong, why) in [
        ("moo", "nothing in it begins with `-----BEGIN CERTIFICATE-----`"),
        ("-----BEGIN CERTIFICATE-----\nmoo\n", "section end"),
    ] {
        let unfit = open(wrong).err().expect("no certificate");
        assert_eq!(unfit.field, "caCert");
        let said = unfit.why;
        assert!(said.contains(why), "{said}");
    }
}

/// A backup target in the server's bucket, as the API makes it.
async fn target(world: &World, server: &Server, secret: &str) -> Resource {
    let vault = world.core.as_ref().expect("core").site.vault.clone();
    let uuid = ranchette::clock::Entropy::System.uuid();
    let sealed = secrets::seal(&vault, "backupTarget", &uuid, secret.as_bytes()).expect("sealed");
    let place = server.place();
    let new = ranchette::model::resource::NewResource::new("backupTarget", uuid)
        .name("bucket")
        .account(world.project)
        .with(secrets::KEY, sealed)
        .with(
            "s3Config",
            json!({
                "endpoint": place.endpoint,
                "bucket": place.bucket,
                "region": place.region,
                "prefix": "/mine/",
                "accessKey": place.access_key,
            }),
        );
    let made = world
        .store()
        .write(|tx| ranchette::process::create(tx, new, serde_json::Map::new()))
        .await
        .expect("a target");
    world.state(made.id, "created").await
}

async fn backup(world: &World, snapshot: &Resource, target: i64) -> Resource {
    let fields = json!({
        "snapshotId": snapshot.id,
        "volumeId": snapshot.int("volumeId"),
        "backupTargetId": target,
    });
    make(world, "backup", "far", fields).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_volume_comes_back_out_of_a_bucket() {
    let server = Server::start();
    let mut world = World::sim(1).await;
    let store = world.store();
    let allow = store.write(|tx| tx.set_setting("outbound.allow", Some("127.0.0.1")));
    allow.await.expect("a setting");
    let (db, container, volume) = begin(&world).await;
    let kept = snapshot(&world, volume, "none").await;
    let kept = world.state(kept.id, "created").await;
    let to = target(&world, &server, SECRET).await;
    let far = backup(&world, &kept, to.id).await;
    let far = world.state(far.id, "created").await;
    assert!(far.int("provedAt").is_some(), "it was put into a scratch volume and compared");
    let uri = format!("s3://ranch/mine/{}.tar.gz", far.uuid);
    assert_eq!(far.str("uri"), Some(uri.as_str()));
    assert!(!world.folder.path().join("backups").exists(), "nothing of it is in a folder");

    put(&world, &container, "kept", "changed").await;
    stop(&world, &db).await;
    world.act(volume, "restorefrombackup", json!({ "backupId": far.id })).await;
    world.state(volume, "active").await;
    quiet(&world).await;
    assert_eq!(files(&world, &container).await, pairs(&[("kept", "first")]));

    // What somebody has changed in the bucket changes nothing here.
    let bucket = Bucket::new(
        Place { prefix: "mine".to_owned(), ..server.place() },
        SECRET,
        Clock::System,
        &here(),
    );
    let bucket = bucket.expect("a bucket");
    bucket.put(&format!("{}.tar.gz", far.uuid), b"moo".to_vec()).await.expect("put");
    world.act(volume, "restorefrombackup", json!({ "backupId": far.id })).await;
    let failed = world.state(volume, "active").await;
    let said = failed.str("transitioningMessage").unwrap_or_default().to_owned();
    assert!(said.contains("is damaged: its checksum is not the one that was noted"), "{said}");
    assert_eq!(files(&world, &container).await, pairs(&[("kept", "first")]));

    world.act(far.id, "remove", json!({})).await;
    world.state(far.id, "removed").await;
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["tar.gz", "json"].map(|end| format!("{}.{end}", far.uuid)) {
        let gone = bucket.get_file(&name, &folder.path().join("got"), "", MOST).await;
        assert!(gone.expect_err("gone").to_string().contains("NoSuchKey"), "{name}");
    }

    // With a wrong key nothing comes of it, and it says why.
    let locked = target(&world, &server, "wrong").await;
    let none = backup(&world, &kept, locked.id).await;
    let none = world.state(none.id, "removed").await;
    let said = none.str("transitioningMessage").unwrap_or_default();
    assert!(said.contains("SignatureDoesNotMatch"), "{said}");
    let snapshots = std::fs::read_dir(world.folder.path().join("snapshots")).expect("a folder");
    assert_eq!(snapshots.count(), 1, "no copy is left beside the snapshot");
    assert_eq!(volumes(&world).len(), 1);
    world.stop().await;
}
