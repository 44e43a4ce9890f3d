//! A build context as a tar stream: a folder without what `.dockerignore` leaves out.

use std::fs::{File, Metadata};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use tar::{Builder, EntryType, Header};
use tokio::sync::mpsc;

use super::dockerignore::Ignore;
use super::project::tidy;
use crate::compose::Build;
use crate::folder::ordinary;

/// Bytes that are sent at once.
const PIECE: usize = 64 << 10;
/// Pieces between the disk and the network.
const PIECES: usize = 8;
/// Where a Dockerfile from elsewhere is put in the context.
const OWN_DOCKERFILE: &str = ".ranchette.Dockerfile";

/// What to send for a build.
#[derive(Clone, Debug)]
pub struct Context {
    folder: PathBuf,
    dockerfile: Dockerfile,
    ignore: Ignore,
}

/// Where the Dockerfile comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Dockerfile {
    /// In the context, at this path.
    Inside(String),
    /// Text that is put there.
    Added(Vec<u8>),
}

impl Context {
    /// The context that a `build` section means; `folder` is the project's.
    ///
    /// # Errors
    /// When the folder or the Dockerfile cannot be read.
    pub fn open(folder: &Path, build: &Build) -> io::Result<Self> {
        let folder = folder.join(&build.context);
        if !std::fs::metadata(&folder)?.is_dir() {
            return Err(io::Error::other("is not a folder"));
        }
        let folder = folder.canonicalize()?;
        let dockerfile = dockerfile(&folder, build)?;
        let ignore = ignore(&folder, &dockerfile)?;
        Ok(Context { folder, dockerfile, ignore })
    }

    /// The Dockerfile's path in the context.
    pub fn dockerfile(&self) -> &str {
        match &self.dockerfile {
            Dockerfile::Inside(path) => path,
            Dockerfile::Added(_) => OWN_DOCKERFILE,
        }
    }

    /// The context as a stream, read by a thread of its own.
    pub fn into_stream(self) -> impl futures_util::Stream<Item = io::Result<Bytes>> {
        let (to, from) = mpsc::channel(PIECES);
        tokio::task::spawn_blocking(move || {
            let pieces = Pieces { to: to.clone(), piece: Vec::with_capacity(PIECE) };
            if let Err(error) = self.write(pieces) {
                // The receiver has gone when the server did not want the rest.
                let _ = to.blocking_send(Err(error));
            }
        });
        futures_util::stream::unfold(from, async |mut from: mpsc::Receiver<io::Result<Bytes>>| {
            from.recv().await.map(|piece| (piece, from))
        })
    }

    /// Writes the whole archive.
    fn write(&self, to: impl Write) -> io::Result<()> {
        let mut tar = Builder::new(to);
        tar.follow_symlinks(false);
        if let Dockerfile::Added(text) = &self.dockerfile {
            let mut header = header(EntryType::Regular, 0o644, 0);
            header.set_size(text.len() as u64);
            tar.append_data(&mut header, OWN_DOCKERFILE, text.as_slice())?;
        }
        self.add_folder(&mut tar, &self.folder, "")?;
        tar.into_inner()?.flush()
    }

    /// Adds what is in a folder, in the order of names so that equal contexts are equal archives.
    fn add_folder(
        &self,
        tar: &mut Builder<impl Write>,
        folder: &Path,
        inside: &str,
    ) -> io::Result<()> {
        let mut entries: Vec<_> =
            std::fs::read_dir(folder).map_err(|e| named(folder, e))?.collect::<io::Result<_>>()?;
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name();
            let Some(name) = name.to_str() else {
                return Err(named(&entry.path(), io::Error::other("its name is not UTF-8")));
            };
            let inside = match inside {
                "" => name.to_owned(),
                folder => format!("{folder}/{name}"),
            };
            self.add(tar, &entry.path(), &inside)?;
        }
        Ok(())
    }

    fn add(&self, tar: &mut Builder<impl Write>, path: &Path, inside: &str) -> io::Result<()> {
        let meta = std::fs::symlink_metadata(path).map_err(|e| named(path, e))?;
        let left_out = !self.is_needed(inside) && self.ignore.leaves_out(inside);
        if meta.is_dir() {
            if !left_out {
                let mut header = header_of(&meta, EntryType::Directory);
                tar.append_data(&mut header, format!("{inside}/"), io::empty())?;
            }
            if !left_out || self.ignore.may_take_in_below(inside) || self.leads_to_needed(inside) {
                self.add_folder(tar, path, inside)?;
            }
            return Ok(());
        }
        // Sockets and pipes have no content; Docker leaves them out, too. What devices have is no part of the
        // folder.
        if left_out || !(meta.is_file() || meta.is_symlink()) {
            return Ok(());
        }
        if meta.is_symlink() {
            let target = std::fs::read_link(path).map_err(|e| named(path, e))?;
            let mut header = header_of(&meta, EntryType::Symlink);
            return tar.append_link(&mut header, inside, target).map_err(|e| named(path, e));
        }
        let file = opened(path).map_err(|e| named(path, e))?;
        // It may be another file by now.
        let meta = file.metadata().map_err(|e| named(path, e))?;
        if !meta.is_file() {
            return Ok(());
        }
        let mut header = header_of(&meta, EntryType::Regular);
        header.set_size(meta.len());
        // A file that grows meanwhile must not break the archive.
        let bytes = io::Read::take(file, meta.len());
        tar.append_data(&mut header, inside, bytes).map_err(|e| named(path, e))
    }

    /// The Dockerfile and `.dockerignore` are sent whatever the patterns say: the builder needs them.
    fn is_needed(&self, inside: &str) -> bool {
        inside == self.dockerfile() || inside == ".dockerignore"
    }

    fn leads_to_needed(&self, folder: &str) -> bool {
        self.dockerfile().strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
    }
}

