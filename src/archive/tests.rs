//! Archives are written, read, compared and found to be damaged.

use std::io;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::*;

/// A file of a tar: name, mode, content.
type Member<'a> = (&'a str, u32, &'a str);

fn tar(members: &[Member<'_>]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, mode, content) in members {
        let mut header = tar::Header::new_gnu();
        header.set_mode(*mode);
        header.set_mtime(7);
        header.set_size(content.len() as u64);
        tar.append_data(&mut header, name, content.as_bytes()).unwrap();
    }
    tar.into_inner().unwrap()
}

/// The bytes in pieces that do not fit the blocks of a tar.
fn incoming(tar: &[u8]) -> Incoming {
    let pieces: Vec<io::Result<Bytes>> =
        tar.chunks(1000).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    Incoming::new(stream::iter(pieces))
}

async fn digest(members: &[Member<'_>]) -> String {
    of_stream(incoming(&tar(members))).await.unwrap().digest
}

#[tokio::test]
async fn what_is_written_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/er/one.tar.gz");
    let tar = tar(&[("volume/a", 0o644, "alpha"), ("volume/b", 0o600, &"b".repeat(100_000))]);
    let written = write(&path, incoming(&tar)).await.unwrap();
    assert_eq!((written.contents.files, written.contents.bytes), (2, 100_005));
    assert_eq!(written.size, std::fs::metadata(&path).unwrap().len());
    assert!(written.size < 10_000, "{} bytes", written.size);
    assert_eq!(Archive::of_json(written.to_json().as_object().unwrap()), Some(written.clone()));
    let pieces: Vec<Bytes> = read(path.clone()).try_collect().await.unwrap();
    assert_eq!(pieces.concat(), tar);
    verify(&path, &written.sha256).await.unwrap();
    let copied = folder.path().join("copy.tar.gz");
    copy(&path, &copied, &written.sha256).await.unwrap();
    assert_eq!(std::fs::read(&copied).unwrap(), std::fs::read(&path).unwrap());
    for _ in 0..2 {
        remove(&copied).await.unwrap();
    }
    let left: Vec<_> = std::fs::read_dir(path.parent().unwrap()).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing is left beside it");
}

#[tokio::test]
async fn what_is_damaged_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("one.tar.gz");
    let written = write(&path, incoming(&tar(&[("volume/a", 0o644, "alpha")]))).await.unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let expect = "archive `one.tar.gz` is damaged: its checksum is not the one that was noted";
    assert_eq!(verify(&path, &written.sha256).await.unwrap_err().to_string(), expect);
    let to = folder.path().join("copy.tar.gz");
    assert_eq!(copy(&path, &to, &written.sha256).await.unwrap_err().to_string(), expect);
    assert!(!to.exists());
}

#[tokio::test]
async fn what_breaks_off_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("one.tar.gz");
    let whole = tar(&[("volume/a", 0o644, &"a".repeat(5000))]);
    let cut = stream::iter([
        Ok(Bytes::copy_from_slice(&whole[..2000])),
        Err(io::Error::other("the engine is away")),
    ]);
    let error = write(&path, Incoming::new(cut.boxed())).await.unwrap_err();
    assert!(error.to_string().contains("the engine is away"), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    // A stream that just ends is no tar, either.
    assert!(write(&path, incoming(&whole[..2000])).await.is_err());
}

#[tokio::test]
async fn a_digest_tells_what_is_different() {
    let (a, b) = (("volume/a", 0o644, "alpha"), ("volume/b", 0o644, "beta"));
    let one = digest(&[a, b]).await;
    assert_eq!(digest(&[b, a]).await, one, "the order means nothing");
    let elsewhere = [("x/a", 0o644, "alpha"), ("x/b", 0o644, "beta")];
    assert_eq!(digest(&elsewhere).await, one, "where it is mounted means nothing");
    for other in [
        vec![a],
        vec![a, b, ("volume/c", 0o644, "")],
        vec![a, ("volume/b", 0o644, "bet4")],
        vec![a, ("volume/b", 0o600, "beta")],
        vec![a, ("volume/c", 0o644, "beta")],
    ] {
        assert_ne!(digest(&other).await, one, "{other:?}");
    }
}

#[test]
fn targets_stay_below_their_folder() {
    let places = Places::beside(Path::new("/data/ranchette.db"));
    assert_eq!(places.snapshots(), Path::new("/data/snapshots"));
    assert_eq!(places.target("nas"), Path::new("/data/backups/nas"));
    assert_eq!(places.target(".."), Path::new("/data/backups/_.."));
    let places = places.with_backups_in(Path::new("/mnt/backups"));
    assert_eq!(places.target("nas"), Path::new("/mnt/backups/nas"));
}
