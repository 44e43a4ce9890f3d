//! Secrets as files in the memory of the engine's machine: a directory for each container, on a file
//! system that has no disk, mounted into the container read-only.
//!
//! `in` holds what appears under `/run/secrets`, `at` the files that are mounted one by one elsewhere.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::os::unix::fs::{PermissionsExt as _, fchown};
use std::path::{Component, Path, PathBuf};

use sha2::{Digest, Sha256};

use super::connect::Connection;
use crate::engine::{BindMount, EngineError, SecretFile};

/// Where Docker's own secrets appear, too.
const PLACE: &str = "/run/secrets";
/// Characters of a directory's name.
const NAME_DIGITS: usize = 32;
/// What `statfs` says of file systems in memory: `tmpfs` and `ramfs`.
const IN_MEMORY: [i64; 2] = [0x0102_1994, 0x8584_58f6];

/// Puts the files of a container into the memory of the engine's machine.
pub(super) async fn put(
    connection: &Connection,
    uuid: &str,
    files: &[SecretFile],
) -> Result<Vec<BindMount>, EngineError> {
    let layout = layout(files).map_err(|detail| bad(uuid, detail))?;
    let name = name(uuid);
    let folder = if let Some(machine) = connection.machine() {
        let tar = archive(&layout).map_err(|error| bad(uuid, error.to_string()))?;
        PathBuf::from(machine.keep(&name, &tar).await?)
    } else if connection.is_local() {
        let (name, files) = (name.clone(), owned(&layout));
        let written = tokio::task::spawn_blocking(move || write(&places(), &name, &files)).await;
        let written = written.unwrap_or_else(|error| Err(io::Error::other(error)));
        written.map_err(|error| refused(uuid, &error))?
    } else {
        let detail = format!(
            "the memory of the machine behind {} cannot be reached from here, so it gets no secrets",
            connection.endpoint()
        );
        return Err(bad(uuid, detail));
    };
    Ok(mounts(&folder, &layout))
}

/// Removes what was put for a container.
pub(super) async fn remove(connection: &Connection, uuid: &str) -> Result<(), EngineError> {
    let name = name(uuid);
    if let Some(machine) = connection.machine() {
        return machine.discard(&name).await;
    }
    if !connection.is_local() {
        return Ok(());
    }
    let removed = tokio::task::spawn_blocking(move || discard(&places(), &name)).await;
    let removed = removed.unwrap_or_else(|error| Err(io::Error::other(error)));
    removed.map_err(|error| refused(uuid, &error))
}

/// The directory of a container. Uuids may be given by clients; this is only digits.
fn name(uuid: &str) -> String {
    hex::encode(Sha256::digest(uuid)).chars().take(NAME_DIGITS).collect()
}

/// A file with its path below the directory.
type Placed<'a> = (String, &'a SecretFile);

fn layout(files: &[SecretFile]) -> Result<Vec<Placed<'_>>, String> {
    let mut layout: Vec<Placed<'_>> = Vec::new();
    for file in files {
        let path = Path::new(&file.path);
        let plain = |part| matches!(part, Component::Normal(_) | Component::RootDir);
        if !path.is_absolute() || !path.components().all(plain) || file.path.ends_with('/') {
            return Err(format!("`{}` is not an absolute path of a file", file.path));
        }
        let below = path.strip_prefix(PLACE).ok().and_then(Path::to_str);
        let place = match below.filter(|below| !below.is_empty()) {
            Some(below) => format!("in/{below}"),
            None => format!("at/{}", layout.len()),
        };
        layout.retain(|(known, _)| *known != place);
        layout.push((place, file));
    }
    Ok(layout)
}

