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

/// Something that a tar says, of a kind that somebody with bad intentions would choose.
fn evil(kind: tar::EntryType, name: &str, link: &str, size: u64) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(0o6777);
    header.set_size(size);
    header.set_device_major(1).unwrap();
    header.set_device_minor(3).unwrap();
    let raw = header.as_old_mut();
    raw.name[..name.len()].copy_from_slice(name.as_bytes());
    raw.linkname[..link.len()].copy_from_slice(link.as_bytes());
    header.set_cksum();
    header.as_bytes().to_vec()
}

#[tokio::test]
async fn names_in_an_archive_lead_nowhere() {
    use tar::EntryType as Kind;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("below/one.tar.gz");
    let outside = folder.path().join("outside");
    let place = outside.display().to_string();
    let mut whole = Vec::new();
    for (kind, name, link) in [
        (Kind::Regular, "../../outside", ""),
        (Kind::Regular, "volume/../../../outside", ""),
        (Kind::Regular, place.as_str(), ""),
        (Kind::Symlink, "volume/link", place.as_str()),
        (Kind::Regular, "volume/link", ""),
        (Kind::Link, "volume/hard", "/etc/passwd"),
        (Kind::Char, "volume/null", ""),
        (Kind::Block, "volume/disk", ""),
        (Kind::Fifo, "volume/pipe", ""),
        (Kind::Directory, "/", ""),
        (Kind::Directory, "..", ""),
    ] {
        whole.extend(evil(kind, name, link, 0));
    }
    whole.extend([0; 1024]);
    // An archive is kept as it is; what is in it is judged before it is unpacked.
    let written = write(&path, incoming(&whole)).await.unwrap();
    let pieces: Vec<Bytes> = read(path.clone()).try_collect().await.unwrap();
    assert_eq!(pieces.concat(), whole);
    assert_eq!((written.contents.files, written.contents.bytes), (4, 0));
    assert!(!outside.exists() && std::fs::symlink_metadata(&outside).is_err());
    let found: Vec<_> = std::fs::read_dir(path.parent().unwrap()).unwrap().collect();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

/// What is said of an archive with these entries: kind, name, where it leads.
async fn judged(entries: &[(tar::EntryType, &str, &str)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("one.tar.gz");
    let mut whole = evil(tar::EntryType::Directory, "volume/", "", 0);
    for (kind, name, link) in entries {
        whole.extend(evil(*kind, name, link, 0));
    }
    whole.extend([0; 1024]);
    write(&path, incoming(&whole)).await.unwrap();
    match fits(&path).await {
        Ok(()) => "fits".to_owned(),
        Err(error) => {
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
            error.to_string()
        }
    }
}

#[tokio::test]
async fn what_could_leave_the_volume_is_named() {
    use tar::EntryType as Kind;
    for (kind, name, link, why) in [
        (Kind::Regular, "../../outside", "", "lies outside of the volume"),
        (Kind::Regular, "volume/../outside", "", "lies outside of the volume"),
        (Kind::Regular, "volume/a/../../outside", "", "lies outside of the volume"),
        (Kind::Regular, "/etc/passwd", "", "lies outside of the volume"),
        (Kind::Regular, "/volume/a", "", "lies outside of the volume"),
        (Kind::Regular, "./volume/a", "", "lies outside of the volume"),
        (Kind::Regular, "etc/passwd", "", "lies outside of the volume"),
        (Kind::Regular, "volumes/a", "", "lies outside of the volume"),
        (Kind::Regular, "volume//a", "", "lies outside of the volume"),
        (Kind::Directory, "/", "", "lies outside of the volume"),
        (Kind::Directory, "..", "", "lies outside of the volume"),
        (Kind::Symlink, "volume", "/etc", "stands in the place of the volume"),
        (
            Kind::Link,
            "volume/hard",
            "/etc/passwd",
            "is a hard link to what lies outside of the volume",
        ),
        (
            Kind::Link,
            "volume/hard",
            "../etc/passwd",
            "is a hard link to what lies outside of the volume",
        ),
        (
            Kind::Link,
            "volume/hard",
            "volume/../x",
            "is a hard link to what lies outside of the volume",
        ),
        (Kind::Link, "volume/hard", "volume", "is a hard link to what lies outside of the volume"),
        (Kind::Block, "volume/disk", "", "is a device"),
        (Kind::XGlobalHeader, "volume/global", "", "is of a kind that no volume has"),
    ] {
        let expect = format!("entry `{name}` of the archive {why}");
        assert_eq!(judged(&[(kind, name, link)]).await, expect);
    }
}

#[tokio::test]
async fn what_is_reached_through_a_link_is_named() {
    use tar::EntryType as Kind;
    let link = (Kind::Symlink, "volume/d/link", "/etc");
    let through = "is reached through a link of the archive";
    for (kind, name, to, why) in [
        (Kind::Regular, "volume/d/link/passwd", "", through),
        (Kind::Directory, "volume/d/link/", "", through),
        (Kind::Regular, "volume/d/link", "", through),
        (Kind::Symlink, "volume/d/link/x/y", "z", through),
        (
            Kind::Link,
            "volume/hard",
            "volume/d/link/passwd",
            "is a hard link to what is reached through a link",
        ),
    ] {
        let expect = format!("entry `{name}` of the archive {why}");
        assert_eq!(judged(&[link, (kind, name, to)]).await, expect);
    }
}

#[tokio::test]
async fn what_volumes_have_fits() {
    use tar::EntryType as Kind;
    let all = [
        (Kind::Directory, "volume/d/", ""),
        (Kind::Regular, "volume/d/..a", ""),
        (Kind::Symlink, "volume/d/link", "../../../etc/passwd"),
        (Kind::Symlink, "volume/absolute", "/etc"),
        (Kind::Regular, "volume/d/link2", ""),
        (Kind::Link, "volume/hard", "volume/d/..a"),
        (Kind::Link, "volume/d/same", "volume/d/link"),
        (Kind::Fifo, "volume/pipe", ""),
        // Major 1, minor 3.
        (Kind::Char, "volume/null", ""),
    ];
    assert_eq!(judged(&all).await, "fits");
}

#[tokio::test]
async fn sizes_that_an_archive_claims_are_not_believed() {
    use tar::EntryType as Kind;
    for (kind, size) in [
        (Kind::Regular, u64::MAX),
        (Kind::Regular, 1 << 62),
        (Kind::GNULongName, 1 << 62),
        (Kind::GNULongLink, 1 << 40),
        (Kind::XHeader, 1 << 40),
        (Kind::GNUSparse, 1 << 62),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("one.tar.gz");
        let mut whole = evil(kind, "volume/large", "", size);
        whole.extend([7; 4096]);
        // It ends long before: that is an end that came too soon, and nothing is kept.
        write(&path, incoming(&whole)).await.expect_err("too short");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "{kind:?}");
    }
}

#[tokio::test]
async fn nothing_is_written_or_read_through_a_link() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("one.tar.gz");
    let victim = folder.path().join("victim");
    std::fs::write(&victim, "precious").unwrap();
    // Where others may write, somebody may have put links under the names that will be used.
    for name in ["one.tar.gz", "one.tar.gz.part"] {
        std::os::unix::fs::symlink(&victim, folder.path().join(name)).unwrap();
    }
    let written = write(&path, incoming(&tar(&[("volume/a", 0o644, "alpha")]))).await.unwrap();
    assert_eq!(std::fs::read_to_string(&victim).unwrap(), "precious");
    verify(&path, &written.sha256).await.unwrap();

    let moved = folder.path().join("moved");
    std::fs::rename(&path, &moved).unwrap();
    std::os::unix::fs::symlink(&moved, &path).unwrap();
    let expect = "archive `one.tar.gz` is not a file";
    assert_eq!(verify(&path, &written.sha256).await.unwrap_err().to_string(), expect);
    let read: io::Result<Vec<Bytes>> = read(path.clone()).try_collect().await;
    assert_eq!(read.unwrap_err().to_string(), expect);
    std::fs::remove_file(&path).unwrap();
    // A pipe that nobody writes to would keep us for ever.
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &path,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    let to = folder.path().join("copy");
    assert_eq!(copy(&path, &to, &written.sha256).await.unwrap_err().to_string(), expect);
    assert!(!to.exists());
}