/// Opens a file that was none but a file when it was looked at: not through a link, and without waiting for
/// whoever may have put a pipe there since.
fn opened(path: &Path) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    Ok(File::from(rustix::fs::open(path, flags, Mode::empty())?))
}

fn dockerfile(folder: &Path, build: &Build) -> io::Result<Dockerfile> {
    if let Some(text) = &build.dockerfile_inline {
        return Ok(Dockerfile::Added(text.clone().into_bytes()));
    }
    let name = build.dockerfile.as_deref().unwrap_or("Dockerfile");
    let path = folder.join(name);
    let found = path.canonicalize().map_err(|error| named(&path, error))?;
    match found.strip_prefix(folder).ok().and_then(Path::to_str) {
        // A link is sent as a link, so its own name is the one that the builder can open.
        Some(_) if !name.starts_with('/') && !name.contains("..") => {
            Ok(Dockerfile::Inside(name.trim_start_matches("./").to_owned()))
        }
        Some(inside) => Ok(Dockerfile::Inside(inside.to_owned())),
        // Whoever names a file that is elsewhere means it; a link only says that it is here.
        None if tidy(&path).starts_with(folder) => {
            Err(named(&path, io::Error::other("is a link that leads out of the build context")))
        }
        None => {
            let text = ordinary(&found).map_err(|why| named(&path, why.into()))?;
            Ok(Dockerfile::Added(text))
        }
    }
}

/// `<dockerfile>.dockerignore` comes before `.dockerignore`.
fn ignore(folder: &Path, dockerfile: &Dockerfile) -> io::Result<Ignore> {
    let own = match dockerfile {
        Dockerfile::Inside(path) => Some(folder.join(format!("{path}.dockerignore"))),
        Dockerfile::Added(_) => None,
    };
    for path in own.into_iter().chain([folder.join(".dockerignore")]) {
        match ordinary(&path).map_err(io::Error::from) {
            Ok(text) => {
                let text =
                    String::from_utf8(text).map_err(|e| named(&path, io::Error::other(e)))?;
                return Ok(Ignore::parse(&text));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(named(&path, error)),
        }
    }
    Ok(Ignore::default())
}

/// Files belong to root in the image, whoever owns them here.
fn header(kind: EntryType, mode: u32, mtime_s: i64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode & 0o7777);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(u64::try_from(mtime_s).unwrap_or_default());
    header.set_size(0);
    header
}

fn header_of(meta: &Metadata, kind: EntryType) -> Header {
    header(kind, meta.mode(), meta.mtime())
}