fn mounts(folder: &Path, layout: &[Placed<'_>]) -> Vec<BindMount> {
    let source = |place: &str| folder.join(place).to_string_lossy().into_owned();
    let mut mounts = Vec::new();
    if layout.iter().any(|(place, _)| place.starts_with("in/")) {
        mounts.push(BindMount { source: source("in"), target: PLACE.to_owned() });
    }
    let alone = layout.iter().filter(|(place, _)| place.starts_with("at/"));
    mounts.extend(
        alone.map(|(place, file)| BindMount { source: source(place), target: file.path.clone() }),
    );
    mounts
}

fn owned(layout: &[Placed<'_>]) -> Vec<(String, SecretFile)> {
    layout.iter().map(|(place, file)| (place.clone(), (*file).clone())).collect()
}

/// For a machine that is not this one. Folders are named so that they get their permissions.
fn archive(layout: &[Placed<'_>]) -> io::Result<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut made: Vec<PathBuf> = Vec::new();
    for (place, file) in layout {
        let folders: Vec<&Path> = Path::new(place).ancestors().skip(1).collect();
        for folder in folders.into_iter().rev().filter(|folder| *folder != Path::new("")) {
            if !made.iter().any(|known| known == folder) {
                let mut header = header(tar::EntryType::Directory, 0o755, 0);
                tar.append_data(&mut header, folder, io::empty())?;
                made.push(folder.to_owned());
            }
        }
        let mut header = header(tar::EntryType::Regular, file.mode, file.content.len());
        header.set_uid(file.uid.into());
        header.set_gid(file.gid.into());
        tar.append_data(&mut header, place, file.content.as_slice())?;
    }
    tar.into_inner()
}

fn header(kind: tar::EntryType, mode: u32, size: usize) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size as u64);
    header
}

/// Directories in memory, the one to prefer first.
fn places() -> Vec<PathBuf> {
    let me = rustix::process::geteuid();
    let run = me.is_root().then(|| PathBuf::from("/run/ranchette"));
    let own = std::env::var_os("XDG_RUNTIME_DIR").filter(|_| !me.is_root());
    let own = own.map(|folder| Path::new(&folder).join("ranchette"));
    let shared = PathBuf::from(format!("/dev/shm/ranchette-{}", me.as_raw()));
    run.into_iter().chain(own).chain([shared]).map(|place| place.join("secrets")).collect()
}

/// Writes the files; the directory they are below.
fn write(places: &[PathBuf], name: &str, files: &[(String, SecretFile)]) -> io::Result<PathBuf> {
    let base = places.iter().find(|place| prepare(place).is_ok()).ok_or_else(|| {
        let names: Vec<String> = places.iter().map(|place| place.display().to_string()).collect();
        let text = format!("none of {} is a folder of ours in memory", names.join(", "));
        io::Error::new(ErrorKind::PermissionDenied, text)
    })?;
    let folder = base.join(name);
    for (number, (place, file)) in files.iter().enumerate() {
        let path = folder.join(place);
        // Only the directory above these keeps others of the machine out.
        if let Some(above) = path.parent() {
            open_folders(base, above)?;
        }
        let part = folder.join(format!(".part{number}"));
        discard_file(&part)?;
        let mut options = OpenOptions::new();
        let mut written = options.write(true).create_new(true).mode(0o600).open(&part)?;
        written.write_all(&file.content)?;
        // Whoever gives a file away may not change its permissions any more.
        written.set_permissions(Permissions::from_mode(file.mode))?;
        give(&written, file)?;
        fs::rename(&part, &path)?;
    }
    Ok(folder)
}

/// Makes a directory in memory that is ours alone, or finds it.
fn prepare(place: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    for folder in place.parent().into_iter().chain([place]) {
        match builder.mode(0o700).create(folder) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let meta = fs::symlink_metadata(folder)?;
        let ours = meta.is_dir() && meta.uid() == rustix::process::geteuid().as_raw();
        if !ours || meta.mode() & 0o077 != 0 {
            return Err(ErrorKind::PermissionDenied.into());
        }
    }
    #[expect(clippy::useless_conversion, reason = "the type differs between processors")]
    let kind = i64::from(rustix::fs::statfs(place)?.f_type);
    if IN_MEMORY.contains(&kind) { Ok(()) } else { Err(ErrorKind::Unsupported.into()) }
}

/// Makes the directories between `base` and `folder`, open to whoever gets that far.
fn open_folders(base: &Path, folder: &Path) -> io::Result<()> {
    let between: Vec<&Path> = folder.ancestors().take_while(|above| *above != base).collect();
    for folder in between.into_iter().rev() {
        match fs::create_dir(folder) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            _ => fs::set_permissions(folder, Permissions::from_mode(0o755))?,
        }
    }
    Ok(())
}

/// Gives a file to its owner. Who may not give files away may still serve root, who reads everything.
fn give(written: &File, file: &SecretFile) -> io::Result<()> {
    let meta = written.metadata()?;
    if (meta.uid(), meta.gid()) == (file.uid, file.gid) {
        return Ok(());
    }
    match fchown(written, Some(file.uid), Some(file.gid)) {
        Err(_) if (file.uid, file.gid) == (0, 0) => Ok(()),
        Err(error) => {
            let text = format!("cannot give `{}` to {}:{}: {error}", file.path, file.uid, file.gid);
            Err(io::Error::new(error.kind(), text))
        }
        Ok(()) => Ok(()),
    }
}