fn named(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// Collects what is written into pieces for a channel.
struct Pieces {
    to: mpsc::Sender<io::Result<Bytes>>,
    piece: Vec<u8>,
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE));
        let sent = self.to.blocking_send(Ok(piece.into()));
        sent.map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use futures_util::TryStreamExt as _;
    use std::os::unix::fs::PermissionsExt;

    async fn check(files: &[(&str, &str)], build: Build, expect: Expect) {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            match text.strip_prefix("-> ") {
                Some(target) => std::os::unix::fs::symlink(target, &path).unwrap(),
                None => std::fs::write(&path, text).unwrap(),
            }
            if name.ends_with(".sh") {
                std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
            }
        }
        let context = match Context::open(dir.path(), &build) {
            Ok(context) => context,
            Err(error) => {
                let root = dir.path().canonicalize().unwrap().display().to_string();
                return expect.assert_eq(&error.to_string().replace(&root, "ROOT"));
            }
        };
        let mut shown = format!("Dockerfile is {}\n", context.dockerfile());
        let pieces: Vec<Bytes> = context.into_stream().try_collect().await.unwrap();
        let archive = pieces.concat();
        let mut archive = tar::Archive::new(archive.as_slice());
        for entry in archive.entries().unwrap() {
            let entry = entry.unwrap();
            let header = entry.header();
            let mode = if header.mode().unwrap() & 0o100 == 0 { "-" } else { "x" };
            let link = header.link_name().unwrap().map(|to| format!(" -> {}", to.display()));
            let path = entry.path().unwrap().display().to_string();
            shown.push_str(&format!(
                "{mode} {} {path}{}\n",
                header.uid().unwrap(),
                link.unwrap_or_default()
            ));
        }
        expect.assert_eq(&shown);
    }

    fn at(context: &str) -> Build {
        Build { context: context.to_owned(), ..Build::default() }
    }

    #[tokio::test]
    async fn a_context_without_what_is_ignored() {
        let files = [
            ("app/Dockerfile", "FROM scratch"),
            ("app/.dockerignore", "*\n!src\nsrc/*.tmp\n!run.sh"),
            ("app/src/deep/main.c", "int"),
            ("app/src/x.tmp", ""),
            ("app/run.sh", "#!/bin/sh"),
            ("app/link", "-> run.sh"),
            ("app/src/link", "-> ../run.sh"),
            ("app/target/big", ""),
            ("outside", ""),
        ];
        check(
            &files,
            at("app"),
            expect![[r#"
                Dockerfile is Dockerfile
                - 0 .dockerignore
                - 0 Dockerfile
                x 0 run.sh
                x 0 src/
                x 0 src/deep/
                - 0 src/deep/main.c
                x 0 src/link -> ../run.sh
            "#]],
        )
        .await;
    }

    #[tokio::test]
    async fn dockerfiles_from_elsewhere() {
        let files = [
            ("app/a", ""),
            ("app/docker/Dockerfile", ""),
            ("app/.dockerignore", "docker"),
            ("other/Dockerfile", "FROM scratch"),
        ];
        let inside = Build { dockerfile: Some("docker/Dockerfile".to_owned()), ..at("app") };
        check(
            &files,
            inside,
            expect![[r#"
                Dockerfile is docker/Dockerfile
                - 0 .dockerignore
                - 0 a
                - 0 docker/Dockerfile
            "#]],
        )
        .await;
        let outside = Build { dockerfile: Some("../other/Dockerfile".to_owned()), ..at("app") };
        check(
            &files,
            outside,
            expect![[r#"
                Dockerfile is .ranchette.Dockerfile
                - 0 .ranchette.Dockerfile
                - 0 .dockerignore
                - 0 a
            "#]],
        )
        .await;
        let inline = Build { dockerfile_inline: Some("FROM scratch".to_owned()), ..at("other") };
        check(
            &files,
            inline,
            expect![[r#"
                Dockerfile is .ranchette.Dockerfile
                - 0 .ranchette.Dockerfile
                - 0 Dockerfile
            "#]],
        )
        .await;
    }

    #[tokio::test]
    async fn links_lead_nowhere() {
        let files = [
            ("app/Dockerfile", "-> ../outside"),
            ("app/inside", "FROM scratch"),
            ("app/named", "-> inside"),
            ("app/folder", "-> .."),
            ("outside", "hidden"),
            ("Dockerfile", "hidden"),
        ];
        let named = |name: &str| Build { dockerfile: Some(name.to_owned()), ..at("app") };
        let out = expect!["ROOT/app/Dockerfile: is a link that leads out of the build context"];
        check(&files, at("app"), out).await;
        let out =
            expect!["ROOT/app/folder/Dockerfile: is a link that leads out of the build context"];
        check(&files, named("folder/Dockerfile"), out).await;
        check(
            &files,
            named("./named"),
            expect![[r#"
                Dockerfile is named
                x 0 Dockerfile -> ../outside
                x 0 folder -> ..
                - 0 inside
                x 0 named -> inside
            "#]],
        )
        .await;
        let device = expect!["/dev/zero: is not a file"];
        check(&files, named("/dev/zero"), device).await;
    }

    #[tokio::test]
    async fn contexts_that_cannot_be_read() {
        check(
            &[("a", "")],
            at("."),
            expect!["ROOT/Dockerfile: No such file or directory (os error 2)"],
        )
        .await;
        check(&[("a", "")], at("a"), expect!["is not a folder"]).await;
        check(&[], at("none"), expect!["No such file or directory (os error 2)"]).await;
    }
}