fn discard_file(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn discard(places: &[PathBuf], name: &str) -> io::Result<()> {
    for place in places {
        match fs::remove_dir_all(place.join(name)) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            // A place that somebody else has is not where ours are.
            Err(error)
                if error.kind() == ErrorKind::PermissionDenied && prepare(place).is_err() => {}
            Err(error) => return Err(error),
            Ok(()) => {}
        }
    }
    Ok(())
}

fn bad(uuid: &str, detail: String) -> EngineError {
    EngineError::BadSpec { what: format!("secrets of container {uuid}"), detail }
}

fn refused(uuid: &str, error: &io::Error) -> EngineError {
    EngineError::PermissionDenied {
        what: format!("secrets of container {uuid}"),
        detail: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, mode: u32) -> SecretFile {
        let me = rustix::process::geteuid().as_raw();
        let group = rustix::process::getegid().as_raw();
        SecretFile { path: path.to_owned(), uid: me, gid: group, mode, content: b"moo".to_vec() }
    }

    #[test]
    fn paths_below_the_usual_place_are_mounted_together_and_others_alone() {
        let files = [file("/run/secrets/a", 0o444), file("/etc/key", 0o400)];
        let mounts = mounts(Path::new("/m/x"), &layout(&files).unwrap());
        let mounts: Vec<String> =
            mounts.iter().map(|mount| format!("{}:{}", mount.source, mount.target)).collect();
        assert_eq!(mounts, ["/m/x/in:/run/secrets", "/m/x/at/1:/etc/key"]);
        for bad in ["key", "/etc/../key", "/run/secrets/", "/"] {
            let refused = layout(&[file(bad, 0o444)]).unwrap_err();
            assert_eq!(refused, format!("`{bad}` is not an absolute path of a file"));
        }
    }

    #[test]
    fn files_are_written_into_memory_with_their_permissions_and_replaced() {
        // What is tried before is on a disk, or may not be written.
        let places = [PathBuf::from("/proc/ranchette/secrets"), memory("written")];
        let name = name("a uuid");
        let files = [file("/run/secrets/deep/a", 0o440), file("/etc/key", 0o400)];
        let files = owned(&layout(&files).unwrap());
        for _ in 0..2 {
            let folder = write(&places, &name, &files).unwrap();
            assert_eq!(folder, places[1].join(&name));
            let secret = folder.join("in/deep/a");
            assert_eq!(fs::read(&secret).unwrap(), b"moo");
            let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o7777;
            assert_eq!(mode(&secret), 0o440);
            assert_eq!(mode(&folder.join("at/1")), 0o400);
            assert_eq!(mode(&folder.join("in/deep")), 0o755);
            assert_eq!(mode(&places[1]), 0o700);
        }
        discard(&places, &name).unwrap();
        discard(&places, &name).unwrap();
        assert!(!places[1].join(&name).exists());
        fs::remove_dir_all(places[1].parent().unwrap()).unwrap();
    }

    #[test]
    fn a_place_on_a_disk_or_of_others_is_not_used() {
        let disk = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        let open = memory("open");
        fs::create_dir_all(&open).unwrap();
        fs::set_permissions(&open, Permissions::from_mode(0o755)).unwrap();
        let places = [disk.path().join("secrets"), open.clone()];
        let refused = write(&places, "x", &[]).unwrap_err().to_string();
        assert!(refused.ends_with("is a folder of ours in memory"), "{refused}");
        fs::remove_dir_all(open.parent().unwrap()).unwrap();
    }

    /// A place of this test in memory.
    fn memory(test: &str) -> PathBuf {
        PathBuf::from(format!("/dev/shm/ranchette-{test}-{}/secrets", std::process::id()))
    }

    #[test]
    fn another_machine_gets_the_files_with_their_folders() {
        let files = [file("/run/secrets/deep/a", 0o440), file("/etc/key", 0o400)];
        let tar = archive(&layout(&files).unwrap()).unwrap();
        let mut found = Vec::new();
        for entry in tar::Archive::new(tar.as_slice()).entries().unwrap() {
            let entry = entry.unwrap();
            let mode = entry.header().mode().unwrap();
            found.push(format!("{} {mode:o}", entry.path().unwrap().display()));
        }
        assert_eq!(found, ["in 755", "in/deep 755", "in/deep/a 440", "at 755", "at/1 400"]);
    }
}
